"""Heisenberg groups over the integers mod m."""

from __future__ import annotations

import numpy as np

from equilayers.errors import BadGroup
from equilayers.groups.finite import PermutationGroup

__all__ = ["FiniteHeisenberg"]


class FiniteHeisenberg(PermutationGroup):
    r"""Upper unitriangular 3x3 matrices over the integers mod m, of order m^3, on the m^2 points :math:`(u, v, 1)`.

    Generators are :math:`(u, v) \mapsto (u + v, v)` and :math:`(u, v) \mapsto (u, v + 1)`; their commutator moves u
    by one and generates the centre. Point :math:`m u + v` is :math:`(u, v)`.

    Args:
        m: at least 2; a prime in most uses.

    Raises:
        BadGroup: m is smaller than 2.

    Example:
        >>> FiniteHeisenberg(3).order, len(FiniteHeisenberg(3).conjugacy_classes)
        (27, 11)

    Source: Terras, Fourier Analysis on Finite Groups and Applications (1999), chapter 18.
    """

    family = "finite-heisenberg"

    def __init__(self, m: int) -> None:
        if m < 2:
            raise BadGroup("Heis(m) needs m >= 2.", {"m": m}, 'Write eq.group("Heis(3)").')
        u, v = np.divmod(np.arange(m * m), m)
        super().__init__(np.array([(u + v) % m * m + v, u * m + (v + 1) % m]), f"Heis({m})")
        self.m, self.parameters = m, (m,)

    @property
    def order(self) -> int:
        return self.m**3
