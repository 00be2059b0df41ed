"""The quarter for people: what a sheet may say, what a round scores, that it replays, and what nobody may see."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from ecomlib.cli.main import app
from ecomlib.course.game.kinds import begin_quarter, open_game
from ecomlib.course.game.quarter_referee import QuarterReferee
from ecomlib.course.game.referee import GameSettings, Referee
from ecomlib.course.game.sheets import Turn, read_sheet, turn_of
from ecomlib.course.game.standings import standings
from ecomlib.course.game.verify import verify_quarter
from ecomlib.decisions.shop_env import ShopEnv, play
from ecomlib.decisions.shop_lessons import OPPONENTS
from ecomlib.decisions.shop_quarter import (
    BOTS,
    CHOICES,
    Quarter,
    Sheet,
    bots,
    open_quarter,
    score_so_far,
    scoreboard,
    weekly,
)
from ecomlib.decisions.shop_rounds import REFERENCE, RULE, rule_policy
from ecomlib.errors import DataError

PHRASE = "nobody would guess this sentence"
TURN = Turn(2, range(4, 7), ("A1", "B2"), ("order", "price", "promote"), np.array([1.0, 2]), np.array([3.0, 4]), 1)
GOOD = "turn,product_id,up_to,price,promote\n2,A1,7,1.5,1\n2,B2,0,4.0,0\n"


@pytest.fixture(scope="module")
def env() -> ShopEnv:
    return open_quarter("tiny", 3)


@pytest.fixture(autouse=True)
def _few_bots(monkeypatch: pytest.MonkeyPatch) -> None:
    """The policies that have to be fitted stay away; they have tests of their own."""
    monkeypatch.delitem(BOTS, "the course")
    for name in OPPONENTS:
        monkeypatch.delitem(BOTS, name)


def run(*words: str, said: str | None = None) -> Any:
    return CliRunner().invoke(app, list(words), input=said)


# --- sheets -----------------------------------------------------------------------------------------------------------

WRONG = {
    "a missing product": (GOOD.replace("2,B2,0,4.0,0\n", ""), ["1 of 2 products is missing: B2"]),
    "an unknown one": (GOOD.replace("B2", "b2"), ["no such product", "'b2', perhaps B2?"]),
    "one twice": (GOOD + "2,A1,7,1.5,0\n", ["stands in the sheet already: row 3 (A1)"]),
    "negative": (GOOD.replace("A1,7", "A1,-7"), ["a level must not be negative", "row 1 (-7)"]),
    "not whole": (GOOD.replace("A1,7", "A1,7.5"), ["whole units; round it", "row 1 (7.5)"]),
    "a slip of the keyboard": (GOOD.replace("A1,7", "A1,7000000"), ["1,000,000"]),
    "an empty cell": (GOOD.replace("A1,7", "A1,"), ["the number is missing", "row 1"]),
    "too dear": (GOOD.replace("4.0", "4.1"), ["between price_low and price_high", "row 2 (4.1, not 2 to 4)"]),
    "too cheap": (GOOD.replace("1.5", "0.5"), ["row 1 (0.5, not 1 to 3)"]),
    "not yes or no": (GOOD.replace("4.0,0", "4.0,2"), ["write 1 or 0", "row 2 (2)"]),
    "a full page": (GOOD.replace("4.0,0", "4.0,1"), ["1 places, and 2 are marked"]),
    "a lever forgotten": (GOOD.replace(",price,", ",cost,"), ["column 'price': the column is missing"]),
    "no number": (GOOD.replace("A1,7", "A1,many"), ["'many'"]),
    "nothing": ("", ["the file is empty"]),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_with_a_sheet_is_said_in_words(tmp_path: Path, kind: str) -> None:
    text, words = WRONG[kind]
    (tmp_path / "red.csv").write_text(text, encoding="utf-8")
    found = read_sheet(tmp_path / "red.csv", TURN)
    said = "\n".join(fault.full() for fault in found.faults)
    assert found.units is None
    for word in words:
        assert word in said


def test_a_sheet_is_read_whatever_else_stands_in_it(tmp_path: Path) -> None:
    path = tmp_path / "red.csv"
    path.write_text("promote;note;up_to;price;product_id\n0;x;0;4,0;B2\n1;y;7;1,5;A1\n", encoding="utf-8")
    found = read_sheet(path, TURN)
    sheet = found.units
    assert isinstance(sheet, Sheet)
    assert (sheet.up_to.tolist(), sheet.price.tolist(), sheet.promote.tolist()) == ([7, 0], [1.5, 4.0], [1, 0])
    assert found.complete == "2 products, up to 7 units, prices, 1 on the offers page"
    assert found.turn is None
    path.write_text(GOOD, encoding="utf-8")
    assert read_sheet(path, TURN).turn == 2


def test_letters_stand_in_a_file_of_their_own(tmp_path: Path) -> None:
    held = {name: getattr(TURN, name) for name in ("number", "weeks", "products", "low", "high", "places")}
    turn = Turn(**held, levers=("order", "mail"), customers=frozenset({"C1", "C2"}))
    (tmp_path / "red.csv").write_text("product_id,up_to\nA1,7\nB2,1\n", encoding="utf-8")
    letters = tmp_path / "red-letters.csv"
    assert read_sheet(tmp_path / "red.csv", turn, letters).units.mail == frozenset()  # type: ignore[union-attr]
    letters.write_text("customer_id\nC2\n", encoding="utf-8")
    assert read_sheet(tmp_path / "red.csv", turn, letters).units.mail == {"C2"}  # type: ignore[union-attr]
    letters.write_text("customer_id\nC2\nC9\n", encoding="utf-8")
    assert "row 2 (C9)" in read_sheet(tmp_path / "red.csv", turn, letters).faults[0].full()
    letters.write_text("who\nC2\n", encoding="utf-8")
    assert "customer_id" in read_sheet(tmp_path / "red.csv", turn, letters).faults[0].full()


def test_a_turn_is_written_down_for_those_who_check_a_sheet_at_home(tmp_path: Path) -> None:
    (tmp_path / "turn.json").write_text(TURN.text(), encoding="utf-8")
    again = turn_of(tmp_path)
    assert (again.products, again.levers, again.weeks, again.places) == (
        TURN.products,
        TURN.levers,
        TURN.weeks,
        TURN.places,
    )
    assert again.low.tolist() == TURN.low.tolist()
    with pytest.raises(DataError, match="no round of a quarter"):
        turn_of(tmp_path / "elsewhere")


# --- one shop ---------------------------------------------------------------------------------------------------------


def test_a_choice_plays_as_its_policy_and_as_its_sheet(env: ShopEnv) -> None:
    quarter, other = Quarter(env), Quarter(env)
    while not quarter.over:
        policy = quarter.choice(order=2.4, price=0.8, promote="nothing", mail="everybody")
        quarter.play(quarter.sheet(policy))
        other.play(policy)
    assert quarter.weeks["profit"].tolist() == pytest.approx(other.weeks["profit"].tolist())
    assert quarter.weeks["round"].tolist() == [1, 1, 1, 1, 2, 2, 3, 3, 4, 4]
    assert quarter.profit == pytest.approx(play(env, policy).profit)
    with pytest.raises(DataError, match="the quarter is over"):
        quarter.play()


def test_who_plays_the_rule_earns_what_the_rule_earns(env: ShopEnv) -> None:
    quarter = Quarter(env, luck=5)
    while not quarter.over:
        quarter.play(quarter.sheet(quarter.choice()))
        weekly(env, {"somebody else": rule_policy(env)}) if quarter.week == 3 else None  # does not disturb it
    # A price at its rail that is the shop's own is not moved as a test: hence not to the cent.
    assert quarter.weeks["profit"].tolist() == pytest.approx(play(env, rule_policy(env), 5).weeks["profit"], rel=0.01)


def test_levels_hold_for_a_round(env: ShopEnv) -> None:
    quarter = Quarter(env)
    sheet = quarter.sheet(quarter.choice(order=2.5), exact=False)
    seen = quarter.see()
    # Two and a half weeks of the mean, whatever lies on the shelf; nothing of what is to be sold below its cost.
    old = (seen["mean_of_8"] > 0) & (seen["next_price"] > seen["unit_cost"])
    assert old.sum() > 40
    assert np.abs(sheet.up_to - 2.5 * seen["mean_of_8"])[old].max() <= 1.02
    quarter.play(sheet, weeks=4)
    assert quarter.week == 4


@pytest.mark.parametrize(
    ("lever", "word"), [("order", "more"), ("order", "-1"), ("price", "nan"), ("mail", "2"), ("promote", "")]
)
def test_a_choice_that_is_none_is_answered_with_those_there_are(env: ShopEnv, lever: str, word: str) -> None:
    with pytest.raises(DataError, match="this is no choice") as error:
        Quarter(env).choice(**{lever: word})
    assert CHOICES[lever] in str(error.value)


def test_a_person_is_told_that_a_lever_is_closed(env: ShopEnv) -> None:
    quarter = Quarter(env)
    with pytest.raises(DataError, match=r"'price'.*not open yet.*until week 5"):
        quarter.play({"price": np.full(60, 3.0)})
    with pytest.raises(DataError, match="no such lever"):
        quarter.choice(prices=3)
    with pytest.raises(DataError, match="after the last week"):
        quarter.lost()


def test_the_score_has_two_ends_and_is_left_away_where_little_is_to_be_had() -> None:
    profits = pd.DataFrame({RULE: [50.0, 50], REFERENCE: [60.0, 65], "you": [40.0, 65]})
    table = scoreboard(profits)
    assert table["player"].tolist() == [REFERENCE, "you", RULE]
    assert table["score"].tolist() == [100, 20, 0]
    assert scoreboard(profits, 1)["score"].tolist() == [100, 0, -100]
    assert score_so_far(profits.assign(attainable=50.4), "you") is None
    assert set(bots(open_quarter("tiny", 3), [RULE])) == {RULE}


# --- a room -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two teams; one hands in the sheet to begin with, the other nothing after the first round."""
    patch = pytest.MonkeyPatch()
    patch.delitem(BOTS, "the course")
    for name in OPPONENTS:
        patch.delitem(BOTS, name)
    folder = tmp_path_factory.mktemp("room") / "game"
    words = ["game", "new", "--quarter", "--out", str(folder), "--size", "tiny", "--secret", PHRASE]
    assert run(*words, "--team", "red", "--team", "blue").exit_code == 0
    for number in range(1, 5):
        given = run("game", "month", str(number), "--game", str(folder))
        assert given.exit_code == 0, given.output
        tables = folder / "room" / f"round-{number}"
        for team in ("red", "blue") if number == 1 else ("red",):
            text = (tables / f"{team}.csv").read_text(encoding="utf-8")
            (folder / "handin" / f"{team}.csv").write_text(text, encoding="utf-8")
        if number == 4:
            ids = json.loads((tables / "turn.json").read_text(encoding="utf-8"))["customers"][:20]
            pd.DataFrame({"customer_id": ids}).to_csv(folder / "handin" / "red-letters.csv", index=False)
        checked = run("game", "check", str(folder / "handin" / "red.csv"), "--tables", str(tables))
        assert "complete" in checked.output
        closed = run("game", "score", "--game", str(folder))
        assert closed.exit_code == 0, closed.output
    patch.undo()
    return folder


