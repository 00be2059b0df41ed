"""Figures show what they are given: positions, colours and words are read back from the axes."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from ecomlib import plots
from ecomlib.errors import DataError


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    with plt.rc_context(plots.STYLE):
        yield
    plt.close("all")


def grid_regions() -> pd.DataFrame:
    return pd.DataFrame(
        {"region_id": list("abcd"), "name": ["A", "B", "C", "D"], "row": [0, 0, 1, 1], "column": [0, 1, 0, 1]}
    )


def test_map_puts_each_region_in_its_place() -> None:
    ax = plots.region_map(grid_regions(), {"a": 1.0, "b": 2.0, "c": 3.0}, title="t")
    image = ax.images[0].get_array()
    assert image is not None
    np.testing.assert_allclose(np.ma.filled(image, -1.0), [[1, 2], [3, -1]])
    assert len([text for text in ax.texts if text.get_text()]) == 3, "a region without a value has no number"


def test_map_of_degrees_labels_the_largest() -> None:
    regions = pd.DataFrame(
        {"region_id": ["u", "f"], "name": ["UK", "France"], "latitude": [54, 46], "longitude": [-2, 2]}
    )
    ax = plots.region_map(regions, {"u": 5.0, "f": 1.0})
    assert [text.get_text() for text in ax.texts] == ["UK", "France"]
    np.testing.assert_allclose(ax.collections[0].get_offsets(), [[-2, 54], [2, 46]])


def frames(ids: tuple[str, ...] = ("cup", "mug", "pan", "tin")) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A panel of eight weeks, and a forecast of the last two, with a 90 % interval and quantiles."""
    days = pd.date_range("2025-01-06", periods=8, freq="W-MON")
    panel = pd.concat([pd.DataFrame({"unique_id": n, "ds": days, "y": k + np.arange(8.0)}) for k, n in enumerate(ids)])
    ahead = panel[panel["ds"] > days[5]].rename(columns={"y": "m"}).assign(cutoff=days[5])
    ends = {"m-lo-90": ahead["m"] - 3, "m-hi-90": ahead["m"] + 3, "m-q0.25": ahead["m"] - 1, "m-q0.75": ahead["m"] + 1}
    return panel, ahead.assign(**ends)


def test_fan_shows_history_forecast_and_what_came() -> None:
    panel, ahead = frames(("cup",))
    history, future = panel.drop(columns="unique_id").head(6), ahead.drop(columns=["unique_id", "cutoff"])
    ax = plots.fan(history, future.assign(y=[5.0, 6.0]), model="m")
    drawn = {line.get_label(): line.get_ydata() for line in ax.lines}
    np.testing.assert_allclose(drawn["sold"], [0, 1, 2, 3, 4, 5])
    np.testing.assert_allclose(drawn["what came"], [5, 5, 6])
    np.testing.assert_allclose(drawn["forecast"], [6, 7])
    assert [band.get_label() for band in ax.collections] == ["90 %", "50 %"], "ends and quantiles, the widest first"
    outline = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert (outline.min(), outline.max()) == (3, 10) and ax.get_ylim()[0] == 0


def test_fan_takes_a_panel_and_a_forecast_frame_as_they_are() -> None:
    panel, ahead = frames()
    ax = plots.fan(panel.sample(frac=1, random_state=0), ahead, series="pan", levels=90, periods=3)
    drawn = {line.get_label(): line.get_ydata() for line in ax.lines}
    np.testing.assert_allclose(drawn["sold"], [5, 6, 7], err_msg="nothing after the origin, three periods, by date")
    np.testing.assert_allclose(drawn["forecast"], [8, 9])
    assert [band.get_label() for band in ax.collections] == ["90 %"]
    ax = plots.fan(panel, ahead[ahead["unique_id"] == "pan"], periods=3)
    np.testing.assert_allclose({line.get_label(): line.get_ydata() for line in ax.lines}["sold"], [5, 6, 7])
    early = ahead.assign(cutoff=ahead["cutoff"] - pd.Timedelta(weeks=1), m=0.0)
    ax = plots.fan(panel, pd.concat([early, ahead]), series="pan")
    np.testing.assert_allclose({line.get_label(): line.get_ydata() for line in ax.lines}["forecast"], [8, 9])


def test_fan_asks_which_series_and_which_model() -> None:
    panel, ahead = frames()
    with pytest.raises(DataError, match=r'one series, and there are 4.*series="tin".*tin, pan, mug'):
        plots.fan(panel, ahead)
    with pytest.raises(DataError, match=r"no such series.*'mugs'.*mug"):
        plots.fan(panel, ahead, series="mugs")
    with pytest.raises(DataError, match=r"one model, and there are 2.*'m' or 'n'"):
        plots.fan(panel, ahead.assign(n=1.0), series="mug")
    with pytest.raises(DataError, match=r"no such model.*'m'"):
        plots.fan(panel, ahead, series="mug", model="gru")
    with pytest.raises(DataError, match=r"no 80 % interval"):
        plots.fan(panel, ahead, series="mug", levels=[80])
    ax = plots.fan(panel, ahead.assign(**{"m-hi-90": np.inf}), series="mug")
    assert np.isfinite(ax.get_ylim()).all(), "an infinite end is not drawn"


def test_leaderboard_has_the_best_on_top() -> None:
    table = pd.DataFrame(
        {"model": ["naive", "good", "best"], "wape": [0.6, 0.4, 0.3], "kind": ["naive", "peer", "network"]}
    )
    ax = plots.leaderboard(table, floor=0.25)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["naive", "good", "best"]
    assert any("attainable 0.250" in text.get_text() for text in ax.texts)
    ax = plots.leaderboard(table.assign(bias=[0.0, -0.123, np.nan]))
    assert [text.get_text() for text in ax.texts] == ["0.600  bias +0.0 %", "0.400  bias −12.3 %", "0.300"]


def test_money_bars_write_their_amounts() -> None:
    ax = plots.money_bars(["lost", "won"], [-50.0, 1234.0], roles=["loss", "gain"])
    assert [patch.get_width() for patch in ax.patches] == [-50.0, 1234.0]
    assert {text.get_text() for text in ax.texts} == {"-50", "1,234"}


def luminance(colour: str) -> float:
    channels = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return float(np.dot([0.2126, 0.7152, 0.0722], channels))


def test_words_can_be_read_on_white() -> None:
    """Contrast of at least 4.5 to 1 for text (WCAG 2.1), 3 to 1 for the colours that carry meaning in figures."""
    assert 1.05 / (luminance(plots.INK) + 0.05) >= 4.5
    for role in ("actual", "model", "naive", "floor", "gain"):
        assert 1.05 / (luminance(plots.ROLES[role]) + 0.05) >= 3, role


def test_end_labels_stand_apart_in_the_order_of_their_lines() -> None:
    ax = plt.subplots()[1]
    ax.set(xlim=(0, 1), ylim=(0, 10))
    plots.end_labels(ax, {"b": (1, 5.1, plots.BLUE), "a": (1, 5.0, plots.SOFT), "far": (1, 9.0, plots.INK)})
    heights = {text.get_text(): text.xyann[1] for text in ax.texts}
    assert heights["a"] == 5.0 and heights["b"] >= 5.5 and heights["far"] == 9.0
    assert {text.get_text(): text.get_color() for text in ax.texts}["b"] == plots.BLUE
