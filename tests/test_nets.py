"""A net is a pure function; a replica's start depends on the seed and its number only."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from core.lab import Array
from core.nets import ACTIVATIONS, initial_mlp, mlp

PLAIN: dict[str, Callable[[Array], Array]] = {
    "ReLU": lambda z: np.maximum(z, 0),
    "tanh": np.tanh,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "sine": np.sin,
}


def forward(net: list[Array], x: Array, activation: str) -> Array:
    values = x
    for layer in range(0, len(net), 2):
        values = values @ net[layer] + net[layer + 1]
        values = PLAIN[activation](values) if layer < len(net) - 2 else values
    return values


@pytest.mark.parametrize("sizes", [(1, 7, 1), (1, 5, 6, 2), (3, 4, 1)])
@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_outputs_are_those_of_each_net_by_itself(sizes: tuple[int, ...], activation: str) -> None:
    nets = initial_mlp(sizes, 3, 0, np.float64)
    x = np.random.default_rng(1).normal(size=(11, sizes[0]))
    outputs = np.asarray(mlp(nets, np.asarray(x), activation))
    assert outputs.shape == (3, 11, sizes[-1])
    for replica in range(3):
        alone = forward([p[replica] for p in nets], x, activation)
        np.testing.assert_allclose(outputs[replica], alone, rtol=1e-12, atol=1e-12)


def test_each_replica_may_have_inputs_of_its_own() -> None:
    nets = initial_mlp((1, 7, 1), 3, 0, np.float64)
    x = np.random.default_rng(1).normal(size=(3, 11, 1))
    outputs = np.asarray(mlp(nets, x, "tanh"))
    for replica in range(3):
        alone = forward([p[replica] for p in nets], x[replica], "tanh")
        np.testing.assert_allclose(outputs[replica], alone, rtol=1e-12, atol=1e-12)


def test_replica_does_not_depend_on_how_many_there_are() -> None:
    for few, many in zip(initial_mlp((1, 9, 9, 1), 2, 5), initial_mlp((1, 9, 9, 1), 6, 5), strict=True):
        assert np.array_equal(few, many[:2])


def test_replicas_and_seeds_differ() -> None:
    first, second = initial_mlp((1, 9, 1), 2, 0), initial_mlp((1, 9, 1), 2, 1)
    for a, b in zip(first, second, strict=True):
        assert not np.isclose(a[0], a[1]).any() and not np.isclose(a, b).any()


def test_weights_have_the_variance_of_he_and_biases_are_bounded() -> None:
    weights, biases = initial_mlp((1, 50, 50, 1), 40, 0)[2:4]
    assert weights.dtype == np.float32 and weights.shape == (40, 50, 50) and biases.shape == (40, 1, 50)
    assert np.var(weights) == pytest.approx(2 / 50, rel=0.02)  # 100,000 draws: four standard errors
    assert np.abs(biases).max() <= 1 / math.sqrt(50)
    assert np.var(biases) == pytest.approx(1 / 50 / 3, rel=0.08)


def test_hinges_start_apart() -> None:
    weights, biases = initial_mlp((1, 32, 1), 50, 0, np.float64)[:2]
    starts = np.sort(-biases / weights, axis=-1)
    assert np.diff(starts, axis=-1).min() > 0
    assert 0.3 < np.mean(np.abs(starts) < 1) < 0.9
