r"""Irreps of any other matrix group, found in the tensor powers of its defining action and of the dual.

What first occurs in the power k + 1 lies in :math:`\rho \otimes V` or :math:`\rho \otimes V^*` for some
:math:`\rho` that first occurs in the power k. So one isometry for each irrep is enough, and its matrices are
polynomials of g (and of its inverse where V is not orthogonal): exact for every element, far from and near to the
identity, and differentiable.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cmp_to_key
from math import comb

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import BadRepresentation, NotCertified, TooLarge
from equilayers.groups import Group, MatrixGroup
from equilayers.numerics import derived, hashed_numbers
from equilayers.representations.canonical import Canonical, canonical_images
from equilayers.representations.levels import highest_level, within
from equilayers.representations.representation import Irrep, unit_matrices
from equilayers.representations.splitting import end_dim, split

__all__ = ["LARGEST", "Leg", "One", "Step", "irrep", "irreps", "is_standard", "legs"]

SAME = 1e-7  # canonical images this close are those of one irrep
LARGEST = 1500  # products of larger dimension are not split
SEARCHED = 8  # levels in which a label is sought where dimension alone leaves infinitely many irreps
ELEMENTS = 8  # fixed elements at which characters are compared
_TYPE = {1: "real", 2: "complex", 4: "quaternionic"}


# The defining action in coordinates that make it orthogonal, or closed under transpose


@dataclass(frozen=True, eq=False)
class One:
    """The trivial representation."""

    def __call__(self, g: Tensor) -> Tensor:
        return torch.ones_like(g[..., :1, :1])


@dataclass(frozen=True, eq=False)
class Vector:
    """The defining matrices, in coordinates turned by ``frame``; ``dual``: inverse and transposed."""

    frame: np.ndarray | None
    dual: bool = False

    def __call__(self, g: Tensor) -> Tensor:
        if self.frame is not None:
            there = torch.tensor(self.frame, dtype=g.dtype, device=g.device)
            g = there @ g @ torch.linalg.inv(there)
        return torch.linalg.inv(g).mT if self.dual else g


@dataclass(frozen=True, eq=False)
class Step:
    r"""The part of :math:`\rho \otimes V` on the columns of an isometry: :math:`Q^T (\rho(g) \otimes V(g))\, Q`."""

    lower: Callable[[Tensor], Tensor]
    vector: Vector
    isometry: np.ndarray

    def __call__(self, g: Tensor) -> Tensor:
        lower, vector = self.lower(g), self.vector(g)
        q = torch.tensor(self.isometry, dtype=g.dtype, device=g.device)
        d, n, new = lower.shape[-1], vector.shape[-1], q.shape[-1]
        moved = vector.unsqueeze(-3) @ q.reshape(d, n, new)
        moved = lower @ moved.flatten(-2)
        return q.mT @ moved.unflatten(-1, (n, new)).flatten(-3, -2)


@dataclass(frozen=True, eq=False)
class _Found:
    """An irrep: its first level, its function, its own images, and the canonical form by which it is known again."""

    level: int
    function: Callable[[Tensor], Tensor]
    lie: np.ndarray
    discrete: np.ndarray
    form: Canonical

    @property
    def dim(self) -> int:
        return self.lie.shape[-1]


@dataclass(frozen=True, eq=False)
class Leg:
    """The defining action or its dual."""

    function: Vector
    lie: np.ndarray
    discrete: np.ndarray


def legs(group: Group) -> list[Leg]:
    """The defining action in coordinates that make it orthogonal or closed under transpose; of a group that is not
    compact, its dual as well.

    Raises:
        NotCertified: there are no such coordinates.
    """
    lie, discrete = group.lie_basis, group.discrete_generators.numpy()
    if not isinstance(group, MatrixGroup):
        raise NotCertified("Tensor powers need a group of matrices.", {"group": group}, "Describe it as a MatrixGroup.")
    frame = None
    if group.is_compact:
        skew = np.abs(lie + lie.swapaxes(1, 2)).max(initial=0.0)
        turned = np.abs(discrete @ discrete.swapaxes(1, 2) - np.eye(lie.shape[-1])).max(initial=0.0)
        if max(skew, turned) > 1e-9:
            assert group.form is not None
            frame = np.linalg.cholesky(group.form).T
            lie, discrete = (frame @ images @ np.linalg.inv(frame) for images in (lie, discrete))
    elif not group.is_transpose_closed:
        raise NotCertified(
            "Irreps are found in tensor powers of compact groups and of groups closed under transpose.",
            {"group": group, "compact": False, "closed under transpose": False},
            "Describe the group in coordinates closed under transpose; eq.hom needs no irreps.",
        )
    found = [Leg(Vector(frame), lie, discrete)]
    if not group.is_compact:
        inverse = np.linalg.inv(discrete).swapaxes(1, 2) if len(discrete) else discrete
        found.append(Leg(Vector(frame, dual=True), -lie.swapaxes(1, 2), inverse))
    return found


# Level by level


@derived
def _known(group: Group, level: int, largest: int | None) -> tuple[_Found, ...]:
    """All irreps up to this level; through none of dimension above ``largest``, if given."""
    count, m = group.lie_dim, len(group.discrete_generators)
    if level == 0:
        lie, discrete = np.zeros((count, 1, 1)), np.ones((m, 1, 1))
        return (_Found(0, One(), lie, discrete, canonical_images(lie, discrete, 1)),)
    below = _known(group, level - 1, largest)
    found = list(below)
    for lower in below:
        if lower.level < level - 1 or (largest is not None and lower.dim > largest):
            continue
        for leg in legs(group):
            for new in _parts(group, lower, leg, level):
                if not any(_equal(new, old) for old in found):
                    found.append(new)
    return tuple(found)


def _equal(a: _Found, b: _Found) -> bool:
    if a.dim != b.dim or a.form.end_dim != b.form.end_dim:
        return False
    pairs = ((a.form.lie, b.form.lie), (a.form.discrete, b.form.discrete))
    return all(np.abs(x - y).max(initial=0.0) < SAME * max(1.0, np.abs(x).max(initial=0.0)) for x, y in pairs)


def _parts(group: Group, lower: _Found, leg: Leg, level: int) -> list[_Found]:
    n = leg.lie.shape[-1]
    if lower.dim * n > LARGEST:
        raise TooLarge(
            "A product of an irrep and the defining action is too large to be split.",
            {"group": group, "irrep": lower.dim, "defining": n, "level": level},
            f"Ask for a lower level than {level}.",
        )
    lie = np.kron(lower.lie, np.eye(n)) + np.kron(np.eye(lower.dim), leg.lie)
    discrete = np.array([np.kron(a, b) for a, b in zip(lower.discrete, leg.discrete, strict=True)])
    discrete = discrete.reshape(-1, *lie.shape[1:])
    parts = []
    for space in split(lie, discrete):
        inner_lie, inner_discrete = space.T @ lie @ space, space.T @ discrete @ space
        commutant = end_dim(inner_lie, inner_discrete)
        assert commutant is not None
        form = canonical_images(inner_lie, inner_discrete, commutant)
        if level == 1 and space.shape[1] == n and leg.function.frame is None and is_standard(leg, commutant):
            parts.append(_Found(1, leg.function, leg.lie, leg.discrete, form))  # irreducible: itself
        else:
            function = Step(lower.function, leg.function, space @ form.basis)
            parts.append(_Found(level, function, form.lie, form.discrete, form))
    return parts


def is_standard(leg: Leg, commutant: int) -> bool:
    """Whether the commutant is that of the standard form, so that the matrices can stay as they are."""
    n = leg.lie.shape[-1]
    if n % commutant:
        return False
    units = np.kron(unit_matrices(commutant), np.eye(n // commutant))[:, None]
    images = np.concatenate([leg.lie, leg.discrete])
    return bool(np.abs(units @ images - images @ units).max(initial=0.0) < 1e-12)


# Order and labels


def _fixed_elements(group: Group) -> Tensor:
    """Where characters are compared: exponentials of hashed elements, every other one behind a discrete generator."""
    numbers = hashed_numbers("powers/characters", ELEMENTS * group.lie_dim).reshape(ELEMENTS, -1)
    g = group.exp(torch.tensor(numbers))
    discrete = group.discrete_generators
    for i in range(1, ELEMENTS, 2) if len(discrete) else ():
        g[i] = group.compose(discrete[i // 2 % len(discrete)], g[i])
    return g


def _labelled(group: Group, found: tuple[_Found, ...]) -> list[tuple[str, _Found]]:
    """By dimension, type, level and character; numbered within a dimension by level first, so that labels never
    change.
    """
    elements = _fixed_elements(group)
    traces = {id(f): f.function(elements).diagonal(dim1=-2, dim2=-1).sum(-1).tolist() for f in found}

    def by_level(a: _Found, b: _Found) -> int:
        gap = a.dim - b.dim or a.level - b.level or a.form.end_dim - b.form.end_dim
        pairs = zip(traces[id(a)], traces[id(b)], strict=True)
        return gap or next((1 if x < y else -1 for x, y in pairs if abs(x - y) > 1e-6 * max(1.0, abs(x))), 0)

    seen: dict[int, int] = {}
    labelled = []
    for f in sorted(found, key=cmp_to_key(by_level)):
        seen[f.dim] = seen.get(f.dim, 0) + 1
        labelled.append((str(f.dim) if seen[f.dim] == 1 else f"{f.dim}.{seen[f.dim]}", f))
    return sorted(labelled, key=lambda pair: (pair[1].dim, pair[1].form.end_dim, pair[1].level))


def irreps(group: Group, level: int | None = None, max_dim: int | None = None) -> tuple[Irrep, ...]:
    r"""Real irreps of a compact or transpose-closed matrix group, up to a tensor power or, if it is semisimple, to
    a dimension.

    Labelled by dimension, "8"; further ones of the same dimension "3.2", "3.3", ... in the order of the first level
    at which they occur, then of type and characters: a label means the same irrep whatever level is asked for.
    Ordered by dimension, type, level, characters. An irreducible defining action is its own irrep.

    With ``max_dim`` alone, levels are added until everything new is larger than :math:`\max(d, \binom{n}{n/2})`,
    n the defining dimension: a smaller irrep is reached through smaller ones and alternating powers.

    Raises:
        BadInput: neither bound is given, or only ``max_dim`` for a group that is not semisimple.
        NotCertified: the group is neither compact nor closed under transpose.
        TooLarge: the level is too high.

    Example:
        >>> import equilayers as eq
        >>> class Linear(eq.groups.MatrixGroup):
        ...     def generators(self):
        ...         return eq.groups.Generators(lie=[[[0, 1], [0, 0]], [[0, 0], [1, 0]], [[1, 0], [0, -1]]])
        >>> [(i.label, i.type) for i in irreps(Linear(), level=2)]
        [('1', 'real'), ('2', 'real'), ('3', 'real')]

    Source: Weyl, The Classical Groups (1939), chapter IV: every polynomial irrep lies in a tensor power.
    """
    top = highest_level(group, level, max_dim)
    largest = None
    if level is None:
        assert max_dim is not None
        n = group.lie_basis.shape[-1]
        largest = max(max_dim, comb(n, n // 2))
        for k in range(1, top + 1):
            if all(f.dim > largest for f in _known(group, k, largest) if f.level == k):
                top = k
                break
    named = _labelled(group, _known(group, top, largest))
    made = (Irrep.from_function(group, label, _TYPE[f.form.end_dim], f.function, f.lie) for label, f in named)
    return within(made, max_dim)


def irrep(group: Group, label: str) -> Irrep:
    """The irrep of that label, sought level by level.

    Raises:
        BadRepresentation: there is none, or none up to the levels searched.
    """
    if match := re.fullmatch(r"([1-9]\d*)(\.\d+)?", label):
        dim = int(match[1])
        lists = (irreps(group, level=k, max_dim=dim) for k in range(4 if group.is_semisimple else SEARCHED + 1))
        for listed in lists:
            for found in listed:
                if found.label == label:
                    return found
        if group.is_semisimple:
            for found in irreps(group, max_dim=dim):
                if found.label == label:
                    return found
    raise BadRepresentation(
        "No irrep has this label.",
        {"group": group, "label": repr(label)},
        "A label is the dimension, and a number where several irreps share it: see equilayers.irreps(G, level=3).",
    )
