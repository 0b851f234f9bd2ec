"""Gradings: weights of basis vectors that every generator shifts by a number of its own split equations into blocks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np

from equilayers.intertwiners.legs import Leg
from equilayers.numerics import hashed_numbers, null_space

__all__ = ["graded_blocks"]

APART = 1e-7  # weights that differ, relative to the largest
ENTRY = 1e-14  # of a generator, relative to its largest


def graded_blocks(legs: Sequence[Leg], lie: Sequence[int]) -> list[np.ndarray]:
    r"""Sets of indices of the tensor product that the Gram matrix of the equations does not mix; all together: one set.

    A weight of each basis vector such that a generator's entry (a, b) is zero unless :math:`d_a - d_b` is the shift of
    the generator, none for discrete ones. The maps between homogeneous parts are solved for on their own. A torus that
    normalises the group is found this way, wherever it is diagonal in the given coordinates: powers of scale for
    translations, as many as dimensions for triangular matrices.

    Args:
        legs: the factors.
        lie: indices of the Lie generators whose equations are solved.

    Example:
        >>> import equilayers as eq
        >>> from equilayers.intertwiners.legs import legs_of
        >>> V = eq.defining(eq.group("Heisenberg"))
        >>> [block.tolist() for block in graded_blocks(legs_of(V, dual=False), (0, 1, 2))]
        [[0], [1], [2]]
    """
    total = reduce(lambda sums, w: (sums[:, None] + w).ravel(), _generic_weights(legs, lie), np.zeros(1))
    order = np.argsort(total, kind="stable")
    scale = max(float(np.abs(total).max()), 1e-300)
    cuts = 1 + np.flatnonzero(np.diff(total[order]) > APART * scale)
    return sorted((np.sort(block) for block in np.split(order, cuts)), key=lambda block: int(block[0]))


def _generic_weights(legs: Sequence[Leg], lie: Sequence[int]) -> list[np.ndarray]:
    """For each leg the weights of its basis, a generic member of the space of all gradings."""
    distinct = {leg.key: leg for leg in legs}
    starts, size = {}, len(lie)
    for key, leg in distinct.items():
        starts[key] = size
        size += leg.dim
    gram = np.zeros((size, size))  # of the equations d_a - d_b = shift, one for each entry (a, b)
    for key, leg in distinct.items():
        at = slice(starts[key], starts[key] + leg.dim)
        for shift, matrix in [*((n, leg.lie[i]) for n, i in enumerate(lie)), *((-1, m) for m in leg.discrete)]:
            entries = (np.abs(matrix) > ENTRY * max(1e-300, np.abs(matrix).max(initial=0.0))).astype(float)
            out, into = entries.sum(1), entries.sum(0)
            gram[at, at] += np.diag(out + into) - entries - entries.T
            if shift >= 0:
                gram[shift, shift] += entries.sum()
                gram[shift, at] += into - out
                gram[at, shift] += into - out
    space = null_space(gram, what="the gradings").basis
    drawn = space @ (space.T @ hashed_numbers("grading", size))
    return [drawn[starts[leg.key] : starts[leg.key] + leg.dim] for leg in legs]
