"""Irreps of direct products: outer products over R, C and H, with what splits split and what doubles halved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import BadRepresentation
from equilayers.groups import FiniteGroup, Group
from equilayers.representations.levels import in_order
from equilayers.representations.representation import Irrep, unit_matrices

__all__ = ["irrep", "irreps", "outer"]

Components = tuple[Tensor, ...]  # real parts of a matrix over R, C or H: 1, 2 or 4 tensors (*b, d, d)
_ALGEBRA = {"real": 1, "complex": 2, "quaternionic": 4}
_TYPE = {count: name for name, count in _ALGEBRA.items()}
CONJUGATE = "*"
ENUMERATED = 5_000  # finite products up to this order are sorted by characters


# Matrices over R, C and H


def _components(matrix: Tensor, count: int) -> Components:
    """A real matrix in standard form holds the components in its first block column."""
    d = matrix.shape[-1] // count
    return tuple(matrix[..., :d].unflatten(-2, (count, d)).unbind(-3))


def _realise(parts: Components) -> Tensor:
    """The real matrix in standard form, the sum of left multiplications by the units, kron the components."""
    if len(parts) == 1:
        return parts[0]
    units = torch.tensor(_lefts(len(parts)), device=parts[0].device)
    return torch.stack([_kron(u, p) for u, p in zip(units, parts, strict=True)]).sum(0)


def _lefts(count: int) -> np.ndarray:
    """Left multiplications by the units: those from the right, conjugated on both sides."""
    flip = np.diag([1.0] + [-1.0] * (count - 1))
    signs = np.array([1.0] + [-1.0] * (count - 1))
    return signs[:, None, None] * (flip @ unit_matrices(count) @ flip)


def _kron(a: Tensor, b: Tensor) -> Tensor:
    return torch.einsum("...ij,...kl->...ikjl", a, b).flatten(-4, -3).flatten(-2)


def _as_complex(parts: Components) -> Components:
    r"""H as a right module over C with basis (1, j): :math:`z_1 + j z_2` becomes [[z1, -conj z2], [z2, conj z1]]."""
    if len(parts) == 2:
        return parts
    a, b, c, d = parts
    real = torch.cat([torch.cat([a, -c], -1), torch.cat([c, a], -1)], -2)
    imaginary = torch.cat([torch.cat([b, -d], -1), torch.cat([-d, -b], -1)], -2)
    return real, imaginary


def _multiply(a: Components, b: Components) -> Components:
    """The outer product of irreducible matrices over R, C or H, over the field of the irrep that it contains."""
    if len(a) == 1 or len(b) == 1:
        return tuple(_kron(x, y) for x in a for y in b)
    if len(a) == len(b) == 4:  # q1 v conj(q2): real
        signs = (1.0, -1.0, -1.0, -1.0)
        total: Any = 0.0
        for left, x in zip(_lefts(4), a, strict=True):
            for right, sign, y in zip(unit_matrices(4), signs, b, strict=True):
                total = total + _kron(torch.tensor(sign * left @ right, device=x.device), _kron(x, y))
        return (total,)
    (x, y), (u, v) = _as_complex(a), _as_complex(b)
    return _kron(x, u) - _kron(y, v), _kron(x, v) + _kron(y, u)


@dataclass(frozen=True)
class _Factor:
    irrep: Irrep
    conjugate: bool

    def components(self, matrix: Tensor) -> Components:
        parts = _components(matrix, self.irrep.end_dim)
        return (parts[0], -parts[1]) if self.conjugate else parts


def outer(factors: Sequence[_Factor], matrices: Sequence[Tensor]) -> Tensor:
    """The matrix of the irrep, from those of the factors' irreps."""
    parts = factors[0].components(matrices[0])
    for factor, matrix in zip(factors[1:], matrices[1:], strict=True):
        parts = _multiply(parts, factor.components(matrix))
    return _realise(parts)


@dataclass(frozen=True)
class _Outer:
    group: Group
    factors: tuple[_Factor, ...]

    def __call__(self, g: Tensor) -> Tensor:
        parts = cast(Any, self.group).parts(g)
        return outer(self.factors, [factor.irrep(x) for factor, x in zip(self.factors, parts, strict=True)])


# Irreps


