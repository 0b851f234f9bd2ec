"""From one basis of a representation to another."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from equilayers import ops
from equilayers.errors import EquilayersError, RepresentationMismatch
from equilayers.layers.fields import FieldLayer
from equilayers.layers.layer import require_one_group
from equilayers.layers.schur import SchurForm, is_reducible_into_irreps, schur_form, summand_form
from equilayers.representations import Representation, isomorphism

__all__ = ["ChangeBasis", "are_equivalent"]


def _forms(v: Representation, w: Representation) -> tuple[SchurForm, SchurForm] | None:
    """Both sorted alike: by summands where these are the same, by irreps otherwise; None where they differ."""
    if v.group != w.group or v.dim != w.dim:
        return None
    routes: list[Callable[[Representation], SchurForm]] = (
        [summand_form, schur_form] if is_reducible_into_irreps(v.group) else [summand_form]
    )
    for route in routes:
        source, target = route(v), route(w)
        if source.contents == target.contents:
            return source, target
    return None


def are_equivalent(v: Representation, w: Representation) -> bool:
    """Whether a change of basis leads from one to the other."""
    if v.group != w.group or v.dim != w.dim:
        return False
    if _forms(v, w) is not None:
        return True
    if is_reducible_into_irreps(v.group):
        return False
    try:
        with torch.device("cpu"):
            isomorphism(v, w)
    except EquilayersError:
        return False
    return True


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
        self._plan()
        self.register_constants(self._derive_constants(), device=device, dtype=dtype)

    def _plan(self) -> None:
        forms = _forms(self.in_rep, self.out_rep)
        self._in_blocks = forms is not None
        if forms is None:
            return
        source, target = forms
        self._layouts = (source.layout, target.layout)
        self._order = tuple(source.irreps.index(irrep) for irrep in target.irreps)
        self._names = (
            tuple(f"into_{i}" for i in range(len(source.into))),
            tuple(f"out_of_{i}" for i in range(len(target.out_of))),
        )

    def _derive_constants(self) -> dict[str, np.ndarray]:
        forms = _forms(self.in_rep, self.out_rep)
        if forms is None:
            with torch.device("cpu"):  # this may be under construction on the meta device
                return {"matrix": np.array(isomorphism(self.in_rep, self.out_rep))}
        matrices = (*forms[0].into, *forms[1].out_of)
        return dict(zip((*self._names[0], *self._names[1]), matrices, strict=True))

    def _on_last_axis(self, x: Tensor) -> Tensor:
        fixed = self.constants(x)
        if not self._in_blocks:
            return F.linear(x, fixed["matrix"])
        into, out_of = ([fixed[name] for name in names] for names in self._names)
        blocks = ops.to_blocks(x, self._layouts[0], into)
        return ops.from_blocks([blocks[i] for i in self._order], self._layouts[1], out_of, x)
