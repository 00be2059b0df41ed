"""Takes books, shares and stock from a store's tables as they were known at a cutoff (lesson 08, section 1)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ecomlib.decisions.regions import region_shares
from ecomlib.errors import DataError
from ecomlib.panel import make_panel, period_index
from ecomlib.serving.release.bundle import ALL, RECENT, flat
from ecomlib.serving.release.inputs import NEVER, Floats, SalesHistory, monday, week_of
from ecomlib.stores import rhythm
from ecomlib.stores.oddities import raise_for_stray_dates

if TYPE_CHECKING:
    from ecomlib.stores import Store

LONGEST = 200  # characters of an identifier: of the columns of events

_TIMES = {"inventory": "date", "mailings": "date", "reviews": "written_at", "listings": "valid_from"}


@dataclass(frozen=True, eq=False)
class Held:
    """Holds a store's tables up to a cutoff, the plan of prices ahead of it, and the stock at its end."""

    store: Store
    prices: pd.DataFrame | None
    stock: pd.DataFrame | None
    cutoff: int


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Holds what a version is made of: a store as it was known at a cutoff, and its sales history.

    held: the tables up to the cutoff. products, regions: as ``catalogue`` lists them. books: units by product and week,
    of full weeks. by_region: units (P, R, W) of the same weeks. horizon: weeks that the plan of prices goes ahead.
    """

    held: Held
    products: pd.DataFrame
    regions: pd.DataFrame
    books: SalesHistory
    by_region: Floats
    horizon: int


def snapshot(store: Store, horizon: int, cutoff: int, more: pd.DataFrame | None = None) -> Snapshot:
    """Take what was known of a store at the end of week ``cutoff`` (lesson 08, section 1).

    Parameters
    ----------
    store : Store
    horizon : int
        Weeks ahead that will be forecast.
    cutoff : int
        Number of the last week that is known.
    more : DataFrame, optional
        Orders beside the store's own: ``order_id, product_id, region_id, ordered_at, quantity, unit_price``.

    Returns
    -------
    Snapshot
        Its books begin with the first full week.
    """
    raise_for_stray_dates(store.orders)
    held = cut(store, cutoff, more)
    products, regions = catalogue(held.store)
    books, by_region = books_of(held, products, regions, horizon)
    partial = first_full_week(held.store) - books.first
    if 0 < partial < books.units.shape[1]:
        first = books.first + partial
        plan = {name: table[:, partial:] for name, table in books.plan.items()}
        begin = np.maximum(books.begin, first)
        books = replace(books, first=first, begin=begin, units=books.units[:, partial:], plan=plan)
        by_region = by_region[:, :, partial:]
    return Snapshot(held, products, regions, books, by_region, horizon)


def first_full_week(store: Store) -> int:
    """Return the number of the first week that the store's orders hold whole (``stores.rhythm``)."""
    return rhythm.first_full_week(store.orders)


def last_full_week(store: Store) -> int:
    """Return the number of the last week that the store's orders, or its inventory, hold whole (``stores.rhythm``)."""
    return rhythm.last_full_week(store.orders, None if store.inventory is None else store.inventory["date"].max())


def cut(store: Store, cutoff: int, more: pd.DataFrame | None = None) -> Held:
    """Cut a store's tables to what was known at the end of week ``cutoff``, plan included (lesson 08, section 1)."""
    end, orders = monday(cutoff + 1), store.orders
    if more is not None:
        orders = pd.concat([orders, more], ignore_index=True)
    tables: dict[str, Any] = {"orders": orders[orders["ordered_at"] < end].reset_index(drop=True), "truth": None}
    if tables["orders"].empty:
        raise DataError(
            "there are no orders before the cutoff",
            table="orders",
            value=f"{end:%Y-%m-%d}",
            remedy="hold out fewer weeks.",
        )
    for name, column in _TIMES.items():
        frame = getattr(store, name)
        if frame is not None:
            tables[name] = frame[frame[column] < end].reset_index(drop=True)
    stock = tables.get("inventory")
    if stock is not None:
        stock = stock[stock["date"] == stock["date"].max()]
    return Held(store.with_parts(**tables, sessions=None), store.prices, stock, cutoff)


def _short_enough(table: pd.DataFrame, name: str, column: str) -> None:
    """Refuse identifiers that no order could bear, before the version is made and not when the order comes."""
    long = table[column].str.len() > LONGEST
    if long.any():
        raise DataError(
            f"the service takes identifiers of at most {LONGEST} characters",
            table=name,
            column=column,
            value=f"{table[column][long].iloc[0][:40]}…",
            remedy="give it a shorter one, in the orders too.",
        )


