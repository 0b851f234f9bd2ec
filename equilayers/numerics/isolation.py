"""Derivations outside every mode of torch that the caller may be in: what they find is then the same for everyone."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, ParamSpec, TypeVar

import numpy as np
import torch

# Private, for want of public names: with public ones a mode is left only by whoever entered it. Each of these is tried
# on its own by tests/numerics/test_isolation.py, which fails when a later torch moves it.
from torch._C import (
    DisableTorchFunction,
    _DisableAutocast,
    _DisableTorchDispatch,
    _len_torch_dispatch_stack,
    _len_torch_function_stack,
)
from torch._C._dynamo.eval_frame import get_eval_frame_callback, set_eval_frame
from torch._C._functorch import peek_interpreter_stack
from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack

__all__ = ["isolated", "isolation", "untraced"]

P = ParamSpec("P")
T = TypeVar("T")
ERRORS = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}  # as numpy starts


class _Here(threading.local):
    isolated = False


_here = _Here()


class isolation:
    """A context in which torch computes as in a fresh process, whatever its caller is in the middle of.

    Left behind are function and dispatch modes (a default device, ``FakeTensorMode``, a user's own), transforms
    (``torch.func.vmap``, ``grad``), inference mode, ``no_grad``, autocast, the tracing of ``torch.compile``, and
    numpy's error state. The default dtype is one for all threads and cannot be left: a derivation names its dtypes.
    Tensors made inside are plain ones on the CPU; those of a transform or of a fake mode must not be brought in.

    Example:
        >>> import torch
        >>> with torch.device("meta"), torch.inference_mode(), isolation():
        ...     x = torch.ones(2)
        >>> x.device.type, x.is_inference()
        ('cpu', False)
    """

    def __enter__(self) -> None:
        self.nested = _here.isolated
        self.left = None if self.nested or _is_undisturbed() else _leave_modes()
        _here.isolated = True
        if self.left is not None:
            self.left.__enter__()

    def __exit__(self, *problem: Any) -> None:
        _here.isolated = self.nested
        if self.left is not None:
            self.left.__exit__(*problem)


def _is_undisturbed() -> bool:
    """Whether there is nothing to leave: nearly always, and leaving takes ten times as long as asking."""
    return (
        not _len_torch_function_stack()
        and not _len_torch_dispatch_stack()
        and torch.is_grad_enabled()
        and not torch.is_inference_mode_enabled()
        and not torch.is_autocast_enabled("cpu")
        and peek_interpreter_stack() is None
        and get_eval_frame_callback() is None
        and np.geterr() == ERRORS
    )


@contextmanager
def _leave_modes() -> Iterator[None]:
    tracing = set_eval_frame(None)
    try:
        with (
            DisableTorchFunction(),
            _DisableTorchDispatch(),
            nullcontext() if peek_interpreter_stack() is None else temporarily_clear_interpreter_stack(),
            torch.inference_mode(False),
            torch.enable_grad(),
            _DisableAutocast(),
            np.errstate(**ERRORS),  # type: ignore[arg-type]
        ):
            yield
    finally:
        set_eval_frame(tracing)


def isolated(function: Callable[P, T]) -> Callable[P, T]:
    """``function``, called in :class:`isolation`.

    Example:
        >>> import torch
        >>> @isolated
        ... def one():
        ...     return torch.ones(()).item()
        >>> with torch.device("meta"):
        ...     one()
        1.0
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        with isolation():
            return function(*args, **kwargs)

    return untraced(call)


def untraced(call: Callable[P, T]) -> Callable[P, T]:
    """``call`` itself, marked so that ``torch.compile`` breaks its graph there and calls it as it is."""
    call._torchdynamo_disable = True  # type: ignore[attr-defined]
    return call
