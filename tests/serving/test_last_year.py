"""A column of last year is read only where what is tried on past weeks could learn it."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("lightgbm")

from typing import Any

from ecomlib.panel import LAST_YEAR
from ecomlib.serving.release import candidates, inputs
from ecomlib.serving.release.candidates import TREES
from ecomlib.serving.release.choose import origins_of
from ecomlib.serving.release.inputs import SalesHistory

H = 4


def of_weeks(count: int) -> SalesHistory:
    """Twenty products, all there from the first week on, with a season."""
    rng = np.random.default_rng(7)
    level = rng.gamma(2.0, 4.0, (20, 1)) * (1 + 0.5 * np.sin(np.arange(count) / 52 * 2 * np.pi))
    first = inputs.week_of("2023-01-02")
    names = tuple(f"p{k:02d}" for k in range(20))
    return SalesHistory(names, ("a",) * 20, first, np.full(20, first), rng.poisson(level).astype(float), {})


def test_a_year_must_lie_before_the_first_origin() -> None:
    """68 weeks are more than a year, 52 of them lie before the first of four origins: nothing is learned of last year.

    A network that reads it all the same is 60 % too high at these origins, since 0 was all that it had ever seen.
    """
    for weeks, there in ((68, False), (80, False), (81, True)):
        books = of_weeks(weeks)
        first = origins_of(books, H)[0]
        read = set(inputs.windows_for(books, H, before=first).future)
        assert (set(LAST_YEAR) <= read) is there and read & set(LAST_YEAR) in (set(), set(LAST_YEAR)), weeks
    assert set(LAST_YEAR) <= set(inputs.windows_for(of_weeks(68), H).future)


def test_what_is_fitted_again_reads_what_was_tried() -> None:
    books = of_weeks(68)
    first = origins_of(books, H)[0]
    tried: Any = candidates.fit([TREES], books, H, first)[TREES].frozen
    again: Any = candidates.fit([TREES], books, H, books.last, before=first)[TREES].frozen
    assert tried.windows == again.windows and not set(LAST_YEAR) & set(again.windows.future)
