"""A quarter's plan: it adds up at every level and span, says what it cut, and carries changes by their cause."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ecomlib.contract import Forecaster
from ecomlib.decisions import Effect, sales_plan, scenario
from ecomlib.errors import DataError
from ecomlib.forecasting import forecaster

EFFECT = Effect(-2.0, -2.4, -1.6, 0.3, 0.1, 0.5)


def shop(weeks: int = 60, freq: str = "7D", start: str = "2024-01-01", seed: int = 0) -> pd.DataFrame:
    """Six products of two categories in two countries; one is launched late."""
    rng = np.random.default_rng(seed)
    days = pd.date_range(start, periods=weeks, freq=freq)
    rows = []
    for k in range(6):
        own = days[weeks // 3 :] if k == 5 else days
        y = rng.poisson(2 + 3 * k, len(own)).astype(float)
        rows.append(
            pd.DataFrame(
                {
                    "unique_id": f"p{k}",
                    "ds": own,
                    "y": y,
                    "category": "tea" if k < 2 else "stove",
                    "country": "UK" if k % 2 else "France",
                }
            )
        )
    return pd.concat(rows, ignore_index=True)


@pytest.fixture(scope="module")
def plan() -> pd.DataFrame:
    return sales_plan(shop(), horizon=13, model="window_mean")


def test_every_level_says_the_same(plan: pd.DataFrame) -> None:
    assert list(plan.columns) == [
        *("level", "node", "category", "country", "unique_id", "span", "period_start", "periods", "mean", "low", "high")
    ]
    assert list(plan["level"].unique()) == ["total", "category", "country", "series"]
    by_level = plan.groupby(["span", "period_start", "level"], sort=False)["mean"].sum().unstack()  # noqa: PD010
    assert np.ptp(by_level.to_numpy(), axis=1).max() < 1e-8, "coherent over nodes"
    by_span = plan.groupby(["node", "span"])["mean"].sum().unstack()  # noqa: PD010
    assert np.ptp(by_span.to_numpy(), axis=1).max() < 1e-8, "coherent over time"
    total = plan[(plan["level"] == "total") & (plan["span"] == "whole")].iloc[0]
    last = shop().groupby("unique_id")["y"].apply(lambda y: y.tail(8).mean()).sum()
    assert total["mean"] == pytest.approx(13 * last) and total["periods"] == 13
    tea = plan[(plan["node"] == "category=tea") & (plan["span"] == "whole")].iloc[0]
    assert tea["category"] == "tea" and pd.isna(tea["country"]) and pd.isna(tea["unique_id"])


def test_a_week_belongs_to_the_month_of_its_first_day(plan: pd.DataFrame) -> None:
    months = plan[(plan["level"] == "total") & (plan["span"] == "month")]
    weeks = plan[(plan["level"] == "total") & (plan["span"] == "week")]
    counts = weeks.groupby(weeks["period_start"].dt.to_period("M"))["mean"].agg(["size", "sum"])
    assert months["periods"].tolist() == counts["size"].tolist()
    assert months["mean"].to_numpy() == pytest.approx(counts["sum"].to_numpy())


def test_intervals_hold_the_mean_and_sums_are_surer_than_their_parts(plan: pd.DataFrame) -> None:
    assert ((plan["low"] <= plan["mean"]) & (plan["mean"] <= plan["high"]) & (plan["low"] >= 0)).all()
    width = (plan["high"] - plan["low"]) / plan["mean"]
    whole = plan["span"] == "whole"
    assert width[whole & (plan["level"] == "total")].iloc[0] < width[whole & (plan["level"] == "series")].mean()
    assert plan.attrs["origins"] == 6 and plan.attrs["model"] == "window_mean" and plan.attrs["notes"] == []


def test_trees_plan_a_year_of_weeks_with_the_shop_s_calendar() -> None:
    panel = shop(70)
    ends = panel["ds"].max()
    plain = sales_plan(panel[panel["ds"] <= ends - pd.Timedelta(days=28)], horizon=4)
    assert plain.attrs["model"] == "average" and plain.attrs["notes"] == []
    held = panel.assign(price=4.0, y=panel["y"].where(panel["ds"] <= ends - pd.Timedelta(days=28)))
    plan = sales_plan(held, horizon=4, levels=["category", ("country", "category")], model="trees")
    assert plan.attrs["model"] == "trees"
    assert list(plan["level"].unique()) == ["total", "category", "country x category", "series"]
    assert plan["period_start"].min() == ends - pd.Timedelta(days=21)
    sums = plan[plan["span"] == "whole"].groupby("level")["mean"].sum()
    assert np.ptp(sums.to_numpy()) < 1e-8


def test_a_short_history_is_said() -> None:
    young = sales_plan(shop(24), horizon=13)
    assert young.attrs["model"] == "window_mean"
    assert "cut to 6" in young.attrs["notes"][0] and "too few for trees" in young.attrs["notes"][1]
    assert (young[young["span"] == "whole"]["periods"] == 6).all()
    infant = sales_plan(shop(9).drop(columns=["category", "country"]), horizon=13)
    assert list(infant["level"].unique()) == ["total", "series"]
    days = sales_plan(shop(60, "D"), horizon=14)
    assert days["span"].iloc[-1] == "day"
    months = sales_plan(shop(24, "MS"), horizon=3)
    assert list(months["span"].unique()) == ["whole", "month"]


def test_levels_are_made_of_what_the_panel_has() -> None:
    panel = shop().assign(product_id=lambda rows: rows["unique_id"].str[:1], region_id=None)
    assert list(sales_plan(panel, model="naive")["level"].unique()) == ["total", "category", "country", "series"]
    both = shop().assign(product_id=lambda rows: rows["unique_id"].replace("p1", "p0"))
    assert "product_id" in set(sales_plan(both, model="naive", levels=None)["level"])


class Middle(Forecaster):
    name, point = "middle", "median"

    def answer(self, learned, past, future):
        return future["unique_id"].map(past.groupby("unique_id")["y"].median())


@pytest.mark.parametrize(
    ("panel", "more", "words"),
    [
        (shop(7), {}, "too few for a plan"),
        (shop(), {"model": Middle()}, "a plan is made of means"),
        (shop(), {"model": forecaster("trees")}, "a plan is made of means"),
        (shop(), {"interval": 90}, "is a share"),
        (shop(), {"horizon": 0}, "horizon counts periods"),
        (shop(), {"levels": ["brand"]}, "no column of the panel"),
        (shop(), {"levels": "category"}, "levels are a list"),
        (shop().drop(columns="y"), {}, "the column is missing"),
    ],
)
def test_what_it_refuses(panel: pd.DataFrame, more: dict, words: str) -> None:
    with pytest.raises(DataError, match=words):
        sales_plan(panel, **more)


# --- scenarios ---


def week(plan: pd.DataFrame, k: int) -> pd.Timestamp:
    return np.sort(plan["period_start"].unique())[k]


def change(plan: pd.DataFrame, first: int, last: int, **what: object) -> dict[str, object]:
    return {"start": week(plan, first), "end": week(plan, last), **what}


def test_a_cheaper_week_sells_more_there_and_in_every_sum_of_it(plan: pd.DataFrame) -> None:
    new = scenario(plan, EFFECT, pd.DataFrame([change(plan, 2, 2, category="tea", price=0.9)]))
    cell = (plan["node"] == "p0") & (plan["span"] == "week") & (plan["period_start"] == week(plan, 2))
    assert new.loc[cell, "mean"].iloc[0] == pytest.approx(plan.loc[cell, "mean"].iloc[0] * 0.9**-2.0)
    assert new.loc[cell, "change_low"].iloc[0] == pytest.approx(plan.loc[cell, "mean"].iloc[0] * (0.9**-1.6 - 1))
    assert new.loc[cell, "change_high"].iloc[0] == pytest.approx(plan.loc[cell, "mean"].iloc[0] * (0.9**-2.4 - 1))
    sums = new[new["span"] == "whole"].groupby("level")[["mean", "change"]].sum()
    assert np.ptp(sums["mean"].to_numpy()) < 1e-8 and sums["change"].iloc[0] > 0
    untouched = (new["category"] == "stove") | ((new["span"] == "week") & (new["period_start"] != week(plan, 2)))
    assert (new.loc[untouched, "change"] == 0).all()
    assert new.loc[untouched, "high"].to_numpy() == pytest.approx(plan.loc[untouched, "high"].to_numpy())
    assert (new["was"] == plan["mean"]).all()
    both = new[(new["node"] == "category=tea") & (new["span"] == "whole")].iloc[0]
    parts = new[new["node"].isin(["p0", "p1"]) & (new["span"] == "whole")]
    assert both["change_high"] == pytest.approx(parts["change_high"].sum()), "one effect: wrong together"


def test_two_effects_are_wrong_apart(plan: pd.DataFrame) -> None:
    effects = {"tea": EFFECT, "stove": Effect(-1.0, -1.3, -0.7)}
    new = scenario(plan, effects, pd.DataFrame([change(plan, 0, 12, price=0.8)]))
    whole = new[new["span"] == "whole"].set_index("node")
    arms = (whole["change_high"] - whole["change"])[["category=tea", "category=stove"]]
    total = whole.loc["total", "change_high"] - whole.loc["total", "change"]
    assert total == pytest.approx(float(np.hypot(*arms))) and total < arms.sum()


def test_promotions_and_holidays(plan: pd.DataFrame) -> None:
    rows = [
        change(plan, 1, 2, unique_id="p3", promoted=1, depth=0.2),
        change(plan, 4, 4, effect=-0.5, effect_low=-0.7, effect_high=-0.3),
    ]
    new = scenario(plan, EFFECT, pd.DataFrame(rows)).set_index(["node", "span", "period_start"])
    show = new.loc[("p3", "week", week(plan, 1))]
    assert show["mean"] / show["was"] == pytest.approx(0.8**-2.0 * np.exp(0.3))
    holiday = new.loc[("total", "week", week(plan, 4))]
    assert holiday["mean"] / holiday["was"] == pytest.approx(np.exp(-0.5))
    assert holiday["change_high"] / holiday["was"] == pytest.approx(np.exp(-0.3) - 1)
    off = scenario(plan, EFFECT, pd.DataFrame([change(plan, 1, 1, promoted=-1)]))
    assert (off["change"] <= 0).all() and (off["change_low"] <= off["change"]).all()


@pytest.mark.parametrize(
    ("row", "effects", "words"),
    [
        ({"price": 9.0}, EFFECT, "this far from the plan"),
        ({"depth": 20.0}, EFFECT, "share taken off"),
        ({"price": 0.9, "category": "soap"}, EFFECT, "names nothing"),
        ({"price": 0.9}, {"tea": EFFECT}, "is not known"),
        ({"price": 0.9}, Effect(np.nan, -1.0, 0.0), "is not known"),
    ],
)
def test_what_a_scenario_refuses(plan: pd.DataFrame, row: dict, effects: object, words: str) -> None:
    with pytest.raises(DataError, match=words):
        scenario(plan, effects, pd.DataFrame([change(plan, 1, 2, **row)]))
    with pytest.raises(DataError, match="first and a last day"):
        scenario(plan, EFFECT, pd.DataFrame([{"start": week(plan, 1), "price": 0.9}]))
