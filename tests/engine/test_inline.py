from collections.abc import Iterator

import numpy as np
import pytest

from core import book
from core.engine import Engine, RunLost
from core.engine.inline import InlineEngine
from core.lab import Frame


class Counting:
    """A lab whose run counts what was computed."""

    computed = 0

    def run(self, params: int) -> Iterator[Frame]:
        for step in range(params + 1):
            self.computed += 1
            yield Frame(step, params, {"square": np.array([step**2])})


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Counting:
    counting = Counting()
    monkeypatch.setattr(book, "lab", lambda name: counting)
    return counting


def test_frames_come_in_order_and_then_none(lab: Counting) -> None:
    engine: Engine = InlineEngine()
    run = engine.open("chapter.lab", 3, "reader")
    steps = []
    while (frame := engine.next(run)) is not None:
        assert isinstance(frame, Frame)
        steps.append(frame.step)
    assert steps == [0, 1, 2, 3]
    with pytest.raises(RunLost, match="closed"):
        engine.next(run)


def test_nothing_is_computed_before_it_is_asked_for(lab: Counting) -> None:
    engine = InlineEngine()
    run = engine.open("chapter.lab", 3, "reader")
    assert lab.computed == 0
    engine.next(run)
    assert lab.computed == 1


def test_runs_are_apart(lab: Counting) -> None:
    engine = InlineEngine()
    one, other = engine.open("chapter.lab", 3, "reader"), engine.open("chapter.lab", 5, "reader")
    engine.next(one)
    frames = [engine.next(one), engine.next(other)]
    assert [(frame.step, frame.total) for frame in frames if frame] == [(1, 3), (0, 5)]


def test_closed_runs_are_lost_and_unknown_ones_ignored(lab: Counting) -> None:
    engine = InlineEngine()
    run = engine.open("chapter.lab", 3, "reader")
    assert engine.status().runs == 1
    engine.close(run)
    engine.close("no such run")
    assert engine.status().runs == 0
    with pytest.raises(RunLost):
        engine.next(run)


def test_stop_forgets_every_run(lab: Counting) -> None:
    engine = InlineEngine()
    run = engine.open("chapter.lab", 3, "reader")
    engine.stop()
    with pytest.raises(RunLost):
        engine.next(run)
