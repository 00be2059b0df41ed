"""Paired intervals, verdicts and skill, each against a slow or independent reference."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ecomlib.errors import DataError
from ecomlib.evaluation import (
    compare,
    mae,
    parts,
    score,
    score_intervals,
    skill,
    skill_interval,
    two_way_bootstrap,
    verdict_word,
    wape,
)


def make(n_series: int = 40, n_origins: int = 8, seed: int = 0, **bias: float) -> pd.DataFrame:
    """Scored frame with hard origins; each model is off by its own share of y, at random."""
    rng = np.random.default_rng(seed)
    weeks = pd.date_range("2024-01-01", periods=n_origins, freq="4W-MON")
    frame = pd.DataFrame(
        [(f"p{i}", w + pd.Timedelta(weeks=h + 1), w) for w in weeks for i in range(n_series) for h in range(4)],
        columns=["unique_id", "ds", "cutoff"],
    )
    level = frame["unique_id"].map({f"p{i}": 5 + i for i in range(n_series)})
    hard = frame["cutoff"].map(dict(zip(weeks, rng.uniform(0.5, 2, n_origins), strict=True)))
    frame["y"] = rng.poisson(level).astype(float)
    noise = rng.normal(0, 1, len(frame)) * np.sqrt(level) * hard
    for name, share in bias.items():
        own = rng.normal(0, 0.2, len(frame)) * np.sqrt(level)
        frame[name] = np.maximum(frame["y"] + share * noise + own, 0)
    return frame


def slow_wape(frame: pd.DataFrame, model: str, items: list[str], cutoffs: list[pd.Timestamp]) -> float:
    values = []
    for cutoff in cutoffs:
        rows = [frame[(frame["unique_id"] == item) & (frame["cutoff"] == cutoff)] for item in items]
        every = pd.concat(rows)
        values.append((every["y"] - every[model]).abs().sum() / every["y"].sum())
    return float(np.mean(values))


def test_one_draw_equals_the_slow_reference() -> None:
    frame = make(6, 3, a=0.5)
    p = parts(frame, "a", "wape")
    rng = np.random.default_rng(5)
    found = two_way_bootstrap(p, lambda s: s[0], np.random.default_rng(5), draws=1)
    items = rng.multinomial(6, np.full(6, 1 / 6), size=1)[0]
    origins = rng.multinomial(3, np.full(3, 1 / 3), size=1)[0]
    assert items.max() > 1  # something was drawn twice, so weights matter
    drawn = slow_wape(frame, "a", list(np.repeat(p.series, items)), list(np.repeat(p.origins, origins)))
    assert found.low == found.high == pytest.approx(drawn, abs=1e-12)
    assert found.estimate == pytest.approx(wape(frame, "a")["a"].mean(), abs=1e-12)


def test_interval_of_a_mean_has_the_textbook_width() -> None:
    """With one origin and plain means the bootstrap must give the standard error of a mean."""
    frame = make(400, 1, a=1.0)
    each = mae(frame, "a")["a"]
    found = two_way_bootstrap(parts(frame, "a", "mae"), lambda s: s[0], np.random.default_rng(0), draws=4000)
    error = each.std(ddof=0) / np.sqrt(len(each))
    assert (found.high - found.low) / (2 * stats.norm.ppf(0.975)) == pytest.approx(error, rel=0.06)
    assert found.estimate == pytest.approx(each.mean())


def test_origins_widen_and_pairing_narrows() -> None:
    frame = make(a=1.0, b=1.02)
    p = parts(frame, ["a", "b"], "wape")
    alone = two_way_bootstrap(p, lambda s: s[0], np.random.default_rng(0))
    both = two_way_bootstrap(p, lambda s: s[0] - s[1], np.random.default_rng(0))
    assert (both.high - both.low) < 0.3 * (alone.high - alone.low)  # the shared hard weeks cancel
    # Drawing series only (all cells as if of one origin's weight) misses the spread between origins.
    pooled = p._replace(
        numerator=p.numerator.sum(axis=2, keepdims=True),
        denominator=p.denominator.sum(axis=1, keepdims=True),
        origins=[0],
    )
    series_only = two_way_bootstrap(pooled, lambda s: s[0], np.random.default_rng(0))
    assert (alone.high - alone.low) > 1.5 * (series_only.high - series_only.low)


def test_bootstrap_is_repeatable_and_leaves_the_global_generator_alone() -> None:
    p = parts(make(a=1.0), "a", "wape")
    state = np.random.get_state()[1].copy()  # noqa: NPY002 - it must not be touched
    first = two_way_bootstrap(p, lambda s: s[0], np.random.default_rng(3), draws=50)
    assert first == two_way_bootstrap(p, lambda s: s[0], np.random.default_rng(3), draws=50)
    assert first != two_way_bootstrap(p, lambda s: s[0], np.random.default_rng(4), draws=50)
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002
    with pytest.raises(DataError, match="more than a tenth"):
        two_way_bootstrap(p, lambda s: s[0] * np.nan, np.random.default_rng(3), draws=50)


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (-0.05, -0.02, "better"),
        (-0.008, -0.001, "better"),
        (0.02, 0.05, "worse"),
        (0.001, 0.008, "worse"),
        (-0.009, 0.009, "level"),
        (0.0, 0.009, "level"),
        (-0.02, 0.005, "undecided"),
        (-0.005, 0.02, "undecided"),
        (-0.01, 0.009, "undecided"),
    ],
)
def test_words_are_symmetric_and_each_needs_its_interval(low: float, high: float, word: str) -> None:
    mirror = {"better": "worse", "worse": "better"}
    assert verdict_word(low, high) == word and verdict_word(-high, -low) == mirror.get(word, word)
    without = "level" if low > -0.01 and high < 0.01 else "undecided"
    kept = word if word not in mirror else without
    assert verdict_word(low, high, 5 / 8, agreement=0.75) == kept, "six of eight origins are asked for"
    assert verdict_word(low, high, 6 / 8, agreement=0.75) == word


@pytest.mark.parametrize(("share", "word"), [(0.60, "better"), (1.30, "worse"), (1.00, "level")])
def test_verdicts_hold_the_numbers_behind_their_word(share: float, word: str) -> None:
    frame = make(100, 8, ours=share, rival=1.0)
    if word == "level":  # the same forecasts, nudged to and fro
        frame["ours"] = frame["rival"] * np.where(np.arange(len(frame)) % 2, 1.0001, 0.9999)
    found = compare(frame, "ours", "rival", rng=np.random.default_rng(0), draws=500, agreement=0.75)
    assert found.word == word and not found.slight and found.bearable == (word != "worse")
    value = score(frame, ["ours", "rival"], ["wape"])["value"]
    assert found.scores == pytest.approx(tuple(value), abs=1e-12)
    assert found.relative.estimate == pytest.approx((value[0] - value[1]) / value[1], abs=1e-12)
    assert len(found.by_origin) == 8 and found.wins == (found.by_origin["ours"] < found.by_origin["rival"]).sum()
    assert found.word in str(found) and "of 8 origins" in str(found)
    assert found.biases == pytest.approx(tuple(score(frame, ["ours", "rival"], ["bias"])["value"]), abs=1e-12)
    assert f"bias {100 * found.biases[0]:+.1f} % against {100 * found.biases[1]:+.1f} %" in str(found)


def test_verdict_needs_agreement_of_origins() -> None:
    """Ahead by far at five of eight origins, behind by a hair at three: below zero, but the origins disagree."""
    frame = make(60, 8, rival=1.0)
    weeks = sorted(frame["cutoff"].unique())
    good = frame["cutoff"].isin(weeks[:5])
    frame["ours"] = frame["rival"].where(~good, frame["y"] + 0.5 * (frame["rival"] - frame["y"]))
    frame["ours"] = frame["ours"].where(good, frame["y"] + 1.0005 * (frame["rival"] - frame["y"]))
    found = compare(frame, "ours", "rival", rng=np.random.default_rng(0), draws=500)
    assert found.wins == 5 and found.relative.high < -0.01 and found.word == "better"
    strict = compare(frame, "ours", "rival", rng=np.random.default_rng(0), draws=500, agreement=0.75)
    assert strict.word == "undecided" and strict.bearable
    loose = compare(frame, "ours", "rival", rng=np.random.default_rng(0), draws=500, agreement=0.6)
    assert loose.word == "better"


def test_worse_by_less_than_matters_says_so() -> None:
    frame = make(60, 8, rival=1.0)
    frame["ours"] = frame["y"] + 1.005 * (frame["rival"] - frame["y"])
    found = compare(frame, "ours", "rival", rng=np.random.default_rng(0), draws=500)
    assert found.word == "worse" and found.slight and "worse by less than matters; wape" in str(found)
    assert not found.bearable, "shown to be worse is shown to be worse"
    strict = compare(frame, "ours", "rival", rng=np.random.default_rng(0), draws=500, margin=0.001)
    assert strict.word == "worse" and not strict.slight


def test_ahead_without_proof_is_undecided() -> None:
    rng = np.random.default_rng(1)
    frame = make(3, 4, rival=1.0)
    frame["ours"] = frame["y"] + (frame["rival"] - frame["y"]) * rng.uniform(0.2, 1.7, len(frame))
    found = compare(frame, "ours", "rival", rng=rng, draws=500)
    assert found.scores[0] < found.scores[1] - 0.005 and found.relative.high > 0.01
    assert found.word == "undecided" and not found.bearable
    assert compare(frame, "ours", "rival", rng=rng, draws=500, margin=10.0).word == "level"


def test_leaderboard_is_sorted_with_intervals() -> None:
    frame = make(a=1.0, b=0.5)
    table = score_intervals(frame, metric="wape", rng=np.random.default_rng(0), draws=300)
    assert list(table["model"]) == ["b", "a"]
    assert list(table["bias"]) == pytest.approx(list(score(frame, ["b", "a"], ["bias"])["value"]), abs=1e-12)
    assert (table["low"] < table["value"]).all() and (table["value"] < table["high"]).all()


def test_skill() -> None:
    assert skill(0.562, 0.302, 0.302) == 1.0
    assert skill(0.5, 0.5, 0.3) == 0.0
    assert skill([0.5, 0.7], [0.4, 0.6], [0.3, 0.5]) == pytest.approx(0.5)  # of averages, not an average of ratios
    assert skill([0.5, 0.9], [0.4, 0.9], [0.3, 0.1]) == pytest.approx(0.1)
    assert skill(0.5, 0.6, 0.3) == pytest.approx(-0.5)
    with pytest.raises(DataError, match="undefined"):
        skill(0.3, 0.3, 0.3)


def test_skill_interval_is_paired() -> None:
    frame = make(naive=1.0, model=0.6, attainable_median=0.2)
    found = skill_interval(frame, "model", rng=np.random.default_rng(0), draws=500)
    value = score(frame, ["naive", "model", "attainable_median"], ["wape"])["value"]
    assert found.estimate == pytest.approx((value[0] - value[1]) / (value[0] - value[2]), abs=1e-12)
    assert found.low < found.estimate < found.high
    alone = score_intervals(frame, ["model"], rng=np.random.default_rng(0), draws=500).iloc[0]
    assert (found.high - found.low) < (alone["high"] - alone["low"]) / (value[0] - value[2])
    with pytest.raises(DataError, match="undefined"):
        skill_interval(frame.assign(attainable_median=frame["naive"]), "model", rng=np.random.default_rng(0), draws=500)
