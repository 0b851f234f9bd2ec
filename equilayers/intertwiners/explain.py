"""Why there are no maps, or what the maps leave out: the irreps that are missing on either side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from equilayers.errors import EquilayersError
from equilayers.intertwiners.cores import Core
from equilayers.representations import Representation, decompose

if TYPE_CHECKING:
    from equilayers.intertwiners.space import HomSpace

__all__ = ["losses", "why_empty"]

NAMED_DIM = 256  # representations up to this dimension are decomposed to say which irreps are missing
RANKED = 5_000_000  # numbers of the maps whose rank is taken

Terms = Sequence[tuple[int, Representation]]


def why_empty(space: HomSpace, said: Sequence[str]) -> str:
    """One sentence; empty where there are maps. ``said`` is what the solver noted."""
    if space.dim:
        return ""
    if not space.in_rep.dim or not space.out_rep.dim:
        return "A representation of dimension 0 has no maps."
    source, target = _irreps_of(space.in_rep), _irreps_of(space.out_rep)
    if source is not None and target is not None:
        return f"No irrep in common: V holds {_named(source)}; W holds {_named(target)}."
    note = "; ".join(said) or "the equations have no solution but zero"
    return f"{note[0].upper()}{note[1:]} {_decided(space)}."


def losses(space: HomSpace) -> list[str]:
    """What all maps send to zero, and what none reaches: a sentence for each, or one that there is no such thing."""
    source, target = _irreps_of(space.in_rep), _irreps_of(space.out_rep)
    if source is None or target is None:
        found = _by_summands(space)
    else:
        lost = [(m, irrep) for m, irrep in source if irrep not in [other for _, other in target]]
        missed = [(m, irrep) for m, irrep in target if irrep not in [other for _, other in source]]
        found = [f"Every map sends {_named(lost)} of V to zero: W does not hold them."] if lost else []
        found += [f"No map reaches {_named(missed)} of W: V does not hold them."] if missed else []
    return found or ["The maps together lose nothing of V, and reach all of W."]


def _by_summands(space: HomSpace) -> list[str]:
    """By the common kernel and the joint range of all maps."""
    found = []
    for n, (_, atom) in enumerate(space.in_rep.terms):
        rank = _joint_rank([term.core for term in space.terms if term.in_index == n], 1, atom.dim)
        if rank < atom.dim:
            lost = f"{atom.dim - rank} of {atom.dim} dimensions of {atom} in V"
            found.append(f"Every map sends {lost} to zero {_decided(space)}.")
    for n, (_, atom) in enumerate(space.out_rep.terms):
        rank = _joint_rank([term.core for term in space.terms if term.out_index == n], 0, atom.dim)
        if rank < atom.dim:
            found.append(f"The maps reach {rank} of {atom.dim} dimensions of {atom} in W {_decided(space)}.")
    return found


def _joint_rank(cores: Sequence[Core], axis: int, dim: int) -> int:
    """Rank of all maps of some cores together, side by side (axis 0) or below one another; ``dim`` where too large."""
    if sum(core.dim * core.out_dim * core.in_dim for core in cores) > RANKED:
        return dim
    maps = [core.basis().reshape(core.dim, core.out_dim, core.in_dim) for core in cores]
    flat = [np.moveaxis(each, 1 + axis, 0).reshape(dim, -1) for each in maps]
    return int(np.linalg.matrix_rank(np.concatenate(flat, 1), tol=1e-9)) if flat else 0


def _decided(space: HomSpace) -> str:
    return f"(route {space.route}, {space.certificate})"


def _irreps_of(rep: Representation) -> Terms | None:
    """With multiplicities; None where there are none, or the representation is large."""
    if rep.dim > NAMED_DIM or not (rep.group.is_compact or rep.group.is_transpose_closed):
        return None
    try:
        return decompose(rep).rep.terms
    except EquilayersError:
        return None


def _named(terms: Terms) -> str:
    return ", ".join(f"{m}x{part}" if m > 1 else str(part) for m, part in terms)
