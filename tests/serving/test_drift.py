"""Drift: known values, false alarms as often as promised, and alarms that ring."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest

from ecomlib.errors import DataError
from ecomlib.serving.live.drift import (
    DriftSettings,
    Light,
    Noise,
    Shares,
    level_limits,
    level_noise,
    psi,
    silence,
    watch_coverage,
    watch_inputs,
    watch_large,
    watch_level,
    watch_weeks,
)
from ecomlib.serving.live.drift_report import summed_up, with_silence


def test_psi_by_hand() -> None:
    """Two bins, 50/50 before and 20/80 after: 0.3 log(0.8/0.5) - 0.3 log(0.2/0.5)."""
    old = np.r_[np.zeros(50_000), np.ones(50_000)]
    new = np.r_[np.zeros(20_000), np.ones(80_000)]
    assert psi(old, new, bins=2) == pytest.approx(0.3 * np.log(0.8 / 0.5) - 0.3 * np.log(0.2 / 0.5), abs=1e-3)
    assert psi(old, old) == 0


def test_bins_come_from_the_reference() -> None:
    """All new values beyond the old range: bins of the new data would see ten full bins and no change."""
    rng = np.random.default_rng(0)
    old, new = rng.normal(size=2_000), rng.normal(8, 1, size=2_000)
    assert psi(old, new) > 5
    assert np.isfinite(psi(old, new))


def test_many_zeros_share_one_bin() -> None:
    rng = np.random.default_rng(1)
    old, same, fewer = rng.poisson(0.3, 5_000), rng.poisson(0.3, 5_000), rng.poisson(1.2, 5_000)
    assert psi(old, same) < 0.01 < 0.25 < psi(old, fewer)


def test_nothing_changed_rings_about_never() -> None:
    rng = np.random.default_rng(2)
    alarms = [any(light.alarm for light in watch_inputs(rng.gamma(2, 3, 400), rng.gamma(2, 3, 60))) for _ in range(400)]
    assert np.mean(alarms) < 0.01
    covered = [watch_coverage(rng.random(200) < 0.9).alarm for _ in range(400)]
    assert np.mean(covered) < 0.01


def test_a_change_rings() -> None:
    rng = np.random.default_rng(3)
    lights = watch_inputs(rng.gamma(2, 3, 2_000), rng.gamma(2, 6, 300))
    assert all(light.alarm for light in lights)
    light = watch_coverage(rng.random(400) < 0.75)
    assert light.alarm and "90%" in light.says
    assert not watch_coverage(np.ones(400)).alarm, "too wide is no alarm"


def test_a_real_difference_that_does_not_matter_is_no_alarm() -> None:
    rng = np.random.default_rng(4)
    lights = watch_inputs(rng.normal(size=200_000), rng.normal(0.03, 1, size=200_000), DriftSettings())
    assert lights[1].value < 0.1 and not any(light.alarm for light in lights)


@pytest.mark.parametrize("values", [[], [1.0, np.nan]])
def test_gaps_are_refused(values: list[float]) -> None:
    with pytest.raises(DataError, match="finite"):
        psi([1.0, 2.0], values)
    with pytest.raises(DataError, match="0 or 1"):
        watch_coverage([0.0, 2.0])


def test_distance_and_chance_are_scipys() -> None:
    """The distance is the same number; its chance is the limit for many values, so within a fifth of the exact one."""
    from scipy.stats import ks_2samp

    rng = np.random.default_rng(5)
    for old, new in (
        (rng.poisson(3, 500), rng.poisson(3.5, 200)),
        (rng.normal(size=4_000), rng.normal(0.05, 1, 2_000)),
    ):
        light, exact = watch_inputs(old, new)[1], ks_2samp(old, new)
        assert light.value == pytest.approx(exact.statistic, abs=1e-12)
        assert float(light.says.split("(p ")[1].rstrip(")")) == pytest.approx(exact.pvalue, rel=0.2)


# --- level -----------------------------------------------------------------------------------------------------------

USUAL = Noise(0.08, 18)  # a week's units lie 8 % off what was expected


@pytest.mark.parametrize(
    "sold, expected, noise, red",
    [
        ([3769, 2950, 2759], [1707, 1786, 1703], Noise(0.15, 18), True),  # 2.1-fold
        ([348, 353], [215, 242], Noise(0.3, 11), False),  # +53 %: too much for a shop as noisy as this one, too
        ([968] * 4, [1196.5] * 4, USUAL, False),  # -19 %
        ([700, 720], [1000, 1000], USUAL, True),
        ([1400], [1000], USUAL, False),  # a single week is never red
    ],
)
def test_a_level_that_is_off_rings(sold: list[float], expected: list[float], noise: Noise, red: bool) -> None:
    light = watch_level(sold, expected, noise)
    assert light.alarm and light.red is red and light.drift
    assert light.value == pytest.approx((sum(sold) + 0.5) / (sum(expected) + 0.5) - 1)
    assert f"{sum(sold):,.0f} units sold where {sum(expected):,.0f} were expected" in light.says


@pytest.mark.parametrize(
    "sold, noise", [([1080, 930, 1050, 960], USUAL), ([1090] * 4, Noise(0.01, 18)), ([1250, 800], Noise(0.15, 18))]
)
def test_ordinary_weeks_do_not(sold: list[float], noise: Noise) -> None:
    """Noise; a difference that is real and does not matter; two weeks that make up for each other."""
    assert not watch_level(sold, [1000.0] * len(sold), noise).alarm


def test_level_is_the_t_test() -> None:
    """The chance is scipy's: just below and just above its limit."""
    from scipy.stats import t

    limit = float(t.isf(0.01, 10)) * 0.2 / np.sqrt(2)
    for factor, rings in ((0.99, False), (1.01, True)):
        units = 1e6 * np.exp(limit * factor)
        assert watch_level([units] * 2, [1e6] * 2, Noise(0.2, 10)).alarm is rings


