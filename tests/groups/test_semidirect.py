"""Semidirect and wreath products: their law, known isomorphisms, irreps, layers, and what is no product."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

import equilayers as eq
from equilayers.errors import BadGroup, CheckFailed, TooLarge
from equilayers.groups import FiniteGroup, Frobenius, Group, PermutationGroup, semidirect, wreath

F64 = torch.float64
VIER = FiniteGroup.from_table([[i ^ j for j in range(4)] for i in range(4)], name="V4")
HALVES = FiniteGroup.from_permutations([[1, 0, 2, 3]], name="halves")  # not transitive, with fixed points


# Actions


def power(normal: FiniteGroup, acting: FiniteGroup, exponent: int):  # type: ignore[no-untyped-def]
    """The generator of a cyclic H raises the elements of a cyclic N to a power."""
    elements = normal.elements()
    up = normal.index(normal.identity[None]).repeat(normal.order)
    for _ in range(exponent):
        up = normal.index(normal.compose(normal.elements()[up], elements))
    tables = [torch.arange(normal.order)]
    for _ in range(acting.order - 1):
        tables.append(up[tables[-1]])
    turns, step = acting.identity, [acting.index(acting.identity[None])]
    for _ in range(acting.order - 1):
        turns = acting.compose(acting.discrete_generators[0], turns)
        step.append(acting.index(turns[None]))
    place = torch.cat(step).argsort()  # position in elements() -> exponent of the generator
    table = torch.stack(tables)

    def action(h: Tensor, n: Tensor) -> Tensor:
        return elements[table[place[acting.index(h)], normal.index(n)]]

    return action


def swap(h: Tensor, n: Tensor) -> Tensor:
    """S2 exchanges the factors of a product of equal groups."""
    half = n.shape[-1] // 2
    return torch.where(h[:, :1] == 0, n, n.roll(half, -1))


def on_vectors(h: Tensor, n: Tensor) -> Tensor:
    """Matrices of H on translations, which are homogeneous matrices."""
    out = n.clone()
    d = h.shape[-1]
    out[:, :d, d] = (h @ n[:, :d, d:])[..., 0]
    return out


class Translations(eq.MatrixGroup):
    def generators(self):  # type: ignore[no-untyped-def]
        lie = np.zeros((2, 3, 3))
        lie[0, 0, 2] = lie[1, 1, 2] = 1.0
        return eq.groups.Generators(lie=lie)


def homogeneous(h: Tensor) -> Tensor:
    out = torch.zeros(len(h), 3, 3, dtype=F64)
    out[:, :2, :2], out[:, 2, 2] = h, 1.0
    return out


def same(n: Tensor) -> Tensor:
    return n


def cyclic(n: int, h: int, exponent: int) -> PermutationGroup:
    N, H = eq.group(f"C{n}"), eq.group(f"C{h}")
    assert isinstance(N, FiniteGroup) and isinstance(H, FiniteGroup)
    made = semidirect(N, H, power(N, H, exponent))
    assert isinstance(made, PermutationGroup)
    return made


def quaternions_turned() -> Group:
    """Q8 : C3, the third turn carrying i to j to k."""
    N, H = eq.group("Q8"), eq.group("A3")
    turn = torch.tensor([[1.0, 0, 0, 0], [0, 0, 0, 1], [0, 1, 0, 0], [0, 0, 1, 0]], dtype=F64)
    powers = torch.stack([torch.eye(4, dtype=F64), turn, turn @ turn])

    def action(h: Tensor, n: Tensor) -> Tensor:
        by = powers[h[:, 0]]
        return by @ n @ by.mT

    return semidirect(N, H, action)


SEMIDIRECT = {
    "C3 : C2": cyclic(3, 2, 2),
    "C5 : C4": cyclic(5, 4, 2),
    "C7 : C3": cyclic(7, 3, 2),
    "C3 : C4": cyclic(3, 4, 2),
    "C4 : C2": cyclic(4, 2, 3),
    "C8 : C2": cyclic(8, 2, 3),
    "C4 : C3, without action": cyclic(4, 3, 1),
    "(D3 x D3) : S2": semidirect(eq.group("D3 x D3"), eq.group("S2"), swap),
    "(S3 x S3) : S2": semidirect(eq.group("S3 x S3"), eq.group("S2"), swap),
    "Q8 : A3": quaternions_turned(),
}
WREATH = {
    **{name: eq.group(name) for name in (
        "S2 wr S2", "C2 wr S2", "S3 wr S2", "S2 wr S3", "C4 wr S2", "C3 wr A3", "Q8 wr S2", "S3 wr S1", "trivial wr S3",
        "S2 wr S2 wr S2", "Dic3 wr S2", "A4 wr S2",
    )},
    "V4 wr S2": wreath(VIER, eq.group("S2")),
    "(C2 x S2) wr S2": wreath(eq.group("C2 x S2"), eq.group("S2")),
    "C2 wr halves": wreath(eq.group("C2"), HALVES),
    "S2 wr halves": wreath(eq.group("S2"), HALVES),
}  # fmt: skip
LIE = {name: eq.group(name) for name in ("SO(2) wr S2", "O(2) wr S2", "SO(3) wr S2", "SU(2) wr A3")}
FINITE = {**SEMIDIRECT, **WREATH}
ALL = {**FINITE, **LIE}
LONG = ("O(2) wr S2", "SU(2) wr A3")  # many components, each searched for logarithms


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] if n in LONG else []) for n in ALL])
def test_every_law_of_a_group(name: str) -> None:
    assert eq.testing.check_group(ALL[name]).ran >= 28


@pytest.mark.parametrize("name", ALL)
def test_associative_and_parts_join_to_the_element(name: str, generator: torch.Generator) -> None:
    G = ALL[name]
    a, b, c = (G.sample(8, generator) for _ in range(3))
    assert bool(G.equal(G.compose(G.compose(a, b), c), G.compose(a, G.compose(b, c))).all())
    assert bool(G.equal(G.join(*G.parts(a)), a).all())
    batch = torch.stack([a, b])
    assert bool(G.equal(G.join(*G.parts(batch)), batch).all())
    assert G.contains(batch) and G.projection.source is G  # a homomorphism, checked when it is built


@pytest.mark.parametrize("name", SEMIDIRECT)
def test_the_law_of_a_semidirect_product(name: str, generator: torch.Generator) -> None:
    """(n, h)(n', h') = (n h.n', h h'), where h.n' is what conjugation by h makes of n'."""
    G = SEMIDIRECT[name]
    N, H = G.normal, G.acting
    n, h = N.sample(20, generator), H.sample(20, generator)
    m, k = N.sample(20, generator), H.sample(20, generator)
    one, unit = N.identity.expand_as(n), H.identity.expand_as(h)
    left = G.compose(G.join(n, h), G.join(m, k))
    conjugate = G.compose(G.compose(G.join(one, h), G.join(m, unit)), G.inverse(G.join(one, h)))
    moved, trivial = G.parts(conjugate)
    assert bool(H.equal(trivial, unit).all())
    assert bool(G.equal(left, G.join(N.compose(n, moved), H.compose(h, k))).all())
    assert G.order == G.chain.order == N.order * H.order


@pytest.mark.parametrize("name", [*WREATH, *LIE])
def test_the_law_of_a_wreath_product(name: str, generator: torch.Generator) -> None:
    """(k, h)(k', h') has k_j k'_(h^-1 j) in block j."""
    G = ALL[name]
    K, n = G.inner, G.blocks
    (k, h), (l, m) = (G.parts(G.sample(20, generator)) for _ in range(2))
    there = torch.stack([row[back] for row, back in zip(l, h.argsort(-1), strict=True)])
    product = G.join(K.compose(k, there), torch.gather(h, -1, m))
    assert bool(G.equal(G.compose(G.join(k, h), G.join(l, m)), product).all())
    moves = G.join(
        K.identity.expand(len(G.outer.discrete_generators), n, *K.element_shape), G.outer.discrete_generators
    )
    for move in moves:
        found = G.equal(G.discrete_generators, move).any() or bool(G.equal(move, G.identity))
        assert bool(found)


