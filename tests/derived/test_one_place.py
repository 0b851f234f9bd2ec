"""Every cache of the package goes through one mechanism: found by reading the source, with a list of exceptions."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import sys
from pathlib import Path

import pytest

import equilayers
from equilayers.numerics.derived import derived_property

PACKAGE = Path(equilayers.__file__).parent
FILES = {path.relative_to(PACKAGE).as_posix(): path.read_text() for path in sorted(PACKAGE.rglob("*.py"))}
OTHERS = {"lru_cache", "cache", "cached_property", "OrderedDict", "WeakKeyDictionary", "WeakValueDictionary"}
CONTAINERS = {"dict", "list", "set", "defaultdict", "Counter", "deque", *OTHERS}
CHANGES = {"append", "add", "update", "setdefault", "pop", "popitem", "clear", "insert", "extend", "remove"}

# What keeps something in another way, and why.
EXCEPTIONS = {
    ("numerics/derived.py", "WeakValueDictionary"): "the mechanism itself",
    ("numerics/derived.py", "vars(instance).setdefault"): "the mechanism itself",
    ("experiments/vectors/task.py", "cached_property"): "data sets of one run, tensors, freed with the task",
    ("experiments/vectors/task.py", "__dict__"): "the training set that arms share in turn, freed with the task",
    ("experiments/vectors/pendulum.py", "cached_property"): "data sets of one run, tensors, freed with the task",
    ("experiments/vectors/pendulum.py", "__dict__"): "two counts of operations, freed with the task",
    ("experiments/pool.py", "self._deaths"): "the state of a running pool",
    ("experiments/pool.py", "self._workers"): "the state of a running pool",
    ("experiments/records.py", "self.records"): "what a results file holds",
    ("layers/__init__.py", "globals()"): "names of layers, which load on first use",
    ("models/__init__.py", "globals()"): "names of models, which load on first use",
    ("layers/constants.py", "__dict__"): "copies of a module",
    ("layers/layer.py", "self._guard_numbers"): "sixteen numbers of a layer, freed with it",
    ("layers/constants.py", "self._casts"): "constants as tensors of the dtypes that a module meets, freed with it",
}


def caches(source: str) -> list[str]:
    """Whatever in a file can keep values from one call to the next.

    Other caches by name; containers of a module, a class or a default argument that a function changes; ``global``;
    changes of an object's attributes by way of its dictionary; attributes that are set where they were found empty,
    and dictionaries of an object that are asked and written.
    """
    tree, found = ast.parse(source), []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in ("functools", "collections", "weakref", "cachetools"):
            found += [alias.name for alias in node.names if alias.name in OTHERS]
        elif isinstance(node, ast.Attribute) and node.attr in OTHERS:
            found.append(node.attr)
        elif isinstance(node, ast.Global):
            found.append("global")
    shared = _shared_containers(tree)
    for function in [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)]:
        found += _changes(function, shared)
    for kind in [n for n in ast.walk(tree) if isinstance(n, ast.ClassDef)]:
        found += _asked_and_written(kind)
    return found


def _shared_containers(tree: ast.Module) -> set[str]:
    """Names of containers that belong to the module, a class or a default argument."""
    bodies = [tree.body, *(node.body for node in ast.walk(tree) if isinstance(node, ast.ClassDef))]
    names = set()
    for statement in (s for body in bodies for s in body if isinstance(s, ast.Assign | ast.AnnAssign)):
        if statement.value is not None and _is_container(statement.value):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            arguments = [*node.args.posonlyargs, *node.args.args]
            pairs = [*zip(reversed(arguments), reversed(node.args.defaults), strict=False)]
            pairs += [*zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)]
            names |= {a.arg for a, default in pairs if default is not None and _is_container(default)}
    return names


def _is_container(value: ast.expr) -> bool:
    if isinstance(value, ast.Dict | ast.List | ast.Set | ast.DictComp | ast.ListComp | ast.SetComp):
        return True
    return isinstance(value, ast.Call) and ast.unparse(value.func).rpartition(".")[2].partition("[")[0] in CONTAINERS


def _changes(function: ast.AST, shared: set[str]) -> list[str]:
    found = []
    name = getattr(function, "name", "")
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGES:
            base = ast.unparse(node.func.value)
            if base.rpartition(".")[2] in shared or base.startswith(("vars(", "globals(")):
                found.append(f"{base}.{node.func.attr}")
            elif base.endswith("__dict__"):
                found.append("__dict__")
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            base = ast.unparse(node.value)
            if base.rpartition(".")[2] in shared or base.startswith(("vars(", "globals(")):
                found.append(base)
        elif isinstance(node, ast.If) and name not in ("__init__", "__setstate__"):
            found += _lazily_set(node)
    return found


def _lazily_set(node: ast.If) -> list[str]:
    """``if self.x is None: self.x = ...``, by any name."""
    targets = {ast.unparse(t) for s in node.body for n in ast.walk(s) if isinstance(n, ast.Assign) for t in n.targets}
    return [target for target in sorted(targets) if "." in target and ast.unparse(node.test) == f"{target} is None"]


def _asked_and_written(kind: ast.ClassDef) -> list[str]:
    asked, written = set(), set()
    for function in [n for n in kind.body if isinstance(n, ast.FunctionDef) and n.name != "__init__"]:
        for node in ast.walk(function):
            if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
                written.add(ast.unparse(node.value))
            elif isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
                asked.add(ast.unparse(node.comparators[0]))
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
                asked.add(ast.unparse(node.func.value))
    return sorted(name for name in asked & written if name.startswith("self."))


def test_every_cache_goes_one_way():
    used, wrong = set(), []
    for file, source in FILES.items():
        for what in caches(source):
            reason = (file, what)
            if reason in EXCEPTIONS:
                used.add(reason)
            else:
                wrong.append(reason)
    assert wrong == []
    assert used == set(EXCEPTIONS)  # no reason stands without its case


def test_there_are_many_and_they_are_found_by_importing_as_well():
    for module in pkgutil.walk_packages(equilayers.__path__, "equilayers."):
        if "strategies" not in module.name and "__main__" not in module.name:
            importlib.import_module(module.name)
    loaded = [module for name, module in sys.modules.items() if name.startswith("equilayers.")]
    functions = {id(v): v for m in loaded for v in vars(m).values() if hasattr(v, "cache_clear")}
    assert all(hasattr(f, "_torchdynamo_disable") for f in functions.values())  # made by ``derived``
    kinds = {v for m in loaded for v in vars(m).values() if isinstance(v, type) and "equilayers" in v.__module__}
    properties = [a for kind in kinds for a in vars(kind).values() if isinstance(a, derived_property)]
    text = "".join(FILES.values())
    assert len(functions) == text.count("\n@derived\n") >= 40
    assert len(properties) >= 50
    assert not [v for m in loaded for v in vars(m).values() if hasattr(v, "cache_info")]


@pytest.mark.parametrize(
    "source",
    [
        "from functools import lru_cache\n@lru_cache\ndef f(x): return x",
        "import functools\n@functools.cache\ndef f(x): return x",
        "import functools\nclass A:\n    @functools.cached_property\n    def f(self): return 1",
        "kept = {}\ndef f(x):\n    if x not in kept:\n        kept[x] = x + 1\n    return kept[x]",
        "_kept: dict[int, int] = dict()\ndef f(x):\n    return _kept.setdefault(x, x)",
        "from collections import OrderedDict\nkept = OrderedDict()\ndef f(x):\n    kept.popitem()",
        "class A:\n    kept = []\n    def f(self, x):\n        A.kept.append(x)",
        "class A:\n    kept = []\n    def f(self, x):\n        self.kept.append(x)",
        "def f(x, kept={}):\n    kept[x] = 1",
        "last = None\ndef f(x):\n    global last\n    last = x",
        "class A:\n    def f(self):\n        if self._x is None:\n            self._x = 1\n        return self._x",
        "class A:\n    def f(self, x):\n        if x not in self._kept:\n            self._kept[x] = 1",
        "class A:\n    def f(self):\n        return self.__dict__.setdefault('x', 1)",
        "def f(a):\n    return vars(a).setdefault('x', 1)",
        "import weakref\nkept = weakref.WeakKeyDictionary()",
    ],
)
def test_another_way_is_found(source):
    assert caches(source)


def test_what_is_no_cache_is_not():
    assert caches("@derived\ndef f(x):\n    found = {}\n    found[x] = 1\n    return found") == []
    assert caches("TABLE = {1: 2}\ndef f(x):\n    return TABLE[x]") == []
    assert caches("class A:\n    def __init__(self):\n        self._kept = {}\n        self._kept[1] = 2") == []
