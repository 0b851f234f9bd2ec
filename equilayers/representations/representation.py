"""The contract of a representation: matrices that multiply as the group does, immutable and equal by value."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import BadInput
from equilayers.groups import FiniteGroup, Group
from equilayers.numerics import Shelf, derived_property, described

__all__ = ["Images", "Irrep", "Representation", "apply_matrices", "unit_matrices"]

TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False)
class Images:
    """Images of the Lie basis, ``lie`` ``(k, d, d)``, and of the discrete generators, ``discrete`` ``(m, d, d)``.

    Example:
        >>> import equilayers as eq
        >>> images = eq.defining(eq.group("O(3)")).images
        >>> images.lie.shape, images.discrete.shape
        ((3, 3, 3), (1, 3, 3))
    """

    lie: np.ndarray
    discrete: np.ndarray

    def __post_init__(self) -> None:
        for name in ("lie", "discrete"):
            array = np.array(getattr(self, name), dtype=np.float64)
            array.setflags(write=False)
            object.__setattr__(self, name, array)


class Representation(ABC):
    r"""A homomorphism into matrices, :math:`V(gh) = V(g) V(h)`.

    Algebra: ``V + W`` (direct sum, order kept), ``m * V`` (m copies, copies innermost: ``kron(V(g), I_m)``), ``V @ W``
    (tensor product, first factor slow), ``V.dual``, ``V.sym(k)``, ``V.alt(k)``. Equality is structural, on a normal
    form in which equal matrices by construction are equal objects: ``m * (V + W) == m * V + m * W``. But
    ``V + V != 2 * V``: their copies are ordered differently; :func:`equilayers.isomorphism` converts.

    Example:
        >>> import equilayers as eq
        >>> V = eq.defining(eq.group("D4"))
        >>> (2 * V + V @ V).dim, 2 * (V + V) == 2 * V + 2 * V, V + V == 2 * V
        (8, True, False)
    """

    group: Group
    dim: int
    key: tuple[Any, ...]
    name: str

    @abstractmethod
    def __call__(self, g: Tensor) -> Tensor:
        """``(*b, dim, dim)`` float64 matrices of elements ``(*b, *element_shape)``."""

    @abstractmethod
    def _images(self) -> Images: ...

    @derived_property
    def images(self) -> Images:
        """Matrices of the group's generators: what every solver works on."""
        return self._images()

    def derivative(self, coefficients: Tensor) -> Tensor:
        """``(*b, dim, dim)``: the image of the element with coefficients ``(*b, lie_dim)`` in ``group.lie_basis``."""
        lie = torch.tensor(self.images.lie, dtype=coefficients.dtype, device=coefficients.device)
        return torch.einsum("...k,kij->...ij", coefficients, lie)

    # Values

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Representation) and self.key == other.key)

    def __hash__(self) -> int:
        return self._hash

    @derived_property
    def _hash(self) -> int:
        return hash(self.key)

    def __deepcopy__(self, memo: dict[int, object]) -> Representation:
        return self  # immutable

    def __getstate__(self) -> dict[str, Any]:
        """The description alone: whatever is derived from it is derived again."""
        return described(self)

    @property
    def shelf(self) -> Shelf:
        """Where values derived from this representation are kept: its group's."""
        return self.group.shelf

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"{self.name} of {self.group}, dim {self.dim}"

    # Facts, decided on the generators

    @derived_property
    def is_orthogonal(self) -> bool:
        """Every matrix is orthogonal: discrete images are, and Lie images are skew."""
        lie, discrete = self.images.lie, self.images.discrete
        skew = np.abs(lie + lie.swapaxes(1, 2)).max(initial=0.0)
        orthogonal = np.abs(discrete @ discrete.swapaxes(1, 2) - np.eye(self.dim)).max(initial=0.0)
        return bool(max(skew, orthogonal) < TOLERANCE)

    @derived_property
    def is_monomial(self) -> bool:
        """Every matrix is a signed permutation, and the Lie algebra acts by zero."""
        d = np.abs(self.images.discrete)
        exact = (np.abs(d - np.round(d)) < TOLERANCE).all() and np.abs(self.images.lie).max(initial=0.0) < TOLERANCE
        rounded = np.round(d)
        return bool(exact and (rounded.sum(1) == 1).all() and (rounded.sum(2) == 1).all())

    @derived_property
    def is_permutation(self) -> bool:
        """Every matrix is a permutation, decided on the matrices and not on a name."""
        return self.is_monomial and bool((self.images.discrete > -TOLERANCE).all())

    @derived_property
    def is_trivial(self) -> bool:
        """Every matrix is the identity."""
        moved = np.abs(self.images.discrete - np.eye(self.dim)).max(initial=0.0)
        return bool(max(moved, np.abs(self.images.lie).max(initial=0.0)) < TOLERANCE)

    # As an action on the last axis

    def transform(self, g: Tensor, x: Tensor) -> Tensor:
        """Act on the last axis of ``x``: one element on all of it, a batch of elements pairwise on its leading axis."""
        if x.shape[-1] != self.dim:
            raise BadInput(
                "The last axis must be acted on by the representation.",
                {"representation": repr(self), "input": tuple(x.shape)},
                f"Give (*batch, {self.dim}).",
            )
        return apply_matrices(self(g), x)

    def sample_input(
        self, n: int, generator: torch.Generator | None = None, dtype: torch.dtype | None = None
    ) -> Tensor:
        """``(n, dim)`` standard normal inputs."""
        return torch.randn(n, self.dim, generator=generator, dtype=dtype)

    # Algebra

    @property
    def terms(self) -> tuple[tuple[int, Representation], ...]:
        """Multiplicities and atoms, in the order written: ``V`` is the direct sum of ``m * atom``."""
        return ((1, self),)

    @derived_property
    def slices(self) -> tuple[slice, ...]:
        """Where each term lies on the axis."""
        ends = np.cumsum([0, *(m * atom.dim for m, atom in self.terms)])
        return tuple(slice(int(a), int(b)) for a, b in pairwise(ends))

    def __add__(self, other: Representation) -> Representation:
        from equilayers.representations.algebra import direct_sum

        return direct_sum(self, other)

    def __rmul__(self, multiplicity: int) -> Representation:
        from equilayers.representations.algebra import copies

        return copies(multiplicity, self)

    def __matmul__(self, other: Representation) -> Representation:
        from equilayers.representations.algebra import tensor

        return tensor(self, other)

    @property
    def dual(self) -> Representation:
        r"""The dual, :math:`g \mapsto V(g)^{-T}`; the representation itself where it is orthogonal."""
        from equilayers.representations.algebra import dual

        return dual(self)

    def sym(self, k: int) -> Representation:
        """The symmetric power, in orthonormal monomials of lexicographic order."""
        from equilayers.representations.algebra import power

        return power(self, k, "sym")

    def alt(self, k: int) -> Representation:
        """The alternating power, in orthonormal wedges of lexicographic order."""
        from equilayers.representations.algebra import power

        return power(self, k, "alt")


