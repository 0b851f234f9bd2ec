"""From calls to a report: what is measured in which order, and what becomes of the sums."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import BadInput
from equilayers.measurement.joined import Tensors, leaves, mapped, rows
from equilayers.measurement.meter.attribution import layer_errors
from equilayers.measurement.meter.clusters import Clusters
from equilayers.measurement.meter.copies import found_copies
from equilayers.measurement.meter.elements import Rounds
from equilayers.measurement.meter.floor import INPUTS, ROUNDS, Floor, Squares, mean_squares, measured_floor, noise_floor
from equilayers.measurement.meter.interval import MINIMUM_FOR_INTERVAL, jackknife_interval
from equilayers.measurement.meter.loss_share import Loss, LossShare
from equilayers.measurement.meter.report import EquivarianceReport, LayerError, PartError, WorstElement
from equilayers.measurement.meter.sums import unit_of
from equilayers.measurement.meter.tally import INPUT, OUTPUT, Tally, averaged, measure, pulled_back
from equilayers.measurement.meter.words import (
    depends_on_sampling,
    heavy_tails,
    not_numbers,
    nothing_to_compare,
    stochastic,
    unreadable,
)
from equilayers.measurement.probe import Probe, moved, wide

__all__ = ["Reading"]

UNREADABLE = 0.5  # a floor above it leaves no reading


class Reading:
    """One measurement of a function.

    Args:
        probe: the function.
        x: inputs in double precision.
        rounds: the elements.
        clusters: which inputs count as one, where that was given.
        are_drawn: whether the inputs are independent by construction.
    """

    def __init__(self, probe: Probe, x: Tensors, rounds: Rounds, clusters: Clusters | None, are_drawn: bool) -> None:
        self.probe, self.x, self.rounds = probe, x, rounds
        self.n, self.draws, self.notes = probe.size(x), 1, list[str]()
        if self.n and len(rounds):
            moved(probe.in_action, rounds.elements[0], x, INPUT)  # what does not fit is told before anything else
        self.clusters = clusters or (Clusters.alone(self.n) if are_drawn else self._found())
        self.more: dict[str, Any] = {"error": None}  # what the report holds beside the counts

    def _found(self) -> Clusters:
        """Near copies, up to the group; each input by itself where there are none."""
        found = found_copies(self.x, self.probe.in_action) if self.n > 1 else None
        if found is None:
            return Clusters.alone(self.n)
        self.notes.append(
            f"near copies: the {self.n} inputs are {found.count} and their copies, as they are or moved by the group; "
            "copies count as one, clusters= says otherwise"
        )
        return found

    def report(self, draws: int, labels: Tensor | None, loss: Loss | None) -> EquivarianceReport:
        """Evaluate, and say what can be said."""
        undefined = nothing_to_compare(self.n, self.clusters, self.rounds)
        return self._report(undefined or self._measured(draws, labels, loss))

    def _measured(self, draws: int, labels: Tensor | None, loss: Loss | None) -> str:
        """Fill the report; why it has no error, or an empty string."""
        probe, action = self.probe, self.probe.out_action
        v, second = probe(self.x), probe(self.x)
        next(pulled_back(action, self.rounds, self.rounds.elements[0], v))  # the output fits its action
        _check_shift(probe, v, self.rounds)
        unit = unit_of(*leaves(action, v).values())
        repeat, noise = mean_squares(action, v, second, unit), None
        differs = stochastic(probe, v, repeat, unit)
        if differs and draws == 1:
            return differs
        if differs:
            self.draws = draws
            v, noise = averaged(lambda: mapped(wide, probe(self.x)), draws, action, unit)
        tally = Tally(v, action, self.clusters, len(self.rounds), unit, noise)
        tally.see(-1, second)
        del second  # it may be large
        share = None
        if labels is not None:
            share = LossShare(v, labels, loss, self.rounds.exhaustive, len(self.rounds))
        measure(probe, self.x, tally, self.rounds, self.draws, share)
        return not_numbers(probe, tally) or self._read(tally, v, repeat, share)

    def _read(self, tally: Tally, v: Tensors, repeat: Squares, share: LossShare | None) -> str:
        each = {name: tally.distances(name) for name in tally.sums}
        a, b = (np.sum([pair[k] for pair in each.values()], axis=0) for k in (0, 1))
        # Over pairs of different clusters: a large cluster has fewer partners for each of its inputs.
        partners = self.n - self.clusters.sizes[self.clusters.index]
        scales = {name: max(0.0, float((pair[1] * partners).sum() / partners.sum())) for name, pair in each.items()}
        scale = sum(scales.values())
        self.more["scale"] = float(np.sqrt(scale) * tally.unit)
        if not np.isfinite([a.sum(), scale]).all():
            return "outputs of moved inputs are too large to be compared"
        if scale <= 0:
            beyond = f" beyond the noise of {self.draws} calls" if self.draws > 1 else ""
            return f"the outputs of different inputs do not differ{beyond}"
        floor = self._floor(tally, v, repeat)
        value = float(np.sqrt(floor.total / scale))
        self.more |= {"floor": value, "floor_source": floor.source}
        if value > UNREADABLE:
            return unreadable(floor, tally, value, self.more["scale"], self.draws)
        single = np.sqrt(np.maximum(a, 0) / scale)
        self.more |= {
            "error": float(np.sqrt(max(0.0, a.mean()) / scale)),
            "interval": self._interval(a, b),
            "median": float(np.median(single)),
            "maximum": float(single.max()),
            "worst": _worst(tally, self.rounds, scale),
            "loss_share": None if share is None else share.value(),
            "layers": self._layers(),
            "parts": () if set(each) == {""} else tuple(_part(name, each, scales, floor, tally) for name in each),
        }
        if self.more["error"] > 2 * value:
            self.notes.append(heavy_tails(a, self.clusters))
        self.notes.append(depends_on_sampling(self.rounds.group, self.probe.in_action, self.probe.out_action))
        return ""

    def _floor(self, tally: Tally, v: Tensors, repeat: Squares) -> Floor:
        if self.draws > 1:
            return noise_floor(self.probe, self.x, v, self.rounds, self.draws, tally)
        return measured_floor(self.probe, self.x, v, self.rounds, repeat, tally.unit)

    def _interval(self, a: np.ndarray, b: np.ndarray) -> tuple[float, float] | None:
        if self.clusters.count < MINIMUM_FOR_INTERVAL:
            what = "inputs" if self.clusters.count == self.n else "clusters"
            self.notes.append(f"no interval: fewer than {MINIMUM_FOR_INTERVAL} {what}")
            return None
        if not a.any():
            return 0.0, 0.0
        low, high = (float(end) for end in jackknife_interval(a, b, self.clusters))
        if np.isfinite([low, high]).all():
            return low, high
        self.notes.append("no interval: without one of the clusters no two outputs differ")
        return None

    def _layers(self) -> tuple[LayerError, ...]:
        if self.draws > 1:
            return ()
        few = min(self.n, INPUTS)
        x, rounds = rows(self.x, slice(0, few), self.n), self.rounds.part(ROUNDS, few)
        return layer_errors(self.probe, x, rounds)

    def _report(self, undefined: str) -> EquivarianceReport:
        return EquivarianceReport(
            undefined=undefined,
            inputs=self.n,
            elements=len(self.rounds),
            exhaustive=self.rounds.exhaustive,
            clusters=self.clusters.count,
            draws=self.draws,
            notes=tuple(note for note in self.notes if note),
            **self.more,
        )


def _check_shift(probe: Probe, v: Tensors, rounds: Rounds) -> None:
    """Refuse to take outputs up to a shift where elements do not keep it."""
    if probe.shift_axis is None:
        return
    ones = torch.ones_like(wide(v))
    for g in rounds.elements[:ROUNDS]:
        if float((moved(probe.out_action, g, ones, OUTPUT) - ones).abs().max()) > 1e-9:
            raise BadInput(
                "Logits need an output action that keeps a common shift.",
                {"out_action": repr(probe.out_action)},
                "Give trivial or permutation representations, or leave outputs= out.",
            )


def _worst(tally: Tally, rounds: Rounds, scale: float) -> WorstElement:
    each = np.sqrt(np.maximum(tally.each.mean(1, keepdims=True) if rounds.exhaustive else tally.each, 0) / scale)
    j, i = (int(k) for k in np.unravel_index(int(each.argmax()), each.shape))
    return WorstElement(rounds.elements[j] if rounds.exhaustive else rounds.elements[j, i], float(each[j, i]))


def _part(name: str, each: dict[str, Any], scales: dict[str, float], floor: Floor, tally: Tally) -> PartError:
    if scales[name] <= 0:
        return PartError(name, None, None, 0.0)
    error = float(np.sqrt(max(0.0, each[name][0].mean()) / scales[name]))
    limit = float(np.sqrt(floor.squares[name] / scales[name]))
    return PartError(name, error, limit, float(np.sqrt(scales[name]) * tally.unit))
