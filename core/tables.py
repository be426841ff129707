"""A run's frames as a table for a spreadsheet or a notebook: one row for each step and net.

``step`` and the axes of :attr:`core.lab.Lab.rows` (``replica``, or ``batch_size`` and ``replica``) name the row. A
value with one number for each row is a column. One that lacks the last axes, or has one number only, is repeated along
them. Larger arrays (a curve on a grid, a list of bends) are columns only on demand, one for each number:
``prediction[0]``, ``prediction[1]``, … or, the same in all rows, ``hinges[0]``, …
"""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from core.lab import Array, Frame, Rows

if TYPE_CHECKING:
    import pandas as pd

LISTS = frozenset({"hinges"})
"""Arrays of one dimension that are never a number for each net, whatever their length."""


def frames_table(frames: Sequence[Frame], rows: Rows, curves: bool = False) -> "pd.DataFrame":
    """The frames, one row for each step and each combination of ``rows``; with ``curves``, every number there is."""
    import pandas as pd

    shape = tuple(len(places) for places in rows.values())
    size = math.prod(shape)
    columns = {"step": np.repeat([frame.step for frame in frames], size)}
    for axis, (name, places) in enumerate(rows.items()):
        one = np.repeat(np.tile(np.asarray(places), math.prod(shape[:axis])), math.prod(shape[axis + 1 :]))
        columns[name] = np.tile(one, len(frames))
    for name in frames[0].values if frames else ():
        stack = np.stack([frame.values[name] for frame in frames])
        columns |= dict(_columns(name, stack, shape, curves))
    return pd.DataFrame(columns)


def _columns(name: str, stack: Array, shape: tuple[int, ...], curves: bool) -> Iterator[tuple[str, Array]]:
    """The columns that the values ``stack`` ``(frames, …)`` of one name become."""
    size, own = math.prod(shape), stack.shape[1:]
    if name not in LISTS and (own[: len(shape)] == shape or own[:1] == (size,)):
        cells = stack.reshape(len(stack), size, -1)
    elif name not in LISTS and own and own == shape[: len(own)]:
        cells = np.repeat(stack.reshape(len(stack), -1, 1), size // math.prod(own), axis=1)
    else:
        cells = stack.reshape(len(stack), 1, -1)
    numbers = cells.shape[2]
    if numbers > 1 and not curves:
        return
    for index in range(numbers):
        column = np.broadcast_to(cells[:, :, index], (len(stack), size))
        yield name if numbers == 1 else f"{name}[{index}]", column.ravel()
