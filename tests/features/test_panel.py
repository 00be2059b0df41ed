"""The panel against a slow reference, and its promises about zeros, launches, partial periods and stock."""

from __future__ import annotations

import dataclasses
import os
from collections import defaultdict

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_shop import FIRST, make_shop

from ecomlib.errors import DataError
from ecomlib.panel import (
    FREQUENCIES,
    KNOWN_AHEAD,
    check_panel,
    frequency,
    join_id,
    known_ahead,
    make_panel,
    period_index,
    period_start,
    split_id,
)
from ecomlib.periods import parse_frequency
from ecomlib.stores import Store

KEYS = [("product_id",), ("region_id",), ("category",), ("product_id", "region_id"), ("name", "category")]


def floor(day: pd.Timestamp, freq: str) -> pd.Timestamp:
    if freq == "MS":
        return day.normalize().replace(day=1)
    return day.normalize() - pd.Timedelta(days=day.weekday() if freq == "W-MON" else 0)


def following(day: pd.Timestamp, freq: str) -> pd.Timestamp:
    return day + {"D": pd.Timedelta(days=1), "W-MON": pd.Timedelta(days=7), "MS": pd.DateOffset(months=1)}[freq]


def slow(store: Store, freq: str, by: tuple[str, ...]) -> pd.DataFrame:
    """What the order lines say, line by line, with rows only for the cells that hold a sale."""
    lines = store.orders.merge(store.products[["product_id", "category"]]).merge(store.regions)
    cells = defaultdict(list)
    for line in lines.itertuples():
        cells["|".join(str(getattr(line, column)) for column in by), floor(line.ordered_at, freq)].append(line)
    rows = []
    for (name, ds), held in cells.items():
        units = sum(line.quantity for line in held)
        rows.append(
            {
                "unique_id": name,
                "ds": ds,
                "y": units,
                "orders": len({line.order_id for line in held}),
                "customers": len({line.customer_id for line in held if isinstance(line.customer_id, str)}),
                "price_paid": sum(line.quantity * line.unit_price for line in held) / units,
            }
        )
    frame = pd.DataFrame(rows)
    last_day = store.orders["ordered_at"].max().normalize()
    full = [following(ds, freq) <= last_day + pd.Timedelta(days=1) for ds in frame["ds"]]
    return frame[full].sort_values(["unique_id", "ds"], ignore_index=True)


@pytest.fixture(scope="module")
def shop() -> Store:
    return make_shop()


@pytest.mark.parametrize("freq", FREQUENCIES)
@pytest.mark.parametrize("by", KEYS, ids="+".join)
@pytest.mark.parametrize("begin", ["launch", "sale"])
def test_panel_equals_slow_reference(shop: Store, freq: str, by: tuple[str, ...], begin: str) -> None:
    panel = make_panel(shop, freq, by, begin=begin)
    assert check_panel(panel)[1] == freq
    expected = slow(shop, freq, by)
    sold = panel.loc[panel["y"] > 0, expected.columns].reset_index(drop=True)
    pd.testing.assert_frame_equal(sold, expected, check_dtype=False)
    rest = panel[panel["y"] == 0]
    assert (rest[["orders", "customers"]] == 0).all().all()
    assert (panel.groupby("unique_id")["ds"].max() == panel["ds"].max()).all(), "every series ends with the panel"
    for column in by:
        assert (panel["unique_id"].str.split("|").str[by.index(column)] == panel[column]).all()


def test_no_unit_is_lost(shop: Store) -> None:
    panels = [make_panel(shop, "D", by)["y"].sum() for by in KEYS]
    assert panels == [shop.orders["quantity"].sum()] * len(KEYS)


def test_zeros_begin_with_launch_or_first_sale(shop: Store) -> None:
    panel = make_panel(shop)
    begins = panel.groupby("unique_id")["ds"].min()
    launch = shop.products.set_index("product_id")["launched_on"]
    for product in ("P3", "P4", "P5"):
        assert begins[product] == floor(launch[product], "W-MON")
    first = shop.orders.groupby("product_id")["ordered_at"].min()
    assert begins["P7"] == floor(first["P7"], "W-MON"), "no launch date: the first sale"
    never = panel[panel["unique_id"] == "P6"]
    assert begins["P6"] == floor(launch["P6"], "W-MON") and (never["y"] == 0).all(), "launched, never sold: all zeros"
    sale = make_panel(shop, begin="sale")
    assert "P6" not in set(sale["unique_id"])
    assert (sale.groupby("unique_id")["y"].first() > 0).all()


