"""Derivatives exist wherever the function does: laws over every layer and every model, found by discovery.

Where a function is not differentiable its derivatives are finite, by the convention of ``torch.relu``; the cases are
listed here, with the reason.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

import model_cases
import model_variants
import pytest
import torch
from layer_cases import ALL as LAYERS
from layer_cases import VARIANTS as LATER
from model_cases import CASES as MODELS
from model_variants import VARIANTS
from torch import Tensor, nn

import equilayers as eq
from equilayers import layers as L
from equilayers import models as M
from equilayers.layers import Layer

LAYER_CASES = LAYERS["CASES"]
NETWORKS = [*MODELS, *VARIANTS]
NAMES = [*LAYER_CASES, *NETWORKS]
STEPS = {"zero": 1e-10, "ties": 1e-6, "random": 1e-6}  # of differences; at zero, what is regularised at 1e-6 is smooth
SCALES = (0.0, 1e-4, 1.0, 300.0)
DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
LARGEST = torch.finfo(torch.float16).max

# Where a function has a kink: a first derivative that depends on the direction of approach.
KINKS = {
    "MaxPool": ("zero", "ties"),  # positions tie for the maximum
    "NormMaxPool": ("zero", "ties"),  # and here the value itself jumps between them
    "GroupPooling": ("zero", "ties"),
    "Network": ("zero", "ties"),  # ends in a maximum
    "InvariantReadout-norms": ("zero", "ties"),  # the length of nothing
}
# Where only the second derivative does: x f(|x|), lengths that a linear map reads after a smooth one.
SECOND_KINKS = KINKS | {
    "Sequential": ("zero",),  # of a norm activation between layers
    "EquivariantMLP-lengths": ("zero",),
    "InvariantScalars": ("zero",),
    "GeometricTransformer": ("zero",),  # absolute values of an indefinite square that vanishes
}


class Subject(NamedTuple):
    """A module as a function of one vector of inputs for each sample and one of parameters."""

    net: nn.Module
    point: Tensor  # (2, inputs), drawn
    parameters: Tensor
    call: Callable[[Tensor, Tensor], Tensor]


def leaves(given: object) -> list[Tensor]:
    return [given] if isinstance(given, Tensor) else [leaf for part in given for leaf in leaves(part)]


def arranged(form: object, pieces: Iterator[Tensor]) -> object:
    """Pieces in the place of the leaves of ``form``."""
    return next(pieces) if isinstance(form, Tensor) else type(form)(arranged(part, pieces) for part in form)


class Called(nn.Module):
    """All inputs side by side, ``(batch, size)``, and all outputs."""

    def __init__(self, net: nn.Module, form: tuple) -> None:
        super().__init__()
        self.net, self.form, self.shapes = net, form, [leaf.shape[1:] for leaf in leaves(form)]

    def forward(self, x: Tensor) -> Tensor:
        pieces = x.split([shape.numel() for shape in self.shapes], -1)
        given = (piece.unflatten(-1, shape) for piece, shape in zip(pieces, self.shapes, strict=True))
        return torch.cat([y.flatten(1) for y in leaves(self.net(*arranged(self.form, given)))], -1)


def fill(net: nn.Module) -> nn.Module:
    rng = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=rng))
    return net.eval()


@cache
def built(name: str) -> Called:
    """In single precision, as a user builds it; copied before it is converted."""
    if name in MODELS:
        return Called(fill(MODELS[name]()), model_cases.inputs(name, 1)).eval()
    if name in VARIANTS:
        return Called(fill(VARIANTS[name][0]()), model_variants.inputs(name, 1)).eval()
    layer = fill(LAYER_CASES[name]())
    return Called(layer, (layer.in_action.sample_input(1),)).eval()


def drawn(name: str, n: int = 2) -> Tensor:
    rng = torch.Generator().manual_seed(5)
    size = sum(shape.numel() for shape in built(name).shapes)
    return torch.randn(n, size, generator=rng, dtype=torch.float64)


def subject(name: str) -> Subject:
    net = copied(name, torch.float64)
    named = dict(net.named_parameters())
    flat = torch.cat([p.detach().flatten() for p in named.values()]) if named else torch.zeros(1, dtype=torch.float64)
    sizes = [p.numel() for p in named.values()]

    def call(x: Tensor, theta: Tensor) -> Tensor:
        pieces = theta.split(sizes) if named else ()
        values = {key: piece.view_as(p) for (key, p), piece in zip(named.items(), pieces, strict=True)}
        return torch.func.functional_call(net, values, (x,))

    return Subject(net, drawn(name), flat, call)


def copied(name: str, dtype: torch.dtype) -> Called:
    return copy.deepcopy(built(name)).to(dtype)


def at(subject: Subject, point: str) -> Tensor:
    x = subject.point
    return {"zero": torch.zeros_like(x), "ties": torch.ones_like(x), "random": x.clone()}[point]


def test_every_layer_and_every_model_is_among_the_cases():
    found = {type(m).__name__ for name in NAMES for m in built(name).modules()}
    public = {
        name
        for room in (L, M)
        for name in room.__all__
        if inspect.isclass(thing := getattr(room, name)) and issubclass(thing, nn.Module) and thing is not Layer
    }
    assert found >= public and len(public) == 40
    assert len(LAYER_CASES) >= 68 and len(NETWORKS) == 26 and len(NAMES) == len(LAYER_CASES) + 26
    assert set(SECOND_KINKS) <= set(NAMES)


# First and second derivatives against differences


def slopes(call: Callable[..., Tensor], x: Tensor, theta: Tensor, weights: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
    """The number ``weights . y``, and its gradients."""
    x, theta = x.detach().requires_grad_(), theta.detach().requires_grad_()
    value = (call(x, theta) * weights).sum()
    return value.detach(), torch.autograd.grad(value, (x, theta), materialize_grads=True)


def errors(call: Callable[..., Tensor], x: Tensor, theta: Tensor, step: float) -> tuple[float, float, bool]:
    """Of the first and of the second derivative in a drawn direction of inputs and parameters, relative to central
    differences, and whether all is finite.
    """
    rng = torch.Generator().manual_seed(7)
    dx, dtheta = (torch.randn(v.shape, generator=rng, dtype=v.dtype) for v in (x, theta))
    x, theta = x.requires_grad_(), theta.clone().requires_grad_()
    y = call(x, theta)
    weights = torch.randn(y.shape, generator=rng, dtype=y.dtype)
    first = torch.autograd.grad((y * weights).sum(), (x, theta), create_graph=True, materialize_grads=True)
    along = (first[0] * dx).sum() + (first[1] * dtheta).sum()
    second = [torch.zeros_like(x), torch.zeros_like(theta)]
    if along.requires_grad:
        second = list(torch.autograd.grad(along, (x, theta), materialize_grads=True))
    (up, after), (down, before) = (slopes(call, x + s * dx, theta + s * dtheta, weights) for s in (step, -step))
    finite = all(bool(t.isfinite().all()) for t in (y, *first, *second))
    along = along.detach()
    wrong = float(((up - down) / (2 * step) - along).abs() / (1 + along.abs()))
    bent = max(
        float(((a - b) / (2 * step) - s).abs().max() / (1 + s.abs().max()))
        for a, b, s in zip(after, before, second, strict=True)
    )
    return wrong, bent, finite


@pytest.mark.parametrize("name", NAMES)
def test_first_and_second_derivatives_are_those_of_differences(name):
    tried = subject(name)
    for point in STEPS:
        wrong, bent, finite = errors(tried.call, at(tried, point), tried.parameters, STEPS[point])
        assert finite, point
        assert wrong < 1e-5 or point in KINKS.get(name, ()), point
        assert bent < 1e-5 or point in SECOND_KINKS.get(name, ()), point


@pytest.mark.parametrize("name", SECOND_KINKS)
def test_what_is_listed_as_a_kink_is_one(name):
    tried = subject(name)
    for point in SECOND_KINKS[name]:
        wrong, bent, _ = errors(tried.call, at(tried, point), tried.parameters, STEPS[point])
        assert max(wrong, bent) > 1e-5, point


TWINS = {
    "a length without care": lambda x, theta: theta[0] * torch.linalg.vector_norm(x, dim=-1),
    "a sign times a logarithm": lambda x, theta: theta[0] * x.sign() * x.abs().log1p(),
    "a square that is an absolute value": lambda x, theta: theta[0] * x.abs() * x.abs(),
}


@pytest.mark.parametrize("name", TWINS)
def test_a_wrong_derivative_at_zero_is_noticed(name):
    x, theta = torch.zeros(2, 3, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    wrong, bent, finite = errors(TWINS[name], x, theta, STEPS["zero"])
    assert not finite or max(wrong, bent) > 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_gradcheck_and_gradgradcheck(name):
    tried = subject(name)
    for point in STEPS:
        given = (at(tried, point).requires_grad_(), tried.parameters.clone().requires_grad_())
        eps = STEPS[point]
        for check, kinks in ((torch.autograd.gradcheck, KINKS), (torch.autograd.gradgradcheck, SECOND_KINKS)):
            if point not in kinks.get(name, ()):
                assert check(tried.call, given, eps=eps, atol=1e-4, fast_mode=True)


# All precisions


def representable(name: str) -> bool:
    """Whether value, gradients and products of two inputs of size 300 fit float16."""
    tried = subject(name)
    x = (SCALES[-1] * tried.point).requires_grad_()
    theta = tried.parameters.clone().requires_grad_()
    y = tried.call(x, theta)
    found = [y, *torch.autograd.grad(y.sum(), (x, theta), materialize_grads=True)]
    return name not in OF_PRODUCTS and all(float(t.detach().abs().max()) < LARGEST for t in found if t.numel())


OF_PRODUCTS = ("EquivariantMLP-boosts", "PPGN")  # they form products of features, whatever their output
TOO_LARGE = {  # of degree two and more in the input: 300 squared is beyond float16
    "Bilinear-regular", "Bilinear-irreps", "Bilinear-quaternionic", "Bilinear-channelwise", "Bilinear-elementwise",
    "Bilinear-boosts", "Bilinear-motions", "GeometricProduct", "EquivariantMLP", "EquivariantMLP-lengths",
    "EquivariantMLP-boosts", "InvariantScalars", "InvariantScalars-boosts", "VectorNeurons-boosts", "PPGN",
}  # fmt: skip


def finite_everywhere(name: str, dtype: torch.dtype, autocast: bool = False) -> bool:
    """Value and first derivatives, and in single and double precision second ones, at inputs of every size."""
    net = copied(name, torch.float32 if autocast else dtype)
    scales = [s for s in SCALES if dtype != torch.float16 or s < 300 or name not in TOO_LARGE]
    x = torch.cat([s * drawn(name) for s in scales]).to(torch.float32 if autocast else dtype).requires_grad_()
    over = [x, *net.parameters()]
    twice = dtype in (torch.float32, torch.float64)
    with torch.autocast("cpu", dtype=dtype if autocast else torch.bfloat16, enabled=autocast):
        y = net(x)
    first = torch.autograd.grad(y.sum(dtype=torch.float64), over, create_graph=twice, materialize_grads=True)
    found = [y, *first]
    number = sum((g * torch.linspace(0.5, 1.5, g.numel(), dtype=g.dtype).view_as(g)).sum() for g in first)
    if twice and number.requires_grad:
        found += torch.autograd.grad(number, over, materialize_grads=True)
    return all(bool(t.isfinite().all()) for t in found)


@pytest.mark.parametrize("name", NAMES)
def test_every_precision_is_finite_at_every_size(name):
    for dtype in DTYPES:
        assert finite_everywhere(name, dtype), dtype
    assert finite_everywhere(name, torch.float16, autocast=True)


def test_only_what_does_not_fit_is_left_out():
    left_out = {name for name in NAMES if not representable(name)}
    assert left_out == TOO_LARGE and len(left_out) == 15


def test_half_precision_is_near_double():
    ran = 0
    for name in NAMES:
        x = drawn(name)
        with torch.no_grad():
            exact = copied(name, torch.float64)(x)
            for dtype, tolerance in ((torch.float16, 1e-2), (torch.bfloat16, 1e-1)):
                found = copied(name, dtype)(x.to(dtype)).double()
                assert (found - exact).abs().max() <= tolerance * max(1.0, float(exact.abs().max())), (name, dtype)
                ran += 1
    assert ran == 2 * len(NAMES)


# Transforms


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow if n in LATER else ()) for n in NAMES])
def test_forward_mode_agrees_with_reverse_mode(name):
    """Jacobians in a drawn direction, and second derivatives forward over reverse."""
    tried = subject(name)
    rng = torch.Generator().manual_seed(7)
    x, theta = tried.point, tried.parameters
    dx, dtheta = (torch.randn(v.shape, generator=rng, dtype=v.dtype) for v in (x, theta))
    y, forward = torch.func.jvp(tried.call, (x, theta), (dx, dtheta))
    weights = torch.randn(y.shape, generator=rng, dtype=y.dtype)
    _, pulled = torch.func.vjp(tried.call, x, theta)
    back = pulled(weights)
    assert close((forward * weights).sum(), (back[0] * dx).sum() + (back[1] * dtheta).sum())

    def slope(x: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        return torch.func.grad(lambda x, theta: (tried.call(x, theta) * weights).sum(), (0, 1))(x, theta)

    _, mixed = torch.func.jvp(slope, (x, theta), (dx, dtheta))
    _, pulled = torch.func.vjp(slope, x, theta)
    assert all(close(a, b) for a, b in zip(mixed, pulled((dx, dtheta)), strict=True))  # a Hessian is symmetric


def close(a: Tensor, b: Tensor) -> bool:
    return torch.allclose(a, b, rtol=1e-9, atol=1e-10 * max(1.0, float(b.detach().abs().max()) if b.numel() else 1.0))


@pytest.mark.parametrize("name", [n if n in NETWORKS else pytest.param(n, marks=pytest.mark.slow) for n in NAMES])
def test_jacobians_by_columns_and_by_rows(name):
    tried = subject(name)
    x = tried.point[:1]

    def of_inputs(x: Tensor) -> Tensor:
        return tried.call(x, tried.parameters)

    assert close(torch.func.jacfwd(of_inputs)(x), torch.func.jacrev(of_inputs)(x))


@pytest.mark.parametrize("name", [n if n in NETWORKS else pytest.param(n, marks=pytest.mark.slow) for n in NAMES])
def test_vmap_and_per_sample_gradients_are_the_loop(name):
    tried = subject(name)
    x, theta = tried.point, tried.parameters
    together = torch.func.vmap(lambda x: tried.call(x[None], theta)[0])(x)
    assert close(together, torch.cat([tried.call(x[i : i + 1], theta) for i in range(len(x))]))
    if not list(tried.net.parameters()):
        return

    def loss(theta: Tensor, x: Tensor) -> Tensor:
        return tried.call(x[None], theta).square().sum()

    grads = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))(theta, x)
    for i in range(len(x)):
        variable = theta.clone().requires_grad_()
        (expected,) = torch.autograd.grad(loss(variable, x[i]), variable, materialize_grads=True)
        assert close(grads[i], expected)


# The cases by which all this was found


@pytest.mark.parametrize("x", [[1.0, 0, 2, 0, 3, 0], [0.0] * 6])
def test_a_vector_of_length_zero_has_second_derivatives(x):
    V = eq.defining(eq.group("SO(3)"))
    x = torch.tensor(x, dtype=torch.float64)
    activation = L.NormActivation(2 * V).double()
    found = torch.autograd.functional.hessian(lambda x: activation(x).sum(), x)
    assert found.isfinite().all()
    second = torch.arange(1, 6, 2)  # components of the second copy
    assert not found[second].any() and not found[:, second].any()
    layer = L.InvariantReadout(2 * V, 3, features="norms").double()
    found = torch.autograd.functional.hessian(lambda x: layer(x).sum(), x)
    assert found.isfinite().all() and not found[second].any() and not found[:, second].any()
    if x.any():  # those of the first copy are known: of |x|, the projection off x over |x|
        first = x[::2]
        weight = layer.weight.detach().sum(0)[0] / 3**0.5
        by_hand = (torch.eye(3) - torch.outer(first, first) / first.dot(first)) / first.norm()
        assert torch.allclose(found[::2, ::2], weight * by_hand, rtol=1e-12, atol=1e-12)
