"""Addition of an invariant vector."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from equilayers import ops
from equilayers.layers.fields import FieldLayer
from equilayers.layers.invariants import invariants
from equilayers.representations import Representation

__all__ = ["Bias"]


class Bias(FieldLayer):
    r"""Add a learned invariant vector, :math:`y = x + b` with :math:`b \in Hom(1, V)`; it starts at zero.

    Args:
        rep: the representation V.
        dims: 0 for ``(*batch, dim)``; 1 to 3 for fields on a grid.
        plane: how the group acts on the grid; by default ``eq.defining(G)``.
        device, dtype: as in torch.

    Shapes:
        ``(*batch, rep.dim)`` or ``(batch, rep.dim, *spatial)``, kept.

    Raises:
        BadInput: the input does not have ``rep.dim`` components.

    Example:
        >>> import equilayers as eq
        >>> sum(p.numel() for p in eq.layers.Bias(5 * eq.regular(eq.group("D4"))).parameters())
        5

    Source: Ravanbakhsh, Schneider, Poczos, Equivariance Through Parameter-Sharing (2017), section 3, for
    permutations.
    """

    bias: nn.Parameter | None

    def __init__(
        self,
        rep: Representation,
        dims: int = 0,
        plane: Representation | None = None,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(rep, rep, dims, plane)
        found = invariants(rep)
        self._layout = found.layout
        self.register_constants(found.arrays, device=device, dtype=dtype)
        new = nn.Parameter(torch.zeros(found.count, device=device, dtype=dtype)) if found.count else None
        self.register_parameter("bias", new)

    def reset_parameters(self) -> None:
        """Zero."""
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def _derive_constants(self) -> dict[str, np.ndarray]:
        return dict(invariants(self.in_rep).arrays)

    def _on_last_axis(self, x: Tensor) -> Tensor:
        if self.bias is None:
            return x
        fixed = self.constants(self.bias)
        bases = [fixed[name] if name else None for *_, name in self._layout]
        return x + ops.invariant_vector(self.bias, self._layout, bases)
