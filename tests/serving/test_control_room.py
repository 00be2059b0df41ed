"""The control room in headless Chromium: it says what the service says, to everybody, and asks nobody else."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser_help import DESKTOP, PHONE, SOON, chromium, tab
from own_shop import write_shop
from serving_help import Server, copy_home, serving

__all__ = ["chromium", "tab"]
pytestmark = pytest.mark.browser
INTRUDER = """<img src=x onerror="document.title='taken over'">"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(copy_home(tmp_path_factory.mktemp("control room") / "home")) as server:
        yield server


def visit(page: Any, server: Server, **chosen: str) -> None:
    page.goto(f"{server.url}/#{'&'.join(f'{name}={value}' for name, value in chosen.items())}")
    page.wait_for_selector("#figure svg")
    page.wait_for_selector("#connection[data-state=live]")


def text(page: Any, selector: str) -> str:
    return " ".join(page.inner_text(selector).split())


def reads(page: Any, selector: str, words: str) -> None:
    """Wait until an element says just that."""
    check = "([s, w]) => document.querySelector(s)?.textContent === w"
    page.wait_for_function(check, arg=[selector, words])


def near(shown: str, value: float) -> bool:
    """Whether a rounded number on the page is this one; halves may be rounded either way."""
    return abs(float(shown.replace(",", "")) - value) <= (0.0501 if value < 10 else 0.501)


def sell(server: Server, key: str, product: str, region: str, quantity: int) -> None:
    event = {"event_key": key, "product_id": product, "region_id": region, "quantity": quantity, "unit_price": 4.5}
    answer = server.ask("POST", "/events", event | {"ordered_at": server.get("/overview")["clock"]})
    assert answer == (200, {"received": 1, "new": 1, "late": 0, "waiting": 0})


def test_page_is_locked_up(server: Server, tab: Any) -> None:
    """No other host (the fixture sees to that), no script but its own file."""
    visit(tab, server)
    policy = tab.request.get(server.url).headers["content-security-policy"]
    assert "default-src 'self'" in policy and "unsafe" not in policy and "*" not in policy
    assert tab.evaluate("document.documentElement.lang") == "en" and tab.title() == "Control room"
    tab.evaluate("""() => { const made = document.createElement('script');
        made.textContent = 'window.intruder = 1'; document.body.append(made); }""")
    assert tab.evaluate("window.intruder") is None
    assert len(tab.faults) == 1 and "Content Security Policy" in tab.faults.pop()


def test_numbers_are_the_services(server: Server, tab: Any) -> None:
    overview = server.get("/overview")
    product, region = overview["alerts"][0]["product_id"], overview["regions"][0]["region_id"]
    visit(tab, server, product=product, region=region)
    assert text(tab, "#events") == f"{overview['events']:,}"
    assert text(tab, "#version") == f"version {overview['version']}"
    for place in overview["regions"]:
        sold, by_now = text(tab, f"[data-region='{place['region_id']}'] .count")[2:].split(" / ")
        assert sold == f"{place['sold_week']:,}" and near(by_now, overview["elapsed"] * place["expected_week"])

    forecast = server.get(f"/forecast/{product}/{region}?history=26")
    first, last = forecast["weeks"][0], forecast["weeks"][-1]
    said = re.fullmatch(
        r"([\d.,]+) units expected .* \(([\d.,]+) to ([\d.,]+)\); sold so far: (\d+)", text(tab, "#forecast-says")
    )
    assert said and int(said[4]) == first["sold"]
    assert [near(said[k], first[name]) for k, name in ((1, "forecast"), (2, "low"), (3, "high"))] == [True] * 3
    assert text(tab, "#forecast-title").startswith(f"{forecast['title']}, ")
    tab.click(".forecast summary")
    table = [row.split("\t") for row in tab.inner_text("#figure-rows").split("\n")]
    assert len(table) == len(forecast["history"]) + len(forecast["weeks"]) > 24
    assert [near(shown, last[name]) for shown, name in zip(table[0][2:], ("forecast", "low", "high"), strict=True)]
    assert [int(row[1]) for row in table[4:]] == [week["units"] for week in reversed(forecast["history"])]
    assert near(re.findall(r"to ([\d.,]+)\) from", tab.text_content("#figure svg desc"))[-1], last["high"])

    answer = server.get(f"/replenish?ratio=9&limit=10&by=product&region_id={region}")
    with tab.expect_response(re.compile("replenish.*ratio=9")):
        tab.select_option("#ratio", "9")
    tab.wait_for_function(
        """(wanted) => JSON.stringify(wanted) === JSON.stringify([...document.querySelectorAll('#alert-rows li')]
        .map((row) => [row.dataset.product, row.querySelector('.order b').textContent]))""",
        arg=[[row["product_id"], f"{row['order']:,}"] for row in answer["rows"]],
    )
    assert text(tab, "#today").endswith(f"order {answer['totals']['order_units']:,} units")


