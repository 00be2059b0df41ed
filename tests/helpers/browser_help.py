"""Headless Chromium for tests of pages: one browser a file, a tab a test, which fails where its page met an error."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
SOON = 15_000  # milliseconds


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def tab(chromium: Any) -> Iterator[Any]:
    """A tab of its own. Its test fails where the page met an error that it did not expect, or asked a second host."""
    context = chromium.new_context(viewport=DESKTOP)
    page = context.new_page()
    page.set_default_timeout(SOON)
    page.faults, page.asked = [], set()
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.on("console", lambda message: page.faults.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: page.asked.add(request.url.split("/")[2]))
    yield page
    context.close()
    assert page.faults == []
    assert len(page.asked - {""}) == 1, f"the page asked several hosts: {page.asked}"
