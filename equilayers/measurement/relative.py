"""Errors of one law at a time, relative to the size of what is compared and to the norms of the group's matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from equilayers.errors import BadInput
from equilayers.groups import Group
from equilayers.measurement.joined import ActionLike, Joined, Tensors, cast_like, leaves, mapped
from equilayers.measurement.probe import precision

__all__ = ["action_norm", "dual_transform", "gradient_error", "law_elements", "output_error"]

MOST_GENERATORS = 6


def law_elements(group: Group, samples: int, generator: torch.Generator) -> Tensor:
    """Elements that together involve every generator and every component."""
    drawn = group.sample(samples, generator=generator)
    discrete = group.discrete_generators
    if len(discrete) > MOST_GENERATORS:  # the samples are words in all of them
        discrete = discrete[torch.linspace(0, len(discrete) - 1, MOST_GENERATORS).long()]
    return torch.cat([discrete, drawn]) if len(discrete) else drawn


def spectral_norm(matrices: Tensor) -> Tensor:
    """Largest singular value; 0 for a matrix without entries."""
    if not matrices.numel():
        return matrices.new_zeros(matrices.shape[:-2])
    return torch.linalg.matrix_norm(matrices, ord=2)


def action_norm(action: ActionLike, g: Tensor) -> float:
    """How much the action of ``g`` can stretch, at least 1; 1 for an action that moves positions only."""
    if isinstance(action, Joined):
        return max(1.0, *(action_norm(part, g) for part in action.parts.values()))
    representation = action if callable(action) else getattr(action, "rep", None)
    if representation is None:
        return 1.0
    return max(1.0, float(spectral_norm(representation(g))))


def dual_transform(action: ActionLike, g: Tensor, y: Tensor) -> Tensor:
    r"""How gradients move: :math:`\rho(g)^{-T} y`, as the transpose of moving back.

    Shapes: ``y`` and the result as the action's tensors, float64.
    """
    back = action.group.inverse(g)
    with torch.enable_grad():
        x = torch.zeros_like(y).requires_grad_()
        (moved,) = torch.autograd.grad(action.transform(back, x), x, y)
    return moved


def _size(*tensors: Tensor) -> float:
    """Root mean square over the inputs, of one or several tensors."""
    squares = [y.abs().square().sum() / len(y) for y in tensors if y.numel()]
    return float(sum(squares, torch.zeros(()))) ** 0.5


def _double(y: Tensor) -> Tensor:
    return y.detach().to(precision(y, torch.float64))


def output_error(
    f: Callable[..., Any],
    in_action: ActionLike,
    out_action: ActionLike,
    x: Tensors,
    elements: Tensor,
) -> float:
    r"""Largest :math:`|f(g x) - g f(x)| / (|f(x)| \max(1, |V(g)|, |W(g)|))` over elements.

    Sizes are root mean squares over the inputs.

    Args:
        f: the map of a tensor, tuple or dict; it is called in the dtypes of ``x``.
        in_action: how elements move ``x``.
        out_action: how they should move ``f(x)``.
        x: inputs; moved in float64 and rounded once.
        elements: ``(m, *element)``.
    """
    y = mapped(_double, f(x))
    size = max(_size(*leaves(out_action, y).values()), 1e-300)
    worst = 0.0
    for g in elements:
        gx = in_action.transform(g, mapped(_double, x))
        found = leaves(out_action, mapped(_double, f(cast_like(gx, x))))
        wanted = leaves(out_action, out_action.transform(g, y))
        for name in wanted:
            if found[name].shape != wanted[name].shape:  # they would be compared after broadcasting
                raise BadInput(
                    "The output of the function must keep its shape when its input is moved.",
                    {"f(g x)": tuple(found[name].shape), "g f(x)": tuple(wanted[name].shape)},
                    "Return a tensor whose shape depends on the shape of the input only.",
                )
        error = _size(*(found[name] - wanted[name] for name in wanted))
        stretch = max(action_norm(in_action, g), action_norm(out_action, g))
        worst = _larger(worst, error / size / stretch if error != 0 else 0.0)
    return worst


def gradient_error(
    f: Callable[[Tensor], Tensor],
    in_action: ActionLike,
    out_action: ActionLike,
    x: Tensor,
    elements: Tensor,
    generator: torch.Generator,
) -> float:
    r"""The same for gradients, which move with the dual: :math:`\nabla(g x) = V(g)^{-T} \nabla(x)`.

    The functional differentiated is ``<c, f>`` at ``x`` and ``<W(g)^{-T} c, f>`` at ``g x``.
    """
    y = f(x)
    c = torch.randn(y.shape, generator=generator, dtype=torch.float64).to(y.device)
    at_x = _gradient(f, x, c)
    worst = 0.0
    for g in elements:
        gx = in_action.transform(g, x.double()).to(x.dtype)
        at_gx = _gradient(f, gx, dual_transform(out_action, g, c))
        error = _size(at_gx - dual_transform(in_action, g, at_x))
        back = in_action.group.inverse(g)
        stretch = max(action_norm(in_action, back), action_norm(out_action, back))
        worst = _larger(worst, error / max(_size(at_x), 1e-300) / stretch if error != 0 else 0.0)
    return worst


def _gradient(f: Callable[[Tensor], Tensor], x: Tensor, c: Tensor) -> Tensor:
    with torch.enable_grad():
        x = x.detach().clone().requires_grad_()
        y = f(x)
        if not y.requires_grad:
            return torch.zeros_like(x).double()
        (gradient,) = torch.autograd.grad(y, x, c.to(y.dtype), allow_unused=True)
    return torch.zeros_like(x).double() if gradient is None else gradient.double()


def _larger(a: float, b: float) -> float:
    """A maximum that keeps NaN."""
    return b if not b <= a else a
