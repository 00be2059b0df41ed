"""Replays the held-out weeks of a store to the service as if they happened now (lesson 08, section 3)."""

from __future__ import annotations

import http.client
import json
import os
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd
from tqdm import tqdm

from ecomlib.errors import DataError
from ecomlib.serving.release.bundle import ALL, KEY
from ecomlib.serving.release.inputs import monday
from ecomlib.stores import Store, load_store

_TICK = 0.2  # seconds between two batches where the shop's time is followed
_SPAN = pd.Timedelta(days=7)  # of one batch: the service refuses what lies far ahead of its clock
_PATIENCE = 60.0  # seconds in which a service that is being started anew is waited for
_AT_FIRST = 5.0  # the same for one that has not answered yet: perhaps it was never started


def store_of(source: Mapping[str, Any]) -> Store:
    """Load the store that a version was made from, by what its card notes."""
    if "store" not in source:
        raise DataError("this version does not say which store it was made from", remedy="train it by ecomlib train.")
    return load_store(source["store"], size=source.get("size", "small"), seed=source.get("seed", 0)).observed()


def held_out(store: Store, cutoff: int, days: int | None = None) -> list[dict[str, Any]]:
    """List orders and deliveries after the week ``cutoff``, as ``POST /events`` takes them, in order of time.

    ``days``: so many from the first day on. The key of an order's line is ``order_id#line``, that of a delivery
    its day, product and region: sent twice, they are the same events (lesson 08, section 3).
    """
    first = monday(cutoff + 1)
    until = pd.Timestamp.max if days is None else first + pd.Timedelta(days=days)
    lines = store.orders.assign(line=store.orders.groupby("order_id").cumcount())
    lines = lines[(lines["ordered_at"] >= first) & (lines["ordered_at"] < until)]
    has_regions = store.regions is not None and "region_id" in lines
    region = lines["region_id"] if has_regions else pd.Series(ALL, index=lines.index)
    frame = pd.DataFrame(
        {
            "event_key": lines["order_id"] + "#" + lines["line"].astype(str),
            "kind": "order",
            "product_id": lines["product_id"],
            "region_id": region,
            "ordered_at": lines["ordered_at"].dt.floor("s"),
            "quantity": lines["quantity"],
            "unit_price": lines["unit_price"],
        }
    )
    parts = [frame[frame["region_id"].notna()]]
    if store.inventory is not None:
        came = store.inventory
        came = came[(came["date"] >= first) & (came["date"] < until) & (came["received"] > 0)]
        place = came["region_id"] if has_regions and "region_id" in came else pd.Series(ALL, index=came.index)
        day = came["date"].dt.strftime("%Y-%m-%d")
        parts.append(
            pd.DataFrame(
                {
                    "event_key": "delivery#" + day + "#" + came["product_id"] + "#" + place,
                    "kind": "delivery",
                    "product_id": came["product_id"],
                    "region_id": place,
                    "ordered_at": came["date"],
                    "quantity": came["received"],
                }
            )
        )
    table = pd.concat(parts, ignore_index=True).sort_values("ordered_at", kind="stable", ignore_index=True)
    table["ordered_at"] = table["ordered_at"].dt.strftime("%Y-%m-%dT%H:%M:%S")
    rows: list[dict[str, Any]] = table.to_dict("records")
    return [{k: v for k, v in row.items() if v == v} for row in rows]  # a delivery has no price


def batches(events: list[dict[str, Any]], speed: float, most: int) -> Iterator[list[dict[str, Any]]]:
    """Yield events in the shop's time x ``speed``, at most ``most`` at once; ``speed`` 0 does not wait."""
    times = [pd.Timestamp(event["ordered_at"]) for event in events]
    began, start = time.monotonic(), 0
    while start < len(events):
        if speed:
            wait = (times[start] - times[0]).total_seconds() / speed - (time.monotonic() - began)
            time.sleep(max(wait, _TICK if start else 0.0))
            now = times[0] + pd.Timedelta(seconds=(time.monotonic() - began) * speed)
        end = start
        while end < len(events) and end - start < most and times[end] - times[start] <= _SPAN:
            if speed and times[end] > now:
                break
            end += 1
        end = max(end, start + 1)
        yield events[start:end]
        start = end


class Sender:
    """Keeps one connection to a service alive; sends again where it breaks, which the keys allow."""

    def __init__(self, url: str) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise DataError("this is not the address of a service", value=url, remedy="write http://127.0.0.1:8000.")
        make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self.url, self.line, self.path = url, make(parts.hostname, parts.port, timeout=30), parts.path.rstrip("/")
        key = os.environ.get(KEY, "").strip()
        self.patience = _AT_FIRST
        self.headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})

    def send(self, events: list[dict[str, Any]]) -> dict[str, int]:
        """Send a batch of events, return the answer."""
        taken: dict[str, int] = self.ask("POST", "/events", {"events": events})
        return taken

    def ask(self, method: str, path: str, values: Any = None) -> Any:
        """Send a request, return the answer; ``DataError`` on refusal, no service, or more than a minute of silence."""
        body = None if values is None else json.dumps(values, allow_nan=False).encode()
        end, why = time.monotonic() + self.patience, ""
        while time.monotonic() < end:
            try:
                self.line.request(method, f"{self.path}{path}", body, self.headers)
                answer = self.line.getresponse()
                said = answer.read()
                self.patience = _PATIENCE
                if answer.status == 200:
                    return json.loads(said)
                if answer.status < 500:
                    raise DataError(
                        f"the service refused this ({answer.status}): {refusal(said)}", value=values_at(values, said)
                    )
                why = f"status {answer.status}"
            except (OSError, http.client.HTTPException) as error:
                self.line.close()
                why = f"{type(error).__name__}: {error}"
            time.sleep(0.5)
        raise DataError(
            f"the service does not answer: {why}",
            value=self.url,
            remedy="start it (ecomlib serve), or name where it listens with --url.",
        )


def _first(said: bytes) -> dict[str, Any]:
    try:
        detail = json.loads(said)["detail"]
    except (ValueError, KeyError, TypeError):
        return {"msg": said.decode(errors="replace")[:300], "loc": []}
    return detail[0] if isinstance(detail, list) and detail else {"msg": str(detail)[:300], "loc": []}


def refusal(said: bytes) -> str:
    """Turn the service's refusal into a sentence: the field at fault, and what is wrong with it."""
    fault = _first(said)
    field = [str(part) for part in fault.get("loc", []) if isinstance(part, str) and part not in ("body", "events")]
    return f"{'.'.join(field)}: {fault['msg']}" if field else str(fault["msg"])


def values_at(values: Any, said: bytes) -> Any:
    """Return what was sent at the place that a refusal names; None where it names none."""
    for part in _first(said).get("loc", [])[1:]:
        try:
            values = values[part]
        except (KeyError, IndexError, TypeError):
            return None
    return values if isinstance(values, str | int | float) else None


def replay(
    events: list[dict[str, Any]], url: str, speed: float = 1000.0, most: int = 500, *, progress: bool = True
) -> dict[str, int]:
    """Send events at the shop's time x ``speed``; return the sums of the service's answers (lesson 08, section 3)."""
    sender, total = Sender(url), {"received": 0, "new": 0, "late": 0, "waiting": 0}
    with tqdm(total=len(events), unit="event", disable=not progress) as bar:
        for batch in batches(events, speed, most):
            for name, count in sender.send(batch).items():
                total[name] += count
            bar.update(len(batch))
            bar.set_postfix_str(batch[-1]["ordered_at"].replace("T", " "))
    return total
