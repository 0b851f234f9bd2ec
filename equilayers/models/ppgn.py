"""Provably powerful graph networks: products of matrices over nodes, channel by channel."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from equilayers import ops
from equilayers.errors import BadInput
from equilayers.layers.graph_linear import GraphLinear
from equilayers.models.cost import count_macs
from equilayers.models.initialisation import reset_parts
from equilayers.models.mlp import MLP
from equilayers.representations.nodes import NodeTensor

__all__ = ["PPGN"]


class PPGN(nn.Module):
    r"""Blocks that multiply two perceptrons of the edges as matrices over the nodes.

    .. math:: X \mapsto X + m_3\big([X,\ m_1(X)\, m_2(X) / n\,]\big)

    The perceptrons act on each edge alone. Products of matrices count walks, so this tells apart every two graphs that
    the folklore Weisfeiler-Leman test on pairs (2-FWL) does, at O(n^3) work and O(n^2) memory. They are divided by n:
    shares of walks, as means elsewhere, keep their size at any number of nodes.

    Args:
        in_channels, out_channels: features of each edge, nodes on the diagonal; of the output.
        width, depth: channels and number of blocks.
        out_order: 0: for the graph, invariant; 1: for each node; 2: for each edge.

    Shapes:
        ``(batch, n, n, in_channels)`` to ``(batch, *[n] * out_order, out_channels)``.

    Raises:
        BadInput: no block, another output order, or an input of the wrong shape.

    Example:
        >>> import torch
        >>> net = PPGN(1, 3, width=8)
        >>> net(torch.zeros(5, 10, 10, 1)).shape, net(torch.zeros(5, 20, 20, 1)).shape
        (torch.Size([5, 3]), torch.Size([5, 3]))

    Source: Maron, Ben-Hamu, Serviansky, Lipman, Provably Powerful Graph Networks (2019), section 6.
    """


    def __init__(
        self, in_channels: int, out_channels: int, width: int = 32, depth: int = 2, out_order: int = 0
    ) -> None:
        super().__init__()
        if depth < 1 or width < 1 or out_order not in (0, 1, 2):
            raise BadInput(
                "PPGN has at least one block, and outputs of order 0, 1 or 2.",
                {"depth": depth, "width": width, "out_order": out_order},
                "Give depth=2, width=32, out_order=0.",
            )
        self.in_channels, self.out_channels, self.out_order = in_channels, out_channels, out_order
        self.in_action, self.out_action = NodeTensor(2, in_channels), NodeTensor(out_order, out_channels)
        self.embed = GraphLinear(2, 2, in_channels, width)
        self.blocks = nn.ModuleList(_Block(width) for _ in range(depth))
        self.reduce = GraphLinear(2, out_order, width, width if out_order == 0 else out_channels)
        self.read_out = MLP(width, out_channels, width, 1) if out_order == 0 else None

    def reset_parameters(self) -> None:
        """Those of the layers."""
        reset_parts(self)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the matrix products for one graph of 10 nodes, as executed."""
        like = next(self.parameters())
        return count_macs(self, torch.zeros(1, 10, 10, self.in_channels, dtype=like.dtype, device=like.device))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Outputs, without a last activation.

        Args:
            x: features of edges.
            mask: ``(batch, n)``, true for nodes that are there. Outputs at others are 0.
        """
        x = self.embed(x, mask)
        for block in self.blocks:
            x = block(x, mask)
        x = self.reduce(x, mask)
        return x if self.read_out is None else self.read_out(F.silu(x))


class _Block(nn.Module):
    """One product, and its way back into the edges."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.left, self.right = MLP(width, width, width, 1), MLP(width, width, width, 1)
        self.join = MLP(2 * width, width, width, 1)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Edges that are not there are zero in both factors, so that no walk uses them."""
        left, right = self.left(x), self.right(x)
        count: int | Tensor = x.shape[1]
        if mask is not None:
            edges = mask[:, :, None] & mask[:, None, :]
            left, right = ops.keep(left, edges), ops.keep(right, edges)
            count = mask.sum(1).clamp(min=1).to(x.dtype)[:, None, None, None]
        product = (left.movedim(-1, 1) @ right.movedim(-1, 1)).movedim(1, -1)
        return x + self.join(torch.cat([x, product / count], -1))
