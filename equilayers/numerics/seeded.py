"""Fixed numbers that look random and are the same on every machine and in every version."""

from __future__ import annotations

import hashlib

import numpy as np

__all__ = ["hashed_numbers"]


def hashed_numbers(text: str, count: int) -> np.ndarray:
    """Numbers uniform in [-1, 1), from the SHA-256 stream of ``text``.

    The streams of numpy's and torch's generators are not promised across versions; a canonical basis must be.

    Args:
        text: names the stream.
        count: how many.

    Example:
        >>> hashed_numbers("doc", 2).round(3).tolist() == hashed_numbers("doc", 5)[:2].round(3).tolist()
        True
    """
    stream = b"".join(
        hashlib.sha256(f"{text}/{block}".encode()).digest() for block in range((count + 3) // 4)
    )
    integers = np.frombuffer(stream[: 8 * count], dtype=">u8")
    return (integers >> 11).astype(np.float64) * 2.0**-52 - 1.0
