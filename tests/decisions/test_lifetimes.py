"""BG/NBD and Gamma-Gamma: the published numbers, and customers whose law is known."""

from __future__ import annotations

import numpy as np
import pytest

from ecomlib.decisions.lifetimes import BGNBD, fit_bgnbd, fit_gamma_gamma
from ecomlib.errors import DataError

CDNOW = BGNBD(0.243, 4.414, 0.793, 2.426)  # Fader, Hardie and Lee (2005), table 2


def lives(model: BGNBD, age: np.ndarray, ahead: float, rng: np.random.Generator) -> np.ndarray:
    """Frequency, recency, alive at the age and orders after it, (4, n), of customers who live as the model says."""
    found = np.zeros((4, len(age)))
    rate, leaves = rng.gamma(model.r, 1 / model.alpha, len(age)), rng.beta(model.a, model.b, len(age))
    for j, until in enumerate(age):
        at, there = 0.0, True
        while there:
            at += rng.exponential(1 / rate[j])
            if at > until + ahead:
                break
            if at <= until:
                found[0, j], found[1, j] = found[0, j] + 1, at
            else:
                found[3, j] += 1
            if rng.random() < leaves[j]:
                there = False
                found[2, j] = at > until
        if there:
            found[2, j] = 1
    return found


def test_the_published_customer() -> None:
    assert CDNOW.expected([2], [30.43], [38.86], 39.0)[0] == pytest.approx(1.226, abs=5e-4)
    assert CDNOW.alive([0], [0.0], [38.86])[0] == 1.0
    near = CDNOW.expected([2, 0], [30.43, 0.0], [38.86, 38.86], 1e-6) / 1e-6
    rate = (CDNOW.r + np.array([2, 0])) / (CDNOW.alpha + 38.86)  # in a moment: alive, times the rate
    assert near == pytest.approx(CDNOW.alive([2, 0], [30.43, 0.0], [38.86, 38.86]) * rate, rel=1e-4)


def test_chances_and_counts_are_those_of_the_law() -> None:
    law, rng = BGNBD(0.8, 8.0, 0.9, 2.5), np.random.default_rng(0)
    age = rng.uniform(15, 60, 20_000)
    x, t_x, alive, later = lives(law, age, 26.0, rng)
    said = law.alive(x, t_x, age), 1 - law.silent(x, t_x, age, 26.0), law.expected(x, t_x, age, 26.0)
    for chance, came in zip(said, (alive, later > 0, later), strict=True):
        for group in (x == 0, x == 1, (x > 1) & (age - t_x < 10), (x > 1) & (age - t_x > 25)):
            spread = 4 * came[group].std() / np.sqrt(group.sum()) + 1e-9
            assert chance[group].mean() == pytest.approx(came[group].mean(), abs=spread)


def test_the_parameters_come_back_in_any_unit_of_time() -> None:
    law, rng = BGNBD(0.8, 8.0, 0.9, 2.5), np.random.default_rng(1)
    age = rng.uniform(15, 60, 6000)
    x, t_x, *_ = lives(law, age, 1.0, rng)
    weeks, days = fit_bgnbd(x, t_x, age), fit_bgnbd(x, 7 * t_x, 7 * age)
    assert (weeks.r, weeks.alpha) == (pytest.approx(0.8, rel=0.12), pytest.approx(8.0, rel=0.15))
    assert weeks.a / (weeks.a + weeks.b) == pytest.approx(0.9 / 3.4, rel=0.15)
    assert days.alpha == pytest.approx(7 * weeks.alpha, rel=0.01) and days.r == pytest.approx(weeks.r, rel=0.01)
    assert weeks.silent(x, t_x, age, 13.0) == pytest.approx(days.silent(x, 7 * t_x, 7 * age, 91.0), abs=2e-3)
    better = [BGNBD(weeks.r * f, weeks.alpha, weeks.a, weeks.b) for f in (0.97, 1.03)]
    assert all(likelihood(other, x, t_x, age) < weeks.log_likelihood for other in better)
    assert likelihood(weeks, x, t_x, age) == pytest.approx(weeks.log_likelihood, rel=1e-9)


