"""What normalisations of fields share: only invariants are shifted, and every field is scaled as a whole."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from equilayers.intertwiners.sections import fixed_vectors
from equilayers.layers.fields import action_on
from equilayers.layers.layer import Layer, check_channels
from equilayers.layers.norm_activation import require_orthogonal
from equilayers.representations import Representation

__all__ = ["FieldNorm", "reset_norm"]


class FieldNorm(Layer):
    """Terms ``(dim, multiplicity, fixed vectors)`` on axis 1 of a grid or on the last axis."""

    def __init__(self, rep: Representation, dims: int, plane: Representation | None) -> None:
        require_orthogonal(type(self).__name__, rep)
        action = action_on(rep, dims, plane)
        super().__init__(action, action)
        self.rep, self.dims, self.dim = rep, dims, rep.dim
        self._name = type(self).__name__
        found = [fixed_vectors(atom.images.lie, atom.images.discrete) for _, atom in rep.terms]
        self._terms = tuple((a.dim, m, b.shape[1]) for (m, a), b in zip(rep.terms, found, strict=True) if m)
        self._sizes = [d * m for d, m, _ in self._terms]
        self._fixed = [b for (m, _), b in zip(rep.terms, found, strict=True) if m]

    def _register_fixed(self, device: torch.device | str | None, dtype: torch.dtype | None) -> None:
        named = {f"fixed_{n}": basis for n, basis in enumerate(self._fixed) if basis.shape[1]}
        self.register_constants(named, device=device, dtype=dtype)
        del self._fixed

    def forward(self, x: Tensor) -> Tensor:
        """``(*batch, dim)``, or ``(batch, dim, *spatial)`` on a grid, kept."""
        axis = 1 if self.dims else -1
        check_channels(x, self.dim, axis, self._name)
        if not self._sizes:
            return x
        fields = x.flatten(2) if self.dims else x.reshape(-1, self.dim).unsqueeze(-1)
        pieces = fields.split(self._sizes, 1)
        out = [self._normalise(n, pieces[n]) for n in range(len(self._sizes))]
        return (out[0] if len(out) == 1 else torch.cat(out, 1)).reshape(x.shape)

    def _normalise(self, n: int, x: Tensor) -> Tensor:
        raise NotImplementedError


def reset_norm(layer: nn.Module) -> None:
    """Scales one, biases zero."""
    for name, parameter in layer.named_parameters(recurse=False):
        nn.init.constant_(parameter, float(name.startswith("scale")))
