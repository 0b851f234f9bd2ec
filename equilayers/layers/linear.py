"""The linear layer: all of Hom(V, W), in Schur coordinates where there are irreps."""

from __future__ import annotations

import copy
import math
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from equilayers import ops
from equilayers.layers.invariants import hom_basis, invariants
from equilayers.layers.layer import Fingerprint, Layer, check_channels, require_one_group
from equilayers.layers.pair_start import starting_roots
from equilayers.layers.schur import is_reducible_into_irreps, parameter_suffixes, schur_form
from equilayers.layers.sharded import mix
from equilayers.representations import Irrep, Representation
from equilayers.representations.representation import unit_matrices

__all__ = ["Linear"]

WIDE = 64  # from this multiplicity on, one product for each component saves more in copies than it costs in calls
DENSE_LIMIT = 256  # below this width one dense product costs no more than the calls for the blocks


class Linear(Layer):
    r"""Every equivariant affine map, :math:`y = A x + b` with :math:`A \in Hom(V, W)`, :math:`b \in Hom(1, W)`.

    Weights are Schur coordinates: one parameter ``weight_<irrep>`` ``(out multiplicity, in multiplicity)`` for
    each irrep that occurs on both sides, with a last axis of 2 or 4 for complex and quaternionic irreps. They
    are the same in every basis: with one state dict, ``Linear(V, W) = Q_W Linear(V', W') Q_V^T``. The irrep
    basis is the fast one. A group without irreps (SE(n), Heisenberg) has one parameter ``weight_<i>_<j>``
    ``(k, out copies, in copies)`` for each pair of summands, the coordinates in ``hom(V, W)``.

    Args:
        in_rep, out_rep: representations V and W of one group.
        bias: add the invariant vectors of W.
        device, dtype: as in torch.

    Shapes:
        ``(*batch, in_rep.dim)`` to ``(*batch, out_rep.dim)``.

    Raises:
        GroupMismatch: the representations belong to different groups.
        BadInput: the last dimension of the input is not ``in_rep.dim``.

    Example:
        >>> import torch, equilayers as eq
        >>> G = eq.group("D4")
        >>> layer = eq.layers.Linear(3 * eq.regular(G), 2 * eq.defining(G))
        >>> layer(torch.zeros(5, 24)).shape, {name: tuple(p.shape) for name, p in layer.named_parameters()}
        (torch.Size([5, 4]), {'weight_E1': (2, 6)})

    Source: Schur's lemma; Finzi, Welling, Wilson, A Practical Method for Constructing Equivariant Multilayer
    Perceptrons for Arbitrary Matrix Groups (2021), equation 7, gives the constraint.
    """

    bias: nn.Parameter | None

    def __init__(
        self,
        in_rep: Representation,
        out_rep: Representation,
        bias: bool = True,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        require_one_group("Linear", in_rep, out_rep)
        super().__init__(in_rep, out_rep)
        self.in_rep, self.out_rep, self.in_dim, self.out_dim = in_rep, out_rep, in_rep.dim, out_rep.dim
        self._schur = is_reducible_into_irreps(in_rep.group)
        shapes = self._plan_schur() if self._schur else self._plan_pairs()
        self.register_constants(self._derive_constants(), device=device, dtype=dtype)
        for name, shape in shapes.items():
            self.register_parameter(name, nn.Parameter(torch.empty(shape, device=device, dtype=dtype)))
        count = self._bias_size if bias else 0
        new = nn.Parameter(torch.empty(count, device=device, dtype=dtype)) if count else None
        self.register_parameter("bias", new)
        self.reset_parameters()

    # Plans: numbers and names only

    def _plan_schur(self) -> dict[str, tuple[int, ...]]:
        source, target = schur_form(self.in_rep), schur_form(self.out_rep)
        self._into = tuple(f"into_{i}" for i in range(len(source.into)))
        self._out_of = tuple(f"out_of_{i}" for i in range(len(target.out_of)))
        irreps = cast(tuple[Irrep, ...], target.irreps)
        suffixes = parameter_suffixes(irreps)
        position = {irrep: i for i, irrep in enumerate(source.irreps)}
        plan: list[tuple[str, int, int, bool, ops.BlockLayout]] = []
        shapes: dict[str, tuple[int, ...]] = {}
        self._bias_size = 0
        for irrep, suffix, (dim, copies) in zip(irreps, suffixes, target.layout.blocks, strict=True):
            c, start, trivial = irrep.end_dim, position.get(irrep, -1), irrep.is_trivial
            size = source.layout.blocks[start][1] if start >= 0 else 0
            name = f"weight_{suffix}" if size else ""
            plan.append((name, start, c, trivial, ops.BlockLayout(dim, c, size, copies)))
            if size:
                shapes[name] = (copies, size) if c == 1 else (copies, size, c)
            self._bias_size += copies if trivial else 0
        self._blocks = tuple(plan)
        wide = {start: i for i, (_, start, c, _, b) in enumerate(plan) if c == 1 and _is_wide(b)}
        self._in_layout = source.layout._replace(by_component=tuple(i in wide for i in range(len(source.irreps))))
        self._out_layout = target.layout._replace(by_component=tuple(i in wide.values() for i in range(len(plan))))
        return shapes

    def _plan_pairs(self) -> dict[str, tuple[int, ...]]:
        self._in_sizes = tuple((atom.dim, m) for m, atom in self.in_rep.terms)
        self._out_sizes = tuple((atom.dim, n) for n, atom in self.out_rep.terms)
        pairs: list[tuple[str, str, int, int]] = []
        shapes: dict[str, tuple[int, ...]] = {}
        for i, (n, target) in enumerate(self.out_rep.terms):
            for j, (m, source) in enumerate(self.in_rep.terms):
                count = len(hom_basis(source, target))
                if count:
                    pairs.append((f"weight_{i}_{j}", f"basis_{i}_{j}", i, j))
                    shapes[f"weight_{i}_{j}"] = (count, n, m)
        self._pairs = tuple(pairs)
        self._invariants = invariants(self.out_rep).layout
        self._bias_size = invariants(self.out_rep).count
        return shapes

    def _derive_constants(self) -> dict[str, np.ndarray]:
        constants: dict[str, np.ndarray] = {}
        if self._schur:
            constants |= dict(zip(self._into, schur_form(self.in_rep).into, strict=True))
            constants |= dict(zip(self._out_of, schur_form(self.out_rep).out_of, strict=True))
            for c in sorted({plan[2] for plan in self._blocks if plan[0]} - {1}):
                constants[f"units_{c}"] = unit_matrices(c)
            return constants
        for _, basis, i, j in self._pairs:
            constants[basis] = hom_basis(self.in_rep.terms[j][1], self.out_rep.terms[i][1])
        return constants | invariants(self.out_rep).arrays

    # Weights

    def reset_parameters(self) -> None:
        """Normal weights that give unit second moment for unit input, and bias zero.

        Independent, per output irrep in the irrep basis: then every component where the change of basis is orthogonal,
        also for groups like SO(1,3), SL(n), GL(n) and Sp(n), whose irreps are not. Without irreps correlated, so that
        :math:`E[A A^T]` is nearest to the identity.
        """
        with torch.no_grad():
            if self._schur:
                for name, _, c, _, block in self._blocks:
                    if name:
                        getattr(self, name).normal_(0.0, 1.0 / math.sqrt(c * block.in_multiplicity))
            else:
                self._reset_pairs()
            if self.bias is not None:
                self.bias.zero_()

    def _reset_pairs(self) -> None:
        for name, _, i, j in self._pairs:
            weight = getattr(self, name).normal_()
            root = starting_roots(self.in_rep, self.out_rep.terms[i][1])[j]
            mix(weight, root, 0)

    # Execution

    def forward(self, x: Tensor) -> Tensor:
        """``A x + b`` on the last axis."""
        check_channels(x, self.in_dim, -1, "Linear")
        return self._forward_schur(x) if self._schur else self._forward_pairs(x)

    def _forward_schur(self, x: Tensor) -> Tensor:
        fixed = self.constants(x)
        blocks = ops.to_blocks(x, self._in_layout, [fixed[name] for name in self._into])
        out: list[ops.Block] = []
        for name, start, c, trivial, layout in self._blocks:
            bias = self.bias if trivial else None
            if name:
                units = fixed[f"units_{c}"] if c > 1 else None
                out.append(ops.schur_linear(blocks[start], layout, getattr(self, name), units, bias))
            else:
                out.append(None if bias is None else bias.expand(x.shape[:-1] + (1, layout.out_multiplicity)))
        return ops.from_blocks(out, self._out_layout, [fixed[name] for name in self._out_of], x)

    def _forward_pairs(self, x: Tensor) -> Tensor:
        pieces = x.split([d * m for d, m in self._in_sizes], -1) if self._in_sizes else ()
        fields = [pieces[i].unflatten(-1, size) for i, size in enumerate(self._in_sizes)]
        fixed = self.constants(x)
        sums: list[Tensor | None] = [None] * len(self._out_sizes)
        for name, basis, i, j in self._pairs:
            product = ops.sum_of_products(fields[j], fixed[basis], getattr(self, name))
            total = sums[i]
            sums[i] = product if total is None else total + product
        parts = []
        for total, (d, n) in zip(sums, self._out_sizes, strict=True):
            parts.append(x.new_zeros(x.shape[:-1] + (d * n,)) if total is None else total.flatten(-2))
        y = torch.cat(parts, -1) if parts else x.new_zeros(x.shape[:-1] + (0,))
        if self.bias is None:
            return y
        bases = [fixed[name] if name else None for *_, name in self._invariants]
        return y + ops.invariant_vector(self.bias, self._invariants, bases)

    def _fingerprint(self) -> Fingerprint:
        if not self._schur:
            return super()._fingerprint()
        meaning: list[np.ndarray] = []
        for rep in (self.in_rep, self.out_rep):
            form = schur_form(rep)
            for irrep, (_, copies) in sorted(zip(form.irreps, form.layout.blocks, strict=True), key=_label):
                meaning += [np.array([copies, irrep.dim]), irrep.images.lie, irrep.images.discrete]
        return meaning, list(schur_form(self.in_rep).out_of), list(schur_form(self.out_rep).out_of)

    @property
    def unreached(self) -> tuple[Representation, ...]:
        """Irreps of W that V lacks (without irreps: summands that no map leads to): zero there, but for a bias."""
        if self._schur:
            irreps = schur_form(self.out_rep).irreps
            return tuple(irrep for irrep, block in zip(irreps, self._blocks, strict=True) if not block[0])
        reached = {i for _, _, i, _ in self._pairs}
        return tuple(atom for i, (_, atom) in enumerate(self.out_rep.terms) if i not in reached)

    def extra_repr(self) -> str:
        missed = ", ".join(str(part) for part in self.unreached)
        return super().extra_repr() + (f"; nothing in the input reaches {missed}" if missed else "")

    # Out of the library

    def expanded(self) -> tuple[Tensor, Tensor | None]:
        """Dense ``weight`` ``(out_rep.dim, in_rep.dim)`` and ``bias`` of the map, from float64, detached."""
        twin = copy.deepcopy(self).to("cpu", torch.float64).requires_grad_(False)
        offset = twin(torch.zeros(1, self.in_dim, dtype=torch.float64))
        weight = (twin(torch.eye(self.in_dim, dtype=torch.float64)) - offset).mT
        dtype, device = self._own_place()
        bias = None if self.bias is None else offset[0].to(device, dtype)
        return weight.contiguous().to(device, dtype), bias

    def _as_torch(self) -> nn.Module | None:
        """``nn.Linear``; above a width of 256 the blocks, which are faster, as a graph of torch functions."""
        if self.in_dim == 0 or self.out_dim == 0 or max(self.in_dim, self.out_dim) > DENSE_LIMIT:
            return None
        weight, bias = self.expanded()
        dense = nn.Linear(self.in_dim, self.out_dim, bias=bias is not None, device="meta", dtype=weight.dtype)
        dense.weight = nn.Parameter(weight)
        if bias is not None:
            dense.bias = nn.Parameter(bias)
        return dense


def _is_wide(block: ops.BlockLayout) -> bool:
    return min(block.in_multiplicity, block.out_multiplicity) >= WIDE


def _label(item: tuple[Representation, tuple[int, int]]) -> str:
    return cast(Irrep, item[0]).label