def test_blocks_move_as_the_outer_group_says() -> None:
    G = eq.group("C4 wr S3")
    quarter = eq.group("C4").discrete_generators[0]
    e = torch.eye(2, dtype=F64)
    g = G.join(torch.stack([e, quarter, e]), torch.tensor([1, 2, 0]))
    x = torch.tensor([1.0, 0, 0, 0, 5, 0], dtype=F64)
    assert (g @ x).tolist() == [5, 0, 0, 1, 0, 0]  # block 0 goes to 1 and is turned there


# Known groups


def table(G: Group) -> list[tuple[float, ...]]:
    """Columns of the real character table up to the order of irreps, with orders and sizes of classes."""
    assert isinstance(G, FiniteGroup)
    rows = np.array([eq.character(i).values for i in eq.irreps(G)])
    sums = [(rows**k).sum(0) for k in (1, 2, 3)]
    columns = np.stack([G.conjugacy_classes.orders, G.conjugacy_classes.sizes, *sums], 1)
    return sorted(tuple(np.round(column, 6) + 0.0) for column in columns)


@pytest.mark.parametrize(
    ("one", "other"),
    [("C3 : C2", "S3"), ("C5 : C4", "F20"), ("C7 : C3", "F21"), ("C3 : C4", "Dic3"), ("C4 : C2", "D4"),
     ("C4 : C3, without action", "C12"), ("Q8 : A3", "SL(2,3)"), ("(S3 x S3) : S2", "S3 wr S2"),
     ("(D3 x D3) : S2", "S3 wr S2"), ("C2 wr S2", "D4"), ("S2 wr S2", "D4"), ("S2 wr S3", "Oh"),
     ("S2 wr S3", "B3"), ("S3 wr S1", "S3"), ("trivial wr S3", "S3"), ("V4 wr S2", "(C2 x S2) wr S2")],
)  # fmt: skip
def test_known_isomorphisms_by_character_tables(one: str, other: str) -> None:
    assert table(FINITE[one]) == table(FINITE.get(other) or eq.group(other))


