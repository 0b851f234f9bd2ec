"""How far from the law: the equivariance meter, and the checks for authors of groups, representations and layers."""

from equilayers.measurement.check_group import check_group
from equilayers.measurement.check_layer import assert_equivariant, check_layer
from equilayers.measurement.equivariance import equivariance_error
from equilayers.measurement.report import CheckReport, EquivarianceReport, LawResult, LayerError, WorstElement

__all__ = [
    "CheckReport",
    "EquivarianceReport",
    "LawResult",
    "LayerError",
    "WorstElement",
    "assert_equivariant",
    "check_group",
    "check_layer",
    "equivariance_error",
]
