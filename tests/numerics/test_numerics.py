"""Laws of the leaf room, against scipy-free oracles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from equilayers.errors import NotCertified
from equilayers.numerics import (
    canonical_basis,
    canonical_basis_commuting,
    expm,
    hashed_numbers,
    null_space,
    orbit_labels,
    signed_orbit_labels,
)


def random_subspace(rng: np.random.Generator, n: int, k: int) -> np.ndarray:
    return np.linalg.qr(rng.normal(size=(n, k)))[0]


@pytest.mark.parametrize(("n", "k"), [(3, 1), (6, 2), (9, 4), (12, 12), (5, 0)])
def test_canonical_basis_depends_on_the_subspace_only(rng: np.random.Generator, n: int, k: int) -> None:
    subspace = random_subspace(rng, n, k)
    first = canonical_basis(subspace)
    for _ in range(5):
        turned = canonical_basis(subspace @ random_subspace(rng, k, k))
        assert np.abs(turned - first).max(initial=0) < 1e-12
    assert np.allclose(first.T @ first, np.eye(k), atol=1e-12)
    assert np.allclose(first @ first.T, subspace @ subspace.T, atol=1e-12)


def test_a_tie_breaks_the_rule_of_the_largest_row_but_not_ours(rng: np.random.Generator) -> None:
    """The null space of a symmetric problem has rows of equal norm; rounding must not choose among them."""
    ties = np.kron(np.eye(2), np.ones((3, 1))) / np.sqrt(3)

    def largest_row(basis: np.ndarray) -> np.ndarray:  # the broken twin
        first = int(np.argmax((basis * basis).sum(1)))
        q = basis[first] / np.linalg.norm(basis[first])
        other = np.array([-q[1], q[0]])
        return basis @ np.stack([q, other], 1)

    ours, twins = [], []
    for _ in range(40):
        noisy = ties @ random_subspace(rng, 2, 2) * (1 + 1e-15 * rng.normal(size=(6, 1)))
        ours.append(canonical_basis(noisy))
        twins.append(largest_row(noisy))
    assert max(np.abs(b - ours[0]).max() for b in ours) < 1e-12
    assert max(np.abs(b - twins[0]).max() for b in twins) > 0.1


def test_units_are_deflated_together(rng: np.random.Generator) -> None:
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    unit = np.kron(np.eye(2), turn)
    subspace = random_subspace(rng, 10, 4)
    first = canonical_basis_commuting(subspace, [unit])
    complex_gauge = np.kron(random_subspace(rng, 2, 2), np.eye(2)) @ np.kron(np.eye(2), expm(0.7 * turn))
    second = canonical_basis_commuting(subspace @ complex_gauge, [complex_gauge.T @ unit @ complex_gauge])
    assert np.abs(first - second).max() < 1e-12


@given(st.integers(2, 7), st.integers(0, 4), st.integers(0, 10**6))
def test_null_space_finds_the_planted_dimension(n: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    k = min(k, n)
    planted = random_subspace(rng, n, n)
    matrix = rng.normal(size=(n + 3, n - k)) @ planted[:, k:].T
    found = null_space(matrix)
    assert found.dim == k
    assert np.abs(matrix @ found.basis).max(initial=0) < 1e-12 * max(1.0, np.abs(matrix).max(initial=0)) * n


def test_null_space_refuses_without_a_gap() -> None:
    with pytest.raises(NotCertified, match="no gap"):
        null_space(np.diag([1.0, 1e-9, 0.5e-10]))
    with pytest.raises(NotCertified, match="finite"):
        null_space(np.array([[np.nan, 1.0]]))


@given(arrays(np.float64, (3, 3), elements=st.floats(-3, 3)))
def test_expm_solves_its_equation(a: np.ndarray) -> None:
    assert np.allclose(expm(a) @ expm(-a), np.eye(3), atol=1e-8)
    assert np.allclose(expm(2 * a), expm(a) @ expm(a), rtol=1e-10, atol=1e-10)
    assert np.isclose(np.linalg.det(expm(a)), np.exp(np.trace(a)), rtol=1e-9)


def brute_force_orbits(permutations: np.ndarray) -> list[frozenset[int]]:
    remaining, orbits = set(range(permutations.shape[1])), []
    while remaining:
        orbit = {min(remaining)}
        while True:
            grown = orbit | {int(p[i]) for p in permutations for i in orbit}
            if grown == orbit:
                break
            orbit = grown
        orbits.append(frozenset(orbit))
        remaining -= orbit
    return orbits


@given(st.integers(1, 8).flatmap(lambda n: st.lists(st.permutations(range(n)), min_size=1, max_size=3)))
def test_orbits_agree_with_closure(permutations: list[list[int]]) -> None:
    array = np.array(permutations)
    labels, count = orbit_labels(array)
    expected = brute_force_orbits(array)
    assert count == len(expected)
    assert [frozenset(np.flatnonzero(labels == k).tolist()) for k in range(count)] == expected


@given(
    st.integers(1, 6).flatmap(
        lambda n: st.lists(
            st.tuples(st.permutations(range(n)), st.lists(st.sampled_from([-1, 1]), min_size=n, max_size=n)),
            min_size=1,
            max_size=3,
        )
    )
)
def test_signed_orbits_span_the_invariants(generators: list[tuple[list[int], list[int]]]) -> None:
    permutations, signs = np.array([p for p, _ in generators]), np.array([s for _, s in generators])
    labels, sign, count = signed_orbit_labels(permutations, signs)
    n = permutations.shape[1]
    matrices = np.zeros((len(permutations), n, n))
    for m, p, s in zip(matrices, permutations, signs, strict=True):
        m[p, np.arange(n)] = s
    constraint = np.concatenate([m - np.eye(n) for m in matrices])
    assert count == n - np.linalg.matrix_rank(constraint)
    for k in range(count):
        vector = np.where(labels == k, sign, 0)
        assert np.abs(constraint @ vector).max() == 0
        assert vector[np.flatnonzero(vector)[0]] == 1


def test_hashed_numbers_are_fixed_and_spread() -> None:
    numbers = hashed_numbers("a name", 4000)
    assert hashed_numbers("a name", 3).tolist() == [float(x) for x in numbers[:3]]
    assert np.abs(numbers).max() < 1 and abs(numbers.mean()) < 0.05 and abs(numbers.var() - 1 / 3) < 0.02
    assert not np.array_equal(numbers[:5], hashed_numbers("another", 5))
