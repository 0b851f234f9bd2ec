"""Pooling by a fixed Gaussian."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from equilayers.errors import BadInput
from equilayers.layers.lattice import pair
from equilayers.layers.pooling import Pair, Pool2d
from equilayers.representations import Representation

__all__ = ["BlurPool2d"]


class BlurPool2d(Pool2d):
    r"""A fixed Gaussian average before the stride, so that what the coarser grid cannot hold is not folded into it.

    .. math:: y(p) = \sum_q w(q)\, x(s p + q), \qquad w(q) \propto e^{-|q|^2 / 2 \sigma^2}

    Args:
        rep: any representation.
        kernel_size: of the Gaussian; odd for odd sizes of the image, even for even ones where the stride is 2.
        stride: one number, or one for rows and one for columns.
        padding: ``(kernel_size - 1) // 2`` unless given.
        sigma: in pixels; a sixth of the kernel size unless given.
        padding_mode: as in ``nn.Conv2d``.
        plane: how the group acts on the grid; by default ``eq.defining(G)``.

    Shapes:
        as in :class:`AvgPool2d`.

    Raises:
        BadInput: a window or lattice that the group does not keep, or a width that is not positive.

    Example:
        >>> import torch, equilayers as eq
        >>> pool = eq.layers.BlurPool2d(eq.defining(eq.group("D4")), 5)
        >>> pool(torch.ones(1, 2, 9, 9)).shape
        torch.Size([1, 2, 5, 5])

    Source: Zhang, Making Convolutional Networks Shift-Invariant Again (2019), section 3.
    """

    def __init__(
        self,
        rep: Representation,
        kernel_size: int | Pair,
        stride: int | Pair = 2,
        padding: int | Pair | None = None,
        sigma: float | None = None,
        padding_mode: str = "zeros",
        *,
        plane: Representation | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        window = pair(kernel_size, "kernel_size", 1)
        sides = ((window[0] - 1) // 2, (window[1] - 1) // 2) if padding is None else pair(padding, "padding", 0)
        if padding_mode not in ("zeros", "reflect", "replicate", "circular"):
            raise BadInput("An unknown padding mode.", {"padding_mode": padding_mode}, 'Use "zeros" or "reflect".')
        if sigma is not None and not sigma > 0:
            raise BadInput(
                "The width of a Gaussian is positive.", {"sigma": sigma}, "Give sigma in pixels, such as 0.8."
            )
        kernel = _gaussian(window, sigma)
        weights = torch.tensor(kernel.ravel(), device="cpu")
        super().__init__(rep, window, pair(stride, "stride", 1), sides, (1, 1), plane, lambda fields: fields @ weights)
        self.sigma, self.padding_mode = sigma, padding_mode
        self.register_constants({"kernel": kernel}, device=device, dtype=dtype)

    def _pool(self, x: Tensor) -> Tensor:
        sides, inner = (self.padding[1], self.padding[1], self.padding[0], self.padding[0]), self.padding
        if self.padding_mode != "zeros":
            x, inner = F.pad(x, sides, mode=self.padding_mode), (0, 0)
        kernel = self.constants(x)["kernel"].expand(self.dim, 1, *self.kernel_size)
        return F.conv2d(x, kernel, None, self.stride, inner, 1, self.dim)

    def _as_torch(self) -> nn.Module | None:
        if not self.dim:
            return None
        mode = cast(Any, self.padding_mode)
        dtype, device = self._own_place()
        plain = nn.Conv2d(
            self.dim, self.dim, self.kernel_size, self.stride, self.padding, 1, self.dim, False, mode,
            device=device, dtype=dtype,
        )  # fmt: skip
        with torch.no_grad():
            plain.weight.copy_(self.constants(plain.weight)["kernel"].expand_as(plain.weight))
        return plain


def _gaussian(window: Pair, sigma: float | None) -> np.ndarray:
    factors = []
    for size in window:
        width = size / 6 if sigma is None else sigma
        factors.append(np.exp(-((np.arange(size) - (size - 1) / 2) ** 2) / (2 * width**2)))
    kernel = np.outer(*factors)
    return kernel / kernel.sum()
