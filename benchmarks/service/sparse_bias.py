"""Why is `ecomlib train` short of the units of a sparse shop, and what mends it?

    python -m benchmarks.service.sparse_bias          # shops 1 to 6, three origins each; about 50 minutes of one core
    python -m benchmarks.service.sparse_bias --smoke  # one small shop, one origin; records nothing

The shop is `fashion` of `shops.py`: 2,656 items, one year, collections that start and end. Forecasts of four weeks by
product, for products that have begun. The last origin has the held-out weeks; choices are made at the two origins
four and eight weeks before it ("tuning"), whose targets end where the held-out weeks begin.

Causes, each alone changed from what `train` did when the question came up: see `CAUSES`. Mends: see `mends`. Beside
them the mean of eight weeks and boosted trees for absolute error, Poisson and Tweedie. `train now` is what `train`
publishes since: its forecast, which is often a median, and its means, which is what the service adds up; once as it
chooses by itself and once with the network.

`median of the truth` is the median of each product's week given its true rate: no forecaster of medians can be nearer
to the units than it is, so its bias is what a median costs. `mean of the truth, without shocks` knows all but what
happens to the whole shop in a week, which nobody knows ahead: its bias is what chance does to a sum of four weeks.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.stats import nbinom

from benchmarks.service.shops import RECIPES, Size, expected, shop
from benchmarks.trial import add_trial_options, trial_folder
from ecomlib import recorded
from ecomlib.panel import CALENDAR
from ecomlib.serving.release.bundle import open_bundle
from ecomlib.serving.release.inputs import SalesHistory, levels_of, monday, panel, windows_for
from ecomlib.serving.release.snapshot import books_of, catalogue, cut, last_full_week
from ecomlib.serving.release.train import ReleaseSettings, train
from ecomlib.stores import Store
from ecomlib.training import TrainSettings, fit, make_network, predict
from ecomlib.windows import Batch, WindowSet, WindowSettings

Floats = NDArray[np.float64]
HORIZON = 4  # weeks
SEASON = ("week_sin", "week_cos", "week_sin2", "week_cos2", "to_christmas", "holidays")
SEEDS: tuple[int, ...] = (1, 2, 3, 4, 5, 6)
BACK = {"held out": 4, "tuning, 8 weeks back": 8, "tuning, 12 weeks back": 12}  # weeks before the end of the books


@dataclass(frozen=True)
class Arm:
    """How a network is fitted; the defaults are what `ecomlib train` does to a shop of this size.

    season: whether it sees the calendar. whole: fitted on all weeks, else without the last ones, which calibrate.
    first: whether the first week, which holds one day, is in. alive: windows without a sale in the look-back are left
    out. grown: least weeks of history of a window. weighted: windows are drawn by the units of their look-back.
    """

    head: str = "absolute"
    scale: Any = "log1p_shift"
    season: bool = True
    rounds: int = 4
    batch: int = 1024
    whole: bool = False
    first: bool = True
    alive: bool = False
    grown: int = 1
    weighted: bool = False
    hidden: int = 24


TODAY = Arm()
CAUSES: dict[str, Arm] = {
    "today": TODAY,
    "without the calendar": replace(TODAY, season=False),
    "fitted on all weeks": replace(TODAY, whole=True),
    "eight times the steps": replace(TODAY, batch=128),
    "eight times the steps, without the calendar": replace(TODAY, batch=128, season=False),
    "without the one-day week": replace(TODAY, first=False),
    "without windows of ended items": replace(TODAY, alive=True),
    "without windows of items just begun": replace(TODAY, grown=4),
    "windows weighted by units": replace(TODAY, weighted=True),
    "scale of the mean": replace(TODAY, scale="mean_abs"),
    "squared error of logs": replace(TODAY, head="squared"),
    "squared error, scale of the mean": replace(TODAY, head="squared", scale="mean_abs"),
    "counts (Poisson)": replace(TODAY, head="poisson", scale="mean_abs"),
    "counts (negative binomial)": replace(TODAY, head="negative_binomial", scale="mean_abs"),
}
MEDIAN = Arm(season=False, whole=True, batch=128)
MEAN = Arm(head="poisson", scale="mean_abs", season=False, whole=True)


def history(store: Store, back: int) -> SalesHistory:
    """Units by product up to `back` weeks before the end of the books."""
    held = cut(store, last_full_week(store) - back)
    return books_of(held, *catalogue(held.store), HORIZON)[0]


def kept_weeks(books: SalesHistory) -> int:
    """How many last weeks `train` keeps for calibration."""
    return max(HORIZON + 1, min(16, books.units.shape[1] // 5))


def network(books: SalesHistory, arm: Arm, seed: int, *, median: bool = False) -> Callable[[int], Floats]:
    """Fit a network; return what forecasts units (P, 4) from an origin, NaN for products that have not begun.

    `median`: read the median off the head's negative binomial, instead of its mean.
    """
    if not arm.first:
        later = books.first + 1
        books = replace(books, first=later, units=books.units[:, 1:], begin=np.maximum(books.begin, later))
    shape = windows_for(books, HORIZON)
    plan = [name for name in shape.future if name in books.plan]
    rest = [name for name in shape.future if name not in (*plan, *CALENDAR)]
    # `train` gave a calendar to every shop then, also to one without a year.
    future = (*plan, *(SEASON if arm.season else ()), *rest)
    settings = WindowSettings(
        shape.look_back,
        HORIZON,
        shape.past,
        future,
        shape.static,
        also_known=("log_price",),
        scale=arm.scale,
        least_history=arm.grown,
    )
    levels = {"category": levels_of(books)} if shape.static else None
    windows = WindowSet.from_panel(panel(books, settings), settings, levels=levels)
    fitted, _ = windows.split(monday(books.last - (0 if arm.whole else kept_weeks(books))), 1)
    if arm.alive or arm.weighted:
        sums = np.concatenate([[0], np.cumsum(windows.units.numpy(), dtype=float)])
        first, begin = fitted.first.numpy(), windows.begin[fitted.series].numpy()
        mean = (sums[first] - sums[np.maximum(first - shape.look_back, begin)]) / np.minimum(
            first - begin, shape.look_back
        )
        if arm.alive:
            fitted = fitted.take(torch.from_numpy(np.flatnonzero(mean > 0)))
        else:
            weight = (mean + 0.2) / (mean + 0.2).sum()
            drawn = np.random.default_rng(seed).choice(len(weight), len(weight), p=weight)
            fitted = fitted.take(torch.from_numpy(np.sort(drawn)))
    model = make_network("gru", fitted, head=arm.head, hidden=arm.hidden, decoder=32, seed=seed)
    rounds = TrainSettings(epochs=arm.rounds, batch_size=arm.batch, lr=8e-3, device="cpu", seed=seed)
    fit(model, fitted, None, rounds)
    row = pd.Series(np.arange(len(books.products)), index=books.products)

    def at(origin: int) -> Floats:
        there = windows.at(monday(origin))
        answer = np.full((len(books.products), HORIZON), np.nan)
        if median:
            units = np.concatenate([_median(model, batch) for batch in there.batches(4096)])
        else:
            units = predict(model, there, device="cpu")["forecast"].to_numpy(dtype=float).reshape(-1, HORIZON)
        answer[row[there.ids[there.series.numpy()]].to_numpy()] = np.maximum(units, 0.0)
        return answer

    return at


def _median(model: Any, batch: Batch) -> Floats:
    """Medians (B, 4) of a network with a negative-binomial head, units."""
    model.eval()
    with torch.no_grad():
        raw = model(batch)
        rate = model.head.rate(raw, batch.scale).numpy().astype(float)
        size = (-raw[..., 1].clamp(-8.0, 8.0)).exp().numpy().astype(float)
    return np.asarray(nbinom.ppf(0.5, size, size / (size + rate)), dtype=float)


# --- rivals ----------------------------------------------------------------------------------------------------------


def mean_of_eight(books: SalesHistory, origin: int) -> Floats:
    """The mean of the last eight weeks of products that have begun, (P, 4)."""
    at = origin - books.first + 1
    mean = books.units[:, max(at - 8, 0) : at].mean(axis=1)
    return np.repeat(np.where(books.begin <= origin, mean, np.nan)[:, None], HORIZON, axis=1)


def _features(books: SalesHistory, origin: int) -> tuple[NDArray[np.intp], Floats]:
    """Rows of products that have begun, and their inputs, a block for each of the four weeks."""
    rows, at = np.flatnonzero(books.begin <= origin), origin - books.first
    units = np.hstack([np.full((len(rows), 26), np.nan), books.units[rows][:, : at + 1]])
    week = np.arange(units.shape[1]) - 26 + books.first
    units[week[None, :] < books.begin[rows][:, None]] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # means of nothing: missing
        means = [np.nanmean(units[:, -back:], axis=1) for back in (2, 4, 8, 16, 26)]
    since = (units[:, ::-1] > 0).argmax(axis=1)
    columns = [units[:, -back] for back in range(1, 9)] + means
    columns += [origin - books.begin[rows] + 1, since, (units[:, -8:] > 0).sum(axis=1)]
    columns += [pd.factorize(np.array(books.category), sort=True)[0][rows]]
    table = np.stack(columns, axis=1).astype(float)
    return rows, np.concatenate([np.column_stack([table, np.full(len(rows), step)]) for step in range(HORIZON)])


def trees(books: SalesHistory, objective: str, until: int) -> Callable[[int], Floats]:
    """Fit boosted trees to the units of all four weeks after each origin that ends by `until`."""
    import lightgbm

    inputs, target = [], []
    for origin in range(books.first + 3, until - HORIZON + 1):
        rows, table = _features(books, origin)
        at = origin - books.first + 1
        inputs.append(table)
        target.append(books.units[rows][:, at : at + HORIZON].T.ravel())
    model = lightgbm.LGBMRegressor(
        objective=objective,
        n_estimators=300,
        learning_rate=0.05,
        min_child_samples=40,
        n_jobs=1,
        verbose=-1,
        deterministic=True,
        seed=0,
    )
    table = np.concatenate(inputs)
    model.fit(table, np.concatenate(target), categorical_feature=[table.shape[1] - 2])

    def at_origin(origin: int) -> Floats:
        rows, table = _features(books, origin)
        answer = np.full((len(books.products), HORIZON), np.nan)
        answer[rows] = np.maximum(model.predict(table), 0.0).reshape(HORIZON, -1).T
        return answer

    return at_origin


# --- mends -----------------------------------------------------------------------------------------------------------

_EDGES = np.array([0.0, 0.5, 2.0, 8.0, np.inf])  # classes of a product's forecast, units a week


def factors(said: Floats, came: Floats, least: int = 50) -> Floats:
    """Units that came for each one that was said, by class of what was said; a thin class has the whole's factor."""
    there = np.isfinite(said)
    whole = came[there].sum() / max(said[there].sum(), 1e-9)
    answer = np.full(len(_EDGES) - 1, whole)
    for k in range(len(answer)):
        some = there & (said >= _EDGES[k]) & (said < _EDGES[k + 1])
        if came[some].sum() >= least and said[some].sum() > 0:
            answer[k] = came[some].sum() / said[some].sum()
    return answer


