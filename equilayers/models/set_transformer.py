"""Attention on sets, through a few learned points."""

from __future__ import annotations

from math import sqrt

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from equilayers import ops
from equilayers.errors import BadInput
from equilayers.models.cost import count_macs
from equilayers.models.initialisation import reset_plain
from equilayers.representations.nodes import NodeTensor

__all__ = ["SetTransformer"]


class SetTransformer(nn.Module):
    r"""Members attend to learned inducing points that attend to the members; seeds attend to the members at the end.

    .. math:: \mathrm{ISAB}(X) = \mathrm{MAB}(X, \mathrm{MAB}(I, X)), \qquad y = W\,\mathrm{MAB}(S, X)

    The work is O(n m) for m inducing points. Attention has no positions, so the order of members does not matter.

    Args:
        in_channels, out_channels: features of each member, and of the output.
        width, depth: channels and number of induced attention blocks.
        heads: of every attention; they divide the width.
        inducing: learned points of each block.
        pool: one output for the set, invariant; False: one for each member, equivariant.

    Shapes:
        ``(batch, n, in_channels)`` to ``(batch, out_channels)``, or ``(batch, n, out_channels)`` without pool.

    Raises:
        BadInput: sizes below one, heads that do not divide the width, or an input of the wrong shape.

    Example:
        >>> import torch
        >>> net = SetTransformer(3, 1, width=16, heads=2, inducing=4)
        >>> net(torch.zeros(5, 10, 3)).shape, net(torch.zeros(5, 99, 3)).shape
        (torch.Size([5, 1]), torch.Size([5, 1]))

    Source: Lee et al., Set Transformer: A Framework for Attention-based Permutation-Invariant Neural Networks (2019),
    equations 6 to 12.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        width: int = 64,
        depth: int = 2,
        heads: int = 4,
        inducing: int = 16,
        pool: bool = True,
    ) -> None:
        super().__init__()
        if min(width, depth, heads, inducing) < 1 or width % heads:
            raise BadInput(
                "A set transformer has at least one block, inducing point and head, and its heads divide its width.",
                {"width": width, "depth": depth, "heads": heads, "inducing": inducing},
                "Give width=64, heads=4.",
            )
        self.in_channels, self.out_channels, self.pool = in_channels, out_channels, pool
        self.in_action, self.out_action = NodeTensor(1, in_channels), NodeTensor(0 if pool else 1, out_channels)
        self.embed = nn.Linear(in_channels, width)
        self.blocks = nn.ModuleList(_Induced(width, heads, inducing) for _ in range(depth))
        self.seed = nn.Parameter(torch.empty(1, 1, width)) if pool else None
        self.gather = _Attention(width, heads) if pool else None
        self.read_out = nn.Linear(width, out_channels)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Normal weights that keep the second moment, zero bias, normal inducing points and seeds."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                reset_plain(module, gain=1.0)
            elif isinstance(module, nn.LayerNorm):
                module.reset_parameters()
            elif isinstance(module, _Induced):
                nn.init.normal_(module.points)
        if self.seed is not None:
            nn.init.normal_(self.seed)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the matrix products for one set of 10, as executed."""
        like = next(self.parameters())
        return count_macs(self, torch.zeros(1, 10, self.in_channels, dtype=like.dtype, device=like.device))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Outputs, without a last activation.

        Args:
            x: members.
            mask: ``(batch, n)``, true for members that are there. Outputs of others are 0, and what stands there has no
                effect; in a set without members learned points hear nothing.
        """
        if isinstance(x, Tensor):  # a tracer's stand-in has no shape yet
            self._check(x, mask)
        x = self.embed(ops.keep(x, mask))
        for block in self.blocks:
            x = block(x, mask)
        if self.gather is not None and self.seed is not None:
            return self.read_out(self.gather(self.seed, x, mask)[:, 0])
        return ops.keep(self.read_out(x), mask)

    def _check(self, x: Tensor, mask: Tensor | None) -> None:
        fits = x.ndim == 3 and x.shape[-1] == self.in_channels and x.shape[1] > 0
        if not fits:
            raise BadInput(
                "A set transformer takes (batch, n, channels), n at least 1.",
                {"input": tuple(x.shape), "channels": self.in_channels},
                "Check that channels come last.",
            )
        if mask is not None:
            ops.require_mask("SetTransformer", mask, tuple(x.shape[:2]))


class _Attention(nn.Module):
    """MAB: queries attend to keys; then a layer for each, both with a residual and a norm."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out, self.own = (nn.Linear(width, width) for _ in range(5))
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, x: Tensor, y: Tensor, mask: Tensor | None) -> Tensor:
        """``(batch or 1, q, width)`` and ``(batch, n, width)`` to ``(batch, q, width)``; a mask of keys."""
        q, k, v = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (self.query(x), self.key(y), self.value(y))
        )
        out = None if mask is None else ~mask[:, None, None]
        found = ops.attend(q.expand(k.shape[0], -1, -1, -1), k, v, 1 / sqrt(q.shape[-1]), out)
        x = self.first(x + self.out(found.transpose(1, 2).flatten(2)))
        return self.second(x + F.silu(self.own(x)))


class _Induced(nn.Module):
    """ISAB: learned points attend to the members, and the members to what these found."""

    def __init__(self, width: int, heads: int, inducing: int) -> None:
        super().__init__()
        self.points = nn.Parameter(torch.empty(1, inducing, width))
        self.into, self.back = _Attention(width, heads), _Attention(width, heads)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """The members, and which of them are there."""
        found = self.into(self.points, x, mask)
        return self.back(x, found, None)
