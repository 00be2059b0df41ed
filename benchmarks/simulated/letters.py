"""Protocol D, letters: whom to write to, and what the letters of a month do in half a year.

    python -m benchmarks.simulated.letters --tune    # stores 0 to 9: writes tuning/letters.csv; resumes
    python -m benchmarks.simulated.letters --test    # stores 10 to 19, once: logged and recorded; resumes
    python -m benchmarks.simulated.letters --smoke   # one tiny store; records nothing

Each small store has written twelve letters to customers drawn with a known propensity. When its books end, policies
choose who on the list gets one more; the shop does not know who has left. The truth then says how many orders more each
letter brings, in 28 days and in 26 weeks, and an order is worth the mean margin of the books' orders, the same for
both. A letter costs 0.10 (as in the game), and 0.50 beside it. Nothing is played: values are expected, without luck.

Zero is the best on stores 0 to 9 of three rules without a model: nobody, everybody, bought within 60 days. One is the
reference that knows each customer's effect and who is still there. Rivals beside: a response model (who orders most
when written to; how many are written to is read off the log), and the table of the experiment (mean differences by
group of taste and whether one bought within 60 days). All read the columns of ``decisions.letters``, as they were at
each letter, and none writes to who has been silent for half a year.

Outcomes that are learnt from the log, each list judged at both horizons: orders in the 7 days after a letter, as long
as it works; in 28 days; and one for 26 weeks, chosen on stores 0 to 9 among three (``LONG``).

Primary comparison, named on stores 0 to 9: the DR learner on 7 days against the zero, at 0.10 a letter, in 26 weeks.
It alone carries a verdict word; what else the DR list earns more than its rivals stands with intervals over stores,
beside the smallest difference that ten stores could have shown (half the interval's width). The share is told from
protocol D's zero, which decides about the bars, and from "nobody" too: the bars, .60 and .50, were set after prototypes
whose zero was not written down, and from nobody they are about what stores 0 to 9 show.

The truth is of a mean day: a customer's pace has no season in it.

*Expected, written before stores 10 to 19 were made* (stores 0 to 9 and the prototypes of protocol D had been seen):

- Writing to everybody at 0.10 a letter gains 250 a store in 28 days and loses 200 in 26 weeks: the sign flips in most
  of the ten stores.
- The outcome matters more than the learner: of each learner's lists that on 7 days is the best, at both horizons. Later
  orders are mostly noise, and cost more than what they tell: 26 weeks are learnt better from a week.
- At 0.10 the DR list on 7 days goes .1 to .3 of the way from "bought within 60 days" to the reference in 28 days, and
  .25 to .4 in 26 weeks; at 0.50 .4 to .55 and .35 to .5 from "nobody". So the bars, .60 and .50, are missed; from
  nobody it would be .65 and .54 at 0.10, and they would be met.
- The primary comparison comes out better, by about 480 a store. At 0.10 the list is surely above "bought within 60
  days" and the response model, at both horizons; the table of the experiment, eight cells, is not told apart from it at
  0.10, and is behind at 0.50.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.trial import add_trial_options, log_scorings, partial_folder, trial_folder
from ecomlib import recorded
from ecomlib.decisions.letters import (
    LetterRules,
    Purchases,
    TasteGroups,
    columns_at,
    fit_groups,
    letter_log,
    purchases_of,
)
from ecomlib.decisions.qini import gain_curve
from ecomlib.decisions.uplift import LEARNERS, Experiment, Learner, fit_effect
from ecomlib.evaluation.share import gain, headroom, is_little, share
from ecomlib.stores import Store
from ecomlib.stores.simulated import make_store

SCORES_TEST_PART = True  # the queue of recorded runs leaves this script out unless it is asked to
TUNING_FILE = Path(__file__).resolve().parent / "tuning" / "letters.csv"
TUNING, TEST = tuple(range(10)), tuple(range(10, 20))
COSTS, HORIZONS = (0.10, 0.50), ("28d", "26w")
HUGE = 100  # units that no household buys
RULES = LetterRules()  # 28 days, four groups of taste, 60 days, 182 days; ridge of 3,000
PACES = 5  # columns of pace before the groups'
Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Shop:
    """What a store knows when its books end: no truth. ``margin`` is of a mean order, money."""

    bought: Purchases
    mailings: pd.DataFrame
    groups: TasteGroups
    margin: float


def shop_of(store: Store) -> Shop:
    """Read the tables that lists are made of."""
    assert store.customers is not None
    lines = store.orders[store.orders["customer_id"].notna().to_numpy() & (store.orders["quantity"] < HUGE).to_numpy()]
    end = store.orders["ordered_at"].max().normalize() + pd.Timedelta(days=1)
    bought = purchases_of(lines, store.products, store.customers["customer_id"], end)
    cost = lines["product_id"].map(store.products.set_index("product_id")["unit_cost"]).to_numpy(dtype=float)
    margin = (lines["quantity"].to_numpy() * (lines["unit_price"].to_numpy(dtype=float) - cost)).sum()
    groups = fit_groups(bought.tastes(bought.end), RULES.groups, np.random.default_rng(0))
    return Shop(bought, store.mailings, groups, float(margin / lines["order_id"].nunique()))


WEEK, MONTH, HALF = 7, 28, 182


def week(bought: Purchases, day: int) -> Floats:
    """Orders in 7 days: as long as a letter works, and the least noise."""
    return bought.orders(day, day + WEEK)


def month(bought: Purchases, day: int) -> Floats:
    """Orders in 28 days."""
    return bought.orders(day, day + MONTH)


def half_year(bought: Purchases, day: int) -> Floats:
    """Orders in 26 weeks: what is asked for, and the noisiest."""
    return bought.orders(day, day + HALF)


def carried_on(bought: Purchases, day: int) -> Floats:
    """Orders in 28 days, and those of the next twelve weeks as if they went on until week 26."""
    return month(bought, day) + bought.orders(day + MONTH, day + 112) * (HALF - MONTH) / (112 - MONTH)


def still_buying(bought: Purchases, day: int) -> Floats:
    """Orders in 28 days, and whether one is still buying in the 90 days after them, at what such a one orders."""
    later = bought.orders(day + MONTH, day + MONTH + 90)
    worth = (HALF - MONTH) / 90 * later[later > 0].mean() if (later > 0).any() else 0.0
    return month(bought, day) + worth * (later > 0)


SHORT = {"week": (week, WEEK), "month": (month, MONTH)}
LONG = {"half a year": (half_year, HALF), "carried on": (carried_on, 112), "still buying": (still_buying, MONTH + 90)}


def log_of(shop: Shop, outcome: str) -> Experiment:
    """All letters whose outcome is known when the books end."""
    of, days = (SHORT | LONG)[outcome]
    return letter_log(shop.bought, shop.mailings, shop.groups, replace(RULES, days=days), of)[0]


# --- base learners ---


def ridge() -> Any:
    """A linear model of the columns."""
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), Ridge(RULES.strength))


def trees() -> Any:
    """LightGBM for squared error."""
    from lightgbm import LGBMRegressor

    plain: dict[str, Any] = {"verbose": -1, "n_jobs": 1, "deterministic": True, "force_row_wise": True, "seed": 0}
    return LGBMRegressor(n_estimators=100, num_leaves=8, learning_rate=0.05, min_child_samples=300, **plain)


BASES = {"ridge": ridge, "trees": trees}
CHOSEN = {"learner": "DR", "base": "ridge", "outcome": "week", "long": "still buying"}
LIST = f"{CHOSEN['learner']}, {CHOSEN['base']}, {CHOSEN['outcome']}"
NOBODY, EVERYBODY, LATELY = "nobody", "everybody", "bought within 60 days"
REFERENCE = "knows each effect"
PRIMARY = (0.10, "26w")  # against the zero


# --- lists ---


def cells(x: Floats) -> Whole:
    """The likeliest group of taste, and whether one bought lately: the columns as ``columns_at`` makes them."""
    return (2 * x[:, PACES :: PACES + 1].argmax(axis=1) + x[:, 0]).astype(np.int64)


def table_effect(log: Experiment, now: Floats) -> Floats:
    """The table of the experiment: weighted mean differences by cell."""
    at, count = cells(log.known), 2 * RULES.groups
    w, e, y = log.treated, log.propensity, log.outcome
    with np.errstate(divide="ignore", invalid="ignore"):
        means = [np.bincount(at, v * y, count) / np.bincount(at, v, count) for v in (w / e, (1 - w) / (1 - e))]
    return np.nan_to_num(means[0] - means[1])[cells(now)]


def response(log: Experiment, now: Floats, make: Any) -> tuple[pd.DataFrame, Floats, Floats]:
    """What a treated customer orders: the log's gain curve by it, out of fold, its quantiles there, and it now."""
    fold, score = np.arange(len(log)) % 2, np.zeros(len(log))
    for k in range(2):
        kept = (fold != k) & (log.treated == 1)
        score[fold == k] = make().fit(log.known[kept], log.outcome[kept]).predict(log.known[fold == k])
    curve = gain_curve(score, log.outcome, log.treated, log.propensity, rng=np.random.default_rng(0), points=20)
    kept = log.treated == 1
    least = np.quantile(score, 1 - curve["share"].to_numpy())
    return curve, least, np.asarray(make().fit(log.known[kept], log.outcome[kept]).predict(now))


