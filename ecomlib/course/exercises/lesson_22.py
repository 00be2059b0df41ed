"""Defines lesson 22's exercises: the share of the way, a week's order, and whether a game was honest."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


# --- the share of the way ---


def share_of_the_way(ours: Floats, rule: Floats, reference: Floats) -> float:
    """How far a policy comes from the rule to the reference, over all stores; (S,), (S,), (S,) -> share."""
    return float((ours - rule).sum() / (reference - rule).sum())


def _share_stub(ours: Floats, rule: Floats, reference: Floats) -> Any:
    return ...


def _share_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    def drawn(stores: int) -> tuple[Any, ...]:
        rule = rng.uniform(50, 300, stores).round(1)
        room = rule * rng.uniform(0.02, 0.3, stores)
        return (rule + room * rng.uniform(-0.4, 1.1, stores)).round(2), rule, (rule + room).round(2)

    beyond = np.array([125.0, 318.0, 90.0]), np.array([100.0, 200.0, 80.0]), np.array([110.0, 300.0, 92.0])
    return [(np.array([105.0, 290.0]), np.array([100.0, 200.0]), np.array([110.0, 300.0])), drawn(5), beyond, drawn(12)]


def _share_of(value: Callable[[Floats, Floats, Floats], Any]) -> Answer:
    def answer(ours: Floats, rule: Floats, reference: Floats) -> Any:
        return value(ours, rule, reference)

    return answer


_SHARE_MISTAKES: dict[str, tuple[Answer, str]] = {
    "mean_of_ratios": (
        _share_of(lambda a, b, c: float(((a - b) / (c - b)).mean())),
        "You took a share for each store and averaged. A store with next to nothing to gain then weighs as much as any,"
        " and its share is noise. Add up money first, then divide once.",
    ),
    "median_of_ratios": (
        _share_of(lambda a, b, c: float(np.median((a - b) / (c - b)))),
        "The middle store's share is robust, but it is not what is asked: add up money over the stores, then divide.",
    ),
    "share_of_the_rule": (
        _share_of(lambda a, b, c: float((a - b).sum() / b.sum())),
        "That is the gain, as a share of what the rule earns. The share of the way is measured by what there was to"
        " gain: the reference less the rule.",
    ),
    "share_of_the_reference": (
        _share_of(lambda a, b, c: float(a.sum() / c.sum())),
        "Both parts start from nothing here, so that the rule itself would get a high score. Zero is the rule: take it"
        " off above and below.",
    ),
    "zero_below_alone": (
        _share_of(lambda a, b, c: float(a.sum() / (c - b).sum())),
        "The rule is taken off below, not above. Zero must be the same for both.",
    ),
    "zero_above_alone": (
        _share_of(lambda a, b, c: float((a - b).sum() / c.sum())),
        "The rule is taken off above, not below. The way goes from the rule to the reference.",
    ),
    "what_is_left": (
        _share_of(lambda a, b, c: float((c - a).sum() / (c - b).sum())),
        "This is the part of the way that is left: the rule would get 1. Asked is the part that was gone.",
    ),
    "upside_down": (
        _share_of(lambda a, b, c: float((c - b).sum() / (a - b).sum())),
        "The fraction stands upside down: whoever reaches the reference gets 1, whoever comes half way gets a half.",
    ),
    "clipped": (
        _share_of(lambda a, b, c: float(np.clip(a - b, 0, None).sum() / (c - b).sum())),
        "You left out the stores in which the policy lost money. They count: a share may be below zero.",
    ),
    "never_above_one": (
        _share_of(lambda a, b, c: float(np.clip((a - b).sum() / (c - b).sum(), None, 1))),
        "You cut the share at 1. The reference is no optimum: whoever earns more than it has a share above 1.",
    ),
    "never_below_zero": (
        _share_of(lambda a, b, c: float(np.clip((a - b).sum() / (c - b).sum(), 0, None))),
        "You cut the share at 0. Whoever earns less than the rule has a share below zero, and should see it.",
    ),
    "sum_of_ratios": (
        _share_of(lambda a, b, c: float(((a - b) / (c - b)).sum())),
        "You added up a share for each store: with more stores it grows. Add up money first, then divide once.",
    ),
    "absolute": (
        _share_of(lambda a, b, c: float(np.abs(a - b).sum() / (c - b).sum())),
        "You took a loss as if it were a gain (`abs`). It keeps its sign.",
    ),
    "other_sign": (
        _share_of(lambda a, b, c: float((b - a).sum() / (c - b).sum())),
        "The sign is the wrong way round: the rule goes off from what was earned, not the other way.",
    ),
    "gone_over_left": (
        _share_of(lambda a, b, c: float((a - b).sum() / (c - a).sum())),
        "You divided the way that was gone by the way that is left. Divide it by the whole way: reference less rule.",
    ),
    "first_store": (
        _share_of(lambda a, b, c: float((a[0] - b[0]) / (c[0] - b[0]))),
        "This is the first store alone. Asked is one number over all.",
    ),
    "points": (
        _share_of(lambda a, b, c: float(100 * (a - b).sum() / (c - b).sum())),
        "These are points of a hundred, as on the board. Asked is the share: the reference has 1.",
    ),
    "every_store": (
        _share_of(lambda a, b, c: (a - b) / (c - b)),
        "This is a share for each store. Asked is one number for all: add up first.",
    ),
}
_SHARE_ALSO: dict[str, tuple[Answer, ...]] = {
    "clipped": (
        _share_of(lambda a, b, c: float(np.clip((a - b) / (c - b), 0, 1).mean())),
        _share_of(lambda a, b, c: float(np.clip(a, b, c).sum() - b.sum()) / float((c - b).sum())),
        _share_of(lambda a, b, c: float((a - b)[a > b].sum() / (c - b)[a > b].sum())),
    ),
    "points": (_share_of(lambda a, b, c: float(100 * ((a - b) / (c - b)).mean())),),
    "share_of_the_rule": (
        _share_of(lambda a, b, c: float((a / b - 1).mean())),
        _share_of(lambda a, b, c: float(a.sum() / b.sum())),
    ),
    "share_of_the_reference": (_share_of(lambda a, b, c: float((a / c).mean())),),
    "mean_of_ratios": (
        _share_of(lambda a, b, c: float(np.average((a - b) / (c - b), weights=b))),
        _share_of(lambda a, b, c: float(np.average((a - b) / (c - b), weights=c))),
    ),
    "first_store": (_share_of(lambda a, b, c: float((a[-1] - b[-1]) / (c[-1] - b[-1]))),),
    "what_is_left": (_share_of(lambda a, b, c: float(((c - a) / (c - b)).mean())),),
}


# --- a week's order ---


def week_order(level: Whole, on_hand: Whole, arriving: Whole, live: NDArray[np.bool_]) -> Whole:
    """What is ordered on a Monday to reach the levels of a sheet; (P,) each -> whole units (P,)."""
    return np.where(live, np.maximum(level - on_hand - arriving, 0), 0)


def _order_stub(level: Whole, on_hand: Whole, arriving: Whole, live: NDArray[np.bool_]) -> Any:
    return ...


def _order_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    def drawn(products: int) -> tuple[Any, ...]:
        live = rng.random(products) < 0.8
        live[:2] = True
        level, on_hand = rng.integers(5, 40, products), rng.integers(0, 30, products)
        return level, on_hand, rng.integers(1, 15, products), live

    hand = (np.array([20, 9, 12]), np.array([8, 7, 0]), np.array([5, 4, 0]), np.array([True, True, False]))
    return [hand, drawn(9), drawn(30)]


def _order_of(value: Callable[..., Any], closed: bool = True) -> Answer:
    """Another order, from (level, on hand, arriving); nothing of what is not on sale where ``closed``."""

    def answer(level: Whole, on_hand: Whole, arriving: Whole, live: NDArray[np.bool_]) -> Any:
        found = value(level, on_hand, arriving)
        return np.where(live, found, 0) if closed else found

    return answer


_ORDER_MISTAKES: dict[str, tuple[Answer, str]] = {
    "forgets_what_arrives": (
        _order_of(lambda s, h, a: np.maximum(s - h, 0)),
        "What was ordered last Monday arrives today, and you order it a second time. Take off what is arriving, too.",
    ),
    "forgets_the_shelf": (
        _order_of(lambda s, h, a: np.maximum(s - a, 0)),
        "You looked at what arrives and not at the shelf. Both are there on Monday after unpacking.",
    ),
    "the_level_itself": (
        _order_of(lambda s, h, a: s),
        "You ordered the level itself, every week. The level is what should be there; order what is missing.",
    ),
    "adds_what_arrives": (
        _order_of(lambda s, h, a: np.maximum(s - h + a, 0)),
        "What arrives was added to the order instead of taken off.",
    ),
    "negative": (
        _order_of(lambda s, h, a: s - h - a),
        "Where there is more than the level, your order is negative: nothing can be sent back. Order zero there.",
    ),
    "absolute": (
        _order_of(lambda s, h, a: np.abs(s - h - a)),
        "Where there is too much you order the surplus once more. Order zero there.",
    ),
    "not_on_sale": (
        _order_of(lambda s, h, a: np.maximum(s - h - a, 0), closed=False),
        "You order products that are not on sale. Where live is False the order is zero.",
    ),
    "clipped_too_early": (
        _order_of(lambda s, h, a: np.maximum(s - h, 0) - a),
        "You cut at zero before what arrives is taken off, and the order can be negative. Cut at the very end.",
    ),
    "adds_the_shelf": (
        _order_of(lambda s, h, a: np.maximum(s + h - a, 0)),
        "What is on the shelf was added to the order instead of taken off.",
    ),
    "all_or_nothing": (
        _order_of(lambda s, h, a: np.where(h + a < s, s, 0)),
        "Where something is missing you order the whole level. Order what is missing, no more.",
    ),
    "only_when_empty": (
        _order_of(lambda s, h, a: np.where(h == 0, np.maximum(s - a, 0), 0)),
        "You wait until the shelf is empty. The order arrives in a week only: order as soon as something is missing.",
    ),
    "the_larger_of_both": (
        _order_of(lambda s, h, a: np.maximum(s - np.maximum(h, a), 0)),
        "You took off the larger of shelf and arrivals. Both are there on Monday: take off their sum.",
    ),
    "the_surplus": (
        _order_of(lambda s, h, a: np.maximum(h + a - s, 0)),
        "You order where there is too much, as much as is too much. The difference is the wrong way round.",
    ),
    "negative_alone": (
        _order_of(lambda s, h, a: np.minimum(s - h - a, 0)),
        "You kept the negative differences and dropped the others: `minimum` where `maximum` was meant.",
    ),
    "at_least_one": (
        _order_of(lambda s, h, a: np.maximum(s - h - a, 1)),
        "You order at least one of everything, every week. Where the level is reached, order nothing.",
    ),
    "not_live_alone": (
        lambda level, on_hand, arriving, live: np.where(live, 0, np.maximum(level - on_hand - arriving, 0)),
        "You order only what is not on sale: the two arms of `where` are swapped, or `live` is negated.",
    ),
    "surplus_orders_the_level": (
        _order_of(lambda s, h, a: np.where(s - h - a < 0, s, s - h - a)),
        "Where there is more than the level, you order the level once more. Order zero there.",
    ),
    "sum_of_all": (
        _order_of(lambda s, h, a: np.maximum(s.sum() - h.sum() - a.sum(), 0)),
        "You added up the products: one order for the whole shop. Each product has a level of its own.",
    ),
}
_ORDER_ALSO: dict[str, tuple[Answer, ...]] = {
    "forgets_what_arrives": (_order_of(lambda s, h, a: s - h),),
    "sum_of_all": (
        lambda level, on_hand, arriving, live: int(np.maximum(level - on_hand - arriving, 0).sum()),
        lambda level, on_hand, arriving, live: int(np.maximum(level - on_hand - arriving, 0)[live].sum()),
    ),
    "not_on_sale": (
        lambda level, on_hand, arriving, live: np.maximum(level - on_hand - arriving, 0)[live],
        lambda level, on_hand, arriving, live: np.where(live, np.maximum(level - on_hand - arriving, 0), level),
        lambda level, on_hand, arriving, live: np.where(live, np.maximum(level - on_hand - arriving, 0), np.nan),
    ),
}
_ORDER_PAIRS: dict[tuple[str, str], Answer] = {
    ("forgets_what_arrives", "not_on_sale"): lambda level, on_hand, arriving, live: np.maximum(level - on_hand, 0),
    ("the_level_itself", "not_on_sale"): lambda level, on_hand, arriving, live: level,
    ("negative", "not_on_sale"): lambda level, on_hand, arriving, live: level - on_hand - arriving,
}


# --- was the game honest? ---


def was_honest(published: str, phrase: str) -> bool:
    """Whether a phrase is the one whose SHA-256 was published before the game."""
    return hashlib.sha256(phrase.encode()).hexdigest() == published


def _honest_stub(published: str, phrase: str) -> Any:
    return ...


def _digits(phrase: str) -> str:
    return hashlib.sha256(phrase.encode()).hexdigest()


def _honest_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    mine = "seven teas for the Käthe on Monday"
    other = "Seven teas for the Käthe on Monday"
    # What mistakes would accept: another kind of hash, a line break, capitals, a piece of the digits, the phrase.
    near, end = _digits(mine)[:8] + _digits(other)[8:], _digits(other)[:56] + _digits(mine)[56:]
    plain, spaced = "nine cups of tea", "nine cups of tea "
    return [
        (_digits(mine), mine),
        (_digits(mine), other),
        (near, mine),
        (end, mine),
        (_digits(mine)[:12], mine),
        (_digits(mine + "\n"), mine),
        (_digits(plain), spaced),
        (hashlib.md5(mine.encode()).hexdigest(), mine),
        (hashlib.sha1(mine.encode()).hexdigest(), mine),
        (hashlib.sha512(mine.encode()).hexdigest(), mine),
        (plain, plain),
        (_digits(mine.lower()), mine),
        (_digits(mine.replace(" ", "")), mine),
        (_digits(repr(mine)), mine),
        (_digits(_digits(mine)), mine),
        (hashlib.sha256(mine.encode("latin-1")).hexdigest(), mine),
        (hashlib.sha256(mine.encode("utf-16")).hexdigest(), mine),
        (hashlib.sha256(mine.encode("ascii", "ignore")).hexdigest(), mine),
        (_digits("other words, but as many"), mine),
        (str(rng.integers(10**9)), other),
    ]


def _hashed(phrase_of: Callable[[str], str | bytes], name: str = "sha256") -> Answer:
    """The same with another phrase or other bytes of it, or another kind of hash."""

    def answer(published: str, phrase: str) -> bool:
        found = phrase_of(phrase)
        return hashlib.new(name, found.encode() if isinstance(found, str) else found).hexdigest() == published

    return answer


_HONEST_MISTAKES: dict[str, tuple[Answer, str]] = {
    "with_a_line_break": (
        _hashed(lambda phrase: phrase + "\n"),
        "You hashed the phrase with a line break, as `echo` does. One character more is another hash: `printf %s`.",
    ),
    "md5": (
        _hashed(lambda phrase: phrase, "md5"),
        "That is MD5: two texts with one MD5 can be made, so it binds nobody. Published was SHA-256.",
    ),
    "sha1": (
        _hashed(lambda phrase: phrase, "sha1"),
        "That is SHA-1: two texts with one SHA-1 have been made. Published was SHA-256.",
    ),
    "sha512": (
        _hashed(lambda phrase: phrase, "sha512"),
        "That is SHA-512: it has 128 digits. Published was SHA-256, which has 64.",
    ),
    "other_bytes": (
        _hashed(lambda phrase: phrase.encode("latin-1")),
        "You hashed the phrase in another encoding than UTF-8, or without its accents. `phrase.encode()` is UTF-8.",
    ),
    "hashed_twice": (
        _hashed(_digits),
        "You hashed the hash. Hash the phrase once.",
    ),
    "without_blanks": (
        _hashed(lambda phrase: phrase.replace(" ", "")),
        "You took the blanks out first. The hash is of the phrase to the letter, blanks included.",
    ),
    "stripped": (
        _hashed(str.strip),
        "You cut off blanks at the ends: one blank more is another phrase. The hash is of the phrase to the letter.",
    ),
    "looks_inside": (
        lambda published, phrase: published in _digits(phrase),
        "You looked whether the published text is a piece of the hash. A few digits would do then: compare all 64.",
    ),
    "counts_digits": (
        lambda published, phrase: len(published) == 64,
        "You counted the digits. Every SHA-256 has 64: compare them.",
    ),
    "never": (
        lambda published, phrase: False,
        "You never answer True, not even to an honest game. Often it is one of these: digest() gives bytes, which never"
        " equal a text (take hexdigest()); hash() of Python is no SHA-256; capitals never equal small letters.",
    ),
    "compares_the_phrase": (
        lambda published, phrase: phrase == published,
        "You compared the phrase with the digits. Compute the phrase's SHA-256 first, then compare.",
    ),
    "first_digits": (
        lambda published, phrase: _digits(phrase)[:8] == published[:8],
        "You compared the first digits alone. Another phrase with the same eight is found in minutes: compare all 64.",
    ),
    "last_digits": (
        lambda published, phrase: _digits(phrase)[-8:] == published[-8:],
        "You compared the last digits alone. Another phrase with the same eight is found in minutes: compare all 64.",
    ),
    "lower_case": (
        _hashed(str.lower),
        "You wrote the phrase in small letters first. The hash is of the phrase to the letter.",
    ),
    "of_repr": (
        _hashed(repr),
        "You hashed the phrase with its quotation marks (`repr`). The hash is of the characters alone.",
    ),
    "the_digits": (
        lambda published, phrase: _digits(phrase),
        "This is the hash. Asked is whether it is the published one: True or False.",
    ),
    "always": (
        lambda published, phrase: True,
        "You believe everybody. Compute the hash, and compare.",
    ),
    "upside_down": (
        lambda published, phrase: _digits(phrase) != published,
        "You answer True where the digits differ.",
    ),
}
_HONEST_ALSO: dict[str, tuple[Answer, ...]] = {
    "first_digits": (lambda published, phrase: published.startswith(_digits(phrase)[:6]),),
    "last_digits": (lambda published, phrase: published.endswith(_digits(phrase)[-6:]),),
    "looks_inside": (lambda published, phrase: _digits(phrase).startswith(published),),
    "compares_the_phrase": (lambda published, phrase: _digits(phrase) == _digits(published),),
    "other_bytes": (
        _hashed(lambda phrase: phrase.encode("utf-16")),
        _hashed(lambda phrase: phrase.encode("ascii", "ignore")),
    ),
    "never": (
        lambda published, phrase: bool(hashlib.sha256(phrase.encode()).digest() == published),
        lambda published, phrase: bool(hashlib.sha256(phrase.encode()) == published),
        lambda published, phrase: _digits(phrase).upper() == published,
    ),
}


EXERCISES = (
    Exercise(
        name="22.share",
        solution=share_of_the_way,
        stub=_share_stub,
        cases=_share_cases,
        mistakes=_SHARE_MISTAKES,
        also=_SHARE_ALSO,
        praise="Money is added up before it is divided: so no store with little to gain dominates.",
    ),
    Exercise(
        name="22.week_order",
        solution=week_order,
        stub=_order_stub,
        cases=_order_cases,
        mistakes=_ORDER_MISTAKES,
        also=_ORDER_ALSO,
        pairs=_ORDER_PAIRS,
        praise="A level holds for a round; what is ordered follows from the shelf, every Monday anew.",
    ),
    Exercise(
        name="22.was_honest",
        solution=was_honest,
        stub=_honest_stub,
        cases=_honest_cases,
        mistakes=_HONEST_MISTAKES,
        also=_HONEST_ALSO,
        praise="The phrase is the promised one. That this shop came out of it, drawing it again says.",
    ),
)
