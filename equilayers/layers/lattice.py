"""Sampling lattices: which strides, paddings and sizes a group of the plane keeps, and what is lost off the grid."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import BadInput
from equilayers.intertwiners.plane import GridAction, pixel_positions
from equilayers.numerics import hashed_numbers

__all__ = ["fitting_size", "out_size", "pair", "require_centred", "strided_axes", "window_error"]

SIZE = 8  # of a field that a layer draws for its own tests, at least
SMOOTH = 2.0  # correlation length of the random fields that errors are recorded for, in pixels
MARGIN = 3.0  # of a recorded bound over the error seen on a few fields


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


def out_size(
    size: tuple[int, ...], window: tuple[int, int], stride: tuple[int, int], pads: tuple[int, int]
) -> tuple[int, int]:
    """Rows and columns that windows of this extent give, ``pads`` counting both sides together."""
    rows, columns = ((n + p - w) // s + 1 for n, p, w, s in zip(size, pads, window, stride, strict=True))
    return rows, columns


def fitting_size(window: tuple[int, int], stride: tuple[int, int], pads: tuple[int, int]) -> tuple[int, int]:
    """A small centred grid for these windows, square so that every group of the plane keeps it."""
    size = max(SIZE, *window, *(p + 1 for p in pads))
    while any((size + p - w) % s for p, w, s in zip(pads, window, stride, strict=True)) and size < SIZE + 4096:
        size += 1
    return size, size


def window_error(
    reduce: Callable[[Tensor], Tensor], window: tuple[int, int], dilation: tuple[int, int] = (1, 1)
) -> float:
    r"""Three times the relative error of a pooling window under rotations that leave the grid, on smooth fields.

    .. math:: \sqrt{E\,|r(f(R p)) - r(f(p))|^2 \;/\; E\,|r(f(p))|^2}

    over random fields f of correlation length two pixels, for rotations R by 45 and 30 degrees.

    Args:
        reduce: ``(fields, components, pixels)`` to ``(fields, components)``.
        window: rows and columns.
        dilation: of the window.
    """
    waves, fields, components = 24, 64, 2
    numbers = hashed_numbers("window error", fields * components * waves * 6).reshape(6, fields, components, waves)
    spread = np.sqrt(1.5) / SMOOTH  # a sum of two numbers uniform in (-1, 1) has variance 2/3
    waves_x, waves_y = spread * numbers[:2].sum(0), spread * numbers[2:4].sum(0)
    positions = pixel_positions(*window) * np.array([dilation[1], dilation[0]])

    def sampled(at: np.ndarray) -> Tensor:
        phase = waves_x[..., None, :] * at[:, 0, None] + waves_y[..., None, :] * at[:, 1, None]
        values = (np.cos(phase + np.pi * numbers[4][..., None, :]) * numbers[5][..., None, :]).sum(-1)
        return torch.tensor(values, device="cpu")  # the layer may be under construction on the meta device

    plain, worst = reduce(sampled(positions)), 0.0
    for degrees in (45.0, 30.0):
        alpha = np.deg2rad(degrees)
        turn = np.array([[np.cos(alpha), -np.sin(alpha)], [np.sin(alpha), np.cos(alpha)]])
        error = reduce(sampled(positions @ turn.T)) - plain
        worst = max(worst, float(error.square().mean().sqrt() / plain.square().mean().sqrt()))
    return MARGIN * worst
