"""Representations a user gives: by images of generators, by a function, by permutations."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import BadRepresentation, NotCertified
from equilayers.groups import FiniteGroup, Group
from equilayers.numerics import derived_property, hashed_numbers
from equilayers.representations.constructors import Defining, permutation_matrices
from equilayers.representations.representation import Images, Representation

__all__ = ["permutation", "representation"]

SHIFTS = 24  # elements tried in turn to bring another one near to the identity
ROOTS = 5  # square roots before the series of a logarithm
COMPLETE = 2_000_000  # entries of all matrices up to which every product with a generator is checked


class ByGenerators(Representation):
    """A finite group's representation, evaluated along the stabiliser chain from the images of its generators."""

    def __init__(self, group: FiniteGroup, discrete: np.ndarray, name: str) -> None:
        self.group, self.dim, self.name = group, discrete.shape[-1], name
        self._given = Images(np.zeros((0, self.dim, self.dim)), discrete + 0.0)
        self.key = (group.fingerprint, "matrices", self._given.discrete.tobytes(), self.dim)
        self._finite = group

    def _images(self) -> Images:
        return self._given

    def __call__(self, g: Tensor) -> Tensor:
        return self._finite.chain.evaluate(self._given.discrete, self._finite.to_permutation(g))


class ByFunction(Representation):
    """A Lie group's representation, computed by a function; equal by its generator images."""

    def __init__(self, group: Group, lie: np.ndarray, function: Callable[[Tensor], Tensor], name: str) -> None:
        self.group, self.dim, self.name = group, lie.shape[-1], name
        self._lie, self._function = lie, function
        self.key = (group.fingerprint, "function", self.images.lie.tobytes(), self.images.discrete.tobytes(), self.dim)

    def _images(self) -> Images:
        discrete = self(self.group.discrete_generators).detach().numpy()
        return Images(self._lie + 0.0, discrete.reshape(-1, self.dim, self.dim) + 0.0)

    def __call__(self, g: Tensor) -> Tensor:
        return self._function(g)


class ByLogarithm(Representation):
    r"""A connected Lie group's representation from its Lie images, not differentiable in g.

    .. math:: V(g) = V(k) \exp(dV(\log k^{-1} g))

    with k = 1, or where the logarithm leaves the Lie algebra (a half turn) another from a fixed list.
    """

    def __init__(self, group: Group, lie: np.ndarray, name: str) -> None:
        self.group, self.dim, self.name = group, lie.shape[-1], name
        self._given = Images(lie + 0.0, np.zeros((0, self.dim, self.dim)))
        self.key = (group.fingerprint, "lie", self._given.lie.tobytes(), self.dim)
        self._defining = Defining(group)

    def _images(self) -> Images:
        return self._given

    @derived_property
    def _shifts(self) -> np.ndarray:
        """``(SHIFTS, lie_dim)`` coefficients, growing from 0."""
        random = hashed_numbers("shifts of a logarithm", SHIFTS * self.group.lie_dim)
        return random.reshape(SHIFTS, -1) * np.linspace(0, 4, SHIFTS)[:, None]

    def __call__(self, g: Tensor) -> Tensor:
        batch = g.shape[: g.ndim - len(self.group.element_shape)]
        flat = g.detach().reshape(-1, *self.group.element_shape)
        out = torch.zeros(len(flat), self.dim, self.dim, dtype=torch.float64)
        waiting = torch.arange(len(flat))
        for shift in torch.tensor(self._shifts):
            if not len(waiting):
                break
            rest = self.group.compose(self.group.inverse(self.group.exp(shift)), flat[waiting])
            coefficients, found = _logarithm(self.group, self._defining(rest))
            images = torch.linalg.matrix_exp(self.derivative(coefficients[found]))
            out[waiting[found]] = torch.linalg.matrix_exp(self.derivative(shift)) @ images
            waiting = waiting[~found]
        if len(waiting):
            raise NotCertified(
                "The logarithm of an element was not found in the Lie algebra.",
                {"representation": repr(self), "elements": len(waiting)},
                "Give representation() a function= from elements to matrices.",
            )
        return out.reshape(*batch, self.dim, self.dim)


def _logarithm(group: Group, matrices: Tensor) -> tuple[Tensor, Tensor]:
    """Coefficients ``(b, lie_dim)`` of the principal logarithms, and which of them are in the Lie algebra and exact."""
    logs = _principal_logarithm(matrices).nan_to_num(0.0, 0.0, 0.0)
    basis = torch.tensor(group.lie_basis)
    coefficients = logs.flatten(1) @ torch.linalg.pinv(basis.flatten(1))
    back = torch.linalg.matrix_exp(torch.einsum("bk,kij->bij", coefficients, basis))
    scale = matrices.abs().flatten(1).amax(1).clamp(min=1.0)
    return coefficients, (back - matrices).abs().flatten(1).amax(1) < 1e-11 * scale


