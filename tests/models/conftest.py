"""Tables and laws that several tests of this room share, importable by name."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

HERE = Path(__file__).parent
SHARED = {
    "node_laws": HERE / "node_laws.py",
    "cases_models": HERE / "cases_models.py",
    "layer_cases": HERE.parent / "layers" / "conftest.py",
}

for _name, _path in SHARED.items():
    _spec = importlib.util.spec_from_file_location(_name, _path)
    sys.modules[_name] = _module = importlib.util.module_from_spec(_spec)
    _spec.loader.exec_module(_module)
