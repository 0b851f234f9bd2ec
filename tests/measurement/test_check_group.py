"""check_group accepts what is a group and rejects each broken twin with the name of the law it breaks."""

from __future__ import annotations

import uuid

import numpy as np
import pytest
import torch

from equilayers.errors import BadGroup, CheckFailed
from equilayers.groups import (
    FiniteGroup,
    Generators,
    MatrixGroup,
    Orthogonal,
    PermutationGroup,
    SpecialOrthogonal,
    group,
)
from equilayers.measurement import check_group

NAMES = (
    "trivial", "C1", "C2", "C4", "C8", "D1", "D4", "D5", "S3", "S5", "A5", "Q8", "T", "O", "I", "Oh", "Ih", "SO(2)",
    "O(2)", "SO(3)", "O(3)", "SU(2)", "SO(1,3)", "C4 x D3", "SO(3) x S4", "S12",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_shipped_groups(name):
    report = check_group(group(name))
    laws_of_a_single_group = 38 - len(report.not_run) if " x " not in name else 0
    assert report.ran >= max(28, laws_of_a_single_group - 3)
    assert all(reason for reason in report.not_run.values())
    assert str(report.ran) in repr(report) and "not run" in str(report)


def unit(i, j, n=3):
    matrix = np.zeros((n, n))
    matrix[i, j] = 1.0
    return matrix


class Heisenberg(MatrixGroup):
    def generators(self):
        return Generators(lie=[unit(0, 1), unit(1, 2), unit(0, 2)])


class Rotations(MatrixGroup):
    """O(3) from its description, the base of the broken twins."""

    lie = ((0, 1), (1, 2), (0, 2))

    def generators(self):
        return Generators(lie=[unit(i, j) - unit(j, i) for i, j in self.lie], discrete=[-np.eye(3)])


class Square(PermutationGroup):
    """The symmetries of a square on its corners."""

    def __init__(self):
        super().__init__(np.array([[1, 2, 3, 0], [3, 2, 1, 0]]), "symmetries of a square")


def test_a_group_that_nobody_shipped():
    assert check_group(Heisenberg()).ran >= 28
    assert check_group(Rotations()).ran >= 30
    assert check_group(Square()).ran >= 30
    assert check_group(FiniteGroup.from_table([[0, 1, 2], [1, 2, 0], [2, 0, 1]], name="three")).ran >= 30


class WrongInverse(Square):
    def inverse(self, g):
        return g


class NotAssociative(Rotations):
    def compose(self, g, h):
        return g @ h @ torch.linalg.inv(g) @ g @ (torch.eye(3, dtype=torch.float64) + 1e-6 * h @ h - 1e-6 * h @ h @ g)


class WrongIdentity(Rotations):
    @property
    def identity(self):
        return -torch.eye(3, dtype=torch.float64)


class WrongOrder(Square):
    order = 4


class LargerOrder(Square):
    order = 16

    def elements(self):
        return super().elements()


class MissingElement(Square):
    def elements(self):
        return super().elements()[:-1]


class RepeatedElement(Square):
    def elements(self):
        listed = super().elements()
        return torch.cat([listed[:-1], listed[1:2]])


class WrongIndex(Square):
    def index(self, g):
        return super().index(g).flip(0)


class Backwards(Square):
    def compose(self, g, h):
        return super().compose(h, g)


class LosesAComponent(Rotations):
    def sample(self, n, generator=None):
        g = super().sample(n, generator)
        return g * torch.linalg.det(g)[:, None, None]


class NeverTheLast(Square):
    def sample(self, n, generator=None):
        return self.elements()[torch.randint(7, (n,), generator=generator)]


class NotHaar(Rotations):
    def sample(self, n, generator=None):
        sign = 1 - 2 * torch.randint(2, (n, 1, 1), generator=generator)
        return sign * self.exp(0.3 * torch.randn(n, 3, generator=generator, dtype=torch.float64))


class IgnoresTheGenerator(Rotations):
    calls = 0

    def sample(self, n, generator=None):
        type(self).calls += 1
        return super().sample(n, torch.Generator().manual_seed(self.calls))


class AlwaysTheSame(Rotations):
    def sample(self, n, generator=None):
        return super().sample(n, torch.Generator().manual_seed(0))


class NotCompact(Rotations):
    is_compact = False


class Compact(Heisenberg):
    is_compact = True

    def sample(self, n, generator=None):
        return self.exp(torch.randn(n, 3, generator=generator, dtype=torch.float64))


class Connected(Rotations):
    is_connected = True


class NotConnected(Heisenberg):
    is_connected = False


class TransposeClosed(Heisenberg):
    is_transpose_closed = True


class WrongExponential(Rotations):
    def exp(self, coefficients):
        return super().exp(2 * coefficients)


class WrongConstants(Rotations):
    structure_constants = np.ones((3, 3, 3))


class OpenBracket(Rotations):
    lie = ((0, 1), (1, 2))


class Dependent(Rotations):
    lie = ((0, 1), (1, 2), (0, 2), (0, 1))


class Singular(Rotations):
    def generators(self):
        return Generators(lie=super().generators().lie, discrete=[np.diag([1.0, 1.0, 0.0])])


class NotNormal(MatrixGroup):
    def generators(self):
        return Generators(lie=[unit(0, 1) - unit(1, 0)], discrete=[np.eye(3)[[0, 2, 1]]])


class NotAPermutation(Square):
    def generators(self):
        return Generators(discrete=[[0, 0, 1, 2]])


class ContainsNothing(Rotations):
    def contains(self, g):
        return False


class ContainsEverything(Rotations):
    def contains(self, g):
        return True


class ContainsEveryPermutation(Square):
    def contains(self, g):
        return bool((g.sort(-1).values == torch.arange(4)).all())


class SamplesOutside(Square):
    def sample(self, n, generator=None):
        return torch.rand(n, 4, generator=generator, dtype=torch.float64).argsort(-1)

    def contains(self, g):
        return True


class LostReflection(Orthogonal):
    """The name, the samples and the membership of O(3), but generators of SO(3)."""

    def generators(self):
        return Generators(lie=super().generators().lie)


class AllEqual(Rotations):
    def equal(self, g, h, tolerance=1e-9):
        return torch.ones(g.shape[:-2], dtype=torch.bool)


class NeverEqual(Rotations):
    def equal(self, g, h, tolerance=1e-9):
        return torch.zeros(g.shape[:-2], dtype=torch.bool)


class RandomFingerprint(Rotations):
    @property
    def fingerprint(self):
        return uuid.uuid4().hex


class NotPickled(Rotations):
    def __reduce__(self):
        raise TypeError("no")


class Nameless(Rotations):
    def __repr__(self):
        return object.__repr__(self)


class WrongShape(Square):
    element_shape = (5,)


class WrongImages(Square):
    def to_permutation(self, g):
        return torch.argsort(g, -1)

    def from_permutation(self, p):
        return torch.argsort(p, -1)


class BackwardsMatrices(Rotations):
    def compose(self, g, h):
        return h @ g


class LongerBasis(Rotations):
    @property
    def lie_basis(self):
        return 2 * self.description.lie


class Semisimple(Heisenberg):
    is_semisimple = True


class Finite(Rotations):
    is_finite = True


class Transposed(Heisenberg):
    def inverse(self, g):
        return g.transpose(-1, -2)


class SinglePrecision(Rotations):
    def compose(self, g, h):
        return (g.float() @ h.float()).double()


class NotAnAutomorphism(MatrixGroup):
    """The upper triangular shear, and an exchange of axes that makes it a lower one."""

    def generators(self):
        return Generators(lie=[unit(0, 1, 2)], discrete=[[[0.0, 1.0], [1.0, 0.0]]])


TWINS = {
    BackwardsMatrices: r"compose\(\) is the product",
    LongerBasis: "lie_basis is the description's",
    Semisimple: "is_semisimple",
    Finite: "is_finite",
    Transposed: "inverse law",
    SinglePrecision: "identity law|compose",
    NotAnAutomorphism: "Discrete generators keep the algebra",
    WrongInverse: "inverse law",
    NotAssociative: "identity law|inverse law|Associativity",
    WrongIdentity: "identity law|identity",
    WrongOrder: "order equals the number of elements",
    LargerOrder: "order equals the number of elements",
    MissingElement: r"elements\(\) lists the group",
    RepeatedElement: r"elements\(\) lists the group",
    WrongIndex: r"index\(\) is the position",
    Backwards: "permutation action is a homomorphism",
    LosesAComponent: r"sample\(\) reaches every component",
    NeverTheLast: r"sample\(\) is uniform",
    NotHaar: r"sample\(\) is Haar",
    IgnoresTheGenerator: "reproducible",
    AlwaysTheSame: "depends on the generator",
    NotCompact: "is_compact",
    Compact: "is_compact",
    Connected: "is_connected",
    NotConnected: "is_connected",
    TransposeClosed: "is_transpose_closed",
    WrongExponential: "exp is generated by lie_basis",
    WrongConstants: "structure_constants",
    OpenBracket: "bracket closes",
    Dependent: "independent",
    Singular: "invertible",
    NotNormal: "keep the algebra",
    NotAPermutation: "is a permutation",
    ContainsNothing: "contains its identity",
    ContainsEverything: r"contains\(\) agrees",
    ContainsEveryPermutation: r"contains\(\) agrees",
    SamplesOutside: "stays inside",
    lambda: LostReflection(3): "stays inside",
    AllEqual: r"equal\(\) tells",
    NeverEqual: r"equal\(\) is reflexive",
    RandomFingerprint: "Pickle keeps the group",
    NotPickled: "Pickle",
    Nameless: r"repr\(\)",
    WrongShape: "declared shape",
    WrongImages: "homomorphism",
}


def test_there_are_enough_twins():
    assert len(TWINS) == 45


@pytest.mark.parametrize("twin", TWINS, ids=lambda twin: twin.__name__.replace("<lambda>", "LostReflection"))
def test_broken_twins_are_rejected(twin):
    with pytest.raises(CheckFailed, match=TWINS[twin]) as failure:
        check_group(twin())
    assert "subject" in str(failure.value)


@pytest.mark.parametrize("entry", [(k, i, j) for k in range(3) for i in range(3) for j in range(3)])
def test_every_perturbed_entry_of_a_lie_generator_is_noticed(entry):
    """An algebra of dimension 3 in general position does not close."""
    k, i, j = entry

    class Perturbed(Rotations):
        def generators(self):
            lie = np.array(super().generators().lie)
            lie[k, i, j] += 0.01
            return Generators(lie=lie, discrete=[-np.eye(3)])

    with pytest.raises(CheckFailed, match="bracket closes"):
        check_group(Perturbed())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["D4"])
def test_every_perturbed_entry_and_every_lost_generator_of_a_shipped_group_is_noticed(name):
    G = group(name)
    given = G.description.discrete
    twins = [np.delete(given, s, 0) for s in range(len(given))]
    for entry in np.ndindex(*given.shape):
        twins.append(given.copy())
        twins[-1][entry] += 0.01
    for discrete in twins:
        twin = type(G).__new__(type(G))
        vars(twin).update(vars(G))
        for derived in ("description", "vectors", "permutation_generators", "chain", "_enumeration", "fingerprint"):
            vars(twin).pop(derived, None)
        twin._generators = discrete
        with pytest.raises((CheckFailed, BadGroup), match=r"order equals|do not close|does not belong"):
            check_group(twin)


def test_a_factor_of_a_product_is_checked():
    class Half(SpecialOrthogonal):
        def exp(self, coefficients):
            return super().exp(0.5 * coefficients)

    from equilayers.groups import direct_product

    with pytest.raises(CheckFailed, match="exp is generated by lie_basis"):
        check_group(direct_product(group("C2"), Half(3)))
