"""Where runs run. One interface, pull-based: nothing runs ahead of its reader by more than a frame.

``inline`` runs in this process (command line, tests), ``local`` in worker processes (the app).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from core import book, evidence
from core.lab import Frame

CLAIM = "claim:"
"""What the name of a claim's measurement begins with."""


class EngineError(Exception):
    """Why there is no frame; the message is one sentence for the reader."""


class Refused(EngineError):
    """A run was not started: a limit is reached."""


class RunLost(EngineError):
    """A run is gone: its worker died, it broke a limit, or nobody had watched it."""


@dataclass(frozen=True)
class Waiting:
    """No frame yet, and why. ``place`` is the run's place in the queue, counted from 1; 0 is not queued."""

    note: str
    place: int = 0


def queued(place: int) -> Waiting:
    """What the reader of a queued run is told."""
    return Waiting(f"You are number {place} in the queue; your run starts by itself.", place)


@dataclass(frozen=True)
class Status:
    """How an engine fares: its name, workers ready and asked for, their device, runs held and queued, bytes used."""

    engine: str
    workers_ready: int
    workers: int
    device: str
    runs: int
    queued: int = 0
    worker_memory: int = 0
    """Resident bytes of all workers together; 0 where nobody measures them."""


class Engine(Protocol):
    """What a page, a command line or a test asks of an engine. Safe to call from many threads."""

    def open(self, lab: str, params: Any, reader: str) -> str:
        """Start a run for a reader, or queue it when the house is full, and return its id. Raises :class:`Refused`.

        ``lab`` is a lab (``chapter.name``) or, with ``params`` None, a claim to be measured (``claim:chapter.id``).
        """

    def next(self, run: str, patience: float = 0.25) -> Frame | Waiting | None:
        """The next frame, ``None`` after the last, or :class:`Waiting` when ``patience`` seconds were too few.

        Raises :class:`RunLost`.
        """

    def close(self, run: str) -> None:
        """End a run; unknown runs are ignored."""

    def warm(self, lab: str) -> None:
        """Make a lab's default run ready to start soon: a reader has opened its page."""

    def status(self) -> Status:
        """How the engine fares now."""

    def stop(self) -> None:
        """End every run, with a sentence to its reader, and every worker."""


def frames(name: str, params: Any) -> Iterator[Frame]:
    """The frames of a run; nothing is computed, and nothing can fail, before the first is asked for."""
    if name.startswith(CLAIM):
        yield from evidence.measuring(name.removeprefix(CLAIM))
    else:
        yield from book.lab(name).run(params)
