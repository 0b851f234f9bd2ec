"""What the meter would read of a function that commutes: rounding, resampling, and calls that differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from equilayers.errors import BadInput
from equilayers.measurement.joined import Tensors, leaves, mapped, rows
from equilayers.measurement.meter.elements import Rounds
from equilayers.measurement.meter.sums import ENTRIES, flat, row_slices, unit_of
from equilayers.measurement.meter.tally import INPUT, Tally, averaged
from equilayers.measurement.meter.twin import NoTwin, Twin, computed_roundoff
from equilayers.measurement.probe import Probe, batch_size, eps, leaves_of, moved, wide

__all__ = ["Floor", "Squares", "added", "mean_squares", "measured_floor", "noise_floor"]

INPUTS, ROUNDS, EVALUATIONS = 64, 8, 512  # how much of the data a floor is measured on, at most
SHAKEN = 3  # roundoffs, for sums inside a function round as well
INEXACT = 1e-9  # an action that misses by more, there and back again, is one that resamples
Squares = dict[str, float]  # of each output tensor: mean squared distance per input


@dataclass(frozen=True)
class Floor:
    """Mean squared distances of each output tensor that are no error of the function, and where they come from."""

    squares: Squares
    kind: str  # rounding, resampling or noise
    source: str

    @property
    def total(self) -> float:
        return sum(self.squares.values())


@np.errstate(all="ignore")  # what is not finite is said elsewhere
def mean_squares(action: Any, one: Tensors, other: Tensors | None, unit: float = 1.0) -> Squares:
    """Of outputs or of the differences of two, streamed."""
    found = {}
    others = None if other is None else leaves(action, other)
    for name, y in leaves(action, one).items():
        total = 0.0
        for part in row_slices(y):
            difference = flat(y[part]) if others is None else flat(y[part]) - flat(others[name][part])
            total += float(((difference / unit) ** 2).sum())
        found[name] = total / max(1, len(y))
    return found


def added(first: Squares, second: Squares) -> Squares:
    """Sums, name by name."""
    return {name: value + second[name] for name, value in first.items()}


def measured_floor(probe: Probe, x: Tensors, v: Tensors, rounds: Rounds, repeat: Squares, unit: float) -> Floor:
    """The largest of rounding, resampling, and the difference of two calls, in squared units.

    Args:
        probe: the function; the same at every call but for rounding.
        x: all inputs.
        v: their outputs.
        rounds: the elements of the measurement.
        repeat: squared differences of two calls.
        unit: in which distances are counted.
    """
    floor = _rounding(probe, x, v, rounds, unit)
    if sum(repeat.values()) > floor.total:
        floor = Floor(repeat, "rounding", "two calls on the same inputs")
    return _larger(floor, _resampling(probe, x, v, rounds, unit))


def noise_floor(probe: Probe, x: Tensors, v: Tensors, rounds: Rounds, draws: int, tally: Tally) -> Floor:
    """The same for a random function: what noise is left in the means, or resampling."""

    class Mean(Probe):
        def __call__(self, x: Tensors) -> Tensors:
            return averaged(lambda: mapped(wide, probe(x)), draws, probe.out_action, tally.unit)[0]

    left = {name: tally.noise_left(name) for name in tally.sums}
    floor = Floor(left, "noise", f"noise that is left in a mean of {draws} calls")
    mean = Mean(probe.f, probe.in_action, probe.out_action, probe.dtypes, probe.device, probe.shift_axis)
    return _larger(floor, _resampling(mean, x, v, rounds, tally.unit))


def _larger(floor: Floor, other: Floor | None) -> Floor:
    return floor if other is None or other.total <= floor.total else other


def _rounding(probe: Probe, x: Tensors, v: Tensors, rounds: Rounds, unit: float) -> Floor:
    n, few = probe.size(x), _few(probe.out_action, v)
    try:
        squares = _by_twin(probe, rows(x, slice(0, few), n), rounds.part(ROUNDS, few), unit)
        return Floor(squares, "rounding", "rounding, by a float64 twin")
    except (NoTwin, BadInput) as problem:
        why = problem.rule if isinstance(problem, NoTwin) else "it takes one size of batch"
    squares = _estimated(probe, x, v, rounds.part(max(1, min(ROUNDS, EVALUATIONS // n)), n), unit)
    return Floor(squares, "rounding", f"estimated by two roundoffs of output and input; no float64 twin: {why}")


def _few(action: Any, y: Tensors) -> int:
    """How many inputs a floor is measured on: fewer where they are large."""
    width = max(1, sum(t[:1].numel() for t in leaves(action, y).values()))
    return min(batch_size(action, y), INPUTS, max(2, ENTRIES // width))


def _by_twin(probe: Probe, x: Tensors, rounds: Rounds, unit: float) -> Squares:
    """Errors of the function less errors of its twin, and one roundoff that these few evaluations may have missed."""
    twin, action, n = Twin(probe, x), probe.out_action, probe.size(x)
    y, exact_y = probe(x), twin(x)
    size, v, exact_v = mean_squares(action, y, None, unit), leaves(action, y), leaves(action, exact_y)
    total = {name: eps(v[name].dtype) ** 2 * size[name] / n for name in v}
    for g, back in rounds:
        gx = moved(probe.in_action, g, x, INPUT)
        y, exact_y = probe(gx), twin(gx)
        for part in row_slices(*leaves_of(exact_y)):
            h = rounds.of(back, part)
            u, exact_u = (leaves(action, action.transform(h, mapped(wide, rows(t, part, n)))) for t in (y, exact_y))
            for name in v:
                rounding = (flat(u[name]) - flat(v[name][part])) - (flat(exact_u[name]) - flat(exact_v[name][part]))
                total[name] += float(((rounding / unit) ** 2).sum()) / n
    return {name: square / len(rounds) for name, square in total.items()}


def _estimated(probe: Probe, x: Tensors, v: Tensors, rounds: Rounds, unit: float) -> Squares:
    """How far outputs move, as they are and pulled back, when roundoffs are added to inputs and to outputs."""
    roundoff, action, n = SHAKEN * computed_roundoff(probe, x), probe.out_action, probe.size(x)
    shaken = _shaken(x, roundoff)
    own = added(
        mean_squares(action, v, probe(shaken), unit),
        {name: roundoff**2 * square for name, square in mean_squares(action, v, None, unit).items()},
    )
    total = dict.fromkeys(own, 0.0)
    for g, back in rounds:
        y = probe(moved(probe.in_action, g, x, INPUT))
        other = probe(_shaken(probe.in_action.transform(g, shaken), roundoff))
        for part in row_slices(*leaves_of(y)):
            h, here = rounds.of(back, part), mapped(wide, rows(y, part, n))
            u = action.transform(h, here)
            for changed in (mapped(wide, rows(other, part, n)), _shaken(here, roundoff)):
                found = mean_squares(action, action.transform(h, changed), u, unit)
                total = added(total, {name: s * (part.stop - part.start) / n for name, s in found.items()})
    return added(own, {name: square / len(rounds) for name, square in total.items()})


def _shaken(x: Tensors, roundoff: float) -> Tensors:
    """Every entry by as much, up or down."""
    generator = torch.Generator().manual_seed(3)

    def shake(t: torch.Tensor) -> torch.Tensor:
        if t.layout != torch.strided or not (t.is_floating_point() or t.is_complex()):
            return t
        signs = 2.0 * torch.randint(2, t.shape, generator=generator, dtype=torch.float64) - 1.0
        return t * (1 + roundoff * signs)

    return mapped(shake, x)


def _resampling(probe: Probe, x: Tensors, v: Tensors, rounds: Rounds, unit: float) -> Floor | None:
    """What an action that interpolates does to the output: f of inputs moved there and back, and outputs likewise."""
    n, action = probe.size(x), probe.out_action
    inside, outside = (
        not _is_exact(each, mapped(wide, rows(y, slice(0, few), n)), rounds.part(ROUNDS, few))
        for each, y, few in ((a, y, _few(a, y)) for a, y in ((probe.in_action, x), (action, v)))
    )
    if not inside and not outside:
        return None
    some = rounds.part(max(1, min(ROUNDS, EVALUATIONS // n)), n)
    squares = [dict.fromkeys(leaves(action, v), 0.0) for _ in range(2)]
    for g, back in some:
        if inside:
            there_and_back = probe.in_action.transform(back, moved(probe.in_action, g, x, INPUT))
            squares[0] = added(squares[0], mean_squares(action, probe(there_and_back), v, unit))
        if outside:
            for part in row_slices(*leaves_of(v)):
                y = mapped(wide, rows(v, part, n))
                again = action.transform(some.of(back, part), action.transform(some.of(g, part), y))
                found = mean_squares(action, again, y, unit)
                squares[1] = added(squares[1], {k: s * (part.stop - part.start) / n for k, s in found.items()})
    largest = max(squares, key=lambda found: sum(found.values()))
    what = "outputs" if largest is squares[1] else "f of inputs"
    found = {name: value / len(some) for name, value in largest.items()}
    return Floor(found, "resampling", f"resampling, by {what} moved there and back")


def _is_exact(action: Any, y: Tensors, rounds: Rounds) -> bool:
    """Whether moving there and back changes nothing beyond rounding."""
    missed = dict.fromkeys(leaves(action, y), 0.0)
    unit = unit_of(*leaves(action, y).values())
    for g, back in rounds:
        again = action.transform(back, action.transform(g, y))
        missed = added(missed, mean_squares(action, again, y, unit))
    size = mean_squares(action, y, None, unit)
    return all(missed[name] <= max(1, len(rounds)) * INEXACT**2 * max(size[name], 1e-300) for name in missed)
