"""Invariants from the equations alone: for groups without complete reducibility, and to cut by discrete generators."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from equilayers.errors import NotCertified, TooLarge
from equilayers.groups import Group
from equilayers.intertwiners.legs import Leg, apply_derivative, apply_matrix, total_size
from equilayers.numerics import hashed_numbers, null_space
from equilayers.numerics.nullspace import GAP, ZERO

__all__ = ["character_count", "discrete_invariants", "solved_invariants"]

UNKNOWNS = 2500
ENUMERATED = 20_000  # group elements over which characters are summed
CLOSURE = 256  # elements of the group that discrete generators make on the identity component's solutions


def solved_invariants(legs: Sequence[Leg]) -> np.ndarray:
    """``(n, k)`` orthonormal invariants, one generator after the other; the rank by relative gap.

    Raises:
        NotCertified: there is no gap.
        TooLarge: more than 2500 unknowns.
    """
    n = total_size(legs)
    if n > UNKNOWNS:
        raise TooLarge(
            "The equations of an intertwiner are solved densely only where they are few.",
            {"dimensions": " x ".join(str(leg.dim) for leg in legs), "unknowns": n, "limit": UNKNOWNS},
            "Write the representations as sums: each pair of summands is solved on its own.",
        )
    basis = np.eye(n)
    for i in range(len(legs[0].lie)):
        matrices = [leg.lie[i] for leg in legs]
        size = max(1.0, *(float(np.abs(m).max()) for m in matrices))
        basis = basis @ _kept(apply_derivative(matrices, basis) / size)
    for i in range(len(legs[0].discrete)):
        matrices = [leg.discrete[i] for leg in legs]
        size = max(1.0, float(np.prod([np.abs(m).max() for m in matrices])))
        basis = basis @ _kept((apply_matrix(matrices, basis) - basis) / size)
    return basis


def _kept(moved: np.ndarray) -> np.ndarray:
    """Coefficients of what a generator keeps; an equation that earlier ones imply is rounding, without a gap.

    Raises:
        NotCertified: the equation is neither rounding nor clearly more.
    """
    largest = float(np.abs(moved).max(initial=0.0))
    if largest <= ZERO:
        return np.eye(moved.shape[1])
    if largest < ZERO * GAP:
        raise NotCertified(
            "The dimension of Hom(V, W) cannot be decided: an equation is neither zero nor clearly more.",
            {"largest coefficient": f"{largest:.2e}", "zero": ZERO, "more": ZERO * GAP},
            "Give the generators in better coordinates (an invariant inner product equal to the identity).",
        )
    return null_space(moved, what="Hom(V, W)").basis


def discrete_invariants(legs: Sequence[Leg], basis: np.ndarray) -> tuple[np.ndarray, bool]:
    """Cut the identity component's ``(n, k)`` invariants by the discrete generators; also: did a trace confirm it?"""
    k = basis.shape[1]
    actions = [basis.T @ apply_matrix([leg.discrete[i] for leg in legs], basis) for i in range(len(legs[0].discrete))]
    moving = [a for a in actions if np.abs(a - np.eye(k)).max(initial=0.0) > 1e-9]
    if not moving:
        return basis, True
    stacked = np.concatenate([a - np.eye(k) for a in moving])
    kept = null_space(stacked, what="Hom(V, W)").basis
    mean = _mean_trace(moving)
    return basis @ kept, mean is not None and abs(mean - kept.shape[1]) < 1e-6


def _mean_trace(generators: Sequence[np.ndarray]) -> float | None:
    """Mean trace over the group of matrices that these generate; None where it is larger than is listed."""
    k = len(generators[0])
    probe = hashed_numbers("closure", 2 * k).reshape(2, k)
    elements, sketches = [np.eye(k)], [probe]
    for element in elements:  # grows while it is read
        for g in generators:
            new = g @ element
            sketch = probe @ new
            if min(float(np.abs(sketch - s).max()) for s in sketches) > 1e-7:
                elements.append(new)
                sketches.append(sketch)
        if len(elements) > CLOSURE:
            return None
    return float(np.mean([np.trace(e) for e in elements]))


def character_count(group: Group, legs: Sequence[Leg]) -> int | None:
    """The dimension as the mean of a product of characters over a listed finite group; None where it is not listed."""
    if group.order is None or group.order > ENUMERATED or group.order * max(leg.dim for leg in legs) ** 2 > 20_000_000:
        return None
    elements = group.elements()
    total: np.ndarray | float = 1.0
    traces: dict[object, np.ndarray] = {}
    for leg in legs:
        if leg.key not in traces:
            at = group.inverse(elements) if leg.dual else elements
            traces[leg.key] = leg.rep(at).diagonal(dim1=-2, dim2=-1).sum(-1).numpy()
        total = total * traces[leg.key]
    mean = float(np.mean(total))
    return round(mean) if abs(mean - round(mean)) < 1e-6 else None
