"""Everything that is derived from some groups, in an order of one's own and behind what may lead astray.

Run as ``python order.py SEED``: prints one line of JSON, a few numbers for each value.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import torch
from derivations import DERIVATIONS, derive

import equilayers as eq

ASKED = ("D4", "Swaps", "S4", "SO(3)", "SE(2)")


def sketch(value: Any) -> Any:
    """A text or a number as it is; a few weighted sums of an array."""
    if not isinstance(value, np.ndarray):
        return value if isinstance(value, str | int | float | bool | None) else str(value)
    flat = np.asarray(value, dtype=np.float64).ravel()
    weights = np.cos(np.outer(np.arange(1, 4), np.arange(flat.size)) + 0.5)
    return [*value.shape, *(weights @ flat / max(flat.size, 1) ** 0.5).tolist()]


def astray() -> None:
    """Equal or nearly equal groups of other names, other parents and other coordinates, used first."""
    turn, flip = eq.group("D4").discrete_generators.numpy()
    noise = 2e-10 * np.array([[0.3, -1.0], [0.7, 0.2]])
    for generators in ([turn + noise, flip], [flip, turn], [turn, flip]):
        G = eq.FiniteGroup.from_matrices(generators, name="D4")
        V = eq.defining(G)
        eq.hom(V, V).basis(), eq.irreps(G), eq.decompose(V @ V).matrix
    D8 = eq.group("D8")
    H = D8.subgroup(D8.compose(D8.discrete_generators[:1], D8.discrete_generators[:1]))
    eq.irreps(H), eq.induce(eq.trivial(H), D8).images
    points = np.arange(6)
    for name in ("Swaps", "other"):
        eq.irreps(eq.FiniteGroup.from_permutations([(points + 1) % 6, -points % 6], name=name))


def everything(seed: int) -> dict[str, list[Any]]:
    """Values by group and name, derived in an order drawn by the seed; 0 is that of the table, with nothing first."""
    pairs = [(of, name) for of in ASKED for name in DERIVATIONS]
    if seed:
        astray()
        np.random.default_rng(seed).shuffle(pairs)
    return {f"{of}/{name}": [sketch(value) for value in derive(name, of)] for of, name in pairs}


if __name__ == "__main__":
    torch.set_num_threads(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    print(json.dumps(everything(int(sys.argv[1]))))
