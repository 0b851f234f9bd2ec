"""Conjugacy classes of an enumerated finite group, in an order that integers alone decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from equilayers.numerics import orbit_labels

if TYPE_CHECKING:
    from equilayers.groups.finite import FiniteGroup

__all__ = ["ConjugacyClasses", "conjugacy_classes"]


@dataclass(frozen=True, eq=False)
class ConjugacyClasses:
    r"""The classes :math:`\{h g h^{-1}\}`, ordered by element order, then size, then position of the first member.

    Attributes:
        labels: ``(order,)`` class of each element, in the order of ``group.elements()``.
        sizes: ``(k,)`` number of members.
        orders: ``(k,)`` order of the members.
        first: ``(k,)`` position of the first member in ``group.elements()``.

    Example:
        >>> from equilayers.groups import group
        >>> classes = group("S3").conjugacy_classes
        >>> len(classes), classes.sizes.tolist(), classes.orders.tolist(), classes.power(2).tolist()
        (3, [1, 3, 2], [1, 2, 3], [0, 0, 2])
    """

    group: FiniteGroup
    labels: np.ndarray
    sizes: np.ndarray
    orders: np.ndarray
    first: np.ndarray

    def __len__(self) -> int:
        return len(self.sizes)

    @property
    def representatives(self) -> Tensor:
        """``(k, *element_shape)``: the first member of each class."""
        return self.group.from_permutation(torch.from_numpy(self.permutations))

    @property
    def permutations(self) -> np.ndarray:
        """``(k, N)``: the representatives in the group's faithful permutation action."""
        return self.group._enumeration[0][self.first]

    def power(self, n: int) -> np.ndarray:
        """``(k,)``: the class to which n-th powers of the members belong; ``power(-1)`` is that of the inverses."""
        result = np.empty(len(self), dtype=np.int64)
        for order in np.unique(self.orders):
            members = self.orders == order
            moved = _power(self.permutations[members], n % int(order))
            ranks = self.group.chain.rank(torch.from_numpy(moved)).numpy()
            result[members] = self.labels[self.group._enumeration[1][ranks]]
        return result


def _power(p: np.ndarray, n: int) -> np.ndarray:
    result = np.broadcast_to(np.arange(p.shape[1]), p.shape)
    for _ in range(n):
        result = np.take_along_axis(p, result, 1)
    return result.copy()


def _orders(p: np.ndarray) -> np.ndarray:
    """Orders of permutations ``(k, n)``."""
    identity = np.arange(p.shape[1])
    orders, power = np.ones(len(p), dtype=np.int64), p
    while True:
        open_ = (power != identity).any(1)
        if not open_.any():
            return orders
        orders += open_
        power = np.where(open_[:, None], np.take_along_axis(p, power, 1), power)


def conjugacy_classes(group: FiniteGroup) -> ConjugacyClasses:
    """The classes as orbits of the elements under conjugation by the generators: no table of products is made.

    Raises:
        TooLarge: the group is too large to be enumerated.
    """
    elements, positions = group._enumeration
    conjugations = []
    for s in group.permutation_generators:
        conjugate = s[elements][:, np.argsort(s)]  # s g s^-1
        conjugations.append(positions[group.chain.rank(torch.from_numpy(conjugate)).numpy()])
    orbits, count = orbit_labels(np.array(conjugations).reshape(-1, len(elements)), len(elements))
    sizes = np.bincount(orbits, minlength=count)
    first = np.unique(orbits, return_index=True)[1]
    orders = _orders(elements[first])
    ranked = np.lexsort((first, sizes, orders))
    place = np.empty(count, dtype=np.int64)
    place[ranked] = np.arange(count)
    return ConjugacyClasses(group, place[orbits], sizes[ranked], orders[ranked], first[ranked])
