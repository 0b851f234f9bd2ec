"""Networks that read the weights of a perceptron, whatever the order of its hidden neurons."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod, sqrt
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from equilayers.errors import BadInput
from equilayers.layers.graph_linear import GraphLinear
from equilayers.models.cost import count_macs
from equilayers.models.initialisation import reset_parts
from equilayers.models.mlp import MLP

__all__ = ["WeightSpaceNet"]

Weights = Sequence[tuple[Tensor, Tensor]]


class WeightSpaceNet(nn.Module):
    r"""Every linear map between weights and biases of a perceptron that commutes with permuting its hidden neurons.

    .. math:: (W_i, b_i) \mapsto (P_i W_i P_{i-1}^{-1}, P_i b_i), \qquad P_0 = P_L = 1

    The group is the product of the symmetric groups of the hidden layers. Weights are tensors over the neurons that
    they join; inputs and outputs of the perceptron do not move, and are channels. Each hidden layer is a sum over all
    pairs of tensors of :class:`~equilayers.layers.GraphLinear`, whose means make it run on perceptrons of other widths.

    Args:
        sizes: neurons of the perceptron: inputs, hidden layers, outputs. Those of hidden layers may differ at run time.
        out_channels: of the output.
        width, depth: channels and number of hidden layers.
        pool: a number for the whole perceptron, invariant; False: new weights, equivariant.

    Shapes:
        pairs ``(batch, n_out, n_in)``, ``(batch, n_out)`` for each layer, to ``(batch, out_channels)``; without pool to
        pairs of the input's shapes, and ``out_channels`` is not used.

    Raises:
        BadInput: fewer than three sizes, no hidden layer, or weights of the wrong shapes.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> net = WeightSpaceNet((2, 8, 8, 1), 3, width=4)
        >>> weights = [(torch.zeros(5, b, a), torch.zeros(5, b)) for a, b in ((2, 8), (8, 8), (8, 1))]
        >>> net(weights).shape
        torch.Size([5, 3])

    Source: Zhou et al., Permutation Equivariant Neural Functionals (2023), section 3, hidden neurons only (HNP);
    Navon et al., Equivariant Architectures for Learning in Deep Weight Spaces (2023), section 5.
    """

    def __init__(
        self, sizes: Sequence[int], out_channels: int = 1, width: int = 16, depth: int = 2, pool: bool = True
    ) -> None:
        super().__init__()
        if len(sizes) < 3 or min(sizes) < 1 or depth < 1 or width < 1:
            raise BadInput(
                "A perceptron with hidden neurons has at least three sizes, and the network on it a hidden layer.",
                {"sizes": tuple(sizes), "depth": depth, "width": width},
                "Give sizes=(2, 16, 16, 1), depth=2.",
            )
        self.sizes, self.out_channels, self.pool = tuple(sizes), out_channels, pool
        moving = [None, *(f"hidden{i}" for i in range(1, len(sizes) - 1)), None]
        pairs = [((b, a), (moving[i], moving[i - 1])) for i, (a, b) in enumerate(pairwise(sizes), start=1)]
        tensors = [tensor for (b, a), (out, into) in pairs for tensor in (((b, a), (out, into)), ((b,), (out,)))]
        self._moving = [tuple(name is not None for name in names) for _, names in tensors]  # of each tensor's axes
        axes = [tuple(name for name in names if name) for _, names in tensors]
        channels = [prod(n for n, name in zip(shape, names, strict=True) if not name) for shape, names in tensors]
        hidden = [width] * len(axes)
        self.hidden = nn.ModuleList(_Mixed(axes, axes, a, b) for a, b in pairwise([channels, *[hidden] * depth]))
        self.reduce = _Mixed(axes, [()] if pool else axes, hidden, [width] if pool else channels)
        self.read_out = MLP(width, out_channels, width, 1) if pool else None
        self.structure = ([(None, None)] * (len(sizes) - 1),)  # of the argument, for a graph

    def reset_parameters(self) -> None:
        """Those of the layers."""
        reset_parts(self)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the matrix products for one perceptron of ``sizes``, as executed."""
        like = next(self.parameters())

        def at_zero(batch: Tensor) -> object:
            n = len(batch)
            return self([(like.new_zeros(n, b, a), like.new_zeros(n, b)) for a, b in pairwise(self.sizes)])

        return count_macs(at_zero, torch.zeros(1))

    def forward(self, weights: Weights) -> Tensor | list[tuple[Tensor, Tensor]]:
        """Outputs, without a last activation.

        Args:
            weights: weight and bias of each layer, as in ``torch.nn.Linear``, with a batch axis before.
        """
        if all(isinstance(tensor, Tensor) for pair in weights for tensor in pair):  # a tracer's have no shapes yet
            self._check(weights)
        tensors = [tensor for pair in weights for tensor in pair]
        fields = [_channels_last(x, moving) for x, moving in zip(tensors, self._moving, strict=True)]
        for layer in self.hidden:
            fields = [F.silu(x) for x in layer(fields)]
        found = self.reduce(fields)
        if self.read_out is not None:
            return self.read_out(F.silu(found[0]))
        new = [_back(y, m, x.shape) for y, m, x in zip(found, self._moving, tensors, strict=True)]
        return list(zip(new[::2], new[1::2], strict=True))

    def _check(self, weights: Weights) -> None:
        widths = [self.sizes[0], *(bias.shape[-1] for _, bias in weights)]
        shapes = [(tuple(weight.shape[1:]), tuple(bias.shape[1:])) for weight, bias in weights]
        fits = len(widths) == len(self.sizes) and widths[-1] == self.sizes[-1] and min(widths) > 0
        if not fits or shapes != [((b, a), (b,)) for a, b in pairwise(widths)]:
            raise BadInput(
                "Weights are those of a perceptron with the depth, inputs and outputs of sizes, and hidden neurons.",
                {"sizes": self.sizes, "shapes": shapes},
                "Give [(weight, bias), ...], each with a batch axis first.",
            )