def test_regions_open_with_their_first_sale() -> None:
    shop = make_shop()
    late = shop.orders["ordered_at"] > FIRST + pd.Timedelta(weeks=30)
    shop = dataclasses.replace(
        shop, orders=shop.orders[late | (shop.orders["region_id"] != "W")].reset_index(drop=True)
    )
    panel = make_panel(shop, by=("product_id", "region_id"))
    begins = panel.groupby(["region_id", "product_id"])["ds"].min()
    opened = floor(shop.orders.loc[shop.orders["region_id"] == "W", "ordered_at"].min(), "W-MON")
    assert (begins["W"].drop(["P6", "P7"]) == opened).all() and begins["W", "P6"] > opened
    assert begins["N", "P0"] == FIRST


def test_a_sale_before_the_launch_date_is_not_lost(shop: Store) -> None:
    products = shop.products.assign(launched_on=pd.Timestamp("2024-01-01"))
    panel = make_panel(dataclasses.replace(shop, products=products))
    assert panel["y"].sum() == make_panel(shop)["y"].sum()
    assert panel["ds"].min() == FIRST


def test_a_launch_before_the_books_starts_with_the_books(shop: Store) -> None:
    products = shop.products.assign(launched_on=pd.Timestamp("2001-01-01"))
    assert make_panel(dataclasses.replace(shop, products=products))["ds"].min() == FIRST


def test_partial_periods(shop: Store) -> None:
    last = shop.orders["ordered_at"].max()
    assert last.weekday() == 2
    panel = make_panel(shop)
    assert panel["ds"].max() == floor(last, "W-MON") - pd.Timedelta(weeks=1)
    with_part = make_panel(shop, end=last)
    assert with_part["ds"].max() == floor(last, "W-MON")
    early = make_panel(shop, end="2023-06-30", start="2023-03-01")
    assert (early["ds"].min(), early["ds"].max()) == (pd.Timestamp("2023-02-27"), pd.Timestamp("2023-06-26"))
    whole = panel[panel["ds"].between("2023-02-27", "2023-06-26")]
    pd.testing.assert_frame_equal(early, whole.reset_index(drop=True))
    with pytest.raises(DataError, match="after the books end"):
        make_panel(shop, end="2031-01-01")
    with pytest.raises(DataError, match="no full period"):
        make_panel(shop, end="1999-01-01")


def test_a_store_that_opened_in_mid_week() -> None:
    shop = make_shop()
    late = shop.orders["ordered_at"] >= FIRST + pd.Timedelta(days=2)
    shop = dataclasses.replace(shop, orders=shop.orders[late].reset_index(drop=True))
    assert make_panel(shop)["ds"].min() == FIRST
    assert make_panel(shop, first="drop")["ds"].min() == FIRST + pd.Timedelta(weeks=1)
    assert make_panel(make_shop(), first="drop")["ds"].min() == FIRST, "a full first week stays"


def test_the_plan_of_prices_is_known_ahead(shop: Store) -> None:
    panel = make_panel(shop, "W-MON")
    assert known_ahead(panel) == ("price", "promoted", "depth")
    plan = shop.prices.assign(ds=[floor(day, "W-MON") for day in shop.prices["date"]])
    expected = plan.groupby(["product_id", "ds"])[["unit_price", "promoted", "depth"]].mean()
    found = panel.set_index(["unique_id", "ds"])[["price", "promoted", "depth"]]
    np.testing.assert_allclose(found, expected.loc[found.index], rtol=1e-12)
    by_region = make_panel(shop, "W-MON", ("product_id", "region_id")).set_index(["product_id", "ds"])
    np.testing.assert_allclose(by_region["price"], found.loc[by_region.index, "price"], rtol=1e-12)


def test_rows_ahead_hold_the_plan_alone(shop: Store) -> None:
    panel = make_panel(shop)
    longer = make_panel(shop, ahead=3)
    last = panel["ds"].max()
    pd.testing.assert_frame_equal(longer[longer["ds"] <= last].reset_index(drop=True), panel)
    ahead = longer[longer["ds"] > last]
    assert len(ahead) == 3 * panel["unique_id"].nunique()
    past_only = ["y", "orders", "customers", "price_paid", "stockout", "unstocked"]
    assert ahead[past_only].isna().all().all() and ahead[list(known_ahead(longer))].notna().all().all()
    beyond = ahead[ahead["ds"] > last + pd.Timedelta(weeks=1)]
    before = ahead[ahead["ds"] == last + pd.Timedelta(weeks=1)].set_index("unique_id")
    assert (beyond["price"].to_numpy() == before.loc[beyond["unique_id"], "price"].to_numpy()).all()
    assert (beyond[["promoted", "depth"]] == 0).all().all()


