"""Every critical point is counted once, by index, with errors that fit."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest

from core.experiments.saddle_counts import critical_points as lab
from core.experiments.saddle_counts.landscape_figure import KINDS, LEVELS
from core.lab import Frame

from ..checks import check_figure, check_run, check_sentence

MOVING = ("points", "shares", "densities", "balances", "landscape")


@cache
def finished(**settings: Any) -> tuple[lab.Params, tuple[Frame, ...]]:
    params = lab.Params(**{"fields": 3, "box": 25, "features": 50} | settings)
    return params, tuple(lab.run(params))


def altered(frames: Sequence[Frame], **values: Any) -> list[Frame]:
    return [Frame(frames[-1].step, frames[-1].total, {**frames[-1].values, **values})]


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_run_and_figure(dimension: int) -> None:
    params, frames = finished(dimension=dimension)
    check_run(frames, 3 * LEVELS)
    moving = [name for name in MOVING if dimension < 3 or name != "landscape"]
    check_figure(lab.LAB, params, frames, moving)
    for end in range(1, len(frames) + 1):
        check_sentence(lab.sentence(params, frames[:end]))


def test_figure_of_the_largest_box_is_short() -> None:
    params, frames = finished(box=100, fields=1)
    check_figure(lab.LAB, params, frames, MOVING)


def test_the_same_settings_give_the_same_frames_bit_for_bit() -> None:
    params, frames = finished()
    for first, second in zip(frames, lab.run(params), strict=True):
        for name, value in first.values.items():
            assert np.array_equal(value, second.values[name], equal_nan=True), name


@pytest.mark.parametrize("changes", [{"seed": 1}, {"features": 25}, {"box": 50}, {"edges": "joined"}, {"dimension": 3}])
def test_settings_change_the_run(changes: dict[str, object]) -> None:
    counts = [frames[-1].values["found"].tolist() for _, frames in (finished(), finished(**changes))]
    assert counts[0] != counts[1]


def test_more_landscapes_leave_the_first_ones_as_they_are() -> None:
    (_, three), (_, one) = finished(), finished(fields=1)
    assert np.array_equal(three[-1].values["counts"][:1], one[-1].values["counts"])


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_result_adds_up(dimension: int) -> None:
    params, frames = finished(dimension=dimension)
    numbers = lab.result(params, frames)
    assert len(numbers["fraction_by_index"]) == dimension + 1
    assert sum(numbers["fraction_by_index"]) == pytest.approx(1)
    assert sum(numbers["count_by_index"]) == numbers["count"] == frames[-1].values["found"].sum()
    volume = 3 * lab.side_of(params) ** dimension
    assert numbers["density"] == pytest.approx(numbers["count"] / volume)
    assert numbers["density_by_grid"] == sorted(numbers["density_by_grid"])
    assert numbers["density_by_grid"][-1] == numbers["density"]
    assert numbers["unsettled"] == 0 and numbers["balance_as_demanded"] == numbers["fields"] == 3


def test_points_lie_in_the_box_with_their_index() -> None:
    params, frames = finished()
    rows = frames[-1].values["points"]
    rows = rows[np.isfinite(rows[:, 0])]
    assert ((rows[:, :2] >= 0) & (rows[:, :2] <= lab.side_of(params))).all()
    index = np.bincount(rows[:, -1].astype(int), minlength=3)
    assert np.array_equal(index, frames[-1].values["counts"][-1, -1])


@pytest.mark.parametrize(("dimension", "fields"), [(1, 24), (2, 12), (3, 3)])
def test_shares_density_and_heights_agree_with_kac_and_rice(dimension: int, fields: int) -> None:
    params, frames = finished(dimension=dimension, fields=fields)
    numbers = lab.result(params, frames)
    assert lab._misses(numbers) < 4
    heights, errors = (np.array(numbers[f"mean_height{name}_by_index"]) for name in ("", "_error"))
    assert (np.abs(heights - numbers["exact_mean_height_by_index"]) < 4.5 * errors).all()


def test_errors_come_from_the_scatter_between_landscapes() -> None:
    above, below = np.array([[2.0], [6.0], [4.0]]), np.array([[10.0], [10.0], [10.0]])
    ratio, error = lab._ratio(above, below)
    assert ratio == pytest.approx([0.4]) and error == pytest.approx([np.std([0.2, 0.6, 0.4], ddof=1) / np.sqrt(3)])
    assert np.isnan(lab._ratio(above[:1], below[:1])[1])


def test_joined_edges_balance_to_zero_in_each() -> None:
    params, frames = finished(edges="joined")
    assert frames[-1].values["balance"].tolist() == [0, 0, 0]
    assert "in each landscape it is exactly 0" in lab.sentence(params, frames)


def test_open_edges_demand_what_is_counted() -> None:
    params, frames = finished()
    assert np.array_equal(frames[-1].values["balance"] + frames[-1].values["boundary"], np.ones(3))
    assert "in each landscape it is what the edges of the box demand" in lab.sentence(params, frames)


def test_sentence_says_what_is_found_and_what_is_exact() -> None:
    params, frames = finished()
    text = lab.sentence(params, frames)
    numbers = lab.result(params, frames)
    assert f"{numbers['count']:,} critical points" in text and f"{numbers['density']:.4f}" in text
    assert "exact: 25 %" in text and "exact 0.3676" in text and "no point is missing" in text


def test_sentence_of_one_landscape_has_no_errors() -> None:
    params, frames = finished(fields=1)
    text = lab.sentence(params, frames)
    check_sentence(text)
    assert text.startswith("In 1 landscape of 2") and "±" not in text and "in 1 of 1" in text


def test_sentence_before_the_first_landscape_is_done() -> None:
    params, frames = finished()
    assert "the search goes on" in lab.sentence(params, frames[:1])


def test_sentence_tells_of_what_went_wrong() -> None:
    params, frames = finished()
    unsettled = altered(frames, unsettled=np.array([0.0, 5.0, 0.0]), balance=np.array([9.0, 0.0, 0.0]))
    text = lab.sentence(params, unsettled)
    check_sentence(text)
    assert "5 tiny cells could not be settled" in text and "no point is missing" not in text and " of 3" in text
    params, frames = finished(dimension=1, fields=24, features=100)
    doubled = lab.sentence(params, altered(frames, counts=2 * frames[-1].values["counts"]))
    assert "standard errors from its exact value" in doubled
    assert "from its exact value" not in lab.sentence(params, frames)


def test_figure_names_every_kind() -> None:
    for dimension, kinds in KINDS.items():
        params, frames = finished(dimension=dimension)
        drawn = lab.data(params, frames, False)
        assert drawn["shares"]["kind"] == list(kinds) and set(drawn["points"]["kind"]) <= set(kinds)


@pytest.mark.parametrize(
    ("counts", "answer"), [((50, 50, 0), 0), ((33, 33, 34), 1), ((25, 50, 25), 2), ((5, 90, 5), 3)]
)
def test_guess_is_answered_by_the_run(counts: tuple[int, int, int], answer: int) -> None:
    params, frames = finished()
    made_up = altered(frames, counts=np.broadcast_to(np.array(counts, float), (3, LEVELS, 3)))
    guess = lab.LAB.guess
    assert guess is not None and guess.answer(params, made_up) == answer
    assert f"{3 * counts[0]} minima" in guess.reveal(params, made_up)
