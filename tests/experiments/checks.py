"""What every lab's run, figure and sentence must keep to."""

import json
import re
from collections.abc import Sequence
from typing import Any

from core import charts
from core.lab import Frame, Lab


def check_run(frames: Sequence[Frame], total: int) -> None:
    """Frames rise to the last step, and hold the same names, shapes and types."""
    assert frames[-1].step == frames[-1].total == total
    assert [frame.step for frame in frames] == sorted({frame.step for frame in frames})
    kinds = {tuple((n, v.shape, v.dtype) for n, v in frame.values.items()) for frame in frames}
    assert len(kinds) == 1


def check_figure(lab: Lab[Any], params: Any, frames: Sequence[Frame], moving: Sequence[str]) -> None:
    """The data fill the panels, are short, and are JSON without NaN; what moves is less than 9 kB a frame."""
    named: set[str] = set()
    for chart in lab.charts(params):
        named |= set(re.findall(r"'data': \{'name': '(\w+)'\}", str(chart.to_dict())))
    for every in (False, True):
        filled = lab.data(params, frames, every)
        assert not re.search(r"\d\.\d{7}", json.dumps(filled, allow_nan=False))
        for chart in lab.charts(params):
            charts.fill(chart, filled)
        assert {name for name in named if not name.startswith("pinned_")} == set(filled)
        assert all(len({len(column) for column in columns.values()}) == 1 for columns in filled.values())
        if "every" in filled:
            assert any(filled["every"].values()) is every
    filled = lab.data(params, frames, False)
    assert sum(len(json.dumps(filled[name])) for name in moving) < 9000
    before = lab.data(params, frames[:1], False)
    assert {name for name in filled if before[name] != filled[name]} <= set(moving)


def check_sentence(text: str) -> None:
    """A sentence is whole, and says no “nan”."""
    assert text.endswith(".") and text[0].isupper() and "nan" not in text.lower().split() and "  " not in text
