"""Every lab of every chapter runs live on its page."""

import pytest
from playwright.sync_api import Page, expect

from core import book
from core.book import Chapter
from tests.browser.lab import LabPanel
from tests.browser.server import Server

pytestmark = pytest.mark.browser


@pytest.mark.slow
@pytest.mark.parametrize("chapter", book.chapters(), ids=lambda chapter: chapter.slug)
def test_every_lab_runs(page: Page, server: Server, chapter: Chapter) -> None:
    page.goto(f"{server.url}/{chapter.slug}")
    for name in book.labs(chapter.slug):
        lab = LabPanel(page, name)
        lab.figure.scroll_into_view_if_needed(timeout=60_000)
        lab.drawn()
        lab.button("run").click()
        expect(lab.note).to_contain_text("Computed live", timeout=90_000)
        lab.expect_step("s > 0", seconds=90)
        assert lab.sentence.inner_text().endswith(".")
        if lab.figure.get_attribute("data-state") == "playing":
            lab.button("run").click()
        expect(lab.figure).to_have_attribute("data-state", "still")
    assert page.locator("[data-testid=stException]").count() == 0
