"""The harness of protocol D: rows, lucks that count, partial results, and what it refuses to share out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("gymnasium", reason="the extra decide is not installed")
from benchmarks.simulated import played
from ecomlib.decisions.shop_env import ShopEnv, play
from ecomlib.decisions.shop_policies import CostPlus, MeanOfWeeks, attainable_policy, shop_policy
from ecomlib.errors import DataError

MAKERS: dict[str, Any] = {
    "shop": played.the_shop,
    "mean of 8": lambda env: MeanOfWeeks(env.game),
    played.REFERENCE: attainable_policy,
}


@pytest.fixture(scope="module")
def env() -> ShopEnv:
    return played.opened(0, "tiny", pooled=True, holding=2.6)


def test_a_row_is_what_play_makes_of_a_policy(env: ShopEnv) -> None:
    frame = played.play_store(env, MAKERS, 0)
    assert list(frame["policy"]) == list(MAKERS) and set(frame["luck"]) == {0}, "orders alone: one luck"
    weeks = play(env, shop_policy).weeks
    assert len(weeks) == 10
    shop = frame.iloc[0]
    for name in (*played.MONEY, *played.UNITS):
        assert shop[name] == pytest.approx(weeks[name].sum()), name
    assert shop["profit"] == pytest.approx(shop[["margin"]].sum() - shop[["holding", "ordering", "letters"]].sum())
    priced = played.play_store(env.under(levers=("price",)), {"cost-plus": lambda env: CostPlus()}, 0)
    assert list(priced["luck"]) == list(played.LUCKS) and priced["profit"].nunique() == 3


def test_stores_that_were_played_are_not_played_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made: list[int] = []

    def counted(env: ShopEnv) -> Any:
        made.append(1)
        return shop_policy

    seen = [played.play_all(range(2), {"shop": counted}, size="tiny", folder=tmp_path, label="x") for _ in range(2)]
    assert len(made) == 2 and sorted(path.name for path in tmp_path.iterdir()) == ["x-0.parquet", "x-1.parquet"]
    pd.testing.assert_frame_equal(*seen)
    assert capsys.readouterr().out.count("x seed 1") == 2
    with pytest.raises(DataError, match="other policies"):
        played.play_all([0], MAKERS, size="tiny", folder=tmp_path, label="x")


def table(**columns: Any) -> pd.DataFrame:
    """Ten stores: zero earns 100 and more, ours half of what there is to gain above it."""
    level = np.arange(100.0, 110.0)
    rows = [
        pd.DataFrame({"store": range(10), "policy": name, "luck": 0, "profit": level + more})
        for name, more in (("zero", 0.0), ("ours", 5.0), (played.REFERENCE, 10.0))
    ]
    frame = pd.concat(rows, ignore_index=True).assign(order_cost=0.0, substitution=False, **columns)
    return frame.assign(**{name: 0.0 for name in (*played.MONEY, *played.UNITS) if name not in frame})


def test_shares_and_money_of_ten_stores() -> None:
    found = played.judged(table(), "zero").set_index("policy")
    assert found.loc["ours", ["share", "share_low", "share_high"]].tolist() == pytest.approx([0.5] * 3)
    assert found.loc[["zero", played.REFERENCE], "share"].tolist() == [0, 1]
    assert found.loc["ours", "gain"] == pytest.approx(50 / 1045) and set(found["sentence"]) == {""}
    little = table()
    little["profit"] = little["profit"].where(little["policy"] != played.REFERENCE, little["profit"] - 9.5)
    found = played.judged(little, "zero").set_index("policy")
    assert found["share"].isna().all() and set(found["sentence"]) == {"leave the formula alone"}
    assert played.best(table(), ["zero", "ours"]) == "ours"


@pytest.mark.parametrize("why", [{"order_cost": 0.5}, {"substitution": True}])
def test_no_share_where_the_reference_is_none(why: dict[str, Any]) -> None:
    frame = table().assign(**why)
    with pytest.raises(DataError, match=f"column '{next(iter(why))}'.*no reference here"):
        played.judged(frame, "zero")
    assert played.money(frame, "zero")["gain"].notna().all()
    game = played.opened(0, "tiny", pooled=True, **({"order_cost": 0.5} if "order_cost" in why else why))
    row = played.play_store(game, {"shop": played.the_shop}, 0).iloc[0]
    assert row["order_cost"] == why.get("order_cost", 0.0) and row["substitution"] == why.get("substitution", False)
