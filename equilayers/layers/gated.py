"""Activation by learned invariant gates, which any representation of any group allows."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from equilayers.layers.fields import FieldLayer
from equilayers.representations import Representation, trivial

__all__ = ["GatedActivation"]


class GatedActivation(FieldLayer):
    r"""Invariants pass an activation, every other field is scaled by the sigmoid of its own gate, :math:`y =
    x\, \sigma(s)`.

    The input carries the gates behind the features: ``in_rep = rep + n * trivial`` with one gate for each copy
    of a summand that is not trivial. The layer before it must produce them: ``Linear(V, gated.in_rep)``.

    Args:
        rep: the representation of the output.
        function: elementwise, of the invariants.
        gate: elementwise, of the gates.
        dims: 0 for ``(*batch, dim)``; 1 to 3 for fields on a grid.
        plane: how the group acts on the grid; by default ``eq.defining(G)``.

    Shapes:
        ``(*batch, rep.dim + n)`` to ``(*batch, rep.dim)``, or on channels of a grid.

    Raises:
        BadInput: the input lacks the gates.

    Example:
        >>> import equilayers as eq
        >>> G = eq.group("SO(1,3)")
        >>> gated = eq.layers.GatedActivation(4 * eq.trivial(G) + 3 * eq.defining(G))
        >>> gated.in_rep.dim, gated.out_rep.dim
        (19, 16)

    Source: Weiler et al., 3D Steerable CNNs (2018), section 4.3.
    """

    def __init__(
        self,
        rep: Representation,
        function: Callable[[Tensor], Tensor] = F.silu,
        gate: Callable[[Tensor], Tensor] = torch.sigmoid,
        dims: int = 0,
        plane: Representation | None = None,
    ) -> None:
        sizes = tuple((atom.dim, m, atom.is_trivial) for m, atom in rep.terms)
        gates = sum(m for _, m, invariant in sizes if not invariant)
        super().__init__(rep + gates * trivial(rep.group), rep, dims, plane)
        self.function, self.gate = function, gate
        self._sizes = sizes
        self._cuts = [d * m for d, m, _ in sizes] + [m for _, m, invariant in sizes if not invariant]

    def _on_last_axis(self, x: Tensor) -> Tensor:
        if not self._sizes:
            return x
        pieces = x.split(self._cuts, -1)
        out, used = [], len(self._sizes)
        for i, (d, m, invariant) in enumerate(self._sizes):
            if invariant:
                out.append(self.function(pieces[i]))
                continue
            gate = self.gate(pieces[used]).unsqueeze(-2)
            out.append((pieces[i].unflatten(-1, (d, m)) * gate).flatten(-2))
            used += 1
        return out[0] if len(out) == 1 else torch.cat(out, -1)
