"""What goes wrong between a reader and the server, and how the page comes out of it."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from core.engine.local import IDLE
from tests.browser.lab import open_lab
from tests.browser.server import Server, free_port, serve, until

pytestmark = pytest.mark.browser

HIDE = """hidden => {
    Object.defineProperty(document, "hidden", { get: () => hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.fixture(scope="module")
def impatient() -> Iterator[Server]:
    """A server that closes a run which nobody has pulled for a few seconds."""
    with serve(WDLW_IDLE_SECONDS="5") as running:
        running.wait(workers_ready=1)
        yield running


def kill(server: Server) -> None:
    """End the server as a crash does: without a word."""
    server.process.send_signal(signal.SIGKILL)
    server.process.wait(10)


@pytest.mark.slow
def test_an_open_tab_outlives_its_server_and_goes_on_from_its_address(page: Page) -> None:
    port = free_port()
    with serve(port) as server:
        server.wait(workers_ready=1)
        lab = open_lab(page, f"{server.url}/sine_fits?fit.width=8")
        lab.expect_step("s > 0 && s < 3000", seconds=60)
        slider = lab.area.get_by_role("slider", name="Points")
        slider.focus()
        slider.press("ArrowRight")
        lab.expect_settings(fit__width="8", fit__points="11")
        kill(server)
        lab.button("every").click()
        expect(lab.note).to_contain_text("does not answer", timeout=15_000)
    with serve(port) as server:
        expect(lab.note).to_contain_text("Computed live", timeout=90_000)
        expect(slider).to_have_attribute("aria-valuetext", "11")
        lab.expect_settings(fit__width="8", fit__points="11")
        lab.expect_step("s > 0 && s < 3000", seconds=60)
        expect(lab.sentence).to_contain_text("of at most 9")


@pytest.mark.slow
def test_a_link_opens_on_the_run_that_another_reader_made_before_the_server_was_restarted(
    page: Page, context: BrowserContext, tmp_path: Path
) -> None:
    link = "sine_fits?fit.width=8&fit.steps=300"
    with serve(WDLW_CACHE=str(tmp_path), WDLW_CACHE_MB="64") as server:
        server.wait(workers_ready=1)
        lab = open_lab(page, f"{server.url}/{link}")
        lab.expect_step("s === 300", seconds=120)
        made = lab.sentence.text_content()
        until(lambda: list(tmp_path.glob("*/*.npz")), "the run on disk")
    with serve(WDLW_CACHE=str(tmp_path), WDLW_CACHE_MB="64") as server:
        other = context.new_page()
        lab = open_lab(other, f"{server.url}/{link}")
        lab.expect_step("s === 300")
        expect(lab.note).to_contain_text("made earlier on this server")
        assert lab.sentence.text_content() == made and server.status()["runs"] == 0
        lab.scrub.focus()
        lab.scrub.press("Home")
        lab.expect_step("s === 0")
        lab.button("step").click()
        lab.expect_step("s === 2")
        expect(lab.button("run")).to_have_text("Run it live")
        lab.button("run").click()
        expect(lab.note).to_contain_text("Computed live", timeout=90_000)


@pytest.mark.slow
def test_in_a_full_house_a_finished_run_is_played_until_the_own_one_has_its_turn(
    page: Page, context: BrowserContext
) -> None:
    with serve(WDLW_WORKERS="1", WDLW_RUNS_PER_WORKER="1") as server:
        server.wait(workers_ready=1)
        first = open_lab(page, f"{server.url}/sine_fits")
        first.button("reset").click()  # A run that stands before its first step holds its place.
        first.expect_step("s === 0")
        second = open_lab(context.new_page(), f"{server.url}/sine_fits")
        second.button("run").click()
        expect(second.note).to_contain_text("number 1 in the queue")
        expect(second.note).to_contain_text("a finished run of these settings")
        second.expect_step("s > 0 && s < 3000")
        first.button("reset").click()  # Its run is closed, and the next one queues.
        expect(second.note).to_contain_text("Computed live", timeout=30_000)
        second.expect_step("s > 0 && s < 3000")


@pytest.mark.slow
def test_a_tab_asleep_asks_for_nothing_and_finds_its_run_closed_when_it_wakes(page: Page, impatient: Server) -> None:
    lab = open_lab(page, f"{impatient.url}/sine_fits")
    lab.button("run").click()
    lab.expect_step("s > 0 && s < 3000")
    page.evaluate(HIDE, True)
    until(lambda: impatient.status()["runs"] == 0, "no run left", seconds=30)
    at = lab.step
    page.wait_for_timeout(1000)
    assert lab.step == at < 3000
    page.evaluate(HIDE, False)
    expect(lab.note).to_have_text(IDLE)
    assert lab.step == at
    lab.button("run").click()
    lab.expect_step("s > 0 && s < 100")


def test_a_closed_tab_ends_its_run(page: Page, impatient: Server) -> None:
    lab = open_lab(page, f"{impatient.url}/sine_fits")
    lab.button("run").click()
    lab.expect_step("s > 0 && s < 3000")
    until(lambda: impatient.status()["runs"] == 1, "one run")
    page.close()
    until(lambda: impatient.status()["runs"] == 0, "no run left", seconds=30)


def test_a_slow_line_costs_no_frame_and_a_cut_one_no_run(page: Page, server: Server) -> None:
    lab = open_lab(page, f"{server.url}/sine_fits")
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    slow = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 20_000}
    network.send("Network.emulateNetworkConditions", slow)
    lab.button("run").click()
    lab.expect_step("s > 80 && s < 3000")
    lab.button("run").click()
    expect(lab.figure).to_have_attribute("data-state", "still")
    network.send("Network.emulateNetworkConditions", slow | {"offline": True})
    lab.button("run").click()
    expect(lab.note).to_contain_text("does not answer", timeout=15_000)
    at = lab.step
    assert lab.scrub.get_attribute("max") == str(at // 20)  # Every frame so far: there is one for every 20 steps.
    network.send("Network.emulateNetworkConditions", slow | {"latency": 0, "downloadThroughput": -1})
    lab.expect_step(f"s > {at}")
