"""What a mask hides has no effect: one rule for every layer and model that takes a mask."""

from __future__ import annotations

import torch
from torch import Tensor

from equilayers.errors import BadInput

__all__ = ["keep", "require_mask"]


def keep(x: Tensor, mask: Tensor | None) -> Tensor:
    """``x`` where ``mask`` is true and zero elsewhere, whatever stood there; ``x`` itself without a mask.

    It comes before anything else touches ``x``: then NaN, infinity or a number that overflows later reaches neither a
    value nor a derivative of any order, and the gradient of what is hidden is zero. A product with the mask would keep
    NaN, and so would its derivative.

    Args:
        x: ``(*batch, n, channels)``.
        mask: bool, the shape of ``x`` without its last axis.

    Example:
        >>> x = torch.tensor([[1.0, 2.0], [torch.nan, torch.inf]])
        >>> keep(x, torch.tensor([True, False])).tolist()
        [[1.0, 2.0], [0.0, 0.0]]
    """
    return x if mask is None else torch.where(mask.unsqueeze(-1), x, 0.0)


def require_mask(
    owner: str, mask: object, expected: tuple[int, ...], members: str = "member", present: str = "<"
) -> None:
    """Raise unless ``mask`` is a bool tensor of this shape.

    Args:
        owner: the layer or model that was called.
        mask: what it was given.
        expected: the shape, one entry for each member of each set.
        members: what the sets hold.
        present: how a member's number compares with the length of its set where the mask is true.

    Raises:
        BadInput: another type, shape or dtype.

    Example:
        >>> require_mask("DeepSets", torch.ones(2, 3), (2, 3))
        Traceback (most recent call last):
        equilayers.errors.BadInput: The mask of DeepSets holds one bool for each member.
          mask      (2, 3) torch.float32
          expected  (2, 3) torch.bool
          Write torch.arange(n) < lengths[:, None].
    """
    if isinstance(mask, Tensor) and mask.dtype == torch.bool and tuple(mask.shape) == expected:
        return
    given = f"{tuple(mask.shape)} {mask.dtype}" if isinstance(mask, Tensor) else f"{type(mask).__name__}"
    raise BadInput(
        f"The mask of {owner} holds one bool for each {members}.",
        {"mask": given, "expected": f"{expected} torch.bool"},
        f"Write torch.arange(n) {present} lengths[:, None].",
    )
