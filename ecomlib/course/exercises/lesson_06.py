"""Defines lesson 06's exercises: one FGSM step, a plan in whole units within a budget, an honest error under attack."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise

Floats = NDArray[np.float64]


# --- one step of FGSM ---


def fgsm_step(x: Floats, y: Floats, w: Floats, eps: float) -> Floats:
    """The histories after one step along the sign of the squared error's gradient."""
    error = x @ w - y
    return x + eps * np.sign(2 * error[:, None] * w)


def _fgsm_stub(x: Floats, y: Floats, w: Floats, eps: float) -> Any:
    return ...


def _fgsm_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    x = np.array([[4.0, 5.0, 6.0], [4.0, 5.0, 6.0]])
    return [
        (x, np.array([4.0, 8.0]), np.array([-0.25, 0.5, 0.75]), 0.5),
        (rng.normal(2, 2, (6, 4)), rng.normal(4, 3, 6), rng.normal(0, 0.6, 4), 1.5),
        # The first forecast is right and the last week has no weight: flat slopes, whose sign is zero.
        (np.array([[4.0, 2.0, 3.0], [6.0, 2.0, 1.0]]), np.array([3.0, 2.0]), np.array([0.5, 0.5, 0.0]), 0.5),
    ]


_FGSM_MISTAKES: dict[str, tuple[Answer, str]] = {
    "gradient_of_the_prediction": (
        lambda x, y, w, eps: x + eps * np.sign(np.broadcast_to(w, x.shape)),
        "You follow the gradient of the prediction, not of the loss: every forecast is pushed up. Where it was too low"
        " already, that makes it better. The gradient of the squared error has the error in front: 2 (x·w - y) w.",
    ),
    "sign_lost": (
        lambda x, y, w, eps: x + eps * 2 * (x @ w - y)[:, None] * w,
        "You step along the gradient itself. FGSM takes its sign: each week moves by eps, whether its slope is steep or"
        " flat. Without the sign one week may move by far more than the budget.",
    ),
    "downhill": (
        lambda x, y, w, eps: x - eps * np.sign(2 * (x @ w - y)[:, None] * w),
        "Your step goes downhill, as in training. The attacker wants the loss to rise: add, do not subtract.",
    ),
    "clipped_at_zero": (
        lambda x, y, w, eps: np.maximum(x + eps * np.sign(2 * (x @ w - y)[:, None] * w), 0),
        "You cut the result at zero. A shop would, and the next exercise does; here the step alone is asked for, and a"
        " history may go below zero.",
    ),
    "only_the_step": (
        lambda x, y, w, eps: eps * np.sign(2 * (x @ w - y)[:, None] * w),
        "That is the step alone. Return the histories after it: x plus the step.",
    ),
    "sign_of_the_error": (
        lambda x, y, w, eps: x + eps * np.sign(x @ w - y)[:, None] * np.ones_like(w),
        "You took the sign of the error and forgot the weights. A week with a negative weight must go the other way.",
    ),
    "flat_slope_moved": (
        lambda x, y, w, eps: x + eps * np.where(2 * (x @ w - y)[:, None] * w > 0, 1, -1),
        "Where the slope is zero, because the forecast is right or the week has no weight, no step makes the loss rise,"
        " and yours moves all the same. The sign of zero is zero: np.sign.",
    ),
    "mean_over_rows": (
        lambda x, y, w, eps: x + eps * np.sign((2 * (x @ w - y)[:, None] * w).mean(axis=0)),
        "You averaged the gradient over the windows. Each product is attacked for itself and has its own direction.",
    ),
}


_FGSM_ALSO: dict[str, tuple[Answer, ...]] = {
    "flat_slope_moved": (
        lambda x, y, w, eps: x + eps * np.where(2 * (x @ w - y)[:, None] * w >= 0, 1, -1),
        lambda x, y, w, eps: x - eps * np.where(2 * (x @ w - y)[:, None] * w >= 0, -1, 1),
        lambda x, y, w, eps: x + eps * (2 * (x @ w - y)[:, None] * w) / np.abs(2 * (x @ w - y)[:, None] * w),
    ),
}