def _principal_logarithm(matrices: Tensor) -> Tensor:
    r"""Inverse scaling and squaring; not finite, or wrong, where there is a negative eigenvalue.

    .. math:: \log A = 2^{k+1} \operatorname{artanh}\left((R - 1)(R + 1)^{-1}\right), \qquad R = A^{1/2^k}

    with square roots by the iteration of Denman and Beavers (Higham, Functions of Matrices, 2008, 6.3 and 11.5).
    """
    eye = torch.eye(matrices.shape[-1], dtype=torch.float64).expand_as(matrices)
    root = matrices
    for _ in range(ROOTS):
        y, z = root, eye
        for _ in range(14):
            y, z = (y + torch.linalg.inv_ex(z).inverse) / 2, (z + torch.linalg.inv_ex(y).inverse) / 2
        root = y
    x = (root - eye) @ torch.linalg.inv_ex(root + eye).inverse
    square, total = x @ x, eye / 25
    for odd in range(23, 0, -2):
        total = eye / odd + square @ total
    return 2.0 ** (ROOTS + 1) * (x @ total)


def permutation(group: Group, permutations: Sequence[Sequence[int]] | np.ndarray | Tensor) -> Representation:
    """A permutation representation of a finite group.

    Args:
        permutations: ``(m, N)`` image arrays, one for each discrete generator.

    Raises:
        BadRepresentation: they are no permutations, or do not respect the group's relations.

    Example:
        >>> import equilayers as eq
        >>> eq.permutation(eq.group("C2"), [[1, 0, 2]]).dim
        3
    """
    images = np.asarray(permutations)
    if images.ndim != 2 or (np.sort(images, axis=1) != np.arange(images.shape[1])).any():
        raise BadRepresentation(
            "A permutation representation needs arrays that list every point 0 to N-1 once.",
            {"group": group, "given": images.tolist() if images.size < 200 else images.shape},
            "Number the points from 0; p[i] is the image of i, one array for each generator.",
        )
    matrices = permutation_matrices(torch.as_tensor(images.astype(np.int64))).numpy()
    return representation(group, matrices, name=f"permutation of {matrices.shape[-1]}")


def representation(
    group: Group,
    discrete: Sequence[np.ndarray] | np.ndarray | Tensor | None = None,
    *,
    lie: Sequence[np.ndarray] | np.ndarray | Tensor | None = None,
    function: Callable[[Tensor], Tensor] | None = None,
    name: str = "user",
) -> Representation:
    r"""A representation given by matrices.

    A finite group takes ``discrete``, a Lie group ``lie`` and ``function``, which a connected group can do without.

    Args:
        group: any group.
        discrete: ``(m, d, d)``, one matrix for each of ``group.discrete_generators``.
        lie: ``(k, d, d)``, images of ``group.lie_basis``.
        function: from elements ``(*b, *element_shape)`` to matrices ``(*b, d, d)``.
        name: for printing; it does not enter the value.

    Raises:
        BadRepresentation: the images break a relation: a product of generators, a bracket, or a closed loop
            :math:`\exp(T A) = 1 \ne \exp(T\,dV(A))`.

    Example:
        >>> import equilayers as eq
        >>> eq.representation(eq.group("C2"), [-np.eye(3)], name="flip").dim
        3
    """
    if isinstance(group, FiniteGroup):
        matrices = np.asarray(discrete if discrete is not None else [], dtype=np.float64)
        _check_shape(group, matrices, len(group.discrete_generators), "discrete")
        made: Representation = ByGenerators(group, matrices, name)
    else:
        matrices = np.asarray(lie if lie is not None else [], dtype=np.float64)
        _check_shape(group, matrices, group.lie_dim, "lie")
        _check_brackets(group, matrices)
        if function is not None:
            made = ByFunction(group, matrices, function, name)
            _check_function(made)
        elif group.is_connected:
            _check_loops(group, matrices)
            made = ByLogarithm(group, matrices, name)
        else:
            raise BadRepresentation(
                "A representation of a group with several components needs a function.",
                {"group": group},
                "Give function=, a callable from batched elements to matrices.",
            )
    _check_products(made)
    return made


