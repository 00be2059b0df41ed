"""The Complete Journey as a Store: on the look-alike always, on the publisher's sample where it is."""

from __future__ import annotations

import lookalike
import numpy as np
import pandas as pd
import pytest

from ecomlib.errors import DataError
from ecomlib.stores import load_store
from ecomlib.stores.published import complete_journey


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    return {name.replace("_sample", ""): frame for name, frame in lookalike.complete_journey().items()}


@pytest.fixture(scope="module")
def store(tables):
    return complete_journey.make(tables)


def test_the_report_finds_every_planted_fault_and_sums_up(tables, store):
    report = store.notes["cleaning"].set_index("reason")
    planted = {
        "petrol (sold by volume)": 10,
        "no units": 5,
        "no money received": 3,
        "product not in the product table": 2,
    }
    assert report.drop(["read", "kept"])["rows"].to_dict() == planted
    assert report.loc["read", "rows"] == len(tables["transactions"])
    gone = report.drop(["read", "kept"]).sum()
    np.testing.assert_allclose(report.loc["read"], gone + report.loc["kept"], rtol=1e-9)
    assert report.loc["kept", "rows"] == len(store.orders)


def test_money_and_units_are_the_publishers(tables, store):
    lines = tables["transactions"].iloc[20:]
    assert store.orders["quantity"].sum() == lines["quantity"].sum()
    paid = (store.orders["unit_price"] * store.orders["quantity"]).sum()
    assert paid == pytest.approx(lines["sales_value"].sum())
    assert store.orders["loyalty_discount"].sum() == pytest.approx(lines["retail_disc"].sum())
    assert store.currency == "USD" and store.regions is None and store.prices is None


def test_titles_come_from_type_and_size(tables, store):
    goods = tables["products"].set_index("product_id")
    with_size = store.products[store.products["product_id"].map(goods["package_size"]).notna()]
    assert (with_size["title"].str.endswith(("50 OZ", "1 LB"))).all() and len(with_size)
    bare = tables | {"products": tables["products"].assign(product_type=pd.NA, package_size=pd.NA)}
    assert set(complete_journey.make(bare).products["title"]) == {"GROCERY"}


def test_a_sample_says_that_it_is_one(tables, store, monkeypatch):
    assert "no headline number" in store.notes["sample"]
    monkeypatch.setattr(complete_journey, "WHOLE", len(tables["transactions"]))
    assert "sample" not in complete_journey.make(tables).notes


def test_mailings_say_for_every_household_and_campaign_who_was_treated(tables, store):
    assert len(store.mailings) == 2 * len(store.customers)
    counts = store.mailings.groupby("date")["treated"].sum()
    assert counts.to_dict() == {pd.Timestamp("2017-03-03"): 40, pd.Timestamp("2017-04-28"): 30}
    assert "propensity" not in store.mailings.columns and "not at random" in store.notes["mailings"]
    twice = tables["campaign_descriptions"].assign(start_date=17228.0)
    merged = complete_journey.make(tables | {"campaign_descriptions": twice}).mailings
    assert merged["treated"].sum() == 50, "two campaigns of one day are one mailing"


def test_the_python_edition_gives_the_same_store(tables, store):
    """It has numbers where the R package has text, and dates where R counts days."""
    other = {}
    for name, frame in tables.items():
        numbers = {column: frame[column].astype("int64") for column in frame.columns if column.endswith("_id")}
        other[name] = frame.assign(**numbers)
    days = pd.to_datetime(tables["campaign_descriptions"]["start_date"], unit="D")
    other["campaign_descriptions"] = other["campaign_descriptions"].assign(start_date=days)
    other["transactions"] = other["transactions"].astype({"quantity": "int64"})
    made = complete_journey.make(other)
    for name, frame in store.tables():
        pd.testing.assert_frame_equal(getattr(made, name), frame)


def test_a_missing_column_is_named(tables):
    with pytest.raises(DataError, match="sales_value"):
        complete_journey.make(tables | {"transactions": tables["transactions"].drop(columns="sales_value")})


def test_load_reads_the_look_alike(tmp_path, monkeypatch, store):
    lookalike.write_all(tmp_path)
    monkeypatch.setenv("ECOMLIB_DATA_DIR", str(tmp_path))
    pd.testing.assert_frame_equal(load_store("complete_journey").orders, store.orders)


@pytest.mark.data
def test_the_real_sample_has_the_known_counts():
    store = load_store("complete_journey")
    report = store.notes["cleaning"].set_index("reason")
    assert report.loc["read", "rows"] in (75_000, complete_journey.WHOLE)
    if report.loc["read", "rows"] == 75_000:
        assert report.loc["read", "revenue"] == pytest.approx(233_935.24)
        assert report.loc["petrol (sold by volume)", "rows"] == 764
        assert "sample" in store.notes
    assert store.mailings["treated"].sum() == 6_589
    assert store.orders["quantity"].max() < 1_000, "no petrol in thousandths of a gallon is left"
