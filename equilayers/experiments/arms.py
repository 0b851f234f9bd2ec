"""The networks that are compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from equilayers.experiments.canonicaliser import Canonicalised
from equilayers.experiments.transforms import Conjugated, roll, scramble
from equilayers.groups import group
from equilayers.models import CNN, GroupCNN

if TYPE_CHECKING:
    from equilayers.experiments.tasks import Task

__all__ = ["ARMS", "CONTROLS", "Arm", "arm_names"]


@dataclass(frozen=True)
class Arm:
    """One way to deal with a symmetry.

    Attributes:
        build: a fresh network for a loaded task; initialised from torch's global generator.
        augmented: every sample is moved by a random element in every training step.
        averaged: its checkpoints are also evaluated with test-time averaging over the four positions.
        upright: it is also trained on upright images, because that gives another function.
        cost: about how long a step takes, in units of plain-P: for the time left only.
    """

    build: Callable[[Any], Any]
    augmented: bool = False
    averaged: bool = False
    upright: bool = False
    cost: float = 1.0


def _plain(which: int) -> Callable[[Task], CNN]:
    return lambda task: CNN(task.widths[which], task.size, first=task.first, poolings=task.poolings)


def _c4(task: Task) -> GroupCNN:
    return GroupCNN(group("C4"), task.widths[2], task.size, first=task.first, poolings=task.poolings)


ARMS = {
    "plain-P": Arm(_plain(0), averaged=True, upright=True),
    "plain-F": Arm(_plain(1), averaged=True, cost=2.5),
    "augmented-P": Arm(_plain(0), augmented=True, averaged=True),
    "augmented-F": Arm(_plain(1), augmented=True, averaged=True, cost=2.5),
    "canonicalised": Arm(lambda task: Canonicalised(_plain(0)(task), task.size, task.first), cost=1.6),
    "C4": Arm(_c4, cost=2.8),
    "wrong group": Arm(lambda task: Conjugated(_c4(task), roll(task.size)), cost=2.8),
    "wrong group, permuted": Arm(lambda task: Conjugated(_c4(task), scramble(task.size)), cost=2.8),
    "plain-P, permuted": Arm(lambda task: Conjugated(_plain(0)(task), scramble(task.size))),
}
CONTROLS = {"roll": ("wrong group",), "all": ("wrong group", "wrong group, permuted", "plain-P, permuted")}
_EVERY_CONTROL = {name for names in CONTROLS.values() for name in names}


def arm_names(controls: str) -> tuple[str, ...]:
    """The arms of a plan, in the order of the tables.

    Example:
        >>> len(arm_names("roll")), len(arm_names("all"))
        (7, 9)
    """
    return tuple(name for name in ARMS if name not in _EVERY_CONTROL or name in CONTROLS[controls])
