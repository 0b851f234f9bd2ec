"""Representations that every group has, and those a user gives by matrices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import BadRepresentation, GroupMismatch
from equilayers.groups import FiniteGroup, Group, TableGroup
from equilayers.representations.representation import Images, Representation

__all__ = ["adjoint", "defining", "permutation", "regular", "representation", "trivial"]


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
    """The action by which the group is described: the plane for C_n and D_n, space for point groups and SO(3), permutation
    matrices for permutation groups, the direct sum of the factors' for products.

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


class ByGenerators(Representation):
    """A finite group's representation, evaluated along the stabiliser chain from the images of its generators."""

    def __init__(self, group: FiniteGroup, discrete: np.ndarray, name: str) -> None:
        self.group, self.dim, self.name = group, discrete.shape[-1], name
        self._given = Images(np.zeros((0, self.dim, self.dim)), discrete + 0.0)
        self.key = (group.fingerprint, "matrices", self._given.discrete.tobytes(), self.dim)
        self._finite = group

    def _images(self) -> Images:
        return self._given

    def __call__(self, g: Tensor) -> Tensor:
        return self._finite.chain.evaluate(self._given.discrete, self._finite.to_permutation(g))


class ByFunction(Representation):
    """A Lie group's representation, computed by a function; equal by its generator images."""

    def __init__(self, group: Group, lie: np.ndarray, function: Callable[[Tensor], Tensor], name: str) -> None:
        self.group, self.dim, self.name = group, lie.shape[-1], name
        self._lie, self._function = lie, function
        self.key = (group.fingerprint, "function", self.images.lie.tobytes(), self.images.discrete.tobytes(), self.dim)

    def _images(self) -> Images:
        discrete = self(self.group.discrete_generators).detach().numpy()
        return Images(self._lie + 0.0, discrete.reshape(-1, self.dim, self.dim) + 0.0)

    def __call__(self, g: Tensor) -> Tensor:
        return self._function(g)


class ByLogarithm(Representation):
    """A connected Lie group's representation from its Lie images: ``exp(dV(log g))``; not differentiable in g."""

    def __init__(self, group: Group, lie: np.ndarray, name: str) -> None:
        self.group, self.dim, self.name = group, lie.shape[-1], name
        self._given = Images(lie + 0.0, np.zeros((0, self.dim, self.dim)))
        self.key = (group.fingerprint, "lie", self._given.lie.tobytes(), self.dim)

    def _images(self) -> Images:
        return self._given

    @cached_property
    def _coordinates(self) -> np.ndarray:
        return np.linalg.pinv(self.group.lie_basis.reshape(self.group.lie_dim, -1).T)

    def __call__(self, g: Tensor) -> Tensor:
        from scipy.linalg import logm

        n = g.shape[-1]
        flat = g.detach().reshape(-1, n, n).numpy()
        logs = np.array([np.real(logm(matrix)) for matrix in flat]).reshape(-1, n * n)
        coefficients = torch.from_numpy(logs @ self._coordinates.T)
        matrices = torch.linalg.matrix_exp(self.derivative(coefficients))
        return matrices.reshape(*g.shape[:-2], self.dim, self.dim)


def permutation(group: Group, permutations: Sequence[Sequence[int]] | np.ndarray | Tensor) -> Representation:
    """A permutation representation of a finite group.

    Args:
        permutations: ``(m, N)`` image arrays, one for each discrete generator.

    Raises:
        BadRepresentation: they do not respect the group's relations.

    Example:
        >>> import equilayers as eq
        >>> eq.permutation(eq.group("C2"), [[1, 0, 2]]).dim
        3
    """
    matrices = permutation_matrices(torch.as_tensor(np.asarray(permutations))).numpy()
    return representation(group, matrices, name=f"permutation of {matrices.shape[-1]}")


def representation(
    group: Group,
    discrete: Sequence[np.ndarray] | np.ndarray | Tensor | None = None,
    *,
    lie: Sequence[np.ndarray] | np.ndarray | Tensor | None = None,
    function: Callable[[Tensor], Tensor] | None = None,
    name: str = "user",
) -> Representation:
    r"""A representation given by matrices.

    Finite group: ``discrete`` ``(m, d, d)``, one matrix for each generator. Lie group: ``lie`` ``(k, d, d)``, images of
    ``group.lie_basis``, and a ``function`` from batched elements to matrices, which only a connected group can do without.

    Raises:
        BadRepresentation: the images break a relation: a product of generators, a bracket, or a closed loop
            :math:`\exp(T A) = 1 \ne \exp(T\,dV(A))`.

    Example:
        >>> import equilayers as eq
        >>> eq.representation(eq.group("C2"), [-np.eye(3)], name="flip").dim
        3
    """
    if isinstance(group, FiniteGroup):
        matrices = np.asarray(discrete if discrete is not None else [], dtype=np.float64)
        _check_shape(group, matrices, len(group.discrete_generators), "discrete")
        made: Representation = ByGenerators(group, matrices, name)
    else:
        matrices = np.asarray(lie if lie is not None else [], dtype=np.float64)
        _check_shape(group, matrices, group.lie_dim, "lie")
        _check_brackets(group, matrices)
        if function is not None:
            made = ByFunction(group, matrices, function, name)
        elif group.is_connected:
            _check_loops(group, matrices)
            made = ByLogarithm(group, matrices, name)
        else:
            raise BadRepresentation(
                "A representation of a group with several components needs a function.",
                {"group": group},
                "Give function=, a callable from batched elements to matrices.",
            )
    _check_products(made)
    return made


