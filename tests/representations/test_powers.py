"""Laws of irreps found in tensor powers: homomorphisms, irreducible, distinct, complete, and stable under level.

Classical groups are described anew, without their names: by name they have irreps by highest weight.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

import equilayers as eq
from equilayers.errors import BadInput, BadRepresentation, NotCertified
from equilayers.groups import Generators, Group, MatrixGroup
from equilayers.representations.powers import irrep, irreps

EXACT = 1e-12
E = np.eye


class Unnamed(MatrixGroup):
    """The generators of a classical group, and nothing that tells which one it is."""

    def __init__(self, name: str) -> None:
        self.named = name

    def generators(self) -> Generators:
        group = eq.group(self.named)
        return Generators(lie=group.lie_basis, discrete=group.discrete_generators.numpy())

    def __repr__(self) -> str:
        return f"unnamed {self.named}"


class Sheared(MatrixGroup):
    """SO(3) in skew coordinates: compact, but its matrices are not orthogonal."""

    frame = np.array([[1.0, 0.7, -0.3], [0.0, 1.4, 0.5], [0.0, 0.0, 0.6]])

    def generators(self) -> Generators:
        lie = eq.group("SO(3)").lie_basis
        return Generators(lie=self.frame @ lie @ np.linalg.inv(self.frame))


class Unitary(MatrixGroup):
    """U(2), realified: compact, not semisimple."""

    def generators(self) -> Generators:
        su2 = [np.array(m) for m in ([[0, 1j], [1j, 0]], [[0, 1], [-1, 0]], [[1j, 0], [0, -1j]], [[1j, 0], [0, 1j]])]
        return Generators(lie=[np.block([[m.real, -m.imag], [m.imag, m.real]]) for m in su2])


class Linear(MatrixGroup):
    """SL(2, R): closed under transpose, not compact; its spin 1/2 is real."""

    def generators(self) -> Generators:
        return Generators(lie=[[[0.0, 1.0], [0.0, 0.0]], [[0.0, 0.0], [1.0, 0.0]], [[1.0, 0.0], [0.0, -1.0]]])


class General(MatrixGroup):
    """The connected GL(3, R), whose dual is another representation."""

    def generators(self) -> Generators:
        return Generators(lie=[np.outer(E(3)[i], E(3)[j]) for i in range(3) for j in range(3)])


class SkewBoosts(MatrixGroup):
    """SO+(1,1) in coordinates that are not closed under transpose."""

    def generators(self) -> Generators:
        frame = np.array([[1.0, 0.5], [0.0, 1.0]])
        return Generators(lie=[frame @ np.array([[0.0, 1.0], [1.0, 0.0]]) @ np.linalg.inv(frame)])


KNOWN = {  # textbook lists up to the second power: real dimension and type
    "SU(3)": [(1, "real"), (6, "complex"), (8, "real"), (12, "complex")],
    "SO(1,3)": [(1, "real"), (4, "real"), (6, "complex"), (9, "real")],
    "SO+(1,3)": [(1, "real"), (4, "real"), (6, "complex"), (9, "real")],
    "O(1,3)": [(1, "real"), (4, "real"), (6, "real"), (9, "real")],
    "SO(4)": [(1, "real"), (3, "real"), (3, "real"), (4, "real"), (9, "real")],
    "O(4)": [(1, "real"), (4, "real"), (6, "real"), (9, "real")],
    "SO(5)": [(1, "real"), (5, "real"), (10, "real"), (14, "real")],
}
UNNAMED: dict[str, Group] = {name: Unnamed(name) for name in KNOWN}
OWN: dict[str, Group] = {cls.__name__: cls() for cls in (Sheared, Unitary, Linear, General)}
ALL = [*UNNAMED.values(), *OWN.values()]


@pytest.mark.parametrize("name", KNOWN)
def test_the_known_lists(name: str) -> None:
    assert [(i.dim, i.type) for i in irreps(UNNAMED[name], level=2)] == KNOWN[name]
    assert [(i.dim, i.type) for i in eq.irreps(eq.group(name), level=2)] == KNOWN[name]


def test_the_known_lists_of_groups_without_a_name() -> None:
    assert [(i.dim, i.type) for i in irreps(OWN["Sheared"], level=3)] == [(d, "real") for d in (1, 3, 5, 7)]
    assert [(i.dim, i.type) for i in irreps(OWN["Linear"], level=3)] == [(d, "real") for d in (1, 2, 3, 4)]
    unitary = [(i.dim, i.type) for i in irreps(OWN["Unitary"], level=2)]
    assert unitary == [(1, "real"), (2, "complex"), (3, "real"), (4, "complex"), (6, "complex")]
    general = [(i.dim, i.type) for i in irreps(OWN["General"], level=2)]  # 1; V, Alt2, duals; Sym2, dual; traceless
    assert general == [(1, "real"), *[(3, "real")] * 4, *[(6, "real")] * 2, (8, "real")]


@pytest.mark.parametrize("group", ALL, ids=str)
def test_homomorphisms_that_know_their_derivative(group: Group) -> None:
    draw = torch.Generator().manual_seed(4)
    g, h = group.sample(4, draw), group.sample(4, draw)
    small = 0.3 * torch.randn(3, group.lie_dim, generator=draw, dtype=torch.float64)
    for rho in irreps(group, level=2):
        at_g, at_h = rho(g), rho(h)
        scale = max(1.0, float(at_g.abs().max() * at_h.abs().max()))
        assert float((at_g @ at_h - rho(group.compose(g, h))).abs().max()) < EXACT * scale
        exponential = torch.linalg.matrix_exp(rho.derivative(small))
        size = max(1.0, float(exponential.abs().max()))
        assert float((rho(group.exp(small)) - exponential).abs().max()) < EXACT * size
        assert np.abs(rho.images.discrete - rho(group.discrete_generators).numpy()).max(initial=0.0) < EXACT
        if group.is_compact:
            assert rho.is_orthogonal


@pytest.mark.parametrize("group", ALL, ids=str)
def test_irreducible_and_distinct(group: Group) -> None:
    listed = irreps(group, level=2)
    for i, a in enumerate(listed):
        for j, b in enumerate(listed):
            assert maps_between(a, b) == (a.end_dim if i == j else 0)
    for rho in listed:
        images = np.concatenate([rho.images.lie, rho.images.discrete])
        for unit in rho.endomorphisms:
            assert np.abs(unit @ images - images @ unit).max() < EXACT


def maps_between(a: eq.representations.Irrep, b: eq.representations.Irrep) -> int:
    """The rank of the equations T a = b T, by their singular values."""
    rows = [np.kron(E(b.dim), x.T) - np.kron(y, E(a.dim)) for x, y in zip(a.images.lie, b.images.lie, strict=True)]
    rows += [
        np.kron(E(b.dim), x.T) - np.kron(y, E(a.dim))
        for x, y in zip(a.images.discrete, b.images.discrete, strict=True)
    ]
    equations = np.concatenate(rows)
    values = np.linalg.eigvalsh(equations.T @ equations)
    return int((values < 1e-9).sum())


@pytest.mark.parametrize("group", [g for g in ALL if g.lie_dim <= 6], ids=str)
def test_powers_hold_nothing_else(group: Group) -> None:
    v = eq.defining(group)
    listed = irreps(group, level=2)
    for power in (v @ v, v @ v.dual, v.dual @ v.dual):
        assert set(eq.decompose(power).multiplicities) <= set(listed)


@pytest.mark.parametrize("group", ALL, ids=str)
def test_labels_do_not_depend_on_the_level(group: Group) -> None:
    lower, upper = irreps(group, level=1), irreps(group, level=2)
    kept = {rho.label: rho for rho in upper}
    assert [rho.label for rho in upper if rho in lower] == [rho.label for rho in lower]
    g = group.sample(2, torch.Generator().manual_seed(0))
    for rho in lower:
        assert torch.equal(kept[rho.label](g), rho(g))
    for rho in upper:
        assert irrep(group, rho.label) == rho and torch.equal(irrep(group, rho.label)(g), rho(g))
        assert not set("x+ ") & set(rho.label)


@pytest.mark.parametrize("name", ["SU(3)", "SO(1,3)", "SO(5)", "SO(4)"])
def test_an_irreducible_defining_action_is_its_own_irrep(name: str) -> None:
    group = UNNAMED[name]
    g = group.sample(3, torch.Generator().manual_seed(1))
    assert any(rho.dim == g.shape[-1] and torch.equal(rho(g), g) for rho in irreps(group, level=1))


def test_by_dimension_where_that_is_finite() -> None:
    assert [rho.dim for rho in irreps(OWN["Linear"], max_dim=5)] == [1, 2, 3, 4, 5]
    assert [rho.dim for rho in irreps(UNNAMED["SU(3)"], max_dim=12)] == [1, 6, 8, 12]
    assert [rho.dim for rho in irreps(UNNAMED["SO(1,3)"], max_dim=9)] == [1, 4, 6, 9]
    with pytest.raises(BadInput):
        irreps(OWN["Unitary"], max_dim=4)


def test_parity_of_the_full_lorentz_group() -> None:
    """Vectors and axial vectors are equivalent under the connected group only."""
    group = UNNAMED["O(1,3)"]
    third = [rho for rho in irreps(group, level=3) if rho.dim == 4]
    assert len(third) == 2  # vectors, and the axial vectors of the third alternating power
    axial = eq.decompose(eq.defining(group).alt(3)).multiplicities
    assert set(axial) <= set(third) and set(axial) != set(eq.decompose(eq.defining(group)).multiplicities)


def test_gradients_are_finite_at_the_identity() -> None:
    group = UNNAMED["SU(3)"]
    for rho in irreps(group, level=2):
        g = group.identity.clone().requires_grad_()
        value = (rho(g) + 0 * g.sum()).sum()  # the trivial irrep does not depend on g
        assert bool(torch.autograd.grad(value, g)[0].isfinite().all())


def test_seeds_do_not_matter() -> None:
    from equilayers.representations import powers

    group = UNNAMED["SO(1,3)"]
    g = group.sample(2, torch.Generator().manual_seed(1))
    first = [rho(g) for rho in irreps(group, level=2)]
    torch.manual_seed(1234)
    powers._known.cache_clear()
    assert all(torch.equal(a, rho(g)) for a, rho in zip(first, irreps(group, level=2), strict=True))


def test_what_is_refused() -> None:
    with pytest.raises(NotCertified, match="closed under transpose"):
        irreps(SkewBoosts(), level=1)
    with pytest.raises(BadRepresentation):
        irrep(UNNAMED["SU(3)"], "7")
    with pytest.raises(BadRepresentation):
        irrep(UNNAMED["SU(3)"], "x")
    with pytest.raises(BadInput):
        irreps(UNNAMED["SU(3)"])
