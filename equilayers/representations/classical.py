r"""Which tensor irreps a classical group has, in integers: labels, types, levels, and how each is reached from another.

The irreps in tensor powers of the defining action are those of the complex group in which the real one is dense (Weyl's
unitarian trick); the real form only decides which highest weights are conjugate, and which irreps are quaternionic.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from equilayers.groups import Group
from equilayers.numerics import derived
from equilayers.representations.weyl import RootSystem, Weight

__all__ = ["Connected", "Full", "Series", "series"]

_ORTHOGONAL = ("SO", "SO(p,q)", "SO+(p,q)", "O", "O(p,q)")


class Series(ABC):
    """The real irreps of a group, each known by a key: a highest weight, or a partition.

    Attributes:
        system: roots of the complexified Lie algebra.
    """

    system: RootSystem

    @abstractmethod
    def label(self, key: Weight) -> str: ...

    @abstractmethod
    def read(self, label: str) -> Weight | None:
        """The key of a label; None if no irrep has it."""

    @abstractmethod
    def remedy(self, label: str) -> str:
        """What to write instead of a label that no irrep has."""

    @abstractmethod
    def constituents(self, key: Weight) -> tuple[Weight, ...]:
        """Highest weights of the complexified irrep, as one of the connected group."""

    @abstractmethod
    def end_dim(self, key: Weight) -> int:
        """Dimension of the commutant: 1, 2 or 4."""

    @abstractmethod
    def level(self, key: Weight) -> int:
        """The first tensor power, of the defining action and its dual, in which the irrep occurs."""

    @abstractmethod
    def up_to_level(self, level: int) -> Iterator[Weight]:
        """Lazily, since there may be too many; some come twice."""

    @abstractmethod
    def up_to_dim(self, max_dim: int) -> Iterator[Weight]:
        """Likewise."""

    @abstractmethod
    def below(self, key: Weight) -> tuple[Weight, bool]:
        """An irrep of the level below whose product with the defining action (true: with its dual) holds this one."""

    @abstractmethod
    def product(self, key: Weight, dual: bool) -> Counter[Weight]:
        """The real irreps in the product with the defining action or its dual, with multiplicities."""

    def dim(self, key: Weight) -> int:
        """The real dimension."""
        return sum(self.system.dim(w) for w in self.constituents(key))

    def ordered(self, keys: Iterable[Weight]) -> list[Weight]:
        """By dimension, type, level and weight, larger weights first; so the trivial one leads."""

        def rank(key: Weight) -> tuple[int, int, int, Weight]:
            return self.dim(key), self.end_dim(key), self.level(key), tuple(-x for x in key)

        return sorted(keys, key=rank)


@dataclass(frozen=True)
class Connected(Series):
    """Labelled by Dynkin labels, of two conjugate weights by the larger ones.

    Attributes:
        compact: whether the group is: conjugation is then duality.
        flips: whether conjugation exchanges the two ends of the diagram of D.
    """

    system: RootSystem
    compact: bool
    flips: bool = False

    def label(self, key: Weight) -> str:
        labels = [str(x) for x in self.system.dynkin(key)]
        if self.system.kind == "GL" and len(labels) > 1:
            return f"({','.join(labels[:-1])};{labels[-1]})"
        return f"({','.join(labels)})"

    def read(self, label: str) -> Weight | None:
        weight = self._weight(label)
        return weight if weight is not None and self.label(self.key(weight)) == label else None

    def _weight(self, label: str) -> Weight | None:
        match = re.fullmatch(r"\((-?\d+(?:[,;]-?\d+)*)\)", label)
        return self.system.weight(tuple(int(x) for x in re.split("[,;]", match[1]))) if match else None

    def remedy(self, label: str) -> str:
        weight = self._weight(label)
        if weight is not None:
            return f"Write {self.label(self.key(weight))!r}: the larger of two conjugate weights names the real irrep."
        return "Give Dynkin labels as listed; half-integral weights are a spin group's."

    def conjugate(self, weight: Weight) -> Weight:
        """The highest weight of the complex conjugate."""
        if self.compact:
            return self.system.dual(weight)
        return (*weight[:-1], -weight[-1]) if self.flips else weight

    def key(self, weight: Weight) -> Weight:
        """The one of two conjugate weights that names the real irrep."""
        return max(weight, self.conjugate(weight), key=self.system.dynkin)

    def constituents(self, key: Weight) -> tuple[Weight, ...]:
        return (key,) if self.end_dim(key) == 1 else (key, self.conjugate(key))

    def end_dim(self, key: Weight) -> int:
        if self.conjugate(key) != key:
            return 2
        if not self.compact:
            return 1
        n = len(key)
        twice = {"A": sum(x * (n - 1 - 2 * i) for i, x in enumerate(key)), "C": sum(key)}
        return 4 if twice.get(self.system.kind, 0) % 2 else 1  # the sum of positive coroots on the weight

    def level(self, key: Weight) -> int:
        return sum(abs(x) for x in self._shortest(key))

    def _shortest(self, weight: Weight) -> Weight:
        """Of the weights of gl(n) that are this one on sl(n), one whose irrep lies in the lowest tensor power."""
        if self.system.kind != "A":
            return weight
        median = weight[len(weight) // 2]
        return tuple(x - median for x in weight)

    def up_to_level(self, level: int) -> Iterator[Weight]:
        for size in range(level + 1):
            for weight in _dominant(self.system, size):
                yield self.key(self.system.normal(weight))

    def up_to_dim(self, max_dim: int) -> Iterator[Weight]:
        return (key for key in map(self.key, self.system.up_to(max_dim)) if self.dim(key) <= max_dim)

    def below(self, key: Weight) -> tuple[Weight, bool]:
        weight = self._shortest(key)
        found = []
        for i, x in enumerate(weight):
            nearer = tuple(y - (k == i) * (1 if x > 0 else -1) for k, y in enumerate(weight))
            if x and self.system.is_dominant(nearer):
                dual = self.system.kind in ("A", "GL") and x < 0 and not self.compact
                found.append((self.key(self.system.normal(nearer)), dual))
        return min(found, key=lambda pair: (self.dim(pair[0]), pair))

    def product(self, key: Weight, dual: bool) -> Counter[Weight]:
        legs = {False, True} if self.compact and self.system.kind in ("A", "GL") else {dual}
        double = 2 if self.compact and self.system.kind == "C" else 1  # the defining action is quaternionic
        found: Counter[Weight] = Counter()
        for weight in self.constituents(key):
            for leg in sorted(legs):
                for part in self.system.steps(weight, leg):
                    found[part] += double
        return Counter({k: found[k] // self.constituents(k).count(k) for k in map(self.key, found)})


@dataclass(frozen=True)
class Full(Series):
    """O(n) and O(p,q): labelled by partitions whose first two columns have at most n boxes, all of real type.

    Source: Weyl, The Classical Groups (1939), sections V.6 and V.7.
    """

    system: RootSystem
    n: int

    def label(self, key: Weight) -> str:
        return f"[{','.join(str(x) for x in key) or '0'}]"

    def read(self, label: str) -> Weight | None:
        match = re.fullmatch(r"\[([1-9]\d*(?:,[1-9]\d*)*|0)\]", label)
        if not match:
            return None
        key = tuple(int(x) for x in match[1].split(",") if x != "0")
        return key if list(key) == sorted(key, reverse=True) and self._exists(key) else None

    def _exists(self, key: Weight) -> bool:
        return len(key) + sum(x > 1 for x in key) <= self.n

    def associate(self, key: Weight) -> Weight:
        """The partition of the product with the determinant."""
        kept = key[: self.n - len(key)]
        return kept + (1,) * (self.n - len(key) - len(kept))

    def constituents(self, key: Weight) -> tuple[Weight, ...]:
        short = key if 2 * len(key) <= self.n else self.associate(key)
        weight = short + (0,) * (self.system.size - len(short))
        return (weight, (*weight[:-1], -weight[-1])) if 2 * len(key) == self.n else (weight,)

    def end_dim(self, key: Weight) -> int:
        return 1

    def level(self, key: Weight) -> int:
        return sum(key)

    def remedy(self, label: str) -> str:
        return f"Give a partition whose first two columns have at most {self.n} boxes."

    def up_to_level(self, level: int) -> Iterator[Weight]:
        for size in range(level + 1):
            for short in _partitions(size, size, self.n // 2):
                yield short
                if size + self.n - 2 * len(short) <= level:
                    yield self.associate(short)

    def up_to_dim(self, max_dim: int) -> Iterator[Weight]:
        for weight in self.system.up_to(max_dim):
            short = tuple(x for x in weight if x > 0)
            if self.dim(short) <= max_dim:
                yield from (short, self.associate(short))

    def below(self, key: Weight) -> tuple[Weight, bool]:
        return min(self._neighbours(key, -1), key=lambda k: (self.dim(k), k)), False

    def product(self, key: Weight, dual: bool) -> Counter[Weight]:
        return Counter([*self._neighbours(key, 1), *self._neighbours(key, -1)])

    def _neighbours(self, key: Weight, sign: int) -> Iterator[Weight]:
        rows = (*key, 0)
        for i in range(len(rows)):
            moved = [x + sign * (k == i) for k, x in enumerate(rows)]
            if moved == sorted(moved, reverse=True) and moved[-1] >= 0:
                found = tuple(x for x in moved if x)
                if self._exists(found):
                    yield found


def _partitions(total: int, largest: int, rows: int) -> Iterator[Weight]:
    """With parts up to ``largest``, at most ``rows`` of them."""
    if total == 0:
        yield ()
    elif rows:
        for first in range(min(total, largest), (total - 1) // rows, -1):
            for rest in _partitions(total - first, first, rows - 1):
                yield (first, *rest)


def _dominant(system: RootSystem, size: int) -> Iterator[Weight]:
    """Dominant weights whose coordinates have absolute values that add up to ``size``."""
    if system.kind in ("A", "GL"):
        for positive in range(size + 1):
            for p in _partitions(positive, positive, system.size):
                for q in _partitions(size - positive, size - positive, system.size - len(p)):
                    yield (*p, *(0,) * (system.size - len(p) - len(q)), *(-x for x in reversed(q)))
        return
    for p in _partitions(size, size, system.size):
        weight = p + (0,) * (system.size - len(p))
        yield weight
        if system.kind == "D" and weight[-1]:
            yield (*weight[:-1], -weight[-1])


@derived
def series(group: Group) -> Series | None:
    """The irreps of a classical group in its usual coordinates; None for any other group.

    Example:
        >>> import equilayers as eq
        >>> SU3 = series(eq.group("SU(3)"))
        >>> [SU3.label(key) for key in SU3.ordered(set(SU3.up_to_dim(12)))]
        ['(0,0)', '(1,0)', '(1,1)', '(2,0)']
    """
    family, n, compact = group.family, group.lie_basis.shape[-1], group.is_compact
    found: Series | None = None
    if family in _ORTHOGONAL and n >= 3:
        system = RootSystem("B" if n % 2 else "D", n // 2)
        negative = 0 if compact else int(str(group.parameters[1]))
        if family in ("O", "O(p,q)"):
            found = Full(system, n)
        else:
            found = Connected(system, compact, n % 2 == 0 and (n // 2 + negative) % 2 == 1)
    elif family in ("SU", "U") and compact and n % 2 == 0:
        found = Connected(RootSystem("A" if family == "SU" else "GL", n // 2), compact=True)
    elif family in ("SL", "GL") and not compact:
        found = Connected(RootSystem("A" if family == "SL" else "GL", n), compact=False)
    elif family in ("Sp", "USp") and n % (4 if compact else 2) == 0:
        found = Connected(RootSystem("C", n // (4 if compact else 2)), compact)
    return found if found is not None and found.system.lie_dim == group.lie_dim else None
