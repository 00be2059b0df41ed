"""Makes the order list from a shop's tables: what to order now, by product and region (lessons 08 and 12)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.contract import require_mean
from ecomlib.decisions.inventory import ALERTS, ALL, Orders, need_ahead, order_quantiles, plan_orders
from ecomlib.decisions.newsvendor import newsvendor_quantile
from ecomlib.decisions.regions import RECENT, region_shares
from ecomlib.decisions.registry import Decision
from ecomlib.decisions.shop.weeks import Weeks, ahead, monday, weeks_of
from ecomlib.errors import DataError
from ecomlib.forecasting import backtest, forecaster
from ecomlib.panel import period_index
from ecomlib.stores import rhythm

if TYPE_CHECKING:
    from ecomlib.decisions.registry import Options
    from ecomlib.stores.store import Store

Floats = NDArray[np.float64]
LEAST = 12  # full weeks before the first origin
MODEL = "exponential_smoothing"  # lesson 12: as good as any where stock is cheap to hold
MOST_WEEKS = 13  # of lead time and review each
_ROWS, _MOST_ROWS = 400, 400_000  # of past errors: so many are wanted, and beyond so many a sample says the same
_FEW = 4  # origins of a large shop, whose rows are enough


@dataclass(frozen=True, eq=False)
class _Shop:
    """A shop's products (P) and regions (R), and where its orders lie in them."""

    weeks: Weeks
    products: tuple[str, ...]
    regions: tuple[str, ...]
    category: tuple[str, ...]
    row: NDArray[np.int64]  # of each order line; below zero where it is left out
    column: NDArray[np.int64]
    week: NDArray[np.int64]

    def units(self, first: int, last: int) -> tuple[Floats, Floats]:
        """Units of the weeks from ``first`` to ``last`` by product and region (P, R), and by product (P,)."""
        orders, size = self.weeks.store.orders, (len(self.products), len(self.regions))
        here = (self.week >= first) & (self.week <= last) & (self.row >= 0)
        quantity = orders["quantity"].to_numpy(dtype=float)
        placed = here & (self.column >= 0)
        cell = self.row[placed] * size[1] + self.column[placed]
        whole = np.bincount(self.row[here], quantity[here], size[0]).astype(float)
        return np.bincount(cell, quantity[placed], size[0] * size[1]).reshape(size).astype(float), whole

    def shares(self, until: int) -> Floats:
        """Each region's share (P, R) of a product's units in the last weeks up to ``until``."""
        return region_shares(self.units(until - RECENT + 1, until)[0], self.category)


def decide_stock(store: Store, options: Options) -> Decision:
    """Recommend orders by product and region, the most urgent first: the list of ``decisions.inventory.plan_orders``.

    Demand is that of lead time and review (``lead`` and ``review``, whole weeks, one each unless given): a mean by the
    forecaster, split among regions as they sold lately; an order is the quantile that ``ratio`` asks for, read off what
    the same forecaster missed at earlier origins. Taken off are stock, where the inventory has it, and ``on_order``
    (``product_id``, ``region_id`` where the shop has regions, ``quantity``).

    Parameters
    ----------
    store : Store
    options : Options
        ``model, ratio, returns``; ``lead, review, on_order`` under ``more``.

    Returns
    -------
    Decision
        A row a pair of product and region that has an order, an alert or a reason.

    Raises
    ------
    DataError
        Too few weeks, a model without a mean, or options out of range.
    """
    lead, review = _whole(options, "lead"), _whole(options, "review")
    span = lead + review
    ratio = 3.0 if options.ratio is None else options.ratio
    level = newsvendor_quantile(ratio, 1.0)
    weeks = weeks_of(store, options, LEAST + span, "an order list")
    name = options.model or MODEL
    options.say(f"{weeks.said()}; fitting {name} …")
    panel = weeks.panel(ahead=span + 1)
    wide = ahead(forecaster(name), panel, span + 1)
    shop = _shop(weeks, [str(product) for product in wide.index])
    origins = _origins(weeks, span, len(wide))
    options.say(f"trying it on {len(origins)} earlier origin{'s' * (len(origins) != 1)} of {span} weeks …")
    errors, rows = _errors(shop, panel, name, span, origins)
    moment, left = _moment(weeks)
    share = shop.shares(weeks.last)
    weekly = wide.to_numpy(dtype=float)
    expected, soon = (need_ahead(weekly, periods, left)[:, None] * share for periods in (span, lead))
    stock, warnings = _on_hand(shop, moment)
    arriving = _arriving(shop, options.more.get("on_order"))
    soon = soon if arriving is None else soon - arriving
    found = plan_orders(expected, errors, shop.regions, ratio, soon=soon, stock=stock, arriving=arriving)
    until = moment + pd.Timedelta(weeks=span)
    table = _table(shop, found, expected, stock is not None, moment, until)
    facts: dict[str, Any] = weeks.facts() | {
        "model": name,
        "interval": f"the {level:.2f} quantile of past errors",
        "ratio": ratio,
        "lead_weeks": lead,
        "review_weeks": review,
        "errors": rows,
        "origins": [f"{monday(origin):%Y-%m-%d}" for origin in origins],
        "weeks_ahead": [f"{monday(weeks.last + 1 + step):%Y-%m-%d}" for step in range(span)],
        "expected_from": f"{moment:%Y-%m-%d}",
        "expected_until": f"{until:%Y-%m-%d}",
        "units": options.returns,
        "pairs": int(expected.size),
        "order_units": int(table["order"].sum()),
        "assumed": _assumed(lead, review, ratio, stock is not None, arriving is not None),
    }
    told = "what is in stock was taken off" if stock is not None else "what is in stock is not known"
    line = (
        f"{weeks.said()}; {name}, a mean; orders last {span} weeks from {moment:%Y-%m-%d} at the {level:.2f} quantile "
        f"of {rows:,} past errors (a unit short costs {ratio:g} units over); {told}"
    )
    new = len(weeks.store.products) - len(wide)
    if new:
        who = "1 product has no history and is" if new == 1 else f"{new:,} products have no history and are"
        warnings.append(f"{who} left out: order their first weeks by hand.")
    if (table["order"].isna()).any():
        why = table.loc[table["order"].isna(), "reason"].iloc[0]
        warnings.append(f"Of {int(table['order'].isna().sum()):,} rows the order cannot be told: {why}.")
    return Decision(table, line, facts, tuple(warnings))


