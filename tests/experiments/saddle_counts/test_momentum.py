"""Plain descent, momentum and Adam leave a saddle at their exact rates, unless they start on its ridge."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest

from core.experiments.saddle_counts import momentum
from core.lab import Frame

from ..checks import check_figure, check_run, check_sentence

MOVING = ("growth", "paths", "ends", "swept", "every")
GOLDEN = (np.sqrt(5) - 1) / 2


@pytest.fixture(autouse=True, scope="module")
def short_sweep() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(momentum, "SWEEP_STEPS", 3000)
        yield


@cache
def finished(**settings: Any) -> tuple[momentum.Params, tuple[Frame, ...]]:
    params = momentum.Params(**{"replicas": 4, "offset": 1e-4, "steps": 1500} | settings)
    return params, tuple(momentum.run(params))


@pytest.mark.parametrize("settings", [{}, {"offset": 0, "noise": 0.1, "momentum": 0.999, "replicas": 16}])
def test_run_and_figure(settings: dict[str, Any]) -> None:
    params, frames = finished(**settings)
    check_run(frames, params.steps)
    check_figure(momentum.LAB, params, frames, MOVING)


def test_the_same_settings_give_the_same_frames_bit_for_bit() -> None:
    params, frames = finished(noise=0.001, offset=0, steps=300)
    for first, second in zip(frames, momentum.run(params), strict=True):
        for name, value in first.values.items():
            assert np.array_equal(value, second.values[name], equal_nan=True), name


def test_runs_do_not_depend_on_how_many_there_are() -> None:
    few = finished(noise=0.001, offset=0, steps=300)[1]
    many = finished(noise=0.001, offset=0, steps=300, replicas=8)[1]
    assert np.array_equal(few[-1].values["y"], many[-1].values["y"][:, :4])


@pytest.mark.parametrize("changes", [{"seed": 1}, {"momentum": 0.5}, {"curvature": 0.5}, {"noise": 0.001}])
def test_settings_change_the_run(changes: dict[str, Any]) -> None:
    assert not np.array_equal(
        finished()[1][-1].values["left"], finished(**changes)[1][-1].values["left"], equal_nan=True
    )


@pytest.mark.parametrize(("beta", "rate"), [(0.0, 0.01), (0.5, 0.01), (0.9, 0.01), (0.9, 1.0), (0.999, 1e-4)])
def test_roots_are_the_eigenvalues_of_one_step(beta: float, rate: float) -> None:
    step = np.array([[1 + beta + rate, -beta], [1.0, 0.0]])
    low, high = np.sort(np.linalg.eigvals(step).real)
    assert momentum.growth_roots(beta, rate) == pytest.approx((high, low), abs=1e-12)


def test_growth_of_the_reference() -> None:
    assert momentum.growth_roots(0.0, 0.01)[0] - 1 == pytest.approx(0.0100, abs=5e-5)
    assert momentum.growth_roots(0.5, 0.01)[0] - 1 == pytest.approx(0.0196, abs=5e-5)


def test_the_folk_factor_holds_far_below_its_limit_only() -> None:
    beta = 0.999
    limit = (1 - beta) ** 2
    shares = momentum.speed_up(beta, limit * np.array([1e-4, 1.0, 1e4])) * (1 - beta)
    assert shares == pytest.approx([1, GOLDEN, 0], abs=0.01)
    assert momentum.speed_up(0.0, 0.3) == pytest.approx(1)


def test_the_run_grows_and_leaves_as_the_formula_says() -> None:
    params, frames = finished()
    numbers, left = momentum.result(params, frames), frames[-1].values["left"]
    for row, (name, beta) in enumerate((("plain", 0.0), ("momentum", 0.9))):
        assert numbers[f"{name}_growth"] == pytest.approx(numbers[f"{name}_root"], abs=2e-4)
        exact = momentum.exact_steps(beta, 0.01, momentum.starts(params))
        assert np.abs(left[row] - exact).max() <= 1
    assert numbers["measured_speed_up"] == pytest.approx(numbers["speed_up"], rel=0.1)
    assert numbers["speed_up"] < 0.7 * numbers["folk_factor"]
    assert numbers["adam_steps"] < numbers["momentum_steps"] < numbers["plain_steps"]


def test_plain_descent_and_momentum_zero_are_the_same() -> None:
    _, frames = finished(momentum=0.0, noise=0.001, steps=300)
    for name in ("x", "y"):
        assert np.array_equal(frames[-1].values[name][0], frames[-1].values[name][1])


def test_adam_steps_as_published() -> None:
    params, frames = finished(steps=300, replicas=1)
    point, first, second = np.array([1.0, momentum.starts(params)[0]]), np.zeros(2), np.zeros(2)
    for step in range(1, 31):
        gradient = np.array([point[0], -(point[1] - point[1] ** 3)])
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        point = point - 0.01 * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
    at = next(frame for frame in frames if frame.step == 30).values
    assert (at["x"][2, 0], at["y"][2, 0]) == pytest.approx(tuple(point), abs=1e-12)


def test_on_the_ridge_nothing_moves() -> None:
    params, frames = finished(offset=0)
    assert (frames[-1].values["y"] == 0).all() and momentum.result(params, frames)["at_ridge"] == 12
    text = momentum.sentence(params, frames)
    check_sentence(text)
    assert "none of the 12 runs has moved off it" in text
    check_figure(momentum.LAB, params, frames, MOVING)


def test_noise_pushes_runs_off_the_ridge() -> None:
    params, frames = finished(offset=0, noise=0.001)
    assert np.isfinite(frames[-1].values["left"]).all()
    text = momentum.sentence(params, frames)
    check_sentence(text)
    assert "exact, without noise" in text


def test_the_sweep_measures_what_the_formula_says() -> None:
    _, frames = finished()
    ratios = momentum.ratios(frames)
    assert np.isnan(ratios[0]) and np.isfinite(ratios[-8:]).all()
    exact = momentum.speed_up(0.9, momentum.SWEPT)
    assert ratios[-8:] == pytest.approx(exact[-8:], rel=0.2)
    here = np.flatnonzero(np.isclose(momentum.SWEPT, 0.01))[0]
    exact_steps = [momentum.exact_steps(beta, 0.01, np.array([1e-4]))[0] for beta in (0.0, 0.9)]
    assert frames[-1].values["swept"][:, here] == pytest.approx(exact_steps, abs=1)


def test_runs_end_at_a_minimum() -> None:
    values = finished()[1][-1].values
    assert np.abs(values["y"]) == pytest.approx(1, abs=0.01) and values["x"] == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("length", [1, 5, 40, None])
def test_sentence_at_every_stage(length: int | None) -> None:
    params, frames = finished()
    check_sentence(momentum.sentence(params, frames[:length]))


def test_sentence_of_the_whole_run() -> None:
    params, frames = finished()
    text = momentum.sentence(params, frames)
    assert "medians of 4 runs" in text and "momentum 1.0647 (exact: 1.0647)" in text
    assert "momentum is 6.3 times as fast" in text and "1/(1 − β) promises 10." in text


def test_one_run_has_no_spread_and_a_large_factor_is_written_out() -> None:
    params, frames = finished(replicas=1, momentum=0.999)
    text = momentum.sentence(params, frames)
    check_sentence(text)
    assert "one run" in text and "80 %" not in text and "promises 1,000." in text


def test_sentence_tells_of_runs_that_diverged() -> None:
    params, frames = finished()
    values = {name: value.copy() for name, value in frames[-1].values.items()}
    values["y"][0, :2], values["left"][0, :2] = np.nan, np.nan
    text = momentum.sentence(params, [Frame(1500, 1500, values)])
    check_sentence(text)
    assert "2 of 12 runs diverged" in text and "in the 2 runs that have left" in text


def test_guess_is_answered_by_the_run() -> None:
    guess = momentum.LAB.guess
    assert guess is not None
    params, frames = finished()
    assert guess.answer(params, frames) == 1
    assert "6.3-fold (exact)" in guess.reveal(params, frames)
    values = {**frames[-1].values, "left": np.array([[1000.0] * 4, [105.0] * 4, [10.0] * 4])}
    assert guess.answer(params, [Frame(1500, 1500, values)]) == 0
    values["left"] = values["left"] + np.array([[0], [400], [0]])
    assert guess.answer(params, [Frame(1500, 1500, values)]) == 2
    check_sentence(guess.reveal(params, frames[:1]))
