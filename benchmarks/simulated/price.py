"""Protocol D for prices: what does a price list earn, alone, with stock, and on an offers page?

    python -m benchmarks.simulated.price            # seeds 10 to 19, once; about 10 minutes on one core; resumes
    python -m benchmarks.simulated.price --tuning   # seeds 0 to 9: prints, records and logs nothing; --only GAME
    python -m benchmarks.simulated.price --smoke    # one tiny store; records nothing

The last 26 weeks of small stores. Effects are estimated on the shop's tables of the first Monday. Three games: prices
alone (orders are the shop's), prices and stock where holding costs 5 % a week, and an offers page of 60 places. Zero is
the best rule without a model on seeds 0 to 9 (`zeros_d`), 1 the reference that knows the parameters; seeds 10 to 19 are
scored once. *Promised* is what an estimate says of the units that the shop did sell in
these weeks at its own prices, so that no forecast is at fault; *earned* is the margin above the shop's, under the same
luck.

Chosen on seeds 0 and 1: the trees' windows and loss (lesson 12's), the offers' memory (0.85 a week) and spread. The
price list of few changes is shown by both rules: by the lower end of the gain, and by the gain.

*Expected, written before the run* (seeds 0 and 1 had been looked at):

- Price: double machine learning with text .98 of the way from cost-plus (at a mark-up of 0.9 or 1.0) to the reference,
  text effects, the cheap rival, level with it or above; without text .45, naive .45, fixed effects by product .5. List
  price and the shop's own far below zero. Naive promises half as much again as it earns, double machine learning with
  text earns what it promised within a tenth.
- At most 60 changes a week on a ladder of .49 and .99: .75; by the gain .01 to .02 more than by its lower end. The
  ladder alone costs a tenth of the way, since these prices are small.
- Price and stock: the effect carried into the forecast earns 2 % more than a forecaster that reads the
  price, above zero in ten of ten stores; .75 of the way from cost-plus with smoothing, .6 with the reading one, which
  is no better than smoothing under the same prices.
- Offers: headroom .6 %, below 1 %, so money alone. What earns more gains .3 % on best sellers by gross profit, above
  zero; by units sold, at random and the shop's habit 5 to 7 % below them.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

import ecomlib
from benchmarks.simulated import played, zeros
from benchmarks.simulated.played import REFERENCE, SHOP, TEST, TUNING, Maker
from benchmarks.trial import add_trial_options, log_scorings, partial_folder, trial_folder
from ecomlib import recorded
from ecomlib.causal import design, listing_texts, text_vectors
from ecomlib.decisions import PriceRules
from ecomlib.decisions.price_policy import (
    ESTIMATORS,
    AdvisedPrices,
    EarningOffers,
    OptimalPrices,
    by_product,
    carried_orders,
    price_effects,
    promotion_lift,
    reading_orders,
)
from ecomlib.decisions.shop_env import ShopEnv, play
from ecomlib.decisions.shop_game import Action, Obs
from ecomlib.decisions.shop_policies import Smoothing, Together, attainable_policy

SCORES_TEST_PART = True  # the queue of recorded runs leaves this script out unless it is asked to
GAMES: dict[str, dict[str, Any]] = {
    "price": {"levers": ("price",), "pooled": True},
    "price and stock, 5 % a week": {"levers": ("order", "price"), "pooled": True, "holding": zeros.A_WEEK},
    "offers": {"levers": ("promote",), "pooled": True},
}
PLAIN = {  # rules without a model, of which the best on seeds 0 to 9 is zero
    "price": ("list", "cost-plus 0.8", "cost-plus 0.9", "cost-plus 1", "cost-plus 1.2"),
    "price and stock": tuple(f"cost-plus {m:g}, smoothing, base stock" for m in (0.8, 0.9, 1.0)),
    "offers": ("best sellers",),
}
MODEL = "DML with text"
CLAIM, RIVAL = "DML, effect carried into the forecast", "DML, forecaster reads the price"
LADDER = (0.49, 0.99)
LUCKS = played.LUCKS[:2]  # where prices or offers are played alone
WINDOW: dict[str, Any] = {
    "look_back": 26,
    "past": ("y", "rel_price", "promoted", "stockout"),
    "future": ("rel_price", "promoted", "week_sin", "week_cos"),
    "also_known": ("rel_price",),
}


class ByUnits:
    """Fills the offers page with what sells most units, whatever it earns."""

    history_by = None

    def __init__(self, places: int) -> None:
        self.places = places

    def __call__(self, obs: Obs, history: Any = None) -> Action:
        page = np.zeros(len(obs["live"]), dtype=np.int8)
        page[np.argsort(-obs["smoothed"] * obs["live"], kind="stable")[: self.places]] = 1
        return {"promote": page}


class Laggards(ByUnits):
    """Fills it with what sold least of what it usually sells: the last week against the smoothed rate."""

    def __call__(self, obs: Obs, history: Any = None) -> Action:
        behind = obs["smoothed"] - obs["sold"][..., -1].reshape(len(obs["live"]), -1).sum(axis=1)
        page = np.zeros(len(obs["live"]), dtype=np.int8)
        page[np.argsort(-behind * obs["live"], kind="stable")[: self.places]] = 1
        return {"promote": page}


def estimated(env: ShopEnv, smoke: bool) -> dict[str, pd.DataFrame]:
    """Effects by estimator, on what the shop knows."""
    shop = env.opening()
    frame = design(shop)
    texts = listing_texts(shop)
    vectors = np.random.default_rng(0).normal(size=(len(texts), 8)) if smoke else text_vectors(texts, progress=False)
    return {how: price_effects(shop, how, vectors=vectors, frame=frame) for how in ESTIMATORS}  # type: ignore[arg-type]


def price_arms(env: ShopEnv, effects: dict[str, pd.DataFrame], slopes: dict[str, np.ndarray]) -> dict[str, Maker]:
    """Rules, one price list an estimator, and lists that change slowly."""
    known = env.opening().products.set_index("product_id")["category"]
    category = known.reindex(env.product_ids).to_numpy(dtype=object)
    arms = {name: rule for name, rule in zeros.price_rules().items() if name in (SHOP, *PLAIN["price"])}
    for how, slope in slopes.items():
        arms[how] = lambda env, slope=slope: OptimalPrices(slope)
    rules = {
        "DML, ladder": PriceRules(ladder=LADDER),
        "DML, 60 changes a week on a ladder": PriceRules(ladder=LADDER, most_changes=60),
        "DML, 60 changes, by the gain": PriceRules(ladder=LADDER, most_changes=60, careful=False),
    }
    best = effects[MODEL]
    return arms | {name: (lambda env, rule=rule: AdvisedPrices(best, category, rule)) for name, rule in rules.items()}


def both_arms(env: ShopEnv, slope: np.ndarray, smoke: bool) -> dict[str, Maker]:
    """Prices and orders; both forecasters are the same trees, fitted once on either books."""
    charged, books = OptimalPrices(slope), env.history()
    window, trees = (WINDOW | {"look_back": 4}, {"n_estimators": 5}) if smoke else (WINDOW, {})
    model = ecomlib.forecaster("trees", **window, scale="mean_abs", objective="tweedie", **trees)
    obs, _ = env.reset(seed=0)
    few = {"weeks": 2} if smoke else {}
    reads = reading_orders(env.game, model, books, **few)
    carries = carried_orders(env.game, model, books, slope, pd.Series(obs["cost"], index=env.product_ids), **few)
    arms = {name: rule for name, rule in zeros.both_rules().items() if name in (SHOP, *PLAIN["price and stock"])}
    return arms | {
        "DML prices alone": lambda env: charged,
        "stock alone": lambda env: reads,
        "DML, smoothing": lambda env: Together((charged, Smoothing(env.game, "base_stock"))),
        RIVAL: lambda env: Together((charged, reads)),
        CLAIM: lambda env: Together((charged, carries)),
    }


def offer_arms(env: ShopEnv, effects: dict[str, pd.DataFrame], slope: np.ndarray) -> dict[str, Maker]:
    """What goes on the offers page."""
    lift = float(promotion_lift(env.opening(), effects[MODEL])["promotion"].iloc[0])
    return zeros.offer_rules() | {
        "by units": lambda env: ByUnits(env.places),
        "laggards": lambda env: Laggards(env.places),
        "by what they add": lambda env: EarningOffers(env.places, lift, slope),
    }


def promised(env: ShopEnv, slopes: dict[str, np.ndarray], lucks: Sequence[int]) -> pd.Series:
    """Margin above the shop's own, as each estimate promises it, by estimator."""
    rows = []
    for luck in lucks:
        shop = play(env, played.the_shop(env), luck)
        books = env.history()
        weeks = books[books["ds"] >= shop.weeks["ds"].min()]
        obs, _ = env.reset(seed=luck)
        at = pd.Index(env.product_ids).get_indexer(weeks["product_id"])
        units, price, cost = weeks["y"].to_numpy(), weeks["price"].to_numpy(), env._world.market.cost[at]
        for how, slope in slopes.items():
            new = OptimalPrices(slope)(obs)["price"]
            known = (obs["price_high"][at] > 0) & (price > 0)
            asked = np.where(known, np.clip(new[at], obs["price_low"][at], obs["price_high"][at]), price)
            gain = units * ((asked / price) ** slope[at] * (asked - cost) - (price - cost))
            rows.append({"policy": how, "luck": luck, "promised": float(gain.sum())})
    return pd.DataFrame(rows).groupby("policy", sort=False)["promised"].mean()


