"""check_representation accepts what is right and rejects each broken twin with the name of the law it breaks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import equilayers as eq
from equilayers.errors import CheckFailed
from equilayers.measurement import check_representation
from equilayers.measurement.check_representation import closed_loops
from equilayers.representations import Images, Irrep, Representation

O3, SO2, D4, SU2 = (eq.group(name) for name in ("O(3)", "SO(2)", "D4", "SU(2)"))


def shipped_representations():
    for name in ("D4", "S4", "Q8", "A5", "SO(2)", "O(2)", "SO(3)", "O(3)", "SU(2)", "SO(1,3)", "C4 x D3", "SO(3) x S3"):
        G = eq.group(name)
        V = eq.defining(G)
        yield pytest.param(V, id=f"{name} defining")
        yield pytest.param(2 * V + V @ V.dual + 0 * V, id=f"{name} sum")
        if G.lie_dim:
            yield pytest.param(eq.adjoint(G), id=f"{name} adjoint")
        elif G.order <= 12:
            yield pytest.param(eq.regular(G), id=f"{name} regular")


@pytest.mark.parametrize("V", [*shipped_representations()])
def test_representations(V):
    report = check_representation(V)
    expected = 34 - len(report.not_run)
    assert report.ran >= expected and report.ran >= 24
    assert all(report.not_run.values())


class Given(Representation):
    """A representation that says whatever it is told to."""

    def __init__(self, model, function=None, lie=None, discrete=None):
        self.model, self.group, self.dim = model, model.group, model.dim
        self.function = function or model
        self.lie = model.images.lie if lie is None else lie
        self.discrete = model.images.discrete if discrete is None else discrete
        self.key = ("given", id(type(self)), model.key)
        self.name = "given"

    def __call__(self, g):
        return self.function(g)

    def _images(self):
        return Images(self.lie, self.discrete)

    def __reduce__(self):
        return (rebuild, (self.model,))


def rebuild(model):
    return Given(model)


class NotOrthogonal(Given):
    is_orthogonal = False


class NotMonomial(Given):
    is_monomial = False


class Trivial(Given):
    is_trivial = True


class Permutation(Given):
    is_permutation = True


class WrongDual(Given):
    @property
    def dual(self):
        return self.model if not self.model.is_orthogonal else 2 * self.model


class ActsBackwards(Given):
    def transform(self, g, x):
        return self.model.transform(self.group.inverse(g), x)


class Unseeded(Given):
    def sample_input(self, n, generator=None, dtype=None):
        return torch.randn(n, self.dim, dtype=dtype)


class NotPickled(Given):
    def __reduce__(self):
        return (rebuild, (2 * self.model,))


class Nameless(Given):
    def __repr__(self):
        return object.__repr__(self)


class CopiesOutermost(Given):
    def __rmul__(self, m):
        return self.model if m == 0 else sum([self.model] * (m - 1), self.model) if m > 0 else NotImplemented


def half_turns(g):
    """The charge 1/2 of SO(2): every test of brackets passes, but a full turn gives -1."""
    angle = torch.atan2(g[..., 1, 0], g[..., 0, 0]) / 2
    c, s = angle.cos(), angle.sin()
    return torch.stack([torch.stack([c, -s], -1), torch.stack([s, c], -1)], -2)


def broken_representations():
    vector, plane, corner = eq.defining(O3), eq.defining(SO2), eq.defining(D4)
    yield "homomorphism", Given(vector, lambda g: g.mT, lie=-vector.images.lie)
    yield "homomorphism", Given(vector, lambda g: g.abs())
    yield "identity", Given(vector, lambda g: 0 * g)
    yield "homomorphism|shape|identity", Given(vector, lambda g: g[..., :2, :2])
    yield "float64", Given(vector, lambda g: g.float())
    yield "finite", Given(vector, lambda g: g / 0)
    yield "homomorphism|loops", Given(plane, half_turns, lie=plane.images.lie / 2)
    yield "images.discrete", Given(vector, discrete=-vector.images.discrete)
    yield "one matrix per generator", Given(vector, discrete=vector.images.discrete[:0])
    yield "finite difference", Given(vector, lie=2 * vector.images.lie)
    yield "finite difference", Given(vector, lie=vector.images.lie[[1, 0, 2]])
    yield "is_orthogonal", NotOrthogonal(vector)
    yield "is_monomial", NotMonomial(corner)
    yield "is_trivial", Trivial(vector)
    yield "is_permutation", Permutation(corner)
    yield "dual", WrongDual(eq.defining(eq.group("SO(1,3)")))
    yield "acts on all", ActsBackwards(vector)
    yield "reproducible", Unseeded(vector)
    yield "Pickle", NotPickled(vector)
    yield "repr", Nameless(vector)
    yield "copies innermost", CopiesOutermost(vector)


@pytest.mark.parametrize(("law", "twin"), [*broken_representations()])
def test_broken_representations_are_rejected(law, twin):
    with pytest.raises(CheckFailed, match=law):
        check_representation(twin)


def test_loops_that_a_lie_algebra_cannot_see():
    assert [round(period / np.pi, 6) for _, period in closed_loops(eq.group("SO(3)"))] == [2, 2, 2]
    loops = closed_loops(SU2)
    assert len(loops) == 3
    for a, period in loops:
        assert torch.allclose(SU2.exp(period * a), SU2.identity, atol=1e-9)
        assert not torch.allclose(SU2.exp(period / 2 * a), SU2.identity, atol=1e-2)
    # boosts have no closed orbit, rotations have
    assert len(closed_loops(eq.group("SO(1,3)"))) == 3


@pytest.mark.parametrize("group", ["D4", "S4", "Q8"])
def test_every_perturbed_generator_image_is_noticed(group):
    G = eq.group(group)
    irrep = eq.irreps(G)[-1]
    for s in range(len(irrep.images.discrete)):
        for entry in np.ndindex(irrep.dim, irrep.dim):
            discrete = irrep.images.discrete.copy()
            discrete[(s, *entry)] += 0.01
            twin = Irrep.from_images(G, irrep.label, irrep.type, irrep.images.lie, discrete)
            with pytest.raises(CheckFailed, match=r"homomorphism|inverse|images"):
                check_representation(twin)
