"""The service's proof, for three kinds of forecaster: a network, boosted trees, a seasonal naive.

    python -m benchmarks.service.kinds          # about 6 minutes
    python -m benchmarks.service.kinds --smoke  # two kills, a moment of load; records nothing

Sixty products of the simulated store (size small), trained once a kind. Written down before the first run, as in
`proof.py`: of ten kills eight come while a sender streams batches, one at rest, one while the server starts; no
acknowledged event is missing, a batch is there whole or not at all, and every forecast after a restart is, byte for
byte, what a state made anew says, and after a kill at rest what it was before. An answer that is marked as old, since
a late order came or a week has ended, promises nothing about a restart: it is asked for again until it is not. Speed
is a ratio to a bare route with the same bytes, in the same run: p99 of one request at a time at most 3 times, requests
a second (8 in flight) at least 60 %. At last one version after the other is promoted while eight readers ask without a
pause: no answer but 200.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.service.kills import kills
from benchmarks.service.load import Line, Shop, closed_loop, forecast
from benchmarks.service.proof import LARGEST_P99, SMALLEST_RATE, ratios, speed
from benchmarks.trial import add_trial_options, trial_folder
from ecomlib import recorded
from ecomlib.serving.live.server_process import running
from ecomlib.serving.release.bundle import registry
from ecomlib.serving.release.train import ReleaseSettings, train
from ecomlib.stores import Store, load_store

KINDS = ("gru", "trees", "seasonal_naive")
FAULTS = ("missing", "torn", "unknown", "differ_from_fresh", "differ_from_before")


def part_of_store(products: int) -> Store:
    """The first products of the simulated store, with what belongs to them."""
    store = load_store("simulated", size="small", seed=0).observed()
    some = set(store.products["product_id"].sort_values().head(products))
    tables: dict[str, Any] = {
        name: frame[frame["product_id"].isin(some)].reset_index(drop=True)
        for name, frame in store.tables()
        if "product_id" in frame
    }
    return store.with_parts(**tables, sessions=None)


def swaps(home: Path, numbers: list[int], pause: float) -> dict[str, int]:
    """Promote versions in turn while readers ask: how many answers, how many not 200, how many versions answered."""
    url = f"sqlite:///{home / 'swaps.db'}"
    with running(home, "--database", url) as service:
        shop = Shop.of(service.port)
        questions = [forecast(*pair) for pair in shop.pairs()]
        seen: set[str] = set()

        def promote() -> None:
            for number in numbers:
                registry(home).promote(number, "swap under load")
                time.sleep(pause)
                with contextlib.closing(Line(service.port)) as line:
                    body = line.ask(questions[0])[1].decode()
                seen.add(body.split('"version":')[1].split(",")[0])

        thread = threading.Thread(target=promote)
        thread.start()
        found = closed_loop(
            service.port, iter(questions * 10_000), lines=8, seconds=pause * (len(numbers) + 0.5), most=10**6
        )
        thread.join()
    wrong = sum(status != 200 for status in found.status)
    return {"answers": len(found.status), "not 200": wrong, "versions that answered": len(seen)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_trial_options(parser, "two kills, a moment of load; records nothing")
    options = parser.parse_args()
    began = time.perf_counter()
    lives, rounds, seconds, pause = (2, 1, 0.2, 2.5) if options.smoke else (20, 4, 2.0, 5.0)
    rows = []
    with tempfile.TemporaryDirectory() as place, trial_folder(options) as folder:
        home, store = Path(place) / "home", part_of_store(8 if options.smoke else 60)
        numbers = []
        for model in KINDS:
            plan = ReleaseSettings(hold_out=4, epochs=1 if options.smoke else None, effects=False, model=model)
            numbers.append(train(store, home, plan, source={"store": "simulated"}).version.number)
        for model, number in zip(KINDS, numbers, strict=True):
            registry(home).promote(number, f"the proof of {model}")
            table = kills(home, f"sqlite:///{place}/{model}.db", lives)
            found = ratios(speed(home, rounds, seconds))
            row = {"model": model, "kills": lives, "acknowledged": int(table["acknowledged"].sum())}
            row |= {name: int(table[name].sum()) for name in FAULTS}
            row["marked as old"] = int(table["marked_old"].sum())
            row |= {f"{name} over bare": found[name]["median"] for name in ("p99", "per_second")}
            rows.append(row)
            print(row, flush=True)
        swapped = swaps(home, [*numbers, *numbers], pause)
        table = pd.DataFrame(rows)
        facts = {
            "swaps": swapped,
            "whole": not table[list(FAULTS)].to_numpy().any(),
            "swap_bar_met": not swapped["not 200"] and swapped["versions that answered"] == len(KINDS),
            "p99_bar_met": bool((table["p99 over bare"] <= LARGEST_P99).all()),
            "per_second_bar_met": bool((table["per_second over bare"] >= SMALLEST_RATE).all()),
        }
        print(table.to_string(), facts, sep="\n", flush=True)
        recorded.write(
            "service_kinds",
            table,
            script=__file__,
            command="python -m benchmarks.service.kinds",
            protocol="kills, byte equality, speed beside a bare route, swap under load; one machine",
            seconds=time.perf_counter() - began,
            also=[Path(__file__).with_name(file) for file in ("kills.py", "load.py", "proof.py")],
            facts=facts,
            measured=["acknowledged", "marked as old", "p99 over bare", "per_second over bare"],
            smoke=options.smoke,
            directory=folder,
        )


if __name__ == "__main__":
    main()
