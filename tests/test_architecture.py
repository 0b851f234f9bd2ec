"""Imports go one way only, also inside functions; nothing learns before ``layers``."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import equilayers

PACKAGE = Path(equilayers.__file__).parent
EARLY = ("errors", "numerics", "ops", "groups", "representations", "intertwiners")
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "numerics": {"errors"},
    "ops": {"errors", "numerics"},
    "groups": {"errors", "numerics"},
    "representations": {"errors", "numerics", "ops", "groups"},
    "intertwiners": {"errors", "numerics", "ops", "groups", "representations"},
    "layers": {*EARLY},
    "models": {*EARLY, "layers"},
    "learned": {*EARLY, "layers", "models"},
    "measurement": {"errors", "numerics", "groups", "representations"},
}
ANYTHING = {"experiments", "interop", "cli", "testing", "__init__", "__main__"}
HOME_OF: dict[str, str] = equilayers._HOME_OF


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(source: str, module: str) -> list[tuple[int, str]]:
    """Lines and rooms of every import of equilayers in a file, wherever it stands; "*" is the whole package.

    Args:
        source: the text of the file.
        module: its dotted name, for relative imports.
    """
    found: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, room) for alias in node.names if (room := _room(alias.name, ""))]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = module.split(".")[: -node.level]
                base = ".".join([*parents, base]) if base else ".".join(parents)
            found += [(node.lineno, room) for alias in node.names if (room := _room(base, alias.name))]
        elif isinstance(node, ast.Call) and _called(node.func) in ("import_module", "__import__") and node.args:
            found += [(node.lineno, room) for text in [_text(node.args[0])] if (room := _room(text, ""))]
    return found


def _room(base: str, name: str) -> str:
    """The room of ``from base import name``, or an empty string where it is not equilayers."""
    parts = base.split(".")
    if parts[0] != "equilayers":
        return ""
    if len(parts) > 1 and parts[1]:
        return parts[1]
    return HOME_OF.get(name, name) or "*"


def _called(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _text(argument: ast.expr) -> str:
    """A constant string, or the constant beginning of a formatted one."""
    if isinstance(argument, ast.JoinedStr):
        argument = argument.values[0]
    return argument.value if isinstance(argument, ast.Constant) and isinstance(argument.value, str) else ""


def wrong_imports(source: str, room: str, module: str) -> list[str]:
    if room in ANYTHING:
        return []
    allowed = MAY_IMPORT[room] | {room}
    return [
        f"line {line}: {room} imports {other}" for line, other in imported_rooms(source, module) if other not in allowed
    ]


def learnable_names(source: str) -> list[str]:
    """Uses of ``nn.Module`` and ``nn.Parameter`` under any import."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in ("Module", "Parameter"):
            found.append(f"line {node.lineno}: {ast.unparse(node)}")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("torch.nn"):
            names = [alias.name for alias in node.names if alias.name in ("Module", "Parameter", "*")]
            found += [f"line {node.lineno}: {name}" for name in names]
    return found


FILES = sorted(PACKAGE.rglob("*.py"))


def test_every_room_is_in_the_table():
    assert {room_of(path) for path in FILES} <= set(MAY_IMPORT) | ANYTHING
    assert len(FILES) > 80


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_go_one_way(path):
    module = ".".join(["equilayers", *path.relative_to(PACKAGE).with_suffix("").parts])
    assert wrong_imports(path.read_text(), room_of(path), module) == []


@pytest.mark.parametrize(
    "path", [p for p in FILES if room_of(p) in EARLY], ids=lambda p: p.relative_to(PACKAGE).as_posix()
)
def test_nothing_learns_before_layers(path):
    assert learnable_names(path.read_text()) == []


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("numerics", "from equilayers.groups import group"),
        ("groups", "def f():\n    from equilayers.representations import regular"),
        ("groups", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from equilayers.layers import Linear"),
        ("measurement", "import equilayers.layers.linear"),
        ("measurement", "from equilayers import intertwiners"),
        ("measurement", "from equilayers import hom"),
        ("measurement", "import equilayers as eq"),
        ("representations", "from importlib import import_module\nimport_module('equilayers.layers')"),
        ("representations", "import importlib\nname = 'x'\nimportlib.import_module(f'equilayers.{name}')"),
        ("ops", "from ..groups import group"),
        ("ops", "from .. import groups"),
        ("layers", "from equilayers.measurement import equivariance_error"),
        ("models", "from equilayers.experiments.tasks import load"),
    ],
)
def test_a_wrong_import_is_found(room, source):
    assert len(wrong_imports(source, room, f"equilayers.{room}.some_file")) == 1


def test_a_right_import_is_not():
    source = (
        "import numpy\nfrom equilayers.errors import BadGroup\nfrom .chain import StabiliserChain\nfrom . import group"
    )
    assert wrong_imports(source, "groups", "equilayers.groups.finite") == []
    assert wrong_imports("import equilayers as eq", "experiments", "equilayers.experiments.plan") == []


@pytest.mark.parametrize(
    "source",
    [
        "import torch\nclass A(torch.nn.Module): pass",
        "from torch import nn\nw = nn.Parameter(x)",
        "from torch.nn import Module as M",
        "def f():\n    from torch.nn.parameter import Parameter",
    ],
)
def test_a_learnable_thing_is_found(source):
    assert len(learnable_names(source)) == 1
