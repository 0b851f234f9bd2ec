"""Training step of ``Conv2d`` against ``nn.Conv2d`` of the same width, on one CPU thread; escnn beside it where
installed.

    python benchmarks/conv2d.py [--rounds 20] [--out benchmarks/results/conv2d.json]

All arms run interleaved in one process, forward and backward; the time is the process's CPU time. The plain
convolution runs in both memory layouts: the ratio that counts is the one over the faster, channels-last.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from statistics import median

import torch
from common import RESULTS, write
from torch import Tensor, nn

import equilayers as eq

CASES = (  # group, copies of the regular representation, kernel, batch, size
    ("C4", 16, 5, 16, 32),
    ("D4", 12, 5, 16, 32),
    ("D4", 12, 3, 2, 16),
    ("C8", 16, 5, 16, 32),
    ("D8", 8, 5, 2, 16),
)
Arm = tuple[nn.Module, Callable[[], Tensor]]


def escnn_layer(name: str, copies: int, kernel: int) -> Callable[[Tensor], Tensor] | None:
    """The same layer of escnn as a function of tensors, or None."""
    try:
        gspaces, theirs = import_module("escnn.gspaces"), import_module("escnn.nn")
    except ImportError:
        return None
    import_module("escnn.group._numerical").randomized_svd = None  # refused by recent scikit-learn
    make = gspaces.rot2dOnR2 if name[0] == "C" else gspaces.flipRot2dOnR2
    space = make(int(name[1:]))
    field = theirs.FieldType(space, copies * [space.regular_repr])
    layer = theirs.R2Conv(field, field, kernel, padding=kernel // 2, bias=False)
    return lambda x: layer(theirs.GeometricTensor(x, field)).tensor


def measure(name: str, copies: int, kernel: int, batch: int, size: int, rounds: int) -> dict[str, object]:
    """CPU milliseconds of every arm and the ratios over the plain convolutions."""
    torch.manual_seed(0)
    V = copies * eq.regular(eq.group(name))
    ours = eq.layers.Conv2d(V, V, kernel, padding=kernel // 2, bias=False)
    plain = nn.Conv2d(V.dim, V.dim, kernel, padding=kernel // 2, bias=False)
    last = nn.Conv2d(V.dim, V.dim, kernel, padding=kernel // 2, bias=False).to(memory_format=torch.channels_last)
    x = torch.randn(batch, V.dim, size, size)
    x_last = x.to(memory_format=torch.channels_last)
    running: dict[str, Callable[[Tensor], Tensor]] = {"nn.Conv2d": plain, "nn.Conv2d, channels-last": last}
    running |= {"equilayers": ours, "equilayers, channels-last": ours}
    theirs = escnn_layer(name, copies, kernel)
    if theirs is not None:
        running["escnn"] = theirs
    times: dict[str, list[float]] = {key: [] for key in [*running, "filter alone"]}
    for round_ in range(rounds + 3):
        for key, run in running.items():
            start_x = (x_last if "last" in key else x).detach().requires_grad_()
            start = time.process_time()
            y = run(start_x)
            y.backward(y.detach())
            if round_ >= 3:
                times[key].append(1e3 * (time.process_time() - start))
        start = time.process_time()
        kernel_now = ours.filter()
        kernel_now.backward(kernel_now.detach())
        if round_ >= 3:
            times["filter alone"].append(1e3 * (time.process_time() - start))
    dense = times["nn.Conv2d, channels-last"]
    arms = {}
    for key, values in times.items():
        paired = [v / d for v, d in zip(values, dense, strict=True)]
        arms[key] = {
            "min_ms": round(min(values), 3),
            "median_ms": round(median(values), 3),
            "over_channels_last_minima": round(min(values) / min(dense), 3),
            "over_channels_last_median": round(median(paired), 3),
        }
    shape = {"group": name, "width": V.dim, "kernel": kernel, "batch": batch, "size": size, "rounds": rounds}
    return {**shape, "parameters": sum(p.numel() for p in ours.parameters()), "arms": arms}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--out", type=Path, default=RESULTS / "conv2d.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    results = []
    for case in CASES:
        results.append(measure(*case, options.rounds))
        print(*case)
        for key, row in results[-1]["arms"].items():  # type: ignore[attr-defined]
            print(f"  {key:<28} {row['min_ms']:8.2f} ms   {row['over_channels_last_median']:5.2f} x channels-last")
    what = "Conv2d, regular fields, forward + backward, CPU time, one thread; ratios below 1 are faster than nn.Conv2d"
    write(options.out, what, results)


if __name__ == "__main__":
    main()