@pytest.mark.parametrize(("p", "q", "exponent"), [(5, 4, 2), (7, 3, 2), (7, 6, 3), (11, 5, 4)])
def test_frobenius_groups_are_semidirect(p: int, q: int, exponent: int) -> None:
    """On the p elements of C_p, numbered by exponents, the very same permutations."""
    G, other = cyclic(p, q, exponent), Frobenius(p, q)
    assert G.degree == p
    N, at, turned = G.normal, [], G.normal.identity
    for _ in range(p):
        at.append(int(N.index(turned[None])))
        turned = N.compose(N.discrete_generators[0], turned)
    back = np.argsort(at)
    assert {tuple(back[g[at]].tolist()) for g in G.elements().numpy()} == {tuple(g) for g in other.elements().tolist()}


def test_an_action_that_does_not_tell_elements_apart_adds_points() -> None:
    assert cyclic(3, 4, 2).degree == 3 + len(eq.group("C4").permutation_generators[0])
    assert cyclic(7, 3, 2).degree == 7


def test_different_actions_are_different_groups() -> None:
    assert cyclic(8, 2, 3) != cyclic(8, 2, 5) and cyclic(8, 2, 3) == cyclic(8, 2, 3)
    assert table(cyclic(8, 2, 3)) != table(cyclic(8, 2, 7))
    assert wreath(eq.group("C3"), eq.group("S2")) != wreath(eq.group("C3"), eq.group("S3"))


# Irreps


@pytest.mark.parametrize("name", FINITE)
def test_every_law_of_irreps(name: str) -> None:
    assert eq.testing.check_irreps(FINITE[name]).ran >= 10


