"""The two pictures of the control room: the page of a running service while orders stream in.

    python -m benchmarks.pictures.control_room          # writes control_room.png, control_room_advice.png
    python -m benchmarks.pictures.control_room --smoke  # the tiny store, pictures kept nowhere

The first, in lesson 08, holds alerts, forecast, map and what-if; the second sales plan and price advice. Both lie in
notebooks/figures.

Trains on the simulated store without its last weeks, serves, replays these weeks' orders, and takes the picture about
half through the second of them, when a first week has been compared with its forecast. The product shown is the one of
which most is expected among the most urgent orders whose price is to stay for four weeks; the question asked is lesson
03's: five per cent more. Needs Chromium and playwright; without them it says so.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

from ecomlib.serving.live.server_process import ServerProcess, running

FIGURES = Path(__file__).parents[2] / "notebooks" / "figures"
NAMES = ("control_room.png", "control_room_advice.png")
BROWSERS = ("chromium", "google-chrome")
ECOMLIB = [sys.executable, "-m", "ecomlib.cli"]
SPEED = 10_000  # seconds of the shop's in one of ours: a week takes a minute
QUESTION = 1.05  # times the price
MOST_BYTES = 150_000


def draw(browser: str, smoke: bool) -> list[bytes]:
    """Train, serve, replay, and take the pictures when the second week is half over."""
    with tempfile.TemporaryDirectory() as home:
        size = ("--size", "tiny", "--epochs", "1", "--no-text") if smoke else ("--size", "small")
        held = ("--hold-out", "4", "--home", home)  # weeks for the replay
        subprocess.run([*ECOMLIB, "train", *size, *held], check=True, stdout=subprocess.DEVNULL)
        with running(home) as service:
            first = service.get("/overview")["origin"]
            pace = ("0", "11") if smoke else (str(SPEED), "14")  # times faster, days
            replay = subprocess.Popen(
                [*ECOMLIB, "replay", "--home", home, "--url", service.url, "--speed", pace[0], "--days", pace[1]],
                stderr=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
            try:
                for _ in range(480):
                    shop = service.get("/overview")
                    if shop["origin"] > first and shop["elapsed"] > 0.45:
                        return take(browser, service)
                    time.sleep(0.5)
                raise SystemExit("The shop's clock did not reach the middle of the second week within four minutes.")
            finally:
                replay.terminate()
                replay.wait()


def chosen(service: ServerProcess) -> tuple[str, float]:
    """The product to show, by the rule above, and its price."""
    prices = {product["product_id"]: product["price"] for product in service.get("/catalogue")["products"]}
    rows = sorted(service.get("/replenish?ratio=3&limit=20")["rows"], key=lambda row: -row["expected"])
    urgent = [row["product_id"] for row in rows]
    for product in urgent:
        question = {"product_id": product, "region_id": "all", "price": round(QUESTION * prices[product], 2)}
        if abs(service.post("/whatif", question)["now"]["price"] / prices[product] - 1) < 0.005:
            return product, prices[product]
    return urgent[0], prices[urgent[0]]


def take(browser: str, service: ServerProcess) -> list[bytes]:
    """PNGs of the page after a what-if question, in 256 colours: all above the sales plan, and the plan's row."""
    from playwright.sync_api import sync_playwright

    product, price = chosen(service)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light")
        page.goto(f"{service.url}/#product={product}")
        page.wait_for_selector("#figure svg")
        page.fill("#price", f"{QUESTION * price:.2f}")
        page.click("#whatif button")
        page.wait_for_selector("#whatif-table:not([hidden])")
        page.evaluate("document.activeElement.blur()")
        page.mouse.move(0, 0)
        page.evaluate("window.scrollTo(0, 0)")  # the header stays where the page was scrolled to
        page.wait_for_timeout(1_500)  # one more breath of the page
        taken = Image.open(io.BytesIO(page.screenshot(full_page=True, animations="disabled")))
        plan = page.locator("#sales").bounding_box()
        chromium.close()
    assert plan, "the page shows no sales plan"
    top, bottom = round(plan["y"]) - 8, round(plan["y"] + plan["height"]) + 8
    return [small(taken.crop((0, upper, taken.width, lower))) for upper, lower in ((0, top), (top, bottom))]


def small(picture: Image.Image) -> bytes:
    """A PNG in 256 colours."""
    kept = io.BytesIO()
    picture.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(kept, "PNG", optimize=True)
    return kept.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="the tiny store, a picture kept nowhere")
    smoke = parser.parse_args().smoke
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None or importlib.util.find_spec("playwright") is None:
        print("No picture: it needs Chromium (the distribution's package chromium) and playwright (extra dev).")
        return
    for name, picture in zip(NAMES, draw(browser, smoke), strict=True):
        width, height = Image.open(io.BytesIO(picture)).size
        print(f"{name}: {width} x {height} pixels, {len(picture) / 1000:,.0f} kB")
        if len(picture) > MOST_BYTES:
            sys.exit(f"The picture has more than {MOST_BYTES // 1000} kB.")
        if not smoke:
            (FIGURES / name).write_bytes(picture)


if __name__ == "__main__":
    main()
