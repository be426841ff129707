"""WCAG 2.2 AA on every page, in light and dark, as axe-core checks it."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from core import book
from tests.browser.server import Server

pytestmark = pytest.mark.browser

PAGES = ("", "evidence", "references", "glossary", "teach", *(chapter.slug for chapter in book.chapters()))
LEVELS = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}


DARK = ("", "sine_fits")
"""Pages that hold almost every kind of thing: the others are looked at in dark colours by the long checks."""
CASES = [
    *((path, "light") for path in PAGES),
    *(pytest.param(path, "dark", marks=[] if path in DARK else [pytest.mark.slow]) for path in PAGES),
]


@pytest.mark.parametrize(("path", "scheme"), CASES, ids=str)
def test_page_has_no_violation(browser: Browser, server: Server, path: str, scheme: str) -> None:
    page = browser.new_page(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(f"{server.url}/{path}")
    expect(page.locator("h1")).to_be_visible(timeout=60_000)
    if path in {chapter.slug for chapter in book.chapters()}:
        expect(page.locator(".wd-lab[data-ready] canvas").first).to_be_visible(timeout=60_000)
        expect(page.get_by_text("Citing, licence, errors")).to_be_attached(timeout=60_000)
    found = Axe().run(page, options=LEVELS)
    assert found.violations_count == 0, found.generate_report()
    page.close()
