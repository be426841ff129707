"""What a newcomer meets first."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.lab import LabPanel
from tests.browser.server import Server

pytestmark = pytest.mark.browser


def test_first_page_shows_a_figure_that_moves(page: Page, server: Server) -> None:
    page.goto(server.url)
    lab = LabPanel(page, "fit").drawn()
    expect(lab.figure).to_have_attribute("data-state", "playing")
    lab.expect_step("s > 0 && s < 3000")
    lab.expect_step("s === 3000", seconds=60)
    assert page.url.rstrip("/") == server.url


def test_with_reduced_motion_it_keeps_still(page: Page, server: Server) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.goto(server.url)
    lab = LabPanel(page, "fit").drawn()
    page.wait_for_timeout(1500)
    assert lab.step == 3000


def test_search_finds_and_leads_there(page: Page, server: Server) -> None:
    page.goto(server.url)
    box = page.get_by_label("Search the text")
    box.fill("rivals")
    box.press("Enter")
    page.locator(".wd-found a", has_text="Rivals").click()
    expect(page.locator("h1")).to_have_text("Draw a curve through ten points")
    page.goto(server.url)
    box.fill("<b>xyzzy</b>")
    box.press("Enter")
    expect(page.get_by_text("Nothing here speaks of")).to_contain_text("<b>xyzzy</b>")


def test_keys_of_a_figure_in_focus(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/sine_fits")
    lab = LabPanel(page, "fit").drawn()
    lab.figure.focus()
    page.keyboard.press("p")
    lab.expect_step("s < 3000")
    page.keyboard.press("r")
    expect(lab.figure).to_have_attribute("data-state", "still")
    page.keyboard.press("0")
    lab.expect_step("s === 0")
    expect(lab.note).to_contain_text("Computed live")
    page.keyboard.press("s")
    lab.expect_step("s === 20")
