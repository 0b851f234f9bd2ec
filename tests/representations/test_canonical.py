"""The canonical form is a function of the class alone; every wrong rule of the same kind is noticed."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import equilayers as eq
from equilayers.errors import NotCertified
from equilayers.groups import FiniteGroup
from equilayers.numerics import canonical_basis, null_space
from equilayers.representations import canonical_images
from equilayers.representations.finite_irreps import Listed, derive
from equilayers.representations.levels import in_order
from equilayers.representations.representation import unit_matrices
from equilayers.representations.splitting import end_dim, split

_spec = importlib.util.spec_from_file_location("finite_cases", Path(__file__).with_name("finite_cases.py"))
finite_cases = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(finite_cases)
SMALL, deviation, CASES = finite_cases.SMALL, finite_cases.deviation, finite_cases.groups()

SAME = 1e-10
END_DIM = {"real": 1, "complex": 2, "quaternionic": 4}



def empty(d: int) -> np.ndarray:
    return np.zeros((0, d, d))


@pytest.fixture(scope="module")
def reference() -> dict[str, Listed]:
    return {name: derive(CASES[name], "permutation", 0, anchored=False) for name in SMALL}


@pytest.mark.parametrize("name", SMALL)
def test_sources_and_seeds_find_one_form(name: str, reference: dict[str, Listed]) -> None:
    for source, seed in (("regular", 0), ("regular", 3), ("permutation", 5), ("any", 7)):
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002  (the global stream must not matter)
        assert deviation(reference[name], derive(CASES[name], source, seed, anchored=False)) < SAME


@pytest.mark.slow
def test_two_sources_of_m11_find_one_form() -> None:
    first = derive(CASES["M11"], "permutation", 0, anchored=False)
    assert sorted(m.shape[-1] for _, _, m in first) == [1, 10, 11, 20, 32, 44, 45, 55]
    assert deviation(first, derive(CASES["M11"], "permutation", 4, anchored=False)) < SAME
    assert deviation(first, derive(CASES["M11"], "regular", 1, anchored=False)) < SAME


def run_elsewhere(path: Path, source: str, seed: int, threads: int, names: tuple[str, ...]) -> None:
    script = Path(__file__).with_name("finite_cases.py")
    number = str(threads)
    environment = {**os.environ, "PYTHONHASHSEED": str(seed), "OMP_NUM_THREADS": number, "OPENBLAS_NUM_THREADS": number}
    environment["PYTHONPATH"] = os.pathsep.join([str(Path(eq.__file__).parents[1]), environment.get("PYTHONPATH", "")])
    command = [sys.executable, str(script), str(path), source, str(seed), number, *names]
    subprocess.run(command, check=True, env=environment, timeout=300)


def elsewhere_deviates(path: Path, expected: dict[str, Listed]) -> float:
    with np.load(path) as stored:
        keys = {f"{name} {k} {kind}" for name, found in expected.items() for k, (_, kind, _) in enumerate(found)}
        assert set(stored.files) == keys
        return max(
            float(np.abs(stored[f"{name} {k} {kind}"] - m).max())
            for name, found in expected.items()
            for k, (_, kind, m) in enumerate(found)
        )


def test_another_process_with_other_threads_and_hash_seed_agrees(
    tmp_path: Path, reference: dict[str, Listed]
) -> None:
    names = ("C8", "S4", "Q8", "F21", "SL(2,3)", "A5")  # all types; all groups in the slow test below
    run_elsewhere(tmp_path / "found.npz", "regular", 11, 2, names)
    assert elsewhere_deviates(tmp_path / "found.npz", {name: reference[name] for name in names}) < SAME


@pytest.mark.slow
@pytest.mark.parametrize(("source", "seed", "threads"), [("permutation", 1, 1), ("any", 2, 2), ("regular", 3, 1)])
def test_every_process_agrees(
    tmp_path: Path, reference: dict[str, Listed], source: str, seed: int, threads: int
) -> None:
    run_elsewhere(tmp_path / "found.npz", source, seed, threads, (*SMALL, "M11"))
    m11 = derive(CASES["M11"], "permutation", 0, anchored=False)
    assert elsewhere_deviates(tmp_path / "found.npz", {**reference, "M11": m11}) < SAME


@pytest.mark.parametrize("name", SMALL)
def test_scrambled_copies_return_in_standard_form(name: str, reference: dict[str, Listed]) -> None:
    rng = np.random.default_rng(0)
    for _, kind, images in reference[name]:
        d, c = images.shape[-1], END_DIM[kind]
        turn = np.linalg.qr(rng.normal(size=(d, d)))[0]
        result = canonical_images(empty(d), turn.T @ images @ turn, c)
        assert np.abs(result.discrete - images).max() < SAME and result.margin > 1e-9
        assert np.abs(result.basis.T @ result.basis - np.eye(d)).max() < 1e-12
        assert np.abs(result.basis.T @ (turn.T @ images @ turn) @ result.basis - images).max() < SAME
        for unit in unit_matrices(c):
            end = np.kron(unit, np.eye(d // c))
            assert np.abs(end @ images - images @ end).max() < 1e-12


@pytest.mark.parametrize(("name", "type_"), [("SO(3)", 1), ("SO(2)", 2), ("SU(2)", 4), ("SO(1,3)", 1), ("SO+(1,3)", 1)])
def test_lie_groups_compact_or_closed_under_transpose(name: str, type_: int) -> None:
    images = eq.defining(eq.group(name)).images
    d, rng = images.lie.shape[-1], np.random.default_rng(1)
    assert end_dim(images.lie, images.discrete) == type_
    expected = canonical_images(images.lie, images.discrete, type_)
    for _ in range(3):
        turn = np.linalg.qr(rng.normal(size=(d, d)))[0]
        again = canonical_images(turn.T @ images.lie @ turn, turn.T @ images.discrete @ turn, type_)
        assert np.abs(again.lie - expected.lie).max() < SAME
        assert np.abs(again.discrete - expected.discrete).max(initial=0) < SAME


def test_lorentz_tensors_split_by_orthogonal_bases() -> None:
    V = eq.defining(eq.group("SO(1,3)"))
    images = (V @ V).images
    parts = split(images.lie, images.discrete)
    assert sorted(p.shape[1] for p in parts) == [1, 6, 9]
    whole = np.concatenate(parts, axis=1)
    assert np.abs(whole.T @ whole - np.eye(16)).max() < 1e-12


@pytest.mark.parametrize("name", SMALL)
def test_split_agrees_with_characters(name: str) -> None:
    G = CASES[name]
    V = eq.regular(G) if G.order < 100 else eq.defining(G) @ eq.defining(G)
    parts = split(V.images.lie, V.images.discrete)
    listed = {i.dim: i for i in eq.irreps(G)}
    assert sum(p.shape[1] for p in parts) == V.dim and {p.shape[1] for p in parts} <= set(listed)
    chi = eq.character(V)
    assert len(parts) == sum(chi.inner(eq.character(i)) // i.end_dim for i in eq.irreps(G))


# Broken twins


def test_reducible_images_and_wrong_types_are_refused(reference: dict[str, Listed]) -> None:
    real = next(m for _, kind, m in reference["Q8"] if kind == "real")
    four = next(m for _, kind, m in reference["Q8"] if kind == "quaternionic")
    double = np.array([np.kron(np.eye(2), m) for m in four])
    assert end_dim(empty(8), double) is None and end_dim(empty(4), four) == 4 and end_dim(empty(1), real) == 1
    for images, claimed in ((double, 4), (double, 1), (four, 1), (four, 2)):
        with pytest.raises(NotCertified):
            canonical_images(empty(images.shape[-1]), images, claimed)



def pivot_argmax(N: np.ndarray) -> np.ndarray:
    """The obvious rule, which exact ties break."""
    R, T = N.copy(), []
    for _ in range(N.shape[1]):
        i = int((R * R).sum(1).argmax())
        q = R[i] / np.linalg.norm(R[i])
        T.append(q)
        R = R - np.outer(R @ q, q)
    return N @ np.array(T).T


def hom_space(name: str) -> np.ndarray:
    """An orthonormal basis of Hom(V x V, V x V + V), from the equations."""
    G = CASES[name]
    V = eq.irreps(G)[-1] if name == "F21" else eq.defining(G)
    source = V if name == "F21" else V @ V
    target = V if name == "F21" else V @ V + V
    a, b = source.images.discrete, target.images.discrete
    pairs = zip(a, b, strict=True)
    rows = [np.kron(y, np.eye(a.shape[-1])) - np.kron(np.eye(b.shape[-1]), x.T) for x, y in pairs]
    return null_space(np.concatenate(rows)).basis


def gauge_deviation(rule, N: np.ndarray, turns: int = 6) -> float:  # type: ignore[no-untyped-def]
    rng, expected = np.random.default_rng(2), rule(N)
    k = N.shape[1]
    turned = [rule(N @ np.linalg.qr(rng.normal(size=(k, k)))[0]) for _ in range(turns)]
    return max(float(np.abs(t - expected).max()) for t in turned)


@pytest.mark.parametrize("name", ["D4", "C8", "D5", "S3", "S4", "O", "F21", "Q8"])
def test_bases_of_maps_do_not_depend_on_the_gauge(name: str) -> None:
    assert gauge_deviation(canonical_basis, hom_space(name)) < SAME


def test_twin_argmax_pivot_is_noticed() -> None:
    assert sum(gauge_deviation(pivot_argmax, hom_space(name)) > 1e-3 for name in ("D4", "C8", "S4", "O", "Q8")) >= 3


def test_twin_threshold_one_half_is_noticed() -> None:
    worst = [gauge_deviation(lambda N: canonical_basis(N, 0.5), hom_space(n), 40) for n in ("S3", "S4")]
    assert max(worst) > 1e-3


def test_twin_sign_by_largest_entry_is_noticed() -> None:
    """Eigenvectors of Q8's regular module have entries of equal size; noise of 1e-15 picks the largest."""
    s = eq.regular(CASES["Q8"]).images.discrete
    a = sum(c * (m + m.T) for c, m in zip((1.0, 0.7), s, strict=True))
    values, vectors = np.linalg.eigh(a)
    simple = [k for k in range(8) if np.abs(np.delete(values, k) - values[k]).min() > 1e-6]
    rng, flips = np.random.default_rng(3), 0
    for k in simple:
        signs = set()
        for _ in range(40):
            v = vectors[:, k] * rng.choice([-1.0, 1.0]) + 1e-15 * rng.normal(size=8)
            signs.add(bool((v * np.sign(v[np.abs(v).argmax()]))[0] > 0))
        flips += len(signs) == 2
    assert flips