def response_list(found: tuple[pd.DataFrame, Floats, Floats], price: float) -> NDArray[np.bool_]:
    """Those who order most when written to; as many as earned most in the log; ``price`` of a letter, in orders."""
    curve, least, now = found
    best = int((curve["gain"] - price * curve["share"]).to_numpy().argmax())
    return np.asarray(now >= least[best]) if best else np.zeros(len(now), dtype=bool)


def learnt(shop: Shop, trials: Sequence[tuple[str, str, str]]) -> dict[str, Any]:
    """Effects now, in orders, (J,), and responses, of each (outcome, base, learner)."""
    now = columns_at(shop.bought, shop.bought.end, shop.groups, RULES)
    found: dict[str, Any] = {}
    for outcome in dict.fromkeys(trial[0] for trial in trials):
        log = log_of(shop, outcome)
        for _, base, learner in (trial for trial in trials if trial[0] == outcome):
            if learner == "response":
                found[f"response, {base}, {outcome}"] = response(log, now, BASES[base])
            elif learner == "table":
                found[f"table, {outcome}"] = table_effect(log, now)
            else:
                kind: Learner = learner  # type: ignore[assignment]
                found[f"{learner}, {base}, {outcome}"] = fit_effect(kind, log, BASES[base])(now)
    return found


