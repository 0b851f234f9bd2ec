"""Rubik's cube: can this state be solved? An invariant of a group of 43 252 003 274 489 856 000 elements."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from equilayers.experiments.catalogue import Budget
from equilayers.experiments.vectors.arms import scrambled, standard_arms, vector_entry
from equilayers.experiments.vectors.nets import PointNetwork
from equilayers.experiments.vectors.task import VectorTask
from equilayers.groups import FiniteGroup, PermutationGroup
from equilayers.representations import Representation, defining, trivial

__all__ = ["ENTRIES", "cube_group", "draw_cubes", "mirrored", "solved"]

FACELETS, COLOURS = 48, 6
# Quarter turns of U L F R B D as cycles of facelets from 1: each face has eight, row by row, its centre left out.
TURNS = (
    ((1, 3, 8, 6), (2, 5, 7, 4), (9, 33, 25, 17), (10, 34, 26, 18), (11, 35, 27, 19)),
    ((9, 11, 16, 14), (10, 13, 15, 12), (1, 17, 41, 40), (4, 20, 44, 37), (6, 22, 46, 35)),
    ((17, 19, 24, 22), (18, 21, 23, 20), (6, 25, 43, 16), (7, 28, 42, 13), (8, 30, 41, 11)),
    ((25, 27, 32, 30), (26, 29, 31, 28), (3, 38, 43, 19), (5, 36, 45, 21), (8, 33, 48, 24)),
    ((33, 35, 40, 38), (34, 37, 39, 36), (3, 9, 46, 32), (2, 12, 47, 29), (1, 14, 48, 27)),
    ((41, 43, 48, 46), (42, 45, 47, 44), (14, 22, 30, 38), (15, 23, 31, 39), (16, 24, 32, 40)),
)
LEFT, RIGHT = 1, 3  # faces, and their colours on a solved cube


def cube_group() -> PermutationGroup:
    """The group that the six quarter turns generate on the 48 facelets that move.

    The generators that circulate with an older benchmark generate all but (24!)^2 / 2 elements, in whose orbits solved
    and unsolvable states coincide; here the order is that of the cube.

    Example:
        >>> cube_group().order
        43252003274489856000
    """
    images = np.tile(np.arange(FACELETS), (len(TURNS), 1))
    for image, cycles in zip(images, TURNS, strict=True):
        for cycle in cycles:
            image[np.array(cycle) - 1] = np.roll(cycle, -1) - 1
    return FiniteGroup.from_permutations(images, name="Rubik")


def solved() -> Tensor:
    """The colour of every facelet of the solved cube, ``(48,)``."""
    return torch.arange(COLOURS).repeat_interleave(FACELETS // COLOURS)


def mirrored() -> Tensor:
    """The solved cube with the colours of two opposite faces exchanged: no sequence of turns solves it.

    A turn keeps the cyclic order in which the three colours of a corner follow one another, and here the order of every
    corner is reversed. A single twisted corner or flipped edge cannot be solved either, but leaves every piece as it
    is: how it lies shows only in all pieces together, and a network that looks at pieces one by one cannot tell.
    """
    colours = solved()
    return torch.where(colours == LEFT, RIGHT, torch.where(colours == RIGHT, LEFT, colours))


def draw_cubes(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Scrambled cubes, ``(48, 6)`` one-hot colours facelet by facelet, and whether they cannot be solved."""
    G = cube_group()
    y = torch.randint(2, (n,), generator=generator)
    start = torch.stack([solved(), mirrored()])[y]
    colours = move_facelets(G.sample(n, generator=generator), start[..., None])[..., 0]
    return F.one_hot(colours, COLOURS).double().flatten(1), y


def move_facelets(g: Tensor, x: Tensor) -> Tensor:
    """What lies on facelet i moves to facelet ``g[i]``; ``x`` is ``(n, 48, channels)``."""
    return torch.zeros_like(x).scatter_(1, g[..., None].expand(x.shape), x)


def _act(g: Tensor, x: Tensor) -> Tensor:
    return move_facelets(g, x.unflatten(-1, (FACELETS, COLOURS))).flatten(1)


def _built_in(in_rep: Representation, out_rep: Representation) -> PointNetwork:
    return PointNetwork(in_rep, out_rep, defining(in_rep.group), channels=8)


def _load() -> VectorTask:
    G = cube_group()
    facelets = scrambled(FACELETS)
    wrong = (facelets[:, None] * COLOURS + np.arange(COLOURS)).ravel()
    return VectorTask(
        "rubik", COLOURS * defining(G), 2 * trivial(G), draw_cubes, _built_in, wrong, act=_act, classes=True,
    )  # fmt: skip


QUICK = Budget((100, 1000), (0, 1, 2), 150, (0.01,), 300, 0, (), 0)
ENTRIES = {"rubik": vector_entry(_load, standard_arms(canonicalised=False, cost=4.0), quick=QUICK, error=False)}
