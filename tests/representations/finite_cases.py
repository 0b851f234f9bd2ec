"""Groups by their generators alone, for the finder of irreps; run as a script it writes what it finds."""

from __future__ import annotations

import sys
from itertools import product

import numpy as np
import torch

import equilayers as eq
from equilayers.groups import FiniteGroup
from equilayers.representations.finite_irreps import Listed, derive


def _cycles(n: int, *cycles: tuple[int, ...]) -> list[int]:
    p = list(range(n))
    for cycle in cycles:
        for k, point in enumerate(cycle):
            p[point] = cycle[(k + 1) % len(cycle)]
    return p


def _linear(matrices: list[np.ndarray], q: int) -> np.ndarray:
    """The action on the non-zero vectors of a plane over F_q."""
    vectors = [v for v in product(range(q), repeat=2) if any(v)]
    return np.array([[vectors.index(tuple(m @ np.array(v) % q)) for v in vectors] for m in matrices])


def groups() -> dict[str, FiniteGroup]:
    """D4 to Q8 as shipped; the rest as a user would give them."""
    named = {name: eq.group(name) for name in ("D4", "C8", "D5", "S3", "S4", "O", "Q8")}
    shear, turn = np.array([[1, 1], [0, 1]]), np.array([[0, -1], [1, 0]])
    given = {
        "F21": [_cycles(7, tuple(range(7))), [2 * k % 7 for k in range(7)]],
        "SL(2,3)": _linear([shear, turn], 3),
        "A5": [_cycles(5, (0, 1, 2)), _cycles(5, (0, 1, 2, 3, 4))],
        "PSL(2,7)": [_cycles(7, (0, 1, 2, 3, 4, 5, 6)), _cycles(7, (1, 2), (3, 6))],
        "M11": [_cycles(11, tuple(range(11))), _cycles(11, (2, 6, 10, 7), (3, 9, 4, 5))],
    }
    return {**named, **{name: FiniteGroup.from_permutations(p, name=name) for name, p in given.items()}}


SMALL = ("D4", "C8", "D5", "S3", "S4", "O", "Q8", "F21", "SL(2,3)", "A5", "PSL(2,7)")


def deviation(first: Listed, second: Listed) -> float:
    """Largest difference of generator images; infinite where labels or types differ."""
    if [entry[:2] for entry in first] != [entry[:2] for entry in second]:
        return float("inf")
    return max(
        float(np.abs(a - b).max()) if a.shape == b.shape else float("inf")
        for (_, _, a), (_, _, b) in zip(first, second, strict=True)
    )


if __name__ == "__main__":
    path, source, seed, threads, *names = sys.argv[1:]
    torch.set_num_threads(int(threads))
    torch.manual_seed(int(seed))
    everything = groups()
    found = {name: derive(everything[name], source, int(seed), anchored=False) for name in names}
    np.savez(path, **{f"{name} {k} {kind}": m for name, ms in found.items() for k, (_, kind, m) in enumerate(ms)})
