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
from collections import Counter, deque
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any

import psutil

from core.engine import Refused, RunLost, Status, Waiting, queued
from core.engine.limits import Limits
from core.engine.worker import LONGEST_START
from core.lab import Frame

log = logging.getLogger(__name__)

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "core.engine.worker")
STARTING = "TensorFlow is starting; this happens once after the server has started."
COMPILING = "A net of this shape is being compiled; this takes a second or two, once."
WORKING = "The next frame is being computed."
DIED = "The process that trained this run ended unexpectedly. What was drawn is kept; Run starts it again."
TOO_LARGE = "The process that trained this run needed too much memory. What was drawn is kept; Run starts it again."
SILENT = (
    "The process that trained this run no longer answered and was ended. What was drawn is kept; Run starts it again."
)
IDLE = "This run was closed because nobody had watched it for a while. What was drawn is kept; Run starts it again."
STOPPING = "The server is being restarted; your run can be started again in a minute."
PRESENT = 15.0
"""Seconds since its reader last asked for which a queued run is let in; after these it is passed over, and waits."""
YIELDING = 30.0
"""Seconds that a run may go unwatched while others queue."""
ENOUGH = 1.5
"""Times the limit of memory at which a worker is killed."""
SETTLED = 60.0
"""Seconds before which no worker is replaced for its memory: a limit that is too low must not keep it starting."""
LONGEST_SILENCE = 60.0
"""Seconds without a sign of life after which a process that was ready is ended: it gives one every few, at any work."""
LONGEST_PAUSE = 30.0
LONGEST_FAREWELL = 3.0


@dataclass(eq=False)
class _Run:
    """A run as its reader's side knows it; queued as long as it has no worker."""

    name: str
    lab: str
    params: Any
    reader: str
    pulled: float
    change: threading.Condition
    worker: "_Worker | None" = None
    ready: deque[Frame] = field(default_factory=deque)
    asked: bool = False
    begun: bool = False
    finished: bool = False
    failure: str = ""

    @property
    def over(self) -> bool:
        """Whether no worker has anything more to do for it."""
        return self.finished or bool(self.failure)


