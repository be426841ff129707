"""Sharpness is the Hessian's, the threshold a quadratic's, and the lab says what became of the one beside the other."""

import dataclasses
from functools import cache
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from core.experiments.sharp_flat_minima import edge
from core.lab import Array, Frame
from core.nets import MLP

from ..checks import check_figure, check_run, check_sentence

MOVING = ("sharpness", "loss", "every")
FRAMES = 15
QUICK: dict[str, Any] = {"learning_rate": 0.6, "momentum": 0.5, "steps": 150, "replicas": 2}


@cache
def finished(**settings: Any) -> tuple[Any, tuple[Frame, ...]]:
    """A run of two nets that are soon at the threshold."""
    params = edge.Params(**QUICK | settings)
    with patch.object(edge, "FRAMES", FRAMES):
        return params, tuple(edge.run(params))


def made_up(*sharpness: float, nets: int = 3, lost: int = 0) -> list[Frame]:
    """Frames of nets of that sharpness, of which the first ``lost`` diverge after the start."""
    frames = []
    for step, value in enumerate(sharpness):
        found = np.full(nets, float(value))
        found[:lost] = np.nan if step else value
        loss = np.where(np.isnan(found), np.nan, 1 / (step + 1))
        frames.append(Frame(10 * step, 10 * (len(sharpness) - 1), {"loss": loss, "sharpness": found}))
    return frames


def gradients(net: list[Array], x: Array, y: Array) -> list[Array]:
    """Of half the squared distance to the label's unit vector, of a tanh net, by hand."""
    values = [x]
    for weights, bias in zip(net[:-2:2], net[1:-2:2], strict=True):
        values.append(np.tanh(values[-1] @ weights + bias))
    error = (values[-1] @ net[-2] + net[-1] - np.eye(10)[y]) / len(x)
    found: list[Array] = []
    for layer in reversed(range(len(values))):
        found = [values[layer].T @ error, error.sum(axis=0, keepdims=True), *found]
        error = (error @ net[2 * layer].T) * (1 - values[layer] ** 2)
    return found


def start(seed: int) -> list[Array]:
    shrunk = [part[0].astype(float) / 2 for part in MLP(edge.SIZES).initial(1, seed)]
    return [part * (index % 2 == 0) for index, part in enumerate(shrunk)]


def test_run_and_figure() -> None:
    params, frames = finished()
    check_run(frames, 150)
    assert len(frames) == FRAMES + 1
    check_figure(edge.LAB, params, frames, MOVING)
    check_figure(edge.LAB, params, frames[:1], MOVING)


def test_the_same_settings_give_the_same_frames_bit_for_bit() -> None:
    params, frames = finished()
    with patch.object(edge, "FRAMES", FRAMES):
        for first, second in zip(frames, edge.run(params), strict=True):
            for name, value in first.values.items():
                assert np.array_equal(value, second.values[name]), name


def test_inputs_are_standardised_or_raw() -> None:
    x, y = edge.examples("scaled")
    assert x.shape == (300, 64) and y.shape == (300,)
    assert np.allclose(x.mean(axis=0), 0, atol=1e-12)
    assert set(np.round(x.std(axis=0), 12)) == {0.0, 0.12}
    raw, same = edge.examples("raw")
    assert set(np.unique(raw)) == set(range(17)) and np.array_equal(y, same)


@pytest.mark.parametrize(("rate", "momentum"), [(0.3, 0.0), (0.6, 0.5), (0.1, 0.9)])
def test_beyond_the_threshold_a_quadratic_is_unstable(rate: float, momentum: float) -> None:
    most = edge.threshold(rate, momentum)

    def radius(curvature: float) -> float:
        step = np.array([[1 + momentum - rate * curvature, -momentum], [1, 0]])
        return float(np.abs(np.linalg.eigvals(step)).max())

    assert radius(0.999 * most) < 1 < radius(1.001 * most)
    assert radius(most) == pytest.approx(1, abs=1e-12)


def test_training_is_full_batch_descent_with_momentum() -> None:
    params, frames = finished()
    x, y = edge.examples("scaled")
    net = start(params.seed)
    moves = [np.zeros_like(part) for part in net]
    for _ in range(frames[2].step):
        moves = [params.momentum * m + g for m, g in zip(moves, gradients(net, x, y), strict=True)]
        net = [part - params.learning_rate * m for part, m in zip(net, moves, strict=True)]
    values = x
    for weights, bias in zip(net[:-2:2], net[1:-2:2], strict=True):
        values = np.tanh(values @ weights + bias)
    loss = ((values @ net[-2] + net[-1] - np.eye(10)[y]) ** 2).sum(axis=1).mean() / 2
    assert frames[2].values["loss"][0] == pytest.approx(loss, rel=1e-4)
    assert frames[2].values["loss"][0] < 0.9 * frames[0].values["loss"][0]


