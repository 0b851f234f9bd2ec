"""The 32 crystallographic point groups, under the names of Schoenflies and of Hermann and Mauguin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import BadGroup
from equilayers.groups.finite import FiniteMatrixGroup

__all__ = ["HERMANN_MAUGUIN", "PointGroup"]


def _turn(n: int) -> np.ndarray:
    """Rotation by 360/n degrees about z."""
    cos = {1: 1.0, 2: -1.0, 3: -0.5, 4: 0.0, 6: 0.5}[n]
    sin = {1: 0.0, 2: 0.0, 3: np.sqrt(0.75), 4: 1.0, 6: np.sqrt(0.75)}[n]
    return np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])


_INVERSION = -np.eye(3)
_LEVEL = np.diag([1.0, 1.0, -1.0])  # the mirror of the xy plane
_UPRIGHT = np.diag([1.0, -1.0, 1.0])  # the mirror of the xz plane
_HALF_TURN_X = np.diag([1.0, -1.0, -1.0])
_CYCLE = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])  # x to y to z


@dataclass(frozen=True, eq=False)
class _Entry:
    """Order, Hermann-Mauguin name, the turn or rotoreflection about z, the other generators."""

    order: int
    hermann_mauguin: str
    axis: np.ndarray
    others: tuple[np.ndarray, ...] = ()


_GROUPS = {
    "C1": _Entry(1, "1", _turn(1)),
    "Ci": _Entry(2, "-1", _turn(1), (_INVERSION,)),
    "C2": _Entry(2, "2", _turn(2)),
    "Cs": _Entry(2, "m", _turn(1), (_LEVEL,)),
    "C2h": _Entry(4, "2/m", _turn(2), (_LEVEL,)),
    "D2": _Entry(4, "222", _turn(2), (_HALF_TURN_X,)),
    "C2v": _Entry(4, "mm2", _turn(2), (_UPRIGHT,)),
    "D2h": _Entry(8, "mmm", _turn(2), (_HALF_TURN_X, _INVERSION)),
    "C4": _Entry(4, "4", _turn(4)),
    "S4": _Entry(4, "-4", _turn(4) @ _LEVEL),
    "C4h": _Entry(8, "4/m", _turn(4), (_LEVEL,)),
    "D4": _Entry(8, "422", _turn(4), (_HALF_TURN_X,)),
    "C4v": _Entry(8, "4mm", _turn(4), (_UPRIGHT,)),
    "D2d": _Entry(8, "-42m", _turn(4) @ _LEVEL, (_HALF_TURN_X,)),
    "D4h": _Entry(16, "4/mmm", _turn(4), (_HALF_TURN_X, _INVERSION)),
    "C3": _Entry(3, "3", _turn(3)),
    "S6": _Entry(6, "-3", _turn(3), (_INVERSION,)),
    "D3": _Entry(6, "32", _turn(3), (_HALF_TURN_X,)),
    "C3v": _Entry(6, "3m", _turn(3), (_UPRIGHT,)),
    "D3d": _Entry(12, "-3m", _turn(3), (_HALF_TURN_X, _INVERSION)),
    "C6": _Entry(6, "6", _turn(6)),
    "C3h": _Entry(6, "-6", _turn(3), (_LEVEL,)),
    "C6h": _Entry(12, "6/m", _turn(6), (_LEVEL,)),
    "D6": _Entry(12, "622", _turn(6), (_HALF_TURN_X,)),
    "C6v": _Entry(12, "6mm", _turn(6), (_UPRIGHT,)),
    "D3h": _Entry(12, "-6m2", _turn(3), (_HALF_TURN_X, _LEVEL)),
    "D6h": _Entry(24, "6/mmm", _turn(6), (_HALF_TURN_X, _INVERSION)),
    "T": _Entry(12, "23", _turn(2), (_CYCLE,)),
    "Th": _Entry(24, "m-3", _turn(2), (_CYCLE, _INVERSION)),
    "O": _Entry(24, "432", _turn(4), (_CYCLE,)),
    "Td": _Entry(24, "-43m", _turn(4) @ _LEVEL, (_CYCLE,)),
    "Oh": _Entry(48, "m-3m", _turn(4), (_CYCLE, _INVERSION)),
}
HERMANN_MAUGUIN = {entry.hermann_mauguin: name for name, entry in _GROUPS.items()}
_ALIASES = {"C3i": "S6", "C1h": "Cs", "S2": "Ci", "V": "D2", "Vh": "D2h", "Vd": "D2d", "-62m": "D3h", "-4m2": "D2d"}
_ALIASES |= {"m3": "Th", "m3m": "Oh"}


class PointGroup(FiniteMatrixGroup):
    """A crystallographic point group in its action on space: main axis z, two-fold axes or upright mirrors along x.

    Cubic groups have their two- or four-fold axes along x, y, z.

    Args:
        name: of Schoenflies ("C4v", "D2d", "Oh", "S4") or of Hermann and Mauguin ("4mm", "-42m", "m-3m", "-4").

    Raises:
        BadGroup: none of the 32 has this name.

    Example:
        >>> G = PointGroup("-42m")
        >>> G.schoenflies, G.hermann_mauguin, G.order
        ('D2d', '-42m', 8)

    Source: International Tables for Crystallography A (2016), table 3.2.3.2.
    """

    family = "point"

    def __init__(self, name: str) -> None:
        found = _ALIASES.get(name, name)
        found = HERMANN_MAUGUIN.get(found, found)
        if found not in _GROUPS:
            raise BadGroup(
                "No crystallographic point group has this name.",
                {"name": repr(name), "Schoenflies": " ".join(_GROUPS), "Hermann-Mauguin": " ".join(HERMANN_MAUGUIN)},
                'Write PointGroup("Oh") or PointGroup("m-3m").',
            )
        self._entry = _GROUPS[found]
        self.schoenflies, self.hermann_mauguin = found, self._entry.hermann_mauguin
        self.parameters = (found,)
        written = [m for m in (self._entry.axis, *self._entry.others) if not np.array_equal(m, np.eye(3))]
        super().__init__(np.array(written).reshape(-1, 3, 3), self.hermann_mauguin)

    @property
    def order(self) -> int:
        return self._entry.order

    @property
    def axis(self) -> Tensor:
        """The turn about the main axis, or the rotoreflection where that generates more (-4, -42m, -43m)."""
        return torch.tensor(self._entry.axis)

    @property
    def across(self) -> Tensor | None:
        """The half turn about x or the mirror that contains the main axis; None where there is none."""
        others = self._entry.others
        found = [m for m in others if np.array_equal(m, _HALF_TURN_X) or np.array_equal(m, _UPRIGHT)]
        return torch.tensor(found[0]) if found else None

    @property
    def is_cubic(self) -> bool:
        """Whether the axes are exchanged."""
        return self.schoenflies[0] in "TO"
