"""Many readers at once: ``python tests/load/readers.py --readers 50 --seconds 60``.

Starts the app's server, or takes one that runs (``--url``), and sends it readers who speak Streamlit's own protocol,
run a lab at 15 frames a second, move a slider at half time, run again, and leave. With ``--churn`` it opens and closes
so many sessions instead, and compares the server's memory before and after. Prints a table, or JSON.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import math
import multiprocessing
import os
import statistics
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import aiohttp

from core import book
from tests.browser.server import Server, serve
from tests.load.reader import Visit, open_page, read

READERS_A_PROCESS = 25
WARM_UP = 150
"""Sessions after which the server's memory is first taken: Streamlit keeps up to 128 that have gone."""
AT_ONCE = 10
IDLE = 0.1
"""Of a processor: workers that use less have nothing more to compile."""
LONGEST_START = 120.0


class Watch:
    """What the server's processes use, seen from outside; nothing of a server on another machine."""

    def __init__(self, url: str, server: Server | None) -> None:
        self.url, self.server = url, server
        self.largest: Counter[str] = Counter()
        self.status: dict[str, Any] = {}
        self.most_queued = 0

    def look(self) -> None:
        """Take the memory and the status of now."""
        with urllib.request.urlopen(f"{self.url}/status", timeout=30) as answer:
            self.status = json.load(answer)
        self.most_queued = max(self.most_queued, self.status["queued"])
        for name, bytes_used in self.memory().items():
            self.largest[name] = max(self.largest[name], bytes_used)

    def memory(self) -> dict[str, int]:
        """Resident bytes of the server and of its workers together."""
        if self.server is None:
            return {}
        workers = [worker.memory_info().rss for worker in self.server.workers()]
        return {"server": self.server.process.memory_info().rss, "workers": sum(workers)}

    def processor(self) -> dict[str, float]:
        """Processor seconds of the server and of its workers so far."""
        if self.server is None:
            return {}
        workers = [sum(worker.cpu_times()[:2]) for worker in self.server.workers()]
        return {"server": sum(self.server.process.cpu_times()[:2]), "workers": sum(workers)}


async def _read_many(
    url: str, slug: str, lab: str, seconds: float, change: str, numbers: Sequence[int], arrival: float
) -> list[Visit]:
    async def come(number: int) -> Visit:
        await asyncio.sleep(number * arrival)
        return await read(url, slug, lab, seconds, number, change)

    return await asyncio.gather(*(come(number) for number in numbers))


def read_many(*arguments: Any) -> list[Visit]:
    """The readers of one process, at once."""
    return asyncio.run(_read_many(*arguments))


def visit(watch: Watch, options: argparse.Namespace) -> dict[str, Any]:
    """Send the readers, and report."""
    slug, _, lab = options.lab.partition(".")
    processes = math.ceil(options.readers / READERS_A_PROCESS)
    watch.look()
    before, load = watch.processor(), os.getloadavg()[0]
    arrival = options.arrive / options.readers
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        numbers = [range(first, options.readers, processes) for first in range(processes)]
        coming = [
            pool.submit(read_many, watch.url, slug, lab, options.seconds, options.change, mine, arrival)
            for mine in numbers
        ]
        while not all(readers.done() for readers in coming):
            watch.look()
            time.sleep(1.0)
        visits = [visit for readers in coming for visit in readers.result()]
    after = watch.processor()
    numbers_seen = summarise(visits)
    frames = sum(visit.frames for visit in visits)
    numbers_seen |= {
        f"{name} ms of processor a frame": round(1000 * (after[name] - before[name]) / max(frames, 1), 1)
        for name in after
    }
    numbers_seen |= {f"{name} MB": round(used / 1e6) for name, used in watch.largest.items()}
    return {"readers": options.readers, "load before": round(load, 1)} | numbers_seen | leave(watch, options.wait)


def leave(watch: Watch, wait: float) -> dict[str, Any]:
    """How long after the last reader what they left is gone, and what is not."""
    begun = time.monotonic()
    watch.look()
    while (watch.status["runs"] or watch.status["queued"]) and time.monotonic() < begun + wait:
        time.sleep(1.0)
        watch.look()
    return {
        "runs left": watch.status["runs"] + watch.status["queued"],
        "gone after s": round(time.monotonic() - begun),
    }


def summarise(visits: Sequence[Visit]) -> dict[str, Any]:
    """The numbers of many visits."""
    rates = [visit.frames / visit.watched for visit in visits if visit.watched > 1]
    first = [seconds for visit in visits for seconds in visit.first_frames]
    trained = [seconds for visit in visits for seconds in visit.trained_frames]
    texts = [visit.text for visit in visits if visit.text]
    queued = [seconds for visit in visits for seconds in visit.queued]
    lines = [places for visit in visits for places in visit.places]
    said = Counter(error for visit in visits for error in visit.errors)
    return {
        "text s, median": _rounded(texts, 50),
        "text s, worst": _rounded(texts, 100),
        "first frame s, median": _rounded(first, 50),
        "first frame s, 95 %": _rounded(first, 95),
        "first trained frame s, 95 %": _rounded(trained, 95),
        "frames/s each, least": _rounded(rates, 0),
        "frames/s each, median": _rounded(rates, 50),
        "frames": sum(visit.frames for visit in visits),
        "questions a frame": round(sum(v.questions for v in visits) / max(1, sum(v.frames for v in visits)), 2),
        "bytes a question": round(sum(v.received for v in visits) / max(1, sum(v.questions for v in visits))),
        "reruns": sum(visit.reruns for visit in visits),
        "refusals": sum(len(visit.refusals) for visit in visits),
        "times queued": len(queued),
        "queued s, median": _rounded(queued, 50),
        "largest place": max((place for places in lines for place in places), default=0),
        "places that grew": sum(later > sooner for line in lines for sooner, later in itertools.pairwise(line)),
        "errors": sum(said.values()),
    } | ({"said": dict(said.most_common(5))} if said else {})


