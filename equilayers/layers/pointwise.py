"""Activation of every component by itself, which only permutation representations allow."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from equilayers.errors import BadRepresentation
from equilayers.layers.fields import FieldLayer
from equilayers.representations import Representation

__all__ = ["PointwiseActivation", "require_permutation"]


def require_permutation(
    layer: str, rep: Representation, remedy: str = "Use NormActivation, GatedActivation or FourierActivation."
) -> None:
    """Raise unless every summand acts by permutation matrices, decided on the matrices of the generators."""
    for _, atom in rep.terms:
        if not atom.is_permutation:
            raise BadRepresentation(
                f"{layer} needs permutation matrices: any other matrix mixes or flips components.",
                {"representation": repr(rep), "first other summand": repr(atom)},
                remedy,
            )


class PointwiseActivation(FieldLayer):
    """A function of one number applied to every component, ``y_i = f(x_i)``.

    It commutes with the group where the matrices are permutations, and only there.

    Args:
        rep: a permutation representation: sums of regular, quotient, permutation, trivial ones.
        function: elementwise torch function or module.
        dims: 0 for ``(*batch, dim)``; 1 to 3 for fields on a grid.
        plane: how the group acts on the grid; by default ``eq.defining(G)``.

    Shapes:
        ``(*batch, rep.dim)`` or ``(batch, rep.dim, *spatial)``, kept.

    Raises:
        BadRepresentation: a generator is not represented by a permutation matrix.

    Example:
        >>> import torch, equilayers as eq
        >>> layer = eq.layers.PointwiseActivation(2 * eq.regular(eq.group("C4")), torch.relu)
        >>> layer(-torch.ones(1, 8)).sum()
        tensor(0.)

    Source: Cohen and Welling, Group Equivariant Convolutional Networks (2016), section 6.2.
    """

    def __init__(
        self,
        rep: Representation,
        function: Callable[[Tensor], Tensor] = torch.relu,
        dims: int = 0,
        plane: Representation | None = None,
    ) -> None:
        require_permutation("PointwiseActivation", rep)
        super().__init__(rep, rep, dims, plane)
        self.function = function

    def _on_last_axis(self, x: Tensor) -> Tensor:
        return self.function(x)
