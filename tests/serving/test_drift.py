"""Drift: known values, false alarms as often as promised, and alarms that ring."""

from __future__ import annotations

import numpy as np
import pytest

from ecomlib.errors import DataError
from ecomlib.serving.live.drift import DriftSettings, psi, watch_coverage, watch_inputs


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
