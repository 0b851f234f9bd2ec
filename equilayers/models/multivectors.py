"""Points, planes and four-vectors as multivectors, and back."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import BadInput

__all__ = ["embed_planes", "embed_points", "embed_vectors", "extract_points", "extract_vectors", "projective_form"]

SIZE = 16  # blades of four vectors: 1, 4, 6, 4, 1
POINT = 11  # where the trivectors begin: xyz, xyw, xzw, yzw
SIGNS = (1.0, -1.0, 1.0, -1.0)  # of w, z, y, x on them


def projective_form(n: int = 3) -> np.ndarray:
    """``diag(1, ..., 1, 0)``: the form of planes ``(normal, offset)`` of n-dimensional space.

    Example:
        >>> projective_form().diagonal().tolist()
        [1.0, 1.0, 1.0, 0.0]
    """
    return np.diag([1.0] * n + [0.0])


def embed_points(points: Tensor) -> Tensor:
    r"""Points ``(*batch, 3)`` as trivectors ``(*batch, 16)``: the planes through a point, :math:`T_{abc} =
    \epsilon_{abcd} P_d` with P = (x, y, z, 1).

    Motions move them as the points; a reflection turns their sign as well.

    Example:
        >>> import torch
        >>> embed_points(torch.tensor([1.0, 2.0, 3.0]))[11:15].tolist()
        [1.0, -3.0, 2.0, -1.0]

    Source: Brehmer et al., Geometric Algebra Transformer (2023), table 1.
    """
    _check(points, 3)
    x, y, z = points.unbind(-1)
    trivector = torch.stack([torch.ones_like(x), -z, y, -x], -1)
    return _place(trivector, POINT)


def extract_points(multivectors: Tensor) -> Tensor:
    """Points ``(*batch, 3)`` of multivectors ``(*batch, 16)``, whatever the sign and size of their trivectors.

    Example:
        >>> import torch
        >>> extract_points(-2 * embed_points(torch.tensor([1.0, 2.0, 3.0]))).tolist()
        [1.0, 2.0, 3.0]
    """
    _check(multivectors, SIZE)
    w, z, y, x = (sign * part for sign, part in zip(SIGNS, multivectors[..., POINT:-1].unbind(-1), strict=True))
    return torch.stack([x, y, z], -1) / w[..., None]


def embed_planes(planes: Tensor) -> Tensor:
    """Planes ``(*batch, 4)``, normal n and offset d with n x + d = 0, as vectors of multivectors ``(*batch, 16)``.

    Example:
        >>> import torch
        >>> embed_planes(torch.tensor([0.0, 0.0, 1.0, -2.0]))[1:5].tolist()
        [0.0, 0.0, 1.0, -2.0]
    """
    return embed_vectors(planes)


def embed_vectors(vectors: Tensor) -> Tensor:
    """Four-vectors ``(*batch, 4)`` as the first grade of multivectors ``(*batch, 16)``.

    Example:
        >>> import torch
        >>> extract_vectors(embed_vectors(torch.tensor([5.0, 0.0, 3.0, 4.0]))).tolist()
        [5.0, 0.0, 3.0, 4.0]
    """
    _check(vectors, 4)
    return _place(vectors, 1)


def extract_vectors(multivectors: Tensor) -> Tensor:
    """The first grade ``(*batch, 4)`` of multivectors ``(*batch, 16)``.

    Example:
        >>> import torch
        >>> extract_vectors(torch.arange(16.0)).tolist()
        [1.0, 2.0, 3.0, 4.0]
    """
    _check(multivectors, SIZE)
    return multivectors[..., 1:5]


def _place(part: Tensor, start: int) -> Tensor:
    return torch.nn.functional.pad(part, (start, SIZE - start - part.shape[-1]))


def _check(x: Tensor, size: int) -> None:
    if x.ndim < 1 or x.shape[-1] != size:
        raise BadInput(
            f"The last axis holds {size} numbers.", {"input": tuple(x.shape)}, f"Give a tensor (*batch, {size})."
        )
