"""Protocol O: weekly orange juice in 83 stores, prices known four weeks ahead. What is knowing them worth, and to whom?

    python -m benchmarks.real_shop.orange_juice --tune --out DIR  # the tuning origins; writes tuning/orange_juice.csv
    python -m benchmarks.real_shop.orange_juice --test --out DIR  # the nine test origins, once: logged and recorded
    python -m benchmarks.real_shop.orange_juice --smoke           # seconds, on an invented chain; records nothing

913 series, 83 stores of a Chicago chain x 11 brands, weeks 40 to 160 of the study, y = units (ounces); a week that the
files lack is unknown, not zero, and is not scored. Known ahead, and nothing else: log price against the series' median
of its first 60 weeks, log price against the mean of the eleven brands in that store and week, deal, feature. An arm
"without price" reads past sales alone, one "with price" these four besides, in the past and four weeks ahead. Trees and
the GRU read the same windows; on the tuning origins, weeks 104 to 120, trees had four trials, the GRU and the lines
three. DIR keeps forecasts.

Expected, before any test origin was scored, from the tuning origins and from protocol O's prototypes:

- With price the GRU is level with or undecided against trees (the claim); their log-mean is 3 to 5 % below.
- Each is a quarter to a third below itself without price.
- A line for each brand, which reads no window and costs a second, is within 5 % of trees on one side or the other; the
  log-mean of all three is the lowest of all.
- Being medians, all with price are biased, by -15 % or so. Errors are larger than on the tuning origins, 0.42 to 0.46.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from benchmarks.trial import add_trial_options, log_scorings, trial_folder
from ecomlib import recorded
from ecomlib.contract import Forecaster, Point
from ecomlib.ensemble import combine
from ecomlib.evaluation import bias, compare, score_intervals, wape
from ecomlib.forecasting import backtest
from ecomlib.forecasting.registry import forecaster
from ecomlib.stores.published.download import read_tables

SCORES_TEST_PART = True  # the queue of recorded runs leaves this script out unless it is asked to
TUNING = Path(__file__).resolve().parent / "tuning" / "orange_juice.csv"
HORIZON, FIRST, USUAL = 4, 40, 60  # weeks ahead; the first week; weeks whose median price is the usual one
TUNING_WEEKS, TEST_WEEKS = tuple(range(104, 121, 4)), tuple(range(124, 157, 4))
AHEAD = ("price_change", "price_gap", "deal", "feature")
AGREEMENT = 0.75  # seven of nine origins: better and worse ask for it


def monday(week: Any) -> Any:
    """The Monday by which a week of the study is named; week 1 began on Thursday, 14 September 1989."""
    return pd.Timestamp("1989-09-11") + pd.to_timedelta(7 * (np.asarray(week) - 1), unit="D")


def panel(weekly: pd.DataFrame) -> pd.DataFrame:
    """The panel of protocol O from the publisher's table: each store, brand and week a row, ``y`` NaN where absent."""
    columns = [name for name in weekly.columns if name.startswith("price")]
    logs, brand = np.log(weekly[columns].to_numpy(dtype=float)), weekly["brand"].to_numpy(dtype=int)
    own = logs[np.arange(len(logs)), brand - 1]
    names = weekly["store"].astype(int).map("{:03d}".format) + "-" + weekly["brand"].astype(int).map("{:02d}".format)
    rows = pd.DataFrame({"unique_id": names.to_numpy(), "week": weekly["week"].to_numpy(dtype=int)})
    rows = rows.assign(y=np.round(np.exp(weekly["logmove"].to_numpy(dtype=float))), log_price=own)
    rows = rows.assign(price_gap=own - logs.mean(axis=1), deal=weekly["deal"].to_numpy(dtype=float))
    rows["feature"] = weekly["feat"].to_numpy(dtype=float)
    usual = rows[rows["week"] < FIRST + USUAL].groupby("unique_id")["log_price"].median()
    rows["price_change"] = rows["log_price"] - rows["unique_id"].map(usual)
    weeks = range(rows["week"].min(), rows["week"].max() + 1)
    whole = pd.MultiIndex.from_product([sorted(rows["unique_id"].unique()), weeks], names=["unique_id", "week"])
    rows = rows.set_index(["unique_id", "week"]).reindex(whole).reset_index()
    rows[list(AHEAD)] = rows[list(AHEAD)].fillna(0.0)  # of absent weeks: never seen in the past, never scored
    return rows.assign(ds=monday(rows["week"]), brand=rows["unique_id"].str[-2:])[
        ["unique_id", "ds", "brand", "y", *AHEAD]
    ]


