"""A plain convolutional network for small images."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from equilayers.errors import BadInput
from equilayers.models.full_window import full_window
from equilayers.models.initialisation import READ_OUT_GAIN, reset_plain

__all__ = ["CNN", "pooled_size"]


class CNN(nn.Module):
    r"""Convolution, convolution, pooling, convolution over all that is left, linear read-out.

    .. math:: 1 \to w \to 2w \to 2w \to \text{classes}

    ReLU after every convolution, no normalisation layers. Weights start at unit second moment times the square root
    of 2 (the read-out at a tenth of it), biases at zero: the rule of :class:`GroupCNN`, whose plain twin this is.

    Args:
        width: w.
        size: rows and columns of the square image, divisible by ``2 ** poolings``.
        channels: of the image.
        classes: number of outputs.
        first: window of the first convolution, odd.
        poolings: 1 (after the second convolution) or 2 (after the first as well); averages over 2 x 2.

    Shapes:
        ``(batch, channels, size, size)`` to ``(batch, classes)``.

    Raises:
        BadInput: a size that the poolings do not divide, or an unknown number of poolings.

    Example:
        >>> import torch
        >>> net = CNN(16)
        >>> net(torch.zeros(2, 1, 8, 8)).shape, sum(p.numel() for p in net.parameters()), net.macs
        (torch.Size([2, 10]), 21546, 320832)
    """

    def __init__(
        self, width: int, size: int = 8, channels: int = 1, classes: int = 10, first: int = 3, poolings: int = 1
    ) -> None:
        super().__init__()
        left = pooled_size(size, poolings, first)
        self.width, self.size, self.channels, self.classes = width, size, channels, classes
        self.first, self.poolings = first, poolings
        self.conv1 = nn.Conv2d(channels, width, first, padding=first // 2)
        self.conv2 = nn.Conv2d(width, 2 * width, 3, padding=1)
        self.conv3 = nn.Conv2d(2 * width, 2 * width, left)
        self.read_out = nn.Linear(2 * width, classes)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Unit second moment times the square root of 2, a tenth of it for the read-out; zero bias."""
        for layer in (self.conv1, self.conv2, self.conv3):
            reset_plain(layer)
        reset_plain(self.read_out, READ_OUT_GAIN)

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one image, padding counted."""
        inner = self.size // 2 if self.poolings == 2 else self.size
        convolutions = self.size**2 * self.conv1.weight.numel() + inner**2 * self.conv2.weight.numel()
        return convolutions + self.conv3.weight.numel() + self.read_out.weight.numel()

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        x = F.relu(self.conv1(x))
        if self.poolings == 2:
            x = F.avg_pool2d(x, 2)
        x = F.avg_pool2d(F.relu(self.conv2(x)), 2)
        return self.read_out(F.relu(full_window(x, self.conv3.weight, self.conv3.bias)))


def pooled_size(size: int, poolings: int, first: int) -> int:
    """What is left of a grid after the poolings; every one must divide it, or the centre would move."""
    if poolings not in (1, 2) or first < 1 or first % 2 == 0:
        raise BadInput(
            "The network has one or two poolings and an odd first window.",
            {"poolings": poolings, "first": first},
            "Give poolings=1 or 2 and first=3 or 5.",
        )
    if size < 1 or size % 2**poolings:
        raise BadInput(
            "Every pooling must divide the grid.",
            {"size": size, "poolings": poolings, "left over": size % 2**poolings},
            f"Pad the images to a multiple of {2**poolings}.",
        )
    return size // 2**poolings
