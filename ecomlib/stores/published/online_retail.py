"""Makes a Store of Online Retail II: two years of a British gift shop (lesson 01, section 3).

Source: D. Chen (2019), Online Retail II, UCI Machine Learning Repository 502; its second year alone is UCI 352
(D. Chen, 2015). Both are CC BY 4.0. ``data/online_retail.md`` is the datasheet.
"""

from __future__ import annotations

from collections import defaultdict
from importlib import resources
from typing import Literal

import numpy as np
import pandas as pd

from ecomlib.errors import DataError
from ecomlib.stores.published.download import read_tables
from ecomlib.stores.published.ledger import Ledger
from ecomlib.stores.store import Store

__all__ = ["load", "make", "read_lines", "weekly_sales_lines"]

# The two editions name the same eight columns differently.
_NAMES = {
    "Invoice": "order_id",
    "InvoiceNo": "order_id",
    "StockCode": "product_id",
    "Description": "title",
    "Quantity": "quantity",
    "InvoiceDate": "ordered_at",
    "Price": "unit_price",
    "UnitPrice": "unit_price",
    "Customer ID": "customer_id",
    "CustomerID": "customer_id",
    "Country": "region_id",
}
COLUMNS = ("order_id", "product_id", "title", "quantity", "ordered_at", "unit_price", "customer_id", "region_id")

# Codes that name a service, a fee or a book entry. All other codes name goods, also the few that have no digits.
SERVICES: dict[str, tuple[str, ...]] = {
    "postage and carriage": ("POST", "DOT", "C2", "C3"),
    "manual entry": ("M",),
    "discount": ("D",),
    "sample": ("S",),
    "fee or commission": ("BANK CHARGES", "AMAZONFEE", "CRUK"),
    "book entry": ("B", "ADJUST", "ADJUST2"),
    "gift voucher": ("GIFT", *(f"GIFT_0001_{value}" for value in range(10, 100, 10))),
    "test": ("TEST001", "TEST002"),
}
_NO_WORDS = frozenset({"", "nan", "none", "null", "?", "??", "???"})


def load(years: Literal["both", "2010", "2011"] = "both") -> Store:
    """Load the shop as a Store, from the publisher's files in the data folder (lesson 01, section 3).

    Parameters
    ----------
    years : {"both", "2010", "2011"}
        ``"both"`` (December 2009 to December 2011), ``"2010"`` (the first sheet, to 2010-12-09) or ``"2011"`` (the
        second sheet, which is UCI 352, from 2010-12-01).

    Raises
    ------
    DataError
        ``years`` is not one of the three, or a file does not hold what the publisher published.
    DownloadError
        The files are not here; the message holds the command that brings them.
    """
    if years not in ("both", "2010", "2011"):
        raise DataError("this is not a choice of years", value=years, remedy='use "both", "2010" or "2011".')
    first = read_lines("2010") if years != "2011" else None
    second = read_lines("2011") if years != "2010" else None
    return make(first, second)


def read_lines(year: Literal["2010", "2011"]) -> pd.DataFrame:
    """Read one year as published, under the package's column names, nothing removed: a row a line of an invoice."""
    key = "first" if year == "2010" else "second"
    return _name_columns(read_tables("online_retail", key)[key], f"of {year}")


def _name_columns(frame: pd.DataFrame, source: str) -> pd.DataFrame:
    frame = frame.rename(columns=_NAMES)
    for column in COLUMNS:
        if column not in frame.columns:
            raise DataError(
                f"the file {source} has no such column",
                table="online_retail",
                column=column,
                remedy="fetch the data again with: ecomlib data fetch online_retail",
            )
    return frame[list(COLUMNS)]


