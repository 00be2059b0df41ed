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
favourite category and whether one bought within 60 days). All read the same columns as they were at each letter.

Two outcomes are learnt from the log, and each list is judged at both horizons: orders in the 28 days after a letter,
and one for 26 weeks, chosen on stores 0 to 9 among three (``LONG``).

*Expected, written before stores 10 to 19 were made* (stores 0 to 9 and the prototypes of protocol D had been seen):

EXPECTED
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.trial import add_trial_options, log_scorings, partial_folder, trial_folder
from ecomlib import recorded
from ecomlib.decisions.qini import gain_curve
from ecomlib.decisions.uplift import LEARNERS, Experiment, Learner, fit_effect
from ecomlib.evaluation.share import headroom, is_little, share
from ecomlib.stores import Store
from ecomlib.stores.simulated import make_store

SCORES_TEST_PART = True  # the queue of recorded runs leaves this script out unless it is asked to
TUNING_FILE = Path(__file__).resolve().parent / "tuning" / "letters.csv"
TUNING, TEST = tuple(range(10)), tuple(range(10, 20))
COSTS, HORIZONS = (0.10, 0.50), ("28d", "26w")
RECENT, HUGE = 60, 100  # days; units that no household buys
Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Books:
    """A store's registered orders as arrays; days count from the first, J customers, C categories."""

    customers: pd.Index
    signed_up: Whole  # (J,)
    who: Whole  # of each order
    day: Whole
    money: Floats
    units: Floats  # (orders, C), by category
    end: int  # the day after the last
    margin: float  # of a mean order, money
    letters: dict[int, tuple[Whole, Floats, Floats]]  # day -> who was listed, treated, propensity


def books_of(store: Store) -> Books:
    """Read what the shop knows: no truth."""
    customers = pd.Index(store.customers["customer_id"])
    lines = store.orders[store.orders["customer_id"].notna().to_numpy() & (store.orders["quantity"] < HUGE).to_numpy()]
    first = store.orders["ordered_at"].min().normalize()
    held = store.products.set_index("product_id")
    order, names = pd.factorize(lines["order_id"])
    quantity, price = lines["quantity"].to_numpy(dtype=float), lines["unit_price"].to_numpy(dtype=float)
    kind, kinds = pd.factorize(lines["product_id"].map(held["category"]), sort=True)
    units = np.zeros((len(names), len(kinds)))
    np.add.at(units, (order, kind), quantity)
    at = np.zeros(len(names), dtype=np.int64)
    at[order] = (lines["ordered_at"].dt.normalize() - first).dt.days.to_numpy()
    who = np.zeros(len(names), dtype=np.int64)
    who[order] = customers.get_indexer(lines["customer_id"])
    cost = lines["product_id"].map(held["unit_cost"]).to_numpy(dtype=float)
    letters = {}
    for date, rows in store.mailings.groupby("date"):
        listed = customers.get_indexer(rows["customer_id"])
        letters[(date - first).days] = (
            listed,
            rows["treated"].to_numpy(dtype=float),
            rows["propensity"].to_numpy(dtype=float),
        )
    return Books(
        customers,
        (pd.to_datetime(store.customers["signed_up_on"]) - first).dt.days.to_numpy(),
        who,
        at,
        np.bincount(order, quantity * price, len(names)),
        units,
        (store.orders["ordered_at"].max().normalize() - first).days + 1,
        float((quantity * (price - cost)).sum() / len(names)),
        letters,
    )


def known_at(books: Books, day: int) -> Floats:
    """What is known of each customer before a day, (J, F): logs of counts and of days, and shares of categories."""
    J, past = len(books.customers), books.day < day
    who, at = books.who[past], books.day[past]

    def orders_since(days: int) -> Floats:
        return np.bincount(who[at >= day - days], minlength=J).astype(float)

    last = np.full(J, -1_000)
    np.maximum.at(last, who, at)
    age = np.clip(day - books.signed_up, 1, None)
    idle = np.where(last > -1_000, day - last, age)
    total = np.bincount(who, minlength=J).astype(float)
    units = np.zeros((J, books.units.shape[1]))
    np.add.at(units, who, books.units[past])
    usual = books.units[past].sum(axis=0) / books.units[past].sum()
    shares = (units + 4 * usual) / (units.sum(axis=1, keepdims=True) + 4) - usual  # drawn towards everybody's
    counts = [orders_since(28), orders_since(91), orders_since(182), total]
    money = np.bincount(who, books.money[past], J)
    pace = total / np.clip(age, 28, None) * 28
    logs = np.log1p(np.column_stack([*counts, idle, age, money / np.maximum(total, 1), pace]))
    return np.column_stack([logs, shares, (idle < RECENT).astype(float)])


def came(books: Books, day: int, start: int, stop: int) -> Floats:
    """Orders of each customer in the days from ``start`` to ``stop`` after a day, (J,)."""
    within = (books.day >= day + start) & (books.day < day + stop)
    return np.bincount(books.who[within], minlength=len(books.customers)).astype(float)


