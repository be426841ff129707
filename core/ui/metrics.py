"""What ``/metrics`` tells Prometheus: counts of this server's own doing. Nothing in it is about one reader."""

import time
from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE
from prometheus_client.registry import Collector

from core.engine import CLAIM, Engine, Refused, RunLost, Status, Waiting
from core.lab import Frame
from core.ui.guard import SESSIONS
from core.ui.shared import shared_runs

__all__ = ["CONTENT_TYPE", "Counted", "exposition"]

LONGEST_WAIT = 900.0
"""Seconds after which a first frame is no longer expected: its reader has left."""


class Counted:
    """An engine whose runs and frames are counted; see :class:`core.engine.Engine`."""

    def __init__(self, inner: Engine) -> None:
        self._inner = inner
        self._opened: dict[str, tuple[float, str]] = {}
        self.registry = CollectorRegistry()
        self.registry.register(_Gauges(inner))
        self._runs = Counter("wdlw_runs", "Runs started.", ["kind"], registry=self.registry)
        self._refused = Counter("wdlw_runs_refused", "Runs refused by a limit.", ["kind"], registry=self.registry)
        self._lost = Counter(
            "wdlw_runs_lost",
            "Runs that ended before their last frame: a worker died, a limit was broken, nobody watched.",
            registry=self.registry,
        )
        self._frames = Counter("wdlw_frames", "Frames handed to pages.", registry=self.registry)
        self._first = Histogram(
            "wdlw_first_frame_seconds",
            "Time from the start of a lab's run to its first frame.",
            buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30, 60),
            registry=self.registry,
        )

    def open(self, lab: str, params: Any, reader: str) -> str:
        """Start a run."""
        kind = "claim" if lab.startswith(CLAIM) else "lab"
        try:
            run = self._inner.open(lab, params, reader)
        except Refused:
            self._refused.labels(kind).inc()
            raise
        self._runs.labels(kind).inc()
        now = time.monotonic()
        for name, (begun, _) in list(self._opened.items()):
            if begun > now - LONGEST_WAIT:
                break
            self._opened.pop(name, None)
        self._opened[run] = now, kind
        return run

    def next(self, run: str, patience: float = 0.25) -> Frame | Waiting | None:
        """The next frame."""
        try:
            frame = self._inner.next(run, patience)
        except RunLost:
            self._opened.pop(run, None)
            self._lost.inc()
            raise
        if isinstance(frame, Frame):
            self._frames.inc()
            begun, kind = self._opened.pop(run, (0.0, ""))
            if kind == "lab":
                self._first.observe(time.monotonic() - begun)
        return frame

    def close(self, run: str) -> None:
        """End a run."""
        self._opened.pop(run, None)
        self._inner.close(run)

    def warm(self, lab: str) -> None:
        """Make a lab's default run ready."""
        self._inner.warm(lab)

    def status(self) -> Status:
        """How the engine fares now."""
        return self._inner.status()

    def stop(self) -> None:
        """End every run."""
        self._inner.stop()


class _Gauges(Collector):
    """What is read off at each scrape."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def collect(self) -> Iterator[Metric]:
        now = self._engine.status()
        for name, about, value in (
            ("wdlw_sessions", "Open tabs.", SESSIONS.open),
            ("wdlw_sessions_refused", "Tabs refused since the start: the house was full.", SESSIONS.refused),
            ("wdlw_runs_open", "Runs that workers hold.", now.runs),
            ("wdlw_runs_waiting", "Runs in the queue.", now.queued),
            ("wdlw_workers", "Workers asked for.", now.workers),
            ("wdlw_workers_ready", "Workers that can train.", now.workers_ready),
            (
                "wdlw_worker_memory_bytes",
                "Resident memory of all workers; 0 where nobody measures it.",
                now.worker_memory,
            ),
        ):
            yield GaugeMetricFamily(name, about, value)
        lookups = CounterMetricFamily(
            "wdlw_shared_runs_lookups",
            "Times that a finished run was looked for on disk: by who comes by a link, and by who queues, repeatedly.",
            labels=["result"],
        )
        lookups.add_metric(["hit"], shared_runs().hits)
        lookups.add_metric(["miss"], shared_runs().misses)
        yield lookups


def exposition(engine: Counted) -> bytes:
    """The text that Prometheus reads."""
    return generate_latest(engine.registry)
