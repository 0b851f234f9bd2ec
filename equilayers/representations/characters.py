"""Characters: traces of representations, exact on the classes of a finite group, and tables of them."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import GroupMismatch, NotCertified
from equilayers.groups import ConjugacyClasses, FiniteGroup, Group
from equilayers.numerics import derived, derived_property
from equilayers.representations.algebra import Sum, TensorProduct
from equilayers.representations.constructors import finite
from equilayers.representations.cyclotomic import RealCyclotomic
from equilayers.representations.representation import Irrep, Representation

__all__ = ["Character", "CharacterTable", "character", "character_table"]

ROUNDING = 1e-5  # multiplicities of eigenvalues are integers; further from one than this, V is no representation


def trace(v: Representation, g: Tensor) -> Tensor:
    """``(*b,)`` traces at elements ``(*b, *element_shape)``; sums and products are not built."""
    if isinstance(v, Sum):
        batch = g.shape[: g.ndim - len(v.group.element_shape)]
        zero = torch.zeros(batch, dtype=torch.float64, device=g.device)
        return sum((m * trace(atom, g) for m, atom in v.terms), zero)
    if isinstance(v, TensorProduct):
        return torch.stack([trace(factor, g) for factor in v.factors]).prod(0)
    return v(g).diagonal(dim1=-2, dim2=-1).sum(-1)


@derived
def _power_classes(group: FiniteGroup) -> tuple[np.ndarray, ...]:
    """For each class the classes of the powers 0, 1, ..., order - 1 of its members."""
    classes = group.conjugacy_classes
    members = classes.representatives
    power, table = (
        group.identity.expand_as(members),
        np.zeros((len(classes), int(classes.orders.max())), dtype=np.int64),
    )
    for k in range(table.shape[1]):
        still = torch.from_numpy(np.flatnonzero(classes.orders > k))
        table[still.numpy(), k] = classes.labels[group.index(power[still]).numpy()]
        power = group.compose(members, power)
    return tuple(row[:order] for row, order in zip(table, classes.orders, strict=True))


class Character:
    r""":math:`\chi(g) = \operatorname{tr} V(g)`, at elements of any group, and exactly on the classes of a finite one.

    Made by :func:`character`. Characters are equal where their values are, whatever the representations.

    Example:
        >>> import equilayers as eq
        >>> V = eq.defining(eq.group("D4"))
        >>> eq.character(V + V) == eq.character(2 * V), eq.character(V)(V.group.identity).item()
        (True, 2.0)

    Attributes:
        representation: the representation V.
        group: its group.
    """

    def __init__(self, representation: Representation) -> None:
        self.representation, self.group = representation, representation.group

    def __call__(self, g: Tensor) -> Tensor:
        """``(*b,)`` float64 values at elements ``(*b, *element_shape)``."""
        return trace(self.representation, g)

    @property
    def classes(self) -> ConjugacyClasses:
        """The group's conjugacy classes, in whose order values come."""
        return finite(self.group, "A character by class").conjugacy_classes

    @derived_property
    def exact(self) -> tuple[RealCyclotomic, ...]:
        r"""The value on every class, from the multiplicities of the eigenvalues :math:`\zeta^j` of a member of order n.

        .. math:: m_j = \tfrac1n \sum_k \chi(g^k)\, \zeta^{-jk}

        Raises:
            NotCertified: a multiplicity is not an integer of at least 0.
        """
        traces = self(self.classes.representatives).detach().numpy()
        values = []
        for powers in _power_classes(cast(FiniteGroup, self.group)):
            multiplicities = np.fft.fft(traces[powers]) / len(powers)
            rounded = np.round(multiplicities.real)
            residual = float(np.abs(multiplicities - rounded).max())
            if not (residual < ROUNDING and rounded.min() >= 0):
                raise NotCertified(
                    "The multiplicities of eigenvalues must be integers of at least 0.",
                    {"representation": repr(self.representation), "residual": f"{residual:.2e}"},
                    "Check the representation with equilayers.testing.check_representation.",
                )
            values.append(RealCyclotomic.from_multiplicities(tuple(int(m) for m in rounded)))
        return tuple(values)

    @derived_property
    def values(self) -> np.ndarray:
        """``(classes,)`` float64: the exact values, rounded once."""
        return np.array([float(value) for value in self.exact])

    def inner(self, other: Character) -> int:
        r"""The dimension of Hom(V, W), :math:`\tfrac1{|G|} \sum_g \chi(g)\,\psi(g)`.

        Raises:
            GroupMismatch: the characters belong to different groups.
        """
        if other.group != self.group:
            raise GroupMismatch(
                "An inner product needs characters of one group.",
                {"V": repr(self.representation), "W": repr(other.representation)},
                "Restrict one of the representations: eq.restrict(V, H).",
            )
        mean = float((self.classes.sizes * self.values * other.values).sum() / cast(int, self.group.order))
        if not abs(mean - round(mean)) < ROUNDING:
            raise NotCertified(
                "The inner product of characters must be an integer.",
                {"V": repr(self.representation), "W": repr(other.representation), "found": mean},
                "Check both representations with equilayers.testing.check_representation.",
            )
        return round(mean)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Character) or self.group != other.group:
            return False
        if self.representation == other.representation:
            return True
        return isinstance(self.group, FiniteGroup) and self.exact == other.exact

    def __hash__(self) -> int:
        return hash((self.group, self.representation.dim))

    def __str__(self) -> str:
        if not isinstance(self.group, FiniteGroup):
            return f"the character of {self.representation!r}"
        return "  ".join(map(str, self.exact))

    def __repr__(self) -> str:
        return f"Character({self})"


