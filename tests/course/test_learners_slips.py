"""Answers as learners wrote them: each gets the hint that fits, or is right in another form."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional

from ecomlib.course.exercises import find, judge


def half_uphill(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> np.ndarray:
    error = y - x @ w
    return np.array([np.mean(error * column) for column in x.T])


def gru_of_the_paper(
    x: np.ndarray, h: np.ndarray, w: np.ndarray, u: np.ndarray, b: np.ndarray, c: np.ndarray
) -> np.ndarray:
    d = len(h)
    r = 1 / (1 + np.exp(-(w[:d] @ x + u[:d] @ h + b[:d] + c[:d])))
    z = 1 / (1 + np.exp(-(w[d : 2 * d] @ x + u[d : 2 * d] @ h + b[d : 2 * d] + c[d : 2 * d])))
    n = np.tanh(w[2 * d :] @ x + b[2 * d :] + u[2 * d :] @ (r * h) + c[2 * d :])
    return z * n + (1 - z) * h


def convolved_gru_of_lesson_04(x: Any, h: Any, w: Any, u: Any) -> Any:
    def conv(a: Any, k: Any) -> Any:
        return functional.conv2d(a, k, padding=1)

    r = torch.sigmoid(conv(x, w[0]) + conv(h, u[0]))
    z = torch.sigmoid(conv(x, w[1]) + conv(h, u[1]))
    return (1 - z) * torch.tanh(conv(x, w[2]) + r * conv(h, u[2])) + z * h


def clipped_then_unscaled(gradient: np.ndarray, scale: float, limit: float) -> np.ndarray:
    norm = np.linalg.norm(gradient)
    if norm > limit:
        gradient = gradient * (limit / norm)
    return gradient / scale


def one_too_far(beyond: str) -> Callable[..., float]:
    def width(scores: np.ndarray, coverage: float) -> float:
        place = int(np.ceil(round((len(scores) + 1) * coverage, 9)))
        if beyond == "infinite" and place >= len(scores):
            return float("inf")
        return float(np.sort(scores)[min(place, len(scores) - 1) if beyond == "capped" else place])

    return width


def reserve_too_far(beyond: str) -> Callable[..., float]:
    return lambda errors, shortage, leftover: one_too_far(beyond)(errors, shortage / (shortage + leftover))


def merged_and_still_as_many_bins(reference: np.ndarray, recent: np.ndarray, bins: int) -> float:
    edges = np.unique(np.quantile(reference, np.linspace(0, 1, bins + 1)[1:-1]))
    counts = [np.bincount(np.searchsorted(edges, x, side="right"), minlength=bins) + 0.5 for x in (reference, recent)]
    p, q = (count / count.sum() for count in counts)
    return float(((q - p) * np.log(q / p)).sum())


def gathered(shift: int, bound: str) -> Callable[..., np.ndarray]:
    def gather(table: np.ndarray, first: np.ndarray, begin: np.ndarray, look_back: int) -> np.ndarray:
        out = np.zeros((len(first), look_back, table.shape[1]))
        for b in range(len(first)):
            for t in range(look_back):
                row = first[b] - look_back + t + shift
                if row >= (begin[b] if bound == "begin" else 0):
                    out[b, t] = table[row]
        return out

    return gather


def index_of_the_best(orders: np.ndarray, tuning: np.ndarray, test: np.ndarray, shortage: float) -> tuple[int, float]:
    def cost(order: float, came: np.ndarray) -> float:
        return float(np.mean(shortage * np.maximum(came - order, 0) + np.maximum(order - came, 0)))

    best = int(np.argmin([cost(order, tuning) for order in orders]))
    return best, cost(orders[best], test)


def quantile_of_lesson_00(
    orders: np.ndarray, tuning: np.ndarray, test: np.ndarray, shortage: float
) -> tuple[float, float]:
    order = np.quantile(tuning, shortage / (shortage + 1))
    return order, np.mean(shortage * np.maximum(test - order, 0) + np.maximum(order - test, 0))


def backwards(update: str) -> Callable[..., float]:
    """The lesson's own way, from the last week to the first, with one line of the loop to choose."""
    code = (
        "def bptt(x, w, u):\n h = [0.0]\n for v in x:\n  h.append(np.tanh(w * v + u * h[-1]))\n total, d = 0.0, 1.0\n"
        f" for t in range(len(x), 0, -1):\n  {update}\n return total\n"
    )
    names: dict[str, Any] = {"np": np}
    exec(code, names)
    answer: Callable[..., float] = names["bptt"]
    return answer


