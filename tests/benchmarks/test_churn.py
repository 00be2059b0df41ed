"""Protocol C: models see nothing from the cut on, scores are the textbook's, the trial run finds what was put in."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from benchmarks.real_shop import churn

CUT = pd.Timestamp("2011-06-15")


@pytest.fixture(scope="module")
def orders() -> pd.DataFrame:
    return churn.invented(300)


def test_auc_is_the_textbooks_and_counts_are_redraws() -> None:
    rng = np.random.default_rng(0)
    label, chance = (rng.random(200) < 0.4).astype(float), rng.integers(0, 20, 200) / 20.0
    assert churn.auc(label, chance) == pytest.approx(roc_auc_score(label, chance))
    draw = rng.integers(0, 200, 200)
    counts = np.bincount(draw, minlength=200).astype(float)
    assert churn.auc(label, chance, counts) == pytest.approx(roc_auc_score(label[draw], chance[draw]))


def test_a_calibrated_chance_has_slope_one() -> None:
    rng = np.random.default_rng(0)
    logit = rng.normal(0, 1.5, 20_000)
    label = (rng.random(20_000) < 1 / (1 + np.exp(-logit))).astype(float)
    assert churn.slope(label, 1 / (1 + np.exp(-logit))) == pytest.approx(1.0, abs=0.06)
    assert churn.slope(label, 1 / (1 + np.exp(-2 * logit))) == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (-0.02, -0.005, "better"),
        (0.02, 0.03, "worse"),
        (-0.005, 0.005, "level"),
        (-0.03, 0.02, "undecided"),
        (-0.009, -0.001, "better by less than matters"),
    ],
)
def test_verdict_words_are_those_of_the_protocols(low: float, high: float, said: str) -> None:
    assert churn.word(low, high) == said


@pytest.mark.parametrize("name", ["recency", "logistic regression", "trees", "BG/NBD", "Cox", "sequence"])
def test_no_model_sees_what_comes_after_the_cut(orders: pd.DataFrame, name: str) -> None:
    later = orders["ordered_at"] >= CUT
    other = pd.concat([orders[~later], orders[later].iloc[::2].assign(quantity=50)], ignore_index=True)
    arms = {name: churn.models(True)[name]}
    was = churn.at_cut(orders, f"{CUT:%Y-%m-%d}", arms)[1]
    now = churn.at_cut(other.sort_values("ordered_at", ignore_index=True), f"{CUT:%Y-%m-%d}", arms)[1]
    np.testing.assert_allclose(was[name].sort_index(), now[name].sort_index(), rtol=1e-5)
    assert was[name].between(0, 1).all() and was[name].std() > 0


def test_bgnbd_counts_the_invented_shop_well_and_the_leak_leaks(orders: pd.DataFrame) -> None:
    table = churn.counts_table(orders, np.random.default_rng(0))
    error = table[table["what"].eq("counts") & table["metric"].eq("mae")].set_index("model")["value"]
    assert error["BG/NBD"] < 0.9 * error["nothing"] and error["BG/NBD"] < 0.6 * error["naive rate"]
    leak = churn.leak(orders).set_index("model")["value"]
    assert leak["with idle"] > 0.99 and leak["without idle"] > 0.9


def test_training_examples_are_over_at_the_cut(orders: pd.DataFrame) -> None:
    past = orders[orders["ordered_at"] < CUT]
    rows = churn.examples(past, CUT)
    assert (rows["cut"] + pd.Timedelta(days=churn.DAYS) <= CUT).all() and rows["cut"].nunique() > 8
