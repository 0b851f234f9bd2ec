"""The networks that are compared on vectors, which of them against which, and how much is run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from equilayers.experiments.arms import Arm
from equilayers.experiments.catalogue import Budget, Entry
from equilayers.experiments.summary import Scheme
from equilayers.experiments.vectors.nets import Framed, Permuted
from equilayers.experiments.vectors.scores import LARGEST, SMALLEST, scores_of
from equilayers.models import EquivariantMLP

__all__ = ["FULL", "QUICK", "equivariant_mlp", "scrambled", "standard_arms", "vector_entry"]

WIDTH = 64
CONDITION = "drawn"
FULL = Budget((100, 300, 1000, 3000), (0, 1, 2, 3, 4), 1000, (0.001, 0.003, 0.01, 0.03), 300, 300, (1000, 1001), 3000)
QUICK = Budget((100, 1000), (0, 1, 2), 250, (0.01,), 300, 0, (), 0)


def equivariant_mlp(in_rep: Any, out_rep: Any) -> EquivariantMLP:
    """The built-in network of tasks whose group acts by matrices."""
    return EquivariantMLP(in_rep, out_rep, width=WIDTH, depth=2, lengths=True)


def scrambled(dim: int, first: int = 0, seed: int = 0) -> np.ndarray:
    """A random permutation of the components from ``first`` on, the same for every run."""
    return np.concatenate([np.arange(first), first + np.random.default_rng(seed).permutation(dim - first)])


def standard_arms(canonicalised: bool = True, more: Mapping[str, Arm] | None = None, cost: float = 8.0) -> dict:
    """Plain, augmented, canonicalised, built-in and wrong, and ``more`` after the built-in one.

    Args:
        canonicalised: whether the task has a frame.
        more: arms of its own.
        cost: of a step of the built-in network.
    """
    arms = {
        "plain-P": Arm(lambda task: task.plain("parameters")),
        "plain-F": Arm(lambda task: task.plain("macs"), cost=1.3),
        "augmented-P": Arm(lambda task: task.plain("parameters"), augmented=True, cost=1.5),
        "augmented-F": Arm(lambda task: task.plain("macs"), augmented=True, cost=1.8),
        "canonicalised": Arm(lambda task: Framed(task.plain("macs"), task), cost=2.0),
        "built-in": Arm(lambda task: task.built_in(task.in_rep, task.out_rep), cost=cost),
        **(more or {}),
        "wrong group": Arm(lambda task: Permuted(task.built_in(task.in_rep, task.out_rep), task.wrong), cost=cost),
    }
    if not canonicalised:
        del arms["canonicalised"]
    return arms


def _scheme(
    arms: Mapping[str, Arm], first: str, second: str, extra: tuple[tuple[str, str], ...], error: bool
) -> Scheme:
    pairs = [(first, second), *((first, other) for other in arms if other not in (first, second)), *extra]
    contrasts = tuple((CONDITION, a, b) for a, b in pairs)
    return Scheme(
        columns={CONDITION: (CONDITION, "test")},
        blind=(),
        order=tuple(arms),
        contrasts=contrasts,
        primary=contrasts[0],
        scores=scores_of,
        sign=-1 if error else 1,
        quantity="log10 error" if error else "accuracy",
        level="score",
        units="units",
        bounds=(float(np.log10(SMALLEST)), float(np.log10(LARGEST))) if error else (0.0, 1.0),
    )


def _error(record: Mapping[str, Any]) -> float:
    return -record["evaluations"]["test"]["score"]


def _accuracy(record: Mapping[str, Any]) -> float:
    return record["evaluations"]["test"]["score"]


def vector_entry(
    load: Callable[[], Any],
    arms: Mapping[str, Arm],
    full: Budget = FULL,
    quick: Budget = QUICK,
    primary: tuple[str, str] = ("built-in", "augmented-F"),
    extra: tuple[tuple[str, str], ...] = (("wrong group", "plain-F"),),
    error: bool = True,
) -> Entry:
    """A task of the catalogue on vectors.

    Args:
        load: makes the task.
        arms: in the order of the tables.
        full, quick: how much is run.
        primary: the comparison named beforehand; the first of it is compared with every other arm.
        extra: further comparisons.
        error: whether an error is measured, or else an accuracy.
    """
    return Entry(
        load=lambda data: load(),
        arms=arms,
        controls={"roll": ("wrong group",) if "wrong group" in arms else ()},
        condition=CONDITION,
        full=full,
        quick=quick,
        trial_score=_error if error else _accuracy,
        scheme=_scheme(arms, *primary, extra, error),
        presentation="vectors.report:ERRORS" if error else "vectors.report:ACCURACIES",
    )
