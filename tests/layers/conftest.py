"""All layer cases, discovered: every ``cases_*.py`` beside this file adds to the table of modes."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

ALL: dict[str, dict[str, object]] = {"CASES": {}, "EMPTY": {}}

for path in sorted(Path(__file__).parent.glob("cases_*.py")):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # pickles of classes defined there need a name
    spec.loader.exec_module(module)
    for table in ALL:
        ALL[table] |= getattr(module, table, {})


def pytest_generate_tests(metafunc) -> None:
    for fixture, table in (("build", "CASES"), ("build_empty", "EMPTY")):
        if fixture in metafunc.fixturenames:
            metafunc.parametrize(fixture, list(ALL[table].values()), ids=list(ALL[table]))


@pytest.fixture
def all_cases():
    return ALL
