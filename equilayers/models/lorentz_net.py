"""LorentzNet: messages between vectors that see them through an invariant form only."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from equilayers.errors import BadInput
from equilayers.intertwiners import invariant_form
from equilayers.layers.layer import Layer, check_channels
from equilayers.models.mlp import MLP
from equilayers.representations import Representation, trivial

__all__ = ["LorentzNet"]

STEP = 1e-3  # how far the first messages move a vector, as in the paper's code


class LorentzNet(nn.Module):
    r"""Clouds of vectors with labels, to invariant numbers, by messages along all pairs.

    .. math:: m_{ij} = \phi_e\bigl(h_i, h_j, \psi(|x_i - x_j|^2), \psi(\langle x_i, x_j\rangle)\bigr)

    .. math:: x_i \leftarrow x_i + \sum_j \phi_x(m_{ij})\, x_j, \qquad
              h_i \leftarrow h_i + \phi_h\bigl(h_i, \sum_j \phi_m(m_{ij})\, m_{ij}\bigr)

    with :math:`\psi(z) = \mathrm{sign}(z) \log(1 + |z|)`. The form is that of ``rep``: Minkowski's for four-momenta
    under O(1,3), the Euclidean one for O(n), where this is a network of the kind of EGNN. Sums over the cloud are means
    over its present members, so that its size does not set the scale.

    Args:
        rep: how the group acts on one vector; it has an invariant form.
        scalars: labels of every vector (mass, charge), unchanged by the group.
        classes: size of the output.
        width, depth: of the labels within, and the number of rounds of messages.

    Shapes:
        ``x`` ``(*batch, n, rep.dim)``, ``scalars`` ``(*batch, n, scalars)``, ``mask`` ``(*batch, n)`` of bool, true
        where a member is present; to ``(*batch, classes)``.

    Raises:
        BadRepresentation: there is no invariant form.
        BadInput: sizes that do not fit, or no round.

    Example:
        >>> import torch, equilayers as eq
        >>> net = LorentzNet(eq.defining(eq.group("O(1,3)")), scalars=1, width=16, depth=2)
        >>> momenta, masses, mask = torch.randn(5, 7, 4), torch.rand(5, 7, 1), torch.rand(5, 7) < 0.8
        >>> net(momenta, masses, mask).shape
        torch.Size([5, 2])

    Source: Gong et al., An Efficient Lorentz Equivariant Graph Neural Network for Jet Tagging (2022), section 3.2;
    Satorras, Hoogeboom, Welling, E(n) Equivariant Graph Neural Networks (2021), for the Euclidean form.
    """

    def __init__(
        self, rep: Representation, scalars: int = 0, classes: int = 2, width: int = 64, depth: int = 4
    ) -> None:
        super().__init__()
        if depth < 1 or width < 1 or scalars < 0:
            raise BadInput(
                "Messages need at least one round and one label.",
                {"depth": depth, "width": width, "scalars": scalars},
                "Give depth=4, width=64, scalars=0.",
            )
        self.rep, self.scalars, self.classes, self.width, self.depth = rep, scalars, classes, width, depth
        self.in_action, self.out_action = rep, classes * trivial(rep.group)
        self.form = _Form(rep)
        self.embed = nn.Linear(scalars + 1, width)
        self.rounds = nn.ModuleList(_Round(width) for _ in range(depth))
        self.read_out = MLP(width, classes, width=width, depth=1)

    def reset_parameters(self) -> None:
        """As at construction."""
        self.embed.reset_parameters()
        self.read_out.reset_parameters()
        for messages in self.rounds:
            cast(_Round, messages).reset_parameters()

    def forward(self, x: Tensor, scalars: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Invariant outputs of every cloud."""
        labels, _ = self.features(x, scalars, mask)
        return self.read_out(_mean(labels, _present(x, mask)[..., None], -2))

    def features(self, x: Tensor, scalars: Tensor | None = None, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Invariant labels ``(*batch, n, width)`` and vectors ``(*batch, n, rep.dim)`` of every member."""
        check_channels(x, self.rep.dim, -1, "LorentzNet")
        self._check(x, scalars, mask)
        present = _present(x, mask)
        x = x * present[..., None]  # an absent member may hold anything finite
        given = [_squash(self.form(x, x))[..., None]]
        h = self.embed(torch.cat(given if scalars is None else [*given, scalars * present[..., None]], -1))
        pairs = present[..., :, None] * present[..., None, :]
        for messages in self.rounds:
            h, x = messages(h, x, self.form, pairs)
        return h, x

    def _check(self, x: Tensor, scalars: Tensor | None, mask: Tensor | None) -> None:
        wanted = None if self.scalars == 0 else (*x.shape[:-1], self.scalars)
        found = None if scalars is None else tuple(scalars.shape)
        marks = None if mask is None else tuple(mask.shape)
        if x.ndim < 2 or found != wanted or marks not in (None, tuple(x.shape[:-1])):
            raise BadInput(
                "Every member of a cloud has a vector, its labels, and a place in the mask.",
                {
                    "x": tuple(x.shape),
                    "scalars": found,
                    "expected": wanted,
                    "mask": None if mask is None else tuple(mask.shape),
                },
                "Give x (*batch, n, dim), scalars (*batch, n, scalars) and mask (*batch, n).",
            )


class _Form(Layer):
    """The invariant product of vectors on the last axis."""

    def __init__(self, rep: Representation) -> None:
        super().__init__(rep + rep, trivial(rep.group))
        self.register_constants({"form": invariant_form(rep, "any")})

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return (x * (y @ self.constants(y)["form"].mT)).sum(-1)

    def gram(self, x: Tensor) -> Tensor:
        return x @ (x @ self.constants(x)["form"].mT).mT


class _Round(nn.Module):
    """One round of messages along all pairs."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.edge = nn.Sequential(nn.Linear(2 * width + 2, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())
        self.weigh = nn.Sequential(nn.Linear(width, 1), nn.Sigmoid())
        self.move = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 1, bias=False))
        self.update = nn.Sequential(nn.Linear(2 * width, width), nn.SiLU(), nn.Linear(width, width))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Linear):
                module.reset_parameters()
        nn.init.xavier_uniform_(cast(nn.Linear, self.move[-1]).weight, gain=STEP)

    def forward(self, h: Tensor, x: Tensor, form: _Form, pairs: Tensor) -> tuple[Tensor, Tensor]:
        n = h.shape[-2]
        product = form.gram(x)
        square = product.diagonal(dim1=-2, dim2=-1)
        apart = square[..., :, None] + square[..., None, :] - product - product.mT
        ends = [h[..., :, None, :].expand(*h.shape[:-1], n, -1), h[..., None, :, :].expand(*h.shape[:-2], n, n, -1)]
        message = self.edge(torch.cat([*ends, torch.stack([_squash(apart), _squash(product)], -1)], -1))
        x = x + _mean(self.move(message) * x[..., None, :, :], pairs[..., None], -2)
        heard = _mean(self.weigh(message) * message, pairs[..., None], -2)
        return h + self.update(torch.cat([h, heard], -1)), x


def _present(x: Tensor, mask: Tensor | None) -> Tensor:
    return x.new_ones(x.shape[:-1]) if mask is None else mask.to(x.dtype)


def _mean(values: Tensor, weights: Tensor, dim: int) -> Tensor:
    """Over members that are present; zero where none is."""
    return (values * weights).sum(dim) / weights.sum(dim).clamp(min=1.0)


def _squash(z: Tensor) -> Tensor:
    return z.sign() * z.abs().log1p()
