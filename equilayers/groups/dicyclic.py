"""Finite groups of unit quaternions: dicyclic and binary polyhedral groups."""

from __future__ import annotations

import numpy as np

from equilayers.errors import BadGroup
from equilayers.groups.cyclic import rotation
from equilayers.groups.finite import FiniteMatrixGroup
from equilayers.groups.quaternion import left_multiplication

__all__ = ["BinaryPolyhedral", "Dicyclic"]


class Dicyclic(FiniteMatrixGroup):
    r"""Dic_n, of order 4n, acting by left multiplication on (1, i, j, k); it covers the rotations of D_n twice.

    Generators are :math:`a = \cos(\pi/n) + \sin(\pi/n)\, i` and :math:`x = j`, so that
    :math:`a^{2n} = 1`, :math:`x^2 = a^n`, :math:`x a x^{-1} = a^{-1}`. Dic_2 is Q8, and Dic_4, Dic_8 are the
    generalised quaternion groups Q16, Q32.

    Args:
        n: at least 1.

    Raises:
        BadGroup: n is not positive.

    Example:
        >>> Dicyclic(3).order
        12

    Source: Coxeter and Moser, Generators and Relations for Discrete Groups (1980), section 1.6.
    """

    family = "dicyclic"

    def __init__(self, n: int) -> None:
        if n < 1:
            raise BadGroup("Dic_n needs n >= 1.", {"n": n}, 'Write eq.group("Dic3").')
        c, s = rotation(1, 2 * n)[:, 0]
        super().__init__(np.stack([left_multiplication(c, s, 0, 0), left_multiplication(0, 0, 1, 0)]), f"Dic{n}")
        self.n, self.parameters = n, (n,)

    @property
    def order(self) -> int:
        return 4 * self.n


_PHI = (1 + np.sqrt(5.0)) / 2
_THIRD_TURN = (0.5, 0.5, 0.5, 0.5)  # about (1, 1, 1), x to y to z
_KINDS = {  # unit quaternions over the generators of T, O and I: half turns and fifth turns as there
    "2T": ("binary-tetrahedral", 24, ((0.0, 0.0, 0.0, 1.0), _THIRD_TURN)),
    "2O": ("binary-octahedral", 48, ((np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5)), _THIRD_TURN)),
    "2I": ("binary-icosahedral", 120, ((_PHI / 2, 0.0, (_PHI - 1) / 2, 0.5), _THIRD_TURN)),
}


class BinaryPolyhedral(FiniteMatrixGroup):
    r"""2T, 2O or 2I: the unit quaternions over the rotations of a Platonic solid, by left multiplication.

    A generator covers that of T, O or I with the same number, through :math:`v \mapsto q v q^{-1}`.

    Args:
        kind: "2T", "2O" or "2I".

    Raises:
        BadGroup: there is no such kind.

    Example:
        >>> BinaryPolyhedral("2I").order
        120

    Source: Conway and Smith, On Quaternions and Octonions (2003), chapter 3.
    """

    def __init__(self, kind: str) -> None:
        if kind not in _KINDS:
            raise BadGroup("A binary polyhedral group is 2T, 2O or 2I.", {"kind": repr(kind)}, 'Write eq.group("2O").')
        self.family, self._order, quaternions = _KINDS[kind]
        super().__init__(np.stack([left_multiplication(*q) for q in quaternions]), kind)
        self.kind = kind

    @property
    def order(self) -> int:
        return self._order
