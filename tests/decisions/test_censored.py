"""Demand recovered from sales that ended at an empty shelf, against known truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ecomlib.decisions.censored import expected_beyond, recover, recover_weeks
from ecomlib.errors import DataError


@pytest.mark.parametrize(
    ("law", "spread", "frozen"),
    [
        ("poisson", 0.0, stats.poisson(4.0)),
        ("negative_binomial", 0.5, stats.nbinom(2.0, 2.0 / 6.0)),
        ("normal", 3.0, stats.norm(4.0, 3.0)),
    ],
)
def test_the_mean_beyond_is_that_of_draws(law: str, spread: float, frozen) -> None:  # type: ignore[no-untyped-def]
    drawn = frozen.rvs(400_000, random_state=np.random.default_rng(0))
    for least in (0.0, 3.0, 7.0):
        found = float(expected_beyond(least, 4.0, law=law, spread=spread))
        if least == 0.0 and law != "normal":
            assert found == pytest.approx(4.0)
        assert found == pytest.approx(drawn[drawn >= least].mean(), rel=0.01)


def test_far_out_in_the_tail_it_stays_at_or_above_what_was_sold() -> None:
    assert expected_beyond([400.0, 5.0], [2.0, 0.0]).tolist() == pytest.approx([400.0, 5.0], rel=0.02)


@pytest.mark.parametrize(
    ("law", "spread", "draw"),
    [
        ("poisson", 0.5, lambda rng: rng.poisson(5.0, (40, 400))),
        ("negative_binomial", 0.4, lambda rng: rng.poisson(5.0 * rng.gamma(2.5, 0.4, (40, 400)))),
        ("normal", 0.5, lambda rng: np.maximum(rng.normal(20.0, 4.0, (40, 400)), 0)),
    ],
)
def test_the_mean_comes_back(law: str, spread: float, draw) -> None:  # type: ignore[no-untyped-def]
    wanted = draw(np.random.default_rng(1)).astype(float)
    stock = np.quantile(wanted, 0.7)
    sold, out = np.minimum(wanted, stock), wanted >= stock
    found = recover(sold, out, law=law, spread=spread)
    assert sold.mean() < 0.97 * wanted.mean()
    assert found.mean.mean() == pytest.approx(wanted.mean(), rel=0.02)
    assert found.demand[~out] == pytest.approx(sold[~out])
    assert (found.demand[out] >= sold[out]).all()
    dropped = sold[~out].mean()
    assert dropped < sold.mean()  # the lesson's trap


def test_nothing_that_ran_out_changes_nothing() -> None:
    found = recover([2.0, 4.0], [False, False])
    assert found.mean == 3.0
    assert found.demand.tolist() == [2.0, 4.0]
    assert found.steps == 1


def test_the_normal_law_finds_its_spread() -> None:
    wanted = np.random.default_rng(2).normal(50.0, 6.0, 20_000)
    sold, out = np.minimum(wanted, 52.0), wanted >= 52.0
    assert recover(sold, out, law="normal").spread == pytest.approx(6.0, rel=0.03)


def test_weeks_are_recovered_at_the_pace_so_far_and_know_no_later_week() -> None:
    panel = pd.DataFrame(
        {
            "unique_id": ["a"] * 4 + ["b"] * 3,
            "y": [8.0, 8.0, 4.0, 0.0, 0.0, 0.0, 6.0],
            "unstocked": [0, 0, 0.5, 1, 1, 0, 0],
        }
    )
    found = recover_weeks(panel)
    assert found.tolist() == pytest.approx([8, 8, 8, 8, 0, 0, 6])
    changed = recover_weeks(panel.assign(y=[8.0, 8.0, 4.0, 99.0, 0.0, 0.0, 99.0]))
    assert changed.iloc[[0, 1, 2, 4, 5]].tolist() == pytest.approx(found.iloc[[0, 1, 2, 4, 5]].tolist())


def test_the_pace_forgets_what_is_old() -> None:
    panel = pd.DataFrame({"unique_id": "a", "y": [20.0] * 3 + [2.0] * 9, "unstocked": [0.0] * 11 + [0.5]})
    assert recover_weeks(panel).iloc[-1] == pytest.approx(2.0 + 0.5 * 16 / 7.5)
    assert recover_weeks(panel.assign(y=panel["y"].where(panel.index != 5))).isna().sum() == 1


@pytest.mark.parametrize(
    "call",
    [
        lambda: expected_beyond([1.0], 2.0, law="uniform"),
        lambda: expected_beyond([1.0], 2.0, law="negative_binomial", spread=0.0),
        lambda: recover([1.0, 2.0], [True]),
        lambda: recover([-1.0], [True]),
        lambda: recover([], []),
        lambda: recover([1.0], [True], law="uniform"),
        lambda: recover_weeks(pd.DataFrame({"unique_id": ["a"], "y": [1.0]})),
    ],
)
def test_what_cannot_be_is_said(call) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError):
        call()
