"""Points from a reader are read, or refused in one sentence; nets do what they can with them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.experiments.sine_fits import own
from core.experiments.sine_fits.own import FEWEST, HIGHEST, LONGEST, MOST, format_points, parse_points
from core.lab import Unfit, knobs

from ..checks import check_figure, check_run, check_sentence
from .conftest import STEPS, diverged, finished

MOVING = ("fit", "train_error", "bends", "every")
POINT = st.tuples(st.floats(-1, 1), st.floats(-1.5, 1.5))
POINTS = st.lists(POINT, min_size=FEWEST, max_size=MOST)


@given(POINTS)
def test_points_are_read_as_written(points: list[tuple[float, float]]) -> None:
    for separator in ("\n", ";", " ;\r\n\n"):
        text = separator.join(f"{x!r} , {y!r}" for x, y in points)
        if len(text) <= LONGEST:
            assert parse_points(text) == tuple(points)


@given(POINTS)
def test_short_form_is_short_and_close(points: list[tuple[float, float]]) -> None:
    text = format_points(points)
    assert len(text) <= 16 * len(points) and "-0," not in text and "\n" not in text
    np.testing.assert_allclose(parse_points(text), points, atol=5.1e-4)
    assert format_points(parse_points(text)) == text


@settings(max_examples=300, deadline=None)
@given(
    st.text(max_size=200)
    | st.text(alphabet="0123456789.,;-+e_ \n", max_size=200)
    | st.lists(st.tuples(st.floats(), st.floats()), max_size=5).map(lambda p: "; ".join(f"{x}, {y}" for x, y in p))
    | st.text(alphabet="01.,;- ", min_size=2000, max_size=6000).map(lambda text: text * 2)
)
def test_any_text_is_points_in_range_or_one_sentence(text: str) -> None:
    try:
        points = parse_points(text)
    except Unfit as miss:
        assert str(miss).endswith(".") and "\n" not in str(miss) and len(str(miss)) < 200
    else:
        assert FEWEST <= len(points) <= MOST
        assert all(abs(x) <= 1 and abs(y) <= HIGHEST for x, y in points)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("0, 1; a, 1", "Point 2 must be two numbers"),
        ("0, 1; 0.5", "Point 2 must be two numbers"),
        ("0, 1; 0, 1, 2", "Point 2 must be two numbers"),
        ("0, 1; 0 1", "Point 2 must be two numbers"),
        ("0, 1; 0.1_0, 1", "Point 2 must be two numbers"),
        ("0, 1; \u0660, 1", "Point 2 must be two numbers"),
        ("0, 1; \uff10, 1", "Point 2 must be two numbers"),
        ("0, 1; __import__('os'), 1", "Point 2 must be two numbers"),
        ("nan, 1; 0, 1", "Point 1 must be finite"),
        ("0, 1; 0, -inf", "Point 2 must be finite"),
        ("0, 1; 1e400, 0", "Point 2 must be finite"),
        ("0, 1; 1.01, 0", "x from -1 to 1"),
        ("0, 1; 0, -1.6", "y from -1.5 to 1.5"),
        ("0, 1", "2 to 200 points, not 1"),
        ("", "2 to 200 points, not 0"),
        (" ; ;\n", "2 to 200 points, not 0"),
        ("0, 0;" * 201, "2 to 200 points, not 201"),
        ("0, 0; 1, 1" + " " * LONGEST, "at most 10,000 characters"),
    ],
)
def test_refusals_say_why(text: str, word: str) -> None:
    with pytest.raises(Unfit, match=word) as miss:
        parse_points(text)
    assert str(miss.value).count(". ") == 0 and str(miss.value).endswith(".")


def test_setting_is_checked_by_the_parser() -> None:
    setting = knobs(own.Params)["points"]
    assert setting.read(own.TWO_HEIGHTS) == own.TWO_HEIGHTS
    with pytest.raises(Unfit):
        setting.read("0, 2; 0, 1")
    assert own.LAB.drawn == "points"


def test_examples_are_in_short_form() -> None:
    for text in (own.DEFAULT, own.TWO_HEIGHTS):
        assert format_points(parse_points(text)) == text
    assert len(parse_points(own.DEFAULT)) == 8


def test_run_and_figure() -> None:
    params, frames = finished(own)
    check_run(frames, STEPS)
    check_figure(own.LAB, params, frames, MOVING)
    check_sentence(own.sentence(params, frames))
    assert set(own.result(params, frames)) == {
        "train_rmse",
        "least_rmse",
        "pieces",
        "inside",
        "last_hinge",
        "spread",
    }


def test_most_points_and_fewest_run() -> None:
    many = "; ".join(f"{x:.3f}, 0.1" for x in np.linspace(-1, 1, MOST))
    for text in (many, "0, 1; 0, 1"):
        params, frames = finished(own, points=text)
        assert np.isfinite(frames[-1].values["train_rmse"]).all()
        check_sentence(own.sentence(params, frames))


def test_least_error_is_that_of_the_mean_heights() -> None:
    assert own.least_rmse(((0.0, 1.0), (0.5, -1.0))) == 0
    assert own.least_rmse(((0.0, 1.0), (0.0, 0.0), (0.5, 1.0), (0.6, 1.0))) == pytest.approx(np.sqrt(0.5 / 4))
    assert own.least_rmse(((-0.0, 1.0), (0.0, 0.0))) == pytest.approx(0.5)


@given(POINTS, st.floats(-1, 1), st.floats(-1.5, 1.5), st.floats(-1.5, 1.5))
def test_no_curve_beats_the_least_error(points: list[tuple[float, float]], x: float, low: float, high: float) -> None:
    points = [*points, (x, low), (x, high)]
    heights = {place: height for place, height in points}
    error = np.sqrt(np.mean([(y - heights[place]) ** 2 for place, y in points]))
    assert own.least_rmse(tuple(points)) <= error + 1e-12


def test_nets_cannot_meet_two_heights_and_the_sentence_says_so() -> None:
    params, frames = finished(own, points=own.TWO_HEIGHTS, steps=1000)
    least = own.result(params, frames)["least_rmse"]
    assert (frames[-1].values["train_rmse"] >= least - 1e-6).all()
    assert frames[-1].values["train_rmse"].min() == pytest.approx(least, rel=0.02)
    text = own.sentence(params, frames)
    check_sentence(text)
    assert "Points at x = 0 differ in height" in text and f"less than {least:.2g}" in text
    assert "differ in height" not in own.sentence(*finished(own))


def test_points_written_twice_do_not_differ() -> None:
    assert own.shared(((0.0, 1.0), (0.0, 1.0), (0.5, 0.0))) == {}
    assert own.shared(((0.5, 1.0), (0.0, 1.0), (0.5, 0.0))) == {0.5: (0.0, 1.0)}


def test_sentence_tells_of_nets_that_diverged() -> None:
    params, frames = finished(own)
    some = own.sentence(params, diverged(frames, (0, 1, 2)))
    check_sentence(some)
    assert "one net misses" in some and "80 %" not in some and "3 of 4 nets diverged" in some
    assert own.sentence(params, diverged(frames, range(4))).startswith("Every net diverged")


@pytest.mark.parametrize(("height", "answer"), [(0.9, 0), (0.3, 1), (-0.3, 2)])
def test_guess_is_answered_by_the_run(height: float, answer: int) -> None:
    params, frames = finished(own, points=own.TWO_HEIGHTS, steps=1000)
    values = {**frames[-1].values, "prediction": np.full((4, 161), height)}
    made_up = [type(frames[-1])(STEPS, STEPS, values)]
    guess = own.LAB.guess
    assert guess is not None and guess.answer(params, made_up) == answer
    assert f"y = {height:g}" in guess.reveal(params, made_up)
