"""Batch normalisation of fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from equilayers.layers.field_norm import FieldNorm, reset_norm
from equilayers.representations import Representation

__all__ = ["FieldBatchNorm"]


class FieldBatchNorm(FieldNorm):
    r"""Batch normalisation of every field.

    For a field that the group permutes transitively, ``nn.BatchNorm1d`` over all its components,
    :math:`y = \gamma (x - \mu) / \sqrt{\sigma^2 + \epsilon} + \beta`. Any other field is split orthogonally into
    its invariants, normalised as one-component fields, and the rest, which is divided by its root mean square and
    never shifted. The statistics live in inner ``nn.BatchNorm1d`` modules, so that
    ``SyncBatchNorm.convert_sync_batchnorm`` and ``update_bn`` work.

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

    Source: Ioffe, Szegedy, Batch Normalization (2015), algorithm 1; Cohen, Welling (2016), section 6.3, one
    statistic for each field.
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
        self.eps, self.track_running_stats = eps, track_running_stats

        def parameter(name: str, make: Callable[..., Tensor], *shape: int) -> None:
            own = affine and 0 not in shape
            self.register_parameter(name, nn.Parameter(make(shape, device=device, dtype=dtype)) if own else None)

        self.statistics = nn.ModuleDict()
        plain = []
        for n, ((d, m, k), basis) in enumerate(zip(self._terms, self._fixed, strict=True)):
            plain.append(k == 1 and bool(np.abs(basis - basis[0, 0]).max() < 1e-9))
            parts = {"fixed": k * m, "rest": 0 if plain[n] else (d > k) * m}
            for part, count in parts.items():
                if count:
                    self.statistics[f"{part}_{n}"] = nn.BatchNorm1d(
                        count, eps, momentum, False, track_running_stats, device=device, dtype=dtype
                    )
                parameter(f"scale_{part}_{n}", torch.ones, count, 1)
            parameter(f"bias_{n}", torch.zeros, k * m)
        self._plain = tuple(plain)
        self._register_fixed(device, dtype)

    def reset_parameters(self) -> None:
        """Scales one, shifts zero, statistics empty."""
        for inner in self.statistics.values():
            cast(nn.BatchNorm1d, inner).reset_parameters()
        reset_norm(self)

    def _normalise(self, n: int, x: Tensor) -> Tensor:
        d, m, k = self._terms[n]
        fields = x.unflatten(1, (d, m))
        if isinstance(x, Tensor) and x.numel() == 0:
            return x
        if self._plain[n]:
            normal = self._shifted(n, fields.flatten(0, 1))  # one statistic for all components of a copy
            return normal.unflatten(0, (x.shape[0], d)).flatten(1, 2)
        out: Tensor | None = None
        if k:
            basis = self.constants(x)[f"fixed_{n}"]
            invariant = torch.einsum("dk,bdmp->bkmp", basis, fields)
            fields = fields - torch.einsum("dk,bkmp->bdmp", basis, invariant)
            normal = self._shifted(n, invariant.flatten(1, 2)).unflatten(1, (k, m))
            out = torch.einsum("dk,bkmp->bdmp", basis, normal)
        if d > k:
            rest = self._divided(n, fields.flatten(0, 1)).unflatten(0, (x.shape[0], d))
            out = rest if out is None else out + rest
        return cast(Tensor, out).flatten(1, 2)

    def _shifted(self, n: int, x: Tensor) -> Tensor:
        """Invariants ``(N, channels, positions)``: mean, variance, scale and bias."""
        y = self.statistics[f"fixed_{n}"](x)
        scale, bias = getattr(self, f"scale_fixed_{n}"), getattr(self, f"bias_{n}")
        return y if scale is None else y * scale + bias.unsqueeze(-1)

    def _divided(self, n: int, x: Tensor) -> Tensor:
        """Divided by the root mean square: among x and -x the mean is zero, so the inner module sees no shift."""
        inner = cast(nn.BatchNorm1d, self.statistics[f"rest_{n}"])
        scale = getattr(self, f"scale_rest_{n}")
        if inner.training or inner.running_var is None:
            y = inner(torch.cat([x, -x]))[: x.shape[0]]
        else:
            y = x * torch.rsqrt(inner.running_var + inner.eps).to(x.dtype)[:, None]
        return y if scale is None else y * scale

    def _as_torch(self) -> nn.Module | None:
        """``nn.BatchNorm`` of all channels where every field is scaled, or shifted, alike in all its components."""
        pairs = zip(self._plain, self._terms, strict=True)
        simple = all(plain or d == 1 or k == 0 for plain, (d, _, k) in pairs)
        if not simple or not self.dims or not self._terms or not self.track_running_stats:
            return None
        kind = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)[self.dims - 1]
        columns = [self._channels(n) for n in range(len(self._terms))]
        mean, variance, scale, bias = (torch.cat(parts) for parts in zip(*columns, strict=True))
        twin = kind(self.dim, self.eps, device=mean.device, dtype=mean.dtype)
        with torch.no_grad():
            targets = (twin.running_mean, twin.running_var, twin.weight, twin.bias)
            for target, values in zip(targets, (mean, variance, scale, bias), strict=True):
                cast(Tensor, target).copy_(values)
        return twin

    @torch.no_grad()
    def _channels(self, n: int) -> tuple[Tensor, ...]:
        """Mean, variance, scale and bias of every channel of one term."""
        d, _, k = self._terms[n]
        part = "fixed" if k else "rest"
        inner = self.statistics[f"{part}_{n}"]
        scale, bias = getattr(self, f"scale_{part}_{n}"), getattr(self, f"bias_{n}")
        mean, variance = cast(Tensor, inner.running_mean), cast(Tensor, inner.running_var)
        one, zero = torch.ones_like(variance), torch.zeros_like(variance)
        values = (
            mean if k else zero,
            variance,
            one if scale is None else scale[:, 0],
            zero if bias is None else bias,
        )
        return tuple(value.repeat(d) for value in values)
