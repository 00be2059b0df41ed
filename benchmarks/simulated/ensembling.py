"""Do averages win, and do intervals keep their promise? On simulated stores that nobody chose anything on.

    python -m benchmarks.simulated.ensembling --intervals  # stores 201 to 220: coverage, width, orders; about 9 minutes
    python -m benchmarks.simulated.ensembling --members    # stores 221 to 230: averages of members; about 7 minutes
    python -m benchmarks.simulated.ensembling --tuning     # stores 101 and 102: which average is settled beforehand
    python -m benchmarks.simulated.ensembling --smoke      # the tiny store, little training; records nothing

Settings were tried on stores 101 and 102. Expected, and written down before the first run on the stores above:

Intervals, nominal 90 %, calibrated on what the shop sees. Pooled split conformal on region-days covers 0.88 to 0.92
over the stores, with single stores up to 5 points away, the west column below 0.85 and the east above 0.93. Groups by
region bring each region's mean within 6 points. On product-weeks plain errors leave the best-selling quarter far below
0.9 (about 0.75) and the least-selling at about 1; a scale by the root of the forecast mends much of it, quantiles
of trees alone cover too little (0.85 to 0.89), conformalised they do not; newcomers are covered some points less than
others, and groups mend it. One quantile for four weeks ahead covers the first week a point or two more than the
fourth; one a step evens that out. When the feed comes a week late (the truth as well), or the wind turns, fixed
intervals lose 5 points or more, adaptive ones come back within two months; the late truth lets the fast ones ask for
everything in some weeks.

Orders, against ordering the forecast: nothing is saved at 1 : 1, 10 to 20 % of the cost at 3 : 1 and half of it at
9 : 1; most of that by one reserve for all, a width by product adds some per cent; the 0.9-quantile of the last eight
weeks, which needs no model, saves less than the reserve.

Members, ten stores, each difference averaged over three trainings where a network is in it. The primary comparison is
settled before the run: the mean of network and trees (three GRUs averaged, then with LightGBM, half and half) against
the single member that was best on the validation part. On the tuning stores this average was within 0.001 of the best
unfitted one (0.373, three seeds alone 0.373, the best single 0.380), and its members differ in kind, as those of
protocol W's ensemble do. Expected: about 1 % better, since the best of last month is a gamble; with ten stores perhaps
not shown. Three seeds are level with one. Stacking is level with the settled mean; free weights for each product lose
by 10 % or more. Whoever chooses the average on the validation part does no better than who settles it. At the weekly
sum of all products every median forecast is short, by 5 to 10 %, averages too.

Parts in time: training, then origins that calibrate (or fit weights, or choose), then test origins; nothing overlaps.
Records coverage_n (by store, method and group), coverage_time (by 28 days around a change), orders_n (cost by store and
ratio) and members_n (WAPE, bias, and differences over stores), and goes on from partial results in the folder of --out.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from benchmarks.simulated import common, team
from benchmarks.trial import add_trial_options, partial_folder, trial_folder
from ecomlib import recorded
from ecomlib.contract import model_of
from ecomlib.decisions import newsvendor_cost, newsvendor_quantile
from ecomlib.ensemble import adaptive_conformal, coverage_by, split_conformal
from ecomlib.models.trees import Trees
from ecomlib.spatial import Levels, MapWindows, RegionDays, RegionRidge
from ecomlib.stores import Store
from ecomlib.stores.simulated import make_store

SEEDS, TURNED, MEMBERS, TUNING = range(201, 221), range(201, 211), range(221, 231), (101, 102)
NOMINAL, AHEAD, LATE = 0.9, 3, 7  # coverage; days ahead that are scored; days by which the feed is late
RATIOS = (1, 3, 9)  # cost of a unit too few over that of one too many
RIVALS = ("best single on validation", "GRU", "mean of all", "network and trees")  # the first is the primary one
TUNING_LOG = Path(__file__).parent / "tuning" / "members.csv"
Floats = NDArray[np.float64]


# --- region-days ---


def region_frame(maps: RegionDays, part: MapWindows, said: Floats, demand: pd.DataFrame) -> pd.DataFrame:
    """Scored frame: ``step`` days ahead, ``y`` as the shop sees it, ``demand``, ``forecast`` and its ``root``."""
    n, steps, regions, _ = part.y.shape
    days, origin, y, frames = maps.days.to_numpy(), part.origin.numpy(), part.y.numpy(), []
    for h in range(steps):
        frame = pd.DataFrame(
            {
                "unique_id": np.tile(maps.regions.astype(str), n),
                "cutoff": np.repeat(days[origin], regions),
                "ds": np.repeat(days[origin + h + 1], regions),
                "step": h + 1,
                "y": y[:, h, :, 0].ravel(),
                "forecast": np.maximum(said[:, h, :, 0], 0.5).ravel(),
                "column": np.tile(maps.spots[:, 1], n),
            }
        )
        frames.append(frame)
    table = pd.concat(frames, ignore_index=True).merge(demand, on=["unique_id", "ds"], how="left")
    return table.assign(root=np.sqrt(table["forecast"]))


def regions(store: Store) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Calibration and test region-days, 1 to 7 days ahead, by the VAR of lesson 05, trained once."""
    maps = RegionDays.from_store(store.observed())
    days = len(maps.days)
    first, second = round(0.45 * days), round(0.72 * days)
    ends = (np.arange(55, first - LATE), np.arange(first, second - LATE), np.arange(second, days - LATE))
    levels = Levels.fit(maps, int(ends[0][-1]) + LATE)
    train, *later = (levels.windows(maps, part, 10, LATE) for part in ends)
    demand = store.truth.panel("demand", "D", ("region_id",)).rename(columns={"value": "demand"})
    var = RegionRidge("all", lags=3, alpha=3.0).fit(train, maps)
    said = [var.predict(part) for part in later]
    calibration, test = (region_frame(maps, part, units, demand) for part, units in zip(later, said, strict=True))
    return calibration, test


