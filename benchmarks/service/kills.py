"""The kills of `proof.py`; `tests/serving/test_serving_faults.py` repeats them in small, on SQLite and PostgreSQL."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sql

from benchmarks.service.load import Line, Shop, forecast, get, post
from ecomlib.serving.live.event_log import EVENTS, EventLog
from ecomlib.serving.live.live_state import State
from ecomlib.serving.live.replenish import replenish
from ecomlib.serving.live.requests import as_bytes
from ecomlib.serving.live.server_process import ServerProcess
from ecomlib.serving.release.bundle import open_bundle

STOCK = ("the order list", "all regions")  # stands beside products and regions


def count_key(name: str, product: str, region: str) -> str:
    """The key that the service gives to one line of a stock-take."""
    return f"{name}#{hashlib.sha256(json.dumps([product, region]).encode()).hexdigest()[:16]}"


class Sender(threading.Thread):
    """Streams batches until the server is gone or it is told to rest, and remembers what was acknowledged."""

    def __init__(self, port: int, shop: Shop, again: list[dict[str, Any]], name: str, begin: float, seed: int) -> None:
        super().__init__(daemon=True)
        self.port, self.shop, self.prefix, self.begin_at = port, shop, name, begin
        self.rng, self.rest, self.flight = np.random.default_rng([3, seed]), threading.Event(), again
        self.acknowledged: list[str] = []
        self.batches, self.wrong = 0, ""

    def run(self) -> None:
        at = self.begin_at
        with contextlib.suppress(OSError), contextlib.closing(Line(self.port)) as line:
            while not self.rest.is_set() and self.batches < 2_000:
                if not self.flight:  # otherwise: what was not acknowledged is sent again, as any sender would
                    at += 0.5
                    self.flight = self.shop.events(self.rng, int(self.rng.integers(1, 300)), at, self.prefix)
                    self.flight += mends(self.rng, self.flight)
                status, body = line.ask(post("/events", {"events": self.flight}))
                if status != 200:
                    self.wrong = f"{status}: {body[:200]!r}"
                    return
                self.acknowledged += [event["event_key"] for event in self.flight]
                self.batches, self.flight = self.batches + 1, []
                if self.batches % 4 == 0:
                    self._count(line, at)

    def _count(self, line: Line, at: float) -> None:
        """Take stock of five products in a region; a count that was not acknowledged is not sent again."""
        known = self.rng.choice(len(self.shop.products), 5, replace=False)
        region = self.shop.regions[int(self.rng.integers(len(self.shop.regions)))]
        counts = [
            {"product_id": self.shop.products[n], "region_id": region, "quantity": int(self.rng.integers(90))}
            for n in known
        ]
        when = self.shop.begin + timedelta(seconds=at * self.shop.speed)
        name = f"{self.prefix}count {self.batches}"
        taken = {"event_key": name, "counted_at": f"{when:%Y-%m-%dT%H:%M:%S}", "counts": counts}
        if line.ask(post("/stocktake", taken))[0] == 200:
            self.acknowledged += [count_key(name, one["product_id"], region) for one in counts]


def mends(rng: np.random.Generator, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Void, correct and return some of the orders of a batch: one in fifteen each, and none of them twice."""
    answer = []
    for event in events:
        draw = int(rng.integers(15))
        if draw > 2 or event.get("kind") == "delivery":
            continue
        kind = ("void", "correct", "return")[draw]
        mend = {"event_key": f"{kind} {event['event_key']}", "kind": kind, "refers": event["event_key"]}
        mend["ordered_at"] = event["ordered_at"]
        mend |= {} if kind == "void" else {"quantity": 1}
        if kind == "return":
            mend |= {name: event[name] for name in ("product_id", "region_id")}
        answer.append(mend)
    return answer


