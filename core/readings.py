"""Numbers of a run where the text speaks of it: the stored run's at first, then those of the run that a reader sees.

``{run:fit.dense_rmse:.2g}`` in an essay is a reading of the lab ``fit`` of its chapter: ``dense_rmse`` as
``python -m core run sine_fits.fit --json`` prints it, in Python's format ``.2g``. A setting's name or ``step`` can be
read too; ``/`` leads into a list or a mapping, as in ``test_accuracy/3``.
"""

import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from core import book, essay, stored
from core.lab import Frame, describe, plain, printed, settings

MISSING = "–"
"""What stands for a number that a run does not have."""
ABOUT = ""
"""The key under which readings say of what run they are."""


def of(name: str, params: Any, frames: Sequence[Frame]) -> dict[str, str]:
    """What the text of its chapter prints of this run of the lab ``name``, by :func:`mark`; empty without frames."""
    marks = _marks(name)
    if not marks or not frames:
        return {}
    last = frames[-1]
    known = settings(params) | {"step": last.step} | dict(book.lab(name).result(params, frames))
    about = f"“{book.lab(name).title}” as it stands: step {last.step:,} of {last.total:,}, {describe(params)}."
    return {ABOUT: about} | {mark(path, form): _text(known, path, form) for path, form in marks}


@cache
def stored_readings(name: str) -> Mapping[str, str]:
    """The same of the stored run of the lab ``name``."""
    return of(name, book.lab(name).Params(), stored.load(name) or ())


def mark(path: str, form: str) -> str:
    """By what name a reading goes between server and page."""
    return f"{path}:{form}"


@cache
def _marks(name: str) -> tuple[tuple[str, str], ...]:
    slug, _, short = name.partition(".")
    chapter = next(chapter for chapter in book.chapters() if chapter.slug == slug)
    return essay.read(chapter).readings.get(short, ())


def _text(known: Mapping[str, Any], path: str, form: str) -> str:
    found: Any = known
    for key in path.split("/"):
        if isinstance(found, list) and key.isdigit() and int(key) < len(found):
            found = found[int(key)]
        elif isinstance(found, Mapping) and key in found:
            found = found[key]
        else:
            return MISSING
    if found is None or (isinstance(found, float) and not math.isfinite(found)):
        return MISSING
    return printed(format(found, form)) if form else plain(found)
