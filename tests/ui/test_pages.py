"""Every page draws without a browser, and no page shows an error."""

from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from core import book, essay
from core.book import Chapter
from core.engine.inline import InlineEngine
from core.ui import panel, server

SITE = str(server.SITE)


@pytest.fixture(autouse=True)
def inline(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    engine = InlineEngine()
    monkeypatch.setattr(panel, "engine", lambda: engine)
    yield
    engine.stop()


def open_page(chapter: Chapter, **query: str) -> AppTest:
    app = AppTest.from_file(SITE, default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    return app.switch_page(str(chapter.page)).run()


def test_contents_page_lists_every_chapter() -> None:
    app = AppTest.from_file(SITE, default_timeout=60).run()
    assert not app.exception
    assert [title.value for title in app.title] == ["Why Deep Learning Works"]


@pytest.mark.parametrize("chapter", book.chapters(), ids=lambda chapter: chapter.slug)
def test_chapter_draws(chapter: Chapter) -> None:
    app = open_page(chapter)
    assert not app.exception
    assert [title.value for title in app.title] == [chapter.title]
    assert app.get("bidi_component")


def test_a_widget_changes_the_settings_and_the_address() -> None:
    app = open_page(book.chapters()[0])
    app.select_slider(key="fit.width.0").set_value(64).run()
    assert not app.exception
    assert app.query_params["fit.width"] in ("64", ["64"])


def test_a_guess_starts_the_run_that_answers_it() -> None:
    app = open_page(book.chapters()[0])
    app.radio(key="fit:guess").set_value(0).run()
    assert not app.exception
    assert app.select_slider(key="fit.width.1").value == 128


@pytest.mark.parametrize("title", ["Evidence", "References", "Glossary", "Teach"])
def test_pages_around_the_essay_draw(title: str) -> None:
    script = f"from core.ui import {title.lower()}; {title.lower()}.show()"
    app = AppTest.from_string(script, default_timeout=60).run()
    assert not app.exception
    assert [heading.value for heading in app.title] == [title]


def test_teachers_find_the_labs_in_the_order_of_the_figures() -> None:
    app = AppTest.from_string("from core.ui import teach; teach.show()", default_timeout=60).run()
    first = essay.read(book.chapters()[0]).labs
    titles = [label.rpartition(": ")[2] for label in app.selectbox(key="teach:lab").options]
    assert titles[: len(first)] == [book.labs(book.chapters()[0].slug)[name].title for name in first]
    assert len(titles) == len(book.lab_names())


def test_evidence_can_be_filtered() -> None:
    app = AppTest.from_string("from core.ui import evidence; evidence.show()", default_timeout=60).run()
    app.button_group(key="verdicts").set_value(["holds"]).run()
    assert not app.exception