def test_the_day_in_one_line_and_every_product_of_it(server: Server, tab: Any) -> None:
    """The headline's numbers are those of the whole list, which goes on where it is cut."""
    every = server.get("/replenish?limit=5000")
    counts = [sum(row["alert"] == name for row in every["rows"]) for name in ("out", "low")]
    units = sum(row["order"] for row in every["rows"])
    listed = server.get("/replenish?by=product&limit=5000")["rows"]
    assert min(*counts, len(listed)) > 0
    overview = server.get("/overview")
    few = {"rows": listed[:1], "totals": overview["orders"]["totals"] | {"of": len(listed), "rows": 1}}
    tab.route("**/overview*", lambda route: route.fulfill(json=overview | {"orders": overview["orders"] | few}))
    visit(tab, server)
    assert text(tab, "#today") == f"Today: {counts[0]} out, {counts[1]} low, order {units:,} units"
    assert text(tab, "#alerts-count") == f"1 of {len(listed)} products"
    tab.click("#alerts-more")
    tab.wait_for_function("n => document.querySelectorAll('#alert-rows > li').length === n", arg=len(listed))
    first = tab.locator("#alert-rows li").first
    first.locator("summary").click()
    cells = [row.split("\t") for row in first.locator("tbody").inner_text().split("\n") if "\t" in row]
    assert [row[-1].strip() for row in cells] == [
        f"{part['order']:,}" for part in (listed[0], *listed[0]["regions"])
    ], "the product itself, and its regions"
    assert "2 weeks, 2 Jun to 16 Jun 2025" in text(tab, "#alerts-note")


def test_the_running_week_is_set_beside_what_was_expected_by_now(server: Server, tab: Any) -> None:
    overview = server.get("/overview")
    regions = [place | {"sold_week": 0, "expected_week": 0} for place in overview["regions"]]
    for place, sold in zip(regions, (500, 250), strict=False):
        place |= {"sold_week": sold, "expected_week": 1000}
    half = overview | {"elapsed": 0.5, "regions": regions}
    tab.route("**/overview*", lambda route: route.fulfill(json=half))
    visit(tab, server)
    assert text(tab, "#running").startswith("The running week so far: 750 units sold, 1,000 expected by now (−25 %).")
    half |= {"elapsed": 0.0}  # nothing is expected on Monday at midnight
    tab.reload()
    visit(tab, server)
    assert text(tab, "#running") == ""


def test_order_list_opens_in_a_spreadsheet(server: Server, tab: Any) -> None:
    visit(tab, server)
    with tab.expect_download() as download:
        tab.click("#orders button")
    assert download.value.suggested_filename == f"orders-{server.get('/overview')['clock'][:10]}.csv"
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text(encoding="utf-8-sig"))))
    expected = [row for row in server.get("/replenish?ratio=3&limit=5000")["rows"] if row["order"] > 0]
    assert rows and [(row["product_id"], row["region_id"], int(row["order"])) for row in rows] == [
        (row["product_id"], row["region_id"], row["order"]) for row in expected
    ]


def test_an_order_moves_count_and_forecast(server: Server, tab: Any) -> None:
    overview = server.get("/overview")
    product, region = overview["alerts"][0]["product_id"], overview["regions"][-1]["region_id"]
    visit(tab, server, product=product, region=region)
    tab.evaluate("window.still = 'the same page'")
    week = server.get(f"/forecast/{product}/{region}")["weeks"][0]
    assert near(text(tab, "#forecast-says b"), week["forecast"])
    sell(server, "control-room-1", product, region, 7)
    reads(tab, "#events", f"{overview['events'] + 1:,}")
    tab.wait_for_function(
        "n => document.querySelector('#forecast-says').textContent.endsWith(n)", arg=f": {week['sold'] + 7}"
    )
    after = server.get(f"/forecast/{product}/{region}")["weeks"][0]
    assert after["forecast"] > week["forecast"] + 6 and near(text(tab, "#forecast-says b"), after["forecast"])
    assert text(tab, "#newest li:first-child .what").startswith("7 × ")
    assert tab.get_attribute("#newest li:first-child", "class") == "new"
    assert tab.evaluate("window.still") == "the same page"


