"""How long a million order lines take to a weekly panel, beside polars; and windows gathered, beside one by one.

    python -m benchmarks.speed.panel [--smoke]

Both libraries start from their own frame of the same lines and use one thread. The results are compared before any
time is taken: units, orders, customers and the carried price of every row must agree. Repeats alternate, so that a
busy moment of the machine meets both; medians are recorded, and the ratio is the median of the paired ratios.
"""

from __future__ import annotations

import os

os.environ["POLARS_MAX_THREADS"] = "1"  # read when the libraries are imported, so it must come first
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import argparse
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import polars as pl
import torch

from benchmarks.trial import add_trial_options, trial_folder
from ecomlib import load_store
from ecomlib.errors import EcomlibError
from ecomlib.panel import make_panel
from ecomlib.recorded import write
from ecomlib.stores import Store
from ecomlib.windowing import WindowSettings
from ecomlib.windows import WindowSet

COMPARED = ["y", "orders", "customers", "price_paid"]


def synthetic(lines: int) -> Store:
    """Order lines of a made-up shop: 5,000 products of uneven size over two years, 20,000 orders a month."""
    rng = np.random.default_rng(0)
    share = rng.pareto(1.2, 5_000) + 0.05
    product = rng.choice(5_000, lines, p=share / share.sum())
    invoice = np.sort(rng.integers(0, max(lines // 20, 1), lines))
    orders = pd.DataFrame(
        {
            "order_id": [f"o{k}" for k in invoice],
            "product_id": [f"p{k}" for k in product],
            "customer_id": [f"c{k}" if k < 6_000 else None for k in rng.integers(0, 8_000, lines // 20 + 1)[invoice]],
            "ordered_at": pd.Timestamp("2023-01-02") + pd.to_timedelta(invoice * (731 / (lines / 20)), unit="D"),
            "quantity": rng.geometric(0.2, lines),
            "unit_price": np.round(rng.lognormal(1, 0.7, lines), 2),
        }
    )
    orders["ordered_at"] = orders["ordered_at"].astype("datetime64[ns]")
    products = pd.DataFrame({"product_id": sorted(orders["product_id"].unique())})
    customers = pd.DataFrame({"customer_id": sorted(orders["customer_id"].dropna().unique())})
    return Store("synthetic lines", products.assign(title="thing"), orders, customers=customers)


def million_lines(smoke: bool) -> Store:
    """The real shop where its files are, else made-up lines; only what the panel of both libraries reads."""
    if smoke:
        return synthetic(20_000)
    try:
        store = load_store("online_retail")
    except EcomlibError:
        return synthetic(1_000_000)
    return Store(store.name, store.products, store.orders, regions=store.regions, customers=store.customers)


def polars_panel(lines: pl.DataFrame) -> pl.DataFrame:
    """The same panel: weeks from Monday, zeros from the first sale to the last full week, price carried forward."""
    end = lines["ordered_at"].max().date()  # type: ignore[union-attr]
    last = end - pd.Timedelta(days=(end.weekday() + 1) % 7 + 6)
    sold = lines.group_by("product_id", ds=pl.col("ordered_at").dt.truncate("1w").dt.date()).agg(
        y=pl.col("quantity").sum().cast(pl.Float64),
        orders=pl.col("order_id").n_unique().cast(pl.Float64),
        customers=pl.col("customer_id").drop_nulls().n_unique().cast(pl.Float64),
        revenue=(pl.col("quantity") * pl.col("unit_price")).sum(),
    )
    sold = sold.filter(pl.col("ds") <= last)
    grid = sold.group_by("product_id").agg(first=pl.col("ds").min())
    grid = grid.select("product_id", ds=pl.date_ranges("first", last, "1w")).explode("ds")
    whole = grid.join(sold, on=["product_id", "ds"], how="left").sort("product_id", "ds")
    return whole.select(
        "product_id",
        "ds",
        pl.col("y", "orders", "customers").fill_null(0.0),
        price_paid=(pl.col("revenue") / pl.col("y")).forward_fill().over("product_id"),
    )


def one_by_one(samples: list[tuple[np.ndarray, int]], settings: WindowSettings) -> torch.Tensor:
    """What a data set class with ``__getitem__`` does: slice, pad and scale in Python, sample by sample, then stack."""
    made = []
    for units, end in samples:
        held = torch.from_numpy(units[max(end - settings.look_back, 0) : end])
        logs = torch.log1p(held)
        padded = torch.zeros(settings.look_back)
        padded[settings.look_back - len(held) :] = logs / max(float(logs.mean()), settings.least_scale)
        made.append(padded)
    return torch.stack(made)


def timed(*jobs: Callable[[], object], repeats: int) -> np.ndarray:
    """Seconds of each job, shape (repeats, jobs), in turn; one untimed round warms both."""
    seconds = np.zeros((repeats, len(jobs)))
    for repeat in range(-1, repeats):
        for k, job in enumerate(jobs):
            start = time.perf_counter()
            job()
            if repeat >= 0:
                seconds[repeat, k] = time.perf_counter() - start
    return seconds


def rows(
    what: str, items: int, unit: str, names: tuple[str, str], seconds: np.ndarray, repeats: int
) -> list[dict[str, object]]:
    """Two lines of the table; ``ratio`` is the other's time over ours, above 1 where ours is faster."""
    ratio = float(np.median(seconds[:, 1] / seconds[:, 0]))
    median, best = np.median(seconds, axis=0), seconds.min(axis=0)
    return [
        {
            "what": what,
            "engine": name,
            "items": items,
            "unit": unit,
            "seconds_median": round(float(median[k]), 4),
            "seconds_best": round(float(best[k]), 4),
            "repeats": repeats,
            "per_second": round(items / float(median[k])),
            "ratio_to_ecomlib": 1.0 if k == 0 else round(ratio, 3),
        }
        for k, name in enumerate(names)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_trial_options(parser, "few lines, few repeats: proves that it runs")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    begun, repeats = time.perf_counter(), 2 if asked.smoke else 11
    store = million_lines(asked.smoke)
    wanted = ["product_id", "ordered_at", "quantity", "order_id", "customer_id", "unit_price"]
    lines = pl.from_pandas(store.orders[wanted])

    panel = make_panel(store, begin="sale")
    theirs = polars_panel(lines)
    assert panel["product_id"].tolist() == theirs["product_id"].to_list()
    assert (panel["ds"].dt.date == np.array(theirs["ds"].to_list())).all()
    for column in COMPARED:
        np.testing.assert_allclose(panel[column], theirs[column].to_numpy(), rtol=1e-9, err_msg=column)
    seconds = timed(lambda: make_panel(store, begin="sale"), lambda: polars_panel(lines), repeats=repeats)
    table = rows(
        "weekly panel", len(store.orders), "order lines", ("ecomlib (pandas, numpy)", "polars"), seconds, repeats
    )

    settings = WindowSettings(look_back=26, horizon=4, scale="log1p_mean")
    windows = WindowSet.from_panel(panel, settings)
    last = windows.origins()[-1]
    few = windows.between(last - pd.Timedelta(weeks=2), last)
    units = {name: part.to_numpy(np.float32) for name, part in panel.groupby("unique_id")["y"]}
    series = few.series.numpy()
    ends = (few.first - few.begin[few.series]).tolist()
    samples = [(units[name], end) for name, end in zip(few.ids[series], ends, strict=True)]
    gathered = torch.cat([batch.x[..., 0] for batch in few.batches(512)])
    torch.testing.assert_close(one_by_one(samples, settings), gathered, rtol=1e-4, atol=1e-4)
    seconds = timed(
        lambda: [batch.x for batch in few.batches(512)], lambda: one_by_one(samples, settings), repeats=repeats
    )
    names = ("ecomlib (one gather a batch)", "Python per sample")
    table += rows("training windows", len(few), "windows", names, seconds, repeats)

    frame = pd.DataFrame(table)
    load = round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None  # a busy machine stretches the times
    print(frame.to_string(index=False))
    with trial_folder(asked) as folder:
        write(
            "panel",
            frame,
            script=__file__,
            command="python -m benchmarks.speed.panel",
            protocol=f"one thread each, repeats in turn, {repeats} of each, results compared first; "
            f"store: {store.name}",
            seconds=time.perf_counter() - begun,
            smoke=asked.smoke,
            directory=folder,
            measured=["seconds_median", "seconds_best", "per_second", "ratio_to_ecomlib"],
            facts={"store": store.name, "panel_rows": len(panel), "load_of_the_machine": load},
        )


if __name__ == "__main__":
    main()
