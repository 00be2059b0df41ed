"""The control room's cards about customers in headless Chromium: what the service says, or why it says nothing."""

from __future__ import annotations

import re
from typing import Any

import pytest
from browser_help import DESKTOP, PHONE, chromium, tab
from serving_help import Server
from test_control_room import INTRUDER, TOO_PALE, TOO_SMALL, near, server, text, visit

__all__ = ["chromium", "server", "tab"]
pytestmark = pytest.mark.browser
CARDS = ("offers", "retain", "recommend")


def drawn(page: Any, server: Server) -> None:
    """Visit the room and wait for its last card."""
    visit(page, server)
    page.wait_for_selector("#recommend-rows tr td")


def test_numbers_are_the_services(server: Server, tab: Any) -> None:
    drawn(tab, server)
    offers, board = server.get("/offers?limit=1"), server.get("/retain?by=stake&limit=10")
    said = re.match(
        r"([\d.]+) to ([\d.]+): offer help .* Last week ([\d,]+) visits of ([\d,]+), for ([\d.]+)",
        text(tab, "#offers-says"),
    )
    assert said and [float(said[k]) for k in (1, 2)] == pytest.approx(offers["band"], abs=0.0051)
    assert [int(said[3]), int(said[4])] == [offers["totals"]["help"], offers["totals"]["of"]]
    filled = sum(n > 0 for n in offers["helped"])
    assert tab.locator(".visit.help").count() == filled > 0
    assert tab.locator(".visit").count() == filled + sum(n > 0 for n in offers["counts"])
    spoken = tab.text_content("#offers-text")
    assert f"{offers['totals']['of']} visits" in spoken and f"help pays in {max(offers['helped'])}" in spoken
    assert "is a guess" in text(tab, "#offers-note"), "nobody measured what help adds"

    assert near(text(tab, "#retain-says b"), board["totals"]["at_stake"])
    cells = [row.split("\t") for row in tab.inner_text("#retain-rows").split("\n") if row.strip()]
    assert [row[0] for row in cells] == [row["customer_id"] for row in board["rows"]]
    gone = [f"{100 * (1 - row['alive']):.0f} %" if row["alive"] > 0.01 else "> 99 %" for row in board["rows"]]
    assert [row[2].strip() for row in cells] == gone, "no chance is told as certain"
    widths = [float(one.get_attribute("width")) for one in tab.locator("#retain-rows .stake").all()]
    assert widths[1] / widths[0] == pytest.approx(board["rows"][1]["at_stake"] / board["rows"][0]["at_stake"], abs=0.01)
    assert text(tab, "#letters-says") == board["letters"]["says"]
    ends = [abs(v) for v in board["letters"]["gain_a_customer"]["nobody"]]
    shown = [abs(float(v.replace("−", "-"))) for v in re.findall(r"[−+][\d.]+", tab.inner_text("#letters-rows tr"))]
    assert shown == pytest.approx(ends, abs=0.0051)
    left, right = (float(tab.locator("#letters-rows .reach").first.get_attribute(name)) for name in ("x1", "x2"))
    assert right - left > 5
    assert not tab.is_visible("#write"), "no letter is advised"


def test_letters_that_pay_are_listed(server: Server, tab: Any) -> None:
    board = server.get("/retain?by=stake&limit=10")
    rows = [row | {"write": True, "letter_orders": 0.5, "letter_gain": 1.25} for row in board["rows"][:2]]
    sent = {"letters": board["letters"] | {"write": 2, "says": "Write to 2 customers."}}
    letters = {"rows": rows, "totals": board["totals"] | {"of": 2}}
    tab.route(
        "**/retain?*",
        lambda route: route.fulfill(json=board | sent | (letters if "letters" in route.request.url else {})),
    )
    drawn(tab, server)
    assert text(tab, "#letters-says") == "Write to 2 customers."
    tab.click("#write summary")
    cells = [row.split("\t") for row in tab.inner_text("#write-rows").split("\n") if row.strip()]
    assert cells == [[row["customer_id"], "0.50", "1.25"] for row in rows]
    assert text(tab, "#write-note").startswith("2 of 2.")


