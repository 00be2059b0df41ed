"""Protocol D: policies played side by side in the store as a game, and how far they come on its one scale.

*What is scored* is the profit of the last 26 weeks of a store, in money, under the same luck for all policies: averaged
over lucks where prices, offers or letters are played, from one luck where orders alone are (there the same is wanted
whatever the luck). 0 is the best rule that needs no model, chosen on seeds 0 to 9; 1 is the reference that knows every
parameter and no luck. An interval comes from redrawing stores (``ecomlib.evaluation.share``): bars are decided on seeds
10 to 19, scored once.

Where headroom's interval reaches below 1 % of zero's profit, money alone is shown and the sentence is "leave the
formula alone". Where order lines cost money, or demand moves to substitutes, the reference is none (it thinks of
neither): there money stands side by side, and ``judged`` refuses a share.

Other scripts call ``play_all`` and ``judged``. By itself this one plays the shop and both references on a few stores:

    python -m benchmarks.simulated.played --seeds 0 1
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ecomlib.decisions.shop_env import ShopEnv, play
from ecomlib.decisions.shop_game import Game, Policy
from ecomlib.decisions.shop_policies import attainable_policy, omniscient_policy, shop_policy
from ecomlib.errors import DataError
from ecomlib.evaluation.share import FORMULA, gain, headroom, is_little, share
from ecomlib.files import write_whole

TUNING, TEST = tuple(range(10)), tuple(range(10, 20))
WEEKS = 26
LUCKS = (0, 1, 2)
MONEY = ("profit", "revenue", "margin", "holding", "ordering", "letters")
UNITS = ("demand", "sold", "lost")
MEASURED = ("seconds",)  # for recorded.write: no run repeats it
Maker = Callable[[ShopEnv], Policy]  # it may fit on env.opening(); what it returns holds no env but in a reference
REFERENCE, SHOP = "attainable", "the shop"
REFERENCES: dict[str, Maker] = {REFERENCE: attainable_policy, "omniscient": omniscient_policy}


def the_shop(env: ShopEnv) -> Policy:
    """The shop's own rules."""
    return shop_policy


def game_weeks(size: str) -> int:
    """How many weeks are played: 26; 10 of the 26 that the tiny store has."""
    return 10 if size == "tiny" else WEEKS


def opened(seed: int, size: str = "small", **options: Any) -> ShopEnv:
    """A store's last weeks as a game; ``options`` are those of ``ShopEnv``."""
    return ShopEnv(size=size, seed=seed, **{"weeks": game_weeks(size), **options})


def lucks_of(game: Game, lucks: Sequence[int] = LUCKS) -> tuple[int, ...]:
    """The lucks that tell something: one where orders alone are played, all of these else."""
    return tuple(lucks[:1]) if set(game.levers) == {"order"} else tuple(lucks)


def play_store(env: ShopEnv, makers: Mapping[str, Maker], store: int, lucks: Sequence[int] = LUCKS) -> pd.DataFrame:
    """Play all policies on one store: a row a policy and luck.

    Each policy is made once a store, before its first game; what it has learned in a game it must forget at its start
    (``obs["week"] == 0``). ``seconds`` are of the processor, making included in those of the first luck.
    """
    rows = []
    for name, make in makers.items():
        began = time.process_time()
        policy = make(env)
        for luck in lucks_of(env.game, lucks):
            weeks = play(env, policy, luck).weeks
            row: dict[str, Any] = {"store": store, "policy": name, "luck": luck}
            row |= weeks[[*MONEY, *UNITS]].sum().astype(float).to_dict()
            row |= {"order_cost": float(env.game.order_cost), "substitution": env.substitutes}
            rows.append(row | {"seconds": time.process_time() - began})
            began = time.process_time()
    return pd.DataFrame(rows)


