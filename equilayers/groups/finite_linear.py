"""Linear groups over the integers mod a prime, as permutations of vectors or of lines."""

from __future__ import annotations

import math
from itertools import product

import numpy as np

from equilayers.errors import BadGroup, TooLarge
from equilayers.groups.finite import PermutationGroup
from equilayers.groups.numbers import is_prime, primitive_root

__all__ = ["FiniteLinear"]

POINTS = 5000  # vectors or lines that are permuted


class FiniteLinear(PermutationGroup):
    r"""GL(n, p) or SL(n, p) on the non-zero vectors over the integers mod p; PGL(n, p) or PSL(n, p) on the lines.

    Generators are the shear :math:`1 + E_{01}` and the cycle :math:`e_0 \to e_1 \to \dots \to e_{n-1} \to
    (-1)^{n-1} e_0`; for GL and PGL over more than two numbers then diag(r, 1, ..., 1) with the least primitive root r.
    Points are the column vectors in lexicographic order, lines by the vector whose first non-zero entry is 1.

    Args:
        kind: "GL", "SL", "PGL" or "PSL".
        n: dimension of the vectors, at least 2.
        p: a prime.

    Raises:
        BadGroup: no such kind, or p is no prime.
        TooLarge: more than 5000 points.

    Example:
        >>> FiniteLinear("PSL", 2, 7).order, FiniteLinear("SL", 2, 3).degree, FiniteLinear("GL", 3, 2).order
        (168, 8, 168)

    Source: Wilson, The Finite Simple Groups (2009), section 3.3.
    """

    family = "finite-linear"

    def __init__(self, kind: str, n: int, p: int) -> None:
        if kind not in ("GL", "SL", "PGL", "PSL") or n < 2 or not is_prime(p):
            raise BadGroup(
                "A finite linear group is GL, SL, PGL or PSL of n >= 2 over the integers mod a prime.",
                {"kind": repr(kind), "n": n, "p": p},
                'Write eq.group("PSL(2,7)").',
            )
        self.kind, self.n, self.p, self.parameters = kind, n, p, (kind, n, p)
        points = (p**n - 1) // (p - 1 if kind.startswith("P") else 1)
        if points > POINTS:
            raise TooLarge(
                f"A linear group on more than {POINTS} points is not built.",
                {"group": self.name, "points": points},
                "Take a smaller dimension or prime.",
            )
        super().__init__(self._permutations())

    @property
    def name(self) -> str:
        return f"{self.kind}({self.n},{self.p})"

    @property
    def order(self) -> int:
        n, p = self.n, self.p
        invertible = math.prod(p**n - p**i for i in range(n))
        scalars_of_determinant_one = math.gcd(n, p - 1)
        return {
            "GL": invertible,
            "SL": invertible // (p - 1),
            "PGL": invertible // (p - 1),
            "PSL": invertible // (p - 1) // scalars_of_determinant_one,
        }[self.kind]

    def _matrices(self) -> list[np.ndarray]:
        eye = np.eye(self.n, dtype=np.int64)
        shear, cycle, stretch = eye.copy(), np.roll(eye, 1, axis=0), eye.copy()
        shear[0, 1], cycle[0, -1], stretch[0, 0] = 1, (-1) ** (self.n - 1), primitive_root(self.p)
        return [shear, cycle, stretch] if self.kind.endswith("GL") and self.p > 2 else [shear, cycle]

    def _permutations(self) -> np.ndarray:
        vectors = [v for v in product(range(self.p), repeat=self.n) if any(v)]
        if self.kind.startswith("P"):
            vectors = [v for v in vectors if next(filter(None, v)) == 1]
        place = {v: i for i, v in enumerate(vectors)}
        return np.array([[place[self._point(m @ v)] for v in np.array(vectors)] for m in self._matrices()])

    def _point(self, vector: np.ndarray) -> tuple[int, ...]:
        vector = vector % self.p
        if self.kind.startswith("P"):
            vector = vector * pow(int(vector[vector != 0][0]), -1, self.p) % self.p
        return tuple(vector.tolist())
