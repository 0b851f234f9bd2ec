"""Read-out of invariants."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from equilayers import ops
from equilayers.errors import BadInput
from equilayers.intertwiners.sections import fixed_vectors, signed_permutations
from equilayers.layers.fields import FieldLayer
from equilayers.layers.norm_activation import require_orthogonal
from equilayers.layers.pointwise import require_permutation
from equilayers.numerics import orbit_labels
from equilayers.representations import Representation, trivial

__all__ = ["GroupPooling", "InvariantReadout"]


class GroupPooling(FieldLayer):
    r"""The maximum or the mean over every orbit of components, :math:`y_O = \max_{i \in O} x_i`.

    Components that tie for the maximum share its derivative equally.

    Args:
        rep: a permutation representation.
        reduce: "max" or "mean".
        dims: 0 for ``(*batch, dim)``; 1 to 3 for fields on a grid.
        plane: how the group acts on the grid; by default ``eq.defining(G)``.

    Shapes:
        ``(batch, rep.dim, *spatial)`` to ``(batch, orbits, *spatial)``; for m copies of the regular representation m.

    Raises:
        BadRepresentation: a summand is no permutation representation.

    Example:
        >>> import torch, equilayers as eq
        >>> pool = eq.layers.GroupPooling(2 * eq.regular(eq.group("C4")), dims=0)
        >>> pool(torch.arange(8.0))
        tensor([6., 7.])

    Source: Cohen, Welling, Group Equivariant Convolutional Networks (2016), section 6.3.
    """

    def __init__(
        self, rep: Representation, reduce: str = "max", dims: int = 2, plane: Representation | None = None
    ) -> None:
        if reduce not in ("max", "mean"):
            raise BadInput("GroupPooling knows two reductions.", {"reduce": reduce}, 'Give "max" or "mean".')
        require_permutation("GroupPooling", rep, 'Use InvariantReadout with features="norms".')
        groups = []
        for m, atom in rep.terms:
            found = signed_permutations(atom.images.discrete)
            moves = np.zeros((0, atom.dim), dtype=np.int64) if found is None else found[0].reshape(-1, atom.dim)
            labels, count = orbit_labels(moves, atom.dim)
            members = tuple(tuple(np.flatnonzero(labels == o).tolist()) for o in range(count))
            groups.append((atom.dim, m, members))
        self_dim = sum(m * len(members) for _, m, members in groups)
        super().__init__(rep, self_dim * trivial(rep.group), dims, plane)
        self.reduce, self._orbits = reduce, tuple(groups)
        self._sizes = [d * m for d, m, _ in groups]

    def _on_last_axis(self, x: Tensor) -> Tensor:
        if not self._sizes:
            return x.new_zeros(x.shape[:-1] + (0,))
        out, pieces = [], x.split(self._sizes, -1)
        for n, (d, m, orbits) in enumerate(self._orbits):
            fields = pieces[n].unflatten(-1, (d, m))
            for members in orbits:
                part = fields if len(members) == d else fields[..., list(members), :]
                out.append(part.amax(-2) if self.reduce == "max" else part.mean(-2))
        return out[0] if len(out) == 1 else torch.cat(out, -1)


class InvariantReadout(FieldLayer):
    r"""A linear map of invariants, :math:`y = A\,\iota(x) + b`.

    With ``features="linear"`` the invariants are :math:`Hom(V, 1)`; "norms" adds the norm of the rest of every field. A
    norm has no derivative at zero; those of all orders count as zero there (:func:`equilayers.ops.norm`).

    Args:
        in_rep: V.
        out_features: number of outputs.
        features: "linear" or "norms"; norms need an orthogonal representation.
        bias: add a learned constant.
        dims: 0 for ``(*batch, dim)``; 1 to 3 for fields on a grid, read out at every position.
        plane: how the group acts on the grid; by default ``eq.defining(G)``.
        device, dtype: as in torch.

    Shapes:
        ``(batch, in_rep.dim, *spatial)`` to ``(batch, out_features, *spatial)``.

    Raises:
        BadRepresentation: norms of a representation that is not orthogonal.

    Example:
        >>> import torch, equilayers as eq
        >>> V = 3 * eq.trivial(eq.group("SO(3)")) + 2 * eq.defining(eq.group("SO(3)"))
        >>> eq.layers.InvariantReadout(V, 4, features="norms").weight.shape
        torch.Size([4, 5])

    Source: Schur's lemma for "linear"; Thomas et al., Tensor Field Networks (2018), section 4.2, for norms.
    """

    weight: nn.Parameter | None
    bias: nn.Parameter | None

    def __init__(
        self,
        in_rep: Representation,
        out_features: int,
        features: str = "linear",
        bias: bool = True,
        *,
        dims: int = 0,
        plane: Representation | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        if features not in ("linear", "norms"):
            raise BadInput(
                "InvariantReadout knows two kinds of features.", {"features": features}, 'Give "linear" or "norms".'
            )
        if features == "norms":
            require_orthogonal("InvariantReadout of norms", in_rep)
        super().__init__(in_rep, out_features * trivial(in_rep.group), dims, plane)
        self.features = features
        terms, found = [], {}
        for n, (m, atom) in enumerate(in_rep.terms):
            images = atom.images  # Hom(V, 1): row vectors that are fixed, never the transpose of fixed columns
            basis = fixed_vectors(images.lie.swapaxes(1, 2), images.discrete.swapaxes(1, 2))
            k = basis.shape[1] if m else 0
            if k:
                found[f"fixed_{n}"] = basis
            terms.append((atom.dim, m, k, features == "norms" and atom.dim > k and m > 0))
        self.register_constants(found, device=device, dtype=dtype)
        self._terms = tuple(terms)
        self._sizes = [d * m for d, m, _, _ in terms]
        count = sum(m * (k + rest) for _, m, k, rest in terms)
        weight = (
            nn.Parameter(torch.empty(out_features, count, device=device, dtype=dtype))
            if count and out_features
            else None
        )
        constant = (
            nn.Parameter(torch.empty(out_features, device=device, dtype=dtype)) if bias and out_features else None
        )
        self.register_parameter("weight", weight)
        self.register_parameter("bias", constant)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Unit second moment of the output for unit input of which the invariants are linear; zero bias."""
        if self.weight is not None:
            nn.init.normal_(self.weight, std=1 / math.sqrt(self.weight.shape[1]))
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def _on_last_axis(self, x: Tensor) -> Tensor:
        if self.weight is None:
            y = x.new_zeros(x.shape[:-1] + (self.out_dim,))
            return y if self.bias is None else y + self.bias.to(y.dtype)
        found, pieces = [], x.split(self._sizes, -1)
        for n, (d, m, k, rest) in enumerate(self._terms):
            if not (k or rest):
                continue
            fields = pieces[n].unflatten(-1, (d, m))
            if k:
                basis = self.constants(x)[f"fixed_{n}"]
                invariant = torch.einsum("dk,...dm->...km", basis, fields)
                found.append(invariant.flatten(-2))
                if rest:
                    fields = fields - torch.einsum("dk,...km->...dm", basis, invariant)
            if rest:
                found.append(ops.norm(fields, -2) / math.sqrt(d - k))
        invariants = found[0] if len(found) == 1 else torch.cat(found, -1)
        return F.linear(invariants, self.weight, self.bias)
