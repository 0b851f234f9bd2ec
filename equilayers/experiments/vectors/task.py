"""Samples from a law, under a group that acts on inputs and targets by representations."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from equilayers.experiments.catalogue import Move, entry
from equilayers.experiments.pictures import Centred, plain_values
from equilayers.experiments.seeds import seed_of
from equilayers.experiments.vectors.nets import matched_mlp
from equilayers.experiments.vectors.scores import error_scores, evaluation
from equilayers.groups import Group
from equilayers.measurement import equivariance_error
from equilayers.models import MLP, count_parameters
from equilayers.representations import Representation

if TYPE_CHECKING:
    from equilayers.experiments.arms import Arm
    from equilayers.experiments.plan import Job

__all__ = ["VectorTask"]

UNITS = 250  # blocks of the test samples: the units over which intervals are taken
CHUNK = 1000
SCALE_SAMPLES = 4096
METER_INPUTS, METER_ELEMENTS = 64, 8


@dataclass(frozen=True)
class VectorTask:
    """A law of inputs and targets, its symmetry, and the networks that are made for it.

    Inputs are divided by one number and targets brought to mean 0 (of invariants) and second moment 1 by one number,
    which commutes with the group; errors are those of the targets as they are.

    Attributes:
        name: of the catalogue.
        in_rep, out_rep: how the group acts on inputs, and on targets or logits.
        draw: a number and a generator to inputs ``(n, in_rep.dim)`` and targets, in float64.
        built_in: the equivariant network between two representations, with ``macs``.
        wrong: a permutation of the input's components that does not normalise the group.
        frame: inputs to elements that bring them into a position of their own; None where there is no such function.
        act: elements on inputs, where that is faster than matrices.
        classes: targets are classes and not vectors.
        tests, validations: how many samples judge.
        scaled: whether inputs are divided by their root mean square.
    """

    name: str
    in_rep: Representation
    out_rep: Representation
    draw: Callable[[int, torch.Generator], tuple[Tensor, Tensor]]
    built_in: Callable[[Representation, Representation], Any]
    wrong: np.ndarray
    frame: Callable[[Tensor], Tensor] | None = None
    act: Callable[[Tensor, Tensor], Tensor] | None = None
    classes: bool = False
    tests: int = 5000
    validations: int = 1000
    scaled: bool = True
    depth: int = 2

    @property
    def group(self) -> Group:
        """The symmetry."""
        return self.in_rep.group

    @property
    def arms(self) -> Mapping[str, Arm]:
        """The networks that are compared."""
        return entry(self.name).arms

    @property
    def flag_loss(self) -> float:
        """Half of the variance, or for two classes half of the entropy of a guess."""
        return 0.35 if self.classes else 0.5

    # Data

    def transform(self, g: Tensor, x: Tensor) -> Tensor:
        """Elements on inputs, pairwise."""
        return self.in_rep.transform(g, x) if self.act is None else self.act(g, x)

    def seeded(self, n: int, *what: object) -> tuple[Tensor, Tensor]:
        """Samples as they are, a function of ``what``."""
        return self.draw(n, torch.Generator().manual_seed(seed_of(self.name, *what)))

    @cached_property
    def scales(self) -> tuple[float, Tensor, float]:
        """Root mean square of inputs; mean of invariant targets, and root mean square about it."""
        x, y = self.seeded(min(SCALE_SAMPLES, self.tests), "scale")
        size = float(x.square().mean().sqrt()) if self.scaled else 1.0
        if self.classes:
            return size, torch.zeros(1), 1.0
        mean = y.mean(0) if self.out_rep.is_trivial else torch.zeros_like(y[0])
        return size, mean, float((y - mean).square().mean().sqrt())

    def prepared(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """As networks see them."""
        size, mean, deviation = self.scales
        return (x / size).float(), (y if self.classes else ((y - mean) / deviation).float())

    def training_set(self, job: Job) -> tuple[Tensor, Tensor]:
        """Fresh samples for each size and seed, the same for every arm."""
        return self.prepared(*self._training(job.n, job.seed))

    def _training(self, n: int, seed: int) -> tuple[Tensor, Tensor]:
        kept: dict[tuple[int, int], tuple[Tensor, Tensor]] = self.__dict__.setdefault("_kept", {})
        if (n, seed) not in kept:
            kept.clear()  # arms follow one another on one training set
            kept[n, seed] = self.seeded(n, "train", n, seed)
        return kept[n, seed]

    def test_set(self, trial: bool) -> tuple[Tensor, Tensor]:
        """Samples of their own, for all runs or for all trials."""
        return self._validation if trial else self._test

    @cached_property
    def _test(self) -> tuple[Tensor, Tensor]:
        return self.prepared(*self.seeded(self.tests, "test"))

    @cached_property
    def _validation(self) -> tuple[Tensor, Tensor]:
        return self.prepared(*self.seeded(self.validations, "validation"))

    def digest(self) -> str:
        """Of the first test samples, to six digits."""
        digest = hashlib.sha256()
        for tensor in self.seeded(64, "digest"):
            digest.update((np.round(tensor.double().numpy(), 6) + 0.0).tobytes())
        return digest.hexdigest()[:16]

    # Networks

    def build(self, arm: str) -> Any:
        """A fresh network."""
        return self.arms[arm].build(self)

    @cached_property
    def reference(self) -> tuple[int, int]:
        """Parameters and multiply-accumulates of the built-in network, which plain ones are matched to."""
        with torch.random.fork_rng(devices=[]):  # counted without touching the randomness of a run
            net = self.built_in(self.in_rep, self.out_rep)
        return count_parameters(net), net.macs

    def plain(self, match: str) -> MLP:
        """The plain network of as many "parameters", or of as many multiply-accumulates, "macs"."""
        target = self.reference[match == "macs"]
        return matched_mlp(self.in_rep.dim, self.out_rep.dim, self.depth, target, match)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean square, or cross-entropy."""
        return F.cross_entropy(outputs, targets) if self.classes else F.mse_loss(outputs, targets)

    def augment(self, rng: np.random.Generator, count: int) -> Move:
        """Elements drawn as the group draws them, on inputs and targets."""
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        fixed = self.classes or self.out_rep.is_trivial

        def move(rows: slice, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
            g = self.group.sample(len(x), generator=generator)
            return self.transform(g, x), (y if fixed else self.out_rep.transform(g, y))

        return move

    # Metric and meter

    def outputs(self, net: nn.Module, x: Tensor) -> Tensor:
        """Of a network in evaluation mode."""
        net.eval()
        with torch.no_grad():
            return torch.cat([net(part) for part in x.split(CHUNK)])

    def scores(self, net: nn.Module, x: Tensor, y: Tensor) -> np.ndarray:
        """One for each test unit; their mean is the decimal logarithm of the error, or the accuracy."""
        outputs = self.outputs(net, x)
        units = min(UNITS, len(x))
        if self.classes:
            return (outputs.argmax(-1) == y).double().numpy().reshape(units, -1).mean(1)
        errors = (outputs.double() - y.double()).square().mean(-1) * self.scales[2] ** 2
        return error_scores(errors.numpy(), units)

    def evaluations(self, net: nn.Module, x: Tensor, y: Tensor, arm: Arm, counts: bool) -> dict[str, dict[str, Any]]:
        """The scores on a test set."""
        return {"test": evaluation(self.scores(net, x, y), counts)}

    def glance(self, net: nn.Module, x: Tensor, y: Tensor) -> float:
        """The level."""
        return float(f"{self.scores(net, x, y).mean():.5g}")

    def measure(self, net: nn.Module) -> dict[str, float | None]:
        """Of the network, on the first test inputs and drawn elements."""
        inputs = self._test[0][:METER_INPUTS]
        measured = Centred(net) if self.classes else net
        return plain_values(equivariance_error(measured, self.in_rep, self.out_rep, inputs, samples=METER_ELEMENTS))
