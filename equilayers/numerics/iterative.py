"""Null spaces of operators that are too large to be written down: only products with blocks of vectors are used."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from equilayers.errors import NotCertified, TooLarge
from equilayers.numerics.nullspace import NullSpace

__all__ = ["iterative_null_space"]

Operator = Callable[[np.ndarray], np.ndarray]

SURPLUS = 8  # columns beyond the null space; a random block that misses a direction has probability below 1e-30
CONVERGED = 1e-13  # of |A x| for a vector that is called null, relative to |A|
EDGE = 1e-8  # smallest eigenvalue that is called non-zero, relative to the largest
APPLIED = 50_000  # products with A after which the eigenvalues are said to accumulate
PATIENCE = 8  # sweeps in which a block of null vectors converges, seen from the first Ritz values far below the edge
LANCZOS = 12
FIRST = 24  # null vectors looked for at first, where nobody has counted them


def iterative_null_space(
    apply: Operator, n: int, *, count: int | None = None, widest: int | None = None, what: str = "a null space"
) -> NullSpace:
    r"""All ``x`` with ``A x = 0`` for a positive semidefinite ``A``, by Chebyshev-filtered subspace iteration.

    A block of random vectors, wider than the null space, is multiplied by polynomials of A that are large at zero
    and small on the rest of the spectrum, until the Ritz vectors of value zero have :math:`|A x| \le 10^{-13} |A|`.
    The next Ritz value minus its residual must exceed :math:`10^{-8} |A|`: that is the gap. A null vector is missed
    only where the random block is nearly orthogonal to it in all its surplus columns.

    Args:
        apply: ``(n, p)`` to ``A`` times it.
        n: size of A.
        count: dimension of the null space, where it is known beforehand; another outcome is an error.
        widest: largest number of columns that may be used.
        what: named in errors.

    Raises:
        NotCertified: no gap, no convergence, or not as many null vectors as counted.
        TooLarge: the null space does not fit in ``widest`` columns.

    Example:
        >>> diagonal = np.r_[np.zeros(3), np.linspace(0.1, 1.0, 997)]
        >>> iterative_null_space(lambda x: diagonal[:, None] * x, 1000).dim
        3

    Source: Zhou, Saad, Tiago, Chelikowsky, Self-consistent-field calculations using Chebyshev-filtered subspace
    iteration (2006), algorithm 4.2.
    """
    widest = min(n, widest or n)
    upper = _upper_bound(apply, n)
    if upper == 0.0:
        return _checked(NullSpace(np.eye(n), 0.0, math.inf), count, what) if n <= widest else _too_wide(n, widest, what)
    width = min(n, SURPLUS + (FIRST if count is None else count))
    known = np.zeros((n, 0))
    while True:
        if width > widest:
            _too_wide(count or known.shape[1], widest, what)
        block = np.linalg.qr(np.concatenate([known, _random_block(n, width - known.shape[1], len(known.T))], 1))[0]
        found = _sweep(apply, block, upper, what)
        if found.dim < width or width == n:
            return _checked(found, count, what)
        known, width = found.basis, min(n, 2 * width)


def _sweep(apply: Operator, block: np.ndarray, upper: float, what: str) -> NullSpace:
    """Filter and rotate a block until its null vectors have converged; all of it where nothing else is left."""
    lower, settled, low = upper / 4, 0, 0
    applied = 0
    while applied < APPLIED:
        degree = int(np.clip(math.ceil(3 * math.sqrt(upper / lower)), 6, 10_000))
        applied += degree
        block = np.linalg.qr(_filtered(apply, block, lower, upper, degree))[0]
        moved = apply(block)
        values, rotation = np.linalg.eigh(block.T @ moved)
        block, moved = block @ rotation, moved @ rotation
        errors = np.linalg.norm(moved - block * values, axis=0)
        null = np.linalg.norm(moved, axis=0) <= CONVERGED * upper
        k = int(np.argmin(null)) if not null.all() else len(null)
        apart = k == len(null) or values[k] - errors[k] > EDGE * upper
        settled = settled + 1 if apart and null[:k].all() else 0
        if settled == 2:  # one sweep more than needed polishes the vectors
            edge = math.inf if k == len(null) else float(values[k] - errors[k]) / upper
            return NullSpace(block[:, :k], float(np.abs(values[:k]).max(initial=0.0)) / upper, edge)
        top = float(values[-1])
        low = low + 1 if top < 1e-3 * lower else 0
        if 0 < low <= PATIENCE:
            continue  # a block of null vectors alone: a lower edge would only cost
        lower = min(max(top, EDGE * upper), upper / 2)
    raise NotCertified(
        f"The dimension of {what} cannot be decided: eigenvalues accumulate at zero.",
        {
            "smallest non-zero": f"{values[k] / upper if k < len(values) else 0.0:.2e}",
            "products with the operator": applied,
        },
        "Give the generators in better coordinates (an invariant inner product equal to the identity).",
    )


def _filtered(apply: Operator, block: np.ndarray, lower: float, upper: float, degree: int) -> np.ndarray:
    """The Chebyshev polynomial of A that is small on [lower, upper], scaled to 1 at zero."""
    half, centre = (upper - lower) / 2, (upper + lower) / 2
    scale = -half / centre  # 1 / T_1 at zero
    factor = scale
    before, now = block, (apply(block) - centre * block) * (factor / half)
    for _ in range(degree - 1):
        new = 1 / (2 / scale - factor)
        before, now = now, (apply(now) - centre * now) * (2 * new / half) - (factor * new) * before
        factor = new
    return now


def _upper_bound(apply: Operator, n: int) -> float:
    """Above the largest eigenvalue: the largest Ritz value of a short Lanczos run plus its residual."""
    vector = _random_block(n, 1, n)
    before, beta = np.zeros_like(vector), 0.0
    alphas, betas = [], []
    for _ in range(min(LANCZOS, n)):
        moved = apply(vector) - beta * before
        alphas.append(float(vector[:, 0] @ moved[:, 0]))
        moved -= alphas[-1] * vector
        beta = float(np.linalg.norm(moved))
        betas.append(beta)
        if beta <= 1e-12 * max(abs(alphas[0]), 1e-300):
            break
        before, vector = vector, moved / beta
    ritz = np.linalg.eigvalsh(np.diag(alphas) + np.diag(betas[:-1], 1) + np.diag(betas[:-1], -1))
    top = float(ritz[-1])
    return 0.0 if top <= 1e-300 else top + betas[-1]


def _random_block(n: int, width: int, stream: int = 0) -> np.ndarray:
    """Any block will do, if each is new: what is found is a space, and its basis is made canonical afterwards."""
    block = np.random.Generator(np.random.Philox(key=[n, stream])).standard_normal((n, width))
    return np.asarray(block / np.linalg.norm(block, axis=0))


def _too_wide(needed: int, widest: int, what: str) -> NullSpace:
    raise TooLarge(
        f"{what} does not fit in memory.",
        {"dimension": f"at least {needed}", "columns that fit": widest},
        "Decompose the representations first: eq.decompose(V).rep.",
    )


def _checked(found: NullSpace, count: int | None, what: str) -> NullSpace:
    if count is not None and found.dim != count:
        raise NotCertified(
            f"The iteration and the count disagree about {what}.",
            {"null vectors": found.dim, "counted": count},
            "Give the representations in better coordinates.",
        )
    return found
