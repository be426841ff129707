"""Who is given which worker of a cluster; the tests play the cluster, so that workers come and go as they like."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, precondition, rule

from core.engine import Refused, RunLost, Waiting, queued, ray
from core.engine.limits import Limits
from core.engine.local import DIED, SILENT
from core.engine.ray import STARTING, UNREACHABLE, Cluster, RayEngine
from core.lab import Frame

WORKERS, PLACES, STEPS = 2, 2, 2
HOUSE = Limits(workers=WORKERS, runs_per_worker=PLACES, runs_per_reader=4, queue=2)


class Bridge(ray._Bridge):
    """The way to a cluster of actors that the test makes ready, has answer, and loses."""

    def __init__(self, engine: RayEngine) -> None:
        super().__init__(engine)
        self.opened: list[tuple[int, str]] = []
        self._step: list[dict[str, int]] = [{} for _ in range(WORKERS)]
        self._asked: list[deque[str]] = [deque() for _ in range(WORKERS)]

    def run(self) -> None:
        """Start no process."""

    def send(self, message: tuple[Any, ...]) -> None:
        number, (kind, *rest) = message
        if kind == "open":
            assert self._engine._workers[number].ready, "a run was given to a worker that may never be ready"
            self._step[number][rest[0]] = 0
            self.opened.append((number, rest[0]))
        elif kind == "close":
            self._step[number].pop(rest[0], None)
        elif kind == "next":
            self._asked[number].append(rest[0])

    def make_ready(self, number: int) -> None:
        self._hear((number, ("ready", f"device {number}")))

    def lose(self, number: int) -> None:
        self._step[number].clear()
        self._asked[number].clear()
        self._hear((number, ("lost",)))

    def answer(self, number: int) -> None:
        """One turn of an actor, if it is asked for one."""
        while self._asked[number]:
            run = self._asked[number].popleft()
            if run in self._step[number]:
                step = self._step[number][run]
                self._step[number][run] += 1
                frame = Frame(step, STEPS, {"step": np.array(step)}) if step <= STEPS else None
                self._hear((number, ("frame", run, frame)))
                return


class House:
    """An engine whose cluster the test plays."""

    def __init__(self, limits: Limits = HOUSE, cluster: Cluster | None = None) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ray, "_Bridge", Bridge)
            self.engine = RayEngine(limits, cluster or Cluster())
        assert isinstance(self.engine._bridge, Bridge)
        self.bridge = self.engine._bridge

    def place(self, run: str) -> int | str:
        """A run's place in the queue, or what its reader is told instead."""
        answer = self.engine.next(run, patience=0)
        assert isinstance(answer, Waiting)
        return answer.place or answer.note


Start = Callable[..., House]


@pytest.fixture
def start() -> Iterator[Start]:
    """Make houses; all are stopped after the test."""
    made: list[House] = []

    def start(*how: Any) -> House:
        made.append(House(*how))
        return made[-1]

    yield start
    for house in made:
        house.engine.stop()


def test_who_comes_before_any_worker_is_ready_gets_the_first_that_is(start: Start) -> None:
    house = start()
    runs = [house.engine.open("count", None, f"reader {n}") for n in range(3)]
    assert [house.place(run) for run in runs] == [STARTING] * 3 and not house.bridge.opened
    house.bridge.make_ready(1)
    assert house.bridge.opened == [(1, runs[0]), (1, runs[1])]
    assert house.engine.next(runs[2]) == queued(1)
    house.bridge.answer(1)
    first = house.engine.next(runs[0])
    assert isinstance(first, Frame) and first.step == 0
    house.bridge.make_ready(0)
    assert house.bridge.opened[2:] == [(0, runs[2])]


def test_a_worker_that_was_lost_gets_no_run_before_another_is_ready_in_its_place(start: Start) -> None:
    house = start()
    for number in range(WORKERS):
        house.bridge.make_ready(number)
    house.bridge.lose(0)
    runs = [house.engine.open("count", None, f"reader {n}") for n in range(3)]
    assert house.bridge.opened == [(1, runs[0]), (1, runs[1])] and house.place(runs[2]) == 1
    house.bridge.make_ready(0)
    assert house.bridge.opened[2:] == [(0, runs[2])]


