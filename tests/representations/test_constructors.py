"""Laws of what every group has, of given matrices, and of restriction, induction and quotients."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import equilayers as eq
from equilayers.errors import BadRepresentation, GroupMismatch
from equilayers.testing import check_representation, strategies

FINITE = ("trivial", "C4", "D1", "D4", "S3", "S4", "Q8", "T", "O", "C2 x C3", "C4 x D3")
LIE = ("SO(2)", "O(2)", "SO(3)", "O(3)", "SU(2)", "SU(3)", "SO(1,3)", "SO+(1,3)", "SO(2) x C2", "SO(3) x S3")
SPINOR = np.array(
    [
        [[0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 0, -1], [0, 0, 1, 0]],
        [[0, 0, -1, 0], [0, 0, 0, 1], [1, 0, 0, 0], [0, -1, 0, 0]],
        [[0, 0, 0, -1], [0, 0, -1, 0], [0, 1, 0, 0], [1, 0, 0, 0]],
    ]
)  # twice the images of spin 1/2


def matrices(V, n: int = 8) -> torch.Tensor:
    return V(V.group.sample(n, torch.Generator().manual_seed(5)))


# What every group has


@pytest.mark.parametrize("name", FINITE + LIE)
def test_trivial_and_defining_pass_their_check(name):
    G = eq.group(name)
    for V in (eq.trivial(G), eq.defining(G)):
        check_representation(V)
    assert eq.trivial(G).is_trivial
    assert eq.trivial(G).dim == 1


DEFINING_DIM = {
    "trivial": 1, "C1": 2, "C2": 2, "C7": 2, "D1": 2, "D4": 2, "S4": 4, "A5": 5, "Q8": 4, "T": 3, "O": 3, "I": 3,
    "Oh": 3, "Ih": 3, "SO(2)": 2, "O(2)": 2, "SO(3)": 3, "O(3)": 3, "SO(5)": 5, "SU(2)": 4, "SU(3)": 6, "SO(1,3)": 4,
    "C4 x D3": 4, "SO(3) x S4": 7, "S3 x SO(2) x C2": 7,
}  # fmt: skip


@pytest.mark.parametrize("name", DEFINING_DIM)
def test_defining_is_the_action_by_which_the_group_is_described(name):
    G = eq.group(name)
    V = eq.defining(G)
    assert V.dim == DEFINING_DIM[name]
    if G.is_finite:
        np.testing.assert_allclose(V.images.discrete, G.defining_matrices, atol=1e-14)
    g = G.sample(6, torch.Generator().manual_seed(1))
    elsewhere = ~G.equal(g, G.identity.expand_as(g), 1e-7)
    moved = (V(g) - torch.eye(V.dim)).abs().flatten(1).amax(1) > 1e-7
    assert torch.equal(elsewhere, moved), "the defining action is faithful"


def test_conventions_of_the_defining_matrices():
    p = torch.tensor([1, 2, 0, 3])
    P = eq.defining(eq.group("S4"))(p)
    assert all(P[p[i], i] == 1 for i in range(4))
    assert eq.defining(eq.group("D1"))(eq.group("D1").discrete_generators).tolist()[1] == [[1, 0], [0, -1]]
    assert eq.defining(eq.group("C2"))(eq.group("C2").discrete_generators).tolist() == [[[-1, 0], [0, -1]]]
    table = [[(g + h) % 3 for h in range(3)] for g in range(3)]
    cyclic = eq.FiniteGroup.from_table(table)
    assert eq.defining(cyclic).dim == 3
    assert eq.defining(cyclic)(torch.tensor(1)).tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0]]
    product = eq.group("C4 x D3")
    block = eq.defining(product)(product.sample(3, torch.Generator().manual_seed(0)))
    assert not block[:, :2, 2:].any()
    assert not block[:, 2:, :2].any()


@pytest.mark.parametrize("name", FINITE)
def test_the_regular_representation_moves_the_elements(name):
    G = eq.group(name)
    V, elements = eq.regular(G), G.elements()
    check_representation(V)
    assert V.is_permutation
    assert V.dim == G.order
    for i in range(min(G.order, 5)):
        expected = np.zeros((G.order, G.order))
        for h in range(G.order):
            image = G.compose(elements[i], elements[h])
            row = int(torch.nonzero(G.equal(elements, image.expand_as(elements), 1e-6))[0])
            expected[row, h] = 1
        np.testing.assert_array_equal(V(elements[i]).numpy(), expected)
    chi = eq.character(V)
    assert chi.values.tolist() == [G.order] + [0] * (len(G.conjugacy_classes) - 1)


@pytest.mark.parametrize("name", LIE)
def test_the_adjoint_moves_the_lie_algebra(name, generator):
    G = eq.group(name)
    V = eq.adjoint(G)
    check_representation(V)
    g = G.sample(5, generator)
    A = torch.randn(5, G.lie_dim, generator=generator, dtype=torch.float64)
    turned = torch.einsum("bij,bj->bi", V(g), A)
    left = G.compose(G.compose(g, G.exp(A / 4)), G.inverse(g))
    right = G.exp(turned / 4)
    scale = max(1.0, float(left.abs().max()) ** 2)
    assert float((left - right).abs().max()) < 1e-9 * scale


def test_what_needs_a_finite_or_an_infinite_group_says_so():
    for call in (eq.regular, eq.character_table):
        with pytest.raises(BadRepresentation, match="finite group"):
            call(eq.group("SO(3)"))
    with pytest.raises(BadRepresentation, match="Lie group"):
        eq.adjoint(eq.group("D4"))
    with pytest.raises(BadRepresentation, match="finite group"):
        eq.quotient(eq.group("O(2)"), eq.group("SO(2)"))


# Given matrices


@given(st.data(), st.sampled_from(FINITE))
def test_a_representation_is_rebuilt_from_its_images(data, name):
    G = eq.group(name)
    V = data.draw(strategies.representations(G, max_dim=12))
    W = eq.representation(G, V.images.discrete)
    np.testing.assert_allclose(matrices(W), matrices(V), atol=1e-12)


@pytest.mark.parametrize("name", ["D4", "S4", "Q8", "T", "C4 x D3"])
def test_perturbed_images_break_a_relation(name):
    """The broken twins: each generator in turn, each entry of a few, by 1e-5."""
    G = eq.group(name)
    V = eq.defining(G)
    for s in range(len(V.images.discrete)):
        for i, j in itertools.islice(itertools.product(range(V.dim), repeat=2), 4):
            wrong = V.images.discrete.copy()
            wrong[s, i, j] += 1e-5
            with pytest.raises(BadRepresentation):
                eq.representation(G, wrong)


def test_images_in_another_order_break_a_relation():
    G = eq.group("D4")
    with pytest.raises(BadRepresentation, match="differs from"):
        eq.representation(G, eq.defining(G).images.discrete[::-1])
    with pytest.raises(BadRepresentation, match="differs from"):
        eq.representation(eq.group("S4"), eq.defining(eq.group("S4")).images.discrete[::-1])


def test_unipotent_images_of_a_cyclic_group_break_its_relation():
    """A relation that only long words see."""
    for n in (3, 20, 100):
        with pytest.raises(BadRepresentation):
            eq.representation(eq.group(f"C{n}"), [np.array([[1.0, 1.0], [0.0, 1.0]])])


@pytest.mark.parametrize(
    "given_images", [np.eye(2), np.zeros((1, 2, 3)), np.ones((3, 2, 2)), [], np.full((2, 1, 1), np.nan)]
)
def test_images_of_a_wrong_shape_or_not_finite(given_images):
    with pytest.raises(BadRepresentation):
        eq.representation(eq.group("D4"), given_images)


def test_representations_that_are_not_orthogonal_are_welcome():
    S = np.array([[2.0, 1.0], [0.0, 0.5]])
    images = S @ eq.defining(eq.group("D4")).images.discrete @ np.linalg.inv(S)
    V = eq.representation(eq.group("D4"), images, name="skew")
    check_representation(V)
    check_representation(V.dual)
    assert eq.restrict(V.dual, eq.group("D4").subgroup(eq.group("D4").discrete_generators[:1])).dim == 2
    assert not V.is_orthogonal
    assert V.dual != V


@pytest.mark.parametrize("name", ["C2", "D4", "S3"])
def test_permutations(name):
    G = eq.group(name)
    V = eq.regular(G)
    arrays = V.images.discrete.argmax(1)
    W = eq.permutation(G, arrays)
    assert W.is_permutation
    np.testing.assert_array_equal(matrices(W), matrices(V))


def test_arrays_that_are_no_permutations_or_no_action():
    C2 = eq.group("C2")
    for wrong in ([[0, 0, 1]], [[1, 2, 3]], [0, 1], [[1, 2, 0]]):
        with pytest.raises(BadRepresentation):
            eq.permutation(C2, wrong)


# Lie groups


@pytest.mark.parametrize(("name", "label"), [("SO(2)", "3"), ("SO(3)", "2"), ("SU(2)", "3/2")])
def test_lie_images_alone_give_the_representation(name, label, generator):
    """exp(dV(log g)), at half turns too, where the logarithm leaves the algebra."""
    G = eq.group(name)
    V = eq.irrep(G, label)
    W = eq.representation(G, lie=V.images.lie)
    check_representation(W)
    turns = torch.tensor([np.pi, -np.pi, 2 * np.pi, 3.0], dtype=torch.float64)
    g = torch.cat([G.sample(10, generator), G.exp(turns[:, None] * torch.eye(G.lie_dim, dtype=torch.float64)[-1])])
    assert float((W(g) - V(g)).abs().max()) < 1e-9


@pytest.mark.parametrize("name", ["SO+(1,3)", "SO(2) x SO(3)"])
def test_the_defining_images_alone_give_the_defining_matrices(name):
    G = eq.group(name)
    V = eq.representation(G, lie=eq.defining(G).images.lie)
    check_representation(V)
    scale = float(matrices(eq.defining(G)).abs().max())
    np.testing.assert_allclose(matrices(V), matrices(eq.defining(G)), atol=1e-10 * scale)


def test_images_that_do_not_integrate():
    """They keep every bracket, but a closed loop of the group stays open."""
    with pytest.raises(BadRepresentation, match="integrate"):
        eq.representation(eq.group("SO(3)"), lie=SPINOR / 2)
    with pytest.raises(BadRepresentation, match="integrate"):
        eq.representation(eq.group("SO(2)"), lie=eq.group("SO(2)").lie_basis / 2)
    with pytest.raises(BadRepresentation, match="integrate"):
        eq.representation(eq.group("SO(2)"), lie=[np.diag([1.0, -1.0])])
    eq.representation(eq.group("SU(2)"), lie=SPINOR / 2)
    eq.representation(eq.group("SO(2)"), lie=3 * eq.group("SO(2)").lie_basis)


def test_images_that_break_a_bracket():
    lie = eq.group("SO(3)").lie_basis
    for wrong in (2 * lie, -lie, lie[::-1].copy(), lie.swapaxes(1, 2)):
        with pytest.raises(BadRepresentation, match="bracket"):
            eq.representation(eq.group("SO(3)"), lie=wrong)


def test_functions(generator):
    O3 = eq.group("O(3)")

    def pseudovector(g: torch.Tensor) -> torch.Tensor:
        return g * torch.linalg.det(g)[..., None, None]

    V = eq.representation(O3, lie=O3.lie_basis, function=pseudovector, name="pseudovector")
    check_representation(V)
    g = O3.sample(6, generator)
    assert float((V(g) - eq.irrep(O3, "1e")(g)).abs().max()) < 1e-12
    assert eq.defining(O3) != V


def test_functions_that_are_not_what_their_images_say():
    SO2, SO3 = eq.group("SO(2)"), eq.group("SO(3)")
    with pytest.raises(BadRepresentation, match="generate"):
        eq.representation(SO2, lie=2 * SO2.lie_basis, function=lambda g: g)
    with pytest.raises(BadRepresentation, match="generate"):
        eq.representation(SO3, lie=SO3.lie_basis, function=lambda g: g.mT)
    O2 = eq.group("O(2)")
    with pytest.raises(BadRepresentation, match="differs"):
        eq.representation(
            O2, lie=0 * O2.lie_basis[:, :1, :1], function=lambda g: 2.0 - torch.linalg.det(g)[..., None, None]
        )
    with pytest.raises(BadRepresentation, match="function"):
        eq.representation(O2, lie=O2.lie_basis)


# Restriction


@pytest.mark.parametrize(
    ("large", "small"),
    [("O(2)", "C4"), ("O(2)", "D5"), ("SO(2)", "C8"), ("O(2)", "SO(2)"), ("D8", "D4"), ("D4", "C4"),
     ("SO(3)", "O"), ("O(3)", "SO(3)"), ("O(3)", "Ih"), ("SU(2)", "Q8"), ("S4", "A4"), ("SO(1,3)", "SO+(1,3)")],
)  # fmt: skip
def test_natural_inclusions(large, small):
    G, H = eq.group(large), eq.group(small)
    for V in (eq.defining(G), eq.defining(G) @ eq.defining(G) + 2 * eq.trivial(G)):
        W = eq.restrict(V, H)
        check_representation(W)
        h = H.sample(6, torch.Generator().manual_seed(1))
        np.testing.assert_allclose(W(h), V(h), atol=1e-12 * max(1.0, float(V(h).abs().max())))
    V = eq.restrict(eq.defining(G), H)
    same = eq.defining(H)
    np.testing.assert_allclose(V.images.discrete, same.images.discrete, atol=1e-12)
    np.testing.assert_allclose(V.images.lie, same.images.lie, atol=1e-12)


def test_restriction_keeps_the_algebra():
    G, H = eq.group("O(2)"), eq.group("D4")
    V, W = eq.defining(G), eq.irrep(G, "E2")
    assert eq.restrict(2 * V + W, H) == 2 * eq.restrict(V, H) + eq.restrict(W, H)
    assert eq.restrict(V @ (W + V), H) == eq.restrict(V, H) @ (eq.restrict(W, H) + eq.restrict(V, H))
    assert eq.restrict(V.sym(2) + V.alt(2), H) == eq.restrict(V, H).sym(2) + eq.restrict(V, H).alt(2)
    assert eq.restrict(eq.trivial(G), H) == eq.trivial(H)
    assert eq.restrict(V, G) is V
    assert eq.restrict(0 * V, H).dim == 0
    C4 = eq.group("C4")
    assert eq.restrict(eq.restrict(V, H), C4) == eq.restrict(V, C4), "in two steps"


def test_inflation_along_a_projection(generator):
    G = eq.group("SO(3) x S4")
    V = eq.restrict(eq.defining(eq.group("S4")), G.projection(1))
    W = eq.restrict(eq.defining(eq.group("SO(3)")), G.projection(0))
    check_representation(V)
    check_representation(W)
    assert not V.images.lie.any()
    g = G.sample(5, generator)
    np.testing.assert_array_equal((W + V)(g), eq.defining(G)(g))


def test_what_cannot_be_restricted():
    V = eq.defining(eq.group("D4"))
    for H in (eq.group("C8"), eq.group("O"), eq.group("S3")):
        with pytest.raises(GroupMismatch):
            eq.restrict(V, H)
    with pytest.raises(GroupMismatch):
        eq.restrict(V, eq.group("D8").subgroup(eq.group("D8").discrete_generators[:1]).inclusion)


# Induction

PAIRS = [("D4", [1]), ("D4", [0]), ("S4", [1]), ("S4", [0]), ("Q8", [0]), ("O", [0]), ("C2 x C3", [0]), ("D6", [0, 1])]


def subgroup(name: str, which: list[int]):
    G = eq.group(name)
    return G, G.subgroup(G.discrete_generators[which])


@pytest.mark.parametrize(("name", "which"), PAIRS)
def test_induction_by_its_definition(name, which):
    """g (e_i v) = e_j V(h) v with g r_i = r_j h, cosets in order of first elements, found here by brute force."""
    G, H = subgroup(name, which)
    V = eq.defining(H)
    W = eq.induce(V, G)
    check_representation(W)
    elements, inside = G.elements(), H.elements()
    same = lambda a, b: G.equal(a, b.expand_as(a), 1e-6)
    first: list[torch.Tensor] = []
    for g in elements:
        if not any(bool(same(G.compose(r.expand_as(inside), inside), g).any()) for r in first):
            first.append(g)
    assert W.dim == len(first) * V.dim
    for g in G.discrete_generators:
        expected = torch.zeros(len(first), V.dim, len(first), V.dim, dtype=torch.float64)
        for i, r in enumerate(first):
            moved = G.compose(g, r)
            for j, s in enumerate(first):
                hit = torch.nonzero(same(G.compose(s.expand_as(inside), inside), moved))
                if len(hit):
                    expected[j, :, i] = V(inside[int(hit[0])])
        np.testing.assert_allclose(W(g), expected.reshape(W.dim, W.dim), atol=1e-12)


@pytest.mark.parametrize(("name", "which"), PAIRS)
def test_frobenius_reciprocity(name, which):
    """dim Hom(Ind V, W) = dim Hom(V, Res W), for all irreps of both."""
    G, H = subgroup(name, which)
    for V in eq.irreps(H):
        induced = eq.character(eq.induce(V, G))
        for W in eq.irreps(G):
            assert induced.inner(eq.character(W)) == eq.character(V).inner(eq.character(eq.restrict(W, H)))


@pytest.mark.parametrize("name", FINITE)
def test_regular_is_induced_from_the_trivial_subgroup(name):
    G = eq.group(name)
    one = G.subgroup(G.identity[None])
    V = eq.induce(eq.trivial(one), G)
    assert eq.regular(G) == V
    np.testing.assert_array_equal(matrices(V), matrices(eq.regular(G)))
    W = eq.induce(3 * eq.trivial(one), G)
    assert 3 * eq.regular(G) == W


def test_induction_keeps_copies_and_takes_stages():
    G, H = subgroup("S4", [1])
    V = eq.defining(H)
    assert eq.induce(2 * V, G) == 2 * eq.induce(V, G)
    middle = H.subgroup(H.compose(H.discrete_generators, H.discrete_generators))
    sign = eq.irreps(middle)[-1]
    two_steps = eq.character(eq.induce(eq.induce(sign, H), G))
    inclusion = H.inclusion.compose(middle.inclusion)
    assert two_steps == eq.character(eq.induce(sign, inclusion))


@pytest.mark.parametrize(("name", "which"), PAIRS)
def test_quotients_permute_cosets_and_fix_the_first_by_the_subgroup(name, which):
    G, H = subgroup(name, which)
    V = eq.quotient(G, H)
    check_representation(V)
    assert V.is_permutation
    assert V.dim == G.order // H.order
    inside = H.inclusion(H.elements())
    assert bool((V(inside)[:, 0, 0] == 1).all())
    fixing = V(G.elements())[:, 0, 0] == 1
    assert int(fixing.sum()) == H.order
    assert eq.character(V).inner(eq.character(eq.trivial(G))) == 1, "one orbit"


def test_what_cannot_be_induced():
    D4 = eq.group("D4")
    with pytest.raises(GroupMismatch):
        eq.induce(eq.defining(eq.group("C8")), D4)
    C4, C2 = eq.group("C4"), eq.group("C2")
    onto = eq.Homomorphism(C4, C2, C2.discrete_generators)
    with pytest.raises(BadRepresentation, match="injective"):
        eq.induce(eq.trivial(C4), onto)
    with pytest.raises(BadRepresentation, match="finite"):
        eq.induce(eq.defining(eq.group("C4")), eq.group("SO(2)"))
