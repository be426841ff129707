"""Nets trained on MNIST-1D to the same loss, each kept where it first gets there, and how curved the loss is there."""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from core.data import mnist_1d
from core.lab import Array

if TYPE_CHECKING:
    from core.curvature import Objective

WIDTHS = (40, 100, 100, 10)
"""Units of the nets, inputs and outputs included; 15,210 weights and biases."""
EXAMPLES = 4000
LANCZOS_STEPS = 12
"""Products that find the top eigenvalue: after ten it is right to three digits."""
PROBE_SEEDS = 10_000
"""Nets have lower seeds. Probes drawn from the numbers that a net started from would not be independent of it."""
PROBES = 12
DIFFERENCE_PROBES = 4
SIGN_STEPS = 20
SIGN_SHARE = 0.2
"""Keskar's inner problem: so many steps along the gradient's signs, each of this share of the box."""


def noise_scale(batch_size: int, learning_rate: float) -> float:
    """εN/B, what the noise of plain SGD is governed by (Smith and Le, 2018), for the whole training set."""
    return learning_rate * EXAMPLES / batch_size


class Descent:
    """S nets trained by SGD an epoch at a time; each is kept as it was at its first epoch below the loss ``target``.

    ``reached`` ``(S,)`` are those epochs, NaN for nets that are still above; ``loss`` ``(S,)`` is the mean over the
    whole training set where a net is kept, or now. A ``target`` of 0 is never reached: what is kept is what is now.
    ``radius`` is that of :class:`core.classification.Classification`.
    """

    def __init__(
        self,
        batch_size: int,
        learning_rate: float,
        *,
        replicas: int,
        target: float,
        seed: int,
        radius: float = 0.0,
    ) -> None:
        from core.classification import Classification
        from core.nets import MLP

        self._target = target
        self._training = Classification(
            MLP(WIDTHS),
            mnist_1d().x,
            mnist_1d().y,
            replicas=replicas,
            learning_rate=learning_rate,
            batch_size=batch_size,
            radius=radius,
            seed=seed,
        )
        self.epoch = 0
        self.reached = np.full(replicas, np.nan)
        self.loss_now = self._training.training_scores().loss
        self.loss = self.loss_now.copy()
        self._kept = self.now

    def advance(self, epochs: int = 1) -> None:
        """Train ``epochs`` more, or until every net was kept or has diverged."""
        for _ in range(epochs):
            if self.done:
                return
            self.train()

    def train(self) -> None:
        """Train one epoch, whether or not every net was kept."""
        self._training.advance(self._training.steps_per_epoch)
        self.epoch += 1
        self.loss_now = self._training.training_scores().loss
        above = np.isnan(self.reached)
        self.loss[above] = self.loss_now[above]
        first = above & (self.loss_now < self._target)
        if first.any():
            self.reached[first] = self.epoch
            self._kept[first] = self.now[first]

    @property
    def done(self) -> bool:
        """Whether training longer would change nothing that is kept."""
        return bool(np.all(np.isfinite(self.reached) | ~np.isfinite(self.loss)))

    @property
    def now(self) -> Array:
        """The packed parameters as they are, ``(S, P)``."""
        return np.concatenate([np.reshape(part, (len(part), -1)) for part in self._training.parameters], axis=1)

    @property
    def kept(self) -> Array:
        """The packed parameters ``(S, P)``: of each net where it was kept, of others as they are."""
        return np.where(np.isfinite(self.reached)[:, np.newaxis], self._kept, self.now)


def shapes() -> tuple[tuple[int, ...], ...]:
    """Shapes of a net's weights and biases, in order."""
    return tuple(shape for fan_in, fan_out in pairwise(WIDTHS) for shape in ((fan_in, fan_out), (1, fan_out)))


def objective(examples: int = EXAMPLES, double: bool = False) -> "Objective":
    """The mean loss on the first ``examples`` of the training set, in float32 or, for differences, in float64."""
    from core.curvature import Objective
    from core.nets import MLP

    data = mnist_1d()
    dtype = np.float64 if double else np.float32
    return Objective(MLP(WIDTHS), shapes(), data.x[:examples], data.y[:examples], dtype=dtype)


@cache
def _mean_loss() -> Any:
    """The compiled ``(points, x, labels) → (S,)``, without the gradient that :class:`Objective` finds beside it."""
    import tensorflow as tf

    from core.classification import losses
    from core.nets import MLP
    from core.training import unpack

    @tf.function(jit_compile=True, autograph=False)
    def mean_loss(points: Any, x: Any, labels: Any) -> Any:
        wanted = tf.repeat(labels[tf.newaxis], points.shape[0], axis=0)
        return tf.reduce_mean(losses(MLP(WIDTHS)(unpack(points, shapes()), x), wanted, "cross-entropy"), axis=1)

    return mean_loss


