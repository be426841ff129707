"""Each rival keeps its promise at the points, and has the temper it is known for between them."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data import TARGETS, sample_target
from core.experiments.sine_fits import fit, rivals
from core.experiments.sine_fits.curves import DENSE, GRID
from core.lab import Frame, replace

from ..checks import check_figure, check_run, check_sentence
from .conftest import STEPS, diverged, finished

MOVING = ("fit", "errors", "every")
UNTRAINED = ("rivals",)


def given_points(points: int, target: str = "Runge") -> tuple[rivals.Params, list[Frame]]:
    """The rivals on so many points, beside the nets of the default run: no training needed."""
    params, frames = finished(rivals)
    params = replace(params, {"points": points, "target": target})
    fresh = rivals.fit_rivals(params)
    return params, [Frame(frame.step, frame.total, {**frame.values, **fresh}) for frame in frames]


def fitted(**changes: object) -> dict[str, np.ndarray]:
    """The six curves on ``GRID`` by name."""
    found = rivals.fit_rivals(rivals.Params(**changes))  # type: ignore[arg-type]
    return dict(zip(rivals.RIVALS, found["rivals"][0].astype(float), strict=True))


def test_run_is_that_of_the_nets_with_the_rivals_beside() -> None:
    _, frames = finished(rivals)
    check_run(frames, STEPS)
    _, others = finished(fit, target="Runge", points=11)
    for name, value in others[-1].values.items():
        np.testing.assert_array_equal(frames[-1].values[name], value)


@pytest.mark.parametrize("points", [4, 11, 60])
def test_figure_and_sentence(points: int) -> None:
    params, frames = given_points(points)
    check_figure(rivals.LAB, params, frames, MOVING)
    check_sentence(rivals.sentence(params, frames))


@settings(max_examples=60, deadline=None)
@given(
    coefficients=st.lists(st.floats(-2, 2), min_size=1, max_size=8),
    extra=st.integers(0, 8),
    spacing=st.sampled_from(["even", "Chebyshev", "random"]),
)
def test_polynomial_through_points_of_a_polynomial_is_that_polynomial(
    coefficients: list[float], extra: int, spacing: str
) -> None:
    nodes, _ = sample_target("sine", len(coefficients) + extra, 0.0, spacing, 1)
    nodes = nodes if len(nodes) > 1 else np.array([0.3])
    found = rivals.polynomial(nodes, np.asarray(np.polyval(coefficients, nodes), float), DENSE)
    # Rounding of a value at a node grows by at most the sum of the Lagrange polynomials' sizes (Lebesgue's function).
    growth = sum(np.abs(rivals.polynomial(nodes, one, DENSE)) for one in np.eye(len(nodes)))
    assert (np.abs(found - np.polyval(coefficients, DENSE)) <= 1e-12 + 1e-14 * 16 * growth).all()


@pytest.mark.parametrize("spacing", ["even", "Chebyshev"])
@pytest.mark.parametrize("points", [5, 21, 41])
def test_polynomial_is_the_one_of_scipy(points: int, spacing: str) -> None:
    from scipy.interpolate import BarycentricInterpolator  # type: ignore[import-untyped]

    nodes, heights = sample_target("Runge", points, 0.0, spacing, 0)
    wanted = BarycentricInterpolator(nodes, heights, rng=0)(DENSE)
    # 41 even points enlarge the rounding of either by some 1e10.
    np.testing.assert_allclose(rivals.polynomial(nodes, heights, DENSE), wanted, rtol=1e-4, atol=1e-10)
    assert np.array_equal(rivals.polynomial(nodes, heights, nodes), heights)


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_those_that_interpolate_meet_the_points(target: str) -> None:
    params = rivals.Params(target=target, points=21, noise=0.1)
    missed = dict(zip(rivals.RIVALS, rivals.fit_rivals(params)["rivals_at_points"][0], strict=True))
    for name in ("polynomial_even", "polynomial_chebyshev", "piecewise_linear", "tree"):
        assert missed[name] < 1e-12
    assert missed["neighbours"] > 0.01


def test_tree_and_neighbours_jump_and_the_others_do_not() -> None:
    _, frames = finished(rivals)
    jumps = dict(zip(rivals.RIVALS, frames[-1].values["rivals_largest_jump"][0], strict=True))
    steepest = 4 / 320  # of Runge's bell: 3.25
    assert jumps["tree"] > 0.3 and jumps["neighbours"] > 0.2
    assert max(jumps["piecewise_linear"], jumps["kernel"], *frames[-1].values["largest_jump"]) < steepest


def test_tree_of_depth_one_has_two_values() -> None:
    assert len(np.unique(fitted(tree_depth=1)["tree"])) == 2
    assert len(np.unique(fitted(tree_depth=2)["tree"])) in (3, 4)
    assert len(np.unique(fitted(tree_depth=0, target="chirp")["tree"])) == 11


def test_one_neighbour_meets_the_points_and_all_of_them_give_the_mean() -> None:
    _, y = rivals.points(rivals.Params())
    assert rivals.fit_rivals(rivals.Params(neighbours=1))["rivals_at_points"][0, 4] == 0
    np.testing.assert_allclose(fitted(neighbours=20)["neighbours"], np.mean(y), rtol=1e-6)


def test_ridge_flattens_the_kernel_machine() -> None:
    assert rivals.fit_rivals(rivals.Params(ridge=1e-9))["rivals_at_points"][0, 5] < 1e-6
    assert np.ptp(fitted(ridge=1.0)["kernel"]) < np.ptp(fitted(ridge=1e-9)["kernel"]) * 0.8


def test_narrow_kernel_forgets_what_lies_between() -> None:
    drawn = fitted(kernel_width=0.02)["kernel"]
    assert np.abs(drawn[np.abs(GRID - 0.1) < 0.02]).max() < 0.05


@pytest.mark.parametrize("target", ["Runge", "step"])
@pytest.mark.parametrize("points", [4, 60])
def test_extreme_settings_fit_without_a_warning(points: int, target: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for width, ridge in ((0.02, 1e-10), (2.0, 1e-10), (2.0, 1.0)):
            params = rivals.Params(
                points=points, target=target, kernel_width=width, ridge=ridge, neighbours=20, noise=0.5
            )
            assert all(np.isfinite(values).all() for values in rivals.fit_rivals(params).values())


def test_result_names_every_error_of_every_method() -> None:
    params, frames = finished(rivals)
    numbers = rivals.result(params, frames)
    kinds = ("at_points", "rmse", "sup", "largest_jump")
    assert set(numbers) - {"spread"} == {f"{name}_{kind}" for name in rivals.METHODS for kind in kinds}
    assert numbers["net_rmse"] == pytest.approx(np.median(frames[-1].values["dense_rmse"]))
    assert len(numbers["spread"]["net_sup"]["replicas"]) == 4
    for name in rivals.METHODS:
        assert numbers[f"{name}_rmse"] <= numbers[f"{name}_sup"]


def test_what_leaves_the_axes_is_clipped() -> None:
    params, frames = given_points(60)
    drawn = rivals.data(params, frames, False)
    assert max(map(abs, drawn["rivals"]["polynomial_even"])) == rivals.CLIPPED
    assert min(drawn["errors"]["error"]) == rivals.SMALLEST and max(drawn["errors"]["error"]) > 1e6


def test_sentence_ranks_the_methods() -> None:
    params, frames = finished(rivals)
    text = rivals.sentence(params, frames)
    numbers = rivals.result(params, frames)
    places = [text.index(rivals.METHODS[n]) for n in sorted(rivals.METHODS, key=lambda n: numbers[f"{n}_rmse"])]
    assert places == sorted(places)
    assert "off by 1.9 with even points, by 0.11 with Chebyshev" in text


def test_sentence_tells_of_nets_that_diverged() -> None:
    params, frames = finished(rivals)
    some = rivals.sentence(params, diverged(frames, (3,), UNTRAINED))
    check_sentence(some)
    assert "the median of 3" in some and "1 of 4 nets diverged" in some
    every = diverged(frames, range(4), UNTRAINED)
    assert rivals.sentence(params, every).endswith("too large for these settings.")
    assert rivals.data(params, every, False)["errors"]["error"][-1] is None


@pytest.mark.parametrize(("target", "points", "answer"), [("Runge", 21, 2), ("Runge", 12, 0), ("sine", 21, 0)])
def test_guess_compares_with_the_polynomial_through_fewer_points(target: str, points: int, answer: int) -> None:
    params, frames = given_points(points, target)
    guess = rivals.LAB.guess
    assert guess is not None and guess.answer(params, frames) == answer
    few = rivals.result(*given_points(11, target))["polynomial_even_sup"]
    assert rivals._growth(params)[0] == pytest.approx(few)
    assert rivals._growth(replace(params, {"points": 11}))[1] == pytest.approx(few)
    check_sentence(guess.reveal(params, frames))
