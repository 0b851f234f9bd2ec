"""The linear layer on sets, graphs and tensors over nodes, at any number of nodes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from equilayers import ops
from equilayers.errors import BadInput
from equilayers.intertwiners.partitions import node_diagrams, node_program
from equilayers.layers.layer import Fingerprint, Layer
from equilayers.layers.node_start import starting_weights
from equilayers.layers.sharded import mix
from equilayers.representations.nodes import NODES, NodeTensor

__all__ = ["GraphLinear"]

Sets = int | Sequence[str]
Masks = Tensor | Mapping[str, Tensor]


class GraphLinear(Layer):
    r"""Every linear map T(k) -> T(l) between tensors over nodes that commutes with relabelling them.

    .. math:: y = \sum_d D_d(x)\, W_d^T + \sum_p \delta_p\, b_p

    The diagrams d are the partitions of the k + l axes: 2 for sets (Deep Sets), 5 from nodes to edges, 15 from edges
    to edges. Axes in one block carry equal indices; indices that only the input has are averaged, so neither weights
    nor the size of the map depend on the number of nodes: what was trained at n = 10 runs at n = 1000. At fixed
    :math:`n \ge k + l` the diagrams are a basis of ``eq.hom`` between the tensor powers of S_n; for smaller n they
    still span it. The work is O(n^max(k, l)).

    Several sets of nodes, each relabelled by itself, get names: ``GraphLinear(("out", "in"), ("out", "in"), 1, 8)``
    maps weight matrices of a network, ``S_out x S_in``. Blocks then join axes of one set.

    Args:
        in_order, out_order: k and l, or for each axis the name of its set.
        in_channels, out_channels: features at each index.
        bias: add a constant for each pattern of equal output indices.
        n: nodes, or nodes in each set, that ``in_action`` and ``out_action`` take; the layer itself takes any number.
        device, dtype: as in torch.

    Attributes:
        weight: ``(diagrams, out_channels, in_channels)``, in the order of ``diagrams``.
        bias: ``(patterns, out_channels)``.
        diagrams: which indices are equal, a label for each axis of the input, then of the output.

    Shapes:
        ``(batch, *[n] * k, in_channels)`` to ``(batch, *[n] * l, out_channels)``.

    Raises:
        BadInput: an input of the wrong shape, or a number of nodes that neither input, mask nor ``sizes`` tell.
        TooLarge: more than 8 axes.

    Example:
        >>> import torch
        >>> layer = GraphLinear(2, 1, 3, 4)
        >>> layer(torch.zeros(5, 10, 10, 3)).shape, layer(torch.zeros(5, 99, 99, 3)).shape
        (torch.Size([5, 10, 4]), torch.Size([5, 99, 4]))
        >>> [d for d in GraphLinear(1, 1, 1, 1).diagrams]  # the identity, and the mean over all nodes
        [(0, 0), (0, 1)]

    Source: Maron, Ben-Hamu, Shamir, Lipman, Invariant and Equivariant Graph Networks (2019), theorem 1; Zaheer et al.,
    Deep Sets (2017), lemma 3; Zhou, Finn, Harrison, Universal Neural Functionals (2024), section 3, for several sets.
    """

    weight: nn.Parameter | None
    bias: nn.Parameter | None

    def __init__(
        self,
        in_order: Sets,
        out_order: Sets,
        in_channels: int,
        out_channels: int,
        bias: bool = True,
        n: int | Mapping[str, int] = NODES,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        in_names, out_names = _names(in_order), _names(out_order)
        names = tuple(n) if isinstance(n, Mapping) else tuple(dict.fromkeys((*in_names, *out_names, "nodes")))
        used = [name for name in names if name in (*in_names, *out_names)]
        sizes = {name: n[name] if isinstance(n, Mapping) else n for name in (used or names[:1])}
        super().__init__(NodeTensor(in_names, in_channels, sizes), NodeTensor(out_names, out_channels, sizes))
        self.in_channels, self.out_channels, self.sets = in_channels, out_channels, tuple(sizes)
        in_sets, out_sets = (tuple(self.sets.index(name) for name in of) for of in (in_names, out_names))
        self.program = node_program(in_sets, out_sets)
        self.diagrams = tuple(d.labels for d in node_diagrams(in_sets, out_sets))
        shapes = {
            "weight": (len(self.diagrams), out_channels, in_channels),
            "bias": (len(self.program.patterns) if bias else 0, out_channels),
        }
        for name, shape in shapes.items():
            new = nn.Parameter(torch.empty(shape, device=device, dtype=dtype)) if math.prod(shape) else None
            self.register_parameter(name, new)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Normal weights that give unit second moment for unit input at any number of nodes; bias zero.

        The weights of different diagrams are dependent: the mean is drawn against the deviation from it. Where l = 0
        every diagram averages, and the second moment is 1 for features that are equal on all nodes.
        """
        with torch.no_grad():
            if self.weight is not None:
                mixing, deviation = starting_weights(self.program.in_sets, self.program.out_sets)
                mix(self.weight.normal_(), mixing * (deviation / math.sqrt(self.in_channels)), 0)
            if self.bias is not None:
                self.bias.zero_()

    def forward(self, x: Tensor, mask: Masks | None = None, sizes: int | Mapping[str, int] | None = None) -> Tensor:
        """All diagrams.

        Args:
            x: ``(batch, *nodes, in_channels)``.
            mask: ``(batch, n)``, true where there is a node, or one for each set by name: means run over those, and the
                output is zero elsewhere. What stands in the input elsewhere has no effect.
            sizes: number of nodes of a set that the input does not have.
        """
        if isinstance(x, Tensor):
            self._check(x)
        masks = self._masks(mask)
        counts = self._sizes(x, masks, sizes)
        if isinstance(x, Tensor):  # a tracer's stand-in has no shape yet
            for found, count in zip(masks or (), counts, strict=False):
                ops.require_mask("GraphLinear", found, (len(x), count), "node")
        return ops.contract_nodes(x, self.weight, self.bias, self.program, counts, masks, self.out_channels)

    def _check(self, x: Tensor) -> None:
        axes = self.program.in_sets
        shape = x.shape[1:-1]
        fits = x.ndim == len(axes) + 2 and x.shape[-1] == self.in_channels and 0 not in shape
        if not fits or any(shape[i] != shape[axes.index(s)] for i, s in enumerate(axes)):
            raise BadInput(
                "GraphLinear takes (batch, *nodes, channels), at least one node, and as many on every axis of a set.",
                {"input": tuple(x.shape), "axes": self.in_action.axes, "channels": self.in_channels},
                "Check the order of the tensor, and that channels come last.",
            )

    def _sizes(
        self, x: Tensor, masks: tuple[Tensor, ...] | None, sizes: int | Mapping[str, int] | None
    ) -> tuple[int, ...]:
        found = []
        for s, name in enumerate(self.sets):
            if s in self.program.in_sets:
                found.append(x.shape[1 + self.program.in_sets.index(s)])
            elif masks is not None:
                found.append(masks[s].shape[-1])
            elif sizes is not None:
                found.append(sizes[name] if isinstance(sizes, Mapping) else sizes)
            elif s not in self.program.out_sets:
                found.append(1)
            else:
                raise BadInput(
                    "The input does not tell how many nodes the output has.",
                    {"set": name, "input axes": self.in_action.axes, "output axes": self.out_action.axes},
                    "Give sizes= or mask=.",
                )
        return tuple(found)

    def _masks(self, mask: Masks | None) -> tuple[Tensor, ...] | None:
        """One for each set."""
        if mask is None:
            return None
        found = tuple(mask.get(name) if isinstance(mask, Mapping) else mask for name in self.sets)
        if any(not isinstance(m, (Tensor, torch.fx.Proxy)) or (isinstance(m, Tensor) and m.ndim != 2) for m in found):
            given = [tuple(m.shape) if isinstance(m, Tensor) else type(m).__name__ for m in found]
            raise BadInput(
                "GraphLinear takes a mask (batch, n) of bool, or one for each set by name.",
                {"sets": self.sets, "mask": given},
                "Write torch.arange(n) < lengths[:, None].",
            )
        return cast(tuple[Tensor, ...], found)

    def _fingerprint(self) -> Fingerprint:
        meaning = [np.array(labels or (0,)) for labels in self.diagrams]
        return [np.array([len(self.in_action.axes), self.in_channels, self.out_channels]), *meaning], [], []


def _names(order: Sets) -> tuple[str, ...]:
    if isinstance(order, int):
        if order < 0:
            raise BadInput("An order is at least 0.", {"order": order}, "Give 0 for graphs, 1 for nodes, 2 for edges.")
        return ("nodes",) * order
    return tuple(order)
