"""Which sets close every back door: the shop's graph, small graphs by hand, and networkx on random ones."""

from __future__ import annotations

import numpy as np
import pytest

from ecomlib.causal import back_door_fault, separated, shop_arrows, suffices
from ecomlib.errors import DataError

FORK = [("z", "t"), ("z", "y"), ("t", "y")]
# M: a path through a collider, closed until somebody controls for it.
M = [("a", "t"), ("a", "m"), ("b", "m"), ("b", "y"), ("t", "y"), ("m", "child")]


@pytest.mark.parametrize(
    ("given", "right"),
    [
        ({"words", "season", "promotion"}, True),  # promotion closes the way by fashion
        ({"words", "season", "promotion", "fashion"}, True),
        ({"words", "season", "promotion", "test"}, True),  # not needed, does no harm here
        ({"words", "season", "fashion"}, False),  # promotion – buyers – units stays open
        ({"words", "season"}, False),
        ({"season", "promotion"}, False),
        ({"words", "promotion"}, False),
        (set(), False),
        ({"words", "season", "promotion", "buyers"}, False),
        ({"words", "season", "promotion", "revenue"}, False),
        ({"words", "season", "promotion", "empty shelf"}, False),
    ],
)
def test_the_shops_graph(given: set[str], right: bool) -> None:
    assert suffices(shop_arrows(), "price", "units", given) is right
    assert (back_door_fault(shop_arrows(), "price", "units", given) is None) is right
    if "revenue" not in given:  # on units sold the same sets do, and the shelf is still no business of theirs
        assert suffices(shop_arrows(censored=True), "price", "units sold", given) is right


def test_the_shelf_stands_between_what_is_wanted_and_what_is_sold() -> None:
    arrows = shop_arrows(censored=True)
    assert ("empty shelf", "units sold") in arrows and ("empty shelf", "units sold") not in shop_arrows()
    everything_before = {"words", "season", "promotion", "fashion", "price", "buyers"}
    assert not separated(arrows, "empty shelf", "units sold", {*everything_before, "units"})
    fault = back_door_fault(arrows, "price", "units sold", {"words", "season", "promotion", "empty shelf"})
    assert fault is not None and fault.startswith("empty shelf: the treatment moves it")


@pytest.mark.parametrize(
    ("arrows", "given", "fault"),
    [
        (FORK, set(), "t – z – y"),
        (FORK, {"z"}, None),
        (M, set(), None),
        (M, {"m"}, "t – a – m – b – y"),
        (M, {"child"}, "t – a – m – b – y"),  # what a collider moves opens it too
        (M, {"m", "a"}, None),
        ([("t", "k"), ("k", "y"), ("z", "t"), ("z", "y")], {"z", "k"}, "k: the treatment moves it"),
    ],
)
def test_small_graphs(arrows: list[tuple[str, str]], given: set[str], fault: str | None) -> None:
    found = back_door_fault(arrows, "t", "y", given)
    assert found is None if fault is None else found is not None and fault in found


def test_separation_is_networkxs() -> None:
    nx = pytest.importorskip("networkx", reason="networkx is not installed")
    rng, closed = np.random.default_rng(0), 0
    names = list("abcdefg")
    for _ in range(300):
        arrows = [(p, q) for k, p in enumerate(names) for q in names[k + 1 :] if rng.random() < 0.35]
        graph = nx.DiGraph(arrows)
        graph.add_nodes_from(names)
        one, other, *rest = rng.permutation(names)
        given = {name for name in rest if rng.random() < 0.4}
        expected = nx.is_d_separator(graph, {one}, {other}, given)
        closed += expected
        assert separated(arrows, one, other, given) is expected, (arrows, one, other, given)
    assert 50 < closed < 250


@pytest.mark.parametrize(
    ("arrows", "given", "match"),
    [
        (FORK, {"q"}, "not in the graph"),
        (FORK, {"y"}, "cannot be held"),
        ([*FORK, ("y", "z")], {"z"}, "circle"),
    ],
)
def test_faults_are_named(arrows: list[tuple[str, str]], given: set[str], match: str) -> None:
    with pytest.raises(DataError, match=match):
        suffices(arrows, "t", "y", given)
