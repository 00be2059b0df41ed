"""What is done with an export's values: numbers, dates, returns, copies, joins, and every reading that is refused."""

from __future__ import annotations

import gzip
from pathlib import Path

import lookalike
import pandas as pd
import pytest

from ecomlib.errors import DataError
from ecomlib.stores.export import Made, make_store, propose, read_export, read_mapping, stack
from ecomlib.stores.export.mapping import ExportMapping, Part
from ecomlib.stores.export.states import CANCELLED, RETURNED, SALES, is_state
from ecomlib.stores.export.values import clocks, moments

HEADER = "order_id,sku,name,order_date,quantity,unit price,status\n"


def refuse(problem: str, bad: pd.Series, remedy: str) -> DataError:
    return DataError(problem, rows=[int(row) for row in bad.index[bad]], remedy=remedy)


def make(folder: Path, text: str, **changes: object) -> Made:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "export.csv").write_text(text, encoding="utf-8")
    stacks = stack(read_export([folder]))
    mapping = propose(stacks).mapping
    return make_store(stacks, ExportMapping(**{**vars(mapping), **changes}), "shop")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "kind", ["utf-8", "bom", "utf-16", "no mark", "cp1252", "tab", "bar", "title", "gz", "parquet", "xlsx"]
)
def test_every_form_of_a_file_gives_the_same_table(kind: str, tmp_path: Path) -> None:
    rows = [["Größe", "Preis", "SKU"], ["Löffel, groß", "1234.5", "0815"], ['die "blaue" Tasse', "2.25", "0816"]]

    def text(sign: str) -> str:
        def cell(word: str) -> str:
            return '"' + word.replace('"', '""') + '"' if any(mark in word for mark in (sign, '"')) else word

        return "".join(sign.join(map(cell, row)) + "\n" for row in rows)

    name, plain = "export.csv", text(",").encode()
    frame = pd.DataFrame(rows[1:], columns=rows[0])
    if kind in ("parquet", "xlsx"):
        frame["Preis"] = frame["Preis"].astype(float)
        frame["SKU"] = rows[1][2], rows[2][2] = "K0815", "K0816"
        name = f"export.{kind}"
        if kind == "parquet":
            frame.to_parquet(tmp_path / name)
        else:
            lookalike.write_workbook(tmp_path / name, {"Orders": frame})
    else:
        data = {
            "bom": b"\xef\xbb\xbf" + plain,
            "utf-16": text(";").encode("utf-16"),
            "no mark": text("\t").encode("utf-16-le"),
            "cp1252": b"sep=;\r\n" + text(";").encode("cp1252"),
            "tab": text("\t").encode(),
            "bar": text("|").encode(),
            "title": b"Our shop's export\n\n" + plain,
            "gz": gzip.compress(plain),
        }.get(kind, plain)
        name += ".gz" if kind == "gz" else ""
        (tmp_path / name).write_bytes(data)
    (table,) = read_export([tmp_path / name])
    assert table.frame.columns.tolist() == rows[0]
    assert table.frame.to_numpy().tolist() == rows[1:]
    assert bool(table.notes) == (kind in ("utf-16", "no mark", "cp1252", "title"))


@pytest.mark.parametrize("encoding", ["cp1250", "iso-8859-2", "cp1252"])
def test_the_letters_of_central_europe_and_of_the_west_are_told_apart(encoding: str, tmp_path: Path) -> None:
    west = "Größe (m³);¿Qué tal?;Crème brûlée, 5 £;Ærø, 30 m² wæ"
    east = "Sprzedaż;Żółte łódki;Mąka żytnia;Wartość gęś"
    words = west if encoding == "cp1252" else east
    (tmp_path / "a.csv").write_bytes(f"{words}\n{words}\n".encode(encoding))
    (table,) = read_export([tmp_path])
    assert list(table.frame.columns) == words.split(";")


