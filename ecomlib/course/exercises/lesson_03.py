"""Defines lesson 03's exercises: the back-door set, cross-fitting, an elasticity from small counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise
from ecomlib.course.exercises.back_door import BACK_DOOR

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


# --- cross-fitting ---


def _line(x: Floats, target: Floats, rows: NDArray[np.bool_]) -> tuple[float, float]:
    slope, level = np.polyfit(x[rows], target[rows], 1)
    return float(slope), float(level)


def _by_fold(x: Floats, target: Floats, fold: Whole, own: bool = False) -> Floats:
    guess = np.empty(len(x))
    for k in np.unique(fold):
        slope, level = _line(x, target, (fold == k) == own)
        guess[fold == k] = level + slope * x[fold == k]
    return guess


def out_of_fold(x: Floats, target: Floats, product: Whole, folds: int) -> Floats:
    """Predictions by lines fitted on the other folds; a product's rows stay together."""
    return _by_fold(x, target, product % folds)


def _cross_stub(x: Floats, target: Floats, product: Whole, folds: int) -> Any:
    return ...


def _cross_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    small = (np.arange(4.0), np.array([0.0, 1.0, 0.0, 3.0]), np.array([0, 0, 1, 1]), 2)
    mixed = (np.arange(4.0), np.array([0.0, 1.0, 2.0, 0.0]), np.array([0, 1, 0, 1]), 2)  # folds 0, 1, 0, 1
    cases = [small, mixed]
    for products, folds in ((12, 3), (23, 5)):
        product = np.sort(rng.integers(0, products, 90))
        own = rng.normal(size=products)[product]
        x = own + 0.3 * rng.normal(size=90)
        cases.append((x, 2 * own - x + rng.normal(size=90), product, folds))
    return cases


def _middle_of_own(x: Floats, target: Floats, product: Whole, folds: int) -> Floats:
    fold, guess = product % folds, np.empty(len(x))
    for k in np.unique(fold):
        guess[fold == k] = target[fold != k].mean()
    return guess


def _through_zero(x: Floats, target: Floats, product: Whole, folds: int) -> Floats:
    fold, guess = product % folds, np.empty(len(x))
    for k in np.unique(fold):
        rest = fold != k
        guess[fold == k] = x[fold == k] * (x[rest] @ target[rest]) / (x[rest] @ x[rest])
    return guess


def _balanced_folds(x: Floats, target: Floats, product: Whole, folds: int) -> Floats:
    """As scikit-learn's GroupKFold makes them: by product, but so that folds are of like size."""
    from sklearn.model_selection import GroupKFold

    fold = np.empty(len(x), dtype=int)
    for k, (_, rows) in enumerate(GroupKFold(folds).split(x, groups=product)):
        fold[rows] = k
    return _by_fold(x, target, fold)


def _fold_after_fold(x: Floats, target: Floats, product: Whole, folds: int) -> Floats:
    return out_of_fold(x, target, product, folds)[np.argsort(product % folds, kind="stable")]


