"""Plain and sharpness-aware nets, gradient for gradient and at equal loss."""

from typing import Any

import numpy as np
import pytest

from core.experiments.sharp_flat_minima import minima, sam
from core.lab import Array

from ..checks import check_figure, check_run, check_sentence
from .small import altered, few_examples, finished

MOVING = ("curves", "nets", "medians")
QUICK: dict[str, Any] = {"budget": 20, "limit": 40, "target": 1.0}


def test_run_and_figure() -> None:
    params, frames = finished(sam, **QUICK)
    check_run(frames, 40 + 4 * 4 * 4)
    check_figure(sam.LAB, params, frames, MOVING)


def test_both_methods_spend_the_same_gradients() -> None:
    params, frames = finished(sam, **QUICK)
    at_budget = next(frame for frame in frames if frame.step == params.budget)
    assert (at_budget.values["spent"] == params.budget).all()
    assert np.array_equal(at_budget.values["kept_loss"][:2], at_budget.values["loss"])
    assert (frames[-1].values["kept_gradients"][:2] == params.budget).all()
    with few_examples():
        settings: dict[str, Any] = {"replicas": params.replicas, "target": 0.0, "seed": params.seed}
        plain = minima.Descent(params.batch_size, params.learning_rate, **settings)
        sharp = minima.Descent(params.batch_size, params.learning_rate, radius=params.radius, **settings)
        plain.advance(params.budget)
        sharp.advance(params.budget // 2)
    assert np.allclose(plain.loss, frames[-1].values["kept_loss"][0], atol=1e-6)
    assert np.allclose(sharp.loss, frames[-1].values["kept_loss"][1], atol=1e-6)


def test_at_equal_loss_nets_are_below_it_and_sharpness_aware_steps_cost_two() -> None:
    params, frames = finished(sam, **QUICK)
    values = frames[-1].values
    assert np.isfinite(values["top_eigenvalue"]).all()
    assert (values["kept_loss"][2:] < params.target).all()
    assert (values["kept_gradients"][3] % 2 == 0).all()
    assert (values["kept_gradients"][3] > values["kept_gradients"][2]).all()


def test_the_same_settings_give_the_same_frames_bit_for_bit() -> None:
    params, frames = finished(sam, **QUICK)
    with few_examples():
        again = tuple(sam.run(params))
    for first, second in zip(frames, again, strict=True):
        assert first.step == second.step
        for name, value in first.values.items():
            assert np.array_equal(value, second.values[name], equal_nan=True), name


@pytest.mark.parametrize("changes", [{"seed": 1}, {"radius": 0.3}, {"learning_rate": 0.1}])
def test_settings_change_the_run(changes: dict[str, Any]) -> None:
    _, frames = finished(sam, **QUICK)
    with few_examples():
        run = sam.run(sam.Params(**(QUICK | changes)))
        other = [next(run) for _ in range(3)][-1]
    assert not np.allclose(frames[2].values["loss"][1], other.values["loss"][1], atol=1e-4)


def test_a_larger_radius_finds_flatter_ground() -> None:
    params, frames = finished(sam, **QUICK)
    other, others = finished(sam, **QUICK, radius=0.3)
    ratio = sam.result(params, frames)["eigenvalue_ratio"]["equal loss"]
    assert sam.result(other, others)["eigenvalue_ratio"]["equal loss"] < ratio


def test_result_compares_nets_with_the_same_start() -> None:
    params, frames = finished(sam, **QUICK)
    numbers, values = sam.result(params, frames), frames[-1].values
    gain = values["kept_accuracy"][3] - values["kept_accuracy"][2]
    assert numbers["accuracy_gain"]["equal loss"] == pytest.approx(gain.mean())
    assert numbers["gain_error"]["equal loss"] == pytest.approx(gain.std(ddof=1) / 2)
    assert numbers["counted"] == {"equal gradients": 4, "equal loss": 4}
    assert numbers["top_eigenvalue"]["SAM, equal loss"] == pytest.approx(np.median(values["top_eigenvalue"][3]))
    assert numbers["loss"]["plain, equal gradients"] == pytest.approx(np.median(values["kept_loss"][0]))


def test_sentence_for_every_prefix() -> None:
    params, frames = finished(sam, **QUICK)
    for length in range(1, len(frames) + 1, 3):
        check_sentence(sam.sentence(params, frames[:length]))
    assert "still training" in sam.sentence(params, frames[:1])


def test_sentence_tells_of_nets_that_missed_or_diverged() -> None:
    params, frames = finished(sam, **QUICK)

    def miss(values: dict[str, Array]) -> None:
        for name in ("kept_loss", "kept_accuracy", "kept_gradients", "top_eigenvalue"):
            values[name][3, :3] = np.nan

    text = sam.sentence(params, altered(frames, miss))
    check_sentence(text)
    assert "3 of 4 nets trained by sharpness-aware descent never got below" in text
    assert sam.result(params, altered(frames, miss))["counted"]["equal loss"] == 1

    def diverge(values: dict[str, Array]) -> None:
        for value in values.values():
            value[:] = np.nan

    broken = altered(frames, diverge)
    assert sam.sentence(params, broken).endswith("Every net diverged.")
    assert sam.data(params, broken, False)["medians"]["accuracy"] == [None] * 4


@pytest.mark.parametrize(("gain", "scatter", "answer"), [(0.03, 0.005, 0), (0.01, 0.02, 1), (-0.03, 0.005, 2)])
def test_guess_is_answered_by_the_run(gain: float, scatter: float, answer: int) -> None:
    params, frames = finished(sam, **QUICK)

    def change(values: dict[str, Array]) -> None:
        values["kept_accuracy"][0] = 0.6
        values["kept_accuracy"][1] = 0.6 + gain + scatter * np.array([-1, 1, -1, 1])

    made_up, guess = altered(frames, change), sam.LAB.guess
    assert guess is not None and guess.answer(params, made_up) == answer
    check_sentence(guess.reveal(params, made_up))
    assert ("no difference that this many nets show" in guess.reveal(params, made_up)) is (answer == 1)
