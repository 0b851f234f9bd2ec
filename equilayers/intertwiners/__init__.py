"""What commutes with a group: one solver for linear maps, coupling coefficients, and steerable kernels."""

from equilayers.intertwiners.coupling import clebsch_gordan
from equilayers.intertwiners.diagrams import Diagram, diagrams, permutation_diagrams
from equilayers.intertwiners.forms import invariant_form
from equilayers.intertwiners.kernels import KernelSpace, kernel_space
from equilayers.intertwiners.solver import hom
from equilayers.intertwiners.space import HomBlock, HomSpace, HomTerm

__all__ = [
    "Diagram",
    "HomBlock",
    "HomSpace",
    "HomTerm",
    "KernelSpace",
    "clebsch_gordan",
    "diagrams",
    "hom",
    "invariant_form",
    "kernel_space",
    "permutation_diagrams",
]