def _check_shape(group: Group, matrices: np.ndarray, count: int, kind: str) -> None:
    if matrices.ndim != 3 or matrices.shape[0] != count or matrices.shape[1] != matrices.shape[2]:
        raise BadRepresentation(
            f"A representation needs one square matrix for each {kind} generator.",
            {"group": group, "generators": count, "given": matrices.shape},
            f"Give {kind} images of shape ({count}, d, d).",
        )
    if not np.isfinite(matrices).all():
        raise BadRepresentation("Images need finite entries.", {"group": group}, "Look for NaN or infinity.")


def _check_brackets(group: Group, lie: np.ndarray) -> None:
    products = np.einsum("iab,jbc->ijac", lie, lie)
    expected = np.einsum("ijk,kab->ijab", group.structure_constants, lie)
    error = np.abs(products - products.swapaxes(0, 1) - expected).max((2, 3))
    i, j = np.unravel_index(int(error.argmax()), error.shape)
    if error.max() > 1e-9 * max(1.0, np.abs(products).max()):
        raise BadRepresentation(
            "The Lie images break a bracket.",
            {"group": group, "bracket": f"[L{i}, L{j}]", "error": f"{error.max():.2e}"},
            "The images must satisfy [dV(L_i), dV(L_j)] = sum_k c[i, j, k] dV(L_k), c = group.structure_constants.",
        )


def _check_loops(group: Group, lie: np.ndarray) -> None:
    """A one-parameter subgroup that closes must close in the representation (spin 1/2 of SO(3) does not)."""
    for i, (a, image) in enumerate(zip(group.lie_basis, lie, strict=True)):
        values = np.linalg.eigvals(a)
        frequencies = np.abs(values.imag)
        if np.abs(values.real).max() > 1e-9 or frequencies.max() < 1e-9:
            continue
        slowest = frequencies[frequencies > 1e-9].min()
        for turns in range(1, 13):
            period = 2 * np.pi * turns / slowest
            if np.abs(np.exp(1j * period * frequencies) - 1).max() < 1e-9:
                closed = np.exp(period * np.linalg.eigvals(image))
                if np.abs(closed - 1).max() > 1e-6:
                    raise BadRepresentation(
                        "The Lie images do not integrate: a closed loop of the group stays open in the representation.",
                        {"group": group, "loop": f"exp({period:.4f} L{i}) = 1"},
                        "This is a representation of a covering group; use that group, for example SU(2).",
                    )
                break


def _check_function(v: Representation) -> None:
    """The function must be the one that the Lie images generate: V(exp A) = exp(dV(A))."""
    random = torch.randn(6, v.group.lie_dim, generator=torch.Generator().manual_seed(5), dtype=torch.float64) / 2
    expected = torch.linalg.matrix_exp(v.derivative(random))
    error = float((v(v.group.exp(random)).detach() - expected).abs().max())
    if not error < 1e-7 * max(1.0, float(expected.abs().max())):
        raise BadRepresentation(
            "The function is not what the Lie images generate: V(exp A) differs from exp(dV(A)).",
            {"group": v.group, "error": f"{error:.2e}"},
            "Give as lie= the derivatives of the function at the identity along group.lie_basis.",
        )


def _check_products(v: Representation) -> None:
    """Every product of a generator and an element where these are few, which proves the law; else 64 random pairs."""
    if not v.dim:
        return
    group, random = v.group, torch.Generator().manual_seed(7)
    generators = group.discrete_generators
    if isinstance(group, FiniteGroup) and group.order * v.dim**2 <= COMPLETE:
        h = group.elements()
        pairs = [(s, h) for s in generators]
    else:
        g, h = group.sample(64, random), group.sample(64, random)
        pairs = [(g, h), *((s, h[:6]) for s in generators)]
    errors = [_product_error(v, g, h) for g, h in pairs]
    at_generators, given = v(generators).detach(), torch.tensor(v.images.discrete)
    errors += [
        float((a - b).abs().max() / max(1.0, float(b.abs().max()))) for a, b in zip(at_generators, given, strict=True)
    ]
    if not max(errors, default=0.0) < 1e-7:
        raise BadRepresentation(
            "The images do not define a representation: V(g) V(h) differs from V(g h).",
            {"group": group, "error": f"{max(errors):.2e}"},
            "Check the images against the relations of group.discrete_generators.",
        )


def _product_error(v: Representation, g: Tensor, h: Tensor) -> float:
    """Largest entry of V(g) V(h) - V(g h), over those of the factors."""
    at_g, at_h = v(g).detach(), v(h).detach()
    product = v(v.group.compose(g.expand_as(h), h)).detach()
    return float((at_g @ at_h - product).abs().max()) / max(1.0, float(at_g.abs().max() * at_h.abs().max()))
