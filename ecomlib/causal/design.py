"""Joins all tables of a store into one frame, each value as it was known (lesson 02b, section 1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ecomlib.causal.regression import Floats
from ecomlib.errors import DataError
from ecomlib.features import as_of_join, calendar, counts, lags, recency, return_rate
from ecomlib.features.leaks import other_future, past_changes
from ecomlib.panel import make_panel, period_index, period_start

if TYPE_CHECKING:
    from ecomlib.stores import Store

# Columns of ``design`` that were known when the week began; prices and promotions are the shop's own plan for it.
KNOWN_BEFORE = (
    "listing",
    "units_last",
    "units_mean4",
    "price_last",
    "stockout_last",
    "orders_so_far",
    "days_since_order",
    "return_rate",
    "reviews_so_far",
    "rating",
    "mailed_last",
)
_PLAN = ("price_test", "promo_experiment", "promo_propensity")


def design(store: Store, *, demand: pd.DataFrame | None = None) -> pd.DataFrame:
    """Join a store's tables into a product-week frame: outcomes, treatments, what was known (lesson 02b, section 1).

    Parameters
    ----------
    demand : DataFrame, optional
        ``unique_id, ds, value`` of another outcome, such as the truth's demand; becomes the column ``demand``.

    Returns
    -------
    Frame sorted by product_id, ds (Mondays), with what the store's tables allow of:
    outcomes ``units``, ``lines`` and ``returns`` (order lines of the week, and those that came back later);
    treatments ``log_price`` (log of the week's mean price over unit cost, or over the product's first price where there
    is no cost), ``price``, ``unit_cost``, ``promoted``, ``depth``, and how they were set: ``price_test``,
    ``promo_experiment``, ``promo_propensity``;
    ``in_stock``, the share of region-days that did not end without stock, at least 0.05: what sales are proportional to
    where demand is censored; ``category`` ("all" where there is none) and the calendar;
    and ``KNOWN_BEFORE``: ``listing`` (row number in ``listing_texts`` of the text in force), the units, price and
    stock-outs of the weeks before, orders, returns (thirty days after the order) and reviews so far, and the mailings
    of the week before as a share of customers.
    Weeks without a price are left out.
    """
    panel = make_panel(store.observed()).drop(columns=["orders", "customers"], errors="ignore")
    panel = panel.rename(columns={"y": "units"})
    if "price" not in panel:
        panel["price"] = panel["price_paid"]
    past = lags(panel.rename(columns={"units": "y"}), lags=(1,), windows=(4,))
    panel["units_last"], panel["units_mean4"] = past["lag1"], past["mean4"]
    for column, name in (("price", "price_last"), ("stockout", "stockout_last")):
        if column in panel:
            panel[name] = panel.groupby("product_id")[column].shift()
    week = pd.DataFrame({"product_id": store.orders["product_id"], "ds": _week(store.orders["ordered_at"])})
    week["lines"] = 1.0
    if "returned" in store.orders:
        week["returns"] = store.orders["returned"].fillna(False).astype(float)
    panel = panel.merge(week.groupby(["product_id", "ds"], as_index=False).sum(), on=["product_id", "ds"], how="left")
    panel = panel.fillna({"lines": 0.0, "returns": 0.0})

    texts = listing_texts(store).assign(listing=lambda t: np.arange(len(t), dtype=float))
    panel = as_of_join(panel, texts, on=("ds", "valid_from"), by="product_id", columns=["listing"], same_moment=True)
    first = texts.groupby("product_id")["listing"].first()  # sold before its first text is dated: that text, then
    panel["listing"] = panel["listing"].fillna(panel["product_id"].map(first)).astype(np.int64)
    if store.prices is not None and (held := [c for c in _PLAN if c in store.prices]):
        plan = store.prices[["product_id", *held]].assign(ds=_week(store.prices["date"]))
        panel = panel.merge(
            plan.groupby(["product_id", "ds"]).first().reset_index(), on=["product_id", "ds"], how="left"
        )
    facts = store.products.set_index("product_id")
    panel["category"] = panel["product_id"].map(facts["category"]).fillna("none") if "category" in facts else "all"
    reference = panel.groupby("product_id")["price"].transform("first")
    if "unit_cost" in facts:
        panel["unit_cost"] = panel["product_id"].map(facts["unit_cost"])
        reference = panel["unit_cost"].where(panel["unit_cost"] > 0, reference)
    panel["log_price"] = np.log(panel["price"] / reference)
    panel["in_stock"] = (1 - panel["stockout"]).clip(lower=0.05) if "stockout" in panel else 1.0

    panel["orders_so_far"] = counts(store.orders, panel, sums=())["count"]
    panel["days_since_order"] = recency(store.orders, panel)["days_since"]
    if "returned" in store.orders:
        panel["return_rate"] = return_rate(store.orders, panel, prior=(1.0, 9.0))["return_rate"]
    if store.reviews is not None:
        read = counts(store.reviews, panel, on=("ds", "written_at"), sums=("rating",), known_after="1D")
        panel["reviews_so_far"] = read["count"]
        panel["rating"] = read["sum_rating"] / read["count"].replace(0, np.nan)
    if store.mailings is not None:
        mailed = store.mailings.groupby(_week(store.mailings["date"]))["treated"].mean()
        panel["mailed_last"] = (panel["ds"] - pd.Timedelta(weeks=1)).map(mailed).fillna(0.0)
    panel = pd.concat([panel, calendar(panel["ds"], "W-MON")], axis=1)
    if demand is not None:
        truth = demand.rename(columns={"value": "demand"})[["unique_id", "ds", "demand"]]
        panel = panel.merge(truth, on=["unique_id", "ds"], how="left", validate="one_to_one")
    return panel[panel["log_price"].notna()].sort_values(["product_id", "ds"], ignore_index=True)


def ordinary_prices(store: Store) -> pd.DataFrame:
    """Join ``design`` with the price of ordinary lines, for a shop without price lists (lesson 03, Part B).

    Large orders get a discount, so that the mean price paid in a week is low *because* much was bought. The ordinary
    price is the week's median over lines of at most the product's usual size, carried on until the next one.

    Returns
    -------
    The rows of the 300 products that sold in most weeks (8 at least), with ``log_paid``, ``log_ordinary``, ``promoted``
    (zero where it is not known) and ``category`` "all": where few prices move, there is one elasticity to learn.
    """
    rows = design(store)
    lines = store.orders.assign(ds=store.orders["ordered_at"].dt.to_period("W-SUN").dt.start_time)
    usual = lines["quantity"] <= lines.groupby("product_id")["quantity"].transform("median")
    ordinary = lines[usual].groupby(["product_id", "ds"])["unit_price"].median()
    rows = rows.join(ordinary.rename("ordinary"), on=["product_id", "ds"])
    rows["ordinary"] = rows.groupby("product_id")["ordinary"].ffill()
    seen = rows[rows["units"] > 0].groupby("product_id")["ds"].nunique()
    rows = rows[rows["product_id"].isin(seen[seen >= 8].nlargest(300).index) & (rows["ordinary"] > 0)]
    promoted = rows.get("promoted", 0.0)
    logs = {"log_paid": np.log(rows["price"]), "log_ordinary": np.log(rows["ordinary"])}
    return rows.assign(category="all", promoted=promoted, **logs).sort_values(["product_id", "ds"], ignore_index=True)


def listing_texts(store: Store) -> pd.DataFrame:
    """List every version of every product's text with the day it came in force; the product's own if there is one only.

    Columns ``product_id, valid_from, title, description``; gaps are empty strings (lesson 02b, section 1).
    """
    alone = store.products.assign(valid_from=pd.Timestamp("1970-01-01"))
    texts = alone if store.listings is None else store.listings
    texts = texts.reindex(columns=["product_id", "valid_from", "title", "description"])
    return texts.fillna({"title": "", "description": ""}).reset_index(drop=True)


def text_vectors(texts: pd.DataFrame, parts: Sequence[str] = ("title", "description"), **options: Any) -> Floats:
    """Encode each row's ``parts`` one by one and put the vectors side by side (lesson 03, section 4).

    Joined to one text, title and description blur: they explain 93.5 % of a listing's quality instead of 97.2 %.
    ``options`` go to ``ecomlib.text.encode``. Returns float32, shape (rows, 384 x parts).
    """
    from ecomlib.text import encode

    return np.hstack([encode(texts[part], **options) for part in parts])


def leak_probe(
    store: Store,
    at: Any,
    rng: np.random.Generator,
    *,
    build: Callable[[Store], pd.DataFrame] = design,
    columns: Sequence[str] = KNOWN_BEFORE,
    keys: Sequence[str] = ("product_id", "ds"),
) -> pd.DataFrame:
    """Change the future and see whether the past moves (lesson 02b, section 2).

    ``ecomlib.features.find_leaks`` at one moment, with the counts of each column: from ``at`` on, a third of every
    table's rows is lost, the rest is shuffled and its amounts are other ones; returns of orders from the thirty days
    before, which are not known yet, are turned round. What ``build`` says was known by ``at`` may not change.

    Returns ``column, rows`` (compared: those up to and including ``at``) ``, changed``: above zero is a leak. A row
    that is lost from before ``at`` counts as changed; what is launched or priced in that very week may come or go.
    Where nothing changed, none was found at this moment.
    """
    moment = pd.Timestamp(at)
    after, before = build(other_future(store, moment, rng)), build(store)
    held = [column for column in columns if column in before]
    if not held or not (before["ds"] <= moment).any():
        raise DataError("nothing to compare", value=tuple(columns), remedy="name columns and a day within the frame.")
    moved = past_changes(before[[*keys, *held]], after.reindex(columns=[*keys, *held]), moment)
    return pd.DataFrame({"column": held, "rows": len(moved), "changed": moved[held].sum().to_numpy()})


def _week(times: pd.Series) -> pd.Series:
    return pd.Series(period_start(period_index(times, "W-MON"), "W-MON"), index=times.index)
