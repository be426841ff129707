"""Targets are the functions they are called, and samples repeat."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data import NOISE_OF_NOISY_SINE, TARGETS, mnist_1d, sample_target

SPACINGS = ("even", "random", "Chebyshev")


@pytest.mark.parametrize(
    ("target", "x", "y"),
    [
        ("sine", [-0.5, 0, 0.5], [-1, 0, 1]),
        ("noisy sine", [-0.5, 0, 0.5], [-1, 0, 1]),
        ("step", [-1e-9, 0, 1], [-1, 1, 1]),
        ("Runge", [-1, 0, 0.2], [1 / 26, 1, 0.5]),
        ("chirp", [-1, -0.5, 1], [0, 1, 0]),
        ("|x|", [-0.5, 0, 1], [0.5, 0, 1]),
    ],
)
def test_target_passes_through(target: str, x: list[float], y: list[float]) -> None:
    np.testing.assert_allclose(TARGETS[target](np.array(x, float)), y, atol=1e-14)


def test_chirp_has_four_periods() -> None:
    heights = TARGETS["chirp"](np.linspace(-1, 1, 10_001)[1:-1])
    assert np.count_nonzero(np.diff(np.sign(heights))) == 7


@given(
    target=st.sampled_from(sorted(TARGETS)),
    points=st.integers(2, 200),
    noise=st.floats(0, 0.5),
    spacing=st.sampled_from(SPACINGS),
    seed=st.integers(0, 9999),
)
def test_samples_are_sorted_inside_the_interval_and_repeat(
    target: str, points: int, noise: float, spacing: str, seed: int
) -> None:
    x, y = sample_target(target, points, noise, spacing, seed)
    assert x.shape == y.shape == (points,)
    assert (np.diff(x) > 0).all() and np.abs(x).max() <= 1 and np.isfinite(y).all()
    again = sample_target(target, points, noise, spacing, seed)
    assert np.array_equal(x, again[0]) and np.array_equal(y, again[1])


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("target", sorted(set(TARGETS) - {"noisy sine"}))
def test_without_noise_points_lie_on_the_target(target: str, spacing: str) -> None:
    x, y = sample_target(target, 20, 0.0, spacing, 0)
    assert np.array_equal(y, TARGETS[target](x))


def test_noise_has_the_deviation_asked_for() -> None:
    for target, noise, deviation in (
        ("sine", 0.3, 0.3),
        ("noisy sine", 0.0, NOISE_OF_NOISY_SINE),
        ("noisy sine", 0.15, 0.25),
    ):
        errors = np.concatenate(
            [y - TARGETS[target](x) for x, y in (sample_target(target, 200, noise, "even", s) for s in range(50))]
        )
        assert np.std(errors) == pytest.approx(deviation, rel=0.03)  # 10,000 draws: some four standard errors


def test_even_points_include_both_ends() -> None:
    x, _ = sample_target("sine", 7, 0.0, "even", 0)
    np.testing.assert_allclose(x, np.arange(-3, 4) / 3)


def test_chebyshev_points_are_the_roots_of_t_n() -> None:
    x, _ = sample_target("sine", 12, 0.0, "Chebyshev", 0)
    np.testing.assert_allclose(np.cos(12 * np.arccos(x)), 0, atol=1e-13)


def test_another_seed_gives_other_noise_and_other_random_places() -> None:
    first, second = (sample_target("sine", 10, 0.1, "random", seed) for seed in (0, 1))
    assert not np.isclose(first[0], second[0]).any()
    even = [sample_target("sine", 10, 0.1, "even", seed) for seed in (0, 1)]
    assert np.array_equal(even[0][0], even[1][0]) and not np.isclose(even[0][1], even[1][1]).any()


def test_mnist_1d_has_ten_classes_and_is_hard_for_a_line() -> None:
    from sklearn.linear_model import LogisticRegression

    examples = mnist_1d()
    assert examples.x.shape == (4000, 40) and examples.x_test.shape == (1000, 40)
    assert set(examples.y.tolist()) == set(examples.y_test.tolist()) == set(range(10))
    assert np.bincount(examples.y).min() > 350
    # 32 % in the authors' README: the test set has a standard error of 1.5 points.
    line = LogisticRegression(max_iter=1000).fit(examples.x, examples.y)
    assert line.score(examples.x_test, examples.y_test) == pytest.approx(0.32, abs=0.045)
