"""Laws of irreps by highest weight, against determinants: universal characters, and Weyl's formula on the torus.

The characters of GL(n), Sp(n) and O(n) are determinants of the h_k, the coefficients of 1 / det(1 - t g): so they need
no eigenvalues, and at g = 1 they are integers.
"""

from __future__ import annotations

import itertools
import re
import time
import warnings
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from math import comb

import numpy as np
import pytest
import torch

import equilayers as eq
from equilayers.errors import BadRepresentation, CheckFailed, NotCertified, TooLarge
from equilayers.groups import Group
from equilayers.representations import Irrep, highest_weight
from equilayers.representations.classical import Connected, Full, Series, series
from equilayers.representations.weyl import RootSystem, Weight

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from e3nn import o3

EXACT = 1e-12
COMPACT = ("SU(3)", "SU(4)", "SO(4)", "SO(5)", "SO(6)", "USp(4)", "U(1)", "U(2)", "U(3)", "O(4)", "O(5)")
OPEN = ("SL(2)", "SL(3)", "GL(2)", "Sp(4)", "SO(1,2)", "SO(1,3)", "SO+(1,3)", "SO(2,2)", "O(1,3)", "O(2,2)", "SO(1,4)")
LEVEL = {"SU(4)": 2, "SO(6)": 2, "U(3)": 2, "SO(1,4)": 2, "SO(5)": 2}  # else 3
REAL, COMPLEX, QUATERNIONIC = "real", "complex", "quaternionic"


def classical(name: str) -> tuple[Group, Series]:
    group = eq.group(name)
    found = series(group)
    assert found is not None
    return group, found


def listed(name: str) -> tuple[Irrep, ...]:
    return eq.irreps(eq.group(name), level=LEVEL.get(name, 3))


# Oracles


def complete(g: np.ndarray, count: int) -> list:
    r""":math:`h_0, \ldots, h_{count}`, by Newton's identities from the traces of powers."""
    powers = [np.trace(np.linalg.matrix_power(g, k)) for k in range(1, count + 1)]
    h = [1.0]
    for k in range(1, count + 1):
        h.append(sum(powers[i - 1] * h[k - i] for i in range(1, k + 1)) / k)
    return h


def determinant(rows: list[list]) -> complex | Fraction:
    """Laplace's expansion: exact for integers."""
    if not rows:
        return 1
    minors = ([row[:j] + row[j + 1 :] for row in rows[1:]] for j in range(len(rows)))
    return sum((-1) ** j * x * determinant(minor) for j, (x, minor) in enumerate(zip(rows[0], minors, strict=True)))


def universal(kind: str, partition: Weight, h: Callable[[int], complex]) -> complex:
    """The character of GL ("s"), Sp ("sp") or O ("o") by the determinants of Jacobi, Trudi and Weyl."""
    rows = []
    for i, part in enumerate(partition, start=1):
        row = []
        for j in range(1, len(partition) + 1):
            other = {"s": 0, "o": -h(part - i - j), "sp": h(part - i - j + 2)}[kind]
            row.append(h(part - i + j) + (0 if kind == "sp" and j == 1 else other))
        rows.append(row)
    return determinant(rows)


def of_matrix(g: np.ndarray, top: int) -> Callable[[int], complex]:
    values = complete(g, top)
    return lambda k: values[k] if k >= 0 else 0.0


def of_identity(n: int) -> Callable[[int], int]:
    return lambda k: comb(n + k - 1, k) if k >= 0 else 0


def weyl_character(kind: str, weight: Weight, x: np.ndarray) -> complex:
    """Weyl's formula as a quotient of determinants of powers of the eigenvalues."""
    r, w = len(weight), np.array(weight, dtype=float)
    falling = np.arange(r)[::-1]
    shift = {"A": falling, "GL": falling, "B": falling + 0.5, "C": falling + 1, "D": falling}[kind]

    def alternating(exponents: np.ndarray, sign: int) -> complex:
        rows = [[y**e + sign * y**-e for e in exponents] if sign else [y**e for e in exponents] for y in x]
        return np.linalg.det(np.array(rows, dtype=complex))

    if kind == "D":
        upper = alternating(w + shift, 1) + alternating(w + shift, -1)
        return upper / alternating(shift, 1)
    sign = 0 if kind in ("A", "GL") else -1
    return alternating(w + shift, sign) / alternating(shift, sign)