def test_level_rings_rarely_by_chance_and_within_four_weeks_by_a_fifth() -> None:
    rng = np.random.default_rng(6)
    alarms, after = [], []
    for _ in range(600):
        before, history = rng.normal(0, 0.08, 16), rng.normal(0, 0.12, 52)
        noise, weeks = level_noise(before, history), 1000 * np.exp(rng.normal(0, 0.08, 8))
        changed = np.r_[weeks[:4], weeks[4:] * rng.choice([0.8, 1.2])]
        alarms += [watch_level(weeks[:n], [1000.0] * n, noise).alarm for n in (1, 2, 4, 8)]
        after.append([watch_level(changed[:n], [1000.0] * n, noise).alarm for n in (6, 8)])
    assert np.mean(alarms) < 0.03
    two, four = np.mean(after, axis=0)
    assert two > 0.6 and four > 0.9


def test_noise_by_hand() -> None:
    own, rule = [0.1, -0.1, 0.1, -0.1], [0.3, -0.3] * 10
    alone = level_noise(own)
    assert alone == (pytest.approx(np.std(own, ddof=1)), 3)
    both = level_noise(own, rule)
    assert both.df == 7 and both.sd == pytest.approx(np.sqrt((3 * np.var(own, ddof=1) + 4 * np.var(rule, ddof=1)) / 7))
    assert level_noise([], rule) == (pytest.approx(np.std(rule, ddof=1)), 19)
    assert level_noise(np.add(own, 0.5)).sd == pytest.approx(alone.sd), "what is always half too little is no noise"
    light = watch_level([1000, 900], [1000, 1000], level_noise([]))
    assert np.isnan(light.value) and not light.alarm and "not known" in light.says


# --- coverage --------------------------------------------------------------------------------------------------------


def weeks_of(rng: np.random.Generator, count: int, shift: float = 0.0, shock: float = 0.5) -> list[np.ndarray]:
    """Hits of 500 intervals in each week, which all move together: a normal error, part of it the week's own."""
    errors = [shock * rng.normal() + np.sqrt(1 - shock**2) * rng.normal(size=500) + shift for _ in range(count)]
    return [np.abs(error) < 1.645 for error in errors]


def test_a_week_counts_once() -> None:
    """Products that move together: the test on intervals rings for nothing, the test on weeks does not."""
    rng = np.random.default_rng(7)
    by_cell, by_week, missed = [], [], []
    for _ in range(300):
        before, now, worse = weeks_of(rng, 12), weeks_of(rng, 4), weeks_of(rng, 4, shift=1.0)
        usual = np.array([hit.mean() for hit in before])
        by_cell.append(watch_coverage(np.concatenate(now), settings=DriftSettings(slack=0.0)).alarm)
        means = Shares(np.array([hit.mean() for hit in now]), usual, 500)
        by_week.append(watch_weeks(means, settings=DriftSettings(slack=0.0)).alarm)
        missed.append(watch_weeks(means._replace(recent=np.array([hit.mean() for hit in worse]))).alarm)
    assert np.mean(by_cell) > 0.1 and np.mean(by_week) < 0.06 and np.mean(missed) > 0.7


def test_one_week_needs_others_to_be_judged() -> None:
    alone = watch_weeks(Shares(np.array([0.6]), np.array([]), 500))
    assert np.isnan(alone.value) and not alone.alarm
    judged = watch_weeks(Shares(np.array([0.6]), np.array([0.91, 0.89, 0.9, 0.92]), 500))
    assert judged.value == 0.6 and judged.alarm and not judged.red, "red needs two weeks"
    assert watch_weeks(Shares(np.array([0.6, 0.62]), np.array([0.91, 0.89, 0.9]), 500)).red
    few = watch_weeks(Shares(np.array([0.0]), np.array([1.0, 1.0, 1.0]), 1))
    assert not few.alarm, "one interval that missed proves nothing, though those before were all alike"


