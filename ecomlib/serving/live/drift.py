"""Measures drift since training: of inputs, of the level, of interval coverage; and silence (lesson 08, section 5).

The population stability index and the Kolmogorov-Smirnov distance compare inputs; the level compares what was sold with
what was expected; coverage compares what the intervals promised with what happened; silence is a feed that is dead.
With many products and many days some alarm is always ringing, so an alarm needs both: a difference too large to be
chance, and one large enough to matter. What happens to the whole shop in a week happens to all its products at once,
so level and coverage are tested on weeks: a week counts once, however many products it holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecomlib.errors import DataError

SPANS = (2, 4)  # closed weeks that the level is looked at over: a leap is seen after two, what creeps after four
KNOWN = ", so training again alone will not mend it"
_PRIOR = 4  # weeks that the history's noise counts beside a version's own weeks
_NAN = float("nan")


@dataclass(frozen=True)
class DriftSettings:
    """Sets where alarms ring.

    bins: of the index. psi: above it; in credit scoring, where the index comes from, 0.1 is called a moderate and 0.25
    a large shift (Siddiqi, 2006). ks_p: chance of an alarm of the distance when nothing has changed. ks: the least
    distance that matters. coverage_p: chance of an alarm of coverage when the intervals hold and are independent.
    slack: how many points of coverage may be missing before it matters. weeks_p: chance of an alarm of level or
    coverage, tested on weeks, when nothing has changed. level: the least share of the expected units that matters.
    level_red: the share from which training again is due. level_always: the share that rings over two weeks, however
    much the shop's weeks differ. large_slack: points of coverage that may be missing where most is sold; a tenth is
    twice the misses that 90 % promise. silence: how many times the longest silence of the history is too long.
    least_silence: hours that are never too long.
    """

    bins: int = 10
    psi: float = 0.25
    ks_p: float = 0.001
    ks: float = 0.1
    coverage_p: float = 0.001
    slack: float = 0.03
    weeks_p: float = 0.02
    level: float = 0.1
    level_red: float = 0.25
    level_always: float = 0.5
    large_slack: float = 0.1
    silence: float = 2.0
    least_silence: float = 1.0


@dataclass(frozen=True)
class Light:
    """Holds one measure: its number (NaN: not known), whether it alarms, and a sentence for people.

    ``red``: an alarm that asks for training again; others ask somebody to look. ``drift``: it tells of a change since
    the training, which a fault that the version had from the start, or a dead feed, is not.
    """

    name: str
    value: float
    alarm: bool
    says: str
    red: bool = False
    drift: bool = True


class Noise(NamedTuple):
    """How far a week's units usually lie from what was expected, as a log ratio, and on how many weeks that rests."""

    sd: float
    df: int


class Shares(NamedTuple):
    """Shares of intervals that held, a number a week: recent weeks, those before the cutoff, and intervals a week."""

    recent: NDArray[np.float64]
    usual: NDArray[np.float64]
    pairs: float


def psi(reference: ArrayLike, recent: ArrayLike, bins: int = 10) -> float:
    """Compute the population stability index: sum over bins of (q - p) log(q / p), no unit (lesson 08, section 5).

    The bins are quantiles of the *reference*: bins of the new data would hide what moved. Equal quantiles (many zeros)
    are merged. Half a count is added to each bin, so that an empty one gives a large number and not an infinite one.
    Siddiqi (2006); the same as Jeffreys' divergence (1946).
    """
    old, new = _sample(reference, "reference"), _sample(recent, "recent")
    if bins < 2:
        raise DataError("an index needs at least two bins", value=bins, remedy="ten is usual.")
    edges = np.unique(np.quantile(old, np.linspace(0, 1, bins + 1)[1:-1]))
    before = np.bincount(np.searchsorted(edges, old, side="right"), minlength=len(edges) + 1) + 0.5
    after = np.bincount(np.searchsorted(edges, new, side="right"), minlength=len(edges) + 1) + 0.5
    p, q = before / before.sum(), after / after.sum()
    return float(((q - p) * np.log(q / p)).sum())


