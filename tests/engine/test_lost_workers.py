"""Workers that die or fall silent at bad moments; with real, small workers."""

import os
import signal
from collections.abc import Iterator

import psutil
import pytest

from core.engine import Waiting, local
from core.engine.limits import Limits
from core.engine.local import DIED, LocalEngine
from tests.engine import small_worker
from tests.engine.test_queue import lost, place, pull, until


@pytest.fixture
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalEngine]:
    """An engine with one small worker, or as many as the test asks for, of one run each."""
    monkeypatch.setattr(local, "COMMAND", small_worker.COMMAND)
    monkeypatch.setattr(local, "LONGEST_PAUSE", 0.1)
    started = LocalEngine(Limits(workers=getattr(request, "param", 1), runs_per_worker=1))
    yield started
    started.stop()


def kill(engine: LocalEngine) -> int:
    """Kill the one worker as soon as it runs."""
    until(lambda: len(engine.worker_pids()) == 1)
    [pid] = engine.worker_pids()
    os.kill(pid, signal.SIGKILL)
    until(lambda: pid not in engine.worker_pids())
    return pid


def test_killed_again_and_again_while_it_starts(engine: LocalEngine) -> None:
    for _ in range(3):
        run = engine.open("count", 5, "reader")
        kill(engine)
        assert lost(engine, run) == DIED
    frame = pull(engine, engine.open("count", 5, "reader"))
    assert frame is not None and frame.step == 0


def test_killed_before_any_run_is_open(engine: LocalEngine) -> None:
    until(lambda: engine.status().workers_ready == 1)
    kill(engine)
    assert pull(engine, engine.open("count", 5, "reader")) is not None


def test_killed_while_others_queue(engine: LocalEngine) -> None:
    run = engine.open("count", 5, "reader")
    queued = [engine.open("count", 5, f"other {n}") for n in range(2)]
    assert pull(engine, run) is not None and [place(engine, other) for other in queued] == [1, 2]
    kill(engine)
    assert lost(engine, run) == DIED
    assert pull(engine, queued[0]) is not None and place(engine, queued[1]) == 1


@pytest.mark.parametrize("engine", [2], indirect=True)
def test_only_its_own_runs_are_lost(engine: LocalEngine) -> None:
    until(lambda: engine.status().workers_ready == 2)
    runs = [engine.open("count", 50, f"reader {n}") for n in range(2)]
    for run in runs:
        assert pull(engine, run) is not None
    doomed = engine._runs[runs[0]].worker
    assert doomed is not None and doomed.process is not None
    doomed.process.kill()
    assert lost(engine, runs[0]) == DIED
    assert [frame.step for _ in range(3) if (frame := pull(engine, runs[1]))] == [1, 2, 3]


def test_one_that_falls_silent_for_a_while_loses_no_frame(engine: LocalEngine) -> None:
    run = engine.open("count", 50, "reader")
    assert pull(engine, run) is not None
    [pid] = engine.worker_pids()
    worker = psutil.Process(pid)
    worker.suspend()
    answers = [engine.next(run) for _ in range(3)]
    assert isinstance(answers[-1], Waiting)
    worker.resume()
    steps = [answer.step for answer in answers if answer and not isinstance(answer, Waiting)]
    while len(steps) < 5:
        frame = pull(engine, run)
        assert frame is not None
        steps.append(frame.step)
    assert steps == [1, 2, 3, 4, 5]
