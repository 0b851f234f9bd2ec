"""One small network of every kind for the laws that all models keep: what each takes, and how it is called."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

import equilayers as eq
from equilayers import models as M

D4, C4, SPACE, PLANE = (eq.group(name) for name in ("D4", "C4", "SO(3)", "O(2)"))
V, W = eq.defining(SPACE), eq.defining(eq.group("O(1,3)"))
MINKOWSKI = np.diag([1.0, -1.0, -1.0, -1.0])
PERCEPTRON = (2, 3, 3, 1)


class Motions(eq.MatrixGroup):
    """Motions of space in homogeneous coordinates."""

    def generators(self):
        lie = np.zeros((6, 4, 4))
        for k, (i, j) in enumerate([(0, 1), (0, 2), (1, 2)]):
            lie[k, i, j], lie[k, j, i], lie[3 + k, k, 3] = -1.0, 1.0, 1.0
        return eq.Generators(lie=list(lie))


class Case(NamedTuple):
    """A network, the shapes of what one sample consists of, and, where it has another form, the call.

    ``members`` counts the axes over members that a mask cuts, for each input.
    """

    build: Callable[[], nn.Module]
    shapes: tuple[tuple[int, ...], ...]
    members: tuple[int, ...] = ()
    call: Callable[..., Any] = lambda net, *given, **named: net(*given, **named)


def read_weights(net: nn.Module, *tensors: Tensor) -> Tensor:
    found = net(list(zip(tensors[::2], tensors[1::2], strict=True)))
    return found if isinstance(found, Tensor) else torch.cat([part.flatten(1) for pair in found for part in pair], 1)


WEIGHTS = tuple(shape for a, b in pairwise(PERCEPTRON) for shape in ((b, a), (b,)))
BOTH = 2 * V + eq.trivial(SPACE)

CASES = {
    "CNN": Case(lambda: M.CNN(2, size=4, classes=3), ((1, 4, 4),)),
    "GroupCNN": Case(lambda: M.GroupCNN(C4, 1, size=4, classes=3), ((1, 4, 4),)),
    "MLP": Case(lambda: M.MLP(3, 2, 6, 2), ((3,),)),
    "EquivariantMLP": Case(lambda: M.EquivariantMLP(2 * V, V + eq.trivial(SPACE), 16, 2, 1), ((6,),)),
    "EquivariantMLP-lengths": Case(
        lambda: M.EquivariantMLP(2 * V, V + eq.trivial(SPACE), 16, 1, 1, lengths=True), ((6,),)
    ),
    "EquivariantMLP-boosts": Case(lambda: M.EquivariantMLP(2 * W, W, 16, 1, 1), ((8,),)),
    "InvariantScalars": Case(lambda: M.InvariantScalars(2 * V, V + 2 * eq.trivial(SPACE), 8, 1), ((6,),)),
    "InvariantScalars-plain": Case(lambda: M.InvariantScalars(2 * W, W, 8, 1, lengths=False), ((8,),)),
    "VectorNeurons": Case(lambda: M.VectorNeurons(BOTH, eq.trivial(SPACE) + V, 3, 2), ((7,),)),
    "VectorNeurons-boosts": Case(lambda: M.VectorNeurons(2 * W, W + eq.trivial(W.group), 3, 1), ((8,),)),
    "LorentzNet": Case(lambda: M.LorentzNet(W, 1, 2, 4, 2), ((3, 4), (3, 1)), (1, 1)),
    "LorentzNet-space": Case(lambda: M.LorentzNet(V, 0, 2, 4, 1), ((3, 3),), (1,)),
    "GeometricTransformer": Case(lambda: M.GeometricTransformer(W, MINKOWSKI, W, W, 2, 2, 1), ((3, 4),), (1,)),
    "GeometricTransformer-motions": Case(
        lambda: M.GeometricTransformer(eq.defining(Motions()).dual, M.projective_form(), width=2, heads=1, depth=1),
        ((3, 16),),
        (1,),
    ),
    "GeometricTransformer-plane": Case(
        lambda: M.GeometricTransformer(eq.defining(PLANE), np.eye(2), width=2, heads=2, depth=2), ((3, 4),), (1,)
    ),
    "SetTransformer": Case(lambda: M.SetTransformer(2, 2, 4, 1, 2, 2), ((3, 2),), (1,)),
    "SetTransformer-members": Case(lambda: M.SetTransformer(2, 2, 4, 1, 2, 2, pool=False), ((3, 2),), (1,)),
    "DeepSets": Case(lambda: M.DeepSets(2, 2, 4), ((3, 2),), (1,)),
    "DeepSets-members": Case(lambda: M.DeepSets(2, 2, 4, pool=False), ((3, 2),), (1,)),
    "InvariantGraphNetwork": Case(lambda: M.InvariantGraphNetwork(1, 2, 3), ((3, 3, 1),), (2,)),
    "InvariantGraphNetwork-edges": Case(lambda: M.InvariantGraphNetwork(1, 2, 3, 1, 1, 2), ((3, 1),), (1,)),
    "PPGN": Case(lambda: M.PPGN(1, 2, 3, 1), ((3, 3, 1),), (2,)),
    "PPGN-nodes": Case(lambda: M.PPGN(1, 2, 3, 1, out_order=1), ((3, 3, 1),), (2,)),
    "WeightSpaceNet": Case(lambda: M.WeightSpaceNet(PERCEPTRON, 2, 2, 1), WEIGHTS, (), read_weights),
    "WeightSpaceNet-weights": Case(
        lambda: M.WeightSpaceNet(PERCEPTRON, 2, 2, 1, pool=False), WEIGHTS, (), read_weights
    ),
}
