"""Rotations of the plane by multiples of 360/n degrees, and the trivial group."""

from __future__ import annotations

import numpy as np

from equilayers.errors import BadGroup
from equilayers.groups.finite import FiniteMatrixGroup
from equilayers.groups.group import Generators

__all__ = ["Cyclic", "Trivial", "rotation"]


def rotation(turns: int, n: int) -> np.ndarray:
    """The rotation of the plane by ``turns / n`` of a full turn; exact for quarter turns."""
    exact = {0: (1.0, 0.0), 1: (0.0, 1.0), 2: (-1.0, 0.0), 3: (0.0, -1.0)}
    quarter = (4 * turns) % (4 * n)
    if quarter % n == 0:
        c, s = exact[quarter // n]
    else:
        angle = 2 * np.pi * turns / n
        c, s = float(np.cos(angle)), float(np.sin(angle))
    return np.array([[c, -s], [s, c]])


class Trivial(FiniteMatrixGroup):
    """The group of one element, acting on the line.

    Example:
        >>> Trivial().order
        1
    """

    family = "trivial"
    name = "trivial"
    order = 1

    def generators(self) -> Generators:
        return Generators(discrete=np.ones((1, 1, 1)))


class Cyclic(FiniteMatrixGroup):
    """C_n as rotations of the plane; the generator is the rotation by 360/n degrees, x to y.

    Example:
        >>> Cyclic(4).discrete_generators[0].tolist()
        [[0.0, -1.0], [1.0, 0.0]]
    """

    family = "cyclic"

    def __init__(self, n: int) -> None:
        if n < 1:
            raise BadGroup("C_n needs n >= 1.", {"n": n}, 'Write eq.group("C4").')
        super().__init__(rotation(1, n)[None], f"C{n}")
        self.n, self.parameters = n, (n,)

    @property
    def order(self) -> int:
        return self.n
