"""A small random shop, made by hand, with every table that panel and features read. Made twice it is the same."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ecomlib.stores import Store

FIRST = pd.Timestamp("2023-01-02")  # a Monday
DAYS = 7 * 70 + 3  # the last week is not full


def make_shop(seed: int = 0, lines: int = 4_000, *, stocked: bool = True) -> Store:
    """Eight products (one launched late and never sold, one without a launch date), three regions, 70 weeks."""
    rng = np.random.default_rng(seed)
    days = FIRST + pd.to_timedelta(np.arange(DAYS), unit="D")
    ids = [f"P{k}" for k in range(8)]
    launch = pd.Series([FIRST] * 4 + [days[40], days[200], days[300], pd.NaT])
    products = pd.DataFrame(
        {
            "product_id": ids,
            "title": [f"thing {k}" for k in range(8)],
            "category": ["mugs", "lights", "mugs", "bags", "bags", "lights", "mugs", "bags"],
            "launched_on": launch,
        }
    )
    regions = pd.DataFrame({"region_id": ["N", "S", "W"], "name": ["Northtown", "Southbay", "Westport"]})
    regions[["row", "column"]] = [[0.0, 1.0], [2.0, 1.0], [1.0, 0.0]]
    customers = pd.DataFrame({"customer_id": [f"c{k}" for k in range(30)]})
    product = rng.choice([0, 1, 2, 3, 4, 5, 7], lines, p=[0.3, 0.2, 0.1, 0.02, 0.18, 0.15, 0.05])
    low = np.where(launch.isna(), 100, (launch.fillna(FIRST) - FIRST).dt.days.to_numpy())[product]
    day = low + (rng.random(lines) * (DAYS - low)).astype(int)
    customer = rng.choice([*customers["customer_id"], None], lines)
    orders = pd.DataFrame(
        {
            "order_id": [f"o{k}" for k in rng.integers(0, lines // 2, lines)],
            "product_id": np.array(ids)[product],
            "region_id": rng.choice(["N", "S", "W"], lines, p=[0.6, 0.38, 0.02]),
            "customer_id": customer,
            "ordered_at": days[day] + pd.to_timedelta(rng.integers(0, 86_400, lines), unit="s"),
            "quantity": rng.integers(1, 9, lines),
            "unit_price": np.round(rng.uniform(1, 20, lines), 2),
            "returned": rng.random(lines) < np.linspace(0.02, 0.5, 8)[product],
        }
    )
    grid = pd.MultiIndex.from_product([ids, days], names=["product_id", "date"]).to_frame(index=False)
    prices = grid.assign(
        unit_price=np.round(rng.uniform(1, 20, len(grid)), 2),
        promoted=rng.random(len(grid)) < 0.2,
        depth=rng.choice([0.0, 0.1, 0.3], len(grid)),
    )
    inventory = None
    if stocked:
        inventory = grid.merge(regions[["region_id"]], how="cross")
        sold = orders.assign(date=orders["ordered_at"].dt.normalize())
        sold = sold.groupby(["product_id", "region_id", "date"], as_index=False)["quantity"].sum()
        inventory = inventory.merge(sold, how="left", on=["product_id", "region_id", "date"])
        inventory["sold"] = inventory.pop("quantity").fillna(0).astype("int64")
        spare = rng.integers(0, 5, len(inventory)) * (rng.random(len(inventory)) < 0.7)
        # P1 has an empty shelf in the whole third week, wherever nothing was sold.
        week = (inventory["date"] - FIRST).dt.days // 7 == 2
        inventory["on_hand_start"] = inventory["sold"] + np.where(week & (inventory["product_id"] == "P1"), 0, spare)
        inventory["received"] = np.int64(0)
    reviewed = orders.sample(400, random_state=seed)
    reviews = pd.DataFrame(
        {
            "product_id": reviewed["product_id"],
            "written_at": reviewed["ordered_at"].dt.normalize() + pd.Timedelta(days=9),
            "rating": rng.integers(1, 6, len(reviewed)).astype(float),
            "text": "fine",
        }
    ).reset_index(drop=True)
    return Store(
        f"small shop {seed}",
        products,
        orders,
        regions=regions,
        customers=customers,
        prices=prices,
        inventory=inventory,
        reviews=reviews,
    )