def training_loss(points: Array) -> Array:
    """The mean loss on the whole training set at points ``(S, P)``, ``(S,)``."""
    import tensorflow as tf

    data = mnist_1d()
    return np.asarray(_mean_loss()(tf.constant(points, tf.float32), tf.constant(data.x), tf.constant(data.y)))


def test_accuracy(points: Array) -> Array:
    """The share of the test set that nets ``(S, P)`` get right, ``(S,)``."""
    hidden, begin = mnist_1d().x_test[np.newaxis], 0
    layers = [shape for shape in shapes() if shape[0] > 1]
    for inputs, outputs in layers:
        end = begin + inputs * outputs
        weights = points[:, begin:end].reshape(-1, inputs, outputs)
        hidden = hidden @ weights + points[:, np.newaxis, end : end + outputs]
        begin = end + outputs
        if (inputs, outputs) != layers[-1]:
            hidden = np.maximum(hidden, 0)
    right = hidden.argmax(axis=2) == mnist_1d().y_test
    return np.asarray(right.mean(axis=1))


def measures(objective: "Objective", point: Array, epsilon: float, seed: int) -> Iterator[dict[str, float]]:
    """How curved the loss is at one net ``(1, P)``, by exact products, one number after the other.

    The ``top_eigenvalue`` (with its sign) and its ``residual``; the ``trace`` and its ``trace_error``, one standard
    error; and the ``sharpness`` of :func:`keskar_sharpness`.
    """
    from core.curvature import hutchinson

    yield top_eigenvalue(objective, point, seed)
    trace = hutchinson(objective.product(point), 1, point.shape[1], PROBES, seed)
    yield {"trace": trace.mean[0], "trace_error": trace.error[0]}
    yield {"sharpness": keskar_sharpness(objective, point, epsilon)[0]}


def probe_seed(seed: int, replica: int) -> int:
    """The seed of what probes a net, apart from the seeds that nets start from."""
    return PROBE_SEEDS + 10 * seed + replica


def top_eigenvalue(objective: "Objective", point: Array, seed: int) -> dict[str, float]:
    """The first of :func:`measures`."""
    from core.curvature import lanczos

    found = lanczos(objective.product(point), 1, point.shape[1], LANCZOS_STEPS, seed)
    return {"top_eigenvalue": found.high[0], "residual": found.high_residual[0]}


def keskar_sharpness(objective: "Objective", point: Array, epsilon: float) -> Array:
    """Keskar et al.'s (2017) φ of nets ``(S, P)``, in per cent, ``(S,)``; A is the identity: the full space.

    100·(max f(x + z) − f(x)) / (1 + f(x)) over the box |z_i| ≤ ε(|x_i| + 1). The maximum is sought by
    ``SIGN_STEPS`` projected steps along the signs of the gradient, so what is returned is a lower bound.
    """
    width = epsilon * (np.abs(point) + 1)
    away = np.zeros_like(point)
    for _ in range(SIGN_STEPS):
        uphill = np.sign(objective.gradient(point + away))
        away = np.clip(away + SIGN_SHARE * width * uphill, -width, width)
    here = objective.loss(point)
    return np.asarray(100 * (objective.loss(point + away) - here) / (1 + here))


def difference_ratios(
    objective: "Objective", precise: "Objective", point: Array, lengths: Sequence[float]
) -> Iterator[float]:
    """The trace at one net ``(1, P)`` by differences, over the exact one with the same probes, for each step length.

    Differences, (∇f(x + hv) − ∇f(x)) / h in place of Hv, also measure how the gradient jumps at the ReLU kinks
    that lie between x and x + hv. The shorter the step, the fewer are crossed, and the more each of them weighs:
    their share does not vanish before no kink is crossed at all. ``precise`` is the loss in float64.
    """
    from core.curvature import hutchinson

    exact = hutchinson(objective.product(point), 1, point.shape[1], DIFFERENCE_PROBES, PROBE_SEEDS).mean[0]
    here, gradient = point.astype(np.float64), precise.gradient(point)
    for length in lengths:

        def between(vectors: Array, length: float = length) -> Array:
            return np.asarray((precise.gradient(here + length * vectors) - gradient) / length)

        yield hutchinson(between, 1, point.shape[1], DIFFERENCE_PROBES, PROBE_SEEDS).mean[0] / exact


def percent(share: float) -> str:
    """A share as the text states it."""
    return f"{100 * share:.1f} %"
