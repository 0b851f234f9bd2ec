"""Closed forms for D_n: rotations by multiples of the angle, with the reflection diag(1, -1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import gcd
from typing import cast

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import BadRepresentation
from equilayers.groups import Dihedral, Group
from equilayers.representations.cyclic import nearness, rotation_powers, turns
from equilayers.representations.representation import Irrep

__all__ = ["irrep", "irreps"]


@dataclass(frozen=True)
class _Line:
    """One dimension: ``rotation`` on the generating rotation, ``reflection`` on diag(1, -1), each 1 or -1."""

    n: int
    rotation: int
    reflection: int

    def __call__(self, g: Tensor) -> Tensor:
        value = torch.ones(g.shape[:-2], dtype=torch.float64, device=g.device)
        if self.rotation < 0:
            value = value * (1 - 2 * (turns(g, self.n) % 2))
        if self.reflection < 0:
            value = value * _determinant(g)
        return value[..., None, None]


@dataclass(frozen=True)
class _Plane:
    r"""The rotation by :math:`2\pi k/n` turns by :math:`2\pi mk/n`; the reflection stays diag(1, -1)."""

    m: int
    n: int

    def __call__(self, g: Tensor) -> Tensor:
        if self.m == 1:
            return g
        turned = torch.tensor(rotation_powers(self.m, self.n), device=g.device)[turns(g, self.n)]
        return torch.stack([turned[..., 0], turned[..., 1] * _determinant(g)[..., None]], -1)


def _determinant(g: Tensor) -> Tensor:
    g = g.detach()
    return (g[..., 0, 0] * g[..., 1, 1] - g[..., 0, 1] * g[..., 1, 0]).round().to(torch.float64)


_LINES = {"A1": (1, 1), "A2": (1, -1), "B1": (-1, 1), "B2": (-1, -1)}


def irreps(group: Group, level: int | None = None, max_dim: int | None = None) -> tuple[Irrep, ...]:
    """All irreps, all of real type: "A1" trivial, "A2" determinant, for even n "B1" and "B2", then planes "E1", ...

    "B1" is -1 on the generating rotation and +1 on the reflection diag(1, -1), "B2" is -1 on both; "E1" is the
    defining action. The order is that of the characters on the classes sorted by element order, size and first member.

    Example:
        >>> import equilayers as eq
        >>> [i.label for i in irreps(eq.group("D4"))], [i.label for i in irreps(eq.group("D5"))]
        (['A1', 'B1', 'B2', 'A2', 'E1'], ['A1', 'A2', 'E1', 'E2'])

    Source: Serre, Linear Representations of Finite Groups (1977), section 5.3.
    """
    n = cast(Dihedral, group).n
    classes = _classes(n)
    lines = sorted(("A1", "A2", "B1", "B2")[: 2 if n % 2 else 4], key=lambda a: [-_line(a, *c) for c in classes])
    turning = [k for k, reflects in classes if not reflects]  # planes have trace 0 on the reflections
    planes = sorted(range(1, (n + 1) // 2), key=lambda m: [-nearness(m, k, n) for k in turning])
    found = (irrep(group, label) for label in [*lines, *(f"E{m}" for m in planes)])
    return tuple(i for i in found if max_dim is None or i.dim <= max_dim)


def _classes(n: int) -> list[tuple[int, bool]]:
    """Rotation number and whether a reflection follows, for one member of each class, in the order of the classes."""
    found = []  # (element order, size, position of the first member, as far as it can decide), (k, reflects)
    for k in range(n // 2 + 1):
        found.append(((n // gcd(n, k), 1 if 2 * k % n == 0 else 2, (k, 0)), (k, False)))
    found.append(((2, n if n % 2 else n // 2, (1, 1)), (0, True)))  # the reflection itself comes after the rotation
    if n % 2 == 0:
        found.append(((2, n // 2, (2, 1)), (1, True)))
    return [member for _, member in sorted(found)]


def _line(label: str, k: int, reflects: bool) -> int:
    rotation, reflection = _LINES[label]
    return rotation**k * (reflection if reflects else 1)


def irrep(group: Group, label: str) -> Irrep:
    """The irrep of that label.

    Raises:
        BadRepresentation: there is none.

    Example:
        >>> import equilayers as eq
        >>> irrep(eq.group("D4"), "B1")(eq.group("D4").discrete_generators).flatten().tolist()
        [-1.0, 1.0]
    """
    n = cast(Dihedral, group).n
    if label in _LINES and (n % 2 == 0 or label[0] == "A"):
        return Irrep.from_function(group, label, "real", _Line(n, *_LINES[label]), np.zeros((0, 1, 1)))
    match = re.fullmatch(r"E([1-9]\d*)", label)
    if match is None or 2 * int(match[1]) >= n:
        raise BadRepresentation(
            "No irrep has this label.",
            {"group": group, "label": repr(label)},
            f"{group} has A1, A2" + ", B1, B2" * (n % 2 == 0) + f", E1 to E{(n - 1) // 2}" * (n > 2) + ".",
        )
    return Irrep.from_function(group, label, "real", _Plane(int(match[1]), n), np.zeros((0, 2, 2)))
