"""What activations, norms and dropout share: fields on the last axis, or on the channel axis of a grid."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from equilayers.errors import BadInput
from equilayers.layers.layer import Layer, check_channels
from equilayers.representations import GridField, Representation

__all__ = ["FieldLayer", "action_on"]


def action_on(rep: Representation, dims: int, plane: Representation | None) -> Any:
    """``rep`` itself for ``dims=0``, a field of it on a ``dims``-dimensional grid otherwise."""
    if dims == 0:
        return rep
    if dims not in (1, 2, 3):
        raise BadInput(
            "A layer acts on the last axis (dims=0) or on the channels of a grid of 1 to 3 dimensions.",
            {"dims": dims},
            "Give dims=0 for (*batch, dim), dims=2 for (batch, dim, height, width).",
        )
    return GridField(rep, dims=dims, plane=plane)


class FieldLayer(Layer):
    """A layer that treats every point alike: ``(*batch, dim)``, or ``(batch, dim, *spatial)`` on a grid.

    Subclasses write ``_on_last_axis``.
    """

    def __init__(
        self, in_rep: Representation, out_rep: Representation, dims: int, plane: Representation | None
    ) -> None:
        super().__init__(action_on(in_rep, dims, plane), action_on(out_rep, dims, plane))
        self.in_rep, self.out_rep, self.dims = in_rep, out_rep, dims
        self.in_dim, self.out_dim = in_rep.dim, out_rep.dim
        self._name = type(self).__name__

    def _on_last_axis(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Act on the last axis, or on axis 1 of a grid."""
        if self.dims == 0:
            check_channels(x, self.in_dim, -1, self._name)
            return self._on_last_axis(x)
        check_channels(x, self.in_dim, 1, self._name)
        return self._on_last_axis(x.movedim(1, -1)).movedim(-1, 1)