def complex_form(group: Group, g: np.ndarray) -> np.ndarray:
    """The complex matrix of a realified one, else the matrix itself."""
    if group.family in ("SU", "U", "USp"):
        half = g.shape[-1] // 2
        return g[:half, :half] + 1j * g[half:, :half]
    return g


def dominant(system: RootSystem, top: int) -> list[Weight]:
    entries = range(-top if system.kind in ("GL", "D") else 0, top + 1)
    weights = (w for w in itertools.product(entries, repeat=system.size) if system.is_dominant(w))
    return [w for w in weights if system.kind != "A" or w[-1] == 0]


SIZES = {"A": (2, 3, 4), "GL": (2, 3), "B": (1, 2, 3), "C": (1, 2, 3), "D": (2, 3)}
SYSTEMS = [RootSystem(kind, size) for kind, sizes in SIZES.items() for size in sizes]


def named(system: RootSystem) -> str:
    return f"{system.kind}{system.size}"


# Weyl's dimension formula


@pytest.mark.parametrize("system", SYSTEMS, ids=named)
def test_dimensions_are_those_of_the_determinants(system: RootSystem) -> None:
    checked = 0
    for weight in dominant(system, 3):
        if system.kind in ("A", "GL"):
            expected = universal("s", tuple(x - weight[-1] for x in weight), of_identity(system.size))
        elif system.kind == "C":
            expected = universal("sp", weight, of_identity(2 * system.size))
        else:
            n = 2 * system.size + (system.kind == "B")
            expected = universal("o", tuple(abs(x) for x in weight), of_identity(n))
            expected = expected // 2 if system.kind == "D" and weight[-1] else expected  # a pair of mirror images
        assert system.dim(weight) == expected == sum(system.multiplicities(weight).values()), weight
        checked += 1
    assert checked >= 4


def test_dimensions_of_the_literature() -> None:
    """Slansky, Phys. Rep. 79 (1981) 1, tables 23 to 44, by Dynkin labels."""
    known = {
        ("A", 3): {(1, 0): 3, (2, 0): 6, (1, 1): 8, (3, 0): 10, (2, 1): 15, (4, 0): 15, (2, 2): 27, (4, 4): 125},
        ("A", 4): {(1, 0, 0): 4, (0, 1, 0): 6, (1, 0, 1): 15, (0, 2, 0): 20, (1, 1, 0): 20, (1, 1, 1): 64},
        ("A", 5): {(1, 0, 0, 1): 24, (0, 1, 0, 0): 10, (1, 1, 0, 0): 40, (0, 1, 1, 0): 75, (1, 1, 0, 1): 175},
        ("B", 2): {(1, 0): 5, (0, 2): 10, (2, 0): 14, (1, 2): 35, (2, 2): 81},
        ("B", 3): {(1, 0, 0): 7, (0, 1, 0): 21, (2, 0, 0): 27, (0, 0, 2): 35, (1, 1, 0): 105},
        ("C", 2): {(1, 0): 4, (0, 1): 5, (2, 0): 10, (0, 2): 14, (1, 1): 16},
        ("C", 3): {(1, 0, 0): 6, (0, 1, 0): 14, (0, 0, 1): 14, (2, 0, 0): 21, (1, 1, 0): 64},
        ("D", 4): {(1, 0, 0, 0): 8, (0, 1, 0, 0): 28, (2, 0, 0, 0): 35, (0, 0, 2, 0): 35, (0, 0, 1, 1): 56},
        ("D", 5): {(1, 0, 0, 0, 0): 10, (0, 1, 0, 0, 0): 45, (0, 0, 0, 0, 2): 126, (0, 0, 0, 1, 1): 210},
    }  # fmt: skip
    for (kind, size), dims in known.items():
        system = RootSystem(kind, size)
        for labels, dim in dims.items():
            weight = system.weight(labels)
            assert weight is not None and system.dim(weight) == dim and system.dynkin(weight) == labels


