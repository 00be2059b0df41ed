"""Regions on a map: who neighbours whom, what is known when, and networks that read maps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from ecomlib import load_store
from ecomlib.errors import DataError, LeakageError, MissingTableError
from ecomlib.panel import make_panel
from ecomlib.spatial import (
    Levels,
    MapSettings,
    MapWindows,
    RegionDays,
    RegionRidge,
    day_split,
    lag_features,
    links,
    morans_i,
    permutation_test,
    row_normalised,
    spatial_lag,
)
from ecomlib.spatial.networks import (
    MAP_TRAINING,
    ConvGRUCell,
    MapNetwork,
    MapNetworkSettings,
    make_map_network,
)
from ecomlib.spatial.windows import as_rows
from ecomlib.training import fit, predict
from ecomlib.training.export import export_onnx

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


def parts(maps: RegionDays, look_back: int = 6, scale: str = "level") -> tuple[MapWindows, ...]:
    origins = day_split(len(maps.days), 28, 2)
    levels = Levels.fit(maps, int(origins[0][-1]) + 2, window=28)
    return tuple(levels.windows(maps, part, look_back, 2, scale) for part in origins)  # type: ignore[arg-type]


def trained(kind: str, maps: RegionDays, epochs: int, **settings: object) -> MapNetwork:
    """A network that was trained on the first of the maps' parts and stopped on the second."""
    network = make_map_network(kind, maps, 2, **settings)
    fit(network, *parts(maps, scale=network.settings.scale)[:2], replace(MAP_TRAINING, epochs=epochs, device="cpu"))
    return network


def units(network: MapNetwork, windows: MapWindows) -> np.ndarray:
    return windows.array(predict(network, windows, device="cpu")["forecast"])


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
    same = RegionDays.from_panel(panel[["unique_id", "ds", "y"]], shop.regions)
    np.testing.assert_array_equal(same.units, maps.units)
    np.testing.assert_array_equal(same.spots, maps.spots)
    both = RegionDays.from_store(shop, ("region_id", "category"), restore=False)
    kinds = RegionDays.from_panel(make_panel(shop, freq="D", by=("region_id", "category")), shop.regions)
    np.testing.assert_array_equal(kinds.units, both.units)
    assert (kinds.ids() == both.ids()).all()
    np.testing.assert_array_equal(both.units.sum(axis=2), maps.units[:, :, 0])
    assert set(both.ids().ravel()) == set(make_panel(shop, freq="D", by=("region_id", "category"))["unique_id"])
    assert (RegionDays.from_store(shop).units >= maps.units).all()  # what empty shelves hid is put back
    with pytest.raises(MissingTableError, match="regions"):
        RegionDays.from_store(replace(shop, regions=None))
    with pytest.raises(DataError, match="by region_id"):
        RegionDays.from_store(shop, "product_id")


def test_a_panel_that_cannot_be_maps_says_why() -> None:
    days = pd.date_range("2024-01-01", periods=4)
    panel = pd.concat([pd.DataFrame({"unique_id": name, "ds": days, "y": 1.0}) for name in ("a|b", "c")])
    with pytest.raises(DataError, match="1 parts"):  # a region and a region with a kind
        RegionDays.from_panel(panel)
    places = pd.DataFrame({"region_id": ["c", "a|b"], "row": 0, "column": [0, 1]})
    assert RegionDays.from_panel(panel, places).kinds == ("",)  # a bar in a name, as the table says
    with pytest.raises(DataError, match="no place"):
        RegionDays.from_panel(panel.assign(unique_id=["c"] * 4 + ["d"] * 4), places)
    with pytest.raises(DataError, match="2 days are unknown"):
        RegionDays.from_panel(panel.assign(y=[1.0, np.nan, 1.0, 1.0, np.nan, 1.0, 1.0, 1.0]), places)
    with pytest.raises(DataError, match="made of days"):
        RegionDays.from_panel(panel.assign(ds=[*(days + 6 * (days - days[0]))] * 2), places)


