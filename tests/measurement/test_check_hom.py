"""check_hom accepts what is right and rejects each broken twin with the name of the law it breaks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import equilayers as eq
from equilayers.errors import CheckFailed
from equilayers.measurement import check_hom

D4 = eq.group("D4")


def hom_pairs():
    for name in ("D4", "Q8", "S4", "C5", "SO(2)", "SO(3)", "O(3)", "SU(2)", "SO(1,3)"):
        V = eq.defining(eq.group(name))
        yield pytest.param(V @ V, V @ V + V, id=name)
        yield pytest.param(2 * V, 3 * V.dual, id=f"{name} multiples")
    V = eq.regular(D4)
    yield pytest.param(4 * V, 3 * V, id="regular")
    yield pytest.param(0 * V, V, id="empty")


@pytest.mark.parametrize(("V", "W"), [*hom_pairs()])
def test_hom_spaces(V, W):
    assert check_hom(eq.hom(V, W)).ran >= 9


class Space:
    """The intertwiners with a given orthonormal basis."""

    residual, certificate, route = 0.0, "exact", "given"

    def __init__(self, V, W, basis):
        self.in_rep, self.out_rep, self.given, self.dim = V, W, basis, len(basis)

    def basis(self):
        return self.given

    def matrix(self, weights):
        return torch.einsum("k,kij->ij", weights, torch.tensor(self.given))

    def coordinates(self, M):
        return torch.einsum("kij,ij->k", torch.tensor(self.given), M)

    def project(self, M):
        return self.matrix(self.coordinates(M))


class WrongCoordinates(Space):
    def coordinates(self, M):
        return super().coordinates(M).flip(0)


class NotIdempotent(Space):
    def project(self, M):
        return 2 * super().project(M)


class Residual(Space):
    residual = float("nan")


class Certificate(Space):
    certificate = "probably"


class OtherMatrix(Space):
    def matrix(self, weights):
        return super().matrix(-weights)

    def coordinates(self, M):
        return -super().coordinates(M)


def test_a_hand_made_space_passes():
    V, W, basis = vectors_to_tensors()
    assert check_hom(Space(V, W, basis)).ran >= 12


def vectors_to_tensors():
    """Hom(V (x) V, V) of D4 as quarter turns and reflections of the plane is 0; use V (x) V to itself: 4 maps."""
    V = eq.defining(D4) @ eq.defining(D4)
    group = D4.elements()
    average = sum(np.kron(m, m) for m in V(group).numpy()) / len(group)
    values, vectors = np.linalg.eigh(average)
    return V, V, vectors[:, values > 0.5].T.reshape(-1, 4, 4)


def broken_spaces():
    V, W, basis = vectors_to_tensors()
    yield "mean of the characters", Space(V, W, basis[:-1])
    noise = np.random.default_rng(0).normal(size=(1, 4, 4))
    yield "mean of the characters", Space(V, W, np.concatenate([basis, noise]))
    yield "W.g. B = B V.g.", Space(V, W, np.concatenate([basis[:-1], noise]))
    yield "coordinates|orthonormal", Space(V, W, 2 * basis)
    yield "coordinates|orthonormal", Space(V, W, np.concatenate([basis[:-1], basis[-1:] + basis[:1]]))
    yield "coordinates", WrongCoordinates(V, W, basis)
    yield "idempotent", NotIdempotent(V, W, basis)
    yield "residual", Residual(V, W, basis)
    yield "certificate", Certificate(V, W, basis)
    yield "combination of the basis", OtherMatrix(V, W, basis)


@pytest.mark.parametrize(("law", "twin"), [*broken_spaces()])
def test_broken_spaces_are_rejected(law, twin):
    with pytest.raises(CheckFailed, match=law):
        check_hom(twin)


def test_every_perturbed_coefficient_is_noticed():
    V, W, basis = vectors_to_tensors()
    for entry in np.ndindex(*basis.shape):
        twin = basis.copy()
        twin[entry] += 1e-3
        with pytest.raises(CheckFailed, match=r"W.g. B = B V.g."):
            check_hom(Space(V, W, twin))
