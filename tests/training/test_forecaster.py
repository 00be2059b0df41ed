"""Networks as forecasters: they stand in a backtest, see no future, average their seeds, and survive a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import ecomlib.training.forecaster as module
from ecomlib.contract import REGISTERED, FittedForecaster, register, rolling_origins
from ecomlib.errors import DataError, LeakageError
from ecomlib.features import calendar, last_year
from ecomlib.forecasting import backtest
from ecomlib.forecasting.registry import forecaster
from ecomlib.forecasting.storage import load, save
from ecomlib.models import NETWORKS, GRUNetwork, Network, NetworkSettings, network_class
from ecomlib.training import NetworkForecaster, TrainSettings
from ecomlib.windowing import WindowSettings
from ecomlib.windows import WindowSet

NETS = sorted(NETWORKS)
SHAPE = WindowSettings(look_back=8, scale="mean_abs")
FUTURE = WindowSettings(
    look_back=8,
    past=("y", "orders"),
    future=("week_sin", "week_cos", "last_year", "last_year_known", "price"),
)
QUICK = TrainSettings(epochs=3, batch_size=32, device="cpu")
SMALL = {"hidden": 8}
WEEKS = pd.date_range("2021-01-04", periods=40, freq="W-MON")


def make_frame(series: int = 6) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    parts = []
    for k in range(series):
        weeks = WEEKS[3 * k :]  # younger and younger
        level = 5 + 4 * k + 3 * np.sin(np.arange(len(weeks)) / 3 + k)
        parts.append(pd.DataFrame({"unique_id": f"p{k}", "ds": weeks, "y": rng.poisson(level).astype(float)}))
    panel = pd.concat(parts, ignore_index=True)
    return panel.assign(orders=np.ceil(panel["y"] / 2), price=rng.uniform(1, 2, len(panel)))


@pytest.mark.parametrize("net", NETS)
def test_it_stands_in_a_backtest(net: str) -> None:
    panel = make_frame()
    scored = backtest(panel, NetworkForecaster(net, FUTURE, QUICK, options=SMALL), 2, 2)
    assert len(scored) == 2 * 2 * 6 and (scored[net] >= 0).all()
    assert scored.attrs["point"] == {net: "median"}


def test_shuffling_what_comes_after_the_origin_changes_nothing() -> None:
    panel = make_frame()
    origin = rolling_origins(panel, 2, 1)
    model = NetworkForecaster("gru", FUTURE, replace(QUICK, valid_periods=4), options=SMALL)
    before = backtest(panel, model, origin, 2)
    late = panel["ds"] > origin[0]
    spoilt = panel.copy()
    spoilt.loc[late, ["y", "orders"]] = np.random.default_rng(2).permutation(spoilt.loc[late, ["y", "orders"]]) * 50 + 7
    after = backtest(spoilt, model, origin, 2)
    assert not np.allclose(after["y"], before["y"])
    np.testing.assert_array_equal(after["gru"], before["gru"])
    # And the price plan, which is known, does have a say: the test can fail.
    plan = panel.copy()
    plan.loc[late, "price"] += 3
    assert not np.allclose(backtest(plan, model, origin, 2)["gru"], before["gru"])


def test_validation_comes_after_training_and_both_before_the_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {}

    def spy(model: object, train: WindowSet, valid: WindowSet | None, settings: TrainSettings) -> None:
        seen.update(train=train.frame(), valid=None if valid is None else valid.frame())

    monkeypatch.setattr(module, "fit", spy)
    panel = make_frame()
    NetworkForecaster("gru", SHAPE, replace(QUICK, valid_periods=4)).fit(panel, 2, until=WEEKS[-3])
    assert seen["train"]["ds"].max() == WEEKS[-3 - 4]
    assert seen["valid"]["ds"].min() == WEEKS[-3 - 3] and seen["valid"]["ds"].max() == WEEKS[-3]
    NetworkForecaster("gru", SHAPE, QUICK).fit(panel, 2, until=WEEKS[-3])
    assert seen["valid"] is None and seen["train"]["ds"].max() == WEEKS[-3]


def test_seeds_are_averaged_and_the_young_get_their_mean() -> None:
    baby = pd.DataFrame({"unique_id": "zz", "ds": WEEKS[-4:], "y": [6.0, 8.0, 1.0, 1.0]})
    panel = pd.concat([make_frame(3)[["unique_id", "ds", "y"]], baby], ignore_index=True)
    shape = replace(SHAPE, least_history=3)
    options = {**SMALL, "head": "quantile", "quantiles": (0.1, 0.5, 0.9)}
    one, two, both = (
        NetworkForecaster("gru", shape, QUICK, seeds, options).fit(panel, 2, until=WEEKS[-3]).forecast(at=WEEKS[-3])
        for seeds in ((0,), (1,), (0, 1))
    )
    columns = ["gru", "gru-q0.1", "gru-q0.5", "gru-q0.9"]
    assert list(both.columns) == ["unique_id", "ds", "cutoff", *columns] and (both["gru"] == both["gru-q0.5"]).all()
    np.testing.assert_allclose(both[columns], (one[columns] + two[columns]) / 2, rtol=1e-6)
    assert not np.allclose(one["gru"], two["gru"])
    assert (both["gru"].iloc[-2:] == 7.0).all() and (both["gru-q0.9"].iloc[-2:] == 7.0).all()
    assert (both["cutoff"] == WEEKS[-3]).all()


def test_text_reaches_the_network() -> None:
    panel = make_frame(3)
    vectors = {f"p{k}": np.eye(4)[k] for k in range(3)}
    shuffled = {f"p{k}": np.eye(4)[2 - k] for k in range(3)}
    found = [
        NetworkForecaster("gru", SHAPE, QUICK, options=SMALL, text=text).fit(panel, 2).forecast()["gru"]
        for text in (vectors, shuffled, pd.DataFrame.from_dict(vectors, orient="index"))
    ]
    assert not np.allclose(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


def test_plain_keywords_go_where_they_belong() -> None:
    made = forecaster(
        "transformer",
        look_back=12,
        future="price",
        static=["category"],
        epochs=7,
        hidden=16,
        attention_heads=2,
        quantiles=[0.2, 0.5],
        seed=3,
    )
    assert isinstance(made, NetworkForecaster) and made.label == "transformer"
    assert made.window == replace(module.WINDOW, look_back=12, future=("price",), static=("category",))
    assert made.train == replace(module.TRAIN, epochs=7) and made.seeds == (3,)
    assert made.options == {**module.OPTIONS, "hidden": 16, "attention_heads": 2, "quantiles": (0.2, 0.5)}
    assert made.known_ahead == ("price",)
    whole = forecaster("gru", window=SHAPE, train=QUICK, options=SMALL, seeds=(1, 2), look_back=5)
    assert whole == NetworkForecaster("gru", replace(SHAPE, look_back=5), QUICK, (1, 2), SMALL)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"epoch": 3}, r"'gru' has no setting 'epoch'.*did you mean epochs"),
        ({"zzz": 3}, r"'gru' has no setting 'zzz'.*of the window \(look_back.*training \(epochs.*network \(hidden"),
        ({"h": 3}, r"fit\(panel, horizon=4\)"),
        ({"input_size": 3}, "it is called look_back here"),
        ({"max_steps": 3}, "it is called epochs here"),
        ({"learning_rate": 3}, "it is called lr here"),
        ({"lr_scheduler": 3}, "it is called schedule here"),
        ({"epochs": 1.5}, "'epochs' of TrainSettings is a whole number"),
        ({"device": "gpu"}, "there is no such device.*device=.auto."),
        ({"hidden": "64"}, "'hidden' of NetworkSettings is a whole number"),
        ({"loss": "mae"}, "it is called head here"),
        ({"feed_forward": 3}, "has no setting 'feed_forward'"),  # the Transformer's
        ({"horizon": 3}, r"hand it to fit: fit\(panel, horizon=4\)"),
        ({"head": "median"}, "no such head"),
        ({"hidden": 0}, "hidden must be at least 1"),
        ({"seeds": ()}, "seeds are needed"),
        ({"options": {"seed": 1}}, "'seed' is no option of the network here"),
        ({"options": {"past": 1}}, "'past' is no option of the network here"),
        ({"options": {"kernel": 1}}, "has no setting 'kernel'"),
        ({"future": ("y",)}, "not known ahead of time"),
    ],
)
def test_what_cannot_be_is_said_when_it_is_made(settings: dict[str, object], sentence: str) -> None:
    with pytest.raises((DataError, LeakageError), match=sentence):
        forecaster("gru", **settings)


def test_the_defaults_serve_a_plain_weekly_panel() -> None:
    panel = make_frame()[["unique_id", "ds", "y"]]
    frame = forecaster("gru").fit(panel, 4).forecast()
    assert list(frame.columns[3:]) == ["gru", *(f"gru-q{q:g}" for q in (0.1, 0.25, 0.5, 0.75, 0.9))]
    assert len(frame) == 4 * 6 and frame.attrs["point"] == {"gru": "median"}


@pytest.mark.parametrize(
    ("options", "scale", "point"),
    [
        ({"head": "absolute"}, "log1p_shift", "median"),
        ({"head": "quantile"}, "log1p_shift", "median"),
        ({"head": "quantile", "quantiles": (0.1, 0.9)}, "log1p_shift", "neither"),
        ({"head": "squared"}, "log1p_shift", "neither"),
        ({"head": "squared"}, "log1p_mean", "neither"),
        ({"head": "squared"}, "mean_abs", "mean"),
        ({"head": "squared"}, "none", "mean"),
        ({"head": "poisson"}, "mean_abs", "mean"),
        ({"head": "negative_binomial"}, "none", "mean"),
        ({"head": "yes_no"}, "none", "mean"),
    ],
)
def test_it_says_what_its_point_is(options: dict[str, object], scale: str, point: str) -> None:
    assert NetworkForecaster("gru", replace(SHAPE, scale=scale), options=options).point == point


def test_a_probability_is_a_point() -> None:
    panel = make_frame()
    panel = panel.assign(y=(panel["y"] > 10).astype(float))
    model = NetworkForecaster("gru", replace(SHAPE, scale="none"), QUICK, options={**SMALL, "head": "yes_no"})
    frame = model.fit(panel, 2).forecast()
    assert list(frame.columns[3:]) == ["gru"] and frame["gru"].between(0, 1).all()


def test_a_probability_of_amounts_is_refused() -> None:
    model = NetworkForecaster("gru", replace(SHAPE, scale="none"), QUICK, options={**SMALL, "head": "yes_no"})
    with pytest.raises(DataError, match=r"column 'y': .*y must be 0 or 1"):
        model.fit(make_frame(), 2)


def test_calendar_and_last_year_are_made_or_were_made_alike() -> None:
    panel = make_frame()
    model = NetworkForecaster("gru", FUTURE, QUICK, options=SMALL)
    assert model.known_ahead == ("price",)
    expected = model.fit(panel, 2, until=WEEKS[-3]).forecast(at=WEEKS[-3])
    brought = panel.assign(**calendar(panel)[["week_sin", "week_cos"]], last_year=last_year(panel)["last_year"])
    same = model.fit(brought, 2, until=WEEKS[-3]).forecast(at=WEEKS[-3])
    pd.testing.assert_frame_equal(same, expected)
    # A calendar of one's own cannot be made for the weeks ahead: one says that the panel knows it.
    own = brought.assign(week_sin=0.5)
    with pytest.raises(DataError, match=r"'week_sin' is not what ecomlib makes.*also_known"):
        model.fit(own, 2, until=WEEKS[-3])
    vouched = replace(model, window=replace(FUTURE, also_known=("week_sin",)))
    assert vouched.known_ahead == ("week_sin", "price")
    first = vouched.fit(own, 2, until=WEEKS[-3])
    later = own.assign(week_sin=np.where(own["ds"] > WEEKS[-3], -3.0, 0.5))
    assert not np.allclose(first.forecast(at=WEEKS[-3])["gru"], first.forecast(later, WEEKS[-3])["gru"])


def test_levels_of_static_columns_are_those_that_were_learnt() -> None:
    panel = make_frame(4).assign(category=lambda frame: frame["unique_id"].str.replace("p", "c"))
    shape = replace(SHAPE, static=("category",))
    fitted = NetworkForecaster("gru", shape, QUICK, options=SMALL).fit(panel, 2)
    alone = panel[panel["unique_id"] == "p2"]  # in this panel its category would be the first of one
    pd.testing.assert_frame_equal(
        fitted.forecast(alone), fitted.forecast().loc[lambda f: f["unique_id"] == "p2"].reset_index(drop=True)
    )
    stranger = alone.assign(category="a")  # sorts before all that were learnt
    assert not np.allclose(fitted.forecast(stranger)["gru"], fitted.forecast(alone)["gru"])


def test_a_history_shorter_than_the_validation_part_is_named() -> None:
    panel = make_frame(1).head(5)
    with pytest.raises(DataError, match="5 periods cannot leave 6 for validation"):
        NetworkForecaster("gru", SHAPE, replace(QUICK, valid_periods=6)).fit(panel, 2)


def same_after_a_file(fitted: FittedForecaster, panel: pd.DataFrame, folder: Path) -> FittedForecaster:
    again = load(save(fitted, folder))
    pd.testing.assert_frame_equal(again.forecast(panel), fitted.forecast(panel), check_exact=True)
    assert again.point == fitted.point and again.horizon == fitted.horizon
    return again


@pytest.mark.parametrize("net", NETS)
def test_it_survives_a_file(net: str, tmp_path: Path) -> None:
    panel = make_frame(4).assign(category=lambda frame: np.where(frame["unique_id"] > "p1", "late", "early"))
    panel = panel[panel["ds"] <= WEEKS[-3]]
    text = {f"p{k}": np.eye(4)[k] for k in range(4)}
    model = forecaster(
        net, window=replace(SHAPE, static=("category",)), train=QUICK, seeds=(0, 4), hidden=8, text=text, layers=2
    )
    fitted = model.fit(panel, 2)
    assert not any(network.training for network in fitted.learned["networks"])
    again = same_after_a_file(fitted, panel, tmp_path / "kept")
    assert again.forecaster == fitted.forecaster
    frame = pd.DataFrame.from_dict(text, orient="index")
    same_after_a_file(replace(model, text=frame).fit(panel, 2), panel, tmp_path / "frame")
    with pytest.raises(DataError, match="1 series have no text vector"):
        again.forecast(pd.concat([panel, panel[panel["unique_id"] == "p0"].assign(unique_id="new")]))


def test_count_heads_keep_their_ranges_in_a_file(tmp_path: Path) -> None:
    panel = make_frame()
    window = replace(FUTURE, scale="mean_abs")
    model = NetworkForecaster("gru", window, QUICK, options={**SMALL, "head": "negative_binomial"})
    fitted = model.fit(panel, 2, until=WEEKS[-3])
    assert torch.isfinite(fitted.learned["networks"][0].range.highest).all()
    now = panel.assign(y=panel["y"].where(panel["ds"] <= WEEKS[-3]))  # the plan's prices go further than the sales
    same_after_a_file(fitted, now, tmp_path / "counts")


class Plain(Network):
    kind = "plain_rnn"

    def make_encoder(self, settings: NetworkSettings) -> nn.Module:
        return nn.RNN(settings.past + 1, settings.hidden, batch_first=True)


@pytest.fixture
def registered() -> Iterator[None]:
    before = dict(REGISTERED)
    register(Plain)
    yield
    REGISTERED.clear()
    REGISTERED.update(before)


def test_a_network_from_outside_is_a_forecaster_by_its_name(registered: None, tmp_path: Path) -> None:
    panel = make_frame()
    fitted = forecaster("plain_rnn", hidden=8, epochs=1, device="cpu").fit(panel, 2)
    assert "plain_rnn-q0.9" in same_after_a_file(fitted, panel, tmp_path / "own").forecast(panel).columns


def test_a_class_forecasts_too_and_is_told_to_register_before_it_is_saved(tmp_path: Path) -> None:
    fitted = NetworkForecaster(Plain, SHAPE, QUICK, options=SMALL).fit(make_frame(), 2)
    assert fitted.forecast()["plain_rnn"].notna().all()
    with pytest.raises(DataError, match=r"Plain is not registered.*@ecomlib\.register"):
        save(fitted, tmp_path / "own")

    class Mine(GRUNetwork):
        pass

    with pytest.raises(DataError, match="Mine is not registered"):
        save(NetworkForecaster(Mine, SHAPE, QUICK, options=SMALL).fit(make_frame(), 2), tmp_path / "mine")


def test_a_network_checks_its_options_against_the_look_back_that_is_meant() -> None:
    """Neither a trial value nor the default's look-back is what its own checks meet."""

    @dataclass(frozen=True)
    class Divided(NetworkSettings):
        parts: int = 3

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.look_back is not None and self.look_back % self.parts:
                raise DataError("look_back must be a multiple of parts", value=(self.look_back, self.parts))

    class Parted(Plain):
        Settings = Divided

    made = NetworkForecaster.make(Parted, look_back=12, parts=4)
    assert (made.window.look_back, made.options["parts"], made.point) == (12, 4, "median")
    with pytest.raises(DataError, match="multiple of parts"):
        NetworkForecaster.make(Parted, look_back=12, parts=5)