def test_without_places_there_is_no_map_but_attention() -> None:
    maps = replace(travelling(), places=None)
    for ask in (lambda: maps.shape, maps.weights, lambda: maps.permuted(np.random.default_rng(0))):
        with pytest.raises(DataError, match="no places on a grid"):
            ask()
    with pytest.raises(DataError, match="places on a grid"):
        make_map_network("conv_gru", maps, 2)
    test = parts(maps)[2]
    assert units(trained("attention", maps, 1), test).shape == test.y.shape


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
        torch.testing.assert_close(here.z, there.z, rtol=0, atol=0)
        torch.testing.assert_close(here.base, there.base, rtol=0, atol=0)
    np.testing.assert_array_equal(Levels.fit(maps, 179).weekday, Levels.fit(other, 179).weekday)
    assert Levels.fit(maps, 179).windows(maps, [239]).y.isnan().all()  # after the last day nothing is known
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


def test_windows_are_gathered_as_they_are_numbered_and_a_frame_names_their_rows() -> None:
    maps = travelling(90)
    shop = replace(maps, kinds=("tea", "cups"), units=np.stack([maps.units[..., 0], 2 * maps.units[..., 0]], axis=-1))
    windows = Levels.fit(shop, 60, 28).windows(shop, [40, 87, 88], 6, 3)
    frame = windows.frame()
    assert list(frame) == ["unique_id", "ds", "cutoff", "y"] and len(frame) == 3 * 12 * 2 * 3
    np.testing.assert_array_equal(windows.array(frame["y"]), windows.y.numpy())
    row = frame[(frame["unique_id"] == "R04|cups") & (frame["cutoff"] == shop.days[40])]
    np.testing.assert_array_equal(row["y"], shop.units[41:44, 4, 1])
    assert row["ds"].tolist() == [*shop.days[41:44]]
    assert frame["y"].isna().sum() == (1 + 2) * 24  # of days after the last one
    batch = windows.batch(torch.tensor([2, 0]))
    assert batch.z.dtype == torch.float32 and batch.index.tolist() == [2, 0]
    torch.testing.assert_close(batch.y[1], windows.y[0].float())
    assert not batch.mask[0, 1:].any() and not batch.target[0, 1:].any() and batch.mask[1].all()
    assert [len(part.index) for part in windows.batches(2)] == [2, 1]
    assert as_rows(batch.y)[1 * 24 + 4 * 2 + 1].tolist() == row["y"].tolist()
    last = windows.take(slice(2, None))
    assert len(last) == 1 and last.frame()["cutoff"].unique().tolist() == [shop.days[88]]


@pytest.mark.parametrize("scale", ["level", "log_level"])
def test_a_scale_can_be_undone(scale: str) -> None:
    settings = MapSettings(scale=scale)  # type: ignore[arg-type]
    counts, base = torch.tensor([0.0, 3.0, 40.0]), torch.tensor([0.05, 2.0, 60.0])
    torch.testing.assert_close(settings.units(settings.scaled(counts, base), base), counts, atol=1e-5, rtol=1e-5)
    with pytest.raises(DataError, match="unknown scale"):
        MapSettings(scale="log1p_mean")  # type: ignore[arg-type]


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
    maps = travelling()
    order = np.random.default_rng(0).permutation(12)
    first = make_map_network("conv_gru", maps, 2, hidden=4)
    second = make_map_network("conv_gru", replace(maps, places=maps.spots[order]), 2, hidden=4)
    z = torch.randn(3, 5, 12, 1)
    here, there = (states.unflatten(0, (3, 12)) for states in (first.states(z), second.states(z[:, :, order])))
    torch.testing.assert_close(there, here[:, order])
    far = replace(maps, places=maps.spots * 2)  # a map with holes
    assert make_map_network("conv_gru", far, 2, hidden=4).states(z).shape == (36, 4)


