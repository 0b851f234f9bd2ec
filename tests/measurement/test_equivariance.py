"""The meter reads 0 and 1 where it must, says when it cannot read, and its interval covers."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from equilayers.errors import BadInput, GroupMismatch
from equilayers.measurement import equivariance_error


class QuarterTurns:
    """The rotations by multiples of 90 degrees, written down by hand so that no code of the library is trusted."""

    order = 4
    is_compact = True

    def elements(self):
        return torch.arange(4)

    def inverse(self, g):
        return (-g) % 4

    def sample(self, n, generator=None):
        return torch.randint(4, (n,), generator=generator)

    def __eq__(self, other):
        return isinstance(other, QuarterTurns)

    __hash__ = object.__hash__


class Circle:
    """Plane rotations by an angle, an infinite group of one dimension."""

    order = None
    is_compact = True

    def inverse(self, g):
        return -g

    def sample(self, n, generator=None):
        return 2 * math.pi * torch.rand(n, generator=generator, dtype=torch.float64)

    def __eq__(self, other):
        return isinstance(other, Circle)

    __hash__ = object.__hash__


class TurnImage:
    group = QuarterTurns()

    def __init__(self, size=8):
        self.size = size

    def transform(self, g, x):
        if g.dim() == 0:
            return torch.rot90(x, int(g), (-2, -1))
        return torch.stack([torch.rot90(y, int(k), (-2, -1)) for k, y in zip(g, x, strict=True)])

    def sample_input(self, n, generator=None, dtype=None):
        return torch.randn(n, 1, self.size, self.size, generator=generator, dtype=dtype or torch.float32)


class Still:
    """The trivial action: outputs should not move."""

    def __init__(self, group, dim=1):
        self.group, self.dim = group, dim

    def transform(self, g, x):
        return x

    def sample_input(self, n, generator=None, dtype=None):
        return torch.randn(n, self.dim, generator=generator, dtype=dtype or torch.float32)


class TurnPlane:
    """Vectors of the plane under rotations; ``stretch`` makes the action non-orthogonal."""

    group = Circle()

    def __init__(self, stretch=1.0):
        self.frame = torch.tensor([[1.0, 0.0], [0.0, stretch]], dtype=torch.float64)
        self.is_orthogonal = stretch == 1.0

    def transform(self, g, x):
        c, s = g.cos(), g.sin()
        turn = torch.stack([torch.stack([c, -s], -1), torch.stack([s, c], -1)], -2)
        matrix = (self.frame @ turn @ torch.linalg.inv(self.frame)).to(x.dtype)
        return (matrix @ x[..., None])[..., 0]

    def sample_input(self, n, generator=None, dtype=None):
        return torch.randn(n, 2, generator=generator, dtype=dtype or torch.float32)


IMAGE, INVARIANT = TurnImage(), Still(QuarterTurns())


def untrained(kind, seed):
    torch.manual_seed(seed)
    conv = [nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.AvgPool2d(2)]
    nets = {
        "convolutional": lambda: nn.Sequential(*conv, nn.Flatten(), nn.Linear(256, 10)),
        "deep perceptron": lambda: nn.Sequential(
            nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)
        ),
        "tanh": lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 10)),
        "shallow": lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 10)),
    }
    return nets[kind]()


class Scaled(nn.Module):
    def __init__(self, net, factor, offset):
        super().__init__()
        self.net, self.factor, self.offset = net, factor, offset

    def forward(self, x):
        return self.factor * self.net(x) + self.offset


class Invariant(nn.Module):
    """A net averaged over the four turns."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return torch.stack([self.net(torch.rot90(x, k, (-2, -1))) for k in range(4)]).mean(0)


@pytest.mark.parametrize(("factor", "offset"), [(1, 0), (1e-6, 0), (1e6, 0), (1, 1000), (1, -30)])
@pytest.mark.parametrize("kind", ["convolutional", "deep perceptron", "tanh", "shallow"])
def test_untrained_nets_read_one_at_any_scale_and_offset(kind, factor, offset):
    report = equivariance_error(Scaled(untrained(kind, 3), factor, offset), IMAGE, INVARIANT, n=64)
    assert 0.9 <= report.error <= 1.05
    assert report.interval[0] <= report.error <= report.interval[1]
    assert report.exhaustive and report.elements == 3


