"""Wreath products: a group acting on each of n blocks by itself, and permutations of the blocks."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import BadGroup
from equilayers.groups.finite import FiniteGroup, FiniteMatrixGroup, PermutationGroup
from equilayers.groups.group import Generators, Group
from equilayers.groups.homomorphism import Homomorphism
from equilayers.groups.matrix import MatrixGroup
from equilayers.groups.product import defining_matrices
from equilayers.numerics import isolated, orbit_labels

__all__ = ["FiniteMatrixWreath", "LieWreath", "PermutationWreath", "wreath"]


@isolated
def wreath(inner: Group, outer: Group) -> Group:
    r"""The wreath product K wr H: n-tuples of elements of K, and the permutations H of their n places.

    .. math:: (k, h)(k', h') = (k\, k'_{h^{-1}}, h h'), \qquad (k, h)\, e_i \otimes v = e_{h(i)} \otimes k_{h(i)} v

    For permutation groups it is one, on n blocks of points; otherwise its elements are the block monomial matrices, n
    blocks of K's defining action. ``G.parts(g)`` gives k and h, ``G.join(k, h)`` an element.

    Args:
        inner: K, any finite group, or a matrix Lie group such as SO(2), or a product of these.
        outer: H, a permutation group on n points.

    Raises:
        BadGroup: H is no permutation group.

    Example:
        >>> from equilayers.groups import group
        >>> wreath(group("S3"), group("S2")).order, wreath(group("SO(2)"), group("S3")).lie_dim
        (72, 3)

    Source: Dixon and Mortimer, Permutation Groups (1996), section 2.6.
    """
    if not isinstance(outer, PermutationGroup):
        raise BadGroup(
            "The outer group of a wreath product must permute points.",
            {"inner": inner, "outer": outer},
            "Give a permutation group such as S3, or FiniteGroup.from_permutations.",
        )
    if isinstance(inner, PermutationGroup):
        return PermutationWreath(inner, outer)
    return FiniteMatrixWreath(inner, outer) if inner.is_finite else LieWreath(inner, outer)


def _matrices(group: Group, g: Tensor) -> Tensor:
    """Elements ``(*b, *element_shape)`` in the defining action ``(*b, d, d)``."""
    if len(group.factors) > 1:
        parts = cast(Any, group).parts(g)
        pieces = [_matrices(factor, x) for factor, x in zip(group.factors, parts, strict=True)]
        ends = np.cumsum([piece.shape[-1] for piece in pieces]).tolist()
        out = torch.zeros(*g.shape[:-1], ends[-1], ends[-1], dtype=torch.float64)
        for piece, end in zip(pieces, ends, strict=True):
            out[..., end - piece.shape[-1] : end, end - piece.shape[-1] : end] = piece
        return out
    if len(group.element_shape) == 2:
        return g
    p = cast(FiniteGroup, group).to_permutation(g)
    return torch.nn.functional.one_hot(p, p.shape[-1]).to(torch.float64).mT


def _elements(group: Group, matrices: Tensor) -> Tensor:
    """The inverse of :func:`_matrices`."""
    if len(group.factors) > 1:
        pieces, start = [], 0
        for factor in group.factors:
            end = start + _degree(factor)
            pieces.append(_elements(factor, matrices[..., start:end, start:end]))
            start = end
        return cast(Tensor, cast(Any, group).pack(pieces))
    if len(group.element_shape) == 2:
        return matrices
    return cast(FiniteGroup, group).from_permutation(matrices.argmax(-2))


def _degree(group: Group) -> int:
    return _matrices(group, group.identity[None]).shape[-1]


class _Wreath(Group):
    """What the three kinds share: the names, exact samples, the projection to the outer group."""

    family = "wreath"

    def __init__(self, inner: Group, outer: PermutationGroup) -> None:
        self.inner, self.outer, self.blocks = inner, outer, outer.degree
        self.parameters = (inner.fingerprint, outer.fingerprint)

    @property
    def name(self) -> str:
        return " wr ".join(f"({g.name})" if " " in g.name else g.name for g in (self.inner, self.outer))

    def parts(self, g: Tensor) -> tuple[Tensor, Tensor]:
        """``(*b, n, *inner.element_shape)`` and ``(*b, n)``: what happens in each block, by where it ends; and h."""
        raise NotImplementedError

    def join(self, k: Tensor, h: Tensor) -> Tensor:
        """The element with these parts."""
        raise NotImplementedError

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Independent samples of K in each block and of H: exactly uniform where those are."""
        k = self.inner.sample(n * self.blocks, generator)
        return self.join(k.reshape(n, self.blocks, *k.shape[1:]), self.outer.sample(n, generator))

    @property
    def projection(self) -> Homomorphism:
        """The map to the outer group that forgets what happens inside the blocks."""
        return Homomorphism(self, self.outer, _Outer(self), np.zeros((self.lie_dim, 0)))

    def _first_blocks(self) -> np.ndarray:
        """One block of each orbit of H: its conjugates under H are the other ones."""
        labels, count = orbit_labels(self.outer.permutation_generators, self.blocks)
        return np.array([int(np.flatnonzero(labels == k)[0]) for k in range(count)])

    def _in_block(self, matrix: np.ndarray, block: int, around: np.ndarray) -> np.ndarray:
        size = matrix.shape[-1]
        out = np.kron(np.eye(self.blocks), around)
        out[block * size : (block + 1) * size, block * size : (block + 1) * size] = matrix
        return out

    def _discrete(self) -> np.ndarray:
        """K's generators in one block of each orbit, then H's generators as permutations of the blocks."""
        size = _degree(self.inner)
        inside = [
            self._in_block(m, b, np.eye(size)) for b in self._first_blocks() for m in defining_matrices(self.inner)
        ]
        places, moves = np.arange(self.blocks), []
        for p in self.outer.permutation_generators:
            if (p != places).any():
                moves.append(np.kron(np.eye(self.blocks)[:, p], np.eye(size)))  # one at (p[i], i)
        return np.array([*inside, *moves]).reshape(-1, self.blocks * size, self.blocks * size)


