"""All layer cases, discovered: every ``cases_*.py`` beside this file adds to the table of modes."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

ALL: dict[str, dict[str, object]] = {"CASES": {}, "EMPTY": {}}

for path in sorted(Path(__file__).parent.glob("cases_*.py")):
    module = sys.modules.get(path.stem)  # other tests take the tables from here, too: one module, one class
    if module is None:
        spec = importlib.util.spec_from_file_location(path.stem, path)
        sys.modules[path.stem] = module = importlib.util.module_from_spec(spec)  # pickles of classes there need a name
        spec.loader.exec_module(module)
    for table in ALL:
        ALL[table] |= getattr(module, table, {})


TRACED = ("test_compiles_as_one_graph_with_backward",)
VARIANTS = {  # of a layer whose other cases are traced in every run
    "Linear-wide", "Linear-complex", "Linear-rotations", "Linear-boosts", "Bilinear-irreps", "Bilinear-boosts",
    "Bilinear-quaternionic", "Bilinear-elementwise", "Bias-grid", "ChangeBasis-grid",
    "Pointwise-grid", "Norm-grid", "Gated-grid", "Fourier-complex", "Fourier-grid", "Dropout-grid", "Conv2d-strided",
    "Conv2d-rectangle", "BatchNorm-vectors", "BatchNorm-plain", "LayerNorm-vectors", "BlurPool-reflect",
    "GroupPooling-mean", "InvariantReadout", "Restriction-grid", "Norm-boosts",
    "Bilinear-regular", "Bilinear-motions", "Linear-motions", "Linear-quaternionic", "VectorReLU-boosts",
    "GraphLinear-weights", "Conv2d-depthwise", "Attention-boosts", "Attention-across", "Attention-square",
}  # fmt: skip


def pytest_generate_tests(metafunc) -> None:
    for fixture, table in (("build", "CASES"), ("build_empty", "EMPTY")):
        if fixture in metafunc.fixturenames:
            later = VARIANTS if metafunc.function.__name__ in TRACED else ()
            values = [pytest.param(b, marks=pytest.mark.slow if n in later else ()) for n, b in ALL[table].items()]
            metafunc.parametrize(fixture, values, ids=list(ALL[table]))


@pytest.fixture
def all_cases():
    return ALL
