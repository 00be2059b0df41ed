"""Protocol H: Hillstrom's e-mail experiment. Whom does a letter move, and does a list beat writing to everybody?

    python -m benchmarks.real_shop.letters --tune    # the tuning half; writes tuning/letters.csv; seconds
    python -m benchmarks.real_shop.letters --test    # the test half, once: logged and recorded; seconds
    python -m benchmarks.real_shop.letters --smoke   # seconds, on invented customers; records nothing

64,000 customers, a third each drawn to get the men's mail, the women's mail or none; visits and spend of two weeks. The
propensity is the design's third, not the share that came out. One half, drawn once, is for choices; the other is
scored once, each customer by learners fitted on the tuning half and on the other folds of the test half (five folds).
Known of a customer: recency, money of the year, bought men's, bought women's, new, kind of place, channel.

*Ranking*: the women's mail against none, outcome visit. Qini unnormalised, as ``decisions.qini`` defines it, intervals
by redrawing customers, differences paired; no ranking of learners is claimed, and the smallest difference that the
table could have shown is in it (``detectable``). Two response models, which rank by who visits and not by whom a mail
moves: one fitted on everybody, one on the treated alone. And two rules that need no model.

*Money*: spend a customer, less what a mail costs, at 0, 0.10 and 0.50 a mail. Spend is revenue: with a margin of a
quarter, 0.10 is a mail of 0.025. The rival is the men's mail to everybody. Policies choose men's, women's or no mail
for each customer. Doubly robust, paired with the rival.

Primary comparison, named on the tuning half: the policy that was best there by money at 0.10 a mail, against the men's
mail to everybody at 0.10.

*Expected, written before the test half was scored* (protocol H's prototypes and the tuning half had been seen):

- The tuning half shows a Qini of .0065 to .0081 for the four learners, twice what prototypes found on all customers:
  so the test half's should be far lower, .001 to .003, with zero inside some intervals. Differences of learners are
  below what could be detected. The response model on everybody is near zero.
- A rule without a model, "bought women's things", is within the learners' intervals, or above them.
- The men's mail to everybody brings about .5 a customer (1.0 on the tuning half). No policy is surely above it at 0 and
  at 0.10: the intervals of the differences hold zero. At 0.50 sparing mails begins to pay, and is still not certain.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.trial import add_trial_options, log_scorings, trial_folder
from ecomlib import recorded
from ecomlib.decisions.qini import gain_curve, policy_gain, qini_table
from ecomlib.decisions.uplift import LEARNERS, Experiment, effect_out_of_fold, learn_effect
from ecomlib.stores.published.download import read_tables

SCORES_TEST_PART = True  # the queue of recorded runs leaves this script out unless it is asked to
TUNING = Path(__file__).resolve().parent / "tuning" / "letters.csv"
ARMS = ("No E-Mail", "Mens E-Mail", "Womens E-Mail")
NONE, MENS, WOMENS = range(3)
COSTS = (0.0, 0.10, 0.50)
SHARES = np.linspace(0, 1, 11)
FOLDS, DRAWS, SPLIT_SEED = 5, 1000, 14
Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Make = Callable[[], Any]


def known_before(table: pd.DataFrame) -> pd.DataFrame:
    """The covariates, as numbers: what the shop knew when it wrote."""
    found = pd.DataFrame({"recency": table["recency"].astype(float), "log_history": np.log(table["history"])})
    for name in ("mens", "womens", "newbie"):
        found[name] = table[name].astype(float)
    for name, levels in (("zip_code", ("Rural", "Urban")), ("channel", ("Phone", "Web"))):
        for level in levels:
            found[f"{name} {level}"] = (table[name] == level).astype(float)
    return found


def invented(customers: int = 6000, seed: int = 0) -> pd.DataFrame:
    """An experiment in the publisher's columns: the women's mail moves those alone who bought women's things."""
    rng = np.random.default_rng(seed)
    n = customers
    table = pd.DataFrame(
        {
            "recency": rng.integers(1, 13, n),
            "history": rng.gamma(1.0, 240.0, n).round(2) + 30,
            "mens": rng.integers(0, 2, n),
            "newbie": rng.integers(0, 2, n),
            "zip_code": rng.choice(["Surburban", "Rural", "Urban"], n),
            "channel": rng.choice(["Web", "Phone", "Multichannel"], n),
            "segment": rng.choice(ARMS, n),
        }
    )
    table["womens"] = np.where(table["mens"] == 1, rng.integers(0, 2, n), 1)
    moved = 0.1 * (table["segment"] == ARMS[WOMENS]) * table["womens"] + 0.08 * (table["segment"] == ARMS[MENS])
    table["visit"] = (rng.random(n) < 0.1 + moved).astype(int)
    bought = (table["visit"] == 1) & (rng.random(n) < 0.1)
    return table.assign(conversion=bought.astype(int), spend=np.where(bought, rng.gamma(2.0, 55.0, n), 0.0))


