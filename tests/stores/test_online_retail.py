"""Online Retail II as a Store: on the look-alike always, on the publisher's files where they are."""

from __future__ import annotations

from pathlib import Path

import lookalike
import numpy as np
import pandas as pd
import pytest

from ecomlib.errors import DataError, DownloadError
from ecomlib.stores import load_store
from ecomlib.stores.published import online_retail
from ecomlib.stores.published.formats import read_published


@pytest.fixture(scope="module")
def shop() -> lookalike.Shop:
    return lookalike.online_retail()


@pytest.fixture(scope="module")
def store(shop: lookalike.Shop):
    return online_retail.make(shop.first, shop.second)


def lines(*rows: tuple) -> pd.DataFrame:
    """Lines under the first edition's names: invoice, code, units, time, price, customer."""
    frame = pd.DataFrame(rows, columns=["InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"])
    frame["InvoiceDate"] = pd.to_datetime(frame["InvoiceDate"], format="ISO8601")
    return frame.assign(Description="MUG", Country="France", CustomerID=frame["CustomerID"].astype("Int32"))


def test_the_report_finds_every_planted_fault_and_sums_up(shop, store):
    report = store.notes["cleaning"].set_index("reason")
    assert report["rows"].to_dict() == shop.rows
    gone = report.drop(["read", "kept"]).sum()
    np.testing.assert_allclose(report.loc["read"], gone + report.loc["kept"], rtol=1e-9)
    assert report.loc["kept", "units"] == store.orders["quantity"].sum()
    assert len(store.orders) == report.loc["kept", "rows"]


def test_the_nine_days_in_both_files_count_once(shop, store):
    days = store.orders["ordered_at"].between(lookalike.SECOND_FROM, lookalike.FIRST_UNTIL)
    second = online_retail.make(None, shop.second).orders
    assert shop.rows["in both years' files"] > 100
    assert days.sum() == second["ordered_at"].between(lookalike.SECOND_FROM, lookalike.FIRST_UNTIL).sum()
    first = online_retail.make(shop.first, None).orders
    assert days.sum() == first["ordered_at"].between(lookalike.SECOND_FROM, lookalike.FIRST_UNTIL).sum()


def test_order_of_the_two_years_and_their_editions_do_not_matter(shop, store):
    other = online_retail.make(shop.first.set_axis(lookalike.EDITION_2, axis=1), shop.second)
    pd.testing.assert_frame_equal(other.orders, store.orders)


def test_cancellations_become_returns_of_their_purchases(shop, store):
    assert store.orders["returned_quantity"].sum() == shop.matched_units
    returned = store.orders[store.orders["returned"]]
    assert (returned["returned_quantity"] > 0).all() and (returned["returned_quantity"] <= returned["quantity"]).all()
    assert (returned["returned_at"] >= returned["ordered_at"]).all()
    assert store.orders.loc[~store.orders["returned"], "returned_at"].isna().all()
    assert not store.orders["order_id"].str.startswith("C").any()


@pytest.mark.parametrize(
    ("cancellation", "returned"),
    [
        (("C9", "20001", -2, "2011-03-09", 1.5, 17), [0, 2, 0]),  # the latest earlier line that covers it
        (("C9", "20001", -5, "2011-03-09", 1.5, 17), [5, 0, 0]),  # only the older one has units enough
        (("C9", "20001", -2, "2011-03-01 12:00", 1.5, 17), [2, 0, 0]),  # the later one was not yet bought
        (("C9", "20001", -2, "2011-02-01", 1.5, 17), [0, 0, 0]),  # nothing was bought yet
        (("C9", "20001", -2, "2011-03-09", 1.4, 17), [0, 0, 0]),  # another price
        (("C9", "20001", -2, "2011-03-09", 1.5, None), [0, 0, 0]),  # a guest
        (("C9", "20001", -99, "2011-03-09", 1.5, 17), [0, 0, 0]),  # more than was ever bought
        (("C9", "20001a ", -2, "2011-03-09", 2.5, 17), [0, 0, 2]),  # the code in lower case, with a space
    ],
)
def test_a_cancellation_finds_its_line_or_none(cancellation, returned):
    bought = [
        ("1", "20001", 6, "2011-03-01", 1.5, 17),
        ("2", "20001", 3, "2011-03-04", 1.5, 17),
        ("3", "20001A", 4, "2011-03-05", 2.5, 17),
    ]
    made = online_retail.make(None, lines(*bought, cancellation))
    assert made.orders["returned_quantity"].tolist() == returned
    report = made.notes["cleaning"].set_index("reason")["rows"]
    assert report["cancellation, its purchase found" if sum(returned) else "cancellation, its purchase not found"] == 1


