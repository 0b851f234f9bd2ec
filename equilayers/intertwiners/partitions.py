r"""Maps between tensor powers of permutation representations: one for each partition of the axes.

Axes in one block carry equal indices. With several sets of nodes, each permuted by its own symmetric group, a block
joins axes of one set only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations

import numpy as np
from torch import Tensor

from equilayers.errors import BadInput, TooLarge
from equilayers.numerics import derived
from equilayers.ops import Exchange, Expansion, NodeProgram, Reduction, contract_nodes

__all__ = ["SetPartition", "canonical_labels", "node_diagrams", "node_program", "partition_count", "set_partitions"]

MOST_AXES = 8  # Bell(8) = 4140 diagrams
MATRIX_LIMIT = 50_000_000


@dataclass(frozen=True)
class SetPartition:
    """A map T(k) -> T(l) of a permutation representation: a block for each axis of the input, then of the output.

    Attributes:
        labels: block of each axis, numbered in the order of first appearance.
        in_order: k.

    Example:
        >>> import torch
        >>> transposed = SetPartition((0, 1, 1, 0), 2)
        >>> transposed.apply(torch.tensor([[1.0, 2.0], [3.0, 4.0]])).tolist()
        [[1.0, 3.0], [2.0, 4.0]]

    Source: Maron, Ben-Hamu, Shamir, Lipman, Invariant and Equivariant Graph Networks (2019), appendix A.
    """

    labels: tuple[int, ...]
    in_order: int

    @property
    def out_order(self) -> int:
        return len(self.labels) - self.in_order

    @property
    def blocks(self) -> int:
        return max(self.labels, default=-1) + 1

    def matrix(self, n: int) -> np.ndarray:
        """``(n**l, n**k)`` zeros and ones, for comparison; layers never need it.

        Raises:
            TooLarge: more than 50 million entries.
        """
        k, axes = self.in_order, len(self.labels)
        if n**axes > MATRIX_LIMIT:
            raise TooLarge(
                "The matrix of this diagram is not written out.",
                {"shape": f"{n}^{axes - k} x {n}^{k}", "size": f"{n**axes * 8 / 1e9:.1f} GB"},
                "Use apply(x).",
            )
        ordered = (*self.labels[k:], *self.labels[:k])
        index = np.indices((n,) * self.blocks).reshape(self.blocks, n**self.blocks)[list(ordered)]
        full = np.zeros((n,) * axes)
        full[tuple(index)] = 1.0
        return full.reshape(n ** (axes - k), n**k)

    def apply(self, x: Tensor) -> Tensor:
        """``matrix(n) @ x`` for ``(*batch, *[n] * k)``, as sums, diagonals and copies of the tensor.

        Raises:
            BadInput: fewer axes than k, or k = 0, where n is not known: use :meth:`embed`.
        """
        k = self.in_order
        if not k or x.ndim < k or len(set(x.shape[x.ndim - k :])) > 1:
            raise BadInput(
                "A diagram acts on the last k axes, all of one size.",
                {"k": k, "input": tuple(x.shape)},
                f"Give (*batch, {', '.join(['n'] * max(k, 1))}), or use embed(x, n) for k = 0.",
            )
        return self.embed(x, x.shape[-1])

    def embed(self, x: Tensor, n: int) -> Tensor:
        """As :meth:`apply`, with the number of nodes given."""
        k, batch = self.in_order, x.shape[: x.ndim - self.in_order]
        into, out = self.labels[:k], self.labels[k:]
        shared = [b for b in dict.fromkeys(into) if b in out]
        pattern = canonical_labels(out)
        source = tuple(shared.index(b) if b in shared else -1 for b in dict.fromkeys(out))
        equation = f"z{_letters(into)}y->z{_letters(shared)}y"
        exchange = Exchange((Reduction(equation, ()),), (Expansion(0, source),))  # sums: nothing is divided by
        program = NodeProgram((0,) * k, (0,) * len(out), (pattern,), (exchange,))
        flat = x.reshape(-1, *x.shape[len(batch) :], 1)
        y = contract_nodes(flat, flat.new_ones(1, 1, 1), None, program, (n,))
        return y.reshape(*batch, *y.shape[1:-1])


def canonical_labels(labels: Sequence[int]) -> tuple[int, ...]:
    """The same blocks, numbered in the order of first appearance.

    Example:
        >>> canonical_labels((7, 3, 7))
        (0, 1, 0)
    """
    number: dict[int, int] = {}
    return tuple(number.setdefault(label, len(number)) for label in labels)


def set_partitions(sets: Sequence[int], most: int | Mapping[int, int] | None = None) -> Iterator[tuple[int, ...]]:
    """Labels of all partitions of axes into blocks within one set, in lexicographic order.

    Args:
        sets: for each axis its set of nodes.
        most: largest number of blocks, for all sets or for each.

    Example:
        >>> list(set_partitions((0, 0))), len(list(set_partitions((0,) * 4))), len(list(set_partitions((0,) * 4, 2)))
        ([(0, 0), (0, 1)], 15, 8)
    """

    def extended(labels: tuple[int, ...], owners: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        if len(labels) == len(sets):
            yield labels
            return
        own = sets[len(labels)]
        for block, owner in enumerate(owners):
            if owner == own:
                yield from extended((*labels, block), owners)
        limit = most.get(own) if isinstance(most, Mapping) else most
        if limit is None or owners.count(own) < limit:
            yield from extended((*labels, len(owners)), (*owners, own))

    return extended((), ())


def partition_count(axes: int, most: int | None = None) -> int:
    """Number of partitions of a set into at most ``most`` blocks, a sum of Stirling numbers; all: a Bell number.

    Example:
        >>> partition_count(4), partition_count(4, 2)
        (15, 8)
    """
    row = [1]  # Stirling numbers of the second kind
    for m in range(1, axes + 1):
        row = [0] + [(row[b] * b if b < m else 0) + row[b - 1] for b in range(1, m + 1)]
    return sum(row[: axes + 1 if most is None else most + 1])


def _letters(labels: Sequence[int]) -> str:
    return "".join(chr(ord("a") + b) for b in labels)


@derived
def node_program(in_sets: tuple[int, ...], out_sets: tuple[int, ...]) -> NodeProgram:
    """Every diagram between two tensors over nodes, arranged by what crosses from input to output; most crossing first.

    Raises:
        TooLarge: more than 8 axes.

    Example:
        >>> [exchange.size for exchange in node_program((0, 0), (0, 0)).exchanges]
        [2, 9, 4]
    """
    if len(in_sets) + len(out_sets) > MOST_AXES:
        raise TooLarge(
            "Diagrams of this many axes are not listed.",
            {
                "axes": len(in_sets) + len(out_sets),
                "limit": MOST_AXES,
                "diagrams": partition_count(len(in_sets) + len(out_sets)),
            },
            "Use lower orders.",
        )
    patterns = tuple(sorted(set_partitions(out_sets), key=lambda p: (-max(p, default=-1), p)))
    reductions: dict[tuple[int, ...], list[Reduction]] = {}
    for labels, kept in _kept(in_sets):
        between = tuple(in_sets[labels.index(b)] for b in kept)
        into, out = _letters(labels), _letters(kept)
        dropped = tuple(in_sets[labels.index(b)] for b in range(max(labels, default=-1) + 1) if b not in kept)
        reductions.setdefault(between, []).append(Reduction("" if into == out else f"z{into}y->z{out}y", dropped))
    exchanges = []
    for between in sorted(reductions, key=lambda sets: (-len(sets), sets)):
        expansions = tuple(_expansions(between, out_sets, patterns))
        if expansions:
            exchanges.append(Exchange(tuple(reductions[between]), expansions))
    return NodeProgram(in_sets, out_sets, patterns, tuple(exchanges))


def _kept(sets: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """All pairs of a partition and of some of its blocks, the latter ordered by set."""
    for labels in sorted(set_partitions(sets), key=lambda p: (-max(p, default=-1), p)):
        blocks = sorted(range(max(labels, default=-1) + 1), key=lambda b: sets[labels.index(b)])
        for size in range(len(blocks), -1, -1):
            for kept in combinations(blocks, size):
                yield labels, kept


def _expansions(
    between: tuple[int, ...], sets: tuple[int, ...], patterns: tuple[tuple[int, ...], ...]
) -> Iterator[Expansion]:
    """Every pattern, with every way to give the axes in between to distinct indices of their set."""
    for p, labels in enumerate(patterns):
        owners = [sets[labels.index(b)] for b in range(max(labels, default=-1) + 1)]
        for blocks in permutations(range(len(owners)), len(between)):
            if all(owners[b] == s for b, s in zip(blocks, between, strict=True)):
                source = [-1] * len(owners)
                for axis, b in enumerate(blocks):
                    source[b] = axis
                yield Expansion(p, tuple(source))


@derived
def node_diagrams(in_sets: tuple[int, ...], out_sets: tuple[int, ...]) -> tuple[SetPartition, ...]:
    """The diagrams of :func:`node_program` in its order: what each weight of a layer multiplies.

    Example:
        >>> [d.labels for d in node_diagrams((0,), (0,))]
        [(0, 0), (0, 1)]
    """
    program = node_program(in_sets, out_sets)
    found: list[SetPartition] = []
    reduced: dict[tuple[int, ...], list[tuple[tuple[int, ...], tuple[int, ...]]]] = {}
    for labels, kept in _kept(in_sets):
        reduced.setdefault(tuple(in_sets[labels.index(b)] for b in kept), []).append((labels, kept))
    for between in sorted(reduced, key=lambda sets: (-len(sets), sets)):
        for pattern, source in _expansions(between, out_sets, program.patterns):
            for labels, kept in reduced[between]:
                fresh = len(in_sets)
                out = [kept[source[b]] if source[b] >= 0 else fresh + b for b in program.patterns[pattern]]
                found.append(SetPartition(canonical_labels((*labels, *out)), len(in_sets)))
    assert len({d.labels for d in found}) == len(found) == program.size
    return tuple(found)
