"""One pass over the elements: everything that the meter sums."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import BadInput
from equilayers.measurement.joined import Tensors, leaves, mapped, rows
from equilayers.measurement.meter.clusters import Clusters
from equilayers.measurement.meter.elements import Rounds
from equilayers.measurement.meter.loss_share import LossShare
from equilayers.measurement.meter.sums import PairSums, flat, row_slices
from equilayers.measurement.probe import Probe, batch_size, leaves_of, moved, stacked, wide

__all__ = ["INPUT", "OUTPUT", "Noise", "Tally", "averaged", "measure", "pulled_back"]

INPUT, OUTPUT = "The input", "The output of the function"
# Of each output tensor, per input: the variance of a mean over calls, summed over entries.
Noise = dict[str, np.ndarray]


def pulled_back(action: Any, rounds: Rounds, back: Tensor, y: Tensors) -> Iterator[tuple[slice, Tensors]]:
    """Outputs moved back in double precision, some inputs at a time."""
    n = batch_size(action, y)
    for part in row_slices(*leaves_of(y)):
        yield part, moved(action, rounds.of(back, part), mapped(wide, rows(y, part, n)), OUTPUT)


@np.errstate(all="ignore")
def averaged(call: Callable[[], Tensors], draws: int, action: Any, unit: float) -> tuple[Tensors, Noise]:
    """The mean of several calls, and how far it lies from that of all calls, in squared units."""
    first = call()
    n, zero = batch_size(action, first), leaves(action, first)
    total = {name: torch.zeros_like(tensor) for name, tensor in zero.items()}
    squares = {name: np.zeros(n) for name in zero}
    for _ in range(draws - 1):
        for name, tensor in leaves(action, call()).items():
            difference = tensor - zero[name]
            total[name] += difference
            squares[name] += ((flat(difference) / unit) ** 2).sum(1)
    mean = {name: zero[name] + total[name] / draws for name in zero}
    noise = {
        name: np.maximum(squares[name] - ((flat(total[name]) / unit) ** 2).sum(1) / draws, 0) / (draws * (draws - 1))
        for name in zero
    }
    return _replaced(first, action, mean), noise


def _replaced(like: Tensors, action: Any, values: dict[str, Tensor]) -> Tensors:
    old = {id(tensor): name for name, tensor in leaves(action, like).items()}
    return mapped(lambda tensor: values[old[id(tensor)]] if id(tensor) in old else tensor, like)


class Tally:
    """Own and shuffled distances of every output tensor, per input.

    Args:
        v: outputs of the inputs themselves.
        out_action: how they move.
        clusters: which inputs count as one.
        rounds: how many elements per input there will be.
        unit: in which all distances are counted.
        noise: of ``v``, where it is a mean.

    Attributes:
        broken: numbers that are not finite, and numbers in all, in the outputs of the inputs and of moved inputs.
        first: round and input of the first that is not finite; round -1 is the input as it is.
    """

    def __init__(
        self, v: Tensors, out_action: Any, clusters: Clusters, rounds: int, unit: float, noise: Noise | None = None
    ) -> None:
        outputs, n = leaves(out_action, v), len(clusters.index)
        self.out_action, self.clusters = out_action, clusters
        self.broken, self.first = np.zeros((2, 2), int), (0, 0)
        self.see(-1, v)
        self.unit = unit
        self.sums = {name: PairSums(tensor, clusters, unit) for name, tensor in outputs.items()}
        self.noise = {name: np.zeros(n) if noise is None else noise[name] for name in outputs}
        self.noise_u = {name: np.zeros(n) for name in outputs}
        self.each = np.zeros((rounds, n))

    def see(self, j: int, y: Tensors) -> Tensors:
        """Count numbers that are not finite in the outputs of round j, which come back as they are."""
        for tensor in leaves(self.out_action, y).values():
            for part in row_slices(tensor):
                bad = ~torch.isfinite(tensor[part])
                count = int(bad.sum())
                if count and self.is_finite:
                    self.first = j, part.start + int(bad.nonzero()[0, 0])
                self.broken[int(j >= 0)] += count, bad.numel()
        return y

    @property
    def is_finite(self) -> bool:
        """Whether all numbers were, so far."""
        return not self.broken[:, 0].any()

    def add(self, j: int, part: slice, u: Tensors, noise: Noise | None = None) -> None:
        """Count the pulled-back outputs of some inputs in round j."""
        for name, tensor in leaves(self.out_action, u).items():
            if tensor.shape[1:] != self.sums[name].v.shape[1:]:
                raise BadInput(
                    "The output of the function must keep its shape when its input is moved.",
                    {"of the input": tuple(self.sums[name].v.shape), "of the moved input": tuple(tensor.shape)},
                    "Return a tensor whose shape depends on the shape of the input only.",
                )
            self.each[j, part] += self.sums[name].add(part, flat(tensor))
            if noise is not None:
                more = noise[name][part]
                self.noise_u[name][part] += more / len(self.each)
                self.each[j, part] -= more + self.noise[name][part]

    def distances(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """``a`` and ``b`` of one output tensor, without what noise adds to them."""
        sums = self.sums[name]
        noise = self.noise[name] + self.noise_u[name]
        of_others = (noise.sum() - self.clusters.total(noise)[self.clusters.index]) / np.maximum(sums.others, 1)
        return sums.own() - noise, sums.shuffled() - 0.5 * (noise + of_others)

    def noise_left(self, name: str) -> float:
        """What noise adds to the mean of ``a``."""
        return float((self.noise[name] + self.noise_u[name]).mean())


def measure(probe: Probe, x: Tensors, tally: Tally, rounds: Rounds, draws: int, share: LossShare | None) -> None:
    """Evaluate the function on moved inputs and count its pulled-back outputs."""
    for j, (g, back) in enumerate(rounds):
        parts, noise = _round(probe, moved(probe.in_action, g, x, INPUT), tally, rounds, j, back, draws)
        if not tally.is_finite:
            continue  # counted, for sums would only hide where
        for part, u in parts:
            tally.add(j, part, u, noise)
            if share is not None:
                share.add(j, part, u)


def _round(
    probe: Probe, gx: Tensors, tally: Tally, rounds: Rounds, j: int, back: Tensor, draws: int
) -> tuple[Iterator[tuple[slice, Tensors]], Noise | None]:
    def call() -> Iterator[tuple[slice, Tensors]]:
        return pulled_back(probe.out_action, rounds, back, tally.see(j, probe(gx)))

    if draws == 1:
        return call(), None
    mean, noise = averaged(lambda: stacked([u for _, u in call()]), draws, probe.out_action, tally.unit)
    n = batch_size(probe.out_action, mean)
    return iter([(part, rows(mean, part, n)) for part in row_slices(*leaves_of(mean))]), noise
