"""Runs on a tenth of the training set, and what their frames would be if nets had diverged or were missing."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch

import numpy as np

from core.data import Labelled, mnist_1d
from core.experiments.sharp_flat_minima import minima
from core.lab import Array, Frame

EXAMPLES = 400


@cache
def few() -> Labelled:
    """The first rows of MNIST-1D."""
    x, y, x_test, y_test = mnist_1d()
    return Labelled(x[:EXAMPLES], y[:EXAMPLES], x_test[:EXAMPLES], y_test[:EXAMPLES])


@contextmanager
def few_examples() -> Iterator[None]:
    """Nets see the first rows only, and are measured in a few steps."""
    with (
        patch.object(minima, "mnist_1d", few),
        patch.object(minima, "PROBES", 3),
        patch.object(minima, "SIGN_STEPS", 5),
        patch.object(minima, "DIFFERENCE_PROBES", 2),
    ):
        yield


@cache
def finished(module: Any, **settings: Any) -> tuple[Any, tuple[Frame, ...]]:
    """Settings and frames of a small run of the lab in ``module``, made once for all tests."""
    params = module.LAB.Params(**settings)
    with few_examples():
        return params, tuple(module.LAB.run(params))


def altered(frames: Sequence[Frame], change: Callable[[dict[str, Array]], None]) -> list[Frame]:
    """The last frame with its values changed in place."""
    values = {name: np.array(value) for name, value in frames[-1].values.items()}
    change(values)
    return [Frame(frames[-1].step, frames[-1].total, values)]
