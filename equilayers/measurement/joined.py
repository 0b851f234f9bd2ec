"""Several tensors as one value: an action on a tuple or a dict, and how such a value is walked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from equilayers.errors import BadInput, GroupMismatch
from equilayers.groups import Group

__all__ = [
    "ActionLike",
    "Held",
    "Joined",
    "Tensors",
    "as_action",
    "cast_like",
    "common_group",
    "fitted",
    "leaves",
    "mapped",
    "rows",
]

Tensors = Any  # a tensor, or a tuple or a dict of such values
HELD = "None in place of an action holds a tensor fixed: (V, None) with inputs=(x, z)."


class ActionLike(Protocol):
    """How an element moves a tensor: all that measurement knows of a layer's input and output."""

    @property
    def group(self) -> Group: ...

    def transform(self, g: Tensor, x: Tensors) -> Tensors: ...

    def sample_input(
        self, n: int, generator: torch.Generator | None = None, dtype: torch.dtype | None = None
    ) -> Tensors: ...


class Held:
    """What no element moves, of any dtype: in place of an action on one of several tensors."""

    group = None

    def transform(self, g: Tensor, x: Tensor) -> Tensor:
        return x


class Joined:
    """One action on several tensors, each moved by its own part.

    Args:
        parts: by position or by key; :class:`Held` moves nothing.
        keyed: whether the value is a dict, else a tuple.
    """

    def __init__(self, parts: Mapping[Any, Any], keyed: bool) -> None:
        self.parts, self.keyed = dict(parts), keyed
        groups = [part.group for part in self.parts.values() if part.group is not None]
        if not groups:
            raise BadInput(
                "One of several tensors must be moved.", {"actions": list(self.parts)}, "Give an action of a group."
            )
        self.group: Group = groups[0]
        for other in groups[1:]:
            if other != self.group:
                raise GroupMismatch(
                    "Several tensors need actions of one group.",
                    {"groups": [str(group) for group in groups]},
                    "Restrict the others to one group.",
                )

    def _like(self, values: Iterator[Any]) -> Tensors:
        return dict(zip(self.parts, values, strict=True)) if self.keyed else tuple(values)

    def transform(self, g: Tensor, x: Tensors) -> Tensors:
        """Each tensor by its part."""
        return self._like(part.transform(g, x[key]) for key, part in self.parts.items())

    def sample_input(
        self, n: int, generator: torch.Generator | None = None, dtype: torch.dtype | None = None
    ) -> Tensors:
        """Standard normal inputs of every part."""
        for key, part in self.parts.items():
            if isinstance(part, Held):
                raise BadInput("What is held fixed cannot be drawn.", {"held": key}, "Give inputs=.")
        return self._like(part.sample_input(n, generator=generator, dtype=dtype) for part in self.parts.values())

    def fitted(self, x: Tensors, what: str) -> Tensors:
        """``x`` as a tuple or dict in the order of the parts; an error where it is something else."""
        kind = Mapping if self.keyed else Sequence
        found: object = type(x).__name__
        if isinstance(x, kind) and not isinstance(x, str):
            found = list(x) if self.keyed else f"{len(x)} values"
            if (set(x) == set(self.parts)) if self.keyed else (len(x) == len(self.parts)):
                return self._like(fitted(part, x[key], f"{what} [{key!r}]") for key, part in self.parts.items())
        raise BadInput(
            f"{what} must be a {'dict' if self.keyed else 'tuple'} with one tensor for each action.",
            {"actions": list(self.parts) if self.keyed else f"{len(self.parts)} actions", "found": found},
            "Give one action for each tensor, or None for a tensor that no element moves.",
        )


def as_action(action: Any, role: str) -> Any:
    """An action as it is; a tuple or dict of actions as one action on a tuple or dict of tensors.

    Raises:
        BadInput: something that is no action, by the name of its role.
    """
    if isinstance(action, Mapping):
        return Joined({key: _part(part, f"{role}[{key!r}]") for key, part in action.items()}, keyed=True)
    if isinstance(action, (tuple, list)):
        return Joined({key: _part(part, f"{role}[{key}]") for key, part in enumerate(action)}, keyed=False)
    if not hasattr(action, "group") or not callable(getattr(action, "transform", None)):
        raise BadInput(
            f"{role} must be an action: a representation, a field, or a tuple or dict of these.",
            {role: repr(action)},
            "Give eq.defining(G), eq.GridField(rep) or another object with group and transform.",
        )
    return action


def _part(action: Any, role: str) -> Any:
    return Held() if action is None else as_action(action, role)


def common_group(in_action: ActionLike, out_action: ActionLike) -> Group:
    """The one group of both actions."""
    if in_action.group != out_action.group:
        raise GroupMismatch(
            "Input and output need actions of one group.",
            {"in_action": in_action.group, "out_action": out_action.group},
            "Restrict one of them to the group of the other.",
        )
    return in_action.group


def fitted(action: Any, x: Tensors, what: str) -> Tensors:
    """``x`` in the form that ``action`` moves; an error that names ``what`` where it has another."""
    if isinstance(action, Joined):
        return action.fitted(x, what)
    if not isinstance(x, Tensor):
        raise BadInput(
            f"{what} must be a tensor.",
            {"found": type(x).__name__, "action": repr(action)},
            "Give one tensor, or a tuple or dict of actions for a tuple or dict of tensors.",
        )
    # The only thing known of a representation beyond its being an action: it acts on the last axis, not the first.
    if callable(action) and not isinstance(action, Held) and x.dim() < 2:
        raise BadInput(
            f"{what} must have an axis that the representation acts on, after that of the batch.",
            {"found": tuple(x.shape), "action": repr(action)},
            "Return (batch, dim): unsqueeze(-1) makes one number per input a vector.",
        )
    return x


def leaves(action: Any, x: Tensors, name: str = "") -> dict[str, Tensor]:
    """The tensors that an element may move, by their path; one tensor has the empty path."""
    if isinstance(x, Tensor):
        return {} if isinstance(action, Held) else {name: x}
    parts = action.parts if isinstance(action, Joined) else {}
    found: dict[str, Tensor] = {}
    for key, value in x.items() if isinstance(x, Mapping) else enumerate(x):
        found |= leaves(parts.get(key), value, f"{name}.{key}" if name else str(key))
    return found


def mapped(function: Callable[[Tensor], Tensor], x: Tensors) -> Tensors:
    """The function of every tensor, in the same tuple or dict."""
    if isinstance(x, Tensor):
        return function(x)
    if isinstance(x, Mapping):
        return {key: mapped(function, value) for key, value in x.items()}
    return tuple(mapped(function, value) for value in x)


def cast_like(x: Tensors, model: Tensors) -> Tensors:
    """Each tensor on the device and in the dtype of its counterpart."""
    counterparts: list[Tensor] = []
    mapped(lambda tensor: counterparts.append(tensor) or tensor, model)  # type: ignore[func-returns-value]
    following = iter(counterparts)
    return mapped(lambda tensor: tensor.to(next(following)), x)


def rows(x: Tensors, part: slice, n: int) -> Tensors:
    """Some inputs of a batch of ``n``; a tensor of another length belongs to all of them."""
    return mapped(lambda tensor: tensor[part] if tensor.dim() and len(tensor) == n else tensor, x)
