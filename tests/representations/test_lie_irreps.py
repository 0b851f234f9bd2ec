"""Laws of the closed forms for SO(2), O(2), SO(3), O(3), SU(2); e3nn is the oracle for SO(3) and O(3)."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import equilayers as eq
from equilayers.errors import BadInput, BadRepresentation
from equilayers.representations import so3, su2
from equilayers.testing import strategies

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from e3nn import o3

LIE = ("SO(2)", "O(2)", "SO(3)", "O(3)", "SU(2)")
END_DIM = {"real": 1, "complex": 2, "quaternionic": 4}


def listed(name: str, level: int = 4) -> tuple:
    return eq.irreps(eq.group(name), level=level)


@pytest.mark.parametrize("name", LIE)
def test_homomorphism_orthogonality_and_derivative(name, generator):
    G = eq.group(name)
    g, h = G.sample(20, generator), G.sample(20, generator)
    A = torch.randn(10, G.lie_dim, generator=generator, dtype=torch.float64)
    for V in listed(name):
        eye = torch.eye(V.dim, dtype=torch.float64)
        assert float((V(g) @ V(h) - V(G.compose(g, h))).abs().max()) < 1e-12
        assert float((V(g) @ V(g).mT - eye).abs().max()) < 1e-12
        assert float((V(G.identity) - eye).abs().max()) < 1e-13
        assert float((V(G.exp(A)) - torch.linalg.matrix_exp(V.derivative(A))).abs().max()) < 1e-11


@given(data=st.data(), name=st.sampled_from(LIE))
def test_words_of_elements_of_every_component(data, name):
    G = eq.group(name)
    V = data.draw(st.sampled_from(listed(name)))
    g, h = data.draw(strategies.elements(G)), data.draw(strategies.elements(G))
    assert float((V(g) @ V(h) - V(G.compose(g, h))).abs().max()) < 1e-12


@pytest.mark.parametrize("name", LIE)
def test_brackets_and_conjugation_by_the_discrete_generators(name):
    G = eq.group(name)
    c = torch.tensor(G.structure_constants)
    for V in listed(name):
        lie = torch.tensor(V.images.lie)
        products = torch.einsum("iab,jbc->ijac", lie, lie)
        expected = torch.einsum("ijk,kab->ijab", c, lie)
        assert float((products - products.transpose(0, 1) - expected).abs().max()) < 1e-12
        for s in G.discrete_generators:
            turned = torch.einsum("ji,jab->iab", eq.adjoint(G)(s), lie)
            assert float((V(s) @ lie @ V(s).mT - turned).abs().max()) < 1e-12


@pytest.mark.parametrize("name", LIE)
def test_types_commutants_and_inequivalence(name):
    found = listed(name, 3)
    for V, W in itertools.combinations_with_replacement(found, 2):
        a = [*V.images.lie, *V.images.discrete]
        b = [*W.images.lie, *W.images.discrete]
        rows = np.concatenate(
            [np.kron(y, np.eye(V.dim)) - np.kron(np.eye(W.dim), x.T) for x, y in zip(a, b, strict=True)]
        )
        values = np.linalg.svd(rows, compute_uv=False)
        null = V.dim * W.dim - int((values > 1e-9).sum())
        assert null == (END_DIM[V.type] if V == W else 0), (V.label, W.label)
    for V in found:
        for unit in V.endomorphisms:
            for image in [*V.images.lie, *V.images.discrete]:
                np.testing.assert_allclose(image @ unit, unit @ image, atol=1e-13)


def test_types_by_name():
    types = {name: {V.label: V.type for V in listed(name, 2)} for name in LIE}
    assert types["SO(2)"] == {"0": "real", "1": "complex", "2": "complex"}
    assert types["O(2)"] == {"A1": "real", "A2": "real", "E1": "real", "E2": "real"}
    assert types["SU(2)"] == {"0": "real", "1": "real", "1/2": "quaternionic"}
    assert set(types["O(3)"].values()) == {"real"}


def test_anchors_the_defining_action_is_an_irrep(generator):
    for name, label in (("SO(2)", "1"), ("O(2)", "E1"), ("SO(3)", "1"), ("O(3)", "1o"), ("SU(2)", "1/2")):
        G = eq.group(name)
        g = G.sample(5, generator)
        assert torch.equal(eq.irrep(G, label)(g), eq.defining(G)(g))


@pytest.mark.parametrize("name", LIE)
def test_labels_are_found_again_and_levels_are_nested(name):
    G = eq.group(name)
    below: set[str] = set()
    for level in range(6):
        found = eq.irreps(G, level=level)
        labels = [V.label for V in found]
        assert len(set(labels)) == len(labels)
        assert below <= set(labels)
        assert [V.dim for V in found] == sorted(V.dim for V in found)
        assert all(eq.irrep(G, V.label) == V for V in found)
        below = set(labels)


@pytest.mark.parametrize("name", LIE)
def test_levels_are_tensor_powers(name, generator):
    """An irrep occurs in the k-th power of the defining action exactly from its level on, by characters."""
    G = eq.group(name)
    g = G.sample(10_000, generator)
    chi = eq.character(eq.defining(G))(g)
    for V in eq.irreps(G, level=4):
        value = eq.character(V)(g)
        occurs = [float((chi**k * value).mean()) > 0.5 for k in range(4)]
        first = occurs.index(True) if True in occurs else 4
        levels = [V.label in {W.label for W in eq.irreps(G, level=k)} for k in range(4)]
        assert levels == [k >= first for k in range(4)], V.label


@pytest.mark.parametrize("name", ["SO(3)", "O(3)", "SU(2)"])
def test_max_dim_lists_all_irreps_up_to_it(name):
    G = eq.group(name)
    for bound in (1, 2, 3, 4, 5, 8):
        expected = {V.label for V in eq.irreps(G, level=12) if V.dim <= bound}
        assert {V.label for V in eq.irreps(G, max_dim=bound)} == expected


@pytest.mark.parametrize("name", ["SO(2)", "O(2)"])
def test_max_dim_alone_leaves_infinitely_many(name):
    with pytest.raises(BadInput):
        eq.irreps(eq.group(name), max_dim=2)
    with pytest.raises(BadInput):
        eq.irreps(eq.group(name))
    with pytest.raises(BadInput):
        eq.irreps(eq.group(name), level=-1)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("SO(2)", "-1"), ("SO(2)", "A1"), ("O(2)", "1"), ("O(2)", "E0"), ("O(2)", "B1"), ("SO(3)", "1o"),
        ("SO(3)", "1/2"),
        ("O(3)", "1"), ("O(3)", "1x"), ("SU(2)", "2/2"), ("SU(2)", "1o"), ("SU(2)", "-1/2"),
    ],
)  # fmt: skip
def test_labels_that_do_not_exist(name, label):
    with pytest.raises(BadRepresentation):
        eq.irrep(eq.group(name), label)


# e3nn


@pytest.fixture
def double():
    """e3nn computes in torch's default type."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("l", range(7))
