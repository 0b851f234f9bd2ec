"""What is derived is the same, and the same for the next caller, whatever the first was in the middle of."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from derivations import DERIVATIONS, GROUPS, derive, same
from forget import forget, kept
from modes import MODES, inside

pytestmark = pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
SOME = ("D4", "SO(3)", "SE(2)", "Swaps")
MANY = (*(name for name in GROUPS if name not in SOME), "Turned")


@pytest.fixture(scope="module")
def reference():
    forget()
    return {of: {name: derive(name, of) for name in DERIVATIONS} for of in (*SOME, *MANY)}


@pytest.mark.parametrize("of", [*SOME, *(pytest.param(of, marks=pytest.mark.slow) for of in MANY)])
@pytest.mark.parametrize("mode", MODES)
def test_derived_values_are_the_same_numbers_in_every_mode(mode, of, reference):
    forget()
    first = inside(mode, lambda: {name: derive(name, of) for name in DERIVATIONS})
    wrong = [name for name in DERIVATIONS if not same(first[name], reference[of][name])]
    assert wrong == []
    after = {name: derive(name, of) for name in DERIVATIONS}  # by the second caller, in no mode
    assert [name for name in DERIVATIONS if not same(after[name], reference[of][name])] == []
    found = kept()
    assert not [x for x in found if isinstance(x, torch.Tensor)]
    assert all(x.dtype.kind in "biufc" and not x.flags.writeable for x in found if isinstance(x, np.ndarray))
    assert len(found) > 100
