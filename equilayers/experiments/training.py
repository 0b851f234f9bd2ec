"""The training that every arm gets, and its evaluation."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from equilayers.experiments.catalogue import Move
from equilayers.experiments.transforms import orbit

__all__ = ["Trained", "accuracy", "evaluate", "learning_rate", "train"]

BATCH = 64
WARM_UP = 30
WEIGHT_DECAY = 0.01
SMOOTHED = 0.1  # the final loss is the mean over this last part of the steps
CHUNK = 512


@dataclass(frozen=True)
class Trained:
    """What a training run leaves besides the network: smoothed final loss, CPU seconds, and the points of its curve."""

    final_loss: float
    seconds: float
    curve: list[tuple[int, float]]


def learning_rate(step: int, steps: int, rate: float) -> float:
    """Linear warm-up over 30 steps, then half a cosine to zero.

    Example:
        >>> learning_rate(29, 400, 0.01), round(learning_rate(215, 400, 0.01), 4)
        (0.01, 0.005)
    """
    if step < WARM_UP:
        return rate * (step + 1) / WARM_UP
    return rate * 0.5 * (1 + math.cos(math.pi * (step - WARM_UP) / max(1, steps - WARM_UP)))


def train(
    net: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    steps: int,
    rate: float,
    seed: int,
    augment: Callable[[np.random.Generator, int], Move] | None = None,
    look_at: Collection[int] = (),
    look: Callable[[], float] | None = None,
    criterion: Callable[[Tensor, Tensor], Tensor] = F.cross_entropy,
) -> Trained:
    """Train ``net`` in place by AdamW on batches of ``min(64, n)``, each epoch in a fresh order.

    Args:
        net: a batch to a batch.
        inputs, targets: the training set; images are fed channels innermost.
        steps, rate: number of steps, highest learning rate.
        seed: of the order of the samples and of how they are moved.
        augment: from a generator and a number of samples to a function that moves those of some rows; None for none.
        criterion: outputs and targets to the loss.
        look_at, look: after these numbers of steps ``look()`` gives a point of the curve; its time is not counted.
    """
    rng = np.random.default_rng(seed)
    batch = min(BATCH, len(inputs))
    epochs = -(-steps * batch // len(inputs))
    order = torch.tensor(np.concatenate([rng.permutation(len(inputs)) for _ in range(epochs)]))
    move = None if augment is None else augment(rng, len(order))
    optimiser = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=WEIGHT_DECAY, fused=True)
    losses, curve, paused = torch.zeros(steps), [], 0.0
    net.train()
    start = time.process_time()
    for step in range(steps):
        rows = slice(step * batch, (step + 1) * batch)
        x, y = inputs[order[rows]], targets[order[rows]]
        if move is not None:
            x, y = move(rows, x, y)
        if x.ndim == 4:
            x = x.contiguous(memory_format=torch.channels_last)
        optimiser.param_groups[0]["lr"] = learning_rate(step, steps, rate)
        optimiser.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        optimiser.step()
        losses[step] = loss.detach()
        if look is not None and step + 1 in look_at:
            pause = time.process_time()
            curve.append((step + 1, look()))
            net.train()
            paused += time.process_time() - pause
    last = max(1, round(SMOOTHED * steps))
    return Trained(float(losses[-last:].mean()), time.process_time() - start - paused, curve)


def evaluate(net: nn.Module, images: Tensor) -> Tensor:
    """Logits ``(4, n, classes)`` of the images in all four positions."""
    net.eval()
    with torch.no_grad():
        return torch.stack([torch.cat([net(part) for part in position.split(CHUNK)]) for position in orbit(images)])


def accuracy(logits: Tensor, labels: Tensor) -> tuple[float, str]:
    """Share classified right, and for each image one digit: in how many of the positions it was.

    ``logits``: ``(positions, n, classes)``.
    """
    right = (logits.argmax(-1) == labels).sum(0)
    return float(right.sum()) / (len(logits) * len(labels)), "".join(map(str, right.tolist()))