def _fgsm(*changes: str) -> Answer:
    """The step with these things done differently."""

    def wrong(x: Floats, y: Floats, w: Floats, eps: float) -> Floats:
        error = x @ w - y
        if "prediction" in changes:
            error = np.ones_like(error)
        slope = 2 * error[:, None] * (np.ones_like(w) if "no_weights" in changes else w)
        if "mean" in changes:
            slope = slope.mean(axis=0)
        step = eps * (slope if "slope" in changes else np.sign(slope)) * (-1 if "down" in changes else 1)
        moved = np.broadcast_to(step, x.shape) if "step" in changes else x + step
        return np.maximum(moved, 0) if "cut" in changes else moved

    return wrong


_FGSM_CHANGES = {
    "gradient_of_the_prediction": "prediction",
    "sign_lost": "slope",
    "downhill": "down",
    "clipped_at_zero": "cut",
    "only_the_step": "step",
    "sign_of_the_error": "no_weights",
    "mean_over_rows": "mean",
}
# A prediction's slope is alike in all windows, and without weights nothing but a sign is left of it.
_FGSM_EXCLUDE = ({"prediction", "mean"}, {"prediction", "no_weights"})
_FGSM_PAIRS = {
    (one, other): _fgsm(_FGSM_CHANGES[one], _FGSM_CHANGES[other])
    for one, other in combinations(_FGSM_CHANGES, 2)
    if {_FGSM_CHANGES[one], _FGSM_CHANGES[other]} not in _FGSM_EXCLUDE
}


# --- a plan in whole units ---


def _rest(wish: Floats, per_week: int, total: int, *, clip: bool = True, shrink: bool = True) -> Floats:
    plan = np.clip(wish, 0, per_week) if clip else np.maximum(wish, 0)
    if shrink and plan.sum() > total:
        plan = plan * total / plan.sum()
    return plan


def whole_plan(wish: Floats, per_week: int, total: int) -> Floats:
    """Clip, shrink to the total, round down, and give what is left to the largest remainders, the earlier first."""
    plan = _rest(wish, per_week, total)
    units = np.floor(plan + 1e-9)
    left = int(np.floor(plan.sum() + 1e-9) - units.sum())
    units[np.argsort(-(plan - units), kind="stable")[:left]] += 1
    return units


def _plan_stub(wish: Floats, per_week: int, total: int) -> Any:
    return ...


def _plan_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    return [
        (np.array([0.5, 0.5, 1.5, 2.5]), 3, 4),
        (np.array([-1.0, 2.6, 7.0, 0.6, 0.6, 2.3]), 3, 6),
        (np.array([1.25, 0.5, 0.0, 1.5]), 2, 9),
        (np.array([2.2, 1.7, 1.5, 3.9, 0.8]), 3, 8),  # shrunk, the sum is 7.9999999, whatever the order of the sums
        (rng.uniform(-1, 4, 8), 3, 7),
    ]


def _floor_only(wish: Floats, per_week: int, total: int) -> Floats:
    return np.floor(_rest(wish, per_week, total) + 1e-9)


def _handed_out(plan: Floats, wanted: Floats | None = None, hair: float = 1e-9) -> Floats:
    """Round down, and give what is left, one each, where ``wanted`` (the remainder, if not given) is largest."""
    units = np.floor(plan + 1e-9)
    left = int(np.floor(plan.sum() + hair) - units.sum())
    units[np.argsort(-(plan - units if wanted is None else wanted), kind="stable")[:left]] += 1
    return units


def _unclipped(wish: Floats, per_week: int, total: int) -> Floats:
    return _handed_out(_rest(wish, per_week, total, clip=False))


def _shrunk_first(wish: Floats, per_week: int, total: int) -> Floats:
    wish = np.maximum(wish, 0)
    plan = np.clip(wish * min(1.0, total / max(wish.sum(), 1e-12)), 0, per_week)
    return _handed_out(plan)


def _same_number_off(wish: Floats, per_week: int, total: int) -> Floats:
    low, high = 0.0, float(np.max(wish))
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if np.clip(wish - middle, 0, per_week).sum() > total else (low, middle)
    plan = np.clip(wish - (high if np.clip(wish, 0, per_week).sum() > total else 0), 0, per_week)
    return _handed_out(plan)


def _a_hair_short(wish: Floats, per_week: int, total: int) -> Floats:
    return _handed_out(_rest(wish, per_week, total), hair=0)


def _later_first(wish: Floats, per_week: int, total: int, hair: float = 1e-9) -> Floats:
    plan = _rest(wish, per_week, total)[::-1]
    return _handed_out(plan, np.round(plan - np.floor(plan + 1e-9), 9), hair)[::-1]


