"""A chapter on paper, as Chromium prints it: looked at as a PDF."""

from pathlib import Path

import pypdfium2
import pytest
from playwright.sync_api import Browser, expect

from core import book, charts, essay, stored
from core.book import Chapter
from tests.browser.lab import ANY_NUMBER, LabPanel
from tests.browser.server import Server

pytestmark = pytest.mark.browser

FIRST, *REST = book.chapters()
CHAPTERS = [FIRST, *(pytest.param(chapter, marks=pytest.mark.slow) for chapter in REST)]


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.slug)
def test_a_chapter_prints_whole_and_in_light_colours(
    browser: Browser, server: Server, tmp_path: Path, chapter: Chapter
) -> None:
    context = browser.new_context(color_scheme="dark", viewport={"width": 1280, "height": 1400})
    page = context.new_page()
    page.goto(f"{server.url}/{chapter.slug}")
    labs = essay.read(chapter).labs
    for name in labs:
        expect(LabPanel(page, name).figure).to_have_attribute("data-drawn", ANY_NUMBER, timeout=90_000)
    expect(page.get_by_text("Citing, licence, errors")).to_be_attached()
    file = tmp_path / "chapter.pdf"
    page.pdf(path=file, prefer_css_page_size=True)

    drawn = {name: _panels(f"{chapter.slug}.{name}") for name in labs}
    for name, panels in drawn.items():
        # A panel that holds pictures is printed from its canvas; every other one as vectors with marks in them.
        vectors = sum(not holds_pictures for _, holds_pictures in panels)
        sheets = LabPanel(page, name).figure.locator(".wd-paper svg")
        expect(sheets).to_have_count(vectors)
        assert min(sheets.evaluate_all("all => all.map(e => e.querySelectorAll('.mark-text, path').length)")) > 3
    context.close()

    pdf = pypdfium2.PdfDocument(file)
    texts = [_squeezed(sheet.get_textpage().get_text_bounded()) for sheet in pdf]
    assert 6 <= len(pdf) <= 20
    assert all(len(text) > 20 for text in texts), "an empty sheet"
    whole = "".join(texts)
    for name, panels in drawn.items():
        lab = book.lab(f"{chapter.slug}.{name}")
        sheet = next(text for text in texts if _squeezed(f". {lab.title}") in text and "Lab" in text)
        # A figure is not cut: its title, its panels and its sentence are on one sheet.
        for title, _ in panels:
            assert _squeezed(title) in sheet, title
        frames = stored.load(f"{chapter.slug}.{name}")
        assert frames is not None
        assert _squeezed(lab.sentence(lab.Params(), frames))[:40] in sheet
    for control in ("Runitlive", "Newseed", "Moresettings", "Download", "Glossary", "Measureitagain"):
        assert control not in whole
    assert whole.rindex("References") > 0.7 * len(whole)
    for sheet in pdf:
        assert _is_paper(sheet)


def _panels(name: str) -> list[tuple[str, bool]]:
    """The title of each panel of a lab, and whether the panel holds pictures."""
    lab = book.lab(name)
    specs = [charts.fill(chart, {}) for chart in lab.charts(lab.Params())]
    return [(spec["title"]["text"], '"image"' in str(spec).replace("'", '"')) for spec in specs]


def _squeezed(text: str) -> str:
    """Without spaces and hyphens, which a PDF does not keep."""
    return "".join(character for character in text if character.isalnum() or character in ".,;:%±")


def _is_paper(sheet: pypdfium2.PdfPage) -> bool:
    """Whether a sheet is mostly light, its margins wholly so."""
    grey = sheet.render(scale=0.5, grayscale=True).to_numpy().squeeze()
    return bool(grey.mean() > 200 and grey[:20].min() > 250 and grey[:, :15].min() > 250)
