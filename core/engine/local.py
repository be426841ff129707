"""Runs in worker processes on this machine, started when the server starts and replaced when they die.

A worker is a command of its own (``python -m core.engine.worker``), spoken to over its standard input and output:
pipes are private to the two processes, work on every system, and end when either side dies. So the server never
imports TensorFlow, a dead worker costs no page, and a dead server leaves no worker behind.
"""

import logging
import os
import pickle
import subprocess
import sys
import threading
import time
import uuid
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.engine import Refused, RunLost, Status, Waiting
from core.engine.limits import Limits
from core.lab import Frame

log = logging.getLogger(__name__)

ROOT = Path(__file__).parents[2]
STARTING = "TensorFlow is starting; this happens once after the server has started."
COMPILING = "A net of this shape is being compiled; this takes a second or two, once."
WORKING = "The next frame is being computed."
DIED = "The process that trained this run ended unexpectedly. What was drawn is kept; Run starts it again."
IDLE = "This run was closed because nobody had watched it for a while. What was drawn is kept; Run starts it again."
LONGEST_PAUSE = 30.0
LONGEST_FAREWELL = 3.0


@dataclass
class _Run:
    """A run as its reader's side knows it."""

    worker: "_Worker"
    reader: str
    pulled: float
    ready: deque[Frame] = field(default_factory=deque)
    asked: bool = False
    begun: bool = False
    finished: bool = False
    failure: str = ""


class LocalEngine:
    """The engine of the app; see :class:`core.engine.Engine`."""

    name = "local"

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._change = threading.Condition()
        self._runs: dict[str, _Run] = {}
        self._stopping = threading.Event()
        self._workers = self._make_workers()
        for worker in self._workers:
            worker.start()
        threading.Thread(target=self._close_idle_runs, name="idle-runs", daemon=True).start()

    def open(self, lab: str, params: Any, reader: str) -> str:
        """Start a run on the worker with the fewest runs. Raises :class:`Refused`."""
        with self._change:
            own = sum(run.reader == reader for run in self._runs.values())
            if own >= self._limits.runs_per_reader:
                raise Refused(f"This page has {own} runs open already, as many as it may: end one first.")
            worker = min(self._workers, key=lambda w: (w.rank, self._held(w)))
            if self._held(worker) >= self._limits.runs_per_worker:
                raise Refused("The server is training as many nets as it can. Try again in a minute.")
            name = uuid.uuid4().hex
            run = _Run(worker, reader, time.monotonic())
            self._runs[name] = run
            worker.send(("open", name, reader, lab, params))
            self._ask(name, run)
        return name

    def next(self, run: str, patience: float = 0.25) -> Frame | Waiting | None:
        """The next frame; one more is asked for at once, so that it is there when this one is drawn."""
        deadline = time.monotonic() + patience
        with self._change:
            held = self._runs.get(run)
            if held is None:
                raise RunLost(IDLE)
            held.pulled = time.monotonic()
            self._ask(run, held)
            while not (held.ready or held.finished or held.failure):
                if not self._change.wait(deadline - time.monotonic()):
                    return Waiting(self._reason(held))
            if held.ready:
                frame = held.ready.popleft()
                self._ask(run, held)
                return frame
            self._runs.pop(run, None)
            if held.failure:
                raise RunLost(held.failure)
            return None

    def close(self, run: str) -> None:
        """End a run; unknown runs are ignored."""
        with self._change:
            held = self._runs.pop(run, None)
            if held is not None:
                held.worker.send(("close", run))

    def warm(self, lab: str) -> None:
        """Have every worker compile what the lab's default run needs, unless it has been asked to."""
        with self._change:
            for worker in self._workers:
                if lab not in worker.warmed:
                    worker.warmed.add(lab)
                    worker.send(("warm", lab))

    def status(self) -> Status:
        """How the engine fares now."""
        with self._change:
            ready = [worker for worker in self._workers if worker.ready]
            device = ready[0].device if ready else ""
            return Status(self.name, len(ready), len(self._workers), device, len(self._runs))

    def worker_pids(self) -> list[int]:
        """The process ids of the workers that run now."""
        processes = [worker.process for worker in self._workers]
        return [process.pid for process in processes if process is not None]

    def stop(self) -> None:
        """End every worker; a worker leaves when its input ends, and is killed if it does not."""
        self._stopping.set()
        for worker in self._workers:
            worker.end()
        for worker in self._workers:
            worker.join(LONGEST_FAREWELL)
            worker.kill()

    def _make_workers(self) -> list["_Worker"]:
        return [_Worker(self) for _ in range(self._limits.workers)]

    def _held(self, worker: "_Worker") -> int:
        return sum(run.worker is worker for run in self._runs.values())

    def _ask(self, name: str, run: _Run) -> None:
        if not (run.asked or run.ready or run.finished or run.failure):
            run.asked = True
            run.worker.send(("next", name))

    def _reason(self, run: _Run) -> str:
        if not run.worker.ready:
            return STARTING
        return WORKING if run.begun else COMPILING

    def _receive(self, worker: "_Worker", message: tuple[Any, ...]) -> None:
        """What a worker says: ``ready``, a ``frame`` (or ``None`` after the last), or that a run ``failed``."""
        kind, *rest = message
        with self._change:
            if kind == "ready":
                worker.ready, worker.device = True, rest[0]
            elif (run := self._runs.get(rest[0])) is not None:
                run.asked = False
                if kind == "failed":
                    run.failure = rest[1]
                elif rest[1] is None:
                    run.finished = True
                else:
                    # The frame before the first training step needs no compiled step: it is no sign of one.
                    run.begun = run.begun or rest[1].step > 0
                    run.ready.append(rest[1])
            self._change.notify_all()

    def _lose(self, worker: "_Worker") -> None:
        with self._change:
            worker.ready = False
            worker.warmed.clear()
            for run in self._runs.values():
                if run.worker is worker and not run.finished:
                    run.failure = run.failure or DIED
            self._change.notify_all()

    def _close_idle_runs(self) -> None:
        interval = min(1.0, self._limits.idle_seconds / 4)
        while not self._stopping.wait(interval):
            oldest = time.monotonic() - self._limits.idle_seconds
            with self._change:
                idle = [name for name, run in self._runs.items() if run.pulled < oldest]
            for name in idle:
                self.close(name)


