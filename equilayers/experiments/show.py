"""A group on one screen: its facts, its irreps, and for a finite group its character table."""

from __future__ import annotations

from collections.abc import Sequence

from equilayers.errors import EquilayersError
from equilayers.groups import FiniteGroup, Group
from equilayers.representations import Irrep, character_table, defining, irreps

__all__ = ["describe"]

LARGEST_LISTED = 100_000  # a finite group above this order is described without its irreps


def describe(group: Group, level: int = 2) -> str:
    """Facts, irreps with dimension and type, and the character table, as text.

    What cannot be derived is named with the reason instead.

    Args:
        group: any group.
        level: for an infinite group, the last tensor power of the defining representation to look into.

    Example:
        >>> import equilayers as eq
        >>> print(describe(eq.group("SO(2)"), level=1))
        SO(2)
          order            infinite
          compact          yes
          connected        yes
          Lie algebra      dimension 1
          elements         2 x 2 matrices
          generators       1 of the Lie algebra
          defining action  dimension 2
        <BLANKLINE>
        irrep  dim  type
        0        1  real
        1        2  complex
    """
    parts = [_facts(group)]
    if isinstance(group, FiniteGroup) and group.order > LARGEST_LISTED:
        parts.append(f"irreps: not listed, the order is above {LARGEST_LISTED}")
        return "\n\n".join(parts)
    try:
        found = irreps(group) if group.is_finite else irreps(group, level=level)
        parts.append(_irreps(found))
        if group.is_finite:
            parts.append(f"character table of {character_table(group)}")
    except EquilayersError as error:
        parts.append(f"not available: {error}")
    return "\n\n".join(parts)


def _facts(group: Group) -> str:
    discrete, lie = len(group.discrete_generators), group.lie_dim
    generators = [f"{lie} of the Lie algebra"] * bool(lie) + [f"{discrete} discrete"] * bool(discrete)
    rows = {"order": "infinite" if group.order is None else str(group.order)}
    rows["compact"] = "yes" if group.is_compact else "no"
    if not group.is_finite:
        rows["connected"] = "yes" if group.is_connected else "no"
        rows["Lie algebra"] = f"dimension {lie}" + (", semisimple" if group.is_semisimple else "")
    rows["elements"] = _elements(group)
    rows["generators"] = " and ".join(generators) or "none"
    rows["defining action"] = f"dimension {defining(group).dim}"
    width = max(len(name) for name in rows)
    return "\n".join([str(group), *(f"  {name:<{width}}  {text}" for name, text in rows.items())])


def _elements(group: Group) -> str:
    if len(group.factors) > 1:
        return "one of each factor, packed: " + ", ".join(str(factor) for factor in group.factors)
    shape = group.element_shape
    if len(shape) == 2:
        return f"{shape[0]} x {shape[1]} matrices"
    return f"permutations of {shape[0]} points" if len(shape) == 1 else "rows of a multiplication table"


def _irreps(found: Sequence[Irrep]) -> str:
    label = max(len("irrep"), *(len(i.label) for i in found))
    dim = max(len("dim"), *(len(str(i.dim)) for i in found))
    rows = [
        f"{'irrep':<{label}}  {'dim':>{dim}}  type",
        *(f"{i.label:<{label}}  {i.dim:>{dim}}  {i.type}" for i in found),
    ]
    return "\n".join(rows)
