"""Blocks of the equations by weights: a partition that no generator mixes, and the same maps as from one block."""

from __future__ import annotations

import numpy as np
import pytest

import equilayers as eq
from equilayers.intertwiners import iterated
from equilayers.intertwiners.graded import graded_blocks
from equilayers.intertwiners.iterated import generating_part, iterated_invariants
from equilayers.intertwiners.legs import apply_derivative, apply_matrix, legs_of, total_size
from equilayers.intertwiners.nullspace import solved_invariants

NAMES = ["Heisenberg", "E(2)", "SE(2)", "E(3)", "SE(3)", "Galilei", "Poincare", "D4", "SO(3)", "Scaling(2)"]


def both(V, W):
    return [*legs_of(W, dual=False), *legs_of(V, dual=True)]


def gram(legs):
    unit = np.eye(total_size(legs))
    lie = generating_part(legs[0].rep.group)
    equations = [apply_derivative([leg.lie[i] for leg in legs], unit) for i in lie]
    equations += [apply_matrix([leg.discrete[i] for leg in legs], unit) - unit for i in range(len(legs[0].discrete))]
    return sum(e.T @ e for e in equations)


def cases():
    for name in NAMES:
        V = eq.defining(eq.group(name))
        yield pytest.param(V, V, id=name)
        if V.dim < 4:
            yield pytest.param(V @ V, V @ V, id=f"{name}, squares")
            yield pytest.param(V @ V.dual, V.sym(2), id=f"{name}, symmetric")


@pytest.mark.parametrize(("V", "W"), list(cases()))
def test_blocks_are_a_partition_that_the_equations_do_not_mix(V, W):
    legs = both(V, W)
    blocks = graded_blocks(legs, generating_part(V.group))
    assert np.array_equal(np.sort(np.concatenate(blocks)), np.arange(total_size(legs)))
    outside = np.abs(gram(legs))
    for block in blocks:
        outside[np.ix_(block, block)] = 0.0
    assert outside.max() < 1e-14


@pytest.mark.parametrize(("name", "blocks"), [("Heisenberg", 19), ("E(2)", 5), ("SE(3)", 5), ("SO(3)", 1)])
def test_as_many_blocks_as_differences_of_contents(name, blocks):
    """Two independent letters of three for the Heisenberg group, the translations' scale for motions."""
    V = eq.defining(eq.group(name))
    assert len(graded_blocks(both(V @ V, V @ V), generating_part(V.group))) == blocks


@pytest.mark.parametrize("dense", [0, 10_000])
@pytest.mark.parametrize("name", ["Heisenberg", "E(2)", "SE(3)"])
def test_blocks_find_what_all_equations_find(monkeypatch, name, dense):
    monkeypatch.setattr(iterated, "DENSE", dense)
    V = eq.defining(eq.group(name))
    found, expected = iterated_invariants(both(V @ V, V @ V)), solved_invariants(both(V @ V, V @ V))
    assert np.abs(found @ found.T - expected @ expected.T).max() < 1e-11


def test_blocks_that_cut_an_equation_would_be_noticed(monkeypatch):
    V = eq.defining(eq.group("E(2)"))
    legs = both(V @ V, V @ V)
    halves = [half for block in graded_blocks(legs, generating_part(V.group)) for half in np.array_split(block, 2)]
    monkeypatch.setattr(iterated, "graded_blocks", lambda *_: halves)
    assert iterated_invariants(legs).shape[1] != solved_invariants(legs).shape[1]
