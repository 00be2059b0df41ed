"""Decides whom to write to from a shop's own letters: groups of taste, a log of past letters, and each one's effect.

Whom a letter moves is told by what people buy and by how often. So a customer is described by the chance to belong to
each of a few groups of taste (a mixture of multinomials over categories, fitted by EM), times her pace of late. The
effect is learnt by the doubly robust learner of ``uplift`` from letters whose propensity is known (lesson 14b, 3).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp

from ecomlib.decisions.uplift import Experiment, effect_out_of_fold, fit_effect
from ecomlib.errors import DataError

__all__ = [
    "LetterRules",
    "Letters",
    "Purchases",
    "TasteGroups",
    "columns_at",
    "fit_groups",
    "letter_log",
    "purchases_of",
    "write_to",
]

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


@dataclass(frozen=True)
class LetterRules:
    """Hold how letters are learnt from.

    Parameters
    ----------
    days : int
        An effect is counted in orders of so many days after a letter.
    groups : int
        Groups of taste.
    recent : int
        Who ordered within so many days is "recent".
    forget : int
        Who has ordered nothing for so many days is left out, of the log and of the list: hardly any of them is there.
    folds : int
        For the list's value in the log; all letters of a customer lie in one fold.
    strength : float
        Of the ridge regression that learns the scores.
    """

    days: int = 28
    groups: int = 4
    recent: int = 60
    forget: int = 182
    folds: int = 2
    strength: float = 3000.0

    def __post_init__(self) -> None:
        for name in ("days", "groups", "recent", "forget"):
            if getattr(self, name) < 1:
                raise DataError(f"{name} is a whole number from 1", value=getattr(self, name), remedy="write 28.")
        if self.folds < 2 or not self.strength > 0:
            raise DataError(
                "two folds, and a strength above zero", value=(self.folds, self.strength), remedy="mend it."
            )


@dataclass(frozen=True, eq=False)
class Purchases:
    """Hold registered orders as arrays: J customers, C categories, days counted from the first order of the books.

    Parameters
    ----------
    customers : Index
        Identifiers, (J,).
    who, day : array
        Customer and day of each order, (orders,).
    units : array
        Units by category, (orders, C).
    kinds : tuple of str
        The categories.
    first : Timestamp
        Midnight of day 0.
    end : int
        The day after the last: what is decided, is decided then.
    """

    customers: pd.Index
    who: Whole
    day: Whole
    units: Floats
    kinds: tuple[str, ...]
    first: pd.Timestamp
    end: int

    def tastes(self, day: int) -> Floats:
        """Count each customer's units by category before a day, (J, C)."""
        past, found = self.day < day, np.zeros((len(self.customers), len(self.kinds)))
        np.add.at(found, self.who[past], self.units[past])
        return found

    def orders(self, start: int, stop: int) -> Floats:
        """Count each customer's orders from one day to before another, (J,).

        Parameters
        ----------
        start, stop : int
            Days; ``stop`` is left out.
        """
        within = (self.day >= start) & (self.day < stop)
        return np.bincount(self.who[within], minlength=len(self.customers)).astype(float)

    def idle(self, day: int) -> Floats:
        """Count the days since each customer's last order before a day, (J,); infinite where there is none."""
        last, past = np.full(len(self.customers), -np.inf), self.day < day
        np.maximum.at(last, self.who[past], self.day[past])
        return day - last


Outcome = Callable[[Purchases, int], Floats]


