"""Layers over nodes for the table of modes."""

from __future__ import annotations

from equilayers import layers as L

SETS = {"out": 4, "in": 3}

CASES = {
    "GraphLinear-edges": lambda: L.GraphLinear(2, 2, 3, 4, n=4),
    "GraphLinear-set": lambda: L.GraphLinear(1, 1, 3, 4),
    "GraphLinear-pooled": lambda: L.GraphLinear(2, 0, 2, 5),
    "GraphLinear-weights": lambda: L.GraphLinear(("out", "in"), ("in", "out"), 2, 3, n=SETS),
}

EMPTY = {
    "GraphLinear-from-nothing": lambda: L.GraphLinear(1, 2, 0, 3),
    "GraphLinear-to-nothing": lambda: L.GraphLinear(2, 2, 3, 0),
}
