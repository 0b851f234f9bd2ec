"""Signed permutations: the symmetries of the n-dimensional cube."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import BadGroup
from equilayers.groups.finite import FiniteMatrixGroup

__all__ = ["SignedPermutations"]


class SignedPermutations(FiniteMatrixGroup):
    r"""B_n, the :math:`2^n n!` signed permutation matrices of n coordinates.

    Generators are the exchange of the first two coordinates, the cycle of all of them, 0 to 1 to 2 (left out for
    n < 3), and the change of sign of the first.

    Args:
        n: at least 1.

    Raises:
        BadGroup: n is not positive.

    Example:
        >>> SignedPermutations(3).order
        48

    Source: Humphreys, Reflection Groups and Coxeter Groups (1990), section 2.10.
    """

    family = "signed-permutations"

    def __init__(self, n: int) -> None:
        if n < 1:
            raise BadGroup("B_n needs n >= 1.", {"n": n}, 'Write eq.group("B3").')
        eye = np.eye(n)
        moves = [eye[[1, 0, *range(2, n)]]] if n > 1 else []
        moves += [np.roll(eye, 1, axis=0)] if n > 2 else []
        super().__init__(np.stack([*moves, np.diag([-1.0] + [1.0] * (n - 1))]), f"B{n}")
        self.n, self.parameters = n, (n,)

    @property
    def order(self) -> int:
        return 2**self.n * math.factorial(self.n)

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Exactly uniform: a random permutation, and a random sign for each coordinate."""
        places = torch.rand(n, self.n, generator=generator, dtype=torch.float64).argsort(-1)
        signs = 1.0 - 2.0 * torch.randint(2, (n, self.n), generator=generator)
        return torch.nn.functional.one_hot(places, self.n) * signs[..., None].to(torch.float64)

    def contains(self, g: Tensor) -> bool:
        if not self._fits(g):
            return False
        size = g.abs()
        whole = ((size - size.round()).abs() < 1e-9).all()
        return bool(whole and (size.round().sum(-1) == 1).all() and (size.round().sum(-2) == 1).all())
