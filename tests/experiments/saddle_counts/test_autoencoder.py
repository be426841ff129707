"""Every critical point of a linear autoencoder is known, and descent lingers at some of them."""

from functools import cache
from typing import Any

import numpy as np
import pytest

from core.experiments.saddle_counts import autoencoder, linear_autoencoder
from core.lab import Frame, Unfit

from ..checks import check_figure, check_run, check_sentence

MOVING = ("named", "descent", "path", "now", "spectrum", "every")
DEFAULT = (8.0, 2.0, 0.5, 0.2, 0.1)


@cache
def finished(**settings: Any) -> tuple[autoencoder.Params, tuple[Frame, ...]]:
    params = autoencoder.Params(**{"replicas": 4} | settings)
    return params, tuple(autoencoder.run(params))


@pytest.mark.parametrize("settings", [{}, {"eigenvalues": "1,2,3,4,5,6,7,8", "bottleneck": 8, "steps": 300}])
def test_run_and_figure(settings: dict[str, Any]) -> None:
    params, frames = finished(**settings)
    check_run(frames, params.steps)
    check_figure(autoencoder.LAB, params, frames, MOVING)


def test_the_same_settings_give_the_same_frames_bit_for_bit() -> None:
    params, frames = finished()
    for first, second in zip(frames, autoencoder.run(params), strict=True):
        for name, value in first.values.items():
            assert np.array_equal(value, second.values[name], equal_nan=True), name


def test_replicas_do_not_depend_on_how_many_there_are() -> None:
    few, many = finished()[1], finished(replicas=8)[1]
    assert np.allclose(few[-1].values["steps"], many[-1].values["steps"][:4])


@pytest.mark.parametrize("changes", [{"seed": 1}, {"bottleneck": 3}, {"start": "1, 5"}, {"scale": 1e-3}])
def test_settings_change_the_run(changes: dict[str, Any]) -> None:
    assert not np.array_equal(finished()[1][-1].values["steps"], finished(**changes)[1][-1].values["steps"])


@pytest.mark.parametrize("bottleneck", [1, 2, 3, 5, 7])
def test_loss_gradient_and_index_at_every_critical_point(bottleneck: int) -> None:
    eigenvalues = np.array(DEFAULT)
    points = linear_autoencoder.critical_points(DEFAULT, bottleneck)
    assert [point.index for point in points].count(0) == 1
    for point in points:
        outer = np.zeros((1, len(DEFAULT), bottleneck))
        outer[0, np.array(point.subset, int) - 1, np.arange(len(point.subset))] = 1
        inner = outer.transpose(0, 2, 1)
        loss, *gradients = linear_autoencoder.slope(outer, inner, eigenvalues)
        assert loss[0] == pytest.approx(point.loss)
        assert all(np.abs(gradient).max() < 1e-14 for gradient in gradients)
        spectrum = np.linalg.eigvalsh(linear_autoencoder.hessian(outer, inner, eigenvalues)[0])
        assert np.sum(spectrum < -1e-9) == point.index
        descents = sorted(linear_autoencoder.descents(DEFAULT, bottleneck, point.subset))
        assert np.allclose(np.sort(-spectrum[spectrum < -1e-9]), descents)


def test_sixteen_points_of_two_units_and_five_inputs() -> None:
    points = {
        point.subset: (round(point.loss, 12), point.index) for point in linear_autoencoder.critical_points(DEFAULT, 2)
    }
    assert len(points) == 16
    assert points[()] == (5.4, 10)
    assert points[1,] == (1.4, 4)
    assert points[1, 2] == (0.4, 0)
    assert points[4, 5] == (5.25, 6)


def test_subsets_are_numbered_as_the_eigenvalues_are_written() -> None:
    minimum = min(linear_autoencoder.critical_points((1.0, 3.0, 2.0), 2), key=lambda point: point.loss)
    assert minimum.subset == (2, 3) and minimum.index == 0


def test_gradient_and_hessian_are_derivatives_of_the_loss() -> None:
    rng = np.random.default_rng(0)
    eigenvalues, outer, inner = np.array([3.0, 1.0, 0.4]), rng.normal(size=(1, 3, 2)), rng.normal(size=(1, 2, 3))
    point = np.concatenate((outer.ravel(), inner.ravel()))

    def at(values: np.ndarray[Any, Any]) -> Any:
        loss, *gradients = linear_autoencoder.slope(
            values[:6].reshape(1, 3, 2), values[6:].reshape(1, 2, 3), eigenvalues
        )
        return loss[0], np.concatenate([gradient.ravel() for gradient in gradients])

    step = 1e-6 * np.eye(12)
    slopes = np.array([(at(point + along)[0] - at(point - along)[0]) / 2e-6 for along in step])
    assert np.allclose(slopes, at(point)[1], atol=1e-7)
    columns = np.array([(at(point + along)[1] - at(point - along)[1]) / 2e-6 for along in step])
    assert np.allclose(columns, linear_autoencoder.hessian(outer, inner, eigenvalues)[0], atol=1e-7)


