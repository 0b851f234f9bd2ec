"""Closed forms for SO(2) and O(2): powers of the rotation, polynomial in the matrix."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import BadRepresentation
from equilayers.groups import Group
from equilayers.representations.levels import highest_level, within
from equilayers.representations.representation import Irrep

__all__ = ["irrep", "irreps"]

_TURN = np.array([[0.0, -1.0], [1.0, 0.0]])


@dataclass(frozen=True)
class _One:
    """The trivial representation."""

    def __call__(self, g: Tensor) -> Tensor:
        return torch.ones_like(g[..., :1, :1])


@dataclass(frozen=True)
class _Determinant:
    def __call__(self, g: Tensor) -> Tensor:
        return _det(g)


@dataclass(frozen=True)
class _Frequency:
    r"""A rotation by :math:`\theta` turns by :math:`m\theta`; the reflection stays diag(1, -1)."""

    m: int

    def __call__(self, g: Tensor) -> Tensor:
        if self.m == 1:
            return g
        c, s = g[..., :1, :1], g[..., 1:, :1]  # of the rotation: the reflection diag(1, -1) keeps the first column
        turned = torch.linalg.matrix_power(torch.cat([torch.cat([c, -s], -1), torch.cat([s, c], -1)], -2), self.m)
        return torch.cat([turned[..., :1], turned[..., 1:] * _det(g)], -1)


def _det(g: Tensor) -> Tensor:
    return g[..., :1, :1] * g[..., 1:, 1:] - g[..., :1, 1:] * g[..., 1:, :1]


def irreps(group: Group, level: int | None = None, max_dim: int | None = None) -> tuple[Irrep, ...]:
    """SO(2): "0", "1", ... by frequency. O(2): "A1" trivial, "A2" determinant, "E1", "E2", ... by frequency.

    Example:
        >>> import equilayers as eq
        >>> [i.label for i in irreps(eq.group("O(2)"), level=2)]
        ['A1', 'A2', 'E1', 'E2']
    """
    top = highest_level(group, level, max_dim)
    if group.family == "SO":
        labels = [str(m) for m in range(top + 1)]
    else:
        labels = ["A1"] + (["A2"] if top >= 2 else []) + [f"E{m}" for m in range(1, top + 1)]
    return within((irrep(group, label) for label in labels), max_dim)


def irrep(group: Group, label: str) -> Irrep:
    """The irrep of that label.

    Raises:
        BadRepresentation: there is none.
    """
    reflections = group.family == "O"
    if label == ("A1" if reflections else "0"):
        return Irrep.from_function(group, label, "real", _One(), np.zeros((1, 1, 1)))
    if reflections and label == "A2":
        return Irrep.from_function(group, label, "real", _Determinant(), np.zeros((1, 1, 1)))
    match = re.fullmatch(r"E([1-9]\d*)" if reflections else r"([1-9]\d*)", label)
    if match is None:
        raise BadRepresentation(
            "No irrep has this label.",
            {"group": group, "label": repr(label)},
            "SO(2) has 0, 1, 2, ...; O(2) has A1, A2, E1, E2, ...",
        )
    m = int(match[1])
    kind = "real" if reflections else "complex"
    return Irrep.from_function(group, label, kind, _Frequency(m), m * _TURN[None])