def snippet(scores: np.ndarray, coverage: float) -> float:
    n = len(scores)
    return float(np.quantile(scores, np.ceil((n + 1) * coverage) / n, method="higher"))


def snippet_capped(scores: np.ndarray, coverage: float) -> float:
    n = len(scores)
    return float(np.quantile(scores, min(1.0, np.ceil((n + 1) * coverage) / n), method="higher"))


def planned(left: str, order: str) -> Callable[..., np.ndarray]:
    def plan(wish: np.ndarray, per_week: int, total: int) -> np.ndarray:
        wish = np.clip(wish, 0, per_week)
        if wish.sum() > total:
            wish = wish * total / wish.sum()
        units = np.floor(wish)
        rest = wish - units
        count = {
            "total": total - units.sum(),
            "plan": round(float(rest.sum()) - 1e-6),
            "floor": np.floor(wish.sum()) - units.sum(),
        }[left]
        weeks = {"stable": np.argsort(-rest, kind="stable"), "reversed": np.argsort(rest, kind="stable")[::-1]}.get(
            order, np.argsort(rest)[::-1]
        )
        for week in weeks[: int(count)]:
            units[week] += 1
        return units

    return plan


def in_pandas(once: Callable[[pd.DataFrame], pd.DataFrame], finish: str = "dict") -> Callable[..., Any]:
    def count(events: list[dict[str, Any]]) -> Any:
        units = once(pd.DataFrame(events)).groupby("product_id")["quantity"].sum()
        return {"dict": units.to_dict(), "series": units, "frame": units.to_frame()}[finish]

    return count


def absolute_p(values: np.ndarray, weights: np.ndarray, orders: np.ndarray) -> float:
    def mean_i(units: np.ndarray) -> float:
        z = units - units.mean(axis=1, keepdims=True)
        return abs(float(np.mean((z @ weights.T * z).sum(axis=1) / (z**2).sum(axis=1))))

    found = np.array([mean_i(values[:, order]) for order in orders])
    return float((1 + (found >= mean_i(values)).sum()) / (1 + len(orders)))


def gru_by_parts(x: Any, h: Any, w: Any, u: Any, b: Any, c: Any, *, with_c: bool, gates_see_h: bool) -> np.ndarray:
    d, (wr, wz, wn), (ur, uz, un) = len(h), np.split(w, 3), np.split(u, 3)
    (br, bz, bn), (cr, cz, cn) = np.split(b, 3), np.split(c if with_c else 0 * c, 3)
    r = 1 / (1 + np.exp(-(wr @ x + br + ((ur @ h + cr) if gates_see_h else np.zeros(d)))))
    z = 1 / (1 + np.exp(-(wz @ x + bz + ((uz @ h + cz) if gates_see_h else np.zeros(d)))))
    return (1 - z) * np.tanh(wn @ x + bn + r * (un @ h + cn)) + z * h


def from_a_list_without_h0(x: np.ndarray, w: float, u: float) -> float:
    h: list[float] = []
    for v in x:
        h.append(float(np.tanh(w * v + u * (h[-1] if h else 0.0))))
    total, d = 0.0, 1.0
    for t in range(len(x) - 1, -1, -1):
        a = d * (1 - h[t] ** 2)
        total, d = total + a * h[t - 1], a * u
    return total


def day_by_day(values: np.ndarray, weights: np.ndarray, orders: np.ndarray) -> float:
    """The p-value in loops, which add up in another sequence than products of whole matrices."""

    def mean_i(units: np.ndarray) -> float:
        each = []
        for day in units:
            r = day - day.mean()
            each.append(r @ weights @ r / (r @ r))
        return float(np.mean(each))

    real = mean_i(values)
    return (1 + sum(mean_i(values[:, order]) >= real for order in orders)) / (1 + len(orders))