MONTH, HALF = 28, 182


def month(books: Books, day: int) -> Floats:
    """Orders in 28 days."""
    return came(books, day, 0, MONTH)


def half_year(books: Books, day: int) -> Floats:
    """Orders in 26 weeks: what is asked for, and the noisiest."""
    return came(books, day, 0, HALF)


def carried_on(books: Books, day: int) -> Floats:
    """Orders in 28 days, and those of the next twelve weeks as if they went on until week 26."""
    return month(books, day) + came(books, day, MONTH, 112) * (HALF - MONTH) / (112 - MONTH)


def still_buying(books: Books, day: int) -> Floats:
    """Orders in 28 days, and whether one is still buying in the 90 days after them, at what such a one orders."""
    later = came(books, day, MONTH, MONTH + 90)
    worth = (HALF - MONTH) / 90 * later[later > 0].mean() if (later > 0).any() else 0.0
    return month(books, day) + worth * (later > 0)


LONG = {"half a year": (half_year, HALF), "carried on": (carried_on, 112), "still buying": (still_buying, MONTH + 90)}


def log_of(books: Books, outcome: Any, days: int) -> Experiment:
    """All letters whose outcome is known when the books end."""
    parts: list[list[Any]] = []
    for day, (who, treated, propensity) in sorted(books.letters.items()):
        if day + days <= books.end:
            parts.append([known_at(books, day)[who], treated, outcome(books, day)[who], propensity])
    x, w, y, e = (np.concatenate([part[k] for part in parts]) for k in range(4))
    order = np.random.default_rng(0).permutation(len(w))  # folds count rows
    return Experiment(x[order], w[order], y[order], e[order])


# --- base learners ---


def ridge() -> Any:
    """A linear model of the columns and their products two by two."""
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    pairs = PolynomialFeatures(2, interaction_only=True, include_bias=False)
    return make_pipeline(StandardScaler(), pairs, Ridge(3000.0))


def trees() -> Any:
    """LightGBM for squared error."""
    from lightgbm import LGBMRegressor

    plain: dict[str, Any] = {"verbose": -1, "n_jobs": 1, "deterministic": True, "force_row_wise": True, "seed": 0}
    return LGBMRegressor(n_estimators=100, num_leaves=8, learning_rate=0.05, min_child_samples=300, **plain)


BASES = {"ridge": ridge, "trees": trees}
CHOSEN: dict[str, Any] = {"base": "ridge", "month": "DR", "long": "carried on", "half a year": "DR"}
NOBODY, EVERYBODY, LATELY = "nobody", "everybody", "bought within 60 days"
REFERENCE = "knows each effect"


# --- lists ---


def cells(x: Floats, kinds: int) -> Whole:
    """Favourite category, and whether one bought within 60 days."""
    return (2 * x[:, -1 - kinds : -1].argmax(axis=1) + x[:, -1]).astype(np.int64)


def table_effect(log: Experiment, now: Floats, kinds: int) -> Floats:
    """The table of the experiment: weighted mean differences by cell."""
    at, count = cells(log.known, kinds), 2 * kinds
    w, e, y = log.treated, log.propensity, log.outcome
    with np.errstate(divide="ignore", invalid="ignore"):
        means = [np.bincount(at, v * y, count) / np.bincount(at, v, count) for v in (w / e, (1 - w) / (1 - e))]
    return np.nan_to_num(means[0] - means[1])[cells(now, kinds)]


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


def learnt(books: Books, trials: Sequence[tuple[str, str, str]]) -> dict[str, Any]:
    """Effects now, in orders, (J,), and responses, of each (outcome, base, learner)."""
    now, kinds, found = known_at(books, books.end), books.units.shape[1], {}
    for outcome in dict.fromkeys(trial[0] for trial in trials):
        of, days = (month, MONTH) if outcome == "month" else LONG[outcome]
        log = log_of(books, of, days)
        for _, base, learner in (trial for trial in trials if trial[0] == outcome):
            if learner == "response":
                found[f"response, {base}, {outcome}"] = response(log, now, BASES[base])
            elif learner == "table":
                found[f"table, {outcome}"] = table_effect(log, now, kinds)
            else:
                kind: Learner = learner  # type: ignore[assignment]
                found[f"{learner}, {base}, {outcome}"] = fit_effect(kind, log, BASES[base])(now)
    return found


def lists(books: Books, found: dict[str, Any], cost: float) -> dict[str, Floats]:
    """Who gets a letter when the books end, as 1 and 0, (J,), by rule and by what was learnt."""
    lately, price = known_at(books, books.end)[:, -1], cost / books.margin
    made = {NOBODY: np.zeros(len(lately)), EVERYBODY: np.ones(len(lately)), LATELY: lately}
    for name, what in found.items():
        chosen = response_list(what, price) if isinstance(what, tuple) else what > price
        made[name] = chosen.astype(float)
    return made