def test_price_paid_is_carried_forward_and_never_back(shop: Store) -> None:
    bare = dataclasses.replace(shop, prices=None, inventory=None)
    panel = make_panel(bare)
    assert not set(KNOWN_AHEAD) & set(panel.columns), "what was paid is not a plan"
    for _, series in panel.groupby("unique_id"):
        sold = series["price_paid"].where(series["y"] > 0)
        pd.testing.assert_series_equal(series["price_paid"], sold.ffill())
    assert panel.loc[panel["unique_id"] == "P6", "price_paid"].isna().all()


def test_empty_shelves_are_visible(shop: Store) -> None:
    panel = make_panel(shop, "W-MON", ("product_id", "region_id"))
    stock = shop.inventory
    flags = stock.assign(
        ds=[floor(day, "W-MON") for day in stock["date"]],
        stockout=stock["on_hand_start"] + stock["received"] == stock["sold"],
        unstocked=stock["on_hand_start"] + stock["received"] == 0,
    )
    for keys in (["product_id", "region_id"], ["product_id"]):
        expected = flags.groupby([*keys, "ds"])[["stockout", "unstocked"]].mean()
        found = make_panel(shop, "W-MON", tuple(keys)).set_index([*keys, "ds"])[["stockout", "unstocked"]]
        np.testing.assert_allclose(found, expected.loc[found.index], rtol=1e-12)
    holes = make_panel(shop, "W-MON", ("product_id", "region_id"), fill="nan")
    missing = holes["y"].isna()
    assert missing.any() and (holes.loc[missing, "unstocked"] == 1).all()
    assert (panel.loc[missing, "y"] == 0).all() and holes.loc[~missing, "y"].equals(panel.loc[~missing, "y"])
    third = missing & (holes["ds"] == FIRST + pd.Timedelta(weeks=2)) & (holes["product_id"] == "P1")
    assert third.any()


def test_without_regions_or_customers() -> None:
    shop = make_shop()
    orders = shop.orders.drop(columns=["region_id", "customer_id"])
    bare = Store("bare", shop.products.drop(columns="launched_on"), orders)
    panel = make_panel(bare)
    assert list(panel.columns) == ["unique_id", "ds", "product_id", "y", "orders", "price_paid"]
    reference = make_panel(dataclasses.replace(shop, prices=None, inventory=None), begin="sale")
    pd.testing.assert_frame_equal(panel, reference[panel.columns])


@pytest.mark.parametrize(
    ("change", "by", "words"),
    [
        ({}, ("colour",), ["colour", "category"]),
        ({}, (), ["names the columns"]),
        ({"customer": None}, ("customer_id",), ["orders", "customer_id", "empty"]),
    ],
)
def test_wrong_keys_are_named(shop: Store, change: dict[str, object], by: tuple[str, ...], words: list[str]) -> None:
    with pytest.raises(DataError) as caught:
        make_panel(shop, by=by)
    for word in words:
        assert word in str(caught.value)


def test_a_panel_too_large_for_memory_is_refused() -> None:
    many = 30_000
    orders = pd.DataFrame(
        {
            "order_id": [f"o{k}" for k in range(many)],
            "product_id": [f"p{k}" for k in range(many)],
            "ordered_at": FIRST,
            "quantity": 1,
            "unit_price": 1.0,
        }
    )
    orders.loc[0, "ordered_at"] = FIRST + pd.Timedelta(days=900)
    products = pd.DataFrame({"product_id": orders["product_id"], "title": "thing"})
    with pytest.raises(DataError, match="rows"):
        make_panel(Store("wide", products, orders), "D")


