"""Real images and their split: scikit-learn's digits, and MNIST under quarter turns."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from equilayers.errors import BadInput, ResultsError
from equilayers.experiments.catalogue import Move, entry
from equilayers.experiments.files import as_folder
from equilayers.experiments.seeds import seed_of
from equilayers.experiments.terminal import one_line
from equilayers.experiments.training import accuracy, evaluate
from equilayers.experiments.transforms import quarter_turns, random_turns

if TYPE_CHECKING:
    from equilayers.experiments.arms import Arm
    from equilayers.experiments.plan import Job

__all__ = ["Task", "load_digits", "load_mnist", "load_task"]

MNIST_POOL, MNIST_TEST = 12000, 10000
METER_INPUTS = 128


@dataclass(frozen=True)
class Task:
    """Images in file order: a pool to train from, and a test block.

    Attributes:
        name: "digits" or "mnist-rot".
        pool, test: ``(n, 1, size, size)``, standardised by the mean and deviation of the pool; labels beside them.
        validation: the pool's tail from here on judges learning rates, and no trial trains on it.
        first, poolings: of the networks.
        widths: fields of the networks with P parameters, of those with F multiply-accumulates, and of the group's.
    """

    name: str
    pool: Tensor
    pool_labels: Tensor
    test: Tensor
    test_labels: Tensor
    validation: int
    first: int
    poolings: int
    widths: tuple[int, int, int]

    @property
    def size(self) -> int:
        """Rows and columns of an image."""
        return self.pool.shape[-1]

    def subset(self, n: int, seed: int, turned: bool, last: int | None = None) -> tuple[Tensor, Tensor]:
        """The first ``n`` of a permutation of the pool (before ``last``), for every arm; each turned once or not."""
        rng = np.random.default_rng(seed_of(self.name, "subset", seed))
        order = rng.permutation(len(self.pool))
        turns = torch.tensor(rng.integers(0, 4, len(self.pool)))
        chosen = torch.tensor(order[order < (last or len(order))][:n])
        images = self.pool[chosen]
        return (quarter_turns(images, turns[chosen]) if turned else images), self.pool_labels[chosen]

    # What a run asks

    flag_loss = 0.1

    @property
    def arms(self) -> Mapping[str, Arm]:
        """The networks that are compared."""
        return entry(self.name).arms

    def build(self, arm: str) -> Any:
        """A fresh network, channels innermost."""
        return self.arms[arm].build(self).to(memory_format=torch.channels_last)

    def training_set(self, job: Job) -> tuple[Tensor, Tensor]:
        """The job's subset, turned or upright; in a trial without the validation block."""
        return self.subset(job.n, job.seed, job.task == "rotated", self.validation if job.kind == "trial" else None)

    def test_set(self, trial: bool) -> tuple[Tensor, Tensor]:
        """The test block, or the validation block."""
        if trial:
            return self.pool[self.validation :], self.pool_labels[self.validation :]
        return self.test, self.test_labels

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy."""
        return F.cross_entropy(outputs, targets)

    def augment(self, rng: np.random.Generator, count: int) -> Move:
        """Quarter turns of the images."""
        return random_turns(rng, count)

    def evaluations(self, net: nn.Module, x: Tensor, y: Tensor, arm: Arm, counts: bool) -> dict[str, dict[str, Any]]:
        """Accuracies in all positions, upright, and with test-time averaging."""
        from equilayers.experiments.pictures import evaluations

        return evaluations(evaluate(net, x), y, arm.averaged, counts)

    def glance(self, net: nn.Module, x: Tensor, y: Tensor) -> float:
        """Accuracy in all positions."""
        return round(accuracy(evaluate(net, x), y)[0], 5)

    def measure(self, net: nn.Module) -> dict[str, float | None]:
        """Under quarter turns of the first test images."""
        from equilayers.experiments.pictures import measure

        return measure(net, self.test[:METER_INPUTS])

    def digest(self) -> str:
        """Of all images and labels."""
        digest = hashlib.sha256()
        for tensor in (self.pool, self.pool_labels, self.test, self.test_labels):
            digest.update(tensor.contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]


def load_task(name: str, data: str | Path | None = None) -> Any:
    """The data of a task of the catalogue, as a :class:`~equilayers.experiments.catalogue.Task`.

    Args:
        name: of the catalogue; "digits" come with scikit-learn, the others but "mnist-rot" are generated.
        data: for "mnist-rot" a folder with ``mnist_train.npz``, ``mnist_test.npz``: arrays ``images``, ``labels``.

    Raises:
        BadInput: an unknown name, or no data where they are needed.
        ResultsError: files that do not hold such images.

    Example:
        >>> task = load_task("digits")
        >>> tuple(task.pool.shape), tuple(task.test.shape), round(float(task.pool.std()), 3)
        ((1400, 1, 8, 8), (397, 1, 8, 8), 1.0)
    """
    return entry(name).load(data)


def load_digits(data: str | Path | None = None) -> Task:
    """scikit-learn's digits in file order."""
    images, labels = _sklearn_digits()
    pool, test = _standardised(images[:1400] / 16, images[1400:] / 16)
    answers = torch.tensor(labels)
    return Task("digits", pool, answers[:1400], test, answers[1400:], 1000, 3, 1, (16, 32, 8))


