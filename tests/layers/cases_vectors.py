"""Cases of the layers that act through an invariant form."""

from __future__ import annotations

import equilayers as eq
from equilayers import layers as L

SQUARE, BOOST = eq.group("D4"), eq.group("SO(1,3)")

CASES = {
    "VectorReLU": lambda: L.VectorReLU(eq.trivial(SQUARE) + 3 * eq.defining(SQUARE)),
    "VectorReLU-boosts": lambda: L.VectorReLU(2 * eq.trivial(BOOST) + 2 * eq.defining(BOOST)),
    "Norm-boosts": lambda: L.NormActivation(2 * eq.trivial(BOOST) + 2 * eq.defining(BOOST)),
}

EMPTY = {
    "VectorReLU-nothing": lambda: L.VectorReLU(0 * eq.regular(SQUARE)),
}
