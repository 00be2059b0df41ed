"""The look-alikes look like the real files: names of the registry, columns and types of the publisher."""

from __future__ import annotations

import os
from pathlib import Path

import lookalike
import pandas as pd
import pytest

from ecomlib.stores.published import download


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return lookalike.write_all(tmp_path_factory.mktemp("shop"))


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def read(path: Path) -> pd.DataFrame:
    return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)


def test_every_data_set_of_the_registry_is_there(folder, monkeypatch):
    monkeypatch.setenv("ECOMLIB_DATA_DIR", str(folder))
    for name in download.catalogue():
        for path in download.table_files(name).values():
            assert path.is_relative_to(folder), "a test must not read another folder"
    assert download.data_sets()["here"].all()


def test_every_fault_of_the_publisher_is_planted():
    shop = lookalike.online_retail()
    both = pd.concat([shop.first, shop.second])
    assert both["InvoiceNo"].str.startswith("C").any() and both["InvoiceNo"].str.startswith("A").any()
    assert {"POST", "M", "m", "D", "BANK CHARGES"} <= set(both["StockCode"])
    assert both["StockCode"].str.contains(r"^\d{5}[a-z]").any(), "lower-case codes"
    assert both["CustomerID"].isna().any() and (both["Description"] == "nan").any()
    assert both["Description"].isna().any() and (both["Description"] == "?").any()
    assert (both["Quantity"] < 0).any() and (both["UnitPrice"] == 0).any() and (both["UnitPrice"] < 0).any()
    overlap = shop.first[shop.first["InvoiceDate"] >= shop.second["InvoiceDate"].min()].reset_index(drop=True)
    pd.testing.assert_frame_equal(overlap, shop.second.iloc[: len(overlap)])
    assert overlap["InvoiceDate"].dt.date.nunique() == 9
    assert shop.first.duplicated().any(), "exact duplicates"


def test_the_same_seed_makes_the_same_shop_and_another_another():
    pd.testing.assert_frame_equal(lookalike.online_retail(3).first, lookalike.online_retail(3).first)
    assert not lookalike.online_retail(3).first.equals(lookalike.online_retail(4).first)


@pytest.mark.data
def test_names_columns_and_types_are_the_real_files(folder):
    real = Path(os.environ["ECOMLIB_DATA_DIR"])
    for name in files(folder):
        ours, theirs = read(folder / name), read(real / name)
        assert list(ours.columns) == list(theirs.columns), name
        kinds = {column: (ours[column].dtype.kind, theirs[column].dtype.kind) for column in ours.columns}
        # A column that is all text in one and part empty in the other is still text.
        assert all(a == b for a, b in kinds.values()), (name, {c: k for c, k in kinds.items() if k[0] != k[1]})
