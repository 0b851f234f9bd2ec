"""The invariant bilinear form of a representation: Euclidean, indefinite, symplectic, or none."""

from __future__ import annotations

from functools import reduce
from itertools import product

import numpy as np

from equilayers.errors import BadInput, BadRepresentation
from equilayers.intertwiners.solver import hom
from equilayers.numerics import canonical_basis, derived, hashed_numbers
from equilayers.representations import Representation, decompose
from equilayers.representations.algebra import Dual, Power, TensorProduct

__all__ = ["invariant_form"]

ZERO = 1e-8  # singular values of a form this small, relative to the largest, are its radical
SNAP = 1e-13  # entries this close to integers are meant to be that
SIGNS = {"symmetric": (1,), "skew": (-1,), "any": (1, -1)}


def invariant_form(V: Representation, symmetry: str = "symmetric") -> np.ndarray:
    r"""A bilinear form that the group keeps, :math:`V(g)^T F\, V(g) = F`.

    The identity where V is orthogonal, and positive definite for every compact group. Elsewhere it may be indefinite,
    as Minkowski's, or skew, as that of the symplectic groups, whose vectors have no other. Products, powers and duals
    have the forms that those of their factors induce, unless degenerate. What is left is solved for, as
    :math:`Hom(V, V^*)`: the member of highest rank, first in the canonical basis, with largest entry 1; so it is
    degenerate only where all are (a motion of space keeps only the last of its homogeneous coordinates). The form of a
    sum is the sum of forms.

    Args:
        V: a representation.
        symmetry: "symmetric", "skew", or "any": symmetric where a summand has such a form, else skew.

    Shapes:
        ``(dim, dim)`` float64.

    Raises:
        BadRepresentation: a summand has no form, or only one of the other symmetry.
        BadInput: an unknown symmetry.

    Example:
        >>> import equilayers as eq
        >>> V = eq.defining(eq.group("O(1,3)"))
        >>> invariant_form(V).diagonal().tolist(), invariant_form(V @ V).shape
        ([1.0, -1.0, -1.0, -1.0], (16, 16))

    Source: Goodman, Wallach, Symmetry, Representations, and Invariants (2009), section 1.1.
    """
    if symmetry not in SIGNS:
        values = {"symmetry": repr(symmetry)}
        raise BadInput("A bilinear form is symmetric or skew.", values, f"Give one of {list(SIGNS)}.")
    found = []
    for m, atom in V.terms:
        forms = (_of_atom(atom, sign) for sign in SIGNS[symmetry])
        form = next((form for form in forms if form is not None), None)
        if form is None:
            raise _no_form(atom, symmetry)
        found.append((m, form))
    return _sum_of(V, found)


def _no_form(atom: Representation, symmetry: str) -> BadRepresentation:
    values = {"representation": repr(atom)}
    if symmetry == "symmetric" and _of_atom(atom, -1) is not None:
        return BadRepresentation(
            "This representation has only a skew invariant form: no vector has a length.",
            values,
            'Use GatedActivation, or products of two different features; invariant_form(V, "skew") is the form.',
        )
    kind = "" if symmetry == "any" else f"{symmetry} "
    return BadRepresentation(
        f"There is no {kind}invariant product of two vectors of this representation.",
        values,
        "Use GatedActivation, which needs none; Bilinear and Attention pair V with V.dual where both are features.",
    )


def _sum_of(V: Representation, forms: list[tuple[int, np.ndarray]]) -> np.ndarray:
    out = np.zeros((V.dim, V.dim))
    for (m, form), where in zip(forms, V.slices, strict=True):
        out[where, where] = np.kron(form, np.eye(m))
    return out


@derived
def _of_atom(atom: Representation, sign: int) -> np.ndarray | None:
    if sign > 0 and atom.is_orthogonal:
        return np.eye(atom.dim)
    found = _induced(atom, sign)
    return _solved(atom, sign) if found is None or _rank(found) < atom.dim else found


def _induced(atom: Representation, sign: int) -> np.ndarray | None:
    """The form that those of the parts induce; None where they induce none."""
    if isinstance(atom, TensorProduct):
        for signs in product((1, -1), repeat=len(atom.factors)):
            if np.prod(signs) == sign:
                forms = [_of(factor, s) for factor, s in zip(atom.factors, signs, strict=True)]
                if all(form is not None for form in forms):
                    return np.array(reduce(np.kron, [form for form in forms if form is not None]))
    if isinstance(atom, Power):
        for s in (1, -1):
            form = _of(atom.of, s) if s**atom.k == sign else None
            if form is not None:
                return _on_power(atom, form)
    if isinstance(atom, Dual):
        form = _of(atom.of, sign)
        if form is not None and _rank(form) == atom.dim:
            return np.asarray(np.linalg.inv(form).T)
    return None


def _of(V: Representation, sign: int) -> np.ndarray | None:
    forms = []
    for m, atom in V.terms:
        form = _of_atom(atom, sign)
        if form is None:
            return None
        forms.append((m, form))
    return _sum_of(V, forms)


def _on_power(V: Power, form: np.ndarray) -> np.ndarray:
    moved = V.isometry.reshape(*(V.of.dim,) * V.k, V.dim)
    for leg in range(V.k):
        moved = np.moveaxis(np.tensordot(form, moved, (1, leg)), 0, leg)
    return np.asarray(V.isometry.T @ moved.reshape(-1, V.dim))


def _solved(atom: Representation, sign: int) -> np.ndarray | None:
    if sign > 0 and atom.group.is_compact:  # that of orthogonal coordinates
        into = np.asarray(decompose(atom).inverse)
        return _scaled(into.T @ into)
    members = hom(atom, atom.dual).basis()
    flat = ((members + sign * members.swapaxes(1, 2)) / 2).reshape(len(members), atom.dim**2)
    _, sizes, rows = np.linalg.svd(flat, full_matrices=False)
    basis = canonical_basis(rows[: int((sizes > 0.5).sum())].T)  # a projection: sizes are 0 or 1
    if not basis.shape[1]:
        return None
    mixed = basis @ hashed_numbers("invariant form", basis.shape[1])  # generic: of the highest rank there is
    forms = np.array([*basis.T, mixed]).reshape(-1, atom.dim, atom.dim)
    best = max(forms, key=_rank)  # the first of them
    return _scaled((best + sign * best.T) / 2)


def _rank(form: np.ndarray) -> int:
    return int(np.linalg.matrix_rank(form, tol=ZERO * np.abs(form).max(initial=1e-300)))


def _scaled(form: np.ndarray) -> np.ndarray:
    flat = form.ravel()
    peak = flat[int((np.abs(flat) > 0.99 * np.abs(flat).max()).argmax())]
    form = form / peak
    nearest = np.round(form)
    return np.where(np.abs(form - nearest) < SNAP, nearest, form) + 0.0
