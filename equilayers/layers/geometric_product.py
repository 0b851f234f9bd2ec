"""The product of a geometric algebra, with learned weights between grades."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import torch
from torch import Tensor, nn

from equilayers.errors import BadRepresentation, TooLarge
from equilayers.layers.layer import Layer, check_channels
from equilayers.layers.sharded import mix
from equilayers.numerics import derived
from equilayers.representations import Representation, exterior

__all__ = ["GeometricProduct", "clifford_table"]

TOLERANCE = 1e-9
LARGEST = 8  # vectors; the table has up to 8 ** n entries


class GeometricProduct(Layer):
    r"""The Clifford product of multivectors, one weight for each triple of grades and each channel.

    .. math:: z_u = \sum_{abc} w_{abc,u}\, \langle \langle x_u \rangle_a \langle y_u \rangle_b \rangle_c, \qquad
        v v = q(v, v) \text{ for vectors}

    Multivectors are :func:`equilayers.exterior` of V; the form q may be indefinite or degenerate. With V the planes
    of space (the dual of the homogeneous coordinates of E(3)) and q = diag(1, 1, 1, 0) this is projective geometric
    algebra, with V space-time and q = diag(1, -1, -1, -1) that of physics.

    Args:
        vectors: the representation V of the vectors.
        form: symmetric ``(V.dim, V.dim)``, invariant: :math:`V(g)^T q\, V(g) = q`.
        channels: how many multivectors.
        device, dtype: as in torch.

    Shapes:
        twice ``(*batch, 2 ** V.dim * channels)``, channels innermost, to the same.

    Raises:
        BadRepresentation: a form that is not symmetric or that the group changes.
        TooLarge: more than 8 vectors.

    Example:
        >>> import torch, equilayers as eq
        >>> layer = eq.layers.GeometricProduct(eq.defining(eq.group("SO(3)")), torch.eye(3))
        >>> _ = torch.nn.init.ones_(layer.weight)  # the product itself
        >>> e1, e2 = torch.eye(8)[1], torch.eye(8)[2]
        >>> layer(e1, e1)[0].item(), layer(e1, e2)[4].item(), layer(e2, e1)[4].item()
        (1.0, 1.0, -1.0)

    Source: Ruhe, Brandstetter, Forre, Clifford Group Equivariant Neural Networks (2023), equation 12.
    """

    weight: nn.Parameter | None
    left_out = ()  # a graph takes both inputs

    def __init__(
        self,
        vectors: Representation,
        form: Tensor | np.ndarray,
        channels: int = 1,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        given = form.detach().cpu().numpy() if isinstance(form, Tensor) else form
        q = np.array(given, dtype=np.float64)
        _require_invariant(vectors, q)
        rep = channels * exterior(vectors)
        super().__init__(rep + rep, rep)
        self.vectors, self.channels, self.dim = vectors, channels, rep.dim
        self._size = 2**vectors.dim
        first, second, out, value = clifford_table(tuple(map(tuple, q.tolist())))
        grades = np.array([len(blade) for blade in _blades(vectors.dim)], dtype=np.int64)
        triples = np.stack([grades[first], grades[second], grades[out]], 1)
        found, path = np.unique(triples, axis=0, return_inverse=True)
        self.grades = tuple((int(a), int(b), int(c)) for a, b, c in found)
        scatter = np.zeros((self._size, len(out)))
        scatter[out, np.arange(len(out))] = value
        arrays = {"first": first, "second": second, "path": path.reshape(-1), "scatter": scatter}
        self.register_constants(arrays, device=device, dtype=dtype)
        squares = [float((value[triples[:, 2] == c] ** 2).sum()) for _, _, c in self.grades]
        sizes = [math.comb(vectors.dim, c) for _, _, c in self.grades]
        self._gains = np.sqrt(np.array(sizes) / np.array(squares))
        new = nn.Parameter(torch.empty(len(self.grades), channels, device=device, dtype=dtype)) if channels else None
        self.register_parameter("weight", new)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Independent normal weights that give unit second moment per grade for independent unit inputs."""
        if self.weight is not None:
            with torch.no_grad():
                mix(self.weight.normal_(), np.diag(self._gains), 0)

    def forward(self, x1: Tensor, x2: Tensor | None = None) -> Tensor:
        """The weighted product; with one argument, x1 and x2 lie behind one another on the last axis."""
        if x2 is None:
            check_channels(x1, 2 * self.dim, -1, "GeometricProduct")
            x1, x2 = x1.split([self.dim, self.dim], -1)
        check_channels(x1, self.dim, -1, "GeometricProduct")
        check_channels(x2, self.dim, -1, "GeometricProduct")
        if self.weight is None:
            return x1
        shape = (self._size, self.channels)
        a, b = x1.unflatten(-1, shape), x2.unflatten(-1, shape)
        fixed = self.constants(x1)
        pairs = a.index_select(-2, fixed["first"]) * b.index_select(-2, fixed["second"])
        weighted = pairs * self.weight.index_select(0, fixed["path"])
        return torch.matmul(fixed["scatter"].to(weighted.dtype), weighted).flatten(-2)


