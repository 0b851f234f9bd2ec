"""Families of finite groups: known orders, classes and degrees, their geometry by other means, broken twins."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

import equilayers as eq
from equilayers.errors import BadGroup, CheckFailed, TooLarge
from equilayers.groups import (
    BinaryPolyhedral,
    Dicyclic,
    FiniteGroup,
    FiniteHeisenberg,
    FiniteLinear,
    FiniteMatrixGroup,
    Frobenius,
    Generators,
    Mathieu,
    PermutationGroup,
    Rubik,
    SignedPermutations,
)

Degrees = list[int]  # of the complex irreps


def dicyclic(n: int) -> Degrees:
    return [1] * 4 + [2] * (n - 1)


def frobenius(p: int, q: int) -> Degrees:
    return [1] * q + [q] * ((p - 1) // q)


def heisenberg(p: int) -> Degrees:
    return [1] * p**2 + [p] * (p - 1)


def gl2(p: int) -> Degrees:
    return [1] * (p - 1) + [p - 1] * (p * (p - 1) // 2) + [p] * (p - 1) + [p + 1] * ((p - 1) * (p - 2) // 2)


def pgl2(p: int) -> Degrees:
    return [1, 1, p, p] + [p - 1] * ((p - 1) // 2) + [p + 1] * ((p - 3) // 2)


def sl2(p: int) -> Degrees:
    return [1, p] + [p + 1] * ((p - 3) // 2) + [p - 1] * ((p - 1) // 2) + 2 * [(p + 1) // 2] + 2 * [(p - 1) // 2]


def standard_tableaux(shape: tuple[int, ...]) -> int:
    if sum(shape) <= 1:
        return 1
    smaller = [(*shape[:i], row - 1, *shape[i + 1 :]) for i, row in enumerate(shape) if row > (*shape, 0)[i + 1]]
    return sum(standard_tableaux(tuple(r for r in s if r)) for s in smaller)


def partitions(n: int, largest: int | None = None) -> list[tuple[int, ...]]:
    largest = n if largest is None else largest
    return [()] if n == 0 else [
        (k, *rest) for k in range(min(n, largest), 0, -1) for rest in partitions(n - k, k)
    ]  # fmt: skip


def signed(n: int) -> Degrees:
    """Pairs of partitions of k and n - k."""
    return [
        math.comb(n, k) * standard_tableaux(a) * standard_tableaux(b)
        for k in range(n + 1)
        for a in partitions(k)
        for b in partitions(n - k)
    ]


KNOWN: dict[str, tuple[int, Degrees]] = {  # order, and degrees of the complex irreps: as many as classes
    "Dic1": (4, [1] * 4),
    **{f"Dic{n}": (4 * n, dicyclic(n)) for n in (2, 3, 4, 5, 6, 7)},
    "2T": (24, [1, 1, 1, 2, 2, 2, 3]),
    "2O": (48, [1, 1, 2, 2, 2, 3, 3, 4]),
    "2I": (120, [1, 2, 2, 3, 3, 4, 4, 5, 6]),
    "F6": (6, [1, 1, 2]),
    "F20": (20, frobenius(5, 4)),
    "F21": (21, frobenius(7, 3)),
    "F42": (42, frobenius(7, 6)),
    "F55": (55, frobenius(11, 5)),
    "SL(2,3)": (24, sl2(3)),
    "SL(2,5)": (120, sl2(5)),
    "SL(2,7)": (336, sl2(7)),
    "GL(2,3)": (48, gl2(3)),
    "GL(2,5)": (480, gl2(5)),
    "PGL(2,5)": (120, pgl2(5)),
    "PSL(2,5)": (60, [1, 3, 3, 4, 5]),
    "PSL(2,7)": (168, [1, 3, 3, 6, 7, 8]),
    "GL(3,2)": (168, [1, 3, 3, 6, 7, 8]),
    "PSL(2,11)": (660, [1, 5, 5, 10, 10, 11, 12, 12]),
    **{f"Heis({p})": (p**3, heisenberg(p)) for p in (2, 3, 5, 7)},
    **{f"B{n}": (2**n * math.factorial(n), signed(n)) for n in (1, 2, 3, 4)},
}  # fmt: skip
LARGE: dict[str, tuple[int, Degrees]] = {
    "SL(3,3)": (5616, [1, 12, 13, 16, 16, 16, 16, 26, 26, 26, 27, 39]),
    "Heis(13)": (2197, heisenberg(13)),
    "B5": (3840, signed(5)),
    "M11": (7920, [1, 10, 10, 10, 11, 16, 16, 44, 45, 55]),
}
NOT_LISTED = {
    "M12": 95_040,
    "M22": 443_520,
    "M23": 10_200_960,
    "M24": 244_823_040,
    "PSL(3,5)": 372_000,
    "B12": 2**12 * math.factorial(12),
    "Rubik": math.factorial(8) * 3**7 * math.factorial(12) // 2 * 2**11,
}


def complex_degrees(group: FiniteGroup) -> Degrees:
    halves = {"real": (1, 1), "complex": (2, 2), "quaternionic": (2, 1)}  # divisor of the dimension, and how many
    degrees = []
    for irrep in eq.irreps(group):
        divisor, count = halves[irrep.type]
        degrees += count * [irrep.dim // divisor]
    return sorted(degrees)


@pytest.mark.parametrize("name", [*KNOWN, *LARGE])
def test_orders_classes_and_degrees_of_the_literature(name: str) -> None:
    order, degrees = {**KNOWN, **LARGE}[name]
    G = eq.group(name)
    assert isinstance(G, FiniteGroup) and G.name == name
    assert G.order == G.chain.order == order == sum(d * d for d in degrees)
    assert len(G.conjugacy_classes) == len(degrees)
    assert complex_degrees(G) == sorted(degrees)


@pytest.mark.parametrize("name", [*KNOWN, *LARGE, *NOT_LISTED])
def test_every_law_of_a_group(name: str) -> None:
    assert eq.testing.check_group(eq.group(name)).ran >= 30


@pytest.mark.parametrize("name", KNOWN)
def test_every_law_of_irreps(name: str) -> None:
    assert eq.testing.check_irreps(eq.group(name)).ran >= 10


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
def test_every_law_of_irreps_of_large_groups(name: str) -> None:
    assert eq.testing.check_irreps(eq.group(name)).ran >= 10


@pytest.mark.parametrize("name", [*KNOWN, *LARGE, *NOT_LISTED])
def test_orders_agree_with_sympy(name: str) -> None:
    from sympy.combinatorics import Permutation
    from sympy.combinatorics import PermutationGroup as Other

    G = eq.group(name)
    assert isinstance(G, FiniteGroup)
    assert G.order == {**NOT_LISTED, **{n: order for n, (order, _) in {**KNOWN, **LARGE}.items()}}[name]
    assert Other([Permutation(p.tolist()) for p in G.permutation_generators]).order() == G.order


@pytest.mark.slow
def test_irreps_of_the_second_group_of_mathieu() -> None:
    assert complex_degrees(Mathieu(12)) == [1, 11, 11, 16, 16, 45, 54, 55, 55, 55, 66, 99, 120, 144, 176]


# What the groups are, by other means


def turned_cube() -> np.ndarray:
    """The quarter turns as rotations of the places of facelets in space, from the faces as one looks at them."""
    x, y, z = np.eye(3, dtype=int)
    faces = [(y, x, z), (-x, z, -y), (z, x, -y), (x, -z, -y), (-z, -x, -y), (-y, x, -z)]  # outward, right, down
    places = [
        2 * out + c * right + r * down
        for out, right, down in faces
        for r, c in itertools.product((-1, 0, 1), repeat=2)
        if r or c
    ]
    number = {tuple(place): i for i, place in enumerate(places)}
    turns = []
    for out, _, _ in faces:
        clockwise = np.outer(out, out) - np.cross(out, np.eye(3, dtype=int)).T  # minus 90 degrees about ``out``
        turns.append([number[tuple(clockwise @ p if p @ out > 0 else p)] for p in places])
    return np.array(turns)


def test_rubiks_cube_is_what_turns_of_its_layers_do() -> None:
    assert np.array_equal(Rubik().permutation_generators, turned_cube())


@pytest.mark.parametrize("kind", ["T", "O", "I"])
def test_binary_polyhedral_groups_cover_the_rotations(kind: str) -> None:
    """The matrix of v -> q v q^-1 has as columns the vector parts of q e q^-1."""
    rotations = eq.group(kind).description.discrete
    for left, rotation in zip(BinaryPolyhedral("2" + kind).defining_matrices, rotations, strict=False):
        right_inverse = np.diag([1.0, -1, -1, -1]) @ left @ np.diag([1.0, -1, -1, -1])  # x -> x q^-1, by conjugation
        assert np.abs((left @ right_inverse)[1:, 1:] - rotation).max() < 1e-15


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8])
def test_relations_of_dicyclic_groups(n: int) -> None:
    a, x = Dicyclic(n).discrete_generators
    power = torch.linalg.matrix_power
    assert float((power(a, 2 * n) - torch.eye(4)).abs().max()) < 1e-14
    assert float((x @ x - power(a, n)).abs().max()) < 1e-14
    assert float((x @ a - torch.linalg.inv(a) @ x).abs().max()) < 1e-14


@pytest.mark.parametrize(("p", "q"), [(5, 4), (7, 3), (7, 6), (11, 5), (13, 4)])
def test_frobenius_groups_are_affine_maps(p: int, q: int) -> None:
    roots = [a for a in range(1, p) if a**q % p == 1]
    maps = {tuple((a * x + b) % p for x in range(p)) for a in roots for b in range(p)}
    assert {tuple(g) for g in Frobenius(p, q).elements().tolist()} == maps
    assert eq.group(f"F{p * q}") == Frobenius(p, q)


@pytest.mark.parametrize("m", [2, 3, 4, 5])
def test_heisenberg_groups_are_unitriangular_matrices(m: int) -> None:
    points = np.array([(u, v, 1) for u in range(m) for v in range(m)])
    maps = set()
    for a, b, c in itertools.product(range(m), repeat=3):
        moved = points @ np.array([[1, a, c], [0, 1, b], [0, 0, 1]]).T % m
        maps.add(tuple((moved[:, 0] * m + moved[:, 1]).tolist()))
    assert {tuple(g) for g in FiniteHeisenberg(m).elements().tolist()} == maps


@pytest.mark.parametrize(("kind", "p"), [("SL", 2), ("SL", 3), ("GL", 3), ("SL", 5), ("GL", 5)])
def test_linear_groups_are_matrices(kind: str, p: int) -> None:
    vectors = [v for v in itertools.product(range(p), repeat=2) if any(v)]
    maps = set()
    for a, b, c, d in itertools.product(range(p), repeat=4):
        if (a * d - b * c) % p in ((1,) if kind == "SL" else range(1, p)):
            maps.add(tuple(vectors.index(((a * x + b * y) % p, (c * x + d * y) % p)) for x, y in vectors))
    assert {tuple(g) for g in FiniteLinear(kind, 2, p).elements().tolist()} == maps


@pytest.mark.parametrize("p", [3, 5, 7])
def test_projective_groups_are_moebius_maps(p: int) -> None:
    """Lines are (0, 1) and (1, t): t goes to (c + d t) / (a + b t)."""

    def image(matrix: tuple[int, ...], line: tuple[int, int]) -> int:
        a, b, c, d = matrix
        x, y = (a * line[0] + b * line[1]) % p, (c * line[0] + d * line[1]) % p
        return 0 if x == 0 else 1 + y * pow(x, -1, p) % p

    lines = [(0, 1), *((1, t) for t in range(p))]
    for kind in ("PSL", "PGL"):
        good = (1,) if kind == "PSL" else range(1, p)
        matrices = [m for m in itertools.product(range(p), repeat=4) if (m[0] * m[3] - m[1] * m[2]) % p in good]
        maps = {tuple(image(m, line) for line in lines) for m in matrices}
        assert {tuple(g) for g in FiniteLinear(kind, 2, p).elements().tolist()} == maps


@pytest.mark.parametrize(("n", "k"), [(11, 4), (12, 5), (22, 3), (23, 4)])
def test_mathieu_groups_are_as_transitive_as_they_should_be(n: int, k: int) -> None:
    """M11 and M12 even sharply so: their order is the number of k-tuples."""
    generators = Mathieu(n).permutation_generators
    places = np.arange(n**k).reshape(k * [n])
    seen = np.zeros(n**k, dtype=bool)
    frontier = np.arange(k)[None]
    seen[places[tuple(range(k))]] = True
    while len(frontier):
        moved = generators[:, frontier].reshape(-1, k)
        keys, first = np.unique(places[tuple(moved.T)], return_index=True)
        new = ~seen[keys]
        seen[keys] = True
        frontier = moved[first[new]]
    assert seen.sum() == math.perm(n, k)
    if n < 20:
        assert Mathieu(n).order == math.perm(n, k)


def test_signed_permutations_are_all_of_them(generator: torch.Generator) -> None:
    G = SignedPermutations(3)
    every = {
        tuple((np.diag(s) @ np.eye(3)[list(p)]).ravel() + 0.0)
        for p in itertools.permutations(range(3))
        for s in itertools.product((1.0, -1.0), repeat=3)
    }
    assert {tuple((g.flatten() + 0.0).tolist()) for g in G.elements()} == every
    counts = torch.bincount(G.index(G.sample(48 * 200, generator)), minlength=48).double()
    assert float(((counts - 200) ** 2 / 200).sum()) < 84.0  # chi-squared, 47 degrees: one false alarm in a thousand
    assert not G.contains(torch.diag(torch.tensor([0.5, 1, 1], dtype=torch.float64)))
    assert not G.contains(torch.ones(3, 3, dtype=torch.float64))


@pytest.mark.parametrize(
    ("one", "other"),
    [("Dic2", "Q8"), ("2T", "SL(2,3)"), ("2I", "SL(2,5)"), ("PSL(2,7)", "GL(3,2)"), ("PSL(2,5)", "A5"),
     ("PGL(2,5)", "S5"), ("Heis(2)", "D4"), ("B2", "D4"), ("B3", "Oh"), ("F6", "S3"), ("F10", "D5")],
)  # fmt: skip
def test_known_isomorphisms_by_character_tables(one: str, other: str) -> None:
    """Sizes and orders of classes, and the columns of the table, in the order of classes up to a permutation."""

    def columns(name: str) -> list[tuple[float, ...]]:
        G = eq.group(name)
        assert isinstance(G, FiniteGroup)
        table = np.array([eq.character(i).values for i in eq.irreps(G)])
        classes = G.conjugacy_classes
        sums = [(table**k).sum(0) for k in (1, 2, 3)]  # the same whatever the order of the irreps
        rows = np.stack([classes.orders, classes.sizes, *sums], 1)
        return sorted(tuple(np.round(row, 6) + 0.0) for row in rows)

    assert columns(one) == columns(other)


# Broken twins


TWINS = ["Dic3", "2T", "F21", "SL(2,3)", "PSL(2,7)", "GL(2,3)", "Heis(3)", "M11", "B3", "Rubik"]


@pytest.mark.parametrize("name", TWINS)
def test_a_lost_generator_is_noticed(name: str) -> None:
    G = eq.group(name)

    class Twin(type(G)):  # type: ignore[misc]
        name = "twin"

        def __init__(self) -> None:
            self.__dict__.update({k: v for k, v in vars(G).items() if k in ("_order", "n", "p", "q", "kind", "m")})

        def generators(self) -> Generators:
            lost = 2 if name == "Rubik" else 1  # five quarter turns generate the sixth
            return Generators(discrete=G.description.discrete[lost:])

    with pytest.raises(CheckFailed):
        eq.testing.check_group(Twin())


@pytest.mark.parametrize("name", TWINS)
def test_a_wrong_order_is_noticed(name: str) -> None:
    G = eq.group(name)
    assert isinstance(G, FiniteGroup)
    kind = PermutationGroup if isinstance(G, PermutationGroup) else FiniteMatrixGroup
    twin = type("Twin", (kind,), {"order": G.order * 2})(G.description.discrete, "twin")
    with pytest.raises(CheckFailed, match="order"):
        eq.testing.check_group(twin)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Dicyclic(0), "n >= 1"),
        (lambda: BinaryPolyhedral("2D"), "2T, 2O or 2I"),
        (lambda: Frobenius(7, 4), "divisor q of p - 1"),
        (lambda: Frobenius(9, 8), "prime"),
        (lambda: eq.group("F15"), "divisor q of p - 1"),
        (lambda: FiniteLinear("PSL", 2, 4), "prime"),
        (lambda: FiniteLinear("SU", 2, 3), "GL, SL, PGL or PSL"),
        (lambda: FiniteLinear("SL", 1, 3), "n >= 2"),
        (lambda: FiniteHeisenberg(1), "m >= 2"),
        (lambda: Mathieu(13), "M11, M12"),
        (lambda: SignedPermutations(0), "n >= 1"),
    ],
)
def test_bad_parameters_are_refused(make, said: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(BadGroup, match=said):
        make()


def test_too_many_points_are_refused() -> None:
    with pytest.raises(TooLarge, match="5000 points"):
        eq.group("SL(4,11)")


def test_numbers_agree_with_sympy() -> None:
    from sympy import isprime, primefactors
    from sympy.ntheory.residue_ntheory import is_primitive_root

    from equilayers.groups.numbers import is_prime, largest_prime_factor, primitive_root

    for n in range(1, 400):
        assert is_prime(n) == isprime(n)
        assert largest_prime_factor(n) == max(primefactors(n), default=1)
        if n > 2 and isprime(n):
            r = primitive_root(n)
            assert is_primitive_root(r, n) and not any(is_primitive_root(k, n) for k in range(2, r))
