"""Retrains on logged orders, and decides whether the new version may serve (lesson 08, section 6)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ecomlib.errors import DataError
from ecomlib.serving.live.drift_report import look
from ecomlib.serving.live.event_log import EventLog
from ecomlib.serving.live.live_state import State, first_cutoff
from ecomlib.serving.live.shop_clock import ClockSettings, noted
from ecomlib.serving.release.bundle import ALL, EVENTS_FILE, Bundle, database_url, open_bundle
from ecomlib.serving.release.inputs import SalesHistory, monday, week_of
from ecomlib.serving.release.train import ReleaseSettings, Say, Trained, train

if TYPE_CHECKING:
    from ecomlib.evaluation import Verdict
    from ecomlib.stores import Store

_CELL = ["product_id", "region_id", "ds"]
LEAST_ORIGINS = 3  # fewer say nothing of another month
_NOTHING = pd.DataFrame({"unique_id": [], "ds": [], "cutoff": [], "y": [], "old": [], "new": []}).astype(
    {"unique_id": object, "ds": "datetime64[ns]", "cutoff": "datetime64[ns]"}
)


@dataclass(frozen=True, eq=False)
class Decision:
    """States whether a challenger may serve, why, and on what evidence: the paired comparison and its scored frame.

    ``verdict`` is None where the two were not compared: the books disagree, the origins are too few, nothing was sold.
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
    rule: ClockSettings | None = None,
    say: Say = lambda text: None,
) -> Trained:
    """Publish a version trained on the store up to its first cutoff and the logged orders since; not promoted.

    It knows the weeks up to the last full one on the shop's clock, and forecasts as far ahead as the version in force,
    and the same units, gross or net of returns, whatever ``plan`` says: else the two could not be compared. ``rule`` is
    what bounds the clock; by default what the service noted. What prices and promotions do is kept from the version in
    force: the log does not say which promotions ran, nor where the stock was out.
    Raises ``DataError`` where no full week has passed since the version in force was made (lesson 08, section 6).
    """
    old = open_bundle(home)
    with closing(EventLog(database or database_url(home))) as log:
        state = State(old, log, rule=rule or noted(home, old.settings["source"]))
        lines, stock = log.lines(until=state.until), state.on_hand(state.origin)
        back = log.returned(until=state.until) if state.net else None
    if state.origin <= old.cutoff:
        raise DataError(
            f"no full week has passed since version {old.number:04d} was made",
            value=str(state.clock),
            remedy="train again when one has.",
        )
    base = first_cutoff(old)
    before = store.orders[store.orders["ordered_at"] < monday(base + 1)]
    more = lines[lines["kind"] == "order"].rename(columns={"event_key": "order_id"}).drop(columns="kind")
    if back is not None:
        more = kept_lines(more, back)
    unread = int((store.orders["ordered_at"] >= monday(base + 1)).sum())
    if store.regions is None:
        more = more.drop(columns="region_id")
    known = store.with_parts(orders=before.reset_index(drop=True))
    say(f"{len(before):,} order lines up to {monday(base + 1):%Y-%m-%d}, {len(more):,} from the log")
    if unread:
        say(
            f"not read: {unread:,} order lines of the tables from {monday(base + 1):%Y-%m-%d} on, since what came then "
            "is taken from the log. To learn from the tables instead: ecomlib train --from tables"
        )
    made_of = dict(source or old.settings["source"]) | {"cutoff": f"{monday(base):%Y-%m-%d}"}
    how = replace(plan or ReleaseSettings(), horizon=old.horizon, returns=old.settings.get("units", "gross"))
    return train(known, home, how, source=made_of, cutoff=state.origin, more=more, keep=old, stock=stock, say=say)


