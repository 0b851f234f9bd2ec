"""The iteration against dense null spaces, and against diagonal operators whose spectrum is known."""

from __future__ import annotations

import numpy as np
import pytest

from equilayers.errors import NotCertified, TooLarge
from equilayers.numerics import iterative, iterative_null_space, null_space


def diagonal(n, k, smallest, seed=0):
    """A dense symmetric operator with k zero eigenvalues and the others in [smallest, 1]."""
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(n, n)))[0]
    values = np.concatenate([np.zeros(k), np.geomspace(smallest, 1.0, n - k)])
    return (turn * values) @ turn.T, turn[:, :k]


@pytest.mark.parametrize(
    ("n", "k", "smallest"),
    [(300, 0, 0.1), (300, 1, 1e-3), (300, 24, 1e-3), (300, 32, 1e-2), (200, 60, 1e-4), (40, 40, 1.0), (40, 38, 0.5)],
)
def test_the_null_space_of_a_known_spectrum(n, k, smallest):
    matrix, expected = diagonal(n, k, smallest)
    found = iterative_null_space(lambda block: matrix @ block, n)
    assert found.dim == k
    assert np.abs(found.basis @ found.basis.T - expected @ expected.T).max() < 1e-9
    assert np.abs(found.basis.T @ found.basis - np.eye(k)).max(initial=0.0) < 1e-12


def test_it_agrees_with_the_dense_decision():
    rows = np.random.default_rng(1).normal(size=(150, 200))
    gram = rows.T @ rows
    found, dense = iterative_null_space(lambda block: gram @ block, 200), null_space(rows)
    assert found.dim == dense.dim == 50
    assert np.abs(found.basis @ found.basis.T - dense.basis @ dense.basis.T).max() < 1e-8


def test_a_wrong_count_is_refused():
    matrix, _ = diagonal(100, 3, 0.1)
    assert iterative_null_space(lambda block: matrix @ block, 100, count=3).dim == 3
    with pytest.raises(NotCertified, match="disagree"):
        iterative_null_space(lambda block: matrix @ block, 100, count=4)


def test_a_spectrum_without_a_gap_is_refused():
    values = np.concatenate([[0.0], np.geomspace(1e-16, 1.0, 99)])[:, None]
    with pytest.raises(NotCertified):
        iterative_null_space(lambda block: values * block, 100)


def test_a_null_space_that_does_not_fit_is_refused_with_its_size():
    matrix, _ = diagonal(300, 100, 0.1)
    with pytest.raises(TooLarge, match="at least"):
        iterative_null_space(lambda block: matrix @ block, 300, widest=40)


def shy(monkeypatch, factor):
    """Random blocks that hardly contain the null vector, which is the first coordinate."""

    def block(n, width, stream=0):
        drawn = np.random.default_rng(stream).normal(size=(n, width))
        drawn[0] *= factor
        return drawn / np.linalg.norm(drawn, axis=0)

    monkeypatch.setattr(iterative, "_random_block", block)
    values = np.concatenate([[0.0], np.linspace(0.1, 0.105, 998), [1.0]])[:, None]
    return lambda x: values * x


@pytest.mark.parametrize("factor", [1.0, 1e-2, 1e-3])
def test_a_null_vector_that_comes_late_is_waited_for(monkeypatch, factor):
    assert iterative_null_space(shy(monkeypatch, factor), 1000).dim == 1


def test_a_gap_alone_would_hide_it(monkeypatch):
    """The broken twin: Ritz values clear of zero are believed as soon as they are seen."""
    monkeypatch.setattr(iterative.Sweeps, "_none_is_missed", lambda *_: True)
    assert iterative_null_space(shy(monkeypatch, 1e-3), 1000).dim == 0


@pytest.mark.parametrize(("edge", "lower", "degree"), [(0.3, 0.2, 12), (0.05, 0.2, 12), (1e-3, 1e-4, 300)])
def test_the_damping_of_a_filter_is_what_it_does_to_eigenvalues(edge, lower, degree):
    values = np.linspace(edge, 1.0, 20_001)
    filtered = iterative._filtered(lambda x: values[:, None] * x, np.ones((len(values), 1)), lower, 1.0, degree)
    expected = -np.log(np.abs(filtered).max())
    assert abs(iterative._damping(edge, lower, 1.0, degree) - expected) < 0.01 * expected
