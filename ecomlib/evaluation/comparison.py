"""Compares models by paired intervals over series and origins, verdicts and skill (lesson 00, section 5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from ecomlib.contract.frame import model_columns
from ecomlib.errors import DataError, explained
from ecomlib.evaluation.metrics import Floats, Parts, parts


@dataclass(frozen=True)
class Interval:
    """Holds an estimate with the ends of its interval; ``level`` is its nominal coverage."""

    estimate: float
    low: float
    high: float
    level: float = 0.95

    def __str__(self) -> str:
        return f"{self.estimate:.3f} [{self.low:.3f}, {self.high:.3f}]"


def _scores(p: Parts, series: Floats, origins: Floats) -> Floats:
    """Scores (models, draws) under weights of series (draws, I) and of origins (draws, O)."""
    total = series @ p.denominator
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = np.where(total > 0, (series @ p.numerator) / total, np.nan)
    weight = origins * (total > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.nansum(weight * ratios, axis=2) / weight.sum(axis=1)


def _totals(p: Parts) -> list[float]:
    """Each model's score over all series and origins; NaN where nothing defines it."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return [float(x) for x in _scores(p, np.ones((1, len(p.series))), np.ones((1, len(p.origins))))[:, 0]]


def two_way_bootstrap(
    p: Parts,
    statistic: Callable[[Floats], Floats],
    rng: np.random.Generator,
    *,
    draws: int = 2000,
    level: float = 0.95,
) -> Interval:
    """Bootstrap an interval for a statistic of scores over series and origins at once (lesson 00, section 5).

    Series and origins are drawn with replacement, independently; each draw scores all models on the same cells, so that
    comparisons are paired. ``p`` comes from ``metrics.parts``; ``statistic`` maps scores (models, draws) to (draws,).
    Percentile interval, Owen (2007). Nominal 95 % covered, in simulation, 97 to 99 % where the noise is in single
    cells, as counts mostly have it, and where whole origins differ 90 % with eight of them, 81 to 88 % with three. With
    a single origin only series are drawn: such an interval says nothing about another date.
    """
    n_series, n_origins = p.denominator.shape
    ones = _scores(p, np.ones((1, n_series)), np.ones((1, n_origins)))
    series = rng.multinomial(n_series, np.full(n_series, 1 / n_series), size=draws).astype(float)
    origins = rng.multinomial(n_origins, np.full(n_origins, 1 / n_origins), size=draws).astype(float)
    values = np.asarray(statistic(_scores(p, series, origins)), dtype=float)
    known = values[np.isfinite(values)]
    if known.size < 0.9 * draws:
        raise DataError(
            "the statistic is undefined in more than a tenth of the draws",
            value=f"{draws - known.size} of {draws}",
            remedy="score more series or more origins; a total of zero has no WAPE.",
        )
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(statistic(ones)[0]), float(low), float(high), level)


def score_intervals(
    frame: pd.DataFrame,
    models: Sequence[str] | None = None,
    metric: str = "wape",
    *,
    rng: np.random.Generator,
    train: pd.DataFrame | None = None,
    draws: int = 2000,
    level: float = 0.95,
) -> pd.DataFrame:
    """Rank models with intervals, best first: ``model, metric, value, low, high, bias`` (lesson 00, section 5).

    ``bias`` is that of ``evaluation.bias``, averaged over origins. Intervals of single models overlap widely as all
    models share the same hard weeks: compare models by ``compare``.
    """
    names = model_columns(frame) if models is None else list(models)
    p = parts(frame, names, metric, train=train)
    seed = int(rng.integers(2**63))
    rows = []
    for k, name in enumerate(names):
        again = np.random.default_rng(seed)  # the same draws for every model
        found = two_way_bootstrap(p, lambda s, k=k: s[k], again, draws=draws, level=level)  # type: ignore[misc]
        rows.append({"model": name, "metric": metric, "value": found.estimate, "low": found.low, "high": found.high})
    leaning = dict(zip(names, _totals(parts(frame, names, "bias")), strict=True))
    rows = [row | {"bias": leaning[str(row["model"])]} for row in rows]
    return pd.DataFrame(rows).sort_values("value", kind="stable", ignore_index=True)


Word = Literal["better", "worse", "level", "undecided"]
MARGIN = 0.01  # a relative difference that matters


def verdict_word(
    low: float, high: float, agreeing: float = 1.0, *, margin: float = MARGIN, agreement: float = 0.0
) -> Word:
    """Choose the word for a paired interval of (ours - rival) / rival (lesson 04, section 1).

    *Better* below zero, *worse* above it, both only where at least the share ``agreement`` of origins points the same
    way (``agreeing`` is the share that does; protocol W asks for 6 of 8, 0.75); else *level* where the whole interval
    lies within ``margin`` of zero; else *undecided*.

    Examples
    --------
    >>> verdict_word(-0.03, -0.01), verdict_word(-0.005, 0.008), verdict_word(-0.03, 0.02)
    ('better', 'level', 'undecided')
    """
    if high < 0 and agreeing >= agreement:
        return "better"
    if low > 0 and agreeing >= agreement:
        return "worse"
    return "level" if -margin < low and high < margin else "undecided"


