"""A reader without a mouse: everything by Tab, Enter, arrows and Escape, and the focus always to be seen."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.lab import open_lab
from tests.browser.server import Server

pytestmark = pytest.mark.browser

MOST_STOPS = 120

IN_FOCUS = """
() => {
  const e = document.activeElement;
  if (!e || e.matches("body, main")) return null;
  const rings = [e, e.parentElement, e.parentElement.parentElement, e.closest("label")].filter(Boolean);
  const seen = (part) => {
    const { outlineStyle, outlineWidth } = getComputedStyle(part);
    return outlineStyle === "solid" && parseFloat(outlineWidth) >= 2;
  };
  return { what: e.outerHTML.slice(0, 160), ring: rings.some(seen) };
}
"""


def _tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until ``wanted`` has the focus, which must be seen at every stop."""
    wanted.wait_for(state="attached")
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        stop = page.evaluate(IN_FOCUS)
        assert stop is None or stop["ring"], stop
        if wanted.evaluate("e => e === document.activeElement"):
            return
    raise AssertionError(f"{MOST_STOPS} stops, and none was {wanted}")


def test_from_the_first_page_to_a_run_and_a_setting(page: Page, server: Server) -> None:
    page.emulate_media(reduced_motion="reduce")  # The first page's figure keeps still.
    page.goto(server.url)
    expect(page.locator(".wd-lab[data-drawn]")).to_be_visible(timeout=60_000)
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to main content")
    expect(skip).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    link = page.locator("main [class*=st-key-prose-contents]").get_by_role("link", name=re.compile("^1. "))
    _tab_to(page, link)
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Draw a curve through ten points")

    lab = open_lab(page, f"{server.url}/sine_fits")
    _tab_to(page, page.locator("[data-testid=stRadio]").first.get_by_role("radio").first)
    page.keyboard.press("ArrowDown")
    expect(page.locator(".wd-reveal").first).to_be_visible()

    _tab_to(page, lab.area.get_by_role("slider", name="Hidden units"))
    page.keyboard.press("ArrowRight")
    _tab_to(page, lab.button("run"))
    if lab.figure.get_attribute("data-state") == "playing":
        page.keyboard.press("Enter")
    expect(lab.figure).to_have_attribute("data-state", "still")
    page.keyboard.press("Enter")
    expect(lab.figure).to_have_attribute("data-state", "playing")
    lab.expect_step("s > 0 && s < 3000")
    expect(page).to_have_url(re.compile(r"fit\.width=\d+"))
    page.keyboard.press("Enter")
    expect(lab.figure).to_have_attribute("data-state", "still")

    _tab_to(page, lab.scrub)
    page.keyboard.press("Home")
    lab.expect_step("s === 0")
    page.keyboard.press("ArrowRight")
    lab.expect_step("s > 0")

    share = lab.area.get_by_role("button", name="Share")
    _tab_to(page, share)
    page.keyboard.press("Enter")
    panel = page.locator("[data-testid=stPopoverBody]")
    expect(panel).to_contain_text("fit.width=")
    page.keyboard.press("Escape")
    expect(panel).not_to_be_visible()
    expect(share).to_be_focused()


def test_notes_open_on_focus_and_close_on_escape(page: Page, server: Server) -> None:
    lab = open_lab(page, f"{server.url}/sine_fits")
    lab.button("run").focus()
    term = page.locator("span.wd-tipped").first
    term.focus()
    tip = term.locator(".wd-tip")
    expect(tip).to_be_visible()
    page.keyboard.press("Escape")
    expect(tip).not_to_be_visible()

    claim = page.locator("a.wd-claim").first
    _tab_to(page, claim)
    expect(claim.locator(".wd-tip")).to_be_visible()
    page.keyboard.press("Enter")
    expect(claim.locator(".wd-verdict")).to_contain_text(re.compile("holds|misses"), timeout=60_000)


def test_the_focus_is_never_trapped(page: Page, server: Server) -> None:
    lab = open_lab(page, f"{server.url}/sine_fits?embed=true&lab=fit")
    lab.figure.focus()
    stops = []
    for _ in range(60):
        page.keyboard.press("Tab")
        stop = page.evaluate("document.activeElement === document.body ? null : document.activeElement.outerHTML")
        if stop is None:
            break
        stops.append(stop)
    assert stop is None, "the focus did not leave the page"
    assert len(stops) == len(set(stops)) > 8
