"""Where half precision is too narrow: squares of numbers beyond 255 overflow in float16, those below 2e-4 vanish."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

__all__ = ["full_precision", "widened"]

HALF = (torch.float16, torch.bfloat16)


def widened(x: Tensor) -> Tensor:
    """``x`` in single precision where it is in half, as it is elsewhere.

    Example:
        >>> widened(torch.tensor(300.0, dtype=torch.float16)).square().item()
        90000.0
    """
    if isinstance(x, Tensor):
        return x.float() if x.dtype in HALF else x
    return x * x.new_ones(1, dtype=torch.float32)  # a tracer's proxy has no dtype yet: this promotes when it runs


def full_precision(x: Tensor) -> AbstractContextManager[object]:
    """Autocast off on the device of ``x``: matrix products keep the dtype of their factors.

    Example:
        >>> x = torch.ones(2, 2)
        >>> with torch.autocast("cpu", dtype=torch.bfloat16), full_precision(x):
        ...     print((x @ x).dtype)
        torch.float32
    """
    if isinstance(x, Tensor) and torch.is_autocast_enabled(x.device.type):
        return torch.autocast(x.device.type, enabled=False)
    return nullcontext()
