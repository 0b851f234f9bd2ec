"""How long ``eq.hom`` and ``kernel_space`` take from nothing: every measurement in a fresh process.

    python benchmarks/solver.py [--processes 7] [--out benchmarks/results/solver.json]

Wall and CPU time with caches empty, on one thread, the group and its representations included; medians over the
processes. Modules that load on first use are loaded before the clock starts and timed on their own; the CPU time of
kernels is judged with them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import torch

import equilayers as eq

ROOT = Path(__file__).resolve().parent.parent


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


def measure(name: str) -> dict[str, float]:
    """One case, once, in this process."""
    torch.set_num_threads(1)
    run, expected, _ = CASES[name]
    loading = time.process_time()
    _ = eq.group, eq.hom, eq.regular, eq.intertwiners
    start, cpu = time.perf_counter(), time.process_time()
    loading = cpu - loading
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
    _, maps, limit = CASES[name]
    clock = "cpu with loading" if "kernels" in name else "wall"
    row: dict[str, object] = {"case": name, "maps": maps, "limit_s": limit, "limit_on": clock}
    for key in ("wall", "cpu", "loading_cpu"):
        values = [run[key] for run in runs]
        row |= {f"{key}_median_s": round(median(values), 4), f"{key}_max_s": round(max(values), 4)}
    row["within"] = median(run["wall"] if clock == "wall" else run["cpu"] + run["loading_cpu"] for run in runs) <= limit
    return row


def machine() -> dict[str, object]:
    """With what, and on what kind of machine."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=ROOT, check=False)
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text().splitlines() if cpu.exists() else []
    models = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.processor(),
        "cpus": os.cpu_count(),
        "threads": 1,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "equilayers": eq.__version__,
        "commit": commit.stdout.strip(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=7)
    parser.add_argument("--case", choices=CASES)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "solver.json")
    options = parser.parse_args()
    if options.case:
        print(json.dumps(measure(options.case)))
        return
    rows = []
    for name in CASES:
        rows.append(in_fresh_processes(name, options.processes))
        row = rows[-1]
        times = f"{row['wall_median_s']:8.3f} s wall {row['cpu_median_s']:8.3f} s CPU"
        print(f"{name:<42} {times}, {row['limit_s']} s allowed")
    what = "hom and kernel_space after import, caches empty, one thread; medians of fresh processes"
    report = {"what": what, "processes": options.processes, "machine": machine(), "results": rows}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
