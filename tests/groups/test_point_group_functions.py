"""Point groups and their labels against what the textbooks' tables say of functions; what holds them; broken twins."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
import torch

import equilayers as eq
from equilayers.errors import CheckFailed
from equilayers.groups import FiniteGroup, FiniteMatrixGroup, PointGroup
from equilayers.testing import check_group, check_irreps

# Bases of irreps by functions of a point (x, y, z): those of one basis joined by ",", other bases after ";". Rx, Ry, Rz
# are rotations, components of the vector product of the point and a second one. Main axis z, two-fold axes or upright
# mirrors along x. Other capitals stand for longer polynomials, below. From Cotton, Chemical Applications of Group
# Theory, and Altmann and Herzig, Point-Group Theory Tables.
FUNCTIONS = {
    "C1": {"A": "x; y*z; Rx"},
    "Ci": {"Ag": "Rx; Ry; Rz; x*y; z*z", "Au": "x; y; z"},
    "C2": {"A": "z; Rz; x*x; x*y", "B": "x; y; Rx; Ry; y*z"},
    "Cs": {"A'": "x; y; Rz; x*y", "A''": "z; Rx; Ry; y*z"},
    "C2h": {"Ag": "Rz; x*y", "Bg": "Rx; Ry; x*z", "Au": "z", "Bu": "x; y"},
    "D2": {"A": "x*x; x*y*z", "B1": "z; Rz; x*y", "B2": "y; Ry; x*z", "B3": "x; Rx; y*z"},
    "C2v": {"A1": "z; x*x", "A2": "Rz; x*y", "B1": "x; Ry; x*z", "B2": "y; Rx; y*z"},
    "D2h": {
        "Ag": "x*x; z*z", "B1g": "Rz; x*y", "B2g": "Ry; x*z", "B3g": "Rx; y*z",
        "Au": "x*y*z", "B1u": "z", "B2u": "y", "B3u": "x",
    },
    "C4": {"A": "z; Rz", "B": "P; x*y", "E": "x, y; Rx, Ry; x*z, y*z"},
    "S4": {"A": "Rz; z*z", "B": "z; P; x*y", "E": "x, y; Rx, Ry; x*z, y*z"},
    "C4h": {"Ag": "Rz; z*z", "Bg": "P; x*y", "Eg": "Rx, Ry; x*z, y*z", "Au": "z", "Bu": "x*y*z; z*P", "Eu": "x, y"},
    "D4": {"A1": "z*z", "A2": "z; Rz", "B1": "P", "B2": "x*y", "E": "x, y; Rx, Ry; x*z, y*z"},
    "C4v": {"A1": "z; z*z", "A2": "Rz", "B1": "P", "B2": "x*y", "E": "x, y; Rx, Ry; x*z, y*z"},
    "D2d": {"A1": "z*z; x*y*z", "A2": "Rz", "B1": "P", "B2": "z; x*y", "E": "x, y; Rx, Ry; x*z, y*z"},
    "D4h": {
        "A1g": "z*z", "A2g": "Rz", "B1g": "P", "B2g": "x*y", "Eg": "Rx, Ry; x*z, y*z",
        "A1u": "x*y*z*P", "A2u": "z", "B1u": "x*y*z", "B2u": "z*P", "Eu": "x, y",
    },
    "C3": {"A": "z; Rz; F; G", "E": "x, y; Rx, Ry; P, x*y; x*z, y*z"},
    "S6": {"Ag": "Rz; z*z", "Eg": "Rx, Ry; P, x*y; x*z, y*z", "Au": "z; F; G", "Eu": "x, y"},
    "D3": {"A1": "z*z; F", "A2": "z; Rz; G", "E": "x, y; Rx, Ry; P, x*y; x*z, y*z"},
    "C3v": {"A1": "z; F", "A2": "Rz; G", "E": "x, y; Rx, Ry; P, x*y; x*z, y*z"},
    "D3d": {"A1g": "z*z", "A2g": "Rz", "Eg": "Rx, Ry; P, x*y; x*z, y*z", "A1u": "F", "A2u": "z; G", "Eu": "x, y"},
    "C6": {"A": "z; Rz", "B": "F; G", "E1": "x, y; Rx, Ry; x*z, y*z", "E2": "P, x*y"},
    "C3h": {"A'": "Rz; F; G", "E'": "x, y; P, x*y", "A''": "z", "E''": "Rx, Ry; x*z, y*z"},
    "C6h": {
        "Ag": "Rz; z*z", "Bg": "z*F; z*G", "E1g": "Rx, Ry; x*z, y*z", "E2g": "P, x*y",
        "Au": "z", "Bu": "F; G", "E1u": "x, y", "E2u": "z*P, x*y*z",
    },
    "D6": {"A1": "z*z", "A2": "z; Rz", "B1": "F", "B2": "G", "E1": "x, y; Rx, Ry; x*z, y*z", "E2": "P, x*y"},
    "C6v": {"A1": "z", "A2": "Rz", "B1": "F", "B2": "G", "E1": "x, y; Rx, Ry; x*z, y*z", "E2": "P, x*y"},
    "D3h": {
        "A1'": "z*z; F", "A2'": "Rz; G", "E'": "x, y; P, x*y",
        "A1''": "z*G", "A2''": "z; z*F", "E''": "Rx, Ry; x*z, y*z",
    },
    "D6h": {
        "A1g": "z*z", "A2g": "Rz", "B1g": "z*G", "B2g": "z*F", "E1g": "Rx, Ry; x*z, y*z", "E2g": "P, x*y",
        "A1u": "z*Rz", "A2u": "z", "B1u": "F", "B2u": "G", "E1u": "x, y", "E2u": "z*P, x*y*z",
    },
    "T": {"A": "x*y*z", "E": "Q, P", "T": "x, y, z; Rx, Ry, Rz; y*z, x*z, x*y"},
    "Th": {
        "Ag": "x*x + y*y + z*z", "Eg": "Q, P", "Tg": "Rx, Ry, Rz; y*z, x*z, x*y",
        "Au": "x*y*z", "Eu": "x*y*z*Q, x*y*z*P", "Tu": "x, y, z",
    },
    "O": {"A1": "x*x + y*y + z*z", "A2": "x*y*z", "E": "Q, P", "T1": "x, y, z; Rx, Ry, Rz", "T2": "y*z, x*z, x*y"},
    "Td": {"A1": "x*y*z", "A2": "N", "E": "Q, P", "T1": "Rx, Ry, Rz", "T2": "x, y, z; y*z, x*z, x*y"},
    "Oh": {
        "A1g": "x*x + y*y + z*z", "A2g": "N", "Eg": "Q, P", "T1g": "Rx, Ry, Rz", "T2g": "y*z, x*z, x*y",
        "A1u": "x*y*z*N", "A2u": "x*y*z", "Eu": "x*y*z*Q, x*y*z*P", "T1u": "x, y, z",
        "T2u": "x*(y*y - z*z), y*(z*z - x*x), z*(x*x - y*y)",
    },
}  # fmt: skip
LATTICE = {**dict.fromkeys(("C1", "Ci", "C2", "Cs", "C2h", "D2", "C2v", "D2h"), "both")}
LATTICE |= dict.fromkeys(("C4", "S4", "C4h", "D4", "C4v", "D2d", "D4h", "T", "Th", "O", "Td", "Oh"), "m-3m")
LATTICE |= dict.fromkeys(
    ("C3", "S6", "D3", "C3v", "D3d", "C6", "C3h", "C6h", "D6", "C6v", "D3h", "D6h"), "6/mmm"
)  # fmt: skip
GENERATORS = [(name, k) for name in FUNCTIONS for k in range(len(PointGroup(name).discrete_generators))]


def values(text: str, p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """``(points, functions)`` of one basis."""
    x, y, z = p.T
    names = dict(zip(("Rx", "Ry", "Rz"), np.cross(p, q).T, strict=True)) | {"x": x, "y": y, "z": z}
    names |= {"P": x * x - y * y, "Q": 2 * z * z - x * x - y * y, "F": x * (x * x - 3 * y * y)}
    names |= {"G": y * (3 * x * x - y * y), "N": (x * x - y * y) * (y * y - z * z) * (z * z - x * x)}
    return np.stack([eval(function, {}, names) for function in text.split(",")], 1)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_labels_are_those_of_the_functions_in_the_textbooks(name: str, rng: np.random.Generator) -> None:
    G = PointGroup(name)
    found = {irrep.label: irrep for irrep in eq.irreps(G)}
    assert found.keys() == FUNCTIONS[name].keys()
    p, q = rng.normal(size=(2, 20, 3))
    elements = G.elements()
    for label, text in FUNCTIONS[name].items():
        characters = found[label](elements).diagonal(dim1=-2, dim2=-1).sum(-1).numpy()
        for basis in text.split(";"):
            before = values(basis, p, q)
            assert before.shape[1] == found[label].dim
            for g, character in zip(elements.numpy(), characters, strict=True):
                matrix, *_ = np.linalg.lstsq(before, values(basis, p @ g, q @ g), rcond=None)
                assert np.abs(before @ matrix - values(basis, p @ g, q @ g)).max() < 1e-10  # the span is kept
                assert abs(np.trace(matrix) - character) < 1e-10, (label, basis)


def within(G: FiniteGroup, H: FiniteGroup) -> bool:
    gaps = (G.elements()[:, None] - H.elements()[None]).abs().amax((-2, -1))
    return bool((gaps.amin(1) < 1e-12).all())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_keeps_the_cubic_or_the_hexagonal_lattice(name: str) -> None:
    """Its elements are elements of m-3m or of 6/mmm; those without axes of three or more of both."""
    held = [lattice for lattice in ("m-3m", "6/mmm") if within(PointGroup(name), PointGroup(lattice))]
    assert held == (["m-3m", "6/mmm"] if LATTICE[name] == "both" else [LATTICE[name]])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_generators_are_orthogonal_to_the_last_digit(name: str) -> None:
    g = PointGroup(name).defining_matrices
    assert g.dtype == np.float64 and g.shape[1:] == (3, 3)
    assert np.abs(g @ g.swapaxes(1, 2) - np.eye(3)).max(initial=0.0) < 3e-16
    assert all(np.abs(m - np.eye(3)).max() > 0.5 for m in g)


@pytest.mark.parametrize("name", ["C1", "C3h", "Td"])
def test_a_copy_is_the_same_group_with_the_same_labels(name: str) -> None:
    G = PointGroup(name)
    twin = pickle.loads(pickle.dumps(G))
    assert (twin, twin.is_cubic, twin.fingerprint) == (G, name == "Td", G.fingerprint)
    assert [i.label for i in eq.irreps(twin)] == [i.label for i in eq.irreps(G)]


def test_the_trivial_one_obeys_every_law() -> None:
    """It shares its name with the trivial group, so the catalogue does not list it."""
    G = PointGroup("1")
    assert check_group(G).ran > 20 and check_irreps(G).ran > 3
    assert eq.group("1") == eq.group("trivial") != G


def test_layers_take_point_groups() -> None:
    rep = eq.rep(PointGroup("-6m2"), "3xA1' + 2xE' + 2xA2'' + E''")
    assert rep.dim == 11
    eq.testing.check_layer(eq.layers.Linear(rep, rep))


# Broken twins


def twin(name: str, generators: np.ndarray) -> FiniteMatrixGroup:
    """Other generators under the order that is stated for these."""

    class Twin(FiniteMatrixGroup):
        order = PointGroup(name).order

    return Twin(generators, "twin")


@pytest.mark.parametrize(("name", "k"), GENERATORS)
def test_a_lost_generator_is_noticed(name: str, k: int) -> None:
    generators = np.delete(PointGroup(name).defining_matrices, k, axis=0)
    assert FiniteGroup.from_matrices(generators).order < PointGroup(name).order
    with pytest.raises(CheckFailed, match="order"):
        check_group(twin(name, generators))


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name[0] not in "TO" and name != "C1"])
def test_a_turned_generator_gives_another_order(name: str) -> None:
    generators = PointGroup(name).defining_matrices.copy()
    c = math.sqrt(0.5)
    generators[0] = generators[0] @ [[c, -c, 0], [c, c, 0], [0, 0, 1]]
    assert FiniteGroup.from_matrices(generators).order != PointGroup(name).order
    with pytest.raises(CheckFailed, match="order"):
        check_group(twin(name, generators))


def test_a_swapped_label_is_noticed(rng: np.random.Generator) -> None:
    """The functions tell B1 of D4 from B2."""
    G = PointGroup("D4")
    turn = torch.diag(torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64))
    p = rng.normal(size=(5, 3))
    sign = values("P", p @ turn.numpy(), p) / values("P", p, p)
    assert np.allclose(sign, float(eq.irrep(G, "B1")(turn)))
    assert not np.allclose(sign, float(eq.irrep(G, "B2")(turn)))
