"""What the tests of this chapter's labs share: finished runs, and what every lab's figure must keep to."""

import json
import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from core import charts
from core.lab import Frame, Lab, replace

STEPS = 300


@cache
def finished(module: Any, **settings: Any) -> tuple[Any, tuple[Frame, ...]]:
    """Settings and frames of a short run of the lab in ``module``, trained once for all tests."""
    params = module.LAB.Params(**{"steps": STEPS, "replicas": 4} | settings)
    return params, tuple(module.LAB.run(params))


def diverged(frames: Sequence[Frame], nets: Sequence[int], untouched: Sequence[str] = ()) -> list[Frame]:
    """The last frame, as if the nets of these numbers had diverged."""
    values = {name: np.array(value, float) for name, value in frames[-1].values.items()}
    for name, value in values.items():
        if not name.startswith(tuple(untouched)) and name != "hinges":
            value[list(nets)] = np.nan
        elif name == "hinges" and 0 in nets:
            value[:] = np.nan
    return [Frame(frames[-1].step, frames[-1].total, values)]


def alone(params: Any, frames: Sequence[Frame]) -> tuple[Any, list[Frame]]:
    """The run of the first net by itself."""
    kept = {n: v[:1] if len(v) == params.replicas else v for n, v in frames[-1].values.items()}
    return replace(params, {"replicas": 1}), [Frame(frames[-1].step, frames[-1].total, kept)]


def check_run(frames: Sequence[Frame], steps: int) -> None:
    """Frames go from 0 to the last step, and hold the same names, shapes and types."""
    assert frames[0].step == 0 and frames[-1].step == frames[-1].total == steps
    assert [frame.step for frame in frames] == sorted({frame.step for frame in frames})
    kinds = {tuple((n, v.shape, v.dtype) for n, v in frame.values.items()) for frame in frames}
    assert len(kinds) == 1


def check_figure(lab: Lab[Any], params: Any, frames: Sequence[Frame], moving: Sequence[str]) -> None:
    """The data fill the panels, are short, and are JSON without NaN; what moves is less than 9 kB a frame."""
    for every in (False, True):
        filled = lab.data(params, frames, every)
        text = json.dumps(filled, allow_nan=False)
        assert not re.search(r"\d\.\d{7}", text)
        named: set[str] = set()
        for chart in lab.charts(params):
            named |= set(re.findall(r"'data': \{'name': '(\w+)'\}", str(charts.fill(chart, filled))))
        assert {name for name in named if not name.startswith("pinned_")} == set(filled)
        assert {name.removeprefix("pinned_") for name in named} <= set(filled) | {"dense_error"}
        assert any(name.startswith("pinned_") for name in named)
        assert all(len({len(column) for column in columns.values()}) == 1 for columns in filled.values())
        assert bool(filled["every"]["net"]) is every
        if not every:
            assert sum(len(json.dumps(filled[name])) for name in moving) < 9000
            before = lab.data(params, frames[:1], every)
            changed = {name for name in filled if before[name] != filled[name]}
            assert changed <= set(moving)


def check_sentence(text: str) -> None:
    """A sentence is whole, and says no “nan”."""
    assert text.endswith(".") and text[0].isupper() and "nan" not in text.lower().split() and "  " not in text
