"""Which part of a module breaks the law: errors of the parts that declare how the group acts on them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import EquilayersError
from equilayers.measurement.probe import ActionLike, Rounds
from equilayers.measurement.report import LayerError
from equilayers.measurement.statistics import shuffled_pairs

__all__ = ["layer_errors"]


def layer_errors(
    f: Callable[[Tensor], Tensor], x: Tensor, in_action: ActionLike, rounds: Rounds
) -> tuple[LayerError, ...]:
    """Own and accumulated error of every submodule with ``in_action`` and ``out_action``, in order of execution.

    Args:
        f: a module in evaluation mode; anything else has no parts.
        x: inputs in the dtype and on the device of ``f``.
        in_action: how an element moves ``x``.
        rounds: the elements to use.
    """
    if not isinstance(f, torch.nn.Module) or len(x) < 2 or not len(rounds):
        return ()
    parts = {name: part for name, part in f.named_modules() if name and _declares(part)}
    if not parts:
        return ()
    seen = _record(f, parts, x)
    moved = []
    for g, back in rounds:
        gx = in_action.transform(g, x.cpu().double()).to(x.device, x.dtype)
        moved.append((g, back, {name: y for name, (_, y) in _record(f, parts, gx).items()}))
    return tuple(_errors(name, parts[name], h, y, moved, rounds) for name, (h, y) in seen.items())


def _declares(part: torch.nn.Module) -> bool:
    return all(hasattr(getattr(part, name, None), "transform") for name in ("in_action", "out_action"))


def _record(f: torch.nn.Module, parts: dict[str, torch.nn.Module], x: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
    """First input and output of each part during one call."""
    seen: dict[str, tuple[Tensor, Tensor]] = {}

    def keep(name: str, part: torch.nn.Module, arguments: tuple[object, ...], output: object) -> None:
        if name not in seen and arguments and isinstance(arguments[0], Tensor) and isinstance(output, Tensor):
            seen[name] = (arguments[0].detach(), output.detach())

    handles = [part.register_forward_hook(partial(keep, name)) for name, part in parts.items()]
    try:
        f(x)
    finally:
        for handle in handles:
            handle.remove()
    return seen


def _errors(
    name: str,
    part: Any,
    h: Tensor,
    y: Tensor,
    moved: list[tuple[Tensor, Tensor, dict[str, Tensor]]],
    rounds: Rounds,
) -> LayerError:
    """A part whose tensors do not fit its declared actions is reported without numbers, never left out."""
    try:
        own = None
        if part.in_action.group == rounds.group == part.out_action.group:
            own = _ratio(
                y,
                [
                    (back, part(part.in_action.transform(g, h.cpu().double()).to(h.device, h.dtype)))
                    for g, back, _ in moved
                ],
                part.out_action,
            )
            return LayerError(name, own, _ratio(y, [(back, at[name]) for _, back, at in moved], part.out_action))
        return LayerError(name, None, None, f"acted on by {part.in_action.group}")
    except (EquilayersError, RuntimeError, KeyError) as problem:
        return LayerError(name, None, None, str(problem).splitlines()[0])


def _ratio(v: Tensor, moved: list[tuple[Tensor, Tensor]], action: ActionLike) -> float | None:
    flat = v.cpu().double().flatten(1).numpy()
    a, b = [], []
    for back, u in moved:
        own, others = shuffled_pairs(action.transform(back, u.cpu().double()).flatten(1).numpy()[None], flat)
        a.append(own.mean())
        b.append(others.mean())
    return float(np.sqrt(np.mean(a) / np.mean(b))) if np.mean(b) > 0 else None
