"""Exact-minded linear algebra in float64 numpy: null spaces, canonical bases, orbits, seeded numbers, a disk cache."""

from equilayers.numerics.canonical import canonical_basis, canonical_basis_commuting
from equilayers.numerics.exponential import expm
from equilayers.numerics.iterative import iterative_null_space
from equilayers.numerics.nullspace import NullSpace, null_space
from equilayers.numerics.orbits import orbit_labels, signed_orbit_labels
from equilayers.numerics.seeded import hashed_numbers

__all__ = [
    "NullSpace",
    "canonical_basis",
    "canonical_basis_commuting",
    "expm",
    "hashed_numbers",
    "iterative_null_space",
    "null_space",
    "orbit_labels",
    "signed_orbit_labels",
]
