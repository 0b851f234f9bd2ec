"""Direct products: elements packed in one float64 vector, so that an element stays one tensor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import BadGroup
from equilayers.groups.finite import FiniteGroup
from equilayers.groups.group import Generators, Group
from equilayers.groups.homomorphism import Homomorphism
from equilayers.numerics import derived_property

__all__ = ["DirectProduct", "FiniteProduct", "defining_matrices", "direct_product"]


def direct_product(*groups: Group) -> Group:
    """The direct product; a finite one when every factor is.

    Example:
        >>> from equilayers.groups import group
        >>> direct_product(group("C2"), group("S3")).order
        12
    """
    factors = tuple(f for g in groups for f in g.factors)
    if len(factors) == 1:
        return factors[0]
    return FiniteProduct(factors) if all(g.is_finite for g in factors) else DirectProduct(factors)


def defining_matrices(group: Group) -> np.ndarray:
    """``(m, n, n)``: the discrete generators in the defining representation."""
    return group.defining_matrices if isinstance(group, FiniteGroup) else group.description.discrete


def _blocks(groups: Sequence[Group], of: list[np.ndarray], filler: str) -> np.ndarray:
    sizes = [_degree(g) for g in groups]
    total, start, rows = sum(sizes), 0, []
    for size, matrices in zip(sizes, of, strict=True):
        for matrix in matrices:
            block = np.eye(total) if filler == "identity" else np.zeros((total, total))
            block[start : start + size, start : start + size] = matrix
            rows.append(block)
        start += size
    return np.array(rows).reshape(-1, total, total)


def _degree(group: Group) -> int:
    if isinstance(group, FiniteGroup) and group.order == 1 and not len(group.defining_matrices):
        return group.element_shape[-1] if group.element_shape else 1
    return defining_matrices(group).shape[-1] if not group.lie_dim else group.lie_basis.shape[-1]


class _Packed(Group):
    """Packing and componentwise operations, shared by the finite and the general product."""

    family = "product"

    def __init__(self, factors: Sequence[Group]) -> None:
        self._factors = tuple(factors)
        self.parameters = tuple(f.fingerprint for f in self._factors)
        self._sizes = [math.prod(f.element_shape) for f in self._factors]

    @property
    def factors(self) -> tuple[Group, ...]:
        return self._factors

    @property
    def name(self) -> str:
        return " x ".join(f.name for f in self._factors)

    def generators(self) -> Generators:
        lie = _blocks(self._factors, [f.lie_basis if f.lie_dim else np.zeros((0, 1, 1)) for f in self._factors], "zero")
        return Generators(
            lie=lie, discrete=_blocks(self._factors, [defining_matrices(f) for f in self._factors], "identity")
        )

    @property
    def defining_matrices(self) -> np.ndarray:
        return self.description.discrete

    @property
    def element_shape(self) -> tuple[int, ...]:
        return (sum(self._sizes),)

    @property
    def element_dtype(self) -> torch.dtype:
        return torch.float64

    def parts(self, g: Tensor) -> tuple[Tensor, ...]:
        """The elements of the factors, each in its own form."""
        pieces = g.split(self._sizes, dim=-1)
        return tuple(
            (piece if f.element_dtype == torch.float64 else piece.round().to(torch.int64)).reshape(
                *g.shape[:-1], *f.element_shape
            )
            for f, piece in zip(self._factors, pieces, strict=True)
        )

    def pack(self, parts: Sequence[Tensor]) -> Tensor:
        """One float64 vector for each element; exact for integers below 2^53."""
        flat = [
            p.to(torch.float64).reshape(*p.shape[: p.ndim - len(f.element_shape)], math.prod(f.element_shape))
            for f, p in zip(self._factors, parts, strict=True)
        ]
        batch = np.broadcast_shapes(*(p.shape[:-1] for p in flat))  # torch.broadcast_shapes imports sympy
        return torch.cat([p.expand(*batch, p.shape[-1]) for p in flat], -1)

    @property
    def identity(self) -> Tensor:
        return self.pack([f.identity for f in self._factors])

    @property
    def discrete_generators(self) -> Tensor:
        rows = []
        for i, factor in enumerate(self._factors):
            for g in factor.discrete_generators:
                rows.append(self.pack([g if j == i else f.identity for j, f in enumerate(self._factors)]))
        return torch.stack(rows) if rows else torch.zeros(0, *self.element_shape, dtype=torch.float64)

    def compose(self, g: Tensor, h: Tensor) -> Tensor:
        return self.pack([f.compose(a, b) for f, a, b in zip(self._factors, self.parts(g), self.parts(h), strict=True)])

    def inverse(self, g: Tensor) -> Tensor:
        return self.pack([f.inverse(a) for f, a in zip(self._factors, self.parts(g), strict=True)])

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        return self.pack([f.sample(n, generator) for f in self._factors])

    def contains(self, g: Tensor) -> bool:
        if not self._fits(g):
            return False
        return all(f.contains(a) for f, a in zip(self._factors, self.parts(g), strict=True))

    def exp(self, coefficients: Tensor) -> Tensor:
        sizes = [f.lie_dim for f in self._factors]
        pieces = coefficients.split(sizes, dim=-1)
        batch = coefficients.shape[:-1]
        return self.pack(
            [
                f.exp(c) if f.lie_dim else f.identity.expand(*batch, *f.element_shape)
                for f, c in zip(self._factors, pieces, strict=True)
            ]
        )

    def projection(self, i: int) -> Homomorphism:
        """The map to factor ``i``."""
        factor = self._factors[i]
        start = sum(f.lie_dim for f in self._factors[:i])
        lie = np.zeros((self.lie_dim, factor.lie_dim))
        lie[start : start + factor.lie_dim] = np.eye(factor.lie_dim)
        return Homomorphism(self, factor, _Project(self, i), lie)

    def embedding(self, i: int) -> Homomorphism:
        """The map from factor ``i``."""
        return Homomorphism(self._factors[i], self, _Embed(self, i), self.projection(i).lie_images.T)


class _Project:
    def __init__(self, product: _Packed, i: int) -> None:
        self.product, self.i = product, i

    def __call__(self, g: Tensor) -> Tensor:
        return self.product.parts(g)[self.i]


class _Embed:
    def __init__(self, product: _Packed, i: int) -> None:
        self.product, self.i = product, i

    def __call__(self, g: Tensor) -> Tensor:
        return self.product.pack([g if j == self.i else f.identity for j, f in enumerate(self.product.factors)])


class FiniteProduct(_Packed, FiniteGroup):
    """A product of finite groups: its permutation action is the disjoint union of its factors' actions.

    Example:
        >>> from equilayers.groups import group
        >>> product = FiniteProduct([group("C2"), group("S3")])
        >>> [part.shape[1:] for part in product.parts(product.sample(5))]
        [torch.Size([2, 2]), torch.Size([3])]
    """

    @property
    def order(self) -> int:
        return math.prod(cast(FiniteGroup, f).order for f in self.factors)

    @derived_property
    def _degrees(self) -> list[int]:
        return [cast(FiniteGroup, f).permutation_generators.shape[1] for f in self.factors]

    @derived_property
    def permutation_generators(self) -> np.ndarray:
        return self.to_permutation(self.discrete_generators).numpy()

    def to_permutation(self, g: Tensor) -> Tensor:
        shifted, start = [], 0
        for factor, part, degree in zip(self.factors, self.parts(g), self._degrees, strict=True):
            shifted.append(cast(FiniteGroup, factor).to_permutation(part) + start)
            start += degree
        return torch.cat(shifted, -1)

    def from_permutation(self, p: Tensor) -> Tensor:
        pieces, start, parts = p.split(self._degrees, dim=-1), 0, []
        for factor, piece, degree in zip(self.factors, pieces, self._degrees, strict=True):
            parts.append(cast(FiniteGroup, factor).from_permutation(piece - start))
            start += degree
        return self.pack(parts)

    identity = _Packed.identity
    discrete_generators = _Packed.discrete_generators

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        return _Packed.sample(self, n, generator)

    def _same_kind(self, generators: Tensor, name: str) -> FiniteGroup:
        return _Subproduct(self, generators, name)


class _Subproduct(FiniteProduct):
    """A subgroup of a finite product, with the product's elements."""

    family = "custom"

    def __init__(self, whole: FiniteProduct, generators: Tensor, name: str) -> None:
        super().__init__(whole.factors)
        self._whole, self._chosen, self._name = whole, generators.numpy().copy(), name
        self.parameters = ()

    @property
    def name(self) -> str:
        return self._name

    @property
    def order(self) -> int:
        return self.chain.order

    @property
    def factors(self) -> tuple[Group, ...]:
        return self._factors

    @property
    def discrete_generators(self) -> Tensor:  # type: ignore[override]
        return torch.tensor(self._chosen)

    def generators(self) -> Generators:
        parts = self.parts(self.discrete_generators)
        matrices = [_as_matrices(f, p) for f, p in zip(self._factors, parts, strict=True)]
        total, start = sum(m.shape[-1] for m in matrices), 0
        blocks = np.zeros((len(self._chosen), total, total))
        for m in matrices:
            blocks[:, start : start + m.shape[-1], start : start + m.shape[-1]] = m
            start += m.shape[-1]
        return Generators(discrete=blocks)

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        return FiniteGroup.sample(self, n, generator)

    def contains(self, g: Tensor) -> bool:
        return FiniteGroup.contains(self, g)


