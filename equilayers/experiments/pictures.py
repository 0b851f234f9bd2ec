"""The tasks on pictures: what is run of them, how they are scored, and the meter under quarter turns."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from torch import Tensor, nn

from equilayers.experiments.arms import ARMS, CONTROLS
from equilayers.experiments.catalogue import Budget, Entry
from equilayers.experiments.summary import PICTURES
from equilayers.experiments.tasks import load_digits, load_mnist
from equilayers.experiments.training import accuracy
from equilayers.groups import group
from equilayers.measurement import EquivarianceReport, equivariance_error
from equilayers.representations import GridField, trivial

__all__ = ["ENTRIES", "Centred", "evaluations", "measure", "plain_values"]


def evaluations(logits: Tensor, labels: Tensor, averaged: bool, counts: bool) -> dict[str, dict[str, Any]]:
    """All positions, upright only, and all positions by the mean of the four softmax outputs."""
    found = {"rotated": logits, "upright": logits[:1]}
    if averaged:
        found["rotated_tta"] = logits.softmax(-1).mean(0, keepdim=True)
    scores = {}
    for name, outputs in found.items():
        share, digits = accuracy(outputs, labels)
        if name == "rotated_tta":  # the mean over the orbit is the same for all four positions
            digits = digits.replace("1", "4")
        scores[name] = {"accuracy": round(share, 6)} | ({"counts": digits} if counts else {})
    return scores


class Centred(nn.Module):
    """Logits without their mean, which decides nothing."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        logits = self.net(x)
        return logits - logits.mean(-1, keepdim=True)


def measure(net: nn.Module, images: Tensor) -> dict[str, float | None]:
    """The equivariance error of a trained network under quarter turns of its input, as plain values."""
    rotations = group("C4")
    classes = 10 * trivial(rotations)
    return plain_values(equivariance_error(Centred(net), GridField(trivial(rotations)), classes, images))


def plain_values(report: EquivarianceReport) -> dict[str, float | None]:
    """What a record keeps of a measurement; an end of an interval that is not finite is none."""
    low, high = report.interval or (None, None)
    values = {"error": report.error, "low": low, "high": high, "floor": report.floor}
    finite = {name: None if value is None or not isfinite(value) else value for name, value in values.items()}
    return {name: None if value is None else float(f"{value:.6g}") for name, value in finite.items()}


def _trial_score(record: Mapping[str, Any]) -> float:
    return record["evaluations"]["rotated"]["accuracy"]


def _entry(load: Any, sizes: tuple[int, ...], trial_n: int) -> Entry:
    return Entry(
        load=load,
        arms=ARMS,
        controls=CONTROLS,
        condition="rotated",
        full=Budget(sizes, (0, 1, 2, 3, 4), 400, (0.003, 0.01, 0.03), trial_n, 200, (1000, 1001), 1600),
        quick=Budget((sizes[-3], sizes[-1]), (0, 1, 2, 3), 120, (0.01,), trial_n, 0, (), 0),
        trial_score=_trial_score,
        scheme=PICTURES,
        presentation="presentation_pictures:PRESENTATION",
    )


ENTRIES = {
    "digits": _entry(load_digits, (50, 150, 450, 1400), 200),
    "mnist-rot": _entry(load_mnist, (600, 3000, 12000), 600),
}
