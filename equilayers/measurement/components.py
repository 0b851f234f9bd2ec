"""The components of a matrix Lie group, found by real logarithms and not by what the group says of itself."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from equilayers.groups import Group

__all__ = ["component_representatives", "in_identity_component", "real_logarithm"]

MOST_COMPONENTS = 24
ATTEMPTS = 32


def real_logarithm(matrices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Principal logarithms, and which of them exist: square roots until near 1, then the series.

    Shapes: ``(m, n, n) -> (m, n, n), (m,)``.

    Reference: Denman and Beavers (1976) for the square root.
    """
    values = np.linalg.eigvals(matrices)
    exists = ~((values.real <= 1e-9) & (np.abs(values.imag) <= 1e-7 * np.abs(values).clip(1e-12))).any(-1)
    eye = np.eye(matrices.shape[-1])
    root = np.where(exists[:, None, None], matrices, eye)
    halvings = 0
    while np.abs(root - eye).max() > 0.05 and halvings < 40:
        root, halvings = _square_root(root), halvings + 1
    x, power, total = root - eye, np.broadcast_to(eye, root.shape), np.zeros_like(root)
    for k in range(1, 20):
        power = power @ x
        total = total - (-1.0) ** k * power / k
    return total * 2.0**halvings, exists


def _square_root(y: np.ndarray) -> np.ndarray:
    z = np.broadcast_to(np.eye(y.shape[-1]), y.shape)
    for _ in range(40):
        before, y, z = y, (y + np.linalg.inv(z)) / 2, (z + np.linalg.inv(y)) / 2
        if np.abs(y - before).max() <= 1e-14 * np.abs(y).max():
            break
    return y


def in_identity_component(group: Group, g: Tensor) -> np.ndarray:
    """Which elements are an exponential, up to one further exponential: a certificate of membership.

    The principal logarithm of a member can leave the algebra (where angles add up to more than half a turn), so
    several random further exponentials are tried. False says that with none of them a logarithm was found.
    """
    generator = torch.Generator().manual_seed(11)
    lie = group.lie_basis.reshape(group.lie_dim, -1)
    basis = np.linalg.svd(lie, full_matrices=False)[2]
    waiting = np.arange(len(g))
    for attempt in range(ATTEMPTS):
        if not len(waiting):
            break
        scale = 0.4 * min(attempt, 7)  # more would overflow where the group is not compact
        step = group.exp(scale * torch.randn(group.lie_dim, generator=generator, dtype=torch.float64))
        logarithm, exists = real_logarithm((g[torch.from_numpy(waiting)] @ step).numpy())
        flat = logarithm.reshape(len(waiting), -1)
        outside = np.abs(flat - flat @ basis.T @ basis).max(1)
        waiting = waiting[~(exists & (outside < 1e-6 * np.maximum(1.0, np.abs(flat).max(1))))]
    return ~np.isin(np.arange(len(g)), waiting)


def component_representatives(group: Group) -> list[tuple[str, Tensor]]:
    """Words in the discrete generators, one for each component, named for people.

    The list stops at a bound for groups of infinitely many components.
    """
    found: list[tuple[str, Tensor]] = [("1", group.identity)]
    for word, representative in found:  # grows while it is read
        for i, s in enumerate(group.discrete_generators):
            candidate = group.compose(s, representative)
            back = torch.stack([group.compose(candidate, group.inverse(other)) for _, other in found])
            if not in_identity_component(group, back).any() and len(found) < MOST_COMPONENTS:
                found.append((f"d{i}" if word == "1" else f"d{i} {word}", candidate))
    return found
