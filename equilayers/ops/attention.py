"""Attention by torch's fused kernels where they serve, and by its formula where more derivatives are asked for."""

from __future__ import annotations

import math
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from equilayers.ops.precision import full_precision, widened

__all__ = ["attend"]


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    scale: float,
    left_out: Tensor | None = None,
    added: Tensor | None = None,
) -> Tensor:
    r"""What every query hears, :math:`y_i = \sum_j \mathrm{softmax}_j(s\, q_i \cdot k_j + a_{ij})\, v_j` over the keys
    that are not left out; zero where none is.

    ``F.scaled_dot_product_attention`` runs forward and backward. Its fast kernels have one derivative in reverse mode
    and none in forward mode. So a backward pass with ``create_graph=True`` differentiates the formula instead, and so
    does every transform of ``torch.func``. Inside ``torch.compile`` and in exported graphs the kernel stands alone.

    Args:
        query, key, value: ``(*batch, n, d)``, ``(*batch, m, d)``, ``(*batch, m, e)``. Scores have the precision of the
            queries, under autocast, too.
        scale: s.
        left_out: bool, broadcast to ``(*batch, n, m)``, true at pairs to leave out.
        added: a, broadcast likewise.

    Shapes:
        ``(*batch, n, e)``.

    Example:
        >>> q, k, v = torch.zeros(1, 2), torch.zeros(2, 2), torch.tensor([[1.0], [3.0]])
        >>> attend(q, k, v, 1.0).tolist(), attend(q, k, v, 1.0, torch.tensor([True, False])).tolist()
        ([[2.0]], [[3.0]])
    """
    heard, mask = None, added
    if left_out is not None:
        heard = ~left_out.all(-1, keepdim=True)  # no row of scores is -infinity throughout: that would make NaN
        mask = ~(left_out & heard)
        if added is not None:
            mask = added.masked_fill(left_out, 0.0).masked_fill(~mask, -math.inf)
    if mask is not None and added is not None:
        mask = mask.to(query.dtype)
    found = _attended(query, key.to(query.dtype), value.to(query.dtype), scale, mask).to(value.dtype)
    return found if heard is None else torch.where(heard, found, 0.0)


def _attended(query: Tensor, key: Tensor, value: Tensor, scale: float, mask: Tensor | None) -> Tensor:
    if not isinstance(query, Tensor):  # a tracer's proxy
        return F.scaled_dot_product_attention(query, key, value, mask, scale=scale)
    with full_precision(query):  # queries have the precision that their scores need
        if _is_transformed():
            return _by_formula(query, key, value, scale, mask)
        found = F.scaled_dot_product_attention(query, key, value, mask, scale=scale)
        if found.requires_grad and not (torch.compiler.is_compiling() or torch.jit.is_tracing()):
            found = cast(Tensor, _WithMoreDerivatives.apply(found, query, key, value, mask, scale))
    return found


def _is_transformed() -> bool:
    """Whether a transform of ``torch.func`` or forward-mode differentiation is under way."""
    if torch._C._are_functorch_transforms_active():
        return True
    return not torch.compiler.is_compiling() and torch.autograd.forward_ad._current_level >= 0


def _weights(query: Tensor, key: Tensor, scale: float, mask: Tensor | None) -> Tensor:
    scores = (query @ key.mT) * scale
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else scores + mask
    return scores.softmax(-1)


def _by_formula(query: Tensor, key: Tensor, value: Tensor, scale: float, mask: Tensor | None) -> Tensor:
    found = _weights(widened(query), widened(key), scale, mask) @ widened(value)
    return found.to(value.dtype)


class _WithMoreDerivatives(torch.autograd.Function):
    """The identity on what the kernel found. Its gradient goes back through the kernel; where that gradient is to be
    differentiated again, it goes back to query, key and value by the formula, past the kernel.
    """

    @staticmethod
    def forward(
        ctx: Any, found: Tensor, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scale: float
    ) -> Tensor:
        ctx.save_for_backward(query, key, value, mask)
        ctx.scale = scale
        return found.view_as(found)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        if not (torch.is_grad_enabled() or torch._C._are_functorch_transforms_active()):
            return grad, None, None, None, None, None
        query, key, value, mask = ctx.saved_tensors
        with full_precision(query):
            q, k, v, g = (widened(t) for t in (query, key, value, grad))
            weights = _weights(q, k, ctx.scale, mask)
            back = g @ v.mT
            scores = weights * (back - (back * weights).sum(-1, keepdim=True))
            grads = [ctx.scale * (scores @ k), ctx.scale * (scores.mT @ q), weights.mT @ g]
            grads = [found.to(t.dtype) for found, t in zip(grads, (query, key, value), strict=True)]
        learned = mask is not None and mask.requires_grad
        return None, *grads, scores.sum_to_size(mask.shape).to(mask.dtype) if learned else None, None
