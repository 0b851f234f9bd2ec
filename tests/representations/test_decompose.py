"""Laws of decompose: it reproduces V, counts as characters do, is a function of V alone, and says how exact it is."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import equilayers as eq
from equilayers.errors import NotCertified
from equilayers.groups import FiniteGroup, Generators, Group, MatrixGroup
from equilayers.representations import decompose as decompose_function
from equilayers.representations.isotypic import canonical_maps
from equilayers.representations.representation import Irrep, Representation
from equilayers.testing import strategies

room: Any = sys.modules["equilayers.representations.decompose"]
EXACT = 1e-12
F21 = FiniteGroup.from_permutations([[1, 2, 3, 4, 5, 6, 0], [0, 2, 4, 6, 1, 3, 5]], name="F21")
FINITE = ("C1", "C2", "C3", "C8", "D1", "D4", "D5", "S4", "A4", "Q8", "T", "O", "C4 x D3")
FINITE += ("C3 x C3", "Q8 x C3", "Q8 x Q8")
LIE = ("SO(2)", "O(2)", "SO(3)", "O(3)", "SU(2)", "SU(3)", "SO(4)", "SO(1,3)", "SO+(1,3)", "O(1,3)")
LIE += ("SO(3) x S3", "O(2) x C3")


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def law_error(v: Representation, rep: Representation, matrix: np.ndarray, inverse: np.ndarray) -> float:
    """V(g) - M R(g) M^-1 on random elements of every component, relative to V(g)."""
    g = torch.cat([v.group.discrete_generators, v.group.sample(4, seeded(3))])
    value = v(g).detach().numpy()
    scale = np.maximum(1.0, np.abs(value).max((1, 2), initial=0.0))[:, None, None]
    return float(np.abs((value - matrix @ rep(g).detach().numpy() @ inverse) / scale).max(initial=0.0))


def assert_decomposes(v: Representation) -> None:
    found = eq.decompose(v)
    assert found.rep.dim == v.dim
    assert all(isinstance(irrep, Irrep) for _, irrep in found.rep.terms if found.rep.dim)
    assert found.multiplicities == {irrep: m for m, irrep in found.rep.terms if v.dim}
    assert found.residual < EXACT
    assert law_error(v, found.rep, found.matrix, found.inverse) < EXACT
    assert np.abs(found.matrix @ found.inverse - np.eye(v.dim)).max(initial=0.0) < EXACT
    if v.is_orthogonal:
        assert np.array_equal(found.inverse, found.matrix.T)


def scrambled(v: Representation, frame: np.ndarray) -> Representation:
    """The same representation in other coordinates."""
    back = np.linalg.inv(frame)
    if v.group.is_finite:
        return eq.representation(v.group, frame @ v.images.discrete @ back)
    there, again = torch.tensor(frame), torch.tensor(back)
    return eq.representation(v.group, lie=frame @ v.images.lie @ back, function=lambda g: there @ v(g) @ again)


def rotation(n: int, seed: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((n, n)))[0]


def samples(group: Group) -> list[Representation]:
    defining = eq.defining(group)
    found = [eq.trivial(group), defining, defining @ defining, 2 * defining + defining.sym(2) + defining]
    if group.lie_dim:
        found += [eq.adjoint(group), defining @ defining.dual @ defining]
    elif group.order <= 24:  # type: ignore[operator]
        found += [eq.regular(group), 3 * eq.regular(group) + 2 * defining]
    return [v for v in found if v.dim <= 260]


@pytest.mark.parametrize("name", (*FINITE, *LIE))
def test_every_group_and_construction(name: str) -> None:
    for v in samples(eq.group(name)):
        assert_decomposes(v)


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_drawn_groups_and_representations(data: st.DataObject) -> None:
    group = data.draw(strategies.groups())
    assert_decomposes(data.draw(strategies.representations(group, max_dim=16)))


# Multiplicities


@pytest.mark.parametrize("group", [*(eq.group(n) for n in FINITE), F21], ids=str)
def test_multiplicities_are_means_of_characters(group: FiniteGroup) -> None:
    elements = group.elements()
    for v in samples(group):
        character = torch.einsum("gii->g", v(elements))
        found = eq.decompose(v).multiplicities
        for irrep in eq.irreps(group):
            expected = float((character * torch.einsum("gii->g", irrep(elements))).mean()) / irrep.end_dim
            assert abs(found.get(irrep, 0) - expected) < 1e-9


@pytest.mark.parametrize(("name", "axis"), [("SO(3)", 2), ("SU(2)", 0)])
def test_multiplicities_are_integrals_over_the_torus(name: str, axis: int) -> None:
    """Weyl's integral over rotations of one axis, exact on a grid finer than the weights."""
    group = eq.group(name)
    lie = group.lie_basis[axis]
    period = 2 * np.pi / np.abs(np.linalg.eigvals(lie).imag).max()
    angles = torch.arange(64, dtype=torch.float64) * period / 64
    coefficients = torch.zeros(64, 3, dtype=torch.float64)
    coefficients[:, axis] = angles
    turns = group.exp(coefficients)
    roots = torch.einsum("gii->g", eq.adjoint(group)(turns)) - 1  # 2 cos of the root
    weight = (2 - roots) / 2
    v = eq.defining(group)
    for w in (v, v @ v @ v, v.sym(4), 2 * (v @ v) + v):
        found = eq.decompose(w).multiplicities
        character = torch.einsum("gii->g", w(turns))
        for irrep in eq.irreps(group, level=5):
            count = float((weight * character * torch.einsum("gii->g", irrep(turns))).mean()) / irrep.end_dim
            assert abs(found.get(irrep, 0) - count) < 1e-9


