"""Groups with translations, as homogeneous matrices: E(n), SE(n), Poincare, affine and similarity groups, Galilei.

Also the Heisenberg group and scalings: none of these is reductive with all its representations completely reducible.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import BadGroup
from equilayers.groups.finite import FiniteMatrixGroup
from equilayers.groups.group import Generators
from equilayers.groups.matrix import MatrixGroup

__all__ = ["Galilei", "Inhomogeneous", "RealHeisenberg", "Scaling"]


class Inhomogeneous(MatrixGroup):
    r"""A linear group on :math:`R^n` together with all translations, as homogeneous matrices of size n + 1.

    .. math:: (R, t) \mapsto \begin{pmatrix} R & t \\ 0 & 1 \end{pmatrix}

    The Lie basis is the linear group's, then the translations along the axes.

    Args:
        linear: a group of ``(n, n)`` matrices, finite or not.
        name: for people; "R^n : linear" by default.

    Raises:
        BadGroup: ``linear`` is not a group of matrices.

    Example:
        >>> from equilayers.groups.orthogonal import SpecialOrthogonal
        >>> SE3 = Inhomogeneous(SpecialOrthogonal(3), "SE(3)")
        >>> SE3.lie_dim, SE3.element_shape, SE3.is_transpose_closed
        (6, (4, 4), False)
    """

    family = "inhomogeneous"

    def __init__(self, linear: MatrixGroup | FiniteMatrixGroup, name: str | None = None) -> None:
        if not isinstance(linear, MatrixGroup | FiniteMatrixGroup):
            raise BadGroup(
                "Translations are added to a group of matrices.",
                {"linear": repr(linear)},
                'Write Inhomogeneous(eq.group("SO(3)")).',
            )
        self.linear, self.n = linear, linear.element_shape[0]
        self.parameters = (linear.fingerprint,)
        self._name = name or f"R^{self.n} : {linear.name}"

    @property
    def name(self) -> str:
        return self._name

    def generators(self) -> Generators:
        n, described = self.n, self.linear.description
        lie = np.zeros((len(described.lie) + n, n + 1, n + 1))
        lie[: len(described.lie), :n, :n] = described.lie
        lie[len(described.lie) + np.arange(n), np.arange(n), n] = 1.0
        discrete = np.zeros((len(described.discrete), n + 1, n + 1))
        discrete[:, :n, :n], discrete[:, n, n] = described.discrete, 1.0
        return Generators(lie=lie, discrete=discrete)

    @property
    def is_compact(self) -> bool:
        return False

    def contains(self, g: Tensor) -> bool:
        if not self._fits(g):
            return False
        last = torch.eye(self.n + 1, dtype=g.dtype)[-1]
        return bool((g[..., -1, :] - last).abs().amax() < 1e-9) and self.linear.contains(g[..., :-1, :-1])


class Galilei(MatrixGroup):
    r"""The Galilei group of n space dimensions: rotations, boosts, translations in space and time.

    .. math:: (x, t, 1) \mapsto (R x + v t + a,\ t + b,\ 1)

    Example:
        >>> Galilei(3).lie_dim, Galilei(3).element_shape
        (10, (5, 5))
    """

    family = "Galilei"

    def __init__(self, n: int = 3) -> None:
        if n < 2:
            raise BadGroup("Galilei(n) needs n >= 2 space dimensions.", {"n": n}, 'Write eq.group("Galilei").')
        self.n, self.parameters = n, (n,)

    @property
    def name(self) -> str:
        return "Galilei" if self.n == 3 else f"Galilei({self.n})"

    def generators(self) -> Generators:
        n = self.n
        size, lie = n + 2, []

        def entry(i: int, j: int) -> np.ndarray:
            matrix = np.zeros((size, size))
            matrix[i, j] = 1.0
            return matrix

        lie += [entry(j, i) - entry(i, j) for i in range(n) for j in range(i + 1, n)]
        lie += [entry(i, n) for i in range(n)]
        lie += [entry(i, n + 1) for i in range(n + 1)]
        return Generators(lie=lie)

    @property
    def is_compact(self) -> bool:
        return False

    def contains(self, g: Tensor) -> bool:
        if not self._fits(g):
            return False
        n = self.n
        eye = torch.eye(n + 2, dtype=g.dtype)
        turn, below = g[..., :n, :n], g[..., n:, :] - eye[n:]
        below[..., 0, n + 1] = 0.0  # a shift in time is free
        keeps = (turn.mT @ turn - eye[:n, :n]).abs().amax() < 1e-7 and (torch.linalg.det(turn) > 0).all()
        return bool(keeps) and bool(below.abs().amax() < 1e-9)


class RealHeisenberg(MatrixGroup):
    """The Heisenberg group of dimension 2n + 1: upper unitriangular matrices of size n + 2 with one inner identity.

    The Lie basis is n positions (first row), n momenta (last column), and the centre.

    Example:
        >>> RealHeisenberg().lie_dim, RealHeisenberg(2).element_shape
        (3, (4, 4))
    """

    family = "Heisenberg"

    def __init__(self, n: int = 1) -> None:
        if n < 1:
            raise BadGroup("The Heisenberg group needs n >= 1.", {"n": n}, 'Write eq.group("Heisenberg").')
        self.n, self.parameters = n, (n,)

    @property
    def name(self) -> str:
        return "Heisenberg" if self.n == 1 else f"Heisenberg({self.n})"

    def generators(self) -> Generators:
        n = self.n
        lie = np.zeros((2 * n + 1, n + 2, n + 2))
        for i in range(n):
            lie[i, 0, i + 1] = lie[n + i, i + 1, n + 1] = 1.0
        lie[2 * n, 0, n + 1] = 1.0
        return Generators(lie=lie)

    @property
    def is_compact(self) -> bool:
        return False

    def contains(self, g: Tensor) -> bool:
        if not self._fits(g):
            return False
        rest = g - torch.eye(self.n + 2, dtype=g.dtype)
        rest[..., 0, 1:] = 0.0
        rest[..., :-1, -1] = 0.0
        return bool(rest.abs().amax() < 1e-9)


class Scaling(MatrixGroup):
    """Multiplication of all n coordinates by one positive number.

    Example:
        >>> Scaling(2).lie_basis.tolist()
        [[[1.0, 0.0], [0.0, 1.0]]]
    """

    family = "scaling"

    def __init__(self, n: int = 1) -> None:
        if n < 1:
            raise BadGroup("Scaling(n) needs n >= 1 coordinates.", {"n": n}, 'Write eq.group("Scaling").')
        self.n, self.parameters = n, (n,)

    @property
    def name(self) -> str:
        return "Scaling" if self.n == 1 else f"Scaling({self.n})"

    def generators(self) -> Generators:
        return Generators(lie=[np.eye(self.n)])

    @property
    def is_compact(self) -> bool:
        return False

    def contains(self, g: Tensor) -> bool:
        if not self._fits(g):
            return False
        factor = g[..., :1, :1]
        rest = (g - factor * torch.eye(self.n, dtype=g.dtype)).abs().amax()
        return bool((factor > 0).all()) and bool(rest < 1e-9 * g.abs().amax().clamp(min=1))
