r"""Irreps of classical groups by highest weight: which there are is known in integers, each is built when it is used.

An irrep of level k + 1 lies in :math:`\rho \otimes V` (or :math:`\rho \otimes V^*`) for one of level k. Casimir's
eigenvalue there, :math:`(\lambda, \lambda + 2\delta)`, singles out its copies; their canonical form does not depend on
the path. So the matrices are polynomials of g, by one isometry for each level.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import BadRepresentation, NotCertified, TooLarge
from equilayers.groups import Group
from equilayers.numerics import derived, hashed_numbers
from equilayers.representations.canonical import canonical_images
from equilayers.representations.classical import Full, Series, series
from equilayers.representations.levels import highest_level
from equilayers.representations.powers import LARGEST, Leg, One, Step, is_standard, legs
from equilayers.representations.representation import Images, Irrep
from equilayers.representations.splitting import split
from equilayers.representations.weyl import Weight

__all__ = ["irrep", "irreps"]

NEAR = 1e-7  # eigenvalues this close, relative to the largest, are one
LISTED = 10_000  # weights that a list looks at
_TYPE = {1: "real", 2: "complex", 4: "quaternionic"}


class HighestWeight(Irrep):
    """An irrep of a classical group, whose matrices are derived when they are first asked for."""

    def __init__(self, group: Group, found: Series, key: Weight) -> None:
        super().__init__(group, found.label(key), _TYPE[found.end_dim(key)], found.dim(key))
        self._weight = key

    def _images(self) -> Images:
        made = _built(self.group, self._weight)
        return Images(made.lie, made.discrete)

    def __call__(self, g: Tensor) -> Tensor:
        return _built(self.group, self._weight).function(g)


@dataclass(frozen=True, eq=False)
class _Built:
    """An irrep's function and the images of the generators, in canonical form."""

    function: Callable[[Tensor], Tensor]
    lie: np.ndarray
    discrete: np.ndarray


# Lists and labels


def irreps(group: Group, level: int | None = None, max_dim: int | None = None) -> tuple[Irrep, ...]:
    r"""All real irreps in tensor powers of the defining action and its dual, up to a level or a dimension.

    Labels of connected groups, and of SO(p,q), are Dynkin labels in Bourbaki's order, "(1,0)"; of a pair of conjugate
    highest weights, which make one real irrep, the lexicographically larger. U(n) and GL(n) have the power of the
    determinant behind a semicolon, "(1,0;-1)". O(n) and O(p,q) have partitions, "[2,1]". The defining action is
    "(1,0,...)", or "[1]"; of SO(p,q) "(2)" in three dimensions and "(1,1)" in four. Half-integral weights do not occur:
    they belong to spin groups.

    In four dimensions a pair (j, k) of spins is "(2j,2k)": for SO(4), "(0,2)" is the self-dual bivectors in the
    orientation of the coordinates; for SO(1,3), "(2,0)" is all bivectors.

    Ordered by dimension, type, level and highest weight, larger first.

    Raises:
        BadInput: neither bound is given, or only ``max_dim`` for a group that is not semisimple.
        TooLarge: the list is too long.

    Example:
        >>> import equilayers as eq
        >>> [(i.label, i.dim, i.type) for i in irreps(eq.group("SU(3)"), level=2)]
        [('(0,0)', 1, 'real'), ('(1,0)', 6, 'complex'), ('(1,1)', 8, 'real'), ('(2,0)', 12, 'complex')]

    Source: Weyl, The Classical Groups (1939), chapters IV to VII.
    """
    found = _series(group)
    top = highest_level(group, level, max_dim)
    keys = set()
    lazily = found.up_to_dim(max_dim) if level is None and max_dim is not None else found.up_to_level(top)
    for seen, key in enumerate(lazily):
        if seen >= LISTED:
            raise TooLarge(
                "This list of irreps is too long.",
                {"group": group, "level": level, "max_dim": max_dim, "highest weights": f"more than {LISTED}"},
                "Ask for a lower level, a smaller max_dim, or one irrep by its label.",
            )
        if max_dim is None or found.dim(key) <= max_dim:
            keys.add(key)
    return tuple(HighestWeight(group, found, key) for key in found.ordered(keys))


