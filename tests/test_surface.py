"""The public names: they resolve, they explain themselves by an executed example, and the package starts light."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import subprocess
import sys

import pytest

import equilayers as eq

HEAVY = ("scipy", "sympy", "e3nn", "sklearn", "matplotlib", "rich", "hypothesis", "einops", "networkx")
ROOMS = [room for room in eq._ROOMS if room not in ("experiments",)]


# First steps of a user, in order, in one fresh process.
STEPS = {
    "import": "import equilayers as eq",
    "groups": "eq.group('I').elements(); eq.group('SO(3) x S4').sample(3)",
    "meter": "V = eq.defining(eq.group('O(3)')); eq.equivariance_error(lambda x: 2 * x, V, V)",
    "testing": "eq.testing.check_group",
    "irreps": "eq.irreps(eq.group('I'))",
    "hom": "V = eq.defining(eq.group('D4')); eq.hom(V @ V, V @ V).dim",
    "layer": "eq.layers.Linear(2 * V, V)",
    "the broken twin": "import scipy",
}


@pytest.fixture(scope="module")
def loaded() -> dict[str, set[str]]:
    """Top-level packages loaded after each step, beyond those of ``import torch``."""
    lines = ["import sys, json, torch", "before, found = set(sys.modules), {}"]
    for name, code in STEPS.items():
        lines += [code, f"found[{name!r}] = sorted({{m.split('.')[0] for m in set(sys.modules) - before}})"]
    lines.append("print(json.dumps(found))")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    run = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, env=environment)
    assert run.returncode == 0, run.stderr
    return {name: set(packages) for name, packages in json.loads(run.stdout.splitlines()[-1]).items()}


def test_every_name_of_the_package_resolves():
    assert len(set(eq.__all__)) == len(eq.__all__) >= 34
    for name in eq.__all__:
        assert getattr(eq, name) is not None, name
    assert set(eq.__all__) <= set(dir(eq))


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'no_such_thing'"):
        _ = eq.no_such_thing


@pytest.mark.parametrize("room", ROOMS)
def test_every_name_of_a_room_resolves(room):
    package = importlib.import_module(f"equilayers.{room}")
    assert package.__all__ and all(hasattr(package, name) for name in package.__all__)


def needs_an_example(thing: object) -> bool:
    """Functions and classes do; children of the one exception are explained by it, and protocols are not called."""
    if inspect.isclass(thing):
        return not issubclass(thing, Exception) and not getattr(thing, "_is_protocol", False)
    return callable(thing)


def without_example(things: dict[str, object]) -> list[str]:
    return [name for name, thing in things.items() if needs_an_example(thing) and ">>>" not in (thing.__doc__ or "")]


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_object_has_an_example(room):
    package = importlib.import_module(f"equilayers.{room}")
    assert without_example({name: getattr(package, name) for name in package.__all__}) == []


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_object_has_a_docstring(room):
    package = importlib.import_module(f"equilayers.{room}")
    assert (package.__doc__ or "").strip()
    things = {name: getattr(package, name) for name in package.__all__}
    assert [n for n, t in things.items() if callable(t) and not (t.__doc__ or "").strip()] == []


def test_an_object_without_example_is_noticed():
    def silent():
        """No example."""

    def shown():
        """
        >>> 1
        1
        """

    assert without_example({"silent": silent, "shown": shown, "number": 3, "error": ValueError}) == ["silent"]


def test_import_is_light(loaded):
    assert loaded["import"] == {"equilayers"}


@pytest.mark.parametrize("step", [name for name in STEPS if name != "the broken twin"])
def test_first_steps_load_nothing_heavy(loaded, step):
    assert not loaded[step] & set(HEAVY)


def test_a_heavy_import_is_noticed(loaded):
    assert "scipy" in loaded["the broken twin"] & set(HEAVY)