def test_a_customer_is_looked_up_by_the_keyboard(server: Server, tab: Any) -> None:
    drawn(tab, server)
    assert text(tab, "#recommend-says").startswith("Somebody new up to")
    customer = server.get("/retain?by=stake&limit=1")["rows"][0]["customer_id"]
    tab.focus("#customer")
    tab.keyboard.type(customer)
    tab.keyboard.press("Enter")
    tab.wait_for_function("() => document.querySelector('#recommend-says').textContent.startsWith('From what')")
    rows = server.get(f"/recommend?customer_id={customer}")["rows"]
    cells = [row.split("\t") for row in tab.inner_text("#recommend-rows").split("\n") if "\t" in row]
    assert [row[1:] for row in cells if len(row) == 3] == [[row["title"], row["because"]] for row in rows]
    assert {"To buy again", "New to the customer"} == set(tab.locator("#recommend-rows th.group").all_inner_texts())
    assert customer not in tab.url, "an address may be sent on"
    tab.fill("#customer", INTRUDER)
    tab.click("#lists-form button")
    tab.wait_for_function("() => document.querySelector('#recommend-says').textContent.startsWith('Nobody who')")
    assert tab.title() == "Control room"


def test_what_a_shop_lacks_stands_in_place_of_the_picture(server: Server, tab: Any) -> None:
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    why = {name: f"table '{name}s': nothing is known. What to do: add {name}s.csv." for name in CARDS}
    tab.route("**/customers", lambda route: route.fulfill(json={"version": 1, "why": why}))
    visit(tab, server)
    for name in CARDS:
        tab.wait_for_function(
            "([n, w]) => document.querySelector(`#${n}-says`).textContent === w", arg=[name, why[name]]
        )
        assert tab.locator(f"#{name} .known").count() > 0
        assert not any(part.is_visible() for part in tab.locator(f"#{name} .known").all())
    assert not [url for url in asked if re.search("offers|retain|recommend", url)], "what is refused is not asked"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_cards_on_a_phone_by_day_and_night(server: Server, chromium: Any, scheme: str) -> None:
    """Nothing is wider than 360 pixels or below a thumb's size, every bar is seen, and text has WCAG's contrast."""
    context = chromium.new_context(viewport=PHONE, color_scheme=scheme, has_touch=True, reduced_motion="reduce")
    page = context.new_page()
    drawn(page, server)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert page.evaluate(TOO_SMALL) == [] and page.evaluate(TOO_PALE) == []
    for part in ("#retain .scroll", "#recommend .scroll", "#offers-figure"):
        assert (
            page.evaluate("s => { const e = document.querySelector(s); return e.scrollWidth - e.clientWidth; }", part)
            <= 1
        )
    inside = """() => { const frame = document.querySelector('#offers-figure svg').getBoundingClientRect();
        return [...document.querySelectorAll('#offers-figure text')].map((e) => { const box = e.getBoundingClientRect();
            return Math.min(box.left - frame.left, frame.right - box.right); }); }"""
    for width in (PHONE, DESKTOP):
        page.set_viewport_size(width)
        page.reload()
        page.wait_for_selector("#offers-figure svg")
        assert min(page.evaluate(inside)) >= 0
    context.close()


def test_every_part_has_a_name(server: Server, tab: Any) -> None:
    drawn(tab, server)
    nodes = tab.context.new_cdp_session(tab).send("Accessibility.getFullAXTree")["nodes"]
    heard = {(n["role"]["value"], n.get("name", {}).get("value", "")) for n in nodes if not n.get("ignored")}
    for role, name in (
        ("region", "Whom to offer help in a visit"),
        ("region", "Who is leaving"),
        ("region", "What to show a customer"),
        ("textbox", "Customer’s identifier (empty: somebody new)"),
        ("button", "Show the lists"),
        ("image", "Visits of the last full week by their chance of an order"),
    ):
        assert any(r == role and n.startswith(name) for r, n in heard), (role, name)