def decide(
    old: Bundle, new: Bundle, log: EventLog, *, alarm: bool, seed: int = 0, rule: ClockSettings | None = None
) -> Decision:
    """Compare the version in force with a challenger on what the live log says: may the new one serve? (lesson 08,
    section 6)

    Both forecast as they would serve, from their own books and the log; what came is read off the log, and off the old
    version's history before it, never off the challenger's books. Where the books of shared weeks disagree, nothing is
    compared: one of them is wrong. Origins are weeks that neither version was trained on, a horizon apart, so that no
    week is counted twice; fewer than three say nothing. WAPE is compared pairwise over products and origins
    (``evaluation.compare``). The new version may serve if it is better, or if drift alarms and it is bearable
    (``Verdict.bearable``: not shown to be worse, and no worse by as much as matters): then the old one's intervals or
    inputs are no longer what they were, and the new one's are.

    A version reaches back to ``calibrated_weeks`` before its cutoff: its trial, or in the first format its network, was
    fitted without these weeks, and answers for origins before the cutoff (``Bundle.forecast``).
    """
    from ecomlib.evaluation import compare

    champion, challenger = State(old, log, rule=rule), State(new, log, rule=rule)
    champion.refresh()
    challenger.refresh()
    truth = live_books(champion, log)
    names = [f"version {bundle.number:04d}" for bundle in (old, new)]
    live = "the live log and the history before it"
    for bundle, name in ((new, names[1]), (old, names[0])):
        wrong = disagreement(_weekly(truth, bundle.books), _weekly(bundle.books, truth), live, name)
        if wrong:
            return Decision(False, f"not promoted, nothing was compared: {wrong}", None, _NOTHING)
    unseen = (bundle.cutoff - int(bundle.settings["calibrated_weeks"]) for bundle in (old, new))
    ahead = min(old.horizon, new.horizon)
    origins = sorted(range(truth.last - ahead, max(unseen) - 1, -ahead))
    if len(origins) < LEAST_ORIGINS:
        few = f"{len(origins)} origin{'s' * (len(origins) != 1)} of {ahead} weeks"
        why = f"{few} that neither version was trained on, {LEAST_ORIGINS} needed"
        return Decision(False, f"not promoted, {names[1]} was not compared with {names[0]}: {why}", None, _NOTHING)
    scores = side_by_side(champion, challenger, truth, origins)
    try:
        verdict = compare(scores, "new", "old", "wape", rng=np.random.default_rng(seed), agreement=0.75)
    except DataError as error:
        return Decision(False, f"new against old: not promoted, they cannot be compared: {error}", None, scores)
    why = (
        f"{verdict}; {shown(verdict)}; "
        f"{names[1]} (new) against {names[0]} (old) on {scores['unique_id'].nunique()} products, weeks "
        f"{scores['ds'].min():%Y-%m-%d} to {scores['ds'].max():%Y-%m-%d} of {live}; "
        + ("drift alarms" if alarm else "drift does not alarm")
    )
    return Decision(may_serve(verdict, alarm), why, verdict, scores)


def shown(verdict: Verdict) -> str:
    """Say what a verdict has shown of the new version; an interval with zero in it shows neither."""
    if verdict.word in ("better", "worse"):
        return f"the new version is shown to be {verdict.word}"
    return "the new version is not shown to be better, nor to be worse"


def may_serve(verdict: Verdict, alarm: bool) -> bool:
    """Turn a verdict into a decision: better serves, and what is bearable where drift alarms; nothing else."""
    return verdict.word == "better" or (alarm and verdict.bearable)


def live_books(champion: State, log: EventLog) -> SalesHistory:
    """Read what came off the log, from the first cutoff of the home on; before it stands the champion's history."""
    bundle, books = champion.bundle, champion.books
    base = first_cutoff(bundle)
    told = log.weekly(monday(base + 1).to_pydatetime())
    told = told[(told["kind"] == "order") & told["product_id"].isin(bundle.row)]
    if champion.net:
        told = kept_units(told, log.returned(monday(base + 1).to_pydatetime()))
    week = told["ds"].map(week_of).to_numpy(dtype=np.int64)
    units, mine = books.units.copy(), week <= bundle.cutoff  # what came later is in the champion's state already
    units[:, base + 1 - books.first : bundle.cutoff + 1 - books.first] = 0.0
    rows = told["product_id"].map(bundle.row).to_numpy(dtype=np.int64)
    np.add.at(units, (rows[mine], week[mine] - books.first), told["units"].to_numpy(dtype=float)[mine])
    return replace(books, units=units)


