"""Representations that every group has: trivial, defining, regular, adjoint."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import BadRepresentation
from equilayers.groups import FiniteGroup, Group, TableGroup
from equilayers.numerics import isolated
from equilayers.representations.representation import Images, Representation

__all__ = ["adjoint", "defining", "finite", "permutation_matrices", "regular", "trivial"]


class Trivial(Representation):
    """One dimension, on which every element is 1."""

    def __init__(self, group: Group) -> None:
        self.group, self.dim, self.name = group, 1, "trivial"
        self.key = (group.fingerprint, "trivial")

    def _images(self) -> Images:
        return Images(np.zeros((self.group.lie_dim, 1, 1)), np.ones((len(self.group.discrete_generators), 1, 1)))

    def __call__(self, g: Tensor) -> Tensor:
        batch = g.shape[: g.ndim - len(self.group.element_shape)]
        return torch.ones(*batch, 1, 1, dtype=torch.float64, device=g.device)


def trivial(group: Group) -> Representation:
    """The trivial representation, of dimension 1.

    Example:
        >>> import equilayers as eq
        >>> (3 * eq.trivial(eq.group("D4"))).dim
        3
    """
    return Trivial(group)


def permutation_matrices(p: Tensor) -> Tensor:
    """``P[p[i], i] = 1``: float64 ``(*b, n, n)`` from image arrays ``(*b, n)``."""
    return torch.nn.functional.one_hot(p, p.shape[-1]).to(torch.float64).mT


class Defining(Representation):
    """The action by which the group is described."""

    def __init__(self, group: Group) -> None:
        self.group, self.name = group, "defining"
        self.key = (group.fingerprint, "defining")
        if len(group.factors) > 1:
            self._parts = [Defining(f) for f in group.factors]
            self.dim = sum(p.dim for p in self._parts)
        elif isinstance(group, TableGroup):
            self.dim = len(group.table)
        else:
            self.dim = group.element_shape[-1]

    def _images(self) -> Images:
        discrete = self(self.group.discrete_generators).numpy()
        lie = self.group.lie_basis if self.group.lie_dim else np.zeros((0, self.dim, self.dim))
        return Images(lie, discrete.reshape(-1, self.dim, self.dim))

    def __call__(self, g: Tensor) -> Tensor:
        if len(self.group.factors) > 1:
            matrices = [part(x) for part, x in zip(self._parts, cast(Any, self.group).parts(g), strict=True)]
            out = torch.zeros(*g.shape[:-1], self.dim, self.dim, dtype=torch.float64, device=g.device)
            start = 0
            for matrix in matrices:
                end = start + matrix.shape[-1]
                out[..., start:end, start:end] = matrix
                start = end
            return out
        if self.group.element_dtype == torch.float64:
            return g
        return permutation_matrices(cast(FiniteGroup, self.group).to_permutation(g))


def defining(group: Group) -> Representation:
    """The action by which the group is described.

    The plane for C_n and D_n, space for point groups and SO(3), permutation matrices for permutation groups, the
    regular representation for a table, the direct sum of the factors' for products, the given matrices elsewhere.

    Example:
        >>> import equilayers as eq
        >>> [eq.defining(eq.group(name)).dim for name in ("D4", "O", "S5", "SO(1,3)", "SO(3) x S4")]
        [2, 3, 5, 4, 7]
    """
    return Defining(group)


class Regular(Representation):
    """``e_h -> e_{gh}`` on the group's own elements, in the order of ``group.elements()``."""

    def __init__(self, group: FiniteGroup) -> None:
        self.group, self.dim, self.name = group, group.order, "regular"
        self.key = (group.fingerprint, "regular")
        self._finite = group

    def _images(self) -> Images:
        return Images(np.zeros((0, self.dim, self.dim)), self(self.group.discrete_generators).numpy())

    def __call__(self, g: Tensor) -> Tensor:
        elements = self._finite.elements()
        flat = g.reshape(-1, *self.group.element_shape)
        moved = torch.stack([self._finite.index(self.group.compose(x, elements)) for x in flat]) if len(flat) else None
        batch = g.shape[: g.ndim - len(self.group.element_shape)]
        if moved is None:
            return torch.zeros(*batch, self.dim, self.dim, dtype=torch.float64)
        return permutation_matrices(moved).reshape(*batch, self.dim, self.dim)


def finite(group: Group, what: str) -> FiniteGroup:
    """The group, which must be finite for ``what``."""
    if not isinstance(group, FiniteGroup):
        raise BadRepresentation(f"{what} needs a finite group.", {"group": group}, "Use irreps or the defining action.")
    return group


def regular(group: Group) -> Representation:
    """The regular representation of a finite group, of dimension its order.

    Raises:
        BadRepresentation: the group is infinite.

    Example:
        >>> import equilayers as eq
        >>> eq.regular(eq.group("D4")).is_permutation
        True
    """
    return Regular(finite(group, "The regular representation"))


class Adjoint(Representation):
    r"""``Ad(g) L_i = g L_i g^{-1}``, in the coordinates of the Lie basis."""

    def __init__(self, group: Group) -> None:
        self.group, self.dim, self.name = group, group.lie_dim, "adjoint"
        self.key = (group.fingerprint, "adjoint")
        self._coordinates = np.linalg.pinv(group.lie_basis.reshape(group.lie_dim, -1).T)
        self._defining = defining(group)

    def _images(self) -> Images:
        lie = self.group.structure_constants.transpose(0, 2, 1)
        discrete = self(self.group.discrete_generators).numpy()
        return Images(lie, discrete.reshape(-1, self.dim, self.dim))

    def __call__(self, g: Tensor) -> Tensor:
        matrix = self._defining(g).unsqueeze(-3)
        moved = matrix @ torch.tensor(self.group.lie_basis) @ torch.linalg.inv(matrix)
        return torch.einsum("ks,...is->...ki", torch.tensor(self._coordinates), moved.flatten(-2))


@isolated
def adjoint(group: Group) -> Representation:
    r"""The adjoint representation of a Lie group, :math:`X \mapsto g X g^{-1}` in the coordinates of the Lie basis.

    Raises:
        BadRepresentation: the group is finite.

    Example:
        >>> import equilayers as eq
        >>> eq.adjoint(eq.group("SO(1,3)")).dim
        6
    """
    if not group.lie_dim:
        raise BadRepresentation("The adjoint representation needs a Lie group.", {"group": group}, "Use regular(G).")
    return Adjoint(group)
