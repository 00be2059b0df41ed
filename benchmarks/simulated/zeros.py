"""Protocol D: which rule that needs no model is best, lever by lever? It is zero on the scale of lessons 12 and 13.

Stores 0 to 9, on which choices are made; stores 10 to 19 are not looked at. The last 26 weeks of a small store, three
lucks where prices or offers are played. Beside each rule stands what is left to gain above it: headroom to the
reference that knows every parameter and no luck, its interval by redrawing stores. Money is a store's profit in 26
weeks, and the best of a game's rules is its zero.

*Expected, written before the run* (small store 0 had been seen for stock and price, and a tiny one for all):

- Stock at a quarter of the cost a year: smoothing with a base-stock quantile is best and 2 % is left; the shop's own
  rule 4 % behind it. By region the lost-sales rule, 2 % left.
- Stock at 5 % a week: both smoothings within 1 % of each other when pooled, the lost-sales rule ahead by region; 6 %
  and 10 % left. Ordering nothing below cost mends a third of the shop's gap.
- Price: cost-plus, with a mark-up near 1.0, which the rails allow; the highest price seen behind it, list price 12 %
  behind; 5 % left.
- Price and stock together: the same mark-up with smoothing; 5 % left at a quarter a year, 8 % at 5 % a week.
- Offers: best sellers by gross profit; about 1 % left, the interval perhaps below it.

    python -m benchmarks.simulated.zeros    # about 17 minutes on one core; resumes
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.simulated import played
from benchmarks.simulated.played import REFERENCE, SHOP, Maker
from benchmarks.trial import add_trial_options, partial_folder, trial_folder
from ecomlib import recorded
from ecomlib.decisions.shop_env import ShopEnv
from ecomlib.decisions.shop_game import Action, Obs, Policy
from ecomlib.decisions.shop_policies import (
    BestSellers,
    CostPlus,
    MeanOfWeeks,
    NothingBelowCost,
    Smoothing,
    Together,
    attainable_policy,
    list_price,
)

MARKUPS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2)
TOGETHER = (0.8, 0.9, 1.0, 1.2)
A_YEAR, A_WEEK = 0.25, 2.6  # a quarter of the cost a year; 5 % a week


def highest(obs: Obs, history: Any = None) -> Action:
    """Charge the highest price that was ever seen."""
    return {"price": obs["price_high"].clip(0.05)}


highest.history_by = None  # type: ignore[attr-defined]


@dataclass(frozen=True)
class AtRandom:
    """Fills the offers page at random, anew each week."""

    places: int
    history_by = None

    def __call__(self, obs: Obs, history: Any = None) -> Action:
        rng, live = np.random.default_rng(int(obs["week"])), np.flatnonzero(obs["live"])
        page = np.zeros(len(obs["live"]), dtype=np.int8)
        page[rng.choice(live, min(self.places, len(live)), replace=False)] = 1
        return {"promote": page}


def no_offers(obs: Obs, history: Any = None) -> Action:
    """Promote nothing."""
    return {"promote": np.zeros_like(obs["live"])}


no_offers.history_by = None  # type: ignore[attr-defined]


def stock_rules() -> dict[str, Maker]:
    """Rules for orders at the shop's own prices."""
    rules: dict[str, Maker] = {
        SHOP: played.the_shop,
        "nothing below cost": lambda env: NothingBelowCost(env.shop_rule),
        "smoothing, base stock": lambda env: Smoothing(env.game, "base_stock"),
        "smoothing, lost sales": lambda env: Smoothing(env.game),
    }
    for safety in (0.5, 1.0, 1.65):
        rules[f"mean of 8, safety {safety:g}"] = lambda env, safety=safety: MeanOfWeeks(env.game, safety)
    return rules


def price_rules() -> dict[str, Maker]:
    """Rules for prices; orders are the shop's own."""
    rules: dict[str, Maker] = {SHOP: played.the_shop, "list": _plain(list_price), "highest seen": _plain(highest)}
    return rules | {f"cost-plus {markup:g}": _plain(CostPlus(markup)) for markup in MARKUPS}


def both_rules() -> dict[str, Maker]:
    """Rules for prices and orders; orders are made for the prices that are charged (``Together``)."""

    def both(markup: float, how: str) -> Maker:
        return lambda env: Together((CostPlus(markup), Smoothing(env.game, how)))

    rules: dict[str, Maker] = {SHOP: played.the_shop, "smoothing, base stock": stock_rules()["smoothing, base stock"]}
    rules |= {f"cost-plus {markup:g}": _plain(CostPlus(markup)) for markup in TOGETHER}
    for how, markups in (("base_stock", TOGETHER), ("lost_sales", (0.9, 1.0))):
        words = how.replace("_", " ")
        rules |= {f"cost-plus {markup:g}, smoothing, {words}": both(markup, how) for markup in markups}
    return rules


