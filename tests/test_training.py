"""Training does what the optimiser's formulas say, for each net by itself, and compiles once."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from core.lab import Array
from core.nets import initial_mlp
from core.training import ADAM_DECAY, ADAM_EPSILON, MOMENTUM, OPTIMIZERS, Training, batch_order

STEPS = 25


def points(samples: int, seed: int = 0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    return np.sort(rng.uniform(-1, 1, samples)), rng.normal(size=samples)


def gradients(net: Sequence[Array], x: Array, y: Array) -> list[Array]:
    """Of the mean squared error of a tanh net with two hidden layers, by hand."""
    w1, b1, w2, b2, w3, b3 = net
    h1 = np.tanh(x @ w1 + b1)
    h2 = np.tanh(h1 @ w2 + b2)
    d3 = 2 * (h2 @ w3 + b3 - y) / len(x)
    d2 = d3 @ w3.T * (1 - h2**2)
    d1 = d2 @ w2.T * (1 - h1**2)
    return [
        x.T @ d1,
        d1.sum(0, keepdims=True),
        h1.T @ d2,
        d2.sum(0, keepdims=True),
        h2.T @ d3,
        d3.sum(0, keepdims=True),
    ]


def train_by_hand(
    net: list[Array], x: Array, y: Array, optimizer: str, rate: float, decay: float, order: Any
) -> list[Array]:
    """The same in float64 numpy: ``order`` holds the rows of each step."""
    first, second = [np.zeros_like(p) for p in net], [np.zeros_like(p) for p in net]
    for step, rows in enumerate(order, start=1):
        found = gradients(net, x[rows, None], y[rows, None])
        if optimizer == "Adam":
            first = [MOMENTUM * m + (1 - MOMENTUM) * g for m, g in zip(first, found, strict=True)]
            second = [ADAM_DECAY * v + (1 - ADAM_DECAY) * g**2 for v, g in zip(second, found, strict=True)]
            moves = [
                rate * (m / (1 - MOMENTUM**step)) / (np.sqrt(v / (1 - ADAM_DECAY**step)) + ADAM_EPSILON)
                for m, v in zip(first, second, strict=True)
            ]
        else:
            kept = MOMENTUM if optimizer == "momentum" else 0.0
            first = [kept * m + g for m, g in zip(first, found, strict=True)]
            moves = [rate * m for m in first]
        net = [p * (1 - rate * decay) - move for p, move in zip(net, moves, strict=True)]
    return net


def nets(replicas: int = 3, seed: int = 0) -> list[Array]:
    return initial_mlp((1, 6, 5, 1), replicas, seed)


def training(x: Array, y: Array, parameters: list[Array], **changes: Any) -> Training:
    settings: dict[str, Any] = {"activation": "tanh", "optimizer": "Adam", "learning_rate": 0.02}
    return Training(x, y, parameters, **(settings | changes))


@pytest.mark.parametrize("samples", [10, 16, 17])  # padded to 16, not at all, and to 32
@pytest.mark.parametrize("decay", [0.0, 0.5])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_full_batch_steps_are_those_made_by_hand(optimizer: str, decay: float, samples: int) -> None:
    x, y = points(samples)
    trained = training(x, y, nets(), optimizer=optimizer, weight_decay=decay)
    trained.advance(STEPS)
    for replica in range(3):
        start = [p[replica].astype(np.float64) for p in nets()]
        by_hand = train_by_hand(start, x, y, optimizer, 0.02, decay, [slice(None)] * STEPS)
        for found, wanted in zip(trained.parameters, by_hand, strict=True):
            np.testing.assert_allclose(found[replica], wanted, rtol=2e-4, atol=2e-5)
        assert max(np.abs(after - before).max() for after, before in zip(by_hand, start, strict=True)) > 0.05


@pytest.mark.parametrize("optimizer", ["momentum", "Adam"])
def test_batches_are_those_of_the_order(optimizer: str) -> None:
    x, y = points(10)
    trained = training(x, y, nets(), optimizer=optimizer, batch_size=4, seed=7)
    for steps in (10, 10, 5):
        trained.advance(steps)
    order = batch_order(10, 4, 3, 7, 0, STEPS)
    for replica in range(3):
        start = [p[replica].astype(np.float64) for p in nets()]
        by_hand = train_by_hand(start, x, y, optimizer, 0.02, 0.0, order[:, replica])
        for found, wanted in zip(trained.parameters, by_hand, strict=True):
            np.testing.assert_allclose(found[replica], wanted, rtol=5e-4, atol=5e-5)


@pytest.mark.parametrize("batch_size", [0, 4])
def test_the_same_settings_give_the_same_nets_bit_for_bit(batch_size: int) -> None:
    x, y = points(10)
    first, second = (training(x, y, nets(), batch_size=batch_size) for _ in range(2))
    first.advance(STEPS)
    second.advance(STEPS)
    for a, b in zip(first.parameters, second.parameters, strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize("batch_size", [0, 4])
def test_a_chunk_is_its_steps(batch_size: int) -> None:
    x, y = points(10)
    whole, parts = (training(x, y, nets(), batch_size=batch_size) for _ in range(2))
    whole.advance(STEPS)
    for steps in (15, 9, 1):
        parts.advance(steps)
    assert whole.step == parts.step == STEPS
    for a, b in zip(whole.parameters, parts.parameters, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("batch_size", [0, 4])
def test_a_replica_is_the_same_net_however_many_there_are(batch_size: int) -> None:
    x, y = points(10)
    few, many = training(x, y, nets(), batch_size=batch_size), training(x, y, nets(7), batch_size=batch_size)
    few.advance(STEPS)
    many.advance(STEPS)
    grid = np.linspace(-1, 1, 33)
    np.testing.assert_allclose(few.predict(grid), many.predict(grid)[:3], rtol=1e-4, atol=1e-5)


def test_numbers_never_compile_again() -> None:
    programs: dict[Any, None] = {}

    def go(samples: int, data_seed: int, seed: int, batch_size: int, **changes: Any) -> None:
        run = training(*points(samples, data_seed), nets(seed=seed), batch_size=batch_size, seed=seed, **changes)
        programs.update({run._train: None, run._predict: None})
        run.advance(STEPS)
        run.predict(np.linspace(-1, 1, 30 + samples))

    def compiled() -> list[int]:
        return [program.experimental_get_tracing_count() for program in programs]

    for optimizer in ("Adam", "SGD"):
        go(10, 0, 0, 0, optimizer=optimizer)
        go(10, 0, 0, 4, optimizer=optimizer)
    before = compiled()
    for optimizer in OPTIMIZERS:
        for batch_size in (0, 4):
            go(10, 0, 0, batch_size, optimizer=optimizer, learning_rate=0.3)
            go(10, 0, 0, batch_size, optimizer=optimizer, weight_decay=0.1)
            go(10, 5, 9, batch_size, optimizer=optimizer)
            go(14, 0, 0, batch_size, optimizer=optimizer)
    assert compiled() == before


def test_fewer_steps_at_the_end_do_not_compile_again() -> None:
    run = training(*points(10), nets(), batch_size=4)
    run.advance(STEPS)
    before = run._train.experimental_get_tracing_count()
    run.advance(3)
    assert run._train.experimental_get_tracing_count() == before and run.step == STEPS + 3


def test_a_batch_of_all_samples_is_the_full_batch() -> None:
    x, y = points(10)
    full, batched = training(x, y, nets()), training(x, y, nets(), batch_size=10)
    full.advance(STEPS)
    batched.advance(STEPS)
    for a, b in zip(full.parameters, batched.parameters, strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize("many", [1, 63, 64, 65])
def test_predictions_are_of_the_inputs_asked_for(many: int) -> None:
    x = np.linspace(-1, 1, many)
    outputs = training(*points(10), nets()).predict(x)
    assert outputs.shape == (3, many)
    w1, b1, w2, b2, w3, b3 = (p[1].astype(np.float64) for p in nets())
    wanted = np.tanh(np.tanh(x[:, None] @ w1 + b1) @ w2 + b2) @ w3 + b3
    np.testing.assert_allclose(outputs[1], wanted[:, 0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("samples", "batch_size"), [(10, 1), (10, 4), (12, 4), (200, 64)])
def test_every_epoch_takes_each_sample_at_most_once(samples: int, batch_size: int) -> None:
    per_epoch = samples // batch_size
    order = batch_order(samples, batch_size, 2, 3, 0, 3 * per_epoch)
    epochs = order.reshape(3, per_epoch, 2, batch_size).transpose(0, 2, 1, 3).reshape(6, -1)
    for epoch in epochs:
        assert len(set(epoch.tolist())) == per_epoch * batch_size
        assert epoch.min() >= 0 and epoch.max() < samples
    assert len({tuple(epoch.tolist()) for epoch in epochs}) == 6


def test_batches_continue_where_they_stopped() -> None:
    whole = batch_order(10, 4, 2, 3, 0, 20)
    assert np.array_equal(whole, np.concatenate((batch_order(10, 4, 2, 3, 0, 7), batch_order(10, 4, 2, 3, 7, 13))))
    assert np.array_equal(whole, batch_order(10, 4, 5, 3, 0, 20)[:, :2])
    assert not np.array_equal(whole, batch_order(10, 4, 2, 4, 0, 20))
