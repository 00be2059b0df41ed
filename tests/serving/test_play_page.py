"""The quarter's page in headless Chromium: a game played by its default suggestions, by keyboard and on a phone too."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from browser_help import PHONE, chromium, tab
from serving_help import Server, copy_home, free_port
from starlette.testclient import TestClient

from ecomlib.course.game.desk import DeskReferee, RoomScores
from ecomlib.course.game.desks import Desks
from ecomlib.course.game.kinds import begin_quarter
from ecomlib.course.game.referee import GameSettings
from ecomlib.decisions.shop_quarter import BOTS
from ecomlib.decisions.shop_rounds import LAST_WEEK, REFERENCE, RULE
from ecomlib.serving.live.play_server import create_play

__all__ = ["chromium", "tab"]
pytestmark = pytest.mark.browser
PHRASE = "nobody would guess this sentence"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path, Desks]]:
    """A server with a folder of games and a room's scores; the policies that have to be fitted stay away."""
    folder = tmp_path_factory.mktemp("play page")
    with pytest.MonkeyPatch.context() as patch:
        for name in set(BOTS) - {"the shop", LAST_WEEK, RULE, REFERENCE}:
            patch.delitem(BOTS, name)
        begin_quarter(folder / "room", GameSettings(phrase=PHRASE, size="tiny", teams=("reds",)))
        room = RoomScores(folder / "room")
        room.referee.hand_out(1)
        room.referee.close([])
        games, port = Desks(folder / "games"), free_port()
        server = uvicorn.Server(uvicorn.Config(create_play(games, room), port=port, log_config=None))
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}", folder / "games", games
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory, place: Any) -> Path:
    folder = tmp_path_factory.mktemp("begun") / "play"
    begin_quarter(folder, GameSettings(phrase=PHRASE, size="tiny", solo=True))
    DeskReferee(folder).prepare(lambda *_: None)
    return folder


def visit(page: Any, place: Any, begun: Path, name: str, weeks: int = 0) -> None:
    """Open a game that others have begun, after some weeks by the rule."""
    url, folder, games = place
    shutil.copytree(begun, folder / name)
    while games.state(name)["stage"] == "drawing":
        time.sleep(0.02)
    for week in range(1, weeks + 1):
        games.play(name, week, {}, {})
    page.goto(f"{url}/play#game={name}")
    ready(page, weeks + 1)


def ready(page: Any, week: int) -> None:
    page.wait_for_function(
        """week => document.querySelector('#desk-title').textContent.startsWith(`Week ${week} of`)
        && document.querySelector('#note-order')?.textContent.endsWith('next Monday.')""",
        arg=week,
    )


def text(page: Any, selector: str) -> str:
    return " ".join(page.inner_text(selector).split())


def test_a_quarter_is_played_by_its_default_suggestions(place: Any, tab: Any) -> None:
    url, _, games = place
    tab.goto(url)
    tab.wait_for_selector("#start:not([hidden])")
    tab.fill("#phrase", "short")
    tab.click("#begin button")
    tab.wait_for_function("() => document.querySelector('#begin-fault').textContent.includes('at least 20 characters')")
    assert "422" in tab.faults.pop(), "what the browser itself notes of a refusal"
    tab.fill("#phrase", PHRASE)
    tab.select_option("#size", "tiny")
    tab.click("#begin button")
    ready(tab, 1)
    digits = text(tab, "#hash")
    name = tab.url.partition("game=")[2]
    assert digits == games.state(name)["hash"]
    assert tab.locator("#lever-list fieldset:disabled").count() == 3
    assert "Yours from week 5 on" in text(tab, "[data-lever=price]")
    for week in range(1, 9):
        tab.click("#play")
        ready(tab, week + 1)
        row = games.state(name)["played"][-1]
        assert text(tab, "#told").startswith(f"Week {week}: {row['sold']:,} sold, {row['profit']:,.0f} earned after")
        assert tab.evaluate("document.activeElement.id") == "play", "the key that played a week plays the next one"
    assert "letters are yours too" in text(tab, "#told") and tab.locator("#lever-list fieldset:disabled").count() == 0
    tab.reload()
    ready(tab, 9)
    tab.click("#rest")
    tab.wait_for_selector("#end:not([hidden])")
    assert tab.evaluate("document.activeElement.id") == "end"
    state = games.state(name)
    board = [line.split("\t")[:3] for line in tab.inner_text("#board").split("\n") if line.count("\t") >= 2]
    shown = [
        [row["player"], f"{row['profit']:,.0f}", f"{row['score']:.0f}".replace("-", "−")] for row in state["board"]
    ]
    assert board == shown
    assert state["profit"] == pytest.approx(sum(row["rule"] for row in state["played"]), abs=0.06), "by the rule"
    assert (text(tab, "#phrase-shown"), text(tab, "#hash")) == (PHRASE, digits)
    tab.click("#verify")
    tab.wait_for_function(
        "() => document.querySelector('#verified').textContent.startsWith('✓ Its SHA-256 is the hash')"
    )


