"""The committed result files: whole, consistent, and what the documentation makes of them. No time is asserted."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from importlib import import_module
from pathlib import Path

import pytest

import equilayers as eq

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
PUBLISHED = {  # Finzi, Welling, Wilson (2021): test MSE of EMLP
    "o5": {100: 0.041, 300: 0.034, 1000: 0.017, 30000: 0.027},
    "inertia": {100: 1.39, 1000: 0.128, 30000: 0.014},
    "lorentz": {100: 0.0086, 1000: 3.3e-4, 30000: 1.6e-4},
}


def read(name):
    return json.loads((RESULTS / f"{name}.json").read_text())


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return import_module


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*.json")), ids=lambda path: path.stem)
def test_every_file_says_what_was_measured_and_where(path):
    report = json.loads(path.read_text())
    assert report["what"] and report["results"]
    assert {"cpu", "cpus", "threads", "torch", "commit"} <= set(report["machine"])


# EMLP's regression tasks


def errors(runs, model):
    found = defaultdict(dict)
    for run in runs:
        if run["model"] == model:
            found[run["task"], run["n"]][run["seed"]] = run["test_mse"]
    return found


@pytest.mark.parametrize("model", ["EquivariantMLP", "InvariantScalars"])
def test_every_cell_of_the_suite_has_three_seeds(model):
    found = errors(read("emlp_suite")["results"]["runs"], model)
    assert set(found) == {(task, n) for task, cells in PUBLISHED.items() for n in cells}
    assert all(set(seeds) == {0, 1, 2} for seeds in found.values())


@pytest.mark.parametrize(("task", "n"), [(task, n) for task, cells in PUBLISHED.items() for n in cells])
def test_errors_are_at_most_those_published(task, n):
    results = read("emlp_suite")["results"]
    found = errors(results["runs"], "EquivariantMLP")[task, n].values()
    mean = math.prod(found) ** (1 / 3)
    assert mean <= PUBLISHED[task][n]
    (cell,) = (c for c in results["cells"] if (c["model"], c["task"], c["n"]) == ("EquivariantMLP", task, n))
    assert math.isclose(cell["geometric_mean"], mean) and cell["published"] == PUBLISHED[task][n] and cell["within"]


def test_both_networks_of_the_suite_are_exact():
    for run in read("emlp_suite")["results"]["runs"]:
        assert run["equivariance_error"] < 1e-5, run


def test_a_run_of_the_suite_depends_on_nothing_but_its_seed(script, monkeypatch):
    suite = script("emlp_suite")
    for name, value in {"VISITS": 2000, "VALIDATION": 50, "TEST": 50, "MEASURED": 8}.items():
        monkeypatch.setattr(suite, name, value)
    first, second, other = (suite.run("InvariantScalars", "o5", 100, seed) for seed in (0, 0, 1))
    assert first["test_mse"] == second["test_mse"] != other["test_mse"]


# The catalogue


def test_the_table_of_the_catalogue_is_what_the_checks_recorded(script):
    report = read("catalogue")
    assert [row["name"] for row in report["results"]] == [entry.name for entry in eq.groups.catalogue()]
    page = ROOT / "docs" / "reference" / "catalogue.md"
    assert page.read_text() == script("catalogue").page(report)


def test_the_checks_recorded_what_still_holds():
    for row in read("catalogue")["results"]:
        G = eq.group(row["name"])
        assert (G.order, G.lie_dim) == (row["order"], row["lie_dim"])
        assert min(row["laws"].values()) >= 10, row


def test_irreps_of_finite_groups_are_complete_and_fit_in_memory():
    report = read("catalogue")
    finite = [row for row in report["results"] if row["order"] is not None and row["order"] <= 10_000]
    assert len(finite) >= 60 and all(row["complete"] and sum(row["types"]) == row["irreps"] for row in finite)
    assert report["peak_memory_mb"] < 1000