def play_all(
    seeds: Sequence[int],
    makers: Mapping[str, Maker],
    *,
    size: str = "small",
    lucks: Sequence[int] = LUCKS,
    folder: Path | None = None,
    label: str = "game",
    **options: Any,
) -> pd.DataFrame:
    """Play all policies on stores by seed; resumable, with a line a store.

    ``options`` are those of ``ShopEnv``: levers, pooled, holding, misspecified and so on. With a ``folder`` (of
    ``trial.partial_folder``) each store is kept as ``LABEL-SEED.parquet`` and not played again: one label a game.
    """
    parts = []
    for seed in seeds:
        kept = folder / f"{label}-{seed}.parquet" if folder else None
        if kept is not None and kept.is_file():
            found = pd.read_parquet(kept)
            if list(dict.fromkeys(found["policy"])) != list(makers):
                raise DataError("this partial result is of other policies", value=str(kept), remedy="delete it.")
        else:
            found = play_store(opened(seed, size, **options), makers, seed, lucks)
            if kept is not None:
                kept.parent.mkdir(parents=True, exist_ok=True)
                write_whole(kept, found.to_parquet(index=False))
        money = found.groupby("policy", sort=False)["profit"].mean()
        said = "  ".join(f"{name} {value:,.0f}" for name, value in money.items())
        print(f"{label} seed {seed} ({found['seconds'].sum():.0f} s)  {said}", flush=True)
        parts.append(found)
    return pd.concat(parts, ignore_index=True)


def judged(frame: pd.DataFrame, zero: str, reference: str = REFERENCE, *, draws: int = 4000) -> pd.DataFrame:
    """One row a policy: money a store, gain on zero, and the share of the way, each with its interval over stores.

    ``share`` is NaN for all where the headroom is little (``is_little``): then money alone is shown, and ``sentence``
    says so. The same stores are drawn for every policy.

    Raises
    ------
    DataError: lines cost money, or demand moves to substitutes: the reference thinks of neither. Call ``money``.
    """
    if (frame["order_cost"] > 0).any() or frame["substitution"].any():
        raise DataError(
            "the reference thinks neither of what an order line costs nor of substitutes, so it is no reference here",
            column="order_cost" if (frame["order_cost"] > 0).any() else "substitution",
            remedy="show money side by side: money(frame, zero).",
        )
    room = headroom(frame, zero, reference, rng=np.random.default_rng(0), draws=draws)
    table = money(frame, zero, draws=draws).assign(
        headroom=room.estimate, headroom_low=room.low, headroom_high=room.high
    )
    little = is_little(room)
    for name in table["policy"] if not little else ():
        found = share(frame, name, zero, reference, rng=np.random.default_rng(0), draws=draws)
        table.loc[table["policy"] == name, ["share", "share_low", "share_high"]] = found.estimate, found.low, found.high
    if little:
        table[["share", "share_low", "share_high"]] = np.nan
    return table.assign(sentence=FORMULA if little else "")


def money(frame: pd.DataFrame, zero: str, *, draws: int = 4000) -> pd.DataFrame:
    """One row a policy: profit a store, and what it gains on zero as a share of zero's profit, with its interval."""
    rows = []
    for name, mine in frame.groupby("policy", sort=False):
        found = gain(frame, str(name), zero, rng=np.random.default_rng(0), draws=draws)
        means = mine.groupby("store")[[*MONEY, *UNITS]].mean().mean()
        rows.append({"policy": name, **means, "gain": found.estimate, "gain_low": found.low, "gain_high": found.high})
    return pd.DataFrame(rows).sort_values("profit", ascending=False, kind="stable", ignore_index=True)


def best(frame: pd.DataFrame, rules: Sequence[str]) -> str:
    """Name the rule that earns most over all stores."""
    mine = frame[frame["policy"].isin(rules)]
    return str(mine.groupby(["policy", "store"])["profit"].mean().groupby("policy").sum().idxmax())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="one tiny store")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="stores to play, of 0 to 9")
    parser.add_argument("--lever", default="order", help="order, price, promote or mail")
    options = parser.parse_args()
    if not set(options.seeds) <= set(TUNING):
        parser.error("stores 10 to 19 are scored once, by the benchmarks of lessons 12 and 13")
    size = "tiny" if options.smoke else "small"
    makers = {SHOP: the_shop, **REFERENCES}
    frame = play_all(options.seeds, makers, size=size, levers=(options.lever,), pooled=True)
    print(judged(frame, SHOP)[["policy", "profit", "gain", "share", "sentence"]].to_string(index=False))


if __name__ == "__main__":
    main()