def _type_and_dim(irreps: Sequence[Irrep]) -> tuple[str, int]:
    """Complex with a complex factor; else an even number of quaternionic ones gives a real irrep, an odd one H."""
    types = [i.type for i in irreps]
    quaternionic = types.count("quaternionic")
    algebra = 2 if "complex" in types else 4 if quaternionic % 2 else 1
    complex_dim = prod(i.dim // {1: 1, 2: 2, 4: 2}[i.end_dim] for i in irreps)
    return _TYPE[algebra], complex_dim * (1 if algebra == 1 else 2)


def _make(group: Group, chosen: Sequence[Irrep], conjugate: Sequence[bool]) -> Irrep:
    factors = tuple(_Factor(i, c) for i, c in zip(chosen, conjugate, strict=True))
    label = "(" + ",".join(f.irrep.label + CONJUGATE * f.conjugate for f in factors) + ")"
    kind, dim = _type_and_dim(chosen)
    lie = [np.zeros((0, dim, dim))]
    still = [torch.eye(i.dim, dtype=torch.float64) for i in chosen]
    for k, (factor, part) in enumerate(zip(group.factors, chosen, strict=True)):
        if factor.lie_dim:  # the product is linear in each factor: one moves, the others stand still
            moving = [*still[:k], torch.tensor(part.images.lie), *still[k + 1 :]]
            lie.append(outer(factors, moving).numpy())
    return Irrep.from_function(group, label, kind, _Outer(group, factors), np.concatenate(lie))


def _conjugations(chosen: Sequence[Irrep]) -> Iterator[tuple[bool, ...]]:
    """Which factors are conjugated: every choice among the complex ones but the first, which fixes the orientation."""
    places = [k for k, i in enumerate(chosen) if i.type == "complex"][1:]
    for choice in product((False, True), repeat=len(places)):
        flags = dict(zip(places, choice, strict=True))
        yield tuple(flags.get(k, False) for k in range(len(chosen)))


class _Ranked(NamedTuple):
    level: int
    position: int
    irrep: Irrep


def irreps(group: Group, level: int | None = None, max_dim: int | None = None) -> tuple[Irrep, ...]:
    r"""All real irreps, labelled by those of the factors: "(A1,1)".

    Over the types, :math:`R \otimes X` is one irrep of type X; :math:`C \otimes C` splits in two, labelled "(1,1)" and
    "(1,1*)", the star for the complex conjugate of that factor; :math:`C \otimes H` is twice one of type C;
    :math:`H \otimes H` is four times one of type R. Of infinite factors those are taken whose levels add up to
    ``level`` at most; of finite ones all. Beyond 5000 elements irreps of one dimension and type stay in the order of
    the factors' lists.

    Example:
        >>> import equilayers as eq
        >>> [(i.label, i.dim, i.type) for i in irreps(eq.group("C3 x C3"))]  # doctest: +NORMALIZE_WHITESPACE
        [('(0,0)', 1, 'real'), ('(0,1)', 2, 'complex'), ('(1,0)', 2, 'complex'), ('(1,1*)', 2, 'complex'),
         ('(1,1)', 2, 'complex')]

    Source: Broecker and tom Dieck, Representations of Compact Lie Groups (1985), section II.6 and exercise II.6.10.
    """
    lists = [_ranked(factor, level, max_dim) for factor in group.factors]
    found: list[tuple[int, Irrep]] = []
    for choice in product(*lists):
        total = sum(c.level for c in choice)
        if level is not None and not group.is_finite and total > level:
            continue
        chosen = [c.irrep for c in choice]
        if max_dim is None or _type_and_dim(chosen)[1] <= max_dim:
            found += [(total, _make(group, chosen, flags)) for flags in _conjugations(chosen)]
    found.sort(key=lambda pair: pair[0])  # stable: within a level in the order of the factors' lists
    listed = [made for _, made in found]
    if isinstance(group, FiniteGroup) and group.order <= ENUMERATED:
        return in_order(listed, _characters(group, listed))
    return in_order(listed, [()] * len(listed))


def _ranked(factor: Group, level: int | None, max_dim: int | None) -> list[_Ranked]:
    """The factor's irreps with the first level each occurs at; 0 for finite factors, and where no level is given."""
    from equilayers.representations.irreps import irreps as irreps_of

    if factor.is_finite or level is None:
        return [_Ranked(0, k, i) for k, i in enumerate(irreps_of(factor, max_dim=max_dim))]
    first: dict[str, int] = {}
    for step in range(level + 1):
        last = irreps_of(factor, level=step, max_dim=max_dim)
        for i in last:
            first.setdefault(i.label, step)
    return [_Ranked(first[i.label], k, i) for k, i in enumerate(last)]


def _characters(group: FiniteGroup, listed: Sequence[Irrep]) -> list[list[float]]:
    members = group.conjugacy_classes.representatives
    return [i(members).diagonal(dim1=-2, dim2=-1).sum(-1).tolist() for i in listed]


def irrep(group: Group, label: str) -> Irrep:
    """The irrep of that label: one label of each factor, a star behind those that are conjugated.

    Raises:
        BadRepresentation: there is none.

    Example:
        >>> import equilayers as eq
        >>> [(i.dim, i.type) for i in (irrep(eq.group("Q8 x C3"), "(4,1)"), irrep(eq.group("Q8 x Q8"), "(4,4)"))]
        [(4, 'complex'), (4, 'real')]
    """
    from equilayers.representations.irreps import irrep as irrep_of

    names = _split(label)
    if names is not None and len(names) == len(group.factors):
        conjugate = [name.endswith(CONJUGATE) for name in names]
        chosen = [irrep_of(f, name.removesuffix(CONJUGATE)) for f, name in zip(group.factors, names, strict=True)]
        if tuple(conjugate) in set(_conjugations(chosen)):
            return _make(group, chosen, conjugate)
    raise BadRepresentation(
        "No irrep has this label.",
        {"group": group, "label": repr(label)},
        f'Give one label for each of the {len(group.factors)} factors, as in "(A1,1)"; a star conjugates a complex '
        "factor after the first complex one.",
    )


def _split(label: str) -> list[str] | None:
    """What stands between the commas outside inner brackets."""
    if len(label) < 2 or label[0] + label[-1] != "()":
        return None
    names, depth = [""], 0
    for c in label[1:-1]:
        depth += (c in "([") - (c in ")]")
        if c == "," and depth == 0:
            names.append("")
        else:
            names[-1] += c
    return names
