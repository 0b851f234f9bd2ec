"""A plain multilayer perceptron."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn

from equilayers.errors import BadInput
from equilayers.models.initialisation import reset_plain

__all__ = ["MLP"]


class MLP(nn.Module):
    """Linear layers of one width with SiLU between them, the plain twin of :class:`EquivariantMLP`.

    Args:
        in_features, out_features: sizes.
        width: of the hidden layers.
        depth: number of hidden layers.

    Shapes:
        ``(*batch, in_features)`` to ``(*batch, out_features)``.

    Raises:
        BadInput: no hidden layer.

    Example:
        >>> import torch
        >>> net = MLP(3, 1, width=16, depth=2)
        >>> net(torch.zeros(5, 3)).shape, net.macs
        (torch.Size([5, 1]), 320)
    """

    def __init__(self, in_features: int, out_features: int, width: int = 128, depth: int = 3) -> None:
        super().__init__()
        if depth < 1 or width < 1:
            raise BadInput(
                "An MLP has at least one hidden layer.", {"depth": depth, "width": width}, "Give depth=3, width=128."
            )
        self.in_features, self.out_features, self.width, self.depth = in_features, out_features, width, depth
        sizes = [in_features, *[width] * depth, out_features]
        *hidden, last = (nn.Linear(a, b) for a, b in pairwise(sizes))
        self.hidden, self.read_out = nn.ModuleList(hidden), last
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Unit second moment times the square root of 2 (1 for the last layer); zero bias."""
        for layer in self.hidden:
            reset_plain(cast(nn.Linear, layer))
        reset_plain(self.read_out, gain=1.0)

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one input."""
        return sum(parameter.numel() for parameter in self.parameters() if parameter.ndim == 2)

    def forward(self, x: Tensor) -> Tensor:
        """Outputs, without a last activation."""
        for layer in self.hidden:
            x = F.silu(layer(x))
        return self.read_out(x)
