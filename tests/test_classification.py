"""Nets that learn labels take the steps that the formulas say, each by itself, on its own inputs and labels."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from core import classification
from core.classification import Classification, Loss, losses
from core.lab import Array
from core.nets import MLP
from core.training import ADAM_DECAY, ADAM_EPSILON, batch_order

NET, SAMPLES, STEPS = MLP((5, 6, 3)), 14, 12
RATE = 0.05


def examples(seed: int = 0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(SAMPLES, 5)), rng.integers(3, size=SAMPLES)


def outputs(net: list[Array], x: Array) -> Array:
    return np.asarray(np.maximum(x @ net[0] + net[1], 0) @ net[2] + net[3])


def mean_loss(net: list[Array], x: Array, y: Array, loss: Loss) -> float:
    z, one_hot = outputs(net, x), np.eye(3)[y]
    if loss == "squared":
        return float(((z - one_hot) ** 2).sum(axis=1).mean() / 2)
    return float((np.log(np.exp(z).sum(axis=1)) - (z * one_hot).sum(axis=1)).mean())


def gradients(net: list[Array], x: Array, y: Array, loss: Loss) -> list[Array]:
    hidden = np.maximum(x @ net[0] + net[1], 0)
    z = hidden @ net[2] + net[3]
    found = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True) if loss == "cross-entropy" else z
    error = (found - np.eye(3)[y]) / len(x)
    below = (error @ net[2].T) * (hidden > 0)
    return [x.T @ below, below.sum(0, keepdims=True), hidden.T @ error, error.sum(0, keepdims=True)]


def train_by_hand(
    net: list[Array],
    x: Array,
    y: Array,
    order: Iterable[Any],
    *,
    optimizer: str = "SGD",
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    loss: Loss = "cross-entropy",
    radius: float = 0.0,
) -> list[Array]:
    """The same in float64 numpy: ``order`` holds the rows of each step."""
    first, second = [np.zeros_like(p) for p in net], [np.zeros_like(p) for p in net]
    for step, rows in enumerate(order, start=1):
        found = gradients(net, x[rows], y[rows], loss)
        if radius:
            length = np.sqrt(sum((g**2).sum() for g in found))
            away = [p + radius * g / length for p, g in zip(net, found, strict=True)]
            found = gradients(away, x[rows], y[rows], loss)
        if optimizer == "Adam":
            first = [0.9 * m + 0.1 * g for m, g in zip(first, found, strict=True)]
            second = [ADAM_DECAY * v + (1 - ADAM_DECAY) * g**2 for v, g in zip(second, found, strict=True)]
            moves = [
                m / (1 - 0.9**step) / (np.sqrt(v / (1 - ADAM_DECAY**step)) + ADAM_EPSILON)
                for m, v in zip(first, second, strict=True)
            ]
        else:
            first = moves = [momentum * m + g for m, g in zip(first, found, strict=True)]
        net = [p * (1 - RATE * weight_decay) - RATE * move for p, move in zip(net, moves, strict=True)]
    return net


def training(x: Array, y: Array, **changes: Any) -> Classification:
    settings: dict[str, Any] = {"replicas": 3, "learning_rate": RATE, "seed": 7}
    return Classification(NET, x, y, **(settings | changes))


def starts() -> list[list[Array]]:
    return [[p[replica].astype(np.float64) for p in NET.initial(3, 7)] for replica in range(3)]


def check(trained: Classification, by_hand: list[list[Array]]) -> None:
    for replica, wanted in enumerate(by_hand):
        for found, part, before in zip(trained.parameters, wanted, starts()[replica], strict=True):
            np.testing.assert_allclose(found[replica], part, rtol=2e-4, atol=2e-5)
            assert np.abs(part - before).max() > 0.01


@pytest.mark.parametrize("loss", ["cross-entropy", "squared"])
@pytest.mark.parametrize("rule", [{}, {"momentum": 0.7, "weight_decay": 0.5}, {"optimizer": "Adam"}, {"radius": 0.3}])
def test_full_batch_steps_are_those_made_by_hand(loss: Loss, rule: dict[str, Any]) -> None:
    x, y = examples()
    trained = training(x, y, loss=loss, **rule)
    trained.advance(STEPS)
    whole = [slice(None)] * STEPS
    check(trained, [train_by_hand(net, x, y, whole, loss=loss, **rule) for net in starts()])
    assert trained.step == trained.epoch == STEPS and trained.steps_per_epoch == 1


@pytest.mark.parametrize("rule", [{"momentum": 0.7}, {"optimizer": "Adam"}, {"radius": 0.3}])
def test_batches_are_those_of_the_order(rule: dict[str, Any]) -> None:
    x, y = examples()
    trained = training(x, y, batch_size=4, **rule)
    for steps in (5, 5, 2):
        trained.advance(steps)
    order = batch_order(SAMPLES, 4, 3, 7, 0, STEPS)
    check(trained, [train_by_hand(net, x, y, order[:, replica], **rule) for replica, net in enumerate(starts())])
    assert trained.steps_per_epoch == 3 and trained.epoch == STEPS / 3


@pytest.mark.parametrize("batch_size", [0, 4])
def test_replicas_learn_their_own_inputs_and_labels(batch_size: int) -> None:
    sets = np.stack([examples(0)[0], examples(1)[0]])
    labels = np.stack([examples(seed)[1] for seed in range(3)])
    which = np.array([1, 0, 1])
    trained = training(sets, labels, which=which, batch_size=batch_size)
    trained.advance(STEPS)
    rows = (
        batch_order(SAMPLES, batch_size, 3, 7, 0, STEPS) if batch_size else np.tile(np.arange(SAMPLES), (STEPS, 3, 1))
    )
    by_hand = [train_by_hand(net, sets[which[r]], labels[r], rows[:, r]) for r, net in enumerate(starts())]
    check(trained, by_hand)
    scores = trained.training_scores()
    for replica, net in enumerate(by_hand):
        wanted = mean_loss(net, sets[which[replica]], labels[replica], "cross-entropy")
        assert scores.loss[replica] == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("batch_size", [0, 14, 20])
def test_a_batch_of_all_is_the_full_batch(batch_size: int) -> None:
    trained = training(*examples(), batch_size=batch_size)
    trained.advance(STEPS)
    assert trained.steps_per_epoch == 1
    check(trained, [train_by_hand(net, *examples(), [slice(None)] * STEPS) for net in starts()])


@pytest.mark.parametrize("loss", ["cross-entropy", "squared"])
def test_scores_are_the_mean_loss_and_the_share_of_right_answers(loss: Loss, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(61, 5)), rng.integers(3, size=61)
    trained = training(*examples(), loss=loss)
    scores = trained.scores(x, y)
    monkeypatch.setattr(classification, "PREDICTED_TOGETHER", 16)  # the last part is padded
    parts = trained.scores(x, y)
    for replica, net in enumerate(starts()):
        right = np.mean(outputs(net, x).argmax(axis=1) == y)
        for found in (scores, parts):
            assert found.accuracy[replica] == pytest.approx(right, abs=1e-6)
            assert found.loss[replica] == pytest.approx(mean_loss(net, x, y, loss), rel=1e-5)


def test_losses_are_the_formulas() -> None:
    z = np.random.default_rng(0).normal(size=(2, 4, 3))
    y = np.array([[0, 1, 2, 1], [2, 2, 0, 1]])
    one_hot = np.eye(3)[y]
    entropy = -np.log(np.exp((z * one_hot).sum(-1)) / np.exp(z).sum(-1))
    np.testing.assert_allclose(losses(z, y, "cross-entropy"), entropy, rtol=1e-12)
    np.testing.assert_allclose(losses(z, y, "squared"), ((z - one_hot) ** 2).sum(-1) / 2, rtol=1e-12)


def test_training_starts_from_the_parameters_given() -> None:
    given = [2 * part for part in NET.initial(3, 1)]
    trained = training(*examples(), parameters=given)
    for found, part in zip(trained.parameters, given, strict=True):
        np.testing.assert_array_equal(found, part)


@pytest.mark.parametrize("batch_size", [0, 4])
def test_a_net_depends_on_neither_the_others_nor_the_cuts(batch_size: int) -> None:
    x, y = examples()
    several, one, again = (training(x, y, batch_size=batch_size, replicas=replicas) for replicas in (3, 1, 3))
    several.advance(STEPS)
    again.advance(STEPS)
    for steps in (7, 5):
        one.advance(steps)
    for first, second, alone in zip(several.parameters, again.parameters, one.parameters, strict=True):
        np.testing.assert_array_equal(first, second)
        np.testing.assert_allclose(first[:1], alone, rtol=1e-5, atol=1e-6)
        assert not np.allclose(first[0], first[1])


def test_rates_and_labels_compile_nothing_again() -> None:
    x, y = examples()
    training(x, y).advance(3)
    program = classification._trainer(NET, "cross-entropy", False, False)
    before = program.experimental_get_tracing_count()
    for changes in ({"learning_rate": 0.2}, {"momentum": 0.5}, {"weight_decay": 0.1}):
        training(x, (y + 1) % 3, **changes).advance(5)
    assert program.experimental_get_tracing_count() == before
