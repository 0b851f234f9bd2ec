"""What tests of networks over nodes share: weights and inputs, relabelling, and a probe of the tensors they make."""

from __future__ import annotations

import torch
from torch.utils._python_dispatch import TorchDispatchMode


def shaken(net, seed=0):
    """Every parameter away from where it starts, so that biases take part."""
    rng = torch.Generator().manual_seed(seed)
    net = net.double()
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(0.3 * torch.randn(p.shape, generator=rng, dtype=torch.float64) + 0.1)
    return net.eval()


def draw(*shape, seed=1):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def permuted(x, order, axes):
    for axis in range(1, axes + 1):
        x = x.index_select(axis, order)
    return x


def same(a, b):
    return bool((a - b).abs().max() <= 1e-12 * max(1.0, float(b.detach().abs().max())))


def trained(net, inputs, targets, steps):
    """First and last loss."""
    optimiser, losses = torch.optim.Adam(net.parameters(), lr=1e-2), []
    for _ in range(steps):
        loss = (net(inputs) - targets).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses[0], losses[-1]


class Sizes(TorchDispatchMode):
    """How many tensors are made, and how many numbers the largest has."""

    def __init__(self):
        super().__init__()
        self.count = self.largest = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for tensor in out if isinstance(out, tuple | list) else (out,):
            if isinstance(tensor, torch.Tensor):
                self.count += 1
                self.largest = max(self.largest, tensor.untyped_storage().nbytes() // tensor.element_size())
        return out


def sizes_of(f, x):
    with torch.no_grad(), Sizes() as probe:
        f(x)
    return probe.count, probe.largest
