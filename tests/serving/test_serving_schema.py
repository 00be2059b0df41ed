"""Schemathesis asks the service what its OpenAPI description allows, and what it does not: never a 5xx."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("schemathesis")
from serving_help import Server, serving, trained_home

pytestmark = pytest.mark.slow
EXAMPLES = 60  # random ones of a route, beside all boundary values and faults that follow from the description
SETTINGS = """
# A batch of more events than the description allows is too large, not malformed.
[checks]
negative_data_rejection.expected-statuses = [400, 401, 404, 405, 409, 413, 415, 422]

# Which prices may be asked about depends on the product's own price: a description cannot say that.
[[operations]]
include-path = "/whatif"
checks.positive_data_acceptance.expected-statuses = ["2xx", 409, 422]

# Which features a visit has is the shop's own.
[[operations]]
include-path = "/offer"
checks.positive_data_acceptance.expected-statuses = ["2xx", 409, 422]

# A customer may be unknown.
[[operations]]
include-path = "/retain"
checks.positive_data_acceptance.expected-statuses = ["2xx", 404, 409]
"""
ROUTES = {
    "/events",
    "/forecast",
    "/forecast/{product_id}/{region_id}",
    "/whatif",
    "/replenish",
    "/plan",
    "/price",
    "/customers",
    "/recommend",
    "/retain",
    "/offers",
    "/offer",
    "/overview",
    "/catalogue",
    "/drift",
    "/versions",
    "/health",
    "/ready",
    "/metrics",
    "/stocktake",
    "/clock",
    "/waiting",
    "/settle",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    url = f"sqlite:///{tmp_path_factory.mktemp('schema') / 'events.db'}"
    with serving(trained_home(), "--database", url) as made:
        yield made


def run(folder: Path, server: Server, description: str, *more: str) -> None:
    """Schemathesis's own command, repeatable; fails with its report."""
    (folder / "schemathesis.toml").write_text(SETTINGS)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "schemathesis.cli",
            "run",
            description,
            "--max-examples",
            str(EXAMPLES),
            "--generation-deterministic",
            "--no-color",
            "--request-timeout",
            "30",
            *more,
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    report = "\n".join(line[:300] for line in done.stdout.splitlines())  # bodies may be long
    assert done.returncode == 0, report + done.stderr[-2000:]
    assert f"Tested: {len(ROUTES)}" in report, report
    assert 'status="5' not in str(server.ask("GET", "/metrics")[1])


def test_as_described(server: Server, tmp_path: Path) -> None:
    """Only described statuses, types and bodies; nonsense refused; no 5xx. Its names are none that the shop knows."""
    assert set(server.get("/openapi.json")["paths"]) == ROUTES
    run(tmp_path, server, f"{server.url}/openapi.json", "--exclude-checks", "positive_data_acceptance")


def test_with_names_that_exist(server: Server, tmp_path: Path) -> None:
    """The same description with products, regions and days of this shop: what it allows is now accepted."""
    described, days = server.get("/openapi.json"), ["2025-05-01T10:00:00", "2025-06-04T10:00:00Z", "2025-06-12 08:30"]
    _narrow(
        described,
        {
            "product_id": {"type": "string", "enum": ["P0001"]},
            "region_id": {"type": "string", "enum": ["R01", "R09"]},
            **{name: {"type": "string", "enum": days} for name in ("ordered_at", "counted_at", "until")},
        },
    )
    (tmp_path / "narrow.json").write_text(json.dumps(described))
    run(tmp_path, server, "narrow.json", "--url", server.url)
    assert server.get("/overview")["events"] > 10, "some were taken"
    assert server.get("/forecast/P0001/all?history=10")["weeks"][0]["sold"] is not None


def _narrow(part: Any, known: dict[str, Any]) -> None:
    """Replace, wherever it stands in a description, the schema of a name by another."""
    for values in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        _narrow(values, known)
    if isinstance(part, dict):
        if part.get("name") in known and "in" in part:
            part["schema"] = known[part["name"]]
        for name in known.keys() & part.get("properties", {}).keys():
            if part["properties"][name] != {"type": "null"}:  # what a kind of event does not have stays so
                part["properties"][name] = known[name]
