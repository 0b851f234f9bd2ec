"""What checks hand back: the laws that ran, and a print for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from equilayers.errors import CheckFailed

__all__ = ["CheckReport", "LawResult", "Laws", "number"]


def number(value: float | None) -> str:
    """Three digits, or a dash for a missing value."""
    if value is None:
        return "-"
    return f"{value:.3g}" if value == 0 or 1e-3 <= abs(value) < 1e4 else f"{value:.1e}"


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
            f"  {law.name:<{width}}  {number(law.error)}" + (f" <= {number(law.tolerance)}" if law.tolerance else "")
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
