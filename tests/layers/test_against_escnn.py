"""Our convolution kernels contain those of escnn, as subspaces; runs where escnn is installed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import equilayers as eq
from equilayers import layers as L

gspaces = pytest.importorskip("escnn.gspaces")
escnn_nn = pytest.importorskip("escnn.nn")


@pytest.fixture(autouse=True)
def dense_null_spaces(monkeypatch):
    """It hands scikit-learn a matrix class that recent versions refuse; without it, it takes its own way."""
    monkeypatch.setattr("escnn.group._numerical.randomized_svd", None)


def our_space(V, W, size):
    """Rows: kernels ``(W.dim * V.dim * size * size)`` of unit weights."""
    layer = L.Conv2d(V, W, size, bias=False).double()
    rows = []
    with torch.no_grad():
        for parameter in layer.parameters():
            flat = parameter.view(-1)
            for i in range(len(flat)):
                for other in layer.parameters():
                    other.zero_()
                flat[i] = 1.0
                rows.append(layer.filter().flatten().numpy().copy())
    return np.array(rows)


def their_space(space, V, W, size):
    """The same for escnn: its filters for unit weights."""
    fields = [escnn_nn.FieldType(space, [rep]) for rep in (V, W)]
    layer = escnn_nn.R2Conv(*fields, size, bias=False)
    rows = []
    with torch.no_grad():
        for i in range(layer.weights.numel()):
            layer.weights.zero_()
            layer.weights[i] = 1.0
            rows.append(layer.expand_parameters()[0].double().flatten().numpy().copy())
    return np.array(rows)


def pair(name, kind):
    """One representation of both libraries and the change of basis between them, generators matched on the plane."""
    space = gspaces.rot2dOnR2(4) if name == "C4" else gspaces.flipRot2dOnR2(4)
    G, theirs = eq.group(name), space.fibergroup
    turn = 1 if name == "C4" else (0, 1)
    elements = [theirs.element(turn)] + ([theirs.element((1, 0))] if name == "D4" else [])
    rep = {"regular": theirs.regular_representation, "trivial": theirs.trivial_representation}.get(kind)
    if kind == "vector":
        rep = theirs.irrep(1) if name == "C4" else theirs.irrep(1, 1)
    images = np.array([rep(g) for g in elements])
    plane = np.array([[[0.0, -1.0], [1.0, 0.0]], [[-1.0, 0.0], [0.0, 1.0]]])[: len(elements)]
    return space, rep, images, plane, G


def matched(name, kind):
    """Their matrices as a representation of our group: words in the generators that move the plane alike."""
    space, rep, images, plane, G = pair(name, kind)
    known = {(np.round(np.eye(2)).astype(int)).tobytes(): np.eye(rep.size)}
    grown = [(np.eye(2), np.eye(rep.size))]
    while grown:
        p, m = grown.pop()
        for move, image in zip(plane, images, strict=True):
            key = np.round(move @ p).astype(int).tobytes()
            if key not in known:
                known[key] = image @ m
                grown.append((move @ p, image @ m))
    ours = eq.defining(G).images.discrete
    return space, rep, eq.representation(G, np.array([known[np.round(p).astype(int).tobytes()] for p in ours]))


@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize(
    "kinds", [("trivial", "regular"), ("regular", "regular"), ("regular", "vector"), ("vector", "vector")]
)
@pytest.mark.parametrize("name", ["C4", "D4"])
def test_their_kernels_lie_in_our_space_and_ours_is_larger(name, kinds, size):
    space, their_in, V = matched(name, kinds[0])
    _, their_out, W = matched(name, kinds[1])
    ours, theirs = our_space(V, W, size), their_space(space, their_in, their_out, size)
    basis = np.linalg.svd(ours, full_matrices=False)[2]
    assert np.linalg.matrix_rank(ours, tol=1e-9) == len(ours)
    outside = theirs - (theirs @ basis.T) @ basis
    assert np.abs(outside).max() < 2e-6 * np.abs(theirs).max()  # theirs are float32
    assert len(ours) >= np.linalg.matrix_rank(theirs, tol=1e-4)
    if size == 3 and kinds == ("trivial", "regular"):
        assert len(ours) > len(theirs)  # their basis is band-limited: 6 of 9
