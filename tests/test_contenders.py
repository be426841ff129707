import inspect
import time

import numpy as np
import pytest

from core import bench
from core.contenders import CHUNK, CONTENDERS, LEARNING_RATE, NETS, Net, by_hand, speed


@pytest.mark.parametrize("net", NETS, ids=lambda net: net.title)
def test_by_hand_and_compiled_steps_are_the_same_training(net: Net) -> None:
    from core.training import Training

    take = by_hand(net)
    assert take() == CHUNK
    weights = inspect.getclosurevars(take).nonlocals["weights"]
    x, y = net.data()
    start = [array.reshape(1, -1, array.shape[-1]) for array in net.start()]
    training = Training(x[:, 0], y[:, 0], start, activation="ReLU", optimizer="Adam", learning_rate=LEARNING_RATE)
    training.advance(CHUNK)
    for ours, theirs, before in zip(training.parameters, weights, start, strict=True):
        np.testing.assert_allclose(ours.reshape(theirs.shape), theirs, atol=1e-3)
        assert np.abs(ours - before).max() > 0.01


def test_a_speed_is_net_steps_a_second() -> None:
    def take() -> int:
        time.sleep(0.01)
        return 5

    assert 200 < speed(take, 0.05) <= 500
    assert speed(take, 0) <= 500


def test_rows_and_goals_follow_the_speeds() -> None:
    speeds = {"engine-16": 100.0, "compiled-16": 1000.0, "compiled-1": 90.0, "numpy": 20.0, "jax-1": 100.0}
    rows = bench.rows(speeds)
    assert [row["how"] for row in rows] == [CONTENDERS[name].title for name in speeds]
    assert rows[1]["ratios"] == {"numpy": 50, "JAX": 10}
    goals = {(goal["how"], goal["against"]): (goal["ratio"], goal["met"]) for goal in bench.goals(speeds)}
    page, alone = CONTENDERS["engine-16"].title, CONTENDERS["compiled-1"].title
    assert goals == {(page, "numpy"): (5, True), (alone, "numpy"): (50, True), (alone, "JAX"): (0.9, True)}