def lists(shop: Shop, found: dict[str, Any], cost: float) -> dict[str, Floats]:
    """Who gets a letter when the books end, as 1 and 0, (J,), by rule and by what was learnt."""
    idle, price = shop.bought.idle(shop.bought.end), cost / shop.margin
    here = idle <= RULES.forget
    made = {NOBODY: np.zeros(len(idle)), EVERYBODY: np.ones(len(idle)), LATELY: (idle < RULES.recent).astype(float)}
    for name, what in found.items():
        chosen = response_list(what, price) if isinstance(what, tuple) else what > price
        made[name] = (chosen & here).astype(float)
    return made


def judged(store: Store, shop: Shop, chosen: dict[str, Floats], cost: float, seed: int) -> pd.DataFrame:
    """Money of each list at both horizons, by the truth, a row a list and horizon."""
    truth = store.truth.customers.set_index("customer_id").reindex(shop.bought.customers)
    here = truth["left_on"].isna().to_numpy()
    rows = []
    for horizon in HORIZONS:
        worth = shop.margin * np.where(here, truth[f"mailing_orders_{horizon}"].to_numpy(), 0.0)
        made = chosen | {REFERENCE: (worth > cost).astype(float)}
        for name, sent in made.items():
            row = {"store": seed, "cost": cost, "horizon": horizon, "policy": name, "letters": sent.sum()}
            rows.append(row | {"profit": float(((worth - cost) * sent).sum()), "listed": len(sent)})
    return pd.DataFrame(rows)


def ranked(store: Store, shop: Shop, effect: Floats, seed: int) -> pd.DataFrame:
    """Money by share of the list, at both horizons, ranked by the chosen list's effects; a letter costs 0.10."""
    here_lately = shop.bought.idle(shop.bought.end) <= RULES.forget
    order = np.argsort(-np.where(here_lately, effect, -np.inf), kind="stable")
    truth = store.truth.customers.set_index("customer_id").reindex(shop.bought.customers)
    here = truth["left_on"].isna().to_numpy()
    rows = []
    for horizon in HORIZONS:
        worth = shop.margin * np.where(here, truth[f"mailing_orders_{horizon}"].to_numpy(), 0.0) - COSTS[0]
        whole = np.append(0.0, np.cumsum(worth[order]))
        for part in np.linspace(0, 1, 21):
            at = round(part * len(order))
            rows.append({"store": seed, "horizon": horizon, "share": part, "profit": float(whole[at])})
    return pd.DataFrame(rows)


