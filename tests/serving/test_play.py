"""The quarter's page and its questions: it plays as the terminal does, to the digit, and loses nothing of anybody's."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from filelock import FileLock
from starlette.testclient import TestClient
from typer.testing import CliRunner

from ecomlib.cli.main import app as command
from ecomlib.course.game import desks as desks_module
from ecomlib.course.game.desk import DeskReferee, RoomScores
from ecomlib.course.game.desks import Desks
from ecomlib.course.game.kinds import begin_quarter, open_game
from ecomlib.course.game.referee import GameSettings
from ecomlib.course.game.standings import standings
from ecomlib.decisions.shop_quarter import BOTS
from ecomlib.decisions.shop_rounds import LAST_WEEK, REFERENCE, RULE
from ecomlib.errors import DataError
from ecomlib.serving.live.play_server import create_play

PHRASE = "nobody would guess this sentence"
MOVES = [  # by the week that they are made from: words as the terminal takes them
    (1, {"order": "2.4"}),
    (5, {"order": "2.4", "price": "0.8"}),
    (7, {"order": "mean", "price": "0.8", "promote": "nothing"}),
    (9, {"order": "rule", "price": "list", "promote": "rule", "mail": "everybody"}),
]
OPTIONS = {"order": "--order", "price": "--price", "promote": "--offers", "mail": "--letters"}


@pytest.fixture(scope="module", autouse=True)
def _few_bots() -> Iterator[None]:
    """The policies that have to be fitted stay away; they have tests of their own."""
    with pytest.MonkeyPatch.context() as patch:
        for name in set(BOTS) - {"the shop", LAST_WEEK, RULE, REFERENCE}:
            patch.delitem(BOTS, name)
        yield


def run(*words: str, said: str | None = None) -> Any:
    found = CliRunner().invoke(command, list(words), input=said)
    assert found.exit_code == 0, found.output
    return found


def choice_of(week: int) -> dict[str, str]:
    return next(choice for first, choice in reversed(MOVES) if first <= week)


def in_terminal(folder: Path, begin: int = 1, end: int = 10) -> None:
    for week in range(begin, end + 1):
        words = [part for lever, word in choice_of(week).items() for part in (OPTIONS[lever], word)]
        new = ["--size", "tiny", "--secret", PHRASE] if week == 1 else []
        run("play", "--out", str(folder), "--weeks", "1", *new, *words)


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole quarter, played in the terminal."""
    folder = tmp_path_factory.mktemp("terminal") / "play"
    in_terminal(folder)
    return folder


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A game of the same phrase, prepared; to be copied."""
    folder = tmp_path_factory.mktemp("begun") / "play"
    begin_quarter(folder, GameSettings(phrase=PHRASE, size="tiny", solo=True))
    DeskReferee(folder).prepare(lambda *_: None)
    return folder


class Player:
    """Asks as the page does."""

    def __init__(self, games: Desks | None, room: RoomScores | None = None, game: str = "here") -> None:
        self.client = TestClient(create_play(games, room), base_url="http://127.0.0.1:8022")
        self.game = game

    def state(self) -> Any:
        for _ in range(600):
            found = self.client.get("/play/game", params={"game": self.game}).json()
            if found.get("stage") != "drawing":
                return found
            time.sleep(0.05)
        raise AssertionError(found)

    def week(self, week: int, edits: Any = None, **choice: str) -> Any:
        asked = {"game": self.game, "week": week, "choice": choice, "edits": edits or {}}
        return self.client.post("/play/week", json=asked)


def copied(begun: Path, target: Path) -> Player:
    shutil.copytree(begun, target)
    player = Player(Desks(target, single=True))
    player.state()
    return player


def files_of(folder: Path) -> dict[str, bytes]:
    """What came of a game: the sheets that counted, results, and what is shown at the end; not the shop's books."""
    places = [*folder.glob("referee/week-*/**/*"), *folder.glob("room/*.csv"), folder / "room" / "phrase.txt"]
    found = {str(path.relative_to(folder)): path.read_bytes() for path in places if path.is_file()}
    return found | {"board": (folder / "board" / "still.html").read_bytes()}


