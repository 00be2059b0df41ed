"""What does the map add? Daily demand by region, 1 to 3 days ahead, on stores that nobody chose anything on.

    python -m benchmarks.simulated.spatial           # stores 10 to 19, and two whose wind turns; about 15 minutes
    python -m benchmarks.simulated.spatial --tuning  # candidates on stores 1 to 3: writes tuning/spatial.csv
    python -m benchmarks.simulated.spatial --smoke   # the tiny store, two epochs; records nothing

Trained once on the first 70 % of the days, stopped on the next tenth, tested on the last fifth, every third day, on
demand. The best per-region model is chosen in each store on the tenth before the test (on what the shop knows, its
sales). Records spatial: mean Poisson deviance and mean squared error by store, resolution, horizon and model;
spatial_shares: the share of the gap from the best per-region model to the attainable floor that a model closes, with
95 % intervals over stores. With the orange-juice data in the data folder also spatial_orange_juice (results only).
Partial results lie in the folder given by --out, and a run that was cut off goes on from them.

A network on a graph is one more row: its edges are found in the training days (each region looks at the four whose
yesterday tells most of its today), so that no grid is needed. Expected, written before its first run: between the VAR
and attention by region, 40 to 55 % two days ahead; by region and category level with the ConvGRU, since it shares its
weights alike; where the wind turns it loses like attention, as its edges were found before.

One ridge for all regions that reads a region's four neighbours is the cheapest map with shared weights. Expected,
written before its first run: two days ahead between neighbours' lags region by region and attention, about 40 %; level
with the ConvGRU; where the wind turns it loses less than the ConvGRU.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmarks.trial import add_trial_options, partial_folder, trial_folder
from ecomlib import recorded
from ecomlib.errors import EcomlibError
from ecomlib.evaluation import attainable
from ecomlib.spatial import Floats, Levels, MapWindows, Reads, RegionDays, RegionRidge, day_split, links
from ecomlib.spatial.networks import MAP_TRAINING, make_map_network
from ecomlib.stores.simulated import make_store
from ecomlib.training import TrainSettings, fit, predict

HORIZON, LOOK_BACK, MAPS = 3, 10, (5, 2)  # wrong maps by region; by region and category, which takes longer
REGION, BOTH = ("region_id",), ("region_id", "category")
Parts = list[MapWindows]
SEEDS, TURNED, TUNING = range(10, 20), (10, 11), (1, 2, 3)
TUNING_LOG = Path(__file__).resolve().parent / "tuning" / "spatial.csv"
CHOSEN = replace(MAP_TRAINING, device="cpu")  # these maps are too small for anything else
ATTENTION, ATTENTION_HIDDEN = replace(CHOSEN, lr=1e-2), 12
PER_REGION = ("same weekday", "level", "exponential smoothing", "own lags, pooled", "own lags", "LightGBM", "GRU")
FLOORS = ("attainable", "filter", "omniscient")


def deviance(y: Floats, mean: Floats) -> Floats:
    """Poisson deviance of each count, without unit; a forecast is at least 0.01 units."""
    mean = np.maximum(mean, 0.01)
    return 2 * (np.where(y > 0, y * np.log(np.maximum(y, 1e-9) / mean), 0.0) - (y - mean))


def ridge(train: MapWindows, parts: Parts, maps: RegionDays, reads: Reads, **settings: Any) -> list[Floats]:
    """Forecasts of a ridge regression, (n, H, R, K) for each of the parts."""
    fitted = RegionRidge(reads, **settings).fit(train, maps)
    return [fitted.predict(part) for part in parts]


def network(
    kind: str, maps: RegionDays, train: MapWindows, parts: Parts, how: TrainSettings, **settings: Any
) -> list[Floats]:
    """Forecasts of a network that was stopped on the first of the parts, (n, H, R, K) for each of them."""
    model = make_map_network(kind, maps, train.settings.horizon, seed=how.seed, **settings)
    fit(model, train, parts[0], how)
    return [part.array(predict(model, part, device="cpu")["forecast"]) for part in parts]


def smoothing(maps: RegionDays, levels: Levels, parts: Parts) -> list[Floats]:
    """Exponential smoothing of units over their weekday's factor; its weight by the deviance of the training days."""
    factor = np.maximum(levels.weekday[maps.days.dayofweek], 1e-9)[:, None]
    best: tuple[float, Floats] = (np.inf, maps.units)
    for weight in (0.05, 0.1, 0.2, 0.3, 0.5):
        state, path = maps.units[:28].sum(axis=0) / factor[:28].sum(axis=0), []
        for units, usual in zip(maps.units, factor, strict=True):
            state = state + weight * usual / factor.mean() * (units / usual - state)
            path.append(state)
        trial = np.array(path)
        score = deviance(parts[0].y.numpy(), _ahead(trial, maps, levels, parts[0])).mean()
        best = min(best, (float(score), trial), key=lambda pair: pair[0])
    return [_ahead(best[1], maps, levels, part) for part in parts]