def calibrated(books: SalesHistory, before: Callable[[int], Floats], now: Floats, *, by_size: bool) -> Floats:
    """Multiply `now` by what was missing at the last two origins that end in the books, forecast by `before`.

    `before` was fitted without these weeks (Duan, "Smearing Estimate: A Nonparametric Retransformation Method", 1983,
    is the same for a logarithm).
    """
    said, came = [], []
    for back in (2 * HORIZON, HORIZON):
        at = books.units.shape[1] - back
        said.append(before(books.last - back))
        came.append(books.units[:, at : at + HORIZON])
    one, two = np.concatenate(said), np.concatenate(came)
    there = np.isfinite(one)
    factor = factors(one, two) if by_size else np.full(len(_EDGES) - 1, two[there].sum() / one[there].sum())
    size = np.clip(np.searchsorted(_EDGES, np.nan_to_num(now), side="right") - 1, 0, len(factor) - 1)
    return now * factor[size]


def mends(books: SalesHistory, seed: int) -> dict[str, Floats]:
    """Forecasts (P, 4) after the last week of the books by each mend and each rival."""
    last, until = books.last, books.last - kept_weeks(books)
    median, mean = network(books, MEDIAN, seed)(last), network(books, MEAN, seed)(last)
    binomial = replace(MEAN, head="negative_binomial")
    counts = network(books, binomial, seed)(last)
    middle = network(books, binomial, seed, median=True)(last)
    earlier = network(books, replace(MEDIAN, whole=False), seed)
    earlier_mean = network(books, replace(MEAN, whole=False), seed)
    absolute, poisson = trees(books, "l1", last)(last), trees(books, "poisson", last)(last)
    absolute_earlier, poisson_earlier = trees(books, "l1", until), trees(books, "poisson", until)
    eight = mean_of_eight(books, last)
    found = {
        "median: all weeks, no calendar, more steps": median,
        "median, times one factor": calibrated(books, earlier, median, by_size=False),
        "median, times a factor by size": calibrated(books, earlier, median, by_size=True),
        "median of the negative binomial, all weeks, no calendar": middle,
        "mean: Poisson, all weeks, no calendar": mean,
        "mean: negative binomial, all weeks, no calendar": counts,
        "mean: Poisson, times one factor": calibrated(books, earlier_mean, mean, by_size=False),
        "mean: Poisson, times a factor by size": calibrated(books, earlier_mean, mean, by_size=True),
        "middle of the negative binomial's median and mean": (middle + counts) / 2,
        "mean of eight weeks": eight,
        "trees, absolute error": absolute,
        "trees, Poisson": poisson,
        "trees, Tweedie": trees(books, "tweedie", last)(last),
        "trees, absolute error, times one factor": calibrated(books, absolute_earlier, absolute, by_size=False),
        "trees, absolute error, times a factor by size": calibrated(books, absolute_earlier, absolute, by_size=True),
        "trees, Poisson, times one factor": calibrated(books, poisson_earlier, poisson, by_size=False),
        "average: median and trees of absolute error": (median + absolute) / 2,
        "average: network and trees, Poisson": (mean + poisson) / 2,
        "average: both Poisson and the mean of eight": (mean + poisson + eight) / 3,
    }
    return found