def test_a_line_is_cancelled_in_parts_but_never_twice_over():
    bought = ("1", "20001", 6, "2011-03-01", 1.5, 17)
    parts = [(f"C{n}", "20001", -4, f"2011-03-0{n}", 1.5, 17) for n in (2, 3)]
    last = ("C4", "20001", -2, "2011-03-04", 1.5, 17)
    made = online_retail.make(None, lines(bought, *parts, last))
    assert made.orders["returned_quantity"].tolist() == [6]
    assert made.orders["returned_at"].tolist() == [pd.Timestamp("2011-03-02")]
    assert made.notes["cleaning"].set_index("reason").loc["cancellation, its purchase not found", "rows"] == 1


def test_codes_are_one_case_and_services_are_no_products(shop, store):
    assert shop.lower_case > 100
    assert len(store.products) == shop.products
    assert store.products["product_id"].str.fullmatch(r"\d{5}[A-Z]?").all()
    services = {code for codes in online_retail.SERVICES.values() for code in codes}
    assert not services & set(store.orders["product_id"])


def test_the_word_nan_is_no_title_and_no_customer(store):
    assert not store.products["title"].str.lower().isin(["nan", "?", "damaged", "found", ""]).any()
    frame = lines(("1", "20001", 6, "2011-03-01", 1.5, 17)).assign(CustomerID="nan", Description="nan")
    made = online_retail.make(None, frame)
    assert made.orders["customer_id"].tolist() == [None]
    assert made.products["title"].tolist() == ["20001"], "a product without words is named by its code"


def test_identifiers_are_text_and_guests_stay_guests(shop, store):
    assert len(store.customers) == shop.customers
    assert store.orders["customer_id"].dropna().str.fullmatch(r"\d{5}").all()
    assert store.orders["customer_id"].isna().mean() > 0.2
    as_floats = shop.second.assign(CustomerID=shop.second["CustomerID"].astype("float64"))
    pd.testing.assert_frame_equal(
        online_retail.make(None, as_floats).orders, online_retail.make(None, shop.second).orders
    )


def test_regions_have_places_where_the_word_names_one(store):
    regions = store.regions.set_index("region_id")
    assert set(regions.index) == set(lookalike.COUNTRIES)
    nowhere = regions[regions["latitude"].isna()].index
    assert set(nowhere) == {"Unspecified", "European Community"}
    assert regions.loc["EIRE", "name"] == "Ireland" and 51 < regions.loc["EIRE", "latitude"] < 56
    unknown = online_retail.make(None, lines(("1", "20001", 6, "2011-03-01", 1.5, 17)).assign(Country="Atlantis"))
    assert unknown.regions["region_id"].tolist() == ["Atlantis"]


def test_load_reads_files_and_names_what_is_missing(shop, tmp_path: Path, monkeypatch, store):
    monkeypatch.setenv("ECOMLIB_DATA_DIR", str(tmp_path))
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda *_: str(tmp_path / "cache"))
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "temporary"))
    with pytest.raises(DownloadError, match="ecomlib data fetch online_retail"):
        load_store("online_retail")
    lookalike.write_all(tmp_path)
    pd.testing.assert_frame_equal(load_store("online_retail").orders, store.orders)
    assert online_retail.load("2010").orders["ordered_at"].max() <= lookalike.FIRST_UNTIL
    assert online_retail.load("2011").orders["ordered_at"].min() >= lookalike.SECOND_FROM
    with pytest.raises(DataError, match="2012"):
        online_retail.load("2012")  # type: ignore[arg-type]
    broken = tmp_path / "online_retail" / "online_retail.parquet"
    shop.second.drop(columns="UnitPrice").to_parquet(broken)
    with pytest.raises(DataError, match="unit_price"):
        online_retail.load()
    broken.write_bytes(broken.read_bytes()[:2000])
    with pytest.raises(DownloadError, match=r"cut off.*ecomlib data fetch online_retail"):
        online_retail.load()


