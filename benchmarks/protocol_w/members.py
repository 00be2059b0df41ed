"""A member of protocol W's ensemble that reads what the others leave unused: LightGBM, direct, on the shop's own lines.

*Direct*: one model forecasts 1 to 4 weeks ahead with the number of weeks as an input, so no forecast is fed back as if
it were a fact. Inputs, all as of the origin: units at many look-backs, the orders and customers behind them (wholesale
against retail), units with each order's size capped, prices paid, the whole shop's pulse, last year's same weeks. Units
are logs relative to the item's own half-year mean, which is added again afterwards.

Weeks in which the shop was closed (around Christmas) say nothing about an item: they are left out of every mean, and
are no targets. Lines after an origin are cut away before anything is computed from them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from benchmarks.protocol_w import protocol
from ecomlib.contract import ForecastFunction
from ecomlib.features import calendar
from ecomlib.panel import period_index, period_start

Floats = NDArray[np.float64]
HORIZON, YEAR, LEVEL = protocol.HORIZON, 52, 26  # weeks
CALENDAR = ("week_sin", "week_cos", "week_sin2", "week_cos2", "to_christmas", "holidays")
ORDERS = ("orders", "capped", "per_order", "biggest", "small", "customers")  # inputs made from single orders
BY_WEEK = ("units", "revenue", "orders", "customers", "capped", "small", "biggest")


@dataclass(frozen=True)
class DirectSettings:
    """What was chosen on the tuning origins, and what was tried beside it (`ensemble.py`)."""

    objective: str = "regression_l1"  # or "regression"
    seeds: tuple[int, ...] = (0,)
    trees: int = 300
    items: int = 0  # train on so many best sellers of the last year too, beside the scored items
    without: tuple[str, ...] = ("week_of_year",)  # inputs that begin so are left out


@dataclass(frozen=True)
class Shop:
    """Weekly tables (items, weeks) up to an origin; ``begin`` is the week of an item's first sale."""

    items: NDArray[np.str_]
    weeks: pd.DatetimeIndex
    begin: NDArray[np.int64]
    table: dict[str, Floats]


def weekly_tables(lines: pd.DataFrame, origin: pd.Timestamp, scored: Sequence[str], more: int = 0) -> Shop:
    """Units a week and what is behind them, of the ``scored`` items and of the year's ``more`` best sellers."""
    lines = lines[lines["ordered_at"] < origin + protocol.WEEK]
    chosen = set(scored)
    if more:
        year = lines[lines["ordered_at"] >= origin - (YEAR - 1) * protocol.WEEK]
        revenue = (year["quantity"] * year["unit_price"]).groupby(year["product_id"], observed=True).sum()
        chosen |= set(revenue.nlargest(more).index)
    period = period_index(lines["ordered_at"], "W-MON")
    first, count = int(period.min()), int(period_index(pd.Series([origin]), "W-MON")[0]) - int(period.min()) + 1
    kept = lines["product_id"].isin(chosen).to_numpy()
    lines, period = lines[kept], period[kept] - first
    item, names = pd.factorize(lines["product_id"], sort=True)
    shape, cell = (len(names), count), item * count + period
    units = lines["quantity"].to_numpy(dtype=float)
    keys = {
        "cell": cell,
        "order": pd.factorize(lines["order_id"])[0],
        "customer": pd.factorize(lines["customer_id"])[0],
    }
    order = pd.DataFrame(keys | {"item": item, "units": units}).groupby(["cell", "order"], sort=False)
    order = order.agg(units=("units", "sum"), item=("item", "first"), customer=("customer", "first")).reset_index()
    size, where = order["units"].to_numpy(), order["cell"].to_numpy()
    usual = np.maximum(order.groupby("item")["units"].quantile(0.9).reindex(range(len(names))).to_numpy(), 6.0)
    people = order.loc[order["customer"] >= 0].drop_duplicates(["cell", "customer"])["cell"].to_numpy()
    biggest = np.zeros(len(names) * count)
    np.maximum.at(biggest, where, size)

    def add(cells: NDArray[np.int64], values: Floats | None = None) -> Floats:
        return np.bincount(cells, values, len(names) * count).reshape(shape).astype(float)

    table = {
        "units": add(cell, units),
        "revenue": add(cell, units * lines["unit_price"].to_numpy(dtype=float)),
        "orders": add(where),
        "customers": add(people),
        "capped": add(where, np.minimum(size, usual[order["item"].to_numpy()])),  # no order counts above its usual size
        "small": add(where, np.where(size <= 4, size, 0.0)),  # retail
        "biggest": biggest.reshape(shape),
    }
    begin = np.where(table["units"] > 0, np.arange(count), count).min(axis=1)
    weeks = pd.DatetimeIndex(period_start(np.arange(count) + first, "W-MON"))
    return Shop(np.asarray(names, dtype=str), weeks, begin, table)