def _ahead(state: Floats, maps: RegionDays, levels: Levels, part: MapWindows) -> Floats:
    origin = part.origin.numpy()
    days = (maps.days.dayofweek.to_numpy()[origin][:, None] + np.arange(1, part.y.shape[1] + 1)) % 7
    return state[origin][:, None] * levels.weekday[days][:, :, None]


def boosting(train: MapWindows, parts: Parts) -> list[Floats]:
    """LightGBM on a series' own ten days, its level, its region and kind; one model a step (Ke et al., 2017)."""
    import lightgbm

    def inputs(part: MapWindows, step: int) -> Floats:
        z, base = part.z.numpy(), part.base[:, step].numpy()  # (n, T, R, C), (n, R, K)
        n, _, regions, channels = z.shape
        kinds = base.shape[2]
        own = np.moveaxis(z[..., :kinds], 1, 3)  # (n, R, K, T)
        whole = np.repeat(np.moveaxis(z[..., -1], 1, 2)[:, :, None], kinds, axis=2) if channels > kinds else own
        names = np.stack(np.broadcast_arrays(*np.ogrid[:n, :regions, :kinds])[1:], axis=-1)
        return np.concatenate([own, whole, np.log(base)[..., None], names], axis=-1).reshape(n * regions * kinds, -1)

    answers = [np.empty_like(part.base.numpy()) for part in parts]
    for step in range(train.y.shape[1]):
        base = train.base[:, step].numpy().ravel()
        model = lightgbm.LGBMRegressor(
            objective="poisson",
            n_estimators=150,
            learning_rate=0.05,
            num_leaves=15,
            min_child_samples=50,
            num_threads=1,
            verbose=-1,
            deterministic=True,
            random_state=0,
        )
        model.fit(inputs(train, step), train.y[:, step].numpy().ravel() / base, sample_weight=base)
        for part, answer in zip(parts, answers, strict=True):
            ratio = model.booster_.predict(inputs(part, step))
            answer[:, step] = part.base[:, step].numpy() * ratio.reshape(answer[:, step].shape)
    return answers


def forecasts(maps: RegionDays, how: TrainSettings, wrong: int, step: int = 3) -> tuple[dict[str, Any], Any]:
    """All models on one store's maps: name -> forecasts (stop part, test part); and the windows."""
    first = Levels(np.ones((7, 1))).window
    origins = day_split(len(maps.days), first, HORIZON, step)
    levels = Levels.fit(maps, int(origins[0][-1]) + HORIZON)
    train, stop, test = (levels.windows(maps, part, LOOK_BACK, HORIZON) for part in origins)
    parts = [stop, test]
    found: dict[str, Any] = {"level": [part.base.numpy() for part in parts]}
    week = [np.stack([maps.units[p.origin.numpy() + h - 6] for h in range(HORIZON)], axis=1) for p in parts]
    found["same weekday"] = week
    found["exponential smoothing"] = smoothing(maps, levels, [train, *parts])[1:]
    found["own lags, pooled"] = ridge(train, parts, maps, "own", pooled=True)
    found["own lags"] = ridge(train, parts, maps, "own")
    found["LightGBM"] = boosting(train, parts)
    linear: dict[str, tuple[Reads, dict[str, Any]]] = {
        "neighbours' lags": ("neighbours", {"lags": 5}),
        "neighbours' lags, pooled": ("neighbours", {"lags": 5, "pooled": True}),
        "VAR ridge": ("all", {"lags": 3}),
    }
    for name, (reads, settings) in linear.items():
        tried = [ridge(train, parts, maps, reads, alpha=alpha, **settings) for alpha in (1.0, 10.0, 100.0, 1000.0)]
        found[name] = min(tried, key=lambda said: float(deviance(stop.y.numpy(), said[0]).mean()))
    rng = np.random.default_rng(0)
    several = len(maps.kinds) > 1  # then a batch holds a map a kind, and fewer rounds are enough
    other = replace(ATTENTION, epochs=CHOSEN.epochs if several else how.epochs)
    how = replace(how, epochs=min(how.epochs, 8 if several else how.epochs))
    found["GRU"] = network("conv_gru", maps, train, parts, how, kernel=1)
    found["ConvGRU"] = network("conv_gru", maps, train, parts, how)
    found["attention"] = network("attention", maps, train, parts, other, hidden=ATTENTION_HIDDEN)
    mood = levels.windows(maps, origins[0], look_back=1).z[:, 0, :, -1].numpy()  # of all kinds, training days alone
    found["graph"] = network("graph", replace(maps, places=None), train, parts, how, edges=links(mood))
    for k in (1, 2) if not several else ():
        found[f"run {k}"] = network("conv_gru", maps, train, parts, replace(how, seed=k))
    for k in range(1, wrong + 1):
        found[f"wrong map {k}"] = network("conv_gru", maps.permuted(rng), train, parts, how)
    if not several:
        runs = [found["ConvGRU"], found.pop("run 1"), found.pop("run 2")]
        found["ConvGRU, mean of 3 runs"] = [np.mean(said, axis=0) for said in zip(*runs, strict=True)]
    return found, (stop, test)


