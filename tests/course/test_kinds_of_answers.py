"""What an answer does or returns besides its values: a changed input, another kind of container, an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from ecomlib.course.exercises import find, judge

GATHER, WEIGHT = find("04b.gather"), find("07.stacking_weight")


def as_the_log_has_them(log: dict[str, int], books: dict[str, int]) -> list[str]:
    return [week for week in log if week in books and abs(books[week] - log[week]) > log[week] / 10 + 3]


def unscaled_in_place(gradient: np.ndarray, scale: float, limit: float) -> np.ndarray:
    if not np.isfinite(gradient).all():
        return np.zeros_like(gradient)
    gradient /= scale
    return gradient * min(1, limit / np.linalg.norm(gradient))


def sorted_in_place(scores: np.ndarray, coverage: float) -> float:
    scores.sort()
    place = int(np.ceil(round((len(scores) + 1) * coverage, 9)))
    return float(scores[place - 1]) if place <= len(scores) else float("inf")


@pytest.mark.parametrize(
    ("name", "answer", "argument"),
    [
        ("04b.scaled_step", unscaled_in_place, "gradient"),
        ("07b.conformal_quantile", sorted_in_place, "scores"),
        ("06.fgsm_step", lambda x, y, w, eps: np.add(x, eps * np.sign((x @ w - y)[:, None] * w), out=x), "x"),
    ],
)
def test_a_right_answer_that_changes_its_input_is_told_so(name: str, answer: Callable[..., Any], argument: str) -> None:
    verdict = judge(find(name), answer)
    assert (verdict.status, verdict.mistake) == ("mistake", "input_changed")
    assert f"changes the table it was given (`{argument}`); make a copy" in verdict.text


def test_a_changed_input_is_said_beside_a_known_mistake_and_an_unknown_one() -> None:
    def spoiled(scores: np.ndarray, coverage: float) -> float:
        scores[0] = 0
        return 0.123

    known = judge(GATHER, GATHER.mistakes["written_into_the_table"][0])
    assert "\n  Also: Your function changes the table it was given (`table`)" in known.text
    unknown = judge(find("07b.conformal_quantile"), spoiled)
    assert unknown.status == "wrong" and "got:      0.123\n  Also: Your function changes" in unknown.text
    assert "scores = [3." in unknown.text, "the input is shown as it was given"
    unfinished = judge(find("07b.conformal_quantile"), lambda scores, coverage: scores.sort())
    assert unfinished.status == "unfinished" and "Also" not in unfinished.text


def test_the_kind_is_told_beside_a_known_mistake() -> None:
    for kind in (np.atleast_1d, lambda v: [v], pd.Series, lambda v: torch.tensor([v])):
        right = judge(WEIGHT, lambda *given, kind=kind: kind(WEIGHT.solution(*given)))
        assert right.mistake == "not_a_number" and "one number, not a" in right.text
        slip = judge(WEIGHT, lambda *given, kind=kind: kind(WEIGHT.mistakes["with_an_intercept"][0](*given)))
        assert slip.mistake == "with_an_intercept" and "Also: Asked is one number" in slip.text
    books = judge(
        find("08.books"), lambda log, books: [w for w in log if w in books and books[w] - log[w] > log[w] / 10 + 3]
    )
    assert books.mistake == "too_many_only" and "Also: They come in the order in which you met them" in books.text
    assert judge(find("08.books"), lambda log, books: set(as_the_log_has_them(log, books))).mistake == "not_a_list"


@pytest.mark.parametrize("order", [(0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])
def test_interp_with_its_arguments_in_any_other_order_has_one_hint(order: tuple[int, int, int]) -> None:
    def answer(levels: np.ndarray, forecast: np.ndarray, c_u: float, c_o: float) -> list[float]:
        each: list[tuple[Any, ...]] = [(c_u / (c_u + c_o), levels, row) for row in forecast]
        return [float(np.interp(*(parts[place] for place in order))) for parts in each]

    assert judge(find("00.order_quantity"), answer).mistake == "axes_swapped"


def test_an_error_that_says_something_else_takes_no_known_mistakes_hint() -> None:
    verdict = judge(find("00.order_quantity"), lambda levels, forecast, c_u, c_o: float("many"))
    assert verdict.status == "error" and "could not convert string to float" in verdict.text
