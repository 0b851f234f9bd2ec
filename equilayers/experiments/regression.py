"""Regression with an exact symmetry, in closed form: the tasks of EMLP, and one whose symmetry is broken on purpose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from equilayers.groups import Group, group
from equilayers.representations import Representation, defining, trivial

__all__ = ["REGRESSIONS", "Regression", "inertia", "lorentz", "modified_inertia", "o5"]

BODIES = 5  # point masses of the inertia tasks
TILT = 0.3  # how much of the projection on z the modified inertia adds
METRIC = (1.0, -1.0, -1.0, -1.0)


@dataclass(frozen=True)
class Regression:
    """A task: what goes in, what comes out, under which group, and how a sample is drawn.

    Copies of a representation are stored component by component, as everywhere: ``m * V`` is ``(V.dim, m)`` row by
    row, so the i-th of m vectors is ``x.reshape(-1, V.dim, m)[..., i]``.

    Attributes:
        name: under which the task is looked up.
        group: what the target commutes with (the unbroken group of a task whose symmetry is broken).
        in_rep, out_rep: of inputs and outputs.
        standardised: outputs are brought to mean 0 and deviation 1 for training, by one number per invariant; the
            error is that of the target as it is.
        sample: a number and a generator to inputs and targets.

    Example:
        >>> import torch
        >>> task = inertia()
        >>> x, y = task.draw(5, torch.Generator().manual_seed(0))
        >>> task.in_rep.dim, tuple(x.shape), tuple(y.shape), y.dtype
        (20, (5, 20), (5, 9), torch.float64)

    Source: Finzi, Welling, Wilson, A Practical Method for Constructing Equivariant Multilayer Perceptrons for
    Arbitrary Matrix Groups (2021), section 7; Finzi, Benton, Wilson, Residual Pathway Priors (2021), section 5.
    """

    name: str
    group: Group
    in_rep: Representation
    out_rep: Representation
    standardised: bool
    sample: Callable[[int, torch.Generator], tuple[Tensor, Tensor]] = field(repr=False)

    def draw(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Inputs ``(n, in_rep.dim)`` and targets ``(n, out_rep.dim)``, independent, in float64."""
        return self.sample(n, generator)


def o5() -> Regression:
    r"""An invariant of two vectors, :math:`\sin|x_1| - \tfrac12 |x_2|^3 + \cos\angle(x_1, x_2)`, under O(5).

    Both vectors are standard normal; the input is ``(5, 2)``, component by component.

    Example:
        >>> import torch
        >>> x, y = o5().draw(1, torch.Generator().manual_seed(0))
        >>> a, b = x.reshape(5, 2).unbind(1)
        >>> bool(torch.isclose(y, a.norm().sin() - b.norm() ** 3 / 2 + a @ b / (a.norm() * b.norm())))
        True
    """
    G = group("O(5)")
    return Regression("o5", G, 2 * defining(G), trivial(G), True, _draw_o5)


def inertia() -> Regression:
    r"""The inertia tensor of five point masses, :math:`\sum_i m_i (|r_i|^2 - r_i r_i^T)`, under O(3).

    Masses are the softplus of standard normal numbers, positions are standard normal. The input is the five masses,
    then the positions ``(3, 5)``, component by component; the output is ``V @ V``, row by row, nine numbers.

    Example:
        >>> import torch
        >>> x, y = inertia().draw(1, torch.Generator().manual_seed(0))
        >>> m, r = x[0, :5], x[0, 5:].reshape(3, 5)
        >>> bool(torch.isclose(y.reshape(3, 3).trace(), 2 * (m * r.square().sum(0)).sum()))
        True
    """
    return _bodies("inertia", _draw_inertia)


