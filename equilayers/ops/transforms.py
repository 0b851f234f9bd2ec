"""Between a basis of fields and blocks, one per irreducible representation, by one small matrix per summand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor

__all__ = ["Block", "Term", "TransformLayout", "from_blocks", "to_blocks"]

Block = Tensor | list[Tensor] | None


class Term(NamedTuple):
    """One summand ``m * atom``: its sizes, which matrix belongs to it, and the rows that each block owns after it.

    ``matrix`` is an index into the list of matrices, or -1 where the atom already is in the irrep basis.
    ``rows`` holds ``(block, d, k)``: the next ``d * k`` rows are k copies of the d-dimensional irrep of that
    block, copies innermost.

    Example:
        >>> Term(dim=3, multiplicity=2, matrix=-1, rows=((0, 3, 1),)).rows[0]
        (0, 3, 1)
    """

    dim: int
    multiplicity: int
    matrix: int
    rows: tuple[tuple[int, int, int], ...]


class TransformLayout(NamedTuple):
    """Where everything lies: the terms in the order of the axis, ``(d, M)`` of every block, and how a block is
    handed over.

    A block is one tensor ``(*batch, d, M)``, or where ``by_component`` says so a list of d tensors ``(*batch,
    M)``: wide blocks are multiplied faster one by one, since nothing then has to be copied into one piece.

    Example:
        >>> term = Term(dim=3, multiplicity=2, matrix=-1, rows=((0, 1, 1), (1, 2, 1)))
        >>> TransformLayout((term,), ((1, 2), (2, 2)), (False, True)).cuts(term)
        [2, 2, 2]
    """

    terms: tuple[Term, ...]
    blocks: tuple[tuple[int, int], ...]
    by_component: tuple[bool, ...]

    def cuts(self, term: Term) -> list[int]:
        """Sizes into which the flat axis of one term is cut, or from which it is joined."""
        sizes: list[int] = []
        for block, d, k in term.rows:
            width = k * term.multiplicity
            sizes += [width] * d if self.by_component[block] else [d * width]
        return sizes


def to_blocks(x: Tensor, layout: TransformLayout, matrices: Sequence[Tensor]) -> list[Block]:
    r"""Blocks :math:`Q^{-1} x`, one for each entry of ``layout.blocks``; None for a block without rows.

    Args:
        x: ``(*batch, dim)``.
        layout: the frozen program.
        matrices: ``(dim, dim)`` for each distinct atom; applied from the left.

    Example:
        >>> term = Term(dim=2, multiplicity=1, matrix=0, rows=((0, 1, 1), (1, 1, 1)))
        >>> layout = TransformLayout((term,), ((1, 1), (1, 1)), (False, False))
        >>> swap = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
        >>> [block.flatten().tolist() for block in to_blocks(torch.tensor([[3.0, 4.0]]), layout, [swap])]
        [[4.0], [3.0]]
    """
    found: list[list[Block]] = [[] for _ in layout.blocks]
    sizes = [layout.cuts(t) if t.matrix < 0 else [t.dim * t.multiplicity] for t in layout.terms]
    pieces = _cut(x, [size for part in sizes for size in part])  # one cut: its derivative is one full-width tensor
    at = 0
    for term in layout.terms:
        start, parts = at, pieces
        if term.matrix >= 0:
            start, parts = 0, _cut(_multiply(pieces[at], term, matrices), layout.cuts(term))
        at += len(layout.cuts(term)) if term.matrix < 0 else 1
        for block, d, k in term.rows:
            if layout.by_component[block]:
                found[block].append([parts[start + j] for j in range(d)])
                start += d
            else:
                found[block].append(parts[start].unflatten(-1, (d, k * term.multiplicity)))
                start += 1
    return [_join(parts) for parts in found]


def from_blocks(blocks: Sequence[Block], layout: TransformLayout, matrices: Sequence[Tensor], like: Tensor) -> Tensor:
    """``(*batch, dim)`` from blocks in the form that ``layout.by_component`` says; None counts as zeros.

    Args:
        blocks: one for each entry of ``layout.blocks``.
        layout: the frozen program.
        matrices: ``(dim, dim)`` for each distinct atom; applied from the left.
        like: gives the batch shape, the dtype and the device of what is zero.

    Example:
        >>> term = Term(dim=2, multiplicity=1, matrix=-1, rows=((0, 1, 1), (1, 1, 1)))
        >>> layout = TransformLayout((term,), ((1, 1), (1, 1)), (False, False))
        >>> from_blocks([torch.tensor([[[4.0]]]), None], layout, [], torch.zeros(1, 2)).tolist()
        [[4.0, 0.0]]
    """
    batch = like.shape[:-1]  # below it is added to, not unpacked: a tracer's shape cannot be unpacked
    taken = [0] * len(blocks)
    shares = [[k * t.multiplicity for t in layout.terms for b, _, k in t.rows if b == i] for i in range(len(blocks))]
    cut = [_cut_block(block, sizes) for block, sizes in zip(blocks, shares, strict=True)]
    out: list[Tensor] = []
    for term in layout.terms:
        parts: list[Tensor] = []
        for block, d, k in term.rows:
            share = cut[block]
            if share is None:
                parts.append(like.new_zeros(batch + (d * k * term.multiplicity,)))
            elif layout.by_component[block]:
                parts += [share[j][taken[block]] for j in range(d)]
            else:
                parts.append(share[0][taken[block]].flatten(-2))
            taken[block] += 1
        out += parts if term.matrix < 0 else [_multiply(_cat(parts), term, matrices)]
    return _cat(out) if out else like.new_zeros(batch + (0,))


def _multiply(flat: Tensor, term: Term, matrices: Sequence[Tensor]) -> Tensor:
    fields = flat.unflatten(-1, (term.dim, term.multiplicity))
    return torch.matmul(matrices[term.matrix].to(flat.dtype), fields).flatten(-2)


def _cut(x: Tensor, sizes: list[int]) -> Sequence[Tensor]:
    return x.split(sizes, -1) if len(sizes) > 1 else (x,)


def _cut_block(block: Block, sizes: list[int]) -> list[Sequence[Tensor]] | None:
    if block is None:
        return None
    return [_cut(part, sizes) for part in (block if isinstance(block, list) else [block])]


def _cat(parts: list[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts, -1)


def _join(parts: list[Block]) -> Block:
    if not parts:
        return None
    if isinstance(parts[0], list):
        return [_cat(list(columns)) for columns in zip(*cast(list[list[Tensor]], parts), strict=True)]
    return _cat(cast(list[Tensor], parts))
