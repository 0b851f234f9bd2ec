"""Volumes: of the convex hull of points, which rotations keep, and of a parallelepiped with its sign."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from equilayers.experiments.arms import Arm
from equilayers.experiments.vectors.arms import equivariant_mlp, scrambled, standard_arms, vector_entry
from equilayers.experiments.vectors.nets import Permuted, PointNetwork, gram_schmidt, invariant_scalars
from equilayers.experiments.vectors.task import VectorTask
from equilayers.groups import group
from equilayers.representations import defining, trivial

__all__ = ["ENTRIES", "hull_volumes"]

POINTS, DIM = 16, 5
TENTH = 10.0  # the signed volume is a determinant over this


def hull_volumes(points: np.ndarray) -> np.ndarray:
    """Volumes of the convex hulls of point sets.

    Shapes: ``(n, points, dim)`` to ``(n,)``.

    Example:
        >>> hull_volumes(np.array([[[0.0, 0.0], [2.0, 0.0], [0.0, 1.0], [0.5, 0.25]]]))
        array([1.])
    """
    from scipy.spatial import ConvexHull

    return np.array([ConvexHull(cloud).volume for cloud in points])


def draw_hulls(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Sixteen standard normal points of R^5, ``(5, 16)`` component by component, and the volume of their hull."""
    x = torch.randn(n, DIM, POINTS, generator=generator, dtype=torch.float64)
    return x.flatten(1), torch.from_numpy(hull_volumes(x.mT.numpy()))[:, None]


def draw_signed(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Three standard normal vectors of R^3, ``(3, 3)`` component by component, and a tenth of their determinant."""
    x = torch.randn(n, 3, 3, generator=generator, dtype=torch.float64)
    return x.flatten(1), torch.linalg.det(x)[:, None] / TENTH


def _hull() -> VectorTask:
    G = group("O(5)")
    return VectorTask(
        "hull", POINTS * defining(G), trivial(G), draw_hulls, equivariant_mlp, scrambled(DIM * POINTS),
        gram_schmidt(DIM, POINTS, DIM), tests=2000, validations=500,
    )  # fmt: skip


def _signed_volume() -> VectorTask:
    V = defining(group("O(3)"))
    return VectorTask(
        "signed-volume", 3 * V, V.alt(3), draw_signed, equivariant_mlp, scrambled(9), gram_schmidt(3, 3, 3)
    )


def _deep_sets(task: VectorTask) -> Permuted:
    """Permutations of the points built in, and no rotation."""
    S = group(f"S{POINTS}")
    net = PointNetwork(DIM * defining(S), trivial(S), defining(S), channels=32)
    return Permuted(net, np.arange(DIM * POINTS).reshape(DIM, POINTS).T.ravel())


HULL = {
    "scalars": Arm(lambda task: invariant_scalars(task, task.reference[1]), cost=2.0),
    "Deep Sets": Arm(_deep_sets, cost=3.0),
}
ENTRIES = {
    "hull": vector_entry(_hull, standard_arms(more=HULL)),
    "signed-volume": vector_entry(_signed_volume, standard_arms()),
}
