"""The geometric algebra transformer: exact under motions and Lorentz transformations, embeddings that move along."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch

import equilayers as eq
from equilayers.errors import BadInput, BadRepresentation
from equilayers.models import GeometricTransformer, multivectors
from equilayers.models.geometric_transformer import _Join

MINKOWSKI = np.diag([1.0, -1.0, -1.0, -1.0])
KINDS = ["SE(3)", "E(3)", "SO+(1,3)", "O(1,3)", "O(3)"]


class Motions(eq.groups.MatrixGroup):
    """Motions of space in homogeneous coordinates, with or without reflections."""

    def __init__(self, reflections):
        self._reflections = reflections
        super().__init__()

    def generators(self):
        lie = np.zeros((6, 4, 4))
        for k, (i, j) in enumerate([(0, 1), (0, 2), (1, 2)]):
            lie[k, i, j], lie[k, j, i] = -1.0, 1.0
        for i in range(3):
            lie[3 + i, i, 3] = 1.0
        return eq.groups.Generators(lie=list(lie), discrete=[np.diag([-1.0, 1, 1, 1])] if self._reflections else [])


def algebra(kind):
    """Vectors and their form."""
    if kind in ("SE(3)", "E(3)"):
        return eq.defining(Motions(kind == "E(3)")).dual, multivectors.projective_form()
    V = eq.defining(eq.group(kind))
    return V, np.eye(3) if kind == "O(3)" else MINKOWSKI


def built(kind, **kwargs):
    vectors, form = algebra(kind)
    torch.manual_seed(0)
    return GeometricTransformer(vectors, form, **({"width": 4, "heads": 2, "depth": 2} | kwargs)).double()


def tokens(net, generator, n=6, size=5):
    return torch.randn(n, size, net.in_rep.dim, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("kind", KINDS)
def test_it_commutes(kind, generator):
    net = built(kind)
    x, g = tokens(net, generator), net.vectors.group.sample(6, generator=generator)
    y, moved = net(x), net(net.in_rep.transform(g, x))
    expected = net.out_rep.transform(g, y)
    norm = net.in_rep(g).norm(dim=(-2, -1)).max()
    assert (moved - expected).abs().max() < 1e-12 * norm * expected.abs().max()
    assert (moved - y).abs().max() > 1e-2 * y.abs().max()
    assert not torch.allclose(y[:, 0], y[:, 1], rtol=1e-6, atol=1e-9)


def test_another_metric_and_another_action_are_noticed(generator):
    net = built("O(1,3)")
    for block in net.blocks:
        block.attention.score.register_constants({"squares": np.eye(16)})
    x, g = tokens(net, generator), net.vectors.group.sample(6, generator=generator)
    expected = net.out_rep.transform(g, net(x))
    assert (net(net.in_rep.transform(g, x)) - expected).abs().max() > 1e-6 * expected.abs().max()
    with pytest.raises(BadRepresentation):
        GeometricTransformer(net.vectors, np.eye(4), width=4)


def test_points_and_planes_move_as_themselves(generator):
    vectors, _ = algebra("SE(3)")
    x = torch.randn(6, 3, generator=generator, dtype=torch.float64)
    g = vectors.group.sample(6, generator=generator)
    moved = torch.einsum("nij,nj->ni", g[:, :3, :3], x) + g[:, :3, 3]
    lifted = eq.exterior(vectors).transform(g, multivectors.embed_points(x))
    assert torch.allclose(lifted, multivectors.embed_points(moved), rtol=1e-12, atol=1e-12)
    assert torch.allclose(multivectors.extract_points(lifted), moved, rtol=1e-12, atol=1e-12)
    plane = torch.randn(6, 4, generator=generator, dtype=torch.float64)
    lifted = eq.exterior(vectors).transform(g, multivectors.embed_planes(plane))
    height = (plane[:, :3] * x).sum(-1) + plane[:, 3]
    found = multivectors.extract_vectors(lifted)
    assert torch.allclose((found[:, :3] * moved).sum(-1) + found[:, 3], height, rtol=1e-12, atol=1e-12)


def test_the_join_of_points_knows_their_distance():
    vectors, _ = algebra("SE(3)")
    join = _Join(vectors, 1).double()
    a, b = torch.tensor([[1.0, 2.0, 3.0], [4.0, -2.0, 3.0]], dtype=torch.float64)
    line = join(multivectors.embed_points(a), multivectors.embed_points(b), torch.ones(1))
    metric = torch.diag(torch.tensor([1.0, 1, 0, 1, 0, 0], dtype=torch.float64))  # xy xz xw yz yw zw
    assert abs((line[5:11] @ metric @ line[5:11]).sqrt() - 5) < 1e-12
    assert line[:5].abs().max() == 0 and line[11:].abs().max() == 0


@pytest.mark.parametrize("kind", ["SE(3)", "O(1,3)"])
def test_absent_tokens_do_not_matter(kind, generator):
    net = built(kind)
    x = tokens(net, generator)
    mask = (torch.arange(5) < 3).expand(6, 5)
    assert torch.allclose(net(x, mask)[:, :3], net(x[:, :3]), rtol=1e-10, atol=1e-10)
    assert net(x, torch.zeros(6, 5, dtype=torch.bool)).isfinite().all()


def test_copies_are_equal_and_training_lowers_the_loss(generator):
    vectors, form = algebra("SE(3)")
    one = eq.trivial(vectors.group)
    torch.manual_seed(0)
    net = GeometricTransformer(vectors, form, out_rep=one, width=4, heads=2, depth=1).double()
    points = torch.randn(16, 4, 3, generator=generator, dtype=torch.float64)
    x = multivectors.embed_points(points)
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert torch.equal(twin(x), net(x))
    other = GeometricTransformer(vectors, form, out_rep=one, width=4, heads=2, depth=1).double()
    other.load_state_dict(net.state_dict())
    assert torch.equal(other(x), net(x))
    target = (points - points.mean(1, keepdim=True)).norm(dim=-1, keepdim=True)
    optimiser, losses = torch.optim.Adam(net.parameters(), 3e-3), []
    for _ in range(20):
        loss = (net(x) - target).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


def test_what_is_refused():
    V = eq.defining(eq.group("O(1,3)"))
    with pytest.raises(BadInput):
        GeometricTransformer(V, MINKOWSKI, width=6, heads=4)
    with pytest.raises(BadInput):
        built("O(1,3)")(torch.zeros(2, 5, 15))
    with pytest.raises(BadInput):
        multivectors.embed_points(torch.zeros(2, 4))


@pytest.mark.slow
def test_it_compiles_into_one_graph(generator):
    net = built("O(1,3)", depth=1)
    x = tokens(net, generator)
    assert torch.allclose(torch.compile(net, fullgraph=True)(x), net(x), rtol=1e-9, atol=1e-9)
