"""Multivectors: counts of their linear maps, known from the literature, and minors as matrices."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch

import equilayers as eq


class Motions(eq.MatrixGroup):
    """SE(3) in homogeneous coordinates; with ``reflect`` E(3)."""

    reflect = False

    def generators(self):
        lie = []
        for i, j in combinations(range(3), 2):
            turn = np.zeros((4, 4))
            turn[i, j], turn[j, i] = -1.0, 1.0
            lie.append(turn)
        for i in range(3):
            shift = np.zeros((4, 4))
            shift[i, 3] = 1.0
            lie.append(shift)
        return eq.Generators(lie=lie, discrete=[np.diag([-1.0, -1.0, -1.0, 1.0])] if self.reflect else [])


class Euclidean(Motions):
    """E(3)."""

    reflect = True


@pytest.mark.parametrize(("group", "count"), [("O(1,3)", 5), ("SO+(1,3)", 10), ("O(3)", 4), ("SO(3)", 8)])
def test_linear_maps_of_multivectors(group, count):
    X = eq.exterior(eq.defining(eq.group(group)))
    assert eq.hom(X, X).dim == count


@pytest.mark.parametrize(("group", "count"), [(Euclidean, 9), (Motions, 16)])
def test_linear_maps_of_projective_multivectors(group, count):
    X = eq.exterior(eq.defining(group()).dual)
    assert X.dim == 16 and eq.hom(X, X).dim == count


@pytest.mark.parametrize("group", ["D4", "S4", "SO(3)", "O(1,3)", "Q8"])
def test_matrices_are_minors(group):
    G = eq.group(group)
    V = eq.defining(G)
    g = G.sample(3, generator=torch.Generator().manual_seed(0))
    matrices, found = V(g).numpy(), eq.exterior(V)(g).numpy()
    blades = [b for k in range(V.dim + 1) for b in combinations(range(V.dim), k)]
    expected = np.zeros((3, len(blades), len(blades)))
    for n in range(3):
        for i, a in enumerate(blades):
            for j, b in enumerate(blades):
                if len(a) == len(b):
                    expected[n, i, j] = np.linalg.det(matrices[n][np.ix_(a, b)]) if a else 1.0
    assert np.abs(found - expected).max() <= 1e-12 * max(1.0, np.abs(expected).max())
