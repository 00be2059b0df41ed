"""Frozen forecasters say what the fitted ones say, from files that hold no code, without torch."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

pytest.importorskip("onnxruntime")
pytest.importorskip("lightgbm")
pytest.importorskip("statsforecast")
from lightgbm import LGBMRegressor
from serving_help import copy_home
from small_shop import make_shop

from ecomlib.contract import Forecaster
from ecomlib.ensemble.average import Average
from ecomlib.errors import DataError, MissingDependencyError
from ecomlib.models import baselines
from ecomlib.models.trees import Trees, window_table
from ecomlib.serving.release import frozen, inputs, snapshot
from ecomlib.serving.release.bundle import TRIAL, open_bundle, registry
from ecomlib.serving.release.inputs import NEVER, SalesHistory, monday
from ecomlib.serving.release.train import ReleaseSettings, train
from ecomlib.stores import Store, load_store
from ecomlib.training import TrainSettings, fit, make_network, predict
from ecomlib.training.forecaster import NetworkForecaster
from ecomlib.windows import WindowSet

H = 4


def young(weeks: int = 120, seed: int = 3) -> SalesHistory:
    """Sixty products of every age from one week on; some sell nothing, some are all alike, two have no history."""
    rng = np.random.default_rng(seed)
    ages = np.array([1, 2, 3, 4, 7, 8, 9, 26, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 60, 119, 120])
    ages = np.concatenate([ages, rng.integers(1, weeks + 1, 58 - len(ages)), [0, 0]])
    units = rng.poisson(rng.gamma(1.0, 4.0, (60, 1)), (60, weeks)).astype(float)
    units[10:13] = 0.0
    units[13:16] = 5.0
    units[np.arange(weeks) < weeks - ages[:, None]] = 0.0
    first = inputs.week_of("2022-01-03")
    begin = np.where(ages > 0, first + weeks - ages, NEVER)
    price = rng.normal(0, 0.1, (60, weeks + 6))
    names = tuple(f"p{k:02d}" for k in range(60))
    return SalesHistory(names, tuple(rng.choice(["a", "b", "c"], 60)), first, begin, units, {"log_price": price})


def of_store(store: Store) -> SalesHistory:
    held = snapshot.cut(store, snapshot.last_full_week(store) - 4)
    return snapshot.books_of(held, *snapshot.catalogue(held.store), H)[0]


@pytest.fixture(scope="module", params=["tiny", "small", "young"])
def books(request: pytest.FixtureRequest) -> SalesHistory:
    if request.param == "young":
        return young()
    return of_store(load_store("simulated", size="tiny", seed=0).observed() if request.param == "tiny" else make_shop())


def wide(frame: pd.DataFrame, name: str, books: SalesHistory) -> np.ndarray:
    """A frame's forecasts as (P, H) in the books' order; NaN for products that it lacks."""
    table = pd.DataFrame(frame[name].to_numpy().reshape(-1, H), index=frame["unique_id"].to_numpy()[::H])
    return table.reindex(list(books.products)).to_numpy(dtype=float)


def contract(forecaster: Forecaster, books: SalesHistory, origin: int) -> tuple[np.ndarray, frozen.Frozen]:
    """What a forecaster fitted at the origin says, and itself as it is frozen."""
    fitted = forecaster.fit(inputs.panel(books, inputs.windows_for(books, H)), H, until=monday(origin))
    return wide(fitted.forecast(at=monday(origin), name="m"), "m", books), frozen.freeze(fitted, books)


def origins(books: SalesHistory) -> tuple[int, ...]:
    return books.last, books.last - 1, books.last - 9


def through_files(made: frozen.Frozen, folder: Path) -> frozen.Frozen:
    """Written and read, and nothing in the files but JSON, Parquet, text and ONNX."""
    import onnx

    folder.mkdir()
    made.write(folder)
    for path in folder.rglob("*"):
        if path.suffix == ".json":
            json.loads(path.read_text(encoding="utf-8"))
        elif path.suffix == ".parquet":
            assert not pd.read_parquet(path).empty
        elif path.suffix == ".onnx":
            onnx.checker.check_model(str(path))
        elif path.suffix == ".txt":
            assert path.read_text(encoding="utf-8").startswith("tree\n")
        else:
            assert path.is_dir(), path
    again = frozen.read(folder)
    assert type(again) is type(made) and again.horizon == H
    return again


CLASSICAL = (
    baselines.Naive(),
    baselines.WindowMean(),
    baselines.WindowMean(3),
    baselines.SeasonalNaive(),
    baselines.SeasonalNaive(3),
    baselines.ExponentialSmoothing(),
    Average((baselines.Naive(), baselines.WindowMean(), baselines.SeasonalNaive())),
    Average((baselines.Naive(), baselines.WindowMean(), baselines.SeasonalNaive()), "median"),
    Average((baselines.Naive(), baselines.ExponentialSmoothing()), "log_mean"),
    Average((baselines.Naive(), baselines.SeasonalNaive()), "mean", (0.2, 0.8)),
)


@pytest.mark.parametrize("forecaster", CLASSICAL, ids=repr)
def test_classical_methods_and_averages(forecaster: Forecaster, books: SalesHistory, tmp_path: Path) -> None:
    for origin in origins(books):
        expected, made = contract(forecaster, books, origin)
        said = through_files(made, tmp_path / str(origin)).forecast(books, origin)
        assert (np.isfinite(said) == (books.begin <= origin)[:, None]).all()
        np.testing.assert_allclose(said, expected, rtol=0, atol=1e-6)


def test_what_would_be_fitted_in_the_server_cannot_be_frozen() -> None:
    shop = young()
    fitted = baselines.AutoETS().fit(inputs.panel(shop, inputs.windows_for(shop, H)), H)
    with pytest.raises(DataError, match="'auto_ets' cannot be served"):
        frozen.freeze(fitted, shop)


def test_smoothing_stays_as_it_was_fitted() -> None:
    """A week later the level has moved and the weights have not; a product that came since gets the usual one."""
    shop = young()
    made = frozen.Smoothing.freeze(shop, H)
    weeks = [np.arange(60.0), np.arange(60.0)[::-1]]
    grown = shop.followed_by(weeks)
    level, later = made.forecast(shop, shop.last)[:, 0], made.forecast(grown, grown.last)[:, 0]
    by_hand = level.copy()
    by_hand[58:] = weeks[0][58:]
    by_hand = by_hand + made.weights * np.where(np.arange(60) < 58, weeks[0] - by_hand, 0.0)
    by_hand = by_hand + made.weights * (weeks[1] - by_hand)
    np.testing.assert_allclose(later, by_hand, rtol=0, atol=1e-9)
    assert (made.weights[58:] == made.usual).all() and 0 < made.usual <= 1
    order = np.arange(60)[::-1]  # books in another order, one product of which is not known to it
    names = ("new", *(shop.products[k] for k in order[1:]))
    other = replace(shop, products=names, begin=shop.begin[order], units=shop.units[order])
    np.testing.assert_array_equal(made.forecast(other, other.last)[1:, 0], level[order][1:])


def fitted_windows(books: SalesHistory) -> tuple[WindowSet, WindowSet]:
    """Windows of the books, and those that end eight weeks before."""
    settings, levels = inputs.windows_for(books, H), inputs.levels_of(books)
    panel = inputs.panel(books, settings)
    windows = WindowSet.from_panel(panel, settings, levels={"category": levels} if levels else None)
    return windows, windows.split(monday(books.last - 8), 0)[0]


def trees(past: WindowSet) -> LGBMRegressor:
    batch = past.batch(torch.arange(len(past)))
    model = LGBMRegressor(n_estimators=30, min_child_samples=5, objective="regression_l1", n_jobs=1, verbose=-1)
    known = batch.mask.numpy().ravel()
    return model.fit(window_table(past)[known], batch.target.numpy().ravel()[known])


def frozen_trees(windows: WindowSet, past: WindowSet) -> frozen.Trees:
    return frozen.Trees.freeze(trees(past), windows.settings, windows.levels)


def test_trees(books: SalesHistory, tmp_path: Path) -> None:
    windows, past = fitted_windows(books)
    made, model = through_files(frozen_trees(windows, past), tmp_path / "trees"), trees(past)
    for origin in origins(books):
        at = windows.at(monday(origin))
        scale = at.batch(torch.arange(len(at))).scale.double()
        scaled = torch.from_numpy(model.predict(window_table(at)).reshape(-1, H))
        units = windows.settings.units(scaled, scale).clamp(min=0)
        expected = wide(at.frame().assign(forecast=units.numpy().ravel()), "forecast", books)
        np.testing.assert_allclose(made.forecast(books, origin), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("kind", "head"), [("gru", "absolute"), ("transformer", "quantile")])
def test_networks(kind: str, head: str, books: SalesHistory, tmp_path: Path) -> None:
    windows, past = fitted_windows(books)
    model = make_network(kind, windows, head=head, hidden=8, seed=1)
    fit(model, past, None, TrainSettings(epochs=1, batch_size=512, lr=1e-2, device="cpu"))
    made = through_files(frozen.OnnxNetwork.freeze(model, windows.settings, windows.levels), tmp_path / "network")
    for origin in origins(books):
        frame = predict(model, windows.at(monday(origin)), device="cpu")
        name = "forecast" if "forecast" in frame else "q0.5"
        said, expected = made.forecast(books, origin), wide(frame, name, books)
        np.testing.assert_allclose(said, expected, rtol=1e-5, atol=1e-5)  # float32, two libraries


def every_kind(books: SalesHistory) -> frozen.Average:
    """An average of all kinds, an average among them."""
    windows, past = fitted_windows(books)
    plain = frozen.Average.freeze([frozen.LastValue.freeze(H), frozen.WindowMean.freeze(H)])
    fitted = [
        frozen_trees(windows, past),
        frozen.OnnxNetwork.freeze(make_network("gru", windows, hidden=8), windows.settings, windows.levels),
    ]
    return frozen.Average.freeze(
        [plain, frozen.SeasonalNaive.freeze(H), frozen.Smoothing.freeze(books, H), *fitted], "log_mean"
    )


def test_what_comes_later_is_not_read() -> None:
    """Whatever is sold after the origin, every kind says the same to the last bit."""
    shop = young()
    made, origin = every_kind(shop), shop.last - 6
    assert {type(member) for member in (*made.members, *made.members[0].members, made)} == set(frozen.KINDS.values())  # type: ignore[attr-defined]
    other = shop.units.copy()
    other[:, -6:] = np.random.default_rng(0).integers(0, 99, (60, 6))
    shorter = replace(shop, units=shop.units[:, :-6])
    for changed in (replace(shop, units=other), shorter):
        assert np.array_equal(made.forecast(shop, origin), made.forecast(changed, origin), equal_nan=True)


def test_the_seasons_fall_back_as_they_should() -> None:
    """Of 50 weeks, the last two steps of four lie a year after a known week."""
    units = np.arange(1.0, 51.0)[None, :]
    shop = SalesHistory(("one",), ("a",), 2700, np.array([2700]), units, {})
    assert frozen.SeasonalNaive.freeze(H).forecast(shop, shop.last).tolist() == [[50.0, 50.0, 1.0, 2.0]]


def test_ten_thousand_products_are_quick() -> None:
    """Three years of 10,000 products: each kind within the five seconds that a week's end may take."""
    small = young(150)
    copies = 10_000 // 60 + 1
    made = every_kind(small)
    large = replace(
        small,
        products=tuple(f"{k}:{name}" for k in range(copies) for name in small.products)[:10_000],
        category=(small.category * copies)[:10_000],
        begin=np.tile(small.begin, copies)[:10_000],
        units=np.tile(small.units, (copies, 1))[:10_000],
        plan={name: np.tile(table, (copies, 1))[:10_000] for name, table in small.plan.items()},
    )
    for member in made.members:
        began = time.perf_counter()
        said = member.forecast(large, large.last)
        assert time.perf_counter() - began < 5, member.kind
        assert np.isfinite(said).mean() > 0.9 and said.shape == (10_000, H)