def catalogue(store: Store) -> tuple[pd.DataFrame, pd.DataFrame]:
    """List products by identifier with category, price, cost; and regions, or the one region of a shop without."""
    found = store.products.sort_values("product_id", ignore_index=True)
    products = found.reindex(columns=["product_id", "title", "category", "list_price", "unit_cost"])
    paid = store.orders.sort_values("ordered_at", kind="stable").groupby("product_id")["unit_price"].last()
    price = products.pop("list_price").astype(float)
    products["price"] = products["product_id"].map(paid).fillna(price).astype(float)
    products["cost"] = products.pop("unit_cost").astype(float)
    _short_enough(products, "products", "product_id")
    products["category"] = products["category"].astype(object).where(products["category"].notna(), "none")
    if store.regions is None or "region_id" not in store.orders:
        return products, pd.DataFrame({"region_id": [ALL], "name": ["everywhere"]})
    place = [c for c in ("row", "column", "latitude", "longitude") if c in store.regions]
    regions = store.regions[["region_id", "name", *place]].sort_values("region_id", ignore_index=True)
    _short_enough(regions, "regions", "region_id")
    if ALL in set(regions["region_id"]):
        raise DataError(
            "this name stands for the sum of all regions",
            table="regions",
            column="region_id",
            value=ALL,
            remedy="give that region another identifier.",
        )
    return products, regions


def books_of(held: Held, products: pd.DataFrame, regions: pd.DataFrame, horizon: int) -> tuple[SalesHistory, Floats]:
    """Build the sales history at the cutoff, and units (P, R, W), without orders that lack a region.

    The plan of prices goes on for ``horizon`` weeks at least.
    """
    ahead = horizon
    if held.prices is not None:
        ahead += max(0, week_of(held.prices["date"].max()) - held.cutoff)
    bare = held.store.with_parts(prices=held.prices, inventory=None)
    # The cutoff says how far the books go: a week without orders was a closed one, and its units are zero.
    long = make_panel(bare, end=monday(held.cutoff), ahead=ahead, books_end=monday(held.cutoff))
    names = tuple(products["product_id"])
    week = period_index(long["ds"], "W-MON")
    first, row = int(week.min()), pd.Series(np.arange(len(names)), index=names)
    at, line = week - first, row[long["product_id"]].to_numpy()
    shape = (len(names), held.cutoff - first + 1)
    units, begin, known = np.zeros(shape), np.full(len(names), NEVER), (week <= held.cutoff)
    units[line[known], at[known]] = long["y"].to_numpy(dtype=float)[known]
    np.minimum.at(begin, line, week)
    plan = {}
    if held.prices is not None:
        price = np.full((shape[0], shape[1] + ahead), np.nan)
        price[line, at] = long["price"]
        plan["log_price"], products["reference"] = _log_price(price, products)
        for name in ("promoted", "depth"):
            if name in long:
                plan[name] = np.zeros_like(price)
                plan[name][line, at] = long[name]
    orders = held.store.orders
    where = np.zeros(len(orders), dtype=np.int64)
    if list(regions["region_id"]) != [ALL]:
        number = pd.Series(np.arange(len(regions)), index=regions["region_id"])
        where = number.reindex(orders["region_id"]).fillna(-1).to_numpy(dtype=np.int64)
    when = period_index(orders["ordered_at"], "W-MON") - first
    mine = row[orders["product_id"]].to_numpy()
    keep = (where >= 0) & (when >= 0) & (when < shape[1])
    cell = ((mine * len(regions) + where) * shape[1] + when)[keep]
    size = (len(names), len(regions), shape[1])
    by_region = np.bincount(cell, orders["quantity"].to_numpy(dtype=float)[keep], int(np.prod(size))).reshape(size)
    return SalesHistory(names, tuple(products["category"]), first, begin, units, plan), by_region.astype(float)


def _log_price(price: Floats, products: pd.DataFrame) -> tuple[Floats, Floats]:
    """Log of price over its reference (unit cost, or the first price), and the reference (P,), in money.

    Where no price is known the product's mean stands, and for a product without any the shop's.
    """
    first = price[np.arange(len(price)), np.isfinite(price).argmax(axis=1)]
    cost = products["cost"].to_numpy(dtype=float)
    reference = np.where(cost > 0, cost, np.where(first > 0, first, products["price"].to_numpy(dtype=float)))
    logs = pd.DataFrame(np.log(price / reference[:, None])).replace([-np.inf, np.inf], np.nan)
    mean = logs.mean(axis=1)
    return logs.T.fillna(mean.fillna(0.0 if mean.isna().all() else float(mean.mean()))).T.to_numpy(), reference


