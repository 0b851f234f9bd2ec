"""The iteration against dense null spaces, and against diagonal operators whose spectrum is known."""

from __future__ import annotations

import numpy as np
import pytest

from equilayers.errors import NotCertified, TooLarge
from equilayers.numerics import iterative_null_space, null_space


def diagonal(n, k, smallest, seed=0):
    """A dense symmetric operator with k zero eigenvalues and the others in [smallest, 1]."""
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(n, n)))[0]
    values = np.concatenate([np.zeros(k), np.geomspace(smallest, 1.0, n - k)])
    return (turn * values) @ turn.T, turn[:, :k]


@pytest.mark.parametrize(
    ("n", "k", "smallest"),
    [(300, 0, 0.1), (300, 1, 1e-3), (300, 24, 1e-3), (300, 32, 1e-2), (300, 100, 1e-4), (40, 40, 1.0), (40, 38, 0.5)],
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