def test_a_quarter_is_played_in_four_rounds(played: Path) -> None:
    referee = open_game(played)
    assert isinstance(referee, QuarterReferee)
    assert referee.finished
    rows = [referee.result(number) for number in range(1, 5)]
    assert [row.weeks for row in rows] == [("1", "4"), ("5", "6"), ("7", "8"), ("9", "10")]
    assert [row.row("red").list for row in rows] == ["own sheet"] * 4
    assert [row.row("blue").list for row in rows] == ["own sheet", *["the last sheet again"] * 3]
    for row in rows:
        assert row.row(REFERENCE).money == 0
        assert row.row(RULE).score in (0, None)
    names = [standing.name for standing in standings(rows, referee.talk)]
    assert {"red", "blue", RULE, REFERENCE, "last week", "the shop"} == set(names)
    board = (played / "board" / "index.html").read_text(encoding="utf-8")
    assert "After round 4 of 4" in board
    assert "the best rule that needs no model" in board
    assert "month" not in board
    assert len((played / "room" / "round-4" / "hint.txt").read_text()) > 50


def test_a_team_s_shop_goes_on_with_what_its_sheets_have_made_of_it(played: Path) -> None:
    red, blue = (pd.read_csv(played / "room" / "round-3" / f"{team}.csv") for team in ("red", "blue"))
    assert red["product_id"].tolist() == blue["product_id"].tolist()
    assert red["on_hand"].tolist() != blue["on_hand"].tolist()
    books = pd.read_csv(played / "room" / "round-3" / "red-books.csv")
    assert books["ds"].nunique() == 16 + 6  # weeks before play, and two rounds
    referee = open_game(played)
    assert isinstance(referee, QuarterReferee)
    shop = referee.shop_of("red", 5)
    money = [referee.profits[REFERENCE].iloc[list(referee.span(n))].sum() for n in range(1, 5)]
    behind = [referee.result(n).row("red").money for n in range(1, 5)]  # type: ignore[union-attr]
    assert shop.profit == pytest.approx(sum(money) - sum(behind), abs=0.1)
    letters = shop.weeks["letters"]
    assert letters.iloc[8:].sum() == pytest.approx(0.1 * 20)


