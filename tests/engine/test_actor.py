from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from core import book
from core.engine import worker
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
    return Actor(100, 100.0)


def listen(held: Actor) -> list[tuple[Any, ...]]:
    """What it says next, but for signs of life."""
    while True:
        if said := [message for message in held.listen() if message != ("alive",)]:
            return said


def test_it_says_what_it_computes_on_and_then_gives_frames(held: Actor) -> None:
    assert listen(held) == [("ready", "a device")]
    held.tell(0, ("open", "run", "reader", "chapter.lab", 1))
    steps = []
    for number in (1, 2, 3):
        held.tell(number, ("next", "run"))
        [(kind, run, frame)] = listen(held)
        assert (kind, run) == ("frame", "run")
        steps.append(frame and frame.step)
    assert steps == [0, 1, None]


def test_calls_that_overtake_each_other_are_put_in_order(held: Actor) -> None:
    listen(held)
    held.tell(3, ("open", "run", "reader", "chapter.lab", 1))
    held.tell(1, ("close", "run"))
    held.tell(2, ("next", "run"))
    held.tell(4, ("next", "run"))
    held.tell(0, ("open", "run", "reader", "chapter.lab", 7))
    [(kind, run, frame)] = listen(held)
    assert (kind, run, frame.step, frame.total) == ("frame", "run", 0, 1)


def test_it_gives_signs_of_life_when_it_has_nothing_to_say(held: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "BEAT", 0.01)
    listen(held)
    for _ in range(3):
        assert set(held.listen()) == {("alive",)}
