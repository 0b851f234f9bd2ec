"""Eight threads that ask for layers, intertwiners and irreps of many groups at once: run as ``python threads.py 2000``.

Prints one line of JSON: how many operations ran, the errors, and a few numbers of each answer.
"""

from __future__ import annotations

import json
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

THREADS = 8
NAMES = ("C4", "C7", "D3", "D4", "D6", "Q8", "S4", "T", "O(2)", "SO(3)", "O(3)", "SU(2)", "SO(1,3)", "SE(2)", "C2 x D4")


def shifted(n: int) -> Any:
    """A user's group, made anew by every caller: equal, and not the same object."""
    import equilayers as eq

    points = np.arange(n)
    return eq.FiniteGroup.from_permutations([(points + 1) % n, -points % n], name=f"mine {n}")


def operations() -> dict[str, Callable[[], Any]]:
    """What a caller may do, each a function that returns an array."""
    import equilayers as eq

    def layer(name: str) -> Any:
        V = eq.defining(eq.group(name))
        net = eq.layers.Linear(2 * V + eq.trivial(V.group), 3 * V)
        net(torch.ones(2, net.in_dim)).sum().backward()
        return np.array([net.in_dim, sum(p.numel() for p in net.parameters())], dtype=float)

    def maps(name: str) -> Any:
        V = eq.defining(eq.group(name))
        return eq.hom(V @ V, V + eq.trivial(V.group)).basis()

    def irreps(name: str) -> Any:
        G = eq.group(name)
        found = eq.irreps(G) if G.is_finite else eq.irreps(G, level=2)
        return np.concatenate([np.concatenate([i.images.lie, i.images.discrete]).ravel() for i in found])

    def split(name: str) -> Any:
        V = eq.defining(eq.group(name))
        return eq.decompose(V @ V).matrix

    def picture(n: int) -> Any:
        V = eq.regular(eq.group(f"C{n}"))
        conv = eq.layers.Conv2d(V, V, 3, padding=1)
        return conv(torch.ones(1, V.dim, 5, 5)).detach().numpy() * 0

    def own(n: int) -> Any:
        V = eq.defining(shifted(n))
        eq.layers.Linear(V, 2 * V)
        return eq.hom(V, V @ eq.trivial(V.group)).basis()

    found: dict[str, Callable[[], Any]] = {}
    for name in NAMES:
        found[f"layer {name}"] = lambda name=name: layer(name)
        found[f"hom {name}"] = lambda name=name: maps(name)
        if name != "SE(2)":
            found[f"irreps {name}"] = lambda name=name: irreps(name)
            found[f"decompose {name}"] = lambda name=name: split(name)
    for n in (2, 4, 8):
        found[f"picture C{n}"] = lambda n=n: picture(n)
    for n in range(5, 29):
        found[f"own {n}"] = lambda n=n: own(n)
    return found


def run(count: int, seed: int = 0) -> dict[str, Any]:
    """``count`` operations shared by the threads, each in an order of its own, started together."""
    errors: list[str] = []
    answers: list[dict[str, list[np.ndarray]]] = [{} for _ in range(THREADS)]
    ran = [0] * THREADS
    start = threading.Barrier(THREADS)

    def work(thread: int) -> None:
        start.wait()
        rng = np.random.default_rng([seed, thread])
        table = operations()  # the first import of the rooms is part of it
        names = list(table)
        for _ in range(count // THREADS):
            name = names[rng.integers(len(names))]
            try:
                value = table[name]()
                seen = answers[thread].setdefault(name, [])
                if not any(value is old or np.array_equal(value, old) for old in seen):
                    seen.append(value)
            except Exception:
                errors.append(f"{name}: {traceback.format_exc(limit=-3)}")
            ran[thread] += 1

    threads = [threading.Thread(target=work, args=(i,)) for i in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    merged: dict[str, list[np.ndarray]] = {}
    for found in answers:
        for name, values in found.items():
            for value in values:
                seen = merged.setdefault(name, [])
                if not any(np.array_equal(value, old) for old in seen):
                    seen.append(value)
    several = [name for name, values in merged.items() if len(values) > 1]
    sketches = {name: sketch(values[0]) for name, values in merged.items()}
    return {"ran": sum(ran), "errors": errors, "several": several, "sketches": sketches}


def sketch(value: np.ndarray) -> list[float]:
    """Its size and a few weighted sums."""
    flat = np.asarray(value, dtype=np.float64).ravel()
    return [flat.size, *(np.cos(np.outer([1, 2, 3], np.arange(flat.size)) + 0.5) @ flat).tolist()]


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.setswitchinterval(1e-5)  # as often as threads can meet
    print(json.dumps(run(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)))
