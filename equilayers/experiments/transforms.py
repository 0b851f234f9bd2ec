"""Moving pixels: quarter turns, and the permutations that conjugate the rotations into a wrong group."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from equilayers.numerics import derived

__all__ = ["Conjugated", "orbit", "quarter_turns", "random_turns", "roll", "scramble", "turn"]

TURNS = 4


@derived
def _turned_pixels(size: int) -> np.ndarray:
    """``(4, size * size)``: for each number of quarter turns, the pixel that every pixel is read from."""
    pixels = np.arange(size * size).reshape(size, size)
    return np.stack([np.rot90(pixels, k).ravel() for k in range(TURNS)])


def turn(images: Tensor, turns: int) -> Tensor:
    """All ``images`` ``(n, channels, size, size)``, turned counter-clockwise by ``turns`` quarters."""
    return torch.rot90(images, turns, (-2, -1))


def quarter_turns(images: Tensor, turns: Tensor) -> Tensor:
    """Each of ``images`` ``(n, 1, size, size)`` turned by its own number ``turns`` ``(n,)`` of quarters.

    Example:
        >>> image = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
        >>> quarter_turns(image, torch.tensor([1]))
        tensor([[[[2., 4.],
                  [1., 3.]]]])
    """
    table = torch.tensor(_turned_pixels(images.shape[-1]))
    return images.flatten(1).gather(1, table[turns]).view(images.shape)


def random_turns(rng: np.random.Generator, count: int) -> Callable[[slice, Tensor, Tensor], tuple[Tensor, Tensor]]:
    """A turn for each of ``count`` images in order, as a function that turns those of some rows."""
    turns = torch.tensor(rng.integers(0, TURNS, count))
    return lambda rows, images, labels: (quarter_turns(images, turns[rows]), labels)


def orbit(images: Tensor) -> Tensor:
    """``(4, n, 1, size, size)``: the images in all four positions, upright first."""
    return torch.stack([turn(images, k) for k in range(TURNS)])


def roll(size: int, rows: int = 2) -> np.ndarray:
    """The pixel permutation that moves every row down by ``rows``, with wrap.

    Example:
        >>> roll(3, 1).reshape(3, 3)[0].tolist()
        [6, 7, 8]
    """
    return np.roll(np.arange(size * size).reshape(size, size), rows, axis=0).ravel()


def scramble(size: int, seed: int = 0) -> np.ndarray:
    """A random permutation of all pixels, the same for every run."""
    return np.random.default_rng(seed).permutation(size * size)


class Conjugated(nn.Module):
    r"""A network fed permuted pixels, :math:`f(P x)`: invariant under G, it becomes invariant under :math:`P^{-1} G P`.

    Args:
        net: with ``macs``.
        pixels: the permutation: output pixel i is read from ``pixels[i]``.
    """

    pixels: Tensor

    def __init__(self, net: Any, pixels: np.ndarray) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("pixels", torch.tensor(np.asarray(pixels)), persistent=False)

    @property
    def macs(self) -> int:
        """Those of the network: moving pixels multiplies nothing."""
        return self.net.macs

    def forward(self, x: Tensor) -> Tensor:
        """``net`` of the permuted ``x`` ``(n, 1, size, size)``."""
        return self.net(x.flatten(1).index_select(1, self.pixels).view(x.shape))
