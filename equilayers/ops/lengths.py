r"""Euclidean lengths and directions with derivatives of every order at every point, in every precision.

Where a function is not differentiable, derivatives follow one convention, that of ``torch.relu``: a finite number, and
never NaN. A vector of length zero counts as constant: its length has derivatives zero there, to all orders (zero is the
middle of all slopes of :math:`|x|`), and it has no direction. What is built from lengths and is differentiable there,
such as :math:`x\, f(|x|)`, has its true first derivative.
"""

from __future__ import annotations

import torch
from torch import Tensor

from equilayers.ops.precision import widened

__all__ = ["direction", "norm"]

NOTHING = 2.0**-126  # squares below this are no normal numbers in single precision: their roots have no digits
UNDIRECTED = 2e-6  # of vectors about 1: a shorter one may be what rounding left of zero


def norm(x: Tensor, dim: int, keepdim: bool = False) -> Tensor:
    r""":math:`|x| = \sqrt{\sum_i x_i^2}` along ``dim``.

    Derivatives are :math:`x / |x|`, :math:`(1 - x x^T / |x|^2) / |x|`, and so on; at zero they are zero, to all orders.
    Vectors shorter than 1e-19 count as zero. Sums are made in single precision at least.

    Example:
        >>> x = torch.tensor([[3.0, 4.0], [0.0, 0.0]])
        >>> norm(x, -1)
        tensor([5., 0.])
        >>> torch.func.hessian(lambda y: norm(y, -1))(x[1])
        tensor([[0., 0.],
                [0., 0.]])
    """
    square = widened(x).square().sum(dim, keepdim=keepdim)
    nothing = square < NOTHING
    return torch.where(nothing, 0.0, torch.where(nothing, 1.0, square).sqrt()).to(x.dtype)


def direction(x: Tensor, dim: int) -> Tensor:
    r""":math:`x / |x|` along ``dim``, in single precision at least; zero, and constant, where :math:`|x| < 2 \cdot
    10^{-6}`.

    Example:
        >>> direction(torch.tensor([[3.0, 4.0], [0.0, 1e-9]]), -1)
        tensor([[0.6000, 0.8000],
                [0.0000, 0.0000]])
    """
    wide = widened(x)
    square = wide.square().sum(dim, keepdim=True)
    short = square < UNDIRECTED**2
    return torch.where(short, 0.0, wide / torch.where(short, 1.0, square).sqrt())
