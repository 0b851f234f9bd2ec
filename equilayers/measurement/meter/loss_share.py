"""How much of a loss is variation over the orbit, and whether labels fit what they are labels of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import BadInput, EquilayersError
from equilayers.measurement.joined import Tensors, mapped, rows
from equilayers.measurement.meter.sums import row_slices
from equilayers.measurement.probe import leaves_of

__all__ = ["LossShare", "checked_labels"]

GROUPS = 4  # means over the orbit that are kept apart, to see how the loss of a mean depends on how many it is of
Loss = Callable[[Any, Tensor], Tensor]


def checked_labels(labels: Any, n: int) -> Tensor:
    """One finite label per input, on the CPU."""
    try:
        labels = torch.as_tensor(labels).detach().cpu()
        labels = labels if labels.layout == torch.strided else labels.to_dense()
    except (TypeError, ValueError, RuntimeError) as problem:
        raise BadInput(
            "Labels must be numbers.", {"labels": type(labels).__name__, "because": str(problem)}, "Give a tensor."
        ) from problem
    if labels.dim() < 1 or len(labels) != n:
        raise BadInput(
            "Labels must be one per input.", {"labels": tuple(labels.shape), "inputs": n}, "Give both or neither."
        )
    if labels.is_floating_point() and not torch.isfinite(labels).all():
        raise BadInput(
            "Labels must be finite.",
            {"not finite": int((~torch.isfinite(labels)).sum())},
            "Remove these inputs and labels.",
        )
    return labels.double() if labels.is_floating_point() else labels


def _default(v: Tensors, labels: Tensor) -> Loss:
    """Cross-entropy for integers, else the squared error; refused where these are not losses of such labels."""
    if not isinstance(v, Tensor):
        raise BadInput(
            "The loss of several outputs must be given.",
            {"loss": None},
            "Give loss=: (outputs, labels) to a loss each.",
        )
    outputs, found = tuple(v.shape), tuple(labels.shape)
    values = {"labels": f"{found} {labels.dtype}", "outputs": outputs}
    if labels.is_floating_point():
        if found != outputs:
            raise BadInput("Real labels must have the shape of the outputs.", values, "Reshape them, or give loss=.")
        return lambda y, targets: (y - targets).flatten(1).square().sum(1)
    if labels.is_complex() or len(outputs) < 2 or found != outputs[:1] + outputs[2:]:
        raise BadInput(
            "Integer labels are classes: one for each input, and for each pixel where there are any.",
            values | {"expected": outputs[:1] + outputs[2:]},
            "Use labels.squeeze(-1) for (n, 1), real labels for a regression, or give loss=.",
        )
    if labels.numel() and not 0 <= int(labels.min()) <= int(labels.max()) < outputs[1]:
        raise BadInput(
            "Integer labels must be classes of the outputs.",
            values | {"smallest": int(labels.min()), "largest": int(labels.max()), "classes": outputs[1]},
            f"Use classes 0 to {outputs[1] - 1}.",
        )
    return lambda y, targets: torch.nn.functional.cross_entropy(y, targets.long(), reduction="none")


class LossShare:
    r"""Part of the orbit-averaged loss that is variation over the orbit.

    .. math::
        \frac{\mathrm{mean}_j\, \ell(u_j) - \ell(\mathrm{mean}_j\, u_j)}{\mathrm{mean}_j\, \ell(u_j)}

    The outputs are averaged, for a classifier its logits. A mean of few drawn elements still varies; its loss is
    extrapolated to all elements by leaving out a part of them (a jackknife).

    Args:
        v: outputs of the inputs themselves.
        labels: one per input.
        loss: ``(outputs, labels)`` to a loss per input; cross-entropy for integers, else squared error if None.
        whole: the elements are the whole group but the identity.
        elements: how many.
    """

    def __init__(self, v: Tensors, labels: Tensor, loss: Loss | None, whole: bool, elements: int) -> None:
        if loss is not None and not callable(loss):
            raise BadInput("loss= must be a function.", {"loss": repr(loss)}, "Give (outputs, labels) to a loss each.")
        self.labels, self.whole, self.elements = labels, whole, elements
        self.loss = _default(v, labels) if loss is None else loss
        self.n = len(labels)
        groups = 1 if whole else min(GROUPS, elements)
        self.sums = [mapped(lambda t: torch.zeros(t.shape, dtype=_wide(t)), v) for _ in range(groups)]
        self.counts = np.zeros((groups, self.n))
        self.total, self.evaluated = 0.0, 0
        for part in row_slices(*leaves_of(v)):
            u = mapped(lambda t: t.to(_wide(t)), rows(v, part, self.n))
            if whole:  # the identity is one of the elements
                self.add(0, part, u)
            else:
                self._loss(u, self.labels[part])  # so that a loss that does not fit is told before all the rest

    def add(self, j: int, part: slice, u: Tensors) -> None:
        """Count the pulled-back outputs of some inputs in round j."""
        group = j % len(self.sums)
        size = len(self.labels[part])
        self.total += self._loss(u, self.labels[part]) * size
        self.evaluated += size
        for into, tensor in zip(leaves_of(self.sums[group]), leaves_of(u), strict=True):
            into[part] += tensor
        self.counts[group, part] += 1

    def _loss(self, outputs: Tensors, labels: Tensor) -> float:
        try:
            return float(torch.as_tensor(self.loss(outputs, labels)).double().mean())
        except EquilayersError:
            raise
        except Exception as problem:
            raise BadInput(
                "loss= fails on the outputs and labels.",
                {
                    "outputs": [tuple(t.shape) for t in leaves_of(outputs)],
                    "labels": f"{tuple(labels.shape)} {labels.dtype}",
                    "because": f"{type(problem).__name__}: {(str(problem).splitlines() or [''])[0]}",
                },
                "Give a loss of (outputs, labels) that returns one number for each input.",
            ) from problem

    def _of_mean(self, groups: list[int]) -> float:
        """The loss of the mean over some groups of elements."""
        count = float(self.counts[groups, 0].sum())
        total = 0.0
        for part in row_slices(*leaves_of(self.sums[0])):
            tensors = [[t[part] for t in leaves_of(self.sums[g])] for g in groups]
            means = iter([sum(each[1:], each[0]) / count for each in map(list, zip(*tensors, strict=True))])
            outputs = mapped(lambda _, means=means: next(means), self.sums[0])  # type: ignore[misc]
            total += self._loss(outputs, self.labels[part]) * len(self.labels[part])
        return total / self.n

    def value(self) -> float | None:
        """The share; None where a single drawn element or a loss that is not positive leaves none."""
        average = self.total / max(self.evaluated, 1)
        if not average > 0 or (not self.whole and self.elements < 2):
            return None
        groups = list(range(len(self.sums)))
        symmetrised = self._of_mean(groups)
        if not self.whole:
            count = self.counts[:, 0]
            left = np.array([self._of_mean([g for g in groups if g != out]) for out in groups])
            slope = (left - symmetrised).mean() / (1 / (count.sum() - count) - 1 / count.sum()).mean()
            symmetrised -= slope / count.sum()
        return (average - symmetrised) / average


def _wide(t: Tensor) -> torch.dtype:
    return torch.complex128 if t.is_complex() else torch.float64
