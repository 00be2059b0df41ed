"""The golden record: its comparison finds what moved, and a cheap part is as recorded. The whole is ``make golden``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

FOLDER = Path(__file__).resolve().parent
if str(FOLDER) not in sys.path:
    sys.path.insert(0, str(FOLDER))

import golden  # noqa: E402
import record  # noqa: E402

from ecomlib.recorded import machine  # noqa: E402


def frames(**changed: float) -> dict[str, pd.DataFrame]:
    """Two invented names of a part, one of them with values that a test changes."""
    values = {"a": 1.0, "b": 2_000.0, "c": 0.0, "d": float("nan"), "e": float("inf")} | changed
    return {"forecast": pd.DataFrame({"value": values}), "orders": pd.DataFrame({"value": [3.0]}, index=["a"])}


def table(made: dict[str, pd.DataFrame]) -> pd.DataFrame:
    return record.flatten("part", 0, made)


def test_the_same_numbers_have_not_moved_and_tiny_steps_do_not_count() -> None:
    found = record.moves(table(frames()), table(frames(b=2_000.0 + 1e-3, c=5e-7)))
    assert (found["state"] == "same").all() and len(found) == 6
    assert record.summary(found)["moved"].sum() == 0
    assert any("2 names as recorded" in line for line in record.lines(found))


@pytest.mark.parametrize(
    ("key", "value", "move"),
    [
        ("a", 1.000002, 2e-6),
        ("b", 2_001.0, 5e-4),
        ("c", 2e-6, 2e-6),
        ("d", 0.0, np.inf),
        ("e", 1.0, np.inf),
        ("e", -np.inf, np.inf),
        ("a", np.nan, np.inf),
    ],
)
def test_a_moved_value_is_found_with_its_place_and_its_size(key: str, value: float, move: float) -> None:
    found = record.moves(table(frames()), table(frames(**{key: value})))
    moved = found[found["state"] == "moved"]
    assert moved[["name", "key", "column"]].to_numpy().tolist() == [["forecast", key, "value"]]
    assert moved["move"].item() == pytest.approx(move, rel=1e-6)
    said = "\n".join(record.lines(found))
    assert f"seed 0, {key}, value:" in said and "1 names as recorded" in said


def test_the_three_largest_moves_are_shown_the_largest_first() -> None:
    many = {"x": pd.DataFrame({"value": np.zeros(9)})}
    found = record.moves(table(many), table({"x": pd.DataFrame({"value": [0, 1, 0, 7, 0, 5, 0, 3, 0.0]})}))
    shown = [line.split(",")[1].strip() for line in record.lines(found) if "->" in line]
    assert shown == ["3", "5", "7"]


def test_names_that_are_missing_or_new_are_listed() -> None:
    fewer = {"forecast": frames()["forecast"], "interval": frames()["orders"]}
    found = record.moves(table(frames()), table(fewer))
    states = found.set_index("name")["state"]
    assert states["orders"] == "missing" and states["interval"] == "new" and (states["forecast"] == "same").all()
    said = record.lines(found)
    assert sum("missing: the whole name" in line for line in said) == 1
    assert sum("new: the whole name" in line for line in said) == 1
    shorter = frames() | {"forecast": frames()["forecast"].drop(index="b")}
    said = record.lines(record.moves(table(frames()), table(shorter)))
    assert any("missing, the first: seed 0, b, value" in line for line in said)


def test_a_place_is_taken_once() -> None:
    with pytest.raises(ValueError, match="two values at one place"):
        table({"x": pd.DataFrame({"value": [1.0, 2.0]}, index=["a", "a"])})


def test_a_sample_shows_what_moved_outside_of_it() -> None:
    plain = pd.DataFrame({"key": [f"{k:03d}" for k in range(300)], "value": np.arange(300.0)})
    kept = record.sample(plain, "key", 5)
    assert list(kept.index) == ["000", "075", "150", "224", "299", *record.SUMS]
    assert kept.loc["(sum)", "value"] == 299 * 150 and kept.loc["(rows)", "value"] == 300
    swapped = plain.assign(value=plain["value"].replace({10.0: 11.0, 11.0: 10.0}))
    other = record.sample(swapped, "key", 5)
    assert other.loc["(sum)", "value"] == kept.loc["(sum)", "value"]
    assert other.loc["(weighted sum)", "value"] != kept.loc["(weighted sum)", "value"]
    pd.testing.assert_frame_equal(record.sample(plain.sample(frac=1, random_state=0), "key", 5), kept)


def test_a_record_is_read_as_it_was_written_and_not_with_another_ones_card(tmp_path: Path) -> None:
    first, second = table(frames()), table(frames(a=9.0))
    record.write(first, {"parts": {}}, tmp_path)
    back, card = record.read(tmp_path)
    assert (record.moves(first, back)["state"] == "same").all() and card["rows"] == len(first)
    old = (tmp_path / record.CARD).read_bytes()
    record.write(second, {"parts": {}}, tmp_path)
    (tmp_path / record.CARD).write_bytes(old)
    with pytest.raises(ValueError, match="one commit"):
        record.read(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [record.CARD, record.TABLE], "no draft is left"


def test_every_part_is_recorded_for_each_of_its_seeds() -> None:
    """A part that keeps its own record is not in the table; the others are there whole, and nothing else is."""
    kept, card = record.read()
    own = {part.name: set(part.seeds) for part in golden.PARTS if not hasattr(golden.module_of(part), "recorded")}
    assert kept.groupby("part")["seed"].agg(set).to_dict() == own
    assert set(card["parts"]) == set(own)
    assert (FOLDER / record.TABLE).stat().st_size < 3_000_000
    assert json.dumps(card).isascii()


def test_a_cheap_part_is_as_recorded() -> None:
    """Averages and conformal intervals of seed 0, computed here and now.

    Where the card names this machine they are held to 1e-6. Another processor adds in another order; this part holds
    arithmetic alone and trains nothing, so 1e-3 is wide enough there, and a fault of a rule is far larger.
    """
    kept, card = record.read()
    part = next(part for part in golden.PARTS if part.name == "conformal")
    threads = torch.get_num_threads()
    computed = golden.compute(part, 0)[0]
    torch.set_num_threads(threads)
    tolerance = record.TOLERANCE if card["parts"][part.name]["machine"] == machine() else record.ELSEWHERE
    found = record.moves(kept[(kept["part"] == part.name) & (kept["seed"] == 0)], computed, tolerance)
    assert len(found) > 1_000
    assert (found["state"] == "same").all(), "\n".join(record.lines(found))
