"""The meter on every layer in every dtype: an exact one stands at its floor, a spoilt one does not."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

import equilayers as eq

DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
CHOOSE = ("NormMaxPool",)  # the first of equally long vectors, and numbers of few bits are often equally long


class Spoilt(nn.Module):
    """One number of the input, which does not keep still, goes into every output."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        y, x = self.layer(x), x.flatten(1)
        number = x @ torch.linspace(-1, 1, x.shape[1], dtype=x.dtype)
        return y + 0.1 * number.reshape(-1, *(y.dim() - 1) * [1])


def measured(module, layer):
    return eq.equivariance_error(module, layer.in_action, layer.out_action, n=20, samples=2)


@pytest.mark.slow
def test_every_layer_is_measured_in_every_dtype(all_cases):
    read = dict.fromkeys(DTYPES, 0)
    spoilt = several = 0
    for name, build in all_cases["CASES"].items():
        torch.manual_seed(0)
        layer = build()
        if layer.in_action.group != layer.out_action.group:  # a restriction: its two actions are of two groups
            continue
        for dtype in DTYPES:
            module = copy.deepcopy(layer).to(dtype)
            report = measured(module, layer)
            assert report.error is not None, (name, dtype, report.undefined)
            chosen = name in CHOOSE and dtype.itemsize == 2 and report.error < 0.05
            assert report.is_at_floor or not layer.exact or chosen, (name, dtype, report)
            assert report.interval is not None
            read[dtype] += 1
        if layer.out_action.sample_input(1).numel() > 1:
            several += 1
            spoilt += not measured(Spoilt(module.double()), layer).is_at_floor
    assert min(read.values()) >= 64 and several >= 60 and spoilt == several
