"""From one basis of a representation to another."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from equilayers import ops
from equilayers.errors import RepresentationMismatch
from equilayers.layers.fields import FieldLayer
from equilayers.layers.layer import require_one_group
from equilayers.layers.schur import is_reducible_into_irreps, schur_form
from equilayers.representations import Representation, isomorphism

__all__ = ["ChangeBasis", "are_equivalent"]


def are_equivalent(v: Representation, w: Representation) -> bool:
    """Whether both hold the same irreps as often, so that a change of basis leads from one to the other."""
    if v.group != w.group or v.dim != w.dim:
        return False
    if not is_reducible_into_irreps(v.group):
        return sorted((a.key, m) for m, a in v.terms) == sorted((a.key, m) for m, a in w.terms)
    contents = [
        {irrep: size[1] for irrep, size in zip(form.irreps, form.layout.blocks, strict=True)}
        for form in (schur_form(v), schur_form(w))
    ]
    return contents[0] == contents[1]


class ChangeBasis(FieldLayer):
    r"""The fixed isomorphism :math:`y = Q_W Q_V^{-1} x` between equivalent representations; no parameters.

    It leads from regular or permutation fields to irreps and back, and reorders sums: ``V + V`` keeps its
    copies one behind the other, ``2 * V`` interleaves them.

    Args:
        in_rep, out_rep: equivalent representations.
        dims: 0 for ``(*batch, dim)``; 1 to 3 for fields on a grid.
        plane: how the group acts on the grid; by default ``eq.defining(G)``.
        device, dtype: as in torch, of the fixed matrices.

    Shapes:
        ``(*batch, dim)`` or ``(batch, dim, *spatial)``, kept.

    Raises:
        RepresentationMismatch: the representations are not equivalent.

    Example:
        >>> import torch, equilayers as eq
        >>> V = eq.defining(eq.group("D4"))
        >>> eq.layers.ChangeBasis(V + V, 2 * V)(torch.tensor([1.0, 2.0, 3.0, 4.0]))
        tensor([1., 3., 2., 4.])

    Source: Serre, Linear Representations of Finite Groups (1977), section 2.6: the canonical decomposition.
    """

    matrix: Tensor

    def __init__(
        self,
        in_rep: Representation,
        out_rep: Representation,
        dims: int = 0,
        plane: Representation | None = None,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        require_one_group("ChangeBasis", in_rep, out_rep)
        if not are_equivalent(in_rep, out_rep):
            raise RepresentationMismatch(
                "ChangeBasis needs equivalent representations: the same irreps, each as often.",
                {"in_rep": repr(in_rep), "out_rep": repr(out_rep)},
                "Use Linear, which maps between any two.",
            )
        super().__init__(in_rep, out_rep, dims, plane)
        self._schur = is_reducible_into_irreps(in_rep.group)
        if self._schur:
            source, target = schur_form(in_rep), schur_form(out_rep)
            self._layouts = (source.layout, target.layout)
            self._order = tuple(source.irreps.index(irrep) for irrep in target.irreps)
            self._names = (
                tuple(f"into_{i}" for i in range(len(source.into))),
                tuple(f"out_of_{i}" for i in range(len(target.out_of))),
            )
        for name, array in self._derive_constants().items():
            self.register_constant(name, array, device=device, dtype=dtype)

    def _derive_constants(self) -> dict[str, np.ndarray]:
        if not self._schur:
            with torch.device("cpu"):  # this may be under construction on the meta device
                return {"matrix": np.array(isomorphism(self.in_rep, self.out_rep))}
        source, target = schur_form(self.in_rep), schur_form(self.out_rep)
        pairs = [*zip(self._names[0], source.into, strict=True), *zip(self._names[1], target.out_of, strict=True)]
        return dict(pairs)

    def _on_last_axis(self, x: Tensor) -> Tensor:
        if not self._schur:
            return torch.nn.functional.linear(x, self.matrix.to(x.dtype))
        into, out_of = ([getattr(self, name) for name in names] for names in self._names)
        blocks = ops.to_blocks(x, self._layouts[0], into)
        return ops.from_blocks([blocks[i] for i in self._order], self._layouts[1], out_of, x)