def irrep(group: Group, label: str) -> Irrep:
    """The irrep of that label.

    Raises:
        BadRepresentation: there is none.

    Example:
        >>> import equilayers as eq
        >>> irrep(eq.group("SO(5)"), "(2,2)").dim
        81
    """
    found = _series(group)
    key = found.read(label)
    if key is None:
        first = ", ".join(found.label(k) for k in found.ordered(set(found.up_to_level(2))))
        raise BadRepresentation(
            "No irrep has this label.",
            {"group": group, "label": repr(label), "up to level 2": first},
            found.remedy(label),
        )
    return HighestWeight(group, found, key)


def _series(group: Group) -> Series:
    found = series(group)
    assert found is not None  # the dispatcher asks first
    return found


# One irrep


@derived
def _built(group: Group, key: Weight) -> _Built:
    found = _series(group)
    count, m = group.lie_dim, len(group.discrete_generators)
    if found.level(key) == 0:
        return _Built(One(), np.zeros((count, 1, 1)), np.ones((m, 1, 1)))
    below, dual = found.below(key)
    leg = legs(group)[int(dual)]
    if found.level(key) == 1 and leg.function.frame is None and is_standard(leg, found.end_dim(key)):
        return _Built(leg.function, leg.lie, leg.discrete)
    if found.dim(below) * leg.lie.shape[-1] > LARGEST:
        raise TooLarge(
            "The product of irreps in which this one lies is too large to be split.",
            {"group": group, "irrep": found.label(key), "product": f"{found.dim(below)} x {leg.lie.shape[-1]}"},
            "Choose an irrep of smaller dimension.",
        )
    lower = _built(group, below)
    space, lie = _part(group, found, key, below, lower, leg, dual)
    discrete = _compressed(space, lower.discrete, leg.discrete)
    form = canonical_images(lie, discrete, found.end_dim(key))
    return _Built(Step(lower.function, leg.function, space @ form.basis), form.lie, form.discrete)


