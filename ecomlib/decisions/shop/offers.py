"""Makes the list of visits in which help pays from a shop's sessions: chance, gain, and between which chances (09)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ecomlib.decisions.intent import help_band, help_gain
from ecomlib.decisions.registry import Decision
from ecomlib.decisions.shop.offer_rule import OfferRule, Visits
from ecomlib.decisions.shop.weeks import Weeks, weeks_of
from ecomlib.errors import DataError
from ecomlib.evaluation import calibration, ranking
from ecomlib.features.columns import need

if TYPE_CHECKING:
    from ecomlib.decisions.registry import Options
    from ecomlib.stores.store import Store

WEEK = pd.Timedelta(weeks=1)
JUDGED, LEAST = 4, 12  # weeks to calibrate on, and as many to judge by; full weeks in all
FEW = 100  # visits with an order in the weeks to learn from, without which nothing is learnt
LIFT, COST = 0.2, 0.1  # log-odds that help adds and what it costs a visit, where nobody said
MONEY = ("margin", "cost", "lift", "gift")


@dataclass(frozen=True, eq=False)
class Learnt:
    """Hold what a shop's visits taught.

    Parameters
    ----------
    rule : OfferRule
        Says chances.
    visits : DataFrame
        ``session_id, started_at, chance`` of the last full week, in the order of time.
    found : mapping
        How right the chances were in the last four weeks, which the rule has not seen.
    """

    rule: OfferRule
    visits: pd.DataFrame
    found: dict[str, Any]


def learn_rule(past: pd.DataFrame, middle: pd.DataFrame) -> OfferRule:
    """Fit chances of an order on past visits, and move their odds to the rate of the ones in the middle.

    Parameters
    ----------
    past, middle : DataFrame
        Visits; every column beside ``FIXED`` is read.

    Raises
    ------
    DataError
        There is none.
    """
    from sklearn.linear_model import LogisticRegression

    read = Visits.learnt(past)
    model = LogisticRegression(max_iter=2000).fit(read(past), past["converted"].astype(int))
    rule = OfferRule(read, model.coef_[0], float(model.intercept_[0]), calibration.LogOddsLine())
    return replace(rule, mended=calibration.fit_line(middle["converted"], rule.raw(middle), "shift"))


def learn_offers(store: Store, weeks: Weeks) -> Learnt:
    """Learn from a shop's visits what ``decide_offers`` reads, whatever an order earns.

    Parameters
    ----------
    store : Store
        With ``sessions``.
    weeks : Weeks
        Its full weeks.

    Raises
    ------
    DataError
        Too few visits with an order, or nothing that is known of one.
    """
    sessions = sessions_of(store)
    end = weeks.ends + pd.Timedelta(days=1)
    rows = sessions.sort_values("started_at", kind="stable").reset_index(drop=True)
    past, middle, late, last = (
        rows[(rows["started_at"] >= start) & (rows["started_at"] < until)]
        for start, until in (
            (weeks.begins, end - 2 * JUDGED * WEEK),
            (end - 2 * JUDGED * WEEK, end - JUDGED * WEEK),
            (end - JUDGED * WEEK, end),
            (end - WEEK, end),
        )
    )
    for part, least in ((past, FEW), (middle, 20), (late, 20)):
        if min(part["converted"].sum(), (~part["converted"].astype(bool)).sum()) < least:
            raise DataError(
                "too few visits with an order, or without one, to learn from",
                table="sessions",
                column="converted",
                value=int(part["converted"].sum()),
                remedy=f"bring {FEW} of each up to {2 * JUDGED} weeks before the end, and 20 in the four weeks after.",
            )
    rule = learn_rule(past, middle)
    raw, label = rule.raw(late), late["converted"].to_numpy(dtype=float)
    found = {
        "auc": round(ranking.auc(label, raw), 4),
        "share_of_orders": round(float(label.mean()), 4),
        "ece_raw": round(calibration.ece(label, raw), 4),
        "ece": round(calibration.ece(label, rule.mended(raw)), 4),
        "visits": len(late),
    }
    chance = rule.chance(last) if len(last) else np.empty(0)
    return Learnt(rule, last[["session_id", "started_at"]].assign(chance=chance).reset_index(drop=True), found)


def sessions_of(store: Store) -> pd.DataFrame:
    """Return the sessions of a store, or say what is missing.

    Parameters
    ----------
    store : Store

    Raises
    ------
    DataError
        There are none, or they lack a column.
    """
    if store.sessions is None or store.sessions.empty:
        raise DataError(
            "nothing is known of visits",
            table="sessions",
            remedy="add sessions.csv: session_id, started_at, converted, and what is known of a visit.",
        )
    need(store.sessions, "sessions", "session_id", "started_at", "converted")
    return store.sessions


def decide_offers(store: Store, options: Options) -> Decision:
    """Say in which visits of the last full week help would have paid: lesson 09's gain and its band of chances.

    Logistic regression on ranks reads the visits up to eight weeks before the end; the next four move its odds to their
    rate; the last four, which it has not seen, say how right its chances are. The band, two chances, is the rule
    for the weeks to come.

    Parameters
    ----------
    store : Store
        With ``sessions``, and columns of a visit beside its identifier and time.
    options : Options
        Under ``more``: ``margin``, what an order earns (else its mean profit from unit costs); ``cost`` of help a
        visit, 0.1; ``lift``, the log-odds that help adds, 0.2 where no experiment says it; ``gift``, what a helped
        customer who buys is given, 0.

    Returns
    -------
    Decision
        A row a visit of the last full week, the greatest gain first: ``session_id, started_at, chance, gain, help``.

    Raises
    ------
    DataError
        No sessions, too few of them with an order, no margin, or money that is none.
    """
    sessions_of(store)
    weeks = weeks_of(store, options, LEAST, "offers of help")
    money = money_of(options.more, lambda: mean_profit(weeks))
    options.say(f"{weeks.said()}; learning from visits …")
    return offers_of(learn_offers(store, weeks), money, options.more, weeks.facts(), weeks.said())


def offers_of(
    learnt: Learnt, money: Mapping[str, float], given: Collection[str], facts: Mapping[str, Any], said: str
) -> Decision:
    """Turn chances into the decision: the gain of each visit, and the band of chances in which help pays.

    Parameters
    ----------
    learnt : Learnt
    money : mapping
        Of ``money_of``.
    given : collection of str
        What of it somebody said.
    facts, said : mapping and str
        Of the weeks: what the card and the line begin with.
    """
    gain = help_gain(learnt.visits["chance"], **money)
    table = learnt.visits.assign(gain=gain, help=gain > 0)
    table = table.sort_values("gain", ascending=False, kind="stable", ignore_index=True)
    band, found = help_band(**money), learnt.found
    how = dict(facts) | dict(money) | {"band": None if band is None else list(band), "last_four_weeks": found}
    how |= {"model": "logistic regression on ranks", "reads": [*learnt.rule.reads, "hour"]}
    how |= {
        "interval": "none: the gain is an expectation",
        "assumed": [
            "the lift was measured by groups of this model's chance; one of single visits would promise too much",
            "the rate of orders is that of the eighth to the fifth week before the end",
            *(f"{name} = {money[name]:g}, as nobody said otherwise" for name in money if name not in given),
        ],
    }
    between = "help never pays" if band is None else f"help pays between chances of {band[0]:.3f} and {band[1]:.3f}"
    line = (
        f"{said}; {between}: {int(table['help'].sum()):,} of {len(table):,} visits of the last week, for "
        f"{table.loc[table['help'], 'gain'].sum():,.0f} expected; AUC {found['auc']:.2f}, ECE {found['ece']:.3f} on "
        f"the last four weeks"
    )
    return Decision(table, line, how, tuple(_warnings(given, band, found, len(table))))


def money_of(more: Mapping[str, Any], profit: Callable[[], float]) -> dict[str, float]:
    """Tell what an order earns, and what help costs, adds and gives away.

    Parameters
    ----------
    more : mapping
        What somebody said of ``margin``, ``cost``, ``lift`` and ``gift``.
    profit : callable
        The margin, where nobody said it.

    Raises
    ------
    DataError
        Something that is no number.
    """
    held: dict[str, Any] = {"cost": COST, "lift": LIFT, "gift": 0.0} | dict(more)
    if "margin" not in held:
        held["margin"] = profit()
    try:
        return {name: round(float(held[name]), 4) for name in MONEY}
    except (TypeError, ValueError) as fault:
        raise DataError("money and lift are numbers", value=more, remedy="write margin=12.5, lift=0.2.") from fault


def mean_profit(weeks: Weeks) -> float:
    """Compute the mean profit of an order from unit costs.

    Parameters
    ----------
    weeks : Weeks

    Raises
    ------
    DataError
        They are not known.
    """
    orders, products = weeks.store.orders, weeks.store.products.drop_duplicates("product_id").set_index("product_id")
    cost = (
        products["unit_cost"].reindex(orders["product_id"]).to_numpy(dtype=float) if "unit_cost" in products else None
    )
    if cost is None or np.isnan(cost).all():
        raise DataError(
            "it is not known what an order earns",
            table="products",
            column="unit_cost",
            remedy="add unit costs, or say it: --set margin=12.5.",
        )
    profit = orders["quantity"].to_numpy(dtype=float) * (orders["unit_price"].to_numpy(dtype=float) - cost)
    known = ~np.isnan(profit)
    return float(profit[known].sum() / orders.loc[known, "order_id"].nunique())


def _warnings(
    given: Collection[str], band: tuple[float, float] | None, found: Mapping[str, Any], visits: int
) -> list[str]:
    said = []
    if "lift" not in given:
        said.append(
            f"What help adds ({LIFT} in log-odds) is a guess: help a random half of the visits for a while (lesson"
            " 03b), then give --set lift=…"
        )
    if "cost" not in given:
        said.append(f"A visit's help is taken to cost {COST}: give --set cost=…")
    said.append(
        "What is read of a visit is what the table holds of it when it was over. A rule for a running visit must be"
        " learnt from what was known at that moment."
    )
    if found["ece"] > 0.02:
        said.insert(0, f"The chances are off by {found['ece']:.3f} on average: so is every gain.")
    if not visits:
        said.insert(0, "The last full week has no visits.")
    if band is None:
        said.insert(0, "Help costs more than it adds at every chance.")
    return said
