"""Protocol R's script: its cuts are the protocol's, its bars are decided by intervals, blends keep what was bought."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("torch")
from benchmarks.real_shop import recommendation
from benchmarks.simulated import recommendation as simulated
from ecomlib import load_store
from ecomlib.decisions import recommendation as rec


@pytest.mark.data
def test_the_cuts_are_the_protocols() -> None:
    lines = rec.basket_lines(load_store("online_retail").orders)
    tuning, test = (rec.cut_at(lines, at) for at in (recommendation.TUNING_CUT, recommendation.TEST_CUT))
    assert (len(tuning.cases), len(tuning.items)) == (1423, 3235)
    assert (len(test.cases), len(test.items)) == (1895, 3193)
    assert round(100 * test.facts["outside"]) == 9 and round(100 * test.facts["repeated"]) == 42


def test_bars_are_those_of_protocol_r_and_need_the_whole_interval() -> None:
    rows = [
        {"what": "against", "cut": cut, "table": t, "model": ours, "rival": rival, "bar": bar, "low": low}
        for cut, low in (("tuning", 0.001), ("test", -0.001))
        for t, ours, rival, bar in recommendation.COMPARED
    ]
    found = recommendation.bars(pd.DataFrame(rows))
    assert len(found) == 8 and sorted(set(found.values())) == ["met", "missed"]
    assert all((word == "met") == ("tuning" in bar) for bar, word in found.items())
    rivals = {rival for table, _, rival, bar in recommendation.COMPARED if bar and table == "new"}
    assert rivals == {"popularity, 28 days", "item-kNN", "EASE"}


def test_every_family_has_trials_and_every_choice_is_one_of_them() -> None:
    assert set(recommendation.CHOSEN) == set(recommendation.TRIALS)
    for name, chosen in recommendation.CHOSEN.items():
        assert set(chosen) == {"all", "new"} and all(0 <= k < len(recommendation.TRIALS[name]) for k in chosen.values())
    assert max(len(trials) for trials in recommendation.TRIALS.values()) <= 12


def test_logarithms_of_a_blend_keep_the_order_of_what_is_above_its_floor() -> None:
    values = np.array([[0.0, 0.5, 2.0, -1.0], [0.0, 0.0, 0.0, 0.0]])
    found = recommendation.logs(values)
    assert np.isfinite(found).all() and found[0, 2] > found[0, 1] > found[0, 0] == found[0, 3]


def test_pieces_are_kept_and_found_again(tmp_path) -> None:  # type: ignore[no-untyped-def]
    lines = rec.basket_lines(recommendation.invented(40))
    cuts = {"tuning": rec.cut_at(lines, recommendation.TUNING_CUT)}
    first = recommendation.Pieces(cuts, tmp_path).get("EASE", {"penalty": 10.0, "decay": None}, "tuning")
    again = recommendation.Pieces({}, tmp_path).get("EASE", {"penalty": 10.0, "decay": None}, "tuning")
    np.testing.assert_array_equal(first, again)  # in single precision the order of ties would be lost


def test_shares_are_ratios_of_sums_and_need_ten_stores_for_an_interval() -> None:
    rows = [
        {"seed": k, "table": "all", "model": name, "ndcg": value}
        for k in range(10)
        for name, value in ((simulated.ZERO, 0.1), ("ours", 0.15), (simulated.ONE, 0.2 + 0.01 * k))
    ]
    value, low, high = simulated.share(pd.DataFrame(rows), "all", "ours")
    assert value == pytest.approx(10 * 0.05 / (10 * 0.1 + 0.45)) and low < value < high
    assert np.isnan(simulated.share(pd.DataFrame(rows[:6]), "all", "ours")[1])
    assert simulated.share(pd.DataFrame(rows), "all", "ours", rival="ours")[0] == 0
