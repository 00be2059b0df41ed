"""Defines lesson 08's exercises: an event that is counted once, a drift index, and the gate for books."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise
from ecomlib.course.exercises.books_gate import BOOKS

Floats = NDArray[np.float64]
Event = dict[str, Any]


# --- an event is counted once ---


def _count(events: Sequence[Event], name: Callable[[Event], Hashable]) -> dict[str, int]:
    """Units by product; of the events with one name, the first counts."""
    seen: set[Hashable] = set()
    units: dict[str, int] = {}
    for event in events:
        if name(event) not in seen:
            seen.add(name(event))
            units[event["product_id"]] = units.get(event["product_id"], 0) + event["quantity"]
    return units


def count_once(events: Sequence[Event]) -> dict[str, int]:
    """Units by product, each event counted once: the key says which event it is, and nothing else does."""
    return _count(events, lambda event: event["event_key"])


def _count_stub(events: Sequence[Event]) -> Any:
    return ...


def _event(key: str, product: str, at: str, quantity: int) -> Event:
    return {"event_key": key, "product_id": product, "ordered_at": f"2025-03-07T{at}", "quantity": quantity}


def _count_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    first = [
        _event("a", "mug", "18:00:00", 2),
        _event("b", "mug", "18:00:00", 2),  # another customer, the same second, the same mug
        _event("a", "mug", "18:00:00", 2),  # the sender got no answer and sends again
        _event("c", "lamp", "17:58:00", 1),  # came late
        _event("b", "mug", "18:00:05", 7),  # again, from a sender that stamps anew and has a fault
        _event("d", "mug", "18:00:00", 3),  # the same second again, another quantity
        _event("d", "mug", "17:59:00", 9),  # again, stamped earlier, with a fault
        _event("c", "mug", "17:58:00", 4),  # again, and the fault is in the product
    ]
    times = [f"{18 + int(m) // 60}:{int(m) % 60:02d}:00" for m in rng.integers(0, 90, 12)]
    keys = [f"e{int(k)}" for k in rng.integers(0, 8, 12)]
    second = [
        _event(k, f"p{k[-1]}"[:2], t, int(q)) for k, t, q in zip(keys, times, rng.integers(1, 9, 12), strict=True)
    ]
    return [(first,), (second,)]


def _newer_only(events: Sequence[Event]) -> dict[str, int]:
    units: dict[str, int] = {}
    clock = ""
    for event in events:
        if event["ordered_at"] > clock:
            clock = event["ordered_at"]
            units[event["product_id"]] = units.get(event["product_id"], 0) + event["quantity"]
    return units


def _newer_or_equal(events: Sequence[Event]) -> dict[str, int]:
    seen: set[str] = set()
    units: dict[str, int] = {}
    clock = ""
    for event in events:
        if event["ordered_at"] >= clock and event["event_key"] not in seen:
            clock = event["ordered_at"]
            seen.add(event["event_key"])
            units[event["product_id"]] = units.get(event["product_id"], 0) + event["quantity"]
    return units


def _last_wins(events: Sequence[Event]) -> dict[str, int]:
    units: dict[str, int] = {}
    for event in {event["event_key"]: event for event in events}.values():
        units[event["product_id"]] = units.get(event["product_id"], 0) + event["quantity"]
    return units


def _earliest_wins(events: Sequence[Event]) -> dict[str, int]:
    return count_once(sorted(events, key=lambda event: str(event["ordered_at"])))


def _not_twice_running(events: Sequence[Event]) -> dict[str, int]:
    units: dict[str, int] = {}
    for before, event in zip([None, *events], events, strict=False):
        if before is None or event["event_key"] != before["event_key"]:
            units[event["product_id"]] = units.get(event["product_id"], 0) + event["quantity"]
    return units


def _lines(events: Sequence[Event]) -> dict[str, int]:
    units: dict[str, int] = {}
    for event in {event["event_key"]: event for event in reversed(events)}.values():
        units[event["product_id"]] = units.get(event["product_id"], 0) + 1
    return units


def _lines_of(count: Callable[[Sequence[Event]], dict[str, int]]) -> Answer:
    """Another way to count, of orders and not of units."""
    return lambda events: count([{**event, "quantity": 1} for event in events])


_COUNT_MISTAKES: dict[str, tuple[Answer, str]] = {
    "all_counted": (
        lambda events: _count([{**e, "n": n} for n, e in enumerate(events)], lambda event: event["n"]),
        "You count every arrival. A sender that got no answer sends again, and its order is counted twice: remember"
        " which keys you have seen.",
    ),
    "by_payload": (
        lambda events: _count(events, lambda e: (e["product_id"], e["ordered_at"], e["quantity"])),
        "You compare what is in the events and not their keys. Two customers may buy the same mug in the same second:"
        " those are two orders, and you lost one. And a resend that was stamped anew counts twice.",
    ),
    "by_time": (
        lambda events: _count(events, lambda event: event["ordered_at"]),
        "You take the time for the event's name: all that is ordered in one second becomes one order, and on a busy"
        " Friday there are many a second.",
    ),
    "by_product_and_time": (
        lambda events: _count(events, lambda event: (event["product_id"], event["ordered_at"])),
        "Product and time together are no name either: two people may buy one product in the same second. The sender"
        " gave each event a key for this.",
    ),
    "newer_only": (
        _newer_only,
        "You take an event only if it is newer than all before it. Events overtake each other on their way: the lamp"
        " of 17:58 came after the mugs of 18:00, and it was bought all the same.",
    ),
    "newer_or_equal": (
        _newer_or_equal,
        "The keys are right, but you also drop what is older than the newest event so far. Arrival is not in the order"
        " of time: an order that comes late is an order.",
    ),
    "key_and_payload": (
        lambda events: _count(events, lambda e: (e["event_key"], e["ordered_at"], e["quantity"])),
        "You compare the key *and* the content. Then a resend with another time stamp or another number is a second"
        " order. The same key is the same event, whatever else it says; the first one was acknowledged, so it stands.",
    ),
    "key_and_product": (
        lambda events: _count(events, lambda event: (event["event_key"], event["product_id"])),
        "You remember keys product by product. A key names one event in the whole shop: sent again with another product"
        " it is still the same event, and the first one stands.",
    ),
    "earliest_wins": (
        _earliest_wins,
        "Of several events with one key you take the one with the earliest time. The first to *arrive* was acknowledged"
        " and is in the books, whatever a later copy says about its time.",
    ),
    "not_twice_running": (
        _not_twice_running,
        "You compare each event only with the one just before it. A resend may come much later, with others in between:"
        " remember all keys.",
    ),
    "last_wins": (
        _last_wins,
        "With you the last event of a key wins. The first one was acknowledged and is in the books; send a correction"
        " under a key of its own.",
    ),
    "lines_not_units": (
        _lines,
        "Each key counts once, good; but you count orders and not units: add the quantity.",
    ),
}

_COUNT_PAIRS: dict[tuple[str, str], Answer] = {
    (way, "lines_not_units"): _lines_of(_COUNT_MISTAKES[way][0])
    for way in ("all_counted", "by_time", "by_product_and_time", "key_and_product", "last_wins", "not_twice_running")
}


# --- the population stability index ---


def _index(
    reference: Floats,
    recent: Floats,
    edges: Floats,
    *,
    half: float = 0.5,
    shares: bool = True,
    side: Literal["left", "right"] = "right",
) -> tuple[Floats, Floats]:
    """Shares of old and new in each bin."""

    def of(values: Floats) -> Floats:
        counts = np.bincount(np.searchsorted(edges, values, side=side), minlength=len(edges) + 1) + half
        return np.asarray(counts / counts.sum() if shares else counts, dtype=np.float64)

    return of(reference), of(recent)


def _quantiles(values: Floats, bins: int, *, merge: bool = True) -> Floats:
    edges = np.quantile(values, np.linspace(0, 1, bins + 1)[1:-1])
    return np.unique(edges) if merge else edges


def _psi(p: Floats, q: Floats) -> float:
    with np.errstate(all="ignore"):
        return float(((q - p) * np.log(q / p)).sum())


def stability_index(reference: Floats, recent: Floats, bins: int) -> float:
    """Bins are quantiles of the reference, half a count is added to each bin, shares are compared."""
    return _psi(*_index(reference, recent, _quantiles(reference, bins)))


def _psi_stub(reference: Floats, recent: Floats, bins: int) -> Any:
    return ...


def _psi_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    return [
        (np.arange(1.0, 9.0), np.array([3.0, 5.0, 6.0, 7.0, 9.0]), 4),
        (rng.gamma(2.0, 3.0, 300), rng.gamma(2.0, 5.0, 80), 10),
        (rng.normal(size=100), rng.normal(6.0, 1.0, 50), 5),
        (rng.poisson(0.8, 200).astype(float), rng.poisson(1.5, 60).astype(float), 10),  # many zeros: units of a week
    ]


def _equal_width(reference: Floats, recent: Floats, bins: int) -> float:
    edges = np.linspace(reference.min(), reference.max(), bins + 1)[1:-1]
    return _psi(*_index(reference, recent, edges))


def _one_way(reference: Floats, recent: Floats, bins: int) -> float:
    p, q = _index(reference, recent, _quantiles(reference, bins))
    return float((q * np.log(q / p)).sum())


def _divided_by_n(reference: Floats, recent: Floats, bins: int) -> float:
    edges = _quantiles(reference, bins)
    p, q = _index(reference, recent, edges, shares=False)
    return _psi(p / len(reference), q / len(recent))


def _cut_off(reference: Floats, recent: Floats, bins: int, half: float = 0.5) -> float:
    """Bins that end with the smallest and the largest value of the reference, as np.histogram counts."""
    edges = np.unique(np.quantile(reference, np.linspace(0, 1, bins + 1)))
    counts = [np.histogram(values, edges)[0] + half for values in (reference, recent)]
    p, q = (count / count.sum() for count in counts)
    return _psi(p, q)


_PSI_MISTAKES: dict[str, tuple[Answer, str]] = {
    "bins_from_new": (
        lambda reference, recent, bins: _psi(*_index(reference, recent, _quantiles(recent, bins))),
        "Your bins are quantiles of the *new* data. They follow whatever moved: values beyond all known ones still fill"
        " ten equal bins. The ruler is made from the reference, and stays.",
    ),
    "bins_from_both": (
        lambda reference, recent, bins: _psi(
            *_index(reference, recent, _quantiles(np.concatenate([reference, recent]), bins))
        ),
        "Your bins are quantiles of old and new together. Then the ruler changes with each week that is measured, and"
        " this week's index cannot be compared with last week's. Take the reference alone.",
    ),
    "equal_width": (
        _equal_width,
        "Your bins are equally wide. Demand is skewed: nearly everything falls into the first bin, and a change there"
        " is not seen. Take quantiles of the reference: equally *full* bins.",
    ),
    "edge_below": (
        lambda reference, recent, bins: _psi(*_index(reference, recent, _quantiles(reference, bins), side="left")),
        "A value that lies on an edge goes into the bin below it with you. Units are whole numbers, so many do: zeros"
        ' and ones then share a bin. It belongs to the bin above (side="right").',
    ),
    "not_merged": (
        lambda reference, recent, bins: _psi(*_index(reference, recent, _quantiles(reference, bins, merge=False))),
        "Some of your bins are always empty and still get half a count. Where many values are zero, so are many"
        " quantiles: merge equal edges (np.unique), and count the bins that are left: minlength=len(edges) + 1, not"
        " minlength=bins.",
    ),
    "no_half_count": (
        lambda reference, recent, bins: _psi(*_index(reference, recent, _quantiles(reference, bins), half=0.0)),
        "A bin without any new value makes the logarithm infinite (and with many bins there is always one). Add half a"
        " count to each bin, old and new, before you take shares.",
    ),
    "counts_not_shares": (
        lambda reference, recent, bins: _psi(*_index(reference, recent, _quantiles(reference, bins), shares=False)),
        "You compare counts. Two years against one week differ in number, whatever their shape: divide by the sums.",
    ),
    "divided_by_the_number_of_values": (
        _divided_by_n,
        "You divided by the number of values, and the half counts are in no such number: the shares sum to more than"
        " one. Divide by the sum of the counts as they are, halves included.",
    ),
    "values_outside_lost": (
        _cut_off,
        "Your bins end with the smallest and the largest value of the reference, and np.histogram drops what lies"
        " outside: just the new values that nobody has seen before. The first and the last bin are open: cut at the"
        " inner quantiles, and count with np.searchsorted.",
    ),
    "one_way": (
        _one_way,
        "This is q · log(q / p), the divergence of Kullback and Leibler: it weighs a bin by the new share alone. The"
        " index weighs by the difference, (q - p) · log(q / p), so that both directions count.",
    ),
    "sign": (
        lambda reference, recent, bins: -stability_index(reference, recent, bins),
        "The size is right and the sign is not: (q - p) and log(q / p) have the same sign, so no bin counts below 0.",
    ),
    "base_ten": (
        lambda reference, recent, bins: stability_index(reference, recent, bins) / np.log(10),
        "You took the logarithm to base ten. The usual alarms (0.1 and 0.25) are for the natural one: np.log.",
    ),
}


def _stability(*changes: str) -> Answer:
    """The index with these things done differently."""

    def wrong(reference: Floats, recent: Floats, bins: int) -> float:
        ruler = recent if "new" in changes else np.r_[reference, recent] if "both" in changes else reference
        if "wide" in changes:
            edges = np.linspace(ruler.min(), ruler.max(), bins + 1)[1:-1]
        else:
            edges = _quantiles(ruler, bins, merge="not_merged" not in changes)
        p, q = _index(
            reference,
            recent,
            edges,
            half=0.0 if "no_half" in changes else 0.5,
            shares="counts" not in changes,
            side="left" if "left" in changes else "right",
        )
        with np.errstate(all="ignore"):
            index = float((q * np.log(q / p)).sum()) if "one_way" in changes else _psi(p, q)
        return index * (-1 if "sign" in changes else 1) / (np.log(10) if "ten" in changes else 1)

    return wrong


_PSI_CHANGES = {
    "bins_from_new": "new",
    "bins_from_both": "both",
    "equal_width": "wide",
    "edge_below": "left",
    "not_merged": "not_merged",
    "no_half_count": "no_half",
    "counts_not_shares": "counts",
    "one_way": "one_way",
    "sign": "sign",
    "base_ten": "ten",
}
# One ruler each; bins of equal width have no edges to merge, nor values on
# them; empty bins add nothing to counts, and without half counts nothing more.
_PSI_EXCLUDE = (
    *({"new", "both"}, {"new", "wide"}, {"both", "wide"}, {"wide", "not_merged"}, {"not_merged", "no_half"}),
    *({"no_half", "sign"}, {"no_half", "ten"}, {"wide", "left"}, {"not_merged", "counts"}),
)
_PSI_PAIRS = {
    (one, other): _stability(_PSI_CHANGES[one], _PSI_CHANGES[other])
    for one, other in combinations(_PSI_CHANGES, 2)
    if {_PSI_CHANGES[one], _PSI_CHANGES[other]} not in _PSI_EXCLUDE
}


EXERCISES = (
    Exercise(
        name="08.count_once",
        solution=count_once,
        stub=_count_stub,
        cases=_count_cases,
        mistakes=_COUNT_MISTAKES,
        pairs=_COUNT_PAIRS,
        praise="Whoever is not sure may send again: that is what lets a killed service lose nothing.",
    ),
    Exercise(
        name="08.stability_index",
        solution=stability_index,
        stub=_psi_stub,
        cases=_psi_cases,
        mistakes=_PSI_MISTAKES,
        pairs=_PSI_PAIRS,
        praise="A ruler that stays the same: now this week can be compared with last week.",
    ),
    BOOKS,
)
