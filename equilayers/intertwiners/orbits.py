"""Intertwiners of signed permutations: one for each orbit of index tuples, in integers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from equilayers.errors import TooLarge
from equilayers.intertwiners.legs import Leg, total_size
from equilayers.intertwiners.sections import signed_permutations
from equilayers.numerics import orbit_labels, signed_orbit_labels
from equilayers.numerics.canonical import THETA

__all__ = ["canonical_order", "orbit_invariants"]

LIMIT = 30_000_000  # index tuples


def orbit_invariants(legs: Sequence[Leg]) -> tuple[np.ndarray, np.ndarray, int]:
    """``labels`` ``(n,)`` (-1 where no invariant lives), ``values`` ``(n,)`` and their number, in canonical order.

    Raises:
        TooLarge: more than 30 million index tuples.
    """
    n = total_size(legs)
    if n > LIMIT:
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
    """The order in which the canonical basis takes orbits numbered by their first points: small ones first, within theta.

    A row of the projector in an orbit of size s has squared norm 1/s; taking an orbit deflates its own rows only.

    Example:
        >>> canonical_order(np.array([4, 1, 3, 4])).tolist()
        [1, 2, 0, 3]
    """
    left = 1.0 / np.maximum(sizes, 1)
    if not len(left) or theta * left.max() <= left.min():
        return np.arange(len(left))
    order = []
    for _ in range(len(left)):
        first = int(np.argmax(left >= theta * left.max()))
        order.append(first)
        left[first] = 0.0
    return np.array(order, dtype=np.int64)
