"""The same function without the library: torch.nn modules where they exist, graphs of torch functions elsewhere."""

from __future__ import annotations

import copy
import inspect
import operator
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.utils import _pytree as pytree

from equilayers.errors import EquilayersError
from equilayers.layers.layer import Layer

__all__ = ["to_torch"]

UNTRACEABLE = (torch.fx.proxy.TraceError, TypeError, AssertionError, AttributeError, RuntimeError, ValueError)


def to_torch(module: nn.Module, example: tuple[Any, ...] | None = None) -> nn.Module:
    """The eval-mode function of ``module`` as plain torch, which loads where equilayers is not installed.

    Layers become ``torch.nn`` modules where torch has them (``nn.Linear``, ``nn.Conv2d``, ``nn.Identity``) and
    graphs of torch functions (``torch.fx``) elsewhere. A network of the library, or a module of your own that contains
    layers, is traced as a whole. A graph has no optional arguments: those that default to None are left out, unless
    ``example`` gives them. Where a ``forward`` of your own cannot be traced (it branches on the values of its input)
    your class is kept, and its layers are converted. The result has its own tensors; trained further, it is no
    longer equivariant.

    Args:
        module: a layer, a model, or any module that contains layers; left as it is.
        example: arguments of ``forward`` by position, to say which of the optional ones (a mask) the result takes.

    Raises:
        EquilayersError: a network of the library that cannot be written as a graph.

    Example:
        >>> import torch, equilayers as eq
        >>> G = eq.group("D4")
        >>> layer = eq.layers.Linear(eq.regular(G), eq.defining(G))
        >>> plain, x = eq.to_torch(layer), torch.ones(1, 8)
        >>> plain, torch.allclose(plain(x), layer(x), atol=1e-6)
        (Linear(in_features=8, out_features=2, bias=False), True)

    Source: torch.fx: Reed et al., Practical Program Capture and Transformation for Deep Learning in Python (2022).
    """
    return _convert(copy.deepcopy(module).eval(), {}, example).eval()


def _convert(module: nn.Module, done: dict[int, nn.Module], example: tuple[Any, ...] | None = None) -> nn.Module:
    if id(module) not in done:  # a module used twice stays one module
        done[id(module)] = _as_torch(module) or _as_graph(module, done, example)
    return done[id(module)]


def _as_torch(module: nn.Module) -> nn.Module | None:
    return module._as_torch() if isinstance(module, Layer) else None


def _of(package: str, module: nn.Module) -> bool:
    return type(module).__module__.split(".")[0] == package


def _as_graph(module: nn.Module, done: dict[int, nn.Module], example: tuple[Any, ...] | None) -> nn.Module:
    """A class of the library or of its user is traced with all its parts; torch's own keep their class."""
    if not any(_of("equilayers", part) for part in module.modules()):
        return module
    if not _of("torch", module):
        try:
            return _graph(_with_torchs_layers(copy.deepcopy(module), {}), example)
        except UNTRACEABLE as problem:
            if _of("equilayers", module):
                raise EquilayersError(
                    f"This {type(module).__name__} cannot be written as a graph of torch functions.",
                    {"module": type(module).__name__, "because": str(problem).partition("\n")[0]},
                    "Give example= arguments, or use torch.export.export(module, arguments).",
                ) from problem
    for name, child in list(module._modules.items()):
        if child is not None:
            setattr(module, name, _convert(child, done))
    return module


def _with_torchs_layers(module: nn.Module, done: dict[int, nn.Module]) -> nn.Module:
    """Layers that are a module of torch replaced by it; others become part of the graph."""
    for name, child in list(module._modules.items()):
        if child is not None:
            if id(child) not in done:
                done[id(child)] = _as_torch(child) or _with_torchs_layers(child, done)
            setattr(module, name, done[id(child)])
    return module


def _graph(module: nn.Module, example: tuple[Any, ...] | None) -> torch.fx.GraphModule:
    """Traced, without annotations: where they are strings (PEP 563) torch could not save the graph.

    Arguments that default to None are left out, or those that the module names in ``left_out``, unless the example has
    them: a graph cannot ask whether there is a mask. Lists and tuples of tensors are taken apart as the example, or
    the module's ``structure``, says.
    """
    tracer = torch.fx.Tracer()
    graph = tracer.trace(module, _fixed(module, example) or None)
    for node in list(graph.nodes):
        node.type = None
        node.meta.pop("is_wrapped", None)
        if getattr(node.target, "__name__", "") == "_assert_is_none":
            _assert_left_out(graph, node)
    return torch.fx.GraphModule(tracer.root, graph, type(module).__name__)


def _assert_left_out(graph: torch.fx.Graph, node: torch.fx.Node) -> None:
    """Torch's own check of an argument that is fixed to None, in words that can be traced again.

    A loader traces what it loads. Torch's function would then be wrapped by a name that no later trace finds.
    """
    argument, message = node.args[:2]
    with graph.inserting_before(node):
        graph.call_function(torch._assert, (graph.call_function(operator.eq, (argument, None)), message))
    graph.erase_node(node)


def _fixed(module: nn.Module, example: tuple[Any, ...] | None) -> dict[str, Any]:
    """What the tracer is told of each argument: None, or placeholders in the structure of the example."""
    parameters = inspect.signature(module.forward).parameters
    optional = [name for name, parameter in parameters.items() if parameter.default is None]
    fixed: dict[str, Any] = dict.fromkeys(getattr(module, "left_out", optional))
    values: Sequence[Any] = getattr(module, "structure", ()) if example is None else example
    given = dict(zip(parameters, values, strict=False))
    for name, value in given.items():
        if value is None:
            fixed[name] = None
        elif isinstance(value, torch.Tensor):
            fixed.pop(name, None)
        else:
            fixed[name] = pytree.tree_map(lambda leaf: torch.fx.PH, value, is_leaf=lambda leaf: leaf is None)
    return fixed
