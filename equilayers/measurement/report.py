"""What measurements and checks hand back: values to compute with, and a print for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch

from equilayers.errors import CheckFailed

__all__ = ["CheckReport", "EquivarianceReport", "LawResult", "Laws", "LayerError", "WorstElement"]


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3g}" if value == 0 or 1e-3 <= abs(value) < 1e4 else f"{value:.1e}"


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


@dataclass(frozen=True, repr=False)
class EquivarianceReport:
    """How far a function is from commuting with a group; see :func:`equivariance_error`.

    Attributes:
        error: 0 is exact, 1 is no better than another input's output, None where the ratio is undefined.
        interval: 95 % interval, clustered by input; None where it would not cover.
        undefined: why ``error`` is None, else an empty string.
        worst: the element with the largest error.
        median, maximum: of the errors of single inputs.
        floor: the error that rounding and resampling alone would give.
        floor_source: how the floor was found.
        loss_share: part of the orbit-averaged loss that is variation over the orbit; None without labels.
        layers: attribution to the parts that declare their actions.
        scale: root mean square distance of shuffled pairs, the unit of ``error``.
        inputs, elements: how many; ``exhaustive`` if these are all elements but the identity.
        notes: what a reader has to know beside the numbers.

    Example:
        >>> import equilayers as eq
        >>> V = eq.defining(eq.group("C4"))
        >>> eq.equivariance_error(lambda x: 0 * x, V, V)
        <equivariance error undefined: the outputs of different inputs do not differ>
    """

    error: float | None
    interval: tuple[float, float] | None
    undefined: str
    worst: WorstElement | None
    median: float | None
    maximum: float | None
    floor: float | None
    floor_source: str
    loss_share: float | None
    layers: tuple[LayerError, ...]
    scale: float
    inputs: int
    elements: int
    exhaustive: bool
    notes: tuple[str, ...] = ()

    @property
    def is_at_floor(self) -> bool:
        """Whether the error is below twice the floor, so that nothing but rounding or resampling shows."""
        return self.error is not None and self.floor is not None and self.error <= 2 * self.floor

    def __repr__(self) -> str:
        if self.error is None:
            return f"<equivariance error undefined: {self.undefined}>"
        interval = "" if self.interval is None else f" [{_number(self.interval[0])}, {_number(self.interval[1])}]"
        return f"<equivariance error {_number(self.error)}{interval}, floor {_number(self.floor)}>"

    def __str__(self) -> str:
        which = "all but the identity" if self.exhaustive else "drawn per input"
        rows = [("equivariance error", self._headline())]
        if self.error is not None:
            rows.append(("per input", f"median {_number(self.median)}, maximum {_number(self.maximum)}"))
        if self.worst is not None:
            rows.append(("worst element", f"{_number(self.worst.error)} at {_element(self.worst.element)}"))
        rows.append(("floor", f"{_number(self.floor)}  ({self.floor_source})"))
        if self.loss_share is not None:
            rows.append(("share of the loss", f"{100 * self.loss_share:.3g} %"))
        rows.append(("measured on", f"{self.inputs} inputs x {self.elements} elements ({which})"))
        rows += [("note", note) for note in self.notes]
        lines = [f"{name:<20}{text}" for name, text in rows]
        if self.layers:
            width = max(len(part.name) for part in self.layers)
            lines.append(f"{'layer':<{width + 2}}{'own':>9}{'so far':>9}")
            lines += [
                f"{part.name:<{width + 2}}{_number(part.own):>9}{_number(part.accumulated):>9}  {part.note}".rstrip()
                for part in self.layers
            ]
        return "\n".join(lines)

    def _headline(self) -> str:
        if self.error is None:
            return f"undefined: {self.undefined}"
        interval = ""
        if self.interval is not None:
            interval = f"  95 % [{_number(self.interval[0])}, {_number(self.interval[1])}]"
        verdict = "  at the floor" if self.is_at_floor else ""
        return f"{_number(self.error)}{interval}{verdict}"


def _element(g: torch.Tensor) -> str:
    entries = [f"{value:.3g}" for value in g.reshape(-1)[:16].tolist()]
    shape = "" if g.dim() < 2 else f" of shape {tuple(g.shape)}"
    more = ", ..." if g.numel() > 16 else ""
    return f"[{', '.join(entries)}{more}]{shape}"


@dataclass(frozen=True)
class LawResult:
    """One law that held: its error and what was allowed (both 0 for laws about integers and equality).

    Example:
        >>> import equilayers as eq
        >>> eq.testing.check_group(eq.group("C2")).laws[0].name
        'Every discrete generator is invertible'
    """

    name: str
    error: float
    tolerance: float


@dataclass(frozen=True, repr=False)
class CheckReport:
    """What a ``check_*`` function did.

    Attributes:
        subject: what was checked.
        laws: the laws that ran, all of which held.
        not_run: laws that did not apply, with the reason.
        ran: how many laws ran.

    Example:
        >>> import equilayers as eq
        >>> V = eq.defining(eq.group("O(3)"))
        >>> eq.testing.assert_equivariant(lambda x: -x, V, V)
        <function <lambda>: 3 laws hold, 0 not run>
    """

    subject: str
    laws: tuple[LawResult, ...]
    not_run: Mapping[str, str] = field(default_factory=dict)

    @property
    def ran(self) -> int:
        return len(self.laws)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(law.name for law in self.laws)

    def __repr__(self) -> str:
        return f"<{self.subject}: {self.ran} laws hold, {len(self.not_run)} not run>"

    def __str__(self) -> str:
        width = max((len(name) for name in (*self.names, *self.not_run)), default=0)
        lines = [f"{self.subject}: {self.ran} laws hold, {len(self.not_run)} not run"]
        lines += [
            f"  {law.name:<{width}}  {_number(law.error)}" + (f" <= {_number(law.tolerance)}" if law.tolerance else "")
            for law in self.laws
        ]
        lines += [f"  {name:<{width}}  not run: {reason}" for name, reason in self.not_run.items()]
        return "\n".join(lines)


class Laws:
    """Collects the laws of one check and stops at the first that is broken."""

    def __init__(self, subject: str) -> None:
        self.subject = subject
        self._held: list[LawResult] = []
        self._not_run: dict[str, str] = {}

    def bound(self, name: str, error: float, tolerance: float, values: Mapping[str, object] | None = None) -> None:
        """Demand an error within a tolerance; an error that is not a number fails."""
        error = float(error)
        if not error <= tolerance:
            found = {"subject": self.subject, "error": f"{error:.3g}", "allowed": f"{tolerance:.3g}"}
            raise CheckFailed(f"{name} does not hold.", {**found, **(values or {})}, _REMEDY)
        self._held.append(LawResult(name, error, tolerance))

    def holds(self, name: str, truth: bool, values: Mapping[str, object] | None = None) -> None:
        """Demand a statement."""
        if not truth:
            raise CheckFailed(f"{name} does not hold.", {"subject": self.subject, **(values or {})}, _REMEDY)
        self._held.append(LawResult(name, 0.0, 0.0))

    def equal(self, name: str, declared: object, derived: object) -> None:
        """Demand that two values are equal, and print both when they are not."""
        self.holds(name, declared == derived, {"declared": declared, "derived": derived})

    def not_run(self, name: str, reason: str) -> None:
        """Record a law that does not apply."""
        self._not_run[name] = reason

    def report(self) -> CheckReport:
        return CheckReport(self.subject, tuple(self._held), dict(self._not_run))


_REMEDY = "Correct the description or the override that this law compares."