@pytest.mark.parametrize("name", ["D4", "O", "S4", "SO(3)", "O(3)", "SU(2)", "SO(1,3)", "Q8 x C3"])
def test_the_order_is_that_of_the_irreps(name: str) -> None:
    group = eq.group(name)
    listed = eq.irreps(group) if group.is_finite else eq.irreps(group, level=3)
    v = eq.defining(group)
    mixed = v @ v + 2 * v + eq.trivial(group) + sum((irrep for irrep in reversed(listed[:4])), 0 * v)
    order = [listed.index(irrep) for _, irrep in eq.decompose(mixed).rep.terms]
    assert order == sorted(order) and len(set(order)) == len(order)


# The result is a function of V alone


@pytest.mark.parametrize("name", ["D4", "C8", "A4", "Q8", "O", "SO(3)", "SU(2)", "SO(2)", "C3 x C3", "Q8 x C3"])
def test_other_coordinates_hold_the_same_irreps(name: str) -> None:
    group = eq.group(name)
    v = eq.defining(group) @ eq.defining(group) + eq.defining(group)
    expected = eq.decompose(v).rep
    for frame in (rotation(v.dim, 1), rotation(v.dim, 2) @ np.diag(np.linspace(0.5, 2, v.dim)) @ rotation(v.dim, 3)):
        other = scrambled(v, frame)
        assert_decomposes(other)
        assert eq.decompose(other).rep == expected


@pytest.mark.parametrize("name", ["D4", "S4", "Q8", "SO(3)"])
def test_summands_in_another_order(name: str) -> None:
    group = eq.group(name)
    a, b = eq.defining(group), eq.defining(group) @ eq.defining(group)
    assert eq.decompose(a + 2 * b).rep == eq.decompose(b + a + b).rep == eq.decompose(2 * b + a).rep


def blocks(rep: Representation, matrix: np.ndarray) -> list[tuple[Irrep, np.ndarray]]:
    found = []
    for (m, irrep), where in zip(rep.terms, rep.slices, strict=True):
        assert isinstance(irrep, Irrep)
        found.append((irrep, matrix[:, where].reshape(-1, irrep.dim, m)))
    return found


def is_canonical(rep: Representation, matrix: np.ndarray, gauge: int = 0) -> bool:
    """Whether the copies are the canonical ones of their span, which is handed over in a random gauge."""
    for irrep, copies in blocks(rep, matrix):
        maps = np.einsum("nem,ced->ndmc", copies, irrep.endomorphisms).reshape(len(matrix), irrep.dim, -1)
        maps = np.linalg.qr(maps.reshape(-1, maps.shape[-1]))[0]
        maps = (maps @ rotation(maps.shape[-1], gauge)).reshape(len(matrix), irrep.dim, -1)
        if np.abs(canonical_maps(irrep, maps) - copies).max() > 1e-10:
            return False
    return True


GAUGED = ["D4", "C3", "C8", "D5", "S4", "O", "A4", "Q8", "SO(2)", "SU(2)", "SO(3)", "SO(1,3)", "SU(3)", "Q8 x C3"]


