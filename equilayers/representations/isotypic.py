r"""Hom(rho, V) for an irrep rho, from the generators alone: finite or Lie, enumerated or not, in any coordinates.

An intertwiner T is known from the image w = T v of one vector. Let a be an element of the group algebra (of the
enveloping algebra) and v an eigenvector of rho(a). Then w is an eigenvector of V(a) of the same eigenvalue: a small
space. Spinning v up to a basis of rho, and w along with it, the equations V(s) T = T rho(s) on all generators are
linear in w.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

import numpy as np

from equilayers.errors import NotCertified
from equilayers.groups import Group
from equilayers.numerics import Keeper, canonical_basis_commuting, derived, hashed_numbers, null_space
from equilayers.representations.representation import Irrep, Representation

__all__ = ["Letters", "canonical_maps", "intertwiners"]

ELEMENTS = 3  # fixed elements of the algebra, of which the one that separates best is used
WORDS = 9
REACH = 1e-6  # a new vector of the frame reaches out of the span so far by more than this
WINDOWS = (3e-2, 3e-3, 3e-4, 1e-6)  # relative gaps that may bound an eigenspace, wide ones first
ZERO, GAP = 1e-6, 1e2  # singular values below the one are zero, if the next is larger by the other
ENOUGH = 0.05  # relative gap beyond which fewer candidates count more
NEARLY = 1e-8  # so near to orthogonal that the error is rounding
SNAP = 3e-14  # entries this close to -1, 0 or 1 are meant to be that


@dataclass(frozen=True, eq=False)
class Letters(Keeper):
    """A representation's generators as operators with their adjoints, from which fixed elements of the algebra are
    made.

    Discrete generators have their inverses as adjoints. For the Lie algebra the adjoint is minus the identity on a
    compact group, the transpose on one that is closed under it; so every element is symmetric in fitting coordinates.
    """

    group: Group
    dim: int
    generators: tuple[np.ndarray, ...]
    pairs: tuple[tuple[np.ndarray, np.ndarray], ...]

    @staticmethod
    def of(rep: Representation) -> Letters:
        """The letters of ``rep``: its discrete generators, and three hashed elements of the Lie algebra."""
        lie, discrete = rep.images.lie, rep.images.discrete
        if rep.is_orthogonal or not len(discrete):
            inverses = discrete.swapaxes(1, 2)
        else:
            inverses = np.linalg.inv(discrete)
        pairs = list(zip(discrete, inverses, strict=True))
        if len(lie):
            adjoint = _adjoint(rep.group)
            for k in range(min(3, len(lie))):
                h = hashed_numbers(f"decompose/lie/{k}", len(lie))
                pairs.append((np.tensordot(h, lie, 1), np.tensordot(adjoint @ h, lie, 1)))
        return Letters(rep.group, rep.dim, (*lie, *discrete), tuple(pairs))

    def element(self, index: int) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray] | None]:
        """A fixed self-adjoint sum of short words, the same one for all representations of the group.

        With its eigenvalues and eigenvectors; None where it is not symmetric in these coordinates.
        """
        return self.shelf.find(index, lambda: self._element(index))

    def _element(self, index: int) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray] | None]:
        total = np.zeros((self.dim, self.dim))
        for coefficient, spelled in _words(index, len(self.pairs), 2 if self.group.lie_dim else 6):
            word = reduce(np.matmul, [self.pairs[letter][0] for letter in spelled])
            adjoint = reduce(np.matmul, [self.pairs[letter][1] for letter in reversed(spelled)])
            total += coefficient * (word + adjoint)
        return total, np.linalg.eigh((total + total.T) / 2) if _is_symmetric(total) else None


@derived
def _words(index: int, letters: int, longest: int) -> tuple[tuple[float, tuple[int, ...]], ...]:
    """Coefficients and words of element ``index``."""
    found = []
    for k in range(WORDS if letters else 0):
        numbers = hashed_numbers(f"decompose/word/{index}/{k}", longest + 1)
        spelled = tuple(int((x + 1) / 2 * letters) for x in numbers[1 : k % longest + 2])
        found.append((float(numbers[0]), spelled))
    return tuple(found)


def _is_symmetric(a: np.ndarray) -> bool:
    return bool(np.abs(a - a.T).max(initial=0.0) <= 1e-11 * max(1.0, np.abs(a).max(initial=0.0)))


def _adjoint(group: Group) -> np.ndarray:
    """``(k, k)``: coefficients of the adjoints of the Lie basis."""
    k = group.lie_dim
    if group.is_compact:
        return -np.eye(k)
    lie = group.lie_basis.reshape(k, -1).T
    turned = group.lie_basis.swapaxes(1, 2).reshape(k, -1).T
    return np.asarray(np.linalg.lstsq(lie, turned, rcond=None)[0])


class _Start(NamedTuple):
    """An eigenvalue of element ``element``: the column of rho's eigenvector, and how many of V's eigenvectors may
    match it.
    """

    quality: float
    element: int
    column: int
    width: int


def _starts(rho: Letters, target: Letters, bound: int) -> Iterator[_Start]:
    """Eigenvalues of the fixed elements that stand apart from others in rho and in V: the first good one, or all,
    best first.
    """
    found = []
    for element in range(ELEMENTS):
        found.append(_start(rho, target, element, bound))
        if found[-1].quality >= ENOUGH and found[-1].width <= bound:
            yield found[-1]
    yield from sorted(found, key=lambda start: (-min(start.quality, ENOUGH), start.width, start.element))


def _start(rho: Letters, target: Letters, element: int, bound: int) -> _Start:
    spectrum, wide = rho.element(element)[1], target.element(element)[1]
    if spectrum is None:
        raise NotCertified("An irrep needs fitting coordinates.", {"group": rho.group}, "Use eq.irreps(G).")
    values = spectrum[0]
    among = np.sort(np.abs(values[:, None] - values), axis=1)
    if wide is None:
        scale = max(float(np.abs(values).max()), 1e-300)
        rows = [(_gap(row / scale, len(row))[0], bound) for row in among]
    else:
        scale = max(float(np.abs(values).max()), float(np.abs(wide[0]).max(initial=0.0)), 1e-300)
        rows = []
        for own, others in zip(among, np.sort(np.abs(values[:, None] - wide[0]), axis=1), strict=True):
            gap, count = _gap(others / scale, 4 * bound)
            rows.append((min(gap, _gap(own / scale, len(own))[0]), count))
    column = max(range(len(rows)), key=lambda i: (min(rows[i][0], ENOUGH), -rows[i][1], -i))
    return _Start(rows[column][0], element, column, rows[column][1])


def _gap(distances: np.ndarray, limit: int) -> tuple[float, int]:
    """The first wide gap in sorted distances, and how many lie before it: not more than ``limit``, if gaps allow."""
    steps = np.diff(np.concatenate([[0.0], distances, [np.inf]]))
    for window in WINDOWS:
        count = int(np.argmax(steps > window))
        if count <= limit:
            break
    return float(min(steps[count], 1.0)), count


def _eigenspace(rho: Letters, target: Letters, start: _Start) -> np.ndarray:
    """``(n, w)``: an orthonormal basis that contains all vectors of V that rho's eigenvector can go to."""
    (_, own), (matrix, wide) = rho.element(start.element), target.element(start.element)
    assert own is not None
    value = own[0][start.column]
    if wide is None:
        return null_space(matrix - value * np.eye(target.dim), what="an eigenspace").basis
    order = np.argsort(np.abs(wide[0] - value), kind="stable")
    return wide[1][:, order[: start.width]]


