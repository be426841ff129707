"""What the tests of this chapter's labs share: finished runs."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from core.lab import Frame, replace

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