@pytest.mark.parametrize(("factor", "offset", "bound"), [(1, 0, 1e-5), (1e-6, 0, 1e-5), (1e6, 0, 1e-5), (1, 100, 1e-2)])
def test_exact_nets_read_their_measured_rounding_floor(factor, offset, bound):
    net = Scaled(Invariant(untrained("convolutional", 1)), factor, offset)
    report = equivariance_error(net, IMAGE, INVARIANT)
    assert report.error <= bound and report.is_at_floor and "twin" in report.floor_source
    exact = equivariance_error(net.double(), IMAGE, INVARIANT)
    assert exact.error <= bound * 1e-7 and "at the floor" in str(exact)


def test_the_floor_does_not_hide_a_broken_net():
    report = equivariance_error(untrained("convolutional", 1), IMAGE, INVARIANT)
    assert report.floor < 1e-5 and not report.is_at_floor


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda x: x.new_ones(len(x), 3), "do not differ"),
        (lambda x: x.new_zeros(len(x), 3), "do not differ"),
        (lambda x: 1e8 + x.flatten(1)[:, :3], "do not differ"),
        (lambda x: 1e8 + 3 * x.flatten(1)[:, :3], "does not resolve"),
        (lambda x: x.flatten(1)[:, :3] / 0, "not finite"),
        (lambda x: torch.where(x.flatten(1) > 2, torch.nan, 1.0), "not finite"),
    ],
    ids=["constant", "zero", "far below rounding", "below rounding", "infinite", "NaN"],
)
def test_what_cannot_be_read_is_said(f, words):
    report = equivariance_error(f, IMAGE, INVARIANT)
    assert report.error is None and report.interval is None and words in report.undefined
    assert words in str(report) and words in repr(report)


@pytest.mark.parametrize(("offset", "dtype"), [(1e6, torch.float32), (1e6, torch.float64), (1e8, torch.float64)])
def test_a_signal_above_rounding_is_read(offset, dtype):
    """At 1e6 single precision resolves sixteenths: a reading with a floor of 2 %, where the rule of a thousand
    roundoffs of the size saw nothing."""
    x = IMAGE.sample_input(64, torch.Generator().manual_seed(0), torch.float64)
    wanted = equivariance_error(lambda x: x.flatten(1)[:, :3], IMAGE, INVARIANT, x).error
    report = equivariance_error(lambda x: offset + x.flatten(1)[:, :3], IMAGE, INVARIANT, x.to(dtype))
    assert report.error == pytest.approx(wanted, abs=2 * report.floor + 1e-9) and report.floor < 0.03


def test_a_constant_vector_under_a_moving_action_is_no_better_than_chance():
    plane = TurnPlane()
    report = equivariance_error(torch.ones_like, plane, plane)
    assert report.error == pytest.approx(1, abs=0.01) and not report.is_at_floor


def test_few_inputs_give_no_interval_and_one_gives_no_error():
    net = untrained("shallow", 0)
    few = equivariance_error(net, IMAGE, INVARIANT, n=19)
    assert few.interval is None and few.error is not None and "fewer than 20" in str(few)
    assert equivariance_error(net, IMAGE, INVARIANT, n=20).interval is not None
    one = equivariance_error(net, IMAGE, INVARIANT, n=1)
    assert one.error is None and "two inputs" in one.undefined


def test_the_trivial_group_has_nothing_to_measure():
    class Nothing(QuarterTurns):
        order = 1

        def elements(self):
            return torch.zeros(1, dtype=torch.int64)

    action = Still(Nothing(), 3)
    assert "no element besides" in equivariance_error(lambda x: x, action, action).undefined