def test_a_polish_till_is_read_by_its_names(tmp_path: Path) -> None:
    head = "Data sprzedaży;Nr paragonu;Typ dok.;Kod towaru;Nazwa towaru;Ilość;J.m.;Cena brutto;Stawka VAT;Grupa;Sklep\n"
    rows = [
        f"{n % 28 + 1:02d}.03.2024;{n}/24;PA;0{n % 5};Mleko {n % 5};{n % 2 + 1},000;szt;3,49;5%;Nabiał;S{n % 2}"
        for n in range(60)
    ]
    (tmp_path / "a.csv").write_bytes((head + "\n".join(rows) + "\nRazem;;;;;90,000;;;;;\n").encode("cp1250"))
    stacks = stack(read_export([tmp_path]))
    proposal = propose(stacks)
    assert proposal.open() == []
    assert proposal.mapping.lines.columns == {
        "order_id": "Nr paragonu",
        "product_id": "Kod towaru",
        "title": "Nazwa towaru",
        "ordered_at": "Data sprzedaży",
        "quantity": "Ilość",
        "unit_price": "Cena brutto",
        "unit": "J.m.",
        "region_id": "Sklep",
        "status": "Typ dok.",
        "category": "Grupa",
    }
    orders = make_store(stacks, proposal.mapping, "shop").store.orders
    assert (len(orders), orders["quantity"].sum(), orders["unit_price"].unique().tolist()) == (60, 90, [3.49])


@pytest.mark.parametrize(
    ("words", "dates", "right"),
    [
        (["2023-01-02 08:11:00 -0500", "2023-07-02 08:11:00 -0400"], "", "2023-01-02 08:11"),
        (["2023-01-02T08:11:00.000Z", "2023-01-03"], "", "2023-01-02 08:11"),
        (["20230102", "20231231"], "", "2023-01-02"),
        (["2.1.23 08:11", "30.1.23 09:00"], "", "2023-01-02 08:11"),
        (["02.01.2023", "03.01.2023"], "", "2023-01-02"),
        (["1/2/23, 8:11 PM", "1/31/23, 12:05 AM"], "", "2023-01-02 20:11"),
        (["02/01/2023", "03/02/2023"], "day-first", "2023-01-02"),
        (["02/01/2023", "03/02/2023"], "month-first", "2023-02-01"),
        (["Jan 2, 2023 8:11:05 AM PST", "Dec 31, 2023 1:00:00 PM PST"], "", "2023-01-02 08:11:05"),
        (["2 janv. 2023 08:11:05 UTC", "28 août 2023 01:00:00 UTC"], "", "2023-01-02 08:11:05"),
        (["Mon, 2 Jan 2023", "Tue, 3 Jan 2023"], "", "2023-01-02"),
        (["Jan-02-23", "Feb-03-23"], "", "2023-01-02"),
        (["02-MÄR-2023", "03-DEZ-2023"], "", "2023-03-02"),
        (["44928.5", "44929"], "", "2023-01-02 12:00"),
        (["1672617600", "1672704000"], "", "2023-01-02"),
    ],
)
def test_dates_of_many_forms(words: list[str], dates: str, right: str) -> None:
    found, _ = moments(pd.Series(words, dtype=object), None, dates, refuse)
    assert found.iloc[0] == pd.Timestamp(right) and found.notna().all()


@pytest.mark.parametrize(
    ("word", "zoned"),
    [
        ("02-01-2024", False),
        ("02-01-2024 08:11", False),
        ("2024-01-02 08:11:00 -0500", True),
        ("2024-01-02T08:11:00.000Z", True),
        ("2024-01-02T08:11+01:00", True),
        ("Jan 2, 2024 8:11:05 AM PST", True),
    ],
)
def test_a_time_zone_is_named_where_there_is_one(word: str, zoned: bool) -> None:
    _, notes = moments(pd.Series([word], dtype=object), None, "day-first", refuse)
    assert any("time zone" in note for note in notes) == zoned


@pytest.mark.parametrize(
    ("form", "currency"), [("€ {}", "EUR"), ("{} zł", "PLN"), ("{} SEK", "SEK"), ("${}", ""), ("{}", "")]
)
def test_the_currency_stands_beside_the_prices(form: str, currency: str, tmp_path: Path) -> None:
    rows = "".join(f"O{n},1,Mug,2023-01-{n + 1:02d},1,{form.format('5.00')},paid\n" for n in range(5))
    store = make(tmp_path, HEADER + rows).store
    assert store.currency == currency and store.orders["unit_price"].eq(5.0).all()
    made = make(tmp_path, HEADER + rows + "O9,1,Mug,2023-02-01,1,£4.00,paid\n" * 2)
    assert made.store.currency == "" and ("currency" in made.store.orders) == bool(currency)


def test_dates_that_cannot_be_told_are_refused() -> None:
    for words, said in (
        (["03/04/2011", "05/06/2011"], "--dates day-first"),
        (["13/04/2011", "04/13/2011"], "two formats"),
        (["30.02.2023", "01.02.2023"], "no such date"),
        (["soon", "2023-02-01"], "not a date"),
    ):
        with pytest.raises(DataError, match=said):
            moments(pd.Series(words, dtype=object), None, "", refuse)