@dataclass(frozen=True)
class Verdict:
    """States what may be said of ``ours`` against ``rival``: the word, and the numbers behind it.

    ``scores`` and ``biases`` (see ``evaluation.bias``) hold ours, then the rival's. ``wins`` counts the origins
    at which ours is ahead. ``by_origin`` has ``cutoff``, both scores and ``relative``, (ours - rival) / rival.
    """

    ours: str
    rival: str
    metric: str
    word: Word
    relative: Interval
    scores: tuple[float, float]
    biases: tuple[float, float]
    wins: int
    by_origin: pd.DataFrame
    margin: float = MARGIN

    @property
    def slight(self) -> bool:
        """Tell whether it is better or worse by less than matters: the interval lies within ``margin`` of zero."""
        inside = -self.margin < self.relative.low and self.relative.high < self.margin
        return inside and self.word in ("better", "worse")

    @property
    def bearable(self) -> bool:
        """Tell whether ours is shown to be no worse by as much as matters, and not shown to be worse at all."""
        return self.relative.high < self.margin and self.word != "worse"

    def __str__(self) -> str:
        low, high, middle = 100 * self.relative.low, 100 * self.relative.high, 100 * self.relative.estimate
        return (
            f"{self.ours} against {self.rival}: {self.word}{' by less than matters' if self.slight else ''}; "
            f"{self.metric} {self.scores[0]:.3f} against "
            f"{self.scores[1]:.3f}, {middle:+.1f} % [{low:+.1f}, {high:+.1f}], ahead at {self.wins} of "
            f"{len(self.by_origin)} origins; bias {100 * self.biases[0]:+.1f} % against {100 * self.biases[1]:+.1f} %"
        )


@explained(
    'compare(frame, "gru", "naive", rng=np.random.default_rng(0))',
    seed="hand a generator in: rng=np.random.default_rng(0).",
)
def compare(
    frame: pd.DataFrame,
    ours: str,
    rival: str,
    metric: str = "wape",
    *,
    rng: np.random.Generator,
    train: pd.DataFrame | None = None,
    draws: int = 2000,
    margin: float = MARGIN,
    agreement: float = 0.0,
) -> Verdict:
    """Compare two models, paired over series and origins (lesson 04, section 1).

    Parameters
    ----------
    frame : DataFrame
        A scored frame.
    ours, rival : str
        Their columns.
    metric : str
        One of ``POINT_METRICS``.
    rng : Generator
        Draws series and origins anew, see ``two_way_bootstrap``.
    train : DataFrame, optional
        The history, for scaled metrics.
    draws : int
        How many times.
    margin : float
        A relative difference that matters, a share.
    agreement : float
        The share of origins that must point the same way for *better* and *worse*; 0.75 for protocol W (6 of 8).

    Returns
    -------
    Verdict
        With the 95 % interval of (ours - rival) / rival and its word, see ``verdict_word``.
    """
    p = parts(frame, [ours, rival], metric, train=train)
    relative = two_way_bootstrap(p, lambda s: (s[0] - s[1]) / s[1], rng, draws=draws)
    each = _scores(p, np.ones((len(p.origins), len(p.series))), np.eye(len(p.origins)))
    table = pd.DataFrame({"cutoff": p.origins, ours: each[0], rival: each[1], "relative": each[0] / each[1] - 1})
    scores, biases = _totals(p), _totals(parts(frame, [ours, rival], "bias"))
    wins, losses = int((table["relative"] < 0).sum()), int((table["relative"] > 0).sum())
    agreeing = (wins if relative.high < 0 else losses) / len(table)
    word = verdict_word(relative.low, relative.high, agreeing, margin=margin, agreement=agreement)
    return Verdict(
        ours,
        rival,
        metric,
        word,
        relative,
        (scores[0], scores[1]),
        (biases[0], biases[1]),
        wins,
        table,
        margin,
    )


def skill(naive: Any, model: Any, attainable: Any) -> float:
    """Compute the share of the way from naive to attainable error, a ratio of averages (lesson 00, section 3).

    Arguments are errors (numbers or arrays of equal shape): 1 is the floor, 0 the naive forecast, less is worse.
    Absolute errors go with the attainable median, squared ones with the attainable mean.
    """
    start, reached, floor = (float(np.mean(np.asarray(e, dtype=float))) for e in (naive, model, attainable))
    if not start > floor:
        raise DataError(
            "skill is undefined where the naive error is not above the attainable one",
            value=(start, floor),
            remedy="compare errors of one kind, on the same rows.",
        )
    return (start - reached) / (start - floor)


def skill_interval(
    frame: pd.DataFrame,
    model: str,
    *,
    rng: np.random.Generator,
    naive: str = "naive",
    attainable: str = "attainable_median",
    metric: str = "wape",
    draws: int = 2000,
) -> Interval:
    """Compute the skill of a column of a scored frame with its paired interval (lesson 00, section 5).

    ``attainable`` is merged in from the floors: the median for ``wape`` and ``mae``, the mean for ``mse``.
    """
    p = parts(frame, [naive, model, attainable], metric)
    skill(*_totals(p))  # raises where undefined
    return two_way_bootstrap(p, lambda s: (s[0] - s[1]) / (s[0] - s[2]), rng, draws=draws)
