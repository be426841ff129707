"""``list``, ``run`` and ``store``: what labs there are, one run of one, and the finished runs that pages open on."""

import os
import sys
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from core import book, stored
from core.cli.output import Fault, nearest, progress, write, write_json, write_table, writing_to
from core.lab import Frame, Knob, Lab, Rows, Unfit, Value, knobs, plain, quote, replace, settings


def show_list(arguments: Namespace) -> int:
    """Print chapters, their labs, and the labs' settings."""
    chapters = [
        {
            "slug": chapter.slug,
            "number": chapter.number,
            "title": chapter.title,
            "labs": [
                {
                    "name": f"{chapter.slug}.{name}",
                    "title": lab.title,
                    "settings": [_describe(knob) for knob in knobs(lab.Params).values()],
                }
                for name, lab in book.labs(chapter.slug).items()
            ],
        }
        for chapter in book.chapters()
    ]
    if arguments.json:
        write_json({"chapters": chapters})
        return 0
    for chapter in book.chapters():
        write(f"{chapter.number}. {chapter.title}\n")
        for name, lab in book.labs(chapter.slug).items():
            rows = [
                (knob.name, short(knob.default), _values(knob), knob.help or knob.label)
                for knob in knobs(lab.Params).values()
            ]
            columns = {"Setting": False, "Default": True, "Values": False, "What it is": False}
            write_table(columns, rows, f"{chapter.slug}.{name}: {lab.title}")
            write("")
    return 0


def run(arguments: Namespace) -> int:
    """Run a lab once, and print what it shows."""
    lab = find_lab(arguments.lab)
    params = replace(lab.Params(), read_pairs(lab, arguments.set))
    to_stdout = arguments.csv == "-"
    if to_stdout and arguments.json:
        raise Fault("Only one of --json and --csv - can have standard output.")
    if arguments.curves and arguments.csv is None:
        raise Fault("--curves says what --csv writes, so it needs --csv.")
    if arguments.csv is not None and not to_stdout:
        check_writable(arguments.csv)
    device = _device()
    begun = time.monotonic()
    frames = collect(arguments.lab, params)
    seconds = time.monotonic() - begun
    if arguments.csv is not None:
        _write_csv(frames, lab.rows(params), arguments.csv, arguments.curves)
    if arguments.json:
        answer = {"lab": arguments.lab, "params": settings(params), "frames": len(frames)}
        answer |= {"seconds": round(seconds, 3), "device": device, "result": lab.result(params, frames)}
        write_json(answer)
    elif not to_stdout:
        write(lab.sentence(params, frames))
        _write_result(lab.result(params, frames))
        write(f"{frames[-1].step:,} steps took {seconds:.1f} s on {device}.")
    return 0


def export(arguments: Namespace) -> int:
    """Write an experiment as a script or a notebook that needs none of this project."""
    from core import export as exports

    lab = find_lab(arguments.lab)
    params = replace(lab.Params(), read_pairs(lab, arguments.set))
    text = exports.notebook(arguments.lab, params) if arguments.notebook else exports.script(arguments.lab, params)
    if arguments.output is None:
        sys.stdout.write(text)
        return 0
    check_writable(arguments.output)
    Path(arguments.output).write_text(text, "utf-8")
    return 0


def store(arguments: Namespace) -> int:
    """Store finished runs of default settings, or compare them with the stored ones."""
    names = arguments.labs or book.lab_names()
    labs = {name: find_lab(name) for name in names}
    _device()
    differences = []
    for name, lab in labs.items():
        params = lab.Params()
        frames = collect(name, params)
        if arguments.check:
            found = stored.compare(name, frames)
            differences += found
            for sentence in found or [f"{name}: as stored."]:
                write(sentence)
        else:
            path = stored.save(name, params, frames)
            write(f"{name}: {len(frames)} frames, {path.stat().st_size / 1e6:.2f} MB in {path.name}.")
    return 1 if differences else 0


