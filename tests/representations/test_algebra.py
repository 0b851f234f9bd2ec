"""Laws of sums, copies, products, duals and powers: equal objects have equal matrices, laid out as numpy's kron."""

from __future__ import annotations

import copy
import pickle
from itertools import combinations, combinations_with_replacement

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import equilayers as eq
from equilayers.errors import BadInput, GroupMismatch, TooLarge
from equilayers.representations import Representation
from equilayers.testing import check_representation, strategies

GROUPS = ("C3", "D4", "S4", "Q8", "SO(2)", "O(3)", "SU(2)", "SO(1,3)", "SO(2) x C3", "C4 x D3")


def atoms(name: str) -> list[Representation]:
    """Representations of different kinds, with names for use in sums and products."""
    G = eq.group(name)
    found = [eq.defining(G), *(eq.irreps(G)[1:3] if G.is_finite else eq.irreps(G, level=1)[1:3])]
    if G.lie_dim > 1:
        found.append(eq.adjoint(G))
    return [V for V in found if V.dim <= 6][:3]


def at(V: Representation, n: int = 6) -> np.ndarray:
    return V(V.group.sample(n, torch.Generator().manual_seed(5))).numpy()


def kron(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.array([np.kron(x, y) for x, y in zip(a, b, strict=True)])


def blocks(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    out = np.zeros((len(a), a.shape[1] + b.shape[1], a.shape[1] + b.shape[1]))
    out[:, : a.shape[1], : a.shape[1]] = a
    out[:, a.shape[1] :, a.shape[1] :] = b
    return out


@st.composite
def representations(draw: st.DrawFn) -> Representation:
    return draw(strategies.representations(eq.group(draw(st.sampled_from(GROUPS))), max_dim=16))


@given(representations())
def test_every_representation_passes_its_check(V):
    check_representation(V)


# Layout


@given(representations(), st.integers(0, 3))
def test_copies_are_innermost(V, m):
    np.testing.assert_allclose(at(m * V), kron(at(V), np.broadcast_to(np.eye(m), (6, m, m))), atol=1e-13)


@pytest.mark.parametrize("name", GROUPS)
def test_sums_and_products_are_block_diagonal_and_kron(name):
    for V in atoms(name):
        for W in atoms(name):
            scale = max(1.0, np.abs(at(V)).max() * np.abs(at(W)).max())
            np.testing.assert_allclose(at(V + W), blocks(at(V), at(W)), atol=1e-14 * scale)
            np.testing.assert_allclose(at(V @ W), kron(at(V), at(W)), atol=1e-14 * scale)
            np.testing.assert_allclose(at((2 * V) @ W), kron(at(2 * V), at(W)), atol=1e-14 * scale)
            np.testing.assert_allclose(at(V @ (3 * W)), kron(at(V), at(3 * W)), atol=1e-14 * scale)
            np.testing.assert_allclose(at((V + W) @ V), kron(at(V + W), at(V)), atol=1e-13 * scale**2)
            np.testing.assert_allclose(at(V @ (W + V)), kron(at(V), at(W + V)), atol=1e-13 * scale**2)


def test_the_twin_with_copies_outermost_is_another_matrix():
    V = eq.defining(eq.group("D4"))
    outermost = kron(np.broadcast_to(np.eye(2), (6, 2, 2)), at(V))
    assert np.abs(at(2 * V) - outermost).max() > 0.5
    np.testing.assert_allclose(at(V + V), outermost)


# Normal form: pairs of expressions with equal matrices must be equal objects

SAME = {
    "sums associate": lambda V, W, U: ((V + W) + U, V + (W + U)),
    "products associate": lambda V, W, U: ((V @ W) @ U, V @ (W @ U)),
    "products of copies associate": lambda V, W, U: ((2 * V @ W) @ U, (2 * V) @ (W @ U)),
    "inner copies associate": lambda V, W, U: ((V @ (2 * W)) @ U, V @ ((2 * W) @ U)),
    "inner sums associate": lambda V, W, U: ((V @ (W + U)) @ V, V @ ((W + U) @ V)),
    "one on the left": lambda V, W, U: (eq.trivial(V.group) @ V, V),
    "one on the right": lambda V, W, U: (V @ eq.trivial(V.group), V),
    "copies of one on the right": lambda V, W, U: (V @ (3 * eq.trivial(V.group)), 3 * V),
    "copies of copies": lambda V, W, U: (2 * (3 * V), 6 * V),
    "copies of a sum": lambda V, W, U: (2 * (V + W), 2 * V + 2 * W),
    "copies of a product": lambda V, W, U: (2 * (V @ W), V @ (2 * W)),
    "one copy": lambda V, W, U: (1 * V, V),
    "nothing added": lambda V, W, U: (V + 0 * W, V),
    "no copies": lambda V, W, U: (0 * V, 0 * (W @ U)),
    "times nothing": lambda V, W, U: (V @ (0 * W), 0 * U),
    "nothing times": lambda V, W, U: ((0 * V) @ W, 0 * U),
    "sums on the left distribute": lambda V, W, U: ((V + W) @ U, V @ U + W @ U),
    "multiples on the left distribute": lambda V, W, U: ((2 * V + W) @ U, (2 * V) @ U + W @ U),
    "dual of the dual": lambda V, W, U: (V.dual.dual, V),
    "dual of a sum": lambda V, W, U: ((V + 2 * W).dual, V.dual + 2 * W.dual),
    "dual of a product": lambda V, W, U: ((V @ W).dual, V.dual @ W.dual),
    "dual of a product of copies": lambda V, W, U: (((2 * V) @ W).dual, (2 * V.dual) @ W.dual),
    "dual of powers": lambda V, W, U: (V.sym(2).dual + V.alt(2).dual, V.dual.sym(2) + V.dual.alt(2)),
    "first powers": lambda V, W, U: (V.sym(1) + V.alt(1), V + V),
    "zeroth powers": lambda V, W, U: (V.sym(0) + V.alt(0), eq.trivial(V.group) + eq.trivial(V.group)),
}


@pytest.mark.parametrize("law", SAME)
@pytest.mark.parametrize("name", GROUPS)
def test_normal_forms_are_equalities_of_matrices(name, law):
    found = [V for V in atoms(name) if V.dim <= 4]
    for V in found[:2]:
        for W in found[-2:]:
            left, right = SAME[law](V, W, found[-1])
            assert left == right
            assert hash(left) == hash(right)
            assert left.dim == right.dim
            np.testing.assert_array_equal(at(left), at(right))
            np.testing.assert_allclose(left.images.lie, right.images.lie, atol=1e-14)
            np.testing.assert_allclose(left.images.discrete, right.images.discrete, atol=1e-14)


DIFFERENT = {
    "copies are not a sum": lambda V, W: (V + V, 2 * V),
    "sums on the right do not distribute": lambda V, W: (V @ (V + W), V @ V + V @ W),
    "copies on the left stay": lambda V, W: ((2 * V) @ W, 2 * (V @ W)),
    "sums keep their order": lambda V, W: (V + W, W + V),
    "products keep their order": lambda V, W: (V @ W, W @ V),
}


@pytest.mark.parametrize("law", DIFFERENT)
@pytest.mark.parametrize("name", ["D4", "SO(1,3)", "S4", "O(3)"])
def test_equal_dimension_and_different_matrices_are_unequal_and_isomorphic(name, law):
    G = eq.group(name)
    V = eq.defining(G)
    W = eq.adjoint(G) if G.lie_dim else eq.irreps(G)[-1] if name == "S4" else eq.defining(G).alt(2) + V
    left, right = DIFFERENT[law](V, W)
    assert left.dim == right.dim
    assert left != right
    if np.abs(at(left) - at(right)).max() > 1e-9:
        T = eq.isomorphism(left, right)
        np.testing.assert_allclose(T @ at(left), at(right) @ T, atol=1e-8)
        if law != "products keep their order":
            assert ((T == 0) | (T == 1)).all()
            assert (T.sum(0) == 1).all()
            assert (T.sum(1) == 1).all()


def test_orthogonal_representations_are_their_duals_and_others_are_not():
    for name in GROUPS:
        for V in atoms(name):
            orthogonal = np.abs(at(V) @ at(V).swapaxes(1, 2) - np.eye(V.dim)).max() < 1e-9
            assert V.is_orthogonal == orthogonal
            assert (V.dual == V) == orthogonal
            np.testing.assert_allclose(at(V.dual), np.linalg.inv(at(V)).swapaxes(1, 2), atol=1e-10)


# Powers


@pytest.mark.parametrize("name", GROUPS)
@pytest.mark.parametrize("k", [2, 3])
def test_powers_act_on_products_of_vectors(name, k, rng):
    """Sym: V(g) of the monomial of vectors is the monomial of V(g) of the vectors; Alt: minors."""
    V = atoms(name)[0]
    x = rng.normal(size=(k, V.dim))
    for kind in ("sym", "alt"):
        P = getattr(V, kind)(k)
        if not P.dim:
            assert k > V.dim
            continue
        before = P.isometry.T @ outer(x)
        after = np.array([P.isometry.T @ outer(x @ m.T) for m in at(V)])
        np.testing.assert_allclose(at(P) @ before, after, atol=1e-10 * max(1.0, np.abs(after).max()))
        np.testing.assert_allclose(P.isometry.T @ P.isometry, np.eye(P.dim), atol=1e-14)


def outer(x: np.ndarray) -> np.ndarray:
    total = np.ones(1)
    for row in x:
        total = np.kron(total, row)
    return total


@pytest.mark.parametrize("name", GROUPS)
def test_powers_have_newton_s_characters_and_dimensions(name):
    V = atoms(name)[-1]
    G = V.group
    g = G.sample(6, torch.Generator().manual_seed(5))
    one, two, three = (eq.character(V)(x).numpy() for x in (g, G.compose(g, g), G.compose(g, G.compose(g, g))))
    scale = max(1.0, np.abs(one).max() ** 3)
    expected = {
        ("sym", 2): (one**2 + two) / 2,
        ("alt", 2): (one**2 - two) / 2,
        ("sym", 3): (one**3 + 3 * one * two + 2 * three) / 6,
        ("alt", 3): (one**3 - 3 * one * two + 2 * three) / 6,
    }
    for (kind, k), value in expected.items():
        P = getattr(V, kind)(k)
        choose = combinations_with_replacement if kind == "sym" else combinations
        assert P.dim == len(list(choose(range(V.dim), k)))
        np.testing.assert_allclose(eq.character(P)(g), value, atol=1e-12 * scale)
        check_representation(P)


def test_powers_are_ordered_lexicographically_and_orthonormal():
    V = eq.defining(eq.group("S3"))
    swap = eq.group("S3").discrete_generators[0]  # (0 1) on xx xy xz yy yz zz
    assert V.sym(2)(swap).round().argmax(0).tolist() == [3, 1, 4, 0, 2, 5]
    assert V.sym(2).is_permutation
    assert V.alt(2)(swap).round().diagonal().tolist() == [-1.0, 0.0, 0.0]
    assert V.alt(2).is_monomial


def test_powers_too_large_or_negative_are_refused():
    V = eq.defining(eq.group("S5"))
    with pytest.raises(TooLarge):
        (4 * V).sym(6)
    with pytest.raises(BadInput):
        V.sym(-1)
    assert V.alt(6).dim == 0
    assert (0 * V).sym(2).dim == 0


# Values


@given(representations())
def test_pickle_carries_the_description_and_copies_are_free(V):
    V.images, V.slices, hash(V), V.is_orthogonal, V(V.group.identity)
    plain = pickle.dumps(V)
    again = pickle.loads(plain)
    assert not {"images", "_hash", "is_orthogonal", "slices"} & set(vars(again))
    assert again == V
    assert hash(again) == hash(V)
    np.testing.assert_array_equal(at(again), at(V))
    assert copy.deepcopy(V) is V
    assert len({V, again}) == 1


def test_pickle_does_not_grow_with_use():
    V = eq.regular(eq.group("D4")) @ eq.defining(eq.group("D4"))
    before = len(pickle.dumps(V.factors))
    V.images, V.factors[0].images
    assert len(pickle.dumps(V.factors)) == before


def test_names_do_not_make_values():
    G = eq.group("C3")
    turn = eq.defining(G).images.discrete
    assert eq.representation(G, turn, name="a") == eq.representation(G, turn.copy(), name="b")
    assert eq.representation(G, turn, name="a") != eq.representation(G, turn.swapaxes(1, 2), name="a")
    assert eq.defining(eq.group("C3")) != eq.defining(eq.group("C4"))


def test_what_cannot_be_combined_says_so():
    V, W = eq.defining(eq.group("C4")), eq.defining(eq.group("D4"))
    for combine in (lambda: V + W, lambda: V @ W, lambda: eq.isomorphism(V, W)):
        with pytest.raises(GroupMismatch, match="one group"):
            combine()
    for wrong in (-1, 1.5, True, "2"):
        with pytest.raises(BadInput):
            wrong * V
    assert np.int64(2) * V == 2 * V


# As an action


@given(representations(), st.booleans())
def test_transform_is_the_matrix(V, pairwise):
    rng = torch.Generator().manual_seed(9)
    g = V.group.sample(4, rng)
    x = torch.randn(4, 3, V.dim, generator=rng, dtype=torch.float64)
    if pairwise:
        expected = torch.einsum("nij,npj->npi", V(g), x)
        assert float((V.transform(g, x) - expected).abs().max() if V.dim else 0) < 1e-10 * max(
            1.0, np.abs(at(V)).max(initial=0)
        )
    else:
        expected = x @ V(g[0]).mT
        assert float((V.transform(g[0], x) - expected).abs().max() if V.dim else 0) < 1e-10 * max(
            1.0, float(V(g[0]).abs().sum())
        )
    with pytest.raises(BadInput):
        V.transform(g[0], torch.zeros(2, V.dim + 1))
