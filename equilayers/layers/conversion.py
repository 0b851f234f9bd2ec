"""The same function without the library: torch.nn modules where they exist, graphs of torch functions elsewhere."""

from __future__ import annotations

import copy

import torch
from torch import nn

from equilayers.layers.layer import Layer

__all__ = ["to_torch", "traced"]


def to_torch(module: nn.Module) -> nn.Module:
    """The eval-mode function of ``module`` as plain torch, which loads where equilayers is not installed.

    Layers become ``torch.nn`` modules where torch has them (``nn.Linear``, ``nn.Conv2d``, ``nn.Identity``) and
    graphs of torch functions (``torch.fx``) elsewhere. A module of your own that contains layers is traced as
    a whole; where its ``forward`` cannot be traced (it branches on the values of its input) it keeps its
    class, and its layers are converted. The result has its own tensors; trained further, it is no longer equivariant.

    Args:
        module: a layer, a model, or any module that contains layers; left as it is.

    Example:
        >>> import torch, equilayers as eq
        >>> G = eq.group("D4")
        >>> layer = eq.layers.Linear(eq.regular(G), eq.defining(G))
        >>> plain, x = eq.to_torch(layer), torch.ones(1, 8)
        >>> plain, torch.allclose(plain(x), layer(x), atol=1e-6)
        (Linear(in_features=8, out_features=2, bias=False), True)

    Source: torch.fx: Reed et al., Practical Program Capture and Transformation for Deep Learning in Python (2022).
    """
    twin = copy.deepcopy(module).eval()
    return _convert(twin, {}).eval()


def traced(layer: nn.Module) -> torch.fx.GraphModule:
    """``forward`` in eval mode as a graph of torch functions."""
    return _graph(copy.deepcopy(layer).eval())


def _convert(module: nn.Module, done: dict[int, nn.Module]) -> nn.Module:
    if id(module) in done:  # a module used twice stays one module
        return done[id(module)]
    if isinstance(module, Layer):
        new: nn.Module = module._to_torch()
    elif not any(isinstance(part, Layer) for part in module.modules()):
        new = module
    else:
        for name, child in list(module._modules.items()):
            if child is not None:
                setattr(module, name, _convert(child, done))
        new = _without_own_class(module)
    done[id(module)] = new
    return new


def _without_own_class(module: nn.Module) -> nn.Module:
    if type(module).__module__.startswith("torch."):
        return module
    try:
        return _graph(module)
    except (torch.fx.proxy.TraceError, TypeError, AssertionError):
        return module


def _graph(module: nn.Module) -> torch.fx.GraphModule:
    """Traced, without annotations: where they are strings (PEP 563) torch could not save the graph.

    Optional arguments that a class names in ``specialised`` become None: a graph cannot ask whether there is a mask.
    """
    fixed = dict.fromkeys(getattr(module, "specialised", ()))
    tracer = torch.fx.Tracer()
    graph = tracer.trace(module, fixed or None)
    for node in graph.nodes:
        node.type = None
        # torch would write a call of fx.wrap for its own check of a fixed argument, after which no trace runs any more
        if getattr(node.target, "__module__", None) == "torch.fx._symbolic_trace":
            node.meta.pop("is_wrapped", None)
    return torch.fx.GraphModule(tracer.root, graph, type(module).__name__)