class _Worker(threading.Thread):
    """A place for a worker process: starts it, listens to it, and starts another when it dies."""

    def __init__(self, engine: LocalEngine) -> None:
        super().__init__(name="worker", daemon=True)
        self.process: subprocess.Popen[bytes] | None = None
        self.ready = False
        self.device = ""
        self.warmed: set[str] = set()
        self._engine = engine
        self._writing = threading.Lock()
        self._unsent: list[tuple[Any, ...]] = []

    @property
    def rank(self) -> int:
        """Runs are opened on the workers of the lowest rank."""
        return 0 if self.ready else 1

    def run(self) -> None:
        pause = 0.5
        while not self._engine._stopping.is_set():
            begun = time.monotonic()
            try:
                self._live()
            except OSError:
                log.exception("A worker could not be started.")
            if self._engine._stopping.is_set():
                return
            lived = time.monotonic() - begun
            pause = 0.5 if lived > 60 else min(LONGEST_PAUSE, pause * 2)
            log.warning("A worker ended after %.0f s; another starts in %.1f s.", lived, pause)
            self._engine._stopping.wait(pause)

    def _live(self) -> None:
        # Two runs at a time share the cores: numpy's threads would wait for each other most of the time.
        environment = {"OPENBLAS_NUM_THREADS": "1"} | os.environ
        process = subprocess.Popen(
            self._command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, env=environment
        )
        assert process.stdin is not None and process.stdout is not None
        with self._writing:
            self.process = process
            for message in self._unsent:
                self._write(message)
            self._unsent.clear()
        try:
            while True:
                self._hear(pickle.load(process.stdout))
        except (EOFError, pickle.UnpicklingError, OSError):
            pass
        # At once: a run opened before this is lost, one opened after it waits for the next process.
        with self._engine._change, self._writing:
            self.process = None
            self._lose()
        process.kill()
        process.wait()
        process.stdout.close()
        try:
            process.stdin.close()
        except OSError:
            log.debug("The worker's input was closed before all of it was written.")

    def _command(self) -> list[str]:
        limits = self._engine._limits
        return [sys.executable, "-m", "core.engine.worker", str(limits.frames_per_run), str(limits.seconds_per_run)]

    def _hear(self, message: tuple[Any, ...]) -> None:
        self._engine._receive(self, message)

    def _lose(self) -> None:
        self._engine._lose(self)

    def send(self, message: tuple[Any, ...]) -> None:
        """Tell the worker; what is said before it has started waits for it."""
        with self._writing:
            if self.process is None:
                self._unsent.append(message)
            else:
                self._write(message)

    def _write(self, message: tuple[Any, ...]) -> None:
        assert self.process is not None and self.process.stdin is not None
        try:
            pickle.dump(message, self.process.stdin)
            self.process.stdin.flush()
        except (OSError, ValueError):
            log.debug("A message was lost: the worker has just died, or the engine stops.")

    def end(self) -> None:
        """Let the process go by closing its input."""
        with self._writing:
            if self.process is not None and self.process.stdin is not None:
                try:
                    self.process.stdin.close()
                except OSError:
                    log.debug("The worker had gone already.")

    def kill(self) -> None:
        """End the process at once, if it has not ended yet."""
        process = self.process
        if process is not None:
            process.kill()
            process.wait()
