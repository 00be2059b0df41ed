"""What an export's lines are worth: discounts, variants below their parents, units that came back, two downloads."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_export_make import make

from ecomlib.errors import DataError
from ecomlib.stores.export import propose, read_export, stack
from ecomlib.stores.export.amounts import downloaded_twice, variants
from ecomlib.stores.export.states import states

DAYS = [f"2024-{n % 12 + 1:02d}-{n % 28 + 1:02d}" for n in range(60)]


def columns(folder: Path) -> dict[str, str]:
    return dict(propose(stack(read_export([folder]))).mapping.lines.columns)


@pytest.mark.parametrize("form", ["total after", "unknown total", "amount", "per cent", "taken off already"])
def test_the_price_is_what_was_paid(form: str, tmp_path: Path) -> None:
    """Every fifth line has ten per cent off; the price of product n is n + 10."""
    heads = {
        "total after": "Unit price,Line total",
        "unknown total": "Unit price,Zxy",
        "amount": "Unit price,Line discount",
        "per cent": "Unit price,Rabatt %",
        "taken off already": "Unit price,Line discount",
    }
    rows, right = [], []
    for n, day in enumerate(DAYS):
        price, count, off = n % 4 + 10.0, n % 3 + 1, 10 if n % 5 == 0 else 0
        paid = round(price * (100 - off) / 100, 2)
        after, amount = round(paid * count, 2), round(price * count * off / 100, 2)
        cells = {
            "total after": f"{price:.2f},{after:.2f}",
            "unknown total": f"{price:.2f},{after:.2f}",
            "amount": f"{price:.2f},{amount:.2f}",
            "per cent": f"{price:.2f},{off}",
            "taken off already": f"{paid:.2f},{amount:.2f}",
        }
        rows.append(f"O{n:02d},P{n % 4},Thing {n % 4},{day},{count},{cells[form]}")
        right.append(paid)
    text = f"Order no,SKU,Name,Order date,Qty,{heads[form]}\n" + "\n".join(rows) + "\n"
    orders = make(tmp_path, text).store.orders.sort_values("order_id")
    assert orders["unit_price"].tolist() == pytest.approx(right)
    assert ("line_total" in columns(tmp_path)) == (form in ("total after", "unknown total"))


def test_a_variant_below_its_parent_counts_once_and_a_gift_counts() -> None:
    import pandas as pd

    def lines(gifts: int) -> pd.DataFrame:
        pairs = [(f"O{n}", "A", 2, price) for n in range(20) for price in ((9.0, 0.0) if n < gifts else (9.0,))]
        return pd.DataFrame(pairs, columns=["order_id", "product_id", "quantity", "unit_price"])

    every, some = lines(20), lines(5)
    assert every[~variants(every)]["unit_price"].tolist() == [9.0] * 20
    assert not variants(some).any()
    alone = every[every["unit_price"] == 0]
    assert not variants(alone).any()


def test_a_row_downloaded_twice_counts_once_where_a_column_names_rows(tmp_path: Path) -> None:
    head = "order_id,line id,sku,name,order_date,quantity,unit price\n"
    rows = [f"O{n // 2},{1000 + n},P{n % 3},Thing,{day},1,5.00\n" for n, day in enumerate(DAYS)]
    made = make(tmp_path / "named", head + "".join(rows + rows[-6:]))
    assert len(made.store.orders) == 60
    assert made.left_out == [("rows that stand there twice, with the same line id", 6)]
    nameless = [row.replace(f",{1000 + n},", ",x,") for n, row in enumerate(rows)]
    made = make(tmp_path / "nameless", head + "".join(nameless + nameless[-6:]))
    assert len(made.store.orders) == 66
    table = stack(read_export([tmp_path / "named"]))[0].frame
    assert downloaded_twice(table, ["order_date"])[1] == "line id"


def test_a_column_of_states_is_known_by_its_values(tmp_path: Path) -> None:
    words = ["SHIPPED", "DELIVERED", "CANCELLED", "RETURNED", "PENDING"]
    rows = [f"O{n},P{n % 3},Thing {n % 3},{day},1,5.00,{words[n % 5]}\n" for n, day in enumerate(DAYS)]
    # Its name says a place, or nothing.
    for name in ("state", "Sendungslage"):
        made = make(tmp_path / name, f"order_id,sku,name,order_date,quantity,unit price,{name}\n" + "".join(rows))
        assert columns(tmp_path / name)["status"] == name
        assert len(made.store.orders) == 48 and made.store.orders["returned"].sum() == 12
    import pandas as pd

    assert states(pd.Series(["Ohio", "Texas", "Void"])) < 0.5 and states(pd.Series(["paid", "shipped"])) == 0.0


@pytest.mark.parametrize("lost", [0, 40])
def test_a_list_of_products_without_leading_zeros_is_joined(lost: int, tmp_path: Path) -> None:
    """A spreadsheet took the zeros of all codes, or of those that have only digits."""
    codes = [f"{n:06d}" if n < 40 + lost else f"A{n:05d}" for n in range(80)]
    rows = [f"O{n},{codes[n]},{DAYS[n % 60]},1,5.00\n" for n in range(80)]
    (tmp_path / "orders.csv").write_text("order_id,sku,order_date,quantity,unit price\n" + "".join(rows))
    bare = [code.lstrip("0") or "0" for code in codes]
    (tmp_path / "articles.csv").write_text(
        "sku,title,cost price\n" + "".join(f"{code},Thing of {n},{n}.50\n" for n, code in enumerate(bare) if n)
    )
    stacks = stack(read_export([tmp_path]))
    mapping = propose(stacks).mapping
    assert mapping.products is not None and mapping.products.key == "sku"
    from ecomlib.stores.export import make_store

    products = make_store(stacks, mapping, "shop").store.products.set_index("product_id")
    assert len(products) == 80
    assert all(products.loc[codes[n], "title"] == f"Thing of {n}" for n in range(1, 80))


@pytest.mark.parametrize("told", [True, False])
def test_kilograms_beside_pieces_are_counted_in_grams_and_say_so(told: bool, tmp_path: Path) -> None:
    head = "order_id,sku,name,order_date,quantity,unit price,list price,U.M.\n"
    rows = (
        "A,1,Mug,2023-01-02,3,4.00,5.00,pcs\nA,2,Rice,2023-01-02,0.250,8.00,9.00,kg\n"
        "B,2,Rice,2023-01-03,2,8.00,9.00,kg\nB,3,Oats,2023-01-04,1,2.00,2.00,kg\n"
        "A,2,Rice,2023-01-05,-0.25,8.00,9.00,kg\nD,4,Cup,2023-01-06,1,3.00,3.00,pcs\n"
    )
    if not told:
        head, rows = head.replace(",U.M.", ""), rows.replace(",pcs", "").replace(",kg", "")
    with pytest.raises(DataError, match="fraction_times = 1000"):
        make(tmp_path / "a", head + rows)
    made = make(tmp_path / "b", head + rows, fraction_times=1000.0)
    orders, products = made.store.orders, made.store.products.set_index("product_id")
    quantities = [3, 250, 2000, 1000 if told else 1, 1]
    assert orders["quantity"].tolist() == quantities
    assert orders["unit_price"].tolist() == [4.0, 0.008, 0.008, 0.002 if told else 2.0, 3.0]
    assert orders["returned"].tolist() == [False, True, False, False, False]
    unit = "g" if told else "1/1000"
    assert products.loc["2", "title"] == f"Rice (in {unit})" and products.loc["1", "title"] == "Mug"
    assert products["list_price"].tolist() == [5.0, 0.009, 0.002 if told else 2.0, 3.0]
    assert made.left_out == [
        ("rows of returns or refunds (250 units; 1 sales they take back are marked as returned)", 1)
    ]
