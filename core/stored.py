"""Finished runs of the default settings, in ``assets/runs/``: what a page draws before any worker is up."""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from core import book, recording
from core.lab import Array, Frame, settings
from core.recording import Unreadable

log = logging.getLogger(__name__)

RUNS = book.ASSETS / "runs"
EARLY = 0.02
"""The share of a run's frames, from its start, that is compared closely."""
CLOSE = 0.002
"""How close, relative to the largest number of that name in that frame."""
LOOSE = 0.25
"""How close the result must come, relative to itself."""
NOTHING = 1e-9
"""Differences below this are rounding."""


class Differs(Exception):
    """Why a stored run does not serve; the message is one sentence."""


def path(name: str) -> Path:
    """Where the run of the lab ``name`` (``chapter.lab``) is stored."""
    return RUNS / f"{name}.npz"


def save(name: str, params: Any, frames: Sequence[Frame]) -> Path:
    """Store a finished run of the lab ``name``, and say where."""
    final = path(name)
    partial = final.with_suffix(".partial")
    final.parent.mkdir(parents=True, exist_ok=True)
    partial.write_bytes(recording.encode(params, frames))
    os.replace(partial, final)
    load.cache_clear()
    return final


@cache
def load(name: str) -> Sequence[Frame] | None:
    """The stored run of the lab ``name``, read-only; ``None``, and a line in the log, if none fits the lab."""
    try:
        return read(name)
    except Differs as why:
        log.warning("%s", why)
        return None


def read(name: str) -> Sequence[Frame]:
    """The stored run of the lab ``name``. Raises :class:`Differs` if it is missing, broken or of other settings."""
    try:
        run = recording.decode(path(name).read_bytes())
    except FileNotFoundError:
        raise Differs(f"{name}: no run is stored.") from None
    except (OSError, Unreadable) as error:
        raise Differs(f"{name}: the stored run cannot be read ({error}).") from error
    if run.settings != settings(book.lab(name).Params()):
        raise Differs(f"{name}: the stored run is of other settings than the defaults now.")
    return run


def compare(name: str, frames: Sequence[Frame]) -> list[str]:
    """How a finished default run differs from the stored one: a sentence for each difference, none if they agree.

    Training amplifies rounding, and other processors round otherwise: with the vector instructions of 2008 the
    first frames agree to a millionth, while a median error of 0.0004 ends as 0.0015. So the first :data:`EARLY` of
    the frames must agree within :data:`CLOSE` (counts within 1), and at the end the numbers of ``Lab.result`` must lie
    within :data:`LOOSE` of the stored ones or of the middle 80 % of the stored run's nets, if they have one.
    """
    try:
        stored = read(name)
    except Differs as why:
        return [str(why)]
    if [(f.step, f.total) for f in frames] != [(f.step, f.total) for f in stored]:
        return [f"{name}: the frames now stand at other steps than the stored ones."]
    if _shapes(frames[0]) != _shapes(stored[0]):
        return [f"{name}: the frames now hold values of other names or shapes than the stored ones."]
    early = max(1, round(EARLY * len(frames)))
    for now, before in zip(frames[:early], stored[:early], strict=True):
        if apart := [value for value in now.values if _apart(now.values[value], before.values[value])]:
            return [f"{name}: after {now.step} steps, {', '.join(apart)} differ from the stored run."]
    lab = book.lab(name)
    params = lab.Params()
    return list(_compare_results(name, lab.result(params, frames), lab.result(params, stored)))


def _shapes(frame: Frame) -> dict[str, tuple[int, ...]]:
    return {name: value.shape for name, value in frame.values.items()}


def _apart(now: Array, before: Array) -> bool:
    largest = np.abs(before).max(where=np.isfinite(before), initial=0.0)
    whole = np.array_equal(now, np.round(now), equal_nan=True)
    bound = max(CLOSE * largest, NOTHING, 1.0 if whole else 0.0)
    return not np.allclose(now, before, rtol=0, atol=bound, equal_nan=True)


def _compare_results(name: str, now: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[str]:
    numbers = {key for key, value in before.items() if isinstance(value, int | float)}
    if missing := sorted(numbers - now.keys()):
        yield f"{name}: the result no longer holds {', '.join(missing)}."
    for key in sorted(numbers & now.keys()):
        spread = before.get("spread", {}).get(key, {"low": before[key], "high": before[key]})
        slack = LOOSE * abs(before[key]) + NOTHING
        same = np.array_equal(now[key], before[key], equal_nan=True)
        if not same and not spread["low"] - slack <= now[key] <= spread["high"] + slack:
            yield f"{name}: {key} ends at {now[key]:.3g}; in the stored run it was {before[key]:.3g}."