def test_intervals_that_miss_what_sells_ring() -> None:
    """95 % of all, and half of the best sellers: red where it is new, amber where it was so before the cutoff."""
    good, bad = np.array([0.93, 0.91, 0.92, 0.94]), np.array([0.5, 0.52, 0.48, 0.51])
    assert not watch_weeks(Shares(good, good, 4000)).alarm
    half = Shares(good - 0.05, good - 0.05, 2000)
    new = watch_large({"the half": half, "the best tenth": Shares(bad, good, 400)})
    assert new.alarm and new.red and new.drift and new.value == pytest.approx(0.875)
    assert "the half 88%, the best tenth 50%" in new.says
    known = watch_large({"the half": half, "the best tenth": Shares(bad, bad, 400)})
    assert known.alarm and not known.red and not known.drift and "training again alone will not mend it" in known.says
    fine = watch_large({"the half": half, "the best tenth": Shares(good, good, 400)})
    assert not fine.alarm and "the best tenth 92%" in fine.says
    assert summed_up([known])["light"] == "amber" and not summed_up([known])["drifted"]
    assert summed_up([new, known])["light"] == "red" and summed_up([new])["drifted"]


# --- silence ---------------------------------------------------------------------------------------------------------

NOON = datetime(2026, 3, 2, 12)


@pytest.mark.parametrize(
    "hours, behind, usual, alarm, says",
    [
        (2, None, 14.0, False, "last event arrived 2 hours ago"),
        (27, None, 14.0, False, "last event arrived 27 hours ago"),
        (29, None, 14.0, True, "last event arrived 29 hours ago; the longest silence of the history is 14 hours"),
        (0.5, 73, 14.0, True, "last order 3 days ago; the longest silence of the history is 14 hours"),
        (0.5, 20, 14.0, False, "last order 20 hours ago"),
        (0.5, None, 0.01, False, "last event arrived 30 minutes ago"),
        (1000, None, 24.0 * 28, False, "last event arrived 41 days ago"),
        (0.5, -20, 14.0, False, "last event arrived 30 minutes ago"),
    ],
)
def test_silence(hours: float, behind: float | None, usual: float, alarm: bool, says: str) -> None:
    """Against the shop's own longest silence; where there is a present, the newest order's date counts, too."""
    clock = None if behind is None else NOON - timedelta(hours=behind)
    light = silence(NOON, NOON - timedelta(hours=hours), usual, clock)
    assert light.alarm is alarm and light.says == says and not light.red and not light.drift
    assert light.value == pytest.approx(max(hours, behind or 0))


def test_silence_since_the_start() -> None:
    light = silence(NOON, None, 14.0, started=NOON - timedelta(days=3))
    assert light.alarm and light.says.startswith("no event has arrived since the service started, 3 days ago")
    unknown = silence(NOON, None, 14.0)
    assert np.isnan(unknown.value) and not unknown.alarm


def test_what_is_silent_is_not_green() -> None:
    quiet = silence(NOON, NOON - timedelta(days=3), 14.0)
    level, fine = (Light("level", 0.4, alarm, "much more is sold", red=alarm) for alarm in (True, False))
    green, red, dark = summed_up([fine]), summed_up([level]), summed_up([fine], known=False)
    assert (green["light"], red["light"], dark["light"]) == ("green", "red", "unknown")
    assert with_silence(green, quiet)["light"] == with_silence(dark, quiet)["light"] == "amber"
    assert with_silence(green, quiet)["says"] == quiet.says
    assert with_silence(red, quiet)["light"] == "red" and "much more" in with_silence(red, quiet)["says"]
    awake = silence(NOON, NOON, 14.0)
    assert with_silence(green, awake)["light"] == "green" and with_silence(green, awake)["lights"][-1]["value"] == 0
    assert green["lights"] == summed_up([fine])["lights"], "the report that is kept is not changed"


@pytest.mark.parametrize("weeks", [1, 2, 3, 4, 9])
@pytest.mark.parametrize("noise", [Noise(0.02, 9), Noise(0.15, 6), Noise(0.5, 4), Noise(np.nan, 0)])
def test_the_level_s_limits_are_where_it_rings(weeks: int, noise: Noise) -> None:
    """Weeks that are off alike ring just beyond a limit, and not just before it."""
    for limit in level_limits(weeks, noise):
        if not np.isfinite(limit) or limit <= -0.999:
            assert weeks == 1 and not noise.sd > 0
            continue
        inner, outer = (1e9 * (1 + part * limit) for part in (0.999, 1.001))
        assert not watch_level([inner] * weeks, [1e9] * weeks, noise).alarm
        assert watch_level([outer] * weeks, [1e9] * weeks, noise).alarm
