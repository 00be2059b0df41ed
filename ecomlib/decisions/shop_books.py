"""Keeps the books of a shop that is played, week by week, as the shop would have recorded them.

P products, S stocks (one for each of R regions, or one for all), W weeks from the store's first to the last of play.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.errors import DataError
from ecomlib.stores.simulated.world import World

KEYS = (("product_id",), ("product_id", "region_id"))


class Books:
    """Hold what was recorded so far; weeks that have not happened yet are zero and unread.

    Parameters
    ----------
    world : World
        Whose weeks before play are copied into the books; nothing of it is kept but names and dates.
    pooled : bool
        One stock serves all regions.
    """

    def __init__(self, world: World, pooled: bool) -> None:
        market, first = world.market, world.first
        weeks, (products, regions) = first + world.weeks, market.sold.shape[:2]
        stocks = 1 if pooled else regions
        self.product_ids, self.region_ids = world.catalogue.product_id.copy(), market.region_ids.copy()
        self.launch, self.dates = world.catalogue.launch_week.copy(), market.dates[: 7 * weeks : 7].copy()
        self.pooled, self.known = pooled, first
        self.sold = np.zeros((weeks, products, stocks), dtype=np.int32)  # units, the wholesale order included
        self.ended_out, self.began_out = (np.zeros(self.sold.shape, dtype=np.int16) for _ in range(2))  # region-days
        self.price, self.depth = np.zeros((products, weeks)), np.zeros((products, weeks))
        self.promoted, self.price_test = (np.zeros((products, weeks), dtype=bool) for _ in range(2))
        days, plan = slice(7 * first), market.plan
        shelf, sold = (market.opening[:, :, days] + market.received[:, :, days]), market.sold[:, :, days]
        for book, daily in ((self.sold, sold), (self.ended_out, shelf == sold), (self.began_out, shelf == 0)):
            by_week = np.moveaxis(daily.reshape(products, regions, first, 7).sum(axis=3), 2, 0)
            book[:first] = by_week.sum(axis=2, keepdims=True) if pooled else by_week
        for name in ("price", "depth", "promoted", "price_test"):
            getattr(self, name)[:, :first] = getattr(plan, name)[:, :first]

    def copy(self) -> Books:
        """Copy the books, so that two plays begin alike."""
        other = object.__new__(Books)
        other.__dict__.update({k: v.copy() if isinstance(v, np.ndarray) else v for k, v in self.__dict__.items()})
        return other

    def write(
        self,
        available: NDArray[np.int64],
        gone: NDArray[np.int64],
        plan: dict[str, NDArray[Any]],
        wholesale: tuple[int, int, int, int] | None,
    ) -> None:
        """Write one more week down.

        Parameters
        ----------
        available : array (P, S)
            Units on Monday after unpacking.
        gone : array (P, S, 7)
            Units sold by the end of each day.
        plan : dict of array (P,)
            ``price, depth, promoted, price_test``.
        wholesale : tuple, optional
            Product, region, day and units of an order that came in and went out on one day of this week.
        """
        week, left = self.known, available[:, :, None] - gone
        morning = np.concatenate([available[:, :, None], left[:, :, :-1]], axis=2)
        self.sold[week] = gone[:, :, -1]
        began_out = morning == 0
        if wholesale is not None:
            product, region, day, units = wholesale
            stock = 0 if self.pooled else region
            self.sold[week, product, stock] += units
            began_out[product, stock, day] = False
        weight = len(self.region_ids) if self.pooled else 1
        self.ended_out[week] = weight * (left == 0).sum(axis=2)
        self.began_out[week] = weight * began_out.sum(axis=2)
        for name, values in plan.items():
            getattr(self, name)[:, week] = values
        self.known += 1

    def stockout(self) -> NDArray[np.float64]:
        """Return the share of the last week's days that ended without stock, (P, S)."""
        return np.asarray(self.ended_out[self.known - 1] / (7 * self._regions))

    @property
    def _regions(self) -> int:
        """Region-days that one day of one stock stands for."""
        return len(self.region_ids) if self.pooled else 1

    def panel(self, by: tuple[str, ...]) -> pd.DataFrame:
        """Make the panel of all weeks so far; ``ShopEnv.history`` says what it holds.

        Parameters
        ----------
        by : tuple of str
            ``("product_id",)`` or ``("product_id", "region_id")``.

        Returns
        -------
        DataFrame
            Sorted by ``unique_id, ds``; a series begins with its product's launch.

        Raises
        ------
        DataError
            There is no such panel in these books.
        """
        if tuple(by) not in KEYS or (self.pooled and len(by) > 1):
            ways = KEYS[:1] if self.pooled else KEYS
            raise DataError("these books hold no such series", value=by, remedy=f"use one of {ways}.")
        weeks, single = self.known, len(by) == 1
        parts = [np.moveaxis(book[:weeks], 0, 2) for book in (self.sold, self.ended_out, self.began_out)]
        stocks = parts[0].shape[1]
        region_days = 7 * self._regions * (stocks if single else 1)
        if single:
            parts = [part.sum(axis=1, keepdims=True, dtype=np.int64) for part in parts]
        shape = parts[0].shape
        live = np.broadcast_to((self.launch[:, None] <= np.arange(weeks))[:, None], shape)
        product, stock, week = np.nonzero(live)
        plan = {name: getattr(self, name)[product, week] for name in ("price", "promoted", "depth", "price_test")}
        units, ended, began = (part[live] for part in parts)
        keys = {"product_id": self.product_ids[product]}
        names = self.product_ids[:, None]
        if not single:
            keys["region_id"] = self.region_ids[stock]
            names = names + "|" + self.region_ids
        frame = {
            "unique_id": names[product, stock],
            "ds": self.dates.to_numpy()[week],
            **keys,
            "y": units.astype(float),
            **{name: np.asarray(values, dtype=float) for name, values in plan.items()},
            "stockout": ended / region_days,
            "unstocked": began / region_days,
        }
        panel = pd.DataFrame(frame)
        panel.attrs["freq"] = "W-MON"
        return panel