def test_a_time_of_its_own() -> None:
    clock = clocks(pd.Series(["09:12:33", "9:05 PM", "091500", "0.5", None], dtype=object), refuse)
    assert clock.tolist() == [" 09:12:33", " 21:05:00", " 09:15:00", " 12:00:00", ""]
    with pytest.raises(DataError, match="not a time of day"):
        clocks(pd.Series(["25:75"], dtype=object), refuse)
    with pytest.raises(DataError, match="not a date"):
        moments(pd.Series(["2023-01-02 25:75"], dtype=object), None, "", refuse)


def test_returns_and_cancellations_are_counted_and_marked(tmp_path: Path) -> None:
    rows = (
        "A,1,Mug,2023-01-02,2,5.00,paid\nA,2,Cup,2023-01-02,1,3.00,paid\nB,1,Mug,2023-01-20,1,5.00,cancelled\n"
        "A,1,Mug,2023-02-02,-2,5.00,paid\nC,2,Cup,2023-02-03,-4,3.00,paid\nD,2,Cup,2023-02-04,1,3.00,refunded\n"
        "E,2,Cup,2023-02-05,0,3.00,paid\nF,,,2023-02-06,1,4.00,paid\nG,2,Cup,2023-02-07,1,-3.00,paid\n"
    )
    made = make(tmp_path, HEADER + rows)
    orders = made.store.orders
    assert orders["order_id"].tolist() == ["A", "A", "D"]
    assert orders["returned"].tolist() == [True, False, True]
    counts = {why.split(" (")[0]: count for why, count in made.left_out}
    assert counts == {
        "rows without a product": 1,
        "lines whose state says cancelled, void or failed": 1,
        "rows with a quantity of 0": 1,
        "rows of returns or refunds": 2,
        "rows with a negative price": 1,
    }


def test_states_in_several_languages() -> None:
    values = pd.Series(
        [
            "Storniert",
            "annulée",
            "wc-cancelled",
            "Partially refunded",
            "Erstattung",
            "Rückerstattet",
            "Ordered",
            "Order",
        ]
    )
    assert is_state(values, CANCELLED, ()).tolist() == [True] * 3 + [False] * 5
    assert is_state(values, RETURNED, ()).tolist() == [False] * 4 + [True] * 2 + [False] * 2
    assert is_state(values, SALES, ()).tolist() == [False] * 7 + [True]
    assert is_state(pd.Series(["ZX", "zy"]), CANCELLED, ("Zx",)).tolist() == [True, False]


@pytest.mark.parametrize(("name", "total"), [("price", True), ("price", False), ("amount", False), ("total", True)])
def test_values_tell_a_line_total_from_a_unit_price(name: str, total: bool, tmp_path: Path) -> None:
    lines = [
        f"O{n},P{n % 5},Thing {n % 5},2023-01-{n % 28 + 1:02d},{n % 4 + 1},"
        f"{(n % 5 + 1) * 2.5 * ((n % 4 + 1) if total else 1)}"
        for n in range(60)
    ]
    made = make(tmp_path, f"order_id,sku,name,date,quantity,{name}\n" + "\n".join(lines) + "\n")
    orders = made.store.orders
    assert (orders["unit_price"] == (orders["product_id"].str[1:].astype(int) + 1) * 2.5).all()


def test_the_files_decide_on_the_decimal_sign_or_a_word_does(tmp_path: Path) -> None:
    head = "Belegnr;Artikelnr;Bezeichnung;Datum;Menge;Einzelpreis{}\n"
    unclear = "1;A;Tasse;31.01.2023;2;1.290{}\n2;B;Topf;30.01.2023;1;12.990{}\n"
    with pytest.raises(DataError, match="--decimal point"):
        make(tmp_path / "a", head.format("") + unclear.format("", ""))
    for word, price in (("comma", 1290.0), ("point", 1.29)):
        made = make(tmp_path / word, head.format("") + unclear.format("", ""), decimal=word)
        assert made.store.orders.set_index("order_id")["unit_price"]["1"] == price
    told = make(tmp_path / "b", head.format(";MwSt") + unclear.format(";245,10", ";2.468,10"))
    assert told.store.orders.set_index("order_id")["unit_price"]["1"] == 1290.0


def test_quantities_with_three_decimals_are_no_thousands(tmp_path: Path) -> None:
    made = make(
        tmp_path, "VBELN;MATNR;ARKTX;ERDAT;KWMENG;NETPR\n1;A;Mug;20230105;2,000;4,50\n2;A;Mug;20230106;12,000;4,50\n"
    )
    assert made.store.orders["quantity"].tolist() == [2, 12]