def likelihood(m: BGNBD, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> float:
    """Equation 6 of the paper, in its own factors A1 to A4."""
    from scipy.special import gammaln

    a1 = gammaln(m.r + x) - gammaln(m.r) + m.r * np.log(m.alpha)
    a2 = gammaln(m.a + m.b) + gammaln(m.b + x) - gammaln(m.b) - gammaln(m.a + m.b + x)
    a3 = (m.alpha + T) ** -(m.r + x)
    a4 = np.where(x > 0, m.a / (m.b + np.maximum(x, 1) - 1) * (m.alpha + t_x) ** -(m.r + x), 0.0)
    return float((a1 + a2 + np.log(a3 + a4)).sum())


def test_gamma_gamma_draws_towards_the_mean() -> None:
    rng, n = np.random.default_rng(2), 20_000
    orders = rng.integers(1, 9, n)
    scale = rng.gamma(4.0, 1 / 20.0, n)
    mean = rng.gamma(3.0 * orders, 1 / (scale * orders))
    found = fit_gamma_gamma(orders, mean)
    assert found.p * found.gamma / (found.q - 1) == pytest.approx(20.0, rel=0.05)
    said, truth = found.expected(orders, mean), 3.0 / scale
    for group in (mean < 10, (mean > 15) & (mean < 25), mean > 40):
        assert said[group].mean() == pytest.approx(truth[group].mean(), rel=0.06)
    assert np.abs(said - truth).mean() < np.abs(mean - truth).mean()
    assert fit_gamma_gamma(orders, 100 * mean).expected([0], [0.0])[0] == pytest.approx(
        100 * found.expected([0], [0.0])[0], rel=1e-3
    )


# What the package lifetimes 0.11.3 (numpy 1.26.4, scipy 1.12.0, no penalty) says of the customers of `drawn`, recorded
# on 2026-11-30: BetaGeoFitter, then of four customers the chance to be alive and the orders of 26 weeks, and the sums
# over all; GammaGammaFitter and the sum of conditional_expected_average_profit. On CDNOW's 2,357 customers, which
# lifetimes brings, ours are the papers' numbers: .243, 4.414, .793, 2.426, log-likelihood -9582.4; 6.25, 3.74, 15.45.
THEIRS = {
    "bgnbd": [0.52595992, 5.85023835, 1.52702378, 5.10831090],
    "alive": [0.12537346, 0.76559429, 0.01742375, 0.73264639],
    "orders": [0.06122720, 0.60048672, 0.06209783, 10.60619834],
    "sums": [191.19981290, 187.92502087],
    "gamma_gamma": [2.60641642, 4.59826478, 86.16204849],
    "worth": 18859.77214630,
}


def drawn() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Frequency, recency, age and mean money of 300 customers, (n,) each."""
    rng, n = np.random.default_rng(14), 300
    age, x, t = np.round(rng.uniform(15, 80, n), 2), np.zeros(n), np.zeros(n)
    rate, leaves = rng.gamma(0.6, 1 / 8.0, n), rng.beta(0.8, 2.5, n)
    for j in range(n):
        at = rng.exponential(1 / rate[j])
        while at <= age[j]:
            x[j], t[j] = x[j] + 1, round(at, 2)
            if rng.random() < leaves[j]:
                break
            at += rng.exponential(1 / rate[j])
    money = np.round(rng.gamma(3.0 * (x + 1), 1 / (rng.gamma(4.0, 1 / 60.0, n) * (x + 1))), 2)
    return x, np.minimum(t, age), age, money


def test_parity_with_the_package_lifetimes() -> None:
    x, t_x, age, money = drawn()
    found, who = fit_bgnbd(x, t_x, age), [0, 1, 5, int(x.argmax())]
    assert [found.r, found.alpha, found.a, found.b] == pytest.approx(THEIRS["bgnbd"], rel=2e-3)
    theirs = BGNBD(*THEIRS["bgnbd"])  # formulas apart from where the search stopped
    chance, orders = theirs.alive(x, t_x, age), theirs.expected(x, t_x, age, 26.0)
    assert chance[who] == pytest.approx(THEIRS["alive"], rel=1e-5)
    assert orders[who] == pytest.approx(THEIRS["orders"], rel=1e-5)
    assert [chance.sum(), orders.sum()] == pytest.approx(THEIRS["sums"], rel=1e-6)
    assert found.expected(x, t_x, age, 26.0).sum() == pytest.approx(THEIRS["sums"][1], rel=1e-3)
    worth = fit_gamma_gamma(x + 1, money)
    assert [worth.p, worth.q, worth.gamma] == pytest.approx(THEIRS["gamma_gamma"], rel=2e-3)
    assert worth.expected(x + 1, money).sum() == pytest.approx(THEIRS["worth"], rel=1e-5)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(DataError, match="no recency above the age"):
        fit_bgnbd([1], [5.0], [4.0])
    with pytest.raises(DataError, match="bought twice"):
        fit_bgnbd([0, 0], [0.0, 0.0], [4.0, 5.0])
    with pytest.raises(DataError, match="mean above zero"):
        fit_gamma_gamma([1, 2], [0.0, 5.0])
