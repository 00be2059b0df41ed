"""The card that answers a shop: names, months, whole units, and no list for a week that is over without a word."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ecomlib.errors import DataError
from ecomlib.evaluation.answer_card import AnswerCard, CardSettings, answer_card, whole_units

SUNDAY = pd.Timestamp("2024-03-03 18:00")
PRODUCTS = pd.DataFrame({"product_id": ["a", "b", "c"], "title": ["Apple <b>tart</b>", "Bun & butter", None]})


def orders(*lines: tuple[str, str, int]) -> pd.DataFrame:
    table = pd.DataFrame(lines, columns=["product_id", "ordered_at", "quantity"])
    return table.assign(ordered_at=pd.to_datetime(table["ordered_at"], format="ISO8601"), unit_price=2.0)


LINES = orders(("a", "2024-01-10", 7), ("b", "2024-02-10", 3), ("a", "2024-02-20", 4), ("c", "2024-03-03 18:00", 5))


def ahead(first: str = "2024-03-04", weeks: int = 2, **columns: object) -> pd.DataFrame:
    """Expected units of a, b and c: 1.4, 0.4 and 9.4 in the first week, ten more each week."""
    days = pd.date_range(first, periods=weeks, freq="7D")
    table = pd.DataFrame({"unique_id": np.repeat(["a", "b", "c"], weeks), "ds": list(days) * 3})
    step = np.tile(np.arange(weeks) * 10.0, 3)
    return table.assign(gru=np.repeat([1.4, 0.4, 9.4], weeks) + step, **columns)


def card(
    forecast: pd.DataFrame | None, lines: pd.DataFrame = LINES, today: str = "2024-03-04", **more: object
) -> AnswerCard:
    settings = CardSettings("Shop & <i>co</i>", "EUR", today=pd.Timestamp(today))
    return answer_card(lines, PRODUCTS, forecast, "gru", settings=settings, **more)  # type: ignore[arg-type]


def test_the_list_is_for_the_first_week_after_the_tables_end() -> None:
    found = card(ahead(**{"gru-lo-90": 0.0, "gru-hi-90": 30.0}))
    assert found.order_list["title"].tolist() == ["c", "Apple <b>tart</b>", "Bun & butter"], "the largest first"
    assert found.order_list["expected"].tolist() == [9.4, 1.4, 0.4] and found.order_list["order"].tolist() == [10, 1, 0]
    assert set(found.order_list["week"]) == {pd.Timestamp("2024-03-04")} and found.order_list["high"].eq(30).all()
    assert found.remarks == (
        "Forecast by the network.",
        "Take off what lies there and what is on its way: these tables do not say how much that is.",
    )


@pytest.mark.parametrize("last", ["2024-03-04 00:00", "2024-03-06 12:00", "2024-03-10 23:59"])
def test_a_week_that_has_begun_is_not_ordered_for(last: str) -> None:
    running = pd.concat([LINES, orders(("a", last, 1))], ignore_index=True)
    assert set(card(ahead(), running, "2024-03-11").order_list["week"]) == {pd.Timestamp("2024-03-11")}


def test_a_forecast_of_the_past_is_refused() -> None:
    with pytest.raises(DataError, match=r"lies in the past.*forecast from the end of the tables, 2024-03-03"):
        card(ahead("2024-02-19"))


def test_old_tables_are_said_to_be_old_before_anything_else() -> None:
    found = card(ahead(), today="2024-04-07")
    assert found.remarks[0].startswith("THESE TABLES END ON 03 March 2024, 5 WEEKS AGO: the week from 04 March 2024 is")
    assert str(found).splitlines()[1] == found.remarks[0]
    assert card(None, today="2024-03-12").remarks == ("THESE TABLES END ON 03 March 2024, 1 WEEK AGO.",)
    assert card(None).remarks == () and not any("THESE" in text for text in card(ahead(), today="2024-03-10").remarks)


def test_whole_units_add_up_to_the_sum() -> None:
    assert whole_units(np.full(1000, 0.4)).sum() == 400
    assert whole_units(np.array([2.0, 0.0, 3.0])).tolist() == [2, 0, 3]
    assert whole_units(np.array([0.1 + 0.2, 0.7])).tolist() == [0, 1]
    assert whole_units(np.zeros(0)).tolist() == []


def test_what_lies_there_is_not_ordered() -> None:
    found = card(ahead(), on_hand=pd.Series({"c": 8.0, "a": 50.0}))
    assert found.order_list.set_index("product_id")["order"].to_dict() == {"c": 2, "a": 0, "b": 0}
    assert any(said.startswith("What lies there was taken off. Take off what is on its way") for said in found.remarks)


def test_what_is_on_its_way_is_not_ordered_again() -> None:
    shelf, lorry = pd.Series({"c": 5.0, "a": 50.0}), pd.Series({"c": 3.0, "b": 0.4})
    found = card(ahead(), on_hand=shelf, arriving=lorry)
    assert found.order_list.set_index("product_id")["order"].to_dict() == {"c": 1, "a": 0, "b": 0}
    assert "What lies there and what is on its way were taken off." in found.remarks
    alone = card(ahead(), arriving=lorry)
    assert alone.order_list.set_index("product_id")["order"].to_dict() == {"c": 7, "a": 1, "b": 0}
    assert any("Take off what lies there, too" in said for said in alone.remarks)


def test_means_are_read_where_there_are_some_and_add_up() -> None:
    found = card(ahead(**{"gru-mean": 4.0}))
    assert found.order_list["expected"].tolist() == [4.0] * 3
    assert "12 units are expected in all in the week from 04 March 2024." in found.remarks
    assert not any("in all" in text for text in card(ahead()).remarks), "medians do not add up"


def test_a_list_of_zeros_says_so() -> None:
    assert any("No single product is expected" in text for text in card(ahead().assign(gru=0.1)).remarks)


def test_an_interval_without_an_end_is_left_empty_and_said() -> None:
    found = card(ahead(**{"gru-lo-90": 0.0, "gru-hi-90": np.inf}))
    assert found.order_list["high"].isna().all()
    assert any("too few weeks were tried" in text for text in found.remarks)


def test_best_sellers_by_name_and_months() -> None:
    found = card(None)
    assert found.best_sellers["title"].tolist() == ["Apple <b>tart</b>", "c", "Bun & butter"]
    assert found.best_sellers["units"].tolist() == [11, 5, 3] and found.best_sellers["money, EUR"].tolist() == [
        22,
        10,
        6,
    ]
    assert found.months["month"].tolist() == ["2024-01", "2024-02", "2024-03 (to the 3.)"]
    assert found.months["units"].tolist() == [7, 7, 5]
    later = pd.concat([LINES, orders(("b", "2024-05-31 20:00", 1))], ignore_index=True)
    months = card(None, later).months.set_index("month")["units"]
    assert months.to_dict() == {"2024-01": 7, "2024-02": 7, "2024-03": 5, "2024-04": 0, "2024-05": 1}


def test_it_shows_as_escaped_tables_and_writes_a_list(tmp_path: Path) -> None:
    found = card(ahead(**{"gru-lo-90": 0.0, "gru-hi-90": 30.0}))
    page = found._repr_html_()
    assert "&lt;b&gt;tart" in page and "&lt;i&gt;co" in page and "<i>" not in page
    table = pd.read_csv(found.to_csv(tmp_path / "order.csv"))
    assert list(table.columns) == ["product_id", "title", "week", "expected", "low", "high", "order"]
    assert table["week"].tolist() == ["2024-03-04"] * 3 and table["order"].tolist() == [10, 1, 0]
    with pytest.raises(DataError, match="has no order list"):
        card(None).to_csv(tmp_path / "none.csv")


def test_a_shop_without_orders_is_refused() -> None:
    with pytest.raises(DataError, match="there are no orders"):
        card(None, LINES.iloc[:0])
