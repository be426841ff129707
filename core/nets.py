"""Nets as pure functions of their parameters, S replicas at once.

Parameters are a list ``[W1, b1, W2, b2, …]`` with weights ``(S, in, out)`` and biases ``(S, 1, out)``.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import tensorflow as tf

from core.lab import Array

Tensor = Any

ACTIVATIONS = {"ReLU": tf.nn.relu, "tanh": tf.math.tanh, "sigmoid": tf.math.sigmoid, "sine": tf.math.sin}


def initial_mlp(sizes: Sequence[int], replicas: int, seed: int, dtype: Any = np.float32) -> list[Array]:
    """Random parameters for a fully connected net of layer widths ``sizes``.

    Weights are normal with variance 2/fan_in (He et al., 2015), biases uniform in ±1/√fan_in, so that the hinges
    of a one-dimensional net start apart. Replica r depends on ``seed`` and r only, not on how many there are.
    """
    columns = []
    for replica in range(replicas):
        rng = np.random.default_rng([seed, replica])
        column = []
        for fan_in, fan_out in pairwise(sizes):
            column.append(rng.normal(size=(fan_in, fan_out)) * np.sqrt(2 / fan_in))
            column.append(rng.uniform(-1, 1, size=(1, fan_out)) / np.sqrt(fan_in))
        columns.append(column)
    return [np.stack(arrays).astype(dtype) for arrays in zip(*columns, strict=True)]


def mlp(parameters: Sequence[Tensor], x: Tensor, activation: str) -> Tensor:
    """Outputs ``(S, n, out)`` of a fully connected net at inputs ``(n, in)`` or ``(S, n, in)``."""
    nonlinear = ACTIVATIONS[activation]
    hidden = x if len(x.shape) == 3 else x[tf.newaxis]
    last = len(parameters) // 2 - 1
    for layer in range(last + 1):
        weights, biases = parameters[2 * layer], parameters[2 * layer + 1]
        # A product with one input is a scaling: XLA fuses it, while a matrix product would be a call.
        product = hidden * weights if weights.shape[1] == 1 else tf.matmul(hidden, weights)
        hidden = product + biases if layer == last else nonlinear(product + biases)
    return hidden
