"""One small network of every published architecture, for the laws that all of them keep: how to build it, and inputs.

``CASES[name]`` builds a network; ``inputs(name, n, dtype)`` draws the arguments of its ``forward`` for a batch of n.
"""

from __future__ import annotations

from itertools import pairwise

import torch

import equilayers as eq
from equilayers import models as M

D4, LORENTZ, MOTIONS, SPACE = eq.group("D4"), eq.group("O(1,3)"), eq.group("E(3)"), eq.group("O(3)")
MINKOWSKI = torch.diag(torch.tensor([1.0, -1.0, -1.0, -1.0]))
SIZES = (2, 4, 3)
PLANES = eq.defining(MOTIONS).dual

CASES = {
    "CNN": lambda: M.CNN(4),
    "MLP": lambda: M.MLP(6, 2, width=8, depth=2),
    "GroupCNN": lambda: M.GroupCNN(D4, 2),
    "EquivariantMLP": lambda: M.EquivariantMLP(2 * eq.defining(SPACE), eq.rep(SPACE, "0e + 1o"), width=24, depth=2),
    "EquivariantMLP-lengths": lambda: M.EquivariantMLP(
        2 * eq.defining(SPACE), eq.rep(SPACE, "0e + 1o"), width=24, depth=1, lengths=True
    ),
    "InvariantScalars": lambda: M.InvariantScalars(3 * eq.defining(SPACE), eq.rep(SPACE, "0e + 1o"), width=8, depth=2),
    "VectorNeurons": lambda: M.VectorNeurons(
        3 * eq.defining(SPACE), 2 * eq.trivial(SPACE) + eq.defining(SPACE), width=6, depth=2
    ),
    "LorentzNet": lambda: M.LorentzNet(eq.defining(LORENTZ), scalars=1, width=8, depth=2),
    "GeometricTransformer": lambda: M.GeometricTransformer(
        eq.defining(LORENTZ), MINKOWSKI, in_rep=eq.defining(LORENTZ), width=4, heads=2, depth=1
    ),
    "GeometricTransformer-planes": lambda: M.GeometricTransformer(
        PLANES, M.projective_form(), in_rep=PLANES, width=4, heads=2, depth=1
    ),
    "DeepSets": lambda: M.DeepSets(3, 2, width=8),
    "SetTransformer": lambda: M.SetTransformer(3, 2, width=8, depth=1, heads=2, inducing=4),
    "InvariantGraphNetwork": lambda: M.InvariantGraphNetwork(3, 2, width=4),
    "PPGN": lambda: M.PPGN(3, 2, width=4, depth=1),
    "WeightSpaceNet": lambda: M.WeightSpaceNet(SIZES, 2, width=3, depth=1),
}

_SHAPES = {
    "CNN": [(1, 8, 8)],
    "MLP": [(6,)],
    "GroupCNN": [(1, 8, 8)],
    "EquivariantMLP": [(6,)],
    "EquivariantMLP-lengths": [(6,)],
    "InvariantScalars": [(9,)],
    "VectorNeurons": [(9,)],
    "LorentzNet": [(5, 4), (5, 1)],
    "GeometricTransformer": [(5, 4)],
    "GeometricTransformer-planes": [(5, 4)],
    "DeepSets": [(5, 3)],
    "SetTransformer": [(5, 3)],
    "InvariantGraphNetwork": [(5, 5, 3)],
    "PPGN": [(5, 5, 3)],
}


def inputs(name: str, n: int = 4, dtype: torch.dtype = torch.float32, seed: int = 0) -> tuple:
    """Standard normal arguments of ``forward`` for a batch of ``n``."""
    rng = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(n, *shape, generator=rng, dtype=torch.float64).to(dtype)

    if name == "WeightSpaceNet":
        return ([(draw(b, a), draw(b)) for a, b in pairwise(SIZES)],)
    return tuple(draw(*shape) for shape in _SHAPES[name])
