"""Scores of single test units, packed into a record, and the statistics that make them additive."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["LARGEST", "SMALLEST", "error_scores", "evaluation", "pack", "scores_of", "unpack"]

LARGEST = 1e6  # stands for an error that is not a number
SMALLEST = 1e-30  # and this for one that vanishes, whose logarithm does not exist


def pack(scores: np.ndarray) -> str:
    """Half-precision numbers as text.

    Example:
        >>> unpack(pack(np.array([0.5, -2.0]))).tolist()
        [0.5, -2.0]
    """
    return base64.b64encode(np.clip(scores, -6e4, 6e4).astype("<f2").tobytes()).decode("ascii")


def unpack(text: str) -> np.ndarray:
    """The numbers that :func:`pack` made a text of; ValueError for another text."""
    found = np.frombuffer(base64.b64decode(text, validate=True), dtype="<f2").astype(np.float64)
    if not found.size or not np.isfinite(found).all():
        raise ValueError("no finite numbers")
    return found


def error_scores(errors: np.ndarray, units: int) -> np.ndarray:
    r"""The decimal logarithm of a mean error as a mean over test units, to first order in each unit.

    .. math:: s_u = \log_{10} E + \frac{E_u / E - 1}{\ln 10}, \qquad E = \frac1U \sum_u E_u

    Their mean is :math:`\log_{10} E` exactly, and their variance that of it by the delta method. A unit is a block of
    test samples.

    Args:
        errors: one for each test sample, as many in each unit.
        units: how many.

    Example:
        >>> bool(np.isclose(error_scores(np.array([1.0, 3.0, 2.0, 4.0]), 2).mean(), np.log10(2.5)))
        True
    """
    blocks = np.nan_to_num(errors, nan=LARGEST, posinf=LARGEST).clip(SMALLEST, LARGEST).reshape(units, -1).mean(1)
    mean = blocks.mean()
    return np.log10(mean) + (blocks / mean - 1) / np.log(10)


def evaluation(scores: np.ndarray, keep: bool) -> dict[str, Any]:
    """The mean as ``score``, exact to six digits, and where ``keep`` the scores of the units."""
    return {"score": float(f"{scores.mean():.6g}")} | ({"units": pack(scores)} if keep else {})


def scores_of(found: Mapping[str, Any], name: str = "") -> np.ndarray:
    """Scores of the units of an evaluation, about its exact mean."""
    units = unpack(found["units"])
    return units - units.mean() + found["score"]
