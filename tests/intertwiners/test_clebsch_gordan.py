"""Coupling coefficients: equivariant, orthonormal, e3nn's for SO(3) and O(3), canonical elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import equilayers as eq
from equilayers.errors import GroupMismatch
from equilayers.groups import FiniteGroup
from equilayers.intertwiners import clebsch_gordan, hom

F21 = FiniteGroup.from_permutations([[1, 2, 3, 4, 5, 6, 0], [0, 2, 4, 6, 1, 3, 5]], name="F21")


def irreps_of(name):
    group = F21 if name == "F21" else eq.group(name)
    return eq.irreps(group) if group.is_finite else eq.irreps(group, level=2)


@pytest.mark.parametrize("name", ["D5", "Q8", "A5", "F21", "S4", "SO(3)", "O(3)", "SU(2)", "SO(2)", "O(2)"])
def test_couplings_are_orthonormal_and_equivariant(name):
    irreps = irreps_of(name)[-3:]
    group = irreps[0].group
    g = group.sample(4, generator=torch.Generator().manual_seed(0))
    for a in irreps:
        for b in irreps:
            for c in irreps:
                C = clebsch_gordan(a, b, c)
                k = len(C)
                assert k == hom(a @ b, c).dim
                assert k % c.end_dim == 0
                flat = C.reshape(k, a.dim * b.dim * c.dim)
                assert np.abs(flat @ flat.T - np.eye(k)).max(initial=0.0) < 1e-12
                left = torch.einsum("kijm,nip,njq->nkpqm", torch.tensor(C), a(g), b(g))
                right = torch.einsum("kpqr,nmr->nkpqm", torch.tensor(C), c(g))
                assert float((left - right).abs().max()) < 1e-12 if k else True


@pytest.mark.parametrize("name", ["D5", "Q8", "A5", "F21"])
def test_all_couplings_together_resolve_the_product(name):
    """The sum over c of couplings is an orthogonal change of basis: counting dimensions."""
    irreps = irreps_of(name)
    for a in irreps:
        total = sum(len(clebsch_gordan(a, a, c)) // c.end_dim * c.dim for c in irreps)
        assert total == a.dim**2


@pytest.mark.parametrize("name", ["A5", "Q8", "D5", "F21", "SU(2)"])
def test_symmetric_couplings_come_first(name):
    for a in irreps_of(name):
        for c in irreps_of(name):
            C = clebsch_gordan(a, a, c)
            swapped = C.transpose(0, 2, 1, 3)
            pairs = zip(C, swapped, strict=True)
            kind = [1 if np.allclose(x, y) else -1 if np.allclose(x, -y) else 0 for x, y in pairs]
            assert 0 not in kind
            assert kind == sorted(kind, reverse=True)
            assert kind.count(1) == hom(a.sym(2), c).dim


def test_values_and_signs_are_e3nns():
    o3 = pytest.importorskip("e3nn.o3")
    group = eq.group("SO(3)")
    for l1 in range(5):
        for l2 in range(5):
            for l3 in range(abs(l1 - l2), min(4, l1 + l2) + 1):
                ours = clebsch_gordan(*(eq.irrep(group, str(l)) for l in (l1, l2, l3)))
                theirs = o3.wigner_3j(l1, l2, l3, dtype=torch.float64).numpy()
                assert ours.shape == (1, *theirs.shape)
                assert np.abs(ours[0] - theirs).max() < 1e-10
                assert abs(np.linalg.norm(ours) - 1) < 1e-13


def test_parities_multiply():
    group = eq.group("O(3)")
    for p1 in "eo":
        for p2 in "eo":
            for p3 in "eo":
                found = clebsch_gordan(*(eq.irrep(group, label) for label in ("1" + p1, "2" + p2, "2" + p3)))
                assert len(found) == ((p1 == p2) == (p3 == "e"))
    plain = clebsch_gordan(*(eq.irrep(eq.group("SO(3)"), label) for label in "122"))
    assert np.array_equal(clebsch_gordan(*(eq.irrep(group, label) for label in ("1o", "2o", "2e"))), plain)
    assert len(clebsch_gordan(*(eq.irrep(group, label) for label in ("1o", "1o", "3e")))) == 0


def test_any_representations_couple():
    V = eq.defining(eq.group("SU(3)"))
    assert len(clebsch_gordan(V, V, V)) == 2  # epsilon, and its imaginary twin
    A = eq.adjoint(eq.group("SU(3)"))
    symmetric, antisymmetric = clebsch_gordan(A, A, A)
    assert np.allclose(symmetric, symmetric.transpose(1, 0, 2))  # d and f
    assert np.allclose(antisymmetric, -antisymmetric.transpose(1, 0, 2))
    L = eq.defining(eq.group("SO(1,3)"))
    metric = clebsch_gordan(L, L, eq.trivial(L.group))[0, :, :, 0]
    assert np.allclose(metric, np.diag([0.5, -0.5, -0.5, -0.5]))


def test_two_groups_are_refused():
    a, b = eq.defining(eq.group("C4")), eq.defining(eq.group("D4"))
    with pytest.raises(GroupMismatch, match="one group"):
        clebsch_gordan(a, a, b)
