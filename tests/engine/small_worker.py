"""A real worker process with labs of its own and without TensorFlow, so that it starts at once."""

import ctypes
import sys
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

from core import book
from core.engine import worker
from core.lab import Frame

COMMAND = (sys.executable, "-m", "tests.engine.small_worker")


def count(params: int) -> Iterator[Frame]:
    """So many steps."""
    for step in range(params + 1):
        yield Frame(step, params, {"step": np.array([step])})


def hoard(params: int) -> Iterator[Frame]:
    """One step, and so many bytes that are kept for a while."""
    yield Frame(0, 2, {})
    kept = np.ones(params, np.uint8)
    yield Frame(1, 2, {})
    time.sleep(60)
    yield Frame(2, 2, {"sum": kept[:1]})


def hang(params: Any) -> Iterator[Frame]:
    """Never a second step."""
    yield Frame(0, 1, {})
    time.sleep(3600)


def doze(params: float) -> Iterator[Frame]:
    """A second step that takes so many seconds."""
    yield Frame(0, 1, {})
    time.sleep(params)
    yield Frame(1, 1, {})


def seize(params: Any) -> Iterator[Frame]:
    """Never a second step, nor anything else of this process: native code that keeps the interpreter to itself."""
    yield Frame(0, 1, {})
    ctypes.PyDLL(None).sleep(3600)


def use_labs() -> None:
    """Have this process know these labs only, and no TensorFlow; it gives signs of life often."""
    labs: dict[str, Any] = {run.__name__: SimpleNamespace(run=run) for run in (count, hoard, hang, doze, seize)}
    worker.BEAT = 0.2
    worker.LONGEST_COMPILE = 2.0
    book.lab = labs.__getitem__  # type: ignore[assignment]
    worker.find_device = lambda: "no device"


if __name__ == "__main__":
    use_labs()
    worker.main()
