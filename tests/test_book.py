"""The book is closed: every essay, lab, claim and reference has its counterpart."""

import ast
import re
from urllib.parse import parse_qsl

import pytest

from core import bibliography, book, charts, essay, glossary, lessons, stored
from core.book import Chapter
from core.lab import knobs, read_settings, replace

CHAPTERS = book.chapters()
LABS = [(chapter, name) for chapter in CHAPTERS for name in book.labs(chapter.slug)]
TESTS = book.PAGES.parent / "tests" / "experiments"


def ids(case: object) -> str:
    return case.slug if isinstance(case, Chapter) else str(case)


def test_chapters_are_numbered_and_named_once() -> None:
    assert len({chapter.number for chapter in CHAPTERS}) == len({chapter.slug for chapter in CHAPTERS}) == len(CHAPTERS)
    pages = {path.stem for path in book.PAGES.glob("*.py")}
    assert pages == {chapter.page.stem for chapter in CHAPTERS}


@pytest.mark.parametrize("chapter", CHAPTERS, ids=ids)
def test_page_is_some_ten_lines(chapter: Chapter) -> None:
    source = chapter.page.read_text("utf-8")
    assert len(source.splitlines()) <= 12
    assert ast.get_docstring(ast.parse(source))


@pytest.mark.parametrize("chapter", CHAPTERS, ids=ids)
def test_essay_shows_every_lab_once_and_asks_its_guess_before_it(chapter: Chapter) -> None:
    text = essay.read(chapter)
    assert sorted(text.labs) == sorted(book.labs(chapter.slug))
    order = [(block.kind, block.argument) for block in text.blocks if block.kind in ("lab", "guess")]
    for name, lab in book.labs(chapter.slug).items():
        assert (("guess", name) in order) == (lab.guess is not None)
        if lab.guess is not None:
            assert order.index(("guess", name)) < order.index(("lab", name))


@pytest.mark.parametrize("chapter", CHAPTERS, ids=ids)
def test_every_figure_has_a_caption(chapter: Chapter) -> None:
    captions = [block.text for block in essay.read(chapter).blocks if block.kind == "lab"]
    assert all(len(caption.split()) > 8 and caption.endswith(".") for caption in captions)


@pytest.mark.parametrize("chapter", CHAPTERS, ids=ids)
def test_essay_is_of_the_asked_length(chapter: Chapter) -> None:
    assert (
        700 <= essay.read(chapter).words <= 1600
    )  # The first chapters are asked for 700 to 1,200 words, the longest for 1,600.


@pytest.mark.parametrize("chapter", CHAPTERS, ids=ids)
def test_every_claim_is_printed_and_every_printed_claim_exists(chapter: Chapter) -> None:
    claims = book.claims(chapter.slug)
    assert set(essay.read(chapter).claims) == set(claims)
    assert {key for key, claim in claims.items() if claim.id != key} == set()
    assert all(claim.sentence.endswith(".") for claim in claims.values())


@pytest.mark.parametrize("chapter", CHAPTERS, ids=ids)
def test_every_chapter_has_a_lesson(chapter: Chapter) -> None:
    lesson = lessons.read(chapter)
    assert len(lesson.questions) >= 3
    for heading in ("Before", "Questions", "Tasks", "What to expect"):
        assert f"#### {heading}\n" in lesson.text
    assert all(question in lessons.sheet(chapter, [""] * len(lesson.questions)) for question in lesson.questions)


@pytest.mark.parametrize("chapter", CHAPTERS, ids=ids)
def test_every_citation_has_a_reference(chapter: Chapter) -> None:
    known = set(bibliography.references())
    assert set(essay.read(chapter).citations) <= known
    assert {claim.source for claim in book.claims(chapter.slug).values() if claim.source} <= known


def test_every_reference_is_cited() -> None:
    cited = {key for chapter in CHAPTERS for key in essay.read(chapter).citations}
    cited |= {claim.source for chapter in CHAPTERS for claim in book.claims(chapter.slug).values()}
    assert set(bibliography.references()) <= cited


