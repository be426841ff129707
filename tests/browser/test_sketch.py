"""A reader draws a guess on the figure, the run draws its answer, and the page says how far off the guess was."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from core import book, stored
from tests.browser.lab import LabPanel, open_lab
from tests.browser.server import Server

pytestmark = pytest.mark.browser


def asked(page: Page, server: Server, chapter: str = "sharp_flat_minima", name: str = "edge") -> LabPanel:
    lab = open_lab(page, f"{server.url}/{chapter}", name)
    expect(lab.figure).to_have_attribute("data-asking", "yes")
    return lab


def values(lab: LabPanel) -> list[float]:
    found: list[float] = lab.figure.locator("[role=slider]").evaluate_all(
        "all => all.map(e => Number(e.dataset.height))"
    )
    return found


def test_drawn_by_pointer_compared_hidden_and_removed(page: Page, server: Server) -> None:
    lab = asked(page, server, "saddle_counts", "dimension")
    expect(lab.sentence).to_have_text("")
    expect(lab.button("answer")).to_be_disabled()
    pad = lab.figure.locator("svg.wd-sketch")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 5, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 5, box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()
    drawn = values(lab)
    assert max(drawn) < 10 * min(drawn) and max(drawn) < 1e-4
    lab.button("answer").click()
    said = lab.button("verdict-drawn")
    expect(said).to_have_text(
        re.compile(r"^On average your curve is a factor of [\d.,+e×⁰¹²³⁴⁵⁶⁷⁸⁹ ]+ away"), timeout=120_000
    )
    live = book.lab("saddle_counts.dimension")
    frames = stored.load("saddle_counts.dimension")
    assert live.sketch is not None and frames is not None
    assert said.text_content() == live.sketch.verdict(drawn, live.Params(), frames)
    expect(lab.sentence).to_contain_text("In 10 dimensions")
    expect(lab.figure.get_by_role("img", name="Your guess.")).to_be_visible()
    lab.button("veil").click()
    expect(lab.figure.locator("svg.wd-sketch")).to_have_count(0)
    lab.button("forget").click()
    expect(said).to_have_text("")
    expect(lab.button("veil")).not_to_be_visible()


def test_drawn_by_keys_alone(page: Page, server: Server) -> None:
    lab = asked(page, server)
    points = lab.figure.locator("[role=slider]")
    points.first.focus()
    before = values(lab)
    page.keyboard.press("PageUp")
    page.keyboard.press("ArrowUp")
    assert all(after > old for after, old in zip(values(lab), before, strict=True))  # Untouched places follow.
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    first, second, *rest = values(lab)
    assert first > second and set(rest) == {second}
    assert points.nth(1).evaluate("e => e === document.activeElement")
    expect(points.nth(1)).to_have_attribute("aria-label", "Your guess at step 250")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    assert lab.button("answer").evaluate("e => e === document.activeElement")
    lab.button("undraw").click()
    assert values(lab) == before


def test_a_reader_who_does_not_guess_is_shown_the_finished_run(page: Page, server: Server) -> None:
    lab = asked(page, server)
    lab.button("skip").click()
    expect(lab.sentence).to_contain_text("After 1,500 steps")
    lab.button("draw").click()
    expect(lab.sentence).to_have_text("")
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(lab.sentence).to_contain_text("After 1,500 steps")


def test_drawn_by_finger_at_the_width_of_a_phone(browser: Browser, server: Server) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    page.set_default_timeout(60_000)
    lab = asked(page, server)
    pad = lab.figure.locator("svg.wd-sketch")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    assert box is not None and box["width"] < 390
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + 8)
    expect(lab.button("answer")).to_be_enabled()
    assert max(values(lab)) > 8
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()
