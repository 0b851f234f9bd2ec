"""Equivariant convolution on the plane."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from equilayers.errors import BadInput
from equilayers.intertwiners.kernels import BASIS_LIMIT, KernelBlock, KernelSpace, kernel_space
from equilayers.intertwiners.kernels_harmonic import discretisation_error
from equilayers.intertwiners.sections import fixed_vectors
from equilayers.layers.lattice import MARGIN, fitting_size, out_size, pair, require_centred, strided_axes
from equilayers.layers.layer import Fingerprint, Layer, action_arrays, check_channels, require_one_group
from equilayers.layers.sharded import mix
from equilayers.numerics import derived
from equilayers.ops.blocks import invariant_vector
from equilayers.ops.filters import assemble_filter
from equilayers.representations import GridField, Representation

__all__ = ["Conv2d"]

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")
WHITE = 1e-9  # relative size below which a direction of the output never occurs


class Conv2d(Layer):
    r"""Convolution whose kernel commutes with the group, :math:`K(g x) = W(g) K(x) V(g)^{-1}`.

    .. math:: y(p) = \sum_q K(q)\, x(s p + d q) + b, \qquad b \in Hom(1, W)

    The kernel basis is complete where the group maps the pixel grid to itself (subgroups of D4, or a group that
    leaves positions alone); elsewhere (C8, SO(2), ...) it is band-limited, ``exact`` is False and ``error_bound``
    holds three times the relative error for smooth fields, while the rotations by 90 degrees stay exact. The filter
    is expanded anew in every call; ``eq.to_torch`` folds it.

    Args:
        in_rep, out_rep: V and W.
        kernel_size, stride, padding, dilation, bias, padding_mode: as in ``nn.Conv2d``; ``padding`` may be "same"
            or "valid".
        groups: cuts the copies of every summand into that many parts, which are not connected; equal to the
            multiplicity it is depthwise.
        plane: how the group acts on the grid; by default ``eq.defining(G)``.
        device, dtype: as in torch.

    Shapes:
        ``(batch, in_rep.dim, rows, columns)`` to ``(batch, out_rep.dim, rows', columns')``. With a stride s the
        sampled points must be centred: ``(size + 2 padding - dilation (kernel_size - 1) - 1) mod s = 0`` along every
        axis that the group moves.

    Raises:
        BadInput: a window or lattice that the group does not keep, or a wrong number of channels.
        GroupMismatch: representations of two groups.

    Example:
        >>> import torch, equilayers as eq
        >>> V = 4 * eq.regular(eq.group("C4"))
        >>> layer = eq.layers.Conv2d(V, V, 3, padding=1)
        >>> layer(torch.ones(1, 16, 7, 7)).shape, sum(p.numel() for p in layer.parameters()), layer.exact
        (torch.Size([1, 16, 7, 7]), 580, True)

    Source: Cohen, Welling, Group Equivariant Convolutional Networks (2016), equation 10; Weiler, Cesa (2019),
    section 2.
    """

    bias: nn.Parameter | None

    def __init__(
        self,
        in_rep: Representation,
        out_rep: Representation,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] | str = 0,
        dilation: int | tuple[int, int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        *,
        plane: Representation | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        require_one_group("Conv2d", in_rep, out_rep)
        window = pair(kernel_size, "kernel_size", 1)
        space = kernel_space(_part(in_rep, groups), out_rep, window, plane)
        steps = pair(dilation, "dilation", 1)
        error = None if space.exact else MARGIN * discretisation_error(window[0], steps[0])
        _part(out_rep, groups)  # both sides must divide
        field = GridField(in_rep, plane=plane)  # replaced below by fields of a fitting size
        super().__init__(field, field, exact=space.exact, error_bound=error)
        self.in_rep, self.out_rep, self.plane = in_rep, out_rep, plane
        self.kernel_size, self.groups, self.padding_mode = window, groups, padding_mode
        self.in_dim, self.out_dim = in_rep.dim, out_rep.dim
        self._lay_out(space, pair(stride, "stride", 1), padding, steps)
        self.register_constants(self._derive_constants(), device=device, dtype=dtype)
        self._register_parameters(space, bias, device, dtype)
        self.reset_parameters()

    def _lay_out(
        self,
        space: KernelSpace,
        stride: tuple[int, int],
        padding: int | tuple[int, int] | str,
        dilation: tuple[int, int],
    ) -> None:
        """Numbers for ``forward``: paddings on all four sides, the checks, and the form of the filter."""
        if self.padding_mode not in PADDING_MODES:
            raise BadInput(
                "An unknown padding mode.", {"padding_mode": self.padding_mode}, f"Use one of {PADDING_MODES}."
            )
        action = space.action
        extent = tuple(d * (k - 1) for d, k in zip(dilation, self.kernel_size, strict=True))
        self.stride, self.dilation, self.padding = stride, dilation, padding
        if isinstance(padding, str):
            before, after = _named_padding(padding, extent, stride, action.moves)
        else:
            before = after = pair(padding, "padding", 0)
            self.padding = before
        action.require_square(stride=stride, dilation=dilation, padding=before)
        self._sides = (before[1], after[1], before[0], after[0])
        self._pads_itself = self.padding_mode != "zeros" or before != after
        self._conv_padding = (0, 0) if self._pads_itself else before
        self._extent = (extent[0] + 1, extent[1] + 1)
        self._pads = (before[0] + after[0], before[1] + after[1])
        self._strided = strided_axes(action, self._extent, stride, before)
        size = fitting_size(self._extent, stride, self._pads)
        self.in_action = GridField(self.in_rep, plane=self.plane, size=size)
        size = out_size(size, self._extent, stride, self._pads)
        self.out_action = GridField(self.out_rep, plane=self.plane, size=size)
        self._layout, self._programs = space.layout, tuple(block.program for block in space.blocks)
        self._names = tuple(tuple(f"{kind}_{n}" for kind in _kinds(block)) for n, block in enumerate(space.blocks))
        self._weight_names = ("weight",) if len(space.blocks) == 1 else tuple(f"weight_{o}_{i}" for o, i in space.pairs)

    def _register_parameters(
        self, space: KernelSpace, bias: bool, device: torch.device | str | None, dtype: torch.dtype | None
    ) -> None:
        for name, block, (o, i) in zip(self._weight_names, space.blocks, space.pairs, strict=True):
            shape = (self.out_rep.terms[o][0], space.in_rep.terms[i][0], block.dim)
            self.register_parameter(name, nn.Parameter(torch.empty(shape, device=device, dtype=dtype)))
        bases = [_invariants(atom) for _, atom in self.out_rep.terms]
        self._bias_layout = tuple(
            (atom.dim, m, basis.shape[1], f"invariant_{n}" if m and basis.shape[1] else "")
            for n, ((m, atom), basis) in enumerate(zip(self.out_rep.terms, bases, strict=True))
        )
        count = sum(m * k for _, m, k, _ in self._bias_layout) if bias else 0
        new = nn.Parameter(torch.zeros(count, device=device, dtype=dtype)) if count else None
        self.register_parameter("bias", new)

    def _space(self) -> KernelSpace:
        return kernel_space(_part(self.in_rep, self.groups), self.out_rep, self.kernel_size, self.plane)

    def _derive_constants(self) -> dict[str, np.ndarray]:
        arrays: dict[str, np.ndarray] = {}
        for n, block in enumerate(self._space().blocks):
            arrays |= {f"{kind}_{n}": np.array(block.arrays[kind]) for kind in _kinds(block)}
        for n, (m, atom) in enumerate(self.out_rep.terms):
            basis = _invariants(atom)
            if m and basis.shape[1]:
                arrays[f"invariant_{n}"] = np.array(basis)
        if self.groups > 1:
            arrays["in_order"] = _group_major(self.in_rep, self.groups)
            order = _group_major(self.out_rep, self.groups)
            arrays["out_order"], arrays["out_back"] = order, np.argsort(order)
        return arrays

    def _fingerprint(self) -> Fingerprint:
        """The bases that the weights are coordinates in, and how both sides are acted on."""
        arrays = [np.array([*self.kernel_size, self.groups])]
        for block, positions in zip(self._space().blocks, self._space().pairs, strict=True):
            arrays += [np.array(positions), *(block.arrays[kind] for kind in _kinds(block))]
        return arrays + action_arrays(self.in_rep) + action_arrays(self.out_rep), [], []

    def reset_parameters(self) -> None:
        """Normal weights that give unit second moment per output irrep that occurs in the input; zero bias."""
        if self.bias is not None:
            nn.init.zeros_(self.bias)
        space = self._space()
        for o, (_, atom) in enumerate(self.out_rep.terms):
            found = [(n, i) for n, (out, i) in enumerate(space.pairs) if out == o]
            if not found:
                continue
            moment = sum(space.in_rep.terms[i][0] * space.blocks[n].second_moment() for n, i in found)
            values, vectors = np.linalg.eigh(np.asarray(moment))
            scale = float(np.sqrt(atom.dim / values.sum()))
            flat = values[-1] - values[0] < WHITE * values[-1]
            small = all(space.blocks[n].dim * atom.dim * self._block_width(space, i) <= BASIS_LIMIT for n, i in found)
            inverse = np.where(values > WHITE * values[-1], 1 / np.sqrt(np.maximum(values, 1e-300)), 0.0)
            for n, _ in found:
                weight = getattr(self, self._weight_names[n])
                nn.init.normal_(weight, std=scale if flat or not (small and atom.is_orthogonal) else 1.0)
                if small and not flat and atom.is_orthogonal:
                    mix(weight, space.blocks[n].mixing((vectors * inverse) @ vectors.T), -1)

    def _block_width(self, space: KernelSpace, i: int) -> int:
        return space.in_rep.terms[i][1].dim * self.kernel_size[0] * self.kernel_size[1]

    def filter(self) -> Tensor:
        """``(out_rep.dim, in_rep.dim / groups, rows, columns)``: the kernel, as ``nn.Conv2d`` would hold it."""
        weights = [getattr(self, name) for name in self._weight_names]
        fixed = self.constants(weights[0])
        constants = [[fixed[name] for name in names] for names in self._names]
        return assemble_filter(weights, self._programs, constants, self._layout)

    def expanded_bias(self) -> Tensor | None:
        """``(out_rep.dim,)``, or None."""
        if self.bias is None:
            return None
        fixed = self.constants(self.bias)
        bases = [fixed[name] if name else None for *_, name in self._bias_layout]
        return invariant_vector(self.bias, self._bias_layout, bases)

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, in_rep.dim, rows, columns)`` to ``(batch, out_rep.dim, rows', columns')``."""
        check_channels(x, self.in_dim, 1, "Conv2d")
        require_centred(x, self._strided, "Conv2d")
        bias = self.expanded_bias()
        if not self._programs or not self.in_dim or not self.out_dim:
            return self._nothing(x, bias)
        kernel = self.filter()
        if self.groups > 1:
            fixed = self.constants(x)
            x, kernel = x.index_select(1, fixed["in_order"]), kernel.index_select(0, fixed["out_order"])
            bias = None if bias is None else bias.index_select(0, fixed["out_order"])
        if self._pads_itself:
            x = F.pad(x, self._sides, mode="constant" if self.padding_mode == "zeros" else self.padding_mode)
        y = F.conv2d(x, kernel, bias, self.stride, self._conv_padding, self.dilation, self.groups)
        return y.index_select(1, fixed["out_back"]) if self.groups > 1 else y

    def _nothing(self, x: Tensor, bias: Tensor | None) -> Tensor:
        """No map between the two representations: zeros of the right size, and the bias."""
        size = out_size((x.shape[2], x.shape[3]), self._extent, self.stride, self._pads)
        y = x.new_zeros(x.shape[0], self.out_dim, *size)
        return y if bias is None else y + bias.to(y.dtype)[:, None, None]

    def _as_torch(self) -> nn.Module | None:
        """``nn.Conv2d`` with the expanded filter; parts that groups would reorder, and empty maps, become a graph."""
        if self.groups > 1 or not self._programs or not self.in_dim or not self.out_dim:
            return None
        with torch.no_grad():
            kernel, bias = self.filter().contiguous(), self.expanded_bias()
        plain = nn.Conv2d(
            self.in_dim, self.out_dim, self.kernel_size, self.stride, self.padding, self.dilation, 1,
            bias is not None, cast(Any, self.padding_mode), device=kernel.device, dtype=kernel.dtype,
        )  # fmt: skip
        with torch.no_grad():
            plain.weight.copy_(kernel)
            if bias is not None:
                cast(Tensor, plain.bias).copy_(bias)
        return plain

    def extra_repr(self) -> str:
        return f"{self.in_rep!r} -> {self.out_rep!r}, kernel_size={self.kernel_size}, stride={self.stride}"