def test_fractions_are_refused_with_the_unit_to_change_to(tmp_path: Path) -> None:
    rows = HEADER + "A,1,Rice,2023-01-02,1.5,4.00,paid\nB,1,Rice,2023-01-22,0.25,4.00,paid\n"
    with pytest.raises(DataError, match="quantity_times = 1000"):
        make(tmp_path / "a", rows)
    orders = make(tmp_path / "b", rows, quantity_times=1000.0).store.orders
    assert orders["quantity"].tolist() == [1500, 250] and orders["unit_price"].tolist() == [0.004, 0.004]


def test_overlapping_exports_count_once_and_a_line_twice_in_one_file_twice(tmp_path: Path) -> None:
    january = (
        HEADER + "A,1,Mug,2023-01-02,2,5.00,paid\nB,1,Mug,2023-01-31,1,5.00,paid\nB,1,Mug,2023-01-31,1,5.00,paid\n"
    )
    february = (
        HEADER + "B,1,Mug,2023-01-31,1,5.00,paid\nB,1,Mug,2023-01-31,1,5.00,paid\nA,1,Mug,2023-02-02,2,5.00,paid\n"
    )
    (tmp_path / "2023-01.csv").write_text(january, encoding="utf-8")
    (tmp_path / "2023-02.csv").write_text(february, encoding="utf-8")
    stacks = stack(read_export([tmp_path]))
    made = make_store(stacks, propose(stacks).mapping, "shop")
    assert made.store.orders["order_id"].tolist() == ["A", "B", "B", "A"]
    assert made.left_out == [("lines that an earlier file holds too", 2)]


def test_a_value_that_cannot_be_read_is_named_with_its_file_and_row(tmp_path: Path) -> None:
    rows = HEADER + "A,1,Mug,2023-01-02,2,5.00,paid\nB,1,Mug,2023-01-20,two,5.00,paid\n"
    with pytest.raises(DataError, match=r"table 'export.csv', column 'quantity', row 2: text where a number .*'two'"):
        make(tmp_path, rows + "C,1,Mug,2023-01-20,1,5.00,paid\n" * 8)


def test_the_most_frequent_title_wins_and_a_title_names_a_product_without_a_code(tmp_path: Path) -> None:
    rows = "A,1,Mug,2023-01-02,2,5.00,x\nB,1,Mug,2023-01-20,1,5.00,x\n"
    rows += "C,1,MUG old,2023-01-21,1,5.00,x\nD,,Gift card,2023-01-21,1,9.00,x\n"
    products = make(tmp_path, HEADER + rows).store.products
    assert dict(zip(products["product_id"], products["title"], strict=True)) == {"1": "Mug", "Gift card": "Gift card"}


