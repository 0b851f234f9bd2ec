"""The contract of a group: one description, from which everything else is derived."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from equilayers.errors import BadGroup, TooLarge
from equilayers.numerics import Keeper, Shelf, derived_property

if TYPE_CHECKING:
    from equilayers.groups.homomorphism import Homomorphism

__all__ = ["ALGORITHM_VERSION", "Generators", "Group"]

Arrays = Sequence[ArrayLike] | np.ndarray | Tensor
ALGORITHM_VERSION = 1  # raised whenever a shipped generator list or a canonical rule changes


def stacked(items: Arrays, what: str) -> np.ndarray:
    """Generators of one shape as one array of numbers; an empty array keeps its shape."""
    if isinstance(items, np.ndarray | Tensor) and len(items) == 0:
        return np.asarray(items)
    try:
        arrays = [np.asarray(item) for item in items]
    except (TypeError, ValueError) as problem:
        raise BadGroup(f"{what} generators must be arrays of numbers.", {"because": problem}, _SHAPES) from None
    if len({a.shape for a in arrays}) > 1:
        shapes = ", ".join(str(a.shape) for a in arrays)
        raise BadGroup(f"All {what} generators need one shape.", {"shapes": shapes}, "Embed them in one space.")
    array = np.array(arrays)
    if array.dtype.kind == "c":
        raise BadGroup(
            f"{what} generators must be real.",
            {"shape": array.shape},
            "Write complex matrices as [[Re, -Im], [Im, Re]].",
        )
    if array.dtype.kind not in "biuf":
        raise BadGroup(f"{what} generators must be arrays of numbers.", {"dtype": array.dtype}, _SHAPES)
    return array


_SHAPES = "Give (count, n, n) matrices, or (count, n) image arrays of permutations."


class Generators:
    """What a group is described by: a basis of its Lie algebra, and finitely many further elements.

    Args:
        lie: ``(k, n, n)`` matrices, a basis of a Lie algebra (brackets must close).
        discrete: ``(m, n, n)`` invertible matrices, or ``(m, n)`` integer image arrays of permutations.

    Example:
        >>> Generators(lie=[[[0.0, -1.0], [1.0, 0.0]]]).lie.shape
        (1, 2, 2)
    """

    lie: np.ndarray
    discrete: np.ndarray

    def __init__(self, lie: Arrays = (), discrete: Arrays = ()) -> None:
        lie, discrete = stacked(lie, "Lie algebra"), stacked(discrete, "discrete")
        if discrete.ndim == 2 and discrete.shape[1]:
            if (discrete != np.floor(discrete)).any():
                raise BadGroup(
                    "Permutations need integers.", {"discrete": discrete.tolist()}, "p[i] is the image of i."
                )
            discrete = discrete.astype(np.int64)
        sizes = {array.shape[-1] for array in (lie, discrete) if array.ndim > 1}
        size = max(sizes, default=0)
        lie = (lie if lie.size else np.zeros((0, size, size))).astype(np.float64)
        if not discrete.size and discrete.ndim != 2:
            discrete = np.zeros((0, size, size))
        if discrete.dtype != np.int64 or discrete.ndim != 2:
            discrete = discrete.astype(np.float64)
        for name, array in (("lie", lie), ("discrete", discrete)):
            square = array.ndim == 3 and array.shape[1] == array.shape[2]
            if not square and not (name == "discrete" and array.ndim == 2):
                raise BadGroup("Generators need square matrices.", {name: array.shape}, _SHAPES)
            if len(array) and array.shape[-1] != size:
                raise BadGroup("Generators need one size.", {"sizes": sorted(sizes)}, "Embed them in one space.")
            if not np.isfinite(array).all():
                raise BadGroup("Generators need finite entries.", {name: array.shape}, "Look for NaN or infinity.")
            array.setflags(write=False)
        self.lie, self.discrete = lie, discrete

    @property
    def digest(self) -> str:
        """Hash of the values to nine decimals, in the order given."""
        text = hashlib.sha256()
        for array in (self.lie, self.discrete):
            rounded = np.round(array, 9) + 0.0
            text.update(f"{array.shape}{array.dtype.kind}".encode() + rounded.tobytes())
        return text.hexdigest()


class Group(Keeper, ABC):
    """A symmetry. Subclass :class:`MatrixGroup`, :class:`PermutationGroup` or
    :class:`FiniteMatrixGroup` and write ``generators()``.

    An element is one tensor: an int64 image array, an int64 index, a float64 matrix, or for a product one packed
    float64 vector. Elements come in batches on leading axes. Groups are equal by value, through ``fingerprint``.

    Example:
        >>> from equilayers.groups import group
        >>> G = group("SO(3)")
        >>> g, h = G.sample(5), G.sample(5)
        >>> G.compose(g, h).shape, bool(G.equal(G.compose(g, G.inverse(g)), G.identity).all())
        (torch.Size([5, 3, 3]), True)
    """

    family = "custom"
    parameters: tuple[object, ...] = ()

    @abstractmethod
    def generators(self) -> Generators:
        """The description that everything else is derived from."""

    @derived_property
    def description(self) -> Generators:
        """``generators()``, computed once and checked."""
        described = self.generators()
        if not isinstance(described, Generators):
            raise BadGroup(
                "generators() must return a description.",
                {"class": type(self).__name__, "returned": type(described).__name__},
                "Return eq.groups.Generators(lie=[...], discrete=[...]).",
            )
        return described

    @property
    def name(self) -> str:
        return type(self).__name__

    @derived_property
    def fingerprint(self) -> str:
        """Hex digest, the same on every machine: family and parameters, or a user's generators to nine decimals."""
        if self.family == "custom":
            text = f"custom/{self.element_dtype}/{self.element_shape}/{self.description.digest}"
        else:
            text = f"{self.family}/{self.parameters}"
        return hashlib.sha256(f"{text}/v{ALGORITHM_VERSION}".encode()).hexdigest()

    @derived_property
    def shelf(self) -> Shelf:
        """Where values derived from this group are kept: with groups that nothing tells from it, freed with the last.

        Not with all equal ones: their irreps would then say of which parent the first of them was a subgroup.
        """
        return Shelf.shared(self._told_apart_by)

    @property
    def _told_apart_by(self) -> tuple[object, ...]:
        values = hashlib.sha256(self.description.lie.tobytes() + self.description.discrete.tobytes()).digest()
        parent = None if self.parent is None else self.parent._told_apart_by
        return type(self), self.name, self.fingerprint, values, parent

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Group) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        return self.name

    def __deepcopy__(self, memo: dict[int, object]) -> Group:
        return self  # immutable

    # Facts

    @property
    def lie_basis(self) -> np.ndarray:
        """``(lie_dim, n, n)`` basis of the Lie algebra."""
        return self.description.lie

    @property
    def lie_dim(self) -> int:
        return len(self.lie_basis)

    @property
    @abstractmethod
    def order(self) -> int | None:
        """Number of elements; None for an infinite group."""

    @property
    def is_finite(self) -> bool:
        return self.order is not None

    @property
    @abstractmethod
    def is_compact(self) -> bool: ...

    @property
    @abstractmethod
    def is_connected(self) -> bool: ...

    @property
    @abstractmethod
    def is_transpose_closed(self) -> bool:
        """The transpose of every defining matrix is in the group again, so invariant complements are orthogonal."""

    @property
    def factors(self) -> tuple[Group, ...]:
        """The factors of a direct product; the group itself otherwise."""
        return (self,)

    # Elements

    @property
    @abstractmethod
    def element_shape(self) -> tuple[int, ...]: ...

    @property
    @abstractmethod
    def element_dtype(self) -> torch.dtype: ...

    @property
    @abstractmethod
    def identity(self) -> Tensor: ...

    @property
    @abstractmethod
    def discrete_generators(self) -> Tensor:
        """``(m, *element_shape)``: the discrete generators as elements."""

    @abstractmethod
    def compose(self, g: Tensor, h: Tensor) -> Tensor:
        """``g h``: ``h`` acts first, so that ``V(compose(g, h)) = V(g) V(h)``."""

    @abstractmethod
    def inverse(self, g: Tensor) -> Tensor: ...

    @abstractmethod
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """``(n, *element_shape)`` elements: Haar measure on a compact group, else the law its class states."""

    @abstractmethod
    def contains(self, g: Tensor) -> bool:
        """Whether every element of the batch belongs to the group."""

    def _fits(self, g: Tensor) -> bool:
        """Whether a batch has elements' shape."""
        shape = tuple(self.element_shape)
        return g.ndim >= len(shape) and tuple(g.shape[g.ndim - len(shape) :]) == shape

    def exp(self, coefficients: Tensor) -> Tensor:
        """Element ``exp(sum_i A_i L_i)`` for coefficients ``(*b, lie_dim)`` in ``lie_basis``."""
        raise BadGroup("A finite group has no exponential map.", {"group": self}, "Use elements() or sample().")

    def equal(self, g: Tensor, h: Tensor, tolerance: float = 1e-9) -> Tensor:
        """Boolean ``(*b,)``: equality of elements, up to ``tolerance`` where they are real numbers."""
        close = (g - h).abs() <= tolerance
        return close.flatten(close.ndim - len(self.element_shape)).all(-1) if self.element_shape else close

    def elements(self) -> Tensor:
        """All elements of a finite group, ``(order, *element_shape)``, identity first."""
        raise TooLarge("An infinite group has no list of elements.", {"group": self}, "Use sample(n).")

    # Structure

    @derived_property
    def structure_constants(self) -> np.ndarray:
        """``c`` ``(k, k, k)`` with ``[L_i, L_j] = sum_k c[i, j, k] L_k``.

        Raises:
            BadGroup: the matrices are linearly dependent, or a bracket leaves their span.
        """
        lie = self.lie_basis
        k, n = len(lie), lie.shape[-1] if len(lie) else 0
        if k == 0:
            return np.zeros((0, 0, 0))
        flat = lie.reshape(k, n * n).T
        values = np.linalg.svd(flat, compute_uv=False)
        if values[-1] <= 1e-9 * values[0]:
            raise BadGroup(
                "The Lie generators must be linearly independent.",
                {"group": self, "count": k, "rank": int((values > 1e-9 * values[0]).sum())},
                "Drop the generators that are combinations of others.",
            )
        products = np.einsum("iab,jbc->ijac", lie, lie)
        brackets = products - products.swapaxes(0, 1)
        solution = np.linalg.lstsq(flat, brackets.reshape(k * k, n * n).T, rcond=None)[0]
        error = np.abs(flat @ solution - brackets.reshape(k * k, n * n).T).max(0)
        worst = int(error.argmax())
        if error[worst] > 1e-9 * max(1.0, np.abs(brackets).max()):
            i, j = divmod(worst, k)
            raise BadGroup(
                "The Lie generators must be a basis of a Lie algebra: a bracket does not close.",
                {"group": self, f"[L{i}, L{j}]": np.array2string(brackets[i, j], prefix=" " * 12)},
                "Add the missing bracket to lie=[...].",
            )
        return solution.T.reshape(k, k, k)

    @derived_property
    def is_semisimple(self) -> bool:
        """Whether the Killing form of the Lie algebra is non-degenerate (false for a finite group)."""
        c = self.structure_constants
        if not len(c):
            return False
        killing = np.einsum("iab,jba->ij", c, c)
        values = np.abs(np.linalg.eigvalsh(killing))
        return bool(values.min() > 1e-9 * max(values.max(), 1e-300))

    @abstractmethod
    def subgroup(self, discrete: Tensor | None = None, lie: np.ndarray | None = None, name: str = "") -> Group:
        """The subgroup generated by elements and by Lie algebra coefficient vectors, with ``.inclusion``."""

    parent: Group | None = None
    inclusion: Homomorphism | None = None
