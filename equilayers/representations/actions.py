"""How an element moves a tensor: fields on grids and on points; a representation is the action on the last axis."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import BadInput, BadRepresentation, GroupMismatch
from equilayers.groups import Group
from equilayers.representations.constructors import defining
from equilayers.representations.representation import Representation

__all__ = ["Action", "GridField", "PointField"]

EXACT = 1e-9  # a plane matrix this close to a signed permutation moves pixels onto pixels


@runtime_checkable
class Action(Protocol):
    """What measurement, augmentation and tests know of a tensor: its group, its move, and what a random one is.

    Example:
        >>> import equilayers as eq
        >>> C4 = eq.group("C4")
        >>> pictures: Action = eq.GridField(eq.trivial(C4), dims=2)
        >>> x = pictures.sample_input(5)
        >>> pictures.transform(C4.sample(5), x).shape == x.shape
        True
    """

    @property
    def group(self) -> Group: ...

    def transform(self, g: Tensor, x: Tensor) -> Tensor:
        """One element on all of ``x``, or a batch of elements pairwise on its leading axis."""

    def sample_input(
        self, n: int, generator: torch.Generator | None = None, dtype: torch.dtype | None = None
    ) -> Tensor:
        """``n`` standard normal inputs."""


class _Field:
    """Equality by value, for actions made of representations."""

    key: tuple[Any, ...]
    rep: Representation
    plane: Representation

    @property
    def group(self) -> Group:
        return self.rep.group

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and isinstance(other, _Field) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __deepcopy__(self, memo: dict[int, object]) -> _Field:
        return self  # immutable

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.rep!r})"


def _plane(rep: Representation, plane: Representation | None, dims: int | None) -> Representation:
    plane = defining(rep.group) if plane is None else plane
    if plane.group != rep.group:
        raise GroupMismatch(
            "A field's positions and features must be acted on by one group.",
            {"rep": repr(rep), "plane": repr(plane)},
            "Give plane= a representation of the same group.",
        )
    if dims is not None and (plane.dim != dims or not plane.is_orthogonal):
        raise BadRepresentation(
            "A grid needs an orthogonal representation of its dimension: how the group acts on positions.",
            {"plane": repr(plane), "grid dimension": dims, "orthogonal": plane.is_orthogonal},
            f"Give plane=, for example {dims} * eq.trivial(G) for a group that leaves positions alone.",
        )
    return plane


class GridField(_Field):
    r"""Features on a grid, :math:`(g f)(p) = V(g) f(g^{-1} p)`; the grid turns about its centre.

    x is the last axis, y is minus the row axis (the last but one), z the axis before. Where the plane matrix of g is a
    signed permutation, pixels move onto pixels, exactly; elsewhere they are interpolated (bicubic in the plane, linear
    in space, zero outside).

    Args:
        rep: how g acts on the channels, ``V``.
        dims: dimension of the grid, 1 to 3.
        plane: how g acts on positions, an orthogonal representation of dimension ``dims``; ``eq.defining(G)`` if None.
        size: the grid that :meth:`sample_input` draws; 8 each way if None.

    Shapes:
        ``(batch, rep.dim, *spatial)``.

    Raises:
        GroupMismatch: rep and plane represent different groups.
        BadRepresentation: the plane is not orthogonal, or not of dimension ``dims``.

    Example:
        >>> import torch, equilayers as eq
        >>> C4 = eq.group("C4")
        >>> GridField(eq.trivial(C4)).transform(C4.elements()[1], torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]))
        tensor([[[[2., 4.],
                  [1., 3.]]]])

    Source: Cohen and Welling, Steerable CNNs (2017), arXiv:1612.08498, equation 5.
    """

    def __init__(
        self,
        rep: Representation,
        dims: int = 2,
        plane: Representation | None = None,
        size: tuple[int, ...] | None = None,
    ) -> None:
        if dims not in (1, 2, 3):
            raise BadInput("A grid has 1 to 3 dimensions.", {"dims": dims}, "Give dims=2 for images.")
        self.rep, self.dims, self.plane = rep, dims, _plane(rep, plane, dims)
        self.size = (8,) * dims if size is None else tuple(size)
        if len(self.size) != dims:
            raise BadInput("size= needs one number for each axis.", {"size": self.size, "dims": dims}, "Give (8, 8).")
        self.key = ("grid", rep.key, dims, self.plane.key, self.size)

    def sample_input(
        self, n: int, generator: torch.Generator | None = None, dtype: torch.dtype | None = None
    ) -> Tensor:
        """``(n, rep.dim, *size)`` standard normal inputs."""
        return torch.randn(n, self.rep.dim, *self.size, generator=generator, dtype=dtype)

    def transform(self, g: Tensor, x: Tensor) -> Tensor:
        """Move pixels and channels of ``(batch, rep.dim, *spatial)``."""
        if x.ndim != 2 + self.dims or x.shape[1] != self.rep.dim:
            raise BadInput(
                "A field on a grid is (batch, dim, *spatial).",
                {"field": repr(self), "grid dimension": self.dims, "input": tuple(x.shape)},
                f"Give {2 + self.dims} axes, the second of size {self.rep.dim}.",
            )
        moved = self._move(self.plane(g).detach(), x)
        return self.rep.transform(g, moved.movedim(1, -1)).movedim(-1, 1)

    def _move(self, matrices: Tensor, x: Tensor) -> Tensor:
        if matrices.ndim == 2:
            return self._move_all(matrices, x)
        if matrices.ndim != 3 or len(matrices) != len(x):
            raise BadInput(
                "A batch of elements acts pairwise on the leading axis.",
                {"elements": tuple(matrices.shape[:-2]), "input": tuple(x.shape)},
                "Give one element, or as many as the input has rows.",
            )
        if not len(x):
            return x
        kinds: dict[object, list[int]] = {}
        for row, matrix in enumerate(matrices):
            kinds.setdefault(_signed_permutation(matrix) or row, []).append(row)
        pieces = [self._move_all(matrices[rows[0]], x[rows]) for rows in kinds.values()]
        if len({piece.shape[2:] for piece in pieces}) > 1:
            raise BadInput(
                "Elements that exchange axes act on a batch only where the grid is square.",
                {"grid": tuple(x.shape[2:]), "group": self.group},
                "Give one element, or a square grid.",
            )
        order = torch.tensor([row for rows in kinds.values() for row in rows], device=x.device)
        return torch.cat(pieces)[torch.argsort(order)]

    def _move_all(self, matrix: Tensor, x: Tensor) -> Tensor:
        exact = _signed_permutation(matrix)
        return self._interpolate(matrix, x) if exact is None else _move_pixels(exact, x)

    def _interpolate(self, matrix: Tensor, x: Tensor) -> Tensor:
        """Sample the input at ``g^{-1} p`` for every output pixel ``p``."""
        flip = torch.tensor([1.0, -1.0, 1.0], dtype=torch.float64)[: self.dims]
        pull = (flip[:, None] * matrix.cpu() * flip).mT.to(dtype=x.dtype, device=x.device)
        half = [(n - 1) / 2 for n in x.shape[2:]]
        axes = [torch.arange(n, dtype=x.dtype, device=x.device) - h for n, h in zip(x.shape[2:], half, strict=True)]
        positions = torch.stack(torch.meshgrid(*axes, indexing="ij")[::-1], -1)  # x first
        scale = torch.tensor([max(h, 0.5) for h in reversed(half)], dtype=x.dtype, device=x.device)
        where = (positions @ pull.mT / scale).expand(len(x), *positions.shape)
        mode = "bicubic" if self.dims == 2 else "bilinear"
        return torch.nn.functional.grid_sample(x, where, mode=mode, padding_mode="zeros", align_corners=True)


def _signed_permutation(matrix: Tensor) -> tuple[tuple[int, int], ...] | None:
    """For each output coordinate the input coordinate and its sign, or None."""
    m = matrix.cpu().numpy()
    rounded = np.round(m)
    if np.abs(m - rounded).max() > EXACT or (np.abs(rounded).sum(0) != 1).any() or (np.abs(rounded).sum(1) != 1).any():
        return None
    columns = np.abs(rounded).argmax(1)
    return tuple((int(j), int(rounded[i, j])) for i, j in enumerate(columns))


def _move_pixels(exact: tuple[tuple[int, int], ...], x: Tensor) -> Tensor:
    """Output coordinate i reads input coordinate j, mirrored where the sign (and the direction of y) says so."""
    dims = len(exact)
    down = (1, -1, 1)
    axis = [x.ndim - 1 - component for component in range(dims)]
    order, mirrored = [0, 1, *range(2, x.ndim)], []
    for i, (j, sign) in enumerate(exact):
        order[axis[i]] = axis[j]
        if sign * down[i] * down[j] < 0:
            mirrored.append(axis[i])
    moved = x.permute(order)
    return moved.flip(mirrored) if mirrored else moved


class PointField(_Field):
    """Features at points: positions turn by ``plane``, features by ``rep``.

    Args:
        rep: how g acts on the features.
        plane: how g acts on positions; ``eq.defining(G)`` if None.
        points: how many points :meth:`sample_input` draws.

    Shapes:
        ``(batch, points, plane.dim + rep.dim)``: positions first, then features.

    Example:
        >>> import equilayers as eq
        >>> field = PointField(eq.trivial(eq.group("SO(3)")))
        >>> field.sample_input(2).shape
        torch.Size([2, 8, 4])
    """

    def __init__(self, rep: Representation, plane: Representation | None = None, points: int = 8) -> None:
        self.rep, self.plane, self.points = rep, _plane(rep, plane, None), points
        self._both = self.plane + rep
        self.key = ("points", rep.key, self.plane.key, points)

    def sample_input(
        self, n: int, generator: torch.Generator | None = None, dtype: torch.dtype | None = None
    ) -> Tensor:
        """``(n, points, plane.dim + rep.dim)`` standard normal inputs."""
        return torch.randn(n, self.points, self._both.dim, generator=generator, dtype=dtype)

    def transform(self, g: Tensor, x: Tensor) -> Tensor:
        """Turn positions and features."""
        return self._both.transform(g, x)
