"""``node_laws`` and ``model_cases`` beside this file, importable by the tests of networks."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

for name in ("node_laws", "model_cases"):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
