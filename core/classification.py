"""Nets that learn labels: loss, accuracy, and compiled training over S replicas.

Each replica may have labels of its own, and one of several sets of inputs: so one program trains every condition of
an experiment at once.
"""

from functools import cache
from typing import Any, Literal, NamedTuple

import numpy as np
import tensorflow as tf

from core.lab import Array
from core.nets import Net, Tensor
from core.training import Rates, State, batch_order, pack, start, unpack, update

Loss = Literal["cross-entropy", "squared"]

PREDICTED_TOGETHER = 1024
"""Examples are evaluated so many at a time: that bounds the memory."""


def losses(outputs: Tensor, labels: Tensor, loss: Loss) -> Tensor:
    """The loss of each example, ``(S, n)``: of outputs ``(S, n, classes)`` on labels ``(S, n)``.

    Cross-entropy of the softmax, in nats; or half the squared distance to the label's unit vector.
    """
    if loss == "cross-entropy":
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, outputs)
    wanted = tf.one_hot(labels, outputs.shape[-1], dtype=outputs.dtype)
    return tf.reduce_sum(tf.square(outputs - wanted), axis=-1) / 2


class Scores(NamedTuple):
    """How nets do on examples: mean loss and share of right answers, each ``(S,)``."""

    loss: Array
    accuracy: Array


def _gradient(net: Net, parameters: list[Tensor], x: Tensor, labels: Tensor, loss: Loss) -> list[Tensor]:
    with tf.GradientTape() as tape:
        tape.watch(parameters)
        # Replicas share no weights: the gradient of the sum is each one's own gradient.
        total = tf.reduce_sum(tf.reduce_mean(losses(net(parameters, x), labels, loss), axis=1))
    gradients: list[Tensor] = tape.gradient(total, parameters)
    return gradients


@cache
def _trainer(net: Net, loss: Loss, adaptive: bool, sharpness_aware: bool) -> Any:
    """The compiled ``(packed, step, rates, radius, x, which, labels, order, steps, shapes) → (packed, step)``.

    ``packed`` is what :func:`core.training.start` gives; ``x`` is ``(C, n, d)``, of which replica r reads
    ``x[which[r]]``; ``labels`` are ``(S, n)``; ``order`` is ``(steps, S, B)``, or of length 0 for the full batch.
    """

    @tf.function(jit_compile=True, autograph=False)
    def train(
        packed: Tensor,
        step: Tensor,
        numbers: Tensor,
        radius: Tensor,
        x: Tensor,
        which: Tensor,
        labels: Tensor,
        order: Tensor,
        steps: Tensor,
        shapes: Any,
    ) -> tuple[Tensor, Tensor]:
        parameters, first, *second = [unpack(part, shapes) for part in tf.unstack(packed)]
        state = State(parameters, first, second[0] if adaptive else [], step)
        rates = Rates(*tf.unstack(numbers))
        sets, samples, inputs = x.shape
        rows = tf.reshape(x, (sets * samples, inputs))
        replicas = labels.shape[0]
        whole = x if sets == 1 else tf.gather(x, which)

        def batch(i: Tensor) -> tuple[Tensor, Tensor]:
            if not order.shape[0]:
                return whole, labels
            chosen = order[i]
            here = tf.range(replicas)[:, tf.newaxis] * samples + chosen
            return (
                tf.gather(rows, which[:, tf.newaxis] * samples + chosen),
                tf.gather(tf.reshape(labels, [-1]), here),
            )

        def body(i: Tensor, state: State) -> tuple[Tensor, State]:
            inputs, wanted = batch(i)
            gradients = _gradient(net, state.parameters, inputs, wanted, loss)
            if sharpness_aware:
                uphill = pack(gradients)
                length = tf.norm(uphill, axis=1, keepdims=True)
                away = unpack(pack(state.parameters) + radius * uphill / tf.maximum(length, 1e-12), shapes)
                gradients = _gradient(net, away, inputs, wanted, loss)
            return i + 1, update(state, gradients, rates, adaptive)

        state = tf.while_loop(lambda i, _: i < steps, body, (tf.constant(0), state))[1]
        parts = [part for part in (state.parameters, state.first, state.second) if part]
        return tf.stack([pack(part) for part in parts]), state.step

    return train


@cache
def _evaluator(net: Net, loss: Loss) -> Any:
    """The compiled ``(packed, x, which, labels, shapes) → (sum of losses, right answers)``, each ``(S,)``.

    An example with label −1 counts for nothing.
    """

    @tf.function(jit_compile=True, autograph=False)
    def evaluate(packed: Tensor, x: Tensor, which: Tensor, labels: Tensor, shapes: Any) -> tuple[Tensor, Tensor]:
        outputs = net(unpack(packed, shapes), x if x.shape[0] == 1 else tf.gather(x, which))
        counts = tf.cast(labels >= 0, outputs.dtype)
        total = tf.reduce_sum(losses(outputs, tf.maximum(labels, 0), loss) * counts, axis=1)
        right = tf.reduce_sum(tf.cast(tf.argmax(outputs, -1, tf.int32) == labels, outputs.dtype), axis=1)
        return total, right

    return evaluate


