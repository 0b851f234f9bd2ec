"""All permutations of n points, and the even ones; orders and samples in closed form, for any n."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import BadGroup
from equilayers.groups.finite import PermutationGroup

__all__ = ["Alternating", "Symmetric"]


def _cycle(n: int, *points: int) -> np.ndarray:
    p = np.arange(n)
    p[list(points)] = [*points[1:], points[0]]
    return p


def _check(n: int, family: str) -> None:
    if n < 1:
        raise BadGroup(f"{family}_n needs n >= 1.", {"n": n}, f'Write eq.group("{family}5").')


class Symmetric(PermutationGroup):
    """S_n; generators are the transposition (0 1) and the cycle (0 1 ... n-1).

    Example:
        >>> Symmetric(4).order, Symmetric(4).discrete_generators.tolist()
        (24, [[1, 0, 2, 3], [1, 2, 3, 0]])
    """

    family = "symmetric"

    def __init__(self, n: int) -> None:
        _check(n, "S")
        generators = [_cycle(n, 0, 1), _cycle(n, *range(n))] if n > 2 else [_cycle(n, *range(n))]
        super().__init__(np.array(generators), f"S{n}")
        self.n, self.parameters = n, (n,)

    @property
    def order(self) -> int:
        return math.factorial(self.n)

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        return torch.rand(n, self.n, generator=generator, dtype=torch.float64).argsort(-1)

    def contains(self, g: Tensor) -> bool:
        return self._fits(g) and bool((g.sort(-1).values == torch.arange(self.n)).all())


class Alternating(PermutationGroup):
    """A_n; generators are the 3-cycle (0 1 2) and the longest cycle of odd length, (0 ... n-1) or (1 ... n-1).

    Example:
        >>> Alternating(5).order
        60
    """

    family = "alternating"

    def __init__(self, n: int) -> None:
        _check(n, "A")
        if n < 3:
            generators = [np.arange(n)]
        elif n == 3:
            generators = [_cycle(3, 0, 1, 2)]
        else:
            generators = [_cycle(n, 0, 1, 2), _cycle(n, *range(1 - n % 2, n))]
        super().__init__(np.array(generators), f"A{n}")
        self.n, self.parameters = n, (n,)

    @property
    def order(self) -> int:
        return max(1, math.factorial(self.n) // 2)

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        p = torch.rand(n, self.n, generator=generator, dtype=torch.float64).argsort(-1)
        if self.n < 2:
            return p
        swapped = torch.cat([p[:, 1:2], p[:, :1], p[:, 2:]], 1)
        return torch.where(_is_even(p)[:, None], p, swapped)

    def contains(self, g: Tensor) -> bool:
        if not self._fits(g):
            return False
        valid = (g.sort(-1).values == torch.arange(self.n)).all()
        return bool(valid and _is_even(g.reshape(-1, self.n)).all())


def _is_even(p: Tensor) -> Tensor:
    inversions = (p.unsqueeze(-1) > p.unsqueeze(-2)).triu(1).sum((-1, -2))
    return inversions % 2 == 0
