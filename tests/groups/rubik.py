"""The six quarter turns of Rubik's cube on its 48 moving facelets, in the usual numbering from 1."""

from __future__ import annotations

import numpy as np

CYCLES = (
    ((1, 3, 8, 6), (2, 5, 7, 4), (9, 33, 25, 17), (10, 34, 26, 18), (11, 35, 27, 19)),
    ((9, 11, 16, 14), (10, 13, 15, 12), (1, 17, 41, 40), (4, 20, 44, 37), (6, 22, 46, 35)),
    ((17, 19, 24, 22), (18, 21, 23, 20), (6, 25, 43, 16), (7, 28, 42, 13), (8, 30, 41, 11)),
    ((25, 27, 32, 30), (26, 29, 31, 28), (3, 38, 43, 19), (5, 36, 45, 21), (8, 33, 48, 24)),
    ((33, 35, 40, 38), (34, 37, 39, 36), (3, 9, 46, 32), (2, 12, 47, 29), (1, 14, 48, 27)),
    ((41, 43, 48, 46), (42, 45, 47, 44), (14, 22, 30, 38), (15, 23, 31, 39), (16, 24, 32, 40)),
)


def cycles(n: int, *of: tuple[int, ...]) -> np.ndarray:
    """The permutation of n points with these cycles, points numbered from 1."""
    p = np.arange(n)
    for cycle in of:
        for a, b in zip(cycle, cycle[1:] + cycle[:1], strict=True):
            p[a - 1] = b - 1
    return p


def turns() -> np.ndarray:
    return np.array([cycles(48, *face) for face in CYCLES])
