"""Turns chances into decisions by money: a threshold from two costs, whom to help, which line to check.

A chance decides nothing until both mistakes have a price. All of it rests on chances that are chances: a score that
ranks well and is twice too high moves every threshold (``evaluation.calibration`` mends it). Elkan (2001) for the
threshold. Lesson 09 derives it in section 6.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecomlib.errors import DataError
from ecomlib.evaluation.calibration import from_log_odds, log_odds

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def _money(value: Any, name: str, *, above: bool = False) -> Floats:
    found = np.asarray(value, dtype=np.float64)
    if not np.isfinite(found).all() or (found < 0).any() or (above and (found <= 0).any()):
        raise DataError(
            "costs and gains are finite and not negative" if not above else "this is money above zero",
            column=name,
            value=float(found.ravel()[0]) if found.size else None,
            remedy="give it in the shop's money, without a sign.",
        )
    return found


def threshold(false_alarm: float, miss: float) -> float:
    """Find the chance from which acting costs less than waiting: false alarm / (false alarm + miss).

    Parameters
    ----------
    false_alarm : float
        What acting loses where nothing would have happened, in money.
    miss : float
        What waiting loses where it happens and acting would have helped, in money, net of what acting costs.

    Raises
    ------
    DataError
        Negative money, or both zero.

    Examples
    --------
    >>> threshold(1.0, 9.0)
    0.1
    """
    costs = float(_money(false_alarm, "false_alarm")), float(_money(miss, "miss"))
    if not sum(costs):
        raise DataError("where no mistake costs anything there is no threshold", remedy="give both costs.")
    return costs[0] / sum(costs)


def help_gain(chance: ArrayLike, *, margin: ArrayLike, cost: float, lift: float, gift: float = 0.0) -> Floats:
    """Compute what help in a session earns on average, (n,): more purchases, less what it costs and what it gives away.

    Help raises the log-odds of buying by ``lift``: whoever is sure and whoever is hopeless is hardly moved. So the
    gain is greatest in the middle, and a rule "help the likeliest" pays those who would have bought anyway.

    Parameters
    ----------
    chance : array
        Of a purchase without help, calibrated, (n,).
    margin : float or array
        What a purchase earns, in money.
    cost : float
        What help costs a session, whatever comes of it.
    lift : float
        Log-odds that help adds. **From an experiment** (lesson 03b): no log of past sessions tells it.
    gift : float
        Given to each helped customer who buys, such as a voucher, also to those who would have bought.

    Raises
    ------
    DataError
        Chances outside 0 to 1, negative money, or a lift that is not finite.

    Examples
    --------
    >>> help_gain([0.01, 0.4, 0.95], margin=20.0, cost=0.5, lift=0.5).round(2).tolist()
    [-0.37, 1.97, -0.12]
    """
    if not np.isfinite(lift):
        raise DataError("the lift is a finite number of log-odds", value=lift, remedy="take it from an experiment.")
    p, earns = np.asarray(chance, dtype=np.float64), _money(margin, "margin")
    helped = from_log_odds(log_odds(p) + lift)
    return np.asarray((helped - p) * earns - helped * _money(gift, "gift") - _money(cost, "cost"))


def help_band(*, margin: float, cost: float, lift: float, gift: float = 0.0) -> tuple[float, float] | None:
    """Find the chances between which help earns more than it costs; None where it never does.

    Parameters
    ----------
    margin, cost, lift, gift : float
        As ``help_gain`` takes them.

    Returns
    -------
    (low, high) or None
        To four digits, from a grid of 10,001 chances: the gain rises and falls once.

    Examples
    --------
    >>> help_band(margin=20.0, cost=0.5, lift=0.5)
    (0.0413, 0.9337)
    >>> help_band(margin=20.0, cost=5.0, lift=0.5) is None
    True
    """
    grid = np.linspace(0, 1, 10_001)
    worth = grid[help_gain(grid, margin=margin, cost=cost, lift=lift, gift=gift) > 0]
    return (round(float(worth[0]), 4), round(float(worth[-1]), 4)) if len(worth) else None


def check_gain(chance: ArrayLike, *, value: ArrayLike, cost: float, saved: float = 0.25) -> Floats:
    """Compute what checking a line before it is sent earns on average, (n,): chance · value · saved, less cost.

    Each line has a threshold of its own, ``cost / (value · saved)``: at one chance the dear line is checked and the
    cheap one is not.

    Parameters
    ----------
    chance : array
        That the line comes back, calibrated, (n,).
    value : array
        Money of the line, (n,).
    cost : float
        Of one check.
    saved : float
        Share of the value that a check saves where the line would have come back: 0 to 1, measured or assumed.

    Raises
    ------
    DataError
        Chances or a share outside 0 to 1, negative money, lengths that differ.

    Examples
    --------
    >>> check_gain([0.02, 0.02], value=[1000.0, 10.0], cost=1.0).tolist()
    [4.0, -0.95]
    """
    p, money = np.asarray(chance, dtype=np.float64), _money(value, "value")
    if not 0 <= saved <= 1 or ((p < 0) | (p > 1)).any() or (money.ndim and money.shape != p.shape):
        raise DataError(
            "chances and the share saved lie between 0 and 1, and each line has one value",
            value=(saved, p.shape, money.shape),
            remedy="give arrays (n,), and saved=0.25 for a quarter.",
        )
    return np.asarray(p * money * saved - _money(cost, "cost"))


def earned(acts: ArrayLike, happened: ArrayLike, *, value: ArrayLike, cost: float, saved: float = 0.25) -> float:
    """Add up what a rule has earned on lines whose end is known: saved value where they came back, less all checks.

    Parameters
    ----------
    acts : array of bool
        Which lines the rule checked, (n,).
    happened : array
        1 where the line came back, (n,).
    value : array
        (n,)
    cost, saved : float
        As ``check_gain`` takes them.

    Examples
    --------
    >>> earned([True, True, False], [1, 0, 1], value=[100.0, 50.0, 80.0], cost=2.0)
    21.0
    """
    act, came = np.asarray(acts, dtype=bool), np.asarray(happened, dtype=np.float64)
    money = _money(value, "value")
    if not act.shape == came.shape == money.shape:
        raise DataError(
            "each line has one decision, one end and one value",
            value=(act.shape, came.shape, money.shape),
            remedy="give arrays (n,).",
        )
    return float((saved * money * came - cost)[act].sum())


def dearest(score: ArrayLike, share: float) -> Flags:
    """Mark the rows with the highest score, as many as ``share`` of all, (n,); of equal scores the first.

    Parameters
    ----------
    score : array
        (n,)
    share : float
        Above 0, at most 1.

    Examples
    --------
    >>> dearest([3.0, 9.0, 1.0, 9.0], 0.25).tolist()
    [False, True, False, False]
    """
    s = np.asarray(score, dtype=np.float64)
    if not 0 < share <= 1 or not np.isfinite(s).all():
        raise DataError("a share lies between 0 and 1", value=share, remedy="give it as 0.05, and finite scores.")
    marked = np.zeros(len(s), dtype=bool)
    marked[np.argsort(-s, kind="stable")[: max(1, round(share * len(s)))]] = True
    return marked