class _Outer:
    def __init__(self, whole: _Wreath) -> None:
        self.whole = whole

    def __call__(self, g: Tensor) -> Tensor:
        return self.whole.parts(g)[1]


class PermutationWreath(_Wreath, PermutationGroup):
    """K wr H for permutation groups, on n blocks of K's points: point ``m i + x`` is point x of block i.

    Example:
        >>> from equilayers.groups import group
        >>> G = PermutationWreath(group("S3"), group("S2"))
        >>> G.degree, G.join(torch.tensor([[1, 2, 0], [0, 1, 2]]), torch.tensor([1, 0])).tolist()
        (6, [3, 4, 5, 1, 2, 0])
    """

    inner: PermutationGroup

    def generators(self) -> Generators:
        m, n = self.inner.degree, self.blocks
        e, places = np.tile(np.arange(m), (n, 1)), np.arange(n)
        images = []
        for block in self._first_blocks():
            for p in self.inner.permutation_generators:
                images.append(self._spread(np.where(places[:, None] == block, p, e), places))
        images += [self._spread(e, p) for p in self.outer.permutation_generators]
        return Generators(discrete=np.array(images).reshape(-1, n * m))

    def _spread(self, k: np.ndarray, h: np.ndarray) -> np.ndarray:
        return self.join(torch.tensor(k), torch.tensor(h)).numpy()

    @property
    def order(self) -> int:
        return self.inner.order**self.blocks * self.outer.order

    def parts(self, g: Tensor) -> tuple[Tensor, Tensor]:
        m = self.inner.degree
        blocks = g.unflatten(-1, (self.blocks, m))
        h = torch.div(blocks[..., 0], m, rounding_mode="floor")
        return _by_target(blocks % m, h), h

    def join(self, k: Tensor, h: Tensor) -> Tensor:
        moved = torch.gather(k, -2, h[..., None].expand_as(k))  # row i: what happens to block i, which goes to h(i)
        return (moved + h[..., None] * self.inner.degree).flatten(-2)


