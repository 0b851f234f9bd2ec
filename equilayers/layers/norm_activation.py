"""Activation by the norm of each field."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from equilayers.errors import BadRepresentation
from equilayers.layers.fields import FieldLayer
from equilayers.representations import Representation

__all__ = ["NormActivation", "require_orthogonal"]


def require_orthogonal(layer: str, rep: Representation) -> None:
    """Raise unless every summand acts by orthogonal matrices."""
    for _, atom in rep.terms:
        if not atom.is_orthogonal:
            raise BadRepresentation(
                f"{layer} needs orthogonal matrices: others change the norm of a field.",
                {"representation": repr(rep), "first other summand": repr(atom)},
                "Use GatedActivation, or coordinates in which the representation is orthogonal.",
            )


class NormActivation(FieldLayer):
    r"""Every field scaled by a function of its norm, :math:`y = x\, f(|x| + b)`, with one learned offset b for
    each field.

    A field is one copy of one summand of ``rep``.

    Args:
        rep: an orthogonal representation.
        function: elementwise, of the norm; a gate such as the sigmoid.
        bias: learn the offsets; they start at zero.
        dims: 0 for ``(*batch, dim)``; 1 to 3 for fields on a grid.
        plane: how the group acts on the grid; by default ``eq.defining(G)``.
        device, dtype: as in torch.

    Shapes:
        ``(*batch, rep.dim)`` or ``(batch, rep.dim, *spatial)``, kept.

    Raises:
        BadRepresentation: a summand is not orthogonal.

    Example:
        >>> import torch, equilayers as eq
        >>> layer = eq.layers.NormActivation(eq.defining(eq.group("SO(3)")), bias=False)
        >>> layer(torch.tensor([[0.0, 3.0, 4.0]])) / torch.tensor(5.0).sigmoid()
        tensor([[0., 3., 4.]])

    Source: Worrall et al., Harmonic Networks (2017), section 4.2.
    """

    bias: nn.Parameter | None

    def __init__(
        self,
        rep: Representation,
        function: Callable[[Tensor], Tensor] = torch.sigmoid,
        bias: bool = True,
        dims: int = 0,
        plane: Representation | None = None,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        require_orthogonal("NormActivation", rep)
        super().__init__(rep, rep, dims, plane)
        self.function = function
        self._sizes = tuple((atom.dim, m) for m, atom in rep.terms)
        count = sum(m for _, m in self._sizes) if bias else 0
        new = nn.Parameter(torch.zeros(count, device=device, dtype=dtype)) if count else None
        self.register_parameter("bias", new)

    def reset_parameters(self) -> None:
        """Zero."""
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def _on_last_axis(self, x: Tensor) -> Tensor:
        if not self._sizes:
            return x
        pieces = x.split([d * m for d, m in self._sizes], -1)
        offsets = None if self.bias is None else self.bias.split([m for _, m in self._sizes])
        out = []
        for i, size in enumerate(self._sizes):
            fields = pieces[i].unflatten(-1, size)
            norm = torch.linalg.vector_norm(fields, dim=-2, keepdim=True)  # its derivative at zero is zero
            gate = self.function(norm if offsets is None else norm + offsets[i])
            out.append((fields * gate).flatten(-2))
        return out[0] if len(out) == 1 else torch.cat(out, -1)
