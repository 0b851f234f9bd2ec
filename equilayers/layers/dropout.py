"""Dropout of whole fields."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from equilayers.errors import BadInput
from equilayers.layers.fields import FieldLayer
from equilayers.representations import Representation

__all__ = ["FieldDropout"]


class FieldDropout(FieldLayer):
    """In training, each field is zero with probability p, all its components together, and scaled by 1/(1-p)
    otherwise.

    A field is one copy of one summand of ``rep``; on a grid it is dropped at all points of a sample.
    Equivariant for every draw.

    Args:
        rep: any representation.
        p: probability.
        dims: 0 for ``(*batch, dim)``; 1 to 3 for fields on a grid.
        plane: how the group acts on the grid; by default ``eq.defining(G)``.

    Shapes:
        ``(*batch, rep.dim)`` or ``(batch, rep.dim, *spatial)``, kept.

    Raises:
        BadInput: p is not a probability.

    Example:
        >>> import torch, equilayers as eq
        >>> layer = eq.layers.FieldDropout(3 * eq.defining(eq.group("D4")), p=1.0)
        >>> layer(torch.ones(2, 6)).sum(), layer.eval()(torch.ones(2, 6)).sum()
        (tensor(0.), tensor(12.))

    Source: Tompson et al., Efficient Object Localization Using Convolutional Networks (2015), section 3.2, for
    channels.
    """

    def __init__(self, rep: Representation, p: float = 0.5, dims: int = 0, plane: Representation | None = None) -> None:
        if not 0.0 <= p <= 1.0:
            raise BadInput("FieldDropout takes a probability.", {"p": p}, "Give a number from 0 to 1.")
        super().__init__(rep, rep, dims, plane)
        self.p = float(p)
        self._sizes = tuple((atom.dim, m) for m, atom in rep.terms)

    def _on_last_axis(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0.0 or not self._sizes:
            return x
        points = (1,) * self.dims  # one draw for all points of a grid
        batch = x.shape[: x.ndim - 1 - self.dims] + points
        pieces = x.split([d * m for d, m in self._sizes], -1)
        out = []
        for i, (d, m) in enumerate(self._sizes):
            keep = F.dropout(torch.ones(batch + (1, m), dtype=x.dtype, device=x.device), self.p)
            out.append((pieces[i].unflatten(-1, (d, m)) * keep).flatten(-2))
        return out[0] if len(out) == 1 else torch.cat(out, -1)

    def _as_torch(self) -> nn.Module | None:
        return nn.Identity()

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, p={self.p}"