def judged(store: Store, books: Books, chosen: dict[str, Floats], cost: float, seed: int) -> pd.DataFrame:
    """Money of each list at both horizons, by the truth, a row a list and horizon."""
    truth = store.truth.customers.set_index("customer_id").reindex(books.customers)
    here = truth["left_on"].isna().to_numpy()
    rows = []
    for horizon in HORIZONS:
        worth = books.margin * np.where(here, truth[f"mailing_orders_{horizon}"].to_numpy(), 0.0)
        made = chosen | {REFERENCE: (worth > cost).astype(float)}
        for name, sent in made.items():
            row = {"store": seed, "cost": cost, "horizon": horizon, "policy": name, "letters": sent.sum()}
            rows.append(row | {"profit": float(((worth - cost) * sent).sum()), "listed": len(sent)})
    return pd.DataFrame(rows)


def ranked(store: Store, books: Books, effect: Floats, seed: int) -> pd.DataFrame:
    """Money by share of the list, at both horizons, ranked by what the month says; a letter costs 0.10."""
    order = np.argsort(-effect, kind="stable")
    truth = store.truth.customers.set_index("customer_id").reindex(books.customers)
    here = truth["left_on"].isna().to_numpy()
    rows = []
    for horizon in HORIZONS:
        worth = books.margin * np.where(here, truth[f"mailing_orders_{horizon}"].to_numpy(), 0.0) - COSTS[0]
        whole = np.append(0.0, np.cumsum(worth[order]))
        for part in np.linspace(0, 1, 21):
            at = round(part * len(order))
            rows.append({"store": seed, "horizon": horizon, "share": part, "profit": float(whole[at])})
    return pd.DataFrame(rows)


def trials_of(tuning: bool) -> list[tuple[str, str, str]]:
    """Outcome, base and learner of all lists that learn."""
    if tuning:
        outcomes = ["month", *LONG]
        return [(o, b, k) for o in outcomes for b in BASES for k in (*LEARNERS, "response")] + [
            (o, "", "table") for o in outcomes
        ]
    kept = []
    for outcome in ("month", CHOSEN["long"]):
        kept += [(outcome, CHOSEN["base"], k) for k in (*LEARNERS, "response")] + [(outcome, "", "table")]
    return kept


def one_store(size: str, seed: int, tuning: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All lists of one store at both costs, and money by share."""
    store = make_store(size, seed)
    books = books_of(store.observed())
    found = learnt(books, trials_of(tuning))
    parts = [judged(store, books, lists(books, found, cost), cost, seed) for cost in COSTS]
    month_says = found[f"{CHOSEN['month']}, {CHOSEN['base']}, month"]
    return pd.concat(parts, ignore_index=True), ranked(store, books, month_says, seed)


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
            part = share(mine, str(name), zero, REFERENCE, rng=np.random.default_rng(0))
            row |= {"share": part.estimate, "share_low": part.low, "share_high": part.high}
            if room is not None:
                row |= {"headroom": room.estimate, "headroom_low": room.low, "leave_it": is_little(room)}
            rows.append(row)
    return pd.DataFrame(rows)


def best_rules(frame: pd.DataFrame) -> dict[tuple[float, str], str]:
    """The rule without a model that earned most, by cost and horizon."""
    rules = frame[frame["policy"].isin([NOBODY, EVERYBODY, LATELY])]
    money = rules.pivot_table("profit", ["cost", "horizon"], "policy", aggfunc="sum")
    return {(float(cost), str(horizon)): str(row.idxmax()) for (cost, horizon), row in money.iterrows()}


ZEROS: dict[tuple[float, str], str] = {
    (cost, horizon): LATELY for cost in COSTS for horizon in HORIZONS
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
        print(table[shown].round(3).to_string(index=False))
        TUNING_FILE.parent.mkdir(exist_ok=True)
        kept = table[["cost", "horizon", "policy", "zero", "profit", "letters", "least", "share"]].round(4)
        kept.to_csv(TUNING_FILE, index=False, lineterminator="\n")
        return
    size, seeds = ("tiny", (0,)) if options.smoke else ("small", TEST)
    frame, curve = gathered(size, seeds, False, None if options.smoke else partial_folder("letters"))
    table = summary(frame, ZEROS)
    if not options.smoke:  # first of all: once the test part has been scored, the log says so
        log_scorings("D letters", pd.DataFrame({"model": table["policy"].unique()}))
    print(table[[*shown, "share_high"]].round(3).to_string(index=False))
    rows = pd.concat([table, frame.assign(what="store"), curve.assign(what="by share")], ignore_index=True)
    with trial_folder(options) as folder:
        recorded.write(
            "letters_d",
            rows,
            script=__file__,
            command="python -m benchmarks.simulated.letters --test",
            protocol="D: ten small stores, seeds 10 to 19, one more letter when the books end, judged by the truth "
            "over 28 days and over 26 weeks; money a store; intervals by redrawing stores",
            seconds=time.process_time() - began,
            facts={"chosen": CHOSEN, "zeros": {f"{cost}, {horizon}": name for (cost, horizon), name in ZEROS.items()}},
            smoke=options.smoke,
            directory=folder,
        )


if __name__ == "__main__":
    main()