def kept_units(told: pd.DataFrame, back: pd.DataFrame) -> pd.DataFrame:
    """Take what came back off units by ``product_id, region_id, ds``; never more than was sold there."""
    found = told.merge(back, how="left", on=_CELL, suffixes=("", "_back"))
    return found.assign(units=(found["units"] - found.pop("units_back").fillna(0)).clip(lower=0).astype("int64"))


def kept_lines(lines: pd.DataFrame, back: pd.DataFrame) -> pd.DataFrame:
    """Take what came back off the lines of its product, region and week of sale, the oldest first, as far as they go.

    So that by week there are as many as the service shows.
    """
    days = lines["ordered_at"].dt.normalize()
    cells = lines.assign(ds=days - pd.to_timedelta(days.dt.weekday, unit="D")).merge(back, how="left", on=_CELL)
    upto = cells.groupby(_CELL)["quantity"].cumsum() - cells["units"].fillna(0)
    kept = upto.clip(lower=0).clip(upper=cells["quantity"]).astype("int64").to_numpy()
    return lines.assign(quantity=kept)[kept > 0].reset_index(drop=True)


def _weekly(books: SalesHistory, other: SalesHistory) -> pd.Series:
    """Units by week (its Monday) of the products that both books know."""
    both = set(books.products) & set(other.products)
    mine = [row for row, name in enumerate(books.products) if name in both]
    weeks = [monday(week) for week in range(books.first, books.last + 1)]
    return pd.Series(books.units[mine].sum(axis=0), index=pd.DatetimeIndex(weeks))


def disagreement(known: pd.Series, told: pd.Series, known_name: str, told_name: str) -> str | None:
    """Say in which shared weeks two tables of units by week disagree, and by how much; None where they agree.

    They disagree where they differ by more than a tenth and three units, in a week or in all together: late orders and
    corrections are fewer, a table that was read twice is more.
    """
    weeks = known.index.intersection(told.index)
    one, other = known[weeks].to_numpy(dtype=float), told[weeks].to_numpy(dtype=float)
    off = np.abs(other - one) > 0.1 * one + 3
    if not off.any():
        if abs(other.sum() - one.sum()) <= 0.1 * one.sum() + 3:
            return None
        off[:] = True
    sums = one[off].sum(), other[off].sum()
    times = f"{sums[1] / sums[0]:.2f} times the units" if sums[0] else f"{sums[1]:,.0f} units instead of none"
    span = f"{weeks[off].min():%Y-%m-%d} to {weeks[off].max():%Y-%m-%d}"
    return (
        f"{told_name} holds {times} of {known_name} in {off.sum()} of {len(weeks)} shared weeks ({span}); find out "
        "which is wrong before either is used"
    )


