"""The rule of masks by itself."""

from __future__ import annotations

import pytest
import torch

from equilayers import ops
from equilayers.errors import BadInput

MASK = torch.tensor([[True, False, True], [False, False, False]])


@pytest.mark.parametrize("filler", [torch.nan, torch.inf, 1e308])
def test_what_is_hidden_is_zero_and_so_is_its_gradient(filler):
    x = torch.ones(2, 3, 4, dtype=torch.float64).masked_fill(~MASK[..., None], filler).requires_grad_()
    y = ops.keep(x, MASK)
    assert torch.equal(y, MASK[..., None].expand(2, 3, 4).double())
    (grad,) = torch.autograd.grad((y.exp() / (1 + y)).sum(), x, create_graph=True)
    assert grad.isfinite().all() and not grad[~MASK].any() and grad[MASK].all()
    (second,) = torch.autograd.grad(grad.sum(), x)
    assert second.isfinite().all() and not second[~MASK].any()


def test_without_a_mask_nothing_happens():
    x = torch.ones(2, 3, 4)
    assert ops.keep(x, None) is x
    assert ops.keep(x.half(), MASK).dtype == torch.float16


@pytest.mark.parametrize("wrong", [None, 1, MASK.tolist(), MASK.numpy(), MASK.int(), MASK.float(), MASK[0], MASK.mT])
def test_other_masks_are_refused(wrong):
    ops.require_mask("DeepSets", MASK, (2, 3))
    with pytest.raises(BadInput, match="one bool for each member"):
        ops.require_mask("DeepSets", wrong, (2, 3))
