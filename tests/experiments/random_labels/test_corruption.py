"""Nets learn ever more random labels, side by side."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest

from core.experiments.random_labels import corruption
from core.lab import Frame

from ..checks import check_figure, check_run, check_sentence

MOVING = ("accuracies", "fits", "waiting", "every")
SHARES = len(corruption.SHARES)


@cache
def finished(**settings: Any) -> tuple[corruption.Params, tuple[Frame, ...]]:
    """Settings and frames of a small run, trained once for all tests."""
    params = corruption.Params(**{"width": 32, "samples": 250, "epochs": 20, "seeds": 4} | settings)
    return params, tuple(corruption.run(params))


def made_up(fits: Sequence[float], test: Sequence[float] = (0.9,) * SHARES, ended: bool = True) -> list[Frame]:
    """A frame in which all nets at a share took so many epochs, and are right in so many test images."""
    values = {
        "group": np.repeat(np.arange(SHARES), 4),
        "epoch": np.full(4 * SHARES, 20),
        "train_accuracy": np.ones(4 * SHARES),
        "test_accuracy": np.repeat(np.array(test, float), 4),
        "epochs_to_fit": np.repeat(np.array(fits, float), 4),
        "labels_right": np.full(4 * SHARES, 0.5),
    }
    return [Frame(140 if ended else 70, 140, values)]


def test_run_and_figure() -> None:
    params, frames = finished()
    check_run(frames, SHARES * params.epochs)
    check_figure(corruption.LAB, params, frames, MOVING)


def test_the_same_settings_give_the_same_frames_bit_for_bit() -> None:
    params, frames = finished()
    for first, second in zip(frames, corruption.run(params), strict=True):
        assert first.step == second.step
        for name, value in first.values.items():
            assert np.array_equal(value, second.values[name], equal_nan=True), name


@pytest.mark.parametrize("changes", [{"seed": 1}, {"learning_rate": 0.02}])
def test_settings_change_the_run(changes: dict[str, object]) -> None:
    _, frames = finished(epochs=5)
    _, others = finished(epochs=5, **changes)
    assert not np.allclose(frames[-1].values["train_accuracy"], others[-1].values["train_accuracy"], atol=1e-3)


def test_more_random_labels_are_learned_worse_and_help_less() -> None:
    params, frames = finished()
    numbers = corruption.result(params, frames)
    assert numbers["train_accuracy"] == sorted(numbers["train_accuracy"], reverse=True)
    assert numbers["test_accuracy"] == sorted(numbers["test_accuracy"], reverse=True)
    assert numbers["test_accuracy"][0] > 0.85 and numbers["test_accuracy"][-1] < 0.2


def test_labels_right_are_as_many_as_the_formula_says() -> None:
    params, frames = finished()
    numbers = corruption.result(params, frames)
    assert numbers["labels_right_exact"] == pytest.approx([1, 0.91, 0.82, 0.64, 0.46, 0.28, 0.1])
    # The mean of four times 250 labels: the standard error is at most 0.016.
    assert np.mean(frames[-1].values["labels_right"].reshape(-1, 4), axis=1) == pytest.approx(
        numbers["labels_right_exact"], abs=0.06
    )


def test_nets_that_have_not_fitted_wait_at_the_top() -> None:
    params = corruption.Params(seeds=4, epochs=20)
    frames = made_up((5, 6, 7, 8, 9, np.nan, np.nan))
    frames[-1].values["epochs_to_fit"][5 * 4 + 1] = 18
    filled = corruption.data(params, frames, False)
    assert filled["fits"]["epochs"] == [5, 6, 7, 8, 9] and filled["fits"]["share"] == [0, 0.1, 0.2, 0.4, 0.6]
    assert filled["waiting"] == {"share": [0.8, 1.0], "epochs": [20, 20], "words": ["1/4", "0/4"]}
    assert np.isnan(corruption.result(params, frames)["epochs_to_fit"][5])
    text = corruption.sentence(params, frames)
    check_sentence(text)
    assert "80 % 1 of 4 nets by 20" in text and "100 % none of 4 nets by 20" in text


def test_sentence_holds_at_every_moment_of_a_run() -> None:
    params, frames = finished()
    for end in range(1, len(frames) + 1):
        check_sentence(corruption.sentence(params, frames[:end]))
    assert corruption.sentence(params, frames[:1]).endswith("Nothing is trained yet.")


def test_sentence_compares_test_images_with_labels_and_shares_with_each_other() -> None:
    params = corruption.Params(seeds=4)
    text = corruption.sentence(params, made_up((8, 24, 30, 30, 30, 30, 40), (0.98, 0.95, 0.9, 0.7, 0.4, 0.2, 0.1)))
    check_sentence(text)
    assert "in 3 of the 5 mixtures" in text and "1 − 0.9q" in text
    assert "A tenth at random takes 3.0 times as long as none, all at random 5.0 times." in text
    assert "mixtures" not in corruption.sentence(params, made_up((np.nan,) * SHARES))


def test_sentence_tells_of_nets_that_diverged() -> None:
    params, frames = corruption.Params(seeds=4), made_up((5,) * SHARES)
    names = ("train_accuracy", "test_accuracy", "epochs_to_fit")
    for name in names:
        frames[-1].values[name][8:12] = np.nan
    text = corruption.sentence(params, frames)
    check_sentence(text)
    assert f"4 of {4 * SHARES} nets diverged" in text
    for name in names:
        frames[-1].values[name][:] = np.nan
    assert corruption.sentence(params, frames).startswith("Every net diverged")
    check_figure(corruption.LAB, params, frames, MOVING)


def test_a_drawn_guess_is_compared_with_accuracy_on_test_images() -> None:
    accuracies = (0.98, 0.95, 0.9, 0.75, 0.5, 0.3, 0.1)
    params, frames = corruption.Params(seeds=4), made_up((5,) * SHARES, accuracies)
    sketch = corruption.LAB.sketch
    assert sketch is not None and sketch.curve(params, frames) == pytest.approx(accuracies)
    text = sketch.verdict([1 - 0.9 * share for share in sketch.at], params, frames)
    assert "too low from 10\u202f% random to 60\u202f% random" in text
    assert "you drew 0.64, the run gave 0.75" in text
