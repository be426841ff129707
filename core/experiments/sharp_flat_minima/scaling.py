"""T_α, which rescales a ReLU net's layers against each other, and the law of its curvature (Dinh et al., 2017)."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from core.lab import Array

LANCZOS_STEPS = 40


def rescale(net: Sequence[Array], alpha: float, biases: bool = True) -> list[Array]:
    """T_α of ``[W1, b1, W2, b2]``, each ``(S, …)``: (αW1, αb1, W2/α, b2); without b1, unless ``biases``."""
    first, bias, second, last = net
    return [alpha * first, alpha * bias if biases else bias, second / alpha, last]


def outputs(net: Sequence[Array], x: Array, activation: str) -> Array:
    """Outputs ``(S, n, 10)`` of nets at inputs ``(n, 64)``, in the precision of its arguments."""
    first, bias, second, last = net
    before = x @ first + bias
    hidden = np.tanh(before) if activation == "tanh" else np.maximum(before, 0)
    return np.asarray(hidden @ second + last)


def blocks(net: Sequence[Array]) -> list[slice]:
    """Where the first layer, W2 and b2 lie among the P packed parameters."""
    first, bias, second, last = (part[0].size for part in net)
    ends = np.cumsum([0, first + bias, second, last]).tolist()
    return [slice(begin, end) for begin, end in pairwise(ends)]


def predicted(traces: Array, alpha: Array | float) -> Array:
    """tr H₁₁/α² + α² tr H_W₂W₂ + tr H_b₂b₂ from those three traces ``(3, …)``: exact for the same function."""
    return np.asarray(traces[0] / np.square(alpha) + traces[1] * np.square(alpha) + traces[2])


def flattest(traces: Array) -> Array:
    """The α of the least trace: (tr H₁₁ / tr H_W₂W₂)^¼, from the traces ``(3, …)``."""
    return np.asarray((traces[0] / traces[1]) ** 0.25)


def top(matrices: Array) -> Array:
    """The greatest eigenvalue ``(S,)`` of symmetric matrices ``(S, P, P)``."""
    from core.curvature import lanczos

    replicas, size, _ = matrices.shape
    # Unlike a product of stacked matrices, einsum starts no threads, which would wait for each other.
    return lanczos(lambda v: np.einsum("spq,sq->sp", matrices, v), replicas, size, LANCZOS_STEPS, 0).high


def bound(tops: Array, alpha: Array | float) -> Array:
    """What the greatest eigenvalue must reach at α: that of each diagonal block, from those at α = 1, ``(3, …)``."""
    return np.asarray(np.max([tops[0] / np.square(alpha), tops[1] * np.square(alpha), tops[2] + 0 * alpha], axis=0))


def mean_loss(net: Sequence[Array], x: Array, y: Array, activation: str) -> Array:
    """The mean cross-entropy ``(S,)`` of nets on examples ``x`` ``(n, 64)``, ``y`` ``(n,)``."""
    found = outputs(net, x, activation)
    highest = found.max(axis=2)
    total = np.log(np.exp(found - highest[..., np.newaxis]).sum(axis=2)) + highest
    return np.asarray((total - found[:, np.arange(len(y)), y]).mean(axis=1))


def random_direction(shapes: Sequence[tuple[int, ...]], seed: int) -> list[Array]:
    """A random unit vector of all weights, in the parameters' ``shapes``."""
    rng = np.random.default_rng([seed, 0, 1])
    parts = [rng.normal(size=shape) for shape in shapes]
    length = np.sqrt(sum(np.sum(part**2) for part in parts))
    return [part / length for part in parts]


def loss_along(
    net: Sequence[Array], direction: Sequence[Array], far: Array, x: Array, y: Array, activation: str
) -> Array:
    """The mean loss ``(m,)`` of the first net, moved by ``far`` ``(m,)`` times a direction."""
    moves = far[:, np.newaxis, np.newaxis]
    return mean_loss([p[0] + moves * d for p, d in zip(net, direction, strict=True)], x, y, activation)
