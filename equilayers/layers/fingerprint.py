"""What a basis means, in sixteen small integers that a checkpoint can carry and a tolerance can compare."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from equilayers.numerics import hashed_numbers

__all__ = ["agree", "sketch"]

STEPS = 65536  # resolution: two bytes for each number
SLACK = 2  # steps of disagreement that rounding may explain


def sketch(arrays: Iterable[np.ndarray], text: str, count: int = 4) -> tuple[int, ...]:
    r"""``count`` contractions :math:`\sum_i u_i^T A_i v_i` with fixed numbers, each modulo 1 in two bytes.

    Bytes of derived floats differ between machines in their last bits, so hashing them would refuse correct
    checkpoints; these numbers move by 1e-9 at most and are compared with a tolerance. Bytes as numbers survive
    a cast of the checkpoint to bfloat16.

    Args:
        arrays: float64 or integer arrays of any shape; their order matters.
        text: names the algorithm and its version.
        count: how many numbers, of two bytes each.

    Example:
        >>> a = sketch([np.eye(3)], "v1")
        >>> agree(a, sketch([np.eye(3) + 1e-12], "v1")), agree(a, sketch([2 * np.eye(3)], "v1"))
        (True, False)
    """
    total = hashed_numbers(f"text/{text}", count)
    for index, array in enumerate(arrays):
        columns = array.shape[-1] if array.ndim else 1
        matrix = np.asarray(array, dtype=np.float64).reshape(-1, columns)
        left = hashed_numbers(f"left/{index}/{len(matrix)}", count * len(matrix)).reshape(count, -1)
        right = hashed_numbers(f"right/{index}/{columns}", count * columns).reshape(count, -1)
        total = total + ((left @ matrix) * right).sum(1) + left.sum(1) + right.sum(1)
    steps = np.floor((total % 1.0) * STEPS).astype(int) % STEPS
    return tuple(int(byte) for step in steps for byte in divmod(int(step), 256))


def agree(a: Sequence[int], b: Sequence[int]) -> bool:
    """Whether two sketches belong to the same arrays, up to rounding."""
    first, second = (np.array(s, dtype=np.int64).reshape(-1, 2) @ [256, 1] for s in (a, b))
    distance = np.abs(first - second) % STEPS
    return bool((np.minimum(distance, STEPS - distance) <= SLACK).all())