@lru_cache(maxsize=1)
def on_monday(seed: int, smoke: bool) -> tuple[ShopEnv, dict[str, pd.DataFrame]]:
    """A store's first Monday: the game of prices, and all effects as the shop can estimate them."""
    env = played.opened(seed, "tiny" if smoke else "small", **GAMES["price"])
    return env, estimated(env, smoke)


def one_game(game: str, seed: int, smoke: bool) -> pd.DataFrame:
    """One game on one store: a row a policy, lucks averaged, with what was promised where prices are played alone."""
    opened, effects = on_monday(seed, smoke)
    env = opened.under(**GAMES[game])
    slopes = {how: by_product(table, env.opening().products, env.product_ids) for how, table in effects.items()}
    if game == "price":
        arms = price_arms(env, effects, slopes)
    else:
        arms = offer_arms(env, effects, slopes[MODEL]) if game == "offers" else both_arms(env, slopes[MODEL], smoke)
    lucks = played.LUCKS[:1] if smoke or "stock" in game else LUCKS
    frame = played.play_store(env, arms | {REFERENCE: attainable_policy}, seed, lucks)
    frame = frame.groupby(["policy", "store"], sort=False).mean(numeric_only=True).drop(columns="luck")
    frame = frame.reset_index().assign(game=game, promised=np.nan, earned=np.nan)
    if game == "price":
        frame["promised"] = frame["policy"].map(promised(env, slopes, lucks))
        shop = frame.loc[frame["policy"] == SHOP, "margin"].item()
        frame["earned"] = (frame["margin"] - shop).where(frame["promised"].notna())
    return frame


