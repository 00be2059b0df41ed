"""Lesson 09 on ten simulated stores: what right chances earn in Advent, and what a longer memory is worth.

    python -m benchmarks.simulated.advent             # stores 0 to 19; --only 10 11 does these and stops
    python -m benchmarks.simulated.advent --smoke     # seconds, a tiny store; records nothing

**Money.** Help costs 0.8 a visit and adds 3.2 to an order that comes; reckoned with each visit's true chance. Zero is
the best of the rules that need no model, chosen on stores 0 to 9; one is the reference that knows what each visitor
came for. Two Advents from the same visits: ``rate``, where of the visits without an order 45 % are kept (a prior shift
and nothing else), and ``people``, where half of those who pass by or browse stay at home, whatever they would have done
(buyers and idlers alike then come for other reasons than in training). ``misspecified``: the first Advent on three
stores whose demand breaks four assumptions.

**Memory.** Customers: an LSTM with two heads (three trainings, log-odds averaged) against trees and logistic regression
that read the same 52 numbers, AUC of both labels. Visits: trees that read this visit against trees that read the two
before it as well.

Expected, written after stores 0 and 3 had been looked at and before stores 10 to 19 were:

- Zero is "whoever searched", 100 to 110 in 1,000 visits. A threshold on raw chances earns 55 to 65, **less than zero**;
  with the odds moved by the estimated share 140 to 165, about .3 of the way from zero to the reference, and as much as
  with the share known. The likeliest half earns the same: it is the share that the right threshold marks. The share
  that would have paid best in November earns under 60.
- Chances multiplied instead of their odds: ECE .02, and the same money. One threshold does not notice.
- With other people the estimate without labels overshoots: its ECE is above that of the share known, and that is above
  .02. Money: the estimate earns less than the raw chances do (on two tiny stores it lost 90 to them).
- Misspecified stores are as the others, within their spread: sessions are made from orders, not from demand's law.
- Customers: trees above the LSTM by .002 to .006 on both labels (reading the same numbers), logistic regression level
  with it. Visits: two visits more are worth +.002 to +.007 to trees; the type is drawn anew each time, but who has just
  bought is another matter.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.simulated.intent import KEPT, TREES, periods, visits
from benchmarks.trial import add_trial_options, partial_folder, trial_folder
from ecomlib import features, load_store, recorded
from ecomlib.decisions import intent
from ecomlib.decisions.shop.offer_rule import Visits
from ecomlib.evaluation import calibration, ranking
from ecomlib.evaluation import share as shares
from ecomlib.models.tasks import TaskNetwork, TaskRows, TaskSettings
from ecomlib.stores import Store
from ecomlib.stores.simulated import make_store
from ecomlib.training import TrainSettings, fit

CHOOSING, STORES, BROKEN = tuple(range(10)), tuple(range(10, 20)), (10, 11, 12)
COST, EXTRA = 0.8, 3.2
AT_HOME, OF_THESE = 0.5, 2  # half of the visits of the two kinds that buy least
SEEDS = (0, 1, 2)
PLAIN = ("nobody", "everybody", "whoever searched", "pages above the median", "minutes above the median", "best source")
OURS, RAW, REFERENCE = "threshold, share estimated", "threshold, raw chances", "knows why they came"


def trees_of(x: np.ndarray, label: np.ndarray) -> Any:
    """LightGBM with the settings of ``intent_n``."""
    from lightgbm import LGBMClassifier

    return LGBMClassifier(**TREES).fit(x, label)


def rules_of(
    learn: pd.DataFrame, november: tuple[np.ndarray, np.ndarray], rows: pd.DataFrame, raw: np.ndarray, true: np.ndarray
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Whom each rule helps, (n,) booleans, and how right each kind of chance is."""
    y, trained = rows["buys"].to_numpy(), float(learn["buys"].mean())
    now, guessed = float(y.mean()), calibration.share_from_chances(raw, trained)
    limit = intent.threshold(false_alarm=COST, miss=EXTRA - COST)
    said = {"raw": raw, "known": calibration.prior_shift(raw, trained, now)}
    said |= {
        "estimated": calibration.prior_shift(raw, trained, guessed),
        "multiplied": (raw * guessed / trained).clip(0, 1),
    }
    first, label = november
    falling = np.argsort(-first, kind="stable")
    paid = (int(np.cumsum(label[falling] * EXTRA - COST).argmax()) + 1) / len(label)
    by_source = learn.groupby("source")["buys"].mean()
    rules = {"nobody": np.zeros(len(y), dtype=bool), "everybody": np.ones(len(y), dtype=bool)}
    rules["whoever searched"] = rows["searches"].to_numpy() > 0
    for name in ("pages", "minutes"):
        rules[f"{name} above the median"] = rows[name].to_numpy() > learn[name].median()
    rules["best source"] = (rows["source"] == by_source.idxmax()).to_numpy()
    for name, share in (
        ("the likeliest tenth", 0.1),
        ("the likeliest half", 0.5),
        ("share that paid in November", paid),
    ):
        rules[name] = intent.dearest(raw, share)
    rules |= {RAW: raw > limit, "threshold, share known": said["known"] > limit, OURS: said["estimated"] > limit}
    rules |= {"threshold, chances multiplied": said["multiplied"] > limit, REFERENCE: true > limit}
    facts = {"share": now, "share_estimated": guessed, "auc": ranking.auc(y, raw), "visits": float(len(y))}
    facts |= {f"ece_{name}": calibration.ece(y, chance) for name, chance in (said | {"true": true}).items()}
    return rules, facts


