"""The command line: ``python -m core list``, ``run``, ``check``, ``bench``, ``store``.

Errors are one sentence on standard error and exit status 2; what was asked for goes to standard output.
"""

import argparse
import difflib
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table

from core import bench, book, stored, tables
from core.engine.inline import InlineEngine
from core.engine.worker import find_device
from core.lab import Claim, Frame, Knob, Lab, Unfit, Value, knobs, plain, quote, settings

MISS, ERROR, INTERRUPTED = 1, 2, 130


class Mistake(Exception):
    """What was asked for makes no sense; the message is one sentence."""


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, without the usage."""

    def error(self, message: str) -> NoReturn:
        """End with status 2."""
        raise Mistake(f"{message[:1].upper()}{message[1:].rstrip('.')}; {self.prog} --help tells more.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says, and return the exit status."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        chosen = _parser().parse_args(arguments)
        status: int = chosen.act(chosen)
        return status
    except Mistake as mistake:
        print(mistake, file=sys.stderr)
        return ERROR
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has heard enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> Parser:
    parser = Parser(prog="python -m core", description="The labs and claims of the essay, without a browser.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)

    def command(name: str, act: Callable[[Any], int], help: str, example: str) -> Parser:
        added: Parser = commands.add_parser(
            name, help=help, description=f"{help}.", epilog=f"Example: python -m core {example}"
        )
        added.set_defaults(act=act)
        return added

    listing = command("list", _list, "List chapters, labs and their settings", "list --json")
    running = command("run", _run, "Run a lab", "run sine_fits.fit --set width=64 --json")
    running.add_argument("lab", metavar="CHAPTER.LAB")
    running.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="change a setting")
    running.add_argument("--csv", metavar="FILE", help="write each net's numbers at each step; - for standard output")
    checking = command("check", _check, "Measure the claims of the essay", "check runge_even_11 last_hinge")
    checking.add_argument("ids", nargs="*", metavar="ID", help="a claim, alone or as CHAPTER.ID; all if none is named")
    checking.add_argument("--quick", action="store_true", help="leave out the claims that take long")
    racing = command("bench", _bench, "Measure steps a second, beside Keras, numpy, PyTorch and JAX", "bench")
    racing.add_argument("--rounds", type=int, default=3, help="how often each takes its turn (default 3)")
    for machine_readable in (listing, running, checking, racing):
        machine_readable.add_argument("--json", action="store_true", help="print one JSON object")
    storing = command("store", _store, "Keep the finished runs of the default settings", "store sine_fits.fit")
    storing.add_argument("labs", nargs="*", metavar="CHAPTER.LAB", help="all if none is named")
    storing.add_argument("--check", action="store_true", help="compare with what the code makes now instead")
    return parser


def _list(chosen: argparse.Namespace) -> int:
    if chosen.json:
        _print_json({"chapters": [_chapter(chapter) for chapter in book.chapters()]})
        return 0
    console = Console()
    for chapter in book.chapters():
        console.print(f"\n{chapter.number}. {chapter.title}", style="bold", highlight=False)
        for name, lab in book.labs(chapter.slug).items():
            table = Table("setting", "default", "range", "meaning", title=f"{chapter.slug}.{name}: {lab.title}")
            table.title_justify = "left"
            for knob in knobs(lab.Params).values():
                table.add_row(knob.name, plain(knob.default), _range(knob), knob.help or knob.label)
            console.print(table)
    return 0


def _chapter(chapter: book.Chapter) -> dict[str, Any]:
    labs = [
        {"name": f"{chapter.slug}.{name}", "title": lab.title, "settings": [_setting(k) for k in _knobs(lab)]}
        for name, lab in book.labs(chapter.slug).items()
    ]
    return {"slug": chapter.slug, "number": chapter.number, "title": chapter.title, "labs": labs}


def _knobs(lab: Lab[Any]) -> list[Knob]:
    return list(knobs(lab.Params).values())


def _setting(knob: Knob) -> dict[str, Any]:
    said = {name: getattr(knob, name) for name in ("name", "default", "low", "high", "log", "label", "help")}
    return said | {"type": knob.type.__name__, "choices": list(knob.choices)}


def _range(knob: Knob) -> str:
    if knob.choices:
        return ", ".join(plain(choice) for choice in knob.choices)
    return "text" if knob.parse else f"{plain(knob.low)} to {plain(knob.high)}"


def _run(chosen: argparse.Namespace) -> int:
    lab = _find_lab(chosen.lab)
    params = lab.Params(**dict(_read_setting(lab, text) for text in chosen.set))
    with _writable(chosen.csv) as csv:
        device = find_device()
        begun = time.perf_counter()
        frames = _frames(chosen.lab, params)
        seconds = time.perf_counter() - begun
        if csv is not None:
            tables.frames_table(frames).to_csv(csv, index=False)
    result = lab.result(params, frames)
    if chosen.json:
        said = {"lab": chosen.lab, "params": settings(params), "frames": len(frames), "seconds": round(seconds, 3)}
        _print_json({**said, "device": device, "result": result}, aside=chosen.csv == "-")
    elif chosen.csv != "-":
        print(lab.sentence(params, frames))
        table = Table("result", "value", "middle 80 %")
        for name, value in result.items():
            if name != "spread":
                spread = result.get("spread", {}).get(name)
                table.add_row(name, _number(value), f"{spread['low']:.4g} to {spread['high']:.4g}" if spread else "")
        Console().print(table)
    return 0


def _read_setting(lab: Lab[Any], text: str) -> tuple[str, Value]:
    name, separator, value = text.partition("=")
    if not separator:
        raise Mistake(f"--set needs NAME=VALUE, not {quote(text)}.")
    known = knobs(lab.Params)
    if name not in known:
        raise Mistake(f"There is no setting {quote(name)}{_perhaps(name, known)}.")
    try:
        return name, known[name].read(value)
    except Unfit as miss:
        raise Mistake(str(miss)) from None


def _frames(name: str, params: Any) -> list[Frame]:
    engine, frames = InlineEngine(), []
    run = engine.open(name, params, "command line")
    with _progress() as progress:
        task = progress.add_task(name, total=None)
        while (frame := engine.next(run)) is not None:
            frames.append(frame)
            progress.update(task, completed=frame.step, total=frame.total)
    return frames


def _progress() -> Progress:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


@contextmanager
def _writable(path: str | None) -> Iterator[Any]:
    if path in (None, "-"):
        yield sys.stdout if path else None
        return
    try:
        with Path(str(path)).open("w", encoding="utf-8", newline="") as file:
            yield file
    except OSError as error:
        raise Mistake(f"{quote(path)} cannot be written: {error.strerror or error}.") from None


def _check(chosen: argparse.Namespace) -> int:
    claims = _find_claims(chosen.ids)
    if chosen.quick:
        claims = {name: claim for name, claim in claims.items() if not claim.slow}
    rows = []
    with _progress() as progress:
        task = progress.add_task("claims", total=len(claims))
        for name, claim in claims.items():
            progress.update(task, description=name)
            measured, verdict = _measure(claim)
            rows.append((name, claim, measured, verdict))
            progress.advance(task)
    if chosen.json:
        _print_json({"claims": [_checked(*row) for row in rows]})
    else:
        table = Table(
            Column("claim", overflow="fold"), "source", "kind", "expected", "tolerance", "measured", "verdict"
        )
        for name, claim, measured, verdict in rows:
            relation = "" if claim.relation == "equals" else f"{claim.relation} "
            expected = f"{relation}{claim.expected:g}"
            source = claim.source or "measured here"
            table.add_row(name, source, claim.kind, expected, f"{claim.tolerance:g}", _number(measured), verdict)
        Console().print(table)
    return MISS if any(verdict != "holds" for *_, verdict in rows) else 0


def _measure(claim: Claim) -> tuple[float, str]:
    try:
        measured = float(claim.measure())
    except Exception as error:
        return math.nan, f"misses: {type(error).__name__}: {error}"
    return measured, "holds" if claim.holds(measured) else "misses"


def _checked(name: str, claim: Claim, measured: float, verdict: str) -> dict[str, Any]:
    said = {key: getattr(claim, key) for key in ("sentence", "source", "kind", "relation", "expected", "tolerance")}
    return {"id": name, **said, "measured": measured, "verdict": verdict}


def _find_claims(ids: Sequence[str]) -> dict[str, Claim]:
    every = {f"{c.slug}.{key}": claim for c in book.chapters() for key, claim in book.claims(c.slug).items()}
    found = {}
    for wanted in ids:
        names = [name for name in every if wanted in (name, name.partition(".")[2])]
        if not names:
            raise Mistake(f"There is no claim {quote(wanted)}{_perhaps(wanted, [n.partition('.')[2] for n in every])}.")
        if len(names) > 1:
            raise Mistake(f"{quote(wanted)} may be {' or '.join(names)}: name the chapter too.")
        found[names[0]] = every[names[0]]
    return found if ids else every


def _bench(chosen: argparse.Namespace) -> int:
    if not 1 <= chosen.rounds <= 100:
        raise Mistake("--rounds must be from 1 to 100.")
    with _progress() as progress:
        task = progress.add_task("", total=None)
        speeds = bench.measure(chosen.rounds, 1.0, lambda text: progress.update(task, description=text))
    if chosen.json:
        _print_json({net.title: numbers for net, numbers in speeds.items()})
        return 0
    for net, numbers in speeds.items():
        bases = [base for base in bench.BASES if base in numbers]
        table = Table("how", "nets at once", "net-steps/s", *(f"÷ {bench.BASES[base]}" for base in bases))
        table.title = net.title
        for name, value in numbers.items():
            contender = bench.CONTENDERS[name]
            ratios = (f"{value / numbers[base]:,.2f}" for base in bases)
            table.add_row(contender.title, str(contender.nets), f"{value:,.0f}", *ratios)
        Console().print(table)
    return 0


def _store(chosen: argparse.Namespace) -> int:
    differences = []
    for name in chosen.labs or book.lab_names():
        lab = _find_lab(name)
        frames = _frames(name, lab.Params())
        if chosen.check:
            differences += stored.compare(name, frames)
        else:
            print(stored.save(name, lab.Params(), frames).relative_to(book.PAGES.parent))
    for difference in differences:
        print(difference, file=sys.stderr)
    return MISS if differences else 0


def _find_lab(name: str) -> Lab[Any]:
    try:
        return book.lab(name)
    except KeyError:
        raise Mistake(f"There is no lab {quote(name)}{_perhaps(name, book.lab_names())}.") from None


def _perhaps(name: str, known: Any) -> str:
    near = difflib.get_close_matches(name, list(known), 1)
    return f"; perhaps “{near[0]}” is meant" if near else ""


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _print_json(said: Any, *, aside: bool = False) -> None:
    """One object on standard output; what is not a finite number becomes ``null``."""
    print(json.dumps(_finite(said), ensure_ascii=False), file=sys.stderr if aside else sys.stdout)


def _finite(said: Any) -> Any:
    if isinstance(said, dict):
        return {key: _finite(value) for key, value in said.items()}
    if isinstance(said, list | tuple):
        return [_finite(value) for value in said]
    return None if isinstance(said, float) and not math.isfinite(said) else said


def _silence_libraries() -> None:
    """Let standard error carry what Python says only: TensorFlow's C++ reports there what is no error."""
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


if __name__ == "__main__":
    _silence_libraries()
    sys.exit(main())
