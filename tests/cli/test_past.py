"""Nothing forecasts the past unasked: weeks that are over are said, and refused where the tables know them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner
from weekly_shop import FIRST, weekly_shop

from ecomlib.cli import past
from ecomlib.cli.main import app
from ecomlib.cli.past import caution, full_until, over
from ecomlib.serving.release.bundle import open_bundle

WEEKS = [FIRST + pd.Timedelta(weeks=week) for week in range(20)]


def invoke(*words: str) -> Any:
    return CliRunner().invoke(app, list(words))


def at(monkeypatch: pytest.MonkeyPatch, day: pd.Timestamp) -> None:
    monkeypatch.setattr(past, "today", lambda: day)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two products, three units each on every day of sixteen full weeks, up to 2024-04-21."""
    store = weekly_shop(np.full((2, 16), 21))
    (tmp_path / "mine").mkdir()
    store.products.to_csv(tmp_path / "mine" / "products.csv", index=False)
    store.orders.to_csv(tmp_path / "mine" / "orders.csv", index=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "mine"


@pytest.mark.parametrize(
    ("freq", "first", "day", "expected"),
    [
        ("W-MON", "2024-01-01", "2024-01-07", 0),  # its Sunday
        ("W-MON", "2024-01-01", "2024-01-08", 1),
        ("D", "2024-01-01", "2024-01-01", 0),
        ("D", "2024-01-01", "2024-01-02", 1),
        ("MS", "2024-02-01", "2024-02-29", 0),
        ("MS", "2024-02-01", "2024-03-01", 1),
    ],
)
def test_a_period_is_over_on_the_day_after_its_last(freq: str, first: str, day: str, expected: int) -> None:
    assert over(pd.to_datetime([first]), freq, pd.Timestamp(day)) == expected


def test_what_is_said_of_weeks_that_are_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    source = {"store": str(tmp_path), "full_until": "2024-04-22"}  # sixteen weeks
    at(monkeypatch, WEEKS[16] + pd.Timedelta(days=3))
    assert caution(WEEKS[16:], "W-MON", source) is None, "the running week is not over"
    assert caution(WEEKS[12:16], "W-MON", {"store": "simulated"}) is None, "that it lies in the past is no surprise"
    known = caution(WEEKS[12:16], "W-MON", source, " --home h")
    assert known is not None and known.all_known and "ecomlib train --home h --hold-out 0" in known.remedy
    assert known.problem == (
        "these are forecasts of weeks that are over: 4 of 4, from 2024-03-25; the tables know what was sold, "
        "up to 2024-04-21"
    )
    some = caution(WEEKS[14:18], "W-MON", source)
    assert some is not None and not some.all_known and "2 of 4, from 2024-04-08" in some.problem
    at(monkeypatch, WEEKS[18])
    late = caution(WEEKS[16:], "W-MON", source)
    assert late is not None and not late.all_known
    assert "2 of 4, from 2024-04-22; nothing is known of them, and today is 2024-05-06" in late.problem
    assert caution(WEEKS[16:], "W-MON", {"store": str(tmp_path)}) == late, "as of a version of an older release"


def test_the_last_full_week_of_the_tables_is_noted() -> None:
    assert full_until(weekly_shop(np.full((1, 16), 21))) == "2024-04-22"


def test_train_and_forecast_say_that_the_weeks_ahead_are_over(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, WEEKS[16])
    words = ("train", "--store", str(folder), "--home", "h", "--quick", "--no-text", "--model", "window_mean")
    made = invoke(*words, "--hold-out", "4")
    assert made.exit_code == 0 and "CAUTION: these are forecasts of weeks that are over: 4 of 4" in made.stderr
    assert "--past" not in made.stderr and "ecomlib replay --home h" in made.stderr
    asked = ("forecast", "--home", "h", "--out", "week.csv")
    refused = invoke(*asked)
    assert refused.exit_code == 1 and "from 2024-03-25" in refused.stderr and "say --past" in refused.stderr
    assert not Path("week.csv").exists()
    wanted = invoke(*asked, "--past")
    assert wanted.exit_code == 0 and not wanted.stderr and len(pd.read_csv("week.csv")) == 8
    again = invoke(*words)  # it learns from all weeks now, and the running one is ahead
    assert again.exit_code == 0 and "CAUTION" not in again.stderr
    assert open_bundle("h", 2).settings["source"]["full_until"] == "2024-04-22"
    assert invoke("promote", "2", "--home", "h").exit_code == 0
    done = invoke(*asked)
    assert done.exit_code == 0 and not done.stderr and pd.read_csv("week.csv")["week"].min() == "2024-04-22"
    at(monkeypatch, WEEKS[18])
    late = invoke(*asked)
    assert late.exit_code == 0 and "2 of 4, from 2024-04-22; nothing is known" in late.stderr


def test_a_model_that_is_fitted_now_says_so_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("forecast", "--model", "window_mean", "--store", str(folder), "--out", "ahead.csv")
    at(monkeypatch, WEEKS[16])
    assert invoke(*words).stderr == ""
    at(monkeypatch, WEEKS[19])
    for store in (str(folder), "mine"):
        done = invoke(*words[:4], store, *words[5:])
        assert done.exit_code == 0 and "CAUTION: these are forecasts of weeks that are over: 3 of 4" in done.stderr
    assert invoke(*words, "--past").stderr == ""
    assert invoke(*words[:4], "tiny", *words[5:]).stderr == ""


def test_orders_of_the_running_week_are_named_and_not_taken_for_none(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(monkeypatch, WEEKS[16] + pd.Timedelta(days=2))
    lines = pd.read_csv(folder / "orders.csv")
    begun = lines.head(2).assign(order_id=["x", "y"], quantity=[4, 1], ordered_at="2024-04-23 09:00:00")
    pd.concat([lines, begun]).to_csv(folder / "orders.csv", index=False)
    words = ("train", "--store", str(folder), "--home", "h", "--quick", "--no-text", "--model", "window_mean")
    made = invoke(*words)
    assert "5 units of the week from 2024-04-22" in made.stdout and "ecomlib replay --speed 0 --home h" in made.stdout
    assert invoke("forecast", "--home", "h", "--out", "week.csv").exit_code == 0
    ahead = pd.read_csv("week.csv")
    assert ahead["week"].min() == "2024-04-22" and ahead["sold"].isna().all()
