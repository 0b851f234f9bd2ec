"""Learned canonicalisation: a small network chooses the position in which another one sees the image."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from equilayers.experiments.transforms import orbit
from equilayers.models.initialisation import reset_plain

__all__ = ["Canonicalised"]

SCORER_FIELDS = 6


class Canonicalised(nn.Module):
    r"""The backbone on the position of highest score, :math:`f(g^* x)`, :math:`g^* = \arg\max_g s(g x)`.

    The scores of a turned image are those of the image, permuted, so the output is invariant but for ties. The gradient
    of the choice is that of a softmax (straight-through).

    Args:
        backbone: with ``macs``.
        size: rows and columns of the image, even.
        first: window of the scorer.

    Source: Kaba et al., Equivariance with Learned Canonicalization Functions (2023), section 3, without their prior.
    """

    def __init__(self, backbone: Any, size: int, first: int = 3) -> None:
        super().__init__()
        self.backbone, self.size = backbone, size
        self.scorer = nn.Conv2d(1, SCORER_FIELDS, first, padding=first // 2)
        self.score = nn.Linear(SCORER_FIELDS * (size // 2) ** 2, 1)
        for layer in (self.scorer, self.score):
            reset_plain(layer)

    @property
    def macs(self) -> int:
        """Backbone once, scorer on four positions."""
        return self.backbone.macs + 4 * (self.size**2 * self.scorer.weight.numel() + self.score.weight.numel())

    def scores(self, positions: Tensor) -> Tensor:
        """``(n, 4)`` from ``positions`` ``(4, n, 1, size, size)``."""
        flat = F.avg_pool2d(F.relu(self.scorer(positions.flatten(0, 1))), 2).flatten(1)
        return self.score(flat).view(len(positions), -1).T

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the canonical position."""
        positions = orbit(x)
        scores = self.scores(positions)
        choice = F.one_hot(scores.argmax(1), scores.shape[1]).to(x.dtype)
        if self.training:
            soft = scores.softmax(1)
            choice = choice + (soft - soft.detach())  # exactly the choice, with the gradient of the softmax
        return self.backbone(torch.einsum("nk,kncij->ncij", choice, positions))
