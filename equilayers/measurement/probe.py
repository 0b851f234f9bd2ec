"""How measurement calls a function: on copies, in the function's own dtype, and without leaving a trace in it."""

from __future__ import annotations

import inspect
import operator
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import BadInput, EquilayersError
from equilayers.measurement.joined import Tensors, fitted, leaves, mapped, rows

__all__ = [
    "Probe",
    "as_generator",
    "as_numbers",
    "batch_size",
    "called",
    "eps",
    "kept_streams",
    "leaves_of",
    "moved",
    "precision",
    "shapes",
    "stacked",
    "uncompiled",
    "undisturbed",
    "wide",
]

CHUNK = 1024
OUTPUT = "The measured function must map a batch to a batch; its output"


def as_generator(generator: torch.Generator | int) -> torch.Generator:
    """A generator as it is, or a fresh one with that seed."""
    if isinstance(generator, torch.Generator):
        return generator
    try:
        return torch.Generator().manual_seed(operator.index(generator))
    except (TypeError, ValueError, RuntimeError) as problem:
        raise BadInput(
            "generator= must be a torch.Generator or a seed.", {"generator": repr(generator)}, "Give generator=0."
        ) from problem


def eps(dtype: torch.dtype) -> float:
    """One roundoff; 0 for integers."""
    return torch.finfo(dtype).eps if dtype.is_floating_point or dtype.is_complex else 0.0


def precision(tensor: Tensor, dtype: torch.dtype) -> torch.dtype:
    """A dtype's precision for a tensor: complex stays complex, integers stay as they are."""
    if tensor.is_complex():
        return dtype.to_complex()
    return dtype.to_real() if tensor.is_floating_point() else tensor.dtype


def wide(tensor: Tensor) -> Tensor:
    """In double precision on the CPU; integers as they are."""
    return tensor.to(device="cpu", dtype=precision(tensor, torch.float64))


def batch_size(action: Any, x: Tensors) -> int:
    """How many there are: the length of the first tensor that moves."""
    return len(next(iter(leaves(action, x).values())))


def shapes(x: Tensors) -> object:
    """For error messages."""
    return mapped(lambda tensor: tuple(tensor.shape), x)  # type: ignore[arg-type, return-value]


def moved(action: Any, g: Tensor, x: Tensors, what: str) -> Tensors:
    """``x`` moved by ``g``; an error that names ``what`` where it does not fit its action."""
    try:
        return action.transform(g, x)
    except Exception as problem:  # whatever an action raises
        image = isinstance(x, Tensor) and callable(action) and x.dim() > 3
        raise BadInput(
            f"{what} does not fit its action.",
            {"shape": shapes(x), "action": repr(action), "because": _first_line(problem)},
            "A representation acts on the last axis; images need eq.GridField(rep, dims=2)."
            if image
            else "Give the action that moves this tensor.",
        ) from problem


def called(f: Callable[..., Any], x: Tensors) -> Any:
    """``f`` of several tensors: as arguments where it takes as many, by keyword where it has the names, else as one."""
    if isinstance(x, Tensor):
        return f(x)
    try:
        signature = inspect.signature(f.forward if isinstance(f, torch.nn.Module) else f)
    except (TypeError, ValueError):  # builtin and scripted callables; torch's own convention is one argument each
        return f(*x) if isinstance(x, tuple) else f(x)
    if isinstance(x, tuple):
        try:
            signature.bind(*x)
        except TypeError:
            return f(x)
        return f(*x)
    return f(**x) if set(x) <= set(signature.parameters) else f(x)


def uncompiled(f: Callable[..., Any]) -> Callable[..., Any]:
    """What a compiled module was compiled from; anything else as it is."""
    return getattr(f, "_orig_mod", f)


def _first_line(problem: Exception) -> str:
    return f"{type(problem).__name__}: {(str(problem).splitlines() or [''])[0]}"