def test_rotations_are_e3nn_s(l, generator, double):
    G = eq.group("SO(3)")
    g = G.sample(20, generator)
    expected = o3.Irrep(l, 1).D_from_matrix(g)
    assert float((eq.irrep(G, str(l))(g) - expected).abs().max()) < 1e-9, "its angles lose digits near the poles"
    alpha, beta, gamma = (torch.rand(20, generator=generator, dtype=torch.float64) + 0.5 for _ in range(3))
    exact = o3.wigner_D(l, alpha, beta, gamma)
    matrices = o3.angles_to_matrix(alpha, beta, gamma)
    assert float((eq.irrep(G, str(l))(matrices) - exact).abs().max()) < 1e-12


@pytest.mark.parametrize("label", ["0e", "0o", "1o", "1e", "2e", "2o", "3o", "3e"])
def test_reflections_are_e3nn_s(label, generator, double):
    angles = [torch.rand(20, generator=generator, dtype=torch.float64) + 0.5 for _ in range(3)]
    k = torch.arange(20) % 2
    matrices = o3.angles_to_matrix(*angles) * (1 - 2 * k)[:, None, None]
    expected = o3.Irrep(label).D_from_angles(*angles, k)
    V = eq.irrep(eq.group("O(3)"), label)
    assert float((V(matrices) - expected).abs().max()) < 1e-12
    wrong = eq.irrep(eq.group("O(3)"), label[:-1] + {"e": "o", "o": "e"}[label[-1]])
    assert float((wrong(matrices) - expected).abs().max()) > 0.1, "the twin of the wrong parity"


def test_the_coupling_constants_are_e3nn_s(double):
    count = 0
    for a, b, c in itertools.product(range(5), repeat=3):
        if abs(a - b) <= c <= a + b:
            expected = o3.wigner_3j(a, b, c, dtype=torch.float64).numpy()
            np.testing.assert_allclose(so3.wigner_3j(a, b, c), expected, atol=1e-12)
            count += 1
        else:
            with pytest.raises(BadInput):
                so3.wigner_3j(a, b, c)
    assert count == sum(min(a + b, 4) - abs(a - b) + 1 for a in range(5) for b in range(5))


@pytest.mark.parametrize("label", ["0", "1", "2", "3", "4"])
def test_the_generators_are_e3nn_s(label, double):
    V = eq.irrep(eq.group("SO(3)"), label)
    np.testing.assert_allclose(V.images.lie, o3.so3_generators(int(label)).numpy()[[0, 1, 2]], atol=1e-12)