def _largest_wish(wish: Floats, per_week: int, total: int, hair: float = 1e-9) -> Floats:
    return _handed_out(_rest(wish, per_week, total), wish, hair)


def _always_all(wish: Floats, per_week: int, total: int) -> Floats:
    plan = np.clip(wish, 0, per_week)
    plan = plan * total / plan.sum()
    return _handed_out(plan)


def _below_zero(wish: Floats, per_week: int, total: int) -> Floats:
    plan = np.minimum(wish, per_week)
    return _handed_out(plan * total / plan.sum() if plan.sum() > total else plan)


def _all_to_one(wish: Floats, per_week: int, total: int) -> Floats:
    plan = _rest(wish, per_week, total)
    units = np.floor(plan + 1e-9)
    units[np.argmax(np.round(plan - units, 9))] += int(np.floor(plan.sum() + 1e-9) - units.sum())
    return units


def _absolute(wish: Floats, per_week: int, total: int) -> Floats:
    return whole_plan(np.abs(wish), per_week, total)


_PLAN_MISTAKES: dict[str, tuple[Answer, str]] = {
    "clip_then_round": (
        lambda wish, per_week, total: np.round(np.clip(wish, 0, per_week)),
        "You clipped each week and rounded: each week is affordable, all of them together are not. The total is part of"
        " the budget, and rounding comes last and must keep it.",
    ),
    "shrink_then_round": (
        lambda wish, per_week, total: np.round(_rest(wish, per_week, total)),
        "You shrank the plan to the total, then rounded week by week. Several weeks rounded up together can leave the"
        " budget again (and rounded down together they waste it). Round down, then hand out what is left.",
    ),
    "round_up": (
        lambda wish, per_week, total: np.ceil(_rest(wish, per_week, total) - 1e-9),
        "Rounding up buys units that were not paid for: the sum is above the total.",
    ),
    "round_down_only": (
        _floor_only,
        "Rounding down keeps to the budget and wastes it: several half units are dropped. The units that are left go to"
        " the weeks with the largest remainders, one each.",
    ),
    "a_hair_short": (
        _a_hair_short,
        "Right but for the computer's arithmetic: after shrinking, the sum is 7.9999999 where it should be 8, and"
        " rounded down that is 7. One unit is lost. Add 1e-9 before you round down.",
    ),
    "not_whole": (
        _rest,
        "This plan is affordable, but nobody can order half a unit: make it whole.",
    ),
    "week_not_clipped": (
        _unclipped,
        "One week holds more than the weekly limit: clip to 0 … per_week before anything else.",
    ),
    "shrunk_before_clipped": (
        _shrunk_first,
        "You shrank first and clipped afterwards: what the clip cuts off is lost, and the total is not spent. Clip each"
        " week, then look at the sum.",
    ),
    "same_number_off": (
        _same_number_off,
        "You took the same number from each week. That is the package's way, and the nearest affordable plan; here the"
        " exercise asks for the same share: multiply all weeks by one factor.",
    ),
    "later_week_first": (
        _later_first,
        "Where two weeks have the same remainder, yours gives the unit to the later one. The earlier week comes first:"
        " sort stably.",
    ),
    "largest_wish_first": (
        _largest_wish,
        "What is left goes to the weeks with the largest remainders after rounding down, not to the largest wishes.",
    ),
    "always_spends_the_total": (
        _always_all,
        "You stretch a small wish until the total is spent. The total is a limit, not a duty: shrink only where the sum"
        " is above it.",
    ),
    "below_zero": (
        _below_zero,
        "A wish below zero stays below zero with you: it lowers the sum, and minus one unit is no order. Clip at both"
        " ends, to 0 … per_week.",
    ),
    "all_to_one_week": (
        _all_to_one,
        "All units that are left go to one week. Each of the weeks with the largest remainders gets one.",
    ),
    "absolute_value": (
        _absolute,
        "A negative wish became a purchase: you took its absolute value. Where the gradient would like fewer orders,"
        " nothing can be bought: clip at 0.",
    ),
    "total_handed_out": (
        lambda wish, per_week, total: _all_left(wish, per_week, total),
        "What is left is not total - spent. Where the wishes are smaller than the total, that hands out units which"
        " nobody wished for: what rounding down took away is left, the sum of the plan (rounded down) less the sum of"
        " the whole units.",
    ),
}


