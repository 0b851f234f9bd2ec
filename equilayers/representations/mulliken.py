"""Labels of irreps: Mulliken symbols for the point groups, otherwise the index."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from equilayers.groups import FiniteGroup, PointGroup, Polyhedral

__all__ = ["mulliken_labels"]

_LETTERS = {1: "A", 2: "E", 3: "T", 4: "G", 5: "H"}


def mulliken_labels(group: FiniteGroup, characters: Sequence[np.ndarray]) -> list[str]:
    """Labels for irreps with these characters by class.

    A, E, T, G, H by dimension; a number where a letter repeats, 1 for a positive character of the first generator (a
    quarter or a fifth turn); g or u by the sign of the inversion. So T1 of O and I, T1u of Oh and Ih is the defining
    representation. Point groups with a main axis: A and B by the sign of the turn about it, 1 and 2 by that of the half
    turn about x or of the mirror that contains the axis, E1 and E2 by frequency, primes by the level mirror where that
    is the only one to tell; D2 and D2h number the axis with a positive sign. Other groups number their irreps.

    Source: Mulliken, Report on Notation for the Spectra of Polyatomic Molecules (1955).
    """
    if isinstance(group, PointGroup):
        return _point_labels(group, characters)
    if not isinstance(group, Polyhedral):
        return [str(k) for k in range(len(characters))]
    classes = group.conjugacy_classes
    turn = _class_of(group, group.discrete_generators[0])
    parity = [""] * len(characters)
    if group.kind.endswith("h"):
        inversion = _class_of(group, -torch.eye(3, dtype=torch.float64))
        parity = ["g" if chi[inversion] > 0 else "u" for chi in characters]
    stems = [_LETTERS[round(float(chi[classes.labels[0]]))] for chi in characters]
    pairs = list(zip(stems, parity, strict=True))
    labels = []
    for (stem, sign), chi in zip(pairs, characters, strict=True):
        number = "" if pairs.count((stem, sign)) == 1 else "1" if chi[turn] > 0 else "2"
        labels.append(stem + number + sign)
    return labels


def _point_labels(group: PointGroup, characters: Sequence[np.ndarray]) -> list[str]:
    classes = group.conjugacy_classes
    axis, across = _class_of(group, group.axis), None if group.across is None else _class_of(group, group.across)
    inversion, level = (_where(group, torch.diag(torch.tensor(d))) for d in ([-1.0, -1.0, -1.0], [1.0, 1.0, -1.0]))
    labels = []
    for chi in characters:
        dim = round(float(chi[classes.labels[0]]))
        stem = _LETTERS[dim]
        if group.schoenflies in ("D2", "D2h"):
            stem = _of_three_axes(group, chi)
        elif group.is_cubic:
            if dim != 2 and group.schoenflies not in ("T", "Th"):
                stem += "1" if chi[axis] > 0 else "2"
        elif dim == 1:
            stem = "A" if chi[axis] > 0 else "B"
            if across is not None:
                stem += "1" if chi[across] > 0 else "2"
        elif group.schoenflies[1] == "6" and group.schoenflies != "S6":
            stem += "1" if chi[axis] > 0 else "2"
        if inversion is not None:
            stem += "g" if chi[inversion] > 0 else "u"
        elif level is not None and group.schoenflies in ("Cs", "C3h", "D3h"):
            stem += "'" if chi[level] > 0 else "''"
        labels.append(stem)
    return labels


def _of_three_axes(group: PointGroup, chi: np.ndarray) -> str:
    """A, or B with the number of the axis, counted from z, whose half turn is kept."""
    signs = torch.tensor([[-1.0, -1.0, 1.0], [-1.0, 1.0, -1.0], [1.0, -1.0, -1.0]], dtype=torch.float64)
    kept = [bool(chi[_class_of(group, half)] > 0) for half in torch.diag_embed(signs)]
    return "A" if all(kept) else f"B{kept.index(True) + 1}"


def _where(group: FiniteGroup, g: torch.Tensor) -> int | None:
    """The class of a matrix, None where it is not in the group."""
    g = g.double()
    return _class_of(group, g) if group.contains(g) else None


def _class_of(group: FiniteGroup, g: torch.Tensor) -> int:
    return int(group.conjugacy_classes.labels[int(group.index(g))])
