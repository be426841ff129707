"""Turns are counted, never seconds."""

import threading
from collections import Counter

from core.engine.turns import Turns


def serve(turns: Turns, number: int, seconds: dict[str, float] | None = None) -> list[tuple[str, str]]:
    """Give so many turns, one at a time; each run asks for the next at once."""
    given = []
    for _ in range(number):
        reader, run = turns.take()
        given.append((reader, run))
        turns.ask(reader, run)
        turns.done(reader, (seconds or {}).get(reader, 1.0))
    return given


def test_turns_go_round_by_reader_then_by_run() -> None:
    turns = Turns()
    for run in ("a1", "a2", "a3"):
        turns.ask("a", run)
    turns.ask("b", "b1")
    turns.ask("c", "c1")
    runs = [run for _, run in serve(turns, 9)]
    assert runs == ["a1", "b1", "c1", "a2", "b1", "c1", "a3", "b1", "c1"]


def test_a_reader_with_many_runs_gets_no_more_turns_than_one_with_one() -> None:
    turns = Turns()
    for number in range(20):
        turns.ask("greedy", f"run {number}")
    turns.ask("modest", "run")
    assert Counter(reader for reader, _ in serve(turns, 100)) == {"greedy": 50, "modest": 50}


def test_a_reader_with_heavy_runs_gets_no_more_time() -> None:
    turns = Turns()
    for number in range(8):
        turns.ask("heavy", f"run {number}")
    turns.ask("light", "run")
    turns.ask("other", "run")
    given = Counter(reader for reader, _ in serve(turns, 210, {"heavy": 10.0}))
    assert given == {"heavy": 10, "light": 100, "other": 100}


def test_who_comes_late_is_level_with_the_others_and_not_ahead_of_them() -> None:
    turns = Turns()
    turns.ask("early", "run")
    serve(turns, 50)
    turns.ask("late", "run")
    assert Counter(reader for reader, _ in serve(turns, 20)) == {"early": 10, "late": 10}


def test_a_pause_earns_no_credit() -> None:
    turns = Turns()
    turns.ask("pausing", "run")
    turns.take()
    turns.done("pausing", 1.0)
    turns.ask("going on", "run")
    serve(turns, 50)
    turns.ask("pausing", "run")
    assert Counter(reader for reader, _ in serve(turns, 20)) == {"pausing": 10, "going on": 10}


def test_no_reader_has_two_turns_at_a_time() -> None:
    turns = Turns()
    turns.ask("a", "a1")
    turns.ask("a", "a2")
    turns.ask("b", "b1")
    assert turns.take() == ("a", "a1")
    assert turns.take() == ("b", "b1")
    turns.done("a", 100.0)
    assert turns.take() == ("a", "a2")


def test_readers_who_are_gone_are_forgotten() -> None:
    turns = Turns()
    for number in range(1000):
        turns.ask(f"reader {number}", "run")
        reader, _ = turns.take()
        turns.done(reader, 0.1)
    turns.ask("last", "run")
    serve(turns, 5)
    assert len(turns._used) <= 2


def test_idle_is_when_nobody_has_a_turn_or_asks_for_one() -> None:
    turns, idle = Turns(), threading.Event()
    turns.ask("a", "run")

    def wait() -> None:
        turns.wait_until_idle()
        idle.set()

    thread = threading.Thread(target=wait)
    thread.start()
    reader, _ = turns.take()
    assert not idle.is_set()
    turns.done(reader, 1.0)
    assert idle.wait(10)
    thread.join()
