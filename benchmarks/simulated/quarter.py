"""Protocol F, lesson 22: what does the course's own policy earn in a quarter in which levers open one after another?

    python -m benchmarks.simulated.quarter --tuning  # seeds 0 to 9: chooses zero and the policy; tuning/quarter.csv
    python -m benchmarks.simulated.quarter --letters # then: letters, beside the rule, on the same stores
    python -m benchmarks.simulated.quarter           # seeds 20 to 39, once; about 8 minutes on one core; resumes
    python -m benchmarks.simulated.quarter --smoke   # one tiny store; records nothing

The last thirteen weeks of a small store, one stock for all regions, holding 5 % of a unit's cost a week. Weeks 1 to 4
are orders alone, 5 to 7 prices too, 8 to 10 the offers page, 11 to 13 letters; a lever that is not open yet is the
shop's. Zero is the best of the rules that need no model (order rule, mark-up and letters, with best sellers on the
offers page), chosen on seeds 0 to 9. One is the reference that knows every parameter and no luck; it is no optimum.
The course's policy: prices at the optimum of text effects (lesson 13; they need no encoder), orders from a forecaster
that the effect is carried into, the offers page by what a place adds. Chosen on seeds 0 to 9 as well: the forecaster,
whether it orders from the first week or after the rule did, and to whom is written: nobody, everybody, whoever bought
within 60 days, or whom lesson 14b's DR learner says that a letter moves, learnt from orders in 21 days (what is left
of the quarter when letters open) or in 28 (as in that lesson). One luck a store: an interval over stores holds it too.

What the quarter's profit says of letters. It is margin less costs of thirteen weeks, and nothing after them: whoever is
driven away by a letter of week 11 costs the orders of at most two weeks, and who is kept brings as little. So a letter
that pays here may cost money in half a year (lesson 14b); a list made for this score is no list for a shop.

*Expected of the letters, written before they were tried on seeds 0 to 9* (seed 0 had been looked at, with the rule for
all else: nobody 0, everybody +1,146, 60 days +1,427, DR 21 days +1,616, DR 28 days +1,647): the DR learner earns 50 to
250 a store more than "60 days", .002 to .012 of the way, in at least seven of ten stores, and both its horizons are
level; whoever knows each effect earns another 500 to 1,000 more. *So it came:* 17 a store more, .001 of the way
[-.002, +.003], in six of ten stores; 28 days 18 less than "60 days"; each effect known, another 1,540. So the DR
learner of 21 days is chosen, by a hair: level with the rule of 60 days.

*Expected, written before the run on seeds 20 to 39* (seeds 0 to 9 had been looked at: the chosen policy .67 of the way,
.13 [-.43, +.59] in round 1, .83, .73 and .51 in the others, above zero in ten of ten):

- Headroom 17 % of zero's profit, most of it from prices; 2 % in round 1.
- The course's policy .65 of the way from zero to the reference, the interval above .58, above zero in 20 of 20 stores.
- Round 1, orders alone: nothing that could be told from zero; the formula is enough there. Then .8 with prices, .7 with
  offers, .5 with letters: whom one moves is told by few orders.
- Last week's sales as orders, all else the rule's, earn three fifths of zero: nothing is held against a good week.
- One lever of the course alone, the rule for the rest (seeds 0 to 3 had been looked at): prices .4 of the way, orders
  .1, offers and letters .01 each. Taken away from the course: prices cost .6 of the way, orders .25, offers .07 and
  letters nothing that could be told. So prices and orders earn more together than each alone.
- Cost-plus prices alone, all else the shop's, and the mean of 8 weeks for orders are below zero.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import ecomlib
from benchmarks.simulated import played
from benchmarks.simulated.played import Maker
from benchmarks.trial import add_trial_options, log_scorings, partial_folder, trial_folder
from ecomlib import recorded
from ecomlib.decisions.shop_env import ShopEnv, play
from ecomlib.decisions.shop_game import Policy
from ecomlib.decisions.shop_letters import moved_by_letter
from ecomlib.decisions.shop_policies import (
    BestSellers,
    CostPlus,
    MeanOfWeeks,
    Smoothing,
    attainable_policy,
    mail_everybody,
    mail_nobody,
    shop_policy,
)
from ecomlib.decisions.shop_quarter import PARTS
from ecomlib.decisions.shop_rounds import (
    LAST_WEEK,
    OPENS,
    REFERENCE,
    WINDOW,
    CoverWeeks,
    InRounds,
    InTurn,
    LastWeek,
    MailThose,
    course_policy,
    quarter_options,
    recent_buyers,
    rounds,
    rule_policy,
)
from ecomlib.errors import DataError
from ecomlib.evaluation.comparison import Interval
from ecomlib.evaluation.share import gain, headroom, share
from ecomlib.files import write_whole

SCORES_TEST_PART = True  # the queue of recorded runs leaves this script out unless it is asked to
TUNING, TEST = tuple(range(10)), tuple(range(20, 40))
LUCKS = (0,)  # of a store; an interval over stores holds the luck too
SHOP, COURSE = "the shop", "the course"
LEARNERS = ("trees", "GRU", "rule then trees", "rule then GRU")  # who orders for the course
LETTERS = ("nobody", "everybody", "60 days")
LEARNT = {"DR 21 days": 21, "DR 28 days": 28}  # the days whose orders the DR learner counts
PRICES_ALONE, MEAN, HAND = "cost-plus alone", "mean of 8 for orders", "2.5 weeks for orders"  # a sceptic's rivals
KNOWS = "knows each effect"  # no choice: what letters could bring at most
ORDERS = ("smoothing, base stock", "smoothing, lost sales", "mean of 8")
MARKUPS = (0.8, 0.9, 1.0, 1.2)
RULES = tuple(f"{order}, cost-plus {m:g}, {who}" for order, m, who in itertools.product(ORDERS, MARKUPS, LETTERS))
OURS = tuple(f"{learner}, {who}" for learner, who in itertools.product(LEARNERS, (*LETTERS, *LEARNT)))
ROUND = ("round 1", "round 2", "round 3", "round 4")
CHOSEN = Path(__file__).parent / "tuning" / "quarter.csv"


def letters(env: ShopEnv, shop: Any) -> dict[str, Policy]:
    """To whom a shop may write, without a model of letters and with one."""
    ids, recent = env.customer_ids, MailThose(recent_buyers(shop, env.customer_ids))
    found: dict[str, Policy] = dict(zip(LETTERS, (mail_nobody, mail_everybody, recent), strict=True))
    for name, days in LEARNT.items():
        found[name] = MailThose(moved_by_letter(shop, ids, days, env.game.mailing_cost))
    return found


class KnownLetters:
    """Writes to whom the reference writes, and moves nothing else."""

    def __init__(self, env: ShopEnv) -> None:
        self.reference = attainable_policy(env)
        self.made_for = env

    history_by = None

    def __call__(self, obs: Any, history: Any = None) -> Any:
        """The reference's letters."""
        return {"mail": self.reference(obs, history)["mail"]}  # type: ignore[index]