FOCUS = """() => { const e = document.activeElement, style = getComputedStyle(e.closest('.tile') ?? e);
    return [e.id || e.value || e.className, style.outlineStyle === 'none' ? 0 : parseFloat(style.outlineWidth)]; }"""


def step_to(page: Any, wanted: str, at_most: int = 25) -> None:
    """Press Tab until the wanted element has the focus, and see that one can see it."""
    for _ in range(at_most):
        page.keyboard.press("Tab")
        name, width = page.evaluate(FOCUS)
        if name == wanted:
            assert width >= 2, f"one cannot see that {wanted} has the focus"
            return
    pytest.fail(f"the Tab key does not reach {wanted} within {at_most} steps")


def test_keyboard_alone_gets_an_answer(server: Server, tab: Any) -> None:
    catalogue = server.get("/catalogue")
    product = catalogue["products"][5]
    visit(tab, server)
    step_to(tab, "skip", 1)
    step_to(tab, "light", 1)
    step_to(tab, "product")
    tab.keyboard.type(product["product_id"])  # what stood there is selected, so typing replaces it
    step_to(tab, "region", 1)
    begins = "t => document.querySelector('#forecast-title').textContent.startsWith(t)"
    tab.wait_for_function(begins, arg=product["title"])
    step_to(tab, "all", 3)  # the map is one stop; arrow keys walk inside
    tab.keyboard.press("ArrowDown")
    region = tab.evaluate("document.activeElement.value")
    name = next(r["name"] for r in catalogue["regions"] if r["region_id"] == region)
    reads(tab, "#forecast-title", f"{product['title']}, {name}")
    assert tab.input_value("#region") == region
    assert tab.url.endswith(f"#product={product['product_id']}&region={region}")  # can be sent to a colleague
    step_to(tab, "price")
    price = round(0.9 * product["price"], 2)
    tab.keyboard.press("Control+A")
    tab.keyboard.type(f"{price:.2f}")
    tab.keyboard.press("Enter")
    tab.wait_for_selector("#whatif-table:not([hidden])")
    status, answer = server.ask(
        "POST", "/whatif", {"product_id": product["product_id"], "region_id": region, "price": price}
    )
    assert status == 200 and text(tab, "#whatif-says") == " ".join(answer["says"].split())
    shown = [float(cell) for cell in tab.inner_text("#whatif-rows tr:nth-child(1)").split("\t")[1:]]
    assert shown == [pytest.approx(product["price"], abs=0.005), price], (
        "one price of now: the list's, and the answer's"
    )
    assert f" instead of {product['price']:.2f}" in answer["says"]
    now, then = tab.inner_text("#whatif-rows tr:nth-child(2)").split("\t")[1:]
    shown = re.fullmatch(r"([\d.,]+) \(([\d.,]+) to ([\d.,]+)\)", then)
    assert near(now, answer["now"]["units"]) and shown
    assert [near(shown[k], answer["then"][n]) for k, n in ((1, "units"), (2, "units_low"), (3, "units_high"))] == [
        True
    ] * 3


def test_an_alert_leads_to_its_forecast(server: Server, chromium: Any) -> None:
    with chromium.new_context(viewport=PHONE) as context:
        page = context.new_page()
        visit(page, server)
        headline = page.evaluate("document.querySelector('#today').getBoundingClientRect().bottom")
        assert headline < PHONE["height"] / 2, "what is out is seen at first sight"
        fold = page.locator("#alert-rows li").last
        product = fold.get_attribute("data-product")
        assert fold.locator("table").count() == 0, "regions are folded"
        fold.locator("summary").click()
        last = fold.locator("tbody tr").last
        region = last.get_attribute("data-region")
        last.locator("button").click()
        title = server.get(f"/forecast/{product}/{region}")["title"]
        page.wait_for_function("t => document.querySelector('#forecast-title').textContent.startsWith(t)", arg=title)
        assert page.evaluate("document.activeElement.id") == "forecast"
        assert page.input_value("#region") == region
        assert page.evaluate("document.querySelector('#forecast').getBoundingClientRect().top") < PHONE["height"]


