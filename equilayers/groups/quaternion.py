"""The quaternion group of order 8."""

from __future__ import annotations

import numpy as np

from equilayers.groups.finite import FiniteMatrixGroup

__all__ = ["Quaternion", "left_multiplication"]


def left_multiplication(w: float, x: float, y: float, z: float) -> np.ndarray:
    """The real 4x4 matrix of ``q -> (w + x i + y j + z k) q`` on (1, i, j, k)."""
    return np.array([[w, -x, -y, -z], [x, w, -z, y], [y, z, w, -x], [z, -y, x, w]], dtype=np.float64)


class Quaternion(FiniteMatrixGroup):
    """Q8 acting by left multiplication on (1, i, j, k); generators i and j.

    Example:
        >>> i, j = Quaternion().discrete_generators
        >>> (i @ j == -j @ i).all().item()
        True
    """

    family = "quaternion"

    def __init__(self) -> None:
        super().__init__(np.stack([left_multiplication(0, 1, 0, 0), left_multiplication(0, 0, 1, 0)]), "Q8")

    @property
    def order(self) -> int:
        return 8