def watch_inputs(reference: ArrayLike, recent: ArrayLike, settings: DriftSettings | None = None) -> tuple[Light, Light]:
    """Measure drift of one input by PSI and Kolmogorov-Smirnov distance, each with its alarm (lesson 08, section 5).

    The distance's p-value holds for independent values; days of one product are not independent, so it is too small,
    and the distance must also be large.
    """
    from scipy.special import kolmogorov

    s = settings or DriftSettings()
    old, new = _sample(reference, "reference"), _sample(recent, "recent")
    index = psi(old, new, s.bins)
    # With few values the index is large by chance: its mean without any change is about (bins - 1)(1/n + 1/m).
    chance = (s.bins - 1) * (1 / len(old) + 1 / len(new))
    limit = s.psi + 2 * chance
    says = f"the inputs' distribution has moved by {index:.2f} (alarm above {limit:.2f})"
    first = Light("psi", index, index > limit, says)
    both = np.sort(np.r_[old, new])  # the largest gap lies at one of these values
    shares = [np.searchsorted(np.sort(sample), both, side="right") / len(sample) for sample in (old, new)]
    distance = float(np.abs(shares[0] - shares[1]).max())
    p = float(kolmogorov(distance * np.sqrt(len(old) * len(new) / (len(old) + len(new)))))  # Smirnov (1948)
    second = Light(
        "ks",
        distance,
        p < s.ks_p and distance > s.ks,
        f"the largest gap between old and new shares is {distance:.2f} (p {p:.2g})",
    )
    return first, second


def watch_coverage(hits: ArrayLike, nominal: float = 0.9, settings: DriftSettings | None = None) -> Light:
    """Test whether intervals hold their coverage; ``hits``: whether each actual lay inside (lesson 08, section 5).

    A one-sided binomial test: too wide is no alarm. It takes the hits for independent, which those of one week are not,
    hence the slack; the service's light is ``watch_weeks``.
    """
    from scipy.special import bdtr

    s = settings or DriftSettings()
    inside = _sample(np.asarray(hits, dtype=float), "hits")
    if not np.isin(inside, (0, 1)).all():
        raise DataError("hits are 0 or 1", column="hits", value=float(inside[~np.isin(inside, (0, 1))][0]))
    count, share = int(inside.sum()), float(inside.mean())
    chance = float(bdtr(count, len(inside), nominal))
    alarm = chance < s.coverage_p and share < nominal - s.slack
    return Light("coverage", share, alarm, f"{share:.0%} of {len(inside)} actuals lay in their {nominal:.0%} interval")


def watch_weeks(
    shares: Shares, nominal: float = 0.9, settings: DriftSettings | None = None, name: str = "coverage"
) -> Light:
    """Test whether intervals hold their coverage, a week counted once (lesson 08, section 5).

    A one-sided t test of the recent weeks' mean. How much weeks differ is learned from them and from weeks before the
    cutoff that the forecaster had not seen, each about their own mean; less than independent intervals would differ is
    never taken. Too wide is no alarm.

    Parameters
    ----------
    shares : Shares
    nominal : float
        What the intervals promise.
    settings : DriftSettings, optional
    name : str
        Of the light; all but ``coverage`` use ``large_slack``.

    Returns
    -------
    Light
        Not known where fewer than three weeks tell how much weeks differ. No drift where it is not shown to be
        lower than before the cutoff. Red needs two weeks.
    """
    from scipy.special import stdtr

    s = settings or DriftSettings()
    slack = s.slack if name == "coverage" else s.large_slack
    recent, usual = _sample(shares.recent, "recent"), np.asarray(shares.usual, dtype=float)
    df = len(recent) - 1 + max(len(usual) - 1, 0)
    if df < 2:
        return Light(name, _NAN, False, f"how much coverage differs between weeks is not known from {df + 1} of them")
    spread = sum(float(((part - part.mean()) ** 2).sum()) for part in (recent, usual) if len(part)) / df
    spread = max(spread, nominal * (1 - nominal) / max(shares.pairs, 1.0))
    share = float(recent.mean())
    chance = float(stdtr(df, (share - nominal) / np.sqrt(spread / len(recent))))
    alarm = chance < s.weeks_p and share < nominal - slack
    said = f"{share:.0%} of what came lay in its {nominal:.0%} interval, {_span(len(recent))}"
    known = False
    if alarm and len(usual) and usual.mean() < nominal - slack / 2:
        error = np.sqrt(spread * (1 / len(recent) + 1 / len(usual)))
        known = float(stdtr(df, (share - usual.mean()) / error)) >= s.weeks_p
        said += f"; before the cutoff it was {usual.mean():.0%}{KNOWN if known else ''}"
    return Light(name, share, alarm, said, red=alarm and not known and len(recent) > 1, drift=not known)


