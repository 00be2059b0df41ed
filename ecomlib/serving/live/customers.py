"""Answers what a version knows of customers: lists, risk board, and in which visits help pays (lessons 09, 10, 14b).

All of it was made when the version was trained, from the shop's tables: the log's events name no customer. So an answer
is the table of ``ecomlib decide``, and nothing of it moves with an order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from ecomlib.decisions.intent import help_band, help_gain
from ecomlib.decisions.recommendation.advice import EVERYBODY
from ecomlib.decisions.registry import Decision
from ecomlib.decisions.shop.offer_rule import OfferRule
from ecomlib.decisions.shop.offers import MONEY, Learnt, money_of, offers_of
from ecomlib.errors import DataError
from ecomlib.serving.live.live_state import State
from ecomlib.serving.live.requests import Problem, Text, When, moment_of, records
from ecomlib.serving.release.bundle import Bundle
from ecomlib.serving.release.customers import TABLES

MOST_ROWS = 5_000
BINS = 20  # of chances, each 0.05 wide, in which visits are counted
OLDER = "this version knows nothing of customers: train again with this release, `ecomlib train`"
NO_MARGIN = "ask with margin=12.5, what an order earns, or train on tables with unit_cost"
Amount = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]


class RecommendIn(BaseModel):
    """Whose lists are asked for."""

    model_config = ConfigDict(frozen=True)
    customer_id: str | None = Field(
        default=None, min_length=1, max_length=200, description="a customer; without it, the list for somebody new"
    )
    page: Literal["every", "again", "new"] = Field(
        default="every", description="again: what the customer has bought before; new: what not; or every page"
    )
    places: int = Field(default=10, ge=1, le=10, description="at most so many products of a page")


class RetainIn(BaseModel):
    """Which part of the risk board is asked for."""

    model_config = ConfigDict(frozen=True)
    customer_id: str | None = Field(default=None, min_length=1, max_length=200, description="one customer alone")
    letters: bool = Field(default=False, description="only those who should be written to")
    by: Literal["board", "stake"] = Field(
        default="board", description="board: those to be written to first; stake: what is at stake alone decides"
    )
    limit: int = Field(default=50, ge=1, le=MOST_ROWS, description="rows of one answer")
    offset: int = Field(default=0, ge=0, le=10**9, description="rows to leave out: those that one has")


class MoneyIn(BaseModel):
    """What an order earns and what help does: what is not said is as the version has it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    margin: Amount | None = Field(default=None, description="what an order earns; else its mean profit")
    cost: Amount | None = Field(default=None, description="of help a visit; else 0.1")
    lift: float | None = Field(
        default=None, ge=-10, le=10, allow_inf_nan=False, description="log-odds that help adds; else 0.2, a guess"
    )
    gift: Amount | None = Field(default=None, description="given to a helped customer who buys; else nothing")

    def said(self) -> dict[str, float]:
        """What of it somebody said."""
        return {name: value for name in MONEY if (value := getattr(self, name)) is not None}


class OffersIn(MoneyIn):
    """Which visits of the last week are asked for, and at which money."""

    limit: int = Field(default=50, ge=1, le=MOST_ROWS, description="rows of one answer, the greatest gain first")
    offset: int = Field(default=0, ge=0, le=10**9, description="rows to leave out: those that one has")


class VisitIn(MoneyIn):
    """What is known of one visit: when it began, and each feature that the rule reads."""

    started_at: When = Field(description="when it began, by the shop's own clock or with an offset")
    features: dict[Text, str | bool | float | None] = Field(
        max_length=200, description="by name, each that GET /offers lists under reads; null where it is not known"
    )


