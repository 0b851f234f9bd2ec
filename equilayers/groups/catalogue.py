"""The groups that have a name, family by family."""

from __future__ import annotations

from dataclasses import dataclass

from equilayers.groups.group import Group
from equilayers.groups.names import group
from equilayers.groups.point import HERMANN_MAUGUIN, PointGroup
from equilayers.numerics import derived

__all__ = ["Entry", "catalogue"]


@dataclass(frozen=True)
class Entry:
    """A named group.

    Attributes:
        name: as :func:`equilayers.group` takes it; members of a family of any size stand for it.
        family: heading under which it is listed.
        description: in a few words.

    Example:
        >>> entry = Entry("D4", "planar", "symmetries of the square")
        >>> entry.order, entry.lie_dim, entry.is_compact
        (8, 0, True)
    """

    name: str
    family: str
    description: str

    @property
    def group(self) -> Group:
        """The group itself."""
        return group(self.name)

    @property
    def order(self) -> int | None:
        """The number of elements; None where it is infinite."""
        return self.group.order

    @property
    def lie_dim(self) -> int:
        """The dimension of the Lie algebra."""
        return self.group.lie_dim

    @property
    def is_compact(self) -> bool:
        """Whether the group is compact; finite groups are."""
        return self.group.is_compact


_FAMILIES = {
    "planar": {
        "trivial": "the group of one element",
        "C2": "half turns of the plane",
        "C3": "rotations of the triangle",
        "C4": "quarter turns of the plane",
        "C6": "rotations of the hexagon",
        "C8": "rotations by 45 degrees",
        "D1": "the reflection of an axis",
        "D3": "symmetries of the triangle",
        "D4": "symmetries of the square",
        "D6": "symmetries of the hexagon",
        "D8": "symmetries of the octagon",
        "SO(2)": "rotations of the plane",
        "O(2)": "rotations and reflections of the plane",
    },
    "polyhedral": {
        "T": "rotations of the tetrahedron",
        "O": "rotations of the cube",
        "I": "rotations of the icosahedron",
        "Oh": "symmetries of the cube",
        "Ih": "symmetries of the icosahedron",
    },
    "permutations": {
        "S3": "permutations of 3 points",
        "S4": "permutations of 4 points",
        "S5": "permutations of 5 points",
        "S7": "permutations of 7 points",
        "S50": "permutations of 50 points, never listed",
        "A4": "even permutations of 4 points",
        "A5": "even permutations of 5 points",
        "A6": "even permutations of 6 points",
        "B3": "signed permutations of 3 axes",
        "B4": "signed permutations of 4 axes",
        "M11": "Mathieu's group on 11 points",
        "Rubik": "turns of Rubik's cube on its 48 facelets, never listed",
        "S2 wr S3": "permutations of 3 pairs",
        "S3 wr S2": "permutations of 2 triples",
    },
    "finite": {
        "Q8": "the quaternions 1, i, j, k and their negatives",
        "Dic3": "dicyclic, of order 12",
        "Dic5": "dicyclic, of order 20",
        "2T": "binary tetrahedral, SL(2,3)",
        "2O": "binary octahedral",
        "2I": "binary icosahedral, SL(2,5)",
        "F20": "affine maps of the integers mod 5",
        "F21": "Frobenius, 7 : 3",
        "F42": "affine maps of the integers mod 7",
        "GL(2,3)": "invertible matrices mod 3",
        "SL(2,5)": "matrices of determinant 1 mod 5",
        "PSL(2,7)": "simple, of order 168",
        "Heis(3)": "Heisenberg mod 3",
        "Heis(5)": "Heisenberg mod 5",
        "C4 x D3": "a product",
        "Q8 x C3": "a product with quaternionic and complex irreps",
    },
    "compact": {
        "SO(3)": "rotations of space",
        "O(3)": "rotations and reflections of space",
        "SO(4)": "rotations of R^4",
        "O(4)": "rotations and reflections of R^4",
        "SO(5)": "rotations of R^5",
        "O(5)": "rotations and reflections of R^5",
        "U(1)": "phases",
        "U(2)": "unitary 2 x 2 matrices",
        "U(3)": "unitary 3 x 3 matrices",
        "SU(2)": "unit quaternions",
        "SU(3)": "unitary 3 x 3 matrices of determinant 1",
        "SU(4)": "unitary 4 x 4 matrices of determinant 1",
        "USp(4)": "unitary 2 x 2 matrices over the quaternions",
        "SO(3) x S4": "rotations and permutations",
        "SO(2) wr S3": "three angles, permuted",
    },
    "non-compact": {
        "SO+(1,3)": "proper orthochronous Lorentz transformations",
        "O+(1,3)": "Lorentz transformations that keep the direction of time",
        "SO(1,3)": "Lorentz transformations of determinant 1",
        "O(1,3)": "all Lorentz transformations",
        "SO(1,2)": "Lorentz transformations of the plane",
        "SO+(2,2)": "of signature (2, 2), connected",
        "GL(2)": "invertible real 2 x 2 matrices",
        "GL(3)": "invertible real 3 x 3 matrices",
        "SL(2)": "real 2 x 2 matrices of determinant 1",
        "SL(3)": "real 3 x 3 matrices of determinant 1",
        "SL(2,C)": "complex 2 x 2 matrices of determinant 1",
        "Sp(4)": "real symplectic 4 x 4 matrices",
        "Sp(6)": "real symplectic 6 x 6 matrices",
        "Scaling": "multiplication by a positive number",
    },
    "with translations": {
        "E(2)": "motions and reflections of the plane",
        "SE(2)": "motions of the plane",
        "E(3)": "motions and reflections of space",
        "SE(3)": "motions of space",
        "Aff(2)": "affine maps of the plane",
        "Poincare": "Lorentz transformations and translations",
        "Poincare+": "the connected part of Poincare's group",
        "Galilei": "motions, boosts and a shift of time",
        "Heisenberg": "upper unitriangular 3 x 3 matrices",
    },
}


@derived
def catalogue() -> tuple[Entry, ...]:
    """Every named group that is checked, of families without end a few members.

    The 32 crystallographic point groups stand under their Hermann-Mauguin names.

    Example:
        >>> [entry.name for entry in catalogue() if entry.family == "polyhedral"], len(catalogue()) > 100
        (['T', 'O', 'I', 'Oh', 'Ih'], True)
    """
    entries = [Entry(name, family, text) for family, rows in _FAMILIES.items() for name, text in rows.items()]
    named = [name for name in HERMANN_MAUGUIN if name != "1"]
    entries += [Entry(name, "point groups", f"crystallographic, {PointGroup(name).schoenflies}") for name in named]
    return tuple(entries)
