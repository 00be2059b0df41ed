"""Cleaning, outliers, stationarity, invertible transformations and the time step (lesson 01, section 3)."""

from ecomlib.preprocessing.cleaning import CleaningRules, clean_orders, robust_z, split_wholesale
from ecomlib.preprocessing.diagnosis import Stationarity, stationarity, stationarity_table
from ecomlib.preprocessing.retransform import back_from_logs
from ecomlib.preprocessing.timestep import resample
from ecomlib.preprocessing.transforms import (
    BoxCox,
    Chain,
    Deseasonalise,
    Difference,
    Fitted,
    FittedChain,
    Log1p,
    Scale,
    Transform,
)

__all__ = [
    "BoxCox",
    "Chain",
    "CleaningRules",
    "Deseasonalise",
    "Difference",
    "Fitted",
    "FittedChain",
    "Log1p",
    "Scale",
    "Stationarity",
    "Transform",
    "back_from_logs",
    "clean_orders",
    "resample",
    "robust_z",
    "split_wholesale",
    "stationarity",
    "stationarity_table",
]
