"""Cover's count, and labels put to a linear programme."""

from functools import cache
from itertools import islice, product
from math import comb

import numpy as np
import pytest

from core.experiments.random_labels import capacity
from core.lab import Frame, Value, replace

from ..checks import check_figure, check_run, check_sentence

MOVING = ("measured", "asked", "share")


def finished(**changes: Value) -> tuple[capacity.Params, tuple[Frame, ...]]:
    params = replace(capacity.Params(samples=12, dimension=5, trials=100), changes)
    return params, frames_of(params)


@cache
def frames_of(params: capacity.Params, count: int | None = None) -> tuple[Frame, ...]:
    return tuple(islice(capacity.run(params), count))


def test_run_and_figure() -> None:
    params, frames = finished()
    check_run(frames, params.trials)
    check_figure(capacity.LAB, params, frames, MOVING)


def test_the_same_settings_give_the_same_frames_bit_for_bit() -> None:
    params, frames = finished()
    for first, second in zip(frames[:20], frames_of(params, 20), strict=True):
        assert first.step == second.step
        for name, value in first.values.items():
            assert np.array_equal(value, second.values[name]), name


@pytest.mark.parametrize("changes", [{"seed": 1}, {"dimension": 4}, {"bias": True}, {"data": "digits"}])
def test_settings_change_the_run(changes: dict[str, Value]) -> None:
    params, frames = finished()
    others = frames_of(replace(params, changes), 25)
    assert not np.array_equal(frames[24].values["separable"], others[-1].values["separable"])


def test_trials_do_not_depend_on_how_many_there_are() -> None:
    params, few = finished()
    many = frames_of(replace(params, {"trials": 400}), 5)
    assert many[-1].step == few[19].step == 20
    assert (few[19].values["separable"] == many[-1].values["separable"]).all()


@pytest.mark.parametrize(("points", "dimension"), [(1, 1), (4, 3), (8, 3), (30, 40), (61, 30), (300, 100)])
def test_count_is_covers_sum(points: int, dimension: int) -> None:
    exact = 2 * sum(comb(points - 1, k) for k in range(dimension))
    assert capacity.labellings(points, dimension) == exact
    assert capacity.probability(points, dimension) == pytest.approx(exact / 2**points, rel=1e-12)


@pytest.mark.parametrize("dimension", [1, 2, 7, 30, 1000])
def test_chance_is_one_half_at_two_points_a_weight_and_one_up_to_one(dimension: int) -> None:
    assert capacity.probability(2 * dimension, dimension) == 0.5
    assert capacity.probability(dimension, dimension) == 1
    assert capacity.labellings(dimension + 1, dimension) == 2 ** (dimension + 1) - 2


