"""Real cyclotomic integers: what characters of real representations of finite groups are, exactly."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, gcd, isqrt, pi

from equilayers.numerics import derived, derived_property

__all__ = ["RealCyclotomic"]


@derived
def _cyclotomic(n: int) -> tuple[int, ...]:
    """Coefficients of the n-th cyclotomic polynomial, lowest first: z^n - 1 divided by those of the divisors."""
    dividend = [-1] + [0] * (n - 1) + [1]
    for divisor in (d for d in range(1, n) if n % d == 0):
        by, quotient = _cyclotomic(divisor), [0] * (len(dividend) - len(_cyclotomic(divisor)) + 1)
        for k in reversed(range(len(quotient))):
            quotient[k] = dividend[k + len(by) - 1]
            for j, c in enumerate(by):
                dividend[k + j] -= quotient[k] * c
        dividend = quotient
    return tuple(dividend)


@dataclass(frozen=True)
class RealCyclotomic:
    r"""The number :math:`a_0 + \sum_{k > 0} a_k\, 2\cos(2\pi k/n)`, k below :math:`\varphi(n)/2`: these are a basis.

    So equal numbers of one n have equal coefficients. It prints as an integer, as a quadratic irrational, or as a sum
    of cosines.

    Example:
        >>> golden = RealCyclotomic.from_multiplicities((1, 1, 0, 0, 1))
        >>> str(golden), round(float(golden), 6)
        ('(1+√5)/2', 1.618034)
        >>> str(RealCyclotomic.from_multiplicities((0, 1, 0, 0, 0, 0, 1)))
        '2cos(2π/7)'

    Source: Washington, Introduction to Cyclotomic Fields (1997), proposition 2.16.
    """

    n: int
    coefficients: tuple[int, ...]

    @staticmethod
    def from_multiplicities(multiplicities: tuple[int, ...]) -> RealCyclotomic:
        r""":math:`\sum_j m_j \zeta^j` for ``n`` multiplicities with :math:`m_j = m_{n-j}`."""
        n = len(multiplicities)
        if n <= 2:
            return RealCyclotomic(n, (multiplicities[0] - sum(multiplicities[1:]),))
        cosines = [multiplicities[0], *multiplicities[1 : n // 2 + 1]]
        if n % 2 == 0:  # zeta^(n/2) = -1 occurs once, and 2 cos(pi) is -2
            cosines[0] -= cosines.pop()
        polynomial = _cyclotomic(n)
        half = len(polynomial) // 2
        for k in reversed(range(half, len(cosines))):
            top = cosines[k]
            for j, c in enumerate(polynomial):  # z^(k - half) Phi(z) z^-half, made symmetric
                at = abs(k - half + j - half)
                if k == half:
                    cosines[at] -= top * c if j >= half else 0
                else:
                    cosines[at] -= top * c * (2 if at == 0 else 1)
        return RealCyclotomic(n, tuple(cosines[:half]))

    def __float__(self) -> float:
        return float(sum(c * (2 * cos(2 * pi * k / self.n) if k else 1) for k, c in enumerate(self.coefficients)))

    @derived_property
    def conjugates(self) -> tuple[RealCyclotomic, ...]:
        """The different images under the Galois group; this number first."""
        found: dict[RealCyclotomic, None] = {}
        for a in range(1, self.n // 2 + 1):
            if gcd(a, self.n) == 1:
                multiplicities = [0] * self.n
                for k, c in enumerate(self.coefficients):
                    for j in {a * k % self.n, -a * k % self.n}:
                        multiplicities[j] += c
                found[RealCyclotomic.from_multiplicities(tuple(multiplicities))] = None
        return tuple(found) or (self,)

    def __str__(self) -> str:
        if len(self.conjugates) == 1:
            return str(self.coefficients[0])
        if len(self.conjugates) == 2:
            first, second = (float(c) for c in self.conjugates)
            return _quadratic(round(first + second), round((first - second) ** 2), first > second)
        for k in range(1, self.n // 2 + 1):
            cosine = RealCyclotomic.from_multiplicities(tuple(int(j in (k, self.n - k)) for j in range(self.n)))
            for sign in (1, -1):
                if self.coefficients == tuple(sign * c for c in cosine.coefficients):
                    return "-" * (sign < 0) + _cosine(k, self.n)
        terms = [f"{c:+d}" if k == 0 else f"{c:+d}·{_cosine(k, self.n)}" for k, c in enumerate(self.coefficients) if c]
        return "".join(terms).replace("+1·", "+").replace("-1·", "-").removeprefix("+")


def _cosine(k: int, n: int) -> str:
    shared = gcd(2 * k, n)
    above, below = 2 * k // shared, n // shared
    return f"2cos({above if above > 1 else ''}π/{below})"


def _quadratic(total: int, square: int, positive: bool) -> str:
    """``(total ± sqrt(square)) / 2``."""
    outside = max(f for f in range(1, isqrt(square) + 1) if square % (f * f) == 0)
    inside = square // outside**2
    halved = total % 2 == 0 and outside % 2 == 0
    if halved:
        total, outside = total // 2, outside // 2
    root = ("+" if positive else "-") + (str(outside) if outside > 1 else "") + f"√{inside}"
    text = (str(total) if total else "") + root
    return text.removeprefix("+") if halved else f"({text.removeprefix('+')})/2"
