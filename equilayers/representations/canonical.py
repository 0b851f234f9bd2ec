r"""One form for an irrep, whatever found it: a function of the equivalence class alone.

A separating element of the group algebra has a top eigenspace on whose unit vectors the units of R, C or H act simply
transitively, so any of them will do. The vectors that the generators make of it, orthonormalised in a fixed order, are
the basis. No decision is an argmax or falls at a round number: symmetric problems have exact ties there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from equilayers.errors import NotCertified
from equilayers.numerics import hashed_numbers, isolated
from equilayers.representations.representation import unit_matrices

__all__ = ["THRESHOLDS", "Canonical", "canonical_images", "commuting_units", "letters", "symmetric_elements"]

THRESHOLDS = (0.15, 0.137, 0.161, 0.1237, 0.1731, 0.1093, 0.1889, 0.0977)  # tried in order; never 1/2, 1/4, ...
GAP = 0.2  # an eigenvalue is separated where its relative gap exceeds this share of the threshold
SAFE = 1e-9  # a decision nearer to its threshold than this is not trusted; rounding moves it by about 1e-13
LOWERED = 3.1  # a threshold that nothing passes is divided by this
LOWEST = 1e-4
SUMS = 60  # hashed sums of words among the symmetric elements
WORDS = 14  # words in each sum, at least; and three for each generator
LONGER = (1, 4, 16)  # times as many, where no sum of so few separates an eigenvalue
_SAME = 1e-6  # eigenvalues closer than this, relative to the largest, are one


@dataclass(frozen=True, eq=False)
class Canonical:
    """Generator images in canonical form, with the change of basis and the smallest margin of all decisions.

    Attributes:
        lie: ``(k, d, d)`` images of the Lie basis.
        discrete: ``(m, d, d)`` images of the discrete generators.
        basis: ``(d, d)`` orthogonal Q: each canonical image is ``Q.T @ image @ Q``.
        end_dim: dimension of the commutant, which is ``unit_matrices(end_dim)`` kron the identity.
        margin: smallest distance of a decision from its threshold.

    Example:
        >>> import equilayers as eq
        >>> images = eq.irrep(eq.group("D5"), "E1").images
        >>> found = canonical_images(images.lie, images.discrete, 1)
        >>> found.end_dim, found.basis.shape
        (1, (2, 2))
    """

    lie: np.ndarray
    discrete: np.ndarray
    basis: np.ndarray
    end_dim: int
    margin: float


@isolated
def canonical_images(lie: np.ndarray, discrete: np.ndarray, end_dim: int) -> Canonical:
    r"""The canonical form of an irrep under orthogonal changes of basis.

    .. math:: s \mapsto Q^T s\, Q, \qquad \operatorname{End} = \{1, i, j, k\}_{right} \otimes I

    Args:
        lie: ``(k, d, d)`` images of the Lie basis; empty for a finite group.
        discrete: ``(m, d, d)`` images of the discrete generators.
        end_dim: dimension of the commutant: 1, 2 or 4 (:func:`equilayers.representations.splitting.end_dim`).

    The images must be those of an irrep that is orthogonal, or of a group that is closed under transpose.

    Raises:
        NotCertified: the images are reducible, ``end_dim`` is not that of their commutant, or every threshold was too
            near to a decision.

    Example:
        >>> turn = np.array([[0.6, -0.8], [0.8, 0.6]])
        >>> quarter, flip = np.array([[0.0, -1.0], [1.0, 0.0]]), np.diag([1.0, -1.0])
        >>> one = canonical_images(np.zeros((0, 2, 2)), np.stack([quarter, flip]), 1)
        >>> two = canonical_images(np.zeros((0, 2, 2)), turn.T @ np.stack([quarter, flip]) @ turn, 1)
        >>> bool(np.abs(one.discrete - two.discrete).max() < 1e-14)
        True

    Source: the standard basis of R. Parker, The computer calculation of modular characters (1984).
    """
    lie, discrete = np.asarray(lie, dtype=np.float64), np.asarray(discrete, dtype=np.float64)
    steps = letters(lie, discrete)
    margins = []
    for threshold in THRESHOLDS:
        choices = _Choices(threshold)
        basis = _basis(steps, end_dim, choices)
        margins.append(choices.margin)
        if choices.margin > SAFE:
            return Canonical(
                _turned(lie, basis, end_dim), _turned(discrete, basis, end_dim), basis, end_dim, choices.margin
            )
    raise NotCertified(
        "A canonical form needs decisions that rounding cannot turn.",
        {"dim": steps.shape[-1], "thresholds": THRESHOLDS, "margins": [f"{m:.0e}" for m in margins]},
        "Give other generators of the group.",
    )


def _turned(images: np.ndarray, basis: np.ndarray, end_dim: int) -> np.ndarray:
    """``Q^T s Q``, freed from what rounding puts beside the commutant of the standard form."""
    if not len(images):
        return images
    turned = basis.T @ images @ basis
    if end_dim > 1:
        units = [np.kron(unit, np.eye(len(basis) // end_dim)) for unit in unit_matrices(end_dim)]
        turned = np.mean([unit.T @ turned @ unit for unit in units], axis=0)
    return turned + 0.0


class _Choices:
    """Comparisons with a threshold, and the smallest distance of all of them."""

    def __init__(self, threshold: float) -> None:
        self.threshold, self.margin = threshold, np.inf

    def exceeds(self, value: float, threshold: float) -> bool:
        self.margin = min(self.margin, abs(value - threshold))
        return bool(value > threshold)


# The elements of the algebra that are looked at, in a fixed order


def letters(lie: np.ndarray, discrete: np.ndarray) -> np.ndarray:
    """``(k + m, d, d)``: all generators, each scaled to the size of an orthogonal matrix; a zero image stays zero."""
    steps = np.concatenate([lie, discrete])
    d = steps.shape[-1]
    size = np.sqrt((steps * steps).sum((1, 2), keepdims=True) / max(d, 1))
    return steps / np.where(size > 1e-12, size, 1.0)


def words(count: int, limit: int) -> list[tuple[int, ...]]:
    """The first ``limit`` words in ``count`` letters, shorter ones first, without the empty one."""
    found: list[tuple[int, ...]] = [(letter,) for letter in range(count)]
    for word in found:  # grows while it is read
        if len(found) >= limit:
            break
        found += [(letter, *word) for letter in range(count)]
    return found[:limit]


def products(steps: np.ndarray, chosen: Sequence[tuple[int, ...]]) -> np.ndarray:
    """``(len(chosen), d, d)``: the matrices of words, the last letter acting first."""
    known: dict[tuple[int, ...], np.ndarray] = {}
    for word in chosen:
        known[word] = steps[word[0]] @ known[word[1:]] if len(word) > 1 else steps[word[0]]
    return np.array(list(known.values())).reshape(-1, *steps.shape[1:])


def symmetric_elements(steps: np.ndarray) -> Iterator[np.ndarray]:
    """Symmetric elements of the algebra, a fixed list: generators, their squares, hashed sums of short words."""
    for s in steps:
        yield (s + s.T) / 2
    for s in steps:
        yield (s @ s + (s @ s).T) / 2
    if not len(steps):
        yield np.zeros(steps.shape[1:])
        return
    for longer in LONGER:  # sums of few words can have too much symmetry: 66 of them do on an irrep of Dic5 wr S2
        spelled = words(len(steps), longer * max(WORDS, 3 * len(steps)))
        matrices = products(steps, spelled)
        for number in range(SUMS):
            stream = f"separating/{number}" if longer == 1 else f"separating/{longer}/{number}"
            total = np.tensordot(hashed_numbers(stream, len(matrices)), matrices, 1)
            yield (total + total.T) / 2


# The basis


def _basis(steps: np.ndarray, end_dim: int, choices: _Choices) -> np.ndarray:
    top = _separated(steps, end_dim, choices)
    units = _units(steps, top, choices) if end_dim > 1 else []
    spun = _spin_up(steps, top[:, 0], units, choices).basis
    return np.concatenate([spun[:, unit::end_dim] for unit in range(end_dim)], axis=1)  # heads, then their i


def _separated(steps: np.ndarray, end_dim: int, choices: _Choices) -> np.ndarray:
    """``(d, end_dim)``: the top eigenspace of the first symmetric element whose top eigenvalue stands apart."""
    d = steps.shape[-1]
    if d == end_dim:
        return np.eye(d)
    for lowered in (1.0, LOWERED, LOWERED**2):  # the larger an irrep, the closer its eigenvalues
        for element in symmetric_elements(steps):
            values, vectors = np.linalg.eigh(element)
            size = np.abs(values).max()
            if size < 1e-9 or d < end_dim:
                continue
            gap = (values[d - end_dim] - values[d - end_dim - 1]) / size
            one = (values[-1] - values[d - end_dim]) / size < _SAME
            if choices.exceeds(gap, GAP * choices.threshold / lowered) and one:
                return vectors[:, d - end_dim :]
    raise NotCertified(
        "An irrep needs an element of its algebra whose largest eigenvalue is as often as its commutant is large.",
        {"dim": d, "end_dim": end_dim, "elements tried": len(LONGER) * SUMS + 2 * len(steps)},
        "Check that the images are irreducible and that end_dim is the dimension of their commutant.",
    )


def _spin_up(steps: np.ndarray, start: np.ndarray, units: Sequence[np.ndarray], choices: _Choices) -> _Spun:
    """The generators applied to what there is, in order; each new vector has its multiples by the units behind it."""
    d, per = len(start), 1 + len(units)
    basis, size, made = np.empty((d, d)), 0, []

    def accept(vector: np.ndarray) -> None:
        nonlocal size
        basis[:, size : size + per] = np.array([vector, *(unit @ vector for unit in units)]).T
        size += per

    accept(start / np.linalg.norm(start))
    threshold = choices.threshold
    while size < d:
        before, head = size, 0
        while head < size < d:
            for number, s in enumerate(steps):
                vector, before_it = s @ basis[:, head], basis[:, :size]
                first = before_it.T @ vector
                vector = vector - before_it @ first
                second = before_it.T @ vector
                vector = vector - before_it @ second
                norm = float(np.linalg.norm(vector))
                if size < d and choices.exceeds(norm, threshold):
                    made.append((number, head, first + second, norm))
                    accept(vector / norm)
            head += per
        if size == before:
            threshold = _lowered(threshold, "vectors that the generators make of one", d)
    return _Spun(basis, made)


def _lowered(threshold: float, what: str, dim: int) -> float:
    if threshold < LOWEST:
        raise NotCertified(
            f"An irrep is spanned by the {what}: these images are reducible, or their commutant is another.",
            {"dim": dim, "threshold": f"{threshold:.1e}"},
            "Split the representation first: equilayers.decompose.",
        )
    return threshold / LOWERED


@dataclass(frozen=True, eq=False)
class _Spun:
    """The basis, and how each vector after the first was made: letter, from which one, what was taken off, its norm."""

    basis: np.ndarray
    made: list[tuple[int, int, np.ndarray, float]]

    def again(self, steps: np.ndarray, start: np.ndarray) -> np.ndarray:
        """The same combinations of words applied to another vector."""
        result = np.empty_like(self.basis)
        result[:, 0] = start
        for size, (number, head, taken, norm) in enumerate(self.made, 1):
            result[:, size] = (steps[number] @ result[:, head] - result[:, :size] @ taken) / norm
        return result


# The standard form of the commutant


def _units(steps: np.ndarray, top: np.ndarray, choices: _Choices) -> list[np.ndarray]:
    """The endomorphisms i, or i, j and k, oriented by what words do to the vector of the eigenspace."""
    frame = commuting_units(steps, top, choices)
    if frame is None:
        raise NotCertified(
            "The commutant of an irrep must be R, C or H, of the stated dimension.",
            {"dim": len(top), "end_dim": top.shape[1]},
            "Check that the images are irreducible, and end_dim.",
        )
    i = _direction(steps, top[:, 0], frame, None, choices)
    first = np.tensordot(i, frame, 1)
    if len(frame) == 1:
        return [first]
    j = _direction(steps, top[:, 0], frame, i, choices)
    second = np.tensordot(j, frame, 1)
    return [first, second, second @ first]  # multiplications from the right compose in the opposite order


def commuting_units(steps: np.ndarray, top: np.ndarray, choices: _Choices | None = None) -> np.ndarray | None:
    """``(c - 1, d, d)``: endomorphisms that move the first of the ``(d, c)`` vectors to the others, if they multiply as
    imaginary units; None otherwise."""
    spun = _spin_up(steps, top[:, 0], (), choices or _Choices(THRESHOLDS[0]))
    frame = np.array([spun.again(steps, vector) @ spun.basis.T for vector in top.T[1:]])
    frame = frame.reshape(-1, len(top), len(top))
    commute = np.abs(frame[:, None] @ steps - steps @ frame[:, None]).max(initial=0.0)
    squares = np.einsum("aij,bjk->abik", frame, frame)
    wrong = squares + squares.swapaxes(0, 1) + 2 * np.einsum("ab,ij->abij", np.eye(len(frame)), np.eye(len(top)))
    return (frame - frame.swapaxes(1, 2)) / 2 if max(commute, np.abs(wrong).max(initial=0.0)) < _SAME else None


def _direction(
    steps: np.ndarray, vector: np.ndarray, frame: np.ndarray, beside: np.ndarray | None, choices: _Choices
) -> np.ndarray:
    """The unit vector along the first ``(<J_a v, w v>)_a``, over words w, that is long enough across ``beside``."""
    moved: dict[tuple[int, ...], np.ndarray] = {(): vector}
    for word in words(len(steps), 4 * len(vector) + 40):
        moved[word] = steps[word[0]] @ moved[word[1:]]
    reached = np.array(list(moved.values())[1:])
    try:
        return _first_turned(reached, frame @ vector, beside, choices)
    except NotCertified:  # short words may all be symmetric, but what they span is everything, J v too
        return _first_turned(_spin_up(steps, vector, (), choices).basis.T, frame @ vector, beside, choices)


def _first_turned(reached: np.ndarray, turned: np.ndarray, beside: np.ndarray | None, choices: _Choices) -> np.ndarray:
    threshold = choices.threshold
    while True:
        for vector in reached:
            x = turned @ vector
            if beside is not None:
                x = x - (x @ beside) * beside
            norm = float(np.linalg.norm(x))
            if choices.exceeds(norm, threshold):
                return x / norm
        threshold = _lowered(threshold, "words that turn a vector by an endomorphism", turned.shape[-1])
