"""``sweep``: a lab under many settings, shared out over worker processes or a cluster."""

import csv
import dataclasses
import itertools
import math
import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any, TextIO

from core.cli.labs import check_writable, find_lab, read_pairs, read_value, scalars, short, split_pair
from core.cli.output import Fault, progress, write, write_json, write_table, writing_to
from core.engine import Engine, EngineError
from core.engine.chosen import choose
from core.engine.limits import read_limits
from core.lab import Frame, Lab, Value, quote, replace, settings

MOST = 10_000
READER = "command line"
FORM = "--over takes NAME=VALUE,VALUE, as in width=4,16,64"
PATIENCE = 1.0
FOR_EVER = 86_400.0
ANY_NUMBER = 1_000_000


@dataclass(frozen=True)
class Point:
    """One run of a sweep: its settings and what it gave, or why it gave nothing."""

    params: Any
    result: dict[str, Any]
    lost: str = ""


def sweep(arguments: Namespace) -> int:
    """Run a lab once for every combination of the values, several at a time; 1 if any run was lost."""
    lab = find_lab(arguments.lab)
    axes = _axes(lab, arguments.over)
    fixed = read_pairs(lab, arguments.set)
    if both := axes.keys() & fixed.keys():
        raise Fault(f"{quote(min(both))} is in --set and in --over; it can be in one of them only.")
    if arguments.json and arguments.csv == "-":
        raise Fault("Only one of --json and --csv - can have standard output.")
    if arguments.csv not in (None, "-"):
        check_writable(arguments.csv)
    if (number := math.prod(map(len, axes.values()))) > MOST:
        raise Fault(f"These are {number:,} runs; a sweep has at most {MOST:,}.")
    combinations = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    points = _run_all(arguments.lab, lab, [replace(lab.Params(), fixed | values) for values in combinations])
    if arguments.csv is not None:
        with writing_to(arguments.csv) as file:
            _write_csv(file, tuple(axes), points)
    if arguments.json:
        write_json({"lab": arguments.lab, "over": axes, "runs": [_describe(point) for point in points]})
    elif arguments.csv != "-":
        _write_points(tuple(axes), points)
    lost = [point for point in points if point.lost]
    for sentence in dict.fromkeys(point.lost for point in lost):
        print(sentence, file=sys.stderr)
    return 1 if lost else 0


def _axes(lab: Lab[Any], pairs: Sequence[str]) -> dict[str, list[Value]]:
    axes: dict[str, list[Value]] = {}
    for pair in pairs:
        knob, text = split_pair(lab, pair, FORM)
        if not text.strip():
            raise Fault(f"{FORM}, not {quote(pair)}.")
        if knob.parse is not None:
            raise Fault(f"{quote(knob.name)} is a text: it can be set, but not swept.")
        if knob.name in axes:
            raise Fault(f"{quote(knob.name)} is swept twice; all its values belong into one --over.")
        axes[knob.name] = list(dict.fromkeys(read_value(knob, value) for value in text.split(",")))
    return axes


def _run_all(name: str, lab: Lab[Any], every: Sequence[Any]) -> list[Point]:
    """Every run, in the order of ``every``. As many at a time as there are workers."""
    limits, misses = read_limits(os.environ)
    # These bounds protect a server from its readers.
    limits = dataclasses.replace(
        limits, runs_per_reader=limits.workers, frames_per_run=ANY_NUMBER, seconds_per_run=FOR_EVER
    )
    engine, more = choose(os.environ, limits)
    for miss in misses + more:
        print(miss, file=sys.stderr)
    pool = ThreadPoolExecutor(limits.workers)
    try:
        with progress(name, "runs") as advance:
            coming = {pool.submit(_run, engine, name, lab, params): number for number, params in enumerate(every)}
            found: dict[int, Point] = {}
            advance(0, len(every), name)
            for done in as_completed(coming):
                found[coming[done]] = done.result()
                advance(len(found), len(every), name)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        engine.stop()
    return [found[number] for number in range(len(every))]


def _run(engine: Engine, name: str, lab: Lab[Any], params: Any) -> Point:
    frames: list[Frame] = []
    try:
        handle = engine.open(name, params, READER)
        while (answer := engine.next(handle, PATIENCE)) is not None:
            if isinstance(answer, Frame):
                frames.append(answer)
    except EngineError as loss:
        return Point(params, {}, str(loss))
    return Point(params, lab.result(params, frames))


def _numbers(point: Point) -> dict[str, Any]:
    """A run's results, each with the middle 80 % of its nets where there are several."""
    found: dict[str, Any] = {}
    for name, value, spread in scalars(point.result):
        found[name] = value
        if spread is not None:
            found |= {f"{name}_low": spread[0], f"{name}_high": spread[1]}
    return found


def _write_csv(file: TextIO, swept: Sequence[str], points: Sequence[Point]) -> None:
    names = dict.fromkeys(name for point in points for name in _numbers(point))
    writer = csv.DictWriter(file, [*swept, *names, "lost"], lineterminator="\n")
    writer.writeheader()
    for point in points:
        writer.writerow(_swept(point, swept) | _numbers(point) | {"lost": point.lost})


def _write_points(swept: Sequence[str], points: Sequence[Point]) -> None:
    names = dict.fromkeys(name for point in points for name, _, _ in scalars(point.result))
    rows = []
    for point in points:
        found = {
            name: short(value) + (f" ({spread[0]:.3g} to {spread[1]:.3g})" if spread else "")
            for name, value, spread in scalars(point.result)
        }
        rows.append((*map(short, _swept(point, swept).values()), *(found.get(name, "–") for name in names)))
    write_table(dict.fromkeys(swept, True) | dict.fromkeys(names, True), rows)
    write("In brackets: the middle 80 % of a run's nets.")


def _swept(point: Point, names: Sequence[str]) -> dict[str, Value]:
    return {name: getattr(point.params, name) for name in names}


def _describe(point: Point) -> dict[str, Any]:
    lost = {"lost": point.lost} if point.lost else {}
    return {"params": settings(point.params), "result": point.result} | lost
