r"""All irreps of a finite group, found in modules: no table of products, no matrix as large as the group.

Modules (permutations of points, products of irreps already found, the regular module) are looked into one after
another, smaller ones first, as long as their characters say that something new is in them. The Krylov space of one
algebra element a holds eigenvectors of it; those whose eigenvalues no known irrep has lie in new irreps. What the
generators make of such a vector is one irrep. The list is complete when

.. math:: \sum_i \dim(V_i)^2 / \dim \operatorname{End}(V_i) = |G|.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from heapq import heappop, heappush
from typing import cast

import numpy as np
import torch

from equilayers.errors import NotCertified
from equilayers.groups import FiniteGroup
from equilayers.numerics import hashed_numbers, orbit_labels
from equilayers.representations.canonical import words
from equilayers.representations.splitting import invariant_span

__all__ = ["Found", "class_character", "find"]

TYPES = {(1, 1): ("real", 1), (2, 0): ("complex", 2), (4, -2): ("quaternionic", 4)}  # norm, indicator of the character
ATTEMPTS = 8  # algebra elements tried on one module
SAME = 1e-7  # eigenvalues of an algebra element nearer than this are one
BREAKDOWN = 1e-9  # the Krylov space is complete where the next vector is shorter than this
ORTHOGONAL = 1e-12  # the square of the error of a subspace that is taken to be invariant
KRYLOV = 600  # vectors of a Krylov space; with this many the outermost eigenvectors have converged
CONVERGED = 1e-9

REGULAR_FIRST = 256  # groups up to this order are looked for in the regular module at once

Act = Callable[[int, np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Found:
    """An irrep as it was found: ``(m, d, d)`` images, type, and ``(k,)`` character by class."""

    images: np.ndarray
    type: str
    character: np.ndarray

    @property
    def end_dim(self) -> int:
        return {"real": 1, "complex": 2, "quaternionic": 4}[self.type]


@dataclass(frozen=True, eq=False)
class _Module:
    """A representation given by how its generators move vectors: ``act(j, x)`` on ``(dim, f)``."""

    dim: int
    act: Act
    character: np.ndarray


# Characters


def class_character(group: FiniteGroup, images: np.ndarray) -> np.ndarray:
    """Traces on the class representatives."""
    members = torch.from_numpy(group.conjugacy_classes.permutations)
    return group.chain.evaluate(images, members).diagonal(dim1=-2, dim2=-1).sum(-1).numpy()


def _type(group: FiniteGroup, character: np.ndarray) -> str | None:
    """By the norm and the Frobenius-Schur indicator of a real character; None if it is reducible."""
    classes = group.conjugacy_classes
    weights = classes.sizes / group.order
    norm, indicator = float(weights @ character**2), float(weights @ character[classes.power(2)])
    rounded = (round(norm), round(indicator))
    if max(abs(norm - rounded[0]), abs(indicator - rounded[1])) > 1e-6:
        return None
    return TYPES.get(rounded, (None, 0))[0]


_Entry = tuple[int, int, Callable[[], _Module]]  # dimension, number, and how to make the module


# Modules


def find(group: FiniteGroup, source: str = "any", seed: int = 0) -> list[Found]:
    """All irreps, in no canonical form and no order.

    Args:
        group: a finite group that can be enumerated.
        source: "any"; or only the "regular" module; or only the "permutation" of points and products of what is in
            it. The canonical form of what is found does not depend on it.
        seed: nor on this; it names the hashed numbers.

    Raises:
        NotCertified: the list did not become complete.
    """
    found: list[Found] = []
    modules: list[_Entry] = []
    number = itertools.count()

    def enter(dim: int, make: Callable[[], _Module]) -> None:
        heappush(modules, (dim, next(number), make))

    if source in ("any", "regular"):
        enter(0 if group.order <= REGULAR_FIRST else group.order, partial(_regular, group))
    if source in ("any", "permutation"):
        for points in _orbits(group):
            enter(len(points), partial(_permutation, group, points))
    count, paired = 0, 0
    while count < group.order and modules:
        _look_into(group, heappop(modules)[2](), found, seed)
        count = sum(f.images.shape[-1] ** 2 // f.end_dim for f in found)
        for new in range(paired, len(found) if source != "regular" else 0):
            for old in range(new + 1):  # each pair enters once: what is not new in it now will never be
                dim = found[new].images.shape[-1] * found[old].images.shape[-1]
                enter(dim, partial(_product, found[old], found[new]))
        paired = len(found)
    if count != group.order:
        raise NotCertified(
            "The squares of the irreps' dimensions, divided by those of their commutants, add up to the order.",
            {"group": group, "order": group.order, "found": count, "dims": [f.images.shape[-1] for f in found]},
            "Give other generators of the group.",
        )
    return found


def _remainder(group: FiniteGroup, character: np.ndarray, found: list[Found]) -> np.ndarray:
    """The character of what is left without the known irreps; at the identity, the first class, it is a dimension."""
    weights = group.conjugacy_classes.sizes / group.order
    for f in found:
        character = character - round(float((weights * f.character) @ character)) / f.end_dim * f.character
    return character


def _orbits(group: FiniteGroup) -> list[np.ndarray]:
    p = group.permutation_generators
    labels, count = orbit_labels(p, p.shape[1])
    return [np.flatnonzero(labels == k) for k in range(count)]


def _by_permutations(p: np.ndarray, character: np.ndarray) -> _Module:
    inverses = np.argsort(p, axis=1)
    return _Module(p.shape[1], lambda j, x: x[inverses[j]] if j >= 0 else x[p[~j]], character)


def _permutation(group: FiniteGroup, points: np.ndarray) -> _Module:
    """The permutations of one orbit."""
    place = np.full(group.permutation_generators.shape[1], -1)
    place[points] = np.arange(len(points))
    members = group.conjugacy_classes.permutations
    character = (members[:, points] == points).sum(1).astype(np.float64)
    return _by_permutations(place[group.permutation_generators[:, points]], character)


def _regular(group: FiniteGroup) -> _Module:
    """``e_h -> e_{gh}``, by positions in the enumeration."""
    elements, positions = group._enumeration
    moved = [positions[group.chain.rank(torch.from_numpy(s[elements])).numpy()] for s in group.permutation_generators]
    character = np.zeros(len(group.conjugacy_classes))
    character[0] = group.order
    return _by_permutations(np.array(moved).reshape(-1, len(elements)), character)


def _product(a: Found, b: Found) -> _Module:
    """The tensor product, never as a matrix."""

    def act(j: int, x: np.ndarray) -> np.ndarray:
        left, right = (a.images[j], b.images[j]) if j >= 0 else (a.images[~j].T, b.images[~j].T)
        m, n = len(left), len(right)
        moved = left @ x.reshape(m, -1)
        return (right @ moved.reshape(m, n, -1)).reshape(m * n, -1)

    return _Module(a.images.shape[-1] * b.images.shape[-1], act, a.character * b.character)


# What is new in a module


class _Element:
    """A symmetric element of the group algebra: a hashed sum of short words and their inverses.

    Two irreps may have common eigenvalues in all sums of few words (those of Q8 wr S2 do), so later attempts have more.
    """

    def __init__(self, generators: int, seed: int, attempt: int) -> None:
        self.words = words(generators, max(14, 3 * generators) * 2 ** (attempt // 2))
        self.numbers = hashed_numbers(f"element/{seed}/{attempt}", len(self.words))

    def __call__(self, act: Act, x: np.ndarray) -> np.ndarray:
        forth: dict[tuple[int, ...], np.ndarray] = {(): x}
        back: dict[tuple[int, ...], np.ndarray] = {(): x}
        total = np.zeros_like(x)
        for word, number in zip(self.words, self.numbers, strict=True):
            forth[word] = act(word[0], forth[word[1:]])
            back[word] = act(~word[-1], back[word[:-1]])
            total += number / 2 * (forth[word] + back[word])
        return total


def _matrix_act(images: np.ndarray) -> Act:
    return lambda j, x: images[j] @ x if j >= 0 else images[~j].T @ x


def _look_into(group: FiniteGroup, module: _Module, found: list[Found], seed: int) -> None:
    """Add the irreps of the module that are not yet known."""
    generators = len(group.permutation_generators)
    if _remainder(group, module.character, found)[0] < 0.5:
        return
    if _type(group, module.character):
        whole = np.array([module.act(j, np.eye(module.dim)) for j in range(generators)])
        _add(group, whole.reshape(-1, module.dim, module.dim), found)
        return
    for attempt in range(ATTEMPTS):
        element = _Element(generators, seed, attempt)
        start = hashed_numbers(f"start/{seed}/{attempt}", module.dim)
        values, vectors = _eigenvectors(partial(element, module.act), start)
        known = [_eigenvalues(element, f.images) for f in found]
        for at in np.argsort(-_isolation(values)):
            if any(np.abs(k - values[at]).min() < SAME for k in known):
                continue
            images = _images(module, vectors[:, at], generators)
            if images is not None and _add(group, images, found):
                known.append(_eigenvalues(element, images))
                if _remainder(group, module.character, found)[0] < 0.5:
                    return


def _add(group: FiniteGroup, images: np.ndarray, found: list[Found]) -> bool:
    character = class_character(group, images)
    kind = _type(group, character)
    new = kind is not None and not any(np.abs(f.character - character).max() < 1e-6 for f in found)
    if new:
        found.append(Found(images, cast(str, kind), character))
    return new


def _eigenvalues(element: _Element, images: np.ndarray) -> np.ndarray:
    return np.linalg.eigvalsh(element(_matrix_act(images), np.eye(images.shape[-1])))


def _isolation(values: np.ndarray) -> np.ndarray:
    gaps = np.concatenate([[np.inf], np.diff(values), [np.inf]])
    return np.minimum(gaps[:-1], gaps[1:])


def _eigenvectors(apply: Callable[[np.ndarray], np.ndarray], start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues, ascending, and vectors of a symmetric map in the Krylov space of ``start``.

    Source: Lanczos, J. Res. Nat. Bur. Standards 45 (1950), with full orthogonalisation.
    """
    size = min(len(start), KRYLOV)
    basis, moved = np.empty((len(start), size)), np.empty((len(start), size))
    vector, norm, k = start, float(np.linalg.norm(start)), 0
    while k < size and norm > BREAKDOWN:
        basis[:, k] = vector / norm
        moved[:, k] = vector = apply(basis[:, k, None])[:, 0]
        k += 1
        for _ in range(2):
            vector = vector - basis[:, :k] @ (basis[:, :k].T @ vector)
        norm = float(np.linalg.norm(vector))
    basis, moved = basis[:, :k], moved[:, :k]
    small = basis.T @ moved
    values, mix = np.linalg.eigh((small + small.T) / 2)
    residual = np.linalg.norm(moved @ mix - basis @ (mix * values), axis=0)
    return values[residual < CONVERGED], (basis @ mix)[:, residual < CONVERGED]


def _images(module: _Module, vector: np.ndarray, generators: int) -> np.ndarray | None:
    """Generator images on what the generators make of the vector: a Rayleigh quotient, as exact as the square."""
    span = invariant_span(lambda x: np.concatenate([module.act(j, x) for j in range(generators)], axis=1), vector)
    if span is None:
        return None
    images = np.array([span.T @ module.act(j, span) for j in range(generators)])
    square = images.swapaxes(1, 2) @ images
    if np.abs(square - np.eye(span.shape[1])).max() > ORTHOGONAL:
        return None
    return images @ (3 * np.eye(span.shape[1]) - square) / 2  # a Newton step to the nearest orthogonal matrix
