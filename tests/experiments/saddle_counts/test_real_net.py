"""All eigenvalues of small nets' Hessians, exact, along training."""

import math
from functools import cache
from typing import Any

import numpy as np
import pytest

from core.experiments.saddle_counts import real_net
from core.lab import Frame

from ..checks import check_figure, check_run, check_sentence

MOVING = ("training", "spectra", "moments", "spectrum", "top", "every")


@cache
def finished(**settings: Any) -> tuple[real_net.Params, tuple[Frame, ...]]:
    small = {"classes": 3, "width": 4, "replicas": 3, "examples": 100, "steps": 300}
    params = real_net.Params(**small | settings)
    return params, tuple(real_net.run(params))


def test_run_and_figure() -> None:
    params, frames = finished()
    check_run(frames, frames[0].total)
    check_figure(real_net.LAB, params, frames, MOVING)


def test_the_largest_figure_is_small_enough() -> None:
    _, frames = finished()
    wide = real_net.Params(width=64)
    rng = np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = {"spectrum": (1738,), "top": (5, 20), "loss": (5,), "gradient": (5,)}
    values = {**frames[-1].values, **{name: np.abs(rng.normal(size=shape)) for name, shape in shapes.items()}}
    values |= {name: np.abs(rng.normal(size=(5, 9))) for name in real_net.MEASURED}
    for name in ("spectrum", "top"):
        values[name] = -np.sort(-values[name])
    check_figure(real_net.LAB, wide, [Frame(k, 40, values | {"trained": np.array(k)}) for k in range(41)], MOVING)
    assert real_net.parameters(wide) == 1738


def test_the_same_settings_give_the_same_frames_bit_for_bit() -> None:
    params, frames = finished()
    for first, second in zip(frames, real_net.run(params), strict=True):
        for name, value in first.values.items():
            assert np.array_equal(value, second.values[name], equal_nan=True), name


@pytest.mark.parametrize("changes", [{"seed": 1}, {"data_seed": 1}, {"learning_rate": 0.1}, {"activation": "ReLU"}])
def test_settings_change_the_run(changes: dict[str, Any]) -> None:
    _, frames = finished()
    _, others = finished(**changes)
    assert not np.allclose(frames[-1].values["share"], others[-1].values["share"], equal_nan=True)


def test_images_are_centred_and_of_the_classes_asked_for() -> None:
    x, y = real_net.examples(real_net.Params(classes=4, examples=200))
    assert x.shape == (200, 16) and np.abs(x.mean(axis=0)).max() < 1e-12
    assert set(y) == {0, 1, 2, 3}


def test_eigenvalues_are_those_of_the_whole_hessian() -> None:
    from core.curvature import Objective
    from core.nets import MLP

    params, frames = finished()
    x, y = real_net.examples(params)
    net = MLP((16, params.width, params.classes), params.activation)
    start = net.initial(params.replicas, params.seed)
    objective = Objective(net, tuple(part.shape[1:] for part in start), x, y)
    point = objective.pack(start)
    assert point.shape == (3, real_net.parameters(params))
    found = [np.linalg.eigvalsh(objective.hessian(one)) for one in point]
    values = frames[-1].values
    first = next(frame.values["spectrum"] for frame in frames if np.isfinite(frame.values["spectrum"]).all())
    assert np.allclose(first[::-1], found[0], atol=1e-12)
    assert np.allclose(values["deepest"][:, 0], [one[0] / one[-1] for one in found])
    assert np.allclose(values["share"][:, 0], [np.mean(one < -1e-10 * one[-1]) for one in found])
    assert np.allclose(values["at_loss"][:, 0], objective.loss(point))
    assert np.allclose(values["norm"][:, 0], np.linalg.norm(objective.gradient(point), axis=1))


@pytest.mark.parametrize("together", [1, 2])
def test_a_hessian_in_blocks_is_whole(monkeypatch: pytest.MonkeyPatch, together: int) -> None:
    monkeypatch.setattr(real_net, "TOGETHER", 5)
    wanted = np.random.default_rng(0).normal(size=(13, 13))

    class Quadratic:
        def hessian_vector_product(self, point: Any, vectors: Any) -> Any:
            return vectors @ wanted

    parts = [part.copy() for part in real_net._filled(Quadratic(), np.zeros(13), together)]
    assert len(parts) == math.ceil(3 / together)
    assert np.array_equal(parts[-1], wanted)
    assert np.allclose(real_net.eigenvalues(wanted)[::-1], np.linalg.eigvalsh((wanted + wanted.T) / 2))