def test_as_many_may_wait_for_the_first_worker_as_all_will_hold_and_the_queue_besides(start: Start) -> None:
    house = start()
    for n in range(WORKERS * PLACES + HOUSE.queue):
        house.engine.open("count", None, f"reader {n}")
    with pytest.raises(Refused, match="the queue is full"):
        house.engine.open("count", None, "late")


def test_who_waits_for_a_first_worker_waits_in_the_call_and_not_in_the_browser(start: Start) -> None:
    house = start()
    run = house.engine.open("count", None, "reader")
    begun = time.monotonic()
    house.engine.next(run, patience=0.2)
    assert time.monotonic() - begun >= 0.2


def test_who_waits_is_told_when_the_cluster_cannot_be_reached(start: Start) -> None:
    house = start()
    run = house.engine.open("count", None, "reader")
    house.bridge._hear((None, ("unreachable", "HEAD:6379", "refused")))
    with pytest.raises(RunLost) as why:
        house.engine.next(run)
    assert str(why.value) == UNREACHABLE and house.engine.status().queued == 0


def test_who_waits_keeps_the_place_while_the_way_to_the_cluster_begins_anew(start: Start) -> None:
    house = start()
    house.bridge.make_ready(0)
    held = [house.engine.open("count", None, f"holder {n}") for n in range(PLACES)]
    waiting = house.engine.open("count", None, "reader")
    assert house.place(waiting) == 1
    house.bridge.fault = SILENT
    with house.engine._lock:
        house.bridge._lose()
    for run in held:
        with pytest.raises(RunLost, match="no longer answered"):
            house.engine.next(run)
    assert house.place(waiting) == STARTING
    house.bridge.make_ready(1)
    assert house.bridge.opened[-1] == (1, waiting)


class Readers(RuleBasedStateMachine):
    """Readers and workers that come and go in any order."""

    runs = Bundle("runs")

    def __init__(self) -> None:
        super().__init__()
        self.house = House()
        self.due: dict[str, int] = {}

    @rule(target=runs, reader=st.integers(0, 2))
    def come(self, reader: int) -> str:
        try:
            run = self.house.engine.open("count", None, f"reader {reader}")
        except Refused:
            return ""
        self.due[run] = 0
        return run

    @rule(run=consumes(runs))
    def leave(self, run: str) -> None:
        self.house.engine.close(run)
        self.due.pop(run, None)

    @rule(run=runs)
    def pull(self, run: str) -> None:
        if run in self.due:
            self.take(run)

    def take(self, run: str) -> None:
        try:
            answer = self.house.engine.next(run, patience=0)
        except RunLost as why:
            assert str(why) == DIED
            del self.due[run]
            return
        if answer is None:
            assert self.due.pop(run) == STEPS + 1, "a run ended before its last frame"
        elif isinstance(answer, Frame):
            assert answer.step == self.due[run], "a frame was lost, or came twice"
            self.due[run] += 1

    @rule(number=st.integers(0, WORKERS - 1))
    def answer(self, number: int) -> None:
        self.house.bridge.answer(number)

    @rule(number=st.integers(0, WORKERS - 1))
    def make_ready(self, number: int) -> None:
        if not self.house.engine._workers[number].ready:
            self.house.bridge.make_ready(number)

    @precondition(lambda self: self.house.engine.status().workers_ready)
    @rule(number=st.integers(0, WORKERS - 1))
    def lose(self, number: int) -> None:
        self.house.bridge.lose(number)

    @invariant()
    def nobody_waits_while_there_is_a_place(self) -> None:
        status = self.house.engine.status()
        held = sum(self.house.engine._held(worker) for worker in self.house.engine._workers)
        assert not status.queued or held == status.workers_ready * PLACES

    def teardown(self) -> None:
        """Every run that is still open goes to its end on a single worker."""
        self.make_ready(0)
        for _ in range(100):
            for number in range(WORKERS):
                self.house.bridge.answer(number)
            for run in list(self.due):
                self.take(run)
        assert not self.due, "a run is stranded"
        self.house.engine.stop()


TestReaders = Readers.TestCase
TestReaders.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)
