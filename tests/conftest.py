"""What the tests share: skips that are counted, listed and can be forbidden.

``ECOMLIB_REQUIRE=data,browser,gpu`` turns the skips of those kinds into failures.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections import Counter
from pathlib import Path

import pytest

KINDS = ("data", "browser", "gpu")


def missing(kind: str) -> str | None:
    """Why tests of this kind cannot run here, or None when they can."""
    if kind == "data":
        folder = os.environ.get("ECOMLIB_DATA_DIR")
        if not folder or not (Path(folder) / "online_retail").is_dir():
            return "the publishers' data are not here: set ECOMLIB_DATA_DIR to their folder"
    if kind == "browser":
        if not (shutil.which("chromium") or shutil.which("google-chrome")):
            return "headless Chromium is not installed"
        if importlib.util.find_spec("playwright") is None:
            return "playwright, which drives Chromium, is not installed (extra dev)"
    if kind == "gpu":
        import torch

        if not torch.cuda.is_available():
            return "there is no CUDA device"
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    required = {kind for kind in os.environ.get("ECOMLIB_REQUIRE", "").split(",") if kind}
    unknown = required - set(KINDS)
    if unknown:
        raise pytest.UsageError(f"ECOMLIB_REQUIRE names {sorted(unknown)}; it knows {list(KINDS)}")
    reasons = {kind: missing(kind) for kind in KINDS if any(item.get_closest_marker(kind) for item in items)}
    for item in items:
        for kind, reason in reasons.items():
            if reason and item.get_closest_marker(kind):
                if kind in required:
                    item.fixturenames.insert(0, f"require_{kind}")  # type: ignore[attr-defined]
                else:
                    item.add_marker(pytest.mark.skip(reason=f"[{kind}] {reason}"))


def _failing_fixture(kind: str):  # type: ignore[no-untyped-def]
    @pytest.fixture(name=f"require_{kind}")
    def require() -> None:
        reason = missing(kind)
        if reason:
            pytest.fail(f"ECOMLIB_REQUIRE asks for {kind}, and {reason}")

    return require


require_data = _failing_fixture("data")
require_browser = _failing_fixture("browser")
require_gpu = _failing_fixture("gpu")


def pytest_terminal_summary(terminalreporter) -> None:  # type: ignore[no-untyped-def]
    skipped = terminalreporter.stats.get("skipped", [])
    counted = Counter(
        next((kind for kind in KINDS if f"[{kind}]" in str(report.longrepr)), "other") for report in skipped
    )
    if counted:
        listed = ", ".join(f"{kind} {count}" for kind, count in sorted(counted.items()))
        terminalreporter.write_line(f"skipped by kind: {listed} (ECOMLIB_REQUIRE=data,browser,gpu forbids them)")


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return Path(__file__).resolve().parent.parent
