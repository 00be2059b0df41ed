"""Forecasts on disk: read by a restart, the same bytes; made again where a file is damaged or anything differs."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime")
from serving_help import order_event as order

from ecomlib.serving.live import kept as kept_forecasts
from ecomlib.serving.live.event_log import EventLog
from ecomlib.serving.live.kept import FOLDER, KeptForecasts, Made, make
from ecomlib.serving.live.live_state import State
from ecomlib.serving.release.bundle import Bundle
from ecomlib.serving.release.versions import Version


def kept(home: Path, **card: str) -> KeptForecasts:
    return KeptForecasts(home, Version(1, home, {"files": {"model.onnx": "a digest"}, **card}))


def files(home: Path) -> list[str]:
    return sorted(path.name for path in (home / FOLDER).iterdir())


@pytest.fixture
def evaluated(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The origins at which the forecaster was evaluated."""
    found: list[int] = []

    def counted(bundle: Bundle, books: object, origin: int) -> Made:
        found.append(origin)
        return make(bundle, books, origin)  # type: ignore[arg-type]

    monkeypatch.setattr(kept_forecasts, "make", counted)
    return found


def answers(state: State) -> list[bytes | None]:
    state.refresh()
    return [state.ready(product, place) for product in state.bundle.books.products for place in ("R01", "all")]


def test_a_restart_reads_the_same_bytes(bundle: Bundle, log: EventLog, tmp_path: Path, evaluated: list[int]) -> None:
    log.append([order("a", 10, 20, 3, 5), order("b", 24 * 7, 21, 1, 2)])
    plain, first = answers(State(bundle, log)), answers(State(bundle, log, kept(tmp_path)))
    assert first == plain and evaluated == [bundle.cutoff + 1]
    assert answers(State(bundle, log, kept(tmp_path))) == plain and len(evaluated) == 1, "read, not made"
    (name,) = files(tmp_path)
    assert name.startswith("0001-2025-06-02-") and name.endswith(".npz")
    log.append([order("late", 11, 20, 3, 50)])
    later = answers(State(bundle, log, kept(tmp_path)))
    assert len(evaluated) == 2 and later == answers(State(bundle, log)) != plain, "another closed week, another file"
    assert answers(State(bundle, log, kept(tmp_path, made="anew"))) == later and len(evaluated) == 3, "another version"


def test_what_comes_after_an_origin_is_not_in_its_name(bundle: Bundle, tmp_path: Path) -> None:
    books, held = bundle.books, kept(tmp_path)
    more = books.followed_by([np.ones(60)])
    began = replace(more, begin=np.where(np.arange(60) == 5, more.last, more.begin))
    assert held.path(more, books.last) == held.path(books, books.last)
    unborn = replace(books, begin=np.where(np.arange(60) == 5, books.last + 1, books.begin))
    assert held.path(began, books.last) == held.path(unborn, books.last) != held.path(books, books.last)
    assert held.path(more, more.last) != held.path(more, books.last)


def damages(path: Path, made: Made) -> list[bytes]:
    """What a file may hold that was not written by the service."""
    content = path.read_bytes()
    middle = len(content) // 3
    found = [b"", content[: len(content) // 2], content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]]
    for wrong in (
        {"forecast": np.array([{}], dtype=object)},
        {"forecast": made.forecast[:-1]},
        {"expected": np.full_like(made.expected, np.nan)},
        {"fitted": made.fitted.astype(float)},
    ):
        np.savez(path, **(made._asdict() | wrong))
        found.append(path.read_bytes())
    np.savez(path, forecast=made.forecast)
    return [*found, path.read_bytes()]


def test_a_damaged_file_is_made_again(bundle: Bundle, tmp_path: Path, evaluated: list[int]) -> None:
    held, books = kept(tmp_path), bundle.books
    first = held.made(bundle, books, books.last)
    path = held.path(books, books.last)
    for n, content in enumerate(damages(path, first)):
        path.write_bytes(content)
        again = held.made(bundle, books, books.last)
        assert len(evaluated) == 2 + n and all((a == b).all() for a, b in zip(first, again, strict=True))
        assert held.made(bundle, books, books.last).forecast.tobytes() == first.forecast.tobytes()
        assert len(evaluated) == 2 + n, "and written whole again"


def test_few_are_kept_and_those_in_use_stay(bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_forecasts, "MOST_FILES", 3)
    held, books = kept(tmp_path), bundle.books
    for age, origin in enumerate(range(books.last - 3, books.last)):
        held.made(bundle, books, origin)
        os.utime(held.path(books, origin), (1_000 + age, 1_000 + age))
    held.made(bundle, books, books.last - 3)  # used now
    held.made(bundle, books, books.last)
    left = {held.path(books, origin).name for origin in (books.last - 3, books.last - 1, books.last)}
    assert set(files(tmp_path)) == left, "the one that was not used for longest is gone, and nothing unfinished is left"


def test_a_disk_that_takes_nothing_stops_nobody(bundle: Bundle, tmp_path: Path, evaluated: list[int]) -> None:
    (tmp_path / FOLDER).write_text("a file in the place of the folder")
    made = kept(tmp_path).made(bundle, bundle.books, bundle.cutoff)
    assert (made.forecast == bundle.forecast(bundle.books, bundle.cutoff)[0]).all() and len(evaluated) == 1
