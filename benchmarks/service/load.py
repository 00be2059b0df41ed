"""A cheap client for `serving.py` and for the tests of load: plain sockets, and requests whose mix is fixed here.

A client that costs as much as the server would measure itself. This one sends prepared bytes over kept connections and
reads no more of an answer than its status and its length.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import numpy as np

MIX = {"forecast": 0.80, "events": 0.10, "whatif": 0.04, "replenish": 0.03, "overview": 0.03}
BATCH = 10  # events a request of the mix


class Line:
    """One kept HTTP/1.1 connection to loopback: ``send``, then ``receive``. ``OSError`` where the server is gone."""

    def __init__(self, port: int, timeout: float = 30.0) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, request: bytes) -> None:
        self.socket.sendall(request)

    def receive(self) -> tuple[int, bytes]:
        """Status and body of one answer that tells its length."""
        data = self._more()
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._more()
        status, head = int(data[9:12]), data[:end].lower()
        at = head.find(b"content-length: ")
        length = int(head[at + 16 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        while len(data) < end + 4 + length:
            data += self._more()
        return status, data[end + 4 :]

    def ask(self, request: bytes) -> tuple[int, bytes]:
        self.send(request)
        return self.receive()

    def close(self) -> None:
        self.socket.close()

    def _more(self) -> bytes:
        part = self.socket.recv(1 << 18)
        if not part:
            raise ConnectionResetError("the server has hung up")
        return part


def get(path: str) -> bytes:
    """A GET as bytes."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def post(path: str, body: Any) -> bytes:
    """A POST of JSON as bytes."""
    content = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content


def forecast(product: str, region: str) -> bytes:
    """The question for one forecast as bytes."""
    return get(f"/forecast/{quote(product, safe='')}/{quote(region, safe='')}")


@dataclass
class Shop:
    """What requests are made of: a service's names and prices, and a clock that goes ``speed`` times as fast."""

    products: Sequence[str]
    regions: Sequence[str]
    prices: Sequence[float]
    begin: datetime
    speed: float = 1000.0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _number: int = 0

    @classmethod
    def of(cls, port: int, speed: float = 1000.0) -> Shop:
        """Asked of the service itself; its clock starts where the service's stands."""
        with contextlib.closing(Line(port)) as line:
            listed = json.loads(line.ask(get("/catalogue"))[1])
            clock = json.loads(line.ask(get("/overview"))[1])["clock"]
        products = listed["products"]
        return cls(
            [p["product_id"] for p in products],
            [r["region_id"] for r in listed["regions"]],
            [p["price"] or 1.0 for p in products],
            datetime.fromisoformat(clock),
            speed,
        )

    def pairs(self) -> list[tuple[str, str]]:
        """Every product with every region, and with all of them."""
        return [(product, region) for product in self.products for region in (*self.regions, "all")]

    def events(self, rng: np.random.Generator, count: int, at: float, name: str = "") -> list[dict[str, Any]]:
        """``count`` events of the moment ``at`` (seconds since the start): 1 in 50 a delivery, 1 in 20 a week late."""
        with self._lock:
            first, self._number = self._number, self._number + count
        when = self.begin + timedelta(seconds=at * self.speed)
        answer = []
        for number in range(first, first + count):
            product, late = int(rng.integers(len(self.products))), rng.random() < 0.05
            event = {
                "event_key": f"{name}{number}",
                "product_id": self.products[product],
                "region_id": self.regions[int(rng.integers(len(self.regions)))],
                "ordered_at": f"{when - timedelta(days=7 if late else 0):%Y-%m-%dT%H:%M:%S}",
                "quantity": int(rng.integers(1, 6)),
                "unit_price": self.prices[product],
            }
            delivered = rng.random() < 0.02
            answer.append({**event, "kind": "delivery", "quantity": 60} if delivered else event)
        return answer

    def request(self, rng: np.random.Generator, at: float, name: str = "") -> tuple[str, bytes]:
        """One request of the mix as bytes, and which kind it is."""
        kind = str(rng.choice(list(MIX), p=list(MIX.values())))
        product = int(rng.integers(len(self.products)))
        if kind == "forecast":
            region = int(rng.integers(len(self.regions) + 1))
            return kind, forecast(self.products[product], [*self.regions, "all"][region])
        if kind == "events":
            return kind, post("/events", {"events": self.events(rng, BATCH, at, name)})
        if kind == "whatif":
            price = round(self.prices[product] * float(rng.uniform(0.8, 1.2)), 2)
            return kind, post("/whatif", {"product_id": self.products[product], "price": price})
        return kind, get("/replenish?limit=50" if kind == "replenish" else "/overview")


@dataclass
class Answered:
    """What came back: kind, seconds since the start, seconds since it was due (or sent), and the status (0: none)."""

    kind: list[str] = field(default_factory=list)
    when: list[float] = field(default_factory=list)
    took: list[float] = field(default_factory=list)
    status: list[int] = field(default_factory=list)

    def note(self, kind: str, at: float, took: float, status: int) -> None:
        for values, value in ((self.kind, kind), (self.when, at), (self.took, took), (self.status, status)):
            values.append(value)  # type: ignore[attr-defined]


def closed_loop(port: int, requests: Iterator[bytes], *, lines: int, seconds: float, most: int) -> Answered:
    """``lines`` requests in flight all the time, answered in turn, for ``seconds`` or until ``most`` were answered."""
    opened, found = [Line(port) for _ in range(lines)], Answered()
    begun = time.perf_counter()
    sent = []
    for line in opened:
        sent.append(time.perf_counter())
        line.send(next(requests))
    while (now := time.perf_counter()) - begun < seconds and len(found.took) < most:
        for place, line in enumerate(opened):
            status, _ = line.receive()
            now = time.perf_counter()
            found.note("", now - begun, now - sent[place], status)
            sent[place] = time.perf_counter()
            line.send(next(requests))
    for line in opened:
        line.receive()
        line.close()
    return found


def paced(
    port: int,
    shop: Shop,
    *,
    rate: float,
    seconds: float,
    workers: int = 6,
    seed: int = 0,
    each: Callable[[float], None] | None = None,
) -> Answered:
    """Requests of the mix at a fixed ``rate`` a second, whether or not the answers come; a late one is timed from when
    it was due. ``each`` is called about once a second with the seconds since the start."""
    found = [Answered() for _ in range(workers)]
    begun, total = time.perf_counter() + 0.1, int(rate * seconds)

    def work(worker: int) -> None:
        rng, line = np.random.default_rng([seed, worker]), Line(port)
        for number in range(worker, total, workers):
            due = number / rate
            kind, request = shop.request(rng, due, f"{seed}-")
            wait = begun + due - time.perf_counter()
            if wait > 0:
                time.sleep(wait)
            try:
                status, _ = line.ask(request)
            except OSError:
                status = 0
                line.close()
                with contextlib.suppress(OSError):
                    line = Line(port)
            found[worker].note(kind, due, time.perf_counter() - begun - due, status)
        line.close()

    threads = [threading.Thread(target=work, args=(worker,), daemon=True) for worker in range(workers)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        time.sleep(1.0)
        if each is not None:
            each(time.perf_counter() - begun)
    whole = Answered()
    for part in found:
        whole.kind += part.kind
        whole.when += part.when
        whole.took += part.took
        whole.status += part.status
    return whole
