"""Answers to the exercises of lessons 00 to 04a, as learners wrote them who had not seen the checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from ecomlib.course.exercises import find, judge


def one_more(needed: dict[str, float], on_hand: dict[str, int], arriving: dict[str, int]) -> dict[str, int]:
    return {p: max(0, int(units - on_hand.get(p, 0) - arriving.get(p, 0)) + 1) for p, units in needed.items()}


def all_known(needed: dict[str, float], on_hand: dict[str, int], arriving: dict[str, int]) -> dict[str, int]:
    return {
        p: max(0, int(np.ceil(needed.get(p, 0) - on_hand.get(p, 0) - arriving.get(p, 0))))
        for p in set(needed) | set(on_hand) | set(arriving)
    }


def empty_shelves_unknown(units: np.ndarray, launch: int, in_stock: np.ndarray) -> np.ndarray:
    out = units.copy()
    out[np.isnan(units) & (np.arange(len(units)) >= launch)] = 0
    out[~in_stock] = np.nan
    return out


def rolled(code: str) -> Callable[..., Any]:
    """A mean in pandas, as one expression of the series s and the window w."""
    answer = eval(f"lambda s, w: s.{code}.to_numpy()", {"np": np})
    return lambda y, window: answer(pd.Series(y), window)


def fewer_weeks(y: np.ndarray, window: int) -> np.ndarray:
    out = np.full(len(y), np.nan)
    for t in range(window, len(y)):
        out[t] = np.mean(y[t - window + 1 : t])
    return out


def ridge(returned: str, exponent: int) -> Callable[..., np.ndarray]:
    def answer(base: Any, vectors: Any, fifth: Any, lot: Any, y: Any, penalty: float) -> np.ndarray:
        dealt = vectors.copy()
        for f in np.unique(fifth):
            rows = np.flatnonzero(fifth == f)
            dealt[rows] = vectors[rows[np.argsort(lot[rows])]]
        x = np.hstack([base, dealt])
        held = np.diag([0.0] * base.shape[1] + [penalty**exponent] * vectors.shape[1])
        beta = np.linalg.solve(x.T @ x + held, x.T @ y)
        return beta if returned == "beta" else x @ beta

    return answer


def merged(*, exact: bool) -> Callable[..., np.ndarray]:
    """merge_asof, which gives the questions back in the order of time."""

    def answer(keys: Any, times: Any, row_keys: Any, happened: Any, wait: int, values: Any) -> np.ndarray:
        asked = pd.DataFrame({"key": keys, "t": times}).sort_values("t")
        told = pd.DataFrame({"key": row_keys, "t": happened + wait, "v": values}).sort_values("t")
        return pd.merge_asof(asked, told, on="t", by="key", allow_exact_matches=exact)["v"].to_numpy(dtype=float)

    return answer


def largest_known(keys: Any, times: Any, row_keys: Any, happened: Any, wait: int, values: Any) -> np.ndarray:
    seen = [(row_keys == k) & (happened + wait < t) for k, t in zip(keys, times, strict=True)]
    return np.array([values[s].max() if s.any() else np.nan for s in seen])


def rate(prior: str) -> Callable[..., float]:
    def answer(ordered_on: Any, returned: Any, today: int, wait: int, a: float, b: float) -> float:
        known = ordered_on + wait < today
        if prior == "b":
            return (b + returned[known].sum()) / (a + b + known.sum())
        return returned[known].sum() / known.sum() if known.any() else a / (a + b)

    return answer


def one_softmax(left: np.ndarray, right: np.ndarray, temperature: float) -> float:
    chance = np.exp(left @ right.T / temperature)
    return float(-np.log(np.diag(chance / chance.sum())).mean())


def walk(start: str, arrows: list[tuple[str, str]], *, down: bool = False, leave: str = "") -> set[str]:
    """All that is found from a variable against the arrows, or along them, without passing ``leave``."""
    found, ahead = set(), [start]
    while ahead:
        node = ahead.pop()
        for cause, effect in arrows:
            here, there = (cause, effect) if down else (effect, cause)
            if here == node and there not in found and there != leave:
                found.add(there)
                ahead.append(there)
    return found


def with_itself(arrows: list[tuple[str, str]], treatment: str, outcome: str) -> set[str]:
    cut = [arrow for arrow in arrows if arrow[1] != treatment]
    return ({treatment} | walk(treatment, arrows)) & ({outcome} | walk(outcome, cut))


def folded(fold: Callable[[Any, int], Any], *, joined: bool = False) -> Callable[..., np.ndarray]:
    def answer(x: np.ndarray, target: np.ndarray, product: np.ndarray, folds: int) -> np.ndarray:
        own, out, parts = fold(product, folds), np.empty(len(x)), []
        for k in np.unique(own):
            m = own == k
            out[m] = np.polyval(np.polyfit(x[~m], target[~m], 1), x[m])
            parts.append(out[m])
        return np.concatenate(parts) if joined else out

    return answer


def last_of_equals(orders: Any, tuning: Any, test: Any, shortage: float) -> tuple[float, float]:
    def cost(q: float, d: np.ndarray) -> float:
        return float((shortage * np.maximum(d - q, 0) + np.maximum(q - d, 0)).mean())

    best = orders[0]
    for order in orders:
        if cost(order, tuning) <= cost(best, tuning):
            best = order
    return float(best), cost(best, test)


def read(above: int, below: int) -> Callable[..., tuple[float, str]]:
    def answer(effect: float, placebos: np.ndarray) -> tuple[float, str]:
        p = (above + (np.abs(placebos) >= abs(effect)).sum()) / (below + len(placebos))
        return p, "not chance" if p <= 0.05 else "cannot tell"

    return answer


def four_parts(of: Callable[[np.ndarray], float]) -> Callable[..., float]:
    def answer(units: np.ndarray, treated: np.ndarray, after: np.ndarray) -> float:
        a, b, c, d = (of(units[(treated == g) & (after == t)]) for g in (1, 0) for t in (1, 0))
        return (a - b) - (c - d)

    return answer


SLIPS: list[tuple[str, Callable[..., Any], str]] = [
    ("00.order_quantity", lambda v, f, u, o: [np.ceil(np.interp(u / (u + o), v, row)) for row in f], "rounded_up"),
    ("00.order_quantity", lambda v, f, u, o: np.full(len(f), np.interp(u / (u + o), v, f[0])), "one_for_all"),
    ("00.order_list", one_more, "one_more"),
    ("00.order_list", all_known, "not_needed"),
    ("01.zero_fill", empty_shelves_unknown, "sold_out_weeks_lost"),
    ("01.rolling_mean", rolled("rolling(w).mean().shift(-1)"), "shift_minus_one"),
    ("01.rolling_mean", fewer_weeks, "one_week_short"),
    ("01.rolling_mean", rolled("shift(1).rolling(w - 1).mean()"), "one_week_short"),
    ("01.rolling_mean", rolled("expanding(w).mean().shift(1)"), "all_weeks"),
    ("01.rolling_mean", rolled("rolling(w).mean().shift(2)"), "two_weeks_back"),
    ("01b.same_memory", lambda alpha, periods: 1 - np.sqrt(1 - alpha), "two_periods_alone"),
    ("01b.same_memory", lambda alpha, periods: 1 - alpha ** (1 / periods), "root_of_the_wrong_share"),
    ("01b.same_memory", lambda alpha, periods: 1 - (1 - alpha) ** (1 // periods), "whole_division"),
    ("01b.invert_log_difference", lambda c, last: last + np.expm1(np.cumsum(c)), "level_added_in_units"),
    ("01b.mean_from_logs", lambda f, r: np.exp(f + r.mean()) - 1, "median"),
    ("01b.mean_from_logs", lambda f, r: np.exp(f + r.var() / 2) - 1, "normal_half_variance"),
    ("02.mean_pool", lambda v, m: (v * ~m[:, :, None]).sum(1) / (~m).sum(1)[:, None], "mask_inverted"),
    ("02.mean_pool", lambda v, m: (v * m[:, :, None]).sum(1) / m.sum(1).mean(), "mean_length"),
    ("02.tfidf", lambda a, b: TfidfVectorizer().fit(a).transform(b).toarray(), "default_words"),
    (
        "02.tfidf",
        lambda a, b: TfidfVectorizer(norm=None).fit(a).transform(b).toarray(),
        "default_words and not_scaled",
    ),
    ("02.fair_control", ridge("beta", 1), "coefficients"),
    ("02.fair_control", ridge("fitted", 2), "penalty_squared"),
    ("02b.newest_known", merged(exact=False), "order_lost"),
    ("02b.newest_known", merged(exact=True), "order_lost and the_moment_itself"),
    ("02b.newest_known", largest_known, "largest"),
    ("02b.return_rate", rate("newcomers"), "no_shrinkage_but_for_newcomers"),
    ("02b.return_rate", rate("b"), "b_above"),
    ("02b.pair_loss", one_softmax, "softmax_over_the_matrix"),
    ("03.back_door", lambda arrows, t, y: walk(y, arrows, leave=t), "all_other_causes_of_outcome"),
    ("03.back_door", lambda arrows, t, y: walk(t, arrows, down=True) & walk(y, arrows, down=True), "arrows_backwards"),
    ("03.back_door", with_itself, "treatment_itself"),
    ("03.cross_fit", folded(lambda product, folds: product % folds, joined=True), "fold_after_fold"),
    ("03.cross_fit", folded(lambda product, folds: product), "own_product"),
    ("03.cross_fit", folded(lambda product, folds: product // folds), "whole_division"),
    ("03b.placebo", read(1, 0), "one_above_only"),
    ("03b.placebo", read(0, 1), "one_below_only"),
    ("03b.did", four_parts(lambda part: np.log(part).sum()), "sums"),
    ("03b.did", four_parts(lambda part: np.log(part.sum())), "log_of_sums"),
    ("04a.buyer_score", last_of_equals, "last_of_equals"),
]


@pytest.mark.parametrize(("name", "answer", "mistake"), SLIPS, ids=[f"{slip[0]}-{slip[2]}" for slip in SLIPS])
def test_a_slip_has_its_hint(name: str, answer: Callable[..., Any], mistake: str) -> None:
    with np.errstate(all="ignore"):
        verdict = judge(find(name), answer)
    assert (verdict.status, verdict.mistake) == ("mistake", mistake), verdict.text


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("01b.mean_from_logs", lambda forecast, r: np.exp(forecast) * np.exp(r - r.mean()).mean() - 1),
        ("02.tfidf", lambda a, b: TfidfVectorizer(analyzer=str.split).fit(a).transform(b).toarray()),
        ("03.cross_fit", folded(lambda product, folds: product % folds)),
        ("03b.placebo", read(1, 1)),
        ("03b.did", four_parts(lambda part: np.log(part).mean())),
    ],
)
def test_another_form_of_the_right_answer_is_right(name: str, answer: Callable[..., Any]) -> None:
    assert judge(find(name), answer).status == "right"