def test_an_order_list_needs_lines(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("colour,shape\nred,round\nblue,square\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"order line|lines|row a line"):
        stacks = stack(read_export([tmp_path]))
        make_store(stacks, propose(stacks).mapping, "shop")
    with pytest.raises(DataError, match="no such file"):
        read_export([tmp_path / "nowhere.csv"])
    (tmp_path / "page.csv").write_text("<html></html>", encoding="utf-8")
    with pytest.raises(DataError, match="web page"):
        read_export([tmp_path / "page.csv"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[lines", "not TOML"),
        ('[lines]\ncolour = "x"\n', "no meaning for 'colour'"),
        ('[lines]\norder_id = ["a", "b"]\n', "must name one column"),
        ('dates = "european"\n[lines]\norder_id = "a"\n', "no such choice"),
        ('[orders]\nkey = "a"\n', r"no \[lines\]"),
        ('[lines]\norder_id = "a"\n[orders]\nordered_at = "b"\n', "names no key"),
        ('quantity_times = 0\n[lines]\norder_id = "a"\n', "above zero"),
    ],
)
def test_a_mapping_file_that_is_wrong_is_explained(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "mapping.toml").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=said):
        read_mapping(tmp_path / "mapping.toml")


def test_a_mapping_that_does_not_fit_the_export_names_the_column(tmp_path: Path) -> None:
    (tmp_path / "export.csv").write_text(HEADER + "A,1,Mug,2023-01-02,2,5.00,paid\n", encoding="utf-8")
    columns = {
        "order_id": "order_id",
        "title": "name",
        "ordered_at": "order_date",
        "quantity": "qty",
        "unit_price": "unit price",
    }
    with pytest.raises(DataError, match=r"'qty'.*the columns are order_id, sku"):
        make_store(stack(read_export([tmp_path])), ExportMapping(Part((), columns)), "shop")


def test_lines_of_one_currency_are_taken_as_the_note_says(tmp_path: Path) -> None:
    head = "order_id,sku,name,order_date,quantity,unit price,money\n"
    rows = "".join(f"O{n},1,Mug,2023-01-{n + 1:02d},1,5.00,{'SEK' if n < 2 else 'EUR'}\n" for n in range(5))
    (tmp_path / "export.csv").write_text(head + rows, encoding="utf-8")
    stacks = stack(read_export([tmp_path]))
    columns = {**propose(stacks).mapping.lines.columns, "currency": "money"}
    both = make_store(stacks, ExportMapping(Part((), columns)), "shop")
    (said,) = (note for note in both.notes if note.startswith("currency"))
    assert "[keep] with 'money' = ['EUR'] in the mapping file" in said
    (tmp_path / "mapping.toml").write_text(
        "[lines]\n"
        + "".join(f'{role} = "{column}"\n' for role, column in columns.items())
        + "[keep]\n'money' = ['EUR']\n"
    )
    one = make_store(stacks, read_mapping(tmp_path / "mapping.toml"), "shop").store
    assert len(one.orders) == 3 and one.currency == "EUR"


def test_what_becomes_of_each_state_is_said(tmp_path: Path) -> None:
    rows = "".join(
        f"{n},1,Mug,2023-01-{n:02d},1,5.00,{state},{item},{trial}\n"
        for n, (state, item, trial) in enumerate(
            [
                ("paid", "shipped", ""),
                ("paid", "Cancelled", ""),
                ("on-hold", "shipped", ""),
                ("voided", "", ""),
                ("partially_refunded", "shipped", ""),
                ("refunded", "shipped", ""),
                ("test", "shipped", ""),
                ("paid", "shipped", "true"),
                ("paid", "tested", ""),
            ],
            start=1,
        )
    )
    made = make(tmp_path, HEADER.replace("status", "status,packing note,test order") + rows)
    assert made.store.orders["order_id"].tolist() == ["1", "2", "3", "5", "6", "9"]
    assert made.store.orders["returned"].tolist() == [False] * 4 + [True, False]
    assert dict(made.left_out) == {
        "lines of test orders": 1,
        "lines whose state says test": 1,
        "lines whose state says cancelled, void or failed": 1,
    }
    said = " ".join(made.notes)
    assert "kept as sales are paid (3), on-hold (1), partially_refunded (1)" in said
    assert "1 lines are kept and marked as returned" in said
    assert "'packing note' says Cancelled on 1 lines that are kept" in said


def test_units_of_a_line_that_came_back_or_were_cancelled(tmp_path: Path) -> None:
    head = "order_id,parent_item_id,sku,name,order_date,qty_ordered,qty_canceled,qty_refunded,price\n"
    rows = (
        "A,,1,Mug,2023-01-02,5,0,2,4.00\nA,7,2,Part of the mug,2023-01-02,5,0,0,0.00\nB,,1,Mug,2023-01-20,3,1,0,4.00\n"
        "C,,1,Mug,2023-01-21,2,2,0,4.00\nD,,1,Mug,2023-01-22,2,0,2,4.00\n"
    )
    made = make(tmp_path, head + rows)
    orders = made.store.orders[["order_id", "quantity", "unit_price", "returned"]]
    assert sorted(orders.itertuples(index=False, name=None)) == [
        ("A", 2, 4.0, True),
        ("A", 3, 4.0, False),
        ("B", 2, 4.0, False),
        ("D", 2, 4.0, True),
    ]
    assert dict(made.left_out) == {
        "parts of another line (variants, bundles) without a price of their own": 1,
        "lines of which all units were cancelled": 1,
    }
    said = " ".join(made.notes)
    assert "3 cancelled units were taken off 2 lines" in said and "units of 2 lines came back" in said


def test_a_name_that_differs_from_line_to_line_of_a_product_is_not_its_title(tmp_path: Path) -> None:
    lines = [
        f"SO{n},{n % 9 + 1}/{n % 27 + 1}/2023,Customer {n % 7},P{n % 3},Thing {n % 3},{n % 4 + 1},{n % 3 + 2}.50"
        for n in range(60)
    ]
    (tmp_path / "export.csv").write_text(
        "Document Number,Date,Name,Item,Description,Quantity,Item Rate\n" + "\n".join(lines), encoding="utf-8"
    )
    columns = propose(stack(read_export([tmp_path]))).mapping.lines.columns
    assert (columns["title"], columns["product_id"]) == ("Description", "Item")
