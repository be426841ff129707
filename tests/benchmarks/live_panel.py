"""How lively a lab is in a real browser: ``python tests/benchmarks/live_panel.py``.

Starts the server, opens the first chapter in Chromium, and measures, for the default lab: frames a second (15 are
asked), bytes received a frame, how often the figure is built, the time from a click on Run to the first
new frame (warm: the median of ten; cold: with a net of a shape not yet compiled), and the processor's share of server
and worker. Run it on a machine that does nothing else.
"""

import json
import os
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from playwright.sync_api import Page, sync_playwright

from tests.browser.find_chromium import find
from tests.browser.lab import LabPanel, open_lab
from tests.browser.server import Server, serve

CLICKS = 10
COLD = ("width=64&depth=2", "width=16&depth=3", "width=128&depth=2")
FIRST_NEW_FRAME = """
([root, act]) => new Promise((done) => {
  const before = performance.now();
  const watch = new MutationObserver(() => {
    if (root.dataset.drawn !== "0" || root.dataset.step !== "0") return;
    watch.disconnect();
    done(performance.now() - before);
  });
  watch.observe(root, { attributes: true });
  delete root.dataset.drawn;
  root.querySelector(act).click();
})
"""


PHRASE = """
(query) => {
  const link = Object.assign(document.createElement("a"), { id: "cold", className: "wd-try", textContent: "cold" });
  link.href = `#fit?${query}`;
  link.style = "position: fixed; top: 80px; left: 50%; z-index: 9";
  document.body.append(link);
}
"""
"""A phrase of the essay, in sight, that runs the lab with other settings."""


def first_frame(page: Page, lab: LabPanel, act: str) -> float:
    """Milliseconds from a click on ``act`` to the drawing of the new run's first frame."""
    milliseconds: float = page.evaluate(FIRST_NEW_FRAME, [lab.figure.element_handle(), act])
    return milliseconds


def watch_a_run(page: Page, server: Server) -> dict[str, float]:
    """Frames a second, bytes a frame, embeds and processor shares over a whole default run."""
    lab = open_lab(page, f"{server.url}/sine_fits")
    received: list[int] = []
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.on("Network.webSocketFrameReceived", lambda event: received.append(_length(event["response"])))
    session.on("Network.dataReceived", lambda event: received.append(event["encodedDataLength"] or event["dataLength"]))
    processes = {"server": server.process, "worker": server.workers()[0]}
    lab.button("run").click()
    lab.expect_step("s >= 200 && s < 3000")
    begun, first, bytes_before = time.perf_counter(), lab.step, sum(received)
    before = {name: process.cpu_times() for name, process in processes.items()}
    lab.expect_step("s >= 2800")
    seconds, frames = time.perf_counter() - begun, (lab.step - first) / 20
    sent = sum(received) - bytes_before
    shares = {
        f"{name}_cpu_percent": 100 * (sum(process.cpu_times()[:2]) - sum(before[name][:2])) / seconds
        for name, process in processes.items()
    }
    lab.expect_step("s === 3000")
    return {
        "frames_a_second": frames / seconds,
        "bytes_a_frame": sent / frames,
        "embeds": lab.embeds,
        **shares,
        "server_memory_mb": server.process.memory_info().rss / 1e6,
        "worker_memory_mb": server.workers()[0].memory_info().rss / 1e6,
    }


def clicks(page: Page, server: Server) -> dict[str, float]:
    """Milliseconds from a click to the first new frame, and to the first trained one with a shape to compile."""
    lab = open_lab(page, f"{server.url}/sine_fits")
    warm = []
    for _ in range(CLICKS):
        warm.append(first_frame(page, lab, ".wd-reset"))
        page.wait_for_timeout(200)
    cold = []
    for query in COLD:
        lab = open_lab(page, f"{server.url}/sine_fits")
        page.evaluate(PHRASE, query)
        begun = time.perf_counter()
        page.locator("#cold").click()
        lab.expect_step("s > 0 && s < 3000")
        cold.append(1000 * (time.perf_counter() - begun))
    return {"click_to_frame_warm_ms": statistics.median(warm), "click_to_trained_frame_cold_ms": max(cold)}


def _length(frame: dict[str, object]) -> int:
    """Bytes of a web socket frame; binary ones are reported in base64."""
    payload = str(frame["payloadData"])
    return len(payload) * 3 // 4 if frame["opcode"] == 2 else len(payload.encode())


def main() -> None:
    """Measure, and print one JSON object."""
    # The server inherits this standard output: its greeting must not stand among the numbers.
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    with serve() as server, sync_playwright() as playwright:
        server.wait(workers_ready=1)
        time.sleep(5)  # The worker compiles the default labs meanwhile.
        browser = playwright.chromium.launch(executable_path=find(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 1400})
        numbers = watch_a_run(page, server) | clicks(page, server)
        browser.close()
    print(json.dumps({name: round(value, 1) for name, value in numbers.items()}, indent=2), file=output)


if __name__ == "__main__":
    main()
