"""Activation along learned directions, for any representation with an invariant form."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from equilayers import ops
from equilayers.intertwiners import invariant_form
from equilayers.layers.layer import Layer, check_channels
from equilayers.layers.norm_activation import is_definite
from equilayers.representations import Representation

__all__ = ["VectorReLU"]

TINY = 1e-12  # added to the square of a direction, so that no direction gives no change


class VectorReLU(Layer):
    r"""Every copy clipped where it points against a learned direction.

    .. math:: k = U x, \qquad y_c = x_c + (1 - s)\,\frac{\mathrm{relu}(-\langle x_c, k_c\rangle)}{n(k_c)}\, k_c

    U mixes the copies of one summand, s is ``negative_slope``, and :math:`n(k) = \langle k, k\rangle` for definite
    forms: there the part of x against k is removed. A form that is not definite vanishes on some directions, so
    there :math:`n(k) = \sqrt{1 + \langle k, k\rangle^2}`.

    Args:
        rep: every summand has an invariant form, symmetric or skew
            (:func:`equilayers.intertwiners.invariant_form`).
        negative_slope: what is left of the part against the direction.
        device, dtype: as in torch.

    Shapes:
        ``(*batch, rep.dim)``, kept.

    Raises:
        BadRepresentation: a summand has no invariant bilinear form.

    Example:
        >>> import torch, equilayers as eq
        >>> layer = eq.layers.VectorReLU(2 * eq.defining(eq.group("O(3)")))
        >>> layer(torch.randn(5, 6)).shape, layer.weight_0.shape
        (torch.Size([5, 6]), torch.Size([2, 2]))

    Source: Deng et al., Vector Neurons: A General Framework for SO(3)-Equivariant Networks (2021), section 3.2; Lin et
    al., Lie Neurons: Adjoint-Equivariant Neural Networks for Semisimple Lie Algebras (2024), for forms that are not
    definite.
    """

    def __init__(
        self,
        rep: Representation,
        negative_slope: float = 0.2,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(rep, rep)
        self.negative_slope = negative_slope
        self._sizes = tuple((atom.dim, m) for m, atom in rep.terms)
        forms = [invariant_form(atom, "any") for _, atom in rep.terms]
        self._definite = tuple(is_definite(form) for form in forms)
        named = {f"form_{i}": form for i, form in enumerate(forms)}
        self.register_constants(named, device=device, dtype=dtype)
        for i, (m, _) in enumerate(rep.terms):
            self.register_parameter(f"weight_{i}", nn.Parameter(torch.empty(m, m, device=device, dtype=dtype)))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Normal, so that directions have the second moment of the input."""
        with torch.no_grad():
            for weight in self.parameters():
                if weight.numel():
                    weight.normal_(0.0, 1.0 / math.sqrt(weight.shape[1]))

    def forward(self, x: Tensor) -> Tensor:
        """Clipped copies."""
        check_channels(x, self.in_action.dim, -1, "VectorReLU")
        out, fixed = [], self.constants(x)
        pieces = x.split([d * m for d, m in self._sizes], -1) if self._sizes else ()
        for i, size in enumerate(self._sizes):
            field, form = pieces[i].unflatten(-1, size), fixed[f"form_{i}"]
            direction = field @ getattr(self, f"weight_{i}").mT
            lowered = ops.widened(form @ direction)
            against = (-(field * lowered).sum(-2, keepdim=True)).relu()
            square = (direction * lowered).sum(-2, keepdim=True)
            divisor = square + TINY if self._definite[i] else (1 + square.square()).sqrt()
            clipped = field + (1 - self.negative_slope) * against / divisor * direction
            out.append(clipped.to(field.dtype).flatten(-2))
        return torch.cat(out, -1) if out else x