# --- the same game ----------------------------------------------------------------------------------------------------


def test_the_page_plays_as_the_terminal_does_to_the_digit(terminal: Path, begun: Path, tmp_path: Path) -> None:
    player = copied(begun, tmp_path / "play")
    for week in range(1, 11):
        assert player.week(week, **choice_of(week)).status_code == 200
    ours, theirs = files_of(tmp_path / "play"), files_of(terminal)
    assert len(theirs) == 27
    assert ours == theirs
    state, lines = player.state(), pd.read_csv(terminal / "room" / "weeks.csv")
    assert [row["profit"] for row in state["played"]] == lines["you"].tolist()
    assert [row["rule"] for row in state["played"]] == lines[RULE].tolist()
    assert state["phrase"] == PHRASE
    assert state["lost"] == pd.read_csv(terminal / "room" / "lost.csv")["lost"].sum() > 0
    board = {row["player"]: row for row in state["board"]}
    assert set(board) == {*BOTS, "you"} and board[REFERENCE]["score"] == 100 and board[RULE]["score"] == 0
    assert board["you"]["score"] == round(state["score"])


def test_a_game_goes_on_wherever_it_was_begun(terminal: Path, tmp_path: Path) -> None:
    folder = tmp_path / "play"
    in_terminal(folder, 1, 2)
    player = Player(Desks(folder, single=True))
    assert player.state()["week"] == 3
    for week in range(3, 6):
        assert player.week(week, **choice_of(week)).json()["week"] == week + 1
    in_terminal(folder, 6, 7)
    assert player.state()["week"] == 8, "the page sees what the terminal played"
    for week in range(8, 10):
        player.week(week, **choice_of(week))
    in_terminal(folder, 10, 10)
    assert files_of(folder) == files_of(terminal)


def test_what_is_suggested_is_what_is_played_and_a_number_by_hand_wins(begun: Path, tmp_path: Path) -> None:
    player = copied(begun, tmp_path / "play")
    before = player.state()
    ask = {"game": "here", "choice": {"order": "2.4"}}
    suggested = player.client.post("/play/suggest", json=ask).json()
    assert set(suggested) == {"week", "order"} and len(suggested["order"]) == len(before["products"])
    changed = next(k for k, units in enumerate(suggested["order"]) if units > 0)
    name = before["products"][changed]["product_id"]
    assert player.week(1, {"order": {name: 777}}, order="2.4").status_code == 200
    kept = pd.read_csv(tmp_path / "play" / "referee" / "week-1" / "lists" / "you.csv").set_index("product_id")["up_to"]
    for k, row in enumerate(before["products"]):
        units = 777 if k == changed else suggested["order"][k]
        stock = row["on_hand"] + row["arriving"]
        assert max(kept[row["product_id"]] - stock, 0) == units


def test_prices_and_offers_by_hand_are_kept_to_the_cent(begun: Path, tmp_path: Path) -> None:
    player = copied(begun, tmp_path / "play")
    for week in range(1, 7):
        player.week(week)
    state = player.state()
    first, second = state["products"][0], state["products"][1]
    edits = {"price": {first["product_id"]: first["price_high"]}, "promote": {second["product_id"]: 1}}
    assert player.week(7, edits, promote="nothing").status_code == 200
    kept = pd.read_csv(tmp_path / "play" / "referee" / "week-7" / "lists" / "you.csv").set_index("product_id")
    assert kept["price"][first["product_id"]] == first["price_high"]
    assert kept["promote"].sum() == 1 == kept["promote"][second["product_id"]]