class Probe:
    """A function as measurement sees it: tensors in double precision in, its outputs as they come, on the CPU.

    Args:
        f: the function.
        in_action: how its inputs move: the first tensor that does tells how many there are.
        out_action: what its output must fit.
        dtypes: what each input tensor is cast to before ``f`` sees it.
        device: where ``f`` computes.
        shift_axis: outputs count up to a common shift along this axis.
    """

    def __init__(
        self,
        f: Callable[..., Any],
        in_action: Any,
        out_action: Any,
        dtypes: Sequence[torch.dtype],
        device: torch.device,
        shift_axis: int | None = None,
    ) -> None:
        self.f, self.in_action, self.out_action = f, in_action, out_action
        self.dtypes, self.device, self.shift_axis = dtypes, device, shift_axis
        self.differentiates = False  # whether f needs gradients inside; seen at its first call
        self.overflowed = 0  # entries of inputs that their dtype cannot hold

    def size(self, x: Tensors) -> int:
        """How many inputs there are."""
        return batch_size(self.in_action, x)

    def of(self, f: Callable[..., Any], dtypes: Sequence[torch.dtype] | None = None) -> Probe:
        """The same for another function that takes the same inputs, perhaps in other dtypes."""
        return Probe(f, self.in_action, self.out_action, dtypes or self.dtypes, self.device, self.shift_axis)

    def __call__(self, x: Tensors) -> Tensors:
        """The outputs of a batch, in the dtypes in which they came."""
        n = self.size(x)
        parts = [self._part(rows(x, slice(i, i + CHUNK), n)) for i in range(0, max(n, 1), CHUNK)]
        return parts[0] if len(parts) == 1 else stacked(parts)

    def _part(self, x: Tensors) -> Tensors:
        try:
            return self._attempt(x, self.differentiates)
        except EquilayersError:
            raise
        except Exception as problem:  # whatever a function raises
            if not self.differentiates:
                try:  # functions that differentiate inside, such as forces, cannot do without gradients
                    y = self._attempt(x, True)
                    self.differentiates = True
                    return y
                except Exception:
                    pass  # the first problem is the one to tell
            raise BadInput(
                "The measured function fails on an input.",
                {"input": shapes(x), "dtype": sorted({str(d) for d in self.dtypes}), "because": _first_line(problem)},
                "Give inputs= and an in_action that fit the function, or mend it.",
            ) from problem

    def _attempt(self, x: Tensors, gradients: bool) -> Any:
        dtypes = iter(self.dtypes)

        def given(tensor: Tensor) -> Tensor:
            """A copy, so that a function that works in place changes nothing of ours."""
            dtype = next(dtypes)
            if tensor.layout != torch.strided:
                return tensor.detach().to(self.device, dtype, copy=True)
            tensor = tensor.detach().to(self.device, dtype, copy=True, memory_format=torch.contiguous_format)
            if tensor.is_floating_point() or tensor.is_complex():
                self.overflowed += int((~torch.isfinite(tensor)).sum())
                tensor.requires_grad_(gradients)
            return tensor

        with torch.set_grad_enabled(gradients):
            y = called(self.f, mapped(given, x))
        y = mapped(_plain, fitted(self.out_action, y, OUTPUT))
        for tensor in leaves_of(y):
            if tensor.dim() < 1 or len(tensor) != self.size(x):
                raise BadInput(
                    "The measured function must map a batch to a batch.",
                    {"input": shapes(x), "output": shapes(y)},
                    "Return tensors whose leading axis is that of the input.",
                )
        return y if self.shift_axis is None else _unshifted(y, self.shift_axis)


def leaves_of(x: Tensors) -> list[Tensor]:
    """All tensors of a value."""
    found: list[Tensor] = []
    mapped(lambda tensor: found.append(tensor) or tensor, x)  # type: ignore[func-returns-value]
    return found


def as_numbers(y: Tensor) -> Tensor:
    """Integers and truth values in double precision, so that matrices act on them; anything else as it is."""
    return y if y.is_floating_point() or y.is_complex() else y.double()


def _plain(y: Tensor) -> Tensor:
    """An ordinary tensor of our own on the CPU, whatever the function returned."""
    y = y.detach()
    if hasattr(y, "full_tensor"):  # sharded
        y = y.full_tensor()
    if y.layout != torch.strided:
        y = y.to_dense()
    if y.is_quantized:
        y = y.dequantize()
    return as_numbers(y).to("cpu", copy=True)


def _unshifted(y: Tensor, axis: int) -> Tensor:
    if y.dim() < 2:
        raise BadInput(
            "Logits need an axis of classes.",
            {"output": tuple(y.shape)},
            "Return (batch, classes), or (batch, classes, ...).",
        )
    y = y.to(torch.promote_types(y.dtype, torch.float32))
    return y - y.mean(axis, keepdim=True)


def stacked(parts: list[Tensors]) -> Tensors:
    """Batches, one after another."""
    remaining = [iter(leaves_of(part)) for part in parts]
    return mapped(lambda _: torch.cat([next(each) for each in remaining]), parts[0])


@contextmanager
def kept_streams(device: torch.device, seed: int) -> Iterator[None]:
    """The global random streams of torch, numpy and Python start from a seed, and are as before afterwards.

    Args:
        device: whose stream is kept beside the CPU's.
        seed: of the streams meanwhile, so that a random function is measured alike each time.
    """
    streams = random.getstate(), np.random.get_state()  # noqa: NPY002 - the legacy stream is the global one
    others = [] if device.type in ("cpu", "meta") else [device]
    try:
        with torch.random.fork_rng(others, device_type=others[0].type if others else "cuda"):
            torch.default_generator.manual_seed(seed)
            if others:
                getattr(torch, device.type).manual_seed(seed)
            random.seed(seed)
            np.random.seed(seed % 2**32)  # noqa: NPY002
            yield
    finally:
        random.setstate(streams[0])
        np.random.set_state(streams[1])  # noqa: NPY002


@contextmanager
def in_evaluation(f: Callable[..., object]) -> Iterator[None]:
    """A module in evaluation mode; afterwards the modes and buffers of all its parts are as before."""
    parts = list(f.modules()) if isinstance(f, torch.nn.Module) else []
    modes = [(part, part.training) for part in parts if hasattr(part, "training")]  # frozen scripts have none
    buffers = [
        (part, name, buffer, buffer.clone())
        for part in parts
        for name, buffer in part.named_buffers(recurse=False)
        if not torch.nn.parameter.is_lazy(buffer)
    ]
    try:
        for part, _ in modes:
            part.training = False
        yield
    finally:
        for part, mode in modes:
            part.training = mode
        for part, name, buffer, value in buffers:
            _restore(part, name, buffer, value)


@contextmanager
def undisturbed(f: Callable[..., object], device: torch.device, seed: int) -> Iterator[None]:
    """In evaluation mode, and nothing changed afterwards: see the two above."""
    with kept_streams(device, seed), in_evaluation(f):
        yield


def _restore(part: torch.nn.Module, name: str, buffer: Tensor, value: Tensor) -> None:
    if getattr(part, name, None) is not buffer:
        setattr(part, name, buffer)
    if not buffer.is_meta and not torch.equal(buffer, value):  # NaN included: written again, as it was
        with torch.no_grad():
            buffer.copy_(value)
