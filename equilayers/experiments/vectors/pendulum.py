"""The double spring pendulum: two masses on two springs in gravity, and networks that learn how it moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from equilayers.experiments.arms import Arm
from equilayers.experiments.catalogue import Budget
from equilayers.experiments.vectors.arms import vector_entry
from equilayers.experiments.vectors.nets import Permuted, invariant_scalars, matched_mlp
from equilayers.experiments.vectors.scores import LARGEST, SMALLEST
from equilayers.experiments.vectors.task import VectorTask
from equilayers.groups import group
from equilayers.models import EquivariantMLP, count_macs
from equilayers.representations import Representation, defining, trivial

__all__ = ["ENTRIES", "Pendulum", "Step", "draw_pairs", "energy", "initial", "trajectory"]

INTERVAL = 0.2  # seconds between two observations
HORIZON = 50  # observations of a roll-out: ten seconds
FINE = 8  # steps of the reference integration in one interval
REST = (-1.5, -3.0, 0.0, 0.0)  # z of x1, x2, p1, p2 about which states are drawn
SPREAD = (0.2, 0.2, 0.4, 0.4)
TRAJECTORIES = 100
WIDTH = 64
Field = Callable[[Tensor], Tensor]


def energy(z: Tensor) -> Tensor:
    r"""The Hamiltonian; masses, spring constants, lengths and gravity are 1.

    .. math:: H = \tfrac12(|p_1|^2 + |p_2|^2) + \tfrac12 (|x_1| - 1)^2 + (|x_1 - x_2| - 1)^2 + z_1 + z_2

    The second spring has no factor one-half, as in the published experiment.

    Args:
        z: states ``(..., 12)``: the vectors x1, x2, p1, p2 component by component, ``(3, 4)``.

    Example:
        >>> z = torch.zeros(3, 4, dtype=torch.float64)
        >>> z[2] = torch.tensor([-1.0, -2.0, 0.0, 0.0])
        >>> float(energy(z.flatten()))
        -3.0
    """
    x1, x2, p1, p2 = z.unflatten(-1, (3, 4)).unbind(-1)
    kinetic = (p1.square().sum(-1) + p2.square().sum(-1)) / 2
    first, second = x1.norm(dim=-1) - 1, (x1 - x2).norm(dim=-1) - 1
    return kinetic + first**2 / 2 + second**2 + x1[..., 2] + x2[..., 2]


def motion(z: Tensor) -> Tensor:
    """Time derivatives of states, by Hamilton's equations."""
    x1, x2, p1, p2 = z.unflatten(-1, (3, 4)).unbind(-1)
    length, apart = x1.norm(dim=-1, keepdim=True), (x1 - x2).norm(dim=-1, keepdim=True)
    pull = 2 * (apart - 1) / apart * (x1 - x2)
    weight = torch.tensor([0.0, 0.0, 1.0], dtype=z.dtype)
    return torch.stack([p1, p2, -(length - 1) / length * x1 - pull - weight, pull - weight], -1).flatten(-2)


def advance(field: Field, z: Tensor, step: float) -> Tensor:
    """One step of the classical Runge-Kutta method of order 4."""
    a = field(z)
    b = field(z + step / 2 * a)
    c = field(z + step / 2 * b)
    d = field(z + step * c)
    return z + step / 6 * (a + 2 * b + 2 * c + d)


def trajectory(z: Tensor, observations: int) -> Tensor:
    """``(n, observations + 1, 12)``: states at intervals of 0.2 seconds, from those given on."""
    states = [z]
    for _ in range(observations):
        for _ in range(FINE):
            z = advance(motion, z, INTERVAL / FINE)
        states.append(z)
    return torch.stack(states, 1)


def initial(n: int, generator: torch.Generator) -> Tensor:
    """States to start from: x1 about (0, 0, -1.5), x2 about (0, 0, -3), normal of deviation 0.2; momenta of 0.4."""
    noise = torch.randn(n, 3, 4, generator=generator, dtype=torch.float64) * torch.tensor(SPREAD, dtype=torch.float64)
    return (noise + _rest()).flatten(1)


def _rest() -> Tensor:
    rest = torch.zeros(3, 4, dtype=torch.float64)
    rest[2] = torch.tensor(REST)
    return rest


