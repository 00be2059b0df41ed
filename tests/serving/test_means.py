"""What may be summed: means stand beside medians, and are those of a sparse shop."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("lightgbm")

from ecomlib.errors import DataError
from ecomlib.models.trees import Trees
from ecomlib.panel import CALENDAR
from ecomlib.serving.release.bundle import open_bundle, registry
from ecomlib.serving.release.candidates import FitSettings, fit
from ecomlib.serving.release.choose import origins_of
from ecomlib.serving.release.frozen import WindowMean, read
from ecomlib.serving.release.inputs import SalesHistory, monday, panel, week_of, windows_for
from ecomlib.serving.release.train import ReleaseSettings, prove, train

FIRST = week_of("2023-01-02")


def sparse(products: int = 300, weeks: int = 60) -> SalesHistory:
    """Books of products that sell a unit in one week of four, as by chance."""
    units = np.random.default_rng(5).poisson(0.25, (products, weeks)).astype(float)
    begin = np.full(products, FIRST, dtype=np.int64)
    return SalesHistory(tuple(f"P{k:03d}" for k in range(products)), ("a",) * products, FIRST, begin, units, {})


def test_a_sum_of_medians_is_nothing_and_a_sum_of_means_is_what_sells() -> None:
    books = sparse()
    origin = books.last - 4
    trees = fit(["trees"], books, 4, origin, FitSettings())["trees"]
    came = books.units[:, -4:].sum()
    assert trees.frozen.forecast(books, origin).sum() < 0.5 * came
    assert trees.mean(books, origin).sum() == pytest.approx(300, rel=0.1), "a quarter of a unit, 300 products, 4 weeks"


def test_frozen_means_say_what_the_fitted_trees_say(tmp_path: Path) -> None:
    """At the week that they were fitted at, and four later; written, read and written again they are the same bytes."""
    books = sparse(60, 70)
    origin = books.last - 4
    made = fit(["trees"], books, 4, origin, FitSettings(seed=3))["trees"].means
    assert made is not None
    window = replace(windows_for(books, 4, before=origin), scale="mean_abs")
    trees = Trees(window, options={"objective": "tweedie", "random_state": 3})
    fitted = trees.fit(panel(books, window), 4, until=monday(origin))
    assert fitted.forecaster.point == "mean"
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    made.write(tmp_path / "one")
    again = read(tmp_path / "one")
    again.write(tmp_path / "two")
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == ["forecaster.json", "trees.txt"]
    assert all((tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes() for name in names)
    for at in (origin, books.last):
        said = fitted.forecast(panel(books, window), at=monday(at)).pivot_table("trees", "unique_id", "ds")
        expected = said.reindex(list(books.products)).to_numpy(dtype=float)
        np.testing.assert_allclose(again.forecast(books, at), expected, rtol=1e-6, atol=1e-6)


def test_network_trees_and_their_average_share_one_model_of_means() -> None:
    books = sparse(30, 40)
    made = fit(["trees", "gru", "average"], books, 4, books.last, FitSettings(epochs=1))
    said = [one.mean(books, books.last) for one in made.values()]
    assert np.array_equal(said[0], said[1]) and np.array_equal(said[0], said[2])
    medians = [one.frozen.forecast(books, books.last) for one in made.values()]
    assert not np.array_equal(medians[0], medians[1])


@pytest.mark.parametrize("weeks", [23, 52, 104])
def test_a_calendar_is_read_where_a_year_was_seen(weeks: int) -> None:
    """With less, the weeks ahead hold dates that no week before held, and what is said of them is extrapolated."""
    books = sparse(5, weeks)
    read = set(windows_for(books, 4, before=origins_of(books, 4)[0]).future) & set(CALENDAR)
    wave = {"week_sin", "week_cos", "week_sin2", "week_cos2", "to_christmas", "holidays"}
    assert read == (wave if weeks == 104 else set())


def test_a_version_without_means_still_opens(tmp_path: Path) -> None:
    """One of an earlier release has none beside it: its forecasts are then all that can be summed."""
    from weekly_shop import weekly_shop

    units = np.random.default_rng(6).poisson(0.6, (30, 60))
    made = train(weekly_shop(units), tmp_path, ReleaseSettings(effects=False, model="trees"))

    def put(folder: Path) -> None:
        left_out = shutil.ignore_patterns("card.json", "means", "trial_means")
        shutil.copytree(made.version.path, folder, dirs_exist_ok=True, ignore=left_out)

    bundle = open_bundle(tmp_path, registry(tmp_path).publish(put).number)
    books = bundle.books
    for origin in (bundle.cutoff, bundle.cutoff - 4):
        assert np.array_equal(bundle.mean(books, origin), bundle.forecast(books, origin)[0])


def test_rules_are_means_themselves() -> None:
    books = sparse(20)
    rule = fit(["window_mean"], books, 4, books.last)["window_mean"]
    assert rule.means is None
    assert np.array_equal(rule.mean(books, books.last), rule.frozen.forecast(books, books.last))


def test_a_version_keeps_its_means(tmp_path: Path) -> None:
    from weekly_shop import weekly_shop

    units = np.random.default_rng(6).poisson(0.6, (40, 60))
    made = train(weekly_shop(units), tmp_path, ReleaseSettings(effects=False, model="trees"))
    bundle = open_bundle(tmp_path, made.version.number)
    books, cutoff = bundle.books, bundle.cutoff
    assert np.array_equal(bundle.mean(books, cutoff), made.fitted.mean(books, cutoff))
    assert not np.array_equal(bundle.mean(books, cutoff), bundle.forecast(books, cutoff)[0])
    past = cutoff - 4
    assert np.array_equal(bundle.mean(books, past), made.choice.trial.mean(books, past)), "before it, the trial's"


@pytest.mark.parametrize("name", ["trees", "gru", "average"])
@pytest.mark.parametrize("place", [0, -1])
def test_a_frozen_part_that_says_something_else_is_refused(name: str, place: int) -> None:
    """Whichever part it is: what serves, a member of the average, or what forecasts means."""
    books = sparse(40)
    whole = fit([name], books, 4, books.last, FitSettings(epochs=1))[name]
    gap = prove(whole, books)
    assert gap is not None and gap < 1e-3 and len(whole.learned) == (3 if name == "average" else 2)
    wrong = list(whole.learned)
    wrong[place] = replace(wrong[place], frozen=WindowMean(4, 2))
    with pytest.raises(DataError, match="does not say what was fitted"):
        prove(replace(whole, learned=tuple(wrong)), books)
