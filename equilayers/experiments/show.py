"""A group on one screen: its facts, its irreps, and for a finite group its character table. All groups in a table."""

from __future__ import annotations

from collections.abc import Sequence

from equilayers.errors import EquilayersError
from equilayers.groups import FiniteGroup, Group, catalogue
from equilayers.representations import Irrep, character_table, defining, irreps

__all__ = ["describe", "listing"]

LARGEST_LISTED = 100_000  # a finite group above this order is described without its irreps
LARGEST_WRITTEN = 10**9  # orders above are rounded in the table of all groups


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


def listing() -> str:
    """The catalogue as a table: name, order, dimension of the Lie algebra, whether compact, and a description.

    Example:
        >>> print("\\n".join(listing().splitlines()[:4]))
        planar        order  dim  compact
          trivial         1    0  yes      the group of one element
          C2              2    0  yes      half turns of the plane
          C3              3    0  yes      rotations of the triangle
    """
    families: dict[str, list[tuple[str, ...]]] = {}
    for entry in catalogue():
        order, compact = _order(entry.order), "yes" if entry.is_compact else "no"
        row = (f"  {entry.name}", order, str(entry.lie_dim), compact, entry.description)
        families.setdefault(entry.family, []).append(row)
    return "\n\n".join(_table((family, "order", "dim", "compact", ""), rows) for family, rows in families.items())


def _order(order: int | None) -> str:
    if order is None:
        return "infinite"
    return str(order) if order <= LARGEST_WRITTEN else f"{order:.2e}"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Names, compact and descriptions to the left, numbers to the right."""
    widths = [max(len(row[k]) for row in (head, *rows)) for k in range(len(head))]
    lines = []
    for row in (head, *rows):
        cells = [f"{cell:{'>' if k in (1, 2) else '<'}{widths[k]}}" for k, cell in enumerate(row)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


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