@pytest.mark.parametrize("group", [*(eq.group(n) for n in GAUGED), F21], ids=str)
def test_copies_do_not_depend_on_the_gauge(group: Group) -> None:
    v = eq.defining(group)
    v = eq.regular(group) @ v if group.is_finite else v @ v @ v
    found = eq.decompose(v)
    assert max(found.multiplicities.values()) > 1
    assert all(is_canonical(found.rep, found.matrix, gauge) for gauge in range(3))


@pytest.mark.parametrize("name", ["Q8", "A4", "SU(2)", "SO(2)", "D4"])
def test_turned_copies_are_noticed(name: str) -> None:
    """The twin still reproduces V; only the gauge is another: a checkpoint would mean another network."""
    group = eq.group(name)
    v = eq.defining(group) @ eq.defining(group) @ eq.defining(group)
    found = eq.decompose(v)
    m, irrep = max(found.rep.terms)
    where = found.rep.slices[[k for k, _ in found.rep.terms].index(m)]
    twin = found.matrix.copy()
    twin[:, where] = twin[:, where] @ np.kron(np.eye(irrep.dim), rotation(m, 5))
    assert law_error(v, found.rep, twin, twin.T) < EXACT
    assert is_canonical(found.rep, found.matrix) and not is_canonical(found.rep, twin)


def test_copies_outermost_are_noticed() -> None:
    v = eq.regular(eq.group("S4"))
    found = eq.decompose(v)
    twin = found.matrix.copy()
    for (m, irrep), where in zip(found.rep.terms, found.rep.slices, strict=True):
        twin[:, where] = twin[:, where].reshape(-1, irrep.dim, m).swapaxes(1, 2).reshape(-1, m * irrep.dim)
    assert law_error(v, found.rep, twin, twin.T) > 0.1


