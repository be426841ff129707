"""Nets are kept at their first epoch below the loss, and what is measured there agrees with the whole Hessian."""

from collections.abc import Iterator
from unittest.mock import patch

import numpy as np
import pytest

from core.classification import Classification
from core.experiments.sharp_flat_minima import minima
from core.lab import Array
from core.nets import MLP

from .small import few, few_examples

WIDTHS = (40, 6, 10)


@pytest.fixture
def tiny() -> Iterator[None]:
    with few_examples(), patch.object(minima, "WIDTHS", WIDTHS):
        yield


def point(replicas: int = 2) -> Array:
    parts = MLP(WIDTHS).initial(replicas, 0)
    return np.concatenate([part.reshape(replicas, -1) for part in parts], axis=1)


def test_noise_scale_of_the_pairs() -> None:
    assert minima.noise_scale(16, 0.05) == minima.noise_scale(64, 0.2) == pytest.approx(12.5)
    assert minima.noise_scale(512, 0.2) == pytest.approx(1.5625)


def test_each_net_is_kept_at_its_first_epoch_below_the_loss(tiny: None) -> None:
    target = 1.4
    descent = minima.Descent(16, 0.1, replicas=2, target=target, seed=1)
    histories, points = [], []
    for _ in range(40):
        descent.train()
        histories.append(descent.loss_now)
        points.append(descent.now)
    below = np.array(histories) < target
    assert below.any(axis=0).all()
    first = below.argmax(axis=0)
    assert np.array_equal(descent.reached, first + 1)
    for net, epoch in enumerate(first):
        assert np.array_equal(descent.kept[net], points[epoch][net])
        assert descent.loss[net] == histories[epoch][net] < target <= histories[epoch - 1][net]
    assert np.allclose(minima.training_loss(descent.kept), descent.loss, atol=1e-5)
    assert descent.done and not np.array_equal(descent.kept, descent.now)


def test_a_loss_of_nought_is_never_reached(tiny: None) -> None:
    descent = minima.Descent(16, 0.1, replicas=2, target=0, seed=1)
    descent.advance(2)
    assert descent.epoch == 2 and np.isnan(descent.reached).all() and not descent.done
    assert np.array_equal(descent.kept, descent.now)


def test_diverged_nets_train_no_further(tiny: None) -> None:
    descent = minima.Descent(16, 1e30, replicas=2, target=0.1, seed=1)
    descent.advance(9)
    assert descent.done and descent.epoch < 9


def test_a_net_does_not_depend_on_how_many_there_are(tiny: None) -> None:
    found = []
    for replicas in (1, 2):
        descent = minima.Descent(16, 0.1, replicas=replicas, target=0, seed=4)
        descent.advance()
        found.append(descent.now[0])
    assert np.allclose(found[0], found[1], atol=1e-5)


def test_accuracy_and_loss_are_those_of_training(tiny: None) -> None:
    here = point()
    parts = MLP(WIDTHS).initial(2, 0)
    nets = Classification(MLP(WIDTHS), few().x, few().y, replicas=2, learning_rate=0.1, parameters=parts)
    assert np.allclose(minima.test_accuracy(here), nets.scores(few().x_test, few().y_test).accuracy)
    assert np.allclose(minima.training_loss(here), nets.training_scores().loss, rtol=1e-5)
    assert np.allclose(minima.objective().loss(here), nets.training_scores().loss, rtol=1e-5)


def test_measures_agree_with_the_whole_hessian(tiny: None) -> None:
    here = point(1)
    hessian = minima.objective(double=True).hessian(here[0].astype(float))
    with patch.object(minima, "LANCZOS_STEPS", 40), patch.object(minima, "PROBES", 200):
        found = {
            name: number
            for numbers in minima.measures(minima.objective(), here, 1e-3, 0)
            for name, number in numbers.items()
        }
    assert found["top_eigenvalue"] == pytest.approx(np.linalg.eigvalsh(hessian)[-1], rel=1e-3)
    assert found["residual"] < 0.05 * found["top_eigenvalue"]
    assert abs(found["trace"] - np.trace(hessian)) < 4 * found["trace_error"] < 0.4 * np.trace(hessian)
    assert found["sharpness"] > 0


class Bowl:
    """½ Σ a x², whose greatest value in a box is at a corner."""

    curvatures = np.array([1.0, 3.0, 0.5])

    def loss(self, x: Array) -> Array:
        return np.asarray((self.curvatures * x**2).sum(axis=1) / 2)

    def gradient(self, x: Array) -> Array:
        return np.asarray(self.curvatures * x)


def test_sharpness_of_a_bowl_is_the_corner_of_the_box() -> None:
    bowl, epsilon = Bowl(), 0.1
    here = np.array([[1.0, -2.0, 0.5]])
    corner = here + np.sign(here) * epsilon * (np.abs(here) + 1)
    expected = 100 * (bowl.loss(corner) - bowl.loss(here)) / (1 + bowl.loss(here))
    assert minima.keskar_sharpness(bowl, here, epsilon) == pytest.approx(expected)  # type: ignore[arg-type]


def test_differences_are_exact_only_where_no_kink_is_crossed(tiny: None) -> None:
    precise, loss = minima.objective(double=True), minima.objective()
    wide, narrow = minima.difference_ratios(loss, precise, point(1), (0.3, 1e-9))
    assert narrow == pytest.approx(1, abs=1e-3)
    assert abs(wide - 1) > 0.05
