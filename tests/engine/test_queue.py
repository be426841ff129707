"""What happens when the house is full, when a worker grows, and when the server stops; with real, small workers."""

import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from core.engine import EngineError, Refused, RunLost, Waiting, local, queued
from core.engine.limits import Limits
from core.engine.local import IDLE, STOPPING, TOO_LARGE, LocalEngine
from core.lab import Frame
from tests.engine import small_worker

HOUSE = Limits(workers=1, runs_per_worker=2, runs_per_reader=3, queue=4, idle_seconds=60.0)
Start = Callable[..., LocalEngine]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start engines with small workers; all are stopped after the test."""
    monkeypatch.setattr(local, "COMMAND", small_worker.COMMAND)
    started: list[LocalEngine] = []

    def start(limits: Limits = HOUSE) -> LocalEngine:
        started.append(LocalEngine(limits))
        return started[-1]

    yield start
    for engine in started:
        engine.stop()


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def pull(engine: LocalEngine, run: str) -> Frame | None:
    deadline = time.monotonic() + 30
    while isinstance(answer := engine.next(run), Waiting):
        assert time.monotonic() < deadline and not answer.place, answer.note
    return answer


def place(engine: LocalEngine, run: str) -> int:
    answer = engine.next(run, patience=0)
    return answer.place if isinstance(answer, Waiting) else 0


def lost(engine: LocalEngine, run: str) -> str:
    """Why a run is lost, once it is."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            engine.next(run)
        except RunLost as loss:
            return str(loss)
    raise AssertionError("the run was not lost")


def age(engine: LocalEngine, run: str, seconds: float) -> None:
    """As if the reader had not asked for so long."""
    engine._runs[run].pulled -= seconds


def test_a_full_house_queues_and_lets_in_by_arrival(start: Start) -> None:
    engine = start()
    held = [engine.open("count", 5, f"holder {n}") for n in range(2)]
    waiting = [engine.open("count", 5, f"reader {n}") for n in range(4)]
    assert [place(engine, run) for run in waiting] == [1, 2, 3, 4]
    assert engine.next(waiting[2]) == Waiting("You are number 3 in the queue; your run starts by itself.", 3)
    status = engine.status()
    assert (status.runs, status.queued) == (2, 4)
    engine.close(held[0])
    assert [place(engine, run) for run in waiting[1:]] == [1, 2, 3]
    first = pull(engine, waiting[0])
    assert first is not None and first.step == 0
    engine.close(waiting[2])
    assert [place(engine, waiting[n]) for n in (1, 3)] == [1, 2]
    engine.close(held[1])
    assert [place(engine, waiting[n]) for n in (1, 3)] == [0, 1]


def test_a_run_that_ends_makes_room(start: Start) -> None:
    engine = start()
    held = [engine.open("count", 2, f"holder {n}") for n in range(2)]
    waiting = engine.open("count", 2, "reader")
    assert place(engine, waiting) == 1
    while pull(engine, held[0]) is not None:
        pass
    assert pull(engine, waiting) is not None


def test_a_second_run_waits_behind_the_first_of_others(start: Start) -> None:
    engine = start()
    for n in range(2):
        engine.open("count", 5, f"holder {n}")
    one, two = (engine.open("count", 5, "eager") for _ in range(2))
    other = engine.open("count", 5, "other")
    assert [place(engine, run) for run in (one, other, two)] == [1, 2, 3]


def test_a_full_queue_refuses_with_a_sentence(start: Start) -> None:
    engine = start()
    runs = [engine.open("count", 5, f"reader {n}") for n in range(6)]
    with pytest.raises(Refused, match=r"the queue is full.*\.$"):
        engine.open("count", 5, "late")
    assert engine.status().queued == 4
    engine.close(runs[-1])
    assert place(engine, engine.open("count", 5, "late")) == 4


def test_queued_runs_count_among_a_readers_own(start: Start) -> None:
    engine = start()
    for _ in range(3):
        engine.open("count", 5, "greedy")
    with pytest.raises(Refused, match="3 runs open already"):
        engine.open("count", 5, "greedy")


def test_who_is_away_is_passed_over_and_keeps_the_place(start: Start) -> None:
    engine = start()
    held = [engine.open("count", 5, f"holder {n}") for n in range(2)]
    asleep, awake = (engine.open("count", 5, reader) for reader in ("asleep", "awake"))
    age(engine, asleep, local.PRESENT + 1)
    engine.close(held[0])
    assert pull(engine, awake) is not None
    engine.close(held[1])
    assert engine.status().queued == 1
    assert pull(engine, asleep) is not None


