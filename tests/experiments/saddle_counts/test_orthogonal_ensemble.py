"""Averages over random symmetric matrices, against closed forms."""

import math

import numpy as np
import pytest

from core.experiments.saddle_counts import orthogonal_ensemble as goe

SIXTY_DIGITS = {
    4: 0.002456709259786224,
    5: 0.0001401146854633997,
    6: 4.620187477548993e-6,
    7: 8.804612806325489e-8,
    8: 9.694546749307666e-10,
    10: 2.265653158108417e-14,
}
"""The same Pfaffians of moments in 60-digit arithmetic."""


def test_samples_are_symmetric_with_the_variances_of_the_ensemble() -> None:
    matrices = goe.sample(3, 40_000, np.random.default_rng(0))
    assert np.array_equal(matrices, matrices.transpose(0, 2, 1))
    assert np.var(matrices[:, 1, 1]) == pytest.approx(1, abs=0.04)
    assert np.var(matrices[:, 0, 2]) == pytest.approx(0.5, abs=0.02)


def test_line_integrates_up_to_each_node() -> None:
    x, dx, below = goe.line()
    assert np.exp(-(x**2) / 2) @ dx == pytest.approx(math.sqrt(2 * math.pi), rel=1e-13)
    normal = below @ np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    assert np.allclose(normal, [0.5 * (1 + math.erf(v / math.sqrt(2))) for v in x], atol=1e-13)


@pytest.mark.parametrize("size", [2, 4, 6])
def test_pfaffian_is_a_root_of_the_determinant(size: int) -> None:
    entries = np.random.default_rng(size).normal(size=(5, size, size))
    matrices = entries - entries.transpose(0, 2, 1)
    assert np.allclose(goe.pfaffian(matrices) ** 2, np.linalg.det(matrices))
    assert goe.pfaffian(np.array([[0.0, 3.0], [-3.0, 0.0]])) == 3


@pytest.mark.parametrize("size", [1, 2, 3, 7, 11])
def test_normaliser_is_mehtas_integral(size: int) -> None:
    gammas = sum(math.lgamma(1 + j / 2) - math.lgamma(1.5) for j in range(1, size + 1))
    mehta = math.exp(size / 2 * math.log(2 * math.pi) + gammas - math.lgamma(size + 1))
    assert goe.normaliser(size) == pytest.approx(mehta, rel=1e-11)


def test_positive_probability_has_its_closed_forms() -> None:
    root = math.sqrt(2)
    for size, closed in ((1, 0.5), (2, (2 - root) / 4), (3, (math.pi - 2 * root) / (4 * math.pi))):
        assert goe.positive_probability(size) == pytest.approx(closed, rel=1e-12)


@pytest.mark.parametrize(("size", "probability"), SIXTY_DIGITS.items())
def test_positive_probability_keeps_its_digits(size: int, probability: float) -> None:
    assert goe.positive_probability(size) == pytest.approx(probability, rel=1e-11)


def test_positive_probability_is_what_samples_show() -> None:
    eigenvalues = np.linalg.eigvalsh(goe.sample(3, 40_000, np.random.default_rng(1)))
    share = (eigenvalues > 0).all(axis=1).mean()
    assert share == pytest.approx(goe.positive_probability(3), abs=4 * math.sqrt(0.025 / 40_000))


def test_asymptote_is_the_leading_order_only() -> None:
    assert goe.positive_asymptote(8) == pytest.approx(3.0**-16)
    assert goe.positive_asymptote(8) > 20 * goe.positive_probability(8)
