"""Finished runs on disk: shared, bounded, and never the end of anything when the disk fails."""

import errno
import gc
import logging
import os
import stat
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import book, recording, shared, stored
from core.lab import Frame, knobs, replace
from core.shared import SUBDIRECTORY, SharedRuns, code_version

NAME = "random_labels.early"
LAB = book.lab(NAME)
FRAMES = stored.read(NAME)
PARAMS = replace(LAB.Params(), {"seed": 7})
SIZE = len(recording.encode(PARAMS, FRAMES))
assert "seed" in knobs(LAB.Params)


def seeded(seed: int) -> Any:
    return replace(LAB.Params(), {"seed": seed})


@pytest.fixture
def runs(tmp_path: Path) -> SharedRuns:
    return SharedRuns(tmp_path, 512)


def kept(runs: SharedRuns, params: Any = PARAMS, frames: Sequence[Frame] = FRAMES) -> SharedRuns:
    runs.keep(NAME, params, frames)
    runs.wait()
    return runs


def files(runs: SharedRuns) -> list[Path]:
    return list(runs._directory.iterdir())


def test_what_one_reader_ran_another_is_given(runs: SharedRuns, tmp_path: Path) -> None:
    assert runs.find(NAME, PARAMS) is None
    kept(runs)
    for server in (runs, SharedRuns(tmp_path, 512)):
        found = server.find(NAME, PARAMS)
        assert found is not None and len(found) == len(FRAMES)
        for now, before in zip(found, FRAMES, strict=True):
            assert (now.step, now.total) == (before.step, before.total)
            for name, array in before.values.items():
                np.testing.assert_array_equal(now.values[name], array)
    assert runs.find(NAME, seeded(8)) is None
    assert runs.find("random_labels.memorise", PARAMS) is None


def test_hits_and_misses_are_counted(runs: SharedRuns, tmp_path: Path) -> None:
    kept(runs)
    for params in (PARAMS, seeded(8), PARAMS, seeded(9), PARAMS):
        runs.find(NAME, params)
    assert (runs.hits, runs.misses) == (3, 2)
    [file] = files(runs)
    cut(file)
    fresh = SharedRuns(tmp_path, 512)
    assert fresh.find(NAME, PARAMS) is None and (fresh.hits, fresh.misses) == (0, 1)
    keeps_none = SharedRuns(tmp_path, 0)
    assert keeps_none.find(NAME, PARAMS) is None and (keeps_none.hits, keeps_none.misses) == (0, 0)


def test_counts_lose_nothing_when_many_ask_at_once(runs: SharedRuns) -> None:
    kept(runs)
    with ThreadPoolExecutor(8) as readers:
        for _ in readers.map(lambda seed: runs.find(NAME, seeded(seed)), [7, 8] * 200):
            pass
    assert (runs.hits, runs.misses) == (200, 200)


def test_a_run_that_has_not_ended_is_not_kept(runs: SharedRuns) -> None:
    assert files(kept(runs, frames=FRAMES[:-1])) == files(kept(runs, frames=())) == []


def test_a_run_of_other_code_is_not_found(runs: SharedRuns, monkeypatch: pytest.MonkeyPatch) -> None:
    kept(runs)
    monkeypatch.setattr(shared, "code_version", lambda slug: "another")
    assert runs.find(NAME, PARAMS) is None


@pytest.mark.parametrize("changed", ["core/training.py", "core/experiments/chapter/lab.py", "assets/data.npz"])
def test_whatever_decides_the_numbers_is_in_the_code_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    names = ("core/training.py", "core/experiments/chapter/lab.py", "core/experiments/other/lab.py", "assets/data.npz")
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    monkeypatch.setattr(book, "ROOT", tmp_path)
    monkeypatch.setattr(book, "ASSETS", tmp_path / "assets")
    version = code_version.__wrapped__
    before = version("chapter"), version("other")
    (tmp_path / changed).write_text("changed")
    assert version("chapter") != before[0]
    assert (version("other") == before[1]) == ("chapter" in changed)
    monkeypatch.setattr(shared, "_release", lambda package: "another")
    assert version("other") != before[1]


def test_readers_of_one_run_hold_it_once_and_the_last_lets_go(runs: SharedRuns) -> None:
    kept(runs)
    one, other = runs.find(NAME, PARAMS), runs.find(NAME, PARAMS)
    assert one is other and one is not None
    with pytest.raises(ValueError, match="read-only"):
        next(value for value in one[0].values.values() if value.ndim)[...] = 0
    del one, other
    gc.collect()
    assert not runs._loaded


def test_the_bound_holds_and_those_asked_for_stay(tmp_path: Path) -> None:
    fitting = 1_000_000 // SIZE
    for server in range(3):  # A new server finds what the last one left.
        runs = SharedRuns(tmp_path, 1)
        for seed in range(fitting * server, fitting * (server + 1)):
            kept(runs, seeded(seed))
            os.utime(runs._place(NAME, seeded(seed)), (seed, seed))
            assert runs.find(NAME, seeded(0)) is not None
            assert sum(file.stat().st_size for file in files(runs)) <= 1_000_000
    left = [seed for seed in range(3 * fitting) if runs._place(NAME, seeded(seed)).exists()]
    assert left == [0, *range(3 * fitting - len(left) + 1, 3 * fitting)]
    assert len(left) >= shared.FULL * fitting - 1


def test_nothing_is_kept_for_0(tmp_path: Path) -> None:
    runs = SharedRuns(tmp_path / "cache", 0)
    kept(runs)
    assert runs.find(NAME, PARAMS) is None and not (tmp_path / "cache").exists()