def test_programme_finds_as_many_labellings_as_the_count() -> None:
    """Every labelling of seven points in the plane, through the origin and with a bias."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(7, 2))
    every = [np.array(labels, float) for labels in product((-1, 1), repeat=7)]
    assert sum(capacity.separable(points, labels) for labels in every) == capacity.labellings(7, 2) == 14
    lifted = np.hstack((points, np.ones((7, 1))))
    assert sum(capacity.separable(lifted, labels) for labels in every) == capacity.labellings(7, 3) == 44


def test_programme_agrees_with_one_that_maximises_the_margin() -> None:
    from scipy.optimize import linprog  # type: ignore[import-untyped]

    params = capacity.Params()
    for trial in range(30):
        points, labels = capacity.draw(params, 60, trial)
        rows = np.hstack((-labels[:, np.newaxis] * points, np.ones((60, 1))))
        bounds = [(-1, 1)] * 30 + [(None, None)]
        margin = -linprog([0] * 30 + [-1], A_ub=rows, b_ub=np.zeros(60), bounds=bounds).fun
        assert capacity.separable(points, labels) == (margin > 1e-9)


def test_exclusive_or_is_not_separable() -> None:
    corners = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]], float)
    assert not capacity.separable(corners, np.array([-1.0, 1, 1, -1]))
    assert capacity.separable(corners, np.array([-1.0, 1, 1, 1]))


def test_bias_is_a_column_of_ones_and_a_weight_more() -> None:
    params = capacity.Params(bias=True)
    points, labels = capacity.draw(params, 9, 0)
    assert points.shape == (9, 31) and (points[:, 30] == 1).all() and set(labels) <= {-1.0, 1.0}
    assert capacity.weights(params) == 31


def test_digits_are_distinct_images() -> None:
    points, _ = capacity.draw(capacity.Params(data="digits", dimension=20), 200, 0)
    assert len(np.unique(points.round(9), axis=0)) == 200


def test_measured_shares_are_near_the_exact_ones() -> None:
    params, frames = finished()
    numbers = capacity.result(params, frames)
    assert numbers["points"] == [5, 8, 9, 10, 11, 12, 15]
    for measured, exact in zip(numbers["measured"], numbers["exact"], strict=True):
        assert abs(measured - exact) <= 4 * np.sqrt(exact * (1 - exact) / 100) + 1e-12
    assert numbers["exact_probability"] == capacity.probability(12, 5)
    assert numbers["low"] < numbers["measured_probability"] < numbers["high"]


def test_interval_holds_the_chance_as_often_as_it_says() -> None:
    trials = np.full(4000, 100.0)
    for chance in (0.03, 0.5, 0.9):
        low, high = capacity.interval(np.random.default_rng(0).binomial(100, chance, 4000).astype(float), trials)
        assert 0.92 < np.mean((low <= chance) & (chance <= high)) < 0.98
    low, high = capacity.interval(np.array([0.0, 10.0]), np.array([10.0, 10.0]))
    assert low[0] == 0 and 0.2 < high[0] < 0.35 and high[1] == 1


def test_curves_are_of_fewer_and_more_weights() -> None:
    params, frames = finished()
    exact = capacity.data(params, frames, False)["exact"]
    assert set(exact["name"]) == {"exact, 1 weight", "exact, 5 weights", "exact, 25 weights"}
    for name in set(exact["name"]):
        curve = [c for n, c in zip(exact["name"], exact["chance"], strict=True) if n == name]
        assert curve == sorted(curve, reverse=True)


def test_sentence_reports_the_run_at_every_frame() -> None:
    params, frames = finished()
    for count in (1, 2, 50, 100):
        check_sentence(capacity.sentence(params, frames[:count]))
    numbers = capacity.result(params, frames)
    text = capacity.sentence(params, frames)
    assert f"{numbers['measured_probability']:.3g} of 100 draws" in text and "5 free weights" in text


def test_sentence_says_when_the_run_misses() -> None:
    params, frames = finished()
    last = {**frames[-1].values, "separable": np.zeros(7)}
    made_up = [Frame(100, 100, last)]
    text = capacity.sentence(params, made_up)
    check_sentence(text)
    assert "misses the exact value" in text and "by chance" in text
    assert "general position" in capacity.sentence(replace(params, {"data": "digits"}), made_up)


def test_sentence_of_a_chance_next_to_one() -> None:
    params = capacity.Params(samples=6, dimension=20)
    text = capacity.sentence(params, frames_of(params, 1))
    check_sentence(text)
    assert "by counting: 1." in text
    params = capacity.Params(samples=21, dimension=20)
    assert "1 − 1e-06" in capacity.sentence(params, frames_of(params, 1))


@pytest.mark.parametrize(("share", "answer"), [(0.1, 0), (0.5, 1), (0.9, 2)])
def test_guess_is_answered_by_the_run(share: float, answer: int) -> None:
    params, frames = finished()
    made_up = [Frame(100, 100, {**frames[-1].values, "separable": np.full(7, 100 * share)})]
    guess = capacity.LAB.guess
    assert guess is not None and guess.answer(params, made_up) == answer
    assert f"{share:.0%}" in guess.reveal(params, made_up)