def advents(store: Store, seed: int) -> list[dict[str, Any]]:
    """Rows of both Advents of a store: money of each rule in 1,000 visits, and the calibration."""
    rows = visits(store)
    learn, november, rated = periods(rows, np.random.default_rng(seed))
    kind, chance = np.asarray(store.truth.visit_type), store.truth.conversion["probability"].to_numpy()
    everybody = rows[
        (rows["started_at"] >= rated["started_at"].min()) & (rows["started_at"] <= rated["started_at"].max())
    ]
    idle = np.isin(kind[everybody["visit"]], np.argsort(chance)[:OF_THESE])
    other = everybody[~idle | (np.random.default_rng(seed).random(len(everybody)) >= AT_HOME)]
    read = Visits.learnt(learn.drop(columns=["buys", "returns", "visit"]))
    model = trees_of(read(learn), learn["buys"].to_numpy())
    past = model.predict_proba(read(november))[:, 1], november["buys"].to_numpy()
    lines = []
    for name, part in (("rate", rated), ("people", other)):
        true = chance[kind[part["visit"]]]
        true = true / (true + (1 - true) * KEPT) if name == "rate" else true  # the factor on the odds is 1 / KEPT
        rules, facts = rules_of(learn, past, part, model.predict_proba(read(part))[:, 1], true)
        head = {"store": seed, "advent": name}
        lines += [
            {"what": "money", "rule": rule, "value": 1000 * float(((true * EXTRA - COST) * helped).mean())}
            | {"helped": float(helped.mean())}
            | head
            for rule, helped in rules.items()
        ]
        lines += [{"what": "chances"} | head | facts]
    return lines


