"""The search finds every critical point, and knows that it has."""

import itertools

import numpy as np
import pytest

from core.data import Floats
from core.experiments.saddle_counts import fields
from core.experiments.saddle_counts.fields import Field, balance, boundary_balance, random_field, search

SIDES = {1: 40.0, 2: 7.0, 3: 3.2}


def made(dimension: int, seed: int = 0, features: int = 60, period: float | None = None) -> Field:
    return random_field(dimension, features, np.random.default_rng([seed, dimension]), period)


def heights(field: Field, x: Floats) -> Floats:
    return np.asarray(np.sqrt(2 / len(field.waves)) * np.cos(x @ field.waves.T + field.phases).sum(axis=1))


def found(field: Field, side: float) -> Floats:
    *_, last = search(field, side)
    assert last.cells == 0
    return last.points


def test_field_has_the_covariance_it_should() -> None:
    waves = made(2, features=20_000).waves  # over the phases the covariance is the mean of cos(w·x)
    for x in ([0.8, 0.6], [2.0, 0.0], [-0.5, 0.5]):
        assert np.cos(waves @ x).mean() == pytest.approx(np.exp(-np.square(x).sum() / 2), abs=0.03)
    values = [random_field(2, 50, np.random.default_rng(seed)).jet(np.zeros((1, 2))).value[0] for seed in range(500)]
    assert np.mean(values) == pytest.approx(0, abs=0.2) and np.var(values) == pytest.approx(1, abs=0.25)


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_jet_is_value_gradient_and_hessian(dimension: int) -> None:
    field, x, h = made(dimension), np.random.default_rng(1).uniform(0, 3, (4, dimension)), 1e-5
    jet = field.jet(x)
    assert np.allclose(jet.value, heights(field, x))
    hessian = np.einsum("pia,pa,pja->pij", jet.axes, jet.curvatures, jet.axes)
    third = np.zeros(4)
    for axis in range(dimension):
        up, down = (field.jet(x + sign * h * np.eye(dimension)[axis]) for sign in (1, -1))
        assert np.allclose(
            (heights(field, x + h * np.eye(dimension)[axis]) - heights(field, x)) / h, jet.gradient[:, axis], atol=1e-3
        )
        assert np.allclose((up.gradient - down.gradient) / (2 * h), hessian[:, axis], atol=1e-6)
        whole = [np.einsum("pia,pa,pja->pij", j.axes, j.curvatures, j.axes) for j in (up, down)]
        third += np.square((whole[0] - whole[1]) / (2 * h)).sum(axis=(1, 2))
    assert np.allclose(jet.third, np.sqrt(third), rtol=1e-5)


def test_jet_with_offsets_is_the_jet_at_the_sums() -> None:
    field, x = made(3), np.random.default_rng(2).uniform(0, 3, (5, 3))
    offsets = np.array([[0.1, 0.0, -0.2], [0.0, 0.3, 0.1]])
    sums = (x[:, np.newaxis] + offsets).reshape(-1, 3)
    for part, other in zip(field.jet(x, offsets), field.jet(sums), strict=True):
        assert np.allclose(np.abs(part), np.abs(other), atol=1e-10)  # eigenvectors up to their sign


def test_fourth_bounds_how_fast_third_derivatives_change() -> None:
    field = made(2)
    x = np.random.default_rng(3).uniform(0, 5, (500, 2))
    near = x + 1e-3
    change = np.abs(field.jet(near).third - field.jet(x).third).max()
    assert change <= 2 * field.fourth * 1e-3 * np.sqrt(2)


def test_points_of_a_checkerboard_are_all_found() -> None:
    field = Field(np.eye(2), np.array([0.3, 0.4]))  # cos(x + 0.3) + cos(y + 0.4)
    points = found(field, 9.2)
    expected = np.array(list(itertools.product(*(np.arange(1, 4) * np.pi - shift for shift in (0.3, 0.4)))))
    assert len(points) == 9
    assert np.linalg.norm(points[:, np.newaxis] - expected, axis=2).min(axis=1).max() < 1e-9
    index = (field.jet(points).curvatures < 0).sum(axis=1)
    assert np.bincount(index).tolist() == [4, 4, 1]


@pytest.mark.parametrize("seed", range(3))
def test_in_one_dimension_every_sign_change_of_the_slope_is_found(seed: int) -> None:
    field, line = made(1, seed), np.linspace(0, SIDES[1], 40_001)
    slope = -np.sqrt(2 / 60) * (field.waves[:, 0] * np.sin(line[:, np.newaxis] * field.waves[:, 0] + field.phases)).sum(
        1
    )
    changes = line[:-1][np.diff(np.sign(slope)) != 0]
    points = np.sort(found(field, SIDES[1])[:, 0])
    assert len(points) == len(changes) and np.allclose(points, changes, atol=2e-3)