def test_the_order_of_the_labels_is_that_of_e3nn_s_iterator():
    names = [str(ir) for ir in itertools.islice(o3.Irrep.iterator(), 14)]
    found = [V.label for V in eq.irreps(eq.group("O(3)"), level=9)]
    assert found[:14] == names


@pytest.mark.parametrize("spelling", ["32x0e + 16x1o", "1e", "0x2e + 3x0o", "2x1o+1x1o", "7x3e"])
def test_the_short_spelling_is_e3nn_s(spelling):
    V = eq.rep(eq.group("O(3)"), spelling)
    irreps = o3.Irreps(spelling)
    assert V.dim == irreps.dim
    assert [(m, atom.label) for m, atom in V.terms] == [(m, str(ir)) for m, ir in irreps if m]


def test_the_short_spelling_refuses_what_it_cannot_read():
    for wrong in ("3 0e", "3x", "x1o", "3x5q", "-1x0e"):
        with pytest.raises(BadRepresentation):
            eq.rep(eq.group("O(3)"), wrong)


# Polynomials of the matrix


@pytest.mark.parametrize("name", LIE)
def test_gradients_are_finite_at_the_identity_and_are_the_derivative(name):
    """Through angles they would not be numbers there."""
    G = eq.group(name)
    for V in listed(name):
        basis = torch.tensor(G.lie_basis)
        for k in range(G.lie_dim):
            _, slope = torch.func.jvp(V, (G.identity,), (basis[k],))
            assert torch.isfinite(slope).all()
            np.testing.assert_allclose(slope.numpy(), V.images.lie[k], atol=1e-11)
        _, pull = torch.func.vjp(V, G.identity)
        assert torch.isfinite(pull(torch.ones(V.dim, V.dim, dtype=torch.float64))[0]).all()


@pytest.mark.parametrize("angle", [0.0, 1e-9, 1e-7, 1e-3])
def test_small_rotations_lose_no_digits(angle):
    """Where a route through angles is off by 1e-10."""
    G = eq.group("SO(3)")
    A = torch.tensor([0.3, -0.5, 0.8], dtype=torch.float64) * angle
    V = eq.irrep(G, "8")
    expected = torch.linalg.matrix_exp(V.derivative(A))
    assert float((V(G.exp(A)) - expected).abs().max()) < 1e-13


# SU(2)


def test_the_covering_of_so3(generator):
    G, H = eq.group("SU(2)"), eq.group("SO(3)")
    g, h = G.sample(20, generator), G.sample(20, generator)
    assert float((su2.covering(g) @ su2.covering(h) - su2.covering(G.compose(g, h))).abs().max()) < 1e-13
    assert H.contains(su2.covering(g))
    assert float((su2.covering(-g) - su2.covering(g)).abs().max()) < 1e-14
    A = torch.randn(10, 3, generator=generator, dtype=torch.float64)
    assert float((su2.covering(G.exp(A)) - H.exp(A)).abs().max()) < 1e-12
    phi = eq.Homomorphism(G, H, su2.covering)
    for l in range(4):
        V, W = eq.restrict(eq.irrep(H, str(l)), phi), eq.irrep(G, str(l))
        assert float((V(g) - W(g)).abs().max()) < 1e-13
        np.testing.assert_allclose(V.images.lie, W.images.lie, atol=1e-9)


@pytest.mark.parametrize("twice", [1, 3, 5, 7])
def test_half_integers_by_their_characters(twice, generator):
    r"""Twice :math:`\sin((2j + 1) t) / \sin t`, with cos t the real part of the quaternion; -1 acts as -1."""
    G = eq.group("SU(2)")
    V = eq.irrep(G, f"{twice}/2")
    assert (V.dim, V.type) == (2 * (twice + 1), "quaternionic")
    g = G.sample(50, generator)
    t = torch.arccos(g[:, 0, 0])
    expected = 2 * torch.sin((twice + 1) * t) / torch.sin(t)
    assert float((eq.character(V)(g) - expected).abs().max()) < 1e-10
    assert float((V(-g) + V(g)).abs().max()) < 1e-13
    casimir = sum(a @ a for a in V.images.lie)
    np.testing.assert_allclose(casimir, -twice / 2 * (twice / 2 + 1) * np.eye(V.dim), atol=1e-12)


@pytest.mark.parametrize("l", range(1, 5))
def test_integers_by_their_characters(l, generator):
    G = eq.group("SU(2)")
    g = G.sample(50, generator)
    t = torch.arccos(g[:, 0, 0])
    expected = torch.sin((2 * l + 1) * t) / torch.sin(t)
    assert float((eq.character(eq.irrep(G, str(l)))(g) - expected).abs().max()) < 1e-9