class Classification:
    """S nets that learn labels, advanced some steps at a time.

    ``x`` is ``(n, d)``, or ``(C, n, d)`` for C sets of inputs, of which replica r learns ``x[which[r]]``. ``y`` is
    ``(n,)`` or, for labels of each replica's own, ``(S, n)``. ``batch_size`` 0 (or n and above) means the full batch.
    ``optimizer`` is “SGD”, whose ``momentum`` is 0 unless given, or “Adam”. ``radius`` above 0 makes each step
    sharpness-aware (Foret et al., 2021): the gradient is taken that far up its own direction, for twice the work.
    """

    def __init__(
        self,
        net: Net,
        x: Array,
        y: Array,
        *,
        replicas: int,
        learning_rate: float,
        momentum: float = 0.0,
        optimizer: str = "SGD",
        weight_decay: float = 0.0,
        batch_size: int = 0,
        loss: Loss = "cross-entropy",
        radius: float = 0.0,
        which: Array | None = None,
        parameters: list[Array] | None = None,
        seed: int = 0,
    ) -> None:
        self._net, self._loss, self._replicas, self._seed = net, loss, replicas, seed
        x = x if x.ndim == 3 else x[np.newaxis]
        self._samples = x.shape[1]
        self._x = tf.constant(x, tf.float32)
        self._which = tf.constant(np.zeros(replicas) if which is None else which, tf.int32)
        self._labels = tf.constant(np.broadcast_to(y, (replicas, self._samples)), tf.int32)
        parameters = net.initial(replicas, seed) if parameters is None else parameters
        self._shapes = tuple(tuple(p.shape[1:]) for p in parameters)
        self._packed = tf.constant(start(parameters, optimizer), tf.float32)
        self._steps = tf.constant(0.0)
        kept = 0.9 if optimizer == "Adam" else momentum
        self._numbers = tf.constant([learning_rate, kept, weight_decay], tf.float32)
        self._radius = tf.constant(radius, tf.float32)
        self._train = _trainer(net, loss, optimizer == "Adam", radius > 0)
        self._batch_size = batch_size if batch_size < self._samples else 0
        self._longest = 0
        self.step = 0

    @property
    def steps_per_epoch(self) -> int:
        """Steps in which every example is used once; what does not fill a batch is left out."""
        return self._samples // self._batch_size if self._batch_size else 1

    @property
    def epoch(self) -> float:
        """How often every example was used."""
        return self.step / self.steps_per_epoch

    def advance(self, steps: int) -> None:
        """Take ``steps`` optimiser steps, in one compiled call."""
        if self._batch_size:
            # As long as the longest yet: fewer steps at the end share the compiled program.
            self._longest = max(self._longest, steps)
            order = batch_order(self._samples, self._batch_size, self._replicas, self._seed, self.step, self._longest)
        else:
            order = np.empty((0, 0, 0), np.int32)
        self._packed, self._steps = self._train(
            self._packed,
            self._steps,
            self._numbers,
            self._radius,
            self._x,
            self._which,
            self._labels,
            tf.constant(order),
            tf.constant(steps),
            self._shapes,
        )
        self.step += steps

    def training_scores(self) -> Scores:
        """Loss and accuracy on each replica's own inputs and labels."""
        return self._scores(self._x, self._labels)

    def scores(self, x: Array, y: Array) -> Scores:
        """Loss and accuracy on inputs ``(n, d)`` or ``(C, n, d)`` with labels ``(n,)`` or ``(S, n)``."""
        x = x if x.ndim == 3 else x[np.newaxis]
        labels = np.broadcast_to(y, (self._replicas, x.shape[1]))
        return self._scores(tf.constant(x, tf.float32), tf.constant(labels, tf.int32))

    def _scores(self, x: Tensor, labels: Tensor) -> Scores:
        evaluate, samples = _evaluator(self._net, self._loss), x.shape[1]
        loss, right = np.zeros(self._replicas), np.zeros(self._replicas)
        for begin in range(0, samples, PREDICTED_TOGETHER):
            some, theirs = x[:, begin : begin + PREDICTED_TOGETHER], labels[:, begin : begin + PREDICTED_TOGETHER]
            if missing := -some.shape[1] % min(PREDICTED_TOGETHER, 256):
                some = tf.pad(some, [(0, 0), (0, missing), (0, 0)])
                theirs = tf.pad(theirs, [(0, 0), (0, missing)], constant_values=-1)
            found = evaluate(self._packed[0], some, self._which, theirs, self._shapes)
            loss, right = loss + found[0], right + found[1]
        return Scores(np.asarray(loss) / samples, np.asarray(right) / samples)

    @property
    def parameters(self) -> list[Array]:
        """The parameters now, as numpy arrays ``(S, …)``."""
        return [np.asarray(part) for part in unpack(self._packed[0], self._shapes)]
