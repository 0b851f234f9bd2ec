"""Representations in the short spelling: "8x0 + 4x1"."""

from __future__ import annotations

import re

from equilayers.errors import BadRepresentation
from equilayers.groups import Group
from equilayers.numerics import isolated
from equilayers.representations.constructors import trivial
from equilayers.representations.irreps import irrep
from equilayers.representations.representation import Representation

__all__ = ["rep"]


@isolated
def rep(group: Group, spelling: str) -> Representation:
    """A sum of irreps by label, ``multiplicity x label`` joined by ``+``, exactly as e3nn writes it for O(3).

    Raises:
        BadRepresentation: a term cannot be read, or the group has no irrep of that label.

    Example:
        >>> import equilayers as eq
        >>> rep(eq.group("O(3)"), "32x0e + 16x1o").dim
        80
    """
    total = 0 * trivial(group)
    for term in filter(None, (part.strip() for part in spelling.split("+"))):
        match = re.fullmatch(r"(?:(\d+)\s*x\s*)?([^\sx+]+)", term)
        if match is None:
            raise BadRepresentation(
                "A term is a multiplicity, an x and an irrep's label.",
                {"term": repr(term), "in": repr(spelling)},
                'Write rep(G, "8x0 + 4x1"); equilayers.irreps(G) lists the labels.',
            )
        total = total + int(match[1] or 1) * irrep(group, match[2])
    return total
