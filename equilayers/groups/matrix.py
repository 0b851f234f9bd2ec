"""Lie groups of matrices: a Lie algebra basis, and generators of the component group."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import BadGroup
from equilayers.groups.finite import FiniteMatrixGroup
from equilayers.groups.group import Group
from equilayers.groups.homomorphism import Homomorphism
from equilayers.numerics import derived_property, null_space

__all__ = ["MatrixGroup", "invariant_form"]

_STEPS = 24  # factors in a random walk; each one already spreads over a compact group


class MatrixGroup(Group):
    """A real matrix Lie group: subclass it and write ``generators()``; complex matrices enter as [[Re, -Im], [Im, Re]].

    Elements are float64 ``(*b, n, n)``. Everything else is derived: compactness from an invariant positive form (its
    certificate), random elements from a walk over the algebra and the discrete generators.

    Example:
        >>> class Heisenberg(MatrixGroup):
        ...     def generators(self):
        ...         E = lambda i, j: np.eye(3)[:, [i]] @ np.eye(3)[[j]]
        ...         return Generators(lie=[E(0, 1), E(1, 2), E(0, 2)])
        >>> from equilayers.groups import Generators
        >>> Heisenberg().lie_dim, Heisenberg().is_compact
        (3, False)
    """

    @derived_property
    def _checked(self) -> None:
        if not self.lie_dim:
            raise BadGroup(
                "MatrixGroup describes a Lie group; a group without Lie generators is finite.",
                {"group": self.name},
                "Subclass FiniteMatrixGroup, or call FiniteGroup.from_matrices.",
            )
        discrete = self.description.discrete
        if len(discrete) and np.abs(np.linalg.det(discrete)).min() < 1e-9:
            raise BadGroup("Discrete generators must be invertible.", {"group": self.name}, "Give full-rank matrices.")
        _ = self.structure_constants
        self._check_normal()

    def _check_normal(self) -> None:
        """Every discrete generator must carry the Lie algebra to itself, or it generates a larger one."""
        lie = self.lie_basis
        flat = lie.reshape(len(lie), -1).T
        for j, d in enumerate(self.description.discrete):
            moved = (d @ lie @ np.linalg.inv(d)).reshape(len(lie), -1).T
            residual = moved - flat @ np.linalg.lstsq(flat, moved, rcond=None)[0]
            if np.abs(residual).max() > 1e-9 * max(1.0, np.abs(moved).max()):
                raise BadGroup(
                    "A discrete generator must normalise the Lie algebra: d L d^-1 leaves its span.",
                    {"group": self.name, "discrete generator": j},
                    "Add the conjugated Lie generators, or drop the discrete one.",
                )

    @property
    def order(self) -> None:
        return None

    @property
    def element_shape(self) -> tuple[int, ...]:
        n = self.lie_basis.shape[-1]
        return (n, n)

    @property
    def element_dtype(self) -> torch.dtype:
        return torch.float64

    @property
    def identity(self) -> Tensor:
        return torch.eye(self.element_shape[0], dtype=torch.float64)

    @property
    def discrete_generators(self) -> Tensor:
        _ = self._checked
        return torch.tensor(self.description.discrete)

    def compose(self, g: Tensor, h: Tensor) -> Tensor:
        return g @ h

    def inverse(self, g: Tensor) -> Tensor:
        return torch.linalg.inv(g)

    def exp(self, coefficients: Tensor) -> Tensor:
        _ = self._checked
        lie = torch.tensor(self.lie_basis, dtype=coefficients.dtype)
        return torch.linalg.matrix_exp(torch.einsum("...k,kij->...ij", coefficients, lie))

    # Facts

    @derived_property
    def form(self) -> np.ndarray | None:
        """An invariant positive-definite form S, ``g^T S g = S``, or None: the certificate of compactness."""
        return invariant_form(self.lie_basis, self.description.discrete)

    @property
    def is_compact(self) -> bool:
        """Whether the closure is compact: whether an invariant positive-definite form exists."""
        return self.form is not None

    @property
    def is_connected(self) -> bool:
        """Whether there is no discrete generator (a discrete generator is taken to reach a new component)."""
        return not len(self.description.discrete)

    @derived_property
    def is_transpose_closed(self) -> bool:
        lie, discrete = self.lie_basis, self.description.discrete
        flat = lie.reshape(len(lie), -1).T
        turned = lie.swapaxes(1, 2).reshape(len(lie), -1).T
        residual = turned - flat @ np.linalg.lstsq(flat, turned, rcond=None)[0]
        orthogonal = all(np.abs(d @ d.T - np.eye(len(d))).max() < 1e-9 for d in discrete)
        return bool(np.abs(residual).max() < 1e-9 and orthogonal)

    # Elements

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Random elements.

        Compact: a walk of random exponentials and discrete generators, which tends to Haar measure geometrically. Not
        compact (no Haar probability): the component uniform, times the exponential of a Gaussian algebra element of
        deviation 0.5 whose Frobenius norm is cut at 2.
        """
        component = self._random_word(n, generator)
        if not self.is_compact:
            return component @ self.exp(
                self._cut(0.5 * torch.randn(n, self.lie_dim, generator=generator, dtype=torch.float64))
            )
        g = component
        for _ in range(_STEPS):
            scale = 4.0 / max(1.0, float(np.abs(self.lie_basis).sum(-1).max()))
            step = scale * torch.randn(n, self.lie_dim, generator=generator, dtype=torch.float64)
            g = self.exp(step) @ g
        return g

    def _cut(self, coefficients: Tensor) -> Tensor:
        matrices = torch.einsum("...k,kij->...ij", coefficients, torch.tensor(self.lie_basis))
        norm = torch.linalg.matrix_norm(matrices)[..., None]
        return coefficients * (2.0 / norm).clamp(max=1.0)

    def _random_word(self, n: int, generator: torch.Generator | None) -> Tensor:
        g = self.identity.expand(n, *self.element_shape)
        discrete = self.discrete_generators
        if len(discrete) == 1 and bool(self.equal(discrete[0] @ discrete[0], self.identity)):
            flip = torch.randint(2, (n,), generator=generator)
            return torch.stack([self.identity, discrete[0]])[flip]
        for _ in range(_STEPS if len(discrete) else 0):
            choice = torch.randint(2 * len(discrete), (n,), generator=generator)  # half of the time: stand still
            steps = torch.cat([discrete, self.identity.expand_as(discrete)])
            g = steps[choice] @ g
        return g

    def contains(self, g: Tensor) -> bool:
        """Necessary conditions: g normalises the Lie algebra, and keeps the invariant form of a compact group."""
        if not self._fits(g):
            return False
        lie = torch.tensor(self.lie_basis)
        flat = lie.flatten(1).T
        moved = (g.unsqueeze(-3) @ lie @ torch.linalg.inv(g).unsqueeze(-3)).flatten(-2).transpose(-1, -2)
        residual = moved - flat @ (torch.linalg.pinv(flat) @ moved)
        inside = bool((residual.abs() < 1e-6 * moved.abs().amax().clamp(min=1)).all())
        if self.form is not None:
            form = torch.tensor(self.form)
            inside &= bool((g.transpose(-1, -2) @ form @ g - form).abs().max() < 1e-6)
        return inside

    def subgroup(self, discrete: Tensor | None = None, lie: np.ndarray | None = None, name: str = "") -> Group:
        """The subgroup generated by ``discrete`` elements and ``lie`` coefficient vectors ``(k, lie_dim)``."""
        name = name or f"subgroup of {self.name}"
        elements = np.zeros((0, *self.element_shape)) if discrete is None else discrete.detach().numpy()
        subgroup: Group
        if lie is None:
            subgroup = FiniteMatrixGroup(elements, name)
        else:
            subgroup = _Generated(np.einsum("ak,kij->aij", np.asarray(lie), self.lie_basis), elements, name)
        subgroup.parent = self
        subgroup.inclusion = Homomorphism(subgroup, self, _same, None if lie is None else np.asarray(lie))
        return subgroup


