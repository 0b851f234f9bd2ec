"""Forward and backward of ``Linear`` against ``nn.Linear`` of the same width, on one CPU thread.

    python benchmarks/linear.py [--rounds 40] [--out benchmarks/results/linear.json]

All arms run interleaved in one process; the time is the process's CPU time. The portable route multiplies by
``F.linear``, as ``nn.Linear`` does: that is the comparison through the same GEMM backend. On some CPUs torch's
1x1 convolution (oneDNN) is a faster matrix product than ``F.linear``; the dense arm through it is listed so
that nobody credits such a factor to symmetry.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from common import RESULTS, write
from torch import Tensor, nn

import equilayers as eq

ROWS = 4096
IMAGES = 16  # the 1x1 convolution runs on this many images of ROWS / IMAGES pixels in channels-last layout
SHAPES = (("D4", 96), ("D4", 24), ("O", 32), ("C4", 192))


def convolution_route(width: int) -> tuple[nn.Module, Callable[[Tensor], Tensor]]:
    layer = nn.Conv2d(width, width, 1).to(memory_format=torch.channels_last)

    def run(x: Tensor) -> Tensor:
        image = x.view(IMAGES, ROWS // IMAGES, 1, width).permute(0, 3, 1, 2)
        return layer(image).permute(0, 2, 3, 1).reshape(ROWS, width)

    return layer, run


def arms(name: str, copies: int) -> dict[str, tuple[nn.Module, Callable[[Tensor], Tensor]]]:
    """What runs: name to (module, function)."""
    fields = copies * eq.regular(eq.group(name))
    irreps = eq.decompose(fields).rep
    modules = {
        "nn.Linear": nn.Linear(fields.dim, fields.dim),
        "irrep basis": eq.layers.Linear(irreps, irreps),
        "regular basis": eq.layers.Linear(fields, fields),
    }
    found: dict[str, tuple[nn.Module, Callable[[Tensor], Tensor]]] = {k: (m, m) for k, m in modules.items()}
    found["dense, 1x1 convolution"] = convolution_route(fields.dim)
    return found


def measure(name: str, copies: int, rounds: int) -> dict[str, object]:
    """CPU milliseconds of every arm and the ratios over ``nn.Linear``."""
    torch.manual_seed(0)
    running = arms(name, copies)
    width = copies * eq.group(name).order
    x = torch.randn(ROWS, width, requires_grad=True)
    slope = torch.randn(ROWS, width)
    times: dict[str, list[float]] = {key: [] for key in running}
    for round_ in range(rounds + 3):
        for key, (module, run) in running.items():
            x.grad = None
            module.zero_grad()
            start = time.process_time()
            run(x).backward(slope)
            if round_ >= 3:
                times[key].append(1e3 * (time.process_time() - start))
    dense = times["nn.Linear"]
    result: dict[str, object] = {"group": name, "width": width, "rows": ROWS, "rounds": rounds, "arms": {}}
    for key, values in times.items():
        paired = [d / v for d, v in zip(dense, values, strict=True)]
        result["arms"][key] = {  # type: ignore[index]
            "min_ms": round(min(values), 3),
            "median_ms": round(median(values), 3),
            "ratio_of_minima": round(min(dense) / min(values), 3),
            "median_ratio": round(median(paired), 3),
            "parameters": sum(p.numel() for p in running[key][0].parameters()),
        }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--out", type=Path, default=RESULTS / "linear.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    results = []
    for name, copies in SHAPES:
        results.append(measure(name, copies, options.rounds))
        print(f"{name}, width {results[-1]['width']}, {ROWS} rows, forward + backward")
        for key, row in results[-1]["arms"].items():  # type: ignore[attr-defined]
            print(f"  {key:<24} {row['min_ms']:8.2f} ms   {row['ratio_of_minima']:5.2f} x nn.Linear")
    write(options.out, "Linear, forward + backward, CPU time, one thread", results)


if __name__ == "__main__":
    main()
