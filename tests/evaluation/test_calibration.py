"""Rankings and chances: by hand, against scikit-learn, and with a shift whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from ecomlib.errors import DataError
from ecomlib.evaluation import calibration as cal
from ecomlib.evaluation import ranking

RNG = np.random.default_rng(0)


def shop(n: int, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Label and log-odds of the true chance: ones and zeros are normal, two apart."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < share).astype(float)
    x = rng.normal(2.0 * y, 1.0)
    return y, 2.0 * x - 2.0 + np.log(share / (1 - share))


def test_ranking_meets_scikit_learn_with_ties_and_weights() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    y = (RNG.random(500) < 0.2).astype(float)
    score = (y + RNG.normal(0, 1, 500)).round(1)  # many ties
    weight = RNG.integers(0, 4, 500)
    rank = ranking.Ranking(y, score)
    for w in (None, weight):
        assert rank.measure("auc", w) == pytest.approx(metrics.roc_auc_score(y, score, sample_weight=w), abs=1e-12)
        theirs = metrics.average_precision_score(y, score, sample_weight=w)
        assert rank.measure("average_precision", w) == pytest.approx(theirs, abs=1e-12)
    assert cal.brier(y, 0.5 * y) == pytest.approx(metrics.brier_score_loss(y, 0.5 * y))


def test_paired_interval_is_narrower_than_one_of_unrelated_scores_and_holds_zero_for_itself() -> None:
    y, x = shop(2000, 0.3, 1)
    near = x + np.random.default_rng(2).normal(0, 0.3, len(x))
    found = ranking.interval(y, x, near, rng=np.random.default_rng(0), draws=200)
    alone = ranking.interval(y, x, rng=np.random.default_rng(0), draws=200)
    assert found.high - found.low < 0.5 * (alone.high - alone.low)
    same = ranking.interval(y, x, x, rng=np.random.default_rng(0), draws=20)
    assert (same.estimate, same.low, same.high) == (0.0, 0.0, 0.0)


def test_clusters_drawn_whole_widen_the_interval() -> None:
    y, x = shop(300, 0.3, 3)
    customers = np.repeat(np.arange(300), 10)
    wide, thin = (
        ranking.interval(np.repeat(y, 10), np.repeat(x, 10), cluster=c, rng=np.random.default_rng(0), draws=200)
        for c in (customers, None)
    )
    assert wide.high - wide.low > 2 * (thin.high - thin.low)


def test_true_chances_are_calibrated_and_the_share_alone_has_no_error() -> None:
    y, x = shop(50_000, 0.2, 4)
    assert cal.ece(y, cal.from_log_odds(x)) < 0.01
    assert cal.ece(y, cal.from_log_odds(2 * x)) > 0.03  # too sure
    assert cal.ece(y, np.full(len(y), y.mean())) == pytest.approx(0.0, abs=1e-12)
    assert cal.brier(y, np.full(len(y), y.mean())) == pytest.approx(y.mean() * (1 - y.mean()))


def test_reliability_by_hand_and_its_wilson_interval() -> None:
    table = cal.reliability([0, 0, 0, 1, 1], [0.1, 0.1, 0.1, 0.1, 0.9], bins=2, by="width")
    assert table["rows"].tolist() == [4, 1] and table["came"].tolist() == [0.25, 1.0]
    # Wilson's interval of 1 in 4, from the textbook
    assert table.loc[0, ["low", "high"]].tolist() == pytest.approx([0.0456, 0.6994], abs=1e-4)


def test_prior_shift_moves_odds_and_mends_a_season_whose_rate_alone_has_moved() -> None:
    assert cal.prior_shift([0.5], 0.1, 0.2)[0] == pytest.approx((0.25 / (1 / 9)) / (1 + 0.25 / (1 / 9)))
    y, x = shop(40_000, 0.25, 5)
    as_trained = cal.from_log_odds(x + np.log(0.1 / 0.9) - np.log(0.25 / 0.75))  # right where a tenth buys
    assert cal.ece(y, as_trained) > 0.08
    assert cal.ece(y, cal.prior_shift(as_trained, 0.1, 0.25)) < 0.01
    found = cal.share_from_chances(as_trained, 0.1)
    assert found == pytest.approx(y.mean(), abs=0.01)  # without a single label
    back = cal.prior_shift(cal.prior_shift([0.03, 0.4, 0.99], 0.1, 0.3), 0.3, 0.1)
    assert back == pytest.approx([0.03, 0.4, 0.99])


def test_lines_find_what_was_done_to_the_log_odds() -> None:
    y, x = shop(40_000, 0.3, 6)
    hot = cal.fit_line(y, cal.from_log_odds(2 * x), "temperature")
    assert (hot.slope, hot.shift) == (pytest.approx(0.5, abs=0.02), 0.0)
    both = cal.fit_line(y, cal.from_log_odds(2 * x + 1), "platt")
    assert (both.slope, both.shift) == (pytest.approx(0.5, abs=0.02), pytest.approx(-0.5, abs=0.04))
    moved = cal.fit_line(y, cal.from_log_odds(x + 1), "shift")
    assert (moved.slope, moved.shift) == (1.0, pytest.approx(-1.0, abs=0.04))
    assert cal.from_log_odds(2 * x + 1)[:5] != pytest.approx(both(cal.from_log_odds(2 * x + 1))[:5])


def test_platt_meets_scikit_learn() -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    y, x = shop(500, 0.3, 7)
    theirs = linear.LogisticRegression(C=1e12, tol=1e-10, max_iter=1000).fit(x[:, None], y)
    ours = cal.fit_line(y, cal.from_log_odds(x))
    assert [ours.slope, ours.shift] == pytest.approx([theirs.coef_[0, 0], theirs.intercept_[0]], abs=1e-4)


def test_a_model_that_separates_does_not_run_away() -> None:
    found = cal.fit_line([0, 0, 1, 1], [0.2, 0.3, 0.7, 0.8])
    assert np.isfinite([found.slope, found.shift]).all()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: cal.brier([0, 1], [0.2, 1.2]), "between 0 and 1"),
        (lambda: cal.brier([0, 2], [0.2, 0.2]), "0 or 1"),
        (lambda: cal.brier([0, 1], [0.2]), "one label and one score"),
        (lambda: cal.ece([1, 1], [0.2, 0.3]), "alike"),
        (lambda: cal.prior_shift([0.2], 10, 20), "0.2, not as 20"),
        (lambda: cal.fit_line([0, 1], [0.2, 0.3], "isotonic"), "platt"),  # type: ignore[arg-type]
        (lambda: cal.reliability([0, 1], [0.2, 0.3], bins=0), "binning"),
    ],
)
def test_what_does_not_fit_is_told(call, words: str) -> None:
    with pytest.raises(DataError, match=words):
        call()
