r"""Maps between tensors over nodes that commute with relabelling: means over some axes, diagonals, and broadcasts.

A program lists diagrams. Each takes a diagonal of the input and means over some of its indices, mixes channels there,
and spreads the result over the output; never more work than reading the input and writing the output a few times.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from equilayers.ops.masks import keep

__all__ = ["Exchange", "Expansion", "NodeProgram", "Reduction", "contract_nodes"]


class Reduction(NamedTuple):
    """How an input tensor becomes one over fewer indices.

    Attributes:
        equation: of ``torch.einsum``, the diagonal and the sums; empty where the tensor stays as it is.
        dropped: for each index summed over, its set of nodes.

    Example:
        >>> Reduction("zaby->zay", (0,)).dropped
        (0,)
    """

    equation: str
    dropped: tuple[int, ...]


class Expansion(NamedTuple):
    """How a tensor over the indices in between becomes part of the output.

    Attributes:
        pattern: which output indices are equal: a position in ``NodeProgram.patterns``.
        source: for each distinct output index the axis it reads, or -1 where the output does not depend on it.

    Example:
        >>> Expansion(0, (-1, 0)).source
        (-1, 0)
    """

    pattern: int
    source: tuple[int, ...]


class Exchange(NamedTuple):
    """All diagrams with the same indices in between: every expansion of every reduction, reductions fastest.

    Example:
        >>> Exchange((Reduction("", ()),), (Expansion(0, (0,)), Expansion(0, (-1,)))).size
        2
    """

    reductions: tuple[Reduction, ...]
    expansions: tuple[Expansion, ...]

    @property
    def size(self) -> int:
        return len(self.reductions) * len(self.expansions)


class NodeProgram(NamedTuple):
    """All diagrams from one tensor to another.

    Attributes:
        in_sets, out_sets: for each axis its set of nodes, numbered from 0.
        patterns: for each way in which output indices can be equal, a label for each axis, numbered in the order of
            first appearance.
        exchanges: the diagrams, in the order of their weights.

    Example:
        >>> NodeProgram((0,), (), ((),), (Exchange((Reduction("zay->zy", (0,)),), (Expansion(0, ()),)),)).size
        1
    """

    in_sets: tuple[int, ...]
    out_sets: tuple[int, ...]
    patterns: tuple[tuple[int, ...], ...]
    exchanges: tuple[Exchange, ...]

    @property
    def size(self) -> int:
        return sum(exchange.size for exchange in self.exchanges)


def contract_nodes(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    program: NodeProgram,
    sizes: Sequence[int],
    masks: Sequence[Tensor] | None = None,
    channels: int = 0,
) -> Tensor:
    r"""The sum of all diagrams, each with its own matrix between channels.

    .. math:: y = \sum_d D_d(x)\, W_d^T + \sum_p \delta_p\, b_p

    Args:
        x: ``(batch, *nodes, in)``.
        weight: ``(program.size, out, in)``; None: nothing but the bias.
        bias: ``(patterns, out)``: a constant for each pattern of equal output indices.
        program: the diagrams.
        sizes: number of nodes in each set.
        masks: for each set ``(batch, size)``, true for nodes that are there: means run over them, other outputs are 0.
        channels: of the output, where there is neither weight nor bias.

    Shapes:
        ``(batch, *nodes, out)``.

    Example:
        >>> mean = NodeProgram((0,), (), ((),), (Exchange((Reduction("zay->zy", (0,)),), (Expansion(0, ()),)),))
        >>> contract_nodes(torch.tensor([[[1.0], [3.0]]]), torch.ones(1, 1, 1), None, mean, (2,)).tolist()
        [[2.0]]
    """
    channels = weight.shape[1] if weight is not None else bias.shape[1] if bias is not None else channels
    totals: list[Tensor | None] = [None] * len(program.patterns)
    if weight is not None:
        if masks is not None:
            x = _masked(x, program.in_sets, masks)
        counts = sizes if masks is None else [mask.sum(-1).clamp(min=1) for mask in masks]
        _exchange(x, weight, program, counts, masks is not None, totals)
    if bias is not None:
        totals = [bias[p] if total is None else total + bias[p] for p, total in enumerate(totals)]
    y = None
    for labels, total in zip(program.patterns, totals, strict=True):
        if total is not None:
            part = _spread(total, labels, program.out_sets, x.shape[0], sizes, channels)
            y = part if y is None else y + part
    if y is None:
        y = x.new_zeros((x.shape[0], *(sizes[s] for s in program.out_sets), channels))
    return y if masks is None else _masked(y, program.out_sets, masks)


def _exchange(
    x: Tensor,
    weight: Tensor,
    program: NodeProgram,
    counts: Sequence[int | Tensor],
    masked: bool,
    totals: list[Tensor | None],
) -> None:
    """Add every diagram to the total of its pattern: ``(batch, *distinct indices or 1, out)``."""
    start = 0
    for exchange in program.exchanges:
        r, e = len(exchange.reductions), len(exchange.expansions)
        fields = [_reduce(x, reduction, counts, masked) for reduction in exchange.reductions]
        matrix = weight[start : start + e * r].unflatten(0, (e, r)).transpose(1, 2).flatten(2).flatten(0, 1)
        mixed = F.linear(torch.cat(fields, -1) if r > 1 else fields[0], matrix)
        parts = mixed.chunk(e, -1)
        for i, (pattern, source) in enumerate(exchange.expansions):
            placed = _place(parts[i], source)
            total = totals[pattern]
            totals[pattern] = placed if total is None else total + placed
        start += e * r


def _reduce(x: Tensor, reduction: Reduction, counts: Sequence[int | Tensor], masked: bool) -> Tensor:
    """Means over the indices that are dropped; with masks, counts are one number for each set of the batch."""
    if not reduction.equation:
        return x
    y = torch.einsum(reduction.equation, x)
    axes = len(reduction.equation.split("->")[1]) - 1
    for s in reduction.dropped:
        count = counts[s]
        y = y / (cast(Tensor, count)[(...,) + (None,) * axes].to(y.dtype) if masked else count)
    return y


def _place(part: Tensor, source: tuple[int, ...]) -> Tensor:
    """Axes in the order of the output's indices; size 1 where the output does not depend on an index."""
    used = [a + 1 for a in source if a >= 0]
    if used != sorted(used):
        part = part.permute(0, *used, len(used) + 1)
    for i, a in enumerate(source):
        if a < 0:
            part = part.unsqueeze(i + 1)
    return part


