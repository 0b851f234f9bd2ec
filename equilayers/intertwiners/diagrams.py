"""The diagrams between tensor powers of a classical group's vectors."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import Protocol

import numpy as np
from torch import Tensor

from equilayers.errors import BadGroup, BadInput, NotCertified, TooLarge
from equilayers.groups import Group
from equilayers.intertwiners.brauer import Forms, Pairing, independent, pairing_count, pairings, standard_forms
from equilayers.intertwiners.partitions import node_diagrams, partition_count
from equilayers.numerics import isolated
from equilayers.representations.constructors import defining

__all__ = ["Diagram", "determinants_fit", "diagrams", "kept_forms", "permutation_diagrams"]

SAME = 1e-9
DIAGRAM_LIMIT = 20_000


class Diagram(Protocol):
    """A map T(k) -> T(l) that is applied without its matrix.

    Example:
        >>> import equilayers as eq
        >>> d: Diagram = diagrams(eq.group("O(3)"), 2, 2)[0]
        >>> d.matrix(3).shape
        (9, 9)
    """

    @property
    def in_order(self) -> int: ...

    @property
    def out_order(self) -> int: ...

    def matrix(self, n: int) -> np.ndarray: ...

    def apply(self, x: Tensor) -> Tensor: ...


@isolated
def diagrams(G: Group, k: int, l: int) -> tuple[Diagram, ...]:
    r"""A basis of Hom(T(k), T(l)) between tensor powers of the defining representation, by diagrams.

    S_n: partitions of the k + l axes into at most n blocks. O(n), O(p,q), and SO where no determinant fits: pairings of
    the axes, (k+l-1)!! of them. Real symplectic: pairings with the skew form. U(n) and SU(n) on 2n real dimensions:
    pairings, each carrying 1 or i, (2m)!/m! for k + l = 2m; the quaternionic group: 1, i, j or k. For small n,
    where diagrams are dependent, the first independent ones, as many as an exact count demands.

    ``apply`` works on tensors in O(n^max(k, l)), and never forms a matrix.

    Raises:
        BadGroup: not one of these groups.
        NotCertified: invariants that pairings do not reach (determinants), or dependent diagrams with units.
        TooLarge: more than 20,000 diagrams.

    Example:
        >>> import equilayers as eq
        >>> [len(diagrams(eq.group(name), 2, 2)) for name in ("S5", "S2", "O(3)", "SU(5)", "O(1,3)")]
        [15, 8, 3, 12, 3]

    Source: Weyl, The Classical Groups (1939): first and second fundamental theorems; Jones, The Potts Model and the
    Symmetric Group (1994), for partitions.
    """
    if k < 0 or l < 0:
        raise BadInput("Orders are at least 0.", {"k": k, "l": l}, "Give diagrams(G, 2, 2).")
    if G.family == "symmetric":
        n = int(str(G.parameters[0]))
        _refuse_many(partition_count(k + l, n))
        return tuple(d for d in node_diagrams((0,) * k, (0,) * l) if d.blocks <= n)
    kind, n, forms = kept_forms(G)
    _require_no_determinants(G, n, k + l)
    count = pairing_count(kind, n, k + l)
    _refuse_many(count)
    if 2 * n >= k + l:
        return tuple(pairings(k, l, forms))
    if len(forms.units) > 1:
        raise NotCertified(
            "Diagrams with units are dependent at this dimension.",
            {"group": G, "k + l": k + l, "independent from": f"n = {(k + l + 1) // 2}"},
            "Use eq.hom(V, W).",
        )
    found = list(pairings(k, l, forms))
    if not found:
        return ()
    return tuple(found[i] for i in independent(found, n if kind == "orthogonal" else -2 * n, count))


@isolated
def permutation_diagrams(n: int, k: int) -> tuple[Pairing, ...]:
    r"""A basis over C of the maps of :math:`(C^n)^{\otimes k}` to itself that commute with U(n): permuted axes.

    For n < k those without a decreasing subsequence of n + 1 terms.

    Example:
        >>> [len(permutation_diagrams(n, 4)) for n in (1, 2, 3, 4)]
        [1, 14, 23, 24]

    Source: Procesi, A Note on the Formanek Weingarten Function (2021), section 2, for the basis at small n.
    """
    found = [p for p in permutations(range(k)) if _longest_decreasing(p) <= n]
    return tuple(Pairing(tuple((i, k + p[i]) for i in range(k)), k, k) for p in found)


def _longest_decreasing(p: Sequence[int]) -> int:
    best: list[int] = []
    for i, value in enumerate(p):
        best.append(1 + max((best[j] for j in range(i) if p[j] > value), default=0))
    return max(best, default=0)


def _refuse_many(count: int) -> None:
    if count > DIAGRAM_LIMIT:
        raise TooLarge(
            "This many diagrams are not listed.", {"diagrams": count, "limit": DIAGRAM_LIMIT}, "Use lower orders."
        )


_KINDS = {"O": "orthogonal", "SO": "orthogonal", "SU": "unitary", "U": "unitary", "USp": "quaternionic"}
_KINDS |= {"Sp": "symplectic", "O(p,q)": "orthogonal", "SO(p,q)": "orthogonal", "SO+(p,q)": "orthogonal"}


def _kind(G: Group) -> tuple[str, int]:
    """The kind of form, and n."""
    kind = _KINDS.get(G.family)
    dim = G.lie_basis.shape[-1] if kind else 0
    if kind is None or (kind == "symplectic" and G.is_compact):
        raise BadGroup(
            "Diagrams are known for the classical groups.",
            {"group": G, "known": "S_n, O(n), SO(n), O(p,q), SO(p,q), U(n), SU(n), Sp(2n)"},
            "Use eq.hom(V, W), which takes any group.",
        )
    if kind == "unitary" and G.parameters == (2,) and G.family == "SU":
        kind = "quaternionic"  # SU(2) is the quaternionic group of 1 x 1 matrices
    return kind, dim // {"orthogonal": 1, "quaternionic": 4}.get(kind, 2)


def kept_forms(G: Group) -> tuple[str, int, Forms]:
    """The kind of form, n, and the form and units in the group's own coordinates, compared with its generators.

    Raises:
        BadGroup: not a classical group.
        NotCertified: its generators do not keep what its name says.
    """
    kind, n = _kind(G)
    V = defining(G)
    forms = standard_forms(kind, V.dim)
    metric = getattr(G, "metric", None)
    if metric is not None:
        forms = Forms(forms.units, np.asarray(metric))
    elif kind == "symplectic":
        forms = Forms(forms.units, _skew_form(V.images.lie))
    lie, discrete = V.images.lie, V.images.discrete
    turned = discrete.swapaxes(1, 2)
    error = np.abs(lie.swapaxes(1, 2) @ forms.form + forms.form @ lie).max(initial=0.0)
    error = max(error, np.abs(turned @ forms.form @ discrete - forms.form).max(initial=0.0))
    for unit in forms.units:
        error = max(error, *(np.abs(m @ unit - unit @ m).max(initial=0.0) for m in (lie, discrete)))
    if error > SAME:
        raise NotCertified(
            "The generators of this group do not keep the forms of its name.",
            {"group": G, "kind": kind, "error": f"{error:.1e}"},
            "Use eq.hom(V, W), which takes any coordinates.",
        )
    return kind, n, forms


def _skew_form(lie: np.ndarray) -> np.ndarray:
    """The one form that the Lie algebra keeps, its first large entry 1."""
    d = lie.shape[-1]
    left = np.einsum("gji,kl->gikjl", lie, np.eye(d))  # a^T F, and by exchange F a
    equations = (left + left.transpose(0, 2, 1, 4, 3)).reshape(-1, d * d)
    form = np.linalg.svd(equations, full_matrices=False)[2][-1].reshape(d, d)
    entries = form.ravel()
    return np.asarray(form / entries[int((np.abs(entries) > 0.5 * np.abs(entries).max()).argmax())])


def determinants_fit(G: Group, n: int, axes: int) -> bool:
    """Whether a group of determinant 1 has invariants of so many axes that no pairing reaches."""
    steps: tuple[int, ...] = {"SO": (n,), "SO(p,q)": (n,), "SO+(p,q)": (n,)}.get(G.family, ())
    if G.family == "SU" and n > 1:
        steps = tuple(range(n, axes + 1, n))
    return any(step <= axes and (axes - step) % 2 == 0 for step in steps)


def _require_no_determinants(G: Group, n: int, axes: int) -> None:
    """Groups of determinant 1 have more invariants, where a determinant fits among the axes."""
    if determinants_fit(G, n, axes):
        raise NotCertified(
            "Determinants are invariants of this group beside the diagrams.",
            {"group": G, "k + l": axes},
            f"Use eq.hom(V, W), which finds all of them; for n > {axes} there are none.",
        )
