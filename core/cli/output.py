"""What commands print: tables, JSON, progress, and sentences for what the person who typed can put right."""

import difflib
import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TextIO

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from core.lab import quote

WIDTH_OF_A_FILE = 140
"""Columns of a table that no terminal shows."""


class Fault(Exception):
    """What the person who typed can put right; the message is one sentence."""


def nearest(wrong: str, known: Iterable[str]) -> str:
    """The rest of a sentence about an unknown name: the known one it may stand for, if any."""
    matches = difflib.get_close_matches(wrong, list(known), n=1, cutoff=0.5)
    return f"; did you mean {matches[0]}?" if matches else "."


def write(text: str) -> None:
    """Print a line, as wide as it is."""
    print(text, file=sys.stdout)


def write_json(value: Any) -> None:
    """Print one JSON object; what is not finite becomes null."""
    write(json.dumps(_finite(value), indent=2, allow_nan=False))


def write_table(columns: Mapping[str, bool], rows: Iterable[Iterable[object]], title: str = "") -> None:
    """Print a table; ``columns`` says of each title whether numbers stand under it."""
    table = Table(title=title or None, title_justify="left")
    for name, number in columns.items():
        table.add_column(name, justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    width = None if sys.stdout.isatty() else WIDTH_OF_A_FILE
    Console(file=sys.stdout, markup=False, emoji=False, highlight=False, width=width).print(table)


@contextmanager
def progress(what: str, unit: str) -> Iterator[Callable[[int, int, str], None]]:
    """Yield a function of (done, total, what now) that draws a bar on standard error, if that is a terminal."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[amount]}", markup=False),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(file=sys.stderr), transient=True, disable=not sys.stderr.isatty()) as bars:
        bar = bars.add_task(what, total=None, amount="")

        def show(done: int, total: int, now: str) -> None:
            bars.update(bar, completed=done, total=total, description=now, amount=f"{done:,} of {total:,} {unit}")

        yield show


@contextmanager
def writing_to(target: str) -> Iterator[TextIO]:
    """A file that the command line names, ``-`` for standard output, open; a :class:`Fault` if it cannot be written."""
    if target == "-":
        yield sys.stdout
        return
    try:
        with open(target, "w", encoding="utf-8", newline="") as file:
            yield file
    except OSError as error:
        raise Fault(f"Nothing can be written to {quote(target)}: {error.strerror}.") from error


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _finite(value.tolist())
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