class LocalEngine:
    """The engine of the app; see :class:`core.engine.Engine`."""

    name = "local"

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = threading.RLock()
        self._runs: dict[str, _Run] = {}
        self._queue: list[_Run] = []
        self._stopping = threading.Event()
        self._workers = self._make_workers()
        self._leaving: list[_Worker] = []
        self._memory = 0
        for worker in self._workers:
            worker.start()
        threading.Thread(target=self._keep_house, name="housekeeping", daemon=True).start()

    def open(self, lab: str, params: Any, reader: str) -> str:
        """Start a run on the worker with the fewest runs, or queue it. Raises :class:`Refused`."""
        with self._lock:
            if self._stopping.is_set():
                raise Refused(STOPPING)
            own = sum(run.reader == reader and not run.over for run in self._runs.values())
            if own >= self._limits.runs_per_reader:
                raise Refused(f"This page has {own} runs open already, as many as it may: end one first.")
            change = threading.Condition(self._lock)
            run = _Run(uuid.uuid4().hex, lab, params, reader, time.monotonic(), change)
            self._queue.append(run)
            self._admit()
            if run.worker is None and len(self._queue) > self._longest_queue():
                self._queue.remove(run)
                raise Refused("The server is training as many nets as it can, and the queue is full. Try again later.")
            self._runs[run.name] = run
            return run.name

    def next(self, run: str, patience: float = 0.25) -> Frame | Waiting | None:
        """The next frame; one more is asked for at once, so that it is there when this one is drawn."""
        deadline = time.monotonic() + patience
        with self._lock:
            held = self._runs.get(run)
            if held is None:
                raise RunLost(IDLE)
            held.pulled = time.monotonic()
            if held.worker is None:
                self._admit()  # It may have been passed over while its reader was away.
            self._ask(held)
            while not (held.ready or held.over):
                # A place takes too long to come free for a thread to wait for it.
                taken = held.worker is None and self._taking()
                if taken or not held.change.wait(deadline - time.monotonic()):
                    return self._reason(held)
            if held.ready:
                frame = held.ready.popleft()
                self._ask(held)
                return frame
            self._runs.pop(run, None)
            if held.failure:
                raise RunLost(held.failure)
            return None

    def close(self, run: str) -> None:
        """End a run; unknown runs are ignored."""
        with self._lock:
            held = self._runs.pop(run, None)
            if held is None:
                return
            if held.worker is not None:
                held.worker.send(("close", run))
            elif held in self._queue:
                self._queue.remove(held)
            self._admit()

    def warm(self, lab: str) -> None:
        """Have every worker compile what the lab's default run needs, unless it has been asked to."""
        with self._lock:
            for worker in self._workers:
                if lab not in worker.warmed:
                    worker.warmed.add(lab)
                    worker.send(("warm", lab))

    def status(self) -> Status:
        """How the engine fares now."""
        with self._lock:
            ready = [worker for worker in self._workers if worker.ready]
            device = ready[0].device if ready else ""
            queued = len(self._queue)
            return Status(
                self.name, len(ready), len(self._workers), device, len(self._runs) - queued, queued, self._memory
            )

    def worker_pids(self) -> list[int]:
        """The process ids of the workers that run now."""
        with self._lock:
            processes = [worker.process for worker in (*self._workers, *self._leaving)]
        return [process.pid for process in processes if process is not None]

    def stop(self) -> None:
        """End every run and worker; a worker leaves when its input ends, and is killed if it does not."""
        with self._lock:
            self._stopping.set()
            self._queue.clear()
            for run in self._runs.values():
                self._fail(run, STOPPING)
            workers = self._processes()
        deadline = time.monotonic() + LONGEST_FAREWELL
        for worker in workers:
            worker.end()
        for worker in workers:
            worker.join(max(0.0, deadline - time.monotonic()))
            worker.kill()
        for worker in workers:
            worker.join(1.0)

    def _admit(self) -> None:
        """Let queued runs in, as many as there are places for."""
        if not self._queue:
            return
        oldest = time.monotonic() - PRESENT
        for run in self._line():
            held = {worker: self._held(worker) for worker in self._taking()}
            roomy = [worker for worker in held if held[worker] < self._limits.runs_per_worker]
            if not roomy:
                return
            if run.pulled >= oldest:
                worker = min(roomy, key=lambda worker: (worker.rank, held[worker]))
                self._queue.remove(run)
                run.worker, run.pulled = worker, time.monotonic()
                worker.send(("open", run.name, run.reader, run.lab, run.params))
                self._ask(run)

    def _line(self) -> list[_Run]:
        """The queue in the order of its going: by arrival, but each reader's first run before anybody's second."""
        ahead: Counter[str] = Counter()
        rounds = []
        for run in self._queue:
            rounds.append((ahead[run.reader], run))
            ahead[run.reader] += 1
        return [run for _, run in sorted(rounds, key=lambda item: item[0])]

    def _taking(self) -> list["_Worker"]:
        """The workers that runs may be given to."""
        return [worker for worker in self._workers if worker.takes_runs]

    def _longest_queue(self) -> int:
        """Runs that may wait: while no worker takes any, also those that will fill them."""
        coming = 0 if self._taking() else len(self._workers) * self._limits.runs_per_worker
        return self._limits.queue + coming

    def _make_workers(self) -> list["_Worker"]:
        return [_Worker(self) for _ in range(self._limits.workers)]

    def _held(self, worker: "_Worker") -> int:
        return sum(run.worker is worker and not run.over for run in self._runs.values())

    def _ask(self, run: _Run) -> None:
        if run.worker is not None and not (run.asked or run.ready or run.over):
            run.asked = True
            run.worker.send(("next", run.name))

    def _reason(self, run: _Run) -> Waiting:
        if run.worker is None and self._taking():
            return queued(self._line().index(run) + 1)
        worker = run.worker or self._workers[0]
        if not worker.ready:
            return Waiting(worker.starting)
        return Waiting(WORKING if run.begun else COMPILING)

    def _fail(self, run: _Run, why: str) -> None:
        if not run.over:
            run.failure = why
            run.change.notify_all()

    def _receive(self, worker: "_Worker", message: tuple[Any, ...]) -> None:
        """What a worker says: ``alive``, ``ready``, a ``frame`` (``None`` after the last), that a run ``failed``."""
        kind, *rest = message
        if kind == "alive":
            return
        with self._lock:
            if kind == "ready":
                worker.ready, worker.device = True, rest[0]
                self._admit()
            elif (run := self._runs.get(rest[0])) is not None:
                run.asked = False
                if kind == "failed":
                    self._fail(run, rest[1])
                elif rest[1] is None:
                    run.finished = True
                else:
                    # The frame before the first training step needs no compiled step: it is no sign of one.
                    run.begun = run.begun or rest[1].step > 0
                    run.ready.append(rest[1])
                run.change.notify_all()
                if run.over:
                    self._admit()

    def _lose(self, worker: "_Worker") -> None:
        """A worker's process is gone, and with it the runs that it held."""
        worker.ready = False
        worker.warmed.clear()
        for run in self._runs.values():
            if run.worker is worker:
                self._fail(run, worker.fault or DIED)
        worker.fault = ""
        self._admit()

    def _keep_house(self) -> None:
        interval = min(1.0, self._limits.idle_seconds / 4)
        while not self._stopping.wait(interval):
            with self._lock:
                self._close_idle_runs()
                self._mind_memory()
                self._mind_silence(interval)

    def _close_idle_runs(self) -> None:
        now = time.monotonic()
        for run in [run for run in self._runs.values() if now - run.pulled > self._limits.idle_seconds]:
            self.close(run.name)
        # One for each reader who waits, the one longest unwatched first: no place is taken that nobody needs.
        waiting = sum(now - run.pulled <= PRESENT for run in self._queue)
        unwatched = [run for run in self._runs.values() if run.worker and not run.over and now - run.pulled > YIELDING]
        for run in sorted(unwatched, key=lambda run: run.pulled)[:waiting]:
            self.close(run.name)
        self._admit()

    def _mind_memory(self) -> None:
        limit = self._limits.worker_memory_mb * 1e6
        self._memory = 0
        for worker in (*self._workers, *self._leaving):
            memory = worker.memory()
            self._memory += memory
            if memory > ENOUGH * limit:
                log.warning("A worker used %.0f MB, far more than it may: it is ended.", memory / 1e6)
                worker.fault = TOO_LARGE
                worker.kill()
            elif memory > limit and worker in self._workers and time.monotonic() - worker.begun > SETTLED:
                log.warning("A worker used %.0f MB, more than it may: it leaves when its runs are over.", memory / 1e6)
                self._replace(worker)
        for worker in self._leaving:
            if not self._held(worker):
                worker.end()
        self._leaving = [worker for worker in self._leaving if worker.is_alive()]

    def _processes(self) -> list["_Worker"]:
        """All that have, or may have, a process of their own."""
        return [*self._workers, *self._leaving]

    def _mind_silence(self, interval: float) -> None:
        """End processes that hang. Rounds are counted, and no clock is read: a machine that slept has missed one."""
        for worker in self._processes():
            worker.silence += interval
            if worker.process and worker.silence > (LONGEST_SILENCE if worker.ready else LONGEST_START):
                log.warning("%s has given no sign of life for %.0f s: it is ended.", worker.noun, worker.silence)
                worker.fault, worker.silence = SILENT, 0.0
                worker.kill()

    def _replace(self, worker: "_Worker") -> None:
        worker.leaving = True
        self._leaving.append(worker)
        successor = _Worker(self)
        self._workers[self._workers.index(worker)] = successor
        successor.start()
        for lab in worker.warmed:
            self.warm(lab)