@given(
    st.lists(st.datetimes(pd.Timestamp("1950-01-01"), pd.Timestamp("2100-01-01")), min_size=1),
    st.sampled_from(FREQUENCIES),
)
def test_periods_hold_their_dates(dates: list[pd.Timestamp], freq: str) -> None:
    stamps = pd.DatetimeIndex(dates)
    number = period_index(stamps, freq)
    start, after = period_start(number, freq), period_start(number + 1, freq)
    assert (start <= stamps.to_numpy()).all() and (stamps.to_numpy() < after).all()
    assert (period_index(start, freq) == number).all()
    assert [pd.Timestamp(day) for day in start] == [floor(pd.Timestamp(date), freq) for date in dates]


def test_check_panel_finds_each_fault(shop: Store) -> None:
    panel = make_panel(shop)
    starts, freq = check_panel(panel)
    assert freq == "W-MON" and (np.diff(starts) == panel.groupby("unique_id").size().to_numpy()).all()
    gap = panel.drop(index=panel.index[5]).reset_index(drop=True)
    faults = {
        "not sorted": panel.sort_values("unique_id", ascending=False, kind="stable", ignore_index=True),
        "two pieces": pd.concat([panel, panel.iloc[:3]], ignore_index=True),
        "missing, doubled": gap,
        "mislabelled": panel.assign(ds=panel["ds"] + pd.Timedelta(days=1)),
        "doubled": panel.iloc[np.sort(np.r_[0 : len(panel), 7])].reset_index(drop=True),
        "no rows": panel.iloc[:0],
        "column is missing": panel.drop(columns="ds"),
    }
    for words, broken in faults.items():
        with pytest.raises(DataError, match=words):
            check_panel(broken)
    with pytest.raises(DataError, match="row 6"):
        check_panel(gap)


@pytest.mark.data
def test_real_shop_gives_protocol_w() -> None:
    """500 series, 51,529 rows, 14.1 % zeros: the counts of protocol W."""
    folder = os.environ["ECOMLIB_DATA_DIR"]
    raw = pd.read_parquet(f"{folder}/online_retail/online_retail_combined_2009-2011.parquet")
    code = raw["StockCode"].astype(str).str.upper()
    keep = ~raw["InvoiceNo"].astype(str).str.startswith("C") & (raw["Quantity"] > 0) & (raw["UnitPrice"] > 0)
    keep &= code.str.fullmatch(r"\d{5}[A-Z]*")
    orders = pd.DataFrame(
        {
            "order_id": raw["InvoiceNo"].astype(str),
            "product_id": code,
            "ordered_at": raw["InvoiceDate"].astype("datetime64[ns]"),
            "quantity": raw["Quantity"].astype("int64"),
            "unit_price": raw["UnitPrice"].astype(float),
        }
    )[keep].reset_index(drop=True)
    products = pd.DataFrame({"product_id": orders["product_id"].unique(), "title": "thing"})
    panel = make_panel(Store("weeks", products, orders))
    assert panel["ds"].max() == pd.Timestamp("2011-11-28")
    end = pd.Timestamp("2011-04-25")
    first = orders.groupby("product_id")["ordered_at"].min()
    old = first.index[first <= end - pd.Timedelta(weeks=52)]
    past = orders[(orders["ordered_at"] < end) & orders["product_id"].isin(old)]
    best = (past["quantity"] * past["unit_price"]).groupby(past["product_id"]).sum().nlargest(500).index
    chosen = panel[panel["unique_id"].isin(best)]
    assert (chosen["unique_id"].nunique(), len(chosen)) == (500, 51_529)
    assert round(float((chosen["y"] == 0).mean()), 3) == 0.141


WRITTEN = {
    "D": ["D", "d", "1D", "day", "days", "daily", " Daily ", pd.offsets.Day()],
    "W-MON": ["W-MON", "w-mon", "W", "1W", "7D", "week", "weekly", "Weekly", pd.offsets.Week(weekday=0)],
    "MS": ["MS", "M", "ME", "1M", "month", "months", "monthly", pd.offsets.MonthBegin()],
}


@pytest.mark.parametrize(("freq", "written"), [(freq, name) for freq, names in WRITTEN.items() for name in names])
def test_frequencies_as_people_write_them(freq: str, written: object) -> None:
    assert parse_frequency(written) == freq
    days = pd.date_range("2024-01-01", periods=40)
    assert (period_start(period_index(days, written), written) == period_start(period_index(days, freq), freq)).all()


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("W-SUN", ["Monday to Sunday", "W-MON", "daily panel"]),
        ("W-THU", ["Monday to Sunday"]),
        ("Q", ["unknown", "W-MON", "MS"]),
        ("H", ["unknown"]),
        ("2W", ["unknown"]),
        ("", ["unknown"]),
        (None, ["unknown"]),
        (7, ["unknown"]),
    ],
)
def test_other_frequencies_are_answered(shop: Store, written: object, words: list[str]) -> None:
    for ask in (parse_frequency, lambda freq: make_panel(shop, freq), lambda freq: period_start(0, freq)):
        with pytest.raises(DataError) as caught:
            ask(written)
        assert all(word in str(caught.value) for word in words)


