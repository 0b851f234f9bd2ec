"""Whatever is measured, and in whatever dtype, the meter gives a number with its floor, or the true reason."""

from __future__ import annotations

import random
import re
import warnings

import numpy as np
import pytest
import torch
from torch import nn

import equilayers as eq
from equilayers.errors import BadInput
from equilayers.measurement import equivariance_error

C4 = eq.group("C4")
V, ONE = eq.defining(C4), eq.trivial(C4)
WIDE, NARROW = 4 * V, 2 * V
HALVES = (torch.bfloat16, torch.float16)
DTYPES = (torch.float64, torch.float32, *HALVES)
EPS = {dtype: torch.finfo(dtype).eps for dtype in DTYPES}


class Exact(nn.Module):
    """Two linear layers and lengths between them."""

    def __init__(self):
        super().__init__()
        self.first, self.second = eq.layers.Linear(WIDE, 3 * V), eq.layers.Linear(3 * V, NARROW)

    def forward(self, x):
        h = self.first(x)
        return self.second(h * (1 + h.square().mean(-1, keepdim=True)).rsqrt())


class Plain(nn.Module):
    """Nothing that a group could know."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(8, 16), nn.Linear(16, 4)

    def forward(self, x):
        return self.second(torch.tanh(self.first(x)))


@pytest.fixture
def x():
    return torch.randn(64, 8, generator=torch.Generator().manual_seed(1))


@pytest.fixture(autouse=True)
def weights():
    torch.manual_seed(3)


# Dtypes and widths


class Still:
    """The trivial action on any number of components, without a matrix."""

    group = C4

    def transform(self, g, x):
        return x


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("width", [2, 10, 100, 10_000])
def test_a_verdict_does_not_depend_on_the_width(dtype, width):
    """The same number many times over has the same error, floor and verdict."""
    x = V.sample_input(64, torch.Generator().manual_seed(0)).to(dtype)
    length = lambda x: x.norm(dim=-1, keepdim=True)
    for f, is_exact in ((length, True), (lambda x: length(x) + x[:, :1], False)):
        one, many = (equivariance_error(lambda x, f=f, w=w: f(x).repeat(1, w), V, Still(), x) for w in (1, width))
        assert many.error == pytest.approx(one.error, rel=1e-6) and many.interval == pytest.approx(
            one.interval, rel=1e-6
        )
        assert many.floor == pytest.approx(one.floor, rel=1e-6)
        assert many.is_at_floor == one.is_at_floor == is_exact and (many.error > 0.3) == (not is_exact)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", range(3))
def test_a_small_plain_layer_reads_alike_in_every_dtype(dtype, seed):
    torch.manual_seed(seed)
    net = nn.Linear(2, 2)
    exact = equivariance_error(nn.Linear(2, 2).double().requires_grad_(False), V, V)
    with torch.no_grad():
        net.weight.copy_(net.weight.bfloat16())  # numbers that every dtype holds
        net.bias.copy_(net.bias.bfloat16())
    x = V.sample_input(64, torch.Generator().manual_seed(0)).bfloat16()
    wanted = equivariance_error(net.double(), V, V, x.double())
    found = equivariance_error(net.to(dtype), V, V, x.to(dtype))
    assert exact.error is not None and 0.4 < wanted.error < 1.4
    assert found.error == pytest.approx(wanted.error, abs=4 * EPS[dtype]) and found.floor < 8 * EPS[dtype]


@pytest.mark.parametrize("dtype", DTYPES)
def test_an_exact_network_with_ten_classes_is_exact_in_every_dtype(dtype):
    net = eq.models.GroupCNN(C4, 4).to(dtype)
    assert net.classes == 10
    report = equivariance_error(net, net.in_action, net.out_action, n=32)
    assert report.is_at_floor and report.error < 20 * EPS[dtype] and report.interval is not None


def undefined_by_the_old_rule(v, b):
    """A norm beside the size of a single component, times a constant."""
    return b**0.5 <= 1000 * torch.finfo(v.dtype).eps * float(v.double().square().mean().sqrt())


def test_the_old_rule_would_call_narrow_networks_undefined():
    net = nn.Linear(2, 2).bfloat16()
    report = equivariance_error(net, V, V)
    with torch.no_grad():
        v = net(V.sample_input(128).bfloat16())
    assert report.error is not None and undefined_by_the_old_rule(v, report.scale**2)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("resolved", [True, False])
def test_an_offset_is_undefined_where_rounding_hides_the_rest(dtype, resolved):
    """By the floor, so that the limit lies at the same number of roundoffs in every dtype and width."""
    offset = (0.02 if resolved else 3) / EPS[dtype]
    for width in (1, 300):
        x = torch.randn(64, 2, generator=torch.Generator().manual_seed(5)).to(dtype)
        wanted = equivariance_error(lambda x, w=width: x.repeat(1, w), V, Still(), x.double()).error
        report = equivariance_error(lambda x, w=width: offset + x.repeat(1, w), V, Still(), x)
        if resolved:
            assert report.error == pytest.approx(wanted, rel=0.05) and report.floor < 0.1
        else:
            assert report.error is None and "does not resolve: rounding alone gives" in report.undefined


@pytest.mark.parametrize("group", ["C4", "SO(2)"])
def test_integers_and_truth_values_are_read_as_numbers(group):
    """Also under an action whose matrices are no integers."""
    U = eq.defining(eq.group(group))
    for f in (lambda x: (3 * x).round().long(), lambda x: (2 * x).round().int(), lambda x: x > 0):
        found = equivariance_error(f, U, U)
        wanted = equivariance_error(lambda x, f=f: f(x).double(), U, U)
        assert found.error == pytest.approx(wanted.error, rel=1e-12) and found.scale > 0.5


def test_complex_functions_are_measured_as_pairs_of_real_numbers():
    z = torch.randn(40, 4, dtype=torch.complex128, generator=torch.Generator().manual_seed(0))
    real = torch.view_as_real(z).transpose(1, 2).flatten(1)  # real parts, imaginary parts
    weight = torch.randn(4, 4, dtype=torch.complex128, generator=torch.Generator().manual_seed(1))
    found = equivariance_error(lambda z: z @ weight, NARROW, NARROW, z)

    def separate(x):
        y = torch.complex(x[:, :4], x[:, 4:]) @ weight
        return torch.cat([y.real, y.imag], 1)

    wanted = equivariance_error(separate, NARROW + NARROW, NARROW + NARROW, real)
    assert found.error == pytest.approx(wanted.error, rel=1e-12) and 0.5 < found.error < 1.2
    module = nn.Linear(4, 4, bias=False, dtype=torch.complex64)
    drawn = equivariance_error(module, NARROW, NARROW)
    assert drawn.error > 0.5 and "twin" in drawn.floor_source
    assert equivariance_error(lambda z: 1j * z, NARROW, NARROW, z.to(torch.complex64)).is_at_floor


def test_a_module_is_given_the_dtype_of_most_of_its_numbers():
    """A norm in single precision before a network in half."""

    class Mixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.LayerNorm(8)
            self.net = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 4)).bfloat16()

        def forward(self, x):
            assert x.dtype == torch.bfloat16
            return self.net(self.norm(x.float()).bfloat16())

    for inputs in (None, torch.randn(40, 8)):
        report = equivariance_error(Mixed(), WIDE, NARROW, inputs)
        assert report.error > 0.4 and report.floor < 0.1


def test_inputs_beyond_the_range_of_a_dtype_are_said():
    net = nn.Linear(2, 2).half()
    with pytest.raises(BadInput, match=r"torch.float16 can hold(.|\n)*not finite +2"):
        equivariance_error(net, V, V, torch.full((2, 2), 1e5) * torch.tensor([[1.0, 0], [0, 1]]) + 1)
    boosts = eq.defining(eq.group("SO(1,3)"))
    far = equivariance_error(lambda x: x, boosts, boosts, 5e4 * torch.rand(8, 4).half())
    assert far.error is None and "beyond the range of float16" in far.undefined


# Modules of every make


def traced(net, x):
    return torch.jit.trace(net, x)


def exported(net, x):
    return torch.export.export(net, (x,)).module()


def exported_for_any_batch(net, x):
    return torch.export.export(net, (x,), dynamic_shapes=({0: torch.export.Dim("batch", min=2)},)).module()


def compiled(net, x):
    return torch.compile(net, backend="eager")


def parallel(net, x):
    return nn.DataParallel(net)


class CastsInside(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net(x.float())


class CastsAndReturns(CastsInside):
    """Its copy in double precision runs, and is no more precise."""

    def forward(self, x):
        return self.net(x.float().to(x.dtype))


def casts_inside(net, x):
    return CastsInside(net)


def casts_and_returns(net, x):
    return CastsAndReturns(net)


class Hooked(CastsInside):
    """Keeps what it computed, with its history, so that it cannot be copied."""

    def forward(self, x):
        with torch.enable_grad():
            self.kept = self.net(x.requires_grad_()) * 1
        return self.kept


def hooked(net, x):
    return Hooked(net)


MAKES = {  # how it is made, and how its floor is found where only one way is right
    "traced": (traced, ""),
    "exported": (exported, ""),
    "exported for any batch": (exported_for_any_batch, ""),
    "compiled": (compiled, "twin"),
    "parallel": (parallel, "twin"),
    "casts inside": (casts_inside, "estimated"),
    "casts and returns": (casts_and_returns, "estimated"),
    "cannot be copied": (hooked, "estimated"),
    "function": (lambda net, x: lambda x: net(x), "estimated"),
    "in double precision": (lambda net, x: CastsInside(net).requires_grad_(False), "estimated"),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("make", MAKES)
def test_modules_of_every_make_are_measured(make, x):
    build, source = MAKES[make]
    for net, exact in ((Exact(), True), (Plain(), False)):
        wanted = equivariance_error(net, WIDE, NARROW, x)
        report = equivariance_error(build(net.eval(), x), WIDE, NARROW, x)
        assert report.error == pytest.approx(wanted.error, abs=2e-7) and report.interval is not None
        assert report.is_at_floor == exact and 1e-9 < report.floor < 2e-6
        assert source in report.floor_source
        assert ("by a float64 twin" in report.floor_source) != ("no float64 twin: " in report.floor_source)


@pytest.mark.filterwarnings("ignore")
def test_a_scripted_module_is_measured(x):
    scripted = torch.jit.script(Plain().eval())
    for module in (scripted, torch.jit.freeze(scripted)):
        report = equivariance_error(module, WIDE, NARROW, x)
        assert report.error > 0.5 and report.floor < 1e-6


@pytest.mark.filterwarnings("ignore")
def test_a_quantised_module_is_measured(x):
    net = Plain()
    quantised = torch.ao.quantization.quantize_dynamic(net, {nn.Linear}, dtype=torch.qint8)
    wanted = equivariance_error(net, WIDE, NARROW, x)
    for report in (equivariance_error(quantised, WIDE, NARROW, x), equivariance_error(quantised, WIDE, NARROW, n=64)):
        assert report.error == pytest.approx(wanted.error, abs=0.1) and "no float64 twin" in report.floor_source


@pytest.mark.filterwarnings("ignore")
def test_a_sharded_module_is_measured(x):
    import torch.distributed as dist
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    net = Plain()
    wanted = equivariance_error(net, WIDE, NARROW, x)
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        mesh = init_device_mesh("cpu", (1,))
        for part in (net.first, net.second, net):
            fully_shard(part, mesh=mesh)
        report = equivariance_error(net, WIDE, NARROW, x)
    finally:
        dist.destroy_process_group()
    assert report.error == pytest.approx(wanted.error, abs=1e-6) and "no float64 twin" in report.floor_source


def test_a_twin_that_is_no_more_precise_is_not_believed(x):
    """Believed, it would say that rounding gives nothing, and an exact network would not stand at its floor."""
    net = CastsAndReturns(Exact())
    report = equivariance_error(net, WIDE, NARROW, x)
    assert report.is_at_floor and "computes in torch.float32 inside" in report.floor_source
    assert net.double()(x.double()).dtype == torch.float64


def test_a_constant_of_less_precision_does_not_raise_the_floor():
    """It is exact; a result that passes through less precision is not."""
    x = torch.randn(64, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    weights = torch.tensor([1.0, 2.0, 0.5] + 5 * [1.0])
    fine = equivariance_error(lambda x: x * weights, WIDE, WIDE, x)
    coarse = equivariance_error(lambda x: x.float() * weights, WIDE, WIDE, x)
    hidden = equivariance_error(lambda x: x.bfloat16().double() * weights, WIDE, WIDE, x)
    assert fine.floor < 1e-14 < 1e-8 < coarse.floor < 1e-6 < 1e-3 < hidden.floor < 0.1


def test_estimated_floors_are_those_of_a_twin_up_to_a_small_factor():
    """The estimate of networks that have a twin, beside it."""
    cases = 0
    for width in (1, 8, 64):
        for depth in (1, 3):
            R = width * eq.regular(C4)
            net = nn.Sequential(
                *(
                    layer
                    for _ in range(depth)
                    for layer in (eq.layers.Linear(R, R), eq.layers.PointwiseActivation(R, torch.relu))
                )
            )
            by_twin = equivariance_error(net, R, R, n=64)
            estimated = equivariance_error(lambda x, net=net: net(x), R, R, n=64)
            assert by_twin.floor < estimated.floor < 20 * by_twin.floor and estimated.is_at_floor
            cases += 1
    assert cases == 6


# What is left as it was


class Consumes(nn.Module):
    """Draws from every global stream, and uses none of it."""

    def forward(self, x):
        torch.rand(3), np.random.rand(3), random.random()  # noqa: NPY002
        return x * x.norm(dim=-1, keepdim=True)


class Draws(nn.Module):
    def forward(self, x):
        return x + 0.3 * torch.randn_like(x) + float(np.random.randn()) + random.random()  # noqa: NPY002


@pytest.mark.parametrize("draws", [1, 4])
@pytest.mark.parametrize("f", [Consumes(), Draws(), lambda x: Draws()(x)], ids=["consumes", "draws", "function"])
def test_the_global_random_streams_are_as_before(f, draws):
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    first, second = (equivariance_error(f, V, V, draws=draws) for _ in range(2))
    after = torch.get_rng_state(), np.random.get_state()[1], random.getstate()  # noqa: NPY002
    assert torch.equal(before[0], after[0]) and (before[1] == after[1]).all() and before[2] == after[2]
    assert first.error == second.error and first.undefined == second.undefined
    if isinstance(f, Consumes):
        assert first.is_at_floor and "twin" in first.floor_source  # randomness that is drawn and not used
    assert eq.testing.assert_equivariant(Consumes(), V, V).ran == 3
    assert torch.equal(before[0], torch.get_rng_state())


class Counts(nn.Module):
    """Its buffers change at every call: one in place, one by another tensor, one that holds NaN."""

    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(1))
        self.register_buffer("last", torch.zeros(1))
        self.register_buffer("missing", torch.full((2,), torch.nan))
        self.norm = nn.BatchNorm1d(8)

    def forward(self, x):
        self.calls += 1
        self.last = x.detach().mean().reshape(1)
        self.missing[0] = 3.0
        return self.norm(x)


def test_modes_and_buffers_are_as_before():
    net = nn.Sequential(Counts(), nn.Dropout(0.5), nn.Linear(8, 4)).train()
    net[0].norm.eval()
    buffers = dict(net.named_buffers())
    values = {name: value.clone() for name, value in buffers.items()}
    first, second = (equivariance_error(net, WIDE, NARROW) for _ in range(2))
    assert first.error == second.error > 0.3
    assert net.training and net[1].training and not net[0].norm.training
    now = dict(net.named_buffers())
    assert len(now) == 6 and all(now[name] is buffer for name, buffer in buffers.items())
    assert all(torch.equal(now[n].nan_to_num(7), values[n].nan_to_num(7)) for n in now)


def test_hooks_fire_and_none_is_left_behind(x):
    net, seen = Exact(), []
    net.first.register_forward_hook(lambda module, given, out: seen.append(len(given[0])) or 2 * out)
    hooks = len(net.first._forward_hooks), len(net.first._forward_pre_hooks)
    report = equivariance_error(net, WIDE, NARROW, x)
    assert report.is_at_floor and seen and set(seen) == {64}
    assert (len(net.first._forward_hooks), len(net.first._forward_pre_hooks)) == hooks
    assert len(report.layers) == 2 and all(part.own < 1e-6 for part in report.layers)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_functions_that_work_in_place_or_in_one_buffer_change_nothing(dtype):
    x = torch.randn(64, 2, generator=torch.Generator().manual_seed(0)).to(dtype)
    kept, buffer = x.clone(), torch.zeros(64, 2, dtype=dtype)
    wanted = equivariance_error(torch.exp, V, V, x).error

    def in_one_buffer(x):
        return buffer.copy_(x.exp())

    for f in (lambda x: x.exp_(), in_one_buffer, lambda x: torch.exp(x, out=x)):
        assert equivariance_error(f, V, V, x).error == pytest.approx(wanted, rel=1e-12)
        assert torch.equal(x, kept)


def test_a_part_that_the_next_one_overwrites_is_attributed():
    class Doubles(nn.Module):
        in_action = out_action = V

        def forward(self, x):
            return 2 * x

    net = nn.Sequential(Doubles(), nn.ReLU(inplace=True), Doubles())
    first, last = equivariance_error(net, V, V).layers
    assert first.own < 1e-6 and first.accumulated < 1e-6 and last.own < 1e-6 and last.accumulated > 0.3


@pytest.mark.parametrize("inside", [True, False])
def test_functions_that_differentiate_inside_are_measured(inside):
    """Forces, of an energy that depends on the length, and of one that does not only."""

    def forces(x, energy):
        x = x.requires_grad_() if inside else x
        return torch.autograd.grad(energy(x), x)[0]

    good = equivariance_error(lambda x: forces(x, lambda x: x.norm(dim=-1).pow(3).sum()), V, V)
    bad = equivariance_error(lambda x: forces(x, lambda x: x.pow(4).sum()), V, V)
    assert good.is_at_floor and good.error < 1e-6 and bad.is_at_floor  # x^4 + y^4 does not know quarter turns either
    worse = equivariance_error(lambda x: forces(x, lambda x: (x**4 + x[:, :1] ** 3).sum()), V, V)
    assert worse.error > 0.1


# Groups


@pytest.mark.parametrize("name", ["C1", "SO(2)", "SO(3)", "U(2)", "SO(1,3)", "GL(2)", "SL(2,C)", "S6", "S40", "SE(2)"])
def test_groups_of_every_kind(name):
    U = eq.defining(eq.group(name))
    exact = equivariance_error(lambda x: 2 * x, U, U, n=32, samples=4)
    plain = equivariance_error(lambda x: (1 + torch.arange(x.shape[-1], dtype=x.dtype)) * x, U, U, n=32, samples=4)
    if name == "C1":
        assert all("no element besides the identity" in report.undefined for report in (exact, plain))
        return
    assert exact.is_at_floor and exact.error < 1e-6 and plain.error > 0.05 and not plain.is_at_floor
    assert plain.interval[0] < plain.error < plain.interval[1]
    compact = name not in ("SO(1,3)", "GL(2)", "SL(2,C)", "SE(2)")
    assert ("how elements" in str(plain)) == (not compact)


# Reasons


def rarely(x):
    return torch.where(x[:, :1] > 2.2, torch.nan, x)


class AtTheFourthCall:
    def __init__(self):
        self.calls = 0

    def __call__(self, x):
        self.calls += 1
        return x * (torch.nan if self.calls == 4 else 1)


REASONS = {
    "zero": (lambda x: 0 * x, "outputs of different inputs do not differ"),
    "constant": (lambda x: torch.ones_like(x[:, :1]).expand(-1, 2), None),
    "NaN for some inputs": (rarely, r"\d+ of \d+ output values are not finite: \d+ of f\(x\), \d+ of f\(g x\)"),
    "NaN at some calls": (AtTheFourthCall(), r"128 of 640 output values are not finite: 0 of f\(x\), 128 of f\(g x\)"),
    "no entries": (lambda x: x[:, :0], "has no entries"),
}


@pytest.mark.parametrize("case", REASONS)
def test_the_true_reason_is_said(case):
    f, words = REASONS[case]
    out = 0 * V if case == "no entries" else V
    report = equivariance_error(f, V, out, n=64)
    if words is None:  # a constant vector that should turn is no better than another input's: a number
        assert report.error == pytest.approx(1, abs=1e-6)
        return
    assert report.error is None and report.interval is None and not report.is_at_floor
    assert re.search(words, report.undefined), report.undefined


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        (torch.zeros(0, 2), "two inputs are needed to compare with, there is 0"),
        (torch.ones(1, 2), "two inputs are needed to compare with, there is 1"),
        (torch.ones(40, 2), "copies of one"),
        (torch.tensor([[1.0, 2.0], [-2.0, 1.0], [-1.0, -2.0], [2.0, -1.0]]), "copies of one"),
    ],
    ids=["none", "one", "the same", "one orbit"],
)
def test_inputs_that_cannot_be_compared_are_said(inputs, words):
    assert words in equivariance_error(torch.exp, V, V, inputs).undefined


def test_a_function_is_measured_without_its_scale_in_the_way():
    """From sizes whose squares vanish in double precision to sizes whose squares overflow."""
    x = torch.randn(40, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    wanted = equivariance_error(torch.tanh, V, V, x * torch.tensor([1.0, 0.1]))
    for scale in (1e-300, 1e-200, 1e-30, 1e30, 1e200, 1e300):
        found = equivariance_error(lambda x, s=scale: s * torch.tanh(x), V, V, x * torch.tensor([1.0, 0.1]))
        assert found.error == pytest.approx(wanted.error, rel=1e-9) and found.interval is not None
        assert found.interval == pytest.approx(wanted.interval, rel=1e-9)
        assert found.scale == pytest.approx(scale * wanted.scale, rel=1e-9)


def test_warnings_of_the_meter_itself_are_none(x):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for f in (torch.exp, lambda x: 1e200 * x.double(), lambda x: x / 0, lambda x: x * torch.nan):
            equivariance_error(f, WIDE, WIDE, x)