def published(store: Store, back: int) -> dict[str, Floats]:
    """Forecasts and means (P, 4) of the versions that `train` publishes `back` weeks before the end of the books."""
    found: dict[str, Floats] = {}
    for arm, model in (("its own choice", None), ("the network", "gru")):
        with TemporaryDirectory() as home:
            plan = ReleaseSettings(effects=False, model=model)
            made = train(store, home, plan, cutoff=last_full_week(store) - back)
            bundle = open_bundle(home, made.version.number)
            units, fitted = bundle.forecast(bundle.books, bundle.cutoff)
            means = bundle.mean(bundle.books, bundle.cutoff)
        print(f"train now, {arm}: {made.choice.reason}", flush=True)
        for what, said in (("forecast", units), ("means", means)):
            found[f"train now, {arm}: {what}"] = np.where(fitted[:, None], said, np.nan)
    return found


def without_shocks(seed: int, size: Size) -> Floats:
    """Expected units (P, W) of the same shop, had no week's shock come: the same draws, of no height."""
    kept = RECIPES["fashion"]
    try:
        RECIPES["fashion"] = replace(kept, shock=0.0)
        return expected("fashion", seed, size)[0]
    finally:
        RECIPES["fashion"] = kept


def errors(came: Floats, said: Floats) -> dict[str, float]:
    """Units that came and were said, the sum of absolute errors, of products with a forecast."""
    there = np.isfinite(said[:, 0])
    return {
        "came": float(came[there].sum()),
        "said": float(said[there].sum()),
        "off": float(np.abs(came - said)[there].sum()),
    }


