"""Protocol L's losses by hand: pinball over units, whole units in money, several trainings, the way to the true law."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("statsforecast")
pytest.importorskip("lightgbm")
from benchmarks.real_shop import lumpy
from benchmarks.simulated import lumpy as ten
from ecomlib.evaluation import wape

WEEKS = pd.date_range("2024-01-01", periods=4, freq="7D")


def scored() -> pd.DataFrame:
    frame = pd.DataFrame({"unique_id": "mug", "ds": WEEKS, "cutoff": WEEKS[0], "y": [0.0, 4.0, 0.0, 4.0]})
    for name, kept in (("net|0", 2.0), ("net|1", 0.0), ("trees", 1.4)):
        frame = frame.assign(**{name: kept, **{f"{name}-q{share:g}": kept for share in lumpy.QUANTILES}})
    return frame


def test_losses_are_those_by_hand_and_trainings_are_averaged_as_losses() -> None:
    frame = scored()
    trainings = lumpy.grouped(["net|0", "net|1", "trees"])
    assert trainings == {"net": ["net|0", "net|1"], "trees": ["trees"]}
    pinball = wape(lumpy.losses(frame, trainings, "pinball", 0.75), ["net", "trees"]).iloc[0]
    two, none = 2 * 0.25 * 2 + 2 * 0.75 * 2, 2 * 0.75 * 4  # kept 2: two weeks over, two short
    assert pinball["net"] == pytest.approx((two + none) / 2 / 8)
    money = wape(lumpy.losses(frame, trainings, "money", 0.75), ["net", "trees"]).iloc[0]
    assert money["trees"] == pytest.approx((2 * 1 + 2 * 3 * 3) / 8), "1.4 is one whole unit"
    points = lumpy.point_scores(frame, trainings, frame.assign(y=[1.0, 3.0, 1.0, 3.0])).set_index(["model", "metric"])
    assert points.loc[("net", "bias"), "value"] == pytest.approx((0.0 - 1.0) / 2)
    assert points.loc[("trees", "rmse"), "value"] == pytest.approx(np.sqrt((1.4**2 + 2.6**2) / 2) / 2)


def test_by_class_each_has_its_own_units() -> None:
    loss = lumpy.losses(scored(), {"trees": ["trees"]}, "pinball", 0.9).assign(kind=["a", "a", "b", "b"])
    table = lumpy._by(loss, ["trees"], "kind", "pinball_0.9")
    assert table["value"].tolist() == pytest.approx([(0.1 * 1.4 + 0.9 * 2.6) / 4] * 2)
    assert table["units_share"].tolist() == [0.5, 0.5] and set(table["metric"]) == {"pinball_0.9_by_kind"}


def test_the_way_is_a_ratio_of_sums_over_stores() -> None:
    losses = {lumpy.EMPIRICAL: (10.0, 20.0), ten.FLOOR: (6.0, 4.0), "TSB": (8.0, 17.0)}
    parts = pd.DataFrame(
        [{"model": name, "seed": k, "pinball_0.9": v} for name, both in losses.items() for k, v in enumerate(both)]
    )
    found = ten.way(parts, "pinball_0.9")
    assert found["TSB"] == pytest.approx((30 - 25) / (30 - 10)) and found[ten.FLOOR] == 1.0
    assert ten.way(parts, "pinball_0.9", np.array([0, 0]))["TSB"] == pytest.approx(0.5)
