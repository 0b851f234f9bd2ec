"""Fixed matrices beside parameters that may be spread over processes."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

__all__ = ["beside"]


def beside(parameter: Tensor, array: np.ndarray) -> Tensor:
    """``array`` as a tensor of the parameter's dtype and device, whole on every process where that is sharded.

    Example:
        >>> beside(torch.ones(2, dtype=torch.float64), np.array([0.5])).dtype
        torch.float64
    """
    mesh = getattr(parameter, "device_mesh", None)  # of a DTensor
    tensor = torch.tensor(array, dtype=parameter.dtype, device=parameter.device)
    if mesh is None:
        return tensor
    from torch.distributed.tensor import DTensor, Replicate  # only where parameters are sharded

    return DTensor.from_local(tensor, mesh, [Replicate()] * mesh.ndim, run_check=False)
