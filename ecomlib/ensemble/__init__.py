"""Ensembles: forecasts combined into one, intervals around it, and sums that add up (lessons 07 and 07b)."""

from __future__ import annotations

from ecomlib.ensemble.average import Average
from ecomlib.ensemble.calibrated import Conformal
from ecomlib.ensemble.combine import combine, error_correlation, stacking_weights
from ecomlib.ensemble.conformal import (
    adaptive_conformal,
    conformal_quantile,
    coverage_by,
    rows_needed,
    split_conformal,
    too_few,
)
from ecomlib.ensemble.count_law import CountLaw
from ecomlib.ensemble.hierarchy import Hierarchy
from ecomlib.ensemble.reconcile import reconcile, shrunk_covariance
from ecomlib.ensemble.scatter import CoverageScatter, coverage_by_step, coverage_scatter
from ecomlib.ensemble.sums import independent_errors, path_sums, sum_intervals

__all__ = [
    "Average",
    "Conformal",
    "CountLaw",
    "CoverageScatter",
    "Hierarchy",
    "adaptive_conformal",
    "combine",
    "conformal_quantile",
    "coverage_by",
    "coverage_by_step",
    "coverage_scatter",
    "error_correlation",
    "independent_errors",
    "path_sums",
    "reconcile",
    "rows_needed",
    "shrunk_covariance",
    "split_conformal",
    "stacking_weights",
    "sum_intervals",
    "too_few",
]
