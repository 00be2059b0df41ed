"""A service trained on a tiny shop: its forecasts, its order list and its what-if, before and after events."""

from __future__ import annotations

import tempfile
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from record import sample
from shops import store

from ecomlib.evaluation import compare
from ecomlib.serving.live.drift_report import look
from ecomlib.serving.live.event_log import Event, EventLog
from ecomlib.serving.live.live_state import State
from ecomlib.serving.live.replay import held_out
from ecomlib.serving.live.replenish import replenish
from ecomlib.serving.live.requests import Problem, WhatIfIn
from ecomlib.serving.live.retrain import decide, live_books, retrain, side_by_side
from ecomlib.serving.live.whatif import what_if
from ecomlib.serving.release.bundle import Bundle, open_bundle, registry
from ecomlib.serving.release.inputs import monday
from ecomlib.serving.release.train import ReleaseSettings, train

ASKED: tuple[dict[str, Any], ...] = (
    {"price": 1.1},
    {"price": 0.85},
    {"promoted": True},
    {"depth": 0.2},
    {"price": 1.05, "promoted": False},
)


def forecasts(state: State) -> pd.DataFrame:
    """Forecast, both ends and what was sold so far, of every product in every region and in all."""
    rows = []
    for product in state.bundle.books.products:
        for place in (*state.bundle.regions["region_id"], "all"):
            answer = state.answer(product, place)
            assert answer is not None
            basis = float(answer["basis"] == "network")
            for week in answer["weeks"]:
                numbers = {name: week[name] for name in ("forecast", "low", "high")}
                rows.append(
                    {
                        "key": f"{product} {place} {week['week']}",
                        **numbers,
                        "network": basis,
                        "sold": float("nan") if week["sold"] is None else week["sold"],
                    }
                )
    return sample(pd.DataFrame(rows), "key", 80)


def orders(state: State) -> dict[str, pd.DataFrame]:
    """Order lists: at two ratios of costs, of one region and of all together; in the list's own order."""
    lists = {
        "order list": replenish(state, limit=40),
        "order list, ratio 9, all regions": replenish(state, 9.0, 30, "all"),
        "order list, ratio 1.5, one region": replenish(state, 1.5, 20, str(state.bundle.regions["region_id"].iloc[0])),
    }
    found = {}
    for name, rows in lists.items():
        table = pd.DataFrame(rows).reset_index(names="place")
        table["alert"] = table["alert"].map({"out": 2.0, "low": 1.0}).fillna(0.0)
        table["on_hand"] = table["on_hand"].astype(float)
        table["place"] = table["place"].astype(float)
        found[name] = table.set_index(table["product_id"] + " " + table["region_id"])[
            ["place", "on_hand", "expected", "order", "alert"]
        ]
    return found


def what_ifs(state: State) -> pd.DataFrame:
    """Units, revenue and profit as planned and as asked, of some products; a refusal is its status alone."""
    rows = {}
    products, reference = state.bundle.books.products[::12], state.bundle.products["reference"].to_numpy(dtype=float)
    for product in products:
        row = state.bundle.row[product]
        for number, change in enumerate(ASKED):
            place = "all" if number % 2 == 0 else str(state.bundle.regions["region_id"].iloc[0])
            asked = dict(change)
            if "price" in asked:
                asked["price"] = round(reference[row] * asked["price"], 2)
            key = f"{product} {place} {number}"
            try:
                answer = what_if(state, WhatIfIn(product_id=product, region_id=place, **asked))
            except Problem as refusal:
                rows[key] = {"status": float(refusal.status_code)}
                continue
            rows[key] = {"status": 200.0, **answer["elasticity"]}
            rows[key] |= {f"now {name}": value for name, value in answer["now"].items()}
            rows[key] |= {f"then {name}": value for name, value in answer["then"].items()}
    return pd.DataFrame.from_dict(rows, "index").astype(float)


