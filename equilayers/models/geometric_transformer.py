"""The geometric algebra transformer: attention between multivectors, projective or of space-time."""

from __future__ import annotations

import math
from itertools import combinations
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from equilayers import ops
from equilayers.errors import BadInput
from equilayers.layers import GeometricProduct, Linear
from equilayers.layers.geometric_product import clifford_table
from equilayers.layers.layer import Fingerprint, Layer, action_arrays, check_channels, require_one_group
from equilayers.representations import Representation, exterior

__all__ = ["GeometricTransformer"]

EPSILON = 1e-6  # added to squares that are divided by
ROUNDING = 1e-9  # of an eigenvalue of a form


class GeometricTransformer(nn.Module):
    r"""Blocks of attention with invariant scores and of geometric products, on tokens that are multivectors.

    .. math:: h \leftarrow h + A\, \mathrm{softmax}\bigl(\langle Q_i, K_j\rangle / \sqrt{n}\bigr) V, \qquad
              h \leftarrow h + B\, \mathrm{gate}\bigl(C\,[(L h)(R h),\ (L' h) \vee (R' h)]\bigr)

    each behind a layer norm by the invariant squares of the grades. All maps are :class:`equilayers.layers.Linear` on
    the exterior algebra of the vectors, so that they are all there are: 9 for planes under E(3), 10 and 5 for
    four-vectors under SO+(1,3) and O(1,3). A form with a radical (planes: ``projective_form()``) does not see where
    things are; then the join, and a score by squared distance of points, stand beside it. Under reflections the join is
    multiplied by the mean pseudoscalar of the input, which turns sign with it.

    Args:
        vectors: how the group acts on vectors of the algebra: four-vectors; or planes, the dual of homogeneous
            coordinates.
        form: symmetric and invariant ``(n, n)``: ``projective_form()``, or diag(1, -1, -1, -1).
        in_rep, out_rep: of each token; one multivector by default. Any sum of grades and scalars will do.
        width: multivectors of a token within the network, a multiple of ``heads``.
        heads: of the attention.
        depth: number of blocks.

    Shapes:
        ``(*batch, tokens, in_rep.dim)`` and a mask ``(*batch, tokens)`` of bool, true where a token is present, to
        ``(*batch, tokens, out_rep.dim)``.

    Raises:
        BadInput: sizes that do not fit.
        BadRepresentation: the form is not symmetric or not invariant.
        GroupMismatch: representations of two groups.

    Example:
        >>> import torch, equilayers as eq
        >>> V = eq.defining(eq.group("O(1,3)"))
        >>> net = GeometricTransformer(V, torch.diag(torch.tensor([1.0, -1, -1, -1])), in_rep=V, width=8, depth=1)
        >>> net(torch.randn(5, 7, 4)).shape
        torch.Size([5, 7, 16])

    Source: Brehmer et al., Geometric Algebra Transformer (2023), section 3; Spinner et al., Lorentz-Equivariant
    Geometric Algebra Transformers for High-Energy Physics (2024), section 3.
    """

    def __init__(
        self,
        vectors: Representation,
        form: Tensor | np.ndarray,
        in_rep: Representation | None = None,
        out_rep: Representation | None = None,
        width: int = 16,
        heads: int = 4,
        depth: int = 4,
    ) -> None:
        super().__init__()
        algebra = exterior(vectors)
        self.in_rep = algebra if in_rep is None else in_rep
        self.out_rep = algebra if out_rep is None else out_rep
        require_one_group("GeometricTransformer", self.in_rep, algebra)
        require_one_group("GeometricTransformer", algebra, self.out_rep)
        if min(width, heads, depth) < 1 or width % heads:
            raise BadInput(
                "The multivectors of a token are shared equally among the heads.",
                {"width": width, "heads": heads, "depth": depth},
                "Give width=16, heads=4, depth=4.",
            )
        self.vectors, self.width, self.heads, self.depth = vectors, width, heads, depth
        self.in_action, self.out_action = self.in_rep, self.out_rep
        q = np.array(form.detach().cpu().numpy() if isinstance(form, Tensor) else form, dtype=np.float64)
        self.embed = Linear(self.in_rep, width * algebra)
        self.blocks = nn.ModuleList(_Block(vectors, q, width, heads) for _ in range(depth))
        self.norm = _Norm(vectors, q, width)
        self.read_out = Linear(width * algebra, self.out_rep)

    def reset_parameters(self) -> None:
        """As in each layer."""
        for module in self.modules():
            if isinstance(module, (Linear, GeometricProduct)):
                module.reset_parameters()

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Outputs of every token, zero for those that are absent."""
        check_channels(x, self.in_rep.dim, -1, "GeometricTransformer")
        if isinstance(x, Tensor):  # a tracer's stand-in has no shape yet
            self._check(x, mask)
        h = self.embed(ops.keep(x, mask))
        volume = ops.keep(h[..., -self.width :].mean(-1, keepdim=True), mask).sum(-2, keepdim=True)  # pseudoscalars
        count = torch.sym_max(x.shape[-2], 1) if mask is None else mask.sum(-1)[..., None, None].clamp(min=1)
        for block in self.blocks:
            h = block(h, volume / count, mask)
        return ops.keep(self.read_out(self.norm(h)), mask)

    def _check(self, x: Tensor, mask: Tensor | None) -> None:
        if x.ndim < 2:
            raise BadInput("Tokens come in sets.", {"x": tuple(x.shape)}, "Give x (*batch, tokens, dim).")
        if mask is not None:
            ops.require_mask("GeometricTransformer", mask, tuple(x.shape[:-1]), "token")


class _Norm(Layer):
    """Divided by the root of the mean, over channels, of the absolute squares of all grades.

    Absolute values have the derivative 1 at zero: right for grades whose squares have one sign, which become squares of
    positive sign, as on planes.
    """

    def __init__(self, vectors: Representation, q: np.ndarray, channels: int) -> None:
        rep = channels * exterior(vectors)
        super().__init__(rep, rep)
        self._shape = (2**vectors.dim, channels)
        sizes = [math.comb(vectors.dim, k) for k in range(vectors.dim + 1)]
        form, grades = _multivector_form(q), np.repeat(np.eye(len(sizes)), sizes, 1)
        self._meaning = [form.copy(), grades]
        for grade in grades.astype(bool):
            if np.linalg.eigvalsh(form[np.ix_(grade, grade)]).max() < ROUNDING:
                form[grade] *= -1.0
        self.register_constants({"squares": form, "grades": grades})

    def _fingerprint(self) -> Fingerprint:
        """Of the form itself: absolute squares do not depend on the signs of the grades."""
        return self._meaning + action_arrays(self.in_action) + action_arrays(self.out_action), [], []

    def forward(self, x: Tensor) -> Tensor:
        h = x.unflatten(-1, self._shape)
        with ops.full_precision(h):
            wide = ops.widened(h)
            grades, squares = (self.constants(wide)[name].to(wide.dtype) for name in ("grades", "squares"))
            per_grade = grades @ (wide * (squares @ wide))
        size = torch.where(per_grade < 0, -per_grade, per_grade).sum(-2).mean(-1, keepdim=True)
        return (x / (size + EPSILON).sqrt()).to(x.dtype)


class _Block(nn.Module):
    """Attention, then products and gates."""

    def __init__(self, vectors: Representation, q: np.ndarray, width: int, heads: int) -> None:
        super().__init__()
        rep = width * exterior(vectors)
        self.before_attention, self.before_products = _Norm(vectors, q, width), _Norm(vectors, q, width)
        self.attention = _Attention(vectors, q, width, heads)
        self.product = GeometricProduct(vectors, q, width)
        self.factors = nn.ModuleList(Linear(rep, rep) for _ in range(2))
        self.join = _Join(vectors, width) if _is_degenerate(q) else None
        self.mix = Linear(rep + rep if self.join else rep, rep)
        self.out = Linear(rep, rep)
        self._shape = (2**vectors.dim, width)

    def forward(self, h: Tensor, reference: Tensor, mask: Tensor | None) -> Tensor:
        h = h + self.attention(self.before_attention(h), mask)
        x = self.before_products(h)
        left, right = (factor(x) for factor in self.factors)
        made = self.product(left, right)
        if self.join is not None:
            made = torch.cat([made, self.join(left, right, reference)], -1)
        mixed = self.mix(made).unflatten(-1, self._shape)
        return h + self.out((mixed * F.gelu(mixed[..., :1, :])).flatten(-2))  # gated by its own scalar


class _Attention(nn.Module):
    """Softmax of invariant products of multivectors, and of squared distances of points beside a degenerate form."""

    def __init__(self, vectors: Representation, q: np.ndarray, width: int, heads: int) -> None:
        super().__init__()
        rep = width * exterior(vectors)
        self.queries, self.keys, self.values, self.out = (Linear(rep, rep) for _ in range(4))
        self.score = _Score(vectors, q)
        self._shape = (2**vectors.dim, heads, width // heads)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        queries, keys, values = (
            f(x).unflatten(-1, self._shape).movedim(-2, -4) for f in (self.queries, self.keys, self.values)
        )
        absent = None if mask is None else ~mask[..., None, None, :]
        left, right = self.score(queries, keys)
        heard = ops.attend(left, right, values.flatten(-2), 1.0, absent)
        heard = heard.unflatten(-1, (self._shape[0], self._shape[2]))
        return cast(Tensor, self.out(heard.movedim(-4, -2).flatten(-3)))


class _Score(Layer):
    r"""Features of queries and keys whose dot products are the invariant scores.

    Squared distance is :math:`|w_k t_q - w_q t_k|^2 / ((w_q^2 + \epsilon)(w_k^2 + \epsilon))` for trivectors with
    homogeneous coordinate w.
    """

    def __init__(self, vectors: Representation, q: np.ndarray) -> None:
        super().__init__(exterior(vectors), exterior(vectors))
        self.register_constants({"squares": _multivector_form(q)})
        self._points = (2**vectors.dim - 1 - vectors.dim) if _is_degenerate(q) else 0

    def forward(self, queries: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
        size = math.sqrt(queries.shape[-1] * queries.shape[-2])
        squares = self.constants(queries)["squares"]
        left, right = [(queries.mT @ squares).flatten(-2) / size], [keys.mT.flatten(-2)]
        if self._points:
            a, b, c = self._place(queries)
            d, e, f = self._place(keys)
            left += [2 * a / size, -b / size, -c / size]
            right += [d, f, e]
        return torch.cat(left, -1), torch.cat(right, -1)

    def _place(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = ops.widened(x)  # squared distances outgrow half precision
        w, t = x[..., self._points, :], x[..., self._points + 1 : -1, :]
        scale = w.square() + EPSILON
        moved = (t * (w / scale)[..., None, :]).flatten(-2)
        return moved, w.square() / scale, t.square().sum(-2) / scale


class _Join(Layer):
    """The regressive product, the wedge of complements, times a pseudoscalar."""

    def __init__(self, vectors: Representation, channels: int) -> None:
        rep = channels * exterior(vectors)
        super().__init__(rep + rep, rep)
        n, size = vectors.dim, 2**vectors.dim
        self._shape = (size, channels)
        first, second, out, value = clifford_table(tuple((0.0,) * n for _ in range(n)))
        last = out == size - 1
        complement, sign = np.zeros(size, dtype=np.int64), np.zeros(size)
        complement[first[last]], sign[first[last]] = second[last], value[last]
        scatter = np.zeros((size, len(out)))
        scatter[complement[out], np.arange(len(out))] = value
        a, b = complement[first], complement[second]
        scatter *= sign[a] * sign[b]  # *a for each factor
        scatter *= sign[:, None]  # and back
        self.register_constants({"first": a, "second": b, "scatter": scatter})
        moves = [np.linalg.det(vectors.images.discrete), np.exp(np.trace(vectors.images.lie, axis1=1, axis2=2))]
        self._keeps_volume = bool(np.abs(np.concatenate(moves) - 1).max(initial=0.0) < 1e-9)

    def forward(self, x: Tensor, y: Tensor, reference: Tensor) -> Tensor:
        x, y = x.unflatten(-1, self._shape), y.unflatten(-1, self._shape)
        fixed = self.constants(x)
        pairs = x.index_select(-2, fixed["first"]) * y.index_select(-2, fixed["second"])
        joined = (fixed["scatter"] @ pairs).flatten(-2)
        return joined if self._keeps_volume else joined * reference


def _is_degenerate(q: np.ndarray) -> bool:
    """Whether the form is that of planes, Euclidean with the offset as its radical."""
    return bool(np.array_equal(q, np.diag([1.0] * (len(q) - 1) + [0.0])))


def _multivector_form(q: np.ndarray) -> np.ndarray:
    """The form on all wedges: minors of the form on vectors."""
    n = len(q)
    blades = [blade for k in range(n + 1) for blade in combinations(range(n), k)]
    full = np.zeros((len(blades), len(blades)))
    for i, a in enumerate(blades):
        for j, b in enumerate(blades):
            if len(a) == len(b):
                full[i, j] = np.linalg.det(q[np.ix_(a, b)]) if a else 1.0
    return full
