"""Special unitary groups as real matrices."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import BadGroup
from equilayers.groups.group import Generators
from equilayers.groups.matrix import MatrixGroup
from equilayers.groups.quaternion import left_multiplication

__all__ = ["SpecialUnitary", "UnitQuaternions", "realify"]


def realify(matrix: np.ndarray) -> np.ndarray:
    """``[[Re, -Im], [Im, Re]]`` of complex ``(*b, n, n)`` matrices."""
    return np.block([[matrix.real, -matrix.imag], [matrix.imag, matrix.real]])


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
        lie = []
        for i in range(self.n):
            for j in range(i + 1, self.n):
                for phase in (1.0, -1.0j):
                    matrix = np.zeros((self.n, self.n), dtype=complex)
                    matrix[i, j], matrix[j, i] = phase, np.conj(phase)
                    lie.append(matrix)
        for k in range(1, self.n):
            lie.append(np.diag([1.0] * k + [-float(k)] + [0.0] * (self.n - k - 1)) * np.sqrt(2 / (k * (k + 1))) + 0j)
        return Generators(lie=[realify(0.5j * matrix) for matrix in lie])

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Exactly Haar: complex QR with positive diagonal, then the determinant's phase taken off the last column."""
        size = (2, n, self.n, self.n)
        re, im = torch.randn(size, generator=generator, dtype=torch.float64)
        q, r = torch.linalg.qr(torch.complex(re, im))
        phase = torch.diagonal(r, dim1=-2, dim2=-1)
        q = q * (phase / phase.abs()).unsqueeze(-2)
        q = torch.cat([q[..., :-1], q[..., -1:] / torch.linalg.det(q)[:, None, None]], -1)
        return torch.cat([torch.cat([q.real, -q.imag], -1), torch.cat([q.imag, q.real], -1)], -2)

    def contains(self, g: Tensor) -> bool:
        if not self._fits(g):
            return False
        n = self.n
        u = torch.complex(g[..., :n, :n], g[..., n:, :n])
        structure = (g[..., n:, n:] - g[..., :n, :n]).abs().amax() + (g[..., n:, :n] + g[..., :n, n:]).abs().amax()
        unitary = (u.conj().transpose(-1, -2) @ u - torch.eye(n, dtype=u.dtype)).abs().amax()
        return bool(structure + unitary < 1e-7 and ((torch.linalg.det(u) - 1).abs() < 1e-7).all())
