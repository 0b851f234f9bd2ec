r"""Irreducible invariant subspaces of an orthogonal or transpose-closed representation, from its generators' images.

An element a of the group algebra that tells irreps apart has eigenspaces :math:`D^m \otimes e`, one vector e of one
irrep: so what the generators make of any eigenvector is irreducible, and orthogonal eigenvectors of one eigenspace give
orthogonal copies. Each part is certified by its commutant, and split further where it is reducible.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from equilayers.errors import NotCertified
from equilayers.representations.canonical import commuting_units, letters, symmetric_elements

__all__ = ["end_dim", "invariant_span", "split"]

APART = 1e-6  # relative; eigenvalues nearer than this are one
ISOLATED = 1e-3  # an eigenvalue further than this from its neighbours is good to spin from
CLOSED = 1e-6  # a span is invariant where the generators move nothing further out than this
GROWN = 0.02  # and grows by directions that reach out at least this far


def split(lie: np.ndarray, discrete: np.ndarray) -> list[np.ndarray]:
    r"""Orthonormal bases of irreducible invariant subspaces, orthogonal to each other, that span everything.

    For each basis Q the compressed images :math:`Q^T s\, Q` are an irrep, exact to rounding: a Rayleigh quotient has
    the square of the subspace's error. The choice of subspaces among copies of one irrep is arbitrary: make the
    compressed images canonical with :func:`canonical_images`, and the copies with a canonical basis of Hom(irrep, V).

    Args:
        lie: ``(k, n, n)`` images of the Lie basis.
        discrete: ``(m, n, n)`` images of the discrete generators; the images are orthogonal, or those of a group that
            is closed under transpose.

    Returns:
        ``(n, d)`` arrays with sum of d equal to n; each part's commutant is certified to be R, C or H.

    Raises:
        NotCertified: the images are not of that kind, or no element of the algebra separates the irreps.

    Example:
        >>> swap = np.array([[[0.0, 1.0], [1.0, 0.0]]])
        >>> [basis.shape for basis in split(np.zeros((0, 2, 2)), swap)]
        [(2, 1), (2, 1)]

    Source: J. Dixon, Computing irreducible representations of groups, Math. Comp. 24 (1970), for the random element.
    """
    steps = letters(np.asarray(lie, dtype=np.float64), np.asarray(discrete, dtype=np.float64))
    done: list[np.ndarray] = []
    todo = [np.eye(steps.shape[-1])] if steps.shape[-1] else []
    while todo:
        space = todo.pop()
        inside = space.T @ steps @ space
        parts = _halves(inside)
        if parts is None:
            done.append(space)
        else:
            todo += [np.linalg.qr(space @ part)[0] for part in reversed(parts)]
    _check(steps, done)
    return done


def _check(steps: np.ndarray, parts: list[np.ndarray]) -> None:
    whole = np.concatenate(parts, axis=1) if parts else np.zeros((0, 0))
    wrong = np.abs(whole.T @ whole - np.eye(whole.shape[1])).max(initial=0.0)
    for part in parts:
        moved = steps @ part
        wrong = max(wrong, np.abs(moved - part @ (part.T @ moved)).max(initial=0.0))
    if not wrong < CLOSED or whole.shape[0] != whole.shape[1]:
        raise NotCertified(
            "Parts of an orthogonal or transpose-closed representation are invariant and span it.",
            {"dim": len(whole), "found": whole.shape[1], "residual": f"{wrong:.1e}"},
            "Give coordinates in which the group is closed under transpose.",
        )


def end_dim(lie: np.ndarray, discrete: np.ndarray) -> int | None:
    """Dimension of the commutant of an orthogonal or transpose-closed irrep, 1, 2 or 4; None if it is reducible.

    A commutant acts faithfully on a vector that generates the space, and keeps the eigenspaces of the algebra: so the
    eigenspace that holds the vector bounds its dimension. Endomorphisms that multiply as imaginary units show that the
    bound is reached.

    Args:
        lie: ``(k, d, d)``.
        discrete: ``(m, d, d)``.

    Raises:
        NotCertified: no element of the algebra decides it.

    Example:
        >>> turn = np.array([[[0.0, -1.0], [1.0, 0.0]]])
        >>> end_dim(turn, np.zeros((0, 2, 2))), end_dim(np.zeros((0, 2, 2)), np.eye(2)[None]) is None
        (2, True)
    """
    decided = _decide(letters(np.asarray(lie, dtype=np.float64), np.asarray(discrete, dtype=np.float64)))
    return decided if isinstance(decided, int) else None


def _halves(steps: np.ndarray) -> list[np.ndarray] | None:
    decided = _decide(steps)
    return None if isinstance(decided, int) else decided


def _decide(steps: np.ndarray) -> int | list[np.ndarray]:
    """The dimension of the commutant, or invariant subspaces: copies spun from one eigenspace, and the rest."""
    d = steps.shape[-1]
    if d == 1:
        return 1
    for element in symmetric_elements(steps):
        if np.abs(element).max() < CLOSED < np.abs(steps).max():
            continue  # a skew generator: its square, which comes later, tells more
        values, vectors = np.linalg.eigh(element)
        cluster = _best_cluster(values, d)
        if cluster is None:
            continue
        parts = _copies(steps, vectors[:, cluster])
        if parts is None:
            continue
        if parts[0].shape[1] < d:
            return parts
        space = vectors[:, cluster]
        count = space.shape[1]
        if count == 1 or (count in (2, 4) and commuting_units(steps, space) is not None):
            return count
    raise NotCertified(
        "A representation is split by an element of its algebra that separates its irreps.",
        {"dim": d, "generators": len(steps)},
        "Check that the images are orthogonal, or those of a group that is closed under transpose.",
    )


def _best_cluster(values: np.ndarray, d: int) -> slice | None:
    """The smallest well isolated cluster of eigenvalues; all of them where they are equal."""
    size = max(np.abs(values).max(), 1e-6)  # the generators have size 1, so that less is rounding
    gaps = np.diff(values) / size
    cuts = np.flatnonzero(gaps > APART)
    if not len(cuts):
        return slice(0, d)
    starts, ends = np.concatenate([[0], cuts + 1]), np.concatenate([cuts + 1, [d]])
    borders = np.concatenate([[np.inf], gaps[cuts], [np.inf]])
    isolation = np.minimum(borders[:-1], borders[1:])
    good = isolation > min(ISOLATED, isolation.max() / 2)
    width = np.where(good, ends - starts, d + 1)
    best = np.lexsort((-isolation, width))[0]
    return slice(int(starts[best]), int(ends[best]))


def _copies(steps: np.ndarray, space: np.ndarray) -> list[np.ndarray] | None:
    """Spans of orthogonal vectors of an eigenspace, and the complement of all; None if a span does not close."""
    parts: list[np.ndarray] = []
    taken = np.zeros((len(space), 0))
    while space.shape[1]:
        span = invariant_span(lambda x: np.concatenate(list(steps @ x), axis=1), space[:, 0])
        if span is None:
            return None
        span = span - taken @ (taken.T @ span)
        parts.append(np.linalg.qr(span)[0])
        taken = np.concatenate([taken, parts[-1]], axis=1)
        if taken.shape[1] >= len(taken):
            break
        left = space - taken @ (taken.T @ space)
        u, sizes, _ = np.linalg.svd(left, full_matrices=False)
        if ((sizes > 1e-3) & (sizes < 0.999)).any():
            return None
        space = u[:, sizes > 0.5]
    rest = len(taken) - taken.shape[1]
    if rest < 0:
        return None
    if rest:
        parts.append(np.linalg.svd(taken, full_matrices=True)[0][:, taken.shape[1] :])
    return parts


def invariant_span(act: Callable[[np.ndarray], np.ndarray], start: np.ndarray) -> np.ndarray | None:
    """Orthonormal ``(n, d)`` basis of the smallest invariant subspace that holds ``start``; None if it does not close.

    Args:
        act: from ``(n, f)`` vectors to ``(n, m f)``: all of them moved by each of m generators.
        start: ``(n,)``.
    """
    basis = (start / np.linalg.norm(start))[:, None]
    fresh = basis
    while basis.shape[1] < len(start):
        moved = act(fresh)
        for _ in range(2):
            moved = moved - basis @ (basis.T @ moved)
        values, vectors = np.linalg.eigh(moved.T @ moved)
        reach = np.sqrt(values.clip(0))
        if not reach.max(initial=0.0) > GROWN:
            if fresh is not basis:
                fresh = basis  # once more from all vectors, for what was too short so far
                continue
            if reach.max(initial=0.0) < CLOSED:
                return basis
            if reach.max() < 1e-4:
                return None
        chosen = reach >= max(reach.max() / 4, min(GROWN, reach.max()))
        new = moved @ (vectors[:, chosen] / reach[chosen])
        new = new - basis @ (basis.T @ new)
        fresh = np.linalg.qr(new)[0]
        basis = np.concatenate([basis, fresh], axis=1)
    return basis