def purchases_of(
    orders: pd.DataFrame, products: pd.DataFrame, customers: ArrayLike | None = None, end: pd.Timestamp | None = None
) -> Purchases:
    """Turn a store's order lines into arrays.

    Parameters
    ----------
    orders, products : DataFrame
        A store's; without a ``category`` all products are of one.
    customers : array, optional
        All on the list, those included who never ordered; by default those who did.
    end : Timestamp, optional
        Books end before this midnight; by default after the last order's day.

    Raises
    ------
    DataError
        Nobody is registered.
    """
    lines = orders[orders["customer_id"].notna().to_numpy()] if "customer_id" in orders else orders.iloc[:0]
    if lines.empty:
        raise DataError(
            "no order names a customer",
            table="orders",
            column="customer_id",
            remedy="bring the customers' identifiers.",
        )
    first = orders["ordered_at"].min().normalize()
    last = orders["ordered_at"].max().normalize() + pd.Timedelta(days=1) if end is None else pd.Timestamp(end)
    lines = lines[(lines["ordered_at"] < last).to_numpy()]
    listed = pd.Index(lines["customer_id"].unique() if customers is None else np.asarray(customers))
    category = products.drop_duplicates("product_id").set_index("product_id").get("category")
    named = pd.Series("all", index=lines.index) if category is None else lines["product_id"].map(category)
    kind, kinds = pd.factorize(named.astype(object).fillna("none"), sort=True)
    order, names = pd.factorize(lines["order_id"])
    units = np.zeros((len(names), len(kinds)))
    np.add.at(units, (order, kind), lines["quantity"].to_numpy(dtype=float))
    who, day = np.zeros(len(names), dtype=np.int64), np.zeros(len(names), dtype=np.int64)
    who[order] = listed.get_indexer(lines["customer_id"])
    day[order] = (lines["ordered_at"].dt.normalize() - first).dt.days.to_numpy()
    known = who >= 0
    return Purchases(
        listed, who[known], day[known], units[known], tuple(map(str, kinds)), first, int((last - first).days)
    )


@dataclass(frozen=True, eq=False)
class TasteGroups:
    """Hold groups of taste: shares of categories (K, C), and how large each group is (K,)."""

    shares: Floats
    size: Floats

    def belongs(self, units: ArrayLike) -> Floats:
        """Compute the chance of each customer to belong to each group, (n, K), from units by category (n, C)."""
        logs = np.asarray(units, dtype=np.float64) @ np.log(self.shares.T) + np.log(self.size)
        return np.asarray(np.exp(logs - logsumexp(logs, axis=1, keepdims=True)))


def fit_groups(units: ArrayLike, groups: int, rng: np.random.Generator, *, rounds: int = 60) -> TasteGroups:
    """Fit a mixture of multinomials by EM, the likeliest of three starts.

    Parameters
    ----------
    units : array
        Units by category, (n, C); rows without any are left out.
    groups : int
        K.
    rng : Generator
        Draws the starts.
    rounds : int
        Of EM.

    Raises
    ------
    DataError
        Fewer customers than groups.
    """
    counts = np.asarray(units, dtype=np.float64)
    counts = counts[counts.sum(axis=1) > 0]
    if len(counts) < groups:
        raise DataError("fewer customers than groups", value=(len(counts), groups), remedy="take fewer groups.")
    best, found = -np.inf, None
    for _ in range(3):
        now = TasteGroups(rng.dirichlet(np.full(counts.shape[1], 2.0), groups), np.full(groups, 1 / groups))
        for _ in range(rounds):
            chance = now.belongs(counts)
            shares = chance.T @ counts + 1.0
            now = TasteGroups(shares / shares.sum(axis=1, keepdims=True), chance.mean(axis=0))
        logs = counts @ np.log(now.shares.T) + np.log(now.size)
        value = float(logsumexp(logs, axis=1).sum())
        if value > best:
            best, found = value, now
    assert found is not None
    return found


def columns_at(purchases: Purchases, day: int, groups: TasteGroups, rules: LetterRules) -> Floats:
    """Describe every customer as known before a day, (J, F): paces of late, and each times the chance of each group.

    Parameters
    ----------
    purchases, day, groups, rules : Purchases, int, TasteGroups, LetterRules
    """
    recent = (purchases.idle(day) < rules.recent).astype(float)
    quarter, half = (purchases.orders(day - span, day) * 28 / span for span in (91, 182))
    base = np.column_stack([recent, quarter, half, recent * quarter, recent * half])
    with_one = np.column_stack([np.ones(len(recent)), base])
    belongs = groups.belongs(purchases.tastes(day))
    return np.column_stack([base, *(belongs[:, [k]] * with_one for k in range(belongs.shape[1]))])