def test_forms_say_what_they_need(server: Server, tab: Any) -> None:
    visit(tab, server)
    tab.click("#whatif button")
    assert text(tab, "#whatif-says") == "Change the price or tick the promotion first."
    price = float(tab.input_value("#price"))
    tab.fill("#change", "-20")  # the slider moves the price, and the price the slider
    assert float(tab.input_value("#price")) == pytest.approx(0.8 * price, abs=0.006)
    tab.fill("#price", f"{1.1 * price:.2f}")
    assert tab.input_value("#change") == "10"
    assert tab.is_disabled("#depth")
    tab.check("#promoted")
    assert tab.is_enabled("#depth")
    tab.fill("#product", "no such thing")
    tab.press("#product", "Tab")
    assert text(tab, "#product-note") == "No product has “no such thing” in its name."


TOO_SMALL = """() => [...document.querySelectorAll('button, select, summary, .tile, .tick, input')]
    .filter((e) => e.checkVisibility() && !['radio', 'checkbox'].includes(e.type))
    .filter((e) => e.getBoundingClientRect().height < 44)
    .map((e) => e.outerHTML.slice(0, 80))"""
TOO_PALE = r"""() => {  // contrast of each piece of text with the ground that it stands on, as WCAG 2 defines it
    const parts = (colour) => colour.match(/[\d.]+/g).map(Number);
    const linear = (v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
    const weights = [0.2126, 0.7152, 0.0722];
    const light = (colour) => weights.reduce((sum, weight, k) => sum + weight * linear(parts(colour)[k]), 0.05);
    const opaque = (colour) => (parts(colour)[3] ?? 1) > 0.99;
    const ground = (e) => [getComputedStyle(e).backgroundColor].find(opaque) ?? ground(e.parentElement);
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
    while (walk.nextNode()) {
        const e = walk.currentNode.parentElement, style = getComputedStyle(e);
        if (!walk.currentNode.data.trim() || !e.checkVisibility()) continue;
        if (e.closest(':disabled, .unseen, noscript')) continue;
        const two = [light(e.closest('svg') ? style.fill : style.color), light(ground(e))];
        if (Math.max(...two) / Math.min(...two) < 4.5) found.push(e.outerHTML.slice(0, 80));
    }
    return found; }"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_phone_by_day_and_night(server: Server, chromium: Any, scheme: str) -> None:
    """360 pixels are enough, a thumb hits everything, and text has the contrast of WCAG AA in both colour schemes."""
    context = chromium.new_context(viewport=PHONE, color_scheme=scheme, has_touch=True, reduced_motion="reduce")
    page = context.new_page()
    visit(page, server)
    page.click("#drift-details summary")
    page.click(".forecast summary")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert page.evaluate(TOO_SMALL) == []
    assert page.evaluate(TOO_PALE) == []
    ground = [int(v) for v in re.findall(r"\d+", page.evaluate("getComputedStyle(document.body).backgroundColor"))]
    assert (max(ground) < 80) == (scheme == "dark")
    assert page.evaluate("getComputedStyle(document.querySelector('.tile')).transitionDuration") == "0s"
    context.close()


def test_everything_has_a_name_for_those_who_listen(server: Server, tab: Any) -> None:
    visit(tab, server)
    nodes = tab.context.new_cdp_session(tab).send("Accessibility.getFullAXTree")["nodes"]
    heard = [(n["role"]["value"], n.get("name", {}).get("value", "")) for n in nodes if not n.get("ignored")]
    used = {"button", "textbox", "combobox", "slider", "spinbutton", "checkbox", "radio", "link", "image"}
    assert [role for role, name in heard if role in used and not name.strip()] == []
    assert {"combobox", "slider", "spinbutton", "checkbox", "radio"} <= {role for role, _ in heard}
    assert any(name.startswith("Units a week: ") for _, name in heard)
    spoken = [name for role, name in heard if role == "radio"]
    assert len(spoken) == 1 + len(server.get("/overview")["regions"])
    assert all(
        re.search(r": [\d,]+ sold, [\d.,]+ expected by now, (fewer than|as|more than) expected", n) for n in spoken
    )


def test_drift_light_has_a_word(server: Server, tab: Any) -> None:
    overview, light = server.get("/overview"), {"light": "green", "says": "The green sentence."}
    tab.route("**/overview*", lambda route: route.fulfill(json=overview | {"drift": dict(light)}))
    visit(tab, server)
    words = {"green": "● Green: as learnt", "amber": "▲ Amber: look closer", "red": "■ Red: train again"}
    for colour, word in words.items():
        light |= {"light": colour, "says": f"The {colour} sentence."}
        reads(tab, "#light", word)
        assert text(tab, "#drift-says") == f"The {colour} sentence."
    tab.click("#drift-details summary")
    tab.wait_for_selector("#drift-signs li")
    shown = tab.eval_on_selector_all("#drift-signs li", "all => all.map((e) => e.textContent)")
    says = [sign["says"] for sign in server.get("/drift")["lights"]]
    assert len(shown) == len(says) >= 5 and all(
        line.endswith(f": {words}") for line, words in zip(shown, says, strict=True)
    )


@pytest.mark.parametrize("shop", ["places", "crowded", "far", "long", "bare"])
def test_maps_of_other_shops(server: Server, tab: Any, shop: str) -> None:
    """Places become circles where they lie; regions that cannot be read so become a list, the largest first."""
    kind = shop if shop == "places" else "bars"
    overview = server.get("/overview")
    regions = [
        {k: region[k] for k in ("region_id", "name", "sold_week", "expected_week")} for region in overview["regions"]
    ]
    if shop == "places":
        regions = [r | {"latitude": 50 + k // 3 + k / 100, "longitude": k % 3} for k, r in enumerate(regions)]
    elif shop == "crowded":  # circles that would lie on each other
        regions = [region | {"latitude": 50 + k, "longitude": 2.0} for k, region in enumerate(regions)]
    elif shop == "far":  # tiles that would run out of the card
        regions = [region | {"row": 0, "column": k} for k, region in enumerate(regions)]
    elif shop == "long":  # names that read alike when they are cut
        name = "Département de la Bourgogne-Franche-Comté"
        regions = [r | {"row": k // 3, "column": k % 3, "name": f"{name} {k}"} for k, r in enumerate(regions)]
    tab.route("**/overview*", lambda route: route.fulfill(json=overview | {"regions": regions}))
    visit(tab, server)
    assert tab.get_attribute("#map", "class") == kind
    boxes = tab.evaluate("""[...document.querySelectorAll('.regions, .tile')].map((e) => {
        const box = e.getBoundingClientRect();
        return [(box.top + box.bottom) / 2, e.dataset.region, box.left, box.right]; })""")
    (_, _, left, right), _, *tiles = boxes  # the card, all regions, each region
    assert all(left < tile[2] and tile[3] < right for tile in tiles)
    assert text(tab, "#map-note").startswith(f"{len(regions)} regions,") == (kind == "bars")
    assert tab.evaluate(
        """[...document.querySelectorAll('.tile .name')].every((e) => e.scrollWidth <= e.clientWidth)"""
    )
    order = sorted(
        regions, key=lambda region: -region["latitude" if kind == "places" else "expected_week"]
    )  # north is up
    assert [tile[1] for tile in sorted(tiles)] == [region["region_id"] for region in order]


def test_large_numbers_stay_in_the_figure(server: Server, tab: Any) -> None:
    """Labels of six and of nine digits begin inside the picture, and the last week's too."""
    forecast = server.get("/forecast?product_id=P0001&history=26")
    grown = dict(forecast)
    tab.route("**/forecast?*", lambda route: route.fulfill(json=grown))
    for times in (1e4, 3e7):
        for name in ("weeks", "history"):
            grown[name] = [
                {k: v if isinstance(v, str) else v and v * times for k, v in w.items()} for w in forecast[name]
            ]
        visit(tab, server, product="P0001")
        tab.reload()
        tab.wait_for_selector("#figure svg")
        boxes = tab.evaluate("""() => { const frame = document.querySelector('#figure svg').getBoundingClientRect();
            return [...document.querySelectorAll('#figure text')].map((e) => { const box = e.getBoundingClientRect();
                return [e.textContent, box.left - frame.left, frame.right - box.right]; }); }""")
        assert len(boxes) > 8 and [box for box in boxes if min(box[1:]) < 0] == []
        assert any(re.fullmatch(r"[1-9][\d,.]*(000|M|B)", box[0]) for box in boxes), boxes