def own_errors(said: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.abs(said.T - y).mean(axis=1)


def mean_error(said: np.ndarray, y: np.ndarray) -> float:
    return float(np.abs(said.mean(axis=1) - y).mean())


def into_the_table(before: str, moved: str) -> Callable[..., list[float]]:
    """A leak test without a copy: the past is taken once or at each cut, and compared in one way or another."""

    def test(feature: Any, table: np.ndarray, other: np.ndarray, cuts: list[int]) -> list[float]:
        shares, first = [], feature(table)
        for cut in cuts:
            old = first if before == "once" else feature(table)
            table[cut:] = other[cut:]
            was, now = old[:cut], feature(table)[:cut]
            shares.append(float(np.mean(was != now if moved == "!=" else ~np.isclose(was, now, equal_nan=True))))
        return shares

    return test


def no_sale_looked_at(units: np.ndarray, launch: int, in_stock: np.ndarray) -> np.ndarray:
    return np.where((np.arange(len(units)) >= launch) & in_stock, 0.0, np.nan)


def from_launch_on(units: np.ndarray, launch: int, in_stock: np.ndarray) -> np.ndarray:
    out = np.full(len(units), np.nan)
    for week in range(launch, len(units)):
        out[week] = units[week] if not np.isnan(units[week]) else 0 if in_stock[week] else np.nan
    return out


def series_less(*names: str) -> Callable[..., Any]:
    """The order list in pandas, less the shelf, the lorry, or both."""

    def answer(needed: dict[str, float], on_hand: dict[str, int], arriving: dict[str, int]) -> Any:
        left = pd.Series(needed)
        for name in names:
            left = left - pd.Series({"on_hand": on_hand, "arriving": arriving}[name]).reindex(left.index, fill_value=0)
        return {product: int(units) for product, units in np.ceil(left).clip(lower=0).items()}

    return answer


def gru_with_tanh_gates(x: Any, h: Any, w: Any, u: Any, b: Any, c: Any) -> np.ndarray:
    (wr, wz, wn), (ur, uz, un) = np.split(w @ x + b, 3), np.split(u @ h + c, 3)
    z = np.tanh(wz + uz)
    return (1 - z) * np.tanh(wn + np.tanh(wr + ur) * un) + z * h


def zeros_in_a_view(table: np.ndarray, first: np.ndarray, begin: np.ndarray, look_back: int) -> list[np.ndarray]:
    windows = []
    for end, start in zip(first, begin, strict=True):
        rows = np.arange(end - look_back, end)
        window = table[max(end - look_back, 0) : end]
        window[rows[rows >= 0] < start] = 0
        windows.append(np.pad(window, ((look_back - len(window), 0), (0, 0))))
    return windows


def first_day_lost(table: np.ndarray, first: np.ndarray, begin: np.ndarray, look_back: int) -> np.ndarray:
    rows = first[:, None] + np.arange(-look_back, 0)
    out = table[np.clip(rows, 0, None)].copy()
    out[rows <= begin[:, None]] = 0
    return out


def in_patches(whole: Callable[[list[np.ndarray]], Any], more: int = 0) -> Callable[..., Any]:
    """Patches counted by a rule that is wrong for a history shorter than a patch, or where the patches fit."""

    def patches(x: np.ndarray, patch: int, stride: int) -> Any:
        over = len(x) - patch
        n = max(0, over // stride + 1) + 1 if more else -(-over // stride) + 1
        long = np.pad(x, ((max(0, patch + (n - 1) * stride - len(x)), 0), (0, 0)))
        return whole([long[k * stride : k * stride + patch] for k in range(n)])

    return patches


def oldest_weeks_dropped(x: np.ndarray, patch: int, stride: int) -> np.ndarray:
    return np.stack([x[end - patch : end] for end in range(len(x), patch - 1, -stride)][::-1])


def window_in(there: Callable[..., Any], back: Callable[..., Any]) -> Callable[..., np.ndarray]:
    def one_window(y: np.ndarray, w: np.ndarray) -> np.ndarray:
        z = there(y[: len(w)])
        return np.maximum(back((z - z.mean()) @ w + z.mean()), 0)

    return one_window


def ewm(x: np.ndarray, a: np.ndarray) -> np.ndarray:
    table = pd.DataFrame(x)
    return np.column_stack([table[d].ewm(alpha=1 - a[d]).mean() for d in range(len(a))])


def p_of(statistic: Callable[[np.ndarray, np.ndarray], float], less: int = 0) -> Callable[..., float]:
    """The p-value of a statistic of (values, weights), with a count that may leave out the real map."""

    def p(values: np.ndarray, weights: np.ndarray, orders: np.ndarray) -> float:
        real = statistic(values, weights) - 1e-12
        return (1 + sum(statistic(values[:, o], weights) >= real for o in orders)) / (1 + len(orders) - less)

    return p


def p_by_weights(values: np.ndarray, weights: np.ndarray, orders: np.ndarray) -> float:
    real = each_day(values, weights) - 1e-12
    return (1 + sum(each_day(values, weights[np.ix_(o, o)]) >= real for o in orders)) / (1 + len(orders))


def each_day(values: np.ndarray, weights: np.ndarray, mean: Any = None) -> float:
    z = values - (values.mean(axis=1, keepdims=True) if mean is None else mean)
    return float((np.einsum("tr,rs,ts->t", z, weights, z) / (z * z).sum(axis=1)).mean())


def pooled(values: np.ndarray, weights: np.ndarray) -> float:
    z = values - values.mean(axis=1, keepdims=True)
    return float(np.einsum("tr,rs,ts->", z, weights, z) / (z * z).sum())


def always_uphill(x: np.ndarray, y: np.ndarray, w: np.ndarray, eps: float) -> np.ndarray:
    return x + eps * np.where((x @ w - y)[:, None] * w > 0, 1, -1)


def negative_wishes(wish: np.ndarray, per_week: int, total: int) -> np.ndarray:
    plan = np.minimum(wish, per_week)
    plan = plan * total / plan.sum() if plan.sum() > total else plan
    units = np.floor(plan + 1e-9).astype(int)
    left = int(plan.sum() + 1e-9) - units.sum()
    units[np.argsort(-np.round(plan - units, 9), kind="stable")[:left]] += 1
    return units


def line(first: np.ndarray, second: np.ndarray, y: np.ndarray, valid: np.ndarray) -> float:
    return float(np.clip(np.polyfit((first - second)[valid], (y - second)[valid], 1)[0], 0, 1))


def least_squares(first: np.ndarray, second: np.ndarray, y: np.ndarray, valid: np.ndarray) -> np.ndarray:
    return np.clip(np.linalg.lstsq((first - second)[valid, None], (y - second)[valid], rcond=None)[0], 0, 1)


def halves_not_in_the_sum(reference: np.ndarray, recent: np.ndarray, bins: int) -> float:
    e = np.unique(np.quantile(reference, np.arange(1, bins) / bins))
    p, q = ((np.bincount(np.digitize(v, e), minlength=len(e) + 1) + 0.5) / len(v) for v in (reference, recent))
    return float(((q - p) * np.log(q / p)).sum())


def histogram(reference: np.ndarray, recent: np.ndarray, bins: int) -> float:
    e = np.unique(np.quantile(reference, np.linspace(0, 1, bins + 1)))
    p, q = (np.histogram(v, e)[0] + 0.5 for v in (reference, recent))
    return float(((q / q.sum() - p / p.sum()) * np.log(q / q.sum() / (p / p.sum()))).sum())


def as_the_log_has_them(log: dict[str, int], books: dict[str, int]) -> list[str]:
    return [week for week in log if week in books and abs(books[week] - log[week]) > log[week] / 10 + 3]


def one_of_both_limits(log: dict[str, int], books: dict[str, int]) -> list[str]:
    gaps = {week: abs(books[week] - log[week]) for week in log if week in books}
    return sorted(week for week, gap in gaps.items() if gap > log[week] / 10 or gap > 3)


SLIPS: list[tuple[str, Callable[..., Any], str]] = [
    ("00.order_list", series_less("on_hand"), "lorry_forgotten"),
    ("00.order_list", series_less("arriving"), "lorry_alone"),
    ("01.leak_test", into_the_table("once", "isclose"), "no_copy_one_before"),
    ("01.leak_test", into_the_table("each", "isclose"), "no_copy"),
    ("01.leak_test", into_the_table("once", "!="), "no_copy_one_before and missing_moves"),
    ("01.zero_fill", from_launch_on, "sale_ahead_wiped"),
    ("01.zero_fill", no_sale_looked_at, "sales_overwritten"),
    ("04.mse_gradient", half_uphill, "sign_flipped and missing_two"),
    ("04.gru_cell", gru_of_the_paper, "reset_before_the_product and update_gate_swapped"),
    ("04.mse_gradient", lambda x, y, w: 2 / 3 * ((x @ w - y)[:, None] * x).sum(axis=0), "n_is_three"),
    ("04.gru_cell", partial(gru_by_parts, with_c=False, gates_see_h=True), "state_bias_forgotten"),
    ("04.gru_cell", partial(gru_by_parts, with_c=True, gates_see_h=False), "gates_without_the_state"),
    ("04.bptt", from_a_list_without_h0, "last_state_before_the_first"),
    ("04a.buyer_score", index_of_the_best, "index_returned"),
    ("04a.buyer_score", quantile_of_lesson_00, "critical_ratio"),
    ("04.bptt", backwards("total += d * (1 - h[t]**2) * h[t-1]; d = d * u"), "slope_not_on_the_chain"),
    ("04.bptt", backwards("total += d * (1 - h[t]**2) * h[t-1]"), "chain_forgotten"),
    ("04.bptt", backwards("total += d * (1 - h[t]**2) * h[t-1]; d *= (1 - h[t]**2)"), "chain_without_u"),
    ("04.bptt", backwards("total += d * (1 - h[t]**2) * h[t]; d *= u * (1 - h[t]**2)"), "state_of_the_wrong_week"),
    ("04.bptt", backwards("d *= u * (1 - h[t]**2); total += d * h[t-1]"), "u_before_the_term"),
    (
        "04.bptt",
        backwards("total += d * (1 - h[t]) * h[t-1]; d *= (1 - h[t])"),
        "one_minus_h and chain_without_u",
    ),
    ("04b.lstm_flops", lambda b, t, i, h: b * t * 4 * h * (2 * (i + h) - 1), "fewer_additions"),
    ("04b.lstm_flops", lambda b, t, i, h: 2 * b * (t - 1) * 4 * h * (i + h), "first_step_free"),
    ("04b.gather", gathered(0, "zero"), "neighbours_rows"),
    ("04b.gather", gathered(1, "begin"), "sees_the_target"),
    ("04b.gather", gathered(1, "zero"), "sees_the_target and neighbours_rows"),
    ("04b.scaled_step", clipped_then_unscaled, "unscaled_after_clipping and no_check"),
    ("05.convgru_step", convolved_gru_of_lesson_04, "torch_cell"),
    ("05.map_p_value", absolute_p, "absolute"),
    ("06.whole_plan", planned("total", "stable"), "total_handed_out"),
    ("06.whole_plan", planned("floor", "stable"), "a_hair_short"),
    ("06.whole_plan", planned("floor", "reversed"), "a_hair_short and later_week_first"),
    ("06.whole_plan", planned("plan", "reversed"), "later_week_first"),
    ("06.whole_plan", planned("plan", "default"), "later_week_first"),
    ("06.whole_plan", planned("total", "reversed"), "later_week_first and total_handed_out"),
    ("07.worth_of_each", lambda said, y: own_errors(said, y).mean() - own_errors(said, y), "mean_error_less_its_own"),
    ("07.worth_of_each", lambda said, y: own_errors(said, y) - own_errors(said, y).mean(), "mean_error_less_its_own"),
    ("07.worth_of_each", lambda said, y: mean_error(said, y) - own_errors(said, y), "its_own_error_less_all"),
    ("07b.conformal_quantile", snippet, "numpys_higher"),
    ("07b.conformal_quantile", snippet_capped, "numpys_higher"),
    ("07b.conformal_quantile", one_too_far("stops"), "off_by_one"),
    ("07b.conformal_quantile", one_too_far("infinite"), "off_by_one_or_infinite"),
    ("07b.reserve", reserve_too_far("stops"), "off_by_one"),
    ("07b.reserve", reserve_too_far("infinite"), "off_by_one"),
    ("07b.reserve", reserve_too_far("capped"), "off_by_one"),
    ("07b.reserve", lambda e, s, o: float(e[int(np.ceil((len(e) + 1) * s / (s + o))) - 1]), "not_sorted"),
    ("08.count_once", in_pandas(lambda e: e), "all_counted"),
    ("08.count_once", in_pandas(lambda e: e.drop_duplicates()), "key_and_payload"),
    ("08.count_once", in_pandas(lambda e: e.drop_duplicates("event_key", keep="last")), "last_wins"),
    ("08.count_once", in_pandas(lambda e: e.drop_duplicates("ordered_at")), "by_time"),
    (
        "08.count_once",
        in_pandas(lambda e: e.sort_values("ordered_at", kind="stable").drop_duplicates("event_key")),
        "earliest_wins",
    ),
    ("08.count_once", in_pandas(lambda e: e.drop_duplicates("event_key"), "series"), "not_a_dict"),
    ("08.count_once", in_pandas(lambda e: e.drop_duplicates("event_key"), "frame"), "not_a_dict"),
    ("08.count_once", in_pandas(lambda e: e, "series"), "all_counted"),
    ("08.stability_index", merged_and_still_as_many_bins, "not_merged"),
    ("04.mse_gradient", lambda x, y, w: 2 * x.T @ (x @ w - y) / x.size, "n_times_d"),
    ("04.mse_gradient", lambda x, y, w: np.mean(np.sign(x @ w - y)[:, None] * x, axis=0), "absolute_error"),
    ("04.mse_gradient", lambda x, y, w: 2 / len(y) * (x @ w - y)[:, None] * x, "rows_not_summed"),
    ("04.gru_cell", gru_with_tanh_gates, "tanh_for_the_gates"),
    ("04.bptt", backwards("total += d * (1 - h[t]**2) * h[t-1]; d *= w * (1 - h[t]**2)"), "w_on_the_chain"),
    ("04b.lstm_flops", lambda b, t, i, h: 8 * b * t * h * (i * h), "inputs_times_hidden"),
    ("04b.gather", zeros_in_a_view, "written_into_the_table"),
    ("04b.gather", first_day_lost, "first_day_lost"),
    ("04c.patches", in_patches(np.array), "short_history"),
    ("04c.patches", in_patches(np.stack), "short_history"),
    ("04c.patches", in_patches(np.stack, 1), "one_too_many"),
    ("04c.patches", oldest_weeks_dropped, "first_weeks_lost"),
    ("04c.one_window", window_in(np.log, np.exp), "log_for_log1p"),
    ("04c.one_window", window_in(np.log1p, lambda v: np.round(np.expm1(v))), "rounded"),
    ("04c.fading", ewm, "weights_that_sum_to_one"),
    ("05.map_p_value", p_of(each_day, 1), "counted_above_only"),
    ("05.map_p_value", p_by_weights, "weights_moved"),
    ("05.map_p_value", p_of(lambda v, w: each_day(v.mean(axis=0)[None], w)), "of_the_mean_map"),
    ("05.map_p_value", p_of(lambda v, w: each_day(v, w, v.mean())), "one_mean_for_all_days"),
    ("05.map_p_value", p_of(pooled), "sums_over_all_days"),
    ("06.fgsm_step", always_uphill, "flat_slope_moved"),
    ("06.whole_plan", negative_wishes, "below_zero"),
    ("06.honest_error", lambda clean, attacks: attacks.max(axis=1).mean(), "wrong_axis"),
    ("06.honest_error", lambda clean, attacks: np.vstack([clean, attacks]).max(axis=1).mean(), "wrong_axis"),
    ("06.honest_error", lambda clean, attacks: np.vstack([clean, attacks[1:]]).max(0).mean(), "first_attack_left_out"),
    ("07.stacking_weight", line, "with_an_intercept"),
    ("07.stacking_weight", least_squares, "not_a_number"),
    ("07b.coverage", lambda y, low, high: np.mean(((low <= y) & (y < high))[y == y]), "upper_end_left_out"),
    ("08.stability_index", halves_not_in_the_sum, "divided_by_the_number_of_values"),
    ("08.stability_index", histogram, "values_outside_lost"),
    ("08.books", as_the_log_has_them, "not_in_order"),
    ("08.books", one_of_both_limits, "either"),
]


@pytest.mark.parametrize(("name", "answer", "mistake"), SLIPS, ids=[f"{slip[0]}-{slip[2]}" for slip in SLIPS])
def test_a_slip_has_its_hint(name: str, answer: Callable[..., Any], mistake: str) -> None:
    with np.errstate(all="ignore"):
        verdict = judge(find(name), answer)
    assert (verdict.status, verdict.mistake) == ("mistake", mistake), verdict.text


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("00.order_list", series_less("on_hand", "arriving")),
        ("04.bptt", backwards("total += d * (1 - h[t]**2) * h[t-1]; d *= u * (1 - h[t]**2)")),
        ("04b.gather", gathered(0, "begin")),
        ("05.map_p_value", day_by_day),
        ("06.whole_plan", planned("plan", "stable")),
        ("08.count_once", in_pandas(lambda e: e.drop_duplicates("event_key"))),
    ],
)
def test_another_form_of_the_right_answer_is_right(name: str, answer: Callable[..., Any]) -> None:
    assert judge(find(name), answer).status == "right"


