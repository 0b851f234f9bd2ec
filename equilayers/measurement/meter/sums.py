"""The sums of the meter, streamed: own and shuffled distances without ever holding all outputs of all elements."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from equilayers.measurement.meter.clusters import Clusters

__all__ = ["PairSums", "flat", "row_slices", "unit_of"]

ENTRIES = 2**20  # numbers in double precision that are held at once


def flat(y: Tensor) -> np.ndarray:
    """Rows of real numbers in double precision."""
    y = torch.view_as_real(y) if y.is_complex() else y
    return y.double().reshape(len(y), y[:1].numel()).numpy()


def row_slices(*tensors: Tensor) -> list[slice]:
    """Parts of a batch, in one or several tensors, that are small in double precision."""
    n = len(tensors[0])
    width = sum(t[:1].numel() * (2 if t.is_complex() else 1) for t in tensors)
    step = max(1, ENTRIES // max(1, width))
    return [slice(i, min(n, i + step)) for i in range(0, n, step)]


@np.errstate(all="ignore")
def unit_of(*tensors: Tensor) -> float:
    """A power of two near the largest number, so that squares in units of it neither vanish nor overflow."""
    largest = max((float(np.abs(flat(t[p])).max(initial=0.0)) for t in tensors for p in row_slices(t)), default=0.0)
    return float(2.0 ** np.floor(np.log2(largest))) if 0 < largest < np.inf else 1.0


class PairSums:
    r"""Squared distances of pulled-back outputs to their own and to other inputs' outputs.

    .. math::
        a_i = \mathrm{mean}_j |u_{ij} - v_i|^2, \qquad
        b_i = \mathrm{mean}_j \mathrm{mean}_{k \not\sim i} \tfrac12 (|u_{ij} - v_k|^2 + |u_{kj} - v_i|^2)

    where k runs over the inputs of other clusters. The sums over k are expanded, so time is linear in the number of
    inputs, and memory holds the outputs once.

    Args:
        v: outputs, in any dtype.
        clusters: which inputs count as one; each by itself if None.
        unit: in which distances are counted.

    Shapes: ``(inputs, *out)``.

    Example:
        >>> sums = PairSums(torch.tensor([[0.0], [2.0]]))
        >>> sums.add(slice(0, 2), np.array([[0.0], [2.0]]))
        array([0., 0.])
        >>> sums.own(), sums.shuffled()
        (array([0., 0.]), array([4., 4.]))
    """

    @np.errstate(all="ignore")  # what is not finite is said by the caller
    def __init__(self, v: Tensor, clusters: Clusters | None = None, unit: float = 1.0) -> None:
        n = len(v)
        self.v, self.unit = v, unit
        self.clusters = Clusters.alone(n) if clusters is None else clusters
        sizes = self.clusters.sizes
        self.others = n - sizes[self.clusters.index]
        # Clusters of one need no sum of their own; place says which row of the sums belongs to an input, or -1.
        place = np.where(sizes > 1, np.cumsum(sizes > 1) - 1, -1)
        self.place = place[self.clusters.index]
        width = flat(v[:1]).shape[1]
        self.centre = sum((flat(v[part]).sum(0) for part in row_slices(v)), np.zeros(width)) / max(n, 1)
        self.sum_v, self.sum_u = np.zeros(width), np.zeros(width)
        self.cluster_v, self.cluster_u = np.zeros((2, int((sizes > 1).sum()), width))
        self.vv, self.uu, self.a, self.uv, self.towards = np.zeros((5, n))
        self.count = np.zeros(n)
        for part in row_slices(v):
            rows = self._outputs(part)
            self.vv[part] = (rows**2).sum(1)
            self.sum_v += rows.sum(0)
            self._gather(self.cluster_v, part, rows)

    def _outputs(self, part: slice) -> np.ndarray:
        return (flat(self.v[part]) - self.centre) / self.unit

    def _gather(self, into: np.ndarray, part: slice, rows: np.ndarray) -> None:
        place = self.place[part]
        np.add.at(into, place[place >= 0], rows[place >= 0])

    def _alike(self, rows: np.ndarray, part: slice, sums: np.ndarray, alone: np.ndarray) -> np.ndarray:
        """Products with the sum over the own cluster, which is the input itself where it stands alone."""
        together = self.place[part] >= 0
        out = alone.copy()
        out[together] = (rows[together] * sums[self.place[part][together]]).sum(1)
        return out

    @np.errstate(all="ignore")
    def add(self, part: slice, u: np.ndarray) -> np.ndarray:
        """Count the outputs of some inputs under one element; their own squared distances."""
        v, u = self._outputs(part), (u - self.centre) / self.unit
        own, uv = ((u - v) ** 2).sum(1), (u * v).sum(1)
        self.a[part] += own
        self.uv[part] += uv
        self.uu[part] += (u**2).sum(1)
        self.towards[part] += u @ self.sum_v - self._alike(u, part, self.cluster_v, uv)
        self.sum_u += u.sum(0)
        self._gather(self.cluster_u, part, u)
        self.count[part] += 1
        return own

    def own(self) -> np.ndarray:
        """``a``, in squared units."""
        return self.a / np.maximum(self.count, 1)

    @np.errstate(all="ignore")
    def shuffled(self) -> np.ndarray:
        """``b``, in squared units; 0 where no other cluster is left."""
        from_v = np.zeros(len(self.v))
        for part in row_slices(self.v):
            v = self._outputs(part)
            from_v[part] = v @ self.sum_u - self._alike(v, part, self.cluster_u, self.uv[part])
        others, count = np.maximum(self.others, 1), np.maximum(self.count, 1)
        towards_v = self.uu / count + (self._others(self.vv) - 2 * self.towards / count) / others
        towards_u = self.vv + (self._others(self.uu / count) - 2 * from_v / count) / others
        return np.where(self.others > 0, np.maximum(0.5 * (towards_v + towards_u), 0.0), 0.0)

    def _others(self, values: np.ndarray) -> np.ndarray:
        """Sums over the inputs of other clusters."""
        return values.sum() - self.clusters.total(values)[self.clusters.index]
