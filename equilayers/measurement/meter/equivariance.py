"""The equivariance meter: how far a function is from commuting with a group, with an honest zero and an honest one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from equilayers.measurement.joined import ActionLike, Tensors, as_action, common_group
from equilayers.measurement.meter.clusters import Clusters
from equilayers.measurement.meter.elements import Rounds
from equilayers.measurement.meter.loss_share import Loss, checked_labels
from equilayers.measurement.meter.reading import Reading
from equilayers.measurement.meter.report import EquivarianceReport
from equilayers.measurement.meter.subject import count, prepared, shift_axis
from equilayers.measurement.probe import Probe, as_generator, batch_size, undisturbed

__all__ = ["equivariance_error"]

Actions = ActionLike | Sequence[Any] | dict[Any, Any]


def equivariance_error(
    f: Callable[..., Any],
    in_action: Actions,
    out_action: Actions,
    inputs: Tensors | None = None,
    *,
    n: int = 128,
    samples: int = 16,
    generator: torch.Generator | int = 0,
    clusters: Tensor | Sequence[Any] | None = None,
    draws: int = 1,
    outputs: str | None = None,
    labels: Tensor | None = None,
    loss: Loss | None = None,
) -> EquivarianceReport:
    r"""Measure how far ``f`` is from commuting with a group, in units of how far outputs of different inputs lie apart.

    .. math::
        \varepsilon = \sqrt{A / B}, \quad A = \mathrm{mean}\,|u_{ij} - v_i|^2, \quad
        B = \mathrm{mean}_{k \not\sim i}\,|u_{ij} - v_k|^2, \quad
        u_{ij} = \rho_{out}(g_{ij})^{-1} f(\rho_{in}(g_{ij}) x_i), \quad v_i = f(x_i)

    B is taken over shuffled pairs in both orders, of different clusters. So 0 is exact, 1 means no better than another
    input's output, :math:`\sqrt 2` is the largest value, and neither the scale nor an offset of the output changes it.
    Every element but the identity is used where the group has at most 64, else ``samples`` elements are drawn per
    input. A module is measured in evaluation mode and left as it was, and so are the global random streams.

    Where the ratio cannot be read, ``error`` is None and ``undefined`` says why: outputs that do not differ or are not
    finite, a random function without ``draws``, a floor above 0.5. The floor is what rounding (by a copy in float64
    where there is one, else estimated), an action that interpolates, or noise alone would give, in the same units.

    Args:
        f: a batch to a batch; a module, or any function.
        in_action: how an element moves the input; a tuple or dict of actions for a tuple or dict of tensors, with None
            for a tensor that no element moves.
        out_action: how it should move the output, likewise; the trivial representation for an invariant.
        inputs: a batch on its leading axis; drawn from ``in_action`` if None.
        n: how many inputs to draw.
        samples: elements per input where not all are used.
        generator: randomness, or a seed.
        clusters: one label per input; inputs with equal labels count as one sample, and are not compared with each
            other. If None, near copies (up to the group) are found and taken together, which a note says.
        draws: calls of a random function to average: the error of its mean, without what noise adds.
        outputs: "logits" for outputs that count up to a common shift.
        labels: one per input, for ``loss_share``.
        loss: ``(outputs, labels)`` to a loss per input; None is cross-entropy for integer labels, else squared error.

    Shapes: ``inputs`` as ``in_action`` takes them, ``f(inputs)`` as ``out_action`` takes them.

    Raises:
        BadInput: what is no action, inputs or outputs that do not fit theirs, inputs that are not finite or hold
            integers, labels that do not fit, a function that fails or is not batch to batch.
        GroupMismatch: actions of two groups.

    Example:
        >>> import equilayers as eq
        >>> V = eq.defining(eq.group("C4"))
        >>> report = equivariance_error(lambda x: x * x.norm(dim=-1, keepdim=True), V, V)
        >>> report.error < 1e-6, report.is_at_floor
        (True, True)
        >>> equivariance_error(torch.exp, V, V).error > 0.3
        True
        >>> equivariance_error(lambda x, y: {"sum": x + y}, (V, V), {"sum": V}).error < 1e-6
        True

    Reference: the loss share is the decomposition of an orbit-averaged squared loss into the loss of the symmetrised
    function and the variance over the orbit.
    """
    inside, outside = as_action(in_action, "in_action"), as_action(out_action, "out_action")
    group = common_group(inside, outside)
    generator = as_generator(generator)
    n, samples, draws = count("n", n), count("samples", samples), count("draws", draws)
    axis = shift_axis(outputs, outside)
    x, dtypes, device = prepared(f, inputs, inside, n, generator)
    size = batch_size(inside, x)
    count("n x samples", size * samples, 0, 10**8)
    if labels is not None:
        labels = checked_labels(labels, size)
    together = None if clusters is None else Clusters.given(clusters, size)
    rounds = Rounds.choose(group, size, samples, generator)
    seed = int(torch.randint(2**31, (), generator=generator))
    probe = Probe(f, inside, outside, dtypes, device, axis)
    with undisturbed(f, device, seed):
        reading = Reading(probe, x, rounds, together, are_drawn=inputs is None)
        return reading.report(draws, labels, loss)
