"""A reader measures a number again."""

import re

from playwright.sync_api import Page, expect

from tests.browser.server import Server


def test_a_number_in_the_text_is_measured_at_a_click(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/sine_fits")
    page.wait_for_selector("html[data-measures]", state="attached")
    number = page.locator("a.wd-claim").first
    number.click()
    expect(number.locator(".wd-verdict")).to_have_text(
        re.compile("(holds|misses): measured .* just now"), timeout=60_000
    )
    number.press("Escape")
    assert page.url.partition("#")[0].endswith("/sine_fits")


def test_the_list_of_evidence_measures_and_filters(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/evidence")
    page.wait_for_selector("html[data-measures]", state="attached")
    row = page.locator("tr", has_text="runge_even_11")
    row.get_by_role("button").click()
    expect(row.locator(".wd-verdict")).to_have_text(re.compile("✓ holds: measured 1.916"), timeout=60_000)
    page.get_by_role("button", name="holds", exact=True).click()
    expect(page.locator(".wd-evidence tbody")).to_contain_text("runge_even_11")
    expect(page.locator(".wd-evidence tbody")).not_to_contain_text("runge_even_21")
