"""Invariant forms: kept by every element, of the right signature, and absent exactly where the equations say so."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import equilayers as eq
from equilayers.errors import BadInput, BadRepresentation
from equilayers.intertwiners import invariant_form
from equilayers.intertwiners.forms import _of_atom

NAMES = ["D4", "A4", "SO(2)", "SU(2)", "SO(3)", "SO(1,3)", "O(1,3)", "SO(2,1)", "SO(2,2)", "SL(2)", "Sp(4)", "GL(2)"]
NAMES += ["SL(3)", "SE(2)", "SE(3)", "Heisenberg"]
KINDS = {
    "vectors": lambda V: V,
    "dual": lambda V: V.dual,
    "tensors": lambda V: V @ V,
    "operators": lambda V: V @ V.dual,
    "symmetric": lambda V: V.sym(2),
    "alternating": lambda V: V.alt(2),
    "adjoint": lambda V: eq.adjoint(V.group) if V.group.lie_dim else V.sym(3),
    "sum": lambda V: 2 * V + eq.trivial(V.group) + V.sym(2),
    "skewed": lambda V: skewed(V),
}


def skewed(V):
    """The same in coordinates that are not orthogonal."""
    if V.group.lie_dim:
        return V.sym(2).dual
    turn = np.eye(V.dim) + np.diag(np.full(V.dim - 1, 0.5), 1)
    return eq.representation(V.group, turn @ V.images.discrete @ np.linalg.inv(turn))


def all_forms(V, sign):
    """The oracle: a basis of all invariant forms of one symmetry, from the equations as they are written."""
    d, lie, discrete = V.dim, V.images.lie, V.images.discrete
    rows = [np.kron(a.T, np.eye(d)) + np.kron(np.eye(d), a.T) for a in lie]
    rows += [np.kron(m.T, m.T) - np.eye(d * d) for m in discrete]
    rows.append(np.eye(d * d) - sign * np.eye(d * d).reshape(d, d, d, d).swapaxes(2, 3).reshape(d * d, d * d))
    values, vectors = np.linalg.eigh(sum(row.T @ row for row in rows))
    return vectors[:, values < 1e-12 * d].T.reshape(-1, d, d)


def violation(V, form, n=6):
    g = V.group.sample(n, generator=torch.Generator().manual_seed(0))
    m = V(g).numpy()
    moved = m.swapaxes(1, 2) @ form @ m
    return np.abs(moved - form).max() / np.linalg.norm(m, 2, axis=(1, 2)).max() ** 2


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_forms_are_kept_and_there_are_no_others(name, kind):
    V = KINDS[kind](eq.defining(eq.group(name)))
    for symmetry, sign in (("symmetric", 1), ("skew", -1)):
        by_atom = [all_forms(atom, sign) for _, atom in V.terms]
        if not all(len(found) for found in by_atom):
            with pytest.raises(BadRepresentation):
                invariant_form(V, symmetry)
            continue
        form = invariant_form(V, symmetry)
        assert np.abs(form - sign * form.T).max() < 1e-14
        assert violation(V, form) < 1e-12
        rng = np.random.default_rng(0)
        generic = [np.tensordot(rng.normal(size=len(found)), found, 1) for found in by_atom]
        highest = sum(m * np.linalg.matrix_rank(f, tol=1e-8) for (m, _), f in zip(V.terms, generic, strict=True))
        assert np.linalg.matrix_rank(form, tol=1e-8) == highest


@pytest.mark.parametrize(("p", "q"), [(1, 2), (1, 3), (2, 2), (3, 1), (2, 3)])
def test_signatures(p, q):
    V = eq.defining(eq.group(f"SO({p},{q})"))
    values = np.linalg.eigvalsh(invariant_form(V))
    assert {int((values > 0).sum()), int((values < 0).sum())} == {p, q}
    assert np.allclose(np.abs(values), 1)
    squares = np.linalg.eigvalsh(invariant_form(V.alt(2)))  # of wedges e_i e_j: the products of two signs
    positive = p * (p - 1) // 2 + q * (q - 1) // 2
    assert int((squares > 0).sum()) == positive and int((squares < 0).sum()) == p * q


@pytest.mark.parametrize("name", ["D4", "A4", "SU(2)", "SO(3)", "SU(3)"])
def test_compact_groups_have_a_definite_one(name):
    for kind in KINDS.values():
        values = np.linalg.eigvalsh(invariant_form(kind(eq.defining(eq.group(name)))))
        assert values.min() > 1e-3 * values.max()


def test_the_wrong_metric_is_noticed():
    V = eq.defining(eq.group("SO(1,3)"))
    form = invariant_form(V)
    assert np.array_equal(form, np.diag([1.0, -1.0, -1.0, -1.0]))
    assert violation(V, np.eye(4)) > 1e-2
    assert violation(V, form + 1e-6 * np.eye(4)) > 1e-8
    for i in range(4):
        twin = form.copy()
        twin[i, i] *= -1
        assert violation(V, twin) > 1e-2


def test_the_same_form_again():
    V = KINDS["operators"](eq.defining(eq.group("SE(3)")))
    first = invariant_form(V)
    _of_atom.cache_clear()
    assert invariant_form(V) is not first and np.array_equal(invariant_form(V), first)


def test_what_there_is_none_of_is_said():
    V = eq.defining(eq.group("Sp(4)"))
    with pytest.raises(BadRepresentation, match="only a skew invariant form"):
        invariant_form(V)
    skew = invariant_form(V, "skew")
    assert np.array_equal(skew, invariant_form(V, "any")) and np.abs(skew + skew.T).max() == 0
    V = eq.defining(eq.group("GL(2)"))
    for symmetry in ("symmetric", "skew", "any"):
        with pytest.raises(BadRepresentation, match="invariant product of two vectors"):
            invariant_form(V, symmetry)
    with pytest.raises(BadInput, match="symmetric or skew"):
        invariant_form(V, "hermitian")