def test_scoring_again_writes_the_same_to_the_byte(played: Path) -> None:
    names = ("board/index.html", "room/scores.csv", "room/weeks.csv", "room/lost.csv", "room/phrase.txt")
    before = {name: (played / name).read_bytes() for name in names}
    assert run("game", "score", "--game", str(played)).exit_code == 0
    assert {name: (played / name).read_bytes() for name in names} == before


def test_the_phrase_is_published_at_the_end_and_its_hash_before(played: Path) -> None:
    phrase = (played / "room" / "phrase.txt").read_text(encoding="utf-8")
    rules = (played / "room" / "README.txt").read_text(encoding="utf-8")
    assert phrase == PHRASE
    assert hashlib.sha256(phrase.encode()).hexdigest() in rules
    assert "from week  9 on: letters" in rules


def test_everybody_can_check_that_the_shop_came_out_of_the_phrase(played: Path, tmp_path: Path) -> None:
    digits = hashlib.sha256(PHRASE.encode()).hexdigest()
    said = run("game", "verify", "--room", str(played / "room"), "--size", "tiny", "--digits", digits)
    assert said.exit_code == 0, said.output
    assert len(said.output.strip().splitlines()) == 3
    assert "noted before the game" in said.output
    early = run("game", "verify", "--room", str(tmp_path), "--size", "tiny")
    assert early.exit_code == 1
    assert "not published yet" in early.output


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("other phrase", "not the one whose hash was published"),
        ("other phrase and rules", "not the one whose hash was published"),
        ("other shop", "another shop than the one"),
        ("table gone", "other tables"),
        ("other money", "other money than"),
        ("cut digits", "64 hexadecimal digits"),
    ],
)
def test_a_referee_who_cheats_is_found_out(played: Path, tmp_path: Path, what: str, told: str) -> None:
    room = tmp_path / "room"
    shutil.copytree(played / "room", room)
    digits = hashlib.sha256(PHRASE.encode()).hexdigest()
    if what.startswith("other phrase"):
        (room / "phrase.txt").write_text(PHRASE + ".", encoding="utf-8")
        if what.endswith("rules"):  # he changes the rules as well: only who noted the digits finds out
            rules = (room / "README.txt").read_text(encoding="utf-8")
            new = hashlib.sha256((PHRASE + ".").encode()).hexdigest()
            (room / "README.txt").write_text(rules.replace(digits, new), encoding="utf-8")
    elif what == "other shop":
        path = room / "shop" / "orders.parquet"
        orders = pd.read_parquet(path)
        orders.assign(quantity=orders["quantity"] + (orders.index == 5)).to_parquet(path, index=False)
    elif what == "table gone":
        (room / "shop" / "mailings.parquet").unlink()
    elif what == "other money":
        weeks = pd.read_csv(room / "weeks.csv")
        weeks.assign(**{RULE: weeks[RULE] + 5}).to_csv(room / "weeks.csv", index=False)
    with pytest.raises(DataError, match=told):
        list(verify_quarter(room, "tiny", "abc" if what == "cut digits" else digits))


