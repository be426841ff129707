"""Runs in this process: for the command line and for tests."""

import itertools
from collections.abc import Iterator
from typing import Any

from core.engine import RunLost, Status, frames
from core.lab import Frame


class InlineEngine:
    """Holds the runs' generators; a frame is computed when it is asked for."""

    def __init__(self) -> None:
        self._ids = itertools.count()
        self._runs: dict[str, Iterator[Frame]] = {}

    def open(self, lab: str, params: Any, reader: str) -> str:
        """Start a run; see :class:`core.engine.Engine`."""
        run = f"inline-{next(self._ids)}"
        self._runs[run] = frames(lab, params)
        return run

    def next(self, run: str, patience: float = 0.25) -> Frame | None:
        """The next frame; see :class:`core.engine.Engine`."""
        if run not in self._runs:
            raise RunLost("This run was closed. Run starts it again.")
        frame = next(self._runs[run], None)
        if frame is None:
            self.close(run)
        return frame

    def close(self, run: str) -> None:
        """End a run."""
        self._runs.pop(run, None)

    def warm(self, lab: str) -> None:
        """Nothing: a lab compiles in this process when it runs."""

    def status(self) -> Status:
        """Always ready: this process does the work."""
        return Status("inline", 1, 1, "this process", len(self._runs))

    def stop(self) -> None:
        """Forget every run."""
        self._runs.clear()
