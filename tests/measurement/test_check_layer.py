"""check_layer and assert_equivariant accept what is right and reject each broken twin by the law it breaks."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import equilayers as eq
from equilayers.errors import BadInput, CheckFailed
from equilayers.measurement import assert_equivariant, check_layer

O3 = eq.group("O(3)")


class Good(nn.Module):
    """``2x`` on vectors of space, by a learned number."""

    exact, error_bound = True, None

    def __init__(self):
        super().__init__()
        self.in_action = self.out_action = eq.defining(O3)
        self.weight = nn.Parameter(torch.full((1, 1), 2.0))

    def forward(self, x):
        return self.weight[0, 0] * x


class Shifted(Good):
    def forward(self, x):
        return super().forward(x) + 1


class Elementwise(Good):
    def forward(self, x):
        return super().forward(x).sin()


class NearlyRight(Good):
    def forward(self, x):
        return super().forward(x) * (1 + 1e-9 * x.new_tensor([1.0, 0.0, 0.0]))


class SinglePrecision(Good):
    def forward(self, x):
        return super().forward(x.float()).to(x.dtype)


class Rotated(Good):
    """Invariant under rotations, but a reflection is lost."""

    def forward(self, x):
        return super().forward(x) * torch.linalg.det(torch.stack([x, x.square(), x**3], -1)).sign()[..., None]


class Zero(Good):
    def forward(self, x):
        return 0 * super().forward(x)


class NaN(Good):
    def forward(self, x):
        return super().forward(x) * torch.nan


class WrongGradient(Good):
    def forward(self, x):
        y = super().forward(x)
        tilt = x * x.new_tensor([1.0, 0.0, 0.0])
        return y + tilt - tilt.detach()


class Mixes(Good):
    def forward(self, x):
        return super().forward(x - x.mean(0, keepdim=True)) if len(x) else super().forward(x)


class Overwrites(Good):
    def forward(self, x):
        if not x.requires_grad:
            x.mul_(1.5)
        return super().forward(x)


class Widens(Good):
    def forward(self, x):
        return super().forward(x).double()


class Storage(Good):
    """Reads memory in order, whatever the strides say."""

    def forward(self, x):
        return super().forward(torch.as_strided(x, x.shape, (x.shape[1], 1), x.storage_offset()) if len(x) > 1 else x)


class NoEmptyBatch(Good):
    def forward(self, x):
        return super().forward(x) if len(x) else x.new_zeros(1, 3)


class RandomInEvaluation(Good):
    def forward(self, x):
        return super().forward(x) * torch.rand(())


class ExtraInTraining(Good):
    def train(self, mode=True):
        super().train(mode)
        if mode:
            self.register_buffer("extra", torch.zeros(1))
        elif hasattr(self, "extra"):
            del self.extra
        return self


class Forgets(Good):
    """Counts the calls of its training, and keeps the count out of its state."""

    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, x):
        self.calls += self.training
        return super().forward(x) * (1 + self.calls)


class IndexBuffer(Good):
    """0.9 i + 0.1 i, as an integer, is i - 1 for some i."""

    def __init__(self):
        super().__init__()
        self.register_buffer("order", torch.arange(192), persistent=False)

    def forward(self, x):
        return super().forward(x) * torch.linspace(0, 1, 192, dtype=x.dtype)[self.order].mean()

    def _apply(self, fn, recurse=True):
        super()._apply(fn, recurse)
        self.order = torch.arange(192)  # whatever a loader does
        return self


FINE = 1 + 2.0**-16  # a float32 and no float16


class RealBuffer(Good):
    """A constant that nobody fills again."""

    def __init__(self):
        super().__init__()
        self.register_buffer("factor", torch.tensor(FINE), persistent=False)

    def forward(self, x):
        return super().forward(x) * self.factor


class RefilledBuffer(RealBuffer):
    """Filled again by every conversion, and not where no conversion is made."""

    def _apply(self, fn, recurse=True):
        super()._apply(fn, recurse)
        self.factor.copy_(torch.tensor(FINE, device="cpu"))
        return self


class RoundedNumber(Good):
    """A number that a conversion to half precision rounds for good."""

    def __init__(self):
        super().__init__()
        self.factor = FINE

    def forward(self, x):
        return super().forward(x) * self.factor

    def _apply(self, fn, recurse=True):
        super()._apply(fn, recurse)
        if self.weight.dtype == torch.float16:
            self.factor = float(torch.tensor(self.factor, dtype=torch.float16))
        return self


class FlatWeight(Good):
    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))

    def forward(self, x):
        return super().forward(x) * self.gain


class EmptyParameter(Good):
    def __init__(self):
        super().__init__()
        self.other = nn.Parameter(torch.ones(0, 2))


class Undeclared(Good):
    exact = None


class NoBound(Good):
    exact = False


class LargerThanItsBound(Elementwise):
    exact, error_bound = False, 1e-3


class BrokenInTraining(Good):
    def forward(self, x):
        return super().forward(x) + (1 if self.training else 0)


class WrongWidth(Good):
    def forward(self, x):
        return torch.cat([super().forward(x), super().forward(x)], -1)


class FlatOnly(Good):
    def forward(self, x):
        return super().forward(x) if x.dim() == 2 else super().forward(x.flatten(0, 1)).flip(0).reshape(x.shape)


LAYER_TWINS = {
    Shifted: "Equivariance of the output, float64",
    Elementwise: "Equivariance of the output, float64",
    NearlyRight: "Equivariance of the output, float64",
    SinglePrecision: "Equivariance of the output, float64",
    Rotated: "Equivariance of the output, float64",
    Zero: "depends on the input",
    NaN: "not hold",
    WrongGradient: "Equivariance of the gradient, float64",
    Mixes: "do not mix",
    Overwrites: "input is unchanged",
    Widens: "dtype is kept, float32",
    Storage: "non-contiguous",
    NoEmptyBatch: "empty batch",
    RandomInEvaluation: "deterministic|state_dict round trip",
    ExtraInTraining: "state_dict is the same",
    Forgets: "state_dict round trip",
    IndexBuffer: "An average with buffers",
    RealBuffer: "assign=True",
    RefilledBuffer: "assign=True",
    RoundedNumber: "A round trip through float16",
    FlatWeight: "two dimensions",
    EmptyParameter: "not empty",
    Undeclared: "exact is declared",
    NoBound: "error bound",
    LargerThanItsBound: "Equivariance of the output",
    BrokenInTraining: "training mode",
    WrongWidth: "fits out_action",
    FlatOnly: "leading axes",
}


def test_a_good_layer_passes():
    report = check_layer(Good())
    state, interface, shapes, equivariance, training = 11, 8, 3, 2, 1
    assert report.ran == state + 2 * interface + shapes + 2 * equivariance + training
    assert set(report.not_run) == {"An approximate layer records its error bound"}


@pytest.mark.parametrize("twin", LAYER_TWINS, ids=lambda twin: twin.__name__)
def test_broken_layers_are_rejected(twin):
    with pytest.raises(CheckFailed, match=LAYER_TWINS[twin]):
        check_layer(twin())


def test_a_layer_without_actions_is_refused():
    with pytest.raises(BadInput, match="how the group acts"):
        check_layer(nn.Linear(3, 3))


def test_gradients_move_with_the_dual():
    """On a group that is not compact the dual is another representation; a layer into the dual has the other law."""

    class Lowered(Good):
        """x to its covector, which transforms with the dual."""

        def __init__(self):
            super().__init__()
            self.in_action = eq.defining(eq.group("SO(1,3)"))
            self.out_action = self.in_action.dual

        def forward(self, x):
            metric = torch.linalg.inv(self.metric().to(x.dtype))
            return self.weight[0, 0] * x @ metric

        def metric(self):
            lie = torch.tensor(self.in_action.group.lie_basis)
            boost = next(a for a in lie if torch.allclose(a, a.T))
            time = boost.square().sum(0).argmax() if boost.square().sum(0).max() > 1.5 else 0
            diagonal = torch.ones(4, dtype=torch.float64)
            diagonal[time] = -1
            return torch.diag(diagonal)

    class Kept(Lowered):
        def __init__(self):
            super().__init__()
            self.out_action = self.in_action

    assert "Equivariance of the gradient, float64" in check_layer(Lowered()).names
    with pytest.raises(CheckFailed, match="Equivariance of the output"):
        check_layer(Kept())


def test_assert_equivariant():
    V = eq.defining(O3)
    assert assert_equivariant(lambda x: x * x.norm(dim=-1, keepdim=True), V, V).ran == 3
    with pytest.raises(CheckFailed, match="Equivariance"):
        assert_equivariant(torch.sin, V, V)
    with pytest.raises(CheckFailed, match="depends on the input"):
        assert_equivariant(torch.zeros_like, V, V)
    with pytest.raises(CheckFailed, match="finite"):
        assert_equivariant(lambda x: x / 0, V, V)
    # a small scale does not help
    with pytest.raises(CheckFailed, match="Equivariance"):
        assert_equivariant(lambda x: 1e-9 * torch.sin(x), V, V)
    assert assert_equivariant(lambda x: x + 1e-4, V, V, tolerance=1e-2).ran == 3
