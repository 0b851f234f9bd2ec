"""Laws of a list of irreps: irreducible, of the type they say, inequivalent, complete, and closed under products."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, combinations_with_replacement

import numpy as np
import torch
from torch import Tensor

from equilayers import representations  # its finder of irreps loads on first use
from equilayers.errors import BadInput, EquilayersError
from equilayers.groups import FiniteGroup, Group
from equilayers.measurement.check_representation import group_words
from equilayers.measurement.commutant import ENUMERATED, characters, intertwiner_projector
from equilayers.measurement.probe import as_generator
from equilayers.measurement.relative import spectral_norm
from equilayers.measurement.report import CheckReport, Laws
from equilayers.representations import Irrep

__all__ = ["check_irreps"]

TOLERANCE = 1e-9
END_DIM = {"real": 1, "complex": 2, "quaternionic": 4}
PRODUCT_DIM = 64  # products of irreps are decomposed up to this dimension
PRODUCTS = 12


def check_irreps(
    group: Group,
    listed: Sequence[Irrep] | None = None,
    *,
    level: int | None = None,
    max_dim: int | None = None,
    generator: torch.Generator | int = 0,
) -> CheckReport:
    """Run every law of the irreps of a group.

    Counts are by traces over all elements where the group can be listed, and by the rank of the equations.

    Args:
        group: any group.
        listed: the irreps to check; those of ``eq.irreps(group, level, max_dim)`` if None.
        level: for an infinite group, the number of tensor powers.
        max_dim: largest dimension; the list is then not expected to be complete.
        generator: randomness, or a seed.

    Raises:
        CheckFailed: the first law that is broken, by name.

    Example:
        >>> import equilayers as eq
        >>> check_irreps(eq.group("Q8")).ran > 10
        True
    """
    rng = as_generator(generator)
    found = tuple(representations.irreps(group, level=level, max_dim=max_dim) if listed is None else listed)
    if not found:
        raise BadInput("check_irreps needs irreps.", {"group": group, "level": level}, "Raise level or max_dim.")
    laws = Laws(f"irreps of {group!r}")
    _labels(found, laws)
    _matrices(found, laws, rng)
    listable = isinstance(group, FiniteGroup) and group.order <= ENUMERATED
    elements = group.elements() if listable else group_words(group, rng)
    values = [characters(irrep, elements) for irrep in found]
    _commutants(found, laws, values if listable else None)
    _inequivalent(found, laws, values if listable else None)
    _complete(group, found, laws, max_dim)
    _named(group, found, laws)
    if listable:
        _types(group, found, laws, elements)
    else:
        laws.not_run("Frobenius-Schur indicators", "the elements are not listed")
    _products(found, laws, elements, values, listable)
    return laws.report()


def _labels(found: Sequence[Irrep], laws: Laws) -> None:
    labels = [irrep.label for irrep in found]
    laws.holds("Labels are unique", len(set(labels)) == len(labels), {"labels": labels})
    bad = [label for label in labels if set("x+ ") & set(label) or not label]
    laws.holds("Labels hold no 'x', '+' or blank", not bad, {"labels": bad})
    trivial = found[0].dim == 1 and bool(found[0].is_trivial)
    laws.holds("The trivial irrep comes first", trivial, {"first": found[0].label})
    if found[0].group.is_finite:
        dims = [irrep.dim for irrep in found]
        laws.holds("Irreps are ordered by dimension", dims == sorted(dims), {"dims": dims})
    else:
        laws.not_run("Irreps are ordered by dimension", "infinite families have their own order")


def _matrices(found: Sequence[Irrep], laws: Laws, rng: torch.Generator) -> None:
    group = found[0].group
    g = group_words(group, rng)
    h = g[torch.randperm(len(g), generator=rng)]
    product = group.compose(g, h)
    worst, which = {"hom": 0.0, "end": 0.0, "table": 0.0}, {}
    for irrep in found:
        at_g, at_h = irrep(g), irrep(h)
        scale = (spectral_norm(at_g) * spectral_norm(at_h)).clamp(min=1.0)[:, None, None]
        units = torch.tensor(irrep.endomorphisms)
        moved = torch.einsum("gij,cjk->gcik", at_g, units) - torch.einsum("cij,gjk->gcik", units, at_g)
        errors = {
            "hom": float(((irrep(product) - at_g @ at_h) / scale).abs().max()),
            "end": float((moved / scale[..., None]).abs().max()),
            "table": _division_algebra_error(irrep),
        }
        for name, error in errors.items():
            if not error <= worst[name]:
                worst[name], which[name] = error, {"irrep": irrep.label}
    laws.bound("The homomorphism V(g h) = V(g) V(h)", worst["hom"], TOLERANCE, which.get("hom"))
    laws.bound("Endomorphisms commute with the group", worst["end"], TOLERANCE, which.get("end"))
    laws.bound("Endomorphisms multiply as right R, C or H", worst["table"], TOLERANCE, which.get("table"))


def _division_algebra_error(irrep: Irrep) -> float:
    """Identity first, further units of square -1, and i then j then k of one handedness, orthogonal to one another."""
    units = np.asarray(irrep.endomorphisms)
    eye = np.eye(irrep.dim)
    if units.shape != (END_DIM[irrep.type], irrep.dim, irrep.dim):
        return float("inf")
    errors = [np.abs(units[0] - eye).max()]
    errors += [np.abs(u @ u + eye).max() for u in units[1:]]
    errors += [np.abs(u + u.T).max() for u in units[1:]]
    if len(units) == 4:
        _, i, j, k = units
        errors += [np.abs(j @ i - k).max()]  # right multiplications compose in the opposite order
        errors += [np.abs(i @ j + j @ i).max()]
    return float(max(errors))


def _commutants(found: Sequence[Irrep], laws: Laws, values: list[np.ndarray] | None) -> None:
    declared = {irrep.label: END_DIM[irrep.type] for irrep in found}
    laws.equal("end_dim belongs to the type", {irrep.label: irrep.end_dim for irrep in found}, declared)
    name = "The commutant has dimension 1, 2 or 4 as declared"
    by_rank = {irrep.label: _rank(irrep, irrep) for irrep in found}
    known = {label: count for label, count in by_rank.items() if count is not None}
    laws.equal(f"{name}, by rank", {label: declared[label] for label in known}, known)
    if len(known) < len(found):
        laws.not_run(f"{name}, by rank, for {sorted(set(declared) - set(known))}", "too many unknowns")
    if values is None:
        laws.not_run(f"{name}, by traces", "the elements are not listed")
        return
    norms = {irrep.label: float((chi * chi).mean()) for irrep, chi in zip(found, values, strict=True)}
    laws.bound(f"{name}, by traces", max(abs(norms[i.label] - declared[i.label]) for i in found), 1e-8, norms)


def _rank(a: Irrep, b: Irrep) -> int | None:
    projector = intertwiner_projector(a, b)
    return None if projector is None else round(float(np.trace(projector)))


def _inequivalent(found: Sequence[Irrep], laws: Laws, values: list[np.ndarray] | None) -> None:
    """The law that notices a representation under a wrong label, which is a good representation otherwise."""
    name = "Irreps of different labels are inequivalent"
    for (i, a), (j, b) in combinations(enumerate(found), 2):
        if a.dim != b.dim:
            continue
        between = _rank(a, b)
        if between is None and values is not None:
            between = round(float((values[i] * values[j]).mean()))
        if between is None:
            laws.not_run(f"{name}: {a.label}, {b.label}", "too many unknowns, and the elements are not listed")
        elif between:
            laws.holds(name, False, {"labels": f"{a.label}, {b.label}", "maps between them": between})
    laws.holds(name, True)


def _complete(group: Group, found: Sequence[Irrep], laws: Laws, max_dim: int | None) -> None:
    name = "Squares of dimensions, divided by end_dim, add up to the order"
    if group.is_finite and max_dim is None:
        laws.equal(name, group.order, sum(irrep.dim**2 // END_DIM[irrep.type] for irrep in found))
    else:
        laws.not_run(name, "only some irreps were asked for" if group.is_finite else "the group is infinite")


def _named(group: Group, found: Sequence[Irrep], laws: Laws) -> None:
    """Two irreps of one dimension under each other's label break no other law."""
    name = "Each label is that of eq.irrep"
    for irrep in found:
        try:
            named = representations.irrep(group, irrep.label)
        except EquilayersError:
            laws.not_run(f"{name}: {irrep.label}", "eq.irrep knows no such label")
            continue
        if named.dim != irrep.dim or (not _same_images(irrep, named) and _rank(irrep, named) == 0):
            laws.holds(name, False, {"label": irrep.label})
    laws.holds(name, True)


