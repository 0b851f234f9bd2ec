"""Every layer and every network of the tables of their rooms: how to build it, and the arrays that it derived."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
from torch import nn

TESTS = Path(__file__).parent.parent


def _loaded(name: str, path: Path) -> ModuleType:
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[name]


LAYERS: dict[str, Callable[[], nn.Module]] = {}
for path in sorted((TESTS / "layers").glob("cases_*.py")):
    LAYERS |= _loaded(path.stem, path).CASES
NETWORKS = _loaded("model_cases", TESTS / "models" / "model_cases.py")
MODELS: dict[str, Callable[[], nn.Module]] = {f"models.{name}": build for name, build in NETWORKS.CASES.items()}
MODULES = LAYERS | MODELS


def constants(net: nn.Module) -> dict[str, np.ndarray]:
    """The arrays that a module and its children hold beside their parameters."""
    held = [(name, getattr(child, "_constants", {})) for name, child in net.named_modules()]
    return {f"{name}.{key}": array for name, arrays in held for key, array in arrays.items()}
