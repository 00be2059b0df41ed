"""Retrains on logged orders, and decides whether the new version may serve (lesson 08, section 6)."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ecomlib.errors import DataError
from ecomlib.serving.live.drift_report import look
from ecomlib.serving.live.event_log import EventLog
from ecomlib.serving.live.live_state import State
from ecomlib.serving.release.bundle import ALL, Bundle, database_url, open_bundle
from ecomlib.serving.release.inputs import HORIZON, Floats, monday, week_of
from ecomlib.serving.release.train import ReleaseSettings, Say, Trained, train

if TYPE_CHECKING:
    from ecomlib.evaluation import Verdict
    from ecomlib.stores import Store


@dataclass(frozen=True, eq=False)
class Decision:
    """States whether a canary may serve, why, and on what evidence: the paired comparison and its scored frame.

    ``verdict`` is None where the two cannot be compared, as when nothing was sold in those weeks.
    """

    promote: bool
    why: str
    verdict: Verdict | None
    scores: pd.DataFrame  # unique_id, ds, cutoff, y, old, new


def retrain(
    store: Store,
    home: str | os.PathLike[str],
    plan: ReleaseSettings | None = None,
    *,
    database: str | None = None,
    source: dict[str, Any] | None = None,
    say: Say = lambda text: None,
) -> Trained:
    """Publish a version trained on the store up to its first cutoff and the logged orders since; not promoted.

    It knows the weeks up to the last full one on the shop's clock. What prices and promotions do is kept from the
    version in force: the log does not say which promotions ran, nor where the stock was out.
    Raises ``DataError`` where no full week has passed since the version in force was made (lesson 08, section 6).
    """
    old = open_bundle(home)
    with closing(EventLog(database or database_url(home))) as log:
        state, lines = State(old, log), log.lines()
    stock = state.on_hand(state.origin)
    if state.origin <= old.cutoff:
        raise DataError(
            f"no full week has passed since version {old.number:04d} was made",
            value=str(state.clock),
            remedy="train again when one has.",
        )
    base = week_of(old.settings["source"].get("cutoff", old.settings["cutoff"]))
    before = store.orders[store.orders["ordered_at"] < monday(base + 1)]
    more = lines[lines["kind"] == "order"].rename(columns={"event_key": "order_id"}).drop(columns="kind")
    if store.regions is None:
        more = more.drop(columns="region_id")
    known = store.with_parts(orders=before.reset_index(drop=True))
    say(f"{len(before):,} order lines up to {monday(base + 1):%Y-%m-%d}, {len(more):,} from the log")
    noted = dict(source or old.settings["source"]) | {"cutoff": f"{monday(base):%Y-%m-%d}"}
    return train(known, home, plan, source=noted, cutoff=state.origin, more=more, keep=old, stock=stock, say=say)


def decide(old: Bundle, new: Bundle, *, alarm: bool, seed: int = 0) -> Decision:
    """Compare both versions on the newest weeks, unseen by either: may the new one serve? (lesson 08, section 6)

    Origins are the new version's calibration weeks, forecasts go four weeks ahead, and WAPE is compared pairwise over
    products and origins (``evaluation.compare``). The new version is promoted if it is shown to be better, at three
    of four origins too. Where drift alarms, the old one is known to be in trouble: then it is enough that the new one
    is shown to be no worse by as much as matters, 1 %. One shown to be worse, by however little, is not promoted.
    """
    from ecomlib.evaluation import compare

    kept = int(new.settings["calibrated_weeks"])
    first = max(new.cutoff - kept, old.cutoff - int(old.settings["calibrated_weeks"]))
    scores = side_by_side(old, new, range(first, new.cutoff - HORIZON + 1))
    try:
        verdict = compare(scores, "new", "old", "wape", rng=np.random.default_rng(seed), agreement=0.75)
    except DataError as error:
        return Decision(False, f"new against old: not promoted, they cannot be compared: {error}", None, scores)
    why = f"{verdict}; " + ("drift alarms" if alarm else "drift does not alarm")
    return Decision(verdict.word == "better" or (verdict.bearable and alarm), why, verdict, scores)


def side_by_side(old: Bundle, new: Bundle, origins: range) -> pd.DataFrame:
    """Score two versions on the newer one's books: frame ``unique_id, ds, cutoff, y, old, new``."""
    books = new.books
    parts = []
    for origin in origins:
        ours, theirs = _aligned(old, new, origin), new.forecast(books, origin)[0]
        at = origin - books.first + 1
        y = books.units[:, at : at + HORIZON]
        there = np.flatnonzero((books.begin <= origin) & np.isfinite(ours[:, 0]))
        weeks = [monday(origin + 1 + step) for step in range(y.shape[1])]
        parts.append(
            pd.DataFrame(
                {
                    "unique_id": np.repeat(np.array(books.products, dtype=object)[there], len(weeks)),
                    "ds": np.tile(weeks, len(there)),
                    "cutoff": monday(origin),
                    "y": y[there].ravel(),
                    "old": ours[there, : len(weeks)].ravel(),
                    "new": theirs[there, : len(weeks)].ravel(),
                }
            )
        )
    if not parts:
        raise DataError("there is no week that neither version was trained on", remedy="wait for more full weeks.")
    return pd.concat(parts, ignore_index=True)


