"""Intertwiners of signed permutations: one for each orbit of index tuples, in integers."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from operator import itemgetter

import numpy as np

from equilayers.errors import TooLarge
from equilayers.intertwiners.legs import Leg, total_size
from equilayers.intertwiners.sections import signed_permutations
from equilayers.numerics import orbit_labels, signed_orbit_labels
from equilayers.numerics.canonical import THETA

__all__ = ["canonical_order", "orbit_invariants"]

LIMIT = 30_000_000  # index tuples, times generators


def orbit_invariants(legs: Sequence[Leg]) -> tuple[np.ndarray, np.ndarray, int]:
    """``labels`` ``(n,)`` (-1 where no invariant lives), ``values`` ``(n,)`` and their number, in canonical order.

    Raises:
        TooLarge: more than 30 million images of index tuples under the generators.
    """
    n = total_size(legs)
    if n * max(1, len(legs[0].discrete)) > LIMIT:
        raise TooLarge(
            "The orbits of this many index tuples are not listed.",
            {"dimensions": " x ".join(str(leg.dim) for leg in legs), "tuples": n},
            "Decompose the representations first: eq.decompose(V).rep.",
        )
    moves, signs = _product_action(legs)
    if (signs > 0).all():
        labels, count = orbit_labels(moves, n)
        sign = np.ones(n, dtype=np.int64)
    else:
        labels, sign, count = signed_orbit_labels(moves, signs)
    sizes = np.bincount(labels[labels >= 0], minlength=count)
    order = canonical_order(sizes)
    rank = np.empty(count + 1, dtype=np.int64)
    rank[order], rank[count] = np.arange(count), -1
    scale = np.append(1 / np.sqrt(np.maximum(sizes, 1)), 0.0)
    return rank[labels], sign * scale[labels], count


def _product_action(legs: Sequence[Leg]) -> tuple[np.ndarray, np.ndarray]:
    """Images and signs of all index tuples under each discrete generator."""
    moves, signs = [], []
    pairs = [signed_permutations(leg.discrete) for leg in legs]
    for g in range(len(legs[0].discrete)):
        p, s = np.zeros(1, dtype=np.int64), np.ones(1, dtype=np.int64)
        for leg, found in zip(legs, pairs, strict=True):
            assert found is not None  # the dispatcher asked is_monomial
            p = (p[:, None] * leg.dim + found[0][g]).reshape(-1)
            s = (s[:, None] * found[1][g]).reshape(-1)
        moves.append(p)
        signs.append(s)
    n = total_size(legs)
    return np.array(moves).reshape(-1, n), np.array(signs).reshape(-1, n)


def canonical_order(sizes: np.ndarray, theta: float = THETA) -> np.ndarray:
    """The order in which the canonical basis takes orbits numbered by their first points: small ones first, to theta.

    A row of the projector in an orbit of size s has squared norm 1/s; taking an orbit deflates its own rows only.

    Example:
        >>> canonical_order(np.array([5, 1, 3, 4])).tolist()
        [1, 2, 0, 3]
    """
    kinds = sorted(set(sizes.tolist()))
    if len(kinds) < 2 or theta * kinds[-1] <= kinds[0]:
        return np.arange(len(sizes))
    waiting = [deque(np.flatnonzero(sizes == kind).tolist()) for kind in kinds]
    order: list[int] = []
    while len(order) < len(sizes):
        smallest = next(kind for kind, queue in zip(kinds, waiting, strict=True) if queue)
        open_queues = [q for kind, q in zip(kinds, waiting, strict=True) if q and 1 / kind >= theta / smallest]
        order.append(min(open_queues, key=itemgetter(0)).popleft())
    return np.array(order, dtype=np.int64)
