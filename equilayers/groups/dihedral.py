"""Rotations and reflections of the plane."""

from __future__ import annotations

import numpy as np

from equilayers.errors import BadGroup
from equilayers.groups.cyclic import rotation
from equilayers.groups.finite import FiniteMatrixGroup

__all__ = ["Dihedral"]


class Dihedral(FiniteMatrixGroup):
    """D_n of order 2n; generators are the rotation by 360/n degrees and the reflection diag(1, -1), which flips y.

    Example:
        >>> Dihedral(5).order, Dihedral(5).element_shape
        (10, (2, 2))
    """

    family = "dihedral"

    def __init__(self, n: int) -> None:
        if n < 1:
            raise BadGroup("D_n needs n >= 1.", {"n": n}, 'Write eq.group("D4").')
        super().__init__(np.stack([rotation(1, n), np.diag([1.0, -1.0])]), f"D{n}")
        self.n, self.parameters = n, (n,)

    @property
    def order(self) -> int:
        return 2 * self.n
