"""The two landscapes and their exact probabilities."""

import math

import numpy as np
import pytest

from core.experiments.saddle_counts import trapping


@pytest.mark.parametrize("dimension", [1, 2, 5])
def test_slopes_are_the_gradients_of_the_heights(dimension: int) -> None:
    theta, h = np.random.default_rng(0).normal(size=(6, dimension)), 1e-6
    for height, slope, setting in (
        (trapping.dip_height, trapping.dip_slope, 0.8),
        (trapping.wells_height, trapping.wells_slope, 0.3),
    ):
        for axis in range(dimension):
            step = h * np.eye(dimension)[axis]
            change = (height(theta + step, setting) - height(theta - step, setting)) / (2 * h)
            assert np.allclose(change, slope(theta, setting)[:, axis], atol=1e-7)


def test_the_rim_of_the_dip_is_its_highest_place() -> None:
    away = np.linspace(0.01, 5, 500)
    heights = trapping.dip_height(away[:, np.newaxis], 1.5)
    assert away[heights.argmax()] == pytest.approx(1.5, abs=0.01)
    assert heights[0] < heights.max() > heights[-1] and heights[-1] < heights[0]


@pytest.mark.parametrize("tilt", [0.0, 0.1, 1.0])
def test_wells_are_where_the_slope_is_zero(tilt: float) -> None:
    good, ridge, bad = trapping.wells(tilt)
    assert good < ridge < bad and ridge >= -1e-12
    assert np.allclose(trapping.wells_slope(np.array([[good, ridge, bad]]), tilt), 0, atol=1e-12)
    low, high = trapping.wells_height(np.array([[good], [bad]]), tilt)
    assert low <= high + 1e-12


@pytest.mark.parametrize("radius", [0.2, 0.6745, 2.0, 4.0])
def test_inside_probability_has_its_closed_forms(radius: float) -> None:
    assert trapping.inside_probability(1, radius) == pytest.approx(math.erf(radius / math.sqrt(2)), rel=1e-12)
    assert trapping.inside_probability(2, radius) == pytest.approx(-math.expm1(-(radius**2) / 2), rel=1e-12)
    three = math.erf(radius / math.sqrt(2)) - math.sqrt(2 / math.pi) * radius * math.exp(-(radius**2) / 2)
    assert trapping.inside_probability(3, radius) == pytest.approx(three, rel=1e-9)


@pytest.mark.parametrize("dimension", [4, 10, 37, 98])
def test_inside_probability_falls_by_the_term_it_should(dimension: int) -> None:
    """Integration by parts: two dimensions more take (R²/2)^{d/2} e^{−R²/2} / Γ(d/2 + 1) away."""
    radius = math.sqrt(dimension)
    term = math.exp(dimension / 2 * math.log(radius**2 / 2) - radius**2 / 2 - math.lgamma(dimension / 2 + 1))
    fall = trapping.inside_probability(dimension, radius) - trapping.inside_probability(dimension + 2, radius)
    assert fall == pytest.approx(term, rel=1e-11)


def test_a_radius_that_halves_one_dimension() -> None:
    shares = [trapping.inside_probability(d, 0.6745) for d in (1, 2, 3)]
    assert shares == pytest.approx([0.5, 0.2035, 0.0713], abs=1e-4)


def test_good_probability_is_a_coin_flip_for_every_coordinate() -> None:
    assert trapping.good_probability(10, 0.0) == pytest.approx(2.0**-10, rel=1e-12)
    ridge = trapping.wells(0.5)[1]
    assert trapping.good_probability(1, 0.5) == pytest.approx(0.5 * (1 + math.erf(ridge / math.sqrt(2))))
    assert trapping.good_probability(3, 0.5) == pytest.approx(trapping.good_probability(1, 0.5) ** 3)


def test_fates() -> None:
    trapped, free = trapping.dip_fates(np.array([[0.3, 0.0], [0.9, 0.0], [3.0, 0.0]]), 1.0)
    assert trapped.tolist() == [True, False, False] and free.tolist() == [False, False, True]
    trapped, free = trapping.wells_fates(np.array([[-1.0, 1.0], [-1.0, -0.9], [0.0, -1.0]]), 0.0)
    assert trapped.tolist() == [True, False, False] and free.tolist() == [False, True, False]


def test_interval_is_wilsons() -> None:
    low, high = trapping.interval(np.array([0, 5, 10]), 10)
    assert low == pytest.approx([0, 0.2366, 0.7225], abs=1e-3)
    assert high == pytest.approx([0.2775, 0.7634, 1], abs=1e-3)


def test_interval_covers_in_19_of_20() -> None:
    counts = np.random.default_rng(0).binomial(200, 0.07, 4000)
    low, high = trapping.interval(counts, 200)
    assert ((low <= 0.07) & (high >= 0.07)).mean() == pytest.approx(0.95, abs=0.02)