def _check_shape(group: Group, matrices: np.ndarray, count: int, kind: str) -> None:
    if matrices.ndim != 3 or matrices.shape[0] != count or matrices.shape[1] != matrices.shape[2]:
        raise BadRepresentation(
            f"A representation needs one square matrix for each {kind} generator.",
            {"group": group, "generators": count, "given": matrices.shape},
            f"Give {kind} images of shape ({count}, d, d).",
        )
    if not np.isfinite(matrices).all():
        raise BadRepresentation("Images need finite entries.", {"group": group}, "Look for NaN or infinity.")


def _check_brackets(group: Group, lie: np.ndarray) -> None:
    products = np.einsum("iab,jbc->ijac", lie, lie)
    expected = np.einsum("ijk,kab->ijab", group.structure_constants, lie)
    error = np.abs(products - products.swapaxes(0, 1) - expected).max((2, 3))
    i, j = np.unravel_index(int(error.argmax()), error.shape)
    if error.max() > 1e-9 * max(1.0, np.abs(products).max()):
        raise BadRepresentation(
            "The Lie images break a bracket.",
            {"group": group, "bracket": f"[L{i}, L{j}]", "error": f"{error.max():.2e}"},
            "The images must satisfy [dV(L_i), dV(L_j)] = sum_k c[i, j, k] dV(L_k), c = group.structure_constants.",
        )


def _check_loops(group: Group, lie: np.ndarray) -> None:
    """A one-parameter subgroup that closes must close in the representation (spin 1/2 of SO(3) does not)."""
    for i, (a, image) in enumerate(zip(group.lie_basis, lie, strict=True)):
        values = np.linalg.eigvals(a)
        frequencies = np.abs(values.imag)
        if np.abs(values.real).max() > 1e-9 or frequencies.max() < 1e-9:
            continue
        slowest = frequencies[frequencies > 1e-9].min()
        for turns in range(1, 13):
            period = 2 * np.pi * turns / slowest
            if np.abs(np.exp(1j * period * frequencies) - 1).max() < 1e-9:
                closed = np.exp(period * np.linalg.eigvals(image))
                if np.abs(closed - 1).max() > 1e-6:
                    raise BadRepresentation(
                        "The Lie images do not integrate: a closed loop of the group stays open in the representation.",
                        {"group": group, "loop": f"exp({period:.4f} L{i}) = 1"},
                        "This is a representation of a covering group; use that group, for example SU(2).",
                    )
                break


def _check_products(v: Representation) -> None:
    group, generator = v.group, torch.Generator().manual_seed(7)
    g = torch.cat([group.discrete_generators, group.sample(6, generator)])
    h = group.sample(len(g), generator)
    value, product = v(g), v(group.compose(g, h))
    scale = max(1.0, float(value.detach().abs().max()) ** 2)
    error = (value @ v(h) - product).abs().flatten(1).amax(1) / scale
    given = torch.tensor(v.images.discrete) - value[: len(v.images.discrete)]
    if float(error.max()) > 1e-7 or (given.numel() and float(given.abs().max()) > 1e-7 * scale):
        worst = int(error.argmax())
        which = f"generator {worst}" if worst < len(group.discrete_generators) else "a random element"
        raise BadRepresentation(
            "The images do not define a representation: V(g) V(h) differs from V(g h).",
            {"group": group, "g": which, "error": f"{float(error.max()):.2e}"},
            "Check the images against the relations of group.discrete_generators.",
        )


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


def adjoint(group: Group) -> Representation:
    """The adjoint representation of a Lie group, on its Lie algebra.

    Example:
        >>> import equilayers as eq
        >>> eq.adjoint(eq.group("SO(1,3)")).dim
        6
    """
    if not group.lie_dim:
        raise GroupMismatch("The adjoint representation needs a Lie group.", {"group": group}, "Use regular(G).")
    return Adjoint(group)
