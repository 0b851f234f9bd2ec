"""Groups that keep a quadratic form: SO(n), O(n), SO(p,q), O(p,q) and the connected SO+(p,q)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import BadGroup
from equilayers.groups.group import Generators
from equilayers.groups.matrix import MatrixGroup

__all__ = ["Indefinite", "Orthogonal", "SpecialOrthogonal"]


def _plane(n: int, i: int, j: int) -> np.ndarray:
    """The infinitesimal rotation that carries axis i to axis j."""
    matrix = np.zeros((n, n))
    matrix[j, i], matrix[i, j] = 1.0, -1.0
    return matrix


def _rotations(n: int) -> list[np.ndarray]:
    if n == 3:  # rotations about x, y, z
        return [_plane(3, 1, 2), _plane(3, 2, 0), _plane(3, 0, 1)]
    return [_plane(n, i, j) for i in range(n) for j in range(i + 1, n)]


def _haar(n: int, count: int, generator: torch.Generator | None) -> Tensor:
    """Haar measure on O(n): QR of a Gaussian matrix with positive diagonal (Mezzadri 2007, arXiv:math-ph/0609050)."""
    q, r = torch.linalg.qr(torch.randn(count, n, n, generator=generator, dtype=torch.float64))
    return q * torch.diagonal(r, dim1=-2, dim2=-1).sign().unsqueeze(-2)


class SpecialOrthogonal(MatrixGroup):
    """SO(n): rotations. For n = 3 the Lie basis is the rotations about x, y and z.

    Example:
        >>> SpecialOrthogonal(3).lie_basis[2].tolist()
        [[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """

    family = "SO"

    def __init__(self, n: int) -> None:
        if n < 2:
            raise BadGroup("SO(n) needs n >= 2.", {"n": n}, 'Write eq.group("SO(3)").')
        self.n, self.parameters = n, (n,)

    @property
    def name(self) -> str:
        return f"SO({self.n})"

    def generators(self) -> Generators:
        return Generators(lie=_rotations(self.n))

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Exactly Haar."""
        g = _haar(self.n, n, generator)
        last = torch.linalg.det(g).sign()
        return torch.cat([g[..., :-1], g[..., -1:] * last[:, None, None]], -1)

    def contains(self, g: Tensor) -> bool:
        return (
            self._fits(g)
            and _keeps(g, torch.eye(self.n, dtype=torch.float64))
            and bool((torch.linalg.det(g) > 0).all())
        )


class Orthogonal(MatrixGroup):
    """O(n): rotations and reflections. The discrete generator is diag(1, ..., 1, -1) for even n and -1 for odd n.

    Example:
        >>> Orthogonal(2).discrete_generators.tolist()
        [[[1.0, 0.0], [0.0, -1.0]]]
    """

    family = "O"

    def __init__(self, n: int) -> None:
        if n < 2:
            raise BadGroup("O(n) needs n >= 2.", {"n": n}, 'Write eq.group("O(3)").')
        self.n, self.parameters = n, (n,)

    @property
    def name(self) -> str:
        return f"O({self.n})"

    def generators(self) -> Generators:
        flip = -np.eye(self.n) if self.n % 2 else np.diag([1.0] * (self.n - 1) + [-1.0])
        return Generators(lie=_rotations(self.n), discrete=[flip])

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Exactly Haar."""
        return _haar(self.n, n, generator)

    def contains(self, g: Tensor) -> bool:
        return self._fits(g) and _keeps(g, torch.eye(self.n, dtype=torch.float64))


class Indefinite(MatrixGroup):
    """Matrices that keep diag(1, ..., 1, -1, ..., -1) with p plus and q minus signs.

    ``SO(p,q)`` has determinant 1 and two components (discrete generator: minus the identity where its determinant is 1
    and it reverses both signatures, else a reflection of one axis of each kind); ``SO+(p,q)`` is connected; ``O+(p,q)``
    keeps the orientation of the first p axes and has two (generator: a reflection of the last axis); ``O(p,q)`` has
    four.

    Example:
        >>> Indefinite(1, 3).is_compact, Indefinite(1, 3).is_connected, Indefinite(1, 3, "SO+").is_connected
        (False, False, True)
    """

    def __init__(self, p: int, q: int, kind: str = "SO") -> None:
        if p < 1 or q < 1 or kind not in ("SO", "SO+", "O", "O+"):
            raise BadGroup("An indefinite orthogonal group needs p, q >= 1.", {"p": p, "q": q}, 'Write "SO(1,3)".')
        self.p, self.q, self.kind = p, q, kind
        self.family, self.parameters = f"{kind}(p,q)", (p, q)

    @property
    def name(self) -> str:
        return f"{self.kind}({self.p},{self.q})"

    @property
    def metric(self) -> np.ndarray:
        return np.diag([1.0] * self.p + [-1.0] * self.q)

    def generators(self) -> Generators:
        n = self.p + self.q
        lie = []
        for i in range(n):
            for j in range(i + 1, n):
                matrix = _plane(n, i, j)
                if i < self.p <= j:
                    matrix = np.abs(matrix)  # a boost
                lie.append(matrix)
        first, last = np.eye(n), np.eye(n)
        first[0, 0] = last[-1, -1] = -1.0
        both = -np.eye(n) if self.p % 2 and self.q % 2 else first @ last
        return Generators(lie=lie, discrete={"SO": [both], "SO+": [], "O+": [last], "O": [first, last]}[self.kind])

    def contains(self, g: Tensor) -> bool:
        keeps = self._fits(g) and _keeps(g, torch.tensor(self.metric))
        if self.kind == "O" or not keeps:
            return keeps
        if self.kind != "O+":
            keeps &= bool((torch.linalg.det(g) > 0).all())
        if self.kind in ("SO+", "O+"):
            keeps &= bool((torch.linalg.det(g[..., : self.p, : self.p]) > 0).all())
        return keeps


def _keeps(g: Tensor, form: Tensor) -> bool:
    error = (g.transpose(-1, -2) @ form @ g - form).abs()
    return bool((error <= 1e-7 * (1 + g.abs().amax() ** 2)).all())
