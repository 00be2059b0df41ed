"""What may hold a table: compressed files, folders of parts, titles above the header, and marks of other systems."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from own_shop import text, write_shop

from ecomlib.stores.folder.read_write import check, read


def zipped(*names: str) -> Callable[[bytes], bytes]:
    def pack(data: bytes) -> bytes:
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w") as archive:
            for name in names:
                archive.writestr(name, data)
        return held.getvalue()

    return pack


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("orders.csv.gz", gzip.compress),
        ("Orders.CSV.GZ", gzip.compress),
        ("orders.gz", gzip.compress),
        ("orders.csv.bz2", bz2.compress),
        ("orders.csv.xz", lzma.compress),
        ("orders.zip", zipped("export of May.csv")),
        ("orders.csv.zip", zipped("x/orders.csv", "__MACOSX/x/._orders.csv", ".DS_Store")),
    ],
)
def test_compressed_files_are_read(tmp_path: Path, name: str, pack: Callable[[bytes], bytes]) -> None:
    wanted = read(write_shop(tmp_path)).orders
    packed = pack((tmp_path / "orders.csv").read_bytes())
    (tmp_path / "orders.csv").unlink()
    (tmp_path / name).write_bytes(packed)
    store = read(tmp_path)
    pd.testing.assert_frame_equal(store.orders, wanted)
    assert any(f"read from the compressed file {name}" in note for note in store.notes["reading"])


@pytest.mark.parametrize(
    ("name", "pack", "words"),
    [
        ("orders.csv.gz", lambda data: gzip.compress(data)[:300], "cut off"),
        ("orders.csv.gz", bytes, "cannot be unpacked"),
        ("orders.zip", zipped("a.csv", "b.csv"), "does not hold one CSV or Parquet file, but a.csv, b.csv"),
        ("orders.zip", zipped("report.xlsx"), "does not hold one CSV or Parquet file, but report.xlsx"),
        ("orders.zip", bytes, "cannot be unpacked"),
        ("orders.csv.zst", bytes, "a file of this kind cannot be read: orders.csv.zst"),
        ("orders.tar.gz", gzip.compress, "a file of this kind cannot be read: orders.tar.gz"),
        ("orders.csv.7z", bytes, "a file of this kind cannot be read: orders.csv.7z"),
    ],
)
def test_what_cannot_be_unpacked_is_named(
    tmp_path: Path, name: str, pack: Callable[[bytes], bytes], words: str
) -> None:
    packed = pack((write_shop(tmp_path) / "orders.csv").read_bytes())
    (tmp_path / "orders.csv").unlink()
    (tmp_path / name).write_bytes(packed)
    (fault,) = check(tmp_path).problems
    assert fault.table == "orders" and words in fault.problem and fault.remedy


def test_a_packed_parquet_file(tmp_path: Path) -> None:
    store = read(write_shop(tmp_path / "shop"))
    folder = store.to_directory(tmp_path / "copy")
    (folder / "orders.parquet.gz").write_bytes(gzip.compress((folder / "orders.parquet").read_bytes()))
    (folder / "orders.parquet").unlink()
    pd.testing.assert_frame_equal(read(folder).orders, store.orders)


def test_a_copy_beside_a_table_is_not_read(tmp_path: Path) -> None:
    data = (write_shop(tmp_path) / "orders.csv").read_bytes()
    (tmp_path / "orders.csv.gz").write_bytes(gzip.compress(data))
    (tmp_path / "orders.zip").write_bytes(b"a backup")
    (tmp_path / "products").mkdir()
    (tmp_path / "products" / "mug.jpg").write_bytes(b"a picture")
    store = read(tmp_path)
    assert len(store.orders) == 240 and store.notes["files"]["orders"] == "orders.csv"
    assert "orders.zip: not read, for orders.csv holds this table." in store.notes["reading"]


def spark(folder: Path, name: str, frames: list[pd.DataFrame]) -> Path:
    """Parts as Spark leaves them, with its mark and check sums."""
    (folder / "orders.csv").unlink()
    (folder / name).mkdir()
    for number, frame in enumerate(frames):
        frame.to_parquet(folder / name / f"part-{number:05d}-c000.snappy.parquet", index=False)
    for mark in ("_SUCCESS", ".part-00000-c000.snappy.parquet.crc", "_metadata"):
        (folder / name / mark).write_bytes(b"x")
    return folder / name


@pytest.mark.parametrize("name", ["orders.parquet", "orders"])
def test_a_folder_of_parquet_parts(tmp_path: Path, name: str) -> None:
    wanted = read(write_shop(tmp_path)).orders
    parts = [wanted.iloc[at : at + 80] for at in (0, 80, 160)]
    parts[0] = parts[0].assign(quantity=parts[0]["quantity"].astype("int16"))  # parts of different days differ
    parts[2] = parts[2].assign(coupon="x")
    held = spark(tmp_path, name, parts)
    store = read(tmp_path)
    pd.testing.assert_frame_equal(store.orders[wanted.columns], wanted)
    assert store.orders["coupon"].notna().sum() == 80
    assert any("3 parts in the folder" in note for note in store.notes["reading"])
    last = held / "part-00001-c000.snappy.parquet"
    last.write_bytes(last.read_bytes()[:-50])
    (fault,) = check(tmp_path).problems
    assert "cut off" in fault.problem and last.name in fault.problem


def test_a_folder_of_partitions(tmp_path: Path) -> None:
    wanted = read(write_shop(tmp_path)).orders
    (tmp_path / "orders.csv").unlink()
    months = wanted.assign(month=wanted["ordered_at"].dt.strftime("%Y-%m"))
    pq.write_to_dataset(pa.Table.from_pandas(months), tmp_path / "orders.parquet", partition_cols=["month"])
    found = read(tmp_path).orders.sort_values(["ordered_at", "order_id"], ignore_index=True)
    assert found["quantity"].sum() == wanted["quantity"].sum() and found["month"].nunique() == months["month"].nunique()


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_folder_of_csv_parts(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    wanted = read(write_shop(tmp_path)).orders
    header, *lines = (tmp_path / "orders.csv").read_text(encoding="utf-8").splitlines()
    (tmp_path / "orders.csv").unlink()
    (tmp_path / "orders.csv").mkdir()
    end = ".gz" if pack is gzip.compress else ""
    for number in range(3):
        part = "\n".join([header, *lines[80 * number : 80 * number + 80]])
        (tmp_path / "orders.csv" / f"part-{number}.csv{end}").write_bytes(pack(part.encode()))
    pd.testing.assert_frame_equal(read(tmp_path).orders, wanted)
    (tmp_path / "orders.csv" / f"part-1.csv{end}").write_bytes(pack("\n".join(lines[:5]).encode()))
    (fault,) = check(tmp_path).problems
    assert f"part-1.csv{end}" in fault.problem and "another header" in fault.problem


@pytest.mark.parametrize(("mark", "words"), [("_delta_log", "Delta"), ("metadata", "Iceberg"), (None, "no parts")])
def test_folders_that_are_no_table(tmp_path: Path, mark: str | None, words: str) -> None:
    wanted = read(write_shop(tmp_path)).orders
    held = spark(tmp_path, "orders.parquet", [wanted] if mark else [])
    if mark:
        (held / mark).mkdir()
    (fault,) = check(tmp_path).problems
    assert words in fault.problem and "export its present state" in str(fault.remedy)


@pytest.mark.parametrize("end", ["\x1a", "\x1a\r\n", "\x1a\x1a"])
def test_the_mark_of_a_files_end_is_no_row(tmp_path: Path, end: str) -> None:
    wanted = read(write_shop(tmp_path)).orders
    text("orders.csv", lambda whole: whole.replace("\n", "\r\n") + end)(tmp_path)
    pd.testing.assert_frame_equal(read(tmp_path).orders, wanted)


@pytest.mark.parametrize(
    ("above", "sign"),
    [
        ("sep=;\r\n", ";"),
        ('\ufeff"sep=;"\n', ";"),
        ("SEP=\t\n", "\t"),
        ("sep=^\n", "^"),
        ("sep=;;;;;;\n", ";"),
        ("sep=;\n", ","),
        ("Sales report\n", ","),
        ("Sales report,,,\n\nfrom,2024\n,,,\n", ","),
        ("Verkäufe der Müller GmbH\n", ";"),
        ("sep=;\nSales report\n\n", ";"),
    ],
)
def test_lines_above_the_header_are_skipped_and_said(tmp_path: Path, above: str, sign: str) -> None:
    wanted = read(write_shop(tmp_path)).orders
    text("orders.csv", lambda whole: above + whole.replace(",", sign))(tmp_path)
    store = read(tmp_path)
    pd.testing.assert_frame_equal(store.orders, wanted)
    assert any("skipped" in note for note in store.notes["reading"])


def test_rows_are_counted_below_the_header_that_follows_titles(tmp_path: Path) -> None:
    write_shop(tmp_path)
    text("orders.csv", lambda whole: "Report\n\n" + whole.replace("2024-", "2O24-", 1))(tmp_path)
    (fault,) = check(tmp_path).problems
    assert fault.rows == [1]
    write_shop(tmp_path)
    text("orders.csv", lambda whole: "Report\n" + whole.replace(",N,", ",Nä,", 1), encoding="cp1252")(tmp_path)
    (fault,) = [fault for fault in check(tmp_path).problems if "UTF-8" in fault.problem]
    lines = (tmp_path / "orders.csv").read_text(encoding="cp1252").splitlines()[2:]
    assert fault.rows == [1 + next(k for k, line in enumerate(lines) if "Nä" in line)] and fault.column == "region_id"


def test_a_header_of_other_names_is_not_taken_for_a_title(tmp_path: Path) -> None:
    (write_shop(tmp_path) / "orders.csv").write_text("Bestellung;Artikel\n1;00001\n2;00002\n", encoding="utf-8")
    faults = check(tmp_path).problems
    assert {fault.column for fault in faults} == {"order_id", "product_id", "ordered_at", "quantity", "unit_price"}