@pytest.mark.parametrize("dimension", [2, 3])
def test_a_much_finer_first_grid_finds_the_same(dimension: int, monkeypatch: pytest.MonkeyPatch) -> None:
    field, side = made(dimension, seed=5), SIDES[dimension]
    points = found(field, side)
    monkeypatch.setattr(fields, "FIRST_CELL", 0.1 if dimension == 2 else 0.2)
    again = found(field, side)
    assert len(points) == len(again) > 3
    assert np.linalg.norm(points[:, np.newaxis] - again, axis=2).min(axis=1).max() < 1e-8


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_points_are_critical_distinct_and_inside(dimension: int) -> None:
    field, side = made(dimension, seed=2), SIDES[dimension]
    points = found(field, side)
    gradient = -np.sqrt(2 / 60) * np.sin(points @ field.waves.T + field.phases) @ field.waves
    assert np.linalg.norm(gradient, axis=1).max() < 1e-8
    apart = np.linalg.norm(points[:, np.newaxis] - points, axis=2) + np.eye(len(points))
    assert apart.min() > 1e-3
    assert (points >= 0).all() and (points <= side).all()


def test_count_grows_with_finer_grids_until_it_stops() -> None:
    levels = list(search(made(2, seed=1), SIDES[2]))
    counts = [len(level.points) for level in levels]
    assert counts == sorted(counts) and counts[0] < counts[-1] == counts[-2]
    assert np.allclose(np.diff(np.log2([level.cell for level in levels])), -1)
    assert levels[-1].cells == 0 < levels[-2].cells


@pytest.mark.parametrize(("dimension", "seed"), [(1, 0), (1, 1), (2, 0), (2, 1), (2, 2), (3, 0)])
def test_inside_and_boundary_balance_to_one(dimension: int, seed: int) -> None:
    field, side = made(dimension, seed), SIDES[dimension]
    assert balance(field, found(field, side)) + boundary_balance(field, side) == 1


def test_a_lost_point_breaks_the_balance() -> None:
    field = made(2)
    points = found(field, SIDES[2])
    assert balance(field, points[1:]) + boundary_balance(field, SIDES[2]) != 1


@pytest.mark.parametrize(("dimension", "period"), [(1, 30.0), (2, 7.0), (2, 8.0), (3, 4.5)])
def test_a_field_that_repeats_itself_balances_to_zero(dimension: int, period: float) -> None:
    field = made(dimension, seed=4, period=period)
    x = np.random.default_rng(0).uniform(0, period, (3, dimension))
    assert np.allclose(heights(field, x), heights(field, x + period * np.eye(dimension)[0]))
    points = found(field, period)
    assert len(points) > 4 and balance(field, points) == 0


def test_a_repeating_field_has_the_same_statistics() -> None:
    waves = made(2, features=20_000, period=7.0).waves
    assert np.allclose(waves.T @ waves / 20_000, np.eye(2), atol=0.04)
    assert np.mean(waves**4) == pytest.approx(3, abs=0.15)


def test_a_face_is_the_field_with_a_coordinate_held() -> None:
    field = made(3)
    x = np.random.default_rng(0).uniform(0, 3, (4, 2))
    whole = np.column_stack([x[:, 0], np.full(4, 1.5), x[:, 1]])
    assert np.allclose(field.held((None, 1.5, None)).jet(x).value, heights(field, whole))


def test_lines_of_critical_points_are_reported_not_settled() -> None:
    *_, last = search(Field(np.array([[1.0, 0.0]]), np.array([0.5])), 4.0)  # cos(x + 0.5), the same for every y
    assert last.cells > 0


def test_newton_steps_to_the_point_of_a_quadratic() -> None:
    field = Field(np.eye(2), np.zeros(2))
    ends = fields.newton(field, np.array([[0.2, -0.1], [3.0, 3.3]]), reach=0.5)
    assert np.allclose(ends[np.argsort(ends[:, 0])], np.array([[0, 0], [np.pi, np.pi]]), atol=1e-9)
    assert len(fields.newton(field, np.array([[1.5, 1.6]]), reach=0.01)) == 0  # too far for its reach


def test_merge_keeps_each_point_once() -> None:
    points = np.array([[0.0, 0.0], [1.0, 0.0]])
    ends = np.array([[1.0, 1e-9], [2.0, 0.0], [2.0, -1e-9], [0.0, 0.0]])
    assert np.allclose(fields.merge(points, ends), [[0, 0], [1, 0], [2, 0]], atol=1e-8)
