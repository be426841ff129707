"""A net is a pure function; a replica's start depends on the seed and its number only."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from core.lab import Array
from core.nets import ACTIVATIONS, CNN, MLP, Net, initial_mlp, mlp

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


def convolved(net: list[Array], x: Array, image: tuple[int, int], kernel: int) -> Array:
    """Outputs of a convolutional net at one flat image, tap by tap."""
    values = x.reshape(*image, 1)
    reach = kernel // 2
    tall = 0 if image[0] == 1 else reach
    for weights, bias in zip(net[:-2:2], net[1:-2:2], strict=True):
        height, width, channels = values.shape
        found = np.zeros((-(-height // 2), -(-width // 2), weights.shape[1]))
        for row in range(found.shape[0]):
            for column in range(found.shape[1]):
                total, tap = bias[0].copy(), 0
                for down in range(-tall, tall + 1):
                    for across in range(-reach, reach + 1):
                        seen = weights[tap * channels : (tap + 1) * channels]
                        tap += 1
                        if 0 <= 2 * row + down < height and 0 <= 2 * column + across < width:
                            total += values[2 * row + down, 2 * column + across] @ seen
                found[row, column] = np.maximum(total, 0)
        values = found
    return np.asarray(values.reshape(-1) @ net[-2] + net[-1][0])


@pytest.mark.parametrize(
    "net",
    [
        CNN((6, 6), (3,), 4),
        CNN((5, 7), (2, 3), 4),  # sides that are odd
        CNN((8, 8), (2, 3, 2), 3, kernel=5),
        CNN((1, 11), (2, 3), 4),  # a signal
        CNN((1, 40), (3, 2), 4, kernel=5),
    ],
    ids=str,
)
def test_convolutions_are_those_of_a_naive_loop(net: CNN) -> None:
    rng = np.random.default_rng(2)
    parameters = [p + 0.1 * rng.normal(size=p.shape) for p in net.initial(2, 0, np.float64)]
    x = rng.normal(size=(2, 3, net.image[0] * net.image[1]))
    own = np.asarray(net(parameters, x))
    shared = np.asarray(net(parameters, x[0]))
    assert own.shape == shared.shape == (2, 3, net.outputs)
    for replica in range(2):
        alone = [p[replica] for p in parameters]
        for example in range(3):
            wanted = convolved(alone, x[replica, example], net.image, net.kernel)
            np.testing.assert_allclose(own[replica, example], wanted, rtol=1e-12, atol=1e-12)
            wanted = convolved(alone, x[0, example], net.image, net.kernel)
            np.testing.assert_allclose(shared[replica, example], wanted, rtol=1e-12, atol=1e-12)


def test_convolutional_nets_start_with_the_variance_of_he() -> None:
    first, bias, second, _, last, end = CNN((16, 16), (32, 64), 10).initial(3, 0)
    assert [p.shape for p in (first, second, last)] == [(3, 9, 32), (3, 288, 64), (3, 1024, 10)]
    assert first.dtype == np.float32 and not bias.any() and not end.any()
    for weights, fan_in in ((second, 288), (last, 1024)):
        assert np.var(weights) == pytest.approx(2 / fan_in, rel=0.05)  # 30,000 draws and more: six standard errors


@pytest.mark.parametrize("net", [MLP((4, 9, 2)), CNN((4, 4), (3, 5), 2)], ids=str)
def test_a_net_s_replica_does_not_depend_on_how_many_there_are(net: Net) -> None:
    for few, many, other in zip(net.initial(2, 5), net.initial(6, 5), net.initial(2, 6), strict=True):
        assert np.array_equal(few, many[:2])
        assert not few.any() or (not np.isclose(few, other).any() and not np.isclose(few[0], few[1]).any())


def test_nets_are_compared_by_value() -> None:
    assert MLP((4, 9, 2)) == MLP((4, 9, 2), "ReLU") != MLP((4, 9, 2), "tanh")
    assert len({CNN((4, 4), (3,), 2), CNN((4, 4), (3,), 2), CNN((4, 4), (3,), 2, kernel=5)}) == 2
