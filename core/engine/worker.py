"""A worker process: ``python -m core.engine.worker FRAMES SECONDS``.

It reads ``open``, ``next``, ``close`` and ``warm`` from its standard input and answers on its standard output. Two
turns run at a time, so that compiling one reader's net does not hold up another's frames.
"""

import contextlib
import faulthandler
import logging
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any

from core import book
from core.engine import frames
from core.engine.turns import Turns
from core.lab import Frame

log = logging.getLogger("worker")

TURNS = 2
BEAT = 5.0
"""Seconds between two signs of life."""
LONGEST_START = 600.0
"""Seconds that may pass between two until it is ready: a slow disk takes minutes to read TensorFlow, in which nothing
else runs.
"""
LONGEST_COMPILE = 120.0
"""Seconds that a turn may take beyond the computing time of a whole run; more is a hang."""


class Worker:
    """Holds runs and gives each its turn, a frame at a time, fairly between readers."""

    def __init__(self, say: Callable[..., None], frames: int, seconds: float) -> None:
        self._say = say
        self._frames, self._seconds = frames, seconds
        self._turns = Turns()
        # One lab at a time: what is warmed must not keep readers' runs from the processor.
        self._warming = ThreadPoolExecutor(1, thread_name_prefix="warm")
        self._ready = threading.Event()
        self._runs: dict[str, _Run] = {}
        self._beats = 0
        self._since: list[int | None] = [None] * TURNS
        """The beat at which each turn under way began."""

    def begin(self) -> None:
        """Start TensorFlow, in a thread of its own; what is heard meanwhile waits for it."""
        threading.Thread(target=self._watch, name="watch", daemon=True).start()
        threading.Thread(target=self._begin, name="begin", daemon=True).start()

    def hear(self, kind: str, run: str, *rest: Any) -> None:
        """Do what the server asks: ``open``, ``next``, ``close`` or ``warm``."""
        if kind == "open":
            reader, lab, params = rest
            self._runs[run] = _Run(reader, frames(lab, params))
        elif kind == "warm":
            self._warming.submit(self._warm, run)
        elif kind == "close":
            self._runs.pop(run, None)
        elif kind == "next" and run in self._runs:
            self._turns.ask(self._runs[run].reader, run)

    def _begin(self) -> None:
        try:
            device = find_device()
        except Exception:
            log.exception("TensorFlow does not start.")
            os._exit(1)
        self._say("ready", device)
        self._ready.set()
        for turn in range(TURNS):
            threading.Thread(target=self._give_turns, args=(turn,), name="turn", daemon=True).start()

    def _watch(self) -> None:
        """Give signs of life, and end the process when a turn does not end: nothing else ends a thread.

        Turns are measured in beats, not by a clock: a machine that slept has missed one.
        """
        longest = (self._seconds + LONGEST_COMPILE) / BEAT
        while True:
            self._say("alive")
            time.sleep(BEAT)
            self._beats += 1
            if any(since is not None and self._beats - since > longest for since in self._since):
                log.error("A turn has lasted more than %.0f s: the process ends. It hangs here:", longest * BEAT)
                faulthandler.dump_traceback(file=2)
                os._exit(1)

    def _warm(self, name: str) -> None:
        self._ready.wait()
        # What a reader waits for goes first: compiling takes seconds, and most of that time nothing else can run.
        self._turns.wait_until_idle()
        warm(name)

    def _give_turns(self, turn: int) -> None:
        while True:
            reader, run = self._turns.take()
            begun, self._since[turn] = time.monotonic(), self._beats
            try:
                held = self._runs.get(run)
                if held is not None:
                    self._turn(run, held)
            finally:
                self._since[turn] = None
                self._turns.done(reader, time.monotonic() - begun)

    def _turn(self, run: str, held: "_Run") -> None:
        try:
            frame = held.take()
        except Exception:
            log.exception("A run failed.")
            self._fail(run, "The experiment stopped with an error, which the server has noted. Try other settings.")
            return
        if frame is not None and held.taken > self._frames:
            self._fail(run, f"This run was ended after {self._frames:,} frames, the server's limit.")
        elif frame is not None and held.seconds > self._seconds and frame.step < frame.total:
            self._fail(run, f"This run was ended after {self._seconds:g} s of computing, the server's limit.")
        else:
            if frame is None:
                self._runs.pop(run, None)
            self._say("frame", run, frame)

    def _fail(self, run: str, why: str) -> None:
        self._runs.pop(run, None)
        self._say("failed", run, why)


def serve(requests: IO[bytes], output: IO[bytes], most_frames: int, seconds: float) -> None:
    """Be a worker that is spoken to over two pipes, until the first ends: also while TensorFlow starts."""
    writing = threading.Lock()

    def say(*message: Any) -> None:
        # When the server is gone there is nobody to tell, and this process is about to end.
        with writing, contextlib.suppress(OSError, ValueError):
            pickle.dump(message, output, protocol=pickle.HIGHEST_PROTOCOL)
            output.flush()

    worker = Worker(say, most_frames, seconds)
    worker.begin()
    while True:
        worker.hear(*pickle.load(requests))


class _Run:
    """A reader's generator with what it has used so far."""

    def __init__(self, reader: str, frames: Iterator[Frame]) -> None:
        self.reader = reader
        self._frames = frames
        self.taken = 0
        self.seconds = 0.0

    def take(self) -> Frame | None:
        begun = time.monotonic()
        frame = next(self._frames, None)
        self.seconds += time.monotonic() - begun
        self.taken += 1
        return frame


def warm(name: str) -> None:
    """Compile what a lab's default run needs, so that the first reader does not wait for it."""
    lab = book.lab(name)
    try:
        for frame in lab.run(lab.Params()):
            if frame.step > 0:
                return
    except Exception:
        log.exception("Warming %s failed.", name)


def find_device() -> str:
    """Import TensorFlow and say what it computes on: the first GPU's name, or the CPU."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    if gpus:
        return str(tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU"))
    return f"CPU, {os.cpu_count()} cores"


def main() -> None:
    """Serve until the server closes the pipe or dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal reaches every process; the server decides.
    if hasattr(os, "nice"):
        os.nice(5)  # Pages and their frames come first: they wait for nobody's training.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    logging.basicConfig(level=logging.WARNING)
    # Whatever a library prints must not end up among the messages.
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    most_frames, seconds = int(sys.argv[1]), float(sys.argv[2])
    try:
        serve(sys.stdin.buffer, output, most_frames, seconds)
    except EOFError:
        pass
    except Exception:
        log.exception("The worker cannot go on.")
    finally:
        os._exit(0)  # Nothing is to be saved, and a turn under way must not hold the exit up.


if __name__ == "__main__":
    main()
