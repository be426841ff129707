"""A lab in a page of somebody else's, on another origin."""

import contextlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from core import book
from core.ui import share
from tests.browser.find_chromium import find
from tests.browser.lab import ANY_NUMBER, LabPanel
from tests.browser.server import Server, serve, until

pytestmark = pytest.mark.browser
FIT = book.lab("sine_fits.fit")


@contextlib.contextmanager
def course_page(folder: Path, frame: str) -> Iterator[str]:
    """The address of a course's page, on a port of its own, that holds ``frame``."""
    (folder / "index.html").write_text(f"<!doctype html><title>A course</title><h1>Week 3</h1>{frame}", "utf-8")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        # Another name, too, for this machine: cookies do not tell ports apart.
        yield f"http://localhost:{http.server_port}/"
        http.shutdown()


@pytest.fixture
def course(tmp_path: Path, server: Server) -> Iterator[str]:
    """The address of a course's page that holds the frame that Share gives."""
    frame = share.iframe(f"{server.url}/sine_fits", FIT, "fit", FIT.Params(width=16), ["more", "target"])
    with course_page(tmp_path, frame) as address:
        yield address


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


HOST = {
    "STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION": "true",
    "STREAMLIT_SERVER_ENABLE_CORS": "true",
    "STREAMLIT_SERVER_COOKIE_SECRET": "a secret of the host's own",
    "STREAMLIT_SERVER_ENABLE_STATIC_SERVING": "false",
}
"""Settings that a host may well have."""


@pytest.mark.slow
def test_a_lab_runs_in_a_sandbox_at_a_strict_host_without_third_party_cookies(browser: Browser, tmp_path: Path) -> None:
    with serve(0, None, **HOST) as server:
        server.wait(workers_ready=1)
        frame = share.iframe(f"{server.url}/sine_fits", FIT, "fit", FIT.Params())
        sandboxed = frame.replace("<iframe ", '<iframe sandbox="allow-scripts allow-same-origin" ')
        flags = ["--no-sandbox", "--test-third-party-cookie-phaseout"]
        strict = browser.browser_type.launch(executable_path=find(), args=flags)
        with course_page(tmp_path, sandboxed) as address:
            context = strict.new_context(viewport={"width": 900, "height": 1400})
            page = context.new_page()
            page.goto(address)
            inside = page.frame_locator("iframe")
            figure = inside.locator(".wd-lab")
            expect(figure).to_have_attribute("data-drawn", ANY_NUMBER, timeout=60_000)
            # The cookie that Streamlit sets is one of a third party here, and blocked.
            assert not context.cookies(server.url)
            figure.locator(".wd-run").click()
            expect(figure.locator(".wd-note")).to_contain_text("Computed live", timeout=60_000)
            slider = inside.get_by_role("slider", name="Hidden units")
            slider.focus()
            slider.press("ArrowRight")
            expect(figure.locator(".wd-note")).to_contain_text("settings")
            # Nothing is cut off: what is in the frame is no higher than the frame.
            main = inside.locator("[data-testid=stMain]")
            assert main.evaluate("e => e.scrollHeight - e.clientHeight") <= 0
        strict.close()


def test_streamlit_sends_the_child_of_iframe_resizer(page: Page, server: Server) -> None:
    """A parent that loads the other half learns the height by itself."""
    said: list[str] = []
    page.expose_function("hear", lambda message: said.append(message))
    page.add_init_script("addEventListener('message', (e) => typeof e.data === 'string' && hear(e.data))")
    page.goto(f"{server.url}/status")
    page.evaluate(
        """address => {
            const frame = document.createElement('iframe');
            frame.src = address; frame.id = 'lab'; frame.style = 'width: 700px; height: 900px';
            const settings = "lab:8:false:true:32:true:true:null:bodyOffset:null:null:0:false:child:scroll:true";
            frame.onload = () => frame.contentWindow.postMessage("[iFrameSizer]" + settings, "*");
            document.body.replaceChildren(frame);
        }""",
        f"{server.url}/sine_fits?embed=true&lab=fit",
    )
    expect(page.frame_locator("iframe").locator(".wd-lab[data-drawn]")).to_be_visible(timeout=60_000)
    until(lambda: any(message.startswith("[iFrameSizer]lab:") for message in said), "an answer of iframe-resizer")


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
