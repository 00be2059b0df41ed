"""What a home folder answers, asked through the service's own routes; tests/golden/make_home.py noted it once."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sqlite3
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "golden" / "home"
HOME, ANSWERS, EVENTS = FOLDER / "home.zip", FOLDER / "answers.json", FOLDER / "events.json"
COLUMNS = ("event_key", "kind", "product_id", "region_id", "second", "quantity", "unit_price")
REGIONS = ("all", "R01", "R05", "R09")
ENGINE = re.compile(r"events\.db(-wal|-shm|-journal)?")  # files that SQLite itself writes to
# Four questions: dearer, cheaper, on promotion, and in one region.
WHAT_IF: tuple[dict[str, Any], ...] = (
    {"product_id": "P0001", "factor": 1.1},
    {"product_id": "P0020", "factor": 0.8},
    {"product_id": "P0033", "depth": 0.2},
    {"product_id": "P0045", "region_id": "R05", "promoted": True, "factor": 1.05},
)


def unpack(target: Path) -> Path:
    """Unpack the committed home into ``target``, a folder that a test may write to."""
    with zipfile.ZipFile(HOME) as archive:
        archive.extractall(target)
    return target


def copy(home: Path, target: Path) -> Path:
    """Copy a home folder."""
    return Path(shutil.copytree(home, target))


def hashes(home: Path) -> dict[str, str]:
    """Compute the SHA-256 of every file under ``home`` that the database engine does not write to."""
    files = sorted(path for path in home.rglob("*") if path.is_file() and not ENGINE.fullmatch(path.name))
    return {path.relative_to(home).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def logged(home: Path) -> list[list[Any]]:
    """Read the event log by SQLite alone, in the order of keys: the first format's columns, whatever came since."""
    with sqlite3.connect(home / "events.db") as connection:
        rows = connection.execute(f"SELECT {', '.join(COLUMNS)} FROM events ORDER BY event_key").fetchall()
    connection.close()
    return [list(row) for row in rows]


def machine() -> str:
    """Name what the last digits depend on: the processor and the library that runs the network."""
    from ecomlib.recorded import machine as processor

    return f"{processor()}, onnxruntime {metadata.version('onnxruntime')}"


def answers(home: Path) -> dict[str, Any]:
    """Ask the service over ``home`` for everything that the golden record holds.

    Raises what the application raises where it refuses the home.
    """
    from fastapi.testclient import TestClient

    from ecomlib.serving.live.app import create_app

    with TestClient(create_app(home)) as client:

        def get(path: str) -> Any:
            answer = client.get(path)
            assert answer.status_code == 200, (path, answer.status_code, answer.text)
            return answer.json()

        catalogue, overview = get("/catalogue"), get("/overview")
        price = {row["product_id"]: row["price"] for row in catalogue["products"]}
        asked = []
        for question in WHAT_IF:
            body = {name: value for name, value in question.items() if name != "factor"}
            if "factor" in question:
                body["price"] = round(price[question["product_id"]] * question["factor"], 2)
            answer = client.post("/whatif", json=body)
            assert answer.status_code == 200, (body, answer.text)
            asked.append({"asked": body, "answer": answer.json()})
        return {
            "events": overview["events"],
            "in_force": overview["version"],
            "origin": overview["origin"],
            "clock": overview["clock"],
            "versions": get("/versions"),
            "catalogue": catalogue,
            "forecasts": {
                f"{product}/{region}": get(f"/forecast/{product}/{region}") for product in price for region in REGIONS
            },
            "replenish": {
                question: get(f"/replenish?{question}")
                for question in ("limit=60", "region_id=all&limit=1000", "region_id=R05&ratio=9&limit=1000")
            },
            "whatif": asked,
        }


def differences(noted: Any, now: Any, exact: bool, where: str = "") -> list[str]:
    """List where ``now`` departs from ``noted``; a field that came later is no difference,
    nor are better words for a what-if, all of whose numbers stand beside them.

    On the machine of the record (``exact``) numbers are held to 1e-6. Elsewhere the last digit that the service shows
    may differ (0.001 and 0.01 %), a whole number that was rounded from a forecast by one, and rows of the order list
    may change places.
    """
    if isinstance(noted, dict) and isinstance(now, dict):
        gone = [f"{where}/{name}: missing" for name in noted if name not in now]
        both = (name for name in noted if name in now and (name != "says" or "now" not in noted))
        return gone + [d for name in both for d in differences(noted[name], now[name], exact, f"{where}/{name}")]
    if isinstance(noted, list) and isinstance(now, list):
        if len(noted) != len(now):
            return [f"{where}: {len(now)} instead of {len(noted)}"]
        if not exact and noted and isinstance(noted[0], dict) and "order" in noted[0]:

            def place(row: Any) -> tuple[str, str]:
                return row["product_id"], row["region_id"]

            noted, now = sorted(noted, key=place), sorted(now, key=place)
        pairs = enumerate(zip(noted, now, strict=True))
        return [d for n, (a, b) in pairs for d in differences(a, b, exact, f"{where}/{n}")]
    if isinstance(noted, int | float) and isinstance(now, int | float) and not isinstance(noted, bool):
        room = 1e-6 * max(1.0, abs(noted))
        if not exact and where.rpartition("/")[2] in ("low", "order"):
            room = 1.0 + 1e-3
        elif not exact and isinstance(noted, float):
            room = 1e-3 + 1e-4 * abs(noted)
        return [] if abs(noted - now) <= room else [f"{where}: {now} instead of {noted}"]
    if not exact and isinstance(noted, str) and isinstance(now, str):
        noted, now = (re.sub(r"\d[\d.,]*", "#", text) for text in (noted, now))
    return [] if noted == now else [f"{where}: {json.dumps(now)} instead of {json.dumps(noted)}"]