def test_numpys_quantile_of_counted_places_is_right_where_it_is_told_so() -> None:
    def counted(scores: np.ndarray, coverage: float) -> float:
        level = np.ceil((len(scores) + 1) * coverage) / len(scores)
        return float(np.quantile(scores, level, method="inverted_cdf")) if level <= 1 else float("inf")

    assert judge(find("07b.conformal_quantile"), counted).status == "right"


def test_the_first_input_that_fails_is_shown_whether_the_answer_stops_or_differs() -> None:
    stopped = judge(find("07b.conformal_quantile"), lambda scores, coverage: scores["high"])
    assert stopped.status == "error" and "scores = [3.  1.  4.  1.5" in stopped.text
    assert "coverage = 0.75" in stopped.text
    differs = judge(find("07.stacking_weight"), lambda first, second, y, valid: 0.123)
    assert differs.status == "wrong" and "first = [10.5 12." in differs.text and "got:      0.123" in differs.text
    later = judge(
        find("07b.conformal_quantile"), lambda scores, coverage: float(np.sort(scores)[min(8, len(scores) - 1)])
    )
    assert "3.5" not in later.text.partition("expected")[0], "the first input was answered rightly"


def test_two_slips_that_are_known_are_told_apart_from_none() -> None:
    two = judge(find("04.mse_gradient"), half_uphill)
    assert "Two things at once.\n  1. The sign is flipped" in two.text and "  2. A factor 2 is missing" in two.text
    none = judge(find("04.mse_gradient"), lambda x, y, w: w + 7.0)
    assert none.mistake is None and "not in a way that this check knows" in none.text and "x = [[1. 2.]" in none.text


def test_an_array_of_many_axes_is_shown_without_empty_lines() -> None:
    text = judge(find("05.convgru_step"), lambda x, h, w, u: 0 * h).text
    assert "w = shape (3, 1, 1, 3, 3)" in text and "" not in [line.strip() for line in text.splitlines()]