def _compressed(space: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """``(k, d, d)``: of group elements, the products of both images, on the columns of ``space``."""
    q = space.reshape(first.shape[-1], second.shape[-1], space.shape[1])
    moved = np.einsum("kij,kjld->kild", first, np.einsum("klm,jmd->kjld", second, q))
    return space.T @ moved.reshape(len(first), *space.shape)


def _derived(space: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The same of Lie algebra elements: one factor moves at a time."""
    q = space.reshape(first.shape[-1], second.shape[-1], space.shape[1])
    moved = np.einsum("kij,jld->kild", first, q) + np.einsum("klm,jmd->kjld", second, q)
    return space.T @ moved.reshape(len(first), *space.shape)


def _part(
    group: Group, found: Series, key: Weight, below: Weight, lower: _Built, leg: Leg, dual: bool
) -> tuple[np.ndarray, np.ndarray]:
    """An orthonormal basis of one copy of the irrep in the product, and the compressed Lie images."""
    system, n, d = found.system, leg.lie.shape[-1], found.dim(key)
    products = found.product(below, dual)
    casimirs = {k: system.casimir(found.constituents(k)[0]) for k in products}
    alike = [k for k, value in casimirs.items() if value == casimirs[key]]
    dim = sum(found.dim(k) * products[k] for k in alike)
    shift = casimirs[key] - system.casimir(found.constituents(below)[0]) - system.casimir(system.vector)
    value = float(shift / (2 * system.casimir(system.vector))) * group.lie_dim / n
    space = _eigenspace(group, lower, leg, value, dim)
    lie = _derived(space, lower.lie, leg.lie)
    if dim == d:
        return space, lie
    discrete = _compressed(space, lower.discrete, leg.discrete)
    same = [k for k in alike if found.dim(k) == d]
    for part in split(lie, discrete):
        inner = part.T @ lie @ part
        if part.shape[1] == d and (len(same) == 1 or _holds(group, found, key, lower, leg, space @ part, inner)):
            return space @ part, inner
    raise NotCertified(
        "The weights of a product of irreps are those of its parts.",
        {"group": group, "irrep": found.label(key), "of the same size": [found.label(k) for k in same]},
        "Report this group.",
    )


def _eigenspace(group: Group, lower: _Built, leg: Leg, value: float, dim: int) -> np.ndarray:
    r"""Of the coupling :math:`\sum_{ij} (K^{-1})_{ij}\, \rho(L_i) \otimes V(L_j)`, K the trace form of V."""
    form = np.einsum("iab,jba->ij", leg.lie, leg.lie)
    other = np.tensordot(np.linalg.inv(form), leg.lie, 1)
    size = lower.lie.shape[-1] * leg.lie.shape[-1]
    coupling = np.einsum("iab,icd->acbd", lower.lie, other, optimize=True).reshape(size, size)
    values, vectors = np.linalg.eigh((coupling + coupling.T) / 2)
    near = np.abs(values - value) < NEAR * max(1.0, float(np.abs(values).max()))
    if near.sum() != dim:
        raise NotCertified(
            "Casimir's eigenvalues in a product of irreps are those of its parts, as often as Weyl's formula says.",
            {"group": group, "eigenvalue": value, "expected": dim, "found": int(near.sum())},
            "Check the Lie basis of the group.",
        )
    return np.asarray(vectors[:, near])


# Telling irreps apart that share dimension and Casimir's eigenvalue: mirror images of SO(2r), associates of O(2r)


def _holds(
    group: Group, found: Series, key: Weight, lower: _Built, leg: Leg, space: np.ndarray, lie: np.ndarray
) -> bool:
    """Whether the highest weight occurs, which it does in no other irrep with this eigenvalue; and its sign."""
    element, weights = _torus(group, found, leg)
    values, vectors = np.linalg.eig(np.tensordot(element, lie, 1))
    top = found.constituents(key)[0]
    distance = np.abs(values - np.dot(top, weights))
    at = int(distance.argmin())
    if distance[at] > NEAR * max(1.0, float(np.abs(values).max())):
        return False
    if not isinstance(found, Full) or len(found.constituents(key)) == 2:
        return True
    mirror = np.diag([1.0] * (found.n - 1) + [-1.0])  # keeps this weight, whose last coordinate is zero
    image = _mirrored(lower, leg, space, mirror)
    sign = (vectors[:, at].conj() @ image @ vectors[:, at]).real
    return bool((sign > 0) == (2 * len(key) <= found.n))


def _mirrored(lower: _Built, leg: Leg, space: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    g = torch.tensor(mirror)
    return _compressed(space, lower.function(g).numpy()[None], leg.function(g).numpy()[None])[0]


def _torus(group: Group, found: Series, leg: Leg) -> tuple[np.ndarray, np.ndarray]:
    r"""Coefficients of a generic semisimple element, and its values on :math:`\varepsilon_1, \varepsilon_2, \ldots`.

    For orthogonal groups it turns the planes (0, 1), (2, 3), ... of the coordinates, those of negative square being
    imaginary: this orients mirror images. Elsewhere any element will do, with its eigenvalues in any order that is
    closed under the Weyl group.
    """
    system, n = found.system, leg.lie.shape[-1]
    numbers = hashed_numbers("highest weight/torus", max(system.size, group.lie_dim))
    flat = leg.lie.reshape(len(leg.lie), -1).T
    if system.kind in ("B", "D"):
        turns = numbers[: system.size] + 2.0
        turned = np.zeros((n, n), dtype=complex)
        for i, value in enumerate(turns):
            turned[2 * i + 1, 2 * i], turned[2 * i, 2 * i + 1] = -1j * value, 1j * value
        negative = 0 if group.is_compact else int(str(group.parameters[1]))
        scale = np.array([1.0] * (n - negative) + [1j] * negative)
        turned = turned * scale[None, :] / scale[:, None]
        return np.linalg.lstsq(flat.astype(complex), turned.reshape(-1), rcond=None)[0], turns
    element = numbers[: group.lie_dim]
    matrix = np.tensordot(element, leg.lie, 1)
    if system.kind in ("A", "GL") and group.is_compact:
        half = n // 2
        matrix = matrix[:half, :half] + 1j * matrix[half:, :half]
    values: np.ndarray = np.linalg.eigvals(matrix).astype(complex)
    if system.kind == "C":
        upper = values[np.argsort(-(values * np.exp(-1.3j)).real)][: n // 2]
        values = upper[:: n // (2 * system.size)]
    return element.astype(complex), values
