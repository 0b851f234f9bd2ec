"""The equivariance meter: how far a function is from commuting with a group, with an honest zero and an honest one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import BadInput
from equilayers.measurement.attribution import layer_errors
from equilayers.measurement.probe import ActionLike, Probe, Rounds, as_generator, common_group, evaluation, float64_twin
from equilayers.measurement.report import EquivarianceReport, WorstElement
from equilayers.measurement.statistics import MINIMUM_FOR_INTERVAL, jackknife_interval, shuffled_pairs

__all__ = ["equivariance_error"]

READABLE_ROUNDING = 0.1
TWIN = "rounding, by a float64 twin"
PART_INPUTS, PART_ROUNDS = 64, 8  # floors and attributions are measured on this part of the data
Loss = Callable[[Tensor, Tensor], Tensor]


def equivariance_error(
    f: Callable[[Tensor], Tensor],
    in_action: ActionLike,
    out_action: ActionLike,
    inputs: Tensor | None = None,
    *,
    n: int = 128,
    samples: int = 16,
    generator: torch.Generator | int = 0,
    labels: Tensor | None = None,
    loss: Loss | None = None,
) -> EquivarianceReport:
    r"""Measure how far ``f`` is from commuting with a group, in units of how far outputs of different inputs lie apart.

    .. math::
        \varepsilon = \sqrt{A / B}, \quad A = \mathrm{mean}\,|u_{ij} - v_i|^2, \quad
        B = \mathrm{mean}_{k \neq i}\,|u_{ij} - v_k|^2, \quad
        u_{ij} = \rho_{out}(g_{ij})^{-1} f(\rho_{in}(g_{ij}) x_i), \quad v_i = f(x_i)

    B is taken over shuffled pairs in both orders. So 0 is exact, 1 means no better than another input's output,
    :math:`\sqrt 2` is the largest value, and neither the scale nor an offset of the output changes it. Every element
    but the identity is used where the group has at most 64, else ``samples`` elements are drawn per input. A module
    is measured in evaluation mode. An input of which all are one orbit, or one class, makes B small: say what you fed.

    Args:
        f: a batch to a batch; a module, or any function.
        in_action: how an element moves the input.
        out_action: how it should move the output; the trivial representation for an invariant.
        inputs: a batch on its leading axis; drawn from ``in_action`` if None.
        n: how many inputs to draw.
        samples: elements per input where not all are used.
        generator: randomness, or a seed.
        labels: one per input, for ``loss_share``.
        loss: ``(outputs, labels)`` to a loss per input; None is cross-entropy for integer labels, else squared error.

    Shapes: ``inputs`` as ``in_action`` takes them, ``f(inputs)`` as ``out_action`` takes them.

    Raises:
        BadInput: inputs that are not finite, or a function that is not batch to batch.
        GroupMismatch: actions of two groups.

    Example:
        >>> import equilayers as eq
        >>> V = eq.defining(eq.group("C4"))
        >>> report = equivariance_error(lambda x: x * x.norm(dim=-1, keepdim=True), V, V)
        >>> report.error < 1e-6, report.is_at_floor
        (True, True)
        >>> equivariance_error(torch.exp, V, V).error > 0.3
        True

    Reference: the loss share is the decomposition of an orbit-averaged squared loss into the loss of the symmetrised
    function and the variance over the orbit.
    """
    group = common_group(in_action, out_action)
    generator = as_generator(generator)
    probe = Probe(f, inputs)
    x = _prepared(inputs, in_action, n, generator, probe.dtype)
    if labels is not None and len(labels) != len(x):
        raise BadInput(
            "Labels must be one per input.", {"labels": len(labels), "inputs": len(x)}, "Give both or neither."
        )
    rounds = Rounds.choose(group, len(x), samples, generator)
    with evaluation(f):
        v = probe(x)
        tally = _measure(probe, in_action, out_action, x, v, rounds)
        reason = _undefined(tally, probe.roundoff)
        if reason:
            return _report(tally, rounds, reason)
        floor, source = _floor(f, probe, in_action, out_action, x, tally, rounds)
        if floor > READABLE_ROUNDING and source == TWIN:
            reason = f"rounding alone gives {floor:.2g}: compute in float64, or remove an offset"
            return _report(tally, rounds, reason, floor, source)
        share = None if labels is None else _loss_share(tally, labels, loss or _default_loss(labels), rounds)
        parts = layer_errors(
            f, x[:PART_INPUTS].to(probe.device, probe.dtype), in_action, rounds.part(PART_ROUNDS, PART_INPUTS)
        )
    notes = _notes(group, in_action, out_action, len(x))
    return _report(tally, rounds, "", floor, source, share, parts, notes)


@dataclass
class _Tally:
    """The outputs and their shuffled-pair sums."""

    v: Tensor  # (inputs, *out)
    u: list[Tensor]  # per round
    a: np.ndarray  # (inputs,) own distances
    b: np.ndarray  # (inputs,) shuffled distances
    each: np.ndarray  # (rounds, inputs) own distances by element

    @property
    def scale(self) -> float:
        return float(np.sqrt(self.b.mean())) if len(self.b) else 0.0


def _prepared(
    inputs: Tensor | None, action: ActionLike, n: int, generator: torch.Generator, dtype: torch.dtype
) -> Tensor:
    if inputs is None:
        inputs = action.sample_input(n, generator=generator, dtype=torch.float64)
    bad = ~torch.isfinite(inputs)
    if bad.any():
        raise BadInput(
            "The meter needs finite inputs.",
            {"inputs": tuple(inputs.shape), "not finite": int(bad.sum()), "first at": bad.nonzero()[0].tolist()},
            "Remove or replace these entries.",
        )
    # Rounded once to what f will see, so that f and its float64 twin start from the same numbers.
    return inputs.detach().to(dtype).to(device="cpu", dtype=torch.float64)


def _measure(
    probe: Probe, in_action: ActionLike, out_action: ActionLike, x: Tensor, v: Tensor, rounds: Rounds
) -> _Tally:
    flat_v = v.flatten(1).numpy()
    a, b = np.zeros(len(x)), np.zeros(len(x))
    outputs, each = [], []
    for g, back in rounds:
        u = out_action.transform(back, probe(in_action.transform(g, x)))
        outputs.append(u)
        if not (torch.isfinite(u).all() and torch.isfinite(v).all()):
            break  # said by the caller; sums would only hide where
        own, others = shuffled_pairs(u.flatten(1).numpy()[None], flat_v)
        a, b = a + own / len(rounds), b + others / len(rounds)
        each.append(own[None])
    each = each if len(each) == len(rounds) else []
    return _Tally(v, outputs, a, b, np.concatenate([np.zeros((0, len(x))), *each]))


def _undefined(tally: _Tally, roundoff: float) -> str:
    """Why the ratio means nothing, or an empty string."""
    if len(tally.v) < 2:
        return f"two inputs are needed to compare with, there is {len(tally.v)}"
    if not tally.u:
        return "the group has no element besides the identity"
    outputs = torch.stack([tally.v, *tally.u])
    if not torch.isfinite(outputs).all():
        return f"{int((~torch.isfinite(outputs)).sum())} of {outputs.numel()} output values are not finite"
    size = float(tally.v.square().mean().sqrt())
    if tally.scale == 0:
        return "the outputs of different inputs do not differ"
    if tally.scale <= 1000 * roundoff * size:
        return f"outputs of size {size:.3g} differ by {tally.scale:.3g}, which their dtype does not resolve"
    return ""


def _floor(
    f: Callable[[Tensor], Tensor],
    probe: Probe,
    in_action: ActionLike,
    out_action: ActionLike,
    x: Tensor,
    tally: _Tally,
    rounds: Rounds,
) -> tuple[float, str]:
    """The error from rounding (float64 twin) or resampling (there and back again), whichever is larger."""
    part = rounds.part(PART_ROUNDS, PART_INPUTS)
    x, v = x[:PART_INPUTS], tally.v[:PART_INPUTS]
    twin = None if probe.dtype == torch.float64 else float64_twin(f, x)
    if twin is None:
        size = float(v.flatten(1).square().sum(1).mean().sqrt())
        floor, source = 10 * probe.roundoff * size / tally.scale, "estimated: ten roundoffs of the output"
    else:
        with evaluation(twin.f):
            exact_v = twin(x)
            errors = []
            for (g, back), u in zip(part, tally.u, strict=False):
                exact_u = out_action.transform(back, twin(in_action.transform(g, x)))
                rounding = (u[:PART_INPUTS] - v) - (exact_u - exact_v)
                errors.append(float(rounding.flatten(1).square().sum(1).mean()))
        floor, source = float(np.sqrt(np.mean(errors))) / tally.scale, TWIN
    spread = float(np.sqrt(shuffled_pairs(x.flatten(1).numpy()[None], x.flatten(1).numpy())[1].mean()))
    spread = max(spread, 1e-6 * float(x.flatten(1).square().sum(1).mean().sqrt()))
    resampling = max(_resampling(in_action, x, part, spread), _resampling(out_action, v, part, tally.scale))
    if resampling > max(floor, 1e-9):
        return resampling, "resampling, by moving there and back"
    return floor, source


def _resampling(action: ActionLike, x: Tensor, rounds: Rounds, scale: float) -> float:
    """The error of the identity function under an action that interpolates; rounding for any other."""
    if scale == 0 or not len(rounds):
        return 0.0
    errors = [
        float((action.transform(back, action.transform(g, x)) - x).flatten(1).square().sum(1).mean())
        for g, back in rounds
    ]
    return float(np.sqrt(np.mean(errors))) / scale


def _default_loss(labels: Tensor) -> Loss:
    if labels.is_floating_point():
        return lambda outputs, targets: (outputs - targets).flatten(1).square().sum(1)
    return lambda outputs, targets: torch.nn.functional.cross_entropy(outputs, targets, reduction="none")


def _loss_share(tally: _Tally, labels: Tensor, loss: Loss, rounds: Rounds) -> float | None:
    """Mean loss over the orbit less the loss of the mean over the orbit, as a part of the former."""
    labels = labels.cpu().double() if labels.is_floating_point() else labels.cpu()
    orbit = [tally.v, *tally.u] if rounds.exhaustive else tally.u
    average = float(torch.stack([loss(u, labels).double().mean() for u in orbit]).mean())
    symmetrised = float(loss(torch.stack(orbit).mean(0), labels).double().mean())
    if not average > 0:
        return None
    # The mean of a few drawn elements keeps a part 1 / samples of the variance over the orbit.
    bias = 1.0 if rounds.exhaustive or len(orbit) < 2 else len(orbit) / (len(orbit) - 1)
    return bias * (average - symmetrised) / average


def _notes(group: object, in_action: ActionLike, out_action: ActionLike, inputs: int) -> tuple[str, ...]:
    notes = []
    if inputs < MINIMUM_FOR_INTERVAL:
        notes.append(f"no interval: fewer than {MINIMUM_FOR_INTERVAL} inputs")
    orthogonal = all(getattr(getattr(a, "rep", a), "is_orthogonal", True) for a in (in_action, out_action))
    if not in_action.group.is_compact or not orthogonal:
        law = getattr(group, "sampling_law", "")
        notes.append(
            f"the action is not orthogonal, so the error depends on how elements of {group} are drawn"
            + (f": {law}" if law else "")
        )
    return tuple(notes)


def _report(
    tally: _Tally,
    rounds: Rounds,
    undefined: str,
    floor: float | None = None,
    source: str = "not measured",
    share: float | None = None,
    layers: tuple = (),
    notes: tuple[str, ...] = (),
) -> EquivarianceReport:
    inputs = len(tally.v)
    if undefined:
        return EquivarianceReport(
            None, None, undefined, None, None, None, floor, source, share, layers, tally.scale, inputs, len(rounds),
            rounds.exhaustive, notes,
        )  # fmt: skip
    b = tally.scale**2
    interval = None
    if inputs >= MINIMUM_FOR_INTERVAL:
        low, high = (float(end) for end in jackknife_interval(tally.a, tally.b))
        if np.isfinite([low, high]).all():
            interval = (low, high)
        else:
            interval = (0.0, 0.0) if not tally.a.any() else None
    single = np.sqrt(tally.a / b)
    return EquivarianceReport(
        float(np.sqrt(tally.a.mean() / b)), interval, "", _worst(tally, rounds, b), float(np.median(single)),
        float(single.max()), floor, source, share, layers, tally.scale, inputs, len(rounds), rounds.exhaustive, notes,
    )  # fmt: skip


def _worst(tally: _Tally, rounds: Rounds, b: float) -> WorstElement:
    if rounds.exhaustive:
        by_element = tally.each.mean(1)
        j = int(by_element.argmax())
        return WorstElement(rounds.elements[j], float(np.sqrt(by_element[j] / b)))
    j, i = (int(k) for k in np.unravel_index(int(tally.each.argmax()), tally.each.shape))
    return WorstElement(rounds.elements[j, i], float(np.sqrt(tally.each[j, i] / b)))
