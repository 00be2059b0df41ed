"""The store's own rules: what is refused, what is put right without a guess, and what it says about itself."""

from __future__ import annotations

import time
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ecomlib import load_store
from ecomlib.errors import DataError, MissingTableError
from ecomlib.stores import TABLES, Store, registry
from ecomlib.stores.schema import SCHEMA
from ecomlib.stores.summary import Summary

DAY = pd.Timestamp("2024-03-01")


def tables() -> dict[str, pd.DataFrame]:
    """Every table of a shop with three products, two regions and two customers."""
    return {
        "products": pd.DataFrame(
            {
                "product_id": ["a", "b", "c"],
                "title": ["Red mug", "Blue mug", "Green lamp"],
                "category": ["kitchen", "kitchen", None],
                "list_price": [3.0, 4.0, np.nan],
            }
        ),
        "listings": pd.DataFrame(
            {
                "product_id": ["a", "a"],
                "version": [0, 1],
                "valid_from": [DAY, DAY + pd.Timedelta(days=7)],
                "title": ["Mug", "Red mug"],
                "description": ["A mug.", None],
            }
        ),
        "regions": pd.DataFrame(
            {"region_id": ["N", "S"], "name": ["North", "South"], "latitude": [1.0, np.nan], "longitude": [2.0, np.nan]}
        ),
        "customers": pd.DataFrame({"customer_id": ["u", "v"], "region_id": ["N", "S"]}),
        "orders": pd.DataFrame(
            {
                "order_id": ["1", "1", "2"],
                "product_id": ["a", "b", "a"],
                "region_id": ["N", "N", "S"],
                "customer_id": ["u", "u", None],
                "ordered_at": [DAY + pd.Timedelta(hours=9)] * 2 + [DAY + pd.Timedelta(days=13, hours=8)],
                "quantity": [2, 1, 5],
                "unit_price": [3.0, 4.0, 2.5],
                "returned": [False, True, False],
            }
        ),
        "prices": pd.DataFrame(
            {
                "product_id": ["a", "b"],
                "date": [DAY, DAY],
                "unit_price": [3.0, 4.0],
                "promoted": [False, True],
                "depth": [0.0, 0.2],
            }
        ),
        "inventory": pd.DataFrame(
            {
                "product_id": ["a", "a"],
                "region_id": ["N", "S"],
                "date": [DAY, DAY],
                "on_hand_start": [5, 0],
                "received": [0, 0],
                "sold": [2, 0],
            }
        ),
        "sessions": pd.DataFrame(
            {"session_id": ["x"], "customer_id": ["u"], "started_at": [DAY], "pages": [4], "converted": [True]}
        ),
        "mailings": pd.DataFrame({"customer_id": ["u"], "date": [DAY], "treated": [True], "propensity": [0.5]}),
        "reviews": pd.DataFrame({"product_id": ["a"], "written_at": [DAY], "rating": [4.0], "text": ["Good."]}),
    }


def changed(table: str, column: str, row: int, value: Any) -> dict[str, pd.DataFrame]:
    """The shop with one value changed, and the column's type with it if need be."""
    found = tables()
    values = found[table][column].astype(object)
    values.iloc[row] = value
    found[table][column] = values.infer_objects()
    return found


def shop(**frames: Any) -> Store:
    return Store(name="corner", currency="EUR", **{**tables(), **frames})


def test_the_shop_is_accepted_and_knows_its_tables() -> None:
    store = shop()
    assert [name for name, _ in store.tables()] == list(TABLES)
    assert set(tables()) == set(SCHEMA) == set(TABLES)
    assert store.sessions is not None and "pages" in store.sessions, "columns that no rule speaks of stay"


