"""A fresh server: what its first reader sees, before and after its workers are up."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.lab import LabPanel
from tests.browser.server import serve, until

pytestmark = pytest.mark.browser


def test_text_and_finished_run_show_before_any_worker_is_up_and_run_waits_with_a_word(page: Page) -> None:
    with serve() as server:
        until(lambda: server.workers(), "a worker process")
        [worker] = server.workers()
        worker.suspend()  # It will not be ready before it is told to go on.
        page.goto(f"{server.url}/sine_fits")
        expect(page.locator("h1")).to_have_text("Draw a curve through ten points")
        lab = LabPanel(page, "fit").drawn()
        expect(lab.sentence).to_contain_text("After 3,000 steps")
        expect(lab.note).to_contain_text("finished run")
        lab.button("run").click()
        expect(lab.note).to_contain_text("TensorFlow is starting")
        assert server.status()["workers_ready"] == 0
        worker.resume()
        lab.expect_step("s > 0 && s < 3000", seconds=90)


@pytest.mark.parametrize("query", ["?embed=true", "?fit.width=64"])
def test_first_request_of_a_fresh_server_goes_straight_to_a_chapter(page: Page, query: str) -> None:
    with serve() as server:
        page.goto(f"{server.url}/sine_fits{query}")
        expect(page.locator("h1")).to_have_text("Draw a curve through ten points")
        expect(page).to_have_title(re.compile("Draw a curve"))
        if "width" in query:
            expect(LabPanel(page, "fit").area.get_by_role("slider", name="Hidden units")).to_have_attribute(
                "aria-valuetext", "64"
            )
