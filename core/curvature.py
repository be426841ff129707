"""Exact second derivatives of a loss in the weights: products, spectra, extreme eigenvalues and traces.

Nothing here takes differences: across a ReLU's kink a difference measures the kink, and finds curvature where there
is none. A Hessian's product with v is the gradient of the gradient's part along v (Pearlmutter, 1994).
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from core.classification import Loss, losses
from core.lab import Array
from core.nets import Net, Tensor
from core.training import Shapes, pack, unpack

Product = Callable[[Array], Array]
"""Vectors ``(S, P)`` to the Hessian's products with them, ``(S, P)``, each replica by itself."""

COLUMNS_TOGETHER = 128
"""Columns of a full Hessian computed at once: that bounds the memory."""


@cache
def _derivatives(net: Net, loss: Loss) -> tuple[Any, Any]:
    """Compiled ``(packed, x, labels, shapes) → (loss, gradient)`` and, with vectors, ``→ product``."""

    def gradient(packed: Tensor, x: Tensor, labels: Tensor, shapes: Shapes) -> tuple[Tensor, Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(packed)
            outputs = net(unpack(packed, shapes), x)
            wanted = tf.repeat(labels[tf.newaxis], packed.shape[0], axis=0)
            mean = tf.reduce_mean(losses(outputs, wanted, loss), axis=1)
        return mean, tape.gradient(mean, packed)

    @tf.function(jit_compile=True, autograph=False)
    def first(packed: Tensor, x: Tensor, labels: Tensor, shapes: Shapes) -> tuple[Tensor, Tensor]:
        return gradient(packed, x, labels, shapes)

    @tf.function(jit_compile=True, autograph=False)
    def product(packed: Tensor, vectors: Tensor, x: Tensor, labels: Tensor, shapes: Shapes) -> Tensor:
        # Forward over reverse is as fast, takes twice as long to compile, and knows no slices of slices.
        with tf.GradientTape() as tape:
            tape.watch(packed)
            along = tf.reduce_sum(gradient(packed, x, labels, shapes)[1] * vectors)
        return tape.gradient(along, packed)

    return first, product


class Objective:
    """The mean loss of nets of one shape on examples ``x`` ``(n, d)``, ``y`` ``(n,)``, and its derivatives.

    Points are packed parameters ``(S, P)``, see :meth:`pack`: S nets at once, each by itself. In float64, unless
    ``dtype`` says float32, which is twice as fast, as exact a product, and rounds sooner.
    """

    def __init__(
        self,
        net: Net,
        shapes: Shapes,
        x: Array,
        y: Array,
        *,
        loss: Loss = "cross-entropy",
        dtype: Any = np.float64,
    ) -> None:
        self.shapes, self.dtype = shapes, dtype
        self._x = tf.constant(x, dtype)
        self._labels = tf.constant(y, tf.int32)
        self._first, self._product = _derivatives(net, loss)

    def pack(self, parameters: Sequence[Array]) -> Array:
        """Parameters, each ``(S, …)``, as one point ``(S, P)``."""
        return np.asarray(pack([tf.constant(p, self.dtype) for p in parameters]))

    def unpack(self, point: Array) -> list[Array]:
        """The parameters, each ``(S, …)``, of a point ``(S, P)``."""
        return [np.asarray(part) for part in unpack(tf.constant(point, self.dtype), self.shapes)]

    def loss(self, point: Array) -> Array:
        """The mean loss ``(S,)`` at ``(S, P)``."""
        return np.asarray(self._first(tf.constant(point, self.dtype), self._x, self._labels, self.shapes)[0])

    def gradient(self, point: Array) -> Array:
        """The gradient ``(S, P)`` at ``(S, P)``."""
        return np.asarray(self._first(tf.constant(point, self.dtype), self._x, self._labels, self.shapes)[1])

    def hessian_vector_product(self, point: Array, vectors: Array) -> Array:
        """The Hessian at ``(S, P)`` times ``vectors`` ``(S, P)``, exact."""
        here, along = tf.constant(point, self.dtype), tf.constant(vectors, self.dtype)
        return np.asarray(self._product(here, along, self._x, self._labels, self.shapes))

    def product(self, point: Array) -> Product:
        """The Hessian at ``(S, P)`` as a function of vectors."""
        here = tf.constant(point, self.dtype)

        def times(vectors: Array) -> Array:
            along = tf.constant(vectors, self.dtype)
            return np.asarray(self._product(here, along, self._x, self._labels, self.shapes))

        return times

    def hessian(self, point: Array) -> Array:
        """The whole Hessian ``(P, P)`` of one net at ``(P,)``: P products, many at once."""
        size = len(point)
        together = min(COLUMNS_TOGETHER, size)
        here = tf.constant(np.repeat(point[np.newaxis], together, axis=0), self.dtype)
        columns = np.zeros((size, size), self.dtype)
        for begin in range(0, size, together):
            first = min(begin, size - together)
            vectors = np.zeros((together, size), self.dtype)
            vectors[np.arange(together), first + np.arange(together)] = 1
            found = self._product(here, tf.constant(vectors), self._x, self._labels, self.shapes)
            columns[first : first + together] = found
        return (columns + columns.T) / 2


class Extremes(NamedTuple):
    """The two ends of a spectrum: eigenvalues ``(S,)``, unit eigenvectors ``(S, P)``, residuals ``(S,)``.

    An eigenvalue lies within its residual ‖Hv − λv‖ of the number given.
    """

    low: Array
    high: Array
    low_vector: Array
    high_vector: Array
    low_residual: Array
    high_residual: Array


def lanczos(product: Product, replicas: int, size: int, steps: int, seed: int, near: Array | None = None) -> Extremes:
    """The least and the greatest eigenvalue by ``steps`` products, with full reorthogonalisation (Lanczos, 1950).

    ``product`` maps ``(S, P)`` to ``(S, P)``. The starts are random, or a tenth random where unit vectors ``near``
    ``(S, P)`` are close to what is sought. The greatest is the greatest with its sign, not the greatest in size,
    which is what power iteration would return. A replica whose products are not finite has NaN.
    """
    steps = min(steps, size)
    start = np.stack([np.random.default_rng([seed, replica]).normal(size=size) for replica in range(replicas)])
    start /= np.linalg.norm(start, axis=1, keepdims=True)
    if near is not None:
        start = np.nan_to_num(near) + start / 10
        start /= np.linalg.norm(start, axis=1, keepdims=True)
    lost = np.zeros(replicas, bool)
    basis = np.zeros((replicas, steps + 1, size))
    basis[:, 0] = start
    diagonal, beside = np.zeros((replicas, steps)), np.zeros((replicas, steps))
    for j in range(steps):
        image = np.array(product(basis[:, j]), np.float64)
        lost |= ~np.isfinite(image).all(axis=1)
        image[lost] = 0
        diagonal[:, j] = np.einsum("sp,sp->s", basis[:, j], image)
        for _ in range(2):  # Once leaves rounding that grows into copies of the outer eigenvalues.
            image -= np.einsum("sk,skp->sp", np.einsum("skp,sp->sk", basis[:, : j + 1], image), basis[:, : j + 1])
        beside[:, j] = np.linalg.norm(image, axis=1)
        # A start that lies in few eigenvectors is exhausted early: what follows is zero, and adds nothing.
        largest = np.maximum(np.abs(diagonal[:, : j + 1]).max(axis=1), beside[:, :j].max(axis=1, initial=0))
        exhausted = beside[:, j] <= 1e-12 * largest
        beside[exhausted, j] = 0
        scale = np.where(exhausted, 1, beside[:, j])
        basis[:, j + 1] = np.where(exhausted[:, np.newaxis], 0, image / scale[:, np.newaxis])
    tridiagonal = np.zeros((replicas, steps, steps))
    along = np.arange(steps)
    tridiagonal[:, along, along] = diagonal
    tridiagonal[:, along[1:], along[:-1]] = tridiagonal[:, along[:-1], along[1:]] = beside[:, :-1]
    ends = _ends(tridiagonal, beside[:, -1], basis[:, :-1])
    for part in ends:
        part[lost] = np.nan
    return ends


def _ends(tridiagonal: Array, last: Array, basis: Array) -> Extremes:
    values, vectors = np.linalg.eigh(tridiagonal)
    # Rows that were never reached have an eigenvalue 0 that is not the Hessian's.
    reached = np.linalg.norm(basis, axis=2) > 0
    weight = np.einsum("skj,sk->sj", vectors**2, reached)
    kept = weight > 0.5
    low = np.where(kept, values, np.inf).argmin(axis=1)
    high = np.where(kept, values, -np.inf).argmax(axis=1)
    found = []
    for which in (low, high):
        rows = np.arange(len(values))
        coefficients = vectors[rows, :, which]
        residual = np.abs(last * coefficients[:, -1])
        found.append((values[rows, which], np.einsum("sk,skp->sp", coefficients, basis), residual))
    (low_value, low_vector, low_residual), (high_value, high_vector, high_residual) = found
    return Extremes(low_value, high_value, low_vector, high_vector, low_residual, high_residual)


class Trace(NamedTuple):
    """An estimated trace and its standard error, each ``(S,)``."""

    mean: Array
    error: Array


def hutchinson(product: Product, replicas: int, size: int, probes: int, seed: int, block: Array | None = None) -> Trace:
    """The trace by random signs: the mean of v·Hv over ``probes`` vectors (Hutchinson, 1990).

    ``block`` ``(P,)`` of 0 and 1 gives the trace of one diagonal block: probes are zero outside it, or products
    across blocks would add noise larger than a small block's trace.
    """
    mask = np.ones(size) if block is None else np.asarray(block, float)
    rngs = [np.random.default_rng([seed, replica]) for replica in range(replicas)]
    samples = np.empty((probes, replicas))
    for probe in range(probes):
        signs = np.stack([rng.choice((-1.0, 1.0), size) for rng in rngs]) * mask
        samples[probe] = np.einsum("sp,sp->s", signs, product(signs))
    error = samples.std(axis=0, ddof=1) / np.sqrt(probes) if probes > 1 else np.full(replicas, np.nan)
    return Trace(samples.mean(axis=0), error)