def _rounded(values: Sequence[float], percent: int) -> float | None:
    """A percentile (nearest rank), to two digits after the point."""
    if not values:
        return None
    if percent == 50:
        return round(statistics.median(values), 2)
    rank = max(1, math.ceil(percent / 100 * len(values)))
    return round(sorted(values)[rank - 1], 2)


async def _churn(url: str, path: str, sessions: int) -> list[str]:
    """Open and close so many sessions, some at a time; what went wrong."""
    errors: list[str] = []
    free = asyncio.Semaphore(AT_ONCE)

    async def come_and_go() -> None:
        async with free, aiohttp.ClientSession() as http:
            try:
                async with open_page(http, url, path) as page:
                    await page.until(lambda: page.finished, "the end of the page")
                    errors.extend(page.errors)
            except (TimeoutError, aiohttp.ClientError, OSError) as error:
                errors.append(f"{type(error).__name__}: {error}")

    await asyncio.gather(*(come_and_go() for _ in range(sessions)))
    return errors


def churn(watch: Watch, options: argparse.Namespace) -> dict[str, Any]:
    """Open and close sessions, and report the memory."""
    slug = options.lab.partition(".")[0]
    errors = asyncio.run(_churn(watch.url, slug, WARM_UP))
    watch.look()
    before, load, begun = watch.memory(), os.getloadavg()[0], time.monotonic()
    spent = watch.processor()
    errors += asyncio.run(_churn(watch.url, slug, options.churn))
    seconds = time.monotonic() - begun
    after = watch.memory()
    numbers = {
        "sessions": options.churn,
        "load before": round(load, 1),
        "sessions/s": round(options.churn / seconds, 1),
    }
    for name, used in watch.processor().items():
        numbers[f"{name} ms of processor a session"] = round(1000 * (used - spent[name]) / options.churn, 1)
    for name in before:
        numbers[f"{name} MB before"] = round(before[name] / 1e6)
        numbers[f"{name} MB after"] = round(after[name] / 1e6)
    return numbers | {"errors": len(errors)} | ({"said": dict(Counter(errors).most_common(5))} if errors else {})


@contextlib.contextmanager
def given(url: str, lab: str) -> Iterator[Watch]:
    """The server to visit: the one at ``url``, or one that is started and has compiled what the chapter needs."""
    if url:
        watch = Watch(url.rstrip("/"), None)
        watch.look()
        yield watch
        return
    with serve() as server:
        server.wait(workers_ready=server.status()["workers"])
        watch = Watch(server.url, server)
        _settle(watch, lab)
        yield watch


def _settle(watch: Watch, lab: str) -> None:
    """Have one reader come before all others, and wait until what the page compiles is compiled."""
    slug, _, short = lab.partition(".")
    asyncio.run(read(watch.url, slug, short, 3.0, 0, ""))
    busy = math.inf
    deadline = time.monotonic() + LONGEST_START
    while busy > IDLE and time.monotonic() < deadline:
        before = watch.processor()["workers"]
        time.sleep(2.0)
        busy = (watch.processor()["workers"] - before) / 2


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[2])
    parser.add_argument("--readers", type=int, default=50, metavar="N", help="readers at once (default 50)")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long each of them stays (default 60)")
    parser.add_argument("--arrive", type=float, default=10.0, help="seconds over which they arrive (default 10)")
    parser.add_argument("--lab", default="sine_fits.fit", help="the lab that they run (default sine_fits.fit)")
    parser.add_argument("--change", default="learning_rate", help="the setting that they change, by a slider")
    parser.add_argument("--churn", type=int, default=0, metavar="N", help="open and close N sessions instead")
    parser.add_argument("--wait", type=float, default=180.0, help="seconds that what they leave may take to go")
    parser.add_argument("--url", default="", help="a server that runs already, such as http://localhost:8501")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    for name, low in (("readers", 1), ("seconds", 1), ("arrive", 0), ("churn", 0), ("wait", 0)):
        value = getattr(options, name)
        if not low <= value < math.inf:
            parser.error(f"--{name} must be at least {low}, not {value}.")
    if options.lab not in book.lab_names():
        parser.error(f"there is no lab “{options.lab}”; python -m core list names them.")
    if options.url and not options.url.startswith(("http://", "https://")):
        parser.error(f"--url must begin with http:// or https://, not “{options.url}”.")
    return options


def main() -> None:
    """Visit, and print what was seen."""
    options = parse()
    # The server inherits this standard output: what it says must not stand among the numbers.
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    try:
        with given(options.url, options.lab) as watch:
            numbers = churn(watch, options) if options.churn else visit(watch, options)
    except (urllib.error.URLError, ConnectionError) as trouble:
        print(f"readers.py: the server cannot be asked: {trouble}.", file=sys.stderr)
        sys.exit(2)
    if options.json:
        print(json.dumps(numbers, indent=2), file=output)
    else:
        width = max(map(len, numbers))
        for name, value in numbers.items():
            print(f"{name:<{width}}  {'–' if value is None else value}", file=output)


if __name__ == "__main__":
    main()
