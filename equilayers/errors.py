"""The exception family: every message names the broken rule, the values, and one remedy."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = [
    "BadGroup",
    "BadInput",
    "BadRepresentation",
    "CheckFailed",
    "CheckpointMismatch",
    "EquilayersError",
    "GroupMismatch",
    "NotCertified",
    "RepresentationMismatch",
    "ResultsError",
    "TooLarge",
]


class EquilayersError(ValueError):
    """A violated rule, in the words of the call that violated it.

    Args:
        rule: the violated rule, one sentence.
        values: what was given, printed aligned, one line each.
        remedy: one thing to do.

    Example:
        >>> print(EquilayersError("Linear needs one group.", {"in_rep": "D4", "out": "C4"}, "Restrict in_rep."))
        Linear needs one group.
          in_rep  D4
          out     C4
          Restrict in_rep.
    """

    def __init__(self, rule: str, values: Mapping[str, object] | None = None, remedy: str = "") -> None:
        self.rule, self.values, self.remedy = rule, dict(values or {}), remedy
        super().__init__(rule, self.values, remedy)

    def __str__(self) -> str:
        width = max((len(name) for name in self.values), default=0)
        lines = [self.rule]
        lines += [f"  {name:<{width}}  {value}" for name, value in self.values.items()]
        if self.remedy:
            lines.append(f"  {self.remedy}")
        return "\n".join(lines)


class BadInput(EquilayersError):
    """A tensor or an argument that a call cannot take."""


class BadGroup(EquilayersError):
    """A description that is not a group, or not the group it says."""


class BadRepresentation(EquilayersError):
    """Matrices that do not represent the group, or a representation that a layer cannot take."""


class GroupMismatch(EquilayersError):
    """Representations of different groups where one group is needed."""


class RepresentationMismatch(EquilayersError):
    """Neighbours whose actions differ, perhaps only by a change of basis."""


class NotCertified(EquilayersError):
    """A computation that cannot certify its answer; a partial answer is never returned."""


class TooLarge(EquilayersError):
    """A result that would not fit, refused before memory is spent."""


class CheckpointMismatch(EquilayersError):
    """Weights that belong to another basis."""


class CheckFailed(EquilayersError):
    """A law that a checked object breaks."""


class ResultsError(EquilayersError):
    """A results folder that cannot be read; it is reported and kept."""
