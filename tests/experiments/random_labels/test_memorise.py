"""Nets learn six kinds of data side by side, and the lab says how long each takes."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest

from core.experiments.random_labels import memorise
from core.experiments.random_labels.examples import by_group
from core.lab import Frame

from ..checks import check_figure, check_run, check_sentence

MOVING = ("curves", "ends", "nets", "fits", "every")
CONDITIONS = tuple(memorise.CONDITIONS)


@cache
def finished(**settings: Any) -> tuple[memorise.Params, tuple[Frame, ...]]:
    """Settings and frames of a small run, trained once for all tests."""
    params = memorise.Params(**{"width": 32, "samples": 250, "epochs": 20, "seeds": 4} | settings)
    return params, tuple(memorise.run(params))


def made_up(
    fits: Mapping[str, Sequence[float]], train: float = 1.0, epoch: int = 20, ended: bool = True
) -> list[Frame]:
    """A frame in which the nets of each condition took so many epochs."""
    values = {
        "group": np.repeat(np.arange(6), 4),
        "epoch": np.full(24, epoch),
        "train_accuracy": np.full(24, train),
        "test_accuracy": np.full(24, 0.5),
        "epochs_to_fit": np.ravel([fits.get(key, (5.0, 6.0, 7.0, 8.0)) for key in CONDITIONS]),
    }
    return [Frame(120 if ended else 60, 120, values)]


def test_run_and_figure() -> None:
    params, frames = finished()
    check_run(frames, 6 * params.epochs)
    check_figure(memorise.LAB, params, frames, MOVING)
    assert by_group(frames[-1])["train_accuracy"].shape == (6, 4)


def test_the_same_settings_give_the_same_frames_bit_for_bit() -> None:
    params, frames = finished()
    for first, second in zip(frames, memorise.run(params), strict=True):
        assert first.step == second.step
        for name, value in first.values.items():
            assert np.array_equal(value, second.values[name], equal_nan=True), name


def test_true_labels_are_learned_sooner_than_random_ones_and_mean_something() -> None:
    _, frames = finished()
    last = by_group(frames[-1])
    train, test = (dict(zip(CONDITIONS, last[f"{which}_accuracy"], strict=True)) for which in ("train", "test"))
    assert (train["true"] > 0.95).all() and (train["one_shuffle"] > 0.95).all()
    assert (train["random"] < train["partly_random"]).all() and (train["partly_random"] < train["true"]).all()
    assert (test["true"] > 0.85).all() and (test["one_shuffle"] > 0.85).all()
    for condition in ("random", "gaussian", "shuffle_each"):
        assert np.mean(test[condition]) == pytest.approx(0.1, abs=0.05)


@pytest.mark.parametrize("changes", [{"seed": 1}, {"examples": "MNIST-1D"}, {"learning_rate": 0.02}])
def test_settings_change_the_run(changes: dict[str, object]) -> None:
    _, frames = finished(epochs=5)
    _, others = finished(epochs=5, **changes)
    assert not np.allclose(frames[-1].values["train_accuracy"], others[-1].values["train_accuracy"], atol=1e-3)


def test_a_share_of_one_is_random_labels_and_of_zero_true_ones() -> None:
    for share, same in ((1.0, "random"), (0.0, "true")):
        _, frames = finished(share=share, epochs=5)
        rows = dict(zip(CONDITIONS, by_group(frames[-1])["train_accuracy"], strict=True))
        assert np.array_equal(rows["partly_random"], rows[same])


@pytest.mark.parametrize(
    ("settings", "nets"),
    [
        ({}, 8),
        ({"net": "CNN"}, 4),
        ({"depth": 3}, 4),
        ({"depth": 3, "width": 128}, 8),
        ({"depth": 2, "width": 512, "seeds": 4}, 4),
    ],
)
def test_heavy_nets_are_fewer(settings: dict[str, Any], nets: int) -> None:
    assert memorise.replicas(memorise.Params(**settings)) == nets


def test_result_is_the_median_of_the_nets_by_condition() -> None:
    params = memorise.Params(seeds=4, epochs=20)
    numbers = memorise.result(params, made_up({"true": (3, 4, 4, 9), "random": (20, 18, 22, 20)}))
    assert numbers["epochs_to_fit"] == {**dict.fromkeys(CONDITIONS, 6.5), "true": 4, "random": 20}
    assert numbers["slowdown"] == 5
    assert numbers["spread"]["slowdown"]["replicas"] == pytest.approx([20 / 3, 4.5, 5.5, 20 / 9])
    assert numbers["test_accuracy"] == dict.fromkeys(CONDITIONS, 0.5)
    assert numbers["spread"]["epochs_to_fit"]["true"]["replicas"] == [3, 4, 4, 9]


def test_nets_that_never_fit_have_no_epochs_and_the_sentence_says_so() -> None:
    params = memorise.Params(seeds=4, epochs=20)
    frames = made_up({"random": (np.nan,) * 4, "partly_random": (19, np.nan, 18, np.nan)}, train=0.8)
    numbers = memorise.result(params, frames)
    assert np.isnan(numbers["epochs_to_fit"]["random"]) and np.isnan(numbers["epochs_to_fit"]["partly_random"])
    assert np.isnan(numbers["slowdown"])
    text = memorise.sentence(params, frames)
    check_sentence(text)
    assert "random labels, none of 4 nets within 20 (0.80 right)" in text
    assert "partly random labels, 2 of 4 nets within 20" in text and "times as long" not in text
    fits = memorise.data(params, frames, False)["fits"]
    assert fits["words"][4:] == ["2 of 4 nets", "0 of 4 nets"] and fits["median"][5] is None


def test_sentence_holds_at_every_moment_of_a_run() -> None:
    params, frames = finished()
    for end in range(1, len(frames) + 1):
        check_sentence(memorise.sentence(params, frames[:end]))
    assert memorise.sentence(params, frames[:1]).endswith("Nothing is trained yet.")
    assert "so far" in memorise.sentence(params, frames[:20])
    assert "so far" not in memorise.sentence(params, frames)


def test_sentence_reports_epochs_their_spread_and_the_slowdown() -> None:
    params = memorise.Params(seeds=4, epochs=20)
    text = memorise.sentence(params, made_up({"true": (4, 4, 4, 4), "random": (14, 15, 17, 18)}))
    assert "true labels 4 (4 to 4)" in text and "random labels 16 (14.3 to 17.7)" in text
    assert "Random labels take 4.0 times as long as true ones." in text and "4 nets of each kind" in text
    assert "a CNN" in memorise.sentence(memorise.Params(net="CNN", seeds=4), made_up({}))


def test_sentence_tells_of_nets_that_diverged() -> None:
    params = memorise.Params(seeds=4, epochs=20)
    frames = made_up({})
    for name in ("train_accuracy", "test_accuracy", "epochs_to_fit"):
        frames[-1].values[name][1:3] = np.nan
    text = memorise.sentence(params, frames)
    check_sentence(text)
    assert "2 of 24 nets diverged" in text
    check_figure(memorise.LAB, params, frames, MOVING)
    for name in ("train_accuracy", "test_accuracy", "epochs_to_fit"):
        frames[-1].values[name][:] = np.nan
    assert memorise.sentence(params, frames).startswith("Every net diverged")
    check_figure(memorise.LAB, params, frames, MOVING)


def test_a_curve_ends_in_a_dot_once_all_its_nets_have_fitted() -> None:
    params = memorise.Params(seeds=4, epochs=20)
    filled = memorise.data(params, made_up({"random": (9, 9, np.nan, 9)}), False)
    assert filled["ends"]["name"] == memorise.NAMES[:-1]
    assert filled["nets"]["name"].count("random labels") == 3
    assert filled["fits"]["words"][1] == "1.0 ×"


@pytest.mark.parametrize(("epochs", "answer"), [(np.nan, 0), (10, 1), (30, 2), (80, 3)])
def test_guess_is_answered_by_the_run(epochs: float, answer: int) -> None:
    params, frames = memorise.Params(seeds=4), made_up({"true": (6,) * 4, "random": (epochs,) * 4})
    guess = memorise.LAB.guess
    assert guess is not None and guess.answer(params, frames) == answer
    check_sentence(guess.reveal(params, frames))
