"""Numbers of a run in the text are those of the run."""

import json
import re

import pytest

from core import book, essay, readings, stored
from core.book import Chapter
from core.lab import printed, replace, settings
from core.ui import prose

CHAPTERS = book.chapters()
MARKED = [(f"{chapter.slug}.{lab}") for chapter in CHAPTERS for lab in essay.read(chapter).readings]


def ids(case: object) -> str:
    return case.slug if isinstance(case, Chapter) else str(case)


@pytest.mark.parametrize("chapter", CHAPTERS, ids=ids)
def test_every_chapter_reads_several_runs(chapter: Chapter) -> None:
    marks = essay.read(chapter).readings
    assert len(marks) >= 2 and set(marks) <= set(book.labs(chapter.slug))


@pytest.mark.parametrize("name", MARKED)
def test_every_reading_is_a_number_of_the_stored_run(name: str) -> None:
    shown = readings.stored_readings(name)
    about = shown[readings.ABOUT]
    assert about.endswith("the default settings.") and book.lab(name).title in about
    for mark, text in shown.items():
        assert text != readings.MISSING, f"{name} has no {mark}"
        assert mark == readings.ABOUT or re.fullmatch(r"[−\d.,]+( × 10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+|\u202f%)?", text)


@pytest.mark.parametrize("name", MARKED)
def test_no_reading_could_mean_a_setting_and_a_result(name: str) -> None:
    lab, frames = book.lab(name), stored.load(name)
    assert frames is not None
    result, own = lab.result(lab.Params(), frames), settings(lab.Params())
    read = {mark.partition(":")[0].partition("/")[0] for mark in readings.stored_readings(name)}
    assert all(result[both] == own[both] for both in read & set(result) & set(own))


def test_a_reading_is_what_the_command_line_prints() -> None:
    name = "sharp_flat_minima.edge"
    lab, frames = book.lab(name), stored.load(name)
    assert frames is not None
    answer = json.loads(json.dumps(lab.result(lab.Params(), frames)))
    shown = readings.stored_readings(name)
    assert shown["sharpness:.3g"] == f"{answer['sharpness']:.3g}"
    assert shown["threshold:.3g"] == "6.67"


def test_before_the_first_frame_nothing_is_read_and_what_is_missing_is_a_dash() -> None:
    name = "random_labels.memorise"
    lab, frames = book.lab(name), stored.load(name)
    assert frames is not None
    assert readings.of(name, lab.Params(), []) == {}
    early = readings.of(name, lab.Params(), frames[:1])
    assert early["slowdown:.2g"] == readings.MISSING
    changed = readings.of(name, replace(lab.Params(), {"width": 128}), frames[:1])
    assert changed[readings.ABOUT].endswith("step 0 of 360, hidden units 128.")


def test_numbers_are_printed_as_a_book_prints_them() -> None:
    assert [printed(text) for text in ("-0.5", "7e-06", "-1e+10", "12.5%")] == [
        "−0.5",
        "7 × 10⁻⁶",
        "−1 × 10¹⁰",
        "12.5\u202f%",
    ]


def test_the_page_is_sent_the_stored_numbers_in_places_that_the_script_finds() -> None:
    chapter = CHAPTERS[0]
    html = prose.ready(chapter, "It is {run:fit.dense_rmse:.2g} now.")
    text = readings.stored_readings("sine_fits.fit")["dense_rmse:.2g"]
    assert f'<span class="wd-reading" data-run="fit" data-reading="dense_rmse:.2g">{text}</span>' in html
    assert 'data-run="fit" data-reading=""' in html and "aria-live" not in html