def test_adding_to_all_outputs_changes_nothing_so_that_many_eigenvalues_are_zero() -> None:
    params, frames = finished()
    spectrum = frames[-1].values["spectrum"]
    assert np.sum(np.abs(spectrum) < 1e-10 * spectrum[0]) >= params.width + 1


def test_outliers_lie_above_the_widest_gap() -> None:
    assert real_net.outliers(np.array([9.0, 8, 7, 2, 1.5, 1.2, 0.01]), 3) == 3
    assert real_net.outliers(np.array([9.0, 2, 1.5, 1.2, 0.01]), 2) == 1
    assert real_net.outliers(np.array([9.0, 8.0, -1.0, -2.0]), 2) == 2


def test_there_is_one_outlier_less_than_classes() -> None:
    params, frames = finished()
    counts = real_net.result(params, frames)["spread"]["outliers"]["replicas"]
    assert counts == [2.0, 2.0, 2.0]


@pytest.mark.parametrize("width", [4, 8, 16, 32, 64])
def test_spectra_are_taken_at_falling_losses_the_reference_among_them(width: int) -> None:
    params = real_net.Params(width=width)
    levels = real_net.moments(params)
    assert 3 <= len(levels) <= 9 and np.all(np.diff(levels) < 0) and levels[0] == math.inf
    assert real_net.REFERENCE * math.log(10) in levels


def test_spectra_are_taken_when_the_loss_has_fallen() -> None:
    params, frames = finished()
    levels, at = real_net.moments(params), frames[-1].values["at_loss"]
    known = np.isfinite(at)
    assert known[:, 0].all() and known.sum() >= 20
    assert (at <= levels)[known].all() and (at[:, :-1] > levels[1:])[known[:, :-1]].all()


def test_negative_curvature_fades_as_the_loss_falls() -> None:
    stops = real_net.result(*finished())["stops"]
    assert stops[-1]["deepest"] > 0.2 * stops[0]["deepest"] and stops[-1]["clear_share"] < stops[0]["clear_share"]
    assert stops[-1]["gradient"] < stops[0]["gradient"]


@pytest.mark.parametrize("length", [1, 8, 30, None])
def test_sentence_at_every_stage(length: int | None) -> None:
    params, frames = finished()
    check_sentence(real_net.sentence(params, frames[:length]))
    check_figure(real_net.LAB, params, frames[:length], MOVING)


def test_sentence_of_the_whole_run() -> None:
    params, frames = finished()
    text = real_net.sentence(params, frames)
    assert "3 nets of 83 weights have a median loss" in text
    assert "2 eigenvalues of each net stand above the widest gap (3 nets); there are 3 classes." in text
    assert "No stop is a critical point" in text


def test_sentence_tells_of_nets_that_diverged() -> None:
    params, frames = finished()
    values = {name: value.copy() for name, value in frames[-1].values.items()}
    values["loss"][0] = np.nan
    text = real_net.sentence(params, [Frame(1, 1, values)])
    check_sentence(text)
    assert "1 of 3 nets diverged" in text
    values["loss"][:] = np.nan
    assert real_net.sentence(params, [Frame(1, 1, values)]).startswith("Every net diverged")


@pytest.mark.parametrize(("count", "answer"), [(1, 0), (3, 0), (4, 1), (6, 1), (7, 2)])
def test_guess_is_answered_by_the_run(count: int, answer: int) -> None:
    guess = real_net.LAB.guess
    assert guess is not None
    params, frames = finished()
    values = {**frames[-1].values, "outliers": np.full_like(frames[-1].values["outliers"], count)}
    made_up = [Frame(1, 1, values)]
    assert guess.answer(params, made_up) == answer
    assert f"{count} eigenvalue" in guess.reveal(params, made_up)
    check_sentence(guess.reveal(params, frames[:1]))