@pytest.mark.parametrize("name", [name for name in (*COMPACT, *OPEN) if not name.startswith(("U(", "GL("))])
def test_lists_up_to_a_dimension_miss_none(name: str) -> None:
    """An irrep of dimension d occurs up to the power d - 1, reached by one of SL(2); larger groups are faster."""
    group, found = classical(name)
    bound = 20
    expected = {found.label(k) for k in found.up_to_level(bound if group.lie_dim <= 10 else 8) if found.dim(k) <= bound}
    assert {rho.label for rho in eq.irreps(group, max_dim=bound)} == expected


# Product rules


@pytest.mark.parametrize("system", SYSTEMS, ids=named)
def test_products_are_those_of_weyl_s_characters(system: RootSystem) -> None:
    draw = np.random.default_rng(1)
    weights = dominant(system, 2)
    pairs = [tuple(weights[i] for i in draw.integers(len(weights), size=2)) for _ in range(12)]
    for first, second in pairs:
        product = system.product(first, second)
        assert min(product.values()) > 0
        assert sum(m * system.dim(w) for w, m in product.items()) == system.dim(first) * system.dim(second)
        x = torus(system, draw)
        value = weyl_character(system.kind, first, x) * weyl_character(system.kind, second, x)
        total = sum(m * weyl_character(system.kind, w, x) for w, m in product.items())
        assert abs(value - total) < 1e-9 * max(1.0, abs(value)), (first, second)


def torus(system: RootSystem, draw: np.random.Generator) -> np.ndarray:
    """Distinct eigenvalues of norm one; of determinant one for "A"."""
    angles = (np.arange(system.size) + draw.uniform(0.2, 0.8, system.size)) * 3.0 / system.size
    return np.exp(1j * (angles - angles.mean() if system.kind == "A" else angles))


@pytest.mark.parametrize("system", SYSTEMS, ids=named)
def test_weights_are_those_of_weyl_s_characters(system: RootSystem) -> None:
    x = torus(system, np.random.default_rng(2))
    for weight in dominant(system, 2):
        total = sum(m * np.prod(x ** np.array(w)) for w, m in system.multiplicities(weight).items())
        assert abs(total - weyl_character(system.kind, weight, x)) < 1e-9 * system.dim(weight)


@pytest.mark.parametrize("system", SYSTEMS, ids=named)
def test_steps_are_products_with_the_defining_action(system: RootSystem) -> None:
    for weight in dominant(system, 2):
        assert Counter(system.steps(weight)) == system.product(weight, system.vector)
        assert Counter(system.steps(weight, dual=True)) == system.product(weight, system.dual(system.vector))
        assert system.dual(system.dual(weight)) == weight
        assert system.product(weight, system.dual(weight))[(0,) * system.size] == 1


def test_a_product_with_one_part_exchanged_is_noticed() -> None:
    """The twin: SU(3) has 10 and its dual in 8 x 8, and a character tells two 10 from one of each."""
    system, octet = RootSystem("A", 3), (2, 1, 0)
    product = system.product(octet, octet)
    product[3, 0, 0] += product.pop((3, 3, 0))
    assert sum(m * system.dim(w) for w, m in product.items()) == 64
    x = torus(system, np.random.default_rng(3))
    total = sum(m * weyl_character("A", w, x) for w, m in product.items())
    assert abs(weyl_character("A", octet, x) ** 2 - total) > 0.1


