"""Why a measurement has no error, and what a reader has to know beside one: in words."""

from __future__ import annotations

from typing import Any

import numpy as np

from equilayers.measurement.joined import Joined, Tensors, rows
from equilayers.measurement.meter.clusters import Clusters
from equilayers.measurement.meter.elements import Rounds
from equilayers.measurement.meter.floor import Floor, Squares, mean_squares
from equilayers.measurement.meter.interval import heavy_share
from equilayers.measurement.meter.tally import Tally
from equilayers.measurement.probe import Probe, batch_size, eps, leaves_of

__all__ = ["depends_on_sampling", "heavy_tails", "not_numbers", "nothing_to_compare", "stochastic", "unreadable"]

ROUNDOFFS = 10  # two calls that differ by more of them differ by more than the order of sums
UNSEEN = 1e-6  # and by more than this part of the distance between outputs


def nothing_to_compare(n: int, clusters: Clusters, rounds: Rounds) -> str:
    """Too few inputs or elements; an empty string where there are enough."""
    if n < 2:
        return f"two inputs are needed to compare with, there is {n}"
    if clusters.count < 2:
        return "all inputs are copies of one, or one cluster: another input is needed to compare with"
    return "" if len(rounds) else "the group has no element besides the identity"


def stochastic(probe: Probe, v: Tensors, repeat: Squares, unit: float) -> str:
    """That two calls differ beyond rounding, by their mean squares in a unit; else an empty string."""
    action, n = probe.out_action, batch_size(probe.out_action, v)
    size = sum(mean_squares(action, v, None, unit).values())
    first, last = (rows(v, part, n) for part in (slice(0, n // 2), slice(n // 2, 2 * (n // 2))))
    spread = sum(mean_squares(action, first, last, unit).values())
    roundoff = max(eps(dtype) for dtype in (*probe.dtypes, *(t.dtype for t in leaves_of(v))))
    difference = float(np.sqrt(sum(repeat.values())))
    if not difference > max(ROUNDOFFS * roundoff * np.sqrt(size), UNSEEN * np.sqrt(spread)):
        return ""
    part = f"{difference * unit:.3g}"
    if spread > 0:
        part = f"{difference / np.sqrt(spread):.2g} of the distance between outputs of different inputs"
    return f"stochastic: two calls on the same inputs differ by {part}; draws= measures the error of their mean"


def not_numbers(probe: Probe, tally: Tally) -> str:
    """That inputs or outputs are not finite, or that there are none; else an empty string."""
    if probe.overflowed:
        held = ", ".join(sorted({str(dtype).removeprefix("torch.") for dtype in probe.dtypes}))
        return f"{probe.overflowed} numbers of moved inputs lie beyond the range of {held}"
    (own, of_own), (other, of_other) = tally.broken.tolist()
    if own or other:
        j, i = tally.first
        where = f"f(x) of input {i}" if j < 0 else f"f(g x) of input {i} in round {j}"
        return (
            f"{own + other} of {of_own + of_other} output values are not finite: {own} of f(x), {other} of f(g x), "
            f"the first in {where}"
        )
    return "" if of_own else "the output has no entries"


def unreadable(floor: Floor, tally: Tally, value: float, scale: float, draws: int) -> str:
    """That a floor of ``value`` hides any error."""
    found = f"{floor.kind} alone gives {value:.2g}"
    if floor.kind == "resampling":
        return f"{found}: the action interpolates; give smoother inputs, or a finer grid"
    if floor.kind == "noise":
        return f"{found} after {draws} calls: take more draws"
    squares = sum(float(sums.vv.mean() + ((sums.centre / tally.unit) ** 2).sum()) for sums in tally.sums.values())
    return (
        f"outputs of size {np.sqrt(squares) * tally.unit:.3g} differ by {scale:.3g}, which their dtype does not "
        f"resolve: {found}; compute in float64, or remove an offset"
    )


def heavy_tails(a: np.ndarray, clusters: Clusters) -> str:
    """That few inputs hold the error; else an empty string."""
    share = heavy_share(a, clusters)
    if not share:
        return ""
    one = "input" if clusters.count == len(clusters.index) else "cluster"
    return (
        f"heavy tails: one {one} holds {100 * share:.0f} % of the squared error, so that other inputs may give another "
        "figure; see median and maximum"
    )


def depends_on_sampling(group: Any, *actions: Any) -> str:
    """That the error depends on how elements are drawn; else an empty string."""
    if group.is_compact and all(map(_is_orthogonal, actions)):
        return ""
    law = getattr(group, "sampling_law", "")
    return f"the action is not orthogonal, so the error depends on how elements of {group} are drawn" + (
        f": {law}" if law else ""
    )


def _is_orthogonal(action: Any) -> bool:
    """As far as an action says."""
    if isinstance(action, Joined):
        return all(map(_is_orthogonal, action.parts.values()))
    return getattr(getattr(action, "rep", action), "is_orthogonal", True)
