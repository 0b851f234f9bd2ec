"""The sum of a set of handwritten digits, whatever their order: scikit-learn's digits, five at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from equilayers.experiments.seeds import seed_of
from equilayers.experiments.tasks import load_digits
from equilayers.experiments.vectors.arms import standard_arms, vector_entry
from equilayers.experiments.vectors.nets import PointNetwork
from equilayers.experiments.vectors.task import VectorTask
from equilayers.groups import group
from equilayers.numerics import derived
from equilayers.representations import Representation, defining, trivial

__all__ = ["ENTRIES", "DigitSums", "draw_sets"]

MEMBERS, PIXELS = 5, 64
BLOCKS = {"train": (0, 1000), "validation": (1000, 1400), "test": (1400, 1797)}  # of the file: no writer in two of them


@derived
def _digits() -> tuple[np.ndarray, np.ndarray]:
    task = load_digits()
    images = torch.cat([task.pool, task.test]).flatten(1).double()
    return images.numpy(), torch.cat([task.pool_labels, task.test_labels]).numpy()


def draw_sets(n: int, generator: torch.Generator, block: str = "train") -> tuple[Tensor, Tensor]:
    """Sets of five digits of a block of the file, ``(5, 64)`` member by member, and the sums of their labels."""
    images, labels = _digits()
    chosen = torch.randint(*BLOCKS[block], (n, MEMBERS), generator=generator).numpy()
    members, values = torch.from_numpy(images[chosen]), torch.from_numpy(labels[chosen])
    return members.flatten(1), values.sum(1, keepdim=True).double()


@dataclass(frozen=True)
class DigitSums(VectorTask):
    """Sets for training, for judging learning rates and for the test are made of different pictures."""

    def seeded(self, n: int, *what: object) -> tuple[Tensor, Tensor]:
        """Samples of the block that ``what`` begins with, of the training block for all else."""
        block = str(what[0]) if what[0] in BLOCKS else "train"
        return draw_sets(n, torch.Generator().manual_seed(seed_of(self.name, *what)), block)


def _act(g: Tensor, x: Tensor) -> Tensor:
    members = x.unflatten(-1, (MEMBERS, PIXELS))
    return torch.zeros_like(members).scatter_(1, g[..., None].expand(members.shape), members).flatten(1)


def _sorting() -> Callable[[Tensor], Tensor]:
    """The permutation that sorts the members by a fixed generic number of each."""
    weights = torch.tensor(np.random.default_rng(0).standard_normal(PIXELS))
    return lambda x: (x.double().unflatten(-1, (MEMBERS, PIXELS)) @ weights).argsort(-1).argsort(-1)


def _built_in(in_rep: Representation, out_rep: Representation) -> PointNetwork:
    return PointNetwork(in_rep, out_rep, defining(in_rep.group), channels=32)


def _load() -> DigitSums:
    S = group(f"S{MEMBERS}")
    rng = np.random.default_rng(0)  # the pixels of each place scrambled in their own way: the places are not alike
    wrong = np.concatenate([PIXELS * place + rng.permutation(PIXELS) for place in range(MEMBERS)])
    return DigitSums("digit-sums", PIXELS * defining(S), trivial(S), draw_sets, _built_in, wrong, _sorting(), _act)


ENTRIES = {"digit-sums": vector_entry(_load, standard_arms(cost=4.0))}
