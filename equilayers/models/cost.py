"""What a model costs: parameters, and multiply-accumulates for one input."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

__all__ = ["count_macs", "count_parameters"]


def count_parameters(model: nn.Module) -> int:
    """Number of trainable numbers.

    Example:
        >>> count_parameters(nn.Linear(3, 2))
        8
    """
    return sum(parameter.numel() for parameter in model.parameters())


def count_macs(model: Callable[[Tensor], object], example: Tensor) -> int:
    """Multiply-accumulates that one more input costs, as torch executes the model.

    Work that does not grow with the batch, such as the expansion of filters, is left out; elementwise functions are not
    counted, nor does torch count them.

    Args:
        model: a batch to a batch.
        example: inputs, of which the first is used.

    Example:
        >>> count_macs(nn.Linear(3, 2), torch.zeros(1, 3))
        6
    """
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    flops = []
    for batch in (2, 3):
        counter = FlopCounterMode(display=False)
        with torch.no_grad(), counter, sdpa_kernel(SDPBackend.MATH):  # fused attention is not counted on a CPU
            model(example[:1].expand(batch, *example.shape[1:]))
        flops.append(counter.get_total_flops())
    return (flops[1] - flops[0]) // 2
