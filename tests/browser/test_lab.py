"""A lab in the hands of a reader."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.lab import open_lab
from tests.browser.server import Server, serve

pytestmark = pytest.mark.browser


def test_run_pause_step_scrub_and_replay(page: Page, server: Server) -> None:
    lab = open_lab(page, f"{server.url}/sine_fits")
    assert lab.step == 3000
    lab.button("run").click()
    lab.expect_step("s > 100 && s < 3000")
    lab.button("run").click()
    expect(lab.figure).to_have_attribute("data-state", "still")
    page.wait_for_timeout(500)
    paused = lab.step
    page.wait_for_timeout(500)
    assert lab.step == paused

    lab.button("step").click()
    lab.expect_step(f"s === {paused + 20}")

    lab.scrub.focus()
    lab.scrub.press("Home")
    lab.expect_step("s === 0")
    expect(lab.sentence).to_contain_text("After 0 steps")
    lab.scrub.press("ArrowRight")
    lab.expect_step("s === 20")

    lab.button("replay").click()
    lab.expect_step(f"s > {paused}")  # Past what had been drawn: the run goes on.
    lab.button("run").click()
    assert lab.embeds == 1


@pytest.mark.slow
def test_same_settings_give_the_same_curves_and_the_stored_run(page: Page, server: Server) -> None:
    lab = open_lab(page, f"{server.url}/sine_fits")
    stored = lab.sentence.text_content()
    lab.button("run").click()
    lab.expect_step("s < 3000")
    lab.expect_step("s === 3000", seconds=60)
    live = lab.sentence.text_content()
    expect(lab.note).to_contain_text(server.status()["device"])
    assert live is not None and stored is not None
    assert live.split("misses")[0] == stored.split("misses")[0]
    expect(lab.figure).to_have_attribute("data-state", "still")
    lab.button("run").click()
    lab.expect_step("s === 20")
    lab.expect_step("s === 3000", seconds=60)
    assert lab.sentence.text_content() == live


def test_reset_and_new_seed_are_different_things(page: Page, server: Server) -> None:
    lab = open_lab(page, f"{server.url}/sine_fits")
    lab.button("reset").click()
    lab.expect_step("s === 0")
    expect(lab.figure).to_have_attribute("data-state", "still")
    before = lab.sentence.text_content()
    lab.button("seed").click()
    lab.expect_step("s > 0")
    lab.expect_settings(fit__seed="1")
    lab.button("run").click()
    lab.scrub.focus()
    lab.scrub.press("Home")
    lab.expect_step("s === 0")
    assert lab.sentence.text_content() != before


def test_new_data_redraws_the_points(page: Page, server: Server) -> None:
    lab = open_lab(page, f"{server.url}/sine_fits?fit.noise=0.1")
    lab.button("data").click()
    lab.expect_step("s > 0")
    lab.expect_settings(fit__noise="0.1", fit__data_seed="1")


def test_folded_settings_hold_what_they_were_set_to(page: Page, server: Server) -> None:
    lab = open_lab(page, f"{server.url}/sine_fits?fit.noise=0.1")
    fold = lab.area.locator("summary", has_text="More settings")
    noise, seed = (lab.area.get_by_role("spinbutton", name=name) for name in ("Noise", "Seed of the data"))
    expect(noise).to_have_count(0)
    fold.click()
    expect(noise).to_have_value("0.1")
    noise.fill("0.2")
    noise.press("Enter")
    lab.expect_settings(fit__noise="0.2")
    fold.click()
    expect(noise).to_have_count(0)
    lab.button("data").click()
    lab.expect_settings(fit__noise="0.2", fit__data_seed="1")
    fold.click()
    expect(seed).to_have_value("1")
    expect(noise).to_have_value("0.2")


def test_what_is_typed_as_it_is_folded_away_is_kept(page: Page, server: Server) -> None:
    lab = open_lab(page, f"{server.url}/sine_fits")
    fold = lab.area.locator("summary", has_text="More settings")
    noise, seed = (lab.area.get_by_role("spinbutton", name=name) for name in ("Noise", "Seed of the data"))
    for times in range(1, 4):
        fold.click()
        noise.fill(f"0.{times}")
        fold.click()
        lab.expect_settings(fit__noise=f"0.{times}")
        expect(noise).to_have_count(0)
    fold.click()
    expect(noise).to_have_value("0.3")
    for times in range(1, 4):  # What the browser held of the seed must not undo what the button did.
        lab.button("data").click()
        fold.click()
        lab.expect_settings(fit__noise="0.3", fit__data_seed=str(times))
        fold.click()
        expect(seed).to_have_value(str(times))
        lab.expect_settings(fit__noise="0.3", fit__data_seed=str(times))


def test_pin_and_compare(page: Page, server: Server) -> None:
    lab = open_lab(page, f"{server.url}/sine_fits")
    lab.button("pin").click()
    expect(lab.button("pin")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("link", name="Four units ▸", exact=True).click()
    lab.expect_step("s > 0 && s < 3000")
    expect(lab.button("pin")).to_have_attribute("aria-pressed", "true")
    lab.expect_settings(fit__width="4")
    lab.button("pin").click()
    expect(lab.button("pin")).to_have_attribute("aria-pressed", "false")


def test_a_slider_moved_during_a_run_does_not_lose_the_run(page: Page, server: Server) -> None:
    lab = open_lab(page, f"{server.url}/sine_fits")
    lab.button("run").click()
    lab.expect_step("s > 100 && s < 2000")
    slider = lab.area.get_by_role("slider", name="Hidden units")
    slider.focus()
    slider.press("ArrowRight")
    expect(lab.note).to_contain_text("old settings")
    at = lab.step
    lab.expect_step(f"s > {at}")
    expect(lab.sentence).to_contain_text("of at most 33")
    lab.button("fresh").click()
    expect(lab.sentence).to_contain_text("of at most 65")
    lab.expect_settings(fit__width="64")


def test_guess_is_answered_by_the_run(page: Page, server: Server) -> None:
    lab = open_lab(page, f"{server.url}/sine_fits")
    page.get_by_text("About the same", exact=True).first.click()
    lab.figure.scroll_into_view_if_needed()  # It plays only in sight.
    lab.expect_step("s > 0 && s < 3000")
    revealed = page.locator(".wd-reveal").first
    expect(revealed).to_contain_text("The run gave", timeout=120_000)
    expect(revealed).to_contain_text("Median of 16 nets")


def test_table_and_files(page: Page, server: Server) -> None:
    lab = open_lab(page, f"{server.url}/sine_fits")
    lab.area.get_by_role("button", name="Download").click()
    files = {}
    for label in ("Numbers, CSV", "Figure, SVG", "Code, Python"):
        with page.expect_download() as download:
            page.get_by_role("button", name=label).click()
        files[label] = download.value.path().read_text("utf-8")
    lines = files["Numbers, CSV"].splitlines()
    assert lines[0].startswith("step,") and len(lines) > 16 * 100
    assert files["Figure, SVG"].startswith("<svg") and "def run(params: Params)" in files["Code, Python"]
    page.keyboard.press("Escape")
    lab.area.get_by_text("Table", exact=True).click()
    expect(lab.area.locator("[data-testid=stDataFrame]")).to_be_visible()


def test_every_net_by_itself(page: Page, server: Server) -> None:
    lab = open_lab(page, f"{server.url}/sine_fits")
    lab.button("every").click()
    expect(lab.button("every")).to_have_attribute("aria-pressed", "true")


def test_own_points_by_click_by_drag_and_by_text(page: Page, server: Server) -> None:
    lab = open_lab(page, f"{server.url}/sine_fits", "own")
    box = lab.area.get_by_role("textbox")
    expect(box).not_to_have_value("")
    before = box.input_value()
    canvas = lab.figure.locator("canvas").first
    canvas.click(position={"x": 300, "y": 60})
    expect(box).not_to_have_value(before)
    added = box.input_value()
    assert added.count(",") == before.count(",") + 1
    lab.expect_step("s > 0")
    area = canvas.bounding_box()
    assert area is not None
    page.mouse.move(area["x"] + 300, area["y"] + 60)
    page.mouse.down()
    page.mouse.move(area["x"] + 320, area["y"] + 160, steps=4)
    page.mouse.up()
    expect(box).not_to_have_value(added)
    assert box.input_value().count(",") == added.count(",")
    kept = box.input_value()
    lab.expect_settings(own__points=kept)
    box.fill("1, 2, three")
    box.press("Control+Enter")
    expect(lab.area.locator(".wd-miss")).to_contain_text("kept")
    lab.expect_settings(own__points=kept)


def test_the_figure_asks_for_nothing_when_it_is_out_of_sight(page: Page, server: Server) -> None:
    lab = open_lab(page, f"{server.url}/sine_fits")
    lab.button("run").click()
    lab.expect_step("s > 0 && s < 3000")
    page.locator(".wd-references").scroll_into_view_if_needed()
    page.wait_for_timeout(700)
    at = lab.step
    page.wait_for_timeout(1000)
    assert lab.step == at < 3000
    lab.figure.scroll_into_view_if_needed()
    lab.expect_step(f"s > {at}")


@pytest.mark.slow
def test_a_killed_worker_costs_the_run_and_nothing_else(page: Page) -> None:
    with serve() as server:
        server.wait(workers_ready=1)
        lab = open_lab(page, f"{server.url}/sine_fits?fit.width=64")  # A link with settings runs by itself.
        lab.expect_step("s > 100 && s < 3000")
        server.workers()[0].kill()
        expect(lab.note).to_contain_text("ended unexpectedly")
        expect(lab.figure).to_have_attribute("data-state", "still")
        at = lab.step
        assert at > 100
        lab.scrub.focus()
        lab.scrub.press("Home")  # What was drawn is kept.
        lab.expect_step("s === 0")
        lab.expect_settings(fit__width="64")
        server.wait(workers_ready=1)
        lab.scrub.press("End")
        lab.expect_step(f"s === {at}")
        lab.button("run").click()
        lab.expect_step("s > 0 && s < 100")


def test_the_server_process_never_loads_tensorflow(page: Page, server: Server) -> None:
    open_lab(page, f"{server.url}/sine_fits")
    libraries = {entry.path for entry in server.process.memory_maps()}
    assert not [path for path in libraries if "tensorflow" in path]
    assert [p for p in (e.path for e in server.workers()[0].memory_maps()) if "tensorflow" in p]