def invented(stores: int = 6, brands: int = 3, elasticity: float = -3.0) -> pd.DataFrame:
    """A chain in the publisher's columns, for the trial run: units are ``exp(8 + elasticity * log price + noise)``."""
    rng = np.random.default_rng(0)
    index = pd.MultiIndex.from_product([range(40, 161), range(1, stores + 1), range(1, brands + 1)])
    rows = index.set_names(["week", "store", "brand"]).to_frame(index=False)
    cheap = rng.random((121, brands)) < 0.25
    logs = np.log(0.04) - 0.3 * cheap[rows["week"] - 40]  # (rows, brands): a brand's price is one for all stores
    own = logs[np.arange(len(rows)), rows["brand"] - 1]
    deal = (own < np.log(0.04)).astype(int)
    rows = rows.assign(
        logmove=8 + elasticity * (own - np.log(0.04)) + rng.normal(0, 0.2, len(rows)), deal=deal, feat=0.0
    )
    prices = pd.DataFrame(np.exp(logs), columns=[f"price{k + 1}" for k in range(brands)])
    rows = pd.concat([rows, prices], axis=1)
    return rows[rng.random(len(rows)) < 0.96].reset_index(drop=True)


@dataclass(frozen=True)
class BrandLines(Forecaster):
    """A line for each brand: log units on what is known ahead, an effect of each series, and what was left lately.

    Parameters
    ----------
    last : int
        Weeks whose mean residual is carried forward.
    """

    name: ClassVar[str] = "brand_lines"
    point: Point = "median"
    last: int = 8

    @property
    def known_ahead(self) -> tuple[str, ...]:
        return AHEAD

    @property
    def also_known(self) -> tuple[str, ...]:
        return AHEAD

    def learn(self, past: pd.DataFrame, horizon: int) -> dict[str, Any]:
        known = past.dropna(subset=["y"])
        values = known[list(AHEAD)].assign(y=np.log1p(known["y"]))
        centred = values - values.groupby(known["unique_id"]).transform("mean")
        slopes = {}
        for brand, rows in centred.groupby(known["brand"]):
            found = np.linalg.lstsq(rows[list(AHEAD)].to_numpy(), rows["y"].to_numpy(), rcond=None)[0]
            slopes[str(brand)] = found
        return slopes

    def answer(self, learned: dict[str, Any], past: pd.DataFrame, future: pd.DataFrame) -> Any:
        known = past.dropna(subset=["y"])
        left = np.log1p(known["y"]) - self._line(learned, known, known["brand"])
        level = left.groupby(known["unique_id"]).apply(lambda values: values.tail(self.last).mean())
        brand = future["unique_id"].str[-2:]
        return np.expm1(self._line(learned, future, brand) + future["unique_id"].map(level).to_numpy()).clip(lower=0)

    @staticmethod
    def _line(slopes: dict[str, Any], rows: pd.DataFrame, brand: pd.Series) -> pd.Series:
        wide = np.stack([slopes[name] for name in brand])
        return pd.Series((rows[list(AHEAD)].to_numpy(dtype=float) * wide).sum(axis=1), index=rows.index)


# The same windows and the same trials for both learners; what differs is what is known ahead. Chosen below.
WINDOW: dict[str, Any] = {"look_back": 13, "static": ("brand",)}
PRICES: dict[str, Any] = {"past": ("y", *AHEAD), "future": AHEAD, "also_known": AHEAD}
NO_PRICES: dict[str, Any] = {"past": ("y",), "future": (), "also_known": ()}
GRU: dict[str, Any] = {"hidden": 32, "head": "absolute", "epochs": 8, "lr": 1e-2, "average": 0.99, "device": "cpu"}
TRIALS: dict[str, tuple[str, dict[str, Any]]] = {
    "trees": ("trees", {}),
    "trees, look-back 26": ("trees", {"look_back": 26}),
    "trees, 500 of 63 leaves": ("trees", {"n_estimators": 500, "num_leaves": 63}),
    "trees, 400 of 31 leaves": ("trees", {"n_estimators": 400}),
    "gru": ("gru", GRU),
    "gru, look-back 26": ("gru", GRU | {"look_back": 26}),
    "gru, 16 epochs": ("gru", GRU | {"epochs": 16}),
}
CHOSEN: dict[str, dict[str, Any]] = {"trees": {"n_estimators": 500, "num_leaves": 63}, "gru": GRU}
SEEDS = (0, 1)  # trainings of the GRU; a third did not fit the time that this run had
LAST = 16  # weeks of residuals that the brand lines carry forward
REFIT = 3  # origins served by one fit, for learners of both kinds