def letter_log(
    purchases: Purchases,
    mailings: pd.DataFrame,
    groups: TasteGroups,
    rules: LetterRules,
    outcome: Outcome | None = None,
) -> tuple[Experiment, Whole]:
    """Stack all letters whose outcome is known when the books end.

    Parameters
    ----------
    purchases, groups, rules : Purchases, TasteGroups, LetterRules
    mailings : DataFrame
        ``customer_id, date, treated, propensity``: who could have been written to, and who was.
    outcome : callable, optional
        From purchases and a day to what came after it, (J,); by default the orders of ``rules.days`` days.

    Returns
    -------
    Experiment, array
        And the customer of each row. Rows are shuffled.

    Raises
    ------
    DataError
        No propensity, no letter long enough ago, or no two arms.

    Notes
    -----
    Groups are fitted on all the books: they hold no outcome of a letter but what was bought after it, by category.
    """
    if "propensity" not in mailings or mailings["propensity"].isna().all():
        raise DataError(
            "nobody wrote down with which chance a letter was sent",
            table="mailings",
            column="propensity",
            remedy="send the next letter to a part drawn at random, and note the chance and who was left out.",
        )
    parts: list[tuple[Floats, Floats, Floats, Floats, Whole]] = []
    for date, rows in mailings[mailings["propensity"].notna()].groupby("date"):
        day = (pd.Timestamp(str(date)).normalize() - purchases.first).days
        if day < 1 or day + rules.days > purchases.end:
            continue
        listed = purchases.customers.get_indexer(rows["customer_id"])
        keep = (listed >= 0) & (purchases.idle(day)[listed] <= rules.forget)
        who, rows = listed[keep], rows[keep]
        came = purchases.orders(day, day + rules.days) if outcome is None else outcome(purchases, day)
        parts.append(
            (
                columns_at(purchases, day, groups, rules)[who],
                rows["treated"].to_numpy(dtype=float),
                came[who],
                rows["propensity"].to_numpy(dtype=float),
                who,
            )
        )
    if not parts:
        raise DataError(
            f"no letter lies {rules.days} days before the end of the books",
            table="mailings",
            column="date",
            remedy="wait until its outcome is known.",
        )
    x, w, y, e, who = (np.concatenate([part[k] for part in parts]) for k in range(5))
    order = np.random.default_rng(0).permutation(len(w))
    return Experiment(x[order], w[order], y[order], e[order]), who[order]


@dataclass(frozen=True, eq=False)
class Letters:
    """Hold what a shop's own letters teach.

    Parameters
    ----------
    effect : array
        Orders more by one letter now, of each customer, (J,); NaN for who has been silent for too long.
    log : Experiment
    who : array
        The customer of each row of the log.
    in_log, usual : array
        Effects of the log's rows, and what they would order with or without a letter, by learners that have not seen
        their customer.
    """

    effect: Floats
    log: Experiment
    who: Whole
    in_log: Floats
    usual: Floats


def write_to(
    purchases: Purchases, mailings: pd.DataFrame, rules: LetterRules | None = None, outcome: Outcome | None = None
) -> Letters:
    """Learn the effect of a letter on each customer from past letters, by the doubly robust learner.

    Parameters
    ----------
    purchases, mailings : Purchases, DataFrame
        As of ``letter_log``.
    rules : LetterRules, optional
    outcome : callable, optional
        As of ``letter_log``.
    """
    how = rules or LetterRules()
    groups = fit_groups(purchases.tastes(purchases.end), how.groups, np.random.default_rng(0))
    log, who = letter_log(purchases, mailings, groups, how, outcome)

    def ridge() -> Any:
        from sklearn.linear_model import Ridge
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        return make_pipeline(StandardScaler(), Ridge(how.strength))

    now = columns_at(purchases, purchases.end, groups, how)
    effect = fit_effect("DR", log, ridge)(now)
    fold = np.random.default_rng(1).permutation(len(purchases.customers))[who] % how.folds
    in_log, usual = effect_out_of_fold("DR", log, ridge, fold=fold), np.zeros(len(log))
    for k in range(how.folds):
        usual[fold == k] = ridge().fit(log.known[fold != k], log.outcome[fold != k]).predict(log.known[fold == k])
    here = purchases.idle(purchases.end) <= how.forget
    return Letters(np.where(here, effect, np.nan), log, who, in_log, usual)