def memory(store: Store, seed: int, smoke: bool) -> list[dict[str, Any]]:
    """Rows of both questions of memory: customers' weeks, and earlier visits."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, known, asked, labels = customers(store, 4 if smoke else 13)
    flat, then = x.reshape(len(x), -1), {task: label[known] for task, label in labels.items()}
    odds = []
    for start in SEEDS[: 1 if smoke else 3]:
        made = TaskNetwork(TaskSettings(x.shape[-1], tuple(labels), "lstm", hidden=32, layers=1, seed=start))
        rounds = 3 * max(1, 20_000 // int(known.sum()))
        fit(
            made, TaskRows.make(x[known], then), None, TrainSettings(epochs=rounds, batch_size=512, lr=5e-3, seed=start)
        )
        odds.append(
            calibration.log_odds(made.chances(TaskRows.make(x[asked], {k: v[asked] for k, v in labels.items()})))
        )
    said = {"LSTM, two heads": np.mean(odds, axis=0)}
    logistic = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    each = {
        "trees": [trees_of(flat[known], y).predict_proba(flat[asked])[:, 1] for y in then.values()],
        "logistic": [logistic.fit(flat[known], y).predict_proba(flat[asked])[:, 1] for y in then.values()],
        "recency": [-x[asked][:, -1, 3]] * 2,
    }
    said |= {name: np.column_stack(parts) for name, parts in each.items()}
    lines = [
        {
            "what": "memory",
            "store": seed,
            "task": task,
            "rule": name,
            "auc": ranking.auc(labels[task][asked], score[:, k]),
        }
        for name, score in said.items()
        for k, task in enumerate(labels)
    ]
    rows = visits(store)
    learn, november, _ = periods(rows, np.random.default_rng(seed))
    read = Visits.learnt(learn.drop(columns=["buys", "returns", "visit"]))
    for count, name in ((1, "this visit"), (3, "and the two before")):
        wide = before(read(rows), rows, count)
        at = [rows.index.get_indexer(part.index) for part in (learn, november)]
        found = trees_of(wide[at[0]], learn["buys"].to_numpy()).predict_proba(wide[at[1]])[:, 1]
        score = ranking.auc(november["buys"].to_numpy(), found)
        lines.append({"what": "memory", "store": seed, "task": "visit", "rule": name, "auc": score})
    return lines


def before(x: np.ndarray, rows: pd.DataFrame, count: int) -> np.ndarray:
    """Covariates of each visit beside those of the customer's last ones and how these ended, zeros without, (n, C)."""
    order = np.lexsort((rows["started_at"], rows["customer_id"]))
    who, bought = rows["customer_id"].to_numpy()[order], rows["buys"].to_numpy()[order]
    parts = [x]
    for k in range(1, count):
        same = np.zeros(len(rows), dtype=bool)
        same[k:] = who[k:] == who[:-k]
        earlier = np.where(same[:, None], np.roll(np.column_stack([x[order], bought]), k, axis=0), 0.0)
        back = np.empty_like(earlier)
        back[order] = earlier
        parts.append(back)
    return np.hstack(parts)


