"""What is measured: the function with its inputs, refused at the door where they cannot be."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import torch

from equilayers.errors import BadInput, TooLarge
from equilayers.measurement.joined import Joined, Tensors, fitted, leaves, mapped
from equilayers.measurement.probe import leaves_of, precision, shapes, wide

__all__ = ["count", "prepared", "shift_axis"]


def count(name: str, value: Any, least: int = 1, most: int = 10**6) -> int:
    """A whole number that is large enough, and not beyond what any machine evaluates."""
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool) or number < least:
        rule = f"{name}= must be a whole number of at least {least}."
        raise BadInput(rule, {name: repr(value)}, f"Give {name}={max(least, 16)}.")
    if number > most:
        raise TooLarge(f"{name}= asks for too much.", {name: number, "at most": most}, f"Give {name}={most} or less.")
    return number


def shift_axis(outputs: str | None, out_action: Any) -> int | None:
    """The axis of the classes where outputs are logits: that of the channels of a field, else the last."""
    if outputs is None:
        return None
    if not isinstance(outputs, str) or outputs != "logits" or isinstance(out_action, Joined):
        raise BadInput(
            "outputs= says what one output tensor is: None, or 'logits' for numbers up to a common shift.",
            {"outputs": repr(outputs), "out_action": type(out_action).__name__},
            "Leave it out, or measure the logits alone.",
        )
    return -1 if callable(out_action) else 1


def prepared(
    f: Callable[..., Any],
    inputs: Tensors | None,
    in_action: Any,
    n: int,
    generator: torch.Generator,
    default: torch.dtype | None = None,
) -> tuple[Tensors, list[torch.dtype], torch.device]:
    """Inputs in double precision, rounded to what ``f`` will see; the dtypes of that; the device of ``f``.

    Given inputs keep their dtype for a function, and take that of the parameters for a module. Drawn ones take that of
    the module, else ``default``, else torch's default.
    """
    if not callable(f):
        raise BadInput("The meter measures a function.", {"f": repr(f)}, "Give a module or a function.")
    module = f if isinstance(f, torch.nn.Module) else torch.nn.Module()
    parameters = [p for p in module.parameters() if p.is_floating_point() or p.is_complex()]
    buffers = [b for b in module.buffers() if b.is_floating_point() or b.is_complex()]
    dtype = _usual_dtype(parameters or (buffers if inputs is None else []))
    if inputs is None:
        dtype = dtype or default or torch.get_default_dtype()
        drawn = torch.complex128 if dtype.is_complex else torch.float64
        x = _batch(
            in_action, fitted(in_action, in_action.sample_input(n, generator=generator, dtype=drawn), "A drawn input")
        )
    else:
        x = _batch(in_action, fitted(in_action, inputs, "inputs="))
    device = next((t.device for t in (*module.parameters(), *module.buffers())), leaves_of(x)[0].device)
    dtypes = [t.dtype if dtype is None else precision(t, dtype) for t in leaves_of(x)]
    targets = iter(dtypes)
    rounded = mapped(lambda t: t.detach().to(next(targets)), x)
    _finite(x, "The meter needs finite inputs.", "Remove or replace these entries.")
    _finite(rounded, f"The meter needs inputs that {dtype} can hold.", "Scale the inputs, or measure in float32.")
    return mapped(wide, rounded), dtypes, device


def _usual_dtype(tensors: Sequence[torch.Tensor]) -> torch.dtype | None:
    """That of most numbers: norms and scales are often kept in another."""
    counts: Counter[torch.dtype] = Counter()
    for tensor in tensors:
        counts[tensor.dtype] += 0 if torch.nn.parameter.is_lazy(tensor) else tensor.numel()
    return counts.most_common(1)[0][0] if counts else None


def _batch(action: Any, x: Tensors) -> Tensors:
    """Real or complex tensors with one leading axis, where an element moves them."""
    for name, tensor in leaves(action, x).items():
        if not (tensor.is_floating_point() or tensor.is_complex()):
            raise BadInput(
                "An element moves real numbers, and an input holds integers.",
                {"input": name or "the input", "dtype": tensor.dtype, "shape": tuple(tensor.shape)},
                "Give .float() of measured numbers; hold labels, types and edges fixed by None in place of their "
                "action, as in in_action=(V, None), inputs=(x, z).",
            )
        if tensor.layout != torch.strided:
            raise BadInput(
                "An element moves dense tensors.",
                {"input": name or "the input", "layout": tensor.layout, "shape": tuple(tensor.shape)},
                "Give .to_dense(), or hold it fixed by None in place of its action.",
            )
    lengths = {len(t) if t.dim() else None for t in leaves(action, x).values()}
    if len(lengths) != 1 or None in lengths:
        raise BadInput(
            "Inputs need one batch on their leading axis.", {"shapes": shapes(x)}, "Give as many of each, first axis."
        )
    return x


def _finite(x: Tensors, rule: str, remedy: str) -> None:
    for tensor in leaves_of(x):
        bad = ~torch.isfinite(tensor if tensor.layout == torch.strided else tensor.to_dense())
        if bad.any():
            raise BadInput(
                rule,
                {"inputs": tuple(tensor.shape), "not finite": int(bad.sum()), "first at": bad.nonzero()[0].tolist()},
                remedy,
            )
