"""The plain network that costs as much as an equivariant one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from equilayers.errors import BadInput
from equilayers.models.cnn import CNN
from equilayers.models.cost import count_parameters
from equilayers.models.mlp import MLP

__all__ = ["twin"]

WIDEST = 1 << 20


def twin(model: Any, match: str = "parameters") -> CNN | MLP:
    """The plain network with the layers of ``model``, of the width that comes nearest to its cost.

    Args:
        model: a :class:`GroupCNN` or an :class:`EquivariantMLP`.
        match: "parameters", or "flops" for multiply-accumulates per input.

    Raises:
        BadInput: another ``match``, or a model that has no plain twin.

    Example:
        >>> import equilayers as eq
        >>> from equilayers.models import GroupCNN
        >>> net = GroupCNN(eq.group("C4"), 8)
        >>> twin(net).width, twin(net, "flops").width
        (16, 32)
    """
    if match not in ("parameters", "flops"):
        raise BadInput("A twin matches one cost.", {"match": match}, 'Give match="parameters" or match="flops".')
    build = _builder(model)
    cost = count_parameters if match == "parameters" else _macs
    target = cost(model)

    def of_width(width: int) -> int:
        with torch.device("meta"):  # counted without memory or randomness
            return cost(build(width))

    low, high = 1, 2
    while of_width(high) < target and high < WIDEST:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if of_width(middle) < target else (low, middle)
    return build(min((low, high), key=lambda width: abs(of_width(width) - target)))


def _macs(model: Any) -> int:
    return model.macs


def _builder(model: nn.Module) -> Callable[[int], CNN | MLP]:
    from equilayers.models.equivariant_mlp import EquivariantMLP
    from equilayers.models.group_cnn import GroupCNN

    if isinstance(model, GroupCNN):
        shape = (model.size, model.channels, model.classes, model.first, model.poolings)
        return lambda width: CNN(width, *shape)
    if isinstance(model, EquivariantMLP):
        sizes, depth = (model.in_rep.dim, model.out_rep.dim), model.depth
        return lambda width: MLP(*sizes, width=width, depth=depth)
    raise BadInput(
        "Only an equivariant model has a plain twin.",
        {"model": type(model).__name__},
        "Give a GroupCNN or an EquivariantMLP.",
    )
