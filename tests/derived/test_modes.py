"""What is derived is the same, and the same for the next caller, whatever the first was in the middle of."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from derivations import DERIVATIONS, GROUPS, derive, same
from forget import forget, kept
from modes import MODES, inside

import equilayers as eq
from equilayers import groups, intertwiners, representations

pytestmark = pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
SOME = ("D4", "SO(3)", "SE(2)", "Swaps")
SLOW = ("jit trace", "compile", "make_fx", "make_fx with fakes", "make_fx before dispatch", "vmap of grad")
DIFFERENT = ("FakeTensorMode", "meta", "inference", "function mode", "vmap")
MANY = (*(name for name in GROUPS if name not in SOME), "Turned")


@pytest.fixture(scope="module")
def reference():
    known: dict[str, dict[str, object]] = {}

    def of_group(of):
        if of not in known:
            forget()
            known[of] = {name: derive(name, of) for name in DERIVATIONS}
        return known[of]

    return of_group


def cases():
    """One group in every mode that is quick to enter, a few in one; further groups in those that differ most."""
    for mode in MODES:
        for of in (*SOME, *MANY) if mode in DIFFERENT else SOME:
            quick = (of == "D4" and mode not in SLOW) or (of in SOME and mode == "FakeTensorMode")
            yield pytest.param(mode, of, marks=() if quick else pytest.mark.slow)


@pytest.mark.parametrize(("mode", "of"), list(cases()))
def test_derived_values_are_the_same_numbers_in_every_mode(mode, of, reference):
    expected = reference(of)
    forget()
    first = inside(mode, lambda: {name: derive(name, of) for name in DERIVATIONS})
    wrong = [name for name in DERIVATIONS if not same(first[name], expected[name])]
    assert wrong == []
    after = {name: derive(name, of) for name in DERIVATIONS}  # by the second caller, in no mode
    assert [name for name in DERIVATIONS if not same(after[name], expected[name])] == []
    found = kept()
    assert not [x for x in found if isinstance(x, torch.Tensor)]
    arrays = [x for x in found if isinstance(x, np.ndarray)]
    assert all(x.dtype.kind in "biufc" for x in arrays)
    if mode != "compile":  # which makes arrays that a caller's own frame looks at writeable again
        assert not any(x.flags.writeable for x in arrays)
    assert len(found) > 100


def test_every_public_derivation_is_in_the_table():
    """Functions of the three rooms that derive, and the one class that checks what it is given."""
    public = {name for room in (groups, representations, intertwiners) for name in room.__all__}
    functions = {name for name in public if name[0].islower()}
    assert functions <= set(DERIVATIONS) and len(functions) >= 28 and "Homomorphism" in DERIVATIONS


def test_a_value_that_is_derived_in_the_callers_mode_is_noticed(monkeypatch):
    """The broken twin: a table entry that goes through torch outside of isolation."""
    monkeypatch.setitem(DERIVATIONS, "naive", lambda G: [(torch.ones(3, dtype=torch.float64) / 3).numpy()])
    expected, noticed = derive("naive", "D4"), []
    for mode in ("FakeTensorMode", "meta", "dispatch mode", "function mode", "grad", "vmap"):
        try:
            if not same(inside(mode, lambda: derive("naive", "D4")), expected):
                noticed.append(mode)
        except (RuntimeError, TypeError):
            noticed.append(mode)
    assert noticed == ["FakeTensorMode", "meta", "dispatch mode", "function mode", "grad"]  # vmap leaves it alone


def test_representations_whose_functions_refuse_nothing_derive_in_any_mode():
    """A user's own function with weights that ask for gradients, and a description by tensors."""
    turned = torch.eye(3, dtype=torch.float64, requires_grad=True)

    def images(g):
        return turned @ g

    G = eq.group("SO(3)")
    for mode in ("no_grad", "inference", "autocast bfloat16", "default float16", "jvp"):
        forget()
        V = inside(mode, lambda: eq.representation(G, lie=G.lie_basis, function=images))
        assert np.array_equal(V.images.lie, G.lie_basis) and eq.hom(V, eq.defining(G)).dim == 1
