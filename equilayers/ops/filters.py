"""Expansion of free weights into convolution filters: one gather, or one matrix product, for each pair of atoms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["FilterBlock", "FilterLayout", "assemble_filter", "expand_block"]


class FilterBlock(NamedTuple):
    """How weights ``(m_out, m_in, k)`` of a pair of atoms become ``(d_out, m_out, d_in, m_in, rows, columns)``.

    ``kind`` "gather": entry n is ``weight[..., index[n]]`` times ``sign[n]`` where there are signs. ``kind``
    "product": the weights, cut into ``orbits`` slots of equal length, times ``basis`` ``(orbits, slot, points *
    pixels)``, put in place by ``index``.
    """

    kind: str
    d_out: int
    d_in: int
    orbits: int
    signed: bool
    padded: bool


class FilterLayout(NamedTuple):
    """Multiplicities and dimensions of both sides, and the window; ``blocks[o][i]`` is a position or -1."""

    outs: tuple[tuple[int, int], ...]
    ins: tuple[tuple[int, int], ...]
    window: tuple[int, int]
    blocks: tuple[tuple[int, ...], ...]


def expand_block(weight: Tensor, block: FilterBlock, constants: Sequence[Tensor], window: tuple[int, int]) -> Tensor:
    """``(d_out, m_out, d_in, m_in, rows, columns)`` from ``weight`` ``(m_out, m_in, k)``.

    ``constants``: ``index`` and, if signed, ``sign``; or ``basis``, ``index`` and, if padded, ``slots``.

    Example:
        >>> block = FilterBlock("gather", 1, 1, 0, False, False)
        >>> expand_block(torch.tensor([[[2.0, 3.0]]]), block, [torch.tensor([0, 1, 0])], (1, 3)).flatten().tolist()
        [2.0, 3.0, 2.0]
    """
    m_out, m_in = weight.shape[0], weight.shape[1]
    if block.kind == "gather":
        entries = weight.index_select(2, constants[0])
        if block.signed:
            entries = entries * constants[1].to(weight.dtype)
        return entries.view(m_out, m_in, block.d_out, block.d_in, *window).permute(2, 0, 3, 1, 4, 5)
    if block.padded:
        weight = weight.index_select(2, constants[2])
    basis = constants[0].to(weight.dtype)
    slots = weight.reshape(m_out * m_in, block.orbits, -1).transpose(0, 1)
    values = torch.bmm(slots, basis).view(block.orbits, m_out * m_in, -1, window[0] * window[1])
    points = values.permute(0, 2, 1, 3).flatten(0, 1).index_select(0, constants[1])
    return points.view(block.d_out, block.d_in, m_out, m_in, *window).permute(0, 2, 1, 3, 4, 5)


def assemble_filter(
    weights: Sequence[Tensor],
    blocks: Sequence[FilterBlock],
    constants: Sequence[Sequence[Tensor]],
    layout: FilterLayout,
) -> Tensor:
    """``(out channels, in channels, rows, columns)``: the blocks side by side, zeros where a pair has no map."""
    rows = []
    for (m_out, d_out), positions in zip(layout.outs, layout.blocks, strict=True):
        row = []
        for (m_in, d_in), n in zip(layout.ins, positions, strict=True):
            if n < 0:
                row.append(weights[0].new_zeros(d_out * m_out, d_in * m_in, *layout.window))
                continue
            filters = expand_block(weights[n], blocks[n], constants[n], layout.window)
            row.append(filters.reshape(d_out * m_out, d_in * m_in, *layout.window))
        rows.append(row[0] if len(row) == 1 else torch.cat(row, 1))
    return rows[0] if len(rows) == 1 else torch.cat(rows)