@pytest.mark.parametrize(
    ("table", "column", "row", "value", "words"),
    [
        ("orders", "quantity", 1, 0, "must be above 0"),
        ("orders", "quantity", 1, -3, "must be above 0"),
        ("orders", "quantity", 1, 1.5, "must hold a whole number"),
        ("orders", "unit_price", 2, -0.01, "must not be negative"),
        ("orders", "unit_price", 2, np.inf, "infinite"),
        ("orders", "unit_price", 2, np.nan, "missing"),
        ("orders", "unit_price", 2, "two", "must hold a number"),
        ("orders", "product_id", 2, "z", "unknown product_id"),
        ("orders", "product_id", 2, None, "missing"),
        ("orders", "product_id", 2, "", "empty"),
        ("orders", "product_id", 2, 7, "must hold text"),
        ("orders", "region_id", 2, "E", "unknown region_id"),
        ("orders", "customer_id", 0, "w", "unknown customer_id"),
        ("orders", "ordered_at", 0, pd.NaT, "missing"),
        ("orders", "ordered_at", 0, "yesterday", "must hold a date and time"),
        ("orders", "returned", 0, None, "must hold true or false"),
        ("products", "product_id", 1, "a", "its own product_id"),
        ("products", "title", 1, None, "missing"),
        ("products", "title", 1, 12, "must hold text"),
        ("listings", "version", 1, 0, "its own product_id and version"),
        ("listings", "valid_from", 1, DAY + pd.Timedelta(hours=1), "time of day"),
        ("prices", "product_id", 1, "a", "its own product_id and date"),
        ("prices", "depth", 1, 20.0, "must be at most 1"),
        ("inventory", "sold", 0, -1, "must not be negative"),
        ("inventory", "region_id", 1, "N", "its own product_id and region_id and date"),
        ("regions", "latitude", 0, 91.0, "must be at most 90"),
        ("mailings", "propensity", 0, 1.2, "must be at most 1"),
        ("reviews", "rating", 0, 0.0, "must be at least 1"),
        ("customers", "region_id", 0, "E", "unknown region_id"),
        ("sessions", "customer_id", 0, "w", "unknown customer_id"),
    ],
)
def test_a_broken_rule_names_table_column_row_value_and_remedy(
    table: str, column: str, row: int, value: Any, words: str
) -> None:
    with pytest.raises(DataError) as caught:
        shop(**changed(table, column, row, value))
    fault = caught.value
    assert words in fault.problem and fault.table == table and column in str(fault.column)
    # A wrong type is a fault of the whole column; everything else points at the row.
    assert row + 1 in fault.rows
    assert fault.remedy and fault.remedy in str(fault)
    if not pd.isna(value) and "its own" not in words and "must hold" not in words:
        assert str(value) in str(fault)


def test_several_faults_come_together() -> None:
    frames = changed("orders", "quantity", 1, -3)
    frames["products"].loc[0, "title"] = None
    with pytest.raises(DataError) as caught:
        shop(**frames)
    assert caught.value.table == "products"
    assert any("'quantity'" in note for note in caught.value.__notes__)


def test_rows_are_counted_from_one_whatever_the_index() -> None:
    frames = changed("orders", "quantity", 1, -3)
    with pytest.raises(DataError) as caught:
        shop(orders=frames["orders"].set_index(pd.Index([70, 80, 90])))
    assert caught.value.rows == [2]


def test_a_missing_column_suggests_what_could_be_it() -> None:
    with pytest.raises(DataError, match="rename 'qantity' to 'quantity'"):
        shop(orders=tables()["orders"].rename(columns={"quantity": "qantity"}))


def test_empty_tables_and_regions_without_a_place_are_refused() -> None:
    with pytest.raises(DataError, match="holds no rows"):
        shop(orders=tables()["orders"].head(0))
    with pytest.raises(DataError, match="place on the map"):
        shop(regions=tables()["regions"].drop(columns="longitude"))
    shop(regions=tables()["regions"].drop(columns=["latitude", "longitude"]).assign(row=0, column=[0, 1]))


def test_optional_tables_and_columns_may_be_absent() -> None:
    frames = tables()
    store = Store("bare", frames["products"][["product_id", "title"]], frames["orders"].drop(columns="region_id"))
    assert [name for name, _ in store.tables()] == ["products", "orders"]
    store.require("orders", why="to count units")
    with pytest.raises(MissingTableError, match=r"table 'reviews'.*to read stars.*reviews\.csv"):
        store.require("orders", "reviews", why="to read stars")