def measured(seed: int, size: Size, backs: dict[str, int], causes: dict[str, Arm]) -> pd.DataFrame:
    """One shop: `seed, origin, part, arm, came, said, off, seconds`."""
    store = shop("fashion", seed, size)
    whole = history(store, 0)
    rates, dispersion = expected("fashion", seed, size)
    quiet = without_shocks(seed, size)
    size_of = 1 / dispersion
    middle = nbinom.ppf(0.5, size_of, size_of / (size_of + np.maximum(rates, 1e-9)))
    rows: list[dict[str, Any]] = []
    for origin, back in backs.items():
        books = history(store, back)
        at = whole.units.shape[1] - back
        came = whole.units[:, at : at + HORIZON]
        about: dict[str, Any] = {"seed": seed, "origin": origin}
        if back == HORIZON:
            for name, arm in causes.items():
                began = time.perf_counter()
                found = errors(came, network(books, arm, 0)(books.last))
                rows.append(about | {"part": "cause", "arm": name} | found | {"seconds": time.perf_counter() - began})
        begun = (books.begin <= books.last)[:, None]
        ideal = {
            name: np.where(begun, truth[:, at : at + HORIZON], np.nan)
            for name, truth in (
                ("median of the truth", middle),
                ("mean of the truth", rates),
                ("mean of the truth, without shocks", quiet),
            )
        }
        for part, arms in (("truth", ideal), ("published", published(store, back)), ("mend", mends(books, 0))):
            rows += [about | {"part": part, "arm": name} | errors(came, said) for name, said in arms.items()]
    return pd.DataFrame(rows)


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """By part, arm and origin: WAPE and bias pooled over shops, and the shops' lowest and highest bias."""
    each = table.assign(bias=table["said"] / table["came"] - 1)
    found = each.groupby(["part", "arm", "origin"], sort=False).agg(
        came=("came", "sum"), said=("said", "sum"), off=("off", "sum"), low=("bias", "min"), high=("bias", "max")
    )
    sums = found.assign(wape=found["off"] / found["came"], bias=found["said"] / found["came"] - 1)
    return sums[["wape", "bias", "low", "high"]].reset_index()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_trial_options(parser, "one small shop, one origin; records nothing")
    options = parser.parse_args()
    began = time.perf_counter()
    seeds, backs, causes = SEEDS, BACK, CAUSES
    size: Size = "tiny" if options.smoke else "full"
    if options.smoke:
        seeds, backs = (1,), {"held out": 4}
        causes = {name: CAUSES[name] for name in ("today", "without the calendar", "counts (Poisson)")}
    tables = []
    for seed in seeds:
        tables.append(measured(seed, size, backs, causes))
        print(summary(tables[-1]).round(3).to_string(index=False), flush=True)
    table = pd.concat(tables, ignore_index=True)
    found = summary(table)
    with pd.option_context("display.max_rows", None, "display.width", 160):
        print(found.round(3).to_string(index=False))
    with trial_folder(options) as folder:
        recorded.write(
            "sparse_bias",
            table,
            script=__file__,
            command="python -m benchmarks.service.sparse_bias",
            protocol="fashion shop of benchmarks/service/shops.py; four weeks by product; products that have begun",
            seconds=time.perf_counter() - began,
            also=[Path(__file__).with_name("shops.py")],
            measured=["seconds"],
            smoke=options.smoke,
            directory=folder,
        )


if __name__ == "__main__":
    main()