def rules(env: ShopEnv, mail: Mapping[str, Policy], which: Sequence[str] = RULES) -> dict[str, Policy]:
    """The rules without a model, by name."""
    order: dict[str, Policy] = {
        "smoothing, base stock": Smoothing(env.game, "base_stock"),
        "smoothing, lost sales": Smoothing(env.game),
        "mean of 8": MeanOfWeeks(env.game, 1.0),
    }
    found: dict[str, Policy] = {}
    for name, markup, who in itertools.product(ORDERS, MARKUPS, LETTERS):
        parts: dict[str, Policy] = {"order": order[name], "price": CostPlus(markup), "mail": mail[who]}
        parts["promote"] = BestSellers(env.places)
        found[f"{name}, cost-plus {markup:g}, {who}"] = InRounds(env.game, parts)
    return {name: found[name] for name in which}


def learners(smoke: bool) -> dict[str, Any]:
    """Settings of the forecasters, as in lessons 12 and 13; None is the policy's own choice."""
    if smoke:
        reads: dict[str, Any] = {**WINDOW, "look_back": 4, "scale": "mean_abs"}
        network = {"hidden": 4, "decoder": 4, "epochs": 1, "batch_size": 64}
        trees = ecomlib.forecaster("trees", **reads, objective="tweedie", n_estimators=5)
    else:
        reads, trees = {**WINDOW, "look_back": 26, "scale": "mean_abs"}, None
        network = {"hidden": 24, "decoder": 32, "epochs": 6, "batch_size": 1024}
    gru = ecomlib.forecaster("gru", **reads, **network, head="negative_binomial", device="cpu", lr=8e-3)
    return {"trees": trees, "GRU": gru}