def test_sharpness_at_the_start_is_that_of_differences_of_the_gradient() -> None:
    params, frames = finished()
    x, y = edge.examples("scaled")
    net = start(params.seed)
    vector = [np.random.default_rng(0).normal(size=part.shape) for part in net]
    found = 0.0
    for _ in range(200):  # Power iteration on H + 2: the least eigenvalue is above −2.
        length = np.sqrt(sum(np.sum(part**2) for part in vector))
        vector = [part / length for part in vector]
        ahead, behind = (
            gradients([p + sign * 1e-5 * v for p, v in zip(net, vector, strict=True)], x, y) for sign in (1, -1)
        )
        image = [(a - b) / 2e-5 for a, b in zip(ahead, behind, strict=True)]
        found = float(sum(np.sum(i * v) for i, v in zip(image, vector, strict=True)))
        vector = [i + 2 * v for i, v in zip(image, vector, strict=True)]
    assert frames[0].values["sharpness"][0] == pytest.approx(found, rel=2e-3)


def test_sharpness_rises_to_the_threshold_and_stays() -> None:
    params, frames = finished()
    numbers = edge.result(params, frames)
    assert numbers["threshold"] == 5
    assert numbers["sharpness_at_start"] < 3.5
    assert numbers["sharpness"] == pytest.approx(5, rel=0.1)
    assert numbers["diverged"] == 0 and numbers["loss"] < 0.15
    text = edge.sentence(params, frames)
    check_sentence(text)
    assert "(2 + 2β)/η = 5" in text and "rose to the threshold and stayed there" in text and "2 nets" in text


def test_nets_that_diverge_are_told_of_and_leave_no_numbers() -> None:
    params, frames = finished(inputs="raw", learning_rate=0.5, momentum=0.0)
    check_run(frames, 150)
    assert np.isnan(frames[-1].values["sharpness"]).all() and np.isfinite(frames[0].values["sharpness"]).all()
    check_figure(edge.LAB, params, frames, MOVING)
    text = edge.sentence(params, frames)
    check_sentence(text)
    assert text.startswith("Every one of 2 nets diverged") and "2/η = 4" in text


def test_cross_entropy_falls_again() -> None:
    params, frames = finished(loss="cross-entropy", learning_rate=1.0, momentum=0.0)
    numbers = edge.result(params, frames)
    assert numbers["sharpness"] < 0.6 * numbers["peak_sharpness"]
    assert "and fell again" in edge.sentence(params, frames)


@pytest.mark.parametrize(
    ("sharpness", "words"),
    [
        ((2.0, 4.0, 6.6, 6.7), "rose to the threshold and stayed there"),
        ((20.0, 8.0, 6.6, 6.7), "above the threshold, and came down to it"),
        ((20.0, 8.0, 3.0, 3.0), "above the threshold, and came down to less"),
        ((20.0, 19.0, 18.0, 17.0), "is still above the threshold"),
        ((2.0, 3.0, 4.0, 4.5), "has not reached the threshold"),
        ((2.0, 8.0, 1.0, 1.0), "rose to 8, above the threshold, and fell again"),
        ((2.0, 4.0, 1.0, 1.0), "rose to 4, 60 % of the threshold, and fell again"),
    ],
)
def test_sentence_tells_what_became_of_the_sharpness(sharpness: tuple[float, ...], words: str) -> None:
    text = edge.sentence(edge.Params(replicas=3), made_up(*sharpness))
    check_sentence(text)
    assert words in text and "the median of 3 nets" in text


def test_sentence_counts_nets_and_rising_losses() -> None:
    some = edge.sentence(edge.Params(replicas=3), made_up(2, 4, 6.6, 6.7, lost=1))
    check_sentence(some)
    assert "the median of 2 nets" in some and "1 of 3 nets diverged and is left out" in some
    one = edge.sentence(edge.Params(replicas=1), made_up(2, 4, 6.6, 6.7, nets=1))
    check_sentence(one)
    assert "one net" in one and "80 %" not in one and "rising" not in one
    rising = made_up(2, 4, 6.6, 6.7)
    rising[-1].values["loss"][:] = 5
    assert "rising at 50 % of the second half’s frames" in edge.sentence(edge.Params(replicas=3), rising)
    first = edge.sentence(edge.Params(replicas=3), made_up(2, 4)[:1])
    check_sentence(first)
    assert first.startswith("Before training the sharpness of the median of 3 nets is 2")
    lone = edge.sentence(edge.Params(replicas=1), made_up(20, 20, nets=1, lost=1))
    check_sentence(lone)
    assert lone.startswith("The net diverged")


def test_a_drawn_guess_is_compared_with_the_median_sharpness() -> None:
    sketch, params = edge.LAB.sketch, edge.Params(replicas=3)
    assert sketch is not None
    frames = [dataclasses.replace(frame, step=700 * i) for i, frame in enumerate(made_up(3, 6, 7))]
    curve = sketch.curve(params, frames)
    assert curve[sketch.at.index(400)] == pytest.approx(3 + 3 * 400 / 700)
    assert curve[sketch.at.index(1400)] == pytest.approx(7)
    check_sentence(sketch.verdict([3.0] * len(curve), params, frames))
