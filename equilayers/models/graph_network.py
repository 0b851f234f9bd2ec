"""Invariant graph networks: all linear maps between tensors over nodes that commute with relabelling."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from equilayers.errors import BadInput
from equilayers.layers.graph_linear import GraphLinear
from equilayers.models.cost import count_macs
from equilayers.models.initialisation import reset_parts
from equilayers.models.mlp import MLP
from equilayers.representations.nodes import NodeTensor

__all__ = ["InvariantGraphNetwork"]


class InvariantGraphNetwork(nn.Module):
    r"""Tensors over the nodes of a graph, mixed by all maps T(k) -> T(k), and SiLU between; then a number or nodes.

    .. math:: x \mapsto \sigma(L_d \cdots \sigma(L_1 x)), \quad L_i \in \mathrm{Hom}_{S_n}(T(2), T(2)) \otimes M

    15 maps at order 2, features of edges with those of nodes on the diagonal; 2 at order 1. The work is O(n^order).
    At order 2 it tells apart the graphs that colour refinement of nodes (1-WL) does, and no others: it cannot count
    triangles. :class:`PPGN` can.

    Args:
        in_channels, out_channels: features at each index of the input; of the output.
        width, depth: channels and number of hidden layers.
        order: of the hidden tensors and of the input, 1 or 2.
        out_order: 0: for the graph, invariant; 1: for each node; 2: for each edge.

    Shapes:
        ``(batch, *[n] * order, in_channels)`` to ``(batch, *[n] * out_order, out_channels)``, for any n of at least 1.

    Raises:
        BadInput: another order, no hidden layer, or an input of the wrong shape.

    Example:
        >>> import torch
        >>> net = InvariantGraphNetwork(1, 3, width=8)
        >>> net(torch.zeros(5, 10, 10, 1)).shape, net(torch.zeros(5, 20, 20, 1)).shape
        (torch.Size([5, 3]), torch.Size([5, 3]))

    Source: Maron, Ben-Hamu, Shamir, Lipman, Invariant and Equivariant Graph Networks (2019), section 3;
    Geerts, The Expressive Power of kth-order Invariant Graph Networks (2020), theorem 1, for what it tells apart.
    """


    def __init__(
        self, in_channels: int, out_channels: int, width: int = 32, depth: int = 2, order: int = 2, out_order: int = 0
    ) -> None:
        super().__init__()
        if order not in (1, 2) or out_order not in (0, 1, 2) or depth < 1 or width < 1:
            raise BadInput(
                "Hidden tensors have order 1 or 2, outputs order 0, 1 or 2, and there is a hidden layer.",
                {"order": order, "out_order": out_order, "depth": depth, "width": width},
                "Give order=2, out_order=0, depth=2.",
            )
        self.in_channels, self.out_channels, self.order, self.out_order = in_channels, out_channels, order, out_order
        self.in_action, self.out_action = NodeTensor(order, in_channels), NodeTensor(out_order, out_channels)
        self.hidden = nn.ModuleList(GraphLinear(order, order, width if i else in_channels, width) for i in range(depth))
        self.reduce = GraphLinear(order, out_order, width, width if out_order == 0 else out_channels)
        self.read_out = MLP(width, out_channels, width, 1) if out_order == 0 else None

    def reset_parameters(self) -> None:
        """Those of the layers."""
        reset_parts(self)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the matrix products for one graph of 10 nodes, as executed."""
        like = next(self.parameters())
        shape = (1, *[10] * self.order, self.in_channels)
        return count_macs(self, torch.zeros(shape, dtype=like.dtype, device=like.device))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Outputs, without a last activation.

        Args:
            x: a tensor over nodes.
            mask: ``(batch, n)``, true for nodes that are there. Outputs at others are 0.
        """
        for layer in self.hidden:
            x = F.silu(layer(x, mask))
        x = self.reduce(x, mask)
        return x if self.read_out is None else self.read_out(F.silu(x))
