"""Independent counts of intertwiners: traces of matrices, and ranks of the equations themselves."""

from __future__ import annotations

import numpy as np
import torch

from equilayers.representations import Representation

__all__ = ["ENUMERATED", "characters", "intertwiner_projector", "trace_count"]

ENUMERATED = 10_000  # groups up to this order are averaged over exactly
UNKNOWNS = 1300  # equations for more unknowns are not solved here


def characters(V: Representation, g: torch.Tensor) -> np.ndarray:
    """Traces of V(g), in chunks."""
    chunk = max(1, 2_000_000 // max(1, V.dim**2))
    return torch.cat([V(part).diagonal(dim1=-2, dim2=-1).sum(-1) for part in g.split(chunk)]).numpy()


def trace_count(V: Representation, W: Representation, g: torch.Tensor) -> np.ndarray:
    """Values whose mean over the group is dim Hom(V, W): chi_V(g^-1) chi_W(g)."""
    return characters(V, V.group.inverse(g)) * characters(W, g)


def intertwiner_projector(V: Representation, W: Representation) -> np.ndarray | None:
    """Projector to the solutions of ``W(s) B = B V(s)`` for all generators, on row-major B; None if too large.

    By the normal equations, which square the condition: a solution is told from a near miss down to 1e-6.
    """
    a, b = V.dim, W.dim
    if a * b > UNKNOWNS:
        return None
    normal = np.zeros((a * b, a * b))
    pairs = [*zip(V.images.lie, W.images.lie, strict=True), *zip(V.images.discrete, W.images.discrete, strict=True)]
    for left, right in pairs:
        equation = np.kron(right, np.eye(a)) - np.kron(np.eye(b), left.T)
        normal += equation.T @ equation / max(1.0, np.abs(equation).max(initial=0.0) ** 2)
    values, vectors = np.linalg.eigh(normal)
    kernel = vectors[:, values < 1e-10 * max(1.0, values.max(initial=0.0))]
    return kernel @ kernel.T
