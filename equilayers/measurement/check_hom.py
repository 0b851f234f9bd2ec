"""Laws of a space of intertwiners: membership, completeness by independent counts, and its coordinates."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import TooLarge
from equilayers.groups import FiniteGroup
from equilayers.measurement.check_representation import group_words
from equilayers.measurement.commutant import ENUMERATED, intertwiner_projector, trace_count
from equilayers.measurement.probe import as_generator
from equilayers.measurement.relative import spectral_norm
from equilayers.measurement.report import CheckReport, Laws
from equilayers.representations import Representation

__all__ = ["check_hom"]

TOLERANCE = 1e-10
DENSE_ENTRIES = 4_000_000  # the basis is looked at as matrices up to this size
HAAR_SAMPLES = 4000


class HomLike(Protocol):
    """What is asked of a space of intertwiners; where it comes from is not looked at."""

    in_rep: Representation
    out_rep: Representation
    dim: int
    residual: float
    certificate: str
    route: str

    def basis(self) -> np.ndarray: ...

    def matrix(self, weights: Tensor) -> Tensor: ...

    def coordinates(self, M: Tensor) -> Tensor: ...

    def project(self, M: Tensor) -> Tensor: ...


def check_hom(space: HomLike, *, generator: torch.Generator | int = 0) -> CheckReport:
    """Run every law of ``eq.hom(V, W)``.

    The dimension is counted by traces (over all elements of a group that can be listed, over Haar samples of another
    compact one) and by solving the equations where they are few; never through the decomposition.

    Args:
        space: intertwiners from ``space.in_rep`` to ``space.out_rep``.
        generator: randomness, or a seed.

    Raises:
        CheckFailed: the first law that is broken, by name.

    Example:
        >>> import equilayers as eq
        >>> V = eq.defining(eq.group("SO(3)"))
        >>> check_hom(eq.hom(V @ V, V)).ran > 8
        True
    """
    rng = as_generator(generator)
    laws = Laws(f"intertwiners {space.in_rep!r} -> {space.out_rep!r} of {space.in_rep.group!r}")
    known = {"exact", "counted", "gap"}
    laws.holds(
        "The certificate is exact, counted or gap", space.certificate in known, {"certificate": space.certificate}
    )
    laws.bound("The recorded residual is small", space.residual, TOLERANCE)
    _counts(space, laws, rng)
    _membership(space, laws, rng)
    _coordinates(space, laws, rng)
    return laws.report()


def _counts(space: HomLike, laws: Laws, rng: torch.Generator) -> None:
    V, W, group = space.in_rep, space.out_rep, space.in_rep.group
    exact, sampled = "dim is the mean of the characters", "dim is the mean of the characters over Haar samples"
    listable = isinstance(group, FiniteGroup) and group.order <= ENUMERATED
    if listable:
        count = float(trace_count(V, W, group.elements()).mean())
        laws.bound(exact, abs(count - space.dim), 1e-6 * max(1, space.dim), {"dim": space.dim, "counted": count})
    else:
        laws.not_run(exact, "the elements are not listed")
    if group.is_compact and not listable:
        values = trace_count(V, W, group.sample(HAAR_SAMPLES, generator=rng))
        error = 6 * values.std() / HAAR_SAMPLES**0.5 + 1e-9
        laws.bound(sampled, abs(values.mean() - space.dim), error, {"dim": space.dim, "estimated": values.mean()})
    else:
        laws.not_run(sampled, "the elements are listed" if group.is_compact else "there is no Haar probability")


def _membership(space: HomLike, laws: Laws, rng: torch.Generator) -> None:
    V, W, group = space.in_rep, space.out_rep, space.in_rep.group
    # Generators decide membership; further elements guard against images that disagree with V(g).
    maps = space.matrix(torch.randn(space.dim, generator=rng, dtype=torch.float64))
    laws.equal("matrix(weights) has shape (W.dim, V.dim)", tuple(maps.shape), (W.dim, V.dim))
    g = group_words(group, rng)
    left, right = W(g) @ maps, maps @ V(g)
    scale = spectral_norm(W(g)) * max(1.0, float(spectral_norm(maps))) * spectral_norm(V(g)).clamp(min=1.0)
    error = float(((left - right).flatten(1).abs().amax(1) / scale.clamp(min=1.0)).max()) if maps.numel() else 0.0
    laws.bound("Members satisfy W(g) B = B V(g)", error, TOLERANCE)
    lie = list(zip(V.images.lie, W.images.lie, strict=True))
    M = maps.numpy()
    size = max(1.0, np.abs(M).max(initial=0.0))
    errors = [
        np.abs(dW @ M - M @ dV).max(initial=0.0)
        / size
        / max(1.0, np.abs(dW).max(initial=0.0), np.abs(dV).max(initial=0.0))
        for dV, dW in lie
    ]
    if lie:
        laws.bound("Members satisfy dW B = B dV", float(max(errors)), TOLERANCE)
    else:
        laws.not_run("Members satisfy dW B = B dV", "the group has no Lie algebra")


def _coordinates(space: HomLike, laws: Laws, rng: torch.Generator) -> None:
    V, W = space.in_rep, space.out_rep
    weights = torch.randn(space.dim, generator=rng, dtype=torch.float64)
    maps = space.matrix(weights)
    back = torch.as_tensor(space.coordinates(maps))
    laws.bound("coordinates(matrix(w)) = w", _gap(back, weights), TOLERANCE)
    noise = torch.randn(W.dim, V.dim, generator=rng, dtype=torch.float64)
    once = torch.as_tensor(space.project(noise))
    laws.bound("project is idempotent", _gap(torch.as_tensor(space.project(once)), once), TOLERANCE)
    laws.bound("project keeps members", _gap(torch.as_tensor(space.project(maps)), maps), TOLERANCE)
    inner = float(((noise - once) * maps).sum()) / max(1.0, float(maps.norm()) * float(noise.norm()))
    laws.bound("project is orthogonal", abs(inner), TOLERANCE)
    names = (
        "The basis is orthonormal", "matrix(w) is the combination of the basis", "The basis spans all solutions",
    )  # fmt: skip
    if space.dim * V.dim * W.dim > DENSE_ENTRIES:
        for name in names:
            laws.not_run(name, "the basis is too large to look at")
        return
    try:
        basis = np.asarray(space.basis()).reshape(space.dim, W.dim * V.dim)
    except TooLarge as refusal:
        for name in names:
            laws.not_run(name, refusal.rule)
        return
    gram = basis @ basis.T
    laws.bound(names[0], float(np.abs(gram - np.eye(space.dim)).max(initial=0.0)), TOLERANCE)
    combined = torch.tensor(weights.numpy() @ basis).reshape(W.dim, V.dim)
    laws.bound(names[1], _gap(maps, combined), TOLERANCE)
    solutions = intertwiner_projector(V, W)
    if solutions is None:
        laws.not_run(names[2], "too many unknowns to solve for here")
    else:
        error = float(np.abs(basis.T @ basis - solutions).max(initial=0.0))
        laws.bound(names[2], error, 1e-7, {"dim": space.dim, "solutions": round(float(np.trace(solutions)))})


def _gap(a: Tensor, b: Tensor) -> float:
    if a.shape != b.shape:
        return float("inf")
    return float((a - b).abs().max()) / max(1.0, float(b.abs().max())) if a.numel() else 0.0
