"""A drawn guess is compared with its run in words and numbers that fit both."""

import math
from collections.abc import Sequence
from typing import Any

import pytest

from core import book, stored
from core.lab import replace
from core.sketch import Sketch

SKETCHED = [name for name in book.lab_names() if book.lab(name).sketch]


def asked(run: Sequence[float], **changes: Any) -> Sketch:
    given: dict[str, Any] = {"start": 0.0, "near": 0.1, "place": "{:g}", **changes}
    at = tuple(float(i) for i in range(len(run)))
    return Sketch(question="Where?", settings={}, at=at, curve=lambda params, frames: run, **given)


def test_says_how_far_off_where_and_on_which_side() -> None:
    text = asked([1.0, 1.0, 1.0, 1.0]).verdict([2.0, 1.05, 0.5, 0.75], None, [])
    assert text == (
        "On average your curve is 0.45 away from the run’s: too high at 0; too low from 2 to 3. It is farthest at 0: "
        "you drew 2, the run gave 1."
    )


def test_compares_by_factors_on_powers() -> None:
    text = asked([1.0, 0.01], log=True, near=2.0).verdict([0.25, 0.01], None, [])
    assert text.startswith("On average your curve is a factor of 2 away from the run’s: too low at 0. It is farthest")


def test_what_is_near_is_met() -> None:
    text = asked([1.0, -1.0]).verdict([1.05, -0.95], None, [])
    assert text == "That is what the run gave: nowhere more than 0.1 apart."


def test_places_without_an_answer_do_not_count() -> None:
    assert asked([math.nan, 1.0]).verdict([5.0, 1.0], None, []).startswith("That is what the run gave")
    assert asked([math.nan]).verdict([5.0], None, []) == "The run gave no curve to compare yours with."


@pytest.mark.parametrize(
    "raw", [None, "1, 2", [1.0], [1.0, 2.0, 3.0], [1.0, None], [True, 1.0], [1.0, math.nan], [1.0, math.inf], [1, "2"]]
)
def test_what_is_no_curve_is_not_read(raw: object) -> None:
    assert asked([0.0, 0.0]).read(raw) is None


def test_a_curve_is_read() -> None:
    assert asked([0.0, 0.0]).read([1, -2.5]) == (1.0, -2.5)
    assert asked([1.0, 1.0], log=True).read([1, 0]) is None


@pytest.mark.parametrize("name", SKETCHED)
def test_every_sketch_can_be_answered_by_its_lab(name: str) -> None:
    lab, frames = book.lab(name), stored.load(name)
    assert lab.sketch is not None and frames is not None and lab.guess is None
    params = lab.Params()
    assert replace(params, lab.sketch.settings) == params, "the finished run in sight must be the one that answers"
    run = lab.sketch.curve(params, frames)
    assert len(run) == len(lab.sketch.at) == len(lab.sketch.places) and all(map(math.isfinite, run))
    assert lab.sketch.verdict(run, params, frames).startswith("That is what the run gave")
    assert not lab.sketch.verdict([lab.sketch.start] * len(run), params, frames).startswith("That is")
    data = lab.data(params, frames, False)
    assert set(lab.sketch.keep) < set(data) and not {"sketch", "spec"} & set(data)


def test_three_chapters_at_least_have_their_reader_draw() -> None:
    assert len({name.partition(".")[0] for name in SKETCHED}) >= 3
