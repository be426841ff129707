"""Limits on what readers can ask of one server, set by environment variables named ``WDLW_…``."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from core.lab import knob, read_settings

PREFIX = "WDLW_"
OTHERS = (
    "WDLW_CACHE", "WDLW_ENGINE", "WDLW_FALLBACK", "WDLW_LOG", "WDLW_RAY_CPUS", "WDLW_RAY_GPUS", "WDLW_REPORTS",
)  # fmt: skip
"""Variables of that prefix that limit nothing."""


@dataclass(frozen=True)
class Limits:
    """Each field is read from the environment variable of its name in capitals, after ``WDLW_``."""

    workers: int = knob(
        max(1, min(4, (os.cpu_count() or 1) // 2)),
        low=1,
        high=64,
        label="WDLW_WORKERS",
        help="Worker processes, each with a TensorFlow of its own (some 700 MB).",
    )
    sessions: int = knob(
        200, low=1, high=100_000, label="WDLW_SESSIONS", help="Browser tabs that one server holds at once."
    )
    runs_per_worker: int = knob(
        64, low=1, high=10_000, label="WDLW_RUNS_PER_WORKER", help="Runs that one worker holds at once."
    )
    runs_per_reader: int = knob(
        8,
        low=1,
        high=100,
        label="WDLW_RUNS_PER_READER",
        help="Runs that one browser tab may have open at once.",
    )
    queue: int = knob(200, low=0, high=10_000, label="WDLW_QUEUE", help="Runs that wait for a place, in all.")
    frames_per_run: int = knob(
        2000, low=10, high=1_000_000, label="WDLW_FRAMES_PER_RUN", help="Frames after which a run is ended."
    )
    seconds_per_run: float = knob(
        180.0,
        low=1.0,
        high=86_400.0,
        label="WDLW_SECONDS_PER_RUN",
        help="Computing time after which a run is ended.",
    )
    idle_seconds: float = knob(
        120.0,
        low=1.0,
        high=86_400.0,
        label="WDLW_IDLE_SECONDS",
        help="A run that nobody pulls is closed after this.",
    )
    worker_memory_mb: int = knob(
        2000,
        low=1000,
        high=1_000_000,
        label="WDLW_WORKER_MEMORY_MB",
        help="A worker that uses more is replaced when its runs are over, and at 1.5 times this at once.",
    )
    cache_mb: int = knob(
        512,
        low=0,
        high=1_000_000,
        label="WDLW_CACHE_MB",
        help="Megabytes of finished runs, kept on disk for all readers; 0 keeps none.",
    )


def read_limits(environment: Mapping[str, str]) -> tuple[Limits, list[str]]:
    """The limits that the environment sets, and one sentence for each value that cannot be read."""
    raw = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(PREFIX) and name not in OTHERS
    }
    return read_settings(Limits, raw)
