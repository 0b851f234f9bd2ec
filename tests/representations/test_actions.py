"""Laws of fields on grids and points: conventions of x and y, exact pixels, interpolation, composition."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import equilayers as eq
from equilayers.errors import BadInput, BadRepresentation, GroupMismatch
from equilayers.representations import Action, GridField, PointField
from equilayers.testing import strategies

PLANAR = ("C1", "C2", "C4", "D1", "D2", "D4")


def field(name: str, label: str | None = None, **options) -> GridField:
    G = eq.group(name)
    return GridField(eq.defining(G) if label is None else eq.irrep(G, label), **options)


def by_coordinates(matrix: np.ndarray, rep: np.ndarray, x: np.ndarray) -> np.ndarray:
    """V(g) f(g^-1 p), pixel by pixel, with x the last axis, y up: an oracle in exact coordinates of a square grid."""
    rows, columns = x.shape[2:]
    out = np.full_like(x, np.nan)
    for r in range(rows):
        for c in range(columns):
            p = np.array([c - (columns - 1) / 2, (rows - 1) / 2 - r])
            q = np.round(2 * matrix.T @ p) / 2
            source = (int((rows - 1) / 2 - q[1]), int(q[0] + (columns - 1) / 2))
            out[:, :, r, c] = np.einsum("ij,bj->bi", rep, x[:, :, source[0], source[1]])
    return out


# Conventions


@pytest.mark.parametrize("size", [4, 5])
@pytest.mark.parametrize("name", PLANAR)
def test_pixels_move_as_their_coordinates_do(name, size, generator):
    G = eq.group(name)
    F = GridField(eq.defining(G) + eq.trivial(G), size=(size, size))
    x = F.sample_input(2, generator, torch.float64)
    for g in G.elements():
        expected = by_coordinates(eq.defining(G)(g).numpy(), F.rep(g).numpy(), x.numpy())
        np.testing.assert_allclose(F.transform(g, x), expected, atol=1e-13)


def test_the_generator_of_c4_is_rot90(generator):
    F = field("C4", "0")
    x = F.sample_input(2, generator)
    assert torch.equal(F.transform(F.group.discrete_generators[0], x), torch.rot90(x, 1, (-2, -1)))


@pytest.mark.parametrize("name", ["D1", "D2", "D4"])
def test_the_reflection_flips_rows_because_y_is_minus_the_row_axis(name, generator):
    F = field(name, "A1")
    x = F.sample_input(2, generator)
    moved = F.transform(F.group.discrete_generators[1], x)
    assert torch.equal(moved, x.flip(-2))
    assert not torch.equal(moved, x.flip(-1)), "the twin with the flipped reflection"


def test_channels_of_the_defining_field_are_x_and_y():
    """A unit arrow to the right in the pixel right of the centre points up and sits above it after a quarter turn."""
    F = field("C4")
    x = torch.zeros(1, 2, 3, 3)
    x[0, 0, 1, 2] = 1.0
    moved = F.transform(F.group.discrete_generators[0], x)
    expected = torch.zeros(1, 2, 3, 3)
    expected[0, 1, 0, 1] = 1.0
    assert torch.equal(moved, expected)


def test_space_has_z_before_the_rows(generator):
    O = eq.group("O")
    F = GridField(eq.trivial(O), dims=3, size=(4, 4, 4))
    x = F.sample_input(2, generator)
    about_z = torch.tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]], dtype=torch.float64)
    assert torch.equal(F.transform(about_z, x), torch.rot90(x, 1, (-2, -1)))
    half_about_x = torch.diag(torch.tensor([1.0, -1, -1], dtype=torch.float64))
    assert torch.equal(F.transform(half_about_x, x), x.flip(-2, -3))


def test_a_line_is_flipped_by_a_sign(generator):
    C2 = eq.group("C2")
    F = GridField(eq.trivial(C2), dims=1, plane=eq.irrep(C2, "1"))
    x = F.sample_input(2, generator)
    assert x.shape == (2, 1, 8)
    assert torch.equal(F.transform(C2.discrete_generators[0], x), x.flip(-1))


def test_a_group_that_leaves_positions_alone(generator):
    S3 = eq.group("S3")
    F = GridField(eq.defining(S3), plane=2 * eq.trivial(S3))
    x = F.sample_input(2, generator)
    p = torch.tensor([1, 2, 0])
    assert torch.equal(F.transform(p, x)[:, p], x)


# Composition


@pytest.mark.parametrize("name", [*PLANAR, "O", "Oh"])
def test_exact_elements_compose_exactly(name, generator):
    G = eq.group(name)
    F = GridField(eq.defining(G) + eq.trivial(G), dims=eq.defining(G).dim, size=(4,) * eq.defining(G).dim)
    x = F.sample_input(2, generator, torch.float64)
    g, h = G.sample(6, generator), G.sample(6, generator)
    for a, b in zip(g, h, strict=True):
        np.testing.assert_allclose(
            F.transform(G.compose(a, b), x), F.transform(a, F.transform(b, x)), atol=1e-12, rtol=0
        )
    assert torch.equal(F.transform(G.identity, x), x)


@given(st.data(), st.sampled_from(PLANAR))
def test_rectangles_keep_their_pixels(data, name):
    G = eq.group(name)
    F = GridField(eq.trivial(G))
    g = data.draw(strategies.elements(G))
    rows, columns = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 5))
    x = torch.arange(rows * columns, dtype=torch.float64).reshape(1, 1, rows, columns)
    moved = F.transform(g, x)
    assert sorted(moved.flatten().tolist()) == x.flatten().tolist()
    turned = abs(float(eq.defining(G)(g)[0, 1])) > 0.5
    assert moved.shape[2:] == ((columns, rows) if turned else (rows, columns))


@pytest.mark.parametrize("name", ["D4", "C8", "O(2)"])
def test_a_batch_of_elements_acts_pairwise(name, generator):
    G = eq.group(name)
    F = GridField(eq.defining(G) + eq.trivial(G), size=(6, 6))
    x = F.sample_input(7, generator, torch.float64)
    g = G.sample(7, generator)
    one_by_one = torch.cat([F.transform(a, x[i : i + 1]) for i, a in enumerate(g)])
    np.testing.assert_allclose(F.transform(g, x), one_by_one, atol=1e-12)
    assert F.transform(g[:0], x[:0]).shape == x[:0].shape
    with pytest.raises(BadInput, match="pairwise"):
        F.transform(g[:3], x)


# Interpolation


def smooth(size: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A bump off the centre, and its coordinates: small at the border."""
    axis = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    x, y = axis[None, :], -axis[:, None]
    return x, y, bump(x, y, size)


