"""A network on the invariant products of its input: the strong baseline for vectors."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from equilayers import ops
from equilayers.errors import BadRepresentation
from equilayers.layers.invariants import hom_basis
from equilayers.layers.layer import Layer, check_channels, require_one_group
from equilayers.models.cost import count_macs
from equilayers.models.mlp import MLP
from equilayers.representations import Representation, trivial

__all__ = ["InvariantScalars"]

FIRST_BATCH = 16  # inputs at least from which scales are estimated
TINY = 1e-6  # below this a deviation relative to the mean counts as none


class InvariantScalars(nn.Module):
    r"""A perceptron on all invariant products of pairs of inputs; its outputs weigh covariant products.

    .. math:: y = \sum_k f_k(\langle x_i, x_j\rangle)\, c_k(x), \qquad
              c_k \in \{\text{constants},\ H x_i,\ H (x_i \otimes x_j)\}

    The products are all of Hom(V (x) V', 1), so the form may be definite, indefinite, symplectic or whatever the group
    leaves fixed; beside them stand the invariants in Hom(V, 1), and, if wanted, lengths and cosines where V is
    orthogonal. Each H runs over a basis of Hom(V, W) or Hom(V (x) V', W): vectors give :math:`\sum_i f_i x_i`, tensors
    :math:`\sum_{ij} f_{ij} x_i x_j^T + f_0 \eta^{-1}`. Determinants of three and more vectors are not among the
    invariants.

    Scalars and covariants are divided by scales that :meth:`fit_standardiser` takes from a batch; the first training
    batch of at least 16 inputs serves if it was not called.

    Args:
        in_rep, out_rep: representations of one group.
        width, depth: of the perceptron.
        lengths: whether it also sees lengths and cosines; where a vector vanishes they have no derivative, and count as
            constant (:mod:`equilayers.ops.lengths`).

    Shapes:
        ``(*batch, in_rep.dim)`` to ``(*batch, out_rep.dim)``.

    Raises:
        BadRepresentation: there are no invariants of degree two, or a summand of the output that no product reaches.
        GroupMismatch: representations of two groups.
        BadInput: no hidden layer, or the last dimension of the input is not ``in_rep.dim``.

    Example:
        >>> import torch, equilayers as eq
        >>> V = eq.defining(eq.group("O(1,3)"))
        >>> net = InvariantScalars(4 * V, V @ V, width=32)
        >>> net(torch.randn(5, 16)).shape, net.scalars.count
        (torch.Size([5, 16]), 10)

    Source: Villar et al., Scalars are Universal: Equivariant Machine Learning, Structured Like Classical Physics
    (2021), section 3.
    """

    mean: Tensor
    scale: Tensor
    fitted: Tensor

    def __init__(
        self,
        in_rep: Representation,
        out_rep: Representation,
        width: int = 128,
        depth: int = 3,
        lengths: bool = True,
    ) -> None:
        require_one_group("InvariantScalars", in_rep, out_rep)
        super().__init__()
        self.in_rep, self.out_rep, self.width, self.depth = in_rep, out_rep, width, depth
        self.in_action, self.out_action = in_rep, out_rep
        self.scalars = _Scalars(in_rep, lengths)
        if not self.scalars.count:
            raise BadRepresentation(
                "A network on invariants needs an input that has some of degree one or two.",
                {"in_rep": repr(in_rep)},
                "Use EquivariantMLP, or add the dual of the input.",
            )
        self.covariants = nn.ModuleList(_Covariants(in_rep, atom) for _, atom in out_rep.terms)
        counts = [cast(_Covariants, covariants).count for covariants in self.covariants]
        self._sizes = tuple((m, count) for (m, _), count in zip(out_rep.terms, counts, strict=True))
        self.net = MLP(self.scalars.count, sum(m * k for m, k in self._sizes), width, depth)
        self.register_buffer("mean", torch.zeros(self.scalars.count))
        self.register_buffer("scale", torch.ones(self.scalars.count))
        self.register_buffer("fitted", torch.zeros(1))
        self.is_fitted = False
        for i, (_, count) in enumerate(self._sizes):
            self.register_buffer(f"size_{i}", torch.ones(count))

    def reset_parameters(self) -> None:
        """Those of the perceptron, and scales that the next batch fits."""
        self.net.reset_parameters()
        for name, buffer in self.named_buffers(recurse=False):
            buffer.fill_(0.0 if name in ("mean", "fitted") else 1.0)
        self.is_fitted = False

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the matrix products for one input, as executed."""
        like = next(self.parameters())
        return count_macs(self, torch.zeros(1, self.in_rep.dim, dtype=like.dtype, device=like.device))

    @torch.no_grad()
    def fit_standardiser(self, x: Tensor) -> None:
        """Take mean and deviation of the scalars, and the root mean square of the covariants, from inputs ``x``."""
        x = x.reshape(-1, self.in_rep.dim)
        found = self.scalars(x)
        mean, deviation = found.mean(0), found.std(0, correction=0)
        self.mean.copy_(mean)
        self.scale.copy_(torch.where(deviation > TINY * mean.abs(), deviation, torch.ones_like(deviation)))
        for i, covariants in enumerate(self.covariants):
            size = covariants(x).square().mean((0, -1)).sqrt()
            getattr(self, f"size_{i}").copy_(torch.where(size > 0, size, torch.ones_like(size)))
        self.fitted.fill_(1.0)
        self.is_fitted = True

    def forward(self, x: Tensor) -> Tensor:
        """Outputs, without a last activation."""
        check_channels(x, self.in_rep.dim, -1, "InvariantScalars")
        if self.training and not self.is_fitted and x[..., 0].numel() >= FIRST_BATCH:
            self.is_fitted = bool(self.fitted.any())  # a loader may have written the scales without asking
            if not self.is_fitted:
                self.fit_standardiser(x)
        weights = self.net((self.scalars(x) - self.mean) / self.scale)
        parts = []
        pieces = weights.split([m * k for m, k in self._sizes], -1)
        for i, (m, count) in enumerate(self._sizes):
            f = pieces[i].unflatten(-1, (count, m)) / (getattr(self, f"size_{i}") * count**0.5)[:, None]
            parts.append((self.covariants[i](x).mT @ f).flatten(-2))
        return torch.cat(parts, -1) if parts else x.new_zeros(x.shape[:-1] + (0,))

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args: object) -> None:
        super()._load_from_state_dict(state_dict, prefix, *args)
        if f"{prefix}fitted" in state_dict:
            self.is_fitted = bool(state_dict[f"{prefix}fitted"].any())


class _Products(Layer):
    """Images under a basis of Hom(V (x) V', target) for every two summands, of Hom(V, target) and of Hom(1, target)."""

    def __init__(self, in_rep: Representation, target: Representation, constants: bool) -> None:
        super().__init__(in_rep, target)
        self._terms = tuple((atom.dim, m) for m, atom in in_rep.terms)
        self._plan: list[tuple[str, int, int]] = []
        self.count = 0
        one = trivial(in_rep.group)
        if constants:
            self._add("constant", -1, -1, hom_basis(one, target)[:, :, 0], 1)
        for i, (m, atom) in enumerate(in_rep.terms):
            self._add(f"linear_{i}", i, -1, hom_basis(atom, target), m)
        for i, (m, atom) in enumerate(in_rep.terms):
            for j, (n, other) in enumerate(in_rep.terms[i:], i):
                if not (atom.is_trivial or other.is_trivial):  # the perceptron multiplies scalars
                    basis = hom_basis(atom @ other, target)
                    self._add_pairs(i, j, m, n, basis.reshape(-1, target.dim, atom.dim, other.dim))

    def _add(self, name: str, i: int, j: int, basis: np.ndarray, copies: int) -> None:
        if len(basis) and copies:
            self.register_constants({name: basis})
            self._plan.append((name, i, j))
            self.count += len(basis) * copies

    def _add_pairs(self, i: int, j: int, m: int, n: int, basis: np.ndarray) -> None:
        if i != j:
            self._add(f"pair_{i}_{j}", i, j, basis, m * n)
            return
        first, second = np.triu_indices(m)
        chosen: list[int] = []
        for k, b in enumerate(basis):
            skew = np.abs(b + b.swapaxes(1, 2)).max() < 1e-9  # then x_i with itself gives zero
            kept = first < second if skew else np.ones_like(first, dtype=bool)
            chosen += (k * m * m + first[kept] * m + second[kept]).tolist()
        if chosen:
            self.register_constants({f"pair_{i}_{i}": basis, f"chosen_{i}": np.array(chosen)})
            self._plan.append((f"pair_{i}_{i}", i, i))
            self.count += len(chosen)

    def forward(self, x: Tensor) -> Tensor:
        """``(*batch, count, target.dim)``."""
        pieces = x.split([d * m for d, m in self._terms], -1) if self._terms else ()
        fields = [pieces[i].unflatten(-1, term) for i, term in enumerate(self._terms)]
        out, fixed = [], self.constants(x)
        for name, i, j in self._plan:
            basis = fixed[name]
            if i < 0:
                out.append(basis.expand(x.shape[:-1] + basis.shape))
            elif j < 0:
                out.append(torch.einsum("kwi,...im->...kmw", basis, fields[i]).flatten(-3, -2))
            else:
                half = torch.einsum("kwij,...jn->...kwin", basis, fields[j])
                full = torch.einsum("...im,...kwin->...kmnw", fields[i], half).flatten(-4, -2)
                out.append(full.index_select(-2, fixed[f"chosen_{i}"]) if i == j else full)
        return torch.cat(out, -2) if out else x.new_zeros(x.shape[:-1] + (0, self.out_action.dim))


class _Scalars(_Products):
    """The invariants of degree one and two; beside them, if wanted, lengths and cosines of orthogonal summands."""

    def __init__(self, in_rep: Representation, lengths: bool) -> None:
        super().__init__(in_rep, trivial(in_rep.group), constants=False)
        measured = [lengths and a.dim > 1 and a.is_orthogonal and not a.is_trivial for _, a in in_rep.terms]
        self._lengths = tuple(m if use else 0 for (m, _), use in zip(in_rep.terms, measured, strict=True))
        for i, m in enumerate(self._lengths):
            if m > 1:
                self.register_constants({f"angles_{i}": np.array(np.triu_indices(m, 1))})
            self.count += m * (m + 1) // 2

    def forward(self, x: Tensor) -> Tensor:
        """``(*batch, count)``."""
        out = [super().forward(x)[..., 0]]
        pieces = x.split([d * m for d, m in self._terms], -1)
        for i, m in enumerate(self._lengths):
            if m:
                field = pieces[i].unflatten(-1, self._terms[i])
                out.append(ops.norm(field, -2))
            if m > 1:
                first, second = self.constants(x)[f"angles_{i}"]
                along = ops.direction(field, -2)
                out.append((along.mT @ along)[..., first, second].to(field.dtype))
        return torch.cat(out, -1)


class _Covariants(_Products):
    """The covariants of degree up to two that are of one kind."""

    def __init__(self, in_rep: Representation, target: Representation) -> None:
        source = 0 * in_rep if target.is_trivial else in_rep  # the perceptron itself gives scalars
        super().__init__(source, target, constants=True)
        if not self.count:
            raise BadRepresentation(
                "Every summand of the output must occur in a product of two inputs, or it would always be zero.",
                {"in_rep": repr(in_rep), "never reached": repr(target)},
                "Use EquivariantMLP with a greater depth, or add the summand to the input.",
            )