def test_a_panel_by_one_word_and_a_spoken_frequency(shop: Store) -> None:
    for freq, spoken in (("D", "daily"), ("W-MON", "W"), ("MS", "month")):
        made = make_panel(shop, spoken, by="product_id")
        pd.testing.assert_frame_equal(made, make_panel(shop, freq, ("product_id",)))
        assert made.attrs["freq"] == freq == frequency(made)
    with pytest.raises(DataError, match="colour"):
        make_panel(shop, by="colour")


def test_the_dates_say_the_frequency_and_a_record_only_where_they_cannot() -> None:
    monday = pd.DataFrame({"unique_id": ["a", "b"], "ds": pd.Timestamp("2024-01-01"), "y": 1.0})  # also a first
    with pytest.raises(DataError, match="several frequencies: D, W-MON, MS"):
        frequency(monday)
    for freq in FREQUENCIES:
        recorded = monday.copy()
        recorded.attrs["freq"] = freq
        assert frequency(recorded) == freq == check_panel(monday, freq)[1]
    wednesday = monday.assign(ds=pd.Timestamp("2024-01-03"))
    wednesday.attrs["freq"] = "MS"
    assert frequency(wednesday) == "D", "the third of January is no month"
    two = pd.concat([monday, monday.assign(ds=pd.Timestamp("2024-01-08"))]).sort_values(["unique_id", "ds"])
    two.attrs["freq"] = "D"
    assert frequency(two) == "W-MON"
    with pytest.raises(DataError, match="14 days"):
        frequency(two.assign(ds=two["ds"].where(two["ds"] < "2024-01-08", pd.Timestamp("2024-01-15"))))
    with pytest.raises(DataError, match="time of day"):
        frequency(monday.assign(ds=pd.Timestamp("2024-01-01 08:00")))


def two_keys(pairs: list[tuple[object, object]]) -> Store:
    """One order a pair of product and ``shelf``."""
    orders = pd.DataFrame(
        {
            "order_id": [f"o{k}" for k in range(len(pairs))],
            "product_id": [str(product) for product, _ in pairs],
            "shelf": pd.Series([shelf for _, shelf in pairs], dtype=object),
            "ordered_at": pd.Timestamp("2024-01-07 12:00"),
            "quantity": 10 ** np.arange(len(pairs)),
            "unit_price": 1.0,
        }
    )
    products = pd.DataFrame({"product_id": orders["product_id"].unique()}).assign(title="thing")
    return Store("bars", products, orders)


def test_keys_never_merge_series() -> None:
    pairs = [("a|b", "c"), ("a", "b|c"), ("a|", "|c"), ("a||", "c"), ("a\\", "b|c"), ("a\\|b", "c"), ("p\\q", "c")]
    made = make_panel(two_keys(pairs), by=("product_id", "shelf"), begin="sale")
    assert made["unique_id"].nunique() == len(pairs) == len(made)
    found = split_id(made["unique_id"], ("product_id", "shelf"))
    pd.testing.assert_frame_equal(found, made[["product_id", "shelf"]], check_dtype=False)
    units = dict(zip(zip(made["product_id"], made["shelf"], strict=True), made["y"], strict=True))
    assert units == {pair: 10.0**k for k, pair in enumerate(pairs)}
    # What ordinary stores hold stays as it was, and a single key is never escaped.
    assert join_id(pd.DataFrame({"a": ["mug", "TEE/RED/M", "p\\q"], "b": ["N", 7, 1.5]})).tolist() == [
        "mug|N",
        "TEE/RED/M|7",
        "p\\q|1.5",
    ]
    assert set(make_panel(two_keys(pairs), by="product_id", begin="sale")["unique_id"]) == {name for name, _ in pairs}
    assert split_id(["a|b"], "product_id")["product_id"].tolist() == ["a|b"]
    with pytest.raises(DataError, match="3 parts, and 2 keys") as caught:
        split_id(["a|b", "a|b|c"], ["x", "y"])
    assert caught.value.rows == [2]


