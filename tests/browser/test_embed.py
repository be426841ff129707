"""A lab in a page of somebody else's, on another origin."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core import book
from core.ui import share
from tests.browser.lab import LabPanel
from tests.browser.server import Server

pytestmark = pytest.mark.browser
FIT = book.lab("sine_fits.fit")


@pytest.fixture
def course(tmp_path: Path, server: Server) -> Iterator[str]:
    """The address of a course's page, served from another port, that holds the frame that Share gives."""
    frame = share.iframe(f"{server.url}/sine_fits", FIT, "fit", FIT.Params(width=16), ["more", "target"])
    (tmp_path / "index.html").write_text(f"<!doctype html><title>A course</title><h1>Week 3</h1>{frame}", "utf-8")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}/"
        http.shutdown()


def test_a_lab_runs_in_a_frame_on_another_origin(page: Page, course: str) -> None:
    page.goto(course)
    frame = page.frame_locator("iframe")
    figure = frame.locator(".wd-lab")
    # The frame's settings are not the defaults: the run that it shows is one of its own.
    expect(figure.locator(".wd-sentence")).to_contain_text("of at most 17", timeout=60_000)
    expect(frame.locator("h1")).to_have_count(0)
    expect(frame.locator(".st-key-site")).to_have_count(0)
    expect(frame.get_by_role("combobox", name="Target")).to_have_count(0)
    expect(frame.get_by_role("slider", name="Hidden units")).to_be_visible()
    figure.locator(".wd-seed[data-seed=seed]").click()
    expect(figure).to_have_attribute("data-state", "playing")


def test_a_frame_is_high_enough(page: Page, server: Server) -> None:
    page.set_viewport_size({"width": 760, "height": share.height(FIT, FIT.Params())})
    page.goto(f"{server.url}/sine_fits?embed=true&lab=fit")
    LabPanel(page, "fit").drawn()
    expect(page.locator(".wd-origin")).to_be_in_viewport()


def test_what_a_frame_cannot_hide_is_named(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/sine_fits?embed=true&lab=fit&hide=colour")
    expect(page.locator(".wd-miss")).to_contain_text("“colour”")


def test_a_link_with_settings_opens_on_a_run_of_them(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/sine_fits?fit.width=16")
    lab = LabPanel(page, "fit")
    lab.figure.scroll_into_view_if_needed()  # Nothing runs that nobody can see.
    expect(lab.sentence).to_contain_text("of at most 17", timeout=60_000)


def test_a_teacher_leaves_out_what_students_should_not_see(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/teach")
    code = page.locator("[data-testid=stCode]").first
    expect(code).to_contain_text("<iframe")
    page.get_by_role("button", name="Table, files and Share").click()
    expect(code).to_contain_text("hide=data")