def look_at(state: State) -> dict[str, pd.DataFrame]:
    """Lights and coverage by week."""
    seen = look(state)
    lights = pd.DataFrame(seen["lights"]).set_index("name")[["value", "alarm"]].astype(float)
    found = {"watch: lights": lights}
    if seen["weeks"]:
        found["watch: weeks"] = pd.DataFrame(seen["weeks"]).set_index("week").astype(float)
    return found


def event(told: dict[str, Any]) -> Event:
    """What ``replay`` sends, as the log takes it."""
    return Event(**{**told, "ordered_at": datetime.fromisoformat(told["ordered_at"])})


def _numbers(bundle: Bundle, name: str = "") -> dict[str, pd.DataFrame]:
    """Reach, and the errors' quantiles that orders are read from, both by region and size."""
    errors = bundle.order_errors
    reach_of, errors_of = (
        table["region_id"] + " from " + table["at_least"].round(6).astype(str) for table in (bundle.reach, errors)
    )
    return {
        f"{name}reach": bundle.reach.set_index(reach_of)[["reach"]].astype(float),
        f"{name}order errors": errors.set_index(errors_of).drop(columns=["region_id", "at_least"]).astype(float),
    }


def part(seed: int) -> dict[str, pd.DataFrame]:
    """A version trained for two rounds without words; before events, after twelve days of them, and trained anew."""
    found: dict[str, pd.DataFrame] = {}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        plan = ReleaseSettings(hold_out=4, epochs=2, seed=seed, text=False, model="gru")
        source = {"store": "simulated", "size": "tiny", "seed": seed}
        made = train(store(seed), home, plan, source=source)
        registry(home).promote(made.version.number, "golden")
        bundle = open_bundle(home)
        found["calibration"] = sample(made.scores, ["unique_id", "cutoff", "ds"])
        found |= _numbers(bundle)
        found["effects"] = bundle.effects.set_index("category").astype(float)
        found["card"] = pd.DataFrame({"value": pd.Series(made.version.card["notes"]["wape"])})
        log = EventLog(f"sqlite:///{home / 'events.db'}")
        try:
            state = State(bundle, log)
            state.refresh()
            found["forecast: at the cutoff"] = forecasts(state)
            found |= {f"{name}, at the cutoff": table for name, table in orders(state).items()}
            found["what-if: at the cutoff"] = what_ifs(state)
            events = [event(told) for told in held_out(store(seed), bundle.cutoff, 12)]
            state.apply(log.append(events))
            state.refresh()
            assert monday(state.origin) > monday(bundle.cutoff)
            found["forecast: twelve days later"] = forecasts(state)
            found |= {f"{name}, twelve days later": table for name, table in orders(state).items()}
            found["what-if: twelve days later"] = what_ifs(state)
            found |= look_at(state)
        finally:
            log.close()
        again = retrain(store(seed), home, plan, database=f"sqlite:///{home / 'events.db'}")
        newer = open_bundle(home, again.version.number)
        with closing(EventLog(f"sqlite:///{home / 'events.db'}")) as log:
            champion, challenger = State(bundle, log), State(newer, log)
            champion.refresh()
            challenger.refresh()
            truth = live_books(champion, log)
            promote = decide(bundle, newer, log, alarm=False).promote
        # The tiny shop has too few origins for a decision; two that overlap, to hold the numbers.
        scores = side_by_side(champion, challenger, truth, [truth.last - 5, truth.last - 4])
        ours = compare(scores, "new", "old", rng=np.random.default_rng(0)).relative
        found["retrained: calibration"] = sample(again.scores, ["unique_id", "cutoff", "ds"])
        found |= _numbers(newer, "retrained: ")
        found["retrained: side by side"] = sample(scores, ["unique_id", "cutoff", "ds"])
        numbers = {"promote": promote, "relative": ours.estimate, "low": ours.low, "high": ours.high}
        found["retrained: decision"] = pd.DataFrame({"value": pd.Series(numbers, dtype=float)})
    return found
