"""Tables and laws that several tests of this room share, importable by name."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

HERE = Path(__file__).parent
SHARED = {name: HERE / f"{name}.py" for name in ("node_laws", "model_cases", "model_variants")}
SHARED["layer_cases"] = HERE.parent / "layers" / "conftest.py"

for name, path in SHARED.items():
    spec = importlib.util.spec_from_file_location(name, path)
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
