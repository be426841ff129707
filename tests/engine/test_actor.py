from collections.abc import Iterator

import numpy as np
import pytest

from core import book
from core.engine import actor, worker
from core.engine.actor import Actor
from core.lab import Frame


class Steps:
    """A lab of as many steps as its settings say."""

    def run(self, params: int) -> Iterator[Frame]:
        for step in range(params + 1):
            yield Frame(step, params, {"step": np.array([step])})


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Actor:
    monkeypatch.setattr(book, "lab", lambda name: Steps())
    monkeypatch.setattr(worker, "find_device", lambda: "a device")
    monkeypatch.setattr(actor, "LONGEST_SILENCE", 5.0)
    return Actor(100, 100.0)


def test_it_says_what_it_computes_on_and_then_gives_frames(held: Actor) -> None:
    assert held.listen() == [("ready", "a device")]
    held.tell(0, ("open", "run", "reader", "chapter.lab", 1))
    steps = []
    for number in (1, 2, 3):
        held.tell(number, ("next", "run"))
        [(kind, run, frame)] = held.listen()
        assert (kind, run) == ("frame", "run")
        steps.append(frame and frame.step)
    assert steps == [0, 1, None]


def test_calls_that_overtake_each_other_are_put_in_order(held: Actor) -> None:
    held.listen()
    held.tell(3, ("open", "run", "reader", "chapter.lab", 1))
    held.tell(1, ("close", "run"))
    held.tell(2, ("next", "run"))
    held.tell(4, ("next", "run"))
    held.tell(0, ("open", "run", "reader", "chapter.lab", 7))
    [(kind, run, frame)] = held.listen()
    assert (kind, run, frame.step, frame.total) == ("frame", "run", 0, 1)


def test_silence_is_answered_too(held: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    held.listen()
    monkeypatch.setattr(actor, "LONGEST_SILENCE", 0.01)
    assert held.listen() == []
