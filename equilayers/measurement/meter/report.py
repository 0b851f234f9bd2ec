"""What the meter hands back: values to compute with, and a print for people."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from equilayers.measurement.report import number

__all__ = ["EquivarianceReport", "LayerError", "PartError", "WorstElement"]

READABLE = 0.1  # a floor above it hides too much to say that nothing but the floor shows


@dataclass(frozen=True)
class WorstElement:
    """The element at which the error is largest, and that error.

    Example:
        >>> import equilayers as eq
        >>> V = eq.defining(eq.group("C4"))
        >>> eq.equivariance_error(torch.exp, V, V).worst.element.shape
        torch.Size([2, 2])
    """

    element: torch.Tensor
    error: float


@dataclass(frozen=True)
class LayerError:
    """Attribution to one part of a module.

    Attributes:
        name: its path inside the module.
        own: the error that it adds by itself, on the features that reach it.
        accumulated: the error of its output as a function of the module's input.
        note: why a number is missing.

    Example:
        >>> LayerError("0.conv", own=0.25, accumulated=0.5)
        LayerError(name='0.conv', own=0.25, accumulated=0.5, note='')
    """

    name: str
    own: float | None
    accumulated: float | None
    note: str = ""


@dataclass(frozen=True)
class PartError:
    """The error of one of several outputs, in units of how far that output of different inputs lies apart.

    Attributes:
        name: its key or position.
        error: None where that output does not differ between inputs.
        floor: what rounding, resampling and noise alone would give.
        scale: root mean square distance of shuffled pairs.

    Example:
        >>> import equilayers as eq
        >>> V = eq.defining(eq.group("C4"))
        >>> report = eq.equivariance_error(lambda x: {"same": x, "other": x.exp()}, V, {"same": V, "other": V})
        >>> [(part.name, part.error > 0.1) for part in report.parts]
        [('same', False), ('other', True)]
    """

    name: str
    error: float | None
    floor: float | None
    scale: float


@dataclass(frozen=True, repr=False)
class EquivarianceReport:
    """How far a function is from commuting with a group; see :func:`equivariance_error`.

    Attributes:
        error: 0 is exact, 1 is no better than another input's output, None where the ratio is undefined.
        interval: 95 % interval by leaving out clusters of inputs; None where it would not cover.
        undefined: why ``error`` is None, else an empty string.
        worst: the element with the largest error.
        median, maximum: of the errors of single inputs.
        floor: the error that rounding, resampling and noise alone would give.
        floor_source: how the floor was found.
        loss_share: part of the orbit-averaged loss that is variation over the orbit; None without labels.
        layers: attribution to the parts that declare their actions.
        parts: the errors of several outputs one by one; empty for a single tensor.
        scale: root mean square distance of shuffled pairs, the unit of ``error``.
        inputs, elements: how many; ``exhaustive`` if these are all elements but the identity.
        clusters: how many groups of inputs count as independent.
        draws: how many calls of a random function were averaged.
        notes: what a reader has to know beside the numbers.

    Example:
        >>> import equilayers as eq
        >>> V = eq.defining(eq.group("C4"))
        >>> eq.equivariance_error(lambda x: 0 * x, V, V)
        <equivariance error undefined: the outputs of different inputs do not differ>
    """

    error: float | None
    undefined: str
    inputs: int
    elements: int
    exhaustive: bool
    clusters: int
    draws: int = 1
    interval: tuple[float, float] | None = None
    worst: WorstElement | None = None
    median: float | None = None
    maximum: float | None = None
    floor: float | None = None
    floor_source: str = "not measured"
    loss_share: float | None = None
    layers: tuple[LayerError, ...] = ()
    parts: tuple[PartError, ...] = ()
    scale: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def is_at_floor(self) -> bool:
        """Whether the error is below twice a floor of at most 0.1, so that nothing but the floor shows."""
        return self._is_within_floor and self.floor is not None and self.floor <= READABLE

    @property
    def _is_within_floor(self) -> bool:
        return self.error is not None and self.floor is not None and self.error <= 2 * self.floor

    def __repr__(self) -> str:
        if self.error is None:
            return f"<equivariance error undefined: {self.undefined}>"
        interval = "" if self.interval is None else f" [{number(self.interval[0])}, {number(self.interval[1])}]"
        return f"<equivariance error {number(self.error)}{interval}, floor {number(self.floor)}>"

    def __str__(self) -> str:
        which = "all but the identity" if self.exhaustive else "drawn per input"
        inputs = f"{self.inputs} inputs"
        if self.clusters != self.inputs:
            inputs += f" in {self.clusters} clusters"
        rows = [("equivariance error", self._headline())]
        if self.error is not None:
            rows.append(("per input", f"median {number(self.median)}, maximum {number(self.maximum)}"))
        if self.worst is not None:
            rows.append(("worst element", f"{number(self.worst.error)} at {_element(self.worst.element)}"))
        rows.append(("floor", f"{number(self.floor)}  ({self.floor_source})"))
        rows += [(part.name, f"{number(part.error)}, floor {number(part.floor)}") for part in self.parts]
        if self.loss_share is not None:
            rows.append(("share of the loss", f"{100 * self.loss_share:.3g} %  (outputs averaged over the orbit)"))
        rows.append(("measured on", f"{inputs} x {self.elements} elements ({which})"))
        if self.draws > 1:
            rows.append(("a mean of", f"{self.draws} calls of a random function"))
        rows += [("note", note) for note in self.notes]
        lines = [f"{name:<20}{text}" for name, text in rows]
        if self.layers:
            width = max(len(part.name) for part in self.layers)
            lines.append(f"{'layer':<{width + 2}}{'own':>9}{'so far':>9}")
            lines += [
                f"{part.name:<{width + 2}}{number(part.own):>9}{number(part.accumulated):>9}  {part.note}".rstrip()
                for part in self.layers
            ]
        return "\n".join(lines)

    def _headline(self) -> str:
        if self.error is None:
            return f"undefined: {self.undefined}"
        interval = ""
        if self.interval is not None:
            interval = f"  95 % [{number(self.interval[0])}, {number(self.interval[1])}]"
        verdict = "  at the floor" if self.is_at_floor else "  not told from its floor" if self._is_within_floor else ""
        return f"{number(self.error)}{interval}{verdict}"


def _element(g: torch.Tensor) -> str:
    entries = [f"{value:.3g}" for value in g.reshape(-1)[:16].tolist()]
    shape = "" if g.dim() < 2 else f" of shape {tuple(g.shape)}"
    more = ", ..." if g.numel() > 16 else ""
    return f"[{', '.join(entries)}{more}]{shape}"