def modified_inertia() -> Regression:
    r"""The inertia tensor and 0.3 times its projection on z, :math:`I + 0.3\, (I \hat z) \hat z^T`: no longer O(3).

    Inputs and layouts are those of :func:`inertia`. The term distinguishes an axis, which the declared group does not:
    what commutes with the group cannot fit it.

    Example:
        >>> import torch
        >>> seeded = lambda: torch.Generator().manual_seed(0)
        >>> (_, y), (_, z) = inertia().draw(1, seeded()), modified_inertia().draw(1, seeded())
        >>> (z / y).reshape(3, 3)[:, 2]
        tensor([1.3000, 1.3000, 1.3000], dtype=torch.float64)
    """
    return _bodies("modified-inertia", _draw_modified_inertia)


def lorentz() -> Regression:
    r"""Scattering of an electron and a muon, :math:`4\, L_e^{\mu\nu} L^\mu_{\mu\nu}`, an invariant under O(1,3).

    .. math:: L_e = p_1 p_3^T - (p_1 \cdot p_3 - p_1 \cdot p_1)\, \eta, \qquad L_\mu\ \text{likewise from lowered }
        p_2, p_4

    Momenta are normal of deviation 1/4, not on a mass shell; the metric is ``(+, -, -, -)``. The input is ``(4, 4)``,
    component by component, time first: ``x.reshape(-1, 4, 4)[..., i]`` is the momentum :math:`p_{i+1}`.

    Example:
        >>> import torch
        >>> x, y = lorentz().draw(10000, torch.Generator().manual_seed(0))
        >>> 0.65 < float(y.var()) < 0.85
        True
    """
    G = group("O(1,3)")
    return Regression("lorentz", G, 4 * defining(G), trivial(G), True, _draw_lorentz)


def _bodies(name: str, sample: Callable[[int, torch.Generator], tuple[Tensor, Tensor]]) -> Regression:
    G = group("O(3)")
    V = defining(G)
    return Regression(name, G, BODIES * trivial(G) + BODIES * V, V @ V, False, sample)


def _normal(n: int, dim: int, generator: torch.Generator) -> Tensor:
    return torch.randn(n, dim, generator=generator, dtype=torch.float64)


def _draw_o5(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    x = _normal(n, 10, generator)
    first, second = x.reshape(n, 5, 2).unbind(-1)
    a, b = first.norm(dim=-1), second.norm(dim=-1)
    y = a.sin() - 0.5 * b**3 + (first * second).sum(-1) / (a * b)
    return x, y[:, None]


def _draw_inertia(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    x = _normal(n, 4 * BODIES, generator)
    x[:, :BODIES] = F.softplus(x[:, :BODIES])
    masses, positions = x[:, :BODIES], x[:, BODIES:].reshape(n, 3, BODIES)
    outer = torch.einsum("nm,nim,njm->nij", masses, positions, positions)
    trace = outer.diagonal(dim1=1, dim2=2).sum(1)
    return x, (trace[:, None, None] * torch.eye(3, dtype=x.dtype) - outer).reshape(n, 9)


def _draw_modified_inertia(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    x, y = _draw_inertia(n, generator)
    tensor = y.reshape(n, 3, 3)
    axis = torch.tensor([0.0, 0.0, 1.0], dtype=x.dtype)
    return x, (tensor + TILT * (tensor @ axis)[:, :, None] * axis).reshape(n, 9)


def _draw_lorentz(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    x = _normal(n, 16, generator) / 4
    eta = torch.tensor(METRIC, dtype=x.dtype)
    p1, p2, p3, p4 = x.reshape(n, 4, 4).unbind(-1)
    q2, q4 = eta * p2, eta * p4
    electron = _current(p1, p3, (p1 * eta * p3).sum(-1) - (p1 * eta * p1).sum(-1), eta)
    muon = _current(q2, q4, (p2 * eta * p4).sum(-1) - (p2 * eta * p2).sum(-1), eta)
    return x, 4 * (electron * muon).sum((1, 2))[:, None]


def _current(before: Tensor, after: Tensor, offset: Tensor, eta: Tensor) -> Tensor:
    return before[:, :, None] * after[:, None, :] - offset[:, None, None] * torch.diag(eta)


REGRESSIONS: dict[str, Callable[[], Regression]] = {
    "inertia": inertia,
    "lorentz": lorentz,
    "modified-inertia": modified_inertia,
    "o5": o5,
}
