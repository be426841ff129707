"""Slices of the loss hold what the loss is there, and say how much of its curvature they show."""

from typing import Any

import numpy as np
import pytest

from core.experiments.sharp_flat_minima import slices
from core.lab import Array

from ..checks import check_figure, check_run, check_sentence
from .small import altered, few_examples, finished

MOVING = ("curves", "nets", "medians", "lines", "plane_small", "plane_large", "path_small", "path_large")
QUICK: dict[str, Any] = {"small": 64, "large": 128, "target": 1.0, "limit": 60}
CENTRE = slices.SIDE // 2


def test_run_and_figure() -> None:
    params, frames = finished(slices, **QUICK)
    check_run(frames, 60 + 4 * 2 * (2 * 3 + 11))
    check_figure(slices.LAB, params, frames, MOVING)


def test_slices_and_planes_pass_through_the_net() -> None:
    params, frames = finished(slices, **QUICK)
    values = frames[-1].values
    assert np.isfinite(values["reached"]).all() and (values["loss"] < params.target).all()
    assert np.allclose(values["line"][..., CENTRE], values["loss"][..., np.newaxis], atol=1e-5)
    assert np.allclose(values["plane"][:, CENTRE, CENTRE], values["loss"][:, 0], atol=1e-5)
    for kind in range(2):
        first, second = values["line"][kind, 0, :2]
        assert np.allclose(values["plane"][kind, CENTRE], first, rtol=1e-4)
        assert np.allclose(values["plane"][kind, :, CENTRE], second, rtol=1e-4)


def test_random_slices_lie_between_the_ends_of_the_spectrum() -> None:
    _, frames = finished(slices, **QUICK)
    values = frames[-1].values
    assert (values["along"] < 0.2 * values["top"][..., np.newaxis]).all()
    assert (values["along"] > values["least"][..., np.newaxis]).all()
    assert (values["path_share"] < 0.02).all()


def test_the_steepest_direction_has_the_top_eigenvalue() -> None:
    params, frames = finished(slices, **QUICK, directions="eigenvectors", reach=0.05)
    values = frames[-1].values
    assert np.allclose(values["along"][:, :, 0], values["top"], rtol=0.01)
    assert np.allclose(values["along"][:, :, 1], values["least"], atol=0.01)
    assert slices.result(params, frames)["share_of_top"]["small"] == pytest.approx(1, abs=0.01)
    text = slices.sentence(params, frames)
    check_sentence(text)
    assert "along the steepest" in text and "as high along one" not in text


def test_the_plane_of_the_path_holds_it() -> None:
    params, frames = finished(slices, **QUICK, directions="of the path")
    values = frames[-1].values
    assert (values["path_share"] > 0.8).all()
    assert np.array_equal(values["path"][:, -1], np.zeros((2, 2))) and (values["path"][:, 0, 0] > 0.1).all()
    check_figure(slices.LAB, params, frames, MOVING)


def test_the_same_settings_give_the_same_frames_bit_for_bit() -> None:
    params, frames = finished(slices, **QUICK)
    with few_examples():
        again = tuple(slices.run(params))
    for first, second in zip(frames, again, strict=True):
        assert first.step == second.step
        for name, value in first.values.items():
            assert np.array_equal(value, second.values[name], equal_nan=True), name


@pytest.mark.parametrize("changes", [{"direction_seed": 1}, {"normalised": False}, {"seed": 1}])
def test_settings_change_the_slices(changes: dict[str, Any]) -> None:
    _, frames = finished(slices, **QUICK)
    _, others = finished(slices, **(QUICK | changes))
    assert not np.allclose(frames[-1].values["line"], others[-1].values["line"], rtol=1e-3)
    same = np.array_equal(frames[-1].values["loss"], others[-1].values["loss"])
    assert same is ("seed" not in changes)


def test_result_holds_medians_over_nets() -> None:
    params, frames = finished(slices, **QUICK)
    numbers, values = slices.result(params, frames), frames[-1].values
    assert numbers["top_eigenvalue"]["large"] == pytest.approx(np.median(values["top"][1]))
    along = np.median(values["along"][0], axis=1)
    assert numbers["share_of_top"]["small"] == pytest.approx(np.median(along / values["top"][0]))
    half = (values["line"][0, :, :, 5] + values["line"][0, :, :, 15]) / 2
    assert slices.grid(params)[[5, 15]] == pytest.approx([-0.25, 0.25])
    assert numbers["halfway"]["small"] == pytest.approx(np.median(np.median(half, axis=1)))
    assert numbers["halfway_range"]["small"] == pytest.approx(np.median(half.max(axis=1) / half.min(axis=1)))


def test_sentence_for_every_prefix() -> None:
    params, frames = finished(slices, **QUICK)
    for length in range(1, len(frames) + 1, 3):
        check_sentence(slices.sentence(params, frames[:length]))
    assert "not there after 0 epochs" in slices.sentence(params, frames[:1])


def test_sentence_tells_of_nets_that_missed_or_diverged() -> None:
    params, frames = finished(slices, **QUICK)

    def miss(values: dict[str, Array]) -> None:
        for name in ("reached", "top", "least", "line", "along", "plane", "path", "path_share"):
            values[name][1] = np.nan

    text = slices.sentence(params, altered(frames, miss))
    check_sentence(text)
    assert "Batch 128: not there" in text
    check_figure(slices.LAB, params, [frames[0], *altered(frames, miss)], MOVING)

    def diverge(values: dict[str, Array]) -> None:
        miss(values)
        values["loss"][1] = np.nan

    assert "Batch 128: every net diverged" in slices.sentence(params, altered(frames, diverge))


@pytest.mark.parametrize(("share", "answer"), [(0.8, 0), (0.1, 1), (0.003, 2)])
def test_guess_is_answered_by_the_run(share: float, answer: int) -> None:
    params, frames = finished(slices, **QUICK)

    def change(values: dict[str, Array]) -> None:
        values["top"][0], values["along"][0] = 5, 5 * share

    made_up, guess = altered(frames, change), slices.LAB.guess
    assert guess is not None and guess.answer(params, made_up) == answer
    check_sentence(guess.reveal(params, made_up))