def _same_images(a: Irrep, b: Irrep) -> bool:
    """Of the generators: irreps of one label are equal by value, whatever their matrices are."""
    return all(np.array_equal(getattr(a.images, kind), getattr(b.images, kind)) for kind in ("lie", "discrete"))


def _types(group: Group, found: Sequence[Irrep], laws: Laws, elements: Tensor) -> None:
    squares = group.compose(elements, elements)
    expected = {"real": 1, "complex": 0, "quaternionic": -2}
    means = {irrep.label: float(characters(irrep, squares).mean()) for irrep in found}
    worst = max(abs(means[irrep.label] - expected[irrep.type]) for irrep in found)
    laws.bound("Frobenius-Schur indicators", worst, 1e-8, means)


def _products(found: Sequence[Irrep], laws: Laws, elements: Tensor, values: list[np.ndarray], listable: bool) -> None:
    """On elements of every component: a parity that was lost is invisible on the identity component."""
    pairs = [
        (i, j)
        for i, j in combinations_with_replacement(range(len(found)), 2)
        if found[i].dim * found[j].dim <= PRODUCT_DIM
    ]
    pairs = pairs[:: max(1, len(pairs) // PRODUCTS)]  # spread over the list
    worst, which, counted = 0.0, {}, True
    for i, j in pairs:
        split = representations.decompose(found[i] @ found[j]).multiplicities
        product = values[i] * values[j]
        total = sum(m * characters(irrep, elements) for irrep, m in split.items())
        error = float(np.abs(product - total).max() / max(1.0, np.abs(product).max()))
        if not error <= worst:
            worst, which = error, {"product": f"{found[i].label} (x) {found[j].label}"}
        for k, irrep in enumerate(found if listable else ()):
            counted &= abs((product * values[k]).mean() / END_DIM[irrep.type] - split.get(irrep, 0)) < 1e-7
            if not counted:
                laws.holds(
                    "Multiplicities in products are those of the characters",
                    False,
                    {"product": f"{found[i].label} (x) {found[j].label}", "irrep": irrep.label},
                )
    laws.bound("Products decompose as their characters say", worst, 1e-8, which)
    if listable:
        laws.holds("Multiplicities in products are those of the characters", counted)
    else:
        laws.not_run("Multiplicities in products are those of the characters", "the elements are not listed")
