"""Tasks on vectors: their laws and symmetries, the networks made for them, and a small benchmark of each kind."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

import equilayers as eq
from equilayers.errors import BadInput
from equilayers.experiments import make_plan
from equilayers.experiments.catalogue import TASK_NAMES, entry
from equilayers.experiments.plots import EVERY
from equilayers.experiments.report import publish
from equilayers.experiments.runner import run_job
from equilayers.experiments.tasks import load_task
from equilayers.experiments.vectors import digit_sums, pendulum, rubik, volumes
from equilayers.experiments.vectors.scores import error_scores, pack, scores_of, unpack
from equilayers.experiments.vectors.texts import TEXTS
from equilayers.models import MLP, count_parameters

VECTORS = [name for name in TASK_NAMES if name not in ("digits", "mnist-rot")]


@pytest.fixture(scope="module")
def tasks():
    return {name: load_task(name) for name in VECTORS}


def drawn(name, n=40, seed=1):
    return entry(name).load(None).seeded(n, "test", seed)


# The targets, written out once more


def angle_invariant(x):
    a, b = x.reshape(-1, 5, 2).unbind(2)
    na, nb = a.square().sum(1).sqrt(), b.square().sum(1).sqrt()
    return (torch.sin(na) - nb**3 / 2 + (a * b).sum(1) / na / nb)[:, None]


def inertia(x):
    total = torch.zeros(len(x), 3, 3, dtype=x.dtype)
    for i in range(5):
        m, r = x[:, i], x[:, 5 + i :: 5][:, :3]
        total += m[:, None, None] * (r.square().sum(1)[:, None, None] * torch.eye(3, dtype=x.dtype))
        total -= m[:, None, None] * r[:, :, None] * r[:, None, :]
    return total.flatten(1)


def tilted(x):
    tensor = inertia(x).reshape(-1, 3, 3)
    projection = torch.zeros(3, 3, dtype=x.dtype)
    projection[2, 2] = 1
    return (tensor + 0.3 * tensor @ projection).flatten(1)


def scattering(x):
    """The same polynomial in Minkowski products: 4 tr(L_e L_m) multiplied out."""
    p = x.reshape(-1, 4, 4)
    eta = torch.tensor([1.0, -1, -1, -1], dtype=x.dtype)
    dot = torch.einsum("nai,a,naj->nij", p, eta, p)
    d = lambda i, j: dot[:, i - 1, j - 1]
    e, m = d(1, 3) - d(1, 1), d(2, 4) - d(2, 2)
    return 4 * (d(1, 2) * d(3, 4) - e * d(2, 4) - m * d(1, 3) + 4 * e * m)[:, None]


def hull(x):
    return torch.tensor(volumes.hull_volumes(x.reshape(-1, 5, 16).mT.numpy()))[:, None]


def signed(x):
    a, b, c = x.reshape(-1, 3, 3).unbind(2)
    return (torch.linalg.cross(a, b) * c).sum(1, keepdim=True) / 10


TARGETS = {
    "o5": angle_invariant,
    "inertia": inertia,
    "modified-inertia": tilted,
    "lorentz": scattering,
    "hull": hull,
    "signed-volume": signed,
    "pendulum": pendulum.motion,
}


@pytest.mark.parametrize("name", [n for n in TARGETS if n != "pendulum"])
def test_targets_are_the_stated_functions(name):
    x, y = drawn(name)
    assert x.dtype == y.dtype == torch.float64
    assert torch.allclose(y, TARGETS[name](x), rtol=1e-12, atol=1e-12)


def violation(name, task, x, n=40):
    """Largest difference of f(gx) and g f(x), over the size of matrices and values."""
    g = task.group.sample(n, generator=torch.Generator().manual_seed(3))
    moved, expected = TARGETS[name](task.transform(g, x)), task.out_rep.transform(g, TARGETS[name](x))
    size = task.in_rep(g).square().sum((1, 2)).max() * expected.abs().max().clamp(min=1)
    return float((moved - expected).abs().max() / size)


@pytest.mark.parametrize("name", [n for n in TARGETS if n != "modified-inertia"])
def test_targets_commute_with_the_group(name, tasks):
    assert violation(name, tasks[name], drawn(name)[0]) < 1e-12


def test_a_preferred_axis_leaves_only_the_rotations_about_it(tasks):
    task, (x, _) = tasks["modified-inertia"], drawn("modified-inertia")
    assert violation("modified-inertia", task, x) > 1e-3  # the broken twin
    c, s = np.cos(0.7), np.sin(0.7)
    about_z = torch.tensor([[c, -s, 0], [s, c, 0], [0, 0, 1.0]], dtype=torch.float64)
    expected = task.out_rep.transform(about_z, tilted(x))
    assert torch.allclose(tilted(task.transform(about_z, x)), expected, atol=1e-12)


@pytest.mark.parametrize("name", VECTORS)
def test_a_faster_action_is_that_of_the_matrices(name, tasks):
    task, (x, _) = tasks[name], drawn(name, 7)
    g = task.group.sample(7, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(task.transform(g, x), task.in_rep.transform(g, x), atol=1e-12)


@pytest.mark.parametrize("name, variance", [("o5", 36.0), ("inertia", 25.0), ("lorentz", 0.75)])
def test_variances_are_the_published_ones(name, variance):
    _, y = drawn(name, 100_000)
    assert abs(float(y.var()) / variance - 1) < 0.12  # of all numbers together


# Volumes


def test_hulls_in_the_plane_by_edges_with_all_points_on_one_side(rng):
    clouds = rng.standard_normal((20, 9, 2))

    def area(points):
        total = 0.0
        for i, a in enumerate(points):
            for j, b in enumerate(points):
                side = [(b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) for c in points]
                if i != j and min(side) >= -1e-12:
                    total += (a[0] * b[1] - a[1] * b[0]) / 2
        return total

    assert np.allclose(volumes.hull_volumes(clouds), [area(points) for points in clouds], rtol=1e-10)


def test_a_simplex_in_five_dimensions(rng):
    corners = rng.standard_normal((4, 6, 5))
    expected = [abs(np.linalg.det(c[1:] - c[0])) / 120 for c in corners]
    assert np.allclose(volumes.hull_volumes(corners), expected, rtol=1e-10)


# The pendulum


def test_motion_follows_hamiltons_equations(generator):
    z = pendulum.initial(30, generator).requires_grad_()
    (slope,) = torch.autograd.grad(pendulum.energy(z).sum(), z)
    x, p = slope.reshape(-1, 3, 4)[..., :2], slope.reshape(-1, 3, 4)[..., 2:]
    assert torch.allclose(pendulum.motion(z), torch.cat([p, -x], -1).flatten(1), atol=1e-12)


def test_energy_is_conserved_along_the_reference(generator):
    z = pendulum.initial(50, generator)
    states = pendulum.trajectory(z, pendulum.HORIZON)
    energies = pendulum.energy(states)
    assert float((energies - energies[:, :1]).abs().max()) < 1e-5 * float(energies.std())
    assert float((states - states[:, :1]).norm(dim=-1)[:, -1].min()) > 0.05  # and it moves
    apart = (states[..., :].unflatten(-1, (3, 4))[..., 0] - states.unflatten(-1, (3, 4))[..., 1]).norm(dim=-1)
    halved = energies - (apart - 1) ** 2 / 2  # the broken twin: a factor one-half on the second spring
    assert float((halved - halved[:, :1]).abs().max()) > 1e-2


def test_roll_outs_of_the_true_motion_have_no_error(tasks):
    class True_(torch.nn.Module):
        def forward(self, z):
            return pendulum.trajectory(z.double(), 1)[:, 1].float()

    class Still(torch.nn.Module):
        def forward(self, z):
            return z

    task = tasks["pendulum"]
    x, y = task.test_set(False)
    assert task.scores(True_(), x, y).mean() < -4 and -1.5 < task.scores(Still(), x, y).mean() < 0
    assert float(task.loss(*drawn("pendulum", 500))) == pytest.approx(1, rel=0.3)  # the unit of the loss: no motion


# Rubik's cube

CORNER, EDGE = (0, 8, 34), (3, 9)  # facelets of one corner and of one edge


@cache
def neighbours():
    """For each facelet those of its own piece: of a corner the next and the last, of an edge the other one, twice."""
    V = eq.defining(eq.group("Rubik"))
    pairs = [(torch.as_tensor(b).abs() > 1e-9).long() for b in eq.hom(V, V).basis()]  # the orbits of pairs of facelets
    lone = [p for p in pairs if int(p.sum(1).max()) == 1 and int(p.trace()) == 0]
    corners, edges = [p for p in lone if not torch.equal(p, p.T)], [p for p in lone if torch.equal(p, p.T)]
    assert len(pairs) == 9 and len(corners) == 2 and len(edges) == 1 and torch.equal(corners[0], corners[1].T)
    return torch.stack([(c + edges[0]).argmax(1) for c in corners])


def seen(state):
    """What each facelet sees on its own piece, counted: no turn changes it."""
    return Counter(zip(state.tolist(), *(state[n].tolist() for n in neighbours()), strict=True))


def test_solved_and_unsolvable_states_lie_in_different_orbits(generator):
    G = eq.group("Rubik")
    assert G.order == 43_252_003_274_489_856_000
    solved, mirrored = seen(rubik.solved()), seen(rubik.mirrored())
    assert solved != mirrored and sum(solved.values()) == sum(mirrored.values()) == 48
    for g in [*G.discrete_generators, *G.sample(20, generator=generator)]:
        for start, counts in ((rubik.solved(), solved), (rubik.mirrored(), mirrored)):
            assert seen(rubik.move_facelets(g[None], start[None, :, None])[0, :, 0]) == counts


def test_labels_say_which_orbit(generator):
    x, y = rubik.draw_cubes(30, generator)
    known = [seen(rubik.solved()), seen(rubik.mirrored())]
    assert [seen(state.reshape(48, 6).argmax(1)) for state in x] == [known[int(label)] for label in y]
    assert 5 < int(y.sum()) < 25


@pytest.mark.parametrize("facelets", [CORNER, EDGE], ids=["twisted corner", "flipped edge"])
def test_a_twist_is_unsolvable_and_shows_on_no_single_piece(facelets):
    """Every corner and edge has colours of its own, so a state tells its permutation, and this one is no element."""
    twist = torch.arange(48)
    twist[list(facelets)] = torch.tensor([*facelets[1:], facelets[0]])
    assert not eq.group("Rubik").contains(twist)
    state = rubik.move_facelets(twist[None], rubik.solved()[None, :, None])[0, :, 0]
    assert seen(state) == seen(rubik.solved()) and not torch.equal(state, rubik.solved())


# Sets of digits


def test_sums_are_those_of_the_labels_whatever_the_order(generator):
    images, labels = digit_sums._digits()
    for block, (low, high) in digit_sums.BLOCKS.items():
        x, y = digit_sums.draw_sets(20, generator, block)
        found = torch.cdist(x.reshape(-1, 64), images[low:high]).argmin(1) + low
        assert torch.equal(labels[found].reshape(-1, 5).sum(1).double(), y[:, 0]), block


def test_no_picture_of_the_test_is_trained_on():
    task = entry("digit-sums").load(None)
    seen = {block: {m.numpy().tobytes() for m in task.seeded(200, block, 0)[0].reshape(-1, 64)} for block in
            ("train", "validation", "test")}  # fmt: skip
    assert not seen["train"] & seen["test"] and not seen["train"] & seen["validation"]


# Networks


def networks(task, arm):
    torch.manual_seed(0)
    net = task.build(arm).eval()
    with torch.no_grad():  # biases start at zero, where a mistake in them would not show
        for parameter in net.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return net.double()


def net_violation(task, net, n=16):
    x = task.prepared(*task.seeded(n, "nets"))[0].double()
    g = task.group.sample(n, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        moved, expected = net(task.transform(g, x)), task.out_rep.transform(g, net(x))
    size = task.in_rep(g).square().sum((1, 2)).max().clamp(max=1e3) * expected.abs().max()
    return float((moved - expected).abs().max() / size)


EXACT = ("built-in", "canonicalised", "scalars", "ODE built-in", "HNN built-in", "HNN scalars")
CASES = [(name, arm) for name in VECTORS for arm in entry(name).arms]


@pytest.mark.parametrize("name, arm", [c for c in CASES if c[1] in EXACT])
def test_built_in_and_canonicalised_arms_are_exact(name, arm, tasks):
    assert net_violation(tasks[name], networks(tasks[name], arm)) < 1e-12


@pytest.mark.parametrize("name, arm", [c for c in CASES if c[1] in ("plain-F", "wrong group", "HNN wrong axis")])
def test_plain_and_wrong_arms_are_not(name, arm, tasks):
    assert net_violation(tasks[name], networks(tasks[name], arm)) > 1e-6


@pytest.mark.parametrize("name", [n for n in VECTORS if "wrong group" in entry(n).arms])
def test_a_wrong_group_is_the_group_conjugated(name, tasks):
    """Exact under P^-1 G P, and P does not normalise G."""
    task = tasks[name]
    net, x = networks(task, "wrong group"), task.prepared(*task.seeded(16, "nets"))[0].double()
    order = torch.as_tensor(task.wrong)
    g = task.group.sample(16, generator=torch.Generator().manual_seed(5))
    moved = task.transform(g, x[:, order])[:, torch.argsort(order)]
    with torch.no_grad():
        expected = task.out_rep.transform(g, net(x))
        error = float((net(moved) - expected).abs().max() / expected.abs().max())
    assert error / float(task.in_rep(g).square().sum((1, 2)).max()) < 1e-12
    assert sorted(task.wrong) == list(range(task.in_rep.dim))


@pytest.mark.parametrize("name", [n for n in VECTORS if "plain-P" in entry(n).arms])
def test_costs_are_equal_where_the_comparison_says_so(name, tasks):
    task = tasks[name]
    cost = {arm: (count_parameters(net), net.macs) for arm in task.arms for net in [task.build(arm)]}
    assert cost["wrong group"] == cost["built-in"] == task.reference
    assert cost["plain-P"] == cost["augmented-P"] and cost["plain-F"] == cost["augmented-F"]
    for which, (arm, match) in enumerate((("plain-P", "parameters"), ("plain-F", "macs"))):
        found, target = cost[arm][which], cost["built-in"][which]
        width = task.plain(match).width
        for other in (MLP(task.in_rep.dim, task.out_rep.dim, w, task.depth) for w in (width - 1, width + 1)):
            assert abs(found - target) <= abs((count_parameters(other), other.macs)[which] - target)


@pytest.mark.parametrize("name", [n for n in TARGETS if n not in ("pendulum", "modified-inertia")])
def test_augmentation_moves_targets_with_inputs(name, tasks):
    task = tasks[name]
    size, mean, deviation = task.scales
    x, y = task.seeded(12, "move")
    move = task.augment(np.random.default_rng(0), 12)
    moved, target = move(slice(0, 12), x / size, (y - mean) / deviation)
    assert float((moved - x / size).abs().max()) > 0.1
    assert torch.allclose(TARGETS[name](moved * size), target * deviation + mean, rtol=1e-9, atol=1e-9)


# Scores, plans, records


def test_packed_scores_keep_their_mean_exactly(rng):
    errors = rng.exponential(size=5000) ** 2
    scores = error_scores(errors, 250)
    assert np.isclose(scores.mean(), np.log10(errors.mean()), rtol=0, atol=1e-12)
    kept = scores_of({"score": float(f"{scores.mean():.6g}"), "units": pack(scores)})
    assert abs(kept.mean() - scores.mean()) < 1e-5 and np.allclose(kept, scores, rtol=2e-3, atol=2e-3)
    assert unpack(pack(np.array([-1.5, 1e9]))).tolist() == [-1.5, 60000.0]
    assert np.isfinite(error_scores(np.array([np.nan, np.inf, 1.0, 0.0]), 4)).all()


def test_the_spread_of_scores_is_that_of_the_logarithm_of_the_mean(rng):
    """The delta method against fresh test sets."""
    one = error_scores(rng.exponential(size=5000), 250)
    many = np.log10(rng.exponential(size=(2000, 5000)).mean(1))
    assert one.std(ddof=1) / np.sqrt(250) == pytest.approx(many.std(), rel=0.2)


@pytest.mark.parametrize("name", VECTORS)
def test_the_plan_of_each_task(name):
    known, quick, full = entry(name), make_plan(name, quick=True), make_plan(name)
    assert len(quick.sizes) == 2 and set(quick.arms) == set(full.arms) == set(known.arms)
    assert not list(quick.trials()) and quick.long_steps == 0 and len(full.seeds) >= 5 and len(full.sizes) >= 3
    jobs = full.jobs({})
    assert len({j.key for j in jobs}) == len(jobs) and {j.task for j in jobs} == {"drawn"}
    assert {j.rate for j in jobs if j.kind == "trial"} == set(full.rates)
    assert not set(full.trial_seeds) & set(full.seeds)
    arms = {arm for _, *pair in known.scheme.contrasts for arm in pair}
    assert arms == set(known.arms) <= set(EVERY) and known.scheme.contrasts[0] == known.scheme.primary
    assert len(set(known.scheme.contrasts)) == len(known.scheme.contrasts)
    assert name in TEXTS and TEXTS[name].scope.endswith(".")
    with pytest.raises(BadInput, match="Unknown controls"):
        make_plan(name, controls="all")


def test_unknown_tasks_are_refused_with_the_names_of_all():
    with pytest.raises(BadInput, match=r"digits.*inertia.*rubik"):
        make_plan("nothing")


def small_job(name, arm, **changes):
    first = next(j for j in make_plan(name, quick=True).jobs({}) if j.arm == arm)
    return replace(first, **{"n": 32, "steps": 4, **changes})


def test_a_record_is_a_function_of_its_key():
    def timeless(record):
        return {k: v for k, v in record.items() if k != "seconds"}

    first = load_task("o5")
    wanted = timeless(run_job(small_job("o5", "augmented-F"), first))
    torch.manual_seed(99)
    other = load_task("o5")
    run_job(small_job("o5", "built-in", n=64), other)  # fills the caches of the task in another order
    run_job(small_job("o5", "plain-F"), other)
    assert timeless(run_job(small_job("o5", "augmented-F"), other)) == wanted
    assert wanted != timeless(run_job(small_job("o5", "augmented-F", seed=1), other))
    assert json.loads(json.dumps(wanted)) == wanted


SMALL = {  # an error, an accuracy, and roll-outs; the last without long runs
    "inertia": ("augmented-F", "built-in", "wrong group"),
    "rubik": ("plain-F", "augmented-F", "built-in"),
    "pendulum": ("HNN augmented", "HNN built-in"),
}


WHOLE = [pytest.param(name, marks=[] if name == "rubik" else [pytest.mark.slow]) for name in SMALL]


@pytest.fixture(scope="module", params=WHOLE)
def folder(request, tmp_path_factory):
    """A whole small benchmark: two sizes, two seeds, a few steps."""
    name, path = request.param, tmp_path_factory.mktemp(request.param)
    small = {"sizes": (32, 64), "seeds": (0, 1), "steps": 4, "rates": (0.01,), "arms": SMALL[name]}
    plan = replace(make_plan(name, quick=True), **small, long_steps=0 if name == "pendulum" else 30)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pendulum, "HORIZON", 6)
        task = replace(load_task(name), tests=100 if name == "pendulum" else 250)
        records = [run_job(job, task) for job in plan.jobs({})]
    (path / "plan.json").write_text(json.dumps({**plan.settings(), "versions": {"torch": "2"}}))
    (path / "records.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    return path


def test_a_small_benchmark_ends_with_a_report(folder):
    summary, report = publish(folder)
    assert (
        summary.complete
        and summary.indicative
        and summary.sizes == (32, 64)
        and set(summary.arms) == set(SMALL[summary.dataset])
    )
    html = report.read_text(encoding="utf-8")
    tree = ElementTree.fromstring(html.removeprefix("<!DOCTYPE html>"))
    plots = {e.get("id") for e in tree.iter("svg") if e.get("class") == "plot"}
    wanted = {"plot-levels", "plot-differences", "plot-equivariance", "plot-cost-parameters", "plot-cost-macs"}
    assert wanted | ({"plot-steps"} if summary.curves else set()) == plots - {"plot-cost-seconds"}
    assert not re.search(r"https?://|@import|url\((?!#)", html)
    values = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    quantity = "accuracy" if summary.dataset == "rubik" else "log10 error"
    assert all(quantity in row and "score" not in row for row in values["levels"])
    for text in (values["says"], values["does_not_say"]):
        assert text.endswith(".") and ".." not in text and "  " not in text and "None" not in text
    assert TEXTS[summary.dataset].scope in values["does_not_say"]
    assert "cannot settle" in values["does_not_say"]


def test_the_first_arm_is_ahead_where_its_error_is_smaller(folder):
    summary, _ = publish(folder)
    sign = entry(summary.dataset).scheme.sign
    assert summary.contrasts
    for c in summary.contrasts:
        a, b = (summary.level("drawn", c.n, arm) for arm in (c.first, c.second))
        assert a is not None and b is not None
        assert c.difference.mean == pytest.approx(sign * (a.mean - b.mean), abs=1e-9)