# --- nothing is lost --------------------------------------------------------------------------------------------------

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a word that is none": ({"choice": {"order": "lots"}}, "This is no choice for order (found 'lots'). Write 'rule'"),
    "a number too large": ({"choice": {"order": "101"}}, "This is no choice for order"),
    "not a number": ({"choice": {"order": "nan"}}, "This is no choice for order"),
    "a closed lever": ({"choice": {"price": "0.9"}}, "This lever is not open yet: price. Leave it to the shop until"),
    "a closed lever by hand": ({"edits": {"promote": {"P0001": 1}}}, "This lever is not open yet: offers"),
    "less than nothing": (
        {"edits": {"order": {"P0001": -3}}},
        "P0001: an order is whole units, 0 to 1,000,000, and no",
    ),
    "half a unit": ({"edits": {"order": {"P0001": 1.5}}}, "and not 1.5"),
    "a slip of the keyboard": ({"edits": {"order": {"P0001": 7e9}}}, "and not 7e+09"),
    "no such product": ({"edits": {"order": {"P9": 1, "P8": 1}}}, "P9: there is no such product; P8: there is no"),
    "the week before": ({"week": 2}, "Week 2 is not to be played: the next one is week 3."),
    "a week to come": ({"week": 9}, "the next one is week 3"),
    "no such lever": ({"choice": {"colour": "red"}}, "Input should be 'order'"),
    "words for numbers": ({"edits": {"order": {"P0001": "many"}}}, "Input should be a valid number"),
    "more than is asked": ({"seed": 1}, "Extra inputs are not permitted"),
}


@pytest.fixture(scope="module")
def third_week(begun: Path, tmp_path_factory: pytest.TempPathFactory) -> Player:
    player = copied(begun, tmp_path_factory.mktemp("third week") / "play")
    for week in (1, 2):
        player.week(week)
    return player


@pytest.mark.parametrize("kind", WRONG)
def test_wrong_input_gets_a_sentence_and_nothing_is_lost(third_week: Player, kind: str) -> None:
    asked, words = WRONG[kind]
    before = third_week.state()
    answer = third_week.client.post("/play/week", json={"game": "here", "week": 3} | asked)
    assert answer.status_code == (409 if "week" in kind else 422)
    assert words in " ".join(fault["msg"] for fault in answer.json()["detail"])
    assert third_week.state() == before


def test_rails_and_places_are_held_and_every_fault_is_counted(begun: Path, tmp_path: Path) -> None:
    player = copied(begun, tmp_path / "play")
    for week in range(1, 7):
        player.week(week)
    state = player.state()
    rows, places = state["products"], state["places"]
    dear = {"price": {row["product_id"]: row["price_high"] + 0.02 for row in rows[:7]}}
    answer = player.week(7, dear)
    said = answer.json()["detail"][0]["msg"]
    assert answer.status_code == 422 and f"{rows[0]['product_id']}: its price lies between" in said
    assert "; and 2 more. Mend it" in said
    full = {"promote": {row["product_id"]: 1 for row in rows[: places + 1]}}
    assert f"has {places} places, and {places + 1} are marked" in player.week(7, full, promote="nothing").text
    assert "write" not in player.week(7, {"promote": {rows[0]["product_id"]: 2}}).json()["detail"][0]["msg"]
    assert player.state()["week"] == 7
    assert player.week(7).json()["week"] == 8