@pytest.mark.parametrize("name", ["SO(3)", "D4", "Q8", "SO(1,3)"])
def test_the_path_does_not_matter(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Factor by factor, directly, and from matrices that hide the factors."""
    v = eq.defining(eq.group(name)) @ eq.defining(eq.group(name)) @ eq.defining(eq.group(name))
    direct = room._atom.__wrapped__(v)
    monkeypatch.setattr(room, "DIRECT_DIM", 0)
    factored = room._atom.__wrapped__(v)
    assert [m for m, _ in direct.parts] == [m for m, _ in factored.parts]
    assert np.abs(direct.matrix - factored.matrix).max() < 1e-10
    hidden = scrambled(v, np.eye(v.dim))
    assert np.abs(eq.decompose(hidden).matrix - direct.matrix).max() < 1e-10


def test_no_seed_device_or_cache_matters() -> None:
    for v in (eq.regular(eq.group("O")), eq.defining(eq.group("SO(3)")).sym(3)):
        first = eq.decompose(v)
        torch.manual_seed(99)
        for cached in (room._decompose, room._atom, room._letters):
            cached.cache_clear()
        with torch.device("meta"):
            second = eq.decompose(v)
        assert first.rep == second.rep and np.array_equal(first.matrix, second.matrix)


# Exact and cheap where it can be


def test_an_irrep_is_its_own_basis() -> None:
    irreps = eq.irreps(eq.group("Q8"))
    v = sum((m * irrep for m, irrep in enumerate(irreps, 1)), 0 * irreps[0])
    assert np.array_equal(eq.decompose(v).matrix, np.eye(v.dim))
    same = eq.representation(v.group, irreps[-1].images.discrete)
    assert np.array_equal(eq.decompose(same).matrix, np.eye(4))


def test_a_reordered_sum_is_a_permutation() -> None:
    a, *_, e = eq.irreps(eq.group("D4"))
    matrix = eq.decompose(2 * e + a + e).matrix
    assert set(np.unique(matrix)) == {0.0, 1.0} and np.array_equal(matrix @ matrix.T, np.eye(7))


def test_clean_entries_on_monomial_representations() -> None:
    """No rounding dust: what should vanish is zero."""
    for v in (eq.regular(eq.group("C4")), eq.regular(eq.group("D4")), eq.defining(eq.group("S4"))):
        matrix = np.abs(eq.decompose(v).matrix)
        assert not ((matrix > 0) & (matrix < 1e-6)).any() and (matrix == 0).any()


def test_wide_fields_need_no_wide_algebra(monkeypatch: pytest.MonkeyPatch) -> None:
    v = 96 * eq.regular(eq.group("D4"))
    dims: list[int] = []
    original = room.Letters.of
    monkeypatch.setattr(room.Letters, "of", staticmethod(lambda rep: dims.append(rep.dim) or original(rep)))
    for cached in (room._decompose, room._atom, room._letters):
        cached.cache_clear()
    found = eq.decompose(v)
    assert max(dims) == 8 and "matrix" not in vars(found)
    assert_decomposes(v)
    assert found.multiplicities[eq.irrep(v.group, "E1")] == 192


def test_values_are_decomposed_once() -> None:
    assert eq.decompose(eq.regular(eq.group("D4"))) is eq.decompose(eq.regular(eq.group("D4")))
    assert decompose_function is eq.decompose
    with pytest.raises(ValueError, match="read-only"):
        eq.decompose(eq.regular(eq.group("D4"))).matrix[0, 0] = 1.0


def test_the_empty_representation() -> None:
    found = eq.decompose(0 * eq.defining(eq.group("D4")))
    assert found.matrix.shape == (0, 0) and not found.multiplicities and found.residual == 0.0


# Residuals


@pytest.mark.parametrize("size", [1e-13, 1e-11, 1e-10])
def test_the_residual_sees_inexact_images(size: float) -> None:
    v = eq.regular(eq.group("S3"))
    noise = size * np.random.default_rng(0).standard_normal(v.images.discrete.shape)
    found = eq.decompose(eq.representation(v.group, v.images.discrete + noise))
    assert size / 10 < found.residual < 100 * size


def test_images_too_inexact_are_refused() -> None:
    v = eq.regular(eq.group("S3"))
    noise = 6e-9 * np.random.default_rng(0).standard_normal(v.images.discrete.shape)
    with pytest.raises(NotCertified):
        eq.decompose(eq.representation(v.group, v.images.discrete + noise))


# Groups that cannot be listed


def test_rubiks_cube() -> None:
    """Eleven edge flips and so on: 9 maps commute with the facelets, as their orbits on pairs say."""
    group = eq.group("Rubik")
    v = eq.defining(group)
    found = eq.decompose(v)
    assert [irrep.dim for irrep in found.multiplicities] == [1, 7, 11, 12, 16]
    assert sum(m * m * irrep.end_dim for irrep, m in found.multiplicities.items()) == 9
    assert_decomposes(v)
    turned = eq.representation(group, rotation(48, 3) @ v.images.discrete @ rotation(48, 3).T)
    assert_decomposes(turned)
    assert eq.decompose(turned).rep == found.rep
    assert_decomposes(eq.trivial(group) + 2 * turned)
    assert is_canonical(found.rep, found.matrix)


def test_fifty_points() -> None:
    found = eq.decompose(eq.defining(eq.group("S50")))
    assert str(found.rep) == "[50] + [49,1]" and found.residual < EXACT


def test_unlisted_irreps_agree_with_listed_ones() -> None:
    from equilayers.representations.unlisted import unlisted_maps

    for name in ("Q8", "A4", "A5"):
        v = eq.regular(eq.group(name)) if name != "A5" else eq.defining(eq.group(name)) @ eq.defining(eq.group(name))
        split = {(i.dim, i.type, maps.shape[-1]) for i, maps in unlisted_maps(v).items()}
        listed = {(i.dim, i.type, m * i.end_dim) for i, m in eq.decompose(v).multiplicities.items()}
        assert split == listed and len(unlisted_maps(v)) == len(eq.decompose(v).multiplicities)


# Refusals


class Heisenberg(MatrixGroup):
    def generators(self) -> Generators:
        e = np.eye(3)
        return Generators(lie=[np.outer(e[0], e[1]), np.outer(e[1], e[2]), np.outer(e[0], e[2])])


class Positive(MatrixGroup):
    """The positive numbers."""

    def generators(self) -> Generators:
        return Generators(lie=[[[1.0]]])


def test_groups_without_complements_are_refused() -> None:
    with pytest.raises(NotCertified, match="closed under transpose"):
        eq.decompose(eq.defining(Heisenberg()))


def test_what_does_not_split_is_refused() -> None:
    def shear(g: torch.Tensor) -> torch.Tensor:
        out = torch.eye(2, dtype=g.dtype).expand(*g.shape[:-2], 2, 2).clone()
        out[..., 0, 1] = g[..., 0, 0].log()
        return out

    with pytest.raises(NotCertified, match="do not fill"):
        eq.decompose(eq.representation(Positive(), lie=[[[0.0, 1.0], [0.0, 0.0]]], function=shear))