def test_a_shop_whose_tables_say_less(server: Server, tab: Any) -> None:
    """Without regions, prices or a stock nothing is shown that cannot work; money has the shop's currency."""
    overview, catalogue = server.get("/overview"), server.get("/catalogue")
    can = {"whatif": False, "stock": False, "regions": False}
    orders = overview["orders"] | {
        "rows": [row | {"alert": None, "on_hand": None, "regions": []} for row in overview["orders"]["rows"]]
    }
    order = {
        "event_key": "k",
        "product_id": "P0001",
        "region_id": "all",
        "quantity": 2,
        "title": "Mug",
        "unit_price": 4.5,
        "ordered_at": overview["clock"],
    }
    less = {
        "can": can,
        "orders": orders,
        "currency": "EUR",
        "newest": [order],
        "regions": [{"region_id": "all", "sold_week": 1, "expected_week": 2.0}],
    }
    tab.route("**/overview*", lambda route: route.fulfill(json=overview | less))
    tab.route("**/catalogue", lambda route: route.fulfill(json=catalogue | {"regions": [{"region_id": "all"}]}))
    visit(tab, server, product="P0001")
    for part in (".regions", "#region", ".whatif"):
        assert not tab.is_visible(part), part
    assert "region" not in tab.inner_text("main").lower()
    assert text(tab, "#alerts-title") == "What to order" and "out" not in text(tab, "#today")
    price = catalogue["products"][0]["price"]
    assert f"Price now: {price:.2f} EUR." in text(tab, "#product-note")
    assert text(tab, "#newest li .soft") == "at 4.50 EUR"
    tab.locator("#alert-rows button").last.click()  # no regions: the row itself leads to the forecast
    reads(tab, "#forecast-title", orders["rows"][-1]["title"])


