"""Eight threads that build and call layers and ask for what is derived: no error, and one answer to each question."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import threads
from forget import forget


def in_a_fresh_process(count: int, seed: int) -> dict[str, object]:
    """The threads begin with the first import of the rooms."""
    path = os.pathsep.join(path for path in sys.path if path)
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, threads.__file__, str(count), str(seed)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def check(found: dict[str, object], count: int) -> None:
    assert found["ran"] == count and found["errors"] == [] and found["several"] == []
    table = threads.operations()
    for name, sketch in found["sketches"].items():  # as one caller alone has it
        assert np.allclose(threads.sketch(table[name]()), sketch, rtol=0, atol=1e-10), name


def test_threads_that_begin_together():
    found = in_a_fresh_process(240, 3)
    check(found, 240)
    assert len(found["sketches"]) > 60


def test_threads_in_a_warm_process():
    forget()
    check(threads.run(120, 4), 120)


@pytest.mark.slow
def test_ten_thousand_operations():
    for seed in range(4):
        check(in_a_fresh_process(2504, seed), 2504)
