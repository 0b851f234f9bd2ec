"""Closed forms for C_n and the trivial group: rotations by multiples of the angle."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import gcd
from typing import cast

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import BadGroup, BadRepresentation
from equilayers.groups import Cyclic, Group
from equilayers.groups.cyclic import rotation
from equilayers.numerics import derived
from equilayers.representations.representation import Irrep

__all__ = ["irrep", "irreps", "nearness", "rotation_powers", "turns"]


def turns(g: Tensor, n: int) -> Tensor:
    """``(*b,)``: how many n-th parts of a turn take the x axis to the first column of the ``(*b, 2, 2)`` matrices.

    Raises:
        BadGroup: a column is no unit vector in one of the n directions.
    """
    g = g.detach()
    k = (torch.atan2(g[..., 1, 0], g[..., 0, 0]) * (n / (2 * np.pi))).round().to(torch.int64) % n
    directions = torch.tensor(rotation_powers(1, n)[:, :, 0], dtype=g.dtype, device=g.device)
    error = (g[..., :, 0] - directions[k]).abs()
    if error.numel() and not float(error.max()) < 1e-4:
        raise BadGroup(
            f"A matrix does not belong to the group: it does not turn by a multiple of 360/{n} degrees.",
            {"distance": f"{float(error.max()):.2e}"},
            "Build elements by compose, sample or elements.",
        )
    return k


@derived
def rotation_powers(m: int, n: int) -> np.ndarray:
    """``(n, 2, 2)``: rotations by ``m k / n`` of a turn, k = 0, ..., n - 1; quarter turns are exact."""
    rotations = np.array([rotation(m * k % n, n) for k in range(n)])
    rotations.setflags(write=False)
    return rotations


def nearness(m: int, k: int, n: int) -> int:
    r"""An integer that grows with :math:`\cos(2\pi m k / n)`, by which characters are compared without floats."""
    j = m * k % n
    return -min(j, n - j)


@dataclass(frozen=True)
class _One:
    def __call__(self, g: Tensor) -> Tensor:
        return torch.ones_like(g[..., :1, :1], dtype=torch.float64)


@dataclass(frozen=True)
class _Sign:
    """-1 on the generator."""

    n: int

    def __call__(self, g: Tensor) -> Tensor:
        return (1.0 - 2.0 * (turns(g, self.n) % 2)).to(torch.float64)[..., None, None]


@dataclass(frozen=True)
class _Frequency:
    r"""The rotation by :math:`2\pi k/n` turns by :math:`2\pi mk/n`."""

    m: int
    n: int

    def __call__(self, g: Tensor) -> Tensor:
        if self.m == 1:
            return g
        return torch.tensor(rotation_powers(self.m, self.n), device=g.device)[turns(g, self.n)]


def irreps(group: Group, level: int | None = None, max_dim: int | None = None) -> tuple[Irrep, ...]:
    r"""All real irreps: "0" trivial, then for even n "n/2" (the sign, labelled by its number), then the planes.

    .. math:: \rho_m(k) = R(2\pi m k / n)

    Planes are of complex type. Their order is that of the characters on the classes sorted by element order: a
    frequency that the elements of small order see as trivial comes first. The trivial group has "0" alone.

    Example:
        >>> import equilayers as eq
        >>> [(i.label, i.dim, i.type) for i in irreps(eq.group("C6"))]
        [('0', 1, 'real'), ('3', 1, 'real'), ('2', 2, 'complex'), ('1', 2, 'complex')]

    Source: Serre, Linear Representations of Finite Groups (1977), section 5.1.
    """
    n = _order(group)
    classes = sorted(range(n), key=lambda k: (n // gcd(n, k), k))

    def rank(m: int) -> tuple[int, tuple[int, ...]]:
        return (1 if 2 * m % n == 0 else 2, tuple(-nearness(m, k, n) for k in classes))

    found = (irrep(group, str(m)) for m in sorted(range(n // 2 + 1), key=rank))
    return tuple(i for i in found if max_dim is None or i.dim <= max_dim)


def irrep(group: Group, label: str) -> Irrep:
    """The irrep of that frequency.

    Raises:
        BadRepresentation: there is none.

    Example:
        >>> import equilayers as eq
        >>> irrep(eq.group("C4"), "2")(eq.group("C4").elements()).flatten().tolist()
        [1.0, -1.0, 1.0, -1.0]
    """
    n = _order(group)
    m = int(label) if re.fullmatch(r"0|[1-9]\d*", label) else -1
    if not 0 <= 2 * m <= n:
        raise BadRepresentation(
            "No irrep has this label.",
            {"group": group, "label": repr(label)},
            f"{group} has the frequencies 0 to {n // 2}.",
        )
    if m == 0:
        return Irrep.from_function(group, label, "real", _One(), np.zeros((0, 1, 1)))
    if 2 * m == n:
        return Irrep.from_function(group, label, "real", _Sign(n), np.zeros((0, 1, 1)))
    return Irrep.from_function(group, label, "complex", _Frequency(m, n), np.zeros((0, 2, 2)))


def _order(group: Group) -> int:
    return cast(Cyclic, group).n if group.family == "cyclic" else 1