@pytest.mark.parametrize("kind", ["conv_gru", "graph", "attention"])
def test_rows_of_a_network_are_windows_regions_and_kinds_in_this_order(kind: str) -> None:
    """Another past of one window, or of one region's one kind, moves the rows that it should and leaves the others."""
    maps = replace(travelling(), kinds=("tea", "cups"))
    network = make_map_network(kind, maps, 2, kernel=1, hidden=4)
    with torch.no_grad():
        torch.nn.init.normal_(network.head.linear.weight)
    z = torch.randn(3, 5, 12, 3)

    def raw(z: torch.Tensor) -> torch.Tensor:
        return network.head(network.states(z)).unflatten(0, (3, 12, 2))

    other = z.clone()
    other[1, :, 4, 1] += 1
    moved = (raw(other) - raw(z)).abs().amax(dim=(-1, -2)) > 1e-6
    assert not moved[0].any() and not moved[2].any() and moved[1, 4, 1]
    if kind == "conv_gru":  # kinds meet in the total only, and with a kernel of 1 regions do not meet
        assert moved.sum() == 1


def test_a_graph_reads_itself_and_those_it_looks_at_and_nobody_else() -> None:
    maps = travelling()
    network = make_map_network("graph", replace(maps, places=None), 2, hidden=4, edges=((0, 1), (0, 2), (5, 0)))
    torch.testing.assert_close(network.near[0, :3], torch.tensor([0.0, 0.5, 0.5]))
    z = torch.randn(2, 1, 12, 1)  # one day: news goes one edge and no further
    other = z.clone()
    other[:, :, 1] += 1
    moved = (network.states(other) - network.states(z)).abs().amax(-1).view(2, 12) > 1e-7
    assert moved[0].nonzero().flatten().tolist() == [0, 1]
    touching = make_map_network("graph", maps, 2, hidden=4).near
    np.testing.assert_allclose(touching.numpy(), row_normalised(maps.weights()), rtol=1e-6)
    with pytest.raises(DataError, match="a graph needs edges"):
        make_map_network("graph", replace(maps, places=None), 2)
    with pytest.raises(DataError, match="two regions by their numbers"):
        make_map_network("graph", maps, 2, edges=((0, 12),))


def test_links_find_who_leads() -> None:
    """Each region is what its left neighbour was yesterday: it looks there first."""
    rng = np.random.default_rng(0)
    first = rng.normal(size=200)
    mood = np.stack([np.concatenate([np.zeros(k), first[: 200 - k]]) for k in range(4)], axis=1)
    found = links(mood + rng.normal(0, 0.1, mood.shape), most=1)
    assert found[1:] == ((1, 0), (2, 1), (3, 2))
    assert len(links(mood, most=2)) == 8
    with pytest.raises(DataError, match="at one other at least"):
        links(mood, most=4)


def test_attention_weights_are_shares_and_depend_on_who_and_what() -> None:
    maps = travelling()
    network = make_map_network("attention", maps, 2, hidden=4)
    weights = network.attend(network.encode(torch.randn(3, 5, 12, 1)))
    assert weights.shape == (3, 12, 12) and (weights >= 0).all()
    torch.testing.assert_close(weights.sum(-1), torch.ones(3, 12))
    assert not torch.allclose(weights[0], weights[1])
    torch.testing.assert_close(network.looks(parts(maps)[2]).sum(-1), torch.ones(12))


@pytest.mark.parametrize("kind", ["conv_gru", "graph", "attention"])
def test_training_begins_at_the_level_repeats_itself_and_leaves_torch_alone(kind: str) -> None:
    maps = travelling()
    _, stop, test = parts(maps)
    before = torch.random.get_rng_state()
    first, second = (units(trained(kind, maps, 2), test) for _ in "ab")
    np.testing.assert_array_equal(first, second)
    assert torch.equal(before, torch.random.get_rng_state())
    assert not np.allclose(first, units(trained(kind, maps, 2, seed=1), test))
    fresh = make_map_network(kind, maps, 2)
    np.testing.assert_allclose(units(fresh, test), test.base, rtol=1e-5)
    with pytest.raises(LeakageError, match="overlap"):
        fit(fresh, test, stop)


