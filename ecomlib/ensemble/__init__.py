"""Ensembles: several forecasts combined into one, and conformal intervals around it (lessons 07 and 07b)."""

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
from ecomlib.ensemble.scatter import CoverageScatter, coverage_by_step, coverage_scatter

__all__ = [
    "Average",
    "Conformal",
    "CoverageScatter",
    "adaptive_conformal",
    "combine",
    "conformal_quantile",
    "coverage_by",
    "coverage_by_step",
    "coverage_scatter",
    "error_correlation",
    "rows_needed",
    "split_conformal",
    "stacking_weights",
    "too_few",
]
