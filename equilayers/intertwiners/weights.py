r"""Invariants of a reductive Lie algebra in a tensor product: vectors of weight zero that all raising operators kill.

In finite dimension such a vector spans a highest-weight module of weight zero, which is trivial. Their number is known
beforehand from weight multiplicities, as the constant term of :math:`\chi \prod_{\alpha > 0} (1 - e^{-\alpha})`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from equilayers.errors import NotCertified, TooLarge
from equilayers.groups import Group
from equilayers.intertwiners.cartan import Cartan, cartan
from equilayers.intertwiners.legs import Leg, apply_matrix, total_size
from equilayers.numerics import hashed_numbers, iterative_null_space

__all__ = ["lie_invariants"]

SIZE_LIMIT = 20_000_000  # index tuples
ZERO_LIMIT = 4000  # vectors of weight zero up to which their Gram matrix is written down
ENTRY_LIMIT = 60_000_000  # entries of the answer
COUNTED_ROOTS = 12  # positive roots up to which subsets are summed
CONDITION = 1e5
ITERATED = 100  # vectors of weight zero from which inverse iteration is faster than all eigenvalues


@dataclass(frozen=True, eq=False)
class WeightLeg:
    """A leg in weight vectors: ``basis`` ``(d, d)`` in columns, ``weights`` ``(d,)``, ``raising`` ``(r, d, d)``."""

    basis: np.ndarray
    weights: np.ndarray
    raising: np.ndarray
    unitary: bool


def lie_invariants(group: Group, legs: Sequence[Leg]) -> tuple[np.ndarray, str, str] | None:
    """``(n, k)`` orthonormal real invariants, certificate, reason for emptiness; None where the route does not apply.

    Raises:
        NotCertified: the count by weights disagrees with the null space.
        TooLarge: too many index tuples, or too many maps.
    """
    data = cartan(group)
    if data is None:
        return None
    known: dict[tuple[object, ...], WeightLeg | None] = {}
    found = []
    for leg in legs:
        if leg.key not in known:
            known[leg.key] = _diagonalise(leg, data)
        diagonal = known[leg.key]
        if diagonal is None:
            return None
        found.append(diagonal)
    n = total_size(legs)
    if n > SIZE_LIMIT:
        raise TooLarge(
            "The weights of this many index tuples are not listed.",
            {"dimensions": " x ".join(str(leg.dim) for leg in legs), "tuples": n},
            "Decompose the representations first: eq.decompose(V).rep.",
        )
    weights = np.zeros(1, dtype=complex)
    for w in found:
        weights = (weights[:, None] + w.weights).reshape(-1)
    largest_root = float(np.abs(data.positive).max(initial=0.0))
    scale = max(1e-300, sum(float(np.abs(w.weights).max()) for w in found), largest_root)
    count = _count(weights, data, scale)
    zero = np.flatnonzero(np.abs(weights) <= 1e-9 * scale)
    certificate = "gap" if count is None else "counted"
    if not len(zero) or count == 0:
        reason = f"of the {n} weights of W (x) V*, {len(zero)} are zero, and the count by weights is 0: no common irrep"
        return np.zeros((n, 0)), certificate, reason
    if count is not None and n * count > ENTRY_LIMIT:
        raise TooLarge(
            "This space of maps is not written out.",
            {"maps": count, "numbers": n * count, "memory": f"{n * count * 8 / 1e9:.1f} GB"},
            "Decompose the representations first: eq.decompose(V).rep.",
        )
    if len(zero) <= ZERO_LIMIT:
        coefficients = _killed(_operator(found, zero), len(zero), count)
    else:
        coefficients = _killed_by_iteration(found, zero, count, n)
    k = coefficients.shape[1]
    vectors = np.zeros((n, k), dtype=complex)
    vectors[zero] = coefficients
    vectors = apply_matrix([w.basis for w in found], vectors)
    if not all(w.unitary for w in found):
        vectors = np.linalg.qr(vectors)[0]
    reason = f"none of the {len(zero)} vectors of weight zero is killed by the raising operators"
    return _real(vectors), certificate, reason


def _diagonalise(leg: Leg, data: Cartan) -> WeightLeg | None:
    basis: np.ndarray
    weights: np.ndarray
    inverse: np.ndarray
    element = np.tensordot(data.element, leg.lie, 1)
    scale = max(1e-300, float(np.abs(element).max()))
    if float(np.abs(element).max()) < 1e-13:
        inverse, basis, weights, unitary = np.eye(leg.dim), np.eye(leg.dim), np.zeros(leg.dim), True
    elif np.abs(element + element.conj().T).max() < 1e-10 * scale:
        values, basis = np.linalg.eigh(-1j * element)
        weights, inverse, unitary = 1j * values, basis.conj().T, True
    else:
        weights, basis = np.linalg.eig(element)
        if np.linalg.cond(basis) > CONDITION:
            return None  # an abelian part that is not semisimple
        inverse, unitary = np.linalg.inv(basis), False
    raising = inverse @ np.tensordot(data.raising, leg.lie, 1) @ basis
    gained = weights[:, None] - weights[None, :]
    tolerance = 1e-7 * (scale + np.abs(data.simple).max(initial=0.0)) * leg.dim
    allowed = np.abs(gained[None] - data.simple[:, None, None]) < tolerance
    raising = np.where(allowed, raising, 0)
    raising[np.abs(raising) < 1e-11 * max(1e-300, np.abs(raising).max(initial=0.0))] = 0
    phases = _phases(raising)
    raising = raising * phases[None, None, :] / phases[None, :, None]
    if np.abs(raising.imag).max(initial=0.0) < 1e-11 * max(1.0, np.abs(raising).max(initial=0.0)):
        raising = raising.real
    return WeightLeg(basis * phases, np.asarray(weights, dtype=complex), raising, unitary)


def _phases(raising: np.ndarray) -> np.ndarray:
    """Unit phases of the basis that make raising operators real along a spanning tree: real arithmetic is faster."""
    size = raising.shape[-1]
    phases = np.zeros(size, dtype=complex)
    entries = np.argwhere(raising != 0)
    for start in range(size):
        if phases[start] != 0:
            continue
        phases[start], stack = 1.0, [start]
        while stack:
            here = stack.pop()
            for a, i, j in entries[(entries[:, 1] == here) | (entries[:, 2] == here)]:
                value = raising[a, i, j] / abs(raising[a, i, j])
                if phases[i] == 0:
                    phases[i] = value * phases[j]
                    stack.append(int(i))
                elif phases[j] == 0:
                    phases[j] = phases[i] / value
                    stack.append(int(j))
    return phases


def _count(weights: np.ndarray, data: Cartan, scale: float) -> int | None:
    """Constant term of the character times the product over positive roots; None where there are too many of those."""
    if len(data.positive) > COUNTED_ROOTS:
        return None
    shifts, signs = np.zeros(1, dtype=complex), np.ones(1, dtype=np.int64)
    for root in data.positive:
        shifts, signs = np.concatenate([shifts, shifts + root]), np.concatenate([signs, -signs])
    line = np.exp(0.7j)  # one generic real coordinate sorts the weights; equality is then checked on the complex values
    order = np.argsort((weights * line).real, kind="stable")
    sorted_line = (weights * line).real[order]
    tolerance = 1e-8 * scale
    total = 0
    for shift, sign in zip(shifts, signs, strict=True):
        at = (shift * line).real
        low, high = np.searchsorted(sorted_line, [at - tolerance, at + tolerance])
        near = np.abs(weights[order[low:high]] - shift)
        if ((near > tolerance) & (near < 100 * tolerance)).any():
            return None
        total += int(sign) * int((near <= tolerance).sum())
    return total


def _raised(legs: Sequence[WeightLeg], zero: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """For each simple root, its raising operator on the vectors of weight zero: rows, columns and entries."""
    dims = tuple(len(leg.weights) for leg in legs)
    digits = np.unravel_index(zero, dims)
    strides = np.cumprod([1, *dims[:0:-1]])[::-1]
    for root in range(len(legs[0].raising)):
        columns, targets, values = [], [], []
        for leg, digit, stride in zip(legs, digits, strides, strict=True):
            for i, j in np.argwhere(leg.raising[root] != 0):
                where = np.flatnonzero(digit == j)
                columns.append(where)
                targets.append(zero[where] + (i - j) * stride)
                values.append(np.full(len(where), leg.raising[root, i, j]))
        if columns:
            rows = np.unique(np.concatenate(targets), return_inverse=True)[1]
            yield rows, np.concatenate(columns), np.concatenate(values)


def _operator(legs: Sequence[WeightLeg], zero: np.ndarray) -> np.ndarray:
    """Gram matrix of the simple raising operators on the vectors of weight zero."""
    dtype = complex if any(np.iscomplexobj(leg.raising) for leg in legs) else float
    gram = np.zeros((len(zero), len(zero)), dtype=dtype)
    for rows, columns, values in _raised(legs, zero):
        order = np.argsort(rows, kind="stable")
        rows, columns, values = rows[order], columns[order], values[order]
        np.add.at(gram, (columns, columns), (values.conj() * values))
        for shift in range(1, int(np.bincount(rows).max())):  # pairs of entries of one row, the matrix being sparse
            pair = np.flatnonzero(rows[shift:] == rows[:-shift])
            left, right = columns[pair], columns[pair + shift]
            products = values[pair].conj() * values[pair + shift]
            np.add.at(gram, (left, right), products)
            np.add.at(gram, (right, left), products.conj())
    return gram


def _killed_by_iteration(legs: Sequence[WeightLeg], zero: np.ndarray, count: int | None, n: int) -> np.ndarray:
    """As :func:`_killed`, where the Gram matrix is too large to be written down."""
    from scipy import sparse  # paid where a space is this large

    matrices = []
    for rows, columns, values in _raised(legs, zero):
        matrices.append(sparse.csr_array((values, (rows, columns)), shape=(rows.max() + 1, len(zero))))
    raising = sparse.csr_array(sparse.vstack(matrices))
    lowering = sparse.csr_array(raising.conj().T)
    return iterative_null_space(
        lambda block: lowering @ (raising @ block),
        len(zero),
        count=count,
        widest=ENTRY_LIMIT // n,
        what="the space of maps",
    ).basis


def _killed(gram: np.ndarray, size: int, count: int | None) -> np.ndarray:
    """The null space of the Gram matrix; its eigenvalues are squares, so zero is below 1e-12 of the largest."""
    if count is not None and size >= ITERATED and 4 * count <= size:
        vectors = _by_inverse_iteration(gram, count)
        if vectors is not None:
            return vectors
    if not gram.any():
        values, vectors = np.zeros(size), np.eye(size)
    else:
        values, vectors = np.linalg.eigh(gram)
        values = np.abs(values) / np.abs(values).max()
    found = int((values < 1e-12).sum()) if count is None else count
    edge = values[found] if 0 <= found < size else np.inf
    if not 0 <= found <= size or edge < 1e-9 or values[:found].max(initial=0.0) > 1e-12:
        raise NotCertified(
            "The raising operators do not kill as many vectors of weight zero as the weights say.",
            {"counted": count, "vectors of weight zero": size, "eigenvalue above the cut": f"{edge:.2e}"},
            "Give the representation in better coordinates.",
        )
    return vectors[:, :found]


def _by_inverse_iteration(gram: np.ndarray, count: int) -> np.ndarray | None:
    """A null space of known dimension without eigenvalues: ``count`` orthonormal vectors that are killed, or None."""
    scale = float(np.abs(gram).sum(1).max())
    shifted = gram / scale + 1e-12 * np.eye(len(gram))
    vectors = sliding_window_view(hashed_numbers("killed", len(gram) + count - 1), count)  # any full rank will do
    for _ in range(2):
        vectors = np.linalg.qr(np.linalg.solve(shifted, vectors))[0]
    killed = np.linalg.norm(gram @ vectors, 2) / scale if count else 0.0
    return np.asarray(vectors) if killed < 1e-13 else None


def _real(vectors: np.ndarray) -> np.ndarray:
    """A real orthonormal basis of a complex space that complex conjugation keeps."""
    k = vectors.shape[1]
    stacked = np.concatenate([vectors.real, vectors.imag], 1)
    values, mixing = np.linalg.eigh(stacked.T @ stacked)  # exactly ones and zeros
    if np.abs(values[k:] - 1).max(initial=0.0) > 1e-7 or np.abs(values[:k]).max(initial=0.0) > 1e-7:
        raise NotCertified(
            "The invariants are not closed under complex conjugation.",
            {"maps": k, "eigenvalues": values.round(6)},
            "Check the Lie images of the representation.",
        )
    return np.asarray(stacked @ mixing[:, k:])
