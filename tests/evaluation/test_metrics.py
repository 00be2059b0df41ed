"""Metrics equal utilsforecast's where it has them; zero denominators are undefined, not zero."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import mean_poisson_deviance

from ecomlib import evaluation as ev
from ecomlib.errors import DataError
from ecomlib.evaluation.metrics import parts

peer = pytest.importorskip("utilsforecast.losses")
MODELS = ["a", "b"]


@pytest.fixture(scope="module")
def history() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    weeks = pd.date_range("2024-01-01", periods=60, freq="W-MON")
    frames = [
        pd.DataFrame({"unique_id": f"p{i}", "ds": weeks[i:], "y": rng.poisson(3 + i, len(weeks) - i).astype(float)})
        for i in range(7)
    ]
    return pd.concat(frames, ignore_index=True)


@pytest.fixture(scope="module")
def scored(history: pd.DataFrame) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    weeks = np.sort(history["ds"].unique())
    blocks = []
    for at in (40, 45, 50):
        block = history[(history["ds"] > weeks[at]) & (history["ds"] <= weeks[at + 4])].assign(cutoff=weeks[at])
        blocks.append(block)
    frame = pd.concat(blocks, ignore_index=True)
    for name in MODELS:
        frame[name] = frame["y"] * rng.uniform(0.5, 1.5, len(frame)) + rng.uniform(0.1, 2, len(frame))
        frame[f"{name}-lo-80"] = frame[name] - 2
        frame[f"{name}-hi-80"] = frame[name] + 1
    return frame


def assert_same(ours: pd.DataFrame, theirs: pd.DataFrame) -> None:
    keys = [k for k in ("cutoff", "unique_id") if k in theirs.columns]
    ours, theirs = ours.sort_values(keys), theirs.sort_values(keys)
    assert len(ours) == len(theirs) > 0
    for key in keys:
        assert list(ours[key]) == list(theirs[key])
    np.testing.assert_allclose(ours[MODELS].to_numpy(), theirs[MODELS].to_numpy(), rtol=0, atol=1e-9)


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning:pandas")  # utilsforecast takes log(0) on its way
@pytest.mark.parametrize("origins", [True, False])
def test_plain_metrics_equal_utilsforecast(scored: pd.DataFrame, origins: bool) -> None:
    frame = scored if origins else scored[scored["cutoff"] == scored["cutoff"].max()].drop(columns="cutoff")
    assert_same(ev.mae(frame, MODELS), peer.mae(frame, MODELS))
    assert_same(ev.mse(frame, MODELS), peer.mse(frame, MODELS))
    assert_same(ev.rmse(frame, MODELS), peer.rmse(frame, MODELS))
    by = ("cutoff", "unique_id") if origins else ("unique_id",)
    assert_same(ev.wape(frame, MODELS, by=by), peer.nd(frame, MODELS))
    assert_same(ev.coverage(frame, MODELS, level=80), peer.coverage(frame, MODELS, level=80))
    for q in (0.1, 0.5, 0.9):
        points = frame[
            ["unique_id", "ds", "y", *MODELS, *(["cutoff"] if origins else [])]
        ]  # the frame's ends are others
        assert_same(ev.quantile_loss(points, MODELS, q), peer.quantile_loss(points, {m: m for m in MODELS}, q=q))
    assert_same(ev.poisson_deviance(frame, MODELS), peer.tweedie_deviance(frame, MODELS, power=1))


@pytest.mark.parametrize("seasonality", [1, 13])
def test_scaled_metrics_equal_utilsforecast(scored: pd.DataFrame, history: pd.DataFrame, seasonality: int) -> None:
    for ours, theirs in ((ev.mase, peer.mase), (ev.rmsse, peer.rmsse)):
        assert_same(
            ours(scored, MODELS, train=history, seasonality=seasonality),
            theirs(scored, MODELS, seasonality=seasonality, train_df=history),
        )


def test_scale_reads_nothing_after_the_origin(scored: pd.DataFrame, history: pd.DataFrame) -> None:
    one = scored[scored["cutoff"] == scored["cutoff"].min()]
    later = history["ds"] > one["cutoff"].iloc[0]
    changed = history.assign(y=history["y"].where(~later, 1e6))
    pd.testing.assert_frame_equal(ev.rmsse(one, MODELS, train=history), ev.rmsse(one, MODELS, train=changed))
    # ... while a change before the origin does show: the comparison above is able to fail.
    earlier = history.assign(y=history["y"].where(later, history["y"] * 3))
    assert not np.allclose(ev.rmsse(one, MODELS, train=history)["a"], ev.rmsse(one, MODELS, train=earlier)["a"])


def test_poisson_deviance_equals_sklearn_and_knows_zero() -> None:
    rng = np.random.default_rng(3)
    y, f = rng.poisson(1.5, 50).astype(float), rng.uniform(0.2, 3, 50)
    frame = pd.DataFrame({"unique_id": "p", "y": y, "m": f})
    assert ev.poisson_deviance(frame, "m")["m"].item() == pytest.approx(mean_poisson_deviance(y, f), abs=1e-12)
    zeros = pd.DataFrame({"unique_id": ["a", "b"], "y": [0.0, 2.0], "m": [0.0, 0.0]})
    assert list(ev.poisson_deviance(zeros, "m")["m"]) == [0.0, np.inf]
    with pytest.raises(DataError, match="at or above zero"):
        ev.poisson_deviance(frame.assign(m=-1.0), "m")


def test_wape_pools_an_origin_and_score_averages_origins() -> None:
    frame = pd.DataFrame(
        {
            "unique_id": ["a", "b", "a", "b"],
            "ds": pd.to_datetime(["2024-01-08"] * 2 + ["2024-01-15"] * 2),
            "cutoff": pd.to_datetime(["2024-01-01"] * 2 + ["2024-01-08"] * 2),
            "y": [10.0, 0.0, 1.0, 3.0],
            "m": [8.0, 1.0, 1.0, 1.0],
        }
    )
    assert list(ev.wape(frame, "m")["m"]) == pytest.approx([0.3, 0.5])  # (2+1)/10; (0+2)/4
    assert ev.wape(frame, "m", by=())["m"].item() == pytest.approx(5 / 14)
    table = ev.score(frame, "m", ["wape"])
    assert table["value"].item() == pytest.approx(0.4)
    assert (table["series"].item(), table["origins"].item()) == (2, 2)


def test_bias_is_signed_and_pools_as_wape_does(scored: pd.DataFrame) -> None:
    frame = pd.DataFrame(
        {
            "unique_id": ["a", "b", "a", "b"],
            "cutoff": pd.to_datetime(["2024-01-01"] * 2 + ["2024-01-08"] * 2),
            "y": [10.0, 0.0, 1.0, 3.0],
            "m": [8.0, 1.0, 1.0, 1.0],
        }
    )
    assert list(ev.bias(frame, "m")["m"]) == pytest.approx([-0.1, -0.5])  # 9 of 10; 2 of 4
    assert ev.bias(frame, "m", by=())["m"].item() == pytest.approx(11 / 14 - 1)
    assert ev.score(frame, "m", ["bias"])["value"].item() == pytest.approx(-0.3)
    nothing = frame.assign(y=frame["y"].where(frame["cutoff"] == frame["cutoff"].min(), 0.0))
    assert np.isnan(ev.bias(nothing, "m")["m"].iloc[1])
    one = ev.score(nothing, "m", ["bias"])
    assert one["value"].item() == pytest.approx(-0.1) and one["undefined"].item() == 1
    by_origin = scored.groupby("cutoff")[["y", *MODELS]].sum()
    expected = by_origin[MODELS].div(by_origin["y"], axis=0) - 1
    np.testing.assert_allclose(ev.bias(scored, MODELS)[MODELS], expected, atol=1e-12)
    # An item that sold nothing counts by what was forecast for it; an unobserved row by neither.
    hidden = scored.assign(y=scored["y"].where(scored["unique_id"] != "p1"))
    pd.testing.assert_frame_equal(ev.bias(hidden, MODELS), ev.bias(hidden.dropna(subset="y"), MODELS))


def test_score_stands_bias_beside_wape(scored: pd.DataFrame, history: pd.DataFrame) -> None:
    assert list(ev.score(scored, "a", train=history)["metric"]) == ["wape", "bias", "rmsse"]


def test_score_by_hand_for_every_metric(scored: pd.DataFrame, history: pd.DataFrame) -> None:
    table = ev.score(scored, None, ev.POINT_METRICS, train=history)
    assert set(table["model"]) == set(MODELS)  # interval ends are no models
    value = table.set_index(["model", "metric"])["value"]
    for name in MODELS:  # same number of series at each origin: the average of averages is the average
        for metric, frame in {
            "mae": ev.mae(scored, name),
            "mse": ev.mse(scored, name),
            "rmse": ev.rmse(scored, name),
            "mase": ev.mase(scored, name, train=history),
            "rmsse": ev.rmsse(scored, name, train=history),
            "poisson_deviance": ev.poisson_deviance(scored, name),
            "wape": ev.wape(scored, name),
            "bias": ev.bias(scored, name),
        }.items():
            assert value[name, metric] == pytest.approx(frame[name].mean(), abs=1e-12)
    origins = ev.score(scored, None, ["wape"], by_origin=True)
    assert list(origins[origins["model"] == "b"]["value"]) == pytest.approx(list(ev.wape(scored, "b")["b"]))


def test_zero_denominators_are_undefined_and_counted(history: pd.DataFrame) -> None:
    start = pd.Timestamp("2024-01-01")
    flat = pd.DataFrame({"unique_id": "flat", "ds": pd.date_range(start, periods=61, freq="W-MON"), "y": 4.0})
    panel = pd.concat([history, flat])
    cutoff = flat["ds"].iloc[55]
    frame = panel[panel["ds"] > cutoff].assign(cutoff=cutoff, m=3.0)
    table = ev.rmsse(frame, "m", train=panel).set_index("unique_id")["m"]
    assert np.isnan(table["flat"]) and table.drop("flat").notna().all()
    total = ev.score(frame, "m", ["rmsse"], train=panel)
    assert total["value"].item() == pytest.approx(table.drop("flat").mean())
    assert total["undefined"].item() == 1
    nothing = frame.assign(y=0.0)
    assert np.isnan(ev.wape(nothing, "m")["m"].item())
    assert np.isnan(ev.score(nothing, "m", ["wape"])["value"].item())
    assert ev.score(nothing, "m", ["wape"])["undefined"].item() == 1
    # an item that sold nothing still counts by its errors
    some = frame.assign(y=frame["y"].where(frame["unique_id"] != "p0", 0.0))
    assert ev.score(some, "m", ["wape"])["value"].item() == pytest.approx((some["y"] - 3).abs().sum() / some["y"].sum())


def test_quantiles_and_intervals_are_read_in_any_spelling(scored: pd.DataFrame) -> None:
    frame = scored[["unique_id", "ds", "cutoff", "y", "a"]].assign(
        **{"a-q0.1": scored["a"] - 2, "a-q0.9": scored["a"] + 1}
    )
    pd.testing.assert_frame_equal(ev.coverage(frame, "a", 80), ev.coverage(scored, "a", 80))
    by_name = ev.quantile_loss(frame, "a", 0.9)
    pd.testing.assert_frame_equal(by_name, ev.quantile_loss(scored, "a", 0.9))  # the end of the 80 % interval
    by_hand = ev.quantile_loss(frame.assign(a=frame["a-q0.9"]).drop(columns="a-q0.9"), "a", 0.9)
    pd.testing.assert_frame_equal(by_name, by_hand)
    assert not np.allclose(by_name["a"], ev.quantile_loss(frame, "a", 0.75)["a"]), (
        "0.75 is not there: the point is read"
    )
    with pytest.raises(DataError, match=r"no 90 % interval of 'a'.*quantile 0\.1.*split_conformal"):
        ev.coverage(frame, "a", 90)


def test_unobserved_rows_are_left_out_and_missing_forecasts_refused(scored: pd.DataFrame) -> None:
    hidden = scored.copy()
    hidden.loc[hidden.index[::3], "y"] = np.nan
    pd.testing.assert_frame_equal(ev.mae(hidden, MODELS), ev.mae(hidden.dropna(), MODELS))
    with pytest.raises(DataError, match=r"'p0'.*fallback"):
        ev.mae(scored.assign(a=scored["a"].where(scored["unique_id"] != "p0")), "a")
    with pytest.raises(DataError, match="column 'c'"):
        ev.wape(scored, "c")
    with pytest.raises(DataError, match="no row with a known y"):
        ev.wape(scored.assign(y=np.nan), "a")
    with pytest.raises(DataError, match="'smape'"):
        ev.score(scored, "a", ["smape"])
    with pytest.raises(DataError, match="train="):
        ev.score(scored, "a", ["rmsse"])
    with pytest.raises(DataError, match="between 0 and 1"):
        ev.quantile_loss(scored, "a", 90)


def test_parts_hold_where_a_series_is_absent_at_an_origin(scored: pd.DataFrame) -> None:
    gone = scored[(scored["unique_id"] != "p3") | (scored["cutoff"] != scored["cutoff"].min())]
    p = parts(gone, MODELS, "mae")
    assert p.denominator.shape == (7, 3) and p.denominator.sum() == 20
    assert p.numerator[:, p.series.index("p3"), 0].tolist() == [0.0, 0.0]


def test_an_infinite_end_holds_every_value_and_a_missing_one_is_an_error() -> None:
    frame = pd.DataFrame({"unique_id": "a", "ds": pd.date_range("2024-01-01", periods=4), "y": [1.0, 2.0, 3.0, 4.0]})
    frame = frame.assign(**{"m-lo-90": [0.0, -np.inf, 3.5, 0.0], "m-hi-90": [np.inf, 9.0, np.inf, 3.0]})
    assert ev.coverage(frame, "m")["m"].item() == 0.5
    with pytest.raises(DataError, match="missing or infinite"):
        ev.coverage(frame.assign(**{"m-hi-90": np.nan}), "m")