def test_terms_and_glossary_are_closed() -> None:
    used = {key for chapter in CHAPTERS for key in essay.read(chapter).terms}
    assert used == set(glossary.terms())
    assert all(term.means.endswith(".") for term in glossary.terms().values())


@pytest.mark.parametrize("chapter", CHAPTERS, ids=ids)
def test_no_measured_number_is_typed_into_an_essay(chapter: Chapter) -> None:
    text = essay.read(chapter).text
    for mark in (essay.CLAIM, essay.RUN, essay.TRY, essay.CITATION):
        text = mark.sub(" ", text)
    text = essay.FORMULA.sub(" ", text)
    assert not re.findall(r"\d+\.\d+ ?%|\d+ ?%(?<!80 %)", text)
    decimals = re.findall(r"(?<![\w.])\d+\.\d+(?!\w)", text)
    assert decimals == ["0.05"] * len(decimals), "a decimal in prose that no claim measures"


@pytest.mark.parametrize("chapter", CHAPTERS, ids=ids)
def test_phrases_set_labs_to_settings_that_exist(chapter: Chapter) -> None:
    per_lab: dict[str, int] = {}
    for _, name, query in essay.TRY.findall(essay.read(chapter).text):
        lab = book.labs(chapter.slug)[name]
        params, misses = read_settings(lab.Params, dict(parse_qsl(query)))
        assert not misses
        assert params != lab.Params()
        per_lab[name] = per_lab.get(name, 0) + 1
    assert set(per_lab) == set(book.labs(chapter.slug))
    assert all(count >= 2 for count in per_lab.values())


@pytest.mark.parametrize(("chapter", "name"), LABS, ids=ids)
def test_figure_is_valid_vega_lite(chapter: Chapter, name: str) -> None:
    lab = book.labs(chapter.slug)[name]
    params = lab.Params()
    assert [panel.to_dict(validate=True) for panel in lab.charts(params)] == charts.specs(lab, params)


@pytest.mark.parametrize(("chapter", "name"), LABS, ids=ids)
def test_lab_is_complete(chapter: Chapter, name: str) -> None:
    lab = book.labs(chapter.slug)[name]
    settings = knobs(lab.Params)
    assert "seed" in settings
    assert all(knob.label and knob.label[0].isupper() for knob in settings.values())
    for knob in settings.values():
        assert knob.read(knob.default) == knob.default
        assert knob.read(str(knob.default)) == knob.default
    assert not lab.drawn or settings[lab.drawn].parse is not None
    assert (lab.guess is None) != (lab.sketch is None), "a lab asks one question before it runs"
    if lab.guess is not None:
        replace(lab.Params(), lab.guess.settings)
        assert len(lab.guess.options) >= 2
    assert (TESTS / chapter.slug / f"test_{name}.py").exists()


@pytest.mark.parametrize(("chapter", "name"), LABS, ids=ids)
def test_lab_opens_on_a_finished_run_with_a_figure_and_a_sentence(chapter: Chapter, name: str) -> None:
    lab = book.labs(chapter.slug)[name]
    frames = stored.load(f"{chapter.slug}.{name}")
    assert frames is not None and frames[-1].step == frames[-1].total
    data = lab.data(lab.Params(), frames, True)
    named = set()
    for chart in lab.charts(lab.Params()):
        spec = charts.fill(chart, {name: columns for name, columns in data.items()})
        named |= set(re.findall(r"'data': \{'name': '(\w+)'\}", str(spec)))
        assert spec["width"] == "container" and spec["height"] > 100
        assert spec["title"]["text"], "the picture would have no name for who cannot see it"
        assert "role:" not in str(spec)
    assert {name for name in named if not name.startswith("pinned_")} == set(data)
    for columns in data.values():
        assert len({len(column) for column in columns.values()}) == 1
    assert lab.sentence(lab.Params(), frames).endswith(".")
    assert lab.result(lab.Params(), frames)
