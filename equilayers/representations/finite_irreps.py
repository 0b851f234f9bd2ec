"""The irreps of any finite group, found from its generators alone, in canonical form and order."""

from __future__ import annotations

from typing import cast

import numpy as np

from equilayers.errors import BadRepresentation, TooLarge
from equilayers.groups import FiniteGroup, Group
from equilayers.groups.finite import ELEMENT_LIMIT
from equilayers.numerics import derived
from equilayers.representations.canonical import canonical_images
from equilayers.representations.finite_search import Found, class_character, find
from equilayers.representations.levels import in_order
from equilayers.representations.mulliken import mulliken_labels
from equilayers.representations.representation import Irrep, unit_matrices

__all__ = ["derive", "irrep", "irreps"]

Listed = list[tuple[str, str, np.ndarray]]
LIST_LIMIT = 1000
SAME = 1e-7  # characters nearer than this are one


def irreps(group: Group, level: int | None = None, max_dim: int | None = None) -> tuple[Irrep, ...]:
    """All irreps of a finite group, canonical and in order; ``level`` means nothing here.

    Raises:
        TooLarge: the group is too large to be enumerated.

    Example:
        >>> import equilayers as eq
        >>> [(i.label, i.dim) for i in irreps(eq.group("O"))]
        [('A1', 1), ('A2', 1), ('E', 2), ('T2', 3), ('T1', 3)]
    """
    return tuple(
        Irrep.from_images(group, label, kind, np.zeros((0, *images.shape[1:])), images)
        for label, kind, images in _listed(group)
        if max_dim is None or images.shape[-1] <= max_dim
    )


@derived
def _listed(group: Group) -> Listed:
    return derive(_enumerable(group))


def irrep(group: Group, label: str) -> Irrep:
    """The irrep of that label.

    Raises:
        BadRepresentation: there is none.
    """
    listed = irreps(group)
    for candidate in listed:
        if candidate.label == label:
            return candidate
    raise BadRepresentation(
        "No irrep has this label.",
        {"group": group, "label": repr(label), "labels": " ".join(i.label for i in listed)},
        "Take a label from equilayers.irreps(G).",
    )


def _enumerable(group: Group) -> FiniteGroup:
    if group.order is None or group.order > ELEMENT_LIMIT:
        raise TooLarge(
            "Irreps are listed for groups that can be enumerated: there are about as many as conjugacy classes.",
            {"group": group, "order": group.order, "limit": ELEMENT_LIMIT},
            "Use single representations: equilayers.defining, permutation, or representation(G, images).",
        )
    listed = cast(FiniteGroup, group)
    classes = listed.conjugacy_classes
    pairs = len(classes) + int((classes.power(-1) == np.arange(len(classes))).sum())
    if pairs > 2 * LIST_LIMIT:
        raise TooLarge(
            f"A list of more than {LIST_LIMIT} irreps is not made.",
            {"group": group, "irreps": pairs // 2},
            "Use single representations: equilayers.defining, permutation, or representation(G, images).",
        )
    return listed


def derive(group: FiniteGroup, source: str = "any", seed: int = 0, anchored: bool = True) -> Listed:
    """Label, type and canonical images of every irrep, in order.

    Args:
        group: a finite group that can be enumerated.
        source, seed: where to look, as in :func:`find`; the result does not depend on it.
        anchored: the irrep that is the defining action of a shipped group takes its matrices.
    """
    found = find(group, source, seed)
    canonical = [(_anchored(group, f) if anchored else None) for f in found]
    images = [_canonical(f) if own is None else own for f, own in zip(found, canonical, strict=True)]
    stand_ins = [
        Irrep.from_images(group, str(k), f.type, np.zeros((0, *x.shape[1:])), x)
        for k, (f, x) in enumerate(zip(found, images, strict=True))
    ]
    order = [int(i.label) for i in in_order(stand_ins, [f.character.tolist() for f in found])]
    labels = mulliken_labels(group, [found[k].character for k in order])
    return [(label, found[k].type, images[k]) for label, k in zip(labels, order, strict=True)]


def _canonical(found: Found) -> np.ndarray:
    return canonical_images(np.zeros((0, *found.images.shape[1:])), found.images, found.end_dim).discrete


def _anchored(group: FiniteGroup, found: Found) -> np.ndarray | None:
    """The defining action of a shipped group, where it is this irrep in standard form."""
    d = found.images.shape[-1]
    own = group.defining_matrices
    if group.family not in ("custom", "product") and own.shape == found.images.shape:
        units = [np.kron(unit, np.eye(d // found.end_dim)) for unit in unit_matrices(found.end_dim)]
        standard = all(np.abs(unit @ own - own @ unit).max() < 1e-12 for unit in units)
        if standard and np.abs(class_character(group, own) - found.character).max() < SAME:
            return own
    return None