def test_teams_see_neither_phrase_nor_seed_nor_what_was_lost(tmp_path: Path) -> None:
    folder = tmp_path / "game"
    referee = begin_quarter(folder, GameSettings(phrase=PHRASE, size="tiny", teams=("red",)))
    referee.hand_out(1)
    assert isinstance(referee, QuarterReferee)
    for path in (folder / "room").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert PHRASE.encode() not in content
            assert str(referee.seed).encode() not in content
            assert str(referee.luck).encode() not in content
            assert not re.search(r"truth|demand|lost", path.name)
    books = pd.read_csv(folder / "room" / "round-1" / "red-books.csv")
    assert not {"demand", "lost", "expected"} & set(books)
    assert not list((folder / "room").rglob("phrase*"))
    assert referee.seed != referee.luck
    # The same phrase makes another shop in the other game.
    assert Referee(folder).seed != referee.seed
    assert not (folder / "room" / "shop" / "truth_demand.npy").exists()


def test_rounds_come_one_after_another_and_have_their_number(tmp_path: Path) -> None:
    folder = tmp_path / "game"
    referee = begin_quarter(folder, GameSettings(phrase=PHRASE, size="tiny", teams=("red",)))
    with pytest.raises(DataError, match="round 2 comes later"):
        referee.hand_out(2)
    with pytest.raises(DataError, match="no such round"):
        referee.hand_out(5)
    with pytest.raises(DataError, match="no round is open"):
        referee.close([])
    referee.hand_out(1)
    late = (folder / "room" / "round-1" / "red.csv").read_text(encoding="utf-8")
    (folder / "handin" / "green.csv").write_text(late.replace("\n1,", "\n1,"), encoding="utf-8")  # joins by handing in
    (folder / "handin" / "the rule.csv").write_text(late, encoding="utf-8")
    hands = {hand.team: hand for hand in referee.look()}
    assert hands["green"].state == "handed in"
    assert "name of a line" in str(hands["the rule"].faults[0])
    result = referee.close(list(hands.values()))
    assert {row.name for row in result.rows if row.kind == "team"} == {"red", "green"}
    assert result.row("red").list == "the rule's sheet"  # type: ignore[union-attr]
    referee.hand_out(2)
    assert (folder / "room" / "round-2" / "green.csv").is_file()
    assert {hand.state for hand in referee.look() if hand.team == "green"} == {"nothing yet"}  # an old sheet is none


