"""A rescaled ReLU net is the same function, and its curvature obeys the law; other nets and rescalings show it not."""

import json
from collections.abc import Sequence
from functools import cache
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from core.data import digits
from core.experiments.sharp_flat_minima import rescale, scaling
from core.lab import Array, Frame, replace
from core.nets import MLP

from ..checks import check_figure, check_run, check_sentence

MOVING = (*("law", "marks", "measured", "here", "every", "trained", "rescaled", "digits", "difference", "slice"),)
FEW = np.array([0.1, 1.0, 10.0])


@cache
def finished(**settings: Any) -> tuple[Any, tuple[Frame, ...]]:
    """A run of two nets that were trained a little, measured at few α."""
    params = rescale.Params(**{"training": 50, "replicas": 2} | settings)
    with patch.object(rescale, "SWEPT", FEW):
        return params, tuple(rescale.run(params))


def examples() -> tuple[Array, Array]:
    images, labels = digits()
    return images[:40], labels[:40]


def nets() -> list[Array]:
    """Two small nets in float64, with biases of their own."""
    rng = np.random.default_rng(1)
    return [part + 0.1 * rng.normal(size=part.shape) for part in MLP((64, 3, 10)).initial(2, 0, np.float64)]


def hessians(parameters: Sequence[Array]) -> Array:
    from core.curvature import Objective

    objective = Objective(MLP((64, 3, 10)), tuple(part.shape[1:] for part in parameters), *examples())
    return np.stack([objective.hessian(point) for point in objective.pack(parameters)])


def test_run_and_figure() -> None:
    params, frames = finished()
    check_run(frames, rescale.TRAINING_FRAMES + 2 * 4 * rescale.SLOWER)
    check_figure(rescale.LAB, params, frames, MOVING)
    assert len(frames) == rescale.TRAINING_FRAMES + 2 * 4
    check_figure(rescale.LAB, params, frames[: rescale.TRAINING_FRAMES + 5], MOVING)
    for seen in (1, rescale.TRAINING_FRAMES + 1):  # nothing is measured yet
        drawn = rescale.data(params, frames[:seen], True)
        assert set(drawn) == set(MOVING) and not any(drawn["measured"].values())
        json.dumps(drawn, allow_nan=False)


def test_the_same_settings_give_the_same_frames_bit_for_bit() -> None:
    params, frames = finished()
    with patch.object(rescale, "SWEPT", FEW):
        for first, second in zip(frames, rescale.run(params), strict=True):
            for name, value in first.values.items():
                assert np.array_equal(value, second.values[name], equal_nan=True), name


def test_every_alpha_is_measured_and_the_one_that_is_set_comes_last() -> None:
    _, frames = finished()
    assert [float(frame.values["alpha"]) for frame in rescale.measured(frames)] == [1.0, 0.1, 10.0, 5.0]
    assert frames[-1] is rescale.measured(frames)[-1]
    losses = [frame.values["loss"].max() for frame in frames]
    assert losses[rescale.TRAINING_FRAMES] < losses[0] / 3
    assert np.ptp(losses[rescale.TRAINING_FRAMES :]) < 1e-12


def test_outputs_are_those_of_the_net() -> None:
    x, y = examples()
    for activation in ("ReLU", "tanh"):
        wanted = np.asarray(MLP((64, 3, 10), activation)(nets(), x))
        np.testing.assert_allclose(scaling.outputs(nets(), x, activation), wanted, atol=1e-13)
        shares = np.exp(wanted) / np.exp(wanted).sum(axis=2, keepdims=True)
        loss = -np.log(shares[:, np.arange(len(y)), y]).mean(axis=1)
        np.testing.assert_allclose(scaling.mean_loss(nets(), x, y, activation), loss, rtol=1e-12)


