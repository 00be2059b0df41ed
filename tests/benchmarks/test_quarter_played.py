"""The quarter's benchmark: its judging adds up money, and the package plays what was chosen on seeds 0 to 9."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.simulated import quarter
from ecomlib.decisions.shop_env import ShopEnv
from ecomlib.decisions.shop_policies import CostPlus, Smoothing
from ecomlib.decisions.shop_rounds import MailThose, quarter_options, rule_policy


def frame(stores: int = 12) -> pd.DataFrame:
    """A rule of 100, a reference of 120, one who comes three quarters of the way; nothing is to be had in round 1."""
    rng, rows = np.random.default_rng(0), []
    for store in range(stores):
        scale = rng.uniform(1, 3)
        for policy, profit in {"rule": 100.0, "attainable": 120.0, "ours": 115.0}.items():
            rounds = dict.fromkeys(quarter.ROUND, scale * 25.0)
            rounds["round 4"] += scale * (profit - 100)
            rows.append({"store": store, "policy": policy, "luck": 0, "profit": scale * profit, **rounds})
    return pd.DataFrame(rows)


def test_shares_are_judged_in_all_and_by_round() -> None:
    table = quarter.judged(frame(), "rule").set_index(["part", "policy"])
    assert table.loc[("all", "ours"), "share"] == pytest.approx(0.75)
    assert table.loc[("all", "ours"), "headroom"] == pytest.approx(0.2)
    assert np.isnan(table.loc[("round 1", "ours"), "share"])  # where nothing is to be had there is no share
    assert table.loc[("round 4", "ours"), "share"] == pytest.approx(0.75)


def test_what_was_chosen_is_among_what_was_tried() -> None:
    chosen = pd.read_csv(quarter.CHOSEN).query("chosen").set_index("chosen_as")["policy"]
    assert chosen["zero"] in quarter.RULES
    assert chosen["ours"].removeprefix(f"{quarter.COURSE}, ") in quarter.OURS
    board = pd.read_csv(quarter.CHOSEN).set_index("policy")["profit"]
    assert board[chosen["zero"]] == board[[name for name in quarter.RULES if name in board]].max()


def test_the_package_s_rule_is_the_one_that_was_chosen() -> None:
    chosen = pd.read_csv(quarter.CHOSEN).query("chosen").set_index("chosen_as")["policy"]["zero"]
    order, markup, who = (part.strip() for part in chosen.rsplit(", ", 2))
    parts = rule_policy(ShopEnv(size="tiny", seed=0, **quarter_options("tiny"))).parts
    assert isinstance(parts["order"], Smoothing)
    assert isinstance(parts["price"], CostPlus)
    assert order == f"smoothing, {parts['order'].how.replace('_', ' ')}"
    assert markup == f"cost-plus {parts['price'].markup:g}"
    assert (who == "60 days") == isinstance(parts["mail"], MailThose)
