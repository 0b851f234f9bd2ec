"""Attention between tokens, with scores that no element of the group changes."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor

from equilayers import ops
from equilayers.errors import BadInput, BadRepresentation
from equilayers.layers.layer import Layer, check_channels, require_one_group
from equilayers.layers.linear import Linear
from equilayers.layers.schur import is_reducible_into_irreps, schur_form
from equilayers.representations import PointField, Representation

__all__ = ["Attention"]

MASKS = ("key_padding_mask", "attn_mask")


class Attention(Layer):
    r"""Multi-head attention between tokens that are features of any representation, with invariant scores.

    .. math:: y_i = O \sum_j \mathrm{softmax}_j\bigl(q_i \cdot k_j / \sqrt{D}\bigr)\, v_j, \qquad
              q_i = Q x_i,\ k_j = K z_j,\ v_j = U z_j, \text{ for each head}

    Queries lie in S and keys in its dual, so that their product is invariant for every group. All four maps are
    :class:`Linear`. Where S has an invariant form, Euclidean, indefinite or skew, K contains it. Where it has none, as
    vectors of GL(n), S pairs with the dual among the features; what has no partner falls out of S. D counts the
    components that are paired: scores have about unit variance at the start.

    The kernels are torch's own. Derivatives of higher order (forces) and the transforms of ``torch.func`` go by the
    formula (:func:`equilayers.ops.attend`), except inside ``torch.compile`` and exported graphs, where a kernel stands
    alone and may have one derivative.

    What a mask leaves out has no effect, whatever stands there, NaN included: it counts as zero before any map, and so
    does its gradient. Where keys are the queries themselves, a token left out by ``key_padding_mask`` is absent: as a
    query it is a zero token, too.

    Args:
        in_rep: of the tokens that ask, x.
        out_rep: of what they get.
        num_heads: number of heads.
        bias: of all four maps.
        key_rep: of the tokens z that answer, where these are others (cross-attention).
        score_rep: S, for one head; by default its share of each summand of ``in_rep``, one copy at least.
        value_rep: of the values of one head; by default its share of each summand of z.
        device, dtype: as in torch.

    Shapes:
        ``query`` ``(*batch, n, in_rep.dim)`` and ``key`` ``(*batch, m, key_rep.dim)`` (by default the query) to
        ``(*batch, n, out_rep.dim)``. ``key_padding_mask``, bool ``(*batch, m)``, is true at keys to leave out;
        ``attn_mask`` ``(*batch, n, m)`` or ``(n, m)`` is true at pairs to leave out, or a number added to each score.
        (-infinity leaves out). A query that is left without keys gets the value zero.

    Raises:
        GroupMismatch: representations of different groups.
        BadRepresentation: queries and keys have no invariant product.
        BadInput: no head, or tensors that do not fit.

    Example:
        >>> import torch, equilayers as eq
        >>> V = eq.defining(eq.group("O(1,3)"))
        >>> layer = eq.layers.Attention(8 * V, 4 * V, num_heads=2)
        >>> layer(torch.randn(5, 7, 32)).shape, layer.score_rep
        (torch.Size([5, 7, 16]), 4xdefining of O(1,3), dim 16)

    Source: Vaswani et al., Attention Is All You Need (2017), section 3.2; Fuchs et al., SE(3)-Transformers (2020),
    section 3.2, for invariant scores.
    """

    def __init__(
        self,
        in_rep: Representation,
        out_rep: Representation,
        num_heads: int = 1,
        bias: bool = True,
        *,
        key_rep: Representation | None = None,
        score_rep: Representation | None = None,
        value_rep: Representation | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        keys = in_rep if key_rep is None else key_rep
        require_one_group("Attention", in_rep, out_rep)
        require_one_group("Attention", in_rep, keys)
        if num_heads < 1:
            raise BadInput("Attention has at least one head.", {"num_heads": num_heads}, "Give num_heads=1.")
        super().__init__(_tokens(in_rep if key_rep is None else in_rep + keys), _tokens(out_rep))
        self.in_rep, self.out_rep, self.key_rep, self.num_heads = in_rep, out_rep, keys, num_heads
        self.in_dim, self.out_dim, self.key_dim, self._is_cross = in_rep.dim, out_rep.dim, keys.dim, key_rep is not None
        self.left_out = MASKS if self._is_cross else ("key", *MASKS)  # of a graph
        if score_rep is None:
            score_rep = _share(in_rep, num_heads, [_paired(atom, in_rep, keys) > 0 for _, atom in in_rep.terms])
        self.score_rep = score_rep
        self.value_rep = _share(keys, num_heads) if value_rep is None else value_rep
        paired = _paired(self.score_rep, in_rep, keys)
        if not paired and in_rep.dim and keys.dim:
            raise BadRepresentation(
                "Queries and keys have no invariant product.",
                {"queries": repr(in_rep), "keys": repr(keys), "the keys lack": repr(in_rep.dual)},
                "Add invariants or the dual to the features: in_rep + eq.trivial(G).",
            )
        self._scale = 1.0 / math.sqrt(max(paired, 1))
        self._score_sizes, self._value_sizes = _sizes(self.score_rep), _sizes(self.value_rep)
        scores, values = num_heads * self.score_rep, num_heads * self.value_rep
        self.queries = Linear(in_rep, scores, bias, device=device, dtype=dtype)
        self.keys = Linear(keys, scores.dual, bias, device=device, dtype=dtype)
        self.values = Linear(keys, values, bias, device=device, dtype=dtype)
        self.out = Linear(values, out_rep, bias, device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """As in :class:`Linear`."""
        for layer in (self.queries, self.keys, self.values, self.out):
            layer.reset_parameters()

    def forward(
        self,
        query: Tensor,
        key: Tensor | None = None,
        key_padding_mask: Tensor | None = None,
        attn_mask: Tensor | None = None,
    ) -> Tensor:
        """What every query hears; without ``key`` from its own set, or from what lies behind it on the last axis."""
        if key is None:
            check_channels(query, self.in_dim + self.key_dim * self._is_cross, -1, "Attention")
            query, key = query.split([self.in_dim, self.key_dim], -1) if self._is_cross else (query, query)
        check_channels(query, self.in_dim, -1, "Attention")
        check_channels(key, self.key_dim, -1, "Attention")
        _require_sets(query, key)
        left_out, added = _masked(query, key, key_padding_mask, attn_mask)
        query, key = _without_what_is_left_out(query, key, key_padding_mask, left_out)
        q = self._heads(self.queries(query), self._score_sizes)
        k = self._heads(self.keys(key), self._score_sizes)
        v = self._heads(self.values(key), self._value_sizes)
        return self._joined(ops.attend(q, k, v, self._scale, left_out, added))

    def _heads(self, x: Tensor, sizes: tuple[tuple[int, int], ...]) -> Tensor:
        """``(*batch, n, heads * dim)`` to ``(*batch, heads, n, dim)``: every copy belongs to one head."""
        h, out = self.num_heads, []
        pieces = x.split([d * h * m for d, m in sizes], -1) if sizes else ()
        for i, (d, m) in enumerate(sizes):
            out.append(pieces[i].unflatten(-1, (d, h, m)).movedim(-2, -4).flatten(-2))
        if not out:
            return x.new_zeros(x.shape[:-2] + (h, x.shape[-2], 1))
        return out[0] if len(out) == 1 else torch.cat(out, -1)

    def _joined(self, x: Tensor) -> Tensor:
        """``out`` of the heads side by side."""
        sizes, out = self._value_sizes, []
        if not sizes:
            return cast(Tensor, self.out(x.sum(-3)[..., :0]))
        pieces = x.split([d * m for d, m in sizes], -1)
        for i, size in enumerate(sizes):
            out.append(pieces[i].unflatten(-1, size).movedim(-4, -2).flatten(-3))
        return cast(Tensor, self.out(out[0] if len(out) == 1 else torch.cat(out, -1)))


def _tokens(rep: Representation) -> PointField:
    return PointField(rep, plane=0 * rep)  # features without positions


def _sizes(rep: Representation) -> tuple[tuple[int, int], ...]:
    return tuple((atom.dim, m) for m, atom in rep.terms)


def _share(rep: Representation, heads: int, kept: list[bool] | None = None) -> Representation:
    """One head's copies of every summand (that is kept), rounded up."""
    total = 0 * rep
    for i, (m, atom) in enumerate(rep.terms):
        if kept is None or kept[i]:
            total = total + -(-m // heads) * atom
    return total


def _paired(score: Representation, queries: Representation, keys: Representation) -> int:
    """How many components of S do queries reach, and keys those of its dual."""
    if is_reducible_into_irreps(score.group):
        asked, answered = schur_form(queries).contents, schur_form(keys).contents
        found = schur_form(score).contents
        return sum(
            m * rho.dim for rho, m in found.items() if rho in asked and schur_form(rho.dual).irreps[0] in answered
        )
    from equilayers.intertwiners import hom  # only groups without irreps need the solver

    both = ((m, a) for m, a in score.terms if hom(queries, a).dim and hom(keys, a.dual).dim)
    return sum(m * atom.dim for m, atom in both)


def _require_sets(query: Tensor, key: Tensor) -> None:
    """Raise unless both are sets of tokens in one batch; a tracer's proxy has no shape yet and passes."""
    if isinstance(query, Tensor) and (query.ndim < 2 or query.shape[:-2] != key.shape[:-2]):
        raise BadInput(
            "Attention is between sets of tokens, as many sets of keys as of queries.",
            {"query": tuple(query.shape), "key": tuple(key.shape)},
            "Give query (*batch, n, dim) and key (*batch, m, dim).",
        )


def _masked(
    query: Tensor, key: Tensor, padding: Tensor | None, pairs: Tensor | None
) -> tuple[Tensor | None, Tensor | None]:
    """Which pairs are left out, and what is added to the scores of others; both broadcast to ``(*batch, 1, n, m)``."""
    if padding is None and pairs is None:
        return None, None
    _require_masks(query, key, padding, pairs)
    left_out = None if padding is None else padding[..., None, None, :]
    if pairs is None:
        return left_out, None
    pairs = pairs.unsqueeze(-3)
    added = None if pairs.dtype == torch.bool else pairs
    out = pairs if added is None else pairs == -math.inf
    return out if left_out is None else out | left_out, added


def _require_masks(query: Tensor, key: Tensor, padding: Tensor | None, pairs: Tensor | None) -> None:
    n, m, batch = query.shape[-2], key.shape[-2], tuple(key.shape[:-2])
    good = (padding is None or _fits(padding, ((*batch, m),))) and (
        pairs is None or _fits(pairs, ((n, m), (*batch, n, m)), floats=True)
    )
    if not good:
        raise BadInput(
            "A mask of keys is bool (*batch, m); one of pairs is (n, m) or (*batch, n, m), bool or numbers.",
            {
                "query": tuple(query.shape),
                "key": tuple(key.shape),
                "key_padding_mask": _described(padding),
                "attn_mask": _described(pairs),
            },
            "Write torch.arange(m) >= lengths[:, None] for key_padding_mask.",
        )


def _fits(mask: Tensor, shapes: tuple[tuple[int, ...], ...], floats: bool = False) -> bool:
    if not isinstance(mask, Tensor) or tuple(mask.shape) not in shapes:
        return False
    return mask.dtype == torch.bool or (floats and mask.is_floating_point())


def _described(mask: object) -> str:
    return f"{tuple(mask.shape)} {mask.dtype}" if isinstance(mask, Tensor) else type(mask).__name__


def _without_what_is_left_out(
    query: Tensor, key: Tensor, padding: Tensor | None, left_out: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Keys that nobody hears and queries that hear nobody are zero, and so are absent tokens as queries."""
    if left_out is None:
        return query, key
    asks = ~left_out.all(-1).squeeze(-2)  # (*batch or none, n or 1)
    if query is key and padding is not None:
        asks = asks & ~padding
    return ops.keep(query, asks), ops.keep(key, ~left_out.all(-2).squeeze(-2))
