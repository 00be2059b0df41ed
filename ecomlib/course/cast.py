"""Chooses by rule the few products, regions and people that every lesson meets, the cast (lesson 00, section 1)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

from ecomlib.stores.store import Store


@dataclass(frozen=True)
class Member:
    """One of the cast: its identifier in the store's tables, a name for the text, and why it was chosen."""

    id: str
    name: str
    why: str


@dataclass(frozen=True)
class Cast:
    """Who appears in the lessons; None where the store has no table from which the rule could choose."""

    steady_seller: Member | None
    promotion_driven: Member | None
    newcomer: Member | None
    runs_out: Member | None
    upwind: Member | None
    downwind: Member | None
    leaver: Member | None
    driven_away: Member | None
    wholesale: Member | None

    def frame(self) -> pd.DataFrame:
        """The cast as a table: role, id, name, why."""
        found = [(field.name, getattr(self, field.name)) for field in fields(self)]
        rows = [(role.replace("_", " "), who.id, who.name, who.why) for role, who in found if who is not None]
        return pd.DataFrame(rows, columns=["role", "id", "name", "why"])


def find_cast(store: Store, truth: Any = None) -> Cast:
    """Choose the cast of a store by the rules of the course (lesson 00, section 1).

    Parameters
    ----------
    truth: a simulated store's truth, which only a lesson may hand in. With it the newcomer's share of unseen words, the
        wind and the leaver's leaving are facts, and the customer whom a mailing drove away can be told; without it the
        tables decide, and that customer is None.
    """
    upwind, downwind = _wind(store, truth)
    lines = store.orders.assign(week=store.orders["ordered_at"].dt.to_period("W-SUN").dt.start_time)
    weekly = lines.pivot_table(index="week", columns="product_id", values="quantity", aggfunc="sum", fill_value=0)
    steady = _steady_seller(store, weekly)
    others = weekly.drop(columns=[steady.id] if steady else [])  # nobody plays two parts
    promoted = _promotion_driven(store, others.sum())
    others = others.drop(columns=[promoted.id] if promoted else [])
    newcomer = _newcomer(store, others.sum(), truth)
    others = others.drop(columns=[newcomer.id] if newcomer else [])
    return Cast(
        steady_seller=steady,
        promotion_driven=promoted,
        newcomer=newcomer,
        runs_out=_runs_out(store, others.columns),
        upwind=upwind,
        downwind=downwind,
        leaver=_leaver(store, truth),
        driven_away=_driven_away(store, truth),
        wholesale=_wholesale(store),
    )


def _product(store: Store, product_id: Any, why: str) -> Member:
    title = store.products.set_index("product_id")["title"].get(product_id, product_id)
    return Member(str(product_id), str(title), why)


