"""Products of equivariant features: all pairs of the input, or pairs of learned images; lengths and angles."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from equilayers import ops
from equilayers.layers import Linear
from equilayers.layers.constants import WithConstants
from equilayers.representations import Representation, trivial

__all__ = ["AllPairs", "Calm", "LearnedPairs", "direct_sum"]

RATE = 0.3  # of Adam's step in proportion to the weights; see Calm
STRENGTH = 0.03  # of learned products at the start: a network that begins simple stays simple where data are few


class Calm(nn.Module):
    r"""A linear map with larger weights and a smaller factor, :math:`y = c\,(A x + b)` with :math:`A / c` drawn.

    The function at the start is that of ``Linear``. Adam's steps do not depend on the size of a weight, so the same
    learning rate changes the function by the fraction ``c`` of what it would.

    Example:
        >>> import torch, equilayers as eq
        >>> V = eq.defining(eq.group("O(3)"))
        >>> Calm(5 * V, V)(torch.zeros(2, 15)).shape
        torch.Size([2, 3])
    """

    def __init__(self, in_rep: Representation, out_rep: Representation, gain: float = 1.0) -> None:
        super().__init__()
        self.linear, self.gain = Linear(in_rep, out_rep), gain
        self.in_action, self.out_action = in_rep, out_rep
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """The rule of ``Linear`` times the gain; zero bias."""
        self.linear.reset_parameters()
        with torch.no_grad():
            for name, parameter in self.linear.named_parameters():
                if name != "bias":
                    parameter.mul_(self.gain / RATE)

    def forward(self, x: Tensor) -> Tensor:
        return RATE * self.linear(x)


class AllPairs(WithConstants):
    r"""The tensor product of every pair of summands, :math:`x_i \otimes x_j`; on request lengths and cosines.

    No parameters. Lengths and cosines, of orthogonal summands, are scaled to about unit second moment for normal input;
    where a vector vanishes they have derivatives zero.

    Example:
        >>> import torch, equilayers as eq
        >>> V = eq.defining(eq.group("O(3)"))
        >>> AllPairs(2 * V)(torch.ones(1, 6)).shape  # three products
        torch.Size([1, 27])
        >>> AllPairs(2 * V, lengths=True)(torch.ones(1, 6)).shape  # two lengths and a cosine as well
        torch.Size([1, 30])
    """

    def __init__(self, in_rep: Representation, lengths: bool = False) -> None:
        terms = in_rep.terms
        measured = [lengths and atom.is_orthogonal and not atom.is_trivial for _, atom in terms]
        pairs: list[tuple[int, int]] = []
        out: list[Representation] = []
        chosen: dict[str, np.ndarray] = {}
        for i, (m, a) in enumerate(terms):
            for j, (n, b) in enumerate(terms[i:], start=i):
                first, second = np.triu_indices(m) if i == j else np.indices((m, n)).reshape(2, -1)
                chosen |= {f"first_{len(pairs)}": first, f"second_{len(pairs)}": second}
                pairs.append((i, j))
                out.append(len(first) * (a @ b))
        invariants = sum(m * (m + 1) // 2 for (m, _), use in zip(terms, measured, strict=True) if use)
        super().__init__()
        self.in_action = in_rep
        self.out_action = direct_sum([*out, invariants * trivial(in_rep.group)] if invariants else out)
        self._sizes, self._measured, self._pairs = [(atom.dim, m) for m, atom in terms], measured, pairs
        self.register_constants(chosen)

    def forward(self, x: Tensor) -> Tensor:
        fields = _fields(x, self._sizes)
        out, fixed = [], self.constants(x)
        for k, (i, j) in enumerate(self._pairs):
            first, second = fixed[f"first_{k}"], fixed[f"second_{k}"]
            out.append(_outer(fields[i].index_select(-1, first), fields[j].index_select(-1, second)))
        for field, use in zip(fields, self._measured, strict=True):
            if use:
                out += _lengths_and_cosines(field)
        return torch.cat(out, -1)


class LearnedPairs(nn.Module):
    r"""Products of two linear images, copy by copy: invariants with invariants, with every factor, factors in pairs.

    Args:
        in_rep: of the features.
        factors: the representations that are multiplied.
        copies: of every product of two factors; twice as many by an invariant, eight times of two invariants.
        pairs: also multiply factors among themselves.

    Example:
        >>> import torch, equilayers as eq
        >>> V = eq.defining(eq.group("O(3)"))
        >>> products = LearnedPairs(2 * V, [V], copies=1)
        >>> str(products.out_action), products(torch.zeros(4, 6)).shape
        ('8xtrivial + 2xdefining + defining @ defining', torch.Size([4, 23]))
    """

    def __init__(self, in_rep: Representation, factors: list[Representation], copies: int, pairs: bool = True) -> None:
        super().__init__()
        one = trivial(in_rep.group)
        n = len(factors)
        self._invariants, self._copies = 8 * copies, copies
        self._pairs = [(i, j) for i in range(n) for j in range(i, n)] if pairs else []
        self._left = [(1, 8 * copies)] + [(factor.dim, copies) for factor in factors if pairs]
        self._right = [(1, 8 * copies)] + [(factor.dim, 2 * copies) for factor in factors]
        invariants = 8 * copies * one
        self.left = Calm(in_rep, direct_sum([invariants] + [copies * factor for factor in factors if pairs]))
        self.right = Calm(in_rep, direct_sum([invariants] + [2 * copies * factor for factor in factors]))
        modulated = [2 * copies * factor for factor in factors]
        squares = [copies * (factors[i] @ factors[j]) for i, j in self._pairs]
        self.in_action, self.out_action = in_rep, direct_sum([invariants, *modulated, *squares])

    def reset_parameters(self) -> None:
        self.left.reset_parameters()
        self.right.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        left, right = _fields(STRENGTH * self.left(x), self._left), _fields(self.right(x), self._right)
        scalars = left[0]
        out = [(scalars * right[0]).flatten(-2)]
        out += [(scalars[..., : 2 * self._copies] * field).flatten(-2) for field in right[1:]]
        out += [_outer(left[i + 1], right[j + 1][..., : self._copies]) for i, j in self._pairs]
        return torch.cat(out, -1)


def direct_sum(reps: list[Representation]) -> Representation:
    """The sum, in the order given.

    Example:
        >>> import equilayers as eq
        >>> V = eq.defining(eq.group("D4"))
        >>> str(direct_sum([V, 2 * V]))
        'defining + 2xdefining'
    """
    total = reps[0]
    for rep in reps[1:]:
        total = total + rep
    return total


def _fields(x: Tensor, sizes: list[tuple[int, int]]) -> list[Tensor]:
    pieces = x.split([d * m for d, m in sizes], -1)
    return [pieces[i].unflatten(-1, size) for i, size in enumerate(sizes)]


def _outer(a: Tensor, b: Tensor) -> Tensor:
    return (a.unsqueeze(-2) * b.unsqueeze(-3)).flatten(-3)


def _lengths_and_cosines(field: Tensor) -> list[Tensor]:
    d, m = field.shape[-2:]
    lengths, units = ops.norm(field, -2), ops.direction(field, -2)
    i, j = torch.triu_indices(m, m, 1, device=field.device)
    cosines = (units[..., i] * units[..., j]).sum(-2)
    return [lengths / math.sqrt(d), cosines.to(field.dtype) * math.sqrt(d)]
