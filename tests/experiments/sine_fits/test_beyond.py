"""Beyond its last hinge a ReLU net is straight; where that is, and what others do, is measured."""

import numpy as np
import pytest

from core.experiments.sine_fits import beyond, fit
from core.hinges import hinges
from core.lab import Array, Frame

from ..checks import check_figure, check_run, check_sentence
from .conftest import STEPS, alone, diverged, finished

MOVING = ("nets", "last_hinge", "bends", "every")
UNTRAINED = ("tree",)


def with_values(frames: tuple[Frame, ...], **values: Array) -> list[Frame]:
    return [Frame(STEPS, STEPS, {**frames[-1].values, **values})]


@pytest.mark.parametrize("reach", [1.0, 2.5, 4.0])
def test_run_and_figure(reach: float) -> None:
    params, frames = finished(beyond, reach=reach)
    check_run(frames, STEPS)
    check_figure(beyond.LAB, params, frames, MOVING)
    check_sentence(beyond.sentence(params, frames))


def test_trained_nets_are_straight_beyond_their_last_hinge() -> None:
    _, frames = finished(beyond)
    assert max(frame.values["linear_deviation"].max() for frame in frames) < 1e-12


@pytest.mark.parametrize("sizes", [(1, 16, 1), (1, 8, 8, 1), (1, 6, 6, 6, 1)])
def test_deviation_sees_a_bend_beyond_the_hinge_it_is_told(sizes: tuple[int, ...]) -> None:
    from core.nets import initial_mlp

    nets = initial_mlp(sizes, 5, 0, np.float64)
    last = np.array([np.abs(hinges([p[r] for p in nets])).max() for r in range(5)])
    assert beyond.deviations(nets, last).max() < 1e-12
    assert beyond.deviations(nets, last * 0.5).min() > 1e-6
    assert np.isnan(beyond.deviations(nets, np.full(5, np.nan))).all()


def test_flat_net_is_straight() -> None:
    net = [np.zeros((1, 1, 2)), np.zeros((1, 1, 2)), np.zeros((1, 2, 1)), np.zeros((1, 1, 1))]
    assert beyond.deviations(net, np.zeros(1)) == [0.0]


def test_relu_nets_are_those_of_the_first_lab() -> None:
    _, frames = finished(beyond, reach=2.0)
    _, others = finished(fit)
    for name in ("last_hinge", "pieces", "inside"):
        np.testing.assert_allclose(frames[-1].values[name], others[-1].values[name], rtol=1e-2)
    inside = frames[-1].values["relu"][:, 32:-32]  # every 1/32 of [−1, 1]
    on_the_same = others[-1].values["prediction"][:, ::5]  # every 1/16
    np.testing.assert_allclose(inside[:, ::2], on_the_same, atol=2e-3)


def test_reach_changes_what_is_seen_only() -> None:
    _, near = finished(beyond, reach=1.0)
    _, far = finished(beyond, reach=4.0)
    for name in ("last_hinge", "pieces", "inside"):
        np.testing.assert_array_equal(near[-1].values[name], far[-1].values[name])
    assert np.isnan(near[-1].values["relu_outside"]).all() and np.isfinite(far[-1].values["relu_outside"]).all()
    np.testing.assert_allclose(near[-1].values["tanh_inside"], far[-1].values["tanh_inside"], rtol=0.02)


def test_errors_are_measured_against_the_continued_target() -> None:
    params, frames = finished(beyond)
    grid = np.linspace(-4, 4, beyond.DRAWN)
    for name in beyond.NETS:
        squares = (frames[-1].values[name] - np.sin(np.pi * grid)) ** 2
        outside = np.sqrt(squares[:, np.abs(grid) > 1].mean(axis=1))
        np.testing.assert_allclose(frames[-1].values[f"{name}_outside"], outside, rtol=0.05)
    numbers = beyond.result(params, frames)
    assert numbers["tree_outside"] == pytest.approx(np.sqrt(0.5), abs=1e-3)


def test_tree_repeats_its_last_value() -> None:
    x, y = np.array([-1.0, 0.0, 0.5, 1.0]), np.array([3.0, -1.0, 4.0, 2.0])
    grid = np.array([-4.0, -1.0, -0.6, -0.4, 0.0, 0.2, 0.3, 0.7, 0.8, 4.0])
    np.testing.assert_array_equal(beyond.grow_tree(x, y, grid), [3, 3, 3, -1, -1, -1, 4, 4, 2, 2])


def test_tree_is_drawn_as_steps() -> None:
    params, frames = finished(beyond)
    drawn = beyond.data(params, frames, False)["tree"]
    assert drawn["x"][0] == -4 and drawn["x"][-1] == 4
    pairs = [drawn["y"][i : i + 2] for i in range(0, len(drawn["y"]), 2)]
    assert all(left == right for left, right in pairs) and len(pairs) == params.points


def test_rule_marks_the_last_hinge_in_view_only() -> None:
    params, frames = finished(beyond)
    inside = with_values(frames, last_hinge=np.array([2.0, 3.0, 3.0, 9.0]))
    assert beyond.data(params, inside, False)["last_hinge"] == {"x": [-3.0, 3.0]}
    assert "|x| = 3 " in beyond.sentence(params, inside) and "in this picture" in beyond.sentence(params, inside)
    outside = with_values(frames, last_hinge=np.array([2.0, 5.0, 7.0, 9.0]))
    assert beyond.data(params, outside, False)["last_hinge"] == {"x": []}
    assert "|x| = 6 " in beyond.sentence(params, outside) and "outside this picture" in beyond.sentence(params, outside)


def test_ticks_are_the_bends_in_view() -> None:
    params, frames = finished(beyond)
    shown = np.array(beyond.data(params, frames, False)["bends"]["x"])
    found = frames[-1].values["hinges"]
    np.testing.assert_allclose(shown, found[np.abs(found) <= 4], atol=1e-3)


def test_sentence_tells_of_nets_that_diverged() -> None:
    params, frames = finished(beyond)
    some = beyond.sentence(params, diverged(frames, (1,), UNTRAINED))
    check_sentence(some)
    assert "3 of 12 nets diverged" in some
    assert beyond.sentence(params, diverged(frames, range(4), UNTRAINED)).startswith("Every net diverged")
    beyond.data(params, diverged(frames, range(4), UNTRAINED), False)


def test_sentence_of_one_net_has_no_spread() -> None:
    params, frames = alone(*finished(beyond))
    text = beyond.sentence(params, frames)
    check_sentence(text)
    assert "one net of each kind" in text and "80 %" not in text


def test_a_drawn_guess_is_compared_with_the_median_net_as_far_as_the_picture_reaches() -> None:
    params, frames = finished(beyond)
    sketch = beyond.LAB.sketch
    assert sketch is not None
    straight = np.linspace(-params.reach, params.reach, frames[-1].values["relu"].shape[1])
    made_up = with_values(frames, relu=np.tile(-straight, (4, 1)))
    curve = sketch.curve(params, made_up)
    assert curve == pytest.approx([max(-x, -3) for x in sketch.at])
    assert "too high from x\u00a0=\u00a01.3 to x\u00a0=\u00a04" in sketch.verdict([0.0] * len(curve), params, made_up)