def test_a_count_networks_loss_is_that_of_poisson_for_each_expected_unit() -> None:
    """Without what does not depend on the forecast, (Σ base·ratio - y·log ratio) / Σ base over the known cells."""
    maps = travelling()
    windows = parts(maps)[0]
    y = windows.y.clone()
    y[0, 0, :3] = np.nan
    network = make_map_network("conv_gru", maps, 2)
    batch = replace(windows, y=y).batch(torch.arange(4))
    raw = torch.randn(4 * 12, 2, 1, requires_grad=True)
    loss = network.loss_of(raw, batch)
    (slope,) = torch.autograd.grad(loss, raw)
    base, came, known = as_rows(batch.scale), as_rows(batch.y), as_rows(batch.mask)
    expected = (base * raw[..., 0].exp() - came) * known / (base * known).sum()
    torch.testing.assert_close(slope[..., 0], expected.detach(), rtol=1e-4, atol=1e-7)
    assert network.weight(batch).item() == pytest.approx((base * known).sum().item())


def test_days_that_are_not_known_do_not_count() -> None:
    maps = travelling()
    train, stop, test = parts(maps)
    y = train.y.clone()
    y[::2] = np.nan
    one = replace(MAP_TRAINING, epochs=1, batch_size=10_000, device="cpu")
    said = []
    for part in (replace(train, y=y), train.take(slice(1, None, 2))):
        network = make_map_network("conv_gru", maps, 2)
        fit(network, part, stop, one)
        said.append(units(network, test))
    np.testing.assert_allclose(*said, rtol=1e-4)