def _steady_seller(store: Store, weekly: pd.DataFrame) -> Member | None:
    """Least relative noise (week-to-week change over mean) of the tenth that sells most, sold from the first week."""
    always = weekly.loc[:, weekly.iloc[: max(len(weekly) // 10, 1)].sum() > 0].iloc[:-1]
    if always.shape[1] < 10 or len(always) < 4:
        return None
    top = always.loc[:, always.sum() >= always.sum().quantile(0.9)]
    noise = top.diff().std() / top.mean()
    return _product(
        store, noise.idxmin(), f"weekly sales change by {noise.min():.0%} of their mean, least of the top tenth"
    )


def _promotion_driven(store: Store, units: pd.Series) -> Member | None:
    """Largest share of units sold at a depth above zero, among the better-selling half (a share of few is chance)."""
    if store.prices is None or "depth" not in store.prices:
        return None
    reduced = store.prices.loc[store.prices["depth"] > 0, ["product_id", "date"]].drop_duplicates()
    lines = store.orders[["product_id", "ordered_at", "quantity"]]
    lines = lines.assign(date=lines["ordered_at"].dt.normalize()).merge(reduced, on=["product_id", "date"])
    share = lines.groupby("product_id")["quantity"].sum() / units[units >= units.median()]
    if not share.notna().any():
        return None
    return _product(store, share.idxmax(), f"{share.max():.0%} of its units are sold at a discount")


def _newcomer(store: Store, units: pd.Series, truth: Any) -> Member | None:
    """The best seller of those launched while the store was open, at least eight weeks ago, half their words unseen."""
    if "launched_on" not in store.products:
        return None
    products = store.products.set_index("product_id")
    first, last = store.orders["ordered_at"].min(), store.orders["ordered_at"].max()
    late = products[(products["launched_on"] > first) & (products["launched_on"] <= last - pd.Timedelta(weeks=8))]
    words = ""
    if truth is not None:
        late = late[truth.cold_start.set_index("product_id")["unseen_share"].reindex(late.index) == 0.5]
        words = "; half of the words that tell were new"
    if not late.index.isin(units.index).any():
        return None
    best = units.reindex(late.index.intersection(units.index)).idxmax()
    return _product(store, best, f"launched on {late.loc[best, 'launched_on']:%Y-%m-%d}{words}")


def _runs_out(store: Store, candidates: pd.Index) -> Member | None:
    """Most days (of all regions) that end without stock."""
    stock = store.inventory
    if stock is None:
        return None
    empty = (stock["on_hand_start"] + stock["received"] - stock["sold"]).to_numpy() <= 0
    codes, names = pd.factorize(stock["product_id"])
    counts = np.where(names.isin(candidates), np.bincount(codes[empty], minlength=len(names)), 0)
    most = int(counts.argmax())
    if counts[most] == 0:
        return None
    return _product(
        store, names[most], f"{counts[most] / (codes == most).sum():.0%} of its days end with an empty shelf"
    )


def _wind(store: Store, truth: Any) -> tuple[Member | None, Member | None]:
    """Neighbours on the map of which one's units foretell the other's two days on, by more than the other way round.

    Logarithms of daily units, less weekday means and less what all regions share on the day.
    """
    if store.regions is None or "region_id" not in store.orders or len(store.regions) < 2:
        return None, None
    lines = store.orders.assign(day=store.orders["ordered_at"].dt.normalize())
    daily = np.log1p(
        lines.pivot_table(index="day", columns="region_id", values="quantity", aggfunc="sum", fill_value=0)
    )
    if len(daily) < 60:
        return None, None
    own = daily - daily.groupby(daily.index.dayofweek).transform("mean")
    own = own.sub(own.mean(axis=1), axis=0)
    regions = store.regions.set_index("region_id").reindex(own.columns)
    ahead = own.iloc[:-2].reset_index(drop=True)
    lagged = np.corrcoef(ahead.to_numpy().T, own.iloc[2:].to_numpy().T)[: own.shape[1], own.shape[1] :]
    surplus = np.nan_to_num(lagged - lagged.T, nan=-np.inf)
    if {"row", "column"} <= set(regions):
        place = regions[["row", "column"]].to_numpy(float)
        apart = np.abs(place[:, None] - place[None]).sum(axis=2)
        surplus[apart != 1] = -np.inf
    if truth is not None:  # short histories are too noisy to tell the wind
        blows = pd.DataFrame(truth.law.transition[0].T, truth.region_ids, truth.region_ids)
        blows = blows.reindex(index=own.columns, columns=own.columns).to_numpy()
        surplus[blows <= blows.T] = -np.inf
    first, second = np.unravel_index(int(surplus.argmax()), surplus.shape)
    if not np.isfinite(surplus[first, second]):
        return None, None
    why = f"correlation two days on {lagged[first, second]:.2f}, the other way {lagged[second, first]:.2f}"
    up, down = (Member(str(regions.index[n]), str(regions["name"].iloc[n]), why) for n in (first, second))
    return up, down


def _leaver(store: Store, truth: Any) -> Member | None:
    """The customer with most orders who has been silent for 90 days (and who did leave, where that is known)."""
    if "customer_id" not in store.orders:
        return None
    known = store.orders.dropna(subset="customer_id").groupby("customer_id")
    history = pd.DataFrame({"orders": known["order_id"].nunique(), "last": known["ordered_at"].max()})
    silent = history[history["last"] < store.orders["ordered_at"].max() - pd.Timedelta(days=90)]
    if truth is not None:
        gone = truth.customers.loc[truth.customers["left_on"].notna(), "customer_id"]
        silent = silent[silent.index.isin(gone)]
    if silent.empty:
        return None
    who = silent["orders"].idxmax()
    why = f"{silent.loc[who, 'orders']} orders, the last on {silent.loc[who, 'last']:%Y-%m-%d}"
    return Member(str(who), f"customer {who}", why)


def _driven_away(store: Store, truth: Any) -> Member | None:
    """Mailed, harmed by mailings, and gone at the end of that week; of these the one with most orders before."""
    if truth is None or store.mailings is None:
        return None
    harmed = truth.customers[truth.customers["mailing_effect"] < 0]
    sent = store.mailings[store.mailings["treated"]].merge(harmed, on="customer_id")
    gone = sent[(sent["left_on"] - sent["date"]).dt.days == 7]
    orders = store.orders.groupby("customer_id")["order_id"].nunique().reindex(gone["customer_id"]).fillna(0)
    if not len(orders):
        return None
    who, when = orders.idxmax(), gone["date"].iloc[int(orders.to_numpy().argmax())]
    why = f"{orders.max():.0f} orders, mailed on {when:%Y-%m-%d}, gone a week later"
    return Member(str(who), f"customer {who}", why)


def _wholesale(store: Store) -> Member | None:
    """The line with most units; its identifier is that of the order."""
    if store.orders.empty:
        return None
    line = store.orders.loc[store.orders["quantity"].idxmax()]
    title = _product(store, line["product_id"], "").name
    why = f"{line['quantity']} units in one line, on {line['ordered_at']:%Y-%m-%d}"
    return Member(str(line["order_id"]), f"{line['quantity']} x {title}", why)
