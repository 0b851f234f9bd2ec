"""Ways in which people copy, average, convert and load a module; each must leave its function as it was."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable, Mapping

import torch
from torch import nn

__all__ = ["ROUTES"]


Build = Callable[[], nn.Module]


def _saved(module: nn.Module) -> dict[str, torch.Tensor]:
    stream = io.BytesIO()
    torch.save(module.state_dict(), stream)
    stream.seek(0)
    return torch.load(stream, weights_only=True)


def _copied(module: nn.Module, build: Build) -> nn.Module:
    return copy.deepcopy(module)


def _loaded(module: nn.Module, build: Build) -> nn.Module:
    other = build()
    other.load_state_dict(_saved(module))
    return other


def _averaged(module: nn.Module, build: Build) -> nn.Module:
    """Three steps of an exponential average, buffers too, of weights that do not change."""
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn  # takes a moment to load

    average = AveragedModel(module, multi_avg_fn=get_ema_multi_avg_fn(0.9), use_buffers=True)
    for _ in range(3):
        average.update_parameters(module)
    return average.module


def _assigned(module: nn.Module, build: Build) -> nn.Module:
    """A module without storage takes the tensors of a checkpoint."""
    other = build().to("meta")
    other.load_state_dict(_saved(module), assign=True)
    return other


def _emptied(module: nn.Module, build: Build) -> nn.Module:
    """A module without storage gets memory, in which anything may stand, and then the weights."""
    other = build()
    device = next((tensor.device for tensor in (*other.parameters(), *other.buffers())), torch.device("cpu"))
    other.to("meta")._apply(lambda tensor: torch.full_like(tensor, 7, device=device))  # to_empty(), repeatable
    other.load_state_dict(_saved(module))
    return other


def _narrowed(module: nn.Module, build: Build) -> nn.Module:
    other = build()
    dtype = next((parameter.dtype for parameter in other.parameters()), torch.get_default_dtype())
    other.half().to(dtype).load_state_dict(_saved(module))
    return other


ROUTES: Mapping[str, Callable[[nn.Module, Build], nn.Module]] = {  # (the module, how to build one like it)
    "deepcopy": _copied,
    "state_dict round trip": _loaded,
    "An average with buffers, of weights that do not change,": _averaged,
    "load_state_dict(assign=True) into a meta module": _assigned,
    "to_empty() and loading the weights": _emptied,
    "A round trip through float16 and loading the weights": _narrowed,
}
