"""Nets as pure functions of their parameters, S replicas at once.

Parameters are a list ``[W1, b1, W2, b2, …]`` with weights ``(S, in, out)`` and biases ``(S, 1, out)``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

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


class Net(Protocol):
    """A kind of net, comparable by value: parameters to start from, and outputs ``(S, n, out)`` for them.

    Inputs are ``(n, in)`` or ``(S, n, in)``; parameters are ``[W1, b1, …]``, each ``(S, …)``.
    """

    def initial(self, replicas: int, seed: int, dtype: Any = np.float32) -> list[Array]:
        """Random parameters; replica r depends on ``seed`` and r only."""

    def __call__(self, parameters: Sequence[Tensor], x: Tensor) -> Tensor:
        """Outputs ``(S, n, out)``."""

    def __hash__(self) -> int:
        """Compiled programs are kept by net."""


@dataclass(frozen=True)
class MLP:
    """A fully connected net of layer widths ``sizes``, inputs and outputs included."""

    sizes: tuple[int, ...]
    activation: str = "ReLU"

    def initial(self, replicas: int, seed: int, dtype: Any = np.float32) -> list[Array]:
        """See :func:`initial_mlp`."""
        return initial_mlp(self.sizes, replicas, seed, dtype)

    def __call__(self, parameters: Sequence[Tensor], x: Tensor) -> Tensor:
        """See :func:`mlp`."""
        return mlp(parameters, x, self.activation)


@dataclass(frozen=True)
class CNN:
    """Convolutions of stride 2 with ReLU, then a linear layer: for ``image`` (height, width), given as flat rows.

    Images of height 1 are signals. ``channels`` are the outputs of each convolution, ``kernel`` their width (and
    height, unless it is 1); borders are padded with zeros.
    """

    image: tuple[int, int]
    channels: tuple[int, ...]
    outputs: int
    kernel: int = 3

    def initial(self, replicas: int, seed: int, dtype: Any = np.float32) -> list[Array]:
        """Weights of variance 2/fan_in (He et al., 2015), biases 0. Kernels are ``(S, k_h·k_w·in, out)``."""
        taps = self.kernel if self.image[0] == 1 else self.kernel**2
        fans = [taps * channels for channels in (1, *self.channels[:-1])]
        height, width = self.image
        for _ in self.channels:
            height, width = -(-height // 2), -(-width // 2)
        sizes = [*zip(fans, self.channels, strict=True), (height * width * self.channels[-1], self.outputs)]
        columns = []
        for replica in range(replicas):
            rng = np.random.default_rng([seed, replica])
            column = []
            for fan_in, fan_out in sizes:
                column += [rng.normal(size=(fan_in, fan_out)) * np.sqrt(2 / fan_in), np.zeros((1, fan_out))]
            columns.append(column)
        return [np.stack(arrays).astype(dtype) for arrays in zip(*columns, strict=True)]

    def __call__(self, parameters: Sequence[Tensor], x: Tensor) -> Tensor:
        """Outputs ``(S, n, out)``: each convolution gathers its patches, and is one matrix product a replica."""
        x = x if len(x.shape) == 3 else x[tf.newaxis]
        *convolutions, weights, biases = parameters
        (height, width), channels = self.image, 1
        for kernel, bias in zip(convolutions[::2], convolutions[1::2], strict=True):
            images = tf.reshape(x, (x.shape[0], x.shape[1], height, width, channels))
            height, width, channels = -(-height // 2), -(-width // 2), kernel.shape[2]
            patches = tf.reshape(self._patches(images), (x.shape[0], x.shape[1] * height * width, kernel.shape[1]))
            x = tf.reshape(tf.nn.relu(tf.matmul(patches, kernel) + bias), (kernel.shape[0], x.shape[1], -1))
        return tf.matmul(x, weights) + biases

    def _patches(self, images: Tensor) -> Tensor:
        """What each tap of the kernel sees at every second place, ``(S, n, h, w, taps·channels)``."""
        rows, columns = (1 if side == 1 else self.kernel for side in self.image)
        height, width = images.shape[2:4]
        around = [(0, 0), (0, 0), (rows // 2, rows // 2), (columns // 2, columns // 2), (0, 0)]
        padded = tf.pad(images, around)
        taps = [
            padded[:, :, row : row + height : 2, column : column + width : 2]
            for row in range(rows)
            for column in range(columns)
        ]
        return tf.concat(taps, axis=-1)
