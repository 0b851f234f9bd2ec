"""Exact-minded linear algebra in float64 numpy: null spaces, canonical bases, orbits; and where derived values stay."""

from equilayers.numerics.canonical import canonical_basis, canonical_basis_commuting
from equilayers.numerics.derived import Keeper, Shelf, derived, derived_property, described, kept_bytes
from equilayers.numerics.exponential import expm
from equilayers.numerics.isolation import isolated, isolation
from equilayers.numerics.iterative import iterative_null_space
from equilayers.numerics.nullspace import NullSpace, null_space
from equilayers.numerics.orbits import orbit_labels, signed_orbit_labels
from equilayers.numerics.seeded import hashed_numbers

__all__ = [
    "Keeper",
    "NullSpace",
    "Shelf",
    "canonical_basis",
    "canonical_basis_commuting",
    "derived",
    "derived_property",
    "described",
    "expm",
    "hashed_numbers",
    "isolated",
    "isolation",
    "iterative_null_space",
    "kept_bytes",
    "null_space",
    "orbit_labels",
    "signed_orbit_labels",
]