def coverage_rows(frame: pd.DataFrame, ends: pd.DataFrame, view: str, method: str, groups: list[str]) -> pd.DataFrame:
    """Coverage and mean width, of all rows and by each of the groups; coverage of demand beside."""
    model = model_of(str(ends.columns[0]))
    table = frame.assign(**ends, all="all")
    parts = []
    for group in ["all", *groups]:
        part = coverage_by(table, [group], model)
        wanted = coverage_by(table.assign(y=table["demand"]), [group], model)["coverage"]
        part = part.rename(columns={group: "member"}).astype({"member": str})
        parts.append(part.assign(group=group, demand=wanted.to_numpy()))
    return pd.concat(parts, ignore_index=True).assign(view=view, method=method)


def region_coverage(calibration: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
    """Pooled, by column of the map and by region; 1 to 3 days ahead, every third day."""
    known = calibration[calibration["step"] <= AHEAD]
    keep = np.sort(test["cutoff"].unique())[::AHEAD]
    now = test[(test["step"] <= AHEAD) & test["cutoff"].isin(keep)].reset_index(drop=True)
    ways: dict[str, list[str]] = {"pooled": [], "by column": ["column"], "by region": ["unique_id"]}
    rows = [
        coverage_rows(
            now,
            split_conformal(known, now, "forecast", NOMINAL, by=by, scale="root"),
            "region-days",
            name,
            ["unique_id", "column", "step"],
        )
        for name, by in ways.items()
    ]
    return pd.concat(rows, ignore_index=True)


def late_feed(calibration: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
    """One day ahead; from the middle of the test on forecasts and truths come a week later than they should."""
    whole = pd.concat([calibration, test], ignore_index=True)
    one = whole[whole["step"] == 1].sort_values(["cutoff", "unique_id"], ignore_index=True)
    old = whole.loc[whole["step"] == LATE, ["unique_id", "ds", "forecast"]].rename(columns={"forecast": "old"})
    one = one.merge(old, on=["unique_id", "ds"], how="left")
    days = np.sort(test["cutoff"].unique())
    broken = days[len(days) // 2]
    stale = (one["cutoff"] >= broken) & one["old"].notna()
    one["forecast"] = one["forecast"].where(~stale, one["old"])
    one["root"] = np.sqrt(one["forecast"])
    late = np.where(one["ds"] >= broken, LATE - 1, 0)  # a truth is known when it has arrived
    return over_time(one, days[0], broken, "feed a week late", one["ds"] + pd.to_timedelta(late, "D"))


def over_time(one: pd.DataFrame, first: Any, broken: Any, view: str, arrival: Any = None) -> pd.DataFrame:
    """Coverage by 28 days before and after a change, with fixed and with adaptive intervals."""
    start = int((np.sort(one["cutoff"].unique()) < first).sum())
    arriving = one if arrival is None else one.assign(ds=arrival)
    rows = []
    for name, rate in (("fixed", 0.0), ("all scores so far", 0.0), ("adaptive", 0.02), ("adaptive, fast", 0.1)):
        ends = adaptive_conformal(arriving, "forecast", NOMINAL, rate=rate, start=start, scale="root")
        if name == "fixed":  # the quantile of the calibration part alone, not of all days so far
            later = one["cutoff"] >= first
            ends = split_conformal(one[one["ds"] <= first], one[later], "forecast", NOMINAL, scale="root")
        table = one.loc[ends.index].assign(**ends).dropna(subset=[ends.columns[0]])
        table["block"] = np.floor((table["cutoff"] - broken).dt.days / 28).astype(int)
        rows.append(coverage_by(table, ["block"], "forecast").assign(view=view, method=name))
    return pd.concat(rows, ignore_index=True)


def turned_wind(store: Store) -> pd.DataFrame:
    """The wind turns halfway: a VAR of the first days goes on forecasting, one day ahead."""
    maps = RegionDays.from_store(store.observed())
    days = len(maps.days)
    turn, first = days // 2, round(0.36 * days)
    levels = Levels.fit(maps, first)
    parts = (np.arange(55, first - 1), np.arange(first, days - 1))
    train, later = (levels.windows(maps, part, 10, 1) for part in parts)
    demand = store.truth.panel("demand", "D", ("region_id",)).rename(columns={"value": "demand"})
    said = RegionRidge("all", lags=3, alpha=3.0).fit(train, maps).predict(later)
    one = region_frame(maps, later, said, demand).sort_values(["cutoff", "unique_id"], ignore_index=True)
    begin = one["cutoff"].min() + (pd.Timestamp(maps.days[turn]) - one["cutoff"].min()) / 2
    return over_time(one, begin.normalize(), pd.Timestamp(maps.days[turn]), "the wind turns")


# --- product-weeks ---


def product_coverage(store: Store, size: str) -> pd.DataFrame:
    """Quantiles of trees, plain, scaled and conformalised; newcomers in a group of their own; what orders cost."""
    counts = (2, 2) if size == "tiny" else (5, 4)
    windows, train, origins = team.product_weeks(store, size, counts)
    trees = Trees(quantiles=(0.05, 0.5, 0.75, 0.9, 0.95))
    models = trees.fit_windows(train)
    demand = store.truth.panel("demand").rename(columns={"value": "demand"})
    frame = team.at_origins(windows, origins, lambda now: trees.predict_windows(models, now)).merge(
        demand, on=["unique_id", "ds"]
    )
    begin = pd.Series(windows.period[windows.begin].numpy(), index=windows.ids)
    known = frame["cutoff"].map({origin: int(windows.at(origin).origin()[0]) for origin in origins})
    age = known - frame["unique_id"].map(begin) + 1
    frame["age"] = np.where(age < windows.settings.look_back, "newcomer", "established")
    frame["root"] = np.sqrt(frame["forecast"] + 1)
    frame["size"] = frame.groupby("cutoff")["forecast"].rank(pct=True).mul(4).apply(np.ceil).astype(int)
    frame["step"] = (frame["ds"] - frame["cutoff"]).dt.days // 7
    early = frame["cutoff"].isin(origins[: counts[0]])
    known_part, now = frame[early].reset_index(drop=True), frame[~early].reset_index(drop=True)
    pair = ("forecast-q0.05", "forecast-q0.95")
    made = {
        "plain": split_conformal(known_part, now, "forecast", NOMINAL),
        "scaled": split_conformal(known_part, now, "forecast", NOMINAL, scale="root"),
        "scaled, by age": split_conformal(known_part, now, "forecast", NOMINAL, scale="root", by=["age"]),
        "scaled, by week ahead": split_conformal(known_part, now, "forecast", NOMINAL, scale="root", by=["step"]),
        "quantile heads": now[list(pair)],
        "conformalised": split_conformal(known_part, now, pair, NOMINAL),
        "conformalised, by age": split_conformal(known_part, now, pair, NOMINAL, by=["age"]),
        "conformalised, by size": split_conformal(known_part, now, pair, NOMINAL, by=["size"]),
    }
    rows = [coverage_rows(now, ends, "product-weeks", name, ["age", "size", "step"]) for name, ends in made.items()]
    price = store.products.set_index("product_id")["unit_cost"]
    past = team.at_origins(windows, origins[counts[0] :], quantiles_of_eight)
    assert past["unique_id"].equals(now["unique_id"]) and past["ds"].equals(now["ds"])
    return pd.concat([*rows, order_costs(known_part, now.join(past.filter(like="eight")), price)], ignore_index=True)


def quantiles_of_eight(now: Any) -> pd.DataFrame:
    """Quantiles of the last eight weeks of sales, the rule that needs no model, for each of the ratios."""
    units, seen = team.last_eight(now)
    weeks = pd.DataFrame(np.where(seen, units, np.nan)).T
    shares = [newsvendor_quantile(ratio, 1) for ratio in RATIOS]
    found = {f"eight-{share:g}": weeks.quantile(share).fillna(0.0).to_numpy() for share in shares}
    return now.frame().assign(**{name: values.repeat(now.settings.horizon) for name, values in found.items()})


def order_costs(known: pd.DataFrame, now: pd.DataFrame, price: pd.Series) -> pd.DataFrame:
    """Cost a week of each way to order, by ratio, against demand; a leftover costs a quarter of the purchase price."""
    too_many = 0.25 * price.reindex(now["unique_id"]).to_numpy()
    rows = []

    def reserve(model: str, share: float, scale: str | None) -> pd.Series:
        return split_conformal(known, now, model, share, scale=scale, side="above").iloc[:, 0]

    for ratio in RATIOS:
        share = newsvendor_quantile(ratio, 1)
        head = "forecast" if ratio == 1 else f"forecast-q{share:g}"
        ways = {
            "the forecast": now["forecast"],
            "quantile of 8 weeks": now[f"eight-{share:g}"],
            "one reserve for all": reserve("forecast", share, None),
            "scaled reserve": reserve("forecast", share, "root"),
            "quantile head": now[head],
            "conformalised head": reserve(head, share, None),
        }
        for name, units in ways.items():
            cost = newsvendor_cost(np.round(units), now["demand"], c_u=ratio * too_many, c_o=too_many)
            rows.append({"member": name, "ratio": ratio, "cost": float(np.sum(cost)) / now["ds"].nunique()})
    return pd.DataFrame(rows).assign(view="orders")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_trial_options(parser, "the tiny store, little training; records nothing")
    parser.add_argument("--intervals", action="store_true", help="coverage on twenty stores")
    parser.add_argument("--members", action="store_true", help="averages on ten stores")
    parser.add_argument("--tuning", action="store_true", help="averages on the tuning stores; records nothing")
    parser.add_argument("--out", type=Path, default=partial_folder("ensembling"), help="folder of partial results")
    options = parser.parse_args()
    if not (options.smoke or options.intervals or options.members or options.tuning):
        parser.error("say what to run: --intervals, --members, --tuning or --smoke")
    torch.set_num_threads(1)
    size, smoke = ("tiny", True) if options.smoke else ("small", False)
    results: dict[str, tuple[pd.DataFrame, float]] = {}
    with tempfile.TemporaryDirectory() as trial, trial_folder(options) as folder:
        out = Path(trial) if smoke else options.out
        out.mkdir(parents=True, exist_ok=True)
        if options.intervals or smoke:
            results |= intervals(size, [201] if smoke else list(SEEDS), [201] if smoke else list(TURNED), out)
        if options.members or smoke:
            results |= members(size, [201] if smoke else list(MEMBERS), out)
        if options.tuning:
            tried = members(size, list(TUNING), out)["members_n"][0]
            tried[tried["store"] != "all"][["model", "store", "wape", "bias"]].round(5).to_csv(TUNING_LOG, index=False)
        for name, (table, seconds) in results.items():
            recorded.write(
                name,
                table,
                script=__file__,
                also=[common.__file__, team.__file__],
                command="python -m benchmarks.simulated.ensembling "
                f"--{'members' if name == 'members_n' else 'intervals'}",
                protocol="simulated stores by seed, none of which a lesson shows or a choice was made on",
                seconds=seconds,
                smoke=smoke,
                directory=folder,
                measured=["seconds"] if name == "members_n" else [],
            )


def kept(path: Path, make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    """A partial result: from its file where an earlier run left it, with the processor seconds it took."""
    if not path.is_file():
        started = time.process_time()
        make().assign(spent=time.process_time() - started).to_parquet(path, index=False)
    return pd.read_parquet(path)


def intervals(size: str, seeds: list[int], turned: list[int], out: Path) -> dict[str, tuple[pd.DataFrame, float]]:
    """Coverage and width by store, and over time around a change; what orders cost."""
    rows, moving, orders = [], [], []
    for seed in seeds:

        def one(seed: int = seed) -> pd.DataFrame:
            store = make_store(size, seed)
            calibration, test = regions(store)
            parts = [region_coverage(calibration, test), product_coverage(store, size)]
            return pd.concat([*parts, late_feed(calibration, test)], ignore_index=True).assign(seed=seed)

        found = kept(out / f"intervals_{size}_{seed}.parquet", one)
        orders.append(found[found["view"] == "orders"])
        moving.append(found[found["block"].notna()])
        rows.append(found[found["block"].isna() & (found["view"] != "orders")])
        print(seed, rows[-1][rows[-1]["group"] == "all"].set_index("method")["coverage"].round(3).to_dict(), flush=True)
    for seed in turned:

        def wind(seed: int = seed) -> pd.DataFrame:
            return turned_wind(make_store(size, seed, misspecified=True)).assign(seed=seed)

        moving.append(kept(out / f"wind_{size}_{seed}.parquet", wind))
    table, time_table = pd.concat(rows, ignore_index=True), pd.concat(moving, ignore_index=True)
    turning = time_table[time_table["view"] == "the wind turns"]
    seconds = sum(float(part.groupby("seed")["spent"].first().sum()) for part in (table, turning))
    table = table[["seed", "view", "method", "group", "member", "rows", "coverage", "demand", "width"]]
    shown = ["seed", "view", "method", "block", "rows", "coverage", "width", "unbounded"]
    time_table = time_table.astype({"block": int})[shown]
    money = pd.concat(orders, ignore_index=True)[["seed", "ratio", "member", "cost"]]
    money = money.rename(columns={"member": "order"}).astype({"ratio": int})
    whole = table[table["group"] == "all"].groupby(["view", "method"])["coverage"].agg(["mean", "std", "min", "max"])
    print(whole.round(3).to_string())
    print(time_table.pivot_table("coverage", ["view", "method"], "block").round(3).to_string())
    print(money.pivot_table("cost", "order", "ratio", sort=False).round(0).to_string())
    return {"coverage_n": (table, seconds), "coverage_time": (time_table, seconds), "orders_n": (money, seconds)}


def members(size: str, seeds: list[int], out: Path) -> dict[str, tuple[pd.DataFrame, float]]:
    """Averages of members on several stores."""
    scores, seconds = [], 0.0
    how = replace(team.TRAIN, epochs=2, batch_size=128) if size == "tiny" else team.TRAIN
    for seed in seeds:

        def one(seed: int = seed) -> pd.DataFrame:
            store = make_store(size, seed)
            frame, took, early = team.team(store, size, how)
            frame = team.averaged(frame, early)[~early]
            demand = store.truth.panel("demand").rename(columns={"value": "demand"})
            found = team.store_scores(frame.merge(demand, on=["unique_id", "ds"]))
            cost = pd.Series(took).groupby(lambda name: name.partition("|")[0]).mean()
            return found.assign(seed=seed, took=found["model"].map(cost))

        found = kept(out / f"members_{size}_{seed}.parquet", one)
        seconds += float(found["spent"].iloc[0])
        scores.append(found)
        print(seed, f"{found['spent'].iloc[0]:.0f} s", flush=True)
    each = pd.concat(scores, ignore_index=True)
    table = team.member_rows(each, RIVALS, each.groupby("model")["took"].mean().round(1))
    print(table[table["store"] == "all"].round(4).to_string())
    return {"members_n": (table, seconds)}


if __name__ == "__main__":
    main()
