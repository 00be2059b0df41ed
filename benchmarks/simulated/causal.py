"""How far are the elasticities, the promotion and the roll-out from the truth, and do their intervals cover it?

    python -m benchmarks.simulated.causal  # seeds 0 to 11, also with substitution, 3 misspecified, 12 more
    python -m benchmarks.simulated.causal --resume  # goes on where a run was cut off
    python -m benchmarks.simulated.causal --smoke  # a tiny store, word counts instead of the encoder; records nothing

The settings of double machine learning were chosen on stores of seeds 100 and 101, which are not scored here. Expected
before the run: naive and fixed effects miss by 0.7, double machine learning with text by about 0.07 on demand and on
sales in stock, by 0.1 where sales are taken for demand, intervals cover nine times in ten, the targeted promotion comes
out 0.15 too low, and a roll-out compared within its own weather is known to 0.07 rather than 0.14.

Expected of what is new: a level for each text does as well as double machine learning where prices move while a text
stays, told of empty shelves (0.06, seen on seeds 0 to 3), and has nothing to say at regular prices. Where products
stand in for one another, double machine learning answers for one price and is too steep by 0.67 for a rise of all
prices; the rise of all prices misses by 0.2 there and by 0.1 where they do not. Returns at full price, which no price
moves: naive intervals leave zero out nearly always, double machine learning's one time in ten. Weeks before a roll-out,
tested together, are called different in one store of twenty.

Records causal_elasticity (a row a store, outcome, estimator, question asked and category; on the outcome "returns" the
truth is zero), causal_promotion (a row a store, outcome and comparison) and causal_rollout (the same, with what chance
alone does to the pooled estimate, and the joint test of the weeks before).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
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
    event_study,
    fixed_effects,
    listing_texts,
    naive,
    promotion_effect,
    rise_of_all_prices,
    rollout_effect,
    text_vectors,
)
from ecomlib.panel import make_panel
from ecomlib.stores import Store
from ecomlib.stores.simulated import make_store
from ecomlib.stores.simulated.settings import settings_for

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
            "text effects": fixed_effects(frame, level="listing", **given),
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
                of = {"outcome": outcome, "asked": "one price", "estimator": estimator}
                yield {**of, **row, "truth": truth[row["category"]]}


def all_prices(store: Store, frame: pd.DataFrame, vectors: np.ndarray) -> Iterator[dict[str, Any]]:
    """A rise of all prices: what the effect of one price says, and what own and cross effect say together."""
    known = store.truth.elasticity.set_index("category")
    truth = known["elasticity"] + known["substitution"]
    own = double_ml(frame, vectors, exposure="in_stock")
    both = rise_of_all_prices(frame, own, exposure="in_stock").rename(columns={"together": "elasticity"})
    for estimator, table in (("DML with text", own.table), ("own and cross", both.drop(columns="own"))):
        for row in table.to_dict("records"):
            of = {"outcome": "sales in stock", "asked": "all prices", "estimator": estimator}
            yield {**of, **row, "truth": truth[row["category"]]}


def regular_prices(store: Store, frame: pd.DataFrame, vectors: np.ndarray) -> Iterator[dict[str, Any]]:
    """The same on weeks without a promotion or a test: what the price of a text has hardly moved in."""
    truth = store.truth.elasticity.set_index("category")["elasticity"]
    rows = frame[(frame["promoted"] == 0) & (frame["price_test"] == 0)]
    given: dict[str, Any] = {"exposure": "in_stock", "controls": ()}
    found = {
        "text effects": fixed_effects(rows, level="listing", **given),
        "DML with text": double_ml(rows, vectors, **given).table,
    }
    for estimator, table in found.items():
        for row in table.to_dict("records"):
            of = {"outcome": "regular prices, in stock", "asked": "one price", "estimator": estimator}
            yield {**of, **row, "truth": truth[row["category"]]}


def negative_control(frame: pd.DataFrame, vectors: np.ndarray) -> Iterator[dict[str, Any]]:
    """The price's effect on returns of lines sold at full price, which is zero."""
    rows = frame[(frame["depth"] == 0) & (frame["lines"] > 0)]
    given: dict[str, Any] = {"y": "returns", "exposure": "lines"}
    found = {"naive": naive(rows, **given), "DML with text": double_ml(rows, vectors, **given).table}
    for estimator, table in found.items():
        for row in table.to_dict("records"):
            yield {"outcome": "returns", "asked": "one price", "estimator": estimator, **row, "truth": 0.0}


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
    """All regions compared, and those of one row of the map, which share the wind; the permutations' own spread."""
    demand = store.truth.panel("demand", by=("region_id",)).rename(columns={"unique_id": "region_id", "value": "y"})
    starts = store.truth.rollout.merge(store.regions[["region_id", "row"]], on="region_id")
    for outcome, panel in (("demand", demand), ("sales", make_panel(store.observed(), by=("region_id",)))):
        for within in (None, "row"):
            found = rollout_effect(panel, starts, np.random.default_rng(0), within=within, draws=draws)
            weeks = event_study(panel, starts, np.random.default_rng(1), within=within, draws=min(draws, 199))
            low, high = np.quantile(found.permuted, [0.025, 0.975])
            yield {
                "outcome": outcome,
                "compared": within or "all",
                "estimate": found.effect.estimate,
                "low": found.effect.low,
                "high": found.effect.high,
                "p_value": found.p_value,
                "chance_low": low,
                "chance_high": high,
                "before_p": weeks.before_p,
                "truth": starts["effect"].iloc[0],
            }


