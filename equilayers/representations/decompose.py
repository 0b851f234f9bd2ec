"""Any representation as a sum of irreps: which, how often, and by what change of basis."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from equilayers.errors import NotCertified, TooLarge
from equilayers.groups import Group
from equilayers.numerics import derived, derived_property
from equilayers.representations.algebra import Sum, TensorProduct
from equilayers.representations.constructors import defining
from equilayers.representations.irreps import irreps as listed_irreps
from equilayers.representations.isotypic import Letters, canonical_maps, intertwiners, orthonormalised, stack
from equilayers.representations.representation import Irrep, Representation
from equilayers.representations.unlisted import unlisted_maps

__all__ = ["Decomposition", "decompose"]

TOLERANCE = 1e-9  # a residual above this is not a decomposition
ORTHOGONAL = 1e-10
CHEAP_LEVELS = 3  # tensor powers looked into before the weights are asked how many can be needed
HIGHEST_LEVEL = 64
DIRECT_DIM = 100  # tensor products up to this dimension are decomposed as they are, larger ones factor by factor


class _Atom(NamedTuple):
    """A representation that is not a sum, decomposed; ``matrix`` is None where it is an irrep already."""

    parts: tuple[tuple[int, Irrep], ...]
    matrix: np.ndarray | None
    inverse: np.ndarray | None
    residual: float


class _Place(NamedTuple):
    """A run of columns: the copies of ``irrep`` that come from summand ``term``, as its own part ``part``."""

    term: int
    part: int
    first: int


@dataclass(frozen=True, eq=False)
class Decomposition:
    r"""A representation in the irrep basis: :math:`V(g) = M\, R(g)\, M^{-1}`.

    Attributes:
        rep: R, the sum of irreps, each once with its multiplicity, in the order of :func:`equilayers.irreps`.
        multiplicities: how often each irrep that occurs does.
        residual: largest entry of :math:`V(s) - M R(s) M^{-1}` over all generators s, relative to that of V(s) if it is
            above 1.

    Example:
        >>> import equilayers as eq
        >>> V = eq.defining(eq.group("D4"))
        >>> found = eq.decompose(V @ V)
        >>> {irrep.label: m for irrep, m in found.multiplicities.items()}, found.matrix.shape
        ({'A1': 1, 'B1': 1, 'B2': 1, 'A2': 1}, (4, 4))
    """

    rep: Representation
    multiplicities: Mapping[Irrep, int]
    residual: float
    _of: Representation = field(repr=False)
    _atoms: tuple[_Atom, ...] = field(repr=False)
    _places: Mapping[Irrep, tuple[_Place, ...]] = field(repr=False)

    @derived_property
    def matrix(self) -> np.ndarray:
        """M, ``(dim, dim)`` float64; copies innermost. Orthogonal where V is, or where the group is closed under
        transpose and V respects that."""
        return self._assemble("matrix")

    @derived_property
    def inverse(self) -> np.ndarray:
        """The inverse of :attr:`matrix`: its transpose where it is orthogonal."""
        return self._assemble("inverse").T

    def _assemble(self, name: str) -> np.ndarray:
        """Columns of the matrix, or rows of the inverse, summand by summand."""
        out = np.zeros((self._of.dim, self._of.dim))
        for (m, irrep), where in zip(self.rep.terms, self.rep.slices, strict=True):
            block = out[:, where].reshape(-1, irrep.dim, m)  # type: ignore[union-attr]
            for place in self._places[irrep]:  # type: ignore[index]
                n, atom = self._of.terms[place.term]
                found = self._atoms[place.term]
                at = sum(k * i.dim for k, i in found.parts[: place.part])
                k, _ = found.parts[place.part]
                whole = getattr(found, name)
                whole = np.eye(atom.dim) if whole is None else whole.T if name == "inverse" else whole
                columns = whole[:, at : at + k * irrep.dim].reshape(atom.dim, irrep.dim, k)
                rows = self._of.slices[place.term]
                target = block[rows].reshape(atom.dim, n, irrep.dim, m)
                for copy in range(n):  # kron(V(g), I_n): copy c of the summand gives copies c, n + c, 2n + c, ...
                    target[:, copy, :, place.first + copy : place.first + k * n : n] = columns
                block[rows] = target.reshape(-1, irrep.dim, m)
            out[:, where] = block.reshape(-1, irrep.dim * m)
        out.setflags(write=False)
        return out


def decompose(v: Representation) -> Decomposition:
    r"""Split a representation into irreps.

    .. math:: V(g) = M\, R(g)\, M^{-1}, \qquad R = \bigoplus_i m_i \rho_i

    Sums are split summand by summand: the copies of an irrep follow the order of the summands. Within a summand
    they are the canonical basis of the maps from the irrep to it, a function of its matrices alone.

    Args:
        v: a representation of a finite, a compact or a transpose-closed group.

    Raises:
        NotCertified: the group is of neither kind, V does not split into irreps, or they were not found.

    Example:
        >>> import equilayers as eq
        >>> found = decompose(eq.regular(eq.group("D4")))
        >>> str(found.rep), found.residual < 1e-14
        ('A1 + B1 + B2 + A2 + 2xE1', True)

    Source: Serre, Linear Representations of Finite Groups (1977), sections 2.6 and 2.7.
    """
    return _decompose(v)


@derived
def _decompose(v: Representation) -> Decomposition:
    atoms = tuple(_atom(atom) for _, atom in v.terms)
    totals: dict[Irrep, int] = {}
    places: dict[Irrep, list[_Place]] = {}
    for term, ((m, _), found) in enumerate(zip(v.terms, atoms, strict=True)):
        for part, (k, irrep) in enumerate(found.parts):
            places.setdefault(irrep, []).append(_Place(term, part, totals.get(irrep, 0)))
            totals[irrep] = totals.get(irrep, 0) + m * k
    order = sorted_irreps(v.group, totals)
    terms = [(totals[irrep], irrep) for irrep in order]
    rep: Representation = Sum(v, terms)
    if len(terms) == 1 and terms[0][0] == 1:
        rep = terms[0][1]
    residual = max((found.residual for found in atoms), default=0.0)
    kept = MappingProxyType({irrep: tuple(places[irrep]) for irrep in order})
    return Decomposition(rep, MappingProxyType({i: totals[i] for i in order}), residual, v, atoms, kept)


# The order of irreps


def sorted_irreps(group: Group, found: Iterable[Irrep]) -> list[Irrep]:
    """In the order of :func:`equilayers.irreps`; those that no list holds by dimension, type and label behind it."""
    found = list(found)
    if len(found) < 2:
        return found
    position: dict[Irrep, int] = {}
    wanted = set(found)
    for batch in _batches(group, found):
        position = {irrep: i for i, irrep in enumerate(batch)}
        if wanted <= position.keys():
            break
    last = len(position)
    return sorted(found, key=lambda i: (position.get(i, last), i.dim, i.end_dim, i.label))


def _batches(group: Group, reps: Sequence[Representation]) -> Iterator[tuple[Irrep, ...]]:
    """Lists that could hold the irreps of ``reps``: all of a finite group; of an infinite one level by level."""
    max_dim = max(v.dim for v in reps)
    if group.is_finite:
        try:
            yield listed_irreps(group)
        except TooLarge:
            try:
                yield listed_irreps(group, max_dim=max_dim)
            except TooLarge:
                return
        return
    highest = HIGHEST_LEVEL
    for level in range(HIGHEST_LEVEL + 1):
        if level == CHEAP_LEVELS:
            highest = _highest_level(group, reps)
        if level > highest:
            return
        yield listed_irreps(group, level=level, max_dim=max_dim)


def _highest_level(group: Group, reps: Sequence[Representation]) -> int:
    """A weight of r times the size of the defining action's is reached within n r powers, and n more for
    determinants.
    """
    vectors = defining(group)
    ratio = 0.0
    for k, image in enumerate(vectors.images.lie):
        own = float(np.abs(np.linalg.eigvals(image)).max(initial=0.0))
        if own > 1e-6:
            ratio = max([ratio, *(float(np.abs(np.linalg.eigvals(v.images.lie[k])).max()) / own for v in reps)])
    return min(HIGHEST_LEVEL, int(np.ceil(vectors.dim * ratio - 1e-6)) + vectors.dim)


# One summand


@derived
def _atom(v: Representation) -> _Atom:
    if isinstance(v, Irrep):
        return _Atom(((1, v),), None, None, 0.0)
    if not (v.group.is_compact or v.group.is_transpose_closed):
        raise NotCertified(
            "Only representations of compact and of transpose-closed groups are known to split into irreps.",
            {"V": repr(v), "compact": False, "closed under transpose": False},
            "Use eq.hom(V, W), which needs no irreps; or describe the group in coordinates closed under transpose.",
        )
    if isinstance(v, TensorProduct) and v.dim > DIRECT_DIM and not _is_pair(v):
        found = _product_maps(v)
    else:
        found = _maps(v)
    order = sorted_irreps(v.group, found)
    copies = {irrep: canonical_maps(irrep, found[irrep]) for irrep in order}
    parts = tuple((copies[irrep].shape[-1], irrep) for irrep in order)
    return _checked(v, parts, orthonormalised(stack(list(copies.values()))))


def _is_pair(v: TensorProduct) -> bool:
    return len(v.factors) == 2 and all(isinstance(factor, Irrep) for factor in v.factors)


def _checked(v: Representation, parts: tuple[tuple[int, Irrep], ...], matrix: np.ndarray) -> _Atom:
    """The inverse, and the residual on the generators."""
    gram = matrix.T @ matrix
    orthogonal = np.abs(gram - np.eye(v.dim)).max() < ORTHOGONAL
    inverse = matrix.T.copy() if orthogonal else np.linalg.inv(matrix)
    residual = 0.0
    for kind in ("lie", "discrete"):
        images = getattr(v.images, kind)
        moved = np.empty((len(images), v.dim, v.dim))
        at = 0
        for m, irrep in parts:
            columns = matrix[:, at : at + m * irrep.dim].reshape(v.dim, irrep.dim, m)
            turned = np.einsum("nem,sed->sndm", columns, getattr(irrep.images, kind), optimize=True)
            moved[:, :, at : at + m * irrep.dim] = turned.reshape(len(images), v.dim, m * irrep.dim)
            at += m * irrep.dim
        error = np.abs(images - moved @ inverse).max((1, 2), initial=0.0)
        size = np.maximum(1.0, np.abs(images).max((1, 2), initial=0.0))
        residual = max(residual, float((error / size).max(initial=0.0)))
    if not residual < TOLERANCE:
        raise NotCertified(
            "The change of basis does not block-diagonalise the representation.",
            {"V": repr(v), "residual": f"{residual:.2e}"},
            "Check the images of the generators: they may not be exact to nine decimals.",
        )
    matrix.setflags(write=False)
    inverse.setflags(write=False)
    return _Atom(parts, matrix, inverse, residual)


def _maps(v: Representation) -> dict[Irrep, np.ndarray]:
    """``(n, d, m * end_dim)`` for each irrep that occurs; complete, since the dimensions add up."""
    target = Letters.of(v)
    found: dict[Irrep, np.ndarray] = {}
    left, seen, listed = v.dim, set(), False
    for batch in _batches(v.group, [v]):
        listed = True
        for irrep in batch:
            if irrep in seen or irrep.dim > left:
                continue
            seen.add(irrep)
            maps = intertwiners(irrep, _letters(irrep), target, left // irrep.dim * irrep.end_dim)
            if maps.shape[-1]:
                found[irrep] = maps
                left -= maps.shape[-1] // irrep.end_dim * irrep.dim
        if left <= 0:
            break
    if v.dim and not listed:
        return unlisted_maps(v)
    if left:
        raise NotCertified(
            "The irreps that were found do not fill the representation.",
            {"V": repr(v), "dim": v.dim, "found": {i.label: m.shape[-1] // i.end_dim for i, m in found.items()}},
            "It does not split into irreps, or holds some that no tensor power of the defining action does.",
        )
    return found


@derived
def _letters(irrep: Irrep) -> Letters:
    return Letters.of(irrep)


def _product_maps(v: TensorProduct) -> dict[Irrep, np.ndarray]:
    """Factor by factor: irreps of the first times irreps of the rest, each pair decomposed once."""
    rest = v.factors[1] if len(v.factors) == 2 else TensorProduct(v.factors[1:])
    first, second = _decompose(v.factors[0]), _decompose(rest)
    found: dict[Irrep, list[np.ndarray]] = {}
    for (m, a), left in zip(first.rep.terms, first.rep.slices, strict=True):
        for (n, b), right in zip(second.rep.terms, second.rep.slices, strict=True):
            pair = _decompose(a @ b)
            outer = np.einsum(
                "xim,yjn->xyijmn",
                first.matrix[:, left].reshape(-1, a.dim, m),
                second.matrix[:, right].reshape(-1, b.dim, n),
            ).reshape(v.dim, a.dim * b.dim, m * n)
            for (k, irrep), where in zip(pair.rep.terms, pair.rep.slices, strict=True):
                assert isinstance(irrep, Irrep)
                copies = pair.matrix[:, where].reshape(-1, irrep.dim, k)
                units = np.einsum("pek,ced->pdkc", copies, irrep.endomorphisms)
                maps = np.einsum("xpm,pdkc->xdmkc", outer, units, optimize=True)
                found.setdefault(irrep, []).append(maps.reshape(v.dim, irrep.dim, -1))
    return {irrep: _orthonormal(np.concatenate(maps, axis=-1)) for irrep, maps in found.items()}


def _orthonormal(maps: np.ndarray) -> np.ndarray:
    n, d, k = maps.shape
    return np.linalg.qr(maps.reshape(n * d, k))[0].reshape(n, d, k)
