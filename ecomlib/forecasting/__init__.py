"""Reaches every forecaster by its registered name, backtests it, saves it and loads it."""

from __future__ import annotations

from ecomlib.forecasting.backtest import backtest
from ecomlib.forecasting.registry import FORECASTERS, forecaster
from ecomlib.forecasting.storage import load, save

__all__ = ["FORECASTERS", "backtest", "forecaster", "load", "save"]