@dataclass(frozen=True)
class Case:
    """Say which store is made, and whether its texts are read."""

    seed: int
    misspecified: bool = False
    substitution: bool = False
    text: bool = True

    @property
    def facts(self) -> dict[str, Any]:
        return {"seed": self.seed, "misspecified": self.misspecified, "substitution": self.substitution}


def on_one_store(size: str, case: Case, smoke: bool) -> dict[str, pd.DataFrame]:
    """The rows of the three tables that one store gives, with the seconds of processor time it took.

    A store with substitution is asked about a rise of all prices only.
    """
    started = time.process_time()
    store = _store(size, case, smoke)
    frame = design(store.observed(), demand=store.truth.panel("demand"))
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
    if case.text:
        vectors = _vectors(store, smoke)
        rows["causal_elasticity"] = list(all_prices(store, frame, vectors))
    if case.text and not case.substitution:
        parts = elasticities(store, frame, vectors), regular_prices(store, frame, vectors)
        rows["causal_elasticity"] += [*parts[0], *parts[1], *negative_control(frame, vectors)]
    if not case.substitution:
        rows["causal_promotion"] = list(promotions(store, frame))
        rows["causal_rollout"] = list(rollouts(store, 99 if smoke else 999))
    facts = case.facts | {"store_seconds": round(time.process_time() - started, 1)}
    return {name: pd.DataFrame([facts | row for row in table]) for name, table in rows.items()}


def _store(size: str, case: Case, smoke: bool) -> Store:
    how: dict[str, Any] = {"misspecified": case.misspecified, "substitution": case.substitution}
    if not smoke:
        return make_store(size, case.seed, **how)
    # Two years of a tiny store: a rise of all prices needs to see the season twice.
    return make_store(size, case.seed, settings=replace(settings_for(size, **how), weeks=104))


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
    what = [c for c in ("asked", "estimator", "comparison", "compared") if c in table]
    miss = table[value] - table["truth"]
    inside = (table["low"] <= table["truth"]) & (table["truth"] <= table["high"])
    width = table["high"] - table["low"]
    all_of = table.assign(error=miss.abs(), bias=miss, covered=inside, width=width)
    group = all_of.groupby(["misspecified", "substitution", "outcome", *what], sort=False)
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
    plan = [Case(seed, substitution=odd) for seed in range(12) for odd in (False, True)]
    plan += [Case(seed, misspecified=True) for seed in range(3)] + [Case(seed, text=False) for seed in range(12, 24)]
    plan = [Case(1), Case(1, substitution=True)] if smoke else plan
    with tempfile.TemporaryDirectory() as trial, trial_folder(asked) as folder:
        partial = Path(trial) if smoke else partial_folder("causal")
        partial.mkdir(parents=True, exist_ok=True)
        found: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
        for case in plan:
            files = {name: partial / f"{name}-{'-'.join(map(str, case.facts.values()))}.parquet" for name in TABLES}
            if not (asked.resume and all(file.is_file() for file in files.values())):
                for name, table in on_one_store("tiny" if smoke else "small", case, smoke).items():
                    table.to_parquet(files[name], index=False)
            for name, file in files.items():
                found[name].append(pd.read_parquet(file))
            print(f"{case} done", flush=True)
        tables = {name: pd.concat([t for t in parts if len(t)], ignore_index=True) for name, parts in found.items()}
        every = pd.concat(tables.values()).drop_duplicates(["seed", "misspecified", "substitution"])
        for name, table in tables.items():
            print(f"\n{name}\n{summary(name, table).to_string()}", flush=True)
            recorded.write(
                name,
                table,
                script=__file__,
                command="python -m benchmarks.simulated.causal",
                protocol=f"protocol N; small stores of seeds {table['seed'].min()} to {table['seed'].max()}, 3 more "
                "misspecified, 12 with substitution where a rise of all prices is asked; settings chosen on seeds 100 "
                "and 101; seconds are of all three tables",
                seconds=float(every["store_seconds"].sum()),
                smoke=smoke,
                directory=folder,
                measured=["store_seconds"],
            )


if __name__ == "__main__":
    main()
