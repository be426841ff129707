"""Compiled chunks of optimiser steps over S replicas.

One XLA program runs many steps. Learning rate, momentum, weight decay, data and batch order are its inputs, so
changing them never compiles again; only shapes, the activation and the optimiser's kind do.
"""

import math
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from core.lab import Array
from core.nets import Tensor, mlp

Shapes = tuple[tuple[int, ...], ...]

OPTIMIZERS = ("SGD", "momentum", "Adam")
MOMENTUM = 0.9
ADAM_DECAY = 0.999
ADAM_EPSILON = 1e-8

PREDICTED_TOGETHER = 64
"""Inputs are padded to a multiple of this, so that neighbouring numbers of them share one compiled program."""


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


def start(parameters: Sequence[Array], optimizer: str) -> Array:
    """What training changes, before the first step, from parameters ``(S, …)``: ``(2 or 3, S, P)``.

    All P parameters of a net, and the moments that the optimiser keeps of their gradients, packed into one array:
    every tensor that is handed to a compiled call costs some 40 µs.
    """
    packed = np.concatenate([np.reshape(p, (len(p), -1)) for p in parameters], axis=1)
    moments = 2 if optimizer == "Adam" else 1
    return np.stack([packed, *[np.zeros_like(packed)] * moments])


def batch_order(samples: int, batch_size: int, replicas: int, seed: int, first: int, steps: int) -> Array:
    """Indices ``(steps, S, B)`` of the batches of steps ``first`` onwards: every epoch a new permutation.

    Replica r's order depends on ``seed`` and r only. What does not fill a batch at an epoch's end is left out.
    """
    per_epoch = samples // batch_size
    order = np.empty((steps, replicas, batch_size), np.int32)
    for replica in range(replicas):
        epoch, permutation = -1, np.empty(0, np.int64)
        for row, step in enumerate(range(first, first + steps)):
            if step // per_epoch != epoch:
                epoch = step // per_epoch
                permutation = np.random.default_rng([seed, replica, epoch]).permutation(samples)
            begin = step % per_epoch * batch_size
            order[row, replica] = permutation[begin : begin + batch_size]
    return order