def learner(kind: str, prices: bool, **settings: Any) -> Forecaster:
    """Trees or a GRU on the windows of this protocol, with or without prices."""
    return forecaster(kind, **(WINDOW | (PRICES if prices else NO_PRICES) | settings))


def arms(smoke: bool) -> dict[str, Forecaster]:
    """What is scored on the test origins, apart from averages."""
    trees, gru, seeds = CHOSEN["trees"], CHOSEN["gru"], SEEDS
    if smoke:
        trees, gru, seeds = {"n_estimators": 20}, GRU | {"hidden": 4, "epochs": 1}, SEEDS[:1]
    made = {
        "naive": forecaster("naive"),
        "mean of 8 weeks": forecaster("window_mean"),
        "brand lines with price": BrandLines(last=LAST),
        "trees with price": learner("trees", True, **trees),
        "trees without price": learner("trees", False, **trees),
    }
    for seed in seeds:
        for word, prices in (("with", True), ("without", False)):
            made[f"GRU {word} price, seed {seed}"] = learner("gru", prices, seed=seed, **gru)
    return made | {"AutoETS": forecaster("auto_ets")}


AVERAGES: dict[str, tuple[str, ...]] = {
    "log-mean without price": ("trees without price", "GRU without price"),
    "log-mean with price": ("trees with price", "GRU with price"),
    "log-mean of three with price": ("brand lines with price", "trees with price", "GRU with price"),
}


