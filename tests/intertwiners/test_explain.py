"""An answer says what it lacks: irreps on either side, or dimensions where there are no irreps."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

import equilayers as eq
from equilayers import layers as L
from equilayers.intertwiners import explain

NAMES = ["D4", "C4", "Q8", "A4", "SO(2)", "SO(3)", "SU(2)", "SO(1,3)", "SL(2)", "GL(2)"]


def parts(V):
    return [eq.trivial(V.group), V, V @ V, V.alt(2), V.dual, V + eq.trivial(V.group), V.sym(2) + 2 * V]


def pairings(space):
    """The oracle: how much of each irrep all maps together keep, by ranks of products with maps from and to irreps."""
    together = space.basis()
    for side, rep in (("V", space.in_rep), ("W", space.out_rep)):
        for _, irrep in eq.decompose(rep).rep.terms:
            arms = eq.hom(irrep, rep).basis() if side == "V" else eq.hom(rep, irrep).basis()
            product = np.einsum("aij,bjk->abik", together, arms) if side == "V" else None
            product = np.einsum("bki,aij->abkj", arms, together) if product is None else product
            yield side, irrep.label, bool(np.abs(product).max(initial=0.0) > 1e-9)


def named(text):
    """Labels with multiplicities stripped."""
    labels = re.split(r", (?![^(]*\))", text)
    return {re.sub(r"^\d+x", "", label) for label in labels}


def agrees(space):
    """Whether the sentences name exactly what no map touches, and what they say about."""
    text, touched = space.explain(), list(pairings(space))
    lost, missed = ({label for side, label, kept in touched if side == of and not kept} for of in "VW")
    if space.dim == 0:
        held = re.fullmatch(r"No irrep in common: V holds (.*); W holds (.*)\.", text)
        return bool(held) and (named(held[1]), named(held[2])) == (lost, missed), "empty"
    zero = re.search(r"Every map sends (.*) of V to zero: W does not hold them\.", text)
    none = re.search(r"No map reaches (.*) of W: V does not hold them\.", text)
    said = named(zero[1]) if zero else set(), named(none[1]) if none else set()
    all_kept = text == "The maps together lose nothing of V, and reach all of W."
    return said == (lost, missed) and all_kept is not bool(lost or missed), (bool(lost), bool(missed))


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow if n in ("A4", "SU(2)", "C4", "SL(2)") else ()) for n in NAMES]
)
def test_missing_irreps_are_those_that_maps_do_not_touch(name):
    V, seen = eq.defining(eq.group(name)), set()
    for source in parts(V):
        for target in parts(V):
            if source.dim and target.dim:
                right, kind = agrees(eq.hom(source, target))
                assert right, (source, target)
                seen.add(kind)
    assert seen >= {"empty", (False, True), (True, False), (False, False)}


def test_an_irrep_that_is_kept_quiet_is_noticed(monkeypatch):
    V = eq.defining(eq.group("D4"))
    source, target = V + eq.trivial(V.group), V @ V + V
    assert agrees(eq.hom(source, target))[0]
    whole = explain._irreps_of
    monkeypatch.setattr(explain, "_irreps_of", lambda rep: whole(rep)[rep == source :])
    assert not agrees(eq.hom(source, target))[0]


@pytest.mark.parametrize("name", ["SE(2)", "SE(3)", "Heisenberg"])
def test_without_irreps_the_route_and_the_dimensions_are_said(name):
    V = eq.defining(eq.group(name))
    one = eq.trivial(V.group)
    rng = np.random.default_rng(0)
    for source in (V, V @ V, V.dual, one + V):
        for target in (V, V.dual, one, V.sym(2)):
            space = eq.hom(source, target)
            text = space.explain()
            if not space.dim:
                assert "route" in text and text == space.reason
                continue
            for n, (_, atom) in enumerate(source.terms):
                columns = space.matrix(rng.normal(size=(40, space.dim))).numpy()[:, :, source.slices[n]]
                rank = np.linalg.matrix_rank(columns.reshape(-1, atom.dim), tol=1e-8)
                said = f"sends {atom.dim - rank} of {atom.dim} dimensions of {atom} in V"
                assert (said in text) == (rank < atom.dim)
            rows = space.matrix(rng.normal(size=(40, space.dim))).numpy().swapaxes(0, 1).reshape(target.dim, -1)
            rank = np.linalg.matrix_rank(rows, tol=1e-8)
            assert (f"reach {rank} of {target.dim} dimensions" in text) == (rank < target.dim)


def test_a_layer_says_what_nothing_reaches():
    V = eq.defining(eq.group("D4"))
    layer = L.Linear(V, V @ V + 2 * V)
    assert [irrep.label for irrep in layer.unreached] == ["A1", "B1", "B2", "A2"]
    assert "nothing in the input reaches A1, B1, B2, A2" in repr(layer)
    y = layer(torch.randn(3, 2))
    assert not y[:, :4].any() and y[:, 4:].all()
    full = L.Linear(V + V @ V, V @ V + 2 * V)
    assert full.unreached == () and "reaches" not in repr(full)
    product = L.Bilinear(V, V, V + V @ V)
    assert [irrep.label for irrep in product.unreached] == ["E1"]
    assert "no product of the inputs reaches E1" in repr(product)
    assert L.Bilinear(V, V, V @ V).unreached == ()
    W = eq.defining(eq.group("SE(2)"))
    assert L.Linear(eq.trivial(W.group), eq.trivial(W.group) + W).unreached == (W,)