def test_events_that_wait_are_seen_first(server: Server, tab: Any) -> None:
    overview = server.get("/overview")
    one = {
        "event_key": "<b>slip</b>",
        "product_id": "P0001",
        "region_id": "R01",
        "quantity": 1_000_000,
        "title": "Mug",
        "unit_price": 4.5,
        "ordered_at": "2025-07-04T10:00:00",
        "kind": "order",
    }
    waiting = {"count": 4, "events": [one | {"why": "quantity"}, one | {"why": "date", "quantity": 1}, one]}
    tab.route("**/overview*", lambda route: route.fulfill(json=overview | {"waiting": waiting}))
    visit(tab, server)
    assert text(tab, "#waiting-title") == "4 events wait and are not counted"
    lines = tab.eval_on_selector_all("#waiting-events li", "all => all.map((e) => e.textContent)")
    assert lines[0].startswith("Order <b>slip</b> of 4 Jul 2025: 1,000,000 × Mug") and len(lines) == 4
    assert [line.split(" – ")[-1] for line in lines] == [
        "more than this product usually sells",
        "dated too far ahead of the shop’s clock",
        "kept for somebody to look at",
        "and 1 more: ecomlib waiting",
    ]
    assert {"ecomlib waiting apply", "ecomlib waiting void"} == set(tab.locator("#waiting code").all_inner_texts())
    tops = [
        tab.evaluate(f"document.querySelector('{part}').getBoundingClientRect().top") for part in ("#waiting", "#today")
    ]
    assert tops == sorted(tops)
    waiting["count"], waiting["events"] = 0, []
    tab.wait_for_selector("#waiting", state="hidden")


def test_signs_that_ring_are_named(server: Server, tab: Any) -> None:
    lights = [{"name": name, "alarm": name != "psi", "says": f"{name} speaks"} for name in ("level", "psi", "new_sign")]
    drift = {"light": "amber", "says": "level speaks; new_sign speaks", "lights": lights}
    overview = server.get("/overview")
    tab.route("**/overview*", lambda route: route.fulfill(json=overview | {"drift": drift}))
    tab.route("**/drift", lambda route: route.fulfill(json=drift))
    visit(tab, server)
    reads(tab, "#light", "▲ Amber: look closer")
    assert tab.locator("#drift-alarms li").all_inner_texts() == ["▲ Level of sales", "▲ New sign"]
    tab.click("#light")
    assert tab.evaluate("document.activeElement.id") == "drift" and "#product=" in tab.url
    tab.click("#drift-details summary")
    tab.wait_for_selector("#drift-signs li")
    signs = tab.locator("#drift-signs li").all_inner_texts()
    assert signs == [
        "▲ Level of sales: level speaks",
        "Inputs, by groups (PSI): psi speaks",
        "▲ New sign: new_sign speaks",
    ]


