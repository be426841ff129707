"""Nets learn the points, and the lab says how well."""

import numpy as np
import pytest

from core.experiments.sine_fits import curves, fit

from ..checks import check_figure, check_run, check_sentence
from .conftest import STEPS, alone, diverged, finished

MOVING = ("fit", "train_error", "dense_error", "bends", "every")


def test_run_and_figure() -> None:
    params, frames = finished(fit)
    check_run(frames, STEPS)
    check_figure(fit.LAB, params, frames, MOVING)


def test_default_run_lasts_some_150_frames() -> None:
    assert 140 <= -(-fit.Params().steps // max(1, fit.Params().steps // curves.FRAMES)) <= 170


def test_the_same_settings_give_the_same_frames_bit_for_bit() -> None:
    params, frames = finished(fit)
    for first, second in zip(frames, fit.run(params), strict=True):
        assert first.step == second.step
        for name, value in first.values.items():
            assert np.array_equal(value, second.values[name], equal_nan=True), name


def test_training_lowers_the_error_at_the_points() -> None:
    _, frames = finished(fit)
    assert (frames[-1].values["train_rmse"] < frames[0].values["train_rmse"] / 3).all()


@pytest.mark.parametrize("changes", [{"seed": 1}, {"points": 11}, {"target": "step"}, {"noise": 0.1, "data_seed": 3}])
def test_settings_change_the_run(changes: dict[str, object]) -> None:
    _, frames = finished(fit)
    _, others = finished(fit, **changes)
    assert not np.allclose(frames[-1].values["prediction"], others[-1].values["prediction"], atol=1e-3)


def test_result_is_the_median_of_the_nets() -> None:
    params, frames = finished(fit)
    numbers = fit.result(params, frames)
    for name in ("train_rmse", "dense_rmse", "pieces", "inside", "last_hinge"):
        assert numbers[name] == pytest.approx(np.median(frames[-1].values[name]))
    assert numbers["pieces"] <= numbers["piece_bound"] == 33


def test_only_relu_nets_have_pieces() -> None:
    params, frames = finished(fit, activation="tanh")
    assert "pieces" not in fit.result(params, frames)
    assert "pieces" not in fit.sentence(params, frames)
    assert fit.data(params, frames, False)["bends"] == {"x": []}


def test_sentence_reports_the_median_and_how_many_nets() -> None:
    params, frames = finished(fit)
    text = fit.sentence(params, frames)
    check_sentence(text)
    assert "the median of 4 nets" in text and f"{fit.result(params, frames)['dense_rmse']:.2g}" in text


def test_sentence_tells_of_nets_that_diverged() -> None:
    params, frames = finished(fit)
    some = fit.sentence(params, diverged(frames, (0, 2)))
    check_sentence(some)
    assert "the median of 2 nets" in some and "2 of 4 nets diverged" in some
    every = diverged(frames, range(4))
    assert fit.sentence(params, every).startswith("Every net diverged")
    assert fit.data(params, every, False)["fit"]["median"] == [None] * 161


def test_one_net_has_no_spread() -> None:
    params, frames = alone(*finished(fit))
    text = fit.sentence(params, frames)
    check_sentence(text)
    assert "one net" in text and "80 %" not in text


@pytest.mark.parametrize(("train", "dense", "answer"), [(0.1, 0.11, 0), (0.01, 0.1, 1), (1e-6, 0.02, 2)])
def test_guess_is_answered_by_the_run(train: float, dense: float, answer: int) -> None:
    params, frames = finished(fit)
    values = {**frames[-1].values, "train_rmse": np.full(4, train), "dense_rmse": np.full(4, dense)}
    made_up = [type(frames[-1])(STEPS, STEPS, values)]
    guess = fit.LAB.guess
    assert guess is not None and guess.answer(params, made_up) == answer
    assert f"{dense:.2g}" in guess.reveal(params, made_up)