def shares(by_region: Floats, category: tuple[str, ...]) -> Floats:
    """Compute each region's share of a product's units (P, R), shrunk to its category's share (lesson 08, section 2).

    ``by_region`` (P, R, W): of the last ``RECENT`` weeks the units are summed, see ``decisions.regions``.
    """
    return region_shares(by_region[:, :, -RECENT:].sum(axis=2), category)


def shares_by_hour(held: Held) -> list[float]:
    """Share of a week's units that come before each of its 168 hours, over the last ``RECENT`` weeks (lesson 08,
    section 2). One unit is spread evenly, so that some share is always left.

    Where a time of day is a mark, no moment (a date alone is midnight), all that the day sells stands at that hour
    already: when the shop's clock shows it, those orders are being told, and none of them is to be expected again.
    """
    orders = held.store.orders
    orders = orders[orders["ordered_at"] >= monday(held.cutoff + 1 - RECENT)]
    hour = (orders["ordered_at"].dt.dayofweek * 24 + orders["ordered_at"].dt.hour).to_numpy()
    hour = hour + np.where(rhythm.marked(orders["ordered_at"]), 0, 1)  # a moment's unit is there when its hour is over
    units = np.bincount(hour, orders["quantity"].to_numpy(dtype=float), 169)[:168] + np.r_[0.0, np.full(167, 1 / 168)]
    share = np.cumsum(units / (orders["quantity"].sum() + 1))
    return [float(part) for part in np.round(share, 6)]


def silence(held: Held) -> float:
    """Count the days of the longest pause between two days with orders (lesson 08, section 3)."""
    days = np.unique(held.store.orders["ordered_at"].to_numpy().astype("datetime64[D]"))
    return float(np.diff(days).astype(np.int64).max(initial=1))


def tables_of(snap: Snapshot) -> dict[str, pd.DataFrame]:
    """Build the tables that a bundle keeps, except reach, effects and errors of orders."""
    held, books, by_region, regions, horizon = snap.held, snap.books, snap.by_region, snap.regions, snap.horizon
    names = list(regions["region_id"])
    recent = np.zeros((*by_region.shape[:2], RECENT))
    taken = by_region[:, :, -RECENT:]
    recent[:, :, RECENT - taken.shape[2] :] = taken
    row, column, back = np.nonzero(recent)
    stock = pd.DataFrame(columns=names, dtype=float)
    if held.stock is not None:
        left = held.stock["on_hand_start"] + held.stock["received"] - held.stock["sold"]
        place = held.stock["region_id"] if names != [ALL] and "region_id" in held.stock else ALL
        lying = pd.DataFrame({"product_id": held.stock["product_id"], "region_id": place, "left": left.astype(float)})
        wide = lying.pivot_table("left", "product_id", "region_id", "sum")
        stock = wide.reindex(index=books.products, columns=names, fill_value=0.0).fillna(0.0).reset_index(drop=True)
    first: dict[str, list[Floats]] = {"": []}
    for line in np.flatnonzero((books.begin > books.first) & (books.begin <= books.last - horizon + 1)):
        at = int(books.begin[line]) - books.first
        for key in ("", books.category[line]):
            first.setdefault(key, []).append(books.units[line, at : at + horizon])
    usual = np.full(horizon, books.units[:, -8:].mean())
    mean = {key: np.mean(found, axis=0) if found else usual for key, found in first.items()}
    launches = pd.DataFrame([[key, *units] for key, units in mean.items()])
    launches.columns = ["category", *(f"week{h + 1}" for h in range(horizon))]
    return {
        "weeks": flat(books),
        "products": snap.products.assign(begins=books.begin),
        "regions": regions,
        "stock": stock,
        "shares": pd.DataFrame(shares(by_region, books.category), columns=names),
        "launches": launches,
        "recent": pd.DataFrame({"row": row, "column": column, "back": back, "units": recent[row, column, back]}),
    }


def digest_of(books: SalesHistory) -> str:
    """Hash what a version was trained on (SHA-256)."""
    digest = hashlib.sha256("\n".join(books.products).encode())
    for part in (books.begin, books.units, *books.plan.values()):
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()
