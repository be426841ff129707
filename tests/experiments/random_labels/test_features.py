"""Wide last layers reach full rank, and one weight gives any labels."""

from decimal import Decimal
from functools import cache
from itertools import product
from math import pi, sin

import numpy as np
import pytest

from core.experiments.random_labels import features, one_weight
from core.lab import Frame, Value, replace

from ..checks import check_figure, check_run, check_sentence

MOVING = ("widths",)


def finished(**changes: Value) -> tuple[features.Params, tuple[Frame, ...]]:
    params = replace(features.Params(samples=30, replicas=4, bits=5), changes)
    return params, frames_of(params)


@cache
def frames_of(params: features.Params) -> tuple[Frame, ...]:
    return tuple(features.run(params))


def test_run_and_figure() -> None:
    params, frames = finished()
    check_run(frames, sum(features.widths(params)) * params.replicas)
    check_figure(features.LAB, params, frames, MOVING)
    check_figure(features.LAB, *finished(bits=20, labels="true"), MOVING)


def test_the_same_settings_give_the_same_frames_bit_for_bit() -> None:
    params, frames = finished()
    for first, second in zip(frames, features.run(params), strict=True):
        assert first.step == second.step
        for name, value in first.values.items():
            assert np.array_equal(value, second.values[name], equal_nan=True), name


def test_a_draw_does_not_depend_on_how_many_there_are() -> None:
    alone, more = finished(replicas=1)[1][-1].values, finished()[1][-1].values
    assert (alone["test"][0] == more["test"][0]).all()


@pytest.mark.parametrize("changes", [{"seed": 1}, {"samples": 31}, {"labels": "true"}, {"kind": "ReLU"}])
def test_settings_change_the_run(changes: dict[str, Value]) -> None:
    _, frames = finished()
    _, others = finished(**changes)
    assert not np.array_equal(frames[-1].values["test"], others[-1].values["test"])


def test_cosines_reach_full_rank_at_one_feature_an_image_and_no_sooner() -> None:
    params, frames = finished()
    tried = features.widths(params)
    values = frames[-1].values
    assert (values["rank"] == np.minimum(tried, 30)).all()
    assert (values["width_to_fit"] == 30).all()
    wide = np.array(tried) >= 30
    assert (values["residual"][:, wide] < 1e-9).all() and (values["residual"][:, ~wide] > 1e-3).all()
    assert (values["train"][:, wide] == 1).all()


def test_relus_need_some_features_more() -> None:
    _, frames = finished(kind="ReLU")
    needed = frames[-1].values["width_to_fit"]
    assert (needed >= 30).all() and needed.max() > 30


def test_fit_is_that_of_numpy() -> None:
    problem = features.Problem(features.Params(samples=30), 0)
    targets = np.eye(10)[problem.labels]
    for width in (12, 60):
        layer = np.linalg.lstsq(problem.features[:30, :width], targets, rcond=None)[0]
        outputs = problem.features[:, :width] @ layer
        found = problem.fit(width)
        assert found["rank"] == np.linalg.matrix_rank(problem.features[:30, :width])
        assert found["train"] == np.mean(outputs[:30].argmax(axis=1) == problem.labels)
        assert found["test"] == np.mean(outputs[30:].argmax(axis=1) == problem.truth)
        assert found["residual"] == pytest.approx(np.sqrt(np.mean((outputs[:30] - targets) ** 2)), abs=1e-9)


def test_bisection_finds_the_first_width_of_full_rank() -> None:
    problem = features.Problem(features.Params(samples=30, kind="ReLU"), 1)
    width = problem.width_to_fit(15, 60)
    assert np.linalg.matrix_rank(problem.features[:30, :width]) == 30
    assert np.linalg.matrix_rank(problem.features[:30, : width - 1]) == 29


def test_other_images_are_named_by_chance_only_if_labels_are_random() -> None:
    for labels, low, high in (("random", 0.05, 0.17), ("true", 0.5, 0.9)):
        numbers = features.result(*finished(labels=labels))
        assert low < numbers["test_accuracy"] < high


def test_result_is_that_of_the_widest_layers() -> None:
    params, frames = finished()
    numbers = features.result(params, frames)
    assert numbers["features"] == 90 and numbers["rank"] == numbers["width_to_fit"] == 30
    assert numbers["test_accuracy"] == pytest.approx(np.median(frames[-1].values["test"][:, -1]))
    assert numbers["bits"] == 5 and numbers["digits"] <= 6 and numbers["float64_errors"] == 0
    assert (numbers["float32_bits"], numbers["float64_bits"]) == (6, 15)
    early = features.result(params, frames[:1])
    assert early["features"] == features.widths(params)[0] and np.isnan(early["width_to_fit"])


