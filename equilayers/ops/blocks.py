"""Block-diagonal linear maps in Schur coordinates, and sums of products with fixed intertwiners."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from equilayers.ops.transforms import Block

__all__ = ["BlockLayout", "expand_endomorphisms", "invariant_vector", "schur_linear", "sum_of_products"]


class BlockLayout(NamedTuple):
    """One irrep: its dimension, the dimension 1, 2 or 4 of its commutant, and the multiplicities on both sides.

    Example:
        >>> BlockLayout(dim=3, end_dim=1, in_multiplicity=8, out_multiplicity=4).dim
        3
    """

    dim: int
    end_dim: int
    in_multiplicity: int
    out_multiplicity: int


def expand_endomorphisms(weight: Tensor, units: Tensor) -> Tensor:
    r"""The real matrix :math:`\sum_e u_e \otimes W_e` ``(c * out, c * in)`` of a complex or quaternionic
    ``weight`` ``(out, in, c)``.

    ``units`` ``(c, c, c)`` are the right multiplications by 1, i(, j, k).

    Example:
        >>> units = torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[0.0, -1.0], [1.0, 0.0]]])
        >>> expand_endomorphisms(torch.tensor([[[2.0, 3.0]]]), units).tolist()
        [[2.0, -3.0], [3.0, 2.0]]
    """
    c = units.shape[0]
    out, inn = weight.shape[0], weight.shape[1]
    columns = units.to(weight.dtype).reshape(c, c * c)
    return (weight @ columns).view(out, inn, c, c).permute(2, 0, 3, 1).reshape(c * out, c * inn)


def schur_linear(x: Block, layout: BlockLayout, weight: Tensor, units: Tensor | None, bias: Tensor | None) -> Block:
    """One block: ``(*batch, dim, in)`` to ``(*batch, dim, out)``, or component by component.

    Args:
        x: the block of the input: one tensor, or a list of ``dim`` tensors ``(*batch, in)``.
        layout: sizes.
        weight: ``(out, in)``, or ``(out, in, c)`` for an irrep whose commutant has dimension c = 2 or 4.
        units: ``(c, c, c)`` for such an irrep.
        bias: ``(out,)``, for the trivial irrep only.

    Example:
        >>> x = torch.tensor([[[1.0], [2.0]]])
        >>> schur_linear(x, BlockLayout(2, 1, 1, 1), torch.tensor([[3.0]]), None, None).tolist()
        [[[3.0], [6.0]]]
    """
    if isinstance(x, list):
        return [F.linear(component, weight, bias) for component in x]
    if x is None:
        return None
    if units is None:
        return F.linear(x, weight, bias)
    c = layout.end_dim
    full = expand_endomorphisms(weight, units)
    fields = x.unflatten(-2, (c, layout.dim // c)).transpose(-3, -2).flatten(-2)
    y = F.linear(fields, full).unflatten(-1, (c, layout.out_multiplicity))
    return y.transpose(-3, -2).flatten(-3, -2)


def sum_of_products(x: Tensor, basis: Tensor, weight: Tensor) -> Tensor:
    r""":math:`\sum_k B_k\, x\, W_k^T`: ``(*batch, d_in, m_in)`` to ``(*batch, d_out, m_out)``.

    Args:
        x: fields, components by copies.
        basis: ``(k, d_out, d_in)`` fixed intertwiners.
        weight: ``(k, m_out, m_in)``.

    Example:
        >>> basis = torch.tensor([[[0.0, -1.0], [1.0, 0.0]]])
        >>> sum_of_products(torch.tensor([[[1.0], [2.0]]]), basis, torch.tensor([[[5.0]]])).tolist()
        [[[-10.0], [5.0]]]
    """
    k, d_out, d_in = basis.shape
    moved = torch.matmul(basis.to(x.dtype).transpose(0, 1).reshape(d_out * k, d_in), x)  # rows (d_out, k)
    return F.linear(moved.unflatten(-2, (d_out, k)).flatten(-2), weight.transpose(0, 1).flatten(1))


def invariant_vector(
    weight: Tensor, layout: Sequence[tuple[int, int, int, str]], bases: Sequence[Tensor | None]
) -> Tensor:
    """``(dim,)``: the invariant vector with coordinates ``weight``, term by term, copies innermost.

    ``layout`` holds ``(dim, multiplicity, k, name)``; ``bases`` the ``(dim, k)`` invariants of each term, None
    where k = 0.

    Example:
        >>> ones = torch.ones(3, 1)
        >>> invariant_vector(torch.tensor([2.0]), [(3, 1, 1, "regular"), (2, 1, 0, "turn")], [ones, None]).tolist()
        [2.0, 2.0, 2.0, 0.0, 0.0]
    """
    parts, start = [], 0
    for (dim, multiplicity, k, _), basis in zip(layout, bases, strict=True):
        if basis is None:
            parts.append(weight.new_zeros(dim * multiplicity))
            continue
        piece = weight[start : start + k * multiplicity].view(k, multiplicity)
        parts.append((basis.to(weight.dtype) @ piece).flatten())
        start += k * multiplicity
    return torch.cat(parts) if parts else weight.new_zeros(0)
