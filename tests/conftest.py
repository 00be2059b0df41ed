"""What the tests share: skips that are counted, listed and can be forbidden; the order in which workers take tests.

``ECOMLIB_REQUIRE=data,browser,gpu`` turns the skips of those kinds into failures.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import time
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cpu_minutes import CpuMinutes

KINDS = ("data", "browser", "gpu")
# What tests derive (simulated stores, text vectors) stays in the checkout, also for the processes that they start.
os.environ.setdefault("ECOMLIB_CACHE_DIR", str(Path(__file__).resolve().parent.parent / "build" / "cache"))
# Their tests take long and share nothing: a worker takes one test at a time. Of the others it takes whole files.
ONE_BY_ONE = {
    "test_style.py": "style",
    "test_lessons_papermill.py": "papermill",
    "test_second_parts.py": "papermill",
    "test_benchmarks.py": "package",
    "test_colab.py": "package",
}


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


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
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
    if hasattr(config, "workerinput"):  # one of several workers
        slow = {item.path for item in items if item.get_closest_marker("slow")}
        items.sort(key=lambda item: _rank(item.path, item.path in slow))


@cache
def _rank(path: Path, slow: bool) -> tuple[int, float]:
    """Longest first, so that both workers end at the same time: lessons by measured seconds, then what is slow."""
    if path.suffix == ".ipynb":  # nbval's
        return 0, -json.loads(path.read_text(encoding="utf-8"))["metadata"].get("ecomlib", {}).get("seconds", 0)
    return list(ONE_BY_ONE).index(path.name) + 1 if path.name in ONE_BY_ONE else 98 if slow else 99, 0


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """``--dist loadfile``, but in the order of ``_rank`` and one by one where tests share nothing."""
    from xdist.scheduler import LoadScopeScheduling

    class Pool(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return nodeid if file.rpartition("/")[2] in ONE_BY_ONE else file

    if config.getoption("dist") != "loadfile":
        return None
    config.option.loadscopereorder = False  # not the files with most tests first
    return Pool(config, log)


class Minutes:
    """A line a minute while workers run tests, and at the end what each stage took."""

    def __init__(self, config: pytest.Config) -> None:
        self.started = self.told = time.monotonic()
        self.tests: Counter[str] = Counter()
        self.seconds: Counter[str] = Counter()
        self.config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        file = Path(report.nodeid.partition("::")[0])
        stage = "nbval" if file.suffix == ".ipynb" else ONE_BY_ONE.get(file.name, "package")
        self.seconds[stage] += report.duration
        self.tests[stage] += report.when == "setup"  # each test has one, the skipped ones too
        now = time.monotonic()
        if now - self.told > 60:
            self.told = now
            terminal = self.config.pluginmanager.get_plugin("terminalreporter")
            terminal.write(f"\n{(now - self.started) / 60:.0f} min: {self.tests.total()} tests, now {file.name}\n")

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        terminalreporter.write_line(f"{'stage':<12}{'tests':>6}{'minutes of a worker':>21}")
        for stage, seconds in self.seconds.most_common():
            terminalreporter.write_line(f"{stage:<12}{self.tests[stage]:>6}{seconds / 60:>21.1f}")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(CpuMinutes(config))
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Minutes(config))


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
