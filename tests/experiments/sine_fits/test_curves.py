"""Fits are measured and drawn where they say they are."""

import numpy as np
import pytest

from core import charts
from core.experiments.sine_fits import curves, fit
from core.experiments.sine_fits.curves import DENSE, GRID
from core.hinges import hinges
from core.lab import Array, Frame

from .conftest import finished


def random_nets(width: int, replicas: int) -> list[Array]:
    rng = np.random.default_rng(0)
    shapes = [(replicas, 1, width), (replicas, 1, width), (replicas, width, 1), (replicas, 1, 1)]
    return [rng.normal(size=shape) for shape in shapes]


def test_drawn_grid_is_part_of_the_measured_one() -> None:
    assert set(GRID) <= set(DENSE) and {-1.0, 0.0, 1.0} <= set(GRID)


@pytest.mark.parametrize("activation", ["ReLU", "tanh"])
def test_predictions_are_those_of_the_start_on_the_drawn_grid(activation: str) -> None:
    from core.nets import initial_mlp

    params, frames = finished(fit, activation=activation)
    w1, b1, w2, b2 = (p.astype(np.float64) for p in initial_mlp((1, 32, 1), params.replicas, params.seed))
    sums = GRID[:, None] * w1 + b1
    wanted = ((np.tanh(sums) if activation == "tanh" else np.maximum(sums, 0)) @ w2 + b2)[:, :, 0]
    np.testing.assert_allclose(frames[0].values["prediction"], wanted, rtol=1e-4, atol=1e-5)


def test_bends_of_the_first_net_are_where_its_prediction_bends() -> None:
    _, frames = finished(fit)
    for frame in (frames[0], frames[-1]):
        drawn = frame.values["prediction"][0].astype(float)
        second = np.abs(np.diff(drawn, n=2))
        bent = GRID[1:-1][second > 1e-4]
        found = frame.values["hinges"]
        assert len(bent) > 5
        assert np.abs(bent[:, None] - found[np.isfinite(found)]).min(axis=1).max() <= GRID[1] - GRID[0] + 1e-9


def test_misses_of_a_shifted_and_of_a_jumping_curve() -> None:
    truth = np.sin(np.pi * DENSE)
    shifted, jumping = truth + 0.25, np.where(DENSE < 0.5, truth, truth - 3)
    found = curves.misses(np.stack((truth, shifted, jumping)), truth)
    np.testing.assert_allclose(found["dense_rmse"], [0, 0.25, 3 * np.sqrt(np.mean(DENSE >= 0.5))])
    np.testing.assert_allclose(found["dense_sup"], [0, 0.25, 3])
    steepest = np.pi / 320
    assert found["largest_jump"][0] == pytest.approx(steepest, rel=1e-3) == found["largest_jump"][1]
    assert found["largest_jump"][2] == pytest.approx(3, abs=steepest)


def test_bends_count_each_net() -> None:
    nets = random_nets(7, 3)
    found = curves.bends(nets, bound=7)
    for replica in range(3):
        own = hinges([p[replica] for p in nets])
        assert found["pieces"][replica] == len(own) + 1
        assert found["inside"][replica] == np.sum(np.abs(own) <= 1)
        assert found["last_hinge"][replica] == np.abs(own).max()
    np.testing.assert_array_equal(found["hinges"], hinges([p[0] for p in nets]))


def test_diverged_net_has_no_bends_to_report() -> None:
    nets = random_nets(7, 3)
    nets[2][1, 4] = np.nan
    found = curves.bends(nets, bound=7)
    for name in ("pieces", "inside", "last_hinge"):
        assert np.isnan(found[name]).tolist() == [False, True, False]
    nets[0][0, 0, 2] = np.inf
    assert np.isnan(curves.bends(nets, bound=7)["hinges"]).all()


def test_of_too_many_bends_the_inner_ones_are_shown() -> None:
    nets = random_nets(curves.SHOWN_HINGES + 50, 1)
    shown = curves.bends(nets, bound=10**6)["hinges"]
    every = hinges([p[0] for p in nets])
    np.testing.assert_array_equal(shown, np.sort(every[np.argsort(np.abs(every))[: curves.SHOWN_HINGES]]))


@pytest.mark.parametrize(("width", "depth", "bound"), [(32, 1, 33), (4, 2, 25), (128, 4, 129**4)])
def test_piece_bound(width: int, depth: int, bound: int) -> None:
    assert curves.piece_bound(width, depth) == bound


def test_without_a_target_there_is_no_error_between_the_points() -> None:
    x, y = np.array([-1.0, 1.0]), np.array([0.5, 0.5])
    settings = {"width": 4, "depth": 1, "activation": "tanh", "optimizer": "Adam", "learning_rate": 0.01}
    frames = list(
        curves.train(x, y, None, **settings, weight_decay=0.0, batch_size=0, steps=300, replicas=2, seed=0)  # type: ignore[arg-type]
    )
    assert set(frames[-1].values) == {"prediction", "train_rmse"}
    data = curves.fit_data(x, y, None, frames, False)
    assert data["target"] == {"x": [], "y": []} and "dense_error" not in data


def test_history_is_thinned_but_keeps_both_ends() -> None:
    frames = [Frame(10 * i, 5000, {"e": np.array([1.0, 2.0, np.nan]) / (i + 1)}) for i in range(500)]
    shown = curves.error(frames, "e")
    assert len(shown["step"]) == charts.LINE_POINTS
    assert shown["step"][0] == 0 and shown["step"][-1] == 4990


def test_a_net_that_diverged_is_left_out_of_the_band() -> None:
    frames = [Frame(i, 1, {"e": np.array([1.0, 3.0, 1.0 if i == 0 else np.nan])}) for i in range(2)]
    assert curves.error(frames, "e")["median"] == [2.0, 2.0]


def test_whole_range_is_one_number_where_the_nets_agree() -> None:
    assert curves.whole_range({"low": 33.0, "high": 33.4}) == "33"
    assert curves.whole_range({"low": 17.6, "high": 27.2}) == "18 to 27"
