"""Sums up a store on one screen: what is sold, where, since when, how much, what is missing (lesson 00, section 1)."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import pandas as pd

from ecomlib.stores.returns import returns_sentence
from ecomlib.stores.schema import SCHEMA

if TYPE_CHECKING:
    from ecomlib.stores.store import Store


@dataclass(frozen=True)
class Summary:
    """Hold the questions a stranger asks, each with its answers; prints as text and shows as a table in a notebook."""

    title: str
    answers: tuple[tuple[str, tuple[str, ...]], ...]

    def __str__(self) -> str:
        width = max(len(question) for question, _ in self.answers)
        lines = [self.title]
        for question, answers in self.answers:
            for number, answer in enumerate(answers):
                lines.append(f"  {question if number == 0 else '':<{width}}  {answer}")
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><th scope="row" style="text-align:left;vertical-align:top">{escape(question)}</th>'
            f'<td style="text-align:left">{"<br>".join(map(escape, answers))}</td></tr>'
            for question, answers in self.answers
        )
        caption = f'<caption style="text-align:left"><b>{escape(self.title)}</b></caption>'
        return f"<table>{caption}<tbody>{rows}</tbody></table>"


def summarise(store: Store) -> Summary:
    """Answer them for one store; revenue is quantity times unit price, in the store's currency."""
    orders, products = store.orders, store.products
    money = f" {store.currency}" if store.currency else ""
    revenue = orders["quantity"] * orders["unit_price"]
    units = int(orders["quantity"].sum())
    first, last = orders["ordered_at"].min(), orders["ordered_at"].max()

    sold = [f"{len(products):,} products, {orders['product_id'].nunique():,} of them sold at least once"]
    best = revenue.groupby(orders["product_id"]).sum().nlargest(3)
    titles = products.set_index("product_id")["title"]
    sold += [f"{titles[product]}: {value:,.0f}{money}" for product, value in best.items()]
    if "category" in products:
        shares = _shares(orders["quantity"], orders["product_id"].map(products.set_index("product_id")["category"]))
        sold.append(f"categories by units: {shares}")

    where = ["no regions are recorded"]
    if "region_id" in orders:
        where = [f"{orders['region_id'].nunique():,} regions"]
        names = orders["region_id"]
        if store.regions is not None:
            names = names.map(store.regions.set_index("region_id")["name"]).fillna(names)
        where.append(f"by units: {_shares(orders['quantity'], names)}")

    whom = ["no customers are recorded"]
    if "customer_id" in orders:
        guests = orders["customer_id"].isna().mean()
        whom = [f"{orders['customer_id'].nunique():,} known customers; {guests:.1%} of the lines are guests'"]

    much = [f"{len(orders):,} lines in {orders['order_id'].nunique():,} orders, {units:,} units"]
    much.append(f"{revenue.sum():,.0f}{money} revenue, {revenue.sum() / units:,.2f}{money} a unit")
    returned = returns_sentence(orders, store.currency)
    if returned:
        much.append(returned)

    days = (last.normalize() - first.normalize()).days + 1
    here = dict(store.tables())
    missing = [name for name in SCHEMA if name not in here]
    gaps = [
        f"{table}.{name}: {share:.1%} empty"
        for table, frame in store.tables()
        for name, share in frame.isna().mean().items()
        if share > 0 and name != "customer_id"  # a guest is not a gap
    ]
    return Summary(
        f"The store '{store.name}'",
        (
            ("What is sold", tuple(sold)),
            ("Where", tuple(where)),
            ("To whom", tuple(whom)),
            ("Since when", (f"{first:%Y-%m-%d} to {last:%Y-%m-%d}: {days:,} days, {days // 7:,} full weeks",)),
            ("How much", tuple(much)),
            ("What is there", (", ".join(f"{table} ({len(frame):,})" for table, frame in store.tables()),)),
            ("What is missing", (f"tables: {', '.join(missing) or 'none'}", *gaps[:12])),
        ),
    )


def _shares(units: pd.Series, by: pd.Series, top: int = 4) -> str:
    total = units.groupby(by, dropna=False).sum().sort_values(ascending=False) / units.sum()
    named = [f"{'unknown' if pd.isna(name) else name} {share:.0%}" for name, share in total.head(top).items()]
    rest = total.iloc[top:]
    return ", ".join(named) + (f", {len(rest)} others {rest.sum():.0%}" if len(rest) else "")
