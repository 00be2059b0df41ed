"""Answers to lesson 22's exercises as somebody wrote them who had not seen the check: each gets the hint that fits."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ecomlib.course.exercises import find, judge


def sha(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


SLIPS: list[tuple[str, Callable[..., Any], str]] = [
    ("22.share", lambda o, r, f: np.average((o - r) / (f - r), weights=r), "mean_of_ratios"),
    ("22.share", lambda o, r, f: min(1.0, (o - r).sum() / (f - r).sum()), "never_above_one"),
    ("22.share", lambda o, r, f: max(0.0, (o - r).sum() / (f - r).sum()), "never_below_zero"),
    ("22.share", lambda o, r, f: (np.abs(o - r)).sum() / (f - r).sum(), "absolute"),
    ("22.share", lambda o, r, f: (r - o).sum() / (f - r).sum(), "other_sign"),
    ("22.share", lambda o, r, f: (o - r).sum() / (f - o).sum(), "gone_over_left"),
    ("22.share", lambda o, r, f: ((o - r) / (f - r)).sum(), "sum_of_ratios"),
    ("22.share", lambda o, r, f: (o - r)[o > r].sum() / (f - r)[o > r].sum(), "clipped"),
    ("22.week_order", lambda s, h, a, v: np.where(v & (h + a < s), s, 0), "all_or_nothing"),
    ("22.week_order", lambda s, h, a, v: np.where(v, np.maximum(s - np.maximum(h, a), 0), 0), "the_larger_of_both"),
    ("22.week_order", lambda s, h, a, v: np.where(v, 0, np.maximum(s - h - a, 0)), "not_live_alone"),
    ("22.week_order", lambda s, h, a, v: np.where(v, np.maximum(h + a - s, 0), 0), "the_surplus"),
    ("22.week_order", lambda s, h, a, v: np.where(v, np.minimum(s - h - a, 0), 0), "negative_alone"),
    ("22.week_order", lambda s, h, a, v: np.where(v, np.maximum(s - h - a, 1), 0), "at_least_one"),
    ("22.was_honest", lambda p, f: sha(f.strip().encode()) == p, "stripped"),
    ("22.was_honest", lambda p, f: sha(f.encode("latin-1")) == p, "other_bytes"),
    ("22.was_honest", lambda p, f: p in sha(f.encode()), "looks_inside"),
    ("22.was_honest", lambda p, f: sha(sha(f.encode()).encode()) == p, "hashed_twice"),
    ("22.was_honest", lambda p, f: hashlib.sha512(f.encode()).hexdigest() == p, "sha512"),
    ("22.was_honest", lambda p, f: str(hash(f)) == p, "never"),
    ("22.was_honest", lambda p, f: hashlib.sha256(f.encode()).digest() == p, "never"),
    ("22.was_honest", lambda p, f: len(p) == 64, "counts_digits"),
    ("22.was_honest", lambda p, f: sha(f.encode())[-8:] == p[-8:], "last_digits"),
]


@pytest.mark.parametrize(("name", "answer", "mistake"), SLIPS, ids=[f"{slip[0]}-{slip[2]}" for slip in SLIPS])
def test_a_slip_has_its_hint(name: str, answer: Callable[..., Any], mistake: str) -> None:
    verdict = judge(find(name), answer)
    assert (verdict.status, verdict.mistake) == ("mistake", mistake), verdict.text


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("22.share", lambda o, r, f: (o.mean() - r.mean()) / (f.mean() - r.mean())),
        ("22.share", lambda o, r, f: pd.Series(o - r).sum() / pd.Series(f - r).sum()),
        ("22.share", lambda o, r, f: np.average((o - r) / (f - r), weights=f - r)),
        ("22.week_order", lambda s, h, a, v: [max(x - y - z, 0) if w else 0 for x, y, z, w in zip(s, h, a, v)]),  # noqa: B905
        ("22.week_order", lambda s, h, a, v: np.clip(s - h - a, 0, None) * v),
        ("22.was_honest", lambda p, f: hmac.compare_digest(sha(f.encode()), p)),
    ],
)
def test_another_form_of_the_right_answer_is_right(name: str, answer: Callable[..., Any]) -> None:
    assert judge(find(name), answer).status == "right"
