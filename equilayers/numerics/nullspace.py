"""Null spaces whose dimension is decided by a relative gap, or not at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equilayers.errors import NotCertified

__all__ = ["NullSpace", "null_space"]

ZERO = 1e-10  # singular values below this, relative to the largest, are zero ...
GAP = 1e3  # ... provided that the smallest other one is this much larger than the largest of them


@dataclass(frozen=True)
class NullSpace:
    """An orthonormal basis ``(n, k)`` with the singular values on both sides of the decision."""

    basis: np.ndarray
    largest_zero: float
    smallest_nonzero: float

    @property
    def dim(self) -> int:
        return self.basis.shape[1]

    @property
    def gap(self) -> float:
        """Ratio of the two singular values beside the cut; infinite when one side is empty."""
        if self.largest_zero == 0.0:
            return float("inf")
        return self.smallest_nonzero / self.largest_zero


def null_space(matrix: np.ndarray, *, what: str = "a null space") -> NullSpace:
    """All ``x`` with ``matrix @ x = 0``, in float64.

    The rank is decided by the relative gap of the singular values: those below 1e-10 of the largest count as
    zero if the next one is at least 1e3 times larger. The basis is *some* orthonormal one; make it canonical with
    :func:`canonical_basis`.

    Args:
        matrix: ``(m, n)``.
        what: named in the error.

    Raises:
        NotCertified: no gap separates zero from non-zero singular values, or a value is not finite.

    Example:
        >>> null_space(np.array([[1.0, 1.0, 0.0]])).dim
        2
    """
    matrix = np.asarray(matrix, dtype=np.float64)
    rows, n = matrix.shape
    if not np.isfinite(matrix).all():
        raise NotCertified(f"{what} needs finite numbers.", {"shape": matrix.shape}, "Check the generators for NaN.")
    if n == 0 or rows == 0 or not matrix.any():
        return NullSpace(np.eye(n), 0.0, float("inf"))
    if rows > 2 * n:  # the triangular factor has the same null space and singular values
        matrix = np.asarray(np.linalg.qr(matrix, mode="r"))
    _, values, vh = np.linalg.svd(matrix, full_matrices=True)
    values = np.concatenate([values, np.zeros(n - len(values))]) / values[0]
    rank = int((values > ZERO).sum())
    largest_zero = float(values[rank]) if rank < n else 0.0
    smallest = float(values[rank - 1])
    if largest_zero > 0 and smallest < GAP * largest_zero:
        raise NotCertified(
            f"The dimension of {what} cannot be decided: no gap between zero and non-zero singular values.",
            {"largest zero": f"{largest_zero:.2e}", "smallest non-zero": f"{smallest:.2e}"},
            "Give the generators in better coordinates (an invariant inner product equal to the identity).",
        )
    return NullSpace(vh[rank:].T.copy(), largest_zero, smallest)