def test_what_was_typed_is_played_and_a_wrong_number_loses_nothing(place: Any, tab: Any, begun: Path) -> None:
    visit(tab, place, begun, "a" * 16, weeks=4)
    tab.select_option("#choice-order", "number")
    tab.fill("#number-order", "2.4")
    tab.select_option("#choice-price", "list")
    tab.wait_for_function("() => document.querySelector('#note-price').textContent.length > 0")
    first = tab.locator("#shelf-rows tr").first
    product = first.get_attribute("data-product")
    price, order = (first.locator(f"input[data-lever={lever}]") for lever in ("price", "order"))
    order.fill("77")
    price.fill("99999")
    price.press("Tab")
    assert "✎ 1 number by hand" in text(tab, "#note-order")
    tab.click("#play")
    tab.wait_for_function(
        f"() => document.querySelector('#fault').textContent.includes('{product}: its price lies between')"
    )
    assert "422" in tab.faults.pop() and tab.evaluate("document.activeElement.id") == "fault"
    tab.reload()  # which forgets nothing either
    ready_words = "() => document.querySelector('#note-order')?.textContent.includes('by hand')"
    tab.wait_for_function(ready_words)
    first = tab.locator(f"#shelf-rows tr[data-product={product}]")
    assert first.locator("input[data-lever=order]").input_value() == "77"
    assert tab.input_value("#number-order") == "2.4" and tab.input_value("#choice-price") == "list"
    first.locator("input[data-lever=price]").fill("")
    first.locator("input[data-lever=price]").press("Tab")
    tab.focus("#play")
    tab.keyboard.press("Enter")
    ready(tab, 6)
    kept = (place[1] / ("a" * 16) / "referee" / "week-5" / "lists" / "you.csv").read_text(encoding="utf-8").split("\n")
    levels = dict(line.split(",")[1:3] for line in kept[1:-1])
    start = (place[1] / ("a" * 16) / "room" / "week-5" / "you.csv").read_text(encoding="utf-8").split("\n")
    columns = start[0].split(",")
    row = next(dict(zip(columns, line.split(","), strict=True)) for line in start[1:-1] if f",{product}," in line)
    assert int(levels[product]) == 77 + int(row["on_hand"]) + int(row["arriving"])
    assert "by hand" not in text(tab, "#note-order"), "an order is for one week"
    for week, cover in ((6, "2.2"), (7, "2.1")):  # played before the table has followed what was typed
        tab.fill("#number-order", cover)
        tab.click("#play")
        ready(tab, week + 1)
    assert tab.input_value("#number-order") == "2.1"
    games, other = place[2], "d" * 16
    shutil.copytree(begun, place[1] / other)
    while games.state(other)["stage"] == "drawing":
        time.sleep(0.02)
    for week in range(1, 5):
        games.play(other, week, {}, {})
    games.play(other, 5, {"order": "2.4", "price": "list"}, {"order": {product: 77}})
    for week, cover in ((6, "2.2"), (7, "2.1")):
        games.play(other, week, {"order": cover, "price": "list"}, {})
    assert games.state("a" * 16)["played"] == games.state(other)["played"]


