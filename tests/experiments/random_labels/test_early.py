"""Nets learn patterns before noise, and the stop is chosen on validation labels alone."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest

from core.experiments.random_labels import early
from core.experiments.random_labels.examples import examples
from core.lab import Frame

from ..checks import check_figure, check_run, check_sentence

MOVING = ("stop", "accuracies", "fates", "nets", "ends", "every")


@cache
def finished(**settings: Any) -> tuple[early.Params, tuple[Frame, ...]]:
    """Settings and frames of a small run, trained once for all tests."""
    params = early.Params(**{"width": 128, "samples": 250, "epochs": 40, "seeds": 4, "learning_rate": 0.05} | settings)
    return params, tuple(early.run(params))


def history(frames: Sequence[Frame], name: str) -> Any:
    return np.array([frame.values[name] for frame in frames])


def test_run_and_figure() -> None:
    params, frames = finished()
    check_run(frames, 3 * params.epochs)
    assert len(frames) == params.epochs + 1
    check_figure(early.LAB, params, frames, MOVING)
    check_figure(early.LAB, params, frames[:1], MOVING)


def test_the_same_settings_give_the_same_frames_bit_for_bit() -> None:
    params, frames = finished()
    for first, second in zip(frames, early.run(params), strict=True):
        assert first.step == second.step
        for name, value in first.values.items():
            assert np.array_equal(value, second.values[name], equal_nan=True), name


@pytest.mark.parametrize("changes", [{"seed": 1}, {"learning_rate": 0.02}, {"share": 0.2}])
def test_settings_change_the_run(changes: dict[str, object]) -> None:
    _, frames = finished(epochs=5)
    _, others = finished(epochs=5, **changes)
    assert not np.allclose(frames[-1].values["train"], others[-1].values["train"], atol=1e-3)


def test_the_stop_is_the_first_best_epoch_of_validation_and_test_is_read_there() -> None:
    _, frames = finished()
    validation, test, true = (history(frames, name) for name in ("validation", "test", "true_label"))
    for end in (1, 5, 20, len(frames)):
        last = frames[end - 1].values
        stop = validation[:end].argmax(axis=0)
        assert last["stop"].tolist() == stop.tolist()
        assert np.array_equal(last["test_at_stop"], test[stop, range(4)])
        assert np.array_equal(last["true_label_at_stop"], true[stop, range(4)])


def test_validation_labels_change_the_stop_and_not_the_training() -> None:
    _, noisy = finished()
    _, true = finished(validation="true")
    assert np.array_equal(history(noisy, "train"), history(true, "train"))
    assert np.array_equal(history(noisy, "test"), history(true, "test"))
    # True validation images are as hard as the test images; of the noisy labels at most some two thirds are right.
    assert abs(history(true, "validation")[-1].mean() - history(true, "test")[-1].mean()) < 0.06
    assert history(noisy, "validation").max() < 0.75


def test_validation_and_test_images_are_apart() -> None:
    known = examples("digits", 250, 0)
    rows = [row.tobytes() for row in known.x_test]
    assert not set(rows[: early.HELD_OUT]) & set(rows[early.HELD_OUT :])


def test_patterns_come_before_noise() -> None:
    _, frames = finished()
    true, given = history(frames, "true_label").mean(axis=1), history(frames, "given_label").mean(axis=1)
    assert true.max() > 0.5 > true[-1] and given[true.argmax()] < 0.3 and given[-1] > given[true.argmax()]
    assert (true + given <= 1 + 1e-9).all()


def test_without_wrong_labels_there_is_no_fate_to_tell() -> None:
    params, frames = finished(share=0.0)
    assert np.isnan(history(frames, "true_label")).all()
    text = early.sentence(params, frames)
    check_sentence(text)
    assert "wrong label" not in text
    check_figure(early.LAB, params, frames, MOVING)


def test_result_compares_each_net_at_its_stop_and_at_the_end() -> None:
    params, frames = finished()
    numbers, last = early.result(params, frames), frames[-1].values
    assert numbers["gain"] == pytest.approx(np.median(last["test_at_stop"] - last["test"]))
    assert numbers["test_at_end"] == pytest.approx(np.median(last["test"]))
    assert numbers["stop_epoch"] == np.median(last["stop"])
    assert len(numbers["spread"]["gain"]["replicas"]) == 4


def test_sentence_holds_at_every_moment_of_a_run() -> None:
    params, frames = finished()
    for end in range(1, len(frames) + 1):
        check_sentence(early.sentence(params, frames[:end]))
    assert early.sentence(params, frames[:1]).endswith("Nothing is trained yet.")
    assert "After 1 epoch " in early.sentence(params, frames[:2])


def test_sentence_counts_the_nets_that_the_stop_helps() -> None:
    params, frames = finished()
    values = {**frames[-1].values, "test_at_stop": np.array([0.9, 0.9, 0.7, 0.6]), "test": np.full(4, 0.7)}
    text = early.sentence(params, [Frame(1, 1, values)])
    assert "the stop is better in 2 of 4 nets" in text and "0.80 (0.63 to 0.90)" in text


def test_sentence_tells_of_nets_that_diverged() -> None:
    params, frames = finished()
    values = {name: np.array(value, float) for name, value in frames[-1].values.items()}
    for name, value in values.items():
        if name != "epoch":
            value[:2] = np.nan
    some = early.sentence(params, [Frame(1, 1, values)])
    check_sentence(some)
    assert "2 of 4 nets diverged" in some and "of 2 nets" in some
    for name, value in values.items():
        if name != "epoch":
            value[:] = np.nan
    lost = [Frame(1, 1, values)]
    assert early.sentence(params, lost).startswith("Every net diverged")
    check_figure(early.LAB, params, lost, MOVING)


@pytest.mark.parametrize(("true", "given", "answer"), [(0.1, 0.8, 0), (0.7, 0.1, 1), (0.2, 0.1, 2)])
def test_guess_is_answered_by_the_run(true: float, given: float, answer: int) -> None:
    params, frames = finished()
    kept = {"true_label_at_stop": np.full(4, true), "given_label_at_stop": np.full(4, given)}
    made_up = [Frame(1, 1, {**frames[-1].values, **kept})]
    guess = early.LAB.guess
    assert guess is not None and guess.answer(params, made_up) == answer
    assert f"{true:.2f} get their true label" in guess.reveal(params, made_up)
