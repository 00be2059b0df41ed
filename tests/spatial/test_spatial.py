"""Regions on a map: who neighbours whom, what is known when, and networks that read maps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from ecomlib import load_store
from ecomlib.errors import DataError, MissingTableError
from ecomlib.panel import make_panel
from ecomlib.spatial import (
    DayWindows,
    Levels,
    RegionDays,
    day_split,
    lag_features,
    morans_i,
    permutation_test,
    ridge_forecast,
    row_normalised,
    spatial_lag,
)
from ecomlib.spatial.networks import (
    ConvGRUCell,
    ConvGRUForecaster,
    RegionAttention,
    SpaceSettings,
    fit_space,
    predict_space,
)

GRID = np.array([(row, column) for row in range(3) for column in range(4)])


def travelling(days: int = 240, seed: int = 0) -> RegionDays:
    """Counts on a 3 x 4 map whose west column leads: each other column repeats its western neighbour a day later."""
    rng = np.random.default_rng(seed)
    mood = np.zeros((days, 3, 4))
    for day in range(1, days):
        mood[day, :, 0] = 0.8 * mood[day - 1, :, 0] + rng.normal(0, 0.3, 3)
        mood[day, :, 1:] = mood[day - 1, :, :-1]
    dates = pd.date_range("2024-01-01", periods=days)
    week = np.array([1.2, 0.9, 0.9, 0.9, 1.0, 1.2, 0.9])[dates.dayofweek]
    units = rng.poisson(60 * week[:, None] * np.exp(mood.reshape(days, 12)))
    return RegionDays(dates, np.array([f"R{k:02d}" for k in range(12)]), ("",), units[:, :, None].astype(float), GRID)


def parts(maps: RegionDays, look_back: int = 6) -> tuple[DayWindows, ...]:
    origins = day_split(len(maps.days), 28, 2)
    levels = Levels.fit(maps, int(origins[0][-1]) + 2, window=28)
    return tuple(levels.windows(maps, part, look_back, 2) for part in origins)


def test_morans_i_by_hand() -> None:
    line = np.abs(np.subtract.outer(np.arange(5), np.arange(5))) == 1
    z = np.array([1.0, 2.0, 3.0, 4.0, 6.0]) - 3.2
    lag = np.array([z[1], (z[0] + z[2]) / 2, (z[1] + z[3]) / 2, (z[2] + z[4]) / 2, z[3]])
    assert morans_i(z + 3.2, line.astype(float)) == pytest.approx((z @ lag) / (z @ z), rel=1e-12)
    chess = np.array([1.0, -1.0, -1.0, 1.0])
    square = np.array([[0, 1, 1, 0], [1, 0, 0, 1], [1, 0, 0, 1], [0, 1, 1, 0]], dtype=float)
    assert morans_i(chess, square) == pytest.approx(-1)  # every neighbour is the opposite
    assert morans_i(chess, square + 5 * np.eye(4)) == pytest.approx(-1)  # nobody is his own neighbour
    assert np.isnan(morans_i(np.ones(4), square))


def test_the_mean_of_morans_i_over_all_arrangements_is_minus_one_over_r_minus_one() -> None:
    """A known reference: under random labelling E[I] = -1 / (R - 1) (Cliff and Ord, 1973)."""
    from itertools import permutations

    weights = np.zeros((5, 5))
    for a, b in ((0, 1), (1, 2), (2, 3), (1, 4)):
        weights[a, b] = weights[b, a] = 1
    values = np.array([3.0, 1.0, 4.0, 1.5, 9.0])
    every = np.array([values[list(order)] for order in permutations(range(5))])
    assert morans_i(every, weights).mean() == pytest.approx(-1 / 4, abs=1e-12)


def test_a_permutation_test_rejects_what_it_should_and_only_that() -> None:
    """Under no neighbourhood p is uniform: of 200 tests at 10 %, 20 ± 4 standard errors reject."""
    maps, rng = travelling(), np.random.default_rng(1)
    real, wrong, p = permutation_test(np.log(maps.units[:, :, 0] + 1), maps.weights(), rng, 199)
    assert p == pytest.approx(1 / 200) and real > wrong.max()
    found = [permutation_test(rng.normal(size=(4, 12)), maps.weights(), rng, 19)[2] for _ in range(200)]
    assert abs(np.mean(np.array(found) <= 0.1) - 0.1) < 4 * np.sqrt(0.1 * 0.9 / 200)


def test_neighbours_share_an_edge_and_a_lag_is_their_mean() -> None:
    weights = travelling(30).weights()
    assert weights.sum() == 2 * (3 * 3 + 2 * 4) and not weights.diagonal().any() and (weights == weights.T).all()
    values = np.arange(12.0)
    assert spatial_lag(values, weights)[0] == (1 + 4) / 2 and spatial_lag(values, weights)[5] == (1 + 9 + 4 + 6) / 4
    assert row_normalised(np.zeros((2, 2))).tolist() == [[0, 0], [0, 0]]


def test_a_store_becomes_maps_that_agree_with_its_panel() -> None:
    shop = load_store("tiny").observed()
    maps = RegionDays.from_store(shop, restore=False)
    panel = make_panel(shop, freq="D", by=("region_id",))
    assert maps.shape == (3, 3) and maps.kinds == ("",)
    assert maps.units.sum() == panel["y"].sum() == shop.orders["quantity"].sum()
    row = panel[(panel["unique_id"] == "R05") & (panel["ds"] == maps.days[50])]["y"].item()
    assert maps.units[50, 4, 0] == row and maps.ids()[4, 0] == "R05"
    both = RegionDays.from_store(shop, ("region_id", "category"), restore=False)
    np.testing.assert_array_equal(both.units.sum(axis=2), maps.units[:, :, 0])
    assert set(both.ids().ravel()) == set(make_panel(shop, freq="D", by=("region_id", "category"))["unique_id"])
    assert (RegionDays.from_store(shop).units >= maps.units).all()  # what empty shelves hid is put back
    with pytest.raises(MissingTableError, match="regions"):
        RegionDays.from_store(replace(shop, regions=None))


def test_without_places_there_is_no_map_but_attention() -> None:
    maps = replace(travelling(), places=None)
    for ask in (lambda: maps.shape, maps.weights, lambda: maps.permuted(np.random.default_rng(0))):
        with pytest.raises(DataError, match="no places on a grid"):
            ask()
    train, stop, test = parts(maps)
    network = fit_space(RegionAttention, maps, train, stop, SpaceSettings(epochs=1))
    assert predict_space(network, test).shape == test.y.shape


def test_a_wrong_map_moves_places_only() -> None:
    maps = travelling()
    wrong = maps.permuted(np.random.default_rng(3))
    assert sorted(map(tuple, wrong.spots)) == sorted(map(tuple, maps.spots))
    assert (wrong.spots != maps.spots).any() and wrong.units is maps.units


def test_what_comes_after_the_origin_cannot_be_seen() -> None:
    maps = travelling()
    later = maps.units.copy()
    later[180:] = np.random.default_rng(0).permutation(later[180:])
    other = replace(maps, units=later)
    origins = np.arange(60, 180)
    for window in (Levels.fit(maps, 179), Levels.fit(other, 179)):
        here, there = window.windows(maps, origins), window.windows(other, origins)
        np.testing.assert_array_equal(here.z, there.z)
        np.testing.assert_array_equal(here.base, there.base)
    np.testing.assert_array_equal(Levels.fit(maps, 179).weekday, Levels.fit(other, 179).weekday)
    assert np.isnan(Levels.fit(maps, 179).windows(maps, [239]).y).all()  # after the last day nothing is known
    with pytest.raises(DataError, match="fewer days before it"):
        Levels.fit(maps, 179).windows(maps, [20])


def test_the_parts_share_no_target_day() -> None:
    for days, first in ((728, 56), (182, 56), (121, 13)):
        train, stop, test = day_split(days, first, 3, 3)
        assert train[0] == first and train[-1] + 3 < stop[0] + 1 and stop[-1] + 3 < test[0] + 1
        assert test[-1] + 3 <= days - 1


def test_a_level_forecast_is_exact_where_nothing_but_the_weekday_moves() -> None:
    days = pd.date_range("2024-01-01", periods=120)
    units = np.repeat(np.where(days.dayofweek == 5, 20.0, 10.0)[:, None, None], 12, axis=1)
    maps = RegionDays(days, np.arange(12).astype(str), ("",), units, GRID)
    windows = Levels.fit(maps, 90).windows(maps, np.arange(60, 110))
    np.testing.assert_allclose(windows.base, windows.y, rtol=1e-12)
    np.testing.assert_allclose(windows.z, 0, atol=1e-12)


def test_linear_models_read_whom_they_say() -> None:
    maps = travelling()
    windows = parts(maps)[0]
    own, beside, every = (lag_features(windows, maps, reads, 2) for reads in ("own", "neighbours", "all"))
    assert own.shape[2:] == (2,) and beside.shape[2:] == (10,) and every.shape[2:] == (24,)
    np.testing.assert_array_equal(own[:, 5], windows.z[:, -2:, 5, 0])
    np.testing.assert_array_equal(beside[:, 5, 2:4], own[:, 4])  # west
    np.testing.assert_array_equal(beside[:, 5, 4:6], own[:, 6])  # east
    np.testing.assert_array_equal(beside[:, 5, 6:8], own[:, 1])  # north
    assert not beside[:, 4, 2:4].any()  # beyond the western edge
    np.testing.assert_array_equal(every[:, 0], every[:, 11])


def test_the_cell_is_a_gru_in_each_region_when_its_kernel_is_one() -> None:
    """With kernel 1 the cell is the GRU of the 2014 paper, region by region; written out here."""
    cell = ConvGRUCell(2, 3, kernel=1).double()
    x, h = torch.randn(4, 2, 3, 5).double(), torch.randn(4, 3, 3, 5).double()
    (w, b), g, u = (
        (cell.read.weight[:, :, 0, 0], cell.read.bias),
        cell.gates.weight[:, :, 0, 0],
        cell.new.weight[:, :, 0, 0],
    )
    a, s = x[:, :, 1, 2], h[:, :, 1, 2]
    z, r = torch.sigmoid(a @ w[:3].T + b[:3] + s @ g[:3].T), torch.sigmoid(a @ w[3:6].T + b[3:6] + s @ g[3:].T)
    expected = (1 - z) * s + z * torch.tanh(a @ w[6:].T + b[6:] + (r * s) @ u.T)
    torch.testing.assert_close(cell(x, h)[:, :, 1, 2], expected, rtol=1e-12, atol=1e-12)


def test_a_days_news_travels_one_region_a_convolution() -> None:
    cell = ConvGRUCell(1, 2, kernel=3)
    x = torch.zeros(1, 1, 5, 5)
    x[0, 0, 2, 2] = 1
    zero = torch.zeros(1, 2, 5, 5)
    moved = (cell(x, zero) - cell(torch.zeros_like(x), zero)).abs().sum(1)[0] > 0
    assert moved[1:4, 1:4].all() and moved.sum() == 9


def test_regions_are_laid_out_at_their_places() -> None:
    """Renaming the regions and their places together changes nothing but the order of the answer."""
    maps, settings = travelling(), SpaceSettings(hidden=4)
    order = np.random.default_rng(0).permutation(12)
    renamed = replace(maps, places=maps.spots[order])
    torch.manual_seed(0)
    first = ConvGRUForecaster(maps, 2, settings)
    second = ConvGRUForecaster(renamed, 2, settings)
    second.load_state_dict({**first.state_dict(), "cell": second.cell})
    z = torch.randn(3, 5, 12, 1)
    torch.testing.assert_close(second(z[:, :, order]), first(z)[:, :, order])
    far = replace(maps, places=maps.spots * 2)  # a map with holes
    assert ConvGRUForecaster(far, 2, settings)(z).shape == (3, 2, 12, 1)


def test_attention_weights_are_shares_and_depend_on_who_and_what() -> None:
    maps = travelling()
    torch.manual_seed(0)
    network = RegionAttention(maps, 2, SpaceSettings(hidden=4))
    state = network.encode(torch.randn(3, 5, 12, 1))
    weights = network.attend(state)
    assert weights.shape == (3, 12, 12) and (weights >= 0).all()
    torch.testing.assert_close(weights.sum(-1), torch.ones(3, 12))
    assert not torch.allclose(weights[0], weights[1])


@pytest.mark.parametrize("make", [ConvGRUForecaster, RegionAttention])
def test_training_begins_at_the_level_repeats_itself_and_leaves_torch_alone(make: type[nn.Module]) -> None:
    maps = travelling()
    train, stop, test = parts(maps)
    before = torch.random.get_rng_state()
    first, second = (predict_space(fit_space(make, maps, train, stop, SpaceSettings(epochs=2)), test) for _ in "ab")
    np.testing.assert_array_equal(first, second)
    assert torch.equal(before, torch.random.get_rng_state())
    other = predict_space(fit_space(make, maps, train, stop, SpaceSettings(epochs=2, seed=1)), test)
    assert not np.allclose(first, other)
    still = fit_space(make, maps, train, stop, SpaceSettings(epochs=1, lr=1e-12))
    np.testing.assert_allclose(predict_space(still, test), test.base, rtol=1e-5)
    with pytest.raises(DataError, match="overlap"):
        fit_space(make, maps, test, stop)


def test_days_that_are_not_known_do_not_count() -> None:
    maps = travelling()
    train, stop, test = parts(maps)
    y = train.y.copy()
    y[::2] = np.nan
    half = train._replace(y=y)
    kept = train._replace(**{name: getattr(train, name)[1::2] for name in train._fields})
    one = SpaceSettings(epochs=1, batch=10_000)
    with_gaps, without = (
        predict_space(fit_space(ConvGRUForecaster, maps, part, stop, one), test) for part in (half, kept)
    )
    np.testing.assert_allclose(with_gaps, without, rtol=1e-4)


def test_who_reads_the_map_forecasts_what_travels_and_a_wrong_map_does_not_help() -> None:
    """Two days ahead the east repeats what the west shows today: neighbours must beat a region's own past by far."""
    maps = travelling(420)
    train, stop, test = parts(maps)
    east = maps.spots[:, 1] >= 2

    def error(said: np.ndarray) -> float:
        return float(((said - test.y) ** 2)[:, 1, east].mean())

    own = error(ridge_forecast(train, test, maps, "own"))
    every = error(ridge_forecast(train, test, maps, "all", lags=3))
    settings = SpaceSettings(epochs=15)
    real = error(predict_space(fit_space(ConvGRUForecaster, maps, train, stop, settings), test))
    alone = error(predict_space(fit_space(ConvGRUForecaster, maps, train, stop, replace(settings, kernel=1)), test))
    wrong = maps.permuted(np.random.default_rng(5))
    lost = error(predict_space(fit_space(ConvGRUForecaster, wrong, train, stop, settings), test))
    assert every < 0.7 * own and real < 0.8 * alone and real < lost
    pooled = error(ridge_forecast(train, test, maps, "own", pooled=True))
    assert abs(pooled / own - 1) < 0.3


def test_settings_that_make_no_sense_are_refused() -> None:
    for wrong in ({"kernel": 2}, {"hidden": 0}, {"epochs": 0}):
        with pytest.raises(DataError, match="a middle"):
            SpaceSettings(**wrong)
