"""Every layer and every network is built with the same constants in every mode in which torch's own layers can be."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from forget import forget, kept
from modes import MODES, inside
from modules import LAYERS, MODELS, MODULES, NETWORKS, constants
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._pytree import tree_map

import equilayers as eq

pytestmark = pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
GROUPS = ("D4", "C8", "S4", "I", "SO(3)", "SU(3)", "SO(1,3)", "SE(2)")


@pytest.fixture(scope="module")
def reference():
    forget()
    return {name: constants(build()) for name, build in MODULES.items()}


def test_every_layer_and_network_is_among_them():
    built = {type(m).__name__ for build in LAYERS.values() for m in build().modules()}
    public = {name for name in eq.layers.__all__ if name[0].isupper()} - {"Layer"}
    assert public <= built and len(public) >= 27 and len(LAYERS) >= 68
    networks = {name for name in eq.models.__all__ if inspect.isclass(getattr(eq.models, name))}
    assert {type(build()).__name__ for build in MODELS.values()} == networks


def built_alike(mode: str, name: str, expected: dict[str, np.ndarray]) -> bool:
    """Whether it was built; where torch's own random numbers are refused, parameters are, and nothing else."""
    try:
        found = constants(inside(mode, MODULES[name]))
    except RuntimeError as refused:
        assert mode.startswith("vmap") and "randomness error mode" in str(refused), (name, refused)
        assert list(MODULES[name]().parameters()), name
        return False
    assert found.keys() == expected.keys() and all(np.array_equal(found[k], expected[k]) for k in found), name
    return True


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_constants_are_the_same_in_every_mode(mode, reference):
    forget()
    built = sum(built_alike(mode, name, reference[name]) for name in MODULES)
    assert built == len(MODULES) >= 83 if not mode.startswith("vmap") else built >= 30
    found = kept()
    assert not [x for x in found if isinstance(x, torch.Tensor)] and len(found) > 1000
    assert all(built_alike("no_grad", name, reference[name]) for name in MODULES)  # by the next caller


ONE_OF_EACH = {name.partition("-")[0]: name for name in reversed(LAYERS)}


@pytest.mark.parametrize(
    ("fresh", "names"),
    [
        (True, [*ONE_OF_EACH.values()]),
        *(pytest.param(fresh, [*LAYERS], marks=pytest.mark.slow) for fresh in (True, False)),
    ],
)
def test_fake_networks_work(fresh, names):
    """In a fresh process and after a real construction."""
    if fresh:
        forget()
    ran = 0
    for name, build in ((name, LAYERS[name]) for name in names):
        with FakeTensorMode() as mode:
            layer = build()
            assert all(isinstance(p, FakeTensor) for p in layer.parameters()), name
        real = layer.in_action.sample_input(3, generator=torch.Generator().manual_seed(0))
        with mode:
            x = mode.from_tensor(real).requires_grad_()
            y = layer(x)
            y.sum().backward()
        assert isinstance(y, FakeTensor) and y.shape == build()(real).shape, name
        assert isinstance(x.grad, FakeTensor) and x.grad.shape == x.shape, name
        ran += 1
    assert ran == len(names) >= 27


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS.CASES)
def test_fake_models_work(name):
    forget()
    real = NETWORKS.inputs(name)
    with FakeTensorMode() as mode:
        net = NETWORKS.CASES[name]()
        y = net(*tree_map(mode.from_tensor, real))
        y.sum().backward()
    assert isinstance(y, FakeTensor) and y.shape == NETWORKS.CASES[name]()(*real).shape


@pytest.mark.slow
def test_a_fresh_process_that_begins_with_fake_tensors():
    """What is derived there first serves real layers afterwards."""
    code = """
import torch, equilayers as eq
from torch._subclasses.fake_tensor import FakeTensorMode
for name in {groups!r}:
    with FakeTensorMode():
        V = eq.defining(eq.group(name))
        assert eq.layers.Linear(V, V)(torch.ones(2, V.dim)).shape == (2, V.dim)
    print(float(eq.layers.Linear(V, V).double()(torch.zeros(2, V.dim, dtype=torch.float64)).sum()))
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", code.format(groups=GROUPS)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["0.0"] * len(GROUPS)


@pytest.mark.parametrize("of", GROUPS)
def test_linear_layers_under_fake_tensors(of):
    for known in (False, True):
        if not known:
            forget()
        with FakeTensorMode():
            V = 2 * eq.defining(eq.group(of))
            layer = eq.layers.Linear(V, V)
            y = layer(torch.ones(3, V.dim))
        assert isinstance(y, FakeTensor) and y.shape == (3, V.dim)
        again = eq.layers.Linear(V, V)
        assert {n: p.shape for n, p in again.named_parameters()} == {n: p.shape for n, p in layer.named_parameters()}
        assert not any(isinstance(p, FakeTensor) for p in again.parameters())
        assert type(again(torch.ones(3, V.dim))) is torch.Tensor


def test_a_constant_that_is_derived_in_the_callers_mode_is_noticed(reference):
    """The broken twin: an array that went through torch outside of isolation."""

    class Naive(eq.layers.Layer):
        def __init__(self):
            super().__init__(eq.defining(eq.group("D4")), eq.defining(eq.group("D4")))
            self.register_constants({"third": (torch.ones(1, dtype=torch.float64) / 3).numpy()})

    expected = constants(Naive())
    MODULES["Naive"] = Naive
    try:
        for mode in ("FakeTensorMode", "meta", "function mode", "dispatch mode", "grad"):
            with pytest.raises((AssertionError, RuntimeError, TypeError)):
                built_alike(mode, "Naive", expected)
    finally:
        del MODULES["Naive"]


def test_layers_built_in_a_mode_train_outside_of_it():
    V = eq.regular(eq.group("D4"))
    for mode in ("no_grad", "autocast bfloat16", "flop counter", "grad", "jvp", "make_fx", "anomaly", "deterministic"):
        forget()
        inside(mode, lambda: eq.layers.Linear(V, V))
        layer = nn.Sequential(eq.layers.Linear(V, V), eq.layers.NormActivation(V))
        layer(torch.ones(2, 8)).sum().backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in layer[0].parameters())