def apply_matrices(matrices: Tensor, x: Tensor) -> Tensor:
    """``(d, d)`` on all of ``x``, or ``(n, d, d)`` pairwise on its leading axis; the last axis is acted on."""
    matrices = matrices.to(dtype=x.dtype, device=x.device)
    if matrices.ndim == 2:
        return x @ matrices.mT
    if matrices.ndim != 3 or x.ndim < 2 or matrices.shape[0] != x.shape[0]:
        raise BadInput(
            "A batch of elements acts pairwise on the leading axis.",
            {"elements": tuple(matrices.shape[:-2]), "input": tuple(x.shape)},
            "Give one element, or as many as the input has rows.",
        )
    return torch.einsum("nij,n...j->n...i", matrices, x)


def unit_matrices(count: int) -> np.ndarray:
    """``(c, c, c)``: right multiplications by 1, i(, j, k) on R, C or H in the basis 1, i(, j, k); identity first."""
    if count == 1:
        return np.ones((1, 1, 1))
    if count == 2:
        return np.array([[[1.0, 0.0], [0.0, 1.0]], [[0.0, -1.0], [1.0, 0.0]]])
    i = [[0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, -1, 0]]
    j = [[0, 0, -1, 0], [0, 0, 0, -1], [1, 0, 0, 0], [0, 1, 0, 0]]
    k = [[0, 0, 0, -1], [0, 0, 1, 0], [0, -1, 0, 0], [1, 0, 0, 0]]
    return np.array([np.eye(4), i, j, k], dtype=np.float64)


class Irrep(Representation):
    """A real irreducible representation, in its canonical form.

    ``type`` is "real", "complex" or "quaternionic": its commutant is R, C or H, of dimension ``end_dim`` 1, 2 or 4,
    spanned by ``endomorphisms`` ``(end_dim, dim, dim)``: the fixed unit matrices times the identity (identity first).

    Example:
        >>> import equilayers as eq
        >>> turn = eq.irrep(eq.group("C5"), "1")
        >>> turn.dim, turn.type, turn.end_dim
        (2, 'complex', 2)
    """

    label: str
    type: str

    def __init__(self, group: Group, label: str, type: str, dim: int) -> None:
        self.group, self.label, self.type, self.dim = group, label, type, dim
        self.key = (group.fingerprint, "irrep", label)
        self.name = label

    @staticmethod
    def from_images(group: Group, label: str, type: str, lie: np.ndarray, discrete: np.ndarray) -> Irrep:
        """The irrep of a finite group with these generator images."""
        return _FiniteIrrep(group, label, type, Images(lie, discrete))

    @staticmethod
    def from_function(
        group: Group, label: str, type: str, function: Callable[[Tensor], Tensor], lie: np.ndarray
    ) -> Irrep:
        """The irrep whose matrices ``function`` computes from batched elements, with its Lie images ``(k, d, d)``."""
        return _FunctionIrrep(group, label, type, function, lie)

    @property
    def end_dim(self) -> int:
        return {"real": 1, "complex": 2, "quaternionic": 4}[self.type]

    @derived_property
    def endomorphisms(self) -> np.ndarray:
        units = unit_matrices(self.end_dim)
        return np.array([np.kron(unit, np.eye(self.dim // self.end_dim)) for unit in units])


class _FiniteIrrep(Irrep):
    def __init__(self, group: Group, label: str, type: str, images: Images) -> None:
        super().__init__(group, label, type, images.discrete.shape[-1])
        self._given = images

    def _images(self) -> Images:
        return self._given

    def __call__(self, g: Tensor) -> Tensor:
        assert isinstance(self.group, FiniteGroup)
        return self.group.chain.evaluate(self._given.discrete, self.group.to_permutation(g))


class _FunctionIrrep(Irrep):
    def __init__(
        self, group: Group, label: str, type: str, function: Callable[[Tensor], Tensor], lie: np.ndarray
    ) -> None:
        super().__init__(group, label, type, lie.shape[-1])
        self._function, self._lie = function, lie

    def _images(self) -> Images:
        return Images(self._lie, self(self.group.discrete_generators).numpy().reshape(-1, self.dim, self.dim))

    def __call__(self, g: Tensor) -> Tensor:
        return self._function(g)
