"""Exports of shop systems: each layout is mapped rightly, and its first order lines come out right."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from shop_exports import Layout, write
from shop_exports_more import LAYOUTS

from ecomlib.stores import Store
from ecomlib.stores.export import make_store, propose, read_export, read_mapping, stack, write_folder, write_mapping
from ecomlib.stores.export.mapping import ExportMapping


def every(mapping: ExportMapping) -> dict[str, str]:
    return {role: column for part in mapping.parts().values() for role, column in part.columns.items()}


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_each_layout_is_mapped_and_made_rightly(layout: Layout, tmp_path: Path) -> None:
    stacks = stack(read_export([write(layout, tmp_path / "export")]))
    proposal = propose(stacks)
    found = every(proposal.mapping)
    assert {role: found.get(role) for role in layout.columns} == layout.columns
    assert proposal.open() == []
    file = write_mapping(proposal.mapping, tmp_path / "mapping.toml", {})
    assert read_mapping(file) == proposal.mapping
    made = make_store(stacks, proposal.mapping, "shop")
    folder = write_folder(made, proposal.mapping, {}, tmp_path / "shop")
    store = Store.from_directory(folder)
    orders = store.orders
    lines = orders[["order_id", "product_id", "ordered_at", "quantity", "unit_price"]]
    wanted = [(order, product, pd.Timestamp(at), count, price) for order, product, at, count, price in layout.lines]
    assert list(lines.itertuples(index=False, name=None)) == wanted
    titles = store.products.set_index("product_id")["title"]
    assert {key: titles[key] for key in layout.titles} == layout.titles
