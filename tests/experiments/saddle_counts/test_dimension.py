"""Minima by dimension: sampled beside exact."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest

from core.experiments.saddle_counts import dimension as lab
from core.lab import Frame

from ..checks import check_figure, check_run, check_sentence

MOVING = ("sampled", "by_index")


@cache
def finished(**settings: Any) -> tuple[lab.Params, tuple[Frame, ...]]:
    params = lab.Params(**{"dimension": 4, "samples": 1000} | settings)
    return params, tuple(lab.run(params))


def altered(frames: Sequence[Frame], **values: Any) -> list[Frame]:
    return [Frame(frames[-1].step, frames[-1].total, {**frames[-1].values, **values})]


@pytest.mark.parametrize("dimension", [1, 4, 10])
def test_run_and_figure(dimension: int) -> None:
    params, frames = finished(dimension=dimension)
    check_run(frames, 1000)
    check_figure(lab.LAB, params, frames, MOVING)
    for end in (1, 7, len(frames)):
        check_sentence(lab.sentence(params, frames[:end]))


def test_runs_last_fifty_frames_or_more() -> None:
    for samples, frames in ((1000, 50), (100_000, 50), (400_000, 200)):
        chunk = min(samples // lab.FRAMES, lab.MOST_A_FRAME)
        assert samples % chunk == 0 and samples // chunk == frames


def test_the_same_settings_give_the_same_frames_bit_for_bit() -> None:
    params, frames = finished()
    for first, second in zip(frames, lab.run(params), strict=True):
        for name, value in first.values.items():
            assert np.array_equal(value, second.values[name], equal_nan=True), name


def test_settings_change_the_run_and_dimensions_do_not_disturb_each_other() -> None:
    (_, four), (_, other), (_, three) = finished(), finished(seed=1), finished(dimension=3)
    assert not np.allclose(four[-1].values["minima"][2:4], other[-1].values["minima"][2:4], atol=1e-6)
    assert np.array_equal(four[-1].values["fractions"][:3], three[-1].values["fractions"][:3], equal_nan=True)
    assert np.isnan(three[-1].values["fractions"][3:]).all()


def test_errors_shrink_as_samples_come_in() -> None:
    _, frames = finished()
    errors = [frame.values["minima_error"][3] for frame in (frames[4], frames[-1])]
    assert errors[1] == pytest.approx(errors[0] / np.sqrt(10), rel=0.4)


def test_result_has_the_names_and_the_exact_numbers() -> None:
    params, frames = finished()
    numbers = lab.result(params, frames)
    assert len(numbers["fraction_by_index"]) == 5 and sum(numbers["fraction_by_index"]) == pytest.approx(1)
    assert numbers["fraction_of_minima"] == numbers["fraction_by_index"][0] == numbers["minima_by_dimension"][-1]
    assert numbers["standard_error"] == numbers["standard_error_by_index"][0] > 0
    assert abs(numbers["fraction_of_minima"] - numbers["exact_fraction_of_minima"]) < 4 * numbers["standard_error"]
    assert numbers["coin_flip"] == 1 / 16
    assert numbers["goe_positive_probability"] == pytest.approx(0.00245671, abs=1e-8)
    assert numbers["goe_positive_asymptote"] == pytest.approx(3.0**-4)


def test_every_dimension_agrees_with_its_exact_shares() -> None:
    _, frames = finished(dimension=10, samples=10_000)
    values = frames[-1].values
    off = np.abs(values["fractions"] - values["exact"])[np.isfinite(values["exact"])]
    assert (off <= 4.5 * values["errors"][np.isfinite(values["exact"])] + 1e-9).all()


def test_figure_draws_dimensions_up_to_the_chosen_one() -> None:
    params, frames = finished()
    drawn = lab.data(params, frames, False)
    assert drawn["sampled"]["dimension"] == [1, 2, 3, 4] and drawn["exact"]["dimension"] == list(range(1, 11))
    assert drawn["by_index"]["kind"].count("coin flips") == 5
    assert drawn["by_index"]["share"][-5:] == [0.0625, 0.25, 0.375, 0.25, 0.0625]


def test_sentence_gives_run_error_and_reference() -> None:
    params, frames = finished()
    numbers, text = lab.result(params, frames), lab.sentence(params, frames)
    assert text.startswith("In 4 dimensions") and f"{numbers['fraction_of_minima']:.3g} of the critical" in text
    assert "exact: 0.05989" in text and "1,000 random matrices" in text and "0.0625" in text
    assert "a different question" in text and "misses" not in text


def test_sentence_of_one_dimension() -> None:
    params, frames = finished(dimension=1)
    text = lab.sentence(params, frames)
    assert text.startswith("In 1 dimension,") and "the same, in one dimension only" in text


def test_sentence_tells_of_a_miss() -> None:
    params, frames = finished()
    fractions = frames[-1].values["fractions"].copy()
    fractions[3, :2] += [0.02, -0.02]
    text = lab.sentence(params, altered(frames, fractions=fractions))
    check_sentence(text)
    assert "misses an exact share by" in text


def test_a_drawn_guess_is_compared_by_factors() -> None:
    params, frames = finished(dimension=10)
    sketch = lab.LAB.sketch
    assert sketch is not None
    text = sketch.verdict([0.5**n for n in sketch.at], params, frames)
    assert "too high at N\u00a0=\u00a010" in text and "you drew 0.00098, the run gave" in text
    assert "a factor of 1." in text
