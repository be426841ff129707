"""A run's frames as a table for a spreadsheet or a notebook: one row for each step and net.

``step`` and ``replica`` (from 0) name the row. Every value that holds one number a net is a column: arrays of one
dimension, as long as there are nets. Most such arrays have the same length, and that length is the number of nets;
:data:`LISTS` may have it by chance. An array of one number is a column too, repeated for every net. Larger arrays (a
curve on a grid, a list of bends) are columns only on demand, one for each number: ``prediction[0]``,
``prediction[1]``, … or, the same for all nets, ``hinges[0]``, …
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from core.lab import Array, Frame

LISTS = frozenset({"hinges"})
"""Arrays of one dimension that are never a number for each net, whatever their length."""


def frames_table(frames: Sequence[Frame], curves: bool = False) -> pd.DataFrame:
    """The frames, one row for each step and net; with ``curves``, every number of every array."""
    if not frames:
        return pd.DataFrame({"step": np.empty(0, int), "replica": np.empty(0, int)})
    replicas = count_replicas(frames[0].values)
    columns = {
        "step": np.repeat([frame.step for frame in frames], replicas),
        "replica": np.tile(np.arange(replicas), len(frames)),
    }
    for name in frames[0].values:
        stack = np.stack([frame.values[name] for frame in frames])
        columns |= dict(_columns(name, stack, replicas, curves))
    return pd.DataFrame(columns)


def count_replicas(values: Mapping[str, Array]) -> int:
    """How many nets a frame's values speak of: the commonest length of an array of one dimension, 1 if none."""
    lengths = Counter(len(value) for name, value in values.items() if value.ndim == 1 and name not in LISTS)
    return max(lengths, key=lambda length: (lengths[length], -length), default=1)


def _columns(name: str, stack: Array, replicas: int, curves: bool) -> Iterator[tuple[str, Array]]:
    """The columns that the values ``stack`` ``(frames, …)`` of one name become."""
    own = stack.ndim > 1 and stack.shape[1] == replicas and name not in LISTS
    cells = stack.reshape(len(stack), replicas if own else 1, -1)
    numbers = cells.shape[2]
    if numbers > 1 and not curves:
        return
    for index in range(numbers):
        column = np.broadcast_to(cells[:, :, index], (len(stack), replicas))
        yield name if numbers == 1 else f"{name}[{index}]", column.ravel()
