"""Pooling on a grid: average, maximum, position of the largest norm; and the mean over all positions."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from equilayers import ops
from equilayers.errors import BadInput
from equilayers.intertwiners.plane import grid_action
from equilayers.layers.fields import action_on
from equilayers.layers.lattice import fitting_size, out_size, pair, require_centred, strided_axes, window_error
from equilayers.layers.layer import Layer, check_channels
from equilayers.layers.norm_activation import require_orthogonal
from equilayers.layers.pointwise import require_permutation
from equilayers.representations import GridField, Representation, defining

__all__ = ["AvgPool2d", "GlobalAvgPool2d", "MaxPool2d", "NormMaxPool2d", "Pool2d"]

Pair = tuple[int, int]


class Pool2d(Layer):
    """One window on every lattice point; ``reduce`` says what it does to ``(fields, components, pixels)``."""

    def __init__(
        self,
        rep: Representation,
        window: Pair,
        stride: Pair,
        padding: Pair,
        dilation: Pair,
        plane: Representation | None,
        reduce: Callable[[Tensor], Tensor],
    ) -> None:
        action = grid_action(defining(rep.group) if plane is None else plane, rep.group)
        action.require_square(kernel_size=window, stride=stride, padding=padding, dilation=dilation)
        extent = (dilation[0] * (window[0] - 1) + 1, dilation[1] * (window[1] - 1) + 1)
        pads = (2 * padding[0], 2 * padding[1])
        size = fitting_size(extent, stride, pads)
        fields = (GridField(rep, plane=plane, size=s) for s in (size, out_size(size, extent, stride, pads)))
        bound = None if action.maps_grid else window_error(reduce, window, dilation)
        super().__init__(*fields, exact=action.maps_grid, error_bound=bound)
        self.rep, self.dim, self.plane = rep, rep.dim, plane
        self.kernel_size, self.stride, self.padding, self.dilation = window, stride, padding, dilation
        self._strided = strided_axes(action, extent, stride, padding)
        self._extent, self._name = extent, type(self).__name__

    def _pool(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, rep.dim, rows, columns)`` to ``(batch, rep.dim, rows', columns')``."""
        check_channels(x, self.dim, 1, self._name)
        require_centred(x, self._strided, self._name)
        if self.dim:
            return self._pool(x)
        pads = (2 * self.padding[0], 2 * self.padding[1])
        return x.new_zeros(x.shape[0], 0, *out_size((x.shape[2], x.shape[3]), self._extent, self.stride, pads))

    def extra_repr(self) -> str:
        return f"{self.rep!r}, kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(Pool2d):
    r"""The mean over each window, :math:`y(p) = \frac{1}{k^2} \sum_q x(s p + q)`.

    Args:
        rep: any representation.
        kernel_size, stride, padding, count_include_pad: as in ``nn.AvgPool2d``; the stride is the kernel size
            unless given.
        plane: how the group acts on the grid; by default ``eq.defining(G)``.

    Shapes:
        ``(batch, rep.dim, rows, columns)`` to ``(batch, rep.dim, rows', columns')``. The lattice must be centred:
        ``(size + 2 padding - kernel_size) mod stride = 0`` along every axis that the group moves.

    Raises:
        BadInput: a window or lattice that the group does not keep.

    Example:
        >>> import torch, equilayers as eq
        >>> pool = eq.layers.AvgPool2d(eq.defining(eq.group("D4")), 2)
        >>> pool(torch.ones(1, 2, 6, 6)).shape, pool.exact
        (torch.Size([1, 2, 3, 3]), True)

    Source: Weiler and Cesa, General E(2)-Equivariant Steerable CNNs (2019), section 2.7.
    """

    def __init__(
        self,
        rep: Representation,
        kernel_size: int | Pair,
        stride: int | Pair | None = None,
        padding: int | Pair = 0,
        count_include_pad: bool = True,
        *,
        plane: Representation | None = None,
    ) -> None:
        window = pair(kernel_size, "kernel_size", 1)
        steps = window if stride is None else pair(stride, "stride", 1)
        super().__init__(rep, window, steps, pair(padding, "padding", 0), (1, 1), plane, lambda fields: fields.mean(-1))
        self.count_include_pad = count_include_pad

    def _pool(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(x, self.kernel_size, self.stride, self.padding, False, self.count_include_pad)

    def _as_torch(self) -> nn.Module | None:
        if not self.dim:
            return None
        return nn.AvgPool2d(self.kernel_size, self.stride, self.padding, False, self.count_include_pad)


class MaxPool2d(Pool2d):
    r"""The maximum of every component over each window, which only permutation representations allow.

    Args:
        rep: a permutation representation.
        kernel_size, stride, padding, dilation: as in ``nn.MaxPool2d``; the stride is the kernel size unless given.
        plane: how the group acts on the grid; by default ``eq.defining(G)``.

    Shapes:
        as in :class:`AvgPool2d`, with ``dilation (kernel_size - 1) + 1`` for the window.

    Raises:
        BadRepresentation: a summand that mixes or flips components.
        BadInput: a window or lattice that the group does not keep.

    Example:
        >>> import torch, equilayers as eq
        >>> pool = eq.layers.MaxPool2d(eq.regular(eq.group("C4")), 3, stride=2, padding=1)
        >>> pool(torch.zeros(1, 4, 7, 7)).shape
        torch.Size([1, 4, 4, 4])

    Source: Cohen and Welling, Group Equivariant Convolutional Networks (2016), section 6.3.
    """

    def __init__(
        self,
        rep: Representation,
        kernel_size: int | Pair,
        stride: int | Pair | None = None,
        padding: int | Pair = 0,
        dilation: int | Pair = 1,
        *,
        plane: Representation | None = None,
    ) -> None:
        self._require(rep)
        window, gaps = pair(kernel_size, "kernel_size", 1), pair(dilation, "dilation", 1)
        steps = window if stride is None else pair(stride, "stride", 1)
        sides = pair(padding, "padding", 0)
        if any(2 * p > w for p, w in zip(sides, window, strict=True)):
            raise BadInput(
                "padding must be at most half of the kernel size, or some windows would be empty.",
                {"padding": sides, "kernel_size": window},
                f"Give padding={min(window) // 2}.",
            )
        super().__init__(rep, window, steps, sides, gaps, plane, self._of_window)

    @staticmethod
    def _require(rep: Representation) -> None:
        require_permutation("MaxPool2d", rep, "Use NormMaxPool2d or AvgPool2d.")

    @staticmethod
    def _of_window(fields: Tensor) -> Tensor:
        return fields.amax(-1)

    def _pool(self, x: Tensor) -> Tensor:
        return F.max_pool2d(x, self.kernel_size, self.stride, self.padding, self.dilation)

    def _as_torch(self) -> nn.Module | None:
        if not self.dim:
            return None
        return nn.MaxPool2d(self.kernel_size, self.stride, self.padding, self.dilation)


class NormMaxPool2d(MaxPool2d):
    r"""Of every field its value where its norm is largest.

    .. math:: y(p) = x(s p + q^*), \qquad q^* = \arg\max_q |x(s p + q)|

    A field is one copy of one summand of ``rep``. Where two positions of a window tie, the choice is torch's.

    Args:
        rep: an orthogonal representation.
        kernel_size, stride, padding, dilation: as in ``nn.MaxPool2d``; the stride is the kernel size unless given.
        plane: how the group acts on the grid; by default ``eq.defining(G)``.

    Shapes:
        as in :class:`MaxPool2d`.

    Raises:
        BadRepresentation: a summand that changes norms.
        BadInput: a window or lattice that the group does not keep.

    Example:
        >>> import torch, equilayers as eq
        >>> x = torch.tensor([[3.0, 1.0], [0.0, 2.0]]).expand(1, 1, 2, 2)
        >>> eq.layers.NormMaxPool2d(eq.defining(eq.group("C4")), 2)(torch.cat([x, -x], 1)).flatten()
        tensor([ 3., -3.])

    Source: Marcos, Volpi, Komodakis, Tuia, Rotation Equivariant Vector Field Networks (2017), section 3.3.
    """

    def __init__(
        self,
        rep: Representation,
        kernel_size: int | Pair,
        stride: int | Pair | None = None,
        padding: int | Pair = 0,
        dilation: int | Pair = 1,
        *,
        plane: Representation | None = None,
    ) -> None:
        super().__init__(rep, kernel_size, stride, padding, dilation, plane=plane)
        self._shapes = tuple((atom.dim, m) for m, atom in rep.terms)

    @staticmethod
    def _require(rep: Representation) -> None:
        require_orthogonal("NormMaxPool2d", rep)

    @staticmethod
    def _of_window(fields: Tensor) -> Tensor:
        where = fields.square().sum(1, keepdim=True).argmax(-1, keepdim=True)
        return fields.gather(-1, where.expand(-1, fields.shape[1], -1))[..., 0]

    def _pool(self, x: Tensor) -> Tensor:
        out, pieces = [], x.split([d * m for d, m in self._shapes], 1)
        for n, (d, m) in enumerate(self._shapes):
            fields = pieces[n].unflatten(1, (d, m))
            size = ops.widened(fields.detach()).square().sum(1)
            where = F.max_pool2d(size, self.kernel_size, self.stride, self.padding, self.dilation, return_indices=True)[
                1
            ]
            index = where.flatten(2).unsqueeze(1).expand(-1, d, -1, -1)
            chosen = fields.flatten(3).gather(3, index)
            out.append(chosen.flatten(1, 2).unflatten(2, where.shape[2:]))
        return out[0] if len(out) == 1 else torch.cat(out, 1)

    def _as_torch(self) -> nn.Module | None:
        return None


class GlobalAvgPool2d(Layer):
    r"""The mean over all positions of a grid, :math:`y = \frac{1}{N} \sum_p x(p)`: from fields to vectors.

    Args:
        rep: any representation.
        plane: how the group acts on the grid; by default ``eq.defining(G)``.

    Shapes:
        ``(batch, rep.dim, rows, columns)`` to ``(batch, rep.dim)``.

    Raises:
        BadInput: the input does not have ``rep.dim`` channels.

    Example:
        >>> import torch, equilayers as eq
        >>> eq.layers.GlobalAvgPool2d(eq.defining(eq.group("D4")))(torch.ones(1, 2, 5, 5))
        tensor([[1., 1.]])

    Source: Lin, Chen, Yan, Network In Network (2014), section 3.2.
    """

    def __init__(self, rep: Representation, plane: Representation | None = None) -> None:
        super().__init__(action_on(rep, 2, plane), rep)
        self.dim = rep.dim

    def forward(self, x: Tensor) -> Tensor:
        """The mean over the last two axes."""
        check_channels(x, self.dim, 1, "GlobalAvgPool2d")
        return x.mean((-2, -1))
