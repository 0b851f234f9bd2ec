"""How far from the law: the equivariance meter, and the checks for authors of groups, representations and layers."""

from equilayers.measurement.equivariance import equivariance_error
from equilayers.measurement.report import CheckReport, EquivarianceReport

__all__ = [
    "CheckReport",
    "EquivarianceReport",
    "equivariance_error",
]
