"""From one representation to an equivalent one."""

from __future__ import annotations

from itertools import product

import numpy as np

from equilayers.errors import GroupMismatch, RepresentationMismatch
from equilayers.numerics import isolated
from equilayers.representations.algebra import Sum, TensorProduct, tensor
from equilayers.representations.representation import Representation

__all__ = ["isomorphism"]

Pieces = list[tuple[Representation, np.ndarray]]


@isolated
def isomorphism(v: Representation, w: Representation) -> np.ndarray:
    r"""A matrix T with :math:`T\,V(g) = W(g)\,T`: a permutation where only the order of summands and copies differs.

    Args:
        v, w: equivalent representations of one group.

    Returns:
        ``(dim, dim)`` float64, orthogonal where both are.

    Raises:
        GroupMismatch: they represent different groups.
        RepresentationMismatch: they are not equivalent.

    Example:
        >>> import equilayers as eq
        >>> V = eq.defining(eq.group("D4"))
        >>> (isomorphism(V + V, 2 * V) @ [1.0, 2.0, 3.0, 4.0]).tolist()
        [1.0, 3.0, 2.0, 4.0]

    Source: Serre, Linear Representations of Finite Groups (1977), section 2.6.
    """
    if v.group != w.group:
        raise GroupMismatch(
            "An isomorphism joins two representations of one group.",
            {"V": repr(v), "W": repr(w)},
            "Restrict one of them: eq.restrict(V, H).",
        )
    if v.dim == w.dim:
        reordered = _reordering(_pieces(v), _pieces(w), v.dim)
        if reordered is not None:
            return reordered
        from equilayers.representations.decompose import decompose

        first, second = decompose(v), decompose(w)
        if first.rep == second.rep:
            return np.asarray(second.matrix) @ np.asarray(first.inverse)
    raise RepresentationMismatch(
        "An isomorphism needs equivalent representations: the same irreps, each as often.",
        {"V": repr(v), "W": repr(w)},
        "Use Linear, which maps between any two.",
    )


def _pieces(v: Representation) -> Pieces:
    """Every single copy of an indecomposed summand, with the coordinates it lives on; products are multiplied out."""
    if isinstance(v, Sum):
        found: Pieces = []
        for (m, atom), where in zip(v.terms, v.slices, strict=True):
            inner = _pieces(atom)
            for copy in range(m):
                found += [(piece, where.start + m * at + copy) for piece, at in inner]
        return found
    if isinstance(v, TensorProduct):
        found = []
        for choice in product(*(_pieces(factor) for factor in v.factors)):
            piece, at = choice[-1]
            size = v.factors[-1].dim
            for factor, (left, lies) in zip(reversed(v.factors[:-1]), reversed(choice[:-1]), strict=True):
                piece, at = tensor(left, piece), (lies[:, None] * size + at).reshape(-1)
                size *= factor.dim
            found.append((piece, at))
        return found
    return [(v, np.arange(v.dim))]


def _reordering(source: Pieces, target: Pieces, dim: int) -> np.ndarray | None:
    """The permutation matrix that matches equal pieces in order of appearance, or None."""
    waiting: dict[Representation, list[np.ndarray]] = {}
    for piece, at in source:
        waiting.setdefault(piece, []).append(at)
    matrix = np.zeros((dim, dim))
    for piece, at in target:
        if not waiting.get(piece):
            return None
        matrix[at, waiting[piece].pop(0)] = 1.0
    return matrix