def customers(store: Store, ahead: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """What lesson 09's section 1 reads of customers: (n, 13, 4), which rows were known, which are asked, two labels."""
    shop = store.observed()
    history = features.customer_panel(shop, ahead=ahead)
    lines = shop.orders.dropna(subset=["customer_id"])
    week = lines["ordered_at"].dt.to_period("W-SUN").dt.start_time.rename("ds")
    back = lines.assign(ds=week).pivot_table("returned", "customer_id", "ds", "sum", fill_value=0)
    back = back.reindex(columns=pd.date_range(week.min(), week.max(), freq="7D"), fill_value=0)
    coming = back.T.iloc[::-1].rolling(ahead, min_periods=1).sum().iloc[::-1].T > 0
    who, when = (coming.axes[k].get_indexer(history[name]) for k, name in enumerate(("unique_id", "ds")))
    history["sends_back"] = coming.to_numpy()[who, when].astype(float)
    origin = history["ds"].max()
    by_customer = history.groupby("unique_id")
    active = by_customer["gap"].shift(1) < 13
    every = history["ds"].rank(method="dense") % 8 == 0
    known = active & every & (history["ds"] <= origin - pd.Timedelta(weeks=ahead))
    asked = active & (history["ds"] == origin)
    used = (known | asked).to_numpy()
    reads = ["log_orders", "log_units", "log_money", "log_gap"]
    weeks = [by_customer[reads].shift(k)[used].fillna(0.0).to_numpy(np.float32) for k in range(13, 0, -1)]
    labels = {"orders": history["y"].to_numpy()[used], "sends back": history["sends_back"].to_numpy()[used]}
    return np.stack(weeks, axis=1), known[used].to_numpy(), asked[used].to_numpy(), labels


def verdicts(table: pd.DataFrame, chosen: tuple[int, ...], judged: tuple[int, ...]) -> dict[str, Any]:
    """Choose zero on some stores; on the others the shares, and the differences, with intervals over stores."""
    money = table[table["what"] == "money"].rename(columns={"rule": "policy", "value": "profit"})
    plain = money[money["store"].isin(chosen) & money["policy"].isin(PLAIN) & (money["advent"] == "rate")]
    zero = str(plain.groupby("policy")["profit"].mean().idxmax())
    told: dict[str, Any] = {"zero": zero}
    for advent in ("rate", "people"):
        played = money[money["store"].isin(judged) & (money["advent"] == advent)]
        for policy in (OURS, "threshold, share known", RAW, "the likeliest half"):
            found = shares.share(played, policy, zero, REFERENCE, rng=np.random.default_rng(0))
            told[f"{advent}: share of the way, {policy}"] = [
                round(v, 3) for v in (found.estimate, found.low, found.high)
            ]
        for other in (RAW, zero, "threshold, share known", "the likeliest half"):
            gap = np.subtract(*shares.profits(played, OURS, other))
            told[f"{advent}: {OURS} less {other}"] = over_stores(gap)
    auc = (
        table[(table["what"] == "memory") & table["store"].isin(judged)]
        .set_index(["task", "rule", "store"])["auc"]
        .sort_index()
    )
    for task in ("orders", "sends back"):
        for other in ("trees", "logistic", "recency"):
            told[f"{task}: LSTM less {other}"] = over_stores(
                (auc[task, "LSTM, two heads"] - auc[task, other]).to_numpy(), 4
            )
    told["visit: two more less one"] = over_stores(
        (auc["visit", "and the two before"] - auc["visit", "this visit"]).to_numpy(), 4
    )
    return told


def over_stores(gap: np.ndarray, digits: int = 1) -> list[float]:
    """Mean of paired differences and its 95 % interval, stores drawn anew."""
    weight = np.random.default_rng(0).multinomial(len(gap), np.full(len(gap), 1 / len(gap)), size=4000) / len(gap)
    ends = np.quantile(weight @ gap, [0.025, 0.975])
    return [round(float(value), digits) for value in (gap.mean(), *ends)]


def one_store(seed: int, smoke: bool) -> pd.DataFrame:
    """All rows of a store."""
    store = load_store("simulated", size="tiny" if smoke else "small", seed=seed)
    lines = advents(store, seed)
    if smoke or seed in STORES:
        lines += memory(store, seed, smoke)
    if seed in BROKEN and not smoke:
        broken = make_store("small", seed, misspecified=True)
        lines += [line | {"advent": "misspecified"} for line in advents(broken, seed) if line["advent"] == "rate"]
    return pd.DataFrame(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=int, nargs="*", default=[], help="compute these stores, keep them, and stop")
    add_trial_options(parser, "seconds, a tiny store; records nothing")
    options = parser.parse_args()
    started, parts, folder = time.process_time(), [], partial_folder("advent")
    for seed in options.only or ((0, 1) if options.smoke else (*CHOOSING, *STORES)):
        path = folder / f"{seed}.parquet"
        if options.smoke:
            parts.append(one_store(seed, True).assign(seconds=0.0))
            continue
        if not path.is_file():
            before_it = time.process_time()
            made = one_store(seed, False)
            path.parent.mkdir(parents=True, exist_ok=True)
            made.assign(seconds=time.process_time() - before_it).to_parquet(path)
        parts.append(pd.read_parquet(path))
        print(f"store {seed}: {parts[-1]['seconds'].iloc[0]:.0f} s", flush=True)
    table = pd.concat(parts, ignore_index=True)
    if options.only:
        return
    told = verdicts(table, (0, 1) if options.smoke else CHOOSING, (0, 1) if options.smoke else STORES)
    for name, value in told.items():
        print(f"{name}: {value}")
    own = 0.0 if options.smoke else float(table.groupby("store")["seconds"].first().sum())
    with trial_folder(options) as where:
        recorded.write(
            "advent_n",
            table.drop(columns="seconds"),
            script=__file__,
            command="python -m benchmarks.simulated.advent",
            protocol="S and D on simulated stores: help in Advent by rule (zero chosen on stores 0 to 9, judged on 10 "
            "to 19), and what a longer memory is worth",
            seconds=own or time.process_time() - started,
            facts={"verdicts": told, "cost": COST, "extra": EXTRA},
            smoke=options.smoke,
            directory=where,
        )


if __name__ == "__main__":
    main()
