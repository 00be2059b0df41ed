"""Gain, headroom and share: by hand, and what they refuse."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ecomlib.errors import CallError, DataError
from ecomlib.evaluation.share import FORMULA, gain, headroom, is_little, profits, share


def played(profit: dict[str, list[float]]) -> pd.DataFrame:
    """A row a store and policy; one luck."""
    frame = pd.DataFrame(profit).rename_axis("store").reset_index()
    return frame.melt("store", var_name="policy", value_name="profit").assign(luck=0)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_a_share_is_a_ratio_of_sums_and_no_mean_of_ratios() -> None:
    frame = played({"zero": [100.0, 1000.0], "ours": [101.0, 1090.0], "one": [102.0, 1100.0]})
    assert share(frame, "ours", "zero", "one", rng=rng()).estimate == pytest.approx(91 / 102)  # mean of ratios: 0.7
    assert headroom(frame, "zero", "one", rng=rng()).estimate == pytest.approx(102 / 1100)
    assert gain(frame, "ours", "zero", rng=rng()).estimate == pytest.approx(91 / 1100)


def test_a_share_may_be_negative_or_above_one() -> None:
    frame = played({"zero": [100.0] * 10, "worse": [99.0] * 10, "better": [115.0] * 10, "one": [110.0] * 10})
    worse, better = (share(frame, name, "zero", "one", rng=rng()) for name in ("worse", "better"))
    assert (worse.estimate, worse.low, worse.high) == pytest.approx((-0.1, -0.1, -0.1))
    assert (better.estimate, better.low, better.high) == pytest.approx((1.5, 1.5, 1.5))
    assert share(frame, "zero", "zero", "one", rng=rng()).estimate == 0
    assert share(frame, "one", "zero", "one", rng=rng()).estimate == 1


def test_lucks_are_averaged_before_stores_are_compared() -> None:
    one, two = (
        played({"zero": [100.0, 200.0], "one": [high, 220.0]}).assign(luck=k) for k, high in ((0, 104), (1, 116))
    )
    frame = pd.concat([one, two], ignore_index=True)
    np.testing.assert_array_equal(profits(frame, "zero", "one"), [[100, 200], [110, 220]])
    # A luck more on one store gives that store no more weight.
    extra = one[one["store"] == 0].assign(luck=2, profit=lambda rows: rows["profit"] + 6 * (rows["policy"] == "one"))
    np.testing.assert_allclose(profits(pd.concat([frame, extra]), "zero", "one"), [[100, 200], [110, 220]])


def test_intervals_redraw_whole_stores() -> None:
    """Ten stores of which one holds all of the gain: how often it is drawn is binomial."""
    frame = played({"zero": [100.0] * 10, "one": [100.0] * 9 + [200.0]})
    found = headroom(frame, "zero", "one", rng=rng())
    assert (found.estimate, found.low, found.high, found.level) == pytest.approx((0.1, 0.0, 0.3, 0.95))
    paired = played({"zero": [100.0, 900.0] * 5, "ours": [101.0, 909.0] * 5, "one": [102.0, 918.0] * 5})
    even = share(paired, "ours", "zero", "one", rng=rng())
    assert (even.low, even.high) == pytest.approx((0.5, 0.5)), "stores differ, their shares do not"


def test_a_nominal_95_of_ten_stores_covers_about_90() -> None:
    draw, hits = np.random.default_rng(1), 0
    for _ in range(200):
        room = draw.gamma(4.0, 25.0, 10)
        frame = played({"zero": [1e4] * 10, "ours": 1e4 + 0.5 * room + draw.normal(0, 20, 10), "one": 1e4 + room})
        found = share(frame, "ours", "zero", "one", rng=draw, draws=500)
        hits += found.low <= 0.5 <= found.high
    assert 0.84 <= hits / 200 <= 0.96, hits / 200


def test_fewer_than_ten_stores_make_no_interval() -> None:
    frame = played({"zero": [100.0] * 9, "ours": [103.0] * 9, "one": [110.0] * 9})
    for found in (share(frame, "ours", "zero", "one", rng=rng()), headroom(frame, "zero", "one", rng=rng())):
        assert np.isnan([found.low, found.high]).all() and np.isfinite(found.estimate)
    assert not is_little(headroom(frame, "zero", "one", rng=rng()))
    assert is_little(headroom(frame.replace({"profit": {110.0: 100.5}}), "zero", "one", rng=rng()))


def test_where_the_headroom_may_be_below_one_per_cent_the_formula_is_left_alone() -> None:
    for high, little in ((1009.0, True), (1011.0, False), (990.0, True)):
        room = headroom(played({"zero": [1000.0] * 10, "one": [high] * 10}), "zero", "one", rng=rng())
        assert is_little(room) == little
    assert is_little(headroom(played({"zero": [100.0] * 10, "one": [100.0] * 9 + [200.0]}), "zero", "one", rng=rng()))


def test_no_share_of_what_is_not_surely_there() -> None:
    below = played({"zero": [100.0] * 10, "ours": [101.0] * 10, "one": [99.0] * 10})
    unsure = played({"zero": [100.0] * 10, "ours": [101.0] * 10, "one": [110.0, 92.0] * 5})
    for frame in (below, unsure):
        with pytest.raises(DataError, match=FORMULA):
            share(frame, "ours", "zero", "one", rng=rng())
    with pytest.raises(DataError, match="no measure"):
        gain(played({"zero": [-1.0, 1.0], "one": [2.0, 2.0]}), "one", "zero", rng=rng())


def test_policies_are_compared_on_the_same_stores_and_lucks() -> None:
    frame = played({"zero": [100.0, 200.0], "one": [110.0, 220.0]})
    with pytest.raises(DataError, match="nobody has played"):
        headroom(frame, "zero", "truth", rng=rng())
    with pytest.raises(DataError, match="0 twice, 1 missing"):
        headroom(frame.iloc[:-1], "zero", "one", rng=rng())
    with pytest.raises(DataError, match="1 twice"):
        headroom(pd.concat([frame, frame.iloc[:1]]), "zero", "one", rng=rng())
    with pytest.raises(DataError, match="missing"):
        headroom(frame.assign(luck=[0, 0, 1, 1]), "zero", "one", rng=rng())
    assert headroom(frame.drop(columns="luck"), "zero", "one", rng=rng()).estimate == pytest.approx(0.1)
    with pytest.raises(CallError):
        share(frame, "one", "zero", "one", seed=0)  # type: ignore[call-arg]
