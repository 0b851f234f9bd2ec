"""Activation by the length of each field, Euclidean or by an indefinite form."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from equilayers import ops
from equilayers.errors import BadRepresentation
from equilayers.layers.fields import FieldLayer
from equilayers.representations import Representation

__all__ = ["NormActivation", "is_definite", "require_orthogonal"]

DEFINITE = 1e-9  # smallest eigenvalue of a form, relative to the largest


def require_orthogonal(layer: str, rep: Representation) -> None:
    """Raise unless every summand acts by orthogonal matrices."""
    for _, atom in rep.terms:
        if not atom.is_orthogonal:
            raise BadRepresentation(
                f"{layer} needs orthogonal matrices: others change the norm of a field.",
                {"representation": repr(rep), "first other summand": repr(atom)},
                "Use GatedActivation, or coordinates in which the representation is orthogonal.",
            )


def is_definite(form: np.ndarray) -> bool:
    """Whether a symmetric form is positive definite; a skew one is not."""
    values = np.linalg.eigvalsh((form + form.T) / 2)
    return bool(values.min(initial=np.inf) > DEFINITE * np.abs(values).max(initial=0.0))


class NormActivation(FieldLayer):
    r"""Every field scaled by a function of its length, :math:`y = x\, f(n(x) + b)`, with one learned offset b for
    each field.

    A field is one copy of one summand of ``rep``. With F the invariant form of the summand
    (:func:`equilayers.intertwiners.invariant_form`) and :math:`q = x^T F x`,

    .. math:: n(x) = \sqrt q \text{ where F is definite}, \qquad n(x) = q\, (1 + q^2)^{-1/4} \text{ elsewhere.}

    The second is smooth, keeps the sign of q, and is :math:`\pm\sqrt{|q|}` for long fields; on light-like ones it is
    zero with gradient :math:`dq = 2 F x`. So nothing diverges anywhere. With the first, y has the derivative
    :math:`f(b)` at x = 0; its second one there would depend on the direction of approach, and counts as zero
    (:func:`equilayers.ops.norm`).

    Args:
        rep: every summand has a symmetric invariant form.
        function: elementwise, of the length; a gate such as the sigmoid.
        bias: learn the offsets; they start at zero.
        dims: 0 for ``(*batch, dim)``; 1 to 3 for fields on a grid.
        plane: how the group acts on the grid; by default ``eq.defining(G)``.
        device, dtype: as in torch.

    Shapes:
        ``(*batch, rep.dim)`` or ``(batch, rep.dim, *spatial)``, kept.

    Raises:
        BadRepresentation: a summand has no symmetric invariant form (that of Sp is skew, GL has none).

    Example:
        >>> import torch, equilayers as eq
        >>> layer = eq.layers.NormActivation(eq.defining(eq.group("SO(3)")), bias=False)
        >>> layer(torch.tensor([[0.0, 3.0, 4.0]])) / torch.tensor(5.0).sigmoid()
        tensor([[0., 3., 4.]])

    Source: Worrall et al., Harmonic Networks (2017), section 4.2, for norms.
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
        super().__init__(rep, rep, dims, plane)
        self.function = function
        self._sizes = tuple((atom.dim, m) for m, atom in rep.terms)
        self._kinds = tuple(self._register_form(i, atom, device, dtype) for i, (_, atom) in enumerate(rep.terms))
        count = sum(m for _, m in self._sizes) if bias else 0
        new = nn.Parameter(torch.zeros(count, device=device, dtype=dtype)) if count else None
        self.register_parameter("bias", new)

    def _register_form(
        self, i: int, atom: Representation, device: torch.device | str | None, dtype: torch.dtype | None
    ) -> str:
        """Which length a summand has, and its constant, if it needs one."""
        if atom.is_orthogonal:
            return "norm"
        from equilayers.intertwiners import invariant_form  # orthogonal matrices do not need the solver

        form = invariant_form(atom)
        if not is_definite(form):
            self.register_constants({f"form_{i}": form}, device=device, dtype=dtype)
            return "form"
        self.register_constants({f"root_{i}": np.linalg.cholesky(form).T}, device=device, dtype=dtype)
        return "root"

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
            length = self._length(i, fields)
            gate = self.function(length if offsets is None else length + offsets[i])
            out.append((fields * gate).flatten(-2))
        return out[0] if len(out) == 1 else torch.cat(out, -1)

    def _length(self, i: int, fields: Tensor) -> Tensor:
        if self._kinds[i] == "form":
            with ops.full_precision(fields):  # two large numbers may cancel
                wide = ops.widened(fields)
                square = (wide * (self.constants(wide)[f"form_{i}"].to(wide.dtype) @ wide)).sum(-2, keepdim=True)
            return (square / torch.hypot(square, torch.ones_like(square)).sqrt()).to(fields.dtype)
        straight = fields if self._kinds[i] == "norm" else self.constants(fields)[f"root_{i}"] @ fields
        return ops.norm(straight, -2, keepdim=True)
