"""The one solver: intertwiners of two representations, by the route that their structure allows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from equilayers.errors import GroupMismatch, NotCertified, TooLarge
from equilayers.groups import Group
from equilayers.intertwiners.cartan import is_reductive
from equilayers.intertwiners.cores import Core, DenseCore, OrbitCore, SchurBlock, SchurCore
from equilayers.intertwiners.iterated import iterated_invariants
from equilayers.intertwiners.legs import Leg, legs_of, residual, total_size
from equilayers.intertwiners.members import require_known_members
from equilayers.intertwiners.nullspace import UNKNOWNS, character_count, discrete_invariants, solved_invariants
from equilayers.intertwiners.orbits import orbit_invariants
from equilayers.intertwiners.pairing_route import pairing_core
from equilayers.intertwiners.pattern_route import diagram_core, symmetric_core
from equilayers.intertwiners.space import HomSpace
from equilayers.intertwiners.weights import lie_invariants
from equilayers.numerics import canonical_basis, derived
from equilayers.representations import Irrep, Representation

__all__ = ["hom"]

TOLERANCE = 1e-9  # residual above which an answer is refused
FEW_UNKNOWNS = 256  # below, the equations of a finite group are solved faster than the representations decomposed
DECOMPOSED_DIM = 1500
ITERATED_UNKNOWNS = 2_000_000  # equations are applied to vectors of at most this size


def hom(V: Representation, W: Representation) -> HomSpace:
    r"""The space of intertwiners, the linear maps from V to W that commute with the group.

    .. math:: \{B : W(g)\,B = B\,V(g) \text{ for all } g\}

    Both sides are split into their distinct summands, and each pair is solved once. Signed permutations: one map for
    each orbit of index pairs, in integers. Tensor powers of the vectors of S_n or a classical group: diagrams. Other
    reductive Lie algebras: vectors of weight zero that the raising operators kill. Other compact groups: Schur's
    lemma. The rest: the equations themselves, decided by relative gap.

    Args:
        V, W: representations of one group.

    Raises:
        GroupMismatch: they represent different groups.
        NotCertified: no route can certify its answer; a partial basis is never returned.
        TooLarge: no route fits in memory.

    Example:
        >>> import equilayers as eq
        >>> V = eq.defining(eq.group("SO(3)"))
        >>> space = hom(V @ V @ V, V @ V @ V)
        >>> space.dim, space.route, space.certificate
        (15, 'diagrams', 'exact')

    Source: Serre, Linear Representations of Finite Groups (1977), section 2.2; Humphreys, Introduction to Lie Algebras
    and Representation Theory (1972), section 20, for highest weights.
    """
    if V.group != W.group:
        raise GroupMismatch(
            "An intertwiner joins two representations of one group.",
            {"V": repr(V), "W": repr(W)},
            "Restrict one of them: eq.restrict(V, H).",
        )
    cores = {}
    for o, (n, w) in enumerate(W.terms):
        for i, (m, v) in enumerate(V.terms):
            if n and m:
                cores[o, i] = solve(v, w)
    return HomSpace(V, W, cores)


@derived
def solve(v: Representation, w: Representation) -> Core:
    """The intertwiners of two atoms, solved once: kept by the values of both."""
    core = _solve(v, w)
    if core.residual > TOLERANCE:
        raise NotCertified(
            "The maps that were found do not commute with the group.",
            {"V": repr(v), "W": repr(w), "route": core.route, "residual": f"{core.residual:.1e}"},
            "Give the representations in better coordinates.",
        )
    require_known_members(core, v, w)
    return core


def _solve(v: Representation, w: Representation) -> Core:
    legs = [*legs_of(w, dual=False), *legs_of(v, dual=True)]
    found: Core | None = symmetric_core(v.group, legs, w.dim, v.dim)
    if found is not None:
        return found
    if all(leg.is_monomial for leg in legs):
        labels, values, count = orbit_invariants(legs)
        reason = "every orbit of index pairs returns to its start with sign -1"
        return OrbitCore(w.dim, v.dim, "orbits", "exact", 0.0, reason, labels, values, count)
    if isinstance(v, Irrep) and isinstance(w, Irrep):
        return _between_irreps(v, w)
    group = v.group
    for route in (diagram_core, pairing_core):
        found = route(group, legs, w.dim, v.dim)
        if found is not None:
            return found
    if group.lie_dim and is_reductive(group):
        found = _by_weights(v, w, legs)
    elif group.is_finite:
        found = _finite(v, w, legs)
    else:
        found = None
    if found is None:
        basis, certificate = _by_equations(group, legs)
        reason = "the equations have no solution but zero"
        found = DenseCore(w.dim, v.dim, "null space", certificate, residual(legs, basis), reason, basis)
    return found


def _by_weights(v: Representation, w: Representation, legs: Sequence[Leg]) -> Core | None:
    """Invariants of the Lie algebra, cut by the discrete generators; Schur's lemma where there are too many weights."""
    try:
        found = lie_invariants(v.group, legs)
    except TooLarge:
        if not v.group.is_compact or max(v.dim, w.dim) > DECOMPOSED_DIM:
            raise
        return _schur(v, w, legs)
    if found is None:
        return None
    vectors, certificate, reason = found
    if vectors.shape[1]:
        vectors, confirmed = discrete_invariants(legs, vectors)
        certificate = certificate if confirmed else "gap"
        reason = "the discrete generators fix none of the maps that commute with the Lie algebra"
    vectors = canonical_basis(vectors)
    return DenseCore(w.dim, v.dim, "weights", certificate, residual(legs, vectors), reason, vectors)


