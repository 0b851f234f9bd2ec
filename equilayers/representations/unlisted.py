"""Irreps of a finite group too large to list them all: those that a given representation holds, known by exact
integers.
"""

from __future__ import annotations

import hashlib
from functools import reduce
from math import lcm

import numpy as np

from equilayers.errors import NotCertified
from equilayers.groups import FiniteGroup
from equilayers.numerics import hashed_numbers
from equilayers.representations.canonical import canonical_images
from equilayers.representations.representation import Irrep, Representation
from equilayers.representations.splitting import end_dim, split

__all__ = ["label", "unlisted_maps"]

WORDS = 48  # elements on which two inequivalent irreps would have to have the same eigenvalues to share a label
LONGEST = 24
_TYPE = {1: "real", 2: "complex", 4: "quaternionic"}


def unlisted_maps(v: Representation) -> dict[Irrep, np.ndarray]:
    r"""``(n, d, m * end_dim)``: maps from each irrep that occurs in V, which is split for that.

    The irreps are in canonical form, a function of their class; so one that occurs in two representations is one irrep.

    Raises:
        NotCertified: V is not orthogonal, or could not be split.
    """
    if not v.is_orthogonal:
        raise NotCertified(
            "A representation of a group whose irreps cannot be listed is split in orthogonal coordinates.",
            {"V": repr(v), "order of the group": v.group.order},
            "Change the basis of V so that its matrices are orthogonal.",
        )
    assert isinstance(v.group, FiniteGroup)
    found: dict[Irrep, list[np.ndarray]] = {}
    images = v.images.discrete
    none = np.zeros((0, v.dim, v.dim))
    for space in split(none, images):
        inner = space.T @ images @ space
        empty = np.zeros((0, *inner.shape[1:]))
        commutant = end_dim(empty, inner)
        assert commutant is not None
        form = canonical_images(empty, inner, commutant)
        irrep = Irrep.from_images(v.group, label(v.group, form.discrete), _TYPE[commutant], empty, form.discrete)
        copies = np.einsum("ne,ced->ndc", space @ form.basis, irrep.endomorphisms)
        found.setdefault(irrep, []).append(copies)
    return {irrep: np.concatenate(copies, axis=-1) / np.sqrt(irrep.dim) for irrep, copies in found.items()}


def label(group: FiniteGroup, images: np.ndarray) -> str:
    r"""The dimension and a digest: "1" for the trivial irrep, else for example "11-3f0c5a9e21b4".

    The digest is of the eigenvalues :math:`e^{2 \pi i j / r}` of fixed words of order r, as the integers j: exact,
    and the same for equivalent irreps on every machine.

    Args:
        images: ``(m, d, d)`` orthogonal images of the generators.

    Example:
        >>> import equilayers as eq
        >>> G = eq.group("S5")
        >>> label(G, np.ones((2, 1, 1))), len(label(G, np.array([[[-1.0]], [[1.0]]])))
        ('1', 14)
    """
    d = images.shape[-1]
    if d == 1 and (images > 0).all():
        return "1"
    generators = group.permutation_generators
    text = hashlib.sha256(f"{d}".encode())
    for number in range(WORDS):
        length = 1 + number % LONGEST
        letters = [int((x + 1) / 2 * len(images)) for x in hashed_numbers(f"unlisted/{number}", length)]
        order = _order(reduce(lambda p, q: p[q], [generators[i] for i in letters]))
        values = np.linalg.eigvals(reduce(np.matmul, [images[i] for i in letters]))
        turns = np.angle(values) / (2 * np.pi) * order
        if np.abs(turns - np.round(turns)).max() > 1e-4:
            raise NotCertified(
                "The eigenvalues of an element of finite order are roots of unity.",
                {"group": group, "order": order, "error": f"{np.abs(turns - np.round(turns)).max():.1e}"},
                "Check the images of the generators.",
            )
        text.update(f"/{order}:{sorted((np.round(turns).astype(int) % order).tolist())}".encode())
    return f"{d}-{text.hexdigest()[:12]}"


def _order(p: np.ndarray) -> int:
    seen, order = np.zeros(len(p), dtype=bool), 1
    for start in range(len(p)):
        length, point = 0, start
        while not seen[point]:
            seen[point] = True
            point, length = int(p[point]), length + 1
        order = lcm(order, max(length, 1))
    return order
