"""Groups by their usual names."""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches

from equilayers.errors import BadGroup
from equilayers.groups.cyclic import Cyclic, Trivial
from equilayers.groups.dicyclic import BinaryPolyhedral, Dicyclic
from equilayers.groups.dihedral import Dihedral
from equilayers.groups.finite_linear import FiniteLinear
from equilayers.groups.frobenius import Frobenius
from equilayers.groups.group import Group
from equilayers.groups.heisenberg import FiniteHeisenberg
from equilayers.groups.inhomogeneous import Galilei, Inhomogeneous, RealHeisenberg, Scaling
from equilayers.groups.linear import GeneralLinear, SpecialLinear, Symplectic
from equilayers.groups.mathieu import Mathieu
from equilayers.groups.orthogonal import Indefinite, Orthogonal, SpecialOrthogonal
from equilayers.groups.point import HERMANN_MAUGUIN, PointGroup
from equilayers.groups.polyhedral import Polyhedral
from equilayers.groups.product import direct_product
from equilayers.groups.quaternion import Quaternion
from equilayers.groups.rubik import Rubik
from equilayers.groups.signed import SignedPermutations
from equilayers.groups.symmetric import Alternating, Symmetric
from equilayers.groups.unitary import CompactSymplectic, SpecialUnitary, Unitary, UnitQuaternions
from equilayers.groups.wreath import wreath
from equilayers.numerics import derived

__all__ = ["group"]

_NAMES: list[tuple[str, Callable[[re.Match[str]], Group]]] = [
    (r"trivial|1", lambda m: Trivial()),
    (r"C(\d+)", lambda m: Cyclic(int(m[1]))),
    (r"D(\d+)", lambda m: Dihedral(int(m[1]))),
    (r"S(\d+)", lambda m: Symmetric(int(m[1]))),
    (r"A(\d+)", lambda m: Alternating(int(m[1]))),
    (r"Q8", lambda m: Quaternion()),
    (r"Dic(\d+)", lambda m: Dicyclic(int(m[1]))),
    (r"2[TOI]", lambda m: BinaryPolyhedral(m[0])),
    (r"B(\d+)", lambda m: SignedPermutations(int(m[1]))),
    (r"F(\d+)", lambda m: Frobenius.of_order(int(m[1]))),
    (r"(P?[GS]L)\((\d+),\s*(\d+)\)", lambda m: FiniteLinear(m[1], int(m[2]), int(m[3]))),
    (r"Heis\((\d+)\)", lambda m: FiniteHeisenberg(int(m[1]))),
    (r"M(11|12|22|23|24)", lambda m: Mathieu(int(m[1]))),
    (r"Rubik", lambda m: Rubik()),
    (r"T|O|I|Oh|Ih", lambda m: Polyhedral(m[0])),
    (r"O_h|I_h", lambda m: Polyhedral(m[0].replace("_", ""))),
    (r"SO\((\d+)\)", lambda m: SpecialOrthogonal(int(m[1]))),
    (r"O\((\d+)\)", lambda m: Orthogonal(int(m[1]))),
    (r"SU\(2\)", lambda m: UnitQuaternions()),
    (r"SU\((\d+)\)", lambda m: SpecialUnitary(int(m[1]))),
    (r"(SO\+?|O\+?)\((\d+),\s*(\d+)\)", lambda m: Indefinite(int(m[2]), int(m[3]), m[1])),
    (r"Lorentz", lambda m: Indefinite(1, 3, "O")),
    (r"U\((\d+)\)", lambda m: Unitary(int(m[1]))),
    (r"USp\((\d+)\)", lambda m: UnitQuaternions() if m[1] == "2" else CompactSymplectic(int(m[1]))),
    (r"Sp\((\d+)(?:,\s*R)?\)", lambda m: Symplectic(int(m[1]))),
    (r"GL\((\d+)(?:,\s*R)?\)", lambda m: GeneralLinear(int(m[1]))),
    (r"SL\((\d+)(?:,\s*(R|C))?\)", lambda m: SpecialLinear(int(m[1]), m[2] or "R")),
    (r"E\((\d+)\)", lambda m: Inhomogeneous(Orthogonal(int(m[1])), m[0])),
    (r"SE\((\d+)\)", lambda m: Inhomogeneous(SpecialOrthogonal(int(m[1])), m[0])),
    (r"Aff\((\d+)\)", lambda m: Inhomogeneous(GeneralLinear(int(m[1])), m[0])),
    (r"Poincare(\+?)", lambda m: Inhomogeneous(Indefinite(1, 3, "SO+" if m[1] else "O"), m[0])),
    (r"Galilei(?:\((\d+)\))?", lambda m: Galilei(int(m[1] or 3))),
    (r"Heisenberg(?:\((\d+)\))?", lambda m: RealHeisenberg(int(m[1] or 1))),
    (r"Scaling(?:\((\d+)\))?", lambda m: Scaling(int(m[1] or 1))),
    (r"C[2346][vh]|C3i|Ci|Cs|D[23]d|D[2346]h|Th|Td", lambda m: PointGroup(m[0])),
    ("|".join(re.escape(name) for name in HERMANN_MAUGUIN if name != "1"), lambda m: PointGroup(m[0])),
]


@derived
def group(name: str) -> Group:
    """The group of that name; factors of a direct product are joined by " x ", of a wreath product by " wr ".

    Args:
        name: ``C4 D8 S5 A5 Q8 T O I Oh Ih SO(2) O(2) SO(3) O(3) SU(2) SU(3) SO(1,3) SO+(1,3) O(1,3) trivial`` and so
            on, also ``Dic3 2T 2O 2I F21 PSL(2,7) SL(2,5) Heis(3) M11 B3 Rubik``, ``U(2) USp(4) Sp(4) SL(2,C) SE(3)
            Poincare``; a point group, ``m-3m`` or ``D2d``; or a product such as ``"SO(3) x S4"`` or ``"S2 wr S3"``.
            :func:`catalogue` lists them.

    Raises:
        BadGroup: no group has this name.

    Example:
        >>> group("D4").order, group("SO(3) x S4").lie_dim, group("S50").order > 10**64
        (8, 3, True)
    """
    if isinstance(name, str) and " x " in name:
        return direct_product(*(group(part) for part in name.split(" x ")))
    if isinstance(name, str) and " wr " in name:
        return wreath(*(group(part) for part in name.rsplit(" wr ", 1)))
    for pattern, make in _NAMES if isinstance(name, str) else ():
        match = re.fullmatch(pattern, name.strip())
        if match:
            return make(match)
    raise BadGroup(
        "No group has this name.",
        {"name": repr(name), "near it": _near(str(name))},
        'List names by eq.groups.catalogue(); join factors by " x "; or describe it: FiniteGroup.from_permutations.',
    )


def _near(name: str) -> str:
    from equilayers.groups.catalogue import catalogue  # which looks its groups up here

    known = [entry.name for entry in catalogue()]
    return " ".join(get_close_matches(name, known, n=5, cutoff=0.4)) or "nothing"