def test_hidden_tab_asks_nothing(server: Server, tab: Any) -> None:
    visit(tab, server)
    hide = """(hidden) => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
        document.dispatchEvent(new Event('visibilitychange')); }"""
    tab.evaluate(hide, True)
    tab.wait_for_timeout(300)
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.wait_for_timeout(2_200)
    assert asked == []
    with tab.expect_request("**/overview?since=*"):
        tab.evaluate(hide, False)


def test_service_goes_and_comes_back(tab: Any, tmp_path: Path) -> None:
    home = copy_home(tmp_path / "home")
    with serving(home) as server:
        visit(tab, server)
        product, region = server.get("/catalogue")["products"][0], server.get("/overview")["regions"][0]
        server.kill()
        tab.wait_for_selector("#connection[data-state=away]")
        said = text(tab, "#connection")
        assert re.fullmatch(r"○ No answer since \d\d:\d\d", text(tab, "#light"))
        assert tab.get_attribute("#light", "data-light") == "none"
        dim = "[...document.querySelectorAll('main, .facts')].every((e) => getComputedStyle(e).opacity < 0.6)"
        assert tab.evaluate(dim), "what was true then is not shown as if it were so now"
        tab.set_viewport_size(PHONE)
        tab.evaluate("window.scrollTo(0, 900)")
        seen = "document.querySelector('#connection').getBoundingClientRect().top"
        assert tab.evaluate("window.scrollY") > 500 and 0 <= tab.evaluate(seen) < 150, "the light goes along"
        tab.set_viewport_size(DESKTOP)
        assert re.search(r"The service does not answer; last heard at \d\d:\d\d:\d\d$", said), said
        again = Server(home, port=server.port)
        try:
            sell(again.wait(), "while-away", product["product_id"], region["region_id"], 3)
            assert text(tab, "#connection") in (said, "Live"), "it is said once, not every second"
            tab.wait_for_selector("#connection[data-state=live]", timeout=2 * SOON)
            reads(tab, "#events", "1")
            assert not tab.evaluate(dim) and "No answer" not in text(tab, "#light")
        finally:
            again.kill()
    assert tab.faults and all("ERR_CONNECTION_REFUSED" in fault for fault in tab.faults)
    tab.faults.clear()


def test_a_shop_of_ones_own(tab: Any, tmp_path: Path) -> None:
    """A title is text whatever it says; a shop whose prices never moved is told so; an order list holds no formula."""
    import pandas as pd

    from ecomlib.serving.release.bundle import registry
    from ecomlib.serving.release.train import ReleaseSettings, train
    from ecomlib.stores import load_store

    folder = write_shop(tmp_path / "shop", lines=1200)
    products = pd.read_csv(folder / "products.csv", dtype=str)
    products.loc[:1, "title"] = [INTRUDER, "=1+2"]
    products.to_csv(folder / "products.csv", index=False)
    source = {"store": str(folder), "size": "tiny", "seed": 0}
    plan = ReleaseSettings(hold_out=4, epochs=1, text=False, model="gru")
    made = train(load_store(str(folder)).observed(), tmp_path / "home", plan, source=source)
    registry(tmp_path / "home").promote(made.version.number, "a test")
    with serving(tmp_path / "home") as server:
        visit(tab, server, product="00000")
        assert text(tab, "#forecast-title") == f"{INTRUDER}, all regions"
        sell(server, "own-1", "00000", "N", 2)
        reads(tab, "#newest .what", f"2 × {INTRUDER}")
        assert tab.query_selector("main img") is None and tab.title() == "Control room"
        assert not tab.is_visible("#whatif"), "there are no prices: what cannot work is not shown"
        assert server.ask("POST", "/whatif", {"product_id": "00000", "price": 3.5})[0] == 409
        assert tab.is_visible("#alert-rows li") and text(tab, "#alerts-title") == "What to order"
        with tab.expect_download() as download:
            tab.click("#orders button")
        rows = csv.DictReader(io.StringIO(download.value.path().read_text(encoding="utf-8-sig")))
        assert "'=1+2" in {row["title"] for row in rows}
    tab.faults[:] = [fault for fault in tab.faults if "ERR_CONNECTION" not in fault]  # its server has gone


