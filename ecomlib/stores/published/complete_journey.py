"""Makes a Store of The Complete Journey: a grocery chain's households over 2017 (lesson 00, section 6).

Source: B. Boehmke and S. Mortimer (2019), completejourney, R package, CC0; the data are 84.51°'s (a dunnhumby company).
``data/complete_journey.md`` is the datasheet.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from ecomlib.errors import DataError
from ecomlib.stores.published.download import read_tables
from ecomlib.stores.published.ledger import Ledger
from ecomlib.stores.store import Store

__all__ = ["load", "make"]

TABLES = ("transactions", "products", "demographics", "campaigns", "campaign_descriptions")
WHOLE = 1_469_307
"""Lines of the whole study; a file with fewer is a sample."""


def load() -> Store:
    """Load the chain as a Store, from the publisher's files in the data folder (lesson 00, section 6).

    Where the folder holds a sample of the transactions, ``notes["sample"]`` says so: most zeros in a sample's weekly
    series are not real, so no result may be quoted from it.

    Raises
    ------
    DataError
        A file does not hold what the publisher published.
    DownloadError
        The files are not here; the message holds the command that brings them.
    """
    return make(read_tables("complete_journey", *TABLES))


def make(tables: Mapping[str, pd.DataFrame]) -> Store:
    """Make a Store from the study's tables as published: ``TABLES``, with the publisher's column names.

    A product's title is made from its type and package size. ``unit_price`` is what the chain received for one unit, in
    US dollars; the discounts of a line (dollars) stay beside it. ``mailings`` says for each household and each day on
    which a campaign began whether it received one; receivers were chosen by the chain, not at random, so there is no
    propensity. Left out: ``regions`` (the publisher says of a shop only its number, kept in ``shop_id``) and ``prices``
    (a price is known only where something was sold).
    """
    lines = _columns(tables, "transactions", _LINES)
    goods = _columns(
        tables, "products", ("product_id", "department", "product_category", "product_type", "package_size")
    )
    goods = goods.set_index("product_id")
    department = lines["product_id"].map(goods["department"])
    kind = lines["product_id"].map(goods["product_type"])
    ledger = Ledger(lines["quantity"], lines["sales_value"])
    ledger.take(department.isna(), "product not in the product table")
    # A quantity of 17,335 is petrol in thousandths of a gallon, not units in a basket.
    petrol = department.eq("FUEL") | kind.str.startswith("GASOLINE", na=False)
    ledger.take(petrol.fillna(False), "petrol (sold by volume)")
    ledger.take(lines["quantity"] <= 0, "no units")
    ledger.take(lines["sales_value"] <= 0, "no money received")
    sold = lines[ledger.left()].sort_values("transaction_timestamp", kind="stable", ignore_index=True)
    orders = pd.DataFrame(
        {
            "order_id": sold["basket_id"],
            "product_id": sold["product_id"],
            "customer_id": sold["household_id"],
            "ordered_at": sold["transaction_timestamp"].astype("datetime64[ns]"),
            "quantity": sold["quantity"].astype("int64"),
            "unit_price": sold["sales_value"] / sold["quantity"],
            "shop_id": sold["store_id"],
            "loyalty_discount": sold["retail_disc"],
            "coupon_discount": sold["coupon_disc"] + sold["coupon_match_disc"],
        }
    )
    used = goods.loc[orders["product_id"].unique()].rename_axis("product_id").reset_index()
    people = _columns(tables, "demographics", ("household_id",))
    received = _columns(tables, "campaigns", ("campaign_id", "household_id"))
    everyone = pd.concat([orders["customer_id"], people["household_id"], received["household_id"]]).drop_duplicates()
    customers = pd.DataFrame({"customer_id": everyone.sort_values(ignore_index=True)})
    customers = customers.merge(
        people.rename(columns={"household_id": "customer_id"}).astype(object), on="customer_id", how="left"
    )
    notes = {
        "cleaning": ledger.frame(),
        "source": "Boehmke and Mortimer (2019), completejourney, CC0",
        "left_out": "regions (a shop is only a number) and prices (known only where something was sold)",
        "mailings": "receivers were chosen by the chain, not at random",
    }
    if len(lines) < WHOLE:
        notes["sample"] = f"{len(lines):,} of {WHOLE:,} lines: no headline number may be taken from it"
    return Store(
        name="complete_journey",
        products=pd.DataFrame(
            {
                "product_id": used["product_id"],
                "title": _titles(used),
                "category": used["product_category"].astype(object),
            }
        ),
        orders=orders,
        customers=customers,
        mailings=_mailings(
            received, _columns(tables, "campaign_descriptions", ("campaign_id", "start_date")), customers
        ),
        currency="USD",
        notes=notes,
    )


_LINES = (
    "household_id",
    "store_id",
    "basket_id",
    "product_id",
    "quantity",
    "sales_value",
    "retail_disc",
    "coupon_disc",
    "coupon_match_disc",
    "transaction_timestamp",
)


def _columns(tables: Mapping[str, pd.DataFrame], table: str, needed: tuple[str, ...]) -> pd.DataFrame:
    """One table with its identifiers as plain text; the Python edition has them as numbers, the R one as text."""
    frame = tables[table]
    for column in needed:
        if column not in frame.columns:
            raise DataError(
                "the publisher's table has no such column",
                table=f"complete_journey {table}",
                column=column,
                remedy="fetch the data again with: ecomlib data fetch complete_journey",
            )
    return frame.assign(**{c: frame[c].astype(str) for c in frame.columns if c.endswith("_id")})


def _titles(goods: pd.DataFrame) -> pd.Series:
    kind = goods["product_type"].astype(object).where(goods["product_type"].notna(), goods["department"])
    size = goods["package_size"].astype(object).where(goods["package_size"].notna(), "")
    return (kind.astype(str) + " " + size.astype(str)).str.strip()


def _mailings(received: pd.DataFrame, campaigns: pd.DataFrame, customers: pd.DataFrame) -> pd.DataFrame:
    start = campaigns["start_date"]
    # R counts days since 1970; the Python edition has dates.
    days = pd.to_datetime(start, unit="D") if pd.api.types.is_numeric_dtype(start) else pd.to_datetime(start)
    begun = campaigns.assign(date=days.astype("datetime64[ns]"))[["campaign_id", "date"]]
    treated = received.merge(begun, on="campaign_id")[["household_id", "date"]].drop_duplicates()
    treated = treated.rename(columns={"household_id": "customer_id"}).assign(treated=True)
    grid = customers[["customer_id"]].merge(begun[["date"]].drop_duplicates(), how="cross")
    grid = grid.merge(treated, on=["customer_id", "date"], how="left")
    grid["treated"] = grid["treated"].notna()
    return grid.sort_values(["date", "customer_id"], ignore_index=True)
