"""The five sporadic simple groups of Mathieu."""

from __future__ import annotations

import numpy as np

from equilayers.errors import BadGroup
from equilayers.groups.finite import PermutationGroup

__all__ = ["Mathieu"]

_Cycles = tuple[tuple[int, ...], ...]
_ELEVEN: tuple[_Cycles, ...] = (
    (tuple(range(1, 12)),),
    ((3, 7, 11, 8), (4, 10, 5, 6)),
)
_TWENTY_THREE: tuple[_Cycles, ...] = (
    (tuple(range(1, 24)),),
    ((3, 17, 10, 7, 9), (4, 13, 14, 19, 5), (8, 18, 11, 12, 23), (15, 20, 22, 21, 16)),
)
_GENERATORS: dict[int, tuple[int, tuple[_Cycles, ...]]] = {  # points from 1: the order, and generators as cycles
    11: (7_920, _ELEVEN),
    12: (95_040, (*_ELEVEN, ((1, 12), (2, 11), (3, 6), (4, 8), (5, 9), (7, 10)))),
    22: (
        443_520,
        (
            (tuple(range(1, 12)), tuple(range(12, 23))),
            ((1, 4, 5, 9, 3), (2, 8, 10, 7, 6), (12, 15, 16, 20, 14), (13, 19, 21, 18, 17)),
            ((1, 21), (2, 10, 8, 6), (3, 13, 4, 17), (5, 19, 9, 18), (11, 22), (12, 14, 16, 20)),
        ),
    ),
    23: (10_200_960, _TWENTY_THREE),
    24: (
        244_823_040,
        (
            *_TWENTY_THREE,
            (
                (1, 24), (2, 23), (3, 12), (4, 16), (5, 18), (6, 10),
                (7, 20), (8, 14), (9, 21), (11, 17), (13, 22), (15, 19),
            ),
        ),
    ),
}  # fmt: skip


class Mathieu(PermutationGroup):
    """M11, M12, M22, M23 or M24 on as many points.

    Args:
        n: 11, 12, 22, 23 or 24.

    Raises:
        BadGroup: there is no such group.

    Example:
        >>> Mathieu(11).order, Mathieu(24).order
        (7920, 244823040)

    Source: Conway et al., Atlas of Finite Groups (1985); Dixon and Mortimer, Permutation Groups (1996), chapter 6.
    """

    family = "mathieu"

    def __init__(self, n: int) -> None:
        if n not in _GENERATORS:
            raise BadGroup("The Mathieu groups are M11, M12, M22, M23 and M24.", {"n": n}, 'Write eq.group("M11").')
        self._order, generators = _GENERATORS[n]
        images = np.tile(np.arange(n), (len(generators), 1))
        for image, cycles in zip(images, generators, strict=True):
            for cycle in cycles:
                image[np.array(cycle) - 1] = np.roll(cycle, -1) - 1
        super().__init__(images, f"M{n}")
        self.n, self.parameters = n, (n,)

    @property
    def order(self) -> int:
        return self._order
