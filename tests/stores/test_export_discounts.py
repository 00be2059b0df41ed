"""Discounts of lines and orders, in money and percent: the revenue of an export is what was paid."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ecomlib.stores.export import Made, make_store, propose, read_export, stack
from ecomlib.stores.export.discounts import DISCOUNTS
from ecomlib.stores.export.guess import Proposal
from ecomlib.stores.export.mapping import ExportMapping


def made(folder: Path, *files: str, **changes: object) -> tuple[Proposal, Made]:
    for number, text in enumerate(files):
        (folder / f"{number}.csv").write_text(text.lstrip("\n"), encoding="utf-8")
    stacks = stack(read_export([folder]))
    proposal = propose(stacks)
    mapping = ExportMapping(**{**vars(proposal.mapping), **changes})  # type: ignore[arg-type]
    return proposal, make_store(stacks, mapping, "shop")


@dataclass(frozen=True)
class Case:
    name: str
    text: str
    roles: dict[str, str]
    prices: list[float]
    said: str = ""


SHOPIFY = (
    "Name,Created at,Financial Status,Subtotal,Total,Discount Code,Discount Amount,Lineitem quantity,Lineitem name,"
    "Lineitem price,Lineitem sku,Lineitem discount\n"
)
CASES = [
    # 33 of goods, less 3.30 of the order: ten percent of each line.
    Case(
        "Shopify: an order's, on its first line",
        SHOPIFY + "#1,2023-01-02 08:11:00 -0500,paid,29.70,34.70,TEN,3.30,2,Mug,12.00,M,0.00\n"
        "#1,,,,,,,1,Cup,9.00,C,0.00\n#2,2023-01-12 08:11:00 -0500,paid,9.00,14.00,,0.00,1,Cup,9.00,C,0.00\n",
        {"order_discount": "Discount Amount"},
        [10.8, 8.1, 9.0],
    ),
    Case(
        "Shopify: a line's and its order's",
        SHOPIFY + "#1,2023-01-02 08:11:00 -0500,paid,27.00,32.00,TEN,3.00,2,Mug,12.00,M,3.00\n"
        "#1,,,,,,,1,Cup,9.00,C,0.00\n#2,2023-01-12 08:11:00 -0500,paid,9.00,14.00,,0.00,1,Cup,9.00,C,0.00\n",
        {"discount": "Lineitem discount", "order_discount": "Discount Amount"},
        [9.45, 8.1, 9.0],  # (24 - 3) and 9, less a tenth
    ),
    Case(
        "Square: negative, beside gross and net sales",
        "Date,Time,Item,Qty,SKU,Gross Sales,Discounts,Net Sales,Tax,Transaction ID,Event Type\n"
        "01/05/23,09:12:33,Latte,2.0,L,$9.00,$0.00,$9.00,$0.80,t1,Payment\n"
        "01/25/23,09:12:33,Latte,2.0,L,$9.00,-$3.00,$6.00,$0.50,t2,Payment\n",
        {"line_total": "Gross Sales", "discount": "Discounts"},
        [4.5, 3.0],
    ),
    Case(
        "Lightspeed: the subtotal holds it already",
        "Date,Receipt,Line Type,Customer Code,Quantity,Subtotal,Sales Tax,Discount,Total,Details,Status,Sku\n"
        "2023-04-01 10:00:00,55,Sale Line,,2,24.00,2.40,0.00,26.40,Mug,CLOSED,M\n"
        "2023-04-11 10:00:00,56,Sale Line,,1,9.00,0.90,3.00,9.90,Mug,CLOSED,M\n",
        {"line_total": "Subtotal"},
        [12.0, 9.0],
        "not taken off",
    ),
    Case(
        "Rabatt %: Gesamtpreis is what is left",
        "Belegnr;Belegdatum;Artikelnr;Bezeichnung;Menge;Einzelpreis;Rabatt %;Gesamtpreis\n"
        "1;05.01.2023;A;Tasse;10;4,50;10,00;40,50\n1;05.01.2023;B;Topf;1;20,00;;20,00\n2;16.01.2023;A;Tasse;2;4,50;5;8,55\n",
        {"unit_price": "Einzelpreis", "discount_percent": "Rabatt %"},
        [4.05, 20.0, 4.275],
    ),
    Case(
        "Rabatt: in money, without a total",
        "Belegnr;Belegdatum;Artikelnr;Bezeichnung;Menge;Einzelpreis;Rabatt\n"
        "1;05.01.2023;A;Tasse;10;4,50;5,00\n1;05.01.2023;B;Topf;1;20,00;0,00\n2;16.01.2023;A;Tasse;2;4,50;0,00\n",
        {"discount": "Rabatt"},
        [4.0, 20.0, 4.5],
    ),
    Case(
        "Rabatt: a percentage by its values",
        "Belegnr;Belegdatum;Artikelnr;Bezeichnung;Menge;Einzelpreis;Rabatt\n"
        "1;05.01.2023;A;Tasse;10;4,50;50 %\n1;05.01.2023;B;Topf;1;20,00;0 %\n",
        {"discount_percent": "Rabatt"},
        [2.25, 20.0],
    ),
    Case(
        "a percentage under the name of money, told by the total",
        "order_id,sku,name,date,qty,unit_price,discount,line_total\n"
        "1,A,Mug,2023-01-02,2,12.5,20,20.00\n2,A,Mug,2023-01-22,3,12.5,20,30.00\n",
        {"unit_price": "unit_price", "discount_percent": "discount"},
        [10.0, 10.0],
    ),
    Case(
        "each unit's, told by the total",
        "order_id,sku,name,date,qty,unit_price,discount,total\n"
        "1,A,Mug,2023-01-02,2,12.00,1.20,21.60\n2,B,Cup,2023-01-22,3,9.00,1.00,24.00\n",
        {"unit_price": "unit_price", "unit_discount": "discount"},
        [10.8, 8.0],
    ),
    Case(
        "the order's, repeated on each of its lines",
        "order_id,sku,name,date,qty,unit_price,discount\n"
        "1,A,Mug,2023-01-02,2,15,8\n1,B,Cup,2023-01-02,1,10,8\n2,B,Cup,2023-01-22,1,10,0\n",
        {"order_discount": "discount"},
        [12.0, 8.0, 10.0],
    ),
    Case(
        "WooCommerce: the cart's and the coupon's, which is the same",
        "Order Number,Order Date,Cart Discount Amount,SKU,Item Name,Quantity,Item Cost,Discount Amount\n"
        "1,2023-02-01 10:22,6.20,M,Mug,2,11.00,6.20\n1,2023-02-01 10:22,6.20,C,Cup,1,9.00,6.20\n"
        "2,2023-02-13 10:22,0,C,Cup,1,9.00,0\n",
        {"order_discount": "Cart Discount Amount"},
        [8.8, 7.2, 9.0],
    ),
    Case(
        "the price is lower already",
        "order_id,sku,name,date,qty,unit_price,discount\n"
        + "".join(f"{n},A,Mug,2023-01-{n:02d},1,10,0\n{n + 9},A,Mug,2023-02-{n:02d},1,8,2\n" for n in range(1, 5)),
        {"unit_price": "unit_price"},
        [10.0] * 4 + [8.0] * 4,
        "lower already",
    ),
    Case(
        "a line's total that nothing speaks against",
        "order_id,sku,name,date,qty,line total,discount\n1,A,Mug,2023-01-02,2,24,3\n2,B,Cup,2023-01-22,2,18,0\n",
        {"line_total": "line total"},
        [12.0, 9.0],
        "not taken off",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_prices_are_what_was_paid(case: Case, tmp_path: Path) -> None:
    proposal, shop = made(tmp_path, case.text)
    columns = proposal.mapping.lines.columns
    wanted = dict.fromkeys(DISCOUNTS) | case.roles
    assert {role: columns.get(role) for role in wanted} == wanted
    assert shop.store.orders["unit_price"].tolist() == case.prices
    said = " ".join((*proposal.notes, *shop.notes))
    assert (case.said or "were taken off") in said


def test_a_discount_in_the_list_of_orders_is_spread(tmp_path: Path) -> None:
    proposal, shop = made(
        tmp_path,
        "order_id,created_at,discount_amount,total\n1,2023-01-02,5,45\n2,2023-01-22,0,10\n",
        "order_id,sku,name,qty,price\n1,A,Mug,4,10\n1,B,Cup,1,10\n2,B,Cup,1,10\n",
    )
    assert proposal.mapping.orders is not None
    assert proposal.mapping.orders.columns["order_discount"] == "discount_amount"
    assert shop.store.orders["unit_price"].tolist() == [9.0, 9.0, 10.0]
    assert any("5.00 in all, on 2 lines" in note for note in shop.notes)


def test_a_discount_above_the_price_costs_nothing_and_is_said(tmp_path: Path) -> None:
    text = "order_id,sku,name,date,qty,unit_price,discount\n1,A,Mug,2023-01-02,1,5,9\n2,B,Cup,2023-01-22,1,10,1\n"
    _, shop = made(tmp_path, text)
    assert shop.store.orders["unit_price"].tolist() == [0.0, 9.0]
    assert any("1 of them cost nothing" in note for note in shop.notes)


def test_the_mapping_file_has_the_last_word(tmp_path: Path) -> None:
    text = "order_id,sku,name,date,qty,line total,discount\n1,A,Mug,2023-01-02,2,24,3\n2,B,Cup,2023-01-22,2,18,0\n"
    proposal, _ = made(tmp_path, text)
    lines = proposal.mapping.lines
    told = replace(lines, columns={**lines.columns, "discount": "discount"})
    _, shop = made(tmp_path, text, lines=told)
    assert shop.store.orders["unit_price"].tolist() == [10.5, 9.0]
