"""The shipped families of matrix Lie groups: dimensions, preserved structure, components, moments of Haar measure."""

from __future__ import annotations

from math import factorial

import numpy as np
import pytest
import torch

import equilayers as eq
from equilayers.errors import BadGroup, CheckFailed
from equilayers.groups import Generators, Inhomogeneous, Symplectic
from equilayers.testing import check_group, check_layer

# Name: dimension of the algebra, size of the matrices, compact, connected, closed under transpose.
FACTS = {
    "U(1)": (1, 2, True, True, True),
    "U(2)": (4, 4, True, True, True),
    "U(3)": (9, 6, True, True, True),
    "USp(4)": (10, 8, True, True, True),
    "USp(6)": (21, 12, True, True, True),
    "Sp(2)": (3, 2, False, True, True),
    "Sp(4)": (10, 4, False, True, True),
    "Sp(6)": (21, 6, False, True, True),
    "GL(2)": (4, 2, False, False, True),
    "GL(3)": (9, 3, False, False, True),
    "SL(2)": (3, 2, False, True, True),
    "SL(3)": (8, 3, False, True, True),
    "SL(2,C)": (6, 4, False, True, True),
    "O+(1,3)": (6, 4, False, False, True),
    "Lorentz": (6, 4, False, False, True),
    "E(2)": (3, 3, False, False, False),
    "E(3)": (6, 4, False, False, False),
    "SE(2)": (3, 3, False, True, False),
    "SE(3)": (6, 4, False, True, False),
    "Aff(2)": (6, 3, False, False, False),
    "Poincare": (10, 5, False, False, False),
    "Poincare+": (10, 5, False, True, False),
    "Galilei": (10, 5, False, True, False),
    "Heisenberg": (3, 3, False, True, False),
    "Heisenberg(2)": (5, 4, False, True, False),
    "Scaling": (1, 1, False, True, True),
    "Scaling(2)": (1, 2, False, True, True),
}
COMPONENTS = {"O+(1,3)": 2, "Lorentz": 4, "GL(2)": 2, "E(3)": 2, "Poincare": 4, "Poincare+": 1, "SE(3)": 1}


@pytest.mark.parametrize("name", FACTS)
def test_facts_and_laws(name):
    G = eq.group(name)
    size = G.element_shape[0]
    assert (G.lie_dim, size, G.is_compact, G.is_connected, G.is_transpose_closed) == FACTS[name]
    assert G.name == name or name == "Lorentz"
    assert check_group(G).ran > 25


@pytest.mark.parametrize("name", FACTS)
def test_a_linear_layer_on_the_defining_action_and_its_square(name):
    V = eq.defining(eq.group(name))
    rep = 2 * V + eq.trivial(V.group) + (V @ V if V.dim <= 5 else eq.trivial(V.group))
    assert check_layer(eq.layers.Linear(rep, rep)).ran > 20


@pytest.mark.parametrize("name", FACTS)
def test_what_is_not_in_the_group_is_not_contained(name, generator):
    G = eq.group(name)
    g = G.sample(4, generator)
    assert G.contains(g)
    noise = torch.randn(G.element_shape, generator=generator, dtype=torch.float64)
    if name not in ("GL(2)", "GL(3)", "Scaling"):
        assert not G.contains(g + 0.01 * noise)
    assert not G.contains(0 * g)
    assert not G.contains(torch.eye(G.element_shape[0] + 1, dtype=torch.float64))


@pytest.mark.parametrize("size", [2, 4, 6])
def test_symplectic_matrices_keep_the_form(size, generator):
    G = Symplectic(size)
    form = np.zeros((size, size))
    for i in range(size // 2):
        form[i, size // 2 + i], form[size // 2 + i, i] = 1.0, -1.0
    for g in G.sample(5, generator).numpy():
        assert np.abs(g.T @ form @ g - form).max() < 1e-12 * np.abs(g).max() ** 2
        assert abs(np.linalg.det(g) - 1) < 1e-10 * np.abs(g).max() ** size


def complex_trace(g):
    n = g.shape[-1] // 2
    return torch.complex(g[..., :n, :n], g[..., n:, :n]).diagonal(dim1=-2, dim2=-1).sum(-1)


@pytest.mark.parametrize(("n", "k"), [(1, 1), (1, 2), (2, 1), (2, 2), (3, 2), (3, 3)])
def test_moments_of_the_unitary_trace(n, k, generator):
    """The mean of |tr|^(2k) is k! for k <= n (Diaconis and Shahshahani 1994), and 1 for U(1)."""
    moments = complex_trace(eq.group(f"U({n})").sample(40_000, generator)).abs() ** (2 * k)
    expected = factorial(k) if k <= n else 1
    assert abs(float(moments.mean()) - expected) < 5 * float(moments.std()) / 200 + 1e-12


@pytest.mark.parametrize("size", [4, 6])
def test_moments_of_the_compact_symplectic_trace(size, generator):
    """The trace is real; its square has mean 1 and its fourth power mean 3."""
    trace = complex_trace(eq.group(f"USp({size})").sample(40_000, generator))
    assert trace.imag.abs().max() < 1e-10
    for power, expected in ((2, 1.0), (4, 3.0)):
        moments = trace.real**power
        assert abs(float(moments.mean()) - expected) < 5 * float(moments.std()) / 200


@pytest.mark.parametrize("name", COMPONENTS)
def test_samples_reach_every_component(name, generator):
    g = eq.group(name).sample(200, generator)
    signs = torch.stack([torch.linalg.det(g).sign(), g[:, 0, 0].sign() if "o" in name else g[:, 0, 0] * 0], -1)
    if name == "O+(1,3)":
        assert (g[:, 0, 0] > 0).all()
        signs = signs[:, :1]
    assert len(torch.unique(signs, dim=0)) == COMPONENTS[name]


@pytest.mark.slow
def test_translations_of_a_finite_group():
    crystal = Inhomogeneous(eq.group("T"))
    assert (crystal.lie_dim, crystal.name) == (3, "R^3 : T")
    check_group(crystal)


@pytest.mark.parametrize("name", ["U(0)", "USp(5)", "Sp(3)", "SL(1)", "E(1)", "Galilei(1)", "Heisenberg(0)"])
def test_sizes_that_do_not_exist(name):
    with pytest.raises(BadGroup, match="needs"):
        eq.group(name)


def test_a_wrong_generator_is_noticed():
    class Wrong(Symplectic):
        def generators(self):
            lie = super().generators().lie.copy()
            lie[0, 0, 0] = 2.0
            return Generators(lie=lie)

    with pytest.raises((BadGroup, CheckFailed)):
        check_group(Wrong(4))
