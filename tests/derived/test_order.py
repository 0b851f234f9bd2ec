"""No derived value depends on what was derived before, on hashes, on how many threads there are, or on the process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from forget import forget
from order import everything

import equilayers as eq
from equilayers.numerics import derived

HERE = Path(__file__).parent


def elsewhere(seed: int, hashes: int, threads: int) -> dict[str, list[object]]:
    environment = {
        **os.environ,
        "PYTHONHASHSEED": str(hashes),
        "OMP_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": str(threads),
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    command = [sys.executable, str(HERE / "order.py"), str(seed), str(threads)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def differing(a: dict[str, list], b: dict[str, list], tolerance: float) -> list[str]:
    """Names whose values differ: texts and sizes at all, numbers by more than the tolerance."""

    def near(x, y):
        if isinstance(x, list) and isinstance(y, list):
            return len(x) == len(y) and np.allclose(x, y, rtol=0.0, atol=tolerance)
        return abs(x - y) <= tolerance if isinstance(x, float) else x == y

    return [k for k in a if len(a[k]) != len(b[k]) or not all(near(x, y) for x, y in zip(a[k], b[k], strict=True))]


@pytest.fixture(scope="module")
def expected():
    forget()
    return everything(0)


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)])
def test_whatever_was_derived_before(seed, expected):
    forget()
    found = everything(seed)
    assert found.keys() == expected.keys() and len(found) > 150
    assert differing(found, expected, 0.0) == []


@pytest.mark.parametrize(
    ("seed", "hashes", "threads"),
    [(4, 1, 2), (0, 2, 1), (5, 3, 4)],
)
@pytest.mark.slow
def test_in_another_process(seed, hashes, threads, expected):
    assert differing(elsewhere(seed, hashes, threads), expected, 1e-10) == []


def test_a_value_that_depends_on_what_ran_before_is_noticed(monkeypatch, expected):
    """The broken twin: a shelf for all groups of one name, whichever came first."""
    forget()
    by_name: dict[str, object] = {}
    monkeypatch.setattr(eq.groups.Group, "_told_apart_by", property(lambda G: by_name.setdefault(G.name, G.name)))
    monkeypatch.setattr(eq.groups.Group, "__eq__", lambda a, b: a.name == b.name)
    monkeypatch.setattr(eq.groups.Group, "__hash__", lambda a: hash(a.name))
    found = everything(1)
    assert differing(found, expected, 0.0)
    forget()


def test_arguments_of_equal_value_are_one_key():
    """Two representations of one value, made apart: one solution; of one name and two values: two."""
    V, W = eq.defining(eq.group("D5")), eq.defining(eq.group("D5"))
    assert V is not W and eq.hom(V, V).terms[0].core is eq.hom(W, W).terms[0].core

    @derived
    def of(rep):
        return rep.images.discrete + 0.0

    G = eq.group("D5")
    twins = [eq.representation(G, V.images.discrete[:, order][:, :, order], name="twin") for order in ([0, 1], [1, 0])]
    assert of(twins[0]) is not of(twins[1]) and not np.array_equal(of(twins[0]), of(twins[1]))
