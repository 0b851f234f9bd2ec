"""Null spaces of operators that are too large to be written down: only products with blocks of vectors are used."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from equilayers.errors import NotCertified, TooLarge
from equilayers.numerics.nullspace import NullSpace

__all__ = ["iterative_null_space"]

Operator = Callable[[np.ndarray], np.ndarray]

SURPLUS = 8  # columns beyond the null space
MISSED = 1e3  # a Gaussian block with this surplus is worse by this factor with probability below 1e-24
CONVERGED = 1e-13  # of |A x| for a vector that is called null, relative to |A|
EDGE = 1e-8  # smallest eigenvalue that is called non-zero, relative to the largest
APPLIED = 50_000  # products with A after which the eigenvalues are said to accumulate
STEP = 10  # by which the filter's edge falls at most from sweep to sweep: Ritz values of a null block fall at once
LANCZOS = 12
FIRST = 24  # null vectors looked for at first, where nobody has counted them


def iterative_null_space(
    apply: Operator, n: int, *, count: int | None = None, widest: int | None = None, what: str = "a null space"
) -> NullSpace:
    r"""All ``x`` with ``A x = 0`` for a positive semidefinite ``A``, by Chebyshev-filtered subspace iteration.

    A block of random vectors, wider than the null space, is multiplied by polynomials of A that are large at zero
    and small on the rest of the spectrum, until the Ritz vectors of value zero have :math:`|A x| \le 10^{-13} |A|`.
    The next Ritz value minus its residual must exceed :math:`10^{-8} |A|`: that is the gap. A Ritz value lies above its
    eigenvalue, so a gap alone could hide null vectors that are still to come: the polynomials must have favoured zero
    over the eigenvalues outside the block by so much that every null vector of a Gaussian block is in front by now.

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
    block, state = _random_block(n, width), Sweeps(upper)
    while state.applied < APPLIED:
        if width > widest:
            _too_wide(max(count or 0, state.null), widest, what)
        block = state.sweep(apply, block)
        if state.settled == 2:  # one sweep more than needed polishes the vectors
            return _checked(state.found(block), count, what)
        if state.is_crowded and width < n:
            new = _random_block(n, min(n, 2 * width) - width, width)
            block, width = np.concatenate([block, new], 1), min(n, 2 * width)
            state.restart()
    raise NotCertified(
        f"The dimension of {what} cannot be decided: eigenvalues accumulate at zero.",
        {"smallest non-zero": f"{state.edge / upper:.2e}", "products with the operator": state.applied},
        "Give the generators in better coordinates (an invariant inner product equal to the identity).",
    )


class Sweeps:
    """Filters and rotates a block, sweep by sweep, and knows what its Ritz values are worth by then."""

    def __init__(self, upper: float) -> None:
        self.upper, self.lower = upper, upper / 4
        self.applied = self.settled = self.null = 0
        self.history: list[tuple[float, int]] = []  # edge and degree of the filters that the present block went through
        self.values, self.edge = np.zeros(0), 0.0

    @property
    def outside(self) -> int:
        """The first Ritz value that stands for what the block leaves out; all of it in the surplus is noise."""
        return len(self.values) - SURPLUS

    @property
    def is_crowded(self) -> bool:
        """Whether the block holds too many null vectors for others to be excluded."""
        return bool(self.values[max(0, self.outside)] < EDGE * self.upper)

    def restart(self) -> None:
        """New columns know nothing yet."""
        self.lower = self.upper / 4
        self.history.clear()

    def sweep(self, apply: Operator, block: np.ndarray) -> np.ndarray:
        degree = int(np.clip(math.ceil(3 * math.sqrt(self.upper / self.lower)), 6, 10_000))
        self.applied += degree
        self.history.append((self.lower, degree))
        block = np.linalg.qr(_filtered(apply, block, self.lower, self.upper, degree))[0]
        moved = apply(block)
        self.values, rotation = np.linalg.eigh(block.T @ moved)
        block, moved = block @ rotation, moved @ rotation
        errors = np.linalg.norm(moved - block * self.values, axis=0)
        null = np.linalg.norm(moved, axis=0) <= CONVERGED * self.upper
        k = self.null = int(np.argmin(null)) if not null.all() else len(null)
        self.edge = math.inf if k == len(null) else float(self.values[k] - errors[k])
        apart = self.edge > EDGE * self.upper
        self.settled = self.settled + 1 if apart and self._none_is_missed(*block.shape) else 0
        wanted = float(self.values[max(0, self.outside)]) / 2
        self.lower = min(max(wanted, self.lower / STEP, EDGE * self.upper), self.upper / 2)
        return block

    def _none_is_missed(self, n: int, width: int) -> bool:
        """Whether a null vector outside the block would have become a smaller Ritz value than the first non-zero one.

        Starting from a Gaussian block, its angle to the block has a tangent below ``start``; each filter divides what
        belongs to eigenvalues above an edge by its value at zero.
        """
        if width == n:
            return True
        if self.null > width - SURPLUS:
            return False
        start = MISSED * 2 * math.e / (SURPLUS + 1) * math.sqrt(n * width)
        edge = float(self.values[self.outside]) / 2
        gained = sum(_damping(edge, lower, self.upper, degree) for lower, degree in self.history)
        return gained >= math.log(2 * start) + 0.5 * math.log(self.upper / self.values[self.null])

    def found(self, block: np.ndarray) -> NullSpace:
        zero = float(np.abs(self.values[: self.null]).max(initial=0.0))
        return NullSpace(block[:, : self.null], zero / self.upper, self.edge / self.upper)


def _damping(edge: float, lower: float, upper: float, degree: int) -> float:
    """Logarithm of the factor by which the filter of :func:`_filtered` damps all eigenvalues above ``edge``."""
    half, centre = (upper - lower) / 2, (upper + lower) / 2

    def chebyshev(x: float) -> float:
        return degree * math.acosh(x) + math.log1p(math.exp(-2 * degree * math.acosh(x))) - math.log(2)

    return chebyshev(centre / half) - (chebyshev((centre - edge) / half) if edge < lower else 0.0)


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