def test_a_team_s_name_does_not_end_like_its_files(tmp_path: Path) -> None:
    for number, team in enumerate(("red-letters", "Red-Books", "the rule")):
        with pytest.raises(DataError, match=r"does not end in|name of a line"):
            begin_quarter(tmp_path / str(number), GameSettings(phrase=PHRASE, size="tiny", teams=(team,)))


def test_a_room_that_names_no_teams_has_a_sheet_to_begin_with(tmp_path: Path) -> None:
    referee = begin_quarter(tmp_path / "game", GameSettings(phrase=PHRASE, size="tiny"))
    folder = referee.hand_out(1)
    assert {path.name for path in folder.iterdir()} == {"begin.csv", "begin-books.csv", "hint.txt", "turn.json"}
    (tmp_path / "game" / "handin" / "green.csv").write_text((folder / "begin.csv").read_text(encoding="utf-8"))
    result = referee.close(referee.look())
    assert [row.name for row in result.rows if row.kind == "team"] == ["green"]


def test_a_quarter_has_its_own_length(tmp_path: Path) -> None:
    said = run("game", "new", "--quarter", "--solo", "--out", str(tmp_path / "game"))
    assert said.exit_code == 1
    assert "ecomlib play" in said.output
    with pytest.raises(DataError, match="as many turns as rounds"):
        QuarterReferee.check_length(GameSettings(months=7, size="tiny"))


# --- alone, in the terminal -------------------------------------------------------------------------------------------


