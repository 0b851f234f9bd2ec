"""Frobenius groups p:q, the maps x -> a x + b of the remainders of a prime."""

from __future__ import annotations

import numpy as np

from equilayers.errors import BadGroup
from equilayers.groups.finite import PermutationGroup
from equilayers.groups.numbers import is_prime, largest_prime_factor, primitive_root

__all__ = ["Frobenius"]


class Frobenius(PermutationGroup):
    r"""The maps :math:`x \mapsto a x + b` of the integers mod p, where a runs over the q-th roots of one.

    Generators are :math:`x + 1` and :math:`r^{(p-1)/q} x` with the least primitive root r. Frobenius(p, p - 1) is all
    of AGL(1, p), and Frobenius(p, 2) a dihedral group.

    Args:
        p: a prime, the number of points.
        q: a divisor of p - 1.

    Raises:
        BadGroup: p is no prime, or q does not divide p - 1.

    Example:
        >>> Frobenius(7, 3).order, Frobenius(7, 3).discrete_generators[1].tolist()
        (21, [0, 2, 4, 6, 1, 3, 5])

    Source: Isaacs, Finite Group Theory (2008), chapter 6.
    """

    family = "frobenius"

    def __init__(self, p: int, q: int) -> None:
        if not is_prime(p) or q < 1 or (p - 1) % q:
            raise BadGroup(
                "A Frobenius group p:q needs a prime p and a divisor q of p - 1.",
                {"p": p, "q": q},
                'Write eq.group("F21") for 7:3.',
            )
        x = np.arange(p)
        ratio = pow(primitive_root(p), (p - 1) // q, p)
        super().__init__(np.array([(x + 1) % p, ratio * x % p]), f"F{p * q}")
        self.p, self.q, self.parameters = p, q, (p, q)

    @classmethod
    def of_order(cls, order: int) -> Frobenius:
        """The only one with that number of elements: p is the order's largest prime factor."""
        p = largest_prime_factor(order)
        return cls(p, order // p)

    @property
    def order(self) -> int:
        return self.p * self.q
