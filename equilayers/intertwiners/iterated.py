"""Invariants in spaces of up to a million dimensions, where the equations can be applied but not written down."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np

from equilayers.errors import TooLarge
from equilayers.groups import Group
from equilayers.intertwiners.graded import graded_blocks
from equilayers.intertwiners.legs import Leg, apply_derivative, apply_matrix, total_size
from equilayers.numerics import iterative_null_space, null_space

__all__ = ["ENTRY_LIMIT", "generating_part", "iterated_invariants"]

ENTRY_LIMIT = 60_000_000  # entries of a block of vectors (480 MB; a few of them are held at once)
SPARSE_LIMIT = 100_000_000  # entries of all equations as sparse matrices
DENSE = 1200  # unknowns of a block up to which its equations are decomposed
ROUNDING = 1e-14  # entries of equations, scaled to norm 1, that are zero
WHAT = "Hom(V, W)"


def iterated_invariants(legs: Sequence[Leg], count: int | None = None) -> np.ndarray:
    r"""``(n, k)`` orthonormal invariants: the null space of the sum of :math:`D_i^T D_i`, by filtered iteration.

    One equation :math:`D` for each generator: its derivative, or its matrix minus one. Lie generators that follow from
    the brackets of others are left out; the residual of the answer is taken over all of them. Where a grading splits
    the unknowns, each of its parts is solved on its own, small ones densely.

    Args:
        legs: the factors.
        count: the number of invariants, where characters or weights tell it.

    Raises:
        NotCertified: no gap, or another number than counted.
        TooLarge: the invariants do not fit in memory.
    """
    n, lie = total_size(legs), generating_part(legs[0].rep.group)
    widest = max(1, ENTRY_LIMIT // n)
    blocks = [] if count is not None else graded_blocks(legs, lie)
    if len(blocks) > 1 and _entries(legs, lie) <= SPARSE_LIMIT:
        return _by_blocks(_sparse_equations(legs, lie), blocks, widest)
    equations = [_derivative([leg.lie[i] for leg in legs]) for i in lie]
    equations += [_moved([leg.discrete[i] for leg in legs]) for i in range(len(legs[0].discrete))]

    def gram(block: np.ndarray) -> np.ndarray:
        return sum((transposed(apply(block)) for apply, transposed in equations), np.zeros_like(block))

    return iterative_null_space(gram, n, count=count, widest=widest, what=WHAT).basis


def _by_blocks(equations: Any, blocks: Sequence[np.ndarray], widest: int) -> np.ndarray:
    """The null space of sparse equations whose Gram matrix has these blocks.

    Raises:
        TooLarge: more than ``widest`` vectors.
    """
    found: list[tuple[np.ndarray, np.ndarray]] = []
    for block in blocks:
        part = equations[:, block].tocsr()
        part = part[np.flatnonzero(np.diff(part.indptr))]
        if len(block) <= DENSE:
            vectors = null_space(part.toarray(), what=WHAT).basis
        else:
            vectors = _sparse_null_space(part, widest)
        found.append((block, vectors))
        widest -= vectors.shape[1]
        if widest < 0:
            raise TooLarge(
                f"{WHAT} does not fit in memory.",
                {"dimension": f"at least {sum(v.shape[1] for _, v in found)}", "unknowns": equations.shape[1]},
                "Decompose the representations first: eq.decompose(V).rep.",
            )
    basis = np.zeros((equations.shape[1], sum(vectors.shape[1] for _, vectors in found)))
    start = 0
    for block, vectors in found:
        basis[block, start : start + vectors.shape[1]] = vectors
        start += vectors.shape[1]
    return basis


def _sparse_null_space(part: Any, widest: int) -> np.ndarray:
    turned = part.T.tocsr()
    n = part.shape[1]
    return iterative_null_space(lambda block: turned @ (part @ block), n, widest=max(1, widest), what=WHAT).basis


def _entries(legs: Sequence[Leg], lie: Sequence[int]) -> int:
    """How many numbers all equations hold at most as sparse matrices."""
    n = total_size(legs)
    count = sum(n // leg.dim * int(np.count_nonzero(leg.lie[i])) for leg in legs for i in lie)
    for i in range(len(legs[0].discrete)):
        count += n + math.prod(int(np.count_nonzero(leg.discrete[i])) for leg in legs)
    return count


def _sparse_equations(legs: Sequence[Leg], lie: Sequence[int]) -> Any:
    """All equations, one below the other, each over its size."""
    from scipy import sparse  # a quarter of a second, paid where a space is this large

    rows = [_kronecker_sum(_scaled([leg.lie[i] for leg in legs])) for i in lie]
    for i in range(len(legs[0].discrete)):
        factors = [sparse.csr_array(leg.discrete[i]) for leg in legs]
        full = reduce(lambda left, right: sparse.kron(left, right, format="csr"), factors)
        rows.append(
            (full - sparse.eye_array(full.shape[0]))
            / (1 + math.prod(float(np.linalg.norm(leg.discrete[i], 2)) for leg in legs))
        )
    equations = sparse.csc_array(sparse.vstack(rows))
    equations.data[np.abs(equations.data) < ROUNDING] = 0.0
    equations.eliminate_zeros()
    return equations


def _scaled(matrices: Sequence[np.ndarray]) -> list[np.ndarray]:
    size = max(1e-300, sum(float(np.linalg.norm(m, 2)) for m in matrices))
    return [m / size for m in matrices]


Pair = tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]]


def _derivative(matrices: Sequence[np.ndarray]) -> Pair:
    """``M_1 x 1 x ... + 1 x M_2 x ...`` and its transpose, over its size; as a sparse matrix where that is small."""
    matrices = _scaled(matrices)
    n = int(np.prod([len(m) for m in matrices]))
    if sum(np.count_nonzero(m) * (n // len(m)) for m in matrices) <= SPARSE_LIMIT:
        matrix = _kronecker_sum(matrices)
        transposed = matrix.T.tocsr()
        return (lambda block: matrix @ block), (lambda block: transposed @ block)
    turned = [m.T for m in matrices]
    return (lambda block: apply_derivative(matrices, block)), (lambda block: apply_derivative(turned, block))


def _kronecker_sum(matrices: Sequence[np.ndarray]) -> Any:
    from scipy import sparse  # a quarter of a second, paid where a space is this large

    dims = [len(m) for m in matrices]
    total = sparse.csr_array((int(np.prod(dims)),) * 2)
    for axis, matrix in enumerate(matrices):
        before, after = int(np.prod(dims[:axis])), int(np.prod(dims[axis + 1 :]))
        inner = sparse.kron(sparse.csr_array(matrix), sparse.eye_array(after), format="csr")
        total = total + sparse.kron(sparse.eye_array(before), inner, format="csr")
    return total


def _moved(matrices: Sequence[np.ndarray]) -> Pair:
    """``M_1 x M_2 x ... - 1`` and its transpose, over its size; factor by factor."""
    size = 1 + float(np.prod([np.linalg.norm(m, 2) for m in matrices]))
    turned = [m.T for m in matrices]
    return (
        lambda block: (apply_matrix(matrices, block) - block) / size,
        lambda block: (apply_matrix(turned, block) - block) / size,
    )


def generating_part(group: Group) -> tuple[int, ...]:
    """Indices of a part of the Lie basis whose brackets give the rest: none of them could be left out.

    Example:
        >>> import equilayers as eq
        >>> generating_part(eq.group("SO(4)"))
        (2, 4, 5)
    """
    constants = group.structure_constants
    kept = list(range(len(constants)))
    for i in range(len(constants)):
        fewer = [j for j in kept if j != i]
        if _closure_rank(constants, fewer) == len(constants):
            kept = fewer
    return tuple(kept)


def _closure_rank(constants: np.ndarray, chosen: Sequence[int]) -> int:
    """Dimension of the algebra that basis elements generate."""
    basis = np.eye(len(constants))[list(chosen)]
    while True:
        brackets = np.einsum("ai,bj,ijk->abk", basis, basis, constants).reshape(-1, len(constants))
        _, values, rows = np.linalg.svd(np.concatenate([basis, brackets]), full_matrices=False)
        rank = int((values > 1e-9 * max(values.max(initial=0.0), 1e-300)).sum())
        if rank <= len(basis):
            return len(basis)
        basis = rows[:rank]
