"""Group and layer normalisation of fields."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from equilayers import ops
from equilayers.errors import BadInput
from equilayers.layers.field_norm import FieldNorm, reset_norm
from equilayers.representations import Representation

__all__ = ["FieldGroupNorm", "FieldLayerNorm"]


class FieldGroupNorm(FieldNorm):
    r"""Group normalisation: statistics over groups of copies of one summand, their components and all positions.

    .. math:: y = \gamma\, (x - P \bar x) / \sqrt{\mathrm{mean}\,|x - P \bar x|^2 + \epsilon} + P \beta

    P projects onto the invariants, the bars are means over the copies of a group (and positions).

    Args:
        num_groups: must divide the multiplicity of every summand.
        rep: an orthogonal representation.
        eps, affine: as in ``nn.GroupNorm``.
        dims, plane: as in :class:`FieldBatchNorm`.
        device, dtype: as in torch.

    Shapes:
        ``(batch, rep.dim, *spatial)``, kept.

    Raises:
        BadRepresentation: a summand is not orthogonal.
        BadInput: a multiplicity that the number of groups does not divide.

    Example:
        >>> import torch, equilayers as eq
        >>> norm = eq.layers.FieldGroupNorm(2, 4 * eq.defining(eq.group("C4")))
        >>> norm(torch.randn(3, 8, 5, 5)).shape
        torch.Size([3, 8, 5, 5])

    Source: Wu, He, Group Normalization (2018), equation 7.
    """

    over_positions = True

    def __init__(
        self,
        num_groups: int,
        rep: Representation,
        eps: float = 1e-5,
        affine: bool = True,
        *,
        dims: int = 2,
        plane: Representation | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(rep, dims, plane)
        if num_groups < 1 or any(m % num_groups for _, m, _ in self._terms):
            raise BadInput(
                "num_groups must divide the multiplicity of every summand.",
                {"num_groups": num_groups, "multiplicities": [m for _, m, _ in self._terms]},
                "Use a common divisor.",
            )
        self.num_groups, self.eps = num_groups, eps
        for n, (_, m, k) in enumerate(self._terms):
            scale = nn.Parameter(torch.ones(m, 1, device=device, dtype=dtype)) if affine else None
            bias = nn.Parameter(torch.zeros(k * m, device=device, dtype=dtype)) if affine and k else None
            self.register_parameter(f"scale_{n}", scale)
            self.register_parameter(f"bias_{n}", bias)
        self._register_fixed(device, dtype)

    def reset_parameters(self) -> None:
        """Scales one, shifts zero."""
        reset_norm(self)

    def _normalise(self, n: int, x: Tensor) -> Tensor:
        with ops.full_precision(x):
            return self._normalised(n, ops.widened(x)).to(x.dtype)

    def _normalised(self, n: int, x: Tensor) -> Tensor:
        d, m, k = self._terms[n]
        sizes = (d, self.num_groups, m // self.num_groups)
        fields = x.unflatten(1, sizes)  # (batch, d, group, copy, position)
        over = (3, 4) if self.over_positions else (3,)
        basis = self.constants(x)[f"fixed_{n}"].to(x.dtype) if k else None
        if basis is not None:
            mean = torch.einsum("dk,bdgcp->bkgcp", basis, fields).mean(over, keepdim=True)
            fields = fields - torch.einsum("dk,bkgcp->bdgcp", basis, mean)
        variance = fields.square().mean((1, *over), keepdim=True)
        fields = (fields * torch.rsqrt(variance + self.eps)).flatten(2, 3)
        scale, bias = getattr(self, f"scale_{n}"), getattr(self, f"bias_{n}")
        fields = fields if scale is None else fields * scale
        if bias is not None and basis is not None:
            fields = fields + (basis @ bias.view(k, m).to(x.dtype)).unsqueeze(-1)
        return fields.flatten(1, 2)


class FieldLayerNorm(FieldGroupNorm):
    r"""Layer normalisation: at every position, over all copies and components of each summand.

    .. math:: y = \gamma\, (x - P \bar x) / \sqrt{\mathrm{mean}\,|x - P \bar x|^2 + \epsilon} + P \beta

    P projects onto the invariants, the bar is a mean over copies.

    Args:
        rep: an orthogonal representation.
        eps: added to the mean square.
        affine: learn scales, and shifts of the invariants.
        dims, plane: as in :class:`FieldBatchNorm`.
        device, dtype: as in torch.

    Shapes:
        ``(*batch, rep.dim)`` for ``dims=0``, else ``(batch, rep.dim, *spatial)``; kept.

    Raises:
        BadRepresentation: a summand is not orthogonal.

    Example:
        >>> import torch, equilayers as eq
        >>> norm = eq.layers.FieldLayerNorm(2 * eq.defining(eq.group("SO(3)")), dims=0)
        >>> round(float(norm(torch.randn(6)).detach().square().mean()), 3)
        1.0

    Source: Ba, Kiros, Hinton, Layer Normalization (2016), equation 3.
    """

    over_positions = False

    def __init__(
        self,
        rep: Representation,
        eps: float = 1e-5,
        affine: bool = True,
        *,
        dims: int = 2,
        plane: Representation | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(1, rep, eps, affine, dims=dims, plane=plane, device=device, dtype=dtype)
