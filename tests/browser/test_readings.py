"""The text says what the figure beside it shows."""

import json
import subprocess
import sys

import pytest
from playwright.sync_api import Page, expect

from core import readings
from core.lab import printed
from tests.browser.lab import open_lab
from tests.browser.server import ROOT, Server


@pytest.mark.slow
def test_the_text_follows_a_run_and_ends_on_what_the_command_line_gives(page: Page, server: Server) -> None:
    lab = open_lab(page, f"{server.url}/sine_fits?fit.steps=300")
    lab.expect_step("s === 300")
    expect(lab.figure).to_have_attribute("data-state", "still")
    again = subprocess.run(
        [sys.executable, "-m", "core", "run", "sine_fits.fit", "--set", "steps=300", "--json"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    result = json.loads(again.stdout)["result"]
    for key in ("train_rmse", "dense_rmse"):
        place = page.locator(f"[data-run=fit][data-reading='{key}:.2g']")
        expect(place).to_have_text(printed(f"{result[key]:.2g}"))
    about = page.locator(".wd-tip [data-run=fit]").first
    expect(about).to_have_text("“Fit a curve” as it stands: step 300 of 300, steps 300.")


def test_the_text_opens_on_the_stored_run_and_comes_back_with_its_reader(page: Page, server: Server) -> None:
    stored = readings.stored_readings("sine_fits.fit")
    lab = open_lab(page, f"{server.url}/sine_fits")
    number = page.locator("[data-run=fit][data-reading='dense_rmse:.2g']")
    expect(number).to_have_text(stored["dense_rmse:.2g"])
    lab.button("reset").click()
    lab.expect_step("s === 0")
    expect(number).not_to_have_text(stored["dense_rmse:.2g"])
    before = number.text_content() or ""
    page.get_by_role("link", name="Nets can memorise noise →").click()
    expect(number).to_have_count(0)
    page.get_by_role("link", name="← Draw a curve through ten points").click()
    expect(number).to_have_text(before, timeout=20_000)


def test_a_number_of_a_run_leads_to_its_figure(page: Page, server: Server) -> None:
    lab = open_lab(page, f"{server.url}/sine_fits")
    link = page.locator("a.wd-live", has=page.locator("[data-run=own]")).first
    link.scroll_into_view_if_needed()
    link.press("Enter")
    expect(lab.area.page.locator(".st-key-lab-own .wd-panels")).to_be_in_viewport()
    assert lab.step == 3000