@pytest.mark.parametrize("name", ["SU(3)", "SO(4)", "SO(5)", "USp(4)", "U(2)", "SL(3)", "Sp(4)", "SO(1,3)"])
def test_decompositions_follow_the_product_rule(name: str) -> None:
    group, found = classical(name)
    assert isinstance(found, Connected)
    small = [rho for rho in eq.irreps(group, level=2) if 1 < rho.dim <= 10]
    for a, b in itertools.combinations_with_replacement(small, 2):
        if a.dim * b.dim > (40 if name == "USp(4)" else 64):  # each part of a quaternionic product comes four times
            continue
        expected: Counter[str] = Counter()
        for v, w in itertools.product(constituents(found, a), constituents(found, b)):
            for part, m in found.system.product(v, w).items():
                if found.key(part) == part:
                    expected[found.label(part)] += m
        for label in expected:
            if eq.irrep(group, label).type == QUATERNIONIC:
                expected[label] //= 2
        split = eq.decompose(a @ b)
        assert {rho.label: m for rho, m in split.multiplicities.items()} == dict(expected), (a.label, b.label)
        assert split.residual < 1e-10


def constituents(found: Series, rho: Irrep) -> tuple[Weight, ...]:
    key = found.read(rho.label)
    assert key is not None
    return found.constituents(key)


@pytest.mark.parametrize(
    ("name", "first", "second"), [("SU(3)", "(1,0)", "(1,1)"), ("SO(1,3)", "(1,1)", "(2,0)"), ("O(4)", "[1]", "[1,1]")]
)
def test_maps_are_counted_by_the_decomposition(name: str, first: str, second: str) -> None:
    group = eq.group(name)
    product = eq.irrep(group, first) @ eq.irrep(group, second)
    for rho, m in eq.decompose(product).multiplicities.items():
        assert eq.hom(product, rho).dim == m * rho.end_dim


def test_powers_of_the_vectors_have_the_known_parts() -> None:
    """Two quarks, tensors of space-time, the quaternionic plane."""

    def parts(name: str, k: int) -> dict[str, int]:
        v = eq.defining(eq.group(name))
        power = v
        for _ in range(k - 1):
            power = power @ v
        return {rho.label: m for rho, m in eq.decompose(power).multiplicities.items()}

    assert parts("SU(3)", 2) == {"(0,0)": 2, "(1,0)": 1, "(1,1)": 2, "(2,0)": 1}
    assert parts("SO(1,3)", 2) == {"(0,0)": 1, "(2,0)": 1, "(2,2)": 1}
    assert parts("O(4)", 2) == {"[0]": 1, "[1,1]": 1, "[2]": 1}
    assert parts("O(3,1)", 2) == {"[0]": 1, "[1,1]": 1, "[2]": 1}
    assert parts("SO(4)", 2) == {"(0,0)": 1, "(0,2)": 1, "(2,0)": 1, "(2,2)": 1}
    assert parts("Sp(4)", 3) == {"(1,0)": 3, "(1,1)": 2, "(3,0)": 1}
    assert parts("USp(4)", 2) == {"(0,0)": 4, "(0,1)": 4, "(2,0)": 4}


# The matrices


