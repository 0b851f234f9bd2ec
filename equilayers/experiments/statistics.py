"""Intervals for accuracies that vary over two crossed factors: training seeds and test images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from equilayers.errors import BadInput

__all__ = ["Interval", "two_way_interval"]


@dataclass(frozen=True)
class Interval:
    """A mean with a 95 % interval; ``low`` and ``high`` are None where a single seed gives none.

    Attributes:
        mean: the mean over seeds and images.
        low, high: ends of the interval.
        seeds, images: how many entered.
    """

    mean: float
    low: float | None
    high: float | None
    seeds: int
    images: int

    @property
    def half_width(self) -> float | None:
        """Half of the interval's length."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2

    @property
    def sign(self) -> int | None:
        """1 or -1 where the interval lies on one side of zero, 0 where it includes zero, None without an interval."""
        if self.low is None or self.high is None:
            return None
        return 1 if self.low > 0 else -1 if self.high < 0 else 0


def two_way_interval(scores: np.ndarray | Sequence[Sequence[float]], level: float = 0.95) -> Interval:
    r"""Interval of the mean of scores that seeds and images both disturb.

    .. math::
        h^2 = t^2_{S-1} \frac{v_{seed}}{S} + z^2 \max\!\Big(0, \frac{v_{img}}{N} - \frac{v_{res}}{S N}\Big)

    with the variances of the row means and column means and the residual mean square. The model is a sum of a seed's
    effect, an image's effect and a residual; without the quantiles the two terms add to the variance of the mean.
    Rotations of one image are no samples of their own: average over them first.

    Args:
        scores: a level or a paired difference per seed and image, averaged over the image's rotations.
        level: nominal coverage.

    Shapes: ``(seeds, images)``.

    Raises:
        BadInput: no two-dimensional array of finite numbers.

    Example:
        >>> found = two_way_interval([[0.5, 0.5, 1.0, 1.0], [0.5, 0.5, 1.0, 1.0]])
        >>> found.mean, round(found.low, 3), round(found.high, 3)
        (0.75, 0.467, 1.033)
    """
    d = np.asarray(scores, dtype=np.float64)
    if d.ndim != 2 or 0 in d.shape or not np.isfinite(d).all():
        raise BadInput(
            "An interval needs a finite score for every seed and image.",
            {"scores": d.shape},
            "Give an array of shape (seeds, images); leave out seeds that have no run.",
        )
    seeds, images = d.shape
    mean = float(d.mean())
    if seeds < 2 or images < 2:
        return Interval(mean, None, None, seeds, images)
    from scipy.special import ndtri, stdtrit  # half a second, paid where an interval is asked for

    rows, columns = d.mean(1), d.mean(0)
    residual = d - rows[:, None] - columns + mean
    v_seed, v_image = rows.var(ddof=1), columns.var(ddof=1)
    v_residual = (residual**2).sum() / ((seeds - 1) * (images - 1))
    by_seed = stdtrit(seeds - 1, 0.5 + level / 2) ** 2 * v_seed / seeds
    by_image = ndtri(0.5 + level / 2) ** 2 * max(0.0, v_image / images - v_residual / (seeds * images))
    half = float(np.sqrt(by_seed + by_image))
    return Interval(mean, mean - half, mean + half, seeds, images)
