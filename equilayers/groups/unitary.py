"""Unitary groups as real matrices."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import BadGroup
from equilayers.groups.group import Generators
from equilayers.groups.matrix import MatrixGroup
from equilayers.groups.quaternion import left_multiplication

__all__ = ["CompactSymplectic", "SpecialUnitary", "UnitQuaternions", "Unitary", "complex_part", "realify"]


def realify(matrix: np.ndarray) -> np.ndarray:
    """``[[Re, -Im], [Im, Re]]`` of complex ``(*b, n, n)`` matrices."""
    return np.block([[matrix.real, -matrix.imag], [matrix.imag, matrix.real]])


def complex_part(g: Tensor) -> Tensor:
    """The complex ``(*b, n, n)`` matrices of realified ones, read off their left half."""
    n = g.shape[-1] // 2
    return torch.complex(g[..., :n, :n], g[..., n:, :n])


def realified(u: Tensor) -> Tensor:
    """:func:`realify` of complex tensors."""
    return torch.cat([torch.cat([u.real, -u.imag], -1), torch.cat([u.imag, u.real], -1)], -2)


def is_complex(g: Tensor) -> bool:
    """Whether real matrices commute with multiplication by i."""
    return bool((realified(complex_part(g)) - g).abs().amax() < 1e-7 * g.abs().amax().clamp(min=1))


def _haar(n: int, count: int, generator: torch.Generator | None) -> Tensor:
    """Haar measure on U(n): complex QR with positive diagonal."""
    re, im = torch.randn((2, count, n, n), generator=generator, dtype=torch.float64)
    q, r = torch.linalg.qr(torch.complex(re, im))
    phase = torch.diagonal(r, dim1=-2, dim2=-1)
    return q * (phase / phase.abs()).unsqueeze(-2)


def _is_unitary(u: Tensor) -> bool:
    return bool((u.mH @ u - torch.eye(u.shape[-1], dtype=u.dtype)).abs().amax() < 1e-7)


def _skew_hermitian(n: int) -> list[np.ndarray]:
    """i/2 times the off-diagonal Hermitian units, real and imaginary, of ``(n, n)`` matrices."""
    found = []
    for i in range(n):
        for j in range(i + 1, n):
            for phase in (1.0, -1.0j):
                matrix = np.zeros((n, n), dtype=complex)
                matrix[i, j], matrix[j, i] = phase, np.conj(phase)
                found.append(0.5j * matrix)
    return found


class UnitQuaternions(MatrixGroup):
    """SU(2) as left multiplication by unit quaternions on (1, i, j, k); the Lie basis is i/2, j/2, k/2.

    With this basis the covering of SO(3) sends basis vectors to the rotations about x, y and z.

    Example:
        >>> full_turn = UnitQuaternions().exp(torch.tensor([2 * torch.pi, 0.0, 0.0], dtype=torch.float64))
        >>> torch.allclose(full_turn, -torch.eye(4, dtype=torch.float64))
        True
    """

    family = "SU"
    name = "SU(2)"
    parameters = (2,)
    n = 2

    def generators(self) -> Generators:
        return Generators(lie=[left_multiplication(*row) / 2 for row in np.eye(4)[1:]])

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Exactly Haar: a normalised Gaussian quaternion."""
        q = torch.randn(n, 4, generator=generator, dtype=torch.float64)
        q = q / q.norm(dim=-1, keepdim=True)
        units = torch.tensor(np.array([left_multiplication(*row) for row in np.eye(4)]))
        return torch.einsum("nk,kij->nij", q, units)

    def contains(self, g: Tensor) -> bool:
        if not self._fits(g):
            return False
        units = torch.tensor(np.array([left_multiplication(*row) for row in np.eye(4)]))
        rebuilt = torch.einsum("...k,kij->...ij", g[..., :, 0], units)
        unit = (g[..., :, 0].norm(dim=-1) - 1).abs() < 1e-7
        return bool(((rebuilt - g).abs() < 1e-7).all() and unit.all())


