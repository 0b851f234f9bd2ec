"""Inputs that belong together and count as one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from equilayers.errors import BadInput

__all__ = ["Clusters"]


@dataclass(frozen=True)
class Clusters:
    """Which inputs count as one.

    Attributes:
        index: the cluster of each input, 0 to ``count - 1``.
        count: how many there are.
    """

    index: np.ndarray
    count: int

    @classmethod
    def alone(cls, n: int) -> Clusters:
        """Every input by itself."""
        return cls(np.arange(n), n)

    @classmethod
    def given(cls, labels: Any, n: int) -> Clusters:
        """From labels of any kind, one per input."""
        try:
            values = labels.detach().cpu().numpy() if isinstance(labels, Tensor) else np.asarray(labels)
            found, index = np.unique(values, return_inverse=True)
        except (TypeError, ValueError, RuntimeError) as problem:  # lists of lists, labels that have no order
            raise BadInput(
                "clusters= needs labels of one kind.",
                {"clusters": type(labels).__name__, "because": problem},
                "Give integers or strings.",
            ) from problem
        if values.shape != (n,):
            raise BadInput(
                "clusters= needs one label per input.",
                {"clusters": values.shape, "inputs": n},
                "Give a tensor or list of n labels; inputs with equal labels count as one.",
            )
        if values.dtype.kind == "f" and np.isnan(values).any():
            raise BadInput(
                "clusters= needs labels that equal themselves.",
                {"NaN": int(np.isnan(values).sum())},
                "Give integers or strings.",
            )
        return cls(index.reshape(n), len(found))

    @property
    def sizes(self) -> np.ndarray:
        """How many inputs each holds."""
        return np.bincount(self.index, minlength=self.count)

    def total(self, values: np.ndarray) -> np.ndarray:
        """Sums over each cluster of the last axis."""
        if self.count == len(self.index):
            return values[..., np.argsort(self.index)]
        order = np.argsort(self.index, kind="stable")
        starts = np.searchsorted(self.index[order], np.arange(self.count))
        return np.add.reduceat(values[..., order], starts, axis=-1)
