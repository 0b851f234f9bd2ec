"""Every check over drawn groups, elements and representations; the strategies reach what they promise."""

from __future__ import annotations

import pytest
import torch
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

import equilayers as eq
from equilayers.errors import CheckFailed
from equilayers.testing import assert_equivariant, check_group, check_hom, check_layer, check_representation
from equilayers.testing.strategies import FINITE, LIE, PRODUCTS, elements, groups, representations

EVERY = (*FINITE, *LIE, *PRODUCTS)
SMALL = settings(max_examples=10)
SHRINK = settings(max_examples=100, derandomize=True, database=None)
FIND = settings(SHRINK, phases=[Phase.generate], max_examples=400)


@st.composite
def one_representation(draw, max_dim=12):
    return draw(representations(draw(groups()), max_dim=max_dim))


@st.composite
def two_representations(draw, max_dim=8):
    G = draw(groups())
    return draw(representations(G, max_dim=max_dim)), draw(representations(G, max_dim=max_dim))


@given(groups())
@settings(max_examples=10)
def test_groups(G):
    report = check_group(G)
    assert report.ran >= 27 and all(report.not_run.values())


@given(st.data())
def test_elements_belong_and_the_group_acts(data):
    G = data.draw(groups())
    g, h = data.draw(elements(G)), data.draw(elements(G))
    assert G.contains(torch.stack([g, h, G.compose(g, h), G.inverse(g)]))
    V = eq.defining(G)
    size = max(1.0, float(V(g).abs().max() * V(h).abs().max()))
    assert float((V(G.compose(g, h)) - V(g) @ V(h)).abs().max()) < 1e-12 * size * V.dim


@given(one_representation())
@SMALL
def test_representations(V):
    assert check_representation(V).ran >= 24


@given(two_representations())
@settings(max_examples=15)
def test_intertwiners(pair):
    assert check_hom(eq.hom(*pair)).ran >= 9


@given(two_representations())
@SMALL
def test_linear_layers(pair):
    V, W = pair
    layer = eq.layers.Linear(V, W)
    if not V.dim or not eq.hom(V, W).dim:
        return  # nothing depends on the input
    assert check_layer(layer).ran >= 20
    assert_equivariant(layer.double().eval(), V, W)


@pytest.mark.parametrize(
    ("what", "holds"),
    [
        ("multiplicity 0", lambda V: V.dim == 0),
        ("copies", lambda V: any(m > 1 for m, _ in V.terms)),
        ("not orthogonal", lambda V: not V.is_orthogonal),
        ("an infinite group", lambda V: V.group.lie_dim > 0),
        ("a group that is not compact", lambda V: not V.group.is_compact),
        ("a product of groups", lambda V: len(V.group.factors) > 1),
        ("a sum of two kinds", lambda V: len(V.terms) > 1),
    ],
)
def test_the_strategies_reach(what, holds):
    assert holds(find(one_representation(), holds, settings=FIND)), what


def test_failures_shrink_to_simple_cases():
    assert find(groups(), lambda G: G.is_finite and G.order > 3, settings=SHRINK).order <= 8
    assert find(representations(eq.group("D4")), lambda V: V.dim >= 3, settings=SHRINK).dim <= 4


@pytest.mark.parametrize("name", EVERY)
def test_no_drawn_group_is_without_irreps(name):
    G = eq.group(name)
    found = eq.irreps(G) if G.is_finite else eq.irreps(G, level=2)
    assert found[0].is_trivial


@given(one_representation())
@SMALL
def test_the_broken_twin_is_rejected_on_every_draw(V):
    """x to x + 1 in every coordinate commutes with the group where it keeps the vector of ones only."""
    g = torch.cat([V.group.discrete_generators, V.group.sample(4, torch.Generator().manual_seed(0))])
    ones = torch.ones(V.dim, dtype=torch.float64)
    moved = not V.dim or float((V(g) @ ones - ones).abs().max()) < 1e-9
    if moved:
        return
    with pytest.raises(CheckFailed, match="Equivariance"):
        assert_equivariant(lambda x: x + 1, V, V)
