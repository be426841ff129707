"""The net built by hand meets its labels in float64, and the lab says where it does not."""

import base64
import zlib
from functools import cache
from typing import Any

import numpy as np
import pytest

from core.data import digits
from core.experiments.random_labels import by_hand, excerpt, theorem
from core.lab import Frame, Value, replace

from ..checks import check_figure, check_run, check_sentence

MOVING = ("curve64", "curve32", "hinges", "excerpt", "window", "rug", "line", "growth", "growth_end")


def finished(**changes: Value) -> tuple[theorem.Params, tuple[Frame, ...]]:
    params = replace(theorem.Params(samples=24, directions=4), changes)
    return params, frames_of(params)


@cache
def frames_of(params: theorem.Params) -> tuple[Frame, ...]:
    return tuple(theorem.run(params))


def net(size: int = 60, hinge: float = 0.5, dtype: Any = np.float64) -> by_hand.Net:
    _, z, labels = theorem.problem(theorem.Params(), size, 0)
    return by_hand.Net(z.astype(dtype), labels.astype(dtype), hinge)


def test_run_and_figure() -> None:
    params, frames = finished()
    sizes = {int(frame.values["size"]) for frame in frames}
    check_run(frames, sum(sizes) * params.directions)
    assert max(sizes) == params.samples and min(sizes) == 2
    check_figure(theorem.LAB, params, frames, MOVING)


def test_default_run_has_some_200_frames() -> None:
    sizes = np.unique(np.geomspace(2, theorem.Params().samples, theorem.SIZES).round())
    assert 150 <= len(sizes) * theorem.Params().directions <= 200


def test_the_same_settings_give_the_same_frames_bit_for_bit() -> None:
    params, frames = finished()
    for first, second in zip(frames, theorem.run(params), strict=True):
        assert first.step == second.step
        for name, value in first.values.items():
            assert np.array_equal(value, second.values[name], equal_nan=True), name


def test_a_direction_does_not_depend_on_how_many_there_are() -> None:
    alone, more = finished(directions=1)[1][-1].values, finished()[1][-1].values
    assert alone["residual"][0] == more["residual"][0] and alone["condition"][0] == more["condition"][0]


@pytest.mark.parametrize("changes", [{"seed": 1}, {"samples": 25}, {"labels": "true"}, {"hinge": 0.3}])
def test_settings_change_the_run(changes: dict[str, Value]) -> None:
    _, frames = finished()
    _, others = finished(**changes)
    assert not np.allclose(frames[-1].values["weight"], others[-1].values["weight"])


def test_excerpts_are_of_different_images() -> None:
    firsts = [int(finished(excerpt=part)[1][-1].values["excerpt_first"]) for part in ("start", "middle", "end")]
    assert firsts == [0, 6, 12]


@pytest.mark.parametrize("hinge", [0.1, 0.5, 0.7])
def test_net_is_the_line_through_the_labels(hinge: float) -> None:
    """Against the recursion of the slopes, and with one hinge strictly between neighbours."""
    built = net(12, hinge)
    assert (built.b < built.z).all() and (built.b[1:] > built.z[:-1]).all()
    slope, height = 0.0, 0.0
    for j in range(12):
        start = height if j == 0 else built.y[j - 1] + slope * (built.b[j] - built.z[j - 1])
        slope = (built.y[j] - start) / (built.z[j] - built.b[j])
        assert built.at_hinges[j] == pytest.approx(start, rel=1e-6, abs=1e-6)
    assert slope == pytest.approx(built.w.sum(), rel=1e-6)
    assert built.residual < 1e-8 and built.right == 1


def test_matrix_is_lower_triangular_with_positive_diagonal() -> None:
    matrix = net().matrix
    assert (np.triu(matrix, 1) == 0).all() and (np.diag(matrix) > 0).all()


def test_all_digits_are_memorised_with_3658_weights() -> None:
    built = net(1797)
    assert built.residual < 1e-2 and built.right == 1
    assert 64 + len(built.b) + len(built.w) == 3658
    single = net(1797, dtype=np.float32)
    assert single.w.dtype == np.float32 and single.residual > 100 and single.right < 0.5