def test_who_stays_away_loses_the_place(start: Start) -> None:
    engine = start()
    for n in range(2):
        engine.open("count", 5, f"holder {n}")
    gone = engine.open("count", 5, "gone")
    age(engine, gone, HOUSE.idle_seconds + 1)
    engine._close_idle_runs()
    assert engine.status().queued == 0 and lost(engine, gone) == IDLE


def test_an_unwatched_run_makes_room_only_when_others_queue(start: Start) -> None:
    engine = start()
    watched, left = engine.open("count", 5, "a"), engine.open("count", 5, "b")
    age(engine, left, local.YIELDING + 1)
    engine._close_idle_runs()
    assert engine.status().runs == 2
    waiting = engine.open("count", 5, "c")
    engine._close_idle_runs()
    assert pull(engine, waiting) is not None and pull(engine, watched) is not None
    assert lost(engine, left) == IDLE


def test_the_run_longest_unwatched_goes_first_and_no_more_than_are_needed(start: Start) -> None:
    engine = start()
    longer, long = engine.open("count", 5, "a"), engine.open("count", 5, "b")
    age(engine, long, local.YIELDING + 1)
    age(engine, longer, local.YIELDING + 2)
    waiting = engine.open("count", 5, "c")
    engine._close_idle_runs()
    assert pull(engine, waiting) is not None and pull(engine, long) is not None
    assert lost(engine, longer) == IDLE


def test_a_clock_that_jumps_changes_nothing(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = start()
    runs = [engine.open("count", 500, f"reader {n}") for n in range(3)]
    pull(engine, runs[0])
    for jumped in (1e9, 1e10):
        monkeypatch.setattr(time, "time", lambda jumped=jumped: jumped)
        engine._close_idle_runs()
        assert engine.status().runs == 2 and place(engine, runs[2]) == 1
        assert pull(engine, runs[0]) is not None


def test_a_run_that_needs_too_much_memory_ends_with_a_sentence_and_a_new_worker(start: Start) -> None:
    engine = start(Limits(workers=1, worker_memory_mb=400))
    run = engine.open("hoard", 1_000_000_000, "reader")
    other = engine.open("hang", None, "other")
    assert pull(engine, other) is not None
    [pid] = engine.worker_pids()
    assert lost(engine, run) == TOO_LARGE and lost(engine, other) == TOO_LARGE
    again = engine.open("count", 1, "reader")
    assert pull(engine, again) is not None
    [replacement] = engine.worker_pids()
    assert replacement != pid and not psutil.pid_exists(pid)


def test_a_grown_worker_leaves_when_its_runs_are_over(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "SETTLED", 0.0)
    engine = start(Limits(workers=1, worker_memory_mb=500))
    old = engine.open("count", 3, "early")
    grows = engine.open("hoard", 500_000_000, "reader")
    assert pull(engine, old) is not None and pull(engine, grows) is not None
    [grown] = engine.worker_pids()
    until(lambda: len(engine.worker_pids()) == 2)
    new = engine.open("count", 1, "late")
    assert pull(engine, new) is not None
    assert engine._runs[new].worker is not engine._runs[old].worker
    assert engine.status().worker_memory > 500e6
    steps = [frame.step for _ in range(3) if (frame := pull(engine, old)) is not None]
    assert steps == [1, 2, 3]
    engine.close(old)
    assert psutil.pid_exists(grown)
    engine.close(grows)
    until(lambda: grown not in engine.worker_pids() and not psutil.pid_exists(grown))
    assert pull(engine, new) is not None and len(engine.worker_pids()) == 1


def test_stop_tells_every_reader_and_leaves_no_process(start: Start) -> None:
    engine = start()
    held = [engine.open("hang", None, f"holder {n}") for n in range(2)]
    waiting = engine.open("count", 5, "reader")
    for run in held:
        pull(engine, run)
    pids = engine.worker_pids()
    begun = time.monotonic()
    engine.stop()
    assert time.monotonic() - begun < 10
    assert not any(psutil.pid_exists(pid) for pid in pids) and engine.worker_pids() == []
    assert {lost(engine, run) for run in (*held, waiting)} == {STOPPING}
    with pytest.raises(EngineError, match="being restarted"):
        engine.open("count", 5, "late")


def test_stop_ends_a_worker_that_hears_nothing(start: Start) -> None:
    engine = start()
    run = engine.open("count", 5, "reader")
    pull(engine, run)
    [pid] = engine.worker_pids()
    psutil.Process(pid).suspend()
    # More than a pipe holds: nobody may be held up by it.
    for _ in range(2000):
        engine.close(engine.open("count", 5, "restless"))
    engine.stop()
    assert not psutil.pid_exists(pid)


def test_what_a_queued_reader_is_told_names_the_place() -> None:
    assert "number 7" in queued(7).note and queued(7).place == 7
