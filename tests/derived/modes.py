"""Every state of torch in which a caller may ask for something derived, as a function that runs a function in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

import numpy as np
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

T = TypeVar("T")


class Doubling(TorchDispatchMode):
    """A user's mode that changes results: what is derived in it must not pass through it."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        return found * 2 if isinstance(found, torch.Tensor) and found.is_floating_point() else found


class Halving(TorchFunctionMode):
    """The same one level higher."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        return found / 2 if type(found) is torch.Tensor and found.is_floating_point() else found


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def default_device(device: str) -> Iterator[None]:
    torch.set_default_device(device)
    try:
        yield
    finally:
        torch.set_default_device(None)


@contextmanager
def deterministic() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


CONTEXTS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "FakeTensorMode": FakeTensorMode,
    "meta": lambda: torch.device("meta"),
    "default device meta": lambda: default_device("meta"),
    "inference": torch.inference_mode,
    "no_grad": torch.no_grad,
    "autocast bfloat16": lambda: torch.autocast("cpu", torch.bfloat16),
    "autocast float16": lambda: torch.autocast("cpu", torch.float16),
    "default float64": lambda: default_dtype(torch.float64),
    "default float16": lambda: default_dtype(torch.float16),
    "default bfloat16": lambda: default_dtype(torch.bfloat16),
    "deterministic": deterministic,
    "dispatch mode": Doubling,
    "function mode": Halving,
    "flop counter": lambda: FlopCounterMode(display=False),
    "numpy raises": lambda: np.errstate(all="raise"),
    "saved tensor hooks": lambda: torch.autograd.graph.saved_tensors_hooks(lambda x: x * 2, lambda x: x),
    "anomaly": lambda: torch.autograd.set_detect_anomaly(True),
}
TRANSFORMS: dict[str, Callable[[Callable[..., Any]], Any]] = {
    "grad": lambda f: torch.func.grad(f)(torch.ones(3)),
    "vmap": lambda f: torch.func.vmap(f)(torch.ones(2, 3)),
    "vmap of grad": lambda f: torch.func.vmap(torch.func.grad(f))(torch.ones(2, 3)),
    "jvp": lambda f: torch.func.jvp(f, (torch.ones(3),), (torch.ones(3),)),
    "functionalize": lambda f: torch.func.functionalize(f)(torch.ones(3)),
    "make_fx": lambda f: make_fx(f)(torch.ones(3)),
    "make_fx with fakes": lambda f: make_fx(f, tracing_mode="symbolic")(torch.ones(3)),
    "make_fx before dispatch": lambda f: make_fx(f, pre_dispatch=True)(torch.ones(3)),
    "jit trace": lambda f: torch.jit.trace(f, torch.ones(3)),
    "compile": lambda f: torch.compile(f, backend="eager")(torch.ones(3)),
}


def inside(mode: str, work: Callable[[], T]) -> T:
    """``work()``, in the mode."""
    if mode in CONTEXTS:
        with CONTEXTS[mode]():
            return work()
    found: list[T] = []

    def body(x: torch.Tensor) -> torch.Tensor:
        found.append(work())
        return x.sum()

    if mode == "compile":
        torch._dynamo.reset()
    TRANSFORMS[mode](body)
    return found[0]


MODES = (*CONTEXTS, *TRANSFORMS)
