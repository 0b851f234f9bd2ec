"""Closed forms for SO(3) and O(3), in e3nn's basis, phases and parity: polynomials of the matrix, not of angles."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from math import comb, factorial, sqrt

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import BadInput, BadRepresentation
from equilayers.groups import Group
from equilayers.numerics import derived
from equilayers.representations.levels import highest_level, within
from equilayers.representations.representation import Irrep

__all__ = ["irrep", "irreps", "rotation_images", "wigner", "wigner_3j"]


# Clebsch-Gordan constants


def _complex_coefficient(l1: int, m1: int, l2: int, m2: int, l3: int) -> float:
    """Condon and Shortley's coefficient, the alternating sum in exact integers."""
    m3 = m1 + m2
    a, b, c = l1 + l2 - l3, l1 - l2 + l3, l2 + l3 - l1
    total = sum(
        (-1) ** k * comb(a, k) * comb(b, l1 - m1 - k) * comb(c, l2 + m2 - k)
        for k in range(max(0, l1 - m1 - b, l2 + m2 - c), min(a, l1 - m1, l2 + m2) + 1)
    )
    square = Fraction(2 * l3 + 1, factorial(l1 + l2 + l3 + 1) * factorial(a) * factorial(b) * factorial(c))
    for l, m in ((l1, m1), (l2, m2), (l3, m3)):
        square *= factorial(l + m) * factorial(l - m)
    return total * sqrt(square)


def _real_basis(l: int) -> np.ndarray:
    """Columns: e3nn's real basis, in the complex basis of m = -l..l."""
    basis = np.zeros((2 * l + 1, 2 * l + 1), dtype=complex)
    basis[l, l] = 1.0
    for m in range(1, l + 1):
        sign = (-1.0) ** m / sqrt(2)
        basis[l - m, [l + m, l - m]] = 1 / sqrt(2), -1j / sqrt(2)
        basis[l + m, [l + m, l - m]] = sign, 1j * sign
    return (-1j) ** l * basis


@derived
def wigner_3j(l1: int, l2: int, l3: int) -> np.ndarray:
    """Real coupling constants ``(2 l1 + 1, 2 l2 + 1, 2 l3 + 1)`` of Frobenius norm 1, with e3nn's signs.

    Raises:
        BadInput: the degrees break the triangle inequality.

    Example:
        >>> wigner_3j(1, 1, 0)[:, :, 0].round(4).diagonal().tolist()
        [0.5774, 0.5774, 0.5774]

    Source: Racah, Theory of Complex Spectra II (1942), equation 16, in the real basis of e3nn (arXiv:2207.09453).
    """
    if not abs(l1 - l2) <= l3 <= l1 + l2:
        raise BadInput(
            "Three degrees must satisfy the triangle inequality.",
            {"l": (l1, l2, l3)},
            f"Give a third degree from {abs(l1 - l2)} to {l1 + l2}.",
        )
    complex_form = np.zeros((2 * l1 + 1, 2 * l2 + 1, 2 * l3 + 1))
    for m1 in range(-l1, l1 + 1):
        for m2 in range(max(-l2, -l3 - m1), min(l2, l3 - m1) + 1):
            complex_form[l1 + m1, l2 + m2, l3 + m1 + m2] = _complex_coefficient(l1, m1, l2, m2, l3)
    real = np.tensordot(_real_basis(l1).T, complex_form, 1)
    real = np.tensordot(real, _real_basis(l3).conj(), 1)
    real = np.einsum("ijk,jl->ilk", real, _real_basis(l2)).real
    real /= np.linalg.norm(real)
    real.setflags(write=False)
    return real


# Matrices


@derived
def _isometry(l: int) -> np.ndarray:
    """``(3 (2l + 1), 2l + 3)``: degree l + 1 inside degree l times vectors."""
    return wigner_3j(l, 1, l + 1).reshape(-1, 2 * l + 3) * sqrt(2 * l + 3)


