"""The interval of the meter: leaving out one cluster at a time, with as many degrees of freedom as the data show."""

from __future__ import annotations

from math import lgamma
from statistics import NormalDist

import numpy as np

from equilayers.measurement.meter.clusters import Clusters

__all__ = ["MINIMUM_FOR_INTERVAL", "heavy_share", "jackknife_interval", "student_quantile"]

# Below this many clusters the interval covers less than it says, so none is given (benchmarks/meter_coverage.py).
MINIMUM_FOR_INTERVAL = 20


def student_quantile(probability: float, freedom: np.ndarray | float) -> np.ndarray:
    r"""Quantile of Student's t above one half, for 1 degree of freedom and more, whole or not.

    With :math:`t = \sqrt\nu \tan\theta` the distribution is :math:`\tfrac12 + c \int_0^\theta \cos^{\nu - 1}`, concave
    in :math:`\theta`, so that Newton's steps from the normal quantile rise to the answer.

    Args:
        probability: between 0.5 and 1.
        freedom: at least 1, of any shape.

    Example:
        >>> np.round(student_quantile(0.975, np.array([1.0, 2.5, 63.0])), 5)
        array([12.7062 ,  3.57465,  1.99834])

    Reference: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.
    """
    nu = np.asarray(freedom, dtype=np.float64)
    nodes, weights = np.polynomial.legendre.leggauss(64)
    nodes, weights = (nodes + 1) / 2, weights / 2
    log_c = np.vectorize(lambda v: lgamma((v + 1) / 2) - lgamma(v / 2), otypes=[np.float64])(nu) - np.log(np.pi) / 2
    angle = np.arctan(NormalDist().inv_cdf(probability) / np.sqrt(nu))
    for _ in range(60):
        points = np.cos(angle[..., None] * nodes)
        value = np.exp(log_c) * angle * (points ** (nu[..., None] - 1) * weights).sum(-1)
        step = (probability - 0.5 - value) / (np.exp(log_c) * np.cos(angle) ** (nu - 1))
        angle = angle + step
        if np.abs(step / angle).max(initial=0.0) < 1e-14:
            break
    return np.sqrt(nu) * np.tan(angle)


def jackknife_interval(
    a: np.ndarray, b: np.ndarray, clusters: Clusters | None = None, level: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    r"""Interval of :math:`\sqrt{A/B}` by leaving out one cluster at a time, on the logarithm.

    .. math::
        A_{(c)} = \frac{\sum_{i \notin c} a_i}{N - n_c}, \quad
        B_{(c)} = \frac{D - 2 D_c}{P - 2 n_c (N - n_c)}, \quad
        z_c = \sqrt{1 - n_c / N}\, \Big(\log \frac{A_{(c)}}{B_{(c)}} - \log \frac AB\Big)

    with :math:`D_c` the sum over :math:`i \in c` of :math:`(N - n_c) b_i`, D their sum and P the number of ordered
    pairs of different clusters: a cluster enters every pair it belongs to, hence the 2. The half-width is
    :math:`t_\nu \sqrt{\sum z_c^2}`. Few large :math:`z_c` say little of the variance: with the kurtosis
    :math:`\kappa = C \sum z_c^4 / (\sum z_c^2)^2` the degrees of freedom are
    :math:`\nu = 1.5\, C / (\kappa - 1.5)`, at least 1 and at most C - 1, which a normal distribution gives. Where a
    cluster holds all of A, the same is done without logarithms.

    Args:
        a: own distances per input, positive mean.
        b: shuffled distances per input, positive mean.
        clusters: which inputs count as one; each by itself if None.
        level: nominal coverage.

    Shapes: ``(*repeats, inputs), (*repeats, inputs) -> two (*repeats,)``.

    Example:
        >>> a, b = np.full(40, 1.0), np.full(40, 4.0)
        >>> low, high = jackknife_interval(a, b)
        >>> float(low), float(high)
        (0.5, 0.5)

    Reference: Bell and McCaffrey (2002) for the weights by leverage; the factor 1.5 by simulation
    (benchmarks/meter_coverage.py).
    """
    clusters = Clusters.alone(a.shape[-1]) if clusters is None else clusters
    n, size, count = a.shape[-1], clusters.sizes, clusters.count
    pairs = n**2 - (size**2).sum()
    a_c, d_c = clusters.total(a), clusters.total(b) * (n - size)
    a_all, d_all = a_c.sum(-1, keepdims=True), d_c.sum(-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (a_all / n) / (d_all / pairs)
        left_out = ((a_all - a_c) / (n - size)) / ((d_all - 2 * d_c) / (pairs - 2 * size * (n - size)))
        plain = ~((left_out > 0).all(-1) & (ratio[..., 0] > 0))
        scale = np.where(plain[..., None], left_out - ratio, np.log(left_out) - np.log(ratio))
        z = np.sqrt(1 - size / n) * scale
        variance = (z**2).sum(-1)
        kurtosis = np.where(variance > 0, count * (z**4).sum(-1) / variance**2, 3.0)
    freedom = 1.5 * count / np.maximum(kurtosis - 1.5, 1e-9)
    half = student_quantile(0.5 + level / 2, np.clip(freedom, 1.0, count - 1.0)) * np.sqrt(variance)
    centre = ratio[..., 0]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        low = np.where(plain, np.sqrt(np.maximum(centre - half, 0.0)), np.exp((np.log(centre) - half) / 2))
        high = np.where(plain, np.sqrt(np.maximum(centre + half, 0.0)), np.exp((np.log(centre) + half) / 2))
    return low, high


def heavy_share(a: np.ndarray, clusters: Clusters) -> float:
    """The share of the error that one cluster holds, where that is far more than its part of the inputs, else 0.

    Far more is a tenth, and eight times its part: light tails give less.
    """
    own = np.maximum(clusters.total(a), 0.0)
    if not own.any():
        return 0.0
    share = own / own.sum()
    heavy = share > np.maximum(0.1, 8 * clusters.sizes / len(clusters.index))
    return float(share[heavy].max(initial=0.0))
