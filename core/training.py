"""Compiled chunks of optimiser steps over S replicas.

One XLA program runs many steps. Learning rate, momentum, weight decay, data and batch order are its inputs, so
changing them never compiles again; only shapes, the activation and the optimiser's kind do.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from core.lab import Array
from core.nets import Tensor, mlp

OPTIMIZERS = ("SGD", "momentum", "Adam")
MOMENTUM = 0.9
ADAM_DECAY = 0.999
ADAM_EPSILON = 1e-8


class State(NamedTuple):
    """Where training stands: parameters, the optimiser's two moments (one for SGD), steps taken."""

    parameters: list[Tensor]
    first: list[Tensor]
    second: list[Tensor]
    step: Tensor


class Rates(NamedTuple):
    """An optimiser's numbers, as tensors: they change without compiling again."""

    learning_rate: Tensor
    momentum: Tensor
    weight_decay: Tensor


def rates(optimizer: str, learning_rate: float, weight_decay: float = 0.0) -> Rates:
    """The numbers of an optimiser of :data:`OPTIMIZERS`; plain SGD is momentum 0."""
    momentum = 0.0 if optimizer == "SGD" else MOMENTUM
    return Rates(*(tf.constant(value, tf.float32) for value in (learning_rate, momentum, weight_decay)))


def start(parameters: Sequence[Array], optimizer: str) -> State:
    """The state before the first step, from parameters ``(S, …)``."""
    tensors = [tf.constant(p) for p in parameters]
    second = [tf.zeros_like(p) for p in tensors] if optimizer == "Adam" else []
    return State(tensors, [tf.zeros_like(p) for p in tensors], second, tf.constant(0.0))


def batch_order(samples: int, batch_size: int, replicas: int, seed: int, first: int, steps: int) -> Array:
    """Indices ``(steps, S, B)`` of the batches of steps ``first`` onwards: every epoch a new permutation.

    Replica r's order depends on ``seed`` and r only. What does not fill a batch at an epoch's end is left out.
    """
    per_epoch = samples // batch_size
    order = np.empty((steps, replicas, batch_size), np.int32)
    for replica in range(replicas):
        epoch, permutation = -1, np.empty(0, np.int32)
        for row, step in enumerate(range(first, first + steps)):
            if step // per_epoch != epoch:
                epoch = step // per_epoch
                permutation = np.random.default_rng([seed, replica, epoch]).permutation(samples)
            begin = step % per_epoch * batch_size
            order[row, replica] = permutation[begin : begin + batch_size]
    return order


