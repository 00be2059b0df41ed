"""The order-list game: what a list scores, what is said of a wrong one, what nobody may see, and that it replays."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from ecomlib.cli.main import app
from ecomlib.course.game import board, handin, opening_game, referee, secret
from ecomlib.course.game.bots import bot_lists, recent_sales
from ecomlib.course.game.lists import read_list
from ecomlib.course.game.referee import AGAIN, FALLEN_BACK, OWN, GameSettings, Referee, Result, Row, begin
from ecomlib.course.game.rules import Month, make_month, month_of, score
from ecomlib.course.game.standings import ABSENT, standings
from ecomlib.errors import DataError
from ecomlib.stores import Store
from ecomlib.stores.simulated import make_store
from ecomlib.stores.until import tables_until

PHRASE = "nobody would guess this sentence"
WEEKS = ("2024-01-01", "2024-01-08", "2024-01-15", "2024-01-22")
SHOP = pd.DataFrame({"product_id": ["B2", "A1"], "list_price": [5.0, 10.0], "unit_cost": [4.0, 4.0]})


def month() -> Month:
    """A1 has c_u = 6 and c_o = 1, B2 has c_u = 1 and c_o = 1."""
    return make_month(SHOP, pd.Timestamp(WEEKS[0]), 1)


def lines(**units: Any) -> str:
    rows = [f"{product},{week},{units.get(product, 1)}" for product in ("A1", "B2") for week in WEEKS]
    return "\n".join(["product_id,week,units", *rows, ""])


def run(*words: str) -> Any:
    return CliRunner().invoke(app, ["game", *words])


# --- the scale --------------------------------------------------------------------------------------------------------


def test_a_list_costs_what_the_hand_computes() -> None:
    wanted = np.array([[3.0, 3, 3, 3], [2, 2, 2, 2]])
    assert month().products == ("A1", "B2")
    # A1: one short in four weeks costs 4 · 6; B2: one over and one short cost 1 each.
    assert month().cost(np.array([[2, 2, 2, 2], [3, 1, 2, 2]]), wanted) == pytest.approx(26)
    assert month().cost(wanted, wanted) == 0
    # A product sold below its cost is still wanted: its margin counts as a hundredth.
    loss = make_month(SHOP.assign(list_price=[3.0, 3.0]), pd.Timestamp(WEEKS[0]), 1)
    assert loss.c_u[:, 0].tolist() == [0.01, 0.01]


def test_the_score_has_two_ends() -> None:
    assert score(80, 100, 60) == pytest.approx(50)
    assert score(100, 100, 60) == 0
    assert score(60, 100, 60) == 100
    assert score(50, 100, 60) == pytest.approx(125)
    assert score(50, 60, 60) is None


def test_the_bots_look_at_eight_weeks_and_at_nothing_before_a_launch() -> None:
    sold = [("A1", day, 2) for day in pd.date_range("2023-11-06", periods=8, freq="7D")]
    sold += [("B2", pd.Timestamp("2023-12-31 23:00"), 9), ("B2", pd.Timestamp("2024-01-01"), 50)]
    orders = pd.DataFrame(sold, columns=["product_id", "ordered_at", "quantity"])
    products = SHOP.assign(launched_on=pd.to_datetime(["2023-12-20", "2020-01-01"]))
    sales = recent_sales(orders, products, month())
    assert sales[0].tolist() == [2.0] * 8
    np.testing.assert_array_equal(sales[1], [np.nan] * 6 + [0, 9])
    lists = bot_lists(sales, month())
    # B2 sold 0 and 9: 4.5 is rounded to the even neighbour; half as much again is 6.75; its ratio is one half.
    assert {name: units[:, 0].tolist() for name, units in lists.items()} == {
        "last week": [2, 9],
        "mean of 8 weeks": [2, 4],
        "mean plus half": [3, 7],
        "quantile of 8 weeks": [2, 4],
    }


# --- what is said of a list -------------------------------------------------------------------------------------------

WRONG = {
    "a missing product": (lines().split("B2")[0], ["1 of 2 products is missing: B2."]),
    "a missing week": (re.sub(r".*2024-01-22.*\n", "", lines()), ["1 of 4 weeks is missing: 2024-01-22."]),
    "a missing line": (lines().replace("B2,2024-01-08,1\n", ""), ["B2 in the week of 2024-01-08"]),
    "negative": (lines(B2=-3), ["must not be negative", "row 5 (-3), row 6 (-3), row 7 (-3), row 8 (-3)."]),
    "not whole": (lines(A1=2.5), ["whole units", "row 1 (2.5)"]),
    "no number": (lines(A1="many"), ["'many'", "Rows: 1, 2, 3, 4."]),
    "an empty cell": (lines(B2=""), ["the number is missing", "row 5"]),
    "a slip of the keyboard": (lines(A1=10_000_000), ["1,000,000"]),
    "another day": (lines().replace("2024-01-08", "2024-01-10"), ["named by its Monday", "Wed 2024-01-10"]),
    "another month": (
        lines().replace("2024-01-08", "2024-02-05"),
        ["this month's weeks are 2024-01-01", "Mon 2024-02-05"],
    ),
    "no date": (lines().replace("2024-01-08", "soon"), ["column 'week'", "'soon'", "Rows: 2, 6."]),
    "two formats": (lines().replace("2024-01-08", "08/01/2024"), ["two formats"]),
    "an unknown product": (lines().replace("A1", "a1"), ["no such product", "'a1', perhaps A1?"]),
    "a line twice": (lines() + "A1,2024-01-01,7\n", ["stand in the list already: row 9 (A1, 2024-01-01)."]),
    "a column's name": (lines().replace("units", "quantity", 1), ["column 'units': the column is missing"]),
    "nothing": ("", ["the file is empty"]),
    "only a header": ("product_id,week,units\n", ["2 of 2 products are missing: A1, B2.", "4 of 4 weeks are missing"]),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_with_a_list_is_said_in_words(tmp_path: Path, kind: str) -> None:
    text, words = WRONG[kind]
    (tmp_path / "red.csv").write_text(text, encoding="utf-8")
    found = read_list(tmp_path / "red.csv", month())
    said = "\n".join(fault.full() for fault in found.faults)
    assert found.units is None
    for word in words:
        assert word in said, said


def test_all_faults_are_said_at_once_with_all_their_places(tmp_path: Path) -> None:
    many = make_month(
        pd.DataFrame({"product_id": [f"P{k:03d}" for k in range(40)], "list_price": 2.0, "unit_cost": 1.0}),
        pd.Timestamp(WEEKS[0]),
        1,
    )
    rows = "\n".join(f"P{k:03d},2024-01-01,{-k}" for k in range(1, 20))
    (tmp_path / "red.csv").write_text(f"product_id,week,units\nX9,2024-01-02,1.5\n{rows}\n", encoding="utf-8")
    faults = read_list(tmp_path / "red.csv", many).faults
    kinds = ["no such product", "Monday", "negative", "whole units", "21 of 40 products", "3 of 4 weeks"]
    assert all(any(kind in fault.says for fault in faults) for kind in kinds)
    negative = next(fault for fault in faults if "negative" in fault.says)
    assert "row 20 (-19)" in negative.full() and "and 13 more" in str(negative)


def test_a_right_list_is_read_whatever_the_order_of_its_rows(tmp_path: Path) -> None:
    head, *rows = lines(A1=4, B2=0).splitlines()
    (tmp_path / "red.csv").write_text("\n".join([head, *reversed(rows)]).replace(",", ";"), encoding="utf-8-sig")
    found = read_list(tmp_path / "red.csv", month())
    assert found.faults == () and found.units is not None
    assert found.units.tolist() == [[4, 4, 4, 4], [0, 0, 0, 0]]


def test_a_file_of_another_kind_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "red.xlsx").write_bytes(b"PK\x03\x04")
    assert "CSV UTF-8" in read_list(tmp_path / "red.xlsx", month()).faults[0].says
    (tmp_path / "red.csv").write_bytes(b"PK\x03\x04")
    assert "spreadsheet" in read_list(tmp_path / "red.csv", month()).faults[0].says


# --- the secret -------------------------------------------------------------------------------------------------------


def test_the_phrase_is_hashed_so_that_anybody_can_check_it() -> None:
    assert secret.published_hash(PHRASE) == hashlib.sha256(PHRASE.encode()).hexdigest()
    assert 0 <= secret.seed_of(PHRASE) < 2**62 and secret.seed_of(PHRASE) != secret.seed_of(PHRASE + "!")
    assert f"{secret.seed_of(PHRASE):x}" not in secret.published_hash(PHRASE)
    assert secret.draw_phrase() != secret.draw_phrase() and len(secret.draw_phrase()) == 39
    for weak in ("short", "a" * 30, "two lines of a sentence\nof one's own"):
        with pytest.raises(DataError) as refused:
            secret.check_phrase(weak)
        assert weak not in str(refused.value)


@pytest.fixture(scope="module")
def store() -> Store:
    return make_store("tiny", 5, cache=False)


def test_tables_hold_nothing_that_came_later(store: Store) -> None:
    """The later world is changed in every table; what is handed out stays the same to the last value."""
    cut = pd.Timestamp("2025-04-07")
    days = {"orders": "ordered_at", "inventory": "date", "sessions": "started_at", "mailings": "date"}
    days |= {"reviews": "written_at", "listings": "valid_from", "customers": "signed_up_on", "products": "launched_on"}
    late = {name: frame[frame[days[name]] >= cut].index for name, frame in store.tables() if name in days}
    assert all(len(rows) for rows in late.values())
    changed = {name: getattr(store, name).drop(index=rows) for name, rows in late.items()}
    young = changed["orders"]["ordered_at"] >= cut - pd.Timedelta(days=28)
    changed["orders"] = changed["orders"].assign(returned=changed["orders"]["returned"] ^ young)
    prices = store.prices.copy()
    after = prices["date"] >= cut
    prices.loc[after, "promo_propensity"] = 0.5
    beyond = prices["date"] >= cut + pd.Timedelta(weeks=4)
    prices.loc[beyond, "unit_price"] *= 2
    other = store.observed().with_parts(**changed, prices=prices)
    first, second = (dict(tables_until(each, cut, "x").tables()) for each in (store.observed(), other))
    for name in first:
        pd.testing.assert_frame_equal(first[name], second[name], obj=name)
    assert first["prices"]["date"].max() == pd.Timestamp("2025-05-04")
    assert first["orders"]["returned"].any()


# --- a game, played ---------------------------------------------------------------------------------------------------


def play(folder: Path, *, crash: bool = False) -> Referee:
    """Two months on a tiny store: red orders 3 of everything, blue is late in month 2, green joins in month 2."""
    settings = GameSettings(PHRASE, months=2, size="tiny", teams=("blue",))
    game = begin(folder, settings)
    for number in (1, 2):
        game.hand_out(number)
        asked = month_of(game.tables(number), number)
        for team in ("red", "blue") if number == 1 else ("red", "green"):
            units = np.full((len(asked.products), 4), 3 if team == "red" else number)
            asked.frame(units).to_csv(folder / "handin" / f"{team}.csv", index=False)
        game.close(game.look())
        board.publish(game)
        game = Referee(folder)  # nothing is remembered but what is on the disk
    game.reveal()
    board.publish(game)
    return game


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Referee:
    return play(tmp_path_factory.mktemp("game") / "g")


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "referee/store-" not in path.as_posix() and path.name != "lock"
    }


def test_a_month_scores_what_the_hand_computes_from_the_truth(played: Referee) -> None:
    tables = Store.from_directory(played.tables(1))  # every rule of a store holds
    asked = month_of(played.tables(1), 1)
    truth = make_store("tiny", secret.seed_of(PHRASE), cache=False)
    demand = truth.truth.panel("demand").set_index(["unique_id", "ds"])["value"]
    cost = dict.fromkeys(("red", "blue", "last week"), 0.0)
    last = tables.orders[tables.orders["ordered_at"] >= asked.last_known].groupby("product_id")["quantity"].sum()
    for item in tables.products.itertuples():
        for week in asked.weeks:
            for name, units in {"red": 3, "blue": 1, "last week": last.get(item.product_id, 0)}.items():
                miss = demand[item.product_id, week] - units
                cost[name] += (
                    miss * max(item.list_price - item.unit_cost, 0.01) if miss > 0 else -miss * item.unit_cost / 4
                )
    rows = {row.name: row for row in played.result(1).rows}
    assert {name: rows[name].money for name in cost} == {
        name: pytest.approx(money, abs=0.01) for name, money in cost.items()
    }
    best = rows["attainable"].money
    expected = 100 * (cost["last week"] - cost["red"]) / (cost["last week"] - best)
    assert rows["red"].score == pytest.approx(expected, abs=0.02)
    assert (rows["last week"].score, rows["attainable"].score) == (0, 100)
    assert best < min(row.money for row in rows.values() if row.name != "attainable")


def test_the_handed_out_month_is_the_one_that_is_scored(played: Referee) -> None:
    for number in (1, 2):
        shown, scored = month_of(played.tables(number), number), played.month(number)
        assert shown.products == scored.products and shown.weeks.equals(scored.weeks)
        np.testing.assert_array_equal(np.hstack([shown.c_u, shown.c_o]), np.hstack([scored.c_u, scored.c_o]))
    assert played.month(2).weeks[-1] == pd.Timestamp("2025-06-23")


def test_a_missing_file_means_last_months_list_and_a_new_team_begins_at_zero(played: Referee) -> None:
    first, second = (result.row("blue") for result in played.results())
    assert first is not None and second is not None
    assert (first.list, second.list) == (OWN, AGAIN)
    kept = pd.read_csv(played.own / "month-2" / "lists" / "blue.csv")
    old = set(month_of(played.tables(1)).products)
    assert (kept.loc[kept["product_id"].isin(old), "units"] == 1).all()
    start = pd.read_csv(played.room / "month-2-last-week.csv")  # for products that came since
    new = ~kept["product_id"].isin(old)
    assert new.any() and (kept.loc[new, "units"] == start.loc[new, "units"]).all()
    green = next(row for row in standings(played.results()) if row.name == "green")
    assert green.lists == (ABSENT, OWN) and green.scores[0] == 0


def test_no_file_that_is_handed_out_tells_the_secret(tmp_path: Path) -> None:
    game = begin(tmp_path / "g", GameSettings(PHRASE, months=2, size="tiny"))
    game.hand_out(1)
    board.publish(game)
    seed, found = secret.seed_of(PHRASE), contents(tmp_path / "g")
    shown = {name: data for name, data in found.items() if not name.startswith("referee/")}
    assert {"room/README.txt", "room/month-1/orders.parquet", "board/index.html"} <= set(shown)
    for name, data in shown.items():
        for word in (PHRASE.encode(), str(seed).encode(), f"{seed:x}".encode(), seed.to_bytes(8, "little"), b"seed"):
            assert word not in data, f"{name} holds {word!r}"
        assert "truth" not in name and b"expected_demand" not in data
    assert secret.published_hash(PHRASE) in shown["room/README.txt"].decode()
    assert PHRASE in found["referee/game.json"].decode()
    tables = Store.from_directory(game.tables(1))
    for name, table in tables.tables():  # the bytes above are packed
        for column in table.select_dtypes("object"):
            assert not table[column].astype(str).str.contains(rf"{seed}|{PHRASE}").any(), (name, column)
    assert tables.truth is None and tables.orders["ordered_at"].max() < game.month(1).weeks[0]
    assert os.name != "posix" or game.own.stat().st_mode & 0o077 == 0


def test_the_phrase_is_published_when_all_is_over(played: Referee) -> None:
    assert (played.room / "phrase.txt").read_text(encoding="utf-8") == PHRASE
    wanted = pd.read_csv(played.room / "what-was-wanted.csv")
    assert (wanted["wanted"] >= wanted["sold"]).all() and (wanted["wanted"] > wanted["sold"]).any()
    assert len(wanted) == 4 * sum(len(month_of(played.tables(n)).products) for n in (1, 2))
    page = (played.folder / "board" / "index.html").read_text(encoding="utf-8")
    assert PHRASE in page and secret.published_hash(PHRASE) in page


def test_where_a_list_may_lie_and_that_two_of_one_team_are_not_chosen_between(tmp_path: Path) -> None:
    places = ["handin/red.csv", "handin/blue/orders.csv", "green/orders.csv", "handin/Old.xlsx", "handin/Pink.csv"]
    places += ["pink/orders.csv", "handin/.~lock.red.csv", "handin/README.txt", "room/orders.csv", "handin/notes.md"]
    for place in places:
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).touch()
    found = {team.casefold(): len(paths) for team, paths in handin.files_of(tmp_path).items()}
    assert found == {"red": 1, "blue": 1, "green": 1, "old": 1, "pink": 2}


def test_a_game_replays_to_the_byte(played: Referee, tmp_path: Path) -> None:
    again = play(tmp_path / "other")
    first, second = contents(played.folder), contents(again.folder)
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


def test_what_a_crash_left_out_is_written_again(
    played: Referee, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = contents(played.folder)
    for name in ("room/scores.csv", "room/phrase.txt", "room/what-was-wanted.csv", "board/index.html"):
        (played.folder / name).unlink()
    for _ in range(2):
        done = run("score", "--game", str(played.folder))
        assert done.exit_code == 0, done.output
        assert contents(played.folder) == before
    # A crash while a month is being closed leaves it open.
    game = begin(tmp_path / "g", GameSettings(PHRASE, months=2, size="tiny"))
    game.hand_out(1)
    (game.folder / "handin" / "red.csv").write_bytes(before["referee/month-1/lists/red.csv"])
    (game.folder / "handin" / "blue.csv").write_bytes(before["referee/month-1/lists/blue.csv"])

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(referee.json, "dumps", full)
        with pytest.raises(OSError):
            game.close(game.look())
    assert Referee(game.folder).closed == 0
    game.close(game.look())
    assert (game.own / "month-1" / "result.json").read_bytes() == before["referee/month-1/result.json"]


# --- standings and board ----------------------------------------------------------------------------------------------


def result(number: int, **money: float) -> Result:
    kinds = {"last_week": "line", "attainable": "line"}
    rows = [
        Row(
            name.replace("_", " "),
            kinds.get(name, "team"),
            OWN,
            lost,
            score(lost, money["last_week"], money["attainable"]),
        )
        for name, lost in money.items()
    ]
    return Result(number, (WEEKS[0],), tuple(rows))


def test_ranks_follow_the_money_of_all_months() -> None:
    found = standings(
        [
            result(1, last_week=100, attainable=50, red=60, blue=75),
            result(2, last_week=300, attainable=100, red=290, blue=200),
        ]
    )
    rows = {row.name: row for row in found}
    # red 80 and 5 points, blue 50 and 50; together red lost 350 and blue 275 of 400, attainable 150.
    assert (rows["red"].scores, rows["red"].total) == ((80, 5), 20)
    assert (rows["blue"].scores, rows["blue"].total) == ((50, 50), 50)
    assert [(rows[name].rank, rows[name].change) for name in ("blue", "red")] == [(1, 1), (2, -1)]
    assert [row.name for row in found] == ["attainable", "blue", "red", "last week"]
    assert rows["last week"].rank is None
    assert standings([]) == []


def test_the_board_works_offline_and_reads_itself_again(played: Referee) -> None:
    live, still = (
        (played.folder / "board" / name).read_text(encoding="utf-8") for name in ("index.html", "still.html")
    )
    assert '<meta http-equiv="refresh" content="5">' in live and "refresh" not in still.split("<style>")[0]
    for page in (live, still):
        assert not re.search(r"https?://|<script|<link|@import|url\(", page)
        assert 'tabindex="0"' in page and 'name="viewport"' in page
        for name in (
            "last week",
            "the room&#39;s average",
            "attainable",
            "quantile of 8 weeks",
            "red",
            "blue",
            "green",
        ):
            assert name in page
        assert "month 2: last month&#39;s list again" in page and page.count("<polyline") == 9


@pytest.mark.browser
def test_the_board_is_read_on_a_phone_and_by_keyboard(played: Referee) -> None:
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        tab, asked, said = browser.new_page(viewport={"width": 390, "height": 844}), [], []
        tab.on("request", lambda request: asked.append(request.url))
        tab.on("console", lambda message: said.append(message.text))
        tab.goto((played.folder / "board" / "index.html").as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390
        tab.keyboard.press("Tab")
        tab.keyboard.press("Enter")  # pause
        tab.wait_for_url("**/still.html")
        tab.keyboard.press("Tab")
        tab.keyboard.press("Tab")
        tab.keyboard.press("ArrowRight")  # the table is scrolled by its arrows
        tab.wait_for_function("document.querySelector('.table').scrollLeft > 0")
        assert all(url.startswith("file:") for url in asked) and said == []
        browser.close()


def test_names_are_escaped_and_waiting_teams_are_shown(tmp_path: Path) -> None:
    game = begin(tmp_path / "g", GameSettings(PHRASE, months=2, size="tiny", teams=("R&D",)))
    game.hand_out(1)
    board.publish(game)
    page = (game.folder / "board" / "index.html").read_text(encoding="utf-8")
    assert "<b>R&amp;D</b>" in page and "nothing yet" in page and PHRASE not in page


# --- the command ------------------------------------------------------------------------------------------------------


def test_a_room_plays(tmp_path: Path) -> None:
    folder, where = tmp_path / "g", ["--game", str(tmp_path / "g")]
    assert "SHA-256" in run("new", "--out", str(folder), "--size", "tiny", "--months", "2").output
    twice = run("new", "--out", str(folder), "--size", "tiny")
    assert twice.exit_code == 1 and "holds a game already" in twice.output
    assert "not scored" not in run("month", "1", *where).output
    early = run("month", "2", *where)
    assert early.exit_code == 1 and "close month 1 first" in early.output
    start = (folder / "room" / "month-1-last-week.csv").read_text(encoding="utf-8")
    (folder / "handin" / "red.csv").write_text(start, encoding="utf-8")
    (folder / "blue").mkdir()
    (folder / "blue" / "orders.csv").write_text(start.replace("P0001", "P9999"), encoding="utf-8")
    (folder / "handin" / "Last week.csv").write_text(start, encoding="utf-8")
    tables = str(folder / "room" / "month-1")
    assert run("check", str(folder / "handin" / "red.csv"), "--tables", tables).exit_code == 0
    wrong = run("check", str(folder / "blue" / "orders.csv"), "--tables", tables)
    assert wrong.exit_code == 1 and "'P9999'" in wrong.output and "1 of" in wrong.output
    stopped = run("score", *where)
    assert stopped.exit_code == 1 and "--anyway" in stopped.output and not (folder / "referee" / "month-1").exists()
    assert "'P9999'" in (folder / "room" / "answers" / "blue.txt").read_text(encoding="utf-8")
    done = run("score", "--anyway", *where)
    assert done.exit_code == 0, done.output
    rows = {row.name: row for row in Referee(folder).result(1).rows}
    assert (rows["red"].score, rows["blue"].list, rows["blue"].score) == (0, FALLEN_BACK, 0)
    assert "Last week" not in rows
    # Too late: it is said, and does not count.
    (folder / "blue" / "orders.csv").write_text(start.replace(",0\n", ",1\n"), encoding="utf-8")
    before = contents(folder / "referee" / "month-1")
    assert "blue: came too late for month 1" in run("score", *where).output
    assert contents(folder / "referee" / "month-1") == before


def test_one_plays_alone(tmp_path: Path) -> None:
    folder, where = tmp_path / "g", ["--game", str(tmp_path / "g")]
    done = run("new", "--solo", "--out", str(folder), "--size", "tiny", "--months", "2")
    assert done.exit_code == 0 and (folder / "room" / "month-1" / "orders.parquet").is_file()
    assert "nobody has handed in" in run("score", *where).output and Referee(folder).closed == 0
    (folder / "handin" / "you.csv").write_bytes((folder / "room" / "month-1-last-week.csv").read_bytes())
    scored = run("score", *where)
    assert "quantile of 8 weeks" in scored.output and (folder / "room" / "month-2").is_dir()
    before = contents(folder)
    run("score", *where)  # once more by mistake
    assert contents(folder) == before
    ended = run("score", "--anyway", *where)
    assert "It is over" in ended.output and AGAIN in ended.output


def test_what_cannot_be_is_said(tmp_path: Path) -> None:
    assert "there is no game here" in run("score", "--game", str(tmp_path)).output
    assert "so many months" in run("new", "--out", str(tmp_path / "a"), "--size", "tiny", "--months", "9").output
    weak = run("new", "--out", str(tmp_path / "b"), "--size", "tiny", "--secret", "easy")
    assert weak.exit_code == 1 and "20 characters" in weak.output and not (tmp_path / "b").exists()
    taken = run("new", "--out", str(tmp_path / "c"), "--size", "tiny", "--team", "Attainable")
    assert taken.exit_code == 1 and "a line on the board" in taken.output
    assert "not a month's tables" in run("check", "x.csv", "--tables", str(tmp_path)).output


def test_a_lost_store_is_not_replaced_by_another(tmp_path: Path) -> None:
    game = begin(tmp_path / "g", GameSettings(PHRASE, months=2, size="tiny"))
    path = game.own / "game.json"
    held = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(held | {"source": "0" * 16}), encoding="utf-8")
    with pytest.raises(DataError, match="would make another one"):
        _ = Referee(game.folder).store


# --- lesson 00's small game -------------------------------------------------------------------------------------------


def test_the_opening_game_scores_what_the_hand_computes(store: Store) -> None:
    game = opening_game(store, weeks=10)
    names = list(game.past.columns)
    assert game.past.shape == (10, 3) and game.past.index[-1] == pd.Timestamp("2025-05-26")
    items = store.products.set_index("product_id")
    sold = store.orders[store.orders["product_id"] == names[0]]
    week = sold[(sold["ordered_at"] >= "2025-05-26") & (sold["ordered_at"] < "2025-06-02")]
    assert game.past.iloc[-1, 0] == week["quantity"].sum()
    table = game.scores(nobody=None, you=[2, 0, 1], them={name: [2, 2, 2, 2] for name in names}).set_index("list")
    assert "nobody" not in table.index and table.loc["last week", "score"] == 0
    assert table.loc["attainable", "score"] == 100
    wanted, lost = game.answer(), 0.0
    for name, units in zip(names, [2, 0, 1], strict=True):
        margin, cost = items.loc[name, "list_price"] - items.loc[name, "unit_cost"], items.loc[name, "unit_cost"]
        miss = wanted[name] - units
        lost += (miss.clip(lower=0) * margin + (-miss).clip(lower=0) * 0.25 * cost).sum()
    assert table.loc["you", "money"] == pytest.approx(lost, abs=0.051)
    points = (
        100
        * (table.loc["last week", "money"] - lost)
        / (table.loc["last week", "money"] - table.loc["attainable", "money"])
    )
    assert table.loc["you", "score"] == pytest.approx(points, abs=2)


def test_the_opening_game_shows_the_plan_that_a_network_is_told(store: Store) -> None:
    game = opening_game(store, weeks=10)
    assert game.plan.index[:10].equals(game.past.index) and list(game.plan.index[10:]) == list(game.month.weeks)
    assert store.prices is not None
    for name in game.past.columns:
        days = store.prices[(store.prices["product_id"] == name) & (store.prices["date"] >= game.month.weeks[0])]
        assert game.plan[name].iloc[10:].mean() == pytest.approx(days["depth"].mean())
    bare = opening_game(store.with_parts(prices=None), weeks=10)
    assert (bare.plan == 0).all(axis=None) and bare.plan.shape == game.plan.shape


@pytest.mark.parametrize("orders", [[1, 2], {"P9999": 1}, [1, 2, -1], [1, 2, "many"], [[1, 2], 1, 1], [1, 2, None]])
def test_an_opening_list_that_is_none_is_said(store: Store, orders: Any) -> None:
    with pytest.raises(DataError, match="What to do: write"):
        opening_game(store, weeks=10).scores(you=orders)
