"""check_irreps accepts what is right and rejects each broken twin with the name of the law it breaks."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
import torch

import equilayers as eq
from equilayers import representations
from equilayers.errors import BadInput, CheckFailed
from equilayers.measurement import check_irreps
from equilayers.representations import Images, Representation

D4 = eq.group("D4")


LISTS = {
    "D4": {}, "C5": {}, "Q8": {}, "A4": {}, "S4": {}, "C3 x C3": {}, "Q8 x C3": {}, "A5": {},
    "SO(2)": {"level": 3}, "O(2)": {"level": 2}, "SO(3)": {"level": 3}, "O(3)": {"level": 2}, "SU(2)": {"level": 3},
    "SO(1,3)": {"level": 2},
}  # fmt: skip


@pytest.mark.parametrize("name", LISTS)
def test_irreps(name):
    report = check_irreps(eq.group(name), **LISTS[name])
    assert report.ran >= (14 if eq.group(name).is_finite else 9)


class Retyped(Representation):
    """An irrep with another label, type or function."""

    def __init__(self, model, label, type=None, function=None):
        self.model, self.group, self.dim, self.label, self.name = model, model.group, model.dim, label, label
        self.type, self.function = type or getattr(model, "type", "real"), function or model
        self.key = ("retyped", label, model.key)

    def __call__(self, g):
        return self.function(g)

    def _images(self):
        return Images(self.model.images.lie, self(self.group.discrete_generators).numpy())

    @property
    def end_dim(self):
        return {"real": 1, "complex": 2, "quaternionic": 4}[self.type]

    @property
    def endomorphisms(self):
        fitting = getattr(self.model, "type", None) == self.type
        return self.model.endomorphisms if fitting else np.eye(self.dim)[None]


class LeftUnits(Retyped):
    @property
    def endomorphisms(self):
        return np.concatenate([self.model.endomorphisms[:1], -self.model.endomorphisms[1:]])


class NotCommuting(Retyped):
    """The left multiplication by i in place of the right one."""

    @property
    def endomorphisms(self):
        units = self.model.endomorphisms.copy()
        units[1] = np.kron(np.eye(2), units[1][:2, :2])
        return units


def without_parity(irreps):
    """1o as a representation that forgets reflections: a good one, under a wrong label."""
    odd = next(irrep for irrep in irreps if irrep.label == "1o")
    lost = Retyped(odd, "1o", function=lambda g: odd(g) * torch.linalg.det(g)[..., None, None])
    return tuple(lost if irrep.label == "1o" else irrep for irrep in irreps)


def swapped(one, other):
    """Two irreps of one dimension, each under the label of the other."""
    exchange = {one: other, other: one}

    def twin(irreps):
        return tuple(Retyped(v, exchange[v.label]) if v.label in exchange else v for v in irreps)

    return twin


def transposed(irrep):
    return lambda g: irrep(g).transpose(-1, -2)


def last(irreps, twin):
    return (*irreps[:-1], twin)


# The law that is broken, the group, and what is made of its irreps.
BROKEN = {
    "one missing": ("add up to the order", "D4", lambda v: v[:-1]),
    "one twice": ("add up to the order|inequivalent", "D4", lambda v: (*v, Retyped(v[-1], "again"))),
    "one in place of another": ("inequivalent", "D4", lambda v: (*v[:3], Retyped(v[1], v[3].label), *v[4:])),
    "a repeated label": ("unique", "D4", lambda v: last(v, Retyped(v[-1], v[0].label))),
    "a label with blanks": ("'x'", "D4", lambda v: last(v, Retyped(v[-1], "E x 1"))),
    "another first": ("trivial irrep", "D4", lambda v: (v[1], v[0], *v[2:])),
    "another order": ("ordered", "D4", lambda v: (v[0], v[-1], *v[1:-1])),
    "reducible": ("commutant", "D4", lambda v: last(v, Retyped(eq.defining(D4) @ v[-1], "four"))),
    "another type": ("Endomorphisms multiply|commutant", "Q8", lambda v: last(v, Retyped(v[-1], v[-1].label, "real"))),
    "units of the left": ("Endomorphisms", "Q8", lambda v: last(v, LeftUnits(v[-1], v[-1].label))),
    "units that do not commute": ("Endomorphisms", "Q8", lambda v: last(v, NotCommuting(v[-1], v[-1].label))),
    "a lost parity": ("inequivalent", "O(3)", without_parity),
    "swapped labels": ("label is that of eq.irrep", "D5", lambda v: (*v[:2], Retyped(v[2], "E2"), Retyped(v[3], "E1"))),
    "swapped labels of a Lie group": ("label is that of eq.irrep", "O(3)", swapped("1o", "1e")),
    "no homomorphism": ("homomorphism", "D4", lambda v: last(v, Retyped(v[-1], "E1", function=lambda g: 2 * v[-1](g)))),
    "an antihomomorphism": ("homomorphism", "D4", lambda v: last(v, Retyped(v[-1], "E1", function=transposed(v[-1])))),
    "real, said to be complex": (
        "Endomorphisms multiply|commutant",
        "D4",
        lambda v: last(v, Retyped(v[-1], "E1", "complex")),
    ),
}


def test_there_are_enough_broken_lists():
    assert len(BROKEN) == 17


@pytest.mark.parametrize("case", BROKEN)
def test_broken_irreps_are_rejected(case):
    law, name, twin = BROKEN[case]
    group = eq.group(name)
    with pytest.raises(CheckFailed, match=law):
        check_irreps(group, twin(eq.irreps(group, **LISTS.get(name, {}))))


@pytest.mark.parametrize("name", ["D4", "S4", "Q8", "C5", "A5"])
def test_every_label_is_perturbed_in_turn(name):
    """A good irrep under the label of another one is noticed."""
    group = eq.group(name)
    found = eq.irreps(group)
    for i, j in itertools.permutations(range(len(found)), 2):
        if found[i].dim == found[j].dim:
            twin = list(found)
            twin[j] = Retyped(found[i], found[j].label)
            with pytest.raises(CheckFailed, match=r"inequivalent|trivial irrep|add up"):
                check_irreps(group, twin)


def test_a_wrong_decomposition_of_products_is_noticed(monkeypatch):
    right = representations.decompose

    def one_too_many(V):
        found = right(V)
        first = next(iter(found.multiplicities))
        return dataclasses.replace(
            found, multiplicities={**found.multiplicities, first: found.multiplicities[first] + 1}
        )

    monkeypatch.setattr(representations, "decompose", one_too_many)
    with pytest.raises(CheckFailed, match="product"):
        check_irreps(D4)


def test_an_empty_list_of_irreps_is_refused():
    with pytest.raises(BadInput, match="needs irreps"):
        check_irreps(D4, ())
