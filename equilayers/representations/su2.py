"""Closed forms for SU(2): integers through the covering of SO(3), half integers in the standard quaternionic form."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import BadRepresentation
from equilayers.groups import Group
from equilayers.numerics import derived
from equilayers.representations.levels import highest_level, within
from equilayers.representations.representation import Irrep, unit_matrices
from equilayers.representations.so3 import rotation_images, wigner

__all__ = ["covering", "irrep", "irreps"]

PIVOT = 0.6173  # the first row at least this near to the largest; never 1/2, where symmetry makes ties


def covering(g: Tensor) -> Tensor:
    r"""The rotation :math:`v \mapsto q v \bar q` on ``(*b, 4, 4)`` left multiplications: ``(*b, 3, 3)``.

    Example:
        >>> covering(-torch.eye(4, dtype=torch.float64)).diagonal().tolist()
        [1.0, 1.0, 1.0]
    """
    units = torch.tensor(unit_matrices(4), dtype=g.dtype, device=g.device)
    signs = torch.tensor([1.0, -1.0, -1.0, -1.0], dtype=g.dtype, device=g.device)
    right = torch.einsum("...k,kij->...ij", g[..., :, 0] * signs, units)  # by the conjugate, from the right
    return (g @ right)[..., 1:, 1:]


@derived
def _isometry(l: int) -> np.ndarray:
    r"""``(4 (2l + 1), 4 (l + 1))``: spin l + 1/2 inside spin 1/2 times degree l, commuting with right multiplications.

    The spin-orbit coupling :math:`K = \sum_a S_a \otimes J_a` has eigenvalues -l/2 and (l + 1)/2: hence the projector.
    """
    n = 2 * l + 1
    coupling = sum(np.kron(s, j) for s, j in zip(_spinor_images(), rotation_images(l), strict=True))
    projector = ((l + 1) / 2 * np.eye(4 * n) - coupling) / (l + 0.5)
    rights = [np.kron(unit, np.eye(n)) for unit in unit_matrices(4)]
    rest = projector[:, :n].copy()
    chosen: list[np.ndarray] = []
    while len(chosen) < l + 1:
        norms = (rest**2).sum(0)
        pick = int(np.argmax(norms >= PIVOT * norms.max()))
        v = rest[:, pick] / np.sqrt(norms[pick])
        chosen.append(v)
        for right in rights:
            rest -= np.outer(right @ v, right @ v @ rest)
    vectors = np.array(chosen).T
    return np.concatenate([right @ vectors for right in rights], axis=1)


def _spinor_images() -> np.ndarray:
    """Left multiplications by i/2, j/2, k/2 on (1, i, j, k)."""
    i = [[0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 0, -1], [0, 0, 1, 0]]
    j = [[0, 0, -1, 0], [0, 0, 0, 1], [1, 0, 0, 0], [0, -1, 0, 0]]
    k = [[0, 0, 0, -1], [0, 0, -1, 0], [0, 1, 0, 0], [1, 0, 0, 0]]
    return np.array([i, j, k]) / 2.0


@dataclass(frozen=True)
class _Integer:
    l: int

    def __call__(self, g: Tensor) -> Tensor:
        return wigner(self.l, covering(g))


@dataclass(frozen=True)
class _HalfInteger:
    """Spin l + 1/2."""

    l: int

    def __call__(self, g: Tensor) -> Tensor:
        if self.l == 0:
            return g
        q = torch.tensor(_isometry(self.l), dtype=g.dtype, device=g.device)
        orbital = wigner(self.l, covering(g))
        return q.mT @ torch.einsum("...ij,...kl->...ikjl", g, orbital).flatten(-4, -3).flatten(-2) @ q


def _half_integer_images(l: int) -> np.ndarray:
    q, n = _isometry(l), 2 * l + 1
    images = q.T @ (np.kron(_spinor_images(), np.eye(n)) + np.kron(np.eye(4), rotation_images(l))) @ q
    return (images - images.swapaxes(1, 2)) / 2


def irreps(group: Group, level: int | None = None, max_dim: int | None = None) -> tuple[Irrep, ...]:
    """ "0", "1/2", "1", ... by spin; integers are e3nn's, half integers have real dimension 2 (2j + 1).

    Example:
        >>> import equilayers as eq
        >>> [(i.label, i.dim, i.type) for i in irreps(eq.group("SU(2)"), level=2)]
        [('0', 1, 'real'), ('1', 3, 'real'), ('1/2', 4, 'quaternionic')]
    """
    top = highest_level(group, level, max_dim)
    if level is None and max_dim is not None:
        top = max(max_dim - 1, 0)
    labels = [f"{twice}/2" if twice % 2 else str(twice // 2) for twice in range(top + 1)]
    return within((irrep(group, label) for label in labels), max_dim)


def irrep(group: Group, label: str) -> Irrep:
    """The irrep of that spin.

    Raises:
        BadRepresentation: there is none.
    """
    match = re.fullmatch(r"(\d*[13579])/2|(\d+)", label)
    if match is None:
        raise BadRepresentation(
            "No irrep has this label.", {"group": group, "label": repr(label)}, "SU(2) has 0, 1/2, 1, 3/2, ..."
        )
    if match[2]:
        l = int(match[2])
        return Irrep.from_function(group, str(l), "real", _Integer(l), rotation_images(l))
    l = int(match[1]) // 2
    return Irrep.from_function(group, f"{2 * l + 1}/2", "quaternionic", _HalfInteger(l), _half_integer_images(l))