@cache
def trainer(activation: str, adaptive: bool) -> Any:
    """The compiled ``(state, rates, x, y, weights, order, steps) → state``.

    Squared error of a fully connected net, full batch or batched. ``x`` is ``(n, in)``, ``y`` ``(n, out)``,
    ``weights`` ``(n,)`` sum to 1 (0 pads); ``order`` is ``(steps, S, B)`` from :func:`batch_order`, or of length 0
    for the full batch. ``adaptive`` is Adam (Kingma and Ba, 2015), else SGD with momentum (Polyak, 1964); weight
    decay is decoupled (Loshchilov and Hutter, 2019).
    """

    def gradient(parameters: list[Tensor], x: Tensor, y: Tensor, weights: Tensor) -> list[Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(parameters)
            error = mlp(parameters, x, activation) - y
            # Replicas share no weights: the gradient of the sum is each one's own gradient.
            loss = tf.reduce_sum(tf.square(error) * weights[:, tf.newaxis])
        gradients: list[Tensor] = tape.gradient(loss, parameters)
        return gradients

    def update(state: State, gradients: list[Tensor], rates: Rates) -> State:
        step = state.step + 1
        keep = 1 - rates.learning_rate * rates.weight_decay
        if adaptive:
            first = [rates.momentum * m + (1 - rates.momentum) * g for m, g in zip(state.first, gradients)]
            second = [ADAM_DECAY * v + (1 - ADAM_DECAY) * g * g for v, g in zip(state.second, gradients)]
            rate = rates.learning_rate / (1 - rates.momentum**step)
            scale = 1 / (1 - ADAM_DECAY**step)
            moves = [rate * m / (tf.sqrt(v * scale) + ADAM_EPSILON) for m, v in zip(first, second)]
        else:
            first = [rates.momentum * m + g for m, g in zip(state.first, gradients)]
            second = []
            moves = [rates.learning_rate * m for m in first]
        parameters = [keep * p - move for p, move in zip(state.parameters, moves)]
        return State(parameters, first, second, step)

    @tf.function(jit_compile=True, autograph=False, reduce_retracing=False)
    def train(
        state: State, rates: Rates, x: Tensor, y: Tensor, weights: Tensor, order: Tensor, steps: Tensor
    ) -> State:
        batched = order.shape[0] > 0

        def body(i: Tensor, state: State) -> tuple[Tensor, State]:
            if batched:
                rows = order[i]
                share = tf.fill([order.shape[2]], 1 / order.shape[2])
                gradients = gradient(state.parameters, tf.gather(x, rows), tf.gather(y, rows), share)
            else:
                gradients = gradient(state.parameters, x, y, weights)
            return i + 1, update(state, gradients, rates)

        return tf.while_loop(lambda i, _: i < steps, body, (tf.constant(0), state))[1]

    return train


@cache
def predictor(activation: str) -> Any:
    """The compiled ``(parameters, x) → outputs (S, n, out)``."""

    @tf.function(jit_compile=True, autograph=False)
    def predict(parameters: list[Tensor], x: Tensor) -> Tensor:
        return mlp(parameters, x, activation)

    return predict


class Training:
    """S fully connected nets on one regression set, advanced some steps at a time.

    ``x`` and ``y`` are ``(n,)``. They are padded to a power of two with weight 0, so that neighbouring numbers of
    points share one compiled program. ``batch_size`` 0 (or n and above) means the full batch.
    """

    def __init__(
        self,
        x: Array,
        y: Array,
        parameters: Sequence[Array],
        *,
        activation: str,
        optimizer: str,
        learning_rate: float,
        weight_decay: float = 0.0,
        batch_size: int = 0,
        seed: int = 0,
    ) -> None:
        self._samples, self._replicas = len(x), len(parameters[0])
        padded = max(16, 1 << (len(x) - 1).bit_length())
        self._x = tf.constant(np.pad(x, (0, padded - len(x)))[:, None], tf.float32)
        self._y = tf.constant(np.pad(y, (0, padded - len(y)))[:, None], tf.float32)
        weights = np.where(np.arange(padded) < len(x), 1 / len(x), 0)
        self._weights = tf.constant(weights, tf.float32)
        self._train = trainer(activation, optimizer == "Adam")
        self._predict = predictor(activation)
        self._rates = rates(optimizer, learning_rate, weight_decay)
        self._state = start(parameters, optimizer)
        self._batch_size = batch_size if batch_size < len(x) else 0
        self._seed = seed
        self.step = 0

    def advance(self, steps: int) -> None:
        """Take ``steps`` optimiser steps, in one compiled call."""
        if self._batch_size:
            order = batch_order(
                self._samples, self._batch_size, self._replicas, self._seed, self.step, steps
            )
        else:
            order = np.empty((0, 0, 0), np.int32)
        self._state = self._train(
            self._state,
            self._rates,
            self._x,
            self._y,
            self._weights,
            tf.constant(order),
            tf.constant(steps),
        )
        self.step += steps

    def predict(self, x: Array) -> Array:
        """Outputs ``(S, n)`` at inputs ``(n,)``, float32."""
        outputs = self._predict(self._state.parameters, tf.constant(x[:, None], tf.float32))
        return np.asarray(outputs)[:, :, 0]

    @property
    def parameters(self) -> list[Array]:
        """The parameters now, as numpy arrays ``(S, …)``."""
        return [np.asarray(p) for p in self._state.parameters]
