"""Rubik's cube: can this state be solved? An invariant of a group of 43 252 003 274 489 856 000 elements.

The generators that circulate with an older benchmark generate all but (24!)^2 / 2 elements, in whose orbits solved and
unsolvable states coincide; here the order is that of the cube.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from equilayers.experiments.catalogue import Budget
from equilayers.experiments.vectors.arms import scrambled, standard_arms, vector_entry
from equilayers.experiments.vectors.nets import PointNetwork
from equilayers.experiments.vectors.task import VectorTask
from equilayers.groups import group
from equilayers.representations import Representation, defining, trivial

__all__ = ["ENTRIES", "draw_cubes", "mirrored", "solved"]

FACELETS, COLOURS = 48, 6
LEFT, RIGHT = 1, 3  # faces, and their colours on a solved cube


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
    G = group("Rubik")
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
    G = group("Rubik")
    facelets = scrambled(FACELETS)
    wrong = (facelets[:, None] * COLOURS + np.arange(COLOURS)).ravel()
    return VectorTask(
        "rubik", COLOURS * defining(G), 2 * trivial(G), draw_cubes, _built_in, wrong, act=_act, classes=True,
    )  # fmt: skip


QUICK = Budget((100, 1000), (0, 1, 2), 150, (0.01,), 300, 0, (), 0)
ENTRIES = {"rubik": vector_entry(_load, standard_arms(canonicalised=False, cost=4.0), quick=QUICK, error=False)}