def character(v: Representation) -> Character:
    r"""The character of a representation, :math:`\chi(g) = \operatorname{tr} V(g)`.

    Example:
        >>> import equilayers as eq
        >>> print(eq.character(eq.irrep(eq.group("D5"), "E1")))
        2  0  (-1+√5)/2  (-1-√5)/2
        >>> chi = eq.character(eq.regular(eq.group("S3")))
        >>> chi.values.tolist(), chi.inner(chi)
        ([6.0, 0.0, 0.0], 6)

    Source: Serre, Linear Representations of Finite Groups (1977), chapter 2.
    """
    return Character(v)


class CharacterTable:
    """The characters of all real irreps of a finite group, by class; it prints as a table.

    Made by :func:`character_table`. A complex or quaternionic irrep stands for a pair of conjugate complex ones, or
    for one taken twice, so there are fewer rows than columns where such irreps exist.

    Example:
        >>> import equilayers as eq
        >>> table = eq.character_table(eq.group("S3"))
        >>> [irrep.label for irrep in table.irreps], len(table.names)
        (['[3]', '[1,1,1]', '[2,1]'], 3)

    Attributes:
        group: the group.
        irreps: its irreps, one for each row.
        characters: theirs.
        names: a name for each class: the order of its elements and a letter.
    """

    def __init__(self, group: FiniteGroup, irreps: tuple[Irrep, ...]) -> None:
        self.group, self.irreps = group, irreps
        self.characters = tuple(Character(i) for i in irreps)
        self.names = _class_names(group.conjugacy_classes.orders)

    @derived_property
    def values(self) -> np.ndarray:
        """``(irreps, classes)`` float64."""
        return np.array([chi.values for chi in self.characters])

    def __str__(self) -> str:
        classes = self.group.conjugacy_classes
        rows = [["class", "", *self.names], ["size", "", *map(str, classes.sizes)]]
        rows += [[i.label, i.type, *map(str, chi.exact)] for i, chi in zip(self.irreps, self.characters, strict=True)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [f"{self.group}, order {self.group.order}"]
        for row in rows:
            left = [cell.ljust(width) for cell, width in zip(row[:2], widths[:2], strict=True)]
            right = [cell.rjust(width) for cell, width in zip(row[2:], widths[2:], strict=True)]
            lines.append("  ".join(left + right))
        lines.insert(3, "-" * max(map(len, lines)))
        return "\n".join(lines)

    __repr__ = __str__


def _class_names(orders: np.ndarray) -> tuple[str, ...]:
    """As the Atlas of Finite Groups names them: 1a, 2a, 2b, ..."""
    seen: dict[int, int] = {}
    names = []
    for order in orders.tolist():
        seen[order] = seen.get(order, -1) + 1
        letters, rest = "", seen[order]
        while rest >= 0:
            letters, rest = chr(ord("a") + rest % 26) + letters, rest // 26 - 1
        names.append(f"{order}{letters}")
    return tuple(names)


def character_table(group: Group) -> CharacterTable:
    """The character table of a finite group, over the real numbers.

    Raises:
        BadRepresentation: the group is infinite.
        TooLarge: the group has too many elements to be listed.

    Example:
        >>> import equilayers as eq
        >>> eq.character_table(eq.group("D4"))
        D4, order 8
        class        1a  2a  2b  2c  4a
        size          1   1   2   2   2
        -------------------------------
        A1     real   1   1   1   1   1
        B1     real   1   1   1  -1  -1
        B2     real   1   1  -1   1  -1
        A2     real   1   1  -1  -1   1
        E1     real   2  -2   0   0   0
    """
    from equilayers.representations.irreps import irreps

    listed = finite(group, "A character table")
    return CharacterTable(listed, irreps(group))
