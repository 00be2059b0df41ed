"""The commands forecasters, forecast and backtest: any registered forecaster, on any store, in a file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from ecomlib.cli.main import app
from ecomlib.contract import REGISTERED
from ecomlib.forecasting import backtest, forecaster, load
from ecomlib.panel import make_panel
from ecomlib.stores import load_store

PLUGIN = '''"""A forecaster from outside the package."""

from dataclasses import dataclass
from typing import ClassVar

from ecomlib.contract import Forecaster, register


@register
@dataclass(frozen=True)
class Doubled(Forecaster):
    """Twice the last value."""

    name: ClassVar[str] = "doubled"
    point: ClassVar[str] = "neither"
    share: float = 2.0

    def answer(self, learned, past, future):
        return self.share * future["unique_id"].map(past.groupby("unique_id")["y"].last())
'''


NETWORK = '''"""A network from outside the package: the look-back is read by one layer."""

import torch
from torch import nn

from ecomlib.contract import register
from ecomlib.models import Network


class Running(nn.Module):
    def __init__(self, channels, width):
        super().__init__()
        self.each = nn.Linear(channels, width)

    def forward(self, x):
        return self.each(x).cumsum(1) / torch.arange(1, x.shape[1] + 1).view(1, -1, 1)


@register
class RunningMean(Network):
    """Reads the past by the mean of what came so far."""

    kind = "running"

    def make_encoder(self, settings):
        return Running(settings.past + 1, settings.hidden)
'''


def invoke(*words: str) -> Any:
    return CliRunner().invoke(app, list(words))


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The module of a user, in the folder where the command is typed; forgotten after the test."""
    (tmp_path / "my_doubled.py").write_text(PLUGIN, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    kept = dict(REGISTERED)
    yield "my_doubled"
    sys.modules.pop("my_doubled", None)
    REGISTERED.clear()
    REGISTERED.update(kept)


def test_forecasters_are_listed_with_what_they_are(plugin: str) -> None:
    done = invoke("forecasters", "--plugin", plugin)
    assert done.exit_code == 0, done.output
    lines = {line.split()[0]: line.split() for line in done.stdout.splitlines()}
    assert lines["window_mean"][1:3] == ["mean", "nothing"] and lines["trees"][1] == "median"
    assert lines["doubled"][1:3] == ["neither", "nothing"] and "Twice the last value." in done.stdout
    assert lines["average"][1:3] == ["as", "set"]
    assert "gated recurrent units" in " ".join(lines["gru"]) and "convolutions" in " ".join(lines["tcn"])


def test_a_forecast_is_the_packages_own_and_can_be_saved_and_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ("--store", "tiny", "--horizon", "3", "--out", "made.csv", "--save", "kept")
    done = invoke("forecast", "--model", "window_mean", "--set", "window=3", *words)
    assert done.exit_code == 0, done.output
    assert "the column 'window_mean' is a mean" in done.stdout and "3 periods after" in done.stdout
    made = pd.read_csv("made.csv", parse_dates=["ds", "cutoff"])
    panel = make_panel(load_store("tiny"))
    expected = forecaster("window_mean", window=3).fit(panel, 3).forecast()
    pd.testing.assert_frame_equal(made, expected, check_dtype=False)
    assert load("kept").forecaster == forecaster("window_mean", window=3)
    again = invoke("forecast", "--store", "tiny", "--load", "kept", "--out", "again.csv")
    assert again.exit_code == 0, again.output
    assert Path("again.csv").read_bytes() == Path("made.csv").read_bytes()
    as_parquet = invoke("forecast", "--store", "tiny", "--load", "kept", "--out", "again.parquet")
    assert as_parquet.exit_code == 0 and len(pd.read_parquet("again.parquet")) == len(made)


def test_series_frequency_members_and_intervals_are_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shared = ("--store", "tiny", "--freq", "daily", "--by", "region_id", "--horizon", "2", "--out", "made.csv")
    done = invoke("forecast", "--model", "average", "--set", "members=naive,window_mean", "--level", "80", *shared)
    assert done.exit_code == 0, done.output
    made = pd.read_csv("made.csv", parse_dates=["ds"])
    assert made["ds"].nunique() == 2 and made["unique_id"].nunique() < 12
    low, high = (next(c for c in made.columns if c.endswith(end)) for end in ("-lo-80", "-hi-80"))
    point = made[low.removesuffix("-lo-80")]
    assert ((made[low] <= point) & (point <= made[high])).all() and (made[low] < made[high]).any()


def test_a_plug_in_is_forecast_saved_and_found_again(
    plugin: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = ("--store", "tiny", "--out", "made.csv")
    unknown = invoke("forecast", "--model", "doubled", *shared)
    assert unknown.exit_code == 1 and "--plugin or ECOMLIB_PLUGINS" in unknown.stderr
    done = invoke("forecast", "--model", "doubled", "--set", "share=3", "--plugin", plugin, "--save", "kept", *shared)
    assert done.exit_code == 0 and "neither a mean nor a median" in done.stdout, done.output
    assert plugin not in Path("kept/card.json").read_text(encoding="utf-8"), "the card names no module"
    first = Path("made.csv").read_bytes()
    REGISTERED.clear()
    sys.modules.pop(plugin)
    stranger = invoke("forecast", "--load", "kept", *shared)
    assert stranger.exit_code == 1 and "'doubled'" in stranger.stderr
    monkeypatch.setenv("ECOMLIB_PLUGINS", plugin)
    again = invoke("forecast", "--load", "kept", *shared)
    assert again.exit_code == 0 and Path("made.csv").read_bytes() == first, again.output
    missing = invoke("forecasters", "--plugin", "no_such_module")
    assert missing.exit_code == 1 and "the plug-in 'no_such_module' cannot be imported" in missing.stderr


def test_a_backtest_prints_the_scores_best_first(plugin: str) -> None:
    words = ("--store", "tiny", "--origins", "2", "--horizon", "3", "--out", "scored.csv")
    done = invoke("backtest", "--models", "doubled, window_mean,naive", "--plugin", plugin, *words)
    assert done.exit_code == 0, done.output
    head, *lines, last = done.stdout.splitlines()
    assert {"WAPE", "RMSSE", "seconds"} <= set(head.split()) and "2 origins: scored.csv" in last
    wape = {line.split()[0]: float(line.split()[1]) for line in lines}
    assert set(wape) == {"doubled", "window_mean", "naive"} and list(wape.values()) == sorted(wape.values())
    made = pd.read_csv("scored.csv", parse_dates=["ds", "cutoff"])
    expected = backtest(make_panel(load_store("tiny")), ["window_mean"], 2, 3)
    assert made["window_mean"].to_numpy() == pytest.approx(expected["window_mean"].to_numpy())
    assert list(made.columns) == ["unique_id", "ds", "cutoff", "y", "doubled", "window_mean", "naive"]


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (("forecast", "--model", "naive"), "--store is missing"),
        (("forecast", "--store", "tiny"), "--store needs a model"),
        (("forecast", "--store", "tiny", "--model", "naive", "--load", "kept"), "two ways to one thing"),
        (("forecast", "--store", "tiny", "--load", "kept", "--level", "90"), "--level is for a model"),
        (("forecast", "--store", "tiny", "--load", "kept"), "'kept' holds no forecaster"),
        (("forecast", "--store", "tiny", "--model", "naiv"), "did you mean naive?"),
        (("forecast", "--store", "tiny", "--model", "window_mean", "--set", "window"), "--set needs NAME=VALUE"),
        (("forecast", "--store", "tiny", "--model", "window_mean", "--set", "span=3"), "has no setting 'span'"),
        (("forecast", "--store", "tiny", "--model", "naive", "--by", "colour"), "colour"),
        (("forecast", "--store", "tiny", "--model", "naive", "--freq", "hourly"), "hourly"),
        (("forecast", "--store", "nowhere", "--model", "naive"), "nowhere"),
        (("backtest", "--store", "tiny", "--models", "naive,naiv"), "did you mean naive?"),
        (("backtest", "--store", "tiny", "--models", "naive", "--origins", "99"), "too few for 99 origins"),
    ],
)
def test_what_does_not_fit_is_answered_in_a_sentence(
    words: tuple[str, ...], answer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = invoke(*words, "--out", "made.csv")
    assert done.exit_code == 1 and "Traceback" not in done.output
    assert done.stderr.startswith("ecomlib: ") and answer in done.stderr
    assert not Path("made.csv").exists()


def test_a_saved_model_has_settled_its_horizon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shared = ("forecast", "--store", "tiny", "--out", "made.csv")
    assert invoke(*shared, "--model", "naive", "--save", "kept").exit_code == 0
    done = invoke(*shared, "--load", "kept", "--horizon", "9")
    assert done.exit_code == 1 and "forecasts 4 periods" in done.stderr
    other = invoke(*shared, "--load", "kept", "--freq", "daily")
    assert other.exit_code == 1 and "frequency" in other.stderr


def test_a_network_from_outside_is_backtested_calibrated_combined_saved_loaded_and_exported(
    plugin: str, tmp_path: Path
) -> None:
    from ecomlib.forecasting.export import export

    (tmp_path / "my_network.py").write_text(NETWORK, encoding="utf-8")
    quick = ("--set", "epochs=1", "--set", "hidden=4", "--set", "look_back=8")
    shared = ("--plugin", "my_network", "--store", "tiny", "--horizon", "2")
    done = invoke(
        "forecast", "--model", "running", *quick, *shared, "--out", "made.csv", "--level", "80", "--save", "kept"
    )
    assert done.exit_code == 0, done.output
    assert any(column.endswith("-lo-80") for column in pd.read_csv("made.csv").columns)
    scored = invoke("backtest", "--models", "running,naive", "--origins", "1", *shared, "--out", "scored.csv")
    assert scored.exit_code == 0 and {"running", "naive"} <= set(pd.read_csv("scored.csv").columns), scored.output
    again = invoke("forecast", "--load", "kept", *shared[:4], "--out", "again.csv")
    assert again.exit_code == 0 and Path("again.csv").read_bytes() == Path("made.csv").read_bytes(), again.output

    panel = make_panel(load_store("tiny"))
    network = forecaster("running", epochs=1, hidden=4, look_back=8)
    both = forecaster("average", members=(network, forecaster("naive"))).fit(panel, 2).forecast()
    assert both["average"].notna().all()
    folder = export(network.fit(panel, 2), tmp_path / "onnx")
    assert sorted(path.name for path in Path(folder).iterdir()) == ["onnx.json", "seed0.onnx"]
    sys.modules.pop("my_network", None)