def test_sentence_reports_the_run_at_every_frame() -> None:
    params, frames = finished()
    for count in range(1, len(frames) + 1):
        check_sentence(features.sentence(params, frames[:count]))
    assert "not met exactly" in features.sentence(params, frames[:5])
    text = features.sentence(params, frames)
    assert "from 30 features on" in text and "the median of 4 draws" in text and "chance is 10 %" in text


def test_sentence_of_one_draw_true_labels_and_float64_that_errs() -> None:
    text = features.sentence(*finished(replicas=1, labels="true", bits=30, kind="ReLU"))
    check_sentence(text)
    assert "one draw" in text and "80 %" not in text and "chance" not in text
    assert "a θ in float64 gets" in text


@pytest.mark.parametrize(("width", "answer"), [(64.0, 0), (203.0, 1), (1999.0, 2), (np.nan, 2)])
def test_guess_is_answered_by_the_run(width: float, answer: int) -> None:
    params, frames = finished()
    made_up = [Frame(1, 1, {**frames[-1].values, "width_to_fit": np.full(4, width)})]
    guess = features.LAB.guess
    assert guess is not None and guess.answer(params, made_up) == answer
    assert guess.reveal(params, made_up).endswith(".")


@pytest.mark.parametrize("points", [1, 4, 9])
def test_one_weight_gives_every_labelling(points: int) -> None:
    for labels in product((1, -1), repeat=points):
        whole = one_weight.multiple(np.array(labels))
        assert len(str(whole)) == points + 1
        turns = one_weight.turns(whole, points)
        assert (np.sign(np.sin(pi * turns)) == labels).all() and np.abs(np.sin(pi * turns)).min() > 0.9
        # In floats, plainly, as long as they reach.
        assert [np.sign(sin(pi * whole * 10.0**-j)) for j in range(1, points + 1)] == list(labels)


def test_signs_in_decimals_agree_with_fractions() -> None:
    labels = one_weight.draw(60, 3)
    whole = one_weight.multiple(labels)
    assert (one_weight.signs(one_weight.kept(whole, 90), 60) == labels).all()
    assert not (one_weight.signs(one_weight.kept(whole, 30), 60) == labels).all()


def test_pi_is_pi() -> None:
    """By Machin's formula, π = 16 arctan 1/5 − 4 arctan 1/239, in whole numbers."""
    one = 10**110

    def arctan_of_inverse(x: int) -> int:
        return sum((-1) ** k * one // ((2 * k + 1) * x ** (2 * k + 1)) for k in range(160))

    machin = 16 * arctan_of_inverse(5) - 4 * arctan_of_inverse(239)
    assert abs(Decimal(machin).scaleb(-110) - one_weight.PI) < Decimal("1e-27")
    assert str(machin)[:102] == str(one_weight.PI).replace(".", "")[:102]


def test_fewer_digits_than_needed_err() -> None:
    labels = one_weight.draw(12, 0)
    needed = one_weight.digits_needed(12, 0)
    whole = one_weight.multiple(labels)
    assert (one_weight.signs(one_weight.kept(whole, needed), 12) == labels).all()
    assert not (one_weight.signs(one_weight.kept(whole, needed - 1), 12) == labels).all()
    assert needed <= 13


def test_floats_give_out_where_their_digits_end() -> None:
    shares = one_weight.survival(0)
    assert one_weight.bits_kept(shares["float64"]) == 15 and one_weight.bits_kept(shares["float32"]) == 6
    assert one_weight.bits_kept(np.ones(24)) == 24 and one_weight.bits_kept(np.zeros(24)) == 0


def test_points_are_drawn_on_the_wave() -> None:
    drawn = one_weight.wave_data(7, 1)
    labels, points = one_weight.draw(7, 1), drawn["labels"]
    assert points["x"] == [-1, -2, -3, -4, -5, -6, -7]
    assert [np.sign(y) for y in points["y"]] == labels.tolist()
    wave = drawn["wave"]
    for j, height in zip(range(1, 7), points["y"], strict=False):
        on = [y for piece, x, y in zip(*wave.values(), strict=True) if piece == str(j) and x == -j]
        assert on == [height]
