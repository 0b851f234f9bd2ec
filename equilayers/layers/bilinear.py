"""The bilinear layer: all of Hom(V1 (x) V2, W), by one coupling for each triple of irreps."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, cast

import numpy as np
import torch
from torch import Tensor, nn

from equilayers import ops
from equilayers.errors import BadInput
from equilayers.layers.invariants import invariants
from equilayers.layers.layer import Fingerprint, Layer, action_arrays, check_channels, require_one_group
from equilayers.layers.schur import (
    SchurForm,
    is_reducible_into_irreps,
    parameter_suffixes,
    schur_form,
    summand_form,
)
from equilayers.numerics import derived
from equilayers.representations import Irrep, Representation

__all__ = ["Bilinear"]


class Path(NamedTuple):
    """One triple: names of weight and core, block of x1, of x2 and of y."""

    weight: str
    core: str
    first: int
    second: int
    out: int


class Bilinear(Layer):
    r"""Every equivariant bilinear map, :math:`y = B(x_1 \otimes x_2) + b` with :math:`B \in Hom(V_1 \otimes V_2, W)`.

    .. math:: y_{on} = \sum_{k,m,m'} w_{k n m m'} \sum_{ij} C_{kijo}\, x_{1,im}\, x_{2,jm'}

    for each triple of irreps, C their couplings (:func:`equilayers.clebsch_gordan`). One parameter
    ``weight_<a>__<b>__<c>`` for each triple that couples, in Schur coordinates as in :class:`Linear`: one state dict
    serves every basis. A group without irreps (SE(n), Heisenberg) takes summands for irreps, numbered. The dense map
    is never formed.

    Args:
        in1_rep, in2_rep, out_rep: representations V1, V2 and W of one group.
        bias: add the invariant vectors of W.
        mode: which copies meet. "full": all with all, weights ``(k, out, in1, in2)``; "channelwise": copy u of x1 and
            all copies of x2 make copy u, ``(k, out, in2)``; "elementwise": copy u of both makes copy u, ``(k, out)``.
            (In e3nn "uvw", "uvu", "uuu".)
        device, dtype: as in torch.

    Shapes:
        ``(*batch, in1_rep.dim)`` and ``(*batch, in2_rep.dim)`` to ``(*batch, out_rep.dim)``.

    Raises:
        GroupMismatch: representations of different groups.
        BadInput: an unknown mode, or multiplicities that it cannot pair; a wrong last dimension.

    Example:
        >>> import torch, equilayers as eq
        >>> V = eq.defining(eq.group("SO(3)"))
        >>> cross = eq.layers.Bilinear(2 * V, V, 4 * V)
        >>> cross(torch.zeros(5, 6), torch.zeros(5, 3)).shape
        torch.Size([5, 12])
        >>> {name: tuple(p.shape) for name, p in cross.named_parameters()}
        {'weight_1__1__1': (1, 4, 2, 1)}

    Source: Kondor, Lin, Trivedi, Clebsch-Gordan Nets (2018), equation 7, for SO(3); Schur's lemma elsewhere.
    """

    bias: nn.Parameter | None
    left_out = ()  # a graph takes both inputs

    def __init__(
        self,
        in1_rep: Representation,
        in2_rep: Representation,
        out_rep: Representation,
        bias: bool = False,
        mode: str = "full",
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        require_one_group("Bilinear", in1_rep, in2_rep)
        require_one_group("Bilinear", in1_rep, out_rep)
        super().__init__(in1_rep + in2_rep, out_rep)
        if mode not in _RULES:
            raise BadInput(
                "Bilinear pairs copies in one of three ways.", {"mode": repr(mode)}, f"Choose one of {sorted(_RULES)}."
            )
        self.in1_rep, self.in2_rep, self.out_rep, self.mode = in1_rep, in2_rep, out_rep, mode
        self.in1_dim, self.in2_dim, self.out_dim = in1_rep.dim, in2_rep.dim, out_rep.dim
        shapes = self._plan()
        self.register_constants(self._derive_constants(), device=device, dtype=dtype)
        for name, shape in shapes.items():
            self.register_parameter(name, nn.Parameter(torch.empty(shape, device=device, dtype=dtype)))
        fixed = invariants(out_rep)
        self._invariants = fixed.layout
        count = fixed.count if bias else 0
        new = nn.Parameter(torch.empty(count, device=device, dtype=dtype)) if count else None
        self.register_parameter("bias", new)
        self.reset_parameters()

    def _plan(self) -> dict[str, tuple[int, ...]]:
        forms = tuple(_form(rep) for rep in (self.in1_rep, self.in2_rep, self.out_rep))
        self._layouts = tuple(form.layout for form in forms)
        names = [_suffixes(form) for form in forms]
        paths: list[Path] = []
        shapes: dict[str, tuple[int, ...]] = {}
        for o, c in enumerate(forms[2].irreps):
            for i, a in enumerate(forms[0].irreps):
                for j, b in enumerate(forms[1].irreps):
                    k = len(_couplings(a, b, c))
                    if not k:
                        continue
                    name = f"{names[0][i]}__{names[1][j]}__{names[2][o]}"  # partitions have single ones inside
                    sizes = tuple(layout.blocks[at][1] for layout, at in zip(self._layouts, (i, j, o), strict=True))
                    shapes[f"weight_{name}"] = (k, *self._weight_shape(sizes, (a, b, c)))
                    paths.append(Path(f"weight_{name}", f"core_{name}", i, j, o))
        self._paths = tuple(paths)
        self._places = tuple(
            tuple(f"{kind}_{n}_{i}" for i in range(len(_matrices(form, kind))))
            for n, (form, kind) in enumerate(zip(forms, ("into", "into", "out_of"), strict=True))
        )
        return shapes

    def _weight_shape(self, sizes: tuple[int, ...], triple: tuple[Representation, ...]) -> tuple[int, ...]:
        first, second, out = sizes
        if self.mode == "full":
            return (out, first, second)
        if first != out or (self.mode == "elementwise" and second != out):
            raise BadInput(
                f'Mode "{self.mode}" pairs copies one by one, and these are not equally many.',
                {
                    str(irrep): f"{m} copies in {rep}"
                    for irrep, m, rep in zip(triple, sizes, ("in1_rep", "in2_rep", "out_rep"), strict=True)
                },
                'Use mode="full", or equal multiplicities (a Linear before makes them).',
            )
        return (out, second) if self.mode == "channelwise" else (out,)

    def _derive_constants(self) -> dict[str, np.ndarray]:
        forms = [_form(rep) for rep in (self.in1_rep, self.in2_rep, self.out_rep)]
        constants: dict[str, np.ndarray] = {}
        for names, form, kind in zip(self._places, forms, ("into", "into", "out_of"), strict=True):
            constants |= dict(zip(names, _matrices(form, kind), strict=True))
        for path in self._paths:
            triple = (forms[0].irreps[path.first], forms[1].irreps[path.second], forms[2].irreps[path.out])
            constants[path.core] = _couplings(*triple)
        return constants | invariants(self.out_rep).arrays

    def reset_parameters(self) -> None:
        """Independent normal weights that give unit second moment per output irrep for independent unit inputs, in
        the coordinates of the couplings; bias zero.
        """
        arriving: dict[int, int] = {}
        for path in self._paths:
            arriving[path.out] = arriving.get(path.out, 0) + self._summands(path)
        with torch.no_grad():
            for path in self._paths:
                dim = self._layouts[2].blocks[path.out][0]
                getattr(self, path.weight).normal_(0.0, math.sqrt(dim / arriving[path.out]))
            if self.bias is not None:
                self.bias.zero_()

    def _summands(self, path: Path) -> int:
        """How many weights meet in one copy of the output."""
        weight = getattr(self, path.weight)
        return int(weight.numel() // weight.shape[1])

    def forward(self, x1: Tensor, x2: Tensor | None = None) -> Tensor:
        """``B(x1, x2) + b`` on the last axis; with one argument, x1 and x2 lie behind one another on it."""
        if x2 is None:
            check_channels(x1, self.in1_dim + self.in2_dim, -1, "Bilinear")
            x1, x2 = x1.split([self.in1_dim, self.in2_dim], -1)
        check_channels(x1, self.in1_dim, -1, "Bilinear")
        check_channels(x2, self.in2_dim, -1, "Bilinear")
        fixed = self.constants(x1)
        matrices = [[fixed[name] for name in names] for names in self._places]
        first = ops.to_blocks(x1, self._layouts[0], matrices[0])
        second = ops.to_blocks(x2, self._layouts[1], matrices[1])
        like = x1[..., :1].sum(-1, keepdim=True) + x2[..., :1].sum(-1, keepdim=True)  # the common batch shape
        sums: list[Tensor | None] = [None] * len(self._layouts[2].blocks)
        rule = _RULES[self.mode]
        for path in self._paths:
            a, b = cast(Tensor, first[path.first]), cast(Tensor, second[path.second])
            product = rule(a, b, fixed[path.core], getattr(self, path.weight))
            total = sums[path.out]
            sums[path.out] = product if total is None else total + product
        y = ops.from_blocks(cast(list[ops.Block], sums), self._layouts[2], matrices[2], like)
        if self.bias is None:
            return y
        bases = [fixed[name] if name else None for *_, name in self._invariants]
        return y + ops.invariant_vector(self.bias, self._invariants, bases)

    @property
    def unreached(self) -> tuple[Representation, ...]:
        """Irreps (or summands) of W that no product of the inputs holds: zero there, but for a bias."""
        reached = {path.out for path in self._paths}
        return tuple(irrep for o, irrep in enumerate(_form(self.out_rep).irreps) if o not in reached)

    def extra_repr(self) -> str:
        missed = ", ".join(str(part) for part in self.unreached)
        return super().extra_repr() + (f"; no product of the inputs reaches {missed}" if missed else "")

    def _fingerprint(self) -> Fingerprint:
        """Couplings and irreps with their copies, in the order of the paths: the same in every basis."""
        forms = [_form(rep) for rep in (self.in1_rep, self.in2_rep, self.out_rep)]
        meaning: list[np.ndarray] = []
        for path in sorted(self._paths):
            meaning.append(self._constants[path.core])
            for form, at in zip(forms, (path.first, path.second, path.out), strict=True):
                meaning += [np.array(form.layout.blocks[at]), *action_arrays(form.irreps[at])]
        into = [self._constants[name] for names in self._places[:2] for name in names]
        return meaning, into, [self._constants[name] for name in self._places[2]]


def _form(rep: Representation) -> SchurForm:
    return schur_form(rep) if is_reducible_into_irreps(rep.group) else summand_form(rep)


def _matrices(form: SchurForm, kind: str) -> tuple[np.ndarray, ...]:
    return form.into if kind == "into" else form.out_of


def _suffixes(form: SchurForm) -> tuple[str, ...]:
    irreps = [irrep for irrep in form.irreps if isinstance(irrep, Irrep)]
    if len(irreps) == len(form.irreps):
        return parameter_suffixes(irreps)
    return tuple(str(i) for i in range(len(form.irreps)))


@derived
def _couplings(a: Representation, b: Representation, c: Representation) -> np.ndarray:
    from equilayers.intertwiners import clebsch_gordan  # only what has products needs the solver

    return clebsch_gordan(a, b, c)


def _full(x: Tensor, y: Tensor, core: Tensor, weight: Tensor) -> Tensor:
    k, d3 = core.shape[0], core.shape[3]
    moved = _couple(y, core)  # (*batch, d1, d3, k, in2)
    pairs = torch.matmul(x.mT, moved.flatten(-3)).unflatten(-1, (d3, k * y.shape[-1]))  # (*batch, in1, d3, (k, in2))
    columns = weight.transpose(0, 1).transpose(1, 2).flatten(1)  # (out, (in1, k, in2))
    return torch.nn.functional.linear(pairs.transpose(-3, -2).flatten(-2), columns)


def _channelwise(x: Tensor, y: Tensor, core: Tensor, weight: Tensor) -> Tensor:
    moved = _couple(y, core).flatten(-2)  # (*batch, d1, d3, (k, in2))
    mixed = torch.nn.functional.linear(moved, weight.transpose(0, 1).flatten(1))  # (*batch, d1, d3, out)
    return (x.unsqueeze(-2) * mixed).sum(-3)


def _elementwise(x: Tensor, y: Tensor, core: Tensor, weight: Tensor) -> Tensor:
    mixed = (_couple(y, core) * weight.to(y.dtype)).sum(-2)  # (*batch, d1, d3, out)
    return (x.unsqueeze(-2) * mixed).sum(-3)


def _couple(y: Tensor, core: Tensor) -> Tensor:
    """``(*batch, d2, m)`` with ``(k, d1, d2, d3)`` to ``(*batch, d1, d3, k, m)``."""
    k, d1, d2, d3 = core.shape
    rows = core.to(y.dtype).permute(1, 3, 0, 2).reshape(d1 * d3 * k, d2)
    return torch.matmul(rows, y).unflatten(-2, (d1, d3, k))


_RULES: dict[str, Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]] = {
    "full": _full,
    "channelwise": _channelwise,
    "elementwise": _elementwise,
}
