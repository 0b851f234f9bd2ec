"""LorentzNet: messages between vectors that see them through an invariant form only."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from equilayers import ops
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
        self.left_out = ("mask",) if scalars else ("scalars", "mask")  # of a graph

    def reset_parameters(self) -> None:
        """As at construction."""
        self.embed.reset_parameters()
        self.read_out.reset_parameters()
        for messages in self.rounds:
            cast(_Round, messages).reset_parameters()

    def forward(self, x: Tensor, scalars: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Invariant outputs of every cloud."""
        labels, _ = self.features(x, scalars, mask)
        return self.read_out(_mean(labels, mask))

    def features(self, x: Tensor, scalars: Tensor | None = None, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Invariant labels ``(*batch, n, width)`` and vectors ``(*batch, n, rep.dim)`` of every member, zero for those
        that are absent.
        """
        check_channels(x, self.rep.dim, -1, "LorentzNet")
        if isinstance(x, Tensor):  # a tracer's stand-in has no shape yet
            self._check(x, scalars, mask)
        x = ops.keep(x, mask)
        given = [_squash(self.form(x, x)).to(x.dtype)[..., None]]
        h = self.embed(torch.cat(given if scalars is None else [*given, ops.keep(scalars, mask)], -1))
        pairs = None if mask is None else mask[..., :, None] & mask[..., None, :]
        for messages in self.rounds:
            h, x = messages(h, x, self.form, pairs)
        return ops.keep(h, mask), x

    def _check(self, x: Tensor, scalars: Tensor | None, mask: Tensor | None) -> None:
        wanted = None if self.scalars == 0 else (*x.shape[:-1], self.scalars)
        found = None if scalars is None else tuple(scalars.shape)
        if x.ndim < 2 or found != wanted:
            raise BadInput(
                "Every member of a cloud has a vector and its labels.",
                {"x": tuple(x.shape), "scalars": found, "expected": wanted},
                "Give x (*batch, n, dim) and scalars (*batch, n, scalars).",
            )
        if mask is not None:
            ops.require_mask("LorentzNet", mask, tuple(x.shape[:-1]))


class _Form(Layer):
    """The invariant product of vectors on the last axis."""

    def __init__(self, rep: Representation) -> None:
        super().__init__(rep + rep, trivial(rep.group))
        self.register_constants({"form": invariant_form(rep, "any")})

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        wide = ops.widened(y)[..., None, :]
        moved = (wide * self.constants(wide)["form"]).sum(-1)  # autocast would make a matrix product in half
        return (ops.widened(x) * moved).sum(-1)

    def gram(self, x: Tensor) -> Tensor:
        """Of all pairs."""
        return self(x[..., :, None, :], x[..., None, :, :])


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

    def forward(self, h: Tensor, x: Tensor, form: _Form, pairs: Tensor | None) -> tuple[Tensor, Tensor]:
        n = h.shape[-2]
        product = form.gram(x)
        square = product.diagonal(dim1=-2, dim2=-1)
        apart = square[..., :, None] + square[..., None, :] - product - product.mT
        seen = _squash(torch.stack([apart, product], -1)).to(h.dtype)
        ends = [h[..., :, None, :].expand(h.shape[:-1] + (n, -1)), h[..., None, :, :].expand(h.shape[:-2] + (n, n, -1))]
        message = self.edge(torch.cat([*ends, seen], -1))
        x = x + _mean(self.move(message) * x[..., None, :, :], pairs)
        heard = _mean(self.weigh(message) * message, pairs)
        return h + self.update(torch.cat([h, heard], -1)), x


def _mean(values: Tensor, mask: Tensor | None) -> Tensor:
    """Over the members, last but one, that are present; zero where none is."""
    if mask is None:
        return values.sum(-2) / torch.sym_max(values.shape[-2], 1)
    return ops.keep(values, mask).sum(-2) / mask.sum(-1, keepdim=True).clamp(min=1)


def _squash(z: Tensor) -> Tensor:
    """Odd, with derivative 1 at zero, where ``z.sign() * z.abs().log1p()`` would have 0."""
    sign = torch.where(z < 0, -1.0, 1.0).to(z.dtype)
    return sign * (sign * z).log1p()
