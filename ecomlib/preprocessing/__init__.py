"""Cleaning, outliers, stationarity, invertible transformations and the time step (lesson 01, section 3)."""

from ecomlib.preprocessing.cleaning import CleaningRules, clean_orders, robust_z, split_wholesale
from ecomlib.preprocessing.diagnosis import Stationarity, stationarity
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
    "clean_orders",
    "resample",
    "robust_z",
    "split_wholesale",
    "stationarity",
]
