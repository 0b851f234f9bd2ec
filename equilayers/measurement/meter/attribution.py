"""Which part of a module breaks the law: errors of the parts that declare how the group acts on them."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import BadInput, EquilayersError
from equilayers.measurement.joined import Tensors, as_action, cast_like, fitted, leaves, mapped
from equilayers.measurement.meter.elements import Rounds
from equilayers.measurement.meter.report import LayerError
from equilayers.measurement.meter.sums import PairSums, flat
from equilayers.measurement.meter.tally import pulled_back
from equilayers.measurement.probe import Probe, as_numbers, called, moved, uncompiled, wide

__all__ = ["layer_errors"]

Seen = dict[str, tuple[Any, Any]]  # first input and output of each part


def layer_errors(probe: Probe, x: Tensors, rounds: Rounds) -> tuple[LayerError, ...]:
    """Own and accumulated error of every submodule with ``in_action`` and ``out_action``, in order of execution.

    Args:
        probe: of a module in evaluation mode; anything else has no parts.
        x: some inputs, in double precision.
        rounds: the elements to use.
    """
    f = uncompiled(probe.f)
    if not isinstance(f, torch.nn.Module) or probe.size(x) < 2 or not len(rounds):
        return ()
    modules = {name: module for name, module in f.named_modules() if name and _declares(module)}
    if not modules:
        return ()
    probe = probe.of(f)  # compiled code runs no hooks
    try:
        seen = _record(probe, modules, x)
    except BadInput as problem:  # a module that takes no other size of batch
        return tuple(LayerError(name, None, None, problem.rule) for name in modules)
    found = {name: _Part(name, modules[name], *values, rounds, probe.differentiates) for name, values in seen.items()}
    for g, back in rounds:
        now = _record(probe, modules, moved(probe.in_action, g, x, "The input"))
        for name, part in found.items():
            part.add(g, back, now.get(name))
    never = [LayerError(name, None, None, "not called as a module of tensors") for name in modules if name not in seen]
    return (*(part.error() for part in found.values()), *never)


def _declares(module: torch.nn.Module) -> bool:
    try:
        actions = [as_action(getattr(module, name), name) for name in ("in_action", "out_action")]
    except (AttributeError, EquilayersError):
        return False
    return all(hasattr(action, "transform") for action in actions)


def _record(probe: Probe, modules: dict[str, torch.nn.Module], x: Tensors) -> Seen:
    """First input and output of each part during one call."""
    inputs: dict[str, Any] = {}
    seen: Seen = {}

    def before(name: str, module: torch.nn.Module, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        given = named if named and not arguments else arguments[0] if len(arguments) == 1 else arguments
        if name not in inputs and _are_tensors(given):
            inputs[name] = mapped(_kept, given)

    def after(name: str, module: torch.nn.Module, arguments: tuple[Any, ...], out: Any) -> None:
        if name not in seen and name in inputs and _are_tensors(out):
            seen[name] = inputs[name], mapped(_kept, out)

    handles = [m.register_forward_pre_hook(partial(before, name), with_kwargs=True) for name, m in modules.items()]
    handles += [m.register_forward_hook(partial(after, name)) for name, m in modules.items()]
    try:
        probe(x)
    finally:
        for handle in handles:
            handle.remove()
    return seen


def _kept(tensor: Tensor) -> Tensor:
    """A copy, for the next part may work in place."""
    return tensor.detach().clone()


def _numbers(tensor: Tensor) -> Tensor:
    return as_numbers(tensor.detach())


def _are_tensors(value: Any) -> bool:
    if isinstance(value, (tuple, list, dict)):
        return len(value) > 0 and all(map(_are_tensors, value.values() if isinstance(value, dict) else value))
    return isinstance(value, Tensor)


class _Part:
    """One part's sums; a part whose tensors do not fit its declared actions is told without numbers, never left out."""

    def __init__(self, name: str, module: Any, h: Tensors, y: Tensors, rounds: Rounds, gradients: bool) -> None:
        self.name, self.module, self.rounds, self.gradients, self.note = name, module, rounds, gradients, ""
        self.in_action = as_action(module.in_action, "in_action")
        self.out_action = as_action(module.out_action, "out_action")
        if not self.in_action.group == rounds.group == self.out_action.group:
            self.note = f"acted on by {self.in_action.group}"
            return
        try:
            self.h = fitted(self.in_action, h, "The input of this part")
            tensors = leaves(self.out_action, fitted(self.out_action, y, "The output of this part"))
        except EquilayersError as problem:
            self.note = problem.rule
            return
        tensors = {key: t.cpu() for key, t in tensors.items()}
        self.own, self.so_far = ({key: PairSums(t) for key, t in tensors.items()} for _ in range(2))

    def add(self, g: Tensor, back: Tensor, now: tuple[Any, Any] | None) -> None:
        if self.note:
            return
        try:
            if now is None:
                raise BadInput("not called on every input")
            moved_h = self.in_action.transform(g, mapped(wide, self.h))
            with torch.set_grad_enabled(self.gradients):
                y = called(self.module, cast_like(moved_h, self.h))
            for sums, output in ((self.own, y), (self.so_far, now[1])):
                output = mapped(_numbers, fitted(self.out_action, output, "The output of this part"))
                for part, u in pulled_back(self.out_action, self.rounds, back, output):
                    for key, tensor in leaves(self.out_action, u).items():
                        sums[key].add(part, flat(tensor))
        except (EquilayersError, RuntimeError, TypeError, KeyError, ValueError) as problem:
            self.note = (str(problem).splitlines() or [type(problem).__name__])[0]

    def error(self) -> LayerError:
        if self.note:
            return LayerError(self.name, None, None, self.note)
        own, so_far = _ratio(self.own), _ratio(self.so_far)
        note = "outputs that do not differ, or are not finite" if own is None or so_far is None else ""
        return LayerError(self.name, own, so_far, note)


def _ratio(sums: dict[str, PairSums]) -> float | None:
    a = sum(float(each.own().mean()) for each in sums.values())
    b = sum(float(each.shuffled().mean()) for each in sums.values())
    return float(np.sqrt(a / b)) if 0 < b < np.inf and a < np.inf else None
