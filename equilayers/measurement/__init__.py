"""How far from the law: the equivariance meter, and the checks for authors of groups, representations and layers."""

from equilayers.measurement.check_group import check_group
from equilayers.measurement.check_hom import check_hom
from equilayers.measurement.check_irreps import check_irreps
from equilayers.measurement.check_layer import assert_equivariant, check_layer
from equilayers.measurement.check_representation import check_representation
from equilayers.measurement.meter.equivariance import equivariance_error
from equilayers.measurement.meter.report import EquivarianceReport, LayerError, PartError, WorstElement
from equilayers.measurement.report import CheckReport, LawResult

__all__ = [
    "CheckReport",
    "EquivarianceReport",
    "LawResult",
    "LayerError",
    "PartError",
    "WorstElement",
    "assert_equivariant",
    "check_group",
    "check_hom",
    "check_irreps",
    "check_layer",
    "check_representation",
    "equivariance_error",
]
