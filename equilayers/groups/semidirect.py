"""Semidirect products: a group, and another one that acts on it by automorphisms."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import BadGroup, TooLarge
from equilayers.groups.finite import FiniteGroup, FiniteMatrixGroup, PermutationGroup
from equilayers.groups.group import Generators, Group
from equilayers.groups.homomorphism import Homomorphism
from equilayers.groups.matrix import MatrixGroup
from equilayers.groups.symmetric import Symmetric
from equilayers.numerics import derived_property

__all__ = ["MatrixSemidirect", "PermutationSemidirect", "semidirect"]

Action = Callable[[Tensor, Tensor], Tensor]
Matrices = Callable[[Tensor], Tensor]
POINTS = 5000  # elements of a normal factor that are permuted
LISTED = 10_000  # elements of H that are told apart by what they do to N
SAMPLES = 24
TOLERANCE = 1e-8


def semidirect(
    normal: Group, acting: Group, action: Action, *, faithful: tuple[Matrices, Matrices] | None = None, name: str = ""
) -> Group:
    r"""The semidirect product of N and H: pairs with

    .. math:: (n, h)(n', h') = (n\, \varphi_h(n'),\; h h').

    For finite N and H it is a group of permutations of the elements of N, :math:`(n, h)\, x = n\, \varphi_h(x)`, and of
    the points of H behind them unless the action on N tells all of H apart. With ``faithful`` it is a group of
    matrices, and so has to be one where N or H is infinite.

    Args:
        normal: N.
        acting: H.
        action: ``action(h, n)`` is :math:`\varphi_h(n)`, for batches ``(b, *H.element_shape)`` and
            ``(b, *N.element_shape)``.
        faithful: matrices ``(b, d, d)`` of elements of N and of elements of H, as two functions in torch that are
            homomorphisms; the element (n, h) is their product. Those of a Lie group are differentiated.
        name: how it is shown; "N : H" if empty.

    Raises:
        BadGroup: the action is not by automorphisms, or no homomorphism; the matrices do not act so; N or H is
            infinite and there are no matrices.
        TooLarge: N has more than 5000 elements, and there are no matrices.

    Example:
        >>> from equilayers.groups import group
        >>> N, H = group("C7"), group("C3")
        >>> def action(h, n):  # the generator of C3 doubles the angle
        ...     doubled = torch.stack([n, n @ n, n @ n @ n @ n])
        ...     return doubled[H.index(h), torch.arange(len(n))]
        >>> G = semidirect(N, H, action)
        >>> G.order, G.degree
        (21, 7)

    Source: Dixon and Mortimer, Permutation Groups (1996), section 2.5.
    """
    _check_action(normal, acting, action)
    if faithful is not None:
        return _by_matrices(normal, acting, action, faithful, _name(normal, acting, name))
    if not (isinstance(normal, FiniteGroup) and isinstance(acting, FiniteGroup)):
        raise BadGroup(
            "A semidirect product with an infinite factor needs a faithful representation.",
            {"normal": normal, "acting": acting},
            "Give faithful=(matrices of N, matrices of H), or describe the matrices: subclass MatrixGroup.",
        )
    if normal.order > POINTS:
        raise TooLarge(
            f"The elements of a normal factor are permuted up to {POINTS} of them.",
            {"normal": normal, "order": normal.order},
            "Give faithful=(matrices of N, matrices of H).",
        )
    return PermutationSemidirect(normal, acting, action, name)


def _check_action(normal: Group, acting: Group, action: Action) -> None:
    """On all elements of a finite N, and otherwise on samples, for the generators of H and of N."""
    rng = torch.Generator().manual_seed(0)
    h = torch.cat([acting.discrete_generators, acting.sample(SAMPLES, rng)])
    small = isinstance(normal, FiniteGroup) and normal.order <= POINTS
    n = normal.elements() if small else normal.sample(SAMPLES, rng)
    steps = torch.cat([normal.discrete_generators, normal.sample(4, rng)])
    for g in acting.discrete_generators if acting.is_finite else h:
        moved = _one(action, g, n)
        if moved.shape != n.shape or not normal.contains(moved):
            _refuse("The action must carry N to itself: h.n is no element of N.", normal, acting)
        for s in steps:
            product = _one(action, g, normal.compose(s.expand_as(n), n))
            image = normal.compose(_one(action, g, s[None]).expand_as(n), moved)
            if not bool(normal.equal(product, image, TOLERANCE).all()):
                _refuse("The action must be by automorphisms: h.(n m) differs from (h.n)(h.m).", normal, acting)
    k = acting.sample(len(h), rng)
    for s in steps:
        x = s.expand(len(h), *s.shape)
        if not bool(normal.equal(action(acting.compose(h, k), x), action(h, action(k, x)), TOLERANCE).all()):
            _refuse("The action must be a homomorphism: (g h).n differs from g.(h.n).", normal, acting)


def _refuse(rule: str, normal: Group, acting: Group) -> None:
    raise BadGroup(
        rule, {"normal": normal, "acting": acting}, "action(h, n) must be an automorphism of N, for batches of pairs."
    )


def _one(action: Action, h: Tensor, n: Tensor) -> Tensor:
    """One element on a batch."""
    return action(h.expand(len(n), *h.shape), n)


def _name(normal: Group, acting: Group, name: str) -> str:
    return name or " : ".join(f"({g.name})" if " " in g.name else g.name for g in (normal, acting))


class PermutationSemidirect(PermutationGroup):
    """N : H for finite groups, as permutations of N's elements, and of H's points behind them where they are needed.

    ``G.parts(g)`` gives n and h, ``G.join(n, h)`` an element. Generators are those of N, then those of H.

    Example:
        >>> from equilayers.groups import group
        >>> N, H = group("C3"), group("C2")
        >>> G = PermutationSemidirect(N, H, lambda h, n: torch.where(h[:, :1, :1] > 0, n, n.mT))
        >>> G.order, G.degree, G.projection(G.discrete_generators)[:, 0, 0].tolist()
        (6, 3, [1.0, -1.0])
    """

    family = "semidirect"

    def __init__(self, normal: FiniteGroup, acting: FiniteGroup, action: Action, name: str = "") -> None:
        super().__init__(name=_name(normal, acting, name))
        self.normal, self.acting = normal, acting
        elements = normal.elements()
        moved = [normal.index(_one(action, h, elements)) for h in acting.discrete_generators]
        self.parameters = (normal.fingerprint, acting.fingerprint, [p.tolist() for p in moved])
        self._moving = Homomorphism(acting, Symmetric(normal.order), moved)
        kept = PermutationGroup(np.stack([*(p.numpy() for p in moved), np.arange(normal.order)]))
        self._normal_alone = acting.order <= LISTED and kept.order == acting.order

    def generators(self) -> Generators:
        n, h = self.normal.discrete_generators, self.acting.discrete_generators
        one, unit = self.normal.identity, self.acting.identity
        of_n = self.join(n, unit.expand(len(n), *unit.shape))
        return Generators(discrete=torch.cat([of_n, self.join(one.expand(len(h), *one.shape), h)]).numpy())

    @property
    def order(self) -> int:
        return self.normal.order * self.acting.order

    def join(self, n: Tensor, h: Tensor) -> Tensor:
        """``(*b, degree)``: the elements ``(n, h)``."""
        images = torch.gather(self._translation(n), -1, self._moving(h))
        if self._normal_alone:
            return images
        return torch.cat([images, self.acting.to_permutation(h) + self.normal.order], -1)

    def parts(self, g: Tensor) -> tuple[Tensor, Tensor]:
        """n and h of elements ``(*b, degree)``: the identity, which is N's first element, goes to n."""
        size = self.normal.order
        n = self.normal.elements()[g[..., 0]]
        if not self._normal_alone:
            return n, self.acting.from_permutation(g[..., size:] - size)
        moved = torch.gather(self._translation(self.normal.inverse(n)), -1, g)
        at, table = map(torch.tensor, self._carried)
        found = (moved[..., at].unsqueeze(-2) == table).all(-1).to(torch.int64).argmax(-1)
        return n, self.acting.elements()[found]

    def _translation(self, n: Tensor) -> Tensor:
        """``(*b, |N|)``: positions of the products of n with all elements of N."""
        elements = self.normal.elements()
        return self.normal.index(self.normal.compose(n.unsqueeze(n.ndim - len(self.normal.element_shape)), elements))

    @derived_property
    def _carried(self) -> tuple[np.ndarray, np.ndarray]:
        """Positions of N's generators, and ``(|H|, m)`` where each element of H carries them: that tells H apart."""
        at = self.normal.index(self.normal.discrete_generators).numpy()
        return at, self._moving(self.acting.elements()).numpy()[:, at]

    @property
    def projection(self) -> Homomorphism:
        """The map to H."""
        return Homomorphism(self, self.acting, _Acting(self))


class _Acting:
    def __init__(self, whole: PermutationSemidirect) -> None:
        self.whole = whole

    def __call__(self, g: Tensor) -> Tensor:
        return self.whole.parts(g)[1]


# Matrices


class MatrixSemidirect(MatrixGroup):
    """N : H with an infinite factor, by the matrices that a faithful representation gives to the generators.

    Example:
        >>> lie = [[[0.0, 0.0, 1.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]], [[0.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0] * 3]]
        >>> MatrixSemidirect(np.array(lie), np.diag([-1.0, -1.0, 1.0])[None], "R2 : C2").lie_dim
        2
    """

    def __init__(self, lie: np.ndarray, discrete: np.ndarray, name: str) -> None:
        self._lie, self._discrete, self._name = lie, discrete, name

    def generators(self) -> Generators:
        return Generators(lie=self._lie, discrete=self._discrete)

    @property
    def name(self) -> str:
        return self._name


def _by_matrices(normal: Group, acting: Group, action: Action, faithful: tuple[Matrices, Matrices], name: str) -> Group:
    both = tuple(zip(faithful, (normal, acting), strict=True))
    _check_matrices(normal, acting, action, *faithful)
    lie = np.concatenate([_derivative(matrices, group) for matrices, group in both])
    discrete = [matrices(group.discrete_generators).numpy() for matrices, group in both if _moves(group)]
    if len(lie):
        return MatrixSemidirect(lie, np.concatenate([lie[:0], *discrete]), name)
    made = FiniteMatrixGroup(np.concatenate([lie[:0], *discrete]), name)
    expected = cast(FiniteGroup, normal).order * cast(FiniteGroup, acting).order
    if made.order != expected:
        raise BadGroup(
            "The matrices of a semidirect product must tell its elements apart.",
            {"group": name, "elements": expected, "matrices": made.order},
            "Give faithful matrices, for which the two groups share only the identity.",
        )
    return made


def _moves(group: Group) -> bool:
    return len(group.discrete_generators) > 0


def _check_matrices(normal: Group, acting: Group, action: Action, of_n: Matrices, of_h: Matrices) -> None:
    rng = torch.Generator().manual_seed(1)
    n, h = normal.sample(SAMPLES, rng), acting.sample(SAMPLES, rng)
    for matrices, group, x in ((of_n, normal, n), (of_h, acting, h)):
        if not _close(matrices(group.compose(x, x.flip(0))), matrices(x) @ matrices(x).flip(0)):
            _refuse(f"The matrices of {group.name} must multiply as its elements do.", normal, acting)
    if not _close(of_h(h) @ of_n(n), of_n(action(h, n)) @ of_h(h)):
        _refuse("The matrices must act as the action says: h n h^-1 is h.n.", normal, acting)


def _close(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and bool(((a - b).abs() <= TOLERANCE * b.abs().amax().clamp(min=1)).all())


def _derivative(matrices: Matrices, group: Group) -> np.ndarray:
    """``(lie_dim, d, d)``: images of the Lie basis."""
    size = matrices(group.identity[None]).shape[-1]
    if not group.lie_dim:
        return np.zeros((0, size, size))
    start = torch.zeros(group.lie_dim, dtype=torch.float64)
    slope = torch.autograd.functional.jacobian(lambda a: matrices(group.exp(a)[None])[0], start)
    return cast(Tensor, slope).permute(2, 0, 1).numpy().copy()
