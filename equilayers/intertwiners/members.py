"""Maps that are known to be intertwiners whatever the group: a space that was found without them is not complete."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from equilayers.errors import NotCertified
from equilayers.intertwiners.cores import Core
from equilayers.intertwiners.legs import legs_of
from equilayers.numerics import hashed_numbers
from equilayers.representations import Representation

__all__ = ["known_members", "require_known_members"]

MEMBER = 1e-8  # relative distance from the space
LARGEST = 2000  # dimension up to which members are multiplied
FACTORS = 2


def known_members(v: Representation, w: Representation) -> Iterator[tuple[str, np.ndarray]]:
    """Permutations of tensor factors, where both sides have the same: into the order of W, and neighbours exchanged.

    Example:
        >>> import equilayers as eq
        >>> V = eq.defining(eq.group("S3"))
        >>> [(name, member.shape) for name, member in known_members(V @ V, V @ V)]
        [('the identity', (9, 9)), ('factors 0 and 1 exchanged', (9, 9))]
    """
    source = [leg.rep for leg in legs_of(v, dual=False)]
    target = [leg.rep for leg in legs_of(w, dual=False)]
    if v.dim != w.dim or sorted(f.key for f in source) != sorted(f.key for f in target):
        return
    left = list(range(len(source)))
    order = [left.pop(next(n for n, i in enumerate(left) if source[i].key == f.key)) for f in target]
    cells = np.arange(v.dim).reshape([f.dim for f in source])
    unit = np.eye(v.dim)
    yield "the identity" if v.key == w.key else "the factors in the other order", unit[cells.transpose(order).ravel()]
    for i in range(len(target) - 1):
        if target[i].key == target[i + 1].key:
            swapped = [*order[:i], order[i + 1], order[i], *order[i + 2 :]]
            yield f"factors {i} and {i + 1} exchanged", unit[cells.transpose(swapped).ravel()]


def require_known_members(core: Core, v: Representation, w: Representation) -> None:
    """A null space that was decided by floats must hold the known members, and, from V to V, products of its own.

    Raises:
        NotCertified: it does not.
    """
    if core.certificate == "exact":
        return
    members = list(known_members(v, w))
    if v.key == w.key and core.dim and v.dim <= LARGEST:
        weights = hashed_numbers("products", FACTORS * core.dim).reshape(core.dim, FACTORS)
        a, b = core.combine(torch.from_numpy(weights)).movedim(2, 0).numpy()
        members.append(("a product of two members", a @ b))
    for name, member in members:
        given = torch.from_numpy(member)[..., None]
        away = float((core.combine(core.contract(given)) - given).norm() / given.norm())
        if away > MEMBER:
            raise NotCertified(
                "The maps that were found are not all that commute with the group.",
                {"V": repr(v), "W": repr(w), "found": core.dim, "missing": name, "distance": f"{away:.1e}"},
                "Give the representations in better coordinates.",
            )