def _as_matrices(group: Group, elements: Tensor) -> np.ndarray:
    if elements.ndim == 3:
        return elements.numpy()
    p = cast(FiniteGroup, group).to_permutation(elements).numpy()
    return np.eye(p.shape[-1])[:, p].transpose(1, 0, 2)


class DirectProduct(_Packed):
    """A product with at least one infinite factor.

    Example:
        >>> from equilayers.groups import group
        >>> product = DirectProduct([group("SO(3)"), group("S4")])
        >>> product.lie_dim, product.element_shape, product.projection(1)(product.identity).tolist()
        (3, (13,), [0, 1, 2, 3])
    """

    @property
    def order(self) -> None:
        return None

    @property
    def is_compact(self) -> bool:
        return all(f.is_compact for f in self.factors)

    @property
    def is_connected(self) -> bool:
        return all(f.is_connected for f in self.factors)

    @property
    def is_transpose_closed(self) -> bool:
        return all(f.is_transpose_closed for f in self.factors)

    def subgroup(self, discrete: Tensor | None = None, lie: np.ndarray | None = None, name: str = "") -> Group:
        raise BadGroup(
            "Subgroups of a product with an infinite factor are given by a homomorphism.",
            {"group": self.name},
            "Build the subgroup itself and a Homomorphism into the product.",
        )
