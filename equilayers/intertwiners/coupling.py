"""Coupling coefficients of any group: an orthonormal basis of Hom(a (x) b, c)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from equilayers.errors import GroupMismatch, NotCertified
from equilayers.intertwiners.solver import hom
from equilayers.numerics import canonical_basis, isolated
from equilayers.representations import Irrep, Representation
from equilayers.representations.so3 import wigner_3j

__all__ = ["clebsch_gordan"]


@isolated
def clebsch_gordan(a: Representation, b: Representation, c: Representation) -> np.ndarray:
    r"""Coefficients C with :math:`\sum_{ij} C_{kijm}\, x_i\, y_j` equivariant in x of a and y of b, with values in c.

    .. math:: C_k\,(a(g) \otimes b(g)) = c(g)\,C_k, \qquad \langle C_k, C_l \rangle = \delta_{kl}

    For irreps of SO(3) and O(3) they have e3nn's values and signs, Frobenius norm 1 (an isometry into c is
    :math:`\sqrt{\dim c}` times that). For all other representations they are the canonical basis of the space; where
    a = b the symmetric couplings come first, then the antisymmetric. ``eq.hom(a @ b, c)`` spans the same maps, perhaps
    with other signs.

    Args:
        a, b, c: representations of one group, irreducible or not.

    Returns:
        ``(k, a.dim, b.dim, c.dim)`` float64; k is the multiplicity of c in a (x) b times the dimension of c's
        commutant, and 0 where c does not occur.

    Raises:
        GroupMismatch: they represent different groups.

    Example:
        >>> import equilayers as eq
        >>> one = eq.irrep(eq.group("SO(3)"), "1")
        >>> clebsch_gordan(one, one, one)[0, :, :, 2].round(3).tolist()
        [[0.0, 0.408, 0.0], [-0.408, 0.0, 0.0], [0.0, 0.0, 0.0]]

    Source: Racah, Theory of Complex Spectra II (1942), equation 16, for SO(3); Schur's lemma elsewhere.
    """
    if not a.group == b.group == c.group:
        raise GroupMismatch(
            "A coupling needs three representations of one group.",
            {"a": repr(a), "b": repr(b), "c": repr(c)},
            "Restrict them to a common subgroup.",
        )
    degrees = _degrees((a, b, c))
    if degrees is not None:
        return _of_rotations(degrees)
    maps = hom(a @ b, c).basis().reshape(-1, c.dim, a.dim, b.dim).transpose(0, 2, 3, 1)
    basis = maps.reshape(len(maps), a.dim * b.dim * c.dim).T
    parts = [basis]
    if a == b and len(maps):
        parts = _by_symmetry(maps, basis)
    canonical = np.concatenate([canonical_basis(part) for part in parts], 1)
    return canonical.T.reshape(-1, a.dim, b.dim, c.dim)


def _degrees(irreps: Sequence[Representation]) -> tuple[tuple[int, int], ...] | None:
    """Degree and parity of each, for irreps of SO(3) and O(3); None for others."""
    group = irreps[0].group
    if group.family not in ("SO", "O") or group.parameters != (3,) or not all(isinstance(i, Irrep) for i in irreps):
        return None
    labels = [i.label for i in irreps if isinstance(i, Irrep)]
    return tuple((int(label.rstrip("eo")), -1 if label.endswith("o") else 1) for label in labels)


def _of_rotations(degrees: tuple[tuple[int, int], ...]) -> np.ndarray:
    (l1, p1), (l2, p2), (l3, p3) = degrees
    if p1 * p2 != p3 or not abs(l1 - l2) <= l3 <= l1 + l2:
        return np.zeros((0, 2 * l1 + 1, 2 * l2 + 1, 2 * l3 + 1))
    return np.array(wigner_3j(l1, l2, l3))[None]


def _by_symmetry(maps: np.ndarray, basis: np.ndarray) -> list[np.ndarray]:
    """Bases of the couplings that exchange of x and y keeps, and of those that it reverses."""
    swapped = maps.transpose(0, 2, 1, 3).reshape(len(maps), -1).T
    exchange = basis.T @ swapped
    values, vectors = np.linalg.eigh((exchange + exchange.T) / 2)
    if np.abs(np.abs(values) - 1).max() > 1e-9:
        raise NotCertified(
            "Exchanging the factors must keep the space of couplings.",
            {"eigenvalues": values.round(6)},
            "Check the representation: its images on the generators do not commute with an exchange of factors.",
        )
    return [basis @ vectors[:, values > 0], basis @ vectors[:, values < 0]]
