"""``ecomlib decide``: a decision as a CSV, and how it was made; what cannot be told is said with its remedy."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from own_shop import write_shop
from typer.testing import CliRunner

from ecomlib.cli import decide as module
from ecomlib.cli.main import app
from ecomlib.decisions.registry import DECISIONS, Decision, Options, entry
from ecomlib.decisions.registry import decide as make
from ecomlib.stores import load_store


def invoke(*words: str) -> Any:
    return CliRunner().invoke(app, ["decide", *words], env={"COLUMNS": "200"})


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "made"


def test_help_names_every_decision_and_shows_an_example() -> None:
    said = invoke("--help").output
    words = " ".join(said.split())
    for one in DECISIONS:
        assert f"{one.name}: {one.title} (lesson {one.lesson})." in words
    assert "Example: ecomlib decide stock --store tiny --out orders" in words


@pytest.mark.parametrize("name", [one.name for one in DECISIONS])
def test_a_decision_is_a_csv_and_a_card(out: Path, name: str) -> None:
    more = ("--set", "text=False") if name == "price" else ()
    model = "window_mean" if "model" in entry(name).reads else None
    chosen = ("--model", model) if model else ()
    done = invoke(name, "--store", "tiny", *chosen, "--out", "made", *more)
    assert done.exit_code == 0, done.output + done.stderr
    assert sorted(path.name for path in out.iterdir()) == [f"{name}.csv", f"{name}.json"]
    content = (out / f"{name}.csv").read_bytes()
    card = json.loads((out / f"{name}.json").read_text(encoding="utf-8"))
    assert card["sha256"] == hashlib.sha256(content).hexdigest() and card["decision"] == name
    assert card["line"] in done.stdout and card["line"].startswith("tiny: 26 full weeks up to 2025-06-29; ")
    options = Options(model=model, more={"text": False} if more else {})
    expected = make(name, load_store("tiny"), options).table
    made = pd.read_csv(out / f"{name}.csv", encoding="utf-8-sig")
    assert list(made.columns) == list(expected.columns) and len(made) == len(expected) == card["rows"]
    numbers = {"plan": "mean", "stock": "order", "price": "price", "offers": "chance"}
    number = (numbers | {"recommend": "score", "retain": "at_stake"})[name]
    assert made[number].tolist() == pytest.approx(expected[number].astype(float).tolist())


def test_options_reach_the_decision(out: Path) -> None:
    pd.DataFrame({"product_id": ["P0041"], "region_id": ["R07"], "quantity": [3]}).to_csv("coming.csv", index=False)
    words = ("--store", "tiny", "--out", "made", "--model", "window_mean", "--ratio", "9", "--set", "lead=2")
    done = invoke("stock", *words, "--on-order", "coming.csv")
    assert done.exit_code == 0, done.stderr
    card = json.loads((out / "stock.json").read_text(encoding="utf-8"))
    assert (card["ratio"], card["lead_weeks"], card["model"]) == (9.0, 2, "window_mean")
    made = pd.read_csv(out / "stock.csv", encoding="utf-8-sig")
    row = made[(made["product_id"] == "P0041") & (made["region_id"] == "R07")].iloc[0]
    assert row["arriving"] == 3 and not any("hand in what is" in words for words in card["assumed"])
    sized = invoke("plan", "--store", "simulated", "--size", "tiny", "--seed", "1", "--horizon", "2", "--out", "made")
    assert sized.exit_code == 0 and "simulated (tiny, seed 1): " in sized.stdout and "in 2 weeks from" in sized.stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("stok", "--store", "tiny"), "did you mean stock"),
        (("stock", "--store", "tinny"), "did you mean tiny"),
        (("stock", "--store", "tiny", "--horizon", "4"), "it is for plan and price"),
        (("stock", "--store", "tiny", "--set", "leed=2"), "stock reads model"),
        (("stock", "--store", "tiny", "--set", "lead"), "--set needs NAME=VALUE"),
        (("stock", "--store", "tiny", "--model", "gruu"), "did you mean gru"),
        (("stock", "--store", "tiny", "--model", "trees"), "a mean is needed"),
        (("stock", "--store", "tiny", "--on-order", "none.csv"), "there is no such file"),
        (("stock", "--store", "tiny", "--returns", "nett"), "use gross or net"),
        (("price", "--store", "SHOP"), "--set revenue=True"),
        (("price", "--store", "tiny", "--set", "most_move=-1"), "rule for prices"),
        (("offers", "--store", "SHOP"), "add sessions.csv"),
        (("offers", "--store", "tiny", "--set", "cost=-1"), "without a sign"),
        (("offers", "--store", "tiny", "--set", "lift=much"), "are numbers"),
        (("stock",), "ecomlib train"),
    ],
)
def test_wrong_calls_are_answered_with_a_remedy(out: Path, words: tuple[str, ...], says: str) -> None:
    if "SHOP" in words:
        words = tuple(str(write_shop(out.parent / "shop")) if word == "SHOP" else word for word in words)
    done = invoke(*words, "--out", "made")
    assert done.exit_code == 1 and "Traceback" not in done.output + done.stderr
    assert done.stderr.startswith("ecomlib: ") and says in done.stderr
    assert not out.exists(), "nothing was written"


def test_a_folder_that_is_a_file_is_said_before_the_work(out: Path) -> None:
    out.write_text("no folder")
    done = invoke("stock", "--store", "tiny", "--out", "made")
    assert (
        done.exit_code == 1 and "a file stands where a folder is needed" in done.stderr and "reading" not in done.stdout
    )


def test_weeks_that_are_over_are_told_for_a_folder_of_ones_own(out: Path) -> None:
    shop = str(write_shop(out.parent / "shop"))
    done = invoke("plan", "--store", shop, "--out", "made", "--horizon", "2", "--model", "window_mean")
    assert done.exit_code == 0 and "CAUTION: these are forecasts of weeks that are over: 2 of 2" in done.stderr
    assert "CAUTION" not in invoke("plan", "--store", shop, "--out", "made", "--horizon", "2", "--past").stderr


def test_cells_are_no_formulas_and_words_survive_a_spreadsheet(out: Path) -> None:
    table = pd.DataFrame({"product_id": ["=1+1", "-2", "+3", "@x", "\tx", "a-b", None], "title": "Café"})
    table = table.assign(order=[-1, 2, 3, 4, 5, 6, 7], expected=-0.5)
    file = module.write(Decision(table, "made by hand", {"weeks": 2}), "stock", out)
    content = file.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    made = pd.read_csv(file, encoding="utf-8-sig")
    assert made["product_id"].tolist()[:6] == ["'=1+1", "'-2", "'+3", "'@x", "'\tx", "a-b"]
    assert made["order"].tolist()[0] == -1 and (made["expected"] == -0.5).all() and (made["title"] == "Café").all()


def test_an_older_answer_stays_whole_where_a_new_one_fails(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module.write(Decision(pd.DataFrame({"a": [1]}), "the first", {}), "stock", out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(ValueError, match="JSON"):
        module.write(Decision(pd.DataFrame({"a": [2]}), "the second", {"nothing": float("nan")}), "stock", out)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_without_a_store_it_is_what_the_service_answers(out: Path) -> None:
    pytest.importorskip("fastapi")
    from serving_help import copy_home

    from ecomlib.serving.live.plan import PlanIn, sales_plan
    from ecomlib.serving.live.price import PriceIn, price_advice
    from ecomlib.serving.live.replenish import replenish
    from ecomlib.serving.live.retrain import state_of
    from ecomlib.serving.release.bundle import open_bundle

    home = copy_home(out.parent / "home")
    state = state_of(open_bundle(home), home, None)
    wanted = {
        "plan": pd.DataFrame(sales_plan(state, PlanIn(span="quarter", limit=5000))["rows"])["mean"],
        "stock": pd.DataFrame([r for r in replenish(state, 3.0, 5000) if r["order"] or r["alert"]])["order"],
        "price": pd.DataFrame(price_advice(state, PriceIn(limit=5000))["rows"])["price"],
    }
    for name, column in wanted.items():
        done = invoke(name, "--home", str(home), "--out", "made")
        assert done.exit_code == 0, done.stderr
        made = pd.read_csv(out / f"{name}.csv", encoding="utf-8-sig")
        assert made[column.name].tolist() == pytest.approx(column.astype(float).tolist()), name
        assert "version 0001, weeks known up to 2025-06-01" in done.stdout
    refused = invoke("price", "--home", str(home), "--out", "made", "--horizon", "4")
    assert refused.exit_code == 1 and "horizon is for tables" in refused.stderr