def zero_of(frame: pd.DataFrame, game: str, *, chosen: bool) -> str:
    """The best rule without a model: as `zeros_d` has chosen it on stores 0 to 9, or of the stores at hand."""
    if chosen:
        return str(recorded.recorded("zeros_d").attrs["card"]["facts"][game]["zero"])
    return played.best(frame[frame["game"] == game], PLAIN["price and stock" if "stock" in game else game])


def summary(frame: pd.DataFrame, zero: dict[str, str]) -> pd.DataFrame:
    """All games' policies with money, gain on zero, share of the way, and what was promised and earned."""
    parts = []
    for game, mine in frame.groupby("game", sort=False):
        mine = mine.assign(order_cost=0.0, substitution=False)
        table = played.judged(mine, zero[str(game)])
        means = mine.groupby("policy")[["promised", "earned"]].mean()
        parts.append(table.join(means, on="policy").assign(game=game, zero=zero[str(game)]))
    return pd.concat(parts, ignore_index=True)


def claims(frame: pd.DataFrame, zero: dict[str, str]) -> dict[str, Any]:
    """The primary comparisons, each with its interval over stores and in how many of them it is ahead."""
    rng, found = np.random.default_rng, {}
    pairs = {
        "price and stock, 5 % a week": (CLAIM, RIVAL),
        "offers": ("by what they add", PLAIN["offers"][0]),
        "price": ("DML with text", "naive"),
    }
    for game, (ours, rival) in pairs.items():
        if game not in zero:
            continue
        mine = frame[frame["game"] == game]
        gain = played.gain(mine, ours, rival, rng=rng(0))
        wide = mine.pivot_table("profit", "store", "policy")
        ahead = int((wide[ours] > wide[rival]).sum())
        money = float((wide[ours] - wide[rival]).mean())
        ends = [None if not np.isfinite(end) else round(end, 5) for end in (gain.low, gain.high)]
        found[game] = {"ours": ours, "rival": rival, "gain": round(gain.estimate, 5), "low": ends[0], "high": ends[1]}
        found[game] |= {"money": round(money, 1), "ahead": ahead, "stores": len(wide)}
    return found