def _by_target(rows: Tensor, h: Tensor) -> Tensor:
    """Row i to place ``h(i)``, on the axis after the batch."""
    back = h.argsort(-1)
    return torch.gather(rows, h.ndim - 1, back.reshape(*back.shape, *[1] * (rows.ndim - h.ndim)).expand_as(rows))


class _BlockMonomial(_Wreath):
    """Elements are ``(*b, n d, n d)`` matrices with one block of K in each row and column of blocks."""

    def parts(self, g: Tensor) -> tuple[Tensor, Tensor]:
        cells, h = self._cells(g)
        back = h.argsort(-1)[..., None, None, None].expand(*cells.shape[:-3], 1, *cells.shape[-2:])
        return _elements(self.inner, torch.gather(cells, -3, back).squeeze(-3)), h

    def _cells(self, g: Tensor) -> tuple[Tensor, Tensor]:
        """``(*b, target, source, d, d)`` blocks, and the target ``(*b, n)`` of each source."""
        cells = g.unflatten(-1, (self.blocks, -1)).unflatten(-3, (self.blocks, -1)).transpose(-3, -2)
        return cells, cells.abs().amax((-1, -2)).argmax(-2)

    def join(self, k: Tensor, h: Tensor) -> Tensor:
        inside = _matrices(self.inner, k)
        d = inside.shape[-1]
        places = torch.nn.functional.one_hot(h, self.blocks).to(inside.dtype).mT  # [target, source]
        cells = places[..., :, :, None, None] * inside[..., :, None, :, :]
        return cells.transpose(-3, -2).reshape(*h.shape[:-1], self.blocks * d, self.blocks * d)


class FiniteMatrixWreath(_BlockMonomial, FiniteMatrixGroup):
    """K wr H for a finite K that is given by matrices, by a table or as a product: block monomial matrices.

    Example:
        >>> from equilayers.groups import group
        >>> G = FiniteMatrixWreath(group("C4"), group("S2"))
        >>> G.order, G.element_shape, G.projection(G.discrete_generators).tolist()
        (32, (4, 4), [[0, 1], [1, 0]])
    """

    inner: FiniteGroup

    def generators(self) -> Generators:
        return Generators(discrete=self._discrete())

    @property
    def order(self) -> int:
        return self.inner.order**self.blocks * self.outer.order


class LieWreath(_BlockMonomial, MatrixGroup):
    """K wr H for a matrix Lie group K: block monomial matrices.

    Example:
        >>> from equilayers.groups import group
        >>> G = LieWreath(group("SO(2)"), group("S2"))
        >>> k, h = G.parts(G.sample(5))
        >>> k.shape, h.shape, bool(torch.allclose(G.join(k, h), G.join(*G.parts(G.join(k, h)))))
        (torch.Size([5, 2, 2, 2]), torch.Size([5, 2]), True)
    """

    def generators(self) -> Generators:
        lie = self.inner.lie_basis
        nothing = np.zeros(lie.shape[1:])
        inside = [self._in_block(a, block, nothing) for block in range(self.blocks) for a in lie]
        return Generators(lie=np.array(inside), discrete=self._discrete())

    def contains(self, g: Tensor) -> bool:
        """Whether each block belongs to K and their places to H, and all else is zero."""
        if not self._fits(g):
            return False
        _, h = self._cells(g)
        if not self.outer.contains(h):
            return False
        k, h = self.parts(g)
        return self.inner.contains(k) and bool((self.join(k, h) - g).abs().max() < 1e-7)