def kills(home: Path, url: str, lives: int, seed: int = 0, longest: float = 0.6) -> pd.DataFrame:
    """One row a kill: when, how many events were acknowledged, missing, there though not acknowledged; forecasts."""
    rng, rows = np.random.default_rng([4, seed]), []
    service = ServerProcess(
        [sys.executable, "-m", "ecomlib.cli", "serve", "--home", str(home), "--port", "{port}", "--database", url]
    )
    shop: Shop | None = None
    before: str | None = None
    flight: list[dict[str, Any]] = []
    everything: set[str] = set()
    try:
        for life in range(lives + 1):  # the last one only looks
            moment = {9: "starting", 4: "at rest"}.get(life % 10, "sending")
            if moment == "starting" and life < lives:
                threading.Timer(float(rng.uniform(0.1, 2.0)), service.kill).start()
                with contextlib.suppress(Exception):
                    service.start()
                service.kill()
            began = service.start()
            shop = shop or Shop.of(service.port, speed=3_600.0)
            found, old = forecasts(service.port, shop)
            row: dict[str, Any] = {"kill": life, "moment": moment, "start_seconds": began, "forecasts": len(found) - 1}
            row["differ_from_fresh"] = sum(found[pair] != said for pair, said in fresh(home, url).items())
            row["differ_from_before"] = None if before is None else int(before != digest(found))
            rows.append(row)
            if life == lives:
                break
            sender = Sender(service.port, shop, flight, f"{seed}-{life}-", life * 12.0, 1_000 * seed + life)
            sender.start()
            time.sleep(float(rng.uniform(0.02, longest)))
            before = None
            if moment == "at rest":
                sender.rest.set()
                sender.join()
                at_rest, waiting = forecasts(service.port, shop)
                before, old = digest(at_rest), old + waiting
            row["marked_old"] = old
            service.kill()
            sender.join()
            if sender.wrong:
                raise RuntimeError(f"the service refused a batch: {sender.wrong}")
            flight = sender.flight
            everything |= set(sender.acknowledged)
            row |= seen(url, everything, sender, [event["event_key"] for event in flight])
    finally:
        service.stop()
    return pd.DataFrame(rows)


def seen(url: str, everything: set[str], sender: Sender, flight: list[str]) -> dict[str, Any]:
    """What the database holds after a kill, against what the sender was told."""
    log = EventLog(url)
    with log.engine.connect() as connection:
        there = set(connection.execute(sql.select(EVENTS.c.event_key)).scalars())
    log.close()
    waiting = sum(key in there for key in flight)
    stray = {key for key in there - everything - set(flight) if "-count " not in key}
    return {
        "batches": sender.batches,
        "acknowledged": len(sender.acknowledged),
        "stored": len(there),
        "missing": len(everything - there),
        "in_flight": len(flight),
        "in_flight_stored": waiting,
        "torn": int(waiting not in (0, len(flight))),
        "unknown": len(stray),  # a count that was not acknowledged may be there, whole
    }


def forecasts(port: int, shop: Shop, patience: float = 60.0) -> tuple[dict[tuple[str, str], bytes], int]:
    """Every forecast that the service has, as bytes, and how many were marked as old when they were first read.

    A late order, or a week's end, makes forecasts old until a thread has made new ones. These answers say so, and
    promise nothing about a restart: all are read again until none is marked.
    """
    marked, until = [], time.monotonic() + patience
    with contextlib.closing(Line(port)) as line:
        while not marked or marked[-1]:
            if time.monotonic() > until:
                raise RuntimeError(f"{marked[-1]} forecasts are still marked as old after {patience:.0f} s at rest")
            found = {pair: line.ask(forecast(*pair))[1] for pair in shop.pairs()}
            found[STOCK] = as_bytes(json.loads(line.ask(get("/replenish?limit=5000"))[1])["rows"])
            marked.append(sum(b'"stale":true' in body for body in found.values()))
    return found, marked[0]


def fresh(home: Path, url: str) -> dict[tuple[str, str], bytes]:
    """The same from a state that is made anew, here, of the version and the log."""
    log = EventLog(url)
    state = State(open_bundle(home), log)
    state.refresh()
    log.close()
    regions = [*state.bundle.column, "all"]
    stock = {STOCK: as_bytes(replenish(state, limit=5_000))}
    return {(p, r): state.ready(p, r) or b"" for p in state.bundle.row for r in regions} | stock


def digest(found: dict[tuple[str, str], bytes]) -> str:
    return hashlib.sha256(b"".join(found[pair] for pair in sorted(found))).hexdigest()
