"""The group elements of a measurement."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from equilayers.groups import Group

__all__ = ["Rounds"]

ENUMERATED_ORDER = 64  # groups up to this order are measured on every element


@dataclass(frozen=True)
class Rounds:
    """The elements of a measurement: one for all inputs per round, or one per input and round.

    Attributes:
        elements: ``(rounds, *element)``, or ``(rounds, inputs, *element)`` where they are drawn.
        exhaustive: every element but the identity, each once for every input.
    """

    group: Group
    elements: Tensor
    exhaustive: bool

    @classmethod
    def choose(cls, group: Group, inputs: int, samples: int, generator: torch.Generator) -> Rounds:
        """All non-identity elements of a small group, else ``samples`` drawn for each input."""
        if group.order is not None and group.order <= ENUMERATED_ORDER:
            return cls(group, group.elements()[1:], True)
        drawn = group.sample(samples * inputs, generator=generator)
        return cls(group, drawn.reshape(samples, inputs, *drawn.shape[1:]), False)

    def __len__(self) -> int:
        return len(self.elements)

    def part(self, rounds: int, inputs: int) -> Rounds:
        """The first rounds and inputs only."""
        elements = self.elements[:rounds] if self.exhaustive else self.elements[:rounds, :inputs]
        return Rounds(self.group, elements, self.exhaustive)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Pairs of an element (or one per input) and its inverse."""
        for g in self.elements:
            yield g, self.group.inverse(g)

    def of(self, g: Tensor, inputs: slice) -> Tensor:
        """The element of some inputs, out of one round's."""
        return g if self.exhaustive else g[inputs]