def course_orders(env: ShopEnv, shop: Any, which: Sequence[str], smoke: bool) -> dict[str, InRounds]:
    """The course's policy with each way to order, without letters."""
    found: dict[str, InRounds] = {}
    for name, model in learners(smoke).items():
        if not any(one.endswith(name) for one in which):
            continue
        whole = course_policy(env, shop=shop, forecaster=model)
        late = InTurn(Smoothing(env.game), whole.parts["order"], OPENS[1] - 1)
        found |= {name: whole, f"rule then {name}": InRounds(env.game, {**whole.parts, "order": late})}
    return {name: found[name] for name in which}


def policies(env: ShopEnv, which: Sequence[str], ours: Sequence[str], smoke: bool) -> dict[str, Policy]:
    """All that is played on one store; ``ours`` names the course's policies, as ``LEARNER, LETTERS``."""
    shop = env.opening()
    mail = letters(env, shop)
    zero = rule_policy(env, mail=mail["60 days"]).parts
    found: dict[str, Policy] = {SHOP: shop_policy}
    found[LAST_WEEK] = InRounds(env.game, {**zero, "order": LastWeek(env.shop_rule)})  # as ``last_week_policy``
    found |= rules(env, mail, [name for name in which if name != KNOWS])
    orders = course_orders(env, shop, list(dict.fromkeys(one.split(", ")[0] for one in ours)), smoke)
    for name in ours:
        learner, who = name.split(", ")
        found[f"{COURSE}, {name}"] = InRounds(env.game, {**orders[learner].parts, "mail": mail[who]})
    if KNOWS in which:
        base = orders[ours[0].split(", ")[0]].parts
        found[f"{COURSE}, {KNOWS}"] = InRounds(env.game, {**base, "mail": KnownLetters(env)})
    first = next(iter(orders.values()))
    mine: dict[str, Policy] = {**first.parts, "mail": mail[ours[0].split(", ")[1]]}
    for (
        lever,
        called,
    ) in PARTS.items():  # the course without one lever, and that lever alone (the latter: lessons' opponents)
        found[f"{COURSE}, rule for {called}"] = InRounds(env.game, {**mine, lever: zero[lever]})
        if mine[lever] is not zero[lever]:
            found[f"the rule, course for {called}"] = InRounds(env.game, {**zero, lever: mine[lever]})
    found[PRICES_ALONE] = InRounds(env.game, {"price": zero["price"]})
    found[MEAN] = InRounds(env.game, {**zero, "order": MeanOfWeeks(env.game, 1.0)})
    found[HAND] = InRounds(env.game, {**zero, "order": CoverWeeks(env.game)})
    makers: dict[str, Maker] = {REFERENCE: attainable_policy}
    return found | {name: make(env) for name, make in makers.items()}


def one_store(seed: int, which: Sequence[str], ours: Sequence[str], lucks: Sequence[int], smoke: bool) -> pd.DataFrame:
    """Everybody's money on one store: a row a policy and luck, in all and by round."""
    size = "tiny" if smoke else "small"
    env, rows = ShopEnv(size=size, seed=seed, **quarter_options(size)), []
    for name, policy in policies(env, which, ours, smoke).items():
        for luck in lucks:
            weeks = play(env, policy, luck).weeks
            row: dict[str, Any] = {"store": seed, "policy": name, "luck": luck, "profit": weeks["profit"].sum()}
            for number, span in zip(ROUND, rounds(env.game), strict=True):
                row[number] = weeks["profit"].iloc[list(span)].sum()
            rows.append(row)
    return pd.DataFrame(rows)


def tuned(frame: pd.DataFrame) -> dict[str, str]:
    """Zero and the letters of the course's policy, by their sums over stores."""
    return {"zero": played.best(frame, RULES), "ours": played.best(frame, [f"{COURSE}, {one}" for one in OURS])}