def mean(x: Floats, weeks: int) -> Floats:
    """Mean of the last ``weeks`` known values up to each column; NaN where there is none."""
    known = np.isfinite(x)
    total, count = np.cumsum(np.where(known, x, 0.0), axis=1), np.cumsum(known, axis=1).astype(float)
    sums, counts = total.copy(), count.copy()
    sums[:, weeks:] -= total[:, :-weeks]
    counts[:, weeks:] -= count[:, :-weeks]
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def rolling(x: Floats, weeks: int, how: Callable[..., Any]) -> Floats:
    """A NaN-aware statistic of the last ``weeks`` columns."""
    padded = np.concatenate([np.full((len(x), weeks - 1), np.nan), x], axis=1)
    return np.asarray(how(sliding_window_view(padded, weeks, axis=1), axis=-1))


def back(x: Floats, weeks: int) -> Floats:
    """The value so many columns before."""
    result = np.full_like(x, np.nan)
    result[:, weeks:] = x[:, : x.shape[1] - weeks]
    return result


def forward(x: Floats) -> Floats:
    """Gaps filled with the last known value."""
    return np.asarray(pd.DataFrame(x.T).ffill().to_numpy().T)


def inputs(shop: Shop) -> tuple[dict[str, Floats], list[dict[str, Floats]], Floats, Floats, NDArray[np.bool_]]:
    """Inputs (items, weeks) as of each week, those of each horizon, the level, log units, and which weeks were closed.

    Column t of an input uses columns 0 to t alone; what belongs to the target's week is its date and last year's sales.
    """
    count = len(shop.weeks)
    born = np.where(np.arange(count) >= shop.begin[:, None], 0.0, np.nan)
    target = np.log1p(shop.table["units"]) + born
    whole = pd.Series(np.nanmean(target, axis=0))
    closed = (whole < whole.rolling(27, min_periods=1).median() - 1).to_numpy()  # less than a third of the usual
    open_ = np.where(closed, np.nan, born)
    logs = {name: np.log1p(shop.table[name]) + open_ for name in BY_WEEK}
    units, log = shop.table["units"] + open_, logs["units"]
    level, orders, capped = mean(log, LEVEL), mean(logs["orders"], LEVEL), mean(logs["capped"], LEVEL)
    past: dict[str, Floats] = {"level": level}

    seen = forward(log)
    past |= {f"lag{k}": back(seen, k) - level for k in range(9)}
    past |= {f"mean{w}": mean(log, w) - level for w in (2, 4, 8, 13, 52)}
    past |= {f"log_mean{w}": np.log1p(mean(units, w)) - level for w in (4, 8, 13, 26, 52)}
    past |= {f"median{w}": rolling(log, w, np.nanmedian) - level for w in (8, 13, 26)}
    past |= {"max8": rolling(log, 8, np.nanmax) - level, "min8": rolling(log, 8, np.nanmin) - level}
    past |= {f"sd{w}": rolling(log, w, np.nanstd) for w in (13, 26)}
    past |= {f"zeros{w}": mean((units == 0) + open_, w) for w in (8, 26)}
    for share in (0.1, 0.3, 0.5):
        smooth = pd.DataFrame(log.T).ewm(alpha=share, adjust=False, ignore_na=True).mean().to_numpy().T
        past[f"ewm{share}"] = smooth - level

    past |= {f"orders_lag{k}": back(forward(logs["orders"]), k) - orders for k in range(3)}
    past |= {f"orders_mean{w}": mean(logs["orders"], w) - orders for w in (4, 8)}
    past |= {f"capped_lag{k}": back(forward(logs["capped"]), k) - capped for k in range(3)}
    past |= {f"capped_mean{w}": mean(logs["capped"], w) - capped for w in (4, 8)}
    past |= {"orders_level": orders, "per_order": level - orders, "capped_level": capped - level}
    past |= {"biggest4": mean(logs["biggest"], 4) - level, "small8": mean(logs["small"], 8) - level}
    past |= {f"customers{w}": mean(logs["customers"], w) - orders for w in (4, 26)}
    past["per_order_change"] = mean(log - logs["orders"], 4) - mean(log - logs["orders"], 26)

    paid = np.log(np.divide(shop.table["revenue"], units, out=np.full_like(units, np.nan), where=units > 0))
    past |= {"price": forward(paid), "price_change": forward(paid) - mean(paid, 26)}
    past |= {f"price_change{w}": mean(paid, 4) - mean(paid, w) for w in (26, 52)}
    sold = np.maximum.accumulate(np.where(shop.table["units"] > 0, np.arange(count), -1), axis=1)
    past |= {"age": np.arange(count) - shop.begin[:, None] + 0.0, "since": np.arange(count) - sold + 0.0}

    pulse = np.where(closed, np.nan, np.log(np.maximum(np.nanmean(shop.table["units"] + born, axis=0), 1e-3)))[None, :]
    usual = mean(pulse, LEVEL)
    past |= {f"pulse{k}": back(forward(pulse), k) - usual for k in range(4)}
    past |= {"pulse_mean4": mean(pulse, 4) - usual, "growth": mean(log, 9) - back(mean(log, 9), YEAR)}
    past["growth_shop"] = mean(pulse, 9) - back(mean(pulse, 9), YEAR)

    dates = pd.date_range(shop.weeks[0], periods=count + HORIZON, freq="7D")
    known = calendar(dates, "W-MON")
    then, shop_then = back(mean(log, 9), YEAR - 4), back(mean(pulse, 9), YEAR - 4)  # around this week, a year ago
    ahead: list[dict[str, Floats]] = []
    for h in range(1, HORIZON + 1):
        near = [back(log, YEAR - h + k) for k in (-1, 0, 1)]
        five = [*near, back(log, YEAR - h - 2), back(log, YEAR - h + 2)]
        around = [back(pulse, YEAR - h + k) for k in (-1, 0, 1)]
        own = {"year": near[1] - level, "year3": np.nanmean(near, axis=0) - level}
        own |= {"year5": np.nanmean(five, axis=0) - level, "year_uplift": np.nanmean(near, axis=0) - then}
        own["year_uplift4"] = np.nanmean(five, axis=0) - back(mean(log, 4), YEAR)
        own["shop_uplift"] = np.nanmean(around, axis=0) - shop_then
        own["shop_uplift4"] = around[1] - back(mean(pulse, 4), YEAR)
        own |= {name: known[name].to_numpy(dtype=float)[None, h : count + h] for name in CALENDAR}
        own["week_of_year"] = dates.isocalendar().week.to_numpy(dtype=float)[None, h : count + h]
        ahead.append(own | {"weeks_ahead": np.full((1, 1), float(h))})
    return past, ahead, level, target, closed