def _finite(v: Representation, w: Representation, legs: Sequence[Leg]) -> Core | None:
    """Few unknowns are solved for, and counted by characters; otherwise both sides are decomposed."""
    if total_size(legs) <= FEW_UNKNOWNS:
        return None
    if max(v.dim, w.dim) > DECOMPOSED_DIM and total_size(legs) <= ITERATED_UNKNOWNS:
        return None
    return _schur(v, w, legs)


def _by_equations(group: Group, legs: Sequence[Leg]) -> tuple[np.ndarray, str]:
    """The null space of the equations themselves, written down or only applied, and what its dimension is worth.

    Raises:
        TooLarge: more unknowns than can be iterated on.
    """
    n = total_size(legs)
    if n <= UNKNOWNS:
        basis = canonical_basis(solved_invariants(legs))
        return basis, _certificate(group, legs, basis.shape[1])
    if n > ITERATED_UNKNOWNS:
        raise TooLarge(
            "The equations of this intertwiner have too many unknowns.",
            {
                "dimensions": " x ".join(str(leg.dim) for leg in legs),
                "unknowns": n,
                "limit": ITERATED_UNKNOWNS,
                "memory": f"{n * 8 / 1e9:.1f} GB for each vector",
            },
            "Write the representations as sums: each pair of summands is solved on its own.",
        )
    count = character_count(group, legs)
    return canonical_basis(iterated_invariants(legs, count)), "gap" if count is None else "counted"


def _certificate(group: Group, legs: Sequence[Leg], dim: int) -> str:
    """What a null space's dimension is worth: "counted" where characters confirm it.

    Raises:
        NotCertified: the characters contradict it.
    """
    count = character_count(group, legs)
    if count is not None and count != dim:
        raise NotCertified(
            "The null space and the characters disagree about the number of maps.",
            {"group": group, "null space": dim, "characters": count},
            "Give the representations in better coordinates.",
        )
    return "gap" if count is None else "counted"


def _between_irreps(v: Irrep, w: Irrep) -> Core:
    """Schur's lemma: the commutant, or nothing."""
    parts: tuple[SchurBlock, ...] = ()
    if v == w:
        unit = np.eye(v.dim)
        parts = (SchurBlock(unit[:, :, None], unit[:, None, :], v.end_dim),)
    return SchurCore(w.dim, v.dim, "Schur", "exact", 0.0, "the irreps are not equivalent", parts)


def _schur(v: Representation, w: Representation, legs: Sequence[Leg]) -> Core:
    """One block for each shared irrep; orthonormal as it stands where both changes of basis are orthogonal."""
    from equilayers.representations import decompose

    source, target = decompose(v), decompose(w)
    into, out_of = np.asarray(source.inverse), np.asarray(target.matrix)
    places = {irrep: n for n, (_, irrep) in enumerate(target.rep.terms)}
    parts = []
    for i, (m, irrep) in enumerate(source.rep.terms):
        if irrep not in places:
            continue
        o = places[irrep]
        assert isinstance(irrep, Irrep)
        columns = out_of[:, target.rep.slices[o]].reshape(w.dim, irrep.dim, target.rep.terms[o][0])
        rows = into[source.rep.slices[i]].reshape(irrep.dim, m, v.dim)
        parts.append(SchurBlock(columns, rows, irrep.end_dim))
    reason = "no irrep in common"
    core = SchurCore(w.dim, v.dim, "Schur", "counted", 0.0, reason, tuple(parts))
    if _is_orthogonal(into) and _is_orthogonal(out_of):
        error = residual(legs, core.probes()) if core.dim else 0.0
        return SchurCore(w.dim, v.dim, "Schur", "counted", error, reason, tuple(parts))
    vectors = core.basis().reshape(core.dim, -1).T
    vectors = canonical_basis(np.linalg.qr(vectors)[0])
    return DenseCore(w.dim, v.dim, "Schur", "counted", residual(legs, vectors), reason, vectors)


def _is_orthogonal(matrix: np.ndarray) -> bool:
    return bool(np.abs(matrix @ matrix.T - np.eye(len(matrix))).max(initial=0.0) < TOLERANCE)