def test_a_disk_that_fails_plays_nothing(begun: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    player = copied(begun, tmp_path / "play")
    player.week(1, order="2.4")
    before = player.state()

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(pd.DataFrame, "to_csv", full)
        answer = player.week(2, order="2.4")
    assert answer.status_code == 422 and "No space left on device. Nothing was played" in answer.text
    assert player.state() == before
    again = player.week(2, order="2.4").json()
    other = copied(begun, tmp_path / "other")
    other.week(1, order="2.4")
    assert again["played"] == other.week(2, order="2.4").json()["played"]


def test_a_terminal_at_the_same_game_is_not_disturbed(
    begun: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ecomlib.course.game.desk._PATIENCE", 0.05)
    player = copied(begun, tmp_path / "play")
    with FileLock(tmp_path / "play" / "referee" / "lock"):
        answer = player.week(1)
    assert answer.status_code == 422
    assert "This game is being played in a terminal. Leave it there with q" in answer.json()["detail"][0]["msg"]
    assert player.week(1).status_code == 200


# --- many players -----------------------------------------------------------------------------------------------------


def test_two_players_do_not_disturb_each_other(
    terminal: Path, begun: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In turn, each thrown out of memory by the other; one plays as the terminal did, the other by the rule."""
    monkeypatch.setattr(desks_module, "OPEN", 1)
    names = ["0123456789abcdef", "fedcba9876543210"]
    for name in names:
        shutil.copytree(begun, tmp_path / name)
    games = Desks(tmp_path)
    one, two = (Player(games, game=name) for name in names)
    for week in range(1, 11):
        for player, choice in ((one, choice_of(week)), (two, {})):
            assert player.state()["week"] == week
            assert player.week(week, **choice).status_code == 200
            assert len(games._seats) == 1
    assert files_of(tmp_path / names[0]) == files_of(terminal)
    assert two.state()["profit"] == pytest.approx(sum(row["rule"] for row in two.state()["played"]), abs=0.06)


def test_a_game_rests_and_comes_back(begun: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    for name in ("0" * 16, "1" * 16):
        shutil.copytree(begun, tmp_path / name)
    games = Desks(tmp_path, clock=lambda: now[0])
    one, two = Player(games, game="0" * 16), Player(games, game="1" * 16)
    one.state()
    one.week(1)
    now[0] += desks_module.IDLE + 1
    two.state()
    assert list(games._seats) == ["1" * 16]
    assert one.state()["week"] == 2


@pytest.mark.parametrize("name", ["f" * 16, "../play", "..", "%2e%2e", "play", "A" * 16, "0" * 15, ""])
def test_a_game_that_is_not_there(tmp_path: Path, name: str) -> None:
    player = Player(Desks(tmp_path / "games"), game=name)
    answers = [player.client.get("/play/game", params={"game": name}), player.week(1)]
    assert {answer.status_code for answer in answers} == ({422} if not name else {404})
    assert not (tmp_path / "games").exists()


def test_a_game_is_begun_in_a_folder_of_its_own(tmp_path: Path) -> None:
    games = Desks(tmp_path / "games")
    player = Player(games)
    begin = player.client.post("/play/begin", json={"phrase": f"  {PHRASE} ", "size": "tiny"})
    player.game = begin.json()["game"]
    first = player.client.get("/play/game", params={"game": player.game}).json()
    assert first["stage"] in ("drawing", "play")
    early = player.week(1)
    assert early.status_code == 200 or "still being drawn" in early.text
    state = player.state()
    assert state["weeks"] == 10 and open_game(tmp_path / "games" / player.game).settings.phrase == PHRASE
    other = player.client.post("/play/begin", json={"size": "tiny"}).json()["game"]
    assert other != player.game
    assert Player(games, game=other).state()["hash"] != state["hash"], "a sentence is made up for each"
    for body, words in (({"phrase": "short"}, "at least 20 characters"), ({"size": "large"}, "no shop of this size")):
        refused = player.client.post("/play/begin", json=body)
        assert refused.status_code == 422 and words in refused.text


def test_games_are_bounded(begun: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    games = Desks(tmp_path)
    with games._turn, monkeypatch.context() as patch:  # nobody's shop is drawn meanwhile
        patch.setattr(desks_module, "WAITING", 2)
        for _ in range(2):
            games.begin(size="tiny")
        with pytest.raises(DataError, match="other shops are being drawn"):
            games.begin(size="tiny")
        for seat in games._seats.values():
            seat.stage = "failed"
        (tmp_path / "some game").mkdir()
        patch.setattr(desks_module, "MOST", 1)
        with pytest.raises(DataError, match="1 games are kept here"):
            games.begin(size="tiny")
    single = Desks(begun, single=True)
    assert single.only == "here"
    with pytest.raises(DataError, match="holds a game already"):
        single.begin()


def test_a_beginning_that_fails_is_told_and_tried_again(begun: Path, tmp_path: Path) -> None:
    shutil.copytree(begun, tmp_path / "play")
    kept = tmp_path / "play" / "referee" / "game.json"
    text = kept.read_text(encoding="utf-8")
    kept.write_text("{", encoding="utf-8")
    player = Player(Desks(tmp_path / "play", single=True))
    found = player.state()
    assert found["stage"] == "failed" and "there is no game here" in found["why"]
    kept.write_text(text, encoding="utf-8")
    assert player.state()["week"] == 1


# --- what nobody may see ----------------------------------------------------------------------------------------------


def test_nothing_before_the_end_tells_the_secret(begun: Path, tmp_path: Path) -> None:
    player = copied(begun, tmp_path / "play")
    referee = open_game(tmp_path / "play")
    for week in range(1, 11):
        told = player.client.get("/play/game", params={"game": "here"}).text
        assert (
            PHRASE not in told
            and str(referee.seed) not in told
            and not {"lost", "board", "phrase"} & set(player.state())
        )
        rows = player.state()["played"]
        assert len(rows) == week - 1, "nobody sees what others earn in weeks to come"
        player.week(week)
    assert PHRASE in player.client.get("/play/game", params={"game": "here"}).text
    for path in ("/play/referee/game.json", "/assets/../referee/game.json", "/referee/game.json"):
        assert player.client.get(path).status_code == 404


def test_the_page_is_locked_up(third_week: Player) -> None:
    page = third_week.client.get("/play")
    assert "default-src 'self'" in page.headers["content-security-policy"] and "<style" not in page.text
    body = {"game": "here", "week": 3}
    ask, kind = third_week.client.post, "Content-Type"
    assert ask("/play/week", json=body, headers={"Origin": "http://evil.example"}).status_code == 403
    assert ask("/play/week", json=body, headers={"Host": "evil.example"}).status_code == 400
    assert ask("/play/week", content="{}", headers={kind: "text/plain"}).status_code == 415
    assert ask("/play/week", content=b"x" * 3_000_000, headers={kind: "application/json"}).status_code == 413
    assert third_week.state()["week"] == 3
    assert third_week.client.get("/", follow_redirects=False).headers["location"] == "play"


# --- the room ---------------------------------------------------------------------------------------------------------


def test_the_room_s_scores_are_those_of_its_board(tmp_path: Path) -> None:
    folder = tmp_path / "game"
    words = ["--quarter", "--size", "tiny", "--secret", PHRASE, "--team", "reds", "--team", "blues"]
    run("game", "new", "--out", str(folder), *words)
    client = Player(None, RoomScores(folder)).client
    empty = client.get("/play/scores").json()
    assert (empty["closed"], empty["rows"], empty["turns"]) == (0, [], 4)
    assert client.get("/play").status_code == 404 and client.get("/play/room").status_code == 200
    assert client.get("/play/what").json() == {"play": False, "room": True}
    for number in range(1, 5):
        run("game", "month", str(number), "--game", str(folder))
        assert client.get("/play/scores").json()["open"] == number
        sheet = pd.read_csv(folder / "room" / f"round-{number}" / "reds.csv")
        sheet["up_to"] = (1.1 * sheet["up_to"]).round().astype(int)
        sheet.to_csv(folder / "handin" / "reds.csv", index=False)
        run("game", "score", "--anyway", "--game", str(folder))
        told = client.get("/play/scores").json()
        assert ("phrase" in told) == (number == 4)
        referee = open_game(folder)
        expected = standings(referee.columns(), referee.talk)
        rows = [(row["rank"], row["name"], row["total"], row["scores"]) for row in told["rows"]]
        assert rows == [(s.rank, s.name, s.total, list(s.scores)) for s in expected]
    assert {"reds", "blues", RULE, REFERENCE} <= {row[1] for row in rows}
    assert told["phrase"] == PHRASE


def test_a_folder_that_holds_another_game_is_refused(begun: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no room's quarter"):
        RoomScores(begun)
    begin_quarter(tmp_path / "room", GameSettings(phrase=PHRASE, size="tiny"))
    with pytest.raises(DataError, match="this game is a room's"):
        DeskReferee(tmp_path / "room")
    wrong = CliRunner().invoke(command, ["play", "--browser", "--out", str(tmp_path / "room")])
    assert wrong.exit_code == 1 and "this game is a room's" in wrong.output
    wrong = CliRunner().invoke(command, ["play", "--browser", "--weeks", "2", "--out", str(tmp_path / "new")])
    assert wrong.exit_code == 1 and "leave weeks and levers away" in wrong.output
    wrong = CliRunner().invoke(command, ["play", "--room", str(tmp_path / "room"), "--out", str(tmp_path / "new")])
    assert wrong.exit_code == 1 and "add --browser" in wrong.output
