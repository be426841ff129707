import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import book, recording, stored
from core.lab import Frame, Lab, knob, settings, spread

NAME = "chapter.lab"


@dataclass(frozen=True)
class Params:
    width: int = knob(4, low=1, high=9, label="Width")
    rate: float = knob(0.1, low=0.0, high=1.0, label="Rate")


def run(params: Params, seed: int = 0, nudge: float = 0.0) -> Iterator[Frame]:
    rng = np.random.default_rng(seed)
    curve = rng.normal(size=(4, 200)).astype(np.float32)
    for step in range(100):
        values = {
            "curve": curve / (step + 1) * np.float32(1 + nudge),
            "error": rng.normal(size=4) ** 2 * 1e-7 * (1 + nudge),
            "pieces": np.array([3.0, 4, np.nan, 5]),
        }
        yield Frame(step, 99, values)


def result(params: Params, frames: Sequence[Frame]) -> dict[str, Any]:
    found = spread(frames[-1].values["error"])
    return {"error": found["median"], "bound": 5, "spread": {"error": found}}


def nothing(*_: object) -> Any:
    raise NotImplementedError


LAB = Lab("A lab", Params, run, nothing, nothing, result, nothing)


@pytest.fixture
def frames(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Frame]:
    monkeypatch.setattr(stored, "RUNS", tmp_path)
    monkeypatch.setattr(book, "lab", lambda name: LAB)
    stored.load.cache_clear()
    return list(run(Params()))


def test_what_is_saved_is_loaded(frames: list[Frame]) -> None:
    stored.save(NAME, Params(), frames)
    loaded = stored.load(NAME)
    assert loaded is not None and stored.load(NAME) is loaded
    assert [(f.step, f.total) for f in loaded] == [(f.step, f.total) for f in frames]
    for now, before in zip(loaded, frames, strict=True):
        assert list(now.values) == list(before.values)
        for name, array in before.values.items():
            assert now.values[name].dtype == array.dtype and now.values[name].shape == array.shape
        np.testing.assert_array_equal(now.values["error"], before.values["error"])
        np.testing.assert_array_equal(now.values["pieces"], before.values["pieces"])
        np.testing.assert_allclose(now.values["curve"], before.values["curve"], rtol=1e-3, atol=1e-4)


def test_a_loaded_run_cannot_be_changed(frames: list[Frame]) -> None:
    stored.save(NAME, Params(), frames)
    loaded = stored.load(NAME)
    assert loaded is not None
    with pytest.raises(ValueError, match="read-only"):
        loaded[0].values["curve"][0, 0] = 1


def test_saving_twice_gives_the_same_file(frames: list[Frame]) -> None:
    first = stored.save(NAME, Params(), frames).read_bytes()
    assert stored.save(NAME, Params(), frames).read_bytes() == first
    assert [path.name for path in stored.RUNS.iterdir()] == [f"{NAME}.npz"]


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_curves_that_half_precision_would_spoil_keep_theirs(frames: list[Frame], scale: float) -> None:
    scaled = [Frame(f.step, f.total, {"curve": f.values["curve"] * np.float32(scale)}) for f in frames]
    stored.save(NAME, Params(), scaled)
    loaded = stored.load(NAME)
    assert loaded is not None
    np.testing.assert_array_equal(loaded[0].values["curve"], scaled[0].values["curve"])


def test_a_missing_run_is_none_and_one_line_in_the_log(frames: list[Frame], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert stored.load(NAME) is None and stored.load(NAME) is None
    assert [record.getMessage() for record in caplog.records] == [f"{NAME}: no run is stored."]


@pytest.mark.parametrize("damage", ["empty", "cut", "text", "flipped"])
def test_a_broken_file_is_none(frames: list[Frame], caplog: pytest.LogCaptureFixture, damage: str) -> None:
    path = stored.save(NAME, Params(), frames)
    whole = path.read_bytes()
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes(255 - byte for byte in whole[middle : middle + 64]) + whole[middle + 64 :]
    path.write_bytes({"empty": b"", "cut": whole[:middle], "text": b"no run", "flipped": flipped}[damage])
    with caplog.at_level(logging.WARNING):
        assert stored.load(NAME) is None
    assert caplog.records[0].getMessage().startswith(f"{NAME}: the stored run cannot be read (")


def test_a_file_without_its_settings_is_none(frames: list[Frame]) -> None:
    stored.RUNS.mkdir(exist_ok=True)
    np.savez(stored.path(NAME), curve=np.zeros(3))
    assert stored.load(NAME) is None


def test_a_run_of_other_settings_is_none(frames: list[Frame], caplog: pytest.LogCaptureFixture) -> None:
    stored.save(NAME, Params(width=5), frames)
    with caplog.at_level(logging.WARNING):
        assert stored.load(NAME) is None
    assert "other settings" in caplog.text


def test_the_same_run_does_not_differ(frames: list[Frame]) -> None:
    stored.save(NAME, Params(), frames)
    assert stored.compare(NAME, frames) == []
    assert stored.compare(NAME, list(run(Params(), nudge=1e-4))) == []


def test_differences_are_sentences(frames: list[Frame]) -> None:
    assert stored.compare(NAME, frames) == [f"{NAME}: no run is stored."]
    stored.save(NAME, Params(), frames)
    assert stored.compare(NAME, frames[:-1]) == [f"{NAME}: the frames now stand at other steps than the stored ones."]
    fewer = [Frame(f.step, f.total, {"curve": f.values["curve"]}) for f in frames]
    assert "other names or shapes" in stored.compare(NAME, fewer)[0]
    early = stored.compare(NAME, list(run(Params(), nudge=0.1)))
    assert early == [f"{NAME}: after 0 steps, curve, error differ from the stored run."]


def test_the_end_may_differ_as_much_as_nets_do(frames: list[Frame]) -> None:
    stored.save(NAME, Params(), frames)
    error = spread(frames[-1].values["error"])

    def ending_at(value: float) -> list[Frame]:
        last = frames[-1]
        return [*frames[:-1], Frame(last.step, last.total, {**last.values, "error": np.full(4, value)})]

    assert stored.compare(NAME, ending_at(error["high"])) == []
    [difference] = stored.compare(NAME, ending_at(1e-3))
    assert difference.startswith(f"{NAME}: error ends at 0.001; in the stored run it was")


STORED = book.lab_names()


@pytest.mark.parametrize("name", STORED)
def test_every_lab_has_a_small_run_that_begins_as_the_code_does(name: str) -> None:
    assert stored.path(name).stat().st_size < 1.5e6
    frames = stored.read(name)
    lab = book.lab(name)
    with np.load(stored.path(name)) as file:
        assert json.loads(str(file[recording.SETTINGS])) == settings(lab.Params())
    first = next(lab.run(lab.Params()))
    assert (first.step, first.total) == (frames[0].step, frames[0].total)
    for value, array in first.values.items():
        kept = frames[0].values[value]
        assert (kept.shape, kept.dtype) == (array.shape, array.dtype)
        largest = np.abs(array).max(where=np.isfinite(array), initial=0)
        np.testing.assert_allclose(kept, array, rtol=0, atol=stored.CLOSE * largest + stored.NOTHING)


@pytest.mark.slow
@pytest.mark.parametrize("name", STORED)
def test_every_stored_run_is_what_the_code_makes_now(name: str) -> None:
    lab = book.lab(name)
    assert stored.compare(name, list(lab.run(lab.Params()))) == []
