r"""Maps between tensor powers of vectors that keep a form: one for each way to pair the axes.

A pair of an input with an output axis carries the vector through, a pair of inputs contracts with the form, a pair of
outputs inserts its inverse. Where complex numbers or quaternions act beside the group, a pair also carries a unit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import comb, factorial, prod

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import BadInput, TooLarge
from equilayers.numerics import derived_property
from equilayers.representations.representation import unit_matrices

__all__ = [
    "Forms",
    "Pairing",
    "determinant_count",
    "independent",
    "matchings",
    "pairing_count",
    "pairings",
    "standard_forms",
]

MATRIX_LIMIT = 50_000_000
GRAM_LIMIT = 3000  # diagrams between which relations are sought
PRIME = 2_147_483_629


@dataclass(frozen=True)
class Forms:
    """What pairs of axes carry: ``units`` ``(u, d, d)`` commute with the group, ``form`` and ``inverse`` are invariant.

    Example:
        >>> standard_forms("unitary", 4).units.shape
        (2, 4, 4)
    """

    units: np.ndarray = field(repr=False)
    form: np.ndarray = field(repr=False)

    @property
    def dim(self) -> int:
        return len(self.form)

    @derived_property
    def inverse(self) -> np.ndarray:
        return np.linalg.inv(self.form)


def standard_forms(kind: str, dim: int) -> Forms:
    """Those of the usual coordinates, on ``dim`` real dimensions.

    Args:
        kind: "orthogonal"; "unitary" (on real and imaginary parts); "symplectic" (on positions and momenta);
            "quaternionic" (on the four components).
        dim: real dimension.

    Raises:
        BadInput: an unknown kind, or a dimension that it does not have.

    Example:
        >>> standard_forms("symplectic", 2).form.tolist()
        [[0.0, 1.0], [-1.0, 0.0]]
    """
    fold = {"orthogonal": 1, "unitary": 2, "symplectic": 2, "quaternionic": 4}.get(kind, 0)
    if not fold or dim % fold:
        raise BadInput(
            "These diagrams belong to a kind of form and a dimension that it has.",
            {"kind": repr(kind), "dim": dim},
            'Write "orthogonal", "unitary", "symplectic" or "quaternionic"; the dimension is that of the real space.',
        )
    rest = np.eye(dim // fold)
    if kind == "symplectic":
        return Forms(np.eye(dim)[None], np.kron([[0.0, 1.0], [-1.0, 0.0]], rest))
    units = np.array([np.kron(u, rest) for u in unit_matrices(fold)])
    return Forms(units, np.eye(dim))


@dataclass(frozen=True)
class Pairing:
    """A map T(k) -> T(l): which axes are paired, inputs 0 to k-1, outputs k to k+l-1.

    Attributes:
        pairs: ``(a, b)`` with a < b, sorted.
        in_order, out_order: k and l.
        units: for each pair the unit that it carries, 0 for none.
        forms: in the coordinates of a group; None: the identity as a form, at any dimension.

    Example:
        >>> import torch
        >>> trace = Pairing(((0, 1),), 2, 0)
        >>> trace.apply(torch.tensor([[1.0, 2.0], [3.0, 4.0]])).item()
        5.0

    Source: Brauer, On Algebras Which Are Connected with the Semisimple Continuous Groups (1937).
    """

    pairs: tuple[tuple[int, int], ...]
    in_order: int
    out_order: int
    units: tuple[int, ...] = ()
    forms: Forms | None = field(default=None, compare=False, repr=False)

    def _carried(self, n: int) -> list[np.ndarray]:
        """The matrix of each pair: ``[output, input]``, or ``[first, second]`` of equal sides."""
        forms = self.forms if self.forms is not None else Forms(np.eye(n)[None], np.eye(n))
        if forms.dim != n:
            raise BadInput(
                "A diagram acts on vectors of its own dimension.",
                {"dimension": forms.dim, "given": n},
                f"Give n={forms.dim}.",
            )
        found = []
        for (a, b), u in zip(self.pairs, self.units or (0,) * len(self.pairs), strict=True):
            unit = forms.units[u]
            found.append(
                forms.form @ unit if b < self.in_order else unit @ forms.inverse if a >= self.in_order else unit
            )
        return found

    def matrix(self, n: int) -> np.ndarray:
        """``(n**l, n**k)``, for comparison; layers never need it.

        Raises:
            TooLarge: more than 50 million entries.
        """
        k, l = self.in_order, self.out_order
        if n ** (k + l) > MATRIX_LIMIT:
            raise TooLarge(
                "The matrix of this diagram is not written out.",
                {"shape": f"{n}^{l} x {n}^{k}", "size": f"{n ** (k + l) * 8 / 1e9:.1f} GB"},
                "Use apply(x).",
            )
        full = np.ones(())
        axes: list[int] = []
        for (a, b), carried in zip(self.pairs, self._carried(n), strict=True):
            full = np.multiply.outer(full, carried)
            axes += [b, a] if a < k <= b else [a, b]
        order = [axes.index(axis) for axis in (*range(k, k + l), *range(k))]
        return np.asarray(full.transpose(order)).reshape(n**l, n**k)

    def apply(self, x: Tensor, n: int | None = None) -> Tensor:
        """``matrix(n) @ x`` for ``(*batch, *[n] * k)``: contractions, a permutation of axes, and products with forms.

        Args:
            x: a batch of tensors.
            n: the dimension, where k = 0 does not tell it.

        Raises:
            BadInput: fewer axes than k, of different sizes, or an unknown dimension.
        """
        k = self.in_order
        sizes = set(x.shape[x.ndim - k :]) if k else {n if n is not None else self.forms and self.forms.dim}
        if x.ndim < k or len(sizes) != 1 or None in sizes:
            raise BadInput(
                "A diagram acts on the last k axes, all of one size.",
                {"k": k, "input": tuple(x.shape), "n": n},
                "Give (*batch, *[n] * k), and n= where k = 0.",
            )
        n = int(sizes.pop() or 0)
        start, left = x.ndim - k, list(range(k))
        outside: list[tuple[int, int, Tensor]] = []
        moved: dict[int, int] = {}
        for (a, b), carried in zip(self.pairs, self._carried(n), strict=True):
            m = torch.tensor(carried, dtype=x.dtype, device=x.device)
            if b < k:
                i, j = start + left.index(a), start + left.index(b)
                x = (x.movedim((i, j), (-2, -1)) * m).sum((-2, -1))
                left = [axis for axis in left if axis not in (a, b)]
            elif a >= k:
                outside.append((a, b, m))
            else:
                moved[a] = b
                if not np.array_equal(carried, np.eye(n)):
                    at = start + left.index(a)
                    x = (x.movedim(at, -1) @ m.mT).movedim(-1, at)
        axes = [moved[axis] for axis in left]
        for a, b, m in outside:
            x, axes = x[..., None, None] * m, [*axes, a, b]
        order = [start + axes.index(axis) for axis in range(k, k + self.out_order)]
        return x.permute((*range(start), *order))


def matchings(axes: int) -> Iterator[tuple[tuple[int, int], ...]]:
    """All ways to pair an even number of axes, in lexicographic order.

    Example:
        >>> list(matchings(4))
        [((0, 1), (2, 3)), ((0, 2), (1, 3)), ((0, 3), (1, 2))]
    """

    def rest(left: tuple[int, ...]) -> Iterator[tuple[tuple[int, int], ...]]:
        if not left:
            yield ()
            return
        for other in left[1:]:
            for pairs in rest(tuple(axis for axis in left[1:] if axis != other)):
                yield ((left[0], other), *pairs)

    return rest(tuple(range(axes))) if axes % 2 == 0 else iter(())


def pairings(k: int, l: int, forms: Forms | None = None) -> Iterator[Pairing]:
    """All diagrams from T(k) to T(l): every pairing, every unit on every pair."""
    count = 1 if forms is None else len(forms.units)
    for pairs in matchings(k + l):
        for units in product(range(count), repeat=len(pairs)):
            yield Pairing(pairs, k, l, units, forms)


def pairing_count(kind: str, n: int, axes: int) -> int:
    r"""Dimension of the invariant tensors with so many axes, an exact integer, also where diagrams are dependent.

    With m pairs: :math:`\sum f^{2\lambda}` over partitions of m into at most n parts for O(n), with parts of at most n
    for Sp(2n), :math:`\binom{2m}{m} \sum (f^\lambda)^2` for U(n) on 2n real dimensions, and :math:`4^m` times the
    number of Sp(2n) for the quaternionic group on 4n. f counts standard tableaux.

    Args:
        kind: as in :func:`standard_forms`.
        n: O(n), U(n), Sp(2n) or the quaternionic group of n x n matrices.
        axes: k + l.

    Example:
        >>> [pairing_count("orthogonal", n, 8) for n in (1, 2, 3, 4)], pairing_count("symplectic", 2, 6)
        ([1, 35, 91, 105], 14)

    Source: Weyl, The Classical Groups (1939), chapters V and VI.
    """
    if axes % 2:
        return 0
    m = axes // 2
    if kind == "orthogonal":
        return sum(_tableaux([2 * part for part in p]) for p in _integer_partitions(m, m) if len(p) <= n)
    if kind == "unitary":
        return comb(axes, m) * sum(_tableaux(p) ** 2 for p in _integer_partitions(m, m) if len(p) <= n)
    found = sum(_tableaux([2 * part for part in p]) for p in _integer_partitions(m, n))
    return found * 4**m if kind == "quaternionic" else found


def determinant_count(n: int, axes: int) -> int:
    r"""Dimension of the tensors that O(n) multiplies by the determinant: :math:`\sum f^\lambda` over n odd parts.

    Example:
        >>> [determinant_count(3, axes) for axes in range(3, 8)]
        [1, 0, 6, 0, 36]

    Source: Weyl, The Classical Groups (1939), chapter V.
    """
    found = [p for p in _integer_partitions(axes, axes) if len(p) == n and all(part % 2 for part in p)]
    return sum(_tableaux(p) for p in found)


def _integer_partitions(total: int, largest: int) -> Iterator[list[int]]:
    if total == 0:
        yield []
    for first in range(min(total, largest), 0, -1):
        for rest in _integer_partitions(total - first, first):
            yield [first, *rest]


def _tableaux(parts: Sequence[int]) -> int:
    """Standard tableaux of this shape, by hook lengths."""
    columns = [sum(part > j for part in parts) for j in range(parts[0] if parts else 0)]
    hooks = prod(part - j + columns[j] - i - 1 for i, part in enumerate(parts) for j in range(part))
    return factorial(sum(parts)) // hooks


def independent(found: Sequence[Pairing], parameter: int, count: int) -> tuple[int, ...]:
    """The first diagrams that are independent at a small dimension: positions, in order; exact.

    The inner product of two diagrams is ``parameter`` to the number of loops that they close. Columns that are
    independent modulo a prime are independent; if there are as many as invariants, there are no more.

    Args:
        found: diagrams without units.
        parameter: n for O(n), -2n for Sp(2n), where the signs of the form only change signs of diagrams.
        count: how many invariants there are.

    Raises:
        TooLarge: more than 3000 diagrams.

    Example:
        >>> len(independent(list(pairings(2, 2)), 1, 1))
        1
    """
    if len(found) > GRAM_LIMIT:
        raise TooLarge(
            "Relations between this many diagrams are not sought.",
            {"diagrams": len(found), "limit": GRAM_LIMIT, "independent": count},
            "Use eq.hom(V, W), or lower orders.",
        )
    gram = np.array([pow(parameter, loops, PRIME) for loops in range(len(found[0].pairs) + 1)])[_loops(found)]
    chosen: list[int] = []
    rows = gram.copy()
    for column in range(len(found)):  # column by column: Gaussian elimination modulo the prime
        below = rows[len(chosen) :, column]
        pivots = np.flatnonzero(below)
        if not len(pivots):
            continue
        at, top = len(chosen) + int(pivots[0]), len(chosen)
        rows[[top, at]] = rows[[at, top]]
        rows[top] = rows[top] * pow(int(rows[top, column]), -1, PRIME) % PRIME
        factors = rows[top + 1 :, column].copy()
        rows[top + 1 :] = (rows[top + 1 :] - factors[:, None] * rows[top] % PRIME) % PRIME
        chosen.append(column)
        if len(chosen) == count:
            break
    assert len(chosen) == count, (len(chosen), count)
    return tuple(chosen)


def _loops(found: Sequence[Pairing]) -> np.ndarray:
    """``(d, d)``: number of loops that every two diagrams close, by passing smallest labels along both."""
    axes = 2 * len(found[0].pairs)
    partner = np.zeros((len(found), axes), dtype=np.int64)
    for row, diagram in enumerate(found):
        for a, b in diagram.pairs:
            partner[row, a], partner[row, b] = b, a
    counts = np.zeros((len(found), len(found)), dtype=np.int64)
    for row in range(len(found)):
        label = np.broadcast_to(np.arange(axes), (len(found), axes)).copy()
        for _ in range(axes):
            label = np.minimum(label, label[:, partner[row]])
            label = np.minimum(label, np.take_along_axis(label, partner, 1))
        counts[row] = (label == np.arange(axes)).sum(1)
    return counts