def averaged(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with the mean over the GRU's trainings, and the log-means."""
    for word in ("with", "without"):
        trained = [name for name in frame if str(name).startswith(f"GRU {word} price, seed")]
        frame[f"GRU {word} price"] = frame[trained].mean(axis=1)
    for name, members in AVERAGES.items():
        frame[name] = combine(frame, list(members), "log_mean")
    return frame


PRIMARY, RIVAL = "GRU with price", "trees with price"
COMPARED: tuple[tuple[str, str], ...] = (
    (PRIMARY, RIVAL),
    ("log-mean with price", "trees with price"),
    ("log-mean with price", "GRU with price"),
    ("trees with price", "trees without price"),
    ("GRU with price", "GRU without price"),
    ("log-mean with price", "log-mean without price"),
    ("trees with price", "brand lines with price"),
    ("GRU with price", "brand lines with price"),
    ("log-mean with price", "brand lines with price"),
    ("log-mean of three with price", "log-mean with price"),
)


def forecasts(
    rows: pd.DataFrame, models: dict[str, Forecaster], weeks: tuple[int, ...], out: Path | None = None
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Scored frame of all models, and their CPU seconds; one fit serves three origins. Kept in ``out``."""
    frame, seconds = pd.DataFrame(), {}
    for name, model in models.items():
        path = None if out is None else out / f"{name.replace(' ', '_').replace(',', '')}_{weeks[0]}.parquet"
        if path is None or not path.is_file():
            started, parts = time.process_time(), []
            for k in range(0, len(weeks), REFIT):
                origins = [monday(week) for week in weeks[k : k + REFIT]]
                parts.append(backtest(rows, {name: model}, origins, HORIZON, refit=False))
            part = pd.concat(parts, ignore_index=True)
            part.attrs = {"seconds": time.process_time() - started}
            if path is not None:
                part.to_parquet(path)
        else:
            part = pd.read_parquet(path)
        seconds[name] = part.attrs["seconds"]
        frame = part if frame.empty else frame.assign(**{name: part[name]})
        print(f"{name}: {seconds[name]:.0f} s", flush=True)
    frame.attrs = {}
    return frame, seconds


def result_table(frame: pd.DataFrame, names: list[str], seconds: dict[str, float]) -> pd.DataFrame:
    """Scores with intervals, by origin, and the paired comparisons; the first of these alone carries the claim."""
    board = score_intervals(frame, names, rng=np.random.default_rng(0)).assign(what="score")
    board["seconds"] = board["model"].map(seconds)
    each, leaning = wape(frame, names), bias(frame, names)
    by_origin = each.melt(id_vars="cutoff", var_name="model").assign(what="origin")
    by_origin["bias"] = leaning.melt(id_vars="cutoff")["value"]
    rows = []
    for ours, rival in COMPARED:
        found = compare(frame, ours, rival, rng=np.random.default_rng(0), agreement=AGREEMENT)
        ends = {"value": found.relative.estimate, "low": found.relative.low, "high": found.relative.high}
        claim = {
            "word": found.word,
            "slight": found.slight,
            "wins": found.wins,
            "primary": ours == PRIMARY and rival == RIVAL,
        }
        rows.append({"what": "against", "model": ours, "rival": rival, "metric": "wape"} | ends | claim)
        print(found, flush=True)
    return pd.concat([board, by_origin, pd.DataFrame(rows)], ignore_index=True)


def bars(table: pd.DataFrame) -> dict[str, str]:
    """Tell of each bar of protocol O whether it was met."""
    found = table[table["what"] == "against"].set_index(["model", "rival"])
    below = ("log-mean with price", "trees with price")
    met = {
        "the network level with trees, both with price": found.loc[(PRIMARY, RIVAL), "word"] in ("level", "better"),
        "the log-mean below trees": found.loc[below, "high"] < 0,
    }
    for name in ("trees", "GRU", "log-mean"):
        key = (f"{name} with price", f"{name} without price")
        met[f"{name} below itself without price"] = found.loc[key, "high"] < 0
    return {bar: "met" if good else "missed" for bar, good in met.items()}


def tune(rows: pd.DataFrame, out: Path) -> None:
    """Score every trial, with price, on the tuning origins; write tuning/orange_juice.csv."""
    rows = rows[rows["ds"] <= monday(TUNING_WEEKS[-1] + HORIZON)]
    models: dict[str, Forecaster] = {f"brand lines, last {k}": BrandLines(last=k) for k in (4, 8, 16)}
    models |= {name: learner(kind, True, **settings) for name, (kind, settings) in TRIALS.items()}
    frame, seconds = forecasts(rows, models, TUNING_WEEKS, out)
    lines = []
    for name in models:
        each = wape(frame, name)[name]
        words = " ".join(f"{value:.3f}" for value in each)
        row = {"name": name, "wape": round(each.mean(), 4), "bias": round(bias(frame, name)[name].mean(), 4)}
        lines.append(row | {"wape_by_origin": words, "seconds": round(seconds[name])})
    table = pd.DataFrame(lines)
    print(table.to_string(index=False))
    TUNING.parent.mkdir(exist_ok=True)
    table.to_csv(TUNING, index=False, lineterminator="\n")


def log_scoring(board: pd.DataFrame) -> None:
    """Append what was scored on the test part."""
    log_scorings("O", pd.DataFrame({"model": board["model"], "wape": board["value"]}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tune", action="store_true", help="the tuning origins; writes tuning/orange_juice.csv")
    parser.add_argument("--test", action="store_true", help="the test part: logged and recorded")
    parser.add_argument("--out", type=Path, help="folder for forecasts")
    add_trial_options(parser, "seconds, on an invented chain; records nothing")
    options = parser.parse_args()
    if not options.smoke and (options.tune + options.test != 1 or options.out is None):
        parser.error("one of --tune and --test, and a folder --out; or --smoke")
    if options.smoke:
        rows, weeks = panel(invented()), TEST_WEEKS[:3]
    else:
        options.out.mkdir(parents=True, exist_ok=True)
        rows, weeks = panel(read_tables("orange_juice", "weekly")["weekly"]), TEST_WEEKS
    if options.tune:
        tune(rows, options.out)
        return
    frame, seconds = forecasts(rows, arms(options.smoke), weeks, options.out)
    frame = averaged(frame)
    board = frame.columns[4:]
    table = result_table(frame, list(board), seconds)
    if not options.smoke:  # first of all: once the test part has been scored, the log says so
        log_scoring(table[table["what"] == "score"])
    print(
        table[table["what"] == "score"].drop(columns="what").dropna(axis=1, how="all").round(4).to_string(index=False)
    )
    verdict = bars(table)
    print(verdict)
    with trial_folder(options) as folder:
        recorded.write(
            "orange_juice_o",
            table,
            script=__file__,
            command="python -m benchmarks.real_shop.orange_juice --test --out DIR",
            protocol="O: weekly units of 83 stores x 11 brands, four weeks ahead, nine origins",
            seconds=sum(seconds.values()),
            facts={"bars": verdict, "series": int(frame["unique_id"].nunique()), "rows": int(frame["y"].notna().sum())},
            measured=["seconds"],
            smoke=options.smoke,
            directory=folder,
        )


if __name__ == "__main__":
    main()
