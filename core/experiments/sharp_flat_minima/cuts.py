"""Directions in which to cut the loss around a net, and how much of a path lies in a plane."""

import numpy as np

from core.experiments.sharp_flat_minima import minima
from core.lab import Array


def weights_length(point: Array) -> float:
    """How long the weights of a net ``(P,)`` are, the biases left out."""
    return float(np.sqrt(sum(np.sum(part**2) for part in _layers(point)[::2])))


def random_directions(point: Array, count: int, normalised: bool, seed: int, replica: int) -> Array:
    """Random directions ``(count, P)`` around a net ``(P,)``, each as long as its weights; biases stay.

    ``normalised`` by filter (Li et al., 2018), each unit's incoming weights are as long in the direction as in the
    net; otherwise only the whole is.
    """
    # A key of four numbers: the nets start from the numbers of [seed, replica].
    drawn = np.random.default_rng([seed, replica, 1, 1]).normal(size=(count, len(point))).astype(point.dtype)
    for way in drawn:
        for number, (part, own) in enumerate(zip(_layers(way), _layers(point), strict=True)):
            if number % 2:
                part[:] = 0
            elif normalised:
                part *= np.linalg.norm(own, axis=0) / np.linalg.norm(part, axis=0)
    return scaled(drawn, weights_length(point))


def path_directions(path: Array, count: int) -> Array:
    """The principal directions ``(count, P)`` of a path ``(T, P)`` seen from its end, as long as the end's weights.

    Each points to the side on which the path begins.
    """
    offsets = path[:-1] - path[-1]
    _, vectors = np.linalg.eigh(offsets @ offsets.T)
    found = vectors[:, ::-1][:, :count].T @ offsets
    signs = np.where(found @ offsets[0] < 0, -1, 1)[:, np.newaxis]
    return scaled(signs * found, weights_length(path[-1]))


def scaled(directions: Array, length: float) -> Array:
    """The same directions ``(K, P)``, all of this length."""
    return np.asarray(length * directions / np.linalg.norm(directions, axis=1, keepdims=True))


def project(path: Array, plane: Array) -> tuple[Array, float]:
    """Where a path ``(T, P)`` runs in the ``plane`` ``(2, P)`` through its end, ``(T, 2)``, and its share there.

    The share is that of the path's variance, the mean square distance from its end.
    """
    offsets, spanning = (path - path[-1]).astype(np.float64), plane.astype(np.float64)
    inside = offsets @ np.linalg.pinv(spanning)
    return inside, float(np.sum((inside @ spanning) ** 2) / np.sum(offsets**2))


def _layers(point: Array) -> list[Array]:
    """Weights and biases of a net ``(P,)``, in turns; views, not copies."""
    shapes = minima.shapes()
    parts = np.split(point, np.cumsum([rows * columns for rows, columns in shapes])[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
