"""What may be summed: means stand beside medians, and are those of a sparse shop."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ecomlib.serving.release.bundle import open_bundle
from ecomlib.serving.release.candidates import FitSettings, fit
from ecomlib.serving.release.inputs import SalesHistory, week_of
from ecomlib.serving.release.train import ReleaseSettings, train

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
