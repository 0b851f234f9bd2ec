"""Rubik's cube: the group that its six quarter turns generate on the 48 facelets that move."""

from __future__ import annotations

import numpy as np

from equilayers.groups.finite import PermutationGroup

__all__ = ["Rubik"]

# Clockwise quarter turns of U L F R B D as cycles of facelets from 1: each face has eight, row by row as one looks at
# it, its centre left out.
_TURNS = (
    ((1, 3, 8, 6), (2, 5, 7, 4), (9, 33, 25, 17), (10, 34, 26, 18), (11, 35, 27, 19)),
    ((9, 11, 16, 14), (10, 13, 15, 12), (1, 17, 41, 40), (4, 20, 44, 37), (6, 22, 46, 35)),
    ((17, 19, 24, 22), (18, 21, 23, 20), (6, 25, 43, 16), (7, 28, 42, 13), (8, 30, 41, 11)),
    ((25, 27, 32, 30), (26, 29, 31, 28), (3, 38, 43, 19), (5, 36, 45, 21), (8, 33, 48, 24)),
    ((33, 35, 40, 38), (34, 37, 39, 36), (3, 9, 46, 32), (2, 12, 47, 29), (1, 14, 48, 27)),
    ((41, 43, 48, 46), (42, 45, 47, 44), (14, 22, 30, 38), (15, 23, 31, 39), (16, 24, 32, 40)),
)


class Rubik(PermutationGroup):
    """The 43 252 003 274 489 856 000 states of Rubik's cube; generators are the quarter turns U L F R B D.

    Point ``8 f + k`` is facelet ``k`` of face ``f``, faces in the order up, left, front, right, back, down.

    Example:
        >>> Rubik().order
        43252003274489856000

    Source: the numbering of the GAP manual's example (Schoenert).
    """

    family = "rubik"
    name = "Rubik"

    def __init__(self) -> None:
        images = np.tile(np.arange(48), (len(_TURNS), 1))
        for image, cycles in zip(images, _TURNS, strict=True):
            for cycle in cycles:
                image[np.array(cycle) - 1] = np.roll(cycle, -1) - 1
        super().__init__(images)

    @property
    def order(self) -> int:
        return 43_252_003_274_489_856_000
