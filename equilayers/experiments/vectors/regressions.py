"""Regressions with a symmetry in closed form, as tasks: O(5), inertia, Lorentz, and inertia with a preferred axis."""

from __future__ import annotations

from collections.abc import Callable

from equilayers.experiments.arms import Arm
from equilayers.experiments.regression import BODIES, REGRESSIONS
from equilayers.experiments.vectors.arms import equivariant_mlp, scrambled, standard_arms, vector_entry
from equilayers.experiments.vectors.nets import Frame, Sum, gram_schmidt, invariant_scalars
from equilayers.experiments.vectors.task import VectorTask

__all__ = ["ENTRIES"]


def _task(name: str, frame: Frame | None, first: int = 0) -> VectorTask:
    law = REGRESSIONS[name]()
    wrong = scrambled(law.in_rep.dim, first)
    return VectorTask(name, law.in_rep, law.out_rep, law.draw, equivariant_mlp, wrong, frame)


def _o5() -> VectorTask:
    return _task("o5", gram_schmidt(5, 2, 2))


def _bodies(name: str) -> Callable[[], VectorTask]:
    return lambda: _task(name, gram_schmidt(3, BODIES, 3, first=BODIES), first=BODIES)


def _lorentz() -> VectorTask:
    return _task("lorentz", None)


RELAXED = {
    "built-in + plain": Arm(
        lambda task: Sum(task.built_in(task.in_rep, task.out_rep), task.plain("parameters")), cost=9.0
    )
}


SCALARS = {"scalars": Arm(lambda task: invariant_scalars(task, task.reference[1]), cost=2.0)}
ENTRIES = {
    "inertia": vector_entry(_bodies("inertia"), standard_arms(more=SCALARS)),
    "lorentz": vector_entry(_lorentz, standard_arms(canonicalised=False, more=SCALARS)),
    "modified-inertia": vector_entry(_bodies("modified-inertia"), standard_arms(more=SCALARS | RELAXED)),
    "o5": vector_entry(_o5, standard_arms(more=SCALARS)),
}
