"""Matrix Lie groups: algebra, facts, sampling, products, homomorphisms."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import equilayers as eq
from equilayers.errors import BadGroup
from equilayers.groups import Generators, Homomorphism, MatrixGroup

FACTS = {  # lie_dim, compact, connected, semisimple
    "SO(2)": (1, True, True, False),
    "O(2)": (1, True, False, False),
    "SO(3)": (3, True, True, True),
    "O(3)": (3, True, False, True),
    "SU(2)": (3, True, True, True),
    "SU(3)": (8, True, True, True),
    "SO(5)": (10, True, True, True),
    "SO(1,3)": (6, False, False, True),
    "SO+(1,3)": (6, False, True, True),
    "O(1,3)": (6, False, False, True),
    "SO(3) x S4": (3, True, False, True),
    "SO(2) x SU(2)": (4, True, True, False),
}


class Given(MatrixGroup):
    """A user's group from its lists."""

    def __init__(self, lie: list[np.ndarray], discrete: list[np.ndarray] | None = None) -> None:
        self._lie, self._discrete = lie, discrete or []

    def generators(self) -> Generators:
        return Generators(lie=self._lie, discrete=self._discrete)


def unit(n: int, i: int, j: int) -> np.ndarray:
    matrix = np.zeros((n, n))
    matrix[i, j] = 1.0
    return matrix


@pytest.mark.parametrize("name", FACTS)
def test_derived_facts(name: str) -> None:
    g = eq.group(name)
    assert (g.lie_dim, g.is_compact, g.is_connected, g.is_semisimple) == FACTS[name]
    assert g.order is None and not g.is_finite


@pytest.mark.parametrize("name", FACTS)
def test_samples_belong_and_obey_the_axioms(name: str, generator: torch.Generator) -> None:
    g = eq.group(name)
    a, b, c = (g.sample(6, generator) for _ in range(3))
    assert g.contains(a) and g.contains(g.compose(a, b)) and g.contains(g.inverse(a))
    assert not g.contains(1.01 * a) or name == "SO(3) x S4"
    left, right = g.compose(g.compose(a, b), c), g.compose(a, g.compose(b, c))
    assert (left - right).abs().max() < 1e-12 * float(left.abs().max()) * 10
    assert bool(g.equal(g.compose(a, g.inverse(a)), g.identity, 1e-9).all())
    assert g.contains(g.exp(torch.randn(4, g.lie_dim, generator=generator, dtype=torch.float64) * 0.3))


@pytest.mark.parametrize("name", ["SO(2)", "O(2)", "SO(3)", "O(3)", "SU(2)", "SU(3)"])
def test_haar_samples_and_the_derived_walk_have_the_same_moments(name: str) -> None:
    """E|tr g|^2 is the dimension of the commutant; the closed-form sampler and the walk must both find it."""
    g = eq.group(name)
    expected = {"SO(2)": 2.0, "O(2)": 1.0, "SO(3)": 1.0, "O(3)": 1.0, "SU(2)": 4.0, "SU(3)": 2.0}[name]
    for draw in (g.sample, lambda n, gen: MatrixGroup.sample(g, n, gen)):
        traces = draw(4000, torch.Generator().manual_seed(5)).diagonal(dim1=-2, dim2=-1).sum(-1)
        assert abs(float((traces**2).mean()) - expected) < 0.2 * expected
    if name in ("O(2)", "O(3)"):
        walk = MatrixGroup.sample(g, 400, torch.Generator().manual_seed(5))
        assert 0.4 < float((torch.linalg.det(walk) > 0).double().mean()) < 0.6