def watch_large(views: Mapping[str, Shares], nominal: float = 0.9, settings: DriftSettings | None = None) -> Light:
    """Test coverage where most is sold, in several views, the first of which gives the light's number.

    Small sellers are many, and zero lies in their intervals: a share of all intervals may be as promised while those
    that matter miss. The chance of an alarm is shared out among the views.
    """
    s = settings or DriftSettings()
    each = replace(s, weeks_p=s.weeks_p / max(len(views), 1))
    lights = {words: watch_weeks(shares, nominal, each, "coverage_large") for words, shares in views.items()}
    first = next(iter(lights.values()))
    held = ", ".join(f"{words} {light.value:.0%}" for words, light in lights.items() if light.value == light.value)
    ringing = [light for light in lights.values() if light.alarm]
    if not held:
        return first
    says = f"intervals of {nominal:.0%} where most is sold, {_span(max(len(one.recent) for one in views.values()))}: "
    says += f"{held} of what came lay inside"
    if not ringing:
        return replace(first, says=says)
    red, drift = (any(getattr(light, name) for light in ringing) for name in ("red", "drift"))
    return replace(
        first, alarm=True, says=says if drift else f"{says}; before the cutoff too{KNOWN}", red=red, drift=drift
    )


def level_noise(off: ArrayLike, history: ArrayLike = ()) -> Noise:
    """Learn how far a week's units usually lie from what was expected, from log ratios (lesson 08, section 5).

    Parameters
    ----------
    off : array
        Of the weeks before the cutoff that the forecaster had not seen: their spread about their own mean. A forecast
        that was always a tenth short is no noise.
    history : array
        Of the shop's weeks against the mean of the eight before each: a rule for any shop. It counts as four weeks
        beside the version's own, which are few, and alone where there are none.

    Returns
    -------
    Noise
        NaN where fewer than three weeks tell.
    """
    own, rule = np.asarray(off, dtype=float).ravel(), np.asarray(history, dtype=float).ravel()
    weights = len(own) - 1, len(rule) - 1
    if weights[0] >= 1 and weights[1] >= 1:
        weights = weights[0], min(_PRIOR, weights[1])
    parts = [(n, float(np.var(part, ddof=1))) for n, part in zip(weights, (own, rule), strict=True) if n >= 1]
    df = sum(n for n, _ in parts)
    return Noise(float(np.sqrt(sum(n * var for n, var in parts) / df)), df) if df >= 2 else Noise(_NAN, 0)


def log_ratio(sold: ArrayLike, expected: ArrayLike) -> NDArray[np.float64]:
    """Compute the log of units sold over units expected, half a unit added to both, so that nothing is infinite."""
    return np.asarray(np.log((np.asarray(sold, dtype=float) + 0.5) / (np.asarray(expected, dtype=float) + 0.5)))


def watch_level(sold: ArrayLike, expected: ArrayLike, noise: Noise, settings: DriftSettings | None = None) -> Light:
    """Test whether the shop sells what was expected, all products together (lesson 08, section 5).

    A two-sided t test of the mean log ratio over the last two and the last four closed weeks, against the noise of the
    version's own weeks. Off by half over two weeks rings in any shop.

    Parameters
    ----------
    sold, expected : array
        Units by closed week, the newest last; expected are means, which alone may be summed.
    noise : Noise
    settings : DriftSettings, optional

    Returns
    -------
    Light
        Its number is the share that was sold too much, or too little.
    """
    from scipy.special import stdtr

    s = settings or DriftSettings()
    came, said = _sample(sold, "sold")[-max(SPANS) :], _sample(expected, "expected")[-max(SPANS) :]
    off = log_ratio(came, said)
    share, span, rings, proven = _NAN, 0, False, False
    for weeks in sorted({min(span, len(off)) for span in SPANS}):
        mean, units = float(off[-weeks:].mean()), float(log_ratio(came[-weeks:].sum(), said[-weeks:].sum()))
        chance = 2 * float(stdtr(noise.df, -abs(mean) / (noise.sd / np.sqrt(weeks)))) if noise.sd > 0 else _NAN
        sure = bool(chance < s.weeks_p and min(abs(mean), abs(units)) >= np.log1p(s.level))
        large = bool(weeks >= min(SPANS) and abs(units) >= np.log1p(s.level_always))
        if sure or large or not rings:
            share, span, rings, proven = float(np.expm1(units)), weeks, rings or sure or large, proven or sure
    says = f"{came[-span:].sum():,.0f} units sold where {said[-span:].sum():,.0f} were expected, {_span(span)}"
    says += f": {share:+.0%}"
    if not noise.sd > 0:
        return Light("level", share if rings else _NAN, rings, says + "; a week's usual error is not known")
    says += f" (a week's usual error is {np.expm1(noise.sd):.0%})"
    proven = proven and span > 1
    return Light("level", share, rings, says, red=proven and bool(abs(np.log1p(share)) >= np.log1p(s.level_red)))