def _whole(options: Options, name: str) -> int:
    """Lead time or review in whole weeks."""
    value = options.more.get(name, 1)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_WEEKS:
        raise DataError(f"{name} counts whole weeks from 1 to {MOST_WEEKS}", value=value, remedy=f"write {name}=1.")
    return value


def _shop(weeks: Weeks, products: list[str]) -> _Shop:
    """Find the regions, and the place of each order line."""
    store = weeks.store
    held = store.products.drop_duplicates("product_id").set_index("product_id")
    kinds = held["category"].reindex(products) if "category" in held else pd.Series("none", index=products)
    orders = store.orders
    row = pd.Index(products).get_indexer(orders["product_id"])
    if store.regions is None or "region_id" not in orders:
        regions: list[str] = [ALL]
        column = np.zeros(len(orders), dtype=np.int64)
    else:
        regions = sorted(store.regions["region_id"])
        column = pd.Index(regions).get_indexer(orders["region_id"])
    category = tuple(kinds.astype(object).where(kinds.notna(), "none"))
    week = np.asarray(period_index(orders["ordered_at"], "W-MON"))
    return _Shop(weeks, tuple(products), tuple(regions), category, row, column, week)


def _origins(weeks: Weeks, span: int, products: int) -> list[int]:
    """Origins that lie ``span`` apart, the latest first: more of them where products are few."""
    room = (weeks.count - LEAST) // span
    wanted = min(room, max(_FEW, math.ceil(_ROWS / max(products, 1))))
    return [weeks.last - span * (k + 1) for k in range(wanted)]


