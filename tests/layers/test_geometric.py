"""The geometric product against the axioms of a Clifford algebra and against matrices of Dirac."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import equilayers as eq
from equilayers.errors import BadRepresentation, TooLarge
from equilayers.layers import GeometricProduct
from equilayers.layers.geometric_product import clifford_table

FORMS = [
    np.eye(3),
    np.diag([1.0, -1.0, -1.0, -1.0]),
    np.diag([1.0, 1.0, 1.0, 0.0]),
    np.array([[2.0, 0.5], [0.5, -1.0]]),
]


def table(q):
    n = 2 ** len(q)
    first, second, out, value = clifford_table(tuple(map(tuple, q.tolist())))
    dense = np.zeros((n, n, n))
    dense[first, second, out] = value
    return dense


@pytest.mark.parametrize("q", FORMS)
def test_axioms(q):
    T, n = table(q), len(q)
    left, right = np.einsum("abx,xcz->abcz", T, T), np.einsum("bcx,axz->abcz", T, T)
    assert np.abs(left - right).max() < 1e-12  # associative
    unit = np.eye(len(T))
    assert np.array_equal(T[0], unit) and np.array_equal(T[:, 0], unit)
    vectors = T[1 : n + 1, 1 : n + 1]
    expected = np.zeros_like(vectors)
    expected[:, :, 0] = 2 * q
    assert np.abs(vectors + vectors.transpose(1, 0, 2) - expected).max() < 1e-12


def test_space_time_is_the_algebra_of_dirac_matrices():
    pauli = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
    gamma = [np.kron([[1, 0], [0, -1]], np.eye(2))] + [np.kron([[0, 1], [-1, 0]], s) for s in pauli]
    blades = [(), *((i,) for i in range(4)), (0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    blades += [(0, 1, 2), (0, 1, 3), (0, 2, 3), (1, 2, 3), (0, 1, 2, 3)]
    matrices = []
    for blade in blades:
        product = np.eye(4, dtype=complex)
        for i in blade:
            product = product @ gamma[i]
        matrices.append(product)
    matrices = np.array(matrices)
    expected = np.einsum("xij,yjk->xyik", matrices, matrices)
    assert np.abs(expected - np.einsum("xyz,zij->xyij", table(FORMS[1]), matrices)).max() < 1e-12


@pytest.mark.parametrize(
    ("group", "q"), [("O(3)", FORMS[0]), ("O(1,3)", FORMS[1]), ("S4", np.eye(4)), ("D4", np.eye(2))]
)
def test_equivariant_with_any_weights(group, q):
    G = eq.group(group)
    layer = GeometricProduct(eq.defining(G), q, 3).double()
    assert eq.testing.check_layer(layer).ran > 25
    x, y = (torch.randn(4, layer.dim, dtype=torch.float64) for _ in range(2))
    assert torch.equal(layer(x, y), layer(torch.cat([x, y], -1)))


@pytest.mark.parametrize("q", FORMS[:3])
def test_unit_second_moment(q):
    torch.manual_seed(0)
    G = eq.group("trivial")
    V = eq.trivial(G) if len(q) == 1 else len(q) * eq.trivial(G)
    layer = GeometricProduct(V, q, 2000)
    with torch.no_grad():
        y = layer(torch.randn(200, 2 * layer.dim)).view(200, 2 ** len(q), 2000)
    moments = y.square().mean((0, 2))
    grades = np.array([sum(map(int, bin(i)[2:])) for i in range(2 ** len(q))])
    start = 0
    for k in range(len(q) + 1):
        size = int((grades == k).sum())
        assert abs(float(moments[start : start + size].mean()) - 1) < 0.1
        start += size


def test_refusals():
    boosts = eq.defining(eq.group("O(1,3)"))
    with pytest.raises(BadRepresentation, match="keep the form"):
        GeometricProduct(boosts, np.eye(4))
    with pytest.raises(BadRepresentation, match="symmetric form"):
        GeometricProduct(boosts, np.eye(3))
    with pytest.raises(TooLarge, match=r"2\^9"):
        GeometricProduct(eq.defining(eq.group("S9")), np.eye(9))