def one_store(size: str, seed: int, by: tuple[str, ...], turned: bool, how: TrainSettings, wrong: int) -> pd.DataFrame:
    """Errors on demand by model and horizon on one store."""
    store = make_store(size, seed, misspecified=turned)  # type: ignore[arg-type]
    maps = RegionDays.from_store(store.observed(), by)
    found, (stop, test) = forecasts(maps, how, wrong)
    names, shape, origin = maps.ids().ravel(), test.y.shape, test.origin.numpy()
    floors = attainable(store, maps.days[origin], HORIZON, "D", by)
    step = (floors["ds"] - floors["cutoff"]).dt.days
    for name in FLOORS:
        parts = [
            floors[step == h].pivot_table(index="cutoff", columns="unique_id", values=name)
            for h in range(1, HORIZON + 1)
        ]
        found[name] = [None, np.stack([part[names].to_numpy() for part in parts], axis=1).reshape(shape)]
    demand = store.truth.panel("demand", "D", by).pivot_table(index="ds", columns="unique_id", values="value")
    wanted = demand.reindex(index=maps.days, columns=names).fillna(0.0).to_numpy()
    y = np.stack([wanted[origin + h] for h in range(1, HORIZON + 1)], axis=1).reshape(shape)
    tuned = {name: deviance(stop.y.numpy(), found[name][0]).mean() for name in PER_REGION if name in found}
    found["best per-region"] = found[min(tuned, key=lambda name: tuned[name])]
    rows = []
    for name, (_, said) in found.items():
        for h in range(HORIZON):
            losses = {"deviance": deviance(y[:, h], said[:, h]).mean(), "mse": ((y - said)[:, h] ** 2).mean()}
            rows.append({"model": name, "horizon": h + 1, **losses})
    frame = pd.DataFrame(rows).assign(seed=seed, by="|".join(by), turned=turned)
    return frame.assign(is_best=min(tuned, key=lambda name: tuned[name]))


def shares(table: pd.DataFrame, metric: str, rng: np.random.Generator, draws: int = 4000) -> pd.DataFrame:
    """Share of best per-region -> attainable that each model closes: a ratio of averages over stores, with interval."""
    table = table.assign(model=table["model"].str.replace(r"wrong map \d+", "wrong maps", regex=True))
    rows = []
    for (by, turned, horizon), part in table.groupby(["by", "turned", "horizon"]):
        wide = part.pivot_table(index="seed", columns="model", values=metric)
        pick = rng.integers(len(wide), size=(draws, len(wide)))
        for name in wide.columns:
            if name in ("best per-region", "attainable"):
                continue
            won, gap = ((wide["best per-region"] - wide[c]).to_numpy() for c in (name, "attainable"))
            low, high = np.quantile(won[pick].mean(axis=1) / gap[pick].mean(axis=1), [0.025, 0.975])
            rows.append(
                {
                    "by": by,
                    "turned": turned,
                    "horizon": horizon,
                    "metric": metric,
                    "model": name,
                    "share": won.mean() / gap.mean(),
                    "low": low,
                    "high": high,
                    "stores": len(wide),
                }
            )
    return pd.DataFrame(rows)


