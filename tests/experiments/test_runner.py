"""Training, the record of a run, and the plan they belong to."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from equilayers.errors import BadInput
from equilayers.experiments.plan import Job, make_plan
from equilayers.experiments.runner import run_job
from equilayers.experiments.tasks import load_task
from equilayers.experiments.training import accuracy, evaluate, learning_rate, train
from equilayers.experiments.transforms import random_turns
from equilayers.models import CNN


@pytest.fixture(scope="module")
def digits():
    return load_task("digits")


def job(**changes) -> Job:
    first = Job("digits", "run", "rotated", "plain-P", n=50, seed=0, steps=12, rate=0.01)
    return replace(first, **changes)


def timeless(record):
    return {name: value for name, value in record.items() if name != "seconds"}


# The plan


def test_the_default_plan_is_the_specified_one():
    plan = make_plan()
    jobs = plan.jobs({})
    kinds = [j.kind for j in jobs]
    assert (kinds.count("trial"), kinds.count("run"), kinds.count("long")) == (42, 160, 7)
    runs = [j for j in jobs if j.kind == "run"]
    assert {(j.n, j.seed) for j in runs} == {(n, s) for n in (50, 150, 450, 1400) for s in range(5)}
    assert [j.seed for j in runs] == sorted(j.seed for j in runs)  # a truncated run is balanced
    assert {j.arm for j in runs if j.task == "upright"} == {"plain-P"} and {j.steps for j in runs} == {400}
    assert {j.rate for j in jobs if j.kind == "trial"} == {0.003, 0.01, 0.03} and {j.rate for j in runs} == {None}
    assert len({j.key for j in jobs}) == len(jobs)
    assert not {j.seed for j in jobs if j.kind == "trial"} & {j.seed for j in runs}


def test_the_quick_plan_has_no_trials_and_nothing_long():
    jobs = make_plan(quick=True).jobs({})
    assert {j.kind for j in jobs} == {"run"} and {j.rate for j in jobs} == {0.01}
    assert {j.n for j in jobs} == {150, 1400} and {j.seed for j in jobs} == {0, 1, 2, 3} and len(jobs) == 64


def test_all_controls_add_a_second_one_with_its_plain_twin():
    added = {j.arm for j in make_plan(controls="all").jobs({})} - {j.arm for j in make_plan().jobs({})}
    assert added == {"wrong group, permuted", "plain-P, permuted"}


def test_the_best_mean_of_the_trials_decides_and_only_when_all_are_there():
    plan = make_plan()
    score = {0.003: (0.5, 0.9), 0.01: (0.8, 0.7), 0.03: (0.8, 0.6)}
    records = {}
    for trial in plan.trials():
        if trial.arm == "C4":
            assert plan.rate("C4", records) is None
            share = score[trial.rate][trial.seed - 1000]
            records[trial.key] = {"evaluations": {"rotated": {"accuracy": share}}}
    assert plan.rate("C4", records) == 0.01 and plan.rate("plain-P", records) is None
    rates = {(j.arm, j.rate) for j in plan.jobs(records) if j.kind != "trial"}
    assert ("C4", 0.01) in rates and ("plain-P", None) in rates


def test_the_smaller_of_two_equal_rates_is_chosen():
    plan = make_plan()
    records = {t.key: {"evaluations": {"rotated": {"accuracy": 0.7}}} for t in plan.trials()}
    assert plan.rate("plain-F", records) == 0.003


@pytest.mark.parametrize("wrong", [{"task": "cifar"}, {"controls": "none"}])
def test_unknown_words_are_refused(wrong):
    with pytest.raises(BadInput):
        make_plan(**wrong)


# Training


def test_the_rate_rises_and_falls_to_zero():
    rates = [learning_rate(step, 400, 1.0) for step in range(400)]
    assert np.isclose(rates[0], 1 / 30) and rates[29] == 1.0 and max(rates) == 1.0
    assert all(a >= b for a, b in pairwise(rates[30:])) and rates[-1] < 1e-4


def test_training_is_torchs_adamw_on_shuffled_epochs(digits):
    """The same steps written out: every image once in an epoch, weight decay 0.01, the rate of each step."""
    images, labels = digits.subset(96, 0, turned=True)
    torch.manual_seed(3)
    ours, theirs = CNN(4), CNN(4)
    theirs.load_state_dict(ours.state_dict())
    train(ours, images, labels, 6, 0.01, seed=5)
    rng = np.random.default_rng(5)
    order = np.concatenate([rng.permutation(96) for _ in range(4)])
    optimiser = torch.optim.AdamW(theirs.parameters(), weight_decay=0.01)
    for step in range(6):
        rows = order[64 * step : 64 * step + 64]
        for settings in optimiser.param_groups:
            settings["lr"] = learning_rate(step, 6, 0.01)
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(theirs(images[rows]), labels[rows]).backward()
        optimiser.step()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-5)


def test_augmentation_turns_every_image_in_every_step(digits):
    seen = []

    class Watching(CNN):
        def forward(self, x):
            seen.append(x.detach().clone())
            return super().forward(x)

    images, labels = digits.subset(8, 0, turned=False)
    train(Watching(4), images, labels, 40, 0.01, seed=1, augment=random_turns)
    positions = {x.numpy().tobytes() for batch in seen for x in batch.contiguous()}
    assert len(positions) == 8 * 4  # all positions of all images, and nothing else


def test_looking_at_the_curve_does_not_change_the_training(digits):
    images, labels = digits.subset(50, 0, turned=True)
    nets = []
    for look in (None, lambda: 0.5):
        torch.manual_seed(0)
        net = CNN(4)
        curve = train(net, images, labels, 10, 0.01, 0, look_at=(5, 10), look=look).curve
        nets.append([p.detach() for p in net.parameters()])
        assert curve == ([(5, 0.5), (10, 0.5)] if look else [])
    assert all(torch.equal(a, b) for a, b in zip(*nets, strict=True))


# Evaluation and record


def test_accuracy_counts_positions_image_by_image():
    logits = torch.zeros(4, 3, 10)
    logits[:, 0, 7], logits[:2, 1, 1], logits[2:, 1, 2], logits[:, 2, 3] = 1, 1, 1, 1
    assert accuracy(logits, torch.tensor([7, 1, 0])) == (0.5, "420")


def test_a_record_is_a_function_of_its_key(digits):
    first, again, other = (run_job(j, digits) for j in (job(), job(), job(seed=1)))
    assert timeless(first) == timeless(again) and first["evaluations"] != other["evaluations"]
    torch.manual_seed(12345)
    torch.rand(7)
    before = torch.random.get_rng_state()
    assert timeless(run_job(job(), digits)) == timeless(first)
    assert torch.equal(torch.random.get_rng_state(), before)  # and leaves the caller's randomness alone
    assert json.loads(json.dumps(first)) == first


def test_what_a_record_holds(digits):
    record = run_job(job(arm="augmented-P", steps=40), digits)
    assert record["format"] == 1 and record["key"] == "digits/rotated/augmented-P/n=50/seed=0/steps=40"
    for name, highest in (("rotated", 4), ("upright", 1), ("rotated_tta", 4)):
        found = record["evaluations"][name]
        counts = [int(digit) for digit in found["counts"]]
        assert len(counts) == 397 and set(counts) <= set(range(highest + 1))
        assert abs(sum(counts) / (highest * 397) - found["accuracy"]) < 1e-6
    assert set(record["equivariance"]) == {"error", "low", "high", "floor"}
    assert record["equivariance"]["low"] < record["equivariance"]["error"] < record["equivariance"]["high"]
    assert record["flagged"] and record["final_loss"] > 0.1 and record["seconds"] >= 0


def test_trials_and_long_runs_hold_what_they_are_for(digits):
    trial = run_job(job(kind="trial", n=200, seed=1000), digits)
    assert trial["key"].endswith("rate=0.01") and "counts" not in trial["evaluations"]["rotated"]
    long = run_job(job(kind="long", steps=60), digits)
    assert [step for step, _ in long["curve"]] == [25, 50]


def test_averaging_is_the_mean_of_four_softmax_outputs(digits):
    torch.manual_seed(0)
    net = CNN(4)
    logits = evaluate(net, digits.test)
    assert logits.shape == (4, 397, 10)
    best = sum(net(torch.rot90(digits.test, k, (2, 3))).softmax(-1) for k in range(4)).argmax(-1)
    record_like = logits.softmax(-1).mean(0).argmax(-1)
    assert torch.equal(best, record_like)
