"""Starting values that mix a whole axis of a parameter, also where processes share it."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from torch import Tensor

__all__ = ["mix"]


def mix(parameter: Tensor, matrix: np.ndarray, axis: int) -> None:
    """Multiply a fixed matrix into the first (0) or last (-1) axis of a parameter, in place.

    A parameter that several processes share is gathered, and each keeps its part of the product.

    Example:
        >>> weight = torch.nn.Parameter(torch.ones(2, 1))
        >>> mix(weight, np.array([[1.0, 2.0], [0.0, 3.0]]), 0)
        >>> weight.tolist()
        [[3.0], [3.0]]
    """
    with torch.no_grad():
        mesh = getattr(parameter, "device_mesh", None)
        if mesh is None:
            parameter.copy_(_product(matrix, parameter, axis))
            return
        from torch.distributed.tensor import DTensor, distribute_tensor  # only where there are several processes

        shared = cast(DTensor, parameter)
        whole = _product(matrix, shared.full_tensor(), axis)
        shared.copy_(distribute_tensor(whole, mesh, shared.placements, src_data_rank=None))


def _product(matrix: np.ndarray, weight: Tensor, axis: int) -> Tensor:
    factor = torch.tensor(matrix, dtype=weight.dtype, device=weight.device)
    return weight @ factor.mT if axis else torch.tensordot(factor, weight, 1)