def _spread(
    total: Tensor, labels: tuple[int, ...], sets: tuple[int, ...], batch: int, sizes: Sequence[int], channels: int
) -> Tensor:
    """From distinct indices to all: equal ones lie on a diagonal, with zeros beside it."""
    distinct = max(labels, default=-1) + 1
    y = total.expand(batch, *(sizes[sets[labels.index(b)]] for b in range(distinct)), channels)
    axes = list(range(distinct))
    for b in range(distinct):
        for _ in range(labels.count(b) - 1):
            at = axes.index(b) + 1
            y = torch.diag_embed(y.movedim(at, -1), dim1=at, dim2=at + 1)
            axes.insert(at, b)
    if tuple(axes) == labels:
        return y
    order = []
    for b in labels:
        at = next(i for i, a in enumerate(axes) if a == b and i + 1 not in order)
        order.append(at + 1)
    return y.permute(0, *order, len(labels) + 1)


def _masked(x: Tensor, sets: tuple[int, ...], masks: Sequence[Tensor]) -> Tensor:
    """Zero wherever an index belongs to no node, whatever stood there."""
    for axis, s in enumerate(sets):
        there = masks[s][(slice(None),) + (None,) * axis + (slice(None),) + (None,) * (len(sets) - axis - 1)]
        x = keep(x, there)
    return x