def halves(count: int) -> tuple[Whole, Whole]:
    """Rows of the tuning half and of the test half, drawn once."""
    order = np.random.default_rng(SPLIT_SEED).permutation(count)
    return np.sort(order[: count // 2]), np.sort(order[count // 2 :])


class _Data:
    """Covariates, arm and outcomes of some rows."""

    def __init__(self, table: pd.DataFrame) -> None:
        self.known = known_before(table)
        self.x = self.known.to_numpy()
        self.arm = pd.Categorical(table["segment"], categories=ARMS).codes.astype(int)
        self.visit, self.spend = (table[name].to_numpy(dtype=float) for name in ("visit", "spend"))
        self.conversion = table["conversion"].to_numpy(dtype=float)
        self.fold = np.random.default_rng(1).permutation(len(table)) % FOLDS

    def against_none(self, arm: int, outcome: str) -> tuple[Experiment, NDArray[np.bool_]]:
        """The experiment of one mail against none, and which rows are in it."""
        within = (self.arm == arm) | (self.arm == NONE)
        treated = (self.arm[within] == arm).astype(float)
        return Experiment(self.x[within], treated, getattr(self, outcome)[within], 0.5), within


# --- base learners: the same one in every place of a learner of the effect ---


def ridge() -> Any:
    """A linear model of the covariates and their products two by two."""
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    pairs = PolynomialFeatures(2, interaction_only=True, include_bias=False)
    return make_pipeline(StandardScaler(), pairs, Ridge(1000.0))


def trees(leaves: int, count: int) -> Make:
    """LightGBM for squared error."""

    def made() -> Any:
        from lightgbm import LGBMRegressor

        plain: dict[str, Any] = {"verbose": -1, "n_jobs": 1, "deterministic": True, "force_row_wise": True, "seed": 0}
        return LGBMRegressor(n_estimators=count, num_leaves=leaves, learning_rate=0.05, min_child_samples=200, **plain)

    return made


BASES: dict[str, Make] = {"ridge": ridge, "trees of 4": trees(4, 60), "trees of 8": trees(8, 100)}
CHOSEN_BASE = "ridge"


# --- ranking ---


def rankings(data: _Data, also: _Data | None, make: Make) -> dict[str, Floats]:
    """A score for each customer of the women's mail or none, by learners that have not seen this customer."""
    log, within = data.against_none(WOMENS, "visit")
    more = also.against_none(WOMENS, "visit")[0] if also is not None else None
    fold = data.fold[within]
    found = {kind: effect_out_of_fold(kind, log, make, fold=fold, also=more) for kind in LEARNERS}
    for name, treated_alone in (("response, everybody", False), ("response, the treated", True)):
        score = np.zeros(len(log))
        for k in range(FOLDS):
            parts = [log.rows(fold != k)] + ([more] if more is not None else [])
            x, w, y = (np.concatenate([getattr(part, of) for part in parts]) for of in ("known", "treated", "outcome"))
            kept = (w == 1) if treated_alone else np.ones(len(w), dtype=bool)
            score[fold == k] = make().fit(x[kept], y[kept]).predict(log.known[fold == k])
        found[name] = score
    known = data.known[within]
    found["rule: bought women's"] = known["womens"].to_numpy() - 0.001 * known["recency"].to_numpy()
    found["rule: bought lately"] = -known["recency"].to_numpy()
    return found


def ranking_table(data: _Data, scores: dict[str, Floats], draws: int) -> pd.DataFrame:
    """Qini with intervals, paired with T, and gain curves."""
    log, _ = data.against_none(WOMENS, "visit")
    rng = np.random.default_rng(0)
    board = qini_table(scores, log.outcome, log.treated, 0.5, rng=rng, draws=draws, rival="T")
    parts = [board.assign(what="qini")]
    for name, score in scores.items():
        curve = gain_curve(score, log.outcome, log.treated, 0.5, rng=rng, points=20)
        parts.append(curve.assign(what="curve", model=name))
    return pd.concat(parts, ignore_index=True)


# --- money ---


def predictions(data: _Data, also: _Data | None, make: Make, outcome: str) -> Floats:
    """A model's outcome of each arm, (n, 3), out of fold: the T learner's three models."""
    found = np.zeros((len(data.x), 3))
    y = getattr(data, outcome)
    for k in range(FOLDS):
        out = data.fold == k
        for arm in range(3):
            own = ~out & (data.arm == arm)
            x, z = data.x[own], y[own]
            if also is not None:
                theirs = also.arm == arm
                x, z = np.vstack([x, also.x[theirs]]), np.concatenate([z, getattr(also, outcome)[theirs]])
            found[out, arm] = make().fit(x, z).predict(data.x[out])
    return found


def effects(data: _Data, also: _Data | None, make: Make, outcome: str) -> Floats:
    """DR effects of both mails against none, (n, 3): the first column is zero. Out of fold, for all customers."""
    found = np.zeros((len(data.x), 3))
    for arm in (MENS, WOMENS):
        for k in range(FOLDS):
            out = data.fold == k
            parts = [_pair(data, arm, outcome, ~out)] + ([_pair(also, arm, outcome)] if also is not None else [])
            log = Experiment(*(np.concatenate([part[i] for part in parts]) for i in range(3)), 0.5)
            found[out, arm] = learn_effect("DR", log, data.x[out], make)
    return found


def _pair(data: _Data, arm: int, outcome: str, which: NDArray[np.bool_] | None = None) -> tuple[Floats, Floats, Floats]:
    kept = (data.arm == arm) | (data.arm == NONE)
    kept = kept if which is None else kept & which
    return data.x[kept], (data.arm[kept] == arm).astype(float), getattr(data, outcome)[kept]


def one_hot(choice: Whole) -> Floats:
    """A policy's probabilities from the arm that it chooses for each customer."""
    return np.eye(3)[choice]


def learned(data: _Data, also: _Data | None, make: Make) -> dict[str, Floats]:
    """What policies rest on, out of fold, (n, 3) each: spend by arm, effects on spend, effects on visits in money.

    A visit is worth the mean spend of a visit, of the tuning half where there is one.
    """
    seen = data if also is None else also
    worth = float(seen.spend.sum()) / float(seen.visit.sum())
    found = {"spend": predictions(data, also, make, "spend"), "moved": effects(data, also, make, "spend")}
    return found | {"visits": worth * effects(data, also, make, "visit")}


def policies(data: _Data, found: dict[str, Floats], cost: float) -> dict[str, Floats]:
    """Which mail each customer gets, (n, 3), by rule and by learner; ``cost`` of a mail, money."""
    n = len(data.x)
    mail = np.array([0.0, cost, cost])
    spend, moved, visits = (found[name] for name in ("spend", "moved", "visits"))
    womens = data.known["womens"].to_numpy() * (1 - data.known["mens"].to_numpy())
    return {
        "nobody": one_hot(np.full(n, NONE)),
        "men's to all": one_hot(np.full(n, MENS)),
        "women's to all": one_hot(np.full(n, WOMENS)),
        "rule: women's to who bought only women's": one_hot(np.where(womens > 0, WOMENS, MENS)),
        "T on spend": one_hot((spend - mail).argmax(axis=1)),
        "DR on spend": one_hot((moved - mail).argmax(axis=1)),
        "DR on visits": one_hot((visits - mail).argmax(axis=1)),
        "men's by DR on visits": one_hot(np.where(visits[:, MENS] > cost, MENS, NONE)),
    }


RIVAL, PRIMARY = "men's to all", "T on spend"  # best on the tuning half by money at 0.10


def money_table(data: _Data, learnt: dict[str, Floats]) -> pd.DataFrame:
    """What each policy earns a customer more than nobody, and than the men's mail to everybody."""
    rows = []
    third = np.full(len(data.x), 1 / 3)
    for cost in COSTS:
        reward = data.spend - cost * (data.arm != NONE)
        said = learnt["spend"] - np.array([0.0, cost, cost])
        made = policies(data, learnt, cost)
        for name, policy in made.items():
            for rival in ("nobody", RIVAL):
                if name == rival:
                    continue
                found = policy_gain(reward, data.arm, third, policy, made[rival], said)
                row = {"what": "money", "model": name, "rival": rival, "cost": cost, "value": found.value}
                row |= {"low": found.low, "high": found.high}
                row["primary"] = name == PRIMARY and rival == RIVAL and cost == 0.1
                share = policy[:, [MENS, WOMENS]].mean(axis=0)
                rows.append(row | {"share_mens": share[0], "share_womens": share[1]})
    return pd.DataFrame(rows)


def by_share(data: _Data, learnt: dict[str, Floats]) -> pd.DataFrame:
    """The men's mail to a share of the customers, ranked by its DR effect on visits: money a customer, at each cost."""
    visits, said = learnt["visits"][:, MENS], learnt["spend"]
    rank = np.argsort(np.argsort(-visits, kind="stable"), kind="stable") / len(visits)
    rows = []
    for cost in COSTS:
        reward = data.spend - cost * (data.arm != NONE)
        for share in SHARES:
            policy = one_hot(np.where(rank < share, MENS, NONE))
            nobody = one_hot(np.full(len(rank), NONE))
            off = said - np.array([0.0, cost, cost])
            found = policy_gain(reward, data.arm, np.full(len(rank), 1 / 3), policy, nobody, off)
            row = {"what": "by share", "model": "men's by DR on visits", "cost": cost, "share": share}
            rows.append(row | {"value": found.value, "low": found.low, "high": found.high})
    return pd.DataFrame(rows)


def averages(data: _Data) -> pd.DataFrame:
    """Differences of both mails to none: visits, conversions, spend."""
    rows = []
    for arm, name in ((MENS, "men's mail"), (WOMENS, "women's mail")):
        for outcome in ("visit", "conversion", "spend"):
            y = getattr(data, outcome)
            ours, none = y[data.arm == arm], y[data.arm == NONE]
            value = ours.mean() - none.mean()
            half = 1.96 * np.sqrt(ours.var(ddof=1) / len(ours) + none.var(ddof=1) / len(none))
            row = {"what": "average", "model": name, "metric": outcome, "value": value}
            rows.append(row | {"low": value - half, "high": value + half})
    return pd.DataFrame(rows)


def tune(data: _Data) -> None:
    """Qini and money on the tuning half by base learner; write tuning/letters.csv."""
    rows = []
    for base, make in BASES.items():
        board = ranking_table(data, rankings(data, None, make), 200).query("what == 'qini'")
        for row in board.itertuples():
            told = {"base": base, "trial": row.model, "what": "qini"}
            rows.append(told | {"value": row.qini, "low": row.low, "high": row.high})
        money = money_table(data, learned(data, None, make)).query("rival == @RIVAL")
        for row in money.itertuples():
            told = {"base": base, "trial": row.model, "what": f"money at {row.cost:.2f} against men's to all"}
            rows.append(told | {"value": row.value, "low": row.low, "high": row.high})
        print(base, flush=True)
    table = pd.DataFrame(rows).round(5)
    print(table.to_string(index=False))
    TUNING.parent.mkdir(exist_ok=True)
    table.to_csv(TUNING, index=False, lineterminator="\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tune", action="store_true", help="the tuning half; writes tuning/letters.csv")
    parser.add_argument("--test", action="store_true", help="the test half: logged and recorded")
    add_trial_options(parser, "seconds, on invented customers; records nothing")
    options = parser.parse_args()
    if not options.smoke and options.tune + options.test != 1:
        parser.error("one of --tune, --test and --smoke")
    table = invented() if options.smoke else read_tables("hillstrom")["customers"]
    first, second = halves(len(table))
    tuning, test = _Data(table.iloc[first]), _Data(table.iloc[second])
    if options.tune:
        tune(tuning)
        return
    began, make = time.process_time(), trees(4, 5) if options.smoke else BASES[CHOSEN_BASE]
    scores = rankings(test, tuning, make)
    found = ranking_table(test, scores, 20 if options.smoke else DRAWS)
    if not options.smoke:  # first of all: once the test part has been scored, the log says so
        log_scorings("H", pd.DataFrame({"model": [f"ranking, {name}" for name in scores] + ["money, all policies"]}))
    learnt = learned(test, tuning, make)
    found = pd.concat([found, averages(test), money_table(test, learnt), by_share(test, learnt)], ignore_index=True)
    for what in ("average", "qini", "money"):
        print(found[found["what"] == what].dropna(axis=1, how="all").round(4).to_string(index=False))
    primary = found[found["primary"].eq(True)].iloc[0]
    with trial_folder(options) as folder:
        recorded.write(
            "letters_h",
            found,
            script=__file__,
            command="python -m benchmarks.real_shop.letters --test",
            protocol="H: e-mail experiment, 32,000 customers of the test half, learners fitted on the rest; visits and "
            "spend of two weeks; intervals by customers",
            seconds=time.process_time() - began,
            facts={
                "base": CHOSEN_BASE,
                "primary": f"{PRIMARY} against {RIVAL} at 0.10 a mail",
                "primary_value": [round(float(primary[name]), 4) for name in ("value", "low", "high")],
            },
            smoke=options.smoke,
            directory=folder,
        )


if __name__ == "__main__":
    main()
