"""How fast TensorFlow.js trains the nets of ``python -m core bench``, in Chromium, beside our compiled steps.

It comes from npm, into a folder that is never committed::

    npm install --prefix build/tfjs @tensorflow/tfjs@4 @tensorflow/tfjs-backend-wasm@4
    python tests/benchmarks/tensorflow_js.py

The same points, sizes, optimiser and rate; rounds alternate between all ways, and the best round counts. In a browser
without a GPU, as here, ``webgl`` is drawn by the processor.
"""

import argparse
import functools
import http.server
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from playwright.sync_api import Page, sync_playwright

from core import bench
from core.contenders import LEARNING_RATE, NETS, Net
from tests.browser.find_chromium import find

ROOT = Path(__file__).parents[2]
PACKAGES = ROOT / "build" / "tfjs" / "node_modules" / "@tensorflow"
BACKENDS = ("wasm", "cpu", "webgl")
OURS = {"compiled-1": "here, compiled, 1 net", "compiled-16": "here, compiled, 16 nets"}
PREPARE = """
async ([backend, sizes, x, y, rate]) => {
  tf.wasm.setWasmPaths("tfjs-backend-wasm/dist/");
  if (!(await tf.setBackend(backend))) throw new Error(`no backend ${backend}`);
  await tf.ready();
  const layers = sizes.slice(1).map((units, index) => tf.layers.dense({
    units,
    inputShape: index ? undefined : [1],
    activation: index < sizes.length - 2 ? "relu" : "linear",
  }));
  const model = tf.sequential({ layers });
  const optimizer = tf.train.adam(rate);
  const [xs, ys] = [tf.tensor2d(x, [x.length, 1]), tf.tensor2d(y, [y.length, 1])];
  window.step = () => optimizer.minimize(() => tf.losses.meanSquaredError(ys, model.apply(xs, { training: true })));
  window.wait = () => model.getWeights()[0].data();
  for (let i = 0; i < 20; i++) step();
  await wait();
}
"""
RUN = """
async (seconds) => {
  const begun = performance.now();
  let taken = 0;
  while (performance.now() - begun < 1000 * seconds) {
    for (let i = 0; i < 20; i++) step();
    taken += 20;
    await wait();
  }
  return taken / ((performance.now() - begun) / 1000);
}
"""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on a free port of this machine."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def ready(page: Page, address: str, backend: str, net: Net) -> None:
    """Load TensorFlow.js into a page of its own, and a net to train."""
    page.goto(f"{address}/tfjs/package.json")
    page.set_content(f"<base href='{address}/'>")
    page.add_script_tag(url=f"{address}/tfjs/dist/tf.min.js")
    page.add_script_tag(url=f"{address}/tfjs-backend-wasm/dist/tf-backend-wasm.min.js")
    x, y = net.data()
    page.evaluate(PREPARE, [backend, list(net.sizes), x.ravel().tolist(), y.ravel().tolist(), LEARNING_RATE])


def measure(rounds: int, seconds: float) -> dict[str, dict[str, float]]:
    """The best net-steps a second of every way, for every net."""
    found: dict[str, dict[str, float]] = {net.title: {} for net in NETS}
    with ExitStack() as stack:
        address = stack.enter_context(served(PACKAGES))
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=find(), args=["--no-sandbox"])
        ours = {name: stack.enter_context(bench.process(name)) for name in OURS}
        for number, net in enumerate(NETS):
            pages = {backend: browser.new_page() for backend in BACKENDS}
            for backend, page in pages.items():
                ready(page, address, backend, net)
            for turn in range(rounds + 1):
                speeds = {title: bench.ask(ours[name], name, number, seconds) for name, title in OURS.items()}
                for backend, page in pages.items():
                    page.bring_to_front()
                    speeds[f"TensorFlow.js, {backend}"] = page.evaluate(RUN, seconds)
                for way, speed in speeds.items() if turn else ():
                    found[net.title][way] = max(speed, found[net.title].get(way, 0.0))
            for page in pages.values():
                page.close()
    return found


def main() -> None:
    """Measure, and print a table for each net."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="rounds that count, after one that does not (default 3)")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long a way trains in a round (default 2)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    if not (PACKAGES / "tfjs").is_dir():
        parser.error(f"TensorFlow.js is not in {PACKAGES.relative_to(ROOT)}; the head of this file says how to get it.")
    found = measure(arguments.rounds, arguments.seconds)
    if arguments.json:
        print(json.dumps(found, indent=2))
        return
    for title, speeds in found.items():
        print(title)
        best = max(speed for way, speed in speeds.items() if way not in OURS.values())
        for way, speed in sorted(speeds.items(), key=lambda item: -item[1]):
            print(f"  {way:28} {speed:12,.0f} net-steps/s {speed / best:10,.2f} × the best of TensorFlow.js")


if __name__ == "__main__":
    main()
