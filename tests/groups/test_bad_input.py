"""What is not a group, or not an element, is refused in the words of the call: the rule, the values, one remedy."""

from __future__ import annotations

import functools
import operator
import tracemalloc

import numpy as np
import pytest
import torch

import equilayers as eq
from equilayers.errors import BadGroup, BadInput, TooLarge
from equilayers.groups import FiniteGroup, Generators, Homomorphism, MatrixGroup
from equilayers.intertwiners import HomSpace
from equilayers.representations import Representation

LOOP = [[0, 1, 2, 3, 4], [1, 0, 3, 4, 2], [2, 4, 0, 1, 3], [3, 2, 4, 0, 1], [4, 3, 1, 2, 0]]


def turn(angle: float, axis: int = 2) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    matrix = np.eye(3)
    i, j = (k for k in range(3) if k != axis)
    matrix[[i, i, j, j], [i, j, i, j]] = c, -s, s, c
    return matrix


class Given(MatrixGroup):
    def __init__(self, description: object) -> None:
        self.given = description

    def generators(self):  # type: ignore[no-untyped-def]
        return self.given


BAD = {
    "a point named twice": (lambda: FiniteGroup.from_permutations([[0, 0, 1]]), "every point"),
    "points numbered from 1": (lambda: FiniteGroup.from_permutations([[1, 2, 3]]), "every point"),
    "fractions": (lambda: FiniteGroup.from_permutations([[0.5, 1.5]]), "integers"),
    "one permutation, not a list": (lambda: FiniteGroup.from_permutations([1, 2, 0]), "square matrices"),
    "permutations of unequal length": (lambda: FiniteGroup.from_permutations([[0, 1], [1, 0, 2]]), "one shape"),
    "words": (lambda: FiniteGroup.from_permutations(["(0 1)"]), "arrays of numbers"),
    "nothing": (lambda: FiniteGroup.from_matrices([]), "needs .count, n, n. generators"),
    "one matrix, not a list": (lambda: FiniteGroup.from_matrices(np.eye(2)), "needs .count, n, n. generators"),
    "rectangles": (lambda: FiniteGroup.from_matrices([np.ones((2, 3))]), "square"),
    "NaN": (lambda: FiniteGroup.from_matrices([np.full((2, 2), np.nan)]), "finite entries"),
    "singular": (lambda: FiniteGroup.from_matrices([np.zeros((2, 2))]), "invertible"),
    "complex": (lambda: FiniteGroup.from_matrices([np.array([[1j]])]), "real"),
    "a stretch": (lambda: FiniteGroup.from_matrices([2 * turn(1.0)]), "do not close"),
    "a shear": (lambda: FiniteGroup.from_matrices([np.array([[1.0, 1.0], [0.0, 1.0]])]), "do not close"),
    "a turn by one radian": (lambda: FiniteGroup.from_matrices([turn(1.0)]), "do not close"),
    "two turns by one radian": (lambda: FiniteGroup.from_matrices([turn(1.0), turn(1.0, 0)]), "do not close"),
    "a table with a repeated row": (lambda: FiniteGroup.from_table([[0, 1], [0, 1]]), "every element once"),
    "a table that is not square": (lambda: FiniteGroup.from_table([[0, 1, 2], [1, 2, 0]]), "every element once"),
    "a table without entries": (lambda: FiniteGroup.from_table([]), "every element once"),
    "a table without identity": (lambda: FiniteGroup.from_table([[0, 2, 1], [2, 1, 0], [1, 0, 2]]), "identity"),
    "a table with a left identity only": (
        lambda: FiniteGroup.from_table([[0, 1, 2], [2, 0, 1], [1, 2, 0]]),
        "identity",
    ),
    "a loop": (lambda: FiniteGroup.from_table(LOOP), "associative"),
    "no such name": (lambda: eq.group("E7"), "No group has this name"),
    "a number for a name": (lambda: eq.group(4), "No group has this name"),  # type: ignore[arg-type]
    "an empty factor": (lambda: eq.group("C4 x "), "No group has this name"),
    "C0": (lambda: eq.group("C0"), "n >= 1"),
    "SO(1)": (lambda: eq.group("SO(1)"), "n >= 2"),
    "a list for a description": (lambda: Given([np.eye(2)]).sample(1), "must return a description"),
    "zero for a Lie basis": (lambda: Given(Generators(lie=[np.zeros((2, 2))])).sample(1), "linearly independent"),
    "two sizes": (lambda: Generators(lie=[np.eye(2)], discrete=[np.eye(3)]), "one size"),
    "a foreign element": (lambda: eq.group("C4").index(torch.tensor(turn(0.3)[:2, :2])), "does not belong"),
    "elements of SO(3)": (lambda: eq.group("SO(3)").elements(), "no list of elements"),
    "elements of S50": (lambda: eq.group("S50").elements(), "not enumerated"),
    "a subgroup outside": (lambda: eq.group("A4").subgroup(torch.tensor([[1, 0, 2, 3]])), "must belong"),
    "images outside the target": (
        lambda: Homomorphism(eq.group("C2"), eq.group("SO(3)"), torch.diag(torch.tensor([1.0, 1, -1]).double())[None]),
        "belong to its target",
    ),
    "images of an infinite source": (lambda: Homomorphism(eq.group("SO(3)"), eq.group("C2"), []), "finite group"),
    "too few images": (lambda: Homomorphism(eq.group("S4"), eq.group("C2"), []), "one image for each"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused(case: str) -> None:
    make, rule = BAD[case]
    with pytest.raises((BadGroup, TooLarge), match=rule) as refusal:
        make()
    error = refusal.value
    lines = str(error).splitlines()
    assert error.values and error.remedy and lines[-1].strip() == error.remedy and len(lines) > 2


@pytest.mark.parametrize(
    "name", ["D4", "S4", "A5", "C4 x D3", "SO(3)", "O(3)", "SU(2)", "SU(3)", "SO(1,3)", "SO(3) x S4"]
)
def test_another_shape_is_not_an_element(name: str) -> None:
    G = eq.group(name)
    assert not G.contains(torch.zeros(5, 5, 7, dtype=G.element_dtype))
    assert G.contains(G.identity)


class Unitriangular(MatrixGroup):
    """Not reductive, so that only the equations themselves are left."""

    def generators(self):  # type: ignore[no-untyped-def]
        return Generators(lie=np.eye(9).reshape(9, 3, 3)[[1, 2, 5]])


def power(V: Representation, k: int) -> Representation:
    return functools.reduce(operator.matmul, [V] * k)


# What is asked for, the words of the refusal, and the size that it names.
TOO_MUCH = {
    "irreps of SO(3)": (lambda: eq.irreps(eq.group("SO(3)")), "up to a level", "level"),
    "irreps of SU(3)": (lambda: eq.irreps(eq.group("SU(3)")), "up to a level", "level"),
    "irreps of SO(2) by dimension": (lambda: eq.irreps(eq.group("SO(2)"), max_dim=2), "up to a level", "level"),
    "irreps of E(3)": (lambda: eq.irreps(eq.group("E(3)")), "up to a level", "level"),
    "irreps of a product": (lambda: eq.irreps(eq.group("SO(3) x S4")), "up to a level", "level"),
    "irreps of S50": (lambda: eq.irreps(eq.group("S50")), "more than 1000 irreps", "204226"),
    "irreps of a product of large groups": (lambda: eq.irreps(eq.group("S50 x S50")), "irreps", "204226"),
    "irreps of Rubik's cube": (lambda: eq.irreps(eq.group("Rubik")), "enumerated", "43252003274489856000"),
    "a basis of 348 GB": (lambda: hundred_copies().basis(), "not written out", "347.9 GB"),
    "equations in 5 million unknowns": (
        lambda: eq.hom(*[power(eq.defining(Unitriangular()), 7)] * 2),
        "too many unknowns",
        "4782969",
    ),
}


def hundred_copies() -> HomSpace:
    """96 regular representations of D4 on either side: 768 x 768 matrices, 73728 of them."""
    V = 96 * eq.regular(eq.group("D4"))
    return eq.hom(V, V)


@pytest.mark.parametrize("case", TOO_MUCH)
def test_a_size_is_said_before_the_memory_is_spent(case: str) -> None:
    ask, rule, size = TOO_MUCH[case]
    tracemalloc.start()
    try:
        with pytest.raises((BadInput, TooLarge), match=rule) as refusal:
            ask()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size in str(refusal.value) and refusal.value.remedy
    assert peak < 50e6


CLOSING = {
    "a bracket outside": (Generators(lie=np.eye(9).reshape(9, 3, 3)[[1, 5]]), "does not close"),
    "a generator that is no automorphism": (
        Generators(lie=np.eye(4).reshape(4, 2, 2)[[1]], discrete=[np.eye(2)[::-1]]),
        "must normalise the Lie algebra",
    ),
    "a projection": (Generators(lie=[[[0.0, -1.0], [1.0, 0.0]]], discrete=[np.diag([1.0, 0.0])]), "invertible"),
    "no Lie algebra": (Generators(discrete=[np.eye(2)[::-1]]), "without Lie generators"),
}


@pytest.mark.parametrize("case", CLOSING)
def test_an_inconsistent_description_is_refused_at_the_first_use(case: str) -> None:
    description, rule = CLOSING[case]
    for use in (
        lambda G: G.sample(1),
        lambda G: G.exp(torch.zeros(G.lie_dim, dtype=torch.float64)),
        lambda G: eq.hom(eq.defining(G), eq.defining(G)),
        lambda G: eq.layers.Linear(eq.defining(G), eq.defining(G)),
    ):
        with pytest.raises(BadGroup, match=rule) as refusal:
            use(Given(description))
        assert refusal.value.values and refusal.value.remedy
