"""The tasks by name, and what a plan, a run and a report have to know of each without loading it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from torch import Tensor, nn

from equilayers.errors import BadInput

if TYPE_CHECKING:
    import numpy as np

    from equilayers.experiments.arms import Arm
    from equilayers.experiments.plan import Job
    from equilayers.experiments.presentation import Presentation
    from equilayers.experiments.summary import Scheme

__all__ = ["TASK_NAMES", "Budget", "Entry", "Move", "Task", "entry"]

_HOME_OF = {
    "digits": "pictures",
    "mnist-rot": "pictures",
    "digit-sums": "vectors.digit_sums",
    "hull": "vectors.volumes",
    "inertia": "vectors.regressions",
    "lorentz": "vectors.regressions",
    "modified-inertia": "vectors.regressions",
    "o5": "vectors.regressions",
    "pendulum": "vectors.pendulum",
    "rubik": "vectors.rubik",
    "signed-volume": "vectors.volumes",
}
TASK_NAMES = tuple(_HOME_OF)

Move = Callable[[slice, Tensor, Tensor], tuple[Tensor, Tensor]]  # rows of the order, inputs, targets: both moved


class Task(Protocol):
    """What a run asks of a task: data, loss, how augmentation acts, the arms, the metric and the meter."""

    @property
    def name(self) -> str: ...

    @property
    def arms(self) -> Mapping[str, Arm]: ...

    @property
    def flag_loss(self) -> float:
        """A larger smoothed final loss says that a run has not fitted its training set."""

    def build(self, arm: str) -> Any:
        """A fresh network with ``macs``, initialised from torch's global generator."""

    def training_set(self, job: Job) -> tuple[Tensor, Tensor]:
        """Inputs and targets: the same for every arm of one size, seed and condition."""

    def test_set(self, trial: bool) -> tuple[Tensor, Tensor]:
        """Inputs and targets that judge: of learning rates in a trial, else of the run."""

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """What training makes small: the mean over a batch."""

    def augment(self, rng: np.random.Generator, count: int) -> Move:
        """Random elements of the group for ``count`` samples in order, as a function that applies them."""

    def evaluations(self, net: nn.Module, x: Tensor, y: Tensor, arm: Arm, counts: bool) -> dict[str, dict[str, Any]]:
        """Scores on a test set as plain values, with those of single test units where ``counts``."""

    def glance(self, net: nn.Module, x: Tensor, y: Tensor) -> float:
        """One number for the curve of a long run."""

    def measure(self, net: nn.Module) -> dict[str, float | None]:
        """The equivariance error as plain values: error, low, high, floor."""

    def digest(self) -> str:
        """What the data are, so that records of other data are never mixed in."""


@dataclass(frozen=True)
class Budget:
    """Sizes, seeds and steps of a plan; the fields of :class:`Plan` that depend on how much time there is."""

    sizes: tuple[int, ...]
    seeds: tuple[int, ...]
    steps: int
    rates: tuple[float, ...]
    trial_n: int
    trial_steps: int
    trial_seeds: tuple[int, ...]
    long_steps: int


@dataclass(frozen=True)
class Entry:
    """One task of the catalogue.

    Attributes:
        load: the task; of a folder with data, where it needs one.
        arms: the networks that are compared, in the order of the tables.
        controls: which of the arms each choice of controls adds; the others always run.
        condition: of the training data in trials and long runs, "rotated" or "drawn".
        full, quick: how much is run.
        trial_score: of a trial's record, larger is better.
        scheme: which numbers are summarised and compared.
        presentation: "module:name" of the :class:`Presentation` that puts them into words, plots and tables.
    """

    load: Callable[[str | Path | None], Task]
    arms: Mapping[str, Arm]
    controls: Mapping[str, tuple[str, ...]]
    condition: str
    full: Budget
    quick: Budget
    trial_score: Callable[[Mapping[str, Any]], float]
    scheme: Scheme
    presentation: str

    def arm_names(self, controls: str) -> tuple[str, ...]:
        """The arms of a plan, in the order of the tables.

        Raises:
            BadInput: unknown controls.
        """
        if not isinstance(controls, str) or controls not in self.controls:
            values = {"controls": controls, "of this task": ", ".join(self.controls)}
            raise BadInput("Unknown controls.", values, f"Give one of {', '.join(self.controls)}.")
        optional: Collection[str] = {name for names in self.controls.values() for name in names}
        return tuple(name for name in self.arms if name not in optional or name in self.controls[controls])


def entry(name: str) -> Entry:
    """The entry of a task.

    Raises:
        BadInput: an unknown name.

    Example:
        >>> entry("digits").quick.sizes
        (150, 1400)
    """
    if not isinstance(name, str) or name not in _HOME_OF:
        raise BadInput("An unknown task.", {"task": name}, f"Give one of {', '.join(TASK_NAMES)}.")
    return import_module(f"equilayers.experiments.{_HOME_OF[name]}").ENTRIES[name]


def presentation_of(name: str) -> Presentation:
    """How results of a task are shown; a name that is not in the catalogue is shown as pictures."""
    home = entry(name).presentation if name in _HOME_OF else "presentation_pictures:PRESENTATION"
    module, attribute = home.split(":")
    return getattr(import_module(f"equilayers.experiments.{module}"), attribute)


def scheme_of(name: str) -> Scheme:
    """What is summarised of a task; a name that is not in the catalogue is summarised as pictures."""
    from equilayers.experiments.summary import PICTURES

    return entry(name).scheme if name in _HOME_OF else PICTURES
