"""Laws of a group: what the author declares or overrides, against what follows from the generators."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import torch
from torch import Tensor

from equilayers.groups import FiniteGroup, Group, StabiliserChain
from equilayers.measurement.components import component_representatives
from equilayers.measurement.membership import finite_membership, lie_membership, says_it_contains
from equilayers.measurement.probe import as_generator
from equilayers.measurement.report import CheckReport, Laws

__all__ = ["check_group", "pickled"]

TOLERANCE = 1e-9
ENUMERATION_LIMIT = 512  # groups up to this order are enumerated here, independently of the library
SAMPLES = 24
HAAR_SAMPLES = 1500


def check_group(group: Group, *, generator: torch.Generator | int = 0) -> CheckReport:
    """Run every law of a group.

    The axioms on random elements; the Lie algebra; the order, the list of elements and the flags against derivations
    from the generators; the sampler; value semantics. A product is checked factor by factor as well.

    Args:
        group: any group, your own class or a shipped one.
        generator: randomness, or a seed.

    Returns:
        A report whose ``ran`` counts the laws that ran and whose ``not_run`` says why others did not.

    Raises:
        CheckFailed: the first law that is broken, by name.

    Example:
        >>> import equilayers as eq
        >>> check_group(eq.group("SO(2)")).ran > 15
        True
    """
    rng = as_generator(generator)
    laws = Laws(f"group {group!r}")
    _description(group, laws)
    _axioms(group, laws, rng)
    if isinstance(group, FiniteGroup):
        _finite(group, laws)
    else:
        for name in ("order equals the number of elements", "elements() lists the group", "permutation action"):
            laws.not_run(name, "the group is infinite")
    _lie(group, laws, rng)
    _flags(group, laws)
    _sampler(group, laws)
    _value(group, laws)
    report = laws.report()
    if len(group.factors) > 1:
        for i, factor in enumerate(group.factors):
            part = check_group(factor, generator=i)
            skipped = {f"{name} (factor {factor})": reason for name, reason in part.not_run.items()}
            report = CheckReport(report.subject, report.laws + part.laws, {**report.not_run, **skipped})
    return report


def _description(group: Group, laws: Laws) -> None:
    """On the matrices given, before anything derived from them is asked for."""
    lie, discrete = group.description.lie, group.description.discrete
    if discrete.ndim == 3 and len(discrete):
        smallest = np.linalg.svd(discrete, compute_uv=False)[:, -1].min()
        laws.holds(
            "Every discrete generator is invertible", smallest > TOLERANCE, {"smallest singular value": smallest}
        )
    elif len(discrete):
        sorts = (np.sort(discrete, 1) == np.arange(discrete.shape[1])).all()
        laws.holds("Every discrete generator is a permutation", bool(sorts))
    else:
        laws.not_run("Every discrete generator is invertible", "there is none")
    if not len(lie):
        for name in ("Lie generators are independent", "The bracket closes", "Discrete generators keep the algebra"):
            laws.not_run(name, "the group has no Lie algebra")
        return
    flat = lie.reshape(len(lie), -1)
    values = np.linalg.svd(flat, compute_uv=False)
    laws.holds("Lie generators are independent", values[-1] > TOLERANCE * values[0], {"count": len(lie)})
    products = np.einsum("iab,jbc->ijac", lie, lie)
    brackets = (products - products.swapaxes(0, 1)).reshape(len(lie) ** 2, -1)
    i, j = divmod(int(_distances(brackets, flat).argmax()), len(lie))
    missing = {f"[L{i}, L{j}]": np.array2string(brackets.reshape(*products.shape)[i, j], prefix=" " * 12)}
    laws.bound("The bracket closes", _outside(brackets, flat), TOLERANCE, missing)
    if len(discrete):
        moved = np.einsum("sab,kbc,scd->skad", discrete, lie, np.linalg.inv(discrete)).reshape(-1, flat.shape[1])
        laws.bound("Discrete generators keep the algebra", _outside(moved, flat), TOLERANCE)
    else:
        laws.not_run("Discrete generators keep the algebra", "there is none")


def _outside(vectors: np.ndarray, span: np.ndarray) -> float:
    """Relative distance of row vectors from the row space of ``span``."""
    return float(_distances(vectors, span).max() / max(1.0, np.abs(vectors).max()))


def _distances(vectors: np.ndarray, span: np.ndarray) -> np.ndarray:
    basis = np.linalg.svd(span, full_matrices=False)[2]
    return np.asarray(np.abs(vectors - vectors @ basis.T @ basis).max(1))


def _distance(g: Tensor, h: Tensor) -> float:
    g, h = g.to(torch.float64), h.to(torch.float64)
    return float((g - h).abs().max() / max(1.0, float(h.abs().max()))) if g.numel() else 0.0


def _words(group: Group, n: int, rng: torch.Generator) -> Tensor:
    """Elements that involve every generator: samples, and samples times generators."""
    samples = group.sample(n, generator=rng)
    discrete = group.discrete_generators
    if not len(discrete):
        return samples
    return torch.cat([samples, group.compose(discrete, samples[torch.arange(len(discrete)) % n]), discrete])


def _axioms(group: Group, laws: Laws, rng: torch.Generator) -> None:
    g = _words(group, SAMPLES, rng)
    e = group.identity
    shape = tuple(g.shape[1:])
    laws.equal("Elements have the declared shape", (group.element_shape, group.element_dtype), (shape, g.dtype))
    h, k = g[torch.randperm(len(g), generator=rng)], g[torch.randperm(len(g), generator=rng)]
    unit = e.expand_as(g)
    laws.bound(
        "The identity law 1 g = g = g 1",
        max(_distance(group.compose(unit, g), g), _distance(group.compose(g, unit), g)),
        TOLERANCE,
    )
    size = max(1.0, float(g.to(torch.float64).abs().max())) ** 2
    inverse = group.inverse(g)
    worst = max(_distance(group.compose(g, inverse), unit), _distance(group.compose(inverse, g), unit))
    laws.bound("The inverse law g g^-1 = 1 = g^-1 g", worst / size, TOLERANCE)
    gh = group.compose(g, h)
    left, right = group.compose(gh, k), group.compose(g, group.compose(h, k))
    laws.bound("Associativity (g h) k = g (h k)", _distance(left, right), TOLERANCE)
    laws.bound(
        "(g h)^-1 = h^-1 g^-1", _distance(group.inverse(gh), group.compose(group.inverse(h), inverse)) / size, TOLERANCE
    )
    laws.holds(
        "The group contains its identity and generators",
        says_it_contains(group, torch.cat([e[None], group.discrete_generators])),
    )
    laws.holds(
        "Closure: the group contains samples, products and inverses",
        says_it_contains(group, torch.cat([g, gh, inverse])),
    )
    if len(shape) == 2:
        laws.bound("compose() is the product of matrices", _distance(gh, g @ h), TOLERANCE)
    else:
        laws.not_run("compose() is the product of matrices", "elements are not matrices")
    same, other = group.equal(gh, gh), group.equal(left, right, 1e-6)
    laws.holds(
        "equal() is reflexive and compares elements", bool(same.all() and other.all()) and same.shape == (len(g),)
    )
    moved = g[:1].expand_as(g)
    differ = ~(moved - g).to(torch.float64).flatten(1).abs().amax(1).le(1e-3) if g.dim() > 1 else moved != g
    laws.holds("equal() tells different elements apart", not bool(group.equal(moved, g)[differ].any()))


def _finite(group: FiniteGroup, laws: Laws) -> None:
    name = "order equals the number of elements"
    chain = StabiliserChain(group.permutation_generators)  # the group's own may be overridden
    if group.order <= ENUMERATION_LIMIT:
        found = _enumerate(group, limit=group.order)
        laws.equal(name, group.order, len(found) if len(found) <= group.order else f"more than {group.order}")
        listed = group.elements()
        distances = torch.cdist(_flat(listed), _flat(found), compute_mode="donot_use_mm_for_euclid_dist")
        listing = listed.shape == found.shape and bool(
            (distances < 1e-6).any(1).all() and (distances < 1e-6).any(0).all()
        )
        laws.holds("elements() lists the group", listing, {"listed": len(listed), "found": len(found)})
        laws.holds("elements() starts at the identity", bool(group.equal(listed[0], group.identity)))
        laws.holds("index() is the position in elements()", torch.equal(group.index(listed), torch.arange(len(listed))))
    else:
        laws.equal(name, group.order, chain.order)
        laws.not_run("elements() lists the group", f"more than {ENUMERATION_LIMIT} elements")
    g = group.sample(SAMPLES, generator=torch.Generator().manual_seed(1))
    finite_membership(group, chain, laws, g)
    h = g.flip(0)
    p, q = group.to_permutation(g), group.to_permutation(h)
    product = torch.gather(p, -1, q)
    laws.holds(
        "The permutation action is a homomorphism", torch.equal(group.to_permutation(group.compose(g, h)), product)
    )
    laws.bound("The permutation action is faithful", _distance(group.from_permutation(p), g), TOLERANCE)
    images = group.to_permutation(group.discrete_generators)
    same = torch.equal(images, torch.tensor(group.permutation_generators).reshape(images.shape))
    laws.holds("permutation_generators are the images of the generators", same)


def _flat(g: Tensor) -> Tensor:
    return g.to(torch.float64).reshape(len(g), -1)


def _enumerate(group: Group, limit: int) -> Tensor:
    """All words in the generators, one more than ``limit`` at most; by composing and comparing only."""
    found = group.identity[None]
    frontier = found
    while len(frontier) and len(found) <= limit:
        fresh = [group.compose(s.expand_as(frontier), frontier) for s in group.discrete_generators]
        candidates = torch.cat(fresh) if fresh else frontier[:0]
        kept: list[Tensor] = []
        for g in candidates:
            near = torch.cat([_flat(found), *[_flat(k[None]) for k in kept]]) - _flat(g[None])
            if not bool((near.abs().amax(1) < 1e-6).any()):
                kept.append(g)
        frontier = torch.stack(kept) if kept else candidates[:0]
        found = torch.cat([found, frontier])
    return found


def _lie(group: Group, laws: Laws, rng: torch.Generator) -> None:
    names = ("exp(A) exp(-A) = 1", "exp is generated by lie_basis", "structure_constants are those of the brackets")
    if not group.lie_dim:
        for name in names:
            laws.not_run(name, "the group has no Lie algebra")
        return
    laws.holds("lie_basis is the description's", np.array_equal(group.lie_basis, group.description.lie))
    a = 0.5 * torch.randn(6, group.lie_dim, generator=rng, dtype=torch.float64)
    g = group.exp(a)
    laws.bound(names[0], _distance(group.compose(g, group.exp(-a)), group.identity.expand_as(g)), TOLERANCE)
    lie = torch.tensor(group.lie_basis)
    if len(group.factors) == 1:
        expected = torch.linalg.matrix_exp(torch.einsum("bk,kij->bij", a, lie))
        laws.bound(names[1], _distance(g, expected), TOLERANCE)
    else:
        laws.not_run(names[1], "checked on the factors")
    products = torch.einsum("iab,jbc->ijac", lie, lie)
    brackets = torch.einsum("ijk,kab->ijab", torch.tensor(group.structure_constants), lie)
    laws.bound(names[2], _distance(products - products.transpose(0, 1), brackets), TOLERANCE)
    killing = np.einsum("iab,jba->ij", group.structure_constants, group.structure_constants)
    values = np.linalg.svd(killing, compute_uv=False)
    laws.equal("is_semisimple", group.is_semisimple, bool(values[-1] > TOLERANCE * max(values[0], 1e-300)))
    laws.holds("The group contains exp(A)", says_it_contains(group, g))


def _flags(group: Group, laws: Laws) -> None:
    lie, discrete = group.description.lie, group.description.discrete
    laws.equal("is_finite", group.is_finite, not len(lie))
    laws.equal("lie_dim", group.lie_dim, len(lie))
    laws.equal("is_compact", group.is_compact, not _grows(lie, discrete))
    if group.is_finite:
        laws.equal("is_connected", group.is_connected, group.order == 1)
    elif len(group.factors) > 1:
        laws.equal("is_connected", group.is_connected, all(f.is_connected for f in group.factors))
    else:
        laws.equal("is_connected", group.is_connected, len(component_representatives(group)) == 1)
    rows = (len(lie), lie.shape[-1] ** 2)
    closed = not len(lie) or _outside(lie.swapaxes(1, 2).reshape(rows), lie.reshape(rows)) < TOLERANCE
    matrices = discrete if discrete.ndim == 3 else np.zeros((0, 1, 1))
    orthogonal = all(np.abs(d @ d.T - np.eye(len(d))).max() < TOLERANCE for d in matrices)
    laws.equal("is_transpose_closed", group.is_transpose_closed, bool(closed and orthogonal))


def _grows(lie: np.ndarray, discrete: np.ndarray) -> bool:
    """Whether some one-parameter subgroup or power of a generator leaves every bounded set."""
    size = lie.shape[-1] if len(lie) else discrete.shape[-1]
    if len(lie):
        mixed = np.random.default_rng(0).normal(size=(4, len(lie)))
        directions = torch.tensor(np.concatenate([lie, np.einsum("mk,kab->mab", mixed, lie)]))
        far = torch.linalg.matrix_exp(1e4 * directions / directions.abs().amax((1, 2), keepdim=True))
        if not bool(torch.isfinite(far).all()) or float(far.abs().max()) > 100 * size:
            return True
    if discrete.ndim == 3 and len(discrete):
        with np.errstate(all="ignore"):
            far_words = [np.linalg.matrix_power(d, 1 << 14) for d in discrete]
        return any(not np.isfinite(w).all() or np.abs(w).max() > 100 * size for w in far_words)
    return False


def _sampler(group: Group, laws: Laws) -> None:
    first, second = (group.sample(SAMPLES, generator=torch.Generator().manual_seed(3)) for _ in range(2))
    other = group.sample(SAMPLES, generator=torch.Generator().manual_seed(4))
    laws.holds("sample() is reproducible from a generator", torch.equal(first, second))
    trivial = group.order == 1
    laws.holds("sample() depends on the generator", trivial or not torch.equal(first, other))
    laws.equal("sample() takes a count", (0, SAMPLES), (len(group.sample(0)), len(first)))
    name = "sample() is uniform" if group.is_finite else "sample() reaches every component"
    if isinstance(group, FiniteGroup) and group.order <= 64:
        counts = torch.bincount(group.index(group.sample(50 * group.order, _seeded())), minlength=group.order)
        deviation = float(((counts - 50.0) ** 2 / 50).sum())
        freedom = group.order - 1
        laws.bound(name, deviation, freedom + 6 * (2 * freedom) ** 0.5 + 12)
    elif len(group.factors) > 1:
        laws.not_run(name, "checked on the factors")
    elif isinstance(group, FiniteGroup):
        moved = group.to_permutation(group.sample(HAAR_SAMPLES, _seeded())).to(torch.float64)
        laws.bound(name, _moment_error(moved[:, :, None], _permutation_images(group, moved)), 6.0)
    else:
        lie_membership(group, laws, name)
    if group.is_compact and group.lie_dim and len(group.factors) == 1:
        g = group.sample(HAAR_SAMPLES, _seeded())
        steps = torch.cat([group.discrete_generators, group.exp(torch.eye(group.lie_dim, dtype=torch.float64))])
        laws.bound("sample() is Haar: its moments do not move", _haar_error(g, steps), 6.0)
    else:
        laws.not_run(
            "sample() is Haar: its moments do not move", "no Haar probability" if not group.is_compact else "see above"
        )


def _seeded() -> torch.Generator:
    return torch.Generator().manual_seed(7)


def _permutation_images(group: FiniteGroup, moved: Tensor) -> Tensor:
    """Samples followed by each generator, as images of points."""
    generators = torch.tensor(group.permutation_generators)
    return torch.stack([s[moved.long()].to(torch.float64) for s in generators])[..., None]


def _moment_error(values: Tensor, moved: Tensor) -> float:
    """Largest difference of means between samples and moved samples, in standard errors of a difference."""
    deviation = (values.std(0) * (2 / len(values)) ** 0.5).clamp(min=1e-12)
    return float(((moved.mean(1) - values.mean(0)).abs() / deviation).max())


def _haar_error(g: Tensor, steps: Tensor) -> float:
    """The same for first and second moments of matrix entries, moved by every generator."""
    worst = 0.0
    for s in steps:
        for power in (1, 2):
            change = (s @ g) ** power - g**power
            deviation = (change.std(0) / len(g) ** 0.5).clamp(min=1e-12)
            worst = max(worst, float((change.mean(0).abs() / deviation).max()))
    return worst


def _value(group: Group, laws: Laws) -> None:
    again = pickled(group, laws)
    if again is not None:
        laws.equal("Pickle keeps the group", group, again)
        laws.equal("Equal groups have equal hashes", hash(group), hash(again))
        laws.equal("The fingerprint is a value", group.fingerprint, again.fingerprint)
    laws.equal("Deepcopy keeps the group", group, copy.deepcopy(group))
    laws.holds(
        "repr() names the group", bool(repr(group)) and " object at 0x" not in repr(group), {"repr": repr(group)}
    )


def pickled(thing: object, laws: Laws) -> Any:
    """A copy by pickle; None, recorded as not run, for a class that no module holds (local, or of an example)."""
    try:
        return pickle.loads(pickle.dumps(thing))
    except (pickle.PicklingError, AttributeError, TypeError) as problem:
        if not any(words in str(problem) for words in ("local object", "attribute lookup")):
            laws.holds("Pickle", False, {"because": problem})
        laws.not_run("Pickle", "no module holds the class, so it cannot be pickled")
        return None