def _all_left(wish: Floats, per_week: int, total: int, *, reverse: bool = False, only: str = "all") -> Floats:
    """Hand out all that the total allows: to all weeks, to those with a remainder, or within the weekly limit."""
    plan = _rest(wish, per_week, total)
    units = np.floor(plan + 1e-9)
    rest = np.round(plan - units, 9)
    order = np.argsort(rest, kind="stable")[::-1] if reverse else np.argsort(-rest, kind="stable")
    if only == "remainders":
        order = order[rest[order] > 0]
    elif only == "limit":
        order = order[units[order] < per_week]
    elif only == "rounds":  # round after round, until the total is spent or every week is full
        while (left := round(float(total - units.sum()))) > 0 and (units < per_week).any():
            units[order[units[order] < per_week][:left]] += 1
        return units
    units[order[: max(round(float(total - units.sum())), 0)]] += 1
    return units


def _now_and_then(bound: bool) -> Answer:
    """The later week first where the total binds, or where it does not: sorts that are not stable do as they like."""
    return lambda wish, per_week, total: (
        _later_first if bool(np.clip(wish, 0, per_week).sum() > total) == bound else whole_plan
    )(wish, per_week, total)


_PLAN_ALSO: dict[str, tuple[Answer, ...]] = {
    "later_week_first": (_now_and_then(True), _now_and_then(False)),
    "total_handed_out": (
        lambda wish, per_week, total: _all_left(wish, per_week, total, only="remainders"),
        lambda wish, per_week, total: _all_left(wish, per_week, total, only="limit"),
        lambda wish, per_week, total: _all_left(wish, per_week, total, only="rounds"),
    ),
}
_PLAN_PAIRS: dict[tuple[str, str], Answer] = {
    ("later_week_first", "total_handed_out"): lambda wish, per_week, total: _all_left(
        wish, per_week, total, reverse=True
    ),
    ("a_hair_short", "later_week_first"): lambda wish, per_week, total: _later_first(wish, per_week, total, 0),
    ("a_hair_short", "largest_wish_first"): lambda wish, per_week, total: _largest_wish(wish, per_week, total, 0),
    ("a_hair_short", "absolute_value"): lambda wish, per_week, total: _a_hair_short(np.abs(wish), per_week, total),
    ("week_not_clipped", "round_down_only"): lambda wish, per_week, total: np.floor(
        _rest(wish, per_week, total, clip=False) + 1e-9
    ),
    ("week_not_clipped", "not_whole"): lambda wish, per_week, total: _rest(wish, per_week, total, clip=False),
    ("absolute_value", "not_whole"): lambda wish, per_week, total: _rest(np.abs(wish), per_week, total),
    ("always_spends_the_total", "later_week_first"): lambda wish, per_week, total: _later_first(
        np.clip(wish, 0, per_week) * total / np.clip(wish, 0, per_week).sum(), 10**9, total
    ),
    ("always_spends_the_total", "not_whole"): lambda wish, per_week, total: (
        np.clip(wish, 0, per_week) * total / np.clip(wish, 0, per_week).sum()
    ),
}


# --- an honest error under attack ---


def honest_error(clean: Floats, attacks: Floats) -> float:
    """Mean over products of the largest error that any attack, or none, brings about."""
    return float(np.maximum(clean, attacks.max(axis=0)).mean())


def _honest_stub(clean: Floats, attacks: Floats) -> Any:
    return ...


def _honest_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    clean = np.array([2.0, 3.0, 4.0])
    return [
        (clean, np.array([[2.5, 2.0, 4.0], [4.0, 2.5, 5.0], [3.0, 2.0, 7.0]])),
        (rng.uniform(1, 4, 7), rng.uniform(1, 6, (4, 7))),
    ]


