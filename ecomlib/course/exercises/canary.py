"""Defines lesson 08's third exercise: the verdict on a canary, by a paired interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise

Floats = NDArray[np.float64]


def _ends(difference: Floats, z: float = 1.96, ddof: int = 1) -> tuple[float, float]:
    half = z * float(difference.std(ddof=ddof)) / len(difference) ** 0.5
    return float(difference.mean()) - half, float(difference.mean()) + half


def _word(low: float, high: float) -> str:
    return "promote" if high < 0 else "roll back" if low > 0 else "wait"


def canary(old: Floats, new: Floats) -> str:
    """A word from the 95 % interval of the mean paired difference: below zero, above it, or neither."""
    return _word(*_ends(new - old))


def _canary_stub(old: Floats, new: Floats) -> Any:
    return ...


def _canary_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    def exact(mean: float, spread: float, count: int) -> Floats:
        """Differences with just this mean and standard deviation."""
        raw = rng.normal(size=count)
        return mean + spread * (raw - raw.mean()) / raw.std(ddof=1)

    size = rng.gamma(1.5, 8.0, 200)  # products differ far more than two models do
    many_small = np.r_[np.full(150, -0.2), np.full(50, 1.6)] + rng.normal(0, 0.05, 200)  # better for most, worse in sum
    few_large = np.r_[np.full(150, 0.1), np.full(50, -1.5)] + rng.normal(0, 0.05, 200)
    root = 200**-0.5  # of differences with spread 1: 1.8 of these are not enough, 2.2 are
    flat = np.full(40, 5.0) + rng.normal(0, 0.01, 40)
    return [
        (np.array([4.0, 9.0, 2.0, 7.0]), np.array([5.0, 6.0, 3.0, 6.0])),  # better on average, and nothing is shown
        (size, size + exact(-0.4, 1.0, 200)),
        (size, size + exact(0.4, 1.0, 200)),
        (size, size + exact(-0.1, 1.5, 200)),
        (size, size + exact(0.1, 1.5, 200)),
        (size, size + many_small),
        (size, size + few_large),
        (flat, flat + exact(-0.5, 0.4, 40)),
        (flat, flat + exact(0.5, 0.4, 40)),
        (flat, flat + exact(-2.0, 0.4, 40)),
        (flat, flat + exact(2.0, 0.4, 40)),
        *((size, size + exact(sign * count * root, 1.0, 200)) for count in (1.3, 1.8, 2.2) for sign in (-1, 1)),
        *((flat[:8], flat[:8] + exact(sign * 1.9 * 8**-0.5, 1.0, 8)) for sign in (-1, 1)),
    ]


def _unpaired(old: Floats, new: Floats) -> str:
    half = 1.96 * float(np.sqrt(old.var(ddof=1) / len(old) + new.var(ddof=1) / len(new)))
    middle = float(new.mean() - old.mean())
    return _word(middle - half, middle + half)


def _spread(old: Floats, new: Floats) -> str:
    difference = new - old
    half = 1.96 * float(difference.std(ddof=1))
    return _word(float(difference.mean()) - half, float(difference.mean()) + half)


def _wins(old: Floats, new: Floats) -> str:
    share = float((new < old).mean())
    return "promote" if share > 0.5 else "roll back"


_CANARY_MISTAKES: dict[str, tuple[Answer, str]] = {
    "mean_only": (
        lambda old, new: "promote" if new.mean() < old.mean() else "roll back",
        "You look at the mean difference alone. Of two equally good models one is always ahead by chance, so you put a"
        " new model in force every other week for nothing. Ask for the interval, and wait while it holds zero.",
    ),
    "not_worse_is_enough": (
        lambda old, new: "roll back" if _ends(new - old)[0] > 0 else "promote",
        "You promote whatever is not shown to be worse. Nothing shown is no reason for a change: while the interval"
        " holds zero, the answer is to wait.",
    ),
    "wait_is_no": (
        lambda old, new: "promote" if _ends(new - old)[1] < 0 else "roll back",
        "You roll back what is not shown to be better. A canary that is neither better nor worse is not a fault: wait.",
    ),
    "unpaired": (
        _unpaired,
        "Your interval treats the two models' errors as two separate samples. Products differ far more than models do,"
        " so it is so wide that nothing is ever decided. Take the difference product by product first.",
    ),
    "spread": (
        _spread,
        "Your interval is where a single product's difference lies. Asked is how sure the *mean* is: divide the"
        " standard deviation by the square root of the number of products.",
    ),
    "one_error": (
        lambda old, new: _word(*_ends(new - old, 1.0)),
        "Your interval is one standard error to each side. It misses the true mean one time in three: for 95 % take"
        " 1.96 of them.",
    ),
    "ninety": (
        lambda old, new: _word(*_ends(new - old, 1.645)),
        "Your interval is the 90 % one (1.645 standard errors), or a one-sided test. Asked are 95 %: 1.96.",
    ),
    "ninety_nine": (
        lambda old, new: _word(*_ends(new - old, 2.576)),
        "Your interval is the 99 % one (2.58 standard errors). Asked are 95 %: 1.96.",
    ),
    "ddof_zero": (
        lambda old, new: _word(*_ends(new - old, ddof=0)),
        "Your standard deviation divides by n (numpy's default). The mean was estimated from the same values, so divide"
        " by n - 1: std(ddof=1). With few products this decides.",
    ),
    "majority": (
        _wins,
        "You count for how many products the new model is better. It may be a little better for most and much worse for"
        " the few that sell. What counts is the mean error, and its interval.",
    ),
    "reversed": (
        lambda old, new: canary(new, old),
        "The signs are turned: a difference new - old below zero means that the new model errs less.",
    ),
}


def _turned(way: Answer) -> Answer:
    """A mistake with the two models taken for each other."""
    return lambda old, new: way(new, old)


_CANARY_PAIRS: dict[tuple[str, str], Answer] = {
    ("reversed", way): _turned(wrong) for way, (wrong, _) in _CANARY_MISTAKES.items() if way != "reversed"
}


CANARY = Exercise(
    name="08.canary",
    solution=canary,
    stub=_canary_stub,
    cases=_canary_cases,
    mistakes=_CANARY_MISTAKES,
    pairs=_CANARY_PAIRS,
    praise="You change what serves only when the difference is more than chance.",
)
