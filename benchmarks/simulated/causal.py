"""How far are the elasticities, the promotion and the roll-out from the truth, and do their intervals cover it?

    python -m benchmarks.simulated.causal  # seeds 0 to 11, three of them also misspecified; 12 to 23 without text
    python -m benchmarks.simulated.causal --resume  # goes on where a run was cut off
    python -m benchmarks.simulated.causal --smoke  # a tiny store, word counts instead of the encoder; records nothing

The settings of double machine learning were chosen on stores of seeds 100 and 101, which are not scored here. Expected
before the run: naive and fixed effects miss by 0.7, double machine learning with text by about 0.07 on demand and on
sales in stock, by 0.1 where sales are taken for demand, intervals cover nine times in ten, the targeted promotion comes
out 0.15 too low, and a roll-out compared within its own weather is known to 0.07 rather than 0.14.

Records causal_elasticity (a row a store, outcome, estimator and category), causal_promotion (a row a store, outcome and
comparison) and causal_rollout (the same).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.trial import add_trial_options, partial_folder, trial_folder
from ecomlib import recorded
from ecomlib.causal import (
    Settings,
    design,
    double_ml,
    fixed_effects,
    listing_texts,
    naive,
    promotion_effect,
    rollout_effect,
    text_vectors,
)
from ecomlib.panel import make_panel
from ecomlib.stores import Store
from ecomlib.stores.simulated import make_store

TABLES = ("causal_elasticity", "causal_promotion", "causal_rollout")
OUTCOMES = {"demand": ("demand", None), "sales": ("units", None), "sales in stock": ("units", "in_stock")}


def elasticities(store: Store, frame: pd.DataFrame, vectors: np.ndarray) -> Iterator[dict[str, Any]]:
    """Every estimator on every outcome, beside the truth."""
    truth = store.truth.elasticity.set_index("category")["elasticity"]
    quality = store.truth.quality["quality"].to_numpy()[:, None]
    width = vectors.shape[1] // 2
    for outcome, (y, exposure) in OUTCOMES.items():
        given: dict[str, Any] = {"y": y, "exposure": exposure}
        found = {
            "naive": naive(frame, **given),
            "fixed effects": fixed_effects(frame, **given),
            "DML without text": double_ml(frame, None, **given).table,
            "DML with text, logs": double_ml(frame, vectors, final="linear", **given).table,
            "DML with text": double_ml(frame, vectors, **given).table,
            "DML, perfect confounder": double_ml(frame, quality, **given).table,
        }
        if outcome != "sales":
            found["DML with descriptions only"] = double_ml(frame, vectors[:, width:], **given).table
        if outcome == "demand":
            found["naive, logs"] = naive(frame, final="linear", **given)
            found["DML with text, 64 components"] = double_ml(
                frame, vectors, settings=Settings(components=64), **given
            ).table
        for estimator, table in found.items():
            for row in table.to_dict("records"):
                yield {"outcome": outcome, "estimator": estimator, **row, "truth": truth[row["category"]]}


def promotions(store: Store, frame: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """The three comparisons beside the mean effect, on log demand, of the promotions that each of them uses."""
    known = store.truth.elasticity.set_index("category").loc[frame["category"]]
    effect = known["promotion"].to_numpy() + known["elasticity"].to_numpy() * np.log(1 - frame["depth"].to_numpy())
    promoted, coin = frame["promoted"].to_numpy() > 0.5, frame["promo_experiment"].to_numpy(dtype=bool)
    used = {"targeted": promoted & ~coin, "randomised": promoted & coin, "weighted": promoted}
    for outcome, (y, exposure) in OUTCOMES.items():
        for how, rows in used.items():
            found = promotion_effect(frame, how, y=y, exposure=exposure)  # type: ignore[arg-type]
            yield {
                "outcome": outcome,
                "comparison": how,
                "estimate": found.estimate,
                "low": found.low,
                "high": found.high,
                "truth": effect[rows].mean(),
            }


def rollouts(store: Store, draws: int) -> Iterator[dict[str, Any]]:
    """All regions compared, and those of one row of the map, which share the wind."""
    demand = store.truth.panel("demand", by=("region_id",)).rename(columns={"unique_id": "region_id", "value": "y"})
    starts = store.truth.rollout.merge(store.regions[["region_id", "row"]], on="region_id")
    for outcome, panel in (("demand", demand), ("sales", make_panel(store.observed(), by=("region_id",)))):
        for within in (None, "row"):
            found = rollout_effect(panel, starts, np.random.default_rng(0), within=within, draws=draws)
            yield {
                "outcome": outcome,
                "compared": within or "all",
                "estimate": found.effect.estimate,
                "low": found.effect.low,
                "high": found.effect.high,
                "p_value": found.p_value,
                "truth": starts["effect"].iloc[0],
            }


def on_one_store(size: str, seed: int, misspecified: bool, text: bool, smoke: bool) -> dict[str, pd.DataFrame]:
    """The rows of the three tables that one store gives, with the seconds of processor time it took."""
    started = time.process_time()
    store = make_store(size, seed, misspecified=misspecified)
    frame = design(store.observed(), demand=store.truth.panel("demand"))
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
    if text:
        rows["causal_elasticity"] = list(elasticities(store, frame, _vectors(store, smoke)))
    rows["causal_promotion"] = list(promotions(store, frame))
    rows["causal_rollout"] = list(rollouts(store, 99 if smoke else 999))
    facts = {"seed": seed, "misspecified": misspecified, "store_seconds": round(time.process_time() - started, 1)}
    return {name: pd.DataFrame([facts | row for row in table]) for name, table in rows.items()}


def _vectors(store: Store, smoke: bool) -> np.ndarray:
    texts = listing_texts(store)
    if not smoke:
        return text_vectors(texts)
    from sklearn.feature_extraction.text import HashingVectorizer

    words = HashingVectorizer(n_features=32)
    return np.hstack([words.transform(texts[part]).toarray() for part in ("title", "description")])


def summary(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """Error, bias and coverage over the stores."""
    value = "elasticity" if name == "causal_elasticity" else "estimate"
    what = next(c for c in ("estimator", "comparison", "compared") if c in table)
    miss = table[value] - table["truth"]
    inside = (table["low"] <= table["truth"]) & (table["truth"] <= table["high"])
    width = table["high"] - table["low"]
    all_of = table.assign(error=miss.abs(), bias=miss, covered=inside, width=width)
    group = all_of.groupby(["misspecified", "outcome", what], sort=False)
    found = group.agg(
        estimate=(value, "mean"),
        truth=("truth", "mean"),
        error=("error", "mean"),
        bias=("bias", "mean"),
        covered=("covered", "mean"),
        width=("width", "mean"),
        stores=("seed", "nunique"),
    )
    return found.round(3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_trial_options(parser, "a tiny store, no encoder; records nothing")
    parser.add_argument("--resume", action="store_true", help="keep the stores that a run before has finished")
    asked = parser.parse_args()
    smoke = asked.smoke
    plan = [(seed, False, True) for seed in range(12)] + [(seed, True, True) for seed in range(3)]
    plan += [(seed, False, False) for seed in range(12, 24)]
    plan = [(1, False, True)] if smoke else plan
    with tempfile.TemporaryDirectory() as trial, trial_folder(asked) as folder:
        partial = Path(trial) if smoke else partial_folder("causal")
        partial.mkdir(parents=True, exist_ok=True)
        found: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
        for seed, misspecified, text in plan:
            files = {name: partial / f"{name}-{seed}-{misspecified}.parquet" for name in TABLES}
            if not (asked.resume and all(file.is_file() for file in files.values())):
                for name, table in on_one_store("tiny" if smoke else "small", seed, misspecified, text, smoke).items():
                    table.to_parquet(files[name], index=False)
            for name, file in files.items():
                found[name].append(pd.read_parquet(file))
            print(f"seed {seed}{' misspecified' if misspecified else ''} done", flush=True)
        tables = {name: pd.concat([t for t in parts if len(t)], ignore_index=True) for name, parts in found.items()}
        each = tables["causal_promotion"].drop_duplicates(["seed", "misspecified"])
        for name, table in tables.items():
            print(f"\n{name}\n{summary(name, table).to_string()}", flush=True)
            recorded.write(
                name,
                table,
                script=__file__,
                command="python -m benchmarks.simulated.causal",
                protocol=f"protocol N; small stores of seeds {table['seed'].min()} to {table['seed'].max()}, 3 more "
                "misspecified; settings chosen on seeds 100 and 101; seconds are of all three tables",
                seconds=float(each["store_seconds"].sum()),
                smoke=smoke,
                directory=folder,
                measured=["store_seconds"],
            )


if __name__ == "__main__":
    main()