_HONEST_MISTAKES: dict[str, tuple[Answer, str]] = {
    "trusts_its_own_gradient": (
        lambda clean, attacks: float(np.maximum(clean, attacks[0]).mean()),
        "You trust the network's own gradient (row 0). If the defence flattens its gradient, that attack finds nothing,"
        " and the defence looks strong: it is masked. Take the worst of all attacks.",
    ),
    "only_the_gradient": (
        lambda clean, attacks: float(attacks[0].mean()),
        "You report the network's own gradient attack alone (row 0). A masked gradient finds little; take the worst of"
        " all attacks, product by product.",
    ),
    "best_attack_overall": (
        lambda clean, attacks: float(np.maximum(attacks.mean(axis=1).max(), clean.mean())),
        "You chose one attack for all products. An attacker takes for each product what works there: first the maximum"
        " over attacks, then the mean over products.",
    ),
    "mean_over_attacks": (
        lambda clean, attacks: float(np.maximum(clean, attacks.mean(axis=0)).mean()),
        "You averaged over attacks. A weak attack does not make a strong one weaker: take their maximum.",
    ),
    "clean_forgotten": (
        lambda clean, attacks: float(attacks.max(axis=0).mean()),
        "An attacker may also do nothing: where every plan makes the forecast better by accident, the clean error is"
        " the worst case. Include it in the maximum.",
    ),
    "first_attack_left_out": (
        lambda clean, attacks: float(np.maximum(clean, attacks[1:].max(axis=0)).mean()),
        "Row 0 is missing. The network's own gradient is one of the attacks: where it is not masked it is the"
        " strongest. Take all rows, and the clean error.",
    ),
    "wrong_axis": (
        lambda clean, attacks: float(attacks.max(axis=1).mean()),
        "Your maximum goes over the products: the worst product of each attack. Rows are attacks, so the maximum over"
        " attacks is axis=0; it leaves one number for each product.",
    ),
    "damage_instead_of_error": (
        lambda clean, attacks: float((np.maximum(clean, attacks.max(axis=0)) - clean).mean()),
        "That is the damage, what the attack adds to the clean error. Asked for is the error itself.",
    ),
    "not_averaged": (
        lambda clean, attacks: np.maximum(clean, attacks.max(axis=0)),
        "That is one number for each product. Return their mean.",
    ),
    "one_maximum": (
        lambda clean, attacks: float(max(clean.max(), attacks.max())),
        "You took one maximum of everything: the error of the worst product. The maximum goes over attacks, product by"
        " product; then comes the mean.",
    ),
}

_HONEST_ALSO: dict[str, tuple[Answer, ...]] = {
    "wrong_axis": (
        lambda clean, attacks: float(np.maximum(clean, attacks.max(axis=1)).mean()),  # stops where it does not fit
        lambda clean, attacks: float(np.append(attacks.max(axis=1), clean.max()).mean()),
        lambda clean, attacks: float(np.maximum(clean[:, None], attacks.T).max(axis=0).mean()),
    ),
}
_HONEST_PAIRS: dict[tuple[str, str], Answer] = {
    ("first_attack_left_out", "clean_forgotten"): lambda clean, attacks: float(attacks[1:].max(axis=0).mean()),
    ("wrong_axis", "not_averaged"): lambda clean, attacks: attacks.max(axis=1),
    ("mean_over_attacks", "clean_forgotten"): lambda clean, attacks: float(attacks.mean()),
    ("clean_forgotten", "damage_instead_of_error"): lambda clean, attacks: float((attacks.max(axis=0) - clean).mean()),
    ("clean_forgotten", "not_averaged"): lambda clean, attacks: attacks.max(axis=0),
    ("damage_instead_of_error", "not_averaged"): lambda clean, attacks: np.maximum(clean, attacks.max(axis=0)) - clean,
    ("mean_over_attacks", "damage_instead_of_error"): lambda clean, attacks: float(
        (np.maximum(clean, attacks.mean(axis=0)) - clean).mean()
    ),
    ("only_the_gradient", "damage_instead_of_error"): lambda clean, attacks: float((attacks[0] - clean).mean()),
}


EXERCISES = (
    Exercise(
        "06.fgsm_step",
        solution=fgsm_step,
        stub=_fgsm_stub,
        cases=_fgsm_cases,
        mistakes=_FGSM_MISTAKES,
        also=_FGSM_ALSO,
        pairs=_FGSM_PAIRS,
        praise="Up the loss, each week by as much as is allowed: that is the whole of FGSM.",
    ),
    Exercise(
        "06.whole_plan",
        solution=whole_plan,
        stub=_plan_stub,
        cases=_plan_cases,
        mistakes=_PLAN_MISTAKES,
        also=_PLAN_ALSO,
        pairs=_PLAN_PAIRS,
        praise="Whole units, within each week's limit and within the total, and nothing wasted.",
    ),
    Exercise(
        "06.honest_error",
        solution=honest_error,
        stub=_honest_stub,
        cases=_honest_cases,
        mistakes=_HONEST_MISTAKES,
        also=_HONEST_ALSO,
        pairs=_HONEST_PAIRS,
        praise="A defence is as strong as the strongest attack that was tried on it.",
    ),
)
