"""Short words in the generators for every transversal element of a stabiliser chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from equilayers.errors import NotCertified

if TYPE_CHECKING:
    from equilayers.groups.chain import StabiliserChain

__all__ = ["transversal_words"]

Word = tuple[int, ...]
_TRIED = 4000  # words fed into the table in each round
_ROUNDS = 40


def _reduce(word: Word) -> Word:
    out: list[int] = []
    for letter in word:
        if out and out[-1] == -letter:
            out.pop()
        else:
            out.append(letter)
    return tuple(out)


def _inverse(word: Word) -> Word:
    return tuple(-letter for letter in reversed(word))


class _Table:
    """The best word so far for every transversal element, with its permutation (Minkwitz 1998)."""

    def __init__(self, chain: StabiliserChain) -> None:
        self.chain = chain
        self.identity = np.arange(chain.degree)
        self.entries: list[dict[int, tuple[Word, np.ndarray, np.ndarray]]] = [
            {b: ((), self.identity, self.identity)} for b in chain.base
        ]
        self.missing = sum(len(orbit) - 1 for orbit in chain._orbits)

    def feed(self, word: Word, p: np.ndarray, longest: int) -> None:
        """Sift ``p``, storing it (and its inverse) wherever it is the first or the shortest for its point."""
        for level, base in enumerate(self.chain.base):
            if len(word) > longest or not word:
                return
            table = self.entries[level]
            inverse = np.argsort(p)
            for w, q, q_inverse in ((word, p, inverse), (_inverse(word), inverse, p)):
                point = int(q[base])
                old = table.get(point)
                if old is None or len(w) < len(old[0]):
                    self.missing -= old is None
                    table[point] = (w, q, q_inverse)
            u_word, _, u_inverse = table[int(p[base])]
            word, p = _reduce(_inverse(u_word) + word), u_inverse[p]
        return

    def fill(self) -> None:
        """Reach the points without a word by products of entries of the same and of deeper levels."""
        for level in range(len(self.entries)):
            table = self.entries[level]
            movers = [e for deeper in self.entries[level:] for e in deeper.values() if e[0]]
            movers.sort(key=lambda entry: (len(entry[0]), entry[0]))
            for point in list(table):
                word, p, p_inverse = table[point]
                for w, q, q_inverse in movers:
                    image = int(q[point])
                    if image not in table:
                        self.missing -= 1
                        table[image] = (_reduce(w + word), q[p], p_inverse[q_inverse])


def transversal_words(chain: StabiliserChain) -> tuple[list[list[Word]], list[np.ndarray]]:
    """For each level of the chain and each point of its orbit, a word whose element maps the base point there.

    Returns:
        the words, and for each level the ``(orbit, degree)`` inverse permutations of their elements. These are other
        transversals than those by which the chain was built.
    """
    letters = [(j + 1, g) for j, g in enumerate(chain.generators)]
    letters += [(-j - 1, np.argsort(g)) for j, g in enumerate(chain.generators)]
    letters = [(j, g) for j, g in letters if (g != np.arange(chain.degree)).any()]
    table = _Table(chain)
    queue: list[tuple[Word, np.ndarray]] = [((), table.identity)]
    seen: set[bytes] = {table.identity.tobytes()}
    position, longest = 0, 24
    for _ in range(_ROUNDS):
        if not table.missing:
            break
        stop = len(queue) + _TRIED
        while position < len(queue) < stop and table.missing:
            word, p = queue[position]
            position += 1
            for j, g in letters:
                q = g[p]
                key = q.tobytes()
                if key not in seen:
                    seen.add(key)
                    longer = (j, *word)
                    queue.append((longer, q))
                    table.feed(longer, q, longest)
        longest = longest * 3 // 2
        table.fill()
    if table.missing:
        raise NotCertified(
            "No short words were found for some transversal elements.",
            {"degree": chain.degree, "missing": table.missing},
            "Give more generators.",
        )
    words, inverses = [], []
    for level, orbit in enumerate(chain._orbits):
        chosen = [table.entries[level][int(point)] for point in orbit]
        words.append([word for word, _, _ in chosen])
        inverses.append(np.array([inverse for _, _, inverse in chosen]))
    return words, inverses
