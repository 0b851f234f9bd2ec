"""An atom as a product of legs: a tensor power is never multiplied out, only its factors' matrices are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from equilayers.numerics import derived_property, hashed_numbers
from equilayers.representations import Representation
from equilayers.representations.algebra import TensorProduct

__all__ = ["Leg", "apply_derivative", "apply_matrix", "legs_of", "residual", "total_size"]

TOGETHER = 2_000_000  # numbers that are moved by several generators at once
PROBES = 4  # random members whose residual stands for the whole basis'


@dataclass(frozen=True, eq=False)
class Leg:
    """Generator images on one factor: ``lie`` ``(k, d, d)`` and ``discrete`` ``(m, d, d)``, of the rep or its dual."""

    rep: Representation
    dual: bool

    @property
    def dim(self) -> int:
        return self.rep.dim

    @property
    def key(self) -> tuple[object, ...]:
        return (self.rep.key, self.dual and not self.rep.is_orthogonal)

    @derived_property
    def lie(self) -> np.ndarray:
        images = self.rep.images.lie
        return -images.swapaxes(1, 2) if self.dual else images

    @derived_property
    def discrete(self) -> np.ndarray:
        images = self.rep.images.discrete
        return np.linalg.inv(images).swapaxes(1, 2) if self.dual and len(images) else images

    @property
    def is_monomial(self) -> bool:
        return self.rep.is_monomial


def legs_of(rep: Representation, dual: bool) -> list[Leg]:
    """The factors of a tensor product, slow first, or the atom itself."""
    factors = rep.factors if isinstance(rep, TensorProduct) else (rep,)
    return [leg for f in factors for leg in (legs_of(f, dual) if isinstance(f, TensorProduct) else [Leg(f, dual)])]


def total_size(legs: Sequence[Leg]) -> int:
    """Dimension of the tensor product, in Python integers."""
    size = 1
    for leg in legs:
        size *= leg.dim
    return size


def _on_axis(matrix: np.ndarray, tensor: np.ndarray, axis: int) -> np.ndarray:
    """``matrix`` on one axis of a tensor; other axes stay where they are."""
    before = int(np.prod(tensor.shape[:axis], dtype=np.int64))
    after = int(np.prod(tensor.shape[axis + 1 :], dtype=np.int64))
    return (matrix @ tensor.reshape(before, tensor.shape[axis], after)).reshape(tensor.shape)


def apply_matrix(matrices: Sequence[np.ndarray], vectors: np.ndarray) -> np.ndarray:
    """``(M_1 x M_2 x ...) vectors`` for ``(n, k)`` vectors."""
    tensor = vectors.reshape(*(len(m) for m in matrices), -1)
    for axis, matrix in enumerate(matrices):
        tensor = _on_axis(matrix, tensor, axis)
    return tensor.reshape(vectors.shape)


def apply_derivative(matrices: Sequence[np.ndarray], vectors: np.ndarray) -> np.ndarray:
    """``(M_1 x 1 x ... + 1 x M_2 x ... + ...) vectors``."""
    tensor = vectors.reshape(*(len(m) for m in matrices), -1)
    total = sum(_on_axis(matrix, tensor, axis) for axis, matrix in enumerate(matrices))
    return np.asarray(total).reshape(vectors.shape)


def _derivatives(stacks: Sequence[np.ndarray], vectors: np.ndarray) -> np.ndarray:
    """:func:`apply_derivative` of ``g`` generators at once, ``(g, n, k)``."""
    dims = [stack.shape[-1] for stack in stacks]
    total = np.zeros((len(stacks[0]), *vectors.shape))
    for axis, stack in enumerate(stacks):
        before = int(np.prod(dims[:axis], dtype=np.int64))
        moved = stack.reshape(-1, dims[axis]) @ vectors.reshape(before, dims[axis], -1)  # few large products
        part = total.reshape(len(stack), before, -1)  # a view
        part += moved.reshape(before, len(stack), -1).swapaxes(0, 1)
    return total


def residual(legs: Sequence[Leg], basis: np.ndarray) -> float:
    """Largest relative violation of invariance by ``(n, k)`` orthonormal columns, over all generators."""
    if not basis.size:
        return 0.0
    if basis.shape[1] > PROBES:
        mixing = hashed_numbers("residual", PROBES * basis.shape[1]).reshape(-1, PROBES)
        basis = basis @ (mixing / np.linalg.norm(mixing, axis=0))
    worst = 0.0
    together = max(1, TOGETHER // basis.size)
    for i in range(0, len(legs[0].lie), together):
        stacks = [leg.lie[i : i + together] for leg in legs]
        sizes = np.maximum(1.0, sum(np.linalg.norm(stack, axis=(1, 2)) for stack in stacks))
        worst = max(worst, float((np.abs(_derivatives(stacks, basis)).max((1, 2)) / sizes).max()))
    for i in range(len(legs[0].discrete)):
        matrices = [leg.discrete[i] for leg in legs]
        size = max(1.0, float(np.prod([np.linalg.norm(m, 2) for m in matrices])))
        worst = max(worst, float(np.abs(apply_matrix(matrices, basis) - basis).max()) / size)
    return worst