@pytest.mark.parametrize("size", [10, 32, 33, 150])
def test_condition_is_that_of_the_singular_values(size: int) -> None:
    matrix = net(size).matrix
    assert by_hand.condition(matrix) == pytest.approx(np.linalg.cond(matrix), rel=1e-4)


def test_condition_of_what_no_float_holds_is_missing() -> None:
    assert np.isnan(by_hand.condition(net(400, 0.9).matrix))
    assert by_hand.condition(net(60, 0.9).matrix) > 1e40


def test_a_hinge_on_its_image_gives_no_net() -> None:
    z = np.array([0, 1, 1, 2], np.float32)
    assert not np.isfinite(by_hand.Net(z, z.copy(), 0.5).residual)


def test_true_labels_are_those_of_the_digits() -> None:
    images, _, labels = theorem.problem(theorem.Params(labels="true"), 50, 0)
    every, truth = digits()
    rows = [int(np.flatnonzero((every == image).all(axis=1))[0]) for image in images]
    assert sorted(rows) == list(range(50)) and (truth[rows] == labels).all()


def test_result_counts_weights_and_takes_medians() -> None:
    params, frames = finished()
    numbers = theorem.result(params, frames)
    assert numbers["samples"] == 24 and numbers["parameters"] == 112
    for name, column in (("max_residual", "residual"), ("condition_number", "condition"), ("largest_output", "swing")):
        assert numbers[name] == pytest.approx(np.median(frames[-1].values[column]))
    assert numbers["max_residual"] < 1e-8 < numbers["float32_residual"]


def test_sentence_reports_the_run_at_every_frame() -> None:
    params, frames = finished()
    for count in range(1, len(frames) + 1):
        check_sentence(theorem.sentence(params, frames[:count]))
    assert theorem.sentence(params, frames[:1]).startswith("The first 2 of 24 images")
    text = theorem.sentence(params, frames)
    numbers = theorem.result(params, frames)
    assert text.startswith("All 24 images with random labels") and "112 weights" in text
    assert f"{numbers['max_residual']:.2g}" in text and "4 random directions" in text


def test_sentence_says_when_float64_fails() -> None:
    broken = finished(hinge=0.9)
    text = theorem.sentence(*broken)
    check_sentence(text)
    assert "does not survive rounding" in text
    lost = finished(hinge=0.95, samples=400, directions=1)
    text = theorem.sentence(*lost)
    check_sentence(text)
    assert "outgrow float64" in text and "no net comes out at all" in text
    check_figure(theorem.LAB, *lost, MOVING)


def test_sentence_of_one_direction_has_no_spread() -> None:
    text = theorem.sentence(*finished(directions=1, labels="true"))
    check_sentence(text)
    assert "80 %" not in text and "one direction" in text and "true labels" in text


def test_excerpt_is_cut_at_the_edges_of_its_room() -> None:
    values = {**finished()[1][-1].values}
    values["excerpt_curve64"] = np.tile([0.0, 100.0], excerpt.SHOWN)
    drawn = excerpt.data(values, 0.5)["curve64"]
    heights = [y for y in drawn["output"] if y is not None]
    assert max(heights) == excerpt.HIGHEST and min(heights) == 0 and None in drawn["output"]
    at = drawn["output"].index(excerpt.HIGHEST)
    assert drawn["place"][at] == pytest.approx(0 + 0.5 * 0.35, abs=0.01)


def test_picture_holds_the_pixels() -> None:
    pixels = np.arange(64) % 17
    png = base64.b64decode(excerpt.picture(pixels.astype(np.uint8)).partition(",")[2])
    start = png.index(b"IDAT") + 4
    rows = np.frombuffer(zlib.decompress(png[start:]), np.uint8).reshape(8, 17)
    assert (rows[:, 2::2].ravel() == pixels * 255 // 16).all()


def test_guess_is_answered_by_the_run() -> None:
    guess = theorem.LAB.guess
    assert guess is not None
    params, frames = finished()
    assert guess.answer(params, frames) == 1  # 112 weights of 24 images
    params, frames = finished(samples=100, directions=1)
    assert guess.answer(params, frames) == 0
    assert "264" in guess.reveal(params, frames)
