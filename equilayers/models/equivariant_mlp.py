"""A multilayer perceptron that commutes with any group, compact or not."""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from equilayers.errors import BadInput, BadRepresentation
from equilayers.layers import GatedActivation
from equilayers.models.cost import count_macs
from equilayers.models.mlp import MLP
from equilayers.models.products import AllPairs, Calm, LearnedPairs, direct_sum
from equilayers.representations import Representation, decompose, trivial

__all__ = ["EquivariantMLP", "balanced"]

PRODUCT_DIM = 12  # products are formed of irreps up to this total dimension
PAIRS_DIM = 1024  # all pairs of the input are formed up to about this dimension; learned images of it beyond
BEND = 0.1  # how far the activation departs from the identity


class EquivariantMLP(nn.Module):
    r"""Linear maps, products of pairs of features, and gates, each commuting with the group.

    .. math:: h_{l+1} = \mathrm{gated}\bigl(A_l\,[h_l,\ (B_l h_l) \otimes (C_l h_l)] + b_l\bigr)

    Hidden features are a sum of irreps of about equal dimension each: those of the input, of its products of pairs and
    of the output. A group without a decomposition into irreps (SE(n), Heisenberg) uses the summands as they are.

    Args:
        in_rep, out_rep: representations of one group.
        width: dimension of the hidden features, about.
        depth: number of hidden layers.
        products: how many copies of every product each layer forms.
        lengths: whether the first layer also sees lengths and cosines of the input's vectors, which no polynomial is;
            where a vector vanishes they have no derivative, and count as constant (:mod:`equilayers.ops.lengths`).

    Shapes:
        ``(*batch, in_rep.dim)`` to ``(*batch, out_rep.dim)``.

    Raises:
        BadRepresentation: an irrep of the output that no product of this depth reaches.
        BadInput: no hidden layer.
        GroupMismatch: representations of two groups.

    Example:
        >>> import torch, equilayers as eq
        >>> V = eq.defining(eq.group("O(3)"))
        >>> net = EquivariantMLP(2 * V, V.sym(2), width=32, depth=2)
        >>> net(torch.zeros(5, 6)).shape
        torch.Size([5, 6])

    Source: Finzi, Welling, Wilson, A Practical Method for Constructing Equivariant Multilayer Perceptrons for
    Arbitrary Matrix Groups (2021), section 6: linear, bilinear and gated layers.
    """

    def __init__(
        self,
        in_rep: Representation,
        out_rep: Representation,
        width: int = 128,
        depth: int = 3,
        products: int = 4,
        lengths: bool = False,
    ) -> None:
        super().__init__()
        if depth < 1 or width < 1:
            raise BadInput(
                "An MLP has at least one hidden layer.", {"depth": depth, "width": width}, "Give depth=3, width=128."
            )
        self.in_rep, self.out_rep, self.width, self.depth = in_rep, out_rep, width, depth
        self.in_action, self.out_action = in_rep, out_rep
        constants = _atoms(trivial(in_rep.group))  # biases reach these
        reached = _merge(_atoms(in_rep), constants)
        wanted = _merge(reached, _pairs(_factors(reached)), _atoms(out_rep))
        layers: list[nn.Module] = []
        features = in_rep
        for _ in range(depth):
            factors = _factors(reached) if products else []
            reached = _merge(reached, _pairs(factors))
            hidden = balanced([atom for atom in wanted if atom in reached or not _splits(in_rep)], width)
            formed = _products(features, factors, products, first=not layers, lengths=lengths)
            layers.append(_Hidden(features, hidden, formed))
            features = hidden
        _require_reached(out_rep, reached, depth)
        self.hidden = nn.ModuleList(layers)
        self.read_out = _ReadOut(features, out_rep, products)

    def reset_parameters(self) -> None:
        """Unit second moment for every linear map; zero bias."""
        for layer in self.hidden:
            cast(_Hidden, layer).reset_parameters()
        self.read_out.reset_parameters()

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the matrix products for one input, as executed."""
        like = next(self.parameters())
        return count_macs(self, torch.zeros(1, self.in_rep.dim, dtype=like.dtype, device=like.device))

    def twin(self, match: str = "parameters") -> MLP:
        """The plain network of as many parameters, or of as many multiply-accumulates (``match="flops"``)."""
        from equilayers.models.twins import twin

        found = twin(self, match)
        assert isinstance(found, MLP)
        return found

    def forward(self, x: Tensor) -> Tensor:
        """Outputs, without a last activation."""
        for layer in self.hidden:
            x = layer(x)
        return self.read_out(x)


class _Hidden(nn.Module):
    """One hidden layer: products of the features beside them, all mixed, then gated."""

    def __init__(
        self, in_rep: Representation, out_rep: Representation, products: AllPairs | LearnedPairs | None
    ) -> None:
        super().__init__()
        self.gated, self.products = GatedActivation(out_rep, _bend, _gate), products
        mixed = in_rep if products is None else in_rep + products.out_action
        self.mix = Calm(mixed, self.gated.in_rep)
        self.in_action, self.out_action = in_rep, out_rep

    def reset_parameters(self) -> None:
        if isinstance(self.products, LearnedPairs):
            self.products.reset_parameters()
        self.mix.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        if self.products is not None:
            x = torch.cat([x, self.products(x)], -1)
        return cast(Tensor, self.gated(self.mix(x)))


class _ReadOut(nn.Module):
    """Linear in the features and in their products with invariants: no new irreps, one degree more."""

    def __init__(self, in_rep: Representation, out_rep: Representation, products: int) -> None:
        super().__init__()
        mixed, self.products = in_rep, None
        if products:
            features = {atom for _, atom in in_rep.terms}
            factors = [atom for atom in _atoms(out_rep) if atom in features and not atom.is_trivial]
            self.products = LearnedPairs(in_rep, factors, products, pairs=False)
            mixed = in_rep + self.products.out_action
        self.mix = Calm(mixed, out_rep)
        self.in_action, self.out_action = in_rep, out_rep

    def reset_parameters(self) -> None:
        if self.products is not None:
            self.products.reset_parameters()
        self.mix.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.mix(x if self.products is None else torch.cat([x, self.products(x)], -1)))


def _bend(x: Tensor) -> Tensor:
    """Almost the identity: what the products make is a polynomial, and the activation only bends it."""
    return x + BEND * F.silu(x)


def _gate(x: Tensor) -> Tensor:
    return 1 + BEND * torch.sigmoid(x)


def _products(
    rep: Representation, factors: list[Representation], copies: int, *, first: bool, lengths: bool
) -> AllPairs | LearnedPairs | None:
    """All pairs of a small input, learned ones of everything else."""
    if not copies:
        return None
    small = sum(atom.dim for _, atom in rep.terms) <= PRODUCT_DIM and rep.dim * (rep.dim + 1) // 2 <= PAIRS_DIM
    return AllPairs(rep, lengths) if first and small else LearnedPairs(rep, factors, copies)


def balanced(atoms: list[Representation], width: int) -> Representation:
    """About ``width`` dimensions, shared equally among ``atoms``, each at least once.

    Example:
        >>> import equilayers as eq
        >>> G = eq.group("D4")
        >>> balanced([eq.trivial(G), eq.defining(G)], 12).dim
        12
    """
    share = width / len(atoms)
    return direct_sum([max(1, round(share / atom.dim)) * atom for atom in atoms])


def _splits(rep: Representation) -> bool:
    return rep.group.is_compact or rep.group.is_transpose_closed


def _atoms(rep: Representation) -> list[Representation]:
    """The distinct irreps that occur, or the summands of a group that has no decomposition."""
    terms = decompose(rep).rep.terms if _splits(rep) else rep.terms
    return _merge([atom for m, atom in terms if m and atom.dim])


def _factors(atoms: list[Representation]) -> list[Representation]:
    """The smallest non-trivial ones, as far as their products stay small."""
    chosen: list[Representation] = []
    for atom in sorted((a for a in atoms if not a.is_trivial), key=lambda a: a.dim):
        if sum(a.dim for a in chosen) + atom.dim <= PRODUCT_DIM:
            chosen.append(atom)
    return chosen


def _pairs(factors: list[Representation]) -> list[Representation]:
    return _merge(*(_atoms(a @ b) for i, a in enumerate(factors) for b in factors[i:]))


def _merge(*lists: list[Representation]) -> list[Representation]:
    """One of each, by dimension, then in order of appearance."""
    found = dict.fromkeys(atom for atoms in lists for atom in atoms)
    return sorted(found, key=lambda atom: atom.dim)


def _require_reached(out_rep: Representation, reached: list[Representation], depth: int) -> None:
    if not _splits(out_rep):
        return
    missing = [atom for atom in _atoms(out_rep) if atom not in reached]
    if missing:
        raise BadRepresentation(
            "Every irrep of the output must occur in a product of inputs, or it would always be zero.",
            {"out_rep": repr(out_rep), "never reached": missing, "depth": depth},
            "Add the missing irrep to the input, or give a greater depth.",
        )
