"""Descents end where their starts lie, and the counts agree with the exact curves."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest

from core.experiments.saddle_counts import planes, trapping
from core.experiments.saddle_counts import traps as lab
from core.lab import Frame

from ..checks import check_figure, check_run, check_sentence

MOVING = ("fractions", "dip_paths", "dip_ends", "wells_paths", "wells_ends")


@cache
def finished(**settings: Any) -> tuple[lab.Params, tuple[Frame, ...]]:
    params = lab.Params(**{"dimension": 5, "starts": 1000} | settings)
    return params, tuple(lab.run(params))


def altered(frames: Sequence[Frame], **values: Any) -> list[Frame]:
    return [*frames[:-1], Frame(frames[-1].step, frames[-1].total, {**frames[-1].values, **values})]


@pytest.mark.parametrize(
    "settings", [{}, {"dimension": 30, "starts": 100}, {"dimension": 3, "starts": 100, "radius": 4.0, "tilt": 1.0}]
)
def test_run_and_figure(settings: dict[str, Any]) -> None:
    params, frames = finished(**settings)
    check_run(frames, lab.STEPS)
    check_figure(lab.LAB, params, frames, MOVING)
    for end in (1, 9, len(frames)):
        check_sentence(lab.sentence(params, frames[:end]))


def test_the_same_settings_give_the_same_frames_bit_for_bit() -> None:
    params, frames = finished()
    for first, second in zip(frames, lab.run(params), strict=True):
        for name, value in first.values.items():
            assert np.array_equal(value, second.values[name]), name


def test_frames_are_not_changed_by_the_steps_that_follow() -> None:
    params, frames = finished()
    starts = np.random.default_rng([params.seed, 2]).normal(size=(params.starts, 2))[: lab.PATHS]
    assert np.array_equal(frames[0].values["dip_paths"], starts)
    assert np.array_equal(frames[0].values["wells_paths"], starts)


@pytest.mark.parametrize("changes", [{"seed": 1}, {"radius": 1.0}, {"tilt": 0.9}, {"starts": 100}, {"dimension": 4}])
def test_settings_change_the_run(changes: dict[str, object]) -> None:
    counts = [
        [frames[-1].values[name].tolist() for name in ("dip_trapped", "wells_trapped")]
        for _, frames in (finished(), finished(**changes))
    ]
    assert counts[0] != counts[1]


@pytest.mark.parametrize("settings", [{}, {"radius": 1.7, "tilt": 0.6}])
def test_descents_end_on_the_side_they_start_from(settings: dict[str, Any]) -> None:
    params, frames = finished(**settings)
    ridge = trapping.wells(params.tilt)[1]
    for k, d in enumerate(lab.dimensions(params)):
        starts = np.random.default_rng([params.seed, d]).normal(size=(params.starts, d))
        inside = (np.linalg.norm(starts, axis=1) < params.radius).sum()
        good = (starts < ridge).all(axis=1).sum()
        assert frames[-1].values["dip_trapped"][k] == inside
        assert frames[-1].values["dip_free"][k] == params.starts - inside
        assert frames[-1].values["wells_free"][k] == good
        assert frames[-1].values["wells_trapped"][k] == params.starts - good


def test_counts_agree_with_the_exact_fractions() -> None:
    params, frames = finished(starts=10_000)
    numbers = lab.result(params, frames)
    assert lab._misses(params, frames) < 4
    for name in ("trapped_in_dip", "trapped_in_wells", "free_of_wells"):
        run, exact, interval = (np.array(numbers[k]) for k in (name, f"exact_{name}", f"{name}_interval"))
        assert ((interval[:, 0] <= run) & (run <= interval[:, 1])).all()
        assert ((interval[:, 0] <= exact) & (exact <= interval[:, 1])).mean() >= 0.6
    assert numbers["under_way"] == 0


def test_more_dimensions_empty_the_dip_and_fill_the_wells() -> None:
    params, frames = finished()
    numbers = lab.result(params, frames)
    assert numbers["dimensions"] == [1, 2, 3, 4, 5] and numbers["coin_flip"][-1] == 1 / 32
    assert numbers["trapped_in_dip"] == sorted(numbers["trapped_in_dip"], reverse=True)
    assert numbers["trapped_in_wells"] == sorted(numbers["trapped_in_wells"])


@pytest.mark.parametrize("dimension", [3, 12, 13, 100])
def test_dimensions_start_with_one_two_three_and_end_with_the_largest(dimension: int) -> None:
    tried = lab.dimensions(lab.Params(dimension=dimension))
    assert tried[:3] == [1, 2, 3] and tried[-1] == dimension and len(tried) <= 13 and tried == sorted(set(tried))


def test_descents_go_down() -> None:
    params, frames = finished()
    for name, height, setting in (
        ("dip_paths", trapping.dip_height, params.radius),
        ("wells_paths", trapping.wells_height, params.tilt),
    ):
        heights = np.array([height(frame.values[name], setting) for frame in frames])
        assert (np.diff(heights, axis=0) <= 1e-12).all()


def test_paths_begin_at_the_starts_and_stay_in_the_picture() -> None:
    params, frames = finished()
    drawn = lab.data(params, frames, False)
    for name in ("dip", "wells"):
        path, ends = drawn[f"{name}_paths"], drawn[f"{name}_ends"]
        assert max(map(abs, path["x"] + path["y"])) <= planes.EDGE
        assert len(ends["fate"]) == lab.PATHS and {"trapped", "free"} == set(ends["fate"])
    first = frames[0].values["wells_paths"][0]
    assert (drawn["wells_paths"]["x"][0], drawn["wells_paths"]["y"][0]) == pytest.approx(first, abs=0.005)


def test_sentence_names_both_landscapes() -> None:
    params, frames = finished()
    text = lab.sentence(params, frames)
    assert "From 1,000 starts" in text and "dip of radius 0.6745" in text and "50.0 %, 20.3 %" in text
    assert "Trapped in a bad well" in text and "95 % interval" in text
    assert "under way" not in text and "misses" not in text


def test_sentence_tells_who_is_under_way_and_what_is_missed() -> None:
    params, frames = finished()
    assert "Still under way" in lab.sentence(params, frames[:2])
    values = frames[-1].values
    wrong = altered(frames, dip_trapped=values["dip_trapped"] + 100, dip_free=values["dip_free"] - 100)
    assert "misses an exact fraction" in lab.sentence(params, wrong)


@pytest.mark.parametrize(("dip", "wells", "answer"), [((9, 1), (9, 1), 0), ((1, 9), (1, 9), 1), ((9, 1), (1, 9), 2)])
def test_guess_is_answered_by_the_run(dip: tuple[int, int], wells: tuple[int, int], answer: int) -> None:
    params, frames = finished()
    made_up = altered(
        frames,
        dip_trapped=np.linspace(*dip, 5) * 100,
        wells_trapped=np.linspace(*wells, 5) * 100,
    )
    guess = lab.LAB.guess
    assert guess is not None and guess.answer(params, made_up) == answer
    assert f"{dip[0] * 10:.1f} % of 1,000" in guess.reveal(params, made_up)