def _divided(error: type[Exception], shift: bool = False) -> Answer:
    """Folds by product // folds; where that leaves nothing to fit on, fitting stops with an error."""

    def wrong(x: Floats, target: Floats, product: Whole, folds: int) -> Floats:
        if len(np.unique(product // folds)) == 1:
            raise error("nothing to fit on")
        guess = _by_fold(x, target, product // folds)
        return np.where(product // folds < folds, guess, 0.0) if shift else guess

    return wrong


_CROSS_MISTAKES: dict[str, tuple[Answer, str]] = {
    "same_fold": (
        lambda x, target, product, folds: _by_fold(x, target, product % folds, own=True),
        "Each row is predicted by the line of its *own* fold, which has seen it. Fit on the rows that are not in the"
        " fold.",
    ),
    "no_folds": (
        lambda x, target, product, folds: np.polyval(np.polyfit(x, target, 1), x),
        "One line for all rows: each has seen the row that it predicts. Leave the row's fold out of the fit.",
    ),
    "row_wise": (
        lambda x, target, product, folds: _by_fold(x, target, np.arange(len(x)) % folds),
        "You folded by *rows*, so that other weeks of the same product stand in the training part. A learner that"
        " recognises the product looks its answer up: fold by product.",
    ),
    "row_blocks": (
        lambda x, target, product, folds: _by_fold(x, target, np.arange(len(x)) * folds // len(x)),
        "You cut the rows into blocks. A product at the border stands on both sides; use product modulo folds.",
    ),
    "group_k_fold": (
        _balanced_folds,
        "Your folds are fair: no product stands on both sides. But GroupKFold makes folds of like size;"
        " here product k belongs to fold k modulo `folds`.",
    ),
    "fold_after_fold": (
        _fold_after_fold,
        "The predictions are right, but they stand fold after fold, no longer in the order of the rows. With products"
        " 0, 1, 0, 1 and two folds the first difference is at row 1, where yours has row 2's prediction. Write each"
        " fold's into its own rows: guess[fold == k] = …",
    ),
    "own_product": (
        lambda x, target, product, folds: _by_fold(x, target, product),
        "You leave out the row's product alone, and fit as many lines as there are products. Leave out its whole fold,"
        " product modulo `folds`: then `folds` lines are enough.",
    ),
    "whole_division": (
        _divided(TypeError),
        "`product // folds` says how often folds goes into it: products 0 and 1 fall into one fold of two, and nothing"
        " is left to fit on. The remainder is meant: product % folds.",
    ),
    "residual": (
        lambda x, target, product, folds: target - out_of_fold(x, target, product, folds),
        "These are the residuals, target less prediction. They come next; here the predictions are asked for.",
    ),
    "mean_only": (
        _middle_of_own,
        "You predict the mean of the other folds, without x. Fit a straight line in x.",
    ),
    "through_zero": (
        _through_zero,
        "Your lines pass through the origin. Give them an intercept.",
    ),
}

_CROSS_ALSO: dict[str, tuple[Answer, ...]] = {
    "whole_division": (_divided(ValueError), _divided(TypeError, True), _divided(ValueError, True)),
}
_CROSS_PAIRS: dict[tuple[str, str], Answer] = {
    ("same_fold", "residual"): lambda x, target, product, folds: (
        target - _by_fold(x, target, product % folds, own=True)
    ),
}


# --- an elasticity from small counts ---


def elasticity(units: Floats, price: Floats) -> float:
    """Slope of the Poisson regression of units on log price."""
    X = np.column_stack([np.ones(len(price)), np.log(price)])
    slope = np.array([np.log(np.mean(units)), 0.0])
    for _ in range(100):
        mu = np.exp(np.clip(X @ slope, -30, 30))
        slope = slope + np.clip(np.linalg.solve(X.T @ (mu[:, None] * X), X.T @ (units - mu)), -2, 2)
    return float(slope[1])


def _through_one(units: Floats, price: Floats) -> float:
    """Without an intercept: demand is one unit at a price of one."""
    x, slope = np.log(price), 0.0
    for _ in range(200):
        mu = np.exp(np.clip(slope * x, -30, 30))
        slope += float(np.clip((x @ (units - mu)) / (x @ (mu * x)), -2, 2))
    return slope


def _penalised(units: Floats, price: Floats) -> float:
    """As scikit-learn's PoissonRegressor does by default: half the squared slope is added to the mean deviance."""
    X, held = np.column_stack([np.ones(len(price)), np.log(price)]), np.diag([0.0, float(len(price))])
    slope = np.array([np.log(np.mean(units)), 0.0])
    for _ in range(100):
        mu = np.exp(np.clip(X @ slope, -30, 30))
        uphill = X.T @ (units - mu) - held @ slope
        slope = slope + np.clip(np.linalg.solve(X.T @ (mu[:, None] * X) + held, uphill), -2, 2)
    return float(slope[1])


def _params(units: Floats, price: Floats) -> Floats:
    slope = elasticity(units, price)
    level = np.log(units.sum() / np.sum(price**slope))
    return np.array([level, slope])


def _elasticity_stub(units: Floats, price: Floats) -> Any:
    return ...


def _log_line(units: Floats, price: Floats, add: float) -> float:
    return float(np.polyfit(np.log(price), np.log(units + add), 1)[0])


def _straight(units: Floats, price: Floats) -> float:
    slope = np.polyfit(price, units, 1)[0]
    return float(slope * price.mean() / units.mean())


def _elasticity_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    cases: list[tuple[Any, ...]] = [(np.array([3.0, 1.0, 1.0, 0.0]), np.array([1.0, 1.0, 2.0, 2.0]))]
    for level, slope in ((0.4, -2.0), (2.5, -1.2)):
        price = np.exp(rng.normal(0.3, 0.35, 4000))
        cases.append((rng.poisson(level * price**slope).astype(float), price))
    return cases


_ELASTICITY_MISTAKES: dict[str, tuple[Answer, str]] = {
    "half": (
        lambda units, price: _log_line(units, price, 0.5),
        "This is the line through log(units + ½). In the check's second case the truth is -2.0 and this gives about"
        " -0.5: where one unit is much, the ½ bends the slope towards zero, and more data do not help. Count with a"
        " Poisson regression.",
    ),
    "one": (
        lambda units, price: _log_line(units, price, 1.0),
        "This is the line through log(units + 1). Where one unit is much, the 1 bends the slope towards zero, and more"
        " data do not help. Count with a Poisson regression.",
    ),
    "zeros_dropped": (
        lambda units, price: _log_line(units[units > 0], price[units > 0], 0.0),
        "You dropped the weeks without a sale. A high price causes zeros: without them it looks harmless. Keep them,"
        " with a Poisson regression.",
    ),
    "no_intercept": (
        _through_one,
        "Your regression has no intercept: it takes for granted that one unit is sold at a price of one. Add a column"
        " of ones (statsmodels does not add it by itself).",
    ),
    "penalised": (
        _penalised,
        "A penalty has pulled your slope towards zero: scikit-learn's PoissonRegressor has `alpha=1` unless you say"
        " otherwise. Set `alpha=0`.",
    ),
    "params": (
        _params,
        "You return all coefficients, intercept first. The elasticity is the one that belongs to log price: return that"
        " number alone.",
    ),
    "params_slope_first": (
        lambda units, price: _params(units, price)[::-1],
        "You return all coefficients. The elasticity is the one that belongs to log price: return the first number"
        " alone, without the intercept.",
    ),
    "level_returned": (
        lambda units, price: float(_params(units, price)[0]),
        "You return the intercept, the log of the units sold at a price of one. The elasticity is the other"
        " coefficient, that of log price.",
    ),
    "price_as_is": (
        lambda units, price: elasticity(units, np.exp(price)),
        "The regression is right, its variable is not: per cent for per cent needs the *logarithm* of the price.",
    ),
    "straight_line": (
        _straight,
        "This is the straight line of units on price, turned into per cent at the mean. Demand is no straight line: use"
        " log price in a Poisson regression.",
    ),
    "sign": (
        lambda units, price: -elasticity(units, price),
        "The size is right. Keep the sign: dearer sells less, so the elasticity is below zero.",
    ),
    "factor": (
        lambda units, price: float(np.exp(elasticity(units, price))),
        "This is e to the slope. The slope of log demand over log price is the elasticity itself.",
    ),
}


EXERCISES: tuple[Exercise, ...] = (
    BACK_DOOR,
    Exercise(
        "03.cross_fit",
        out_of_fold,
        _cross_stub,
        _cross_cases,
        _CROSS_MISTAKES,
        also=_CROSS_ALSO,
        pairs=_CROSS_PAIRS,
        praise="No row has helped to predict itself, and no product its other weeks.",
    ),
    Exercise(
        "03.elasticity",
        elasticity,
        _elasticity_stub,
        _elasticity_cases,
        _ELASTICITY_MISTAKES,
        praise="Zeros count, and the slope is not bent.",
        rtol=1e-3,  # PoissonRegressor(alpha=0) stops that early
        atol=1e-3,
    ),
)