def _kinds(block: KernelBlock) -> list[str]:
    """The arrays in the order that ``ops.filters.expand_block`` reads them."""
    return [kind for kind in ("basis", "index", "sign", "slots") if kind in block.arrays]


@derived
def _invariants(atom: Representation) -> np.ndarray:
    return fixed_vectors(atom.images.lie, atom.images.discrete)


def _part(rep: Representation, groups: int) -> Representation:
    """One of ``groups`` equal parts: every multiplicity divided."""
    if groups == 1:
        return rep
    if groups < 1 or any(m % groups for m, _ in rep.terms):
        raise BadInput(
            "groups must divide the multiplicity of every summand.",
            {"groups": groups, "representation": repr(rep), "multiplicities": [m for m, _ in rep.terms]},
            "Use the multiplicity itself for a depthwise convolution.",
        )
    parts = [(m // groups) * atom for m, atom in rep.terms]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _group_major(rep: Representation, groups: int) -> np.ndarray:
    """Channels in the order (part, component, copy) where they lie in the order (component, copy)."""
    pieces, start = [], 0
    for m, atom in rep.terms:
        block = start + np.arange(atom.dim * m).reshape(atom.dim, groups, m // groups)
        pieces.append(block.transpose(1, 0, 2).reshape(groups, -1))
        start += atom.dim * m
    return np.concatenate(pieces, 1).reshape(-1)


def _named_padding(
    padding: str, extent: tuple[int, ...], stride: tuple[int, int], moves: tuple[bool, bool]
) -> tuple[tuple[int, int], tuple[int, int]]:
    if padding == "valid":
        return (0, 0), (0, 0)
    if padding != "same" or stride != (1, 1):
        raise BadInput(
            'padding must be numbers, "valid", or "same" with stride 1.',
            {"padding": padding, "stride": stride},
            "Give numbers.",
        )
    for axis, name in enumerate(("rows", "columns")):
        if extent[axis] % 2 and moves[axis]:
            raise BadInput(
                'padding="same" pads one side more than the other here, and the group exchanges the sides.',
                {"axis": name, "to pad": extent[axis]},
                "Use an odd kernel or an even dilation, or give the padding as a number.",
            )
    before = (extent[0] // 2, extent[1] // 2)
    return before, (extent[0] - before[0], extent[1] - before[1])