def test_a_run_that_was_cut_off_ends_as_one_that_never_stopped(tmp_path: Path) -> None:
    maps = travelling()
    train, stop, test = parts(maps)
    how = replace(MAP_TRAINING, epochs=4, device="cpu")
    whole = make_map_network("conv_gru", maps, 2)
    fit(whole, train, stop, how)

    met = 0

    def stop_once(_: object, batch: object) -> object:
        nonlocal met
        met += 1
        if met == 8:  # in the second epoch
            raise KeyboardInterrupt
        return batch

    again, path = make_map_network("conv_gru", maps, 2), tmp_path / "run.safetensors"
    with pytest.raises(KeyboardInterrupt):
        fit(make_map_network("conv_gru", maps, 2), train, stop, how, perturb=stop_once, checkpoint=path)
    assert met == 8
    result = fit(again, train, stop, how, perturb=stop_once, checkpoint=path)
    assert len(result.history) == 4 and met == 8 + 3 * -(-len(train) // how.batch_size)  # the first was kept
    np.testing.assert_array_equal(units(again, test), units(whole, test))


def test_quantiles_rise_and_come_true_about_as_often_as_they_say() -> None:
    maps = travelling(420)
    shares = (0.1, 0.5, 0.9)
    test = parts(maps, scale="log_level")[2]

    def pinball(network: MapNetwork) -> tuple[float, np.ndarray]:
        said = network.predict(test.batch(torch.arange(len(test)))).flatten(0, 1)
        assert (said.diff(dim=-1) > 0).all()
        gap = as_rows(test.settings.scaled(test.y, test.base)).unsqueeze(-1) - said
        level = torch.tensor(shares)
        return float(torch.maximum(level * gap, (level - 1) * gap).mean()), (gap < 0).double().mean((0, 1)).numpy()

    settings = {"head": "quantile", "quantiles": shares}
    fresh = pinball(make_map_network("conv_gru", maps, 2, **settings))[0]
    learnt, below = pinball(trained("conv_gru", maps, 15, **settings))
    assert learnt < 0.8 * fresh
    np.testing.assert_allclose(below, shares, atol=0.12)


@pytest.mark.parametrize("head", ["negative_binomial", "absolute", "squared"])
def test_every_head_learns_what_travels(head: str) -> None:
    maps = travelling(420)
    scale = "log_level" if head == "absolute" else "level"
    test = parts(maps)[2]
    came = test.y.numpy()
    error = np.abs(units(trained("conv_gru", maps, 10, head=head), parts(maps, scale=scale)[2]) - came)
    assert error.mean() < 0.8 * np.abs(test.base.numpy() - came).mean()


def test_network_and_windows_must_fit() -> None:
    maps = travelling()
    train, stop, _ = parts(maps)
    with pytest.raises(DataError, match="12, 1, 2"):
        fit(make_map_network("conv_gru", maps, 3), train, stop)
    with pytest.raises(DataError, match="scaled by 'log_level'"):
        fit(make_map_network("conv_gru", maps, 2), *parts(maps, scale="log_level")[:2])
    with pytest.raises(DataError, match="windows of maps"):
        make_map_network("conv_gru", maps, 2).check_windows([1, 2])
    with pytest.raises(DataError, match="no such network"):
        make_map_network("gru", maps, 2)


@pytest.mark.parametrize("kind", ["conv_gru", "graph", "attention"])
@pytest.mark.parametrize("head", ["poisson", "quantile"])
def test_a_network_of_maps_leaves_as_onnx_for_any_number_of_windows(kind: str, head: str, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    maps = replace(travelling(), kinds=("tea", "cups"), units=np.repeat(travelling().units, 2, axis=2))
    network = make_map_network(kind, maps, 2, head=head, look_back=6)
    with torch.no_grad():
        torch.nn.init.normal_(network.head.linear.weight, std=0.3)
    path = export_onnx(network, tmp_path / "maps.onnx")
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    test = parts(maps, scale=network.settings.scale)[2]
    for count in (1, 5):
        batch = test.batch(torch.arange(count))
        feed = {read.name: getattr(batch, read.name).numpy() for read in session.get_inputs()}
        said = session.run(None, feed)[0]
        np.testing.assert_allclose(said, network.predict(batch).numpy(), rtol=1e-4, atol=1e-5)


def test_who_reads_the_map_forecasts_what_travels_and_a_wrong_map_does_not_help() -> None:
    """Two days ahead the east repeats what the west shows today: neighbours must beat a region's own past by far."""
    maps = travelling(420)
    train, _, test = parts(maps)
    east = maps.spots[:, 1] >= 2
    came = test.y.numpy()

    def error(said: np.ndarray) -> float:
        return float(((said - came) ** 2)[:, 1, east].mean())

    def ridge(**settings: object) -> float:
        return error(RegionRidge(**settings).fit(train, maps).predict(test))  # type: ignore[arg-type]

    def network(places: RegionDays, **settings: object) -> float:
        return error(units(trained("conv_gru", places, 15, **settings), test))

    own, real = ridge(reads="own"), network(maps)
    assert ridge(reads="all", lags=3) < 0.7 * own and real < 0.8 * network(maps, kernel=1)
    assert real < network(maps.permuted(np.random.default_rng(5)))
    assert abs(ridge(reads="own", pooled=True) / own - 1) < 0.3


def test_settings_that_make_no_sense_are_refused() -> None:
    for wrong in ({"kernel": 2}, {"hidden": 0}, {"horizon": 0}):
        with pytest.raises(DataError, match="a middle"):
            MapNetworkSettings(12, **wrong)
    with pytest.raises(DataError, match="yes or no"):
        MapNetworkSettings(12, head="yes_no")
    with pytest.raises(DataError, match="whose days"):
        RegionRidge("everybody")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="more days than the windows hold"):
        RegionRidge(lags=8).fit(parts(travelling())[0], travelling())
