"""Whose turn it is to compute: fair between readers, whatever they ask for."""

import threading
from collections import deque


class Turns:
    """Gives turns round by reader, and by run within a reader.

    A reader who has used less computing time goes first, so that one with many runs, or with heavy ones, slows nobody
    else down (start-time fair queueing; with turns of equal length it is a round by reader). Who comes, or comes back,
    starts level with those who are being served. No reader has two turns at a time: one who has several nets compiled
    does not hold every turn. Safe to call from many threads.
    """

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._asked: dict[str, deque[str]] = {}
        self._busy: set[str] = set()
        self._used: dict[str, float] = {}
        self._level = 0.0

    def ask(self, reader: str, run: str) -> None:
        """Ask for one turn for a reader's run."""
        with self._change:
            if reader not in self._asked:
                self._asked[reader] = deque()
                self._used[reader] = max(self._used.get(reader, 0.0), self._level)
            self._asked[reader].append(run)
            self._change.notify_all()

    def take(self) -> tuple[str, str]:
        """Wait for the next turn to be given, and return its reader and run; :meth:`done` must follow."""
        with self._change:
            while not (able := [reader for reader in self._asked if reader not in self._busy]):
                self._change.wait()
            reader = min(able, key=lambda able: self._used[able])
            self._level = max(self._level, self._used[reader])
            run = self._asked[reader].popleft()
            if not self._asked[reader]:
                del self._asked[reader]
            self._busy.add(reader)
            return reader, run

    def wait_until_idle(self) -> None:
        """Wait until nobody has a turn or asks for one."""
        with self._change:
            self._change.wait_for(lambda: not (self._asked or self._busy))

    def done(self, reader: str, seconds: float) -> None:
        """End a reader's turn, which took some seconds of computing."""
        with self._change:
            self._busy.discard(reader)
            self._used[reader] += seconds
            # Those behind the level would start level with the others in any case.
            present = self._asked.keys() | self._busy
            self._used = {name: used for name, used in self._used.items() if name in present or used > self._level}
            self._change.notify_all()
