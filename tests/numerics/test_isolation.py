"""Inside an isolation torch computes as if nobody had asked; each way to leave a mode is needed."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from equilayers.numerics import isolated, isolation
from equilayers.numerics.isolation import _here

room = sys.modules["equilayers.numerics.isolation"]


class Refusing(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        raise RuntimeError("seen below")


class Objecting(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        raise RuntimeError("seen above")


def numbers() -> np.ndarray:
    """Something of everything that derivations do."""
    x = torch.linspace(0, 1, 9, dtype=torch.float64).reshape(3, 3)
    index = torch.arange(3).flip(0)
    drawn = torch.randn(3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    y = torch.linalg.matrix_exp(x @ torch.from_numpy(np.eye(3)))[index] + drawn
    if bool((y > 1e9).any()):
        raise AssertionError
    weight = torch.ones(3, requires_grad=True)
    (slope,) = torch.autograd.grad((weight * 2).sum(), weight)
    return np.concatenate([y.numpy().ravel(), slope.numpy(), [float(y.sum()), np.exp(-800.0) * 1e-300]])


EXPECTED = numbers()
LOST: dict[str, tuple[str, ...]] = {  # of the ways to leave: those without which this mode is felt
    "FakeTensorMode": ("_DisableTorchDispatch",),
    "meta": ("DisableTorchFunction",),
    "dispatch mode": ("_DisableTorchDispatch",),
    "function mode": ("DisableTorchFunction",),
    "no_grad": ("enable_grad",),
    "numpy raises": ("errstate",),
    "grad": ("temporarily_clear_interpreter_stack",),
    "vmap": ("temporarily_clear_interpreter_stack",),
    "jit trace": ("_set_tracing_state",),
}
ERRSTATE = np.errstate
CONTEXTS = {
    "FakeTensorMode": FakeTensorMode,
    "meta": lambda: torch.device("meta"),
    "dispatch mode": Refusing,
    "function mode": Objecting,
    "no_grad": torch.no_grad,
    "numpy raises": lambda: ERRSTATE(all="raise"),
}
TRANSFORMS = {
    "grad": lambda f: torch.func.grad(f)(torch.ones(2)),
    "vmap": lambda f: torch.func.vmap(f)(torch.ones(2, 2)),
    "jit trace": lambda f: torch.jit.trace(f, torch.ones(2)),
}


def within(mode, work):
    if mode in CONTEXTS:
        with CONTEXTS[mode]():
            return work()
    found = []

    def body(x):
        found.append(work())
        return x.sum()

    with warnings.catch_warnings():
        warnings.simplefilter("error", torch.jit.TracerWarning)
        TRANSFORMS[mode](body)
    return found[0]


@pytest.mark.parametrize("mode", LOST)
def test_numbers_are_the_same_inside(mode):
    assert np.array_equal(within(mode, isolated(numbers)), EXPECTED)


@pytest.mark.parametrize(("mode", "way"), [(mode, way) for mode, ways in LOST.items() for way in ways])
def test_without_one_way_to_leave_its_mode_is_felt(mode, way, monkeypatch):
    """Each private name of torch is there for a reason, and this is what notices that a later torch moved it."""
    if way == "enable_grad":
        monkeypatch.setattr(torch, "enable_grad", torch.no_grad)
    elif way == "errstate":
        monkeypatch.setattr(np, "errstate", lambda **kinds: contextlib.nullcontext())
    elif way == "_set_tracing_state":
        monkeypatch.setattr(room, way, lambda state: None)
    else:
        monkeypatch.setattr(room, way, contextlib.nullcontext)
    try:
        changed = not np.array_equal(within(mode, isolated(numbers)), EXPECTED)
    except (RuntimeError, TypeError, AssertionError, FloatingPointError, SystemError):
        changed = True
    assert changed


def test_tensors_made_inside_inference_mode_are_ordinary():
    with torch.inference_mode(), isolation():
        x = torch.ones(2)
    (torch.nn.Parameter(torch.ones(2)) * x).sum().backward()
    with torch.inference_mode():
        assert torch.ones(2).is_inference()  # and the caller's mode is as it was


def test_products_inside_autocast_are_not_rounded():
    x = torch.full((4, 4), 1.0 + 2.0**-12)
    with torch.autocast("cpu", torch.bfloat16):
        with isolation():
            y = x @ x
        assert (x @ x).dtype == torch.bfloat16
    assert y.dtype == torch.float32 and torch.equal(y, x @ x)


def test_the_callers_state_is_as_it_was_after_a_result_and_after_an_error():
    def state():
        return (
            torch.is_grad_enabled(),
            torch.is_inference_mode_enabled(),
            torch.is_autocast_enabled("cpu"),
            room._len_torch_function_stack(),
            room._len_torch_dispatch_stack(),
            np.geterr(),
            torch.empty(0).device.type,
            _here.isolated,
        )

    with torch.device("meta"), torch.no_grad(), torch.autocast("cpu"), np.errstate(all="raise"), torch.inference_mode():
        before = state()
        for problem in (None, ValueError("of the derivation")):
            with contextlib.suppress(ValueError), isolation(), isolation():
                assert state() != before
                if problem is not None:
                    raise problem
            assert state() == before
    assert not _here.isolated


def test_isolation_is_of_one_thread():
    seen = []
    with torch.device("meta"), isolation():
        thread = threading.Thread(target=lambda: seen.append(_here.isolated))
        thread.start()
        thread.join()
    assert seen == [False]


def test_compiled_functions_call_what_is_isolated_as_it_is():
    torch._dynamo.reset()
    seen = []

    @isolated
    def third():
        seen.append(torch.compiler.is_compiling())
        return np.ones(3) / 3

    def body(x):
        return x * 2, float(third().sum())

    y, total = torch.compile(body, backend="eager")(torch.ones(2))
    assert y.tolist() == [2.0, 2.0] and total == 1.0 and seen == [False]


def test_nothing_heavy_is_imported():
    code = "import sys, equilayers.numerics; print('torch._dynamo' in sys.modules, 'sympy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