def test_descent_lingers_at_the_two_saddles_of_the_reference() -> None:
    params, frames = finished()
    numbers = autoencoder.result(params, frames)
    assert frames[-1].values["steps"][0, 0] == 101
    assert [plateau["subset"] for plateau in numbers["plateaus"]] == [[], [1], [1, 2]]
    assert all(plateau["lingered"] for plateau in numbers["plateaus"])
    for plateau in numbers["plateaus"]:
        assert plateau["measured_loss"] == pytest.approx(plateau["loss"], rel=1e-3)
        assert plateau["measured_index"] == plateau["index"]
    assert numbers["final_loss"] == pytest.approx(0.4, abs=1e-6) == numbers["minimum_loss"]


def test_close_eigenvalues_leave_no_middle_plateau() -> None:
    params, frames = finished(eigenvalues="5, 4, 3, 2, 1")
    lingered = {tuple(p["subset"]): p["lingered"] for p in autoencoder.result(params, frames)["plateaus"]}
    assert lingered[()] and lingered[1, 2] and not lingered.get((1,), False)
    text = autoencoder.sentence(params, frames)
    check_sentence(text)
    assert "too quickly for a plateau" in text


def test_a_run_can_start_at_any_critical_point() -> None:
    params, frames = finished(start="2, 3")
    assert autoencoder.started(params) == (2, 3)
    first = frames[0].values
    assert np.allclose(first["loss"], 4.15, rtol=1e-4) and (first["index"] == 2).all()


def test_what_does_not_fit_is_left_out_of_the_start() -> None:
    params = autoencoder.Params(eigenvalues="2, 1", bottleneck=1, start="5, 2, 1")
    assert autoencoder.started(params) == (2,)


@pytest.mark.parametrize("length", [1, 60, None])
def test_sentence_at_every_stage(length: int | None) -> None:
    params, frames = finished()
    check_sentence(autoencoder.sentence(params, frames[:length]))


def test_sentence_of_the_whole_run() -> None:
    params, frames = finished()
    text = autoencoder.sentence(params, frames)
    assert "4 runs have a median loss of 0.4; the smallest possible is 0.4 (exact)" in text
    assert "{1}, 1.4, for" in text and "with 4 negative eigenvalues (exact: 4)" in text
    assert "Of the 16 critical points 15 are saddles." in text


def test_sentence_tells_of_runs_that_diverged() -> None:
    params, frames = finished(learning_rate=1.0)
    assert autoencoder.sentence(params, frames).startswith("Every run diverged")
    check_figure(autoencoder.LAB, params, frames, MOVING)
    params, frames = finished()
    values = {name: value.copy() for name, value in frames[-1].values.items()}
    values["loss"][1:3] = np.nan
    text = autoencoder.sentence(params, [Frame(1000, 1000, values)])
    check_sentence(text)
    assert "2 of 4 runs diverged" in text


def test_one_run_has_no_spread() -> None:
    params, frames = finished(replicas=1)
    text = autoencoder.sentence(params, frames)
    check_sentence(text)
    assert "one run has a loss" in text and "80 %" not in text


def test_guess_is_answered_by_the_run() -> None:
    guess = autoencoder.LAB.guess
    assert guess is not None
    params, frames = finished()
    assert guess.answer(params, frames) == 1
    assert "nothing and {1}" in guess.reveal(params, frames)
    assert guess.answer(params, frames[:60]) == 3
    values = {**frames[-1].values, "steps": np.zeros_like(frames[-1].values["steps"])}
    assert guess.answer(params, [Frame(1000, 1000, values)]) == 0
    crowded = {**values, "steps": np.full_like(values["steps"], 300.0)}
    assert guess.answer(params, [Frame(1000, 1000, crowded)]) == 2


@pytest.mark.parametrize(
    "text", ["", "3", "1,2,3,4,5,6,7,8,9", "1, x", "1, nan", "1, inf", "1, -2", "1, 0", "1, 1", "1, 1.001", "1_0, 2"]
)
def test_bad_eigenvalues_are_refused(text: str) -> None:
    with pytest.raises(Unfit, match=r"\.$"):
        autoencoder.parse_eigenvalues(text)


@pytest.mark.parametrize("text", ["0", "9", "1.5", "1, 1", "a", "1,,2", "²", "1" * 300])
def test_bad_starts_are_refused(text: str) -> None:
    with pytest.raises(Unfit, match=r"\.$"):
        autoencoder.parse_subset(text)
    assert autoencoder.parse_subset(" ") == ()
