"""Further forms of the networks of ``model_cases``: other groups, forms and outputs, and smaller ones."""

from __future__ import annotations

import numpy as np
import torch

import equilayers as eq
from equilayers import models as M

SPACE, PLANE = eq.group("SO(3)"), eq.group("O(2)")
V, W = eq.defining(SPACE), eq.defining(eq.group("O(1,3)"))
MINKOWSKI = np.diag([1.0, -1.0, -1.0, -1.0])


class Motions(eq.MatrixGroup):
    """Motions of space in homogeneous coordinates."""

    def generators(self):
        lie = np.zeros((6, 4, 4))
        for k, (i, j) in enumerate([(0, 1), (0, 2), (1, 2)]):
            lie[k, i, j], lie[k, j, i], lie[3 + k, k, 3] = -1.0, 1.0, 1.0
        return eq.Generators(lie=list(lie))


def of_planes(width: int = 2) -> M.GeometricTransformer:
    return M.GeometricTransformer(eq.defining(Motions()).dual, M.projective_form(), width=width, heads=1, depth=1)


# network, and the shapes of what one sample consists of
VARIANTS = {
    "EquivariantMLP-boosts": (lambda: M.EquivariantMLP(2 * W, W, 16, 1, 1), ((8,),)),
    "InvariantScalars-boosts": (lambda: M.InvariantScalars(2 * W, W, 8, 1, lengths=False), ((8,),)),
    "VectorNeurons-boosts": (lambda: M.VectorNeurons(2 * W, W + eq.trivial(W.group), 3, 1), ((8,),)),
    "LorentzNet-space": (lambda: M.LorentzNet(V, 0, 2, 4, 1), ((3, 3),)),
    "GeometricTransformer-motions": (of_planes, ((3, 16),)),
    "GeometricTransformer-plane": (
        lambda: M.GeometricTransformer(eq.defining(PLANE), np.eye(2), width=2, heads=2, depth=2),
        ((3, 4),),
    ),
    "SetTransformer-members": (lambda: M.SetTransformer(2, 2, 4, 1, 2, 2, pool=False), ((3, 2),)),
    "DeepSets-members": (lambda: M.DeepSets(2, 2, 4, pool=False), ((3, 2),)),
    "InvariantGraphNetwork-edges": (lambda: M.InvariantGraphNetwork(1, 2, 3, 1, 1, 2), ((3, 1),)),
    "PPGN-nodes": (lambda: M.PPGN(1, 2, 3, 1, out_order=1), ((3, 3, 1),)),
    "GroupCNN-turns": (lambda: M.GroupCNN(eq.group("C4"), 1, size=4, classes=3, poolings=2), ((1, 4, 4),)),
}


def inputs(name: str, n: int, seed: int = 0) -> tuple[torch.Tensor, ...]:
    """Standard normal arguments of ``forward`` for a batch of ``n``."""
    rng = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(n, *shape, generator=rng, dtype=torch.float64) for shape in VARIANTS[name][1])