CANDIDATES: dict[str, tuple[str, TrainSettings, dict[str, Any]]] = {
    "hidden 8, position, lr 0.02": ("conv_gru", CHOSEN, {}),
    "hidden 8, position, lr 0.02, batch 64": ("conv_gru", replace(CHOSEN, batch_size=64), {}),
    "hidden 8, position, lr 0.01": ("conv_gru", replace(CHOSEN, lr=0.01), {}),
    "hidden 8, no position, lr 0.02": ("conv_gru", CHOSEN, {"position": False}),
    "hidden 12, position, lr 0.01": ("conv_gru", replace(CHOSEN, lr=0.01), {"hidden": 12}),
    "hidden 12, no position, lr 0.01": ("conv_gru", replace(CHOSEN, lr=0.01), {"hidden": 12, "position": False}),
    "hidden 12, position, lr 0.01, decay 1": (
        "conv_gru",
        replace(CHOSEN, lr=0.01, weight_decay=1.0),
        {"hidden": 12},
    ),
    "attention, hidden 12, lr 0.01": ("attention", ATTENTION, {"hidden": 12}),
    "attention, hidden 12, lr 0.01, batch 64": ("attention", replace(ATTENTION, batch_size=64), {"hidden": 12}),
    "attention, hidden 12, lr 0.01, decay 1": ("attention", replace(ATTENTION, weight_decay=1.0), {"hidden": 12}),
    "attention, hidden 8, lr 0.02": ("attention", CHOSEN, {"hidden": 8}),
}


def tuning() -> pd.DataFrame:
    """Deviance of the candidates on the tuning stores' last fifth, on sales; mean over horizons."""
    rows: list[dict[str, Any]] = []
    linear: tuple[tuple[Reads, int, float], ...] = (
        ("own", 5, 1.0),
        ("neighbours", 5, 1.0),
        ("neighbours", 5, 10.0),
        ("all", 3, 3.0),
    )
    for seed in TUNING:
        shop = make_store("small", seed).observed()
        maps = RegionDays.from_store(shop)
        origins = day_split(len(maps.days), Levels(np.ones((7, 1))).window, HORIZON, 3)
        levels = Levels.fit(maps, int(origins[0][-1]) + HORIZON)
        train, stop, test = (levels.windows(maps, part, LOOK_BACK, HORIZON) for part in origins)
        for reads, lags, alpha in linear:
            said = ridge(train, [test], maps, reads, lags=lags, alpha=alpha)[0]
            rows.append({"candidate": f"ridge {reads} {lags} lags, alpha {alpha}", "seed": seed, "said": said})
        for name, (kind, how, settings) in CANDIDATES.items():
            started = time.process_time()
            said = network(kind, maps, train, [stop, test], how, **settings)[1]
            rows.append({"candidate": name, "seed": seed, "said": said, "seconds": time.process_time() - started})
        for row in rows:
            if row["seed"] == seed:
                row["deviance"] = float(deviance(test.y.numpy(), row.pop("said")).mean())
                print(row, flush=True)
    return pd.DataFrame(rows)


def invented_weekly() -> pd.DataFrame:
    """Ten shops, three brands and 121 weeks for the trial run, in the columns of the orange juice data."""
    rng = np.random.default_rng(0)
    index = pd.MultiIndex.from_product([range(40, 161), range(1, 11), range(1, 4)], names=["week", "store", "brand"])
    common = rng.normal(0, 0.3, 121).repeat(30)  # a good week is one for all
    return index.to_frame(index=False).assign(logmove=8 + common + rng.normal(0, 0.2, len(index)))


