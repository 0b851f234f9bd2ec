"""Representations from smaller or larger groups: restriction, induction, quotients."""

from __future__ import annotations

from functools import reduce

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import BadRepresentation, GroupMismatch
from equilayers.groups import FiniteGroup, Group, Homomorphism
from equilayers.numerics import derived_property
from equilayers.representations.algebra import Dual, Power, TensorProduct, power, tensor
from equilayers.representations.constructors import Trivial, finite, regular, trivial
from equilayers.representations.representation import Images, Representation

__all__ = ["induce", "quotient", "restrict"]


class Restricted(Representation):
    r"""``V`` after a homomorphism: :math:`h \mapsto V(\varphi(h))`."""

    def __init__(self, of: Representation, phi: Homomorphism) -> None:
        self.of, self.phi = of, phi
        self.group, self.dim, self.name = phi.source, of.dim, f"{of}|{phi.source}"
        images = self.images  # the map is known by what it does to the generators
        self.key = (self.group.fingerprint, "restricted", of.key, images.lie.tobytes(), images.discrete.tobytes())

    def _images(self) -> Images:
        lie = np.zeros((self.group.lie_dim, self.dim, self.dim))
        if self.group.lie_dim and self.of.group.lie_dim:
            lie = np.einsum("kl,lij->kij", self.phi.lie_images, self.of.images.lie)
        discrete = self.of(self.phi(self.group.discrete_generators)).detach().numpy()
        return Images(lie + 0.0, discrete.reshape(-1, self.dim, self.dim) + 0.0)

    def __call__(self, g: Tensor) -> Tensor:
        return self.of(self.phi(g))


def restrict(v: Representation, to: Group | Homomorphism) -> Representation:
    r"""``V`` as a representation of a subgroup, or pulled back along any homomorphism into its group.

    Args:
        to: a subgroup made by ``G.subgroup``; a matrix group whose elements are elements of G; or a homomorphism
            (which then also gives inflations, factors of products and coverings).

    Raises:
        GroupMismatch: there is no map from ``to`` into V's group.

    Example:
        >>> import equilayers as eq
        >>> eq.restrict(eq.defining(eq.group("O(2)")), eq.group("C4")).dim
        2
    """
    if isinstance(to, Group) and to == v.group:
        return v
    phi = to if isinstance(to, Homomorphism) else inclusion(to, v.group)
    if phi.target != v.group:
        raise GroupMismatch(
            "restrict needs a homomorphism into the representation's group.",
            {"V": repr(v), "map": phi},
            f"Give a Homomorphism whose target is {v.group}.",
        )
    total = 0 * trivial(phi.source)
    for m, atom in v.terms:
        total = total + m * _restrict_atom(atom, phi)
    return total


def _restrict_atom(v: Representation, phi: Homomorphism) -> Representation:
    """Restriction passes through products, duals and powers, and two in a row are one."""
    if isinstance(v, Trivial):
        return trivial(phi.source)
    if isinstance(v, Restricted):
        return Restricted(v.of, v.phi.compose(phi))
    if isinstance(v, TensorProduct):
        return reduce(tensor, [restrict(factor, phi) for factor in v.factors])
    if isinstance(v, Dual):
        return restrict(v.of, phi).dual
    if isinstance(v, Power):
        return power(restrict(v.of, phi), v.k, v.kind)
    return Restricted(v, phi)


def _same(g: Tensor) -> Tensor:
    return g


def inclusion(small: Group, large: Group) -> Homomorphism:
    """The natural inclusion: the recorded one, or equality of matrices or permutations."""
    if small.inclusion is not None and small.inclusion.target == large:
        return small.inclusion
    same_form = (
        len(small.factors) == len(large.factors) == 1
        and small.element_shape == large.element_shape
        and small.element_dtype == large.element_dtype
        and small.element_shape
    )
    generator = torch.Generator().manual_seed(11)
    if same_form and large.contains(torch.cat([small.discrete_generators, small.sample(4, generator)])):
        lie = None
        if small.lie_dim and large.lie_dim:
            flat = large.lie_basis.reshape(large.lie_dim, -1).T
            lie = np.linalg.lstsq(flat, small.lie_basis.reshape(small.lie_dim, -1).T, rcond=None)[0].T
        return Homomorphism(small, large, _same, lie)
    raise GroupMismatch(
        "There is no natural inclusion between these groups.",
        {"subgroup": small, "group": large},
        "Give restrict a Homomorphism(subgroup, group, images).",
    )


