"""How a group acts on the pixels of a kernel and on the sampling lattice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equilayers.errors import BadInput, BadRepresentation, GroupMismatch
from equilayers.intertwiners.sections import TOLERANCE, signed_permutations
from equilayers.representations import Representation

__all__ = ["GridAction", "grid_action", "pixel_positions"]


@dataclass(frozen=True, eq=False)
class GridAction:
    """Plane matrices of the generators: ``discrete`` ``(m, 2, 2)`` and the turning rates ``lie`` ``(k,)``.

    ``maps_grid``: every element maps the pixel grid to itself. ``moves``: whether the (row, column) axis is moved, so
    that the sampling lattice must be centred along it. ``mixes_axes``: windows and strides must be square.
    """

    discrete: np.ndarray
    lie: np.ndarray
    maps_grid: bool
    moves: tuple[bool, bool]
    mixes_axes: bool

    def require_square(self, **sizes: tuple[int, int]) -> None:
        """Raise if the group mixes the axes and a size differs between them."""
        for name, (rows, columns) in sizes.items():
            if self.mixes_axes and rows != columns:
                raise BadInput(
                    "The group maps rows to columns, so it keeps square windows and lattices only.",
                    {name: (rows, columns)},
                    f"Give one number for {name}, or restrict to a subgroup that keeps the axes, such as C2 or D2.",
                )


def pixel_positions(rows: int, columns: int) -> np.ndarray:
    """``(rows * columns, 2)``: x (last axis) and y (minus the row axis) about the centre of a window."""
    row, column = np.divmod(np.arange(rows * columns), columns)
    return np.stack([column - (columns - 1) / 2, (rows - 1) / 2 - row], 1)


def grid_action(plane: Representation, group: object) -> GridAction:
    """The facts about ``plane``, a two-dimensional orthogonal representation of ``group``.

    Raises:
        BadRepresentation: ``plane`` is not two-dimensional and orthogonal.
    """
    if plane.group != group:
        raise GroupMismatch(
            "The plane must be acted on by the group of the features.",
            {"plane": repr(plane), "group": group},
            "Give plane= a representation of the same group.",
        )
    if plane.dim != 2 or not plane.is_orthogonal:
        raise BadRepresentation(
            "A grid needs a two-dimensional orthogonal representation: how the group acts on the plane.",
            {"plane": repr(plane), "orthogonal": plane.is_orthogonal},
            "Give plane=, for example 2 * eq.trivial(G) for a group that leaves positions alone.",
        )
    discrete, rates = plane.images.discrete, plane.images.lie[:, 1, 0]
    turning = bool(np.abs(rates).max(initial=0.0) > TOLERANCE)
    maps_grid = not turning and signed_permutations(discrete) is not None
    off = np.abs(discrete[:, 0, 1]).max(initial=0.0) > TOLERANCE
    moved = [bool(np.abs(discrete[:, axis, axis] - 1).max(initial=0.0) > TOLERANCE) or turning for axis in (1, 0)]
    return GridAction(discrete, rates, maps_grid, (moved[0], moved[1]), bool(off) or turning)