def test_harmless_differences_of_type_are_put_right_and_the_given_frame_is_not_touched() -> None:
    given = tables()["orders"]
    given["ordered_at"] = given["ordered_at"].astype("datetime64[s]")
    given["quantity"] = given["quantity"].astype("int32")
    given["unit_price"] = [3, 4, 2]
    given["returned"] = [0, 1, 0]
    given["region_id"] = given["region_id"].astype("category")
    before = given.dtypes.copy()
    orders = shop(orders=given).orders
    assert (given.dtypes == before).all()
    kinds = {name: str(orders[name].dtype) for name in ("ordered_at", "quantity", "unit_price", "returned")}
    assert kinds == {
        "ordered_at": "datetime64[ns]",
        "quantity": "int64",
        "unit_price": "float64",
        "returned": "bool",
    }
    assert orders["region_id"].tolist() == ["N", "N", "S"] and not isinstance(
        orders["region_id"].dtype, pd.CategoricalDtype
    )
    assert orders["returned"].tolist() == [False, True, False]


def test_a_store_is_frozen_and_its_truth_can_be_taken_away() -> None:
    store = shop(truth={"secret": 1})
    with pytest.raises(FrozenInstanceError):
        store.name = "other"  # type: ignore[misc]
    observed = store.observed()
    assert store.truth == {"secret": 1} and observed.truth is None
    assert observed.orders is store.orders and observed.name == store.name and observed.currency == "EUR"


def test_the_summary_answers_a_strangers_questions() -> None:
    store = shop()
    summary = store.summary()
    assert isinstance(summary, Summary)
    text = str(summary)
    for words in (
        "3 products, 2 of them sold",
        "Red mug: 18 EUR",  # 2 x 3.0 + 5 x 2.5 = 18.5, which rounds to even
        "South 62%, North 38%",  # 5 and 3 of 8 units
        "1 known customers; 33.3% of the lines",
        "2024-03-01 to 2024-03-14: 14 days, 2 full weeks",
        "3 lines in 2 orders, 8 units",
        "22 EUR revenue",
        "3 lines, 33.3% of them came back: 8 units gross, 7 net; 22 EUR gross, 18 EUR net.",
        "kitchen 100%",
        "tables: none",
        "regions.latitude: 50.0% empty",
    ):
        assert words in text, f"{words!r} is not in\n{text}"
    html = summary._repr_html_()
    assert html.startswith("<table>") and "Red mug: 18 EUR" in html
    bare = Store(
        "<b>",
        store.products[["product_id", "title"]],
        store.orders[["order_id", "product_id"]].assign(ordered_at=DAY, quantity=1, unit_price=1.0),
    )
    assert "no regions are recorded" in str(bare.summary()) and "listings, regions" in str(bare.summary())
    assert "<b>" not in bare.summary()._repr_html_().split("</b>")[0].replace("<b>The store", "")


def test_a_million_lines_are_checked_within_seconds() -> None:
    """The aim is one second of processor time; the bar fails a check that walks row by row."""
    rng = np.random.default_rng(0)
    count = 1_000_000
    products = np.array([f"p{number}" for number in range(4_000)], dtype=object)
    orders = pd.DataFrame(
        {
            "order_id": np.arange(count).astype(str).astype(object),
            "product_id": products[rng.integers(0, len(products), count)],
            "ordered_at": DAY + pd.to_timedelta(rng.integers(0, 10**7, count), unit="s"),
            "quantity": rng.integers(1, 9, count),
            "unit_price": rng.random(count),
        }
    )
    shop(**tables())  # pandera is imported here, once
    began = time.process_time()
    Store("large", pd.DataFrame({"product_id": products, "title": products}), orders)
    assert time.process_time() - began < 4


def test_load_store_knows_names_and_folders(tmp_path: Path) -> None:
    tiny = load_store("tiny")
    assert len(tiny.products) == 60 and tiny.truth is None
    assert shop().to_directory(tmp_path / "corner") == tmp_path / "corner"
    assert load_store(tmp_path / "corner").name == "corner"
    assert load_store(str(tmp_path / "corner")).orders.equals(shop().orders)
    with pytest.raises(DataError) as caught:
        load_store("shopp")
    assert all(name in str(caught.value) for name in registry.names())