def test_an_option_that_no_keyword_could_reach_is_refused() -> None:
    @dataclass(frozen=True)
    class Hiding(NetworkSettings):
        epochs: int = 3

    class Hidden(Plain):
        Settings = Hiding

    with pytest.raises(DataError, match=r"of Hidden has the name of a setting of the training \(found 'epochs'\)"):
        NetworkForecaster.make(Hidden)


@pytest.mark.parametrize("use", [forecaster, network_class, NetworkForecaster])
def test_a_class_with_the_name_of_a_packaged_network_is_refused(registered: None, use: Callable[[str], object]) -> None:
    register(type("Other", (Plain,), {"kind": "gru"}))
    with pytest.raises(DataError, match=r"has the name of one of ecomlib's \(found 'gru'\).*rename .*Other"):
        use("gru")


def test_the_forecast_of_a_quantile_head_is_its_median_wherever_it_stands() -> None:
    weeks = pd.date_range("2023-01-02", periods=40, freq="7D")
    panel = pd.DataFrame({"unique_id": "mug", "ds": weeks, "y": np.arange(40.0) % 5})
    quick = {"epochs": 1, "hidden": 4, "look_back": 8}
    uneven = forecaster("gru", quantiles=(0.05, 0.5, 0.75, 0.9, 0.95), **quick)
    made = uneven.fit(panel, 2).forecast()
    assert uneven.point == "median" and (made["gru"] == made["gru-q0.5"]).all()
    without = forecaster("gru", quantiles=(0.1, 0.4, 0.9), **quick)
    made = without.fit(panel, 2).forecast()
    assert without.point == "neither" and (made["gru"] == made["gru-q0.4"]).all()
