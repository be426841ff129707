"""Real worker processes: one engine serves most tests, as a worker takes some ten seconds to start."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import psutil
import pytest

from core import book
from core.engine import Engine, Refused, RunLost, Waiting
from core.engine.inline import InlineEngine
from core.engine.limits import Limits
from core.engine.local import DIED, IDLE, ROOT, STARTING, LocalEngine
from core.lab import Frame

LAB = "sine_fits.fit"
SHORT = book.lab(LAB).Params(steps=300, width=8, replicas=4)
LIMITS = Limits(workers=1, runs_per_worker=3, runs_per_reader=2, idle_seconds=6.0)
PATIENT = 90.0
"""Seconds that a worker may take to start on a busy machine."""


@pytest.fixture(scope="module")
def engine() -> Iterator[LocalEngine]:
    started = LocalEngine(LIMITS)
    yield started
    started.stop()


def pull(engine: Engine, run: str) -> Frame | None:
    """The next frame, however long it takes."""
    deadline = time.monotonic() + PATIENT
    while isinstance(answer := engine.next(run), Waiting):
        assert time.monotonic() < deadline, answer.note
    return answer


def collect(engine: Engine, params: Any) -> list[Frame]:
    run = engine.open(LAB, params, "collector")
    frames = []
    while (frame := pull(engine, run)) is not None:
        frames.append(frame)
    return frames


def end_within(seconds: float, *pids: int) -> bool:
    """Whether the processes end in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not any(runs(pid) for pid in pids):
            return True
        time.sleep(0.05)
    return False


def runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_reader_who_comes_early_is_told_why_nothing_moves(engine: LocalEngine) -> None:
    early = engine.status().workers_ready == 0
    run = engine.open(LAB, SHORT, "early")
    answer = engine.next(run, patience=0.01)
    assert not early or answer == Waiting(STARTING)
    first = answer if isinstance(answer, Frame) else pull(engine, run)
    assert first is not None and first.step == 0
    status = engine.status()
    assert (status.engine, status.workers_ready, status.workers, status.runs) == ("local", 1, 1, 1)
    assert status.device
    engine.close(run)
    assert engine.status().runs == 0


def test_frames_are_those_of_inline_bit_for_bit(engine: LocalEngine) -> None:
    here, there = collect(InlineEngine(), SHORT), collect(engine, SHORT)
    assert [(f.step, f.total) for f in here] == [(f.step, f.total) for f in there]
    for one, other in zip(here, there, strict=True):
        assert list(one.values) == list(other.values)
        for name, array in one.values.items():
            assert array.dtype == other.values[name].dtype
            np.testing.assert_array_equal(array, other.values[name])


def test_a_pause_loses_no_frame_and_runs_ahead_by_one_at_most(engine: LocalEngine) -> None:
    run = engine.open(LAB, SHORT, "pausing")
    first, second = pull(engine, run), pull(engine, run)
    time.sleep(0.5)
    assert len(engine._runs[run].ready) <= 1
    third = pull(engine, run)
    assert first and second and third
    assert [first.step, second.step, third.step] == [0, 2, 4]
    engine.close(run)


def test_runs_of_several_readers_go_on_side_by_side(engine: LocalEngine) -> None:
    opened = [engine.open(LAB, SHORT, f"reader {number}") for number in range(3)]
    for step in (0, 2, 4):
        for run in opened:
            frame = pull(engine, run)
            assert frame is not None and frame.step == step
    for run in opened:
        engine.close(run)


def test_a_closed_run_is_lost(engine: LocalEngine) -> None:
    run = engine.open(LAB, SHORT, "leaving")
    engine.close(run)
    engine.close(run)
    engine.close("no such run")
    with pytest.raises(RunLost):
        engine.next(run)


def test_limits_refuse_with_a_sentence(engine: LocalEngine) -> None:
    own = [engine.open(LAB, SHORT, "greedy") for _ in range(LIMITS.runs_per_reader)]
    with pytest.raises(Refused, match=r"This page has 2 runs open already.*\.$"):
        engine.open(LAB, SHORT, "greedy")
    for run in own:
        engine.close(run)


def test_what_goes_wrong_in_a_run_ends_that_run_only(engine: LocalEngine) -> None:
    good, bad = engine.open(LAB, SHORT, "reader"), engine.open("sine_fits.no_such_lab", SHORT, "reader")
    [pid] = engine.worker_pids()
    with pytest.raises(RunLost, match=r"stopped with an error"):
        pull(engine, bad)
    assert pull(engine, good) is not None and engine.worker_pids() == [pid]
    engine.close(good)


def test_a_run_that_nobody_watches_is_closed(engine: LocalEngine) -> None:
    watched, left = engine.open(LAB, SHORT, "watching"), engine.open(LAB, SHORT, "gone")
    deadline = time.monotonic() + LIMITS.idle_seconds + 3
    while engine.status().runs > 1 and time.monotonic() < deadline:
        pull(engine, watched)
        time.sleep(0.25)
    assert pull(engine, watched) is not None
    with pytest.raises(RunLost) as lost:
        engine.next(left)
    assert str(lost.value) == IDLE
    engine.close(watched)


def test_a_killed_worker_costs_its_runs_and_is_replaced(engine: LocalEngine) -> None:
    run, other = engine.open(LAB, SHORT, "reader"), engine.open(LAB, SHORT, "other")
    pull(engine, run)
    [pid] = engine.worker_pids()
    os.kill(pid, signal.SIGKILL)
    for lost in (run, other):
        with pytest.raises(RunLost) as why:
            while pull(engine, lost):
                pass
        assert str(why.value) == DIED
    again = collect(engine, SHORT)
    assert again[-1].step == SHORT.steps
    [replacement] = engine.worker_pids()
    assert replacement != pid and not runs(pid)


def test_stop_ends_the_process_even_while_it_starts() -> None:
    engine = LocalEngine(LIMITS)
    deadline = time.monotonic() + 10
    while not engine.worker_pids() and time.monotonic() < deadline:
        time.sleep(0.01)
    [pid] = engine.worker_pids()
    run = engine.open(LAB, SHORT, "reader")
    engine.stop()
    assert not runs(pid) and engine.worker_pids() == []
    with pytest.raises(RunLost):
        pull(engine, run)
    engine.stop()


PARENT = f"""
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from core import book
from core.engine import Waiting
from core.engine.limits import Limits
from core.engine.local import LocalEngine
engine = LocalEngine(Limits(workers=2 if "start" in sys.argv else 1))
while len(engine.worker_pids()) < engine.status().workers:
    time.sleep(0.01)
if "train" in sys.argv:
    run = engine.open("{LAB}", book.lab("{LAB}").Params(steps=10000), "reader")
    while isinstance(frame := engine.next(run), Waiting) or frame.step == 0:
        pass
assert not {{"tensorflow", "keras"}} & set(sys.modules)
print(*engine.worker_pids(), flush=True)
while True:
    time.sleep(0.01)
    if "train" in sys.argv:
        engine.next(run)
"""


@pytest.mark.parametrize(
    ("moment", "number"),
    [("start", signal.SIGKILL), ("start", signal.SIGTERM), ("start", signal.SIGINT), ("train", signal.SIGKILL)],
    ids=lambda value: value.name if isinstance(value, signal.Signals) else value,
)
def test_no_worker_outlives_its_server(moment: str, number: signal.Signals) -> None:
    command = [sys.executable, "-c", PARENT, moment]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert pids and all(runs(pid) for pid in pids)
        parent.send_signal(number)
        assert parent.wait(10) != 0
    assert end_within(10, *pids)
