"""Prices, interest, the travelling shock, demand and stock (lesson 00, section 1; lesson 05, section 1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True, eq=False)
class Market:
    """What the market did. P products, R regions, T days, W weeks, C categories.

    ``sold`` holds the wholesale order, too: ``wholesale`` is (product, region, day, units); whoever hands sold units
    out must make these units one line of one order.
    """

    dates: pd.DatetimeIndex  # (T,)
    region_ids: np.ndarray  # (R,) str
    population: np.ndarray  # (R,) people
    cost: np.ndarray  # (P,) money
    price: np.ndarray  # (P, W) money, as paid
    depth: np.ndarray  # (P, W) part of the price taken off
    promoted: np.ndarray  # (P, W) bool
    quality: np.ndarray  # (P, W) quality of the listing that is shown in that week
    guests: np.ndarray  # (C, R) potential of guests
    expected: np.ndarray  # (P, R, T) float32, units: μ
    demand: np.ndarray  # (P, R, T) int32, units
    sold: np.ndarray  # (P, R, T) int32, units
    wholesale: tuple[int, int, int, int]
