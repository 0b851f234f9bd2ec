"""Every example in a docstring of the package is executed, and none can get lost unnoticed."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import equilayers

AT_LEAST = 170  # examples in the package
MODULES = [
    "equilayers",
    *(m.name for m in pkgutil.walk_packages(equilayers.__path__, "equilayers.") if "__main__" not in m.name),
]


def examples(module_name: str) -> list[doctest.DocTest]:
    module = importlib.import_module(module_name)
    return [test for test in doctest.DocTestFinder(exclude_empty=True).find(module) if test.examples]


def run(test: doctest.DocTest) -> str:
    """What the failing lines of an example say; empty where all hold."""
    report: list[str] = []
    doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS).run(test, out=report.append)
    return "".join(report)


@pytest.mark.parametrize("module", MODULES)
def test_examples(module):
    for test in examples(module):
        assert run(test) == "", test.name


def test_enough_examples_are_found():
    assert sum(len(examples(module)) for module in MODULES) >= AT_LEAST


def test_a_wrong_example_is_noticed():
    wrong = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "wrong", None, 0)
    assert "Expected" in run(wrong)
