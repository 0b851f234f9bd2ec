"""How long ``eq.hom`` and ``kernel_space`` take from nothing: every measurement in a fresh process.

Two tables: against a budget, and against the field. EMLP no longer solves these problems on current dependencies, so
its figures (CPU seconds, one thread, of a field study on such a machine) stand beside ours; where it never could, the
figure of a prototype that knew the structure.

    python benchmarks/solver.py [--processes 7] [--out benchmarks/results/solver.json]

Wall and CPU time with caches empty, on one thread, the group and its representations included; medians over the
processes. Modules that load on first use are loaded before the clock starts and timed on their own; the CPU time of
kernels is judged with them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from statistics import median

import numpy as np
import torch
from common import RESULTS, ROOT, write

import equilayers as eq


def cube() -> int:
    V = eq.defining(eq.group("Rubik"))
    return eq.hom(V, V).dim


def powers(name: str, k: int, l: int) -> Callable[[], int]:
    """The dimension of Hom(T_k, T_l) between tensor powers of the defining representation."""

    def run() -> int:
        V = eq.defining(eq.group(name))
        tensor = [eq.trivial(V.group), V]
        while len(tensor) <= max(k, l):
            tensor.append(tensor[-1] @ V)
        return eq.hom(tensor[k], tensor[l]).dim

    return run


def regular(copies: int) -> int:
    V = copies * eq.regular(eq.group("D4"))
    return eq.hom(V, V).dim


def kernels() -> int:
    V = eq.regular(eq.group("D8"))
    return eq.intertwiners.kernel_space(V, V, (7, 7)).dim


@cache
def mixed_tensors() -> eq.representations.Representation:
    """Complex tensors of SU(3) with two upper indices and a lower one, as real matrices given by a user."""
    G = eq.group("SU(3)")
    a = torch.complex(*(torch.tensor(G.lie_basis[:, rows, :3]) for rows in (slice(3), slice(3, 6)))).numpy()
    one = np.eye(3)
    lie = [
        np.kron(np.kron(x, one), one) + np.kron(np.kron(one, x), one) + np.kron(np.kron(one, one), x.conj()) for x in a
    ]
    return eq.representation(G, lie=[np.block([[x.real, -x.imag], [x.imag, x.real]]) for x in lie])


# Name: what runs, the number of maps it must find, and the seconds of wall time (CPU time for kernels) it may take.
CASES: dict[str, tuple[Callable[[], int], int, float]] = {
    "Rubik's cube, 48 facelets, V -> V": (cube, 9, 0.1),
    "SO(3), T3 -> T3": (powers("SO(3)", 3, 3), 15, 0.1),
    "SO(3), T4 -> T4": (powers("SO(3)", 4, 4), 91, 1.0),
    "SO(1,3), T2 -> T2": (powers("SO(1,3)", 2, 2), 4, 0.1),
    "SU(3), T2 -> T2": (powers("SU(3)", 2, 2), 12, 0.1),
    "S8, T3 -> T3 (262144 unknowns)": (powers("S8", 3, 3), 203, 1.0),
    "S8, 1 -> T6 (262144 dimensions)": (powers("S8", 0, 6), 203, 1.0),
    "D4, 96 regular -> 96 regular, factorised": (lambda: regular(96), 73_728, 0.1),
    "D8, regular -> regular, 7x7 kernels": (kernels, 448, 0.3),
}

# Name: what runs, the number of maps, EMLP's CPU seconds or None, a prototype's CPU seconds.
FIELD: dict[str, tuple[Callable[[], int], int, float | None, float]] = {
    "field: SO(3), T3 -> T3": (powers("SO(3)", 3, 3), 15, 1.8, 0.005),
    "field: SU(3), complex T(2,1) -> T(2,1)": (lambda: eq.hom(mixed_tensors(), mixed_tensors()).dim, 12, 8.2, 0.002),
    "field: SO(5), T2 -> T2": (powers("SO(5)", 2, 2), 3, 3.7, 0.002),
    "field: SO+(1,3), T3 -> T2": (powers("SO+(1,3)", 3, 2), 0, 5.4, 0.001),
    "field: S5, T2 -> T2": (powers("S5", 2, 2), 15, 2.2, 0.0006),
    "field: S8, T3 -> T3": (powers("S8", 3, 3), 203, None, 0.03),
    "field: Rubik's cube, V -> V": (cube, 9, 2.6, 0.002),
    "field: SO+(1,3), 1 -> T6": (powers("SO+(1,3)", 0, 6), 25, None, 0.04),
    "field: SO(5), 1 -> T6": (powers("SO(5)", 0, 6), 15, None, 0.6),
    "field: SO(3), 1 -> T8": (powers("SO(3)", 0, 8), 91, None, 0.7),
    "field: Sp(4), 1 -> T6": (powers("Sp(4)", 0, 6), 14, None, 0.03),
}
FASTER = 100  # than EMLP
BEFORE = {"field: SU(3), complex T(2,1) -> T(2,1)": mixed_tensors}  # made, and its brackets checked, off the clock


def measure(name: str) -> dict[str, float]:
    """One case, once, in this process."""
    torch.set_num_threads(1)
    run, expected, *_ = (CASES | FIELD)[name]
    loading = time.process_time()
    _ = eq.group, eq.hom, eq.regular, eq.intertwiners
    loading = time.process_time() - loading
    if name in BEFORE:
        BEFORE[name]()
    start, cpu = time.perf_counter(), time.process_time()
    found = run()
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    if found != expected:
        raise SystemExit(f"{name}: {found} maps instead of {expected}")
    return {"wall": wall, "cpu": cpu, "loading_cpu": loading}


def in_fresh_processes(name: str, processes: int) -> dict[str, object]:
    environment = os.environ | {
        "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)
    }  # fmt: skip
    command = [sys.executable, str(Path(__file__).resolve()), "--case", name]
    runs = [
        json.loads(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
        for _ in range(processes)
    ]
    clock = "cpu with loading" if "kernels" in name else "cpu" if name in FIELD else "wall"
    row: dict[str, object] = {"case": name, "maps": (CASES | FIELD)[name][1]}
    if name in FIELD:
        *_, emlp, prototype = FIELD[name]
        row |= {"emlp_cpu_s": emlp, "prototype_cpu_s": prototype}
        limit = prototype if emlp is None else round(emlp / FASTER, 4)
    else:
        limit = CASES[name][2]
    row |= {"limit_s": limit, "limit_on": clock}
    for key in ("wall", "cpu", "loading_cpu"):
        values = [run[key] for run in runs]
        row |= {f"{key}_median_s": round(median(values), 4), f"{key}_max_s": round(max(values), 4)}
    loading = clock == "cpu with loading"
    row["within"] = median(run[clock.split()[0]] + loading * run["loading_cpu"] for run in runs) <= limit
    if name in FIELD and row["emlp_cpu_s"] is not None:
        row["times_faster_than_emlp"] = round(FIELD[name][2] / median(run["cpu"] for run in runs))
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=7)
    parser.add_argument("--case", choices=CASES | FIELD)
    parser.add_argument("--out", type=Path, default=RESULTS / "solver.json")
    options = parser.parse_args()
    if options.case:
        print(json.dumps(measure(options.case)))
        return
    rows = []
    for name in CASES | FIELD:
        rows.append(in_fresh_processes(name, options.processes))
        row = rows[-1]
        times = f"{row['wall_median_s']:8.3f} s wall {row['cpu_median_s']:8.3f} s CPU"
        print(f"{name:<42} {times}, {row['limit_s']} s allowed")
    what = "hom and kernel_space after import, caches empty, one thread; medians of fresh processes"
    write(options.out, what, rows, processes=options.processes)


if __name__ == "__main__":
    main()
