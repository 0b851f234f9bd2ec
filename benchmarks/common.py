"""What every script says of the machine, and how it writes its results."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from pathlib import Path

import numpy as np
import torch

import equilayers as eq

__all__ = ["RESULTS", "ROOT", "machine", "write"]

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"


def machine() -> dict[str, object]:
    """With what, and on what kind of machine."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=ROOT, check=False)
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text().splitlines() if cpu.exists() else []
    models = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.processor(),
        "cpus": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "equilayers": eq.__version__,
        "commit": commit.stdout.strip(),
        "vectors": torch.backends.cpu.get_cpu_capability(),
    }


def write(out: Path, what: str, results: object, **more: object) -> None:
    """One JSON file: what was measured, anything more, the machine, the results; whole or not at all."""
    out.parent.mkdir(parents=True, exist_ok=True)
    report = {"what": what, **more, "machine": machine(), "results": results}
    partial = out.with_suffix(".partial")
    partial.write_text(json.dumps(report, indent=1) + "\n")
    partial.replace(out)
