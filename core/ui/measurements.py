"""Claims measured at a reader's click. A measurement serves every reader: it is made once, and kept until the next."""

import math
import threading
import time
from dataclasses import dataclass
from typing import Any

from core import evidence
from core.engine import CLAIM, EngineError, Waiting
from core.ui.engine import engine

READER = "claims"
"""In whose name claims are measured: the limit of runs for one reader bounds how many wait at once."""
PATIENCE = 0.05


@dataclass
class Measurement:
    """How a claim stands on this server: the run that measures it now, and what the last one gave."""

    run: str = ""
    begun: float = 0.0
    measured: float = math.nan
    seconds: float = math.nan
    at: float = 0.0
    note: str = ""


_held: dict[str, Measurement] = {}
_lock = threading.Lock()


def measure(full: str) -> dict[str, Any]:
    """Begin to measure a claim, unless that is under way, and say how it stands. Raises :class:`KeyError`."""
    evidence.measurable()[full]
    with _lock:
        held = _held.setdefault(full, Measurement())
        if not held.run:
            held.note = ""
            try:
                held.run, held.begun = engine().open(f"{CLAIM}{full}", None, READER), time.monotonic()
            except EngineError:
                held.note = "Other claims are being measured. Try again in a minute."
    return look(full)


def look(full: str) -> dict[str, Any]:
    """How a claim stands, its measurement brought on if one is under way. Raises :class:`KeyError`."""
    claim = evidence.measurable()[full]
    with _lock:
        held = _held.get(full, Measurement())
        if held.run:
            _bring_on(held)
        known = math.isfinite(held.measured)
        return {
            "id": full,
            "running": bool(held.run),
            "elapsed": round(time.monotonic() - held.begun, 1) if held.run else 0,
            "measured": f"{held.measured:.4g}" if known else "",
            "holds": claim.holds(held.measured) if known else None,
            "took": _said(held.seconds) if known else None,
            "at": held.at,
            "note": held.note,
        }


def known() -> dict[str, dict[str, Any]]:
    """How every claim stands that has been measured since the server started, or is being measured."""
    return {full: look(full) for full in list(_held)}


def _bring_on(held: Measurement) -> None:
    try:
        frame = engine().next(held.run, PATIENCE)
    except EngineError as loss:
        held.run, held.note = "", str(loss)
        return
    if isinstance(frame, Waiting) or (frame is not None and frame.step < frame.total):
        return
    engine().close(held.run)
    held.run = ""
    if frame is not None:
        held.measured, held.seconds = float(frame.values["measured"]), float(frame.values["seconds"])
        held.at = time.time()
        held.note = "" if math.isfinite(held.measured) else "The measurement gave no number."


def _said(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 0.1 else "under 0.1 s"
