"""The matrix exponential of a batch, by scaling and squaring of a Taylor polynomial."""

from __future__ import annotations

import numpy as np

__all__ = ["expm"]

_TERMS = 18  # with norms scaled below 1/2 the remainder is below 1e-21


def expm(matrices: np.ndarray) -> np.ndarray:
    """Exponential of ``(*b, n, n)`` float64 matrices.

    Example:
        >>> rotation = expm(np.array([[0.0, -np.pi], [np.pi, 0.0]]))
        >>> np.allclose(rotation, -np.eye(2), atol=1e-14)
        True
    """
    matrices = np.asarray(matrices, dtype=np.float64)
    norm = np.abs(matrices).sum(-1).max() if matrices.size else 0.0
    squarings = max(0, int(np.ceil(np.log2(norm))) + 1) if norm > 0 else 0
    scaled = matrices / 2.0**squarings
    identity = np.broadcast_to(np.eye(matrices.shape[-1]), matrices.shape)
    result = identity.copy()
    for k in range(_TERMS, 0, -1):
        result = identity + scaled @ result / k
    for _ in range(squarings):
        result = result @ result
    return result
