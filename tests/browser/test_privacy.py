"""Nobody else hears of a reader."""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from core import book
from tests.browser.lab import LabPanel
from tests.browser.server import Server

pytestmark = pytest.mark.browser

PAGES = ["", *(chapter.slug for chapter in book.chapters()), "teach", "evidence", "references", "glossary"]


def test_no_page_asks_another_host_for_anything_or_keeps_a_cookie_that_lasts(page: Page, server: Server) -> None:
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(request.url))
    page.on("websocket", lambda socket: asked.add(socket.url))
    for name in PAGES:
        page.goto(f"{server.url}/{name}")
        expect(page.locator("h1").first).to_be_visible(timeout=60_000)
        if not name:
            LabPanel(page, "fit").drawn()
    own = urlsplit(server.url).netloc
    foreign = {url for url in asked if not url.startswith(("data:", "blob:")) and urlsplit(url).netloc != own}
    assert not foreign and any("/frames/" in url for url in asked)
    assert all(cookie["expires"] == -1 for cookie in page.context.cookies())
