"""Who belongs to a group: samples and ``contains`` against membership that follows from the generators."""

from __future__ import annotations

import torch
from torch import Tensor

from equilayers.errors import BadGroup
from equilayers.groups import DirectProduct, FiniteGroup, FiniteProduct, Group, MatrixGroup, StabiliserChain
from equilayers.measurement.components import MOST_COMPONENTS, component_representatives, in_identity_component
from equilayers.measurement.report import Laws

__all__ = ["finite_membership", "lie_membership", "says_it_contains"]

INSIDE, AGREES = "sample() stays inside the group", "contains() agrees with the generators"
CANDIDATES = 24


def says_it_contains(group: Group, g: Tensor) -> bool:
    """What the group says; an error is a no."""
    try:
        return bool(group.contains(g))
    except BadGroup:
        return False


def finite_membership(group: FiniteGroup, chain: StabiliserChain, laws: Laws, samples: Tensor) -> None:
    """By a stabiliser chain of the generators, which is not the group's own."""

    def belongs(g: Tensor) -> bool:
        try:
            return chain.contains(group.to_permutation(g))
        except BadGroup:
            return False

    laws.holds(INSIDE, belongs(samples), {"samples": len(samples)})
    if isinstance(group, FiniteProduct):
        candidates = group.pack([factor.sample(CANDIDATES, _seeded()) for factor in group.factors])
    elif len(group.element_shape) == 1:
        noise = torch.rand(CANDIDATES, chain.degree, generator=_seeded(), dtype=torch.float64)
        candidates = noise.argsort(-1)
    elif len(group.element_shape) == 2:
        candidates = _moved(samples)
    else:
        laws.not_run(AGREES, "every index of a table is an element")
        return
    for g in candidates:
        derived = belongs(g[None])
        if says_it_contains(group, g[None]) != derived:
            laws.holds(AGREES, False, {"element": g.tolist(), "derived": derived})
    laws.holds(AGREES, True)


def _seeded() -> torch.Generator:
    return torch.Generator().manual_seed(7)


def _moved(samples: Tensor) -> Tensor:
    """Stretched and disturbed elements."""
    disturbed = samples + 0.1 * torch.randn(samples.shape, generator=_seeded(), dtype=torch.float64)
    return torch.cat([1.5 * samples[:CANDIDATES], disturbed[:CANDIDATES]])


def lie_membership(group: Group, laws: Laws, name: str) -> None:
    """By real logarithms: every sample lies in a component that the generators reach, and each of these is met.

    ``contains`` may be sharper than the conditions derived from the generators (it normalises the algebra, it keeps
    the invariant form), but never weaker.
    """
    components = component_representatives(group)
    samples = group.sample(CANDIDATES * len(components), _seeded())
    homeless = samples
    for word, representative in components:
        back = group.compose(homeless, group.inverse(representative).expand_as(homeless))
        here = torch.from_numpy(in_identity_component(group, back))
        if not here.any():
            laws.holds(name, False, {"never reached": word, "samples": len(samples)})
        homeless = homeless[~here]
    laws.holds(name, True)
    if len(components) < MOST_COMPONENTS:
        laws.holds(INSIDE, not len(homeless), {"outside": f"{len(homeless)} of {len(samples)} samples"})
    else:
        laws.not_run(INSIDE, f"at least {MOST_COMPONENTS} components")
    if not isinstance(group, MatrixGroup) or isinstance(group, DirectProduct):
        laws.not_run(AGREES, "the group is not one of matrices")
        return
    for g in _moved(samples):
        if not MatrixGroup.contains(group, g[None]) and says_it_contains(group, g[None]):
            laws.holds(AGREES, False, {"element": g.tolist(), "derived": False})
    laws.holds(AGREES, True)
