"""From a group to a subgroup, inside a network."""

from __future__ import annotations

from torch import Tensor, nn

from equilayers.groups import Group, Homomorphism
from equilayers.layers.fields import FieldLayer, action_on
from equilayers.representations import Representation, defining, restrict

__all__ = ["Restriction"]


class Restriction(FieldLayer):
    """The identity on numbers: what follows is equivariant under the subgroup alone.

    Args:
        rep: representation of the larger group.
        subgroup: made by ``G.subgroup(...)``, or a homomorphism into the group of ``rep``.
        dims: 0 for ``(*batch, dim)``; 1 to 3 for fields on a grid.
        plane: how the larger group acts on the grid; by default ``eq.defining(G)``.

    Shapes:
        kept.

    Raises:
        GroupMismatch: the subgroup lies in another group.

    Example:
        >>> import equilayers as eq
        >>> G = eq.group("D4")
        >>> layer = eq.layers.Restriction(eq.regular(G), G.subgroup(G.discrete_generators[:1], name="C4"))
        >>> layer.out_rep.group.order, layer.out_rep.dim
        (4, 8)

    Source: Weiler and Cesa, General E(2)-Equivariant Steerable CNNs (2019), section 2.7.
    """

    def __init__(
        self,
        rep: Representation,
        subgroup: Group | Homomorphism,
        dims: int = 0,
        plane: Representation | None = None,
    ) -> None:
        smaller = restrict(rep, subgroup)
        super().__init__(rep, rep, dims, plane)
        self.out_rep = smaller
        self.out_action = smaller
        if dims:
            self.out_action = action_on(smaller, dims, restrict(plane or defining(rep.group), subgroup))

    def _on_last_axis(self, x: Tensor) -> Tensor:
        return x

    def _as_torch(self) -> nn.Module | None:
        return nn.Identity()
