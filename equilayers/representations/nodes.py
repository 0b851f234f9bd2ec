"""How relabelling nodes moves a tensor over them: sets, graphs, and weights between layers of neurons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor

from equilayers.errors import BadInput
from equilayers.groups import Group, Symmetric, direct_product

__all__ = ["NodeTensor"]

NODES = 6  # that are drawn where no number is given


class NodeTensor:
    r"""A tensor over nodes, :math:`(g x)_{g(i) g(j) \ldots} = x_{i j \ldots}`; channels stay where they are.

    Args:
        axes: the order k, or for each axis the name of its set of nodes: ``("out", "in")`` for a weight matrix. Each
            set is permuted by its own symmetric group.
        channels: size of the last axis.
        n: number of nodes, or of nodes in each set; the group is that of these sets, in this order.

    Attributes:
        group: S_n, or the product of symmetric groups.

    Shapes:
        ``(batch, *nodes, channels)``.

    Raises:
        BadInput: no node, or an axis whose set has no size.

    Example:
        >>> import torch
        >>> graph = NodeTensor(2, 1, n=2)
        >>> swap = torch.tensor([1, 0])
        >>> graph.transform(swap, torch.tensor([[[[1.0], [2.0]], [[3.0], [4.0]]]]))[0, ..., 0].tolist()
        [[4.0, 3.0], [2.0, 1.0]]
        >>> NodeTensor(("out", "in"), 3, n={"in": 4, "out": 5}).group
        S4 x S5
    """

    def __init__(self, axes: int | Sequence[str], channels: int, n: int | Mapping[str, int] = NODES) -> None:
        names = ("nodes",) * axes if isinstance(axes, int) else tuple(axes)
        sizes = dict(n) if isinstance(n, Mapping) else dict.fromkeys(names or ("nodes",), n)
        missing = [name for name in names if name not in sizes]
        if missing or not sizes or min(sizes.values()) < 1 or channels < 0:
            raise BadInput(
                "Every axis over nodes needs a set of at least one node.",
                {"axes": names, "n": sizes, "channels": channels, "without a size": missing},
                'Give n=8, or n={"in": 8, "out": 5}.',
            )
        self.axes, self.channels, self.sizes = names, channels, sizes
        self.shape = (*(sizes[name] for name in names), channels)
        self.key = ("nodes", names, channels, tuple(sizes.items()))

    @property
    def group(self) -> Group:
        return direct_product(*(Symmetric(n) for n in self.sizes.values()))

    def sample_input(
        self, n: int, generator: torch.Generator | None = None, dtype: torch.dtype | None = None
    ) -> Tensor:
        """``(n, *nodes, channels)`` standard normal inputs."""
        return torch.randn(n, *self.shape, generator=generator, dtype=dtype)

    def transform(self, g: Tensor, x: Tensor) -> Tensor:
        """Relabel the nodes."""
        if x.ndim != 1 + len(self.shape) or tuple(x.shape[1:]) != self.shape:
            raise BadInput(
                "A tensor over nodes is (batch, *nodes, channels).",
                {"field": repr(self), "input": tuple(x.shape), "expected": ("batch", *self.shape)},
                "Give the action the number of nodes of the input: NodeTensor(order, channels, n=...).",
            )
        group = self.group
        parts = cast(Any, group).parts(g) if len(group.factors) > 1 else (g,)
        permutations = dict(zip(self.sizes, parts, strict=True))
        for axis, name in enumerate(self.axes, start=1):
            back = permutations[name].argsort(-1).to(x.device)
            if back.ndim == 1:
                x = x.index_select(axis, back)
                continue
            if back.ndim != 2 or len(back) != len(x):
                raise BadInput(
                    "A batch of elements acts pairwise on the leading axis.",
                    {"elements": tuple(g.shape[:-1]), "input": tuple(x.shape)},
                    "Give one element, or as many as the input has rows.",
                )
            x = x.take_along_dim(back.reshape(len(x), *(1,) * (axis - 1), -1, *(1,) * (x.ndim - axis - 1)), axis)
        return x

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NodeTensor) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __deepcopy__(self, memo: dict[int, object]) -> NodeTensor:
        return self  # immutable

    def __repr__(self) -> str:
        named = str(len(self.axes)) if set(self.axes) <= {"nodes"} else repr(self.axes)
        return f"NodeTensor({named}, {self.channels})"
