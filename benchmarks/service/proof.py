"""The service's proof: how fast, does it lose what it acknowledged, and does it hold for half an hour?

    python -m benchmarks.service.proof --speed      # beside a bare FastAPI route, and events a second; 4 minutes
    python -m benchmarks.service.proof --kills 100  # kill -9 at random moments; 8 minutes
    python -m benchmarks.service.proof --soak 30    # half an hour of mixed load at half the top rate
    python -m benchmarks.service.proof --smoke      # a little of each on the tiny store; records nothing

Client and server on one machine, loopback, one server process of one thread. Written down before the first run:
- speed (serving_speed): 8 rounds, in each the bare route (the same bytes, the same server) and the service (every
  product and region in turn), each with 1 and with 8 requests in flight, in alternating order. Bars, on the median of
  the rounds' ratios: p99 of one request at a time at most 3 times the bare route's, requests a second (8 in flight) at
  least 60 % of it. Without a bar: the same while 100 orders a second come in, each of which changes some answers.
- ingest (serving_ingest): batches into SQLite, two in flight. Bar: 10,000 acknowledged events a second at the best
  batch size, and every one of them in the database.
- kills (serving_kills): a sender streams batches; of ten kills eight come while it sends, one at rest, one while the
  server starts. Bars: no acknowledged event is missing; a batch that was not acknowledged is there whole or not at
  all; every forecast after a restart is, byte for byte, what a state made anew from the log says, and after a kill at
  rest what it was before. Answers that are marked as old are asked for again until none is. It is the process that is
  killed: nobody cuts the power here.
- soak (serving_soak): the top rate of the mix in `load.py` is measured for 20 s, then half of it is sent for
  the whole time, by the clock. Bars: no answer but 200; every acknowledged event stored; memory is flat: a line through
  the server's memory by minute rises by less than 5 % of its mean over the second half.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import math
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil

from benchmarks.service.kills import kills
from benchmarks.service.load import BATCH, MIX, Line, Shop, closed_loop, forecast, get, paced, post
from benchmarks.trial import add_trial_options, trial_folder
from ecomlib import recorded
from ecomlib.serving.live.event_log import EventLog
from ecomlib.serving.live.server_process import running
from ecomlib.serving.release.bundle import open_bundle, registry

LARGEST_P99, SMALLEST_RATE, EVENTS_A_SECOND, FLAT = 3.0, 0.6, 10_000, 0.05
BATCHES = (100, 1_000, 5_000)
# What depends on the clock, and no run repeats.
MEASURED = {
    "serving_speed": ["requests", "per_second", "p50", "p99"],
    "serving_ingest": ["requests", "events", "seconds", "per_second", "p99"],
    "serving_kills": [
        "start_seconds",
        "batches",
        "acknowledged",
        "stored",
        "in_flight",
        "in_flight_stored",
        "marked_old",
    ],
    "serving_soak": ["requests", "p50", "p99", "memory_mb"],
}


def make_home(folder: Path, size: str) -> Path:
    """A home with one version in force, trained on a simulated store."""
    from ecomlib.serving.release.train import ReleaseSettings, train
    from ecomlib.stores import load_store

    store = load_store("simulated", size=size, seed=0).observed()
    source = {"store": "simulated", "size": size, "seed": 0}
    # A network, whatever this store's own history would choose: its records are compared with earlier ones.
    plan = ReleaseSettings(hold_out=4, text=False, model="gru")
    made = train(store, folder, plan, source=source, say=lambda _: None)
    registry(folder).promote(made.version.number, "for the benchmark")
    return folder


def bare(port: int, size: int) -> None:
    """The rival, in a process of its own: a FastAPI route that returns ``size`` bytes that lie ready."""
    import uvicorn
    from fastapi import FastAPI, Response

    app, body = FastAPI(), b"x" * size

    @app.get("/bare")
    async def answer() -> Response:
        return Response(body, media_type="application/json")

    uvicorn.run(app, port=port, access_log=False, server_header=False, log_level="warning")


# --- speed -----------------------------------------------------------------------------------------------------------


def speed(home: Path, rounds: int, seconds: float) -> pd.DataFrame:
    """``round, server, lines, requests, per_second, p50, p99`` (milliseconds) of forecasts, bare route and service."""
    rows = []
    with tempfile.TemporaryDirectory() as folder, running(home, "--database", f"sqlite:///{folder}/e.db") as service:
        shop = Shop.of(service.port)
        questions = [forecast(*pair) for pair in shop.pairs()]
        with contextlib.closing(Line(service.port)) as line:
            size = len(line.ask(questions[0])[1])
            for question in questions:  # an answer is made when it is asked for the first time
                line.ask(question)
        own = [sys.executable, "-m", "benchmarks.service.proof", "--bare", str(size), "--port", "{port}"]
        with running(home, command=own, ready="/bare") as rival:
            asked = {"bare": (rival.port, [get("/bare")]), "service": (service.port, questions)}
            for number, lines in itertools.product(range(rounds), (1, 8)):
                for server in list(asked)[:: 1 if number % 2 else -1]:
                    port, some = asked[server]
                    rows.append(
                        {"round": number, "server": server, "lines": lines} | _measured(port, some, lines, seconds)
                    )
            for number in range(rounds):
                with orders(service.port, shop, 100.0, f"r{number}-"):
                    rows.append(
                        {"round": number, "server": "service, 100 orders a second", "lines": 1}
                        | _measured(service.port, questions, 1, seconds)
                    )
    return pd.DataFrame(rows)


def _measured(port: int, questions: list[bytes], lines: int, seconds: float) -> dict[str, float]:
    order = np.random.default_rng(0).permutation(len(questions))
    found = closed_loop(port, itertools.cycle([questions[k] for k in order]), lines=lines, seconds=seconds, most=10**6)
    if set(found.status) != {200}:
        raise RuntimeError(f"a server answered {sorted(set(found.status))}")
    p50, p99 = np.percentile(found.took, [50, 99]) * 1e3
    return {"requests": len(found.took), "per_second": len(found.took) / found.when[-1], "p50": p50, "p99": p99}


@contextlib.contextmanager
def orders(port: int, shop: Shop, rate: float, name: str) -> Iterator[None]:
    """Single orders at ``rate`` a second while the block lasts, by the shop's clock at 1 hour in 36 s (x100)."""
    stop, rng = threading.Event(), np.random.default_rng(1)

    def send() -> None:
        with contextlib.closing(Line(port)) as line:
            begun = time.perf_counter()
            for number in itertools.count():
                if stop.wait(max(begun + number / rate - time.perf_counter(), 0)):
                    return
                line.ask(post("/events", shop.events(rng, 1, number / rate / 10, name)[0]))

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def ratios(table: pd.DataFrame) -> dict[str, Any]:
    """The service's p99 and requests a second over the bare route's: the median of the rounds, and their range."""
    answer: dict[str, Any] = {}
    for name, lines, column in (("p99", 1, "p99"), ("per_second", 8, "per_second")):
        wide = table[table["lines"] == lines].pivot_table(column, "round", "server")
        ratio = wide["service"] / wide["bare"]
        answer[name] = {
            key: round(float(value), 3)
            for key, value in (("median", ratio.median()), ("low", ratio.min()), ("high", ratio.max()))
        }
    answer["p99_bar_met"] = answer["p99"]["median"] <= LARGEST_P99
    answer["per_second_bar_met"] = answer["per_second"]["median"] >= SMALLEST_RATE
    return answer


