"""Between a basis of fields and blocks, one per irreducible representation, by one small matrix per summand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Term", "TransformLayout", "from_blocks", "to_blocks"]


class Term(NamedTuple):
    """One summand ``m * atom``: its sizes, which matrix belongs to it, and the rows that each block owns after it.

    ``matrix`` is an index into the list of matrices, or -1 where the atom already is in the irrep basis. ``rows`` holds
    ``(block, d, k)``: the next ``d * k`` rows are k copies of the d-dimensional irrep of that block, copies innermost.
    """

    dim: int
    multiplicity: int
    matrix: int
    rows: tuple[tuple[int, int, int], ...]


class TransformLayout(NamedTuple):
    """Where everything lies: the terms in the order of the axis, and ``(d, M)`` of every block."""

    terms: tuple[Term, ...]
    blocks: tuple[tuple[int, int], ...]

    @property
    def is_direct(self) -> bool:
        """Every term is one block: cutting the axis is all there is to do."""
        used = [t.rows[0][0] for t in self.terms if len(t.rows) == 1 and t.matrix < 0]
        return len(used) == len(self.terms) and len(set(used)) == len(used)


def to_blocks(x: Tensor, layout: TransformLayout, matrices: Sequence[Tensor]) -> list[Tensor | None]:
    r"""Blocks :math:`Q^T x` ``(*batch, d, M)``, one for each entry of ``layout.blocks``; None for a block without rows.

    Args:
        x: ``(*batch, dim)``.
        layout: the frozen program.
        matrices: ``(dim, dim)`` for each distinct atom; applied from the left.
    """
    found: list[list[Tensor]] = [[] for _ in layout.blocks]
    pieces = x.split([t.dim * t.multiplicity for t in layout.terms], -1) if layout.terms else ()
    for i, term in enumerate(layout.terms):
        fields = pieces[i].unflatten(-1, (term.dim, term.multiplicity))
        if term.matrix >= 0:
            fields = torch.matmul(matrices[term.matrix].to(x.dtype), fields)
        rows = fields.split([d * k for _, d, k in term.rows], -2) if len(term.rows) > 1 else (fields,)
        for j, (block, d, k) in enumerate(term.rows):
            found[block].append(rows[j] if k == 1 else rows[j].unflatten(-2, (d, k)).flatten(-2))
    return [(parts[0] if len(parts) == 1 else torch.cat(parts, -1)) if parts else None for parts in found]


def from_blocks(
    blocks: Sequence[Tensor | None], layout: TransformLayout, matrices: Sequence[Tensor], like: Tensor
) -> Tensor:
    """``(*batch, dim)`` from blocks ``(*batch, d, M)``; None counts as zeros.

    Args:
        blocks: one for each entry of ``layout.blocks``.
        layout: the frozen program.
        matrices: ``(dim, dim)`` for each distinct atom; applied from the left.
        like: gives the batch shape, the dtype and the device of what is zero.
    """
    batch = like.shape[:-1]
    taken = [0] * len(blocks)
    sizes = [[k * t.multiplicity for t in layout.terms for b, _, k in t.rows if b == i] for i in range(len(blocks))]
    cut = [None if block is None else block.split(sizes[i], -1) for i, block in enumerate(blocks)]
    out = []
    for term in layout.terms:
        parts = []
        for block, d, k in term.rows:
            queue = cut[block]
            if queue is None:
                part = like.new_zeros(batch + (d, k * term.multiplicity))
            else:
                part = queue[taken[block]]
                taken[block] += 1
            parts.append(part if k == 1 else part.unflatten(-1, (k, term.multiplicity)).flatten(-3, -2))
        fields = parts[0] if len(parts) == 1 else torch.cat(parts, -2)
        if term.matrix >= 0:
            fields = torch.matmul(matrices[term.matrix].to(fields.dtype), fields)
        out.append(fields.flatten(-2))
    if not out:
        return like.new_zeros(batch + (0,))
    return out[0] if len(out) == 1 else torch.cat(out, -1)
