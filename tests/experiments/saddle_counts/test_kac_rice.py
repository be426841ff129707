"""Shares by index: exact, sampled, and in closed form."""

import itertools
import math

import numpy as np
import pytest

from core.experiments.saddle_counts import kac_rice

SIX = math.sqrt(6)


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_quadrature_gives_the_closed_forms(dimension: int) -> None:
    exact = kac_rice.exact(dimension)
    assert np.allclose(exact.fractions, kac_rice.FRACTIONS[dimension], atol=1e-12)
    assert exact.density == pytest.approx(kac_rice.DENSITY[dimension], rel=1e-11)


def test_closed_form_in_three_dimensions_is_that_of_peak_theory() -> None:
    # Bardeen et al.: (29 ± 6√6)/(5^{3/2} 8π² R³) extrema of one kind and saddles of one, R = 3/√15 here.
    scale = 5**1.5 * 8 * math.pi**2 * (3 / math.sqrt(15)) ** 3
    assert kac_rice.FRACTIONS[3][0] * kac_rice.DENSITY[3] == pytest.approx((29 - 6 * SIX) / scale)
    assert kac_rice.FRACTIONS[3][1] * kac_rice.DENSITY[3] == pytest.approx((29 + 6 * SIX) / scale)


@pytest.mark.parametrize("dimension", range(1, 11))
def test_exact_fractions_are_symmetric_and_balanced(dimension: int) -> None:
    fractions = kac_rice.exact(dimension).fractions
    assert fractions.sum() == pytest.approx(1)
    assert np.allclose(fractions, fractions[::-1], atol=1e-11) and (fractions > 0).all()
    assert abs(fractions @ (-1.0) ** np.arange(dimension + 1)) < 1e-12


def test_minima_are_a_quarter_of_the_points_of_a_plane_and_rarer_than_coin_flips_beyond() -> None:
    shares = [kac_rice.exact(n).fractions[0] * 2**n for n in range(1, 11)]
    assert shares[:2] == pytest.approx([1, 1], abs=1e-12)
    assert all(later < earlier for earlier, later in itertools.pairwise(shares[1:]))
    assert shares[-1] == pytest.approx(0.6267, abs=1e-4)


def test_heights_rise_with_the_index() -> None:
    for dimension, lowest in ((2, -1.303), (3, -1.800), (5, -2.647)):
        heights = kac_rice.exact(dimension).heights
        assert heights[0] == pytest.approx(lowest, abs=1e-3)
        assert (np.diff(heights) > 0).all() and np.allclose(heights, -heights[::-1], atol=1e-9)


@pytest.mark.parametrize("dimension", [2, 3, 6, 10])
def test_samples_agree_with_the_quadrature(dimension: int) -> None:
    weights = kac_rice.weights(dimension, 20_000, np.random.default_rng(dimension))
    fractions, errors = kac_rice.estimate(kac_rice.moments(weights))
    assert fractions.sum() == pytest.approx(1)
    assert (np.abs(fractions - kac_rice.exact(dimension).fractions) < 4.5 * errors).all()
    assert (errors / fractions < 0.02).all()


def test_plain_weights_have_the_same_mean() -> None:
    """Integrating out the mean eigenvalue changes no fraction: compare with e^{−λ²/2} itself."""
    from core.experiments.saddle_counts import orthogonal_ensemble as goe

    plain = np.exp(-(np.linalg.eigvalsh(goe.sample(4, 60_000, np.random.default_rng(3))) ** 2) / 2)
    fractions, errors = kac_rice.estimate(kac_rice.moments(plain))
    assert (np.abs(fractions - kac_rice.exact(3).fractions) < 4.5 * errors).all()


def test_standard_errors_are_the_scatter_of_estimates() -> None:
    runs = [
        kac_rice.estimate(kac_rice.moments(kac_rice.weights(4, 500, np.random.default_rng([9, seed]))))
        for seed in range(100)
    ]
    scatter = np.std([fractions for fractions, _ in runs], axis=0)
    stated = np.mean([errors for _, errors in runs], axis=0)
    assert np.allclose(scatter, stated, rtol=0.3)


def test_moments_of_two_halves_add_up() -> None:
    weights = kac_rice.weights(3, 100, np.random.default_rng(0))
    assert np.allclose(kac_rice.moments(weights[:40]) + kac_rice.moments(weights[40:]), kac_rice.moments(weights))