def side_by_side(champion: State, challenger: State, truth: SalesHistory, origins: Sequence[int]) -> pd.DataFrame:
    """Score two versions, each as it would serve: frame ``unique_id, ds, cutoff, y, old, new``.

    Products are those that both know and that had begun by the origin.
    """
    names = np.array(truth.products, dtype=object)
    theirs = np.array([challenger.bundle.row.get(name, -1) for name in names])
    ahead = min(champion.bundle.horizon, challenger.bundle.horizon)
    parts = []
    for origin in origins:
        there = np.flatnonzero((truth.begin <= origin) & (theirs >= 0))
        at = origin - truth.first + 1
        weeks = [monday(origin + 1 + step) for step in range(ahead)]
        parts.append(
            pd.DataFrame(
                {
                    "unique_id": np.repeat(names[there], ahead),
                    "ds": np.tile(weeks, len(there)),
                    "cutoff": monday(origin),
                    "y": truth.units[there, at : at + ahead].ravel(),
                    "old": champion.made(origin).forecast[there, :ahead].ravel(),
                    "new": challenger.made(origin).forecast[theirs[there], :ahead].ravel(),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def judge(home: str | os.PathLike[str], number: int, *, database: str | None = None) -> Decision:
    """Compare the version in force with ``number``, given the former's drift as it is now (lesson 08, section 6).

    ``database`` is where the service keeps its events, if not in the home. Where the home has events too, both must
    agree on the weeks that the home's log closed: a copy that was changed is no live log.
    """
    old, new = open_bundle(home), open_bundle(home, number)
    if database is not None and (wrong := _no_live_log(home, database)):
        return Decision(False, f"not promoted, nothing was compared: {wrong}", None, _NOTHING)
    alarm = look(state_of(old, home, database))["drifted"]
    with closing(EventLog(database or database_url(home))) as log:
        return decide(old, new, log, alarm=alarm, rule=noted(home, old.settings["source"]))


def _no_live_log(home: str | os.PathLike[str], database: str) -> str | None:
    """Say where the events in ``database`` disagree with those in the home; None where they agree, or it has none."""
    if not (Path(home) / EVENTS_FILE).exists():
        return None
    found = []
    for url in (database_url(home), database):
        with closing(EventLog(url)) as log:
            table = log.weekly()
        found.append(table[table["kind"] == "order"].groupby("ds")["units"].sum())
    own = found[0].iloc[:-1]  # its last week may not be over
    return disagreement(own, found[1].reindex(own.index, fill_value=0), "the home's own log", "the database named")


def state_of(bundle: Bundle, home: str | os.PathLike[str], database: str | None) -> State:
    """Read the shop as the service sees it, from its database."""
    with closing(EventLog(database or database_url(home))) as log:
        state = State(bundle, log, rule=noted(home, bundle.settings["source"]))
    state.refresh()
    return state


def forecast_catalogue(home: str | os.PathLike[str], *, database: str | None = None) -> pd.DataFrame:
    """Forecast the whole catalogue as the service does now: a row a product, region, week (lesson 08, section 2).

    Columns ``product_id, region_id, week, forecast, low, high, sold, expected, basis, version, origin, interval``;
    ``all`` is a region. ``sold`` is missing where nobody has told of anything in that week. ``forecast`` is the best
    single number, ``expected`` the mean, which alone may be summed. Where the ends are not known they are missing, and
    ``interval`` says why; it is missing where they are.
    """
    state = state_of(open_bundle(home), home, database)
    b, rows = state.bundle, []
    places = [*b.regions["region_id"], ALL] if list(b.regions["region_id"]) != [ALL] else [ALL]
    weeks = [monday(state.origin + 1 + step) for step in range(b.horizon)]
    at = [column if place != ALL else len(b.regions) for column, place in enumerate(places)]
    unknown = [b.unknown(column) for column in at]
    for row, product in enumerate(b.books.products):
        basis = state.basis(row)
        for column, place, why in zip(at, places, unknown, strict=True):
            says = f"unknown: {why}" if why else None
            found = state.numbers(row, column)
            rows += [(product, place, week, *values, basis, says) for week, values in zip(weeks, found, strict=True)]
    names = ["product_id", "region_id", "week", "forecast", "low", "high", "sold", "expected", "basis", "interval"]
    frame = pd.DataFrame(rows, columns=names)
    frame["sold"], frame["interval"] = frame["sold"].astype("Int64"), frame["interval"].astype("string")
    if state.left == 1.0:  # zero would read as a week without a sale
        frame["sold"] = pd.array([pd.NA] * len(frame), dtype="Int64")
    ends = ["low", "high"]
    frame[ends] = frame[ends].astype(float).where(frame["interval"].isna(), axis=0)
    frame = frame.assign(version=b.number, origin=monday(state.origin))
    return frame[[*names[:-1], "version", "origin", "interval"]]