class SpecialUnitary(MatrixGroup):
    """SU(n), n >= 3, realified; the Lie basis is i times the generalised Gell-Mann matrices over two.

    Example:
        >>> SpecialUnitary(3).lie_dim, SpecialUnitary(3).element_shape
        (8, (6, 6))
    """

    family = "SU"

    def __init__(self, n: int) -> None:
        if n < 3:
            raise BadGroup(
                "SpecialUnitary needs n >= 3; SU(2) is UnitQuaternions.", {"n": n}, 'Write eq.group("SU(2)").'
            )
        self.n, self.parameters = n, (n,)

    @property
    def name(self) -> str:
        return f"SU({self.n})"

    def generators(self) -> Generators:
        lie = _skew_hermitian(self.n)
        for k in range(1, self.n):
            diagonal = [1.0] * k + [-float(k)] + [0.0] * (self.n - k - 1)
            lie.append(0.5j * np.sqrt(2 / (k * (k + 1))) * np.diag(diagonal))
        return Generators(lie=[realify(matrix) for matrix in lie])

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Exactly Haar: a unitary matrix, its determinant's phase taken off the last column."""
        q = _haar(self.n, n, generator)
        return realified(torch.cat([q[..., :-1], q[..., -1:] / torch.linalg.det(q)[:, None, None]], -1))

    def contains(self, g: Tensor) -> bool:
        if not (self._fits(g) and is_complex(g)):
            return False
        u = complex_part(g)
        return _is_unitary(u) and bool(((torch.linalg.det(u) - 1).abs() < 1e-7).all())


class Unitary(MatrixGroup):
    """U(n), realified; the Lie basis is i/2 times the off-diagonal Hermitian units, then i times the diagonal ones.

    Example:
        >>> Unitary(1).lie_basis.tolist(), Unitary(3).lie_dim
        ([[[0.0, -1.0], [1.0, 0.0]]], 9)
    """

    family = "U"

    def __init__(self, n: int) -> None:
        if n < 1:
            raise BadGroup("U(n) needs n >= 1.", {"n": n}, 'Write eq.group("U(2)").')
        self.n, self.parameters = n, (n,)

    @property
    def name(self) -> str:
        return f"U({self.n})"

    def generators(self) -> Generators:
        lie = _skew_hermitian(self.n) + [1j * np.diag(row) for row in np.eye(self.n)]
        return Generators(lie=[realify(matrix) for matrix in lie])

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Exactly Haar."""
        return realified(_haar(self.n, n, generator))

    def contains(self, g: Tensor) -> bool:
        return self._fits(g) and is_complex(g) and _is_unitary(complex_part(g))


class CompactSymplectic(MatrixGroup):
    r"""USp(2n), n >= 2, the unitary matrices that keep the complex form J = [[0, 1], [-1, 0]]; realified, 4n x 4n.

    .. math:: \mathfrak{usp}(2n) = \left\{ \begin{pmatrix} A & B \\ -\bar B & \bar A \end{pmatrix} :
        A^\dagger = -A,\ B^T = B \right\}

    Example:
        >>> CompactSymplectic(4).lie_dim, CompactSymplectic(4).element_shape
        (10, (8, 8))
    """

    family = "USp"

    def __init__(self, size: int) -> None:
        if size < 4 or size % 2:
            raise BadGroup(
                "USp(2n) needs an even number from 4 on; USp(2) is SU(2).", {"2n": size}, 'Write eq.group("USp(4)").'
            )
        self.size, self.parameters = size, (size,)

    @property
    def name(self) -> str:
        return f"USp({self.size})"

    def generators(self) -> Generators:
        n = self.size // 2
        skew = _skew_hermitian(n) + [0.5j * np.diag(row) for row in np.eye(n)]
        lie = [self._block(a, np.zeros((n, n))) for a in skew]
        for i in range(n):
            for j in range(i, n):
                for phase in (0.5, 0.5j):
                    b = np.zeros((n, n), dtype=complex)
                    b[i, j] = b[j, i] = phase
                    lie.append(self._block(np.zeros((n, n)), b))
        return Generators(lie=[realify(matrix) for matrix in lie])

    @staticmethod
    def _block(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.block([[a, b], [-b.conj(), a.conj()]])

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Exactly Haar: the unitary polar factor of a Gaussian matrix over the quaternions."""
        half = self.size // 2
        parts = torch.randn((4, n, half, half), generator=generator, dtype=torch.float64)
        a, b = torch.complex(parts[0], parts[1]), torch.complex(parts[2], parts[3])
        z = torch.cat([torch.cat([a, b], -1), torch.cat([-b.conj(), a.conj()], -1)], -2)
        left, _, right = torch.linalg.svd(z)
        return realified(left @ right)

    def contains(self, g: Tensor) -> bool:
        if not (self._fits(g) and is_complex(g)):
            return False
        u, half = complex_part(g), self.size // 2
        eye = torch.eye(half, dtype=u.dtype)
        form = torch.cat([torch.cat([0 * eye, eye], -1), torch.cat([-eye, 0 * eye], -1)], -2)
        return _is_unitary(u) and bool((u.mT @ form @ u - form).abs().amax() < 1e-7)