def _require_invariant(vectors: Representation, q: np.ndarray) -> None:
    n = vectors.dim
    if n > LARGEST:
        raise TooLarge(
            "The product table of this geometric algebra is not written out.",
            {
                "vectors": n,
                "multivectors": f"2^{n} = {2**n}",
                "entries": f"up to {8**n}",
                "limit": f"{LARGEST} vectors",
            },
            "Use Bilinear between the grades that you need.",
        )
    if q.shape != (n, n) or np.abs(q - q.T).max(initial=0.0) > TOLERANCE:
        raise BadRepresentation(
            "A geometric product needs a symmetric form on the vectors.",
            {"vectors": repr(vectors), "form": q.shape, "expected": (n, n)},
            "Give a symmetric matrix, for example torch.eye(3).",
        )
    lie, discrete = vectors.images.lie, vectors.images.discrete
    moved = np.abs(lie.swapaxes(1, 2) @ q + q @ lie).max(initial=0.0)
    changed = np.abs(discrete.swapaxes(1, 2) @ q @ discrete - q).max(initial=0.0)
    if max(moved, changed) > TOLERANCE:
        raise BadRepresentation(
            "The group must keep the form: V(g)^T q V(g) = q.",
            {"vectors": repr(vectors), "form": q.tolist(), "violation": f"{max(moved, changed):.1e}"},
            "Give an invariant form, or V.dual for V.",
        )


def _blades(n: int) -> list[tuple[int, ...]]:
    return [blade for k in range(n + 1) for blade in combinations(range(n), k)]


@derived
def clifford_table(form: tuple[tuple[float, ...], ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    r"""Indices of x, of y and of the product and the value, for each nonzero entry of the product's table.

    By left multiplication with a vector, :math:`v A = v \wedge A + v \cdot A`, and with a blade by
    :math:`(v \wedge A) B = v (A B) - (v \cdot A) B`. Blades by grade, then lexicographic.

    Example:
        >>> first, second, out, value = clifford_table(((-1.0,),))  # the complex numbers
        >>> sorted(zip(first.tolist(), second.tolist(), out.tolist(), value.tolist()))
        [(0, 0, 0, 1.0), (0, 1, 1, 1.0), (1, 0, 1, 1.0), (1, 1, 0, -1.0)]

    Source: Chevalley, The Algebraic Theory of Spinors (1954), chapter II.
    """
    q = np.array(form, dtype=np.float64).reshape(len(form), len(form))
    n, blades = len(form), _blades(len(form))
    place = {blade: i for i, blade in enumerate(blades)}
    size = len(blades)
    wedge, inner = np.zeros((n, size, size)), np.zeros((n, size, size))
    for column, blade in enumerate(blades):
        for i in range(n):
            if i not in blade:
                wedge[i, place[tuple(sorted((i, *blade)))], column] = (-1) ** sum(j < i for j in blade)
        for position, j in enumerate(blade):
            rest = place[blade[:position] + blade[position + 1 :]]
            inner[:, rest, column] += (-1) ** position * q[:, j]
    left = np.zeros((size, size, size))  # left[a] multiplies by blade a
    left[0] = np.eye(size)
    for a, blade in enumerate(blades[1:], start=1):
        i, rest = blade[0], place[blade[1:]]
        left[a] = (wedge[i] + inner[i]) @ left[rest] - np.einsum("b,bxy->xy", inner[i][:, rest], left)
    first, out, second = np.nonzero(np.abs(left) > 0)
    return first, second, out, left[first, out, second]
