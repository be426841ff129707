"""Hinges are all the places where a ReLU net bends, and no others."""

from itertools import pairwise

import numpy as np
import pytest

from core.experiments.sine_fits.curves import piece_bound
from core.hinges import hinges
from core.lab import Array

RNG = np.random.default_rng


def random_net(sizes: tuple[int, ...], seed: int) -> list[Array]:
    rng = RNG(seed)
    net = []
    for fan_in, fan_out in pairwise(sizes):
        net += [rng.normal(size=(fan_in, fan_out)) * np.sqrt(2 / fan_in), rng.normal(size=(1, fan_out))]
    return net


def evaluate(net: list[Array], x: Array) -> Array:
    values = x[:, None]
    for layer in range(0, len(net), 2):
        values = values @ net[layer] + net[layer + 1]
        values = np.maximum(values, 0) if layer < len(net) - 2 else values
    return values[:, 0]


NETS = [
    ((1, *hidden, 1), seed)
    for hidden in ((1,), (5,), (32,), (6, 6), (16, 16), (5, 7, 9), (8, 8, 8, 8))
    for seed in range(5)
]


@pytest.mark.parametrize(("sizes", "seed"), NETS)
def test_net_is_straight_between_hinges_and_bends_at_each(sizes: tuple[int, ...], seed: int) -> None:
    net = random_net(sizes, seed)
    found = hinges(net)
    assert (np.diff(found) > 0).all()
    ends = np.concatenate(([found[0] - 50], found, [found[-1] + 50])) if len(found) else np.array([-50.0, 50.0])
    slopes = []
    for left, right in pairwise(ends):
        x = np.linspace(left, right, 41)
        y = evaluate(net, x)
        line = y[0] + (y[-1] - y[0]) * np.linspace(0, 1, 41)
        np.testing.assert_allclose(y, line, atol=1e-11 * (1 + np.abs(y).max()))
        slopes.append((y[-1] - y[0]) / (right - left) if right - left > 1e-5 else np.nan)
    change = np.abs(np.diff(slopes))
    known = np.isfinite(change)
    assert known.mean() > 0.9
    assert (change[known] > 1e-7 * np.nanmax(np.abs(slopes))).all()


def test_one_layer_and_the_same_with_an_idle_layer_behind_it_bend_alike() -> None:
    for seed in range(20):
        net = random_net((1, 24, 1), seed)
        lift = np.array([[100.0]])  # The second layer passes on what lies above −100.
        longer = [*net[:3], net[3] + lift, np.ones((1, 1)), -lift]
        found, longer_found = hinges(net), hinges(longer)
        assert len(found) == 24
        above = found[evaluate(net, found) > -99]
        assert len(above) > 12
        assert np.abs(longer_found[:, None] - above).min(axis=0).max() < 1e-9


def test_two_units_that_cancel_bend_nothing() -> None:
    net = [
        np.array([[1.0, 1.0, 2.0]]),
        np.array([[-0.5, -0.5, 1.0]]),
        np.array([[1.0], [-1.0], [3.0]]),
        np.zeros((1, 1)),
    ]
    np.testing.assert_array_equal(hinges(net), [-0.5])


@pytest.mark.parametrize(("sizes", "seed"), NETS)
def test_a_fine_grid_finds_no_other_bend(sizes: tuple[int, ...], seed: int) -> None:
    net = random_net(sizes, seed)
    grid = np.linspace(-6, 6, 60_001)
    y = evaluate(net, grid)
    second = np.abs(np.diff(y, n=2))
    bent = grid[1:-1][second > 1e-9 * (1 + np.abs(y).max())]
    found = hinges(net)
    if len(bent):
        assert np.abs(bent[:, None] - found).min(axis=1).max() <= grid[1] - grid[0]


@pytest.mark.parametrize("width", [1, 4, 32, 128])
def test_one_layer_bends_once_for_each_unit(width: int) -> None:
    net = random_net((1, width, 1), 0)
    np.testing.assert_allclose(hinges(net), np.sort(-net[1] / net[0]).ravel(), rtol=1e-12)


@pytest.mark.parametrize(("sizes", "seed"), NETS)
def test_pieces_keep_to_the_bound(sizes: tuple[int, ...], seed: int) -> None:
    assert len(hinges(random_net(sizes, seed))) + 1 <= piece_bound(max(sizes), len(sizes) - 2)


@pytest.mark.parametrize("folds", range(1, 8))
def test_folded_tent_has_its_teeth_where_they_belong(folds: int) -> None:
    tent = [np.array([[2.0], [-4.0]]), np.zeros((1, 1))]
    ramps = [np.ones((1, 2)), np.array([[0.0, -0.5]])]
    net = (ramps + tent) * folds + [np.ones((1, 1)), np.zeros((1, 1))]
    np.testing.assert_array_equal(hinges(net), np.arange(2**folds + 1) / 2**folds)


def test_bends_that_cancel_are_dropped() -> None:
    net = [
        np.array([[1.0, 1.0, 1.0]]),
        np.array([[0.0, -1.0, -1.0]]),
        np.array([[1.0], [2.0], [-2.0]]),
        np.zeros((1, 1)),
    ]
    np.testing.assert_array_equal(hinges(net), [0.0])


def test_constant_net_has_no_hinge() -> None:
    assert hinges([np.zeros((1, 4)), np.ones((1, 4)), np.ones((4, 1)), np.zeros((1, 1))]).shape == (0,)
    assert hinges([np.ones((1, 4)), np.zeros((1, 4)), np.zeros((4, 1)), np.zeros((1, 1))]).shape == (0,)


def test_scaling_a_unit_moves_no_hinge() -> None:
    net = random_net((1, 12, 12, 1), 3)
    scale = RNG(0).uniform(0.5, 2, size=12)
    scaled = [net[0] * scale, net[1] * scale, net[2] / scale[:, None], *net[3:]]
    np.testing.assert_allclose(hinges(scaled), hinges(net), rtol=1e-9)
