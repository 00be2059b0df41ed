"""What the run on fake orders chooses, caps and concludes, on tables whose answers are known by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from benchmarks.simulated import adversarial, attacked_shop
from ecomlib import load_store


def log(losses: dict[float, float], prevented: dict[float, float]) -> pd.DataFrame:
    """A tuning log of four stores in which every store says the same: clean 0.40, attacked 0.50 undefended."""
    rows = []
    for store in adversarial.TUNING:
        own = {"store": store, "epochs": adversarial.TRAIN.epochs}
        rows.append(own | {"candidate": "undefended", "clean": 0.40, "attacked": 0.50})
        for share, loss in losses.items():
            values = {"clean": 0.40 * (1 + loss), "attacked": 0.50 - 0.10 * prevented[share]}
            rows.append(own | {"candidate": f"hardened {share:g}"} | values)
        for most, counted in zip(adversarial.CAPS, (0.95, 0.985, 0.992, 0.999), strict=True):
            rows.append(own | {"candidate": f"cap {most}", "counted": counted})
    return pd.DataFrame(rows)


def test_the_share_that_prevents_most_among_the_cheap_ones_is_chosen() -> None:
    prevented = {0.25: 0.3, 0.5: 0.4, 0.75: 0.6}
    assert adversarial.chosen(log({0.25: 0.0, 0.5: 0.019, 0.75: 0.03}, prevented)) == (0.5, 3)
    assert adversarial.chosen(log({0.25: 0.05, 0.5: 0.03, 0.75: 0.04}, prevented))[0] == 0.5, "none is cheap"
    mixed = log({0.25: 0.0, 0.5: 0.019, 0.75: 0.03}, prevented)
    other = mixed.assign(epochs=4, clean=9.0)  # of another length of training: not read
    assert adversarial.chosen(pd.concat([mixed, other])) == (0.5, 3)


def test_bars_are_of_protocol_n() -> None:
    rows = [
        ("undefended", "damage", 0.12, 0.2),
        ("hardened", "prevented", 0.49, 0.6),
        ("hardened", "clean loss", 0.01, 0.03),
    ]
    table = pd.DataFrame(rows, columns=["model", "measure", "value", "high"])
    assert list(adversarial.bars(table).values()) == ["met", "missed", "met"]


def test_prevented_counts_what_the_defence_costs_on_clean_days() -> None:
    rows = [
        (store, model, measure, value)
        for store in (1, 2)
        for model, measure, value in (
            ("undefended", "clean", 0.40),
            ("undefended", "attacked", 0.50),
            ("undefended", "seller", 0.45),
            ("hardened", "clean", 0.41),
            ("hardened", "attacked", 0.47),
            ("hardened", "seller", 0.44),
            ("random plans", "clean", 0.40),
            ("random plans", "attacked", 0.49),
            ("random plans", "seller", 0.45),
        )
    ]
    table = pd.DataFrame(rows, columns=["store", "model", "measure", "value"])
    found = adversarial.summary(table).set_index(["model", "measure"])["value"]
    assert found["undefended", "damage"] == pytest.approx(0.25) and found[
        "undefended", "damage by sellers"
    ] == pytest.approx(0.125)
    assert found["hardened", "prevented"] == pytest.approx(0.3) and found["hardened", "clean loss"] == pytest.approx(
        0.025
    )
    assert found["hardened", "ahead of random plans"] == pytest.approx(0.2)


def test_a_till_caps_an_account_and_counts_guests_one_by_one() -> None:
    store = load_store("tiny")
    orders = store.orders.head(4).assign(
        product_id="P",
        customer_id=["a", "a", None, None],
        order_id=["1", "2", "3", "4"],
        quantity=[2, 3, 2, 4],
        ordered_at=pd.Timestamp("2024-01-01"),
    )
    less, share = attacked_shop.capped(store.with_parts(orders=orders), 3)
    assert less.orders["quantity"].tolist() == [2, 1, 2, 3] and share == pytest.approx(8 / 11)