def test_a_quarter_is_played_alone_in_the_terminal(tmp_path: Path) -> None:
    folder, sheet = str(tmp_path / "play"), tmp_path / "mine.csv"
    first = run("play", "--out", folder, "--size", "tiny", "--secret", PHRASE, said="2.4\nq\n")
    assert first.exit_code == 0, first.output
    assert "You decide: order." in first.output
    assert "Week 1:" in first.output
    assert "The game is kept." in first.output
    pd.read_csv(tmp_path / "play" / "room" / "week-2" / "you.csv").assign(up_to=30).to_csv(sheet, index=False)
    answers = ["everything", str(sheet), *["", ""], *["2.5", "0.9"] * 2, *["", "", "nothing"] * 2]
    second = run("play", "--out", folder, said="\n".join([*answers, *["", "", "", "everybody"] * 2, ""]))
    assert second.exit_code == 0, second.output
    assert "this is no choice for order" in second.output
    assert "After week 10 of 10" in second.output
    assert "It is over." in second.output
    referee = open_game(tmp_path / "play")
    assert isinstance(referee, QuarterReferee)
    kept = pd.read_csv(tmp_path / "play" / "referee" / "week-2" / "lists" / "you.csv")
    start = pd.read_csv(tmp_path / "play" / "room" / "week-2" / "you.csv")
    stock = start["on_hand"] + start["arriving"]
    assert kept["up_to"].tolist() == np.maximum(stock, 30).tolist()
    columns = referee.columns()
    assert [column.weeks for column in columns] == [("1", "4"), ("5", "6"), ("7", "8"), ("9", "10")]
    behind = sum(column.row("you").money for column in columns)  # type: ignore[union-attr]
    assert behind == pytest.approx(sum(result.row("you").money for result in referee.results()))  # type: ignore[union-attr]
    assert "by round" in (tmp_path / "play" / "board" / "index.html").read_text(encoding="utf-8")
    quarter = referee.shop_of("you", 11)
    told = re.findall(r"So far ([-\d,]+)", second.output)[-1]
    assert float(told.replace(",", "")) == pytest.approx(quarter.profit, abs=1)
    assert (tmp_path / "play" / "room" / "phrase.txt").read_text(encoding="utf-8") == PHRASE
    over = run("play", "--out", folder)
    assert "It is over." in over.output


def test_a_quarter_is_played_by_one_line_and_gives_the_same_twice(tmp_path: Path) -> None:
    money = []
    for name in ("one", "two"):
        words = ["play", "--out", str(tmp_path / name), "--size", "tiny", "--secret", PHRASE, "--order", "2.5"]
        assert run(*words, "--weeks", "2").exit_code == 0
        assert run("play", "--out", str(tmp_path / name), "--order", "2.5", "--price", "list").exit_code == 0
        referee = open_game(tmp_path / name)
        assert isinstance(referee, QuarterReferee)
        assert referee.closed == 3
        money.append(referee.shop_of("you", 4).weeks["profit"].tolist())
    assert money[0] == money[1]


def test_play_refuses_in_words(tmp_path: Path) -> None:
    folder = str(tmp_path / "play")
    wrong = run("play", "--out", folder, "--size", "tiny", "--secret", "short")
    assert "pass-phrase needs" in wrong.output
    assert run("play", "--out", folder, "--size", "tiny", "--secret", PHRASE, "--weeks", "1").exit_code == 0
    again = run("play", "--out", folder, "--secret", PHRASE)
    assert "holds a game already" in again.output
    bad = run("play", "--out", folder, "--order", "lots")
    assert bad.exit_code == 1
    assert "this is no choice for order" in bad.output
    (tmp_path / "some.csv").write_text("product_id,up_to\nP0001,-3\n", encoding="utf-8")
    faulty = run("play", "--out", folder, "--order", str(tmp_path / "some.csv"))
    assert faulty.exit_code == 1
    assert "must not be negative" in faulty.output
    assert run("game", "new", "--out", str(tmp_path / "other"), "--size", "tiny").exit_code == 0
    other = run("play", "--out", str(tmp_path / "other"))
    assert "another game" in other.output
