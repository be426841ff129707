"""Runs as bytes: what is written is read, and no other bytes are."""

import io
import pickle
import zipfile
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from core import book, recording, stored
from core.recording import Unreadable, decode, encode

NAME = "random_labels.early"
WHOLE = stored.path(NAME).read_bytes()


class Bomb:
    """Unpickled, it goes off."""

    def __reduce__(self) -> Any:
        return (pytest.fail, ("Somebody's pickle was read.",))


def archive(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=True, **arrays)
    return file.getvalue()


def test_a_run_survives() -> None:
    run = decode(WHOLE)
    again = decode(encode(book.lab(NAME).Params(), run))
    assert again.settings == run.settings and len(again) == len(run) == len(again[:])
    for now, before in zip(again, run, strict=True):
        assert (now.step, now.total) == (before.step, before.total)
        for name, array in before.values.items():
            np.testing.assert_array_equal(now.values[name], array)


@pytest.mark.parametrize(
    "planted",
    [
        pickle.dumps(Bomb()),
        archive(**{"frame step": np.array([Bomb()], dtype=object)}),
        archive(**{"lab settings": np.array(Bomb(), dtype=object), "frame step": np.arange(3)}),
    ],
    ids=["alone", "as steps", "as settings"],
)
def test_nobody_elses_pickle_is_read(planted: bytes) -> None:
    with pytest.raises(Unreadable):
        decode(planted)


def test_a_small_file_that_asks_for_all_memory_is_refused() -> None:
    zeros = archive(zeros=np.zeros(recording.LARGEST // 8 + 1000))
    assert len(zeros) < 200_000
    with pytest.raises(Unreadable, match="it holds more than 64 MB"):
        decode(zeros)


def test_a_header_that_asks_for_all_memory_is_refused() -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**15,)})
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as entries:
        entries.writestr("curve.npy", header.getvalue())
    with pytest.raises(Unreadable):
        decode(file.getvalue())


@examples(deadline=None)
@given(st.integers(0, len(WHOLE) - 1), st.binary(min_size=1, max_size=80))
def test_bytes_changed_anywhere_are_a_run_or_unreadable(at: int, junk: bytes) -> None:
    try:
        run = decode(WHOLE[:at] + junk + WHOLE[at + len(junk) :])
    except Unreadable as why:
        assert str(why)
    else:
        assert len(run) == len(decode(WHOLE))


@given(st.binary(max_size=300))
def test_any_bytes_are_unreadable(junk: bytes) -> None:
    with pytest.raises(Unreadable):
        decode(junk)
