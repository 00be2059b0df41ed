"""Metrics with their intervals, floors, skill, and the orders that follow from a forecast."""

from __future__ import annotations

import numpy as np
import pandas as pd
from record import sample
from shops import SCORED, scored, store, weekly, whole_store

from ecomlib import decisions as de
from ecomlib import evaluation as ev
from ecomlib.panel import make_panel
from ecomlib.serving.live.drift import psi, watch_coverage, watch_inputs

MODELS = ["mean4", "mean8", "naive", "smoothed"]
WORDS = ("better", "worse", "level", "undecided")
LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)


def floors(seed: int) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """Floors by product, and by region and day; the first as it is."""
    whole = whole_store(seed)
    weeks = sorted(weekly(seed)["ds"].unique())
    products = ev.attainable(whole, weeks[-8:-4:2], 2, quantiles=LEVELS)
    days = make_panel(store(seed), freq="D", by=("region_id",))["ds"].max() - pd.Timedelta(days=4)
    regions = ev.attainable(whole, [days], 3, "D", ("region_id",))
    category = ev.attainable(whole, [weeks[-4]], 3, by=("category", "region_id"), filtered=False)
    tables = {"products, weeks": products, "regions, days": regions, "categories and regions": category}
    old = {f"attainable-q{level:g}": f"attainable_q{level:g}" for level in LEVELS}  # as they were recorded
    return {f"floor: {name}": sample(table.rename(columns=old), SCORED, 40) for name, table in tables.items()}, products


def metrics(seed: int) -> dict[str, pd.DataFrame]:
    """Every metric, by series and together, with intervals and verdicts."""
    frame, train = scored(seed), weekly(seed)
    found = {}
    plain = {"mae": ev.mae, "mse": ev.mse, "rmse": ev.rmse, "Poisson deviance": ev.poisson_deviance}
    for name, metric in plain.items():
        found[f"metric: {name}"] = sample(metric(frame, MODELS), ["cutoff", "unique_id"], 20)
    found["metric: wape"] = sample(ev.wape(frame, MODELS), "cutoff")
    found["metric: wape by series"] = sample(ev.wape(frame, MODELS, by=("unique_id",)), "unique_id", 20)
    for name, metric in {"mase": ev.mase, "rmsse": ev.rmsse}.items():
        table = metric(frame, MODELS, train=train, seasonality=2)
        found[f"metric: {name}"] = sample(table, ["cutoff", "unique_id"], 20)
    found["metric: quantile loss"] = sample(ev.quantile_loss(frame, MODELS, 0.9), ["cutoff", "unique_id"], 20)
    ends = frame.assign(**{"naive-lo-90": 0.5 * frame["naive"], "naive-hi-90": 1.5 * frame["naive"] + 1})
    found["metric: coverage"] = sample(ev.coverage(ends, ["naive"]), ["cutoff", "unique_id"], 20)
    table = ev.score(frame, MODELS, ev.POINT_METRICS, train=train)
    table = table.set_index(table["model"] + ", " + table["metric"])
    found["scores"] = table[["value", "origins", "series", "undefined"]]
    intervals = ev.score_intervals(frame, MODELS, "wape", rng=np.random.default_rng(seed), draws=300)
    found["scores with intervals"] = intervals.set_index("model")[["value", "low", "high"]]
    rows = {}
    for rival in MODELS[1:]:
        said = ev.compare(frame, "mean4", rival, rng=np.random.default_rng(seed), draws=300)
        relative = said.relative
        rows[rival] = [
            relative.estimate,
            relative.low,
            relative.high,
            *said.scores,
            said.wins,
            *(said.word == word for word in WORDS),
        ]
    names = ["relative", "low", "high", "ours", "rival", "wins", *WORDS]
    found["comparisons"] = pd.DataFrame.from_dict(rows, "index", columns=names).astype(float)
    return found


def orders(seed: int, floor: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Orders from quantiles, and what they cost."""
    y = floor.merge(weekly(seed)[["unique_id", "ds", "y"]], on=["unique_id", "ds"])
    cost = store(seed).products.set_index("product_id")
    short = y["unique_id"].map(0.6 * cost["list_price"]).to_numpy(dtype=float)
    over = 0.2 * y["unique_id"].map(cost["unit_cost"]).to_numpy(dtype=float)
    order = de.order_quantities(y, "attainable", short, over)
    rows = y[SCORED].assign(
        ratio=de.newsvendor_quantile(short, over),
        order=order,
        cost=de.newsvendor_cost(np.ceil(order), y["y"], short, over),
    )
    return {"orders": sample(rows, SCORED)}


def part(seed: int) -> dict[str, pd.DataFrame]:
    """Floors, metrics, skill, orders, and the measures of drift."""
    found, floor = floors(seed)
    found |= metrics(seed)
    found |= orders(seed, floor)
    both = scored(seed).merge(floor.drop(columns="cutoff"), on=["unique_id", "ds"])
    skills = {name: ev.skill_interval(both, name, rng=np.random.default_rng(seed), draws=200) for name in MODELS[:2]}
    found["skill"] = pd.DataFrame({k: [v.estimate, v.low, v.high] for k, v in skills.items()}, ["value", "low", "high"])
    weeks = weekly(seed)["ds"]
    early, late = (weekly(seed).loc[part, "y"] for part in (weeks < weeks.median(), weeks >= weeks.median()))
    lights = [*watch_inputs(early, late), watch_coverage(np.arange(400) % 9 > 0, 0.9)]
    found["drift"] = pd.DataFrame(
        {"value": [psi(early, late), *(one.value for one in lights)], "alarm": [0.0, *(one.alarm for one in lights)]},
        index=["psi alone", *(one.name for one in lights)],
    ).astype(float)
    return found
