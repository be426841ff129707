"""The panel answers what a browser asks, and survives what no browser would."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import book, stored
from core.engine import Refused, RunLost, Status, Waiting, queued
from core.lab import Frame
from core.shared import SharedRuns
from core.ui import panel as panels
from core.ui.panel import Panel, answer, begin, snapshot

NAME = "sine_fits.fit"
OTHER = book.lab(NAME).Params(width=64)


class StoredEngine:
    """Replays the stored run: an engine that needs no TensorFlow, and can be told to fail."""

    def __init__(self) -> None:
        self.frames = stored.load(NAME)
        self.runs: dict[str, Iterator[Frame]] = {}
        self.trouble: Exception | Waiting | None = None
        self.opened = 0

    def open(self, lab: str, params: Any, reader: str) -> str:
        if isinstance(self.trouble, Refused):
            raise self.trouble
        self.opened += 1
        self.runs[str(self.opened)] = iter(self.frames or ())
        return str(self.opened)

    def next(self, run: str, patience: float = 0.25) -> Frame | Waiting | None:
        if isinstance(self.trouble, Exception):
            raise self.trouble
        return self.trouble or next(self.runs[run], None)

    def warm(self, lab: str) -> None:
        pass

    def close(self, run: str) -> None:
        self.runs.pop(run, None)

    def status(self) -> Status:
        return Status("stored", 1, 1, "", len(self.runs))

    def stop(self) -> None:
        self.runs.clear()


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> StoredEngine:
    engine = StoredEngine()
    monkeypatch.setattr(panels, "engine", lambda: engine)
    return engine


@pytest.fixture
def runs(engine: StoredEngine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SharedRuns:
    """Finished runs in a directory of their own; the engine gives the same frames for any settings."""
    runs = SharedRuns(tmp_path, 512)
    monkeypatch.setattr(panels, "shared_runs", lambda: runs)
    return runs


def fresh(params: Any = None) -> Panel:
    return begin("sine_fits", "fit", "me", params or book.lab(NAME).Params())


def run_to_its_end(panel: Panel) -> None:
    answer(panel, {"frame": 0, "act": {"do": "run"}})
    while panel.run:
        answer(panel, {"frame": panel.frame + 1})


def test_a_panel_is_found_by_its_token_while_its_session_lasts(engine: StoredEngine) -> None:
    panel = fresh()
    token = panel.token
    assert panels.OPEN[token] is panel
    del panel
    assert token not in panels.OPEN


def test_opens_on_the_stored_run(engine: StoredEngine) -> None:
    shown = snapshot(fresh())
    assert shown["stored"] and shown["step"] == shown["total"] and not shown["open"]
    assert set(shown["send"]) == set(shown["parts"])


def test_what_the_browser_holds_is_not_sent_again(engine: StoredEngine) -> None:
    panel = fresh()
    first = snapshot(panel)
    answer(panel, {"frame": 3, "held": list(first["parts"].values())})
    second = snapshot(panel)
    assert "spec" not in second["send"] and "target" not in second["send"]
    assert "fit" in second["send"]


def test_runs_frame_by_frame_to_the_end(engine: StoredEngine) -> None:
    panel = fresh()
    answer(panel, {"frame": 0, "act": {"do": "run"}})
    assert snapshot(panel)["step"] == 0
    for number in range(1, 1000):
        answer(panel, {"frame": panel.frame + 1})
        assert panel.frame <= number
        if not panel.run:
            break
    shown = snapshot(panel)
    assert shown["step"] == shown["total"] and panel.ended
    assert not engine.runs


def test_a_reader_who_draws_seldom_skips_frames_but_not_the_whole_run(engine: StoredEngine) -> None:
    panel = fresh()
    answer(panel, {"frame": 0, "act": {"do": "run"}})
    answer(panel, {"frame": 10_000})
    assert panel.frame == panels.MOST_FRAMES_A_QUESTION


@pytest.mark.parametrize("trouble", [RunLost("It is gone."), Waiting("Not yet.")])
def test_a_reason_for_no_frame_is_told_and_what_was_drawn_is_kept(engine: StoredEngine, trouble: Any) -> None:
    panel = fresh()
    answer(panel, {"frame": 0, "act": {"do": "run"}})
    answer(panel, {"frame": 5})
    engine.trouble = trouble
    answer(panel, {"frame": 6})
    shown = snapshot(panel)
    assert shown["frame"] == 5 and shown["drawn"] == 6
    assert shown["note"] in ("It is gone.", "Not yet.")
    assert shown["waiting"] == isinstance(trouble, Waiting) == shown["open"]


def test_a_refusal_is_told_and_what_is_drawn_is_kept(engine: StoredEngine) -> None:
    panel = fresh()
    panel.params = OTHER
    engine.trouble = Refused("No room.")
    answer(panel, {"frame": 0, "act": {"do": "run"}})
    shown = snapshot(panel)
    assert shown["note"] == "No room."
    assert shown["drawn"] == len(engine.frames or ()) > 0 and shown["stored"]
    assert shown["refused"] and shown["frame"] == shown["drawn"] - 1
    answer(panel, {"frame": None})
    assert not snapshot(panel)["refused"]


def test_a_finished_run_takes_the_place_of_one_that_is_refused(engine: StoredEngine) -> None:
    panel = fresh()
    engine.trouble = Refused("No room.")
    answer(panel, {"frame": 0, "act": {"do": "run"}})
    shown = snapshot(panel)
    assert not shown["refused"] and not shown["open"]
    assert shown["frame"] == 0 and shown["drawn"] == len(engine.frames or ())
    assert shown["stored"] == f"No room. {panels.INSTEAD}"
    answer(panel, {"frame": 1})
    assert snapshot(panel)["frame"] == 1


def test_a_finished_run_is_drawn_while_the_own_one_is_queued(engine: StoredEngine) -> None:
    panel = fresh()
    engine.trouble = queued(3)
    answer(panel, {"frame": 0, "act": {"do": "run"}})
    for frame in (0, 1, 2):
        answer(panel, {"frame": frame})
        shown = snapshot(panel)
        assert (shown["frame"], shown["drawn"]) == (frame, len(engine.frames or ()))
        assert shown["open"] and shown["place"] == 3 and not shown["waiting"]
        assert shown["note"].startswith("You are number 3") and shown["note"].endswith(panels.INSTEAD)
    engine.trouble = None
    answer(panel, {"frame": 3})
    shown = snapshot(panel)
    assert (shown["frame"], shown["drawn"], shown["step"]) == (0, 1, 0)
    assert shown["open"] and not shown["stored"] and not shown["note"]


def test_who_is_queued_with_settings_that_nobody_ran_waits(engine: StoredEngine) -> None:
    panel = fresh()
    panel.params = OTHER
    engine.trouble = queued(3)
    answer(panel, {"frame": 0, "act": {"do": "run"}})
    shown = snapshot(panel)
    assert shown["waiting"] and shown["drawn"] == 0 and shown["note"] == queued(3).note


def test_a_link_opens_at_the_end_of_the_run_that_another_reader_made_of_its_settings(runs: SharedRuns) -> None:
    first = fresh(OTHER)
    assert snapshot(first)["eager"] and snapshot(first)["stored"] == panels.FINISHED  # That of the defaults.
    run_to_its_end(first)
    runs.wait()
    second = fresh(OTHER)
    shown = snapshot(second)
    assert shown["step"] == shown["total"] and shown["stored"] == panels.SHARED
    assert not shown["eager"] and not shown["stale"] and not shown["open"]
    answer(second, {"frame": 3})
    assert snapshot(second)["frame"] == 3
    answer(second, {"frame": 0, "act": {"do": "run"}})
    shown = snapshot(second)
    assert shown["open"] and not shown["stored"] and shown["drawn"] == 1  # Run trains it live.


def test_a_run_that_was_left_or_lost_is_not_shared(runs: SharedRuns, engine: StoredEngine) -> None:
    panel = fresh(OTHER)
    answer(panel, {"frame": 0, "act": {"do": "run"}})
    answer(panel, {"frame": 5})
    engine.trouble = RunLost("It is gone.")
    answer(panel, {"frame": 6})
    runs.wait()
    assert runs.find(NAME, OTHER) is None


def test_a_run_ends_well_where_nothing_can_be_kept(
    engine: StoredEngine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    broken = SharedRuns(tmp_path / "file", 512)
    monkeypatch.setattr(panels, "shared_runs", lambda: broken)
    panel = fresh(OTHER)
    run_to_its_end(panel)
    broken.wait()
    assert panel.finished and not snapshot(panel)["note"]
    assert [message.split(" in /")[0] for message in caplog.messages] == [
        "Finished runs cannot be kept",
        "Finished runs cannot be read",
    ]


def test_in_a_full_house_a_shared_run_is_played_instead(runs: SharedRuns, engine: StoredEngine) -> None:
    run_to_its_end(fresh(OTHER))
    runs.wait()
    panel = fresh()
    panel.params = OTHER
    engine.trouble = Refused("No room.")
    answer(panel, {"frame": 0, "act": {"do": "run"}})
    shown = snapshot(panel)
    assert (shown["frame"], shown["refused"], shown["stored"]) == (0, False, f"No room. {panels.INSTEAD}")
    assert panel.shown == OTHER


def test_new_seed_and_new_data_change_one_setting_each(engine: StoredEngine) -> None:
    for name in ("seed", "data_seed"):
        panel = fresh()
        answer(panel, {"frame": 0, "act": {"do": name}})
        changed = {k for k, v in vars(panel.params).items() if v != getattr(book.lab(NAME).Params(), k)}
        assert changed == {name} and panel.play == 1


def test_pinned_run_is_drawn_beside_the_next(engine: StoredEngine) -> None:
    panel = fresh()
    answer(panel, {"frame": None, "act": {"do": "pin"}})
    shown = snapshot(panel)
    assert shown["pinned"] == "the default settings"
    assert shown["send"]["pinned_fit"] == shown["send"]["fit"]
    answer(panel, {"frame": None, "act": {"do": "pin"}})
    assert not snapshot(panel)["pinned"]


def test_a_drawn_guess_starts_its_run_is_compared_at_the_end_and_can_be_taken_back(
    engine: StoredEngine,
) -> None:
    name = "sharp_flat_minima.edge"
    engine.frames = stored.load(name)
    panel = begin("sharp_flat_minima", "edge", "me", book.lab(name).Params(learning_rate=1.0))
    sketch = book.lab(name).sketch
    assert sketch is not None and engine.frames is not None
    assert snapshot(panel)["send"]["sketch"]["places"] == sketch.places
    heights = [3.0] * len(sketch.at)
    answer(panel, {"frame": 0, "act": {"do": "sketch", "heights": heights}})
    shown = snapshot(panel)
    assert shown["sketch"] == {"heights": tuple(heights), "answers": True, "verdict": ""} and panel.play == 1
    for _ in range(len(engine.frames)):
        answer(panel, {"frame": panel.frame + 1})
    verdict = snapshot(panel)["sketch"]["verdict"]
    assert verdict == sketch.verdict(heights, panel.shown, engine.frames)
    answer(panel, {"frame": 0})
    assert snapshot(panel)["sketch"]["verdict"] == verdict
    answer(panel, {"frame": None, "act": {"do": "sketch", "heights": None}})
    assert snapshot(panel)["sketch"] == {"heights": None, "answers": True, "verdict": ""}


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)
acts = st.fixed_dictionaries(
    {},
    optional={
        "do": st.sampled_from(["run", "seed", "data_seed", "set", "draw", "pin", "every", "replay", "sketch", ""])
        | junk,
        "settings": st.dictionaries(st.sampled_from(["width", "points", "seed", "noise", "nope"]), junk, max_size=3)
        | junk,
    },
)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(
        st.fixed_dictionaries({}, optional={"frame": junk, "held": junk, "act": acts | junk}),
        max_size=5,
    )
)
def test_no_question_breaks_a_panel(engine: StoredEngine, questions: list[dict[str, Any]]) -> None:
    panel = fresh()
    for question in questions:
        answer(panel, question)
        shown = snapshot(panel)
        assert 0 <= shown["frame"] < max(1, shown["drawn"])
