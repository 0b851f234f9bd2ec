"""What the checks say of every group of the catalogue; from it, the table in the documentation.

    python benchmarks/catalogue.py [--out benchmarks/results/catalogue.json] [--page docs/reference/catalogue.md]

For each group: the laws that ``check_group`` ran; its irreps (all of a finite group up to order 10^4, else those in
the first two tensor powers of the defining action) and the laws that ``check_irreps`` ran; and the laws that
``check_layer`` ran on a network that was trained for a few steps. A law that fails ends the run.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from common import RESULTS, ROOT, write

import equilayers as eq
from equilayers.testing import check_group, check_irreps, check_layer

LISTED = 10_000  # order up to which all irreps are built
LARGE = 10**9  # orders beyond are not written out
STEPS = 5  # of training
PAGE = """# The catalogue

Every name below is understood by `eq.group`; factors of a product are joined by " x ". `equilayers show` lists them on
the command line, `equilayers show NAME` prints one with its irreps. The table is generated from the checks that ran on
each group (`benchmarks/results/catalogue.json`): the laws of the group itself, of its irreps, and of a small trained
network on its defining action; a law that fails would have ended the run. Irreps are all of a finite group up to order
10 000, else those in the first two tensor powers of the defining action and its dual ("in T2"). Types R, C, H are those
of their commutants. Seconds are CPU time of one thread, first for the irreps with their matrices, then for everything.

| group | what it is | order, or dimension | irreps | largest | R, C, H | laws checked | irreps, s | all, s |
|---|---|---|---|---|---|---|---|---|
"""


def irreps_of(G: Any) -> tuple[Any, ...] | None:
    """All of a small finite group, those of two levels of a Lie group; None where there is no list."""
    if G.is_finite:
        return eq.irreps(G) if G.order <= LISTED else None
    return eq.irreps(G, level=2) if G.is_compact or G.is_transpose_closed else None


def trained(V: Any) -> torch.nn.Module:
    """Gates between linear maps on the defining action, after a few steps of descent."""
    torch.manual_seed(0)
    hidden = 3 * eq.trivial(V.group) + 2 * V
    gated = eq.layers.GatedActivation(hidden)
    first, last = eq.layers.Linear(V, gated.in_rep), eq.layers.Linear(hidden, V + eq.trivial(V.group))
    net = eq.layers.Sequential(first, gated, last)
    x, target = torch.randn(32, V.dim), torch.randn(32, V.dim + 1) + 1
    optimiser = torch.optim.SGD(net.parameters(), lr=1e-3)
    for _ in range(STEPS):
        optimiser.zero_grad()
        (net(x) - target).square().mean().backward()
        optimiser.step()
    return net


def measure(entry: Any) -> dict[str, Any]:
    """The row of one group."""
    start = time.process_time()
    G = eq.group(entry.name)
    laws = {"group": check_group(G).ran}
    began = time.process_time()
    found = irreps_of(G)
    matrices = [irrep.images for irrep in found or ()]
    spent = time.process_time() - began
    row: dict[str, Any] = {"name": entry.name, "description": entry.description, "order": G.order, "lie_dim": G.lie_dim}
    if found is not None:
        row |= {"irreps_cpu_s": round(spent, 2), "numbers": sum(m.lie.size + m.discrete.size for m in matrices)}
        types = Counter(irrep.type for irrep in found)
        row |= {"irreps": len(found), "complete": G.is_finite, "largest": max(irrep.dim for irrep in found)}
        row["types"] = [types[kind] for kind in ("real", "complex", "quaternionic")]
        laws["irreps"] = check_irreps(G, level=None if G.is_finite else 2).ran
    laws["layer"] = check_layer(trained(eq.defining(G))).ran
    return row | {"laws": laws, "cpu_s": round(time.process_time() - start, 2)}


def line(row: dict[str, Any]) -> str:
    """One line of the page."""
    order = row["order"]
    size = f"dimension {row['lie_dim']}" if order is None else f"{order:,}".replace(",", " ")
    if order is not None and order > LARGE:
        size = f"about 10^{len(str(order)) - 1}"
    count = "" if "irreps" not in row else f"{row['irreps']}" + ("" if row["complete"] else " in T2")
    types = ", ".join(map(str, row.get("types", [])))
    spent = f"{row['irreps_cpu_s']:.2f}" if "irreps" in row else ""
    cells = [row["name"], row["description"], size, count, str(row.get("largest", "")), types]
    return "| " + " | ".join([*cells, str(sum(row["laws"].values())), spent, f"{row['cpu_s']:.1f}"]) + " |"


def page(report: dict[str, Any]) -> str:
    """The page of the documentation."""
    rows = report["results"]
    laws = sum(sum(row["laws"].values()) for row in rows)
    peak = f"{report['peak_memory_mb']} MB at the peak, torch among them"
    return PAGE + "\n".join(map(line, rows)) + f"\n\n{len(rows)} groups, {laws} laws; {peak}.\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=RESULTS / "catalogue.json")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "reference" / "catalogue.md")
    parser.add_argument("--page-only", action="store_true", help="write the page of the results that are there")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if not options.page_only:
        rows = []
        for entry in eq.groups.catalogue():
            rows.append(measure(entry))
            print(line(rows[-1]), flush=True)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000
        write(options.out, "checks of every group of the catalogue", rows, peak_memory_mb=peak)
    options.page.parent.mkdir(parents=True, exist_ok=True)
    options.page.write_text(page(json.loads(options.out.read_text())))


if __name__ == "__main__":
    main()