def test_traces_of_the_blocks_are_the_closed_forms() -> None:
    """Of each block the loss is convex in outputs that are linear in it, so its trace needs first derivatives only."""
    x, _ = examples()
    first, _, second, _ = nets()
    before = x @ first + nets()[1]
    z = scaling.outputs(nets(), x, "ReLU")
    p = np.exp(z) / np.exp(z).sum(axis=2, keepdims=True)
    hidden, on = np.maximum(before, 0), before > 0
    bend = (p * (1 - p)).sum(axis=2)
    pull = np.einsum("sjk,snk->snj", second**2, p) - np.einsum("sjk,snk->snj", second, p) ** 2
    wanted = [
        ((on * pull).sum(axis=2) * ((x**2).sum(axis=1) + 1)).mean(axis=1),
        (bend * (hidden**2).sum(axis=2)).mean(axis=1),
        bend.mean(axis=1),
    ]
    found = hessians(nets())
    for block, trace in zip(scaling.blocks(nets()), wanted, strict=True):
        np.testing.assert_allclose(np.trace(found[:, block, block], axis1=1, axis2=2), trace, rtol=1e-12)
    assert scaling.blocks(nets())[-1].stop == found.shape[1]


@pytest.mark.parametrize("alpha", [0.25, 3.0])
def test_the_whole_hessian_follows_the_law(alpha: float) -> None:
    before, after = hessians(nets()), hessians(scaling.rescale(nets(), alpha))
    first, second, last = (block.stop - block.start for block in scaling.blocks(nets()))
    factors = np.repeat([1 / alpha, alpha, 1.0], [first, second, last])
    np.testing.assert_allclose(after, factors[:, np.newaxis] * before * factors, atol=1e-13 * np.abs(after).max())
    traces = np.stack([np.trace(before[:, b, b], axis1=1, axis2=2) for b in scaling.blocks(nets())])
    np.testing.assert_allclose(np.trace(after, axis1=1, axis2=2), scaling.predicted(traces, alpha), rtol=1e-13)
    values = np.linalg.eigvalsh(after)
    np.testing.assert_allclose(scaling.top(after), values[:, -1], rtol=1e-6)
    tops = np.stack([scaling.top(before[:, b, b]) for b in scaling.blocks(nets())])
    least = scaling.bound(tops, alpha)
    assert (least <= values[:, -1]).all() and (least > values[:, -1] / 2).all()
    for block, values in zip(scaling.blocks(nets()), tops, strict=True):
        np.testing.assert_allclose(values, np.linalg.eigvalsh(before[:, block, block])[:, -1], rtol=1e-6)


def test_the_flattest_alpha_has_the_least_trace() -> None:
    traces = np.array([[8.0, 1.0], [2.0, 5.0], [0.3, 0.1]])
    alphas = np.linspace(0.2, 3, 100_001)
    for net in range(2):
        swept = scaling.predicted(traces[:, net, np.newaxis], alphas)
        assert scaling.flattest(traces)[net] == pytest.approx(alphas[swept.argmin()], abs=1e-4)


def test_the_same_function_and_the_law_at_every_alpha() -> None:
    _, frames = finished()
    for frame in rescale.measured(frames):
        values = frame.values
        assert values["difference"].max() < 1e-13
        np.testing.assert_allclose(values["trace"], scaling.predicted(values["traces"], values["alpha"]), rtol=1e-12)
        assert (values["top"] >= scaling.bound(values["tops"], values["alpha"]) * (1 - 1e-6)).all()
        assert np.array_equal(values["accuracy"], frames[-1].values["accuracy"])
        np.testing.assert_allclose(values["function"], frames[-1].values["function"], atol=1e-12)
    assert (frames[-1].values["trace"] > 5 * rescale.measured(frames)[0].values["trace"]).all()


def test_without_the_biases_it_is_another_function() -> None:
    params, frames = finished(scaled="weights only")
    numbers = rescale.result(params, frames)
    assert numbers["output_difference"] > 0.1 and numbers["law_deviation"] > 0.01
    text = rescale.sentence(params, frames)
    check_sentence(text)
    assert "another function, since the biases were not scaled" in text and "exact law" not in text