def test_twin_reversed_complex_unit_is_noticed(reference: dict[str, Listed]) -> None:
    for name in ("C8", "F21", "SL(2,3)"):
        for k, (label, kind, images) in enumerate(reference[name]):
            if kind != "complex":
                continue
            flip = np.kron(np.diag([1.0, -1.0]), np.eye(images.shape[-1] // 2))
            twin = [*reference[name]]
            twin[k] = (label, kind, flip @ images @ flip)
            assert deviation(twin, reference[name]) > 1e-3
            again = canonical_images(empty(len(flip)), twin[k][2], 2)
            assert np.abs(again.discrete - images).max() < SAME


def test_twin_rotated_quaternionic_frame_is_noticed(reference: dict[str, Listed]) -> None:
    cycle = np.eye(4)[:, [0, 2, 3, 1]]  # i to j to k to i: an automorphism of H, which keeps the commutant's form
    for name in ("Q8", "SL(2,3)"):
        k, images = next((k, m) for k, (_, kind, m) in enumerate(reference[name]) if kind == "quaternionic")
        turn = np.kron(cycle, np.eye(images.shape[-1] // 4))
        twin = [*reference[name]]
        twin[k] = (*twin[k][:2], turn.T @ images @ turn)
        for unit in unit_matrices(4):
            end = np.kron(unit, np.eye(images.shape[-1] // 4))
            assert np.abs(end @ twin[k][2] - twin[k][2] @ end).max() < 1e-12
        assert deviation(twin, reference[name]) > 1e-3
        assert np.abs(canonical_images(empty(len(turn)), twin[k][2], 4).discrete - images).max() < SAME


def test_twin_swapped_conjugates_of_a5_are_noticed(reference: dict[str, Listed]) -> None:
    found = reference["A5"]
    at = [k for k, (_, _, m) in enumerate(found) if m.shape[-1] == 3]
    twin = [*found]
    for k, other in (at, at[::-1]):
        twin[k] = (*found[k][:2], found[other][2])
    assert deviation(twin, found) > 1e-3
    irreps = [eq.representations.Irrep.from_images(CASES["A5"], *f[:2], empty(f[2].shape[-1]), f[2]) for f in twin]
    order = in_order(irreps, [eq.character(i).values.tolist() for i in irreps])
    assert [i.label for i in order] != [f[0] for f in found]


def test_reordered_generators_are_another_description() -> None:
    p = CASES["A5"].permutation_generators
    reordered = FiniteGroup.from_permutations(p[::-1], name="A5")
    assert reordered.fingerprint != CASES["A5"].fingerprint


def test_the_margins_are_recorded_and_wide(reference: dict[str, Listed]) -> None:
    margins = [
        canonical_images(empty(m.shape[-1]), m, END_DIM[kind]).margin
        for found in reference.values()
        for _, kind, m in found
        if m.shape[-1] > 1
    ]
    assert len(margins) == 28 and min(margins) > 1e-6
