"""Sums, copies, tensor products, duals and powers, kept in a normal form so that equal matrices are equal objects."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import reduce
from itertools import combinations, combinations_with_replacement, permutations
from math import comb
from operator import index

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import BadInput, GroupMismatch, TooLarge
from equilayers.numerics import derived_property
from equilayers.representations.representation import Images, Representation

__all__ = ["Dual", "Power", "Sum", "TensorProduct", "copies", "direct_sum", "dual", "power", "tensor"]

POWER_LIMIT = 4_000_000  # entries of the isometry into the tensor power


def _same_group(v: Representation, w: Representation, sign: str) -> None:
    if v.group != w.group:
        raise GroupMismatch(
            f"V {sign} W needs two representations of one group.",
            {"V": repr(v), "W": repr(w)},
            "Restrict one of them: eq.restrict(V, H).",
        )


class Sum(Representation):
    """A direct sum of multiples of atoms, in the order written."""

    def __init__(self, like: Representation, terms: Sequence[tuple[int, Representation]]) -> None:
        self.group = like.group
        self._terms = tuple((m, a) for m, a in terms if m and a.dim)
        self.dim = sum(m * a.dim for m, a in self._terms)
        self.key = (self.group.fingerprint, "sum", *((m, a.key) for m, a in self._terms))
        self.name = " + ".join(f"{m}x{_bracket(a)}" if m > 1 else str(a) for m, a in self._terms) or "0"

    @property
    def terms(self) -> tuple[tuple[int, Representation], ...]:
        return self._terms

    def _images(self) -> Images:
        return Images(*(_block_diagonal_np(self, kind) for kind in ("lie", "discrete")))

    def __call__(self, g: Tensor) -> Tensor:
        batch = g.shape[: g.ndim - len(self.group.element_shape)]
        out = torch.zeros(*batch, self.dim, self.dim, dtype=torch.float64, device=g.device)
        for (m, atom), where in zip(self._terms, self.slices, strict=True):
            out[..., where, where] = torch.kron(
                atom(g).contiguous(), torch.eye(m, dtype=torch.float64, device=g.device)
            )
        return out

    def transform(self, g: Tensor, x: Tensor) -> Tensor:
        if x.shape[-1] != self.dim:
            return super().transform(g, x)  # says what is wrong
        pieces = []
        for (m, atom), where in zip(self._terms, self.slices, strict=True):
            piece = x[..., where].unflatten(-1, (atom.dim, m)).transpose(-1, -2)
            pieces.append(atom.transform(g, piece).transpose(-1, -2).flatten(-2))
        return torch.cat(pieces, -1) if pieces else x


def _bracket(v: Representation) -> str:
    return f"({v})" if " " in str(v) else str(v)


def _block_diagonal_np(v: Sum, kind: str) -> np.ndarray:
    count = v.group.lie_dim if kind == "lie" else len(v.group.discrete_generators)
    out = np.zeros((count, v.dim, v.dim))
    for (m, atom), where in zip(v.terms, v.slices, strict=True):
        out[:, where, where] = np.kron(getattr(atom.images, kind), np.eye(m))
    return out


def _as_sum(like: Representation, terms: Sequence[tuple[int, Representation]]) -> Representation:
    total = Sum(like, terms)
    if len(total.terms) == 1 and total.terms[0][0] == 1:
        return total.terms[0][1]
    return total


def direct_sum(v: Representation, w: Representation) -> Representation:
    """``V + W``, in this order."""
    _same_group(v, w, "+")
    return _as_sum(v, v.terms + w.terms)


def copies(m: int, v: Representation) -> Representation:
    """``m * V``: kron(V(g), I_m)."""
    count = -1
    with suppress(TypeError):
        count = index(m)
    if count < 0 or isinstance(m, bool):
        raise BadInput("A multiplicity is an integer of at least 0.", {"multiplicity": repr(m)}, "Write 3 * V.")
    return _as_sum(v, [(count * n, atom) for n, atom in v.terms])


class TensorProduct(Representation):
    """A product of atoms and of sums that cannot be distributed without reordering; first factor slow."""

    def __init__(self, factors: Sequence[Representation]) -> None:
        self.factors = tuple(factors)
        self.group = self.factors[0].group
        self.dim = int(np.prod([f.dim for f in self.factors]))
        self.key = (self.group.fingerprint, "tensor", *(f.key for f in self.factors))
        self.name = " @ ".join(_bracket(f) for f in self.factors)

    def _images(self) -> Images:
        lie = np.zeros((self.group.lie_dim, self.dim, self.dim))
        for i, factor in enumerate(self.factors):
            before = int(np.prod([f.dim for f in self.factors[:i]]))
            after = int(np.prod([f.dim for f in self.factors[i + 1 :]]))
            lie += np.kron(np.kron(np.eye(before), factor.images.lie), np.eye(after))
        discrete = [
            reduce(np.kron, matrices) for matrices in zip(*(f.images.discrete for f in self.factors), strict=True)
        ]
        return Images(lie, np.array(discrete).reshape(-1, self.dim, self.dim))

    def __call__(self, g: Tensor) -> Tensor:
        return reduce(_batched_kron, [f(g) for f in self.factors])

    def transform(self, g: Tensor, x: Tensor) -> Tensor:
        if x.shape[-1] != self.dim:
            return super().transform(g, x)
        shaped = x.unflatten(-1, tuple(f.dim for f in self.factors))
        for i, factor in enumerate(self.factors):
            axis = i - len(self.factors)
            shaped = factor.transform(g, shaped.transpose(axis, -1)).transpose(axis, -1)
        return shaped.flatten(-len(self.factors))


def _batched_kron(a: Tensor, b: Tensor) -> Tensor:
    return torch.einsum("...ij,...kl->...ikjl", a, b).flatten(-4, -3).flatten(-2)


def tensor(v: Representation, w: Representation) -> Representation:
    """``V @ W`` in normal form: right-nested, multiplicities out of the last factor, sums on the left distributed."""
    _same_group(v, w, "@")
    if _is_one(w):
        return v
    if _is_one(v):
        return w
    if isinstance(v, TensorProduct):
        return tensor(v.factors[0], reduce(lambda right, left: tensor(left, right), reversed(v.factors[1:]), w))
    if isinstance(v, Sum) and len(v.terms) != 1:
        parts = [tensor(copies(m, a), w) for m, a in v.terms]
        return _as_sum(v, [term for part in parts for term in part.terms])
    if isinstance(v, Sum):  # one atom several times; the copies stay between it and the next factor
        m, atom = v.terms[0]
        if isinstance(atom, TensorProduct):
            *first, last = atom.factors
            return reduce(lambda right, left: tensor(left, right), reversed(first), tensor(copies(m, last), w))
    if len(w.terms) == 1:
        n, atom = w.terms[0]
        if _is_one(atom):
            return copies(n, v)
        tail = atom.factors if isinstance(atom, TensorProduct) else (atom,)
        return copies(n, TensorProduct((v, *tail)))
    if not w.terms:
        return w
    return TensorProduct((v, w))


def _is_one(v: Representation) -> bool:
    """Whether a factor can be left out; not a product of signs, whose factors another bracketing would keep apart."""
    return v.dim == 1 and not isinstance(v, TensorProduct) and v.is_trivial


class Dual(Representation):
    """The dual of an atom that is not orthogonal."""

    def __init__(self, of: Representation) -> None:
        self.of, self.group, self.dim = of, of.group, of.dim
        self.key = (self.group.fingerprint, "dual", of.key)
        self.name = f"dual({of})"

    def _images(self) -> Images:
        discrete = self.of.images.discrete
        inverse = np.linalg.inv(discrete).swapaxes(1, 2) if len(discrete) else discrete
        return Images(-self.of.images.lie.swapaxes(1, 2), inverse)

    def __call__(self, g: Tensor) -> Tensor:
        return self.of(self.group.inverse(g)).mT


def dual(v: Representation) -> Representation:
    """The dual; V itself where V is orthogonal."""
    if isinstance(v, Dual):
        return v.of
    if v.is_orthogonal:
        return v
    if isinstance(v, Sum):
        return _as_sum(v, [(m, dual(a)) for m, a in v.terms])
    if isinstance(v, Power):
        return Power(dual(v.of), v.k, v.kind)
    if isinstance(v, TensorProduct):
        return reduce(lambda right, left: tensor(left, right), reversed([dual(f) for f in v.factors]))
    return Dual(v)


class Power(Representation):
    """A symmetric or alternating power, cut out of the tensor power by an isometry."""

    def __init__(self, of: Representation, k: int, kind: str) -> None:
        self.of, self.k, self.kind, self.group = of, k, kind, of.group
        self.dim = comb(of.dim + k - 1, k) if kind == "sym" else comb(of.dim, k)
        self.key = (self.group.fingerprint, kind, k, of.key)
        self.name = f"{kind}{k}({of})"
        if self.dim * of.dim**k > POWER_LIMIT:
            raise TooLarge(
                "A power this large is not built through the tensor power.",
                {"power": self.name, "tensor power": f"{of.dim}^{k} = {of.dim**k}", "dim": self.dim},
                "Decompose V first and take powers of its parts.",
            )

    @derived_property
    def isometry(self) -> np.ndarray:
        """``(of.dim ** k, dim)``: orthonormal monomials or wedges, lexicographic."""
        d, k = self.of.dim, self.k
        choose = combinations_with_replacement if self.kind == "sym" else combinations
        out = np.zeros((d**k, self.dim))
        for column, indices in enumerate(choose(range(d), k)):
            for order in permutations(range(k)):
                row = 0
                for position in order:
                    row = row * d + indices[position]
                out[row, column] += 1.0 if self.kind == "sym" else _sign(order)
        return out / np.linalg.norm(out, axis=0)

    def _images(self) -> Images:
        lie, discrete = (torch.tensor(getattr(self.of.images, kind)) for kind in ("lie", "discrete"))
        one_leg = self.k * self._compress(lie, 1)  # the derivative moves one leg at a time, and all legs are alike
        return Images(one_leg.numpy(), self._compress(discrete, self.k).numpy())

    def __call__(self, g: Tensor) -> Tensor:
        return self._compress(self.of(g), self.k)

    def _compress(self, matrices: Tensor, legs: int) -> Tensor:
        """Act with ``(*b, d, d)`` on the first ``legs`` legs of the isometry, one after the other, and project back."""
        p = torch.tensor(self.isometry, device=matrices.device)
        d, rest, moved = self.of.dim, self.of.dim ** (self.k - 1), p
        for leg in range(self.k):  # the leg in front moves and goes to the back
            split = moved.reshape(*moved.shape[:-2], d, rest * self.dim)
            if leg < legs:
                split = matrices @ split
            moved = split.unflatten(-1, (rest, self.dim)).transpose(-3, -2).flatten(-3, -2)
        return p.mT @ moved


def _sign(order: Sequence[int]) -> float:
    inversions = sum(a > b for i, a in enumerate(order) for b in order[i + 1 :])
    return -1.0 if inversions % 2 else 1.0


def power(v: Representation, k: int, kind: str) -> Representation:
    """``sym`` or ``alt`` power; the zeroth is the trivial representation, the first V itself."""
    if k < 0:
        raise BadInput("A power is an integer of at least 0.", {"k": k}, "Write V.sym(2).")
    if k == 0:
        from equilayers.representations.constructors import trivial

        return trivial(v.group)
    if k == 1 or not v.dim:
        return v
    if kind == "alt" and k > v.dim:
        return copies(0, v)
    return Power(v, k, kind)
