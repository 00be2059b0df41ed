"""What protocol T's hierarchy groups, scores and draws, on a shop of two items whose answers are known by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("statsforecast")
pytest.importorskip("lightgbm")
from benchmarks.protocol_w import hierarchy

MONDAY = pd.Timestamp("2011-01-03")
UNITS = {"cup in home": 5.0, "cup in large": 1.0, "mug in home": 3.0, "mug in small": 1.0}


def tree() -> hierarchy.Hierarchy:
    keys = pd.DataFrame({"unique_id": list(UNITS)})
    keys = keys.assign(item=keys["unique_id"].str[:3], country=keys["unique_id"].str[7:])
    return hierarchy.Hierarchy.of(keys.assign(price=keys["item"].map({"cup": "1", "mug": "2"})), hierarchy.LEVELS)


def base(too_much: float) -> pd.DataFrame:
    """Five origins of one week each, the same every week: every node is forecast right but for the total."""
    nodes, blocks = tree(), []
    units = nodes.summing @ nodes.keys.index.map(UNITS).to_numpy(dtype=float)
    wobble = np.random.default_rng(0).normal(0, 0.1, (5, len(units)))
    for k in range(5):
        cutoff = MONDAY + k * hierarchy.protocol.WEEK
        block = nodes.nodes.assign(ds=cutoff + hierarchy.protocol.WEEK, cutoff=cutoff, y=units, base=units)
        if k < hierarchy.BEFORE:
            block["base"] += wobble[k]  # what the methods learn from
        else:
            block.loc[block["level"] == "total", "base"] += too_much
        blocks.append(block)
    return pd.concat(blocks, ignore_index=True)


def lines() -> pd.DataFrame:
    """The largest revenue at "home"; "far" is large only afterwards, and so is the price of the fourth item."""
    rows = [("A", "home", 100, 1.0, 0), ("B", "b", 9, 2.0, 0), ("C", "c", 8, 3.0, 0), ("D", "d", 7, 4.0, 1)]
    rows += [("E", "e", 6, 5.0, 1), ("A", "far", 1, 1.0, 1), ("D", "new", 10_000, 0.1, 9)]
    frame = pd.DataFrame(rows, columns=["product_id", "region_id", "quantity", "unit_price", "week"])
    return frame.assign(ordered_at=MONDAY + frame.pop("week") * hierarchy.protocol.WEEK + pd.Timedelta("30h"))


def test_groups_rest_on_what_was_known_before_the_date() -> None:
    until = MONDAY + 2 * hierarchy.protocol.WEEK
    groups = hierarchy.country_groups(lines(), until)
    assert groups.to_dict() == {"home": "home", **dict.fromkeys("bcde", "large"), "far": "small", "new": "small"}
    assert hierarchy.price_groups(lines(), until).to_dict() == dict(zip("ABCDE", "12345", strict=True))


def test_series_add_up_to_the_panel_week_by_week() -> None:
    weeks = pd.date_range(MONDAY, periods=10, freq="7D")
    sold = lines().assign(ds=lambda f: f["ordered_at"].dt.normalize() - pd.Timedelta(days=1))
    units = sold.groupby(["product_id", "ds"])["quantity"].sum()
    index = pd.MultiIndex.from_product([list("ABCDE"), weeks], names=["unique_id", "ds"])
    panel = units.rename_axis(["unique_id", "ds"]).reindex(index, fill_value=0).rename("y").reset_index()
    series = hierarchy.bottom(panel, lines(), MONDAY + 2 * hierarchy.protocol.WEEK)
    assert len(series) == 3 * len(panel)
    summed = series.groupby(["item", "ds"])["y"].sum()
    assert summed.to_numpy() == pytest.approx(panel["y"].to_numpy())
    last = series[series["ds"] == weeks[9]].set_index("unique_id")["y"]
    assert last["D in small"] == 10_000 and last.sum() == 10_000
    with pytest.raises(SystemExit, match="add up"):
        hierarchy.bottom(panel.assign(y=1.0), lines(), MONDAY + 2 * hierarchy.protocol.WEEK)


def test_methods_score_what_hand_says() -> None:
    frame = hierarchy.reconciled(base(2.0), tree())
    assert len(set(frame["cutoff"])) == 1, "the first four origins are there for their errors alone"
    assert hierarchy.incoherence(frame, tree(), "base") == pytest.approx(2.0)
    models = ["base", *hierarchy.METHODS, hierarchy.NONNEGATIVE]
    assert max(hierarchy.incoherence(frame, tree(), name) for name in models[1:]) < 1e-8
    train = pd.DataFrame({"unique_id": ["item=cup"] * 3 + ["item=mug"] * 3, "y": [1.0, 2.0, 1.0, 4.0, 2.0, 4.0]})
    train["ds"] = [MONDAY - k * hierarchy.protocol.WEEK for k in (2, 1, 0)] * 2
    found = hierarchy.levels_table(frame, models, train).set_index(["model", "level"])
    assert found.loc[("base", "total"), ["value", "bias"]].tolist() == pytest.approx([0.2, 0.2])
    for level in ("total", "country", "price", "country x price", "item", "series"):
        assert found.loc[("bottom-up", level), "value"] == pytest.approx(0.0, abs=1e-12)
        assert found.loc[("proportions", level), ["value", "bias"]].tolist() == pytest.approx([0.2, 0.2])
    sums = hierarchy.nodes_table(frame, "proportions").set_index("node")
    assert sums.loc["total", ["before", "after"]].tolist() == pytest.approx([12.0, 12.0])
    assert sums.loc["country=home", ["before", "after"]].tolist() == pytest.approx([8.0, 9.6])
    # 12 instead of 10, shared out: cup 7.2 instead of 6, mug 4.8 instead of 4; scales 1 and 2.
    assert found.loc[("proportions", "item"), "rmsse"] == pytest.approx((1.2 / 1 + 0.8 / 2) / 2)
    # OLS: the total gives way, and every series takes part of what is left.
    for name in ("OLS", "WLS, by series", "WLS, by variance", "shrink"):
        assert 0 < found.loc[(name, "total"), "bias"] < 0.2


def test_total_is_compared_with_the_mean_of_eight_weeks() -> None:
    cutoffs = pd.date_range(MONDAY, periods=8, freq="28D")
    total = pd.DataFrame({"unique_id": "total", "ds": cutoffs, "cutoff": cutoffs, "y": 10.0})
    total = total.assign(**{hierarchy.EIGHT: 8.0, "near": 9.0, "far": 14.0})
    found = hierarchy.totals_table(total, [hierarchy.EIGHT, "near", "far"])
    board = found[found["what"] == "total"].set_index("model")
    assert board["word"].drop(hierarchy.EIGHT).to_dict() == {"near": "better", "far": "worse"}
    assert board.loc["near", ["value", "bias", "against", "wins"]].tolist() == pytest.approx([0.1, -0.1, -0.5, 8])
    assert len(found[found["what"] == "origin"]) == 3 * 8


def test_frontier_begins_and_ends_at_its_members() -> None:
    items = pd.DataFrame({"unique_id": ["cup", "mug"], "ds": MONDAY, "cutoff": MONDAY, "y": [6.0, 4.0]})
    items = items.assign(low=[3.0, 2.0], **{hierarchy.EIGHT: [4.0, 8.0]})
    train = pd.DataFrame({"unique_id": ["cup", "cup", "mug", "mug"], "y": [1.0, 2.0, 1.0, 2.0]})
    train["ds"] = [MONDAY - hierarchy.protocol.WEEK, MONDAY] * 2
    families = {"mixed": ("low", hierarchy.EIGHT), "lifted": ("low", "lifted")}
    found = hierarchy.frontier(items, train, families).set_index(["model", "share"])
    columns = ["item", "value", "bias"]
    assert found.loc[("mixed", 0.0), columns].tolist() == pytest.approx([0.5, 0.5, -0.5])
    assert found.loc[("mixed", 1.0), columns].tolist() == pytest.approx([0.6, 0.2, 0.2])
    # Lifted from 5 to 12: cup 7.2, mug 4.8.
    assert found.loc[("lifted", 1.0), columns].tolist() == pytest.approx([0.2, 0.2, 0.2])
    assert found.loc[("lifted", 0.5), "bias"] == pytest.approx((8.5 - 10) / 10)


def test_the_best_method_is_picked_among_those_that_lean_little() -> None:
    def level(bottom_up: float, ols: float) -> pd.DataFrame:
        rows = [("bottom-up", "total", 0.20, bottom_up), ("bottom-up", "item", 0.60, 0.5), ("OLS", "total", 0.10, ols)]
        rows += [("OLS", "item", 0.50, 0.0), (hierarchy.BASE, "total", 0.0, 0.0)]
        return pd.DataFrame(rows, columns=["model", "level", "value", "bias"])

    assert hierarchy.pick(level(-0.03, 0.02)) == "OLS"
    assert hierarchy.pick(level(-0.03, 0.031)) == "bottom-up"
    assert hierarchy.pick(level(-0.04, 0.05)) == "OLS", "none leans little"
