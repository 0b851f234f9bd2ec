"""Rotations of the Platonic solids, with and without the inversion.

Octahedral groups have their four-fold axes along x, y, z; icosahedral ones three of their two-fold axes.
"""

from __future__ import annotations

import numpy as np

from equilayers.groups.finite import FiniteMatrixGroup

__all__ = ["Polyhedral"]

_TURN_X_TO_Y_TO_Z = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
_HALF_TURN_Z = np.diag([-1.0, -1.0, 1.0])
_QUARTER_TURN_Z = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])


def _fifth_turn() -> np.ndarray:
    """Rotation by 72 degrees about (0, 1, phi), phi the golden ratio; its entries are 1/2, phi/2 and (phi-1)/2."""
    phi = (1 + np.sqrt(5.0)) / 2
    a, b = phi / 2, (phi - 1) / 2
    return np.array([[b, -a, 0.5], [a, 0.5, b], [-0.5, b, a]])


_FAMILIES = {
    "T": ("tetrahedral", 12, (_HALF_TURN_Z, _TURN_X_TO_Y_TO_Z)),
    "O": ("octahedral", 24, (_QUARTER_TURN_Z, _TURN_X_TO_Y_TO_Z)),
    "I": ("icosahedral", 60, (_fifth_turn(), _TURN_X_TO_Y_TO_Z)),
    "Oh": ("full-octahedral", 48, (_QUARTER_TURN_Z, _TURN_X_TO_Y_TO_Z, -np.eye(3))),
    "Ih": ("full-icosahedral", 120, (_fifth_turn(), _TURN_X_TO_Y_TO_Z, -np.eye(3))),
}


class Polyhedral(FiniteMatrixGroup):
    """T, O, I, Oh or Ih in its usual three-dimensional action.

    Example:
        >>> Polyhedral("I").order
        60
    """

    def __init__(self, kind: str) -> None:
        self.family, self._order, generators = _FAMILIES[kind]
        super().__init__(np.stack(generators), kind)
        self.kind = kind

    @property
    def order(self) -> int:
        return self._order