# --- ingest ----------------------------------------------------------------------------------------------------------


def ingest(home: Path, seconds: float, most: int) -> pd.DataFrame:
    """``batch, requests, events, seconds, per_second, p99 (milliseconds), missing``: batches into SQLite over HTTP."""
    rows = []
    for size in BATCHES:
        with tempfile.TemporaryDirectory() as folder:
            url = f"sqlite:///{folder}/e.db"
            with running(home, "--database", url) as service:
                shop, rng = Shop.of(service.port, speed=1.0), np.random.default_rng(2)
                made = [shop.events(rng, size, number * size, "i") for number in range(most // size)]
                ready = [post("/events", {"events": batch}) for batch in made]  # beforehand: the client is not measured
                found = closed_loop(service.port, iter(ready), lines=2, seconds=seconds, most=len(ready) - 2)
            log = EventLog(url)
            there, sent = set(log.lines()["event_key"]), made[: len(found.took)]
            log.close()
        if set(found.status) != {200}:
            raise RuntimeError(f"batches were answered {sorted(set(found.status))}")
        rows.append(
            {
                "batch": size,
                "requests": len(sent),
                "events": len(sent) * size,
                "seconds": found.when[-1],
                "per_second": len(sent) * size / found.when[-1],
                "p99": float(np.percentile(found.took, 99)) * 1e3,
                "missing": sum(event["event_key"] not in there for batch in sent for event in batch),
            }
        )
    return pd.DataFrame(rows)


# --- soak ------------------------------------------------------------------------------------------------------------


def soak(
    home: Path, url: str, seconds: float, *, top_seconds: float = 20.0, slot: float = 60.0, clock: float = 1_000.0
) -> pd.DataFrame:
    """One row a ``slot`` of seconds and kind of request: requests, errors, p50, p99 (ms), the server's memory (MB).

    The shop's clock goes ``clock`` times as fast: half an hour is three weeks.
    """
    with running(home, "--database", url) as service:
        assert service.process is not None
        shop, process = Shop.of(service.port, clock), psutil.Process(service.process.pid)
        rng = np.random.default_rng(5)
        mix = (shop.request(rng, 0.0, "top-")[1] for _ in itertools.count())
        first = closed_loop(service.port, mix, lines=6, seconds=top_seconds, most=10**6)
        top = len(first.took) / first.when[-1]
        memory, log = list[tuple[float, float]](), EventLog(url)
        before = log.span()[0]
        found = paced(
            service.port,
            shop,
            rate=top / 2,
            seconds=seconds,
            each=lambda at: memory.append((at, process.memory_info().rss / 2**20)),
        )
    kind, status = np.array(found.kind), np.array(found.status)
    told = BATCH * int(((kind == "events") & (status == 200)).sum())
    stored = log.span()[0] - before
    log.close()
    table = pd.DataFrame(
        {
            "kind": kind,
            "slot": (np.array(found.when) // slot).astype(int),
            "took": np.array(found.took) * 1e3,
            "error": status != 200,
        }
    )
    used = pd.DataFrame(memory, columns=["at", "mb"])
    used = used.groupby((used["at"].clip(upper=seconds - 1e-6) // slot).astype(int))["mb"].mean()
    grouped = table.groupby(["slot", "kind"])
    answer = grouped.agg(requests=("took", "size"), errors=("error", "sum"), p50=("took", "median"))
    answer["p99"] = grouped["took"].quantile(0.99)
    whole = pd.MultiIndex.from_product([range(math.ceil(seconds / slot)), sorted(MIX)], names=["slot", "kind"])
    answer = answer.reindex(whole).fillna({"requests": 0, "errors": 0}).astype({"requests": int, "errors": int})
    answer = answer.reset_index()
    answer["memory_mb"] = answer["slot"].map(used)
    answer.attrs = {
        "top_per_second": round(top, 1),
        "errors_at_top": sum(one != 200 for one in first.status),
        "events_acknowledged": told,
        "events_stored": stored,
    }
    return answer


def flat(memory: pd.Series) -> dict[str, Any]:
    """Growth over the second half by a line through it, in MB and as a share of its mean; the verdict."""
    half = memory.iloc[len(memory) // 2 :].to_numpy()
    slope = float(np.polyfit(np.arange(len(half)), half, 1)[0]) if len(half) > 1 else 0.0
    grown = slope * (len(half) - 1)
    return {
        "mean_mb": round(float(half.mean()), 1),
        "grown_mb": round(grown, 2),
        "grown_share": round(grown / float(half.mean()), 4),
        "flat": bool(grown < FLAT * half.mean()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--kills", type=int, metavar="N", default=0)
    parser.add_argument("--soak", type=float, metavar="MINUTES", default=0.0)
    add_trial_options(parser, "a little of each on the tiny store; records nothing")
    parser.add_argument("--home", type=Path, help="a trained home, used as it is; one is trained without it")
    parser.add_argument("--bare", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.bare is not None:
        bare(given.port, given.bare)
        return
    if not (given.speed or given.kills or given.soak or given.smoke):
        parser.error("say what to measure: --speed, --kills N, --soak MINUTES or --smoke")
    with tempfile.TemporaryDirectory() as place, trial_folder(given) as folder:
        tiny = given.smoke or given.kills
        home = given.home or make_home(Path(place) / "home", "tiny" if tiny else "small")
        url = f"sqlite:///{place}/events.db"
        begun = time.perf_counter()
        if given.speed or given.smoke:
            table = speed(home, *((2, 0.2) if given.smoke else (8, 3.0)))
            batches = ingest(home, *((0.5, 20_000) if given.smoke else (10.0, 400_000)))
            report("serving_speed", table, "beside a bare route", begun, home, folder, ratios(table))
            report(
                "serving_ingest",
                batches,
                "batches over HTTP into SQLite",
                begun,
                home,
                folder,
                {"bar_met": bool(batches["per_second"].max() >= EVENTS_A_SECOND and not batches["missing"].any())},
            )
        if given.kills or given.smoke:
            lives = given.kills or 2
            table = kills(home, url, lives)
            faults = ["missing", "torn", "unknown", "differ_from_fresh", "differ_from_before"]
            totals = {name: int(table[name].sum()) for name in ("acknowledged", *faults)}
            report(
                "serving_kills",
                table,
                f"{lives} kills of the server's process",
                begun,
                home,
                folder,
                totals | {"bar_met": not any(totals[name] for name in faults)},
            )
        if given.soak or given.smoke:
            seconds, top_seconds, slot = (4.0, 1.0, 1.0) if given.smoke else (given.soak * 60, 20.0, 60.0)
            table = soak(home, url.replace("events.db", "soak.db"), seconds, top_seconds=top_seconds, slot=slot)
            facts = table.attrs | {name: int(table[name].sum()) for name in ("requests", "errors")}
            whole = facts["events_stored"] == facts["events_acknowledged"]
            memory = flat(table.groupby("slot")["memory_mb"].first())
            facts |= memory | {"bar_met": bool(memory["flat"] and not facts["errors"] and whole)}
            report("serving_soak", table, "mixed load at half the top rate, by minute", begun, home, folder, facts)


def report(
    name: str,
    table: pd.DataFrame,
    protocol: str,
    begun: float,
    home: Path,
    trial: Path | None,
    facts: dict[str, Any],
) -> None:
    """Print a table and record it; a trial run's goes to its own folder."""
    print(f"{datetime.now():%H:%M} {name}\n{table.round(3).to_string(max_rows=40)}\n{facts}\n", flush=True)
    source = open_bundle(home).settings["source"]
    about = {"store": source, "sqlite": sqlite3.sqlite_version} | {
        library: version(library) for library in ("fastapi", "uvicorn", "sqlalchemy", "onnxruntime")
    }
    recorded.write(
        name,
        table,
        script=__file__,
        command=f"python -m benchmarks.service.proof {' '.join(sys.argv[1:])}",
        protocol=f"{protocol}; client and server on one machine",
        seconds=time.perf_counter() - begun,
        also=[Path(__file__).with_name(file) for file in ("kills.py", "load.py")],
        facts=facts | about,
        smoke=trial is not None,
        directory=trial,
        measured=MEASURED[name],
    )


if __name__ == "__main__":
    main()