def judged(frame: pd.DataFrame, zero: str) -> pd.DataFrame:
    """A row a policy and part (all, and each round): money a store, gain on zero, share of the way, headroom."""
    rows = []
    for part in ("profit", *ROUND):
        mine = frame[["store", "policy", "luck"]].assign(profit=frame[part])
        room = headroom(mine, zero, REFERENCE, rng=np.random.default_rng(0))
        for name, one in mine.groupby("policy", sort=False):
            more = gain(mine, str(name), zero, rng=np.random.default_rng(0))
            try:
                way = share(mine, str(name), zero, REFERENCE, rng=np.random.default_rng(0))
            except DataError:  # the reference does not surely earn more there: no share is defined
                way = Interval(np.nan, np.nan, np.nan)
            rows.append(
                {
                    "part": "all" if part == "profit" else part,
                    "policy": name,
                    "profit": one.groupby("store")["profit"].mean().mean(),
                    **{"gain": more.estimate, "gain_low": more.low, "gain_high": more.high},
                    **{"share": way.estimate, "share_low": way.low, "share_high": way.high},
                    **{"headroom": room.estimate, "headroom_low": room.low, "headroom_high": room.high},
                }
            )
    return pd.DataFrame(rows)


def log_scoring(table: pd.DataFrame) -> None:
    """Note that the test stores were scored, with each policy's share of the way."""
    whole = table[table["part"] == "all"]
    names = [f"quarter: {row.policy}, share {row.share:.3f}" for row in whole.itertuples()]
    log_scorings("F", pd.DataFrame({"model": names}))


def played_stores(
    seeds: Sequence[int], which: Sequence[str], ours: Sequence[str], name: str, lucks: Sequence[int], smoke: bool
) -> tuple[pd.DataFrame, float]:
    """All stores, and the seconds of the processor; resumes."""
    parts, seconds, partial = [], 0.0, partial_folder(name)
    for seed in seeds:
        kept = partial / f"{seed}.parquet"
        if kept.is_file() and not smoke:
            parts.append(pd.read_parquet(kept))
            seconds += parts[-1].pop("seconds").iloc[0]
            continue
        began = time.process_time()
        parts.append(one_store(seed, which, ours, lucks, smoke))
        took = time.process_time() - began
        seconds += took
        if not smoke:
            partial.mkdir(parents=True, exist_ok=True)
            parts[-1].assign(seconds=took).to_parquet(kept, index=False)
        print(f"seed {seed} ({took:.0f} s)", flush=True)
    return pd.concat(parts, ignore_index=True), seconds


