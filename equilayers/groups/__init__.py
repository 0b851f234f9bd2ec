"""Which symmetry: groups by name, by generators, and maps between them."""

from equilayers.groups.catalogue import Entry, catalogue
from equilayers.groups.chain import StabiliserChain
from equilayers.groups.classes import ConjugacyClasses
from equilayers.groups.cyclic import Cyclic, Trivial
from equilayers.groups.dicyclic import BinaryPolyhedral, Dicyclic
from equilayers.groups.dihedral import Dihedral
from equilayers.groups.finite import FiniteGroup, FiniteMatrixGroup, PermutationGroup
from equilayers.groups.finite_linear import FiniteLinear
from equilayers.groups.frobenius import Frobenius
from equilayers.groups.group import ALGORITHM_VERSION, Generators, Group
from equilayers.groups.heisenberg import FiniteHeisenberg
from equilayers.groups.homomorphism import Homomorphism
from equilayers.groups.inhomogeneous import Galilei, Inhomogeneous, RealHeisenberg, Scaling
from equilayers.groups.linear import GeneralLinear, SpecialLinear, Symplectic
from equilayers.groups.mathieu import Mathieu
from equilayers.groups.matrix import MatrixGroup
from equilayers.groups.names import group
from equilayers.groups.orthogonal import Indefinite, Orthogonal, SpecialOrthogonal
from equilayers.groups.point import PointGroup
from equilayers.groups.polyhedral import Polyhedral
from equilayers.groups.product import DirectProduct, FiniteProduct, direct_product
from equilayers.groups.quaternion import Quaternion
from equilayers.groups.rubik import Rubik
from equilayers.groups.semidirect import MatrixSemidirect, PermutationSemidirect, semidirect
from equilayers.groups.signed import SignedPermutations
from equilayers.groups.symmetric import Alternating, Symmetric
from equilayers.groups.table import TableGroup
from equilayers.groups.unitary import CompactSymplectic, SpecialUnitary, Unitary, UnitQuaternions
from equilayers.groups.wreath import FiniteMatrixWreath, LieWreath, PermutationWreath, wreath

__all__ = [
    "ALGORITHM_VERSION",
    "Alternating",
    "BinaryPolyhedral",
    "CompactSymplectic",
    "ConjugacyClasses",
    "Cyclic",
    "Dicyclic",
    "Dihedral",
    "DirectProduct",
    "Entry",
    "FiniteGroup",
    "FiniteHeisenberg",
    "FiniteLinear",
    "FiniteMatrixGroup",
    "FiniteMatrixWreath",
    "FiniteProduct",
    "Frobenius",
    "Galilei",
    "GeneralLinear",
    "Generators",
    "Group",
    "Homomorphism",
    "Indefinite",
    "Inhomogeneous",
    "LieWreath",
    "Mathieu",
    "MatrixGroup",
    "MatrixSemidirect",
    "Orthogonal",
    "PermutationGroup",
    "PermutationSemidirect",
    "PermutationWreath",
    "PointGroup",
    "Polyhedral",
    "Quaternion",
    "RealHeisenberg",
    "Rubik",
    "Scaling",
    "SignedPermutations",
    "SpecialLinear",
    "SpecialOrthogonal",
    "SpecialUnitary",
    "StabiliserChain",
    "Symmetric",
    "Symplectic",
    "TableGroup",
    "Trivial",
    "UnitQuaternions",
    "Unitary",
    "catalogue",
    "direct_product",
    "group",
    "semidirect",
    "wreath",
]
