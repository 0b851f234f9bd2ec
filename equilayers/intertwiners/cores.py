"""The intertwiners of one pair of atoms, in the form in which a route found them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from equilayers.numerics import derived_property, hashed_numbers
from equilayers.representations.representation import unit_matrices

__all__ = ["Core", "DenseCore", "OrbitCore", "SchurBlock", "SchurCore"]

PROBES = 8


@dataclass(frozen=True, eq=False)
class Core(ABC):
    """An orthonormal basis of Hom(A, B), with how it was found and what that certifies."""

    out_dim: int
    in_dim: int
    route: str
    certificate: str
    residual: float
    reason: str  # why there is nothing, where there is nothing

    @property
    @abstractmethod
    def dim(self) -> int: ...

    @abstractmethod
    def combine(self, weights: Tensor) -> Tensor:
        """``(out_dim, in_dim, c)`` from ``(dim, c)`` weights."""

    @abstractmethod
    def contract(self, maps: Tensor) -> Tensor:
        """``(dim, c)`` inner products of the basis with ``(out_dim, in_dim, c)`` maps."""

    def probes(self) -> np.ndarray:
        """``(out_dim * in_dim, c)`` fixed members of norm 1 that stand for all of them."""
        weights = hashed_numbers("residual", self.dim * PROBES).reshape(self.dim, PROBES)
        weights = weights / np.maximum(np.linalg.norm(weights, axis=0), 1e-300)
        return self.combine(torch.from_numpy(weights)).flatten(0, 1).numpy()

    def basis(self) -> np.ndarray:
        """``(dim, out_dim, in_dim)``."""
        return self.combine(torch.eye(self.dim, dtype=torch.float64)).permute(2, 0, 1).contiguous().numpy()


@dataclass(frozen=True, eq=False)
class DenseCore(Core):
    """``vectors`` ``(out_dim * in_dim, dim)``."""

    vectors: np.ndarray = field(repr=False)

    @property
    def dim(self) -> int:
        return self.vectors.shape[1]

    def combine(self, weights: Tensor) -> Tensor:
        vectors = torch.tensor(self.vectors, dtype=weights.dtype, device=weights.device)
        return (vectors @ weights).unflatten(0, (self.out_dim, self.in_dim))

    def contract(self, maps: Tensor) -> Tensor:
        vectors = torch.tensor(self.vectors, dtype=maps.dtype, device=maps.device)
        return vectors.mT @ maps.flatten(0, 1)


@dataclass(frozen=True, eq=False)
class OrbitCore(Core):
    """``labels`` ``(out_dim * in_dim,)``, the basis element of every entry or -1, ``values`` the entry itself."""

    labels: np.ndarray = field(repr=False)
    values: np.ndarray = field(repr=False)
    count: int = 0

    @property
    def dim(self) -> int:
        return self.count

    def _tensors(self, like: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        where = np.flatnonzero(self.labels >= 0)
        arrays = (torch.from_numpy(where), torch.from_numpy(self.labels[where]))
        values = torch.tensor(self.values[where], dtype=like.dtype, device=like.device)
        return arrays[0].to(like.device), arrays[1].to(like.device), values

    def combine(self, weights: Tensor) -> Tensor:
        where, labels, values = self._tensors(weights)
        flat = weights.new_zeros(len(self.labels), weights.shape[1])
        flat = flat.index_copy(0, where, weights[labels] * values[:, None])
        return flat.unflatten(0, (self.out_dim, self.in_dim))

    def contract(self, maps: Tensor) -> Tensor:
        where, labels, values = self._tensors(maps)
        flat = maps.flatten(0, 1)[where] * values[:, None]
        return maps.new_zeros(self.count, flat.shape[1]).index_add(0, labels, flat)


@dataclass(frozen=True, eq=False)
class SchurBlock:
    """One shared irrep: ``target`` ``(out_dim, d, n)`` and ``source`` ``(d, m, in_dim)``; dim End is ``end_dim``."""

    target: np.ndarray = field(repr=False)
    source: np.ndarray = field(repr=False)
    end_dim: int

    @derived_property
    def units(self) -> np.ndarray:
        d = self.target.shape[1]
        unit = unit_matrices(self.end_dim)
        return np.array([np.kron(u, np.eye(d // self.end_dim)) for u in unit]) / np.sqrt(d)

    @property
    def dim(self) -> int:
        return self.end_dim * self.target.shape[2] * self.source.shape[1]


@dataclass(frozen=True, eq=False)
class SchurCore(Core):
    """Basis elements (unit of End, copy in B, copy in A) for each shared irrep, never multiplied out."""

    parts: tuple[SchurBlock, ...] = field(repr=False, default=())

    @property
    def dim(self) -> int:
        return sum(part.dim for part in self.parts)

    def _arrays(self, part: SchurBlock, like: Tensor) -> list[Tensor]:
        return [torch.tensor(a, dtype=like.dtype, device=like.device) for a in (part.target, part.units, part.source)]

    def combine(self, weights: Tensor) -> Tensor:
        total, start = weights.new_zeros(self.out_dim, self.in_dim, weights.shape[1]), 0
        for part in self.parts:
            target, units, source = self._arrays(part, weights)
            w = weights[start : start + part.dim].unflatten(0, (part.end_dim, target.shape[2], source.shape[1]))
            inner = torch.einsum("uij,uabc->iacjb", units, w).flatten(3).flatten(0, 1)  # (d n, c, d m)
            total = total + torch.tensordot(target.flatten(1), inner @ source.flatten(0, 1), 1).movedim(1, 2)
            start += part.dim
        return total

    def contract(self, maps: Tensor) -> Tensor:
        rows = []
        for part in self.parts:
            target, units, source = self._arrays(part, maps)
            inner = torch.tensordot(target.flatten(1).mT, maps.movedim(2, 1), 1) @ source.flatten(0, 1).mT
            inner = inner.unflatten(2, source.shape[:2]).unflatten(0, target.shape[1:])  # (d, n, c, d, m)
            rows.append(torch.einsum("uij,iacjb->uabc", units, inner).flatten(0, 2))
        return torch.cat(rows) if rows else maps.new_zeros(0, maps.shape[2])
