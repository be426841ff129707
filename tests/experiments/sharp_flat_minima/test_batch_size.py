"""Pairs of batch size and learning rate, compared at equal loss or at equal epochs."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from core.experiments.sharp_flat_minima import batch_size, minima
from core.lab import Array, Frame

from ..checks import check_figure, check_run, check_sentence
from .small import altered, few_examples, finished

MOVING = ("curves", "nets", "medians", "differences")
QUICK = {"batch_size": 64, "learning_rate": 0.1, "target": 1.4, "limit": 30}
EPOCHS = {"batch_size": 64, "learning_rate": 0.1, "stop": "equal epochs", "epochs": 5}


def with_kept(frames: Sequence[Frame], row: int, nets: Sequence[int]) -> list[Frame]:
    """The last frame, as if only these nets of a pair had been kept."""

    def change(values: dict[str, Array]) -> None:
        lost = np.setdiff1d(np.arange(values["epochs"].shape[1]), nets)
        for name in ("epochs", "test_accuracy", "top_eigenvalue", "trace", "trace_error", "sharpness"):
            values[name][row, lost] = np.nan

    return altered(frames, change)


def test_run_and_figure() -> None:
    params, frames = finished(batch_size, **QUICK)
    check_run(frames, 30 + 4 * 4 * (3 * 3 + 8))
    check_figure(batch_size.LAB, params, frames, MOVING)


def test_default_run_has_fewer_than_200_frames() -> None:
    params = batch_size.Params()
    training = batch_size.EVERY_EPOCH + -(-(params.limit - batch_size.EVERY_EPOCH) // batch_size.EPOCHS) + 1
    assert 100 < training + 4 * (3 * params.replicas + len(batch_size.LENGTHS)) < 200


def test_nets_are_kept_below_the_loss_and_measured() -> None:
    params, frames = finished(batch_size, **QUICK)
    values = frames[-1].values
    kept = np.isfinite(values["epochs"])
    assert kept.all() and (values["loss"][kept] < params.target).all()
    for name in (*batch_size.MEASURED, "test_accuracy"):
        assert np.array_equal(np.isfinite(values[name]), kept), name
    assert np.median(values["residual"] / values["top_eigenvalue"]) < 0.05
    assert (values["trace"][kept] > values["top_eigenvalue"][kept]).all()
    assert np.allclose(values["difference_ratio"][kept.any(axis=1)][:, -1], 1, atol=0.01)


def test_numbers_are_known_one_after_the_other() -> None:
    _, frames = finished(batch_size, **QUICK)
    known = [int(np.isfinite(frame.values["top_eigenvalue"]).sum()) for frame in frames]
    assert known == sorted(known) and len(set(known)) > 6
    assert np.isfinite(frames[0].values["loss"]).all() and frames[0].step == 0


def test_the_same_settings_give_the_same_frames_bit_for_bit() -> None:
    params, frames = finished(batch_size, **EPOCHS)
    with few_examples():
        again = tuple(batch_size.run(params))
    for first, second in zip(frames, again, strict=True):
        assert first.step == second.step
        for name, value in first.values.items():
            assert np.array_equal(value, second.values[name], equal_nan=True), name


@pytest.mark.parametrize("changes", [{"seed": 1}, {"learning_rate": 0.15}])
def test_settings_change_the_run(changes: dict[str, Any]) -> None:
    _, frames = finished(batch_size, **EPOCHS)
    _, others = finished(batch_size, **(EPOCHS | changes))
    assert not np.allclose(frames[-1].values["loss"][3], others[-1].values["loss"][3], atol=1e-4)


def test_at_equal_epochs_every_net_counts_and_the_sentence_warns() -> None:
    params, frames = finished(batch_size, **EPOCHS)
    values = frames[-1].values
    assert (values["epochs"] == 5).all() and (values["trained"] == 5).all()
    assert np.isfinite(values["top_eigenvalue"]).all()
    check_figure(batch_size.LAB, params, frames, MOVING)

    def change(values: dict[str, Array]) -> None:
        values["loss"][0] /= 4

    text = batch_size.sentence(params, altered(frames, change))
    check_sentence(text)
    assert "Every net after 5 epochs" in text and "do not compare minima" in text


def test_result_holds_medians_by_pair() -> None:
    params, frames = finished(batch_size, **EPOCHS)
    numbers, values = batch_size.result(params, frames), frames[-1].values
    assert list(numbers["top_eigenvalue"]) == ["16 at 0.05", "64 at 0.2", "64 at 0.05", "64 at 0.1"]
    sources = {"top_eigenvalue": "top_eigenvalue", "trace": "trace", "final_loss": "loss", "epochs": "epochs"}
    for name, source in {**sources, "test_accuracy": "test_accuracy"}.items():
        assert list(numbers[name].values()) == pytest.approx(np.median(values[source], axis=1))
        assert numbers["spread"][name]["64 at 0.1"]["replicas"] == pytest.approx(values[source][3])
    tops = numbers["top_eigenvalue"]
    assert numbers["equal_noise_ratio"] == pytest.approx(tops["64 at 0.2"] / tops["16 at 0.05"])
    assert numbers["own_ratio"] == pytest.approx(tops["64 at 0.1"] / tops["64 at 0.2"])
    assert numbers["difference_trace"]["16 at 0.05"] == values["difference_ratio"][0, 2]
    assert numbers["noise_scale"]["64 at 0.1"] == minima.noise_scale(64, 0.1)


def test_a_pair_of_the_reference_is_not_run_twice() -> None:
    params = batch_size.Params(batch_size=64, learning_rate=0.2)
    assert batch_size.pairs(params) == batch_size.REFERENCE
    assert [row.key for row in batch_size.rows(params)] == ["16 at 0.05", "64 at 0.2", "64 at 0.05"]


def test_sentence_for_every_prefix() -> None:
    for settings in (QUICK, EPOCHS):
        params, frames = finished(batch_size, **settings)
        for length in range(1, len(frames) + 1, 5):
            check_sentence(batch_size.sentence(params, frames[:length]))
    assert "none there after 0 epochs" in batch_size.sentence(params, frames[:1])


def test_sentence_leaves_out_nets_that_missed() -> None:
    params, frames = finished(batch_size, **EPOCHS)
    text = batch_size.sentence(params, with_kept(frames, 1, (0, 2)))
    check_sentence(text)
    assert "1 of 3 nets not there, and left out" in text
    none = batch_size.sentence(params, with_kept(frames, 1, ()))
    check_sentence(none)
    assert "none there after 5 epochs" in none and "differ by a factor" not in none


def test_sentence_tells_of_nets_that_diverged() -> None:
    params, frames = finished(batch_size, **EPOCHS)

    def change(values: dict[str, Array]) -> None:
        values["loss"][3] = values["epochs"][3] = np.nan
        values["top_eigenvalue"][3] = values["test_accuracy"][3] = np.nan

    broken = altered(frames, change)
    check_sentence(batch_size.sentence(params, broken))
    assert "every net diverged" in batch_size.sentence(params, broken)
    assert batch_size.data(params, broken, False)["medians"]["top_eigenvalue"][3] is None


@pytest.mark.parametrize(("ratio", "said"), [(1.1, True), (2.0, False), (0.5, False)])
def test_sentence_says_when_equal_noise_scales_do_not_lie_together(ratio: float, said: bool) -> None:
    params, frames = finished(batch_size, **EPOCHS)

    def change(values: dict[str, Array]) -> None:
        values["top_eigenvalue"][1] = ratio * np.median(values["top_eigenvalue"][0])

    text = batch_size.sentence(params, altered(frames, change))
    assert ("do not lie together" in text) is not said


@pytest.mark.parametrize(("ratio", "answer"), [(0.5, 0), (1.0, 1), (1.8, 2)])
def test_guess_is_answered_by_the_run(ratio: float, answer: int) -> None:
    params, frames = finished(batch_size, **EPOCHS)

    def change(values: dict[str, Array]) -> None:
        values["top_eigenvalue"][1], values["top_eigenvalue"][3] = 4, 4 * ratio

    guess, made_up = batch_size.LAB.guess, altered(frames, change)
    assert guess is not None and guess.answer(params, made_up) == answer
    check_sentence(guess.reveal(params, made_up))
    assert f"{4 * ratio:.1f}" in guess.reveal(params, made_up)
