"""A finished run as bytes, and back: an npz archive, read without unpickling anything.

It holds, for every name, the values of all frames in one array ``(frames, …)``; the frames' steps; and the settings
as JSON. Numbers keep their type, but for curves: float32 arrays of more than :data:`SMALL` numbers a frame are kept as
float16 where that moves no number by more than 1/2000 of the largest, a fraction of a pixel in a figure. So errors and
bends, which are drawn on logarithmic axes or counted, stay as they were computed.
"""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.lab import Array, Frame, Value, settings

SMALL = 256
LARGEST = 64_000_000
"""Bytes that a run's arrays may take in memory; a small file could ask for more than there is."""
STEP, TOTAL, SETTINGS = "frame step", "frame total", "lab settings"
"""What an archive holds beside values, under names that no value has."""


class Unreadable(Exception):
    """Why bytes are no run; the message is a part of a sentence."""


@dataclass(frozen=True, eq=False)
class Recording(Sequence[Frame]):
    """The frames of a finished run, whose arrays are read-only, with its settings by name."""

    frames: tuple[Frame, ...]
    settings: Mapping[str, Value]

    def __len__(self) -> int:
        """How many frames."""
        return len(self.frames)

    def __getitem__(self, index: Any) -> Any:
        """A frame, or a tuple of them for a slice."""
        return self.frames[index]


def size(frames: Sequence[Frame]) -> int:
    """How many bytes a run's arrays take in memory."""
    return sum(value.nbytes for frame in frames for value in frame.values.values())


def encode(params: Any, frames: Sequence[Frame]) -> bytes:
    """A run with these settings as bytes: the same ones for the same run."""
    arrays = {value: _small(stack) for value, stack in _stacks(frames).items()}
    arrays[STEP] = np.array([frame.step for frame in frames])
    arrays[TOTAL] = np.array([frame.total for frame in frames])
    arrays[SETTINGS] = np.array(json.dumps(settings(params)))
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # numpy's flag is taken for one of ours
    return file.getvalue()


def decode(data: bytes) -> Recording:
    """The run that :func:`encode` made these bytes of. Raises :class:`Unreadable` for any others."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            if sum(entry.file_size for entry in arrays.zip.infolist()) > LARGEST:
                raise ValueError(f"it holds more than {LARGEST // 10**6} MB")
            stacks = {value: _full(array) for value, array in arrays.items()}
        steps, totals = stacks.pop(STEP).tolist(), stacks.pop(TOTAL).tolist()
        stored = json.loads(str(stacks.pop(SETTINGS)))
        frames = tuple(
            Frame(step, total, {value: stack[index] for value, stack in stacks.items()})
            for index, (step, total) in enumerate(zip(steps, totals, strict=True))
        )
    # Zip, zlib, numpy and JSON each have errors of their own, and strange bytes bring others out of them.
    except Exception as error:
        raise Unreadable(" ".join(f"{error}".split()) or type(error).__name__) from error
    return Recording(frames, stored)


def _stacks(frames: Sequence[Frame]) -> dict[str, Array]:
    return {value: np.stack([frame.values[value] for frame in frames]) for value in frames[0].values}


def _small(stack: Array) -> Array:
    if stack.dtype != np.float32 or stack[0].size <= SMALL:
        return stack
    with np.errstate(over="ignore"):
        half = stack.astype(np.float16)
    largest = np.abs(stack).max(where=np.isfinite(stack), initial=0.0)
    return half if np.allclose(half, stack, rtol=0, atol=largest / 2000, equal_nan=True) else stack


def _full(stack: Array) -> Array:
    full = stack.astype(np.float32) if stack.dtype == np.float16 else stack
    full.flags.writeable = False  # Every reader is handed the same arrays.
    return full
