"""How long a reader waits who comes to a server that has only just been started.

``python tests/benchmarks/cold_start.py`` starts the server anew a few times and prints, for each stage, the median of
the time since the start and of the processor time that the server had used by then: on a machine with other work to
do, compare the latter.
"""

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path

from websockets.sync.client import connect

sys.path.insert(0, str(Path(__file__).parents[2]))

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.browser.server import Server, serve, until

STAGES = ("answers", "first text", "whole page", "worker ready")
READABLE = 200
"""Letters of the first paragraph that count as text."""


Moment = tuple[float, float]
"""When something was so, and the processor seconds that the server had used by then, its workers' not counted."""


def now(server: Server) -> Moment:
    """This moment."""
    times = server.process.cpu_times()
    return time.monotonic(), float(times.user + times.system)


def read(server: Server, page: str) -> tuple[Moment, Moment]:
    """Open ``page`` as a browser does; when its first text came, and when all of it had."""
    text: Moment | None = None
    with connect(f"{server.url.replace('http', 'ws', 1)}/_stcore/stream", proxy=None, max_size=None) as stream:
        ask = BackMsg()
        ask.rerun_script.page_name = page
        stream.send(ask.SerializeToString())
        while True:
            message = ForwardMsg.FromString(bytes(stream.recv(timeout=60)))  # type: ignore[arg-type]
            element = message.delta.new_element
            if text is None and len(element.markdown.body) > READABLE:
                text = now(server)
            if message.WhichOneof("type") == "script_finished":
                return text or now(server), now(server)


def once(page: str) -> dict[str, Moment]:
    """Seconds since the start and processor seconds at each stage."""
    begun = time.monotonic()
    with serve() as server:
        moments = [now(server), *read(server, page)]
        until(lambda: server.status()["workers_ready"] > 0, "a worker")
        moments.append(now(server))
    return {stage: (moment - begun, used) for stage, (moment, used) in zip(STAGES, moments, strict=True)}


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--page", default="sine_fits", help="the chapter that is opened (default: %(default)s)")
    parser.add_argument("--starts", type=int, default=5, help="how often the server is started (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # The server inherits this standard output: its greeting must not stand among the numbers.
    starts = [once(options.page) for _ in range(max(1, options.starts))]
    medians = {stage: tuple(statistics.median(start[stage][i] for start in starts) for i in (0, 1)) for stage in STAGES}
    if options.json:
        print(json.dumps(medians, indent=2), file=output)
        return
    print("| stage | seconds after the start | processor seconds of the server |\n|---|---|---|", file=output)
    for stage, (elapsed, used) in medians.items():
        print(f"| {stage} | {elapsed:.1f} | {used:.1f} |", file=output)


if __name__ == "__main__":
    main()
