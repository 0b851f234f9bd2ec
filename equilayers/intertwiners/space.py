"""The space of intertwiners of two representations: one core for each pair of summands, never multiplied out."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import BadInput, BadRepresentation, TooLarge
from equilayers.intertwiners.cores import Core
from equilayers.intertwiners.explain import losses, why_empty
from equilayers.numerics import derived_property
from equilayers.representations import Irrep, Representation

if TYPE_CHECKING:
    from equilayers.representations import Decomposition

__all__ = ["HomBlock", "HomSpace", "HomTerm"]

BASIS_LIMIT = 50_000_000  # numbers of a dense basis that are written out (400 MB)
CERTIFICATES = ("exact", "counted", "gap")  # from strong to weak


@dataclass(frozen=True, eq=False)
class HomTerm:
    """The maps from term ``in_index`` of V to term ``out_index`` of W: ``core`` (x) all matrices between the copies.

    Attributes:
        rows, columns: where the maps lie in a ``(W.dim, V.dim)`` matrix.
        out_multiplicity, in_multiplicity: copies, innermost in rows and columns.
        core: an orthonormal basis of the maps between single copies.

    Example:
        >>> import equilayers as eq
        >>> V = eq.defining(eq.group("D4"))
        >>> term = eq.hom(3 * V, 2 * V).terms[0]
        >>> term.core.dim, term.out_multiplicity, term.in_multiplicity, term.dim
        (1, 2, 3, 6)
    """

    out_index: int
    in_index: int
    rows: slice
    columns: slice
    out_multiplicity: int
    in_multiplicity: int
    core: Core

    @property
    def dim(self) -> int:
        return self.core.dim * self.out_multiplicity * self.in_multiplicity


@dataclass(frozen=True, eq=False)
class HomBlock:
    """What an irrep that both sides share contributes: ``out_of`` (E (x) matrices) ``into``, with E its commutant.

    Attributes:
        irrep: the irrep; its ``type`` says what E is.
        into: ``(irrep.dim * in_multiplicity, V.dim)``.
        out_of: ``(W.dim, irrep.dim * out_multiplicity)``.

    Example:
        >>> import equilayers as eq
        >>> V = eq.defining(eq.group("D4"))
        >>> block = eq.hom(3 * V, 2 * V).blocks[0]
        >>> block.irrep.label, block.dim
        ('E1', 6)
    """

    irrep: Irrep
    in_multiplicity: int
    out_multiplicity: int
    into: np.ndarray = field(repr=False)
    out_of: np.ndarray = field(repr=False)

    @property
    def dim(self) -> int:
        return self.irrep.end_dim * self.in_multiplicity * self.out_multiplicity


class HomSpace:
    r"""All linear maps B with :math:`W(g)\,B = B\,V(g)`, made by :func:`equilayers.hom`.

    Weights run over the terms in order, and in each over (core basis element, copy in W, copy in V), last fastest. The
    basis is Frobenius-orthonormal, and the same on every machine.

    Attributes:
        in_rep, out_rep: V and W.
        terms: a :class:`HomTerm` for each pair of summands with maps between them.
        dim: number of independent maps.
        route: how they were found: "orbits", "diagrams", "weights", "Schur", "null space", or several of these.
        residual: largest relative violation of membership on the generators.
        certificate: of completeness. "exact": counted in integers; "counted": an independent integer count agrees;
            "gap": the relative gap of a null space alone.

    Example:
        >>> import equilayers as eq
        >>> V = eq.defining(eq.group("SO(3)"))
        >>> maps = eq.hom(V @ V, V)
        >>> maps.dim, maps.basis().shape, maps.certificate == "gap"
        (1, (1, 3, 9), False)
    """

    def __init__(self, in_rep: Representation, out_rep: Representation, cores: dict[tuple[int, int], Core]) -> None:
        self.in_rep, self.out_rep = in_rep, out_rep
        terms = []
        for (o, i), core in cores.items():
            n, m = out_rep.terms[o][0], in_rep.terms[i][0]
            if core.dim:
                terms.append(HomTerm(o, i, out_rep.slices[o], in_rep.slices[i], n, m, core))
        self.terms = tuple(terms)
        self.dim = sum(term.dim for term in terms)
        found = list(cores.values())
        self.route = ", ".join(dict.fromkeys(core.route for core in found)) or "orbits"
        self.residual = max((core.residual for core in found), default=0.0)
        self.certificate = max((core.certificate for core in found), default="exact", key=CERTIFICATES.index)
        self._reasons = tuple(dict.fromkeys(core.reason for core in found if not core.dim and core.reason))

    def __repr__(self) -> str:
        facts = f"dim {self.dim}, route {self.route}, {self.certificate}, residual {self.residual:.0e}"
        return f"Hom({self.in_rep}, {self.out_rep}) of {self.in_rep.group}: {facts}"

    def __str__(self) -> str:
        if not self.dim:
            return f"{self!r}\n  {self.reason}"
        lines = [repr(self)]
        for term in self.terms:
            target, source = self.out_rep.terms[term.out_index][1], self.in_rep.terms[term.in_index][1]
            copies = f"{term.out_multiplicity} x {term.in_multiplicity} copies"
            lines.append(f"  {source} -> {target}: {term.core.dim} maps, {copies}, {term.core.route}")
        return "\n".join(lines)

    @derived_property
    def reason(self) -> str:
        """Why there are no maps, where there are none: the irreps on either side, or what the equations said."""
        return why_empty(self, self._reasons)

    def explain(self) -> str:
        """What the maps leave out: irreps of V that W lacks, which go to zero, and irreps of W that V lacks, which
        nothing reaches. Without irreps, or above dimension 256, how much of each summand.

        Example:
            >>> import equilayers as eq
            >>> G = eq.group("D4")
            >>> print(eq.hom(eq.regular(G), eq.defining(G) + eq.trivial(G)).explain())
            Every map sends B1, B2, A2 of V to zero: W does not hold them.
        """
        return "\n".join(losses(self)) if self.dim else self.reason

    # Members

    def matrix(self, weights: Tensor | np.ndarray) -> Tensor:
        """The map ``(*b, W.dim, V.dim)`` with ``(*b, dim)`` weights; differentiable.

        Raises:
            BadInput: not ``dim`` weights.

        Example:
            >>> import torch, equilayers as eq
            >>> G = eq.group("D4")
            >>> space = eq.hom(2 * eq.regular(G), 3 * eq.defining(G))
            >>> space.dim, space.matrix(torch.zeros(space.dim)).shape
            (12, torch.Size([6, 16]))
        """
        weights = _real(weights)
        if weights.ndim < 1 or weights.shape[-1] != self.dim:
            raise BadInput(
                "There is one weight for each map of the basis.",
                {"weights": tuple(weights.shape), "dim": self.dim},
                f"Give (*batch, {self.dim}).",
            )
        batch = weights.shape[:-1]
        flat = weights.reshape(math.prod(batch), self.dim)
        out = flat.new_zeros(len(flat), self.out_rep.dim, self.in_rep.dim)
        start = 0
        for term in self.terms:
            n, m, k = term.out_multiplicity, term.in_multiplicity, term.core.dim
            piece = flat[:, start : start + term.dim].reshape(len(flat), k, n * m).movedim(1, 0)
            maps = term.core.combine(piece.flatten(1)).unflatten(-1, (len(flat), n, m))
            out[:, term.rows, term.columns] = maps.permute(2, 0, 3, 1, 4).flatten(3).flatten(1, 2)
            start += term.dim
        return out.reshape(*batch, self.out_rep.dim, self.in_rep.dim)

    def coordinates(self, M: Tensor | np.ndarray) -> Tensor:
        """``(*b, dim)`` inner products of ``(*b, W.dim, V.dim)`` matrices with the basis: the weights of a member.

        Example:
            >>> import torch, equilayers as eq
            >>> V = eq.defining(eq.group("S3"))
            >>> space = eq.hom(V, V)
            >>> space.coordinates(torch.ones(3, 3, dtype=torch.float64)).numpy().round(3).tolist()
            [1.732, 2.449]
        """
        M = _real(M)
        shape = (self.out_rep.dim, self.in_rep.dim)
        if M.shape[-2:] != shape:
            given = {"M": tuple(M.shape), "W.dim, V.dim": shape}
            raise BadInput("A map has W.dim rows and V.dim columns.", given, f"Give (*batch, {shape[0]}, {shape[1]}).")
        batch = M.shape[:-2]
        flat = M.reshape(math.prod(batch), *shape)
        pieces = []
        for term in self.terms:
            n, m, k = term.out_multiplicity, term.in_multiplicity, term.core.dim
            maps = flat[:, term.rows, term.columns]
            maps = maps.unflatten(2, (term.core.in_dim, m)).unflatten(1, (term.core.out_dim, n))
            maps = maps.permute(1, 3, 0, 2, 4).flatten(2)
            found = term.core.contract(maps).reshape(k, len(flat), n * m)
            pieces.append(found.movedim(0, 1).flatten(1))
        out = torch.cat(pieces, 1) if pieces else flat.new_zeros(len(flat), 0)
        return out.reshape(*batch, self.dim)

    def project(self, M: Tensor | np.ndarray) -> Tensor:
        """The nearest member in the Frobenius norm: for an orthogonal representation the mean of ``W(g) M V(g)^T``.

        Example:
            >>> import numpy as np, equilayers as eq
            >>> V = eq.defining(eq.group("D4"))
            >>> eq.hom(V, V).project(np.array([[1.0, 2.0], [3.0, 5.0]])).numpy().round(12).tolist()
            [[3.0, 0.0], [0.0, 3.0]]
        """
        return self.matrix(self.coordinates(M))

    def basis(self) -> np.ndarray:
        """``(dim, W.dim, V.dim)`` float64: the basis written out.

        Raises:
            TooLarge: more than 50 million numbers; nothing is allocated before that is known.

        Example:
            >>> import equilayers as eq
            >>> V = eq.defining(eq.group("D4"))
            >>> eq.hom(V, V).basis().round(3).tolist()
            [[[0.707, 0.0], [0.0, 0.707]]]
        """
        numbers = self.dim * self.out_rep.dim * self.in_rep.dim
        if numbers > BASIS_LIMIT:
            shape = f"{self.dim} x {self.out_rep.dim} x {self.in_rep.dim}"
            raise TooLarge(
                "The basis of this space of maps is not written out.",
                {"shape": shape, "size": f"{numbers * 8 / 1e9:.1f} GB", "limit": f"{BASIS_LIMIT * 8 / 1e9:.1f} GB"},
                "Use terms, or matrix(weights) for single members.",
            )
        return self.matrix(torch.eye(self.dim, dtype=torch.float64, device="cpu")).numpy()

    # By irreps

    @derived_property
    def blocks(self) -> tuple[HomBlock, ...]:
        """One for each irrep that both sides share: the same maps in Schur coordinates.

        Raises:
            BadRepresentation: the group's representations do not split into irreps.

        Example:
            >>> import equilayers as eq
            >>> G = eq.group("D4")
            >>> [(b.irrep.label, b.dim) for b in eq.hom(2 * eq.regular(G), 3 * eq.defining(G)).blocks]
            [('E1', 12)]
        """
        source, target = _decomposed(self.in_rep), _decomposed(self.out_rep)
        found = []
        places = {irrep: n for n, (_, irrep) in enumerate(target.rep.terms)}
        for n, (m, irrep) in enumerate(source.rep.terms):
            if irrep not in places:
                continue
            at = places[irrep]
            into = np.asarray(source.inverse)[source.rep.slices[n]]
            out_of = np.asarray(target.matrix)[:, target.rep.slices[at]]
            assert isinstance(irrep, Irrep)
            found.append(HomBlock(irrep, m, target.rep.terms[at][0], into, out_of))
        return tuple(found)


def _real(values: Tensor | np.ndarray) -> Tensor:
    # Not torch.as_tensor, which would move it to the caller's default device.
    tensor = values if isinstance(values, Tensor) else torch.from_numpy(np.asarray(values))
    return tensor if tensor.is_floating_point() else tensor.to(torch.float64)


def _decomposed(rep: Representation) -> Decomposition:
    from equilayers.representations import decompose

    group = rep.group
    if not (group.is_compact or group.is_transpose_closed):
        raise BadRepresentation(
            "The representations of this group do not split into irreps.",
            {"group": group, "representation": repr(rep)},
            "Use terms: the maps between summands.",
        )
    return decompose(rep)