def test_irreps_of_a_wreath_product_are_as_many_as_clifford_says() -> None:
    """S3 wr S3: triples of partitions of 3 in all; Q8 wr S2: 10 pairs of five irreps, and 5 twice."""
    assert len(eq.irreps(eq.group("S3 wr S3"))) == 22
    G = eq.group("Q8 wr S2")
    assert isinstance(G, FiniteGroup) and len(G.conjugacy_classes) == 20
    dims = sorted(i.dim for i in eq.irreps(G))
    assert dims == [1] * 8 + [2] * 6 + [4] * 2 + [8] * 4


@pytest.mark.parametrize("name", ["Dic5 wr S2", "2O wr S2", "Heis(3) wr S2", "S3 wr S3", "D4 wr A3"])
def test_irreps_that_short_words_do_not_separate(name: str) -> None:
    G = eq.group(name)
    found = eq.irreps(G)
    assert sum(i.dim**2 // i.end_dim for i in found) == G.order
    rng = torch.Generator().manual_seed(0)
    g, h = G.sample(4, rng), G.sample(4, rng)
    assert max(float((i(G.compose(g, h)) - i(g) @ i(h)).abs().max()) for i in found) < 1e-11


@pytest.mark.parametrize("name", ["SO(2) wr S2", "O(2) wr S2", "SO(3) wr S2"])
def test_irreps_of_infinite_wreath_products(name: str) -> None:
    assert eq.testing.check_irreps(LIE[name], level=1).ran >= 7


@pytest.mark.parametrize(
    ("name", "commutant"), [("SO(2) wr S2", 2), ("O(2) wr S2", 1), ("SO(3) wr S2", 1), ("SU(2) wr A3", 4)]
)
def test_maps_of_the_blocks_are_those_of_one(name: str, commutant: int) -> None:
    V = eq.defining(ALL[name])
    assert eq.hom(V, V).dim == commutant


@pytest.mark.parametrize("name", ["C7 : C3", "Q8 : A3", "S2 wr S3", "C4 wr S2", "SO(2) wr S2"])
def test_layers_are_equivariant(name: str) -> None:
    G = ALL[name]
    V = eq.defining(G)
    layer = eq.layers.Linear(2 * V, 3 * V + eq.trivial(G)).double()
    assert eq.testing.check_layer(layer).ran > 0


# Faithful matrices


def plane(normal: Group, acting: Group, **kw):  # type: ignore[no-untyped-def]
    return semidirect(normal, acting, on_vectors, faithful=(same, homogeneous), **kw)


def test_motions_of_the_plane_by_quarter_turns() -> None:
    G = plane(Translations(), eq.group("C4"), name="p4")
    assert (G.name, G.lie_dim, G.is_compact, len(G.discrete_generators)) == ("p4", 2, False, 1)
    assert eq.testing.check_group(G).ran >= 28
    V = eq.defining(G)
    assert eq.hom(V, V).dim == 1


def test_all_motions_of_the_plane() -> None:
    G = plane(Translations(), eq.group("SO(2)"))
    expected = np.zeros((3, 3, 3))
    expected[0, 0, 2] = expected[1, 1, 2] = expected[2, 1, 0] = 1.0
    expected[2, 0, 1] = -1.0
    assert np.abs(G.lie_basis - expected).max() < 1e-15
    assert eq.testing.check_group(G).ran >= 28


def test_reflections_of_the_circle_give_all_orthogonal_matrices() -> None:
    def flip(h: Tensor) -> Tensor:
        return torch.diag_embed(torch.stack([h[:, 0, 0], torch.ones(len(h), dtype=F64)], -1))

    G = semidirect(
        eq.group("SO(2)"), eq.group("C2"), lambda h, n: torch.where(h[:, :1, :1] > 0, n, n.mT), faithful=(same, flip)
    )
    assert G.is_compact and G.contains(eq.group("O(2)").sample(10)) and not G.is_connected
    V = eq.defining(G)
    assert [eq.hom(V @ V, V @ V).dim, eq.hom(V, V).dim] == [3, 1]


def test_finite_matrices() -> None:
    def turned(h: Tensor) -> Tensor:
        return torch.where(h[:, :1, None] == 0, torch.eye(2, dtype=F64), torch.diag(torch.tensor([1.0, -1], dtype=F64)))

    N, H = eq.group("C5"), eq.group("S2")
    act = lambda h, n: torch.where(h[:, :1, None] == 0, n, n.mT)
    assert table(semidirect(N, H, act, faithful=(same, turned))) == table(eq.group("D5"))
    with pytest.raises(BadGroup, match="tell its elements apart"):  # -1 is both a rotation and what H does
        semidirect(
            eq.group("C4"), eq.group("C2"), lambda h, n: n,
            faithful=(same, same),
        )  # fmt: skip


# What is no product


def refused(match: str, normal: Group, acting: Group, action, **kw) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(BadGroup, match=match):
        semidirect(normal, acting, action, **kw)


def test_an_action_that_is_no_automorphism_is_refused_by_name() -> None:
    N, H = eq.group("C4"), eq.group("C2")
    i = N.index

    def transposed(h: Tensor, n: Tensor) -> Tensor:  # exchanges the rotations by 90 and by 180 degrees
        moved = torch.tensor([0, 2, 1, 3])[i(n)]
        return torch.where(h[:, :1, :1] > 0, n, N.elements()[moved])

    refused("by automorphisms", N, H, transposed)


@pytest.mark.parametrize("swapped", list(itertools.permutations(range(4))))
def test_of_all_permutations_of_four_elements_two_are_automorphisms(swapped: tuple[int, ...]) -> None:
    """As actions of C2 on C4: the identity and the inversion."""
    N, H = eq.group("C4"), eq.group("C2")
    inverse = tuple(N.index(N.inverse(N.elements())).tolist())

    def action(h: Tensor, n: Tensor) -> Tensor:
        return torch.where(h[:, :1, :1] > 0, n, N.elements()[torch.tensor(swapped)[N.index(n)]])

    if swapped in (inverse, (0, 1, 2, 3)):
        assert semidirect(N, H, action).order == 8
    else:
        refused("by automorphisms", N, H, action)


def test_an_action_that_is_no_homomorphism_is_refused() -> None:
    N, H = eq.group("C7"), eq.group("C4")
    assert isinstance(N, FiniteGroup) and isinstance(H, FiniteGroup)
    refused("a homomorphism", N, H, power(N, H, 2))  # doubling is of order 3


def test_an_action_that_leaves_the_group_is_refused() -> None:
    refused("carry N to itself", eq.group("C4"), eq.group("C2"), lambda h, n: 2 * n)


def test_infinite_factors_need_matrices_that_fit() -> None:
    N, H = Translations(), eq.group("C4")
    refused("faithful representation", N, H, on_vectors)
    refused("must act as the action says", N, H, on_vectors, faithful=(same, lambda h: homogeneous(h.mT)))
    refused("multiply as its elements", N, H, on_vectors, faithful=(lambda n: 2 * n, homogeneous))
    with pytest.raises(TooLarge, match="5000"):
        semidirect(eq.group("S8"), eq.group("C2"), lambda h, n: n)


def test_wreath_products_need_an_outer_group_of_permutations() -> None:
    with pytest.raises(BadGroup, match="must permute points"):
        wreath(eq.group("S3"), eq.group("C3"))
    with pytest.raises(BadGroup, match="must permute points"):
        eq.group("S3 wr SO(2)")


def test_a_wrong_block_is_noticed() -> None:
    """A wreath product whose blocks forget to move what is in them is no group."""
    kind = type(eq.group("S3 wr S2"))

    class Twin(kind):  # type: ignore[misc, valid-type]
        def compose(self, g: Tensor, h: Tensor) -> Tensor:
            (k, a), (m, b) = self.parts(g), self.parts(h)
            return self.join(self.inner.compose(k, m), torch.gather(a, -1, b))

    with pytest.raises(CheckFailed):
        eq.testing.check_group(Twin(eq.group("S3"), eq.group("S2")))
    G = eq.group("SO(3) wr S2")
    mixed = torch.linalg.qr(torch.randn(6, 6, dtype=F64, generator=torch.Generator().manual_seed(0)))[0]
    assert not G.contains(mixed[None]) and not G.contains(1.5 * G.identity[None])
