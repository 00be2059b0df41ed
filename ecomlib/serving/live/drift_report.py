"""Reports drift in the live shop by three lights (lesson 08, section 5)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ecomlib.serving.live.drift import Light, watch_coverage, watch_inputs
from ecomlib.serving.live.live_state import State
from ecomlib.serving.release.inputs import Floats, cut_at, interval, monday

RECENT = 4  # closed weeks that are looked at
REFERENCE = 8  # weeks up to the cutoff that they are compared with


def newest_inputs(state: State, origin: int) -> Floats:
    """Return the newest input of windows, one number a product: log(1 + units) less its mean in the look-back."""
    windows = state.bundle.windows
    _, cut = cut_at(state.books, windows, state.bundle.levels, origin)
    seen = cut.seen.sum(axis=1) > 1  # a product's first week has no level to be compared with
    return np.asarray(cut.x[seen, -1, windows.past.index("y")], dtype=float)


def inside(state: State, week: int) -> tuple[Floats, Floats, Floats]:
    """Return forecasts made a week before the closed ``week``, units sold, and hits of the interval (P', R).

    A region whose interval is not known holds everything, which says nothing of it: its hits are NaN.
    """
    b = state.bundle
    said, _, fitted = state.made(week - 1)
    forecast = (said[:, :1] * b.shares)[fitted]
    came = state.sold[week][fitted].astype(float)
    low, high = interval(forecast, b.width[:-1])
    return forecast, came, np.where(np.isfinite(b.width[:-1]), (came >= low) & (came <= high), np.nan)


def look(state: State) -> dict[str, Any]:
    """Report lights and coverage by week: ``light, says, lights, weeks`` (lesson 08, section 5).

    Red: intervals no longer hold. Amber: the inputs have moved, which may be the season. Green: neither. Unknown: no
    full week has passed since the cutoff, or a light cannot be lit and no other alarms. ``state`` must be fresh.
    """
    cutoff, origin = state.bundle.cutoff, state.origin
    closed = range(max(cutoff + 1, origin - 51), origin + 1)
    weeks, hits = [], []
    for week in closed:
        forecast, came, hit = inside(state, week)
        _, mean, fitted = state.made(week - 1)
        hit = hit[np.isfinite(hit)]
        hits.append(hit)
        product, total = forecast.sum(axis=1), came.sum(axis=1)
        weeks.append(
            {
                "week": f"{monday(week):%Y-%m-%d}",
                "coverage": round(float(hit.mean()), 4) if hit.size else None,
                "pairs": hit.size,
                "units": int(total.sum()),
                "expected": round(float(mean[fitted, 0].sum()), 1),
                "wape": round(float(np.abs(total - product).sum() / max(total.sum(), 1.0)), 4),
            }
        )
    nominal, says = state.bundle.settings["coverage"], "no full week has passed since the version's cutoff"
    lights = [Light(name, float("nan"), False, says) for name in ("psi", "ks", "coverage")]
    if weeks:
        old = np.concatenate([newest_inputs(state, week) for week in range(cutoff - REFERENCE + 1, cutoff + 1)])
        new = np.concatenate([newest_inputs(state, week) for week in closed[-RECENT:]])
        if len(old) and len(new):
            lights[:2] = watch_inputs(old, new)
        else:
            says = "no product had sold for two weeks, so there is nothing to compare"
            lights[:2] = [Light(name, float("nan"), False, says) for name in ("psi", "ks")]
        recent = np.concatenate(hits[-RECENT:])
        says = f"the intervals' ends are not known: {state.bundle.unknown(0)}"
        lights[2] = watch_coverage(recent, nominal) if len(recent) else Light("coverage", float("nan"), False, says)
    ringing = [light for light in lights if light.alarm]
    light = "unknown"
    if weeks:
        light = "red" if any(light.name == "coverage" for light in ringing) else "amber" if ringing else "green"
        dark = [light for light in lights if light.value != light.value]  # what is not known is not green
        if dark and not ringing:
            light = "unknown"
        says = "; ".join(light.says for light in ringing or dark) or "no alarm: much is as it was in training"
    return {
        "light": light,
        "says": says,
        "weeks": weeks,
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
