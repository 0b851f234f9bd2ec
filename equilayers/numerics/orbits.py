"""Orbits of a permutation action on indices, with and without signs; integers only."""

from __future__ import annotations

import numpy as np

__all__ = ["orbit_labels", "signed_orbit_labels"]


def orbit_labels(permutations: np.ndarray, points: int | None = None) -> tuple[np.ndarray, int]:
    """Number the orbits of the group that ``permutations`` generate, in the order of their first points.

    Args:
        permutations: ``(m, n)`` image arrays.
        points: ``n``, needed when there is no permutation.

    Returns:
        ``labels`` ``(n,)`` int64 and the number of orbits.

    Example:
        >>> labels, count = orbit_labels(np.array([[1, 0, 2, 4, 3]]))
        >>> labels.tolist(), count
        ([0, 0, 1, 2, 2], 3)
    """
    permutations = np.asarray(permutations)
    n = permutations.shape[1] if points is None else points
    small = np.int32 if n < 2**31 else np.int64  # half the memory is nearly half the time
    smallest: np.ndarray = np.arange(n, dtype=small)
    while True:  # hook every point to the smallest label around it, then jump along the pointers
        previous = smallest
        smallest = smallest.copy()
        for p in permutations:
            low = np.minimum(smallest, smallest.take(p))
            np.minimum.at(smallest, previous, low)
            smallest = np.minimum(smallest, low)
            moved = np.empty_like(smallest)
            moved[p] = low
            smallest = np.minimum(smallest, moved)
        smallest = smallest.take(smallest)
        if np.array_equal(smallest, previous):
            break
    is_first = smallest == np.arange(n)
    return (np.cumsum(is_first) - 1).take(smallest), int(is_first.sum())


def signed_orbit_labels(permutations: np.ndarray, signs: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Orbits of signed permutations ``e_i -> signs[i] e_{p[i]}``: one invariant vector for each orbit that allows one.

    Args:
        permutations: ``(m, n)`` image arrays.
        signs: ``(m, n)`` of +1 and -1; the sign belongs to the source index.

    Returns:
        ``labels`` ``(n,)``, -1 where an orbit carries no invariant (a path returns to its start with sign -1);
        ``sign`` ``(n,)`` of the invariant vector, +1 on each orbit's first point; the number of invariants.

    Example:
        >>> labels, sign, count = signed_orbit_labels(np.array([[1, 0, 2]]), np.array([[-1, -1, -1]]))
        >>> labels.tolist(), sign.tolist(), count
        ([0, 0, -1], [1, -1, 0], 1)
    """
    permutations = np.asarray(permutations, dtype=np.int64)
    n = permutations.shape[1]
    shifted = np.where(np.asarray(signs) > 0, 0, n)
    index = np.arange(n)
    # The double cover: point i with sign + is i, with sign - is i + n.
    cover = np.empty((len(permutations), 2 * n), dtype=np.int64)
    for row, (p, shift) in enumerate(zip(permutations, shifted, strict=True)):
        cover[row, index] = (p + shift) % (2 * n)
        cover[row, index + n] = (p + shift + n) % (2 * n)
    covering, _ = orbit_labels(cover, 2 * n)
    plus, minus = covering[:n], covering[n:]
    allowed = plus != minus
    orbit = np.where(allowed, np.minimum(plus, minus), -1)
    present = np.zeros(2 * n, dtype=bool)
    present[orbit[allowed]] = True
    number = np.append(np.cumsum(present) - 1, -1)  # -1 reads the last
    sign = np.where(allowed, np.where(plus < minus, 1, -1), 0).astype(np.int64)
    return number[orbit], sign, int(present.sum())
