"""Cases of attention between tokens."""

from __future__ import annotations

import equilayers as eq
from equilayers import layers as L

SQUARE, SPACE, BOOST, PLANE = (eq.group(name) for name in ("D4", "SO(3)", "SO(1,3)", "GL(2)"))

CASES = {
    "Attention": lambda: L.Attention(2 * eq.defining(SPACE), eq.defining(SPACE), 2),
    "Attention-square": lambda: L.Attention(2 * eq.regular(SQUARE) + eq.defining(SQUARE), 3 * eq.defining(SQUARE), 2),
    "Attention-boosts": lambda: L.Attention(4 * eq.trivial(BOOST) + 4 * eq.defining(BOOST), eq.defining(BOOST), 2),
    "Attention-across": lambda: L.Attention(
        2 * eq.defining(PLANE), eq.defining(PLANE), key_rep=eq.defining(PLANE).dual + eq.defining(PLANE)
    ),
}

EMPTY = {
    "Attention-from-nothing": lambda: L.Attention(0 * eq.regular(SQUARE), eq.regular(SQUARE)),
    "Attention-to-nothing": lambda: L.Attention(2 * eq.regular(SQUARE), 0 * eq.regular(SQUARE), 2),
}
