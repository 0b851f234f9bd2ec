"""Networks on sets of any size."""

from __future__ import annotations

from equilayers.models.graph_network import InvariantGraphNetwork

__all__ = ["DeepSets"]


class DeepSets(InvariantGraphNetwork):
    r"""Linear maps of each member and of the mean, with SiLU between them; then a mean and a perceptron.

    .. math:: x_i \mapsto \sigma\Big(A x_i + B \tfrac{1}{n} \sum_j x_j + b\Big), \qquad
              y = \rho\Big(\sigma\Big(\tfrac{1}{n} \sum_i C x_i + c\Big)\Big)

    The graph network of order 1. Means rather than sums: the same weights serve sets of any size, and what
    depends on the size, as a sum does, needs it among the features.

    Args:
        in_channels, out_channels: features of each member, and of the output.
        width, depth: channels and number of hidden layers.
        pool: one output for the set, invariant; False: one for each member, equivariant.

    Shapes:
        ``(batch, n, in_channels)`` to ``(batch, out_channels)``, or ``(batch, n, out_channels)`` without pool.

    Raises:
        BadInput: no hidden layer, or an input of the wrong shape.

    Example:
        >>> import torch
        >>> net = DeepSets(3, 1, width=16)
        >>> net(torch.zeros(5, 10, 3)).shape, net(torch.zeros(5, 99, 3)).shape
        (torch.Size([5, 1]), torch.Size([5, 1]))
        >>> net(torch.zeros(1, 4, 3), mask=torch.tensor([[True, True, False, False]])).shape
        torch.Size([1, 1])

    Source: Zaheer et al., Deep Sets (2017), theorem 2 and lemma 3.
    """

    def __init__(self, in_channels: int, out_channels: int, width: int = 64, depth: int = 2, pool: bool = True) -> None:
        super().__init__(in_channels, out_channels, width, depth, order=1, out_order=0 if pool else 1)