def test_inputs_that_are_not_finite_are_refused():
    x = IMAGE.sample_input(40)
    x[3, 0, 1, 2] = torch.nan
    with pytest.raises(BadInput, match=r"(?s)finite inputs.*not finite +1.*\[3, 0, 1, 2\]"):
        equivariance_error(untrained("shallow", 0), IMAGE, INVARIANT, x)


def test_actions_of_two_groups_are_refused():
    with pytest.raises(GroupMismatch, match="one group"):
        equivariance_error(nn.Flatten(), IMAGE, TurnPlane())


@pytest.mark.parametrize("f", [lambda x: x.mean(), lambda x: [x], lambda x: x[:3]], ids=["scalar", "list", "short"])
def test_a_function_that_is_not_batch_to_batch_is_refused(f):
    with pytest.raises(BadInput, match="batch to a batch"):
        equivariance_error(f, IMAGE, INVARIANT)


def test_labels_of_another_length_are_refused():
    with pytest.raises(BadInput, match="one per input"):
        equivariance_error(nn.Flatten(), IMAGE, INVARIANT, n=40, labels=torch.zeros(39))


def test_an_infinite_group_is_sampled_per_input_and_reproducibly():
    plane = TurnPlane()

    def skewed(x):
        return x * x.new_tensor([1.0, 2.0])

    first, second = (equivariance_error(skewed, plane, plane, generator=5) for _ in range(2))
    other = equivariance_error(skewed, plane, plane, generator=6)
    assert first.elements == 16 and not first.exhaustive
    assert first.error == second.error != other.error
    # E|u - v|^2 = |x|^2 / 4 and E|u - v'|^2 = (1 + 4) |x|^2 for two independent standard normal inputs.
    assert first.error == pytest.approx(math.sqrt(0.5 / 5), rel=0.15)
    assert first.worst.error >= first.maximum >= first.median
    assert equivariance_error(lambda x: 3 * x, plane, plane).is_at_floor


def test_a_non_orthogonal_action_says_that_the_sampler_matters():
    stretched = TurnPlane(3.0)
    assert "how elements" in str(equivariance_error(torch.tanh, stretched, stretched))
    assert "how elements" not in str(equivariance_error(torch.tanh, TurnPlane(), TurnPlane()))


def test_the_worst_element_is_found():
    class Seen(nn.Module):
        """Invariant but for the half turn."""

        def forward(self, x):
            low, high = x.flatten(1)[:, :8].sum(1), torch.rot90(x, 2, (-2, -1)).flatten(1)[:, :8].sum(1)
            return torch.stack([x.square().sum((1, 2, 3)), (low - high) * (low + high)], 1)

    report = equivariance_error(Seen(), IMAGE, INVARIANT)
    assert report.worst.element.item() in (1, 2, 3) and report.worst.error >= report.error


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_a_module_is_measured_in_evaluation_mode_and_left_as_it_was(dropout):
    net = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(64), nn.Dropout(dropout), nn.Linear(64, 4))
    net[1].eval()
    state = {name: value.clone() for name, value in net.state_dict().items()}
    first, second = (equivariance_error(net, IMAGE, INVARIANT).error for _ in range(2))
    assert first == second
    assert net.training and not net[1].training and net[2].training
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())


