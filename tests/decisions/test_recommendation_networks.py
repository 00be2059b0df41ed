"""Sequence networks: no look ahead, terms known by then, an order that can be learnt and is lost by shuffling."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

torch = pytest.importorskip("torch")

from ecomlib.decisions import recommendation as rec  # noqa: E402
from ecomlib.decisions.recommendation.networks import (  # noqa: E402
    SequenceRecommender,
    SequenceSettings,
    causal_mask,
    fit_sequence,
    sequence_scores,
    steps_of,
)
from ecomlib.errors import DataError  # noqa: E402

QUICK = SequenceSettings(width=16, epochs=12, batch=16, lr=1e-2, dropout=0.0, steps=6)
CELLS = [
    replace(QUICK, cell=cell, terms=terms, classes=(28, 56) if terms else ())
    for cell in ("gru", "attention")
    for terms in (False, True)
]


def in_a_ring(customers: int = 150, items: int = 12, seed: int = 0) -> pd.DataFrame:
    """Each customer walks round a ring of items, half of them the other way: only the order tells what is next."""
    rng, rows = np.random.default_rng(seed), []
    for c in range(customers):
        place, way = int(rng.integers(items)), 1 if c % 2 else -1
        for visit in range(7):
            day = pd.Timestamp("2024-01-01") + pd.Timedelta(days=20 * visit + int(rng.integers(10)))
            rows.append((f"c{c:03d}", day, f"i{place:02d}"))
            place = (place + way) % items
    return rec.basket_lines(pd.DataFrame(rows, columns=["customer_id", "ordered_at", "product_id"]))


AT = pd.Timestamp("2024-01-01") + pd.Timedelta(days=115)  # six visits are over


@pytest.mark.parametrize("settings", CELLS, ids=lambda s: f"{s.cell}{' with terms' if s.terms else ''}")
def test_a_state_rests_on_earlier_baskets_alone(settings: SequenceSettings) -> None:
    torch.manual_seed(0)
    network = SequenceRecommender(5, settings).eval()
    baskets, gaps, padding = torch.randn(2, 6, 16), torch.rand(2, 6), torch.zeros(2, 6, dtype=torch.bool)
    later = baskets.clone()
    later[:, 4:] += 1.0
    one, two = (network.states(b, gaps, padding) for b in (baskets, later))
    torch.testing.assert_close(one[:, :4], two[:, :4])
    assert (one[:, 4] != two[:, 4]).any() and causal_mask(2).tolist() == [[False, True], [False, False]]


@pytest.mark.parametrize(("cell", "layers", "least"), [("gru", 1, 0.8), ("attention", 2, 0.5)])
def test_an_order_is_learnt_and_lost_when_it_is_shuffled(cell: str, layers: int, least: float) -> None:
    cut = rec.cut_at(in_a_ring(), AT, least=1)
    found = {}
    for shuffled in (False, True):
        network = fit_sequence(
            cut, replace(QUICK, cell=cell, layers=layers, epochs=40 if layers > 1 else 25, shuffled=shuffled)
        )
        scores = sequence_scores(network, cut)
        np.testing.assert_allclose(np.exp(scores).sum(axis=1), 1.0, atol=1e-4)
        found[shuffled] = rec.two_tables(scores, cut, places=1).query("table == 'all'")["recall"].mean()
    assert found[False] > least and found[True] < found[False] - 0.2


@pytest.mark.parametrize("settings", CELLS, ids=lambda s: f"{s.cell}{' with terms' if s.terms else ''}")
def test_nothing_from_the_cut_on_is_read_and_a_seed_repeats(settings: SequenceSettings) -> None:
    known = in_a_ring(40)
    later = known["day"] >= AT
    moved = known.assign(product_id=known["product_id"].where(~later, "i00"))
    quick = replace(settings, epochs=1)
    one, two = (rec.cut_at(frame, AT, least=1) for frame in (known, moved))
    assert one.cases.tolist() == two.cases.tolist() and (one.targets != two.targets).nnz
    scores = [sequence_scores(fit_sequence(cut, quick), cut) for cut in (one, two)]
    np.testing.assert_array_equal(*scores)


def test_terms_are_what_was_known_on_the_day_of_the_question() -> None:
    cut = rec.cut_at(in_a_ring(40), AT, least=1)
    settings = replace(QUICK, terms=True, window=28, fade=50.0)
    steps = steps_of(cut, settings)
    lines = cut.lines
    for day in (0, 17, 60):
        inside = lines[(lines["age"] > day) & (lines["age"] <= day + 28)]
        by_hand = np.bincount(inside["item"], minlength=len(cut.items))
        np.testing.assert_allclose(np.expm1(steps.popular[day]), by_hand, atol=1e-4)
    own = steps.own(3, 2, 20, replace(settings, classes=(60, 90))).toarray()
    theirs = lines[lines["customer"] == 3].iloc[:3]  # one item a basket
    gap = theirs["age"].to_numpy() - 20
    np.testing.assert_allclose(own[0, theirs["item"]], np.exp(-gap / 50), rtol=1e-5)
    np.testing.assert_array_equal(own[1, theirs["item"]], gap < 60)
    np.testing.assert_array_equal(own[2, theirs["item"]], (gap >= 60) & (gap < 90))


def test_what_is_forgotten_is_the_time_and_not_the_count() -> None:
    cut = rec.cut_at(in_a_ring(40), AT, least=1)
    kept = replace(QUICK, terms=True, classes=(28,), shuffled=True)
    lost = replace(kept, forget=True)
    steps = steps_of(cut, kept)
    one, two = (steps.own(3, 4, 0, s).toarray() for s in (kept, lost))
    assert ((one[0] > 0) == (two[0] > 0)).all() and not np.allclose(one[0], two[0])
    with pytest.raises(DataError, match="shuffled"):
        replace(QUICK, forget=True)


def test_settings_that_make_no_network_are_refused() -> None:
    with pytest.raises(DataError, match="cell"):
        SequenceSettings(cell="lstm")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="heads"):
        SequenceSettings(cell="attention", width=10, heads=3)
    once = in_a_ring(5).groupby("customer_id").head(1)
    with pytest.raises(DataError, match="two baskets"):
        fit_sequence(rec.cut_at(once, AT, least=1, days=0, earlier=1), QUICK)
