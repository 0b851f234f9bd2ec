"""The same function in double precision, where there is one, and in what precision a function really computes."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from equilayers.errors import EquilayersError
from equilayers.measurement.joined import Tensors
from equilayers.measurement.probe import Probe, eps, leaves_of, precision, uncompiled

__all__ = ["NoTwin", "Twin", "computed_roundoff"]


class NoTwin(EquilayersError):
    """A function has no double in higher precision."""


class _Watch(TorchDispatchMode):
    """Where a function goes over to less precision: constants that take no part in that are no matter."""

    def __init__(self) -> None:
        super().__init__()
        self.lowered: set[tuple[float, torch.dtype]] = set()  # from this roundoff to that dtype

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else torch loads its compiler, for seconds, at the first call

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        finest = min((eps(t.dtype) for t in _tensors((args, kwargs)) if eps(t.dtype)), default=1.0)
        self.lowered |= {(finest, t.dtype) for t in _tensors(out) if eps(t.dtype) > finest}
        return out


def _tensors(value: object) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from _tensors(part)
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()))


def computed_roundoff(probe: Probe, x: Tensors) -> float:
    """One roundoff of the lowest precision in which a function takes, computes or answers."""
    watch = _Watch()
    try:
        with watch:
            y = probe(x)
    except Exception:  # what cannot be watched is taken to compute in the precision of its input and output
        y = probe(x)
    seen = {*probe.dtypes, *(t.dtype for t in leaves_of(y)), *(dtype for _, dtype in watch.lowered)}
    return max((eps(dtype) for dtype in seen), default=0.0)


class Twin:
    """A copy of a module in double precision; of a function, itself on inputs in double precision.

    Raises:
        NoTwin: with the reason.
    """

    def __init__(self, probe: Probe, x: Tensors) -> None:
        dtypes = [precision(tensor, torch.float64) for tensor in leaves_of(x)]
        if all(eps(dtype) <= eps(torch.float64) for dtype in probe.dtypes) and not _lower(probe.f):
            raise NoTwin("all that it is given and holds is in float64")
        self.probe = probe.of(_in_double(probe.f), dtypes)

    def __call__(self, x: Tensors) -> Tensors:
        with _told(), _Watch() as watch:
            y = self.probe(x)
        double = eps(torch.float64)
        lower = {dtype for roundoff, dtype in watch.lowered if roundoff <= double}
        lower |= {t.dtype for t in leaves_of(y) if eps(t.dtype) > double}
        if lower:
            raise NoTwin(f"it computes in {min(map(str, lower))} inside")
        return y


def _lower(f: Callable[..., Any]) -> bool:
    """Whether a module holds numbers of less than double precision."""
    if not isinstance(f, torch.nn.Module):
        return False
    return any(eps(t.dtype) > eps(torch.float64) for t in (*f.parameters(), *f.buffers()))


def _in_double(f: Callable[..., Any]) -> Callable[..., Any]:
    if not isinstance(f, torch.nn.Module):
        return f
    with _told():
        twin: Any = copy.deepcopy(uncompiled(f))
        return twin._apply(lambda tensor: tensor.to(precision(tensor, torch.float64)))


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except NoTwin:
        raise
    except Exception as problem:  # sharded, quantised, exported and hooked modules refuse in many ways
        cause = problem.__cause__ or problem
        raise NoTwin(f"double precision raises {type(cause).__name__}") from problem
