"""The list of a group's irreps, and one of them by its label: a closed form where there is one, else derived."""

from __future__ import annotations

from importlib import import_module
from typing import Any, cast

from equilayers.groups import Group
from equilayers.numerics import derived
from equilayers.representations.representation import Irrep

__all__ = ["irrep", "irreps"]

_CLOSED_FORMS: dict[tuple[str, int | None], str] = {  # family and size, or family alone
    ("trivial", None): "cyclic",
    ("cyclic", None): "cyclic",
    ("dihedral", None): "dihedral",
    ("symmetric", None): "symmetric",
    ("product", None): "products",
    ("SO", 2): "so2",
    ("O", 2): "so2",
    ("SO", 3): "so3",
    ("O", 3): "so3",
    ("SU", 2): "su2",
}


def _home(group: Group) -> Any:
    """The module that derives the irreps of this group."""
    size = group.parameters[0] if group.parameters else None
    for key in ((group.family, size), (group.family, None)):
        if key in _CLOSED_FORMS:
            return import_module(f"equilayers.representations.{_CLOSED_FORMS[key]}")  # type: ignore[index]
    if group.is_finite:
        return import_module("equilayers.representations.finite_irreps")
    classical = import_module("equilayers.representations.classical").series(group) is not None
    return import_module("equilayers.representations." + ("highest_weight" if classical else "powers"))


def irreps(group: Group, level: int | None = None, max_dim: int | None = None) -> tuple[Irrep, ...]:
    r"""The real irreducible representations of a group, in canonical form and in a fixed order.

    For a finite group all of them, so that

    .. math:: \sum_i \dim(V_i)^2 / \dim \operatorname{End}(V_i) = |G|;

    for an infinite one those that occur in the first ``level`` tensor powers of the defining action and its dual. They
    are ordered by dimension, type (real, complex, quaternionic) and characters class by class, larger first, so that
    the trivial one leads; SO(3), O(3), SU(2) and the classical groups have their own usual order.

    Args:
        group: any group.
        level: for an infinite group, the highest tensor power; a finite group needs none.
        max_dim: leave out the irreps of larger dimension; it is a bound of its own for a semisimple Lie group.

    Raises:
        BadInput: an infinite group needs ``level``, or ``max_dim`` where that leaves finitely many.
        TooLarge: the list is too long, or the group too large to be listed.
        NotCertified: an irrep could not be certified.

    Example:
        >>> import equilayers as eq
        >>> [(i.label, i.dim, i.type) for i in irreps(eq.group("Q8"))][3:]
        [('3', 1, 'real'), ('4', 4, 'quaternionic')]

    Source: Serre, Linear Representations of Finite Groups (1977), chapters 2 and 13.
    """
    return _listed(group, level, max_dim)


@derived
def _listed(group: Group, level: int | None, max_dim: int | None) -> tuple[Irrep, ...]:
    return tuple(_home(group).irreps(group, level=level, max_dim=max_dim))


def irrep(group: Group, label: str) -> Irrep:
    """The irrep of that label.

    Args:
        group: any group.
        label: as :func:`irreps` lists it: frequencies "2" of C_n, "E1" of D_n, partitions "[3,1]" of S_n, symbols
            "T1u" of point groups, "1o" of O(3), spins "1/2" of SU(2), Dynkin labels "(1,0)" of SU(3), SO(5) and other
            classical groups, partitions "[2,1]" of O(n), pairs "(A1,1)" of products, else the index; for other groups
            of matrices the dimension.

    Raises:
        BadRepresentation: the group has no irrep of that label.

    Example:
        >>> import equilayers as eq
        >>> irrep(eq.group("D4"), "E1").dim, irrep(eq.group("O"), "T2").dim, irrep(eq.group("SO(3)"), "4").dim
        (2, 3, 9)

    Source: Mulliken, J. Chem. Phys. 23 (1955) 1997, for the point groups.
    """
    return _labelled(group, label)


@derived
def _labelled(group: Group, label: str) -> Irrep:
    return cast(Irrep, _home(group).irrep(group, label))
