"""CPU time of the first objects in a fresh process, after ``import equilayers``, and of that import beyond ``import
torch``.

    python benchmarks/cold_start.py [--rounds 7] [--out benchmarks/results/cold_start.json]

Every figure is a fresh process with empty caches; modules that load on the way are included.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from common import RESULTS, write

BEFORE = "import time, torch; start = time.process_time()"
AFTER = "import time, torch, equilayers as eq; start = time.process_time()"
CASES = {  # name: (setup, what is timed, most seconds)
    "import equilayers, beyond torch": (BEFORE, "import equilayers", 0.1),
    "Conv2d over D8 regular, 7x7": (
        AFTER,
        'V = eq.regular(eq.group("D8")); eq.layers.Conv2d(V, V, 7, padding=3)',
        0.3,
    ),
    'eq.group("I") with all irreps': (AFTER, 'eq.irreps(eq.group("I"))', 0.3),
    "Conv2d over C4 regular, 3x3": (
        AFTER,
        'V = eq.regular(eq.group("C4")); eq.layers.Conv2d(V, V, 3, padding=1)',
        None,
    ),
    "Linear over D4 regular, width 768": (
        AFTER,
        'V = 96 * eq.regular(eq.group("D4")); eq.layers.Linear(V, V)',
        None,
    ),
}
END = "; print(time.process_time() - start)"


def fresh(setup: str, timed: str) -> float:
    """Seconds of CPU time in a process of its own with an empty cache folder."""
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "XDG_CACHE_HOME": cache, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [sys.executable, "-c", setup + "; " + timed + END],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
    return float(done.stdout.split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=RESULTS / "cold_start.json")
    options = parser.parse_args()
    seconds: dict[str, list[float]] = {name: [] for name in CASES}
    for _ in range(options.rounds):  # interleaved
        for name, (setup, timed, _limit) in CASES.items():
            seconds[name].append(fresh(setup, timed))
    results = {}
    for name, (_, timed, limit) in CASES.items():
        row = {"timed": timed, "min_s": round(min(seconds[name]), 4), "median_s": round(median(seconds[name]), 4)}
        results[name] = row | {"target_s": limit}
        print(f"{name:<36} {row['min_s']:.3f} s (median {row['median_s']:.3f}), at most {limit}")
    write(options.out, "CPU seconds in a fresh process", results)


if __name__ == "__main__":
    main()