def _same(g: Tensor) -> Tensor:
    return g


class _Generated(MatrixGroup):
    def __init__(self, lie: np.ndarray, discrete: np.ndarray, name: str) -> None:
        self._lie, self._discrete, self._name = lie, discrete, name

    def generators(self):  # type: ignore[no-untyped-def]
        from equilayers.groups.group import Generators

        return Generators(lie=self._lie, discrete=self._discrete)

    @property
    def name(self) -> str:
        return self._name


def invariant_form(lie: np.ndarray, discrete: np.ndarray) -> np.ndarray | None:
    r"""A positive-definite S with :math:`A^T S + S A = 0` and :math:`D^T S D = S`, or None where there is none.

    The invariant symmetric forms are a linear space; alternating projections between it and the matrices with
    eigenvalues of at least one find a positive member if there is one.
    """
    n = lie.shape[-1] if len(lie) else discrete.shape[-1]
    eye = np.eye(n)
    rows = [np.kron(a.T, eye) + np.kron(eye, a.T) for a in lie]
    rows += [np.kron(d.T, d.T) - np.eye(n * n) for d in discrete]
    i, j = np.triu_indices(n)
    symmetric = np.zeros((n * n, len(i)))
    symmetric[i * n + j, np.arange(len(i))] = 1.0
    symmetric[j * n + i, np.arange(len(i))] = 1.0
    symmetric /= np.linalg.norm(symmetric, axis=0)
    basis = symmetric @ null_space(np.concatenate(rows) @ symmetric, what="the invariant forms").basis
    form = eye
    for _ in range(200):
        form = (basis @ (basis.T @ form.reshape(-1))).reshape(n, n)
        values, vectors = np.linalg.eigh((form + form.T) / 2)
        if values.min() > 1e-3 * max(values.max(), 1e-300):
            return form / values.max()
        if np.abs(form).max() < 1e-12:
            return None
        form = vectors @ np.diag(np.maximum(values, 1.0)) @ vectors.T
    return None
