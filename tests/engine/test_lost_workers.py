"""Workers that die or fall silent at bad moments; with real, small workers."""

import os
import signal
import time
from collections.abc import Iterator

import psutil
import pytest

from core.engine import Waiting, local
from core.engine.limits import Limits
from core.engine.local import DIED, SILENT, LocalEngine
from tests.engine import small_worker
from tests.engine.test_queue import lost, place, pull, until


@pytest.fixture
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalEngine]:
    """An engine with one small worker of one run, or with the limits that the test asks for."""
    monkeypatch.setattr(local, "COMMAND", small_worker.COMMAND)
    monkeypatch.setattr(local, "LONGEST_PAUSE", 0.1)
    started = LocalEngine(getattr(request, "param", Limits(workers=1, runs_per_worker=1)))
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


@pytest.mark.parametrize("engine", [Limits(workers=2, runs_per_worker=1)], indirect=True)
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


SHORT = 3.0
"""Seconds of silence that these tests allow; small workers give a sign of life five times a second."""


def test_one_that_is_silent_for_too_long_is_ended_and_replaced(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "LONGEST_SILENCE", SHORT)
    run = engine.open("count", 50, "reader")
    waiting = engine.open("count", 5, "other")
    assert pull(engine, run) is not None and place(engine, waiting) == 1
    [pid] = engine.worker_pids()
    psutil.Process(pid).suspend()
    assert lost(engine, run) == SILENT
    assert pull(engine, waiting) is not None
    assert pid not in engine.worker_pids() and not psutil.pid_exists(pid)


def test_native_code_that_keeps_the_interpreter_is_ended(engine: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "LONGEST_SILENCE", SHORT)
    run = engine.open("seize", None, "reader")
    assert pull(engine, run) is not None
    assert lost(engine, run) == SILENT
    assert pull(engine, engine.open("count", 5, "reader")) is not None


def test_a_long_turn_is_no_silence(engine: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "LONGEST_SILENCE", SHORT)
    run = engine.open("doze", SHORT + 2, "reader")
    assert [frame.step for _ in range(2) if (frame := pull(engine, run))] == [0, 1]


def test_silence_is_counted_in_rounds_and_by_no_clock(engine: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    run = engine.open("count", 50, "reader")
    assert pull(engine, run) is not None
    [pid] = engine.worker_pids()
    psutil.Process(pid).suspend()
    now = time.monotonic
    # As when the machine slept for an hour and the server wakes first: a run may be closed for that, no worker ended.
    monkeypatch.setattr(time, "monotonic", lambda: now() + 3600)
    with engine._lock:
        engine._mind_silence(1.0)
    psutil.Process(pid).resume()
    engine.close(run)
    assert pull(engine, engine.open("count", 5, "other")) is not None and engine.worker_pids() == [pid]


@pytest.mark.slow
def test_one_that_hangs_while_it_starts_is_ended_too(engine: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "LONGEST_START", SHORT)
    until(lambda: len(engine.worker_pids()) == 1)
    [pid] = engine.worker_pids()
    psutil.Process(pid).suspend()
    assert engine.status().workers_ready == 0
    run = engine.open("count", 5, "reader")
    assert lost(engine, run) == SILENT
    assert pull(engine, engine.open("count", 5, "reader")) is not None


@pytest.mark.parametrize("engine", [Limits(workers=1, seconds_per_run=1.0)], indirect=True)
def test_a_turn_that_does_not_end_costs_its_worker_after_the_time_of_a_whole_run(engine: LocalEngine) -> None:
    run, other = engine.open("hang", None, "reader"), engine.open("count", 50, "other")
    assert pull(engine, run) is not None and pull(engine, other) is not None
    [pid] = engine.worker_pids()
    assert lost(engine, run) == lost(engine, other) == DIED
    assert pull(engine, engine.open("count", 5, "reader")) is not None and pid not in engine.worker_pids()