def test_structure_constants_and_brackets_that_do_not_close() -> None:
    g = eq.group("SO(3)")
    epsilon = np.zeros((3, 3, 3))
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        epsilon[i, j, k], epsilon[j, i, k] = 1.0, -1.0
    assert np.allclose(g.structure_constants, epsilon, atol=1e-14)
    assert np.allclose(eq.group("SU(2)").structure_constants, epsilon, atol=1e-14)
    with pytest.raises(BadGroup, match="bracket does not close"):
        Given([unit(3, 0, 1), unit(3, 1, 2)]).sample(1)
    with pytest.raises(BadGroup, match="linearly independent"):
        Given([unit(3, 0, 1), 2 * unit(3, 0, 1)]).sample(1)
    with pytest.raises(BadGroup, match="normalise"):
        Given([unit(2, 0, 1)], [np.array([[0.0, 1.0], [1.0, 0.0]])]).sample(1)
    with pytest.raises(BadGroup, match="without Lie generators is finite"):
        Given([], [np.eye(2)]).sample(1)
    with pytest.raises(BadGroup, match="square"):
        Generators(lie=[np.zeros((2, 3))])
    with pytest.raises(BadGroup, match="finite entries"):
        Generators(lie=[np.full((2, 2), np.nan)])


def test_compactness_is_certified_by_a_form_in_any_coordinates(rng: np.random.Generator) -> None:
    skew = rng.normal(size=(3, 3)) + 2 * np.eye(3)
    turned = Given([skew @ a @ np.linalg.inv(skew) for a in eq.group("SO(3)").lie_basis])
    assert turned.is_compact and turned.form is not None
    g = turned.sample(20, torch.Generator().manual_seed(1)).numpy()
    assert np.abs(g.swapaxes(1, 2) @ turned.form @ g - turned.form).max() < 1e-9
    assert not turned.is_transpose_closed
    assert not Given([unit(3, 0, 1), unit(3, 1, 2), unit(3, 0, 2)]).is_compact
    assert not eq.group("SO(1,3)").is_compact


def test_noncompact_samples_reach_both_components_and_stay_bounded() -> None:
    g = eq.group("SO(1,3)").sample(200, torch.Generator().manual_seed(0))
    future = (g[:, 0, 0] > 0).double().mean()
    assert 0.35 < float(future) < 0.65
    assert float(torch.linalg.matrix_norm(g, 2).max()) < np.exp(2.0)


def test_products_pack_and_project(generator: torch.Generator) -> None:
    g = eq.group("SO(3) x S4")
    x = g.sample(5, generator)
    rotation, permutation = g.parts(x)
    assert rotation.shape == (5, 3, 3) and permutation.dtype == torch.int64
    assert torch.equal(g.pack((rotation, permutation)), x)
    assert torch.equal(g.projection(1)(x), permutation)
    assert torch.equal(g.projection(0)(g.embedding(0)(rotation)), rotation)
    assert g.projection(0).lie_images.shape == (3, 3)


def test_subgroups_and_coverings() -> None:
    so3, su2 = eq.group("SO(3)"), eq.group("SU(2)")
    axis = so3.subgroup(lie=np.array([[0.0, 0.0, 1.0]]))
    assert axis.lie_dim == 1 and axis.inclusion is not None
    assert np.array_equal(axis.inclusion.lie_images, [[0.0, 0.0, 1.0]])
    turn = so3.exp(torch.tensor([[0.0, 0.0, np.pi / 2]], dtype=torch.float64))
    assert so3.subgroup(turn).order == 4

    def cover(q: torch.Tensor) -> torch.Tensor:
        w, x, y, z = q[..., 0, 0], q[..., 1, 0], q[..., 2, 0], q[..., 3, 0]
        rows = [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y), 2 * (x * y + w * z),
                1 - 2 * (x * x + z * z), 2 * (y * z - w * x), 2 * (x * z - w * y), 2 * (y * z + w * x),
                1 - 2 * (x * x + y * y)]  # fmt: skip
        return torch.stack(rows, -1).reshape(*q.shape[:-2], 3, 3)

    assert np.allclose(Homomorphism(su2, so3, cover).lie_images, np.eye(3), atol=1e-9)