def test_loss_share_is_the_variance_over_the_orbit():
    net = untrained("convolutional", 2).double()
    x = IMAGE.sample_input(50, torch.Generator().manual_seed(1), torch.float64)
    labels = torch.randn(50, 10, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    report = equivariance_error(net, IMAGE, INVARIANT, x, labels=labels)
    orbit = torch.stack([net(torch.rot90(x, k, (-2, -1))) for k in range(4)]).detach()
    variance = (orbit - orbit.mean(0)).square().sum(-1).mean()
    average = (orbit - labels).square().sum(-1).mean()
    assert report.loss_share == pytest.approx(float(variance / average), rel=1e-10)
    assert equivariance_error(Invariant(net), IMAGE, INVARIANT, x, labels=labels).loss_share == pytest.approx(
        0, abs=1e-12
    )


def test_loss_share_of_a_classifier_is_a_jensen_gap():
    labels = torch.randint(10, (64,), generator=torch.Generator().manual_seed(0))
    share = equivariance_error(untrained("convolutional", 2), IMAGE, INVARIANT, n=64, labels=labels).loss_share
    assert 0 < share < 1
    given = equivariance_error(
        untrained("convolutional", 2), IMAGE, INVARIANT, n=64, labels=labels, loss=nn.functional.cross_entropy
    )
    assert given.loss_share == pytest.approx(share, rel=1e-12)


def test_loss_share_from_drawn_elements_estimates_that_of_the_whole_orbit():
    plane = TurnPlane()
    x = plane.sample_input(400, torch.Generator().manual_seed(0), torch.float64)
    few = equivariance_error(lambda x: x * x.new_tensor([1.0, 2.0]), plane, plane, x, samples=4, labels=2 * x)
    # f(x) = (3/2 + diag(-1, 1)/2) x: the symmetric part misses 2x by |x|^2/4, the rest varies by |x|^2/4.
    assert few.loss_share == pytest.approx(0.5, abs=0.05)


def test_parts_that_declare_their_actions_are_attributed():
    class Matrix(Still):
        def transform(self, g, x):
            return x @ torch.eye(7, dtype=x.dtype)

    class Part(nn.Module):
        def __init__(self, f):
            super().__init__()
            self.f, self.in_action, self.out_action = f, IMAGE, IMAGE

        def forward(self, x):
            return self.f(x)

    good, bad = Part(torch.tanh), Part(lambda x: x.cumsum(-1))
    lost = Part(lambda x: x.flatten(1))
    lost.out_action = Matrix(QuarterTurns())
    net = nn.Sequential(good, bad, Part(torch.sin), lost, nn.Linear(64, 3))
    parts = {part.name: part for part in equivariance_error(net, IMAGE, INVARIANT).layers}
    assert list(parts) == ["0", "1", "2", "3"]
    assert parts["0"].own < 1e-5 and parts["0"].accumulated < 1e-5
    assert parts["1"].own > 0.5 and parts["1"].accumulated > 0.5
    assert parts["2"].own < 1e-5 and parts["2"].accumulated > 0.3
    assert parts["3"].own is None and parts["3"].note


@pytest.fixture(scope="module")
def digits():
    """Real 8x8 pictures, which a rotation carries off their distribution."""
    from sklearn.datasets import load_digits

    x = torch.tensor(load_digits().images[1400:], dtype=torch.float32)[:, None]
    return (x - x.mean()) / x.std()


def spread_of_outputs(net, x):
    """The broken twin: the distance in units of the spread of f(x), in place of shuffled pairs."""
    with torch.no_grad():
        v = net(x).double()
        own = torch.stack([(net(torch.rot90(x, k, (-2, -1))).double() - v).square().sum(1) for k in (1, 2, 3)]).mean()
    others = torch.cdist(v, v).square().sum() / (len(v) * (len(v) - 1))
    return float((own / others).sqrt())


@pytest.mark.parametrize("offset", [0, 1000])
@pytest.mark.parametrize("kind", ["convolutional", "deep perceptron", "tanh", "shallow"])
def test_untrained_nets_read_one_on_real_pictures_but_not_by_the_spread_of_outputs(digits, kind, offset):
    twins = []
    for seed in range(4):
        net = untrained(kind, seed)
        report = equivariance_error(Scaled(net, 1, offset), IMAGE, INVARIANT, digits)
        assert 0.9 <= report.error <= 1.05 and not report.is_at_floor
        twins.append(spread_of_outputs(net, digits))
    assert max(twins) > 1.05


def test_a_net_that_pools_over_the_whole_picture_is_partly_invariant(digits):
    """It sees the mean intensity, which a rotation keeps; the meter says so, and still tells it from an exact net."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10)
    )
    assert 0.3 < equivariance_error(net, IMAGE, INVARIANT, digits).error < 0.9