def _sklearn_digits() -> tuple[np.ndarray, np.ndarray]:
    """The file of ``sklearn.datasets.load_digits``, read where it lies: importing scikit-learn takes seconds."""
    spec = importlib.util.find_spec("sklearn")
    if spec is None or spec.origin is None:
        raise BadInput(
            "The digits come with scikit-learn, which is not installed.",
            {"task": "digits"},
            'pip install "equilayers[bench]"',
        )
    path = Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz"
    if path.exists():
        table = np.loadtxt(path, delimiter=",")
        return table[:, :-1].reshape(-1, 8, 8), table[:, -1].astype(np.int64)
    from sklearn.datasets import load_digits

    found = load_digits()
    return found.images, found.target.astype(np.int64)


def load_mnist(data: str | Path | None = None) -> Task:
    """MNIST from a folder."""
    if data is None:
        remedy = "Give --data FOLDER with mnist_train.npz and mnist_test.npz."
        raise BadInput("mnist-rot needs images.", {"data": data}, remedy)
    folder = as_folder(data)
    images, labels = _read_npz(folder / "mnist_train.npz", MNIST_POOL)
    held_out, held_out_labels = _read_npz(folder / "mnist_test.npz", MNIST_TEST)
    pool, test = _standardised(images / 255, held_out / 255)
    answers = torch.tensor(labels), torch.tensor(held_out_labels)
    return Task("mnist-rot", pool, answers[0], test, answers[1], MNIST_POOL - 2000, 5, 2, (32, 64, 16))


def _read_npz(path: Path, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Images of values from 0 to 255 and their digits; nothing in the file is run."""
    try:
        if not path.is_file():
            raise FileNotFoundError("no such file")  # a pipe would never end
        with open(path, "rb") as file, np.load(file) as arrays:  # numpy alone leaves a damaged file open
            images, labels = np.asarray(arrays["images"]), np.asarray(arrays["labels"])
    except Exception as error:  # a damaged archive raises whatever its reader trips over
        raise ResultsError(
            "The images cannot be read.",
            {"file": path, "reason": one_line(error)},
            "Give files of numpy's savez with arrays images (N, 28, 28) and labels (N,).",
        ) from error
    if images.shape[1:] != (28, 28) or labels.ndim != 1 or min(len(images), len(labels)) < count:
        raise ResultsError(
            "The images have another shape.",
            {"file": path, "images": images.shape, "labels": labels.shape, "needed": (count, 28, 28)},
            "Give the usual MNIST, 60000 and 10000 images of 28 x 28.",
        )
    images, labels = images[:count], labels[:count]
    bad = {} if _within(images, 0, 255) else {"images": "numbers from 0 to 255"}
    bad |= {} if _within(labels, 0, 9) and (labels == np.floor(labels)).all() else {"labels": "digits"}
    if bad:
        raise ResultsError("The images hold something else.", {"file": path, **bad}, "Give the usual MNIST.")
    return images.astype(np.float64), labels.astype(np.int64)


def _within(values: np.ndarray, low: float, high: float) -> bool:
    return values.dtype.kind in "uif" and bool(((values >= low) & (values <= high)).all())


def _standardised(pool: np.ndarray, test: np.ndarray) -> tuple[Tensor, Tensor]:
    mean, deviation = pool.mean(), pool.std()
    made = [torch.tensor((x - mean) / deviation, dtype=torch.float32)[:, None] for x in (pool, test)]
    return made[0], made[1]