def _aligned(old: Bundle, new: Bundle, origin: int) -> Floats:
    """The older version's forecasts over the newer books, in their order; NaN for products it does not know."""
    rows = np.array([new.row[name] for name in old.books.products if name in new.row])
    mine = np.array([old.row[name] for name in old.books.products if name in new.row])
    books = replace(
        new.books,
        products=tuple(np.array(old.books.products)[mine]),
        category=tuple(np.array(old.books.category)[mine]),
        begin=new.books.begin[rows],
        units=new.books.units[rows],
        plan={name: table[rows] for name, table in new.books.plan.items()},
    )
    answer = np.full((len(new.books.products), HORIZON), np.nan)
    answer[rows] = old.forecast(books, origin)[0]
    return answer


def canary(home: str | os.PathLike[str], number: int, *, database: str | None = None) -> Decision:
    """Compare the version in force with ``number``, given the former's drift as it is now (lesson 08, section 6)."""
    old, new = open_bundle(home), open_bundle(home, number)
    return decide(old, new, alarm=look(_state(old, home, database))["light"] in ("amber", "red"))


def _state(bundle: Bundle, home: str | os.PathLike[str], database: str | None) -> State:
    """The shop as the service sees it, from its database."""
    with closing(EventLog(database or database_url(home))) as log:
        state = State(bundle, log)
    state.refresh()
    return state


def forecast_catalogue(home: str | os.PathLike[str], *, database: str | None = None) -> pd.DataFrame:
    """Forecast the whole catalogue as the service does now: a row a product, region, week (lesson 08, section 7).

    Columns ``product_id, region_id, week, forecast, low, high, sold, basis, version, origin, interval``; ``all`` is a
    region. Where the ends are not known they are missing, and ``interval`` says why; it is missing where they are.
    """
    state = _state(open_bundle(home), home, database)
    b, rows = state.bundle, []
    places = [*b.regions["region_id"], ALL] if list(b.regions["region_id"]) != [ALL] else [ALL]
    weeks = [monday(state.origin + 1 + step) for step in range(HORIZON)]
    at = [column if place != ALL else len(b.regions) for column, place in enumerate(places)]
    unknown = [b.unknown(column) for column in at]
    for row, product in enumerate(b.books.products):
        basis = "network" if state.by_network[row] else "category"
        for column, place, why in zip(at, places, unknown, strict=True):
            says = f"unknown: {why}" if why else None
            found = state.numbers(row, column)
            rows += [(product, place, week, *values, basis, says) for week, values in zip(weeks, found, strict=True)]
    names = ["product_id", "region_id", "week", "forecast", "low", "high", "sold", "basis", "interval"]
    frame = pd.DataFrame(rows, columns=names)
    frame["sold"], frame["interval"] = frame["sold"].astype("Int64"), frame["interval"].astype("string")
    ends = ["low", "high"]
    frame[ends] = frame[ends].astype(float).where(frame["interval"].isna(), axis=0)
    frame = frame.assign(version=b.number, origin=monday(state.origin))
    return frame[[*names[:-1], "version", "origin", "interval"]]
