"""Several tensors in and out, and what does not fit: every mistake is named by its cause."""

from __future__ import annotations

from collections import OrderedDict, namedtuple

import numpy as np
import pytest
import torch
from torch import nn

import equilayers as eq
from equilayers.errors import BadInput, CheckFailed, EquilayersError, GroupMismatch, TooLarge
from equilayers.measurement import assert_equivariant, equivariance_error
from equilayers.measurement.joined import as_action
from equilayers.representations.actions import Action

C4 = eq.group("C4")
V, ONE, IMAGE = eq.defining(C4), eq.trivial(C4), eq.GridField(eq.trivial(C4))
N = 40


def vectors(n=N, seed=0, dtype=torch.float64):
    return torch.randn(n, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


# Several tensors


def scaled(x, y):
    """A vector that turns with both, and a number that does not keep still."""
    return x * y.norm(dim=-1, keepdim=True), x[:, :1] + y[:, 1:]


Pair = namedtuple("Pair", ["first", "second"])


class TwoArguments(nn.Module):
    def forward(self, x, y):
        return scaled(x, y)


class OneArgument(nn.Module):
    def forward(self, both):
        return list(scaled(*both))


class ByName(nn.Module):
    def forward(self, *, y, x):
        return OrderedDict(zip(("vector", "number"), scaled(x, y), strict=True))


class OneDict(nn.Module):
    def forward(self, batch):
        return dict(zip(("number", "vector"), reversed(scaled(batch["x"], batch["y"])), strict=True))


TUPLES, KEYS = ((V, V), (V, ONE)), ({"x": V, "y": V}, {"vector": V, "number": ONE})


@pytest.mark.parametrize(
    ("f", "actions"),
    [
        (scaled, TUPLES),
        (lambda both: scaled(*both), TUPLES),
        (lambda *both: Pair(*scaled(*both)), TUPLES),
        (TwoArguments(), TUPLES),
        (OneArgument(), TUPLES),
        (ByName(), KEYS),
        (OneDict(), KEYS),
        (lambda x, y: dict(zip(KEYS[1], scaled(x, y), strict=True)), KEYS),
        (lambda x, y: dict(zip(KEYS[1], scaled(x, y), strict=True)), (TUPLES[0], KEYS[1])),
        (lambda batch: scaled(batch["x"], batch["y"]), (KEYS[0], TUPLES[1])),
    ],
    ids=[
        "arguments",
        "tuple",
        "any number",
        "module",
        "list",
        "names",
        "dict",
        "both",
        "tuple to dict",
        "dict to tuple",
    ],
)
def test_a_tuple_or_dict_reads_what_the_direct_sum_reads(f, actions):
    x, y = vectors(), vectors(seed=1)
    inputs = (x, y) if isinstance(actions[0], tuple) else {"x": x, "y": y}
    found = equivariance_error(f, *actions, inputs)
    wanted = equivariance_error(
        lambda both: torch.cat(scaled(both[:, :2], both[:, 2:]), 1), V + V, V + ONE, torch.cat([x, y], 1)
    )
    assert found.error == pytest.approx(wanted.error, rel=1e-9) and found.error > 0.1
    assert found.interval == pytest.approx(wanted.interval, rel=1e-9)
    parts = {part.name: part for part in found.parts}
    vector, number = (parts[name] for name in (("0", "1") if "0" in parts else ("vector", "number")))
    assert vector.error < 1e-12 < 0.3 < number.error and vector.floor < 1e-14
    squares = (vector.error * vector.scale) ** 2 + (number.error * number.scale) ** 2
    assert squares == pytest.approx((found.error * found.scale) ** 2, rel=1e-9)
    assert equivariance_error(f, *actions).error == pytest.approx(found.error, abs=0.3)  # drawn


def test_tuples_and_dicts_may_hold_each_other():
    actions = {"points": (V, V), "length": ONE}
    f = lambda d: {"points": d["points"][::-1], "length": d["length"] + d["points"][0].norm(dim=-1, keepdim=True)}
    report = equivariance_error(f, actions, actions)
    assert report.error < 1e-6 and [part.name for part in report.parts] == ["points.0", "points.1", "length"]


def test_one_action_joins_several():
    """It is an action as any other: it moves, it draws, it knows its group."""
    joined = as_action({"x": V, "image": IMAGE}, "in_action")
    drawn = joined.sample_input(3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    g = C4.elements()[1]
    moved = joined.transform(g, drawn)
    assert joined.group == C4 and list(moved) == ["x", "image"] and isinstance(joined, Action)
    assert torch.equal(moved["x"], V.transform(g, drawn["x"])) and moved["image"].shape == (3, 1, 8, 8)


@pytest.mark.parametrize("kinds", [torch.arange(N) % 3, (torch.arange(N) % 3).float(), torch.arange(N) % 2 == 0])
def test_a_tensor_held_fixed_goes_with_its_inputs(kinds):
    """Types of atoms, of any dtype; a table that belongs to all inputs stays whole."""
    table = torch.rand(5, dtype=torch.float64)
    x = vectors()
    f = lambda x, z, t: x * t[z.long()][:, None]
    exact = equivariance_error(f, (V, None, None), V, (x, kinds, table))
    assert exact.error < 1e-12 and exact.interval is not None
    skewed = equivariance_error(
        lambda x, z, t: f(x, z, t) * x.new_tensor([1, 2]), (V, None, None), V, (x, kinds, table)
    )
    wanted = equivariance_error(lambda x: f(x, kinds, table) * x.new_tensor([1, 2]), V, V, x)
    assert skewed.error == pytest.approx(wanted.error, rel=1e-12)
    outputs = equivariance_error(lambda x, z: (x, z), (V, None), (V, None), (x, kinds))
    assert outputs.error < 1e-12 and [part.name for part in outputs.parts] == ["0"]


def test_tensors_of_all_inputs_may_come_first_and_be_of_any_kind():
    """Edges, a number, a sparse matrix: nothing of them is taken for a batch."""
    edges, x = torch.tensor([[0, 1], [1, 0]]), torch.randn(N, 2, 2, dtype=torch.float64)
    adjacency = torch.eye(2, dtype=torch.float64).to_sparse()
    held = {"edges": edges, "scale": torch.tensor(2.0), "matrix": adjacency}
    f = lambda edges, scale, matrix, x: scale * x[:, edges[0]] + x[:, edges[1]] @ matrix.to(x.dtype).to_dense()
    actions = dict.fromkeys(held) | {"x": V}
    report = equivariance_error(f, actions, V, held | {"x": x})
    assert report.error < 1e-12 and report.inputs == N
    with pytest.raises(BadInput, match="other_name"):
        equivariance_error(f, {"edges": None, "other_name": V}, V, {"edges": edges, "x": x})


def test_many_inputs_are_cut_together():
    """Above the size of one call."""
    x, z = vectors(1500), torch.arange(1500)
    factor = torch.rand(1500, dtype=torch.float64)
    sizes = []

    def f(x, z):
        sizes.append(len(x))
        return x * factor[z][:, None]

    assert equivariance_error(f, (V, None), V, (x, z)).error < 1e-12 and max(sizes) == 1024


# What does not fit

IMAGES = torch.randn(8, 1, 8, 8)
CONVOLUTION = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(144, 3))
BAD_INPUTS = {
    "integers": (
        (lambda x: x, V, V, torch.randint(9, (N, 2))),
        r"real numbers, and an input holds integers(.|\n)*None in",
    ),
    "booleans": ((lambda x: x, V, V, torch.ones(N, 2) > 0), "holds integers"),
    "integers in a tuple": ((lambda x, z: x, (V, ONE), V, (vectors(), torch.ones(N, 1).long())), r"input +1\n"),
    "a sparse matrix": ((lambda x: x, V, V, vectors().to_sparse()), r"dense tensors(.|\n)*sparse"),
    "an array": ((lambda x: x, V, V, np.zeros((N, 2))), r"inputs= must be a tensor(.|\n)*ndarray"),
    "a list": ((lambda x: x, V, V, [1.0, 2.0]), "inputs= must be a tensor"),
    "a wrong width": ((lambda x: x, V, V, torch.randn(N, 3)), r"The input does not fit its action(.|\n)*\(40, 3\)"),
    "a representation for images": ((CONVOLUTION, ONE, 3 * ONE, IMAGES), r"The input does not fit(.|\n)*GridField"),
    "vectors drawn for a network of images": ((CONVOLUTION, V, 3 * ONE), r"function fails on an input(.|\n)*conv2d"),
    "one number per input": (
        (lambda x: x[:, 0], V, V, vectors().flatten()),
        "must have an axis that the representation",
    ),
    "batches of two lengths": (
        (lambda x, y: x, (V, V), V, (vectors(5), vectors(6))),
        "one batch on their leading axis",
    ),
    "too few tensors": (
        (lambda x, y: x, (V, V), V, (vectors(),)),
        r"inputs= must be a tuple(.|\n)*2 actions\n(.|\n)*1 v",
    ),
    "a tensor for a tuple": ((lambda x, y: x, (V, V), V, vectors()), r"inputs= must be a tuple(.|\n)*Tensor"),
    "other keys": (
        (lambda x: x, {"x": V}, V, {"y": vectors()}),
        r"inputs= must be a dict(.|\n)*\['x'\]\n(.|\n)*\['y'\]",
    ),
    "a dict for a tensor": ((lambda x: x, V, V, {"x": vectors()}), r"inputs= must be a tensor(.|\n)*dict"),
    "nothing to draw": ((lambda x, z: x, (V, None), V), r"held fixed cannot be drawn(.|\n)*Give inputs="),
    "nothing that moves": ((lambda x: x, (None,), V, (vectors(),)), "One of several tensors must be moved"),
    "no action": ((lambda x: x, "C4", V), "in_action must be an action"),
    "a group": ((lambda x: x, V, C4), "out_action must be an action"),
    "no action in a dict": ((lambda x: x, {"x": 3}, V), r"in_action\['x'\] must be an action"),
    "no function": ((3, V, V), "measures a function"),
}
BAD_OUTPUTS = {
    "a wrong width": (lambda x: torch.cat([x, x, x], 1), V, r"The output of the function does not fit(.|\n)*\(40, 6\)"),
    "one number": (lambda x: x.norm(dim=-1), ONE, r"its output must have an axis(.|\n)*unsqueeze\(-1\)"),
    "a scalar": (lambda x: x.mean(), V, "batch to a batch"),
    "fewer rows": (lambda x: x[:3], V, r"batch to a batch(.|\n)*\(3, 2\)"),
    "a list": (lambda x: [x], V, r"batch to a batch; its output must be a tensor(.|\n)*list"),
    "None": (lambda x: None, V, r"must be a tensor(.|\n)*NoneType"),
    "a tensor for a tuple": (lambda x: x, (V, V), r"its output must be a tuple(.|\n)*Tensor"),
    "three for two": (lambda x: (x, x, x), (V, V), r"2 actions\n(.|\n)*3 values"),
    "other keys": (lambda x: {"a": x}, {"b": V}, r"\['b'\]\n(.|\n)*\['a'\]"),
    "an image that is not square": (lambda x: x.reshape(-1, 1, 1, 2), IMAGE, "keep its shape|does not fit its action"),
    "another shape when moved": (lambda x: x.repeat(1, 1 + int(x[0, 0] > vectors()[0, 0] - 1e-9)), V, "does not fit"),
    "an error": (lambda x: x @ torch.zeros(5, 5), V, r"function fails on an input(.|\n)*RuntimeError: mat1"),
    "an attribute error": (lambda x: x.nothing, V, r"function fails on an input(.|\n)*AttributeError"),
}


@pytest.mark.parametrize("case", BAD_INPUTS)
def test_what_is_wrong_with_inputs_and_actions_is_named(case):
    arguments, words = BAD_INPUTS[case]
    with pytest.raises(BadInput, match=words):
        equivariance_error(*arguments)
    with pytest.raises(BadInput, match=words):
        assert_equivariant(*arguments)


@pytest.mark.parametrize("case", BAD_OUTPUTS)
def test_what_is_wrong_with_an_output_is_not_blamed_on_the_input(case):
    f, out_action, words = BAD_OUTPUTS[case]
    for measure in (equivariance_error, assert_equivariant):
        with pytest.raises(BadInput, match=words) as told:
            measure(f, V, out_action, vectors())
        assert "inputs=" not in told.value.rule and "The input " not in told.value.rule


def test_groups_that_differ_are_named():
    D4 = eq.defining(eq.group("D4"))
    for inside, outside in (((V, D4), V), (V, D4), ((V, V), {"a": D4})):
        with pytest.raises(GroupMismatch, match="one group"):
            equivariance_error(lambda *x: x, inside, outside)


@pytest.mark.parametrize(
    "wrong",
    [{"n": 0}, {"n": -1}, {"n": 2.5}, {"n": True}, {"samples": -1}, {"samples": 0}, {"draws": 0}, {"draws": "3"}],
    ids=str,
)
def test_counts_are_whole_and_positive(wrong):
    (name,) = wrong
    with pytest.raises(BadInput, match=rf"{name}= must be a whole number of at least 1"):
        equivariance_error(lambda x: x, V, V, **wrong)


def test_what_no_machine_evaluates_is_refused():
    for wrong in ({"n": 10**12}, {"samples": 10**12}, {"draws": 10**12}, {"n": 10**6, "samples": 10**6}):
        with pytest.raises(TooLarge, match="asks for too much"):
            equivariance_error(lambda x: x, V, V, **wrong)


@pytest.mark.parametrize("wrong", ["a", None, 2.5, 10**40, [1]])
def test_a_seed_is_a_whole_number(wrong):
    for measure in (equivariance_error, assert_equivariant):
        with pytest.raises(BadInput, match=r"generator= must be a torch.Generator or a seed"):
            measure(lambda x: x, V, V, generator=wrong)


@pytest.mark.parametrize("wrong", [float("inf"), float("nan"), 0, -1e-3, "small"])
def test_a_tolerance_is_a_positive_number(wrong):
    with pytest.raises(BadInput, match=r"tolerance= must be a positive number"):
        assert_equivariant(lambda x: x, V, V, tolerance=wrong)


# Labels and logits

CLASSIFIER = nn.Linear(2, 10)
LABELS = {
    "a column": (torch.zeros(N, 1).long(), r"Integer labels are classes(.|\n)*\(40, 1\)(.|\n)*squeeze"),
    "one hot integers": (torch.eye(10)[torch.arange(N) % 10].long(), "Integer labels are classes"),
    "too large": (torch.full((N,), 10), r"classes of the outputs(.|\n)*largest +10\n"),
    "negative": (torch.full((N,), -1), r"classes of the outputs(.|\n)*smallest +-1\n"),
    "real, for classes": (torch.zeros(N), "Real labels must have the shape of the outputs"),
    "real, a column": (torch.zeros(N, 1), "Real labels must have the shape of the outputs"),
    "not finite": (torch.full((N, 10), torch.nan), "Labels must be finite"),
    "too many": (torch.zeros(N + 1).long(), "Labels must be one per input"),
    "a scalar": (torch.tensor(3), "Labels must be one per input"),
    "complex": (torch.zeros(N, 10, dtype=torch.complex64), "Integer labels are classes"),
    "words": (["cat"] * N, r"Labels must be numbers(.|\n)*list"),
}


@pytest.mark.parametrize("case", LABELS)
def test_what_is_wrong_with_labels_is_named(case):
    labels, words = LABELS[case]
    with pytest.raises(BadInput, match=words):
        equivariance_error(CLASSIFIER, V, 10 * ONE, vectors(), labels=labels)


def test_what_is_wrong_with_a_loss_is_named():
    labels = torch.zeros(N).long()
    with pytest.raises(BadInput, match=r"loss= fails on the outputs and labels(.|\n)*\(40, 10\)(.|\n)*shape"):
        equivariance_error(CLASSIFIER, V, 10 * ONE, vectors(), labels=labels, loss=lambda y, t: y @ y)
    for wrong in ("mse", torch.ones(3), 3):
        with pytest.raises(BadInput, match="loss= must be a function"):
            equivariance_error(CLASSIFIER, V, 10 * ONE, vectors(), labels=labels, loss=wrong)
    with pytest.raises(BadInput, match="loss of several outputs must be given"):
        equivariance_error(lambda x: (x, x), V, (V, V), vectors(), labels=labels)


def test_labels_of_pixels_and_of_several_outputs():
    classes = torch.arange(8 * 64).reshape(8, 8, 8) % 3
    head = nn.Conv2d(1, 3, 3, padding=1)
    share = equivariance_error(head, IMAGE, eq.GridField(3 * ONE), IMAGES, labels=classes).loss_share
    assert 0 < share < 1
    with pytest.raises(BadInput, match=r"expected +\(8, 8, 8\)"):
        equivariance_error(head, IMAGE, eq.GridField(3 * ONE), IMAGES, labels=classes[:, None])
    loss = lambda y, t: (y[0] - t).square().sum(1) + (y[1] - t).square().sum(1)
    report = equivariance_error(
        lambda x: (x * x.new_tensor([1, 2]), x), V, (V, V), vectors(), labels=vectors(), loss=loss
    )
    assert 0 < report.loss_share < 1


def test_a_share_from_few_elements_is_that_of_the_whole_orbit_for_cross_entropy_too():
    """The mean of K outputs has a loss that falls with K; the jackknife extrapolates it, K / (K - 1) does not."""
    S5 = eq.group("S5")
    U = eq.defining(S5)
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 4)).double()
    x = torch.randn(300, 5, dtype=torch.float64)
    labels = torch.randint(4, (300,), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        orbit = torch.stack([4 * net(U.transform(g, x)) for g in S5.elements()])
    cross = lambda y: float(nn.functional.cross_entropy(y, labels))
    average = np.mean([cross(u) for u in orbit])
    wanted = (average - cross(orbit.mean(0))) / average
    few = [
        equivariance_error(
            lambda x: 4 * net(x),
            U,
            4 * eq.trivial(S5),
            x,
            samples=4,
            labels=labels,
            generator=seed,
            clusters=range(300),
        ).loss_share
        for seed in range(3)
    ]
    drawn = torch.stack([orbit[torch.randint(120, (300,)), torch.arange(300)] for _ in range(4)])
    naive = np.mean([cross(u) for u in drawn])
    naive = 4 / 3 * (naive - cross(drawn.mean(0))) / naive
    assert np.mean(few) == pytest.approx(wanted, abs=0.02) and abs(naive - wanted) > abs(np.mean(few) - wanted)


def shifted(x):
    """An invariant softmax: what moves is common to all logits."""
    length = x.norm(dim=-1, keepdim=True)
    return torch.cat([length, length.sin(), -length], 1) + 3 * x[:, :1]


def test_logits_count_up_to_a_common_shift():
    x = vectors(128)
    plain = equivariance_error(shifted, V, 3 * ONE, x)
    found = equivariance_error(shifted, V, 3 * ONE, x, outputs="logits")
    assert plain.error > 1 and found.error < 1e-12 and found.is_at_floor
    softmax = equivariance_error(lambda x: shifted(x).softmax(-1), V, 3 * ONE, x)
    assert softmax.error < 1e-12
    broken = lambda x: shifted(x) + torch.tanh(x) @ x.new_tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    by_hand = lambda x: broken(x) - broken(x).mean(-1, keepdim=True)
    wanted = equivariance_error(by_hand, V, 3 * ONE, x).error
    assert wanted > 0.1
    assert equivariance_error(broken, V, 3 * ONE, x, outputs="logits").error == pytest.approx(wanted, rel=1e-9)
    pixels = lambda x: torch.cat([x, x.square()], 1) + x.cumsum(-1)
    assert equivariance_error(pixels, IMAGE, eq.GridField(2 * ONE), outputs="logits").is_at_floor
    assert not equivariance_error(pixels, IMAGE, eq.GridField(2 * ONE)).is_at_floor


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_logits_of_a_network_in_another_dtype(dtype):
    net = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 10)).to(dtype)
    wanted = equivariance_error(net, V, 10 * ONE, outputs="logits")
    exact = equivariance_error(net.double(), V, 10 * ONE, outputs="logits")
    assert wanted.error == pytest.approx(exact.error, abs=0.02) and wanted.floor < 4 * torch.finfo(dtype).eps