class Induced(Representation):
    """Functions on cosets with values in V: coset index slow, V index fast."""

    def __init__(self, of: Representation, phi: Homomorphism) -> None:
        self.of, self.phi = of, phi
        self._large, self._small = finite(phi.target, "Induction"), finite(phi.source, "Induction")
        images = phi(self._small.elements())
        kernel = int(self._large.equal(images, self._large.identity.expand_as(images), 1e-6).sum())
        if kernel > 1:
            raise BadRepresentation(
                "Induction needs a subgroup: the map into the larger group must be injective.",
                {"map": phi, "elements that it sends to the identity": kernel},
                "Give an inclusion, for example that of G.subgroup(...).",
            )
        self.group = self._large
        self.dim = self._large.order // self._small.order * of.dim
        self.name = f"{of}^{self.group}"
        self.key = (self.group.fingerprint, "induced", of.key, phi(self._small.discrete_generators).numpy().tobytes())

    @derived_property
    def _cosets(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Coset of every element, first element of every coset, and subgroup index of every included element."""
        g, h = self._large, self._small
        inside = self.phi(h.elements())
        back = np.full(g.order, -1)
        back[g.index(inside).numpy()] = np.arange(h.order)
        coset = np.full(g.order, -1)
        first: list[int] = []
        elements = g.elements()
        for i in range(g.order):
            if coset[i] < 0:
                coset[g.index(g.compose(elements[i], inside)).numpy()] = len(first)
                first.append(i)
        return coset, np.array(first), back

    def _images(self) -> Images:
        discrete = self(self.group.discrete_generators).numpy()
        return Images(np.zeros((0, self.dim, self.dim)), discrete.reshape(-1, self.dim, self.dim))

    def __call__(self, x: Tensor) -> Tensor:
        g, d = self._large, self.of.dim
        coset, first, back = self._cosets
        elements = g.elements()
        batch = x.shape[: x.ndim - len(g.element_shape)]
        flat = x.reshape(-1, *g.element_shape)
        out = torch.zeros(len(flat), len(first), d, len(first), d, dtype=torch.float64)
        small_elements = self._small.elements()
        rows = torch.arange(len(flat))
        for column, representative in enumerate(first):
            moved = g.compose(flat, elements[representative])
            target = torch.from_numpy(coset[g.index(moved).numpy()])
            inner = g.compose(g.inverse(elements[torch.from_numpy(first[target.numpy()])]), moved)
            h = torch.from_numpy(back[g.index(inner).numpy()])
            out[rows, target, :, column, :] = self.of(small_elements[h])
        return out.reshape(*batch, self.dim, self.dim)


def induce(v: Representation, to: Group | Homomorphism) -> Representation:
    r"""The induced representation of a finite group from a subgroup's, :math:`e_i \otimes v`.

    .. math:: g\,(e_i \otimes v) = e_j \otimes V(h)\,v, \qquad g\,r_i = r_j h

    with r_i the first element of the i-th coset, cosets in the order of their first elements, i slow and v fast.

    Args:
        v: a representation of the subgroup.
        to: the larger group; or an injective homomorphism into it.

    Raises:
        BadRepresentation: a group is infinite, or the homomorphism is not injective.
        GroupMismatch: there is no map from V's group into ``to``.

    Example:
        >>> import equilayers as eq
        >>> D4 = eq.group("D4")
        >>> flip = D4.subgroup(D4.discrete_generators[1:])
        >>> eq.induce(eq.trivial(flip), D4).dim
        4

    Source: Serre, Linear Representations of Finite Groups (1977), section 3.3.
    """
    phi = to if isinstance(to, Homomorphism) else inclusion(v.group, to)
    if phi.source != v.group:
        raise GroupMismatch(
            "induce needs a homomorphism from the representation's group.",
            {"V": repr(v), "map": phi},
            f"Give a Homomorphism whose source is {v.group}.",
        )
    if phi.source.order == 1:  # every coset has one element, and V is the identity there
        return v.dim * regular(phi.target)
    if not v.dim:
        return 0 * trivial(phi.target)
    m, atom = v.terms[0] if len(v.terms) == 1 else (1, v)
    return m * Induced(atom, phi)


def quotient(group: Group, subgroup: Group) -> Representation:
    """The permutation of the left cosets of a subgroup: the induced trivial representation.

    Raises:
        BadRepresentation: a group is infinite.
        GroupMismatch: the second group is not a subgroup of the first.

    Example:
        >>> import equilayers as eq
        >>> D4 = eq.group("D4")
        >>> eq.quotient(D4, D4.subgroup(D4.discrete_generators[:1])).dim
        2
    """
    if not isinstance(subgroup, FiniteGroup):
        finite(subgroup, "A quotient representation")
    return induce(trivial(subgroup), group)
