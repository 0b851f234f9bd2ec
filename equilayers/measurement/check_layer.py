"""Laws of a layer: equivariance of output and gradient, and what any module owes its user."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from equilayers.errors import BadInput
from equilayers.measurement.check_group import pickled
from equilayers.measurement.joined import as_action, common_group, leaves, mapped
from equilayers.measurement.meter.subject import count, prepared
from equilayers.measurement.probe import Probe, as_generator, kept_streams, moved, undisturbed, wide
from equilayers.measurement.relative import gradient_error, law_elements, output_error
from equilayers.measurement.report import CheckReport, Laws
from equilayers.measurement.state import ROUTES

__all__ = ["EXACT", "assert_equivariant", "check_layer"]

EXACT = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 5e-2, torch.float16: 1e-2}
RANDOM = 0.1  # of the tolerance: calls that differ by more differ by chance, not by rounding
SAME = {torch.float64: 1e-12, torch.float32: 1e-5}  # the same number by another path, relative


def assert_equivariant(
    f: Callable[..., Any],
    in_action: Any,
    out_action: Any,
    inputs: Any = None,
    *,
    tolerance: float | None = None,
    n: int = 6,
    generator: torch.Generator | int = 0,
) -> CheckReport:
    r"""Demand :math:`f(g x) = g f(x)` on random elements, generators among them.

    The error is relative to the output and divided by the norms of the representing matrices. A function whose
    output does not depend on its input, depends on chance, or is not finite, is rejected: it would satisfy the
    equation for no reason, or fail it for another. A module is called in evaluation mode.

    Args:
        f: a batch to a batch.
        in_action: how an element moves the input; a tuple or dict of actions for a tuple or dict of tensors, with None
            for a tensor that no element moves.
        out_action: how it must move the output, likewise.
        inputs: a batch, else ``n`` inputs drawn from ``in_action``, in float64 or in the dtype of a module.
        tolerance: largest error; by the dtype of the output if None (1e-12 in float64, 1e-5 in float32).
        n: how many inputs to draw.
        generator: randomness, or a seed.

    Raises:
        CheckFailed: naming the error and the tolerance.

    Example:
        >>> import equilayers as eq
        >>> V = eq.defining(eq.group("O(3)"))
        >>> assert_equivariant(lambda x: x * x.norm(dim=-1, keepdim=True), V, V).ran
        3
    """
    inside, outside = as_action(in_action, "in_action"), as_action(out_action, "out_action")
    group = common_group(inside, outside)
    rng = as_generator(generator)
    if tolerance is not None:
        tolerance = _tolerance(tolerance)
    x, dtypes, device = prepared(f, inputs, inside, count("n", n), rng, default=torch.float64)
    laws = Laws(f"function {getattr(f, '__name__', type(f).__name__)}")
    elements = law_elements(group, 8, rng)
    probe = Probe(f, inside, outside, dtypes, device)
    moved(inside, elements[0], x, "The input")
    with undisturbed(f, device, seed=0):
        y, again = probe(x), probe(x)
        outputs = leaves(outside, y)
        _finite(laws, *outputs.values())
        moved(outside, elements[0], mapped(wide, y), "The output of the function")
        _varies(laws, *outputs.values(), again=tuple(leaves(outside, again).values()))
        if tolerance is None:
            tolerance = max((EXACT.get(t.dtype, 1e-12) for t in outputs.values()), default=1e-12)
        error = output_error(probe, inside, outside, x, elements)
    laws.bound("Equivariance f(g x) = g f(x)", error, tolerance)
    return laws.report()


def _tolerance(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 < number < math.inf:
        raise BadInput(
            "tolerance= must be a positive number.", {"tolerance": repr(value)}, "Leave it out, or give 1e-5."
        )
    return number


def _finite(laws: Laws, *outputs: Tensor) -> None:
    bad = sum(int((~torch.isfinite(y)).sum()) for y in outputs)
    laws.holds("The output is finite", bad == 0, {"not finite": f"{bad} of {sum(y.numel() for y in outputs)}"})


def _varies(laws: Laws, *outputs: Tensor, again: tuple[Tensor, ...] = ()) -> None:
    """That some output depends on the input, and on nothing else."""
    name = "The output depends on the input" + (" and on nothing else" if again else "")
    for y, other in zip(outputs, again, strict=False):
        difference = float((y - other).abs().max()) if y.numel() else 0.0
        if difference > RANDOM * EXACT.get(y.dtype, 1e-12) * float(y.abs().max() if y.numel() else 0.0):
            laws.holds(name, False, {"stochastic": f"two calls on the same inputs differ by {difference:.3g}"})
    spread = [float((y - y[:1]).abs().max()) if y.numel() else 0.0 for y in outputs]
    size = [float(y.abs().max()) if y.numel() else 0.0 for y in outputs]
    values = {"largest output": f"{max(size, default=0):.3g}", "largest difference": f"{max(spread, default=0):.3g}"}
    laws.holds(name, any(d > 1e-6 * s and d > 0 for d, s in zip(spread, size, strict=True)), values)


def check_layer(layer: Any, *, n: int = 6, generator: torch.Generator | int = 0) -> CheckReport:
    """Run every law of a layer, on a copy with random parameters.

    Output and gradient are compared in float64 and float32, in evaluation mode; in training mode too, with one
    element for the batch and one random stream. A layer that says ``exact = False`` is held to its ``error_bound``.

    Args:
        layer: a module with ``in_action`` and ``out_action``.
        n: batch size.
        generator: randomness, or a seed.

    Returns:
        A report whose ``ran`` counts the laws that ran and whose ``not_run`` says why others did not.

    Raises:
        BadInput: a module that does not say how the group acts on its input and output.
        CheckFailed: the first law that is broken, by name.

    Example:
        >>> import equilayers as eq
        >>> V = eq.defining(eq.group("O(3)"))
        >>> check_layer(eq.layers.Linear(2 * V, 3 * V)).ran > 15
        True
    """
    for name in ("in_action", "out_action"):
        if isinstance(getattr(layer, name, None), (tuple, list, dict)):
            raise BadInput(
                "check_layer takes layers of one tensor in and one out.",
                {"layer": type(layer).__name__, name: "several actions"},
                "Use assert_equivariant(layer, layer.in_action, layer.out_action) for several.",
            )
        if not hasattr(getattr(layer, name, None), "transform"):
            raise BadInput(
                "A layer must say how the group acts.",
                {"layer": type(layer).__name__, "missing": name},
                "Set in_action and out_action to representations or fields.",
            )
    rng = as_generator(generator)
    with kept_streams(torch.device("cpu"), seed=0):
        return _checked(layer, count("n", n), rng)


def _checked(layer: Any, n: int, rng: torch.Generator) -> CheckReport:
    laws = Laws(f"layer {type(layer).__name__}")
    copies = _copies(layer, rng)
    x = layer.in_action.sample_input(n, generator=rng, dtype=torch.float64)
    _prepare(copies, x)
    elements = law_elements(layer.in_action.group, 4, rng)
    for dtype, module in copies.items():
        _interface(module, laws, x.to(dtype), dtype)
    _state(layer, copies[torch.float64], laws, x)
    _equivariance(copies, laws, x, elements, rng)
    _training(copies[torch.float64], laws, x, elements)
    return laws.report()


def _copies(layer: nn.Module, rng: torch.Generator) -> dict[torch.dtype, Any]:
    """The layer in both precisions with the same random parameters: a zero bias or gain would hide a fault."""
    double = copy.deepcopy(layer).double().cpu()
    with torch.no_grad():
        for parameter in double.parameters():
            draw = torch.randn(parameter.shape, generator=rng, dtype=torch.float64)
            size = float(parameter.std()) if parameter.numel() > 1 else 0.0
            parameter.copy_(draw * (size if size > 0 else 0.5) + (parameter.mean() if parameter.numel() else 0.0))
            # rounded, so that both precisions hold the same numbers
            parameter.copy_(parameter.float().double())
    return {torch.float64: double, torch.float32: copy.deepcopy(double).float()}


def _prepare(copies: dict[torch.dtype, Any], x: Tensor) -> None:
    """One call in training mode, so that running statistics are those of data and not their initial zeros."""
    for dtype, module in copies.items():
        module.train()
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            module(2 * x.to(dtype))
        module.eval()


def _state(layer: Any, module: nn.Module, laws: Laws, x: Tensor) -> None:
    laws.holds("exact is declared", isinstance(getattr(layer, "exact", None), bool))
    if not layer.exact:
        laws.holds("An approximate layer records its error bound", getattr(layer, "error_bound", None) is not None)
    else:
        laws.not_run("An approximate layer records its error bound", "the layer is exact")
    flat = all(p.dim() >= 2 or "bias" in name for name, p in module.named_parameters())
    shapes = {name: tuple(p.shape) for name, p in module.named_parameters()}
    laws.holds("Parameters have two dimensions and more (biases one)", flat, shapes)
    laws.holds("Parameters are not empty", all(p.numel() for p in module.parameters()), shapes)
    evaluated = list(module.state_dict())
    trained = list(copy.deepcopy(module).train().state_dict())
    laws.equal("state_dict is the same in training and evaluation mode", trained, evaluated)
    expected = module(x).detach()
    for name, route in ROUTES.items():
        try:
            y = route(module, lambda: copy.deepcopy(layer).double().cpu()).eval()(x)
        except Exception as problem:  # whatever a broken module raises
            laws.holds(f"{name} keeps the function", False, {"because": f"{type(problem).__name__}: {problem}"})
        _same(laws, f"{name} keeps the function", y, expected)
    again = pickled(module, laws)
    if again is not None:
        _same(laws, "pickle keeps the function", again(x), expected)


def _same(laws: Laws, name: str, y: Tensor, expected: Tensor) -> None:
    if y.shape != expected.shape:
        laws.equal(name + " (shape)", tuple(y.shape), tuple(expected.shape))
    y, expected = y.detach(), expected.detach()
    size = max(float(expected.abs().max()), 1e-300) if expected.numel() else 1.0
    error = float((y - expected).abs().max()) / size if y.numel() else 0.0
    laws.bound(name, error, SAME.get(expected.dtype, 1e-5))


def _interface(module: nn.Module, laws: Laws, x: Tensor, dtype: torch.dtype) -> None:
    short = str(dtype).removeprefix("torch.")
    before = x.clone()
    with torch.no_grad():
        y = module(x)
        laws.holds(f"The input is unchanged, {short}", torch.equal(x, before))
        laws.equal(f"The dtype is kept, {short}", dtype, y.dtype)
        _finite(laws, y)
        again = module(x)
        laws.holds(f"Evaluation is deterministic, {short}", torch.equal(again, y))
        for i in range(len(x)):
            single = module(x[i : i + 1])
            if single.shape != y[i : i + 1].shape or _relative(single, y[i : i + 1], y) > SAME[dtype]:
                laws.holds(f"Inputs of a batch do not mix, {short}", False, {"input": i})
        laws.holds(f"Inputs of a batch do not mix, {short}", True)
        strided = x.transpose(0, -1).contiguous().transpose(0, -1)
        _same(laws, f"A non-contiguous input gives the same, {short}", module(strided), y)
        if dtype == torch.float64:
            _shapes(module, laws, x, y)
    empty = x[:0].clone().requires_grad_()
    out = module(empty)
    laws.equal(f"An empty batch gives an empty output, {short}", tuple(out.shape), (0, *y.shape[1:]))
    if out.requires_grad:
        out.sum().backward()
        laws.holds(f"An empty batch has a gradient, {short}", empty.grad is None or empty.grad.shape == empty.shape)


def _relative(a: Tensor, b: Tensor, scale: Tensor) -> float:
    return float((a - b).abs().max()) / max(float(scale.abs().max()), 1e-300) if a.numel() else 0.0


def _shapes(module: Any, laws: Laws, x: Tensor, y: Tensor) -> None:
    drawn = tuple(module.out_action.sample_input(len(x)).shape)
    fits = y.shape[1] == drawn[1] if y.dim() > 2 and y.dim() == len(drawn) else y.shape == drawn
    laws.holds("The output fits out_action", bool(fits), {"output": tuple(y.shape), "out_action": drawn})
    if not any(p.numel() for p in module.parameters()) and not y.any():
        laws.not_run("The output depends on the input", "there is no map between these representations, or dim 0")
    else:
        _varies(laws, y)
    if x.dim() == 2 and y.dim() == 2 and len(x) % 2 == 0:
        lead = (2, len(x) // 2)
        _same(laws, "More leading axes give the same", module(x.reshape(*lead, -1)).reshape(y.shape), y)
    else:
        laws.not_run("More leading axes give the same", "the layer takes fields, or the batch is odd")


def _equivariance(
    copies: dict[torch.dtype, Any], laws: Laws, x: Tensor, elements: Tensor, rng: torch.Generator
) -> None:
    for dtype, module in copies.items():
        short = str(dtype).removeprefix("torch.")
        actions = module.in_action, module.out_action
        tolerance = EXACT[dtype] if module.exact else max(EXACT[dtype], float(module.error_bound))
        with torch.no_grad():
            error = output_error(module, *actions, x.to(dtype), elements)
        laws.bound(f"Equivariance of the output, {short}", error, tolerance)
        name = f"Equivariance of the gradient, {short}"
        if not module.exact:
            laws.not_run(name, "the layer is approximate and bounds its output only")
        elif not x.numel():
            laws.not_run(name, "the input has dim 0")
        else:
            laws.bound(name, gradient_error(module, *actions, x.to(dtype), elements, rng), tolerance)


def _training(module: Any, laws: Laws, x: Tensor, elements: Tensor) -> None:
    def trained(x: Tensor) -> Tensor:
        fresh = copy.deepcopy(module).train()  # statistics of one call must not reach the next
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return fresh(x)

    with torch.no_grad():
        error = output_error(trained, module.in_action, module.out_action, x, elements)
    tolerance = EXACT[torch.float64] if module.exact else float(module.error_bound)
    laws.bound("Equivariance in training mode", error, tolerance)
