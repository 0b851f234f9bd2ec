"""The arithmetic of the equivariance meter: shuffled pairs in linear time, and a clustered interval."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

__all__ = ["MINIMUM_FOR_INTERVAL", "jackknife_interval", "shuffled_pairs", "student_quantile"]

# Below this many inputs the jackknife covers less than it says (89 % at 16 in simulation), so none is given.
MINIMUM_FOR_INTERVAL = 32


def shuffled_pairs(u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    r"""Squared distances of pulled-back outputs to their own and to other inputs' outputs.

    .. math::
        a_i = \mathrm{mean}_j |u_{ij} - v_i|^2, \qquad
        b_i = \mathrm{mean}_j \mathrm{mean}_{k \neq i} \tfrac12 (|u_{ij} - v_k|^2 + |u_{kj} - v_i|^2)

    The sums over k are expanded, so the cost is linear in the number of inputs.

    Args:
        u: pulled-back outputs, float64.
        v: outputs, float64.

    Shapes: ``(*repeats, elements, inputs, dim), (*repeats, inputs, dim) -> two (*repeats, inputs)``.

    Example:
        >>> v = np.array([[0.0], [2.0]])
        >>> a, b = shuffled_pairs(v[None], v)
        >>> a, b
        (array([0., 0.]), array([4., 4.]))
    """
    n = v.shape[-2]
    centre = v.mean(axis=-2, keepdims=True)
    v = v - centre
    u = u - centre[..., None, :, :]
    own = v[..., None, :, :]
    a = ((u - own) ** 2).sum(-1).mean(-2)
    uu, vv = (u * u).sum(-1), (own * own).sum(-1)
    towards_v = (u * (own.sum(-2, keepdims=True) - own)).sum(-1)
    towards_u = (own * (u.sum(-2, keepdims=True) - u)).sum(-1)
    u_to_others = (n - 1) * uu - 2 * towards_v + vv.sum(-1, keepdims=True) - vv
    others_to_v = (n - 1) * vv - 2 * towards_u + uu.sum(-1, keepdims=True) - uu
    b = (0.5 * (u_to_others + others_to_v) / max(n - 1, 1)).mean(-2)
    return a, np.maximum(b, 0.0)


def student_quantile(probability: float, freedom: int) -> float:
    """Quantile of Student's t by the Cornish-Fisher expansion, to 1e-6 for 31 degrees of freedom and more.

    Reference: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.5.

    Example:
        >>> round(student_quantile(0.975, 63), 5)
        1.99834
    """
    z = NormalDist().inv_cdf(probability)
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return sum(term / freedom**power for power, term in enumerate(terms))


def jackknife_interval(a: np.ndarray, b: np.ndarray, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    r"""Interval of :math:`\sqrt{A/B}` by leaving out one input at a time, on the logarithm.

    .. math:: A_{(i)} = \frac{N A - a_i}{N - 1}, \qquad B_{(i)} = \frac{N B - 2 b_i}{N - 2}

    An input enters every pair it belongs to, hence the 2. Elements of one input are never counted as
    independent samples.

    Args:
        a: own distances per input, positive mean.
        b: shuffled distances per input, positive mean.
        level: nominal coverage.

    Shapes: ``(*repeats, inputs), (*repeats, inputs) -> two (*repeats,)``.

    Example:
        >>> a, b = np.full(40, 1.0), np.full(40, 4.0)
        >>> low, high = jackknife_interval(a, b)
        >>> float(low), float(high)
        (0.5, 0.5)
    """
    n = a.shape[-1]
    mean_a, mean_b = a.mean(-1, keepdims=True), b.mean(-1, keepdims=True)
    without_a = (n * mean_a - a) / (n - 1)
    without_b = (n * mean_b - 2 * b) / (n - 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        left_out = np.log(without_a / without_b)
        theta = np.log(mean_a / mean_b)[..., 0]
        spread = left_out - left_out.mean(-1, keepdims=True)
        half = student_quantile(0.5 + level / 2, n - 1) * np.sqrt((n - 1) / n * (spread**2).sum(-1))
        return np.exp((theta - half) / 2), np.exp((theta + half) / 2)