def wigner(l: int, rotations: Tensor) -> Tensor:
    r"""``(*b, 2l + 1, 2l + 1)`` for orthogonal ``(*b, 3, 3)``, polynomial in the entries and of parity :math:`(-1)^l`.

    .. math:: D^{l+1} = P^T (D^l \otimes R) P

    Example:
        >>> wigner(2, -torch.eye(3, dtype=torch.float64)).diagonal().round(decimals=9).tolist()
        [1.0, 1.0, 1.0, 1.0, 1.0]
    """
    if l == 0:
        return torch.ones_like(rotations[..., :1, :1])
    matrix = rotations
    for k in range(1, l):
        p = torch.tensor(_isometry(k), dtype=matrix.dtype, device=matrix.device)
        both = torch.einsum("...ij,...kl->...ikjl", matrix, rotations).flatten(-4, -3).flatten(-2)
        matrix = p.mT @ both @ p
    return matrix


@derived
def rotation_images(l: int) -> np.ndarray:
    """``(3, 2l + 1, 2l + 1)``: images of the infinitesimal rotations about x, y, z."""
    if l == 0:
        return np.zeros((3, 1, 1))
    if l == 1:
        x, y, z = np.eye(3)
        return np.array([np.outer(c, b) - np.outer(b, c) for b, c in ((y, z), (z, x), (x, y))])
    p, lower = _isometry(l - 1), rotation_images(l - 1)
    images = p.T @ (np.kron(lower, np.eye(3)) + np.kron(np.eye(2 * l - 1), rotation_images(1))) @ p
    return (images - images.swapaxes(1, 2)) / 2


@dataclass(frozen=True)
class _Wigner:
    """Degree l; ``twisted``: times the determinant, which reverses the natural parity."""

    l: int
    twisted: bool

    def __call__(self, g: Tensor) -> Tensor:
        matrix = wigner(self.l, g)
        return matrix * torch.linalg.det(g)[..., None, None] if self.twisted else matrix


def irreps(group: Group, level: int | None = None, max_dim: int | None = None) -> tuple[Irrep, ...]:
    """SO(3): "0", "1", ...; O(3): "0e", "0o", "1o", "1e", ... in the order of e3nn's iterator.

    Example:
        >>> import equilayers as eq
        >>> [i.label for i in irreps(eq.group("O(3)"), level=2)]
        ['0e', '1o', '1e', '2e']
    """
    top = highest_level(group, level, max_dim)
    if level is None and max_dim is not None:
        top = max((max_dim - 1) // 2, 0) + 3 * (group.family == "O")  # det of O(3) first occurs in the third power
    if group.family == "SO":
        return within((irrep(group, str(l)) for l in range(top + 1)), max_dim)
    labels = []
    for l in range(top + 1):
        for parity in ("eo", "oe")[l % 2]:  # the natural parity first
            powers = [k for k in range(l, top + 1) if (k % 2 == 1) == (parity == "o")]
            if any(k >= 2 or k == l for k in powers):
                labels.append(f"{l}{parity}")
    return within((irrep(group, label) for label in labels), max_dim)


def irrep(group: Group, label: str) -> Irrep:
    """The irrep of that label.

    Raises:
        BadRepresentation: there is none.
    """
    with_parity = group.family == "O"
    match = re.fullmatch(r"(\d+)([eo])" if with_parity else r"(\d+)()", label)
    if match is None:
        raise BadRepresentation(
            "No irrep has this label.",
            {"group": group, "label": repr(label)},
            "SO(3) has 0, 1, 2, ...; O(3) has 0e, 0o, 1o, 1e, ...",
        )
    l = int(match[1])
    twisted = with_parity and (match[2] == "o") != (l % 2 == 1)
    return Irrep.from_function(group, f"{l}{match[2]}", "real", _Wigner(l, twisted), rotation_images(l))
