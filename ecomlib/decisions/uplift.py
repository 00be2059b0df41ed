"""Learns whom a letter moves: S, T, X and DR learners around any regressor of scikit-learn's kind.

The log is an experiment: who got a letter was drawn with a known chance, the propensity. Who leaves (``retention``) is
not whom a letter keeps. Künzel, Sekhon, Bickel and Yu (2019) name S, T and X; Kennedy (2023) the DR learner. ``qini``
says what a ranking is worth. Lesson 14b derives all of it in sections 1 and 2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecomlib.errors import DataError

__all__ = ["LEARNERS", "Experiment", "Learner", "dr_scores", "effect_out_of_fold", "fit_effect", "learn_effect"]

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Learner = Literal["S", "T", "X", "DR"]
LEARNERS: tuple[Learner, ...] = get_args(Learner)
Make = Callable[[], Any]  # a fresh regressor, with fit(X, y) and predict(X)


@dataclass(frozen=True, eq=False)
class Experiment:
    """Hold the log of an experiment: what was known, who was treated with which chance, and what came of it.

    Parameters
    ----------
    known : array
        Covariates as they were before the letter, (n, F).
    treated : array
        1 who got the letter, 0 who did not, (n,).
    outcome : array
        What is to be raised, (n,): visits, orders, money.
    propensity : array or float
        The chance to be treated, above 0 and below 1, (n,) or one for all.

    Raises
    ------
    DataError
        Arrays that do not fit; a propensity of 0 or 1; nobody treated, or everybody.
    """

    known: Floats
    treated: Floats
    outcome: Floats
    propensity: Floats

    def __init__(self, known: ArrayLike, treated: ArrayLike, outcome: ArrayLike, propensity: ArrayLike | float) -> None:
        x, w, y = (np.asarray(part, dtype=np.float64) for part in (known, treated, outcome))
        e = np.broadcast_to(np.asarray(propensity, dtype=np.float64), w.shape)
        if x.ndim != 2 or w.ndim != 1 or not len(x) == len(w) == len(y) or y.ndim != 1 or not np.isfinite(y).all():
            raise DataError(
                "an experiment has covariates (n, F), and a letter, an outcome and a propensity for each row",
                value=(x.shape, w.shape, y.shape),
                remedy="give arrays of one length; leave out rows whose outcome is not known yet, treated or not.",
            )
        check_arms(w, e)
        for name, value in (("known", x), ("treated", w), ("outcome", y), ("propensity", e)):
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.treated)

    def rows(self, which: NDArray[Any]) -> Experiment:
        """Keep some rows.

        Parameters
        ----------
        which : array
            Places (k,), or True and False (n,).
        """
        return Experiment(self.known[which], self.treated[which], self.outcome[which], self.propensity[which])


def check_arms(treated: Floats, propensity: Floats) -> None:
    """Refuse a log in which nobody or everybody was treated, or a propensity that is none.

    Parameters
    ----------
    treated, propensity : array
        As of ``Experiment``, (n,).

    Raises
    ------
    DataError
        With the remedy.
    """
    if not np.isin(treated, (0.0, 1.0)).all() or treated.min(initial=1) == treated.max(initial=0):
        raise DataError(
            "an experiment has some who got a letter and some who did not, 1 and 0",
            table="mailings",
            column="treated",
            remedy="send the next letter to a part drawn at random, and note who was left out.",
        )
    bad = ~((propensity > 0) & (propensity < 1))
    if bad.any():
        raise DataError(
            "a propensity is above 0 and below 1",
            table="mailings",
            column="propensity",
            value=float(propensity[bad][0]),
            remedy="who is always written to, or never, shows nothing: leave these rows out, and say so.",
        )


def fit_effect(kind: Learner, log: Experiment, make: Make, *, folds: int = 2) -> Callable[[Floats], Floats]:
    """Fit a learner of the effect, and return the function that predicts it.

    Parameters
    ----------
    kind : {"S", "T", "X", "DR"}
        S: one model that sees the letter as a column. T: one model for each arm, and their difference. X: effects
        imputed from the other arm's model, learnt in each arm, and averaged by the propensity. DR: the doubly robust
        scores of ``dr_scores``, learnt.
    log : Experiment
        What it is fitted on.
    make : callable
        Makes a fresh regressor, such as ``lambda: Ridge(10.0)``; the same one is used in every place.
    folds : int
        For DR: the two arms' models never see the row whose score they help to make.

    Returns
    -------
    callable
        From covariates (m, F) to effects (m,), in the outcome's unit.

    Raises
    ------
    DataError
        No such learner.

    Notes
    -----
    With a *linear* regressor S finds one effect for all: its column of the letter has one coefficient.
    """
    x, w, y = log.known, log.treated == 1, log.outcome
    if kind == "S":
        both = make().fit(np.column_stack([x, log.treated]), y)
        return lambda new: _flat(
            both.predict(np.column_stack([new, np.ones(len(new))]))
            - both.predict(np.column_stack([new, np.zeros(len(new))]))
        )
    if kind == "DR":
        scores = dr_scores(log, make, folds=folds)
        effect = make().fit(x, scores)
        return lambda new: _flat(effect.predict(new))
    if kind not in ("T", "X"):
        raise DataError("there is no such learner", value=kind, remedy=f"write one of {', '.join(LEARNERS)}.")
    with_letter, without = make().fit(x[w], y[w]), make().fit(x[~w], y[~w])
    if kind == "T":
        return lambda new: _flat(with_letter.predict(new)) - _flat(without.predict(new))
    of_treated = make().fit(x[w], y[w] - without.predict(x[w]))
    of_others = make().fit(x[~w], with_letter.predict(x[~w]) - y[~w])
    share = float(log.propensity.mean())
    return lambda new: share * _flat(of_others.predict(new)) + (1 - share) * _flat(of_treated.predict(new))


def _flat(predicted: Any) -> Floats:
    return np.asarray(predicted, dtype=np.float64).ravel()


def dr_scores(log: Experiment, make: Make, *, folds: int = 2) -> Floats:
    """Compute the doubly robust score of each row, (n,): the models' effect, corrected by the weighted error.

    Its mean is the average effect whatever the models say, as long as the propensities are right.

    Parameters
    ----------
    log : Experiment
    make : callable
        As of ``fit_effect``.
    folds : int
        Row i is in fold i modulo ``folds``; its models are fitted on the others.
    """
    x, w, y, e = log.known, log.treated, log.outcome, log.propensity
    said, fold = np.zeros((2, len(w))), np.arange(len(w)) % folds
    for k in range(folds):
        for arm in (0, 1):
            train = (fold != k) & (w == arm)
            if not train.any():
                raise DataError("an arm of a fold is empty", value=k, remedy="shuffle the rows, or take fewer folds.")
            said[arm, fold == k] = _flat(make().fit(x[train], y[train]).predict(x[fold == k]))
    error = y - np.where(w == 1, said[1], said[0])
    return np.asarray(said[1] - said[0] + (w / e - (1 - w) / (1 - e)) * error)


def learn_effect(kind: Learner, log: Experiment, new: ArrayLike, make: Make) -> Floats:
    """Learn the effect on one log and predict it for others, (m,).

    Parameters
    ----------
    kind, log, make : str, Experiment, callable
        As of ``fit_effect``.
    new : array
        Covariates of those to be written to, (m, F).
    """
    return fit_effect(kind, log, make)(np.asarray(new, dtype=np.float64))


def effect_out_of_fold(
    kind: Learner, log: Experiment, make: Make, *, fold: ArrayLike, also: Experiment | None = None
) -> Floats:
    """Predict each row's effect by a learner that has not seen its fold, (n,).

    Parameters
    ----------
    kind, log, make : str, Experiment, callable
        As of ``fit_effect``.
    fold : array
        Whole numbers, (n,). All rows of one customer belong to one fold.
    also : Experiment, optional
        More rows to learn from in every fold, such as the tuning part.
    """
    at, found = np.asarray(fold), np.zeros(len(log))
    for k in np.unique(at):
        part = log.rows(at != k)
        if also is not None:
            part = Experiment(
                np.vstack([also.known, part.known]),
                np.concatenate([also.treated, part.treated]),
                np.concatenate([also.outcome, part.outcome]),
                np.concatenate([also.propensity, part.propensity]),
            )
        found[at == k] = learn_effect(kind, part, log.known[at == k], make)
    return found