def log_scoring(table: pd.DataFrame) -> None:
    """Note that the test stores were scored, with each policy's share of the way."""
    told = [f"share {r.share:.3f}" if np.isfinite(r.share) else f"gain {r.gain:+.4f}" for r in table.itertuples()]
    names = [f"{row.game}: {row.policy}" for row in table.itertuples()]
    log_scorings("D", pd.DataFrame({"model": [f"{name}, {way}" for name, way in zip(names, told, strict=True)]}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_trial_options(parser, "one tiny store, no encoder; records nothing")
    parser.add_argument("--tuning", action="store_true", help="seeds 0 to 9 alone; records and logs nothing")
    parser.add_argument("--only", choices=list(GAMES), help="with --tuning: one game")
    options = parser.parse_args()
    smoke, partial = options.smoke, partial_folder("price")
    seeds = TUNING[:1] if smoke else TUNING if options.tuning else TEST
    games = [options.only] if options.only else list(GAMES)
    parts = []
    for seed, game in itertools.product(seeds, games):
        kept = partial / f"{seed}-{list(GAMES).index(game)}.parquet"
        if kept.is_file() and not smoke:
            parts.append(pd.read_parquet(kept))
            continue
        began = time.process_time()
        parts.append(one_game(game, seed, smoke))
        parts[-1]["game_seconds"] = time.process_time() - began
        if not smoke:
            partial.mkdir(parents=True, exist_ok=True)
            parts[-1].to_parquet(kept, index=False)
        print(f"seed {seed}, {game} ({parts[-1]['game_seconds'].iloc[0]:.0f} s)", flush=True)
    frame = pd.concat(parts, ignore_index=True)
    seconds = float(frame.groupby(["store", "game"])["game_seconds"].first().sum())
    zero = {game: zero_of(frame, game, chosen=not (smoke or options.tuning)) for game in games}
    table, found = summary(frame, zero), claims(frame, zero)
    lines = ["game", "policy", "profit", "gain", "gain_low", "gain_high", "share", "share_low", "share_high"]
    print(table[[*lines, "promised", "earned"]].round(3).to_string(index=False))
    print(pd.DataFrame(found).T.to_string())
    if options.tuning and not smoke:
        return
    if not smoke:
        log_scoring(table)
    columns = ["game", "policy", "store", "profit", "margin", "holding", "demand", "lost", "promised", "earned"]
    rows = pd.concat(
        [
            table.assign(store="all")[[*lines, "store", "headroom", "headroom_low", "zero", "promised", "earned"]],
            frame[[*columns, "seconds"]].astype({"store": str}),
        ],
        ignore_index=True,
    )
    with trial_folder(options) as folder:
        recorded.write(
            "price_d",
            rows,
            script=__file__,
            also=[played.__file__, zeros.__file__],
            command="python -m benchmarks.simulated.price",
            protocol="protocol D: small stores of seeds 10 to 19, last 26 weeks, scored once; zero chosen on seeds "
            "0 to 9 (zeros_d); two lucks where prices or offers are played alone; intervals by redrawing stores",
            seconds=seconds,
            smoke=smoke,
            directory=folder,
            facts={"zero": zero, "claims": found},
            measured=("seconds",),
        )


if __name__ == "__main__":
    main()
