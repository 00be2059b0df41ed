"""CPU minutes by test file: what each worker and the children that it has waited for used while a file's tests ran.

A test's cost is the difference of ``os.times`` around its whole protocol (fixtures, call, teardown): the worker's own
time and that of every child reaped in between, a server, a notebook's kernel, a command. What cannot be put to a file
is "other": imports, collection, plugins, what ends after the last test. So files + other = what the workers used. A
fixture of a session, or a home that is trained once and kept, is paid by the test that asks first; a child that nobody
waits for is not seen.

``tests/run_all.py`` names a file in ``ECOMLIB_CPU_OUT``; the process that leads the run writes it when all is done.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections import Counter
from collections.abc import Generator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ecomlib.files import write_whole

OUT = "ECOMLIB_CPU_OUT"
OTHER, TOTAL = "other", "total"
COLUMNS = ("file", "cpu_seconds", "date", "machine")
LIMIT_MINUTES = 80.0  # what the whole of `make test` may take, all children included
MOVED_SHARE, MOVED_SECONDS = 0.2, 5.0  # a file that moved by more than both is named
MOST_SHOWN = 15


def used() -> float:
    """Seconds of CPU that this process and the children it has waited for have used so far."""
    t = os.times()
    return t.user + t.system + t.children_user + t.children_system


class CpuMinutes:
    """The plugin: a meter in each process that runs tests, and the sum of all meters in the one that leads.

    Parameters
    ----------
    config : pytest.Config
        The run's. A worker hands its seconds to its leader through ``workeroutput``.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.files: Counter[str] = Counter()  # of this process
        self.sum: Counter[str] = Counter()  # of all processes, with OTHER

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        before = used()
        try:
            return (yield)
        finally:
            self.files[item.nodeid.partition("::")[0]] += used() - before

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        # A worker that died has handed over nothing: its seconds are missing, and the run has failed anyhow.
        self.sum.update(getattr(node, "workeroutput", {}).get("cpu_seconds", {}))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        seconds = dict(self.files) | {OTHER: used() - sum(self.files.values())}
        if hasattr(self.config, "workeroutput"):
            self.config.workeroutput["cpu_seconds"] = seconds
        elif OUT in os.environ:
            if not self.sum:  # nobody but this process has run tests
                self.sum.update(seconds)
            Path(os.environ[OUT]).write_text(json.dumps(self.sum), encoding="utf-8")


def read(path: Path) -> dict[str, float]:
    """Read the committed seconds by file; empty where nothing is committed."""
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {row["file"]: float(row["cpu_seconds"]) for row in csv.DictReader(file)}


def write(path: Path, seconds: Mapping[str, float]) -> None:
    """Write seconds by file with today's date and this machine's name, the dearest file first, whole or not at all."""
    from ecomlib.recorded import machine

    buffer = io.StringIO()
    out = csv.writer(buffer, lineterminator="\n")
    out.writerow(COLUMNS)
    for name, value in sorted(seconds.items(), key=lambda pair: (-pair[1], pair[0])):
        out.writerow([name, f"{value:.1f}", f"{date.today():%Y-%m-%d}", machine()])
    write_whole(path, buffer.getvalue())


def moved(now: Mapping[str, float], before: Mapping[str, float]) -> list[tuple[str, float, float]]:
    """List files whose seconds moved by more than a fifth and five seconds, or that came or went at such a price.

    Returns
    -------
    list of (file, seconds before, seconds now)
        The largest change first.
    """
    pairs = [(name, before.get(name, 0.0), now.get(name, 0.0)) for name in {*now, *before} - {TOTAL}]
    found = [p for p in pairs if abs(p[2] - p[1]) > max(MOVED_SECONDS, MOVED_SHARE * p[1])]
    return sorted(found, key=lambda p: (-abs(p[2] - p[1]), p[0]))


def account(now: Mapping[str, float], total: float, before: Mapping[str, float], whole: bool) -> list[str]:
    """Write the lines that end a run: the total beside its limit, the dearest files, and what moved.

    Parameters
    ----------
    now : mapping of file to seconds
        With ``OTHER``; empty where no tests ran.
    total : float
        Seconds of all stages' children, style and the leading process included.
    before : mapping of file to seconds
        What is committed.
    whole : bool
        Whether every test ran. If not, files that did not run have not gone, and the limit says nothing.
    """
    lines = [f"{total / 60:.1f} CPU minutes of all children, of {LIMIT_MINUTES:g} for the whole of `make test`"]
    if total > 60 * LIMIT_MINUTES:
        lines.append(f"WARNING: {total / 60 - LIMIT_MINUTES:.1f} CPU minutes over the limit (machines differ: measure)")
    dearest = sorted(now.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_SHOWN]
    if dearest:
        lines.append(f"{'CPU seconds':>12}  file")
        lines += [f"{seconds:>12.1f}  {name}" for name, seconds in dearest]
    known = before if whole else {name: before[name] for name in before if name in now and name != OTHER}
    found = moved(now if whole else {name: now[name] for name in now if name != OTHER}, known) if before else []
    if found:
        lines.append(
            f"moved against tests/golden/cpu_minutes.csv by more than {MOVED_SHARE:.0%} and {MOVED_SECONDS:g} s:"
        )
        lines += [f"{then:>7.1f} -> {seconds:.1f}  {name}" for name, then, seconds in found]
    elif before and now:
        lines.append("no file moved by more than 20% and 5 s against tests/golden/cpu_minutes.csv")
    return lines