def offer_rules() -> dict[str, Maker]:
    """Rules for the offers page."""
    return {
        SHOP: played.the_shop,
        "best sellers": lambda env: BestSellers(env.places),
        "at random": lambda env: AtRandom(env.places),
        "nothing": _plain(no_offers),
    }


def _plain(policy: Policy) -> Maker:
    return lambda env: policy


GAMES: dict[str, tuple[dict[str, Maker], dict[str, Any]]] = {
    "stock, pooled, .25 a year": (stock_rules(), {"pooled": True, "holding": A_YEAR}),
    "stock, pooled, 5 % a week": (stock_rules(), {"pooled": True, "holding": A_WEEK}),
    "stock, by region, .25 a year": (stock_rules(), {"holding": A_YEAR}),
    "stock, by region, 5 % a week": (stock_rules(), {"holding": A_WEEK}),
    "price": (price_rules(), {"levers": ("price",), "pooled": True}),
    "price and stock, .25 a year": (both_rules(), {"levers": ("order", "price"), "pooled": True, "holding": A_YEAR}),
    "price and stock, 5 % a week": (both_rules(), {"levers": ("order", "price"), "pooled": True, "holding": A_WEEK}),
    "offers": (offer_rules(), {"levers": ("promote",), "pooled": True}),
}


def one_store(env: ShopEnv, seed: int, lucks: Sequence[int]) -> pd.DataFrame:
    """All games on one store; lucks averaged."""
    parts = []
    for game, (rules, options) in GAMES.items():
        found = played.play_store(env.under(**options), rules | {REFERENCE: attainable_policy}, seed, lucks)
        parts.append(found.assign(game=game))
    frame = pd.concat(parts, ignore_index=True)
    means = frame.groupby(["game", "policy", "store"], sort=False).mean(numeric_only=True).drop(columns="luck")
    return means.reset_index()


def summary(frame: pd.DataFrame) -> pd.DataFrame:
    """All games' policies with money, gain on zero and share of the way; ``zero`` marks the best rule of a game."""
    parts = []
    for game, mine in frame.groupby("game", sort=False):
        plain = mine.assign(substitution=False)
        zero = played.best(plain, [name for name in plain["policy"].unique() if name != REFERENCE])
        parts.append(played.judged(plain, zero).assign(game=game, zero=zero, stores=mine["store"].nunique()))
    return pd.concat(parts, ignore_index=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_trial_options(parser, "one tiny store; records nothing")
    options = parser.parse_args()
    smoke, started = options.smoke, time.perf_counter()
    partial = partial_folder("zeros")
    parts = []
    for seed in played.TUNING[:1] if smoke else played.TUNING:
        kept = partial / f"{seed}.parquet"
        if kept.is_file() and not smoke:
            parts.append(pd.read_parquet(kept))
            continue
        env, lucks = played.opened(seed, "tiny" if smoke else "small"), played.LUCKS
        parts.append(one_store(env, seed, lucks[:1] if smoke else lucks))
        if not smoke:
            partial.mkdir(parents=True, exist_ok=True)
            parts[-1].to_parquet(kept, index=False)
        print(f"seed {seed} ({parts[-1]['seconds'].sum():.0f} s of play a luck)", flush=True)
    frame = pd.concat(parts, ignore_index=True)
    table = summary(frame)
    lines = ["game", "policy", "profit", "gain", "gain_low", "gain_high", "share"]
    print(table[lines].round(4).to_string(index=False))
    rooms = table.drop_duplicates("game")[["game", "zero", "headroom", "headroom_low", "headroom_high", "sentence"]]
    print(rooms.round(4).to_string(index=False))
    columns = ["game", "policy", "store", "profit", "margin", "holding", "demand", "lost", "seconds"]
    rows = pd.concat(
        [
            table.assign(store="all")[["game", "policy", "store", *lines[2:], "share_low", "share_high", "zero"]],
            frame[columns].astype({"store": str}),
        ],
        ignore_index=True,
    )
    with trial_folder(options) as folder:
        recorded.write(
            "zeros_d",
            rows,
            script=__file__,
            also=[played.__file__],
            command="python -m benchmarks.simulated.zeros",
            protocol="ten small stores, seeds 0 to 9, last 26 weeks played, three lucks where prices or offers are; "
            "money a store; intervals by redrawing stores",
            seconds=time.perf_counter() - started,
            smoke=smoke,
            directory=folder,
            facts={row.game: _fact(row) for row in rooms.itertuples()},
            measured=("seconds",),
        )


def _fact(row: Any) -> dict[str, Any]:
    return {
        "zero": row.zero,
        "headroom": round(row.headroom, 5),
        "headroom_low": round(row.headroom_low, 5) if np.isfinite(row.headroom_low) else None,
        "headroom_high": round(row.headroom_high, 5) if np.isfinite(row.headroom_high) else None,
        "sentence": row.sentence,
    }


if __name__ == "__main__":
    main()