def told(frame: pd.DataFrame, zero: str, ours: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Judge, print, and say the facts of the card."""
    table = judged(frame, zero)
    shown = ["part", "policy", "profit", "gain", "share", "share_low", "share_high", "headroom", "headroom_low"]
    print(table.loc[(table["part"] == "all") | (table["policy"] == ours), shown].round(4).to_string(index=False))
    wide = frame.pivot_table("profit", "store", "policy")
    ahead = int((wide[ours] > wide[zero]).sum())
    facts = {"zero": zero, "ours": ours, "ahead": ahead, "stores": len(wide)}
    print(facts)
    return table, facts


def chosen_before() -> dict[str, str]:
    """Zero and the course's policy, as ``tuning/quarter.csv`` holds them."""
    found: dict[str, str] = pd.read_csv(CHOSEN).query("chosen").set_index("chosen_as")["policy"].to_dict()
    if "letters" in found and found["letters"] != found["zero"]:  # chosen after the forecaster, beside the rule
        learner, who = found["ours"].rsplit(", ", 1)[0], found["letters"].rsplit(", ", 1)[1]
        found["ours"] = f"{learner}, {who}"
    return found


def keep(rows: pd.DataFrame, chosen: Mapping[str, str]) -> None:
    """Write the table of what was tried, and what was chosen of it."""
    picked = {policy: name for name, policy in chosen.items()}
    kept = rows.round(4).assign(chosen=rows["policy"].isin(picked), chosen_as=rows["policy"].map(picked))
    write_whole(CHOSEN, kept.to_csv(index=False, lineterminator="\n"))


def choose_letters(smoke: bool) -> None:
    """Try all letters beside the rule that was chosen before: they open last, so all that came before is the same."""
    before, old = chosen_before(), pd.read_csv(CHOSEN).drop(columns=["chosen", "chosen_as"])
    zero, parts = before["zero"], []
    base = zero.rsplit(", ", 1)[0]
    for seed in TUNING[:1] if smoke else TUNING:
        size = "tiny" if smoke else "small"
        env = ShopEnv(size=size, seed=seed, **quarter_options(size))
        rule = rule_policy(env).parts
        mail: dict[str, Policy] = {**letters(env, env.opening()), KNOWS: KnownLetters(env)}
        played_by: dict[str, Policy] = {}
        for who, policy in mail.items():
            played_by[f"{base}, {who}"] = InRounds(env.game, {**rule, "mail": policy})
        played_by[REFERENCE] = attainable_policy(env)
        for name, policy in played_by.items():
            weeks = play(env, policy, LUCKS[0]).weeks["profit"]
            by_round = {r: weeks.iloc[list(span)].sum() for r, span in zip(ROUND, rounds(env.game), strict=True)}
            parts.append({"store": seed, "policy": name, "luck": LUCKS[0], "profit": weeks.sum(), **by_round})
        print(f"seed {seed}", {row["policy"]: round(row["profit"]) for row in parts[-len(played_by) :]}, flush=True)
    frame = pd.DataFrame(parts)
    wide = frame.pivot_table("profit", "store", "policy").drop(columns=REFERENCE)
    print(wide.sub(wide[f"{base}, nobody"], axis=0).round(0).T.to_string())
    if smoke:
        return
    again, was = wide[zero].mean(), old.set_index("policy").loc[zero, "profit"]
    if abs(again - was) > 1e-3 * abs(was):
        raise DataError("the old rows are of other code", value=(float(was), float(again)), remedy="run --tuning anew.")
    best = played.best(frame, [f"{base}, {who}" for who in (*LETTERS, *LEARNT)])
    table = judged(frame, zero)
    new = table[(table["part"] == "all") & ~table["policy"].isin(old["policy"])].drop(columns="part")
    print(new.round(4).to_string(index=False))
    keep(pd.concat([old, new], ignore_index=True), {"zero": zero, "ours": before["ours"], "letters": best})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_trial_options(parser, "one tiny store; records nothing")
    parser.add_argument("--tuning", action="store_true", help="seeds 0 to 9: writes tuning/quarter.csv, logs nothing")
    parser.add_argument(
        "--letters", action="store_true", help="seeds 0 to 9, the chosen forecaster: letters alone anew"
    )
    parser.add_argument("--part", type=int, nargs="+", choices=TEST, help="play these stores of the scoring beforehand")
    options = parser.parse_args()
    smoke = options.smoke
    if options.letters:
        choose_letters(smoke)
        return
    if options.tuning or smoke:
        seeds = TUNING[:1] if smoke else TUNING
        frame, seconds = played_stores(seeds, (*RULES, KNOWS), OURS, "quarter-tuning", LUCKS[:1], smoke)
        chosen = tuned(frame)
    else:
        chosen = chosen_before()
        mine = chosen["ours"].removeprefix(f"{COURSE}, ")
        if options.part:  # of the scoring: stores are kept, and the run without --part judges and logs them
            played_stores(options.part, (chosen["zero"],), (mine,), "quarter", LUCKS, smoke)
            return
        frame, seconds = played_stores(TEST, (chosen["zero"],), (mine,), "quarter", LUCKS, smoke)
    table, facts = told(frame, chosen["zero"], chosen["ours"])
    if options.tuning and not smoke:
        keep(table[table["part"] == "all"].drop(columns="part"), chosen)  # then --letters
        return
    if not smoke:
        log_scoring(table)
    means = frame.groupby(["store", "policy"], sort=False)[["profit", *ROUND]].mean().reset_index()
    rows = pd.concat([table.assign(store="all"), means.astype({"store": str})], ignore_index=True)
    with trial_folder(options) as folder:
        recorded.write(
            "quarter_f",
            rows,
            script=__file__,
            also=[played.__file__],
            command="python -m benchmarks.simulated.quarter",
            protocol="protocol F, lesson 22: twenty small stores, thirteen weeks in four rounds; one luck a store; "
            "zero and the course's choices made on ten others; scored once; intervals by redrawing stores",
            seconds=seconds,
            smoke=smoke,
            directory=folder,
            facts=facts,
        )


if __name__ == "__main__":
    main()