def test_two_tabs_of_one_game(place: Any, tab: Any, begun: Path) -> None:
    visit(tab, place, begun, "b" * 16)
    place[2].play("b" * 16, 1, {}, {})  # the other tab
    tab.click("#play")
    ready(tab, 2)
    assert "Week 1 is not to be played: the next one is week 2." in text(tab, "#fault")
    assert "409" in tab.faults.pop()


def test_a_game_that_is_gone_says_so(place: Any, tab: Any) -> None:
    tab.goto(f"{place[0]}/play#game={'e' * 16}")
    tab.wait_for_selector("#gone:not([hidden])")
    assert "no such game here" in text(tab, "#gone-says") and "404" in tab.faults.pop()
    tab.click("#fresh")
    tab.wait_for_selector("#start:not([hidden])")


def test_a_phone_has_room_and_every_part_has_a_name(place: Any, tab: Any, begun: Path) -> None:
    tab.set_viewport_size(PHONE)
    visit(tab, place, begun, "c" * 16, weeks=8)
    assert tab.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    small = (
        "[...document.querySelectorAll('button, select')].filter((e) => e.offsetParent && e.offsetHeight < 44).length"
    )
    assert tab.evaluate(small) == 0
    nameless = """[...document.querySelectorAll('input, select')].filter((e) => e.offsetParent
        && !e.labels?.length && !e.getAttribute('aria-label')).map((e) => e.id)"""
    assert tab.evaluate(nameless) == []
    for figure in ("#strip svg", "#money svg"):
        assert tab.get_attribute(figure, "role") == "img"
    assert "last week" in (tab.get_attribute("#strip svg", "aria-label") or "")
    assert "Money above the rule after week 8: you +0" in (tab.get_attribute("#money svg", "aria-label") or "")
    dashes = [
        tab.evaluate(f"getComputedStyle(document.querySelector('#money path.{look}')).strokeDasharray")
        for look in ("you", "attainable", "last")
    ]
    assert len(set(dashes)) == 3, "told apart without colour"
    tab.fill("#search", "no product is called so")
    assert text(tab, "#shelf-note").startswith("No product has")


def test_the_room_s_scores_are_a_page(place: Any, tab: Any) -> None:
    tab.goto(f"{place[0]}/play")
    tab.wait_for_selector("#to-room:not([hidden])")
    tab.click("#to-room")
    tab.wait_for_selector("#room-table:not([hidden])")
    rows = TestClient(create_play(None, RoomScores(place[1].parent / "room"))).get(
        "/play/scores", headers={"Host": "127.0.0.1"}
    )
    names = [line.split("\t")[0] for line in tab.inner_text("#room-rows").split("\n") if "\t" in line]
    assert names == [row["name"] for row in rows.json()["rows"]]
    assert text(tab, "#room-title") == "After round 1 of 4"
    assert PHRASE not in tab.content()


def test_the_control_room_offers_the_game_where_it_is_told_to(tmp_path: Path, tab: Any) -> None:
    """With the write key that orders need; a game is no order, and is begun by whoever may read."""
    server = Server(copy_home(tmp_path / "home"), "--play", str(tmp_path / "games"), ECOMLIB_WRITE_KEY="k" * 20)
    try:
        server.wait()
        assert server.get("/overview")["pages"] == {"play": True, "room": False}
        tab.goto(server.url)
        tab.wait_for_selector("#to-play:not([hidden])")
        assert not tab.is_visible("#to-room")
        tab.click("#to-play")
        tab.wait_for_selector("#start:not([hidden])")
        assert server.ask("POST", "/events", {})[0] == 401
        assert server.ask("POST", "/play/begin", {"phrase": "short"})[0] == 422
        assert server.ask("GET", "/play/game?game=0123456789abcdef")[0] == 404
        assert server.ask("GET", "/play/room")[0] == 404
        assert server.get("/openapi.json")["paths"]["/play/week"]["post"].get("security") is None
    finally:
        server.process.terminate()
        server.process.wait(20)
