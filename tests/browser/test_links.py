"""Addresses: what they restore, and what becomes of those that make no sense."""

from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.browser.lab import LabPanel, open_lab
from tests.browser.server import Server, serve

pytestmark = pytest.mark.browser

FOREIGN = {
    "fit.width=abc": "Hidden units must be one of",
    "fit.points=1000000": "Points must be a whole number from 4 to 200",
    "fit.learning_rate=nan": "Learning rate must be a number",
    "fit.noise=-inf": "Noise must be a number",
    "nonsense=1": "names nothing on this page",
}
STRANGE = {
    "fit.seed=" + "9" * 400: "Seed of the nets must be",
    "fit.colour=red": "There is no setting “colour”",
    "fit.target=" + "x" * 5000: "Target must be one of",
    "fit.activation=" + quote("<img src=x onerror=alert(1)>"): "Activation must be one of",
    "fit.points=" + quote("١٢"): "Points must be a whole number",
}


@pytest.mark.parametrize("link", [FOREIGN, STRANGE], ids=["out of range", "strange"])
def test_each_thing_a_link_says_wrongly_is_named_and_the_default_used(
    page: Page, server: Server, link: dict[str, str]
) -> None:
    page.goto(f"{server.url}/sine_fits?{'&'.join(link)}")
    for sentence in link.values():
        expect(page.locator(".wd-miss")).to_contain_text(sentence)
    lab = LabPanel(page, "fit").drawn()
    expect(lab.sentence).to_contain_text("After 3,000 steps")
    assert page.locator("[data-testid=stException]").count() == 0
    assert page.locator(".wd-miss img").count() == 0


def test_a_link_restores_the_settings_and_its_run(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/sine_fits?fit.width=64&fit.learning_rate=0.0042&rivals.points=21")
    lab = LabPanel(page, "fit")
    expect(lab.area.get_by_role("slider", name="Hidden units")).to_have_attribute("aria-valuetext", "64")
    expect(lab.area.get_by_role("slider", name="Learning rate")).to_have_attribute("aria-valuetext", "0.0042")
    lab.figure.scroll_into_view_if_needed()
    expect(lab.sentence).to_contain_text("of at most 65", timeout=60_000)
    lab.expect_settings(fit__width="64", fit__learning_rate="0.0042", rivals__points="21")


def test_the_address_follows_the_settings(page: Page, server: Server) -> None:
    lab = open_lab(page, f"{server.url}/sine_fits")
    slider = lab.area.get_by_role("slider", name="Points")
    slider.focus()
    slider.press("ArrowRight")
    page.wait_for_url("**/sine_fits?fit.points=11")
    slider.press("ArrowLeft")
    page.wait_for_url("**/sine_fits")


def test_back_leads_to_where_the_reader_came_from(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/teach")
    page.get_by_role("link", name="Why Deep Learning Works", exact=True).first.click()
    page.get_by_role("link", name="1. Draw a curve").first.click()
    lab = LabPanel(page, "fit").drawn()
    slider = lab.area.get_by_role("slider", name="Points")
    for points in ("11", "12"):
        slider.focus()
        slider.press("ArrowRight")
        lab.expect_settings(fit__points=points)
    page.go_back()
    expect(page.locator("h1").first).to_have_text("Why Deep Learning Works")
    page.go_back()
    expect(page.locator("h1").first).to_contain_text("each")
    page.go_forward()
    page.go_forward()
    lab = LabPanel(page, "fit").drawn()
    expect(lab.area.get_by_role("slider", name="Points")).to_have_attribute("aria-valuetext", "12")
    lab.expect_settings(fit__points="12")


def test_an_unknown_page_says_so(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/no_such_chapter")
    expect(page.locator("h1")).to_be_visible()
    assert page.locator("[data-testid=stException]").count() == 0


@pytest.mark.slow
def test_a_server_below_a_path_draws_its_figures(page: Page) -> None:
    with serve(STREAMLIT_SERVER_BASE_URL_PATH="a/path") as server:
        lab = open_lab(page, f"{server.url}/a/path/sine_fits")
        lab.button("pin").click()
        expect(lab.button("pin")).to_have_attribute("aria-pressed", "true")
