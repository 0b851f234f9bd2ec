"""The multilayer perceptrons: equivariant for any group, priced as torch counts, twins of equal cost."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

import equilayers as eq
from equilayers.errors import BadInput, BadRepresentation
from equilayers.models import MLP, EquivariantMLP, count_parameters, twin
from equilayers.models.equivariant_mlp import balanced


def unit(i, j):
    matrix = np.zeros((3, 3))
    matrix[i, j] = 1.0
    return matrix


class Heisenberg(eq.groups.MatrixGroup):
    """Upper unitriangular 3 x 3 matrices: no decomposition into irreps."""

    def generators(self):
        return eq.groups.Generators(lie=[unit(0, 1), unit(1, 2), unit(0, 2)], discrete=[])


def case(name):
    G = Heisenberg() if name == "Heisenberg" else eq.group(name)
    V = eq.defining(G)
    return {
        "vector to scalar": (2 * V, eq.trivial(G)),
        "vector to vector": (3 * V + eq.trivial(G), 2 * V),
        "vector to tensor": (2 * V, V.sym(2)),
    }


def counted(model, batch):
    counter = FlopCounterMode(display=False)
    x = torch.zeros(batch, model.in_rep.dim, dtype=next(model.parameters()).dtype)
    with torch.no_grad(), counter:
        model(x)
    return counter.get_total_flops() // 2


@pytest.mark.parametrize("what", ["vector to scalar", "vector to vector", "vector to tensor"])
@pytest.mark.parametrize("name", ["C5", "D4", "S4", "Q8", "SO(2)", "SO(3)", "O(3)", "SU(2)", "SO(1,3)", "Heisenberg"])
def test_any_group(name, what, generator):
    in_rep, out_rep = case(name)[what]
    torch.manual_seed(0)
    net = EquivariantMLP(in_rep, out_rep, width=24, depth=2, products=2).double()
    x = in_rep.sample_input(6, generator=generator, dtype=torch.float64)
    g = in_rep.group.sample(6, generator=generator)
    y, moved = net(x), net(in_rep.transform(g, x))
    norms = [rep(g).norm(dim=(-2, -1)).max() for rep in (in_rep, out_rep)]
    scale = (y.abs().max() + moved.abs().max()) * norms[0] * norms[1]
    assert (moved - out_rep.transform(g, y)).abs().max() < 1e-12 * scale
    assert not torch.allclose(y[0], y[1], rtol=1e-6, atol=1e-9)
    assert net.macs == counted(net, 5) - counted(net, 4)
    for match in ("parameters", "flops"):
        assert isinstance(net.twin(match), MLP)


def test_it_is_more_than_linear():
    """Products make invariants of vectors, which linear maps and gates alone never do."""
    V = eq.defining(eq.group("O(3)"))
    torch.manual_seed(0)
    net = EquivariantMLP(2 * V, eq.trivial(V.group), width=24, depth=1).double()
    x = torch.randn(5, 6, dtype=torch.float64)
    assert (net(2 * x) - net(x)).abs().min() > 1e-4
    constant = EquivariantMLP(2 * V, eq.trivial(V.group), width=24, depth=1, products=0).double()
    assert torch.equal(constant(2 * x), constant(x))


def test_an_output_that_would_always_be_zero_is_refused():
    V = eq.defining(eq.group("O(3)"))
    with pytest.raises(BadRepresentation, match="never reached"):
        EquivariantMLP(V.sym(2), V, depth=2)  # products of even tensors are even
    with pytest.raises(BadRepresentation, match="greater depth"):
        EquivariantMLP(V, V.sym(3), depth=1)
    EquivariantMLP(V, V.sym(3), width=24, depth=2)


def test_costs_in_the_irrep_basis_are_those_of_schurs_lemma():
    G = eq.group("D4")
    V = eq.rep(G, "2xA1 + 3xE1")
    net = EquivariantMLP(V, eq.rep(G, "5xE1"), width=16, depth=1, products=0)
    (layer,) = net.hidden
    a1 = next(m for m, atom in layer.out_action.terms if atom.is_trivial)
    e1 = next(m for m, atom in layer.out_action.terms if atom.dim == 2)
    gates = sum(m for m, atom in layer.out_action.terms if not atom.is_trivial)
    assert count_parameters(net) == 2 * (a1 + gates) + (a1 + gates) + 3 * e1 + 5 * e1
    assert net.macs == 2 * (a1 + gates) + 2 * 3 * e1 + 2 * 5 * e1


def test_hidden_features_are_balanced():
    G = eq.group("O")
    atoms = list(eq.irreps(G))
    rep = balanced(atoms, 120)
    assert {m * atom.dim for m, atom in rep.terms} == {24}
    assert balanced(atoms, 1).dim == sum(atom.dim for atom in atoms)


@pytest.mark.parametrize("match", ["parameters", "flops"])
def test_no_other_width_comes_nearer(match):
    V = eq.defining(eq.group("SO(3)"))
    net = EquivariantMLP(3 * V, V, width=40, depth=2)
    found = twin(net, match)
    cost = count_parameters if match == "parameters" else lambda model: model.macs
    gap = abs(cost(found) - cost(net))
    neighbours = [MLP(9, 3, found.width + step, depth=2) for step in (-1, 1)]
    assert all(gap <= abs(cost(other) - cost(net)) for other in neighbours)
    assert (found.in_features, found.out_features, found.depth) == (9, 3, 2)


def test_plain_costs_are_torchs_own():
    net, x = MLP(7, 3, width=11, depth=3), torch.randn(4, 7)
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        net(x)
    assert net.macs == counter.get_total_flops() // 8 and net(x).shape == (4, 3)


def test_it_learns_an_equivariant_function():
    """The sum of squared lengths of three vectors: the error falls far below that of the mean."""
    V = eq.defining(eq.group("O(3)"))
    torch.manual_seed(0)
    net, x = EquivariantMLP(3 * V, eq.trivial(V.group), width=48, depth=1), torch.randn(400, 9)
    target = x.square().sum(1, keepdim=True)
    optimiser = torch.optim.Adam(net.parameters(), lr=0.02)
    for _ in range(200):
        optimiser.zero_grad()
        loss = F.mse_loss(net(x), target)
        loss.backward()
        optimiser.step()
    assert loss < 0.02 * target.var()


@pytest.mark.parametrize("wrong", [{"depth": 0}, {"width": 0}])
def test_sizes_that_make_no_network_are_refused(wrong):
    V = eq.defining(eq.group("C4"))
    with pytest.raises(BadInput):
        EquivariantMLP(V, V, **wrong)
    with pytest.raises(BadInput):
        MLP(2, 2, **wrong)
