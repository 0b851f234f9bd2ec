"""Costs to the digit, and the symmetries that the arms have and have not."""

from __future__ import annotations

import pytest
import torch

from equilayers.experiments.arms import ARMS, arm_names
from equilayers.experiments.tasks import Task, load_task
from equilayers.experiments.transforms import roll, scramble, turn
from equilayers.models import count_macs, count_parameters

COSTS = {
    "plain-P": (21546, 320832),
    "augmented-P": (21546, 320832),
    "plain-P, permuted": (21546, 320832),
    "plain-F": (85066, 1264256),
    "augmented-F": (85066, 1264256),
    "C4": (21274, 1263776),
    "wrong group": (21274, 1263776),
    "wrong group, permuted": (21274, 1263776),
    "canonicalised": (21703, 335040),
}


@pytest.fixture(scope="module")
def digits() -> Task:
    return load_task("digits")


def built(name: str, task: Task, seed: int = 0):
    torch.manual_seed(seed)
    net = ARMS[name].build(task).eval()
    with torch.no_grad():  # biases start at zero, where a mistake in them would not show
        for parameter in net.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return net


def test_the_plan_has_seven_arms_and_two_more_controls():
    assert set(COSTS) == set(ARMS)
    plain = ("plain-P", "plain-F", "augmented-P", "augmented-F")
    assert arm_names("roll") == (*plain, "canonicalised", "C4", "wrong group")
    assert set(arm_names("all")) == set(ARMS)


@pytest.mark.parametrize("name", ARMS)
def test_costs_to_the_digit(name, digits):
    net = built(name, digits)
    assert (count_parameters(net), net.macs) == COSTS[name]
    assert count_macs(net, digits.test[:1]) == COSTS[name][1] + (name == "canonicalised") * 4 * 64  # the choice itself


def largest_difference(net, images, moved):
    with torch.no_grad():
        logits = net(images)
        return float((net(moved) - logits).abs().max() / logits.abs().max())


@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 1e-6), (torch.float64, 1e-12)])
@pytest.mark.parametrize("name", ["C4", "canonicalised"])
def test_built_in_and_canonicalised_are_invariant(name, dtype, tolerance, digits):
    net, images = built(name, digits).to(dtype), digits.test.to(dtype)
    for k in (1, 2, 3):
        assert largest_difference(net, images, turn(images, k)) < tolerance


@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 1e-6), (torch.float64, 1e-12)])
@pytest.mark.parametrize("name, pixels", [("wrong group", roll(8)), ("wrong group, permuted", scramble(8))])
def test_a_wrong_group_is_invariant_under_its_own_action_only(name, pixels, dtype, tolerance, digits):
    net, images = built(name, digits).to(dtype), digits.test[:50].to(dtype)
    forward = torch.tensor(pixels)
    back = torch.argsort(forward)

    def wrong_turn(k):
        seen = images.flatten(1)[:, forward].view(images.shape)
        return turn(seen, k).flatten(1)[:, back].view(images.shape)

    for k in (1, 2, 3):
        assert largest_difference(net, images, wrong_turn(k)) < tolerance
        assert largest_difference(net, images, turn(images, k)) > 1e-2


def test_plain_arms_are_not_invariant(digits):
    assert largest_difference(built("plain-P", digits), digits.test, turn(digits.test, 1)) > 1e-2


def test_the_choice_of_position_gets_a_gradient_and_changes_no_value(digits):
    net, images = built("canonicalised", digits), digits.test[:20]
    quiet = net.eval()(images)
    learning = net.train()(images)
    assert torch.equal(quiet, learning)
    learning.square().sum().backward()
    assert net.score.weight.grad.abs().max() > 0 and net.scorer.weight.grad.abs().max() > 0


def test_arms_start_alike(digits):
    """One rule: all logits begin near zero, all hidden units at about unit second moment times two."""
    for name in ("plain-P", "plain-F", "C4"):
        torch.manual_seed(0)
        net = ARMS[name].build(digits)
        with torch.no_grad():
            first = net.conv1(digits.pool[:200]).square().mean()
            second = net.conv2(net.conv1(digits.pool[:200]).relu()).square().mean()
            assert 1.2 < first < 2.8 and 1.0 < second < 4.0, name
            assert net(digits.pool[:200]).std() < 0.4, name
        assert all(float(p.detach().abs().max()) == 0 for n, p in net.named_parameters() if n.endswith("bias"))


def test_the_large_task_has_the_same_nets_with_more_of_everything():
    blank = torch.zeros(1, 1, 28, 28)
    task = Task("mnist-rot", blank, torch.zeros(1), blank, torch.zeros(1), 0, 5, 2, (32, 64, 16))
    for name in ("plain-P", "C4", "canonicalised", "wrong group"):
        net = built(name, task)
        assert net(torch.randn(2, 1, 28, 28)).shape == (2, 10)
        extra = 4 * 28 * 28 if name == "canonicalised" else 0
        assert count_macs(net, blank) == net.macs + extra
    images = torch.randn(5, 1, 28, 28, dtype=torch.float64)
    assert largest_difference(built("C4", task).double(), images, turn(images, 1)) < 1e-12