def make(first: pd.DataFrame | None, second: pd.DataFrame | None) -> Store:
    """Make a Store from one or both years' lines as published (lesson 01, section 3).

    Parameters
    ----------
    first, second : DataFrame, optional
        Frames with the columns ``COLUMNS`` (or the publisher's names for them); at least one is given.

    Notes
    -----
    ``notes["cleaning"]`` is a frame ``reason, rows, units, revenue`` that begins with what was read and ends with what
    was kept; the rows between were taken away, each for one reason, and sum up exactly. Both files hold the days from
    2010-12-01 to 2010-12-09: lines of the first that are not earlier than the second's first line are taken away.
    A cancellation (``C``) is no purchase: it leaves, and where it can be told which line it cancels (same customer,
    product and price, not later, latest first, and enough units left), that line gets ``returned``,
    ``returned_quantity`` and ``returned_at``. Exact duplicates stay: two like lines in one invoice may be two boxes.
    ``launched_on`` is the first day that a product was seen, which is not always a launch. A title is the most frequent
    description among the product's purchases; ``quantity`` is in units and ``unit_price`` in pounds sterling.
    """
    parts = [_name_columns(part, "given").assign(_first=part is first) for part in (first, second) if part is not None]
    lines = pd.concat(parts, ignore_index=True)
    lines = lines.assign(
        order_id=_mapped(lines["order_id"], _upper),
        product_id=_mapped(lines["product_id"], _upper),
        region_id=_mapped(lines["region_id"], _trimmed),
        customer_id=_mapped(lines["customer_id"], _whole),
        quantity=lines["quantity"].astype("int64"),
        unit_price=lines["unit_price"].astype("float64"),
        ordered_at=lines["ordered_at"].astype("datetime64[ns]"),
    )
    report = Ledger(lines["quantity"], lines["quantity"] * lines["unit_price"])
    if first is not None and second is not None:
        from_second = lines.loc[~lines["_first"], "ordered_at"].min()
        report.take(lines["_first"] & (lines["ordered_at"] >= from_second), "in both years' files")
    service_of = {code: service for service, codes in SERVICES.items() for code in codes}
    service = _mapped(lines["product_id"], service_of.get)
    for words in SERVICES:
        report.take(service == words, f"service code: {words}")
    cancelled = _mapped(lines["order_id"], lambda order: order.startswith("C")).astype(bool) & (lines["quantity"] < 0)
    cancellations = lines[cancelled & report.left()]
    bought = lines[~cancelled & (lines["quantity"] > 0) & (lines["unit_price"] > 0) & report.left()]
    purchase = _find_purchases(cancellations, bought)
    found = cancellations.index[purchase >= 0]
    report.take(lines.index.isin(found), "cancellation, its purchase found")
    report.take(cancelled, "cancellation, its purchase not found")
    report.take(lines["quantity"] <= 0, "stock correction (no units sold)")
    report.take(lines["unit_price"] <= 0, "no price (given away, found or damaged)")

    cancels = cancellations.loc[found].assign(row=purchase[purchase >= 0]).groupby("row")
    orders = bought.drop(columns=["title", "_first"])
    orders["returned_quantity"] = (-cancels["quantity"].sum()).reindex(orders.index, fill_value=0).astype("int64")
    orders["returned"] = orders["returned_quantity"] > 0
    orders["returned_at"] = cancels["ordered_at"].min().reindex(orders.index)
    if not orders["ordered_at"].is_monotonic_increasing:
        orders = orders.sort_values("ordered_at", kind="stable")
    orders = orders[[*_ORDER_COLUMNS]].reset_index(drop=True)
    return Store(
        name="online_retail",
        products=_products(bought),
        orders=orders,
        regions=_regions(orders["region_id"]),
        customers=_customers(orders),
        currency="GBP",
        notes={
            "cleaning": report.frame(),
            "source": "Chen (2019), Online Retail II, UCI 502, CC BY 4.0",
            "launched_on": "the first day a product was seen, which is not always the day of its launch",
            "title": "the most frequent description over the whole period",
        },
    )


_ORDER_COLUMNS = (
    "order_id",
    "product_id",
    "region_id",
    "customer_id",
    "ordered_at",
    "quantity",
    "unit_price",
    "returned",
    "returned_quantity",
    "returned_at",
)