def publish(home: Path, made: frozen.Frozen) -> int:
    """The home's version in force once more, with another forecaster and no trial beside it."""
    old = registry(home).open()

    def put(folder: Path) -> dict[str, object]:
        shutil.copytree(
            old.path, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("card.json", "*.onnx", TRIAL)
        )
        made.write(folder)
        return dict(old.card["notes"])

    number = registry(home).publish(put).number
    registry(home).promote(number, "a test")
    return number


def test_a_version_of_every_kind_is_served_without_torch(tmp_path: Path) -> None:
    """The application opens it, forecasts all products and answers; what fits is nowhere to be found."""
    home = copy_home(tmp_path / "home")
    tiny = open_bundle(home)
    made = every_kind(tiny.books)
    publish(home, made)
    code = (
        "import sys; from fastapi.testclient import TestClient; from ecomlib.serving.live.app import create_app\n"
        f"with TestClient(create_app({str(home)!r})) as client:\n"
        "    told = client.get('/forecast/P0001/all').json()\n"
        "    print(told['version'], *[week['forecast'] for week in told['weeks']])\n"
        "print([name for name in ('torch', 'statsforecast', 'numba', 'transformers') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    told, loaded = run.stdout.strip().splitlines()
    expected = made.forecast(tiny.books, tiny.cutoff)[tiny.row["P0001"]]
    assert loaded == "[]" and told.split()[0] == "2"
    assert [float(value) for value in told.split()[1:]] == pytest.approx(expected, abs=1e-3)


def test_a_version_whose_library_is_missing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = copy_home(tmp_path / "home")
    windows, past = fitted_windows(open_bundle(home).books)
    publish(home, frozen_trees(windows, past))
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(MissingDependencyError, match=r'needs lightgbm, which is not installed.*"ecomlib\[serve\]"'):
        open_bundle(home)


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    shop = young()
    frozen.Smoothing.freeze(shop, H).write(tmp_path)
    (tmp_path / frozen.WEIGHTS).unlink()
    with pytest.raises(DataError, match="cannot be read"):
        frozen.read(tmp_path)
    note = json.loads((tmp_path / frozen.NOTE).read_text(encoding="utf-8"))
    for change in ({"kind": "os.system"}, {"format": frozen.FORMAT + 1}):
        (tmp_path / frozen.NOTE).write_text(json.dumps(note | change), encoding="utf-8")
        with pytest.raises(DataError, match="newer ecomlib"):
            frozen.read(tmp_path)
    windows, past = fitted_windows(shop)
    frozen_trees(windows, past).write(tmp_path)
    (tmp_path / frozen.TREES).write_text("tree\n", encoding="utf-8")
    with pytest.raises(DataError, match="trees"):
        frozen.read(tmp_path)
    with pytest.raises(DataError, match="of one horizon"):
        frozen.Average.freeze([frozen.LastValue.freeze(4), frozen.LastValue.freeze(3)])
    with pytest.raises(DataError, match="no static column but the category"):
        settings = replace(windows.settings, static=("size",))
        frozen.Trees.freeze(None, settings, {})


def test_a_version_says_its_horizon(tmp_path: Path) -> None:
    """Format 2: what the settings say is what the forecaster does; nothing in the release knows a constant."""
    shop = make_shop()
    for horizon in (2, 6):
        plan = ReleaseSettings(epochs=1, effects=False, horizon=horizon)
        version = train(shop, tmp_path, plan).version
        told = json.loads((version.path / "settings.json").read_text(encoding="utf-8"))
        assert (told["format"], told["horizon"], told["frequency"]) == (3, horizon, "W-MON")
        bundle = open_bundle(tmp_path, version.number)
        assert bundle.horizon == bundle.forecaster.horizon == bundle.windows.horizon == horizon
        table = bundle.table(bundle.books, bundle.cutoff)
        assert len(table) == horizon * len(bundle.books.products) and np.isfinite(table["forecast"]).all()
        assert table["ds"].max() == monday(bundle.cutoff + horizon)
        launches = pd.read_parquet(version.path / "launches.parquet")
        assert list(launches.columns) == ["category", *(f"week{k + 1}" for k in range(horizon))]


def test_a_version_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    home = copy_home(tmp_path / "home")
    old = registry(home).open()

    def put(folder: Path) -> None:
        shutil.copytree(old.path, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("card.json"))
        settings = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
        (folder / "settings.json").write_text(json.dumps(settings | {"format": 4}), encoding="utf-8")

    with pytest.raises(DataError, match="newer ecomlib"):
        open_bundle(home, registry(home).publish(put).number)


def test_networks_and_trees_of_the_contract(books: SalesHistory, tmp_path: Path) -> None:
    """One seed, and two in an average: fitted once, asked at later origins."""
    window, origin = inputs.windows_for(books, H), books.last - 9
    how = TrainSettings(epochs=1, batch_size=512, lr=1e-2, device="cpu")
    one = NetworkForecaster("gru", window, how, options={"hidden": 8, "head": "absolute"})
    two = NetworkForecaster("lstm", window, how, seeds=(0, 1), options={"hidden": 8, "head": "quantile"})
    panel = inputs.panel(books, window)
    members = (baselines.WindowMean(), one, two, Trees(window, options={"n_estimators": 30}))
    fitted = Average(members).fit(panel, H, until=monday(origin))
    made = through_files(frozen.freeze(fitted, books), tmp_path / "average")
    for at in (origin, books.last):
        expected = wide(fitted.forecast(at=monday(at), name="m"), "m", books)
        np.testing.assert_allclose(made.forecast(books, at), expected, rtol=1e-5, atol=1e-5)
