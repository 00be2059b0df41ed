"""Measures drift of inputs and of interval coverage since training (lesson 08, section 5).

Three measures. The population stability index and the Kolmogorov-Smirnov distance compare inputs;
coverage compares what the intervals promised with what happened. With many products and many days some alarm is always
ringing, so an alarm needs both: a difference too large to be chance, and one large enough to matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecomlib.errors import DataError


@dataclass(frozen=True)
class DriftSettings:
    """Sets where alarms ring.

    bins: of the index. psi: above it; in credit scoring, where the index comes from, 0.1 is called a moderate and 0.25
    a large shift (Siddiqi, 2006). ks_p: chance of an alarm of the distance when nothing has changed. ks: the least
    distance that matters. coverage_p: chance of an alarm of coverage when the intervals hold. slack: how many points of
    coverage may be missing before it matters.
    """

    bins: int = 10
    psi: float = 0.25
    ks_p: float = 0.001
    ks: float = 0.1
    coverage_p: float = 0.001
    slack: float = 0.03


@dataclass(frozen=True)
class Light:
    """Holds one measure: its number, whether it alarms, and a sentence for people."""

    name: str
    value: float
    alarm: bool
    says: str


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

    A one-sided binomial test: too wide is no alarm. Hits of one day are not independent, hence the slack.
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