def intertwiners(irrep: Representation, rho: Letters, target: Letters, bound: int) -> np.ndarray:
    r"""``(n, d, k)``: a basis of Hom(rho, V), Frobenius-orthonormal, in no particular gauge.

    Args:
        irrep: the irrep, in coordinates that make the elements symmetric.
        rho, target: letters of the irrep and of V.
        bound: an upper bound of the multiplicity times the dimension of the commutant.

    Raises:
        NotCertified: the number of intertwiners cannot be decided.
    """
    problem: NotCertified | None = None
    for start in _starts(rho, target, bound):
        try:
            space = _eigenspace(rho, target, start)
            if not space.shape[1]:
                return np.zeros((target.dim, irrep.dim, 0))
            spectrum = rho.element(start.element)[1]
            assert spectrum is not None
            frame, images = _spin(rho, target, spectrum[1][:, start.column], space)
            return _solve(rho, target, frame, images)
        except NotCertified as error:
            problem = problem or error
    assert problem is not None
    raise problem


def _spin(rho: Letters, target: Letters, v: np.ndarray, space: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """An orthonormal frame ``(d, d)`` of rho, and ``(d, n, w)``: where the frame goes when v goes to a vector of
    ``space``.

    Each new vector is the one that reaches furthest out of the span so far: rounding then grows least. (Which frame
    it is does not matter: Hom is the same space.)
    """
    basis, images = v[None], space[None]
    pool = np.zeros((0, rho.dim))  # what the generators make of the frame, scaled to norm 1, outside the span
    made: list[tuple[int, int, float]] = []
    while len(basis) < rho.dim:
        k = len(basis) - 1
        moved = np.array([s @ basis[k] for s in rho.generators])
        sizes = np.linalg.norm(moved, axis=1)
        made += [(i, k, max(1.0, float(size))) for i, size in enumerate(sizes)]
        pool = np.concatenate([pool, moved / np.maximum(sizes, 1.0)[:, None]])
        pool = pool - (pool @ basis.T) @ basis
        reach = np.linalg.norm(pool, axis=1)
        best = int(np.argmax(reach))
        if reach[best] < REACH:
            raise NotCertified(
                "A representation that should be irreducible is not.", {"dim": rho.dim}, "Check the irreps."
            )
        generator, source, size = made[best]
        vector = rho.generators[generator] @ basis[source] / size
        share = basis @ vector
        rest = vector - share @ basis
        again = basis @ rest
        rest, share = rest - again @ basis, share + again
        length = float(np.linalg.norm(rest))
        image = (target.generators[generator] @ images[source] / size - np.tensordot(share, images, 1)) / length
        basis, images = np.concatenate([basis, rest[None] / length]), np.concatenate([images, image[None]])
    return basis.T, images


def _solve(rho: Letters, target: Letters, frame: np.ndarray, images: np.ndarray) -> np.ndarray:
    """The starts w for which V(s) T = T rho(s) holds on all generators, as maps ``(n, d, k)``."""
    d, n, w = images.shape
    rows, scales = [np.zeros((1, w))], [1.0]
    for s, t in zip(rho.generators, target.generators, strict=True):
        inner = frame.T @ s @ frame
        rows.append((np.matmul(t, images) - np.tensordot(inner.T, images, 1)).reshape(d * n, w))
        scales.append(max(1.0, float(np.abs(t).max()), float(np.abs(s).max())))
    equations = np.concatenate([row / scale for row, scale in zip(rows, scales, strict=True)])
    starts = _kernel(equations)
    maps = np.einsum("dnw,wk,ed->nek", images, starts, frame)
    return np.linalg.qr(maps.reshape(n * d, -1))[0].reshape(n, d, -1)


def _kernel(equations: np.ndarray) -> np.ndarray:
    """The kernel of equations of size 1; wider than rounding, for images that a user gives to nine decimals."""
    _, values, vh = np.linalg.svd(np.linalg.qr(equations, mode="r"))
    values = np.concatenate([values, np.zeros(equations.shape[1] - len(values))])
    rank = int((values > ZERO * max(1.0, values.max(initial=0.0))).sum())
    if 0 < rank < len(values) and values[rank - 1] < GAP * values[rank]:
        raise NotCertified(
            "The number of maps from an irrep cannot be decided: no gap between zero and non-zero singular values.",
            {"largest zero": f"{values[rank]:.2e}", "smallest non-zero": f"{values[rank - 1]:.2e}"},
            "Give images of the generators to more decimals, or in better coordinates.",
        )
    return vh[rank:].T


def canonical_maps(irrep: Irrep, maps: np.ndarray) -> np.ndarray:
    r"""``(n, d, m)``: the canonical copies of an irrep, :math:`T_a / \sqrt{d}` Frobenius-orthonormal.

    The basis of Hom(rho, V) is that of :func:`equilayers.numerics.canonical_basis_commuting`: a function of the
    space alone, with T and T J deflated together. Isometries where V is orthogonal.

    Args:
        maps: ``(n, d, m * end_dim)``, any orthonormal basis of Hom(rho, V).
    """
    n, d, k = maps.shape
    flat = maps.reshape(n * d, k)
    units = []
    for endomorphism in irrep.endomorphisms[1:]:
        moved = np.einsum("nek,ed->ndk", maps, endomorphism).reshape(n * d, k)
        units.append((flat.T @ moved).T)
    basis = canonical_basis_commuting(flat, units)[:, :: irrep.end_dim]
    return _clean(np.sqrt(d) * basis).reshape(n, d, -1)


def _clean(matrix: np.ndarray) -> np.ndarray:
    """Entries that are -1, 0 or 1 up to rounding become that: permutations and signs come out exact."""
    nearest = np.clip(np.round(matrix), -1.0, 1.0)
    return np.where(np.abs(matrix - nearest) < SNAP, nearest, matrix) + 0.0


def orthonormalised(matrix: np.ndarray) -> np.ndarray:
    """The nearest orthogonal matrix to one that is nearly so, which intertwines where that does; another one as it
    is.
    """
    error = matrix.T @ matrix - np.eye(len(matrix))
    return _clean(matrix - matrix @ error / 2) if np.abs(error).max(initial=0.0) < NEARLY else matrix


def stack(copies: Sequence[np.ndarray]) -> np.ndarray:
    """``(n, n)``: the maps ``(n, d, m)`` of all irreps side by side, copies innermost."""
    return np.concatenate([block.reshape(len(block), -1) for block in copies], axis=1)