def test_outputs_whose_shape_changes_are_told():
    """Also under an action that does not look at shapes."""

    class Still:
        group = C4

        def transform(self, g, x):
            return x

    f = lambda x: x if torch.equal(x, vectors()) else torch.cat([x, x], 1)
    with pytest.raises(BadInput, match=r"keep its shape when its input is moved(.|\n)*\(40, 4\)"):
        equivariance_error(f, V, Still(), vectors())
    with pytest.raises(BadInput, match=r"axis of classes"):
        equivariance_error(lambda x: x[:, 0], V, Still(), vectors(), outputs="logits")


def test_logits_need_an_action_that_keeps_a_shift():
    with pytest.raises(BadInput, match="keeps a common shift"):
        equivariance_error(lambda x: x, V, V, outputs="logits")
    for wrong in ("probabilities", np.zeros(3), torch.ones(2)):
        with pytest.raises(BadInput, match="outputs= says"):
            equivariance_error(lambda x: x, V, V, outputs=wrong)
    with pytest.raises(BadInput, match="outputs= says"):
        equivariance_error(lambda x: (x, x), V, (V, V), outputs="logits")


# The same doors of the check


def test_assert_equivariant_takes_several_tensors_and_modules_of_any_dtype():
    assert assert_equivariant(lambda x, y: {"a": x * y.norm(dim=-1, keepdim=True)}, (V, V), {"a": V}).ran == 3
    with pytest.raises(CheckFailed, match="Equivariance"):
        assert_equivariant(scaled, (V, V), (V, ONE))
    for dtype in (torch.float64, torch.float32, torch.bfloat16):
        assert assert_equivariant(eq.layers.Linear(3 * V, 2 * V).to(dtype), 3 * V, 2 * V).ran == 3
        with pytest.raises(CheckFailed, match="Equivariance"):
            assert_equivariant(nn.Linear(6, 4).to(dtype), 3 * V, 2 * V)