def trials_of(tuning: bool) -> list[tuple[str, str, str]]:
    """Outcome, base and learner of all lists that learn. A linear S learner has one effect for all: trees alone."""
    if not tuning:
        base, long = CHOSEN["base"], CHOSEN["long"]
        named = [("trees" if kind == "S" else base, kind) for kind in (*LEARNERS, "response", "table")]
        kept = [(outcome, by, kind) for outcome in SHORT for by, kind in named]
        return kept + [(long, base, kind) for kind in ("T", "X", "DR", "response", "table")]
    kinds = [(base, kind) for base in BASES for kind in (*LEARNERS, "response") if (base, kind) != ("ridge", "S")]
    found = [(outcome, base, kind) for outcome in SHORT for base, kind in [*kinds, ("", "table")]]
    return found + [(outcome, "ridge", kind) for outcome in LONG for kind in ("T", "DR", "response", "table")]


def one_store(size: str, seed: int, tuning: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All lists of one store at both costs, and money by share."""
    store = make_store(size, seed)
    shop = shop_of(store.observed())
    found = learnt(shop, trials_of(tuning))
    parts = [judged(store, shop, lists(shop, found, cost), cost, seed) for cost in COSTS]
    return pd.concat(parts, ignore_index=True), ranked(store, shop, found[LIST], seed)


def summary(frame: pd.DataFrame, zeros: dict[tuple[float, str], str]) -> pd.DataFrame:
    """Money over stores, share of the way from zero to the reference with its interval, and headroom."""
    rows = []
    for (cost, horizon), mine in frame.groupby(["cost", "horizon"], sort=False):
        zero = zeros[cost, horizon]
        room, nil = None, mine[mine["policy"] == zero]["profit"].sum()
        if nil > 0:
            room = headroom(mine, zero, REFERENCE, rng=np.random.default_rng(0))
        for name, own in mine.groupby("policy", sort=False):
            row = {"what": "policy", "cost": cost, "horizon": horizon, "policy": name, "zero": zero}
            row |= {"profit": own["profit"].mean(), "letters": (own["letters"] / own["listed"]).mean()}
            row |= {"least": own["profit"].min(), "below_nobody": int((own["profit"] < 0).sum())}
            for origin, column in ((zero, "share"), (NOBODY, "from_nobody")):
                part = share(mine, str(name), origin, REFERENCE, rng=np.random.default_rng(0))
                row |= {column: part.estimate, f"{column}_low": part.low, f"{column}_high": part.high}
            if room is not None:
                row |= {"headroom": room.estimate, "headroom_low": room.low, "leave_it": is_little(room)}
            rows.append(row)
    return pd.DataFrame(rows)


def paired(frame: pd.DataFrame, zeros: dict[tuple[float, str], str], draws: int = 4000) -> pd.DataFrame:
    """What the chosen list earns more a store than each rival, with its interval by redrawing stores."""
    rows: list[dict[str, Any]] = []
    for (cost, horizon), mine in frame.groupby(["cost", "horizon"], sort=False):
        money = mine.pivot_table("profit", "store", "policy")
        picked = np.random.default_rng(0).integers(len(money), size=(draws, len(money)))
        for rival in money.columns.drop(LIST):
            more = (money[LIST] - money[rival]).to_numpy()
            low, high = np.quantile(more[picked].mean(axis=1), [0.025, 0.975])
            row = {"what": "paired", "cost": cost, "horizon": horizon, "policy": LIST, "rival": rival}
            row |= {"more": more.mean(), "low": low, "high": high, "detectable": (high - low) / 2}
            row |= {"ahead": int((more > 0).sum()), "stores": len(more)}
            named = (cost, horizon) == PRIMARY and rival == zeros[cost, horizon]
            if named and len(more) > 1:
                part = gain(mine, LIST, rival, rng=np.random.default_rng(0))
                row |= {"part": part.estimate, "part_low": part.low, "part_high": part.high}
            rows.append(row | {"primary": named})
    return pd.DataFrame(rows)


def best_rules(frame: pd.DataFrame) -> dict[tuple[float, str], str]:
    """The rule without a model that earned most, by cost and horizon."""
    rules = frame[frame["policy"].isin([NOBODY, EVERYBODY, LATELY])]
    money = rules.pivot_table("profit", ["cost", "horizon"], "policy", aggfunc="sum")
    return {(float(cost), str(horizon)): str(row.idxmax()) for (cost, horizon), row in money.iterrows()}


ZEROS: dict[tuple[float, str], str] = {
    (cost, horizon): LATELY if cost < 0.5 else NOBODY for cost in COSTS for horizon in HORIZONS
}  # by ``best_rules`` on stores 0 to 9


def gathered(size: str, seeds: Sequence[int], tuning: bool, folder: Path | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All stores; each kept in a folder, where there is one."""
    parts: list[list[pd.DataFrame]] = [[], []]
    for seed in seeds:
        files = [] if folder is None else [folder / f"{kind}-{tuning}-{seed}.parquet" for kind in ("lists", "share")]
        if files and all(file.is_file() for file in files):
            made = tuple(pd.read_parquet(file) for file in files)
        else:
            made = one_store(size, seed, tuning)
            for file, part in zip(files, made, strict=False):
                file.parent.mkdir(parents=True, exist_ok=True)
                part.to_parquet(file, index=False)
        for part, one in zip(parts, made, strict=True):
            part.append(one)
        print(f"seed {seed}", flush=True)
    return pd.concat(parts[0], ignore_index=True), pd.concat(parts[1], ignore_index=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tune", action="store_true", help="stores 0 to 9; writes tuning/letters.csv")
    parser.add_argument("--test", action="store_true", help="stores 10 to 19: logged and recorded")
    add_trial_options(parser, "one tiny store; records nothing")
    options = parser.parse_args()
    if not options.smoke and options.tune + options.test != 1:
        parser.error("one of --tune, --test and --smoke")
    began, shown = time.process_time(), ["cost", "horizon", "policy", "profit", "letters", "share", "share_low"]
    if options.tune:
        frame, _ = gathered("small", TUNING, True, partial_folder("letters"))
        zeros = best_rules(frame)
        table = summary(frame, zeros)
        print(zeros)
        print(table[[*shown, "from_nobody"]].round(3).to_string(index=False))
        print(paired(frame, zeros).drop(columns=["what", "policy"]).round(3).to_string(index=False))
        TUNING_FILE.parent.mkdir(exist_ok=True)
        kept = table[["cost", "horizon", "policy", "zero", "profit", "letters", "least", "share"]].round(4)
        kept.to_csv(TUNING_FILE, index=False, lineterminator="\n")
        return
    size, seeds = ("tiny", (0,)) if options.smoke else ("small", TEST)
    frame, curve = gathered(size, seeds, False, None if options.smoke else partial_folder("letters"))
    table = summary(frame, ZEROS)
    if not options.smoke:  # first of all: once the test part has been scored, the log says so
        log_scorings("D letters", pd.DataFrame({"model": table["policy"].unique()}))
    pairs = paired(frame, ZEROS)
    print(table[[*shown, "share_high", "from_nobody"]].round(3).to_string(index=False))
    print(pairs.drop(columns=["what", "policy"]).round(3).to_string(index=False))
    rows = pd.concat([table, pairs, frame.assign(what="store"), curve.assign(what="by share")], ignore_index=True)
    with trial_folder(options) as folder:
        recorded.write(
            "letters_d",
            rows,
            script=__file__,
            command="python -m benchmarks.simulated.letters --test",
            protocol="D: ten small stores, seeds 10 to 19, one more letter when the books end, judged by the truth "
            "over a month and over half a year; money a store; intervals by redrawing stores",
            seconds=time.process_time() - began,
            facts={
                "chosen": CHOSEN,
                "primary": f"{LIST} against {ZEROS[PRIMARY]}, {PRIMARY[0]:.2f} a letter, {PRIMARY[1]}",
                "zeros": {f"{cost}, {horizon}": name for (cost, horizon), name in ZEROS.items()},
            },
            smoke=options.smoke,
            directory=folder,
        )


if __name__ == "__main__":
    main()
