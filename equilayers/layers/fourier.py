"""Activation in sample space of features that live in the irrep basis."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from equilayers import ops
from equilayers.layers.fields import FieldLayer
from equilayers.layers.pointwise import require_permutation
from equilayers.layers.schur import schur_form
from equilayers.representations import Representation, decompose

__all__ = ["FourierActivation"]


class FourierActivation(FieldLayer):
    r"""To samples, a function of each sample, and back: :math:`y = Q^T f(Q x)`, with :math:`\rho = Q
    (\bigoplus \psi) Q^T`.

    Features stay in the irrep basis between layers, where linear maps are fast; this layer alone owns both
    transforms. It is exact,
    since the samples are permuted: ``samples`` is a permutation representation and the features are its
    decomposition.

    Args:
        samples: a permutation representation, such as ``96 * eq.regular(G)``.
        function: elementwise torch function or module.
        dims: 0 for ``(*batch, dim)``; 1 to 3 for fields on a grid.
        plane: how the group acts on the grid; by default ``eq.defining(G)``.
        device, dtype: as in torch, of the fixed matrices.

    Shapes:
        ``(*batch, dim)`` or ``(batch, dim, *spatial)``, kept; ``in_rep = out_rep = eq.decompose(samples).rep``.

    Raises:
        BadRepresentation: the samples are not permuted.

    Example:
        >>> import torch, equilayers as eq
        >>> layer = eq.layers.FourierActivation(4 * eq.regular(eq.group("D4")))
        >>> layer.in_rep, layer(torch.zeros(2, 32)).shape
        (4xA1 + 4xB1 + 4xB2 + 4xA2 + 8xE1 of D4, dim 32, torch.Size([2, 32]))

    Source: de Haan et al., Gauge Equivariant Mesh CNNs (2021), section 5 (regular non-linearity), for the circle.
    """

    def __init__(
        self,
        samples: Representation,
        function: Callable[[Tensor], Tensor] = torch.relu,
        dims: int = 0,
        plane: Representation | None = None,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        require_permutation("FourierActivation", samples)
        rep = decompose(samples).rep
        super().__init__(rep, rep, dims, plane)
        self.samples, self.function = samples, function
        inner, outer = schur_form(samples), schur_form(rep)
        self._sample_layout, self._layout = inner.layout, outer.layout
        self._to_samples = tuple(outer.irreps.index(irrep) for irrep in inner.irreps)
        self._to_irreps = tuple(inner.irreps.index(irrep) for irrep in outer.irreps)
        self._count = len(inner.into)
        self.register_constants(self._derive_constants(), device=device, dtype=dtype)

    def _derive_constants(self) -> dict[str, np.ndarray]:
        form = schur_form(self.samples)
        into = {f"into_{i}": matrix for i, matrix in enumerate(form.into)}
        return into | {f"out_of_{i}": matrix for i, matrix in enumerate(form.out_of)}

    def _on_last_axis(self, x: Tensor) -> Tensor:
        fixed = self.constants(x)
        out_of = [fixed[f"out_of_{i}"] for i in range(self._count)]
        into = [fixed[f"into_{i}"] for i in range(self._count)]
        blocks = ops.to_blocks(x, self._layout, [])
        samples = ops.from_blocks([blocks[i] for i in self._to_samples], self._sample_layout, out_of, x)
        blocks = ops.to_blocks(self.function(samples), self._sample_layout, into)
        return ops.from_blocks([blocks[i] for i in self._to_irreps], self._layout, [], samples)
