"""The irrep basis of a representation, summand by summand, as numbers and small matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

import numpy as np

from equilayers.groups import Group
from equilayers.numerics import derived
from equilayers.ops import Term, TransformLayout
from equilayers.representations import Irrep, Representation, decompose

__all__ = ["SchurForm", "is_reducible_into_irreps", "parameter_suffixes", "schur_form", "summand_form"]


class SchurForm(NamedTuple):
    """A representation in the irrep basis (or sorted by its own summands: then ``irreps`` holds those).

    Each irrep that occurs has one block; ``into`` (numpy, one per distinct atom) leads from the given basis to
    blocks and ``out_of`` back. Both are empty where every summand already is an irrep.
    """

    irreps: tuple[Representation, ...]
    layout: TransformLayout
    into: tuple[np.ndarray, ...]
    out_of: tuple[np.ndarray, ...]

    @property
    def contents(self) -> dict[Representation, int]:
        """How often each irrep occurs."""
        return {irrep: copies for irrep, (_, copies) in zip(self.irreps, self.layout.blocks, strict=True)}


def summand_form(rep: Representation) -> SchurForm:
    """The same form with whole summands for irreps: enough to reorder a sum, for any group and without arithmetic."""
    totals: dict[Representation, int] = {}
    for multiplicity, atom in rep.terms:
        totals[atom] = totals.get(atom, 0) + multiplicity
    order = {atom: i for i, atom in enumerate(totals)}
    terms = tuple(Term(atom.dim, m, -1, ((order[atom], atom.dim, 1),)) for m, atom in rep.terms)
    blocks = tuple((atom.dim, total) for atom, total in totals.items())
    return SchurForm(tuple(totals), TransformLayout(terms, blocks, (False,) * len(blocks)), (), ())


def is_reducible_into_irreps(group: Group) -> bool:
    """Whether every representation that the library meets splits into irreps (compact or closed under transpose)."""
    return group.is_compact or group.is_transpose_closed


@derived
def schur_form(rep: Representation) -> SchurForm:
    """Blocks in the order in which their irreps first occur; within a block, copies in the order of the terms."""
    irreps: dict[Irrep, int] = {}
    totals: list[int] = []
    matrices: dict[Representation, int] = {}
    into: list[np.ndarray] = []
    out_of: list[np.ndarray] = []
    terms = []
    for multiplicity, atom in rep.terms:
        parts, matrix, inverse = _split(atom)
        if matrix is not None and inverse is not None and atom not in matrices:
            matrices[atom] = len(into)
            into.append(inverse)
            out_of.append(matrix)
        rows = []
        for k, irrep in parts:
            if irrep not in irreps:
                irreps[irrep] = len(totals)
                totals.append(0)
            totals[irreps[irrep]] += k * multiplicity
            rows.append((irreps[irrep], irrep.dim, k))
        terms.append(Term(atom.dim, multiplicity, matrices.get(atom, -1), tuple(rows)))
    blocks = tuple((irrep.dim, total) for irrep, total in zip(irreps, totals, strict=True))
    layout = TransformLayout(tuple(terms), blocks, (False,) * len(blocks))
    return SchurForm(tuple(irreps), layout, tuple(into), tuple(out_of))


def _split(
    atom: Representation,
) -> tuple[list[tuple[int, Irrep]], np.ndarray | None, np.ndarray | None]:
    """Irreps with multiplicities, and the change of basis (None where it is the identity) with its inverse."""
    if isinstance(atom, Irrep):
        return [(1, atom)], None, None
    found = decompose(atom)
    parts = [(m, cast(Irrep, irrep)) for m, irrep in found.rep.terms]
    matrix = np.asarray(found.matrix)
    if np.abs(matrix - np.eye(atom.dim)).max(initial=0.0) < 1e-14:
        return parts, None, None
    return parts, matrix, np.asarray(found.inverse)


def parameter_suffixes(irreps: Sequence[Irrep]) -> tuple[str, ...]:
    """A name for each irrep that torch, its exporters and a checkpoint accept: the label's letters and digits.

    Example:
        >>> import equilayers as eq
        >>> parameter_suffixes(eq.irreps(eq.group("S3")))
        ('3', '1_1_1', '2_1')
    """
    names = tuple("_".join("".join(c if c.isalnum() else " " for c in irrep.label).split()) for irrep in irreps)
    if len(set(names)) == len(names):
        return names
    return tuple("_".join(f"{ord(c):x}" for c in irrep.label) for irrep in irreps)