def direct(lines: pd.DataFrame, settings: DirectSettings | None = None) -> ForecastFunction:
    """One LightGBM for all items and horizons, as a forecaster for ``backtest``; its lines are cut at the origin."""
    chosen = settings or DirectSettings()

    def forecast(train: pd.DataFrame, future: pd.DataFrame) -> Floats:
        from lightgbm import LGBMRegressor

        origin = train["ds"].max()
        shop = weekly_tables(lines, origin, list(train["unique_id"].unique()), chosen.items)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a window without a known week is NaN, which trees read
            past, ahead, level, target, closed = inputs(shop)
        count = len(shop.weeks)
        since = np.arange(count) - shop.begin[:, None]
        names = [name for name in [*past, *ahead[0]] if not name.startswith(chosen.without or ("\0",))]

        def rows(item: NDArray[np.int64], week: NDArray[np.int64], h: int) -> NDArray[np.float32]:
            both = past | ahead[h - 1]
            columns = [np.broadcast_to(both[name], level.shape)[item, week] for name in names]
            return np.column_stack(columns).astype(np.float32)

        x, y = [], []
        for h in range(1, HORIZON + 1):
            good = (since >= 2) & np.isfinite(level)
            good[:, count - h :] = False
            good[:, : count - h] &= ~closed[h:]
            item, week = np.nonzero(good)
            x.append(rows(item, week, h))
            y.append(target[item, week + h] - level[item, week])
        everyone, now = np.arange(len(shop.items)), np.full(len(shop.items), count - 1)
        asked = [rows(everyone, now, h) for h in range(1, HORIZON + 1)]
        answer = np.zeros((len(shop.items), HORIZON))
        for seed in chosen.seeds:
            model = LGBMRegressor(
                objective=chosen.objective,
                n_estimators=chosen.trees,
                learning_rate=0.05,
                num_leaves=15,
                min_child_samples=50,
                colsample_bytree=0.5,
                subsample=0.7,
                subsample_freq=1,
                max_bin=127,
                random_state=seed,
                deterministic=True,
                force_row_wise=True,
                n_jobs=1,
                verbosity=-1,
            ).fit(np.concatenate(x), np.concatenate(y))
            answer += np.column_stack([model.predict(part) for part in asked]) / len(chosen.seeds)
        found = np.maximum(np.expm1(answer + level[:, -1:]), 0.0)
        step = ((future["ds"] - origin) / protocol.WEEK).round().astype(int).to_numpy() - 1
        return found[pd.Index(shop.items).get_indexer(future["unique_id"].astype(str)), step]

    return forecast
