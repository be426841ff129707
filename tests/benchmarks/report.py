"""Every measurement of speed in one sitting, a quarter of an hour: ``python tests/benchmarks/report.py > speed.md``.

Prints the tables of ``docs/speed.md``, on a machine with a GPU the same. What is not installed is left out: PyTorch,
JAX, and TensorFlow.js (``tests/benchmarks/tensorflow_js.py`` says how to get that). Run it where nothing else runs: the
load before each part is printed with it.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
READERS = (1, 10, 25, 50, 100)
SECONDS = 40
LONGEST = 900.0


def measure(*command: str) -> tuple[Any, float]:
    """What a measurement prints as JSON, and the machine's load before it."""
    load = os.getloadavg()[0]
    print(f"{' '.join(command)} …", file=sys.stderr)
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=LONGEST
    )
    return (json.loads(done.stdout) if done.returncode == 0 else None), load


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table in Markdown."""
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(map(str, row))} |")
    print()


def short(number: float) -> str:
    """Three digits, however large."""
    return f"{float(f'{number:.3g}'):,.10g}"


def one_reader() -> None:
    """A cold start, and one reader's browser."""
    print("### One reader\n")
    start, load = measure("tests/benchmarks/cold_start.py", "--json")
    panel, later = measure("tests/benchmarks/live_panel.py")
    print(f"Load before: {load:.1f} and {later:.1f}.\n")
    rows: list[tuple[str, str]] = []
    for stage, (elapsed, used) in start.items():
        rows.append((f"cold start to: {stage}", f"{elapsed:.1f} s ({used:.1f} s of processor)"))
    rows += [
        ("click to first new frame, warm (median of ten)", f"{panel['click_to_frame_warm_ms']:.0f} ms"),
        (
            "click to first trained frame, a shape to compile (worst of three)",
            f"{panel['click_to_trained_frame_cold_ms'] / 1000:.1f} s",
        ),
        ("frames a second, of 15 asked", f"{panel['frames_a_second']:.1f}"),
        ("bytes received a frame", f"{panel['bytes_a_frame']:,.0f}"),
        ("how often the figure is built in a run", f"{panel['embeds']:.0f}"),
        (
            "processor, server and worker",
            f"{panel['server_cpu_percent']:.0f} % and {panel['worker_cpu_percent']:.0f} % of a core",
        ),
        (
            "memory, server and worker",
            f"{panel['server_memory_mb']:.0f} MB and {panel['worker_memory_mb']:.0f} MB",
        ),
    ]
    table(("what", "measured"), rows)


def many_readers() -> None:
    """Readers at once, in growing numbers."""
    print("### Many readers\n")
    head = (
        "readers", "load before", "first text, median and worst", "click to first frame, median and 95 %",
        "frames/s each, median and least", "server, ms of processor a frame", "worker, ms", "server MB", "queued",
        "errors",
    )  # fmt: skip
    rows = []
    for readers in READERS:
        command = (
            "tests/load/readers.py",
            "--readers",
            str(readers),
            "--seconds",
            str(SECONDS),
            "--wait",
            "1",
            "--json",
        )
        seen, _ = measure(*command)
        rows.append(
            (
                readers,
                seen["load before"],
                f"{seen['text s, median']} s, {seen['text s, worst']} s",
                f"{seen['first frame s, median']} s, {seen['first frame s, 95 %']} s",
                f"{seen['frames/s each, median']}, {seen['frames/s each, least']}",
                seen["server ms of processor a frame"],
                seen["workers ms of processor a frame"],
                seen["server MB"],
                seen["largest place"],
                seen["errors"],
            )
        )
    table(head, rows)


def steps() -> None:
    """Steps a second, beside what else trains such nets."""
    found, load = measure("-m", "core", "bench", "--rounds", "3", "--json")
    machine = ", ".join(f"{name} {value}" for name, value in found["machine"].items())
    print(f"### Steps a second\n\nLoad before: {load:.1f}. {machine}.\n")
    for net in found["nets"]:
        bases = [base for base in ("Keras fit", "numpy", "PyTorch", "JAX") if base in net["rows"][0]["ratios"]]
        print(f"{net['net']}:\n")
        rows = [
            (
                row["how"],
                row["nets"],
                f"{row['net_steps_per_second']:,.0f}",
                *(short(row["ratios"][base]) for base in bases),
            )
            for row in net["rows"]
        ]
        table(("how", "nets", "net-steps/s", *(f"× {base}" for base in bases)), rows)


def in_the_browser() -> None:
    """The same nets in TensorFlow.js, if that is installed."""
    found, load = measure("tests/benchmarks/tensorflow_js.py", "--json")
    if found is None:
        return
    print(f"### Beside TensorFlow.js, in Chromium\n\nLoad before: {load:.1f}. Net-steps a second.\n")
    ways = list(next(iter(found.values())))
    table(("how", *found), [(way, *(f"{speeds[way]:,.0f}" for speeds in found.values())) for way in ways])


def growth() -> None:
    """What a step costs with width and with replicas."""
    costs, load = measure("tests/benchmarks/costs.py")
    print(
        f"### Width and replicas\n\nLoad before: {load:.1f}. Microseconds of a step of all nets, 1-H-1, ten points.\n"
    )
    for head, key in (("hidden units (16 nets)", "us_by_width"), ("nets (32 units)", "us_by_replicas")):
        table((head, *costs[key]), [("µs a step", *costs[key].values())])


def main() -> None:
    """Measure all, and print."""
    for part in (one_reader, many_readers, steps, in_the_browser, growth):
        part()
        sys.stdout.flush()


if __name__ == "__main__":
    main()