@pytest.mark.parametrize("noise", [1e-9, 1e-3, 1.0])
def test_assert_equivariant_says_that_a_function_is_random(noise):
    with pytest.raises(CheckFailed, match=r"on nothing else does not hold(.|\n)*stochastic +two calls"):
        assert_equivariant(lambda x: x + noise * torch.randn_like(x), V, V)


def test_check_layer_says_that_it_takes_one_tensor():
    class Two(nn.Module):
        in_action, out_action, exact = (V, V), V, True

    with pytest.raises(EquilayersError, match=r"one tensor in and one out(.|\n)*assert_equivariant"):
        eq.testing.check_layer(Two())


# Any value in any place

ANYTHING = [
    None, 0, -1, 3, 2.5, float("nan"), True, "x", b"a", [], [1], (), (V,), (V, None), {"a": V}, {}, {"a":
    torch.ones(5, 2)}, (torch.ones(4, 2), torch.ones(4, 2)), vectors(8), torch.ones(8, 3), torch.ones(0, 2),
    torch.ones(2), torch.tensor(1.0), torch.ones(4, 1, 8, 8), torch.ones(8, 2).long(), torch.full((8, 2),
    torch.nan), vectors(8).cfloat(), np.zeros((8, 2)), vectors(8).to_sparse(), torch.arange(8), torch.zeros(8), V, 2
    * V, 0 * V, eq.defining(eq.group("SO(2)")), ONE, IMAGE, C4, nn.Linear(2, 2), nn.Linear(3, 2), nn.Linear(2,
    2).bfloat16(), nn.Flatten(), lambda x: x, lambda x: None, lambda: 0, lambda x, y: x, torch.exp, len, int,
    object(), ValueError("a"), torch.float32, range(8), {1}, 1j, 10**30, nn.functional.cross_entropy, "logits",
]  # fmt: skip
RIGHT = {
    equivariance_error: {
        "f": lambda x: x, "in_action": V, "out_action": V, "inputs": vectors(8), "n": 8, "samples": 2, "generator": 0,
        "clusters": None, "draws": 1, "outputs": None, "labels": None, "loss": None,
    },
    assert_equivariant: {
        "f": lambda x: x, "in_action": V, "out_action": V, "inputs": vectors(8), "n": 4, "generator": 0,
        "tolerance": 1e-3,
    },
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
def test_any_value_in_any_place_gives_a_report_or_a_named_error():
    rng, calls, told = np.random.default_rng(0), 0, 0
    for _ in range(600):
        measure = list(RIGHT)[int(rng.integers(4) == 0)]
        given = dict(RIGHT[measure])
        for name in rng.choice(list(given), size=rng.integers(1, 4), replace=False):
            given[name] = ANYTHING[rng.integers(len(ANYTHING))]
        calls += 1
        try:
            measure(given.pop("f"), given.pop("in_action"), given.pop("out_action"), given.pop("inputs"), **given)
        except EquilayersError as error:
            told += 1
            assert str(error).splitlines()[0].endswith("."), error
    assert calls == 600 and 450 < told < 600
