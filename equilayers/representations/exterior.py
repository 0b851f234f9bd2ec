"""The exterior algebra of a representation: multivectors, grade by grade."""

from __future__ import annotations

from equilayers.representations.representation import Representation

__all__ = ["exterior"]


def exterior(V: Representation) -> Representation:
    r"""The exterior algebra, :math:`\Lambda V = 1 + V + \Lambda^2 V + \dots + \Lambda^n V`, of dimension :math:`2^n`.

    Its basis is that of the wedges :math:`e_{i_1} \wedge \dots \wedge e_{i_k}`, orthonormal, by grade and in each grade
    lexicographic: multivectors of a geometric algebra in their usual order, whatever the metric. A one-dimensional V
    is its own first grade; grade n is the determinant.

    Args:
        V: any representation; a sum is taken as a whole.

    Raises:
        TooLarge: a power that is not built through the tensor power.

    Example:
        >>> import equilayers as eq
        >>> V = eq.defining(eq.group("O(1,3)"))
        >>> X = exterior(V)
        >>> X.dim, [m * atom.dim for m, atom in X.terms], eq.hom(X, X).dim
        (16, [1, 4, 6, 4, 1], 5)

    Source: Hestenes, Sobczyk, Clifford Algebra to Geometric Calculus (1984), section 1-1.
    """
    total = V.alt(0)
    for k in range(1, V.dim + 1):
        total = total + V.alt(k)
    return total