def test_the_workbook_gives_the_same_store(shop, tmp_path: Path):
    book = tmp_path / "online_retail_II.xlsx"
    lookalike.write_workbook(book, lookalike.second_edition(shop))
    text = ("Invoice", "StockCode", "Description", "Customer ID", "Country")
    first = read_published(book, None, "Year 2009-2010", text)
    second = read_published(book, None, "Year 2010-2011", text)
    assert (first["Description"] == "nan").any(), "the publisher's word is kept until the loader sees it"
    # The second edition has one postage line more: it shows in the report and nowhere else.
    from_book, from_parquet = online_retail.make(first, second), online_retail.make(shop.first, shop.second)
    pd.testing.assert_frame_equal(from_book.orders, from_parquet.orders)
    pd.testing.assert_frame_equal(from_book.products, from_parquet.products)
    rows = from_book.notes["cleaning"]["rows"] - from_parquet.notes["cleaning"]["rows"]
    assert rows.tolist() == [1, 0, 1] + [0] * (len(rows) - 3)


def test_protocol_w_keeps_codes_of_five_digits():
    bought = [
        (str(n), code, 1, "2011-03-01", 1.5, 17) for n, code in enumerate(["20001", "15056bl", "DCGS0058", "PADS"])
    ]
    made = online_retail.make(None, lines(*bought))
    assert set(made.products["product_id"]) == {"20001", "15056BL", "DCGS0058", "PADS"}
    assert online_retail.weekly_sales_lines(made)["product_id"].tolist() == ["20001", "15056BL"]


@pytest.mark.data
def test_the_real_shop_has_the_known_counts():
    raw = online_retail.read_lines("2011")
    assert len(raw) == 541_909 and raw["quantity"].sum() == 5_176_450
    assert round((raw["quantity"] * raw["unit_price"]).sum(), 3) == 9_747_747.934
    assert raw["order_id"].nunique() == 25_900 and raw["customer_id"].nunique() == 4_372
    assert raw["customer_id"].isna().sum() == 135_080 and raw["region_id"].nunique() == 38
    assert raw["order_id"].str.startswith("C").sum() == 9_288

    store = load_store("online_retail")
    report = store.notes["cleaning"].set_index("reason")
    assert report.loc["in both years' files", "rows"] == 22_523
    assert report.loc["read", "rows"] == 525_461 + 541_909
    gone = report.drop(["read", "kept"]).sum()
    np.testing.assert_allclose(report.loc["read"], gone + report.loc["kept"], rtol=1e-9)
    cancelled = report.loc[["cancellation, its purchase found", "cancellation, its purchase not found"], "rows"]
    assert cancelled.iloc[0] / cancelled.sum() > 0.8, "most cancellations find their purchase"
    assert len(store.regions) == 43 and store.regions["latitude"].isna().sum() == 2
    assert (store.products["title"] != store.products["product_id"]).mean() > 0.99


@pytest.mark.data
def test_the_real_shop_gives_the_series_of_protocol_w():
    sales = online_retail.weekly_sales_lines(load_store("online_retail"))
    week = sales["ordered_at"].dt.normalize() - pd.to_timedelta(sales["ordered_at"].dt.day_of_week, unit="D")
    sales = sales.assign(week=week)[week <= "2011-11-28"]
    begun = sales.groupby("product_id")["ordered_at"].min()
    old = begun[begun <= pd.Timestamp("2011-04-25") - pd.Timedelta(weeks=52)].index
    before = sales[(sales["week"] <= "2011-04-18") & sales["product_id"].isin(old)]
    revenue = (before["quantity"] * before["unit_price"]).groupby(before["product_id"]).sum()
    chosen = sales[sales["product_id"].isin(revenue.nlargest(500).index)]
    filled = chosen.groupby(["product_id", "week"]).ngroups
    weeks = (pd.Timestamp("2011-11-28") - chosen.groupby("product_id")["week"].min()).dt.days // 7 + 1
    assert len(weeks) == 500 and weeks.sum() == 51_529
    assert round(1 - filled / weeks.sum(), 3) == 0.141