def _errors(shop: _Shop, panel: pd.DataFrame, name: str, span: int, origins: list[int]) -> tuple[pd.DataFrame, int]:
    """Tabulate what the forecaster missed over ``span`` weeks at earlier origins, by region; and count the rows."""
    frame = backtest(panel, {name: forecaster(name)}, [monday(o) for o in origins], span, negative="clip")
    mean = frame.groupby(["cutoff", "unique_id"], observed=True)[require_mean(frame, name)].sum()
    rng, most = np.random.default_rng(0), max(_MOST_ROWS // (len(shop.regions) * len(origins)), 50)
    parts = []
    for origin in origins:
        said = mean.loc[monday(origin)].reindex(shop.products).to_numpy(dtype=float)
        there = np.flatnonzero(np.isfinite(said))
        there = np.sort(rng.permutation(there)[:most])
        came, whole = shop.units(origin + 1, origin + span)
        parts.append((said[there], shop.shares(origin)[there], came[there], whole[there]))
    said, share, came, whole = (np.concatenate(values) for values in zip(*parts, strict=True))
    return order_quantiles(said[:, None] * share, came, shop.regions, (said, whole)), len(said)


def _moment(weeks: Weeks) -> tuple[pd.Timestamp, float]:
    """The day from which demand is counted, and the share of that week's units still to come."""
    store = weeks.store
    last = store.orders["ordered_at"].max().normalize()
    if store.inventory is not None and len(store.inventory):
        last = max(last, store.inventory["date"].max())
    begun = (last - weeks.ends).days
    if begun < 1:
        return weeks.ends + pd.Timedelta(days=1), 1.0
    gone = float(rhythm.weekday_shares(store.orders)[:begun].sum())
    return last + pd.Timedelta(days=1), max(1.0 - gone, 0.0)


def _on_hand(shop: _Shop, moment: pd.Timestamp) -> tuple[Floats | None, list[str]]:
    """Units (P, R) that lay there at the end of the inventory's last day; None where the shop has none."""
    table = shop.weeks.store.inventory
    if table is None or table.empty:
        return None, ["What is in stock is not known: the list is the whole need, so take off what lies there."]
    day = table["date"].max()
    last = table[table["date"] == day]
    left = (last["on_hand_start"] + last["received"] - last["sold"]).to_numpy(dtype=float)
    warnings = []
    if day < moment - pd.Timedelta(days=1):
        warnings.append(f"The inventory ends on {day:%Y-%m-%d}, before the orders do: what sold since is still in it.")
    return _placed(shop, last, left), warnings


def _arriving(shop: _Shop, on_order: pd.DataFrame | None) -> Floats | None:
    """Units (P, R) that were ordered before and are on their way."""
    if on_order is None:
        return None
    columns = ["product_id", "quantity", *(["region_id"] if shop.regions != (ALL,) else [])]
    for column in columns:
        if column not in on_order:
            remedy = f"it has {', '.join(columns)}: a row for each delivery that is on its way."
            raise DataError("this column is missing", table="on_order", column=column, remedy=remedy)
    units = pd.to_numeric(on_order["quantity"], errors="coerce").to_numpy(dtype=float)
    wrong = ~np.isfinite(units) | (units < 0)
    known = on_order["product_id"].isin(shop.weeks.store.products["product_id"]).to_numpy()
    if shop.regions != (ALL,):
        known &= on_order["region_id"].isin(shop.regions).to_numpy()
    for fault, problem in ((wrong, "a quantity is units, at or above zero"), (~known, "the shop does not know this")):
        if fault.any():
            at = int(np.flatnonzero(fault)[0])
            value = tuple(on_order.iloc[at][columns])
            raise DataError(problem, table="on_order", rows=[at + 1], value=value, remedy="mend the row.")
    return _placed(shop, on_order, units)


def _placed(shop: _Shop, rows: pd.DataFrame, units: Floats) -> Floats:
    """Add up units by product and region, (P, R); of a shop without regions by product."""
    row = pd.Index(shop.products).get_indexer(rows["product_id"])
    column = np.zeros(len(rows), dtype=np.int64)
    if shop.regions != (ALL,):
        if "region_id" not in rows:
            raise DataError(
                "orders name regions, and the inventory does not",
                table="inventory",
                column="region_id",
                remedy="say where each product lies, or leave inventory.csv out: the list is then the whole need.",
            )
        column = pd.Index(shop.regions).get_indexer(rows["region_id"])
    here = (row >= 0) & (column >= 0)
    size = (len(shop.products), len(shop.regions))
    cell = row[here] * size[1] + column[here]
    return np.bincount(cell, units[here], size[0] * size[1]).reshape(size).astype(float)


def _assumed(lead: int, review: int, ratio: float, stock: bool, coming: bool) -> list[str]:
    """What the list takes for granted."""
    said = [
        f"an order arrives after {lead} week{'s' * (lead > 1)}, and the next can be placed after {review}",
        f"a unit short costs {ratio:g} times what a unit over costs, for every product",
        "regions buy the shares of each product that they bought in the last 26 weeks",
    ]
    if not stock:
        said.append("nothing is in stock, since no inventory says what is")
    if not coming:
        said.append("nothing is on its way: hand in what is (--on-order)")
    return said


def _table(
    shop: _Shop, found: Orders, expected: Floats, counted: bool, moment: pd.Timestamp, until: pd.Timestamp
) -> pd.DataFrame:
    """The pairs that need somebody, the most urgent first, in the columns of the control room's order list."""
    rows, columns = found.most_urgent()
    reason = found.reason[rows, columns]
    missing = np.asarray(pd.isna(reason), dtype=bool)
    order = np.where(missing, found.order[rows, columns], np.nan)
    alert = np.array(ALERTS, dtype=object)[found.urgency[rows, columns]]
    products = shop.weeks.store.products.drop_duplicates("product_id").set_index("product_id")
    names = np.array(shop.products, dtype=object)[rows]
    table = pd.DataFrame(
        {
            "product_id": names,
            "title": products["title"].reindex(names).to_numpy(),
            "region_id": np.array(shop.regions, dtype=object)[columns],
            "on_hand": pd.array(found.on_hand[rows, columns]).astype("Int64") if counted else pd.NA,
            "arriving": found.arriving[rows, columns].astype(np.int64),
            "expected": expected[rows, columns].round(2),
            "expected_from": f"{moment:%Y-%m-%d}",
            "expected_until": f"{until:%Y-%m-%d}",
            "order": pd.array(order).astype("Int64"),
            "alert": alert,
            "reason": pd.Series(reason, dtype=object).mask(missing, None),
        }
    )
    needs = ~missing | (np.nan_to_num(order) > 0) | pd.notna(table["alert"]).to_numpy()
    return table[needs].reset_index(drop=True)
