"""GL(n), SL(n) and the real symplectic groups, in coordinates that are closed under transpose."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import BadGroup
from equilayers.groups.group import Generators
from equilayers.groups.matrix import MatrixGroup
from equilayers.groups.unitary import complex_part, is_complex, realify

__all__ = ["GeneralLinear", "SpecialLinear", "Symplectic"]


def _unit(n: int, i: int, j: int) -> np.ndarray:
    matrix = np.zeros((n, n))
    matrix[i, j] = 1.0
    return matrix


class GeneralLinear(MatrixGroup):
    """GL(n,R): all invertible matrices; the Lie basis is the matrix units, row by row, and one reflection.

    Example:
        >>> GeneralLinear(2).lie_dim, GeneralLinear(2).is_connected
        (4, False)
    """

    family = "GL"

    def __init__(self, n: int) -> None:
        if n < 1:
            raise BadGroup("GL(n) needs n >= 1.", {"n": n}, 'Write eq.group("GL(2)").')
        self.n, self.parameters = n, (n,)

    @property
    def name(self) -> str:
        return f"GL({self.n})"

    def generators(self) -> Generators:
        lie = [_unit(self.n, i, j) for i in range(self.n) for j in range(self.n)]
        return Generators(lie=lie, discrete=[np.diag([1.0] * (self.n - 1) + [-1.0])])

    def contains(self, g: Tensor) -> bool:
        return self._fits(g) and bool((torch.linalg.svdvals(g)[..., -1] > 1e-9).all())


class SpecialLinear(MatrixGroup):
    """SL(n,R), or SL(n,C) realified: determinant one.

    The Lie basis is the matrix units off the diagonal, row by row, then the differences of neighbours on it; for
    ``field="C"`` all of these, then i times them.

    Example:
        >>> SpecialLinear(2).lie_dim, SpecialLinear(2, "C").element_shape
        (3, (4, 4))
    """

    family = "SL"

    def __init__(self, n: int, field: str = "R") -> None:
        if n < 2 or field not in ("R", "C"):
            raise BadGroup("SL(n) needs n >= 2 and a field R or C.", {"n": n, "field": field}, 'Write "SL(2,C)".')
        self.n, self.field = n, field
        self.parameters = (n,) if field == "R" else (n, field)

    @property
    def name(self) -> str:
        return f"SL({self.n})" if self.field == "R" else f"SL({self.n},C)"

    def generators(self) -> Generators:
        n = self.n
        lie = [_unit(n, i, j) for i in range(n) for j in range(n) if i != j]
        lie += [_unit(n, i, i) - _unit(n, i + 1, i + 1) for i in range(n - 1)]
        if self.field == "C":
            lie = [realify(phase * matrix) for phase in (1.0 + 0j, 1j) for matrix in lie]
        return Generators(lie=lie)

    def contains(self, g: Tensor) -> bool:
        if not self._fits(g):
            return False
        if self.field == "C":
            if not is_complex(g):
                return False
            g = complex_part(g)
        return bool(((torch.linalg.det(g) - 1).abs() < 1e-7 * g.abs().amax().clamp(min=1) ** self.n).all())


class Symplectic(MatrixGroup):
    r"""Sp(2n,R): the real matrices that keep the form J = [[0, 1], [-1, 0]].

    .. math:: \mathfrak{sp}(2n) = \left\{ \begin{pmatrix} A & B \\ C & -A^T \end{pmatrix} : B^T = B,\ C^T = C \right\}

    Example:
        >>> Symplectic(4).lie_dim, Symplectic(4).is_compact
        (10, False)
    """

    family = "Sp"

    def __init__(self, size: int) -> None:
        if size < 2 or size % 2:
            raise BadGroup("Sp(2n) needs an even number from 2 on.", {"2n": size}, 'Write eq.group("Sp(4)").')
        self.size, self.parameters = size, (size,)

    @property
    def name(self) -> str:
        return f"Sp({self.size})"

    @property
    def form(self) -> None:  # type: ignore[override]
        """No positive form is kept."""
        return None

    @property
    def symplectic_form(self) -> np.ndarray:
        """``(2n, 2n)``: J."""
        return np.kron([[0.0, 1.0], [-1.0, 0.0]], np.eye(self.size // 2))

    def generators(self) -> Generators:
        n, lie = self.size // 2, []
        for i in range(n):
            for j in range(n):
                lie.append(_unit(2 * n, i, j) - _unit(2 * n, n + j, n + i))
        for i in range(n):
            for j in range(i, n):
                upper = _unit(2 * n, i, n + j) + (i != j) * _unit(2 * n, j, n + i)
                lie += [upper, upper.T]
        return Generators(lie=lie)

    def contains(self, g: Tensor) -> bool:
        if not self._fits(g):
            return False
        form = torch.tensor(self.symplectic_form)
        return bool((g.mT @ form @ g - form).abs().amax() < 1e-7 * (1 + g.abs().amax() ** 2))
