"""What prices, promotions, a roll-out and mails do, with intervals, and how far to trust it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from record import sample
from shops import store, whole_store

from ecomlib import causal
from ecomlib.decisions import price_change
from ecomlib.evaluation import Interval
from ecomlib.panel import make_panel

ENDS = ("estimate", "low", "high")


def interval(found: Interval) -> list[float]:
    """Estimate and both ends."""
    return [found.estimate, found.low, found.high]


def vectors(frame: pd.DataFrame, seed: int) -> np.ndarray:
    """A made-up vector a listing, which tells something of its price: the estimator is on trial, not the encoder."""
    rng, count = np.random.default_rng(seed), int(frame["listing"].max()) + 1
    made = rng.normal(size=(count, 12))
    mean = frame.groupby("listing")["log_price"].mean().reindex(range(count)).fillna(0.0)
    made[:, 0] += 3 * mean.to_numpy()
    return made


def part(seed: int) -> dict[str, pd.DataFrame]:
    """Elasticities by every estimator, experiments, placebo, robustness value and the decision that follows."""
    shop, truth = store(seed), whole_store(seed).truth
    assert truth is not None
    frame = causal.design(shop, demand=truth.panel("demand"))
    found = {"design": sample(frame, ["product_id", "ds"], 20)}
    text = vectors(frame, seed)
    few = causal.Settings(components=10, rounds=2)
    fits = {
        "double machine learning": causal.double_ml(frame, None, exposure="in_stock"),
        "double machine learning, text": causal.double_ml(frame, text, exposure="in_stock", settings=few),
        "double machine learning, linear": causal.double_ml(frame, text, final="linear", settings=few),
        "double machine learning, neighbour": causal.double_ml(
            frame, text, settings=causal.Settings(components=10, rounds=1, learner="neighbour", seed=1)
        ),
        "double machine learning, folds by row": causal.double_ml(frame, text, folds="row", settings=few),
        "double machine learning, demand": causal.double_ml(frame, text, y="demand", settings=few),
    }
    place = frame["product_id"].astype(str) + " " + frame["ds"].dt.strftime("%Y-%m-%d")
    for name, fit in fits.items():
        rows = pd.DataFrame({"key": place, "residual": fit.residual, "expected": fit.expected, "fold": fit.fold})
        found[f"rows: {name}"] = sample(rows, "key", 15)
    tables = {name: fit.table for name, fit in fits.items()}
    placebo = causal.permuted_treatment(frame, np.random.default_rng(seed))
    tables |= {
        "naive": causal.naive(frame, exposure="in_stock"),
        "naive, linear": causal.naive(frame, final="linear"),
        "fixed effects": causal.fixed_effects(frame, exposure="in_stock"),
        "fixed effects, linear": causal.fixed_effects(frame, final="linear", controls=("promoted", "depth")),
        "fixed effects, placebo": causal.fixed_effects(placebo),
    }
    for name, table in tables.items():
        found[f"elasticity: {name}"] = table.set_index("category")
    ways = ("targeted", "randomised", "weighted")
    found["promotion"] = pd.DataFrame(
        [interval(causal.promotion_effect(frame, how, exposure="in_stock")) for how in ways],
        index=list(ways),
        columns=list(ENDS),
    )
    regions = make_panel(shop, by=("region_id",))
    rng = np.random.default_rng(seed)
    # Weeks in which every region sold something: logs of units are compared.
    sold = regions.groupby("ds")["y"].agg(lambda units: len(units) == len(truth.rollout) and (units > 0).all())
    kept = regions[regions["ds"].map(sold).astype(bool)]
    rollout = causal.rollout_effect(kept, truth.rollout, rng, draws=99)
    found["roll-out"] = pd.DataFrame([[*interval(rollout.effect), rollout.p_value]], ["all"], [*ENDS, "p"])
    found["roll-out by week"] = rollout.by_week.set_index("since")
    found["mails"] = mails(seed)
    value = [
        causal.robustness_value(row.elasticity, row.se, 59, critical=critical)
        for row in tables["fixed effects"].itertuples()
        for critical in (0.0, 1.96)
    ]
    found["robustness value"] = pd.DataFrame({"value": value})
    decision = price_change(frame, tables["double machine learning"], 0.05)
    found["price change"] = decision.set_index("category")
    probe = causal.leak_probe(shop, sorted(frame["ds"].unique())[-4], np.random.default_rng(seed))
    found["leak probe"] = probe.set_index("column")
    return found


def mails(seed: int) -> pd.DataFrame:
    """Units in the four weeks after a mailing, of those who got it and those who did not."""
    shop = store(seed)
    assert shop.mailings is not None
    sent = shop.mailings.sort_values(["date", "customer_id"], kind="stable", ignore_index=True)
    lines = shop.orders[shop.orders["customer_id"].notna()]
    both = sent.reset_index(names="mail").merge(lines[["customer_id", "ordered_at", "quantity"]], on="customer_id")
    later = (both["ordered_at"] - both["date"]).dt.days.between(0, 27)
    units = both[later].groupby("mail")["quantity"].sum().reindex(sent.index, fill_value=0)
    effects = [
        causal.difference_in_means(units, sent["treated"]),
        causal.difference_in_means(units, sent["treated"], sent["propensity"]),
    ]
    return pd.DataFrame([interval(effect) for effect in effects], ["plain", "weighted"], list(ENDS))
