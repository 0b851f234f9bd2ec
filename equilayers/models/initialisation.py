"""One rule of initialisation for all models of a comparison."""

from __future__ import annotations

import math

import torch
from torch import nn

__all__ = ["GAIN", "READ_OUT_GAIN", "reset_parts", "reset_plain"]

GAIN = math.sqrt(2)  # times unit second moment: what a ReLU takes away
# Classes start nearly equal. At full size the first steps fight the offsets of the logits, and a network whose features
# average over a group loses its ReLUs to that: one in three of the wrong-group runs then never learned anything.
READ_OUT_GAIN = 0.1 * GAIN


def reset_plain(layer: nn.Conv2d | nn.Linear, gain: float = GAIN) -> None:
    r"""Normal weights of deviation :math:`\text{gain} / \sqrt{\text{fan in}}`, zero bias: the rule of the layers."""
    with torch.no_grad():
        layer.weight.normal_(0.0, gain / math.sqrt(layer.weight[0].numel()))
        if layer.bias is not None:
            layer.bias.zero_()


def reset_parts(model: nn.Module) -> None:
    """Let each outermost part that knows how begin anew."""
    for part in model.children():
        reset = getattr(part, "reset_parameters", None)
        if reset is None:
            reset_parts(part)
        else:
            reset()
