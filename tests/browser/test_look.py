"""What a page looks like: on a phone, in the dark, to a reader who wants no motion, on paper."""

from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from core import charts
from tests.browser.lab import LabPanel, open_lab
from tests.browser.server import Server

pytestmark = pytest.mark.browser

COUNT_PIXELS = """
(canvas, ink) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3] === 255 && ink.every((value, channel) => Math.abs(data[i + channel] - value) < 4)) count += 1;
  }
  return count;
}
"""


@pytest.mark.parametrize("path", ["", "sine_fits"])
def test_no_sideways_scrolling_on_a_phone(page: Page, server: Server, path: str) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"{server.url}/{path}")
    expect(page.locator("h1")).to_be_visible()
    page.wait_for_timeout(1500)
    main = page.locator("[data-testid=stMain]")
    assert main.evaluate("e => e.scrollWidth - e.clientWidth") <= 0


def test_a_lab_runs_on_a_phone(page: Page, server: Server) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    lab = open_lab(page, f"{server.url}/sine_fits")
    lab.button("run").click()
    lab.expect_step("s > 0 && s < 3000")
    widths = lab.figure.locator("canvas").evaluate_all("all => all.map(c => c.getBoundingClientRect().width)")
    assert all(250 < width < 360 for width in widths)


def test_dark_mode_reaches_page_and_figure(browser: Browser, server: Server) -> None:
    schemes: tuple[tuple[Literal["light", "dark"], list[int], dict[str, str]], ...] = (
        ("light", [255, 254, 251], charts.LIGHT),
        ("dark", [20, 23, 28], charts.DARK),
    )
    for scheme, background, ink in schemes:
        context = browser.new_context(color_scheme=scheme, viewport={"width": 1280, "height": 1400})
        lab = open_lab(context.new_page(), f"{server.url}/sine_fits")
        colour = lab.page.locator(".stApp").evaluate(
            "e => getComputedStyle(e).backgroundColor.match(/\\d+/g).map(Number)"
        )
        assert colour == background
        wanted = [int(ink["ink"][i : i + 2], 16) for i in (1, 3, 5)]
        # The points are drawn in the ink of the scheme.
        assert lab.figure.locator("canvas").first.evaluate(COUNT_PIXELS, wanted) > 100
        context.close()


def test_reduced_motion_draws_seldom_and_still_arrives(browser: Browser, server: Server) -> None:
    context = browser.new_context(reduced_motion="reduce", viewport={"width": 1280, "height": 1400})
    page = context.new_page()
    lab = open_lab(page, f"{server.url}/sine_fits")
    lab.button("run").click()
    lab.expect_step("s > 0 && s < 3000")
    first = lab.step
    lab.expect_step(f"s > {first}")
    assert lab.step - first >= 200
    context.close()


def test_figures_have_text_alternatives_and_the_page_never_jumps(page: Page, server: Server) -> None:
    lab = open_lab(page, f"{server.url}/sine_fits")
    expect(lab.figure).to_have_attribute("aria-label", "Fit a curve")
    assert all(lab.figure.locator("[role=img]").evaluate_all("all => all.map(e => Boolean(e.ariaLabel))"))
    described = lab.figure.locator("[role=img]").first.get_attribute("aria-describedby")
    assert page.locator(f"#{described}").text_content() == lab.sentence.text_content()
    before = lab.figure.bounding_box()
    lab.button("run").click()
    lab.expect_step("s > 0 && s < 3000")
    after = lab.figure.bounding_box()
    assert before is not None and after is not None
    assert abs(before["height"] - after["height"]) < 2


def test_buttons_stay_under_the_finger_when_the_sentence_shrinks(page: Page, server: Server) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    lab = open_lab(page, f"{server.url}/random_labels", "memorise")
    long = lab.sentence.text_content() or ""
    before = lab.figure.bounding_box()
    lab.button("reset").click()
    lab.expect_step("s === 0")
    assert len(lab.sentence.text_content() or "") < len(long) / 2
    after = lab.figure.bounding_box()
    assert before is not None and after is not None
    # The note, below the buttons, has words of its own.
    assert abs(before["height"] - after["height"]) < 30


def test_measure_is_65_to_75_characters(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/sine_fits")
    paragraph = page.get_by_text("Mark ten points on a sheet of paper")
    expect(paragraph).to_be_visible()
    page.wait_for_function(
        "[...document.fonts].some(f => f.family.includes('Source Serif 4') && f.status === 'loaded')"
    )
    characters = paragraph.evaluate(
        """p => {
            const range = document.createRange(), tops = new Map();
            const walker = document.createTreeWalker(p, NodeFilter.SHOW_TEXT);
            for (let node = walker.nextNode(); node; node = walker.nextNode()) {
                for (let i = 0; i < node.length; i += 1) {
                    range.setStart(node, i); range.setEnd(node, i + 1);
                    const top = Math.round(range.getBoundingClientRect().bottom / 8);
                    tops.set(top, (tops.get(top) ?? 0) + 1);
                }
            }
            return Math.max(...tops.values());
        }"""
    )
    assert 65 <= characters <= 77  # The longest line; the mean is a few characters shorter.
    assert "Source Serif 4" in paragraph.evaluate("p => getComputedStyle(p).fontFamily")
    assert page.evaluate("[...document.fonts].some(f => f.family.includes('Source Serif 4') && f.status === 'loaded')")


def test_print_leaves_the_controls_out(page: Page, server: Server) -> None:
    lab = open_lab(page, f"{server.url}/sine_fits")
    page.emulate_media(media="print")
    expect(lab.button("run")).not_to_be_visible()
    expect(LabPanel(page, "fit").sentence).to_be_visible()