def test_the_plan_is_the_services_with_its_doubt(server: Server, tab: Any) -> None:
    """Numbers of both spans, a bar beside each that has the proportions of its interval, and the weeks as a table."""
    visit(tab, server)
    for span, word in (("served", "expected"), ("quarter", "planned")):
        tab.select_option("#span", span)
        answer = server.get(f"/plan?span={span}&limit=5000")
        whole = [row for row in answer["rows"] if row["span"] == "whole"]
        tab.wait_for_function(
            "w => document.querySelector('#sales-says').textContent.includes(w)", arg=f" units {word} "
        )
        said = re.match(
            r"([\d.,]+) units \w+ in (\d+) weeks from .* \(([\d.,]+) to ([\d.,]+)\)", text(tab, "#sales-says")
        )
        assert said and int(said[2]) == whole[0]["weeks"]
        assert [near(said[k], whole[0][name]) for k, name in ((1, "mean"), (3, "low"), (4, "high"))] == [True] * 3
        parts = {row["node"]: row for row in whole[1:]}
        shown = tab.locator("#sales-rows tr[data-node]")
        assert shown.count() == len(parts)
        first = shown.first
        row = parts[first.get_attribute("data-node")]
        cells = first.inner_text().split("\t")
        low, high = cells[-1].split(" to ")
        assert near(cells[1], row["mean"]) and near(low, row["low"]) and near(high, row["high"])
        ends = first.locator(".reach").first
        left, right, middle = (
            float(value or 0)
            for value in (
                ends.get_attribute("x1"),
                ends.get_attribute("x2"),
                first.locator(".guess").get_attribute("cx"),
            )
        )
        share = (row["mean"] - row["low"]) / (row["high"] - row["low"])
        assert (middle - left) / (right - left) == pytest.approx(share, abs=0.01)
    assert first.locator("svg").get_attribute("aria-hidden") == "true", "the numbers beside it say the same"
    tab.click("#sales summary")
    weeks = [row for row in answer["rows"] if row["level"] == "total" and row["span"] in ("week", "month")]
    assert tab.locator("#sales-steps tr").count() == len(weeks)
    assert answer["how"] in text(tab, "#sales-note")


def test_price_advice_is_the_services_and_leads_to_the_product(server: Server, tab: Any) -> None:
    answer = server.get("/price?limit=10")
    visit(tab, server)
    tab.wait_for_selector("#advice-rows tr")
    rows = [row for row in answer["rows"] if row["price"] != row["price_now"]]
    assert text(tab, "#advice-says").startswith(f"{answer['totals']['changes']} prices to change, for ")
    assert f"({answer['totals']['gain_low']:,.2f} to {answer['totals']['gain_high']:,.2f})" in text(tab, "#advice-says")
    assert tab.locator("#advice-rows tr").count() == len(rows) > 0
    cells = tab.locator("#advice-rows tr").first.inner_text().split("\t")
    assert (
        cells[1].strip() == f"{rows[0]['price_now']:,.2f} → {rows[0]['price']:,.2f}" and cells[-1] == rows[0]["reason"]
    )
    assert f"{rows[0]['gain_low']:,.2f} to {rows[0]['gain_high']:,.2f}" in cells
    tab.locator("#advice-rows button").last.click()
    reads(tab, "#forecast-title", f"{rows[-1]['title']}, all regions")
    assert tab.evaluate("document.activeElement.id") == "forecast"


def test_advice_that_a_shop_cannot_have_is_not_shown(server: Server, tab: Any) -> None:
    """A version without a plan has the weeks ahead alone, one without costs no prices; what is refused is not asked."""
    overview, asked = server.get("/overview"), []
    tab.on("request", lambda request: asked.append(request.url))
    can = overview["can"] | {"price": False, "quarter": False}
    tab.route("**/overview*", lambda route: route.fulfill(json=overview | {"can": can}))
    bare = server.get("/plan?limit=5000")
    bare |= {"interval": "unknown: too few", "rows": [row | {"low": None, "high": None} for row in bare["rows"]]}
    tab.route("**/plan?*", lambda route: route.fulfill(json=bare))
    visit(tab, server)
    tab.wait_for_selector("#sales-rows tr")
    assert not tab.is_visible("#advice") and not tab.is_visible("#span")
    assert "(not known)" in text(tab, "#sales-says") and "unknown: too few" in text(tab, "#sales-note")
    assert tab.locator("#sales-rows .reach").count() == 0 and not [url for url in asked if "/price" in url]
