"""``node_laws`` beside this file, importable by the tests of networks over nodes."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

_path = Path(__file__).with_name("node_laws.py")
_spec = importlib.util.spec_from_file_location(_path.stem, _path)
sys.modules[_path.stem] = module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(module)