def draw_pairs(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """A state at a random observation of each of ``n`` systems, and the state one interval later."""
    states = trajectory(initial(n, generator), HORIZON)
    at = torch.randint(HORIZON, (n,), generator=generator)
    rows = torch.arange(n)
    return states[rows, at], states[rows, at + 1]


class Step(nn.Module):
    """The state one interval later, by one Runge-Kutta step of a learned field.

    Args:
        net: derivatives of states, or where ``hamiltonian`` an energy whose Hamilton's equations give them.
    """

    rest: Tensor

    def __init__(self, net: Any, hamiltonian: bool) -> None:
        super().__init__()
        self.net, self.hamiltonian = net, hamiltonian
        self.register_buffer("rest", _rest().flatten().float(), persistent=False)

    @property
    def macs(self) -> int:
        """Of one interval, gradients of the energy included."""
        return count_macs(self, torch.zeros(1, 12))

    def field(self, z: Tensor) -> Tensor:
        """Time derivatives."""
        if not self.hamiltonian:
            return self.net(z - self.rest)
        learning = torch.is_grad_enabled()
        with torch.enable_grad():
            state = z if z.requires_grad else z.detach().requires_grad_()
            (slope,) = torch.autograd.grad(self.net(state - self.rest).sum(), state, create_graph=learning)
        by_x, by_p = slope.unflatten(-1, (3, 4)).split(2, -1)
        return torch.cat([by_p, -by_x], -1).flatten(-2)

    def forward(self, z: Tensor) -> Tensor:
        """States one interval later."""
        return advance(self.field, z, INTERVAL)


@dataclass(frozen=True)
class Pendulum(VectorTask):
    """Trained on single intervals, tested on roll-outs of ten seconds."""

    @cached_property
    def scales(self) -> tuple[float, Tensor, float]:
        """The targets' unit is how far a state moves in one interval."""
        x, y = self.seeded(1000, "scale")
        return 1.0, torch.zeros(12), float((y - x).square().mean().sqrt())

    def prepared(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """States stay as they are."""
        return x.float(), y.float()

    @cached_property
    def _test(self) -> tuple[Tensor, Tensor]:
        return self._rolled("test")

    @cached_property
    def _validation(self) -> tuple[Tensor, Tensor]:
        return self._rolled("validation")

    def _rolled(self, what: str) -> tuple[Tensor, Tensor]:
        from equilayers.experiments.seeds import seed_of

        start = initial(TRAJECTORIES, torch.Generator().manual_seed(seed_of(self.name, what)))
        return start.float(), trajectory(start, HORIZON)[:, 1:].float()

    def measure(self, net: nn.Module) -> dict[str, float | None]:
        """Of the increments of one interval."""
        return super().measure(_Increment(net))

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean square in units of how far a state moves."""
        return (outputs - targets).square().mean() / self.scales[2] ** 2

    def scores(self, net: nn.Module, x: Tensor, y: Tensor) -> np.ndarray:
        r"""For each trajectory the mean logarithm of :math:`|a - b| / (|a| + |b|)` over its observations."""
        net.eval()
        found, z = [], x
        with torch.no_grad():
            for t in range(y.shape[1]):
                z = net(z).clamp(-LARGEST, LARGEST)
                found.append((z - y[:, t]).norm(dim=-1) / (z.norm(dim=-1) + y[:, t].norm(dim=-1)))
        errors = torch.stack(found, 1).double().nan_to_num(1.0).clamp(SMALLEST, 1.0)
        return errors.log10().mean(1).numpy()


class _Increment(nn.Module):
    """How far a state moves: a step is nearly the identity, which commutes with everything."""

    def __init__(self, step: nn.Module) -> None:
        super().__init__()
        self.step = step

    def forward(self, z: Tensor) -> Tensor:
        return self.step(z) - z


def _built_in(in_rep: Representation, out_rep: Representation) -> EquivariantMLP:
    return EquivariantMLP(in_rep, out_rep, width=WIDTH, depth=2)  # no lengths: an energy is differentiated


def _equivariant(task: Pendulum, hamiltonian: bool) -> EquivariantMLP:
    return _built_in(task.in_rep, trivial(task.group) if hamiltonian else task.in_rep)


def _macs(task: Pendulum, hamiltonian: bool) -> int:
    """Of one evaluation of the equivariant network, which the others are matched to."""
    known: dict[bool, int] = task.__dict__.setdefault("_known_macs", {})
    if hamiltonian not in known:
        with torch.random.fork_rng(devices=[]):
            known[hamiltonian] = _equivariant(task, hamiltonian).macs
    return known[hamiltonian]


def _plain(task: Pendulum, hamiltonian: bool) -> Any:
    return matched_mlp(12, 1 if hamiltonian else 12, 2, _macs(task, hamiltonian), "macs")


def _arm(of: Callable[[Pendulum, bool], Any], hamiltonian: bool, **more: Any) -> Arm:
    return Arm(lambda task: Step(of(task, hamiltonian), hamiltonian), **more)


def _scalars(task: Pendulum, hamiltonian: bool) -> Any:
    return invariant_scalars(task, _macs(task, hamiltonian), trivial(task.group), lengths=False)


def _wrong(task: Pendulum, hamiltonian: bool) -> Any:
    return Permuted(_equivariant(task, hamiltonian), task.wrong)


ARMS = {
    "ODE plain": _arm(_plain, False),
    "ODE augmented": _arm(_plain, False, augmented=True, cost=1.2),
    "ODE built-in": _arm(_equivariant, False, cost=5.0),
    "HNN plain": _arm(_plain, True, cost=3.0),
    "HNN augmented": _arm(_plain, True, augmented=True, cost=3.2),
    "HNN built-in": _arm(_equivariant, True, cost=15.0),
    "HNN scalars": _arm(_scalars, True, cost=3.5),
    "HNN wrong axis": _arm(_wrong, True, cost=15.0),
}


def _load() -> Pendulum:
    O2 = group("O(2)")
    vectors = 4 * (defining(O2) + trivial(O2))
    turned = np.arange(12).reshape(3, 4)[[0, 2, 1]].ravel()  # y and z exchanged: rotations about y
    return Pendulum("pendulum", vectors, vectors, draw_pairs, _built_in, turned, tests=TRAJECTORIES)


FULL = Budget((100, 300, 1000), (0, 1, 2, 3, 4), 500, (0.01, 0.03, 0.1), 300, 150, (1000,), 0)
QUICK = Budget((100, 1000), (0, 1), 250, (0.03,), 300, 0, (), 0)
PAIRS = (("ODE built-in", "ODE augmented"), ("HNN wrong axis", "HNN plain"))
ENTRIES = {"pendulum": vector_entry(_load, ARMS, FULL, QUICK, primary=("HNN built-in", "HNN augmented"), extra=PAIRS)}