@pytest.mark.parametrize("bound", [6, pytest.param(20, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", [*COMPACT, *OPEN])
def test_every_law_of_irreps(name: str, bound: int) -> None:
    found = [rho for rho in listed(name) if rho.dim <= bound]
    assert len(found) >= 2
    assert eq.testing.check_irreps(eq.group(name), found).ran >= 9


@pytest.mark.parametrize("name", [*COMPACT, *OPEN])
def test_homomorphisms_that_know_their_derivative(name: str) -> None:
    group = eq.group(name)
    draw = torch.Generator().manual_seed(4)
    g, h = group.sample(4, draw), group.sample(4, draw)
    small = 0.3 * torch.randn(3, group.lie_dim, generator=draw, dtype=torch.float64)
    for rho in listed(name):
        at_g, at_h = rho(g), rho(h)
        scale = max(1.0, float((torch.linalg.matrix_norm(at_g, 2) * torch.linalg.matrix_norm(at_h, 2)).max()))
        assert float((at_g @ at_h - rho(group.compose(g, h))).abs().max()) < EXACT * scale
        exponential = torch.linalg.matrix_exp(rho.derivative(small))
        error, size = (rho(group.exp(small)) - exponential).abs().max(), exponential.abs().max()
        assert float(error) < EXACT * max(1.0, float(size))
        assert np.abs(rho.images.discrete - rho(group.discrete_generators).numpy()).max(initial=0.0) < EXACT
        assert rho.is_orthogonal or not group.is_compact


@pytest.mark.parametrize("name", [*COMPACT, *OPEN])
def test_characters_are_those_of_their_label(name: str) -> None:
    """On elements of every component; mirror images have their sum here, and a test of their own."""
    group, found = classical(name)
    elements = group.sample(6, torch.Generator().manual_seed(5))
    for rho in listed(name):
        values = eq.character(rho)(elements)
        if mirror := mirrored(group, found, rho):
            values = values + eq.character(mirror)(elements)
        sizes = torch.linalg.matrix_norm(rho(elements))
        for g, value, size in zip(elements.numpy(), values.tolist(), sizes.tolist(), strict=True):
            expected = real_character(group, found, rho, g)
            assert abs(value - expected) < 1e-10 * max(1.0, size), rho.label


def mirrored(group: Group, found: Series, rho: Irrep) -> Irrep | None:
    """Another irrep that a reflection of the coordinates makes of this one."""
    if isinstance(found, Full) or found.system.kind != "D" or rho.type != REAL:
        return None
    *rest, first, second = numbers(rho.label)
    label = f"({','.join(str(x) for x in (*rest, second, first))})"
    return eq.irrep(group, label) if label != rho.label else None


def numbers(label: str) -> list[int]:
    return [int(x) for x in re.split("[,;]", label[1:-1])]


def sums(steps: list[int]) -> Weight:
    return tuple(sum(steps[i:]) for i in range(len(steps)))


def coordinates(kind: str, labels: list[int]) -> Weight:
    """The weight of these Dynkin labels, read here."""
    if kind == "A":
        return (*sums(labels), 0)
    if kind == "GL":
        return tuple(x + labels[-1] for x in (*sums(labels[:-1]), 0))
    if kind == "C":
        return sums(labels)
    if kind == "B":
        return tuple(x // 2 for x in sums([2 * x for x in labels[:-1]] + labels[-1:]))
    *rest, first, second = labels
    last = (second - first) // 2
    return (*(x + last for x in sums([*rest, first])), last)


def real_character(group: Group, found: Series, rho: Irrep, g: np.ndarray) -> float:
    """From the matrix and the label; of mirror images the sum."""
    matrix, labels = complex_form(group, g), numbers(rho.label)
    h = of_matrix(matrix, 2 * sum(abs(x) for x in labels) + 2 * len(labels) + 2)
    if isinstance(found, Full):
        return float(np.real(universal("o", tuple(x for x in labels if x), h)))
    kind, weight = found.system.kind, coordinates(found.system.kind, labels)
    if kind in ("A", "GL"):
        value = universal("s", tuple(x - weight[-1] for x in weight), h) * np.linalg.det(matrix) ** weight[-1]
    else:
        value = universal("sp" if kind == "C" else "o", tuple(abs(x) for x in weight), h)
    both = {REAL: 1, COMPLEX: 1 if kind == "D" else 2, QUATERNIONIC: 2}[rho.type]
    return float(np.real(both * value))


@pytest.mark.parametrize("name", ["SO(4)", "SO(6)", "SO(2,2)"])
def test_mirror_images_are_told_apart_in_the_orientation_of_the_coordinates(name: str) -> None:
    group = eq.group(name)
    angles = np.array([0.4, 1.1, 2.3])[: group.lie_basis.shape[-1] // 2]
    g = torch.zeros(2 * len(angles), 2 * len(angles), dtype=torch.float64)
    for i, angle in enumerate(angles):
        c, s = np.cos(angle), np.sin(angle)
        g[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = torch.tensor([[c, -s], [s, c]])
    assert group.contains(g)
    gaps = []
    for rho in listed(name):
        weight = coordinates("D", numbers(rho.label))
        images = [weyl_character("D", w, np.exp(1j * angles)).real for w in (weight, (*weight[:-1], -weight[-1]))]
        assert abs(float(eq.character(rho)(g)) - (2 if rho.type == COMPLEX else 1) * images[0]) < 1e-10, rho.label
        gaps.append(abs(images[0] - images[1]))
    assert len(angles) == 3 or sum(gap > 0.1 for gap in gaps) >= 2, "the twin: the other image"


HIGHER = {
    ("SU(3)", "(3,0)"): (COMPLEX, 20), ("SU(3)", "(2,2)"): (REAL, 27), ("SU(4)", "(0,2,0)"): (REAL, 20),
    ("USp(4)", "(1,1)"): (QUATERNIONIC, 32), ("SO(5)", "(1,2)"): (REAL, 35), ("SO(6)", "(0,2,0)"): (COMPLEX, 20),
    ("SL(3)", "(2,1)"): (REAL, 15), ("SO(1,3)", "(4,0)"): (COMPLEX, 10), ("SO(1,3)", "(4,2)"): (COMPLEX, 30),
    ("U(2)", "(1;1)"): (COMPLEX, 4), ("O(4)", "[2,2]"): (REAL, 10), ("O(1,3)", "[2,1,1]"): (REAL, 9),
}  # fmt: skip


@pytest.mark.parametrize(("name", "label"), HIGHER)
def test_higher_irreps_by_label(name: str, label: str) -> None:
    rho = eq.irrep(eq.group(name), label)
    assert (rho.type, rho.dim) == HIGHER[name, label] and rho.label == label
    assert eq.hom(rho, rho).dim == rho.end_dim
    assert eq.testing.check_representation(rho).ran >= 3


@pytest.mark.slow
def test_large_irreps() -> None:
    """Their eigenvalues lie close together."""
    for name, label in (("SU(3)", "(4,4)"), ("SO(5)", "(2,4)"), ("SO(1,3)", "(10,10)")):
        rho = eq.irrep(eq.group(name), label)
        assert rho.dim > 120 and eq.testing.check_representation(rho).ran >= 3


def test_the_defining_action_is_its_own_irrep() -> None:
    vectors = {
        "SU(3)": "(1,0)", "SO(5)": "(1,0)", "SO(4)": "(1,1)", "SO(1,3)": "(1,1)", "SO(1,2)": "(2)", "U(2)": "(1;0)",
        "GL(2)": "(1;0)", "Sp(4)": "(1,0)", "USp(4)": "(1,0)", "O(1,3)": "[1]", "U(1)": "(1)",
    }  # fmt: skip
    for name, label in vectors.items():
        group = eq.group(name)
        g = group.sample(3, torch.Generator().manual_seed(1))
        assert torch.equal(eq.irrep(group, label)(g), g), name


def test_products_of_rotations_are_e3nn_s() -> None:
    system = RootSystem("B", 1)
    for a, b in itertools.product(range(6), repeat=2):
        expected = Counter((ir.l,) for ir in o3.Irrep(a, 1) * o3.Irrep(b, 1))
        assert system.product((a,), (b,)) == expected
        assert system.dim((a,)) == o3.Irrep(a, 1).dim


def test_lorentz_irreps_restrict_to_the_spins_of_their_label() -> None:
    """(2j, 2k) holds the spins from |j - k| to j + k, a complex one twice."""
    lorentz, turns = eq.group("SO+(1,3)"), eq.group("SO(3)")
    rotate = eq.Homomorphism(turns, lorentz, lambda g: torch.nn.functional.pad(g, (1, 0, 1, 0)) + corner(g))
    for rho in listed("SO+(1,3)"):
        a, b = numbers(rho.label)
        times = 2 if rho.type == COMPLEX else 1
        expected = {str(l): times for l in range(abs(a - b) // 2, (a + b) // 2 + 1)}
        restricted = eq.decompose(eq.restrict(rho, rotate)).multiplicities
        assert {ir.label: m for ir, m in restricted.items()} == expected, rho.label


def corner(g: torch.Tensor) -> torch.Tensor:
    unit = torch.zeros(4, 4, dtype=g.dtype)
    unit[0, 0] = 1.0
    return unit.expand(*g.shape[:-2], 4, 4)


# Labels, and what is refused


@pytest.mark.parametrize("name", [*COMPACT, *OPEN])
def test_labels_are_read_back_and_do_not_depend_on_the_level(name: str) -> None:
    group, found = classical(name)
    g = group.sample(2, torch.Generator().manual_seed(0))
    labels: list[str] = []
    for level in range(5):
        above = [rho.label for rho in eq.irreps(group, level=level)]
        assert [x for x in above if x in labels] == labels and len(set(above)) == len(above)
        labels = above
    for rho in listed(name):
        assert eq.irrep(group, rho.label) == rho and torch.equal(eq.irrep(group, rho.label)(g), rho(g))
        key = found.read(rho.label)
        assert key is not None and found.label(key) == rho.label and not set("x+ ") & set(rho.label)
        assert repr(eq.rep(group, f"2x{rho.label}")) == repr(2 * rho)


@pytest.mark.parametrize(("name", "label", "remedy"), [
    ("SU(3)", "(0,1)", "Write '(1,0)'"), ("SU(3)", "8", "Dynkin labels"), ("SU(3)", "(1,0,0)", "Dynkin labels"),
    ("SU(3)", "(-1,0)", "Dynkin labels"), ("SU(3)", "(1, 0)", "Dynkin labels"), ("SO(5)", "(0,1)", "half-integral"),
    ("SO(1,3)", "(0,2)", "Write '(2,0)'"), ("SO(4)", "(1,0)", "half-integral"), ("U(2)", "(1,0)", "Write '(1;0)'"),
    ("O(4)", "[1,2]", "at most 4"), ("O(4)", "[1,1,1,1,1]", "at most 4"), ("O(4)", "[2,2,1]", "at most 4"),
    ("O(4)", "[]", "at most 4"),
])  # fmt: skip
def test_labels_that_do_not_exist(name: str, label: str, remedy: str) -> None:
    with pytest.raises(BadRepresentation, match=re.escape(remedy)) as refusal:
        eq.irrep(eq.group(name), label)
    assert refusal.value.values["label"] == repr(label) and refusal.value.values["up to level 2"]


def test_lists_are_lazy_and_bounded() -> None:
    started = time.process_time()
    assert len(eq.irreps(eq.group("SO(1,3)"), level=40)) == 21 * 21
    assert eq.irrep(eq.group("SU(3)"), "(50,50)").dim == 51**3
    for name, level in (("SU(3)", 10**6), ("SU(6)", 60), ("O(10)", 200), ("GL(3)", 10**4)):
        with pytest.raises(TooLarge, match="too long"):
            eq.irreps(eq.group(name), level=level)
    with pytest.raises(TooLarge, match="too long"):
        eq.irreps(eq.group("SL(3)"), max_dim=10**12)
    for name, label in (("SU(3)", "(50,50)"), ("SL(2)", "(5000)")):
        with pytest.raises(TooLarge, match="too large to be split"):
            _ = eq.irrep(eq.group(name), label).images
    assert time.process_time() - started < 60, "no search without a bound"


# Broken twins


def test_an_irrep_under_another_s_label_is_noticed() -> None:
    group = eq.group("SO(4)")
    one, selfdual, other = eq.irreps(group, level=2)[:3]
    relabelled = Irrep.from_function(group, other.label, REAL, selfdual, selfdual.images.lie)
    with pytest.raises(CheckFailed, match="Irreps of different labels are inequivalent"):
        eq.testing.check_irreps(group, [one, selfdual, relabelled])
    swapped = Irrep.from_function(group, selfdual.label, REAL, other, other.images.lie)
    with pytest.raises(CheckFailed, match="label is that of"):
        eq.testing.check_irreps(group, [one, swapped, relabelled])


def test_a_wrong_eigenvalue_finds_no_irrep(monkeypatch: pytest.MonkeyPatch) -> None:
    highest_weight._built.cache_clear()
    right = RootSystem.casimir
    monkeypatch.setattr(RootSystem, "casimir", lambda self, w: right(self, w) + (w == (2, 0)))
    with pytest.raises(NotCertified, match="Casimir"):
        _ = eq.irrep(eq.group("SO(5)"), "(2,0)").images
    monkeypatch.undo()
    assert eq.irrep(eq.group("SO(5)"), "(2,0)").images.lie.shape == (10, 14, 14)
