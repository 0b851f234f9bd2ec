"""check_irreps accepts what is right and rejects each broken twin with the name of the law it breaks."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

import equilayers as eq
from equilayers import representations
from equilayers.errors import BadInput, CheckFailed
from equilayers.measurement import check_irreps
from equilayers.representations import Images, Representation

O3, D4, Q8 = (eq.group(name) for name in ("O(3)", "D4", "Q8"))


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


def broken_irreps():
    d4 = eq.irreps(D4)
    q8 = eq.irreps(Q8)
    o3 = eq.irreps(O3, level=2)
    odd = next(irrep for irrep in o3 if irrep.label == "1o")
    yield "add up to the order", D4, d4[:-1]
    yield "add up to the order|inequivalent", D4, (*d4, Retyped(d4[-1], "again"))
    yield "inequivalent", D4, (*d4[:3], Retyped(d4[1], d4[3].label), *d4[4:])
    yield "unique", D4, (*d4[:-1], Retyped(d4[-1], d4[0].label))
    yield "'x'", D4, (*d4[:-1], Retyped(d4[-1], "E x 1"))
    yield "trivial irrep", D4, (d4[1], d4[0], *d4[2:])
    yield "ordered", D4, (d4[0], d4[-1], *d4[1:-1])
    yield "commutant", D4, (*d4[:-1], Retyped(eq.defining(D4) @ d4[-1], "four"))
    yield "Endomorphisms multiply|commutant", Q8, (*q8[:-1], Retyped(q8[-1], q8[-1].label, "real"))
    yield "Endomorphisms", Q8, (*q8[:-1], LeftUnits(q8[-1], q8[-1].label))
    yield "Endomorphisms", Q8, (*q8[:-1], NotCommuting(q8[-1], q8[-1].label))
    # A parity that is dropped leaves a good representation under a wrong label.
    lost = Retyped(odd, "1o", function=lambda g: odd(g) * torch.linalg.det(g)[..., None, None])
    yield "inequivalent", O3, tuple(lost if irrep.label == "1o" else irrep for irrep in o3)


@pytest.mark.parametrize(("law", "group", "twin"), [*broken_irreps()])
def test_broken_irreps_are_rejected(law, group, twin):
    with pytest.raises(CheckFailed, match=law):
        check_irreps(group, twin)


def test_a_wrong_decomposition_of_products_is_noticed(monkeypatch):
    right = representations.decompose

    def one_too_many(V):
        found = right(V)
        first = next(iter(found.multiplicities))
        return dataclasses.replace(found, multiplicities={**found.multiplicities, first: found.multiplicities[first] + 1})

    monkeypatch.setattr(representations, "decompose", one_too_many)
    with pytest.raises(CheckFailed, match="product"):
        check_irreps(D4)


def test_an_empty_list_of_irreps_is_refused():
    with pytest.raises(BadInput, match="needs irreps"):
        check_irreps(D4, ())