def _order(moving: Sequence[bool]) -> list[int]:
    """The batch, the axes whose neurons move, then those whose neurons are channels."""
    return [0, *sorted(range(1, len(moving) + 1), key=lambda axis: not moving[axis - 1])]


def _channels_last(x: Tensor, moving: Sequence[bool]) -> Tensor:
    y, first = x.permute(_order(moving)), 1 + sum(moving)
    return y.flatten(first) if first <= len(moving) else y.unsqueeze(-1)


def _back(y: Tensor, moving: Sequence[bool], shape: Sequence[int]) -> Tensor:
    """From :func:`_channels_last` to the shape that it was given."""
    order = _order(moving)
    return y.reshape([shape[axis] for axis in order]).permute([order.index(axis) for axis in range(len(order))])


class _Mixed(nn.Module):
    """All maps from several tensors to several: a sum, divided so that every output has unit second moment."""

    def __init__(
        self,
        in_axes: Sequence[Sequence[str]],
        out_axes: Sequence[Sequence[str]],
        in_channels: Sequence[int],
        out_channels: Sequence[int],
    ) -> None:
        super().__init__()
        self.maps = nn.ModuleList(
            nn.ModuleList(
                GraphLinear(into, out, a, b, bias=i == 0)
                for i, (into, a) in enumerate(zip(in_axes, in_channels, strict=True))
            )
            for out, b in zip(out_axes, out_channels, strict=True)
        )

    def forward(self, fields: Sequence[Tensor]) -> list[Tensor]:
        """One tensor for each output; what does not depend on a set of neurons has size 1 there until it is added."""
        found = []
        for row in self.maps:
            parts = [layer(x, sizes=1) for layer, x in zip(cast(nn.ModuleList, row), fields, strict=True)]
            found.append(sum(parts[1:], parts[0]) / sqrt(len(parts)))
        return found