@given(st.lists(st.lists(st.text("a|\\", max_size=5), min_size=2, max_size=2), min_size=1, max_size=8))
def test_any_keys_come_back(rows: list[list[str]]) -> None:
    keys = pd.DataFrame(rows, columns=["x", "y"], dtype=object)
    pd.testing.assert_frame_equal(split_id(join_id(keys), ["x", "y"]), keys, check_dtype=False)


def test_keys_that_differ_by_type_or_by_spaces() -> None:
    spaced = make_panel(two_keys([("p", "A"), ("p", "A ")]), by=("product_id", "shelf"), begin="sale")
    assert spaced["unique_id"].tolist() == ["p|A", "p|A "] and spaced["y"].tolist() == [1, 10]
    with pytest.raises(DataError, match="written alike") as caught:
        make_panel(two_keys([("p", 1), ("p", "1")]), by=("product_id", "shelf"), begin="sale")
    assert "p|1" in str(caught.value)
    numbers = make_panel(two_keys([("p", 9), ("p", 10)]), by="shelf", begin="sale")
    assert numbers["unique_id"].tolist() == ["10", "9"] and check_panel(numbers)[0].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"begin": "foo"}, "unknown begin.*launch or sale"),
        ({"fill": 0}, "unknown fill.*zero or nan"),
        ({"first": "x"}, "unknown first.*keep or drop"),
        ({"by": None}, "by names the columns"),
        ({"by": 7}, "by names the columns"),
        ({"by": ()}, "by names the columns"),
        ({"by": ("product_id", "product_id")}, "by names the columns"),
        ({"ahead": -1}, "ahead counts whole periods"),
        ({"ahead": 1.5}, "ahead counts whole periods"),
        ({"ahead": "4"}, "ahead counts whole periods"),
        ({"start": "x"}, "start is not a date"),
        ({"end": pd.NaT}, "end is not a date"),
        ({"start": "2199-01-01"}, "start lies after the last period"),
    ],
)
def test_a_slip_gets_a_sentence(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(DataError, match=f"(?s){says}"):
        make_panel(make_shop(), **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", ["tiny", pd.DataFrame({"order_id": ["1"]}), None])
def test_a_panel_is_made_of_a_store(wrong: object) -> None:
    with pytest.raises(DataError, match="make_panel needs a store"):
        make_panel(wrong)  # type: ignore[arg-type]


def test_what_a_panel_says_of_itself_is_read_as_people_write_it() -> None:
    single = pd.DataFrame({"unique_id": ["a", "b"], "ds": pd.to_datetime(["2024-01-01", "2024-01-01"])})
    single.attrs["freq"] = "weekly"
    assert frequency(single) == "W-MON"


def test_net_units_leave_out_what_came_back() -> None:
    """Seven units in three weeks, of which four came back; series and weeks stay as they are."""
    days = pd.to_datetime(["2024-01-01", "2024-01-03", "2024-01-15", "2024-01-20", "2024-01-21"])
    lines = pd.DataFrame({"order_id": list("abcde"), "product_id": list("mmmmn"), "ordered_at": days})
    lines = lines.assign(quantity=[2, 1, 1, 1, 2], unit_price=[5.0, 4.0, 3.0, 3.0, 9.0], customer_id=list("xyxzx"))
    lines["returned"] = [True, False, False, False, True]
    shop = Store("back", pd.DataFrame({"product_id": ["m", "n"], "title": ["mug", "nest"]}), lines)
    gross, net = make_panel(shop), make_panel(shop, returns="net")
    assert gross["y"].tolist() == [3, 0, 2, 2] and net["y"].tolist() == [1, 0, 2, 0]
    pd.testing.assert_frame_equal(gross[["unique_id", "ds"]], net[["unique_id", "ds"]])
    assert net["orders"].tolist() == [1, 0, 2, 0] and net["customers"].tolist() == [1, 0, 2, 0]
    assert net["price_paid"].tolist()[:3] == [4.0, 4.0, 3.0] and np.isnan(net["price_paid"].iloc[3])
    with pytest.raises(DataError, match="unknown returns"):
        make_panel(shop, returns="both")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="nothing is known of returns"):
        make_panel(dataclasses.replace(shop, orders=lines.drop(columns="returned")), returns="net")