def pack(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors ``(S, …)`` side by side, ``(S, P)``."""
    return tf.concat([tf.reshape(tensor, (tensor.shape[0], -1)) for tensor in tensors], axis=1)


def unpack(packed: Tensor, shapes: Shapes) -> list[Tensor]:
    """The tensors ``(S, …)``, each of a net's ``shapes``, that lie side by side in ``packed`` ``(S, P)``."""
    parts = tf.split(packed, [math.prod(shape) for shape in shapes], axis=1)
    return [tf.reshape(part, (part.shape[0], *shape)) for part, shape in zip(parts, shapes, strict=True)]


def update(state: State, gradients: Sequence[Tensor], rates: Rates, adaptive: bool) -> State:
    """One step of Adam (Kingma and Ba, 2015), if ``adaptive``, else of SGD with momentum (Polyak, 1964).

    Weight decay is decoupled (Loshchilov and Hutter, 2019).
    """
    step = state.step + 1
    keep = 1 - rates.learning_rate * rates.weight_decay
    if adaptive:
        first = [rates.momentum * m + (1 - rates.momentum) * g for m, g in zip(state.first, gradients, strict=True)]
        second = [ADAM_DECAY * v + (1 - ADAM_DECAY) * g * g for v, g in zip(state.second, gradients, strict=True)]
        rate = rates.learning_rate / (1 - rates.momentum**step)
        scale = 1 / (1 - ADAM_DECAY**step)
        moves = [rate * m / (tf.sqrt(v * scale) + ADAM_EPSILON) for m, v in zip(first, second, strict=True)]
    else:
        first = [rates.momentum * m + g for m, g in zip(state.first, gradients, strict=True)]
        second = []
        moves = [rates.learning_rate * m for m in first]
    parameters = [keep * p - move for p, move in zip(state.parameters, moves, strict=True)]
    return State(parameters, first, second, step)


@cache
def trainer(activation: str, adaptive: bool) -> Any:
    """The compiled ``(packed, step, rates, data, order, steps, shapes) → (packed, step)``, see :func:`start`.

    Squared error of a fully connected net with parameters of ``shapes``, full batch or batched. ``rates`` are
    :class:`Rates` in one tensor; ``data`` is ``(n, 3)``: x, y, and weights that sum to 1 (0 pads); ``order`` is
    ``(steps, S, B)`` from :func:`batch_order`, or of length 0 for the full batch. For ``adaptive`` see :func:`update`.
    """

    def gradient(parameters: list[Tensor], x: Tensor, y: Tensor, weights: Tensor) -> list[Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(parameters)
            error = mlp(parameters, x, activation) - y
            # Replicas share no weights: the gradient of the sum is each one's own gradient.
            loss = tf.reduce_sum(tf.square(error) * weights[:, tf.newaxis])
        gradients: list[Tensor] = tape.gradient(loss, parameters)
        return gradients

    @tf.function(jit_compile=True, autograph=False, reduce_retracing=False)
    def train(
        packed: Tensor, step: Tensor, numbers: Tensor, data: Tensor, order: Tensor, steps: Tensor, shapes: Shapes
    ) -> tuple[Tensor, Tensor]:
        parameters, first, *second = [unpack(part, shapes) for part in tf.unstack(packed)]
        state = State(parameters, first, second[0] if adaptive else [], step)
        rates = Rates(*tf.unstack(numbers))
        x, y, weights = data[:, :1], data[:, 1:2], data[:, 2]
        batched = order.shape[0] > 0

        def body(i: Tensor, state: State) -> tuple[Tensor, State]:
            if batched:
                rows = order[i]
                share = tf.fill([order.shape[2]], 1 / order.shape[2])
                gradients = gradient(state.parameters, tf.gather(x, rows), tf.gather(y, rows), share)
            else:
                gradients = gradient(state.parameters, x, y, weights)
            return i + 1, update(state, gradients, rates, adaptive)

        state = tf.while_loop(lambda i, _: i < steps, body, (tf.constant(0), state))[1]
        parts = [part for part in (state.parameters, state.first, state.second) if part]
        return tf.stack([pack(part) for part in parts]), state.step

    return train


@cache
def predictor(activation: str) -> Any:
    """The compiled ``(packed, x, shapes) → outputs (S, n)`` at inputs ``(n,)``, see :func:`start`."""

    @tf.function(jit_compile=True, autograph=False)
    def predict(packed: Tensor, x: Tensor, shapes: Shapes) -> Tensor:
        return mlp(unpack(packed[0], shapes), x[:, tf.newaxis], activation)[:, :, 0]

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
        weights = np.where(np.arange(padded) < len(x), 1 / len(x), 0)
        columns = [np.pad(values, (0, padded - len(x))) for values in (x, y)]
        self._data = tf.constant(np.stack([*columns, weights], axis=1), tf.float32)
        self._shapes = tuple(tuple(p.shape[1:]) for p in parameters)
        self._train = trainer(activation, optimizer == "Adam")
        self._predict = predictor(activation)
        self._rates = tf.stack(rates(optimizer, learning_rate, weight_decay))
        self._packed = tf.constant(start(parameters, optimizer))
        self._steps = tf.constant(0.0)
        self._chosen: dict[tuple[int, ...], Any] = {}
        self._batch_size = batch_size if batch_size < len(x) else 0
        self._longest = 0
        self._seed = seed
        self.step = 0

    def advance(self, steps: int) -> None:
        """Take ``steps`` optimiser steps, in one compiled call."""
        if self._batch_size:
            # As long as the longest yet: fewer steps at the end share the compiled program.
            self._longest = max(self._longest, steps)
            order = batch_order(self._samples, self._batch_size, self._replicas, self._seed, self.step, self._longest)
        else:
            order = np.empty((0, 0, 0), np.int32)
        numbers = (self._rates, self._data, tf.constant(order), tf.constant(steps))
        self._packed, self._steps = self._call(self._train, order.shape, self._packed, self._steps, *numbers)
        self.step += steps

    def predict(self, x: Array) -> Array:
        """Outputs ``(S, n)`` at inputs ``(n,)``, float32."""
        padded = np.pad(x, (0, -len(x) % PREDICTED_TOGETHER))
        outputs = self._call(self._predict, padded.shape, self._packed, tf.constant(padded, tf.float32))
        return np.asarray(outputs)[:, : len(x)]

    @property
    def parameters(self) -> list[Array]:
        """The parameters now, as numpy arrays ``(S, …)``."""
        ends = np.cumsum([math.prod(shape) for shape in self._shapes])
        parts = np.split(np.asarray(self._packed)[0], ends[:-1], axis=1)
        return [part.reshape(-1, *shape) for part, shape in zip(parts, self._shapes, strict=True)]

    def _call(self, program: Any, shape: tuple[int, ...], *tensors: Tensor) -> Any:
        """What ``program`` makes of tensors of which only one varies, in its ``shape``.

        Finding the compiled program for its arguments takes TensorFlow longer than running a short one: it is found
        once.
        """
        if shape not in self._chosen:
            self._chosen[shape] = program.get_concrete_function(*tensors, self._shapes)
        return self._chosen[shape](*tensors, self._shapes)
