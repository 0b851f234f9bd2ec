"""Sampling lattices: which strides, paddings and sizes a group of the plane keeps."""

from __future__ import annotations

from torch import Tensor

from equilayers.errors import BadInput
from equilayers.intertwiners.plane import GridAction

__all__ = ["pair", "require_centred", "strided_axes"]


def pair(value: int | tuple[int, int], name: str, least: int) -> tuple[int, int]:
    """One number for rows and columns, or one each."""
    both = (value, value) if isinstance(value, int) else tuple(value)
    if len(both) != 2 or any(not isinstance(n, int) or n < least for n in both):
        raise BadInput(
            f"{name} must be an integer of at least {least}, or one for rows and one for columns.",
            {name: value},
            f"Give {name}={max(least, 1)}.",
        )
    return both


def strided_axes(
    action: GridAction, window: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int]
) -> tuple[tuple[int, int, int], ...]:
    """``(axis, excess, stride)`` for every tensor axis along which ``(size + excess) mod stride`` must be zero.

    ``window`` is the extent of the dilated window. An axis that no element moves needs nothing.
    """
    return tuple(
        (axis + 2, 2 * padding[axis] - window[axis], stride[axis])
        for axis in (0, 1)
        if action.moves[axis] and stride[axis] > 1
    )


def require_centred(x: Tensor, axes: tuple[tuple[int, int, int], ...], layer: str) -> None:
    """Raise unless the sampled points lie symmetrically about the centre; a tracer's proxy has no size and passes."""
    if not isinstance(x, Tensor):
        return
    for axis, excess, stride in axes:
        left_over = (x.shape[axis] + excess) % stride
        if left_over:
            raise BadInput(
                f"{layer}: the sampling lattice must be centred, (size + 2 padding - window) mod stride = 0.",
                {
                    "axis": axis,
                    "size": x.shape[axis],
                    "2 padding - window": excess,
                    "stride": stride,
                    "left over": left_over,
                },
                f"Crop or pad the input by {stride - left_over}, or change the padding or the window by an odd number.",
            )