def _find_purchases(cancellations: pd.DataFrame, bought: pd.DataFrame) -> np.ndarray:
    """For each cancellation the index label of the line it cancels, or -1 where that cannot be told."""
    key = ["customer_id", "product_id", "unit_price"]
    result = np.full(len(cancellations), -1, dtype=np.int64)
    known = cancellations.assign(_at=np.arange(len(cancellations)))[cancellations["customer_id"].notna()]
    keys = known[key].drop_duplicates()
    candidates = bought[bought["customer_id"].isin(keys["customer_id"]) & bought["product_id"].isin(keys["product_id"])]
    candidates = (
        candidates.rename_axis("label").reset_index().merge(keys, on=key).sort_values("ordered_at", kind="stable")
    )
    # Units left of each purchase, in order of time: a line of ten may be cancelled twice, by four and by six.
    left: dict[tuple[str, str, float], list[list]] = defaultdict(list)
    columns = [*key, "label", "ordered_at", "quantity"]
    for customer, product, price, label, at, units in candidates[columns].itertuples(index=False):
        left[customer, product, price].append([label, at, units])
    known = known.sort_values("ordered_at", kind="stable")
    for customer, product, price, place, at, units in known[[*key, "_at", "ordered_at", "quantity"]].itertuples(
        index=False
    ):
        for purchase in reversed(left.get((customer, product, price), ())):
            if purchase[1] <= at and purchase[2] >= -units:
                purchase[2] += units
                result[place] = purchase[0]
                break
    return result


def _products(bought: pd.DataFrame) -> pd.DataFrame:
    words = bought.assign(title=_mapped(bought["title"], _words))
    counts = words.groupby(["product_id", "title"]).size().reset_index(name="lines")
    best = counts.sort_values(["product_id", "lines", "title"], ascending=[True, False, True]).drop_duplicates(
        "product_id"
    )
    launched = bought.groupby("product_id")["ordered_at"].min().dt.normalize().rename("launched_on")
    products = launched.reset_index().merge(best[["product_id", "title"]], on="product_id", how="left")
    # A title must be text; a product that was only ever sold without words is named by its code.
    products["title"] = products["title"].where(products["title"].notna(), products["product_id"])
    return products[["product_id", "title", "launched_on"]]


def _regions(used: pd.Series) -> pd.DataFrame:
    # The publisher's word, a readable name, and the capital's place; the two words that name no country have no place,
    # because an invented one would put customers on the map where nobody bought.
    with (resources.files("ecomlib.stores.published") / "data" / "countries.csv").open(encoding="utf-8") as file:
        table = pd.read_csv(file)
    present = set(used.unique())
    unknown = sorted(present - set(table["region_id"]))
    table = table[table["region_id"].isin(present)]
    if unknown:
        added = pd.DataFrame({"region_id": unknown, "name": unknown, "latitude": np.nan, "longitude": np.nan})
        table = pd.concat([table, added])
    return table.reset_index(drop=True)


def _customers(orders: pd.DataFrame) -> pd.DataFrame | None:
    """Each customer with the country of most of its lines (a few bought from two); None where all were guests."""
    counts = orders.groupby(["customer_id", "region_id"]).size().reset_index(name="lines")
    counts = counts.sort_values(["customer_id", "lines", "region_id"], ascending=[True, False, True])
    customers = counts.drop_duplicates("customer_id")[["customer_id", "region_id"]].reset_index(drop=True)
    return customers if len(customers) else None


def weekly_sales_lines(store: Store) -> pd.DataFrame:
    """Take the order lines of protocol W: stock codes of five digits and optional letters (lesson 01, section 4).

    Cancellations, lines without units or without a price, and the days that both files hold have left already.
    """
    codes = pd.Series(store.orders["product_id"].unique())
    goods = codes[codes.str.fullmatch(r"\d{5}[A-Z]*")]
    return store.orders[store.orders["product_id"].isin(goods)]


def _mapped(column: pd.Series, function) -> pd.Series:  # type: ignore[no-untyped-def]
    """A function of each distinct value, where a million lines hold a few thousand; missing stays missing."""
    codes, values = pd.factorize(column)
    words = np.array([function(value) for value in values] + [None], dtype=object)
    return pd.Series(words[codes], index=column.index, name=column.name)


def _whole(value: object) -> str | None:
    """An identifier as text: 17850.0 and 17850 are both "17850"; the word "nan" is no customer."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        value = int(value)
    word = str(value).strip()
    return None if word.lower() in _NO_WORDS else word


def _upper(value: object) -> str:
    return (_whole(value) or "").upper()


def _trimmed(value: object) -> str:
    return str(value).strip()


def _words(value: object) -> str | None:
    word = " ".join(str(value).split())
    return None if word.lower() in _NO_WORDS else word