def orange_juice(how: TrainSettings, smoke: bool) -> pd.DataFrame | None:
    """Weekly ounces of 83 shops, 1 to 3 weeks ahead: does a learned neighbourhood help? None where the data are not."""
    from ecomlib.stores.published.download import read_tables

    try:
        weekly = invented_weekly() if smoke else read_tables("orange_juice", "weekly")["weekly"]
    except EcomlibError as missing:
        print(f"orange juice: {missing}")
        return None
    weekly = weekly.assign(ounces=np.exp(weekly["logmove"]))
    brands = weekly.pivot_table(index="week", columns="store", values="ounces", aggfunc=["sum", "count"])
    ounces = brands["sum"].where(brands["count"] == brands["count"].max().max())  # weeks without a brand are not whole
    ounces = ounces.reindex(range(int(ounces.index.min()), int(ounces.index.max()) + 1))
    known = ounces.notna().to_numpy()[:, :, None]
    filled = ounces.ffill().bfill().to_numpy()[:, :, None]  # for inputs; absent weeks are not scored
    days = pd.date_range("2000-01-03", periods=len(ounces), freq="D")  # weeks, numbered: no weekday among them
    maps = RegionDays(days, ounces.columns.to_numpy(), ("",), filled, None)
    levels = Levels(np.ones((7, 1)), window=13)
    train, stop, test = (
        levels.windows(maps, part, LOOK_BACK, HORIZON) for part in day_split(len(days), 13, HORIZON, 1)
    )
    origin, y = test.origin.numpy(), test.y.numpy()
    said = {
        "last week": np.repeat(maps.units[origin][:, None], HORIZON, axis=1),
        "level": test.base.numpy(),
        "own lags, pooled": ridge(train, [test], maps, "own", pooled=True)[0],
        "VAR ridge": ridge(train, [test], maps, "all", lags=3, alpha=100.0)[0],
        "attention": network("attention", maps, train, [stop, test], how, hidden=ATTENTION_HIDDEN)[1],
    }
    seen = np.stack([known[origin + h] for h in range(1, HORIZON + 1)], axis=1)
    rows = []
    for name, units in said.items():
        for h in range(HORIZON):
            miss = np.abs(y - units)[:, h][seen[:, h]]
            log = np.log(y[:, h] / units[:, h])[seen[:, h]]
            rows.append(
                {
                    "model": name,
                    "horizon": h + 1,
                    "wape": miss.sum() / y[:, h][seen[:, h]].sum(),
                    "log_rmse": float(np.sqrt((log**2).mean())),
                }
            )
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_trial_options(parser, "the tiny store, two epochs; records nothing")
    parser.add_argument("--tuning", action="store_true", help="candidates on the tuning stores")
    parser.add_argument("--stores", type=int, default=10, help="by region, from store 10 on")
    parser.add_argument("--turned", type=int, default=2, help="stores whose wind turns, by region")
    parser.add_argument("--both", type=int, default=10, help="by region and category, from store 10 on")
    parser.add_argument("--out", type=Path, default=partial_folder("spatial"), help="folder of partial results")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.tuning:
        tuning().to_csv(TUNING_LOG, index=False)
        return
    smoke, started = arguments.smoke, time.perf_counter()
    how = replace(CHOSEN, epochs=2) if smoke else CHOSEN
    by_region = ((False, SEEDS[: arguments.stores]), (True, TURNED[: arguments.turned]))
    tasks = [(seed, REGION, turned) for turned, seeds in by_region for seed in seeds]
    tasks += [(seed, BOTH, False) for seed in SEEDS[: arguments.both]]
    if smoke:
        tasks = [(10, REGION, False)]
    arguments.out.mkdir(parents=True, exist_ok=True)
    parts = []
    for seed, by, turned in tasks:
        path = arguments.out / f"{'smoke' if smoke else 'store'}_{seed}_{len(by)}_{int(turned)}.csv"
        if smoke or not path.is_file():
            before = time.process_time()
            one = one_store("tiny" if smoke else "small", seed, by, turned, how, MAPS[len(by) - 1] if not smoke else 1)
            one = one.assign(seconds=time.process_time() - before)
            one.to_csv(path, index=False)
        parts.append(pd.read_csv(path))
        worst = parts[-1].groupby("model")["deviance"].mean().round(3)
        print(f"store {seed} {'x'.join(by)} turned={turned}: {worst.to_dict()}", flush=True)
    table = pd.concat(parts, ignore_index=True)
    rng = np.random.default_rng(0)
    summary = pd.concat([shares(table, metric, rng) for metric in ("deviance", "mse")], ignore_index=True)
    wanted = summary[(summary["metric"] == "deviance") & summary["horizon"].isin([2, 3])]
    print(wanted.round(3).to_string(index=False))
    juice = orange_juice(replace(ATTENTION, epochs=2) if smoke else ATTENTION, smoke)
    with trial_folder(arguments) as folder:
        results = {"spatial": table, "spatial_shares": summary} | (
            {} if juice is None else {"spatial_orange_juice": juice}
        )
        for name, frame in results.items():
            recorded.write(
                name,
                frame,
                script=__file__,
                command=f"python -m benchmarks.simulated.spatial --stores {arguments.stores} "
                f"--turned {arguments.turned} --both {arguments.both}",
                protocol="weekly ounces of 83 shops, last fifth of 121 weeks, 1 to 3 weeks ahead"
                if name.endswith("juice")
                else "daily demand, 1 to 3 days ahead, last fifth of two years; no choice was made on these stores",
                seconds=float(table.groupby(["seed", "by", "turned"])["seconds"].first().sum())
                if not name.endswith("juice")
                else time.perf_counter() - started,
                smoke=smoke,
                directory=folder,
                measured=["seconds"] if name == "spatial" else [],
            )


if __name__ == "__main__":
    main()
