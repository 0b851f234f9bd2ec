"""Labels of irreps: Mulliken symbols for the shipped point groups, otherwise the index."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from equilayers.groups import FiniteGroup, Polyhedral

__all__ = ["mulliken_labels"]

_LETTERS = {1: "A", 2: "E", 3: "T", 4: "G", 5: "H"}


def mulliken_labels(group: FiniteGroup, characters: Sequence[np.ndarray]) -> list[str]:
    """Labels for irreps with these characters by class.

    A, E, T, G, H by dimension; a number where a letter repeats, 1 for a positive character of the first generator (a
    quarter or a fifth turn); g or u by the sign of the inversion. So T1 of O and I, T1u of Oh and Ih is the defining
    representation. Groups other than T, O, I, Oh, Ih number their irreps.
    """
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


def _class_of(group: FiniteGroup, g: torch.Tensor) -> int:
    return int(group.conjugacy_classes.labels[int(group.index(g))])