def bump(x: torch.Tensor, y: torch.Tensor, size: int) -> torch.Tensor:
    width = size / 8
    return torch.exp(-((x - size / 8) ** 2 + (y - size / 16) ** 2 * 2) / (2 * width**2))


@pytest.mark.parametrize("angle", [0.3, np.pi / 4, 2.5])
def test_interpolation_turns_a_smooth_image_the_right_way(angle):
    size = 48
    O2 = eq.group("O(2)")
    F = GridField(eq.trivial(O2))
    x, y, image = smooth(size)
    for flip in (1.0, -1.0):
        turn = torch.tensor([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        g = turn @ torch.diag(torch.tensor([1.0, flip], dtype=torch.float64))
        moved = F.transform(g, image[None, None])[0, 0]
        back = g.T  # f(g^-1 p)
        expected = bump(back[0, 0] * x + back[0, 1] * y, back[1, 0] * x + back[1, 1] * y, size)
        assert float((moved - expected).abs().max()) < 0.01
        wrong = bump(g[0, 0] * x + g[0, 1] * y, g[1, 0] * x + g[1, 1] * y, size)
        if float((g - g.T).abs().max()) > 0.1:
            assert float((moved - wrong).abs().max()) > 0.3, "the twin that turns the other way"


@pytest.mark.parametrize("name", ["C4", "D4"])
def test_interpolation_agrees_with_the_exact_move_on_the_lattice(name, generator):
    """The two routes share nothing but the convention."""
    G = eq.group(name)
    F = GridField(eq.trivial(G), size=(6, 6))
    x = F.sample_input(2, generator, torch.float64)
    for g in G.elements():
        np.testing.assert_allclose(F._interpolate(F.plane(g), x), F.transform(g, x), atol=1e-10)


def test_interpolation_agrees_in_space(generator):
    G = eq.group("Oh")
    F = GridField(eq.trivial(G), dims=3, size=(4, 4, 4))
    x = F.sample_input(1, generator, torch.float64)
    for g in G.sample(8, generator):
        np.testing.assert_allclose(F._interpolate(F.plane(g), x), F.transform(g, x), atol=1e-10)


def test_types_are_kept_and_gradients_flow(generator):
    for name in ("D4", "C8"):
        F = field(name)
        g = F.group.discrete_generators[0]
        for dtype in (torch.float32, torch.float64):
            x = F.sample_input(1, generator, dtype).requires_grad_()
            moved = F.transform(g, x)
            assert moved.dtype == dtype
            moved.sum().backward()
            assert torch.isfinite(x.grad).all()


# Points


@pytest.mark.parametrize("name", ["SO(3)", "O(3)", "D4", "SU(2)", "SO(1,3)"])
def test_points_and_their_features_move_together(name, generator):
    G = eq.group(name)
    F = PointField(eq.defining(G) + 2 * eq.trivial(G), points=5)
    x = F.sample_input(3, generator, torch.float64)
    n = eq.defining(G).dim
    assert x.shape == (3, 5, 2 * n + 2)
    g = G.sample(3, generator)
    moved = F.transform(g, x)
    V = eq.defining(G)(g)
    scale = max(1.0, float(V.abs().max()))
    for start in (0, n):
        expected = torch.einsum("bij,bpj->bpi", V, x[..., start : start + n])
        assert float((moved[..., start : start + n] - expected).abs().max()) < 1e-12 * scale
    assert torch.equal(moved[..., 2 * n :], x[..., 2 * n :])
    one = F.transform(g[0], x)
    assert float((one[0] - moved[0]).abs().max()) < 1e-12 * scale
    h = G.sample(3, generator)
    both = F.transform(G.compose(h, g), x)
    assert float((F.transform(h, moved) - both).abs().max()) < 1e-11 * max(1.0, float(both.abs().max()))


# Values and errors


def test_fields_are_actions_and_values():
    D4 = eq.group("D4")
    fields = [
        GridField(eq.defining(D4)),
        GridField(eq.trivial(D4)),
        PointField(eq.defining(D4)),
        PointField(eq.trivial(D4)),
    ]
    assert len(set(fields)) == 4
    for F in [*fields, eq.defining(D4)]:
        assert isinstance(F, Action)
        assert F.group == D4
        assert copy.deepcopy(F) is F
        again = pickle.loads(pickle.dumps(F))
        assert again == F
        assert hash(again) == hash(F)
        assert " object at 0x" not in repr(F)
        first, second = (F.sample_input(2, torch.Generator().manual_seed(3)) for _ in range(2))
        assert torch.equal(first, second)
    assert GridField(eq.defining(D4), plane=eq.defining(D4)) == GridField(eq.defining(D4))
    assert GridField(eq.defining(D4), plane=2 * eq.trivial(D4)) != GridField(eq.defining(D4))


def test_bad_fields_and_inputs():
    D4, C4, S3 = eq.group("D4"), eq.group("C4"), eq.group("S3")
    with pytest.raises(GroupMismatch):
        GridField(eq.defining(D4), plane=eq.defining(C4))
    with pytest.raises(BadRepresentation, match="plane"):
        GridField(eq.defining(S3))
    with pytest.raises(BadRepresentation, match="orthogonal"):
        skew = eq.representation(eq.group("C2"), [[[1.0, 0.0], [1.0, -1.0]]])
        GridField(eq.trivial(eq.group("C2")), plane=skew)
    with pytest.raises(BadInput):
        GridField(eq.defining(D4), dims=4)
    with pytest.raises(BadInput):
        GridField(eq.defining(D4), size=(3, 3, 3))
    F = GridField(eq.defining(D4))
    for shape in ((2, 3, 4, 4), (2, 2, 4), (2, 4, 4)):
        with pytest.raises(BadInput, match="grid"):
            F.transform(D4.identity, torch.zeros(shape))
    turns = D4.elements()[:3]
    with pytest.raises(BadInput, match="square"):
        F.transform(turns, torch.zeros(3, 2, 4, 5))
