"""How the meter sees a function: evaluated as in use, on float64 tensors in and out."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from equilayers.errors import BadInput, GroupMismatch
from equilayers.groups import Group

__all__ = ["ActionLike", "Probe", "Rounds", "as_generator", "common_group", "evaluation", "float64_twin"]

ENUMERATED_ORDER = 64  # groups up to this order are measured on every element
CHUNK = 1024


class ActionLike(Protocol):
    """How an element moves a tensor: all that measurement knows of a layer's input and output."""

    @property
    def group(self) -> Group: ...

    def transform(self, g: Tensor, x: Tensor) -> Tensor: ...

    def sample_input(
        self, n: int, generator: torch.Generator | None = None, dtype: torch.dtype | None = None
    ) -> Tensor: ...


def as_generator(generator: torch.Generator | int) -> torch.Generator:
    """A generator as it is, or a fresh one with that seed."""
    if isinstance(generator, torch.Generator):
        return generator
    return torch.Generator().manual_seed(generator)


def common_group(in_action: ActionLike, out_action: ActionLike) -> Group:
    """The one group of both actions."""
    if in_action.group != out_action.group:
        raise GroupMismatch(
            "Input and output need actions of one group.",
            {"in_action": in_action.group, "out_action": out_action.group},
            "Restrict one of them to the group of the other.",
        )
    return in_action.group


@contextmanager
def evaluation(f: Callable[..., object]) -> Iterator[None]:
    """Evaluation mode without gradients, with every submodule's own mode restored afterwards."""
    parts = list(f.modules()) if isinstance(f, torch.nn.Module) else []
    modes = [part.training for part in parts]
    try:
        for part in parts:
            part.training = False
        with torch.no_grad():
            yield
    finally:
        for part, mode in zip(parts, modes, strict=True):
            part.training = mode


class Probe:
    """A function as float64 in, float64 out, computed in its own dtype and on its own device."""

    def __init__(self, f: Callable[[Tensor], Tensor], inputs: Tensor | None) -> None:
        self.f = f
        tensors = [*f.parameters(), *f.buffers()] if isinstance(f, torch.nn.Module) else []
        floating = [t for t in tensors if t.is_floating_point()]
        chosen = inputs.dtype if inputs is not None else torch.get_default_dtype()
        parameters = list(f.parameters()) if isinstance(f, torch.nn.Module) else []
        if inputs is None or parameters:
            chosen = next((t.dtype for t in floating), chosen)
        self.dtype = chosen
        self.device = tensors[0].device if tensors else torch.device("cpu") if inputs is None else inputs.device
        self.roundoff = torch.finfo(self.dtype).eps

    def __call__(self, x: Tensor) -> Tensor:
        outputs = [self._part(part) for part in x.split(CHUNK)]
        return torch.cat(outputs)

    def _part(self, x: Tensor) -> Tensor:
        y = self.f(x.to(device=self.device, dtype=self.dtype))
        if not isinstance(y, Tensor) or y.dim() < 1 or len(y) != len(x):
            raise BadInput(
                "The measured function must map a batch to a batch.",
                {"input": tuple(x.shape), "output": tuple(y.shape) if isinstance(y, Tensor) else type(y).__name__},
                "Return one tensor whose leading axis is that of the input.",
            )
        if y.is_floating_point():
            self.roundoff = max(self.roundoff, torch.finfo(y.dtype).eps)
        return y.detach().to(device="cpu", dtype=torch.float64)


def float64_twin(f: Callable[[Tensor], Tensor], inputs: Tensor) -> Probe | None:
    """The same module in double precision; None where there is none to compare with."""
    if not isinstance(f, torch.nn.Module) or not any(True for _ in [*f.parameters(), *f.buffers()]):
        return None
    try:
        twin = copy.deepcopy(f).double()
    except (RuntimeError, TypeError, NotImplementedError):
        return None  # some modules (compiled, hooked, sharded) cannot be copied; the floor is then estimated
    probe = Probe(twin, inputs)
    probe.dtype, probe.roundoff = torch.float64, torch.finfo(torch.float64).eps
    return probe


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