def test_a_run_larger_than_memory_should_hold_is_not_kept(runs: SharedRuns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "LARGEST", recording.size(FRAMES) - 1)
    assert files(kept(runs)) == []


def test_only_its_owner_may_read_or_write_the_directory(tmp_path: Path) -> None:
    loose = tmp_path / SUBDIRECTORY
    loose.mkdir()
    loose.chmod(0o777)
    runs = SharedRuns(tmp_path, 512)
    assert runs._directory == loose
    assert stat.S_IMODE(runs._directory.stat().st_mode) == 0o700
    assert [stat.S_IMODE(file.stat().st_mode) for file in files(kept(runs))] == [0o600]


def test_writing_holds_up_nobody_and_what_waits_is_bounded(runs: SharedRuns, monkeypatch: pytest.MonkeyPatch) -> None:
    slow, encode, encoded = threading.Event(), recording.encode, []

    def encode_slowly(params: Any, frames: Sequence[Frame]) -> bytes:
        slow.wait()
        encoded.append(params.seed)
        return encode(params, frames)

    monkeypatch.setattr(recording, "encode", encode_slowly)
    for seed in range(50):
        runs.keep(NAME, seeded(seed), FRAMES)
        assert runs.find(NAME, seeded(seed)) is None
    slow.set()
    runs.wait()
    assert encoded[0] == 0 and len(encoded) <= shared.LONGEST_QUEUE + 1


def empty(file: Path) -> None:
    file.write_bytes(b"")


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: SIZE // 2])


def flip(file: Path) -> None:
    file.write_bytes(bytes(255 - byte for byte in file.read_bytes()))


def swap(file: Path) -> None:
    file.write_bytes(recording.encode(seeded(8), FRAMES))


def end_early(file: Path) -> None:
    file.write_bytes(recording.encode(PARAMS, FRAMES[:-1]))


@pytest.mark.parametrize("damage", [empty, cut, flip, swap, end_early])
def test_a_damaged_run_is_deleted_with_a_line_in_the_log_and_can_be_kept_again(
    runs: SharedRuns, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    [file] = files(kept(runs))
    damage(file)
    assert runs.find(NAME, PARAMS) is None and files(runs) == []
    [line] = caplog.messages
    assert line.startswith("A finished run is ") and "deleted" in line
    assert kept(runs).find(NAME, PARAMS) is not None


def test_a_full_disk_costs_a_line_in_the_log_and_leaves_nothing_half_written(
    runs: SharedRuns, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as full:
        full.setattr(os, "replace", fail)
        for seed in range(5):
            kept(runs, seeded(seed))
    assert files(runs) == []
    assert caplog.messages == [f"Finished runs cannot be kept in {runs._directory}: No space left on device."]
    assert kept(runs).find(NAME, PARAMS) is not None


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
def test_a_disk_that_fills_up_while_a_run_is_written(
    runs: SharedRuns, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    partial = runs._directory / "run.partial"
    partial.symlink_to("/dev/full")
    monkeypatch.setattr(tempfile, "NamedTemporaryFile", lambda **_: partial.open("wb", buffering=0))
    assert files(kept(runs)) == []
    assert [message for message in caplog.messages if "No space left" in message]


def not_a_directory(place: Path) -> None:
    place.write_text("a file")


def a_file_in_its_place(place: Path) -> None:
    place.mkdir()
    (place / SUBDIRECTORY).write_text("a file")


@pytest.mark.parametrize("obstacle", [not_a_directory, a_file_in_its_place])
def test_a_directory_that_cannot_be_used_costs_a_line_in_the_log(
    tmp_path: Path, obstacle: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    obstacle(tmp_path / "cache")
    runs = SharedRuns(tmp_path / "cache", 512)
    assert len(caplog.messages) == 1 and caplog.messages[0].startswith("Finished runs cannot be kept in ")
    for seed in range(5):
        assert kept(runs, seeded(seed)).find(NAME, seeded(seed)) is None
    assert caplog.messages[1:] == [f"Finished runs cannot be read in {runs._directory}: Not a directory."]


def test_a_directory_that_may_not_be_written_costs_a_line_in_the_log(
    runs: SharedRuns, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kept(runs)
    monkeypatch.setattr(os, "access", lambda *_: False)  # Root may write everywhere.
    for seed in range(5):
        kept(runs, seeded(seed))
    assert caplog.messages == [f"Finished runs cannot be kept in {runs._directory}: Permission denied."]
    assert runs.find(NAME, PARAMS) is not None


def test_a_directory_that_is_missing_or_deleted_is_made(tmp_path: Path) -> None:
    runs = SharedRuns(tmp_path / "a" / "b", 512)
    [file] = files(kept(runs))
    file.unlink()
    runs._directory.rmdir()
    assert runs.find(NAME, PARAMS) is None
    assert kept(runs).find(NAME, PARAMS) is not None


def test_nothing_beside_its_own_directory_is_deleted(tmp_path: Path) -> None:
    mine = tmp_path / "mine.npz"
    mine.write_bytes(bytes(2_000_000))
    runs = SharedRuns(tmp_path, 1)
    for seed in range(2 + 1_000_000 // SIZE):
        kept(runs, seeded(seed))
    assert mine.stat().st_size == 2_000_000


def test_a_clock_that_jumps_loses_no_run(runs: SharedRuns, monkeypatch: pytest.MonkeyPatch) -> None:
    kept(runs, seeded(1))
    monkeypatch.setattr(time, "time", lambda: 0.0)
    kept(runs, seeded(2))
    assert runs.find(NAME, seeded(1)) is not None and runs.find(NAME, seeded(2)) is not None


def test_what_goes_well_is_not_worth_a_word(runs: SharedRuns, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        kept(runs).find(NAME, PARAMS)
    assert caplog.messages == []
