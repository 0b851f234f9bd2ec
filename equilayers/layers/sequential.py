"""Layers one after the other, neighbours compared when the chain is built."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import torch
from torch import Tensor, nn

from equilayers.errors import BadInput, RepresentationMismatch
from equilayers.layers.change_basis import are_equivalent
from equilayers.layers.layer import Layer
from equilayers.numerics import hashed_numbers
from equilayers.representations import GridField, PointField, Representation

__all__ = ["Sequential", "actions_agree"]

TOLERANCE = 1e-9
STEP = 0.6180339887  # a generic point of each one-parameter subgroup


def actions_agree(first: Any, second: Any) -> bool:
    """Whether two actions are one function: generators move fixed vectors alike, within 1e-9."""
    first, second = (_of_tokens(action) for action in (first, second))
    if first is second:
        return True
    if isinstance(first, Representation) and isinstance(second, Representation):
        return first == second or _images_agree(first, second)
    if isinstance(first, GridField) and isinstance(second, GridField):
        return (
            first.dims == second.dims
            and actions_agree(first.plane, second.plane)
            and actions_agree(first.rep, second.rep)
        )
    return bool(first == second)


def _of_tokens(action: Any) -> Any:
    """Tokens without positions are acted on as any last axis is."""
    return action.rep if isinstance(action, PointField) and not action.plane.dim else action


def _images_agree(v: Representation, w: Representation) -> bool:
    if v.group != w.group or v.dim != w.dim:
        return False
    group = v.group
    probes = torch.tensor(hashed_numbers("probe", 2 * v.dim)).view(2, v.dim)
    elements = list(group.discrete_generators)
    elements += list(group.exp(STEP * torch.eye(group.lie_dim, dtype=torch.float64))) if group.lie_dim else []
    for g in elements:
        a, b = v.transform(g, probes), w.transform(g, probes)
        if (a - b).abs().max() > TOLERANCE * max(1.0, float(a.abs().max())):
            return False
    return True


class Sequential(Layer):
    """A chain of layers, each taking what the one before returns.

    Args:
        layers: modules with ``in_action`` and ``out_action``.

    Raises:
        RepresentationMismatch: neighbours act differently; it says whether a :class:`ChangeBasis` would mend it.
        BadInput: no layers, or a module that does not know its actions.

    Example:
        >>> import torch, equilayers as eq
        >>> G = eq.group("D4")
        >>> V, W = eq.defining(G), 4 * eq.regular(G)
        >>> net = eq.layers.Sequential(
        ...     eq.layers.Linear(V, W), eq.layers.PointwiseActivation(W), eq.layers.Linear(W, V)
        ... )
        >>> net(torch.zeros(3, 2)).shape, net.exact
        (torch.Size([3, 2]), True)
    """

    def __init__(self, *layers: nn.Module) -> None:
        if not layers:
            raise BadInput("Sequential needs at least one layer.", {}, "Give the layers one by one.")
        for position, layer in enumerate(layers):
            if not hasattr(layer, "in_action") or not hasattr(layer, "out_action"):
                raise BadInput(
                    "Sequential takes layers that know their actions.",
                    {f"layer {position}": type(layer).__name__},
                    "Use a layer of equilayers, or torch.nn.Sequential, which compares nothing.",
                )
        for position in range(len(layers) - 1):
            _require_neighbours(position, layers[position], layers[position + 1])
        bounds = [getattr(layer, "error_bound", None) for layer in layers]
        known = [bound for bound in bounds if bound is not None]
        ends: tuple[Any, ...] = layers[0].in_action, layers[-1].out_action
        if any(_of_tokens(layer.in_action) is not layer.in_action for layer in layers):  # then all see tokens
            ends = tuple(PointField(_of_tokens(end), 0 * _of_tokens(end)) for end in ends)
        super().__init__(
            *ends,
            exact=all(getattr(layer, "exact", True) for layer in layers),
            error_bound=sum(known) if known else None,
        )
        for position, layer in enumerate(layers):
            self.add_module(str(position), layer)

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[nn.Module]:
        return iter(cast(dict[str, nn.Module], self._modules).values())  # a layer used twice comes twice

    def __getitem__(self, index: int) -> nn.Module:
        return list(self)[index]

    def forward(self, x: Tensor) -> Tensor:
        """Each layer in turn."""
        for layer in self:
            x = layer(x)
        return x

    def _as_torch(self) -> nn.Module | None:
        from equilayers.layers.conversion import to_torch

        return nn.Sequential(*(to_torch(layer) for layer in self))


def _require_neighbours(position: int, first: Any, second: Any) -> None:
    a, b = first.out_action, second.in_action
    if actions_agree(a, b):
        return
    v, w = getattr(a, "rep", a), getattr(b, "rep", b)
    values = {
        f"layer {position} ({type(first).__name__}) gives": repr(a),
        f"layer {position + 1} ({type(second).__name__}) takes": repr(b),
    }
    alike = isinstance(a, Representation) == isinstance(b, Representation)
    if alike and isinstance(v, Representation) and isinstance(w, Representation) and are_equivalent(v, w):
        dims = "" if isinstance(a, Representation) else f", dims={a.dims}"
        raise RepresentationMismatch(
            "Neighbours in Sequential must agree: these are equivalent, in another basis.",
            values,
            f"Insert equilayers.layers.ChangeBasis({v}, {w}{dims}) between them.",
        )
    if v.group != w.group:
        remedy = "Insert equilayers.layers.Restriction, or build both layers for one group."
    else:
        remedy = "Build the second layer for the representation that the first one returns."
    raise RepresentationMismatch("Neighbours in Sequential must agree: these act differently.", values, remedy)
