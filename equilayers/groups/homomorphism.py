"""Maps between groups: inclusions, projections, coverings."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import BadGroup
from equilayers.groups.group import Group
from equilayers.numerics import derived_property

__all__ = ["Homomorphism"]


class Homomorphism:
    r"""A map of groups with :math:`\varphi(gh) = \varphi(g)\varphi(h)`.

    Args:
        source: where elements come from.
        target: where they go.
        images: a callable on batched elements of ``source``; or, for a finite source, one element of ``target`` for
            each discrete generator of ``source``.
        lie_images: ``(source.lie_dim, target.lie_dim)`` coefficients of the images of the source's Lie basis;
            derived from the callable when not given.

    Raises:
        BadGroup: the images break a relation of the source.

    Example:
        >>> from equilayers.groups import group
        >>> c2 = group("C4").subgroup(group("C4").elements()[2:3])
        >>> c2.order, c2.inclusion(c2.elements()).shape
        (2, torch.Size([2, 2, 2]))
    """

    def __init__(
        self,
        source: Group,
        target: Group,
        images: Callable[[Tensor], Tensor] | Sequence[Tensor] | Tensor,
        lie_images: np.ndarray | None = None,
    ) -> None:
        self.source, self.target = source, target
        self._function = images if callable(images) else _ByGenerators(source, target, list(images))
        self._given = None if lie_images is None else np.array(lie_images, dtype=np.float64)
        self._check()

    def __call__(self, g: Tensor) -> Tensor:
        return self._function(g)

    def __repr__(self) -> str:
        return f"{self.source} -> {self.target}"

    @derived_property
    def lie_images(self) -> np.ndarray:
        """``(source.lie_dim, target.lie_dim)``: the derivative at the identity."""
        return self._differentiate() if self._given is None else self._given

    def derivative(self, coefficients: Tensor) -> Tensor:
        """Coefficients in the target's Lie basis for coefficients ``(*b, source.lie_dim)``."""
        return coefficients @ torch.tensor(self.lie_images, dtype=coefficients.dtype)

    def compose(self, first: Homomorphism) -> Homomorphism:
        """``self`` after ``first``."""
        return Homomorphism(first.source, self.target, _Composite(first, self), first.lie_images @ self.lie_images)

    def _differentiate(self) -> np.ndarray:
        k = self.source.lie_dim
        if k == 0 or self.target.lie_dim == 0:
            return np.zeros((k, self.target.lie_dim))
        step = 1e-3  # eighth-order central differences: truncation 1e-24, rounding 1e-12; then rounded away below
        weights = {1: 4 / 5, 2: -1 / 5, 3: 4 / 105, 4: -1 / 280}
        slope = torch.zeros((k, *self.target.element_shape), dtype=torch.float64)
        for j, weight in weights.items():
            t = torch.eye(k, dtype=torch.float64) * (j * step)
            slope += (weight / step) * (self(self.source.exp(t)) - self(self.source.exp(-t)))
        basis = torch.stack(
            [self.target.exp(row) for row in step * torch.eye(self.target.lie_dim, dtype=torch.float64)]
        )
        minus = torch.stack(
            [self.target.exp(-row) for row in step * torch.eye(self.target.lie_dim, dtype=torch.float64)]
        )
        columns = ((basis - minus) / (2 * step)).reshape(self.target.lie_dim, -1).T.numpy()
        coefficients = np.linalg.lstsq(columns, slope.reshape(k, -1).T.numpy(), rcond=None)[0].T
        nice = np.round(coefficients * 24) / 24  # structure constants of maps between shipped bases are simple
        return np.where(np.abs(nice - coefficients) < 1e-6, nice, coefficients)

    def _check(self) -> None:
        """On products of generators and samples: every law of a homomorphism is one of these."""
        generator = torch.Generator().manual_seed(0)
        h = self.source.sample(12, generator)
        g = torch.cat([self.source.discrete_generators, self.source.sample(4, generator)])
        h = h[torch.arange(len(g)) % len(h)]
        at_g, at_h = self(g), self(h)
        if not self.target.contains(torch.cat([at_g, at_h])):
            raise BadGroup(
                "The images of a homomorphism must belong to its target.",
                {"source": self.source, "target": self.target},
                "Check the images; target.contains(g) says whether an element belongs.",
            )
        if not bool(self.target.equal(self(self.source.compose(g, h)), self.target.compose(at_g, at_h), 1e-8).all()):
            raise BadGroup(
                "The images do not define a homomorphism: phi(g h) differs from phi(g) phi(h).",
                {"source": self.source, "target": self.target},
                "Check the images against the relations of the source's generators.",
            )


class _Composite:
    def __init__(self, first: Homomorphism, second: Homomorphism) -> None:
        self.first, self.second = first, second

    def __call__(self, g: Tensor) -> Tensor:
        return self.second(self.first(g))


class _ByGenerators:
    """Image of an element of a finite group, from the images of the generators, along the stabiliser chain."""

    def __init__(self, source: Group, target: Group, images: Sequence[Tensor]) -> None:
        from equilayers.groups.finite import FiniteGroup

        if not isinstance(source, FiniteGroup):
            raise BadGroup(
                "Images of generators define a homomorphism only from a finite group.",
                {"source": source, "target": target},
                "Give a callable on elements.",
            )
        if len(images) != len(source.permutation_generators):
            raise BadGroup(
                "A homomorphism needs one image for each discrete generator.",
                {"source": source, "generators": len(source.permutation_generators), "images": len(images)},
                "Give the images in the order of source.discrete_generators.",
            )
        self.source, self.target = source, target
        letters = {j + 1: image for j, image in enumerate(images)}
        letters |= {-j - 1: target.inverse(image) for j, image in enumerate(images)}
        levels = source.chain.words
        self.tables = [torch.stack([self._word(letters, word) for word in level]).numpy() for level in levels]

    def _word(self, letters: dict[int, Tensor], word: tuple[int, ...]) -> Tensor:
        value = self.target.identity
        for letter in word:
            value = self.target.compose(value, letters[letter])
        return value

    def __call__(self, g: Tensor) -> Tensor:
        from equilayers.groups.finite import FiniteGroup

        assert isinstance(self.source, FiniteGroup)
        digits = self.source.chain.sift(self.source.to_permutation(g))
        shape = (*digits.shape[:-1], *self.target.element_shape)
        value = self.target.identity.expand(shape)
        for level, table in enumerate(self.tables):
            value = self.target.compose(value, torch.from_numpy(table[digits[..., level].numpy()]))
        return value
