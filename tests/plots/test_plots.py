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


def test_fan_shows_history_forecast_and_what_came() -> None:
    days = pd.date_range("2025-01-06", periods=6, freq="W-MON")
    history = pd.DataFrame({"ds": days[:4], "y": [1.0, 2.0, 3.0, 4.0]})
    future = pd.DataFrame({"ds": days[4:], "y": [5.0, 6.0], "m": [4.5, 5.5], "lo": [3.0, 3.0], "hi": [7.0, 8.0]})
    ax = plots.fan(history, future, model="m", intervals=[("lo", "hi", "90 %")])
    drawn = {line.get_label(): line.get_ydata() for line in ax.lines}
    np.testing.assert_allclose(drawn["sold"], [1, 2, 3, 4])
    np.testing.assert_allclose(drawn["what came"], [4, 5, 6])
    np.testing.assert_allclose(drawn["forecast"], [4.5, 5.5])
    assert ax.get_ylim()[0] == 0


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


def test_waterfall_steps_add_up() -> None:
    ax = plots.waterfall(["start", "one", "two"], [0.9, 0.5, 0.6])
    heights = [patch.get_height() for patch in ax.patches]
    np.testing.assert_allclose(heights, [0.9, -0.4, 0.1, 0.6])
    assert ax.get_ylim()[1] > 0.9, "there is room above the highest bar"


def test_a_step_that_rounds_to_zero_has_no_sign() -> None:
    ax = plots.waterfall(["start", "down", "up", "more"], [0.9, 0.8999, 0.9, 0.95])
    assert [text.get_text() for text in ax.texts] == ["0.00", "0.00", "+0.05", "0.90", "0.95"]


def luminance(colour: str) -> float:
    channels = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return float(np.dot([0.2126, 0.7152, 0.0722], channels))


def test_words_can_be_read_on_white() -> None:
    """Contrast of at least 4.5 to 1 for text (WCAG 2.1), 3 to 1 for the colours that carry meaning in figures."""
    assert 1.05 / (luminance(plots.INK) + 0.05) >= 4.5
    for role in ("actual", "model", "naive", "floor", "gain"):
        assert 1.05 / (luminance(plots.ROLES[role]) + 0.05) >= 3, role