class _Worker(threading.Thread):
    """A place for a worker process: starts it, listens to it, and starts another when it dies."""

    noun = "A worker"
    starting = STARTING

    def __init__(self, engine: LocalEngine) -> None:
        super().__init__(name="worker", daemon=True)
        self.process: subprocess.Popen[bytes] | None = None
        self.begun = 0.0
        self.ready = False
        self.device = ""
        self.warmed: set[str] = set()
        self.leaving = False
        self.fault = ""
        """Why the process was ended, as its readers are told."""
        self.silence = 0.0
        """Seconds for which the process has said nothing."""
        self._engine = engine
        self._unsent: SimpleQueue[tuple[Any, ...] | None] = SimpleQueue()

    @property
    def takes_runs(self) -> bool:
        """Whether runs may be given to it: to one that is starting, too, as it has them open when it is ready."""
        return True

    @property
    def rank(self) -> int:
        """Runs are opened on the workers of the lowest rank."""
        return 0 if self.ready else 1

    def run(self) -> None:
        pause = 0.5
        while not self._ended():
            self.begun = time.monotonic()
            try:
                self._live()
            except OSError:
                log.exception("%s could not be started.", self.noun)
            if self._ended():
                return
            lived = time.monotonic() - self.begun
            pause = 0.5 if lived > 60 else min(LONGEST_PAUSE, pause * 2)
            log.warning("%s ended after %.0f s; another starts in %.1f s.", self.noun, lived, pause)
            self._engine._stopping.wait(pause)

    def _ended(self) -> bool:
        return self.leaving or self._engine._stopping.is_set()

    def _live(self) -> None:
        # Two runs at a time share the cores: numpy's threads would wait for each other most of the time.
        environment = {"OPENBLAS_NUM_THREADS": "1"} | os.environ
        process = subprocess.Popen(
            self._command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, env=environment
        )
        assert process.stdin is not None and process.stdout is not None
        self.process, self.silence = process, 0.0
        threading.Thread(target=_deliver, args=(self._unsent, process.stdin), name="to-worker", daemon=True).start()
        try:
            while True:
                message = pickle.load(process.stdout)
                self.silence = 0.0
                self._hear(message)
        except (EOFError, pickle.UnpicklingError, OSError):
            pass
        # At once: a run opened before this is lost, one opened after it waits for the next process.
        with self._engine._lock:
            self.process = None
            self.end()
            self._unsent = SimpleQueue()
            self._lose()
        process.kill()
        process.wait()
        process.stdout.close()

    def _command(self) -> list[str]:
        limits = self._engine._limits
        return [*COMMAND, str(limits.frames_per_run), str(limits.seconds_per_run)]

    def _hear(self, message: tuple[Any, ...]) -> None:
        self._engine._receive(self, message)

    def _lose(self) -> None:
        self._engine._lose(self)

    def send(self, message: tuple[Any, ...]) -> None:
        """Tell the worker; what is said before it has started waits for it. Hold the engine's lock."""
        self._unsent.put(message)

    def memory(self) -> int:
        """The process's resident bytes; 0 when there is none."""
        try:
            return int(psutil.Process(self.process.pid).memory_info().rss) if self.process else 0
        except psutil.Error:
            return 0

    def end(self) -> None:
        """Let the process go by closing its input."""
        self._unsent.put(None)

    def kill(self) -> None:
        """End the process at once, if it has not ended yet."""
        process = self.process
        if process is not None:
            process.kill()


def _deliver(messages: "SimpleQueue[tuple[Any, ...] | None]", pipe: IO[bytes]) -> None:
    """Write messages to a worker's input until ``None``; a thread's work, as a pipe may be full."""
    try:
        with pipe:
            while (message := messages.get()) is not None:
                pickle.dump(message, pipe)
                pipe.flush()
    except (OSError, ValueError):
        log.debug("A message was lost: the worker has just died, or the engine stops.")
