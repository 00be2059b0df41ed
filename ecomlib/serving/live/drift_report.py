"""Reports drift in the live shop by its lights (lesson 08, section 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ecomlib.serving.live.drift import (
    Light,
    Noise,
    Shares,
    level_noise,
    log_ratio,
    watch_inputs,
    watch_large,
    watch_level,
    watch_weeks,
)
from ecomlib.serving.live.live_state import State
from ecomlib.serving.release.inputs import Floats, cut_at, interval, monday

RECENT = 4  # closed weeks that are looked at
REFERENCE = 8  # weeks up to the cutoff that they are compared with
_RANK = 8  # weeks before an origin that say which products sell more
_YEAR = 52  # closed weeks that are reported, and weeks of history that say how much weeks differ
NAMES = ("psi", "ks", "coverage", "coverage_large", "level")
LARGE, TOP, WEIGHTED = "the half that sells more", "the best tenth", "by units"


@dataclass(frozen=True)
class Week:
    """Holds what a closed week says of the forecasts made a week before it.

    sold, expected: units of all products that have a forecast of their own; expected are means. wape: of the products'
    forecasts. shares: of intervals that held, by view (``""``: all); pairs: how many intervals there are in each. Where
    no interval's ends are known both are empty.
    """

    week: int
    sold: float
    expected: float
    wape: float
    shares: dict[str, float]
    pairs: dict[str, float]


def newest_inputs(state: State, origin: int) -> Floats:
    """Return the newest input of windows, one number a product: log(1 + units) less its mean in the look-back."""
    windows = state.bundle.windows
    _, cut = cut_at(state.books, windows, state.bundle.levels, origin)
    seen = cut.seen.sum(axis=1) > 1  # a product's first week has no level to be compared with
    return np.asarray(cut.x[seen, -1, windows.past.index("y")], dtype=float)


def inside(state: State, week: int) -> tuple[Floats, Floats, Floats]:
    """Return forecasts made a week before the closed ``week``, units sold, and hits of the interval (P', R).

    Weeks up to the cutoff are forecast by the trial, which had not seen the last of them. A region whose interval is
    not known holds everything, which says nothing of it: its hits are NaN.
    """
    b = state.bundle
    said, _, fitted = state.made(week - 1)
    forecast = (said[:, :1] * b.shares)[fitted]
    came = state.units(week) if week > b.cutoff else b.recent[:, :, week - b.cutoff - 1]
    came = came[fitted].astype(float)
    reach = np.column_stack([b.width(forecast[:, column], column) for column in range(forecast.shape[1])])
    low, high = interval(forecast, reach)
    return forecast, came, np.where(np.isfinite(reach), (came >= low) & (came <= high), np.nan)


def measure(state: State, week: int) -> Week:
    """Compare a closed week with the forecasts that were made a week before it."""
    forecast, came, hit = inside(state, week)
    _, mean, fitted = state.made(week - 1)
    product, total = forecast.sum(axis=1), came.sum(axis=1)
    error = float(np.abs(total - product).sum() / max(total.sum(), 1.0))
    found = Week(week, float(total.sum()), float(mean[fitted, 0].sum()), error, {}, {})
    known = np.isfinite(hit)
    if not known.any():
        return found
    at = week - state.books.first
    before = state.books.units[fitted, max(at - _RANK, 0) : at].sum(axis=1)  # known before the week began
    order = np.argsort(-before, kind="stable")
    weights = {"": known.astype(float), WEIGHTED: known * (before[:, None] * state.bundle.shares[fitted])}
    for words, part in ((LARGE, 2), (TOP, 10)):
        chosen = np.zeros(len(order), dtype=bool)
        chosen[order[: -(-len(order) // part)]] = True
        weights[words] = known * chosen[:, None].astype(float)
    sums = {words: float(w.sum()) for words, w in weights.items() if w.sum() > 0}
    shares = {words: float((weights[words] * np.nan_to_num(hit)).sum()) / sums[words] for words in sums}
    pairs = {words: sums[words] ** 2 / float((weights[words] ** 2).sum()) for words in sums}
    return replace(found, shares=shares, pairs=pairs)


def unseen_weeks(state: State) -> range:
    """List the weeks up to the cutoff that the trial had not seen, and of which the version keeps units by region."""
    b = state.bundle
    count = min(int(b.settings.get("calibrated_weeks", 0)), b.recent.shape[2], b.books.units.shape[1] - 1)
    return range(b.cutoff - count + 1, b.cutoff + 1)


def usual_swings(state: State) -> Floats:
    """Compute how far the history's weeks lay from the mean of the eight weeks before each, as log ratios."""
    totals = state.bundle.books.units.sum(axis=0)
    means = [totals[at - _RANK : at].mean() for at in range(_RANK, len(totals))]
    return log_ratio(totals[_RANK:], means)[-_YEAR:]


def usual_noise(state: State) -> Noise:
    """Learn how far a week's units usually lie from what was expected, before the cutoff: the level is held to it."""
    usual = [measure(state, week) for week in unseen_weeks(state)]
    return level_noise(log_ratio([one.sold for one in usual], [one.expected for one in usual]), usual_swings(state))


def look(state: State) -> dict[str, Any]:
    """Report lights and what happened by week: ``light, says, drifted, lights, weeks`` (lesson 08, section 5).

    Red: intervals no longer hold, or the level is off by a quarter. Amber: the inputs have moved, which may be the
    season; the level is off by less; or where most is sold intervals miss as they did before the cutoff. Green:
    nothing of that. Unknown: no full week has passed since the cutoff, or a light cannot be lit and no other alarms.
    ``drifted``: whether an alarm tells of a change since training. ``state`` must be fresh.
    """
    cutoff, origin = state.bundle.cutoff, state.origin
    closed = [measure(state, week) for week in range(max(cutoff + 1, origin - _YEAR + 1), origin + 1)]
    if closed:
        lights = [*_inputs(state, [one.week for one in closed]), *_promises(state, closed)]
    else:
        says = "no full week has passed since the version's cutoff"
        lights = [Light(name, float("nan"), False, says) for name in NAMES]
    return summed_up(lights, known=bool(closed)) | {"weeks": [_row(one) for one in closed]}


def summed_up(lights: Sequence[Light], *, known: bool = True) -> dict[str, Any]:
    """Sum up lights in one: ``light, says, drifted, lights``; ``known``: whether there is anything to look at."""
    ringing = [light for light in lights if light.alarm]
    dark = [light for light in lights if light.value != light.value]  # what is not known is not green
    light = "red" if any(light.red for light in ringing) else "amber" if ringing else "green"
    if not known or (dark and not ringing):
        light = "unknown"
    says = "; ".join(dict.fromkeys(light.says for light in ringing or dark))
    return {
        "light": light,
        "says": says or "no alarm: much is as it was in training",
        "drifted": any(light.drift for light in ringing),
        "lights": [
            {
                "name": one.name,
                "value": None if one.value != one.value else round(one.value, 4),
                "alarm": one.alarm,
                "says": one.says,
            }
            for one in lights
        ],
    }


def with_silence(drift: dict[str, Any], quiet: Light) -> dict[str, Any]:
    """Add the light of a silent feed to a report: what is silent is at least amber."""
    shown = {"name": quiet.name, "alarm": quiet.alarm, "says": quiet.says}
    shown["value"] = None if quiet.value != quiet.value else round(quiet.value, 2)
    added = {**drift, "lights": [*drift.get("lights", []), shown]}
    if not quiet.alarm:
        return added
    ringing = drift.get("light") in ("amber", "red")
    says = f"{quiet.says}; {drift['says']}" if ringing else quiet.says
    return added | {"light": drift["light"] if ringing else "amber", "says": says}


def _inputs(state: State, closed: Sequence[int]) -> list[Light]:
    """Light the two lights of the inputs."""
    cutoff = state.bundle.cutoff
    old = np.concatenate([newest_inputs(state, week) for week in range(cutoff - REFERENCE + 1, cutoff + 1)])
    new = np.concatenate([newest_inputs(state, week) for week in closed[-RECENT:]])
    if len(old) and len(new):
        return [*watch_inputs(old, new)]
    says = "no product had sold for two weeks, so there is nothing to compare"
    return [Light(name, float("nan"), False, says) for name in ("psi", "ks")]


def _promises(state: State, closed: Sequence[Week]) -> list[Light]:
    """Light the lights of coverage, of all intervals and where most is sold, and of the level."""
    recent = closed[-RECENT:]
    usual = [measure(state, week) for week in unseen_weeks(state)]
    nominal = state.bundle.settings["coverage"]

    def shares(words: str) -> Shares:
        there = [[one for one in weeks if words in one.shares] for weeks in (recent, usual)]
        values = [np.array([one.shares[words] for one in weeks]) for weeks in there]
        return Shares(values[0], values[1], float(np.mean([one.pairs[words] for one in there[0]])))

    views = [words for words in (LARGE, TOP, WEIGHTED) if any(words in one.shares for one in recent)]
    if any(one.shares for one in recent):
        lights = [watch_weeks(shares(""), nominal)]
    else:
        says = f"the intervals' ends are not known: {state.bundle.unknown(0)}"
        lights = [Light(name, float("nan"), False, says) for name in ("coverage", "coverage_large")]
    if len(lights) == 1 and views:
        lights.append(watch_large({words: shares(words) for words in views}, nominal))
    return [*lights, watch_level([one.sold for one in recent], [one.expected for one in recent], usual_noise(state))]


def _row(one: Week) -> dict[str, Any]:
    """A week as it is sent."""
    names = {"": "coverage", LARGE: "coverage_large", TOP: "coverage_top", WEIGHTED: "coverage_weighted"}
    held = {name: round(one.shares[words], 4) if words in one.shares else None for words, name in names.items()}
    return {
        "week": f"{monday(one.week):%Y-%m-%d}",
        **held,
        "pairs": round(one.pairs.get("", 0)),
        "units": int(one.sold),
        "expected": round(one.expected, 1),
        "wape": round(one.wape, 4),
    }