def find_lab(name: str) -> Lab[Any]:
    """The lab of that name, or a :class:`Fault` that names the nearest."""
    known = book.lab_names()
    if name not in known:
        same = [full for full in known if full.endswith(f".{name}")]
        suggestion = f"; did you mean {same[0]}?" if same else nearest(name, known)
        raise Fault(f"There is no lab {quote(name)}{suggestion}")
    return book.lab(name)


def collect(name: str, params: Any) -> Sequence[Frame]:
    """Every frame of a run in this process, with a bar on a terminal."""
    from core.engine.inline import InlineEngine

    engine = InlineEngine()
    frames: list[Frame] = []
    with progress(name, "steps") as advance:
        handle = engine.open(name, params, "command line")
        while (frame := engine.next(handle)) is not None:
            frames.append(frame)
            advance(frame.step, frame.total, name)
    return frames


def _device() -> str:
    from core.engine.worker import find_device

    return find_device()


def read_pairs(lab: Lab[Any], pairs: Sequence[str]) -> dict[str, Value]:
    """The settings that ``NAME=VALUE`` pairs name, or a :class:`Fault` that says what cannot be read."""
    values = {}
    for pair in pairs:
        knob, text = split_pair(lab, pair, "--set takes NAME=VALUE, as in width=64")
        values[knob.name] = read_value(knob, text)
    return values


def split_pair(lab: Lab[Any], pair: str, form: str) -> tuple[Knob, str]:
    """The setting that a pair names and what follows its sign; ``form`` tells how such a pair is written."""
    known = knobs(lab.Params)
    name, sign, text = pair.partition("=")
    name = name.strip().replace("-", "_")
    if not sign:
        raise Fault(f"{form}, not {quote(pair)}.")
    if name not in known:
        raise Fault(f"There is no setting {quote(name)}{nearest(name, known)}")
    return known[name], text


def read_value(knob: Knob, text: str) -> Value:
    """A setting's value, or a :class:`Fault` that says what it may be."""
    try:
        return knob.read(text)
    except Unfit as miss:
        raise Fault(f"{knob.name}: {miss}") from None


def check_writable(target: str) -> None:
    """Raise :class:`Fault` before a long run whose file could not be written."""
    path = Path(target)
    there = path if path.exists() else path.parent
    if path.is_dir() or not os.access(there, os.W_OK) or not path.parent.is_dir():
        raise Fault(f"Nothing can be written to {quote(path)}.")


def _write_csv(frames: Sequence[Frame], rows: Rows, target: str, curves: bool) -> None:
    from core.tables import frames_table

    with writing_to(target) as file:
        frames_table(frames, rows, curves).to_csv(file, index=False, lineterminator="\n")


def scalars(result: dict[str, Any]) -> Iterator[tuple[str, float, tuple[float, float] | None]]:
    """The numbers of a result, each with the middle 80 % of its nets where there are several."""
    spreads = result.get("spread", {})
    for name, value in result.items():
        if isinstance(value, int | float):
            spread = spreads.get(name, {})
            several = len(spread.get("replicas", ())) > 1
            yield name, value, (spread["low"], spread["high"]) if several else None


def _write_result(result: dict[str, Any]) -> None:
    rows = [
        (name, short(value), f"{spread[0]:.4g} to {spread[1]:.4g}" if spread else "")
        for name, value, spread in scalars(result)
    ]
    write_table({"Result": False, "Value": True, "Middle 80 % of the nets": False}, rows)


def short(value: object) -> str:
    """A value as a table shows it."""
    return f"{value:.4g}" if isinstance(value, float) else plain(value)


def _values(knob: Knob) -> str:
    if knob.choices:
        return ", ".join(plain(choice) for choice in knob.choices)
    if knob.parse is not None:
        return "text"
    return f"{plain(knob.low)} to {plain(knob.high)}"


def _describe(knob: Knob) -> dict[str, Any]:
    numbers = {"low": knob.low, "high": knob.high, "log": knob.log, "choices": knob.choices}
    words = {"label": knob.label, "help": knob.help}
    return {"name": knob.name, "type": knob.type.__name__, "default": knob.default, **numbers, **words}
