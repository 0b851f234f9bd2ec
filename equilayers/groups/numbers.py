"""Prime numbers and primitive roots, as far as small finite groups need them."""

from __future__ import annotations

__all__ = ["is_prime", "largest_prime_factor", "primitive_root"]


def is_prime(n: int) -> bool:
    return n > 1 and largest_prime_factor(n) == n


def largest_prime_factor(n: int) -> int:
    """1 for n = 1."""
    largest, divisor = 1, 2
    while divisor * divisor <= n:
        if n % divisor:
            divisor += 1
        else:
            largest, n = divisor, n // divisor
    return max(largest, n)


def primitive_root(p: int) -> int:
    """The least number whose powers are all non-zero remainders of the prime p."""
    factors = [q for q in range(2, p) if (p - 1) % q == 0 and is_prime(q)]
    return next(r for r in range(1, p) if all(pow(r, (p - 1) // q, p) != 1 for q in factors))
