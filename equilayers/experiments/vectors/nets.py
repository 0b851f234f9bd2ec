"""Networks on vectors: plain ones of a given cost, wrong groups, frames, and fields on points that a group permutes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from equilayers.layers import Linear, PointwiseActivation, Sequential
from equilayers.models import MLP, InvariantScalars, count_macs
from equilayers.representations import Representation

__all__ = ["Framed", "Permuted", "PointNetwork", "Sum", "gram_schmidt", "invariant_scalars", "matched_mlp"]

WIDEST = 1 << 14


def matched_mlp(in_features: int, out_features: int, depth: int, target: int, match: str = "parameters") -> MLP:
    """The plain network of the width that comes nearest to a number of "parameters" or "macs".

    Example:
        >>> matched_mlp(10, 1, 2, 6000, "macs").width
        72
    """
    bias = match == "parameters"

    def cost(width: int) -> int:
        sizes = [in_features, *[width] * depth, out_features]
        return sum((a + bias) * b for a, b in pairwise(sizes))

    low, high = 1, WIDEST
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if cost(middle) <= target else (low, middle)
    return MLP(in_features, out_features, min((low, high), key=lambda w: abs(cost(w) - target)), depth)


def invariant_scalars(task: Any, macs: int, out_rep: Representation | None = None, **more: Any) -> InvariantScalars:
    """The network on invariants whose perceptron costs about ``macs``."""
    out_rep = task.out_rep if out_rep is None else out_rep
    probe = InvariantScalars(task.in_rep, out_rep, width=1, depth=2, **more).net
    width = matched_mlp(probe.in_features, probe.out_features, 2, macs, "macs").width
    return InvariantScalars(task.in_rep, out_rep, width, depth=2, **more)


class Permuted(nn.Module):
    r"""A network fed permuted components, :math:`f(P x)`: equivariant under G, it is so under :math:`P^{-1} G P`.

    A plain network cannot tell the two kinds of inputs apart where components are alike in law, so the wrong symmetry
    is all that a permutation changes.
    """

    order: Tensor

    def __init__(self, net: Any, order: np.ndarray) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("order", torch.tensor(np.asarray(order)), persistent=False)

    @property
    def macs(self) -> int:
        """Those of the network."""
        return self.net.macs

    def forward(self, x: Tensor) -> Tensor:
        """``net`` of the permuted ``x``."""
        return self.net(x.index_select(-1, self.order))


class Framed(nn.Module):
    r"""A network that sees every input in a position of its own, :math:`\rho(g_x)^{-1} f(\rho(g_x)\, x)`.

    Equivariant where :math:`g_{hx} = g_x h^{-1}`, which a frame computed from vectors obeys.

    Source: Puny et al., Frame Averaging for Invariant and Equivariant Network Design (2022), section 2, one frame.
    """

    def __init__(self, net: Any, task: Any) -> None:
        super().__init__()
        self.net, self.task = net, task

    @property
    def macs(self) -> int:
        """Those of the network; the frame is a few for each component."""
        return self.net.macs

    def forward(self, x: Tensor) -> Tensor:
        """The output, in the position of ``x``."""
        task = self.task
        g = task.frame(x.detach())
        y = self.net(task.transform(g, x))
        if task.classes or task.out_rep.is_trivial:
            return y
        return task.out_rep.transform(task.group.inverse(g), y)


class Sum(nn.Module):
    """Two networks, added: an exact symmetry beside a part that is free of it.

    Source: Finzi, Benton, Wilson, Residual Pathway Priors for Soft Equivariance Constraints (2021), equation 2.
    """

    def __init__(self, first: Any, second: Any) -> None:
        super().__init__()
        self.first, self.second = first, second

    @property
    def macs(self) -> int:
        """Of both."""
        return self.first.macs + self.second.macs

    def forward(self, x: Tensor) -> Tensor:
        """The sum of their outputs."""
        return self.first(x) + self.second(x)


class PointNetwork(nn.Module):
    """Channels on points that a group permutes: all linear maps that commute, and a function of every component.

    On a set, with all permutations, this is Deep Sets: each linear map is a map of a point and one of the mean. It also
    serves the moves of Rubik's cube, which ``models.DeepSets`` cannot.

    Args:
        in_rep, out_rep: of inputs and outputs.
        points: the permutation representation whose copies are the hidden features.
        channels, depth: hidden copies, hidden layers.

    Source: Zaheer et al., Deep Sets (2017), lemma 3; Ravanbakhsh, Schneider, Poczos, Equivariance Through
    Parameter-Sharing (2017).
    """

    def __init__(
        self, in_rep: Representation, out_rep: Representation, points: Representation, channels: int, depth: int = 2
    ) -> None:
        super().__init__()
        layers: list[Any] = []
        features = in_rep
        for _ in range(depth):
            layers += [Linear(features, channels * points), PointwiseActivation(channels * points, F.silu)]
            features = channels * points
        self.layers = Sequential(*layers, Linear(features, out_rep))
        self.in_action, self.out_action = in_rep, out_rep

    @property
    def macs(self) -> int:
        """As executed."""
        like = next(self.parameters())
        return count_macs(self, torch.zeros(1, self.in_action.dim, dtype=like.dtype, device=like.device))

    def forward(self, x: Tensor) -> Tensor:
        """Outputs, without a last activation."""
        return self.layers(x)


Frame = Callable[[Tensor], Tensor]


def gram_schmidt(dim: int, count: int, used: int, first: int = 0) -> Frame:
    """The frame of the first ``used`` of ``count`` vectors of R^dim that begin at component ``first`` of the input.

    An element of O(dim) turns the first vector onto the first axis, the second into the plane of the first two, and so
    on, with positive coefficients. Where ``used`` vectors do not span the space, what it does to the rest is arbitrary
    and moves none of them.
    """

    def frame(x: Tensor) -> Tensor:
        vectors = x[..., first : first + dim * count].double().unflatten(-1, (dim, count))[..., :used]
        q, r = torch.linalg.qr(vectors, mode="complete")
        signs = torch.ones(*q.shape[:-2], dim, dtype=q.dtype)
        diagonal = r.diagonal(dim1=-2, dim2=-1)
        signs[..., : diagonal.shape[-1]] = torch.where(diagonal < 0, -1.0, 1.0)
        return (q * signs.unsqueeze(-2)).mT

    return frame