def level_limits(weeks: int, noise: Noise, settings: DriftSettings | None = None) -> tuple[float, float]:
    """Compute between which shares the level may lie without ringing, where so many closed weeks were alike.

    Examples
    --------
    >>> low, high = level_limits(4, Noise(0.2, 9))
    >>> round(low, 2), round(high, 2)
    (-0.25, 0.33)
    """
    from scipy.special import stdtrit

    s = settings or DriftSettings()
    spans = {min(span, weeks) for span in SPANS}
    sure = [float(stdtrit(noise.df, 1 - s.weeks_p / 2)) * noise.sd / np.sqrt(span) for span in spans]
    least = max(min(sure), float(np.log1p(s.level))) if noise.sd > 0 else np.inf
    least = min(least, float(np.log1p(s.level_always))) if weeks >= min(SPANS) else least
    return float(np.expm1(-least)), float(np.expm1(least))


def silence(
    now: datetime,
    last: datetime | None,
    usual: float,
    clock: datetime | None = None,
    started: datetime | None = None,
    settings: DriftSettings | None = None,
) -> Light:
    """Judge whether the feed of events has been silent for too long (lesson 08, section 5).

    Parameters
    ----------
    now : datetime
        The server's time, by the shop's clock like all others.
    last : datetime, optional
        When the last event arrived; None where none has since the service started.
    usual : float
        Longest silence of the training history, in hours.
    clock : datetime, optional
        The shop's clock, the time of the newest event; None where time is replayed and says nothing of today.
    started : datetime, optional
        When the service started: waiting begins then where no event has arrived.
    settings : DriftSettings, optional

    Returns
    -------
    Light
        Its number is in hours. Amber at most: training again brings no event.
    """
    s = settings or DriftSettings()
    waits = []
    if last is not None:
        waits.append((now - last, "last event arrived {} ago"))
    elif started is not None:
        waits.append((now - started, "no event has arrived since the service started, {} ago"))
    if clock is not None:
        waits.append((now - clock, "last order {} ago"))
    if not waits:
        return Light("silence", _NAN, False, "no event has arrived yet", drift=False)
    hours = [max(wait / timedelta(hours=1), 0.0) for wait, _ in waits]
    worst = int(np.argmax(hours))
    limit = max(s.silence * usual, s.least_silence)
    says = waits[worst][1].format(in_words(hours[worst]))
    if hours[worst] > limit:
        says += f"; the longest silence of the history is {in_words(usual)}"
    return Light("silence", hours[worst], hours[worst] > limit, says, drift=False)


def in_words(hours: float) -> str:
    """Write a time in the unit in which people say it.

    Examples
    --------
    >>> in_words(0.25), in_words(14.2), in_words(80.0)
    ('15 minutes', '14 hours', '3 days')
    """
    for unit, size in (("day", 24.0), ("hour", 1.0), ("minute", 1 / 60)):
        count = int(hours / size + 1e-9)
        if hours >= 2 * size or unit == "minute":
            return f"{count} {unit}{'s' * (count != 1)}"
    return ""


def _span(weeks: int) -> str:
    return "in the last closed week" if weeks == 1 else f"in the last {weeks} closed weeks"


def _sample(values: Any, name: str) -> NDArray[np.float64]:
    sample = np.asarray(values, dtype=float).ravel()
    if not len(sample) or not np.isfinite(sample).all():
        raise DataError(
            "drift needs finite values, at least one",
            column=name,
            value=len(sample),
            remedy="drop gaps and wait for data.",
        )
    return sample