def held(b: Bundle, name: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return a version's table of a decision, and what is known of how it was made.

    Raises ``Problem`` (409) where it has none, with the table that the shop lacks and the remedy.
    """
    why, table = lacks(b)[name], getattr(b, TABLES[name])
    if why or table is None:
        raise Problem(409, why or OLDER, "query", "")
    return table, b.settings["customers"][name]


def recommend(state: State, asked: RecommendIn) -> dict[str, Any]:
    """Answer what to show a customer: what to buy again and what is new, each with the reason.

    Whoever has no lists gets the one for somebody new, and ``known`` says so.
    """
    b = state.bundle
    about = held(b, "recommend")[1]
    how, mine = about["how"], of_customer(b, asked.customer_id)
    known = asked.customer_id not in (None, EVERYBODY) and len(mine) > 0
    if not len(mine):
        mine = of_customer(b, None)
    if asked.page != "every":
        mine = mine[mine["page"] == asked.page]
    mine = mine[mine["place"] <= asked.places]
    until, chosen = how["last_day"], how["methods"]
    return _head(b, about) | {
        "customer_id": asked.customer_id,
        "known": known,
        "says": f"From what was bought up to {until}: what to buy again, and what is new."
        if known
        else f"{'Somebody new' if asked.customer_id is None else 'Nobody who bought in the year'} up to {until}: "
        "what sells most is shown.",
        "customers": how["customers"],
        "methods": chosen,
        "days_tried": how["days_tried"],
        "tried": [one for one in how["tried"] if chosen[one["page"]] == one["method"]],
        "totals": {"rows": len(mine)},
        "rows": records(mine.drop(columns="customer_id")),
    }


def of_customer(b: Bundle, customer: str | None) -> pd.DataFrame:
    """Return the lists of one customer, maybe none; without a name those of somebody new."""
    table = held(b, "recommend")[0]
    first, last = b.list_rows.get(EVERYBODY if customer is None else customer, (0, 0))
    return table.iloc[first:last]


def retain(state: State, asked: RetainIn) -> dict[str, Any]:
    """Answer the risk board: who is leaving, what is at stake, and whom to write to, or why nobody.

    Raises ``Problem`` (404) for a customer who is not on it.
    """
    b = state.bundle
    table, about = held(b, "retain")
    how = about["how"]
    if asked.customer_id is not None:
        table = table[(table["customer_id"] == asked.customer_id).to_numpy()]
        if table.empty:
            raise Problem(404, f"no order of this customer up to {how['last_day']} is known", "query", "customer_id")
    if asked.letters:
        table = table[table["write"]] if "write" in table else table.iloc[:0]
    if asked.by == "stake":
        table = table.sort_values(["at_stake", "customer_id"], ascending=[False, True], ignore_index=True)
    part, letters = table.iloc[asked.offset : asked.offset + asked.limit], how["letters"]
    count = int(letters["write"])
    says = f"Write to {count:,} customers: the letter is expected to earn more than it costs." if count else ""
    return _head(b, about) | {
        "days": how["days"],
        "letters": letters | {"says": says or about["warnings"][0]},
        "assumed": how["assumed"],
        "totals": {
            name: how[name] for name in ("customers", "silent", "expected_revenue", "at_stake", "margin", "cost")
        }
        | {"write": count, "rows": len(part), "of": len(table)},
        "rows": records(part),
    }


def offers(state: State, asked: OffersIn) -> dict[str, Any]:
    """Answer in which visits of the last week help would have paid, between which chances, and how many there were."""
    b = state.bundle
    about = held(b, "offers")[1]
    made = offers_decision(b, asked.said())
    part, how = made.table.iloc[asked.offset : asked.offset + asked.limit], made.how
    rows = part.assign(started_at=part["started_at"].dt.strftime("%Y-%m-%dT%H:%M:%S"))
    counts, helped = (
        np.histogram(some["chance"], BINS, (0.0, 1.0))[0] for some in (made.table, made.table[made.table["help"]])
    )
    return _head(b, {"line": made.line, "how": how, "warnings": made.warnings}) | {
        "reads": [name for name in how["reads"] if name != "hour"],
        "kinds": about["rule"]["kinds"],
        "band": how["band"],
        "money": {name: how[name] for name in MONEY},
        "said": sorted(asked.said()),
        "last_four_weeks": how["last_four_weeks"],
        "counts": counts.tolist(),
        "helped": helped.tolist(),
        "assumed": how["assumed"],
        "totals": {
            "help": int(made.table["help"].sum()),
            "gain": round(float(made.table.loc[made.table["help"], "gain"].sum()), 2),
            "rows": len(rows),
            "of": len(made.table),
        },
        "rows": records(rows),
    }


def offer(state: State, asked: VisitIn) -> dict[str, Any]:
    """Answer for one visit: its chance of an order, the money that help gains, and whether to offer it.

    Raises ``Problem`` (422) for a feature that the rule does not read, lacks, or cannot take.
    """
    b = state.bundle
    rule = OfferRule.of_note(held(b, "offers")[1]["rule"])
    money = _money(b, asked.said())
    row: dict[str, Any] = {"started_at": pd.Timestamp(moment_of(asked.started_at, state, ("body", "started_at")))}
    for name in rule.reads:
        if name not in asked.features:
            raise Problem(422, f"the rule reads {', '.join(rule.reads)}: null where one is not known", "body", name)
        row[name] = _feature(name, asked.features[name], name in rule.read.numbers)
    for name in asked.features:
        if name not in rule.reads:
            raise Problem(422, f"the rule does not read this: it reads {', '.join(rule.reads)}", "body", name)
    visit = pd.DataFrame([row])
    chance = float(rule.chance(visit)[0])
    gain, band = float(help_gain(chance, **money)), help_band(**money)
    between = "help pays at no chance" if band is None else f"help pays between {band[0]:.3f} and {band[1]:.3f}"
    return {
        "version": b.number,
        "currency": b.settings.get("currency") or None,
        "chance": chance,
        "gain": gain,
        "help": gain > 0,
        "band": None if band is None else list(band),
        "money": money,
        "unseen": [name for name, known in rule.read.kinds.items() if str(row[name]) not in known],
        "says": f"{'Offer help' if gain > 0 else 'Offer none'}: the chance of an order is {chance:.3f}, and {between}.",
    }


def offers_decision(b: Bundle, said: Mapping[str, float]) -> Decision:
    """Make the decision of ``ecomlib decide offers`` from what a version holds, at some money."""
    table, about = held(b, "offers")
    learnt = Learnt(OfferRule.of_note(about["rule"]), table, about["found"])
    return offers_of(learnt, _money(b, said), said, about["facts"], about["said"])


def _money(b: Bundle, said: Mapping[str, float]) -> dict[str, float]:
    about = held(b, "offers")[1]

    def profit() -> float:
        if about["profit"] is None:
            raise Problem(409, f"{about['no_profit']}: {NO_MARGIN}", "query", "margin")
        return float(about["profit"])

    try:
        money = money_of(said, profit)
        help_band(**money)  # a shop may sell below cost: its mean profit is then no margin
    except DataError as error:
        raise Problem(409, f"{error}: {NO_MARGIN}", "query", "margin") from error
    return money


def _feature(name: str, value: Any, number: bool) -> Any:
    """A feature as the sessions' table would hold it."""
    if value is None:
        return np.nan
    if number and (isinstance(value, bool | str) or not np.isfinite(value)):
        raise Problem(422, "this feature is a number", "body", "features", name)
    if not number and isinstance(value, float):
        raise Problem(422, "this feature is a word", "body", "features", name)
    return value


def lacks(b: Bundle) -> dict[str, str]:
    """Say by decision why a version cannot answer it; empty where it can."""
    about = b.settings.get("customers") or {}
    return {name: about[name].get("why", "") if name in about else OLDER for name in TABLES}


def _head(b: Bundle, about: Mapping[str, Any]) -> dict[str, Any]:
    """What every answer begins with: the version, the day up to which it knows customers, and how it was made."""
    return {
        "version": b.number,
        "known_until": about["how"]["last_day"],
        "currency": b.settings.get("currency") or None,
        "how": about["line"],
        "warnings": list(about["warnings"]),
    }
