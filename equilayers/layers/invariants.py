"""Fixed vectors of a representation, summand by summand: what a bias may be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equilayers.layers.schur import is_reducible_into_irreps, schur_form
from equilayers.numerics import derived
from equilayers.representations import Representation, trivial

__all__ = ["Invariants", "hom_basis", "invariants"]


@dataclass(frozen=True)
class Invariants:
    """``layout`` holds ``(dim, multiplicity, k, name)`` for each term; ``arrays`` the ``(dim, k)`` bases by name."""

    layout: tuple[tuple[int, int, int, str], ...]
    count: int
    arrays: dict[str, np.ndarray]


@derived
def invariants(rep: Representation) -> Invariants:
    """A basis of Hom(1, rep) for every summand, in the order of the trivial block of ``schur_form(rep)``."""
    layout: list[tuple[int, int, int, str]] = []
    arrays: dict[str, np.ndarray] = {}
    names: dict[Representation, str] = {}
    for multiplicity, atom in rep.terms:
        basis = _basis(atom)
        name = ""
        if basis.shape[1]:
            name = names.setdefault(atom, f"invariant_{len(names)}")
            arrays[name] = basis
        layout.append((atom.dim, multiplicity, basis.shape[1], name))
    return Invariants(tuple(layout), sum(m * k for _, m, k, _ in layout), arrays)


def hom_basis(source: Representation, target: Representation) -> np.ndarray:
    """``(k, target.dim, source.dim)``: a basis of the intertwiners of two summands."""
    from equilayers.intertwiners import hom  # only groups without irreps and a few summands need the solver

    return np.array(hom(source, target).basis()).reshape(-1, target.dim, source.dim)


def _basis(atom: Representation) -> np.ndarray:
    if not is_reducible_into_irreps(atom.group):
        return hom_basis(trivial(atom.group), atom)[:, :, 0].T
    form = schur_form(atom)
    matrix = form.out_of[0] if form.out_of else np.eye(atom.dim)
    columns, start = [], 0
    for block, d, k in form.layout.terms[0].rows:
        if form.irreps[block].is_trivial:
            columns += list(range(start, start + k))
        start += d * k
    return matrix[:, columns]
