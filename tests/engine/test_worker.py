import os
import pickle
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import IO, Any

import numpy as np
import pytest

from core import book
from core.engine import worker
from core.engine.turns import Turns
from core.lab import Frame
from tests.engine import small_worker

FRAMES, SECONDS = 5, 0.2
GATE = threading.Event()


class Steps:
    """A lab of as many steps as its settings say; negative ones make it fail in one way or another."""

    def run(self, params: float) -> Iterator[Frame]:
        if params == -1:
            raise ValueError("cannot start")
        return self._frames(params)

    def _frames(self, params: float) -> Iterator[Frame]:
        if params == -2:
            raise ValueError("cannot go on")
        if params == -3:
            GATE.wait(10)
            params = 0
        for step in range(int(params) + 1):
            if params != int(params):
                time.sleep(SECONDS)
            yield Frame(step, int(params), {"step": np.array([step])})


class Talk:
    """A worker in threads of this process, with pipes to talk to it."""

    def __init__(self, requests: IO[bytes], answers: IO[bytes]) -> None:
        self._requests, self._answers = requests, answers

    def ask(self, *message: Any) -> None:
        pickle.dump(message, self._requests)
        self._requests.flush()

    def hear(self) -> tuple[Any, ...]:
        while (heard := pickle.load(self._answers)) == ("alive",):
            pass
        said: tuple[Any, ...] = heard
        return said

    def pull(self, run: str) -> tuple[Any, ...]:
        self.ask("next", run)
        return self.hear()


WARMED: list[str] = []


@pytest.fixture
def talk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Talk]:
    labs = {"chapter.steps": Steps()}
    monkeypatch.setattr(book, "lab", labs.__getitem__)
    monkeypatch.setattr(book, "lab_names", lambda: sorted(labs))
    monkeypatch.setattr(worker, "find_device", lambda: "a device")
    monkeypatch.setattr(worker, "warm", WARMED.append)
    pipes = [os.pipe(), os.pipe()]
    with (
        os.fdopen(pipes[0][0], "rb") as requests,
        os.fdopen(pipes[0][1], "wb") as asking,
        os.fdopen(pipes[1][0], "rb") as hearing,
        os.fdopen(pipes[1][1], "wb") as answers,
    ):

        def serve() -> None:
            with pytest.raises(EOFError):
                worker.serve(requests, answers, FRAMES, SECONDS)

        thread = threading.Thread(target=serve)
        thread.start()
        yield Talk(asking, hearing)
        asking.close()
        thread.join(10)
        assert not thread.is_alive()


def test_it_says_what_it_computes_on_and_then_gives_frames(talk: Talk) -> None:
    assert talk.hear() == ("ready", "a device")
    talk.ask("open", "run", "reader", "chapter.steps", 2)
    heard = [talk.pull("run") for _ in range(4)]
    assert [(kind, run) for kind, run, _ in heard] == [("frame", "run")] * 4
    assert [frame and frame.step for _, _, frame in heard] == [0, 1, 2, None]


def test_asking_for_unknown_and_closed_runs_is_ignored(talk: Talk) -> None:
    talk.hear()
    talk.ask("next", "unknown")
    talk.ask("open", "closed", "reader", "chapter.steps", 2)
    talk.ask("close", "closed")
    talk.ask("next", "closed")
    talk.ask("open", "run", "reader", "chapter.steps", 2)
    assert talk.pull("run")[1] == "run"


def test_a_reader_with_many_runs_does_not_keep_another_waiting(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    talk.hear()
    GATE.clear()
    missing = {"busy 1", "busy 2", "held 1", "held 2", "held 3", "held 4", "modest"}
    ask = Turns.ask

    def ask_and_count(turns: Turns, reader: str, run: str) -> None:
        ask(turns, reader, run)
        missing.discard(run)
        if not missing:
            GATE.set()

    monkeypatch.setattr(Turns, "ask", ask_and_count)
    for run in ("busy 1", "busy 2", "held 1", "held 2", "held 3", "held 4"):
        talk.ask("open", run, run.partition(" ")[0], "chapter.steps", -3 if run in ("busy 1", "held 1") else 0)
    talk.ask("open", "modest", "modest", "chapter.steps", 0)
    for run in ("busy 1", "held 1", "held 2", "held 3", "held 4", "busy 2", "modest"):
        talk.ask("next", run)
    # Both turns are held until all have asked: the next is for the reader who has had none.
    heard = [talk.hear()[1] for _ in range(7)]
    assert heard.index("modest") <= 2


@pytest.mark.parametrize(("lab", "params"), [("chapter.steps", -1), ("chapter.steps", -2), ("chapter.unknown", 0)])
def test_a_run_that_fails_costs_no_other(talk: Talk, lab: str, params: int, caplog: pytest.LogCaptureFixture) -> None:
    talk.hear()
    talk.ask("open", "good", "reader", "chapter.steps", 2)
    talk.ask("open", "bad", "reader", lab, params)
    kind, run, why = talk.pull("bad")
    assert (kind, run) == ("failed", "bad") and why.endswith("Try other settings.")
    assert talk.pull("good")[0] == "frame"
    assert "A run failed." in caplog.text


def test_a_run_of_too_many_frames_is_ended(talk: Talk) -> None:
    talk.hear()
    talk.ask("open", "run", "reader", "chapter.steps", 100)
    heard = [talk.pull("run") for _ in range(FRAMES + 1)]
    assert [kind for kind, *_ in heard] == ["frame"] * FRAMES + ["failed"]
    assert heard[-1][2] == f"This run was ended after {FRAMES} frames, the server's limit."


def test_a_run_that_computes_too_long_is_ended_but_may_give_its_last_frame(talk: Talk) -> None:
    talk.hear()
    talk.ask("open", "long", "reader", "chapter.steps", 3.5)
    heard = [talk.pull("long")]
    while heard[-1][0] == "frame":
        heard.append(talk.pull("long"))
    assert "s of computing" in heard[-1][2]
    talk.ask("open", "short", "reader", "chapter.steps", 0.5)
    assert talk.pull("short")[0] == "frame"


def test_a_lab_is_warmed_when_its_page_is_opened(talk: Talk) -> None:
    WARMED.clear()
    assert talk.hear() == ("ready", "a device")
    talk.ask("warm", "chapter.steps")
    deadline = time.monotonic() + 10
    while not WARMED and time.monotonic() < deadline:
        time.sleep(0.01)
    assert WARMED == ["chapter.steps"]


def test_a_turn_that_does_not_end_ends_the_process_which_says_where_it_hangs() -> None:
    command = [*small_worker.COMMAND, str(FRAMES), str(SECONDS)]
    messages = [("open", "run", "reader", "hang", None), ("next", "run"), ("next", "run")]
    with subprocess.Popen(
        command, cwd=book.ROOT, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None and process.stderr is not None
        for message in messages:
            pickle.dump(message, process.stdin)
        process.stdin.flush()
        said = process.stderr.read().decode()
        assert process.wait(60) == 1
    assert "A turn has lasted more than 2 s" in said and "in hang" in said
