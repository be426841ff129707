"""What holds runs on a node of a cluster: a worker that is spoken to by calls. It knows nothing of Ray."""

import contextlib
import queue
import threading
from typing import Any

from core.engine.worker import Worker


class Actor:
    """A worker whose messages are called in and fetched. Safe to call from several threads."""

    def __init__(self, frames: int, seconds: float) -> None:
        self._said: queue.SimpleQueue[tuple[Any, ...]] = queue.SimpleQueue()
        self._worker = Worker(lambda *message: self._said.put(message), frames, seconds)
        self._early: dict[int, tuple[Any, ...]] = {}
        self._expected = 0
        self._hearing = threading.Lock()
        self._begun = False

    def tell(self, number: int, message: tuple[Any, ...]) -> None:
        """Hear messages in the order of their numbers, from 0 on: calls may overtake each other."""
        with self._hearing:
            self._early[number] = message
            while self._expected in self._early:
                self._worker.hear(*self._early.pop(self._expected))
                self._expected += 1

    def listen(self) -> list[tuple[Any, ...]]:
        """What the worker has said since the last call, as soon as there is something: a sign of life, if no more.

        The first call begins it.
        """
        with self._hearing:
            if not self._begun:
                # Not when it is made: Ray then sets its threads up, which TensorFlow's start held up to Ray's death.
                self._worker.begin()
                self._begun = True
        said = [self._said.get()]
        with contextlib.suppress(queue.Empty):
            while True:
                said.append(self._said.get_nowait())
        return said
