r"""Weights of the classical Lie algebras in integers: Weyl's dimension, weight multiplicities, products of irreps.

A weight is its tuple of integers in the basis :math:`\varepsilon_1, \varepsilon_2, \ldots` of the diagonal torus of the
defining action, whose own weights are the :math:`\varepsilon_i` (A, GL), :math:`\pm\varepsilon_i` (C, D), and 0 (B).
These are the weights of tensors; spinors have half integers and do not occur here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import prod

from equilayers.numerics import derived, derived_property

__all__ = ["RootSystem", "Weight"]

Weight = tuple[int, ...]


@dataclass(frozen=True)
class RootSystem:
    r"""The roots of sl(n) ("A"), gl(n) ("GL"), so(2r+1) ("B"), sp(2r) ("C") or so(2r) ("D", r at least 2).

    Args:
        kind: one of the five.
        size: how many coordinates a weight has: n for "A" and "GL", r for the others. Weights of "A" are taken modulo
            (1, ..., 1), with the last coordinate 0.

    Example:
        >>> RootSystem("A", 3).dim((2, 1, 0)), RootSystem("B", 2).dim((1, 1)), RootSystem("C", 2).dim((1, 1))
        (8, 10, 5)

    Source: Fulton and Harris, Representation Theory (1991), lectures 15 to 19 and 24.
    """

    kind: str
    size: int

    # Roots

    @derived_property
    def positive(self) -> tuple[Weight, ...]:
        """The positive roots."""
        found = []
        for i in range(self.size):
            for j in range(i + 1, self.size):
                found.append(self._unit({i: 1, j: -1}))
                if self.kind in "BCD":
                    found.append(self._unit({i: 1, j: 1}))
            if self.kind in ("B", "C"):
                found.append(self._unit({i: 1 if self.kind == "B" else 2}))
        return tuple(found)

    def _unit(self, entries: dict[int, int]) -> Weight:
        return tuple(entries.get(i, 0) for i in range(self.size))

    @derived_property
    def sum_of_positive(self) -> Weight:
        r""":math:`2\delta`, an integer vector."""
        return tuple(sum(root[i] for root in self.positive) for i in range(self.size))

    @derived_property
    def lie_dim(self) -> int:
        """Dimension of the Lie algebra."""
        return 2 * len(self.positive) + self.size - (self.kind == "A")

    @derived_property
    def vector(self) -> Weight:
        """The highest weight of the defining action."""
        return self._unit({0: 1})

    # Weights

    def normal(self, weight: Weight) -> Weight:
        """The representative of a weight: "A" ignores multiples of (1, ..., 1)."""
        return tuple(x - weight[-1] for x in weight) if self.kind == "A" else weight

    def is_dominant(self, weight: Weight) -> bool:
        """Whether it is the highest weight of an irrep."""
        falls = all(a >= b for a, b in pairwise(weight))
        if self.kind in ("B", "C"):
            return falls and weight[-1] >= 0
        return falls and (self.kind != "D" or weight[-2] + weight[-1] >= 0)

    def dominant(self, weight: Weight) -> Weight:
        """The dominant weight of the orbit under the Weyl group."""
        return self._reflected(weight)[0]

    def _reflected(self, weight: Weight) -> tuple[Weight, int]:
        """The dominant one of the orbit and the sign of an element that leads there; sign 0 if one of odd length fixes
        the weight."""
        signed = self.kind in "BCD"
        negative = sum(x < 0 for x in weight) if signed else 0
        sizes = [abs(x) if signed else x for x in weight]
        order = sorted(range(len(sizes)), key=lambda i: -sizes[i])
        swaps = sum(a > b for k, a in enumerate(order) for b in order[k + 1 :])
        sorted_ = [sizes[i] for i in order]
        singular = any(a == b for a, b in pairwise(sorted_))
        if self.kind == "D":
            if negative % 2:
                sorted_[-1] = -sorted_[-1]
            return tuple(sorted_), 0 if singular else (-1) ** swaps
        singular |= self.kind in ("B", "C") and 0 in sorted_
        return tuple(sorted_), 0 if singular else (-1) ** (swaps + negative)

    def dual(self, weight: Weight) -> Weight:
        """The highest weight of the dual."""
        return self.normal(self.dominant(tuple(-x for x in weight)))

    def dynkin(self, weight: Weight) -> Weight:
        """Dynkin labels, as Bourbaki numbers the simple roots; for "GL" those of sl(n), then the power of the
        determinant."""
        steps = [a - b for a, b in pairwise(weight)]
        last = {"A": [], "GL": [weight[-1]], "B": [2 * weight[-1]], "C": [weight[-1]]}
        return tuple(steps + (last[self.kind] if self.kind != "D" else [weight[-2] + weight[-1]]))

    def weight(self, dynkin: Weight) -> Weight | None:
        """The weight with these Dynkin labels; None if it is not dominant, or a spinor's.

        Example:
            >>> RootSystem("D", 2).weight((2, 0)), RootSystem("D", 2).weight((1, 0))
            ((1, -1), None)
        """
        if len(dynkin) != self.size - (self.kind == "A"):
            return None
        last = {"A": 0, "GL": 2 * dynkin[-1] if dynkin else 0, "B": dynkin[-1] if dynkin else 0}
        if self.kind == "D":
            twice = [dynkin[-2] + dynkin[-1], dynkin[-1] - dynkin[-2]]
            steps = dynkin[:-2]
        else:
            twice = [last.get(self.kind, 2 * dynkin[-1] if dynkin else 0)]
            steps = dynkin if self.kind == "A" else dynkin[:-1]
        for step in reversed(steps):
            twice.insert(0, twice[0] + 2 * step)
        weight = tuple(x // 2 for x in twice)
        return weight if all(x % 2 == 0 for x in twice) and self.is_dominant(weight) else None

    # Irreps

    def dim(self, weight: Weight) -> int:
        r"""Weyl's formula :math:`\prod_{\alpha > 0} (\lambda + \delta, \alpha) / (\delta, \alpha)`."""
        shifted = [2 * x + d for x, d in zip(weight, self.sum_of_positive, strict=True)]
        return prod(_inner(shifted, root) for root in self.positive) // self._dim_below

    @derived_property
    def _dim_below(self) -> int:
        return prod(_inner(self.sum_of_positive, root) for root in self.positive)

    def casimir(self, weight: Weight) -> Fraction:
        r""":math:`(\lambda, \lambda + 2\delta)`; for "A" of the part of :math:`\lambda` without trace."""
        value = Fraction(_inner(weight, [x + d for x, d in zip(weight, self.sum_of_positive, strict=True)]))
        return value - Fraction(sum(weight) ** 2, self.size) if self.kind == "A" else value

    def multiplicities(self, weight: Weight) -> dict[Weight, int]:
        """All weights of the irrep, with multiplicities, by Freudenthal's formula.

        Example:
            >>> RootSystem("A", 3).multiplicities((2, 1, 0))[1, 1, 1]
            2
        """
        return dict(_multiplicities(self, weight))

    def product(self, first: Weight, second: Weight) -> Counter[Weight]:
        r"""The irreps in a tensor product, by the formula of Brauer and Klimyk.

        .. math:: \lambda \otimes \mu = \sum_{\nu} m_\mu(\nu)\, \det(w)\, [w(\lambda + \delta + \nu) - \delta]

        Example:
            >>> A = RootSystem("A", 3)
            >>> sorted(A.dim(w) * m for w, m in A.product((2, 1, 0), (2, 1, 0)).items())
            [1, 10, 10, 16, 27]
        """
        if self.dim(first) < self.dim(second):
            first, second = second, first
        found: Counter[Weight] = Counter()
        for weight, count in self.multiplicities(second).items():
            shifted = tuple(2 * (a + b) + d for a, b, d in zip(first, weight, self.sum_of_positive, strict=True))
            top, sign = self._reflected(shifted)
            if sign:
                lowered = tuple((x - d) // 2 for x, d in zip(top, self.sum_of_positive, strict=True))
                found[self.normal(lowered)] += sign * count
        return Counter({w: m for w, m in found.items() if m})

    def up_to(self, max_dim: int) -> Iterator[Weight]:
        """All highest weights of tensors whose irreps have at most this dimension ("GL" has infinitely many).

        Dimensions grow along every column (1, ..., 1, 0, ..., 0) that is added, so none is missed.
        """
        columns = [self._unit(dict.fromkeys(range(k + 1), 1)) for k in range(self.size - (self.kind == "A"))]
        if self.kind == "D":
            columns.append((*columns[-1][:-1], -1))
        fresh = [self._unit({})] if max_dim >= 1 else []
        found = set(fresh)
        while fresh:
            below = fresh.pop()
            yield below
            for column in columns:
                weight = tuple(a + b for a, b in zip(below, column, strict=True))
                if weight not in found and self.dim(weight) <= max_dim:
                    found.add(weight)
                    fresh.append(weight)

    def steps(self, weight: Weight, dual: bool = False) -> Iterator[Weight]:
        """The irreps in the product with the defining action, or with its dual: each of them once."""
        signs = (1, -1) if self.kind in "BCD" else (-1,) if dual else (1,)
        for i in range(self.size):
            for sign in signs:
                moved = tuple(x + sign * (k == i) for k, x in enumerate(weight))
                if self.is_dominant(moved):
                    yield self.normal(moved)
        if self.kind == "B" and weight[-1] > 0:
            yield weight


def _inner(a: Weight | list[int], b: Weight | list[int]) -> int:
    return sum(x * y for x, y in zip(a, b, strict=True))


@derived
def _multiplicities(system: RootSystem, top: Weight) -> tuple[tuple[Weight, int], ...]:
    """Dominant weights from the top down, then their orbits."""
    delta = system.sum_of_positive

    def height(weight: Weight) -> int:
        return _inner(weight, delta)

    def size(weight: Weight) -> int:
        return _inner(weight, weight) + _inner(weight, delta)

    below = {top}
    fresh = [top]
    while fresh:
        weight = fresh.pop()
        for root in system.positive:
            lower = tuple(a - b for a, b in zip(weight, root, strict=True))
            if lower not in below and system.is_dominant(lower):
                below.add(lower)
                fresh.append(lower)
    known: dict[Weight, int] = {top: 1}
    for weight in sorted(below - {top}, key=height, reverse=True):
        total = 0
        for root in system.positive:
            upper = tuple(a + b for a, b in zip(weight, root, strict=True))
            while count := known.get(system.dominant(upper), 0):
                total += count * _inner(upper, root)
                upper = tuple(a + b for a, b in zip(upper, root, strict=True))
        known[weight] = 2 * total // (size(top) - size(weight))
    return tuple((w, count) for weight, count in known.items() for w in _orbit(system, weight))


def _orbit(system: RootSystem, weight: Weight) -> list[Weight]:
    """All images of a weight under the Weyl group, by simple reflections."""
    found = [weight]
    seen = {weight}
    for w in found:  # grows while it is read
        images = [(*w[:i], w[i + 1], w[i], *w[i + 2 :]) for i in range(len(w) - 1)]
        if system.kind in ("B", "C"):
            images.append((*w[:-1], -w[-1]))
        if system.kind == "D":
            images.append((*w[:-2], -w[-1], -w[-2]))
        for image in images:
            if image not in seen:
                seen.add(image)
                found.append(image)
    return found
