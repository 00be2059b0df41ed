"""What training publishes: one recipe for windows, shares, intervals that hold, nothing from the future."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("onnxruntime")
from own_shop import write_shop
from serving_help import copy_home, trained_home
from small_shop import make_shop

from ecomlib.errors import DataError
from ecomlib.serving.release import inputs, snapshot
from ecomlib.serving.release.bundle import ALL, Bundle, open_bundle, registry
from ecomlib.serving.release.train import ReleaseSettings, train
from ecomlib.stores import Store, load_store
from ecomlib.windows import WindowSet

FAST = ReleaseSettings(hold_out=4, epochs=1, effects=False, model="gru")


@pytest.fixture(scope="module")
def shop() -> Store:
    return make_shop()


@pytest.fixture(scope="module")
def books(shop: Store) -> inputs.SalesHistory:
    held = snapshot.cut(shop, snapshot.last_full_week(shop) - 4)
    return snapshot.books_of(held, *snapshot.catalogue(held.store), 4)[0]


@pytest.fixture(scope="module")
def tiny() -> Bundle:
    return open_bundle(trained_home())


def test_the_recipe_is_that_of_windows(books: inputs.SalesHistory) -> None:
    """Every input of every window at several origins, cut by the service's way and by training's."""
    settings, levels = inputs.windows_for(books, 4), inputs.levels_of(books)
    assert "last_year" in settings.future and "depth" in settings.future and levels == ("bags", "lights", "mugs")
    windows = WindowSet.from_panel(inputs.panel(books, settings), settings, levels={"category": levels})
    for origin in (books.last, books.last - 1, books.last - 30):
        rows, cut = inputs.cut_at(books, settings, levels, origin)
        here = windows.at(inputs.monday(origin))
        assert list(here.ids[here.series]) == [books.products[row] for row in rows]
        batch = next(here.batches(1000))
        for name in ("x", "seen", "f", "z", "y", "target", "mask", "scale"):
            ours, theirs = getattr(cut, name), getattr(batch, name).numpy()
            assert ours.dtype == theirs.dtype
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-6, err_msg=f"{name} at {origin}")


def test_live_weeks_are_as_good_as_trained_ones(shop: Store, books: inputs.SalesHistory) -> None:
    """SalesHistory that were followed by four weeks are those that a later cutoff would have made."""
    held = snapshot.cut(shop, books.last + 4)
    later = snapshot.books_of(held, *snapshot.catalogue(held.store), 4)[0]
    grown = books.followed_by([later.units[:, -4 + week] for week in range(4)])
    assert (grown.units == later.units).all() and (grown.begin == later.begin).all() and grown.last == later.last
    settings, levels = inputs.windows_for(books, 4), inputs.levels_of(books)
    (rows, ours), (others, theirs) = (inputs.cut_at(b, settings, levels, later.last) for b in (grown, later))
    assert (rows == others).all()
    for name in ("x", "seen", "f", "z", "scale"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))


def test_nothing_from_the_future(shop: Store, tmp_path: Path) -> None:
    """What is sold, stocked and reviewed after the cutoff may change: the version stays the same, to the last bit.

    All candidates are fitted and compared.
    """
    cutoff = snapshot.last_full_week(shop) - 6
    end = inputs.monday(cutoff + 1)
    rng = np.random.default_rng(1)
    orders = shop.orders.copy()
    late = (orders["ordered_at"] >= end).to_numpy()
    orders.loc[late, "quantity"] = rng.integers(1, 90, late.sum())
    orders.loc[late, "product_id"] = rng.permutation(orders.loc[late, "product_id"])
    stock = shop.inventory.copy()
    stock.loc[stock["date"] >= end, "on_hand_start"] += 7
    other = object.__new__(Store)
    other.__dict__.update({**shop.__dict__, "orders": orders, "inventory": stock})
    plan = replace(FAST, model=None)
    a, b = (train(s, tmp_path / name, plan, cutoff=cutoff) for s, name in ((shop, "a"), (other, "b")))
    files = [version.version.card["files"] for version in (a, b)]
    assert files[0] == files[1]
    assert a.version.card["notes"]["data"] == b.version.card["notes"]["data"]


def test_shares_are_a_split(tiny: Bundle) -> None:
    assert np.allclose(tiny.shares.sum(axis=1), 1) and (tiny.shares > 0).all()
    units = np.zeros((3, 2, 4))
    units[0, 0], units[1, 1] = 100, 1
    split = snapshot.shares(units, ("a", "a", "b"))
    assert split[0, 0] > 0.95 and split[1, 1] < 0.3, "four units alone do not outweigh the category's 400"
    assert split[2] == pytest.approx([401 / 406, 5 / 406], abs=0.02), "nothing sold: the shop's split"


def test_the_rhythm_is_the_shops_own(tiny: Bundle) -> None:
    """A shop that sells on Wednesdays from noon to one only has nothing to hope for from the rest of the week."""
    store = load_store("simulated", size="tiny", seed=0).observed()
    weeks, minutes = store.orders["ordered_at"].dt.to_period("W").dt.start_time, np.arange(len(store.orders)) % 60
    noon = weeks + pd.Timedelta(days=2, hours=12) + pd.to_timedelta(minutes, unit="min")
    held = snapshot.cut(store, tiny.cutoff)
    moved = snapshot.Held(held.store.with_parts(orders=store.orders.assign(ordered_at=noon)), None, None, tiny.cutoff)
    share = np.array(snapshot.shares_by_hour(moved))
    assert share[:61].max() < 1e-3 and share[61:].min() > 0.999
    week = held.store.orders["ordered_at"].dt.dayofweek
    units = held.store.orders.loc[held.store.orders["ordered_at"] >= inputs.monday(tiny.cutoff - 25), "quantity"]
    before = units[week < 3].sum() / units.sum()
    assert tiny.settings["rhythm"][72] == pytest.approx(before, abs=1e-3)


def test_dates_alone_say_that_the_day_is_over() -> None:
    """Ten units a day and twenty on Mondays, all at midnight: at hour 0 of a day its own units are there already."""
    days = pd.date_range("2024-01-01", periods=7 * 30)
    quantity = np.where(days.dayofweek == 0, 20, 10)
    orders = pd.DataFrame({"order_id": [f"o{n}" for n in range(len(days))], "product_id": "a", "ordered_at": days})
    orders = orders.assign(quantity=quantity, unit_price=1.0)
    store = Store("dates", pd.DataFrame({"product_id": ["a"], "title": ["a"]}), orders)
    share = np.array(snapshot.shares_by_hour(snapshot.cut(store, snapshot.last_full_week(store))))
    assert share[[0, 23, 24, 144]] == pytest.approx([2 / 8, 2 / 8, 3 / 8, 1], abs=1e-3)
    whole = store.with_parts(orders=orders[days.dayofweek == 0])
    share = np.array(snapshot.shares_by_hour(snapshot.cut(whole, snapshot.last_full_week(store))))
    assert share.min() > 0.998, "a shop whose lines all lie on Mondays"


def test_a_version_is_a_better_forecaster_than_a_mean_and_says_so(tiny: Bundle) -> None:
    notes = registry(trained_home()).open().card["notes"]
    assert notes["parity"] < 1e-4 and notes["cutoff"] == "2025-05-26" and len(notes["data"]) == 64
    assert notes["wape"]["model"] < notes["wape"]["naive"]
    assert notes["source"] == {"store": "simulated", "size": "tiny", "seed": 0}


def test_intervals_hold_in_weeks_that_nobody_has_seen(tiny: Bundle) -> None:
    """The four held-out weeks, all products and regions: 90 % promised; few weeks share their luck, so ± 5 points."""
    store = load_store("simulated", size="tiny", seed=0).observed()
    held = snapshot.cut(store, tiny.cutoff + 4)
    _, by_region = snapshot.books_of(held, *snapshot.catalogue(held.store), 4)
    said, by_network = tiny.forecast(tiny.books, tiny.cutoff)
    f = tiny.shares[:, :, None] * said[:, None]
    low, high = inputs.interval(f, np.stack([tiny.width(f[:, column], column) for column in range(9)], axis=1))
    hit = (by_region[:, :, -4:] >= low) & (by_region[:, :, -4:] <= high)
    assert hit.shape == (60, 9, 4) and by_network.all()
    assert abs(hit.mean() - 0.9) < 0.05


def test_a_newcomer_is_told_by_its_category(tiny: Bundle) -> None:
    begin = tiny.books.begin.copy()
    begin[7] = inputs.NEVER
    said, by_network = tiny.forecast(replace(tiny.books, begin=begin), tiny.cutoff)
    assert not by_network[7] and by_network.sum() == 59
    category = tiny.books.category[7]
    assert (said[7] == tiny.launches.get(category, tiny.launches[""])).all() and (said[7] > 0).any()


def test_a_small_shop_without_prices_or_regions(tmp_path: Path) -> None:
    folder = write_shop(tmp_path / "shop", lines=2_000)
    store = Store.from_directory(folder)
    made = train(store, tmp_path / "with", FAST)
    registry(tmp_path / "with").promote(1, "?")
    bundle = open_bundle(tmp_path / "with")
    assert list(bundle.regions["region_id"]) == ["N", "S"] and bundle.stock is None and bundle.effects.empty
    assert "hold no prices" in made.version.card["notes"]["effects"]
    (folder / "regions.csv").unlink()
    orders = pd.read_csv(folder / "orders.csv", dtype=str).drop(columns="region_id")
    orders.to_csv(folder / "orders.csv", index=False)
    train(Store.from_directory(folder), tmp_path / "without", FAST)
    registry(tmp_path / "without").promote(1, "?")
    alone = open_bundle(tmp_path / "without")
    assert list(alone.regions["region_id"]) == [ALL] and (alone.shares == 1).all()
    assert (alone.books.units == bundle.books.units).all()


def test_too_little_is_refused(shop: Store, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="too few to train on"):
        train(shop, tmp_path, FAST, cutoff=inputs.week_of("2023-02-27"))
    with pytest.raises(DataError, match="no orders before the cutoff"):
        train(shop, tmp_path, FAST, cutoff=inputs.week_of("2022-02-27"))
    assert registry(tmp_path).versions() == []


def test_another_kind_of_version_is_refused(tmp_path: Path) -> None:
    home = copy_home(tmp_path / "home")
    registry(home).publish(lambda folder: (folder / "model.onnx").write_bytes(b"x") and None)
    with pytest.raises(DataError, match="no forecaster that can be served"):
        open_bundle(home, 2)
