"""Finite groups: orders, laws, enumeration, chains, subgroups; sympy is the oracle."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
import torch

import equilayers as eq
from equilayers.errors import BadGroup, TooLarge
from equilayers.groups import FiniteGroup, Homomorphism, StabiliserChain

ORDERS = {
    "trivial": 1, "C1": 1, "C2": 2, "C3": 3, "C4": 4, "C8": 8, "C12": 12, "D1": 2, "D2": 4, "D3": 6, "D4": 8, "D5": 10,
    "D8": 16, "S1": 1, "S2": 2, "S3": 6, "S4": 24, "S5": 120, "S6": 720, "A1": 1, "A2": 1, "A3": 3, "A4": 12, "A5": 60,
    "A6": 360, "Q8": 8, "T": 12, "O": 24, "I": 60, "Oh": 48, "Ih": 120, "C4 x D3": 24, "S3 x Q8": 48,
    "C2 x C2 x C3": 12, "O_h": 48, "I_h": 120, "S7": 5040, "A7": 2520, "C97": 97, "D24": 48,
}  # fmt: skip


@pytest.mark.parametrize("name", ORDERS)
def test_orders_by_closed_form_and_by_chain(name: str) -> None:
    g = eq.group(name)
    assert isinstance(g, FiniteGroup)
    assert g.order == g.chain.order == ORDERS[name] == len(g.elements())


@pytest.mark.parametrize("name", ORDERS)
def test_axioms_on_samples(name: str, generator: torch.Generator) -> None:
    g = eq.group(name)
    a, b, c = (g.sample(6, generator) for _ in range(3))
    assert g.contains(a)
    assert bool(g.equal(g.compose(g.compose(a, b), c), g.compose(a, g.compose(b, c))).all())
    assert bool(g.equal(g.compose(a, g.inverse(a)), g.identity).all())
    assert bool(g.equal(g.compose(g.identity, a), a).all())
    assert (g.index(g.elements()) == torch.arange(g.order)).all()
    assert a.dtype == g.element_dtype and tuple(a.shape[1:]) == g.element_shape


@pytest.mark.parametrize("name", ["D4", "S4", "Q8", "I", "C4 x D3"])
def test_to_permutation_is_a_faithful_homomorphism(name: str, generator: torch.Generator) -> None:
    g = eq.group(name)
    a, b = g.sample(8, generator), g.sample(8, generator)
    p, q, pq = g.to_permutation(a), g.to_permutation(b), g.to_permutation(g.compose(a, b))
    assert torch.equal(torch.gather(p, -1, q), pq)
    assert len(torch.unique(g.to_permutation(g.elements()), dim=0)) == g.order
    assert bool(g.equal(g.from_permutation(p), a).all())


def test_rubiks_cube_has_the_known_order_and_is_sampled_and_evaluated_without_a_list(
    generator: torch.Generator,
) -> None:
    cube = eq.group("Rubik")
    assert isinstance(cube, FiniteGroup)
    assert cube.order == cube.chain.order == 43252003274489856000
    a, b = cube.sample(4, generator), cube.sample(4, generator)
    assert cube.contains(cube.compose(a, b))
    swap = torch.arange(48)
    swap[[0, 2]] = torch.tensor([2, 0])
    assert not cube.contains(swap)
    with pytest.raises(TooLarge, match="not enumerated"):
        cube.elements()
    turned = np.linalg.qr(np.random.default_rng(1).normal(size=(48, 48)))[0]
    images = turned @ cube.defining_matrices @ turned.T
    product = cube.chain.evaluate(images, a) @ cube.chain.evaluate(images, b)
    assert (product - cube.chain.evaluate(images, cube.compose(a, b))).abs().max() < 1e-12


def test_orders_agree_with_sympy(rng: np.random.Generator) -> None:
    from sympy.combinatorics import Permutation, PermutationGroup

    for degree in (4, 6, 8, 9):
        for _ in range(4):
            generators = [rng.permutation(degree) for _ in range(2)]
            expected = PermutationGroup([Permutation(p.tolist()) for p in generators]).order()
            assert StabiliserChain(np.array(generators)).order == expected


def test_a_family_knows_its_order_in_closed_form(generator: torch.Generator) -> None:
    big = eq.group("S50")
    assert big.order == math.factorial(50)
    assert big.contains(big.sample(3, generator))
    even = eq.group("A50").sample(5, generator)
    assert eq.group("A50").contains(even) and "chain" not in vars(eq.group("A50"))


def test_samples_are_uniform_and_reproducible() -> None:
    g = eq.group("S4")
    for group in (g, FiniteGroup.from_permutations(g.permutation_generators)):
        draws = group.sample(24 * 200, torch.Generator().manual_seed(3))
        counts = torch.bincount(group.index(draws), minlength=24).double()
        statistic = float(((counts - 200) ** 2 / 200).sum())
        assert statistic < 49.7  # chi-squared with 23 degrees of freedom, one false alarm in a thousand
        assert torch.equal(draws[:50], group.sample(24 * 200, torch.Generator().manual_seed(3))[:50])


def test_a_table_gives_the_same_group_as_its_permutations() -> None:
    s3 = eq.group("S3")
    e = s3.elements()
    table = s3.index(s3.compose(e[:, None], e[None, :]))
    g = FiniteGroup.from_table(table)
    assert g.order == 6 and len(g.description.discrete) == 2
    a, b = g.sample(5), g.sample(5)
    assert torch.equal(g.compose(a, b), table[a, b])
    assert torch.equal(g.compose(a, g.inverse(a)), torch.zeros(5, dtype=torch.int64))
    half = g.subgroup(g.elements()[1:2])
    assert half.order in (2, 3)
    assert half.inclusion is not None and g.contains(half.inclusion(half.elements()))


def test_subgroups_and_homomorphisms(generator: torch.Generator) -> None:
    d4 = eq.group("D4")
    c4 = d4.subgroup(d4.discrete_generators[:1], name="rotations")
    assert (c4.order, c4.parent, c4.name) == (4, d4, "rotations")
    s4, sign = eq.group("S4"), eq.group("C2")
    flip = sign.discrete_generators[0]
    phi = Homomorphism(s4, sign, [flip, flip])
    a, b = s4.sample(9, generator), s4.sample(9, generator)
    assert bool(sign.equal(phi(s4.compose(a, b)), sign.compose(phi(a), phi(b))).all())
    assert int((sign.index(phi(s4.elements())) == 0).sum()) == 12
    with pytest.raises(BadGroup, match="homomorphism"):
        Homomorphism(s4, sign, [flip, sign.identity])
    with pytest.raises(BadGroup, match="must belong"):
        eq.group("A4").subgroup(torch.tensor([[1, 0, 2, 3]]))


@pytest.mark.parametrize("name", ["D4", "S4", "Oh", "C4 x D3", "SO(3)", "SO(3) x S4", "SU(2)"])
def test_groups_are_values(name: str) -> None:
    g = eq.group(name)
    copy = pickle.loads(pickle.dumps(g))
    assert copy == g and hash(copy) == hash(g) and repr(copy) == name
    assert g != eq.group("C7")


def test_the_order_of_generators_belongs_to_the_value() -> None:
    p = eq.group("S4").permutation_generators
    assert FiniteGroup.from_permutations(p) == FiniteGroup.from_permutations(p.copy())
    assert FiniteGroup.from_permutations(p) != FiniteGroup.from_permutations(p[::-1])


def test_samples_are_the_same_before_and_after_an_element_is_written_as_a_word():
    cube = FiniteGroup.from_permutations(eq.group("Rubik").permutation_generators)
    before = cube.sample(5, torch.Generator().manual_seed(3))
    assert len(cube.chain.words) == len(cube.chain)
    assert torch.equal(cube.sample(5, torch.Generator().manual_seed(3)), before)


def test_a_large_group_without_short_words_is_sampled():
    n = 25
    cycle, swap = np.roll(np.arange(n), -1), np.array([1, 0, *range(2, n)])
    group = FiniteGroup.from_permutations([cycle, swap])
    assert group.order == math.factorial(n)
    g = group.sample(2000, torch.Generator().manual_seed(4))
    assert group.contains(g[:50])
    assert bool((g.sort(-1).values == torch.arange(n)).all())
    fixed = (g == torch.arange(n)).sum(-1).double()  # mean and variance of the number of fixed points are 1
    assert abs(float(fixed.mean()) - 1) < 0.1 and abs(float(fixed.var()) - 1) < 0.2
