"""Defines lesson 12's exercises: the level to order up to, one step of EM, and the division of scarce stock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


# --- the level to order up to ---


def order_up_to(mean: float, sd: float, ratio: float, lead: float, review: float) -> float:
    """The level that is enough for lead time and review together with this probability; units, normal demand."""
    span = lead + review
    return float(span * mean + _z(ratio) * np.sqrt(span) * sd)


def _z(ratio: float) -> float:
    from scipy.stats import norm

    return float(norm.ppf(ratio))


def _level_stub(mean: float, sd: float, ratio: float, lead: float, review: float) -> Any:
    return ...


def _level_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    drawn = [
        (float(rng.uniform(5, 40)), float(rng.uniform(2, 9)), float(rng.uniform(0.6, 0.97)), float(lead), float(review))
        for lead, review in ((1, 2), (4, 1), (0.5, 1))
    ]
    return [(10.0, 4.0, 0.9, 2.0, 1.0), *drawn]


_LEVEL_MISTAKES: dict[str, tuple[Answer, str]] = {
    "lead_time_alone": (
        lambda mean, sd, ratio, lead, review: order_up_to(mean, sd, ratio, lead, 0.0),
        "This lasts until the order arrives, and not until the next one does. What you order today must do until the"
        " order of the next review is there: lead + review periods.",
    ),
    "review_alone": (
        lambda mean, sd, ratio, lead, review: order_up_to(mean, sd, ratio, 0.0, review),
        "This lasts from one review to the next, as if goods came at once. Add the lead time: lead + review periods.",
    ),
    "one_period": (
        lambda mean, sd, ratio, lead, review: mean + _z(ratio) * sd,
        "This is enough for one period. What you order today must last for lead + review of them.",
    ),
    "sd_added_linearly": (
        lambda mean, sd, ratio, lead, review: (lead + review) * (mean + _z(ratio) * sd),
        "You added standard deviations. Variances of independent periods add up; their standard deviation grows with"
        " the root of the number of periods, since good and bad periods cancel in part.",
    ),
    "sd_of_one_period": (
        lambda mean, sd, ratio, lead, review: (lead + review) * mean + _z(ratio) * sd,
        "The mean is of all periods, the safety stock of one alone. Multiply the standard deviation by the root of"
        " lead + review.",
    ),
    "mean_only": (
        lambda mean, sd, ratio, lead, review: (lead + review) * mean,
        "This is what you expect to sell: every second time it is not enough. Add the safety stock, z standard"
        " deviations.",
    ),
    "safety_only": (
        lambda mean, sd, ratio, lead, review: _z(ratio) * np.sqrt(lead + review) * sd,
        "This is the safety stock alone. Add what you expect to sell in lead + review periods.",
    ),
    "variance_for_sd": (
        lambda mean, sd, ratio, lead, review: (lead + review) * mean + _z(ratio) * (lead + review) * sd**2,
        "The variance of all periods is there, and its root is missing: a safety stock is z standard deviations.",
    ),
    "other_tail": (
        lambda mean, sd, ratio, lead, review: order_up_to(mean, sd, 1 - ratio, lead, review),
        "Below the mean: you took the quantile of 1 - ratio. The ratio is the probability that stock is enough.",
    ),
    "ratio_for_z": (
        lambda mean, sd, ratio, lead, review: (lead + review) * mean + ratio * np.sqrt(lead + review) * sd,
        "You took the ratio for z. Standard deviations are counted by the normal law's quantile: norm.ppf(ratio).",
    ),
    "share_of_the_mean": (
        lambda mean, sd, ratio, lead, review: (lead + review) * mean * (1 + ratio),
        "A safety stock in proportion to the mean knows nothing of how demand scatters. It is z standard deviations.",
    ),
    "root_over_the_mean": (
        lambda mean, sd, ratio, lead, review: np.sqrt(lead + review) * (mean + _z(ratio) * sd),
        "The root belongs to the standard deviation alone. Means of periods simply add up.",
    ),
    "rounded_up": (
        lambda mean, sd, ratio, lead, review: float(np.ceil(order_up_to(mean, sd, ratio, lead, review))),
        "The right level, rounded up. That is what a shop orders; asked is the level itself, not rounded.",
    ),
    "mean_of_the_lead_time": (
        lambda mean, sd, ratio, lead, review: lead * mean + _z(ratio) * np.sqrt(lead + review) * sd,
        "The safety stock is of lead + review periods, the mean of the lead time alone. Both are of the same periods.",
    ),
    "sd_of_the_lead_time": (
        lambda mean, sd, ratio, lead, review: (lead + review) * mean + _z(ratio) * np.sqrt(lead) * sd,
        "The mean is of lead + review periods, the safety stock of the lead time alone. Both are of the same periods.",
    ),
    "two_sided": (
        lambda mean, sd, ratio, lead, review: order_up_to(mean, sd, (1 + ratio) / 2, lead, review),
        "Your z is that of a two-sided interval. Stock is too small on one side only: z = norm.ppf(ratio).",
    ),
    "sd_for_variance": (
        lambda mean, sd, ratio, lead, review: (lead + review) * mean + _z(ratio) * np.sqrt((lead + review) * sd),
        "You took the root of the standard deviation. Variances add up, and sd**2 is the variance of one period.",
    ),
    "poisson_scatter": (
        lambda mean, sd, ratio, lead, review: (lead + review) * mean + _z(ratio) * np.sqrt((lead + review) * mean),
        "Your safety stock is that of a Poisson law, whose variance is its mean. Here sd is given: use it.",
    ),
    "one_period_less": (
        lambda mean, sd, ratio, lead, review: order_up_to(mean, sd, ratio, lead, review - 1),
        "One period is missing. The next order is placed after the review time and arrives after the lead time:"
        " lead + review periods.",
    ),
}
_LEVEL_PAIRS: dict[tuple[str, str], Answer] = {
    ("lead_time_alone", "sd_added_linearly"): lambda mean, sd, ratio, lead, review: lead * (mean + _z(ratio) * sd),
    ("lead_time_alone", "sd_of_one_period"): lambda mean, sd, ratio, lead, review: lead * mean + _z(ratio) * sd,
}


# --- one step of EM ---


def em_step(sold: Floats, out: Flags, mean: float) -> float:
    """The new mean of a Poisson law after one step: where the shelf ran empty, what at least so much is on average."""
    full = np.where(out, _beyond(sold, mean), sold)
    return float(np.mean(full))


def _beyond(sold: Floats, mean: float) -> Floats:
    """E[D | D >= sold] of a Poisson law."""
    from scipy.stats import poisson

    return np.asarray(mean * poisson.sf(sold - 2, mean) / poisson.sf(sold - 1, mean))


def _em_stub(sold: Floats, out: Flags, mean: float) -> Any:
    return ...


def _em_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    def drawn(mean: float, stock: int, n: int, guess: float) -> tuple[Any, ...]:
        wanted = rng.poisson(mean, n)
        sold = np.minimum(wanted, stock)
        out = sold == stock
        return sold.astype(float), out, guess

    small = np.array([3.0, 1.0, 2.0, 2.0]), np.array([False, False, True, False]), 2.0
    return [small, drawn(3.0, 4, 30, 2.0), drawn(6.0, 6, 40, 5.0), drawn(2.5, 3, 30, 4.0)]


def _strictly(sold: Floats, out: Flags, mean: float) -> float:
    return float(np.mean(np.where(out, _beyond(sold + 1, mean), sold)))


_EM_MISTAKES: dict[str, tuple[Answer, str]] = {
    "sales_as_they_are": (
        lambda sold, out, mean: float(np.mean(sold)),
        "This is the mean of what was sold. Where the shelf ran empty at least so much was wanted: replace those weeks"
        " by E[D | D >= sold] first.",
    ),
    "censored_dropped": (
        lambda sold, out, mean: float(np.mean(sold[~out])),
        "You left out the weeks that ended empty. They are the ones in which most was wanted: the slow weeks remain,"
        " and the mean is too low. Replace them instead.",
    ),
    "strictly_more": (
        _strictly,
        "You took E[D | D > sold]. A week that ended empty may have had exactly as much demand as it had stock: at"
        " least that much was wanted, D >= sold.",
    ),
    "mean_for_censored": (
        lambda sold, out, mean: float(np.mean(np.where(out, mean, sold))),
        "You replaced the weeks that ended empty by the old mean. They say more than that: at least sold was wanted.",
    ),
    "largest_of_both": (
        lambda sold, out, mean: float(np.mean(np.where(out, np.maximum(sold, mean), sold))),
        "The larger one of sold and mean is the least that the week can have been, not what it is on average:"
        " E[D | D >= sold] lies above both.",
    ),
    "mean_on_top": (
        lambda sold, out, mean: float(np.mean(np.where(out, sold + mean, sold))),
        "You added the whole mean to what was sold, as if a second week had begun. Take E[D | D >= sold].",
    ),
    "all_weeks_replaced": (
        lambda sold, out, mean: float(np.mean(_beyond(sold, mean))),
        "You replaced every week. Where the shelf did not run empty demand is known: it is what was sold.",
    ),
    "flags_reversed": (
        lambda sold, out, mean: em_step(sold, ~out, mean),
        "You replaced the weeks that did not run empty. out is True where the shelf ended empty.",
    ),
    "below_for_beyond": (
        lambda sold, out, mean: float(np.mean(np.where(out, _below(sold, mean), sold))),
        "You took the mean of what lies at or below sold. A week that ended empty had demand of sold or more.",
    ),
    "probability_forgotten": (
        lambda sold, out, mean: float(np.mean(np.where(out, _reach(sold, mean), sold))),
        "You multiplied the mean by P(D >= sold - 1) and forgot to divide by P(D >= sold): given that so much was"
        " wanted, probabilities must be scaled up to one.",
    ),
    "summed": (
        lambda sold, out, mean: em_step(sold, out, mean) * len(sold),
        "This is the sum over the weeks. The new mean is their mean.",
    ),
    "censored_alone": (
        lambda sold, out, mean: float(np.mean(_beyond(sold, mean)[out])),
        "This is the mean of the weeks that ended empty alone. Average all weeks, with those replaced.",
    ),
    "old_mean_averaged": (
        lambda sold, out, mean: (em_step(sold, out, mean) + mean) / 2,
        "You averaged the new mean with the old one. The new mean takes its place.",
    ),
    "iterated": (
        lambda sold, out, mean: _settled(sold, out, mean),
        "You went round until nothing moved. That is EM, and it is what you want in the end; asked is one step.",
    ),
    "own_start": (
        lambda sold, out, mean: em_step(sold, out, float(np.mean(sold))),
        "You began at the mean of the sales. Begin at the mean that is handed in.",
    ),
    "sold_and_beyond": (
        lambda sold, out, mean: float(np.mean(np.where(out, sold + _beyond(sold, mean), sold))),
        "You added E[D | D >= sold] to what was sold. It is the whole demand of that week, what was sold included.",
    ),
    "one_more": (
        lambda sold, out, mean: float(np.mean(np.where(out, sold + 1, sold))),
        "You added one unit to each week that ended empty. How many more were wanted depends on the mean: take"
        " E[D | D >= sold].",
    ),
    "divided_by_the_others": (
        lambda sold, out, mean: float(np.sum(np.where(out, _beyond(sold, mean), sold)) / np.sum(~out)),
        "The sum is of all weeks, and you divided it by the number of those that did not run empty.",
    ),
    "fraction_upside_down": (
        lambda sold, out, mean: float(np.mean(np.where(out, mean**2 / _beyond(sold, mean), sold))),
        "The fraction is upside down: P(D >= sold - 1) goes above, the smaller P(D >= sold) below.",
    ),
}


def _settled(sold: Floats, out: Flags, mean: float) -> float:
    for _ in range(500):
        mean = em_step(sold, out, mean)
    return mean


def _below(sold: Floats, mean: float) -> Floats:
    from scipy.stats import poisson

    return np.asarray(mean * poisson.cdf(sold - 1, mean) / poisson.cdf(sold, mean))


def _reach(sold: Floats, mean: float) -> Floats:
    from scipy.stats import poisson

    return np.asarray(mean * poisson.sf(sold - 2, mean))


# --- scarce stock and several regions ---


def divide(stock: float, widths: Floats, chance: Floats, margin: Floats) -> Floats:
    """Units for each region (R,) that are expected to earn most; steps (R, K), chances (K,), margins (R,)."""
    from scipy.optimize import linprog

    gain = margin[:, None] * chance
    found = linprog(
        -gain.ravel(), A_ub=np.ones((1, gain.size)), b_ub=[stock], bounds=[(0, wide) for wide in widths.ravel()]
    )
    return np.asarray(found.x.reshape(widths.shape).sum(axis=1))


def _divide_stub(stock: float, widths: Floats, chance: Floats, margin: Floats) -> Any:
    return ...


def _divide_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    def drawn(regions: int, share: float) -> tuple[Any, ...]:
        widths = rng.integers(1, 9, (regions, 3)).astype(float)
        margin = np.round(rng.uniform(2.0, 6.0, regions), 2)
        return float(np.floor(share * widths.sum())), widths, np.array([0.9, 0.6, 0.25]), margin

    small = np.array([[4.0, 1.0, 1.0], [1.0, 4.0, 6.0]])
    return [
        (9.0, small, np.array([0.9, 0.6, 0.2]), np.array([3.0, 4.0])),
        drawn(3, 0.5),
        drawn(4, 0.35),
        drawn(5, 0.6),
    ]


def _fill(stock: float, first: Any, most: Floats) -> Floats:
    """Serve regions one after the other, each up to its most."""
    units, left = np.zeros(len(most)), stock
    for region in first:
        units[region] = min(left, most[region])
        left -= units[region]
    return units


def _expected(widths: Floats, chance: Floats) -> Floats:
    return np.asarray(widths @ chance)


def _to_expected(stock: float, widths: Floats, chance: Floats, margin: Floats) -> Floats:
    """The dearest region first, each up to its expected demand."""
    return _fill(stock, np.argsort(-margin, kind="stable"), _expected(widths, chance))


def _gain_by_step(stock: float, widths: Floats, chance: Floats, margin: Floats) -> Floats:
    """The steps with the largest gain as a whole first."""
    worth, units, left = margin[:, None] * chance * widths, np.zeros(len(widths)), stock
    for place in np.argsort(-worth.ravel(), kind="stable"):
        taken = min(left, widths.ravel()[place])
        units[place // widths.shape[1]] += taken
        left -= taken
    return units


def _in_proportion(stock: float, weight: Floats) -> Floats:
    return np.asarray(stock * weight / weight.sum())


_DIVIDE_MISTAKES: dict[str, tuple[Answer, str]] = {
    "up_to_the_expected": (
        _to_expected,
        "You filled each region up to its expected demand. The last of those units may be wanted every second time,"
        " while another region's first unit is nearly sure to sell: give each unit a step, and its chance.",
    ),
    "in_proportion_to_the_expected": (
        lambda stock, widths, chance, margin: _in_proportion(stock, _expected(widths, chance)),
        "You shared out in proportion to expected demand, which asks neither what a unit earns nor how likely it sells."
        " Maximise margin times chance, step by step.",
    ),
    "in_proportion_to_the_most": (
        lambda stock, widths, chance, margin: _in_proportion(stock, widths.sum(axis=1)),
        "You shared out in proportion to the largest demand. Maximise margin times chance, step by step.",
    ),
    "equal_shares": (
        lambda stock, widths, chance, margin: np.full(len(widths), stock / len(widths)),
        "Every region gets the same, whatever it sells. Maximise margin times chance, step by step.",
    ),
    "dearest_region_first": (
        lambda stock, widths, chance, margin: _fill(stock, np.argsort(-margin, kind="stable"), widths.sum(axis=1)),
        "You filled the region with the highest margin before all others. Its last units hardly ever sell: multiply the"
        " margin by each step's chance.",
    ),
    "margin_forgotten": (
        lambda stock, widths, chance, margin: divide(stock, widths, chance, np.linspace(1 + 1e-6, 1.0, len(margin))),
        "You maximised units. Asked is money: multiply each step's chance by its region's margin.",
    ),
    "margin_forgotten_last_first": (
        lambda stock, widths, chance, margin: divide(stock, widths, chance, np.linspace(1.0, 1 + 1e-6, len(margin))),
        "You maximised units, as if each earned the same. A unit earns its region's margin: multiply the chance by it.",
    ),
    "in_proportion_to_the_margin": (
        lambda stock, widths, chance, margin: _in_proportion(stock, margin),
        "You shared out in proportion to the margin, whatever is wanted. Maximise margin times chance, step by step.",
    ),
    "in_proportion_to_expected_money": (
        lambda stock, widths, chance, margin: _in_proportion(stock, margin * _expected(widths, chance)),
        "You shared out in proportion to expected money. A region's first unit and its last one then count the same:"
        " maximise margin times chance, step by step.",
    ),
    "expected_demand": (
        lambda stock, widths, chance, margin: _expected(widths, chance),
        "This is what each region is expected to want, whatever there is. Units are scarce, and the last one expected"
        " may sell every second time: maximise margin times chance, step by step.",
    ),
    "steps_without_end": (
        lambda stock, widths, chance, margin: _fill(stock, [int(np.argmax(margin))], np.full(len(margin), stock)),
        "All units went to one region: its steps have no end. Step k of region r holds at most widths[r, k] units: give"
        " linprog these bounds.",
    ),
    "widths_counted_twice": (
        lambda stock, widths, chance, margin: _gain_by_step(stock, widths, chance, margin),
        "You multiplied the gain of a unit by the width of its step. A width limits how many units fit, as a bound; it"
        " says nothing of what one of them earns.",
    ),
    "chance_in_reverse": (
        lambda stock, widths, chance, margin: divide(stock, widths, 1 - chance, margin),
        "You took the chance that a unit is left over. A unit earns its margin with the probability that it is wanted.",
    ),
    "nothing_sent": (
        lambda stock, widths, chance, margin: np.zeros(len(widths)),
        "Nothing is sent anywhere: linprog minimises. Hand it the gains with a minus sign.",
    ),
    "stock_without_limit": (
        lambda stock, widths, chance, margin: widths.sum(axis=1),
        "You sent more than there is: the units of all regions and steps may not exceed stock.",
    ),
    "per_region_limit": (
        lambda stock, widths, chance, margin: np.minimum(widths.sum(axis=1), stock),
        "Each region alone stays within the stock, all together do not: one limit holds for the sum over all regions.",
    ),
    "first_step_alone": (
        lambda stock, widths, chance, margin: _fill(stock, np.argsort(-margin, kind="stable"), widths[:, 0]),
        "Only the first step of each region was filled. Sum over all steps.",
    ),
    "steps_as_cumulated": (
        lambda stock, widths, chance, margin: divide(stock, np.cumsum(widths, axis=1), chance, margin),
        "You added the widths up once more. Each number is already the width of one step.",
    ),
    "shares_for_units": (
        lambda stock, widths, chance, margin: divide(stock, widths, chance, margin) / stock,
        "The right division, as shares. Asked are units.",
    ),
}


EXERCISES = (
    Exercise(
        "12.order_up_to",
        solution=order_up_to,
        stub=_level_stub,
        cases=_level_cases,
        mistakes=_LEVEL_MISTAKES,
        pairs=_LEVEL_PAIRS,
        praise="Lead time and review, and the root over the standard deviation alone.",
        rtol=1e-4,
    ),
    Exercise(
        "12.em_step",
        solution=em_step,
        stub=_em_stub,
        cases=_em_cases,
        mistakes=_EM_MISTAKES,
        praise="Call it again with its own answer until it stands still: that is EM.",
        rtol=1e-4,
    ),
    Exercise(
        "12.divide",
        solution=divide,
        stub=_divide_stub,
        cases=_divide_cases,
        mistakes=_DIVIDE_MISTAKES,
        praise="Every unit goes where it is expected to earn most, and a mean never was asked.",
        rtol=1e-4,
    ),
)