def test_a_rescaled_tanh_net_is_another_function() -> None:
    x, _ = examples()
    before = scaling.outputs(nets(), x, "tanh")
    assert np.abs(scaling.outputs(scaling.rescale(nets(), 5), x, "tanh") - before).max() > 1
    params, frames = finished()
    made_up = Frame(1, 1, {**frames[-1].values, "difference": np.array([0.5, 3.0])})
    text = rescale.sentence(replace(params, {"activation": "tanh"}), [*frames, made_up])
    check_sentence(text)
    assert "changed by up to 3: another function, since tanh(αz) is not α tanh z" in text


def test_the_slice_narrows_around_the_same_middle() -> None:
    _, frames = finished()
    before, after = rescale.measured(frames)[0].values["slice"], frames[-1].values["slice"]
    middle = len(before) // 2
    assert before[middle] == pytest.approx(after[middle], abs=1e-12)
    assert before[middle] == pytest.approx(frames[-1].values["loss"][0], abs=1e-12)
    assert after[0] - after[middle] > 2 * (before[0] - before[middle]) > 0


def test_a_slice_is_the_loss_of_moved_weights() -> None:
    x, y = examples()
    direction = scaling.random_direction([part.shape[1:] for part in nets()], 3)
    assert sum(np.sum(part**2) for part in direction) == pytest.approx(1)
    moved = [part + 0.7 * along for part, along in zip(nets(), direction, strict=True)]
    found = scaling.loss_along(nets(), direction, np.array([0.0, 0.7]), x, y, "tanh")
    wanted = [scaling.mean_loss(net, x, y, "tanh")[0] for net in (nets(), moved)]
    assert found.tolist() == pytest.approx(wanted, rel=1e-12)


def test_result_names_what_the_figure_draws() -> None:
    params, frames = finished()
    numbers, last = rescale.result(params, frames), frames[-1].values
    assert numbers["alpha"] == 5 and numbers["output_difference"] == last["difference"].max()
    assert numbers["trace"] == pytest.approx(np.median(last["trace"]))
    assert numbers["predicted_trace"] == pytest.approx(numbers["trace"], rel=1e-12)
    assert numbers["top_eigenvalue"] == pytest.approx(np.median(last["top"]))
    drawn = rescale.data(params, frames, False)
    row = list(zip(*(drawn["measured"][name] for name in ("alpha", "what", "times")), strict=True))
    assert (5.0, "trace", pytest.approx(numbers["trace_times"], rel=1e-2)) in row
    assert (1.0, "trace", 1.0) in row and len(row) == 3 * 4


def test_sentences_of_every_moment() -> None:
    params, frames = finished()
    for seen in range(1, len(frames) + 1):
        check_sentence(rescale.sentence(params, frames[:seen]))
    assert rescale.sentence(params, frames[:3]).startswith("After 12 steps of training the median of 2 nets")
    text = rescale.sentence(params, frames)
    assert "At α = 5 no output of any of 2 nets" in text and "the same functions as before" in text
    assert f"{rescale.result(params, frames)['trace_times']:.3g}" in text


def test_one_net_untrained_at_another_alpha() -> None:
    params, frames = finished(training=0, replicas=1, alpha=0.5)
    check_run(frames, 4 * rescale.SLOWER)
    check_figure(rescale.LAB, params, frames, MOVING)
    text = rescale.sentence(params, frames)
    check_sentence(text)
    assert "no output of the net" in text and "80 %" not in text
    assert rescale.result(params, frames)["law_deviation"] < 1e-12


def test_settings_change_the_run() -> None:
    _, frames = finished(training=0, replicas=1, alpha=0.5)
    _, others = finished(training=0, replicas=1, alpha=0.5, seed=1)
    assert not np.isclose(frames[-1].values["trace"], others[-1].values["trace"], rtol=1e-3).any()


@pytest.mark.parametrize(("times", "answer"), [(1.0, 0), (4.0, 1), (13.0, 2)])
def test_guess_is_answered_by_the_run(times: float, answer: int) -> None:
    params, frames = finished()
    before = rescale.measured(frames)[0]
    made_up = Frame(1, 1, {**frames[-1].values, "trace": times * before.values["trace"]})
    guess = rescale.LAB.guess
    assert guess is not None and guess.answer(params, [before, made_up]) == answer
    assert guess.reveal(params, [before, made_up]).startswith(f"{times:.3g} times as large")
