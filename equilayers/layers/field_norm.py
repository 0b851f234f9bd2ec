"""Normalisation of fields: only invariants are shifted, and every field is scaled as a whole."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from equilayers.errors import BadInput
from equilayers.intertwiners.sections import fixed_vectors
from equilayers.layers.fields import action_on
from equilayers.layers.layer import Layer, check_channels
from equilayers.layers.norm_activation import require_orthogonal
from equilayers.representations import Representation

__all__ = ["FieldBatchNorm", "FieldGroupNorm", "FieldLayerNorm"]


class _FieldNorm(Layer):
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
        for n, basis in enumerate(self._fixed):
            if basis.shape[1]:
                self.register_constant(f"fixed_{n}", basis, device=device, dtype=dtype)
        del self._fixed

    def forward(self, x: Tensor) -> Tensor:
        """``(*batch, dim)``, or ``(batch, dim, *spatial)`` on a grid, kept."""
        axis = 1 if self.dims else -1
        check_channels(x, self.dim, axis, self._name)
        if not self._sizes:
            return x
        shape = x.shape
        fields = x.flatten(2) if self.dims else x.reshape(-1, self.dim).unsqueeze(-1)
        if not self.dims and isinstance(x, Tensor) and x.ndim == 1:
            shape = (self.dim,)
        out = [self._normalise(n, piece) for n, piece in enumerate(fields.split(self._sizes, 1))]
        return (out[0] if len(out) == 1 else torch.cat(out, 1)).reshape(shape)

    def _normalise(self, n: int, x: Tensor) -> Tensor:
        raise NotImplementedError


class FieldBatchNorm(_FieldNorm):
    r"""Batch normalisation of every field.

    For a field that the group permutes transitively, ``nn.BatchNorm1d`` over all its components,
    :math:`y = \gamma (x - \mu) / \sqrt{\sigma^2 + \epsilon} + \beta`. Any other field is split orthogonally into its invariants,
    normalised as one-component fields, and the rest, which is divided by its root mean square and never shifted. The statistics
    live in inner ``nn.BatchNorm1d`` modules, so that ``SyncBatchNorm.convert_sync_batchnorm`` and ``update_bn`` work.

    Args:
        rep: an orthogonal representation; a field is one copy of one summand.
        eps, momentum, affine, track_running_stats: as in ``nn.BatchNorm2d``.
        dims: 0 for ``(*batch, dim)``; 1 to 3 for fields on a grid.
        plane: how the group acts on the grid; by default ``eq.defining(G)``.
        device, dtype: as in torch.

    Shapes:
        ``(batch, rep.dim, *spatial)``, kept.

    Raises:
        BadRepresentation: a summand is not orthogonal.

    Example:
        >>> import torch, equilayers as eq
        >>> norm = eq.layers.FieldBatchNorm(2 * eq.regular(eq.group("C4")))
        >>> y = norm(torch.arange(64.0).view(2, 8, 2, 2))
        >>> bool(y.view(2, 4, 2, 4).mean((0, 1, 3)).abs().max() < 1e-5)
        True

    Source: Ioffe, Szegedy, Batch Normalization (2015), algorithm 1; Cohen, Welling (2016), section 6.3, one statistic for each field.
    """

    def __init__(
        self,
        rep: Representation,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        dims: int = 2,
        plane: Representation | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(rep, dims, plane)

        def inner(channels: int, own_affine: bool) -> nn.BatchNorm1d:
            return nn.BatchNorm1d(channels, eps, momentum, own_affine, track_running_stats, device=device, dtype=dtype)

        self.statistics = nn.ModuleDict()
        plain = []
        for n, ((d, m, k), basis) in enumerate(zip(self._terms, self._fixed, strict=True)):
            plain.append(k == 1 and bool(np.abs(basis - basis[0, 0]).max() < 1e-9))
            if k:
                self.statistics[f"fixed_{n}"] = inner(m if plain[n] else k * m, affine)
            if d > k and not plain[n]:
                self.statistics[f"rest_{n}"] = inner(m, False)
                scale = nn.Parameter(torch.ones(m, 1, device=device, dtype=dtype)) if affine else None
                self.register_parameter(f"scale_{n}", scale)
        self._plain = tuple(plain)
        self._register_fixed(device, dtype)

    def reset_parameters(self) -> None:
        """Scales one, shifts zero, statistics empty."""
        for inner in self.statistics.values():
            inner.reset_parameters()
        for name, parameter in self.named_parameters(recurse=False):
            if name.startswith("scale_"):
                nn.init.ones_(parameter)

    def _normalise(self, n: int, x: Tensor) -> Tensor:
        d, m, k = self._terms[n]
        fields = x.unflatten(1, (d, m))
        if isinstance(x, Tensor) and x.numel() == 0:
            return x
        if self._plain[n]:
            copies = fields.transpose(1, 2)
            normal = self.statistics[f"fixed_{n}"](copies.flatten(2))
            return normal.unflatten(2, (d, -1)).transpose(1, 2).flatten(1, 2)
        out = None
        if k:
            basis = getattr(self, f"fixed_{n}").to(x.dtype)
            invariant = torch.einsum("dk,bdmp->bkmp", basis, fields)
            fields = fields - torch.einsum("dk,bkmp->bdmp", basis, invariant)
            normal = self.statistics[f"fixed_{n}"](invariant.flatten(1, 2)).unflatten(1, (k, m))
            out = torch.einsum("dk,bkmp->bdmp", basis, normal)
        if d > k:
            rest = self._divide(n, fields)
            out = rest if out is None else out + rest
        return out.flatten(1, 2)

    def _divide(self, n: int, fields: Tensor) -> Tensor:
        """Divide by the root mean square: among x and -x the mean is zero, so the inner module sees no shift."""
        d = self._terms[n][0]
        copies = fields.transpose(1, 2).flatten(2)
        inner = self.statistics[f"rest_{n}"]
        if inner.training or inner.running_var is None:
            both = inner(torch.cat([copies, -copies], 2))
            normal = both[:, :, : copies.shape[2]]
        else:
            normal = copies * torch.rsqrt(inner.running_var + inner.eps).to(copies.dtype)[:, None]
        scale = getattr(self, f"scale_{n}")
        normal = normal if scale is None else normal * scale
        return normal.unflatten(2, (d, -1)).transpose(1, 2)


class FieldGroupNorm(_FieldNorm):
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
            shift = nn.Parameter(torch.zeros(k, m, 1, device=device, dtype=dtype)) if affine and k else None
            self.register_parameter(f"scale_{n}", scale)
            self.register_parameter(f"shift_{n}", shift)
        self._register_fixed(device, dtype)

    def reset_parameters(self) -> None:
        """Scales one, shifts zero."""
        for name, parameter in self.named_parameters():
            nn.init.constant_(parameter, float(name.startswith("scale")))

    def _normalise(self, n: int, x: Tensor) -> Tensor:
        d, m, k = self._terms[n]
        fields = x.unflatten(1, (d, self.num_groups, m // self.num_groups))  # (batch, d, group, copy, position)
        over = (3, 4) if self.over_positions else (3,)
        basis = getattr(self, f"fixed_{n}").to(x.dtype) if k else None
        if basis is not None:
            mean = torch.einsum("dk,bdgcp->bkgcp", basis, fields).mean(over, keepdim=True)
            fields = fields - torch.einsum("dk,bkgcp->bdgcp", basis, mean)
        variance = fields.square().mean((1, *over), keepdim=True)
        fields = (fields * torch.rsqrt(variance + self.eps)).flatten(2, 3)
        scale, shift = getattr(self, f"scale_{n}"), getattr(self, f"shift_{n}")
        fields = fields if scale is None else fields * scale
        if shift is not None and basis is not None:
            fields = fields + torch.einsum("dk,kmp->dmp", basis, shift.to(x.dtype))
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
        >>> round(float(norm(torch.randn(6)).square().mean()), 3)
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
